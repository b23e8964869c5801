//! Durations in text.

pub(super) const SECOND: i64 = 1_000_000_000;

/// Writes a duration in hours, minutes and seconds, or in the largest smaller unit. *Units*: nanoseconds.
pub(crate) fn duration_text(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let text = match magnitude {
        0 => return "0s".to_owned(),
        1..1_000 => format!("{magnitude}ns"),
        1_000..1_000_000 => format!("{}µs", fraction(magnitude, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", fraction(magnitude, 1_000_000)),
        _ => {
            let minutes = magnitude / 60_000_000_000;
            let seconds = fraction(magnitude % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{text}")
}

fn fraction(number: u64, unit: u64) -> String {
    let whole = number / unit;
    let width = unit.to_string().len() - 1;
    let rest = format!("{:0width$}", number % unit);
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { whole.to_string() } else { format!("{whole}.{rest}") }
}

/// Reads a duration as Go does: `1h30m`, `0`, `-1.5s`; `None` if it is none.
#[must_use]
pub fn parse_duration(text: &str) -> Option<jiff::SignedDuration> {
    parse(text.as_bytes()).map(jiff::SignedDuration::from_nanos)
}

/// Reads a duration like `1h30m`. *Units*: nanoseconds.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    let negative = text.first() == Some(&b'-');
    let mut rest = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    if rest == b"0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    // One more than the longest duration, which only the negative one may reach.
    let limit = 1_u64 << 63;
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let (whole, after) = leading_digits(rest);
        let (fraction, after) = match after.strip_prefix(b".") {
            Some(after) => leading_digits(after),
            None => (&b""[..], after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let length = after.iter().position(|byte| *byte == b'.' || byte.is_ascii_digit()).unwrap_or(after.len());
        let (name, after) = after.split_at(length);
        let unit = unit(name)?;
        let whole = whole.iter().try_fold(0_u64, |sum, digit| {
            let sum = sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            (sum <= limit).then_some(sum)
        })?;
        let mut value = whole.checked_mul(unit).filter(|value| *value <= limit)?;
        value = value.checked_add(part(fraction, unit)).filter(|value| *value <= limit)?;
        sum = sum.checked_add(value).filter(|sum| *sum <= limit)?;
        rest = after;
    }
    if negative { Some((sum as i64).wrapping_neg()) } else { i64::try_from(sum).ok() }
}

/// A fraction of a unit, in floating point as Go computes it.
fn part(digits: &[u8], unit: u64) -> u64 {
    let mut number = 0_u64;
    let mut scale = 1.0;
    for digit in digits {
        let Some(next) = number.checked_mul(10).and_then(|next| next.checked_add(u64::from(digit - b'0'))) else { break };
        if next > i64::MAX as u64 {
            break;
        }
        number = next;
        scale *= 10.0;
    }
    if number == 0 { 0 } else { (number as f64 * (unit as f64 / scale)) as u64 }
}

fn unit(name: &[u8]) -> Option<u64> {
    match name {
        b"ns" => Some(1),
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => Some(1_000),
        b"ms" => Some(1_000_000),
        b"s" => Some(1_000_000_000),
        b"m" => Some(60_000_000_000),
        b"h" => Some(3_600_000_000_000),
        _ => None,
    }
}

pub(super) fn leading_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// Rounds to a multiple, half away from zero.
pub(super) fn round(nanoseconds: i64, multiple: i64) -> i64 {
    if multiple <= 0 {
        return nanoseconds;
    }
    let rest = nanoseconds % multiple;
    let near = nanoseconds - rest;
    let far = if nanoseconds < 0 { near.checked_sub(multiple) } else { near.checked_add(multiple) };
    if rest.unsigned_abs() * 2 < multiple.unsigned_abs() {
        return near;
    }
    far.unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

/// The largest unit alone, rounded down.
pub(super) fn coarse(nanoseconds: i64) -> String {
    const HOUR: u64 = 3_600_000_000_000;
    let magnitude = nanoseconds.unsigned_abs();
    let units = [(HOUR * 24 * 365, "y"), (HOUR * 24 * 30, "mo"), (HOUR * 24, "d"), (HOUR, "h"), (HOUR / 60, "m"), (HOUR / 3600, "s")];
    let unit = units.iter().find(|(unit, _)| magnitude > *unit);
    unit.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", magnitude / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        assert_eq!(parse(b"1h30m").map(duration_text).as_deref(), Some("1h30m0s"));
        assert_eq!(parse(b"-1.5ms").map(duration_text).as_deref(), Some("-1.5ms"));
        assert_eq!(parse(b"3"), None);
        assert_eq!(parse(b"2562048h"), None);
        assert_eq!(duration_text(i64::MIN), "-2562047h47m16.854775808s");
        assert_eq!(coarse(90 * SECOND), "1m");
    }
}
