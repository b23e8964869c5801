//! How much is brought into memory for one object: whoever may write one could otherwise exhaust the process that serves all others.

use std::collections::BTreeMap;

use keys::SecretBytes;

use crate::error::{Error, Result};

/// The most bytes that a search may find, and that may be held for one object.
///
/// A Secret has 1 MiB at most. The rest is for systems whose secrets are larger than the part of them that is asked for. What is under way besides is bounded
/// by how many requests go together, and by how long an answer may be.
pub const MOST: usize = 64 * 1024 * 1024;

/// What an entry of a map takes besides its name and its value: the places that both are kept in, and what the allocator adds to each.
const ENTRY: usize = 64;

/// Counts what is held.
#[derive(Debug, Default)]
pub struct Tally(usize);

impl Tally {
    /// Counts so many bytes more; says whether all of them together are no more than [`MOST`].
    #[must_use]
    pub fn add(&mut self, bytes: usize) -> bool {
        self.0 = self.0.saturating_add(bytes);
        self.0 <= MOST
    }
}

/// How many bytes values by name take.
#[must_use]
pub fn size(values: &BTreeMap<String, SecretBytes>) -> usize {
    values.iter().fold(0, |sum, (name, value)| sum.saturating_add(entry(name, value.len())))
}

fn entry(name: &str, value: usize) -> usize {
    name.len().saturating_add(value).saturating_add(ENTRY)
}

/// What a search found so far.
pub(crate) struct Found<'a> {
    doing: &'a str,
    tally: Tally,
    values: BTreeMap<String, SecretBytes>,
}

impl<'a> Found<'a> {
    /// Nothing yet; `doing` is what an error begins with.
    pub(crate) fn new(doing: &'a str) -> Self {
        Self { doing, tally: Tally::default(), values: BTreeMap::new() }
    }

    /// Adds a value.
    ///
    /// # Errors
    /// Invalid: there are more than fit.
    pub(crate) fn add(&mut self, name: String, value: SecretBytes) -> Result<()> {
        self.count(entry(&name, value.len()))?;
        self.values.insert(name, value);
        Ok(())
    }

    /// Counts a name whose value is asked for later, if at all.
    ///
    /// # Errors
    /// As [`Found::add`].
    pub(crate) fn note(&mut self, name: &str) -> Result<()> {
        self.count(entry(name, 0))
    }

    /// All of it.
    pub(crate) fn into_values(self) -> BTreeMap<String, SecretBytes> {
        self.values
    }

    fn count(&mut self, bytes: usize) -> Result<()> {
        if self.tally.add(bytes) {
            return Ok(());
        }
        Err(Error::invalid(format!("{}: there are more than fit into {} MiB; a narrower search helps", self.doing, MOST >> 20)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_counted_with_its_names() {
        let mut found = Found::new("find them");
        let (name, value) = ("n".repeat(1000), || SecretBytes::new(vec![0; MOST / 2 - 2000]));
        found.add(name.clone(), value()).unwrap();
        found.add(format!("{name}2"), value()).unwrap();
        let error = found.note(&"n".repeat(2000)).unwrap_err().to_string();
        assert_eq!(error, "find them: there are more than fit into 64 MiB; a narrower search helps");
        assert!(found.add(String::new(), SecretBytes::new(Vec::new())).is_err(), "it stays too much");
        assert_eq!(size(&found.into_values()), MOST - 4000 + 2001 + 2 * ENTRY);
    }

    #[test]
    fn what_is_empty_takes_memory_too() {
        let mut found = Found::new("find them");
        let most = MOST / ENTRY;
        assert!((0..most).all(|_| found.note("").is_ok()));
        assert!(found.note("").is_err());
    }
}
