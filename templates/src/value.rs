//! The values that a template computes with: Go's types, over byte strings, wiped when dropped.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::functions::dates::Time;
use crate::functions::versions::Version;

/// A byte string, shared and wiped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Text(Arc<Zeroizing<Vec<u8>>>);

impl Text {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_ref().cmp(other.as_ref())
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes.to_vec())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        self
    }
}

/// The signed integer types of Go that a template can meet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    Int,
    Int64,
    Month,
    Weekday,
    Duration,
}

/// The unsigned ones.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsigned {
    Uint8,
    Uint64,
}

/// A value of a template.
#[derive(Clone)]
pub(crate) enum Value {
    /// No value at all: what a missing key gives. Prints as `<no value>`.
    Invalid,
    /// A nil of the type `interface {}`.
    Nil,
    Bool(bool),
    Int(i64, Signed),
    Uint(u64, Unsigned),
    Float(f64),
    Complex(f64, f64),
    Text(Text),
    List(List),
    Map(Map),
    Time(Time),
    Version(Rc<Version>),
    Certificate(Rc<Certificate>),
}

/// What the certificate functions return.
#[derive(Clone, PartialEq)]
pub(crate) struct Certificate {
    pub(crate) certificate: Text,
    pub(crate) key: Text,
}

/// The element type of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    Any,
    Text,
    Int,
    Lists,
}

/// A slice: a window on shared items. Only `sortAlpha` writes to them.
#[derive(Clone)]
pub(crate) struct List {
    items: Option<Rc<Items>>,
    start: usize,
    len: usize,
    element: Element,
}

struct Items(RefCell<Vec<Value>>);

/// A map with text keys, shared and changed in place; `None` is Go's nil map.
#[derive(Clone)]
pub(crate) struct Map {
    entries: Option<Rc<Entries>>,
    texts: bool,
}

/// The entries of a map.
pub(crate) struct Entries(RefCell<BTreeMap<Text, Value>>);

impl Value {
    pub(crate) fn int(number: i64) -> Self {
        Self::Int(number, Signed::Int)
    }

    pub(crate) fn int64(number: i64) -> Self {
        Self::Int(number, Signed::Int64)
    }

    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn bytes(bytes: Vec<u8>) -> Self {
        Self::Text(Text::new(bytes))
    }

    /// What Go's `%T` prints.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Invalid | Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_, Signed::Int) => "int",
            Self::Int(_, Signed::Int64) => "int64",
            Self::Int(_, Signed::Month) => "time.Month",
            Self::Int(_, Signed::Weekday) => "time.Weekday",
            Self::Int(_, Signed::Duration) => "time.Duration",
            Self::Uint(_, Unsigned::Uint8) => "uint8",
            Self::Uint(_, Unsigned::Uint64) => "uint64",
            Self::Float(_) => "float64",
            Self::Complex(..) => "complex128",
            Self::Text(_) => "string",
            Self::List(list) => match list.element {
                Element::Any => "[]interface {}",
                Element::Text => "[]string",
                Element::Int => "[]int",
                Element::Lists => "[][]interface {}",
            },
            Self::Map(map) if map.texts => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::Time(_) => "time.Time",
            Self::Version(_) => "*semver.Version",
            Self::Certificate(_) => "sprig.certificate",
        }
    }

    /// What `reflect.Kind` prints.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Invalid | Self::Nil => "invalid",
            Self::Int(_, Signed::Month | Signed::Weekday) => "int",
            Self::Int(_, Signed::Duration) => "int64",
            Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Time(_) | Self::Certificate(_) => "struct",
            Self::Version(_) => "ptr",
            Self::Bool(_) | Self::Int(..) | Self::Uint(..) | Self::Float(_) | Self::Complex(..) | Self::Text(_) => self.type_name(),
        }
    }

    /// The truth of `if`, `and`, `or`, `not`: everything but the zero value, and every struct.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Time(_) | Self::Version(_) | Self::Certificate(_) => true,
            other => !other.is_zero(),
        }
    }

    /// The zero values: nil, false, numbers that are 0, whatever has no element.
    pub(crate) fn is_zero(&self) -> bool {
        match self {
            Self::Invalid | Self::Nil => true,
            Self::Bool(truth) => !truth,
            Self::Int(number, _) => *number == 0,
            Self::Uint(number, _) => *number == 0,
            Self::Float(number) => *number == 0.0,
            Self::Complex(real, imaginary) => *real == 0.0 && *imaginary == 0.0,
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.len == 0,
            Self::Map(map) => map.len() == 0,
            Self::Time(_) | Self::Version(_) | Self::Certificate(_) => false,
        }
    }

    /// A nil at the end of a pipeline is no value any more.
    pub(crate) fn unwrap_interface(self) -> Self {
        if matches!(self, Self::Nil) { Self::Invalid } else { self }
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::Nil | Self::Invalid)
    }
}

