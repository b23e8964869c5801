//! Secret to SealedSecret, with a certificate only: no private key is anywhere on this path.

use std::collections::BTreeMap;

use crds::SealedSecret;
use crds::names::{CLUSTER_WIDE, NAMESPACE_WIDE, SEALED_WITH, TRUE};
use crds::sealed_secret::{SealedSecretSpec, SecretTemplate};
use keys::{Certificate, Fingerprint, Scope, Sealed, SecretBytes};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::manifest::{Edits, Node, Object};
use crate::secret::PlainSecret;
use crate::unseal::refuse_blob;

/// Fewer items than this are sealed where they are: waking another core costs more.
pub const PARALLEL_FROM: usize = 8;

/// The name and scope that items are bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Namespace; may be empty for cluster-wide.
    pub namespace: String,
    /// Name of the SealedSecret and of its Secret.
    pub name: String,
    /// How far the items may travel.
    pub scope: Scope,
}

/// What the user asks for besides what stands in the manifest.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Namespace for a Secret that names none; a Secret that names another is refused.
    pub namespace: Option<String>,
    /// Name, whatever the Secret says.
    pub name: Option<String>,
    /// Scope, whatever the annotations say.
    pub scope: Option<Scope>,
}

/// Whether the certificate's fingerprint is written beside the items, so that opening and checking need not guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Not written: upstream's face.
    Omitted,
    /// Written as the annotation `sealer.dev/sealed-with`.
    Written,
}

impl Target {
    /// Decides what a Secret's items are bound to.
    ///
    /// # Errors
    /// Input: no name, no namespace, or two different ones.
    pub fn of(secret: &PlainSecret, overrides: &Overrides) -> Result<Self> {
        let scope = overrides.scope.unwrap_or_else(|| scope_of(|key| secret.annotation(key)));
        let name = overrides.name.clone().unwrap_or_else(|| secret.name.clone());
        if name.is_empty() {
            return Err(Error::input("seal the Secret: it has no name").in_object(secret.title()).advise("Add metadata.name, or use --name"));
        }
        let asked = overrides.namespace.as_deref().unwrap_or_default();
        if !asked.is_empty() && !secret.namespace.is_empty() && asked != secret.namespace {
            let message = format!("seal the Secret: it is in namespace {:?}, but {asked:?} was asked for", secret.namespace);
            return Err(Error::input(message).in_object(secret.title()).advise("Change metadata.namespace or leave out --namespace"));
        }
        let namespace = if secret.namespace.is_empty() { asked } else { &secret.namespace }.to_owned();
        if namespace.is_empty() && scope != Scope::ClusterWide {
            let error = Error::input(format!("seal the Secret: it has no namespace, which the {scope} scope is bound to"));
            return Err(error.in_object(secret.title()).advise("Add metadata.namespace, or use --namespace"));
        }
        Ok(Self { namespace, name, scope })
    }
}

/// Reads the scope from annotations: cluster-wide beats namespace-wide beats strict.
pub fn scope_of<'a>(annotation: impl Fn(&str) -> Option<&'a str>) -> Scope {
    if annotation(CLUSTER_WIDE) == Some(TRUE) {
        Scope::ClusterWide
    } else if annotation(NAMESPACE_WIDE) == Some(TRUE) {
        Scope::NamespaceWide
    } else {
        Scope::Strict
    }
}

/// Seals every item of a Secret, on all cores if there are many.
///
/// # Errors
/// Bug: the cryptography library refused.
pub fn seal(secret: &PlainSecret, target: &Target, certificate: &Certificate, hint: Hint) -> Result<SealedSecret> {
    let mut metadata = secret.metadata.clone();
    metadata.insert("name".to_owned(), Value::String(target.name.clone()));
    if !target.namespace.is_empty() {
        metadata.insert("namespace".to_owned(), Value::String(target.namespace.clone()));
    }
    annotate(&mut metadata, target.scope);
    let template = SecretTemplate { metadata, type_: secret.type_.clone(), immutable: secret.immutable, data: None };
    let encrypted_data = seal_items(&secret.data, target, certificate)?;
    let mut sealed = SealedSecret::new(&target.name, SealedSecretSpec { template: Some(template), data: None, encrypted_data });
    sealed.metadata.namespace = Some(target.namespace.clone()).filter(|namespace| !namespace.is_empty());
    let mut annotations = BTreeMap::new();
    if let Some(name) = annotation_of(target.scope) {
        annotations.insert(name.to_owned(), TRUE.to_owned());
    }
    if hint == Hint::Written {
        annotations.insert(SEALED_WITH.to_owned(), certificate.fingerprint().to_string());
    }
    sealed.metadata.annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
    Ok(sealed)
}

/// Seals one value.
///
/// # Errors
/// Bug: the cryptography library refused.
pub fn seal_item(value: &SecretBytes, target: &Target, certificate: &Certificate) -> Result<String> {
    let label = target.scope.label(&target.namespace, &target.name);
    Ok(Sealed::seal(certificate.key(), &label, value)?.to_base64())
}

