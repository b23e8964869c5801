//! Objects to text.

use std::collections::BTreeMap;

use keys::SecretBytes;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Format, yaml};
use crate::desired::DesiredSecret;
use crate::error::{Error, ErrorKind, Result};

/// Writes one object. YAML documents start with `---`, so that many of them make one stream.
///
/// # Errors
/// Bug: the object can not be written.
pub fn write(object: &impl Serialize, format: Format) -> Result<Zeroizing<String>> {
    let bug = |what: String| Error::new(ErrorKind::Bug, what);
    match format {
        Format::Json => {
            let mut text = Zeroizing::new(serde_json::to_string_pretty(object).map_err(|_| bug("write JSON".to_owned()))?);
            text.push('\n');
            Ok(text)
        }
        Format::Yaml => {
            let mut text = Zeroizing::new("---\n".to_owned());
            // Folding would spread one value over many lines: diffs of secrets should be one line each.
            let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
            serde_saphyr::to_fmt_writer_with_options(&mut *text, object, options).map_err(|_| bug("write YAML".to_owned()))?;
            if !text.ends_with('\n') {
                text.push('\n');
            }
            Ok(text)
        }
    }
}

/// Writes a native Secret as a manifest; its values stand in base64 under `data`.
///
/// # Errors
/// Bug: the object can not be written.
pub fn write_secret(secret: &DesiredSecret, format: Format) -> Result<SecretBytes> {
    let shape = SecretShape {
        api_version: "v1",
        kind: "Secret",
        metadata: &secret.metadata,
        type_: secret.type_.as_deref().unwrap_or("Opaque"),
        immutable: secret.immutable,
        data: &secret.data,
    };
    Ok(SecretBytes::new(std::mem::take(&mut *write(&shape, format)?).into_bytes()))
}

/// What a native Secret looks like when written; the fields stand in the order that people know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecretShape<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: &'a Map<String, Value>,
    #[serde(rename = "type")]
    type_: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    immutable: Option<bool>,
    #[serde(serialize_with = "base64_values", skip_serializing_if = "BTreeMap::is_empty")]
    data: &'a BTreeMap<String, SecretBytes>,
}

fn base64_values<S: Serializer>(data: &BTreeMap<String, SecretBytes>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(data.len()))?;
    for (key, value) in data {
        let encoded = value.to_base64();
        // EXPOSE: a native Secret shows its values; whoever writes one was asked to.
        map.serialize_entry(key, str::from_utf8(encoded.expose()).map_err(serde::ser::Error::custom)?)?;
    }
    map.end()
}

/// Writes a string as a scalar that stands on one line.
pub(super) fn scalar(value: &str, format: Format) -> String {
    let json = serde_json::Value::String(value.to_owned()).to_string();
    if format == Format::Json {
        return json;
    }
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+' | b'=' | b'.' | b'-' | b'_');
    let plain = value.starts_with(|first: char| first.is_ascii_alphabetic()) && value.bytes().all(safe);
    // JSON strings are YAML strings too.
    if plain && yaml::resolve(value).is_none() { value.to_owned() } else { json }
}
