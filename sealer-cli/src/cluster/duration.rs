//! Lengths of time as kubectl's `--request-timeout` takes them and as the API server wants to be told.

use std::time::Duration;

/// Reads `30` (seconds) or `1m30s`; zero means never.
///
/// *Source*: client-go `ParseTimeout` and Go `time.ParseDuration`.
pub(super) fn parse(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut sum = Duration::ZERO;
    while !rest.is_empty() || sum.is_zero() {
        let unit = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..unit].parse().ok()?;
        rest = &rest[unit..];
        let end = rest.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(rest.len());
        let scale = match &rest[..end] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        sum = sum.checked_add(Duration::try_from_secs_f64(number * scale).ok()?)?;
        rest = &rest[end..];
        if rest.is_empty() {
            break;
        }
    }
    Some(sum)
}

/// Writes a length as Go's `Duration.String` does, for lengths of a second and more.
pub(super) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let fraction = duration.subsec_nanos();
    let rest =
        if fraction == 0 { format!("{}s", seconds % 60) } else { format!("{}.{}s", seconds % 60, format!("{fraction:09}").trim_end_matches('0')) };
    match (hours, minutes) {
        (0, 0) => rest,
        (0, minutes) => format!("{minutes}m{rest}"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_kubectl_reads_them() {
        for (text, shown) in [("5", "5s"), ("5s", "5s"), ("90s", "1m30s"), ("1h", "1h0m0s"), ("1m0.5s", "1m0.5s"), ("0", "0s"), ("0s", "0s")] {
            assert_eq!(parse(text).map(show).as_deref(), Some(shown), "{text}");
        }
        for text in ["x", "", "5x", "s", "1m5", "-1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
