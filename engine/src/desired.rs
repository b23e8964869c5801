//! The one result of every source of secrets.

use std::collections::BTreeMap;

use keys::SecretBytes;
use serde_json::{Map, Value};

use crate::manifest::title;

/// The native Secret that should exist.
#[derive(Debug)]
pub struct DesiredSecret {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Labels, annotations and what else the template gives; name and namespace are the ones above.
    pub metadata: Map<String, Value>,
    /// Type; None leaves it to the server, which says Opaque.
    pub type_: Option<String>,
    /// Whether the data can never change.
    pub immutable: Option<bool>,
    /// The values.
    pub data: BTreeMap<String, SecretBytes>,
    /// Whether the Secret is to be owned by its source, and so deleted with it.
    pub owned: bool,
}

impl DesiredSecret {
    /// What people call it.
    #[must_use]
    pub fn title(&self) -> String {
        title("Secret", &self.namespace, &self.name)
    }

    /// Compares everything that is written; the values in constant time.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let opaque = |type_: &Option<String>| type_.clone().unwrap_or_else(|| "Opaque".to_owned());
        self.namespace == other.namespace
            && self.name == other.name
            && self.metadata == other.metadata
            && opaque(&self.type_) == opaque(&other.type_)
            && self.immutable.unwrap_or_default() == other.immutable.unwrap_or_default()
            && same_data(&self.data, &other.data)
    }
}

/// Compares keys, and values in constant time.
#[must_use]
pub fn same_data(one: &BTreeMap<String, SecretBytes>, other: &BTreeMap<String, SecretBytes>) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|((a, x), (b, y))| a == b && x.ct_eq(y))
}
