//! What guards a data key: the contract of a kind of master key.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::credential::Credentials;
use crate::error::Result;
use crate::secret::SecretBytes;

/// A future in a box, as traits that are used as objects need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The fields of one master key as they stand in the metadata of a file, `enc` and `created_at` included.
pub type Fields = Map<String, Value>;

/// A data key, or a share of it, as one master key guards it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// Name of the kind in the metadata, such as `age`; it may be one that nobody here knows.
    pub kind: String,
    /// What stands in the metadata.
    pub fields: Fields,
}

impl WrappedKey {
    /// Reads a field of text.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Value::as_str)
    }
}

/// What a kind of master key is called in each place.
#[derive(Debug)]
pub struct KindNames {
    /// The list in the metadata, and in a key group of `.sops.yaml`: `hc_vault`.
    pub metadata: &'static str,
    /// The flag without dashes: `hc-vault-transit`.
    pub flag: &'static str,
    /// The field of a creation rule: `hc_vault_transit_uri`.
    pub rule: &'static str,
    /// The field in a key group of a creation rule: `hc_vault`.
    pub group: &'static str,
    /// The variable that has the same effect as the flag: `SOPS_VAULT_URIS`.
    pub variable: &'static str,
    /// What it is, for help and messages: `age recipient`.
    pub title: &'static str,
}

/// One kind of master key.
pub trait MasterKeyKind: Sync {
    /// What it is called in each place.
    fn names(&self) -> &'static KindNames;

    /// True if wrapping or opening asks a system over a network.
    fn is_remote(&self) -> bool;

    /// True if the metadata says when a key was wrapped (`created_at`).
    fn is_dated(&self) -> bool {
        true
    }

    /// Reads one key as it is written on the command line.
    ///
    /// # Errors
    /// Malformed, with what is wrong and what a right one looks like.
    fn parse(&self, text: &str) -> Result<Fields>;

    /// Reads one key as it stands in a key group of `.sops.yaml`: a text, or a mapping for some kinds.
    ///
    /// # Errors
    /// As [`MasterKeyKind::parse`].
    fn parse_entry(&self, entry: &Value) -> Result<Fields> {
        match entry {
            Value::String(text) => self.parse(text),
            _ => Err(crate::error::Error::malformed(format!("read {} key: it is not a text", self.names().title))),
        }
    }

    /// What tells two keys of the kind apart, as sops prints it: two wrapped keys with the same identity are of one master key.
    fn identity(&self, fields: &Fields) -> String;

    /// Begins to work with the credentials of a run; nothing is read, asked or connected before it is needed, and each at most once.
    fn service(&self, credentials: Arc<dyn Credentials>) -> Box<dyn KeyService>;
}

/// Wraps and opens with all master keys of one kind, for one run.
pub trait KeyService: Send + Sync {
    /// Wraps a data key, or a share of it; the result is the text of `enc`.
    ///
    /// # Errors
    /// The system is away or refuses, or the key is not one.
    fn wrap<'a>(&'a self, fields: &'a Fields, key: &'a SecretBytes) -> BoxFuture<'a, Result<String>>;

    /// Opens what stands in `enc`.
    ///
    /// # Errors
    /// Unopenable with the reason: no identity at hand (and where one was looked for), none that fits, a system that is away.
    fn open<'a>(&'a self, fields: &'a Fields) -> BoxFuture<'a, Result<SecretBytes>>;
}
