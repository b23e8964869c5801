//! The stores that there are, connections to their systems, and answers that several ExternalSecrets share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crds::ExternalSecret;
use crds::external_secret::StoreRef;
use crds::secret_store::{SecretStoreSpec, StoreCondition};
use engine::external::rules::namespace_matches;
use keys::SecretBytes;
use providers::provider::{Access, Answer, Capabilities, Lookup, Reference, Scope, Search, Store};
use providers::{Error, Result};
use serde_json::Value;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

use super::access::StoreAccess;
use super::rest::Rest;
use super::texts::Place;
use crate::context::Context;
use crate::key::{Key, Mark};

/// Requests to one store at a time.
const AT_A_TIME: usize = 16;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long answers are kept at most.
const KEPT: Duration = Duration::from_secs(300);

/// Which store: a SecretStore by namespace and name, a ClusterSecretStore by its name alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StoreId(pub(crate) Key);

impl StoreId {
    /// The store that an object of a namespace means.
    pub(crate) fn of(store: &StoreRef, namespace: &str) -> Self {
        Self(Key::new(if store.is_cluster() { "" } else { namespace }, &store.name))
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.namespace().is_empty()
    }

    pub(crate) fn namespace(&self) -> &str {
        self.0.namespace()
    }

    pub(crate) fn name(&self) -> &str {
        self.0.name()
    }

    /// What people call it.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", if self.is_cluster() { "ClusterSecretStore" } else { "SecretStore" }, self.name())
    }
}

/// One store.
pub(crate) struct Known {
    pub(crate) id: StoreId,
    pub(crate) uid: Mark,
    pub(crate) generation: i64,
    pub(crate) spec: SecretStoreSpec,
    /// Whether it was found to work.
    pub(crate) ready: bool,
    link: Arc<Link>,
}

/// The way to the system of one store: it stays as long as the store does not change.
struct Link {
    /// By consumer; by nobody's name where all are served alike.
    ways: Mutex<HashMap<String, Arc<Way>>>,
    answers: Mutex<HashMap<(String, Question), Arc<Shared>>>,
    turns: Semaphore,
    rest: Mutex<Rest>,
    /// Whether anything depends on the consumer.
    personal: OnceLock<bool>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            ways: Mutex::default(),
            answers: Mutex::default(),
            turns: Semaphore::new(AT_A_TIME),
            rest: Mutex::default(),
            personal: OnceLock::new(),
        }
    }
}

/// The way for one consumer.
struct Way {
    /// What it may use, and has used.
    access: Arc<StoreAccess>,
    /// What the system can do, once we are signed in or ready to.
    capabilities: OnceCell<Arc<Capabilities>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Question {
    Read(Reference),
    Find(String),
}

type Found = Arc<BTreeMap<String, SecretBytes>>;

struct Shared {
    asked: Instant,
    read: OnceCell<Result<Option<Arc<Answer>>>>,
    found: OnceCell<Result<Found>>,
}

/// The stores.
#[derive(Default)]
pub(crate) struct Stores {
    known: Mutex<HashMap<StoreId, Arc<Known>>>,
    /// Labels of namespaces, as far as they are known.
    namespaces: Mutex<HashMap<String, BTreeMap<String, String>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a selector names an object and no namespace: it is the consumer's then. What merely looks like one costs a connection more and nothing else.
fn leaves_a_namespace_open(settings: &Value) -> bool {
    match settings {
        Value::Object(map) => {
            let named = map.get("name").is_some_and(Value::is_string);
            let placed = map.get("namespace").and_then(Value::as_str).is_some_and(|namespace| !namespace.is_empty());
            named && !placed || map.values().any(leaves_a_namespace_open)
        }
        Value::Array(list) => list.iter().any(leaves_a_namespace_open),
        _ => false,
    }
}

impl Stores {
    /// Takes note of a store; says whether it is another one than before.
    pub(crate) fn observe(&self, id: StoreId, uid: Mark, generation: i64, spec: SecretStoreSpec, ready: bool) -> bool {
        let mut known = lock(&self.known);
        let before = known.get(&id);
        let same = before.is_some_and(|before| before.uid == uid && before.generation == generation);
        let link = before.filter(|_| same).map(|before| Arc::clone(&before.link)).unwrap_or_default();
        known.insert(id.clone(), Arc::new(Known { id, uid, generation, spec, ready, link }));
        !same
    }

