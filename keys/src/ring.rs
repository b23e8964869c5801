//! The private keys of one cluster or folder.
//!
//! The format of a sealed item names no key, so opening means trying; this file decides in which order, and how often.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::certificate::Certificate;
use crate::error::{ErrorKind, Result};
use crate::fingerprint::Fingerprint;
use crate::pair::UnsealingKey;
use crate::scope::Label;
use crate::sealed::Sealed;
use crate::secret::SecretBytes;

/// A private key with the name of the Secret or file that it came from.
#[derive(Debug)]
pub struct RingKey {
    /// Where it came from; shown to people.
    pub name: String,
    /// The key.
    pub key: UnsealingKey,
    /// Its certificate; None for a bare private key, which opens but is never named by a hint.
    pub certificate: Option<Certificate>,
    /// What orders the ring: the certificate's first moment, or the Secret's creation.
    pub since: Timestamp,
    /// Whether it may seal: not if its owner took it out of use. It opens all the same.
    pub seals: bool,
}

impl RingKey {
    /// What a hint calls this key.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.certificate.as_ref().map(Certificate::fingerprint)
    }
}

/// Private keys, newest first.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: Vec<RingKey>,
}

/// What is known of the keys that an object was sealed with: it changes the order of trial, never the result.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// Certificates that the object's own annotation names.
    pub sealed_with: Vec<Fingerprint>,
    /// Identity of the key that opened the object's last item.
    pub last: Option<Fingerprint>,
}

/// A number of private operations that may still be done.
#[derive(Debug)]
pub struct Budget(Option<u32>);

impl Budget {
    /// No limit: for people who open their own files.
    #[must_use]
    pub fn unlimited() -> Self {
        Self(None)
    }

    /// A limit: for a controller that serves strangers.
    #[must_use]
    pub fn operations(number: u32) -> Self {
        Self(Some(number))
    }

    fn spend(&mut self) -> bool {
        match &mut self.0 {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// Which keys were tried on one item without success, by identity; it lives on between passes, and through changes of the ring.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    tried: BTreeSet<Fingerprint>,
}

/// How a round of trying ended.
#[derive(Debug)]
pub enum Opening<'a> {
    /// This key opened the item.
    Opened(SecretBytes, &'a RingKey),
    /// Every key of the ring was tried.
    NoKey,
    /// The budget ran out before every key was tried: call again with the same [`Trial`].
    Paused,
}

impl KeyRing {
    /// Orders keys newest first; among keys of the same second the first one given is the newer.
    #[must_use]
    pub fn new(mut keys: Vec<RingKey>) -> Self {
        keys.sort_by_key(|key| std::cmp::Reverse(key.since.as_second()));
        Self { keys }
    }

    /// The keys, newest first.
    #[must_use]
    pub fn keys(&self) -> &[RingKey] {
        &self.keys
    }

    /// The newest key that may seal and has a certificate: the one that seals.
    #[must_use]
    pub fn newest(&self) -> Option<(&RingKey, &Certificate)> {
        self.keys.iter().filter(|key| key.seals).find_map(|key| Some((key, key.certificate.as_ref()?)))
    }

    /// The order of trial: what the hints name, what opened the last item, then newest first; each key once.
    #[must_use]
    pub fn order(&self, hints: &Hints) -> Vec<&RingKey> {
        let rank = |key: &RingKey| {
            if key.fingerprint().is_some_and(|fingerprint| hints.sealed_with.contains(&fingerprint)) {
                0
            } else if hints.last == Some(key.key.identity()) {
                1
            } else {
                2
            }
        };
        let mut keys: Vec<&RingKey> = self.keys.iter().collect();
        keys.sort_by_key(|key| rank(key));
        keys
    }

    /// Tries keys until one opens the item or the budget is spent. A key of another length costs nothing.
    ///
    /// # Errors
    /// Internal: the cryptography library refused.
    pub fn open<'a>(&'a self, item: &Sealed, label: &Label, hints: &Hints, trial: &mut Trial, budget: &mut Budget) -> Result<Opening<'a>> {
        for key in self.order(hints) {
            if item.rsa_length() != key.key.modulus_length() || trial.tried.contains(&key.key.identity()) {
                continue;
            }
            if !budget.spend() {
                return Ok(Opening::Paused);
            }
            match item.open(&key.key, label) {
                Ok(secret) => return Ok(Opening::Opened(secret, key)),
                Err(error) if error.kind() == ErrorKind::Unopenable => trial.tried.insert(key.key.identity()),
                Err(error) => return Err(error),
            };
        }
        Ok(Opening::NoKey)
    }
}

#[cfg(test)]
mod tests;
