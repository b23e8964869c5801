//! Writes values, in blocks.

use std::cmp::Ordering;

use super::resolve::{Scalar, is_sexagesimal, resolve};
use crate::error::Fault;
use crate::function::{Called, Scope};
use crate::limits::Buffer;
use crate::number::format_float;
use crate::value::{Text, Value};

/// Columns, behind which a line is broken at the next blank.
const WIDTH: usize = 80;

/// Bytes of a key that may stand in one line with its value.
const LONGEST_SIMPLE_KEY: usize = 128;

/// Writes a value, without the line break at the end.
pub(super) fn written(scope: &Scope<'_>, value: &Value) -> Called {
    let mut writer = Writer { scope, out: scope.buffer(), column: 0 };
    writer.node(value, 0, Place::Root)?;
    Ok(scope.finish(writer.out))
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    Item,
    Member,
}

struct Writer<'a> {
    scope: &'a Scope<'a>,
    out: Buffer<'a>,
    column: usize,
}

impl Writer<'_> {
    fn push(&mut self, text: &str) -> Called<()> {
        self.column += text.chars().count();
        self.out.push(text.as_bytes())
    }

    fn new_line(&mut self, indent: usize) -> Called<()> {
        self.out.push(b"\n")?;
        self.column = indent;
        self.out.push_repeated(b' ', indent)
    }

    /// Writes a value; `indent` is that of the lines within it.
    fn node(&mut self, value: &Value, indent: usize, place: Place) -> Called<()> {
        let _level = self.scope.meter.enter()?;
        self.scope.meter.step(1)?;
        let space = if place == Place::Member { " " } else { "" };
        match value {
            Value::List(list) if !list.is_nil() && list.len() > 0 => {
                // Lists in mappings are not indented.
                let indent = if place == Place::Member { indent.saturating_sub(2) } else { indent };
                for (index, item) in list.items().iter().enumerate() {
                    if index > 0 || place == Place::Member {
                        self.new_line(indent)?;
                    }
                    self.push("- ")?;
                    self.node(item, indent + 2, Place::Item)?;
                }
                Ok(())
            }
            Value::Map(map) if !map.is_nil() && map.len() > 0 => {
                let mut pairs = map.pairs();
                pairs.sort_by(|(one, _), (other, _)| natural(one, other));
                for (index, (key, value)) in pairs.iter().enumerate() {
                    if index > 0 || place == Place::Member {
                        self.new_line(indent)?;
                    }
                    let key = lossy(key);
                    if key.contains('\n') || key.len() > LONGEST_SIMPLE_KEY {
                        self.push("? ")?;
                        self.text(&key, indent + 2, false)?;
                        self.new_line(indent)?;
                        self.push(": ")?;
                        self.node(value, indent + 2, Place::Item)?;
                        continue;
                    }
                    self.text(&key, indent, true)?;
                    self.push(":")?;
                    self.node(value, indent + 2, Place::Member)?;
                }
                Ok(())
            }
            value => {
                self.push(space)?;
                self.scalar(value, if place == Place::Root { 2 } else { indent })
            }
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize) -> Called<()> {
        match value {
            Value::Nil | Value::Invalid => self.push("null"),
            Value::Bool(truth) => self.push(if *truth { "true" } else { "false" }),
            Value::Int(number, _) => self.push(&number.to_string()),
            Value::Uint(number, _) => self.push(&number.to_string()),
            Value::Float(number) => self.float(*number),
            Value::Text(text) => self.text(&lossy(text), indent, false),
            Value::List(list) => self.push(if list.is_nil() { "null" } else { "[]" }),
            Value::Map(map) => self.push(if map.is_nil() { "null" } else { "{}" }),
            _ => Err(Fault::exec("this value is not written as YAML")),
        }
    }

    fn float(&mut self, number: f64) -> Called<()> {
        if !number.is_finite() {
            return Err(Fault::exec("JSON has finite numbers only"));
        }
        // What JSON writes without a point and an exponent is read as a whole number.
        let whole = number.fract() == 0.0 && number.abs() < 9e18;
        self.push(&format_float(number, if whole { b'f' } else { b'g' }, None))
    }

    fn text(&mut self, text: &str, indent: usize, is_key: bool) -> Called<()> {
        let shape = Shape::of(text);
        if text.contains('\n') {
            return if !shape.block { self.double(text, indent, is_key) } else { self.literal(text, indent) };
        }
        if resolve(text) != Scalar::Text || is_sexagesimal(text) || !shape.single {
            return self.double(text, indent, is_key);
        }
        if shape.plain {
            return self.folded(text, indent, is_key);
        }
        self.push("'")?;
        self.folded(&text.replace('\'', "''"), indent, is_key)?;
        self.push("'")
    }

    /// Writes text whose blanks may become line breaks.
    fn folded(&mut self, text: &str, indent: usize, is_key: bool) -> Called<()> {
        let characters: Vec<char> = text.chars().collect();
        let mut blank = false;
        for (at, c) in characters.iter().enumerate() {
            let lonely = *c == ' ' && !blank && at > 0 && characters.get(at + 1).is_some_and(|next| *next != ' ');
            blank = *c == ' ';
            if lonely && !is_key && self.column > WIDTH {
                self.new_line(indent)?;
            } else {
                self.push(c.encode_utf8(&mut [0; 4]))?;
            }
        }
        Ok(())
    }

    fn literal(&mut self, text: &str, indent: usize) -> Called<()> {
        let hint = if text.starts_with([' ', '\n']) { "2" } else { "" };
        let chomp = match text.strip_suffix('\n') {
            None => "-",
            Some(rest) if rest.is_empty() || rest.ends_with('\n') => "+",
            Some(_) => "",
        };
        self.push(&format!("|{hint}{chomp}"))?;
        let body = text.strip_suffix('\n').unwrap_or(text);
        for line in body.split('\n') {
            self.new_line(if line.is_empty() { 0 } else { indent })?;
            self.push(line)?;
        }
        Ok(())
    }

    fn double(&mut self, text: &str, indent: usize, is_key: bool) -> Called<()> {
        self.push("\"")?;
        let characters: Vec<char> = text.chars().collect();
        let mut blank = false;
        for (at, c) in characters.iter().enumerate() {
            let was_blank = std::mem::replace(&mut blank, *c == ' ');
            match c {
                '"' | '\\' => self.push(&format!("\\{c}"))?,
                ' ' if !is_key && !was_blank && self.column > WIDTH && at > 0 && at + 1 < characters.len() => {
                    self.new_line(indent)?;
                    if characters.get(at + 1) == Some(&' ') {
                        self.push("\\")?;
                    }
                }
                c if is_printable(*c) => self.push(c.encode_utf8(&mut [0; 4]))?,
                c => self.push(&escape(*c))?,
            }
        }
        self.push("\"")
    }
}

