//! Semantic versions and constraints on them.
//!
//! *Source*: the documented behaviour of Masterminds/semver 3.3.0.

use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::number::parse_uint;
use crate::value::{Text, Unsigned, Value};

mod constraint;

/// The functions of this family.
pub(super) const TABLE: &[Function] =
    &[Function::fixed("semver", &[Kind::Text], semver), Function::fixed("semverCompare", &[Kind::Text, Kind::Text], semver_compare)];

/// The methods of versions; the first parameter is the receiver.
pub(super) const METHODS: &[Function] = &[
    Function::fixed("Compare", &[Kind::Version, Kind::Version], |_, arguments| {
        Ok(Value::int(version(arguments, 0)?.order(version(arguments, 1)?) as i64))
    }),
    Function::fixed("Equal", &[Kind::Version, Kind::Version], |_, arguments| {
        Ok(Value::Bool(version(arguments, 0)?.order(version(arguments, 1)?).is_eq()))
    }),
    Function::fixed("GreaterThan", &[Kind::Version, Kind::Version], |_, arguments| {
        Ok(Value::Bool(version(arguments, 0)?.order(version(arguments, 1)?).is_gt()))
    }),
    Function::fixed("GreaterThanEqual", &[Kind::Version, Kind::Version], |_, arguments| {
        Ok(Value::Bool(version(arguments, 0)?.order(version(arguments, 1)?).is_ge()))
    }),
    Function::fixed("LessThan", &[Kind::Version, Kind::Version], |_, arguments| {
        Ok(Value::Bool(version(arguments, 0)?.order(version(arguments, 1)?).is_lt()))
    }),
    Function::fixed("LessThanEqual", &[Kind::Version, Kind::Version], |_, arguments| {
        Ok(Value::Bool(version(arguments, 0)?.order(version(arguments, 1)?).is_le()))
    }),
    Function::fixed("Major", &[Kind::Version], |_, arguments| Ok(uint(version(arguments, 0)?.major))),
    Function::fixed("Metadata", &[Kind::Version], |_, arguments| Ok(text(&version(arguments, 0)?.metadata))),
    Function::fixed("Minor", &[Kind::Version], |_, arguments| Ok(uint(version(arguments, 0)?.minor))),
    Function::fixed("Original", &[Kind::Version], |_, arguments| Ok(text(&version(arguments, 0)?.original))),
    Function::fixed("Patch", &[Kind::Version], |_, arguments| Ok(uint(version(arguments, 0)?.patch))),
    Function::fixed("Prerelease", &[Kind::Version], |_, arguments| Ok(text(&version(arguments, 0)?.prerelease))),
    Function::fixed("String", &[Kind::Version], |_, arguments| Ok(Value::text(&version(arguments, 0)?.to_string()))),
];

/// A semantic version. Missing parts are 0.
#[derive(Default)]
pub(crate) struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    prerelease: Vec<u8>,
    metadata: Vec<u8>,
    original: Vec<u8>,
}

impl Version {
    /// Reads a version, with or without `v`, with one to three numbers.
    fn parse(text: &[u8]) -> Option<Self> {
        let rest = text.strip_prefix(b"v").unwrap_or(text);
        let (rest, metadata) = split_at(rest, b'+');
        let (numbers, prerelease) = split_at(rest, b'-');
        let numbers: Vec<_> = numbers.split(|byte| *byte == b'.').collect();
        let digits = |part: &&[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        if numbers.len() > 3 || !numbers.iter().all(digits) {
            return None;
        }
        let number = |index: usize| numbers.get(index).map_or(Some(0), |part| parse_uint(part, 10));
        let well_formed = |part: &[u8]| part.split(|byte| *byte == b'.').all(is_identifier);
        let padded = |part: &&[u8]| part.len() > 1 && part[0] == b'0' && part.iter().all(u8::is_ascii_digit);
        if let Some(part) = prerelease
            && (!well_formed(part) || part.split(|byte| *byte == b'.').any(|part| padded(&part)))
        {
            return None;
        }
        if metadata.is_some_and(|part| !well_formed(part)) {
            return None;
        }
        Some(Self {
            major: number(0)?,
            minor: number(1)?,
            patch: number(2)?,
            prerelease: prerelease.unwrap_or_default().to_vec(),
            metadata: metadata.unwrap_or_default().to_vec(),
            original: text.to_vec(),
        })
    }

    /// The order of versions; metadata do not count.
    fn order(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| order_of_prereleases(&self.prerelease, &other.prerelease))
    }

