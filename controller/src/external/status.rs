//! What the status of an ExternalSecret says: external-secrets' own reasons, with the cause in the message.

use crds::ExternalSecret;
use crds::condition::Condition;
use crds::external_secret::{Binding, ExternalSecretStatus, Produced};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::status::shortened;

/// The one condition that external-secrets writes.
pub(super) const READY: &str = "Ready";

/// How a turn ended.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) ready: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// What was read, and when; None if nothing was.
    pub(super) synced: Option<(Timestamp, String)>,
    /// The Secret that was written or found.
    pub(super) produced: Option<Produced>,
    /// Its name, if it was written.
    pub(super) binding: Option<String>,
}

/// The status that should be written; None if the one that is there says the same.
pub(super) fn next(object: &ExternalSecret, verdict: &Verdict, now: Timestamp) -> Option<ExternalSecretStatus> {
    let before = object.status.clone().unwrap_or_default();
    let mut after = before.clone();
    let now = Time(Timestamp::from_second(now.as_second()).unwrap_or_default());
    let said = Condition {
        type_: READY.to_owned(),
        status: if verdict.ready { "True" } else { "False" }.to_owned(),
        reason: Some(verdict.reason.to_owned()),
        message: Some(shortened(&verdict.message)),
        last_transition_time: Some(now.clone()),
        observed_generation: object.metadata.generation,
    };
    after.observed_generation = object.metadata.generation;
    put(&mut after.conditions, said);
    if let Some((time, version)) = &verdict.synced {
        // Argo CD waits until the condition of such an object is not older than its values, whether it changed or not.
        if object.spec.refresh_policy.as_deref() == Some("OnChange") {
            let ready = after.conditions.iter_mut().find(|condition| condition.type_ == READY);
            ready.into_iter().for_each(|ready| ready.last_transition_time = Some(now.clone()));
        }
        after.refresh_time = Some(Time(Timestamp::from_second(time.as_second()).unwrap_or_default()));
        after.synced_resource_version = Some(version.clone());
    }
    if verdict.produced.is_some() {
        after.produced.clone_from(&verdict.produced);
        if verdict.binding.is_none() {
            // It became something else than a Secret.
            after.binding = None;
        }
    }
    if let Some(name) = &verdict.binding {
        after.binding = Some(Binding { name: name.clone() });
    }
    (after != before).then_some(after)
}

/// The status of an object that was edited in nothing that matters; None if it speaks of the object as it is.
pub(super) fn seen(object: &ExternalSecret) -> Option<ExternalSecretStatus> {
    let mut status = object.status.clone()?;
    // Where the definition knows no such field, none is written again and again.
    if status.observed_generation.is_none_or(|seen| Some(seen) == object.metadata.generation) {
        return None;
    }
    status.observed_generation = object.metadata.generation;
    for condition in status.conditions.iter_mut().filter(|condition| condition.type_ == READY) {
        condition.observed_generation = object.metadata.generation;
    }
    Some(status)
}

/// Puts a condition in the place of the one of its type; the time stays as it was if its status does.
pub(super) fn put(conditions: &mut Vec<Condition>, mut said: Condition) {
    let Some(before) = conditions.iter_mut().find(|condition| condition.type_ == said.type_) else {
        conditions.push(said);
        return;
    };
    if before.status == said.status {
        said.last_transition_time.clone_from(&before.last_transition_time);
    }
    *before = said;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn good(second: i64) -> Verdict {
        let synced = Some((at(second), format!("{second}-x")));
        Verdict { ready: true, reason: "SecretSynced", message: "secret synced".to_owned(), synced, produced: None, binding: None }
    }

    /// Times of the condition and of the values, after two turns.
    fn times(policy: Option<&str>) -> (Option<Time>, Option<Time>) {
        let mut object = ExternalSecret::default();
        object.spec.refresh_policy = policy.map(str::to_owned);
        object.metadata.generation = Some(1);
        for second in [100, 200] {
            object.status = next(&object, &good(second), at(second));
        }
        let status = object.status.unwrap();
        assert_eq!((status.observed_generation, status.conditions.len()), (Some(1), 1));
        (status.conditions[0].last_transition_time.clone(), status.refresh_time)
    }

    #[test]
    fn the_condition_of_what_is_read_on_change_is_as_young_as_its_values() {
        assert_eq!(times(Some("OnChange")), (Some(Time(at(200))), Some(Time(at(200)))));
        for policy in [None, Some("Periodic"), Some("CreatedOnce")] {
            assert_eq!(times(policy), (Some(Time(at(100))), Some(Time(at(200)))));
        }
    }

    #[test]
    fn an_edit_that_is_not_read_is_seen() {
        let mut object = ExternalSecret::default();
        object.metadata.generation = Some(1);
        object.status = next(&object, &good(100), at(100));
        assert_eq!(seen(&object), None);
        object.metadata.generation = Some(2);
        let status = seen(&object).unwrap();
        assert_eq!((status.observed_generation, status.conditions[0].observed_generation), (Some(2), Some(2)));
        // Under a definition that knows no such field nothing is written.
        object.status.as_mut().unwrap().observed_generation = None;
        assert_eq!(seen(&object), None);
    }
}
