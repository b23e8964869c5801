//! What a store may use of the cluster: under the rights of its own namespace, whatever a selector says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use jiff::Timestamp;
use keys::{BoxFuture, SecretBytes};
use providers::provider::{Access, Scope};
use providers::selector::{CaProvider, CaProviderType, SecretKeySelector, ServiceAccountSelector};
use providers::{Error, Reach, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::settings::{Ambient, Settings};
use super::stores::StoreId;
use super::texts::Place;
use crate::api::{Api, Refusal};
use crate::key::Key;
use crate::secrets::Live;

/// What one store may use, for one consumer.
pub(crate) struct StoreAccess {
    api: Arc<Api>,
    settings: Arc<Settings>,
    store: StoreId,
    consumer: String,
    /// Secrets and ConfigMaps that were used.
    used: Mutex<BTreeSet<Place>>,
}

impl StoreAccess {
    pub(crate) fn new(api: Arc<Api>, settings: Arc<Settings>, store: StoreId, consumer: &str) -> Self {
        let consumer = consumer.to_owned();
        Self { api, settings, store, consumer, used: Mutex::default() }
    }

    /// Whether a Secret or a ConfigMap was used.
    pub(crate) fn uses(&self, place: &Place) -> bool {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).contains(place)
    }

    fn note(&self, place: Place) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(place);
    }

    /// The namespace that something is taken from: of a SecretStore always its own.
    fn namespace<'a>(&'a self, given: Option<&'a str>) -> &'a str {
        if !self.store.is_cluster() {
            return self.store.namespace();
        }
        given.filter(|given| !given.is_empty()).unwrap_or(&self.consumer)
    }

    async fn read(&self, what: &str, namespace: &str, kind: &str, name: &str) -> Result<SecretBytes> {
        check(what, namespace, name)?;
        let answer = self.api.send(Method::GET, &format!("/api/v1/namespaces/{namespace}/{kind}/{name}"), None).await;
        answer.map_err(|no| refused(what, &no))
    }

    async fn live(&self, what: &str, namespace: &str, name: &str) -> Result<Live> {
        self.note((true, Key::new(namespace, name)));
        let answer = self.read(what, namespace, "secrets", name).await?;
        Live::read_briefly(&answer).map_err(|_| Error::busy(format!("{what}: the API server sent something else")))
    }

    async fn key_of_secret(&self, at: &SecretKeySelector) -> Result<SecretBytes> {
        let (name, key) = (at.name.as_deref().unwrap_or_default(), at.key.as_deref().unwrap_or_default());
        let namespace = self.namespace(at.namespace.as_deref());
        let what = format!("read key {key:?} of Secret {namespace}/{name}");
        let secret = self.live(&what, namespace, name).await?;
        secret.data().get(key).map(SecretBytes::duplicate).ok_or_else(|| Error::denied(format!("{what}: it has no such key")))
    }

    async fn whole_secret(&self, at: &SecretKeySelector, label: (&str, &str)) -> Result<BTreeMap<String, SecretBytes>> {
        let name = at.name.as_deref().unwrap_or_default();
        let namespace = self.namespace(at.namespace.as_deref());
        let what = format!("read Secret {namespace}/{name}");
        let secret = self.live(&what, namespace, name).await?;
        let data = || secret.data().iter().map(|(key, value)| (key.clone(), value.duplicate())).collect();
        if secret.label(label.0) == Some(label.1) {
            Ok(data())
        } else {
            Err(Error::denied(format!("{what}: it has not the label {}={}, which allows it", label.0, label.1)))
        }
    }

    async fn certificates(&self, at: &CaProvider) -> Result<SecretBytes> {
        let key = at.key.as_deref().unwrap_or("ca.crt");
        match (self.store.is_cluster(), at.namespace.as_deref().filter(|namespace| !namespace.is_empty())) {
            (false, Some(_)) => return Err(Error::invalid("read caProvider: the namespace must not be given in a SecretStore")),
            (true, None) => return Err(Error::invalid("read caProvider: the namespace must be given in a ClusterSecretStore")),
            _ => {}
        }
        match at.type_ {
            CaProviderType::Secret => {
                let at = SecretKeySelector { name: Some(at.name.clone()), namespace: at.namespace.clone(), key: Some(key.to_owned()) };
                self.key_of_secret(&at).await
            }
            CaProviderType::ConfigMap => {
                let namespace = self.namespace(at.namespace.as_deref());
                let what = format!("read key {key:?} of ConfigMap {namespace}/{}", at.name);
                self.note((false, Key::new(namespace, &at.name)));
                let answer = self.read(&what, namespace, "configmaps", &at.name).await?;
                config_map_key(&what, &answer, key)
            }
        }
    }

    async fn account_token(&self, account: &ServiceAccountSelector, audiences: &[String], seconds: u32) -> Result<SecretBytes> {
        let namespace = self.namespace(account.namespace.as_deref());
        let what = format!("ask for a token of service account {namespace}/{}", account.name);
        check(&what, namespace, &account.name)?;
        let audiences: BTreeSet<&String> = audiences.iter().chain(&account.audiences).collect();
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": { "audiences": audiences, "expirationSeconds": seconds },
        });
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{}/token", account.name);
        let answer = self.api.send(Method::POST, &path, Some(&SecretBytes::new(body.to_string().into_bytes()))).await;
        let answer = answer.map_err(|no| refused(&what, &no))?;
        // EXPOSE: the token is taken out of the answer.
        let TokenAnswer { status } = serde_json::from_slice(answer.expose()).map_err(|_| Error::busy(format!("{what}: the answer is odd")))?;
        Ok(SecretBytes::new(status.token.into_bytes()))
    }

    async fn account_annotations(&self, account: &ServiceAccountSelector) -> Result<BTreeMap<String, String>> {
        let namespace = self.namespace(account.namespace.as_deref());
        let what = format!("read service account {namespace}/{}", account.name);
        let answer = self.read(&what, namespace, "serviceaccounts", &account.name).await?;
        // EXPOSE: a service account is no secret.
        let account: Value = serde_json::from_slice(answer.expose()).map_err(|_| Error::busy(format!("{what}: the answer is odd")))?;
        let annotations = account["metadata"]["annotations"].as_object().into_iter().flatten();
        Ok(annotations.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
    }

    /// Whether the store may be us.
    fn ambient(&self) -> Result<()> {
        let may = match self.settings.ambient {
            Ambient::All => true,
            Ambient::Cluster => self.store.is_cluster(),
            Ambient::None => false,
        };
        let message =
            "use the controller's own identity: --allow-ambient-credentials does not allow it to this store; give it credentials of its own";
        if may { Ok(()) } else { Err(Error::denied(message)) }
    }
}

