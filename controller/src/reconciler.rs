//! An object's turn: opens it, makes its Secret, and says in status, event and metric how that went.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crds::SealedSecret;
use crds::sealed_secret::ProducedSecret;
use engine::open::{Pass, Progress};
use engine::policy::{Memory, Reason};
use engine::{Error, source, unseal};
use http::Method;
use jiff::Timestamp;
use keys::{Fingerprint, SecretBytes};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::api::Refusal;
use crate::apply::{self, Applied, Order, apply};
use crate::context::Context;
use crate::events;
use crate::index::Produced;
use crate::key::{Key, Mark};
use crate::lenient::Lenient;
use crate::queue::Work;
use crate::secrets::{Live, Wanted, owner};
use crate::slots::Line;
use crate::status::{self, Verdict};
use crate::step::{Subject, step};
use crate::trouble::Trouble;

/// Private operations of one turn: enough for every honest object; one that needs more goes on behind the others of its namespace.
const BUDGET: usize = 256;

/// How often a status is written again because somebody else was faster.
const TRIES: usize = 3;

/// Pauses before another try double from here, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_secs(1);

/// Longest pause before another try.
pub(crate) const LONGEST: Duration = Duration::from_secs(300);

/// Types of Secrets that make their holder somebody: whoever may write a SealedSecret must not get them for nothing.
///
/// *Source*: the token controller fills the first with a token of any service account; kube-apiserver takes the second for a node's credential.
pub(crate) const RESERVED_TYPES: [&str; 2] = ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"];

/// How a turn ended.
enum End {
    /// The Secret is as it should be; the event is told if something was done.
    Good { produced: ProducedSecret, did: Option<Reason>, quiet_in: Option<Duration> },
    /// The budget is spent.
    Paused(Pass),
    /// It is not.
    Bad(Trouble),
}

/// What was known when a turn began.
#[derive(Clone, Copy)]
struct Attempt {
    digest: Fingerprint,
    ring: u64,
}

/// Takes one turn, and asks for the next one if need be.
pub(crate) async fn take_turn(context: Arc<Context>, mut work: Work) {
    let key = work.key.clone();
    context.metrics.waited(work.since.elapsed());
    if work.pass.is_none() && context.index.is_settled(&key) {
        context.queue.done(&key);
        return;
    }
    context.index.with(&key, |entry| entry.begin());
    let started = Instant::now();
    let (object, digest) = match fetch(&context, &mut work).await {
        Ok(Some(fetched)) => fetched,
        Ok(None) => {
            context.queue.done(&key);
            return;
        }
        Err(no) => {
            warn!(object = %key, error = %no, "cannot read the SealedSecret");
            again(&context, &key, None);
            return;
        }
    };
    context.metrics.unseal_requests.inc();
    let attempt = Attempt { digest, ring: context.keyring.stamp() };
    let end = turn(&context, &key, &object, digest, work.pass.take()).await;
    context.metrics.took(started.elapsed());
    match end {
        End::Paused(pass) => context.queue.pause(Work { object: Some(object), pass: Some(pass), ..work }),
        End::Good { produced, did, quiet_in } => good(&context, (&key, digest), *object, produced, did, quiet_in).await,
        End::Bad(trouble) => bad(&context, &key, *object, attempt, trouble).await,
    }
}

/// The object, as it was held or read anew, and its digest.
async fn fetch(context: &Context, work: &mut Work) -> Result<Option<(Box<SealedSecret>, Fingerprint)>, Refusal> {
    let (object, held) = match work.object.take() {
        Some(object) => (Some(object), true),
        None => (read(context, &work.key).await?.map(Box::new), false),
    };
    // What is gone, or was made anew under the same name, is not brought back by what was held of it.
    let Some(object) = object.filter(|object| object.metadata.deletion_timestamp.is_none() && context.index.knows(&**object)) else {
        return Ok(None);
    };
    // What was held is known since it came.
    if held && let Some(digest) = context.index.digest_of(&*object) {
        return Ok(Some((object, digest)));
    }
    let digest = source::digest(&object);
    learn(context, &object, digest);
    Ok(Some((object, digest)))
}

