//! What an ExternalSecret becomes: a Secret, or, if whoever runs us allows that, an object of another kind.

use std::sync::Arc;

use crds::ExternalSecret;
use crds::external_secret::{ManifestTarget, ObjectName, Produced};
use engine::external::kinds::Kind;
use engine::external::rules::Creation;

use super::failure::Failure;
use super::kinds::{Kinds, Place};
use super::leftovers;
use super::object;
use super::target::{self, Left, Made, Material};
use super::turn::Subject;
use crate::context::Context;
use crate::key::Key;

/// The words of a status for a target that cannot be.
const INVALID: &str = "invalid generic target";

/// What an object becomes.
pub(super) enum Aim {
    /// A Secret.
    Secret,
    /// An object of another kind.
    Object(Arc<Place>),
}

/// Words of a status, as external-secrets has them.
pub(super) struct Words {
    pub(super) synced: &'static str,
    pub(super) deleted: &'static str,
    pub(super) not_deleted: &'static str,
    pub(super) missing: &'static str,
    pub(super) not_created: &'static str,
}

/// The words of a status whose object becomes a Secret.
const SECRET: Words = Words {
    synced: "SecretSynced",
    deleted: "SecretDeleted",
    not_deleted: "could not delete secret",
    missing: "SecretMissing",
    not_created: "secret will not be created due to CreationPolicy=Merge",
};

/// The words of a status whose object becomes something else.
const OBJECT: Words = Words {
    synced: "ResourceSynced",
    deleted: "ResourceDeleted",
    not_deleted: "could not delete resource",
    missing: "ResourceMissing",
    not_created: "resource will not be created due to CreationPolicy=Merge",
};

impl Aim {
    /// What an object is to become.
    ///
    /// # Errors
    /// Nobody allowed it, it never may be, or the cluster has no such kind.
    pub(super) async fn of(context: &Arc<Context>, object: &ExternalSecret) -> Result<Self, Failure> {
        let Some(manifest) = object.spec.target.as_ref().and_then(|target| target.manifest.as_ref()) else { return Ok(Self::Secret) };
        if !context.external.settings.generic_targets {
            let why = "only Secrets are made unless the controller is started with --unsafe-allow-generic-targets";
            return Err(Failure::lasting(INVALID, why.to_owned()));
        }
        let place = find(context, manifest).await?;
        place
            .map(Self::Object)
            .ok_or_else(|| Failure::passing(INVALID, format!("the cluster has no kind {} in {}", manifest.kind, manifest.api_version)))
    }

    pub(super) fn words(&self) -> &'static Words {
        if matches!(self, Self::Secret) { &SECRET } else { &OBJECT }
    }

    /// Whether what was made is there, and whether it is as it was left.
    pub(super) async fn look(&self, context: &Context, key: &Key) -> Result<Option<(Left, bool)>, Failure> {
        match self {
            Self::Secret => Ok(target::read(context, key).await?.map(|live| (Left::of(&live), target::is_valid(&live)))),
            Self::Object(place) => object::look(context, place, key).await,
        }
    }

    pub(super) async fn make(&self, context: &Context, subject: &Subject<'_>, material: Material) -> Result<Made, Failure> {
        match self {
            Self::Secret => target::make(context, subject, material).await,
            Self::Object(place) => object::make(context, subject, place, material).await,
        }
    }

    /// Deletes what was made, if the object controls it; says whether it did.
    pub(super) async fn delete(&self, context: &Context, key: &Key, uid: &str) -> Result<bool, Failure> {
        match self {
            Self::Secret => target::delete(context, key, uid).await,
            Self::Object(place) => object::delete(context, place, key, uid).await,
        }
    }

    /// Deletes what was made because no values are left; says whether it did.
    ///
    /// # Errors
    /// It is not this object's to delete: it stays, and with it what it holds.
    pub(super) async fn remove(&self, context: &Context, object: &ExternalSecret, creation: Creation, key: &Key) -> Result<bool, Failure> {
        if creation != Creation::Owner {
            let why = "deletionPolicy Delete needs creationPolicy Owner; delete it by hand, or set creationPolicy to Owner";
            return Err(Failure::lasting(self.words().not_deleted, why.to_owned()));
        }
        if self.delete(context, key, object.metadata.uid.as_deref().unwrap_or_default()).await? {
            return Ok(true);
        }
        match self.look(context, key).await? {
            None => Ok(false),
            Some(_) => Err(Failure::lasting(self.words().not_deleted, "it does not belong to this ExternalSecret; delete it by hand".to_owned())),
        }
    }

    /// What is remembered of what was made.
    pub(super) fn produced(&self, left: &Left, name: &str) -> Produced {
        let object = match self {
            Self::Secret => None,
            Self::Object(place) => Some(ObjectName { api_version: place.kind.api_version(), kind: place.kind.name.clone(), name: name.to_owned() }),
        };
        Produced { uid: left.uid.clone(), resource_version: left.version.clone(), object, ..Produced::default() }
    }

    /// What is told of a write.
    pub(super) fn told(&self, action: &str, name: &str) -> String {
        match self {
            Self::Secret => format!("secret {}", action.to_ascii_lowercase()),
            Self::Object(place) => format!("{action} {} {name}", place.kind.name),
        }
    }

    /// Deletes what the object became before its target had another kind or name, if it still is this object's.
    pub(super) async fn tidy(&self, context: &Arc<Context>, object: &ExternalSecret, target: &Key) -> Result<(), Failure> {
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        match self {
            Self::Secret => leftovers::delete(context, object, target).await?,
            // No Secret is to stay, whatever its name.
            Self::Object(_) => leftovers::delete(context, object, &Key::new(target.namespace(), "")).await?,
        }
        let produced = object.status.as_ref().and_then(|status| status.produced.as_ref());
        let Some(before) = produced.and_then(|produced| produced.object.as_ref()) else { return Ok(()) };
        let manifest = ManifestTarget { api_version: before.api_version.clone(), kind: before.kind.clone() };
        let Ok(kind) = Kind::of(&manifest) else { return Ok(()) };
        // Versions of a group show the same objects.
        let same =
            matches!(self, Self::Object(place) if place.kind.group == kind.group && place.kind.name == kind.name) && before.name == target.name();
        if same || !context.external.settings.generic_targets {
            return Ok(());
        }
        match Kinds::find(context, kind).await? {
            Some(place) => object::delete(context, &place, &Key::new(target.namespace(), &before.name), uid).await.map(drop),
            None => Ok(()),
        }
    }

    /// Deletes what was made of an object that is being deleted, as far as that can be.
    pub(super) async fn leave(context: &Arc<Context>, object: &ExternalSecret, key: &Key) -> Result<(), Failure> {
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        let aim = match object.spec.target.as_ref().and_then(|target| target.manifest.as_ref()) {
            None => Self::Secret,
            // What never may be made was never made, and what is no kind any more is gone.
            Some(manifest) if context.external.settings.generic_targets && Kind::of(manifest).is_ok() => match find(context, manifest).await? {
                Some(place) => Self::Object(place),
                None => return Ok(()),
            },
            Some(_) => return Ok(()),
        };
        aim.delete(context, key, uid).await.map(drop)
    }
}

async fn find(context: &Arc<Context>, manifest: &ManifestTarget) -> Result<Option<Arc<Place>>, Failure> {
    let kind = Kind::of(manifest).map_err(|error| Failure { passing: false, ..Failure::from_error(INVALID, &error) })?;
    Kinds::find(context, kind).await
}
