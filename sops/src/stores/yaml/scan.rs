//! Text to tokens and comments.
//!
//! The rules are those of YAML 1.1 as go-yaml has them: what sops reads has to be read, and comments hang on its order of tokens.
//!
//! *Source*: behaviour of go.yaml.in/yaml v3.0.4.

mod block;
mod gap;
mod property;
mod quoted;

use std::collections::VecDeque;

use crate::document::Span;
use crate::error::{Error, ErrorKind, Position, Result};

use super::cursor::{Cursor, Mark};
use super::token::{Content, Lines, Side, Token, TokenKind};

/// Deepest nesting of collections that is read. go-yaml ends at 10,000, which no stack of ours bears.
pub(super) const MAX_DEPTH: usize = 250;

/// Tokens that are known before one is given out, so that the comments behind it are known too.
const LOOKAHEAD: usize = 3;

/// Longest key without `?`, in characters.
const LONGEST_KEY: usize = 1024;

/// A comment that waits for the token that it belongs to.
#[derive(Debug)]
pub(super) struct Remark {
    pub(super) side: Side,
    pub(super) lines: Lines,
    /// It belongs to the first token that starts here or later.
    pub(super) token: usize,
    /// Its first character; the column counts from 1.
    start: Mark,
    end: usize,
    /// Where the search for it began.
    searched_from: usize,
}

/// Where a key may have begun that has no `?` in front.
#[derive(Clone, Copy, Default)]
struct PossibleKey {
    possible: bool,
    required: bool,
    /// The number of the token, counted from the start of the text.
    token: usize,
    mark: Mark,
}

/// What the last token was, as far as comments care.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    BlockEntry,
    BlockSequence,
    FlowEntry,
    Other,
    Value,
}

