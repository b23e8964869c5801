//! What became of an ExternalSecret.

use crds::ExternalSecret;
use crds::external_secret::{DataEntry, DataFromEntry, Find, RemoteRef, SourceRef, StoreRef};
use engine::external::gather::title;
use engine::external::{refresh, windows};
use engine::manifest::title as object_title;
use engine::{Error, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::store::provider;
use super::{Asked, EXTERNAL, Facts, condition, judged, length, read, text};

/// Everything that is to be said, each under a name.
pub(super) fn facts(asked: &Asked<'_>) -> Result<Facts> {
    let wrong = |_| Error::input("explain the object: it is none that this version knows");
    let object: ExternalSecret = serde_json::from_value(asked.object.clone()).map_err(wrong)?;
    let stores = stores(asked, &object)?;
    let ready = condition(&asked.object, "Ready");
    let target = Target::read(asked, &object)?;
    let mut facts = vec![("object", object_title("ExternalSecret", asked.namespace, asked.name))];
    facts.extend(stores.iter().map(|store| ("store", store.says.clone())));
    facts.extend(asks(&object).into_iter().map(|entry| ("reads", entry)));
    facts.extend([
        ("read", seen(&object)),
        ("when", text(&asked.object["status"]["refreshTime"])),
        ("ready", judged(&ready)),
        ("message", text(&ready["message"])),
        ("target", format!("{}: {}", target.title, target.state())),
        ("next", next(asked, &object, &ready, &stores, &target)),
    ]);
    Ok(facts)
}

/// A store that is asked.
struct Store {
    title: String,
    says: String,
    ready: bool,
}

fn stores(asked: &Asked<'_>, object: &ExternalSecret) -> Result<Vec<Store>> {
    let look = |store: &StoreRef| {
        let root = format!("/apis/{EXTERNAL}/v1");
        let path = if store.is_cluster() {
            format!("{root}/clustersecretstores/{}", store.name)
        } else {
            format!("{root}/namespaces/{}/secretstores/{}", asked.namespace, store.name)
        };
        let title = title(store);
        Ok(match read(asked.server, &path, false)? {
            None => Store { says: format!("{title}: there is none"), title, ready: false },
            Some(live) => {
                let ready = condition(&live, "Ready");
                let says = format!("{title}: provider {}, ready {}", provider(&live), judged(&ready));
                Store { says, title, ready: ready["status"] == "True" }
            }
        })
    };
    object.stores().iter().filter(|store| engine::is_object_name(&store.name)).map(look).collect()
}

/// What is read for which key, in the order of the object.
fn asks(object: &ExternalSecret) -> Vec<String> {
    let default = object.spec.secret_store_ref.as_ref();
    let from = |source: Option<&SourceRef>| {
        let generator =
            source.and_then(|source| source.generator_ref.as_ref()).map(|generator| format!("generator {} {}", generator.kind, generator.name));
        generator.or_else(|| source.and_then(|source| source.store_ref.as_ref()).or(default).map(title)).unwrap_or_else(|| "no store".to_owned())
    };
    let many = object.spec.data_from.iter().map(|entry: &DataFromEntry| {
        let what = match (&entry.extract, &entry.find) {
            (Some(extract), _) => format!("every key of {}", remote(extract)),
            (None, Some(find)) => format!("what is found by {}", search(find)),
            (None, None) => "what it gives".to_owned(),
        };
        format!("{what}, from {}", from(entry.source_ref.as_ref()))
    });
    let single = object
        .spec
        .data
        .iter()
        .map(|entry: &DataEntry| format!("{}: {}, from {}", entry.secret_key, remote(&entry.remote_ref), from(entry.source_ref.as_ref())));
    many.chain(single).collect()
}

fn remote(remote: &RemoteRef) -> String {
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let property = some(&remote.property).map(|property| format!(", property {property:?}")).unwrap_or_default();
    let version = some(&remote.version).map(|version| format!(", version {version:?}")).unwrap_or_default();
    let metadata = if remote.metadata_policy.as_deref() == Some("Fetch") { ", its metadata" } else { "" };
    format!("{:?}{property}{version}{metadata}", remote.key)
}

fn search(find: &Find) -> String {
    let path = find.path.as_ref().map(|path| format!("path {path:?}"));
    let name = find.name.as_ref().and_then(|name| name.regexp.as_ref()).map(|pattern| format!("name {pattern:?}"));
    let tags = (!find.tags.is_empty()).then(|| format!("tags {:?}", find.tags));
    let parts: Vec<String> = [path, name, tags].into_iter().flatten().collect();
    if parts.is_empty() { "nothing in particular".to_owned() } else { parts.join(" and ") }
}

fn seen(object: &ExternalSecret) -> String {
    let synced = object.status.as_ref().and_then(|status| status.synced_resource_version.as_deref()).filter(|synced| !synced.is_empty());
    match synced {
        None => "nothing yet".to_owned(),
        Some(synced) if synced == refresh::version(object) => "for the object as it is".to_owned(),
        Some(_) => "for an earlier version of the object, its labels or its annotations".to_owned(),
    }
}

/// What it becomes.
struct Target {
    title: String,
    /// Its metadata, if it is there; None also where nobody knows where it would be.
    live: Option<Value>,
    produced: Option<crds::external_secret::Produced>,
    known: bool,
}

impl Target {
    fn read(asked: &Asked<'_>, object: &ExternalSecret) -> Result<Self> {
        let name = object.target_name();
        let produced = object.status.as_ref().and_then(|status| status.produced.clone());
        let manifest = object.spec.target.as_ref().and_then(|target| target.manifest.as_ref());
        let (kind, folder) = match manifest {
            None => ("Secret", Some(format!("/api/v1/namespaces/{}/secrets", asked.namespace))),
            Some(manifest) => (manifest.kind.as_str(), folder(asked, &manifest.api_version, &manifest.kind)?),
        };
        let path = folder.as_ref().filter(|_| engine::is_object_name(name)).map(|folder| format!("{folder}/{name}"));
        let live = path.map(|path| read(asked.server, &path, true)).transpose()?.flatten();
        Ok(Self { title: object_title(kind, asked.namespace, name), live, produced, known: folder.is_some() })
    }

    fn is_as_left(&self) -> bool {
        self.live.as_ref().zip(self.produced.as_ref()).is_some_and(|(live, produced)| {
            let (uid, version) = engine::external::object::version(&live["metadata"]);
            let plain = live["metadata"]["resourceVersion"] == produced.resource_version.as_str();
            uid == produced.uid && (plain || version == produced.resource_version)
        })
    }

    fn state(&self) -> &'static str {
        match (&self.live, &self.produced) {
            (None, _) if !self.known => "the cluster has no such kind",
            (None, None) => "none",
            (None, Some(_)) => "none: the one that was made is gone",
            (Some(_), _) if self.is_as_left() => "as the controller left it",
            (Some(live), Some(produced)) if live["metadata"]["uid"] == produced.uid.as_str() => "changed since the controller wrote it",
            (Some(_), _) => "one that the controller did not make, or made before it remembered",
        }
    }
}

