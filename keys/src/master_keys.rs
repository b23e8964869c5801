//! The kinds of master keys that need no network and no process: one line a kind.

use crate::master_key::MasterKeyKind;

mod age;

pub use age::{AgePlugins, AgeStanza};

/// Every kind that works within this process.
pub static MASTER_KEYS: &[&dyn MasterKeyKind] = &[&age::Age];
