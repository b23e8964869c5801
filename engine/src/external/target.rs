//! The Secret that an ExternalSecret becomes, over the one that exists.
//!
//! *Source*: external-secrets 2.9.0 `externalsecret_controller_template.go`, `pkg/controllers/templating/parser.go`.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use crds::ExternalSecret;
use crds::external_secret::{Template as Shape, TemplateFrom};
use jiff::Timestamp;
use keys::SecretBytes;
use providers::tally::{MOST, Tally};
use serde_json::{Map, Value, json};
use templates::{Context, Language, MissingKey, Template, plain_value};

use super::Delimiters;
use super::choices;
use super::gather::Texts;
use super::marks::{CREATED_BY, DATA_HASH, MANAGED, created_by, data_hash, field_manager};
use super::rules::{Creation, Purpose, purpose};
use crate::collect::decode::{DecodingStrategy, decode_all};
use crate::collect::names::check;
use crate::desired::DesiredSecret;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Kind, Manifest};

/// Labels and annotations that other tools put on their own objects and that mean harm on a child: Argo CD would take it for one of its own, and kubectl's
/// holds a copy of the whole object.
const NEVER_INHERITED: [&str; 4] = [
    "argocd.argoproj.io/instance",
    "argocd.argoproj.io/tracking-id",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubecfg.ksonnet.io/last-applied-configuration",
];

/// How many bytes the values of a Secret may have in all.
///
/// *Source*: `MaxSecretSize` of `k8s.io/kubernetes/pkg/apis/core`, v1.36.
const LARGEST: usize = 1 << 20;

/// What to do about a Secret that is too large.
pub const SPREAD: &str = "Ask for fewer keys, or spread them over several ExternalSecrets";

/// A Secret that exists.
#[derive(Clone, Copy, Debug)]
pub struct Existing<'a> {
    /// All of its metadata, `managedFields` included.
    pub metadata: &'a Map<String, Value>,
    /// Its type.
    pub type_: Option<&'a str>,
    /// Whether its data can never change.
    pub immutable: Option<bool>,
    /// Its values.
    pub data: &'a BTreeMap<String, SecretBytes>,
}

/// What is put together.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The object.
    pub object: &'a ExternalSecret,
    /// Its policy of creation.
    pub creation: Creation,
    /// What the stores gave.
    pub values: BTreeMap<String, SecretBytes>,
    /// Templates that stand elsewhere.
    pub texts: &'a Texts,
    /// The Secret that exists.
    pub existing: Option<Existing<'a>>,
    /// What the actions of templates stand between.
    pub delimiters: &'a Delimiters,
    /// What time it is.
    pub now: Timestamp,
}

/// Puts the Secret together.
///
/// # Errors
/// Input: a template that does not render; names the key. Or more values than a Secret holds. Denied: a Secret of such a type and such annotations would be a token.
pub fn compose(parts: Parts<'_>) -> Result<DesiredSecret> {
    let Parts { object, creation, values, texts, existing, delimiters, now } = parts;
    let (namespace, name) = (object.metadata.namespace.as_deref().unwrap_or_default(), object.metadata.name.as_deref().unwrap_or_default());
    let target = object.spec.target.as_ref();
    let template = target.and_then(|target| target.template.as_ref());
    let rendered = render(template, values, texts, &delimiters.language(), now)?;
    let ours = existing.map(|existing| Ours::of(existing.metadata, name)).unwrap_or_default();

    let mut data = BTreeMap::new();
    if let Some(existing) = existing.filter(|_| creation.merges()) {
        let others = existing.data.iter().filter(|(key, _)| !ours.data.contains(*key));
        data.extend(others.map(|(key, value)| (key.clone(), value.duplicate())));
    }
    data.extend(rendered.data);
    admit_size(&data)?;

    let mut metadata = existing.map(|existing| existing.metadata.clone()).unwrap_or_default();
    metadata.remove("managedFields");
    metadata.insert("name".to_owned(), json!(object.target_name()));
    metadata.insert("namespace".to_owned(), json!(namespace));
    let (labels, annotations) = match template {
        Some(_) => (rendered.labels, rendered.annotations),
        None => ours.inherited(object, &metadata),
    };
    let mut labels = merged(metadata.get("labels"), &ours.labels, labels);
    labels.insert(MANAGED.to_owned(), json!("true"));
    let owner = created_by(namespace, name);
    if creation == Creation::Owner {
        labels.insert(CREATED_BY.to_owned(), json!(owner));
    } else if labels.get(CREATED_BY) == Some(&json!(owner)) {
        labels.remove(CREATED_BY);
    }
    let mut annotations = merged(metadata.get("annotations"), &ours.annotations, annotations);
    annotations.insert(DATA_HASH.to_owned(), json!(data_hash(&data)));
    refuse_token(template.and_then(|template| template.type_.as_deref()), &annotations)?;
    metadata.insert("labels".to_owned(), Value::Object(labels));
    metadata.insert("annotations".to_owned(), Value::Object(annotations));
    own(&mut metadata, object, creation);
    finalize(&mut metadata, template);

    Ok(DesiredSecret {
        namespace: namespace.to_owned(),
        name: object.target_name().to_owned(),
        metadata,
        type_: template.and_then(|template| template.type_.clone()).filter(|type_| !type_.is_empty()).or_else(|| existing?.type_.map(str::to_owned)),
        immutable: target.and_then(|target| target.immutable).filter(|immutable| *immutable).or_else(|| existing?.immutable),
        data,
        owned: creation == Creation::Owner,
    })
}

