//! Texts of scalars, as Go's libraries write them.

use crate::document::Value;
use crate::leaf::with_bytes;

/// Writes a number without exponent, as short as it goes.
///
/// *Source*: `strconv.FormatFloat(x, 'f', -1, 64)`, Go 1.26.
pub(crate) fn float_text(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    number.to_string()
}

/// Writes a number as JSON; `None` for what is none.
///
/// *Source*: `encoding/json`, Go 1.26: an exponent below 1e-6 and from 1e21 on.
pub(crate) fn json_float(number: f64) -> Option<String> {
    let size = number.abs();
    if !number.is_finite() {
        return None;
    }
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return Some(number.to_string());
    }
    Some(signed_exponent(&format!("{number:e}"), 'e', 1))
}

/// Writes a number for a format in which every value is a text: it shows that it is no whole number.
///
/// *Source*: sops `stores/stores.go`, v3.13.3, over `strconv.FormatFloat(x, 'G', -1, 64)`.
pub(crate) fn flat_float(number: f64) -> String {
    if !number.is_finite() {
        return float_text(number);
    }
    let scientific = format!("{number:e}");
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or_default();
    if !(-4..6).contains(&exponent) {
        return signed_exponent(&scientific, 'E', 2);
    }
    let text = number.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// Writes any scalar for a format in which every value is a text.
///
/// *Source*: sops `stores/stores.go`, v3.13.3.
pub fn flat_text(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => b"<nil>".to_vec(),
        Value::Bool(truth) => truth.to_string().into_bytes(),
        Value::Float(number) => flat_float(*number).into_bytes(),
        Value::Time(time) => whole_seconds(time).into_bytes(),
        Value::Int(_) | Value::Text(_) => with_bytes(value, <[u8]>::to_vec),
    }
}

/// True if the text says the same as the value to whoever hashes it: otherwise a file does not survive its own MAC.
pub(crate) fn is_faithful(value: &Value) -> bool {
    let text = flat_text(value);
    with_bytes(value, |bytes| bytes == text)
}

/// Drops the fraction of a second.
fn whole_seconds(time: &str) -> String {
    let Some((before, rest)) = time.split_once('.') else { return time.to_owned() };
    format!("{before}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// Gives the exponent the sign and the number of digits that Go writes.
fn signed_exponent(scientific: &str, letter: char, digits: usize) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{mantissa}{letter}{sign}{exponent:0>digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_exponent_where_they_are_encrypted() {
        let check = |number, expected| assert_eq!(float_text(number), expected);
        check(1.0, "1");
        check(1e21, "1000000000000000000000");
        check(1.5e-7, "0.00000015");
        check(-0.0, "-0");
        check(f64::NAN, "NaN");
        check(f64::INFINITY, "+Inf");
        check(f64::NEG_INFINITY, "-Inf");
    }

    #[test]
    fn numbers_have_the_exponent_of_go_in_json() {
        let check = |number, expected: &str| assert_eq!(json_float(number).as_deref(), Some(expected));
        check(1.0, "1");
        check(-0.0, "-0");
        check(1e20, "100000000000000000000");
        check(1e21, "1e+21");
        check(1.5e-6, "0.0000015");
        check(1e-7, "1e-7");
        check(-1.25e-10, "-1.25e-10");
        check(5e-324, "5e-324");
        check(f64::MAX, "1.7976931348623157e+308");
        assert_eq!(json_float(f64::NAN), None);
        assert_eq!(json_float(f64::INFINITY), None);
    }

    #[test]
    fn numbers_show_in_flat_formats_that_they_are_not_whole() {
        // As sops printed them.
        let check = |number, expected| assert_eq!(flat_float(number), expected);
        check(1.0, "1.0");
        check(100_000.0, "100000.0");
        check(1_234_567.0, "1.234567E+06");
        check(1.5e21, "1.5E+21");
        check(0.00001, "1E-05");
        check(0.0001, "0.0001");
        check(12_345_678.5, "1.23456785E+07");
        check(123_456.5, "123456.5");
        check(-0.0, "-0.0");
        check(f64::INFINITY, "+Inf");
        check(f64::NAN, "NaN");
    }

    #[test]
    fn times_lose_their_fraction_in_flat_formats() {
        let check = |time: &str, expected: &str| assert_eq!(flat_text(&Value::Time(time.to_owned())), expected.as_bytes());
        check("2024-01-02T03:04:05.678+02:00", "2024-01-02T03:04:05+02:00");
        check("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z");
    }
}
