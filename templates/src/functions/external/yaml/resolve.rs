//! What a plain scalar is in YAML 1.1.

/// A scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    Bool(bool),
    Null,
    Number(f64),
    Text,
    /// Looks like a time, and is text.
    Time,
}

/// Resolves a plain scalar.
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Number(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Number(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Number(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Scalar::Text;
    }
    if is_time(text) {
        return Scalar::Time;
    }
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    integer(digits).or_else(|| float(digits)).map_or(Scalar::Text, |number| Scalar::Number(sign * number))
}

fn integer(digits: &str) -> Option<f64> {
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = [("0x", 16), ("0b", 2), ("0o", 8)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((radix, lower.strip_prefix(prefix)?)))
        .unwrap_or(if lower.len() > 1 && lower.starts_with('0') { (8, &lower) } else { (10, &lower) });
    let whole = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    whole.then(|| u64::from_str_radix(digits, radix).ok()).flatten().map(|number| number as f64)
}

fn float(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let valid =
        all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && !exponent.is_empty() && all_digits(exponent);
    valid.then(|| digits.parse().ok()).flatten()
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
