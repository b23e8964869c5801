//! When the next sealing key is due; pure.

use jiff::{SignedDuration, Timestamp};

/// How sealing keys follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Age at which the newest key gets a successor; zero means never.
    pub period: SignedDuration,
    /// Keys that are older than this moment do not count: one that is newer has to be made at once.
    pub cutoff: Option<Timestamp>,
}

/// 30 days, upstream's default.
///
/// *Source*: sealed-secrets `cmd/controller/main.go`, v0.38.4: `--key-renew-period`.
pub const DEFAULT_PERIOD: SignedDuration = SignedDuration::from_hours(720);

/// Ten years, upstream's default for the validity of a certificate.
///
/// *Source*: sealed-secrets `cmd/controller/main.go`, v0.38.4: `--key-ttl`.
pub const DEFAULT_VALIDITY: SignedDuration = SignedDuration::from_hours(87_600);

/// When to make the next key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Now.
    Due,
    /// At this moment.
    At(Timestamp),
    /// Not by itself.
    Never,
}

/// Decides when the next key is due, from the first moment of the newest one.
///
/// A cut-off in the future counts from the moment when it comes: upstream makes a new key at every start until then.
#[must_use]
pub fn next(newest: Option<Timestamp>, schedule: &Schedule, now: Timestamp) -> Renewal {
    let Some(newest) = newest else { return Renewal::Due };
    let cutoff = schedule.cutoff.filter(|cutoff| newest < *cutoff);
    if cutoff.is_some_and(|cutoff| cutoff <= now) {
        return Renewal::Due;
    }
    let periodic = (!schedule.period.is_zero()).then(|| newest.saturating_add(schedule.period).unwrap_or(Timestamp::MAX));
    match periodic.into_iter().chain(cutoff).min() {
        Some(moment) if moment <= now => Renewal::Due,
        Some(moment) => Renewal::At(moment),
        None => Renewal::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[track_caller]
    fn check(newest: Option<i64>, period: i64, cutoff: Option<i64>, now: i64, expected: Renewal) {
        let schedule = Schedule { period: SignedDuration::from_secs(period), cutoff: cutoff.map(at) };
        assert_eq!(next(newest.map(at), &schedule, at(now)), expected);
    }

    #[test]
    fn a_ring_without_a_key_is_due() {
        check(None, 0, None, 5, Renewal::Due);
    }

    #[test]
    fn a_key_is_renewed_when_its_age_reaches_the_period() {
        check(Some(100), 50, None, 149, Renewal::At(at(150)));
        check(Some(100), 50, None, 150, Renewal::Due);
        check(Some(100), 0, None, 10_000, Renewal::Never);
    }

    #[test]
    fn a_cutoff_makes_one_new_key_and_not_before_its_time() {
        check(Some(100), 0, Some(200), 300, Renewal::Due);
        check(Some(200), 0, Some(200), 300, Renewal::Never);
        check(Some(250), 0, Some(200), 300, Renewal::Never);
        check(Some(100), 0, Some(400), 300, Renewal::At(at(400)));
        check(Some(100), 500, Some(400), 300, Renewal::At(at(400)));
        check(Some(100), 250, Some(400), 300, Renewal::At(at(350)));
    }

    #[test]
    fn a_period_beyond_all_time_is_never_reached() {
        check(Some(100), i64::MAX, None, 5, Renewal::At(Timestamp::MAX));
    }
}
