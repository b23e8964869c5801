//! What is known of every object, in some hundred bytes each; never an object, and never a secret.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crds::SealedSecret;
use keys::{Fingerprint, Tag};
use kube::Resource;

use crate::fights::Fights;
use crate::key::{Key, Mark, Version, uid_and_version};
use crate::seen::Seen;
use crate::status;

/// Everything that is known.
#[derive(Debug)]
pub(crate) struct Index {
    state: Mutex<State>,
    /// Whether Secrets are watched: without it nobody knows whether they are still what they were.
    watched: bool,
    /// Whether the state of an object shows in its status.
    reported: bool,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Key, Entry>,
    /// Secrets whose SealedSecret is not known yet; only until all objects were listed.
    strangers: HashMap<Key, Version>,
    complete: bool,
}

/// One SealedSecret and the Secret of its name.
#[derive(Debug)]
pub(crate) struct Entry {
    source: Source,
    secret: Seen,
    produced: Option<Produced>,
    refused: Option<Refused>,
    /// What was so when another try was put off: until something else is so, no news of it is worth a turn.
    delayed: Option<(Fingerprint, u64)>,
    /// Writes against somebody else's.
    pub(crate) fights: Fights,
    /// Failures in a row that may pass by themselves.
    pub(crate) failures: u32,
    /// Digest of the last event that was sent.
    pub(crate) said: Option<Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    uid: Mark,
    /// Its resourceVersion, which grows; zero if it is no number.
    version: u64,
    digest: Fingerprint,
    /// Whether its status says of this generation that all is well.
    reported: bool,
}

/// The Secret that was last made, or found to be as it should.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Produced {
    /// Digest of the source.
    pub(crate) digest: Fingerprint,
    /// The Secret.
    pub(crate) secret: Version,
    /// Stands for its data; None if it was not seen by this process.
    pub(crate) tag: Option<Tag>,
}

/// What nothing but a change can help against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refused {
    digest: Fingerprint,
    ring: u64,
    /// What had happened to the Secret when the turn began.
    news: u64,
}

impl Index {
    pub(crate) fn new(watched: bool, reported: bool) -> Self {
        Self { state: Mutex::default(), watched, reported }
    }

    /// Takes note of a SealedSecret of this digest; says whether it needs a turn.
    ///
    /// What its status remembers counts unless this process knows better, and it knows better only if it `leads`.
    pub(crate) fn observe_source(&self, object: &SealedSecret, digest: Fingerprint, leads: bool) -> bool {
        let key = Key::of(object);
        let (uid, version) = uid_and_version(object);
        let source = Source { uid, version, digest, reported: status::is_good(object) };
        let mut state = self.lock();
        let stranger = state.strangers.remove(&key);
        let entry = state.entries.entry(key).or_insert_with(|| Entry::new(source, Seen::new(stranger)));
        if source.version != 0 && source.version < entry.source.version {
            // An older word than the last one: of a read that was overtaken by the watch.
            return !self.is_settled_entry(entry);
        }
        if entry.source.uid != source.uid {
            *entry = Entry::new(source, Seen::new(entry.secret.version()));
        }
        if entry.source.digest != source.digest {
            entry.failures = 0;
        }
        entry.source = source;
        if entry.produced.is_none() || !leads {
            entry.produced = remembered(object).or(entry.produced);
        }
        !self.is_settled_entry(entry) && !entry.is_delayed()
    }

    /// Digest of an object that is known in this very version.
    pub(crate) fn digest_of(&self, object: &impl Resource) -> Option<Fingerprint> {
        self.source_of(object).filter(|(source, version)| *version != 0 && source.version == *version).map(|(source, _)| source.digest)
    }

    /// Whether this version of an object, or a later one, is known.
    pub(crate) fn is_old(&self, object: &impl Resource) -> bool {
        self.source_of(object).is_some_and(|(source, version)| version != 0 && source.version >= version)
    }

    /// Whether this very object is known, rather than one of the same name or none.
    pub(crate) fn knows(&self, object: &impl Resource) -> bool {
        self.source_of(object).is_some()
    }

    /// What is known of this very object, and the version that is asked about.
    fn source_of(&self, object: &impl Resource) -> Option<(Source, u64)> {
        let (uid, version) = uid_and_version(object);
        let source = self.lock().entries.get(&Key::of(object)).map(|entry| entry.source);
        Some((source.filter(|source| source.uid == uid)?, version))
    }

    /// Forgets a SealedSecret that was deleted, unless one of the same name was made since; says whether it was known.
    pub(crate) fn forget_source(&self, key: &Key, uid: Option<&str>) -> bool {
        let mut state = self.lock();
        let same = state.entries.get(key).is_some_and(|entry| uid.is_none_or(|uid| entry.source.uid == Mark::of(uid)));
        if same && let Some(secret) = state.entries.remove(key).and_then(|entry| entry.secret.version()).filter(|_| !state.complete) {
            state.strangers.insert(key.clone(), secret);
        }
        same
    }

