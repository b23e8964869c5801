//! SOPS files with all kinds of keys: locked, unlocked, changed, and given to others.

use keys::{DataKey, SecretBytes};
use sops::{DecryptedFile, DecryptedText, EncryptedFile, KeyGroup, Lock, MacCheck, Manner, Metadata, PlainFile, PlainText, Rule, Stash, Store};

use crate::error::{Error, ErrorKind, Result};
use crate::keychain::{Keychain, Recipient};

/// The version of sops whose format is written.
pub const FORMAT_VERSION: &str = "3.13.3";

/// What a new file gets.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    /// Groups of recipients; one group guards the whole data key.
    pub groups: Vec<Vec<Recipient>>,
    /// How many groups are needed; zero means all.
    pub threshold: usize,
    /// Which leaves are encrypted; `None` writes no rule, which means the default suffix.
    pub rule: Option<Rule>,
    /// True if only encrypted values count for the MAC.
    pub mac_only_encrypted: bool,
}

/// How a file is written, and when.
#[derive(Clone, Debug)]
pub struct Writing {
    /// In which format.
    pub store: &'static dyn Store,
    /// How.
    pub manner: Manner,
    /// The time, as RFC 3339 in whole seconds and UTC.
    pub now: String,
}

/// A file that is open: content, metadata and the data key that both were read with.
#[derive(Debug)]
pub struct Unlocked {
    /// The content.
    pub file: DecryptedFile,
    /// The key of its values.
    pub key: DataKey,
}

/// What changes about the keys of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// Number of the group, from 1.
    pub group: usize,
    /// Keys that come.
    pub added: Vec<String>,
    /// Keys that go.
    pub removed: Vec<String>,
    /// Keys that stay.
    pub kept: Vec<String>,
}

/// Encrypts a file under a new data key.
///
/// # Errors
/// Input: a value cannot be encrypted, a rule does not compile; Denied or Busy: a key cannot wrap.
pub async fn lock(keychain: &Keychain, plain: PlainText, recipe: &Recipe, writing: &Writing) -> Result<SecretBytes> {
    let key = DataKey::make()?;
    let metadata = Metadata {
        groups: keychain.wrap(&recipe.groups, recipe.threshold, &key, &writing.now).await?,
        threshold: if recipe.groups.len() > 1 { recipe.threshold_written() } else { recipe.threshold },
        last_modified: String::new(),
        mac: String::new(),
        rule: recipe.rule.clone(),
        mac_only_encrypted: recipe.mac_only_encrypted,
        version: FORMAT_VERSION.to_owned(),
        unknown: keys::Fields::new(),
    };
    let lock = Lock { key: &key, metadata, now: writing.now.clone(), stash: Stash::default() };
    Ok(plain.encrypt(lock, writing.store, writing.manner)?.0)
}

/// Decrypts a file; the MAC is verified before anything is given out.
///
/// # Errors
/// Denied: no key opens it; Tampered: a value or the MAC does not fit.
pub async fn unlock(keychain: &Keychain, file: EncryptedFile, check: MacCheck, manner: Manner) -> Result<Unlocked> {
    let key = keychain.open(&file.metadata).await?;
    let file = file.decrypt(&key, check, manner)?;
    Ok(Unlocked { file, key })
}

/// As [`unlock`], in place and for who wants nothing but the text, which takes less time and memory.
///
/// # Errors
/// As [`unlock`].
pub async fn unlock_text(keychain: &Keychain, file: EncryptedFile, check: MacCheck) -> Result<DecryptedText> {
    let key = keychain.open(&file.metadata).await?;
    Ok(file.decrypt_text(&key, check)?)
}

/// Encrypts changed content under the same data key: what did not change keeps its ciphertext.
///
/// # Errors
/// As [`lock`], without those of master keys.
pub fn relock(plain: PlainFile, key: &DataKey, metadata: Metadata, stash: Stash, writing: &Writing) -> Result<SecretBytes> {
    let lock = Lock { key, metadata, now: writing.now.clone(), stash };
    Ok(plain.encrypt(lock, writing.store, writing.manner)?.0)
}

