//! Reads TOML into a tree, with the place of everything.

use std::collections::HashMap;
use std::ops::Range;

use keys::SecretBytes;
use toml_edit::{Array, Datetime, Item, Key, TableLike};

use crate::document::{Comment, Document, Element, Leaf, List, Map, Member, Node, Pair, Span, Value};
use crate::error::{Error, ErrorKind, Position, Result};
use crate::leaf::parse_time;

/// Reads a file. How deep it may nest is limited by the library, below what others here can walk.
///
/// # Errors
/// Malformed, with the place.
pub(super) fn document(source: &[u8]) -> Result<Document> {
    let malformed = |at, what: &str| Error::new(ErrorKind::Malformed, format!("read the file as TOML: {what}")).at(Position::of(source, at));
    let text = std::str::from_utf8(source).map_err(|error| malformed(error.valid_up_to(), "it is not UTF-8"))?;
    // Messages of the library are fixed texts.
    let parsed = toml_edit::Document::parse(text).map_err(|error| malformed(error.span().unwrap_or_default().start, error.message()))?;
    let mut anchors = Vec::new();
    let mut headers = Vec::new();
    find_anchors(parsed.as_table(), usize::MAX, &mut anchors, &mut headers);
    anchors.sort_unstable_by_key(|anchor| anchor.start);
    headers.sort_unstable();
    let (comments, rest) = comments(source, &anchors);
    let mut builder = Builder { source, headers, comments, objection: None };
    let (mut members, span) = builder.members(parsed.as_table());
    members.extend(rest.into_iter().map(|note| Member::Comment(note.comment(source))));
    Ok(Document { branches: vec![Map { members, span: span.direct }], objection: builder.objection, ..Document::default() })
}

/// A comment, found in the text.
struct Note {
    start: usize,
    end: usize,
    inline: bool,
}

impl Note {
    fn comment(&self, source: &[u8]) -> Comment {
        let text = source.get(self.start..self.end).unwrap_or_default().to_vec();
        Comment { text: SecretBytes::new(text), inline: self.inline, span: Span::new(self.start, self.end) }
    }
}

/// Where something starts that comments may belong to.
#[derive(Clone, Copy)]
struct Anchor {
    start: usize,
    /// Where the brackets end in which it stands.
    within: usize,
}

/// Collects where keys, elements and headers start.
fn find_anchors(table: &dyn TableLike, within: usize, anchors: &mut Vec<Anchor>, headers: &mut Vec<usize>) {
    for (name, item) in table.iter() {
        let span = table.get_key_value(name).and_then(|(key, _)| key.span());
        anchors.extend(span.map(|span| Anchor { start: span.start, within }));
        anchors_of_item(item, within, anchors, headers);
    }
}

fn anchors_of_item(item: &Item, within: usize, anchors: &mut Vec<Anchor>, headers: &mut Vec<usize>) {
    if let Item::Table(table) = item {
        headers.extend(header(table).map(|span| span.start));
    }
    if let Some(tables) = item.as_array_of_tables() {
        for table in tables {
            let start = header(table).map(|span| span.start);
            anchors.extend(start.map(|start| Anchor { start, within }));
            headers.extend(start);
            find_anchors(table, within, anchors, headers);
        }
    } else if let Some(table) = item.as_inline_table().filter(|table| !table.is_dotted()) {
        find_anchors(table, table.span().map_or(within, |span| span.end), anchors, headers);
    } else if let Some(table) = item.as_table_like() {
        find_anchors(table, within, anchors, headers);
    } else if let Some(array) = item.as_array() {
        anchors_of_array(array, anchors);
    }
}

fn anchors_of_array(array: &Array, anchors: &mut Vec<Anchor>) {
    let within = array.span().map_or(usize::MAX, |span| span.end);
    for value in array {
        anchors.extend(value.span().map(|span| Anchor { start: span.start, within }));
        if let Some(array) = value.as_array() {
            anchors_of_array(array, anchors);
        } else if let Some(table) = value.as_inline_table() {
            find_anchors(table, table.span().map_or(within, |span| span.end), anchors, &mut Vec::new());
        }
    }
}

