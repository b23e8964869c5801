//! What providers answered, as the keys of a Secret.
//!
//! - [`property`], [`map`]: a part of an answer, or all its parts.
//! - [`decode`]: values that are base64.
//! - [`names`]: which keys a Secret may have.
//! - [`rewrite`]: other names for keys, and objects merged into one.
//!
//! *Source*: external-secrets 2.9.0, `externalsecret_controller_secret.go`, `runtime/esutils` and the providers' own ways.

pub mod decode;
mod json;
pub mod names;
pub mod rewrite;

use std::collections::BTreeMap;

use keys::SecretBytes;
use providers::provider::{Answer, Lookup};

use crate::error::{Error, Result};

use self::json::Style;

/// Finds the value that an entry of `data` asks for; `None` if a secret counts as missing without it.
///
/// # Errors
/// Input: there is no such property, which the message names.
pub fn property(answer: &Answer, lookup: Lookup, property: Option<&str>) -> Result<Option<SecretBytes>> {
    let Some(property) = property.filter(|property| !property.is_empty() && lookup != Lookup::Own) else { return Ok(Some(whole(answer))) };
    let value = match answer {
        Answer::Fields(fields) => match (fields.get(property), lookup) {
            (Some(value), _) => return Ok(Some(value.duplicate())),
            (None, Lookup::ExactThenFirstDot) => return behind_first_dot(fields, property).map(Some),
            (None, _) => whole(answer),
        },
        Answer::Value(value) => value.duplicate(),
    };
    let found = match lookup {
        Lookup::ExactThenPath => match member(&value, property) {
            Some(found) => Some(found),
            None => at_path(&value, property)?,
        },
        Lookup::EscapedThenPath if property.contains('.') => match at_path(&value, &gjson::with_escaped_dots(property))? {
            Some(found) => Some(found),
            None => at_path(&value, property)?,
        },
        Lookup::ExactThenFirstDot => return property_of_members(&value, property).map(Some),
        Lookup::Exact => return at_path(&value, property),
        Lookup::EscapedThenPath | Lookup::Own => at_path(&value, property)?,
    };
    found.map(Some).ok_or_else(|| missing(property))
}

/// Takes an answer apart, as an entry with `extract` asks for; `None` if a secret counts as missing without the property.
///
/// # Errors
/// Input: there is no such property, or it is no JSON object.
pub fn map(answer: &Answer, lookup: Lookup, part: Option<&str>) -> Result<Option<BTreeMap<String, SecretBytes>>> {
    let part = part.filter(|part| !part.is_empty());
    match (answer, lookup) {
        (Answer::Fields(fields), _) => map_of_fields(fields, part).map(Some),
        (Answer::Value(value), Lookup::ExactThenFirstDot) => map_of_fields(&json::members(value, Style::Written)?, part).map(Some),
        (Answer::Value(_), lookup) => {
            let Some(value) = property(answer, lookup, part)? else { return Ok(None) };
            let style = if matches!(lookup, Lookup::EscapedThenPath | Lookup::Exact) { Style::Written } else { Style::Decoded };
            json::members(&value, style).map(Some)
        }
    }
}

/// All of an answer as one value.
fn whole(answer: &Answer) -> SecretBytes {
    match answer {
        Answer::Value(value) => value.duplicate(),
        Answer::Fields(fields) => json::object(fields),
    }
}

fn missing(property: &str) -> Error {
    Error::input(format!("find the property {property:?}: the secret has none of that name"))
}

/// The member of an object, if it is one and has it.
fn member(value: &SecretBytes, name: &str) -> Option<SecretBytes> {
    json::members(value, Style::Written).ok()?.remove(name)
}

/// What a path leads to, as text.
fn at_path(value: &SecretBytes, path: &str) -> Result<Option<SecretBytes>> {
    // EXPOSE: the part is cut out of the plaintext.
    let found = gjson::get(value.expose(), path).map_err(|error| Error::input(format!("find the property {path:?}: {error}")))?;
    Ok(found.map(|found| SecretBytes::new(found.text().to_vec())))
}

/// The field before the first dot holds JSON, and what follows is a path in it.
fn behind_first_dot(fields: &BTreeMap<String, SecretBytes>, property: &str) -> Result<SecretBytes> {
    let split = property.split_once('.').filter(|(field, path)| !field.is_empty() && !path.is_empty());
    let (field, path) = split.ok_or_else(|| missing(property))?;
    let value = fields.get(field).ok_or_else(|| missing(property))?;
    at_path(value, path)?.ok_or_else(|| missing(property))
}

fn property_of_members(value: &SecretBytes, property: &str) -> Result<SecretBytes> {
    let mut fields = json::members(value, Style::Written)?;
    match fields.remove(property) {
        Some(value) => Ok(value),
        None => behind_first_dot(&fields, property),
    }
}

/// Of fields a part is found as a path over their base64, and its members stay JSON: strings keep their quotes.
fn map_of_fields(fields: &BTreeMap<String, SecretBytes>, part: Option<&str>) -> Result<BTreeMap<String, SecretBytes>> {
    let Some(part) = part else { return Ok(fields.iter().map(|(name, value)| (name.clone(), value.duplicate())).collect()) };
    let encoded = json::object(&fields.iter().map(|(name, value)| (name.clone(), value.to_base64())).collect());
    let escaped = if part.contains('.') { at_path(&encoded, &gjson::with_escaped_dots(part))? } else { None };
    let found = match escaped {
        Some(found) => Some(found),
        None => at_path(&encoded, part)?,
    };
    let found = decode::decode(&found.ok_or_else(|| missing(part))?, decode::DecodingStrategy::Base64)?;
    json::members(&found, Style::Json)
}

#[cfg(test)]
mod tests;
