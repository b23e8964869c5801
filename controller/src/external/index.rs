//! What is known of every ExternalSecret, in some hundred bytes each; never an object, and never a secret.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crds::ExternalSecret;
use engine::external::kinds::Kind;
use engine::external::refresh;
use tokio::time::Instant;

use super::stores::StoreId;
use super::texts::{Place, Texts};
use crate::fights::Fights;
use crate::key::{Key, Mark, Version, uid_and_version};
use crate::seen::Seen;

/// Everything that is known.
#[derive(Debug, Default)]
pub(crate) struct Index {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Key, Entry>,
    /// ExternalSecrets by what they become.
    targets: HashMap<Target, Vec<Key>>,
    /// ExternalSecrets by the ConfigMaps (false) and Secrets (true) that hold their templates.
    texts: HashMap<Place, Vec<Key>>,
    /// Secrets that no ExternalSecret is known for yet; only until all objects were listed.
    strangers: HashMap<Key, Version>,
    /// Whether Secrets are noted before any object is known: only where the server has objects.
    noting: bool,
    /// When the list of objects began that is still under way.
    began: Option<Instant>,
    complete: bool,
}

/// What an ExternalSecret becomes: a Secret, or an object of another kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    kind: Option<Arc<Kind>>,
    key: Key,
}

impl Target {
    /// What an object becomes; a Secret, if the kind that it names is none.
    fn of(object: &ExternalSecret, namespace: &str) -> Self {
        let manifest = object.spec.target.as_ref().and_then(|target| target.manifest.as_ref());
        let kind = manifest.and_then(|manifest| Kind::of(manifest).ok()).map(Arc::new);
        Self { kind, key: Key::new(namespace, object.target_name()) }
    }
}

/// One ExternalSecret and its Secret.
#[derive(Debug)]
pub(crate) struct Entry {
    uid: Mark,
    /// Its resourceVersion, which grows; zero if it is no number.
    version: u64,
    /// Stands for what asks for a turn when it changes: generation, labels and annotations.
    content: Mark,
    target: Target,
    stores: Vec<StoreId>,
    /// ConfigMaps (false) and Secrets (true) that hold templates.
    texts: Vec<Place>,
    /// Which versions of them were used.
    versions: Texts,
    secret: Seen,
    /// The Secret as it was last made or found to be as it should.
    pub(crate) produced: Option<Version>,
    /// Whether the last turn failed.
    pub(crate) failed: bool,
    /// Writes against somebody else's.
    pub(crate) fights: Fights,
    /// Failures in a row that may pass by themselves.
    pub(crate) failures: u32,
    /// Digest of the last event that was sent.
    pub(crate) said: Option<Mark>,
    /// When something other than the object asked for new values.
    pub(crate) stirred: Option<Instant>,
    /// Since when it waits in truth, if that is longer than its place in the line tells: since we came, if it was there then, or since before its store
    /// was ready.
    pub(crate) asked: Option<Instant>,
}

/// What a change means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing that was not known.
    None,
    /// The object is new to us, or to this process.
    First,
    /// It changed.
    Changed,
}

impl Index {
    /// Takes note of an ExternalSecret.
    pub(crate) fn observe(&self, object: &ExternalSecret) -> News {
        let key = Key::of(object);
        let (uid, version) = uid_and_version(object);
        let going = object.metadata.deletion_timestamp.is_some();
        let content = Mark::of(&format!("{} {going}", refresh::version(object)));
        let target = Target::of(object, key.namespace());
        let mut state = self.lock();
        if let Some(entry) = state.entries.get_mut(&key).filter(|entry| entry.uid == uid) {
            if version != 0 && version < entry.version {
                return News::None;
            }
            entry.version = version;
            if entry.content == content {
                return News::None;
            }
            entry.content = content;
            entry.asked = None;
            entry.failures = 0;
            entry.stores = stores(object);
            let texts = texts(object);
            let read = std::mem::replace(&mut entry.texts, texts.clone());
            let before = std::mem::replace(&mut entry.target, target.clone());
            if before != target {
                entry.secret = Seen::default();
                entry.produced = None;
                state.retarget(&key, Some(&before), Some(&target));
            }
            state.reread(&key, &read, &texts);
            return News::Changed;
        }
        if let Some(before) = state.entries.remove(&key) {
            state.retarget(&key, Some(&before.target), None);
            state.reread(&key, &before.texts, &[]);
        }
        let produced = object.status.as_ref().and_then(|status| status.produced.as_ref());
        let mut entry = Entry {
            uid,
            version,
            content,
            secret: Seen::new(state.strangers.get(&target.key).copied().filter(|_| target.kind.is_none())),
            produced: produced.map(|produced| Version::new(&produced.uid, &produced.resource_version)),
            stores: stores(object),
            texts: texts(object),
            failed: false,
            fights: Fights::default(),
            failures: 0,
            said: None,
            stirred: None,
            asked: state.began,
            target: target.clone(),
            versions: Texts::remembered(object),
        };
        state.catch_up(&mut entry);
        let texts = entry.texts.clone();
        state.entries.insert(key.clone(), entry);
        state.retarget(&key, None, Some(&target));
        state.reread(&key, &[], &texts);
        News::First
    }

