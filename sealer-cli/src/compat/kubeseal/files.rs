//! Where kubeseal reads from and writes to, in its words; the reading and writing itself is that of every command.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use engine::manifest::Manifest;
use keys::SecretBytes;

use super::failure::{Failure, Result};
use crate::cluster::describe;
use crate::input;
use crate::output::{self, Access};

/// Most bytes of a certificate file that are read.
const CERTIFICATE_LIMIT: u64 = 1 << 20;

/// Standard input, or the file of `--secret-file`.
#[derive(Debug)]
pub(super) struct Input(Option<PathBuf>);

/// Standard output, or the file of `--sealed-secret-file`.
#[derive(Debug)]
pub(super) struct Output(Option<PathBuf>);

/// Looks whether the input can be opened; an empty name is standard input.
///
/// # Errors
/// Upstream's one message for every reason.
pub(super) fn open_input(name: &str) -> Result<Input> {
    if name.is_empty() {
        return Ok(Input(None));
    }
    match File::open(name) {
        Ok(_) => Ok(Input(Some(PathBuf::from(name)))),
        Err(_) => Err(Failure::new("Could not read file specified with --secret-file")),
    }
}

impl Input {
    /// Reads everything.
    ///
    /// # Errors
    /// The system's reason, or too much input.
    pub(super) fn read(&self) -> Result<SecretBytes> {
        let source = match &self.0 {
            Some(path) => input::read_file(path)?,
            None => input::read_stdin()?,
        };
        Ok(source.bytes)
    }

    /// Reads everything as manifests. An input that holds nothing, or nothing that can be read, is an error in every mode: upstream takes it for
    /// success when it validates or re-encrypts, and then empties the file.
    ///
    /// # Errors
    /// Upstream's message when it seals, with the place if there is one.
    pub(super) fn manifest(&self) -> Result<Manifest> {
        let nothing = "no secrets found. Ensure the input is valid and UTF-8 encoded";
        let manifest = Manifest::parse(&self.read()?).map_err(|error| Failure::new(format!("{nothing} ({error})")))?;
        let scalars_only = manifest.documents().iter().all(|document| document.entries().is_empty());
        // An empty List is nothing too.
        let is_empty = scalars_only || manifest.objects().is_ok_and(|objects| objects.is_empty());
        if is_empty { Err(Failure::new(nothing)) } else { Ok(manifest) }
    }
}

impl Output {
    /// Looks whether there is a folder for the file; an empty name is standard output.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn new(name: &str) -> Result<Self> {
        if name.is_empty() {
            return Ok(Self(None));
        }
        let path = PathBuf::from(name);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::metadata(folder).map_err(|error| describe("open", &path, &error))?;
        Ok(Self(Some(path)))
    }

    /// True if a file was named.
    pub(super) fn is_file(&self) -> bool {
        self.0.is_some()
    }

    /// Writes everything at once. The file is open to its owner only, as upstream makes it, whatever was there before.
    ///
    /// # Errors
    /// The system's reason; then the file is as it was.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<()> {
        match &self.0 {
            None => Ok(output::print(bytes)?),
            Some(path) if is_special(path) => {
                let file = OpenOptions::new().write(true).open(path);
                file.and_then(|mut file| file.write_all(bytes)).map_err(|error| Failure::from(describe("write", path, &error)))
            }
            Some(path) => Ok(output::write_file(path, bytes, Access::Owner)?),
        }
    }
}

/// A device or a pipe, which upstream replaces by a file.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Reads a file that holds no secret.
///
/// # Errors
/// The system's reason, or too large.
pub(super) fn read_public(file: File, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(CERTIFICATE_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| describe("read", path, &error))?;
    if bytes.len() as u64 > CERTIFICATE_LIMIT {
        return Err(Failure::new(format!("read {}: more than {CERTIFICATE_LIMIT} bytes", path.display())));
    }
    Ok(bytes)
}

/// Reads a file that holds a secret.
///
/// # Errors
/// The system's reason in Go's words, or too large.
pub(super) fn read_secret(path: &Path) -> Result<SecretBytes> {
    let metadata = File::open(path).and_then(|file| file.metadata()).map_err(|error| describe("open", path, &error))?;
    if metadata.is_dir() {
        return Err(Failure::from(describe("read", path, &io::Error::from(io::ErrorKind::IsADirectory))));
    }
    Ok(input::read_file(path)?.bytes)
}
