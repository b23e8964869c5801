//! ExternalSecret to the Secret that should exist.
//!
//! - [`marks`]: the texts by which external-secrets tells what it did, to the letter, so that a cluster changes hands without a write.
//! - [`refresh`]: when values are read again.
//! - [`windows`]: when they may be.
//! - [`gather`]: the values, from stores.
//! - [`target`]: the Secret, over the one that exists.
//! - [`object`]: an object of another kind in its place, of [`kinds`] through which nobody gets the controller's power.

use std::collections::BTreeMap;

use jiff::Timestamp;
use keys::SecretBytes;
use serde_json::Value;
use templates::{Context, Language, MissingKey, Template};

use crate::error::{Error, Result};

mod choices;
pub mod gather;
pub mod kinds;
pub mod marks;
pub mod object;
mod path;
pub mod refresh;
pub mod rules;
pub mod target;
pub mod windows;

/// What the actions of templates stand between; empty for Go's own.
#[derive(Clone, Debug, Default)]
pub struct Delimiters {
    /// What an action begins with.
    pub left: String,
    /// What an action ends with.
    pub right: String,
}

impl Delimiters {
    fn language(&self) -> Language {
        Language { left: self.left.clone(), right: self.right.clone(), ..Language::external_secrets() }
    }
}

/// Values by name, in groups by name.
pub type Groups = BTreeMap<String, BTreeMap<String, SecretBytes>>;

/// The groups that a setting of a store is rendered over: what is public, and what is secret.
#[must_use]
pub fn groups(values: &Value, secrets: &Groups) -> Groups {
    let text = |value: &Value| SecretBytes::new(value.as_str().map_or_else(|| value.to_string(), str::to_owned).into_bytes());
    let public = values.as_object().into_iter().flatten().map(|(group, values)| {
        let values = values.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), text(value)));
        (group.clone(), values.collect())
    });
    let secret = secrets.iter().map(|(group, values)| (group.clone(), values.iter().map(|(key, value)| (key.clone(), value.duplicate())).collect()));
    public.chain(secret).collect()
}

/// Renders a setting of a store over groups of values.
///
/// # Errors
/// Input: it does not render.
pub fn setting(name: &str, template: &str, groups: &Groups, now: Timestamp) -> Result<SecretBytes> {
    let none = BTreeMap::new();
    let context = Context { groups: Some(groups), now: Some(now), missing_key: MissingKey::Error, ..Context::new(&none) };
    let rendered = Template::parse_as(&Language::external_secrets(), name, template.as_bytes()).and_then(|template| template.render(&context));
    rendered.map_err(|error| Error::input(format!("render {name}: {error}")))
}
