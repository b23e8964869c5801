//! Scalars that may run over lines: plain ones and quoted ones.

use crate::error::Result;

use super::super::cursor::{Growing, is_blank};
use super::super::token::{Content, Scalar, Text, TokenKind};
use super::Scanner;

/// Bytes at which a plain scalar may end.
const MAY_END: [bool; 256] = {
    let mut may_end = [false; 256];
    let bytes = b" \t\n\r:,?[]{}\xc2\xe2";
    let mut at = 0;
    while at < bytes.len() {
        may_end[bytes[at] as usize] = true;
        at += 1;
    }
    may_end
};

/// A text that is put together, but only once it differs from the source.
struct Parts<'a> {
    text: &'a [u8],
    /// What stands in the source as it is.
    start: usize,
    end: usize,
    made: Option<Growing>,
}

impl<'a> Parts<'a> {
    fn new(text: &'a [u8], start: usize) -> Self {
        Self { text, start, end: start, made: None }
    }

    /// Adds a piece of the source.
    fn source(&mut self, start: usize, end: usize) {
        if start == end {
            return;
        }
        if self.made.is_none() && self.end == start {
            self.end = end;
        } else {
            let piece = self.text.get(start..end).unwrap_or_default();
            self.made(piece);
        }
    }

    /// Adds what does not stand in the source.
    fn made(&mut self, piece: &[u8]) {
        let before = self.text.get(self.start..self.end).unwrap_or_default();
        let made = self.made.get_or_insert_with(|| {
            let mut made = Growing::with_capacity(before.len() + piece.len() + 64);
            made.push(before);
            made
        });
        made.push(piece);
    }

    fn finish(self) -> Text<'a> {
        match self.made {
            Some(made) => Text::Made(made.into_secret()),
            None => Text::Source(self.text.get(self.start..self.end).unwrap_or_default()),
        }
    }
}

/// The blanks or the line breaks that were passed within a scalar.
#[derive(Default)]
struct Fold {
    blanks: (usize, usize),
    /// The first line break.
    first: Option<(usize, usize)>,
    /// The others, one after the other, each as where it stands.
    more: Vec<(usize, usize)>,
}

