//! What each verb makes of each type.

use super::Step;
use super::format::{Flags, Printer};
use crate::functions::dates::{duration_text, month_name, weekday_name};
use crate::value::{List, Map, Signed, Unsigned, Value};

/// Where Go prints an address. Ours must be the same at every run, and says nothing of the process.
const ADDRESS: u64 = 0xc0_0000_0000;

impl Printer<'_, '_> {
    /// Prints an operand.
    pub(super) fn print(&mut self, value: &Value, verb: char) -> Step {
        match (value, verb) {
            (Value::Nil | Value::Invalid, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Nil | Value::Invalid, _) => self.bad_verb(value, verb),
            (_, 'T') => self.text(value.type_name().as_bytes()),
            (_, 'p') => self.pointer(value),
            _ if self.methods(value, verb)? => Ok(()),
            _ => self.bare(value, verb, 0),
        }
    }

    /// `type=value`, as in complaints.
    pub(super) fn print_with_type(&mut self, value: &Value) -> Step {
        if value.is_none() {
            return self.out.push(b"<nil>");
        }
        self.out.push(value.type_name().as_bytes())?;
        self.out.push(b"=")?;
        self.print(value, 'v')
    }

    fn bad_verb(&mut self, value: &Value, verb: char) -> Step {
        self.complaining = true;
        self.out.push(b"%!")?;
        self.out.push_char(verb)?;
        self.out.push(b"(")?;
        self.print_with_type(value)?;
        self.complaining = false;
        self.out.push(b")")
    }

