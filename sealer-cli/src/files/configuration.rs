//! Finds `.sops.yaml` and the rule in it for a file.

use std::path::{Path, PathBuf};

use engine::{Error, Result};
use keys::KindNames;
use sops::{Config, CreationRule, Style};

use crate::input::read_file;

/// The name of a configuration.
const NAME: &str = ".sops.yaml";

/// How many folders are looked at, upwards.
///
/// *Source*: sops `config/config.go`, v3.13.3.
const MAX_FOLDERS: usize = 100;

/// Where a configuration is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lookup<'a> {
    /// This very file.
    Named(&'a Path),
    /// The folder of a file, and those above it.
    Of(&'a Path),
    /// This folder, and those above it.
    From(&'a Path),
}

/// A configuration, and where it lies.
#[derive(Debug)]
pub(crate) struct Found {
    /// What it says.
    pub(crate) config: Config,
    path: PathBuf,
}

impl Found {
    /// Looks for a configuration; `None` if there is none.
    pub(crate) fn find(lookup: Lookup<'_>) -> Result<Option<Self>> {
        let path = match lookup {
            Lookup::Named(path) => Some(path.to_path_buf()),
            Lookup::From(folder) => upwards(folder),
            Lookup::Of(file) => upwards(file.parent().unwrap_or(Path::new(""))),
        };
        let Some(path) = path else { return Ok(None) };
        let source = read_file(&path)?;
        // EXPOSE: a configuration is no secret.
        let config = Config::parse(source.bytes.expose()).map_err(|error| Error::from(error).in_file(&source.name))?;
        Ok(Some(Self { config, path }))
    }

    /// The folder in which it lies.
    pub(crate) fn folder(&self) -> PathBuf {
        absolute(self.path.parent().unwrap_or(Path::new("")))
    }

    /// The rule for a file; `None` if the configuration has no rules.
    pub(crate) fn rule_for(&self, file: &Path, kinds: &[&'static KindNames]) -> Result<Option<CreationRule>> {
        self.config.rule_for(&self.relative(file), kinds).map_err(|error| self.failed(error))
    }

    /// As [`Found::rule_for`], without the keys.
    pub(crate) fn selection_for(&self, file: &Path) -> Result<Option<CreationRule>> {
        self.config.selection_for(&self.relative(file)).map_err(|error| self.failed(error))
    }

    /// How files of a format are laid out.
    pub(crate) fn style(&self, store: &str) -> Result<Style> {
        self.config.style(store).map_err(|error| self.failed(error))
    }

    /// The path of a file as rules see it.
    fn relative(&self, file: &Path) -> String {
        let (folder, file) = (self.folder(), absolute(file));
        file.strip_prefix(&folder).unwrap_or(&file).to_string_lossy().into_owned()
    }

    fn failed(&self, error: sops::Error) -> Error {
        Error::from(error).in_file(self.path.display().to_string())
    }
}

fn upwards(folder: &Path) -> Option<PathBuf> {
    let folder = absolute(folder);
    folder.ancestors().take(MAX_FOLDERS).map(|folder| folder.join(NAME)).find(|path| path.is_file())
}

/// The whole path of a file, whether it exists or not; links stay as they are.
fn absolute(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    // What leads up is carried out, so that rules see the path that a person would write.
    let mut parts: Vec<std::path::Component<'_>> = Vec::new();
    for part in whole.components() {
        match part {
            std::path::Component::ParentDir => {
                parts.pop();
            }
            std::path::Component::CurDir => {}
            part => parts.push(part),
        }
    }
    parts.iter().collect()
}
