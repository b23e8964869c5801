//! JSON that lies in the document, or was made of it.

use std::ops::Deref;

use zeroize::Zeroizing;

/// One JSON value as text.
pub(crate) enum Raw<'j> {
    Lent(&'j [u8]),
    Made(Zeroizing<Vec<u8>>),
}

impl Raw<'_> {
    pub(crate) fn made(bytes: Vec<u8>) -> Self {
        Self::Made(Zeroizing::new(bytes))
    }

    pub(crate) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Lent(bytes) => Zeroizing::new(bytes.to_vec()),
            Self::Made(bytes) => bytes,
        }
    }

    /// The same, which may outlive the document.
    pub(crate) fn into_owned<'o>(self) -> Raw<'o> {
        Raw::Made(self.into_bytes())
    }

    /// A part of it; nothing if there is no such part.
    pub(crate) fn part(self, start: usize, end: usize) -> Self {
        match self {
            Self::Lent(bytes) => Self::Lent(bytes.get(start..end).unwrap_or_default()),
            Self::Made(bytes) if start == 0 && end == bytes.len() => Self::Made(bytes),
            Self::Made(bytes) => Self::made(bytes.get(start..end).unwrap_or_default().to_vec()),
        }
    }
}

impl Deref for Raw<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Lent(bytes) => bytes,
            Self::Made(bytes) => bytes,
        }
    }
}
