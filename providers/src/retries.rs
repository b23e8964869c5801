//! How often requests to the system of a store are sent again, as its author says it.
//!
//! *Source*: external-secrets 2.9.0, where the providers of Vault and AWS honour it.

use std::time::Duration;

use crate::duration;
use crate::error::{Error, Result};
use crate::http::Settings;
use crate::selector::RetrySettings;

/// The most that is sent again, whatever is asked for: the queue that asks comes back anyway.
const MOST: u32 = 10;

/// The shortest pause, whatever is asked for.
const SHORTEST: Duration = Duration::from_millis(100);

/// Settings of a client that sends as often as is said; `silent` times, where settings for it are there and say nothing of that.
///
/// # Errors
/// Invalid, with the field.
pub(crate) fn honoured(retries: Option<&RetrySettings>, silent: u32, settings: Settings) -> Result<Settings> {
    let Some(RetrySettings { max_retries, retry_interval }) = retries else { return Ok(settings) };
    let wrong = |what: &str| Error::invalid(format!("use the store: spec.retrySettings.{what}"));
    let times = match max_retries {
        Some(times) => u32::try_from(*times).map_err(|_| wrong("maxRetries is less than nothing"))?,
        None => silent,
    };
    let settings = Settings { retries: times.min(MOST), ..settings };
    let Some(text) = retry_interval.as_deref().filter(|text| !text.is_empty()) else { return Ok(settings) };
    let pause = duration::read(text).ok_or_else(|| wrong("retryInterval is no duration such as \"2s\""))?;
    Ok(Settings { pause: pause.max(SHORTEST), is_steady: true, ..settings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(max_retries: Option<i32>, retry_interval: Option<&str>, expected: std::result::Result<(u32, u128, bool), &str>) {
        let retries = RetrySettings { max_retries, retry_interval: retry_interval.map(str::to_owned) };
        let settings = Settings { retries: 7, ..Settings::default() };
        let found = honoured(Some(&retries), 3, settings).map(|found| (found.retries, found.pause.as_millis(), found.is_steady));
        let expected = expected.map_err(|what| format!("use the store: spec.retrySettings.{what}"));
        assert_eq!(found.map_err(|error| error.to_string()), expected, "{retries:?}");
    }

    #[test]
    fn what_a_store_says_of_retries_is_read_and_bounded() {
        check(None, None, Ok((3, 250, false)));
        check(Some(0), Some("2s"), Ok((0, 2_000, true)));
        check(Some(5), Some(""), Ok((5, 250, false)));
        check(Some(i32::MAX), Some("0s"), Ok((10, 100, true)));
        check(Some(-1), None, Err("maxRetries is less than nothing"));
        check(Some(1), Some("soon"), Err("retryInterval is no duration such as \"2s\""));
        check(Some(1), Some("-1s"), Err("retryInterval is no duration such as \"2s\""));
        let untouched = honoured(None, 3, Settings { retries: 7, ..Settings::default() });
        assert_eq!(untouched.unwrap().retries, 7);
    }
}
