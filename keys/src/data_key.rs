//! The key of one SOPS file, and the ciphertext of its values.

use aes_gcm::aead::consts::{U12, U16, U32};
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::array::ArraySize;
use aes_gcm::{AesGcm, Tag};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::random::fill_random;
use crate::secret::SecretBytes;

/// Length of a data key, in bytes.
///
/// *Source*: sops `sops.go`, v3.13.3.
pub const DATA_KEY_LENGTH: usize = 32;

/// Length of the nonce of a value, in bytes: not the 12 that is usual for AES-GCM.
///
/// *Source*: sops `aes/cipher.go`, v3.13.3.
pub const NONCE_LENGTH: usize = 32;

/// Length of an authentication tag, in bytes.
pub const TAG_LENGTH: usize = 16;

/// Nonces that are drawn at a time.
const DRAWN: usize = 32;

/// The key that every value of a SOPS file is encrypted with.
#[derive(Debug)]
pub struct DataKey(SecretBytes);

impl DataKey {
    /// Makes a random key.
    ///
    /// # Errors
    /// Internal: no randomness.
    pub fn make() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; DATA_KEY_LENGTH]);
        fill_random(&mut *bytes, "make a data key")?;
        Ok(Self(SecretBytes::new(bytes.to_vec())))
    }

    /// Takes over what a master key opened.
    ///
    /// # Errors
    /// Malformed: not 32 bytes.
    pub fn from_secret(secret: SecretBytes) -> Result<Self> {
        if secret.len() == DATA_KEY_LENGTH {
            Ok(Self(secret))
        } else {
            Err(Error::malformed(format!("use a data key of {} bytes: it has {DATA_KEY_LENGTH}", secret.len())))
        }
    }

    /// Lends the key to what guards it: a master key, or the splitting into shares.
    #[must_use]
    pub fn secret(&self) -> &SecretBytes {
        &self.0
    }

    /// Sets the cipher up, once for all values of a file.
    #[must_use]
    pub fn cipher(&self) -> ValueCipher {
        // EXPOSE: the key schedule is made of the key. Its length was checked when it was made.
        let mut key = Zeroizing::new([0; DATA_KEY_LENGTH]);
        // EXPOSE: the same.
        key.copy_from_slice(self.0.expose());
        ValueCipher { wide: AesGcm::new((&*key).into()), key }
    }
}

/// A value under the data key.
///
/// *Shape*: ciphertext as long as the plaintext, a nonce of 32 bytes (others are read), a tag of 16 bytes.
#[derive(Debug)]
pub struct Encrypted {
    /// As long as the plaintext.
    pub data: Vec<u8>,
    /// The nonce, called `iv` in the file.
    pub nonce: Few<NONCE_LENGTH>,
    /// The authentication tag.
    pub tag: Few<TAG_LENGTH>,
}

/// Public bytes, at most so many, that take no memory of their own: a file has thousands of them.
#[derive(Clone, Copy, Debug)]
pub struct Few<const MOST: usize> {
    bytes: [u8; MOST],
    length: usize,
}

impl<const MOST: usize> Few<MOST> {
    /// Takes over bytes; `None` if they are too many.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut few = Self { bytes: [0; MOST], length: bytes.len() };
        few.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(few)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Fresh random nonces, many of which are drawn at a time: to ask the system for each takes as long as to encrypt a value.
#[derive(Debug)]
pub struct Nonces {
    drawn: [[u8; NONCE_LENGTH]; DRAWN],
    used: usize,
}

impl Default for Nonces {
    fn default() -> Self {
        Self { drawn: [[0; NONCE_LENGTH]; DRAWN], used: DRAWN }
    }
}

impl Nonces {
    /// Gives a nonce out, which is never given out again.
    fn take(&mut self) -> Result<[u8; NONCE_LENGTH]> {
        if self.used >= DRAWN {
            fill_random(self.drawn.as_flattened_mut(), "make a nonce")?;
            self.used = 0;
        }
        let nonce = self.drawn.get(self.used).copied().ok_or_else(|| Error::internal("make a nonce"))?;
        self.used += 1;
        Ok(nonce)
    }
}

/// AES-256-GCM under one data key.
pub struct ValueCipher {
    wide: AesGcm<Aes256, U32>,
    key: Zeroizing<[u8; DATA_KEY_LENGTH]>,
}

impl std::fmt::Debug for ValueCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ValueCipher(..)")
    }
}