/// Whether a server would take so much: it need not be sent to find out.
fn admit_size(data: &BTreeMap<String, SecretBytes>) -> Result<()> {
    if data.values().map(SecretBytes::len).sum::<usize>() <= LARGEST {
        return Ok(());
    }
    Err(Error::input(format!("make the Secret: {}, and a Secret holds {LARGEST} bytes at most", size(data))).advise(SPREAD))
}

/// How much it is, for people.
#[must_use]
pub fn size(data: &BTreeMap<String, SecretBytes>) -> String {
    let (sum, longest) = data.values().map(SecretBytes::len).fold((0, 0), |(sum, longest), length| (sum + length, longest.max(length)));
    format!("the values of its {} keys are {sum} bytes long (the longest {longest})", data.len())
}

/// A Secret of a service account's token is filled by the cluster: whoever may write a template must not get one.
///
/// *Source*: GHSA-fq7h-9x26-6j22.
fn refuse_token(type_: Option<&str>, annotations: &Map<String, Value>) -> Result<()> {
    let asks = type_ == Some("kubernetes.io/service-account-token") && annotations.contains_key("kubernetes.io/service-account.name");
    if asks {
        Err(Error::new(ErrorKind::Denied, "make the Secret: its type and annotations ask the cluster for a service account's token"))
    } else {
        Ok(())
    }
}