fn seal_items(data: &BTreeMap<String, SecretBytes>, target: &Target, certificate: &Certificate) -> Result<BTreeMap<String, String>> {
    let seal = |(key, value): (&String, &SecretBytes)| Ok((key.clone(), seal_item(value, target, certificate)?));
    if data.len() < PARALLEL_FROM { data.iter().map(seal).collect() } else { data.par_iter().map(seal).collect() }
}

/// Seals the items of a Secret into an existing SealedSecret, under the name, namespace and scope of that one.
///
/// Items, labels and annotations of the Secret are added or replaced; everything else of the file stays as it is.
///
/// # Errors
/// Input: the target is no SealedSecret, has the deprecated format or lacks a name. Bug: the cryptography library refused.
pub fn merge<'m>(edits: &mut Edits<'m>, object: &Object<'m>, secret: &'m PlainSecret, certificate: &Certificate, hint: Hint) -> Result<()> {
    refuse_blob(&object.to_sealed_secret()?, "merge into the SealedSecret").map_err(|error| object.locate(error))?;
    let target = Target { namespace: object.namespace.to_owned(), name: object.name.to_owned(), scope: scope_of(|key| object.annotation(key)) };
    if target.name.is_empty() || (target.namespace.is_empty() && target.scope != Scope::ClusterWide) {
        let error = Error::input("merge into the SealedSecret: its name or namespace is missing");
        return Err(error.at_line(object.node.line).in_object(object.title()));
    }
    for (key, value) in &seal_items(&secret.data, &target, certificate)? {
        let Some((key, _)) = secret.data.get_key_value(key) else { continue };
        edits.put(object.node, &["spec", "encryptedData", key], value.as_str());
    }
    for map in ["labels", "annotations"] {
        for (key, value) in secret.metadata.get(map).and_then(Value::as_object).into_iter().flatten() {
            if ![CLUSTER_WIDE, NAMESPACE_WIDE].contains(&key.as_str()) {
                edits.put(object.node, &["spec", "template", "metadata", map, key], value.as_str().unwrap_or_default());
            }
        }
    }
    if hint == Hint::Omitted {
        forget_hint(edits, object);
    } else {
        let kept = object.node.at(&["spec", "encryptedData"]).map(Node::entries).unwrap_or_default();
        let mut names = hints(object.annotation(SEALED_WITH));
        if kept.iter().all(|entry| secret.data.contains_key(&entry.key)) {
            names.clear();
        } else if names.is_empty() {
            // Items that stay are under keys that nobody named: a hint about some items would be taken for one about all.
            return Ok(());
        }
        write_hint(edits, object, names, certificate.fingerprint());
    }
    Ok(())
}

/// Removes a hint that is about to be wrong, or empties it where it cannot go: no hint costs a search, a false one misleads.
pub(crate) fn forget_hint<'m>(edits: &mut Edits<'m>, object: &Object<'m>) {
    const PATH: [&str; 3] = ["metadata", "annotations", SEALED_WITH];
    if object.annotation(SEALED_WITH).is_some_and(|hint| !hint.is_empty()) && !edits.remove(object.node, &PATH) {
        edits.put(object.node, &PATH, "");
    }
}

/// Adds a certificate to the hint of an object.
pub(crate) fn write_hint<'m>(edits: &mut Edits<'m>, object: &Object<'m>, mut names: Vec<Fingerprint>, newest: Fingerprint) {
    if !names.contains(&newest) {
        names.push(newest);
    }
    let text = names.iter().map(Fingerprint::to_string).collect::<Vec<_>>().join(",");
    edits.put(object.node, &["metadata", "annotations", SEALED_WITH], text);
}

/// Reads the hint: fingerprints between commas; what is not one is passed over.
#[must_use]
pub fn hints(annotation: Option<&str>) -> Vec<Fingerprint> {
    annotation.unwrap_or_default().split(',').filter_map(|text| text.trim().parse().ok()).collect()
}

fn annotation_of(scope: Scope) -> Option<&'static str> {
    match scope {
        Scope::Strict => None,
        Scope::NamespaceWide => Some(NAMESPACE_WIDE),
        Scope::ClusterWide => Some(CLUSTER_WIDE),
    }
}

/// Makes the annotations of the template say the scope that the items have.
fn annotate(metadata: &mut Map<String, Value>, scope: Scope) {
    let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(map) = annotations {
        for name in [CLUSTER_WIDE, NAMESPACE_WIDE] {
            if map.contains_key(name) && annotation_of(scope) != Some(name) {
                map.shift_remove(name);
            }
        }
        if let Some(name) = annotation_of(scope) {
            map.insert(name.to_owned(), Value::String(TRUE.to_owned()));
        }
        if map.is_empty() {
            metadata.shift_remove("annotations");
        }
    }
}
