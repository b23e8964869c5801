//! JSON, and bytes of any kind in an envelope of JSON.

use keys::SecretBytes;

use crate::document::{Document, Map, Node};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{MetadataLayout, Splice, Store, Stream, Style};

mod compare;
mod read;
mod splice;
mod stream;
#[cfg(test)]
mod tests;
mod write;

use write::{Layout, Strictness, Writer};

/// Files of JSON.
pub(super) struct Json;

impl Store for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &[".json"]
    }

    fn layout(&self) -> MetadataLayout {
        MetadataLayout::Nested
    }

    /// Reads one object. Whole numbers that fit 64 bits are whole, all others are floats. Unlike sops it refuses what is cut off within a pair, and
    /// what follows the object: sops drops both without a word.
    fn parse(&self, source: &[u8]) -> Result<Document> {
        read::document(source)
    }

    fn emit(&self, document: &Document, style: Style) -> Result<SecretBytes> {
        emit(document, style, Strictness::AsSops)
    }

    /// Writes a number of minus zero as `-0.0`, not as `-0`: sops reads that as a whole number, and rejects the MAC.
    fn emit_encrypted(&self, document: &Document, style: Style) -> Result<SecretBytes> {
        emit(document, style, Strictness::ReadsBack)
    }

    fn emit_value(&self, node: &Node, style: Style) -> Result<SecretBytes> {
        emit_value(node, style)
    }

    fn surely_says(&self, source: &[u8], document: &Document) -> bool {
        compare::says(source, document)
    }

    fn splice(&self) -> Option<&dyn Splice> {
        Some(self)
    }

    fn stream(&self) -> Option<&dyn Stream> {
        Some(self)
    }
}

pub(super) fn parse(source: &[u8]) -> Result<Document> {
    read::document(source)
}

/// A mapping ends its last line, anything else does not.
pub(super) fn emit_value(node: &Node, style: Style) -> Result<SecretBytes> {
    let unit = unit(style)?;
    let mut writer = Writer::new(Layout::lines(&unit), Strictness::AsSops);
    writer.node(node)?;
    if matches!(node, Node::Map(_)) {
        writer.end_line();
    }
    Ok(writer.finish())
}

pub(super) fn emit_encrypted(document: &Document, style: Style) -> Result<SecretBytes> {
    emit(document, style, Strictness::ReadsBack)
}

fn emit(document: &Document, style: Style, strictness: Strictness) -> Result<SecretBytes> {
    let unit = unit(style)?;
    let mut writer = Writer::new(Layout::lines(&unit), strictness);
    match document.branches.first() {
        Some(branch) => writer.map(branch)?,
        None => writer.map(&Map::default())?,
    }
    writer.end_line();
    Ok(writer.finish())
}

/// The indentation of one level: a tab for -1 and by default, else so many spaces.
fn unit(style: Style) -> Result<Vec<u8>> {
    /// More than anybody can read.
    const WIDEST: i64 = 1000;
    match style.indent {
        None | Some(-1) => Ok(b"\t".to_vec()),
        Some(spaces @ 0..=WIDEST) => Ok(vec![b' '; usize::try_from(spaces).unwrap_or_default()]),
        Some(_) => Err(Error::new(ErrorKind::Configuration, format!("indent JSON: the number has to be from -1 to {WIDEST}"))),
    }
}
