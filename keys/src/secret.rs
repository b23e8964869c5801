//! Plaintext in memory: redacted when printed, wiped when dropped.

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq;
use zeroize::{Zeroizing, optimization_barrier};

use crate::error::{Error, Result};

/// Standard alphabet with padding, but as lenient with trailing bits as Go's decoder.
pub(crate) const LENIENT: GeneralPurpose = GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Holds bytes that nobody may print.
///
/// It has no `Clone`, `Display`, `Serialize` or `PartialEq`: compare with [`SecretBytes::ct_eq`], look with
/// [`SecretBytes::expose`] for one expression, below a comment `// EXPOSE: why`.
pub struct SecretBytes(Vec<u8>);

impl Drop for SecretBytes {
    fn drop(&mut self) {
        overwrite(&mut self.0);
    }
}

impl SecretBytes {
    /// Takes the bytes over; the caller keeps no copy.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Decodes the base64 text of a Secret's data: line breaks and stray trailing bits are allowed, as in Go.
    ///
    /// # Errors
    /// Malformed: not base64; says where, not what.
    pub fn from_base64(text: &str) -> Result<Self> {
        decode_lenient(text).map(Self::new).map_err(|place| Error::malformed(format!("decode the value as base64: {place}")))
    }

    /// Encodes as base64, in one line.
    #[must_use]
    pub fn to_base64(&self) -> Self {
        Self::new(LENIENT.encode(&self.0).into_bytes())
    }

    /// Lends the plaintext.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Makes a second secret of the same bytes, wiped on its own.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// The number of bytes, which is not a secret: every ciphertext shows it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True for the empty secret.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in a time that depends on the lengths only.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

/// Fills a vector with zeros, all the memory that it holds. `Zeroizing` stores them byte by byte, which takes longer than to encrypt what was there;
/// the barrier is what keeps the compiler from leaving these stores out.
fn overwrite(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.resize(bytes.capacity(), 0);
    optimization_barrier(bytes.as_slice());
}

/// Decodes base64 as Go does; on failure says where it breaks without quoting what stands there.
pub(crate) fn decode_lenient(text: &str) -> std::result::Result<Vec<u8>, String> {
    let decoded = if text.bytes().any(|byte| matches!(byte, b'\r' | b'\n')) {
        LENIENT.decode(&*Zeroizing::new(text.replace(['\r', '\n'], "")))
    } else {
        LENIENT.decode(text)
    };
    decoded.map_err(|error| match error {
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => format!("invalid character at position {at}"),
        base64::DecodeError::InvalidLength(length) => format!("a length of {length} is impossible"),
        base64::DecodeError::InvalidPadding => "wrong padding at the end".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_byte_of_a_secret() {
        let text = format!("{:?}", SecretBytes::new(b"hunter2".to_vec()));
        assert_eq!(text, "SecretBytes(..)");
    }

    #[test]
    fn all_memory_of_a_secret_is_overwritten_where_it_lies() {
        let mut bytes = Vec::with_capacity(100);
        bytes.extend_from_slice(b"hunter2 and more");
        let (place, room) = (bytes.as_ptr(), bytes.capacity());
        bytes.truncate(7);
        overwrite(&mut bytes);
        assert_eq!((bytes.as_ptr(), bytes.capacity()), (place, room), "no other memory is taken");
        assert_eq!(bytes, vec![0; room]);
        overwrite(&mut Vec::new());
    }

    #[test]
    fn base64_is_read_as_go_reads_it_and_never_quoted() {
        assert_eq!(SecretBytes::from_base64("aHVu\r\ndGVy\nMg==").unwrap().expose(), b"hunter2");
        assert_eq!(SecretBytes::from_base64("aHVudGVyMh==").unwrap().to_base64().expose(), b"aHVudGVyMg==");
        let message = SecretBytes::from_base64("aHVu!GVyMg==").unwrap_err().to_string();
        assert_eq!(message, "decode the value as base64: invalid character at position 4");
        assert!(SecretBytes::from_base64("aHVudGVyMg").is_err());
    }

    #[test]
    fn comparison_sees_content_and_length() {
        let secret = SecretBytes::new(b"abc".to_vec());
        assert!(secret.ct_eq(&SecretBytes::new(b"abc".to_vec())));
        assert!(!secret.ct_eq(&SecretBytes::new(b"abd".to_vec())));
        assert!(!secret.ct_eq(&SecretBytes::new(b"abcd".to_vec())));
        assert!(secret.duplicate().ct_eq(&secret));
        assert_eq!((secret.len(), secret.is_empty()), (3, false));
        assert!(SecretBytes::new(Vec::new()).is_empty());
    }
}
