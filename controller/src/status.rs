//! What the status of an object says; pure.

use crds::SealedSecret;
use crds::sealed_secret::{ProducedSecret, SealedSecretCondition, SealedSecretStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The condition that upstream has, and that Argo CD looks at.
pub(crate) const SYNCED: &str = "Synced";

/// The condition that kstatus looks at: false while the Secret is not as the object says.
const READY: &str = "Ready";

/// The condition by which kstatus tells a failure from work in progress; present only while nothing but a change helps.
const STALLED: &str = "Stalled";

/// Every condition of ours.
pub(crate) const CONDITIONS: [&str; 3] = [SYNCED, READY, STALLED];

/// Longest message, in bytes: the server keeps 32,768.
const LONGEST_MESSAGE: usize = 4096;

/// How a turn ended, for the status.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// None if the Secret is as it should be.
    pub(crate) fault: Option<Fault>,
    /// The Secret that was made, if this turn knows; what was remembered stays otherwise.
    pub(crate) produced: Option<ProducedSecret>,
}

/// Why the Secret is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// One word.
    pub(crate) reason: &'static str,
    /// For people; holds no value, time, count or version.
    pub(crate) message: String,
    /// Whether it may pass without a change.
    pub(crate) passing: bool,
}

/// Whether a status says of the present generation that all is well.
pub(crate) fn is_good(object: &SealedSecret) -> bool {
    let Some(status) = &object.status else { return false };
    let is = |name: &str, value: &str| status.conditions.iter().any(|condition| condition.type_ == name && condition.status == value);
    status.observed_generation == object.metadata.generation && is(SYNCED, "True") && !is(READY, "False") && !is(STALLED, "True")
}

/// What the status becomes; None if it already says so.
pub(crate) fn next(object: &SealedSecret, verdict: &Verdict, now: Timestamp) -> Option<SealedSecretStatus> {
    let before = object.status.clone().unwrap_or_default();
    let mut after = before.clone();
    after.observed_generation = object.metadata.generation;
    let (truth, reason, message) = match &verdict.fault {
        None => ("True", "Unsealed", String::new()),
        Some(fault) => ("False", fault.reason, shortened(&fault.message)),
    };
    let now = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    let said = SealedSecretCondition {
        type_: String::new(),
        status: truth.to_owned(),
        last_update_time: Some(now.clone()),
        last_transition_time: Some(now.clone()),
        reason: Some(reason.to_owned()),
        message: Some(message).filter(|message| !message.is_empty()),
    };
    put(&mut after.conditions, SealedSecretCondition { type_: SYNCED.to_owned(), ..said.clone() });
    put(&mut after.conditions, SealedSecretCondition { type_: READY.to_owned(), ..said.clone() });
    match &verdict.fault {
        Some(fault) if !fault.passing => {
            put(&mut after.conditions, SealedSecretCondition { type_: STALLED.to_owned(), status: "True".to_owned(), ..said });
        }
        _ => after.conditions.retain(|condition| condition.type_ != STALLED),
    }
    if let Some(produced) = &verdict.produced {
        // A turn that opened nothing does not know the key; the one that did has told it.
        let known = before.produced.as_ref().filter(|before| before.source_hash == produced.source_hash).and_then(|before| before.key.clone());
        after.produced = Some(ProducedSecret { key: produced.key.clone().or(known), ..produced.clone() });
    }
    if after == before {
        return None;
    }
    // Upstream's column shows the first condition.
    after.conditions.sort_by_key(|condition| condition.type_ != SYNCED);
    if let Some(synced) = after.conditions.first_mut() {
        synced.last_update_time = Some(now);
    }
    Some(after)
}

/// Puts a condition in the place of the one of its type; times stay as they were if nothing else changes.
fn put(conditions: &mut Vec<SealedSecretCondition>, mut said: SealedSecretCondition) {
    let Some(before) = conditions.iter_mut().find(|condition| condition.type_ == said.type_) else {
        conditions.push(said);
        return;
    };
    if before.status == said.status {
        said.last_transition_time.clone_from(&before.last_transition_time);
        if (&before.reason, &before.message) == (&said.reason, &said.message) {
            said.last_update_time.clone_from(&before.last_update_time);
        }
    }
    *before = said;
}

