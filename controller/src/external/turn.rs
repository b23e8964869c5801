//! An ExternalSecret's turn: reads what is due, makes its Secret, and says in status, event and metric how that went.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crds::ExternalSecret;
use crds::external_secret::{ExternalSecretStatus, Produced, StoreRef};
use engine::Error;
use engine::external::gather::{Gathered, gather, texts};
use engine::external::marks::FINALIZER;
use engine::external::rules::{self, Creation, Deletion};
use engine::external::{refresh, windows};
use http::Method;
use jiff::Timestamp;
use keys::SecretBytes;
use serde_json::json;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::aim::Aim;
use super::desk::Counter;
use super::failure::Failure;
use super::status::{self, Verdict};
use super::stores::StoreId;
use super::target::{Left, Made, Material};
use super::texts::{Place, Texts};
use crate::api::Refusal;
use crate::context::Context;
use crate::events::{self, Event};
use crate::key::{Key, Mark};
use crate::lenient::Lenient;
use crate::queue::Work;
use crate::reconciler::{LONGEST, pause};

/// How often a status is written again because somebody else was faster.
const TRIES: usize = 3;

/// How long an object may be there before its store.
const EARLY: Duration = Duration::from_secs(2);

/// Who is looked at.
pub(super) struct Subject<'a> {
    pub(super) key: &'a Key,
    pub(super) object: &'a Arc<ExternalSecret>,
    pub(super) creation: Creation,
    pub(super) target: &'a Key,
}

