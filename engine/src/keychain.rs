//! Data keys of SOPS files: opened and wrapped with the master keys of a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use keys::{AgePlugins, Credentials, DataKey, Fields, KeyService, KindNames, MasterKeyKind, SecretBytes, WrappedKey, shamir};
use sops::{KeyEntry, KeyGroup, Metadata};

use crate::error::{Cause, Error, ErrorKind, Result};

/// A master key that nothing is wrapped with yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Name of its kind in the metadata.
    pub kind: String,
    /// What tells it from others of the kind.
    pub fields: Fields,
}

/// The master keys of a run: each kind signs in once, however many files there are.
pub struct Keychain {
    kinds: Vec<Kind>,
    /// Kinds by name in the order in which they are tried.
    order: Vec<String>,
}

struct Kind {
    kind: &'static dyn MasterKeyKind,
    service: Box<dyn KeyService>,
}

/// What became of the master keys of a file when none, or not enough, of them opened its data key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LostKey {
    /// How many groups are needed, as the file says it; zero means all.
    pub threshold: usize,
    /// The groups, in the order of the file.
    pub groups: Vec<LostGroup>,
}

/// What became of one group of master keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LostGroup {
    /// True if one of its keys opened its part.
    pub is_open: bool,
    /// Keys that were tried in vain.
    pub failures: Vec<LostPart>,
}

/// One master key that does not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostPart {
    /// Name of its kind in the metadata.
    pub kind: String,
    /// What tells it from others.
    pub identity: String,
    /// Why it does not open.
    pub reason: String,
}

/// Kinds that are tried first where nothing else is said.
///
/// *Source*: sops `sops.go`, v3.13.3.
pub const DEFAULT_ORDER: [&str; 2] = ["age", "pgp"];

/// Every kind of master key.
#[must_use]
pub fn master_key_kinds() -> Vec<&'static dyn MasterKeyKind> {
    keys::MASTER_KEYS.iter().copied().chain(providers::master_keys()).collect()
}

/// What starts the plugins of age.
#[must_use]
pub fn age_plugins() -> &'static dyn AgePlugins {
    providers::AGE_PLUGINS
}

impl Keychain {
    /// Begins a run.
    #[must_use]
    pub fn new(kinds: &[&'static dyn MasterKeyKind], credentials: &Arc<dyn Credentials>) -> Self {
        let kinds = kinds.iter().map(|kind| Kind { kind: *kind, service: kind.service(credentials.clone()) }).collect();
        Self { kinds, order: DEFAULT_ORDER.map(str::to_owned).to_vec() }
    }

    /// Tries kinds in another order; those that are not named come last.
    #[must_use]
    pub fn in_order(mut self, order: Vec<String>) -> Self {
        self.order = order;
        self
    }

    /// What kinds are called.
    #[must_use]
    pub fn names(&self) -> Vec<&'static KindNames> {
        self.kinds.iter().map(|kind| kind.kind.names()).collect()
    }

    /// Reads a master key as the configuration or a flag writes it.
    ///
    /// # Errors
    /// Input: it is not one of its kind.
    pub fn recipient(&self, entry: &KeyEntry) -> Result<Recipient> {
        let kind = self.kind(entry.kind)?;
        let fields = kind.kind.parse_entry(&entry.entry).map_err(|error| Error::input(format!("use a master key: {error}")))?;
        Ok(Recipient { kind: entry.kind.to_owned(), fields })
    }

