//! What files hold of a cluster: ExternalSecrets, stores, and the Secrets and ConfigMaps that both of them name.

use std::collections::BTreeMap;

use crds::ExternalSecret;
use crds::secret_store::{SecretStore, SecretStoreSpec};
use engine::manifest::{Kind, Manifest, Node, Object};
use engine::{Error, ErrorKind, PlainSecret, Result, is_object_name};
use keys::SecretBytes;

use super::stores::StoreId;
use crate::exit::Errors;
use crate::input::Source;
use crate::output::note;

/// Where an object stands, for errors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    file: String,
    line: usize,
    title: String,
    /// The lines of its parts, by their paths.
    parts: Vec<(String, usize)>,
}

impl Origin {
    fn of(object: &Object<'_>, file: &str) -> Self {
        let mut parts = Vec::new();
        for list in ["data", "dataFrom"] {
            let Some(Kind::List(entries)) = object.node.at(&["spec", list]).map(|node| &node.kind) else { continue };
            parts.extend(entries.iter().enumerate().map(|(index, entry)| (format!("spec.{list}[{index}]"), entry.line)));
        }
        for map in [["data"].as_slice(), &["metadata", "labels"], &["metadata", "annotations"]] {
            let path = [["spec", "target", "template"].as_slice(), map].concat();
            let entries = object.node.at(&path).map(Node::entries).unwrap_or_default();
            parts.extend(entries.iter().map(|entry| (format!("{}.{}", path.join("."), entry.key), entry.line)));
        }
        Self { file: file.to_owned(), line: object.node.line, title: object.title(), parts }
    }

    /// Adds to an error where its object stands, and the part of it that the error names.
    pub(crate) fn locate(&self, error: Error) -> Error {
        // A secret that is missing is told of the entry in the message.
        let missing = error.message().strip_prefix("read ").and_then(|rest| rest.split(':').next());
        let path = error.place().item.as_deref().and_then(|item| item.split(" (").next()).or(missing).unwrap_or_default();
        let line = self.parts.iter().find(|(part, _)| part == path).map_or(self.line, |(_, line)| *line);
        error.in_file(&self.file).at_line(line).in_object(&self.title)
    }

    /// What people call the object.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }
}

/// An ExternalSecret, and where it stands.
pub(crate) struct Wanted {
    /// The object; its namespace is the one that counts.
    pub(crate) object: ExternalSecret,
    /// Where it stands.
    pub(crate) origin: Origin,
}

impl Wanted {
    /// Its namespace; may be empty.
    pub(crate) fn namespace(&self) -> &str {
        self.object.metadata.namespace.as_deref().unwrap_or_default()
    }
}

/// A store, and where it stands.
pub(super) struct Kept {
    pub(super) spec: SecretStoreSpec,
    pub(super) origin: Origin,
}

/// Namespace and name.
type Name = (String, String);

/// A Secret or a ConfigMap.
#[derive(Default)]
pub(super) struct Values {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) data: BTreeMap<String, SecretBytes>,
}

/// Everything that files hold.
#[derive(Default)]
pub(crate) struct Objects {
    /// ExternalSecrets, in the order of the files.
    pub(crate) wanted: Vec<Wanted>,
    pub(super) stores: BTreeMap<StoreId, Kept>,
    secrets: BTreeMap<Name, Values>,
    config_maps: BTreeMap<Name, Values>,
    /// Labels of namespaces.
    pub(super) namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// Which file holds what, so that nothing stands there twice.
    seen: BTreeMap<(String, Name), String>,
}

impl Objects {
    /// Reads files. Objects that name no namespace stand in the one that is given.
    pub(crate) fn read(sources: &[Source], namespace: &str) -> std::result::Result<Self, Errors> {
        let (mut objects, mut errors) = (Self::default(), Vec::new());
        for source in sources {
            match source.manifest_unless_template() {
                Ok(manifest) => manifest.iter().for_each(|manifest| objects.add_all(manifest, source, namespace, &mut errors)),
                Err(error) => errors.push(error),
            }
        }
        Errors::check(errors).map(|()| objects)
    }

    fn add_all(&mut self, manifest: &Manifest, source: &Source, namespace: &str, errors: &mut Vec<Error>) {
        let found = match source.objects(manifest) {
            Ok(found) => found,
            Err(error) => return errors.push(error),
        };
        for object in found {
            match self.add(&object, &source.name, namespace) {
                Ok(true) => {}
                Ok(false) if source.found => {}
                Ok(false) => note(&format!("{}: left out {}: it has no part in ExternalSecrets", source.name, object.title())),
                Err(error) => errors.push(object.locate(error).in_file(&source.name)),
            }
        }
    }