    /// Forgets an ExternalSecret, unless one of the same name was made since; says whether it was known.
    pub(crate) fn forget(&self, key: &Key, uid: Option<&str>) -> bool {
        let mut state = self.lock();
        let same = state.entries.get(key).is_some_and(|entry| uid.is_none_or(|uid| entry.uid == Mark::of(uid)));
        if same && let Some(entry) = state.entries.remove(key) {
            state.retarget(key, Some(&entry.target), None);
            state.reread(key, &entry.texts, &[]);
        }
        same
    }

    /// Takes note of a Secret, or of its end; says which ExternalSecrets need a turn.
    pub(crate) fn observe_secret(&self, secret: &Key, version: Option<Version>) -> Vec<Key> {
        let mut state = self.lock();
        if state.noting && !state.complete {
            match version {
                Some(version) => drop(state.strangers.insert(secret.clone(), version)),
                None => drop(state.strangers.remove(secret)),
            }
        }
        state.observe_target(&Target { kind: None, key: secret.clone() }, version)
    }

    /// Takes note of an object of another kind, or of its end; says which ExternalSecrets need a turn.
    pub(crate) fn observe_object(&self, kind: &Arc<Kind>, object: &Key, version: Option<Version>) -> Vec<Key> {
        self.lock().observe_target(&Target { kind: Some(Arc::clone(kind)), key: object.clone() }, version)
    }

    /// Kinds of objects that ExternalSecrets become.
    pub(crate) fn kinds(&self) -> HashSet<Arc<Kind>> {
        self.lock().targets.keys().filter_map(|target| target.kind.clone()).collect()
    }

    /// Objects of a kind in a namespace, or in all, that are known.
    pub(crate) fn objects(&self, kind: &Kind, namespace: Option<&str>) -> HashSet<Key> {
        let state = self.lock();
        let known = state.entries.values().filter(|entry| entry.secret.version().is_some() && entry.target.kind.as_deref() == Some(kind));
        let known = known.map(|entry| &entry.target.key);
        known.filter(|key| namespace.is_none_or(|namespace| key.namespace() == namespace)).cloned().collect()
    }

    /// Takes note of a ConfigMap or a Secret that may hold templates, or of its end; says which ExternalSecrets need a turn, with new values or without.
    pub(crate) fn observe_text(&self, text: &Place, version: Option<Version>) -> Vec<Key> {
        let version = version.map(|version| version.to_string());
        let mut state = self.lock();
        let concerned = state.texts.get(text).cloned().unwrap_or_default();
        let mut stirred = Vec::new();
        for key in concerned {
            let Some(entry) = state.entries.get_mut(&key) else { continue };
            if entry.versions.saw(text, version.as_deref()).unwrap_or(entry.failed) {
                entry.stirred = Some(Instant::now());
                stirred.push(key);
            }
        }
        stirred
    }

    /// Takes note of the templates that were used; says whether one of them is another by now, and the object needs a turn.
    pub(crate) fn used_texts(&self, key: &Key, used: BTreeMap<Place, String>) -> bool {
        let stirred = self.with(key, |entry| {
            let other = entry.versions.used(used);
            if other {
                entry.stirred = Some(Instant::now());
            }
            other
        });
        stirred.unwrap_or_default()
    }

    /// ExternalSecrets of a store that wait for it.
    pub(crate) fn waiting_for(&self, store: &StoreId) -> Vec<Key> {
        let state = self.lock();
        state.entries.iter().filter(|(_, entry)| entry.failed && entry.stores.contains(store)).map(|(key, _)| key.clone()).collect()
    }

