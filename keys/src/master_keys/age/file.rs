//! Files of identities: lines of keys, or the same within an age file that a passphrase opens.

use std::sync::{Arc, OnceLock};

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Identity};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use zeroize::Zeroize;

use super::plugin::PluginIdentity;
use super::{broken, hybrid, read_all};
use crate::credential::Credentials;
use crate::secret::SecretBytes;

/// The most work that a passphrase may ask for, as a power of two.
///
/// *Source*: filippo.io/age `scrypt.go`, v1.3.1.
const MOST_WORK: u8 = 22;

/// The longest file of identities that is read, in bytes.
///
/// *Source*: sops `age/encrypted_keys.go`, v3.13.3.
const LONGEST_FILE: usize = 1 << 24;

/// An identity, and whether its use asks a person or starts a program.
pub(super) struct Known {
    pub(super) identity: Box<dyn Identity + Send + Sync>,
    pub(super) asks: bool,
}

impl Known {
    pub(super) fn ready(identity: impl Identity + Send + Sync + 'static) -> Self {
        Self { identity: Box::new(identity), asks: false }
    }

    pub(super) fn asking(identity: impl Identity + Send + Sync + 'static) -> Self {
        Self { identity: Box::new(identity), asks: true }
    }
}

/// Where identities come from, for messages, and whom to ask.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) place: String,
    pub(super) credentials: Arc<dyn Credentials>,
}

/// Reads a file of identities; one that a passphrase protects is opened when it is needed.
///
/// # Errors
/// What is wrong, and in which line; never what stands there.
pub(super) fn read(content: SecretBytes, origin: &Origin) -> Result<Vec<Known>, String> {
    // EXPOSE: the identities are parsed into keys that are wiped.
    let bytes = content.expose();
    if bytes.len() >= LONGEST_FILE {
        return Err("it is too long".to_owned());
    }
    if bytes.starts_with(b"age-encryption") || bytes.starts_with(b"-----BEGIN AGE") {
        return Ok(vec![Known::asking(LockedFile { content, origin: origin.clone(), opened: OnceLock::new() })]);
    }
    parse(bytes, origin)
}

fn parse(bytes: &[u8], origin: &Origin) -> Result<Vec<Known>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        for word in line.split_whitespace() {
            found.push(identity(word, origin).ok_or_else(|| format!("line {} is not an age identity", at + 1))?);
        }
    }
    Ok(found)
}

fn identity(word: &str, origin: &Origin) -> Option<Known> {
    if word.starts_with("AGE-PLUGIN-") {
        PluginIdentity::parse(word, &origin.credentials).map(Known::asking)
    } else if word.starts_with("AGE-SECRET-KEY-PQ-1") {
        hybrid::Identity::parse(word).map(Known::ready)
    } else if word.starts_with("AGE-SECRET-KEY-1") {
        word.parse::<age::x25519::Identity>().ok().map(Known::ready)
    } else {
        None
    }
}

/// A file of identities that a passphrase protects; it is asked for once.
struct LockedFile {
    content: SecretBytes,
    origin: Origin,
    opened: OnceLock<Result<Vec<Known>, String>>,
}

impl LockedFile {
    fn open(&self) -> Result<Vec<Known>, String> {
        // EXPOSE: the encrypted file is parsed.
        let decryptor = Decryptor::new(ArmoredReader::new(self.content.expose())).map_err(|error| broken(&error).to_owned())?;
        if !decryptor.is_scrypt() {
            return Err("it is an age file, but no passphrase opens it".to_owned());
        }
        let prompt = format!("Enter passphrase for identity '{}'", self.origin.place);
        let passphrase = self.origin.credentials.passphrase(&prompt).map_err(|error| error.to_string())?;
        let mut key = age::scrypt::Identity::new(secret_text(&passphrase).ok_or("the passphrase is not text")?);
        key.set_max_work_factor(MOST_WORK);
        let mut reader = decryptor.decrypt(std::iter::once(&key as &dyn Identity)).map_err(|error| match error {
            DecryptError::DecryptionFailed => "the passphrase is wrong".to_owned(),
            error => broken(&error).to_owned(),
        })?;
        let content = read_all(&mut reader, LONGEST_FILE as u64)?;
        // EXPOSE: as of a file that is not protected.
        parse(content.expose(), &self.origin)
    }
}

impl Identity for LockedFile {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        match self.opened.get_or_init(|| self.open()) {
            Ok(identities) => identities.iter().find_map(|known| known.identity.unwrap_stanzas(stanzas)),
            Err(reason) => Some(Err(DecryptError::Io(std::io::Error::other(reason.clone())))),
        }
    }
}

/// A passphrase in the type that the age crate takes, which is wiped as well.
fn secret_text(secret: &SecretBytes) -> Option<SecretString> {
    // EXPOSE: it moves from one wiped type to another.
    std::str::from_utf8(secret.expose()).ok().map(SecretString::from)
}

/// A file key, if it has the right length.
pub(super) fn key_of(secret: &SecretBytes) -> Option<FileKey> {
    // EXPOSE: it moves from one wiped type to another.
    let mut bytes = <[u8; FILE_KEY_BYTES]>::try_from(secret.expose()).ok()?;
    let key = FileKey::new(Box::new(bytes));
    bytes.zeroize();
    Some(key)
}
