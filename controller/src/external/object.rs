//! Writes the object of another kind that an ExternalSecret becomes: never one that others made, unless it is to be added to.

use std::sync::Arc;

use engine::external::kinds::Kind;
use engine::external::marks::{CREATED_BY, MANAGED, created_by, field_manager};
use engine::external::object::{AnyObject, Parts, compose};
use engine::external::rules::Creation;
use engine::is_object_name;
use engine::manifest::Format;
use http::Method;
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::failure::Failure;
use super::kinds::Place;
use super::target::{Left, Made, Material, TRIES};
use super::turn::Subject;
use crate::context::Context;
use crate::key::Key;

/// The words of a status for whatever goes wrong with a write.
const UPDATE: &str = "could not update resource";

/// A ConfigMap that the cluster itself keeps in every namespace: Pods trust whom it names.
const TRUST: &str = "kube-root-ca.crt";

fn path(place: &Place, key: &Key) -> String {
    format!("{}/{}", place.folder(key.namespace()), key.name())
}

fn left(object: &AnyObject) -> Left {
    let (uid, version) = object.version();
    Left { uid, version }
}

/// Reads the object; None if there is none.
pub(super) async fn read(context: &Context, place: &Place, key: &Key) -> Result<Option<AnyObject>, Failure> {
    if !is_object_name(key.name()) {
        return Err(Failure::lasting("invalid generic target", "spec.target.name is no name of an object".to_owned()));
    }
    match context.api.send(Method::GET, &path(place, key), None).await {
        Ok(answer) => AnyObject::read(&answer).map(Some).map_err(|error| Failure::from_error("could not get target resource", &error)),
        Err(no) if no.status == 404 => Ok(None),
        Err(no) => Err(Failure::unquoted("could not get target resource", &no, &format!("read {}", place.title()))),
    }
}

/// Looks whether the object is as it was left: None if there is none.
pub(super) async fn look(context: &Context, place: &Place, key: &Key) -> Result<Option<(Left, bool)>, Failure> {
    Ok(read(context, place, key).await?.map(|object| (left(&object), object.is_valid())))
}

/// Makes the object what it should be.
pub(super) async fn make(context: &Context, subject: &Subject<'_>, place: &Place, material: Material) -> Result<Made, Failure> {
    let Subject { key, object, creation, target } = subject;
    if *creation == Creation::None {
        return Ok(Made::Nothing);
    }
    if place.kind.group.is_empty() && target.name() == TRUST {
        return Err(Failure::lasting(UPDATE, format!("the cluster keeps {TRUST} itself")));
    }
    let material = Arc::new(material);
    let manager = field_manager(key.name());
    for _ in 0..TRIES {
        let live = read(context, place, target).await?.map(Arc::new);
        if live.is_none() && *creation == Creation::Merge {
            return Ok(Made::Missing);
        }
        if let Some(live) = &live {
            admit(subject, live)?;
        }
        let desired = put_together(context, object, *creation, &place.kind, &material, live.clone()).await?;
        if let Some(live) = live.as_ref().filter(|live| live.is_same_as(&desired)) {
            return Ok(Made::Kept(left(live)));
        }
        if !material.changed {
            let may = context.external.index.with(key, |entry| entry.fights.may_undo(Instant::now()));
            if let Some(Err(rest)) = may {
                return Err(Failure::contended(rest));
            }
        }
        let body = desired.write(Format::Json).map_err(|error| Failure::from_error(UPDATE, &error))?;
        let (method, at) = match &live {
            None => (Method::POST, place.folder(key.namespace())),
            // The body holds uid and resourceVersion of what was read: the server refuses to replace anything else.
            Some(_) => (Method::PUT, path(place, target)),
        };
        match context.api.send(method, &format!("{at}?fieldManager={manager}"), Some(&body)).await {
            Ok(answer) => {
                let written = AnyObject::read(&answer).map_err(|error| Failure::from_error(UPDATE, &error))?;
                let Some(live) = &live else { return Ok(Made::Created(left(&written))) };
                // What the server adds by itself is no difference.
                if live.resource_version() == written.resource_version() {
                    return Ok(Made::Kept(left(&written)));
                }
                if !material.changed {
                    context.external.index.with(key, |entry| entry.fights.undid(Instant::now()));
                }
                return Ok(Made::Updated(left(&written)));
            }
            Err(no) if no.is_already_there() || no.is_conflict() || (no.status == 404 && live.is_some()) => {}
            Err(no) => {
                let verb = if live.is_some() { "update" } else { "create" };
                return Err(Failure::unquoted(UPDATE, &no, &format!("{verb} {}", place.title())));
            }
        }
    }
    Err(Failure::passing(UPDATE, "somebody else changes the object all the time".to_owned()))
}

