//! The methods of times and durations that a template can call, like `now.Year`.

use super::{DAY, Time, Zone, days_from_civil, duration, duration_text, layout, month_name, weekday_name};
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::value::{Signed, Value};

/// The methods of this family; the first parameter is the receiver.
pub(crate) const METHODS: &[Function] = &[
    Function::fixed("Add", &[Kind::Time, Kind::Duration], add),
    Function::fixed("AddDate", &[Kind::Time, Kind::Int, Kind::Int, Kind::Int], add_date),
    Function::fixed("After", &[Kind::Time, Kind::Time], |_, arguments| Ok(Value::Bool(order(arguments)?.is_gt()))),
    Function::fixed("Before", &[Kind::Time, Kind::Time], |_, arguments| Ok(Value::Bool(order(arguments)?.is_lt()))),
    Function::fixed("Compare", &[Kind::Time, Kind::Time], |_, arguments| Ok(Value::int(order(arguments)? as i64))),
    Function::fixed("Day", &[Kind::Time], |_, arguments| Ok(Value::int(arguments.time(0)?.wall().day))),
    Function::fixed("Equal", &[Kind::Time, Kind::Time], |_, arguments| Ok(Value::Bool(order(arguments)?.is_eq()))),
    Function::fixed("Format", &[Kind::Time, Kind::Text], format),
    Function::fixed("Hour", &[Kind::Time], |_, arguments| Ok(Value::int(arguments.time(0)?.wall().hour))),
    Function::fixed("IsZero", &[Kind::Time], is_zero),
    Function::fixed("Local", &[Kind::Time], utc),
    Function::fixed("Minute", &[Kind::Time], |_, arguments| Ok(Value::int(arguments.time(0)?.wall().minute))),
    Function::fixed("Month", &[Kind::Time], month),
    Function::fixed("Nanosecond", &[Kind::Time], |_, arguments| Ok(Value::int(arguments.time(0)?.nanoseconds.into()))),
    Function::fixed("Second", &[Kind::Time], |_, arguments| Ok(Value::int(arguments.time(0)?.wall().second))),
    Function::fixed("String", &[Kind::Time], |_, arguments| Ok(Value::text(&arguments.time(0)?.to_string()))),
    Function::fixed("Sub", &[Kind::Time, Kind::Time], sub),
    Function::fixed("UTC", &[Kind::Time], utc),
    Function::fixed("Unix", &[Kind::Time], |_, arguments| Ok(Value::int64(arguments.time(0)?.seconds))),
    Function::fixed("UnixMicro", &[Kind::Time], |_, arguments| unix(arguments, 1_000)),
    Function::fixed("UnixMilli", &[Kind::Time], |_, arguments| unix(arguments, 1_000_000)),
    Function::fixed("UnixNano", &[Kind::Time], |_, arguments| unix(arguments, 1)),
    Function::fixed("Weekday", &[Kind::Time], weekday),
    Function::fixed("Year", &[Kind::Time], |_, arguments| Ok(Value::int(arguments.time(0)?.wall().year))),
    Function::fixed("YearDay", &[Kind::Time], |_, arguments| Ok(Value::int(arguments.time(0)?.wall().year_day))),
    Function::fixed("Abs", &[Kind::Duration], |_, arguments| length(arguments.int(0)?.saturating_abs())),
    Function::fixed("Hours", &[Kind::Duration], |_, arguments| float(arguments, 3600 * duration::SECOND)),
    Function::fixed("Microseconds", &[Kind::Duration], |_, arguments| Ok(Value::int64(arguments.int(0)? / 1_000))),
    Function::fixed("Milliseconds", &[Kind::Duration], |_, arguments| Ok(Value::int64(arguments.int(0)? / 1_000_000))),
    Function::fixed("Minutes", &[Kind::Duration], |_, arguments| float(arguments, 60 * duration::SECOND)),
    Function::fixed("Nanoseconds", &[Kind::Duration], |_, arguments| Ok(Value::int64(arguments.int(0)?))),
    Function::fixed("Round", &[Kind::Duration, Kind::Duration], |_, arguments| length(duration::round(arguments.int(0)?, arguments.int(1)?))),
    Function::fixed("Seconds", &[Kind::Duration], |_, arguments| float(arguments, duration::SECOND)),
    Function::fixed("String", &[Kind::Duration], |_, arguments| Ok(Value::text(&duration_text(arguments.int(0)?)))),
    Function::fixed("Truncate", &[Kind::Duration, Kind::Duration], truncate),
    Function::fixed("String", &[Kind::Month], |_, arguments| Ok(Value::text(&month_name(arguments.int(0)?)))),
    Function::fixed("String", &[Kind::Weekday], |_, arguments| Ok(Value::text(&weekday_name(arguments.int(0)?)))),
];

