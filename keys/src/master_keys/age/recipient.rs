//! Recipients, as they are written in metadata, flags and rules.

use std::sync::Arc;

use age::EncryptError;

use super::plugin::{PluginRecipient, ReadyRecipient};
use super::{hybrid, ssh};
use crate::credential::Credentials;
use crate::error::{Error, Result};

/// A recipient of any type.
pub(super) enum Recipient {
    X25519(age::x25519::Recipient),
    Hybrid(Box<hybrid::Recipient>),
    Ssh(ssh::PublicKey),
    Plugin(PluginRecipient),
}

impl Recipient {
    /// Reads a recipient.
    ///
    /// # Errors
    /// Malformed, with what a right one looks like.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let parsed = if text.starts_with("age1pq1") {
            hybrid::Recipient::parse(text).map(Box::new).map(Self::Hybrid)
        } else if text.starts_with("age1") && text.matches('1').count() > 1 {
            PluginRecipient::parse(text).map(Self::Plugin)
        } else if text.starts_with("age1") {
            text.parse().ok().map(Self::X25519)
        } else if text.starts_with("ssh-") {
            ssh::PublicKey::parse(text).map(Self::Ssh)
        } else {
            None
        };
        // What is no recipient may be a private key, pasted by mistake: it is not repeated.
        parsed
            .ok_or_else(|| Error::malformed("read an age recipient: it should look like age1..., age1pq1..., ssh-ed25519 AAAA... or ssh-rsa AAAA..."))
    }

    /// What wraps; a plugin is started when it does.
    pub(super) fn ready(self, credentials: &Arc<dyn Credentials>) -> Box<dyn age::Recipient> {
        match self {
            Self::X25519(recipient) => Box::new(recipient),
            Self::Hybrid(recipient) => recipient,
            Self::Ssh(recipient) => Box::new(recipient),
            Self::Plugin(recipient) => Box::new(ReadyRecipient { recipient, credentials: Arc::clone(credentials) }),
        }
    }
}

/// Why a recipient did not wrap. The text of an error of ours, which comes in the shape of an I/O error, holds no secret.
pub(super) fn reason(error: &EncryptError) -> String {
    match error {
        EncryptError::Io(error) => error.get_ref().map_or_else(|| "the age file cannot be written".to_owned(), ToString::to_string),
        _ => "the recipient does not wrap".to_owned(),
    }
}
