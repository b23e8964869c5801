//! Why a store of secrets does not answer, without a byte of what it holds.

use std::fmt;
use std::time::Duration;

/// Says what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Who asks is unknown to the system, or may not.
    Denied,
    /// What is asked for cannot be: a setting, a name, an answer of another shape.
    Invalid,
    /// The system is away or overwhelmed; later it may answer.
    Busy,
}

/// Shortens signatures.
pub type Result<T> = std::result::Result<T, Error>;

/// What failed: the system, what was asked for, and its word for the reason; never a value, a credential or the text of an answer.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    retry_after: Option<Duration>,
}

impl Error {
    /// Makes an error of one kind. The message fits after "cannot".
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// Makes an [`ErrorKind::Denied`] error.
    #[must_use]
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    /// Makes an [`ErrorKind::Invalid`] error.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Makes an [`ErrorKind::Busy`] error.
    #[must_use]
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Busy, message)
    }

    /// Adds when the system asks to be asked again.
    #[must_use]
    pub fn after(mut self, pause: Option<Duration>) -> Self {
        self.retry_after = pause;
        self
    }

    /// Says what can be done about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// When the system asks to be asked again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<keys::Error> for Error {
    fn from(error: keys::Error) -> Self {
        let kind = match error.kind() {
            keys::ErrorKind::Denied | keys::ErrorKind::Unopenable => ErrorKind::Denied,
            keys::ErrorKind::Unavailable => ErrorKind::Busy,
            _ => ErrorKind::Invalid,
        };
        Self::new(kind, error.to_string())
    }
}
