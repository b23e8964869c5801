//! The one error of this crate.

use std::fmt;

/// Says who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input has not the shape that it should have.
    Malformed,
    /// No key opens the item under this label, or the item was changed; the two can not be told apart.
    Unopenable,
    /// The shape is right, but the kind of key is not one that seals.
    Unsupported,
    /// The cryptography library refused to work.
    Internal,
    /// A system outside knows who asks, or does not, and refuses.
    Denied,
    /// A system outside is away or busy; later it may answer.
    Unavailable,
}

/// Holds a message that fits after "failed to", and no byte of a key, plaintext or ciphertext.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// Shortens signatures.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error of one kind.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Makes a [`ErrorKind::Malformed`] error.
    #[must_use]
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, message)
    }

    /// Makes the [`ErrorKind::Internal`] error of an operation that can not fail on good machines.
    pub(crate) fn internal(what: &str) -> Self {
        Self::new(ErrorKind::Internal, format!("{what}: the cryptography library refused"))
    }

    /// Makes a [`ErrorKind::Denied`] error of a port: something outside could not be read or asked.
    pub fn from_outside(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    /// Says who is to blame.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
