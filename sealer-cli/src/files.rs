//! SOPS files at the terminal: what our own commands and the face of sops have in common.

mod configuration;
mod example;
mod options;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::file::{Recipe, Writing, unlock, unlock_text};
use engine::{Cause, Error, ErrorKind, Keychain, Recipient, Result};
use jiff::Timestamp;
use keys::{Credentials, MasterKeyKind};
use sops::{DecryptedText, EncryptedFile, MacCheck, Manner, Store, Style};

pub(crate) use configuration::{Found, Lookup};
pub(crate) use example::example;
pub(crate) use options::{ConfigOption, InputOption, OrderOption, Recipients, RuleFlags};

use crate::credentials::Surroundings;
use crate::input::{Claims, Source, has_ending, read_claimed};
use crate::output::{note, paint, plural};

/// What a run over files works with.
pub(crate) struct Desk {
    /// Master keys, each signed in to once.
    pub(crate) keychain: Keychain,
    runtime: tokio::runtime::Runtime,
    now: Timestamp,
}

impl Desk {
    /// Sets up; nothing is read or asked before it is needed.
    pub(crate) fn new(now: Timestamp) -> Result<Self> {
        let credentials: Arc<dyn Credentials> = Arc::new(Surroundings::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|_| Error::new(ErrorKind::Bug, "start the runtime"))?;
        Ok(Self { keychain: Keychain::new(&kinds(), &credentials), runtime, now })
    }

    /// Tries kinds of keys in another order.
    pub(crate) fn in_order(self, order: Option<Vec<String>>) -> Self {
        match order {
            Some(order) => Self { keychain: self.keychain.in_order(order), ..self },
            None => self,
        }
    }

    /// Waits for what asks master keys.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Decrypts a file whose values are shown, in its own format or another one.
    pub(crate) fn text(&self, file: EncryptedFile, output: &'static dyn Store, check: MacCheck) -> Result<DecryptedText> {
        let file = file.forgetting();
        if output.name() == file.store().name() {
            return self.wait(unlock_text(&self.keychain, file, check));
        }
        let file = self.wait(unlock(&self.keychain, file, check, Manner::Anew(Style::default())))?.file;
        Ok(DecryptedText { text: file.plain.emit(output, Style::default())?, lost_comments: file.lost_comments })
    }

    /// How a file is written now.
    pub(crate) fn writing(&self, store: &'static dyn Store, manner: Manner) -> Writing {
        // Whole seconds, as the format has them.
        let now = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        Writing { store, manner, now: now.to_string() }
    }

    /// What a new file gets by a creation rule.
    pub(crate) fn recipe(&self, rule: &sops::CreationRule) -> Result<Recipe> {
        let group = |entries: &Vec<sops::KeyEntry>| entries.iter().map(|entry| self.keychain.recipient(entry)).collect::<Result<Vec<Recipient>>>();
        let groups = rule.groups.iter().map(group).collect::<Result<_>>()?;
        Ok(Recipe { groups, threshold: rule.threshold, rule: rule.rule.clone(), mac_only_encrypted: rule.mac_only_encrypted })
    }
}

/// Every kind of master key: those that need nobody, and those of systems outside.
pub(crate) fn kinds() -> Vec<&'static dyn MasterKeyKind> {
    engine::master_key_kinds()
}

/// The format of a file: what was asked for, or what its name says.
pub(crate) fn store(asked: Option<&str>, path: &Path) -> Result<&'static dyn Store> {
    match asked {
        Some(name) => sops::named(name).ok_or_else(|| {
            let names: Vec<&str> = sops::STORES.iter().map(|store| store.name()).collect();
            Error::input(format!("use the format {name}: there is none of that name")).advise(format!("Use one of {}", names.join(", ")))
        }),
        None => Ok(sops::of_name(&path.to_string_lossy())),
    }
}

/// True if the failure is that a file has no metadata.
pub(crate) fn is_not_encrypted(error: &Error) -> bool {
    error.cause() == Some(Cause::File(sops::ErrorKind::NotEncrypted))
}

/// Reads everything that the user named; in folders, every file of a format that has a name.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Source>> {
    let endings: Vec<&str> = sops::STORES.iter().flat_map(|store| store.suffixes()).map(|suffix| suffix.trim_start_matches('.')).collect();
    read_claimed(paths, Claims::of(&|name| name == ".env" || has_ending(name, &endings)))
}

/// Says that comments of a file do not decrypt.
pub(crate) fn lost_comments(name: &str, count: usize) {
    if count > 0 {
        let comments = plural(count, "comment");
        note(&format!("{} {name}: {comments} should be encrypted and cannot be decrypted; shown as in the file", paint("warning:", "1;33")));
    }
}
