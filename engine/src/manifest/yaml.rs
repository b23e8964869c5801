//! YAML text to trees.
//!
//! Scalars are resolved as Kubernetes resolves them (YAML 1.1, sigs.k8s.io/yaml): an unquoted `yes` is a boolean.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};
use zeroize::Zeroizing;

use super::node::{Entry, Kind, Node, Style, refuse_duplicates};
use crate::error::{Error, Result};

/// Most values that anchors and aliases of a file may copy: enough for every honest use, too few for a "billion laughs".
const COPIED_VALUES: usize = 100_000;

/// Most bytes of scalars and keys that they may copy.
const COPIED_BYTES: usize = 16 << 20;

/// Reads every document of the text; one without content is skipped.
pub(super) fn parse(text: &str) -> Result<Vec<Node>> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        copies: Budget { values: COPIED_VALUES, bytes: COPIED_BYTES },
    };
    let mut documents = Vec::new();
    while let Some((event, span)) = reader.next()? {
        if matches!(event, Event::DocumentStart(..)) {
            reader.anchors.clear();
        } else if !matches!(event, Event::StreamStart | Event::StreamEnd | Event::DocumentEnd) {
            let node = reader.node(event, &span)?;
            if !(node.is_null() && node.span.is_empty()) {
                documents.push(node);
            }
        }
    }
    Ok(documents)
}

struct Reader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    copies: Budget,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>> {
        self.parser.next_event().transpose().map_err(|error| syntax(&error))
    }

    fn require(&mut self) -> Result<(Event<'a>, Span)> {
        self.next()?.ok_or_else(|| Error::input("read YAML: the text ends in the middle of a document"))
    }

    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Node> {
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let kind = scalar(&value, style, tag.as_deref(), line(span))?;
                let style = if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) { Style::BlockScalar } else { Style::Scalar };
                self.keep(anchor, Node { kind, span: range(span), line: line(span), style, shared: anchor != 0 })
            }
            Event::SequenceStart(style, anchor, _) => self.sequence(style, anchor, span),
            Event::MappingStart(style, anchor, _) => self.mapping(style, anchor, span),
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Err(Error::input("read YAML: expected a value").at_line(line(span))),
        }
    }

    fn sequence(&mut self, style: StructureStyle, anchor: usize, start: &Span) -> Result<Node> {
        let mut nodes = Vec::new();
        loop {
            let (event, span) = self.require()?;
            if matches!(event, Event::SequenceEnd) {
                let kind = Kind::List(nodes);
                return self.keep(anchor, collection(kind, style, anchor, start, &span));
            }
            nodes.push(self.node(event, &span)?);
        }
    }

    fn mapping(&mut self, style: StructureStyle, anchor: usize, start: &Span) -> Result<Node> {
        let mut entries = Vec::new();
        let mut merges = Vec::new();
        loop {
            let (event, span) = self.require()?;
            if matches!(event, Event::MappingEnd) {
                refuse_duplicates(&entries)?;
                let kind = Kind::Map(inherit(entries, merges));
                return self.keep(anchor, collection(kind, style, anchor, start, &span));
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, _) if text == "<<");
            let ambiguous = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if resolve(text).is_some());
            let key = key(&event, &span)?;
            let (event, value_span) = self.require()?;
            let value = self.node(event, &value_span)?;
            if is_merge {
                merges.push((entries.len(), mappings(value, line(&span))?));
            } else {
                entries.push(Entry { key, key_span: range(&span), line: line(&span), ambiguous, value });
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<Node> {
        let Some(target) = self.anchors.get(&anchor) else {
            return Err(Error::input("read YAML: an alias refers to the value that it stands in").at_line(line(span)));
        };
        let mut node = self.copies.copy(target)?;
        node.span = range(span);
        node.line = line(span);
        mark_shared(&mut node);
        Ok(node)
    }

    fn keep(&mut self, anchor: usize, node: Node) -> Result<Node> {
        if anchor != 0 {
            let copy = self.copies.copy(&node)?;
            self.anchors.insert(anchor, copy);
        }
        Ok(node)
    }
}

struct Budget {
    values: usize,
    bytes: usize,
}

impl Budget {
    fn copy(&mut self, node: &Node) -> Result<Node> {
        if self.charge(node) {
            return Ok(node.clone());
        }
        let message = format!("read YAML: anchors and aliases unfold into more than {COPIED_VALUES} values or {COPIED_BYTES} bytes");
        Err(Error::input(message).at_line(node.line))
    }

    /// Subtracts the price of a copy; false once the budget is spent.
    fn charge(&mut self, node: &Node) -> bool {
        let bytes = match &node.kind {
            Kind::Text(text) => text.len(),
            Kind::Number(text) => text.len(),
            Kind::Map(entries) => entries.iter().map(|entry| entry.key.len()).sum(),
            _ => 0,
        };
        let (Some(values), Some(bytes)) = (self.values.checked_sub(1), self.bytes.checked_sub(bytes)) else {
            return false;
        };
        (self.values, self.bytes) = (values, bytes);
        match &node.kind {
            Kind::List(nodes) => nodes.iter().all(|node| self.charge(node)),
            Kind::Map(entries) => entries.iter().all(|entry| self.charge(&entry.value)),
            _ => true,
        }
    }
}

fn mark_shared(node: &mut Node) {
    node.shared = true;
    match &mut node.kind {
        Kind::List(nodes) => nodes.iter_mut().for_each(mark_shared),
        Kind::Map(entries) => entries.iter_mut().for_each(|entry| mark_shared(&mut entry.value)),
        _ => {}
    }
}

