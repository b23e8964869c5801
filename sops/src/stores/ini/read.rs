//! Reads INI by the rules of the library that sops uses, with the place of everything.
//!
//! *Source*: `gopkg.in/ini.v1` `parser.go`, v1.67.3, with its default options and sections that may repeat.

use std::collections::HashMap;

use crate::document::Span;
use crate::error::{Error, ErrorKind, Position, Result};

/// The section of what stands before any header.
pub(super) const DEFAULT_SECTION: &str = "DEFAULT";

/// What stands in a file.
pub(super) struct File {
    /// In order; the default section is always the first.
    pub(super) sections: Vec<Section>,
    /// What nobody reads: values that are given again below, comments that belong to nothing, text behind quotes.
    pub(super) dropped: Vec<Span>,
}

/// A section.
pub(super) struct Section {
    pub(super) name: String,
    pub(super) comment: Note,
    pub(super) keys: Vec<Key>,
    /// The header to the last line.
    pub(super) span: Span,
    /// Behind the header to the last line.
    pub(super) body: Span,
}

/// A key with its value.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) value: Vec<u8>,
    /// The comment above the line, and in it.
    pub(super) comment: Note,
    /// The value, with its quotes.
    pub(super) place: Span,
    /// The key to the end of its last line.
    pub(super) span: Span,
}

/// A comment, which may stand in several places.
#[derive(Default)]
pub(super) struct Note {
    /// With its markers.
    text: Vec<u8>,
    /// The lines above, each without its end.
    pub(super) above: Vec<Span>,
    /// What stands behind the value, in its line.
    pub(super) behind: Option<Span>,
}

impl Note {
    fn add_line(&mut self, line: &[u8], start: usize) {
        self.text.extend_from_slice(line);
        self.above.push(Span::new(start, start + trim_end(line).len()));
    }

    /// What it says after the markers and spaces at its start, and how many bytes those are; `None` if there is no comment.
    pub(super) fn said(&self) -> Option<(&[u8], usize)> {
        let text = trim_end(&self.text);
        let marker = *text.first()?;
        let skipped = text.iter().take_while(|byte| **byte == marker || **byte == b' ').count();
        text.get(skipped..).map(|said| (said, skipped))
    }
}

/// A value, and what stands behind it.
pub(super) struct Found {
    pub(super) value: Vec<u8>,
    pub(super) place: Span,
    /// A comment behind it.
    pub(super) comment: Option<Span>,
    /// Text behind it that is neither.
    junk: Option<Span>,
}

/// Reads a file.
///
/// # Errors
/// Malformed, with the place.
pub(super) fn file(source: &[u8]) -> Result<File> {
    let start = match source {
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => 2,
        [0xef, 0xbb, 0xbf, ..] => 3,
        _ => 0,
    };
    let first = Section {
        name: DEFAULT_SECTION.to_owned(),
        comment: Note::default(),
        keys: Vec::new(),
        span: Span::new(start, start),
        body: Span::new(start, start),
    };
    let file = File { sections: vec![first], dropped: Vec::new() };
    let mut parser = Parser { reader: Reader { source, at: start, at_end: false }, file, note: Note::default(), names: HashMap::new(), count: 1 };
    while !parser.reader.at_end {
        parser.item()?;
    }
    let Parser { mut file, note, .. } = parser;
    file.dropped.extend(note.above);
    Ok(file)
}

/// Finds a comment behind a value or a header, from the first byte of a line that is not a comment.
pub(super) fn comment_in_item(source: &[u8], start: usize) -> Option<Span> {
    let mut reader = Reader { source, at: start, at_end: false };
    let (from, end) = reader.line();
    let line = source.get(from..end)?;
    if line.first() == Some(&b'[') {
        return header(line, from).and_then(|(_, comment, _)| comment);
    }
    let (_, offset) = key_name(line).ok()?;
    reader.value(from + offset, end).ok()?.comment
}

/// Reads a value as it would stand behind a delimiter, together with what follows in its line; all of the text has to be used up.
pub(super) fn value_alone(text: &[u8]) -> Option<Found> {
    let mut reader = Reader { source: text, at: 0, at_end: false };
    let (from, end) = reader.line();
    let found = reader.value(from, end).ok()?;
    (reader.at == text.len()).then_some(found)
}

struct Parser<'s> {
    reader: Reader<'s>,
    file: File,
    note: Note,
    /// Where the keys of the section stand.
    names: HashMap<String, usize>,
    /// The number of the next key that is called `-`.
    count: usize,
}

