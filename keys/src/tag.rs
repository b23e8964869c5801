//! Tags of plaintext that mean something in this process only.

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use aws_lc_rs::rand::SystemRandom;

use crate::error::{Error, Result};

/// Makes tags: equal texts have equal tags, and nobody who sees a tag learns anything of the text, since the key is drawn at random and never leaves.
pub struct Tagger(Key);

/// Stands for a text in comparisons.
///
/// *Shape*: HMAC-SHA-256, first half.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tag([u8; 16]);

impl Tagger {
    /// Draws a key.
    ///
    /// # Errors
    /// Internal: the system has no randomness.
    pub fn make() -> Result<Self> {
        Key::generate(HMAC_SHA256, &SystemRandom::new()).map(Self).map_err(|_| Error::internal("draw a key for tags"))
    }

    /// Derives the tag of a list of texts; their borders count.
    pub fn tag<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Tag {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 16];
        tag.copy_from_slice(&context.sign().as_ref()[..16]);
        Tag(tag)
    }
}

impl std::fmt::Debug for Tagger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tagger(..)")
    }
}

impl std::fmt::Debug for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tag(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_follows_the_texts_their_borders_and_the_process() {
        let tagger = Tagger::make().unwrap();
        let tag = |parts: &[&str]| tagger.tag(parts.iter().map(|part| part.as_bytes()));
        assert!(tag(&["a", "b"]) == tag(&["a", "b"]));
        assert!(tag(&["a", "b"]) != tag(&["ab"]) && tag(&["a", "b"]) != tag(&["b", "a"]));
        assert!(Tagger::make().unwrap().tag([&b"a"[..]]) != tag(&["a"]), "another process has another key");
        assert_eq!(format!("{tagger:?} {:?}", tag(&["hunter2"])), "Tagger(..) Tag(..)");
    }
}
