//! JSON as Go reads and writes it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use gjson::Node;
use keys::SecretBytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// What the members of an object become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Strings without quotes, numbers as floats without exponents, lists and objects compact.
    Decoded,
    /// JSON, compact.
    Json,
    /// Strings without quotes, everything else as it is written, null as nothing.
    Written,
}

/// Takes an object apart. Null counts as an empty one.
pub(super) fn members(value: &SecretBytes, style: Style) -> Result<BTreeMap<String, SecretBytes>> {
    if style == Style::Written {
        // EXPOSE: the members are cut out of the plaintext.
        let members: Option<BTreeMap<String, &RawValue>> = serde_json::from_slice(value.expose()).map_err(|_| no_object())?;
        let written = |raw: &RawValue| match raw.get().as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(raw.get()).map(String::into_bytes).map_err(|_| no_object()),
            Some(b'n') => Ok(Vec::new()),
            _ => Ok(raw.get().as_bytes().to_vec()),
        };
        return members.unwrap_or_default().into_iter().map(|(name, raw)| Ok((name, SecretBytes::new(written(raw)?)))).collect();
    }
    let members = read(value)?;
    Ok(members.into_iter().map(|(name, value)| (name, if style == Style::Json { written(&value, false) } else { bytes(&value) })).collect())
}

/// Reads an object. Null counts as an empty one.
pub(super) fn read(value: &SecretBytes) -> Result<Map<String, Value>> {
    // EXPOSE: the members are parsed.
    let members: Option<Map<String, Value>> = serde_json::from_slice(value.expose()).map_err(|_| no_object())?;
    Ok(members.unwrap_or_default())
}

fn no_object() -> Error {
    Error::input("read the value as a JSON object: it is none")
}

/// A value as the bytes of a Secret.
pub(super) fn bytes(value: &Value) -> SecretBytes {
    match value {
        Value::Null => SecretBytes::new(Vec::new()),
        Value::String(text) => SecretBytes::new(text.clone().into_bytes()),
        Value::Number(number) => SecretBytes::new(float(number.as_f64().unwrap_or_default()).into_bytes()),
        value => written(value, true),
    }
}

/// Writes texts by name as one object, without escapes for pages of the web.
pub(super) fn object<'a>(members: &'a BTreeMap<String, SecretBytes>) -> SecretBytes {
    let member = |(name, value): (&'a String, &'a SecretBytes)| {
        // EXPOSE: the values become members of one secret value.
        (Cow::Borrowed(name.as_str()), Node::Text(Cow::Borrowed(value.expose())))
    };
    out(&Node::Object(members.iter().map(member).collect()), false)
}

/// Writes a value compact, its members sorted.
pub(super) fn written(value: &Value, for_html: bool) -> SecretBytes {
    out(&node(value), for_html)
}

fn out(node: &Node<'_>, for_html: bool) -> SecretBytes {
    let mut out = Vec::new();
    node.write(for_html, &mut out);
    SecretBytes::new(out)
}

/// The depth is that of what was read, which the reader bounds.
fn node(value: &Value) -> Node<'_> {
    match value {
        Value::Null => Node::Word(Cow::Borrowed("null")),
        Value::Bool(truth) => Node::Word(Cow::Borrowed(if *truth { "true" } else { "false" })),
        Value::Number(number) => Node::Word(Cow::Owned(json_float(number.as_f64().unwrap_or_default()))),
        Value::String(text) => Node::Text(Cow::Borrowed(text.as_bytes())),
        Value::Array(items) => Node::Array(items.iter().map(node).collect()),
        Value::Object(members) => Node::Object(members.iter().map(|(name, value)| (Cow::Borrowed(name.as_str()), node(value))).collect()),
    }
}

/// Shortest, without an exponent.
fn float(number: f64) -> String {
    number.to_string()
}

/// Shortest; with an exponent if it is very large or small.
fn json_float(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return float(number);
    }
    let text = format!("{number:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}
