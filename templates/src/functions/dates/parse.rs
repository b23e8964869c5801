//! Reads a moment that is written in a layout.

use super::duration::leading_digits;
use super::layout::{Offset, Part, next_part};
use super::{DAY, MONTHS, Time, WEEKDAYS, Zone, days_from_civil};
use crate::number::read_int;
use crate::value::Text;

/// Reads a moment; without zone in the text it is one in UTC.
pub(super) fn parse(layout: &[u8], value: &[u8]) -> Option<Time> {
    let mut reader = Reader { value, found: Found::default() };
    let mut layout = layout;
    loop {
        let (before, part, after) = next_part(layout);
        reader.skip(before)?;
        let Some(part) = part else { break };
        layout = after;
        reader.part(part, after)?;
    }
    if reader.value.is_empty() { reader.found.moment() } else { None }
}

struct Reader<'v> {
    value: &'v [u8],
    found: Found,
}

#[derive(Default)]
struct Found {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanoseconds: u32,
    pm: Option<bool>,
    utc: bool,
    offset: Option<i64>,
    zone: Option<Text>,
}

impl<'v> Reader<'v> {
    /// Text between parts must be there; any number of spaces stands for any other.
    fn skip(&mut self, text: &[u8]) -> Option<()> {
        let mut text = text;
        while let Some(first) = text.first() {
            if *first == b' ' {
                if self.value.first().is_some_and(|byte| *byte != b' ') {
                    return None;
                }
                text = without_spaces(text);
                self.value = without_spaces(self.value);
            } else {
                if self.value.first() != Some(first) {
                    return None;
                }
                text = &text[1..];
                self.value = &self.value[1..];
            }
        }
        Some(())
    }

    fn take(&mut self, count: usize) -> Option<&'v [u8]> {
        let (taken, rest) = self.value.split_at_checked(count)?;
        self.value = rest;
        Some(taken)
    }

    fn part(&mut self, part: Part, following: &[u8]) -> Option<()> {
        match part {
            Part::Year => {
                let year = read_digits(self.take(2)?)?;
                self.found.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            Part::LongYear => self.found.year = read_digits(self.take(4)?)?,
            Part::Month => self.found.month = Some(self.name(&MONTHS.map(|name| &name[..3]))? + 1),
            Part::LongMonth => self.found.month = Some(self.name(&MONTHS)? + 1),
            Part::NumericMonth | Part::ZeroMonth => {
                let month = self.number(part == Part::ZeroMonth)?;
                self.found.month = Some(month).filter(|month| (1..=12).contains(month));
                self.found.month?;
            }
            Part::Weekday => drop(self.name(&WEEKDAYS.map(|name| &name[..3]))?),
            Part::LongWeekday => drop(self.name(&WEEKDAYS)?),
            Part::Day | Part::UnderDay | Part::ZeroDay => {
                if part == Part::UnderDay {
                    self.value = self.value.strip_prefix(b" ").unwrap_or(self.value);
                }
                self.found.day = Some(self.number(part == Part::ZeroDay)?);
            }
            Part::UnderYearDay | Part::ZeroYearDay => self.year_day(part == Part::ZeroYearDay)?,
            Part::Hour => self.found.hour = Some(self.number(false)?).filter(|hour| *hour < 24)?,
            Part::Hour12 | Part::ZeroHour12 => {
                self.found.hour = Some(self.number(part == Part::ZeroHour12)?).filter(|hour| *hour <= 12)?;
            }
            Part::Minute | Part::ZeroMinute => {
                self.found.minute = Some(self.number(part == Part::ZeroMinute)?).filter(|minute| *minute < 60)?;
            }
            Part::Second | Part::ZeroSecond => {
                self.found.second = Some(self.number(part == Part::ZeroSecond)?).filter(|second| *second < 60)?;
                self.unasked_fraction(following)?;
            }
            Part::UpperPm => self.found.pm = Some(self.either(b"PM", b"AM")?),
            Part::LowerPm => self.found.pm = Some(self.either(b"pm", b"am")?),
            Part::Offset(shape) => self.offset(shape)?,
            Part::ZoneName => self.zone_name()?,
            Part::Fraction { digits, trim: false, .. } => {
                let text = self.take(digits.checked_add(1)?)?;
                self.found.nanoseconds = nanoseconds(text)?;
            }
            Part::Fraction { .. } => self.optional_fraction()?,
        }
        Some(())
    }

    /// One digit or two.
    fn number(&mut self, two: bool) -> Option<i64> {
        let digits = leading_digits(self.value).0.len().min(2);
        if digits == 0 || (two && digits == 1) { None } else { read_digits(self.take(digits)?) }
    }

    fn year_day(&mut self, three: bool) -> Option<()> {
        for _ in 0..2 {
            if !three {
                self.value = self.value.strip_prefix(b" ").unwrap_or(self.value);
            }
        }
        let digits = leading_digits(self.value).0.len().min(3);
        if digits == 0 || (three && digits != 3) {
            return None;
        }
        self.found.year_day = Some(read_digits(self.take(digits)?)?);
        Some(())
    }

    /// One of several names, in any case.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        let starts = |name: &&str| self.value.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()));
        let index = names.iter().position(starts)?;
        self.take(names.get(index)?.len())?;
        i64::try_from(index).ok()
    }

    fn either(&mut self, yes: &[u8], no: &[u8]) -> Option<bool> {
        let text = self.take(2)?;
        if text == yes { Some(true) } else { (text == no).then_some(false) }
    }

    /// A fraction may follow the second though the layout has none.
    fn unasked_fraction(&mut self, following: &[u8]) -> Option<()> {
        if matches!(next_part(following).1, Some(Part::Fraction { .. })) { Some(()) } else { self.optional_fraction() }
    }

    fn optional_fraction(&mut self) -> Option<()> {
        let [b'.' | b',', digits @ ..] = self.value else { return Some(()) };
        let digits = leading_digits(digits).0.len();
        if digits > 0 {
            let text = self.take(digits + 1)?;
            self.found.nanoseconds = nanoseconds(text)?;
        }
        Some(())
    }

    fn offset(&mut self, shape: Offset) -> Option<()> {
        if shape.iso && self.value.first() == Some(&b'Z') {
            self.take(1)?;
            self.found.utc = true;
            return Some(());
        }
        let sign = match self.take(1)? {
            b"+" => 1,
            b"-" => -1,
            _ => return None,
        };
        let hours = read_digits(self.take(2)?)?;
        let mut rest = [0, 0];
        let parts = usize::from(shape.minutes) + usize::from(shape.seconds);
        for part in rest.iter_mut().take(parts) {
            if shape.colon && self.take(1)? != b":" {
                return None;
            }
            *part = read_digits(self.take(2)?)?;
        }
        if hours > 24 || rest[0] > 60 || rest[1] > 60 {
            return None;
        }
        self.found.offset = Some(sign * (hours * 3600 + rest[0] * 60 + rest[1]));
        Some(())
    }

    fn zone_name(&mut self) -> Option<()> {
        if self.value.starts_with(b"UTC") {
            self.take(3)?;
            self.found.utc = true;
            return Some(());
        }
        let length = zone_name_length(self.value)?;
        self.found.zone = Some(Text::from(self.take(length)?));
        Some(())
    }
}

