//! SealedSecret, as upstream's `pkg/apis/sealedsecrets/v1alpha1/types.go` (0.38.4) lays it out; fields stand in the order that Go writes them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

/// What is sealed, and the Secret that it becomes.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "bitnami.com",
    version = "v1alpha1",
    kind = "SealedSecret",
    plural = "sealedsecrets",
    singular = "sealedsecret",
    namespaced,
    status = "SealedSecretStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A Secret whose values are encrypted with the public key of a cluster: safe to commit.",
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[0].message"}"#,
    printcolumn = r#"{"name":"Synced","type":"string","jsonPath":".status.conditions[0].status"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = require_sealed_items)]
pub struct SealedSecretSpec {
    /// What the Secret is made of besides the sealed items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<SecretTemplate>,

    /// Deprecated: one sealed blob of a whole Secret, in base64. Use encryptedData.
    #[serde(default, skip_serializing_if = "is_absent_or_empty")]
    #[schemars(extend("format" = "byte"))]
    pub data: Option<String>,

    /// Sealed items by key, each in base64.
    #[serde(default, deserialize_with = "strings_where_possible")]
    #[schemars(schema_with = "sealed_items")]
    pub encrypted_data: BTreeMap<String, String>,
}

/// Everything of the Secret that is not sealed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = drop_defaults)]
pub struct SecretTemplate {
    /// Metadata of the Secret; its name and namespace are those of the SealedSecret whatever stands here.
    #[serde(default, deserialize_with = "absent_if_null")]
    #[schemars(schema_with = "open_metadata")]
    pub metadata: Map<String, Value>,

    /// Type of the Secret.
    #[serde(default, rename = "type", skip_serializing_if = "is_absent_or_empty")]
    pub type_: Option<String>,

    /// Whether the data of the Secret can never be changed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,

    /// Items to render with the unsealed ones; null takes an unsealed item out of the Secret and leaves it to the templates.
    #[serde(default, skip_serializing_if = "has_no_items")]
    #[schemars(schema_with = "template_items")]
    pub data: Option<BTreeMap<String, Option<String>>>,
}

/// What the controller last saw.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecretStatus {
    /// Generation of the object that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// State of the object, one entry a type.
    #[serde(default, deserialize_with = "absent_if_null", skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("nullable" = true))]
    pub conditions: Vec<SealedSecretCondition>,

    /// The Secret that was last made, and what it was made of: what a controller that starts anew need not do again. Ours; upstream has no such field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produced: Option<ProducedSecret>,
}

/// Which Secret was made of what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProducedSecret {
    /// Digest of the object as far as it matters: of ciphertexts and templates, never of a plaintext.
    pub source_hash: String,

    /// UID of the Secret.
    pub uid: String,

    /// Version of the Secret after it was written, or last found to be as it should.
    pub resource_version: String,

    /// Fingerprint of the certificate whose key opened the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// One aspect of the state of a SealedSecret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecretCondition {
    /// Name of the aspect: Synced.
    #[serde(rename = "type")]
    pub type_: String,

    /// Whether it holds: True, False or Unknown.
    pub status: String,

    /// When this condition was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_update_time: Option<Time>,

    /// When its status last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,

    /// One word that says why.
    #[serde(default, skip_serializing_if = "is_absent_or_empty")]
    pub reason: Option<String>,

    /// What went wrong, for people; empty if nothing did.
    #[serde(default, skip_serializing_if = "is_absent_or_empty")]
    pub message: Option<String>,
}

/// Reads a map of strings; any other value becomes "", and anything but a map is an empty one.
///
/// One malformed object must not stop the reading of all others, and upstream's client does the same. An empty item fails when it is opened.
fn strings_where_possible<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let Value::Object(items) = Value::deserialize(deserializer)? else {
        return Ok(BTreeMap::new());
    };
    let text = |value| if let Value::String(text) = value { text } else { String::new() };
    Ok(items.into_iter().map(|(key, value)| (key, text(value))).collect())
}

/// Reads null as the absence of a value, as Go does.
fn absent_if_null<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn is_absent_or_empty(text: &Option<String>) -> bool {
    text.as_ref().is_none_or(String::is_empty)
}

fn has_no_items(items: &Option<BTreeMap<String, Option<String>>>) -> bool {
    items.as_ref().is_none_or(BTreeMap::is_empty)
}

/// Lets the server refuse an object without sealed items, as upstream's schema does, though a file may lack them.
fn require_sealed_items(schema: &mut Schema) {
    drop_defaults(schema);
    schema.insert("required".into(), json!(["encryptedData"]));
}

/// Keeps the server from writing into an object what its author left out.
fn drop_defaults(schema: &mut Schema) {
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    for field in fields.into_iter().flat_map(|fields| fields.values_mut()) {
        field.as_object_mut().map(|field| field.remove("default"));
    }
}

fn sealed_items(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string" },
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

fn template_items(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "nullable": true,
        "additionalProperties": { "type": "string", "nullable": true },
    })
}

fn open_metadata(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "nullable": true,
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": {
            "annotations": { "type": "object", "additionalProperties": { "type": "string" } },
            "finalizers": { "type": "array", "items": { "type": "string" } },
            "labels": { "type": "object", "additionalProperties": { "type": "string" } },
            "name": { "type": "string" },
            "namespace": { "type": "string" },
        },
    })
}

#[cfg(test)]
mod tests {
    use kube::CustomResourceExt;

    use super::*;

    fn read(spec: Value) -> SealedSecretSpec {
        serde_json::from_value(spec).unwrap()
    }

    #[track_caller]
    fn check(spec: Value, written: &str) {
        assert_eq!(serde_json::to_string(&read(spec)).unwrap(), written);
    }

    #[test]
    fn a_wrong_typed_item_becomes_empty_and_the_object_is_still_read() {
        let spec = read(json!({"encryptedData": {"a": "AgB", "b": 1, "c": null, "d": {"e": "f"}}}));
        assert_eq!(spec.encrypted_data.into_iter().map(|(key, text)| key + &text).collect::<Vec<_>>(), ["aAgB", "b", "c", "d"]);
    }

    #[test]
    fn items_that_are_no_map_are_none() {
        for items in [json!(null), json!([]), json!("AgB"), json!(7)] {
            assert!(read(json!({ "encryptedData": items })).encrypted_data.is_empty());
        }
    }

    #[test]
    fn fields_are_written_in_the_order_of_go_and_empty_ones_left_out() {
        check(
            json!({"encryptedData": {"b": "2", "a": "1"}, "data": "AA==", "template":
                {"data": {"k": "v"}, "immutable": false, "type": "Opaque", "metadata": {"z": 1, "a": 2}}}),
            r#"{"template":{"metadata":{"z":1,"a":2},"type":"Opaque","immutable":false,"data":{"k":"v"}},"data":"AA==","encryptedData":{"a":"1","b":"2"}}"#,
        );
        check(
            json!({"data": "", "template": {"type": "", "immutable": null, "data": {}, "metadata": null}}),
            r#"{"template":{"metadata":{}},"encryptedData":{}}"#,
        );
    }

    #[test]
    fn a_null_in_template_data_survives() {
        check(json!({"template": {"data": {"k": null}}}), r#"{"template":{"metadata":{},"data":{"k":null}},"encryptedData":{}}"#);
    }

    #[test]
    fn the_schema_writes_nothing_into_an_object() {
        let text = serde_json::to_string(&SealedSecret::crd()).unwrap();
        assert!(!text.contains(r#""default""#), "{text}");
    }
}
