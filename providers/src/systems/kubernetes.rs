//! Secrets of a Kubernetes cluster: of another one, or of another namespace of the same.
//!
//! *Source*: external-secrets `providers/v1/kubernetes`, 2.9.0.

use std::fmt;
use std::sync::Arc;

use keys::{BoxFuture, SecretBytes};
use schemars::JsonSchema;
use serde::Deserialize;

use super::System;
use crate::authorities;
use crate::error::{Error, Result};
use crate::http::Settings;
use crate::provider::{Access, Capabilities, KindOf, Scope, Store};
use crate::selector::{CaProvider, RetrySettings, SecretKeySelector, ServiceAccountSelector};

mod kubeconfig;
mod secrets;
mod session;
mod text;

use secrets::Secrets;
use session::{Account, Connection, Session, Who};

/// This system.
pub(super) const SYSTEM: System = System { name: "kubernetes", master_keys: &[], store: Some(&KindOf::<Kubernetes>::new("kubernetes")) };

/// Where a cluster is, and how to sign in.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Kubernetes {
    /// Where the API server is.
    #[serde(default)]
    server: Server,
    /// How to sign in there: one of its fields.
    #[serde(default)]
    auth: Option<Auth>,
    /// A kubeconfig, which says where the API server is and how to sign in, instead of both.
    #[serde(default)]
    auth_ref: Option<SecretKeySelector>,
    /// The namespace that Secrets are read in.
    #[serde(default = "default_namespace")]
    remote_namespace: String,
}

/// Where an API server is.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Server {
    /// Its address.
    url: String,
    /// Certificates of those who vouch for it: PEM in base64.
    ca_bundle: Option<String>,
    /// Where such certificates lie.
    ca_provider: Option<CaProvider>,
}

impl Default for Server {
    fn default() -> Self {
        Self { url: "kubernetes.default".to_owned(), ca_bundle: None, ca_provider: None }
    }
}

/// How to sign in.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Auth {
    /// With a certificate.
    #[serde(default)]
    cert: Option<Cert>,
    /// With a token.
    #[serde(default)]
    token: Option<Token>,
    /// As a service account of this cluster.
    #[serde(default)]
    service_account: Option<ServiceAccountSelector>,
}

/// A certificate that we show.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Cert {
    /// The certificate.
    client_cert: SecretKeySelector,
    /// Its private key.
    client_key: SecretKeySelector,
}

/// A token that we show.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Token {
    /// The token.
    bearer_token: SecretKeySelector,
}

fn default_namespace() -> String {
    "default".to_owned()
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address is left out: who wrote it may have put a password there.
        f.debug_struct("Kubernetes").field("remote_namespace", &self.remote_namespace).finish_non_exhaustive()
    }
}

const FIELD: &str = "spec.provider.kubernetes";

impl Store for Kubernetes {
    fn check(&self, scope: Scope) -> Result<()> {
        let wrong = |what: &str| Err(Error::invalid(format!("use the store: {FIELD}.{what}")));
        authorities::check(self.server.ca_provider.as_ref(), scope, &format!("{FIELD}.server.caProvider"))?;
        if !is_name(&self.remote_namespace, 63) {
            return wrong("remoteNamespace is no name of a namespace");
        }
        if let Some(kubeconfig) = &self.auth_ref {
            return named("authRef", kubeconfig);
        }
        if session::address(&self.server.url).is_none() {
            return wrong("server.url is no address of an API server, without a user or a query");
        }
        let Some(auth) = &self.auth else { return Ok(()) };
        match auth {
            Auth { cert: Some(cert), token: None, service_account: None } => {
                named("auth.cert.clientCert", &cert.client_cert)?;
                named("auth.cert.clientKey", &cert.client_key)
            }
            Auth { cert: None, token: Some(token), service_account: None } => named("auth.token.bearerToken", &token.bearer_token),
            Auth { cert: None, token: None, service_account: Some(account) } if account.name.is_empty() => {
                wrong("auth.serviceAccount names no service account")
            }
            Auth { cert: None, token: None, service_account: Some(_) } => Ok(()),
            _ => wrong("auth must have one of cert, token and serviceAccount"),
        }
    }