/// How a turn ended.
enum End {
    /// As it should.
    Good(Box<Verdict>, Option<Event>),
    /// Nothing was to be done; the reason to give if the last turn failed.
    Rest(&'static str),
    /// The object is somebody else's to look at.
    Skip,
    /// It did not.
    Bad(Failure),
}

/// Takes one turn, and asks for the next one.
pub(crate) async fn take_turn(context: Arc<Context>, mut work: Work<ExternalSecret>) {
    let key = work.key.clone();
    let external = &context.external;
    let started = Instant::now();
    let object = match fetch(&context, &key, work.object.take()).await {
        Ok(Some(object)) => object,
        // The watch brings what was made anew.
        Ok(None) => {
            external.queue.done(&key);
            return;
        }
        Err(no) => {
            warn!(object = %key, error = %no, "cannot read the ExternalSecret");
            again(&context, &key, None);
            return;
        }
    };
    if object.metadata.deletion_timestamp.is_some() {
        if let Err(failure) = leave(&context, &key, &object).await {
            warn!(object = %key, error = failure.message, "cannot let the ExternalSecret go");
            again(&context, &key, failure.after);
            return;
        }
        external.queue.done(&key);
        return;
    }
    let object = Arc::new(*object);
    let asked = external.index.begin_turn(&key);
    let end = turn(&context, &key, &object, asked.unwrap_or(work.since).min(work.since)).await;
    if external.index.knows(&object) {
        external.metrics.turned(&key, !matches!(end, End::Bad(_)), started.elapsed());
    }
    finish(&context, (&key, started), object, end).await;
}

async fn finish(context: &Context, (key, started): (&Key, Instant), object: Arc<ExternalSecret>, end: End) {
    let external = &context.external;
    match end {
        End::Skip => external.queue.done(key),
        End::Rest(reason) => {
            let reported = if external.index.settle(key, started) {
                let message = "secret synced".to_owned();
                report(context, key, &object, &Verdict { ready: true, reason, message, synced: None, produced: None, binding: None }).await
            } else {
                write_status(context, key, &object, status::seen).await
            };
            settle(context, key, reported);
        }
        End::Good(verdict, event) => {
            external.index.settle(key, started);
            if let Some(event) = event {
                info!(object = %key, reason = event.reason, "target written");
                tell(context, key, &object, &event).await;
            }
            let reported = report(context, key, &object, &verdict).await;
            settle(context, key, reported);
        }
        End::Bad(_) if is_early(context, key, &object) => {
            // It is called when the store is ready.
            external.index.with(key, |entry| entry.failed = true);
            external.queue.add_later(key.clone(), EARLY);
            external.queue.done(key);
        }
        End::Bad(failure) => {
            external.index.with(key, |entry| entry.failed = true);
            warn!(object = %key, error = failure.message, "cannot make the Secret");
            tell(context, key, &object, &Event { type_: "Warning", reason: "UpdateFailed", message: failure.message.clone() }).await;
            let manifest = object.spec.target.as_ref().is_some_and(|target| target.manifest.is_some());
            let reason = if manifest { "ResourceSyncedError" } else { "SecretSyncedError" };
            let verdict = Verdict { ready: false, reason, message: failure.message, synced: None, produced: None, binding: None };
            let reported = report(context, key, &object, &verdict).await;
            if failure.passing || failure.after.is_some() || reported.is_err() {
                again(context, key, failure.after);
            } else {
                // What a store holds may change, and nobody tells.
                let least = refresh::interval(&object).ok().flatten().unwrap_or(LONGEST).min(LONGEST);
                again_at_least(context, key, least);
            }
        }
    }
}

/// Whether an object of which nothing was told yet came together with its store, which nobody has looked at: that is no failure that anybody should see.
fn is_early(context: &Context, key: &Key, object: &ExternalSecret) -> bool {
    let told = object.status.as_ref().is_some_and(|status| !status.conditions.is_empty());
    let made = object.metadata.creation_timestamp.as_ref();
    let is_new = made.is_some_and(|made| Timestamp::now().duration_since(made.0).unsigned_abs() < EARLY * 2);
    let is_ready = |store: &StoreRef| context.external.stores.get(&StoreId::of(store, key.namespace())).is_some_and(|known| known.ready);
    !told && is_new && !object.stores().iter().all(is_ready)
}

/// The object: as it was held, or read anew. What is gone, or was made anew under the same name, is not brought back by what was held or read of it.
async fn fetch(context: &Context, key: &Key, held: Option<Box<ExternalSecret>>) -> Result<Option<Box<ExternalSecret>>, Refusal> {
    let object = match held {
        Some(object) => Some(object),
        None => read(context, key).await?.map(Box::new),
    };
    let Some(object) = object.filter(|object| context.external.index.knows(object)) else { return Ok(None) };
    context.external.index.observe(&object);
    Ok(Some(object))
}

async fn read(context: &Context, key: &Key) -> Result<Option<ExternalSecret>, Refusal> {
    match context.api.ask::<Lenient<ExternalSecret>>(Method::GET, &path(key), None).await {
        Ok(object) => object.read().map(Some).ok_or_else(|| Refusal::no_answer("the ExternalSecret cannot be read")),
        Err(no) if no.status == 404 => Ok(None),
        Err(no) => Err(no),
    }
}

async fn turn(context: &Arc<Context>, key: &Key, object: &Arc<ExternalSecret>, since: Instant) -> End {
    let now = Timestamp::now();
    if is_of_others(context, key, object) {
        return End::Skip;
    }
    let aim = match Aim::of(context, object).await {
        Ok(aim) => aim,
        Err(failure) => return End::Bad(failure),
    };
    match due(context, key, object, &aim, now).await {
        Ok(Some(cause)) => match sync(context, key, object, &aim, Moment { since, now, cause }).await {
            Ok((verdict, event)) => End::Good(Box::new(verdict), event),
            Err(failure) => End::Bad(failure),
        },
        Ok(None) => End::Rest(aim.words().synced),
        Err(failure) => End::Bad(failure),
    }
}

/// Whether a store of the object is for another class of controllers.
fn is_of_others(context: &Context, key: &Key, object: &ExternalSecret) -> bool {
    let external = &context.external;
    object.stores().iter().any(|store| {
        let known = external.stores.get(&StoreId::of(store, key.namespace()));
        let class = known.as_ref().and_then(|known| known.spec.controller.as_deref()).unwrap_or_default();
        !class.is_empty() && class != external.settings.class
    })
}

/// Why values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// They are due, or what they are made into changed.
    Due,
    /// The Secret is not as it was left.
    Heal,
}

