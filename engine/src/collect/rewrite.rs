//! Other names for keys, and objects merged into one.

use std::collections::{BTreeMap, BTreeSet};

use goregex::Pattern;
use jiff::Timestamp;
use keys::SecretBytes;
use serde_json::{Map, Value};
use templates::{Context, Language, Limits, Template};

use crate::error::{Error, Result};

use super::json;

/// Longest name on the way, in bytes; the end has its own limit.
const LONGEST: usize = 4096;

/// One step; steps are done in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// All values are JSON objects, and become one.
    Merge(Merge),
    /// Every match in a name is replaced.
    Regexp {
        /// What is matched, in Go's syntax.
        source: String,
        /// What it becomes; `$1` and `${name}` stand for groups.
        target: String,
    },
    /// A template gives the name.
    Transform {
        /// It sees the old name as `.value`, and always has the delimiters `{{` and `}}`.
        template: String,
    },
}

/// How objects become one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// What becomes of the one object.
    pub strategy: MergeStrategy,
    /// The key that it gets, if it is not taken apart.
    pub into: String,
    /// Whether a member may be in two objects.
    pub conflicts: ConflictPolicy,
    /// Keys whose objects come last, in this order, so that their members win.
    pub priority: Vec<String>,
    /// Whether they must be there.
    pub missing: PriorityPolicy,
}

/// What becomes of the one object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeStrategy {
    /// Its members are the new keys.
    #[default]
    Extract,
    /// It is a new key beside the old ones.
    Json,
}

/// Whether a member may be in two objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// No.
    #[default]
    Error,
    /// Yes, and the later one wins.
    Ignore,
}

/// Whether a key of a priority must be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PriorityPolicy {
    /// No.
    IgnoreNotFound,
    /// Yes.
    #[default]
    Strict,
}

/// Does all steps. Where two names become one, the value of the later old name stays.
///
/// # Errors
/// Input: a step cannot be done; the message says which, counted from 0, and why.
pub fn rewrite(values: BTreeMap<String, SecretBytes>, steps: &[Rewrite], now: Option<Timestamp>) -> Result<BTreeMap<String, SecretBytes>> {
    let mut values = values;
    for (number, step) in steps.iter().enumerate() {
        let done = match step {
            Rewrite::Merge(how) => merge(values, how),
            Rewrite::Regexp { source, target } => replace(values, source, target),
            Rewrite::Transform { template } => transform(values, template, now),
        };
        values = done.map_err(|error| {
            let located = Error::new(error.kind(), format!("rewrite, step {number}: {}", error.message()));
            match error.place().item.clone() {
                Some(item) => located.on_item(item),
                None => located,
            }
        })?;
    }
    Ok(values)
}

fn too_long(key: String) -> Error {
    Error::input(format!("name the key anew: the new name is longer than {LONGEST} bytes")).on_item(key)
}

fn replace(values: BTreeMap<String, SecretBytes>, source: &str, target: &str) -> Result<BTreeMap<String, SecretBytes>> {
    let pattern = Pattern::new(source.as_bytes()).map_err(|error| Error::input(format!("compile the expression {source:?}: {error}")))?;
    let renamed = values.into_iter().map(|(key, value)| match pattern.replace_all(&key, target, LONGEST) {
        Some(name) => Ok((name, value)),
        None => Err(too_long(key)),
    });
    renamed.collect()
}

fn transform(values: BTreeMap<String, SecretBytes>, template: &str, now: Option<Timestamp>) -> Result<BTreeMap<String, SecretBytes>> {
    let unusable = |error: &templates::Error| Error::input(format!("render the template: {error}"));
    let template = Template::parse_as(&Language::external_secrets(), "transform", template.as_bytes()).map_err(|error| unusable(&error))?;
    // All names together may cost what one template may.
    let (all, share) = (Limits::default(), values.len().max(1) as u64);
    let limits =
        Limits { output: LONGEST, steps: (all.steps / share).max(1000), memory: (all.memory / share).max(1 << 16), cost: all.cost / share, ..all };
    let mut renamed = BTreeMap::new();
    for (key, value) in values {
        let data = BTreeMap::from([("value".to_owned(), SecretBytes::new(key.clone().into_bytes()))]);
        let rendered = template.render(&Context { limits: limits.clone(), now, ..Context::new(&data) });
        let name = rendered.map_err(|error| unusable(&error).on_item(&key))?;
        // EXPOSE: what is rendered of the name of a key is the name of a key, which is no secret.
        let name = String::from_utf8_lossy(name.expose()).into_owned();
        renamed.insert(name, value);
    }
    Ok(renamed)
}

fn merge(mut values: BTreeMap<String, SecretBytes>, how: &Merge) -> Result<BTreeMap<String, SecretBytes>> {
    let others = values.keys().filter(|key| !how.priority.contains(key));
    let mut merged: Map<String, Value> = Map::new();
    let mut conflicts = BTreeSet::new();
    for key in others.chain(&how.priority) {
        let Some(value) = values.get(key) else {
            if how.missing == PriorityPolicy::IgnoreNotFound {
                continue;
            }
            return Err(Error::input(format!("merge: the priority names the key {key:?}, which is not there")));
        };
        for (name, value) in json::read(value).map_err(|error| Error::input(format!("merge: {}", error.message())).on_item(key))? {
            if merged.insert(name.clone(), value).is_some() {
                conflicts.insert(name);
            }
        }
    }
    if how.conflicts == ConflictPolicy::Error && !conflicts.is_empty() {
        let names = conflicts.into_iter().take(10).collect::<Vec<_>>().join(", ");
        return Err(Error::input(format!("merge: more than one object has {names}, and conflictPolicy is Error")));
    }
    match how.strategy {
        MergeStrategy::Extract => Ok(merged.into_iter().map(|(name, value)| (name, json::bytes(&value))).collect()),
        MergeStrategy::Json if how.into.is_empty() => Err(Error::input("merge: the strategy JSON needs the field into")),
        MergeStrategy::Json => {
            values.insert(how.into.clone(), json::written(&Value::Object(merged), false));
            Ok(values)
        }
    }
}
