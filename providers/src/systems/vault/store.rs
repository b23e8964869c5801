//! The settings of a store of secrets that is a Vault.
//!
//! *Source*: external-secrets `apis/externalsecrets/v1`, `VaultProvider`, 2.9.0.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use keys::{BoxFuture, SecretBytes};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::auth::{Auth, Method};
use super::kv::Kv;
use super::paths::{Engine, Version};
use super::session::{Held, Session};
use super::url;
use crate::authorities;
use crate::error::{Error, Result};
use crate::http::{self, Client, Header};
use crate::provider::{Access, Capabilities, Scope, Store};
use crate::retries;
use crate::selector::{CaProvider, RetrySettings, SecretKeySelector};

/// The longest answer that is read, in bytes: a list of many names is longer than any secret.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// Where these settings stand.
const FIELD: &str = "spec.provider.vault";

/// A Vault, or an OpenBao.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    /// How to sign in; without, nobody does, for example because an agent of Vault does it.
    #[serde(default)]
    auth: Option<Auth>,
    /// Where it is, such as `https://vault.example.com:8200`.
    server: String,
    /// Where the secrets engine is mounted; without, each key begins with that.
    #[serde(default)]
    path: Option<String>,
    /// Version of the secrets engine.
    #[serde(default)]
    version: Version,
    /// The namespace of Vault.
    #[serde(default)]
    namespace: Option<String>,
    /// Certificates of the authorities that vouch for it: PEM, or base64 of that.
    #[serde(default)]
    ca_bundle: Option<String>,
    /// Where such certificates lie.
    #[serde(default)]
    ca_provider: Option<CaProvider>,
    /// The certificate that we show when we connect.
    #[serde(default)]
    tls: Tls,
    /// Whether servers that do not know yet what was written, such as our sign-in, must not answer.
    #[serde(default)]
    read_your_writes: bool,
    /// Whether a server that does not know yet what was written shall ask the one that does.
    #[serde(default)]
    forward_inconsistent: bool,
    /// Headers of all requests.
    #[serde(default)]
    headers: BTreeMap<String, HeaderSetting>,
    /// How secrets are written.
    #[serde(default)]
    check_and_set: Option<CheckAndSet>,
}

/// The certificate that we show when we connect.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Tls {
    /// Where it lies; its key is `tls.crt` unless it is given.
    cert_secret_ref: Option<SecretKeySelector>,
    /// Where its private key lies; its key is `tls.key` unless it is given.
    key_secret_ref: Option<SecretKeySelector>,
}

/// How secrets are written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct CheckAndSet {
    /// Whether what is overwritten must be what was read.
    required: bool,
}

/// The value of a header, or where it lies.
#[derive(Deserialize)]
#[serde(untagged)]
enum HeaderSetting {
    Text(String),
    #[serde(rename_all = "camelCase")]
    Told {
        #[serde(default)]
        value: Option<String>,
        #[serde(default)]
        secret_key_ref: Option<SecretKeySelector>,
    },
}

impl JsonSchema for HeaderSetting {
    fn schema_name() -> Cow<'static, str> {
        "HeaderSetting".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // A text in some releases of external-secrets, an object in others, which no structural schema can say.
        schemars::json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
    }
}

/// Without the address and the headers, which may hold credentials.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Settings");
        shown.field("auth", &self.auth).field("path", &self.path).field("version", &self.version).field("namespace", &self.namespace);
        shown.finish_non_exhaustive()
    }
}

impl Store for Settings {
    fn check(&self, scope: Scope) -> Result<()> {
        let wrong = |what: &str| Err(Error::invalid(format!("use the store: {FIELD}.{what}")));
        if url(&self.server, &[]).is_none() {
            return wrong("server is no address of http or https, or one with a name, a password or a query in it");
        }
        if self.tls.cert_secret_ref.is_some() != self.tls.key_secret_ref.is_some() {
            return wrong("tls needs both certSecretRef and keySecretRef");
        }
        if self.check_and_set.as_ref().is_some_and(|check| check.required) && self.version == Version::V1 {
            return wrong("checkAndSet cannot be required of version v1");
        }
        authorities::check(self.ca_provider.as_ref(), scope, &format!("{FIELD}.caProvider"))?;
        self.auth.as_ref().map_or(Ok(()), Auth::check)
    }