/// Whether namespace and name can be those of an object.
fn check(what: &str, namespace: &str, name: &str) -> Result<()> {
    if namespace.is_empty() {
        return Err(Error::denied(format!("{what}: no namespace is named, and there is no consumer to take it from")));
    }
    if !engine::is_object_name(name) || !engine::is_object_name(namespace) {
        return Err(Error::invalid(format!("{what}: {name:?} is no name of an object")));
    }
    Ok(())
}

#[derive(Deserialize)]
struct TokenAnswer {
    status: TokenStatus,
}

#[derive(Deserialize)]
struct TokenStatus {
    token: String,
}

/// One key of a ConfigMap that was read.
///
/// # Errors
/// It has no such key.
pub(super) fn config_map_key(what: &str, answer: &SecretBytes, key: &str) -> Result<SecretBytes> {
    // EXPOSE: a ConfigMap is no secret.
    let map: Value = serde_json::from_slice(answer.expose()).map_err(|_| Error::busy(format!("{what}: the answer is odd")))?;
    if let Some(text) = map["data"][key].as_str() {
        return Ok(SecretBytes::new(text.as_bytes().to_vec()));
    }
    let binary = map["binaryData"][key].as_str().and_then(|text| SecretBytes::from_base64(text).ok());
    binary.ok_or_else(|| Error::denied(format!("{what}: it has no such key")))
}

/// What the API server says no with, in words of our own.
pub(super) fn refused(what: &str, no: &Refusal) -> Error {
    match no.status {
        404 => Error::denied(format!("{what}: there is none")),
        401 | 403 => Error::denied(format!("{what}: the controller has not the right")),
        _ if no.is_passing() => Error::busy(format!("{what}: the API server does not answer")),
        status => Error::invalid(format!("{what}: the API server answers {status}")),
    }
}

impl Access for StoreAccess {
    fn scope(&self) -> Scope {
        if self.store.is_cluster() { Scope::Cluster } else { Scope::Namespace }
    }

    fn who(&self) -> (&str, &str) {
        (self.store.name(), &self.consumer)
    }

    fn secret<'a>(&'a self, at: &'a SecretKeySelector) -> BoxFuture<'a, Result<SecretBytes>> {
        Box::pin(self.key_of_secret(at))
    }

    fn labelled_secret<'a>(&'a self, at: &'a SecretKeySelector, label: (&'a str, &'a str)) -> BoxFuture<'a, Result<BTreeMap<String, SecretBytes>>> {
        Box::pin(self.whole_secret(at, label))
    }

    fn authorities<'a>(&'a self, at: &'a CaProvider) -> BoxFuture<'a, Result<SecretBytes>> {
        Box::pin(self.certificates(at))
    }

    fn token<'a>(&'a self, account: &'a ServiceAccountSelector, audiences: &'a [String], seconds: u32) -> BoxFuture<'a, Result<SecretBytes>> {
        Box::pin(self.account_token(account, audiences, seconds))
    }

    fn annotations<'a>(&'a self, account: &'a ServiceAccountSelector) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
        Box::pin(self.account_annotations(account))
    }

    fn variable(&self, name: &str) -> Result<Option<SecretBytes>> {
        self.ambient()?;
        Ok(self.settings.variables.get(name).filter(|value| !value.is_empty()).map(SecretBytes::duplicate))
    }

    fn file(&self, path: &str) -> Result<Option<SecretBytes>> {
        self.ambient()?;
        match std::fs::read(Path::new(path)) {
            Ok(content) => Ok(Some(SecretBytes::new(content))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(_) => Err(Error::denied(format!("read {path}: it cannot be read"))),
        }
    }

    fn endpoint(&self, name: &str) -> Option<String> {
        self.settings.endpoint(name)
    }

    fn proxy(&self, name: &str) -> Option<SecretBytes> {
        self.settings.proxy(name)
    }

    fn reach(&self) -> Reach {
        self.settings.reach.clone()
    }

    fn render(&self, name: &str, template: &str, values: &Value, secrets: &BTreeMap<String, BTreeMap<String, SecretBytes>>) -> Result<SecretBytes> {
        let groups = engine::external::groups(values, secrets);
        engine::external::setting(name, template, &groups, self.now()).map_err(|error| Error::invalid(error.message()))
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