/// What a Secret has of its object if no template says otherwise. What other tools put there stays where external-secrets copied it before, as long as it
/// says the same: nothing is written for its sake when the cluster changes hands.
fn inherited(map: Option<&BTreeMap<String, String>>, existing: Option<&Value>, ours: &BTreeSet<String>) -> BTreeMap<String, String> {
    let is_copy = |key: &str, value: &str| ours.contains(key) && existing.is_some_and(|existing| existing[key] == value);
    let taken = map.into_iter().flatten().filter(|(key, value)| !NEVER_INHERITED.contains(&key.as_str()) || is_copy(key, value));
    taken.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// What there is, without what we put there before, and with what we put there now.
pub(super) fn merged(existing: Option<&Value>, ours: &BTreeSet<String>, now: BTreeMap<String, String>) -> Map<String, Value> {
    let mut map = existing.and_then(Value::as_object).cloned().unwrap_or_default();
    map.retain(|key, _| !ours.contains(key));
    map.extend(now.into_iter().map(|(key, value)| (key, Value::String(value))));
    map
}

/// The owner reference, as external-secrets writes it.
#[must_use]
pub fn owner_reference(object: &ExternalSecret) -> Value {
    json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "name": object.metadata.name,
        "uid": object.metadata.uid,
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

pub(super) fn own(metadata: &mut Map<String, Value>, object: &ExternalSecret, creation: Creation) {
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let mut owners: Vec<Value> = metadata.get("ownerReferences").and_then(Value::as_array).cloned().unwrap_or_default();
    // An object of that name that is gone owns nothing; it may be the same one, restored.
    let same = |owner: &Value| {
        owner["uid"] == uid
            || (owner["kind"] == "ExternalSecret" && Some(&owner["name"]) == object.metadata.name.as_deref().map(Value::from).as_ref())
    };
    owners.retain(|owner| !same(owner));
    if creation == Creation::Owner {
        owners.push(owner_reference(object));
    }
    if owners.is_empty() {
        metadata.remove("ownerReferences");
    } else {
        metadata.insert("ownerReferences".to_owned(), Value::Array(owners));
    }
}

fn finalize(metadata: &mut Map<String, Value>, template: Option<&Shape>) {
    let wanted = template.and_then(|template| template.metadata.as_ref()).map(|metadata| metadata.finalizers.as_slice()).unwrap_or_default();
    if wanted.is_empty() {
        return;
    }
    let mut finalizers: Vec<Value> = metadata.get("finalizers").and_then(Value::as_array).cloned().unwrap_or_default();
    for finalizer in wanted {
        if !finalizers.iter().any(|there| there == finalizer) {
            finalizers.push(json!(finalizer));
        }
    }
    metadata.insert("finalizers".to_owned(), Value::Array(finalizers));
}

/// The keys that stand under our name in a Secret.
#[derive(Debug, Default)]
pub(super) struct Ours {
    pub(super) data: BTreeSet<String>,
    pub(super) labels: BTreeSet<String>,
    pub(super) annotations: BTreeSet<String>,
}

impl Ours {
    pub(super) fn of(metadata: &Map<String, Value>, name: &str) -> Self {
        let mut ours = Self::default();
        for fields in Self::fields(metadata, name) {
            let names = |fields: &Value| -> Vec<String> {
                fields.as_object().into_iter().flatten().filter_map(|(name, _)| name.strip_prefix("f:").map(str::to_owned)).collect()
            };
            ours.data.extend(names(&fields["f:data"]));
            ours.labels.extend(names(&fields["f:metadata"]["f:labels"]));
            ours.annotations.extend(names(&fields["f:metadata"]["f:annotations"]));
        }
        ours
    }

    /// Labels and annotations that a target with this metadata has of its object, if no template says otherwise.
    pub(super) fn inherited(&self, object: &ExternalSecret, existing: &Map<String, Value>) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
        let given = &object.metadata;
        let labels = inherited(given.labels.as_ref(), existing.get("labels"), &self.labels);
        (labels, inherited(given.annotations.as_ref(), existing.get("annotations"), &self.annotations))
    }

    /// The fields themselves, as the server writes them.
    pub(super) fn fields<'a>(metadata: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Value> {
        let manager = field_manager(name);
        let entries = metadata.get("managedFields").and_then(Value::as_array).into_iter().flatten();
        entries.filter(move |entry| entry["manager"] == manager.as_str()).map(|entry| &entry["fieldsV1"])
    }
}

/// Whether values stand beside what a template gives.
pub(super) fn keeps_values(template: &Shape) -> Result<bool> {
    match template.merge_policy.as_deref() {
        None | Some("" | "Replace") => Ok(template.data.is_empty() && template.template_from.is_empty()),
        Some("Merge") => Ok(true),
        Some(_) => Err(Error::input("use spec.target.template.mergePolicy: it is neither Replace nor Merge")),
    }
}

/// What templates give.
#[derive(Debug, Default)]
struct Rendered {
    data: BTreeMap<String, SecretBytes>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

fn render(template: Option<&Shape>, values: BTreeMap<String, SecretBytes>, texts: &Texts, language: &Language, now: Timestamp) -> Result<Rendered> {
    let Some(template) = template else { return Ok(Rendered { data: values, ..Rendered::default() }) };
    let mut rendered = Rendered::default();
    if keeps_values(template)? {
        rendered.data = values.iter().map(|(key, value)| (key.clone(), value.duplicate())).collect();
    }
    let engine = Engine::new(language, &values, now);
    for (index, from) in template.template_from.iter().enumerate() {
        engine.from(from, texts, &mut rendered).map_err(|error| error.on_item(format!("spec.target.template.templateFrom[{index}]")))?;
    }
    for (key, text) in &template.data {
        let told = |error: Error| error.on_item(format!("spec.target.template.data.{key}"));
        rendered.data.insert(key.clone(), engine.one(key, text.as_bytes()).map_err(told)?);
    }
    let metadata = template.metadata.as_ref();
    for (key, text) in metadata.iter().flat_map(|metadata| &metadata.labels) {
        let value = engine.text(key, text).map_err(|error| error.on_item(format!("spec.target.template.metadata.labels.{key}")))?;
        rendered.labels.insert(key.clone(), value);
    }
    for (key, text) in metadata.iter().flat_map(|metadata| &metadata.annotations) {
        let value = engine.text(key, text).map_err(|error| error.on_item(format!("spec.target.template.metadata.annotations.{key}")))?;
        rendered.annotations.insert(key.clone(), value);
    }
    Ok(rendered)
}

/// Renders the templates of one object over values.
pub(super) struct Engine<'a> {
    language: &'a Language,
    pub(super) values: &'a BTreeMap<String, SecretBytes>,
    now: Timestamp,
    /// How much they gave so far: each may give what a whole Secret holds, and an object may have thousands.
    given: Cell<Tally>,
}

