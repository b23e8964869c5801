//! ClusterExternalSecret: the same ExternalSecret in many namespaces.
//!
//! *Source*: external-secrets 2.9.0 `pkg/controllers/clusterexternalsecret`; deviation: no finalizer on the object or on any namespace, which kept namespaces
//! from going; owner references do what it was for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crds::cluster_external_secret::{ClusterExternalSecretStatus, FailedNamespace};
use crds::condition::Condition;
use crds::{ClusterExternalSecret, ExternalSecret};
use engine::external::rules::namespace_matches;
use futures_util::StreamExt;
use http::Method;
use keys::SecretBytes;
use kube::runtime::watcher::{Config, DefaultBackoff, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tracing::warn;

use super::status::READY;
use crate::api::Refusal;
use crate::context::Context;
use crate::lenient::Lenient;
use crate::watch::{PAGE, trouble};

/// Annotation that is carried over to every child.
const FORCE_SYNC: &str = "external-secrets.io/force-sync";

/// How often everything is looked at, whatever the objects say.
const AT_LEAST: Duration = Duration::from_secs(300);

/// News within this time are looked at together.
const TOGETHER: Duration = Duration::from_millis(200);

/// Longest pause after a failure.
const PAUSE: Duration = Duration::from_secs(10);

/// The objects that there are, and whether there is news.
#[derive(Default)]
pub(crate) struct Clusters {
    objects: Mutex<HashMap<String, Arc<ClusterExternalSecret>>>,
    news: Notify,
}

impl Clusters {
    /// Something changed that may matter: a namespace, an object, a child.
    pub(crate) fn stir(&self) {
        self.news.notify_one();
    }

    fn all(&self) -> Vec<Arc<ClusterExternalSecret>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn put(&self, object: ClusterExternalSecret) {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).insert(object.name_any(), Arc::new(object));
        self.stir();
    }

    fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| keep(name));
    }
}

/// Watches ClusterExternalSecrets.
pub(super) async fn watch(context: Arc<Context>) {
    let clusters = &context.external.clusters;
    let api = Api::<Lenient<ClusterExternalSecret>>::all(context.api.client());
    let mut events = std::pin::pin!(watcher(api, Config::default().page_size(PAGE)).backoff(DefaultBackoff::default()));
    let (mut seen, mut last) = (HashSet::new(), String::new());
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => seen.clear(),
            Ok(Event::InitApply(object) | Event::Apply(object)) => {
                seen.insert(object.name_any());
                if let Some(object) = object.read() {
                    clusters.put(object);
                }
            }
            Ok(Event::InitDone) => clusters.retain(|name| seen.contains(name)),
            Ok(Event::Delete(object)) => {
                let name = object.name_any();
                seen.remove(&name);
                clusters.retain(|known| known != name);
            }
            Err(error) => trouble("ClusterExternalSecrets", None, &error, &mut last),
        }
    }
}

/// Makes the children what they should be whenever something changes.
pub(super) async fn run(context: Arc<Context>) {
    let clusters = &context.external.clusters;
    let mut pause = AT_LEAST;
    loop {
        let _ = tokio::time::timeout(pause, clusters.news.notified()).await;
        tokio::time::sleep(TOGETHER).await;
        pause = AT_LEAST;
        for object in clusters.all() {
            if object.metadata.deletion_timestamp.is_some() {
                continue;
            }
            if let Err(no) = spread(&context, &object).await {
                warn!(object = object.name_any(), error = %no, "cannot spread the ClusterExternalSecret");
                pause = PAUSE;
            }
        }
    }
}

/// Whether an object should be in a namespace.
fn wanted(object: &ClusterExternalSecret, namespace: &str, labels: &BTreeMap<String, String>) -> engine::Result<bool> {
    let spec = &object.spec;
    for selector in spec.namespace_selectors.iter().chain(&spec.namespace_selector) {
        if namespace_matches(Some(selector), &[], &[], namespace, labels)? {
            return Ok(true);
        }
    }
    Ok(spec.namespaces.iter().any(|name| name == namespace))
}

async fn spread(context: &Context, object: &ClusterExternalSecret) -> Result<(), Refusal> {
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let name = object.spec.external_secret_name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| object.name_any());
    let (mut provisioned, mut failed) = (Vec::new(), Vec::new());
    for (namespace, labels) in context.external.stores.namespaces() {
        let here = wanted(object, &namespace, &labels);
        match here {
            Ok(true) => match provide(context, object, &namespace, &name).await {
                Ok(()) => provisioned.push(namespace),
                Err(why) => failed.push(FailedNamespace { namespace, reason: Some(why) }),
            },
            Ok(false) => withdraw(context, uid, &namespace, &name).await?,
            Err(error) => failed.push(FailedNamespace { namespace, reason: Some(format!("cannot {}", error.message())) }),
        }
    }
    let before = object.status.as_ref().and_then(|status| status.external_secret_name.clone()).filter(|before| *before != name);
    if let Some(before) = before {
        for (namespace, _) in context.external.stores.namespaces() {
            withdraw(context, uid, &namespace, &before).await?;
        }
    }
    provisioned.sort();
    failed.sort_by(|one, other| one.namespace.cmp(&other.namespace));
    let ready = failed.is_empty();
    let condition = Condition {
        type_: READY.to_owned(),
        status: if ready { "True" } else { "False" }.to_owned(),
        message: (!ready).then(|| "one or more namespaces failed".to_owned()),
        ..Condition::default()
    };
    let status = ClusterExternalSecretStatus {
        observed_generation: object.metadata.generation,
        external_secret_name: Some(name),
        failed_namespaces: failed,
        provisioned_namespaces: provisioned,
        conditions: vec![condition],
    };
    report(context, object, status).await
}

