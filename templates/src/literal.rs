//! Constants of the template's source: numbers and quoted text.

use crate::error::Fault;
use crate::lex::TokenKind;
use crate::node::Number;
use crate::number::{parse_float, parse_int, parse_uint, truncate_to_int};
use crate::unicode::decode;
use crate::value::Text;

type Step<T> = Result<T, Fault>;

/// Takes a number or character constant for everything that it can be.
pub(crate) fn number(kind: TokenKind, text: &[u8]) -> Step<Number> {
    match kind {
        TokenKind::CharacterConstant => character_constant(text),
        TokenKind::Complex => complex_constant(text),
        _ => plain_number(text),
    }
}

fn character_constant(text: &[u8]) -> Step<Number> {
    let malformed = || Fault::parse("malformed character constant");
    let (c, size) = unquote_char(&text[1..], b'\'').ok_or_else(malformed)?;
    if &text[1 + size..] != b"'" {
        return Err(malformed());
    }
    let code = match c {
        Unquoted::Byte(byte) => u32::from(byte),
        Unquoted::Char(c) => u32::from(c),
    };
    let number = Number { int: Some(code.into()), uint: Some(code.into()), float: Some(code.into()), ..Number::default() };
    Ok(number)
}

fn complex_constant(text: &[u8]) -> Step<Number> {
    let bad = || Fault::parse("bad complex constant");
    let is_split = |at: &usize| {
        let exponent = matches!(text[at - 1], b'e' | b'E' | b'p' | b'P') && !text.starts_with(b"0x");
        *at > 0 && matches!(text[*at], b'+' | b'-') && !exponent
    };
    let split = (1..text.len()).rev().find(is_split).ok_or_else(bad)?;
    let real = parse_float(&text[..split]).ok_or_else(bad)?;
    let imaginary = parse_float(&text[split..text.len() - 1]).ok_or_else(bad)?;
    Ok(simplified(real, imaginary))
}

/// A complex number without imaginary part can stand for a plain number, too.
fn simplified(real: f64, imaginary: f64) -> Number {
    let mut number = Number { complex: Some((real, imaginary)), ..Number::default() };
    if imaginary == 0.0 {
        number.float = Some(real);
        number.int = exact_int(real);
        number.uint = exact_uint(real);
    }
    number
}

fn plain_number(text: &[u8]) -> Step<Number> {
    if let Some(imaginary) = text.strip_suffix(b"i").and_then(parse_float) {
        return Ok(simplified(0.0, imaginary));
    }
    let has_point = text.iter().any(|byte| b".eEpP".contains(byte));
    let hexadecimal = text.len() > 2 && matches!(text[..2], [b'0', b'x' | b'X']);
    let hexadecimal_int = hexadecimal && !text.iter().any(|byte| b"pP".contains(byte));
    let mut number = Number { uint: parse_uint(text, 0), int: parse_int(text, 0), ..Number::default() };
    number.written_as_float = has_point && !hexadecimal_int;
    if number.int == Some(0) {
        number.uint = Some(0);
    }
    if let Some(int) = number.int {
        number.float = Some(int as f64);
    } else if let Some(uint) = number.uint {
        number.float = Some(uint as f64);
    } else if let Some(float) = parse_float(text) {
        if !has_point {
            return Err(Fault::parse("integer overflow"));
        }
        number.float = Some(float);
        number.int = exact_int(float);
        number.uint = number.uint.or(exact_uint(float));
    }
    let nothing = number.int.is_none() && number.uint.is_none() && number.float.is_none();
    if nothing { Err(Fault::parse("illegal number syntax")) } else { Ok(number) }
}

fn exact_int(float: f64) -> Option<i64> {
    let int = truncate_to_int(float);
    (int as f64 == float).then_some(int)
}

fn exact_uint(float: f64) -> Option<u64> {
    let inside = (0.0..18_446_744_073_709_551_616.0).contains(&float) && float.fract() == 0.0;
    inside.then_some(float as u64)
}

/// The text of a quoted or raw quoted token.
pub(crate) fn unquote(token: &[u8]) -> Step<Text> {
    let inner = token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
    if token.first() == Some(&b'`') {
        return Ok(Text::new(inner.iter().copied().filter(|byte| *byte != b'\r').collect()));
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut at = 0;
    while at < inner.len() {
        let (c, size) = unquote_char(&inner[at..], b'"').ok_or_else(|| Fault::parse("invalid escape in a quoted text"))?;
        at += size;
        match c {
            Unquoted::Byte(byte) => text.push(byte),
            Unquoted::Char(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(Text::new(text))
}

enum Unquoted {
    Byte(u8),
    Char(char),
}

/// Reads one character, escaped or not, and says how many bytes it took.
fn unquote_char(text: &[u8], quote: u8) -> Option<(Unquoted, usize)> {
    let first = *text.first()?;
    if first == quote {
        return None;
    }
    if first != b'\\' {
        let (c, size) = decode(text);
        return Some((Unquoted::Char(c), size));
    }
    let escape = *text.get(1)?;
    let simple = match escape {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' => b'\\',
        b'\'' | b'"' if escape == quote => quote,
        b'x' => return Some((Unquoted::Byte(u8::try_from(digits(text, 2, 2, 16)?).ok()?), 4)),
        b'0'..=b'7' => return Some((Unquoted::Byte(u8::try_from(digits(text, 1, 3, 8)?).ok()?), 4)),
        b'u' => return Some((Unquoted::Char(char::from_u32(digits(text, 2, 4, 16)?)?), 6)),
        b'U' => return Some((Unquoted::Char(char::from_u32(digits(text, 2, 8, 16)?)?), 10)),
        _ => return None,
    };
    Some((Unquoted::Byte(simple), 2))
}

fn digits(text: &[u8], start: usize, count: usize, radix: u32) -> Option<u32> {
    let digits = text.get(start..start + count)?;
    digits.iter().try_fold(0_u32, |sum, digit| sum.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unicode::REPLACEMENT;

    #[test]
    fn escapes_make_bytes_and_characters() {
        let text = unquote(br#""\x80\u00e9\377\"a""#).unwrap();
        assert_eq!(&*text, b"\x80\xc3\xa9\xff\"a");
        assert!(unquote(br#""\q""#).is_err());
        assert!(unquote(br#""\ud800""#).is_err());
        assert_eq!(&*unquote(b"\"\xff\"").unwrap(), REPLACEMENT.to_string().as_bytes());
    }

    #[test]
    fn a_number_is_all_that_it_can_be() {
        let one = number(TokenKind::Number, b"1.0").unwrap();
        assert!(one.int == Some(1) && one.written_as_float);
        assert!(number(TokenKind::Number, b"99999999999999999999").is_err());
        assert_eq!(number(TokenKind::Complex, b"1e+2-3i").unwrap().complex, Some((100.0, -3.0)));
    }
}