impl<'a> Engine<'a> {
    pub(super) fn new(language: &'a Language, values: &'a BTreeMap<String, SecretBytes>, now: Timestamp) -> Self {
        Self { language, values, now, given: Cell::default() }
    }

    pub(super) fn one(&self, name: &str, text: &[u8]) -> Result<SecretBytes> {
        let context = Context { now: Some(self.now), missing_key: MissingKey::Error, ..Context::new(self.values) };
        let rendered = Template::parse_as(self.language, name, text).and_then(|template| template.render(&context));
        let rendered = rendered.map_err(|error| Error::input(format!("render the template: {error}")))?;
        let mut given = self.given.take();
        let fits = given.add(rendered.len());
        self.given.set(given);
        if fits {
            return Ok(rendered);
        }
        Err(Error::input(format!("render the template: with it, those of one object give more than {} MiB", MOST >> 20)).advise(SPREAD))
    }

    fn text(&self, name: &str, text: &str) -> Result<String> {
        let rendered = self.one(name, text.as_bytes())?;
        // EXPOSE: a label or an annotation, which whoever wrote the template wants to be public.
        String::from_utf8(rendered.expose().to_vec()).map_err(|_| Error::input("render the template: the result is not text"))
    }

    fn from(&self, from: &TemplateFrom, texts: &Texts, rendered: &mut Rendered) -> Result<()> {
        let purpose = purpose(from.target.as_deref()).unwrap_or(Purpose::Data);
        let decoding = choices::decoding(from.values_decoding_strategy.as_deref())?;
        for (secret, source) in [(false, from.config_map.as_ref()), (true, from.secret.as_ref())] {
            for (source, item) in source.iter().flat_map(|source| source.items.iter().map(move |item| (source, item))) {
                let missing = || Error::new(ErrorKind::NotFound, "read the template: it is not there");
                let text = texts.get(secret, &source.name, &item.key).ok_or_else(missing)?;
                // EXPOSE: the text of a template.
                let result = self.one(&item.key, text.expose())?;
                if item.template_as.as_deref() == Some("KeysAndValues") {
                    put_all(&result, decoding, purpose, rendered)?;
                } else {
                    put(decode_all(BTreeMap::from([(item.key.clone(), result)]), decoding)?, purpose, rendered)?;
                }
            }
        }
        match &from.literal {
            Some(text) => put_all(&self.one("literal", text.as_bytes())?, decoding, purpose, rendered),
            None => Ok(()),
        }
    }
}

/// Puts what a rendered text has as keys and values. A key may be made of a value, so no error names one.
fn put_all(text: &SecretBytes, decoding: DecodingStrategy, purpose: Purpose, rendered: &mut Rendered) -> Result<()> {
    let done = keys_and_values(text).and_then(|values| put(decode_all(values, decoding)?, purpose, rendered));
    done.map_err(|error| Error::new(error.kind(), error.message()))
}

fn put(values: BTreeMap<String, SecretBytes>, purpose: Purpose, rendered: &mut Rendered) -> Result<()> {
    let map = match purpose {
        Purpose::Data => {
            // A key may be made of a value: the server would quote one that cannot be.
            rendered.data.extend(check(values)?);
            return Ok(());
        }
        Purpose::Labels => &mut rendered.labels,
        Purpose::Annotations => &mut rendered.annotations,
    };
    for (key, value) in values {
        // EXPOSE: as above.
        let bytes = value.expose().to_vec();
        let text = String::from_utf8(bytes).map_err(|_| Error::input("render the template: the result is not text").on_item(&key))?;
        map.insert(key, text);
    }
    Ok(())
}

