//! The SOPS file format: values encrypted in place, pure and synchronous.
//!
//! - [`Document`]: the ordered tree with comments that every format is read into.
//! - [`Store`]: the contract of a format; [`STORES`] is the list.
//!
//! It does not know files, clocks, networks, master keys or Kubernetes: it hands out wrapped keys and takes back a data key.

mod document;
mod error;
mod store;
mod stores;

pub use document::{Comment, Document, Element, Leaf, List, Map, Member, Node, Pair, Span, Value};
pub use error::{Error, ErrorKind, Position, Result};
pub use store::{Edit, MetadataLayout, Splice, Store, Style};
pub use stores::{STORES, named, of_name};
