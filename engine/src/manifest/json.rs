//! JSON text to trees. Concatenated documents are allowed, as `kubectl` allows them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::node::{Entry, Kind, Node, Style, refuse_duplicates};
use super::text::Lines;
use crate::error::{Error, Result};

/// Deepest nesting; serde_json stops at the same.
const MAX_DEPTH: usize = 128;

/// Reads every document of the text.
pub(super) fn parse(text: &str) -> Result<Vec<Node>> {
    let reader = Reader { text, lines: Lines::new(text) };
    let mut documents = Vec::new();
    for raw in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let raw = raw.map_err(|error| syntax(&error, 0))?;
        documents.push(reader.node(raw, 0)?);
    }
    Ok(documents)
}

struct Reader<'a> {
    text: &'a str,
    lines: Lines,
}

impl<'a> Reader<'a> {
    fn node(&self, raw: &'a RawValue, depth: usize) -> Result<Node> {
        let source = raw.get();
        let start = self.offset(source);
        let line = self.lines.line(start);
        if depth > MAX_DEPTH {
            return Err(Error::input(format!("read JSON: nested deeper than {MAX_DEPTH} levels")).at_line(line));
        }
        // Each read below fails only on what the raw reader let pass, such as a lone surrogate.
        let broken = |error: serde_json::Error| syntax(&error, line - 1);
        let kind = match source.as_bytes().first() {
            Some(b'{') => Kind::Map(self.entries(serde_json::from_str(source).map_err(broken)?, depth)?),
            Some(b'[') => {
                let List(items) = serde_json::from_str(source).map_err(broken)?;
                Kind::List(items.into_iter().map(|item| self.node(item, depth + 1)).collect::<Result<_>>()?)
            }
            Some(b'"') => Kind::Text(Zeroizing::new(serde_json::from_str(source).map_err(broken)?)),
            Some(b't') => Kind::Bool(true),
            Some(b'f') => Kind::Bool(false),
            Some(b'n') => Kind::Null,
            _ => Kind::Number(source.to_owned()),
        };
        let style = if matches!(kind, Kind::Map(_) | Kind::List(_)) { Style::Flow } else { Style::Scalar };
        Ok(Node { kind, span: start..start + source.len(), line, style, shared: false })
    }

    fn entries(&self, Fields(fields): Fields<'a>, depth: usize) -> Result<Vec<Entry>> {
        let mut entries = Vec::with_capacity(fields.len());
        for (raw_key, raw) in fields {
            let start = self.offset(raw_key.get());
            let line = self.lines.line(start);
            let key = serde_json::from_str(raw_key.get()).map_err(|error| syntax(&error, line - 1))?;
            entries.push(Entry { key, key_span: start..start + raw_key.get().len(), line, ambiguous: false, value: self.node(raw, depth + 1)? });
        }
        refuse_duplicates(&entries)?;
        Ok(entries)
    }

    /// Where a slice of the text starts in it.
    fn offset(&self, slice: &str) -> usize {
        slice.as_ptr().addr() - self.text.as_ptr().addr()
    }
}

/// The category and place of a syntax error: serde_json's own text may quote a value.
fn syntax(error: &serde_json::Error, lines_before: usize) -> Error {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the text ends in the middle of a value",
        _ => "invalid syntax",
    };
    Error::input(format!("read JSON: {what}")).at_line(lines_before + error.line().max(1))
}

/// The fields of an object in the order of the text, duplicates included, keys and values unread.
struct Fields<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

struct List<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for List<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = List<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> std::result::Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = sequence.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}
