//! Constraints like `>= 1.2, < 2 || ~3.1`.

use std::cmp::Ordering;

use regex::bytes::{Captures, Regex};

use super::Version;

/// Alternatives, each of which is a list of comparisons that must all hold.
pub(super) struct Constraint(Vec<Vec<Comparison>>);

struct Comparison {
    operator: Operator,
    version: Version,
    /// The number behind the major (or any) is a wildcard or missing.
    dirty: bool,
    minor_dirty: bool,
    patch_dirty: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Operator {
    TildeOrEqual,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

const OPERATORS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";

/// A version whose numbers may be wildcards. The class admits `|`, as the reference does.
const VERSION: &str =
    concat!(r"v?([0-9|xX*]+)(\.[0-9|xX*]+)?(\.[0-9|xX*]+)?", r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?", r"(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?");

/// All patterns are constants of this file and compile; `None` stands for the case that they would not.
fn pattern(text: &str) -> Option<Regex> {
    Regex::new(&format!("(?-u){}", text.replace(r"\s", r"[\t\n\f\r ]"))).ok()
}

impl Constraint {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = rewrite_ranges(text)?;
        let one = format!(r"({OPERATORS})\s*({VERSION})");
        let valid = pattern(&format!(r"^(\s*{one}\s*)((?:\s+|,\s*){one}\s*)*$"))?;
        let find = pattern(&one)?;
        let exact = pattern(&format!(r"^\s*{one}\s*$"))?;
        let mut alternatives = Vec::new();
        let mut rest = text.as_slice();
        loop {
            let end = crate::lex::find(rest, b"||");
            let alternative = &rest[..end.unwrap_or(rest.len())];
            if !valid.is_match(alternative) {
                return None;
            }
            let comparisons: Option<Vec<_>> = find.find_iter(alternative).map(|found| comparison(&exact.captures(found.as_bytes())?)).collect();
            alternatives.push(comparisons?);
            match end {
                Some(end) => rest = &rest[end + 2..],
                None => return Some(Self(alternatives)),
            }
        }
    }

    pub(super) fn admits(&self, version: &Version) -> bool {
        self.0.iter().any(|all| all.iter().all(|comparison| comparison.admits(version)))
    }
}

/// `1.2 - 2.0` is `>= 1.2, <= 2.0`.
fn rewrite_ranges(text: &[u8]) -> Option<Vec<u8>> {
    let range = pattern(&format!(r"\s*({VERSION})\s+-\s+({VERSION})\s*"))?;
    let mut text = text.to_vec();
    let found: Vec<_> = range
        .captures_iter(&text)
        .filter_map(|captures| {
            let part = |index| captures.get(index).map(|part| part.as_bytes().to_vec());
            Some((part(0)?, [b">= ", part(1)?.as_slice(), b", <= ", part(11)?.as_slice(), b" "].concat()))
        })
        .collect();
    for (old, new) in found {
        let at = crate::lex::find(&text, &old)?;
        text.splice(at..at + old.len(), new);
    }
    Some(text)
}

fn comparison(captures: &Captures<'_>) -> Option<Comparison> {
    let part = |index| captures.get(index).map_or(&b""[..], |part| part.as_bytes());
    let open = |part: &[u8]| {
        let part = part.strip_prefix(b".").unwrap_or(part);
        matches!(part, b"" | b"x" | b"X" | b"*")
    };
    let (major, minor, patch, prerelease) = (part(3), part(4), part(5), part(6));
    let (mut minor_dirty, mut patch_dirty, mut dirty) = (false, false, true);
    let text = if open(major) {
        [b"0.0.0", prerelease].concat()
    } else if open(minor) {
        minor_dirty = true;
        [major, b".0.0", prerelease].concat()
    } else if open(patch) {
        patch_dirty = true;
        [major, minor, b".0", prerelease].concat()
    } else {
        dirty = false;
        part(2).to_vec()
    };
    let operator = match part(1) {
        b"!=" => Operator::NotEqual,
        b">" => Operator::Greater,
        b"<" => Operator::Less,
        b">=" | b"=>" => Operator::GreaterOrEqual,
        b"<=" | b"=<" => Operator::LessOrEqual,
        b"~" | b"~>" => Operator::Tilde,
        b"^" => Operator::Caret,
        _ => Operator::TildeOrEqual,
    };
    Some(Comparison { operator, version: Version::parse(&text)?, dirty, minor_dirty, patch_dirty })
}

impl Comparison {
    fn admits(&self, version: &Version) -> bool {
        let wanted = &self.version;
        let order = version.order(wanted);
        let unwanted_prerelease = !version.prerelease.is_empty() && wanted.prerelease.is_empty();
        match self.operator {
            Operator::NotEqual => self.differs(version, unwanted_prerelease),
            _ if unwanted_prerelease => false,
            Operator::TildeOrEqual if !self.dirty => order.is_eq(),
            Operator::TildeOrEqual | Operator::Tilde => self.is_near(version, order),
            Operator::Greater if !self.dirty => order.is_gt(),
            Operator::Greater => match version.major.cmp(&wanted.major) {
                Ordering::Greater => true,
                Ordering::Equal if !self.minor_dirty && self.patch_dirty => version.minor > wanted.minor,
                Ordering::Equal if !self.minor_dirty => order.is_gt(),
                _ => false,
            },
            Operator::Less => order.is_lt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::LessOrEqual if !self.dirty => order.is_le(),
            Operator::LessOrEqual => {
                let beyond = version.major == wanted.major && version.minor > wanted.minor && !self.minor_dirty;
                version.major <= wanted.major && !beyond
            }
            Operator::Caret => order.is_ge() && self.is_compatible(version),
        }
    }

    fn differs(&self, version: &Version, unwanted_prerelease: bool) -> bool {
        let wanted = &self.version;
        if self.dirty {
            if unwanted_prerelease {
                return false;
            }
            if wanted.major != version.major || (wanted.minor != version.minor && !self.minor_dirty) {
                return true;
            }
            if self.minor_dirty {
                return false;
            }
            if wanted.patch != version.patch && !self.patch_dirty {
                return true;
            }
            if self.patch_dirty {
                return version.prerelease != wanted.prerelease;
            }
        }
        version.order(wanted).is_ne()
    }

    fn is_near(&self, version: &Version, order: Ordering) -> bool {
        let wanted = &self.version;
        if order.is_lt() {
            return false;
        }
        let zero = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0);
        if zero && !self.minor_dirty && !self.patch_dirty {
            return true;
        }
        version.major == wanted.major && (version.minor == wanted.minor || self.minor_dirty)
    }

    fn is_compatible(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if wanted.major > 0 || self.minor_dirty || version.major > 0 {
            return version.major == wanted.major;
        }
        if wanted.minor > 0 || self.patch_dirty || version.minor > 0 {
            return version.minor == wanted.minor;
        }
        version.patch == wanted.patch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(constraint: &str, version: &str, expected: bool) {
        let constraint = Constraint::parse(constraint.as_bytes()).unwrap();
        assert_eq!(constraint.admits(&Version::parse(version.as_bytes()).unwrap()), expected, "{version}");
    }

    #[test]
    fn constraints_admit_and_refuse() {
        check(">= 1.2, < 2", "1.9.9", true);
        check("1.2 - 2.0", "2.1.0", false);
        check("^0.2.3", "0.3.0", false);
        check("~1.2.x", "1.2.9", true);
        check("*", "1.0.0-rc1", false);
        check("<1 || >3", "4", true);
        assert!(Constraint::parse(b">> 1").is_none());
    }
}