/// Cuts a text into tokens.
pub(super) struct Scanner<'a> {
    cursor: Cursor<'a>,
    queue: VecDeque<Token<'a>>,
    /// Tokens that were given out.
    taken: usize,
    remarks: VecDeque<Remark>,
    /// Every comment that was passed, from its `#` on.
    pub(super) comments: Vec<Span>,
    /// The last two tokens, the later one second, and where they start.
    last: [(Last, usize); 2],
    flow: usize,
    indent: isize,
    indents: Vec<isize>,
    keys: Vec<PossibleKey>,
    key_allowed: bool,
    ended: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self {
            cursor: Cursor::new(text),
            queue: VecDeque::new(),
            taken: 0,
            remarks: VecDeque::new(),
            comments: Vec::new(),
            last: [(Last::Other, 0); 2],
            flow: 0,
            indent: -1,
            indents: Vec::new(),
            keys: vec![PossibleKey::default()],
            key_allowed: true,
            ended: false,
        }
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Result<&Token<'a>> {
        while !self.ended && (self.queue.len() < LOOKAHEAD || self.next_may_be_key()?) {
            self.fetch()?;
        }
        self.queue.front().ok_or_else(|| self.wrong(self.cursor.mark.at, "it ends too early"))
    }

    /// Takes the next token away. The end stays.
    pub(super) fn take(&mut self) -> Option<Token<'a>> {
        if self.ended && self.queue.len() == 1 {
            return None;
        }
        self.taken += 1;
        self.queue.pop_front()
    }

    /// The comment that belongs to a token at this place, if there is one more.
    pub(super) fn remark(&mut self, start: usize, is_block_end: bool) -> Option<Remark> {
        self.remarks.pop_front_if(|remark| remark.token <= start && !(remark.side == Side::Head && is_block_end))
    }

    pub(super) fn wrong(&self, at: usize, what: &str) -> Error {
        wrong(self.cursor.text, at, what)
    }

    fn fetch(&mut self) -> Result<()> {
        let from = self.cursor.mark;
        self.pass_gap()?;
        self.unroll(self.cursor.mark.column.cast_signed(), from);
        if self.cursor.peek(0) == 0 {
            return self.end();
        }
        if self.cursor.mark.column == 0 && self.cursor.peek(0) == b'%' {
            return self.directive();
        }
        if self.cursor.is_document_indicator() {
            return self.document_indicator();
        }
        let first = self.cursor.peek(0);
        let belongs_to_last = if self.flow == 0 { first == b':' } else { first == b',' };
        let token = if belongs_to_last { self.last[1].1 } else { self.cursor.mark.at };
        self.fetch_content(first)?;
        // A comment behind `-` is one above what follows.
        if self.last[1].0 != Last::BlockEntry {
            self.line_comment(token);
        }
        Ok(())
    }

    fn fetch_content(&mut self, first: u8) -> Result<()> {
        let flow = self.flow > 0;
        let before_space = self.cursor.is_space_or_end(1);
        match first {
            b'[' => self.open(TokenKind::FlowSequence),
            b'{' => self.open(TokenKind::FlowMapping),
            b']' => self.close(TokenKind::FlowSequenceEnd),
            b'}' => self.close(TokenKind::FlowMappingEnd),
            b',' => {
                self.forget_key()?;
                self.key_allowed = true;
                self.indicator(TokenKind::FlowEntry);
                Ok(())
            }
            b'-' if before_space => self.block_entry(),
            b'?' if flow || before_space => self.explicit_key(),
            b':' if flow || before_space => self.value(),
            b'*' | b'&' => self.anchor(),
            b'!' => self.tag(),
            b'|' | b'>' if !flow => self.block_scalar(),
            b'\'' | b'"' => self.quoted_scalar(),
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => Err(self.wrong(self.cursor.mark.at, "a character that cannot stand here")),
            _ => self.plain_scalar(),
        }
    }

    fn push(&mut self, kind: TokenKind, start: usize, end: usize) {
        self.push_with(kind, start, end, Content::Nothing);
    }

    fn push_with(&mut self, kind: TokenKind, start: usize, end: usize, content: Content<'a>) {
        let last = match kind {
            TokenKind::BlockEntry => Last::BlockEntry,
            TokenKind::BlockSequence => Last::BlockSequence,
            TokenKind::FlowEntry => Last::FlowEntry,
            TokenKind::Value => Last::Value,
            _ => Last::Other,
        };
        self.last = [self.last[1], (last, start)];
        self.queue.push_back(Token { kind, start, end, content });
    }

    /// Passes one character that is a token.
    fn indicator(&mut self, kind: TokenKind) {
        let start = self.cursor.mark.at;
        self.cursor.pass(1);
        self.push(kind, start, self.cursor.mark.at);
    }

    fn end(&mut self) -> Result<()> {
        self.reset()?;
        self.push(TokenKind::StreamEnd, self.cursor.mark.at, self.cursor.mark.at);
        self.ended = true;
        Ok(())
    }

    fn document_indicator(&mut self) -> Result<()> {
        self.reset()?;
        let kind = if self.cursor.peek(0) == b'-' { TokenKind::DocumentStart } else { TokenKind::DocumentEnd };
        let start = self.cursor.mark.at;
        self.cursor.pass(3);
        self.push(kind, start, self.cursor.mark.at);
        Ok(())
    }

    /// Ends every block.
    fn reset(&mut self) -> Result<()> {
        self.unroll(-1, self.cursor.mark);
        self.forget_key()?;
        self.key_allowed = false;
        Ok(())
    }

    fn open(&mut self, kind: TokenKind) -> Result<()> {
        self.note_key()?;
        self.keys.push(PossibleKey::default());
        self.flow += 1;
        if self.flow > MAX_DEPTH {
            return Err(self.too_deep());
        }
        self.key_allowed = true;
        self.indicator(kind);
        Ok(())
    }

    fn close(&mut self, kind: TokenKind) -> Result<()> {
        self.forget_key()?;
        if self.flow > 0 {
            self.flow -= 1;
            self.keys.pop();
        }
        self.key_allowed = false;
        self.indicator(kind);
        Ok(())
    }

    fn block_entry(&mut self) -> Result<()> {
        if self.flow == 0 {
            if !self.key_allowed {
                return Err(self.wrong(self.cursor.mark.at, "an element of a list cannot stand here"));
            }
            self.roll(TokenKind::BlockSequence)?;
        }
        self.forget_key()?;
        self.key_allowed = true;
        self.indicator(TokenKind::BlockEntry);
        Ok(())
    }

    fn explicit_key(&mut self) -> Result<()> {
        if self.flow == 0 {
            if !self.key_allowed {
                return Err(self.wrong(self.cursor.mark.at, "a key cannot stand here"));
            }
            self.roll(TokenKind::BlockMapping)?;
        }
        self.forget_key()?;
        self.key_allowed = self.flow == 0;
        self.indicator(TokenKind::Key);
        Ok(())
    }

    fn value(&mut self) -> Result<()> {
        let key = self.keys.last().copied().unwrap_or_default();
        if self.is_still_possible(key)? {
            // The token of a possible key is never given out.
            let (at, place) = (key.mark.at, key.token.saturating_sub(self.taken).min(self.queue.len()));
            self.queue.insert(place, Token { kind: TokenKind::Key, start: at, end: at, content: Content::Nothing });
            if self.flow == 0 && self.indent < key.mark.column.cast_signed() {
                self.enter(key.mark.column)?;
                self.queue.insert(place, Token { kind: TokenKind::BlockMapping, start: at, end: at, content: Content::Nothing });
            }
            self.drop_key();
            self.key_allowed = false;
        } else {
            self.drop_key();
            if self.flow == 0 {
                if !self.key_allowed {
                    return Err(self.wrong(self.cursor.mark.at, "a value cannot stand here"));
                }
                self.roll(TokenKind::BlockMapping)?;
            }
            self.key_allowed = self.flow == 0;
        }
        self.indicator(TokenKind::Value);
        Ok(())
    }

    /// Starts a block collection, if the column is one of a new block.
    fn roll(&mut self, kind: TokenKind) -> Result<()> {
        let Mark { at, column, .. } = self.cursor.mark;
        if self.flow == 0 && self.indent < column.cast_signed() {
            self.enter(column)?;
            self.push(kind, at, at);
        }
        Ok(())
    }

    fn enter(&mut self, column: usize) -> Result<()> {
        self.indents.push(self.indent);
        self.indent = column.cast_signed();
        if self.indents.len() > MAX_DEPTH { Err(self.too_deep()) } else { Ok(()) }
    }

    /// Ends the blocks that a column is not part of, in front of comments that belong to what is around them.
    fn unroll(&mut self, column: isize, from: Mark) {
        if self.flow > 0 {
            return;
        }
        let mut block = from.at.cast_signed() - 1;
        let mut start = from.at.saturating_sub(1);
        while self.indent > column {
            let mut stop = block;
            for remark in self.remarks.iter().rev() {
                if remark.end.cast_signed() < stop {
                    break;
                }
                if remark.start.column.cast_signed() == self.indent + 1 {
                    (block, start) = (remark.start.at.cast_signed(), remark.start.at);
                }
                stop = remark.searched_from.cast_signed();
            }
            self.push(TokenKind::BlockEnd, start, start);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    /// True if the token in front may turn out to be a key.
    fn next_may_be_key(&mut self) -> Result<bool> {
        let taken = self.taken;
        let Some(at) = self.keys.iter().position(|key| key.possible && key.token == taken) else { return Ok(false) };
        let possible = self.is_still_possible(self.keys[at])?;
        self.keys[at].possible = possible;
        Ok(possible)
    }

    fn is_still_possible(&self, key: PossibleKey) -> Result<bool> {
        if !key.possible {
            return Ok(false);
        }
        let Mark { at, line, .. } = self.cursor.mark;
        let too_long = at - key.mark.at > LONGEST_KEY && super::cursor::characters(&self.cursor.text[key.mark.at..at]) > LONGEST_KEY;
        if key.mark.line == line && !too_long {
            return Ok(true);
        }
        if key.required { Err(self.wrong(key.mark.at, "a key without a colon")) } else { Ok(false) }
    }

    /// Remembers that a key may begin here.
    fn note_key(&mut self) -> Result<()> {
        if self.key_allowed {
            self.forget_key()?;
            let mark = self.cursor.mark;
            let required = self.flow == 0 && self.indent == mark.column.cast_signed();
            let token = self.taken + self.queue.len();
            if let Some(key) = self.keys.last_mut() {
                *key = PossibleKey { possible: true, required, token, mark };
            }
        }
        Ok(())
    }

    fn forget_key(&mut self) -> Result<()> {
        if let Some(key) = self.keys.last()
            && key.possible
            && key.required
        {
            return Err(self.wrong(key.mark.at, "a key without a colon"));
        }
        self.drop_key();
        Ok(())
    }

    fn drop_key(&mut self) {
        if let Some(key) = self.keys.last_mut() {
            key.possible = false;
        }
    }

    fn too_deep(&self) -> Error {
        self.wrong(self.cursor.mark.at, &format!("it nests deeper than {MAX_DEPTH} levels"))
    }
}

pub(super) fn wrong(text: &[u8], at: usize, what: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("read the YAML: {what}")).at(Position::of(text, at))
}

fn span(start: usize, end: usize) -> Span {
    Span::new(start, end)
}
