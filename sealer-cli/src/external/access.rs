//! What a store may use at the terminal: the files that were given, and what the person who runs us may use anyway.

use std::collections::BTreeMap;
use std::future::ready;
use std::path::Path;
use std::sync::Arc;

use engine::external::{Groups, groups, setting};
use jiff::Timestamp;
use keys::{BoxFuture, Credentials, SecretBytes};
use providers::provider::{Access, Scope};
use providers::selector::{CaProvider, CaProviderType, SecretKeySelector, ServiceAccountSelector};
use providers::{Error, Reach, Result};
use serde_json::Value;

use super::objects::{Objects, Values};
use super::stores::StoreId;
use crate::credentials::Surroundings;

/// What one store may use, for one namespace.
pub(super) struct TerminalAccess {
    pub(super) objects: Arc<Objects>,
    pub(super) store: StoreId,
    /// The namespace of whoever is served.
    pub(super) consumer: String,
    pub(super) surroundings: Surroundings,
    pub(super) now: Timestamp,
}

impl TerminalAccess {
    /// The namespace that something is taken from: of a SecretStore always its own.
    fn namespace<'a>(&'a self, given: Option<&'a str>) -> &'a str {
        if self.store.cluster { given.filter(|given| !given.is_empty()).unwrap_or(&self.consumer) } else { &self.store.namespace }
    }

    fn values(&self, what: &str, secret: bool, namespace: &str, name: &str) -> Result<&Values> {
        self.objects.values(secret, namespace, name).ok_or_else(|| Error::denied(format!("{what}: the files that were given do not have it")))
    }

    fn value(&self, secret: bool, namespace: Option<&str>, name: &str, key: &str) -> Result<SecretBytes> {
        let namespace = self.namespace(namespace);
        let what = format!("read key {key:?} of {}", title(secret, namespace, name));
        let values = self.values(&what, secret, namespace, name)?;
        values.data.get(key).map(SecretBytes::duplicate).ok_or_else(|| Error::denied(format!("{what}: it has no such key")))
    }

    fn labelled(&self, at: &SecretKeySelector, (label, wanted): (&str, &str)) -> Result<BTreeMap<String, SecretBytes>> {
        let (namespace, name) = (self.namespace(at.namespace.as_deref()), at.name.as_deref().unwrap_or_default());
        let what = format!("read {}", title(true, namespace, name));
        let values = self.values(&what, true, namespace, name)?;
        if values.labels.get(label).map(String::as_str) == Some(wanted) {
            Ok(values.data.iter().map(|(key, value)| (key.clone(), value.duplicate())).collect())
        } else {
            Err(Error::denied(format!("{what}: it has not the label {label}={wanted}, which allows it")))
        }
    }

    fn certificates(&self, at: &CaProvider) -> Result<SecretBytes> {
        let namespace = at.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        match (self.store.cluster, namespace) {
            (false, Some(_)) => Err(Error::invalid("read caProvider: the namespace must not be given in a SecretStore")),
            (true, None) => Err(Error::invalid("read caProvider: the namespace must be given in a ClusterSecretStore")),
            _ => self.value(at.type_ == CaProviderType::Secret, namespace, &at.name, at.key.as_deref().unwrap_or("ca.crt")),
        }
    }

    fn clusterless<T>(&self, what: &str, account: &ServiceAccountSelector) -> Result<T> {
        let (namespace, name) = (self.namespace(account.namespace.as_deref()), &account.name);
        let place = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
        Err(Error::denied(format!("{what} of service account {place}{name}: that needs a cluster; give the store another way to sign in")))
    }
}

fn title(secret: bool, namespace: &str, name: &str) -> String {
    engine::manifest::title(if secret { "Secret" } else { "ConfigMap" }, namespace, name)
}

impl Access for TerminalAccess {
    fn scope(&self) -> Scope {
        if self.store.cluster { Scope::Cluster } else { Scope::Namespace }
    }

    fn who(&self) -> (&str, &str) {
        (&self.store.name, &self.consumer)
    }

    fn secret<'a>(&'a self, at: &'a SecretKeySelector) -> BoxFuture<'a, Result<SecretBytes>> {
        let (name, key) = (at.name.as_deref().unwrap_or_default(), at.key.as_deref().unwrap_or_default());
        Box::pin(ready(self.value(true, at.namespace.as_deref(), name, key)))
    }

    fn labelled_secret<'a>(&'a self, at: &'a SecretKeySelector, label: (&'a str, &'a str)) -> BoxFuture<'a, Result<BTreeMap<String, SecretBytes>>> {
        Box::pin(ready(self.labelled(at, label)))
    }

