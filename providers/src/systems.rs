//! The list of systems: one line each.

use keys::{AgePlugins, MasterKeyKind};

mod age_plugin;
mod gnupg;
mod vault;

/// One system outside.
pub struct System {
    /// What it is called.
    pub name: &'static str,
    /// The kinds of master keys that it has.
    pub master_keys: &'static [&'static dyn MasterKeyKind],
}

/// Every system.
pub static SYSTEMS: &[System] = &[gnupg::SYSTEM, vault::SYSTEM];

/// What starts the plugins of age.
pub static AGE_PLUGINS: &dyn AgePlugins = &age_plugin::Processes;

/// The kinds of master keys of all systems.
pub fn master_keys() -> impl Iterator<Item = &'static dyn MasterKeyKind> {
    SYSTEMS.iter().flat_map(|system| system.master_keys.iter().copied())
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
}
