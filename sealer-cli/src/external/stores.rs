//! The stores of files, each signed in to once, and each secret of them read once.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crds::external_secret::StoreRef;
use crds::secret_store::StoreCondition;
use engine::external::Delimiters;
use engine::external::gather::{Desk, TextPlace, title};
use engine::external::rules::namespace_matches;
use engine::{Error, ErrorKind, Result};
use jiff::Timestamp;
use keys::{BoxFuture, SecretBytes};
use providers::provider::{Access, Answer, Capabilities, Lookup, Reference, Scope, Search};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use super::access::TerminalAccess;
use super::objects::{Kept, Objects};
use crate::credentials::Surroundings;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StoreId {
    /// Whether it is a ClusterSecretStore, which has no namespace.
    pub(crate) cluster: bool,
    /// Its namespace; may be empty.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
}

impl StoreId {
    fn of(store: &StoreRef, namespace: &str) -> Self {
        let cluster = store.is_cluster();
        Self { cluster, namespace: if cluster { String::new() } else { namespace.to_owned() }, name: store.name.clone() }
    }

    /// How an ExternalSecret names it.
    pub(crate) fn reference(&self) -> StoreRef {
        let kind = if self.cluster { "ClusterSecretStore" } else { "SecretStore" };
        StoreRef { name: self.name.clone(), kind: Some(kind.to_owned()) }
    }

    /// What people call it.
    pub(super) fn title(&self) -> String {
        engine::manifest::title(if self.cluster { "ClusterSecretStore" } else { "SecretStore" }, &self.namespace, &self.name)
    }
}

/// Things that are made once, whoever asks first.
type Once<K, V> = Mutex<HashMap<K, Arc<OnceCell<V>>>>;

/// A store, and the namespace that is served.
type Served = (StoreId, String);

type Read = (Option<Arc<Answer>>, Lookup);
type Found = Arc<BTreeMap<String, SecretBytes>>;

/// The stores of files.
pub(crate) struct Stores {
    pub(super) objects: Arc<Objects>,
    pub(super) now: Timestamp,
    pub(super) delimiters: Delimiters,
    runtime: Runtime,
    connections: Once<Served, Capabilities>,
    read: Once<(Served, Reference), Read>,
    found: Once<(Served, String), Found>,
}

impl Stores {
    /// Sets up; nobody is asked before it is needed.
    pub(crate) fn new(objects: Arc<Objects>, now: Timestamp) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|_| Error::new(ErrorKind::Bug, "start the runtime"))?;
        let delimiters = Delimiters::default();
        Ok(Self { objects, now, delimiters, runtime, connections: Mutex::default(), read: Mutex::default(), found: Mutex::default() })
    }

    /// Other marks of actions in templates.
    pub(crate) fn with_delimiters(self, delimiters: Delimiters) -> Self {
        Self { delimiters, ..self }
    }

    /// What the files hold.
    pub(crate) fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Waits for what asks stores.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// What the ExternalSecrets of a namespace may read.
    pub(super) fn counter<'a>(&'a self, namespace: &'a str) -> Counter<'a> {
        Counter { stores: self, namespace }
    }

    /// Reads one secret of a store, or a part of it.
    ///
    /// # Errors
    /// NotFound: there is none. Otherwise what keeps the store from answering.
    pub(crate) fn fetch(&self, store: &StoreId, namespace: &str, what: &Reference) -> Result<SecretBytes> {
        let namespace = if store.cluster { namespace } else { &store.namespace };
        let told = |error| self.objects.stores.get(store).map_or_else(|| Error::input(""), |kept| kept.origin.locate(error));
        let counter = self.counter(namespace);
        let reference = store.reference();
        let (answer, lookup) = self.wait(counter.read(&reference, what)).map_err(told)?;
        let value = match &answer {
            Some(answer) => engine::collect::property(answer, lookup, what.property.as_deref()).map_err(told)?,
            None => None,
        };
        value.ok_or_else(|| {
            let part = if answer.is_some() { "property" } else { "secret" };
            told(Error::new(ErrorKind::NotFound, format!("read {:?}: there is no such {part}", what.key)))
        })
    }

    /// Signs in.
    async fn connect(&self, (id, consumer): &Served, kept: &Kept) -> Result<Capabilities> {
        let fail = |error: &providers::Error| told(&id.title(), "use", error);
        let mut named = kept.spec.provider.iter();
        let (Some((name, settings)), None) = (named.next(), named.next()) else {
            return Err(Error::input(format!("use {}: spec.provider should have one member", id.title())));
        };
        let kind = providers::stores().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| Error::input(format!("use {}: there is no provider {name:?}", id.title())))?;
        let store = kind.read(settings).map_err(|error| fail(&error))?;
        store.check(if id.cluster { Scope::Cluster } else { Scope::Namespace }).map_err(|error| fail(&error))?;
        let access = TerminalAccess {
            objects: Arc::clone(&self.objects),
            store: id.clone(),
            consumer: consumer.clone(),
            surroundings: Surroundings::default(),
            now: self.now,
        };
        let retries = kept.spec.retry_settings.as_ref();
        patient(store.connect(Arc::new(access) as Arc<dyn Access>, retries)).await.map_err(|error| fail(&error))
    }
}

