//! Writes the Secret of an ExternalSecret: over what was read and nothing else, under the name that external-secrets gives to its fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::ExternalSecret;
use crds::names::SEALED_SECRETS_KEY;
use engine::desired::DesiredSecret;
use engine::external::gather::Texts;
use engine::external::marks::{CREATED_BY, DATA_HASH, MANAGED, created_by, data_hash, field_manager};
use engine::external::rules::Creation;
use engine::external::target::{Parts, SPREAD, compose, is_same, size};
use engine::manifest::{Format, write_secret};
use http::Method;
use jiff::Timestamp;
use keys::SecretBytes;
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::failure::Failure;
use super::turn::Subject;
use crate::api::Refusal;
use crate::context::Context;
use crate::key::{Key, Version};
use crate::reconciler::RESERVED_TYPES;
use crate::secrets::Live;

/// How often a write is tried again because somebody else was faster.
pub(super) const TRIES: usize = 5;

/// From how many bytes on work is done away from the threads that serve everybody, the Lease among them.
const HEAVY: usize = 64 << 10;

/// What became of the Secret.
#[derive(Debug)]
pub(super) enum Made {
    /// It is as it should be.
    Kept(Left),
    /// It was made.
    Created(Left),
    /// It was changed.
    Updated(Left),
    /// There is none, and none is to be made.
    Missing,
    /// None is to be made or changed.
    Nothing,
}

/// What was left behind: who it is, and which version of it.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) uid: String,
    pub(super) version: String,
}

impl Left {
    pub(super) fn of(live: &Live) -> Self {
        Self { uid: live.uid().to_owned(), version: live.resource_version().to_owned() }
    }

    /// Both, as they are compared.
    pub(super) fn as_version(&self) -> Version {
        Version::new(&self.uid, &self.version)
    }
}

/// What a Secret is made of.
pub(super) struct Material {
    pub(super) values: BTreeMap<String, SecretBytes>,
    pub(super) texts: Texts,
    pub(super) now: Timestamp,
    /// Whether the object, or what it was made of, changed: a write that only puts back what was so before is a fight if it goes on.
    pub(super) changed: bool,
}

/// Reads the Secret; None if there is none.
pub(super) async fn read(context: &Context, key: &Key) -> Result<Option<Live>, Failure> {
    match context.api.send(Method::GET, &path(key), None).await {
        Ok(answer) => parsed(answer).await.map(Some),
        Err(no) if no.status == 404 => Ok(None),
        Err(no) => Err(Failure::from_server("could not get existing secret", &no)),
    }
}

/// Reads the server's answer.
async fn parsed(answer: SecretBytes) -> Result<Live, Failure> {
    let weight = answer.len();
    aside(weight, move || Live::read(&answer)).await?.map_err(|error| Failure::from_error("could not update secret", &error))
}

/// Does something at once, or away from the threads that serve everybody if it is heavy.
async fn aside<T: Send + 'static>(weight: usize, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    if weight < HEAVY {
        return Ok(work());
    }
    spawn_blocking(work).await.map_err(|_| Failure::passing("could not update secret", "a fault of the controller".to_owned()))
}

/// Whether a Secret is what external-secrets or we made of values, and nobody changed its data.
pub(super) fn is_valid(live: &Live) -> bool {
    live.label(MANAGED) == Some("true") && live.annotation(DATA_HASH) == Some(data_hash(live.data()).as_str())
}

/// Makes the Secret what it should be.
pub(super) async fn make(context: &Context, subject: &Subject<'_>, material: Material) -> Result<Made, Failure> {
    let Subject { key, object, creation, target } = subject;
    if *creation == Creation::None {
        return Ok(Made::Nothing);
    }
    let material = Arc::new(material);
    for _ in 0..TRIES {
        let live = read(context, target).await?.map(Arc::new);
        if live.is_none() && *creation == Creation::Merge {
            return Ok(Made::Missing);
        }
        if let Some(live) = &live {
            admit(object, *creation, live, context)?;
        }
        let (desired, same) = put_together(context, object, *creation, &material, live.clone()).await?;
        let type_ = desired.type_.as_deref().unwrap_or("Opaque");
        if RESERVED_TYPES.contains(&type_) && !context.external.settings.allowed_types.iter().any(|allowed| allowed == type_) {
            let message = format!("Secrets of type {type_} are made only if --allow-secret-type={type_} is set");
            return Err(Failure::lasting("could not update secret", message));
        }
        if let Some(live) = &live {
            if same {
                return Ok(Made::Kept(Left::of(live)));
            }
            if live.is_immutable() && !engine::desired::same_data(live.data(), &desired.data) {
                return Err(Failure::lasting("could not update secret, target is immutable", "delete the Secret, and it is made anew".to_owned()));
            }
        }
        if !material.changed {
            let may = context.external.index.with(key, |entry| entry.fights.may_undo(Instant::now()));
            if let Some(Err(rest)) = may {
                return Err(Failure::contended(rest));
            }
        }
        let body = write_secret(&desired, Format::Json).map_err(|error| Failure::from_error("could not update secret", &error))?;
        let manager = field_manager(key.name());
        let sent = match &live {
            None => {
                context.api.send(Method::POST, &format!("/api/v1/namespaces/{}/secrets?fieldManager={manager}", key.namespace()), Some(&body)).await
            }
            // The body holds uid and resourceVersion of what was read: the server refuses to replace anything else.
            Some(_) => context.api.send(Method::PUT, &format!("{}?fieldManager={manager}", path(target)), Some(&body)).await,
        };
        match sent {
            Ok(answer) => {
                if !material.changed {
                    context.external.index.with(key, |entry| entry.fights.undid(Instant::now()));
                }
                let written = Left::of(&parsed(answer).await?);
                return Ok(if live.is_some() { Made::Updated(written) } else { Made::Created(written) });
            }
            Err(no) if no.is_already_there() || no.is_conflict() || (no.status == 404 && live.is_some()) => {}
            Err(no) if no.is_too_large() => {
                return Err(too_large(&desired));
            }
            Err(no) => return Err(Failure::from_server("could not update secret", &no)),
        }
    }
    Err(Failure::passing("could not update secret", "somebody else changes the Secret all the time".to_owned()))
}

