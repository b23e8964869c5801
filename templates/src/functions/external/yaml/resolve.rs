//! What a plain scalar is in YAML 1.1.

use crate::number::{format_float, parse_int, parse_uint};

/// A scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    Bool(bool),
    Float(f64),
    Int(i64),
    Null,
    Text,
    /// Looks like a time, and is text.
    Time,
    /// A whole number that is too large for a signed one.
    Uint(u64),
}

/// A plain scalar as sigs.k8s.io/yaml gives it where a text is wanted: floats are shortened to single precision, nothing is empty.
///
/// *Source*: sigs.k8s.io/yaml 1.6.0, `convertToJSONableObject`.
#[must_use]
pub fn plain_value(text: &str) -> String {
    match resolve(text) {
        Scalar::Bool(truth) => truth.to_string(),
        Scalar::Float(number) => float_text(number),
        Scalar::Int(number) => number.to_string(),
        Scalar::Null => String::new(),
        Scalar::Text | Scalar::Time => text.to_owned(),
        Scalar::Uint(number) => number.to_string(),
    }
}

/// A plain scalar as sigs.k8s.io/yaml gives it where it is a key; `None` for what it takes for no key: nothing, and whole numbers beyond signed ones.
///
/// *Source*: as [`plain_value`].
#[must_use]
pub fn plain_key(text: &str) -> Option<String> {
    match resolve(text) {
        Scalar::Null | Scalar::Uint(_) => None,
        Scalar::Float(number) => Some(match float_text(number).as_str() {
            "+Inf" => ".inf".to_owned(),
            "-Inf" => "-.inf".to_owned(),
            "NaN" => ".nan".to_owned(),
            finite => finite.to_owned(),
        }),
        Scalar::Bool(_) | Scalar::Int(_) | Scalar::Text | Scalar::Time => Some(plain_value(text)),
    }
}

/// As few digits as tell a number of single precision from its neighbours.
fn float_text(number: f64) -> String {
    let single = number as f32;
    // Read again, these digits are a double of no more digits.
    let shortest = single.to_string().parse().unwrap_or_else(|_| f64::from(single));
    format_float(shortest, b'g', None)
}

/// Resolves a plain scalar.
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Scalar::Text;
    }
    if is_time(text) {
        return Scalar::Time;
    }
    let plain = text.replace('_', "");
    if let Some(number) = parse_int(plain.as_bytes(), 0) {
        return Scalar::Int(number);
    }
    if let Some(number) = parse_uint(plain.as_bytes(), 0) {
        return Scalar::Uint(number);
    }
    float(&plain).map_or(Scalar::Text, Scalar::Float)
}

/// A decimal fraction that a double can hold.
fn float(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let valid =
        all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && !exponent.is_empty() && all_digits(exponent);
    valid.then(|| text.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}

/// A date, or a date with a time behind it.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let year = bytes.len() > 4 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-';
    let (date, time) = text.split_once([' ', 't', 'T']).unwrap_or((text, "0"));
    let parts: Vec<&str> = date.split('-').collect();
    let numbers = parts.iter().skip(1).all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()));
    year && parts.len() == 3 && numbers && time.trim_start().starts_with(|c: char| c.is_ascii_digit())
}

/// Numbers to the base 60, which YAML 1.1 has and nobody writes.
pub(super) fn is_sexagesimal(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = digits.split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let small = |part: &&str| {
        let whole = part.split('.').next().unwrap_or_default();
        (1..=2).contains(&whole.len())
            && whole.parse::<u8>().is_ok_and(|number| number < 60)
            && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    first.starts_with(|c: char| c.is_ascii_digit()) && all_digits(first) && !rest.is_empty() && rest.iter().all(small)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What sigs.k8s.io/yaml 1.6.0 made of each, as a value of `map[string]string` and as a key of it.
    #[test]
    fn plain_scalars_become_the_texts_that_they_become_in_go() {
        for (text, value, key) in [
            ("1.0", "1", Some("1")),
            ("1e3", "1000", Some("1000")),
            ("1500000.5", "1.5000005e+06", Some("1.5000005e+06")),
            ("1000000.0", "1e+06", Some("1e+06")),
            ("1000000", "1000000", Some("1000000")),
            ("1764000000.7654321", "1.764e+09", Some("1.764e+09")),
            ("123456789.125", "1.2345679e+08", Some("1.2345679e+08")),
            ("16777217.0", "1.6777216e+07", Some("1.6777216e+07")),
            ("0.30000001", "0.3", Some("0.3")),
            ("3.4e39", "+Inf", Some(".inf")),
            ("1e-400", "0", Some("0")),
            ("1e400", "1e400", Some("1e400")),
            (".inf", "+Inf", Some(".inf")),
            ("-.Inf", "-Inf", Some("-.inf")),
            (".nan", "NaN", Some(".nan")),
            (".5", "0.5", Some("0.5")),
            (".5_0", "0.5", Some("0.5")),
            ("1.", "1", Some("1")),
            ("-0.0", "-0", Some("-0")),
            ("-.5e-7", "-5e-08", Some("-5e-08")),
            ("-0", "0", Some("0")),
            ("+5", "5", Some("5")),
            ("010", "8", Some("8")),
            ("08", "8", Some("8")),
            ("0o17", "15", Some("15")),
            ("0o8", "0o8", Some("0o8")),
            ("-0x1f", "-31", Some("-31")),
            ("0X1F", "31", Some("31")),
            ("0x_", "0x_", Some("0x_")),
            ("0x1p2", "0x1p2", Some("0x1p2")),
            ("0b1_0", "2", Some("2")),
            ("1_e3", "1000", Some("1000")),
            ("1__0", "10", Some("10")),
            ("_1", "_1", Some("_1")),
            ("9223372036854775807", "9223372036854775807", Some("9223372036854775807")),
            ("9223372036854775808", "9223372036854775808", None),
            ("18446744073709551616", "1.8446744e+19", Some("1.8446744e+19")),
            ("-9223372036854775809", "-9.223372e+18", Some("-9.223372e+18")),
            ("n", "false", Some("false")),
            ("Y", "true", Some("true")),
            ("off", "false", Some("false")),
            ("2001-01-01", "2001-01-01", Some("2001-01-01")),
            ("12:30", "12:30", Some("12:30")),
            ("~", "", None),
            ("Null", "", None),
            ("no more", "no more", Some("no more")),
        ] {
            assert_eq!((plain_value(text).as_str(), plain_key(text).as_deref()), (value, key), "{text}");
        }
    }
}