    fn connect<'a>(&'a self, access: Arc<dyn Access>, retries: Option<&'a RetrySettings>) -> BoxFuture<'a, Result<Capabilities>> {
        Box::pin(async move {
            self.check(access.scope())?;
            let session = Session {
                client: Client::new(&self.client(&*access, retries).await?)?,
                server: self.server.clone(),
                headers: self.headers(&*access).await?,
                reads_own_writes: self.read_your_writes,
                namespace: namespace(self.namespace.as_deref())?,
                auth_namespace: namespace(self.auth.as_ref().and_then(|auth| auth.namespace.as_deref()).or(self.namespace.as_deref()))?,
                auth: self.auth.clone(),
                held: Mutex::new(Held::Nothing),
                access,
            };
            let kv = Arc::new(Kv { session: Arc::new(session), engine: Engine::new(self.path.as_deref(), self.version) });
            Ok(Capabilities { source: Some(Arc::<Kv>::clone(&kv)), catalog: Some(kv) })
        })
    }
}

impl Settings {
    async fn client(&self, access: &dyn Access, retries: Option<&RetrySettings>) -> Result<http::Settings> {
        let settings = http::Settings {
            authorities: authorities::read(self.ca_bundle.as_deref(), self.ca_provider.as_ref(), access, FIELD).await?,
            identity: self.identity(access).await?,
            longest_answer: LONGEST_ANSWER,
            // Whoever asks has a queue, and obeys what Vault says of pauses.
            retries: 0,
            // A server that does not know yet what another one was told.
            is_busy: |answer| answer.status == 412,
            ..http::Settings::of_store(access)?
        };
        retries::honoured(retries, 0, settings)
    }

    /// The certificate and key that we show: those of the sign-in, if it is by them.
    async fn identity(&self, access: &dyn Access) -> Result<Option<SecretBytes>> {
        let with_key = |at: &SecretKeySelector, key: &str| {
            let key = at.key.clone().filter(|key| !key.is_empty()).unwrap_or_else(|| key.to_owned());
            SecretKeySelector { key: Some(key), ..at.clone() }
        };
        let (certificate, key) = match (self.auth.as_ref().map(Auth::method).transpose()?, &self.tls.cert_secret_ref, &self.tls.key_secret_ref) {
            (Some(Method::Cert(cert)), ..) => (cert.client_cert.clone(), cert.secret_ref.clone()),
            (_, Some(certificate), Some(key)) => (with_key(certificate, "tls.crt"), with_key(key, "tls.key")),
            _ => return Ok(None),
        };
        let (certificate, key) = (access.secret(&certificate).await?, access.secret(&key).await?);
        // EXPOSE: a certificate and its key are handed over together.
        Ok(Some(SecretBytes::new([certificate.expose(), b"\n", key.expose()].concat())))
    }

    async fn headers(&self, access: &dyn Access) -> Result<Vec<Header>> {
        let plain = |text: &str| SecretBytes::new(text.as_bytes().to_vec());
        let mut headers = Vec::new();
        // What the settings say in their own fields counts more.
        let is_ours = |name: &str| {
            (self.auth.is_some() && name.eq_ignore_ascii_case("X-Vault-Token"))
                || (self.namespace.is_some() && name.eq_ignore_ascii_case("X-Vault-Namespace"))
        };
        for (name, setting) in self.headers.iter().filter(|(name, _)| !is_ours(name)) {
            let value = match setting {
                HeaderSetting::Text(text) | HeaderSetting::Told { value: Some(text), secret_key_ref: None } => plain(text),
                HeaderSetting::Told { value: None, secret_key_ref: Some(at) } => access.secret(at).await?,
                HeaderSetting::Told { .. } => {
                    return Err(Error::invalid(format!("use the store: {FIELD}.headers[{name}] needs either value or secretKeyRef")));
                }
            };
            headers.push(Header::new(name, &value)?);
        }
        if self.read_your_writes && self.forward_inconsistent {
            headers.push(Header::new("X-Vault-Inconsistent", &plain("forward-active-node"))?);
        }
        headers.push(Header::new("X-Vault-Request", &plain("true"))?);
        Ok(headers)
    }
}

fn namespace(name: Option<&str>) -> Result<Option<Header>> {
    let header = |name: &str| Header::new("X-Vault-Namespace", &SecretBytes::new(name.as_bytes().to_vec()));
    Ok(name.filter(|name| !name.is_empty()).map(header).transpose()?)
}
