//! Texts of JSON and of Go.

use std::borrow::Cow;

use crate::number;
use crate::scan::{Shape, shape};

/// A value as Go's `Result.String` gives it.
pub(crate) fn of(json: &[u8]) -> Cow<'_, [u8]> {
    match shape(json, 0) {
        Some(Shape::Text) => unquoted(json),
        Some(Shape::Number) => number::text(json),
        Some(Shape::Literal) => match json.first() {
            Some(b't') => Cow::Borrowed(b"true"),
            Some(b'f') => Cow::Borrowed(b"false"),
            _ => Cow::Borrowed(b""),
        },
        _ => Cow::Borrowed(json),
    }
}

/// A text without its quotes and escapes.
pub(crate) fn unquoted(json: &[u8]) -> Cow<'_, [u8]> {
    let inside = json.strip_prefix(b"\"").unwrap_or(json);
    unescaped(inside.strip_suffix(b"\"").unwrap_or(inside))
}

/// The inside of a text without escapes. One that Go does not know ends it, and so does a control character in a text that has escapes.
pub(crate) fn unescaped(inside: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', inside).is_none() {
        return Cow::Borrowed(inside);
    }
    let mut out = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            0..b' ' => break,
            b'\\' => match escape(rest, &mut out) {
                Some(tail) => rest = tail,
                None => break,
            },
            byte => out.push(*byte),
        }
    }
    Cow::Owned(out)
}

/// Writes what stands behind a backslash, and gives what follows; `None` if Go does not know it.
fn escape<'t>(rest: &'t [u8], out: &mut Vec<u8>) -> Option<&'t [u8]> {
    let (letter, mut rest) = rest.split_first()?;
    let byte = match letter {
        b'\\' | b'/' | b'"' => *letter,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => {
            let mut code = hexadecimal(rest.get(..4)?);
            rest = rest.get(4..)?;
            if (0xd800..0xe000).contains(&code) {
                let low = rest.strip_prefix(b"\\u").and_then(|low| Some((hexadecimal(low.get(..4)?), low.get(4..)?)));
                if let Some((low, tail)) = low {
                    let pair = (0xd800..0xdc00).contains(&code) && (0xdc00..0xe000).contains(&low);
                    code = if pair { 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) } else { 0xfffd };
                    rest = tail;
                }
            }
            let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(rest);
        }
        _ => return None,
    };
    out.push(byte);
    Some(rest)
}

/// Four digits; zero if they are none.
fn hexadecimal(digits: &[u8]) -> u32 {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    digits.iter().try_fold(0, |sum, byte| Some(sum * 16 + digit(byte)?)).unwrap_or(0)
}

/// Writes a text as JSON, as Go's encoder does; with the escapes that pages of the web need, if that is asked for.
pub(crate) fn quote(text: &[u8], for_html: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => out.extend([b'\\', c as u8]),
                '\u{8}' => out.extend(b"\\b"),
                '\u{c}' => out.extend(b"\\f"),
                '\n' => out.extend(b"\\n"),
                '\r' => out.extend(b"\\r"),
                '\t' => out.extend(b"\\t"),
                '<' | '>' | '&' if !for_html => out.push(c as u8),
                '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.extend(format!("\\u{:04x}", u32::from(c)).into_bytes()),
                c => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        // Every byte that is none of a character is replaced by itself.
        chunk.invalid().iter().for_each(|_| out.extend(b"\\ufffd"));
    }
    out.push(b'"');
}
