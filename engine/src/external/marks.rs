//! The texts by which external-secrets tells what it did.
//!
//! *Source*: external-secrets 2.9.0 `runtime/esutils`, `pkg/controllers/util`, `pkg/controllers/externalsecret/util.go`.

use std::collections::BTreeMap;
use std::fmt::Write;

use keys::SecretBytes;
use serde_json::{Map, Value};
use sha3::{Digest, Sha3_224};

/// Label of every Secret that is made.
pub const MANAGED: &str = "reconcile.external-secrets.io/managed";

/// Label of a Secret that is owned: which ExternalSecret made it.
pub const CREATED_BY: &str = "reconcile.external-secrets.io/created-by";

/// Annotation of a Secret: what its data was.
pub const DATA_HASH: &str = "reconcile.external-secrets.io/data-hash";

/// Finalizer that external-secrets puts on every ExternalSecret.
pub const FINALIZER: &str = "externalsecrets.external-secrets.io/externalsecret-cleanup";

/// Longest label and field manager as external-secrets builds it.
const LONGEST: usize = 63;

/// Stands for all of a Secret's data: the hash of Go's `%+v` of a `map[string][]byte`.
#[must_use]
pub fn data_hash(data: &BTreeMap<String, SecretBytes>) -> String {
    let mut hash = Sha3_224::new();
    hash.update("map[");
    for (index, (key, value)) in data.iter().enumerate() {
        hash.update(if index == 0 { "" } else { " " });
        hash.update(key);
        hash.update(":[");
        // EXPOSE: the hash is what stands in an annotation, as it does with external-secrets.
        for (index, byte) in value.expose().iter().enumerate() {
            hash.update(if index == 0 { "" } else { " " });
            hash.update(byte.to_string());
        }
        hash.update("]");
    }
    hash.update("]");
    hex(&hash.finalize())
}

/// Stands for what an object of any kind says: its spec, or else its data, or else everything but who it is and how it does.
///
/// *Source*: external-secrets 2.9.0 `externalsecret_controller_manifest.go`, which knows the first two only.
#[must_use]
pub fn content_hash(object: &Map<String, Value>) -> String {
    let rest = || {
        Value::Object(
            object.iter().filter(|(name, _)| !WHO_AND_HOW.contains(&name.as_str())).map(|(name, value)| (name.clone(), value.clone())).collect(),
        )
    };
    let content = ["spec", "data"].iter().find_map(|field| object.get(*field)).cloned().unwrap_or_else(rest);
    let mut hash = Sha3_224::new();
    printed(&content, &mut hash);
    hex(&hash.finalize())
}

/// Fields of an object that are not its content.
pub(super) const WHO_AND_HOW: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// Go's `%+v` of a value that was read from JSON.
fn printed(value: &Value, hash: &mut Sha3_224) {
    match value {
        Value::Null => hash.update("<nil>"),
        Value::Bool(value) => hash.update(value.to_string()),
        Value::Number(number) if number.is_f64() => hash.update(float(number.as_f64().unwrap_or_default())),
        Value::Number(number) => hash.update(number.to_string()),
        Value::String(text) => hash.update(text),
        Value::Array(list) => {
            hash.update("[");
            for (index, value) in list.iter().enumerate() {
                hash.update(if index == 0 { "" } else { " " });
                printed(value, hash);
            }
            hash.update("]");
        }
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            hash.update("map[");
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                hash.update(if index == 0 { "" } else { " " });
                hash.update(key);
                hash.update(":");
                printed(value, hash);
            }
            hash.update("]");
        }
    }
}

/// Go's `%v` of a float: shortest, with an exponent of two digits at least if it is small or large.
fn float(number: f64) -> String {
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Stands for the ExternalSecret that owns a Secret.
#[must_use]
pub fn created_by(namespace: &str, name: &str) -> String {
    hex(&Sha3_224::digest(format!("{namespace}/{name}")))
}

/// Stands for everything of an ExternalSecret that asks for new values when it changes: its generation, labels and annotations.
#[must_use]
pub fn synced_version(generation: i64, labels: &BTreeMap<String, String>, annotations: &BTreeMap<String, String>) -> String {
    let map = |map: &BTreeMap<String, String>| map.iter().map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(" ");
    let text = format!("{{annotations:map[{}] labels:map[{}]}}", map(annotations), map(labels));
    format!("{generation}-{}", hex(&Sha3_224::digest(text)))
}

/// Whose name stands at the fields that an ExternalSecret writes.
#[must_use]
pub fn field_manager(name: &str) -> String {
    let plain = format!("externalsecrets.external-secrets.io/{name}");
    if plain.len() <= LONGEST { plain } else { format!("externalsecrets.external-secrets.io/sha3/{}", hex(&Sha3_224::digest(name))) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn data_is_hashed_as_go_prints_it() {
        let data = [("b", "ab"), ("a", "")].map(|(key, value)| (key.to_owned(), SecretBytes::new(value.as_bytes().to_vec()))).into();
        assert_eq!(data_hash(&data), hex(&Sha3_224::digest("map[a:[] b:[97 98]]")));
        assert_eq!(data_hash(&BTreeMap::new()), hex(&Sha3_224::digest("map[]")));
    }

    #[test]
    fn content_is_hashed_as_go_prints_it() {
        let content = serde_json::json!({
            "b": 5, "a": "x y", "c": ["p", 1.5, true, null, {}], "e": {"k": "v"}, "f": 1e6, "g": 123_456_789.0, "h": 100_000.0, "i": 1e-5, "j": 1e21,
            "k": 0.0001, "l": 3.0, "n": -2.5e-7, "o": [],
        });
        // What Go 1.26 prints of the same values.
        let printed =
            "map[a:x y b:5 c:[p 1.5 true <nil> map[]] e:map[k:v] f:1e+06 g:1.23456789e+08 h:100000 i:1e-05 j:1e+21 k:0.0001 l:3 n:-2.5e-07 o:[]]";
        let hash = |object: Value| content_hash(object.as_object().unwrap());
        let expected = hex(&Sha3_224::digest(printed));
        assert_eq!(hash(serde_json::json!({"kind": "X", "spec": content, "data": {"z": "1"}})), expected);
        assert_eq!(hash(serde_json::json!({"kind": "X", "data": content, "status": {}})), expected);
        assert_eq!(hash(serde_json::json!({"kind": "X", "metadata": {}, "rules": content})), hex(&Sha3_224::digest(format!("map[rules:{printed}]"))));
    }

    #[test]
    fn versions_change_with_labels_and_annotations() {
        let version = synced_version(3, &map(&[("b", "2"), ("a", "1")]), &map(&[("c", "3")]));
        assert_eq!(version, format!("3-{}", hex(&Sha3_224::digest("{annotations:map[c:3] labels:map[a:1 b:2]}"))));
        assert_ne!(version, synced_version(3, &map(&[("b", "2"), ("a", "1")]), &map(&[])));
    }

    #[test]
    fn a_long_manager_is_hashed() {
        assert_eq!(field_manager(&"x".repeat(27)), format!("externalsecrets.external-secrets.io/{}", "x".repeat(27)));
        assert!(field_manager(&"x".repeat(28)).starts_with("externalsecrets.external-secrets.io/sha3/"));
    }
}
