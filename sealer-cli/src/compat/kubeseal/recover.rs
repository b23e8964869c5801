//! `--recovery-unseal`: SealedSecrets to Secrets with private keys from files, without a cluster.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crds::SealedSecret;
use engine::PlainSecret;
use engine::desired::DesiredSecret;
use engine::manifest::Manifest;
use jiff::Timestamp;
use keys::{KeyRing, RingKey, SecretBytes, UnsealingKey};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::failure::{Failure, Result};
use super::files::{self, Input, Output};
use super::options::Options;
use super::write::{Format, write};
use crate::keyring::pem_blocks;

/// What upstream says of every item that no key opens, whatever the reason.
const NO_KEY: &str = "no key could decrypt secret";

/// Opens every SealedSecret of the input.
///
/// # Errors
/// A key file that cannot be read, an input without a SealedSecret, or the items that do not open.
pub(super) fn unseal(options: &Options, input: Input, output: &Output) -> Result<()> {
    let ring = ring(&options.private_keys)?;
    let manifest = input.manifest()?;
    let mut text = Zeroizing::new(String::new());
    for object in manifest.objects()? {
        let sealed = object.to_sealed_secret()?;
        if sealed.spec.data.is_some() {
            return Err(Failure::new("using deprecated 'data' field, use 'encryptedData' or flip the feature flag"));
        }
        let secret = engine::unseal::unseal(&sealed, &ring, Some(Timestamp::now())).map_err(|errors| listed(&sealed, &errors))?;
        text.push_str(&write(&to_value(&sealed, &secret), Format::read(&options.format)?)?);
    }
    output.write(text.as_bytes())
}

fn ring(files: &[String]) -> Result<KeyRing> {
    let mut keys: Vec<RingKey> = Vec::new();
    for file in files {
        for key in read_keys(file)? {
            if keys.iter().all(|known| known.key.identity() != key.identity()) {
                keys.push(RingKey { name: file.clone(), key, certificate: None, since: Timestamp::UNIX_EPOCH, seals: false });
            }
        }
    }
    Ok(KeyRing::new(keys))
}

/// Reads PEM keys, all of them, or else key Secrets in any number of documents and Lists. A file without any of it holds no keys, as upstream has it.
fn read_keys(file: &str) -> Result<Vec<UnsealingKey>> {
    let bytes = files::read_secret(Path::new(file))?;
    // Whatever else stands among the blocks is passed over.
    let keys: Vec<_> = pem_blocks(&bytes).iter().filter_map(|block| UnsealingKey::from_pem(block).ok()).collect();
    if !keys.is_empty() {
        return Ok(keys);
    }
    let Ok(manifest) = Manifest::parse(&bytes) else { return Ok(Vec::new()) };
    let Ok(objects) = manifest.objects() else { return Ok(Vec::new()) };
    let mut keys = Vec::new();
    for object in objects.iter().filter(|object| !object.node.entries().is_empty()) {
        let secret = PlainSecret::read_any_kind(object).map_err(|error| error.in_file(file))?;
        let Some(pem) = secret.data.get("tls.key") else {
            // A List without items is no Secret.
            if object.kind.ends_with("List") {
                continue;
            }
            return Err(Failure::new("secret must contain a 'tls.data' key"));
        };
        keys.push(UnsealingKey::from_pem(pem).map_err(|error| match error.kind() {
            keys::ErrorKind::Unsupported => Failure::new("unexpected private key type"),
            _ => Failure::new("data does not contain a valid RSA or ECDSA private key"),
        })?);
    }
    Ok(keys)
}