    /// ExternalSecrets of a store, whose values are to be read anew.
    pub(crate) fn stir(&self, store: &StoreId) -> Vec<Key> {
        let now = Instant::now();
        let mut state = self.lock();
        let concerned = state.entries.iter_mut().filter(|(_, entry)| entry.stores.contains(store));
        concerned
            .map(|(key, entry)| {
                entry.stirred = Some(now);
                key.clone()
            })
            .collect()
    }

    /// The server has objects: Secrets that come before them are noted.
    pub(crate) fn note_secrets(&self) {
        self.lock().noting = true;
    }

    /// A list of all objects begins.
    pub(crate) fn begin(&self) {
        self.lock().began = Some(Instant::now());
    }

    /// All objects were listed: Secrets without an ExternalSecret are of no interest from now on.
    pub(crate) fn complete(&self) {
        let mut state = self.lock();
        state.complete = true;
        state.began = None;
        state.strangers = HashMap::new();
    }

    /// Keys of the ExternalSecrets of a namespace, or of all.
    pub(crate) fn keys(&self, namespace: Option<&str>) -> Vec<Key> {
        let state = self.lock();
        state.entries.keys().filter(|key| namespace.is_none_or(|namespace| key.namespace() == namespace)).cloned().collect()
    }

    /// Secrets of a namespace, or of all, that are known.
    pub(crate) fn secrets(&self, namespace: Option<&str>) -> HashSet<Key> {
        let state = self.lock();
        let known =
            state.entries.values().filter(|entry| entry.secret.version().is_some() && entry.target.kind.is_none()).map(|entry| &entry.target.key);
        known.chain(state.strangers.keys()).filter(|key| namespace.is_none_or(|namespace| key.namespace() == namespace)).cloned().collect()
    }

    /// Whether this very object is known, rather than one of the same name or none.
    pub(crate) fn knows(&self, object: &ExternalSecret) -> bool {
        let (uid, _) = uid_and_version(object);
        self.lock().entries.get(&Key::of(object)).is_some_and(|entry| entry.uid == uid)
    }

    /// Whether the Secret is what was last made of the object.
    pub(crate) fn is_untouched(&self, key: &Key) -> bool {
        self.lock().entries.get(key).is_some_and(|entry| entry.produced.is_some() && entry.secret.version() == entry.produced && !entry.failed)
    }

    /// The Secret of an ExternalSecret is as it should be, or was when it was written.
    ///
    /// Nothing is noted of an object that was made anew meanwhile, or becomes something else by now.
    pub(crate) fn made(&self, object: &ExternalSecret, version: Version) {
        let key = Key::of(object);
        let ((uid, _), target) = (uid_and_version(object), Target::of(object, key.namespace()));
        self.with(&key, |entry| {
            if entry.uid == uid && entry.target == target {
                entry.secret.write(version);
                entry.produced = Some(version);
            }
        });
    }

    /// A turn that began at this time ended well: whatever asked for it before is done. Says whether the last one had failed.
    pub(crate) fn settle(&self, key: &Key, started: Instant) -> bool {
        let settle = |entry: &mut Entry| {
            entry.failures = 0;
            entry.stirred = entry.stirred.filter(|stirred| *stirred > started);
            std::mem::take(&mut entry.failed)
        };
        self.with(key, settle).unwrap_or_default()
    }

    /// A turn begins; since when the object waited in truth.
    pub(crate) fn begin_turn(&self, key: &Key) -> Option<Instant> {
        self.with(key, |entry| {
            entry.secret.begin();
            entry.asked.take()
        })?
    }

    /// Looks at an entry, or changes what others may change.
    pub(crate) fn with<T>(&self, key: &Key, look: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.lock().entries.get_mut(key).map(look)
    }

    /// How many ExternalSecrets are known.
    pub(crate) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Holds the templates of an object that is new to us against the Secrets that came before it.
    fn catch_up(&self, entry: &mut Entry) {
        for text in entry.texts.iter().filter(|(secret, _)| *secret) {
            if let Some(version) = self.strangers.get(&text.1)
                && entry.versions.saw(text, Some(&version.to_string())) == Some(true)
            {
                entry.stirred = Some(Instant::now());
            }
        }
    }

