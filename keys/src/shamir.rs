//! Splits a data key into shares, of which a threshold is needed to join it again.
//!
//! *Shape*: a share has a byte `y` for each byte of the secret, and then one byte `x`, which counts from 1. The field is GF(2^8) with the
//! polynomial 0x11B of AES; each byte of the secret is the value at zero of a polynomial of its own.
//!
//! *Source*: HashiCorp Vault `shamir/shamir.go`, as sops v3.13.3 uses it; sops does not shuffle `x`.

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::random::fill_random;
use crate::secret::SecretBytes;

/// The most shares that a secret can have: `x` is a byte, and not zero.
const MOST: usize = 255;

/// Splits a secret into `count` shares, any `threshold` of which join to it again.
///
/// # Errors
/// Malformed: not 2 <= threshold <= count <= 255, or an empty secret. Internal: no randomness.
pub fn split(secret: &SecretBytes, count: usize, threshold: usize) -> Result<Vec<SecretBytes>> {
    if threshold < 2 || threshold > count || count > MOST {
        return Err(Error::malformed(format!(
            "split the data key into {count} shares with a threshold of {threshold}: 2 <= threshold <= shares <= 255"
        )));
    }
    if secret.is_empty() {
        return Err(Error::malformed("split an empty secret"));
    }
    let mut coefficients = Zeroizing::new(vec![0; secret.len() * (threshold - 1)]);
    fill_random(&mut coefficients, "split the data key")?;
    let share = |x: u8| {
        let above = coefficients.chunks_exact(threshold - 1);
        // EXPOSE: each byte is the constant term of its polynomial.
        let mut share: Vec<u8> = secret.expose().iter().zip(above).map(|(constant, above)| evaluate(*constant, above, x)).collect();
        share.push(x);
        SecretBytes::new(share)
    };
    Ok((1..=u8::try_from(count).unwrap_or(u8::MAX)).map(share).collect())
}

/// Joins shares to the secret that was split; more of them than needed do no harm.
///
/// Shares of different secrets, or changed ones, join to nonsense: that is the nature of the scheme, and what the values of a file are authenticated for.
///
/// # Errors
/// Unopenable: fewer than `threshold` shares. Malformed: shares of different or impossible lengths, two with the same `x`, one with `x` zero.
pub fn join(shares: &[SecretBytes], threshold: usize) -> Result<SecretBytes> {
    if shares.len() < threshold.max(2) {
        return Err(Error::new(
            ErrorKind::Unopenable,
            format!("join the data key: {} of its shares can be opened, and {} are needed", shares.len(), threshold.max(2)),
        ));
    }
    let length = shares.first().map_or(0, SecretBytes::len);
    if length < 2 || shares.iter().any(|share| share.len() != length) {
        return Err(Error::malformed("join the data key: its shares have different lengths, or are too short"));
    }
    // EXPOSE: the last byte of a share is its place, no secret.
    let places: Vec<u8> = shares.iter().filter_map(|share| share.expose().last().copied()).collect();
    for (at, place) in places.iter().enumerate() {
        if *place == 0 || places.iter().skip(at + 1).any(|other| other == place) {
            return Err(Error::malformed("join the data key: two of its shares are the same one, or one has no place"));
        }
    }
    let mut secret = Zeroizing::new(vec![0_u8; length - 1]);
    for (share, place) in shares.iter().zip(&places) {
        let weight = weight(*place, &places);
        // EXPOSE: each byte adds its part to the value at zero.
        for (sum, y) in secret.iter_mut().zip(share.expose()) {
            *sum ^= multiply(weight, *y);
        }
    }
    Ok(SecretBytes::new(std::mem::take(&mut *secret)))
}

/// The polynomial's value at `x`, by Horner's rule; the coefficients stand from the lowest power up, without the constant.
fn evaluate(constant: u8, above: &[u8], x: u8) -> u8 {
    multiply(above.iter().rev().fold(0, |sum, coefficient| multiply(sum, x) ^ coefficient), x) ^ constant
}

/// The Lagrange polynomial of one place, at zero.
fn weight(place: u8, places: &[u8]) -> u8 {
    places.iter().filter(|other| **other != place).fold(1, |product, other| multiply(product, multiply(*other, invert(*other ^ place))))
}

/// Multiplies without a table and without a branch, for both would tell of the factors by their time.
fn multiply(mut left: u8, mut right: u8) -> u8 {
    let mut product = 0;
    for _ in 0..8 {
        product ^= left & (right & 1).wrapping_neg();
        left = (left << 1) ^ ((left >> 7).wrapping_neg() & 0x1b);
        right >>= 1;
    }
    product
}

