//! ExternalSecret to the Secret that should exist.
//!
//! - [`marks`]: the texts by which external-secrets tells what it did, to the letter, so that a cluster changes hands without a write.
//! - [`refresh`]: when values are read again.
//! - [`windows`]: when they may be.
//! - [`gather`]: the values, from stores.
//! - [`target`]: the Secret, over the one that exists.

use std::collections::BTreeMap;

use jiff::Timestamp;
use keys::SecretBytes;
use templates::{Context, Language, MissingKey, Template};

use crate::error::{Error, Result};

mod choices;
pub mod gather;
pub mod marks;
pub mod refresh;
pub mod rules;
pub mod target;
pub mod windows;

/// Renders a setting of a store over groups of values.
///
/// # Errors
/// Input: it does not render.
pub fn setting(name: &str, template: &str, groups: &BTreeMap<String, BTreeMap<String, SecretBytes>>, now: Timestamp) -> Result<SecretBytes> {
    let none = BTreeMap::new();
    let context = Context { groups: Some(groups), now: Some(now), missing_key: MissingKey::Error, ..Context::new(&none) };
    let rendered = Template::parse_as(&Language::external_secrets(), name, template.as_bytes()).and_then(|template| template.render(&context));
    rendered.map_err(|error| Error::input(format!("render {name}: {error}")))
}
