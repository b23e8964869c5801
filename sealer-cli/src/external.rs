//! Stores of secrets at the terminal: what files say of them, asked with the rights of the person who runs us.

mod access;
mod objects;
mod render;
mod stores;

pub(crate) use objects::{Objects, Wanted};
pub(crate) use render::{Made, Rendered, masked, masked_metadata};
pub(crate) use stores::Stores;