/// A message that fits into a condition.
pub(crate) fn shortened(message: &str) -> String {
    if message.len() <= LONGEST_MESSAGE {
        return message.to_owned();
    }
    let end = (0..=LONGEST_MESSAGE).rev().find(|end| message.is_char_boundary(*end)).unwrap_or_default();
    format!("{}...", &message[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn object(generation: i64, status: Option<SealedSecretStatus>) -> SealedSecret {
        let mut object = SealedSecret { status, ..SealedSecret::default() };
        object.metadata.generation = Some(generation);
        object
    }

    fn good() -> Verdict {
        let produced = ProducedSecret { source_hash: "00".to_owned(), uid: "u".to_owned(), resource_version: "7".to_owned(), key: None };
        Verdict { fault: None, produced: Some(produced) }
    }

    fn bad(message: &str) -> Verdict {
        Verdict { fault: Some(Fault { reason: "Tampered", message: message.to_owned(), passing: false }), produced: None }
    }

    fn condition<'a>(status: &'a SealedSecretStatus, name: &str) -> Option<&'a SealedSecretCondition> {
        status.conditions.iter().find(|condition| condition.type_ == name)
    }

    #[test]
    fn a_status_is_written_only_if_it_says_something_new() {
        let first = next(&object(1, None), &good(), at(10)).unwrap();
        assert!(next(&object(1, Some(first.clone())), &good(), at(20)).is_none());
        let second = next(&object(2, Some(first.clone())), &good(), at(20)).unwrap();
        assert_eq!(second.observed_generation, Some(2));
        let times = |status: &SealedSecretStatus| {
            condition(status, SYNCED).map(|synced| (synced.last_update_time.clone(), synced.last_transition_time.clone()))
        };
        assert_eq!(times(&second), Some((Some(Time(at(20))), Some(Time(at(10))))), "it moved on, but it did not turn");
    }

    #[test]
    fn a_message_that_changes_is_written_while_it_stays_false() {
        let first = next(&object(1, None), &bad("one"), at(10)).unwrap();
        assert!(next(&object(1, Some(first.clone())), &bad("one"), at(20)).is_none());
        let second = next(&object(1, Some(first)), &bad("other"), at(20)).unwrap();
        assert_eq!(condition(&second, SYNCED).unwrap().message.as_deref(), Some("other"));
    }

    #[test]
    fn what_was_made_is_remembered_through_a_failure_and_a_failure_is_forgotten_after_a_success() {
        let first = next(&object(1, None), &good(), at(10)).unwrap();
        let second = next(&object(2, Some(first.clone())), &bad("broken"), at(20)).unwrap();
        assert_eq!(second.produced, first.produced);
        assert_eq!(condition(&second, STALLED).unwrap().status, "True");
        assert_eq!(second.conditions[0].type_, SYNCED);
        let third = next(&object(2, Some(second)), &good(), at(30)).unwrap();
        assert!(condition(&third, STALLED).is_none());
        assert_eq!(condition(&third, SYNCED).unwrap().message, None);
    }

    #[test]
    fn only_a_status_of_this_generation_that_says_so_is_good() {
        let first = next(&object(1, None), &good(), at(10));
        assert!(is_good(&object(1, first.clone())));
        assert!(!is_good(&object(2, first)));
        assert!(!is_good(&object(1, next(&object(1, None), &bad("x"), at(1)))));
        assert!(!is_good(&object(1, None)));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let status = next(&object(1, None), &bad(&"é".repeat(LONGEST_MESSAGE)), at(1)).unwrap();
        let message = condition(&status, SYNCED).unwrap().message.clone().unwrap();
        assert!(message.ends_with("é...") && message.len() <= LONGEST_MESSAGE + 3);
    }
}