async fn read(context: &Context, key: &Key) -> Result<Option<SealedSecret>, Refusal> {
    match context.api.ask::<Lenient<SealedSecret>>(Method::GET, &path(key), None).await {
        Ok(object) => object.read().map(Some).ok_or_else(|| Refusal::no_answer("the SealedSecret cannot be read")),
        Err(no) if no.status == 404 => Ok(None),
        Err(no) => Err(no),
    }
}

async fn turn(context: &Arc<Context>, key: &Key, object: &SealedSecret, digest: Fingerprint, pass: Option<Pass>) -> End {
    let (produced, secret) = context.index.with(key, |entry| (entry.produced(), entry.secret())).unwrap_or_default();
    let memory = match produced {
        None => Memory::Never,
        Some(produced) if produced.digest == digest => Memory::Same,
        Some(_) => Memory::Other,
    };
    if memory == Memory::Same && secret.is_some() && pass.is_none() {
        match untouched(context, key, object, produced).await {
            Ok(Some(live)) => return keep(context, key, digest, &live, None, None),
            Ok(None) => {}
            Err(trouble) => return End::Bad(trouble),
        }
    }
    let (items, by) = match open(context, key, object, pass).await {
        Ok(Progress::Done(items, by)) => (items, by),
        Ok(Progress::Paused(pass)) => return End::Paused(pass),
        Err(trouble) => return End::Bad(trouble),
    };
    let unsure = memory == Memory::Same && produced.is_some_and(|produced| produced.tag.is_none());
    let wanted = match assemble(object, items, unsure).await {
        Ok(wanted) => wanted,
        Err(trouble) => return End::Bad(trouble),
    };
    if let Some(trouble) = forbidden(context, key, &wanted) {
        return End::Bad(trouble);
    }
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let exists = secret.is_some() || context.settings.skip_recreate;
    match apply(context, &Order { key, uid, wanted: &wanted, memory, exists }).await {
        Ok(Applied::Kept(live)) => keep(context, key, digest, &live, None, by),
        Ok(Applied::Wrote(live, reason)) => keep(context, key, digest, &live, Some(reason), by),
        Err(trouble) => End::Bad(trouble),
    }
}

/// Whether the Secret was changed in what is not ours only: then nothing needs to be opened.
async fn untouched(context: &Context, key: &Key, object: &SealedSecret, produced: Option<Produced>) -> Result<Option<Live>, Trouble> {
    let Some(tag) = produced.and_then(|produced| produced.tag) else { return Ok(None) };
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let metadata = object.spec.template.as_ref().map(|template| template.metadata.clone()).unwrap_or_default();
    let ours = |live: &Live| live.belongs_to(uid) && live.tag(&context.tagger) == tag && live.has_metadata(&metadata, None) && !live.is_going();
    Ok(apply::read(context, key).await?.filter(ours))
}

/// `by` is the identity of the key that opened the object; None if this turn opened nothing.
fn keep(context: &Context, key: &Key, digest: Fingerprint, live: &Live, did: Option<Reason>, by: Option<Fingerprint>) -> End {
    let produced = Produced { digest, secret: live.version(), tag: Some(live.tag(&context.tagger)) };
    let quiet_in = context.index.with(key, |entry| {
        entry.set_produced(produced);
        entry.fights.quiet(Instant::now())
    });
    let produced = ProducedSecret {
        source_hash: digest.to_string(),
        uid: live.uid().to_owned(),
        resource_version: live.resource_version().to_owned(),
        key: by.and_then(|by| context.keyring.certificate_of(by)).map(|certificate| certificate.to_string()),
    };
    End::Good { produced, did, quiet_in: quiet_in.flatten() }
}

/// Opens the items, one private operation at a time, each in a slot of its own.
async fn open(context: &Arc<Context>, key: &Key, object: &SealedSecret, pass: Option<Pass>) -> Result<Progress, Trouble> {
    if unseal::is_blob(object) && !context.settings.accept_deprecated_v1_data {
        let message = "the object has the deprecated spec.data, which --accept-deprecated-v1-data=false refuses";
        return Err(Trouble::lasting("Invalid", message));
    }
    let object = Arc::new(unseal::to_open(object).map_err(|error| Trouble::from_error(&error))?.into_owned());
    let pass = pass.map_or_else(|| Pass::begin(&object), |pass| pass.resume(&object));
    let subject = Subject { object, ring: context.keyring.ring() };
    let stepped = step(&context.slots, (Line::Object, key.namespace()), &subject, pass, BUDGET).await;
    stepped.map_err(|_| Trouble::bug("an item could not be opened"))?.map_err(|errors| Trouble::from_errors(&errors))
}

