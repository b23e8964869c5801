//! Values as text, as Go's `fmt` prints them.
//!
//! *Source*: the documentation of Go's `fmt`; the behaviour is that of Go 1.26.

mod format;
pub(crate) mod quote;
mod value;

use format::{Flags, Printer};

use crate::error::Fault;
use crate::limits::Buffer;
use crate::unicode::decode;
use crate::value::Value;

type Step<T = ()> = Result<T, Fault>;

/// Prints operands with a space between two of which neither is a text.
pub(crate) fn print_all(out: &mut Buffer<'_>, values: &[Value]) -> Step {
    let mut printer = Printer::new(out);
    let mut after_text = false;
    for (index, value) in values.iter().enumerate() {
        let text = matches!(value, Value::Text(_));
        if index > 0 && !text && !after_text {
            printer.out.push(b" ")?;
        }
        printer.print(value, 'v')?;
        after_text = text;
    }
    Ok(())
}

/// Prints operands with spaces between and a newline behind.
pub(crate) fn print_line(out: &mut Buffer<'_>, values: &[Value]) -> Step {
    let mut printer = Printer::new(out);
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            printer.out.push(b" ")?;
        }
        printer.print(value, 'v')?;
    }
    printer.out.push(b"\n")
}

/// Prints operands as a format string says.
pub(crate) fn print_format(out: &mut Buffer<'_>, format: &[u8], values: &[Value]) -> Step {
    let mut directives =
        Directives { printer: Printer::new(out), format, at: 0, values, next: 0, reordered: false, index_is_good: true, after_index: false };
    directives.run()?;
    if directives.reordered || directives.next >= values.len() {
        return Ok(());
    }
    let next = directives.next;
    let mut printer = directives.printer;
    printer.flags = Flags::default();
    printer.out.push(b"%!(EXTRA ")?;
    for (index, value) in values[next..].iter().enumerate() {
        if index > 0 {
            printer.out.push(b", ")?;
        }
        printer.print_with_type(value)?;
    }
    printer.out.push(b")")
}

struct Directives<'a, 'b, 'm> {
    printer: Printer<'b, 'm>,
    format: &'a [u8],
    at: usize,
    values: &'a [Value],
    next: usize,
    reordered: bool,
    index_is_good: bool,
    after_index: bool,
}

