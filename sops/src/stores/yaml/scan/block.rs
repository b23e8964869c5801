//! Literal and folded block scalars.

use crate::error::Result;

use super::super::cursor::{Growing, is_blank};
use super::super::token::{Content, Scalar, Text, TokenKind};
use super::Scanner;
use super::quoted::normal_break;

/// What the header of a block scalar says.
#[derive(Clone, Copy, Default)]
struct Header {
    /// Spaces of the content, if it is told.
    increment: usize,
    strip: bool,
    keep: bool,
}

/// Line breaks that were passed, and where the last of them ended.
#[derive(Default)]
struct Breaks {
    found: Vec<(usize, usize)>,
    indent: usize,
}

impl Scanner<'_> {
    pub(super) fn block_scalar(&mut self) -> Result<()> {
        self.forget_key()?;
        self.key_allowed = true;
        let start = self.cursor.mark.at;
        let literal = self.cursor.peek(0) == b'|';
        self.cursor.pass(1);
        let header = self.block_header(start)?;
        let mut end = self.cursor.mark.at;
        self.cursor.pass_blanks();
        if self.cursor.peek(0) == b'#' {
            self.line_comment(start);
        }
        if !self.cursor.is_break_or_end(0) {
            return Err(self.wrong(start, "a block scalar with more than a comment in its first line"));
        }
        self.cursor.pass_break();
        let parent = usize::try_from(self.indent).unwrap_or(0);
        let mut breaks = Breaks { indent: if header.increment > 0 { parent + header.increment } else { 0 }, ..Breaks::default() };
        let mut text = Growing::with_capacity(64);
        let mut leading = None;
        let mut after_blank = false;
        self.block_breaks(&mut breaks)?;
        while self.cursor.mark.column == breaks.indent && self.cursor.peek(0) != 0 {
            let blank = is_blank(self.cursor.peek(0));
            self.join(&mut text, leading, &breaks, !literal && !after_blank && !blank);
            breaks.found.clear();
            after_blank = blank;
            let at = self.cursor.mark.at;
            let line = self.pass_line().range();
            text.push(self.cursor.text.get(line.clone()).unwrap_or_default());
            end = line.end.max(at);
            self.cursor.pass_break();
            leading = (self.cursor.mark.at > end).then_some((end, self.cursor.mark.at));
            self.block_breaks(&mut breaks)?;
        }
        if !header.strip {
            self.push_break(&mut text, leading);
        }
        if header.keep {
            breaks.found.iter().for_each(|found| self.push_break(&mut text, Some(*found)));
            // The empty lines are content; the break of the last one is what ends the scalar.
            end = breaks.found.last().or(leading.as_ref()).map_or(end, |found| found.0);
        }
        let scalar = Scalar { text: Text::Made(text.into_secret()), plain: false };
        self.push_with(TokenKind::Scalar, start, end, Content::Scalar(scalar));
        Ok(())
    }

    fn block_header(&mut self, start: usize) -> Result<Header> {
        let mut header = Header::default();
        let (mut chomped, mut indented) = (false, false);
        loop {
            match self.cursor.peek(0) {
                sign @ (b'+' | b'-') if !chomped => {
                    (header.keep, header.strip) = (sign == b'+', sign == b'-');
                    chomped = true;
                }
                b'0' if !indented => return Err(self.wrong(start, "a block scalar that is indented by zero")),
                digit @ b'1'..=b'9' if !indented => {
                    header.increment = usize::from(digit - b'0');
                    indented = true;
                }
                _ => return Ok(header),
            }
            self.cursor.pass(1);
        }
    }

    /// Passes indentation and empty lines; finds out how far the content is indented, if that is not known.
    fn block_breaks(&mut self, breaks: &mut Breaks) -> Result<()> {
        let mut widest = 0;
        loop {
            let wanted = if breaks.indent == 0 { usize::MAX } else { breaks.indent.saturating_sub(self.cursor.mark.column) };
            let spaces = self.cursor.rest().iter().take(wanted).take_while(|byte| **byte == b' ').count();
            self.cursor.pass(spaces);
            widest = widest.max(self.cursor.mark.column);
            if (breaks.indent == 0 || self.cursor.mark.column < breaks.indent) && self.cursor.peek(0) == b'\t' {
                return Err(self.wrong(self.cursor.mark.at, "a tab where a block scalar is indented"));
            }
            if self.cursor.break_width(0) == 0 {
                break;
            }
            let at = self.cursor.mark.at;
            self.cursor.pass_break();
            breaks.found.push((at, self.cursor.mark.at));
        }
        if breaks.indent == 0 {
            breaks.indent = widest.max(usize::try_from(self.indent + 1).unwrap_or(0)).max(1);
        }
        Ok(())
    }

    /// Joins a line to the ones before it; folded, the break between two lines of text is a space.
    fn join(&self, text: &mut Growing, leading: Option<(usize, usize)>, breaks: &Breaks, folds: bool) {
        let is_plain = leading.is_some_and(|(start, end)| normal_break(&self.cursor.text[start..end]) == b"\n");
        if !folds || !is_plain {
            self.push_break(text, leading);
        } else if breaks.found.is_empty() {
            text.push(b" ");
        }
        breaks.found.iter().for_each(|found| self.push_break(text, Some(*found)));
    }

    fn push_break(&self, text: &mut Growing, found: Option<(usize, usize)>) {
        if let Some((start, end)) = found {
            text.push(normal_break(self.cursor.text.get(start..end).unwrap_or_default()));
        }
    }
}
