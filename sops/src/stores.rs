//! The list of formats.

use crate::store::Store;

mod binary;
mod dotenv;
mod ini;
mod json;
#[cfg(test)]
mod proof;
mod toml;
mod yaml;

/// Every format. The last takes every file that no other claims.
pub const STORES: &[&dyn Store] = &[&json::Json, &dotenv::Dotenv, &ini::Ini, &toml::Toml, &yaml::Yaml, &binary::Binary];

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
