//! Secrets that stand in the store itself: for trying things out.
//!
//! *Source*: external-secrets `providers/v1/fake`, 2.9.0.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use keys::{BoxFuture, SecretBytes};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::System;
use crate::error::{Error, Result};
use crate::provider::{Access, Answer, Capabilities, Catalog, KindOf, Lookup, Reference, Scope, Search, Source, Store, Validity};
use crate::selector::RetrySettings;

/// This system.
pub(super) const SYSTEM: System = System { name: "fake", master_keys: &[], store: Some(&KindOf::<Fake>::new("fake")) };

/// What a store holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Fake {
    /// The secrets.
    #[serde(default)]
    data: Vec<Entry>,
    /// What an examination of the store finds.
    #[serde(default)]
    validation_result: Option<i64>,
}

/// One secret, or one version of it.
#[derive(Deserialize, JsonSchema)]
struct Entry {
    /// Its name.
    key: String,
    /// What it holds.
    #[serde(default = "nothing", deserialize_with = "secret")]
    #[schemars(with = "String")]
    value: Arc<SecretBytes>,
    /// Which version it is.
    #[serde(default)]
    version: String,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("key", &self.key).field("version", &self.version).finish_non_exhaustive()
    }
}

fn nothing() -> Arc<SecretBytes> {
    Arc::new(SecretBytes::new(Vec::new()))
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Arc<SecretBytes>, D::Error> {
    Ok(Arc::new(SecretBytes::new(String::deserialize(deserializer)?.into_bytes())))
}

impl Store for Fake {
    fn check(&self, _: Scope) -> Result<()> {
        for (index, entry) in self.data.iter().enumerate() {
            if entry.key.is_empty() {
                return Err(Error::invalid(format!("use the store: spec.provider.fake.data[{index}] has no key")));
            }
            if entry.value.is_empty() {
                return Err(Error::invalid(format!("use the store: spec.provider.fake.data[{index}] has no value")));
            }
        }
        Ok(())
    }

    fn connect<'a>(&'a self, _: Arc<dyn Access>, _: Option<&'a RetrySettings>) -> BoxFuture<'a, Result<Capabilities>> {
        let shelf = Arc::new(Shelf {
            data: self.data.iter().map(|entry| ((entry.key.clone(), entry.version.clone()), Arc::clone(&entry.value))).collect(),
            // *Source*: `apis/externalsecrets/v1`: 0 is Ready, 1 Unknown, 2 an error.
            result: self.validation_result.unwrap_or_default(),
        });
        Box::pin(async move { Ok(Capabilities { source: Some(Arc::<Shelf>::clone(&shelf)), catalog: Some(shelf) }) })
    }
}

/// Secrets by name and version.
struct Shelf {
    data: BTreeMap<(String, String), Arc<SecretBytes>>,
    result: i64,
}

impl Source for Shelf {
    fn read<'a>(&'a self, what: &'a Reference) -> BoxFuture<'a, Result<Option<Answer>>> {
        let found = self.data.get(&(what.key.clone(), what.version.clone().unwrap_or_default()));
        let found = found.map(|value| Answer::Value(value.duplicate()));
        Box::pin(async move { Ok(found) })
    }

    fn lookup(&self) -> Lookup {
        Lookup::Exact
    }

    fn validate(&self) -> BoxFuture<'_, Result<Validity>> {
        Box::pin(async move {
            match self.result {
                0 => Ok(Validity::Valid),
                1 => Ok(Validity::Unknown),
                _ => Err(Error::invalid("use the store: its validationResult says that it is broken")),
            }
        })
    }
}

impl Catalog for Shelf {
    fn find<'a>(&'a self, what: &'a Search) -> BoxFuture<'a, Result<BTreeMap<String, SecretBytes>>> {
        // Of several versions the last one by its text wins: that is the order of the map.
        let found: BTreeMap<&String, &Arc<SecretBytes>> =
            self.data.iter().filter(|((key, _), _)| what.takes(key)).map(|((key, _), value)| (key, value)).collect();
        // This system makes keys of the names, so that a rewrite sees the keys; the others leave that to whoever asked.
        let converted = found.iter().map(|(name, value)| match &what.converts {
            Some(convert) => (convert(name), value.duplicate()),
            None => ((*name).clone(), value.duplicate()),
        });
        let converted: BTreeMap<String, SecretBytes> = converted.collect();
        let meet = converted.len() < found.len();
        Box::pin(async move { if meet { Err(Error::invalid("find secrets: two names become the same key")) } else { Ok(converted) } })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn store(settings: serde_json::Value) -> Result<Box<dyn Store>> {
        SYSTEM.store.unwrap().read(&settings)
    }

    #[tokio::test]
    async fn found_names_are_keys_before_anybody_rewrites_them() {
        let value = || Arc::new(SecretBytes::new(b"x".to_vec()));
        let shelf = |names: &[&str]| Shelf { data: names.iter().map(|name| (((*name).to_owned(), String::new()), value())).collect(), result: 0 };
        let search = Search { converts: Some(Arc::new(|name: &str| name.replace('/', "_"))), ..Search::default() };
        for (what, expected) in [(&search, ["a_b", "c"]), (&Search::default(), ["a/b", "c"])] {
            assert_eq!(shelf(&["a/b", "c"]).find(what).await.unwrap().into_keys().collect::<Vec<_>>(), expected);
        }
        assert!(shelf(&["a/b", "a_b"]).find(&search).await.is_err(), "two that meet");
    }

    #[test]
    fn an_empty_value_and_an_empty_key_are_refused_without_being_quoted() {
        for (data, expected) in [
            (json!([{"key": "a", "value": "hunter2"}]), None),
            (json!([{"key": "a"}]), Some("use the store: spec.provider.fake.data[0] has no value")),
            (json!([{"key": "a", "value": "x"}, {"key": "", "value": "x"}]), Some("use the store: spec.provider.fake.data[1] has no key")),
        ] {
            let checked = store(json!({ "data": data })).unwrap().check(Scope::Namespace);
            assert_eq!(checked.err().map(|error| error.to_string()).as_deref(), expected);
        }
        let broken = store(json!({"data": [{"key": "a", "value": {"hunter2": 1}}]})).err().unwrap().to_string();
        assert_eq!(broken, "read spec.provider.fake: the field data[0].value is not as it should be");
        assert!(!format!("{:?}", store(json!({"data": [{"key": "a", "value": "hunter2"}]})).unwrap()).contains("hunter2"));
    }
}
