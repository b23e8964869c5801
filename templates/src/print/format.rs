//! Flags, padding and numbers.

use super::Step;
use super::quote::{can_backquote, quote, quote_char};
use crate::limits::Buffer;
use crate::number::format_float;
use crate::unicode::{REPLACEMENT, chars, count, is_printable};

/// The flags, width and precision of a directive.
#[derive(Clone, Default)]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`
    pub(super) field_names: bool,
    /// `%#v`
    pub(super) go_syntax: bool,
}

impl Flags {
    /// For `%v` the flags `+` and `#` mean something else.
    pub(super) fn turn_into_value_flags(&mut self) {
        self.go_syntax = std::mem::take(&mut self.sharp);
        self.field_names = std::mem::take(&mut self.plus);
    }
}

/// Writes values under flags.
pub(super) struct Printer<'b, 'm> {
    pub(super) out: &'b mut Buffer<'m>,
    pub(super) flags: Flags,
    /// Inside the report of a bad verb, values are printed bare.
    pub(super) complaining: bool,
}

impl<'b, 'm> Printer<'b, 'm> {
    pub(super) fn new(out: &'b mut Buffer<'m>) -> Self {
        Self { out, flags: Flags::default(), complaining: false }
    }

    fn write_padding(&mut self, count: usize) -> Step {
        let byte = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.out.push_repeated(byte, count)
    }

    pub(super) fn pad(&mut self, text: &[u8]) -> Step {
        let missing = self.flags.width.unwrap_or(0).saturating_sub(count(text));
        if self.flags.minus {
            self.out.push(text)?;
            self.write_padding(missing)
        } else {
            self.write_padding(missing)?;
            self.out.push(text)
        }
    }

    fn pad_with_spaces(&mut self, text: &[u8]) -> Step {
        let zero = std::mem::take(&mut self.flags.zero);
        let padded = self.pad(text);
        self.flags.zero = zero;
        padded
    }