/// Whether and why values are to be read now.
async fn due(context: &Context, key: &Key, object: &ExternalSecret, aim: &Aim, now: Timestamp) -> Result<Option<Cause>, Failure> {
    let invalid = |error: &Error| Failure::from_error("could not get secret data from provider", error);
    rules::check(object).map_err(|error| invalid(&error))?;
    let creation = rules::creation(object).map_err(|error| invalid(&error))?;
    let due = refresh::due(object, now).map_err(|error| invalid(&error))?;
    let external = &context.external;
    let stirred = external.index.with(key, |entry| entry.stirred.is_some()).unwrap_or_default();
    // What is read once is not read again because a store or a template changed; and a failure is no reason of its own, so that policy and windows hold
    // after one.
    if due.now || stirred && !refresh::is_once(object) {
        return Ok(Some(Cause::Due));
    }
    if creation == Creation::Orphan || creation == Creation::None || external.index.is_untouched(key) {
        return Ok(None);
    }
    let target = Key::new(key.namespace(), object.target_name());
    let Some((left, valid)) = aim.look(context, &target).await? else {
        let retained = object.status.as_ref().is_some_and(|status| {
            // What was left out on purpose is not missing: the values were gone, or the Secret is somebody else's to make.
            status
                .conditions
                .iter()
                .any(|condition| condition.reason.as_deref().is_some_and(|reason| reason == aim.words().deleted || reason == aim.words().missing))
        });
        let empty =
            object.status.as_ref().is_some_and(|status| status.produced.is_none() && status.binding.is_none() && status.refresh_time.is_some());
        return Ok((!retained && !empty).then_some(Cause::Heal));
    };
    let version = left.as_version();
    if valid || external.index.with(key, |entry| entry.produced == Some(version)).unwrap_or_default() {
        external.index.made(object, version);
        return Ok(None);
    }
    Ok(Some(Cause::Heal))
}

/// When and why values are read.
struct Moment {
    since: Instant,
    now: Timestamp,
    cause: Cause,
}

