//! Quoted text as Go's `strconv` writes it.

use super::Step;
use crate::limits::Buffer;
use crate::unicode::{REPLACEMENT, chars, is_printable};

/// Writes text in double quotes, escaped.
pub(crate) fn quote(out: &mut Buffer<'_>, text: &[u8], ascii: bool) -> Step {
    out.push(b"\"")?;
    for (at, c, size) in chars(text) {
        if c == REPLACEMENT && size == 1 {
            out.push(format!("\\x{:02x}", text[at]).as_bytes())?;
        } else {
            out.push(escaped(c, '"', ascii).as_bytes())?;
        }
    }
    out.push(b"\"")
}

/// A character in single quotes, escaped.
pub(super) fn quote_char(c: char, ascii: bool) -> String {
    format!("'{}'", escaped(c, '\'', ascii))
}

fn escaped(c: char, quote: char, ascii: bool) -> String {
    match c {
        c if c == quote || c == '\\' => format!("\\{c}"),
        c if c.is_ascii() && is_printable(c) => c.to_string(),
        c if !ascii && !c.is_ascii() && is_printable(c) => c.to_string(),
        '\x07' => "\\a".to_owned(),
        '\x08' => "\\b".to_owned(),
        '\x0c' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\x0b' => "\\v".to_owned(),
        c if c < ' ' || c == '\x7f' => format!("\\x{:02x}", u32::from(c)),
        c if u32::from(c) < 0x1_0000 => format!("\\u{:04x}", u32::from(c)),
        c => format!("\\U{:08x}", u32::from(c)),
    }
}

/// True when text can stand between backquotes as it is.
pub(super) fn can_backquote(text: &[u8]) -> bool {
    chars(text).all(|(_, c, size)| match c {
        REPLACEMENT => size > 1,
        '\u{feff}' | '`' | '\x7f' => false,
        c => c >= ' ' || c == '\t',
    })
}
