//! The world around a store of secrets, as a test wants it: Secrets, tokens, variables and files that stand in maps.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use keys::{BoxFuture, SecretBytes};
use providers::provider::{Access, Scope};
use providers::selector::{CaProvider, CaProviderType, SecretKeySelector, ServiceAccountSelector};
use providers::{Error, Reach, Result};
use serde_json::Value;

/// The namespace of the consumer, and of a store that is no cluster's.
pub const NAMESPACE: &str = "team-a";

/// Makes the token of a service account: namespace, name, audiences, seconds.
type MakeToken = Box<dyn Fn(&str, &str, &[String], u32) -> Result<Vec<u8>> + Send + Sync>;

/// Renders a template: its text, values, secrets by name and key.
type Render = Box<dyn Fn(&str, &Value, &BTreeMap<String, BTreeMap<String, SecretBytes>>) -> Result<SecretBytes> + Send + Sync>;

/// What a store may use. Everything can be changed while a store lives.
pub struct TestAccess {
    scope: Scope,
    store: String,
    consumer: &'static str,
    world: Mutex<World>,
}

struct World {
    /// Keys of Secrets and of ConfigMaps, by kind, namespace and name.
    data: BTreeMap<(&'static str, String, String), BTreeMap<String, Vec<u8>>>,
    labels: BTreeMap<(String, String), BTreeMap<String, String>>,
    annotations: BTreeMap<(String, String), BTreeMap<String, String>>,
    variables: BTreeMap<String, Vec<u8>>,
    files: BTreeMap<String, Vec<u8>>,
    endpoints: BTreeMap<String, String>,
    proxies: BTreeMap<String, String>,
    token: Option<MakeToken>,
    render: Option<Render>,
    reach: Reach,
    ahead: Duration,
    asked_tokens: Vec<String>,
}

impl TestAccess {
    /// A SecretStore's, which may reach the loopback, and nothing special beside it.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Scope::Namespace)
    }

    /// Of a store of either scope.
    ///
    /// # Panics
    /// Never: the network is one.
    #[must_use]
    pub fn of(scope: Scope) -> Self {
        let loopback = "127.0.0.0/8".parse().expect("a network");
        let world = World {
            data: BTreeMap::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            variables: BTreeMap::new(),
            files: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            proxies: BTreeMap::new(),
            token: None,
            render: None,
            reach: Reach::outside(vec![loopback], Vec::new()),
            ahead: Duration::ZERO,
            asked_tokens: Vec::new(),
        };
        Self { scope, store: "store".to_owned(), consumer: NAMESPACE, world: Mutex::new(world) }
    }

    /// For nobody: a store is examined.
    #[must_use]
    pub fn for_nobody(self) -> Self {
        Self { consumer: "", ..self }
    }

    /// Puts one key into a Secret of the consumer's namespace.
    #[must_use]
    pub fn with_secret(self, name: &str, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.set_secret(NAMESPACE, name, key, value);
        self
    }

    /// Puts one key into a ConfigMap of the consumer's namespace.
    #[must_use]
    pub fn with_config_map(self, name: &str, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.put("ConfigMap", NAMESPACE, name, key, value.as_ref());
        self
    }

    /// Labels a Secret of the consumer's namespace.
    #[must_use]
    pub fn with_label(self, name: &str, label: &str, value: &str) -> Self {
        self.world().labels.entry((NAMESPACE.to_owned(), name.to_owned())).or_default().insert(label.to_owned(), value.to_owned());
        self
    }

    /// Annotates a service account of the consumer's namespace.
    #[must_use]
    pub fn with_annotation(self, account: &str, annotation: &str, value: &str) -> Self {
        let at = (NAMESPACE.to_owned(), account.to_owned());
        self.world().annotations.entry(at).or_default().insert(annotation.to_owned(), value.to_owned());
        self
    }

    /// Sets a variable of our own environment, which only a cluster's store gets.
    #[must_use]
    pub fn with_variable(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.world().variables.insert(name.to_owned(), value.as_ref().to_vec());
        self
    }

