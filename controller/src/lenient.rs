//! Objects as strangers wrote them: one that is odd must not keep all others from being read, and one that is known already need not be read at all.
//!
//! A list is read as a whole, so one object that fails to parse fails them all. The server accepts times that our type does not (the end of the year
//! 9999), in `managedFields` and in the status, where every tenant can put them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize as Shape;
use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// An object as the server sent it, of which name and version were read.
pub(crate) struct Lenient<T> {
    metadata: ObjectMeta,
    text: Box<RawValue>,
    kind: PhantomData<fn() -> T>,
}

/// The part of an object that is read at once.
#[derive(Default, Shape)]
#[serde(default)]
pub(crate) struct Head {
    pub(crate) metadata: Name,
}

/// Which object it is, and which version of it.
#[derive(Default, Shape)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Name {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    pub(crate) resource_version: Option<String>,
}

impl<T: DeserializeOwned> Lenient<T> {
    /// Reads the rest of it; None if it can not be read.
    pub(crate) fn read(self) -> Option<T> {
        let fields = Fields { of: Part::Object }.deserialize(&mut serde_json::Deserializer::from_str(self.text.get()));
        let mut value = Value::Object(fields.ok()?);
        drop_odd_times(&mut value["metadata"], &["creationTimestamp", "deletionTimestamp"]);
        for condition in value.pointer_mut("/status/conditions").and_then(Value::as_array_mut).into_iter().flatten() {
            drop_odd_times(condition, &["lastTransitionTime", "lastUpdateTime"]);
        }
        serde_json::from_value(value).ok()
    }
}

impl<'de, T> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let Head { metadata: Name { name, namespace, uid, resource_version } } = serde_json::from_str(text.get()).unwrap_or_default();
        Ok(Self { metadata: ObjectMeta { name, namespace, uid, resource_version, ..ObjectMeta::default() }, text, kind: PhantomData })
    }
}

impl<T> Clone for Lenient<T> {
    fn clone(&self) -> Self {
        Self { metadata: self.metadata.clone(), text: self.text.clone(), kind: PhantomData }
    }
}

/// Without the text, which may be of a Secret.
impl<T> fmt::Debug for Lenient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lenient").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

/// What is read field by field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Object,
    Metadata,
}

/// Reads an object without who wrote which of its fields: nobody here asks, and it is the larger part of many.
struct Fields {
    of: Part,
}

impl<'de> Visitor<'de> for Fields {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            match (self.of, name.as_str()) {
                (Part::Object, "metadata") => drop(fields.insert(name, Value::Object(map.next_value_seed(Fields { of: Part::Metadata })?))),
                (Part::Metadata, "managedFields") => drop(map.next_value::<IgnoredAny>()?),
                _ => drop(fields.insert(name, map.next_value()?)),
            }
        }
        Ok(fields)
    }
}

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// Reads metadata without who wrote which field.
pub(crate) fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    Fields { of: Part::Metadata }.deserialize(deserializer)
}

fn drop_odd_times(value: &mut Value, fields: &[&str]) {
    let Some(map) = value.as_object_mut() else { return };
    for field in fields {
        if map.get(*field).is_some_and(|time| time.as_str().is_none_or(|time| time.parse::<Timestamp>().is_err())) {
            map.remove(*field);
        }
    }
}

impl<T: Resource> Resource for Lenient<T> {
    type DynamicType = T::DynamicType;
    type Scope = T::Scope;

    fn metadata_api() -> bool {
        T::metadata_api()
    }

    fn kind(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        T::kind(dynamic)
    }

    fn group(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        T::group(dynamic)
    }

    fn version(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        T::version(dynamic)
    }

    fn plural(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        T::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use crds::SealedSecret;
    use serde_json::json;

    use super::*;

    #[test]
    fn odd_times_are_forgotten_and_the_object_is_read() {
        let condition =
            json!({"type": "Synced", "status": "True", "lastUpdateTime": "9999-12-31T23:59:59Z", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let object = json!({
            "metadata": {"name": "db", "managedFields": [{"time": "9999-12-31T23:59:59Z"}], "creationTimestamp": "9999-12-31T23:59:59Z"},
            "spec": {"encryptedData": {"a": "AgB"}},
            "status": {"conditions": [condition]},
        });
        let read: Lenient<SealedSecret> = serde_json::from_value(object).unwrap();
        let object = read.read().unwrap();
        assert_eq!(object.metadata.name.as_deref(), Some("db"));
        let status = object.status.unwrap();
        assert!(status.conditions[0].last_update_time.is_none() && status.conditions[0].last_transition_time.is_some());
    }

    #[test]
    fn what_can_not_be_read_keeps_its_name() {
        let read: Lenient<SealedSecret> = serde_json::from_value(json!({"metadata": {"name": "odd", "namespace": "shop"}, "spec": 7})).unwrap();
        assert_eq!(crate::key::Key::of(&read).to_string(), "shop/odd");
        assert!(read.read().is_none());
    }

    #[test]
    fn nothing_of_its_values_is_shown() {
        let object = json!({"metadata": {"name": "db"}, "data": {"password": "aHVudGVyMg=="}});
        let read: Lenient<k8s_openapi::api::core::v1::Secret> = serde_json::from_value(object).unwrap();
        let shown = format!("{read:?}");
        assert!(shown.contains("db") && !shown.contains("aHVudGVyMg"), "{shown}");
        assert!(read.read().unwrap().data.is_some());
    }
}
