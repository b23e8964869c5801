//! The identity of a service account of Google Cloud, shown to Vault as a token that its key signed.
//!
//! *Source*: the API documentation of Vault's method `gcp`, "IAM login"; RFC 7519.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use keys::SecretBytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Offer, plain};
use crate::error::{Error, Result};
use crate::provider::Access;
use crate::selector::SecretKeySelector;

/// How long the token is good for, in seconds: it is shown once, and a role of Vault may allow as little.
const SECONDS: i64 = 300;

const FIELD: &str = "spec.provider.vault.auth.gcp";

/// An identity of Google Cloud.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Gcp {
    /// Where the method is mounted.
    #[serde(default = "gcp")]
    path: String,
    /// The role in Vault.
    role: String,
    /// The key of a service account; without it nobody can sign in yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_ref: Option<SecretRef>,
}

/// The key of a service account.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct SecretRef {
    /// Where it lies, as Google hands it out: JSON.
    secret_access_key_secret_ref: SecretKeySelector,
}

/// The parts of a key that are used.
#[derive(Deserialize)]
struct Key {
    client_email: String,
    private_key_id: String,
    private_key: String,
}

fn gcp() -> String {
    "gcp".to_owned()
}

impl Gcp {
    /// The reference to the key.
    pub(super) fn reference(&self) -> Option<&SecretKeySelector> {
        self.secret_ref.as_ref().map(|secrets| &secrets.secret_access_key_secret_ref)
    }

    /// Checks what can be checked without asking anybody.
    pub(super) fn check(&self) -> Result<()> {
        let missing = || Error::invalid(format!("use the store: {FIELD} without secretRef (workloadIdentity, serviceAccountRef) is not supported"));
        self.reference().map(|_| ()).ok_or_else(missing)
    }

    pub(super) async fn offer(&self, access: &dyn Access) -> Result<Offer> {
        self.check()?;
        let at = self.reference().cloned().unwrap_or_default();
        let key = access.secret(&at).await?;
        let token = token(&key, &self.role, access.now())
            .ok_or_else(|| Error::denied("sign in to Vault (gcp): the secret is no key of a service account"))?;
        super::methods::login("gcp", &self.path, &[("role", &plain(&self.role)), ("jwt", &token)])
    }
}

/// A token for a role of Vault, signed by a key; `None` if that is none.
fn token(key: &SecretBytes, role: &str, now: Timestamp) -> Option<SecretBytes> {
    // EXPOSE: the key is taken apart.
    let Key { client_email, private_key_id, private_key } = serde_json::from_slice(key.expose()).ok()?;
    let pair = RsaKeyPair::from_pkcs8(pem::parse(private_key).ok()?.contents()).ok()?;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = json!({"alg": "RS256", "typ": "JWT", "kid": private_key_id});
    let since = now.as_second();
    let claims = json!({"sub": client_email, "aud": format!("vault/{role}"), "iat": since, "exp": since + SECONDS});
    let text = format!("{}.{}", part(&head), part(&claims));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
    Some(SecretBytes::new(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)).into_bytes()))
}