    /// Puts a file beside us, which only a cluster's store gets.
    #[must_use]
    pub fn with_file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.world().files.insert(path.to_owned(), content.as_ref().to_vec());
        self
    }

    /// Says where a system is.
    #[must_use]
    pub fn with_endpoint(self, name: &str, address: &str) -> Self {
        self.world().endpoints.insert(name.to_owned(), address.to_owned());
        self
    }

    /// Sets a variable that says which proxy requests go through.
    #[must_use]
    pub fn with_proxy(self, name: &str, value: &str) -> Self {
        self.world().proxies.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Makes tokens of service accounts: namespace, name, audiences, seconds.
    #[must_use]
    pub fn with_tokens(self, make: impl Fn(&str, &str, &[String], u32) -> Result<Vec<u8>> + Send + Sync + 'static) -> Self {
        self.world().token = Some(Box::new(make));
        self
    }

    /// Renders templates: text, values, secrets by name and key.
    #[must_use]
    pub fn with_templates(
        self,
        render: impl Fn(&str, &Value, &BTreeMap<String, BTreeMap<String, SecretBytes>>) -> Result<SecretBytes> + Send + Sync + 'static,
    ) -> Self {
        self.world().render = Some(Box::new(render));
        self
    }

    /// Changes which addresses may be connected to.
    #[must_use]
    pub fn with_reach(self, reach: Reach) -> Self {
        self.world().reach = reach;
        self
    }

    /// Puts one key into a Secret of any namespace, or changes it.
    pub fn set_secret(&self, namespace: &str, name: &str, key: &str, value: impl AsRef<[u8]>) {
        self.put("Secret", namespace, name, key, value.as_ref());
    }

    /// Puts one key into a ConfigMap of the consumer's namespace, or changes it.
    pub fn set_config_map(&self, name: &str, key: &str, value: impl AsRef<[u8]>) {
        self.put("ConfigMap", NAMESPACE, name, key, value.as_ref());
    }

    /// Lets time pass for whoever asks what time it is.
    pub fn advance(&self, by: Duration) {
        self.world().ahead += by;
    }

    /// Every token that was asked for: "namespace/name audience,audience seconds".
    #[must_use]
    pub fn asked_tokens(&self) -> Vec<String> {
        self.world().asked_tokens.clone()
    }

    fn put(&self, kind: &'static str, namespace: &str, name: &str, key: &str, value: &[u8]) {
        let at = (kind, namespace.to_owned(), name.to_owned());
        self.world().data.entry(at).or_default().insert(key.to_owned(), value.to_vec());
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The namespace that a selector leads to.
    fn namespace<'a>(&self, given: Option<&'a str>) -> &'a str {
        match self.scope {
            Scope::Namespace => NAMESPACE,
            Scope::Cluster => given.unwrap_or(NAMESPACE),
        }
    }

    fn look_up(&self, kind: &'static str, namespace: Option<&str>, name: &str, key: &str) -> Result<SecretBytes> {
        let namespace = self.namespace(namespace);
        let world = self.world();
        let found = world.data.get(&(kind, namespace.to_owned(), name.to_owned())).and_then(|data| data.get(key));
        let value = found.ok_or_else(|| Error::denied(format!("read key {key} of {kind} {namespace}/{name}: there is none")))?;
        Ok(SecretBytes::new(value.clone()))
    }

    fn ambient(&self, from: impl FnOnce(&World) -> Option<Vec<u8>>) -> Result<Option<SecretBytes>> {
        match self.scope {
            Scope::Namespace => Err(Error::denied("use the identity of this process: this store must not")),
            Scope::Cluster => Ok(from(&self.world()).map(SecretBytes::new)),
        }
    }
}

impl Default for TestAccess {
    fn default() -> Self {
        Self::new()
    }
}

impl Access for TestAccess {
    fn scope(&self) -> Scope {
        self.scope
    }

    fn who(&self) -> (&str, &str) {
        (&self.store, self.consumer)
    }