impl ValueCipher {
    /// Encrypts under a fresh random nonce.
    ///
    /// # Errors
    /// Internal: no randomness.
    pub fn encrypt(&self, nonces: &mut Nonces, plaintext: &[u8], associated: &[u8]) -> Result<Encrypted> {
        self.dangerous_encrypt_with(&nonces.take()?, plaintext, associated)
    }

    /// Encrypts under a nonce that is given: safe only for the very plaintext and associated data that it was used for before.
    ///
    /// # Errors
    /// Malformed: the nonce has not 32 bytes.
    pub fn dangerous_encrypt_with(&self, nonce: &[u8], plaintext: &[u8], associated: &[u8]) -> Result<Encrypted> {
        let malformed = || Error::malformed("use a nonce that has not 32 bytes");
        let mut data = plaintext.to_vec();
        let tag = self.encrypt_under(nonce.try_into().map_err(|_| malformed())?, &mut data, associated)?;
        Ok(Encrypted { data, nonce: Few::new(nonce).ok_or_else(malformed)?, tag: Few::new(&tag).ok_or_else(malformed)? })
    }

    /// Encrypts where the plaintext stands, under a fresh random nonce; gives the nonce and the tag.
    ///
    /// # Errors
    /// Internal: no randomness.
    pub fn encrypt_in_place(&self, nonces: &mut Nonces, text: &mut [u8], associated: &[u8]) -> Result<([u8; NONCE_LENGTH], [u8; TAG_LENGTH])> {
        let nonce = nonces.take()?;
        let tag = self.encrypt_under(&nonce, text, associated)?;
        Ok((nonce, tag))
    }

    fn encrypt_under(&self, nonce: &[u8; NONCE_LENGTH], text: &mut [u8], associated: &[u8]) -> Result<[u8; TAG_LENGTH]> {
        let tag = self.wide.encrypt_inout_detached(nonce.into(), associated, text.into());
        tag.map(Into::into).map_err(|_| Error::internal("encrypt a value"))
    }

    /// Decrypts and authenticates.
    ///
    /// # Errors
    /// Unopenable, for every failure alike.
    pub fn decrypt(&self, encrypted: Encrypted, associated: &[u8]) -> Result<SecretBytes> {
        let Encrypted { data, nonce, tag } = encrypted;
        let mut buffer = Zeroizing::new(data);
        self.decrypt_in_place(nonce.as_bytes(), tag.as_bytes(), &mut buffer, associated)?;
        Ok(SecretBytes::new(std::mem::take(&mut *buffer)))
    }

    /// Decrypts and authenticates where the ciphertext stands; on failure it stays.
    ///
    /// # Errors
    /// Unopenable, for every failure alike.
    pub fn decrypt_in_place(&self, nonce: &[u8], tag: &[u8], text: &mut [u8], associated: &[u8]) -> Result<()> {
        match nonce.len() {
            NONCE_LENGTH => decrypt_with(&self.wide, (nonce, tag), text, associated),
            16 => decrypt_with(&AesGcm::<Aes256, U16>::new((&*self.key).into()), (nonce, tag), text, associated),
            12 => decrypt_with(&AesGcm::<Aes256, U12>::new((&*self.key).into()), (nonce, tag), text, associated),
            _ => Err(unopenable()),
        }
    }
}

fn decrypt_with<N: ArraySize>(cipher: &AesGcm<Aes256, N>, (nonce, tag): (&[u8], &[u8]), text: &mut [u8], associated: &[u8]) -> Result<()>
where
    AesGcm<Aes256, N>: AeadInOut<NonceSize = N>,
{
    let nonce = Nonce::<AesGcm<Aes256, N>>::try_from(nonce).map_err(|_| unopenable())?;
    let tag = Tag::try_from(tag).map_err(|_| unopenable())?;
    cipher.decrypt_inout_detached(&nonce, associated, text.into(), &tag).map_err(|_| unopenable())
}

fn unopenable() -> Error {
    Error::new(ErrorKind::Unopenable, "open the value with the data key of the file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_nonce_is_given_out_twice() {
        let mut nonces = Nonces::default();
        let mut taken: Vec<_> = (0..DRAWN * 3 + 1).map(|_| nonces.take().unwrap()).collect();
        taken.push([0; NONCE_LENGTH]);
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), DRAWN * 3 + 2);
    }
}