/// Reads a rendered text as YAML: a mapping of scalars.
///
/// *Source*: external-secrets 2.9.0, measured: numbers, booleans and null become texts as sigs.k8s.io/yaml makes them, whether they are values or keys;
/// lists and mappings are refused.
pub(super) fn keys_and_values(text: &SecretBytes) -> Result<BTreeMap<String, SecretBytes>> {
    let wrong = |what: &str| Error::input(format!("read what the template gives as keys and values: {what}"));
    // The message of the parser may quote the text, which holds values.
    let manifest = Manifest::parse(text).map_err(|_| wrong("it is no YAML"))?;
    let node = match manifest.documents() {
        [] => return Ok(BTreeMap::new()),
        [node] => node,
        _ => return Err(wrong("it has more than one document")),
    };
    let entries = match &node.kind {
        Kind::Map(entries) => entries,
        Kind::Null => return Ok(BTreeMap::new()),
        _ => return Err(wrong("it is no mapping")),
    };
    let mut values = BTreeMap::new();
    for entry in entries {
        let value = match &entry.value.kind {
            Kind::Text(text) => text.to_string(),
            Kind::Null => String::new(),
            Kind::Bool(truth) => truth.to_string(),
            Kind::Number(text) => plain_value(text),
            Kind::List(_) | Kind::Map(_) => return Err(wrong("a value is a list or a mapping").on_item(&entry.key)),
        };
        let key = entry.read_key().ok_or_else(|| wrong("a key is nothing, or a number that is too large"))?;
        values.insert(key, SecretBytes::new(value.into_bytes()));
    }
    Ok(values)
}

/// Whether a Secret already is what it should be: nothing is written then.
#[must_use]
pub fn is_same(existing: Existing<'_>, desired: &DesiredSecret) -> bool {
    let same = |field: &str| {
        let (one, other) = (existing.metadata.get(field), desired.metadata.get(field));
        let empty = |value: Option<&Value>| {
            value.is_none_or(|value| value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty))
        };
        one == other || (empty(one) && empty(other))
    };
    ["labels", "annotations", "ownerReferences", "finalizers"].into_iter().all(same)
        && existing.type_.unwrap_or("Opaque") == desired.type_.as_deref().unwrap_or("Opaque")
        && existing.immutable.unwrap_or_default() == desired.immutable.unwrap_or_default()
        && crate::desired::same_data(existing.data, &desired.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: std::result::Result<&[(&str, &str)], &str>) {
        let read = keys_and_values(&SecretBytes::new(text.as_bytes().to_vec()));
        let shown = |value: &SecretBytes| String::from_utf8(value.expose().to_vec()).unwrap();
        let read = read.map(|values| values.iter().map(|(key, value)| (key.clone(), shown(value))).collect::<Vec<_>>());
        let expected = expected.map(|pairs| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>());
        assert_eq!(read.map_err(|error| error.message().to_owned()), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn keys_and_values_become_the_texts_that_they_become_in_go() {
        check("version: 1.0\nlimit: 1500000.5\nx: 1e3", Ok(&[("limit", "1.5000005e+06"), ("version", "1"), ("x", "1000")]));
        check(
            "a: 010\nb: .inf\nc: off\nd: ~\ne: '1.0'\nf: 1_000",
            Ok(&[("a", "8"), ("b", "+Inf"), ("c", "false"), ("d", ""), ("e", "1.0"), ("f", "1000")]),
        );
        check("n: a\ny: b\n010: c\n1.50: d", Ok(&[("1.5", "d"), ("8", "c"), ("false", "a"), ("true", "b")]));
        check("'n': a\n\"010\": b\nno more: c\n!!str y: d", Ok(&[("010", "b"), ("n", "a"), ("no more", "c"), ("y", "d")]));
        check("base: &b {n: 1}", Err("read what the template gives as keys and values: a value is a list or a mapping"));
        check("~: a", Err("read what the template gives as keys and values: a key is nothing, or a number that is too large"));
        check(r#"{"n": 1.0, "big": 18446744073709551615}"#, Ok(&[("big", "18446744073709551615"), ("n", "1")]));
        check("", Ok(&[]));
    }

    #[test]
    fn templates_together_give_no_more_than_is_held_for_one_object() {
        let values = BTreeMap::from([("long".to_owned(), SecretBytes::new(vec![b'x'; 1_000_000]))]);
        let language = Language::external_secrets();
        let engine = Engine::new(&language, &values, Timestamp::UNIX_EPOCH);
        for _ in 0..MOST / 1_000_000 {
            assert_eq!(engine.one("key", b"{{ .long }}").unwrap().len(), 1_000_000);
        }
        let error = engine.one("key", b"{{ .long }}").unwrap_err();
        let expected = "render the template: with it, those of one object give more than 64 MiB";
        assert_eq!((error.message(), error.advice()), (expected, Some(SPREAD)));
    }
}
