//! When a store is left alone: its system failed several times in a row, or asked for a pause.

use std::time::Duration;

use providers::{Error, ErrorKind};
use tokio::time::Instant;

/// Failures in a row after which a store is left alone for a while.
const TOLERATED: u32 = 5;

/// Pauses double from here, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_secs(1);

/// Longest pause of our own: after it one request finds out for all others whether the system is back.
const LONGEST: Duration = Duration::from_secs(30);

/// Longest pause that a system may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// How long one request finds out for all others.
const PROBE: Duration = Duration::from_secs(60);

/// How often those that wait are called when a system is back: one that answers every other request must not have all of them on its back each time.
const CALLED: Duration = Duration::from_secs(60);

/// What the last answers of a store's system say.
#[derive(Debug, Default)]
pub(super) struct Rest {
    failures: u32,
    /// Until when nothing is asked; there until the system answers as it should.
    until: Option<Instant>,
    /// When that was decided: what had begun before tells nothing new.
    decided: Option<Instant>,
    /// When the request began that finds out for all others.
    probe: Option<Instant>,
    /// What the system did, in words that hold no name of a secret.
    why: String,
    called: Option<Instant>,
}

impl Rest {
    /// Asks whether a secret may be asked for now.
    ///
    /// # Errors
    /// Busy: the system is left alone; says for how long.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Error> {
        self.is_over(now)?;
        if self.until.is_some() {
            if self.probe.is_some_and(|probe| now.duration_since(probe) < PROBE) {
                return Err(self.refusal(SHORTEST));
            }
            self.probe = Some(now);
        }
        Ok(())
    }

    /// Asks whether the system may be examined now.
    ///
    /// # Errors
    /// As [`Rest::admit`].
    pub(super) fn is_over(&self, now: Instant) -> Result<(), Error> {
        let rest = self.until.and_then(|until| until.checked_duration_since(now)).filter(|rest| !rest.is_zero());
        rest.map_or(Ok(()), |rest| Err(self.refusal(rest)))
    }

    fn refusal(&self, rest: Duration) -> Error {
        Error::busy(format!("ask the store: {}; it is asked again after a pause", self.why)).after(Some(rest))
    }

    /// Whether the system is left alone, or was until nobody knows better.
    pub(super) fn is_on(&self) -> bool {
        self.until.is_some()
    }

    /// Takes note of an answer to what was asked at `started`; says whether those that wait are to be called, since the system is back.
    pub(super) fn answered<T>(&mut self, started: Instant, now: Instant, answer: &Result<T, Error>) -> bool {
        match answer {
            Err(error) if error.kind() == ErrorKind::Busy => {
                self.failed(started, now, error);
                false
            }
            _ => {
                let back = self.until.is_some() && self.called.is_none_or(|called| now.duration_since(called) >= CALLED);
                *self = Self { called: if back { Some(now) } else { self.called }, ..Self::default() };
                back
            }
        }
    }

    /// Takes note of an examination. That it went well does not mean that secrets can be read: whoever asks for one finds out.
    pub(super) fn examined<T>(&mut self, started: Instant, now: Instant, answer: &Result<T, Error>) {
        if let Err(error) = answer
            && error.kind() == ErrorKind::Busy
        {
            self.failed(started, now, error);
        }
    }

    fn failed(&mut self, started: Instant, now: Instant, error: &Error) {
        let asked = error.retry_after().map(|pause| pause.min(LONGEST_ASKED));
        // Those that were under way together are one failure.
        if self.decided.is_some_and(|decided| started < decided) && asked.is_none() {
            return;
        }
        self.probe = None;
        self.failures = self.failures.saturating_add(1);
        let doubled = SHORTEST.saturating_mul(1 << self.failures.saturating_sub(TOLERATED).min(8)).min(LONGEST);
        if let Some(pause) = asked.or((self.failures >= TOLERATED).then_some(doubled)) {
            self.until = Some(now + pause);
            self.decided = Some(now);
            self.why = reason(error);
        }
    }
}

/// What a system did, without what it was asked for.
fn reason(error: &Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(": ") {
        Some((_, why)) => why.to_owned(),
        None => "it failed several times in a row, or asked for a pause".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(pause: Option<u64>) -> Result<(), Error> {
        Err(Error::busy("read secret/data/app from Vault: Vault is sealed").after(pause.map(Duration::from_secs)))
    }

    /// Fails `count` times, one after the other.
    fn fail(rest: &mut Rest, now: Instant, count: u32) {
        (0..count).for_each(|_| assert!(!rest.answered(now, now, &busy(None))));
    }

    #[test]
    fn a_few_failures_are_no_reason_to_leave_a_store_alone() {
        let (mut rest, now) = (Rest::default(), Instant::now());
        for _ in 0..3 {
            fail(&mut rest, now, TOLERATED - 1);
            assert!(rest.admit(now).is_ok());
            assert!(!rest.answered(now, now, &Ok(())), "nobody waits");
        }
        fail(&mut rest, now, TOLERATED);
        let error = rest.admit(now).unwrap_err();
        assert_eq!(error.to_string(), "ask the store: Vault is sealed; it is asked again after a pause");
        assert_eq!(error.retry_after(), Some(SHORTEST));
    }

    #[test]
    fn what_was_under_way_together_is_one_failure() {
        let (mut rest, now) = (Rest::default(), Instant::now());
        fail(&mut rest, now, TOLERATED);
        let later = now + Duration::from_secs(30);
        for _ in 0..100 {
            rest.answered(now - Duration::from_secs(1), later, &busy(None));
        }
        assert_eq!(rest.until, Some(now + SHORTEST));
    }

    #[test]
    fn one_request_finds_out_for_all_others() {
        let (mut rest, mut now) = (Rest::default(), Instant::now());
        fail(&mut rest, now, TOLERATED);
        for pause in [2, 4, 8, 16, 30, 30] {
            now = rest.until.unwrap();
            assert!(rest.admit(now).is_ok() && rest.admit(now).is_err());
            rest.answered(now, now, &busy(None));
            assert_eq!(rest.admit(now).unwrap_err().retry_after(), Some(Duration::from_secs(pause)));
        }
        now = rest.until.unwrap();
        assert!(rest.admit(now).is_ok());
        // One that never comes back keeps nobody out for ever.
        now += PROBE;
        assert!(rest.admit(now).is_ok());
        assert!(rest.answered(now, now, &Ok(())), "those that wait are called");
        assert!(rest.admit(now).is_ok() && rest.admit(now).is_ok());
    }

    #[test]
    fn a_system_is_given_the_pause_that_it_asks_for() {
        let (mut rest, now) = (Rest::default(), Instant::now());
        rest.answered(now, now, &busy(Some(7)));
        assert_eq!(rest.admit(now).unwrap_err().retry_after(), Some(Duration::from_secs(7)));
        rest.answered(now, now, &busy(Some(4000)));
        assert_eq!(rest.admit(now).unwrap_err().retry_after(), Some(LONGEST_ASKED));
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let (mut rest, now) = (Rest::default(), Instant::now());
        fail(&mut rest, now, TOLERATED);
        assert!(rest.answered(now, now, &Err::<(), _>(Error::denied("read a: no"))));
        assert!(rest.admit(now).is_ok());
    }

    #[test]
    fn those_that_wait_are_not_called_at_every_other_answer() {
        let (mut rest, now) = (Rest::default(), Instant::now());
        let mut called = 0;
        for second in 0..120 {
            let now = now + Duration::from_secs(second);
            fail(&mut rest, now, TOLERATED);
            called += u32::from(rest.answered(now, now, &Ok(())));
        }
        assert_eq!(called, 2);
    }
}
