//! The verbs of Sealer, whoever asks, and the decisions behind them.
//!
//! - [`manifest`]: YAML and JSON documents to objects, and back without touching other bytes.
//! - [`seal`]: Secret to SealedSecret, or into one, with a certificate.
//! - [`unseal`], [`open`]: SealedSecret to the Secret that should exist, with private keys.
//! - [`reseal`]: old keys to the newest one.
//! - [`verify`]: what is wrong with a SealedSecret, with and without keys.
//! - [`source`]: which version of a SealedSecret a Secret was made of.
//! - [`external`]: ExternalSecret to the Secret that should exist, with stores that answer.
//! - [`mod@file`]: SOPS files with all kinds of keys, opened and wrapped by a [`Keychain`].
//! - [`collect`]: what providers answered, as the keys of a Secret.
//! - [`policy`], [`renewal`], [`key_secret`]: what to do about a Secret, and when and how to make a key.
//!
//! It knows no terminal, no API client, no clock and no environment: files come in as bytes, times as arguments.

pub mod collect;
pub mod desired;
mod error;
pub mod external;
pub mod file;
pub mod key_secret;
mod keychain;
pub mod manifest;
pub mod open;
pub mod policy;
mod render;
pub mod renewal;
pub mod reseal;
pub mod seal;
mod secret;
pub mod source;
pub mod unseal;
pub mod verify;

pub use error::{Cause, Error, ErrorKind, Place, Result, harmless};
pub use keychain::{DEFAULT_ORDER, Keychain, LostGroup, LostKey, LostPart, Recipient, age_plugins, master_key_kinds};
pub use secret::{PlainSecret, is_copy, is_item_key, is_object_name};
