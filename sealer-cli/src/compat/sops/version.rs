//! Versions in metadata: sops opens no file whose version is none.

use engine::file::FORMAT_VERSION;

use super::failure::{Failure, Result};

/// Checks the version of a file.
pub(super) fn check(version: &str) -> Result<()> {
    // Files of the first implementation have versions of two parts.
    if version.starts_with("1.") || is_semantic(version.strip_prefix('v').unwrap_or(version)) {
        return Ok(());
    }
    Err(Failure::generic(if version.is_empty() { "Version string empty" } else { "the version in the metadata of the file is none" }))
}

/// True if a version is older than that which is written.
pub(super) fn is_older(version: &str) -> bool {
    let numbers = |version: &str| -> Vec<u64> {
        let release = version.strip_prefix('v').unwrap_or(version).split(['-', '+']).next().unwrap_or_default();
        release.split('.').map(|part| part.parse().unwrap_or_default()).collect()
    };
    numbers(version) < numbers(FORMAT_VERSION)
}

/// Three numbers without leading zeros, then perhaps what follows `-` and `+`.
fn is_semantic(version: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) && (part.len() == 1 || !part.starts_with('0'));
    let (version, build) = version.split_once('+').map_or((version, None), |(version, build)| (version, Some(build)));
    let (version, before) = version.split_once('-').map_or((version, None), |(version, before)| (version, Some(before)));
    let parts: Vec<&str> = version.split('.').collect();
    let words = |text: &str| text.split('.').all(word);
    parts.len() == 3 && parts.into_iter().all(number) && build.is_none_or(words) && before.is_none_or(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_three_numbers() {
        for good in ["3.13.3", "v3.7.1", "1.13", "3.0.0-rc.1+build"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for (version, older) in [("1.13", true), ("3.9.0", true), ("v3.13.2", true), ("3.13.3", false), ("4.0.0", false)] {
            assert_eq!(is_older(version), older, "{version}");
        }
        for bad in ["", "3", "3.1", "3.01.0", "a.b.c", "3.1.1-", "3.1.1.1"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