/// The child as it is; None if there is none.
async fn child(context: &Context, namespace: &str, name: &str) -> Result<Option<Value>, Refusal> {
    match context.api.ask::<Value>(Method::GET, &path(namespace, name), None).await {
        Ok(child) => Ok(Some(child)),
        Err(no) if no.status == 404 => Ok(None),
        Err(no) => Err(no),
    }
}

fn owned(child: &Value, uid: &str) -> bool {
    child["metadata"]["ownerReferences"]
        .as_array()
        .is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == uid && owner["controller"] == true))
}

async fn provide(context: &Context, object: &ClusterExternalSecret, namespace: &str, name: &str) -> Result<(), String> {
    let told = |no: Refusal| if no.is_passing() { "the API server does not answer".to_owned() } else { no.to_string() };
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let live = child(context, namespace, name).await.map_err(told)?;
    let metadata = object.spec.external_secret_metadata.clone().unwrap_or_default();
    let mut annotations = metadata.annotations;
    if let Some(force) = object.metadata.annotations.as_ref().and_then(|annotations| annotations.get(FORCE_SYNC)) {
        annotations.insert(FORCE_SYNC.to_owned(), force.clone());
    }
    let spec = serde_json::to_value(&object.spec.external_secret_spec).unwrap_or_default();
    let owner = json!([{
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterExternalSecret",
        "name": object.metadata.name,
        "uid": uid,
        "controller": true,
        "blockOwnerDeletion": true,
    }]);
    let Some(live) = live else {
        let child = json!({
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": { "name": name, "namespace": namespace, "labels": metadata.labels, "annotations": annotations, "ownerReferences": owner },
            "spec": spec,
        });
        let body = SecretBytes::new(child.to_string().into_bytes());
        let folder = format!("/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets");
        return context.api.send(Method::POST, &folder, Some(&body)).await.map(drop).map_err(told);
    };
    if !owned(&live, uid) {
        return Err("external secret already exists in namespace".to_owned());
    }
    let map = |map: &BTreeMap<String, String>| if map.is_empty() { Value::Null } else { json!(map) };
    let read =
        |live: &Value| serde_json::from_value::<ExternalSecret>(live.clone()).ok().map(|child| serde_json::to_value(child.spec).unwrap_or_default());
    let defaulted = read(&live).is_some_and(|live| without_defaults(live) == without_defaults(spec.clone()));
    if defaulted && live["metadata"]["labels"] == map(&metadata.labels) && live["metadata"]["annotations"] == map(&annotations) {
        return Ok(());
    }
    let mut next = live;
    next["spec"] = spec;
    next["metadata"]["labels"] = map(&metadata.labels);
    next["metadata"]["annotations"] = map(&annotations);
    let body = SecretBytes::new(next.to_string().into_bytes());
    context.api.send(Method::PUT, &path(namespace, name), Some(&body)).await.map(drop).map_err(told)
}

/// What the server writes into an object says nothing: both sides are compared without it.
fn without_defaults(mut spec: Value) -> Value {
    if spec["refreshInterval"].is_null() {
        spec["refreshInterval"] = json!("1h0m0s");
    }
    for (field, value) in [("creationPolicy", "Owner"), ("deletionPolicy", "Retain")] {
        if spec["target"][field].is_null() {
            spec["target"][field] = json!(value);
        }
    }
    spec
}

/// Deletes the child in a namespace that is not meant any more, if it is this object's.
async fn withdraw(context: &Context, uid: &str, namespace: &str, name: &str) -> Result<(), Refusal> {
    if context.external.index.with(&crate::key::Key::new(namespace, name), |_| ()).is_none() {
        return Ok(());
    }
    let Some(live) = child(context, namespace, name).await?.filter(|live| owned(live, uid)) else { return Ok(()) };
    let preconditions = json!({ "uid": live["metadata"]["uid"], "resourceVersion": live["metadata"]["resourceVersion"] });
    let options = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions });
    match context.api.send(Method::DELETE, &path(namespace, name), Some(&options.to_string().into_bytes().into())).await {
        Err(no) if no.status != 404 => Err(no),
        _ => Ok(()),
    }
}

async fn report(context: &Context, object: &ClusterExternalSecret, status: ClusterExternalSecretStatus) -> Result<(), Refusal> {
    if object.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let path = format!("/apis/external-secrets.io/v1/clusterexternalsecrets/{}/status", object.name_any());
    let mut next = object.clone();
    next.status = Some(status);
    let body = SecretBytes::new(serde_json::to_vec(&next).unwrap_or_default());
    match context.api.send(Method::PUT, &path, Some(&body)).await {
        // The watch tells what is so now, and another round follows.
        Err(no) if no.status != 404 && !no.is_conflict() => Err(no),
        _ => Ok(()),
    }
}

fn path(namespace: &str, name: &str) -> String {
    format!("/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets/{name}")
}