/// The place of a header, of a table that has one.
fn header(table: &toml_edit::Table) -> Option<Range<usize>> {
    table.span().filter(|span| !table.is_dotted() && !table.is_implicit() && span.end > span.start)
}

/// Finds every comment, by what it belongs to; the rest belongs to nothing.
fn comments(source: &[u8], anchors: &[Anchor]) -> (HashMap<usize, Vec<Note>>, Vec<Note>) {
    let mut found: HashMap<usize, Vec<Note>> = HashMap::new();
    let mut rest = Vec::new();
    let mut at = 0;
    while let Some(next) = source.get(at..).and_then(|text| memchr::memchr3(b'#', b'"', b'\'', text)).map(|length| at + length) {
        if source.get(next) != Some(&b'#') {
            at = string_end(source, next);
            continue;
        }
        let text = source.get(next + 1..).unwrap_or_default();
        let length = memchr::memchr(b'\n', text).unwrap_or(text.len());
        let length = length - usize::from(text.get(..length).is_some_and(|line| line.ends_with(b"\r")));
        at = next + 1 + length;
        let line = memchr::memrchr(b'\n', source.get(..next).unwrap_or_default()).map_or(0, |end| end + 1);
        let inline = !source.get(line..next).unwrap_or_default().trim_ascii().is_empty();
        let after = anchors.partition_point(|anchor| anchor.start < next);
        let before = anchors.get(..after).unwrap_or_default();
        let owner = if inline { before.iter().rev().find(|anchor| anchor.within > next) } else { anchors.get(after) };
        let note = Note { start: next + 1, end: at, inline };
        match owner {
            Some(owner) => found.entry(owner.start).or_default().push(note),
            None => rest.push(note),
        }
    }
    (found, rest)
}

/// Passes a string of any of the four kinds.
fn string_end(source: &[u8], start: usize) -> usize {
    let text = source.get(start..).unwrap_or_default();
    let quote = text.first().copied().unwrap_or_default();
    let long = text.starts_with(&[quote; 3]);
    let mut at = if long { 3 } else { 1 };
    while let Some(byte) = text.get(at) {
        if *byte == b'\\' && quote == b'"' {
            at += 2;
        } else if *byte == quote && !long {
            return start + at + 1;
        } else if *byte == quote && text.get(at..).is_some_and(|rest| rest.starts_with(&[quote; 3])) {
            // Up to two quotes may stand before the last three.
            let more = text.get(at + 3..).unwrap_or_default().iter().take(2).take_while(|byte| **byte == quote).count();
            return start + at + 3 + more;
        } else {
            at += 1;
        }
    }
    source.len()
}

struct Builder<'s> {
    source: &'s [u8],
    /// Where headers start, in order.
    headers: Vec<usize>,
    comments: HashMap<usize, Vec<Note>>,
    objection: Option<Error>,
}

/// How far the members of a mapping reach.
#[derive(Clone, Copy, Default)]
struct Extent {
    /// Those without headers of their own.
    direct: Span,
    /// Of all of them: the last byte, and the number of headers.
    end: usize,
    headers: usize,
}