impl Found {
    fn moment(self) -> Option<Time> {
        let hour = match self.pm {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let (month, day) = self.month_and_day()?;
        let days = days_from_civil(self.year, month, day);
        let seconds = days * DAY + hour * 3600 + self.minute * 60 + self.second;
        let time = Time { seconds, nanoseconds: self.nanoseconds, zone: Zone::Utc };
        if self.utc {
            return Some(time);
        }
        Some(match (self.offset, self.zone) {
            (Some(0), None) | (None, None) => time,
            (Some(offset), zone) => {
                let zone = Zone::Fixed(zone.unwrap_or_else(|| Text::from("")), offset);
                Time { seconds: seconds - offset, zone, ..time }
            }
            (None, Some(name)) => {
                let hours = name.strip_prefix(b"GMT").filter(|rest| !rest.is_empty());
                let offset = hours.map_or(0, |hours| read_int(hours, 10).0 * 3600);
                Time { zone: Zone::Fixed(name, offset), ..time }
            }
        })
    }

    fn month_and_day(&self) -> Option<(i64, i64)> {
        let (mut month, mut day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if let Some(year_day) = self.year_day {
            let length = days_from_civil(self.year + 1, 1, 1) - days_from_civil(self.year, 1, 1);
            if !(1..=length).contains(&year_day) {
                return None;
            }
            let (_, found_month, found_day) = super::civil(days_from_civil(self.year, 1, year_day));
            if self.month.is_some_and(|month| month != found_month) || self.day.is_some_and(|day| day != found_day) {
                return None;
            }
            (month, day) = (found_month, found_day);
        }
        let length = days_from_civil(self.year, month + 1, 1) - days_from_civil(self.year, month, 1);
        (1..=length).contains(&day).then_some((month, day))
    }
}

fn without_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    &text[spaces..]
}

fn read_digits(text: &[u8]) -> Option<i64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if digits { Some(read_int(text, 10).0) } else { None }
}

/// A separator and digits; those beyond the ninth are cut.
fn nanoseconds(text: &[u8]) -> Option<u32> {
    let [b'.' | b',', digits @ ..] = text else { return None };
    let digits = &digits[..digits.len().min(9)];
    let scale = 10_i64.pow(u32::try_from(9 - digits.len()).ok()?);
    u32::try_from(read_digits(digits)? * scale).ok()
}

fn zone_name_length(value: &[u8]) -> Option<usize> {
    if value.len() < 3 {
        return None;
    }
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = value.strip_prefix(b"GMT") {
        return Some(3 + signed_hours_length(rest));
    }
    if matches!(value[0], b'+' | b'-') {
        return Some(signed_hours_length(value)).filter(|length| *length > 0);
    }
    let capitals = value.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    match capitals {
        3 => Some(3),
        4 if value[3] == b'T' || value.starts_with(b"WITA") => Some(4),
        5 if value[4] == b'T' => Some(5),
        _ => None,
    }
}

/// The length of a sign and up to 23 hours; 0 when there are none.
fn signed_hours_length(value: &[u8]) -> usize {
    let [b'+' | b'-', rest @ ..] = value else { return 0 };
    let digits = leading_digits(rest).0;
    let hours = read_digits(digits);
    if hours.is_some_and(|hours| hours <= 23) { 1 + digits.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(layout: &str, value: &str, expected: Option<&str>) {
        let time = parse(layout.as_bytes(), value.as_bytes()).map(|time| time.to_string());
        assert_eq!(time.as_deref(), expected, "{layout} {value}");
    }

    #[test]
    fn moments_are_read_by_their_layout() {
        check("2006-01-02", "2024-02-29", Some("2024-02-29 00:00:00 +0000 UTC"));
        check("2006-01-02", "2023-02-29", None);
        check("2006-01-02T15:04:05Z07:00", "2024-01-01T00:00:00.5+02:00", Some("2024-01-01 00:00:00.5 +0200 +0200"));
        check("3PM", "12AM", Some("0000-01-01 00:00:00 +0000 UTC"));
        check("2006 002", "2024 366", Some("2024-12-31 00:00:00 +0000 UTC"));
        check("Jan", "jUN", Some("0000-06-01 00:00:00 +0000 UTC"));
    }
}
