//! The identity of somebody whom AWS knows, shown to Vault as a request to AWS that only they could have signed.

use std::collections::BTreeMap;
use std::sync::Arc;

use keys::SecretBytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::aws::identity::{BODY, Identity};
use super::super::super::aws::{self, Jwt, SecretRef};
use super::{Offer, plain};
use crate::error::{Error, Result};
use crate::provider::Access;

const FIELD: &str = "spec.provider.vault.auth.iam";

/// An identity of AWS: a service account, keys in Secrets, or whoever this process is.
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
    secret_ref: Option<SecretRef>,
    /// The service account that AWS takes for a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwt: Option<Jwt>,
}

fn aws() -> String {
    "aws".to_owned()
}

impl Iam {
    fn identity(&self) -> Identity<'_> {
        let auth = aws::Auth { jwt: self.jwt.clone(), secret_ref: self.secret_ref.clone() };
        Identity { auth, region: &self.region, role: &self.role, external_id: &self.external_id }
    }

    /// The namespaces of the references of the way that counts.
    pub(super) fn namespaces(&self) -> Vec<Option<&str>> {
        aws::namespaces(self.jwt.as_ref(), self.secret_ref.as_ref())
    }

    /// Checks what can be checked without asking anybody.
    pub(super) fn check(&self) -> Result<()> {
        self.identity().check(FIELD)
    }

    /// A request for the name of whoever signed it, taken apart for Vault, which sends it.
    ///
    /// *Source*: hashicorp/go-secure-stdlib `awsutil`, `GenerateLoginData`.
    pub(super) async fn offer(&self, access: &Arc<dyn Access>) -> Result<Offer> {
        let kind = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let server = (!self.server_id.is_empty()).then_some(("x-vault-aws-iam-server-id", self.server_id.as_str()));
        let given: Vec<(&str, &str)> = [kind].into_iter().chain(server).collect();
        let proof = self.identity().proof(access, FIELD, &given).await?;
        let mut headers: BTreeMap<&str, [&str; 1]> = given.into_iter().map(|(name, value)| (name, [value])).collect();
        for (name, value) in &proof.headers {
            // EXPOSE: the signature is sent to the Vault that it is for.
            headers.insert(name, [std::str::from_utf8(value.expose()).map_err(|_| wrong())?]);
        }
        let headers = SecretBytes::new(serde_json::to_vec(&headers).map_err(|_| wrong())?);
        let fields = [
            ("role", &plain(&self.vault_role)),
            ("iam_http_request_method", &plain("POST")),
            ("iam_request_url", &plain(&proof.address).to_base64()),
            ("iam_request_body", &plain(BODY).to_base64()),
            ("iam_request_headers", &headers.to_base64()),
        ];
        super::methods::login("iam", &self.path, &fields)
    }
}

fn wrong() -> Error {
    Error::denied("sign in to Vault (iam): the signature is no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_named() {
        let at = r#"{"name":"aws","key":"x"}"#;
        let keys = format!(r#""secretRef":{{"accessKeyIDSecretRef":{at},"secretAccessKeySecretRef":{at}}}"#);
        for (more, expected) in [
            (keys.as_str(), None),
            (&format!(r#"{keys},"role":"arn:x","externalID":"x""#), None),
            (r#""jwt":{"serviceAccountRef":{"name":"x"}}"#, None),
            (r#""region":"eu-west-1""#, None),
            (r#""jwt":{}"#, Some("jwt.serviceAccountRef has no name")),
            (r#""region":"x/../y""#, Some("region is not the name of a region")),
            (r#""secretRef":{}"#, Some("secretRef.accessKeyIDSecretRef needs a name and a key")),
        ] {
            let iam: Iam = serde_json::from_str(&format!(r#"{{"vaultRole":"r",{more}}}"#)).unwrap();
            let error = iam.check().err().map(|error| error.to_string());
            assert_eq!(error, expected.map(|what| format!("use the store: spec.provider.vault.auth.iam.{what}")), "{more}");
        }
    }
}
