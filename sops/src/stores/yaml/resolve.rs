//! What scalars mean, by the rules of go-yaml, which are neither those of YAML 1.1 nor those of 1.2.
//!
//! *Source*: behaviour of go.yaml.in/yaml v3.0.4.

mod time;

pub(super) use time::parse_time;

/// What a plain scalar says that is not a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    Bool(bool),
    Float(f64),
    Int(i64),
    /// A whole number that needs the 64th bit.
    Large(u64),
    Null,
    Time(String),
}

/// Resolves a plain scalar; `None` if it is a text. Only what may be a time is tried as one.
pub(super) fn resolve(text: &str, may_be_time: bool) -> Option<Plain> {
    let first = match text.bytes().next() {
        None => return Some(Plain::Null),
        Some(first) => first,
    };
    if !matches!(first, b'+' | b'-' | b'.' | b'~' | b'0'..=b'9' | b'n' | b'N' | b't' | b'T' | b'f' | b'F') {
        return None;
    }
    let named = match text {
        "true" | "True" | "TRUE" => Some(Plain::Bool(true)),
        "false" | "False" | "FALSE" => Some(Plain::Bool(false)),
        "~" | "null" | "Null" | "NULL" => Some(Plain::Null),
        ".nan" | ".NaN" | ".NAN" => Some(Plain::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(Plain::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => Some(Plain::Float(f64::NEG_INFINITY)),
        _ => None,
    };
    if named.is_some() {
        return named;
    }
    match first {
        b'.' => float(&separated(text)?).map(Plain::Float),
        b'+' | b'-' | b'0'..=b'9' => {
            if may_be_time && let Some(time) = parse_time(text) {
                return Some(Plain::Time(time));
            }
            number(text)
        }
        _ => None,
    }
}

/// Takes underscores out, which may only stand between digits.
fn separated(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let misplaced = |at: usize| bytes[at] == b'_' && !(at > 0 && is_digit(at - 1) && is_digit(at + 1));
    (!(0..bytes.len()).any(misplaced)).then(|| text.replace('_', ""))
}

fn number(text: &str) -> Option<Plain> {
    let stripped;
    let plain = if text.contains('_') {
        stripped = text.replace('_', "");
        stripped.as_str()
    } else {
        text
    };
    if let Some(number) = whole(plain) {
        return Some(number);
    }
    if let Some(float) = float(plain) {
        return Some(Plain::Float(float));
    }
    // A sign may stand behind the prefix as well.
    let (radix, digits) = if let Some(digits) = plain.strip_prefix("0b") { (2, digits) } else { (8, plain.strip_prefix("0o")?) };
    based(digits, radix).map(Plain::Int)
}

/// A whole number in any of the ways in which Go writes one: decimal, or with a prefix; a zero in front makes it octal.
fn whole(text: &str) -> Option<Plain> {
    let (negative, unsigned) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(Plain::Int);
    }
    // Unsigned numbers have no sign in Go.
    let signed = unsigned.len() < text.len();
    i64::try_from(magnitude).map(Plain::Int).ok().or((!signed).then_some(Plain::Large(magnitude)))
}

fn based(digits: &str, radix: u32) -> Option<i64> {
    i64::from_str_radix(digits, radix).ok()
}

/// A decimal number with a point or an exponent; one that is too large is a text.
pub(super) fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let decimal = unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let number: f64 = if decimal { text.parse().ok()? } else { return None };
    number.is_finite().then_some(number)
}

/// True for a text that YAML 1.1 reads as a truth value, as which it is no longer read, but still quoted.
pub(super) fn is_old_bool(text: &str) -> bool {
    matches!(text, "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF")
}

/// True for a text that YAML 1.1 reads as a number to the base of 60, such as `1:30`.
pub(super) fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let Some((first, rest)) = unsigned.split_once(':') else { return false };
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let place = |text: &str| matches!(text.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    let (places, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    first.starts_with(|c: char| c.is_ascii_digit()) && number(first) && places.split(':').all(place) && number(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_go_yaml_makes_of_them() {
        let check = |text: &str, expected: Option<Plain>| assert_eq!(resolve(text, true), expected, "{text}");
        check("", Some(Plain::Null));
        check("yes", None);
        check("0755", Some(Plain::Int(493)));
        check("089", Some(Plain::Float(89.0)));
        check("0x1F", Some(Plain::Int(31)));
        check("-0b11", Some(Plain::Int(-3)));
        check("0b-11", Some(Plain::Int(-3)));
        check("0o17", Some(Plain::Int(15)));
        check("1__0", Some(Plain::Int(10)));
        check("+1", Some(Plain::Int(1)));
        check("-9223372036854775808", Some(Plain::Int(i64::MIN)));
        check("9223372036854775808", Some(Plain::Large(1 << 63)));
        check("99999999999999999999", Some(Plain::Float(1e20)));
        check("1e400", None);
        check(".5", Some(Plain::Float(0.5)));
        check(".1_0", Some(Plain::Float(0.1)));
        check("._1", None);
        check(".", None);
        check("-", None);
        check("1.", Some(Plain::Float(1.0)));
        check("e5", None);
        check("2001-1-2", Some(Plain::Time("2001-01-02T00:00:00Z".to_owned())));
    }

    #[test]
    fn numbers_to_the_base_of_60_are_known() {
        let check = |text: &str, expected: bool| assert_eq!(is_base_60(text), expected, "{text}");
        check("1:30", true);
        check("-1_0:5:59.5", true);
        check("1:60", false);
        check("1:", false);
        check(":1", false);
        check("a:1", false);
    }
}
