//! Ciphertexts of values as they were, so that what did not change keeps its text.

use std::collections::{HashMap, VecDeque};

use aws_lc_rs::digest::{Context, SHA256};
use keys::SecretBytes;

use crate::leaf::Kind;

/// Ciphertexts by place and plaintext. It keeps digests of plaintexts under a key of its own, never a plaintext.
///
/// A ciphertext is given out once: of two equal values in one list each keeps its own.
#[derive(Debug)]
pub struct Stash {
    salt: [u8; 32],
    forgetful: bool,
    texts: HashMap<[u8; 32], VecDeque<SecretBytes>>,
}

impl Default for Stash {
    fn default() -> Self {
        let mut salt = [0; 32];
        // Without randomness nothing would be encrypted either; the salt only makes digests of a dump of the memory useless.
        let _ = keys::fill_random(&mut salt, "draw a salt");
        Self { salt, forgetful: false, texts: HashMap::new() }
    }
}

impl Stash {
    /// Keeps nothing, for content that is not encrypted again.
    pub(crate) fn forgetful() -> Self {
        Self { salt: [0; 32], forgetful: true, texts: HashMap::new() }
    }

    /// Remembers the ciphertext of a value.
    pub(crate) fn put(&mut self, associated: &str, kind: Kind, plaintext: &[u8], text: &[u8]) {
        if self.forgetful {
            return;
        }
        let place = self.place(associated, kind, plaintext);
        self.texts.entry(place).or_default().push_back(SecretBytes::new(text.to_vec()));
    }

    /// True if no value keeps its ciphertext.
    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Takes the ciphertext of a value, if it had one.
    pub(crate) fn take(&mut self, associated: &str, kind: Kind, plaintext: &[u8]) -> Option<SecretBytes> {
        if self.texts.is_empty() {
            return None;
        }
        let place = self.place(associated, kind, plaintext);
        self.texts.get_mut(&place)?.pop_front()
    }

    fn place(&self, associated: &str, kind: Kind, plaintext: &[u8]) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(&self.salt);
        context.update(&(associated.len() as u64).to_le_bytes());
        context.update(associated.as_bytes());
        context.update(&[kind as u8]);
        context.update(plaintext);
        let mut place = [0; 32];
        place.copy_from_slice(context.finish().as_ref());
        place
    }
}