    /// Takes note of a Secret, or of its end; says whether its SealedSecret needs a turn.
    pub(crate) fn observe_secret(&self, key: &Key, secret: Option<Version>) -> bool {
        let mut state = self.lock();
        if let Some(entry) = state.entries.get_mut(key) {
            return entry.secret.tell(secret) && !self.is_settled_entry(entry) && !entry.is_delayed();
        }
        match secret {
            Some(secret) if !state.complete => drop(state.strangers.insert(key.clone(), secret)),
            _ => drop(state.strangers.remove(key)),
        }
        false
    }

    /// All objects were listed: Secrets without a SealedSecret are of no interest from now on.
    pub(crate) fn complete(&self) {
        let mut state = self.lock();
        state.complete = true;
        state.strangers = HashMap::new();
        state.entries.shrink_to_fit();
    }

    /// Whether all objects were listed.
    pub(crate) fn is_complete(&self) -> bool {
        self.lock().complete
    }

    /// Keys of the SealedSecrets of a namespace, or of all.
    pub(crate) fn keys(&self, namespace: Option<&str>) -> Vec<Key> {
        let state = self.lock();
        state.entries.keys().filter(|key| namespace.is_none_or(|namespace| key.namespace() == namespace)).cloned().collect()
    }

    /// Keys of the Secrets of a namespace, or of all, that are known.
    pub(crate) fn secrets(&self, namespace: Option<&str>) -> Vec<Key> {
        let state = self.lock();
        let known = state.entries.iter().filter(|(_, entry)| entry.secret.version().is_some()).map(|(key, _)| key);
        known.chain(state.strangers.keys()).filter(|key| namespace.is_none_or(|namespace| key.namespace() == namespace)).cloned().collect()
    }

    /// Keys of SealedSecrets that nothing helped so far: another ring may.
    pub(crate) fn refused(&self) -> Vec<Key> {
        let state = self.lock();
        state.entries.iter().filter(|(_, entry)| entry.refused.is_some()).map(|(key, _)| key.clone()).collect()
    }

    /// Whether a turn would find nothing to do.
    pub(crate) fn is_settled(&self, key: &Key) -> bool {
        self.lock().entries.get(key).is_none_or(|entry| self.is_settled_entry(entry))
    }

    /// Looks at an entry, or changes what others may change.
    pub(crate) fn with<T>(&self, key: &Key, look: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.lock().entries.get_mut(key).map(look)
    }

    /// How many SealedSecrets are known.
    pub(crate) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_settled_entry(&self, entry: &Entry) -> bool {
        if entry.refused.is_some_and(|refused| refused.digest == entry.source.digest && refused.news == entry.secret.news()) {
            return true;
        }
        let made = entry.produced.filter(|produced| produced.digest == entry.source.digest);
        let untouched = made.is_some_and(|produced| !self.watched || entry.secret.version() == Some(produced.secret));
        untouched && (entry.source.reported || !self.reported) && !entry.fights.are_on()
    }
}

impl Entry {
    fn new(source: Source, secret: Seen) -> Self {
        Self { source, secret, produced: None, refused: None, delayed: None, fights: Fights::default(), failures: 0, said: None }
    }

    /// The Secret as it is now, as far as it is known.
    pub(crate) fn secret(&self) -> Option<Version> {
        self.secret.version()
    }

    /// The Secret that was last made.
    pub(crate) fn produced(&self) -> Option<Produced> {
        self.produced
    }

    /// The Secret is as it should be, or was when it was written.
    pub(crate) fn set_produced(&mut self, produced: Produced) {
        self.secret.write(produced.secret);
        self.produced = Some(produced);
        self.refused = None;
    }

    /// The Secret was read.
    pub(crate) fn see(&mut self, secret: Version) {
        self.secret.read(secret);
    }

    /// Nothing but a change of the object, of the ring, or of the Secret since the turn began helps.
    pub(crate) fn set_refused(&mut self, digest: Fingerprint, ring: u64) {
        self.refused = Some(Refused { digest, ring, news: self.secret.begun() });
    }

    /// Another try comes later by itself.
    pub(crate) fn delay(&mut self) {
        self.delayed = Some((self.source.digest, self.secret.news()));
    }

    /// Another try begins.
    pub(crate) fn begin(&mut self) {
        self.delayed = None;
        self.secret.begin();
    }

    fn is_delayed(&self) -> bool {
        self.delayed == Some((self.source.digest, self.secret.news()))
    }

    /// Another ring may help.
    pub(crate) fn unrefuse(&mut self, ring: u64) {
        if self.refused.is_some_and(|refused| refused.ring != ring) {
            self.refused = None;
        }
    }
}

/// What a status remembers.
fn remembered(object: &SealedSecret) -> Option<Produced> {
    let produced = object.status.as_ref()?.produced.as_ref()?;
    let secret = Version::new(&produced.uid, &produced.resource_version);
    Some(Produced { digest: produced.source_hash.parse().ok()?, secret, tag: None })
}

#[cfg(test)]
mod tests;
