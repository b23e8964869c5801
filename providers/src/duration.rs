//! Durations as Go writes them.

use std::time::Duration;

/// Reads a duration such as `1m30.5s`; none that is negative.
///
/// *Source*: Go 1.26 `time.ParseDuration`.
pub(crate) fn read(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    loop {
        let end = rest.find(|one: char| !one.is_ascii_digit() && one != '.')?;
        let (number, unit) = rest.split_at_checked(end)?;
        let end = unit.find(|one: char| one.is_ascii_digit() || one == '.').unwrap_or(unit.len());
        let (unit, more) = unit.split_at_checked(end)?;
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?)?;
        if more.is_empty() {
            return Some(total);
        }
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, milliseconds) in [
            ("10s", Some(10_000)),
            ("1m30.5s", Some(90_500)),
            ("1h", Some(3_600_000)),
            ("250ms", Some(250)),
            (".5s", Some(500)),
            ("+1s", Some(1_000)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("5", None),
            ("-1s", None),
            ("s", None),
            (".s", None),
            ("1x", None),
            ("1s ", None),
            ("", None),
            ("99999999999999999999999h", None),
        ] {
            assert_eq!(read(text).map(|duration| duration.as_millis()), milliseconds, "{text}");
        }
    }
}