    /// What tells a key from others, as messages and comparisons have it; of a kind that nobody here knows all fields but what is wrapped.
    #[must_use]
    pub fn identity(&self, kind: &str, fields: &Fields) -> String {
        self.kind(kind).map_or_else(
            |_| {
                let telling = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "enc" | "created_at"));
                telling.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
            },
            |kind| kind.kind.identity(fields),
        )
    }

    /// Opens the data key of a file. Keys that ask nobody outside are tried first, one after another; then all others at once.
    ///
    /// # Errors
    /// Denied: too few groups open; the message has the reason of each key.
    pub async fn open(&self, metadata: &Metadata) -> Result<DataKey> {
        let needed = if metadata.threshold == 0 { metadata.groups.len() } else { metadata.threshold.min(metadata.groups.len()) };
        let mut progress = Progress { shares: BTreeMap::new(), groups: vec![LostGroup::default(); metadata.groups.len()], needed };
        for (at, group) in metadata.groups.iter().enumerate() {
            for key in self.sorted(group).filter(|key| !self.is_remote(key)) {
                if progress.shares.contains_key(&at) || progress.is_done() {
                    break;
                }
                let opened = self.open_one(key).await;
                progress.note(at, self.told(key), opened);
            }
        }
        let mut waiting = FuturesUnordered::new();
        for (at, group) in metadata.groups.iter().enumerate().filter(|(at, _)| !progress.shares.contains_key(at)) {
            for key in self.sorted(group).filter(|key| self.is_remote(key) && !progress.is_done()) {
                waiting.push(async move { (at, self.told(key), self.open_one(key).await) });
            }
        }
        while !progress.is_done() {
            let Some((at, told, opened)) = waiting.next().await else { break };
            progress.note(at, told, opened);
        }
        progress.finish(metadata)
    }

    /// Wraps a data key for groups of recipients: whole for one group, in shares for more.
    ///
    /// # Errors
    /// Input: there are no recipients; Denied or Busy: a key cannot wrap.
    pub async fn wrap(&self, groups: &[Vec<Recipient>], threshold: usize, key: &DataKey, now: &str) -> Result<Vec<KeyGroup>> {
        if let Some(empty) = groups.iter().position(Vec::is_empty) {
            return Err(Error::input(format!("encrypt for key group {}: it has no keys", empty + 1)).caused_by(Cause::Wrapping));
        }
        let shares = if groups.len() > 1 {
            let threshold = if threshold == 0 { groups.len() } else { threshold };
            shamir::split(key.secret(), groups.len(), threshold).map_err(Error::from)?
        } else {
            vec![key.secret().duplicate()]
        };
        let mut wrapped = Vec::new();
        for (group, share) in groups.iter().zip(&shares) {
            let mut keys = Vec::new();
            for recipient in group {
                keys.push(self.wrap_one(recipient, share, now).await?);
            }
            wrapped.push(keys);
        }
        Ok(wrapped)
    }

    async fn wrap_one(&self, recipient: &Recipient, share: &SecretBytes, now: &str) -> Result<WrappedKey> {
        let kind = self.kind(&recipient.kind)?;
        let shown = format!("{} {}", recipient.kind, kind.kind.identity(&recipient.fields));
        let enc = kind.service.wrap(&recipient.fields, share).await;
        let enc =
            enc.map_err(|error| Error::new(ErrorKind::Denied, format!("encrypt the data key for {shown}: {error}")).caused_by(Cause::Wrapping))?;
        let mut fields = recipient.fields.clone();
        fields.insert("enc".to_owned(), enc.into());
        if kind.kind.is_dated() {
            fields.insert("created_at".to_owned(), now.into());
        }
        Ok(WrappedKey { kind: recipient.kind.clone(), fields })
    }

    async fn open_one(&self, key: &WrappedKey) -> Result<SecretBytes> {
        let kind = self.kind(&key.kind)?;
        kind.service.open(&key.fields).await.map_err(Error::from)
    }

    fn kind(&self, name: &str) -> Result<&Kind> {
        let found = self.kinds.iter().find(|kind| kind.kind.names().metadata == name);
        found.ok_or_else(|| Error::new(ErrorKind::Denied, format!("use a master key of the kind {name}: this version does not know it")))
    }

    fn is_remote(&self, key: &WrappedKey) -> bool {
        self.kind(&key.kind).is_ok_and(|kind| kind.kind.is_remote())
    }

    /// Kind and identity.
    fn told(&self, key: &WrappedKey) -> (String, String) {
        (key.kind.clone(), self.identity(&key.kind, &key.fields))
    }

    fn sorted<'g>(&self, group: &'g KeyGroup) -> impl Iterator<Item = &'g WrappedKey> + use<'g> {
        let mut keys: Vec<&WrappedKey> = group.iter().collect();
        keys.sort_by_key(|key| self.order.iter().position(|kind| *kind == key.kind).unwrap_or(usize::MAX));
        keys.into_iter()
    }
}

/// What is open so far, and why the rest is not.
struct Progress {
    shares: BTreeMap<usize, SecretBytes>,
    groups: Vec<LostGroup>,
    needed: usize,
}

impl Progress {
    fn is_done(&self) -> bool {
        self.shares.len() >= self.needed
    }

    fn note(&mut self, at: usize, (kind, identity): (String, String), opened: Result<SecretBytes>) {
        let Some(group) = self.groups.get_mut(at) else { return };
        match opened {
            Ok(share) => {
                group.is_open = true;
                self.shares.insert(at, share);
            }
            Err(error) => group.failures.push(LostPart { kind, identity, reason: error.message().to_owned() }),
        }
    }

    fn finish(self, metadata: &Metadata) -> Result<DataKey> {
        if self.needed == 0 || !self.is_done() {
            return Err(self.lost(metadata));
        }
        let lost = |error: keys::Error| Error::new(ErrorKind::Tampered, format!("put the data key together: {error}")).caused_by(Cause::DataKey);
        let mut shares: Vec<SecretBytes> = self.shares.into_values().collect();
        let whole = match (metadata.groups.len(), shares.pop()) {
            (1, Some(whole)) => whole,
            (_, Some(last)) => {
                shares.push(last);
                shamir::join(&shares, self.needed).map_err(lost)?
            }
            (_, None) => SecretBytes::new(Vec::new()),
        };
        DataKey::from_secret(whole).map_err(lost)
    }

    fn lost(self, metadata: &Metadata) -> Error {
        let several = metadata.groups.len() > 1;
        let mut message = if several {
            format!("open the data key: {} of the {} key groups that it takes open", self.shares.len(), self.needed)
        } else {
            "open the data key: none of the master keys opens it".to_owned()
        };
        for (at, group) in self.groups.iter().enumerate() {
            for LostPart { kind, identity, reason } in &group.failures {
                let group = if several { format!("group {}, ", at + 1) } else { String::new() };
                message.push_str(&format!("\n  {group}{kind} {identity}: {reason}"));
            }
        }
        let lost = LostKey { threshold: metadata.threshold, groups: self.groups };
        Error::new(ErrorKind::Denied, message).caused_by(Cause::DataKey).with_lost_key(lost)
    }
}
