//! A template and what it is rendered with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use keys::SecretBytes;

use crate::error::{Error, Fault, Result};
use crate::eval::Evaluator;
use crate::function::Scope;
use crate::language::Language;
use crate::limits::{Limits, Meter};
use crate::node::Trees;
use crate::parse::parse;
use crate::value::{Entries, Map, Text, Value};

/// A parsed template.
pub struct Template {
    name: String,
    source: Vec<u8>,
    trees: Trees,
}

/// What a template is rendered with.
pub struct Context<'a> {
    /// The data: `.` is this map.
    pub values: &'a BTreeMap<String, SecretBytes>,
    /// More data, one level down: `.group.key`. A group wins over a value of its name.
    pub groups: Option<&'a BTreeMap<String, BTreeMap<String, SecretBytes>>>,
    /// What the rendering may cost.
    pub limits: Limits,
    /// The current time. Without it, `now` and whatever else asks for the time fail.
    pub now: Option<Timestamp>,
    /// Whether functions may draw randomness from the operating system. If not, they fail.
    pub randomness: bool,
    /// What a missing key is.
    pub missing_key: MissingKey,
}

/// What a template gets for a key that the data does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingKey {
    /// No value, which prints as `<no value>`: what Sealed Secrets does.
    #[default]
    NoValue,
    /// The zero value of the map's element type.
    Zero,
    /// An error: what External Secrets does.
    Error,
}

impl<'a> Context<'a> {
    /// The data with default limits, without clock, with randomness, and with `<no value>` for missing keys.
    #[must_use]
    pub fn new(values: &'a BTreeMap<String, SecretBytes>) -> Self {
        Self { values, groups: None, limits: Limits::default(), now: None, randomness: true, missing_key: MissingKey::default() }
    }
}

impl Template {
    /// Parses a template as Sealed Secrets does. The name appears in errors, and the template can call itself by it.
    ///
    /// *Errors*: [`crate::ErrorKind::Parse`] when the source is not well-formed or calls an unknown function.
    pub fn parse(name: &str, source: &[u8]) -> Result<Self> {
        Self::parse_as(&Language::sealed_secrets(), name, source)
    }

    /// Parses a template in a language of its own, as [`Template::parse`].
    ///
    /// *Errors*: as [`Template::parse`].
    pub fn parse_as(language: &Language, name: &str, source: &[u8]) -> Result<Self> {
        let trees = parse(name, source, language)?;
        Ok(Self { name: name.to_owned(), source: source.to_vec(), trees })
    }

    /// The name it was parsed with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Renders the template.
    ///
    /// *Errors*: [`crate::ErrorKind::Exec`] when the data do not fit, [`crate::ErrorKind::Limit`] when it costs too
    /// much, [`crate::ErrorKind::Unavailable`] when clock or randomness is needed and not there.
    pub fn render(&self, context: &Context<'_>) -> Result<SecretBytes> {
        let meter = Meter::new(context.limits.clone());
        let scope = Scope::new(&meter, context.now, context.randomness);
        let data = self.data(context, &meter)?;
        let nodes = self.trees.get(self.name.as_bytes()).map(Vec::as_slice).unwrap_or_default();
        let mut evaluator = Evaluator::new(&self.trees, &scope, context.missing_key);
        let rendered = evaluator.render(nodes, data);
        let position = evaluator.position();
        let rendered = rendered.map_err(|fault| Error::from(fault).at(&self.name, &self.source, position));
        drop(evaluator);
        scope.clear();
        rendered.map(SecretBytes::new)
    }

    fn data(&self, context: &Context<'_>, meter: &Meter) -> std::result::Result<Value, Fault> {
        let mut data = texts(context.values, meter)?;
        let Some(groups) = context.groups else { return Ok(Value::Map(Map::of_texts(data))) };
        for (name, values) in groups {
            data.insert(Text::from(name.as_str()), Value::Map(Map::of_texts(texts(values, meter)?)));
        }
        Ok(Value::Map(Map::from_entries(Entries::new(data))))
    }
}

fn texts(values: &BTreeMap<String, SecretBytes>, meter: &Meter) -> std::result::Result<BTreeMap<Text, Value>, Fault> {
    let mut data = BTreeMap::new();
    for (key, value) in values {
        meter.allocate(value.len() as u64)?;
        // EXPOSE: the template computes with the plaintext; the copy is wiped like the original.
        data.insert(Text::from(key.as_str()), Value::Text(Text::from(value.expose())));
    }
    Ok(data)
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Template").field("name", &self.name).finish_non_exhaustive()
    }
}
