//! ExternalSecret, as external-secrets 2.9.0 lays out its `v1`.
//!
//! What the object says of itself is read leniently: a value that is not one of an enumeration is an error of that object alone, told when it is used.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a Secret is made of, and how.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "ExternalSecret",
    plural = "externalsecrets",
    singular = "externalsecret",
    shortname = "es",
    category = "external-secrets",
    namespaced,
    status = "ExternalSecretStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A Secret whose values are kept in a system outside of the cluster.",
    printcolumn = r#"{"name":"StoreType","type":"string","jsonPath":".spec.secretStoreRef.kind"}"#,
    printcolumn = r#"{"name":"Store","type":"string","jsonPath":".spec.secretStoreRef.name"}"#,
    printcolumn = r#"{"name":"Refresh Interval","type":"string","jsonPath":".spec.refreshInterval"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Last Sync","type":"date","jsonPath":".status.refreshTime"}"#,
    selectable = ".spec.secretStoreRef.name",
    selectable = ".spec.secretStoreRef.kind",
    selectable = ".spec.target.name",
    selectable = ".spec.refreshInterval"
)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalSecretSpec {
    /// The store of entries that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_store_ref: Option<StoreRef>,
    /// The Secret that is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// When the values are read again: CreatedOnce, Periodic or OnChange.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::refresh_policy")]
    pub refresh_policy: Option<String>,
    /// How long values count as fresh, as Go writes durations; zero reads them once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_interval: Option<String>,
    /// When values may be read again by the clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_windows: Option<SyncWindows>,
    /// One key of the Secret each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataEntry>,
    /// Many keys of the Secret each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_from: Vec<DataFromEntry>,
}

/// A store by its name.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(default)]
pub struct StoreRef {
    /// Its name.
    #[schemars(schema_with = "crate::schema::object_name")]
    pub name: String,
    /// SecretStore, which counts if nothing is said, or ClusterSecretStore.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::store_kind")]
    pub kind: Option<String>,
}

/// When values may be read again by the clock, in UTC.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct SyncWindows {
    /// Whether the windows allow or deny.
    #[schemars(schema_with = "crate::schema::window_kind")]
    pub kind: String,
    /// The windows.
    #[schemars(length(min = 1))]
    pub windows: Vec<SyncWindow>,
}

/// A stretch of time that comes again and again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct SyncWindow {
    /// When it begins, as cron has it.
    pub schedule: String,
    /// How long it lasts.
    pub duration: String,
}

/// The Secret that is made.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Target {
    /// Its name; that of the ExternalSecret, if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::object_name")]
    pub name: Option<String>,
    /// Owner, Orphan, Merge, None or CreateOrMerge.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::creation_policy")]
    pub creation_policy: Option<String>,
    /// Delete, Merge or Retain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::deletion_policy")]
    pub deletion_policy: Option<String>,
    /// Whether the data of the Secret can never be changed again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,
    /// Another kind of object than a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestTarget>,
    /// What the Secret is made of besides the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
}

/// Another kind of object than a Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManifestTarget {
    /// Its group and version.
    #[schemars(length(min = 1))]
    pub api_version: String,
    /// Its kind.
    #[schemars(length(min = 1))]
    pub kind: String,
}

/// What a Secret is made of besides the values.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Template {
    /// Type of the Secret.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// The language of templates: v2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::engine_version")]
    pub engine_version: Option<String>,
    /// Labels and annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// Whether rendered keys replace the values (Replace), or stand beside them (Merge).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::merge_policy")]
    pub merge_policy: Option<String>,
    /// Templates by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, String>,
    /// Templates that stand elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub template_from: Vec<TemplateFrom>,
}

/// Metadata of the Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct TemplateMetadata {
    /// Templates of annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Templates of labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Finalizers, which are added and never taken away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
}

/// Templates that stand elsewhere.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateFrom {
    /// In a ConfigMap of the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map: Option<TemplateRef>,
    /// In a Secret of the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<TemplateRef>,
    /// Here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub literal: Option<String>,
    /// What is made of them: Data, Annotations, Labels, or a path in another kind of object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How rendered values are decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::decoding_strategy")]
    pub values_decoding_strategy: Option<String>,
}

/// Templates in a ConfigMap or a Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct TemplateRef {
    /// Its name.
    #[schemars(schema_with = "crate::schema::object_name")]
    pub name: String,
    /// Which of its keys.
    pub items: Vec<TemplateItem>,
}

/// A template in a ConfigMap or a Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateItem {
    /// The key.
    #[schemars(schema_with = "crate::schema::secret_key")]
    pub key: String,
    /// Whether the value alone is a template (Values), or the text gives keys and values (KeysAndValues).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::template_scope")]
    pub template_as: Option<String>,
}