/// Encrypts a file under a new data key, with new nonces for all values, for the same keys with some added and some removed.
///
/// # Errors
/// As [`lock`].
pub async fn rotate(keychain: &Keychain, unlocked: Unlocked, add: &[Recipient], remove: &[Recipient], writing: &Writing) -> Result<SecretBytes> {
    let DecryptedFile { plain, mut metadata, .. } = unlocked.file;
    let identity = |recipient: &Recipient| (recipient.kind.clone(), keychain.identity(&recipient.kind, &recipient.fields));
    let gone: Vec<(String, String)> = remove.iter().map(identity).collect();
    let mut groups = recipients(&metadata.groups);
    // What is removed is gone, even if it is added too.
    if let Some(first) = groups.first_mut() {
        first.extend(add.iter().cloned());
    }
    for group in &mut groups {
        group.retain(|recipient| !gone.contains(&identity(recipient)));
    }
    let key = DataKey::make()?;
    metadata.groups = keychain.wrap(&groups, metadata.threshold, &key, &writing.now).await?;
    relock(plain, &key, metadata, Stash::default(), writing)
}

/// Says how the keys of a file differ from those that it should have; nothing if they do not.
#[must_use]
pub fn key_changes(keychain: &Keychain, metadata: &Metadata, wanted: &[Vec<Recipient>]) -> Vec<KeyChange> {
    let shown = |recipient: &Recipient| keychain.identity(&recipient.kind, &recipient.fields);
    let present = recipients(&metadata.groups);
    let changes = (0..present.len().max(wanted.len())).map(|at| {
        let names = |groups: &[Vec<Recipient>]| groups.get(at).map(|group| group.iter().map(shown).collect::<Vec<_>>()).unwrap_or_default();
        let (before, after) = (names(&present), names(wanted));
        let (kept, removed): (Vec<String>, Vec<String>) = before.into_iter().partition(|name| after.contains(name));
        let added = after.into_iter().filter(|name| !kept.contains(name)).collect();
        KeyChange { group: at + 1, added, removed, kept }
    });
    let changes: Vec<KeyChange> = changes.collect();
    if changes.iter().all(|change| change.added.is_empty() && change.removed.is_empty()) { Vec::new() } else { changes }
}

/// Wraps the data key of a file for other keys: values, MAC and time stay as they are.
///
/// # Errors
/// Denied: no key opens it, or one cannot wrap.
pub async fn update_keys(
    keychain: &Keychain,
    mut file: EncryptedFile,
    wanted: &[Vec<Recipient>],
    threshold: usize,
    writing: &Writing,
) -> Result<SecretBytes> {
    let key = keychain.open(&file.metadata).await?;
    // All groups are needed where nothing is said, and then that is written.
    let all = threshold > wanted.len() || (threshold == 0 && wanted.len() > 1);
    file.metadata.threshold = if all { wanted.len() } else { threshold };
    file.metadata.groups = keychain.wrap(wanted, file.metadata.threshold, &key, &writing.now).await?;
    Ok(file.rewrite(writing.store, writing.manner)?)
}

/// The recipients of wrapped keys.
#[must_use]
pub fn recipients(groups: &[KeyGroup]) -> Vec<Vec<Recipient>> {
    let bare = |key: &keys::WrappedKey| {
        let mut fields = key.fields.clone();
        fields.retain(|name, _| !matches!(name.as_str(), "enc" | "created_at"));
        Recipient { kind: key.kind.clone(), fields }
    };
    groups.iter().map(|group| group.iter().map(bare).collect()).collect()
}

impl Recipe {
    fn threshold_written(&self) -> usize {
        if self.threshold == 0 { self.groups.len() } else { self.threshold }
    }

    /// True if the number of groups that it takes is possible.
    ///
    /// # Errors
    /// Input: more groups are needed than there are.
    pub fn check(&self) -> Result<()> {
        if self.threshold > self.groups.len() {
            let message = format!("encrypt for {} key groups: the threshold is {}", self.groups.len(), self.threshold);
            return Err(Error::new(ErrorKind::Input, message));
        }
        Ok(())
    }
}