impl Builder<'_> {
    fn notes(&mut self, anchor: usize) -> Vec<Comment> {
        let notes = self.comments.remove(&anchor).unwrap_or_default();
        notes.into_iter().map(|note| note.comment(self.source)).collect()
    }

    fn members(&mut self, table: &dyn TableLike) -> (Vec<Member>, Extent) {
        let mut members = Vec::new();
        let mut extent = Extent::default();
        for (name, item) in table.iter() {
            let key = table.get_key_value(name).and_then(|(key, _): (&Key, &Item)| key.span()).unwrap_or_default();
            members.extend(self.notes(key.start).into_iter().map(Member::Comment));
            let (value, reach) = self.item(item);
            let span = if self.is_whole(key.start, reach) { Span::new(key.start, reach.end) } else { Span::default() };
            let is_direct = reach.headers == 0;
            if is_direct && !span.is_unknown() {
                let start = if extent.direct.is_unknown() { key.start } else { extent.direct.range().start.min(key.start) };
                extent.direct = Span::new(start, extent.direct.range().end.max(reach.end));
            }
            extent.end = extent.end.max(reach.end);
            extent.headers += reach.headers;
            members.push(Member::Pair(Pair { key: name.to_owned(), value, span }));
        }
        (members, extent)
    }

    /// True if no header of anybody else lies between.
    fn is_whole(&self, start: usize, reach: Extent) -> bool {
        // The key stands behind the bracket of its own header.
        let from = self.headers.partition_point(|header| *header < start);
        let own = usize::from(reach.headers > 0);
        self.headers.partition_point(|header| *header < reach.end) - from + own == reach.headers
    }

    fn item(&mut self, item: &Item) -> (Node, Extent) {
        match item {
            Item::Table(table) => self.table(table),
            Item::ArrayOfTables(tables) => {
                let mut list = List::default();
                let mut extent = Extent::default();
                for table in tables {
                    let start = header(table).map_or(0, |span| span.start);
                    list.elements.extend(self.notes(start).into_iter().map(Element::Comment));
                    let (node, reach) = self.table(table);
                    extent.end = extent.end.max(reach.end);
                    extent.headers += reach.headers;
                    list.elements.push(Element::Node(node));
                }
                (Node::List(list), extent)
            }
            Item::Value(value) => self.value(value),
            Item::None => (Node::leaf(Value::Null), Extent::default()),
        }
    }

    fn table(&mut self, table: &toml_edit::Table) -> (Node, Extent) {
        let (members, mut extent) = self.members(table);
        let mut span = extent.direct;
        if let Some(header) = header(table) {
            extent.headers += 1;
            extent.end = extent.end.max(header.end);
            let brackets = self.source.get(header.clone()).unwrap_or_default().iter().take_while(|byte| **byte == b'[').count();
            span = Span::new(header.start + brackets, extent.end);
        }
        (Node::Map(Map { members, span }), extent)
    }

    fn value(&mut self, value: &toml_edit::Value) -> (Node, Extent) {
        let place = value.span().unwrap_or_default();
        let extent = Extent { end: place.end, ..Extent::default() };
        let span = Span::new(place.start, place.end);
        let scalar = match value {
            toml_edit::Value::String(text) => Value::Text(SecretBytes::new(text.value().clone().into_bytes())),
            toml_edit::Value::Integer(number) => Value::Int(*number.value()),
            toml_edit::Value::Float(number) => Value::Float(*number.value()),
            toml_edit::Value::Boolean(truth) => Value::Bool(*truth.value()),
            toml_edit::Value::Datetime(time) => self.time(*time.value(), place.start),
            toml_edit::Value::Array(array) => {
                let mut list = List { elements: Vec::new(), span };
                for value in array {
                    let start = value.span().unwrap_or_default().start;
                    list.elements.extend(self.notes(start).into_iter().map(Element::Comment));
                    let (node, _) = self.value(value);
                    list.elements.push(Element::Node(node));
                }
                return (Node::List(list), extent);
            }
            toml_edit::Value::InlineTable(table) => {
                let (members, inner) = self.members(table);
                let braced = !table.is_dotted() && self.source.get(place.start) == Some(&b'{');
                let span = if braced { span } else { inner.direct };
                return (Node::Map(Map { members, span }), Extent { end: extent.end.max(inner.end), ..extent });
            }
        };
        (Node::Leaf(Leaf { value: scalar, span }), extent)
    }

    fn time(&mut self, time: Datetime, at: usize) -> Value {
        let text = time.to_string();
        let known = time.offset.and_then(|_| parse_time(&text));
        if known.is_none() {
            let what = "encrypt a date or a time of TOML without an offset: no type of sops holds it, write it as a text";
            self.objection.get_or_insert(Error::new(ErrorKind::Unencryptable, what).at(Position::of(self.source, at)));
        }
        Value::Time(known.unwrap_or(text))
    }
}
