//! Numbers as Go reads and prints them.

use std::borrow::Cow;

/// A number as a float; zero if it is none.
pub(crate) fn value(text: &[u8]) -> f64 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// A whole number as it is written, any other one shortest and without an exponent.
pub(crate) fn text(json: &[u8]) -> Cow<'_, [u8]> {
    let digits = json.strip_prefix(b"-").unwrap_or(json);
    if digits.iter().all(u8::is_ascii_digit) {
        return Cow::Borrowed(json);
    }
    let number = value(json);
    Cow::Owned(match number {
        number if number.is_nan() => b"NaN".to_vec(),
        f64::INFINITY => b"+Inf".to_vec(),
        f64::NEG_INFINITY => b"-Inf".to_vec(),
        number => number.to_string().into_bytes(),
    })
}
