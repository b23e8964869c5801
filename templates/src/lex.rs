//! Splits a template into tokens.
//!
//! *Source*: the documentation of Go's `text/template`; the behaviour is that of Go 1.26.

use crate::language::Language;
use crate::unicode::{chars, decode, is_digit, is_letter};

/// A token with its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'s> {
    pub(crate) kind: TokenKind,
    pub(crate) text: &'s [u8],
    pub(crate) position: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// The text of this token is the message.
    Error,
    End,
    Text,
    LeftDelimiter,
    RightDelimiter,
    Space,
    Assign,
    Declare,
    Pipe,
    LeftParenthesis,
    RightParenthesis,
    Character,
    CharacterConstant,
    Complex,
    Number,
    Bool,
    Field,
    Identifier,
    Variable,
    Quoted,
    RawQuoted,
    Dot,
    Nil,
    Keyword(Keyword),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

const KEYWORDS: &[(&[u8], TokenKind)] = &[
    (b"block", TokenKind::Keyword(Keyword::Block)),
    (b"break", TokenKind::Keyword(Keyword::Break)),
    (b"continue", TokenKind::Keyword(Keyword::Continue)),
    (b"define", TokenKind::Keyword(Keyword::Define)),
    (b"else", TokenKind::Keyword(Keyword::Else)),
    (b"end", TokenKind::Keyword(Keyword::End)),
    (b"false", TokenKind::Bool),
    (b"if", TokenKind::Keyword(Keyword::If)),
    (b"nil", TokenKind::Nil),
    (b"range", TokenKind::Keyword(Keyword::Range)),
    (b"template", TokenKind::Keyword(Keyword::Template)),
    (b"true", TokenKind::Bool),
    (b"with", TokenKind::Keyword(Keyword::With)),
];

/// Splits the source; the last token is [`TokenKind::End`] or [`TokenKind::Error`].
pub(crate) fn tokens<'s>(source: &'s [u8], language: &Language) -> Vec<Token<'s>> {
    let (left, right) = language.delimiters();
    let mut lexer = Lexer { source, left, right, position: 0, start: 0, parentheses: 0, tokens: Vec::new() };
    if let Err(message) = lexer.text() {
        let position = lexer.start;
        lexer.tokens.push(Token { kind: TokenKind::Error, text: message.as_bytes(), position });
    }
    lexer.tokens
}

struct Lexer<'s, 'd> {
    source: &'s [u8],
    left: &'d [u8],
    right: &'d [u8],
    position: usize,
    start: usize,
    parentheses: usize,
    tokens: Vec<Token<'s>>,
}

type Lexed<T = ()> = Result<T, &'static str>;

