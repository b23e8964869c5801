//! Which keys a Secret may have, and how others become such.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use keys::SecretBytes;
use unicode_general_category::{GeneralCategory as Class, get_general_category};

use crate::error::{Error, Result};

/// Longest key, in bytes.
const LONGEST: usize = 253;

/// What becomes of characters that a key may not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConversionStrategy {
    /// An underscore.
    #[default]
    Default,
    /// `_U` and their number.
    Unicode,
}

/// What a zero byte in a value means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NullBytePolicy {
    /// The value is refused.
    Fail,
    /// Nothing.
    #[default]
    Ignore,
}

/// Makes keys of all names.
///
/// # Errors
/// Input: two names become the same key.
pub fn convert(values: BTreeMap<String, SecretBytes>, strategy: ConversionStrategy) -> Result<BTreeMap<String, SecretBytes>> {
    let mut converted = BTreeMap::new();
    for (name, value) in values {
        match converted.entry(key(&name, strategy)) {
            Entry::Occupied(there) => return Err(Error::input("convert the names of keys: two become the same key").on_item(there.key())),
            Entry::Vacant(place) => drop(place.insert(value)),
        }
    }
    Ok(converted)
}

/// Drops the key without a name, and looks whether all others may be keys of a Secret.
///
/// # Errors
/// Input: one may not.
pub fn check(mut values: BTreeMap<String, SecretBytes>) -> Result<BTreeMap<String, SecretBytes>> {
    values.remove("");
    for key in values.keys() {
        if key.len() > LONGEST {
            let start: String = key.chars().take(LONGEST / 4).collect();
            return Err(Error::input(format!("use it as a key: it is longer than {LONGEST} bytes")).on_item(start));
        }
        if let Some(c) = key.chars().find(|c| !is_allowed(*c)) {
            return Err(Error::input(format!("use it as a key: {c:?} is neither a letter, a digit, '-', '.' nor '_'")).on_item(key));
        }
    }
    Ok(values)
}

/// Looks for zero bytes, in the order of the keys.
///
/// # Errors
/// Input: the policy refuses a value.
pub fn check_null_bytes(values: &BTreeMap<String, SecretBytes>, policy: NullBytePolicy) -> Result<()> {
    if policy == NullBytePolicy::Ignore {
        return Ok(());
    }
    // EXPOSE: the values are searched, and where a zero byte stands is not told.
    match values.iter().find(|(_, value)| value.expose().contains(&0)) {
        Some((key, _)) => Err(Error::input("take the value: there is a zero byte in it, and nullBytePolicy is Fail").on_item(key)),
        None => Ok(()),
    }
}

/// Makes a key of a name.
#[must_use]
pub fn key(name: &str, strategy: ConversionStrategy) -> String {
    let converted = name.chars().map(|c| match strategy {
        _ if is_allowed(c) => c.to_string(),
        ConversionStrategy::Default => "_".to_owned(),
        ConversionStrategy::Unicode => format!("_U{:04x}_", u32::from(c)),
    });
    converted.collect()
}

/// Letters and numbers of all scripts, as Go has them.
fn is_allowed(c: char) -> bool {
    let letters = [Class::LowercaseLetter, Class::ModifierLetter, Class::OtherLetter, Class::TitlecaseLetter, Class::UppercaseLetter];
    let numbers = [Class::DecimalNumber, Class::LetterNumber, Class::OtherNumber];
    let class = get_general_category(c);
    matches!(c, '-' | '.' | '_') || letters.contains(&class) || numbers.contains(&class)
}