impl Parser<'_> {
    fn item(&mut self) -> Result<()> {
        let (start, end) = self.reader.line();
        let whole = self.reader.source.get(start..end).unwrap_or_default();
        let line = trim_start(whole);
        let start = end - line.len();
        match line.first() {
            None => Ok(()),
            Some(b'#' | b';') => {
                self.note.add_line(line, start);
                Ok(())
            }
            Some(b'[') => self.section(line, start),
            Some(_) => self.key(line, start, end),
        }
    }

    fn section(&mut self, line: &[u8], start: usize) -> Result<()> {
        let (name, comment, junk) = header(line, start).ok_or_else(|| self.reader.error(start, "a section header has no `]`"))?;
        if name.is_empty() {
            return Err(self.reader.error(start, "a section has no name"));
        }
        let name = self.reader.text(name, start)?;
        self.inline(comment);
        self.file.dropped.extend(junk);
        let end = start + trim_end(line).len();
        let (span, body) = (Span::new(start, end), Span::new(end, end));
        self.file.sections.push(Section { name, comment: std::mem::take(&mut self.note), keys: Vec::new(), span, body });
        self.names.clear();
        self.count = 1;
        Ok(())
    }

    fn key(&mut self, line: &[u8], start: usize, end: usize) -> Result<()> {
        let (name, offset) = key_name(line).map_err(|what| self.reader.error(start, what))?;
        let mut name = self.reader.text(name, start)?;
        if name == "-" {
            name = format!("#{}", self.count);
            self.count += 1;
        }
        let found = self.reader.value(start + offset, end)?;
        if name.is_empty() {
            return Err(self.reader.error(start, "a key has no name"));
        }
        self.inline(found.comment);
        self.file.dropped.extend(found.junk);
        let read = self.reader.source.get(..self.reader.at).unwrap_or_default();
        let span = Span::new(start, trim_end(read).len().max(found.place.range().end));
        let key = Key { name, value: found.value, comment: std::mem::take(&mut self.note), place: found.place, span };
        self.put(key);
        Ok(())
    }

    /// A key that is given again keeps its first place in the order, and its last value.
    fn put(&mut self, key: Key) {
        let Some(section) = self.file.sections.last_mut() else { return };
        section.span.end = key.span.end;
        section.body.end = key.span.end;
        let known = self.names.get(&key.name).and_then(|at| section.keys.get_mut(*at));
        if let Some(known) = known {
            let before = std::mem::replace(known, key);
            // The key itself stays, since it says where in the order the value stands.
            self.file.dropped.extend(Some(before.place).filter(|place| !place.range().is_empty()));
            self.file.dropped.extend(before.comment.behind);
            self.file.dropped.extend(before.comment.above);
        } else {
            self.names.insert(key.name.clone(), section.keys.len());
            section.keys.push(key);
        }
    }

    fn inline(&mut self, comment: Option<Span>) {
        if let Some(span) = comment {
            self.note.text.extend_from_slice(self.reader.source.get(span.range()).unwrap_or_default());
            self.note.behind = Some(span);
        }
    }
}

/// Takes a header apart: the name, a comment behind it, other text behind it.
fn header(line: &[u8], start: usize) -> Option<(&[u8], Option<Span>, Option<Span>)> {
    let close = memchr::memrchr(b']', line)?;
    let rest = line.get(close + 1..)?;
    let (comment, junk) = behind(rest, start + close + 1);
    Some((line.get(1..close)?, comment, junk))
}

/// Finds a comment in the rest of a line, and what stands before it.
fn behind(rest: &[u8], start: usize) -> (Option<Span>, Option<Span>) {
    let at = memchr::memchr2(b'#', b';', rest).unwrap_or(rest.len());
    let (before, comment) = rest.split_at(at);
    let junk = trim_start(before);
    let junk_start = start + at - junk.len();
    let junk = trim_end(junk);
    (
        (!comment.is_empty()).then(|| Span::new(start + at, start + at + trim_end(comment).len())),
        (!junk.is_empty()).then(|| Span::new(junk_start, junk_start + junk.len())),
    )
}

/// Reads the name of a key, and says where its value starts.
fn key_name(line: &[u8]) -> std::result::Result<(&[u8], usize), &'static str> {
    let quote: &[u8] = match line {
        [b'"', b'"', b'"', _, _, _, _, ..] => b"\"\"\"",
        [b'"', ..] => b"\"",
        [b'`', ..] => b"`",
        _ => b"",
    };
    if quote.is_empty() {
        let end = memchr::memchr2(b'=', b':', line).ok_or("a line has neither `=` nor `:`")?;
        let name = line.get(..end).unwrap_or_default();
        return if name.is_empty() { Err("a key has no name") } else { Ok((trim(name), end + 1)) };
    }
    let rest = line.get(quote.len()..).unwrap_or_default();
    let close = memchr::memmem::find(rest, quote).ok_or("the quote of a key has no end")?;
    let after = close + 2 * quote.len();
    let rest_of_line = line.get(after..).unwrap_or_default();
    let delimiter = memchr::memchr2(b'=', b':', rest_of_line).ok_or("a line has neither `=` nor `:`")?;
    Ok((trim(rest.get(..close).unwrap_or_default()), after + delimiter + 1))
}

struct Reader<'s> {
    source: &'s [u8],
    at: usize,
    at_end: bool,
}

