//! Kind `age`: one armored age file for each recipient, with the data key as its content.
//!
//! *Source*: sops `age/keysource.go`, v3.13.3; the format of age is C2SP `age.md`.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::sync::Arc;

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{DecryptError, Decryptor, Encryptor, Identity};
use age_core::format::{FileKey, Stanza};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::credential::Credentials;
use crate::error::{Error, ErrorKind, Result};
use crate::master_key::{BoxFuture, Fields, KeyService, KindNames, MasterKeyKind};
use crate::secret::SecretBytes;

mod file;
mod hybrid;
mod plugin;
mod recipient;
mod sources;
mod ssh;

pub use plugin::{AgePlugins, AgeStanza};
use recipient::Recipient;
use sources::Sources;

/// The longest content of an age file that is read: it is a data key or a share of one.
const LONGEST_CONTENT: u64 = 64 * 1024;

/// Bytes of an age file whose content is a data key, roughly.
const USUAL_LENGTH: usize = 1024;

static NAMES: KindNames =
    KindNames { metadata: "age", flag: "age", rule: "age", group: "age", variable: "SOPS_AGE_RECIPIENTS", title: "age recipient" };

/// The kind itself.
pub(super) struct Age;

impl MasterKeyKind for Age {
    fn names(&self) -> &'static KindNames {
        &NAMES
    }

    fn is_remote(&self) -> bool {
        false
    }

    fn is_dated(&self) -> bool {
        false
    }

    fn parse(&self, text: &str) -> Result<Fields> {
        let text = text.trim();
        Recipient::parse(text)?;
        Ok(Fields::from_iter([("recipient".to_owned(), Value::from(text))]))
    }

    fn identity(&self, fields: &Fields) -> String {
        // Identities are shown, and one day somebody writes the secret half where the public one belongs.
        let recipient = recipient_of(fields);
        if is_secret(recipient) { "a secret key in the place of a recipient".to_owned() } else { recipient.to_owned() }
    }

    fn service(&self, credentials: Arc<dyn Credentials>) -> Box<dyn KeyService> {
        Box::new(Service { sources: Sources::new(Arc::clone(&credentials)), credentials })
    }
}

/// Whether a text looks like what must be shown to nobody.
fn is_secret(text: &str) -> bool {
    let start = text.trim_start().as_bytes();
    ["AGE-SECRET-KEY-", "AGE-PLUGIN-"]
        .iter()
        .any(|secret| start.get(..secret.len()).is_some_and(|start| start.eq_ignore_ascii_case(secret.as_bytes())))
}

/// The recipient as it stands in the metadata; nothing if it stands there in another shape.
fn recipient_of(fields: &Fields) -> &str {
    fields.get("recipient").and_then(Value::as_str).unwrap_or_default()
}

/// Wraps for recipients, and opens with the identities of one run.
struct Service {
    credentials: Arc<dyn Credentials>,
    sources: Sources,
}

impl KeyService for Service {
    fn wrap<'a>(&'a self, fields: &'a Fields, key: &'a SecretBytes) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let text = recipient_of(fields).trim();
            let recipient = Recipient::parse(text)?.ready(&self.credentials);
            encrypt(&*recipient, key).map_err(|reason| Error::new(ErrorKind::Unsupported, format!("wrap the data key for {text}: {reason}")))
        })
    }

    fn open<'a>(&'a self, fields: &'a Fields) -> BoxFuture<'a, Result<SecretBytes>> {
        Box::pin(async move { self.decrypt(recipient_of(fields), fields.get("enc").and_then(Value::as_str).unwrap_or_default()) })
    }
}

impl Service {
    fn decrypt(&self, recipient: &str, text: &str) -> Result<SecretBytes> {
        let failed = |kind, reason: &str| Error::new(kind, format!("open the data key that is wrapped for {}: {reason}", named(recipient)));
        let broken = |error: DecryptError| failed(ErrorKind::Malformed, broken(&error));
        let decryptor = Decryptor::new(ArmoredReader::new(text.trim().as_bytes())).map_err(broken)?;
        let trial = Trial { sources: &self.sources, recipient, tried: RefCell::default() };
        let mut reader = match decryptor.decrypt(std::iter::once(&trial as &dyn Identity)) {
            Ok(reader) => reader,
            Err(DecryptError::NoMatchingKeys) => return Err(failed(ErrorKind::Unopenable, &trial.reason())),
            Err(error) => return Err(broken(error)),
        };
        read_all(&mut reader, LONGEST_CONTENT).map_err(|reason| failed(ErrorKind::Unopenable, reason))
    }
}

/// One file key, looked for with the identities of every source in turn.
struct Trial<'a> {
    sources: &'a Sources,
    recipient: &'a str,
    tried: RefCell<Vec<String>>,
}

impl Trial<'_> {
    fn reason(&self) -> String {
        format!("no identity opens it. Looked at {}", self.tried.borrow().join("; "))
    }
}

impl Identity for Trial<'_> {
    /// Never asked: [`Identity::unwrap_stanzas`] is.
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<std::result::Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<std::result::Result<FileKey, DecryptError>> {
        self.sources.open(self.recipient, stanzas, &mut self.tried.borrow_mut()).map(Ok)
    }
}

fn encrypt(recipient: &dyn age::Recipient, key: &SecretBytes) -> std::result::Result<String, String> {
    let encryptor = Encryptor::with_recipients(std::iter::once(recipient)).map_err(|error| recipient::reason(&error))?;
    let armored = ArmoredWriter::wrap_output(Vec::with_capacity(USUAL_LENGTH), Format::AsciiArmor);
    let write = || {
        let mut writer = encryptor.wrap_output(armored?)?;
        // EXPOSE: the data key is encrypted for the recipient.
        writer.write_all(key.expose())?;
        writer.finish()?.finish()
    };
    let bytes: std::io::Result<Vec<u8>> = write();
    bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| "the age file cannot be written".to_owned())
}

/// Reads what an age file holds, if it is not longer than a limit.
fn read_all(reader: &mut impl Read, limit: u64) -> std::result::Result<SecretBytes, &'static str> {
    let mut content = Zeroizing::new(Vec::with_capacity(256));
    reader.take(limit + 1).read_to_end(&mut content).map_err(|_| "the content of the age file is damaged")?;
    if content.len() as u64 > limit {
        return Err("the content of the age file is too long");
    }
    Ok(SecretBytes::new(std::mem::take(&mut *content)))
}

fn named(recipient: &str) -> &str {
    if recipient.is_empty() { "an age recipient that is not named" } else { recipient }
}

/// What is wrong with an age file, in words that hold nothing of it.
fn broken(error: &DecryptError) -> &'static str {
    match error {
        DecryptError::InvalidMac => "the header of the age file was changed",
        DecryptError::UnknownFormat => "the age file has an unknown version",
        DecryptError::ExcessiveWork { .. } => "the passphrase of the age file asks for too much work",
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => "the age file does not open",
        _ => "it is not an age file, or a damaged one",
    }
}

#[cfg(test)]
mod tests;
