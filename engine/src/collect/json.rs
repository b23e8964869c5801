//! JSON as Go reads and writes it.

use std::collections::BTreeMap;

use gjson::quote;
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
pub(super) fn object(members: &BTreeMap<String, SecretBytes>) -> SecretBytes {
    let mut out = vec![b'{'];
    for (name, value) in members {
        if out.len() > 1 {
            out.push(b',');
        }
        quote(name.as_bytes(), false, &mut out);
        out.push(b':');
        // EXPOSE: the values become members of one secret value.
        quote(value.expose(), false, &mut out);
    }
    out.push(b'}');
    SecretBytes::new(out)
}

/// Writes a value compact, its members sorted.
pub(super) fn written(value: &Value, for_html: bool) -> SecretBytes {
    let mut out = Vec::new();
    write(value, for_html, &mut out);
    SecretBytes::new(out)
}

/// The depth is that of what was read, which the reader bounds.
fn write(value: &Value, for_html: bool, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend(b"null"),
        Value::Bool(truth) => out.extend(if *truth { &b"true"[..] } else { b"false" }),
        Value::Number(number) => out.extend(json_float(number.as_f64().unwrap_or_default()).into_bytes()),
        Value::String(text) => quote(text.as_bytes(), for_html, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, for_html, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            for (index, (name, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                quote(name.as_bytes(), for_html, out);
                out.push(b':');
                write(value, for_html, out);
            }
            out.push(b'}');
        }
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
