//! Where in a text a value stands, found out from the lines around it.

use super::super::cursor::characters;
use super::super::emit::{Blocks, INDENT};

/// Bytes of a file within which its own indentation is looked for.
const REACH: usize = 4096;

/// What surrounds the bytes of a value.
pub(super) struct Place<'a> {
    pub(super) source: &'a [u8],
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What stands before a value in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// A key at this column.
    Key(usize),
    /// A `-`, or the `:` of a key that has a `?`, at this column.
    Indicator(usize),
    /// Space alone.
    Space,
}

impl<'a> Place<'a> {
    pub(super) fn new(source: &'a [u8], start: usize, end: usize) -> Self {
        let end = end.min(source.len());
        Self { source, start: start.min(end), end }
    }

    /// True in brackets: there alone a value is followed by `,`, `]` or `}`.
    pub(super) fn is_flow(&self) -> bool {
        matches!(self.source.get(skip_space_and_comments(self.source, self.end)), Some(b',' | b']' | b'}'))
    }

    /// True if the value has to be set off from what stands before it.
    pub(super) fn needs_space(&self) -> bool {
        !matches!(self.source[..self.start].last(), None | Some(b' ' | b'\t' | b'\n' | b'\r' | b'[' | b'{' | b','))
    }

    /// True if nothing was written yet, not even the colon.
    pub(super) fn needs_colon(&self) -> bool {
        let before = self.source[..self.start].trim_ascii_end();
        if self.start < self.end || before.ends_with(b"-") {
            return false;
        }
        if let Some(key) = before.strip_suffix(b":") {
            // A colon that a bracket or comma follows belongs to the key, unless that is quoted.
            let apart = before.len() < self.start || self.source.get(self.start).is_none_or(|next| next.is_ascii_whitespace());
            return !apart && !matches!(key.last(), Some(b'"' | b'\'' | b']' | b'}'));
        }
        !self.has_anchor()
    }

    /// True behind an anchor: no collection may start in its line, except in brackets.
    pub(super) fn has_anchor(&self) -> bool {
        let before = self.source[..self.start].trim_ascii_end();
        let word = before.iter().rposition(|byte| byte.is_ascii_whitespace() || matches!(byte, b'[' | b'{' | b','));
        matches!(before.get(word.map_or(0, |at| at + 1)), Some(b'&' | b'!'))
    }

    /// True if nothing but space follows in the line.
    pub(super) fn ends_line(&self) -> bool {
        self.source[self.end..line_end(self.source, self.end)].iter().all(|byte| byte.is_ascii_whitespace())
    }

    pub(super) fn column(&self) -> usize {
        column(self.source, self.start)
    }

    pub(super) fn before(&self) -> Before {
        let mut at = line_start(self.source, self.start);
        let mut found = Before::Space;
        // Where a tag or an anchor stands that may be one of a key.
        let mut property = None;
        while at < self.start {
            let next_is_blank = self.source.get(at + 1).is_none_or(|byte| byte.is_ascii_whitespace());
            match self.source[at] {
                b' ' | b'\t' => at += 1,
                b'-' | b'?' | b':' if next_is_blank || at + 1 == self.start => {
                    found = Before::Indicator(column(self.source, at));
                    at += 1;
                }
                b'&' | b'!' => {
                    property.get_or_insert(at);
                    at += self.source[at..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
                }
                _ => return Before::Key(column(self.source, property.unwrap_or(at))),
            }
        }
        found
    }

    /// Which literal blocks may end here whose lines stand at this column.
    pub(super) fn blocks_at(&self, column: usize) -> Blocks {
        let mut at = line_end(self.source, self.end);
        while at < self.source.len() {
            at += usize::from(self.source[at..].starts_with(b"\r")) + 1;
            let end = line_end(self.source, at.min(self.source.len()));
            let line = self.source.get(at..end).unwrap_or_default();
            let spaces = line.iter().take_while(|byte| **byte == b' ').count();
            match line.get(spaces) {
                None | Some(b'\r' | b'\n') if spaces > column => return Blocks::Nowhere,
                None | Some(b'\r' | b'\n') => {}
                Some(b'#' | b'\t') if spaces >= column => return Blocks::Nowhere,
                Some(_) => return Blocks::WithoutEmptyEnd,
            }
            at = end;
        }
        Blocks::WithoutEmptyEnd
    }
}

/// The column of a byte, in characters.
pub(super) fn column(source: &[u8], at: usize) -> usize {
    characters(&source[line_start(source, at)..at])
}

/// The first byte of the line; a byte order mark belongs to none.
pub(super) fn line_start(source: &[u8], at: usize) -> usize {
    let at = at.min(source.len());
    match source[..at].iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(end) => end + 1,
        None if source.starts_with("\u{feff}".as_bytes()) => at.min(3),
        None => 0,
    }
}

/// The byte of the line break, or the end of the text.
pub(super) fn line_end(source: &[u8], at: usize) -> usize {
    let rest = source.get(at..).unwrap_or_default();
    rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(source.len(), |length| at + length)
}

/// The byte behind the line break.
pub(super) fn next_line(source: &[u8], at: usize) -> usize {
    let end = line_end(source, at);
    end + super::super::cursor::break_width(source.get(end..).unwrap_or_default())
}

/// How lines end near a byte.
pub(super) fn line_break(source: &[u8], at: usize) -> &'static [u8] {
    let end = line_end(source, at);
    let near = if end < source.len() { source.get(end..) } else { source.get(line_start(source, at).saturating_sub(2)..) };
    if near.is_some_and(|near| near.starts_with(b"\r\n")) { b"\r\n" } else { b"\n" }
}

pub(super) fn skip_space_and_comments(source: &[u8], mut at: usize) -> usize {
    while let Some(byte) = source.get(at) {
        match byte {
            b'#' => at = line_end(source, at),
            byte if byte.is_ascii_whitespace() => at += 1,
            _ => break,
        }
    }
    at
}

/// Spaces of a level in this file: those of the first line that is indented.
pub(super) fn unit(source: &[u8]) -> usize {
    let reach = &source[..source.len().min(REACH)];
    let indentation = |line: &[u8]| line.iter().take_while(|byte| **byte == b' ').count();
    let mut above: Option<&[u8]> = None;
    for line in reach.split(|byte| *byte == b'\n') {
        let text = line.trim_ascii();
        if text.is_empty() || text.starts_with(b"#") {
            continue;
        }
        let opens = above.is_some_and(|above| above.trim_ascii_end().ends_with(b":") && indentation(above) == 0);
        if opens && (2..=9).contains(&indentation(line)) {
            return indentation(line);
        }
        above = Some(line);
    }
    INDENT
}
