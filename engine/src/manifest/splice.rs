//! Changes to single values of a text; every byte that is not part of a change stays as it was.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::{Map, Value};

use super::node::{Entry, Kind, Node, Style};
use super::text::{Encoding, UTF8_BOM};
use super::write::scalar;
use super::{Format, Manifest, json, yaml};
use crate::error::{Error, ErrorKind, Result};

mod cut;

/// Strings to put into one manifest, and entries to take out of it.
pub struct Edits<'a> {
    manifest: &'a Manifest,
    puts: Vec<Put<'a>>,
    cuts: Vec<cut::Cut<'a>>,
}

struct Put<'a> {
    object: &'a Node,
    path: Vec<&'a str>,
    value: String,
}

impl<'a> Edits<'a> {
    pub(super) fn new(manifest: &'a Manifest) -> Self {
        Self { manifest, puts: Vec::new(), cuts: Vec::new() }
    }

    /// Puts a string at the end of a path of keys below an object of this manifest; mappings that are missing are added.
    ///
    /// The last put to a place wins.
    pub fn put(&mut self, object: &'a Node, path: &[&'a str], value: impl Into<String>) {
        self.puts.push(Put { object, path: path.to_vec(), value: value.into() });
    }

    /// True if nothing is to be changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.cuts.is_empty()
    }

    /// Makes the new text of the whole file.
    ///
    /// The result is read again and compared with what was asked for before anybody sees it.
    ///
    /// # Errors
    /// Input: the file is UTF-16, or a value stands behind an anchor, alias or merge key. Bug: the result would say something else.
    pub fn apply(self) -> Result<Vec<u8>> {
        if self.manifest.encoding() == Encoding::Utf16 {
            return Err(Error::input("change the file in place: it is UTF-16").advise("Save it as UTF-8 first"));
        }
        let text = replace(&self.manifest.text, &self.changes()?)?;
        self.check(&text)?;
        let mark: &[u8] = if self.manifest.encoding() == Encoding::Utf8Bom { UTF8_BOM } else { b"" };
        Ok([mark, text.as_bytes()].concat())
    }

    /// What is to go and what is to come, in the order of the text.
    pub(super) fn changes(&self) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        let mut additions: Vec<(&Entry, Addition)> = Vec::new();
        let mut members: Vec<(&Node, Addition)> = Vec::new();
        let mut places = HashSet::new();
        let last = |put: &&Put<'a>| places.insert((std::ptr::from_ref(put.object), put.path.clone()));
        let puts: Vec<&Put<'a>> = self.puts.iter().rev().filter(last).collect();
        for put in puts.into_iter().rev() {
            self.plan(put, &mut changes, &mut additions, &mut members)?;
        }
        let writer = Writer { text: &self.manifest.text, format: self.manifest.format };
        for (entry, addition) in &additions {
            writer.fill(entry, addition, &mut changes)?;
        }
        for (map, addition) in &members {
            writer.add(map, addition, &mut changes)?;
        }
        changes.extend(self.cuts.iter().map(cut::Cut::change));
        changes.sort_by_key(|change| (change.range.start, std::cmp::Reverse(change.indent)));
        Ok(changes)
    }

    /// Decides whether a put replaces a scalar, fills an empty value or adds a member to a mapping.
    fn plan<'p>(
        &self,
        put: &'p Put<'a>,
        changes: &mut Vec<Change>,
        additions: &mut Vec<(&'p Entry, Addition)>,
        members: &mut Vec<(&'p Node, Addition)>,
    ) -> Result<()> {
        let mut map = put.object;
        for (depth, key) in put.path.iter().enumerate() {
            let rest = &put.path[depth + 1..];
            let Some(entry) = map.entry(key) else {
                refuse_shared(map)?;
                Addition::insert(slot(members, map, |a, b| std::ptr::eq(a, b)), &put.path[depth..], &put.value);
                return Ok(());
            };
            if entry.value.is_null() {
                refuse_shared(&entry.value)?;
                let addition = slot(additions, entry, |a, b| std::ptr::eq(a, b));
                if rest.is_empty() {
                    *addition = Addition::Leaf(put.value.clone());
                } else {
                    Addition::insert(addition, rest, &put.value);
                }
                return Ok(());
            }
            if rest.is_empty() {
                return self.set(entry, &put.value, changes);
            }
            map = &entry.value;
            if !matches!(map.kind, Kind::Map(_)) {
                return Err(map.unexpected(key, "a mapping"));
            }
        }
        Ok(())
    }

    fn set(&self, entry: &Entry, value: &str, changes: &mut Vec<Change>) -> Result<()> {
        let node = &entry.value;
        refuse_shared(node)?;
        if node.text() == Some(value) {
            return Ok(());
        }
        let text = &self.manifest.text;
        match node.style {
            Style::Scalar => changes.push(Change::new(node.span.clone(), scalar(value, self.manifest.format))),
            Style::BlockScalar => {
                // The header (`|-`) becomes the value, its lines go; a comment behind the header and the line end behind the content stay.
                let header = header(text, entry);
                let line_end = line_end(text, header.end);
                // Without content the span may lie in the next line.
                let content = text[node.span.clone()].trim_end();
                let end = if content.is_empty() { line_end } else { node.span.start + content.len() };
                changes.push(Change::new(header, scalar(value, Format::Yaml)));
                changes.push(Change::new(line_end..end.max(line_end), ""));
            }
            Style::Block | Style::Flow => return Err(node.unexpected("the value to replace", "a string")),
        }
        Ok(())
    }

    /// Reads the result and compares it with the original, the puts and the cuts.
    fn check(&self, text: &str) -> Result<()> {
        let bug = || Error::new(ErrorKind::Bug, "change the file in place: the result would not read back as intended");
        let documents = if self.manifest.format == Format::Json { json::parse(text) } else { yaml::parse(text) }.map_err(|_| bug())?;
        let mut expected: Vec<Value> = self.manifest.documents.iter().map(Node::to_value).collect();
        for put in &self.puts {
            place(self.value_of(put.object, &mut expected).ok_or_else(bug)?, &put.path, &put.value);
        }
        for cut in &self.cuts {
            cut.take(self.value_of(cut.object, &mut expected).ok_or_else(bug)?);
        }
        if documents.iter().map(Node::to_value).eq(expected) { Ok(()) } else { Err(bug()) }
    }

    /// An object of the manifest among the values of its documents.
    fn value_of<'v>(&self, object: &Node, documents: &'v mut [Value]) -> Option<&'v mut Value> {
        let (index, steps) = self.manifest.documents.iter().enumerate().find_map(|(index, document)| Some((index, find(document, object)?)))?;
        steps.iter().rev().try_fold(documents.get_mut(index)?, |value, step| value.pointer_mut(&format!("/items/{step}")))
    }
}

