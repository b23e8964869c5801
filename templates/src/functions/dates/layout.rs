//! Go's date layouts: text in which the parts of one certain moment stand for the parts of any.

use super::{MONTHS, Time, WEEKDAYS, Wall};

/// A part of a layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    LongMonth,
    Month,
    NumericMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    Offset(Offset),
    /// Digits of the second's fraction; with `trim`, trailing zeros are left out.
    Fraction {
        digits: usize,
        comma: bool,
        trim: bool,
    },
}

/// The shape of a zone's offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Offset {
    /// Zero is written as `Z`.
    pub(super) iso: bool,
    pub(super) colon: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

const fn offset(iso: bool, colon: bool, minutes: bool, seconds: bool) -> Part {
    Part::Offset(Offset { iso, colon, minutes, seconds })
}

/// Longer texts stand before their prefixes.
const PARTS: &[(&[u8], Part)] = &[
    (b"January", Part::LongMonth),
    (b"Monday", Part::LongWeekday),
    (b"MST", Part::ZoneName),
    (b"002", Part::ZeroYearDay),
    (b"01", Part::ZeroMonth),
    (b"02", Part::ZeroDay),
    (b"03", Part::ZeroHour12),
    (b"04", Part::ZeroMinute),
    (b"05", Part::ZeroSecond),
    (b"06", Part::Year),
    (b"15", Part::Hour),
    (b"1", Part::NumericMonth),
    (b"2006", Part::LongYear),
    (b"2", Part::Day),
    (b"__2", Part::UnderYearDay),
    (b"_2", Part::UnderDay),
    (b"3", Part::Hour12),
    (b"4", Part::Minute),
    (b"5", Part::Second),
    (b"PM", Part::UpperPm),
    (b"pm", Part::LowerPm),
    (b"-07:00:00", offset(false, true, true, true)),
    (b"-07:00", offset(false, true, true, false)),
    (b"-070000", offset(false, false, true, true)),
    (b"-0700", offset(false, false, true, false)),
    (b"-07", offset(false, false, false, false)),
    (b"Z07:00:00", offset(true, true, true, true)),
    (b"Z07:00", offset(true, true, true, false)),
    (b"Z070000", offset(true, false, true, true)),
    (b"Z0700", offset(true, false, true, false)),
    (b"Z07", offset(true, false, false, false)),
];

/// Finds the first part: the text before it, the part, and the text behind it.
pub(super) fn next_part(layout: &[u8]) -> (&[u8], Option<Part>, &[u8]) {
    for at in 0..layout.len() {
        let rest = &layout[at..];
        if rest.starts_with(b"_2006") {
            return (&layout[..=at], Some(Part::LongYear), &rest[5..]);
        }
        let word = |text: &[u8]| rest.starts_with(text) && !rest.get(3).is_some_and(u8::is_ascii_lowercase);
        if let Some((text, part)) = PARTS.iter().find(|(text, _)| rest.starts_with(text)) {
            return (&layout[..at], Some(*part), &rest[text.len()..]);
        }
        if word(b"Jan") {
            return (&layout[..at], Some(Part::Month), &rest[3..]);
        }
        if word(b"Mon") {
            return (&layout[..at], Some(Part::Weekday), &rest[3..]);
        }
        if let [separator @ (b'.' | b','), digit @ (b'0' | b'9'), ..] = rest {
            let digits = rest[1..].iter().take_while(|byte| *byte == digit).count();
            if !rest.get(1 + digits).is_some_and(u8::is_ascii_digit) {
                let part = Part::Fraction { digits, comma: *separator == b',', trim: *digit == b'9' };
                return (&layout[..at], Some(part), &rest[1 + digits..]);
            }
        }
    }
    (layout, None, b"")
}

/// Writes a moment in a layout.
pub(super) fn format(time: &Time, layout: &[u8]) -> Vec<u8> {
    let wall = time.wall();
    let mut out = Vec::with_capacity(layout.len() + 16);
    let mut rest = layout;
    loop {
        let (before, part, after) = next_part(rest);
        out.extend_from_slice(before);
        let Some(part) = part else { return out };
        match part {
            Part::ZoneName if !wall.zone.is_empty() => out.extend_from_slice(&wall.zone),
            part => out.extend_from_slice(written(part, &wall, time.nanoseconds).as_bytes()),
        }
        rest = after;
    }
}

