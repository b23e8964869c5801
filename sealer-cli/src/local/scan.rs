//! What is in the folder of sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crds::SealedSecret;
use engine::manifest::Object;
use engine::{Error, PlainSecret, Result, is_object_name};
use keys::{Fingerprint, SecretBytes};

use super::Folder;
use super::report::Report;
use crate::external::Objects;
use crate::input::{Source, manifests_below, read_found};

/// First line of a file that `sealer local` wrote beside its source; a file without it is never written over.
pub(super) const MARK: &str = "# Sealed by sealer local from ";

/// Ending of such a file.
pub(super) const SEALED_ENDING: &str = "sealed.yaml";

/// A file with plain Secrets.
pub(super) struct PlainFile {
    /// Path below the folder of sources.
    pub(super) relative: PathBuf,
    /// Its Secrets.
    pub(super) secrets: Vec<PlainSecret>,
}

/// What the folder holds.
pub(super) struct Scan {
    /// Files with plain Secrets.
    pub(super) plain: Vec<PlainFile>,
    /// SealedSecrets that people put there, with the file that each is in.
    pub(super) sealed: Vec<(String, SealedSecret)>,
    /// ExternalSecrets and stores, and what they may use.
    pub(super) objects: Objects,
    /// Templates that do not parse, by path below the folder of sources.
    templates: BTreeMap<PathBuf, SecretBytes>,
    /// Stands for the content of all files; never written anywhere.
    pub(super) digest: String,
    /// Whether every file could be read: only then is anything that seems to be gone really gone.
    pub(super) complete: bool,
}

impl Scan {
    /// Reads every manifest of the folder.
    pub(super) fn new(folder: &Folder, report: &mut Report) -> Result<Self> {
        let mut scan = Self {
            plain: Vec::new(),
            sealed: Vec::new(),
            objects: Objects::default(),
            templates: BTreeMap::new(),
            digest: String::new(),
            complete: true,
        };
        let (mut owners, mut marked, mut broken) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        // The source is a real path; the others may go through links or start where we are.
        let ours = [&folder.out, &folder.keys].map(|folder| folder.canonicalize().unwrap_or_else(|_| folder.clone()));
        for path in manifests_below(&folder.source)? {
            if ours.iter().any(|folder| path.starts_with(folder)) {
                continue;
            }
            let relative = path.strip_prefix(&folder.source).unwrap_or(&path).to_path_buf();
            let shown = folder.shown.join(&relative).display().to_string();
            let read = read_found(&path, &folder.source).and_then(|mut source| match marked_source(&relative, &source) {
                Some(name) => {
                    marked.push((source, relative.clone(), shown.clone(), name));
                    Ok(())
                }
                None if source.is_template() && source.manifest().is_err() => {
                    report.kept(format!("File {shown}"), "left out: it looks like a template, not a manifest", None);
                    scan.templates.insert(relative.clone(), source.take());
                    Ok(())
                }
                None => scan.add(folder, &source, relative.clone(), &shown, &mut owners),
            });
            if let Err(error) = read {
                scan.complete = false;
                broken.insert(relative);
                report.failed(format!("File {shown}"), error.in_file_named(shown));
            }
        }
        // What was sealed from a source that is still there is no source itself; an unreadable one may still hold its Secrets.
        for (source, relative, shown, name) in marked {
            if broken.contains(&name) || scan.templates.contains_key(&name) || scan.plain.iter().any(|file| file.relative == name) {
                continue;
            }
            if folder.source.join(&name).exists() {
                let detail = format!("{} holds no Secret any more, so these SealedSecrets count as yours", folder.shown.join(&name).display());
                report.kept(format!("File {shown}"), detail, None);
            }
            if let Err(error) = scan.add(folder, &source, relative, &shown, &mut owners) {
                scan.complete = false;
                report.failed(format!("File {shown}"), error.in_file_named(shown));
            }
        }
        Ok(scan)
    }

    fn add(&mut self, folder: &Folder, source: &Source, relative: PathBuf, shown: &str, owners: &mut BTreeMap<String, String>) -> Result<()> {
        let manifest = source.manifest()?;
        // EXPOSE: a digest that is kept in memory tells whether any file changed.
        let content = Fingerprint::of(source.bytes.expose());
        self.digest = Fingerprint::of(format!("{}{content}", self.digest).as_bytes()).to_string();
        let (mut secrets, mut sealed) = (Vec::new(), Vec::new());
        for object in source.objects(&manifest)? {
            let kind = if object.is_secret() { "Secret" } else { "SealedSecret" };
            if object.is_secret() {
                secrets.push(PlainSecret::read(&object)?);
            } else if object.is_sealed_secret() {
                sealed.push((shown.to_owned(), object.to_sealed_secret()?));
            } else {
                self.add_external(folder, &object, shown)?;
                continue;
            }
            let namespace = if object.is_secret() { folder.namespace_of(object.namespace) } else { object.namespace };
            let name = format!("{kind} {namespace}/{}", object.name);
            if let Some(other) = owners.insert(name, shown.to_owned()) {
                let error = Error::input(format!("take the object: {other} has one of the same name"));
                return Err(error.at_line(object.node.line).in_object(object.title()));
            }
            // A Secret may be a credential of a store, too. One with an odd name is told of when it is sealed.
            if object.is_secret() && is_object_name(object.name) {
                self.objects.add(&object, shown, folder.namespace_of(""))?;
            }
        }
        self.sealed.append(&mut sealed);
        if !secrets.is_empty() {
            self.plain.push(PlainFile { relative, secrets });
        }
        Ok(())
    }

    /// Whether the source of a Secret may be a template that does not parse: one that speaks of its name. It may be under somebody's hands just now.
    pub(super) fn may_hold(&self, name: &str) -> bool {
        // EXPOSE: only a name is looked for.
        let speaks = |text: &SecretBytes| text.expose().windows(name.len().max(1)).any(|part| part == name.as_bytes());
        self.templates.values().any(speaks)
    }

    /// Whether a file is a template that does not parse.
    pub(super) fn is_template(&self, relative: &str) -> bool {
        self.templates.contains_key(Path::new(relative))
    }

    fn add_external(&mut self, folder: &Folder, object: &Object<'_>, shown: &str) -> Result<()> {
        match self.objects.add(object, shown, folder.namespace_of("")) {
            Err(error) if object.api_version.starts_with("external-secrets.io/") => Err(object.locate(error)),
            // Whoever needs an object that is not as it should be says so.
            Err(_) | Ok(_) => Ok(()),
        }
    }
}

impl Folder {
    /// The namespace of a plain Secret: its own, or else the one that was asked for.
    pub(super) fn namespace_of<'a>(&'a self, own: &'a str) -> &'a str {
        if own.is_empty() { self.namespace.as_deref().unwrap_or_default() } else { own }
    }
}

/// The source that a sealed file names in its first line, if the file is the one that this source is sealed into.
fn marked_source(relative: &Path, source: &Source) -> Option<PathBuf> {
    // EXPOSE: the mark stands in the first line of a sealed file.
    let line = source.bytes.expose().split(|byte| *byte == b'\n').next()?;
    let name = PathBuf::from(str::from_utf8(line).ok()?.strip_prefix(MARK)?.trim_end());
    (name.with_extension(SEALED_ENDING) == relative).then_some(name)
}
