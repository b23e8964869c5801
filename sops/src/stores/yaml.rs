//! YAML, read and written as sops does it, which is as go-yaml does it.

mod compare;
mod cursor;
mod emit;
mod page;
mod parse;
mod resolve;
mod scan;
mod splice;
mod style;
mod syntax;
mod token;
mod tree;

use keys::SecretBytes;

use crate::document::{Document, Node};
use crate::error::{Error, ErrorKind, Position, Result};
use crate::store::{MetadataLayout, Splice, Store, Style};

/// The format.
#[derive(Debug)]
pub(crate) struct Yaml;

impl Store for Yaml {
    fn name(&self) -> &'static str {
        "yaml"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &[".yaml", ".yml"]
    }

    fn layout(&self) -> MetadataLayout {
        MetadataLayout::Nested
    }

    fn parse(&self, source: &[u8]) -> Result<Document> {
        check_characters(source)?;
        let mut document = Document::default();
        let mut parser = parse::Parser::new(source);
        let mut first = true;
        while let Some(parsed) = parser.document(first)? {
            tree::Builder::new(source, &parser.nodes, &mut document).branch(&parsed)?;
            first = false;
        }
        document.comments = parser.into_comments();
        Ok(document)
    }

    fn emit(&self, document: &Document, style: Style) -> Result<SecretBytes> {
        emit::Emitter::new(emit::width(style)?, emit::size(document)).documents(document)
    }

    fn emit_value(&self, node: &Node, _style: Style) -> Result<SecretBytes> {
        // sops indents single values as if nobody had asked for anything.
        emit::Emitter::new(emit::INDENT, 1024).value(node)
    }

    fn surely_says(&self, source: &[u8], document: &Document) -> bool {
        check_characters(source).is_ok() && compare::says(source, document).unwrap_or(false)
    }

    fn splice(&self) -> Option<&dyn Splice> {
        Some(self)
    }
}

/// Bytes that are looked at together.
const CHUNK: usize = 256;

/// Refuses what is no text, or has characters that YAML does not allow.
fn check_characters(source: &[u8]) -> Result<()> {
    let wrong = |at: usize, what: &str| Error::new(ErrorKind::Malformed, format!("read the YAML: {what}")).at(Position::of(source, at));
    if u32::try_from(source.len()).is_err() {
        return Err(Error::new(ErrorKind::Malformed, "read the YAML: it is larger than 4 GiB"));
    }
    let text = std::str::from_utf8(source).map_err(|error| wrong(error.valid_up_to(), "a byte that is not UTF-8"))?;
    // Without a way out in between, many bytes are compared at once.
    let may_be_wrong =
        |byte: u8| ((byte < b' ') & (byte != b'\t') & (byte != b'\n') & (byte != b'\r')) | (byte == 0x7f) | (byte == 0xc2) | (byte == 0xef);
    let doubtful = |(_, chunk): &(usize, &[u8])| chunk.iter().fold(false, |found, byte| found | may_be_wrong(*byte));
    let chunks = source.chunks(CHUNK).enumerate().filter(doubtful);
    for at in chunks.flat_map(|(index, chunk)| (index * CHUNK..).zip(chunk)).filter(|(_, byte)| may_be_wrong(**byte)).map(|(at, _)| at) {
        let character = text.get(at..).and_then(|rest| rest.chars().next());
        if character.is_some_and(|c| !matches!(c, '\u{85}' | '\u{a0}'..='\u{fffd}')) {
            return Err(wrong(at, "a control character"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
