//! A store's turn: asks its system whether we are welcome, and says in status, event and metric what it answers.

use std::sync::Arc;
use std::time::Duration;

use crds::condition::Condition;
use crds::secret_store::{SecretStoreSpec, StoreStatus};
use http::Method;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use keys::SecretBytes;
use providers::provider::Validity;
use providers::{Error, ErrorKind};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{debug, warn};

use super::status::{READY, put};
use super::stores::{Known, StoreId};
use crate::api::Refusal;
use crate::context::Context;
use crate::events::{self, About, Event};
use crate::queue::Work;
use crate::reconciler::jittered;
use crate::status::shortened;

/// How often a status is written again because somebody else was faster.
const TRIES: usize = 3;

/// First and longest pause before a store that does not work is examined again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// A store as far as an examination needs it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AnyStore {
    pub(crate) metadata: ObjectMeta,
    pub(crate) spec: SecretStoreSpec,
    pub(crate) status: Option<StoreStatus>,
}

impl AnyStore {
    fn ready(&self) -> Option<&Condition> {
        self.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == READY)
    }

    /// Whether its status says of this very version that it works.
    pub(crate) fn is_ready(&self) -> bool {
        // external-secrets does not say of which generation it speaks.
        self.ready().is_some_and(|ready| {
            ready.status == "True" && ready.observed_generation.is_none_or(|generation| Some(generation) == self.metadata.generation)
        })
    }
}

/// Examines one store, and asks for the next time.
pub(crate) async fn take_turn(context: Arc<Context>, work: Work<()>) {
    let id = StoreId(work.key.clone());
    if let Some(store) = context.external.stores.get(&id).filter(|store| is_ours(&context, store)) {
        let again = examine(&context, &store).await;
        context.external.examinations.add_later(id.0.clone(), again);
    }
    context.external.examinations.done(&work.key);
}

fn is_ours(context: &Context, store: &Known) -> bool {
    let class = store.spec.controller.as_deref().unwrap_or_default();
    (class.is_empty() || class == context.external.settings.class) && (!store.id.is_cluster() || context.external.settings.cluster_stores)
}

/// How often a store is examined.
///
/// # Errors
/// Invalid: the interval is none.
pub(crate) fn interval(context: &Context, spec: &SecretStoreSpec) -> Result<Duration, Error> {
    let wrong = || Error::invalid("use spec.refreshInterval: it is neither a number of seconds nor a duration such as \"5m\"");
    let seconds = |number: i64| u64::try_from(number).map(Duration::from_secs).map_err(|_| wrong());
    let interval = match &spec.refresh_interval {
        None => Duration::ZERO,
        Some(Value::Number(number)) => seconds(number.as_i64().ok_or_else(wrong)?)?,
        Some(Value::String(text)) => match text.parse() {
            Ok(number) => seconds(number)?,
            Err(_) => engine::external::refresh::duration(text).ok_or_else(wrong)?,
        },
        Some(_) => return Err(wrong()),
    };
    Ok(if interval.is_zero() { context.external.settings.store_interval } else { interval })
}

async fn examine(context: &Arc<Context>, store: &Arc<Known>) -> Duration {
    let interval = interval(context, &store.spec);
    let found = match &interval {
        Ok(_) => validate(context, store).await,
        Err(error) => Err(error.clone()),
    };
    let (ready, reason, message) = match &found {
        Ok(Validity::Valid) => (true, "Valid", "store validated".to_owned()),
        Ok(Validity::Unknown) => (true, "ValidationUnknown", "could not determine validation status".to_owned()),
        Err(error) => (false, "InvalidProviderConfig", format!("unable to validate store: cannot {error}")),
    };
    let external = &context.external;
    if external.stores.knows(store) {
        external.metrics.store_judged(&store.id.0, ready);
    }
    // A system that is away for a moment makes no store invalid that worked: its objects say what happens to them.
    let away = found.as_ref().is_err_and(|error| error.kind() == ErrorKind::Busy) && store.ready;
    let news = !away && external.stores.judge(store, ready);
    if !away && let Err(no) = report(context, store, ready, reason, &message).await {
        warn!(store = store.id.title(), error = %no, "cannot write the status");
    }
    if ready && news {
        // Whoever waited need not wait for the end of a pause.
        for key in external.index.waiting_for(&store.id) {
            external.queue.add(key, None);
        }
    }
    match (found, interval) {
        (Ok(_), Ok(interval)) => interval + jittered(interval / 10),
        (Err(error), _) => {
            debug!(store = store.id.title(), error = %error, "the store does not work");
            let pause = error.retry_after().unwrap_or(if error.kind() == ErrorKind::Invalid { PAUSES.1 } else { PAUSES.0 * 6 });
            jittered(pause.clamp(PAUSES.0, PAUSES.1))
        }
        (Ok(_), Err(_)) => PAUSES.1,
    }
}

