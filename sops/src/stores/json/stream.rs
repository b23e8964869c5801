//! JSON from its first byte to its last, without a tree.

use std::borrow::Cow;

use zeroize::{Zeroize, Zeroizing};

use super::Json;
use super::compare::says_again;
use super::read::Reader;
use super::write::{Layout, Strictness, Writer};
use crate::document::{Document, Leaf, Map, Member, Node, Pair, Span, Value};
use crate::error::Result;
use crate::leaf::{self, Kind, Plain};
use crate::metadata::METADATA_KEY;
use crate::same::same_value;
use crate::store::{Outline, Passage, Stream};
use crate::walk::{Direction, MAX_DEPTH, Way};

impl Stream for Json {
    fn outline(&self, source: &[u8]) -> Option<Outline> {
        let mut outline = Outline { document: Document::default(), leaves: 0, growth: 0, shrinkage: 0 };
        let mut reader = Reader::new(source);
        let branch = reader.ends(&mut outline).ok().flatten()?;
        reader.space();
        if reader.peek().is_some() {
            return None;
        }
        outline.document.branches.push(branch);
        Some(outline)
    }

    fn pass(&self, source: &[u8], outline: &Outline, way: &mut Way<'_>) -> Option<Passage> {
        let bytes = match way.direction {
            Direction::Decrypt => source.len().saturating_sub(outline.shrinkage),
            // Room for the metadata, too.
            Direction::Encrypt => source.len() + outline.growth + 4096,
        };
        let writer = Writer::with_capacity(Layout::Inline, Strictness::ReadsBack, bytes);
        let mut pass = Pass { source, reader: Reader::new(source), way, writer, end: 0, places: Vec::with_capacity(outline.leaves) };
        pass.reader.space();
        pass.map(None, 0)?;
        Some(Passage { text: Zeroizing::new(std::mem::take(pass.writer.written())), end: pass.end, places: pass.places })
    }

    fn says_again(&self, old: &[u8], new: &[u8], places: &[Span], metadata: Option<&Node>) -> bool {
        says_again(old, new, places, metadata)
    }
}

impl Reader<'_> {
    /// Reads the top mapping, and keeps its ends, or its metadata. `None` if the file begins with something else.
    fn ends(&mut self, outline: &mut Outline) -> Result<Option<Map>> {
        self.space();
        let (start, mut first, mut before, mut last, mut metadata) = (self.at, None, None, None, Vec::new());
        if self.peek() != Some(b'{') {
            return Ok(None);
        }
        self.at += 1;
        let mut open = !self.is_empty(b'}');
        while open {
            self.space();
            let start = self.at;
            let is_metadata = self.key()? == METADATA_KEY;
            self.pass(b':')?;
            self.space();
            let at = self.at;
            let value = if is_metadata {
                self.node(1)?
            } else {
                self.skip(1, outline)?;
                Node::Leaf(Leaf { value: Value::Null, span: Span::new(at, self.at) })
            };
            let key = if is_metadata { METADATA_KEY } else { "" };
            let pair = Pair { key: key.to_owned(), value, span: Span::new(start, self.at) };
            if is_metadata {
                metadata.push(pair);
            } else if first.is_none() {
                first = Some(pair);
            } else {
                before = last.replace(pair);
            }
            open = self.goes_on(b'}')?;
        }
        let ends = if metadata.is_empty() { [first, before, last].into_iter().flatten().collect() } else { metadata };
        Ok(Some(Map { members: ends.into_iter().map(Member::Pair).collect(), span: Span::new(start, self.at) }))
    }

    /// Reads a value, and keeps nothing of it but how long it may become.
    fn skip(&mut self, depth: usize, outline: &mut Outline) -> Result<()> {
        self.space();
        let start = self.at;
        match self.peek() {
            Some(open @ (b'{' | b'[')) if depth <= MAX_DEPTH => {
                let close = if open == b'{' { b'}' } else { b']' };
                self.at += 1;
                let mut more = !self.is_empty(close);
                while more {
                    if open == b'{' {
                        self.space();
                        let start = self.at;
                        let key = self.spelled_key()?;
                        self.check_escapes(key, start)?;
                        self.pass(b':')?;
                    }
                    self.skip(depth + 1, outline)?;
                    more = self.goes_on(close)?;
                }
                return Ok(());
            }
            Some(b'"') => {
                let content = self.content()?;
                self.check_escapes(content, start)?;
            }
            // Deeper than anything may be is refused there.
            _ => drop(self.node(depth)?),
        }
        let bytes = self.since(start).len();
        outline.leaves += 1;
        outline.growth += leaf::written_length(bytes) - bytes;
        if self.since(start).get(1..).is_some_and(|text| text.starts_with(leaf::PREFIX)) {
            let plain = bytes.saturating_sub(leaf::written_length(0)) / 4 * 3 + 8;
            outline.shrinkage += bytes.saturating_sub(plain);
        }
        Ok(())
    }

    fn check_escapes(&self, content: &[u8], start: usize) -> Result<()> {
        if memchr::memchr(b'\\', content).is_some() {
            drop(Zeroizing::new(self.unescaped(content, start + 1)?));
        }
        Ok(())
    }
}