fn length(nanoseconds: i64) -> Called {
    Ok(Value::Int(nanoseconds, Signed::Duration))
}

/// Whole units and the rest apart, as Go divides.
fn float(arguments: &Arguments, unit: i64) -> Called {
    let nanoseconds = arguments.int(0)?;
    Ok(Value::Float((nanoseconds / unit) as f64 + (nanoseconds % unit) as f64 / unit as f64))
}

fn truncate(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let (nanoseconds, multiple) = (arguments.int(0)?, arguments.int(1)?);
    length(if multiple <= 0 { nanoseconds } else { nanoseconds - nanoseconds % multiple })
}

fn order(arguments: &Arguments) -> Called<std::cmp::Ordering> {
    Ok(arguments.time(0)?.total().cmp(&arguments.time(1)?.total()))
}

fn add(_: &Scope<'_>, arguments: &Arguments) -> Called {
    Ok(Value::Time(arguments.time(0)?.plus(arguments.int(1)?)))
}

fn sub(_: &Scope<'_>, arguments: &Arguments) -> Called {
    length(arguments.time(0)?.since(arguments.time(1)?))
}

fn add_date(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let time = arguments.time(0)?;
    let wall = time.wall();
    let year = wall.year.saturating_add(arguments.int(1)?);
    let month = wall.month.saturating_add(arguments.int(2)?);
    let day = wall.day.saturating_add(arguments.int(3)?);
    let since_midnight = wall.hour * 3600 + wall.minute * 60 + wall.second;
    let local = days_from_civil(year, month, day).saturating_mul(DAY).saturating_add(since_midnight);
    let guess = Time { seconds: local.saturating_sub(wall.offset), ..time.clone() };
    let offset = guess.offset().0;
    Ok(Value::Time(Time { seconds: local.saturating_sub(offset), ..guess }))
}

fn format(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let wanted = arguments.text(1)?;
    scope.meter.allocate(wanted.len() as u64 * 8)?;
    scope.text(layout::format(arguments.time(0)?, wanted))
}

fn is_zero(_: &Scope<'_>, arguments: &Arguments) -> Called {
    Ok(Value::Bool(arguments.time(0)?.total() == Time::zero().total()))
}

fn utc(_: &Scope<'_>, arguments: &Arguments) -> Called {
    Ok(Value::Time(Time { zone: Zone::Utc, ..arguments.time(0)?.clone() }))
}

fn month(_: &Scope<'_>, arguments: &Arguments) -> Called {
    Ok(Value::Int(arguments.time(0)?.wall().month, Signed::Month))
}

fn weekday(_: &Scope<'_>, arguments: &Arguments) -> Called {
    Ok(Value::Int(arguments.time(0)?.wall().weekday, Signed::Weekday))
}

fn unix(arguments: &Arguments, unit: i128) -> Called {
    // The lower 64 bits, as in Go, where a far time overflows.
    Ok(Value::int64(arguments.time(0)?.total().div_euclid(unit) as i64))
}