    /// Takes note of what an examination found; says whether that is news.
    pub(crate) fn judge(&self, store: &Known, ready: bool) -> bool {
        let mut known = lock(&self.known);
        let Some(now) = known.get(&store.id).filter(|now| now.uid == store.uid && now.generation == store.generation) else { return false };
        let news = now.ready != ready;
        let Known { id, uid, generation, spec, link, .. } = &**now;
        let judged = Known { id: id.clone(), uid: *uid, generation: *generation, spec: spec.clone(), ready, link: Arc::clone(link) };
        known.insert(judged.id.clone(), Arc::new(judged));
        news
    }

    /// Whether this very store is known, rather than one of the same name or none.
    pub(crate) fn knows(&self, store: &Known) -> bool {
        lock(&self.known).get(&store.id).is_some_and(|now| now.uid == store.uid)
    }

    pub(crate) fn forget(&self, id: &StoreId) {
        lock(&self.known).remove(id);
    }

    pub(crate) fn get(&self, id: &StoreId) -> Option<Arc<Known>> {
        lock(&self.known).get(id).cloned()
    }

    /// Every store.
    pub(crate) fn ids(&self) -> Vec<StoreId> {
        lock(&self.known).keys().cloned().collect()
    }

    /// Stands for the stores of an object as they are; None if one of them is not there.
    pub(crate) fn version(&self, object: &ExternalSecret) -> Option<String> {
        let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
        let known = lock(&self.known);
        let mut stores: Vec<(StoreId, String)> = Vec::new();
        for store in object.stores() {
            let id = StoreId::of(&store, namespace);
            let store = known.get(&id)?;
            stores.push((id, format!("{} {}", store.uid, store.generation)));
        }
        stores.sort();
        stores.dedup();
        let text = stores.iter().map(|(id, version)| format!("{} {version}\n", id.0)).collect::<String>();
        Some(Mark::of(&text).to_string())
    }

    pub(crate) fn observe_namespace(&self, name: &str, labels: Option<BTreeMap<String, String>>) {
        match labels {
            Some(labels) => drop(lock(&self.namespaces).insert(name.to_owned(), labels)),
            None => drop(lock(&self.namespaces).remove(name)),
        }
    }

    pub(crate) fn namespaces(&self) -> Vec<(String, BTreeMap<String, String>)> {
        lock(&self.namespaces).iter().map(|(name, labels)| (name.clone(), labels.clone())).collect()
    }

    /// Whether a store may be used from a namespace.
    ///
    /// # Errors
    /// Invalid: a condition that cannot be read. Busy: it depends on labels of the namespace, which is not known yet.
    pub(crate) fn serves(&self, store: &Known, namespace: &str) -> Result<bool> {
        if !store.id.is_cluster() || store.spec.conditions.is_empty() {
            return Ok(true);
        }
        let labels = lock(&self.namespaces).get(namespace).cloned();
        let mut open = false;
        for condition in &store.spec.conditions {
            let StoreCondition { namespace_selector, namespaces, namespace_regexes } = condition;
            // Of labels that are not known nothing follows, not even that one of them is missing.
            let selector = namespace_selector.as_ref().filter(|_| labels.is_some());
            open |= namespace_selector.is_some() && labels.is_none();
            let matches = namespace_matches(selector, namespaces, namespace_regexes, namespace, labels.as_ref().unwrap_or(&BTreeMap::new()));
            if matches.map_err(|error| Error::invalid(error.message()))? {
                return Ok(true);
            }
        }
        if open { Err(Error::busy(format!("use the store: the labels of namespace {namespace} are not known yet"))) } else { Ok(false) }
    }

    /// A Secret or a ConfigMap changed: what was made of it is of the past, or what is just being made. Says which stores that concerns.
    pub(crate) fn observe_credential(&self, place: &Place) -> Vec<StoreId> {
        let stores: Vec<Arc<Known>> = lock(&self.known).values().cloned().collect();
        let mut concerned = Vec::new();
        for store in stores {
            let mut ways = lock(&store.link.ways);
            let before = ways.len();
            ways.retain(|_, way| !way.access.uses(place));
            if ways.len() != before {
                drop(ways);
                lock(&store.link.answers).clear();
                *lock(&store.link.rest) = Rest::default();
                concerned.push(store.id.clone());
            }
        }
        concerned
    }

