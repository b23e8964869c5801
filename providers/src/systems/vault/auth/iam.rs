//! The identity of somebody whom AWS knows, shown to Vault as a request to AWS that only they could have signed.

use keys::SecretBytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Offer;
use crate::error::{Error, Result};
use crate::provider::Access;
use crate::selector::{SecretKeySelector, ServiceAccountSelector};

/// An identity of AWS.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Iam {
    /// Where the method is mounted.
    #[serde(default = "aws")]
    path: String,
    /// The region whose service is asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    region: String,
    /// The role of AWS to take first.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    role: String,
    /// The role in Vault.
    vault_role: String,
    /// What the owner of the role wants to hear.
    #[serde(default, rename = "externalID", skip_serializing_if = "String::is_empty")]
    external_id: String,
    /// Which Vault the proof is for.
    #[serde(default, rename = "vaultAwsIamServerID", skip_serializing_if = "String::is_empty")]
    server_id: String,
    /// Where keys of AWS lie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_ref: Option<AccessKeys>,
    /// The service account that AWS takes for a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwt: Option<Account>,
}

/// Where keys of AWS lie.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
struct AccessKeys {
    /// The name of the key.
    #[serde(default, rename = "accessKeyIDSecretRef")]
    id: SecretKeySelector,
    /// The key.
    #[serde(default, rename = "secretAccessKeySecretRef")]
    key: SecretKeySelector,
    /// The session that they are of.
    #[serde(default, rename = "sessionTokenSecretRef", skip_serializing_if = "Option::is_none")]
    session: Option<SecretKeySelector>,
}

/// A service account.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    /// Which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service_account_ref: Option<ServiceAccountSelector>,
}

fn aws() -> String {
    "aws".to_owned()
}

impl Iam {
    /// The references to keys.
    pub(super) fn references(&self) -> impl Iterator<Item = &SecretKeySelector> {
        self.secret_ref.iter().flat_map(|keys| [Some(&keys.id), Some(&keys.key), keys.session.as_ref()]).flatten()
    }

    pub(super) async fn offer(&self, access: &dyn Access) -> Result<Offer> {
        let _: (&dyn Access, &str, &str, &str, &str) = (access, &self.region, &self.role, &self.external_id, &self.server_id);
        let _ = SecretBytes::new(Vec::new());
        Err(Error::invalid("sign in to Vault (iam): it is not supported yet"))
    }
}
