//! Secrets that an ExternalSecret made under names that its target had before.

use crds::ExternalSecret;
use engine::external::marks::{CREATED_BY, created_by};
use http::Method;
use serde::Deserialize;

use super::failure::Failure;
use super::target;
use crate::context::Context;
use crate::key::Key;

#[derive(Deserialize)]
struct List {
    items: Vec<Item>,
}

/// All that is read of a Secret.
#[derive(Deserialize)]
struct Item {
    metadata: Named,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Deletes them, if they still are this object's.
pub(super) async fn delete(context: &Context, object: &ExternalSecret, target: &Key) -> Result<(), Failure> {
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let before = object.status.as_ref().and_then(|status| status.binding.as_ref()).map(|binding| binding.name.as_str());
    if let Some(before) = before.filter(|before| !before.is_empty() && *before != target.name()) {
        target::delete(context, &Key::new(target.namespace(), before), uid).await?;
    }
    if may_have_others(object) {
        for name in made_by(context, object, target.namespace()).await?.into_iter().filter(|name| name != target.name()) {
            target::delete(context, &Key::new(target.namespace(), &name), uid).await?;
        }
    }
    Ok(())
}

/// Whether a name may have been used that no status tells of: the object changed, and whoever looked at it then may have ended before it could say so.
fn may_have_others(object: &ExternalSecret) -> bool {
    let generation = object.metadata.generation.unwrap_or_default();
    let synced = object.status.as_ref().and_then(|status| status.synced_resource_version.as_deref());
    let told = synced.and_then(|version| version.split_once('-')?.0.parse().ok());
    generation > 1 && told != Some(generation)
}

/// Names of the Secrets that bear the object's mark.
async fn made_by(context: &Context, object: &ExternalSecret, namespace: &str) -> Result<Vec<String>, Failure> {
    let owner = created_by(namespace, object.metadata.name.as_deref().unwrap_or_default());
    let path = format!("/api/v1/namespaces/{namespace}/secrets?labelSelector={CREATED_BY}%3D{owner}");
    match context.api.ask::<List>(Method::GET, &path, None).await {
        Ok(list) => Ok(list.items.into_iter().map(|item| item.metadata.name).collect()),
        // Who may not list Secrets does not look after them when they are gone, either.
        Err(no) if no.status == 403 => Ok(Vec::new()),
        Err(no) => Err(Failure::from_server("could not look for secrets of former names", &no)),
    }
}

#[cfg(test)]
mod tests {
    use crds::external_secret::ExternalSecretStatus;

    use super::*;

    #[test]
    fn only_a_change_that_no_status_tells_of_leaves_others() {
        for (generation, synced, expected) in [
            (1, None, false),
            (2, None, true),
            (2, Some("1-abc"), true),
            (2, Some("2-abc"), false),
            (1, Some("1-abc"), false),
            (3, Some("odd"), true),
        ] {
            let mut object = ExternalSecret::default();
            object.metadata.generation = Some(generation);
            object.status = Some(ExternalSecretStatus { synced_resource_version: synced.map(str::to_owned), ..ExternalSecretStatus::default() });
            assert_eq!(may_have_others(&object), expected, "{generation} {synced:?}");
        }
    }
}
