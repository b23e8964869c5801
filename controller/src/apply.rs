//! The only writer of Secrets: carries out `engine::policy` against the API server. Plaintext meets the cluster here.

use engine::policy::{Action, Existing, Memory, Owner, Reason, Refusal as No, decide};
use http::Method;
use tokio::time::Instant;

use crate::api::Refusal;
use crate::context::Context;
use crate::key::Key;
use crate::secrets::{Live, Wanted, written};
use crate::trouble::Trouble;

/// How often a write is tried again because somebody else was faster.
const TRIES: usize = 5;

/// What is to be done about one Secret.
pub(crate) struct Order<'a> {
    /// Its name.
    pub(crate) key: &'a Key,
    /// UID of the SealedSecret.
    pub(crate) uid: &'a str,
    /// What it should be.
    pub(crate) wanted: &'a Wanted,
    /// What was done before.
    pub(crate) memory: Memory,
    /// Whether it is likely to exist.
    pub(crate) exists: bool,
}

/// What was done.
#[derive(Debug)]
pub(crate) enum Applied {
    /// It already is as it should be.
    Kept(Live),
    /// It was written.
    Wrote(Live, Reason),
}

/// Makes one Secret what it should be: created if it is absent; otherwise read, compared, and replaced only if it still is what was read.
///
/// # Errors
/// Why it can not be written, or not now.
pub(crate) async fn apply(context: &Context, order: &Order<'_>) -> Result<Applied, Trouble> {
    let mut exists = order.exists;
    for _ in 0..TRIES {
        let live = if exists { read(context, order.key).await? } else { None };
        let existing = live.as_ref().map(|live| observe(live, order));
        let action = decide(existing, order.memory);
        let attempt = match (action, &live) {
            (Action::Keep, Some(live)) if live.is_going() => return Err(Trouble::passing("Unavailable", "the Secret is being deleted")),
            (Action::Refuse(no), live) => return Err(refused(no, order, live.as_ref())),
            (_, Some(live)) if live.is_sealing_key() || context.settings.is_legacy_key(order.key) => {
                return Err(Trouble::lasting("Refused", "a Secret of that name holds a sealing key").update());
            }
            (Action::Create(reason), _) => {
                undo(context, order, reason)?;
                create(context, order, reason).await
            }
            (Action::Replace(reason) | Action::Patch(reason), Some(live)) => {
                undo(context, order, reason)?;
                replace(context, order, live, reason).await
            }
            (_, _) => return live.map(Applied::Kept).ok_or_else(|| Trouble::bug("decide about a Secret that is not there")),
        };
        match attempt {
            Ok(applied) => return Ok(applied),
            // Somebody else was faster: look again.
            Err(no) if no.is_already_there() || no.is_conflict() => exists = true,
            Err(no) if no.status == 404 && live.is_some() => exists = false,
            Err(no) => return Err(Trouble::from_server(&no)),
        }
    }
    Err(Trouble::passing("Unavailable", "somebody else changes the Secret all the time").update())
}

/// Reads a Secret; None if there is none.
///
/// # Errors
/// Why not.
pub(crate) async fn read(context: &Context, key: &Key) -> Result<Option<Live>, Trouble> {
    match context.api.send(Method::GET, &path(key), None).await {
        Ok(answer) => {
            let live = Live::read_briefly(&answer).map_err(|error| Trouble::from_error(&error))?;
            context.index.with(key, |entry| entry.see(live.version()));
            Ok(Some(live))
        }
        Err(no) if no.status == 404 => Ok(None),
        Err(no) => Err(Trouble::from_server(&no)),
    }
}

/// Deletes a Secret that belongs to a SealedSecret that is gone, if it still is what was read.
///
/// # Errors
/// Why not.
pub(crate) async fn delete(context: &Context, key: &Key, uid: &str) -> Result<(), Trouble> {
    let Some(live) = read(context, key).await?.filter(|live| live.belongs_to(uid)) else { return Ok(()) };
    let preconditions = serde_json::json!({ "uid": live.uid(), "resourceVersion": live.resource_version() });
    let options = serde_json::json!({ "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions });
    match context.api.send(Method::DELETE, &path(key), Some(&options.to_string().into_bytes().into())).await {
        Err(no) if no.status != 404 => Err(Trouble::from_server(&no)),
        _ => Ok(()),
    }
}

fn observe(live: &Live, order: &Order<'_>) -> Existing {
    Existing {
        owner: if live.belongs_to(order.uid) { Owner::Ours } else { Owner::Foreign },
        managed: live.is_managed(),
        patch: live.is_patch(),
        immutable: live.is_immutable(),
        same: if live.is_patch() { order.wanted.over(live).is(live, false) } else { order.wanted.is(live, order.memory != Memory::Same) },
    }
}

/// Whether a write only puts back what was so before, whoever the Secret belongs to.
fn undoes(order: &Order<'_>, reason: Reason) -> bool {
    order.memory == Memory::Same && reason != Reason::New
}

/// Undoing what somebody else did is a fight if it goes on.
fn undo(context: &Context, order: &Order<'_>, reason: Reason) -> Result<(), Trouble> {
    if !undoes(order, reason) {
        return Ok(());
    }
    let now = Instant::now();
    match context.index.with(order.key, |entry| entry.fights.may_undo(now)) {
        Some(Err(rest)) => Err(Trouble::contended(rest)),
        _ => Ok(()),
    }
}

async fn create(context: &Context, order: &Order<'_>, reason: Reason) -> Result<Applied, Refusal> {
    let body = order.wanted.to_json().map_err(|error| ours(&error))?;
    let path = format!("/api/v1/namespaces/{}/secrets", order.key.namespace());
    finish(context, order, context.api.send(Method::POST, &path, Some(&body)).await?, reason)
}

async fn replace(context: &Context, order: &Order<'_>, live: &Live, reason: Reason) -> Result<Applied, Refusal> {
    // It holds UID and resourceVersion of what was read: the server refuses to replace anything else.
    let body = order.wanted.over(live).to_json().map_err(|error| ours(&error))?;
    finish(context, order, context.api.send(Method::PUT, &path(order.key), Some(&body)).await?, reason)
}

fn finish(context: &Context, order: &Order<'_>, answer: keys::SecretBytes, reason: Reason) -> Result<Applied, Refusal> {
    if undoes(order, reason) {
        context.index.with(order.key, |entry| entry.fights.undid(Instant::now()));
    }
    Ok(Applied::Wrote(written(&answer).map_err(|error| ours(&error))?, reason))
}

fn ours(error: &engine::Error) -> Refusal {
    Refusal::no_answer(error.to_string())
}

fn path(key: &Key) -> String {
    format!("/api/v1/namespaces/{}/secrets/{}", key.namespace(), key.name())
}

fn refused(no: No, order: &Order<'_>, live: Option<&Live>) -> Trouble {
    let name = order.key.name();
    let trouble = match no {
        // Upstream's words, which people search for.
        No::Unmanaged => Trouble::lasting("Unmanaged", format!("Resource {name:?} already exists and is not managed by SealedSecret")).unmanaged(),
        No::Immutable if live.is_some_and(|live| order.wanted.is_of_another_type(live)) => {
            Trouble::lasting("Immutable", format!("the Secret {name:?} is immutable, and of another type; delete it, and it is made anew"))
        }
        No::Immutable => Trouble::lasting("Immutable", format!("the Secret {name:?} is immutable; delete it, and it is made anew")),
    };
    trouble.update()
}
