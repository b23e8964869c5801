//! TOML, which sops does not have: the metadata is a table `[sops]` at the end.
//!
//! A comment belongs to what comes next in the file, or to what it stands behind in its line. Dates and times without an offset have no type in the
//! tree: a file that has one is read, and not encrypted.

use keys::SecretBytes;

use crate::document::{Document, Node, Value};
use crate::error::Result;
use crate::store::{MetadataLayout, Splice, Store, Style};

mod read;
mod splice;
#[cfg(test)]
mod tests;
mod write;

/// Files of TOML.
pub(super) struct Toml;

impl Store for Toml {
    fn name(&self) -> &'static str {
        "toml"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &[".toml"]
    }

    fn layout(&self) -> MetadataLayout {
        MetadataLayout::Nested
    }

    fn parse(&self, source: &[u8]) -> Result<Document> {
        read::document(source)
    }

    fn emit(&self, document: &Document, _: Style) -> Result<SecretBytes> {
        document.branches.first().map_or_else(|| Ok(SecretBytes::new(Vec::new())), write::document)
    }

    fn emit_value(&self, node: &Node, _: Style) -> Result<SecretBytes> {
        match node {
            Node::Map(map) => write::document(map),
            node => write::inline(node),
        }
    }

    fn splice(&self) -> Option<&dyn Splice> {
        Some(self)
    }
}

fn copied(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(truth) => Value::Bool(*truth),
        Value::Int(number) => Value::Int(*number),
        Value::Float(number) => Value::Float(*number),
        Value::Time(time) => Value::Time(time.clone()),
        Value::Text(text) => Value::Text(text.duplicate()),
    }
}
