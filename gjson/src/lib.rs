//! Paths into JSON documents: the language of Go's gjson, in which External Secrets names a part of a secret.
//!
//! A document is not checked before it is searched, as in Go: what is not JSON is read as far as it goes. Whatever a path asks for is
//! bounded in work and depth. Parts that had to be made are wiped when dropped.
//!
//! It also writes documents as Go does: [`Node`].
//!
//! It knows nothing of secrets, files and providers: bytes and a path come in, a part comes out.
//!
//! *Source*: `SYNTAX.md` of github.com/tidwall/gjson 1.18.0; the behaviour is that of this version, but for the options of `@pretty`.

mod glob;
mod modifiers;
mod number;
mod path;
mod pretty;
mod query;
mod raw;
mod scan;
mod selectors;
mod text;
mod walk;
mod write;

use std::fmt;

use zeroize::Zeroizing;

use crate::walk::Walker;
pub use crate::write::Node;

/// A part of a document.
pub struct Found {
    json: Zeroizing<Vec<u8>>,
}

impl Found {
    /// The part as JSON, as it is written in the document.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// The part as text: strings without quotes and escapes, nothing for null, objects and lists as JSON.
    ///
    /// Numbers with a fraction or an exponent are written as Go prints floats, shortest and without an exponent; whole numbers as they are.
    #[must_use]
    pub fn text(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(text::of(&self.json).into_owned())
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Found(..)")
    }
}

/// A path asks for more work, or nests deeper, than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooComplex;

impl fmt::Display for TooComplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the path asks for more work than the limit allows")
    }
}

impl std::error::Error for TooComplex {}

/// Finds the part of a document that a path names; `None` if there is none.
///
/// # Errors
/// The path is too complex for the document.
pub fn get(json: &[u8], path: &str) -> Result<Option<Found>, TooComplex> {
    let found = Walker::new(json.len()).get(json, path.as_bytes(), 0)?;
    Ok(found.map(|raw| Found { json: raw.into_bytes() }))
}

/// Puts a backslash before each dot, so that a path is the name of one key; wildcards still count.
#[must_use]
pub fn with_escaped_dots(name: &str) -> String {
    name.replace('.', "\\.")
}

/// Says whether bytes are one JSON document, as strictly as gjson's `Valid`.
#[must_use]
pub fn is_valid(json: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(json).is_ok()
}

#[cfg(test)]
mod tests;