    /// Takes an object in; says whether it is of a kind that counts.
    pub(crate) fn add(&mut self, object: &Object<'_>, file: &str, namespace: &str) -> Result<bool> {
        let ours = object.api_version.starts_with("external-secrets.io/");
        let core = object.api_version == "v1";
        let counts = match object.kind {
            "ExternalSecret" | "SecretStore" | "ClusterSecretStore" => ours,
            "Secret" | "ConfigMap" | "Namespace" => core,
            _ => false,
        };
        if !counts {
            return Ok(false);
        }
        if ours && object.api_version != "external-secrets.io/v1" {
            let error = Error::input(format!("read the object: {:?} is no version that is served", object.api_version));
            return Err(error.advise("Write apiVersion: external-secrets.io/v1"));
        }
        if !is_object_name(object.name) {
            let what = if object.name.is_empty() { "it has no name" } else { "Kubernetes accepts no such name" };
            return Err(Error::input(format!("read the object: {what}")));
        }
        let namespace = match object.kind {
            "ClusterSecretStore" | "Namespace" => "",
            _ if object.namespace.is_empty() => namespace,
            _ => object.namespace,
        };
        let name = (namespace.to_owned(), object.name.to_owned());
        if let Some(other) = self.seen.insert((object.kind.to_owned(), name.clone()), file.to_owned()) {
            return Err(Error::input(format!("take the object: {other} has one of the same name")));
        }
        self.put(object, name, file)?;
        Ok(true)
    }

    fn put(&mut self, object: &Object<'_>, name: Name, file: &str) -> Result<()> {
        match object.kind {
            "ExternalSecret" => {
                let mut wanted: ExternalSecret = object.to_resource()?;
                wanted.metadata.namespace = Some(name.0).filter(|namespace| !namespace.is_empty());
                // What a cluster said of it is not true here.
                wanted.status = None;
                self.wanted.push(Wanted { object: wanted, origin: Origin::of(object, file) });
            }
            "SecretStore" | "ClusterSecretStore" => {
                let store: SecretStore = object.to_resource()?;
                let id = StoreId { cluster: object.kind == "ClusterSecretStore", namespace: name.0, name: name.1 };
                self.stores.insert(id, Kept { spec: store.spec, origin: Origin::of(object, file) });
            }
            "Secret" => {
                let secret = PlainSecret::read(object)?;
                self.secrets.insert(name, Values { labels: labels(object), data: secret.data });
            }
            "ConfigMap" => drop(self.config_maps.insert(name, Values { labels: labels(object), data: texts(object)? })),
            _ => drop(self.namespaces.insert(name.1, labels(object))),
        }
        Ok(())
    }

    /// The store of a name.
    pub(super) fn store(&self, id: &StoreId) -> Result<&Kept> {
        self.stores.get(id).ok_or_else(|| {
            let advice = "Name the file that holds it too, or the folder";
            Error::new(ErrorKind::NotFound, format!("use {}: the files have none of that name", id.title())).advise(advice)
        })
    }

    /// The only store, or the one of a name.
    pub(crate) fn only_store(&self, name: Option<&str>) -> Result<&StoreId> {
        let mut fitting = self.stores.keys().filter(|id| name.is_none_or(|name| id.name == name));
        match (fitting.next(), fitting.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => {
                let named = if name.is_some() { " of that name" } else { "" };
                Err(Error::new(ErrorKind::NotFound, format!("find the store: the files have none{named}")))
            }
            (Some(_), Some(_)) if name.is_some() => {
                Err(Error::input("find the store: several have that name").advise("Name the file that holds one"))
            }
            (Some(_), Some(_)) => Err(Error::input("find the store: the files have several").advise("Name one with --store")),
        }
    }

    /// A Secret, or a ConfigMap.
    pub(super) fn values(&self, secret: bool, namespace: &str, name: &str) -> Option<&Values> {
        let map = if secret { &self.secrets } else { &self.config_maps };
        map.get(&(namespace.to_owned(), name.to_owned()))
    }
}

fn labels(object: &Object<'_>) -> BTreeMap<String, String> {
    let entries = object.node.at(&["metadata", "labels"]).map(Node::entries).unwrap_or_default();
    entries.iter().filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned()))).collect()
}

fn texts(object: &Object<'_>) -> Result<BTreeMap<String, SecretBytes>> {
    let entries = |key: &str| object.node.get(key).map(Node::entries).unwrap_or_default();
    let mut texts = BTreeMap::new();
    for entry in entries("binaryData") {
        let value = SecretBytes::from_base64(entry.value.expect_text("a value of binaryData")?)?;
        texts.insert(entry.key.clone(), value);
    }
    for entry in entries("data") {
        texts.insert(entry.key.clone(), SecretBytes::new(entry.value.expect_text("a value of data")?.as_bytes().to_vec()));
    }
    Ok(texts)
}
