//! Somebody else who writes the same Secret again and again.

use std::time::Duration;

use tokio::time::Instant;

/// How many writes against somebody else's within [`WINDOW`] are a fight.
const TOLERATED: usize = 2;

/// How long a write counts, and how long it must be quiet for a fight to be over.
const WINDOW: Duration = Duration::from_secs(60);

/// Pauses between writes during a fight double from here, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_secs(10);

/// Longest pause.
const LONGEST: Duration = Duration::from_secs(300);

/// The last writes that undid somebody else's.
#[derive(Debug, Default)]
pub(crate) struct Fights {
    last: [Option<Instant>; TOLERATED],
    on: bool,
    rounds: u32,
    rest_until: Option<Instant>,
}

impl Fights {
    /// Whether a fight is on.
    pub(crate) fn are_on(&self) -> bool {
        self.on
    }

    /// Asks whether somebody else's change may be undone now. If not, says how long to wait; a fight is on from then.
    pub(crate) fn may_undo(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(rest) = self.rest_until.and_then(|until| until.checked_duration_since(now)).filter(|rest| !rest.is_zero()) {
            return Err(rest);
        }
        let recent = self.last.iter().flatten().filter(|when| now.duration_since(**when) < WINDOW).count();
        if recent < TOLERATED || self.rest_until.is_some() {
            return Ok(());
        }
        self.on = true;
        self.rounds += 1;
        let rest = SHORTEST.saturating_mul(1 << (self.rounds - 1).min(8)).min(LONGEST);
        self.rest_until = Some(now + rest);
        Err(rest)
    }

    /// Takes note of a write that undid somebody else's.
    pub(crate) fn undid(&mut self, now: Instant) {
        self.last.rotate_left(1);
        if let Some(last) = self.last.last_mut() {
            *last = Some(now);
        }
        self.rest_until = None;
    }

    /// The Secret was found as it should be: says how long to wait until the fight is over; None if it is.
    pub(crate) fn quiet(&mut self, now: Instant) -> Option<Duration> {
        let since = self.last.iter().flatten().max()?;
        let left = WINDOW.checked_sub(now.duration_since(*since)).filter(|left| self.on && !left.is_zero());
        if left.is_none() {
            self.on = false;
            self.rest_until = None;
            if now.duration_since(*since) >= WINDOW {
                self.rounds = 0;
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_fight_within_a_minute_backs_off_and_no_minute_sees_ten_writes() {
        let (mut fights, start) = (Fights::default(), Instant::now());
        let mut writes: Vec<u64> = Vec::new();
        // Somebody who undoes every write of ours within a second, for ten minutes.
        for second in 0..600 {
            let now = start + Duration::from_secs(second);
            if fights.may_undo(now).is_ok() {
                fights.undid(now);
                writes.push(second);
            }
        }
        assert_eq!(writes[..2], [0, 1], "the first two are undone at once");
        assert!(writes[2] >= 10, "the third waits: {writes:?}");
        assert!(fights.are_on());
        let busiest = (0..600).map(|minute| writes.iter().filter(|write| (minute..minute + 60).contains(*write)).count()).max();
        assert!(busiest <= Some(10), "{writes:?}");
    }

    #[test]
    fn a_fight_is_over_after_a_quiet_minute() {
        let (mut fights, start) = (Fights::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in 0..2 {
            assert!(fights.may_undo(at(second)).is_ok());
            fights.undid(at(second));
        }
        assert_eq!(fights.may_undo(at(2)), Err(Duration::from_secs(10)));
        assert!(fights.may_undo(at(12)).is_ok());
        fights.undid(at(12));
        assert_eq!(fights.quiet(at(13)), Some(Duration::from_secs(59)));
        assert!(fights.are_on());
        assert_eq!(fights.quiet(at(72)), None);
        assert!(!fights.are_on());
    }

    #[test]
    fn edits_that_are_rare_are_no_fight() {
        let (mut fights, start) = (Fights::default(), Instant::now());
        for round in 0..10 {
            let now = start + Duration::from_secs(round * 40);
            assert!(fights.may_undo(now).is_ok(), "round {round}");
            fights.undid(now);
        }
        assert!(!fights.are_on());
    }
}