    fn authorities<'a>(&'a self, at: &'a CaProvider) -> BoxFuture<'a, Result<SecretBytes>> {
        Box::pin(ready(self.certificates(at)))
    }

    fn token<'a>(&'a self, account: &'a ServiceAccountSelector, _: &'a [String], _: u32) -> BoxFuture<'a, Result<SecretBytes>> {
        Box::pin(ready(self.clusterless("ask for a token", account)))
    }

    fn annotations<'a>(&'a self, account: &'a ServiceAccountSelector) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
        Box::pin(ready(self.clusterless("read annotations", account)))
    }

    fn variable(&self, name: &str) -> Result<Option<SecretBytes>> {
        Ok(self.surroundings.variable(name))
    }

    fn file(&self, path: &str) -> Result<Option<SecretBytes>> {
        self.surroundings.file(Path::new(path)).map_err(Error::from)
    }

    fn endpoint(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn proxy(&self, name: &str) -> Option<SecretBytes> {
        self.surroundings.variable(name)
    }

    fn reach(&self) -> Reach {
        Reach::everywhere()
    }

    fn render(&self, name: &str, template: &str, values: &Value, secrets: &Groups) -> Result<SecretBytes> {
        setting(name, template, &groups(values, secrets), self.now).map_err(|error| Error::invalid(error.message()))
    }

    fn now(&self) -> Timestamp {
        self.now
    }
}

#[cfg(test)]
mod tests {
    use engine::manifest::Manifest;

    use super::*;

    const FILES: &str = "apiVersion: v1
kind: Secret
metadata: {name: login, namespace: shop, labels: {use: yes-please}}
stringData: {token: mine}
---
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: bank}
stringData: {token: others}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: roots, namespace: shop}
data: {ca.crt: certificate}
";

    fn access(cluster: bool) -> TerminalAccess {
        let manifest = Manifest::parse(&SecretBytes::new(FILES.as_bytes().to_vec())).unwrap();
        let mut objects = Objects::default();
        for object in manifest.objects().unwrap() {
            assert!(objects.add(&object, "file", "").unwrap());
        }
        let namespace = if cluster { "" } else { "shop" };
        let store = StoreId { cluster, namespace: namespace.to_owned(), name: "vault".to_owned() };
        let (objects, surroundings, now) = (Arc::new(objects), Surroundings::default(), Timestamp::UNIX_EPOCH);
        TerminalAccess { objects, store, consumer: "shop".to_owned(), surroundings, now }
    }

    #[track_caller]
    fn check(found: Result<SecretBytes>, expected: std::result::Result<&str, &str>) {
        let found = found.map(|value| String::from_utf8(value.expose().to_vec()).unwrap()).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn a_secret_store_sees_its_own_namespace_whatever_a_selector_says() {
        check(access(false).value(true, Some("bank"), "login", "token"), Ok("mine"));
        check(access(true).value(true, Some("bank"), "login", "token"), Ok("others"));
        check(access(true).value(true, None, "login", "token"), Ok("mine"));
        check(access(true).value(true, None, "login", "key"), Err("read key \"key\" of Secret shop/login: it has no such key"));
        let missing = "read key \"token\" of Secret shop/none: the files that were given do not have it";
        check(access(false).value(true, None, "none", "token"), Err(missing));
    }

    #[test]
    fn a_label_is_what_lets_a_whole_secret_be_read() {
        let at = SecretKeySelector { name: Some("login".to_owned()), ..SecretKeySelector::default() };
        assert_eq!(access(false).labelled(&at, ("use", "yes-please")).unwrap().len(), 1);
        assert!(access(false).labelled(&at, ("use", "no")).is_err());
    }

    #[test]
    fn certificates_come_from_a_config_map_of_the_right_namespace() {
        let at = |namespace: Option<&str>| CaProvider {
            type_: CaProviderType::ConfigMap,
            name: "roots".to_owned(),
            key: None,
            namespace: namespace.map(str::to_owned),
        };
        check(access(false).certificates(&at(None)), Ok("certificate"));
        check(access(true).certificates(&at(Some("shop"))), Ok("certificate"));
        check(access(false).certificates(&at(Some("shop"))), Err("read caProvider: the namespace must not be given in a SecretStore"));
        check(access(true).certificates(&at(None)), Err("read caProvider: the namespace must be given in a ClusterSecretStore"));
    }

    #[test]
    fn a_token_of_a_service_account_needs_a_cluster() {
        let account = ServiceAccountSelector { name: "robot".to_owned(), ..ServiceAccountSelector::default() };
        let expected = "ask for a token of service account shop/robot: that needs a cluster; give the store another way to sign in";
        check(access(false).clusterless("ask for a token", &account), Err(expected));
    }
}
