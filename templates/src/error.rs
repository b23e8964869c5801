//! What can go wrong, without a byte of the data that it went wrong on.

use std::borrow::Cow;
use std::fmt;

/// The result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Says who is to blame for an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The template is not well-formed; no data can help.
    Parse,
    /// The template met data or arguments that it cannot use, or called `fail`.
    Exec,
    /// Rendering would have cost more than [`crate::Limits`] allow.
    Limit,
    /// The template needs the clock or randomness, and the caller gave none.
    Unavailable,
}

/// Why a template was not parsed or rendered.
///
/// *Shape*: the message names the template, line and column, and never contains a value of the data. Text that the
/// template's author wrote as a literal may appear in it.
pub struct Error {
    /// Boxed, since errors of others hold this one.
    place: Option<Box<Place>>,
    fault: Fault,
}

/// What went wrong, before it is known where.
#[derive(Debug)]
pub(crate) struct Fault {
    kind: ErrorKind,
    message: Cow<'static, str>,
}

#[derive(Debug)]
struct Place {
    template: String,
    line: usize,
    column: usize,
}

impl Error {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { place: None, fault }
    }

    /// Adds the place, unless a place nearer to the fault is known already.
    pub(crate) fn at(mut self, template: &str, source: &[u8], position: usize) -> Self {
        if self.place.is_none() {
            let before = &source[..position.min(source.len())];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let place = Place { template: template.to_owned(), line, column: before.len() - start + 1 };
            self.place = Some(Box::new(place));
        }
        self
    }

    /// Says who is to blame.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.fault.kind
    }

    /// The name of the template, when it is known.
    #[must_use]
    pub fn template(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.template.as_str())
    }

    /// The line of the template that failed. *Units*: the first line is 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.line)
    }

    /// The column of the line. *Units*: bytes; the first is 1.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.column)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "template {:?}, line {}, column {}: ", place.template, place.line, place.column)?;
        }
        f.write_str(&self.fault.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::new(fault)
    }
}

impl Fault {
    pub(crate) fn parse(message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: ErrorKind::Parse, message: message.into() }
    }

    /// The message must not be made of data: type names, names of functions and text of the template only.
    pub(crate) fn exec(message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: ErrorKind::Exec, message: message.into() }
    }

    pub(crate) fn limit(what: &'static str) -> Self {
        Self { kind: ErrorKind::Limit, message: Cow::Borrowed(what) }
    }

    pub(crate) fn unavailable(what: &'static str) -> Self {
        Self { kind: ErrorKind::Unavailable, message: Cow::Borrowed(what) }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Puts the name of the function in front.
    pub(crate) fn in_function(mut self, name: &str) -> Self {
        self.message = format!("{name}: {}", self.message).into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_stays() {
        let error = Error::from(Fault::exec("cannot add")).at("key", b"ab\ncd", 4).at("other", b"", 0);
        assert_eq!(error.to_string(), "template \"key\", line 2, column 2: cannot add");
        assert_eq!((error.line(), error.column(), error.template()), (Some(2), Some(2), Some("key")));
    }
}
