//! The identity of somebody whom AWS knows, shown to Vault as a request to AWS that only they could have signed.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use jiff::Timestamp;
use keys::SecretBytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Offer, plain};
use crate::error::{Error, Result};
use crate::provider::Access;
use crate::selector::{SecretKeySelector, ServiceAccountSelector};

/// What AWS is asked.
const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

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

/// Keys of AWS.
struct Keys {
    id: SecretBytes,
    key: SecretBytes,
    session: Option<SecretBytes>,
}

fn aws() -> String {
    "aws".to_owned()
}

impl Iam {
    /// The references to keys.
    pub(super) fn references(&self) -> impl Iterator<Item = &SecretKeySelector> {
        self.secret_ref.iter().flat_map(|keys| [Some(&keys.id), Some(&keys.key), keys.session.as_ref()]).flatten()
    }

    /// Says what is asked for and cannot be done yet.
    pub(super) fn check(&self) -> Result<()> {
        let unsupported = [
            ("role", !self.role.is_empty()),
            ("externalID", !self.external_id.is_empty()),
            ("jwt", self.jwt.as_ref().is_some_and(|jwt| jwt.service_account_ref.is_some())),
        ];
        if let Some((field, _)) = unsupported.into_iter().find(|(_, is_set)| *is_set) {
            return Err(Error::invalid(format!("sign in to Vault (iam): spec.provider.vault.auth.iam.{field} is not supported")));
        }
        if self.secret_ref.is_none() {
            return Err(Error::invalid("sign in to Vault (iam): without spec.provider.vault.auth.iam.secretRef it is not supported"));
        }
        let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_name(&self.region) { Ok(()) } else { Err(Error::invalid("sign in to Vault (iam): spec.provider.vault.auth.iam.region is not one")) }
    }

    pub(super) async fn offer(&self, access: &dyn Access) -> Result<Offer> {
        self.check()?;
        let Some(keys) = &self.secret_ref else { return Err(wrong()) };
        let session = match &keys.session {
            Some(at) => Some(access.secret(at).await?),
            None => None,
        };
        let keys = Keys { id: access.secret(&keys.id).await?, key: access.secret(&keys.key).await?, session };
        let proof = self.proof(&keys, access.now())?;
        super::methods::login("iam", &self.path, &proof.each_ref().map(|(name, value)| (*name, value)))
    }

    /// A request for the name of whoever signed it, taken apart for Vault, which sends it.
    ///
    /// *Source*: hashicorp/go-secure-stdlib `awsutil`, `GenerateLoginData`.
    fn proof(&self, keys: &Keys, now: Timestamp) -> Result<[(&'static str, SecretBytes); 5]> {
        let region = if self.region.is_empty() { "us-east-1" } else { &self.region };
        let address = if region == "us-east-1" { "https://sts.amazonaws.com/".to_owned() } else { format!("https://sts.{region}.amazonaws.com/") };
        let kind = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
        let server = (!self.server_id.is_empty()).then_some(("X-Vault-AWS-IAM-Server-ID", self.server_id.as_str()));
        let given: Vec<(&str, &str)> = [kind].into_iter().chain(server).collect();
        // EXPOSE: the keys go to what signs with them, which wipes its copies.
        let text = |secret: &SecretBytes| std::str::from_utf8(secret.expose()).map(|text| text.trim().to_owned()).map_err(|_| wrong());
        let session = keys.session.as_ref().map(text).transpose()?;
        let identity = Credentials::new(text(&keys.id)?, text(&keys.key)?, session, None, "sealer").into();
        let params = SigningParams::builder().identity(&identity).region(region).name("sts").time(SystemTime::from(now));
        let params = params.settings(SigningSettings::default()).build().map_err(|_| wrong())?.into();
        let request = SignableRequest::new("POST", &address, given.iter().copied(), SignableBody::Bytes(BODY.as_bytes())).map_err(|_| wrong())?;
        let (instructions, _) = sign(request, &params).map_err(|_| wrong())?.into_parts();
        let made = instructions.headers().chain(given.iter().copied());
        let headers: BTreeMap<&str, [&str; 1]> = made.map(|(name, value)| (name, [value])).collect();
        let headers = SecretBytes::new(serde_json::to_vec(&headers).map_err(|_| wrong())?);
        Ok([
            ("role", plain(&self.vault_role)),
            ("iam_http_request_method", plain("POST")),
            ("iam_request_url", plain(&address).to_base64()),
            ("iam_request_body", plain(BODY).to_base64()),
            ("iam_request_headers", headers.to_base64()),
        ])
    }
}

fn wrong() -> Error {
    Error::denied("sign in to Vault (iam): the access key or its session token is not one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_supported_is_named() {
        for (more, expected) in [
            (r#""secretRef":{}"#, None),
            (r#""secretRef":{},"role":"arn:x""#, Some("role")),
            (r#""secretRef":{},"externalID":"x""#, Some("externalID")),
            (r#""jwt":{"serviceAccountRef":{"name":"x"}}"#, Some("jwt")),
            (r#""secretRef":{},"region":"x/../y""#, Some("region")),
            (r#""region":"eu-west-1""#, Some("secretRef")),
        ] {
            let iam: Iam = serde_json::from_str(&format!(r#"{{"vaultRole":"r",{more}}}"#)).unwrap();
            let error = iam.check().err().map(|error| error.to_string());
            assert_eq!(error.is_some(), expected.is_some(), "{more}");
            assert!(expected.is_none_or(|field| error.unwrap().contains(&format!("iam.{field} "))), "{more}");
        }
    }

    #[test]
    fn a_proof_is_signed_for_the_vault_that_it_is_for() {
        let iam: Iam = serde_json::from_str(r#"{"vaultRole":"r","region":"eu-west-1","vaultAwsIamServerID":"vault.example"}"#).unwrap();
        let keys = Keys { id: plain("AKIDEXAMPLE"), key: plain("wJalrXUtnFEMI"), session: Some(plain("session")) };
        let proof = iam.proof(&keys, "2026-01-02T03:04:05Z".parse().unwrap()).unwrap();
        let decoded = |name: &str| {
            let (_, value) = proof.iter().find(|(field, _)| *field == name).unwrap();
            let value = SecretBytes::from_base64(std::str::from_utf8(value.expose()).unwrap()).unwrap();
            String::from_utf8(value.expose().to_vec()).unwrap()
        };
        assert_eq!(decoded("iam_request_url"), "https://sts.eu-west-1.amazonaws.com/");
        let headers: BTreeMap<String, [String; 1]> = serde_json::from_str(&decoded("iam_request_headers")).unwrap();
        let header = |name: &str| headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, [value])| value.as_str());
        assert_eq!(header("x-amz-date"), Some("20260102T030405Z"));
        assert_eq!(header("x-amz-security-token"), Some("session"));
        let signed = header("authorization").unwrap();
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/sts/aws4_request, SignedHeaders=";
        let covered = "content-type;host;x-amz-date;x-amz-security-token;x-vault-aws-iam-server-id, Signature=";
        assert!(signed.starts_with(&format!("{scope}{covered}")), "{signed}");
        assert!(!headers.values().any(|[value]| value.contains("wJalrXUtnFEMI")));
    }
}
