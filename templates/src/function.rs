//! What a template function is.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use jiff::Timestamp;

use crate::error::Fault;
use crate::functions::dates::Time;
use crate::limits::{Buffer, Meter};
use crate::value::{Certificate, Element, Entries, List, Map, Text, Value};

/// The result of a function.
pub(crate) type Called<T = Value> = Result<T, Fault>;

/// One function of the language: a line in the table of its family.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// The types of the fixed parameters.
    pub(crate) parameters: &'static [Kind],
    /// The type of any further arguments, for a variadic function.
    pub(crate) rest: Option<Kind>,
    pub(crate) call: fn(&Scope<'_>, &Arguments) -> Called,
}

/// The Go type of a parameter: it decides which constants and values an argument may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// `reflect.Value`: takes everything, and keeps apart what is missing from what is nil.
    Raw,
    /// `interface {}`
    Any,
    Text,
    Int,
    Uint32,
    Float,
    Bool,
    /// `map[string]interface {}`
    Map,
    /// `[]interface {}`
    List,
    Time,
    Duration,
    Month,
    Weekday,
    Certificate,
    /// `*semver.Version`
    Version,
}

impl Function {
    /// A function of a fixed number of arguments.
    pub(crate) const fn fixed(name: &'static str, parameters: &'static [Kind], call: fn(&Scope<'_>, &Arguments) -> Called) -> Self {
        Self { name, parameters, rest: None, call }
    }

    /// A function of any number of further arguments.
    pub(crate) const fn variadic(name: &'static str, parameters: &'static [Kind], rest: Kind, call: fn(&Scope<'_>, &Arguments) -> Called) -> Self {
        Self { name, parameters, rest: Some(rest), call }
    }
}

/// What a function may use besides its arguments.
pub(crate) struct Scope<'a> {
    pub(crate) meter: &'a Meter,
    now: Option<Timestamp>,
    randomness: bool,
    /// Maps can contain themselves; they are emptied at the end, or their secrets would stay in memory.
    maps: RefCell<Vec<Weak<Entries>>>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(meter: &'a Meter, now: Option<Timestamp>, randomness: bool) -> Self {
        Self { meter, now, randomness, maps: RefCell::new(Vec::new()) }
    }

    /// The time that the caller passed in.
    pub(crate) fn now(&self) -> Called<Time> {
        let now = self.now.ok_or(Fault::unavailable("the current time is needed, and no clock was passed in"))?;
        Ok(Time::from_timestamp(now))
    }

    /// Fills the bytes with randomness of the operating system.
    pub(crate) fn fill_random(&self, bytes: &mut [u8]) -> Called<()> {
        self.check_randomness()?;
        aws_lc_rs::rand::fill(bytes).map_err(|_| Fault::unavailable("the system gives no randomness"))
    }

    /// For what draws its randomness itself.
    pub(crate) fn check_randomness(&self) -> Called<()> {
        if self.randomness { Ok(()) } else { Err(Fault::unavailable("randomness is needed, and it is switched off")) }
    }

    pub(crate) fn buffer(&self) -> Buffer<'a> {
        Buffer::new(self.meter)
    }

    /// A text that is not larger than what it was made of.
    pub(crate) fn text(&self, bytes: Vec<u8>) -> Called {
        self.meter.allocate(bytes.len() as u64)?;
        Ok(Value::bytes(bytes))
    }

    pub(crate) fn finish(&self, buffer: Buffer<'_>) -> Value {
        Value::bytes(buffer.into_bytes())
    }

    /// Charges a list before it is made.
    pub(crate) fn reserve(&self, items: usize) -> Called<()> {
        self.meter.allocate((items as u64).saturating_mul(size_of::<Value>() as u64))?;
        self.meter.step(items as u64)
    }

    pub(crate) fn list(&self, items: Vec<Value>) -> Called {
        self.list_of(items, Element::Any)
    }

    pub(crate) fn list_of(&self, items: Vec<Value>, element: Element) -> Called {
        self.reserve(items.len())?;
        Ok(Value::List(List::new(items, element)))
    }

    pub(crate) fn map(&self, entries: BTreeMap<Text, Value>) -> Called<Map> {
        self.reserve(entries.len().saturating_mul(2) + 2)?;
        let entries = Entries::new(entries);
        self.maps.borrow_mut().push(Rc::downgrade(&entries));
        Ok(Map::from_entries(entries))
    }

    /// Breaks all cycles.
    pub(crate) fn clear(&self) {
        for map in self.maps.borrow_mut().drain(..).filter_map(|map| map.upgrade()) {
            map.clear();
        }
    }
}

/// The arguments of a call, checked against the parameters' types.
pub(crate) struct Arguments(Vec<Value>);

impl Arguments {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    pub(crate) fn all(&self) -> &[Value] {
        &self.0
    }

    pub(crate) fn from(&self, index: usize) -> &[Value] {
        self.0.get(index..).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn any(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Nil)
    }

    pub(crate) fn text(&self, index: usize) -> Called<&Text> {
        match self.any(index) {
            Value::Text(text) => Ok(text),
            other => Err(wrong(other, "string")),
        }
    }

    pub(crate) fn int(&self, index: usize) -> Called<i64> {
        match self.any(index) {
            Value::Int(number, _) => Ok(*number),
            other => Err(wrong(other, "int")),
        }
    }

    pub(crate) fn float(&self, index: usize) -> Called<f64> {
        match self.any(index) {
            Value::Float(number) => Ok(*number),
            other => Err(wrong(other, "float64")),
        }
    }

    pub(crate) fn bool(&self, index: usize) -> Called<bool> {
        match self.any(index) {
            Value::Bool(truth) => Ok(*truth),
            other => Err(wrong(other, "bool")),
        }
    }

    pub(crate) fn map(&self, index: usize) -> Called<&Map> {
        as_map(self.any(index))
    }

    pub(crate) fn list(&self, index: usize) -> Called<&List> {
        match self.any(index) {
            Value::List(list) => Ok(list),
            other => Err(wrong(other, "list")),
        }
    }

    pub(crate) fn time(&self, index: usize) -> Called<&Time> {
        match self.any(index) {
            Value::Time(time) => Ok(time),
            other => Err(wrong(other, "time.Time")),
        }
    }

    pub(crate) fn certificate(&self, index: usize) -> Called<&Certificate> {
        match self.any(index) {
            Value::Certificate(certificate) => Ok(certificate),
            other => Err(wrong(other, "certificate")),
        }
    }
}

pub(crate) fn as_map(value: &Value) -> Called<&Map> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(wrong(other, "map[string]interface {}")),
    }
}

pub(crate) fn wrong(value: &Value, wanted: &str) -> Fault {
    Fault::exec(format!("wrong type of value: wanted {wanted}, got {}", value.type_name()))
}
