//! Plugins of age: programs of others that hold keys. This crate starts no program; what does is handed in through [`AgePlugins`].

use std::collections::HashSet;
use std::sync::Arc;

use age::{DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};
use age_core::primitives::bech32_decode;
use age_core::secrecy::ExposeSecret;

use super::file::key_of;
use crate::credential::Credentials;
use crate::error::{Error, Result};
use crate::secret::SecretBytes;

/// One stanza of the header of an age file: a file key, as one recipient guards it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgeStanza {
    /// The type of the recipient.
    pub tag: String,
    /// What else stands in the first line.
    pub arguments: Vec<String>,
    /// The wrapped file key.
    pub body: Vec<u8>,
}

/// Starts plugins of age; a plugin `x` is the program `age-plugin-x`.
pub trait AgePlugins: Send + Sync {
    /// Lets a plugin wrap a file key for a recipient `age1x1...`.
    ///
    /// # Errors
    /// Unavailable: there is no such program, or it fails. Unsupported: it refuses.
    fn wrap(&self, plugin: &str, recipient: &str, file_key: &SecretBytes, credentials: &dyn Credentials) -> Result<Vec<AgeStanza>>;

    /// Lets a plugin open one of the stanzas with an identity `AGE-PLUGIN-X-1...`; `None` if none of them is for it.
    ///
    /// # Errors
    /// Unavailable: there is no such program, or it fails. Unopenable: it refuses.
    fn open(&self, plugin: &str, identity: &SecretBytes, stanzas: &[AgeStanza], credentials: &dyn Credentials) -> Result<Option<SecretBytes>>;
}

/// A recipient that a plugin knows.
pub(super) struct PluginRecipient {
    pub(super) plugin: String,
    pub(super) text: String,
}

impl PluginRecipient {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plugin = plugin_name(text, |prefix| prefix.strip_prefix("age1").map(str::to_owned))?;
        Some(Self { plugin, text: text.to_owned() })
    }
}

/// The same, with what starts the plugin.
pub(super) struct ReadyRecipient {
    pub(super) recipient: PluginRecipient,
    pub(super) credentials: Arc<dyn Credentials>,
}

impl age::Recipient for ReadyRecipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> std::result::Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let key = SecretBytes::new(file_key.expose_secret().to_vec());
        let PluginRecipient { plugin, text } = &self.recipient;
        let wrapped = match self.credentials.age_plugins() {
            Some(plugins) => plugins.wrap(plugin, text, &key, &*self.credentials),
            None => Err(nobody(plugin)),
        };
        let stanzas = wrapped.map_err(|error| EncryptError::Io(std::io::Error::other(error)))?;
        // A file of ours has one recipient, so that labels, which keep recipients apart, have nothing to say.
        Ok((stanzas.into_iter().map(|AgeStanza { tag, arguments, body }| Stanza { tag, args: arguments, body }).collect(), HashSet::new()))
    }
}

/// An identity that a plugin knows.
pub(super) struct PluginIdentity {
    plugin: String,
    text: SecretBytes,
    credentials: Arc<dyn Credentials>,
}

impl PluginIdentity {
    pub(super) fn parse(text: &str, credentials: &Arc<dyn Credentials>) -> Option<Self> {
        let plugin = plugin_name(text, |prefix| prefix.strip_prefix("AGE-PLUGIN-")?.strip_suffix('-').map(str::to_lowercase))?;
        Some(Self { plugin, text: SecretBytes::new(text.as_bytes().to_vec()), credentials: Arc::clone(credentials) })
    }
}

impl age::Identity for PluginIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<std::result::Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<std::result::Result<FileKey, DecryptError>> {
        let stanzas: Vec<AgeStanza> =
            stanzas.iter().map(|stanza| AgeStanza { tag: stanza.tag.clone(), arguments: stanza.args.clone(), body: stanza.body.clone() }).collect();
        let opened = match self.credentials.age_plugins() {
            Some(plugins) => plugins.open(&self.plugin, &self.text, &stanzas, &*self.credentials),
            None => Err(nobody(&self.plugin)),
        };
        match opened {
            Ok(None) => None,
            Ok(Some(key)) => Some(key_of(&key).ok_or(DecryptError::KeyDecryptionFailed)),
            Err(error) => Some(Err(DecryptError::Io(std::io::Error::other(error)))),
        }
    }
}

fn nobody(plugin: &str) -> Error {
    Error::new(crate::error::ErrorKind::Unsupported, format!("start age-plugin-{plugin}: plugins of age are not started here"))
}

/// The name of the plugin, which becomes the name of a program: it holds nothing that could lead elsewhere.
fn plugin_name(text: &str, name_of: impl FnOnce(&str) -> Option<String>) -> Option<String> {
    let name = bech32_decode(text, |_| (), |_| Ok(()), |prefix, _| name_of(prefix.as_str()).ok_or(())).ok()?;
    let right = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_');
    (!name.is_empty() && name.bytes().all(right)).then_some(name)
}