    fn observe_target(&mut self, target: &Target, version: Option<Version>) -> Vec<Key> {
        let owners = self.targets.get(target).cloned().unwrap_or_default();
        let mut stirred: Vec<Key> = Vec::new();
        for key in owners {
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            if entry.secret.tell(version) && (version.is_none() || version != entry.produced) {
                stirred.push(key);
            }
        }
        stirred
    }

    fn reread(&mut self, key: &Key, before: &[Place], now: &[Place]) {
        for text in before {
            if let Some(keys) = self.texts.get_mut(text) {
                keys.retain(|known| known != key);
                if keys.is_empty() {
                    self.texts.remove(text);
                }
            }
        }
        for text in now {
            self.texts.entry(text.clone()).or_default().push(key.clone());
        }
    }

    fn retarget(&mut self, key: &Key, before: Option<&Target>, now: Option<&Target>) {
        if let Some(before) = before
            && let Some(keys) = self.targets.get_mut(before)
        {
            keys.retain(|known| known != key);
            if keys.is_empty() {
                self.targets.remove(before);
            }
        }
        if let Some(now) = now {
            self.targets.entry(now.clone()).or_default().push(key.clone());
        }
    }
}

fn stores(object: &ExternalSecret) -> Vec<StoreId> {
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    object.stores().iter().map(|store| StoreId::of(store, namespace)).collect()
}

fn texts(object: &ExternalSecret) -> Vec<Place> {
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let template = object.spec.target.as_ref().and_then(|target| target.template.as_ref());
    let from = template.into_iter().flat_map(|template| &template.template_from);
    let places = from.flat_map(|from| [(false, from.config_map.as_ref()), (true, from.secret.as_ref())]);
    places.filter_map(|(secret, source)| Some((secret, Key::new(namespace, &source?.name)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_watch_tells_during_a_turn_counts_more_than_what_the_turn_wrote() {
        let (index, mut object) = (Index::default(), ExternalSecret::default());
        object.metadata.namespace = Some("shop".to_owned());
        object.metadata.name = Some("db".to_owned());
        index.observe(&object);
        let (key, version) = (Key::of(&object), |version: &str| Some(Version::new("secret", version)));
        let write = |told: &[Option<Version>]| {
            index.begin_turn(&key);
            told.iter().for_each(|version| drop(index.observe_secret(&key, *version)));
            index.made(&object, Version::new("secret", "7"));
            index.is_untouched(&key)
        };
        assert!(write(&[]) && write(&[version("7")]), "nobody else wrote it");
        assert!(!write(&[version("7"), version("8")]), "it was edited before the answer came");
        assert!(!write(&[version("7"), None]), "it was deleted before the answer came");
    }

    #[test]
    fn a_turn_says_nothing_of_an_object_that_is_another_one_by_now() {
        let (index, mut object) = (Index::default(), ExternalSecret::default());
        object.metadata.namespace = Some("shop".to_owned());
        object.metadata.name = Some("db".to_owned());
        object.metadata.uid = Some("first".to_owned());
        index.observe(&object);
        let (key, version, before) = (Key::of(&object), Version::new("secret", "7"), object.clone());
        index.made(&before, version);
        assert!(index.is_untouched(&key));
        object.spec.target = Some(crds::external_secret::Target { name: Some("other".to_owned()), ..Default::default() });
        object.metadata.generation = Some(2);
        index.observe(&object);
        index.made(&before, version);
        assert!(!index.is_untouched(&key), "it becomes another Secret now");
        index.made(&object, version);
        let mut anew = object.clone();
        anew.metadata.uid = Some("second".to_owned());
        index.observe(&anew);
        index.made(&object, version);
        assert!(!index.is_untouched(&key) && index.knows(&anew) && !index.knows(&object), "it was made anew");
    }

    #[test]
    fn what_asks_for_new_values_during_a_turn_outlives_it() {
        let (index, object) = (Index::default(), ExternalSecret::default());
        index.observe(&object);
        let key = Key::of(&object);
        let stir = |at: Instant| index.with(&key, |entry| (entry.stirred, entry.failed) = (Some(at), true)).unwrap();
        let started = Instant::now();
        stir(started);
        assert!(index.settle(&key, started) && !index.settle(&key, started), "the failure is over");
        assert!(index.with(&key, |entry| entry.stirred).unwrap().is_none());
        stir(started + std::time::Duration::from_millis(1));
        index.settle(&key, started);
        assert!(index.with(&key, |entry| entry.stirred).unwrap().is_some());
    }
}
