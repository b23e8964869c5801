//! A place in a text that moves on, and the kinds of characters.

use keys::SecretBytes;
use zeroize::Zeroizing;

/// A place: byte, line and column, the latter two from 0 and the column in characters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Reads a text from start to end.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a [u8],
    pub(super) mark: Mark,
    /// Line breaks since the last character that is not blank.
    pub(super) breaks: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        let at = if text.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        Self { text, mark: Mark { at, line: 0, column: 0 }, breaks: 0 }
    }

    /// The byte so many further on; zero behind the end, since no text contains a zero.
    pub(super) fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.mark.at + ahead).copied().unwrap_or(0)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.mark.at..).unwrap_or_default()
    }

    pub(super) fn break_width(&self, ahead: usize) -> usize {
        break_width(self.text.get(self.mark.at + ahead..).unwrap_or_default())
    }

    pub(super) fn is_break_or_end(&self, ahead: usize) -> bool {
        self.peek(ahead) == 0 || self.break_width(ahead) > 0
    }

    pub(super) fn is_space_or_end(&self, ahead: usize) -> bool {
        is_blank(self.peek(ahead)) || self.is_break_or_end(ahead)
    }

    /// True at `---` or `...` that stands alone at the start of a line.
    pub(super) fn is_document_indicator(&self) -> bool {
        self.mark.column == 0 && (self.rest().starts_with(b"---") || self.rest().starts_with(b"...")) && self.is_space_or_end(3)
    }

    /// Passes so many bytes of one line.
    pub(super) fn pass(&mut self, bytes: usize) {
        let passed = self.rest().get(..bytes).unwrap_or_default();
        if passed.iter().any(|byte| !is_blank(*byte)) {
            self.breaks = 0;
        }
        self.mark.column += characters(passed);
        self.mark.at += passed.len();
    }

    pub(super) fn pass_blanks(&mut self) {
        let blanks = self.rest().iter().take_while(|byte| is_blank(**byte)).count();
        self.pass(blanks);
    }

    /// Passes a line break.
    pub(super) fn pass_break(&mut self) {
        let width = self.break_width(0);
        if width > 0 {
            self.mark = Mark { at: self.mark.at + width, line: self.mark.line + 1, column: 0 };
            self.breaks += 1;
        }
    }
}

/// How many characters some bytes of UTF-8 are.
pub(super) fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The length of the line break at the start of a text: LF, CR LF, CR, and three of Unicode, as YAML 1.1 has them.
pub(super) fn break_width(text: &[u8]) -> usize {
    match text {
        [b'\r', b'\n', ..] | [0xc2, 0x85, ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        [0xe2, 0x80, 0xa8 | 0xa9, ..] => 3,
        _ => 0,
    }
}

/// A text that grows and leaves no copies behind.
pub(super) struct Growing(Zeroizing<Vec<u8>>);

impl Growing {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(bytes)))
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.0.capacity() - self.0.len() < bytes.len() {
            // A vector that moves by itself would not wipe where it was.
            let mut larger = Zeroizing::new(Vec::with_capacity((self.0.capacity() * 2).max(self.0.len() + bytes.len())));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn into_secret(mut self) -> SecretBytes {
        SecretBytes::new(std::mem::take(&mut *self.0))
    }
}
