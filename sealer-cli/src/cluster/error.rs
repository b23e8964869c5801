//! What goes wrong between the terminal and a cluster.

use std::fmt;
use std::io;
use std::path::Path;

/// Says what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum ErrorKind {
    /// The kubeconfig or the flags cannot be used.
    Configuration,
    /// There is no kubeconfig, and we are in no cluster.
    Empty,
    /// Who asks may not.
    Denied,
    /// What was asked for is not there.
    NotFound,
    /// It may go through later.
    Busy,
    /// The answer is not what was asked for.
    Answer,
}

/// Holds no credential: URLs are shown without their password.
#[derive(Debug)]
pub(crate) struct Error {
    kind: ErrorKind,
    message: String,
}

/// Shortens signatures.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error; the message is client-go's where there is one.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Says what can be done about it.
    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Tells what was tried, around the message.
    pub(super) fn wrap(self, around: impl FnOnce(&str) -> String) -> Self {
        Self { message: around(&self.message), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Words an error of the operating system as Go does: `open FILE: no such file or directory`.
pub(crate) fn describe(operation: &str, path: &Path, error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_lowercase();
    format!("{operation} {}: {text}", path.display())
}

/// The address without its password.
pub(super) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some((credentials, host)) = rest[..end].rsplit_once('@') else { return url.to_owned() };
    let user = credentials.split(':').next().unwrap_or_default();
    let hidden = if credentials.contains(':') { ":***" } else { "" };
    format!("{scheme}://{user}{hidden}@{host}{}", &rest[end..])
}