/// Puts the object together, away from the threads that serve everybody: templates may take a while.
async fn put_together(
    context: &Context,
    object: &Arc<crds::ExternalSecret>,
    creation: Creation,
    kind: &Arc<Kind>,
    material: &Arc<Material>,
    live: Option<Arc<AnyObject>>,
) -> Result<AnyObject, Failure> {
    let (object, kind, material, settings) = (Arc::clone(object), Arc::clone(kind), Arc::clone(material), Arc::clone(&context.external.settings));
    let work = move || {
        let values = material.values.iter().map(|(name, value)| (name.clone(), value.duplicate())).collect();
        compose(Parts {
            object: &object,
            kind: &kind,
            creation,
            values,
            texts: &material.texts,
            existing: live.as_deref(),
            delimiters: &settings.delimiters,
            now: material.now,
        })
    };
    let done = spawn_blocking(work).await.map_err(|_| Failure::passing(UPDATE, "a fault of the controller".to_owned()))?;
    done.map_err(|error| Failure::from_error("could not apply template to manifest", &error))
}

/// Whether an object that exists may be written.
fn admit(subject: &Subject<'_>, live: &AnyObject) -> Result<(), Failure> {
    let Subject { key, object, creation, .. } = subject;
    if live.is_going() {
        return Err(Failure::passing(UPDATE, "the object is being deleted".to_owned()));
    }
    match live.controlled_by() {
        Some((_, _, uid)) if Some(uid.as_str()) == object.metadata.uid.as_deref() => return Ok(()),
        Some((kind, owner, _)) if kind == "ExternalSecret" && owner != key.name() => {
            return Err(Failure::lasting("target is owned by another ExternalSecret", format!("{owner:?} has it")));
        }
        Some((kind, owner, _)) if kind != "ExternalSecret" => {
            return Err(Failure::lasting("failed to take ownership of target resource", format!("{kind} {owner:?} has it")));
        }
        _ => {}
    }
    let own = created_by(key.namespace(), key.name());
    if creation.merges() || live.label(MANAGED).is_some() || live.label(CREATED_BY).is_some_and(|by| by == own) {
        return Ok(());
    }
    let advice = format!(
        "one of that name is there already, and nobody said that it may be replaced; label it {MANAGED}=true, or use creationPolicy CreateOrMerge"
    );
    Err(Failure::lasting(UPDATE, advice))
}

/// Deletes the object if this ExternalSecret controls it, and if it still is what was read; says whether it did.
pub(super) async fn delete(context: &Context, place: &Place, key: &Key, uid: &str) -> Result<bool, Failure> {
    let Some(live) = read(context, place, key).await? else { return Ok(false) };
    if live.controlled_by().is_none_or(|(kind, _, owner)| kind != "ExternalSecret" || owner != uid) {
        return Ok(false);
    }
    let preconditions = json!({ "uid": live.version().0, "resourceVersion": live.resource_version() });
    let options = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions });
    match context.api.send(Method::DELETE, &path(place, key), Some(&options.to_string().into_bytes().into())).await {
        Ok(_) => Ok(true),
        Err(no) if no.status == 404 => Ok(false),
        Err(no) => Err(Failure::unquoted("could not delete resource", &no, &format!("delete {}", place.title()))),
    }
}
