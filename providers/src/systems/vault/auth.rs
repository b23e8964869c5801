//! How a store signs in to Vault.
//!
//! *Source*: external-secrets `providers/v1/vault/auth*.go`, 2.9.0: of several methods the first one in their order counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use keys::SecretBytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::provider::Access;
use crate::selector::{SecretKeySelector, ServiceAccountSelector};

mod gcp;
mod iam;
mod methods;

/// Where a pod finds the token of its own service account.
const OWN_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// How long a token of a service account lives, in seconds: it is shown once.
const SHORT: u32 = 600;

/// How to sign in.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Auth {
    /// The namespace of Vault to sign in to; without, that of the secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    /// A token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_secret_ref: Option<SecretKeySelector>,
    /// The identity of an application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app_role: Option<methods::AppRole>,
    /// The token of a service account, which Vault shows to the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kubernetes: Option<methods::Kubernetes>,
    /// A person of a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ldap: Option<methods::Ldap>,
    /// A person that Vault knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_pass: Option<methods::UserPass>,
    /// A signed token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jwt: Option<methods::Jwt>,
    /// A certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cert: Option<methods::Cert>,
    /// An identity of AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iam: Option<iam::Iam>,
    /// An identity of Google Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gcp: Option<gcp::Gcp>,
}

/// One way to sign in, which is the one that counts.
#[derive(Clone, Copy)]
pub(super) enum Method<'a> {
    Token(&'a SecretKeySelector),
    AppRole(&'a methods::AppRole),
    Kubernetes(&'a methods::Kubernetes),
    Ldap(&'a methods::Ldap),
    UserPass(&'a methods::UserPass),
    Jwt(&'a methods::Jwt),
    Cert(&'a methods::Cert),
    Iam(&'a iam::Iam),
    Gcp(&'a gcp::Gcp),
}

/// What is sent to sign in.
pub(super) enum Offer {
    /// Nothing: there is a token.
    Token(SecretBytes),
    /// A body, to a path.
    Login {
        /// The method, and where it is mounted, as an error says it.
        method: &'static str,
        /// Path of the request.
        path: String,
        /// What it says.
        body: SecretBytes,
    },
}

impl Auth {
    /// Checks what can be checked without asking anybody.
    pub(super) fn check(&self) -> Result<()> {
        let missing = match self.method()? {
            Method::AppRole(role) if role.role_id.is_empty() && role.role_ref.is_none() => "appRole has neither roleId nor roleRef",
            Method::Jwt(jwt) if jwt.secret_ref.is_none() && jwt.kubernetes_service_account_token.is_none() => {
                "jwt has neither secretRef nor kubernetesServiceAccountToken"
            }
            Method::Iam(iam) => return iam.check(),
            Method::Gcp(gcp) => return gcp.check(),
            _ => return Ok(()),
        };
        Err(Error::invalid(format!("use the store: spec.provider.vault.auth.{missing}")))
    }

    /// Whether it depends on who asks: some reference has no namespace.
    pub(super) fn is_referent(&self) -> bool {
        self.method().is_ok_and(|method| method.namespaces().contains(&None))
    }

    /// The way that counts.
    pub(super) fn method(&self) -> Result<Method<'_>> {
        let found = [
            self.token_secret_ref.as_ref().map(Method::Token),
            self.app_role.as_ref().map(Method::AppRole),
            self.kubernetes.as_ref().map(Method::Kubernetes),
            self.ldap.as_ref().map(Method::Ldap),
            self.user_pass.as_ref().map(Method::UserPass),
            self.jwt.as_ref().map(Method::Jwt),
            self.cert.as_ref().map(Method::Cert),
            self.iam.as_ref().map(Method::Iam),
            self.gcp.as_ref().map(Method::Gcp),
        ];
        let missing = || Error::invalid("sign in to Vault: spec.provider.vault.auth names no method");
        found.into_iter().flatten().next().ok_or_else(missing)
    }
}

impl<'a> Method<'a> {
    /// Gathers what is sent to sign in.
    pub(super) async fn offer(self, world: &Arc<dyn Access>) -> Result<Offer> {
        let access = world.as_ref();
        match self {
            Self::Token(at) => {
                let token = access.secret(at).await?;
                // EXPOSE: the token is taken without the line end that an editor leaves.
                Ok(Offer::Token(SecretBytes::new(token.expose().trim_ascii().to_vec())))
            }
            Self::AppRole(role) => role.offer(access).await,
            Self::Kubernetes(account) => account.offer(access).await,
            Self::Ldap(person) => person.offer(access).await,
            Self::UserPass(person) => person.offer(access).await,
            Self::Jwt(jwt) => jwt.offer(access).await,
            Self::Cert(cert) => cert.offer(),
            Self::Iam(iam) => iam.offer(world).await,
            Self::Gcp(gcp) => gcp.offer(access).await,
        }
    }

    /// The namespaces of all references.
    fn namespaces(self) -> Vec<Option<&'a str>> {
        let secret = |at: &'a SecretKeySelector| at.namespace.as_deref();
        let account = |at: &'a ServiceAccountSelector| at.namespace.as_deref();
        match self {
            Self::Token(at) => vec![secret(at)],
            Self::AppRole(role) => {
                let role_ref = role.role_ref.as_ref().filter(|_| role.role_id.is_empty());
                role_ref.into_iter().chain([&role.secret_ref]).map(secret).collect()
            }
            Self::Kubernetes(kubernetes) => match (&kubernetes.service_account_ref, &kubernetes.secret_ref) {
                (Some(at), _) => vec![account(at)],
                (None, at) => at.iter().map(secret).collect(),
            },
            Self::Ldap(person) => vec![secret(&person.secret_ref)],
            Self::UserPass(person) => vec![secret(&person.secret_ref)],
            Self::Jwt(jwt) => match (&jwt.secret_ref, &jwt.kubernetes_service_account_token) {
                (Some(at), _) => vec![secret(at)],
                (None, token) => token.iter().map(|token| account(&token.service_account_ref)).collect(),
            },
            Self::Cert(cert) => vec![secret(&cert.client_cert), secret(&cert.secret_ref)],
            Self::Iam(iam) => iam.namespaces(),
            Self::Gcp(gcp) => gcp.reference().into_iter().map(secret).collect(),
        }
    }
}

/// The body of a request: texts by name.
fn body(fields: &[(&str, &SecretBytes)]) -> Result<SecretBytes> {
    let mut texts = BTreeMap::new();
    for (name, value) in fields {
        // EXPOSE: credentials are sent to the Vault that they are for.
        let text = std::str::from_utf8(value.expose()).map_err(|_| Error::denied(format!("sign in to Vault: the {name} is not text")))?;
        texts.insert(*name, text);
    }
    Ok(crate::json::object(texts))
}

/// A text that is no secret, as a field of a body.
fn plain(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}