/// The mappings behind a merge key: one, or a list of them.
fn mappings(value: Node, line: usize) -> Result<Vec<Entry>> {
    let wrong = || Error::input("read YAML: a merge key takes a mapping or a list of mappings").at_line(line);
    let mut value = value;
    mark_shared(&mut value);
    match value.kind {
        Kind::Map(entries) => Ok(entries),
        Kind::List(nodes) => {
            let maps = nodes.into_iter().map(|node| if let Kind::Map(entries) = node.kind { Ok(entries) } else { Err(wrong()) });
            Ok(maps.collect::<Result<Vec<_>>>()?.concat())
        }
        _ => Err(wrong()),
    }
}

/// Puts merged entries beside a mapping's own; each merge comes with the number of own entries in front of it.
///
/// What comes last in the text wins: a merge key over the keys in front of it, and the keys behind it over what it merges. In one list of mappings the
/// first one wins.
///
/// *Source*: go.yaml.in/yaml v2 `decode.go`, as sigs.k8s.io/yaml uses it.
fn inherit(mut own: Vec<Entry>, merges: Vec<(usize, Vec<Entry>)>) -> Vec<Entry> {
    if merges.is_empty() {
        return own;
    }
    // A set, since a hostile file may merge a hundred thousand keys.
    let mut known: HashSet<String> = HashSet::new();
    let mut is_last = |entry: &Entry| known.insert(entry.key.clone());
    let (mut kept, mut merged) = (Vec::new(), Vec::new());
    for (before, entries) in merges.into_iter().rev() {
        kept.extend(own.drain(before..).rev().filter(&mut is_last));
        merged.extend(entries.into_iter().filter(&mut is_last));
    }
    kept.extend(own.into_iter().rev().filter(&mut is_last));
    kept.reverse();
    kept.extend(merged);
    kept
}

fn collection(kind: Kind, style: StructureStyle, anchor: usize, start: &Span, end: &Span) -> Node {
    let style = if matches!(style, StructureStyle::Flow) { Style::Flow } else { Style::Block };
    Node { kind, span: range(start).start..range(end).end, line: line(start), style, shared: anchor != 0 }
}

/// Reads a key as it is written; [`Entry::ambiguous`] tells where Kubernetes does not.
fn key(event: &Event<'_>, span: &Span) -> Result<String> {
    match event {
        Event::Scalar(value, ..) => Ok(value.to_string()),
        Event::Alias(_) => Err(Error::input("read YAML: an alias as a key is not allowed in manifests").at_line(line(span))),
        _ => Err(Error::input("read YAML: a key must be a string").at_line(line(span))),
    }
}

fn scalar(value: &str, style: ScalarStyle, tag: Option<&Tag>, line: usize) -> Result<Kind> {
    let text = || Kind::Text(Zeroizing::new(value.to_owned()));
    match tag.map(Tag::suffix) {
        Some("str") => Ok(text()),
        Some("binary") => Err(Error::input("read YAML: a !!binary value is not allowed in manifests")
            .at_line(line)
            .advise("Put the base64 text into data without a tag")),
        _ if style != ScalarStyle::Plain => Ok(text()),
        _ => Ok(resolve(value).unwrap_or_else(text)),
    }
}

/// The kind of a plain scalar that is not a string.
///
/// *Source*: go.yaml.in/yaml v2 `resolve.go`, as sigs.k8s.io/yaml uses it.
pub(super) fn resolve(value: &str) -> Option<Kind> {
    match value {
        "" | "~" | "null" | "Null" | "NULL" => Some(Kind::Null),
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => Some(Kind::Bool(true)),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => Some(Kind::Bool(false)),
        _ => is_number(value).then(|| Kind::Number(value.to_owned())),
    }
}

fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    let all = |text: &str, test: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|byte| byte == b'_' || test(&byte));
    if let Some(hexadecimal) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return all(hexadecimal, u8::is_ascii_hexdigit);
    }
    if let Some(binary) = digits.strip_prefix("0b").or_else(|| digits.strip_prefix("0B")) {
        return all(binary, |byte| matches!(byte, b'0' | b'1'));
    }
    if let Some(octal) = digits.strip_prefix("0o").or_else(|| digits.strip_prefix("0O")) {
        return all(octal, |byte| matches!(byte, b'0'..=b'7'));
    }
    if matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let starts = digits.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || byte == b'.');
    starts && digits.bytes().any(|byte| byte.is_ascii_digit()) && digits.replace('_', "").parse::<f64>().is_ok()
}

fn range(span: &Span) -> std::ops::Range<usize> {
    // Spans of a parser over a string always have byte offsets.
    span.byte_range().unwrap_or_default()
}

fn line(span: &Span) -> usize {
    span.start.line()
}

fn syntax(error: &ScanError) -> Error {
    Error::input(format!("read YAML: {}", describe(error))).at_line(error.marker().line())
}

/// The parser's own words, where they quote nothing of the text.
fn describe(error: &ScanError) -> String {
    match error.kind() {
        granit_parser::ErrorKind::UnexpectedCharacter { .. } => "a character that can not stand here".to_owned(),
        granit_parser::ErrorKind::Custom(_) | granit_parser::ErrorKind::InputDecoding { .. } => "invalid syntax".to_owned(),
        _ => error.info(),
    }
}
