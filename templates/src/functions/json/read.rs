//! Reads JSON over bytes: undecodable ones are replaced, as are halves of surrogate pairs.

use std::collections::BTreeMap;

use crate::function::{Called, Scope};
use crate::number::parse_float;
use crate::unicode::{REPLACEMENT, decode};
use crate::value::{Text, Value};

/// Reads a text. `None` when it is no JSON; `false` beside the value when a number in it is too large.
pub(in crate::functions) fn read(scope: &Scope<'_>, text: &[u8]) -> Called<Option<(Value, bool)>> {
    let mut reader = Reader { scope, text, at: 0, exact: true };
    let Some(value) = reader.value()? else { return Ok(None) };
    reader.space();
    Ok((reader.at == text.len()).then_some((value, reader.exact)))
}

struct Reader<'a> {
    scope: &'a Scope<'a>,
    text: &'a [u8],
    at: usize,
    exact: bool,
}

type Read<T> = Called<Option<T>>;

/// Leaves the function when there is no JSON.
macro_rules! some {
    ($read:expr) => {
        match $read {
            Some(read) => read,
            None => return Ok(None),
        }
    };
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn accept(&mut self, byte: u8) -> bool {
        let accepted = self.peek() == Some(byte);
        self.at += usize::from(accepted);
        accepted
    }

    fn value(&mut self) -> Read<Value> {
        let _level = self.scope.meter.enter()?;
        self.scope.meter.step(1)?;
        self.space();
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => Ok(self.string()?.map(Value::Text)),
            Some(b't') => Ok(self.word(b"true", Value::Bool(true))),
            Some(b'f') => Ok(self.word(b"false", Value::Bool(false))),
            Some(b'n') => Ok(self.word(b"null", Value::Nil)),
            _ => Ok(self.number()),
        }
    }

    fn word(&mut self, word: &[u8], value: Value) -> Option<Value> {
        let found = self.text[self.at..].starts_with(word);
        self.at += word.len();
        found.then_some(value)
    }

    fn object(&mut self) -> Read<Value> {
        self.at += 1;
        let mut entries = BTreeMap::new();
        self.space();
        if !self.accept(b'}') {
            loop {
                self.space();
                let key = some!(self.string()?);
                self.space();
                if !self.accept(b':') {
                    return Ok(None);
                }
                self.scope.reserve(2)?;
                let value = some!(self.value()?);
                entries.insert(key, value);
                self.space();
                if self.accept(b'}') {
                    break;
                }
                if !self.accept(b',') {
                    return Ok(None);
                }
            }
        }
        self.scope.map(entries).map(|map| Some(Value::Map(map)))
    }

    fn array(&mut self) -> Read<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if !self.accept(b']') {
            loop {
                self.scope.reserve(1)?;
                items.push(some!(self.value()?));
                self.space();
                if self.accept(b']') {
                    break;
                }
                if !self.accept(b',') {
                    return Ok(None);
                }
            }
        }
        self.scope.list(items).map(Some)
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.at;
        self.accept(b'-');
        if !self.accept(b'0') {
            self.digits()?;
        }
        if self.accept(b'.') {
            self.digits()?;
        }
        if self.accept(b'e') || self.accept(b'E') {
            let _ = self.accept(b'+') || self.accept(b'-');
            self.digits()?;
        }
        let number = parse_float(&self.text[start..self.at]);
        self.exact &= number.is_some();
        Some(number.map_or(Value::Nil, Value::Float))
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn string(&mut self) -> Read<Text> {
        if !self.accept(b'"') {
            return Ok(None);
        }
        let mut out = self.scope.buffer();
        loop {
            let rest = &self.text[self.at..];
            let (c, size) = decode(rest);
            self.at += size;
            match c {
                _ if size == 0 => return Ok(None),
                '"' => return Ok(Some(Text::new(out.into_bytes()))),
                '\\' => out.push_char(some!(self.escape()))?,
                c if c < ' ' => return Ok(None),
                c => out.push_char(c)?,
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.code()?;
                if let Some(c) = char::from_u32(first) {
                    return Some(c);
                }
                self.second_half(first).unwrap_or(REPLACEMENT)
            }
            _ => return None,
        })
    }

    fn code(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
    }

    /// The other half of a surrogate pair; without one, nothing is taken.
    fn second_half(&mut self, first: u32) -> Option<char> {
        let start = self.at;
        let second = if self.accept(b'\\') && self.accept(b'u') { self.code() } else { None };
        let pair = second.filter(|second| first < 0xdc00 && (0xdc00..0xe000).contains(second));
        let c = pair.and_then(|second| char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)));
        if c.is_none() {
            self.at = start;
        }
        c
    }
}