/// Renders the template, away from the threads that serve everybody: it may take a while. Where a former process made a Secret of the same, and nobody
/// knows whether its data was changed since, it is rendered twice, which shows what is random in it: that stays as it is.
async fn assemble(object: &SealedSecret, items: BTreeMap<String, SecretBytes>, unsure: bool) -> Result<Wanted, Trouble> {
    let owner = owner(object);
    let now = Timestamp::now();
    let compose = move |object: &SealedSecret, items| unseal::assemble(object, items, Some(now));
    let told = |errors: Vec<Error>| Trouble::from_errors(&errors);
    if object.spec.template.as_ref().is_none_or(|template| template.data.as_ref().is_none_or(BTreeMap::is_empty)) {
        return compose(object, items).map(|desired| Wanted::new(desired, &owner)).map_err(told);
    }
    let object = object.clone();
    let rendered = spawn_blocking(move || {
        let again = unsure.then(|| items.iter().map(|(key, item)| (key.clone(), item.duplicate())).collect());
        let mut wanted = Wanted::new(compose(&object, items)?, &owner);
        if let Some(items) = again {
            wanted.compare(&compose(&object, items)?.data);
        }
        Ok(wanted)
    });
    rendered.await.map_err(|_| Trouble::bug("a template could not be rendered"))?.map_err(told)
}

/// Secrets that no SealedSecret may become.
fn forbidden(context: &Context, key: &Key, wanted: &Wanted) -> Option<Trouble> {
    if wanted.claims_to_be_a_sealing_key() {
        return Some(Trouble::lasting("Refused", "the template has the label of sealing keys, which no Secret that is made may have"));
    }
    if context.settings.is_legacy_key(key) {
        return Some(Trouble::lasting("Refused", "the first versions called their sealing key so, and no Secret that is made may have that name"));
    }
    let type_ = wanted.type_();
    let refused = RESERVED_TYPES.contains(&type_) && !context.settings.allow_secret_type.iter().any(|allowed| allowed == type_);
    refused.then(|| Trouble::lasting("Refused", format!("Secrets of type {type_} are made only if --allow-secret-type={type_} is set")))
}

async fn good(
    context: &Context,
    (key, digest): (&Key, Fingerprint),
    object: SealedSecret,
    produced: ProducedSecret,
    did: Option<Reason>,
    quiet_in: Option<Duration>,
) {
    context.index.with(key, |entry| entry.failures = 0);
    if let Some(reason) = did {
        info!(object = %key, reason = ?reason, "Secret written");
        tell(context, key, &object, &events::UNSEALED).await;
    }
    if let Some(rest) = quiet_in {
        // A fight is not over yet: the status goes on saying so.
        context.queue.add_later(key.clone(), rest);
        context.queue.done(key);
        return;
    }
    context.metrics.succeeded();
    let reported = report(context, (key, digest), object, &Verdict { fault: None, produced: Some(produced) }).await;
    after_report(context, key, &reported);
    if reported.is_ok() {
        context.queue.done(key);
    }
}

async fn bad(context: &Context, key: &Key, object: SealedSecret, attempt: Attempt, trouble: Trouble) {
    let namespace = key.namespace();
    context.metrics.failed(trouble.metric, namespace);
    warn!(object = %key, reason = trouble.fault.reason, error = %trouble.fault.message, "cannot make the Secret");
    tell(context, key, &object, &events::Event { type_: "Warning", reason: trouble.event, message: trouble.event_message() }).await;
    let after = trouble.after;
    // Without a watch on Secrets nobody tells that one is out of the way.
    let blind = context.settings.skip_recreate && matches!(trouble.fault.reason, "Immutable" | "Unmanaged");
    let after = after.or(blind.then_some(LONGEST));
    let retried = trouble.fault.passing || after.is_some();
    let reported = report(context, (key, attempt.digest), object, &Verdict { fault: Some(trouble.fault), produced: None }).await;
    if retried {
        again(context, key, after);
        return;
    }
    if reported.is_err() {
        after_report(context, key, &reported);
        return;
    }
    context.index.with(key, |entry| entry.set_refused(attempt.digest, attempt.ring));
    // Asked afterwards: a key that comes from now on finds what is refused.
    if context.keyring.stamp() != attempt.ring {
        // A key came while this turn was under way.
        context.index.with(key, |entry| entry.unrefuse(context.keyring.stamp()));
        context.queue.add(key.clone(), None);
    }
    context.queue.done(key);
}

