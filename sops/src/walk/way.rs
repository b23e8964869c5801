//! The way through a file: the keys that lead to where a pass is, what is selected there, and the hash over what it has passed.

use aws_lc_rs::digest::{Context, SHA512};
use keys::{Nonces, SecretBytes, ValueCipher};
use zeroize::Zeroizing;

use super::Treatment;
use crate::error::{Error, ErrorKind, Result};
use crate::leaf::{self, Kind, Parts};
use crate::rules::Walk;

/// What the hash begins with where only encrypted values count: the SHA-256 of `sops`.
///
/// *Source*: sops `sops.go`, v3.13.3.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6,
    0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Whether values are encrypted or decrypted on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Ciphertexts become values.
    Decrypt,
    /// Values become ciphertexts.
    Encrypt,
}

/// Where a pass over a file is, and with what it works there.
pub struct Way<'a> {
    pub(crate) direction: Direction,
    /// Which values are selected.
    pub(crate) walk: Walk<'a>,
    cipher: &'a ValueCipher,
    only_encrypted: bool,
    nonces: Nonces,
    hash: Context,
    /// Keys on the way, each with a colon behind it: the associated data.
    keys: String,
    /// Room for one value, so that not each of them takes memory of its own.
    room: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Way<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Way(..)")
    }
}

impl<'a> Way<'a> {
    pub(crate) fn new(treatment: &Treatment<'a>, direction: Direction) -> Self {
        let mut hash = Context::new(&SHA512);
        if treatment.only_encrypted {
            hash.update(&ONLY_ENCRYPTED);
        }
        Self {
            direction,
            walk: treatment.selection.walk(),
            cipher: treatment.cipher,
            only_encrypted: treatment.only_encrypted,
            nonces: Nonces::default(),
            hash,
            keys: String::new(),
            room: Zeroizing::new(Vec::new()),
        }
    }

    /// Goes to what stands under a key; gives the key's place in [`Way::keys`].
    pub(crate) fn go(&mut self, key: &str) -> std::ops::Range<usize> {
        let start = self.keys.len();
        self.keys.push_str(key);
        self.keys.push(':');
        start..self.keys.len() - 1
    }

    /// Comes back from there.
    pub(crate) fn back(&mut self, key: &std::ops::Range<usize>) {
        self.keys.truncate(key.start);
        self.walk.pass();
    }

    /// The keys that lead here.
    pub(crate) fn keys(&self) -> &str {
        &self.keys
    }

    /// The associated data of this place.
    pub(crate) fn associated(&self) -> &str {
        associated(&self.keys)
    }

    /// Takes the bytes of a value into the hash, if they count.
    pub(crate) fn hash(&mut self, selected: bool, bytes: &[u8]) {
        if selected || !self.only_encrypted {
            self.hash.update(bytes);
        }
    }

    /// Takes the value that was opened last into the hash.
    pub(crate) fn hash_opened(&mut self) {
        self.hash.update(&self.room);
    }

    /// The hash over all values, in capital hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        hexadecimal(self.hash.finish().as_ref())
    }

    /// Writes the ciphertext of a value at the end of a text.
    ///
    /// # Errors
    /// Internal: no randomness.
    pub(crate) fn encrypt(&mut self, kind: Kind, bytes: &[u8], text: &mut Vec<u8>) -> Result<()> {
        self.make_room(bytes.len());
        self.room.clear();
        self.room.extend_from_slice(bytes);
        let associated = associated(&self.keys);
        let encrypted = self.cipher.encrypt_in_place(&mut self.nonces, &mut self.room, associated.as_bytes());
        let (nonce, tag) = encrypted.map_err(|error| Error::new(ErrorKind::Internal, format!("encrypt a value: {error}")))?;
        leaf::append(text, Parts { data: &self.room, nonce: &nonce, tag: &tag, kind });
        Ok(())
    }

    /// Decrypts a value: [`Way::opened`] is its bytes then.
    ///
    /// # Errors
    /// Tampered: it is not encrypted, or under another key or elsewhere.
    pub(crate) fn open(&mut self, text: &[u8]) -> Result<Kind> {
        self.make_room(text.len());
        let (nonce, tag, kind) = leaf::read_into(text, &mut self.room)?;
        let associated = associated(&self.keys);
        let opened = self.cipher.decrypt_in_place(nonce.as_bytes(), tag.as_bytes(), &mut self.room, associated.as_bytes());
        opened.map_err(|_| {
            Error::new(ErrorKind::Tampered, "decrypt a value: it was changed, it was moved from another key, or it is of another file")
        })?;
        Ok(kind)
    }

    /// The bytes of the value that was opened last.
    pub(crate) fn opened(&self) -> &[u8] {
        &self.room
    }

    /// As [`Way::opened`], as a secret of its own.
    pub(crate) fn opened_secret(&self) -> SecretBytes {
        SecretBytes::new(self.room.to_vec())
    }

    /// Room that is too small is wiped and replaced: to grow would leave a copy behind.
    fn make_room(&mut self, bytes: usize) {
        if self.room.capacity() < bytes {
            self.room = Zeroizing::new(Vec::with_capacity(bytes.next_power_of_two()));
        }
    }
}

/// The associated data below keys: of a comment at the top a colon alone.
fn associated(keys: &str) -> &str {
    if keys.is_empty() { ":" } else { keys }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).map(char::from).collect()
}