async fn sync(
    context: &Arc<Context>,
    key: &Key,
    object: &Arc<ExternalSecret>,
    aim: &Aim,
    Moment { since, now, cause }: Moment,
) -> Result<(Verdict, Option<Event>), Failure> {
    let invalid = |error: &Error| Failure::from_error("could not get secret data from provider", error);
    let creation = rules::creation(object).map_err(|error| invalid(&error))?;
    let deletion = rules::deletion(object).map_err(|error| invalid(&error))?;
    let desk = Counter { context, key, since, used: Mutex::default() };
    let Gathered { data, missing } = gather(object, &desk, now).await.map_err(|error| invalid(&error))?;
    let synced = Some((now, refresh::version(object)));
    let stores = context.external.stores.version(object);
    let (words, name) = (aim.words(), object.target_name());
    let verdict = |reason: &'static str, message: &str, left: Option<&Left>| Verdict {
        ready: true,
        reason,
        message: message.to_owned(),
        synced: synced.clone(),
        produced: left.map(|left| Produced { stores: stores.clone(), texts: Texts::to_status(&used(&desk)), ..aim.produced(left, name) }),
        binding: left.filter(|_| matches!(aim, Aim::Secret)).map(|_| name.to_owned()),
    };
    if !missing.is_empty() {
        let message = format!("provider has no secret for {}", missing.join(", "));
        tell(context, key, object, &Event { type_: "Normal", reason: "MissingProviderSecret", message }).await;
    }
    let target = Key::new(key.namespace(), object.target_name());
    if data.is_empty() {
        match deletion {
            Deletion::Retain => return Ok((verdict(words.synced, "secret retained due to DeletionPolicy=Retain", None), None)),
            Deletion::Delete => {
                let gone = aim.remove(context, object, creation, &target).await?;
                let what = if matches!(aim, Aim::Secret) { "secret deleted".to_owned() } else { aim.told("Deleted", name) };
                let event = gone.then(|| Event { type_: "Normal", reason: "Deleted", message: format!("{what} due to DeletionPolicy=Delete") });
                return Ok((verdict(words.deleted, "secret deleted due to DeletionPolicy=Delete", None), event));
            }
            Deletion::Merge => {}
        }
    }
    let texts = texts(object, &desk).await.map_err(|error| Failure::from_error("could not apply template", &error))?;
    let subject = Subject { key, object, creation, target: &target };
    let made = aim.make(context, &subject, Material { values: data, texts, now, changed: cause == Cause::Due }).await?;
    let event = |reason: &'static str| Some(Event { type_: "Normal", reason, message: aim.told(reason, name) });
    let (left, event) = match made {
        Made::Missing => return Ok((verdict(words.missing, words.not_created, None), None)),
        Made::Nothing => return Ok((verdict(words.synced, "secret synced", None), None)),
        Made::Kept(left) => (left, None),
        Made::Created(left) => (left, event("Created")),
        Made::Updated(left) => (left, event("Updated")),
    };
    context.external.index.made(object, left.as_version());
    if context.external.index.used_texts(key, used(&desk)) {
        context.external.queue.add(key.clone(), None);
    }
    aim.tidy(context, object, &target).await?;
    Ok((verdict(words.synced, "secret synced", Some(&left)), event))
}

/// Where templates were taken from.
fn used(desk: &Counter<'_>) -> BTreeMap<Place, String> {
    desk.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Lets an ExternalSecret go that is being deleted: its Secret goes with it by its owner reference, and sooner if that was asked for.
async fn leave(context: &Arc<Context>, key: &Key, object: &ExternalSecret) -> Result<(), Failure> {
    let finalizers = object.metadata.finalizers.as_deref().unwrap_or_default();
    if !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(());
    }
    if rules::deletion(object).is_ok_and(|deletion| deletion == Deletion::Delete) {
        let target = Key::new(key.namespace(), object.target_name());
        Aim::leave(context, object, &target).await?;
    }
    let left: Vec<&String> = finalizers.iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    let patch = json!({ "metadata": { "finalizers": left, "resourceVersion": object.metadata.resource_version } });
    match context.api.patch(&path(key), &SecretBytes::new(patch.to_string().into_bytes())).await {
        Ok(_) => Ok(()),
        Err(no) if no.status == 404 => Ok(()),
        Err(no) => Err(Failure::from_server("could not remove the finalizer", &no)),
    }
}

/// Asks for the next turn by the clock.
pub(super) fn schedule(context: &Context, key: &Key, object: &ExternalSecret) {
    let Ok(due) = refresh::due(object, Timestamp::now()) else { return };
    let Some(again) = due.again else { return };
    let again = if due.now { Duration::ZERO } else { again };
    // Objects that were made together should not ask together for ever; the lot of each is always the same.
    let lot =
        object.metadata.uid.as_deref().unwrap_or_default().bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 1000;
    let window = Duration::try_from(windows::CHANGES_EVERY).unwrap_or_default();
    let spread = refresh::interval(object).ok().flatten().unwrap_or_default().min(window * 20).mul_f64(f64::from(lot) / 20_000.0);
    context.external.queue.add_later(key.clone(), again + spread);
}

/// Ends the turn and asks for another one, later each time.
fn again(context: &Context, key: &Key, after: Option<Duration>) {
    let doubled = failed_again(context, key);
    context.external.queue.add_later(key.clone(), after.unwrap_or(doubled));
    context.external.queue.done(key);
}