/// The indices of nested Lists that lead to an object, the innermost first.
fn find(node: &Node, object: &Node) -> Option<Vec<usize>> {
    if std::ptr::eq(node, object) {
        return Some(Vec::new());
    }
    let Kind::List(items) = &node.get("items")?.kind else { return None };
    items.iter().enumerate().find_map(|(index, item)| {
        let mut steps = find(item, object)?;
        steps.push(index);
        Some(steps)
    })
}

fn place(value: &mut Value, path: &[&str], text: &str) {
    let Some((key, rest)) = path.split_first() else {
        *value = Value::String(text.to_owned());
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Value::Object(map) = value {
        place(map.entry(*key).or_insert(Value::Null), rest, text);
    }
}

/// What is added at one place.
enum Addition {
    Leaf(String),
    Branch(Vec<(String, Self)>),
}

impl Addition {
    fn insert(into: &mut Self, path: &[&str], value: &str) {
        let Some((key, rest)) = path.split_first() else {
            *into = Self::Leaf(value.to_owned());
            return;
        };
        if let Self::Leaf(_) = into {
            *into = Self::Branch(Vec::new());
        }
        if let Self::Branch(members) = into {
            let at = members.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
                members.push(((*key).to_owned(), Self::Branch(Vec::new())));
                members.len() - 1
            });
            Self::insert(&mut members[at].1, rest, value);
        }
    }
}

fn slot<T: Copy>(list: &mut Vec<(T, Addition)>, key: T, same: impl Fn(T, T) -> bool) -> &mut Addition {
    let at = list.iter().position(|(known, _)| same(*known, key)).unwrap_or_else(|| {
        list.push((key, Addition::Branch(Vec::new())));
        list.len() - 1
    });
    &mut list[at].1
}

