//! Objects as strangers wrote them: one that is odd must not keep all others from being read.
//!
//! A list is read as a whole, so one object that fails to parse fails them all. The server accepts times that our type does not (the end of the year
//! 9999), in `managedFields` and in the status, where every tenant can put them.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

/// An object, or what is left of one that can not be read: its name.
#[derive(Clone, Debug)]
pub(crate) struct Lenient<T> {
    metadata: ObjectMeta,
    object: Option<T>,
}

impl<T> Lenient<T> {
    /// The object; None if it can not be read.
    pub(crate) fn read(self) -> Option<T> {
        self.object
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::Object(Fields { of: Part::Object }.deserialize(deserializer)?);
        drop_odd_times(&mut value["metadata"], &["creationTimestamp", "deletionTimestamp"]);
        for condition in value.pointer_mut("/status/conditions").and_then(Value::as_array_mut).into_iter().flatten() {
            drop_odd_times(condition, &["lastTransitionTime", "lastUpdateTime"]);
        }
        let text = |field: &str| value["metadata"][field].as_str().map(str::to_owned);
        let metadata = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        Ok(Self { metadata, object: serde_json::from_value(value).ok() })
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
}
