//! Where identities are looked for: sops' places, in sops' order, each at most once a run and only when it is needed.
//!
//! *Source*: sops `age/keysource.go`, v3.13.3. Unlike there, a passphrase is asked for, or a plugin started, only after everything else has failed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use age::DecryptError;
use age_core::format::{FileKey, Stanza};

use super::file::{self, Known, Origin};
use crate::credential::Credentials;
use crate::secret::SecretBytes;

/// The variable that tells a command which recipient an identity is wanted for.
const RECIPIENT_VARIABLE: &str = "SOPS_AGE_RECIPIENT";

/// One place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Variable(&'static str),
    FileOf(&'static str),
    CommandOf(&'static str),
    Configuration,
}

/// All places, in the order in which they are tried.
const PLACES: [Place; 4] =
    [Place::Variable("SOPS_AGE_KEY"), Place::FileOf("SOPS_AGE_KEY_FILE"), Place::CommandOf("SOPS_AGE_KEY_CMD"), Place::Configuration];

/// What a place holds.
struct Found {
    /// What the place is called in messages.
    name: String,
    /// The identities, or why there are none.
    identities: Result<Vec<Known>, String>,
}

/// What is found in a place, once somebody looked.
type Slot = Arc<OnceLock<Found>>;

/// The places, and what was found there so far; what a command answers is kept for each recipient that it was asked about.
pub(super) struct Sources {
    credentials: Arc<dyn Credentials>,
    found: Mutex<BTreeMap<(Place, String), Slot>>,
}

impl Sources {
    pub(super) fn new(credentials: Arc<dyn Credentials>) -> Self {
        Self { credentials, found: Mutex::default() }
    }

    /// Opens a file key with the first identity that fits; says in `tried` what was found in which place.
    pub(super) fn open(&self, recipient: &str, stanzas: &[Stanza], tried: &mut Vec<String>) -> Option<FileKey> {
        let mut failures: BTreeMap<Place, Vec<String>> = BTreeMap::new();
        for asks in [false, true] {
            for place in PLACES {
                let slot = self.slot(place, recipient);
                let found = slot.get_or_init(|| self.look(place, recipient));
                for known in found.identities.iter().flatten().filter(|known| known.asks == asks) {
                    match known.identity.unwrap_stanzas(stanzas) {
                        Some(Ok(key)) => return Some(key),
                        Some(Err(error)) => failures.entry(place).or_default().push(reason(&error)),
                        None => {}
                    }
                }
            }
        }
        for place in PLACES {
            if let Some(found) = self.slot(place, recipient).get() {
                tried.push(format!("{} ({})", found.name, found.told(failures.get(&place))));
            }
        }
        None
    }

    fn slot(&self, place: Place, recipient: &str) -> Slot {
        let recipient = if matches!(place, Place::CommandOf(_)) { recipient.to_owned() } else { String::new() };
        Arc::clone(self.found.lock().unwrap_or_else(PoisonError::into_inner).entry((place, recipient)).or_default())
    }

    fn look(&self, place: Place, recipient: &str) -> Found {
        let read = |content: Option<SecretBytes>, name: &str| match content {
            Some(content) => file::read(content, &Origin { place: name.to_owned(), credentials: Arc::clone(&self.credentials) }),
            None => Err("there is none".to_owned()),
        };
        match place {
            Place::Variable(variable) => match self.credentials.variable(variable) {
                Some(content) => Found { name: variable.to_owned(), identities: read(Some(content), variable) },
                None => Found::unset(variable),
            },
            Place::FileOf(variable) => match self.path(variable) {
                Some(path) => {
                    let name = format!("{variable} {}", path.display());
                    let identities = self.file(&path).and_then(|content| read(content, &path.display().to_string()));
                    Found { name, identities }
                }
                None => Found::unset(variable),
            },
            Place::CommandOf(variable) => match self.output(variable, recipient) {
                Some(output) => Found { name: variable.to_owned(), identities: output.and_then(|output| read(Some(output), variable)) },
                None => Found::unset(variable),
            },
            Place::Configuration => match self.credentials.configuration() {
                Some(folder) => {
                    let path = folder.join("sops").join("age").join("keys.txt");
                    let name = path.display().to_string();
                    let identities = self.file(&path).and_then(|content| read(content, &name));
                    Found { name, identities }
                }
                None => Found { name: "the folder of configurations".to_owned(), identities: Err("there is none".to_owned()) },
            },
        }
    }

    fn path(&self, variable: &str) -> Option<PathBuf> {
        let value = self.credentials.variable(variable)?;
        // EXPOSE: the variable holds a path.
        std::str::from_utf8(value.expose()).ok().map(PathBuf::from)
    }

    fn file(&self, path: &Path) -> Result<Option<SecretBytes>, String> {
        self.credentials.file(path).map_err(|error| error.to_string())
    }

    fn output(&self, variable: &str, recipient: &str) -> Option<Result<SecretBytes, String>> {
        let command = self.credentials.variable(variable)?;
        // EXPOSE: the variable holds a command, which the door runs.
        let Ok(command) = std::str::from_utf8(command.expose()) else { return Some(Err("it is not text".to_owned())) };
        Some(self.credentials.command(command, Some((RECIPIENT_VARIABLE, recipient))).map_err(|error| error.to_string()))
    }
}

impl Found {
    fn unset(variable: &str) -> Self {
        Self { name: variable.to_owned(), identities: Err("not set".to_owned()) }
    }

    /// What was found, and what became of it.
    fn told(&self, failures: Option<&Vec<String>>) -> String {
        let count = match &self.identities {
            Err(reason) => return reason.clone(),
            Ok(identities) => identities.len(),
        };
        match (failures, count) {
            (Some(failures), _) => failures.join(", "),
            (None, 0) => "no identity".to_owned(),
            (None, 1) => "1 identity, which does not fit".to_owned(),
            (None, count) => format!("{count} identities, none of which fits"),
        }
    }
}

/// Why an identity failed. An error of ours comes in the shape of an I/O error, and its text holds no secret.
fn reason(error: &DecryptError) -> String {
    match error {
        DecryptError::Io(error) => error.get_ref().map_or_else(|| "it cannot be read".to_owned(), ToString::to_string),
        error => super::broken(error).to_owned(),
    }
}
