//! Files, folders and standard input to bytes, with limits. Plaintext is born here.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use engine::manifest::{Manifest, Object};
use engine::{Error, ErrorKind, Result, harmless};
use keys::SecretBytes;

use crate::output::note;

/// Largest file that is read: the largest object that etcd takes is 1.5 MiB, so this leaves room for many in one file.
pub(crate) const MAX_BYTES: u64 = 64 << 20;

/// Endings of the files that are looked at in a folder.
const MANIFESTS: [&str; 3] = ["yaml", "yml", "json"];

/// One thing that was read.
pub(crate) struct Source {
    /// What the user calls it.
    pub(crate) name: String,
    /// The file; None for standard input.
    pub(crate) path: Option<PathBuf>,
    /// Device and inode of the file.
    identity: Option<(u64, u64)>,
    /// Its path below the folder that was asked for; the file name for a file.
    pub(crate) relative: PathBuf,
    /// Whether it was found in a folder, where other manifests are to be expected.
    pub(crate) found: bool,
    /// The content.
    pub(crate) bytes: SecretBytes,
}

impl Source {
    /// Whether it is a template of Helm or the like, which happens to lie in a folder of manifests: braces are what makes YAML of it fail.
    pub(crate) fn is_template(&self) -> bool {
        // EXPOSE: only a pair of braces is looked for.
        self.found && self.bytes.expose().windows(2).any(|pair| pair == b"{{")
    }

    /// Gives the content away where nobody asks for it again: a large file is not held twice.
    pub(crate) fn take(&mut self) -> SecretBytes {
        std::mem::replace(&mut self.bytes, SecretBytes::new(Vec::new()))
    }

    /// Reads the content as a manifest.
    pub(crate) fn manifest(&self) -> Result<Manifest> {
        Manifest::parse(&self.bytes).map_err(|error| error.in_file(&self.name))
    }

    /// As [`Self::manifest`]; None, and a word about it, for a template that does not parse.
    pub(crate) fn manifest_unless_template(&self) -> Result<Option<Manifest>> {
        match self.manifest() {
            Err(_) if self.is_template() => {
                note(&format!("{}: left out: it looks like a template, not a manifest", self.name));
                Ok(None)
            }
            manifest => manifest.map(Some),
        }
    }

    /// The objects of its manifest. A file that was named holds nothing else; one in a folder may be YAML of another kind, such as a patch.
    pub(crate) fn objects<'m>(&self, manifest: &'m Manifest) -> Result<Vec<Object<'m>>> {
        let objects = if self.found { manifest.objects_among_others() } else { manifest.objects() };
        objects.map_err(|error| error.in_file(&self.name))
    }
}

/// Refuses to have a file that was read written over by something made of it.
pub(crate) fn refuse_as_targets<'a>(sources: impl Iterator<Item = &'a Source>, paths: &[PathBuf]) -> Result<()> {
    let read: BTreeSet<(u64, u64)> = sources.filter_map(|source| source.identity).collect();
    let is_source = |path: &&PathBuf| fs::metadata(path).is_ok_and(|metadata| read.contains(&identity(&metadata)));
    paths.iter().find(is_source).map_or(Ok(()), |path| {
        let error = Error::input("write the result over its own source").in_file(path.display().to_string());
        Err(error.advise("Choose another place for it"))
    })
}

/// What tells a file from every other, whatever it is called: device and inode.
fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Reads everything that the user named: files, folders with all manifests below them, and `-` for standard input. Nothing named is standard
/// input.
pub(crate) fn read_all(paths: &[PathBuf]) -> Result<Vec<Source>> {
    read_claimed(paths, Claims::of(&is_manifest))
}

/// As [`read_all`], with hidden files and folders too.
pub(crate) fn read_all_and_hidden(paths: &[PathBuf]) -> Result<Vec<Source>> {
    read_claimed(paths, Claims { files: &|name| is_manifest(name.trim_start_matches('.')), hidden: true })
}

/// As [`read_all`], of the files in folders whose names are claimed.
pub(crate) fn read_claimed(paths: &[PathBuf], claims: Claims<'_>) -> Result<Vec<Source>> {
    if paths.is_empty() {
        return Ok(vec![read_stdin()?]);
    }
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            sources.push(read_stdin()?);
        } else if path.is_dir() {
            for file in files_below(path, claims)? {
                sources.push(read_found(&file, path)?);
            }
        } else {
            sources.push(read_file(path)?);
        }
    }
    Ok(sources)
}

/// Reads a file that was found in a folder.
pub(crate) fn read_found(path: &Path, folder: &Path) -> Result<Source> {
    let relative = path.strip_prefix(folder).unwrap_or(path).to_path_buf();
    Ok(Source { relative, found: true, ..read_file(path)? })
}