/// Where the cluster keeps a kind in a namespace; None if it has no such kind.
fn folder(asked: &Asked<'_>, api_version: &str, kind: &str) -> Result<Option<String>> {
    let manifest = crds::external_secret::ManifestTarget { api_version: api_version.to_owned(), kind: kind.to_owned() };
    let Ok(known) = engine::external::kinds::Kind::of(&manifest) else { return Ok(None) };
    let root = if known.group.is_empty() { format!("/api/{}", known.version) } else { format!("/apis/{}/{}", known.group, known.version) };
    let list = read(asked.server, &root, false)?.unwrap_or(Value::Null);
    let offered = list["resources"].as_array().into_iter().flatten();
    let plural = offered.filter(|offered| offered["kind"] == kind).filter_map(|offered| offered["name"].as_str()).find(|name| !name.contains('/'));
    Ok(plural.map(|plural| format!("{root}/namespaces/{}/{plural}", asked.namespace)))
}

fn next(asked: &Asked<'_>, object: &ExternalSecret, ready: &Value, stores: &[Store], target: &Target) -> String {
    if object.metadata.deletion_timestamp.is_some() {
        return "it is being deleted; what it owns goes with it".to_owned();
    }
    if ready["observedGeneration"].as_i64() != object.metadata.generation && ready["observedGeneration"].is_i64() || ready.is_null() {
        let hint =
            "a controller looks at it; if this stays so, none runs, none looks at this namespace, or a store is for another class of controllers";
        return hint.to_owned();
    }
    if ready["status"] != "True" {
        let waits: Vec<&str> = stores.iter().filter(|store| !store.ready).map(|store| store.title.as_str()).collect();
        return if waits.is_empty() {
            "it is tried again, later each time, at least every five minutes, and at once when the object, a store or a template changes".to_owned()
        } else {
            format!("it is tried again once {} is ready", waits.join(" and "))
        };
    }
    if target.live.is_some() && !target.is_as_left() {
        return "what was made is looked at, and put right if it is not as it should be".to_owned();
    }
    again(object, asked.now)
}

/// When values are read again.
fn again(object: &ExternalSecret, now: Timestamp) -> String {
    let due = match refresh::due(object, now) {
        Ok(due) => due,
        Err(error) => return format!("nothing, until the object changes: cannot {}", error.message()),
    };
    match due.again {
        _ if due.now => "values are read now".to_owned(),
        None => "nothing, until the object, a store, a template or what was made changes".to_owned(),
        Some(rest) => {
            let at = SignedDuration::try_from(rest).ok().and_then(|rest| now.checked_add(rest).ok());
            let at = at.and_then(|at| Timestamp::from_second(at.as_second()).ok());
            if !windows::allow(object.spec.sync_windows.as_ref(), at.unwrap_or(now)).unwrap_or(true) {
                return "values are read again once a sync window lets them".to_owned();
            }
            match at {
                Some(at) => format!("values are read again at {at}, in {}", length(rest)),
                None => "values are read again in a long time".to_owned(),
            }
        }
    }
}
