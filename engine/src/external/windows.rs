//! When values may be read again by the clock.

use crds::external_secret::{SyncWindow, SyncWindows};
use cronexpr::{FallbackTimezoneOption, MakeTimestamp, ParseOptions, parse_crontab_with};
use jiff::{SignedDuration, Timestamp};
use templates::parse_duration;

use crate::error::{Error, Result};

/// The names that cron gives to schedules.
const NAMED: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Whether values may be read again now.
///
/// *Source*: external-secrets 2.9.0: one mode for all windows; a window is open from its newest firing for its duration, in UTC.
///
/// # Errors
/// Input: a schedule or a duration that is none. external-secrets takes such a window for closed, so that a slip of the pen in a window that allows stops
/// everything without a word.
pub fn allow(windows: Option<&SyncWindows>, now: Timestamp) -> Result<bool> {
    let Some(windows) = windows else { return Ok(true) };
    let mut open = false;
    for (index, window) in windows.windows.iter().enumerate() {
        open |= is_open(window, now).ok_or_else(|| {
            Error::input(format!("use spec.syncWindows.windows[{index}]: its schedule or its duration is none"))
                .advise("Write a schedule of five fields, such as \"0 22 * * 1-5\", and a duration such as \"8h\"")
        })?;
    }
    match windows.kind.as_str() {
        "allow" => Ok(open),
        "deny" => Ok(!open),
        _ => Err(Error::input("use spec.syncWindows: its kind is neither allow nor deny")),
    }
}

/// When the answer of [`allow`] may be another one, at the earliest: a minute, which is how fine schedules are.
pub const CHANGES_EVERY: SignedDuration = SignedDuration::from_secs(60);

fn is_open(window: &SyncWindow, now: Timestamp) -> Option<bool> {
    let duration = parse_duration(&window.duration)?;
    let schedule = window.schedule.trim();
    if let Some(every) = schedule.strip_prefix("@every ") {
        return Some(parse_duration(every.trim())? <= duration);
    }
    let schedule = NAMED.iter().find(|(name, _)| *name == schedule).map_or(schedule, |(_, fields)| fields);
    let mut options = ParseOptions::default();
    options.fallback_timezone_option = FallbackTimezoneOption::UTC;
    if schedule.split_whitespace().count() != 5 {
        return None;
    }
    let cron = parse_crontab_with(schedule, options).ok()?;
    let since = now.checked_sub(duration).ok()?;
    // A schedule that never fires, such as the 30th of February, is a window that never opens.
    Some(cron.find_next(MakeTimestamp(since)).is_ok_and(|fires| fires.timestamp() <= now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &str, windows: &[(&str, &str)], now: &str, expected: Option<bool>) {
        let windows = windows.iter().map(|(schedule, duration)| SyncWindow { schedule: (*schedule).to_owned(), duration: (*duration).to_owned() });
        let windows = SyncWindows { kind: kind.to_owned(), windows: windows.collect() };
        assert_eq!(allow(Some(&windows), now.parse().unwrap()).ok(), expected, "{windows:?} at {now}");
    }

    #[test]
    fn a_window_is_open_from_its_firing_for_its_duration() {
        let night = [("0 22 * * *", "8h")];
        check("allow", &night, "2026-01-05T21:59:59Z", Some(false));
        check("allow", &night, "2026-01-05T22:00:00Z", Some(true));
        check("allow", &night, "2026-01-06T05:59:59Z", Some(true));
        check("allow", &night, "2026-01-06T06:00:01Z", Some(false));
        check("deny", &night, "2026-01-06T05:00:00Z", Some(false));
        check("deny", &night, "2026-01-06T07:00:00Z", Some(true));
    }

    #[test]
    fn one_open_window_is_enough_and_names_count_as_their_fields() {
        check("allow", &[("0 22 * * *", "1h"), ("@hourly", "10m")], "2026-01-05T12:05:00Z", Some(true));
        check("allow", &[("@hourly", "10m")], "2026-01-05T12:15:00Z", Some(false));
        check("allow", &[("@every 5m", "10m")], "2026-01-05T12:15:00Z", Some(true));
        check("allow", &[("@every 20m", "10m")], "2026-01-05T12:15:00Z", Some(false));
        check("allow", &[("* * 1 1 0", "10m")], "2026-03-04T12:15:00Z", Some(false));
    }

    #[test]
    fn what_is_no_schedule_is_an_error_and_no_closed_window() {
        for (schedule, duration) in [("never", "8h"), ("0 22 * *", "8h"), ("0 22 * * *", "long"), ("0 22 * * * UTC", "8h"), ("61 * * * *", "1h")] {
            check("allow", &[(schedule, duration)], "2026-01-05T12:00:00Z", None);
            check("deny", &[(schedule, duration)], "2026-01-05T12:00:00Z", None);
        }
        check("Allow", &[("@hourly", "1h")], "2026-01-05T12:00:00Z", None);
        assert!(allow(None, Timestamp::UNIX_EPOCH).unwrap());
    }
}
