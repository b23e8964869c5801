//! Where credentials lie, as the settings of stores say it.
//!
//! *Source*: external-secrets `apis/meta/v1`, 2.9.0.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One key of a Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretKeySelector {
    /// Name of the Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its namespace: of a ClusterSecretStore only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A service account.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceAccountSelector {
    /// Its name.
    pub name: String,
    /// Its namespace: of a ClusterSecretStore only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Whom its token is for, besides those that the system asks for by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
}

/// Where certificates of authorities lie.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaProvider {
    /// What holds them.
    #[serde(rename = "type")]
    pub type_: CaProviderType,
    /// Its name.
    pub name: String,
    /// The key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its namespace: must be given in a ClusterSecretStore, and must not in a SecretStore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// What holds certificates.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub enum CaProviderType {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

/// How often a request is sent again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetrySettings {
    /// How often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<i32>,
    /// The pause between two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<String>,
}
