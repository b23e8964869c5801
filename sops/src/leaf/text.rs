//! Reads numbers, times and truth values from their text as Go's libraries do.

use jiff::civil::DateTime;

/// Reads a truth value.
///
/// *Source*: `strconv.ParseBool`, Go 1.26.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Reads a decimal whole number of 64 bits.
///
/// *Source*: `strconv.Atoi`, Go 1.26.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Reads a decimal number, or the names of what is none.
///
/// *Source*: `strconv.ParseFloat`, Go 1.26; its hexadecimal forms are not read, which nobody writes.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let infinite = text.trim_start_matches(['+', '-']).chars().next().is_some_and(|c| !c.is_ascii_digit() && c != '.');
    let number: f64 = text.parse().ok()?;
    // Too large a number is an error in Go; infinity has to be called so.
    (infinite || number.is_finite()).then_some(number)
}

/// Reads a time of RFC 3339 and writes it as Go does: the fraction as short as it goes, an offset of zero as `Z`.
///
/// *Source*: `time.Time.UnmarshalText` and `MarshalText`, Go 1.26.
pub(crate) fn parse_time(text: &str) -> Option<String> {
    let (date, rest) = (text.get(..19)?, text.get(19..)?);
    if date.as_bytes().get(10) != Some(&b'T') || date.as_bytes().get(17..)? == b"60" {
        return None;
    }
    let shape = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    if !shape || date.parse::<DateTime>().is_err() {
        return None;
    }
    let digits = rest.strip_prefix('.').map_or(0, |fraction| fraction.bytes().take_while(u8::is_ascii_digit).count() + 1);
    let (fraction, zone) = rest.split_at(if digits == 1 { 0 } else { digits });
    let fraction = fraction.get(..fraction.len().min(10))?.trim_end_matches('0').trim_end_matches('.');
    Some(format!("{date}{fraction}{}", offset(zone)?))
}

fn offset(zone: &str) -> Option<&str> {
    if zone == "Z" || zone == "+00:00" || zone == "-00:00" {
        return Some("Z");
    }
    let bytes = zone.as_bytes();
    let number = |at: usize| -> Option<u8> { zone.get(at..at + 2)?.parse().ok() };
    let shape = bytes.len() == 6 && matches!(bytes[0], b'+' | b'-') && bytes[3] == b':' && bytes[1].is_ascii_digit() && bytes[4].is_ascii_digit();
    (shape && number(1)? <= 24 && number(4)? < 60).then_some(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(parse_time(text).as_deref(), expected, "{text}");
        check("2024-01-02T03:04:05Z", Some("2024-01-02T03:04:05Z"));
        check("2024-01-02T03:04:05.120300Z", Some("2024-01-02T03:04:05.1203Z"));
        check("2024-01-02T03:04:05.000+00:00", Some("2024-01-02T03:04:05Z"));
        check("2024-01-02T03:04:05-07:30", Some("2024-01-02T03:04:05-07:30"));
        check("2024-02-30T03:04:05Z", None);
        check("2024-01-02 03:04:05Z", None);
        check("2024-01-02T03:04:60Z", None);
        check("2024-01-02T03:04:05", None);
        check("2024-01-02T03:04:05.Z", None);
        check("\u{663}024-01-02T03:04:05Z", None);
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        assert_eq!((parse_int("-5"), parse_int("+5"), parse_int("1e3"), parse_int("9223372036854775808")), (Some(-5), Some(5), None, None));
        assert_eq!((parse_float("1e400"), parse_float("-0"), parse_float("+Inf")), (None, Some(-0.0), Some(f64::INFINITY)));
        assert!(parse_float("NaN").is_some_and(f64::is_nan));
        assert_eq!((parse_bool("True"), parse_bool("yes")), (Some(true), None));
    }
}
