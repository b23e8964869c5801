//! The list of systems: one line each.

use keys::{AgePlugins, MasterKeyKind};

use crate::provider::StoreKind;

mod age_plugin;
mod aws;
mod fake;
mod gnupg;
mod kubernetes;
mod vault;
mod webhook;

/// One system outside.
pub struct System {
    /// What it is called.
    pub name: &'static str,
    /// The kinds of master keys that it has.
    pub master_keys: &'static [&'static dyn MasterKeyKind],
    /// The kind of store of secrets that it is.
    pub store: Option<&'static dyn StoreKind>,
}

/// Every system.
pub static SYSTEMS: &[System] = &[aws::SYSTEM, fake::SYSTEM, gnupg::SYSTEM, kubernetes::SYSTEM, vault::SYSTEM, webhook::SYSTEM];

/// What starts the plugins of age.
pub static AGE_PLUGINS: &dyn AgePlugins = &age_plugin::Processes;

/// The kinds of master keys of all systems.
pub fn master_keys() -> impl Iterator<Item = &'static dyn MasterKeyKind> {
    SYSTEMS.iter().flat_map(|system| system.master_keys.iter().copied())
}

/// The kinds of stores of all systems.
pub fn stores() -> impl Iterator<Item = &'static dyn StoreKind> {
    SYSTEMS.iter().filter_map(|system| system.store)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_kinds_share_a_name() {
        let names: Vec<&str> = master_keys().map(|kind| kind.names().metadata).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert_eq!(names, ["pgp", "hc_vault"]);
    }

    #[test]
    fn a_store_is_called_as_its_system() {
        for system in SYSTEMS {
            assert!(system.store.is_none_or(|store| store.name() == system.name), "{}", system.name);
        }
    }
}