async fn validate(context: &Arc<Context>, store: &Arc<Known>) -> Result<Validity, Error> {
    let system = match store.connect(context, "").await {
        Ok(system) => system,
        // A store whose credentials lie in the namespaces of its consumers cannot be examined without one.
        Err(error) if error.kind() == ErrorKind::Denied && store.is_personal() => return Ok(Validity::Unknown),
        Err(error) => return Err(error),
    };
    match &system.source {
        Some(source) => store.examined(context, source.validate()).await,
        None => Ok(Validity::Valid),
    }
}

async fn report(context: &Context, store: &Known, ready: bool, reason: &'static str, message: &str) -> Result<(), Refusal> {
    for attempt in 0..=TRIES {
        let Some(object) = read(context, &store.id).await? else { return Ok(()) };
        if object.metadata.generation != Some(store.generation) {
            return Ok(());
        }
        let before = object.status.clone().unwrap_or_default();
        let mut after = before.clone();
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
        let said = Condition {
            type_: READY.to_owned(),
            status: if ready { "True" } else { "False" }.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(shortened(message)),
            last_transition_time: Some(Time(now)),
            observed_generation: object.metadata.generation,
        };
        after.observed_generation = object.metadata.generation;
        put(&mut after.conditions, said);
        after.capabilities = Some("ReadOnly".to_owned()).filter(|_| ready).or(after.capabilities);
        if after == before {
            return Ok(());
        }
        let kind = if store.id.is_cluster() { "ClusterSecretStore" } else { "SecretStore" };
        let mut body = json!({ "apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": object.metadata, "status": after });
        body["spec"] = json!({ "provider": store.spec.provider });
        let body = SecretBytes::new(body.to_string().into_bytes());
        match context.api.send(Method::PUT, &format!("{}/status", path(&store.id)), Some(&body)).await {
            Ok(_) => {
                let type_ = if ready && reason == "Valid" { "Normal" } else { "Warning" };
                let about = About {
                    api_version: "external-secrets.io/v1",
                    kind,
                    component: if store.id.is_cluster() { "cluster-secret-store" } else { "secret-store" },
                };
                let event = Event { type_, reason, message: message.to_owned() };
                if let Err(no) = events::send_about(context, &about, &object.metadata, &event).await {
                    debug!(store = store.id.title(), error = %no, "cannot send an event");
                }
                return Ok(());
            }
            Err(no) if no.status == 404 => return Ok(()),
            Err(no) if no.is_conflict() && attempt < TRIES => {}
            Err(no) => return Err(no),
        }
    }
    Ok(())
}

async fn read(context: &Context, id: &StoreId) -> Result<Option<AnyStore>, Refusal> {
    match context.api.ask::<AnyStore>(Method::GET, &path(id), None).await {
        Ok(store) => Ok(Some(store)),
        Err(no) if no.status == 404 => Ok(None),
        Err(no) => Err(no),
    }
}

fn path(id: &StoreId) -> String {
    if id.is_cluster() {
        format!("/apis/external-secrets.io/v1/clustersecretstores/{}", id.name())
    } else {
        format!("/apis/external-secrets.io/v1/namespaces/{}/secretstores/{}", id.namespace(), id.name())
    }
}
