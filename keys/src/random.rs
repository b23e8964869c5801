//! Randomness from the system itself.
//!
//! The generator of the cryptography library gathers entropy of its own when it is first asked, which takes 80 ms and more: as long as twenty runs of the
//! whole program on a small file. What it does itself, such as RSA, takes its own randomness as before.

use crate::error::{Error, Result};

/// Fills a buffer with random bytes that are fit for keys.
///
/// # Errors
/// Internal: the system has none, with what they were for.
pub fn fill_random(buffer: &mut [u8], purpose: &str) -> Result<()> {
    getrandom::fill(buffer).map_err(|_| Error::internal(purpose))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_draws_are_alike() {
        let (mut first, mut second) = ([0; 32], [0; 32]);
        fill_random(&mut first, "draw").unwrap();
        fill_random(&mut second, "draw").unwrap();
        assert!(first != second && first != [0; 32]);
    }
}
