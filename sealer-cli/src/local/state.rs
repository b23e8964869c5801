//! What earlier passes did: which Secrets and sealed files are ours, and what they were made from. Never anything of a plaintext.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use engine::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::input::read_file;
use crate::output::{Access, write_file};

/// Version of the file's shape.
const VERSION: u32 = 1;

/// Everything that is remembered.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct State {
    version: u32,
    /// The folder that everything came from; empty before the first pass.
    #[serde(default)]
    source: String,
    /// Native Secrets that we wrote, by `namespace/name`.
    pub(crate) secrets: BTreeMap<String, Produced>,
    /// Sealed files that we wrote, by path below the sealed folder.
    pub(crate) sealed: BTreeMap<String, String>,
}

/// One Secret that we wrote.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Produced {
    /// SHA-256 of the SealedSecret that it came from: of ciphertexts, annotations and template.
    pub(crate) source: String,
    /// Whether it goes when its source goes.
    pub(crate) owned: bool,
    /// Inode of the file that is about to become the Secret, as long as nobody knows whether it did: then no other file of that name is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<u64>,
    /// The file as we left it: a template with random functions makes another Secret each time, though nobody edited this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) written: Option<Mark>,
}

/// What changes whenever a file is written: its inode, and the time of its last change in seconds and nanoseconds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Mark(u64, i64, i64);

impl Mark {
    /// The mark of a file; None if it is not there.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::symlink_metadata(path).ok()?;
        Some(Self(metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
    }
}

impl Produced {
    /// Whether nobody touched the file since we wrote it.
    pub(crate) fn is_untouched(&self, path: &Path) -> bool {
        self.written.is_some() && self.written == Mark::of(path)
    }

    /// Whether the file there is the one that we wrote, or what somebody made of it.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        self.pending.is_none_or(|inode| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.ino() == inode))
    }
}

impl State {
    /// Reads the file; a missing one is the start.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let source = read_file(path)?;
        // EXPOSE: the state holds digests of ciphertexts only.
        let state: Option<Self> = serde_json::from_slice(source.bytes.expose()).ok();
        state.filter(|state| state.version == VERSION).ok_or_else(|| {
            let error = Error::input("read what earlier passes did: not a state file of this version").in_file(path.display().to_string());
            error.advise("Delete the folder of results and run again")
        })
    }

    /// Binds the results to a folder of sources: of what came from another one every source would seem to be gone.
    pub(crate) fn claim(&mut self, source: &Path) -> Result<()> {
        let source = source.display().to_string();
        if self.source.is_empty() {
            self.source = source;
        } else if self.source != source {
            let error = Error::new(ErrorKind::Denied, format!("use the folder of results: it holds those of {}", self.source));
            return Err(error.advise("Choose another --out, or delete this one if the folder of sources was moved"));
        }
        Ok(())
    }

    /// Writes the file.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let state = Self { version: VERSION, ..self.clone() };
        let text = serde_json::to_vec_pretty(&state).map_err(|_| Error::new(ErrorKind::Bug, "write what this pass did"))?;
        write_file(path, &text, Access::Owner)
    }
}
