//! Where a secret lies in Vault: from the name that an ExternalSecret gives it to the path of a request.
//!
//! *Source*: external-secrets `providers/v1/vault/client_get.go`, 2.9.0.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Version of a secrets engine.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(super) enum Version {
    /// Keys and values.
    #[serde(rename = "v1")]
    V1,
    /// The same with versions.
    #[default]
    #[serde(rename = "v2")]
    V2,
}

/// A secrets engine, as the settings have it.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    /// Where it is mounted; without, names begin with that.
    pub(super) mount: Option<String>,
    /// Its version.
    pub(super) version: Version,
}

/// Which tree of an engine of version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// The values.
    Data,
    /// What is told of them.
    Metadata,
}

impl Engine {
    pub(super) fn new(mount: Option<&str>, version: Version) -> Self {
        let mount = mount.map(|mount| mount.trim_matches('/').to_owned()).filter(|mount| !mount.is_empty());
        Self { mount, version }
    }

    /// The path of a name.
    ///
    /// # Errors
    /// Invalid: the name would lead elsewhere.
    pub(super) fn path(&self, tree: Tree, name: &str) -> Result<String> {
        let is_escaping = |part: &str| matches!(part, "." | "..");
        if name.split('/').any(is_escaping) || name.chars().any(|one| one.is_control() || matches!(one, '?' | '#')) {
            return Err(Error::invalid("read a secret of Vault: its name has a part that leads elsewhere (., .., ?, # or a control character)"));
        }
        let name = name.trim_start_matches('/');
        let word = match tree {
            Tree::Data => "data",
            Tree::Metadata => "metadata",
        };
        let (mount, rest) = match (&self.mount, self.version) {
            (Some(mount), Version::V1) => (mount.as_str(), name.strip_prefix(&format!("{mount}/")).unwrap_or(name)),
            (Some(mount), Version::V2) => {
                let inner = name.strip_prefix(&format!("{mount}/")).map(|inner| inner.strip_prefix("data/").unwrap_or(inner));
                (mount.as_str(), inner.unwrap_or(name))
            }
            (None, Version::V1) => return Ok(name.to_owned()),
            (None, Version::V2) => match name.split_once("/data/") {
                Some(parts) => parts,
                None => name.split_once('/').unwrap_or((name, "")),
            },
        };
        Ok(match self.version {
            Version::V1 => format!("{mount}/{rest}"),
            Version::V2 => format!("{mount}/{word}/{rest}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mount: Option<&str>, version: Version, name: &str, data: &str, metadata: &str) {
        let engine = Engine::new(mount, version);
        let paths = [Tree::Data, Tree::Metadata].map(|tree| engine.path(tree, name).unwrap());
        assert_eq!(paths, [data, metadata], "{mount:?} {name}");
    }

    #[test]
    fn a_name_leads_to_its_path() {
        use Version::{V1, V2};
        check(Some("secret"), V2, "app/db", "secret/data/app/db", "secret/metadata/app/db");
        check(Some("secret"), V2, "secret/app", "secret/data/app", "secret/metadata/app");
        check(Some("secret"), V2, "secret/data/app", "secret/data/app", "secret/metadata/app");
        check(Some("secret"), V2, "data/app", "secret/data/data/app", "secret/metadata/data/app");
        check(Some("secret"), V2, "secret", "secret/data/secret", "secret/metadata/secret");
        check(Some("team/kv"), V2, "team/kv/app", "team/kv/data/app", "team/kv/metadata/app");
        check(Some("/secret/"), V2, "/app", "secret/data/app", "secret/metadata/app");
        check(Some("secret"), V1, "app/db", "secret/app/db", "secret/app/db");
        check(Some("secret"), V1, "secret/data/app", "secret/data/app", "secret/data/app");
        check(None, V2, "secret/app/db", "secret/data/app/db", "secret/metadata/app/db");
        check(None, V2, "team/kv/data/app", "team/kv/data/app", "team/kv/metadata/app");
        check(None, V1, "secret/app", "secret/app", "secret/app");
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused_and_not_quoted() {
        for name in ["../sys", "a/../../sys/mounts", "a/./b", "..", "app?version=1", "app#x", "app\n", "a\0b"] {
            let error = Engine::new(Some("secret"), Version::V2).path(Tree::Data, name).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Invalid);
            assert!(!error.to_string().contains(name), "{error}");
        }
        assert!(Engine::new(Some("secret"), Version::V2).path(Tree::Data, "a..b/...").is_ok());
    }
}
