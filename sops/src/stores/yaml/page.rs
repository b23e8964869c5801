//! The text that is written, and where in it the writer is.

use keys::SecretBytes;

use super::cursor::{Growing, break_width, characters};

/// A text in the making.
pub(super) struct Page {
    text: Growing,
    pub(super) column: usize,
    /// The indentation of the collection that is written; below zero outside of any.
    pub(super) indent: isize,
    /// The last character is a space, or none.
    pub(super) after_space: bool,
    /// Only indentation and indicators stand in the line.
    pub(super) indented_only: bool,
    /// Where a comment below something ended, an empty line has to keep it from what follows.
    pub(super) foot_indent: Option<usize>,
}

impl Page {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { text: Growing::with_capacity(bytes), column: 0, indent: -1, after_space: true, indented_only: true, foot_indent: None }
    }

    pub(super) fn into_secret(self) -> SecretBytes {
        self.text.into_secret()
    }

    /// The indentation of a line, which is none outside of collections.
    pub(super) fn level(&self) -> usize {
        usize::try_from(self.indent).unwrap_or(0)
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.text.push(bytes);
        self.column += characters(bytes);
    }

    /// Puts what belongs to a scalar or a comment.
    pub(super) fn put_content(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.put(bytes);
            self.indented_only = false;
        }
    }

    pub(super) fn break_line(&mut self) {
        self.put_break(b"\n");
    }

    pub(super) fn put_break(&mut self, bytes: &[u8]) {
        self.text.push(bytes);
        self.column = 0;
        self.indented_only = true;
    }

    /// Moves to the column of the collection, in a new line if this one is used.
    pub(super) fn indent_line(&mut self) {
        let indent = self.level();
        if !self.indented_only || self.column > indent || (self.column == indent && !self.after_space) {
            self.break_line();
        }
        if self.foot_indent == Some(indent) {
            self.break_line();
        }
        while self.column < indent {
            self.put(&b"                                "[..(indent - self.column).min(32)]);
        }
        self.after_space = true;
        self.foot_indent = None;
    }

    pub(super) fn indicator(&mut self, text: &[u8], needs_space: bool, is_space: bool, keeps_indentation: bool) {
        if needs_space && !self.after_space {
            self.put(b" ");
        }
        self.put(text);
        self.after_space = is_space;
        self.indented_only &= keeps_indentation;
    }

    /// Writes comment lines, each at the column of the collection.
    pub(super) fn comment<'t>(&mut self, lines: impl Iterator<Item = &'t [u8]>) {
        let mut first = true;
        for line in lines {
            if !first {
                self.break_line();
                self.indent_line();
            }
            first = false;
            self.put_content(b"#");
            let mut rest = line;
            // A comment that was encrypted may hold line breaks: its further lines are comments as well.
            while let Some(at) = (0..rest.len()).find(|at| break_width(&rest[*at..]) > 0) {
                let width = break_width(&rest[at..]);
                self.put_content(&rest[..at]);
                self.put_break(&rest[at..at + width]);
                rest = &rest[at + width..];
                if !rest.is_empty() {
                    self.indent_line();
                    if !rest.starts_with(b"#") && break_width(rest) == 0 {
                        self.put(b"# ");
                    }
                }
            }
            self.put_content(rest);
        }
        if self.column > 0 {
            self.break_line();
        }
        self.after_space = true;
    }
}