    /// The text cut to the precision.
    fn cut<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let end = self.flags.precision.and_then(|precision| chars(text).nth(precision));
        end.map_or(text, |(at, ..)| &text[..at])
    }

    pub(super) fn text(&mut self, text: &[u8]) -> Step {
        let text = self.cut(text);
        self.pad(text)
    }

    pub(super) fn quoted(&mut self, text: &[u8]) -> Step {
        let text = self.cut(text);
        let mut quoted = Buffer::new(self.out.meter());
        if self.flags.sharp && can_backquote(text) {
            quoted.push(b"`")?;
            quoted.push(text)?;
            quoted.push(b"`")?;
        } else {
            quote(&mut quoted, text, self.flags.plus)?;
        }
        self.pad(quoted.as_bytes())
    }

    /// Pairs of hexadecimal digits.
    pub(super) fn hexadecimal_text(&mut self, text: &[u8], upper: bool) -> Step {
        let text = &text[..text.len().min(self.flags.precision.unwrap_or(usize::MAX))];
        if text.is_empty() {
            return self.write_padding(self.flags.width.unwrap_or(0));
        }
        let prefix: &[u8] = match (self.flags.sharp, upper) {
            (false, _) => b"",
            (true, false) => b"0x",
            (true, true) => b"0X",
        };
        let mut written = Buffer::new(self.out.meter());
        for (index, byte) in text.iter().enumerate() {
            if index > 0 && self.flags.space {
                written.push(b" ")?;
            }
            if index == 0 || self.flags.space {
                written.push(prefix)?;
            }
            written.push(if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }.as_bytes())?;
        }
        self.pad(written.as_bytes())
    }

    pub(super) fn unicode(&mut self, code: u64) -> Step {
        let precision = self.flags.precision.unwrap_or(0).max(4);
        let digits = format!("{code:X}");
        let mut text = Buffer::new(self.out.meter());
        text.push(b"U+")?;
        text.push_repeated(b'0', precision.saturating_sub(digits.len()))?;
        text.push(digits.as_bytes())?;
        let shown = u32::try_from(code).ok().and_then(char::from_u32);
        if let Some(c) = shown.filter(|c| self.flags.sharp && is_printable(*c)) {
            text.push(format!(" '{c}'").as_bytes())?;
        }
        self.pad_with_spaces(text.as_bytes())
    }

    pub(super) fn character(&mut self, code: u64) -> Step {
        let c = to_char(code);
        self.pad(c.encode_utf8(&mut [0; 4]).as_bytes())
    }

    pub(super) fn quoted_character(&mut self, code: u64) -> Step {
        let text = quote_char(to_char(code), self.flags.plus);
        self.pad(text.as_bytes())
    }

    pub(super) fn integer(&mut self, magnitude: u64, negative: bool, verb: char) -> Step {
        if self.flags.precision == Some(0) && magnitude == 0 {
            let zero = std::mem::take(&mut self.flags.zero);
            let padded = self.write_padding(self.flags.width.unwrap_or(0));
            self.flags.zero = zero;
            return padded;
        }
        let sign: &[u8] = match (negative, self.flags.plus, self.flags.space) {
            (true, ..) => b"-",
            (false, true, _) => b"+",
            (false, false, true) => b" ",
            _ => b"",
        };
        let digits = match verb {
            'b' => format!("{magnitude:b}"),
            'o' | 'O' => format!("{magnitude:o}"),
            'x' => format!("{magnitude:x}"),
            'X' => format!("{magnitude:X}"),
            _ => magnitude.to_string(),
        };
        let wanted = match (self.flags.precision, self.flags.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if self.flags.zero && !self.flags.minus => width.saturating_sub(sign.len()),
            _ => 0,
        };
        let zeros = wanted.saturating_sub(digits.len());
        let prefix: &[u8] = match verb {
            'O' if self.flags.sharp && zeros == 0 && !digits.starts_with('0') => b"0o0",
            'O' => b"0o",
            _ if !self.flags.sharp => b"",
            'b' => b"0b",
            'o' if zeros == 0 && !digits.starts_with('0') => b"0",
            'x' => b"0x",
            'X' => b"0X",
            _ => b"",
        };
        let mut text = Buffer::new(self.out.meter());
        text.push(sign)?;
        text.push(prefix)?;
        text.push_repeated(b'0', zeros)?;
        text.push(digits.as_bytes())?;
        self.pad_with_spaces(text.as_bytes())
    }

    pub(super) fn float(&mut self, number: f64, verb: char, precision: Option<usize>) -> Step {
        let precision = self.flags.precision.or(precision);
        self.out.meter().allocate(precision.unwrap_or(0) as u64 * 2)?;
        let format = u8::try_from(verb).unwrap_or(b'g');
        let mut text = format_float(number, format, precision);
        if !text.starts_with(['-', '+']) {
            text.insert(0, '+');
        }
        if self.flags.space && text.starts_with('+') && !self.flags.plus {
            text.replace_range(..1, " ");
        }
        if !number.is_finite() {
            let bare = number.is_nan() && !self.flags.space && !self.flags.plus;
            let shown = if bare { &text[1..] } else { &text };
            return self.pad_with_spaces(shown.as_bytes());
        }
        if self.flags.sharp && verb != 'b' {
            text = with_point(&text, verb, precision);
        }
        if !self.flags.plus && text.starts_with('+') {
            return self.pad(&text.as_bytes()[1..]);
        }
        let wide = self.flags.width.is_some_and(|width| width > text.len());
        if self.flags.zero && !self.flags.minus && wide {
            self.out.push(&text.as_bytes()[..1])?;
            self.write_padding(self.flags.width.unwrap_or(0) - text.len())?;
            return self.out.push(&text.as_bytes()[1..]);
        }
        self.pad(text.as_bytes())
    }
}

fn to_char(code: u64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(REPLACEMENT)
}

/// The flag `#`: there is always a point, and trailing zeros stay.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let wants_digits = matches!(verb, 'v' | 'g' | 'G' | 'x');
    let mut missing = if wants_digits { precision.map_or(6, |precision| precision as i64) } else { 0 };
    let hexadecimal = matches!(verb, 'x' | 'X');
    let exponent: &[char] = if hexadecimal { &['p', 'P'] } else { &['e', 'E'] };
    let (number, tail) = text.find(exponent).map_or((text, ""), |at| text.split_at(at));
    let mut significant = false;
    for c in number.chars().skip(1).filter(|c| *c != '.') {
        significant |= c != '0';
        missing -= i64::from(significant);
    }
    let mut shown = number.to_owned();
    if !number.contains('.') {
        if number.len() == 2 && number.ends_with('0') {
            missing -= 1;
        }
        shown.push('.');
    }
    shown.extend(std::iter::repeat_n('0', usize::try_from(missing).unwrap_or(0)));
    shown + tail
}