/// The server, or its store, does not take so much for one object.
fn too_large(desired: &DesiredSecret) -> Failure {
    let why = format!("{}, and with their names that is more than the API server or its store takes for one object ({SPREAD})", size(&desired.data));
    Failure::lasting("could not update secret", why)
}

/// Puts the Secret together. Templates may take a while, however little goes into them.
async fn put_together(
    context: &Context,
    object: &Arc<ExternalSecret>,
    creation: Creation,
    material: &Arc<Material>,
    live: Option<Arc<Live>>,
) -> Result<(DesiredSecret, bool), Failure> {
    let (object, material, settings) = (Arc::clone(object), Arc::clone(material), Arc::clone(&context.external.settings));
    let weight = material.values.iter().map(|(name, value)| name.len() + value.len()).sum();
    let templated = object.spec.target.as_ref().is_some_and(|target| target.template.is_some());
    let work = move || {
        let values = material.values.iter().map(|(name, value)| (name.clone(), value.duplicate())).collect();
        let existing = live.as_ref().map(|live| live.existing());
        let parts =
            Parts { object: &object, creation, values, texts: &material.texts, existing, delimiters: &settings.delimiters, now: material.now };
        let desired = compose(parts)?;
        let same = existing.is_some_and(|existing| is_same(existing, &desired));
        Ok::<_, engine::Error>((desired, same))
    };
    let done = aside(if templated { HEAVY } else { weight }, work).await?;
    // What concerns the Secret as a whole names no part of a template.
    done.map_err(|error| {
        Failure::from_error(if error.place().item.is_some() { "could not apply template" } else { "could not update secret" }, &error)
    })
}

/// Whether a Secret that exists may be written.
fn admit(object: &ExternalSecret, creation: Creation, live: &Live, context: &Context) -> Result<(), Failure> {
    let (namespace, name) = (object.metadata.namespace.as_deref().unwrap_or_default(), object.metadata.name.as_deref().unwrap_or_default());
    if live.is_going() {
        return Err(Failure::passing("could not update secret", "the Secret is being deleted".to_owned()));
    }
    if live.label(SEALED_SECRETS_KEY).is_some() || context.settings.is_legacy_key(&Key::new(namespace, object.target_name())) {
        return Err(Failure::lasting("could not update secret", "a Secret of that name holds a sealing key".to_owned()));
    }
    match live.controlled_by() {
        Some(("ExternalSecret", owner)) if owner != name => {
            return Err(Failure::lasting("target is owned by another ExternalSecret", format!("{owner:?} has it")));
        }
        Some((kind, owner)) if kind != "ExternalSecret" && (creation == Creation::Owner || kind == "SealedSecret") => {
            return Err(Failure::lasting("failed to take ownership of target secret", format!("{kind} {owner:?} has it")));
        }
        _ => {}
    }
    let known = live.label(MANAGED).is_some() || live.label(CREATED_BY) == Some(created_by(namespace, name).as_str());
    if known || creation.merges() || live.data().is_empty() {
        return Ok(());
    }
    let advice = format!(
        "a Secret of that name is there already, and nobody said that it may be replaced; label it {MANAGED}=true, or use creationPolicy CreateOrMerge"
    );
    Err(Failure::lasting("could not update secret", advice))
}

/// Deletes a Secret that this ExternalSecret controls, if it still is what was read; says whether it did.
pub(super) async fn delete(context: &Context, key: &Key, uid: &str) -> Result<bool, Failure> {
    let Some(live) = read(context, key).await?.filter(|live| live.belongs_to(uid)) else { return Ok(false) };
    let preconditions = json!({ "uid": live.uid(), "resourceVersion": live.resource_version() });
    let options = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions });
    match context.api.send(Method::DELETE, &path(key), Some(&options.to_string().into_bytes().into())).await {
        Ok(_) => Ok(true),
        Err(no) if no.status == 404 => Ok(false),
        Err(no) => Err(refused(&no)),
    }
}

fn refused(no: &Refusal) -> Failure {
    Failure::from_server("could not delete secret", no)
}

fn path(key: &Key) -> String {
    format!("/api/v1/namespaces/{}/secrets/{}", key.namespace(), key.name())
}
