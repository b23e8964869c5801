//! The folder adapter of `engine::policy` and `engine::renewal`: what the controller does with an API server, this does with files.

mod apply;
mod external;
pub(crate) mod place;
pub(crate) mod report;
mod scan;
mod sealing;
mod state;
pub(crate) mod watch;

use std::cell::RefCell;
use std::fs::File;
use std::path::PathBuf;

use engine::renewal::Renewal;
use engine::{Error, ErrorKind, Result};
use jiff::Timestamp;
use keys::KeyRing;

use crate::input::file_error;
use crate::keyring::{RenewalOptions, read_folder};
use crate::output::{below, make_closed_folder, make_private_folder};
pub(crate) use external::Reads;
use report::Report;
use scan::Scan;
use state::State;

/// A folder of sources and a folder of results.
pub(crate) struct Folder {
    /// The folder as the user named it.
    pub(crate) shown: PathBuf,
    /// The folder of sources; nothing is written there but with `in_place`.
    pub(crate) source: PathBuf,
    /// The folder of results.
    pub(crate) out: PathBuf,
    /// Whether sealed files go beside their sources.
    pub(crate) in_place: bool,
    /// The folder of keys.
    pub(crate) keys: PathBuf,
    /// Namespace of Secrets that name none.
    pub(crate) namespace: Option<String>,
    /// When and how new keys are made.
    pub(crate) renewal: RenewalOptions,
    /// What this process read of stores, and when.
    pub(crate) reads: RefCell<Reads>,
}

impl Folder {
    /// Keeps a second process out of the results while this one is at them.
    pub(crate) fn lock(&self) -> Result<File> {
        make_private_folder(&self.out)?;
        let path = below(&self.out, ".lock")?;
        let fail = |error: std::io::Error| file_error("lock the folder of results", &error).in_file(path.display().to_string());
        let file = File::options().write(true).create(true).truncate(false).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => {
                let error = Error::new(ErrorKind::Busy, "lock the folder of results: another sealer is at work on it");
                Err(error.in_file(self.out.display().to_string()).advise("Wait for it, or choose another --out"))
            }
            Err(std::fs::TryLockError::Error(error)) => Err(fail(error)),
        }
    }

    /// Does everything that is to be done now.
    ///
    /// # Errors
    /// Keys or the state can not be read or written; whatever concerns one object only is in the report.
    pub(crate) fn pass(&self, now: Timestamp) -> Result<Report> {
        let mut report = Report::default();
        let state_file = self.state_file()?;
        let before = State::read(&state_file)?;
        let mut state = before.clone();
        state.claim(&self.source).map_err(|error| error.in_file(self.out.display().to_string()))?;
        let ring = self.ring(now, &mut report)?;
        make_closed_folder(&below(&self.out, "secrets")?)?;
        self.sweep(&mut state)?;
        let mut scan = Scan::new(self, &mut report)?;
        let sealed = self.seal(&scan, &ring, &mut state, &mut report, now);
        self.unseal(&scan, &sealed, &ring, &mut state, &mut report, now)?;
        let synced = self.sync(&mut scan, &sealed, &mut state, &mut report, now)?;
        if scan.complete {
            self.collect_garbage(&scan, &synced, &mut state, &mut report);
        }
        if state != before || !state_file.exists() {
            state.write(&state_file)?;
        }
        Ok(report)
    }

    /// Where it is remembered what earlier passes did.
    fn state_file(&self) -> Result<PathBuf> {
        below(&self.out, "state.json")
    }

    /// The keys, with a new one if it is due.
    fn ring(&self, now: Timestamp, report: &mut Report) -> Result<KeyRing> {
        let mut ring = KeyRing::new(read_folder(&self.keys)?);
        if self.renewal.next(&ring, now) == Renewal::Due {
            let why = if ring.keys().is_empty() { "the key store was empty" } else { "the newest key reached its age" };
            let name = self.renewal.make(&self.keys, now)?;
            report.did(format!("Key {name}"), "made", why, None);
            ring = KeyRing::new(read_folder(&self.keys)?);
        }
        // It is watched, even if no key was made.
        make_private_folder(&self.keys)?;
        report.next = match self.renewal.next(&ring, now) {
            Renewal::At(moment) => Some(moment),
            Renewal::Due => Some(now),
            Renewal::Never => None,
        };
        Ok(ring)
    }
}