    fn secret<'a>(&'a self, at: &'a SecretKeySelector) -> BoxFuture<'a, Result<SecretBytes>> {
        let found = self.look_up("Secret", at.namespace.as_deref(), at.name.as_deref().unwrap_or_default(), at.key.as_deref().unwrap_or_default());
        Box::pin(async move { found })
    }

    fn labelled_secret<'a>(&'a self, at: &'a SecretKeySelector, label: (&'a str, &'a str)) -> BoxFuture<'a, Result<BTreeMap<String, SecretBytes>>> {
        Box::pin(async move {
            let (namespace, name) = (self.namespace(at.namespace.as_deref()), at.name.as_deref().unwrap_or_default());
            let world = self.world();
            let labels = world.labels.get(&(namespace.to_owned(), name.to_owned()));
            if labels.and_then(|labels| labels.get(label.0)).map(String::as_str) != Some(label.1) {
                return Err(Error::denied(format!("read Secret {namespace}/{name}: it has no label {}={}", label.0, label.1)));
            }
            let data = world.data.get(&("Secret", namespace.to_owned(), name.to_owned()));
            Ok(data.into_iter().flatten().map(|(key, value)| (key.clone(), SecretBytes::new(value.clone()))).collect())
        })
    }

    fn authorities<'a>(&'a self, at: &'a CaProvider) -> BoxFuture<'a, Result<SecretBytes>> {
        let kind = match at.type_ {
            CaProviderType::Secret => "Secret",
            CaProviderType::ConfigMap => "ConfigMap",
        };
        let found = self.look_up(kind, at.namespace.as_deref(), &at.name, at.key.as_deref().unwrap_or_default());
        Box::pin(async move { found })
    }

    fn token<'a>(&'a self, account: &'a ServiceAccountSelector, audiences: &'a [String], seconds: u32) -> BoxFuture<'a, Result<SecretBytes>> {
        Box::pin(async move {
            let namespace = self.namespace(account.namespace.as_deref());
            let mut world = self.world();
            world.asked_tokens.push(format!("{namespace}/{} {} {seconds}", account.name, audiences.join(",")));
            let missing = || Error::denied(format!("ask for a token of service account {namespace}/{}: there is none", account.name));
            let made = world.token.as_ref().ok_or_else(missing)?(namespace, &account.name, audiences, seconds)?;
            Ok(SecretBytes::new(made))
        })
    }

    fn annotations<'a>(&'a self, account: &'a ServiceAccountSelector) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
        Box::pin(async move {
            let namespace = self.namespace(account.namespace.as_deref());
            let found = self.world().annotations.get(&(namespace.to_owned(), account.name.clone())).cloned();
            found.ok_or_else(|| Error::denied(format!("read service account {namespace}/{}: there is none", account.name)))
        })
    }

    fn variable(&self, name: &str) -> Result<Option<SecretBytes>> {
        self.ambient(|world| world.variables.get(name).cloned())
    }

    fn file(&self, path: &str) -> Result<Option<SecretBytes>> {
        self.ambient(|world| world.files.get(path).cloned())
    }

    fn endpoint(&self, name: &str) -> Option<String> {
        self.world().endpoints.get(name).cloned()
    }

    fn proxy(&self, name: &str) -> Option<SecretBytes> {
        self.world().proxies.get(name).map(|value| SecretBytes::new(value.clone().into_bytes()))
    }

    fn reach(&self) -> Reach {
        self.world().reach.clone()
    }

    fn render(&self, name: &str, template: &str, values: &Value, secrets: &BTreeMap<String, BTreeMap<String, SecretBytes>>) -> Result<SecretBytes> {
        match &self.world().render {
            Some(render) => render(template, values, secrets),
            None => Err(Error::invalid(format!("render {name}: this test has no templates"))),
        }
    }

    fn now(&self) -> Timestamp {
        let ahead = self.world().ahead;
        Timestamp::now().checked_add(ahead).expect("a test does not last so long")
    }
}