impl List {
    pub(crate) fn new(items: Vec<Value>, element: Element) -> Self {
        let len = items.len();
        Self { items: Some(Rc::new(Items(RefCell::new(items)))), start: 0, len, element }
    }

    pub(crate) fn nil(element: Element) -> Self {
        Self { items: None, start: 0, len: 0, element }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_nil(&self) -> bool {
        self.items.is_none()
    }

    pub(crate) fn element(&self) -> Element {
        self.element
    }

    pub(crate) fn item(&self, index: usize) -> Option<Value> {
        if index >= self.len {
            return None;
        }
        self.items.as_ref()?.0.borrow().get(self.start + index).cloned()
    }

    /// The items as they are now.
    pub(crate) fn items(&self) -> Vec<Value> {
        (0..self.len).filter_map(|index| self.item(index)).collect()
    }

    /// A window on the same items. `None` when it does not lie inside.
    pub(crate) fn window(&self, start: usize, end: usize) -> Option<Self> {
        if start > end || end > self.len {
            return None;
        }
        Some(Self { items: self.items.clone(), start: self.start + start, len: end - start, element: self.element })
    }

    /// Writes over the items of this window.
    pub(crate) fn overwrite(&self, items: Vec<Value>) {
        let Some(shared) = &self.items else { return };
        let mut shared = shared.0.borrow_mut();
        for (place, item) in shared.iter_mut().skip(self.start).take(self.len).zip(items) {
            *place = item;
        }
    }
}

impl Map {
    pub(crate) fn nil() -> Self {
        Self { entries: None, texts: false }
    }

    /// A `map[string]string`; its values are texts and stay so, since no function writes to it.
    pub(crate) fn of_texts(entries: BTreeMap<Text, Value>) -> Self {
        Self { entries: Some(Rc::new(Entries(RefCell::new(entries)))), texts: true }
    }

    pub(crate) fn from_entries(entries: Rc<Entries>) -> Self {
        Self { entries: Some(entries), texts: false }
    }

    pub(crate) fn has_texts(&self) -> bool {
        self.texts
    }

    pub(crate) fn is_nil(&self) -> bool {
        self.entries.is_none()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, |entries| entries.0.borrow().len())
    }

    pub(crate) fn value(&self, key: &[u8]) -> Option<Value> {
        self.entries.as_ref()?.0.borrow().get(key).cloned()
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.entries.as_ref().is_some_and(|entries| entries.0.borrow().contains_key(key))
    }

    /// The entries as they are now, in the order of their keys.
    pub(crate) fn pairs(&self) -> Vec<(Text, Value)> {
        let pair = |(key, value): (&Text, &Value)| (key.clone(), value.clone());
        self.entries.as_ref().map_or_else(Vec::new, |entries| entries.0.borrow().iter().map(pair).collect())
    }

    /// Says whether there was a map to write to.
    #[must_use]
    pub(crate) fn insert(&self, key: Text, value: Value) -> bool {
        let Some(entries) = &self.entries else { return false };
        entries.0.borrow_mut().insert(key, value);
        true
    }

    pub(crate) fn remove(&self, key: &[u8]) {
        if let Some(entries) = &self.entries {
            entries.0.borrow_mut().remove(key);
        }
    }

    /// True when both are the same map in memory.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.entries, &other.entries) {
            (Some(ours), Some(theirs)) => Rc::ptr_eq(ours, theirs),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Entries {
    pub(crate) fn new(entries: BTreeMap<Text, Value>) -> Rc<Self> {
        Rc::new(Self(RefCell::new(entries)))
    }

    /// Empties the map, which breaks every cycle through it.
    pub(crate) fn clear(&self) {
        let entries = std::mem::take(&mut *self.0.borrow_mut());
        drop_all(entries.into_values().collect());
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        drop_all(std::mem::take(self.0.get_mut()));
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        drop_all(std::mem::take(self.0.get_mut()).into_values().collect());
    }
}

/// Drops values level by level: a value nested a million deep must not overflow the stack.
fn drop_all(mut waiting: Vec<Value>) {
    while let Some(value) = waiting.pop() {
        match value {
            Value::List(list) => {
                if let Some(items) = list.items.and_then(Rc::into_inner) {
                    waiting.append(&mut items.0.borrow_mut());
                }
            }
            Value::Map(map) => {
                if let Some(entries) = map.entries.and_then(Rc::into_inner) {
                    waiting.extend(std::mem::take(&mut *entries.0.borrow_mut()).into_values());
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_values_are_dropped_without_recursion() {
        let mut value = Value::Nil;
        for _ in 0..200_000 {
            value = Value::List(List::new(vec![value], Element::Any));
        }
        drop(value);
    }

    #[test]
    fn a_window_shares_its_items() {
        let list = List::new(vec![Value::int(1), Value::int(2), Value::int(3)], Element::Int);
        let window = list.window(1, 3).unwrap();
        window.overwrite(vec![Value::int(7)]);
        assert!(matches!(list.item(1), Some(Value::Int(7, _))));
        assert!(list.window(2, 4).is_none());
    }
}
