//! YAML and JSON documents to objects, and back.
//!
//! A [`Manifest`] keeps the original text and the place of every value in it: errors name lines, and [`Edits`] change single values while every
//! other byte stays as it was.

mod json;
mod node;
mod splice;
mod text;
mod write;
mod yaml;

use std::fmt;

use crds::SealedSecret;
use keys::SecretBytes;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub use node::{Entry, Kind, Node, Style};
pub use splice::Edits;
pub use text::Encoding;
pub use write::{write, write_secret};

use crate::error::{Error, Result, harmless};

/// The languages of manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// The content of one file.
pub struct Manifest {
    text: Zeroizing<String>,
    encoding: Encoding,
    format: Format,
    documents: Vec<Node>,
}

impl Manifest {
    /// Reads a file: YAML with any number of documents, or concatenated JSON.
    ///
    /// # Errors
    /// Input: not text, or neither YAML nor JSON; names the line.
    pub fn parse(bytes: &SecretBytes) -> Result<Self> {
        // EXPOSE: the parser reads the manifest; scalars are wiped with the tree.
        let (text, encoding) = text::decode(bytes.expose())?;
        if text.trim_start().starts_with('{') {
            match json::parse(&text) {
                Ok(documents) => return Ok(Self { text, encoding, format: Format::Json, documents }),
                // A YAML flow mapping starts as JSON does.
                Err(error) => match yaml::parse(&text) {
                    Ok(documents) => return Ok(Self { text, encoding, format: Format::Yaml, documents }),
                    Err(_) => return Err(error),
                },
            }
        }
        let documents = yaml::parse(&text)?;
        Ok(Self { text, encoding, format: Format::Yaml, documents })
    }

    /// The language that it is written in.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// How it was encoded.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The documents; those without content are left out.
    #[must_use]
    pub fn documents(&self) -> &[Node] {
        &self.documents
    }

    /// The objects: every document, with the items of a List in its place.
    ///
    /// # Errors
    /// Input: a document is not an object.
    pub fn objects(&self) -> Result<Vec<Object<'_>>> {
        let mut objects = Vec::new();
        for document in &self.documents {
            expand(document, &mut objects)?;
        }
        Ok(objects)
    }

    /// As [`Self::objects`], where other YAML is to be expected: documents that are no objects, since they have no kind or no API version, are passed
    /// over.
    ///
    /// # Errors
    /// Input: an object is malformed.
    pub fn objects_among_others(&self) -> Result<Vec<Object<'_>>> {
        let mut objects = Vec::new();
        let has = |document: &Node, key: &str| document.get(key).is_some_and(|value| !value.is_null());
        for document in self.documents.iter().filter(|document| has(document, "kind") && has(document, "apiVersion")) {
            expand(document, &mut objects)?;
        }
        Ok(objects)
    }

    /// Starts a list of changes to the text.
    #[must_use]
    pub fn edit(&self) -> Edits<'_> {
        Edits::new(self)
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Manifest({:?}, {} documents)", self.format, self.documents.len())
    }
}

fn expand<'a>(node: &'a Node, objects: &mut Vec<Object<'a>>) -> Result<()> {
    let object = Object::new(node)?;
    let Some(Kind::List(items)) = node.get("items").filter(|_| object.kind.ends_with("List")).map(|items| &items.kind) else {
        objects.push(object);
        return Ok(());
    };
    items.iter().try_for_each(|item| expand(item, objects))
}

/// One Kubernetes object in a manifest.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// Its tree.
    pub node: &'a Node,
    /// Its kind; empty if none is given.
    pub kind: &'a str,
    /// Its API version; empty if none is given.
    pub api_version: &'a str,
    /// Its name; empty if none is given.
    pub name: &'a str,
    /// Its namespace; empty if none is given.
    pub namespace: &'a str,
}

impl<'a> Object<'a> {
    fn new(node: &'a Node) -> Result<Self> {
        if !matches!(node.kind, Kind::Map(_)) {
            return Err(node.unexpected("the document", "a Kubernetes object"));
        }
        let text = |path: &[&str]| match node.at(path) {
            Some(node) if !node.is_null() => node.expect_text(&path.join(".")),
            _ => Ok(""),
        };
        if let Some(metadata) = node.get("metadata").filter(|metadata| !matches!(metadata.kind, Kind::Map(_) | Kind::Null)) {
            return Err(metadata.unexpected("metadata", "a mapping"));
        }
        Ok(Self {
            node,
            kind: text(&["kind"])?,
            api_version: text(&["apiVersion"])?,
            name: text(&["metadata", "name"])?,
            namespace: text(&["metadata", "namespace"])?,
        })
    }

