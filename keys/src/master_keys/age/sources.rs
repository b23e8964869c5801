//! Where identities are looked for: sops' places, in sops' order, each at most once a run and only when it is needed.
//!
//! *Source*: sops `age/keysource.go`, v3.13.3. Unlike there, a passphrase is asked for, or a plugin started, only after everything else has failed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use age::DecryptError;
use age_core::format::{FileKey, Stanza};

use super::file::{self, Known, Origin};
use super::ssh;
use crate::credential::Credentials;
use crate::secret::SecretBytes;

/// The variable that tells a command which recipient an identity is wanted for.
const RECIPIENT_VARIABLE: &str = "SOPS_AGE_RECIPIENT";

/// One place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    SshFileOf(&'static str),
    SshCommandOf(&'static str),
    SshHome(&'static str),
    Variable(&'static str),
    FileOf(&'static str),
    CommandOf(&'static str),
    Configuration,
}

/// All places, in the order in which they are tried.
const PLACES: [Place; 8] = [
    Place::SshFileOf("SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
    Place::SshCommandOf("SOPS_AGE_SSH_PRIVATE_KEY_CMD"),
    Place::SshHome("id_ed25519"),
    Place::SshHome("id_rsa"),
    Place::Variable("SOPS_AGE_KEY"),
    Place::FileOf("SOPS_AGE_KEY_FILE"),
    Place::CommandOf("SOPS_AGE_KEY_CMD"),
    Place::Configuration,
];

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
        let recipient = if matches!(place, Place::CommandOf(_) | Place::SshCommandOf(_)) { recipient.to_owned() } else { String::new() };
        Arc::clone(self.found.lock().unwrap_or_else(PoisonError::into_inner).entry((place, recipient)).or_default())
    }

    fn look(&self, place: Place, recipient: &str) -> Found {
        let is_ssh = matches!(place, Place::SshFileOf(_) | Place::SshCommandOf(_) | Place::SshHome(_));
        let read = |content: SecretBytes, name: &str| {
            let origin = Origin { place: name.to_owned(), credentials: Arc::clone(&self.credentials) };
            if is_ssh { ssh::read(&content, &origin) } else { file::read(content, &origin) }
        };
        let file = |path: Option<PathBuf>, title: &str| match path {
            Some(path) => {
                let name = path.display().to_string();
                let content = self.credentials.file(&path).map_err(|error| error.to_string());
                let identities = content.and_then(|content| read(content.ok_or("there is none")?, &name));
                Found { name: [title, &name].join(" ").trim_start().to_owned(), identities }
            }
            None if title.is_empty() => Found { name: "the folder of the user".to_owned(), identities: Err("there is none".to_owned()) },
            None => Found::unset(title),
        };
        match place {
            Place::FileOf(variable) | Place::SshFileOf(variable) => file(self.path(variable), variable),
            Place::SshHome(name) => file(self.credentials.home().map(|home| home.join(".ssh").join(name)), ""),
            Place::Configuration => file(self.credentials.configuration().map(|folder| folder.join("sops/age/keys.txt")), ""),
            Place::Variable(variable) => match self.credentials.variable(variable) {
                Some(content) => Found { name: variable.to_owned(), identities: read(content, variable) },
                None => Found::unset(variable),
            },
            Place::CommandOf(variable) | Place::SshCommandOf(variable) => match self.output(variable, recipient) {
                Some(output) => Found { name: variable.to_owned(), identities: output.and_then(|output| read(output, variable)) },
                None => Found::unset(variable),
            },
        }
    }

    fn path(&self, variable: &str) -> Option<PathBuf> {
        let value = self.credentials.variable(variable)?;
        // EXPOSE: the variable holds a path.
        std::str::from_utf8(value.expose()).ok().map(PathBuf::from)
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