struct Pass<'s, 'w, 'a> {
    source: &'s [u8],
    reader: Reader<'s>,
    way: &'w mut Way<'a>,
    writer: Writer<'static>,
    /// The byte of the source as far as which all is written.
    end: usize,
    places: Vec<Span>,
}

impl Pass<'_, '_, '_> {
    fn map(&mut self, key: Option<&str>, depth: usize) -> Option<()> {
        self.way.walk.enter(key);
        self.reader.pass(b'{').ok()?;
        let mut open = !self.reader.is_empty(b'}');
        while open {
            let key = self.reader.key().ok()?;
            self.reader.pass(b':').ok()?;
            if depth == 0 && key == METADATA_KEY {
                self.reader.node(1).ok()?;
            } else {
                let place = self.way.go(&key);
                self.node(Some(&key), depth + 1)?;
                self.way.back(&place);
            }
            open = self.reader.goes_on(b'}').ok()?;
        }
        self.way.walk.leave();
        Some(())
    }

    fn list(&mut self, key: Option<&str>, depth: usize) -> Option<()> {
        self.way.walk.enter(key);
        self.reader.pass(b'[').ok()?;
        let mut open = !self.reader.is_empty(b']');
        while open {
            self.node(None, depth + 1)?;
            self.way.walk.pass();
            open = self.reader.goes_on(b']').ok()?;
        }
        self.way.walk.leave();
        Some(())
    }

    fn node(&mut self, key: Option<&str>, depth: usize) -> Option<()> {
        self.reader.space();
        let start = self.reader.at;
        if depth > MAX_DEPTH {
            return None;
        }
        match (self.reader.peek()?, self.way.direction) {
            (b'{', _) => self.map(key, depth),
            (b'[', _) => self.list(key, depth),
            (b'"', direction) => {
                let content = self.reader.content().ok()?;
                // A ciphertext means what it is spelled; one with escapes in it does not open so, and is left to the tree.
                if direction == Direction::Decrypt && self.way.walk.is_selected(key) && content.starts_with(leaf::PREFIX) {
                    return self.decrypt(start, content);
                }
                let mut text = self.reader.meant(content, start).ok()?;
                let done = match direction {
                    Direction::Decrypt if text.is_empty() || !self.way.walk.is_selected(key) => {
                        self.way.hash(false, text.as_bytes());
                        Some(())
                    }
                    Direction::Decrypt => None,
                    Direction::Encrypt => self.encrypt(start, Kind::Text, text.as_bytes(), key),
                };
                if let Cow::Owned(copy) = &mut text {
                    copy.zeroize();
                }
                done
            }
            (_, direction) => {
                let value = self.reader.number_or_word().ok()?;
                let Some(kind) = Kind::of(&value) else { return Some(()) };
                leaf::with_bytes(&value, |bytes| match direction {
                    Direction::Decrypt if self.way.walk.is_selected(key) => None,
                    Direction::Decrypt => {
                        self.way.hash(false, bytes);
                        Some(())
                    }
                    Direction::Encrypt => self.encrypt(start, kind, bytes, key),
                })
            }
        }
    }

    fn encrypt(&mut self, start: usize, kind: Kind, bytes: &[u8], key: Option<&str>) -> Option<()> {
        let selected = self.way.walk.is_selected(key);
        self.way.hash(selected, bytes);
        if !selected || bytes.is_empty() {
            return Some(());
        }
        let place = self.begin(start);
        let text = self.writer.written();
        text.push(b'"');
        self.way.encrypt(kind, bytes, text).ok()?;
        text.push(b'"');
        self.end(place);
        Some(())
    }

    fn decrypt(&mut self, start: usize, text: &[u8]) -> Option<()> {
        let value = match self.way.open(text).ok()? {
            // What was a comment is one again, or an error.
            Kind::Comment => return None,
            Kind::Bytes | Kind::Text => None,
            kind => Some(leaf::plain(kind, self.way.opened_secret()).ok()?),
        };
        let place = self.begin(start);
        match value {
            Some(Plain::Value(value)) => {
                leaf::with_bytes(&value, |bytes| self.way.hash(true, bytes));
                self.writer.scalar(&value).ok()?;
                let read = Reader::new(self.writer.written().get(place..)?).node(0);
                if !matches!(read, Ok(Node::Leaf(read)) if same_value(&read.value, &value)) {
                    return None;
                }
            }
            Some(Plain::Comment(_)) => return None,
            None => {
                self.way.hash_opened();
                let bytes = self.way.opened();
                self.writer.string(bytes);
                // What reads back as another text is not given out.
                let mut read = Reader::new(self.writer.written().get(place..)?);
                if !read.says_text(bytes).unwrap_or(false) {
                    return None;
                }
            }
        }
        self.end(place);
        Some(())
    }

    /// Writes all before a value that changes; gives its place in the new text.
    fn begin(&mut self, start: usize) -> usize {
        self.writer.raw(self.source.get(self.end..start).unwrap_or_default());
        self.writer.written().len()
    }

    fn end(&mut self, place: usize) {
        self.end = self.reader.at;
        let end = self.writer.written().len();
        self.places.push(Span::new(place, end));
    }
}
