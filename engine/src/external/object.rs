//! The object of any kind that an ExternalSecret becomes instead of a Secret, over the one that exists.
//!
//! *Source*: external-secrets 2.9.0 `externalsecret_controller_manifest.go`, `runtime/template/v2`. Deviations: it renders what stands in a ConfigMap or a
//! Secret twice, so that a value may be a template; it drops labels, annotations and owners of others; merging, it drops their keys too.

use std::collections::BTreeMap;
use std::fmt;

use crds::ExternalSecret;
use crds::external_secret::{Template as Shape, TemplateFrom};
use jiff::Timestamp;
use keys::{Fingerprint, SecretBytes};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Delimiters;
use super::choices;
use super::gather::Texts;
use super::kinds::Kind;
use super::marks::{CREATED_BY, DATA_HASH, MANAGED, WHO_AND_HOW, content_hash, created_by};
use super::path::{self, Place, TextMap};
use super::rules::Creation;
use super::target::{Engine, Ours, keeps_values, keys_and_values, merged, own};
use crate::collect::decode::{DecodingStrategy, decode_all};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Format, Manifest, write};

/// An object of any kind, with values in it: `Debug` shows nothing of it.
pub struct AnyObject(Map<String, Value>);

impl fmt::Debug for AnyObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyObject(..)")
    }
}

/// What of its metadata counts.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    uid: String,
    resource_version: String,
    generation: i64,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    finalizers: Vec<String>,
    owner_references: Vec<OwnerName>,
    deletion_timestamp: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OwnerName {
    kind: String,
    name: String,
    uid: String,
    controller: bool,
}

/// Who an object is, and which version of it: one that stays the same while only its status changes, where the server counts that.
#[must_use]
pub fn version(metadata: &Value) -> (String, String) {
    let metadata = Metadata::deserialize(metadata).unwrap_or_default();
    if metadata.generation == 0 {
        return (metadata.uid, metadata.resource_version);
    }
    let owners: Vec<&str> = metadata.owner_references.iter().map(|owner| owner.uid.as_str()).collect();
    let going = metadata.deletion_timestamp.is_some();
    let text = format!("{:?} {:?} {:?} {owners:?} {going}", metadata.labels, metadata.annotations, metadata.finalizers);
    (metadata.uid, format!("{}-{}", metadata.generation, Fingerprint::of(text.as_bytes()).short()))
}

impl AnyObject {
    /// Reads the server's answer.
    ///
    /// # Errors
    /// Busy: it is no object.
    pub fn read(answer: &SecretBytes) -> Result<Self> {
        let wrong = || Error::new(ErrorKind::Busy, "read the object: the API server sent something else");
        // EXPOSE: it is parsed, and nothing of it is told if that fails.
        let object: Map<String, Value> = serde_json::from_slice(answer.expose()).map_err(|_| wrong())?;
        if object.get("metadata").is_some_and(Value::is_object) { Ok(Self(object)) } else { Err(wrong()) }
    }

    /// The text that is sent, or shown to whoever asks for the values.
    ///
    /// # Errors
    /// Bug: it can not be written.
    pub fn write(&self, format: Format) -> Result<SecretBytes> {
        Ok(SecretBytes::new(std::mem::take(&mut *write(&self.0, format)?).into_bytes()))
    }

    /// The same with its values replaced by their lengths, but for labels and annotations, which the caller gives.
    #[must_use]
    pub fn masked(&self, metadata: Map<String, Value>) -> Map<String, Value> {
        let mut shown = self.0.clone();
        for (name, value) in &mut shown {
            if !matches!(name.as_str(), "apiVersion" | "kind") {
                mask(value);
            }
        }
        shown.insert("metadata".to_owned(), Value::Object(metadata));
        shown
    }

