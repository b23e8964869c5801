//! Secrets as the API server has them, and as it gets them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crds::SealedSecret;
use crds::names::{MADE_BY, MANAGED, PATCH, SEALED_SECRETS_KEY, TRUE};
use engine::desired::{DesiredSecret, same_data};
use engine::external::target::Existing;
use engine::manifest::{Format, write_secret};
use engine::{Error, ErrorKind, Result};
use keys::{SecretBytes, Tag, Tagger};
use serde::de::{self, DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::key::Version;
use crate::lenient;

/// Annotations that other tools put on their own objects and that mean harm on a child: Argo CD would take it for one of its own, and kubectl's holds
/// a copy of the whole object.
const NEVER_INHERITED: [&str; 3] =
    ["argocd.argoproj.io/tracking-id", "kubectl.kubernetes.io/last-applied-configuration", "kubecfg.ksonnet.io/last-applied-configuration"];

/// A Secret that exists.
#[derive(Debug)]
pub(crate) struct Live {
    /// Its metadata, as the server told it.
    metadata: Map<String, Value>,
    type_: Option<String>,
    immutable: Option<bool>,
    data: BTreeMap<String, SecretBytes>,
}

/// A Secret as the server writes it; its metadata with or without who wrote which field.
#[derive(Deserialize)]
struct Answer<M> {
    kind: String,
    metadata: M,
    #[serde(rename = "type")]
    type_: Option<String>,
    immutable: Option<bool>,
    data: Option<BTreeMap<String, Decoded>>,
}

/// Metadata without who wrote which field: it is the larger part, and only [`Live::read`] is asked for it.
#[derive(Deserialize)]
struct Brief(#[serde(deserialize_with = "lenient::metadata")] Map<String, Value>);

/// A value, which is base64 in JSON.
struct Decoded(SecretBytes);

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Decoded;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Decoded, E> {
                SecretBytes::from_base64(text).map(Decoded).map_err(|_| E::custom("no base64"))
            }

            fn visit_unit<E: de::Error>(self) -> std::result::Result<Decoded, E> {
                Ok(Decoded(SecretBytes::new(Vec::new())))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

impl Live {
    /// Reads the server's answer.
    ///
    /// # Errors
    /// Input: it is no Secret.
    pub(crate) fn read(answer: &SecretBytes) -> Result<Self> {
        Self::parse(answer, |metadata| metadata)
    }

    /// As [`Live::read`], without who wrote which field.
    ///
    /// # Errors
    /// Input: it is no Secret.
    pub(crate) fn read_briefly(answer: &SecretBytes) -> Result<Self> {
        Self::parse(answer, |Brief(metadata)| metadata)
    }

    fn parse<M: DeserializeOwned>(answer: &SecretBytes, metadata: impl FnOnce(M) -> Map<String, Value>) -> Result<Self> {
        // EXPOSE: it is parsed, and nothing of it is told if that fails.
        let answer: Option<Answer<M>> = serde_json::from_slice(answer.expose()).ok();
        let Some(answer) = answer.filter(|answer| answer.kind == "Secret") else {
            return Err(Error::input("read the Secret: the API server sent something else"));
        };
        let data = answer.data.into_iter().flatten().map(|(key, Decoded(value))| (key, value)).collect();
        let type_ = answer.type_.filter(|type_| !type_.is_empty());
        Ok(Self { metadata: metadata(answer.metadata), type_, immutable: answer.immutable, data })
    }

    /// All of it, as it is put together with what is wanted.
    pub(crate) fn existing(&self) -> Existing<'_> {
        Existing { metadata: &self.metadata, type_: self.type_.as_deref(), immutable: self.immutable, data: &self.data }
    }

    fn text(&self, field: &str) -> &str {
        self.metadata.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// UID.
    pub(crate) fn uid(&self) -> &str {
        self.text("uid")
    }

    /// Version.
    pub(crate) fn resource_version(&self) -> &str {
        self.text("resourceVersion")
    }

    /// Both, as they are compared.
    pub(crate) fn version(&self) -> Version {
        Version::new(self.uid(), self.resource_version())
    }

    /// Whether it belongs to the SealedSecret of this UID.
    pub(crate) fn belongs_to(&self, uid: &str) -> bool {
        self.controller() == Some(uid) || (self.controller().is_none() && self.annotation(MADE_BY) == Some(uid))
    }

    /// Kind and name of the object that controls it.
    pub(crate) fn controlled_by(&self) -> Option<(&str, &str)> {
        let owners = self.metadata.get("ownerReferences")?.as_array()?;
        let owner = owners.iter().find(|owner| owner["controller"] == true)?;
        Some((owner["kind"].as_str()?, owner["name"].as_str()?))
    }

    /// A label.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.map("labels")?.get(name)?.as_str()
    }

    /// An annotation.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.map("annotations")?.get(name)?.as_str()
    }

    /// Its values.
    pub(crate) fn data(&self) -> &BTreeMap<String, SecretBytes> {
        &self.data
    }

    /// UID of the object that controls it.
    fn controller(&self) -> Option<&str> {
        let owners = self.metadata.get("ownerReferences")?.as_array()?;
        owners.iter().find(|owner| owner["controller"] == true)?["uid"].as_str()
    }

    /// Whether it says that it may be taken over.
    pub(crate) fn is_managed(&self) -> bool {
        self.annotation(MANAGED) == Some(TRUE)
    }

    /// Whether it says that it may be added to.
    pub(crate) fn is_patch(&self) -> bool {
        self.annotation(PATCH) == Some(TRUE)
    }

    /// Whether its data can never change.
    pub(crate) fn is_immutable(&self) -> bool {
        self.immutable == Some(true)
    }

    /// Whether it is on its way out.
    pub(crate) fn is_going(&self) -> bool {
        self.metadata.contains_key("deletionTimestamp")
    }

    /// Whether it holds a sealing key, which no SealedSecret may touch.
    pub(crate) fn is_sealing_key(&self) -> bool {
        self.map("labels").is_some_and(|labels| labels.contains_key(SEALED_SECRETS_KEY))
    }

    /// Its type.
    pub(crate) fn type_(&self) -> &str {
        self.type_.as_deref().unwrap_or("Opaque")
    }

    /// Stands for data and type.
    pub(crate) fn tag(&self, tagger: &Tagger) -> Tag {
        let mut parts = vec![self.type_().as_bytes()];
        for (key, value) in &self.data {
            parts.push(key.as_bytes());
            // EXPOSE: the tag says nothing of it to anybody without the key, which is this process's own.
            parts.push(value.expose());
        }
        tagger.tag(parts)
    }

    fn map(&self, field: &str) -> Option<&Map<String, Value>> {
        self.metadata.get(field)?.as_object()
    }

    /// Whether it has every label and annotation that an object asks for, and the owner.
    pub(crate) fn has_metadata(&self, labels_and_annotations: &Map<String, Value>, owner: Option<&Value>) -> bool {
        let has = |field: &str| {
            let wanted = labels_and_annotations.get(field).and_then(Value::as_object).into_iter().flatten();
            let mut wanted = wanted.filter(|(key, _)| !NEVER_INHERITED.contains(&key.as_str()));
            wanted.all(|(key, value)| self.map(field).and_then(|map| map.get(key)) == Some(value))
        };
        has("labels") && has("annotations") && owner.is_none_or(|owner| self.controller() == owner["uid"].as_str())
    }

    /// Whether it has no other labels and annotations than those.
    fn has_only(&self, wanted: &Map<String, Value>) -> bool {
        let length = |map: Option<&Map<String, Value>>| map.into_iter().flatten().filter(|(key, _)| !NEVER_INHERITED.contains(&key.as_str())).count();
        ["labels", "annotations"].iter().all(|field| length(self.map(field)) == length(wanted.get(*field).and_then(Value::as_object)))
    }
}

/// The owner reference of a produced Secret.
///
/// *Source*: sealed-secrets `sealedsecret_expansion.go`, v0.38.4: a controller, which does not block deletion.
pub(crate) fn owner(object: &SealedSecret) -> Value {
    json!({
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "name": object.metadata.name,
        "uid": object.metadata.uid,
        "controller": true,
    })
}

/// What is to be written: over a Secret that exists, or as a new one.
#[derive(Debug)]
pub(crate) struct Wanted {
    secret: DesiredSecret,
    /// Keys whose values come out differently each time: by themselves they are no reason to write.
    random: BTreeSet<String>,
}

impl Wanted {
    /// A new Secret.
    pub(crate) fn new(mut desired: DesiredSecret, owner: &Value) -> Self {
        if desired.owned {
            desired.metadata.insert("ownerReferences".to_owned(), json!([owner]));
        } else if let Some(annotations) = desired.metadata.entry("annotations").or_insert_with(|| json!({})).as_object_mut() {
            annotations.insert(MADE_BY.to_owned(), owner["uid"].clone());
        }
        let owned = desired.owned;
        for field in ["labels", "annotations"] {
            if let Some(map) = desired.metadata.get_mut(field).and_then(Value::as_object_mut) {
                // What a template says of who made it does not count.
                map.retain(|key, _| !(NEVER_INHERITED.contains(&key.as_str()) || owned && key == MADE_BY));
            }
        }
        Self { secret: desired, random: BTreeSet::new() }
    }

    /// Learns from a second rendering of the same which values are random.
    pub(crate) fn compare(&mut self, other: &BTreeMap<String, SecretBytes>) {
        let differs = |(key, value): &(&String, &SecretBytes)| other.get(*key).is_none_or(|other| !other.ct_eq(value));
        self.random = self.secret.data.iter().filter(differs).map(|(key, _)| key.clone()).collect();
    }

    /// The values: random ones are those of the Secret that exists.
    fn data_beside(&self, live: &Live) -> BTreeMap<String, SecretBytes> {
        let value = |(key, value): (&String, &SecretBytes)| {
            let kept = live.data.get(key).filter(|_| self.random.contains(key)).unwrap_or(value);
            (key.clone(), kept.duplicate())
        };
        self.secret.data.iter().map(value).collect()
    }

    /// The one that is written in the place of an existing one: everything that the object says, and of the rest only what is the server's.
    ///
    /// *Source*: sealed-secrets `pkg/controller/controller.go`, v0.38.4: data, labels, annotations, owners and type are replaced; with the annotation
    /// `patch` the first three are merged, and the owner is set only if it is `managed` too.
    pub(crate) fn over(&self, live: &Live) -> Self {
        let patch = live.is_patch();
        let mut metadata = live.metadata.clone();
        for field in ["labels", "annotations"] {
            let mut map = if patch { live.map(field).cloned().unwrap_or_default() } else { Map::new() };
            map.extend(self.secret.metadata.get(field).and_then(Value::as_object).cloned().unwrap_or_default());
            metadata.insert(field.to_owned(), Value::Object(map));
        }
        if !patch || live.is_managed() {
            match self.secret.metadata.get("ownerReferences") {
                Some(owners) => drop(metadata.insert("ownerReferences".to_owned(), owners.clone())),
                None => drop(metadata.remove("ownerReferences")),
            }
        }
        let mut data: BTreeMap<String, SecretBytes> = BTreeMap::new();
        if patch {
            data.extend(live.data.iter().map(|(key, value)| (key.clone(), value.duplicate())));
        }
        data.extend(self.data_beside(live));
        Self {
            random: self.random.clone(),
            secret: DesiredSecret {
                namespace: self.secret.namespace.clone(),
                name: self.secret.name.clone(),
                metadata,
                // A type can never change: a template that names none takes the one that is there.
                type_: self.secret.type_.clone().or_else(|| live.type_.clone()),
                immutable: self.secret.immutable.or(live.immutable),
                data,
                owned: self.secret.owned,
            },
        }
    }

    /// Whether the existing Secret already is this one. Labels and annotations of strangers are let be unless `exactly` those of the object are wanted.
    pub(crate) fn is(&self, live: &Live, exactly: bool) -> bool {
        let owner = self.secret.metadata.get("ownerReferences").and_then(|owners| owners.get(0));
        same_data(&self.data_beside(live), &live.data)
            && self.secret.type_.as_deref().is_none_or(|type_| type_ == live.type_())
            && self.secret.immutable.is_none_or(|immutable| immutable == live.is_immutable())
            && live.has_metadata(&self.secret.metadata, owner)
            && (!exactly || live.has_only(&self.secret.metadata))
    }

    /// Whether its type is another than that of a Secret that exists.
    pub(crate) fn is_of_another_type(&self, live: &Live) -> bool {
        self.secret.type_.as_deref().is_some_and(|type_| type_ != live.type_())
    }

    /// Its type.
    pub(crate) fn type_(&self) -> &str {
        self.secret.type_.as_deref().unwrap_or("Opaque")
    }

    /// Whether it would be taken for a sealing key.
    pub(crate) fn claims_to_be_a_sealing_key(&self) -> bool {
        self.secret.metadata.get("labels").is_some_and(|labels| labels.get(SEALED_SECRETS_KEY).is_some())
    }

    /// The JSON that is sent.
    ///
    /// # Errors
    /// Bug: it can not be written.
    pub(crate) fn to_json(&self) -> Result<SecretBytes> {
        write_secret(&self.secret, Format::Json)
    }
}

/// Version of the Secret in the server's answer to a write.
///
/// # Errors
/// Busy: the answer is not what was expected.
pub(crate) fn written(answer: &SecretBytes) -> Result<Live> {
    Live::read_briefly(answer).map_err(|_| Error::new(ErrorKind::Busy, "read the API server's answer to a write"))
}

#[cfg(test)]
mod tests;
