//! The Secret that an ExternalSecret yields, and what of it may be shown.

use std::collections::{BTreeMap, BTreeSet};

use crds::ExternalSecret;
use engine::desired::DesiredSecret;
use engine::external::gather::{Gathered, gather, texts};
use engine::external::kinds::Kind;
use engine::external::marks::{CREATED_BY, MANAGED};
use engine::external::object::{self, AnyObject};
use engine::external::rules::{self, Creation, Deletion};
use engine::external::target::{Existing, Parts, compose};
use engine::{Error, Result, is_item_key, is_object_name};
use keys::SecretBytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::objects::Wanted;
use super::stores::Stores;

/// What became of an ExternalSecret.
pub(crate) struct Rendered {
    /// What is made; None if its values are gone from the store, and the policy of deletion says what becomes of a Secret then.
    pub(crate) made: Option<Made>,
    /// When a Secret is made of it.
    pub(crate) creation: Creation,
    /// What becomes of a Secret whose values are gone.
    pub(crate) deletion: Deletion,
    /// Entries whose secret the store does not have.
    pub(crate) missing: Vec<String>,
}

/// What an ExternalSecret becomes.
pub(crate) enum Made {
    /// A Secret.
    Secret(DesiredSecret),
    /// An object of another kind.
    Object(AnyObject),
}

impl Stores {
    /// Reads the values of an ExternalSecret and puts its Secret together.
    ///
    /// # Errors
    /// What keeps a store from answering, or a template from rendering; names file, line, object and entry.
    pub(crate) fn render(&self, wanted: &Wanted) -> Result<Rendered> {
        self.render_onto(wanted, None)
    }

    /// As [`Stores::render`], over a Secret that others make.
    ///
    /// # Errors
    /// As [`Stores::render`].
    pub(crate) fn render_onto(&self, wanted: &Wanted, below: Option<&DesiredSecret>) -> Result<Rendered> {
        self.put_together(wanted, below).map_err(|error| wanted.origin.locate(error))
    }

    fn put_together(&self, wanted: &Wanted, below: Option<&DesiredSecret>) -> Result<Rendered> {
        let object = &wanted.object;
        rules::check(object)?;
        let kind = object.spec.target.as_ref().and_then(|target| target.manifest.as_ref()).map(Kind::of).transpose()?;
        let (creation, deletion) = (rules::creation(object)?, rules::deletion(object)?);
        let counter = self.counter(wanted.namespace());
        let Gathered { data, missing } = self.wait(gather(object, &counter, self.now))?;
        if data.is_empty() && deletion != Deletion::Merge {
            return Ok(Rendered { made: None, creation, deletion, missing });
        }
        let (texts, delimiters, now) = (self.wait(texts(object, &counter))?, &self.delimiters, self.now);
        if let Some(kind) = &kind {
            let parts = object::Parts { object, kind, creation, values: data, texts: &texts, existing: None, delimiters, now };
            let mut made = object::compose(parts)?;
            check_name(object.target_name(), wanted.namespace())?;
            made.leave_the_cluster_out();
            return Ok(Rendered { made: Some(Made::Object(made)), creation, deletion, missing });
        }
        let existing = below.map(|secret| Existing {
            metadata: &secret.metadata,
            type_: secret.type_.as_deref(),
            immutable: secret.immutable,
            data: &secret.data,
        });
        let mut secret = compose(Parts { object, creation, values: data, texts: &texts, existing, delimiters, now })?;
        check_names(&secret)?;
        // Files have no uid, without which a cluster would take the owner for one that is gone.
        secret.metadata.remove("ownerReferences");
        if secret.namespace.is_empty() {
            secret.metadata.remove("namespace");
        }
        Ok(Rendered { made: Some(Made::Secret(secret)), creation, deletion, missing })
    }
}

/// Checks what the API server would check.
fn check_names(secret: &DesiredSecret) -> Result<()> {
    check_name(&secret.name, &secret.namespace)?;
    match secret.data.keys().find(|key| !is_item_key(key)) {
        Some(key) => Err(Error::input("make the Secret: Kubernetes accepts no such key").on_item(key)),
        None => Ok(()),
    }
}

fn check_name(name: &str, namespace: &str) -> Result<()> {
    if is_object_name(name) && (namespace.is_empty() || is_object_name(namespace)) {
        Ok(())
    } else {
        Err(Error::input("make the Secret: Kubernetes accepts no such name or namespace"))
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
    Masked {
        api_version: "v1",
        kind: "Secret",
        metadata: masked_metadata(secret.metadata.clone(), object),
        type_: secret.type_.as_deref().unwrap_or("Opaque"),
        immutable: secret.immutable,
        string_data: secret.data.iter().map(|(key, value)| (key.as_str(), length(SecretBytes::len(value)))).collect(),
    }
}

fn length(length: usize) -> String {
    format!("({length} byte{})", if length == 1 { "" } else { "s" })
}

/// The same of metadata alone.
pub(crate) fn masked_metadata(mut metadata: Map<String, Value>, object: &ExternalSecret) -> Map<String, Value> {
    let written = literals(object);
    for map in ["labels", "annotations"] {
        let Some(entries) = metadata.get_mut(map).and_then(Value::as_object_mut) else { continue };
        for (key, value) in entries.iter_mut() {
            let text = value.as_str().unwrap_or_default();
            if key != MANAGED && key != CREATED_BY && !written.contains(text) {
                *value = Value::String(length(text.len()));
            }
        }
    }
    metadata
}

/// Texts of labels and annotations that stand in the object.
fn literals(object: &ExternalSecret) -> BTreeSet<&str> {
    let own = [&object.metadata.labels, &object.metadata.annotations].into_iter().flatten();
    let template = object.spec.target.as_ref().and_then(|target| target.template.as_ref()).and_then(|template| template.metadata.as_ref());
    let given = template.into_iter().flat_map(|metadata| [&metadata.labels, &metadata.annotations]);
    own.chain(given).flat_map(BTreeMap::values).map(String::as_str).collect()
}