    /// Takes away what only a cluster can fill in: the owner, who has no UID in a file, and a namespace that is none.
    pub fn leave_the_cluster_out(&mut self) {
        if let Some(metadata) = self.0.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("ownerReferences");
            if metadata.get("namespace") == Some(&json!("")) {
                metadata.remove("namespace");
            }
        }
    }

    /// Its metadata.
    #[must_use]
    pub fn metadata(&self) -> Map<String, Value> {
        self.0.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// UID and version, as [`version`] tells them.
    #[must_use]
    pub fn version(&self) -> (String, String) {
        version(self.0.get("metadata").unwrap_or(&Value::Null))
    }

    fn known(&self) -> Metadata {
        self.0.get("metadata").and_then(|metadata| Metadata::deserialize(metadata).ok()).unwrap_or_default()
    }

    /// The server's version of it.
    #[must_use]
    pub fn resource_version(&self) -> String {
        self.known().resource_version
    }

    /// A label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<String> {
        self.known().labels.remove(name)
    }

    /// Whether it is on its way out.
    #[must_use]
    pub fn is_going(&self) -> bool {
        self.known().deletion_timestamp.is_some()
    }

    /// Kind, name and UID of the object that controls it.
    #[must_use]
    pub fn controlled_by(&self) -> Option<(String, String, String)> {
        let owner = self.known().owner_references.into_iter().find(|owner| owner.controller)?;
        Some((owner.kind, owner.name, owner.uid))
    }

    /// Whether it is what external-secrets or we made, and nobody changed its content.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let known = self.known();
        let hash = known.annotations.get(DATA_HASH);
        known.labels.get(MANAGED).is_some_and(|managed| managed == "true") && hash.is_some_and(|hash| *hash == content_hash(&self.0))
    }

    /// Whether the other one has the same content, labels, annotations and owners.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let content = |object: &Self| {
            let content: BTreeMap<&String, String> = object
                .0
                .iter()
                .filter(|(name, _)| !WHO_AND_HOW.contains(&name.as_str()))
                .map(|(name, value)| (name, sorted(value).to_string()))
                .collect();
            SecretBytes::new(format!("{content:?}").into_bytes())
        };
        let (one, two) = (self.metadata(), other.metadata());
        let empty = |value: Option<&Value>| value.is_none_or(|value| *value == json!({}) || *value == json!([]));
        let same = |field: &str| one.get(field) == two.get(field) || (empty(one.get(field)) && empty(two.get(field)));
        content(self).ct_eq(&content(other)) && ["labels", "annotations", "ownerReferences"].into_iter().all(same)
    }
}

/// The same value with the keys of its mappings in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        Value::Object(map) => {
            let map: BTreeMap<&String, Value> = map.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(map.into_iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        scalar => scalar.clone(),
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(mask),
        Value::Object(map) => map.values_mut().for_each(mask),
        Value::Null => {}
        scalar => {
            let length = scalar.as_str().map_or_else(|| scalar.to_string().len(), str::len);
            *scalar = Value::String(format!("({length} byte{})", if length == 1 { "" } else { "s" }));
        }
    }
}

/// What is put together.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The object that asks for it.
    pub object: &'a ExternalSecret,
    /// What it becomes.
    pub kind: &'a Kind,
    /// Its policy of creation.
    pub creation: Creation,
    /// What the stores gave.
    pub values: BTreeMap<String, SecretBytes>,
    /// Templates that stand elsewhere.
    pub texts: &'a Texts,
    /// The object that exists.
    pub existing: Option<&'a AnyObject>,
    /// What the actions of templates stand between.
    pub delimiters: &'a Delimiters,
    /// What time it is.
    pub now: Timestamp,
}

