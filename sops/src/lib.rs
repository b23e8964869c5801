//! The SOPS file format: values encrypted in place, pure and synchronous.
//!
//! - [`Document`]: the ordered tree with comments that every format is read into.
//! - [`Store`]: the contract of a format; [`STORES`] is the list.
//!
//! It does not know files, clocks, networks, master keys or Kubernetes: it hands out wrapped keys and takes back a data key.

mod change;
mod config;
mod document;
mod error;
mod file;
mod flatten;
mod leaf;
mod metadata;
mod passage;
mod path;
mod rules;
mod same;
mod scalar;
mod stash;
mod store;
mod stores;
mod walk;

pub use change::{set, unset};
pub use config::{Config, CreationRule, KeyEntry};
pub use document::{Comment, Document, Element, Leaf, List, Map, Member, Node, Pair, Span, Value};
pub use error::{Error, ErrorKind, Position, Result};
pub use file::{DecryptedFile, EncryptedFile, Lock, MacCheck, Manner, PlainFile};
pub use metadata::{KeyGroup, METADATA_KEY, Metadata, node_of_json};
pub use passage::{DecryptedText, PlainText};
pub use path::{Reached, Step, TreePath, grown};
pub use rules::{RULE_NAMES, Rule};
pub use scalar::flat_text;
pub use stash::Stash;
pub use store::{Edit, MetadataLayout, Outline, Passage, Splice, Store, Stream, Style};
pub use stores::{STORES, named, of_name};
pub use walk::{Direction, Way};