    /// True for a native Secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind == "Secret" && self.api_version == "v1"
    }

    /// True for a SealedSecret.
    #[must_use]
    pub fn is_sealed_secret(&self) -> bool {
        self.kind == "SealedSecret" && self.api_version.starts_with("bitnami.com/")
    }

    /// What people call it: kind, namespace and name, as far as they are given.
    #[must_use]
    pub fn title(&self) -> String {
        let kind = if self.kind.is_empty() { "object" } else { self.kind };
        title(kind, self.namespace, self.name)
    }

    /// An annotation's value.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&'a str> {
        self.node.at(&["metadata", "annotations", key]).and_then(Node::text)
    }

    /// The line of an item: of its ciphertext, or of its template.
    #[must_use]
    pub fn item_line(&self, item: &str) -> Option<usize> {
        let maps = [["spec", "encryptedData"].as_slice(), &["spec", "template", "data"]];
        maps.iter().find_map(|path| Some(self.node.at(path)?.entry(item)?.line))
    }

    /// Adds to an error what this object knows of its place: the object's title, and the line of the item that the error names, or else its own.
    #[must_use]
    pub fn locate(&self, error: Error) -> Error {
        let line = error.place().item.as_deref().and_then(|item| self.item_line(item));
        error.at_line(line.unwrap_or(self.node.line)).in_object(self.title())
    }

    /// Reads a SealedSecret.
    ///
    /// # Errors
    /// Input: of another kind, without items, a field of the wrong type, or an item that is not a string; names the line.
    pub fn to_sealed_secret(&self) -> Result<SealedSecret> {
        if !self.is_sealed_secret() {
            let message = format!("read a SealedSecret: found kind {:?} of apiVersion {:?}", self.kind, self.api_version);
            return Err(Error::input(message).at_line(self.node.line).in_object(self.title()));
        }
        let has = |field: &str| self.node.at(&["spec", field]).is_some_and(|node| !node.is_null());
        if !has("encryptedData") && !has("data") {
            let error = Error::input("read the SealedSecret: spec.encryptedData is missing").at_line(self.node.line);
            return Err(error.in_object(self.title()));
        }
        for entry in self.node.at(&["spec", "encryptedData"]).map(Node::entries).unwrap_or_default() {
            entry.refuse_ambiguous().map_err(|error| error.in_object(self.title()))?;
            entry.value.expect_text("a sealed item").map_err(|error| error.on_item(&entry.key).in_object(self.title()))?;
        }
        self.to_resource()
    }

    /// Reads a custom resource, whatever its kind says.
    ///
    /// # Errors
    /// Input: a field of the wrong type; names the line.
    pub fn to_resource<T: DeserializeOwned>(&self) -> Result<T> {
        serde_path_to_error::deserialize(self.node.to_value()).map_err(|error| {
            // Only the path is shown: serde's text may quote a value.
            let path = error.path().to_string();
            let keys: Vec<&str> = path.split('.').collect();
            let line = (0..=keys.len()).rev().find_map(|length| self.node.at(&keys[..length])).map_or(self.node.line, |node| node.line);
            Error::input(format!("read field {path}: a value of the wrong type")).at_line(line).in_object(self.title())
        })
    }
}

/// What people call an object.
#[must_use]
pub fn title(kind: &str, namespace: &str, name: &str) -> String {
    // A name with a line break could forge a line of output.
    let [kind, namespace, name] = [kind, namespace, name].map(|text| harmless(text).replace('\n', "\\n").replace('\t', "\\t"));
    match (namespace.as_str(), name.as_str()) {
        ("", "") => kind,
        ("", name) => format!("{kind} {name}"),
        (namespace, "") => format!("{kind} in {namespace}"),
        (namespace, name) => format!("{kind} {namespace}/{name}"),
    }
}

#[cfg(test)]
mod tests;
