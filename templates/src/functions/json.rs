//! JSON, read and written as Go's `encoding/json` does.

use crate::error::{ErrorKind, Fault};
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::limits::Buffer;
use crate::number::format_float;
use crate::unicode::{REPLACEMENT, chars};
use crate::value::{Signed, Value};

pub(super) mod read;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("fromJson", &[Kind::Text], |scope, arguments| Ok(read::read(scope, arguments.text(0)?)?.map_or(Value::Nil, |(value, _)| value))),
    Function::fixed("mustFromJson", &[Kind::Text], |scope, arguments| match read::read(scope, arguments.text(0)?)? {
        Some((value, true)) => Ok(value),
        _ => Err(Fault::exec("not JSON")),
    }),
    Function::fixed("mustToJson", &[Kind::Any], |scope, arguments| written(scope, arguments, Style::COMPACT)),
    Function::fixed("mustToPrettyJson", &[Kind::Any], |scope, arguments| written(scope, arguments, Style::PRETTY)),
    Function::fixed("mustToRawJson", &[Kind::Any], |scope, arguments| written(scope, arguments, Style::RAW)),
    Function::fixed("toJson", &[Kind::Any], |scope, arguments| or_nothing(written(scope, arguments, Style::COMPACT))),
    Function::fixed("toPrettyJson", &[Kind::Any], |scope, arguments| or_nothing(written(scope, arguments, Style::PRETTY))),
    Function::fixed("toRawJson", &[Kind::Any], |scope, arguments| written(scope, arguments, Style::RAW)),
];

#[derive(Clone, Copy)]
struct Style {
    pretty: bool,
    html: bool,
}

impl Style {
    const COMPACT: Self = Self { pretty: false, html: true };
    const PRETTY: Self = Self { pretty: true, html: true };
    const RAW: Self = Self { pretty: false, html: false };
}

fn written(scope: &Scope<'_>, arguments: &Arguments, style: Style) -> Called {
    let mut out = scope.buffer();
    Writer { out: &mut out, style, depth: 0 }.value(arguments.any(0))?;
    Ok(scope.finish(out))
}

/// What JSON cannot express becomes nothing.
fn or_nothing(written: Called) -> Called {
    match written {
        Err(fault) if fault.kind() == ErrorKind::Exec => Ok(Value::text("")),
        other => other,
    }
}

struct Writer<'o, 'm> {
    out: &'o mut Buffer<'m>,
    style: Style,
    depth: usize,
}

impl Writer<'_, '_> {
    fn value(&mut self, value: &Value) -> Called<()> {
        let _level = self.out.meter().enter()?;
        match value {
            Value::Nil | Value::Invalid => self.out.push(b"null"),
            Value::Bool(truth) => self.out.push(truth.to_string().as_bytes()),
            Value::Int(number, Signed::Int | Signed::Int64 | Signed::Month | Signed::Weekday | Signed::Duration) => {
                self.out.push(number.to_string().as_bytes())
            }
            Value::Uint(number, _) => self.out.push(number.to_string().as_bytes()),
            Value::Float(number) => self.float(*number),
            Value::Complex(..) => Err(Fault::exec("JSON has no complex numbers")),
            Value::Text(text) => self.text(text),
            Value::Time(time) => {
                let text = time.json().ok_or(Fault::exec("JSON has no such year"))?;
                self.text(&text)
            }
            Value::Version(version) => self.text(version.to_string().as_bytes()),
            Value::Certificate(pair) => {
                let fields: [(&[u8], Value); 2] = [(b"Cert", Value::Text(pair.certificate.clone())), (b"Key", Value::Text(pair.key.clone()))];
                self.members(b'{', fields.into_iter().map(|(key, value)| (Some(key.to_vec()), value)).collect(), b'}')
            }
            Value::List(list) if list.is_nil() => self.out.push(b"null"),
            Value::Map(map) if map.is_nil() => self.out.push(b"null"),
            Value::List(list) => self.members(b'[', list.items().into_iter().map(|value| (None, value)).collect(), b']'),
            Value::Map(map) => {
                let members = map.pairs().into_iter().map(|(key, value)| (Some(key.to_vec()), value)).collect();
                self.members(b'{', members, b'}')
            }
        }
    }

    fn members(&mut self, open: u8, members: Vec<(Option<Vec<u8>>, Value)>, close: u8) -> Called<()> {
        self.out.push(&[open])?;
        let empty = members.is_empty();
        self.depth += 1;
        for (index, (key, value)) in members.into_iter().enumerate() {
            self.out.meter().step(1)?;
            if index > 0 {
                self.out.push(b",")?;
            }
            self.new_line()?;
            if let Some(key) = key {
                self.text(&key)?;
                self.out.push(if self.style.pretty { b": " } else { b":" })?;
            }
            self.value(&value)?;
        }
        self.depth -= 1;
        if !empty {
            self.new_line()?;
        }
        self.out.push(&[close])
    }

    fn new_line(&mut self) -> Called<()> {
        if !self.style.pretty {
            return Ok(());
        }
        self.out.push(b"\n")?;
        self.out.push_repeated(b' ', self.depth * 2)
    }

    fn float(&mut self, number: f64) -> Called<()> {
        if !number.is_finite() {
            return Err(Fault::exec("JSON has finite numbers only"));
        }
        let magnitude = number.abs();
        if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
            return self.out.push(format_float(number, b'f', None).as_bytes());
        }
        let text = format_float(number, b'e', None);
        let short = text.replace("e-0", "e-");
        self.out.push(short.as_bytes())
    }

    fn text(&mut self, text: &[u8]) -> Called<()> {
        self.out.push(b"\"")?;
        for (at, c, size) in chars(text) {
            match c {
                '"' | '\\' => self.out.push(&[b'\\', text[at]])?,
                '\x08' => self.out.push(b"\\b")?,
                '\x0c' => self.out.push(b"\\f")?,
                '\n' => self.out.push(b"\\n")?,
                '\r' => self.out.push(b"\\r")?,
                '\t' => self.out.push(b"\\t")?,
                '<' | '>' | '&' if !self.style.html => self.out.push(&text[at..at + size])?,
                '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    self.out.push(format!("\\u{:04x}", u32::from(c)).as_bytes())?;
                }
                REPLACEMENT if size == 1 => self.out.push(b"\\ufffd")?,
                _ => self.out.push(&text[at..at + size])?,
            }
        }
        self.out.push(b"\"")
    }
}