fn refuse_shared(node: &Node) -> Result<()> {
    if node.shared { Err(shared(node)) } else { Ok(()) }
}

fn shared(node: &Node) -> Error {
    let error = Error::input("change the value in place: it stands behind an anchor, alias or merge key");
    error.at_line(node.line).advise("Write it out where it is used")
}

/// The header of a block scalar (`|`, `>-`, `|2+`): the first such sign behind the key, since neither a tag nor an anchor has one.
fn header(text: &str, entry: &Entry) -> Range<usize> {
    let start = text[entry.key_span.end..].find(['|', '>']).map_or(entry.value.span.start, |at| entry.key_span.end + at);
    let signs = text[start..].find(|sign: char| !matches!(sign, '|' | '>' | '+' | '-' | '0'..='9'));
    start..signs.map_or(text.len(), |length| start + length)
}

/// The end of the line of an offset, before its line break.
fn line_end(text: &str, offset: usize) -> usize {
    text[offset..].find(['\r', '\n']).map_or(text.len(), |length| offset + length)
}

/// The last entry that stands in a mapping itself, and was not merged in from elsewhere.
fn last_own(map: &Node) -> Option<&Entry> {
    map.entries().iter().rfind(|entry| map.span.contains(&entry.key_span.start))
}

/// A range of the text that goes, and what comes in its place.
pub(super) struct Change {
    pub(super) range: Range<usize>,
    pub(super) text: String,
    /// Indentation of added lines: where several are added at one place, the deepest belong first.
    indent: usize,
}

impl Change {
    fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into(), indent: 0 }
    }
}

fn replace(text: &str, changes: &[Change]) -> Result<String> {
    let mut result = String::with_capacity(text.len() + changes.iter().map(|change| change.text.len()).sum::<usize>());
    let mut at = 0;
    for change in changes {
        if change.range.start < at {
            return Err(Error::new(ErrorKind::Bug, "change the file in place: two changes overlap"));
        }
        result.push_str(&text[at..change.range.start]);
        result.push_str(&change.text);
        at = change.range.end;
    }
    result.push_str(&text[at..]);
    Ok(result)
}

struct Writer<'a> {
    text: &'a str,
    format: Format,
}

