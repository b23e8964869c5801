//! SealedSecret to the Secret that should exist.

use std::collections::BTreeMap;

use crds::SealedSecret;
use crds::names::{SKIP_SET_OWNER_REFERENCES, TRUE};
use crds::sealed_secret::SecretTemplate;
use jiff::Timestamp;
use keys::{KeyRing, SecretBytes};
use serde_json::{Map, Value};

use crate::desired::DesiredSecret;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::open::{Opened, Sealing, open_all, open_each};
use crate::render::render;
use crate::secret::PlainSecret;

/// Opens a SealedSecret, renders its template, and says what Secret should exist.
///
/// # Errors
/// One for each item that does not open or render.
pub fn unseal(sealed: &SealedSecret, ring: &KeyRing, now: Option<Timestamp>) -> std::result::Result<DesiredSecret, Vec<Error>> {
    if sealed.spec.data.as_deref().is_some_and(|data| !data.is_empty()) {
        return unseal_blob(sealed, ring).map_err(|error| vec![error]);
    }
    let items = open_all(sealed, ring)?.into_iter().map(|(key, opened)| (key, opened.secret)).collect();
    compose(sealed, items, now)
}

/// Puts opened items and the template together.
///
/// # Errors
/// One for each template that does not render.
pub fn compose(
    sealed: &SealedSecret,
    items: BTreeMap<String, SecretBytes>,
    now: Option<Timestamp>,
) -> std::result::Result<DesiredSecret, Vec<Error>> {
    let sealing = Sealing::of(sealed);
    let default = SecretTemplate::default();
    let template = sealed.spec.template.as_ref().unwrap_or(&default);
    let data = match &template.data {
        None => items,
        Some(texts) => {
            render(texts, items, now).map_err(|errors| errors.into_iter().map(|error| error.in_object(sealing.title())).collect::<Vec<_>>())?
        }
    };
    Ok(DesiredSecret {
        namespace: sealing.namespace.to_owned(),
        name: sealing.name.to_owned(),
        owned: template.metadata.get("annotations").and_then(|map| map.get(SKIP_SET_OWNER_REFERENCES)) != Some(&Value::String(TRUE.to_owned())),
        metadata: named(&template.metadata, sealing.namespace, sealing.name),
        type_: template.type_.clone(),
        immutable: template.immutable,
        data,
    })
}

/// The deprecated first format: one blob that holds the JSON of a whole Secret.
fn unseal_blob(sealed: &SealedSecret, ring: &KeyRing) -> Result<DesiredSecret> {
    let sealing = Sealing::of(sealed);
    let fail = |error: Error| error.in_object(sealing.title()).on_item("spec.data");
    if !sealed.spec.encrypted_data.is_empty() {
        return Err(fail(Error::input("unseal: both spec.data and spec.encryptedData are set").advise("Keep spec.encryptedData only")));
    }
    let mut blob = sealed.clone();
    blob.spec.encrypted_data = BTreeMap::from([("spec.data".to_owned(), blob.spec.data.take().unwrap_or_default())]);
    let (mut opened, mut failures) = open_each(&blob, ring);
    if let Some(error) = failures.pop() {
        return Err(error);
    }
    let Some(Opened { secret, .. }) = opened.remove("spec.data") else {
        return Err(fail(Error::new(ErrorKind::Bug, "open the blob")));
    };
    let manifest = Manifest::parse(&secret).map_err(fail)?;
    let objects = manifest.objects().map_err(fail)?;
    let [object] = objects.as_slice() else {
        return Err(fail(Error::new(ErrorKind::Tampered, "read the blob: it does not hold one Secret")));
    };
    let plain = PlainSecret::read_any_kind(object).map_err(fail)?;
    Ok(DesiredSecret {
        namespace: sealing.namespace.to_owned(),
        name: sealing.name.to_owned(),
        metadata: named(&plain.metadata, sealing.namespace, sealing.name),
        type_: plain.type_,
        immutable: plain.immutable,
        data: plain.data,
        owned: true,
    })
}

/// Metadata under the name that the object really has: what a template says of its name never counts.
fn named(metadata: &Map<String, Value>, namespace: &str, name: &str) -> Map<String, Value> {
    let mut named = Map::new();
    named.insert("name".to_owned(), Value::String(name.to_owned()));
    if !namespace.is_empty() {
        named.insert("namespace".to_owned(), Value::String(namespace.to_owned()));
    }
    let rest = metadata.iter().filter(|(key, _)| !matches!(key.as_str(), "name" | "namespace" | "ownerReferences"));
    named.extend(rest.filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.clone(), value.clone())));
    named
}