/// Puts the object together.
///
/// # Errors
/// Input: a template that does not render, or a place where it can put nothing; names the key.
pub fn compose(parts: Parts<'_>) -> Result<AnyObject> {
    let Parts { object, kind, creation, values, texts, existing, delimiters, now } = parts;
    let (namespace, name) = (object.metadata.namespace.as_deref().unwrap_or_default(), object.metadata.name.as_deref().unwrap_or_default());
    let template = object.spec.target.as_ref().and_then(|target| target.template.as_ref());
    let mut metadata = existing.map(AnyObject::metadata).unwrap_or_default();
    let ours = Ours::of(&metadata, name);
    let mut content = existing.map(|existing| base(existing, creation, name)).unwrap_or_default();
    let (labels, annotations) = match template.map(|template| template.metadata.as_ref()) {
        // These stand in the object as they are: external-secrets renders them in Secrets only.
        Some(given) => given.map(|given| (given.labels.clone(), given.annotations.clone())).unwrap_or_default(),
        None => ours.inherited(object, &metadata),
    };
    let mut filled = Filled { content: &mut content, labels, annotations };
    filled.fill(kind, template, &Engine::new(&delimiters.language(), &values, now), texts)?;
    let Filled { labels, annotations, .. } = filled;
    if object.spec.target.as_ref().and_then(|target| target.immutable) == Some(true) {
        if !kind.keeps_data() {
            return Err(Error::input(format!("use spec.target.immutable: a {kind} cannot be that")));
        }
        content.insert("immutable".to_owned(), json!(true));
    }

    metadata.remove("managedFields");
    metadata.insert("name".to_owned(), json!(object.target_name()));
    metadata.insert("namespace".to_owned(), json!(namespace));
    let mut labels = merged(metadata.get("labels"), &ours.labels, labels);
    labels.insert(MANAGED.to_owned(), json!("true"));
    let owner = created_by(namespace, name);
    if creation == Creation::Owner {
        labels.insert(CREATED_BY.to_owned(), json!(owner));
    } else if labels.get(CREATED_BY) == Some(&json!(owner)) {
        labels.remove(CREATED_BY);
    }
    let mut annotations = merged(metadata.get("annotations"), &ours.annotations, annotations);
    annotations.insert(DATA_HASH.to_owned(), json!(content_hash(&content)));
    metadata.insert("labels".to_owned(), Value::Object(labels));
    metadata.insert("annotations".to_owned(), Value::Object(annotations));
    own(&mut metadata, object, creation);

    let mut whole = Map::new();
    whole.insert("apiVersion".to_owned(), json!(kind.api_version()));
    whole.insert("kind".to_owned(), json!(kind.name));
    whole.insert("metadata".to_owned(), Value::Object(metadata));
    whole.extend(content);
    Ok(AnyObject(whole))
}

/// What stays of the object that exists: how it does, and if it is added to, everything but the texts and numbers that stand under our name.
fn base(existing: &AnyObject, creation: Creation, name: &str) -> Map<String, Value> {
    let kept = |field: &str| if creation.merges() { !matches!(field, "apiVersion" | "kind" | "metadata") } else { field == "status" };
    let mut content: Map<String, Value> =
        existing.0.iter().filter(|(field, _)| kept(field)).map(|(field, value)| (field.clone(), value.clone())).collect();
    if creation.merges() {
        for fields in Ours::fields(&existing.metadata(), name) {
            let fields = fields.as_object().into_iter().flatten().filter(|(field, _)| !matches!(field.as_str(), "f:metadata" | "f:status"));
            fields.for_each(|(field, inner)| strip(&mut content, field, inner));
        }
    }
    content
}

/// Takes a field away that the server says we wrote, unless it is a list or a mapping: others may have written into those.
fn strip(content: &mut Map<String, Value>, field: &str, inner: &Value) {
    let Some(key) = field.strip_prefix("f:") else { return };
    match (content.get_mut(key), inner.as_object().filter(|inner| !inner.is_empty())) {
        (Some(Value::Object(map)), Some(inner)) => inner.iter().for_each(|(field, inner)| strip(map, field, inner)),
        (Some(Value::Array(_) | Value::Object(_)), _) | (None, _) => {}
        (Some(_), _) => drop(content.remove(key)),
    }
}

/// What is filled in.
struct Filled<'a> {
    content: &'a mut Map<String, Value>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