/// Reads one file.
pub(crate) fn read_file(path: &Path) -> Result<Source> {
    let name = harmless(&path.display().to_string());
    let fail = |error: &io::Error| file_error("read the file", error).in_file(&name);
    let metadata = fs::metadata(path).map_err(|error| fail(&error))?;
    if metadata.is_dir() {
        return Err(Error::input("read the file: it is a folder").in_file(&name));
    }
    let file = File::open(path).map_err(|error| fail(&error))?;
    let bytes = read_limited(file, metadata.len()).map_err(|error| error.in_file(&name))?;
    let relative = path.file_name().map(PathBuf::from).unwrap_or_default();
    Ok(Source { path: Some(path.to_path_buf()), identity: Some(identity(&metadata)), relative, name, found: false, bytes })
}

/// Reads standard input to its end; says on a terminal what it waits for.
pub(crate) fn read_stdin() -> Result<Source> {
    let stdin = io::stdin();
    if io::IsTerminal::is_terminal(&stdin) {
        note("reading from the terminal; end with Ctrl-D");
    }
    let bytes = read_limited(stdin.lock(), 0).map_err(|error| error.in_file("<stdin>"))?;
    Ok(Source { name: "<stdin>".to_owned(), path: None, identity: None, relative: PathBuf::from("stdin.yaml"), found: false, bytes })
}

/// Reads to the end, whatever it is; the error is the system's, for faces that have words of their own.
pub(crate) fn read_bounded(reader: impl Read) -> std::result::Result<SecretBytes, io::Error> {
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(SecretBytes::new(std::mem::take(&mut *bytes)))
}

/// Refuses to write an encrypted file that would be too long to be read again: ciphertext is a third longer than what it stands for, and more.
pub(crate) fn refuse_unreadable(encrypted: SecretBytes) -> Result<SecretBytes> {
    if encrypted.len() as u64 > MAX_BYTES {
        let error = Error::input(format!("encrypt the file: encrypted it has more than {} MiB, which could not be read again", MAX_BYTES >> 20));
        return Err(error.advise("Divide it"));
    }
    Ok(encrypted)
}

fn read_limited(reader: impl Read, expected: u64) -> Result<SecretBytes> {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(usize::try_from(expected.min(MAX_BYTES) + 1).unwrap_or_default()));
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| file_error("read the content", &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::input(format!("read the content: more than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(SecretBytes::new(std::mem::take(&mut *bytes)))
}

/// What of a folder is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Claims<'a> {
    /// Says so of a file, by its name.
    files: &'a dyn Fn(&str) -> bool,
    /// Whether folders count whose names begin with a dot.
    hidden: bool,
}

impl<'a> Claims<'a> {
    /// These files, in folders that are not hidden.
    pub(crate) fn of(files: &'a dyn Fn(&str) -> bool) -> Self {
        Self { files, hidden: false }
    }
}

/// The manifests below a folder, in the order of their names.
pub(crate) fn manifests_below(folder: &Path) -> Result<Vec<PathBuf>> {
    files_below(folder, Claims::of(&is_manifest))
}

fn is_manifest(name: &str) -> bool {
    has_ending(name, &MANIFESTS)
}

/// Whether a name that is not hidden has one of these endings, in any case.
pub(crate) fn has_ending(name: &str, endings: &[&str]) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    !name.starts_with('.') && ending.is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// The files below a folder that are claimed, in the order of their names. Links to folders are passed over.
pub(crate) fn files_below(folder: &Path, claims: Claims<'_>) -> Result<Vec<PathBuf>> {
    let fail = |error: &io::Error| file_error("read the folder", error).in_file(folder.display().to_string());
    let mut entries: Vec<_> = fs::read_dir(folder).and_then(Iterator::collect).map_err(|error| fail(&error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().map_err(|error| fail(&error))?);
        if kind.is_dir() {
            if claims.hidden || !entry.file_name().as_encoded_bytes().starts_with(b".") {
                files.extend(files_below(&path, claims)?);
            }
        } else if (claims.files)(&entry.file_name().to_string_lossy()) && (kind.is_file() || path.is_file()) {
            files.push(path);
        }
    }
    Ok(files)
}

/// Turns what the system says of a file into our error.
pub(crate) fn file_error(tried: &str, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
        // A full disk is nobody's input: there may be room later.
        io::ErrorKind::QuotaExceeded | io::ErrorKind::StorageFull => ErrorKind::Busy,
        io::ErrorKind::ResourceBusy | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ErrorKind::Busy,
        _ => ErrorKind::Input,
    };
    // The text of an I/O error is the system's: it names neither path nor content. Its number says nothing to people.
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    Error::new(kind, format!("{tried}: {}{}", text[..1.min(text.len())].to_lowercase(), &text[1.min(text.len())..]))
}
