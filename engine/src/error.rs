//! One error for both doors: a kind, a place and a message.

use std::fmt;

use crate::keychain::LostKey;

/// Says what can be done about it; the doors turn it into an exit code, a status reason or a pause.
///
/// The order is that of the worst first: see [`ErrorKind::worst`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Our own fault.
    Bug,
    /// A seal is broken: changed, cut off, or moved to a place that it was not sealed for.
    Tampered,
    /// The key or the right is missing.
    Denied,
    /// What was asked for is not there.
    NotFound,
    /// A malformed file or object.
    Input,
    /// It may go through later.
    Busy,
}

impl ErrorKind {
    /// The kind that a run over many objects ends with.
    #[must_use]
    pub fn worst(kinds: impl IntoIterator<Item = Self>) -> Option<Self> {
        kinds.into_iter().min()
    }
}

/// Where something is wrong; each part is there if it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// File, as the user named it.
    pub file: Option<String>,
    /// Line, from 1.
    pub line: Option<usize>,
    /// Column, from 1.
    pub column: Option<usize>,
    /// Object, as `Kind namespace/name`.
    pub object: Option<String>,
    /// Key of the item.
    pub item: Option<String>,
}

/// Holds no secret, no ciphertext and no credential.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    // In a box, so that results stay small on the good path.
    place: Box<Place>,
    message: String,
    advice: Option<String>,
    cause: Option<Cause>,
    lost_key: Option<Box<LostKey>>,
}

/// What broke underneath, for faces that tell more kinds of failures apart than we do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// No master key opens the data key of a SOPS file.
    DataKey,
    /// A SOPS file itself.
    File(sops::ErrorKind),
    /// A master key does not wrap.
    Wrapping,
}

/// Shortens signatures.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error of one kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, place: Box::default(), message: harmless(&message.into()), advice: None, cause: None, lost_key: None }
    }

    /// Makes an [`ErrorKind::Input`] error.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    /// Adds what to do about it: a full sentence without a period.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.get_or_insert(advice.into());
        self
    }

    /// Adds what broke underneath.
    #[must_use]
    pub fn caused_by(mut self, cause: Cause) -> Self {
        self.cause.get_or_insert(cause);
        self
    }

    /// Adds what became of the master keys, for faces that lay it out in their own way.
    pub(crate) fn with_lost_key(mut self, lost: LostKey) -> Self {
        self.lost_key = Some(Box::new(lost));
        self
    }

    /// Adds the file, if none is known yet.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.place.file.get_or_insert(file.into());
        self
    }

    /// Names the file, whatever was known of it before: a door may know it by the name that the user gave.
    #[must_use]
    pub fn in_file_named(mut self, file: impl Into<String>) -> Self {
        self.place.file = Some(file.into());
        self
    }

    /// Adds the line, if none is known yet.
    #[must_use]
    pub fn at_line(mut self, line: usize) -> Self {
        self.place.line.get_or_insert(line);
        self
    }

    /// Adds the object, if none is known yet.
    #[must_use]
    pub fn in_object(mut self, object: impl Into<String>) -> Self {
        self.place.object.get_or_insert(object.into());
        self
    }

    /// Adds the item, if none is known yet.
    #[must_use]
    pub fn on_item(mut self, item: impl Into<String>) -> Self {
        self.place.item.get_or_insert(item.into());
        self
    }

    /// What broke underneath, where that is known.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// What became of the master keys, if none of them opens a data key.
    #[must_use]
    pub fn lost_key(&self) -> Option<&LostKey> {
        self.lost_key.as_deref()
    }

    /// Says what can be done about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Says where.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What was tried on what, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }
}

/// Text that can not steer the terminal that it is shown on: names come from files of strangers.
///
/// Control characters but line breaks and tabs are escaped, since they start escape sequences, and so is what turns the direction of writing.
#[must_use]
pub fn harmless(text: &str) -> String {
    let steers = |c: char| {
        let control = c.is_control() && !matches!(c, '\n' | '\t');
        control || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| harmless(text).replace('\n', "\\n").replace('\t', "\\t");
        match (self.file.as_deref().map(shown), self.line) {
            (Some(file), Some(line)) if self.column.is_some() => write!(f, "{file}:{line}:{}: ", self.column.unwrap_or_default())?,
            (Some(file), Some(line)) => write!(f, "{file}:{line}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        match (self.object.as_deref().map(shown), &self.item) {
            (Some(object), Some(item)) => write!(f, "{object}, item {item:?}: "),
            (Some(object), None) => write!(f, "{object}: "),
            (None, Some(item)) => write!(f, "item {item:?}: "),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place, self.message)
    }
}

impl std::error::Error for Error {}

impl From<keys::Error> for Error {
    fn from(error: keys::Error) -> Self {
        let kind = match error.kind() {
            keys::ErrorKind::Unopenable => ErrorKind::Tampered,
            keys::ErrorKind::Internal => ErrorKind::Bug,
            keys::ErrorKind::Denied => ErrorKind::Denied,
            keys::ErrorKind::Unavailable => ErrorKind::Busy,
            _ => ErrorKind::Input,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<sops::Error> for Error {
    fn from(error: sops::Error) -> Self {
        let kind = match error.kind() {
            sops::ErrorKind::Tampered | sops::ErrorKind::WrongMac => ErrorKind::Tampered,
            sops::ErrorKind::NotFound => ErrorKind::NotFound,
            sops::ErrorKind::Internal => ErrorKind::Bug,
            _ => ErrorKind::Input,
        };
        let mut converted = Self::new(kind, error.to_string()).caused_by(Cause::File(error.kind()));
        if let Some(position) = error.position() {
            converted.place.line = Some(position.line);
            converted.place.column = Some(position.column);
        }
        match error.path() {
            Some(path) => converted.on_item(path),
            None => converted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_starts_with_as_much_of_the_place_as_is_known() {
        let error = || Error::input("decode the value");
        assert_eq!(error().to_string(), "decode the value");
        assert_eq!(error().at_line(3).to_string(), "line 3: decode the value");
        let full = error().on_item("password").in_object("Secret team/db").at_line(3).in_file("db.yaml").in_file("never");
        assert_eq!(full.to_string(), "db.yaml:3: Secret team/db, item \"password\": decode the value");
        assert_eq!(full.in_file_named("x.yaml").to_string(), "x.yaml:3: Secret team/db, item \"password\": decode the value");
    }

    #[test]
    fn no_name_steers_the_terminal() {
        let error = Error::input("read \u{1b}[2J").in_file("a\nb\u{9b}").in_object("Secret \u{202e}x");
        assert_eq!(error.to_string(), "a\\nb\\u{9b}: Secret \\u{202e}x: read \\u{1b}[2J");
        assert_eq!(harmless("plain é\n"), "plain é\n");
    }

    #[test]
    fn the_worst_kind_wins() {
        use ErrorKind::{Bug, Busy, Denied, Input, NotFound, Tampered};
        assert_eq!(ErrorKind::worst([Busy, Input, NotFound, Denied, Tampered, Bug]), Some(Bug));
        assert_eq!(ErrorKind::worst([Busy, Input]), Some(Input));
        assert_eq!(ErrorKind::worst([Denied, Tampered]), Some(Tampered));
        assert_eq!(ErrorKind::worst([]), None);
    }
}