    fn connect<'a>(&'a self, access: Arc<dyn Access>, _: Option<&'a RetrySettings>) -> BoxFuture<'a, Result<Capabilities>> {
        Box::pin(async move {
            let is_consumers = access.scope() == Scope::Cluster && self.lacks_a_namespace();
            let session = if is_consumers && access.who().1.is_empty() {
                None
            } else {
                let settings = Settings::of_store(&*access)?;
                let connection = self.connection(&access).await?;
                Some(Session::new(connection, settings, access.endpoint("KUBERNETES_SERVICE_HOST").as_deref())?)
            };
            let secrets = Arc::new(Secrets::new(session, self.remote_namespace.clone(), is_consumers));
            Ok(Capabilities { source: Some(Arc::<Secrets>::clone(&secrets)), catalog: Some(secrets) })
        })
    }
}

impl Kubernetes {
    /// Whether a credential is one of the consumer's namespace, so that nobody can say beforehand whether it is welcome.
    fn lacks_a_namespace(&self) -> bool {
        let given = |at: &SecretKeySelector| at.namespace.is_some();
        if let Some(kubeconfig) = &self.auth_ref {
            return !given(kubeconfig);
        }
        let Some(auth) = &self.auth else { return false };
        auth.cert.as_ref().is_some_and(|cert| !given(&cert.client_cert) || !given(&cert.client_key))
            || auth.token.as_ref().is_some_and(|token| !given(&token.bearer_token))
            || auth.service_account.as_ref().is_some_and(|account| account.namespace.is_none())
    }

    async fn connection(&self, access: &Arc<dyn Access>) -> Result<Connection> {
        if let Some(at) = &self.auth_ref {
            return kubeconfig::read(&access.secret(at).await?);
        }
        let Server { url, ca_bundle, ca_provider } = &self.server;
        let authorities = authorities::read(ca_bundle.as_deref(), ca_provider.as_ref(), &**access, &format!("{FIELD}.server")).await?;
        let mut connection = Connection { server: url.clone(), authorities, identity: None, dangerous_trust: false, who: Who::Nobody };
        let Some(auth) = &self.auth else { return Ok(connection) };
        if let Some(token) = &auth.token {
            connection.who = Who::bearer(&access.secret(&token.bearer_token).await?)?;
        } else if let Some(account) = &auth.service_account {
            connection.who = Who::Account(Account::new(Arc::clone(access), account.clone()));
        } else if let Some(cert) = &auth.cert {
            let (certificate, key) = (access.secret(&cert.client_cert).await?, access.secret(&cert.client_key).await?);
            connection.identity = Some(identity(&certificate, &key));
        }
        Ok(connection)
    }
}

/// A certificate and its key, as one.
fn identity(certificate: &SecretBytes, key: &SecretBytes) -> SecretBytes {
    // EXPOSE: a certificate and its key are handed over together.
    SecretBytes::new([certificate.expose(), b"\n", key.expose()].concat())
}

fn named(field: &str, at: &SecretKeySelector) -> Result<()> {
    let is_given = |part: &Option<String>| part.as_ref().is_some_and(|part| !part.is_empty());
    if is_given(&at.name) && is_given(&at.key) {
        return Ok(());
    }
    Err(Error::invalid(format!("use the store: {FIELD}.{field} does not say which key of which Secret")))
}

/// Whether a text can be the name of an object, or of a namespace: it becomes a part of a path.
fn is_name(text: &str, longest: usize) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=longest).contains(&text.len())
        && text.bytes().all(|byte| is_inner(byte) || matches!(byte, b'-' | b'.'))
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['-', '.'])
}

#[cfg(test)]
mod tests;
