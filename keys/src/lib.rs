//! Secrets and cryptography: the ground floor.
//!
//! - [`SecretBytes`]: plaintext in memory.
//! - [`Scope`] and [`Label`]: under which name an item opens.
//! - [`Sealed`]: the wire format of one item.
//! - [`SealingKey`], [`UnsealingKey`], [`Certificate`]: the pair and the certificate around its public half.
//! - [`Tagger`]: plaintexts are compared through tags that mean nothing elsewhere.
//! - [`KeyRing`]: many private keys, in the order of trial.
//! - [`DataKey`]: the key of one SOPS file; [`MasterKeyKind`]: the contract of what guards it;
//!   [`MASTER_KEYS`]: the kinds that need no system outside; [`shamir`]: shares of a data key.
//!
//! It does not know files, clocks, networks, YAML or Kubernetes: texts and times come in as arguments. The only thing that it takes by itself
//! is randomness, from the cryptography library.

mod aead;
mod certificate;
mod credential;
mod data_key;
mod error;
mod fingerprint;
mod master_key;
mod master_keys;
mod pair;
mod random;
mod ring;
mod scope;
mod sealed;
mod secret;
pub mod shamir;
mod tag;

pub use certificate::{Certificate, CertificateRequest};
pub use credential::Credentials;
pub use data_key::{DATA_KEY_LENGTH, DataKey, Encrypted, Few, NONCE_LENGTH, Nonces, TAG_LENGTH, ValueCipher};
pub use error::{Error, ErrorKind, Result};
pub use fingerprint::{Fingerprint, NoFingerprint};
pub use master_key::{BoxFuture, Fields, KeyService, KindNames, MasterKeyKind, WrappedKey};
pub use master_keys::{AgePlugins, AgeStanza, MASTER_KEYS};
pub use pair::{KeyBits, SealingKey, UnsealingKey};
pub use random::fill_random;
pub use ring::{Budget, Hints, KeyRing, Opening, RingKey, Trial};
pub use scope::{Label, Scope, UnknownScope};
pub use sealed::Sealed;
pub use secret::SecretBytes;
pub use tag::{Tag, Tagger};
