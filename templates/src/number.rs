//! Numbers in text as Go reads and writes them.

/// Reads an unsigned number. Base 0 means: a prefix tells, and underscores may separate digits.
pub(crate) fn parse_uint(text: &[u8], base: u32) -> Option<u64> {
    match read_uint(text, base) {
        Read::Number(number) => Some(number),
        Read::TooLarge | Read::Malformed => None,
    }
}

/// Reads a signed number, as [`parse_uint`] does.
pub(crate) fn parse_int(text: &[u8], base: u32) -> Option<i64> {
    match read_int(text, base) {
        (number, true) => Some(number),
        _ => None,
    }
}

/// Reads a signed number; gives the nearest one when it is too large, 0 when it is none, and says whether it was exact.
pub(crate) fn read_int(text: &[u8], base: u32) -> (i64, bool) {
    let negative = text.first() == Some(&b'-');
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let farthest = if negative { i64::MIN } else { i64::MAX };
    match read_uint(digits, base) {
        Read::Malformed => (0, false),
        Read::TooLarge => (farthest, false),
        Read::Number(number) => {
            let number = if negative { -i128::from(number) } else { i128::from(number) };
            i64::try_from(number).map_or((farthest, false), |number| (number, true))
        }
    }
}

enum Read {
    Number(u64),
    TooLarge,
    Malformed,
}

fn read_uint(text: &[u8], base: u32) -> Read {
    let (radix, digits) = match (base, text) {
        (0, [b'0', b'x' | b'X', rest @ ..]) if !rest.is_empty() => (16, rest),
        (0, [b'0', b'o' | b'O', rest @ ..]) if !rest.is_empty() => (8, rest),
        (0, [b'0', b'b' | b'B', rest @ ..]) if !rest.is_empty() => (2, rest),
        (0, [b'0', rest @ ..]) => (8, rest),
        (0, _) => (10, text),
        _ => (base, text),
    };
    let underscores = digits.contains(&b'_');
    if text.is_empty() || (underscores && (base != 0 || !underscores_separate(text))) {
        return Read::Malformed;
    }
    let mut sum = Some(0_u64);
    for digit in digits.iter().filter(|byte| **byte != b'_') {
        let Some(digit) = char::from(*digit).to_digit(radix) else { return Read::Malformed };
        sum = sum.and_then(|sum| sum.checked_mul(radix.into())?.checked_add(digit.into()));
    }
    sum.map_or(Read::TooLarge, Read::Number)
}

/// Underscores stand between digits, or between the prefix of the base and a digit.
fn underscores_separate(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let prefixed = matches!(text, [b'0', b'b' | b'B' | b'o' | b'O' | b'x' | b'X', ..]);
    let hexadecimal = matches!(text, [b'0', b'x' | b'X', ..]);
    let mut before = if prefixed { b'0' } else { b'^' };
    for byte in &text[if prefixed { 2 } else { 0 }..] {
        let digit = byte.is_ascii_digit() || (hexadecimal && byte.is_ascii_hexdigit());
        let sort = if digit { b'0' } else { *byte };
        if (sort == b'_' && before != b'0') || (before == b'_' && sort != b'0') {
            return false;
        }
        before = sort;
    }
    before != b'_'
}

/// Reads a floating-point number, decimal or hexadecimal. `None` when it is none or too large.
pub(crate) fn parse_float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    if unsigned.starts_with("0x") || unsigned.starts_with("0X") {
        let number = parse_hexadecimal(unsigned)?;
        return Some(if negative { -number } else { number });
    }
    if unsigned.contains('_') {
        let plain = text.replace('_', "");
        return if underscores_separate(text.as_bytes()) { parse_float(plain.as_bytes()) } else { None };
    }
    let number: f64 = text.parse().ok()?;
    let named = unsigned.starts_with(['i', 'I', 'n', 'N']);
    if number.is_nan() && unsigned.len() != text.len() {
        return None;
    }
    (named || number.is_finite()).then_some(number)
}