impl Reader<'_> {
    fn error(&self, at: usize, what: &str) -> Error {
        Error::new(ErrorKind::Malformed, format!("read the file as INI: {what}")).at(Position::of(self.source, at))
    }

    fn text(&self, name: &[u8], at: usize) -> Result<String> {
        std::str::from_utf8(name).map(str::to_owned).map_err(|_| self.error(at, "a name is not UTF-8"))
    }

    /// Passes a line: its first byte, and the byte after its end.
    fn line(&mut self) -> (usize, usize) {
        let start = self.at;
        match self.source.get(start..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            Some(length) => self.at += length + 1,
            None => {
                self.at = self.source.len();
                self.at_end = true;
            }
        }
        (start, self.at)
    }

    fn value(&mut self, from: usize, end: usize) -> Result<Found> {
        let line = trim_start(self.source.get(from..end).unwrap_or_default());
        let start = end - line.len();
        if line.is_empty() {
            return Ok(Found { value: Vec::new(), place: Span::new(from, from), comment: None, junk: None });
        }
        let quote: &[u8] = match line {
            [b'"', b'"', b'"', _, ..] => b"\"\"\"",
            [b'`', ..] => b"`",
            _ => return self.bare(trim_end(line), start),
        };
        let content = line.get(quote.len()..).unwrap_or_default();
        let Some(close) = memchr::memmem::rfind(content, quote) else { return self.multiline(content, start, quote) };
        let after = start + close + 2 * quote.len();
        let rest = trim_start(self.source.get(after..end).unwrap_or_default());
        let junk = (!rest.is_empty()).then(|| Span::new(end - rest.len(), end - rest.len() + trim_end(rest).len()));
        let value = content.get(..close).unwrap_or_default().to_vec();
        Ok(Found { value, place: Span::new(start, after), comment: None, junk })
    }

    fn bare(&mut self, line: &[u8], start: usize) -> Result<Found> {
        if let Some(first) = line.strip_suffix(b"\\") {
            return Ok(self.continued(first.to_vec(), start, start + line.len()));
        }
        let marker = memchr::memchr2(b'#', b';', line);
        let text = trim(line.get(..marker.unwrap_or(line.len())).unwrap_or_default());
        let place = Span::new(start, start + text.len());
        let comment = marker.map(|at| Span::new(start + at, start + line.len()));
        let value = unquoted(text, b'\'').or_else(|| unquoted(text, b'"')).unwrap_or(text).to_vec();
        Ok(Found { value, place, comment, junk: None })
    }

    fn continued(&mut self, mut value: Vec<u8>, start: usize, mut end: usize) -> Found {
        loop {
            let (from, to) = self.line();
            let line = trim_start(self.source.get(from..to).unwrap_or_default());
            let next = trim_end(line);
            if next.is_empty() {
                break;
            }
            value.extend_from_slice(next);
            end = to - line.len() + next.len();
            if value.last() != Some(&b'\\') {
                break;
            }
            value.pop();
        }
        Found { value, place: Span::new(start, end), comment: None, junk: None }
    }

    fn multiline(&mut self, first: &[u8], start: usize, quote: &[u8]) -> Result<Found> {
        let mut value = first.to_vec();
        loop {
            let (from, to) = self.line();
            let next = self.source.get(from..to).unwrap_or_default();
            if let Some(close) = memchr::memmem::rfind(next, quote) {
                let after = from + close + quote.len();
                let rest = self.source.get(after..to).unwrap_or_default();
                if !trim(rest).ends_with(b"\\") {
                    value.extend_from_slice(next.get(..close).unwrap_or_default());
                    let (comment, junk) = behind(rest, after);
                    return Ok(Found { value, place: Span::new(start, after), comment, junk });
                }
            }
            value.extend_from_slice(next);
            if self.at_end && memchr::memmem::rfind(next, quote).is_none() {
                return Err(self.error(start, "the quote of a value has no end"));
            }
        }
    }
}

/// Takes quotes off, if there are no more of them inside.
fn unquoted(text: &[u8], quote: u8) -> Option<&[u8]> {
    let inner = text.strip_prefix(&[quote])?.strip_suffix(&[quote])?;
    memchr::memchr(quote, inner).is_none().then_some(inner)
}

pub(super) fn trim(text: &[u8]) -> &[u8] {
    trim_start(trim_end(text))
}

/// Drops white space at the start, that of Unicode too.
pub(super) fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [b'\t'..=b'\r' | b' ', rest @ ..]
    | [0xc2, 0x85 | 0xa0, rest @ ..]
    | [0xe1, 0x9a, 0x80, rest @ ..]
    | [0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf, rest @ ..]
    | [0xe2, 0x81, 0x9f, rest @ ..]
    | [0xe3, 0x80, 0x80, rest @ ..] = text
    {
        text = rest;
    }
    text
}

/// Drops white space at the end, that of Unicode too.
pub(super) fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b'\t'..=b'\r' | b' ']
    | [rest @ .., 0xc2, 0x85 | 0xa0]
    | [rest @ .., 0xe1, 0x9a, 0x80]
    | [rest @ .., 0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf]
    | [rest @ .., 0xe2, 0x81, 0x9f]
    | [rest @ .., 0xe3, 0x80, 0x80] = text
    {
        text = rest;
    }
    text
}
