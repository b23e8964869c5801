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
        last_transition_time: Some(now),
        observed_generation: object.metadata.generation,
    };
    put(&mut after.conditions, said);
    if let Some((time, version)) = &verdict.synced {
        after.refresh_time = Some(Time(Timestamp::from_second(time.as_second()).unwrap_or_default()));
        after.synced_resource_version = Some(version.clone());
    }
    if verdict.produced.is_some() {
        after.produced.clone_from(&verdict.produced);
    }
    if let Some(name) = &verdict.binding {
        after.binding = Some(Binding { name: name.clone() });
    }
    (after != before).then_some(after)
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