impl<'s> Lexer<'s, '_> {
    fn rest(&self) -> &'s [u8] {
        self.source.get(self.position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        let rest = self.rest();
        (!rest.is_empty()).then(|| decode(rest).0)
    }

    fn next(&mut self) -> Option<char> {
        let rest = self.rest();
        let (c, size) = decode(rest);
        self.position += size;
        (size > 0).then_some(c)
    }

    fn emit(&mut self, kind: TokenKind) {
        let text = &self.source[self.start..self.position];
        self.tokens.push(Token { kind, text, position: self.start });
        self.start = self.position;
    }

    fn text(&mut self) -> Lexed {
        while let Some(found) = find(self.rest(), self.left) {
            let after = self.position + found + self.left.len();
            let mut text_end = self.position + found;
            if has_left_trim_marker(&self.source[after..]) {
                text_end = self.start + trim_right(&self.source[self.start..text_end]).len();
            }
            self.position = text_end;
            if self.position > self.start {
                self.emit(TokenKind::Text);
            }
            self.start = after - self.left.len();
            self.position = after;
            self.left_delimiter()?;
        }
        self.position = self.source.len();
        if self.position > self.start {
            self.emit(TokenKind::Text);
        }
        self.emit(TokenKind::End);
        Ok(())
    }

    fn left_delimiter(&mut self) -> Lexed {
        let marker = if has_left_trim_marker(self.rest()) { 2 } else { 0 };
        if self.rest()[marker..].starts_with(b"/*") {
            self.position += marker + 2;
            return self.comment();
        }
        self.emit(TokenKind::LeftDelimiter);
        self.position += marker;
        self.start = self.position;
        self.parentheses = 0;
        self.action()
    }

    fn comment(&mut self) -> Lexed {
        let end = find(self.rest(), b"*/").ok_or("unclosed comment")?;
        self.position += end + 2;
        let trim = self.at_right_delimiter().ok_or("comment ends before closing delimiter")?;
        self.position += self.right.len() + if trim { 2 } else { 0 };
        if trim {
            self.position = self.source.len() - trim_left(self.rest()).len();
        }
        self.start = self.position;
        Ok(())
    }

    /// `Some(true)` before a delimiter with trim marker, `Some(false)` before one without.
    fn at_right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if has_right_trim_marker(rest) && rest[2..].starts_with(self.right) {
            return Some(true);
        }
        rest.starts_with(self.right).then_some(false)
    }

    fn right_delimiter(&mut self, trim: bool) {
        if trim {
            self.position += 2;
            self.start = self.position;
        }
        self.position += self.right.len();
        self.emit(TokenKind::RightDelimiter);
        if trim {
            self.position = self.source.len() - trim_left(self.rest()).len();
            self.start = self.position;
        }
    }

    fn action(&mut self) -> Lexed {
        loop {
            if let Some(trim) = self.at_right_delimiter() {
                if self.parentheses > 0 {
                    return Err("unclosed left paren");
                }
                self.right_delimiter(trim);
                return Ok(());
            }
            let Some(c) = self.next() else { return Err("unclosed action") };
            match c {
                ' ' | '\t' | '\r' | '\n' => {
                    if self.space() {
                        return Ok(());
                    }
                }
                '=' => self.emit(TokenKind::Assign),
                ':' if self.next() == Some('=') => self.emit(TokenKind::Declare),
                ':' => return Err("expected :="),
                '|' => self.emit(TokenKind::Pipe),
                '"' => self.quoted('"', TokenKind::Quoted, "unterminated quoted string")?,
                '\'' => self.quoted('\'', TokenKind::CharacterConstant, "unterminated character constant")?,
                '`' => self.raw_quoted()?,
                '$' => self.field(TokenKind::Variable)?,
                '.' if !self.rest().first().is_none_or(u8::is_ascii_digit) => self.field(TokenKind::Field)?,
                '.' | '+' | '-' | '0'..='9' => self.number()?,
                c if is_word(c) => self.identifier()?,
                '(' => {
                    self.parentheses += 1;
                    self.emit(TokenKind::LeftParenthesis);
                }
                ')' => {
                    self.parentheses = self.parentheses.checked_sub(1).ok_or("unexpected right paren")?;
                    self.emit(TokenKind::RightParenthesis);
                }
                ' '..='~' => self.emit(TokenKind::Character),
                _ => return Err("unrecognized character in action"),
            }
        }
    }

    /// Says whether the space ran into a right delimiter with trim marker and the action is over.
    fn space(&mut self) -> bool {
        while self.peek().is_some_and(is_space) {
            self.position += 1;
        }
        let last = self.position - 1;
        let trims = has_right_trim_marker(&self.source[last..]) && self.source[last + 2..].starts_with(self.right);
        if !trims {
            self.emit(TokenKind::Space);
            return false;
        }
        self.position = last;
        if last > self.start {
            self.emit(TokenKind::Space);
            return false;
        }
        self.right_delimiter(true);
        true
    }

    fn quoted(&mut self, quote: char, kind: TokenKind, unterminated: &'static str) -> Lexed {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.next(), None | Some('\n')) => {}
                None | Some('\n' | '\\') => return Err(unterminated),
                Some(c) if c == quote => break,
                Some(_) => {}
            }
        }
        self.emit(kind);
        Ok(())
    }

    fn raw_quoted(&mut self) -> Lexed {
        let end = find(self.rest(), b"`").ok_or("unterminated raw quoted string")?;
        self.position += end + 1;
        self.emit(TokenKind::RawQuoted);
        Ok(())
    }

    /// A field or a variable; its first character is read already.
    fn field(&mut self, kind: TokenKind) -> Lexed {
        if self.at_terminator() {
            self.emit(if kind == TokenKind::Variable { kind } else { TokenKind::Dot });
            return Ok(());
        }
        self.word();
        if !self.at_terminator() {
            return Err("bad character in a name");
        }
        self.emit(kind);
        Ok(())
    }

    fn identifier(&mut self) -> Lexed {
        self.word();
        if !self.at_terminator() {
            return Err("bad character in a name");
        }
        let text = &self.source[self.start..self.position];
        let keyword = KEYWORDS.iter().find(|(word, _)| *word == text);
        self.emit(keyword.map_or(TokenKind::Identifier, |(_, kind)| *kind));
        Ok(())
    }

    fn word(&mut self) {
        for (_, c, size) in chars(self.rest()) {
            if !is_word(c) {
                break;
            }
            self.position += size;
        }
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(_) => self.rest().starts_with(self.right),
        }
    }

    fn number(&mut self) -> Lexed {
        self.position = self.start;
        self.scan_number()?;
        if matches!(self.peek(), Some('+' | '-')) {
            self.scan_number()?;
            if self.source.get(self.position - 1) != Some(&b'i') {
                return Err("bad number syntax");
            }
            self.emit(TokenKind::Complex);
        } else {
            self.emit(TokenKind::Number);
        }
        Ok(())
    }

    fn scan_number(&mut self) -> Lexed {
        self.accept(b"+-");
        let mut digits: &[u8] = b"0123456789_";
        if self.accept(b"0") {
            if self.accept(b"xX") {
                digits = b"0123456789abcdefABCDEF_";
            } else if self.accept(b"oO") {
                digits = b"01234567_";
            } else if self.accept(b"bB") {
                digits = b"01_";
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        let exponent: &[u8] = match digits.len() {
            11 => b"eE",
            23 => b"pP",
            _ => b"",
        };
        if self.accept(exponent) {
            self.accept(b"+-");
            self.accept_run(b"0123456789_");
        }
        self.accept(b"i");
        if self.peek().is_some_and(is_word) { Err("bad number syntax") } else { Ok(()) }
    }

    fn accept(&mut self, valid: &[u8]) -> bool {
        let accepted = self.rest().first().is_some_and(|byte| valid.contains(byte));
        self.position += usize::from(accepted);
        accepted
    }

    fn accept_run(&mut self, valid: &[u8]) {
        while self.accept(valid) {}
    }
}

pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_word(c: char) -> bool {
    c == '_' || is_letter(c) || is_digit(c)
}

fn has_left_trim_marker(text: &[u8]) -> bool {
    matches!(text, [b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
}

fn has_right_trim_marker(text: &[u8]) -> bool {
    matches!(text, [b' ' | b'\t' | b'\r' | b'\n', b'-', ..])
}

fn trim_left(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_space(char::from(*byte))).unwrap_or(text.len());
    &text[start..]
}

fn trim_right(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_space(char::from(*byte))).map_or(0, |last| last + 1);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[(TokenKind, &str)]) {
        let found = tokens(source.as_bytes(), &Language::sealed_secrets());
        let found: Vec<_> = found.iter().map(|token| (token.kind, std::str::from_utf8(token.text).unwrap())).collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn trim_markers_take_the_space_around() {
        use TokenKind::{Dot, End, LeftDelimiter, RightDelimiter, Space, Text};
        check("a \n{{- . -}}\t b", &[(Text, "a"), (LeftDelimiter, "{{"), (Dot, "."), (RightDelimiter, "}}"), (Text, "b"), (End, "")]);
        check("{{.  -}} b", &[(LeftDelimiter, "{{"), (Dot, "."), (Space, " "), (RightDelimiter, "}}"), (Text, "b"), (End, "")]);
    }

    #[test]
    fn delimiters_may_be_others() {
        use TokenKind::{Dot, End, LeftDelimiter, RightDelimiter, Space, Text};
        let language = Language { left: "[[".to_owned(), right: "%>>".to_owned(), ..Language::external_secrets() };
        let found = tokens(b"{{ x }} [[- . -%>> b[[/* x */ -%>> c", &language);
        let found: Vec<_> = found.iter().map(|token| (token.kind, std::str::from_utf8(token.text).unwrap())).collect();
        let expected = [(Text, "{{ x }}"), (LeftDelimiter, "[["), (Dot, "."), (RightDelimiter, "%>>"), (Text, "b"), (Text, "c"), (End, "")];
        assert_eq!(found.into_iter().filter(|(kind, _)| *kind != Space).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn comments_leave_nothing() {
        use TokenKind::{End, Error, Text};
        check("a{{/* x */}}b", &[(Text, "a"), (Text, "b"), (End, "")]);
        check("{{/* x */ }}", &[(Error, "comment ends before closing delimiter")]);
    }
}