/// The Secret as upstream builds it: with an owner that has no UID yet unless the file names one.
fn to_value(sealed: &SealedSecret, secret: &DesiredSecret) -> Value {
    let mut metadata = secret.metadata.clone();
    if secret.owned {
        let uid = sealed.metadata.uid.as_deref().unwrap_or_default();
        let owner = json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": secret.name, "uid": uid, "controller": true,
        });
        metadata.insert("ownerReferences".to_owned(), json!([owner]));
    }
    let data: Map<String, Value> = secret.data.iter().map(|(key, value)| (key.clone(), encoded(value))).collect();
    let mut object = Map::new();
    object.insert("kind".to_owned(), json!("Secret"));
    object.insert("apiVersion".to_owned(), json!("v1"));
    object.insert("metadata".to_owned(), Value::Object(metadata));
    object.insert("immutable".to_owned(), json!(secret.immutable));
    object.insert("data".to_owned(), Value::Object(data));
    object.insert("type".to_owned(), json!(secret.type_));
    Value::Object(object)
}

/// Base64; null for the empty value, as Go writes it.
fn encoded(value: &SecretBytes) -> Value {
    if value.is_empty() {
        return Value::Null;
    }
    // EXPOSE: recovery is the asking for plaintext.
    Value::String(STANDARD.encode(value.expose()))
}

/// Upstream's message: what is wrong, and in brackets the items that it is wrong with; one line for each different reason.
fn listed(sealed: &SealedSecret, errors: &[engine::Error]) -> Failure {
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for error in errors {
        let item = error.place().item.as_deref().unwrap_or_default();
        let reason = match (sealed.spec.encrypted_data.get(item), error.message().strip_prefix("render the template: ")) {
            (_, Some(reason)) => reason.to_owned(),
            (Some(text), None) => corrupt_at(text).map_or_else(|| NO_KEY.to_owned(), |at| format!("illegal base64 data at input byte {at}")),
            (None, None) => error.message().to_owned(),
        };
        reasons.entry(reason).or_default().push(item);
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(reason, items)| (reason != NO_KEY, items.first().map(|item| (*item).to_owned())));
    Failure::new(reasons.iter().map(|(reason, items)| format!("{reason} ({})", items.join(", "))).collect::<Vec<_>>().join("\n"))
}

/// Where Go's decoder stops in a text that is not base64.
///
/// *Source*: Go `encoding/base64` (`decodeQuantum`): line breaks are passed over; a group that breaks off is reported at its start.
fn corrupt_at(text: &str) -> Option<usize> {
    let mut group: Vec<usize> = Vec::with_capacity(4);
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\r' | b'\n' => {}
            b'=' => return padding(bytes, at, group.len()),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                group.push(at);
                if group.len() == 4 {
                    group.clear();
                }
            }
            _ => return Some(at),
        }
    }
    (!group.is_empty()).then(|| bytes.len() - group.len())
}

fn padding(bytes: &[u8], at: usize, before: usize) -> Option<usize> {
    let rest = || bytes.iter().enumerate().skip(at + 1).filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    match before {
        0 | 1 => Some(at),
        2 => match rest().next() {
            None => Some(bytes.len()),
            Some((_, b'=')) => rest().nth(1).map(|(after, _)| after),
            Some((other, _)) => Some(other),
        },
        _ => rest().next().map(|(after, _)| after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_breaks_where_go_says_it_breaks() {
        for (text, at) in [
            ("", None),
            ("Zm9v", None),
            ("Zm9\r\nv", None),
            ("Zm8=", None),
            ("!!Zm9v", Some(0)),
            ("Zm 9v", Some(2)),
            ("Zm9", Some(0)),
            ("Zm9vZg", Some(4)),
            ("Zm8=Zm8=", Some(4)),
            ("Zg==\n", None),
            ("Zg=x", Some(3)),
        ] {
            assert_eq!(corrupt_at(text), at, "{text:?}");
        }
    }

    #[test]
    fn reasons_are_listed_with_their_items() {
        let mut sealed = SealedSecret::default();
        sealed.spec.encrypted_data = [("a", ""), ("b", "AA=="), ("c", "!"), ("d", "Zm9")].map(|(key, text)| (key.to_owned(), text.to_owned())).into();
        let errors = ["a", "b", "c", "d"].map(|item| engine::Error::input("open the item").on_item(item));
        assert_eq!(listed(&sealed, &errors).to_string(), "no key could decrypt secret (a, b)\nillegal base64 data at input byte 0 (c, d)");
    }
}