/// The inverse is the power of 254; zero, which has none, gives zero.
fn invert(value: u8) -> u8 {
    (0..6).fold(multiply(value, value), |power, _| {
        let more = multiply(power, value);
        multiply(more, more)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(bytes: &[u8]) -> SecretBytes {
        SecretBytes::new(bytes.to_vec())
    }

    fn some() -> SecretBytes {
        secret(&(0..32).map(|byte| byte * 7 + 1).collect::<Vec<u8>>())
    }

    fn picked(shares: &[SecretBytes], places: &[usize]) -> Vec<SecretBytes> {
        places.iter().map(|place| shares[place - 1].duplicate()).collect()
    }

    #[test]
    fn multiplication_is_that_of_the_field_of_aes() {
        // FIPS 197 section 4.2.
        assert_eq!((multiply(0x57, 0x83), multiply(0x57, 0x13)), (0xc1, 0xfe));
        for value in 1..=255 {
            assert_eq!(multiply(value, invert(value)), 1, "{value}");
        }
        assert_eq!(invert(0), 0);
    }

    #[test]
    fn any_threshold_of_shares_joins_to_the_secret() {
        let secret = some();
        for (count, threshold, places) in [
            (5, 3, &[3, 4, 5][..]),
            (5, 3, &[5, 1, 4]),
            (5, 3, &[2, 4, 5, 1]),
            (2, 2, &[2, 1]),
            (7, 2, &[4, 7]),
            (4, 4, &[4, 2, 3, 1]),
            (255, 5, &[255, 17, 128, 3, 99]),
        ] {
            let shares = split(&secret, count, threshold).unwrap();
            assert_eq!(shares.len(), count);
            assert!(join(&picked(&shares, places), threshold).unwrap().ct_eq(&secret), "{count} {threshold} {places:?}");
        }
    }

    #[test]
    fn shares_have_the_bytes_and_then_their_place() {
        let shares = split(&some(), 5, 3).unwrap();
        for (share, place) in shares.iter().zip(1..) {
            assert_eq!((share.len(), share.expose()[32]), (33, place));
        }
    }

    #[test]
    fn fewer_shares_than_the_threshold_say_nothing() {
        let secret = some();
        let shares = split(&secret, 5, 3).unwrap();
        assert_eq!(join(&picked(&shares, &[4, 5]), 3).unwrap_err().kind(), ErrorKind::Unopenable);
        assert!(!join(&picked(&shares, &[4, 5]), 2).unwrap().ct_eq(&secret));
        assert_eq!(join(&picked(&shares, &[4]), 0).unwrap_err().kind(), ErrorKind::Unopenable);
        assert_eq!(join(&[], 0).unwrap_err().kind(), ErrorKind::Unopenable);
    }

    #[test]
    fn shares_that_are_none_are_refused() {
        for shares in [&[&[1, 2, 3][..], &[4, 5, 3]][..], &[&[1, 2, 3], &[4, 5]], &[&[1, 2, 0], &[4, 5, 3]], &[&[1], &[2]], &[&[], &[]]] {
            let shares: Vec<SecretBytes> = shares.iter().map(|share| secret(share)).collect();
            assert_eq!(join(&shares, 2).unwrap_err().kind(), ErrorKind::Malformed);
        }
    }

    #[test]
    fn impossible_counts_and_thresholds_are_refused() {
        for (count, threshold) in [(1, 1), (3, 1), (2, 3), (256, 2), (0, 0)] {
            assert_eq!(split(&some(), count, threshold).unwrap_err().kind(), ErrorKind::Malformed, "{count} {threshold}");
        }
        assert!(split(&secret(&[]), 3, 2).is_err());
    }

    /// A value of a file that the real sops 3.13.3 encrypted for four groups with a threshold of three; age opened its shares.
    #[test]
    fn shares_of_the_real_sops_join_to_the_key_of_its_file() {
        let shares = [
            "fccedf74500aeef17fc3f523e367672d618c254ac2c029c143eadb7a65c6227b01",
            "359f5e0287d0a4bedb05f9c833c101553c5d018d5ceb263b08c66e57f4a07d0502",
            "9b18ba1ed59a6075f4e185a061643748a744853367df1be85dce3e1f93edb6e703",
            "1cdf1fef976b590d248a7f013697019decdb007ec90d4b26cc7a5501152fbead04",
        ];
        let bytes = |text: &str| (0..33).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect();
        let shares: Vec<SecretBytes> = shares.iter().map(|share| SecretBytes::new(bytes(share))).collect();
        let base64 = |text: &str| SecretBytes::from_base64(text).unwrap().expose().to_vec();
        let nonce = base64("jNIU99Zl40GpsRviQjNNcSiUywuB4MHTrpffBpCYPGA=");
        for places in [&[1, 2, 4][..], &[4, 3, 1], &[2, 3, 4], &[1, 2, 3, 4]] {
            let key = crate::DataKey::from_secret(join(&picked(&shares, places), 3).unwrap()).unwrap();
            let value = crate::Encrypted {
                data: base64("UQ=="),
                nonce: crate::Few::new(&nonce).unwrap(),
                tag: crate::Few::new(&base64("oUs2jMVZu0H3dbQNidrnTg==")).unwrap(),
            };
            assert_eq!(key.cipher().decrypt(value, b"a:").unwrap().expose(), b"b", "{places:?}");
        }
    }
}
