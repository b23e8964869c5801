//! The ways to sign in whose proof is a secret that is sent.

use keys::SecretBytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OWN_TOKEN, Offer, SHORT, body, plain};
use crate::error::{Error, Result};
use crate::provider::Access;
use crate::selector::{SecretKeySelector, ServiceAccountSelector};

/// The identity of an application.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct AppRole {
    /// Where the method is mounted.
    #[serde(default = "approle")]
    path: String,
    /// The role.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) role_id: String,
    /// Where the role lies, if it does not stand here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role_ref: Option<SecretKeySelector>,
    /// Where its secret lies.
    pub(super) secret_ref: SecretKeySelector,
}

/// The token of a service account, which Vault shows to the cluster.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Kubernetes {
    /// Where the method is mounted.
    #[serde(default = "kubernetes")]
    mount_path: String,
    /// The service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) service_account_ref: Option<ServiceAccountSelector>,
    /// Where a token lies, if no service account is named; its key is `token` unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret_ref: Option<SecretKeySelector>,
    /// The role in Vault.
    role: String,
}

/// A person of a directory.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Ldap {
    /// Where the method is mounted.
    #[serde(default = "ldap")]
    path: String,
    /// The name.
    username: String,
    /// Where the password lies.
    #[serde(default)]
    pub(super) secret_ref: SecretKeySelector,
}

/// A person that Vault knows.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct UserPass {
    /// Where the method is mounted.
    #[serde(default = "userpass")]
    path: String,
    /// The name.
    username: String,
    /// Where the password lies.
    #[serde(default)]
    pub(super) secret_ref: SecretKeySelector,
}

/// A signed token.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Jwt {
    /// Where the method is mounted.
    #[serde(default = "jwt")]
    path: String,
    /// The role in Vault; without, the one that the method has as its default.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    role: String,
    /// Where the token lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret_ref: Option<SecretKeySelector>,
    /// The service account whose token it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kubernetes_service_account_token: Option<AccountToken>,
}

/// A token that the cluster makes.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct AccountToken {
    /// The service account.
    pub(super) service_account_ref: ServiceAccountSelector,
    /// Whom the token is for, besides those of the service account; `vault` if this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audiences: Option<Vec<String>>,
    /// How long it lives, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiration_seconds: Option<i64>,
}

/// A certificate.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Cert {
    /// Where the method is mounted.
    #[serde(default = "cert")]
    path: String,
    /// The role in Vault; without, the one that fits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    vault_role: String,
    /// Where the certificate lies.
    #[serde(default)]
    pub(in super::super) client_cert: SecretKeySelector,
    /// Where its key lies.
    #[serde(default)]
    pub(in super::super) secret_ref: SecretKeySelector,
}

macro_rules! mounts {
    ($($name:ident),*) => {
        $(fn $name() -> String {
            stringify!($name).to_owned()
        })*
    };
}
mounts!(approle, kubernetes, ldap, userpass, jwt, cert);

impl AppRole {
    pub(super) async fn offer(&self, access: &dyn Access) -> Result<Offer> {
        let role = match (self.role_id.trim(), &self.role_ref) {
            ("", Some(at)) => access.secret(at).await?,
            (role, _) => plain(role),
        };
        let secret = access.secret(&self.secret_ref).await?;
        login("appRole", &self.path, &[("role_id", &role), ("secret_id", &secret)])
    }
}

impl Kubernetes {
    pub(super) async fn offer(&self, access: &dyn Access) -> Result<Offer> {
        let token = match (&self.service_account_ref, &self.secret_ref) {
            (Some(account), _) => access.token(account, &account.audiences, SHORT).await?,
            (None, Some(at)) => {
                let key = at.key.clone().or_else(|| Some("token".to_owned()));
                access.secret(&SecretKeySelector { key, ..at.clone() }).await?
            }
            (None, None) => access
                .file(OWN_TOKEN)?
                .ok_or_else(|| Error::denied("sign in to Vault (kubernetes): this process has no service account, and the store names none"))?,
        };
        // EXPOSE: the token is taken without the line end that an editor leaves.
        let token = plain_token(token.expose());
        login("kubernetes", &self.mount_path, &[("jwt", &token), ("role", &plain(&self.role))])
    }
}

impl Ldap {
    pub(super) async fn offer(&self, access: &dyn Access) -> Result<Offer> {
        let password = access.secret(&self.secret_ref).await?;
        person("ldap", &self.path, &self.username, &password)
    }
}

impl UserPass {
    pub(super) async fn offer(&self, access: &dyn Access) -> Result<Offer> {
        let password = access.secret(&self.secret_ref).await?;
        person("userPass", &self.path, &self.username, &password)
    }
}

impl Jwt {
    pub(super) async fn offer(&self, access: &dyn Access) -> Result<Offer> {
        let token = match (&self.secret_ref, &self.kubernetes_service_account_token) {
            (Some(at), _) => access.secret(at).await?,
            (None, Some(token)) => {
                let mut audiences = token.service_account_ref.audiences.clone();
                audiences.extend(token.audiences.clone().unwrap_or_else(|| vec!["vault".to_owned()]));
                let seconds = token.expiration_seconds.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(SHORT);
                access.token(&token.service_account_ref, &audiences, seconds).await?
            }
            (None, None) => return Err(Error::invalid("sign in to Vault (jwt): it has neither secretRef nor kubernetesServiceAccountToken")),
        };
        // EXPOSE: the token is taken without the line end that an editor leaves.
        let token = plain_token(token.expose());
        login("jwt", &self.path, &[("jwt", &token), ("role", &plain(self.role.trim()))])
    }
}

impl Cert {
    pub(super) fn offer(&self) -> Result<Offer> {
        // The proof is the connection itself.
        let role = plain(&self.vault_role);
        let fields: &[_] = if self.vault_role.is_empty() { &[] } else { &[("name", &role)] };
        login("cert", &self.path, fields)
    }
}

fn plain_token(bytes: &[u8]) -> SecretBytes {
    SecretBytes::new(bytes.trim_ascii().to_vec())
}

pub(super) fn login(method: &'static str, mount: &str, fields: &[(&str, &SecretBytes)]) -> Result<Offer> {
    Ok(Offer::Login { method, path: format!("auth/{mount}/login"), body: body(fields)? })
}

fn person(method: &'static str, mount: &str, name: &str, password: &SecretBytes) -> Result<Offer> {
    let name = name.trim();
    if name.is_empty() || name.contains('/') {
        return Err(Error::invalid(format!("sign in to Vault ({method}): spec.provider.vault.auth has no username, or one with a slash")));
    }
    Ok(Offer::Login { method, path: format!("auth/{mount}/login/{name}"), body: body(&[("password", password)])? })
}
