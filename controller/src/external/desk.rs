//! What an ExternalSecret may read: of stores that are there, ready, and for its namespace.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crds::external_secret::StoreRef;
use engine::external::gather::{Desk, TextPlace, title};
use engine::{Error, ErrorKind, Result};
use http::Method;
use keys::{BoxFuture, SecretBytes};
use providers::provider::{Answer, Lookup, Reference, Search};
use serde::Deserialize;
use tokio::time::Instant;

use super::access::{config_map_key, refused};
use super::stores::{Known, StoreId};
use super::texts::Place;
use crate::context::Context;
use crate::key::{Key, Version};
use crate::secrets::Live;

/// All that is read of an object besides its data.
#[derive(Deserialize)]
struct Versioned {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    uid: String,
    resource_version: String,
}

/// The desk of one ExternalSecret.
pub(super) struct Counter<'a> {
    pub(super) context: &'a Context,
    pub(super) key: &'a Key,
    /// Since when it waits: older answers of stores do not count.
    pub(super) since: Instant,
    /// Which versions of ConfigMaps and Secrets templates were taken from.
    pub(super) used: Mutex<BTreeMap<Place, String>>,
}

/// An error of a store in words of the engine.
pub(super) fn told(error: &providers::Error) -> Error {
    let kind = match error.kind() {
        providers::ErrorKind::Denied => ErrorKind::Denied,
        providers::ErrorKind::Busy => ErrorKind::Busy,
        _ => ErrorKind::Input,
    };
    Error::new(kind, error.to_string())
}

impl Counter<'_> {
    /// The store, if it may be asked. If not, what others are answered until the next turn is new enough for that.
    fn store(&self, store: &StoreRef) -> Result<Arc<Known>> {
        self.admitted(store).inspect_err(|_| {
            self.context.external.index.with(self.key, |entry| entry.asked = Some(self.since));
        })
    }

    fn admitted(&self, store: &StoreRef) -> Result<Arc<Known>> {
        let external = &self.context.external;
        let name = title(store);
        let fail = |why: &str| Error::new(ErrorKind::Denied, format!("use {name}: {why}"));
        if store.is_cluster() && !external.settings.cluster_stores {
            return Err(fail("this controller looks at no ClusterSecretStores"));
        }
        let known = external.stores.get(&StoreId::of(store, self.key.namespace()));
        let known = known.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("use {name}: there is none")))?;
        if !external.stores.serves(&known, self.key.namespace()).map_err(|error| told(&error))? {
            return Err(fail("its conditions do not name this namespace"));
        }
        if external.settings.flood_gate && !known.ready {
            return Err(Error::new(ErrorKind::Busy, format!("use {name}: it is not ready")));
        }
        Ok(known)
    }

    fn note(&self, place: Place, answer: &SecretBytes) {
        // EXPOSE: uid and version are taken out of the answer.
        if let Ok(Versioned { metadata }) = serde_json::from_slice(answer.expose()) {
            let version = Version::new(&metadata.uid, &metadata.resource_version).to_string();
            // Of one that changes between two looks the first counts: the other is news.
            self.used.lock().unwrap_or_else(PoisonError::into_inner).entry(place).or_insert(version);
        }
    }

    async fn text_of(&self, place: TextPlace<'_>) -> Result<SecretBytes> {
        let TextPlace { secret, name, key } = place;
        let (kind, plural) = if secret { ("Secret", "secrets") } else { ("ConfigMap", "configmaps") };
        let what = format!("read key {key:?} of {kind} {name}");
        if !engine::is_object_name(name) {
            return Err(Error::input(format!("{what}: that is no name of an object")));
        }
        let path = format!("/api/v1/namespaces/{}/{plural}/{name}", self.key.namespace());
        let answer = self.context.api.send(Method::GET, &path, None).await.map_err(|no| told(&refused(&what, &no)))?;
        self.note((secret, Key::new(self.key.namespace(), name)), &answer);
        if !secret {
            return config_map_key(&what, &answer, key).map_err(|error| told(&error));
        }
        let secret = Live::read_briefly(&answer).map_err(|_| Error::new(ErrorKind::Busy, format!("{what}: the API server sent something else")))?;
        secret.data().get(key).map(SecretBytes::duplicate).ok_or_else(|| Error::new(ErrorKind::NotFound, format!("{what}: it has no such key")))
    }
}

impl Desk for Counter<'_> {
    fn read<'a>(&'a self, store: &'a StoreRef, what: &'a Reference) -> BoxFuture<'a, Result<(Option<Arc<Answer>>, Lookup)>> {
        Box::pin(async move {
            let known = self.store(store)?;
            let read = known.read(self.context, self.key.namespace(), what, self.since).await;
            read.map_err(|error| named(&told(&error), store, &what.key))
        })
    }

    fn find<'a>(&'a self, store: &'a StoreRef, what: &'a Search) -> BoxFuture<'a, Result<Arc<BTreeMap<String, SecretBytes>>>> {
        Box::pin(async move {
            let known = self.store(store)?;
            let found = known.find(self.context, self.key.namespace(), what, self.since).await;
            found.map_err(|error| named(&told(&error), store, what.pattern.as_deref().unwrap_or_default()))
        })
    }

    fn text<'a>(&'a self, place: TextPlace<'a>) -> BoxFuture<'a, Result<SecretBytes>> {
        Box::pin(self.text_of(place))
    }
}

/// Puts the store and the secret in front.
fn named(error: &Error, store: &StoreRef, key: &str) -> Error {
    Error::new(
        error.kind(),
        format!("{} of {}: {}", if key.is_empty() { "find secrets".to_owned() } else { format!("read {key:?}") }, title(store), error.message()),
    )
}