/// The same where trying soon is of no use.
fn again_at_least(context: &Context, key: &Key, least: Duration) {
    let doubled = failed_again(context, key);
    context.external.queue.add_later(key.clone(), doubled.max(least));
    context.external.queue.done(key);
}

/// How long to pause after one more failure.
fn failed_again(context: &Context, key: &Key) -> Duration {
    let failures = context.external.index.with(key, |entry| {
        entry.failures = entry.failures.saturating_add(1);
        entry.failures
    });
    pause(failures.unwrap_or(1))
}

/// Sends an event, unless it was the last one that was sent for this object.
async fn tell(context: &Context, key: &Key, object: &ExternalSecret, event: &Event) {
    let said = Mark::of(&format!("{} {}", event.reason, event.message));
    let news = context.external.index.with(key, |entry| entry.said.replace(said) != Some(said)).unwrap_or(true);
    // What was done is told each time.
    if !news && (event.type_ != "Normal" || event.reason == "MissingProviderSecret") {
        return;
    }
    let about = events::About { api_version: "external-secrets.io/v1", kind: "ExternalSecret", component: "external-secrets" };
    if let Err(no) = events::send_about(context, &about, &object.metadata, event).await {
        debug!(object = %key, error = %no, "cannot send an event");
    }
}

/// Writes the status, if it says something new; the object as it is then.
async fn report(context: &Context, key: &Key, object: &ExternalSecret, verdict: &Verdict) -> Result<ExternalSecret, Refusal> {
    if context.external.index.knows(object) {
        context.external.metrics.judged(key, verdict.ready);
    }
    write_status(context, key, object, |object| status::next(object, verdict, Timestamp::now())).await
}

/// Writes what the status becomes, if it becomes anything; the object as it is then. What a turn found out is said of the object that it looked at, and of no
/// other.
async fn write_status(
    context: &Context,
    key: &Key,
    object: &ExternalSecret,
    next: impl Fn(&ExternalSecret) -> Option<ExternalSecretStatus>,
) -> Result<ExternalSecret, Refusal> {
    let mut object = object.clone();
    for attempt in 0.. {
        let Some(status) = next(&object) else { break };
        let mut body = json!({ "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": object.metadata, "status": status });
        body["spec"] = serde_json::to_value(&object.spec).unwrap_or_default();
        match context.api.tell(Method::PUT, &format!("{}/status", path(key)), &body.to_string().into_bytes().into()).await {
            Ok(version) => {
                object.status = Some(status);
                object.metadata.resource_version = version.or(object.metadata.resource_version);
                break;
            }
            Err(no) if no.status == 404 => break,
            Err(no) if no.is_conflict() && attempt < TRIES => match read(context, key).await? {
                Some(fresh) if (&fresh.metadata.uid, fresh.metadata.generation) == (&object.metadata.uid, object.metadata.generation) => {
                    object = fresh
                }
                // It was changed in the meantime: another turn says what is so now.
                Some(fresh) => {
                    context.external.queue.add(key.clone(), None);
                    return Ok(fresh);
                }
                None => break,
            },
            Err(no) => return Err(no),
        }
    }
    Ok(object)
}

/// A status that could not be written is tried again; otherwise the clock asks for the next turn.
fn settle(context: &Context, key: &Key, reported: Result<ExternalSecret, Refusal>) {
    match reported {
        Ok(object) => {
            schedule(context, key, &object);
            let quiet = context.external.index.with(key, |entry| entry.fights.quiet(Instant::now())).flatten();
            if let Some(rest) = quiet {
                context.external.queue.add_later(key.clone(), rest);
            }
            context.external.queue.done(key);
        }
        Err(no) => {
            warn!(object = %key, error = %no, "cannot write the status");
            again(context, key, None);
        }
    }
}

fn path(key: &Key) -> String {
    format!("/apis/external-secrets.io/v1/namespaces/{}/externalsecrets/{}", key.namespace(), key.name())
}
