//! All functions that a template can call: those of Go's `text/template` and of sprig 3.3.0, without the three that
//! look at the environment and the network (`env`, `expandenv`, `getHostByName`).

use crate::function::{Function, Kind};
use crate::language::Dialect;
use crate::value::{Signed, Value};

mod builtins;
mod cases;
mod certificates;
mod crypto;
pub(crate) mod dates;
mod defaults;
mod dicts;
mod encoding;
pub(crate) mod external;
mod json;
mod lists;
mod math;
mod paths;
mod reflection;
mod regexes;
pub(crate) mod strings;
mod urls;
pub(crate) mod versions;

/// The families; a later one never repeats a name.
const FAMILIES: &[&[Function]] = &[
    builtins::TABLE,
    cases::TABLE,
    certificates::TABLE,
    crypto::TABLE,
    dates::TABLE,
    defaults::TABLE,
    dicts::TABLE,
    encoding::TABLE,
    json::TABLE,
    lists::TABLE,
    math::TABLE,
    paths::TABLE,
    reflection::TABLE,
    regexes::TABLE,
    strings::TABLE,
    urls::TABLE,
    versions::TABLE,
];

/// The families that External Secrets adds; a name in them hides the same one of the others.
const EXTERNAL_FAMILIES: &[&[Function]] =
    &[external::TABLE, external::chains::TABLE, external::jwk::TABLE, external::pkcs12::TABLE, external::rsa::TABLE, external::yaml::TABLE];

/// Finds a function by its name.
pub(crate) fn find(name: &str, dialect: Dialect) -> Option<&'static Function> {
    let own = match dialect {
        Dialect::ExternalSecrets => EXTERNAL_FAMILIES,
        Dialect::SealedSecrets => &[],
    };
    own.iter().chain(FAMILIES).flat_map(|family| family.iter()).find(|function| function.name == name)
}

/// Finds a method of a value by its name.
pub(crate) fn find_method(receiver: &Value, name: &[u8]) -> Option<&'static Function> {
    let kind = match receiver {
        Value::Time(_) => Kind::Time,
        Value::Version(_) => Kind::Version,
        Value::Int(_, Signed::Duration) => Kind::Duration,
        Value::Int(_, Signed::Month) => Kind::Month,
        Value::Int(_, Signed::Weekday) => Kind::Weekday,
        _ => return None,
    };
    let is_it = |method: &&Function| method.name.as_bytes() == name && method.parameters.first() == Some(&kind);
    dates::METHODS.iter().chain(versions::METHODS).find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_once() {
        let mut names: Vec<_> = FAMILIES.iter().flat_map(|family| family.iter()).map(|f| f.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for dialect in [Dialect::ExternalSecrets, Dialect::SealedSecrets] {
            assert!(["env", "expandenv", "getHostByName", "getSecretKey"].iter().all(|name| find(name, dialect).is_none()));
        }
    }

    #[test]
    fn sealed_secrets_has_no_function_of_external_secrets() {
        let hidden = ["htpasswd"];
        for function in EXTERNAL_FAMILIES.iter().flat_map(|family| family.iter()).filter(|function| !hidden.contains(&function.name)) {
            assert!(find(function.name, Dialect::SealedSecrets).is_none(), "{}", function.name);
            assert!(find(function.name, Dialect::ExternalSecrets).is_some(), "{}", function.name);
        }
        assert_eq!(find("htpasswd", Dialect::SealedSecrets).map(|function| function.parameters.len()), Some(2));
        assert_eq!(find("htpasswd", Dialect::ExternalSecrets).map(|function| function.parameters.len()), Some(3));
    }
}
