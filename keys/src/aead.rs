//! AES-GCM with explicit key, nonce and no associated data.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use aes_gcm::aes::Aes192;
use aes_gcm::{Aes128Gcm, Aes256Gcm, AesGcm};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::secret::SecretBytes;

/// Nonce of a sealed item. Safe only because every item has a fresh key of its own.
///
/// *Source*: sealed-secrets `pkg/crypto/crypto.go`, v0.38.4.
pub(crate) const ZERO_NONCE: [u8; 12] = [0; 12];

/// Length of the authentication tag that ends every ciphertext, in bytes.
pub(crate) const TAG_LENGTH: usize = 16;

/// Encrypts under a key that is used once, with [`ZERO_NONCE`]: the key comes by value, so it can not be used again.
///
/// *Shape* of the result: ciphertext, then the tag.
pub(crate) fn encrypt_once(key: Zeroizing<[u8; 32]>, plaintext: &SecretBytes) -> Result<Vec<u8>> {
    let cipher = Aes256Gcm::new((&*key).into());
    // The buffer holds plaintext until it is encrypted in place.
    let mut buffer = Zeroizing::new(Vec::with_capacity(plaintext.len() + TAG_LENGTH));
    // EXPOSE: encryption reads the plaintext.
    buffer.extend_from_slice(plaintext.expose());
    cipher.encrypt_in_place(&ZERO_NONCE.into(), b"", &mut *buffer).map_err(|_| Error::internal("encrypt an item"))?;
    Ok(std::mem::take(&mut *buffer))
}

/// Decrypts what [`encrypt_once`] made, under a key of 16, 24 or 32 bytes.
pub(crate) fn decrypt(key: &[u8], ciphertext: &[u8]) -> Result<SecretBytes> {
    match key.len() {
        16 => decrypt_with::<Aes128Gcm>(key, ciphertext),
        24 => decrypt_with::<AesGcm<Aes192, U12>>(key, ciphertext),
        32 => decrypt_with::<Aes256Gcm>(key, ciphertext),
        _ => Err(unopenable()),
    }
}

/// The single answer to every failure of a private operation.
pub(crate) fn unopenable() -> Error {
    Error::new(ErrorKind::Unopenable, "open the item with this key and label")
}

fn decrypt_with<C: KeyInit + AeadInOut>(key: &[u8], ciphertext: &[u8]) -> Result<SecretBytes> {
    let cipher = C::new_from_slice(key).map_err(|_| unopenable())?;
    let nonce = Nonce::<C>::try_from(&ZERO_NONCE[..]).map_err(|_| unopenable())?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    cipher.decrypt_in_place(&nonce, b"", &mut *buffer).map_err(|_| unopenable())?;
    Ok(SecretBytes::new(std::mem::take(&mut *buffer)))
}