/// One key of the Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataEntry {
    /// The key.
    #[schemars(schema_with = "crate::schema::secret_key")]
    pub secret_key: String,
    /// The secret whose value it gets.
    pub remote_ref: RemoteRef,
    /// Another store than that of the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// A secret in a store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RemoteRef {
    /// Its name.
    pub key: String,
    /// A part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// A version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether its tags are read instead of its value: None or Fetch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::metadata_policy")]
    pub metadata_policy: Option<String>,
    /// What becomes of characters that no key may have: Default or Unicode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::conversion_strategy")]
    pub conversion_strategy: Option<String>,
    /// How values are decoded: Auto, Base64, Base64URL or None.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::decoding_strategy")]
    pub decoding_strategy: Option<String>,
    /// Whether a value may hold a null byte: Ignore or Fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::null_byte_policy")]
    pub null_byte_policy: Option<String>,
}

/// Many keys of the Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataFromEntry {
    /// All keys of one secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extract: Option<RemoteRef>,
    /// All secrets that are found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub find: Option<Find>,
    /// What is done with the keys, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rewrite: Vec<Rewrite>,
    /// Another store than that of the whole, or a generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// Which secrets are looked for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Find {
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What they are called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<FindName>,
    /// Tags that they have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What becomes of characters that no key may have: Default or Unicode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::conversion_strategy")]
    pub conversion_strategy: Option<String>,
    /// How values are decoded: Auto, Base64, Base64URL or None.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::decoding_strategy")]
    pub decoding_strategy: Option<String>,
    /// Whether a value may hold a null byte: Ignore or Fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::null_byte_policy")]
    pub null_byte_policy: Option<String>,
}

/// What secrets are called.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct FindName {
    /// A regular expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regexp: Option<String>,
}

/// What is done with keys.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Rewrite {
    /// Each value is an object, whose members become keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<RewriteMerge>,
    /// What matches is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regexp: Option<RewriteRegexp>,
    /// A template gives the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transform: Option<RewriteTransform>,
}

/// How objects become one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RewriteMerge {
    /// The key of the result, for the strategy JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// Which objects win, the last one most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub priority: Vec<String>,
    /// Whether a missing object of that list is an error: IgnoreNotFound or Strict.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::priority_policy")]
    pub priority_policy: Option<String>,
    /// Whether two objects may have the same member: Ignore or Error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::conflict_policy")]
    pub conflict_policy: Option<String>,
    /// What becomes of the result: Extract or JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::merge_strategy")]
    pub strategy: Option<String>,
}

/// What matches is replaced.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct RewriteRegexp {
    /// A regular expression.
    pub source: String,
    /// What stands in its place.
    pub target: String,
}

/// A template gives the key.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct RewriteTransform {
    /// The template, over `.value`.
    pub template: String,
}

/// Where values come from, if not from the store of the whole.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceRef {
    /// Another store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_ref: Option<StoreRef>,
    /// A generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_ref: Option<GeneratorRef>,
}

/// A generator by its name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GeneratorRef {
    /// Its group and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// What the controller last saw.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalSecretStatus {
    /// Generation that the status speaks of: without it kstatus takes an edit for done before anybody looked at it. Ours; upstream has no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the values were last read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_time: Option<Time>,
    /// Which version of the object they were read for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synced_resource_version: Option<String>,
    /// State of the object, one entry a type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<crate::condition::Condition>,
    /// The Secret, for service bindings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// The Secret that was last made: what a controller that starts anew need not read again. Ours; upstream has no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub produced: Option<Produced>,
}

/// A Secret by its name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Binding {
    /// Its name.
    pub name: String,
}

/// Which version of a Secret was last made, or found to be as it should.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Produced {
    /// UID of the Secret.
    pub uid: String,
    /// Its version.
    pub resource_version: String,
    /// Stands for the stores that were read, as they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stores: Option<String>,
    /// Stand for the ConfigMaps and Secrets whose templates were used, as they were; by kind and name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<String, String>,
    /// What it is, if it is no Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectName>,
}

/// An object of any kind, by its name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectName {
    /// Its group and version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl ExternalSecret {
    /// The name of the Secret that it becomes.
    #[must_use]
    pub fn target_name(&self) -> &str {
        let named = self.spec.target.as_ref().and_then(|target| target.name.as_deref()).filter(|name| !name.is_empty());
        named.unwrap_or_else(|| self.metadata.name.as_deref().unwrap_or_default())
    }

    /// Every store that it names, once.
    #[must_use]
    pub fn stores(&self) -> Vec<StoreRef> {
        let sources =
            self.spec.data.iter().map(|entry| entry.source_ref.as_ref()).chain(self.spec.data_from.iter().map(|entry| entry.source_ref.as_ref()));
        let others = sources.flatten().filter_map(|source| source.store_ref.clone());
        let mut stores: Vec<StoreRef> = self.spec.secret_store_ref.iter().cloned().chain(others).filter(|store| !store.name.is_empty()).collect();
        stores.sort();
        stores.dedup();
        stores
    }
}

impl StoreRef {
    /// Whether a ClusterSecretStore is meant.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        self.kind.as_deref() == Some("ClusterSecretStore")
    }
}