/// A status that could not be written is tried again.
fn after_report(context: &Context, key: &Key, reported: &Result<(), Refusal>) {
    if let Err(no) = reported {
        context.metrics.failed("status", key.namespace());
        warn!(object = %key, error = %no, "cannot write the status");
        again(context, key, None);
    }
}

/// Ends the turn and asks for another one, later each time, and never at the same time as all others.
fn again(context: &Context, key: &Key, after: Option<Duration>) {
    let failures = context.index.with(key, |entry| {
        entry.failures = entry.failures.saturating_add(1);
        entry.delay();
        entry.failures
    });
    let delay = after.unwrap_or_else(|| pause(failures.unwrap_or(1)));
    context.queue.add_later(key.clone(), delay);
    context.queue.done(key);
}

/// The pause after so many failures in a row: longer each time, and never the same for all.
pub(crate) fn pause(failures: u32) -> Duration {
    jittered(SHORTEST.saturating_mul(1 << failures.saturating_sub(1).min(9)).min(LONGEST))
}

/// Half to all of a pause.
pub(crate) fn jittered(pause: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    // A hasher that is drawn at random anew is all the dice that this needs.
    let dice = RandomState::new().hash_one(0) % 1000;
    pause / 2 + pause.mul_f64(f64::from(u32::try_from(dice).unwrap_or_default()) / 2000.0)
}

/// Sends an event, unless it was the last one that was sent for this object and nothing was done.
async fn tell(context: &Context, key: &Key, object: &SealedSecret, event: &events::Event) {
    let said = Mark::of(&format!("{} {}", event.reason, event.message));
    let news = context.index.with(key, |entry| entry.said.replace(said) != Some(said)).unwrap_or(true);
    if (news || event.type_ == "Normal")
        && let Err(no) = events::send(context, object, event).await
    {
        debug!(object = %key, error = %no, "cannot send an event");
    }
}

/// Writes the status, if it says something new, and the metric.
async fn report(context: &Context, (key, digest): (&Key, Fingerprint), mut object: SealedSecret, verdict: &Verdict) -> Result<(), Refusal> {
    for attempt in 0.. {
        let Some(status) = status::next(&object, verdict, Timestamp::now()) else { break };
        object.status = Some(status);
        if !context.settings.update_status {
            break;
        }
        // A SealedSecret that was read can be written.
        let body = serde_json::to_vec(&object).unwrap_or_default();
        match context.api.tell(Method::PUT, &format!("{}/status", path(key)), &SecretBytes::new(body)).await {
            Ok(version) => {
                // What the watch is going to say of it is known by that.
                object.metadata.resource_version = version.or(object.metadata.resource_version);
                break;
            }
            Err(no) if no.status == 404 => return Ok(()),
            Err(no) if no.is_conflict() && attempt < TRIES => match read(context, key).await? {
                Some(fresh) if source::digest(&fresh) == digest => object = fresh,
                // It was changed in the meantime: another turn says what is so now.
                Some(fresh) => {
                    learn(context, &fresh, source::digest(&fresh));
                    context.queue.add(key.clone(), Some(fresh));
                    return Ok(());
                }
                None => return Ok(()),
            },
            Err(no) => return Err(no),
        }
    }
    learn(context, &object, digest);
    Ok(())
}

/// Takes note of a version of the object, unless it is gone: the watch, when it comes to it, brings no news.
fn learn(context: &Context, object: &SealedSecret, digest: Fingerprint) {
    if context.index.knows(object) {
        context.metrics.judged(object);
        context.index.observe_source(object, digest, true);
    }
}

fn path(key: &Key) -> String {
    format!("/apis/bitnami.com/v1alpha1/namespaces/{}/sealedsecrets/{}", key.namespace(), key.name())
}
