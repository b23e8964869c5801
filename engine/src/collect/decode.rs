//! Values that are base64.

use std::collections::BTreeMap;

use keys::SecretBytes;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// How values are decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecodingStrategy {
    /// As base64, or else as base64 for URLs, or else not at all: a word that happens to be base64 is decoded.
    Auto,
    /// As base64.
    Base64,
    /// As base64 for URLs.
    Base64Url,
    /// Not at all.
    #[default]
    None,
}

/// Decodes a value, as leniently as Go: line breaks do not count.
///
/// # Errors
/// Input: the value is not in the encoding; says where it breaks.
pub fn decode(value: &SecretBytes, strategy: DecodingStrategy) -> Result<SecretBytes> {
    match strategy {
        DecodingStrategy::Auto => {
            let decoded = from_base64(value).or_else(|_| from_base64_of_urls(value));
            Ok(decoded.unwrap_or_else(|_| value.duplicate()))
        }
        DecodingStrategy::Base64 => from_base64(value),
        DecodingStrategy::Base64Url => from_base64_of_urls(value),
        DecodingStrategy::None => Ok(value.duplicate()),
    }
}

/// Decodes all values.
///
/// # Errors
/// As [`decode`], with the key.
pub fn decode_all(values: BTreeMap<String, SecretBytes>, strategy: DecodingStrategy) -> Result<BTreeMap<String, SecretBytes>> {
    if strategy == DecodingStrategy::None {
        return Ok(values);
    }
    let decoded = values.into_iter().map(|(key, value)| match decode(&value, strategy) {
        Ok(value) => Ok((key, value)),
        Err(error) => Err(error.on_item(key)),
    });
    decoded.collect()
}

fn from_base64(value: &SecretBytes) -> Result<SecretBytes> {
    // EXPOSE: the value is decoded.
    let text = std::str::from_utf8(value.expose()).map_err(|_| Error::input("decode the value as base64: it is no text"))?;
    Ok(SecretBytes::from_base64(text)?)
}

fn from_base64_of_urls(value: &SecretBytes) -> Result<SecretBytes> {
    // EXPOSE: the value is put into the other alphabet.
    let translated = value.expose().iter().map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        // What the alphabet of URLs has not.
        b'+' | b'/' => b'*',
        byte => *byte,
    });
    let translated: Zeroizing<Vec<u8>> = Zeroizing::new(translated.collect());
    let text = std::str::from_utf8(&translated).map_err(|_| Error::input("decode the value as base64: it is no text"))?;
    Ok(SecretBytes::from_base64(text)?)
}
