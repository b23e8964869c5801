//! Times, as go-yaml reads them.

/// Reads a time and writes it as RFC 3339 with the fraction as short as it goes; an offset of zero is `Z`.
///
/// *Shape*: a date alone, or with a time of day behind `T` or `t` and an offset, or behind spaces without one. Month, day, hour, minute and
/// second may have one digit.
///
/// *Source*: behaviour of go.yaml.in/yaml v3.0.4 and `time.Parse` of Go 1.26.
pub(crate) fn parse_time(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let year: u16 = text.get(..4)?.parse().ok()?;
    let mut rest = Reader(&bytes[5..]);
    let month = rest.number()?;
    rest.skip(b"-")?;
    let day = rest.number()?;
    if !(1..=12).contains(&month) || day < 1 || day > days(year, month) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    let zoned = match rest.0.first() {
        None => return Some(format!("{date}T00:00:00Z")),
        Some(b'T' | b't') => true,
        Some(b' ') => false,
        Some(_) => return None,
    };
    rest.0 = &rest.0[1..];
    while !zoned && rest.skip(b" ").is_some() {}
    let hour = rest.number()?;
    rest.skip(b":")?;
    let minute = rest.number()?;
    rest.skip(b":")?;
    let second = rest.number()?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = rest.fraction();
    let zone = if zoned { rest.zone()? } else { "Z".to_owned() };
    rest.0.is_empty().then(|| format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

fn days(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn skip(&mut self, prefix: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(prefix)?;
        Some(())
    }

    /// One digit or two.
    fn number(&mut self) -> Option<u8> {
        let digits = self.0.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        std::str::from_utf8(number).ok()?.parse().ok()
    }

    /// Up to nine digits behind a point or a comma, without zeros at the end.
    fn fraction(&mut self) -> String {
        let [b'.' | b',', rest @ ..] = self.0 else { return String::new() };
        let digits = rest.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return String::new();
        }
        self.0 = &rest[digits..];
        let digits = String::from_utf8_lossy(&rest[..digits]);
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() { String::new() } else { format!(".{digits}") }
    }

    fn zone(&mut self) -> Option<String> {
        if self.skip(b"Z").is_some() {
            return Some("Z".to_owned());
        }
        let (zone, rest) = self.0.split_at_checked(6)?;
        let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = zone else { return None };
        if ![h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        let number = |tens: &u8, ones: &u8| u16::from(tens - b'0') * 10 + u16::from(ones - b'0');
        let (hours, minutes) = (number(h1, h2), number(m1, m2));
        // One whole day and one whole hour pass.
        if hours > 24 || minutes > 60 {
            return None;
        }
        let offset = hours * 60 + minutes;
        let zone = if offset == 0 { "Z".to_owned() } else { format!("{}{:02}:{:02}", char::from(*sign), offset / 60, offset % 60) };
        Some(zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_go_reads_them() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(parse_time(text).as_deref(), expected, "{text}");
        check("2001-12-14", Some("2001-12-14T00:00:00Z"));
        check("2001-1-2", Some("2001-01-02T00:00:00Z"));
        check("2001-12-14t21:59:43.10-05:00", Some("2001-12-14T21:59:43.1-05:00"));
        check("2001-12-14T21:59:43+00:00", Some("2001-12-14T21:59:43Z"));
        check("2001-12-14  1:2:3,50", Some("2001-12-14T01:02:03.5Z"));
        check("2001-12-14 21:59:43.10 -5", None);
        check("2001-02-29", None);
        check("2000-02-29", Some("2000-02-29T00:00:00Z"));
        check("2001-12-14T21:59:43", None);
        check("02001-12-14", None);
    }
}
