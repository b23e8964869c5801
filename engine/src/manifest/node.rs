//! The tree of one document, with the place of every value in the original text.

use std::fmt;
use std::ops::Range;

use serde_json::{Map, Number, Value};
use templates::plain_key;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// A value and where it stands.
///
/// It may hold plaintext: `Debug` shows the shape only.
#[derive(Clone)]
pub struct Node {
    /// The value.
    pub kind: Kind,
    /// Byte range in the text. Empty for a value that is only implied.
    pub span: Range<usize>,
    /// Line, from 1.
    pub line: usize,
    /// How it is written.
    pub style: Style,
    /// Whether an anchor, alias or merge key has to do with it: such a value is read, but never spliced.
    pub shared: bool,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A YAML block collection.
    Block,
    /// A YAML block scalar (`|` or `>`); the span covers its content only.
    BlockScalar,
    /// A YAML flow collection, or any JSON collection.
    Flow,
    /// A scalar in one piece.
    Scalar,
}

/// What a value is.
#[derive(Clone)]
pub enum Kind {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A string.
    Text(Zeroizing<String>),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the text.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Byte range of the key as it is written, quotes included.
    pub key_span: Range<usize>,
    /// Line of the key, from 1.
    pub line: usize,
    /// Whether Kubernetes reads the key as something else than a string, and so under another name: `on`, `010`, `1.50` without quotes.
    pub ambiguous: bool,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value of a key of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key of a mapping.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries of a mapping; none for every other kind.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        if let Kind::Map(entries) = &self.kind { entries } else { &[] }
    }

    /// The value at the end of a path of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The string, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// True for null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// What people call its kind.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The string that stands here.
    ///
    /// # Errors
    /// Input: it is something else; the message names the field, and never the value.
    pub fn expect_text(&self, field: &str) -> Result<&str> {
        self.text().ok_or_else(|| self.unexpected(field, "a string"))
    }

    /// Says that something else should stand here.
    pub fn unexpected(&self, field: &str, expected: &str) -> Error {
        let error = Error::input(format!("read {field}: expected {expected}, found {}", self.kind_name())).at_line(self.line);
        if expected == "a string" && matches!(self.kind, Kind::Bool(_) | Kind::Number(_)) {
            return error.advise("Put the value in quotes");
        }
        error
    }

    /// Copies the tree into JSON as Kubernetes reads it: keys as [`Entry::read_key`] says, and no point in a number that is whole. `None` if a key is none.
    #[must_use]
    pub fn to_read_value(&self) -> Option<Value> {
        match &self.kind {
            Kind::List(nodes) => nodes.iter().map(Self::to_read_value).collect::<Option<Vec<_>>>().map(Value::Array),
            Kind::Map(entries) => {
                let members = entries.iter().map(|entry| Some((entry.read_key()?, entry.value.to_read_value()?)));
                members.collect::<Option<Map<_, _>>>().map(Value::Object)
            }
            _ => match self.to_value() {
                Value::Number(number) => Some(Value::Number(whole(&number).map_or(number, Number::from))),
                scalar => Some(scalar),
            },
        }
    }

    /// Copies the tree into plain JSON: for values that are no secrets.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(text) => number(text),
            Kind::Text(text) => Value::String(text.to_string()),
            Kind::List(nodes) => Value::Array(nodes.iter().map(Self::to_value).collect()),
            Kind::Map(entries) => Value::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.to_value())).collect::<Map<_, _>>()),
        }
    }
}

impl Entry {
    /// The key as Kubernetes reads it; `None` for what it takes for no key.
    #[must_use]
    pub fn read_key(&self) -> Option<String> {
        if self.ambiguous { plain_key(&self.key) } else { Some(self.key.clone()) }
    }

    /// Refuses the key of an item that Kubernetes would read under another name.
    ///
    /// # Errors
    /// Input: the key is [`Entry::ambiguous`].
    pub fn refuse_ambiguous(&self) -> Result<()> {
        if !self.ambiguous {
            return Ok(());
        }
        let error = Error::input("read the key of the item: without quotes, Kubernetes takes it for a boolean, a number or nothing");
        Err(error.at_line(self.line).on_item(&self.key).advise("Put the key in quotes"))
    }
}

/// The whole number that is written as a fraction or with an exponent: on its way through Go's JSON it loses both.
fn whole(number: &Number) -> Option<i64> {
    number.as_f64().filter(|_| number.is_f64())?.to_string().parse().ok()
}

/// Reads a number that may be written in the YAML manner; what JSON can not hold becomes a string, as it stood.
fn number(text: &str) -> Value {
    let plain = text.replace('_', "");
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.strip_prefix('+').unwrap_or(&plain)), |digits| ("-", digits));
    let (prefix, rest) = digits.split_at_checked(2).unwrap_or_default();
    let prefix = prefix.to_ascii_lowercase();
    let radix =
        |wanted: &str, radix| Some(rest).filter(|_| prefix == wanted).and_then(|rest| i64::from_str_radix(&format!("{sign}{rest}"), radix).ok());
    let whole = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2)).or_else(|| {
        let octal = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|digit| digit.is_ascii_digit());
        octal.then(|| i64::from_str_radix(&format!("{sign}{digits}"), 8).ok()).flatten()
    });
    whole
        .map(Number::from)
        .or_else(|| serde_json::from_str(&format!("{sign}{digits}")).ok())
        .or_else(|| plain.parse().ok().and_then(Number::from_f64))
        .map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({} at line {})", self.kind_name(), self.line)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.key, self.value)
    }
}

/// Refuses a mapping in which a key stands twice: readers disagree on which one counts, so one of the values would be lost.
pub(super) fn refuse_duplicates(entries: &[Entry]) -> Result<()> {
    let mut seen = std::collections::HashMap::with_capacity(entries.len());
    for entry in entries {
        if let Some(first) = seen.insert(entry.key.as_str(), entry.line) {
            return Err(Error::input(format!("read the mapping: key {:?} is given twice, first in line {first}", entry.key))
                .at_line(entry.line)
                .advise("Keep one of the two"));
        }
    }
    Ok(())
}