fn parse_hexadecimal(text: &str) -> Option<f64> {
    if text.contains('_') && !underscores_separate(text.as_bytes()) {
        return None;
    }
    let digits = text[2..].replace('_', "");
    let (mantissa, exponent) = digits.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut power = parse_exponent(exponent)?;
    let mut bits = 0_u64;
    for (index, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = digit.to_digit(16)?;
        if bits >> 59 == 0 {
            bits = bits << 4 | u64::from(digit);
            power -= if index >= whole.len() { 4 } else { 0 };
        } else {
            // What no longer fits only matters for rounding.
            bits |= u64::from(digit != 0);
            power += if index < whole.len() { 4 } else { 0 };
        }
    }
    let number = scale_by_two(bits as f64, power);
    number.is_finite().then_some(number)
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse::<i64>().unwrap_or(100_000).min(100_000);
    Some(if text.starts_with('-') { -number } else { number })
}

/// Multiplies by a power of two.
pub(crate) fn scale_by_two(mut number: f64, mut power: i64) -> f64 {
    if number == 0.0 {
        return number;
    }
    while power > 0 && number.is_finite() {
        let step = power.min(512);
        number *= 2_f64.powi(step as i32);
        power -= step;
    }
    while power < 0 && number != 0.0 {
        let step = power.max(-512);
        number *= 2_f64.powi(step as i32);
        power -= step;
    }
    number
}

/// Cuts the fraction off; what does not fit becomes the smallest number, as on the processors that Go is run on.
pub(crate) fn truncate_to_int(number: f64) -> i64 {
    let inside = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number);
    if inside { number as i64 } else { i64::MIN }
}

/// Writes a floating-point number. `None` asks for as few digits as tell it from its neighbours.
pub(crate) fn format_float(number: f64, verb: u8, precision: Option<usize>) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let magnitude = number.abs();
    let text = match verb {
        b'e' | b'E' => format_exponent(magnitude, precision, verb),
        b'f' => format_fixed(magnitude, precision),
        b'b' => format_binary(magnitude),
        b'x' | b'X' => format_hexadecimal(magnitude, precision, verb),
        _ => format_general(magnitude, precision, verb),
    };
    format!("{sign}{text}")
}

/// A double has no more significant digits than this; the rest are zeros.
const MAX_DIGITS: usize = 800;

