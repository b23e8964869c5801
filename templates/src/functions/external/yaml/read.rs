//! Reads a mapping.

use std::collections::{BTreeMap, HashMap};

use granit_parser::{Event, Options, Parser, ScalarStyle, StrInput};

use super::resolve::{Scalar, plain_key, resolve};
use crate::error::Fault;
use crate::function::{Called, Scope};
use crate::functions::encoding::Base;
use crate::number::format_float;
use crate::value::{Map, Text, Value};

fn broken() -> Fault {
    Fault::exec("the text is no mapping that can be read")
}

/// Reads the first document.
pub(super) fn read(scope: &Scope<'_>, text: &[u8]) -> Called<Map> {
    scope.meter.allocate((text.len() as u64).saturating_mul(4))?;
    let text = std::str::from_utf8(text).map_err(|_| broken())?;
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut reader = Reader { scope, parser: Parser::new_from_str_with_options(text, options), anchors: HashMap::new() };
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(..) => {}
            Event::StreamEnd | Event::DocumentEnd => return scope.map(BTreeMap::new()),
            event => {
                return match reader.node(event)? {
                    Value::Map(map) => Ok(map),
                    Value::Nil => scope.map(BTreeMap::new()),
                    _ => Err(broken()),
                };
            }
        }
    }
}

struct Reader<'a> {
    scope: &'a Scope<'a>,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Value>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Called<Event<'a>> {
        self.scope.meter.step(1)?;
        match self.parser.next_event() {
            Some(Ok((event, _))) => Ok(event),
            _ => Err(broken()),
        }
    }

    fn node(&mut self, event: Event<'a>) -> Called<Value> {
        let _level = self.scope.meter.enter()?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|tag| tag.suffix().to_string());
                (anchor, self.scalar(&text, style, tag.as_deref())?)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break (anchor, self.scope.list(items)?),
                        event => items.push(self.node(event)?),
                    }
                }
            }
            Event::MappingStart(_, anchor, _) => (anchor, self.mapping()?),
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).ok_or_else(broken)?;
                return copied(self.scope, value);
            }
            _ => return Err(broken()),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, copied(self.scope, &value)?);
        }
        Ok(value)
    }

    fn mapping(&mut self) -> Called<Value> {
        let (mut entries, mut merged) = (BTreeMap::new(), Vec::new());
        loop {
            let key = match self.next()? {
                Event::MappingEnd => break,
                Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<" => None,
                Event::Scalar(text, ScalarStyle::Plain, 0, None) => Some(Text::from(plain_key(&text).ok_or_else(broken)?.as_str())),
                event => {
                    let key = self.node(event)?;
                    Some(key_text(&key).ok_or_else(broken)?)
                }
            };
            let event = self.next()?;
            let value = self.node(event)?;
            match key {
                Some(key) => drop(entries.insert(key, value)),
                None => merged.push(value),
            }
        }
        for value in merged {
            let maps = if let Value::List(list) = value { list.items() } else { vec![value] };
            for map in maps {
                let Value::Map(map) = map else { return Err(broken()) };
                for (key, value) in map.pairs() {
                    entries.entry(key).or_insert(value);
                }
            }
        }
        Ok(Value::Map(self.scope.map(entries)?))
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&str>) -> Called<Value> {
        let as_text = |bytes: &[u8]| self.scope.text(bytes.to_vec());
        match tag {
            Some("binary") => return self.scope.text(Base::Base64.decode(text.as_bytes()).map_err(|_| broken())?),
            Some("str") => return as_text(text.as_bytes()),
            None if style != ScalarStyle::Plain => return as_text(text.as_bytes()),
            _ => {}
        }
        match resolve(text) {
            Scalar::Bool(truth) => Ok(Value::Bool(truth)),
            Scalar::Null => Ok(Value::Nil),
            Scalar::Float(number) if number.is_finite() => Ok(Value::Float(number)),
            // What JSON cannot hold.
            Scalar::Float(_) => Err(broken()),
            // Behind JSON every number is a float.
            Scalar::Int(number) => Ok(Value::Float(number as f64)),
            Scalar::Uint(number) => Ok(Value::Float(number as f64)),
            Scalar::Text | Scalar::Time => as_text(text.as_bytes()),
        }
    }
}

/// A key that was given a name, a tag or quotes, as JSON has it: a text.
fn key_text(key: &Value) -> Option<Text> {
    match key {
        Value::Text(text) => Some(text.clone()),
        Value::Bool(truth) => Some(Text::from(if *truth { "true" } else { "false" })),
        Value::Float(number) => Some(Text::from(format_float(*number, b'f', None).as_str())),
        _ => None,
    }
}

/// A value that changes by itself.
fn copied(scope: &Scope<'_>, value: &Value) -> Called<Value> {
    let _level = scope.meter.enter()?;
    scope.meter.step(1)?;
    match value {
        Value::List(list) => scope.list(list.items().iter().map(|item| copied(scope, item)).collect::<Called<Vec<Value>>>()?),
        Value::Map(map) => {
            let entries = map.pairs().into_iter().map(|(key, value)| Ok((key, copied(scope, &value)?)));
            Ok(Value::Map(scope.map(entries.collect::<Called<BTreeMap<Text, Value>>>()?)?))
        }
        value => Ok(value.clone()),
    }
}
