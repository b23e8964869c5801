//! The one error of this crate.

use std::fmt;

/// Says who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are not a file of the format.
    Malformed,
    /// The file has no metadata: it is not encrypted.
    NotEncrypted,
    /// The file has metadata already, or uses its reserved name.
    AlreadyEncrypted,
    /// The metadata is broken, or of a shape that nobody wrote.
    Metadata,
    /// A value cannot be encrypted, or cannot stand in the format.
    Unencryptable,
    /// All values are encrypted, but the format cannot say the whole.
    Unwritable,
    /// A value does not decrypt at the place where it stands.
    Tampered,
    /// The values decrypt, but they are not all, or not in the order, in which they were written.
    WrongMac,
    /// There is no document in the file.
    Empty,
    /// A path does not parse.
    BadPath,
    /// A path leads nowhere.
    NotFound,
    /// The configuration is wrong.
    Configuration,
    /// The cryptography library refused to work.
    Internal,
}

/// Where something is wrong, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl Position {
    /// Finds the line and the column of a byte.
    #[must_use]
    pub fn of(source: &[u8], at: usize) -> Self {
        let before = &source[..at.min(source.len())];
        let start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        Self { line: memchr::memchr_iter(b'\n', before).count() + 1, column: String::from_utf8_lossy(&before[start..]).chars().count() + 1 }
    }
}

/// Holds a message that fits after "cannot", and no value, ciphertext or key.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    // In a box, so that results stay small on the good path.
    place: Box<Place>,
    message: String,
}

#[derive(Clone, Debug, Default)]
struct Place {
    position: Option<Position>,
    path: Option<String>,
}

/// Shortens signatures.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error of one kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, place: Box::default(), message: message.into() }
    }

    /// Makes it an error of another kind.
    #[must_use]
    pub(crate) fn of_kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// Adds where in the file, if that is not known yet.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.place.position.get_or_insert(position);
        self
    }

    /// Adds the path of keys, if that is not known yet.
    #[must_use]
    pub fn on(mut self, path: impl Into<String>) -> Self {
        self.place.path.get_or_insert(path.into());
        self
    }

    /// Says who is to blame.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Says where in the file.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.place.position
    }

    /// Says at which path, written as `["a"][0]`.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.place.path.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
