//! Writes JSON as Go does, and with another indentation where a source has it.

use keys::SecretBytes;

use crate::document::{Element, List, Map, Member, Node, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::scalar::json_float;
use crate::walk::MAX_DEPTH;

/// Whether a text has to say what the tree says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// What sops writes, though something else may be read from it.
    AsSops,
    /// A file whose MAC has to fit when it is read.
    ReadsBack,
}

/// How mappings and sequences are laid out.
#[derive(Clone, Copy)]
pub(super) enum Layout<'l> {
    /// In one line.
    Inline,
    /// A line for each member.
    Lines {
        /// Indentation of the line in which the value starts.
        base: &'l [u8],
        /// Indentation of a level.
        unit: &'l [u8],
        /// What ends a line.
        end: &'l [u8],
    },
}

impl<'l> Layout<'l> {
    /// As sops does it.
    pub(super) fn lines(unit: &'l [u8]) -> Self {
        Self::Lines { base: b"", unit, end: b"\n" }
    }
}

/// Writes one value.
pub(super) struct Writer<'l> {
    layout: Layout<'l>,
    strictness: Strictness,
    out: Vec<u8>,
    depth: usize,
}

impl<'l> Writer<'l> {
    pub(super) fn new(layout: Layout<'l>, strictness: Strictness) -> Self {
        Self::with_capacity(layout, strictness, 0)
    }

    /// As [`Writer::new`], with room for so many bytes.
    pub(super) fn with_capacity(layout: Layout<'l>, strictness: Strictness, bytes: usize) -> Self {
        Self { layout, strictness, out: Vec::with_capacity(bytes), depth: 0 }
    }

    /// What was written.
    pub(super) fn written(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    pub(super) fn finish(self) -> SecretBytes {
        SecretBytes::new(self.out)
    }

    pub(super) fn end_line(&mut self) {
        self.out.push(b'\n');
    }

    pub(super) fn raw(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    pub(super) fn node(&mut self, node: &Node) -> Result<()> {
        match node {
            Node::Map(map) => self.map(map),
            Node::List(list) => self.list(list),
            Node::Leaf(leaf) => self.scalar(&leaf.value),
        }
    }

    /// Comments are left out: JSON has none.
    pub(super) fn map(&mut self, map: &Map) -> Result<()> {
        let pairs = map.members.iter().filter_map(|member| if let Member::Pair(pair) = member { Some(pair) } else { None });
        self.container(*b"{}", pairs, |writer, pair| {
            writer.string(pair.key.as_bytes());
            writer.raw(b": ");
            writer.node(&pair.value)
        })
    }

    fn list(&mut self, list: &List) -> Result<()> {
        let nodes = list.elements.iter().filter_map(|element| if let Element::Node(node) = element { Some(node) } else { None });
        self.container(*b"[]", nodes, Self::node)
    }

    fn container<T>(&mut self, brackets: [u8; 2], members: impl Iterator<Item = T>, mut write: impl FnMut(&mut Self, T) -> Result<()>) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH + 1 {
            return Err(Error::new(ErrorKind::Unencryptable, format!("write JSON that nests deeper than {MAX_DEPTH} levels")));
        }
        let mut empty = true;
        self.out.push(brackets[0]);
        for member in members {
            if !empty {
                self.out.push(b',');
                if matches!(self.layout, Layout::Inline) {
                    self.out.push(b' ');
                }
            }
            empty = false;
            self.line(self.depth);
            write(self, member)?;
        }
        self.depth -= 1;
        if !empty {
            self.line(self.depth);
        }
        self.out.push(brackets[1]);
        Ok(())
    }

    fn line(&mut self, depth: usize) {
        let Layout::Lines { base, unit, end } = self.layout else { return };
        self.raw(end);
        self.raw(base);
        (0..depth).for_each(|_| self.raw(unit));
    }

    pub(super) fn scalar(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Null => self.raw(b"null"),
            Value::Bool(truth) => self.raw(if *truth { b"true" } else { b"false" }),
            Value::Int(number) => self.raw(number.to_string().as_bytes()),
            Value::Float(number) if *number == 0.0 && number.is_sign_negative() && self.strictness == Strictness::ReadsBack => self.raw(b"-0.0"),
            Value::Float(number) => {
                let text = json_float(*number);
                let text = text.ok_or_else(|| Error::new(ErrorKind::Unencryptable, "write as JSON a number that is infinite, or none at all"))?;
                self.raw(text.as_bytes());
            }
            Value::Time(time) => self.string(time.as_bytes()),
            Value::Text(text) => {
                // EXPOSE: the text is written.
                let text = text.expose();
                if self.strictness == Strictness::ReadsBack && std::str::from_utf8(text).is_err() {
                    return Err(Error::new(ErrorKind::Unencryptable, "write as JSON, without encrypting them, bytes that are not UTF-8"));
                }
                self.string(text);
            }
        }
        Ok(())
    }

    /// *Source*: `encoding/json`, Go 1.26, with what is special in HTML escaped.
    pub(super) fn string(&mut self, text: &[u8]) {
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        // Without a way out in between, many bytes are compared at once.
        if text.iter().fold(true, |all, byte| all & is_ordinary(*byte)) {
            self.raw(text);
        } else {
            for chunk in text.utf8_chunks() {
                self.characters(chunk.valid());
                chunk.invalid().iter().for_each(|_| self.raw(b"\\ufffd"));
            }
        }
        self.out.push(b'"');
    }

    fn characters(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut done = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let length = match byte {
                b'"' | b'\\' | b'<' | b'>' | b'&' | ..b' ' => 1,
                0xe2 if matches!(bytes.get(at + 1..at + 3), Some([0x80, 0xa8 | 0xa9])) => 3,
                _ => continue,
            };
            self.raw(bytes.get(done..at).unwrap_or_default());
            self.escape(*byte, bytes.get(at + 2).copied().unwrap_or_default());
            done = at + length;
        }
        self.raw(bytes.get(done..).unwrap_or_default());
    }

    fn escape(&mut self, byte: u8, last: u8) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        match byte {
            b'"' | b'\\' => self.raw(&[b'\\', byte]),
            b'\n' => self.raw(b"\\n"),
            b'\r' => self.raw(b"\\r"),
            b'\t' => self.raw(b"\\t"),
            0x08 => self.raw(b"\\b"),
            0x0c => self.raw(b"\\f"),
            0xe2 => self.raw(&[b"\\u202", &DIGITS[usize::from(last & 15)..][..1]].concat()),
            _ => self.raw(&[b"\\u00", &DIGITS[usize::from(byte >> 4)..][..1], &DIGITS[usize::from(byte & 15)..][..1]].concat()),
        }
    }
}

/// True for what stands for itself, as all of a ciphertext does.
fn is_ordinary(byte: u8) -> bool {
    let special = (byte == b'"') | (byte == b'\\') | (byte == b'<') | (byte == b'>') | (byte == b'&');
    (b' '..0x7f).contains(&byte) & !special
}
