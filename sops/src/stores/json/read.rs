//! Reads JSON, with the place of everything.

use std::borrow::Cow;

use keys::SecretBytes;

use crate::document::{Document, Element, Leaf, List, Map, Member, Node, Pair, Span, Value};
use crate::error::{Error, ErrorKind, Position, Result};
use crate::walk::MAX_DEPTH;

/// What stands for bytes that are no text.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Reads a file.
///
/// # Errors
/// Malformed, with the place.
pub(super) fn document(source: &[u8]) -> Result<Document> {
    let mut reader = Reader::new(source);
    if source.starts_with(b"\xef\xbb\xbf") {
        return Err(reader.error(0, "a byte order mark stands at its start"));
    }
    reader.space();
    if reader.peek() != Some(b'{') {
        return Err(reader.error(reader.at, "it is not an object: it does not start with `{`"));
    }
    let map = reader.map(0)?;
    reader.space();
    if reader.at < source.len() {
        return Err(reader.error(reader.at, "something follows the object"));
    }
    Ok(Document { branches: vec![map], ..Document::default() })
}

/// Finds the end of the string that starts at a byte.
pub(super) fn string_end(source: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = source.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        if source.get(at + found) == Some(&b'"') {
            return at + found + 1;
        }
        at += found + 2;
    }
    source.len()
}

/// Reads from start to end.
pub(super) struct Reader<'s> {
    source: &'s [u8],
    pub(super) at: usize,
    /// Members of the mapping that was read last: the next one has often as many.
    usual: usize,
}

impl<'s> Reader<'s> {
    pub(super) fn new(source: &'s [u8]) -> Self {
        Self { source, at: 0, usual: 0 }
    }

