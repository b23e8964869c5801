//! When the values of an ExternalSecret are read again.

use std::time::Duration;

use crds::ExternalSecret;
use jiff::Timestamp;
use templates::parse_duration;

use super::marks::synced_version;
use super::windows;
use crate::error::{Error, Result};

/// How long values count as fresh where nothing is said.
///
/// *Source*: external-secrets 2.9.0, the default of the schema.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Shortest interval: whoever writes an object must not be able to have its store asked without pause.
const SHORTEST: Duration = Duration::from_secs(1);

/// The policy by which values are read once.
const ONCE: &str = "CreatedOnce";

/// Which version of the object this is.
#[must_use]
pub fn version(object: &ExternalSecret) -> String {
    let empty = std::collections::BTreeMap::new();
    let metadata = &object.metadata;
    synced_version(
        metadata.generation.unwrap_or_default(),
        metadata.labels.as_ref().unwrap_or(&empty),
        metadata.annotations.as_ref().unwrap_or(&empty),
    )
}

/// Whether values are to be read now, and when to ask again; `None` if only a change can make it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whether they are.
    pub now: bool,
    /// After how long the clock alone may change that, once they were read, or at once if they are not.
    pub again: Option<Duration>,
}

/// Decides by the clock and by what the status remembers. A Secret that is not as it should be is another reason, which counts besides.
///
/// *Source*: external-secrets 2.9.0 `shouldRefresh`; deviation: an interval of zero reads anew when the object changes, as everybody expects, and a finished
/// object rests instead of asking every few minutes.
///
/// # Errors
/// Input: an interval, a policy or a window that is none.
pub fn due(object: &ExternalSecret, now: Timestamp) -> Result<Due> {
    let status = object.status.as_ref();
    let last = status.and_then(|status| status.refresh_time.as_ref()).map(|time| time.0);
    let synced = status.and_then(|status| status.synced_resource_version.as_deref());
    let never = last.is_none() || synced.is_none_or(str::is_empty);
    let changed = synced != Some(&version(object));
    match object.spec.refresh_policy.as_deref() {
        Some(ONCE) => Ok(Due { now: never, again: None }),
        Some("OnChange") => Ok(Due { now: never || changed, again: None }),
        None | Some("" | "Periodic") => periodic(object, last, never || changed, now),
        Some(_) => Err(Error::input("use spec.refreshPolicy: it is none of CreatedOnce, Periodic and OnChange")),
    }
}

/// Whether values are read for the first Secret, and again only to heal it.
#[must_use]
pub fn is_once(object: &ExternalSecret) -> bool {
    object.spec.refresh_policy.as_deref() == Some(ONCE)
}

fn periodic(object: &ExternalSecret, last: Option<Timestamp>, changed: bool, now: Timestamp) -> Result<Due> {
    let Some(interval) = interval(object)? else { return Ok(Due { now: changed, again: None }) };
    if changed {
        return Ok(Due { now: true, again: Some(interval) });
    }
    // A time to come is the word of another clock.
    let elapsed = last.and_then(|last| Duration::try_from(now.duration_since(last)).ok());
    let Some(rest) = elapsed.and_then(|elapsed| interval.checked_sub(elapsed)).filter(|rest| !rest.is_zero()) else {
        let open = windows::allow(object.spec.sync_windows.as_ref(), now)?;
        let again = if open { interval } else { Duration::try_from(windows::CHANGES_EVERY).unwrap_or(INTERVAL) };
        return Ok(Due { now: open, again: Some(again) });
    };
    Ok(Due { now: false, again: Some(rest) })
}

/// A duration as Go reads it; `None` if it is none, or negative.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    Duration::try_from(parse_duration(text)?).ok()
}

/// How long values count as fresh; `None` for ever.
///
/// # Errors
/// Input: it is no duration.
pub fn interval(object: &ExternalSecret) -> Result<Option<Duration>> {
    let Some(text) = object.spec.refresh_interval.as_deref() else { return Ok(Some(INTERVAL)) };
    let interval = parse_duration(text).ok_or_else(|| {
        Error::input("use spec.refreshInterval: it is no duration").advise("Write it as \"1h\", \"90s\" or \"1h30m\"; \"0\" reads the values once")
    })?;
    Ok(Duration::try_from(interval).ok().filter(|interval| !interval.is_zero()).map(|interval| interval.max(SHORTEST)))
}

