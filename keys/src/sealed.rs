//! One sealed value: the wire format of a SealedSecret's item.

use aws_lc_rs::rand;
use base64::Engine;
use zeroize::Zeroizing;

use crate::aead;
use crate::error::{Error, Result};
use crate::pair::{SealingKey, UnsealingKey};
use crate::scope::Label;
use crate::secret::{LENIENT, SecretBytes, decode_lenient};

/// Bytes before the RSA part.
const PREFIX: usize = 2;

/// The ciphertext of one item.
///
/// *Shape*: u16 big-endian length L, L bytes of RSAES-OAEP (SHA-256, MGF1-SHA-256, label) around a 32-byte key, then AES-256-GCM under that
/// key with a zero nonce and no associated data, tag last.
///
/// *Source*: sealed-secrets `pkg/crypto/crypto.go`, v0.38.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    bytes: Vec<u8>,
    rsa_end: usize,
}

impl Sealed {
    /// Seals one value for the holder of the private key.
    ///
    /// # Errors
    /// Internal: the cryptography library refused.
    pub fn seal(key: &SealingKey, label: &Label, plaintext: &SecretBytes) -> Result<Self> {
        let mut session = Zeroizing::new([0_u8; 32]);
        rand::fill(&mut *session).map_err(|_| Error::internal("draw a session key"))?;
        let rsa = key.wrap(label, &session)?;
        let length = u16::try_from(rsa.len()).map_err(|_| Error::internal("wrap a session key"))?;
        let aes = aead::encrypt_once(session, plaintext)?;
        let rsa_end = PREFIX + rsa.len();
        let bytes = [&length.to_be_bytes()[..], &rsa, &aes].concat();
        Ok(Self { bytes, rsa_end })
    }

    /// Reads the bytes of an item.
    ///
    /// # Errors
    /// Malformed: too short for the lengths that it states.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        let Some(length) = bytes.first_chunk::<PREFIX>() else {
            return Err(Error::malformed("read the item: it is shorter than its 2-byte length prefix"));
        };
        let rsa_end = PREFIX + usize::from(u16::from_be_bytes(*length));
        if bytes.len() < rsa_end {
            return Err(Error::malformed(format!(
                "read the item: it states an RSA part of {} bytes, but only {} bytes follow; it is cut off or not a sealed item",
                rsa_end - PREFIX,
                bytes.len() - PREFIX,
            )));
        }
        if bytes.len() < rsa_end + aead::TAG_LENGTH {
            return Err(Error::malformed(format!(
                "read the item: {} bytes follow the RSA part, {} are the least; it is cut off",
                bytes.len() - rsa_end,
                aead::TAG_LENGTH,
            )));
        }
        Ok(Self { bytes, rsa_end })
    }

    /// Reads the base64 form of manifests: line breaks and stray trailing bits are allowed, as in Go.
    ///
    /// # Errors
    /// Malformed: not base64, or not an item.
    pub fn from_base64(text: &str) -> Result<Self> {
        Self::from_bytes(decode_lenient(text).map_err(|place| Error::malformed(format!("decode the item as base64: {place}")))?)
    }

    /// The base64 form, in one line.
    #[must_use]
    pub fn to_base64(&self) -> String {
        LENIENT.encode(&self.bytes)
    }

    /// Length of the RSA part, in bytes: the key's length if the item is whole.
    #[must_use]
    pub fn rsa_length(&self) -> usize {
        self.rsa_end - PREFIX
    }

    /// Length of the plaintext, in bytes.
    #[must_use]
    pub fn plaintext_length(&self) -> usize {
        self.bytes.len() - self.rsa_end - aead::TAG_LENGTH
    }

    /// Opens the item.
    ///
    /// # Errors
    /// Unopenable: wrong key, wrong label or a changed item. All of them look alike and take the same path: when the RSA part does not open,
    /// the AES part is tried with a random key.
    pub fn open(&self, key: &UnsealingKey, label: &Label) -> Result<SecretBytes> {
        let (rsa, aes) = (&self.bytes[PREFIX..self.rsa_end], &self.bytes[self.rsa_end..]);
        let session = key.unwrap(label, rsa);
        let mut decoy = Zeroizing::new([0_u8; 32]);
        rand::fill(&mut *decoy).map_err(|_| Error::internal("draw a decoy key"))?;
        // EXPOSE: the session key opens the AES part.
        let opened = aead::decrypt(session.as_ref().map_or(&decoy[..], SecretBytes::expose), aes);
        if session.is_some() { opened } else { Err(aead::unopenable()) }
    }
}

#[cfg(test)]
mod tests;