impl Filled<'_> {
    fn fill(&mut self, kind: &Kind, template: Option<&Shape>, engine: &Engine<'_>, texts: &Texts) -> Result<()> {
        if template.map_or(Ok(true), keeps_values)? {
            let path: &[&str] = if kind.keeps_data() { &["data"] } else { &["spec", "data"] };
            for (key, value) in engine.values {
                let value = text(value).map_err(|error| error.on_item(key))?;
                let steps: Vec<path::Step> = path.iter().copied().chain([key.as_str()]).map(|key| path::Step::Key(key.to_owned())).collect();
                path::put(self.content, &steps, Value::String(value), false)?;
            }
            if engine.values.is_empty() && kind.keeps_data() {
                self.content.entry("data").or_insert_with(|| json!({}));
            }
        }
        let Some(template) = template else { return Ok(()) };
        for (index, from) in template.template_from.iter().enumerate() {
            self.from(from, engine, texts).map_err(|error| error.on_item(format!("spec.target.template.templateFrom[{index}]")))?;
        }
        for (key, template) in &template.data {
            let told = |error: Error| error.on_item(format!("spec.target.template.data.{key}"));
            let value = engine.one(key, template.as_bytes()).map_err(told)?;
            self.put_texts(TextMap::Data, BTreeMap::from([(key.clone(), value)]))?;
        }
        Ok(())
    }

    fn from(&mut self, from: &TemplateFrom, engine: &Engine<'_>, texts: &Texts) -> Result<()> {
        let place = Place::read(from.target.as_deref().unwrap_or_default())?;
        let decoding = choices::decoding(from.values_decoding_strategy.as_deref())?;
        for (secret, source) in [(false, from.config_map.as_ref()), (true, from.secret.as_ref())] {
            for (source, item) in source.iter().flat_map(|source| source.items.iter().map(move |item| (source, item))) {
                let missing = || Error::new(ErrorKind::NotFound, "read the template: it is not there");
                let template = texts.get(secret, &source.name, &item.key).ok_or_else(missing)?;
                // EXPOSE: the text of a template.
                let result = engine.one(&item.key, template.expose())?;
                if item.template_as.as_deref() == Some("KeysAndValues") {
                    self.put_whole(&place, &result, decoding)?;
                } else {
                    self.put_value(&place, &item.key, result, decoding)?;
                }
            }
        }
        match &from.literal {
            Some(literal) => self.put_whole(&place, &engine.one("literal", literal.as_bytes())?, decoding),
            None => Ok(()),
        }
    }

    /// Puts a text under its key, or what it says as YAML into a field.
    fn put_value(&mut self, place: &Place, key: &str, value: SecretBytes, decoding: DecodingStrategy) -> Result<()> {
        let mut values = decode_all(BTreeMap::from([(key.to_owned(), value)]), decoding)?;
        match place {
            Place::Texts(map) => self.put_texts(*map, values),
            Place::Field(steps) => {
                let value = text(&values.remove(key).unwrap_or_else(|| SecretBytes::new(Vec::new())))?;
                // One step alone is a mapping, to which the key belongs.
                let (steps, value) = match steps.as_slice() {
                    [one] => (vec![one.clone(), path::Step::Key(key.to_owned())], Value::String(value)),
                    _ => (steps.clone(), yaml(value.as_bytes()).unwrap_or(Value::String(value))),
                };
                path::put(self.content, &steps, value, false)
            }
        }
    }

    /// Puts what a text says as YAML under its keys, or into a field: added to a mapping that is there, unless it is a whole field of the object.
    fn put_whole(&mut self, place: &Place, whole: &SecretBytes, decoding: DecodingStrategy) -> Result<()> {
        match place {
            Place::Texts(map) => self.put_texts(*map, decode_all(keys_and_values(whole)?, decoding)?),
            Place::Field(_) if decoding != DecodingStrategy::None => {
                Err(Error::input("use valuesDecodingStrategy: what goes into a field as a whole is not decoded"))
            }
            Place::Field(steps) => {
                // EXPOSE: it is parsed, and nothing of it is told if that fails.
                let value = yaml(whole.expose()).ok_or_else(|| Error::input("read what the template gives: it is no YAML"))?;
                path::put(self.content, steps, value, steps.len() > 1)
            }
        }
    }

    fn put_texts(&mut self, map: TextMap, values: BTreeMap<String, SecretBytes>) -> Result<()> {
        for (key, value) in values {
            let value = text(&value).map_err(|error| error.on_item(&key))?;
            match map {
                TextMap::Annotations => drop(self.annotations.insert(key, value)),
                TextMap::Labels => drop(self.labels.insert(key, value)),
                TextMap::Data => path::put(self.content, &[path::Step::Key("data".to_owned()), path::Step::Key(key)], Value::String(value), false)?,
            }
        }
        Ok(())
    }
}

/// A value as text, which is all that an object other than a Secret can hold.
fn text(value: &SecretBytes) -> Result<String> {
    // EXPOSE: whoever asks for another object than a Secret wants the values in it.
    String::from_utf8(value.expose().to_vec()).map_err(|_| Error::input("make the object: a value is not text, and only Secrets hold others"))
}

/// What a text says as YAML to Kubernetes, so that what the server makes of it is the same.
fn yaml(text: &[u8]) -> Option<Value> {
    let manifest = Manifest::parse(&SecretBytes::new(text.to_vec())).ok()?;
    match manifest.documents() {
        [] => Some(Value::Null),
        [node] => node.to_read_value(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
