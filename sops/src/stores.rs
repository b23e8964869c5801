//! The list of formats.

mod yaml;

use crate::store::Store;

/// Every format. The last takes every file that no other claims.
pub const STORES: &[&dyn Store] = &[&yaml::Yaml];

/// Finds the format of a file by its name.
#[must_use]
pub fn of_name(name: &str) -> &'static dyn Store {
    let claimed = STORES.iter().find(|store| store.suffixes().iter().any(|suffix| name.ends_with(suffix)));
    *claimed.unwrap_or(&STORES[STORES.len() - 1])
}

/// Finds a format by what `--input-type` calls it.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn Store> {
    STORES.iter().find(|store| store.name() == name).copied()
}