fn lossy(text: &Text) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// What go-yaml prints as it is.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => "0",
        '\u{7}' => "a",
        '\u{8}' => "b",
        '\t' => "t",
        '\n' => "n",
        '\u{b}' => "v",
        '\u{c}' => "f",
        '\r' => "r",
        '\u{1b}' => "e",
        '\u{85}' => "N",
        '\u{2028}' => "L",
        '\u{2029}' => "P",
        _ => "",
    };
    match u32::from(c) {
        _ if !short.is_empty() => format!("\\{short}"),
        code @ 0..=0xff => format!("\\x{code:02X}"),
        code @ 0x100..=0xffff => format!("\\u{code:04X}"),
        code => format!("\\U{code:08X}"),
    }
}

/// In which styles a text can be written.
struct Shape {
    block: bool,
    plain: bool,
    single: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let special = text.chars().any(|c| c != '\n' && !is_printable(c));
        let space_break = text.contains(" \n");
        let indicator = text.starts_with(['#', ',', '[', ']', '{', '}', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`'])
            || ["-", "?", ":"].iter().any(|mark| text == *mark || text.starts_with(&format!("{mark} ")))
            || text.starts_with("---")
            || text.starts_with("...")
            || text.contains(": ")
            || text.ends_with(':')
            || text.contains(" #");
        let edges = text.starts_with(' ') || text.ends_with(' ') || text.is_empty();
        Self { block: !special && !space_break && !text.ends_with(' '), plain: !special && !indicator && !edges, single: !special }
    }
}

/// The order of go-yaml: numbers in names count as numbers, letters stand behind everything else.
fn natural(one: &Text, other: &Text) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (lossy(one).chars().collect(), lossy(other).chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(one, other)| one != other) else { return a.len().cmp(&b.len()) };
    let behind_digit = at > 0 && a[at - 1].is_numeric();
    let digits = |text: &[char]| text.get(at..).unwrap_or_default().iter().take_while(|c| c.is_ascii_digit()).collect::<String>();
    match (a[at].is_alphabetic(), b[at].is_alphabetic()) {
        (true, true) => a[at].cmp(&b[at]),
        (true, false) => {
            if behind_digit {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (false, true) => {
            if behind_digit {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (false, false) => {
            let (x, y) = (digits(&a), digits(&b));
            let (p, q) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            let zeros = (x.starts_with('0') || y.starts_with('0')) && behind_nonzero_digit(&a[..at]);
            let value = if zeros { x.len().cmp(&y.len()).then(x.cmp(&y)) } else { p.len().cmp(&q.len()).then(p.cmp(q)) };
            value.then(x.len().cmp(&y.len())).then(a[at].cmp(&b[at]))
        }
    }
}

fn behind_nonzero_digit(before: &[char]) -> bool {
    before.iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0')
}