fn written(part: Part, wall: &Wall, nanoseconds: u32) -> String {
    let name = |names: &[&str], index: i64| {
        let index = usize::try_from(index).unwrap_or(0);
        names.get(index).copied().unwrap_or_default().to_owned()
    };
    let hour12 = if wall.hour % 12 == 0 { 12 } else { wall.hour % 12 };
    match part {
        Part::LongMonth => name(&MONTHS, wall.month - 1),
        Part::Month => name(&MONTHS, wall.month - 1)[..3].to_owned(),
        Part::NumericMonth => wall.month.to_string(),
        Part::ZeroMonth => format!("{:02}", wall.month),
        Part::LongWeekday => name(&WEEKDAYS, wall.weekday),
        Part::Weekday => name(&WEEKDAYS, wall.weekday)[..3].to_owned(),
        Part::Day => wall.day.to_string(),
        Part::UnderDay => format!("{:2}", wall.day),
        Part::ZeroDay => format!("{:02}", wall.day),
        Part::UnderYearDay => format!("{:3}", wall.year_day),
        Part::ZeroYearDay => format!("{:03}", wall.year_day),
        Part::Hour => format!("{:02}", wall.hour),
        Part::Hour12 => hour12.to_string(),
        Part::ZeroHour12 => format!("{hour12:02}"),
        Part::Minute => wall.minute.to_string(),
        Part::ZeroMinute => format!("{:02}", wall.minute),
        Part::Second => wall.second.to_string(),
        Part::ZeroSecond => format!("{:02}", wall.second),
        Part::LongYear if wall.year < 0 => format!("-{:04}", wall.year.unsigned_abs()),
        Part::LongYear => format!("{:04}", wall.year),
        Part::Year => format!("{:02}", wall.year.max(0) % 100),
        Part::UpperPm => if wall.hour >= 12 { "PM" } else { "AM" }.to_owned(),
        Part::LowerPm => if wall.hour >= 12 { "pm" } else { "am" }.to_owned(),
        Part::ZoneName => write_offset(wall.offset, Offset { iso: false, colon: false, minutes: true, seconds: false }),
        Part::Offset(shape) => write_offset(wall.offset, shape),
        Part::Fraction { digits, comma, trim } => write_fraction(nanoseconds, digits, comma, trim),
    }
}

fn write_offset(offset: i64, shape: Offset) -> String {
    if shape.iso && offset == 0 {
        return "Z".to_owned();
    }
    let sign = if offset / 60 < 0 { '-' } else { '+' };
    let seconds = offset.abs();
    let colon = if shape.colon { ":" } else { "" };
    let mut text = format!("{sign}{:02}", seconds / 3600);
    if shape.minutes {
        text.push_str(&format!("{colon}{:02}", seconds / 60 % 60));
    }
    if shape.seconds {
        text.push_str(&format!("{colon}{:02}", seconds % 60));
    }
    text
}

fn write_fraction(nanoseconds: u32, digits: usize, comma: bool, trim: bool) -> String {
    let all = format!("{nanoseconds:09}");
    let mut shown = all[..digits.min(9)].to_owned();
    shown.extend(std::iter::repeat_n('0', digits.saturating_sub(9)));
    let shown = if trim { shown.trim_end_matches('0') } else { &shown };
    if shown.is_empty() && trim {
        return String::new();
    }
    format!("{}{shown}", if comma { ',' } else { '.' })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(layout: &str, expected: &str) {
        let time = Time { nanoseconds: 120_000_000, ..Time::from_seconds(1_136_214_245) };
        assert_eq!(String::from_utf8(format(&time, layout.as_bytes())).unwrap(), expected);
    }

    #[test]
    fn the_reference_moment_comes_out_as_the_layout() {
        check("Mon Jan _2 15:04:05 2006", "Mon Jan  2 15:04:05 2006");
        check("Monday January 2 3:04PM .000 .999 __2 002 06", "Monday January 2 3:04PM .120 .12   2 002 06");
        check("Month Janet _2006 Z07:00 -0700 MST", "Month Janet _2006 Z +0000 UTC");
    }
}
