//! A native Secret, as people write it.

use std::collections::BTreeMap;

use keys::SecretBytes;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::manifest::{Entry, Kind, Node, Object, title};

/// Metadata that travels into the template of a SealedSecret: everything else is the server's, or may hold plaintext.
const KEPT_METADATA: [&str; 6] = ["name", "generateName", "namespace", "labels", "annotations", "finalizers"];

/// Annotations in which clients keep a copy of the whole object, plaintext included.
///
/// *Source*: kubectl's and kubecfg's names; sealed-secrets issue 227.
const COPIES: [&str; 2] = ["kubectl.kubernetes.io/last-applied-configuration", "kubecfg.ksonnet.io/last-applied-configuration"];

/// A Secret whose values are secrets in memory too.
#[derive(Debug)]
pub struct PlainSecret {
    /// Name; may be empty.
    pub name: String,
    /// Namespace; may be empty.
    pub namespace: String,
    /// The metadata that may be published: name, labels, annotations and the like, without copies of the object.
    pub metadata: Map<String, Value>,
    /// Type; None if none is given.
    pub type_: Option<String>,
    /// Whether the data can never change.
    pub immutable: Option<bool>,
    /// Values of data and stringData; the latter win.
    pub data: BTreeMap<String, SecretBytes>,
}

impl PlainSecret {
    /// Reads an object of kind Secret.
    ///
    /// # Errors
    /// Input: of another kind, or malformed; names line and item.
    pub fn read(object: &Object<'_>) -> Result<Self> {
        if object.is_secret() {
            return Self::read_any_kind(object);
        }
        let message = format!("read a Secret: found kind {:?} of apiVersion {:?}", object.kind, object.api_version);
        Err(Error::input(message).at_line(object.node.line).in_object(object.title()))
    }

    /// Reads an object that has the shape of a Secret, whatever its kind says.
    ///
    /// # Errors
    /// Input: malformed; names line and item.
    pub fn read_any_kind(object: &Object<'_>) -> Result<Self> {
        Self::from_object(object).map_err(|error| error.in_object(object.title()))
    }

    fn from_object(object: &Object<'_>) -> Result<Self> {
        let node = object.node;
        let mut data = BTreeMap::new();
        for entry in mapping(node, "data")?.iter().chain(mapping(node, "stringData")?) {
            entry.refuse_ambiguous()?;
        }
        for entry in mapping(node, "data")? {
            data.insert(entry.key.clone(), decoded(entry).map_err(|error| error.on_item(&entry.key).at_line(entry.line))?);
        }
        for entry in mapping(node, "stringData")? {
            data.insert(entry.key.clone(), literal(entry).map_err(|error| error.on_item(&entry.key))?);
        }
        Ok(Self {
            name: object.name.to_owned(),
            namespace: object.namespace.to_owned(),
            metadata: metadata(node)?,
            type_: optional(node, "type")?.map(|type_| type_.expect_text("type").map(str::to_owned)).transpose()?.filter(|text| !text.is_empty()),
            immutable: optional(node, "immutable")?
                .map(|node| if let Kind::Bool(value) = node.kind { Ok(value) } else { Err(node.unexpected("immutable", "a boolean")) })
                .transpose()?,
            data,
        })
    }

    /// Checks what the API server would check later: the name, and the keys of the items.
    ///
    /// # Errors
    /// Input: Kubernetes accepts no such name or key.
    pub fn check_names(&self) -> Result<()> {
        let refuse = |what: &str| Err(Error::input(format!("seal the Secret: Kubernetes accepts no such {what}")).in_object(self.title()));
        if !self.name.is_empty() && !is_object_name(&self.name) {
            return refuse("name");
        }
        match self.data.keys().find(|key| !is_item_key(key)) {
            Some(key) => refuse("key of an item").map_err(|error| error.on_item(key).advise("Use letters, digits, '-', '_' and '.'")),
            None => Ok(()),
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(&self) -> String {
        title("Secret", &self.namespace, &self.name)
    }

    /// An annotation's value.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.get("annotations")?.get(key)?.as_str()
    }
}

/// Whether clients keep a copy of the whole object in an annotation of this name.
#[must_use]
pub fn is_copy(annotation: &str) -> bool {
    COPIES.contains(&annotation)
}

/// Whether Kubernetes accepts a name of an object or namespace.
///
/// *Source*: RFC 1123 subdomains, as `k8s.io/apimachinery/pkg/util/validation` checks them.
#[must_use]
pub fn is_object_name(name: &str) -> bool {
    let allowed = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    let edges = name.bytes().next().zip(name.bytes().last());
    allowed && name.len() <= 253 && edges.is_some_and(|(first, last)| first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric())
}

/// Whether Kubernetes accepts a key of a Secret's data.
///
/// *Source*: `IsConfigMapKey` of the same package.
#[must_use]
pub fn is_item_key(key: &str) -> bool {
    let allowed = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    allowed && (1..=253).contains(&key.len()) && key != "." && !key.starts_with("..")
}

fn decoded(entry: &Entry) -> Result<SecretBytes> {
    if entry.value.is_null() {
        return Ok(SecretBytes::new(Vec::new()));
    }
    let text = entry.value.expect_text("a value of data")?;
    SecretBytes::from_base64(text).map_err(|error| Error::from(error).advise("Put text that is not base64 into stringData"))
}

fn literal(entry: &Entry) -> Result<SecretBytes> {
    if entry.value.is_null() {
        return Ok(SecretBytes::new(Vec::new()));
    }
    Ok(SecretBytes::new(entry.value.expect_text("a value of stringData")?.as_bytes().to_vec()))
}

fn optional<'a>(node: &'a Node, key: &str) -> Result<Option<&'a Node>> {
    Ok(node.get(key).filter(|value| !value.is_null()))
}

fn mapping<'a>(node: &'a Node, key: &str) -> Result<&'a [Entry]> {
    match node.get(key) {
        None => Ok(&[]),
        Some(value) if value.is_null() => Ok(&[]),
        Some(value) if matches!(value.kind, Kind::Map(_)) => Ok(value.entries()),
        Some(value) => Err(value.unexpected(key, "a mapping")),
    }
}

fn metadata(node: &Node) -> Result<Map<String, Value>> {
    let mut kept = Map::new();
    let Some(metadata) = node.get("metadata") else { return Ok(kept) };
    for key in KEPT_METADATA {
        let Some(value) = optional(metadata, key)? else { continue };
        let value = match key {
            "labels" | "annotations" => {
                let entries = mapping(metadata, key)?.iter().filter(|entry| !is_copy(&entry.key));
                let field = format!("metadata.{key}");
                let texts = entries.map(|entry| {
                    let text = if entry.value.is_null() { "" } else { entry.value.expect_text(&format!("{field}.{}", entry.key))? };
                    Ok((entry.key.clone(), Value::String(text.to_owned())))
                });
                Value::Object(texts.collect::<Result<_>>()?)
            }
            "finalizers" => value.to_value(),
            _ => Value::String(value.expect_text(&format!("metadata.{key}"))?.to_owned()),
        };
        let is_empty = value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty) || value.as_str() == Some("");
        if !is_empty {
            kept.insert(key.to_owned(), value);
        }
    }
    Ok(kept)
}