    /// Types that print themselves.
    fn methods(&mut self, value: &Value, verb: char) -> Step<bool> {
        if self.complaining {
            return Ok(false);
        }
        if verb == 'w' {
            self.bad_verb(value, verb)?;
            return Ok(true);
        }
        if !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') || self.flags.go_syntax {
            return match value {
                Value::Time(time) if self.flags.go_syntax && verb == 'v' => {
                    self.text(time.go_syntax().as_bytes())?;
                    Ok(true)
                }
                _ => Ok(false),
            };
        }
        let Some(text) = own_text(value) else { return Ok(false) };
        self.text_verb(text.as_bytes(), verb)?;
        Ok(true)
    }

    fn text_verb(&mut self, text: &[u8], verb: char) -> Step {
        match verb {
            'v' if self.flags.go_syntax => self.quoted(text),
            'v' | 's' => self.text(text),
            'x' => self.hexadecimal_text(text, false),
            'X' => self.hexadecimal_text(text, true),
            _ => self.quoted(text),
        }
    }

    /// Prints by kind, without methods of the value itself.
    fn bare(&mut self, value: &Value, verb: char, depth: usize) -> Step {
        let _level = self.out.meter().enter()?;
        match value {
            Value::Nil | Value::Invalid if self.flags.go_syntax => self.out.push(b"interface {}(nil)"),
            Value::Nil | Value::Invalid => self.out.push(b"<nil>"),
            Value::Bool(truth) if matches!(verb, 't' | 'v') => self.pad(if *truth { b"true" } else { b"false" }),
            Value::Int(number, _) => self.integer_verb(value, number.unsigned_abs(), *number < 0, verb),
            Value::Uint(number, _) => self.integer_verb(value, *number, false, verb),
            Value::Float(number) => self.float_verb(value, *number, verb),
            Value::Complex(real, imaginary) => self.complex_verb(value, *real, *imaginary, verb),
            Value::Text(text) if matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') => self.text_verb(text, verb),
            Value::List(list) => self.list(value, list, verb, depth),
            Value::Map(map) => self.map(value, map, verb, depth),
            Value::Certificate(pair) => {
                let fields = [("Cert", Value::Text(pair.certificate.clone())), ("Key", Value::Text(pair.key.clone()))];
                self.fields("sprig.certificate", &fields, verb, depth)
            }
            Value::Version(version) if depth == 0 => {
                self.out.push(b"&")?;
                self.fields("semver.Version", &version.fields(), verb, depth)
            }
            Value::Version(_) if matches!(verb, 'v' | 'd' | 'x') => self.out.push(format!("{ADDRESS:#x}").as_bytes()),
            Value::Time(time) if verb == 'v' => self.text(time.to_string().as_bytes()),
            Value::Bool(_) | Value::Text(_) | Value::Version(_) | Value::Time(_) => self.bad_verb(value, verb),
        }
    }

    fn integer_verb(&mut self, value: &Value, magnitude: u64, negative: bool, verb: char) -> Step {
        let code = if negative { magnitude.wrapping_neg() } else { magnitude };
        match verb {
            'v' if self.flags.go_syntax && matches!(value, Value::Uint(..)) => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                let printed = self.integer(magnitude, negative, 'x');
                self.flags.sharp = sharp;
                printed
            }
            'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' => self.integer(magnitude, negative, verb),
            'c' => self.character(code),
            'q' => self.quoted_character(code),
            'U' => self.unicode(code),
            _ => self.bad_verb(value, verb),
        }
    }

    fn float_verb(&mut self, value: &Value, number: f64, verb: char) -> Step {
        match verb {
            'v' => self.float(number, 'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.float(number, verb, None),
            'f' | 'e' | 'E' => self.float(number, verb, Some(6)),
            'F' => self.float(number, 'f', Some(6)),
            _ => self.bad_verb(value, verb),
        }
    }

    fn complex_verb(&mut self, value: &Value, real: f64, imaginary: f64, verb: char) -> Step {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return self.bad_verb(value, verb);
        }
        let plus = self.flags.plus;
        self.out.push(b"(")?;
        self.float_verb(value, real, verb)?;
        self.flags.plus = true;
        self.float_verb(value, imaginary, verb)?;
        self.flags.plus = plus;
        self.out.push(b"i)")
    }

    fn list(&mut self, value: &Value, list: &List, verb: char, depth: usize) -> Step {
        let (open, separator, close) = self.brackets(value, list.is_nil(), [b"[", b"]"])?;
        if open {
            return Ok(());
        }
        for index in 0..list.len() {
            if index > 0 {
                self.out.push(separator)?;
            }
            let item = list.item(index).unwrap_or(Value::Nil);
            self.element(&item, verb, depth)?;
        }
        self.out.push(close)
    }

    fn map(&mut self, value: &Value, map: &Map, verb: char, depth: usize) -> Step {
        let (open, separator, close) = self.brackets(value, map.is_nil(), [b"map[", b"]"])?;
        if open {
            return Ok(());
        }
        for (index, (key, item)) in map.pairs().into_iter().enumerate() {
            if index > 0 {
                self.out.push(separator)?;
            }
            self.element(&Value::Text(key), verb, depth)?;
            self.out.push(b":")?;
            self.element(&item, verb, depth)?;
        }
        self.out.push(close)
    }

    /// Opens a list or map. The first of the result says that it is nil and done with.
    fn brackets(&mut self, value: &Value, nil: bool, plain: [&'static [u8]; 2]) -> Step<(bool, &'static [u8], &'static [u8])> {
        if !self.flags.go_syntax {
            self.out.push(plain[0])?;
            return Ok((false, b" ", plain[1]));
        }
        self.out.push(value.type_name().as_bytes())?;
        self.out.push(if nil { b"(nil)" } else { b"{" })?;
        Ok((nil, b", ", b"}"))
    }

    fn element(&mut self, value: &Value, verb: char, depth: usize) -> Step {
        self.out.meter().step(1)?;
        if self.methods(value, verb)? { Ok(()) } else { self.bare(value, verb, depth + 1) }
    }

    fn fields(&mut self, name: &str, fields: &[(&str, Value)], verb: char, depth: usize) -> Step {
        let go_syntax = self.flags.go_syntax;
        if go_syntax {
            self.out.push(name.as_bytes())?;
        }
        self.out.push(b"{")?;
        for (index, (name, value)) in fields.iter().enumerate() {
            if index > 0 {
                self.out.push(if go_syntax { b", " } else { b" " })?;
            }
            if go_syntax || self.flags.field_names {
                self.out.push(name.as_bytes())?;
                self.out.push(b":")?;
            }
            self.bare(value, verb, depth + 1)?;
        }
        self.out.push(b"}")
    }

    fn pointer(&mut self, value: &Value) -> Step {
        let address = match value {
            Value::List(list) if list.is_nil() => 0,
            Value::Map(map) if map.is_nil() => 0,
            Value::List(_) | Value::Map(_) | Value::Version(_) => ADDRESS,
            _ => return self.bad_verb(value, 'p'),
        };
        let Flags { sharp, .. } = self.flags;
        self.flags.sharp = !sharp;
        let printed = self.integer(address, false, 'x');
        self.flags.sharp = sharp;
        printed
    }
}

/// What `String()` gives, for the types that have it.
pub(super) fn own_text(value: &Value) -> Option<String> {
    match value {
        Value::Int(number, Signed::Month) => Some(month_name(*number)),
        Value::Int(number, Signed::Weekday) => Some(weekday_name(*number)),
        Value::Int(number, Signed::Duration) => Some(duration_text(*number)),
        Value::Int(_, Signed::Int | Signed::Int64) | Value::Uint(_, Unsigned::Uint8 | Unsigned::Uint64) => None,
        Value::Time(time) => Some(time.to_string()),
        Value::Version(version) => Some(version.to_string()),
        _ => None,
    }
}
