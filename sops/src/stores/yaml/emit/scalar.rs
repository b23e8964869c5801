//! Scalars to text.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::document::Value;
use crate::error::Result;

use super::super::cursor::break_width;
use super::super::page::Page;
use super::super::style::{Allowed, Style, analyze, is_printable, style_of};
use super::{Blocks, Emitter};

/// Longest key without `?`, in bytes.
const LONGEST_KEY: usize = 128;

/// Base64 digits in a line.
const BASE64_LINE: usize = 70;

/// How a value is written.
pub(in super::super) struct ScalarText<'a> {
    pub(in super::super) text: Cow<'a, str>,
    pub(in super::super) style: Style,
    pub(in super::super) tag: Option<&'static [u8]>,
    pub(in super::super) allowed: Allowed,
}

impl ScalarText<'_> {
    /// How it is written where not every literal block may stand.
    pub(in super::super) fn style_in(&self, blocks: Blocks) -> Style {
        let keeps = self.text == "\n" || self.text.ends_with("\n\n");
        let refused = blocks == Blocks::Nowhere || blocks == Blocks::WithoutEmptyEnd && keeps;
        if self.style == Style::Literal && refused { Style::Double } else { self.style }
    }
}

/// Decides how a value is written in a block.
pub(in super::super) fn scalar_text(value: &Value) -> ScalarText<'_> {
    let plain =
        |text: Cow<'static, str>| ScalarText { text, style: Style::Plain, tag: None, allowed: Allowed { plain_in_flow: true, ..Allowed::default() } };
    match value {
        Value::Null => plain("null".into()),
        Value::Bool(value) => plain(if *value { "true" } else { "false" }.into()),
        Value::Int(value) => plain(value.to_string().into()),
        Value::Float(value) => plain(float_text(*value).into()),
        Value::Time(value) => plain(value.clone().into()),
        Value::Text(text) => {
            // EXPOSE: the text is written.
            let bytes = text.expose();
            match std::str::from_utf8(bytes) {
                Ok(text) => of_text(text),
                Err(_) => binary(bytes),
            }
        }
    }
}

/// The same for a text.
pub(in super::super) fn of_text(text: &str) -> ScalarText<'_> {
    let allowed = analyze(text);
    let style = style_of(text, allowed);
    // This text alone is read as something else though it resolves to a text.
    let tag = (text == "<<").then_some(&b"!!merge"[..]);
    ScalarText { text: Cow::Borrowed(text), style, tag, allowed }
}

/// Bytes that are no text are written as base64.
fn binary(bytes: &[u8]) -> ScalarText<'static> {
    let encoded = STANDARD.encode(bytes);
    let mut text = String::with_capacity(encoded.len() * 2);
    let mut rest = encoded.as_str();
    if encoded.len() < BASE64_LINE {
        text.push_str(rest);
        rest = "";
    }
    while !rest.is_empty() {
        let (line, more) = rest.split_at(BASE64_LINE.min(rest.len()));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    let style = if text.contains('\n') { Style::Literal } else { Style::Plain };
    ScalarText { allowed: analyze(&text), text: Cow::Owned(text), style, tag: Some(b"!!binary") }
}

