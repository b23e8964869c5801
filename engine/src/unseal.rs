//! SealedSecret to the Secret that should exist.

use std::borrow::Cow;
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
use crate::open::{Sealing, open_all};
use crate::render::render;
use crate::secret::PlainSecret;

/// Key under which the blob of the deprecated first format is opened, and called in errors.
const BLOB: &str = "spec.data";

/// Opens a SealedSecret, renders its template, and says what Secret should exist.
///
/// # Errors
/// One for each item that does not open or render.
pub fn unseal(sealed: &SealedSecret, ring: &KeyRing, now: Option<Timestamp>) -> std::result::Result<DesiredSecret, Vec<Error>> {
    let subject = to_open(sealed).map_err(|error| vec![error])?;
    let items = open_all(&subject, ring)?.into_iter().map(|(key, opened)| (key, opened.secret)).collect();
    assemble(sealed, items, now)
}

/// Whether an object has the deprecated first format: one blob that holds the JSON of a whole Secret.
#[must_use]
pub fn is_blob(sealed: &SealedSecret) -> bool {
    sealed.spec.data.as_deref().is_some_and(|data| !data.is_empty())
}

/// Refuses to do something to single items of the deprecated first format, which has none.
///
/// # Errors
/// Input: the object has that format.
pub(crate) fn refuse_blob(sealed: &SealedSecret, tried: &str) -> Result<()> {
    if !is_blob(sealed) {
        return Ok(());
    }
    let error = Error::input(format!("{tried}: the object has the deprecated spec.data")).in_object(Sealing::of(sealed).title());
    Err(error.advise("Unseal it and seal the Secret again"))
}

/// The object whose items are to be opened: itself, or one whose only item is the blob.
///
/// # Errors
/// Input: both formats at once.
pub fn to_open(sealed: &SealedSecret) -> Result<Cow<'_, SealedSecret>> {
    if !is_blob(sealed) {
        return Ok(Cow::Borrowed(sealed));
    }
    if !sealed.spec.encrypted_data.is_empty() {
        let error = Error::input("unseal: both spec.data and spec.encryptedData are set").advise("Keep spec.encryptedData only");
        return Err(error.in_object(Sealing::of(sealed).title()).on_item("spec.data"));
    }
    let mut blob = sealed.clone();
    blob.spec.encrypted_data = BTreeMap::from([(BLOB.to_owned(), blob.spec.data.take().unwrap_or_default())]);
    Ok(Cow::Owned(blob))
}

/// Says what Secret should exist, from the opened items of [`to_open`].
///
/// # Errors
/// One for each template that does not render; Tampered: the blob holds no Secret.
pub fn assemble(
    sealed: &SealedSecret,
    mut items: BTreeMap<String, SecretBytes>,
    now: Option<Timestamp>,
) -> std::result::Result<DesiredSecret, Vec<Error>> {
    if is_blob(sealed)
        && let Some(blob) = items.remove(BLOB)
    {
        return from_blob(sealed, &blob).map_err(|error| vec![error]);
    }
    compose(sealed, items, now)
}

/// Puts opened items and the template together.
///
/// # Errors
/// One for each template that does not render.
fn compose(sealed: &SealedSecret, items: BTreeMap<String, SecretBytes>, now: Option<Timestamp>) -> std::result::Result<DesiredSecret, Vec<Error>> {
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

fn from_blob(sealed: &SealedSecret, blob: &SecretBytes) -> Result<DesiredSecret> {
    let sealing = Sealing::of(sealed);
    let fail = |error: Error| error.in_object(sealing.title()).on_item("spec.data");
    let manifest = Manifest::parse(blob).map_err(fail)?;
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