#[cfg(test)]
mod tests {
    use crds::external_secret::{ExternalSecretStatus, SyncWindow, SyncWindows};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn object(policy: Option<&str>, interval: Option<&str>, synced: Option<i64>) -> ExternalSecret {
        let mut object = ExternalSecret::default();
        object.metadata.generation = Some(1);
        object.spec.refresh_policy = policy.map(str::to_owned);
        object.spec.refresh_interval = interval.map(str::to_owned);
        object.status = synced.map(|seconds| ExternalSecretStatus {
            refresh_time: Some(Time(Timestamp::from_second(seconds).unwrap())),
            synced_resource_version: Some(version(&object)),
            ..ExternalSecretStatus::default()
        });
        object
    }

    #[track_caller]
    fn check(object: &ExternalSecret, now: i64, expected: (bool, Option<u64>)) {
        let due = due(object, Timestamp::from_second(now).unwrap()).unwrap();
        assert_eq!((due.now, due.again.map(|again| again.as_secs())), expected, "{object:?}");
    }

    #[test]
    fn an_interval_that_has_passed_makes_values_due() {
        for policy in [None, Some(""), Some("Periodic")] {
            check(&object(policy, Some("60s"), None), 0, (true, Some(60)));
            check(&object(policy, Some("60s"), Some(100)), 130, (false, Some(30)));
            check(&object(policy, Some("60s"), Some(100)), 160, (true, Some(60)));
            check(&object(policy, Some("60s"), Some(100)), 50, (true, Some(60)));
            check(&object(policy, None, Some(100)), 130, (false, Some(3570)));
        }
    }

    #[test]
    fn without_an_interval_only_a_change_makes_them_due() {
        for interval in ["0", "0s", "-5m"] {
            check(&object(None, Some(interval), None), 0, (true, None));
            check(&object(None, Some(interval), Some(100)), 1_000_000, (false, None));
            let mut changed = object(None, Some(interval), Some(100));
            changed.metadata.generation = Some(2);
            check(&changed, 101, (true, None));
        }
    }

    #[test]
    fn policies_without_a_clock_rest_when_they_are_done() {
        for policy in ["CreatedOnce", "OnChange"] {
            check(&object(Some(policy), Some("1s"), None), 0, (true, None));
            check(&object(Some(policy), Some("1s"), Some(100)), 1_000_000, (false, None));
        }
        let mut forced = object(Some("OnChange"), None, Some(100));
        forced.metadata.annotations = Some([("force-sync".to_owned(), "1".to_owned())].into());
        check(&forced, 101, (true, None));
        forced.spec.refresh_policy = Some("CreatedOnce".to_owned());
        check(&forced, 101, (false, None));
    }

    #[test]
    fn a_closed_window_puts_the_clock_off_and_nothing_else() {
        let window = SyncWindow { schedule: "0 22 * * *".to_owned(), duration: "1h".to_owned() };
        let mut object = object(None, Some("60s"), Some(0));
        object.spec.sync_windows = Some(SyncWindows { kind: "allow".to_owned(), windows: vec![window] });
        check(&object, 3600, (false, Some(60)));
        check(&object, 22 * 3600 + 5, (true, Some(60)));
        object.metadata.generation = Some(2);
        check(&object, 3600, (true, Some(60)));
    }

    #[test]
    fn no_interval_is_shorter_than_a_second() {
        check(&object(None, Some("1ms"), Some(100)), 100, (false, Some(1)));
        check(&object(None, Some("1ns"), Some(100)), 101, (true, Some(1)));
    }

    #[test]
    fn what_is_no_duration_and_no_policy_is_an_error_of_this_object() {
        for (policy, interval) in [(None, Some("soon")), (Some("Sometimes"), None), (None, Some("1 hour")), (None, Some(""))] {
            assert!(due(&object(policy, interval, None), Timestamp::UNIX_EPOCH).is_err(), "{policy:?} {interval:?}");
        }
    }
}