    /// What was read since a byte.
    pub(super) fn since(&self, start: usize) -> &'s [u8] {
        self.source.get(start..self.at).unwrap_or_default()
    }

    fn error(&self, at: usize, what: &str) -> Error {
        Error::new(ErrorKind::Malformed, format!("read the file as JSON: {what}")).at(Position::of(self.source, at))
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    pub(super) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Passes a byte that has to come next.
    pub(super) fn pass(&mut self, byte: u8) -> Result<()> {
        self.space();
        if self.peek() != Some(byte) {
            return Err(self.error(self.at, &format!("`{}` is missing", char::from(byte))));
        }
        self.at += 1;
        Ok(())
    }

    /// Passes a comma, or the end of what was opened: then it is false.
    pub(super) fn goes_on(&mut self, end: u8) -> Result<bool> {
        self.space();
        let byte = self.peek();
        if byte != Some(b',') && byte != Some(end) {
            return Err(self.error(self.at, &format!("`,` or `{}` is missing", char::from(end))));
        }
        self.at += 1;
        Ok(byte == Some(b','))
    }

    pub(super) fn is_empty(&mut self, end: u8) -> bool {
        self.space();
        let empty = self.peek() == Some(end);
        self.at += usize::from(empty);
        empty
    }

    fn map(&mut self, depth: usize) -> Result<Map> {
        let start = self.at;
        let mut members = Vec::with_capacity(self.usual.min(16));
        self.at += 1;
        if !self.is_empty(b'}') {
            loop {
                self.space();
                let start = self.at;
                let key = self.key()?.into_owned();
                self.pass(b':')?;
                let value = self.node(depth + 1)?;
                members.push(Member::Pair(Pair { key, value, span: Span::new(start, self.at) }));
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        self.usual = members.len();
        Ok(Map { members, span: Span::new(start, self.at) })
    }

    /// Reads a key, which has to come next.
    pub(super) fn key(&mut self) -> Result<Cow<'s, str>> {
        self.space();
        let start = self.at;
        let content = self.spelled_key()?;
        self.meant(content, start)
    }

    /// As [`Reader::key`], as it is spelled.
    pub(super) fn spelled_key(&mut self) -> Result<&'s [u8]> {
        self.space();
        if self.peek() != Some(b'"') {
            return Err(self.error(self.at, "a key in quotes is missing"));
        }
        self.content()
    }

    fn list(&mut self, depth: usize) -> Result<List> {
        let start = self.at;
        let mut elements = Vec::new();
        self.at += 1;
        if !self.is_empty(b']') {
            loop {
                elements.push(Element::Node(self.node(depth + 1)?));
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        Ok(List { elements, span: Span::new(start, self.at) })
    }

    pub(super) fn node(&mut self, depth: usize) -> Result<Node> {
        self.space();
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err(self.error(start, &format!("it nests deeper than {MAX_DEPTH} levels")));
        }
        let value = match self.peek() {
            Some(b'{') => return self.map(depth).map(Node::Map),
            Some(b'[') => return self.list(depth).map(Node::List),
            Some(b'"') => Value::Text(SecretBytes::new(self.string()?)),
            _ => self.number_or_word()?,
        };
        Ok(Node::Leaf(Leaf { value, span: Span::new(start, self.at) }))
    }

    /// Reads a scalar that has no quotes.
    pub(super) fn number_or_word(&mut self) -> Result<Value> {
        if matches!(self.peek(), Some(b'-' | b'0'..=b'9')) { self.number() } else { self.word() }
    }

    fn word(&mut self) -> Result<Value> {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let words: [(&[u8], Value); 3] = [(b"true", Value::Bool(true)), (b"false", Value::Bool(false)), (b"null", Value::Null)];
        for (word, value) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.error(self.at, "a value is missing"))
    }

    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if start == self.at { Err(self.error(start, "a digit is missing")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Value> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let first = self.at;
        self.digits()?;
        if self.source.get(first) == Some(&b'0') && self.at > first + 1 {
            return Err(self.error(first, "a number starts with a zero"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let text = self.source.get(start..self.at).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        if let Ok(number) = text.parse() {
            return Ok(Value::Int(number));
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err(self.error(start, "a number is too large")),
        }
    }

    /// Reads a string as Go does: bytes that are no text, and halves of pairs, are replaced.
    fn string(&mut self) -> Result<Vec<u8>> {
        let start = self.at;
        let content = self.content()?;
        if memchr::memchr(b'\\', content).is_none() {
            return Ok(replaced(content));
        }
        self.unescaped(content, start + 1)
    }

    /// What the content of a string that starts at a byte means, as [`Reader::string`] reads it; no copy where it is spelled as it is meant.
    pub(super) fn meant(&self, content: &'s [u8], start: usize) -> Result<Cow<'s, str>> {
        match std::str::from_utf8(content) {
            Ok(text) if memchr::memchr(b'\\', content).is_none() => Ok(Cow::Borrowed(text)),
            // Bytes that are no text are replaced.
            _ => self.unescaped(content, start + 1).map(|text| Cow::Owned(String::from_utf8(text).unwrap_or_default())),
        }
    }

    /// Passes a string, and gives what stands between its quotes.
    pub(super) fn content(&mut self) -> Result<&'s [u8]> {
        let start = self.at;
        let end = string_end(self.source, start);
        let content = self.source.get(start + 1..end - 1).unwrap_or_default();
        // Without a way out in between, many bytes are compared at once.
        if content.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < b' ' {
            let at = content.iter().position(|byte| *byte < b' ').unwrap_or_default();
            return Err(self.error(start + 1 + at, "a control character stands in a string"));
        }
        if end < start + 2 || self.source.get(end - 1) != Some(&b'"') || is_escaped(content) {
            return Err(self.error(start, "a string has no end"));
        }
        self.at = end;
        Ok(content)
    }

    pub(super) fn unescaped(&self, content: &[u8], start: usize) -> Result<Vec<u8>> {
        let mut text = Vec::with_capacity(content.len());
        let mut rest = content;
        while let Some(found) = memchr::memchr(b'\\', rest) {
            let (before, escape) = rest.split_at(found);
            text.extend_from_slice(&replaced(before));
            let bad = || self.error(start + content.len() - escape.len(), "a string has an escape that does not exist");
            let (character, length) = escaped(escape).ok_or_else(bad)?;
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = escape.get(length..).unwrap_or_default();
        }
        text.extend_from_slice(&replaced(rest));
        Ok(text)
    }
}

/// True if the last backslash is not itself escaped.
fn is_escaped(content: &[u8]) -> bool {
    content.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Reads one escape: the character, and how many bytes it took.
fn escaped(escape: &[u8]) -> Option<(char, usize)> {
    let simple = |character| Some((character, 2));
    match escape.get(1)? {
        b'"' => simple('"'),
        b'\\' => simple('\\'),
        b'/' => simple('/'),
        b'b' => simple('\u{8}'),
        b'f' => simple('\u{c}'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'u' => {
            let first = hexadecimal(escape.get(2..6)?)?;
            if let Some(character) = char::from_u32(first) {
                return Some((character, 6));
            }
            let second = escape.get(6..8).filter(|start| start == b"\\u").and_then(|_| hexadecimal(escape.get(8..12)?));
            match second {
                Some(second @ 0xdc00..0xe000) if first < 0xdc00 => {
                    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).map(|character| (character, 12))
                }
                _ => Some((char::REPLACEMENT_CHARACTER, 6)),
            }
        }
        _ => None,
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| Some(number * 16 + char::from(*digit).to_digit(16)?))
}

/// Replaces each byte that is no text.
pub(super) fn replaced(bytes: &[u8]) -> Vec<u8> {
    if std::str::from_utf8(bytes).is_ok() {
        return bytes.to_vec();
    }
    let mut text = Vec::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        text.extend_from_slice(chunk.valid().as_bytes());
        chunk.invalid().iter().for_each(|_| text.extend_from_slice(REPLACEMENT));
    }
    text
}
