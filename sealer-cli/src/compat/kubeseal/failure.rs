//! Why the tool stops: one text, in upstream's words where it has them.

use std::fmt;

use crate::cluster;

/// A message for stderr; the exit status is always 1.
#[derive(Debug)]
pub(super) struct Failure(String);

/// Shortens signatures.
pub(super) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// Takes a message.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Self {
        match error.advice() {
            Some(advice) => Self(format!("{error}\n{advice}")),
            None => Self(error.to_string()),
        }
    }
}

impl From<cluster::Error> for Failure {
    fn from(error: cluster::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self(message)
    }
}