fn once<K: Clone + Eq + Hash, V>(map: &Once<K, V>, key: &K) -> Arc<OnceCell<V>> {
    Arc::clone(map.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default())
}

async fn patient<T>(asked: impl Future<Output = providers::Result<T>>) -> providers::Result<T> {
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(providers::Error::busy("ask the store: there is no answer in time")))
}

/// An error of a store in words of the engine.
fn told(what: &str, tried: &str, error: &providers::Error) -> Error {
    let kind = match error.kind() {
        providers::ErrorKind::Denied => ErrorKind::Denied,
        providers::ErrorKind::Busy => ErrorKind::Busy,
        _ => ErrorKind::Input,
    };
    Error::new(kind, format!("{tried} {what}: {error}"))
}

/// The desk of the ExternalSecrets of one namespace.
pub(super) struct Counter<'a> {
    stores: &'a Stores,
    namespace: &'a str,
}

impl Counter<'_> {
    /// The way to a store, if it may be asked.
    async fn open(&self, store: &StoreRef) -> Result<(Served, Capabilities)> {
        let served = (StoreId::of(store, self.namespace), self.namespace.to_owned());
        let kept = self.stores.objects.store(&served.0)?;
        if !self.serves(&served.0, &kept.spec.conditions)? {
            let message = format!("use {}: its conditions do not name the namespace {:?}", served.0.title(), self.namespace);
            return Err(Error::new(ErrorKind::Denied, message).advise("Labels of a namespace count if the files have the Namespace"));
        }
        let cell = once(&self.stores.connections, &served);
        let capabilities = cell.get_or_try_init(|| self.stores.connect(&served, kept)).await?.clone();
        Ok((served, capabilities))
    }

    fn serves(&self, id: &StoreId, conditions: &[StoreCondition]) -> Result<bool> {
        if !id.cluster || conditions.is_empty() {
            return Ok(true);
        }
        let none = BTreeMap::new();
        let labels = self.stores.objects.namespaces.get(self.namespace).unwrap_or(&none);
        for StoreCondition { namespace_selector, namespaces, namespace_regexes } in conditions {
            if namespace_matches(namespace_selector.as_ref(), namespaces, namespace_regexes, self.namespace, labels)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn answer(&self, store: &StoreRef, what: &Reference) -> Result<Read> {
        let (served, capabilities) = self.open(store).await?;
        let source = capabilities.source.ok_or_else(|| Error::input(format!("read a secret of {}: it gives none", title(store))))?;
        let lookup = source.lookup();
        let mut what = what.clone();
        if lookup != Lookup::Own {
            what.property = None;
        }
        let place = format!("{:?} of {}", what.key, title(store));
        let key = (served, what);
        let cell = once(&self.stores.read, &key);
        let ask = || async { patient(source.read(&key.1)).await.map_err(|error| told(&place, "read", &error)) };
        let read = cell.get_or_try_init(|| async { ask().await.map(|answer| (answer.map(Arc::new), lookup)) }).await?;
        Ok(read.clone())
    }

    async fn search(&self, store: &StoreRef, what: &Search) -> Result<Found> {
        let (served, capabilities) = self.open(store).await?;
        let catalog = capabilities.catalog.ok_or_else(|| Error::input(format!("find secrets in {}: this kind of store cannot", title(store))))?;
        let place = format!("in {}", title(store));
        let cell = once(&self.stores.found, &(served, format!("{what:?}")));
        let ask = || async { patient(catalog.find(what)).await.map(Arc::new).map_err(|error| told(&place, "find secrets", &error)) };
        Ok(Arc::clone(cell.get_or_try_init(ask).await?))
    }

    fn text_of(&self, TextPlace { secret, name, key }: TextPlace<'_>) -> Result<SecretBytes> {
        let whole = engine::manifest::title(if secret { "Secret" } else { "ConfigMap" }, self.namespace, name);
        let values = self.stores.objects.values(secret, self.namespace, name);
        let fail = |why: &str| Error::new(ErrorKind::NotFound, format!("read key {key:?} of {whole}: {why}"));
        let values = values.ok_or_else(|| fail("the files that were given do not have it"))?;
        values.data.get(key).map(SecretBytes::duplicate).ok_or_else(|| fail("it has no such key"))
    }
}

impl Desk for Counter<'_> {
    fn read<'a>(&'a self, store: &'a StoreRef, what: &'a Reference) -> BoxFuture<'a, Result<Read>> {
        Box::pin(self.answer(store, what))
    }

    fn find<'a>(&'a self, store: &'a StoreRef, what: &'a Search) -> BoxFuture<'a, Result<Found>> {
        Box::pin(self.search(store, what))
    }

    fn text<'a>(&'a self, place: TextPlace<'a>) -> BoxFuture<'a, Result<SecretBytes>> {
        Box::pin(std::future::ready(self.text_of(place)))
    }
}