/// The digits, and the power of ten of the first one.
fn digits(number: f64, precision: Option<usize>) -> (String, i32) {
    let text = match precision {
        Some(precision) => format!("{number:.*e}", precision.min(MAX_DIGITS)),
        None => format!("{number:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

fn format_exponent(number: f64, precision: Option<usize>, verb: u8) -> String {
    let (mut digits, exponent) = digits(number, precision);
    if let Some(precision) = precision {
        digits.extend(std::iter::repeat_n('0', precision.saturating_sub(MAX_DIGITS)));
    }
    with_exponent(&digits, exponent, verb)
}

fn with_exponent(digits: &str, exponent: i32, verb: u8) -> String {
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}{}{sign}{:02}", char::from(verb), exponent.abs())
}

fn format_fixed(number: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else { return format!("{number}") };
    // A double has no digit beyond the 1074th after the point.
    let shown = precision.min(1100);
    let mut text = format!("{number:.shown$}");
    text.extend(std::iter::repeat_n('0', precision - shown));
    text
}

fn format_general(number: f64, precision: Option<usize>, verb: u8) -> String {
    let wanted = precision.map(|precision| precision.max(1));
    let (digits, exponent) = digits(number, wanted.map(|wanted| wanted - 1));
    let significant = match digits.trim_end_matches('0') {
        "" => "0",
        trimmed => trimmed,
    };
    let count = significant.len() as i64;
    let before_point = if number == 0.0 { 0 } else { i64::from(exponent) + 1 };
    let mut threshold = wanted.map_or(6, |wanted| wanted as i64);
    if threshold > count && count >= before_point {
        threshold = count;
    }
    if wanted.is_none() {
        threshold = 6;
    }
    let power = before_point - 1;
    if number != 0.0 && (power < -4 || power >= threshold) {
        return with_exponent(significant, exponent, if verb == b'G' { b'E' } else { b'e' });
    }
    place_point(significant, before_point)
}

/// Writes digits with the point at its place, zeros filled in.
fn place_point(digits: &str, before_point: i64) -> String {
    if digits == "0" {
        return "0".to_owned();
    }
    let count = digits.len() as i64;
    if before_point <= 0 {
        return format!("0.{}{digits}", "0".repeat((-before_point) as usize));
    }
    if before_point >= count {
        return format!("{digits}{}", "0".repeat((before_point - count) as usize));
    }
    let (whole, fraction) = digits.split_at(before_point as usize);
    format!("{whole}.{fraction}")
}

/// The fraction's bits and the power of two of a number that is not negative.
fn parts(number: f64) -> (u64, i64) {
    let bits = number.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64;
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
}

fn format_binary(number: f64) -> String {
    let (mantissa, exponent) = parts(number);
    format!("{mantissa}p{exponent:+}")
}

fn format_hexadecimal(number: f64, precision: Option<usize>, verb: u8) -> String {
    let (mut mantissa, mut exponent) = parts(number);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // The leading one goes to bit 60, so that 15 digits follow it.
        let shift = mantissa.leading_zeros() - 3;
        mantissa <<= shift;
        exponent += 60 - i64::from(shift);
        if let Some(precision) = precision.filter(|precision| *precision < 15) {
            let shift = precision * 4;
            let extra = (mantissa << shift) & ((1 << 60) - 1);
            mantissa >>= 60 - shift;
            if extra | (mantissa & 1) > 1 << 59 {
                mantissa += 1;
            }
            mantissa <<= 60 - shift;
            if mantissa & (1 << 61) != 0 {
                mantissa >>= 1;
                exponent += 1;
            }
        }
    }
    let mut digits = format!("{:015x}", mantissa & ((1 << 60) - 1));
    match precision {
        None => digits.truncate(digits.trim_end_matches('0').len()),
        Some(precision) => {
            digits.truncate(precision);
            digits.extend(std::iter::repeat_n('0', precision.saturating_sub(15)));
        }
    }
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    let text = format!("0x{}{point}{digits}p{sign}{:02}", mantissa >> 60, exponent.abs());
    if verb == b'X' { text.to_uppercase() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: f64, verb: u8, precision: Option<usize>, expected: &str) {
        assert_eq!(format_float(number, verb, precision), expected);
    }

    #[test]
    fn floats_are_written_as_go_does() {
        check(100_000.0, b'g', None, "100000");
        check(1e21, b'g', None, "1e+21");
        check(1e-5, b'g', None, "1e-05");
        check(0.25, b'f', None, "0.25");
        check(-1.5, b'e', Some(0), "-2e+00");
        check(1.0, b'x', None, "0x1p+00");
        check(1.0, b'b', None, "4503599627370496p-52");
        check(1234.0, b'g', Some(2), "1.2e+03");
    }

    #[test]
    fn integers_are_read_with_prefix_and_underscores() {
        assert_eq!(parse_int(b"-0x_1f", 0), Some(-31));
        assert_eq!(parse_int(b"010", 0), Some(8));
        assert_eq!(parse_int(b"1__0", 0), None);
        assert_eq!(read_int(b"99999999999999999999", 10), (i64::MAX, false));
    }

    #[test]
    fn floats_are_read_or_refused() {
        assert_eq!(parse_float(b"0x1.8p1"), Some(3.0));
        assert_eq!(parse_float(b"1e400"), None);
        assert_eq!(parse_float(b"-Inf"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_float(b"1e"), None);
    }
}
