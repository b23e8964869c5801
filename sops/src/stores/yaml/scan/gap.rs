//! What stands between tokens: space, and comments, of which each has to find where it belongs.

use crate::document::Span;
use crate::error::Result;

use super::super::cursor::{Mark, is_blank};
use super::super::token::{Lines, Side};
use super::{Last, Remark, Scanner, span};

/// Longest run of space within which go-yaml looks for a comment.
const REACH: usize = 512;

/// Comment lines that belong together so far.
#[derive(Default)]
struct Group {
    lines: Lines,
    start: Mark,
}

/// A walk over the comments between two tokens.
struct Gap {
    group: Group,
    token: usize,
    searched_from: usize,
    /// True until a line without a comment came.
    unbroken: bool,
    /// True behind such a line.
    after_empty: bool,
    /// The line in which a comment below the last token starts.
    foot_line: Option<usize>,
    indent: usize,
    /// Bytes ahead of the cursor, and their place; columns count from 1.
    ahead: usize,
    line: usize,
    column: usize,
}

impl Scanner<'_> {
    /// Passes space and comments up to the next token.
    pub(super) fn pass_gap(&mut self) -> Result<()> {
        let from = self.cursor.mark;
        loop {
            while self.cursor.peek(0) == b' ' || ((self.flow > 0 || !self.key_allowed) && self.cursor.peek(0) == b'\t') {
                self.cursor.pass(1);
            }
            self.lift_line_comment();
            if self.cursor.peek(0) == b'#' {
                self.search_comments(from);
            }
            if self.cursor.break_width(0) == 0 {
                return Ok(());
            }
            self.cursor.pass_break();
            self.key_allowed |= self.flow == 0;
        }
    }

    /// A comment behind a key whose value is a list, or behind the `-` of a list in a list, stands above its first element.
    fn lift_line_comment(&mut self) {
        if self.last[0].0 != Last::BlockSequence || self.last[1].0 != Last::BlockEntry || self.cursor.break_width(0) > 0 {
            return;
        }
        let Mark { at, line, .. } = self.cursor.mark;
        if let Some(remark) = self.remarks.back_mut().filter(|remark| remark.side == Side::Line) {
            remark.side = Side::Head;
            if remark.start.line + 1 == line {
                remark.token = at;
            }
        }
    }

    /// Takes a comment that stands behind a token in its line.
    pub(super) fn line_comment(&mut self, token: usize) {
        let blanks = self.cursor.rest().iter().take(REACH).take_while(|byte| is_blank(**byte)).count();
        if self.cursor.breaks > 0 || blanks == REACH || self.cursor.peek(blanks) != b'#' {
            return;
        }
        self.cursor.pass(blanks);
        let start = self.cursor.mark;
        let lines = vec![self.comment()];
        self.remarks.push_back(Remark { side: Side::Line, lines, token, start, end: 0, searched_from: 0 });
    }

    /// Passes a comment, and remembers that it is there.
    pub(super) fn comment(&mut self) -> Span {
        let comment = self.pass_line();
        self.comments.push(comment);
        comment
    }

    /// Passes everything up to the end of the line.
    pub(super) fn pass_line(&mut self) -> Span {
        let start = self.cursor.mark.at;
        let rest = self.cursor.rest();
        let mut length = 0;
        loop {
            // Most lines end with one of the two; the other breaks begin with these bytes.
            let found = rest[length..].iter().position(|byte| matches!(byte, b'\n' | b'\r' | 0xc2 | 0xe2));
            length = found.map_or(rest.len(), |more| length + more);
            if found.is_none() || self.cursor.break_width(length) > 0 {
                break;
            }
            length += 1;
        }
        self.cursor.pass(length);
        span(start, self.cursor.mark.at)
    }

    /// Takes the comments from here to the next token.
    fn search_comments(&mut self, from: Mark) {
        let [before, last] = self.last;
        let mark = self.cursor.mark;
        let behind = usize::from(self.cursor.breaks == 0 && mark.column > 1);
        let mut gap = Gap {
            group: Group::default(),
            token: if last.0 == Last::FlowEntry { before.1 } else { last.1 },
            searched_from: from.at,
            unbroken: self.cursor.breaks <= 1,
            after_empty: false,
            foot_line: (from.line > 0).then(|| (mark.line + 1 + behind).saturating_sub(self.cursor.breaks)),
            indent: usize::try_from(self.indent).unwrap_or(0),
            ahead: 0,
            line: mark.line,
            column: mark.column,
        };
        while gap.ahead < REACH {
            gap.column += 1;
            let byte = self.cursor.peek(gap.ahead);
            if is_blank(byte) {
                gap.ahead += 1;
                continue;
            }
            let closes = self.flow > 0 && matches!(byte, b']' | b'}');
            if closes || self.cursor.is_break_or_end(gap.ahead) {
                self.end_of_line(&mut gap, closes);
                if self.cursor.break_width(gap.ahead) == 0 {
                    break;
                }
                gap.pass_empty_line();
                continue;
            }
            let dedented = gap.column <= gap.indent && gap.column != gap.group.start.column;
            if !gap.group.lines.is_empty() && dedented {
                self.finish_foot(&mut gap);
            }
            if byte != b'#' {
                break;
            }
            self.take_line(&mut gap);
        }
        if !gap.group.lines.is_empty() {
            let start = gap.group.start;
            let end = (self.cursor.mark.at + gap.ahead).saturating_sub(1);
            let remark = Remark { side: Side::Head, lines: gap.group.lines, token: start.at, start, end, searched_from: gap.searched_from };
            self.remarks.push_back(remark);
        }
    }

    /// Decides at the end of a line whether the comment so far belongs to what stands above it.
    fn end_of_line(&mut self, gap: &mut Gap, closes: bool) {
        if !closes && gap.after_empty {
            return;
        }
        let outside = gap.group.start.column <= gap.indent;
        let below = Some(gap.group.start.line) == gap.foot_line && self.last_for_comments() != Last::Value;
        if closes || gap.unbroken && (below || outside) {
            if !gap.group.lines.is_empty() {
                if outside {
                    gap.token = gap.group.start.at;
                }
                self.finish_foot(gap);
            }
        } else if !gap.group.lines.is_empty() && self.cursor.peek(gap.ahead) != 0 {
            gap.group.lines.push(Span::default());
        }
    }

    fn last_for_comments(&self) -> Last {
        if self.last[1].0 == Last::FlowEntry { self.last[0].0 } else { self.last[1].0 }
    }

    fn finish_foot(&mut self, gap: &mut Gap) {
        let end = self.cursor.mark.at + gap.ahead;
        self.remarks.push_back(Remark {
            side: Side::Foot,
            lines: std::mem::take(&mut gap.group.lines),
            token: gap.token,
            start: gap.group.start,
            end,
            searched_from: gap.searched_from,
        });
        gap.searched_from = end;
        gap.token = end;
    }

    /// Takes one line of a comment, and moves to it.
    fn take_line(&mut self, gap: &mut Gap) {
        if gap.group.lines.is_empty() {
            gap.group.start = Mark { at: self.cursor.mark.at + gap.ahead, line: gap.line, column: gap.column };
        }
        gap.after_empty = false;
        let target = self.cursor.mark.at + gap.ahead;
        while self.cursor.mark.at < target {
            if self.cursor.break_width(0) > 0 { self.cursor.pass_break() } else { self.cursor.pass(1) }
        }
        let line = self.comment();
        gap.group.lines.push(line);
        // The break behind a comment is no empty line. Of CR LF only the first half is passed, as go-yaml does it, which makes one of the rest.
        gap.ahead = 1;
        gap.column = 0;
        gap.line = self.cursor.mark.line;
    }
}

impl Gap {
    fn pass_empty_line(&mut self) {
        self.unbroken = false;
        self.after_empty = true;
        self.column = 0;
        self.line += 1;
        self.ahead += 1;
    }
}