/// Writes a number as short as it goes, with an exponent if it is below -4 or above 5.
///
/// *Source*: `strconv.FormatFloat(x, 'g', -1, 64)`, Go 1.26.
fn float_text(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

impl<'a> Emitter<'a> {
    /// Writes a key; says whether it stands in one line with its value.
    pub(super) fn key(&mut self, key: &'a str) -> Result<bool> {
        let scalar = of_text(key);
        let length = key.len() + scalar.tag.map_or(0, <[u8]>::len);
        let simple = !scalar.allowed.lines && length <= LONGEST_KEY;
        if !simple {
            self.page.indicator(b"?", true, false, true);
        }
        self.write_scalar(&scalar, false);
        Ok(simple)
    }

    pub(super) fn scalar(&mut self, value: &Value, in_list: bool) -> Result<()> {
        self.write_scalar(&scalar_text(value), in_list);
        Ok(())
    }

    fn write_scalar(&mut self, scalar: &ScalarText<'_>, in_list: bool) {
        if let Some(tag) = scalar.tag {
            self.page.indicator(tag, true, false, false);
        }
        let outer = self.page.indent;
        self.page.indent = self.deeper(in_list, true);
        match scalar.style_in(self.blocks) {
            Style::Plain => write_plain(&mut self.page, &scalar.text),
            Style::Single => write_single(&mut self.page, &scalar.text),
            Style::Double => write_double(&mut self.page, &scalar.text),
            Style::Literal => {
                // go-yaml writes a level even where the block is indented by less, and cannot read that if there are spaces to lose.
                let empty = scalar.text.chars().all(|character| break_width(character.to_string().as_bytes()) > 0);
                let hint = if empty { self.indent } else { (self.page.indent - outer.max(0)).unsigned_abs() };
                write_literal_header(&mut self.page, &scalar.text, hint);
                if self.waiting.line.is_empty() {
                    self.page.break_line()
                } else {
                    self.write_line()
                }
                write_literal_lines(&mut self.page, &scalar.text);
            }
        }
        self.page.indent = outer;
    }
}

fn write_plain(page: &mut Page, text: &str) {
    if !page.after_space {
        page.put(b" ");
    }
    page.put_content(text.as_bytes());
    page.after_space = false;
}

fn write_single(page: &mut Page, text: &str) {
    page.indicator(b"'", true, false, false);
    let mut rest = text;
    let mut after_break = false;
    while let Some(first) = rest.chars().next() {
        let width = break_width(rest.as_bytes());
        if width > 0 {
            page.put_break(&rest.as_bytes()[..width]);
            after_break = true;
            rest = &rest[width..];
            continue;
        }
        if after_break {
            page.indent_line();
        }
        after_break = false;
        let length = if first == '\'' { 0 } else { rest.find(['\'', '\u{85}', '\u{2028}', '\u{2029}']).unwrap_or(rest.len()) };
        if length == 0 {
            page.put_content(b"''");
            rest = &rest[1..];
        } else {
            page.put_content(&rest.as_bytes()[..length]);
            rest = &rest[length..];
        }
    }
    page.indicator(b"'", false, false, false);
}

/// Writes a text in double quotes, with everything escaped that is not plainly visible.
pub(in super::super) fn write_double(page: &mut Page, text: &str) {
    page.indicator(b"\"", true, false, false);
    // Behind a byte order mark go-yaml takes every character for one.
    let all = text.starts_with('\u{feff}');
    let mut start = 0;
    for (at, character) in text.char_indices() {
        if !all && is_printable(character) && !matches!(character, '"' | '\\' | '\n' | '\u{2028}' | '\u{2029}') {
            continue;
        }
        page.put_content(&text.as_bytes()[start..at]);
        start = at + character.len_utf8();
        let code = u32::from(character);
        let escape = match character {
            '\0' => "\\0".into(),
            '\u{7}' => "\\a".into(),
            '\u{8}' => "\\b".into(),
            '\t' => "\\t".into(),
            '\n' => "\\n".into(),
            '\u{b}' => "\\v".into(),
            '\u{c}' => "\\f".into(),
            '\r' => "\\r".into(),
            '\u{1b}' => "\\e".into(),
            '"' => "\\\"".into(),
            '\\' => "\\\\".into(),
            '\u{85}' => "\\N".into(),
            '\u{a0}' => "\\_".into(),
            '\u{2028}' => "\\L".into(),
            '\u{2029}' => "\\P".into(),
            _ if code <= 0xff => Cow::Owned(format!("\\x{code:02X}")),
            _ if code <= 0xffff => Cow::Owned(format!("\\u{code:04X}")),
            _ => Cow::Owned(format!("\\U{code:08X}")),
        };
        page.put_content(escape.as_bytes());
    }
    page.put_content(&text.as_bytes()[start..]);
    page.indicator(b"\"", false, false, false);
}

/// Writes the first line of a literal block: how far it is indented if its text begins with space, and what happens to its last line breaks.
pub(in super::super) fn write_literal_header(page: &mut Page, text: &str, indentation: usize) {
    page.indicator(b"|", true, false, false);
    if text.starts_with(' ') || break_width(text.as_bytes()) > 0 {
        page.indicator(indentation.to_string().as_bytes(), false, false, false);
    }
    let ends_with_break = |text: &str| text.chars().next_back().filter(|last| break_width(last.to_string().as_bytes()) > 0).map(char::len_utf8);
    match ends_with_break(text) {
        None => page.indicator(b"-", false, false, false),
        Some(width) if text.len() == width || ends_with_break(&text[..text.len() - width]).is_some() => page.indicator(b"+", false, false, false),
        Some(_) => {}
    }
}

pub(in super::super) fn write_literal_lines(page: &mut Page, text: &str) {
    page.after_space = true;
    let mut rest = text.as_bytes();
    let mut after_break = true;
    while !rest.is_empty() {
        let width = break_width(rest);
        if width > 0 {
            page.put_break(&rest[..width]);
            after_break = true;
            rest = &rest[width..];
            continue;
        }
        if after_break {
            page.indent_line();
        }
        after_break = false;
        let is_break = |at: &usize| matches!(rest[*at], b'\n' | b'\r' | 0xc2 | 0xe2) && break_width(&rest[*at..]) > 0;
        let length = (0..rest.len()).find(is_break).unwrap_or(rest.len());
        page.put_content(&rest[..length]);
        rest = &rest[length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        let check = |number: f64, expected: &str| assert_eq!(float_text(number), expected);
        check(1.0, "1");
        check(-0.0, "-0");
        check(123_456.0, "123456");
        check(1_234_567.0, "1.234567e+06");
        check(1e20, "1e+20");
        check(1.5e300, "1.5e+300");
        check(0.0001, "0.0001");
        check(0.00001, "1e-05");
        check(f64::NEG_INFINITY, "-.inf");
    }
}