    /// The fields of Go's struct, for `printf`.
    pub(crate) fn fields(&self) -> [(&'static str, Value); 6] {
        [
            ("major", uint(self.major)),
            ("minor", uint(self.minor)),
            ("patch", uint(self.patch)),
            ("pre", text(&self.prerelease)),
            ("metadata", text(&self.metadata)),
            ("original", text(&self.original)),
        ]
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.order(other).is_eq() && self.metadata == other.metadata && self.original == other.original
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", String::from_utf8_lossy(&self.prerelease))?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", String::from_utf8_lossy(&self.metadata))?;
        }
        Ok(())
    }
}

fn split_at(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == separator) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

fn is_identifier(part: &[u8]) -> bool {
    !part.is_empty() && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// A release comes after its prereleases; those go part by part, numbers before words.
fn order_of_prereleases(ours: &[u8], theirs: &[u8]) -> Ordering {
    match (ours.is_empty(), theirs.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let mut ours = ours.split(|byte| *byte == b'.');
    let mut theirs = theirs.split(|byte| *byte == b'.');
    loop {
        let order = match (ours.next(), theirs.next()) {
            (None, None) => return Ordering::Equal,
            (Some(_), None) => Ordering::Greater,
            (None, Some(_)) => Ordering::Less,
            (Some(our), Some(their)) => match (parse_uint(our, 10), parse_uint(their, 10)) {
                _ if our == their => Ordering::Equal,
                (Some(our), Some(their)) if our > their => Ordering::Greater,
                (Some(_), _) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => our.cmp(their),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn uint(number: u64) -> Value {
    Value::Uint(number, Unsigned::Uint64)
}

fn text(bytes: &[u8]) -> Value {
    Value::Text(Text::from(bytes))
}

fn version(arguments: &Arguments, index: usize) -> Called<&Version> {
    match arguments.any(index) {
        Value::Version(version) => Ok(version),
        other => Err(crate::function::wrong(other, "*semver.Version")),
    }
}

fn parse(text: &[u8]) -> Called<Version> {
    Version::parse(text).ok_or(Fault::exec("not a semantic version"))
}

fn semver(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    scope.meter.allocate(arguments.text(0)?.len() as u64 * 3)?;
    Ok(Value::Version(Rc::new(parse(arguments.text(0)?)?)))
}

fn semver_compare(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let constraint = constraint::Constraint::parse(arguments.text(0)?);
    let constraint = constraint.ok_or(Fault::exec("not a constraint on versions"))?;
    Ok(Value::Bool(constraint.admits(&parse(arguments.text(1)?)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prereleases_go_part_by_part() {
        let versions = ["1.0.0-1", "1.0.0-2", "1.0.0-a", "1.0.0-a.1", "1.0.0", "1.0.1"];
        for pair in versions.windows(2) {
            let order = Version::parse(pair[0].as_bytes()).unwrap().order(&Version::parse(pair[1].as_bytes()).unwrap());
            assert!(order.is_lt(), "{pair:?}");
        }
    }

    #[test]
    fn missing_parts_are_zero_and_wrong_ones_refused() {
        assert_eq!(Version::parse(b"v1.2").unwrap().to_string(), "1.2.0");
        assert!(["", "1.2.3.4", "1.x", "1.0.0-", "1.0.0-01", "1..2"].iter().all(|v| Version::parse(v.as_bytes()).is_none()));
    }
}