    /// Forgets answers that nobody waits for any more.
    pub(crate) fn clean(&self, idle: bool) {
        let stores: Vec<Arc<Known>> = lock(&self.known).values().cloned().collect();
        let now = Instant::now();
        for store in stores {
            lock(&store.link.answers).retain(|_, shared| !idle && now.duration_since(shared.asked) < KEPT);
        }
    }
}

impl Known {
    /// What its system can do for a consumer; we sign in if nobody has.
    ///
    /// # Errors
    /// As [`Known::check`]. Otherwise what keeps us from signing in.
    pub(crate) async fn connect(&self, context: &Context, consumer: &str) -> Result<Arc<Capabilities>> {
        let way = Arc::clone(lock(&self.link.ways).entry(self.whose(consumer).to_owned()).or_insert_with(|| {
            // All consumers of a SecretStore are of its own namespace, even where nobody is named.
            let consumer = if self.id.is_cluster() { consumer } else { self.id.namespace() };
            let access = StoreAccess::new(Arc::clone(&context.api), Arc::clone(&context.external.settings), self.id.clone(), consumer);
            Arc::new(Way { access: Arc::new(access), capabilities: OnceCell::new() })
        }));
        let sign_in = || async {
            let access = Arc::<StoreAccess>::clone(&way.access) as Arc<dyn Access>;
            self.check()?.connect(access, self.spec.retry_settings.as_ref()).await.map(Arc::new)
        };
        way.capabilities.get_or_try_init(sign_in).await.cloned()
    }

    /// The settings, if they can be used at all.
    ///
    /// # Errors
    /// Invalid: a kind of system that is not there, or settings that cannot be.
    pub(crate) fn check(&self) -> Result<Box<dyn Store>> {
        let (name, settings) = self.provider()?;
        let kind = providers::stores().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| Error::invalid(format!("use the store: there is no provider {name:?} in this controller")))?;
        let store = kind.read(settings)?;
        store.check(if self.id.is_cluster() { Scope::Cluster } else { Scope::Namespace })?;
        Ok(store)
    }

