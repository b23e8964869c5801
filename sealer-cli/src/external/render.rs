//! The Secret that an ExternalSecret yields, and what of it may be shown.

use std::collections::{BTreeMap, BTreeSet};

use crds::ExternalSecret;
use engine::desired::DesiredSecret;
use engine::external::gather::{Gathered, gather, texts};
use engine::external::marks::{CREATED_BY, MANAGED};
use engine::external::rules::{self, Creation, Deletion};
use engine::external::target::{Parts, compose};
use engine::{Error, Result, is_item_key, is_object_name};
use keys::SecretBytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::objects::Wanted;
use super::stores::Stores;

/// What became of an ExternalSecret.
pub(crate) struct Rendered {
    /// The Secret; None if its values are gone from the store, and the policy of deletion says what becomes of a Secret then.
    pub(crate) secret: Option<DesiredSecret>,
    /// When a Secret is made of it.
    pub(crate) creation: Creation,
    /// What becomes of a Secret whose values are gone.
    pub(crate) deletion: Deletion,
    /// Entries whose secret the store does not have.
    pub(crate) missing: Vec<String>,
}

impl Stores {
    /// Reads the values of an ExternalSecret and puts its Secret together.
    ///
    /// # Errors
    /// What keeps a store from answering, or a template from rendering; names file, line, object and entry.
    pub(crate) fn render(&self, wanted: &Wanted) -> Result<Rendered> {
        self.put_together(wanted).map_err(|error| wanted.origin.locate(error))
    }

    fn put_together(&self, wanted: &Wanted) -> Result<Rendered> {
        let object = &wanted.object;
        rules::check(object)?;
        if object.spec.target.as_ref().is_some_and(|target| target.manifest.is_some()) {
            return Err(Error::input("use spec.target.manifest: only Secrets are made"));
        }
        let (creation, deletion) = (rules::creation(object)?, rules::deletion(object)?);
        let counter = self.counter(wanted.namespace());
        let Gathered { data, missing } = self.wait(gather(object, &counter, self.now))?;
        if data.is_empty() && deletion != Deletion::Merge {
            return Ok(Rendered { secret: None, creation, deletion, missing });
        }
        let texts = self.wait(texts(object, &counter))?;
        let mut secret = compose(Parts { object, creation, values: data, texts: &texts, existing: None, now: self.now })?;
        check_names(&secret)?;
        // Files have no uid, without which a cluster would take the owner for one that is gone.
        secret.metadata.remove("ownerReferences");
        if secret.namespace.is_empty() {
            secret.metadata.remove("namespace");
        }
        Ok(Rendered { secret: Some(secret), creation, deletion, missing })
    }
}

/// Checks what the API server would check.
fn check_names(secret: &DesiredSecret) -> Result<()> {
    if !is_object_name(&secret.name) || !(secret.namespace.is_empty() || is_object_name(&secret.namespace)) {
        return Err(Error::input("make the Secret: Kubernetes accepts no such name or namespace"));
    }
    match secret.data.keys().find(|key| !is_item_key(key)) {
        Some(key) => Err(Error::input("make the Secret: Kubernetes accepts no such key").on_item(key)),
        None => Ok(()),
    }
}

/// A Secret without its values.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Masked<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Map<String, Value>,
    #[serde(rename = "type")]
    type_: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    immutable: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    string_data: BTreeMap<&'a str, String>,
}

/// Puts the length of each value in its place. Labels and annotations are shown as far as they stand in the ExternalSecret as they are: a template may have
/// put values into them, and the hash of all data would give a short value away.
pub(crate) fn masked<'a>(secret: &'a DesiredSecret, object: &ExternalSecret) -> Masked<'a> {
    let shown = |length: usize| format!("({length} byte{})", if length == 1 { "" } else { "s" });
    let written = literals(object);
    let mut metadata = secret.metadata.clone();
    for map in ["labels", "annotations"] {
        let Some(entries) = metadata.get_mut(map).and_then(Value::as_object_mut) else { continue };
        for (key, value) in entries.iter_mut() {
            let text = value.as_str().unwrap_or_default();
            if key != MANAGED && key != CREATED_BY && !written.contains(text) {
                *value = Value::String(shown(text.len()));
            }
        }
    }
    Masked {
        api_version: "v1",
        kind: "Secret",
        metadata,
        type_: secret.type_.as_deref().unwrap_or("Opaque"),
        immutable: secret.immutable,
        string_data: secret.data.iter().map(|(key, value)| (key.as_str(), shown(SecretBytes::len(value)))).collect(),
    }
}

/// Texts of labels and annotations that stand in the object.
fn literals(object: &ExternalSecret) -> BTreeSet<&str> {
    let own = [&object.metadata.labels, &object.metadata.annotations].into_iter().flatten();
    let template = object.spec.target.as_ref().and_then(|target| target.template.as_ref()).and_then(|template| template.metadata.as_ref());
    let given = template.into_iter().flat_map(|metadata| [&metadata.labels, &metadata.annotations]);
    own.chain(given).flat_map(BTreeMap::values).map(String::as_str).collect()
}