impl Scanner<'_> {
    pub(super) fn plain_scalar(&mut self) -> Result<()> {
        self.note_key()?;
        self.key_allowed = false;
        let start = self.cursor.mark.at;
        let mut end = start;
        let mut parts = Parts::new(self.cursor.text, start);
        let mut fold = Fold::default();
        let indent = self.indent + 1;
        loop {
            if self.cursor.is_document_indicator() || self.cursor.peek(0) == b'#' {
                break;
            }
            let run = self.plain_run();
            if run > 0 {
                fold.join(&mut parts);
                fold = Fold::default();
                parts.source(self.cursor.mark.at, self.cursor.mark.at + run);
                self.cursor.pass(run);
                end = self.cursor.mark.at;
            }
            if !is_blank(self.cursor.peek(0)) && self.cursor.break_width(0) == 0 {
                break;
            }
            self.pass_fold(&mut fold, Some(indent))?;
            if self.flow == 0 && self.cursor.mark.column.cast_signed() < indent {
                break;
            }
        }
        self.key_allowed |= fold.first.is_some();
        let scalar = Scalar { text: parts.finish(), plain: true };
        self.push_with(TokenKind::Scalar, start, end, Content::Scalar(scalar));
        Ok(())
    }

    /// The length of what follows up to a blank, a break, or an indicator that ends a plain scalar.
    fn plain_run(&self) -> usize {
        let rest = self.cursor.rest();
        let mut length = 0;
        while let Some(byte) = rest.get(length) {
            if !MAY_END[usize::from(*byte)] {
                length += 1;
                continue;
            }
            let ends = match byte {
                b' ' | b'\t' | b'\n' | b'\r' => true,
                b':' => self.cursor.is_space_or_end(length + 1),
                b',' | b'?' | b'[' | b']' | b'{' | b'}' => self.flow > 0,
                0xc2 | 0xe2 => self.cursor.break_width(length) > 0,
                _ => false,
            };
            if ends {
                break;
            }
            length += 1;
        }
        length
    }

    /// Passes blanks and line breaks within a scalar. Tabs may not stand where a plain scalar is indented.
    fn pass_fold(&mut self, fold: &mut Fold, indent: Option<isize>) -> Result<()> {
        loop {
            let at = self.cursor.mark.at;
            if is_blank(self.cursor.peek(0)) {
                if fold.first.is_none() {
                    self.cursor.pass_blanks();
                    fold.blanks = (if fold.blanks.0 == fold.blanks.1 { at } else { fold.blanks.0 }, self.cursor.mark.at);
                    continue;
                }
                let abused = self.cursor.peek(0) == b'\t' && indent.is_some_and(|indent| self.cursor.mark.column.cast_signed() < indent);
                if abused {
                    return Err(self.wrong(at, "a tab where a scalar is indented"));
                }
                self.cursor.pass(1);
            } else if self.cursor.break_width(0) > 0 {
                self.cursor.pass_break();
                let found = (at, self.cursor.mark.at);
                if fold.first.is_none() { fold.first = Some(found) } else { fold.more.push(found) }
            } else {
                return Ok(());
            }
        }
    }

    pub(super) fn quoted_scalar(&mut self) -> Result<()> {
        self.note_key()?;
        self.key_allowed = false;
        let start = self.cursor.mark.at;
        let single = self.cursor.peek(0) == b'\'';
        self.cursor.pass(1);
        let mut parts = Parts::new(self.cursor.text, self.cursor.mark.at);
        loop {
            if self.cursor.is_document_indicator() {
                return Err(self.wrong(start, "a quoted scalar without an end"));
            }
            let escaped_break = if single { self.single_run(&mut parts) } else { self.double_run(&mut parts, start)? };
            match self.cursor.peek(0) {
                0 => return Err(self.wrong(start, "a quoted scalar without an end")),
                b'\'' if single => break,
                b'"' if !single => break,
                _ => {}
            }
            // Behind a break that is escaped, the blanks of the next line do not count, and its own break is one more.
            let at = self.cursor.mark.at;
            let mut fold = Fold { first: escaped_break.then_some((at, at)), ..Fold::default() };
            self.pass_fold(&mut fold, None)?;
            fold.join(&mut parts);
        }
        self.cursor.pass(1);
        let scalar = Scalar { text: parts.finish(), plain: false };
        self.push_with(TokenKind::Scalar, start, self.cursor.mark.at, Content::Scalar(scalar));
        Ok(())
    }

    /// Takes characters in single quotes up to a blank, a break or the end.
    fn single_run(&mut self, parts: &mut Parts<'_>) -> bool {
        while !self.cursor.is_space_or_end(0) {
            let at = self.cursor.mark.at;
            let run = self.run_until(b'\'', b'\'');
            parts.source(at, at + run);
            self.cursor.pass(run);
            if self.cursor.peek(0) == b'\'' {
                if self.cursor.peek(1) != b'\'' {
                    break;
                }
                parts.made(b"'");
                self.cursor.pass(2);
            }
        }
        false
    }

    /// The same in double quotes. Says whether it ended with an escaped line break.
    fn double_run(&mut self, parts: &mut Parts<'_>, start: usize) -> Result<bool> {
        while !self.cursor.is_space_or_end(0) {
            let at = self.cursor.mark.at;
            let run = self.run_until(b'"', b'\\');
            parts.source(at, at + run);
            self.cursor.pass(run);
            match self.cursor.peek(0) {
                b'"' => break,
                b'\\' if self.cursor.break_width(1) > 0 => {
                    self.cursor.pass(1);
                    self.cursor.pass_break();
                    parts.made(b"");
                    return Ok(true);
                }
                b'\\' => self.escape(parts, start)?,
                _ => {}
            }
        }
        Ok(false)
    }

    fn run_until(&self, one: u8, other: u8) -> usize {
        let rest = self.cursor.rest();
        let mut length = 0;
        while let Some(byte) = rest.get(length) {
            let ends = matches!(byte, b' ' | b'\t' | b'\n' | b'\r') || *byte == one || *byte == other;
            if ends || matches!(byte, 0xc2 | 0xe2) && self.cursor.break_width(length) > 0 {
                break;
            }
            length += 1;
        }
        length
    }

    fn escape(&mut self, parts: &mut Parts<'_>, start: usize) -> Result<()> {
        let digits = match self.cursor.peek(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        let made: char = match self.cursor.peek(1) {
            b'0' => '\0',
            b'a' => '\u{7}',
            b'b' => '\u{8}',
            b't' | b'\t' => '\t',
            b'n' => '\n',
            b'v' => '\u{b}',
            b'f' => '\u{c}',
            b'r' => '\r',
            b'e' => '\u{1b}',
            byte @ (b' ' | b'"' | b'\'' | b'\\') => char::from(byte),
            b'N' => '\u{85}',
            b'_' => '\u{a0}',
            b'L' => '\u{2028}',
            b'P' => '\u{2029}',
            _ if digits > 0 => {
                let code = self.cursor.rest().get(2..2 + digits).filter(|code| code.iter().all(u8::is_ascii_hexdigit));
                let code = code.and_then(|code| u32::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
                code.and_then(char::from_u32).ok_or_else(|| self.wrong(self.cursor.mark.at, "an escape that is no character"))?
            }
            _ => return Err(self.wrong(start, "a quoted scalar with an unknown escape")),
        };
        parts.made(made.encode_utf8(&mut [0; 4]).as_bytes());
        self.cursor.pass(2 + digits);
        Ok(())
    }
}

impl Fold {
    /// Joins what is around: blanks stay, one line break becomes a space, of more all but the first stay.
    fn join(&self, parts: &mut Parts<'_>) {
        let Some((start, end)) = self.first else { return parts.source(self.blanks.0, self.blanks.1) };
        let text = parts.text;
        let kept = |(start, end): (usize, usize)| normal_break(text.get(start..end).unwrap_or_default());
        if start < end && kept((start, end)) != b"\n" {
            parts.made(kept((start, end)));
        } else if start < end && self.more.is_empty() {
            parts.made(b" ");
        }
        for found in &self.more {
            parts.made(kept(*found));
        }
    }
}

/// A line break as it is read: the separators of Unicode stay.
pub(super) fn normal_break(text: &[u8]) -> &[u8] {
    if text.len() == 3 { text } else { b"\n" }
}
