//! Files as the face reads and writes them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use keys::SecretBytes;

use super::failure::{Failure, Result, codes, told};
use super::job::Job;
use crate::input::{read_bounded, refuse_unreadable};
use crate::output::{Access, prepare_rewrite, print, put_in_place, write_file};

/// What was read.
pub(super) struct Input {
    /// The file; none for standard input.
    pub(super) path: Option<PathBuf>,
    /// The content.
    pub(super) bytes: SecretBytes,
}

impl Input {
    /// Reads a file.
    pub(super) fn file(path: &Path) -> Result<Self> {
        let read = fs::File::open(path).map_err(|error| format!("open {}: {}", path.display(), reason(&error)));
        let read = read.and_then(|file| read_bounded(file).map_err(|error| format!("read {}: {}", path.display(), reason(&error))));
        let bytes = read.map_err(|why| Failure::new(codes::INPUT, format!("Error reading file: {why}")))?;
        Ok(Self { path: Some(path.to_path_buf()), bytes })
    }

    /// Reads standard input.
    pub(super) fn stdin() -> Result<Self> {
        let bytes =
            read_bounded(io::stdin().lock()).map_err(|error| Failure::new(codes::INPUT, format!("Error reading from stdin: {}", reason(&error))))?;
        Ok(Self { path: None, bytes })
    }

    /// Reads the file, or standard input if there is none.
    pub(super) fn of(path: Option<&Path>) -> Result<Self> {
        path.map_or_else(Self::stdin, Self::file)
    }
}

/// The system's words, as Go writes them.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let first: String = text.chars().take(1).flat_map(char::to_lowercase).collect();
    first + text.get(1..).unwrap_or_default()
}

/// The whole path of a file, as messages and rules have it.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut parts = PathBuf::new();
    for part in whole.components() {
        match part {
            std::path::Component::ParentDir => {
                parts.pop();
            }
            std::path::Component::CurDir => {}
            part => parts.push(part),
        }
    }
    parts
}

/// True if there is certainly no such file.
pub(super) fn is_absent(path: &Path) -> bool {
    fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// The file that a command works on.
#[derive(Debug)]
pub(super) struct Subject {
    /// Its whole path; none for standard input.
    pub(super) path: Option<PathBuf>,
    /// What it is taken for.
    pub(super) name: PathBuf,
}

impl Subject {
    /// A file, under its own name or another one.
    pub(super) fn named(file: Option<&str>, other: &str) -> Self {
        let path = file.map(|path| absolute(Path::new(path)));
        let name = if other.is_empty() { path.clone().unwrap_or_default() } else { absolute(Path::new(other)) };
        Self { path, name }
    }

    /// Fails as sops does if the file does not exist.
    pub(super) fn check_exists(&self) -> Result<()> {
        match &self.path {
            Some(path) if is_absent(path) => {
                let path = crate::compat::quote(&path.display().to_string());
                Err(Failure::new(codes::NO_FILE, format!("Error: cannot operate on non-existent file {path}")))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses an encrypted file that would be too long to be read again.
pub(super) fn readable(encrypted: SecretBytes) -> Result<SecretBytes> {
    refuse_unreadable(encrypted).map_err(|error| Failure::generic(told(&error)))
}

/// Writes a result where the flags say: back, to another file, or to standard output. Plaintext in files is its owner's alone.
pub(super) fn deliver(job: &Job<'_>, input: &Input, bytes: &[u8], access: Access) -> Result<()> {
    let output = job.local.text("output");
    match &input.path {
        Some(path) if job.local.is_on("in-place") => rewrite(path, input, bytes, access),
        _ if !output.is_empty() => write_new(Path::new(output), bytes, access),
        _ => print(bytes).map_err(|error| Failure::generic(told(&error))),
    }
}

/// Writes a file back.
pub(super) fn rewrite(path: &Path, input: &Input, bytes: &[u8], access: Access) -> Result<()> {
    let written = prepare_rewrite(path, &input.bytes, bytes, access).and_then(|prepared| put_in_place(vec![prepared]));
    written.map_err(|error| Failure::new(codes::OUTPUT, format!("Could not open in-place file for writing: {}", told(&error))))
}

/// Writes another file; what is there and is no file, such as a terminal or a pipe, is written to.
fn write_new(path: &Path, bytes: &[u8], access: Access) -> Result<()> {
    let fail = |why: String| Failure::new(codes::OUTPUT, format!("Could not open output file for writing: {why}"));
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let written = OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(bytes));
        return written.map_err(|error| fail(format!("open {}: {}", path.display(), reason(&error))));
    }
    write_file(path, bytes, access).map_err(|error| fail(told(&error)))
}