    /// Under whose name connections and answers are kept: under nobody's where all are served alike.
    fn whose<'a>(&self, consumer: &'a str) -> &'a str {
        if self.is_personal() { consumer } else { "" }
    }

    /// Whether anything may depend on the consumer. Of a SecretStore nothing does: all its consumers are of one namespace.
    pub(crate) fn is_personal(&self) -> bool {
        *self.link.personal.get_or_init(|| {
            let Ok((_, settings)) = self.provider() else { return true };
            self.id.is_cluster() && (leaves_a_namespace_open(settings) || self.check().is_ok_and(|store| store.depends_on_consumer()))
        })
    }

    /// Name and settings of the provider.
    ///
    /// # Errors
    /// Invalid: none, or several.
    pub(crate) fn provider(&self) -> Result<(&str, &serde_json::Value)> {
        let mut providers = self.spec.provider.iter();
        match (providers.next(), providers.next()) {
            (Some((name, settings)), None) => Ok((name, settings)),
            _ => Err(Error::invalid("use the store: spec.provider should have one member")),
        }
    }

    /// Reads a secret, or takes the answer that somebody else got after `since`.
    ///
    /// # Errors
    /// Whatever keeps the system from answering.
    pub(crate) async fn read(&self, context: &Context, consumer: &str, what: &Reference, since: Instant) -> Result<(Option<Arc<Answer>>, Lookup)> {
        let system = self.connect(context, consumer).await?;
        let source = system.source.as_ref().ok_or_else(|| Error::invalid("read a secret: the store gives none"))?;
        let lookup = source.lookup();
        let mut what = what.clone();
        if lookup != Lookup::Own {
            what.property = None;
        }
        let shared = self.shared(consumer, Question::Read(what.clone()), since);
        let read = || async { self.guarded(context, "GetSecret", source.read(&what)).await.map(|answer| answer.map(Arc::new)) };
        let answer = shared.read.get_or_init(read).await.clone()?;
        Ok((answer, lookup))
    }

    /// Finds secrets, or takes what somebody else found after `since`.
    ///
    /// # Errors
    /// As [`Known::read`].
    pub(crate) async fn find(&self, context: &Context, consumer: &str, what: &Search, since: Instant) -> Result<Found> {
        let system = self.connect(context, consumer).await?;
        let catalog = system.catalog.as_ref().ok_or_else(|| Error::invalid("find secrets: this kind of store cannot"))?;
        let shared = self.shared(consumer, Question::Find(format!("{what:?}")), since);
        let find = || async { self.guarded(context, "GetAllSecrets", catalog.find(what)).await.map(Arc::new) };
        shared.found.get_or_init(find).await.clone()
    }

    fn shared(&self, consumer: &str, question: Question, since: Instant) -> Arc<Shared> {
        let mut answers = lock(&self.link.answers);
        let fresh = || Arc::new(Shared { asked: Instant::now(), read: OnceCell::new(), found: OnceCell::new() });
        let shared = answers.entry((self.whose(consumer).to_owned(), question)).or_insert_with(fresh);
        if shared.asked < since {
            *shared = fresh();
        }
        Arc::clone(shared)
    }

    /// Asks the system for something in its turn, unless it is to be left alone.
    async fn guarded<T>(&self, context: &Context, call: &'static str, asked: impl Future<Output = Result<T>>) -> Result<T> {
        let _turn = self.link.turns.acquire().await.map_err(|_| Error::busy("ask the store: the controller ends"))?;
        let started = Instant::now();
        lock(&self.link.rest).admit(started)?;
        let result = self.timed(context, call, asked).await;
        let external = &context.external;
        if lock(&self.link.rest).answered(started, Instant::now(), &result) {
            // Its system is back: whoever waits need not wait for the end of a pause.
            for key in external.index.waiting_for(&self.id) {
                external.queue.add(key, None);
            }
        }
        if let Err(rest) = lock(&self.link.rest).is_over(Instant::now()) {
            // Somebody has to find out when it is.
            external.examinations.add_later(self.id.0.clone(), rest.retry_after().unwrap_or_default());
        }
        result
    }

    /// Examines the system, unless it is to be left alone.
    ///
    /// # Errors
    /// What the system says, or that it is left alone.
    pub(crate) async fn examined<T>(&self, context: &Context, asked: impl Future<Output = Result<T>>) -> Result<T> {
        let started = Instant::now();
        lock(&self.link.rest).is_over(started)?;
        let result = self.timed(context, "Validate", asked).await;
        let on = {
            let mut rest = lock(&self.link.rest);
            rest.examined(started, Instant::now(), &result);
            rest.is_on()
        };
        if on && result.is_ok() {
            // One finds out for all others.
            context.external.index.waiting_for(&self.id).into_iter().take(1).for_each(|key| context.external.queue.add(key, None));
        }
        result
    }

    async fn timed<T>(&self, context: &Context, call: &'static str, asked: impl Future<Output = Result<T>>) -> Result<T> {
        let started = Instant::now();
        let result = tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(Error::busy("ask the store: there is no answer in time")));
        let provider = self.spec.provider.keys().next().map_or("", String::as_str);
        context.external.metrics.called(provider, call, result.is_ok(), started.elapsed());
        result
    }
}

#[cfg(test)]
mod tests {
    use providers::ErrorKind;
    use serde_json::json;

    use super::*;

    fn store(conditions: &Value) -> (Stores, Arc<Known>) {
        let (stores, id) = (Stores::default(), StoreId(Key::new("", "all")));
        let spec = serde_json::from_value(json!({ "provider": {"fake": {}}, "conditions": conditions })).unwrap();
        stores.observe(id.clone(), Mark::of("uid"), 1, spec, true);
        let known = stores.get(&id).unwrap();
        (stores, known)
    }

    #[test]
    fn nothing_follows_from_labels_that_are_not_known() {
        for operator in ["NotIn", "DoesNotExist"] {
            let values = if operator == "NotIn" { json!(["restricted"]) } else { json!([]) };
            let expressions = json!([{ "key": "tier", "operator": operator, "values": values }]);
            let (stores, known) = store(&json!([{ "namespaceSelector": { "matchExpressions": expressions } }, { "namespaces": ["by-name"] }]));
            assert!(stores.serves(&known, "by-name").unwrap(), "its labels do not matter");
            assert_eq!(stores.serves(&known, "new").unwrap_err().kind(), ErrorKind::Busy, "{operator}");
            stores.observe_namespace("new", Some(BTreeMap::from([("tier".to_owned(), "restricted".to_owned())])));
            assert!(!stores.serves(&known, "new").unwrap());
            stores.observe_namespace("new", Some(BTreeMap::new()));
            assert!(stores.serves(&known, "new").unwrap());
        }
        let (stores, known) = store(&json!([{ "namespaces": ["by-name"] }]));
        assert!(!stores.serves(&known, "new").unwrap());
    }
}