impl Directives<'_, '_, '_> {
    fn byte(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn run(&mut self) -> Step {
        while self.at < self.format.len() {
            self.index_is_good = true;
            let rest = &self.format[self.at..];
            let plain = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
            self.printer.out.push(&rest[..plain])?;
            self.at += plain + 1;
            if plain < rest.len() {
                self.printer.out.meter().step(1)?;
                self.directive()?;
            }
        }
        Ok(())
    }

    fn directive(&mut self) -> Step {
        self.flags();
        self.argument_number();
        if self.byte() == Some(b'*') {
            self.at += 1;
            let width = self.int_argument();
            if width.is_none() {
                self.printer.out.push(b"%!(BADWIDTH)")?;
            }
            let flags = &mut self.printer.flags;
            flags.width = width.map(|width| width.unsigned_abs() as usize);
            if width.is_some_and(|width| width < 0) {
                flags.minus = true;
                flags.zero = false;
            }
            self.after_index = false;
        } else {
            self.printer.flags.width = self.number();
            if self.after_index && self.printer.flags.width.is_some() {
                self.index_is_good = false;
            }
        }
        self.precision()?;
        if !self.after_index {
            self.argument_number();
        }
        self.verb()
    }

    fn flags(&mut self) {
        self.printer.flags = Flags::default();
        self.after_index = false;
        while let Some(byte) = self.byte() {
            let flags = &mut self.printer.flags;
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
    }

    fn precision(&mut self) -> Step {
        if self.byte() != Some(b'.') || self.at + 1 >= self.format.len() {
            return Ok(());
        }
        self.at += 1;
        if self.after_index {
            self.index_is_good = false;
        }
        self.argument_number();
        if self.byte() != Some(b'*') {
            self.printer.flags.precision = Some(self.number().unwrap_or(0));
            return Ok(());
        }
        self.at += 1;
        let precision = self.int_argument().and_then(|precision| usize::try_from(precision).ok());
        self.printer.flags.precision = precision;
        if precision.is_none() {
            self.printer.out.push(b"%!(BADPREC)")?;
        }
        self.after_index = false;
        Ok(())
    }

    fn verb(&mut self) -> Step {
        let (verb, size) = decode(self.format.get(self.at..).unwrap_or_default());
        self.at += size;
        if size == 0 {
            return self.printer.out.push(b"%!(NOVERB)");
        }
        if verb == '%' {
            return self.printer.out.push(b"%");
        }
        if !self.index_is_good {
            return self.complaint(verb, b"(BADINDEX)");
        }
        let Some(value) = self.values.get(self.next) else { return self.complaint(verb, b"(MISSING)") };
        self.next += 1;
        if matches!(verb, 'v' | 'w') {
            self.printer.flags.turn_into_value_flags();
        }
        self.printer.print(value, verb)
    }

    fn complaint(&mut self, verb: char, what: &[u8]) -> Step {
        self.printer.out.push(b"%!")?;
        self.printer.out.push_char(verb)?;
        self.printer.out.push(what)
    }

    /// A number of the format. Beyond a million it is none, and swallows the rest.
    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit) = self.byte().filter(u8::is_ascii_digit) {
            let sum = number.unwrap_or(0);
            if sum > MAX_NUMBER {
                self.at = self.format.len();
                return None;
            }
            number = Some(sum * 10 + usize::from(digit - b'0'));
            self.at += 1;
        }
        number
    }

    /// `[3]` before a verb, a width or a precision.
    fn argument_number(&mut self) {
        self.after_index = false;
        if self.byte() != Some(b'[') {
            return;
        }
        self.reordered = true;
        let rest = &self.format[self.at..];
        let close = if rest.len() < 3 { None } else { rest.iter().position(|byte| *byte == b']') };
        let Some(close) = close else {
            self.index_is_good = false;
            self.at += 1;
            return;
        };
        let end = self.at + close + 1;
        self.at += 1;
        let index = self.number().filter(|_| self.at + 1 == end);
        self.at = end;
        self.after_index = index.is_some();
        match index.and_then(|index| index.checked_sub(1)).filter(|index| *index < self.values.len()) {
            Some(index) => self.next = index,
            None => self.index_is_good = false,
        }
    }

    /// A width or precision given as an argument.
    fn int_argument(&mut self) -> Option<i64> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        let number = match value {
            Value::Int(number, _) => *number,
            Value::Uint(number, _) => i64::try_from(*number).ok()?,
            _ => return None,
        };
        (number.unsigned_abs() <= MAX_NUMBER as u64).then_some(number)
    }
}

/// Larger widths and precisions are refused by Go, too.
const MAX_NUMBER: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Limits, Meter};

    fn check(format: &str, values: &[Value], expected: &str) {
        let meter = Meter::new(Limits::default());
        let mut out = Buffer::new(&meter);
        print_format(&mut out, format.as_bytes(), values).unwrap();
        assert_eq!(String::from_utf8(out.into_bytes()).unwrap(), expected, "{format}");
    }

    #[test]
    fn directives_are_those_of_go() {
        check("%05d|%-5d|%+d|%x", &[Value::int(42), Value::int(42), Value::int(42), Value::int(-255)], "00042|42   |+42|-ff");
        check("%[2]d %[1]d", &[Value::int(1), Value::int(2)], "2 1");
        check("%d %s", &[Value::text("a")], "%!d(string=a) %!s(MISSING)");
        check("%!", &[Value::int(1)], "%!!(int=1)");
        check("%", &[], "%!(NOVERB)");
        check("a", &[Value::text("x"), Value::Nil], "a%!(EXTRA string=x, <nil>)");
        check("%*d", &[Value::text("w"), Value::int(1)], "%!(BADWIDTH)1");
        check("%q %#q", &[Value::text("a\n"), Value::text("b")], "\"a\\n\" `b`");
    }
}