impl Writer<'_> {
    /// Gives a value to a key that has none.
    fn fill(&self, entry: &Entry, addition: &Addition, changes: &mut Vec<Change>) -> Result<()> {
        let implied = entry.value.span.is_empty();
        let Some(colon) = self.colon(entry) else {
            return Err(Error::input("give the key a value in place: no colon stands behind it").at_line(entry.line).advise("Add the colon"));
        };
        match addition {
            Addition::Branch(_) if self.format == Format::Yaml && !self.in_flow(entry) => {
                if !implied {
                    changes.push(Change::new(entry.value.span.clone(), ""));
                }
                changes.push(self.lines(colon.max(entry.value.span.end), addition, self.indent(entry) + 2));
            }
            _ => {
                let value = match addition {
                    Addition::Leaf(text) if !self.in_flow(entry) => scalar(text, self.format),
                    _ => self.flow(addition),
                };
                changes.push(if implied { Change::new(colon..colon, format!(" {value}")) } else { Change::new(entry.value.span.clone(), value) });
            }
        }
        Ok(())
    }

    /// Adds members to a mapping, behind the last one.
    fn add(&self, map: &Node, addition: &Addition, changes: &mut Vec<Change>) -> Result<()> {
        let Addition::Branch(members) = addition else { return Ok(()) };
        let last = last_own(map);
        if last.is_none() && !map.entries().is_empty() {
            return Err(shared(map));
        }
        match (map.style, last) {
            (Style::Block, Some(last)) => {
                changes.push(self.lines(self.end_of(last), addition, self.indent(last)));
            }
            (_, Some(last)) => {
                // An implied value may lie before the colon.
                let implied = last.value.span.is_empty();
                let end = if implied { self.colon(last).unwrap_or(last.key_span.end) } else { last.value.span.end };
                let line_start = self.text[..last.key_span.start].rfind('\n').map_or(0, |at| at + 1);
                let lead = &self.text[line_start..last.key_span.start];
                // One member a line if the last one begins its line.
                let separator = if lead.trim().is_empty() && line_start > 0 { format!(",{}{lead}", self.line_break()) } else { ", ".to_owned() };
                let text: String =
                    members.iter().map(|(key, value)| format!("{separator}{}: {}", scalar(key, Format::Json), self.flow(value))).collect();
                changes.push(Change::new(end..end, text));
            }
            (_, None) => {
                // Behind the opening brace: what stands between the braces, such as a comment, stays.
                let inner = self.flow(addition);
                let start = map.span.start + 1;
                changes.push(Change::new(start..start, &inner[1..inner.len() - 1]));
            }
        }
        Ok(())
    }

    /// Lines of their own, behind the line of an offset; or there, if it is the start of a line.
    fn lines(&self, offset: usize, addition: &Addition, indent: usize) -> Change {
        let (end, line_break) = (line_end(self.text, offset), self.line_break());
        let mut text = String::new();
        self.block(addition, indent, &mut text);
        if offset > 0 && self.text[..offset].ends_with('\n') {
            return Change { range: offset..offset, text, indent };
        }
        text.truncate(text.len() - line_break.len());
        Change { range: end..end, text: line_break.to_owned() + &text, indent }
    }

    fn block(&self, addition: &Addition, indent: usize, out: &mut String) {
        let Addition::Branch(members) = addition else { return };
        for (key, value) in members {
            out.push_str(&" ".repeat(indent));
            out.push_str(&scalar(key, Format::Yaml));
            out.push(':');
            match value {
                Addition::Leaf(text) => {
                    out.push(' ');
                    out.push_str(&scalar(text, Format::Yaml));
                    out.push_str(self.line_break());
                }
                Addition::Branch(_) => {
                    out.push_str(self.line_break());
                    self.block(value, indent + 2, out);
                }
            }
        }
    }

    fn flow(&self, addition: &Addition) -> String {
        match addition {
            Addition::Leaf(text) => scalar(text, Format::Json),
            Addition::Branch(members) => {
                let members: Vec<String> =
                    members.iter().map(|(key, value)| format!("{}: {}", scalar(key, Format::Json), self.flow(value))).collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }

    /// Whether a key stands inside braces: before it on its line, or anywhere in JSON, there is more than indentation and dashes.
    fn in_flow(&self, entry: &Entry) -> bool {
        self.format == Format::Json || !self.lead(entry).chars().all(|c| matches!(c, ' ' | '-'))
    }

    /// The end of the colon right behind a key.
    fn colon(&self, entry: &Entry) -> Option<usize> {
        let rest = self.text[entry.key_span.end..].trim_start();
        rest.starts_with(':').then(|| self.text.len() - rest.len() + 1)
    }

    fn lead(&self, entry: &Entry) -> &str {
        let start = self.text[..entry.key_span.start].rfind('\n').map_or(0, |at| at + 1);
        &self.text[start..entry.key_span.start]
    }

    fn indent(&self, entry: &Entry) -> usize {
        self.lead(entry).chars().count()
    }

    /// Where the last byte of an entry stands; the start of a line if the line breaks behind it belong to the value.
    fn end_of(&self, entry: &Entry) -> usize {
        let node = &entry.value;
        if node.style != Style::BlockScalar {
            return self.end_of_node(node).max(entry.key_span.end);
        }
        let header = header(self.text, entry);
        if self.text[header.clone()].contains('+') && !node.span.is_empty() {
            return node.span.end;
        }
        let content = self.text[node.span.clone()].trim_end();
        if content.is_empty() { line_end(self.text, header.end) } else { node.span.start + content.len() }
    }

    fn end_of_node(&self, node: &Node) -> usize {
        match (&node.kind, node.style) {
            (Kind::Map(_), Style::Block) => last_own(node).map_or(node.span.end, |last| self.end_of(last)),
            (Kind::List(nodes), Style::Block) => nodes.last().map_or(node.span.end, |last| self.end_of_node(last)),
            (_, Style::BlockScalar) => node.span.start + self.text[node.span.clone()].trim_end().len(),
            _ => node.span.end,
        }
    }

    fn line_break(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }
}
