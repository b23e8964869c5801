//! SecretStore and ClusterSecretStore, as external-secrets 2.9.0 lays out their `v1`.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::condition::Condition;

/// Where secrets are kept, and how to get there.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "SecretStore",
    plural = "secretstores",
    singular = "secretstore",
    shortname = "ss",
    category = "external-secrets",
    namespaced,
    status = "StoreStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A system that keeps secrets, for the ExternalSecrets of one namespace.",
    printcolumn = r#"{"name":"AGE","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Capabilities","type":"string","jsonPath":".status.capabilities"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#
)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretStoreSpec {
    /// The class of controllers that this store is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// The system: one member, which is named as its kind.
    #[schemars(schema_with = "crate::schema::provider")]
    pub provider: Map<String, Value>,
    /// How often a request is sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_settings: Option<providers::selector::RetrySettings>,
    /// How often the store is examined: seconds, or a duration as Go writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::int_or_string")]
    pub refresh_interval: Option<Value>,
    /// Which namespaces may use it, for a ClusterSecretStore; all, if nothing is said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<StoreCondition>,
}

/// The same for the ExternalSecrets of all namespaces.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "ClusterSecretStore",
    plural = "clustersecretstores",
    singular = "clustersecretstore",
    shortname = "css",
    category = "external-secrets",
    status = "StoreStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A system that keeps secrets, for the ExternalSecrets of all namespaces, or of some.",
    printcolumn = r#"{"name":"AGE","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Capabilities","type":"string","jsonPath":".status.capabilities"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#
)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct ClusterSecretStoreSpec(pub SecretStoreSpec);

/// Namespaces that may use a store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StoreCondition {
    /// Those with such labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::label_selector")]
    pub namespace_selector: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector>,
    /// Those with such names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Those whose names match such a regular expression.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespace_regexes: Vec<String>,
}

/// What the controller last saw.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StoreStatus {
    /// Generation that the status speaks of. Ours; upstream has no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// ReadOnly, WriteOnly or ReadWrite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<String>,
    /// State of the store, one entry a type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
