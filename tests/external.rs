//! ExternalSecrets on a real API server.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster, NEEDS, Shared};
use tests::controller::{self, Controller, condition, data, secrets};
use tests::suite::{Case, case, run};

#[path = "external/canary.rs"]
mod canary;
#[path = "external/cluster.rs"]
mod cluster;
#[path = "external/faults.rs"]
mod faults;
#[path = "external/hostile.rs"]
mod hostile;
#[path = "external/policies.rs"]
mod policies;
#[path = "external/stores.rs"]
mod stores;
#[path = "external/sync.rs"]
mod sync;
#[path = "external/targets.rs"]
mod targets;
#[path = "external/templates.rs"]
mod templates;

/// What a case needs.
type Test = fn(&Cluster);

fn main() -> ExitCode {
    let cluster = Shared::default();
    let tests: Vec<(&str, Test)> =
        [canary::CASES, faults::CASES, hostile::CASES, policies::CASES, stores::CASES, sync::CASES, targets::CASES, templates::CASES].concat();
    // Those that look at every namespace have a cluster of their own, one after the other.
    let (whole, turn) = (Shared::default(), Arc::new(Mutex::new(())));
    let alone = cluster::CASES.iter().map(|(name, test)| (*name, *test, whole.clone(), Some(Arc::clone(&turn))));
    let together = tests.into_iter().map(|(name, test)| (name, test, cluster.clone(), None));
    let cases: Vec<Case> = together
        .chain(alone)
        .map(|(name, test, cluster, turn)| {
            case(name, needs(name), move || {
                let _turn = turn.as_ref().map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
                let cluster = cluster.get();
                match turn {
                    // The definitions of the other cluster are no help here.
                    Some(_) => crds::ALL.iter().for_each(|definition| cluster.install(&serde_json::to_value(definition()).unwrap())),
                    None => controller::install(cluster),
                }
                test(cluster);
            })
        })
        .collect();
    drop((cluster, whole));
    run(cases)
}

/// Peers that a case needs.
fn needs(name: &str) -> &'static [&'static str] {
    if name.contains("vault") { &["etcd", "kube-apiserver", "vault"] } else { NEEDS }
}

/// A controller in a namespace of its own, which looks at nothing else.
struct World {
    controller: Controller,
    api: Api,
    namespace: String,
}

impl World {
    fn new(cluster: &Cluster, purpose: &str, flags: &[&str]) -> Self {
        let namespace = cluster.namespace(purpose);
        Self { controller: Controller::start(cluster, &namespace, flags), api: cluster.api(), namespace }
    }

    fn path(&self, kind: &str) -> String {
        format!("/apis/external-secrets.io/v1/namespaces/{}/{kind}", self.namespace)
    }

    /// A store that holds secrets itself.
    fn store(&self, name: &str, data: &[(&str, &str)]) {
        let data: Vec<Value> = data.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        self.api.create(&self.path("secretstores"), &store(name, &json!({"fake": { "data": data }}))).unwrap();
    }

    /// Changes what such a store holds.
    fn restock(&self, name: &str, data: &[(&str, &str)]) {
        let data: Vec<Value> = data.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        let patch = json!({"spec": {"provider": {"fake": { "data": data }}}});
        self.api.merge(&format!("{}/{name}", self.path("secretstores")), &patch).unwrap();
    }

    fn create(&self, name: &str, spec: &Value) -> Value {
        let object = json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": { "name": name }, "spec": spec});
        self.api.create(&self.path("externalsecrets"), &object).unwrap()
    }

    fn edit(&self, name: &str, patch: &Value) -> Value {
        self.api.merge(&format!("{}/{name}", self.path("externalsecrets")), patch).unwrap()
    }

    fn object(&self, name: &str) -> Value {
        self.api.read(&format!("{}/{name}", self.path("externalsecrets"))).unwrap()
    }

    fn secret(&self, name: &str) -> Value {
        self.api.read(&format!("{}/{name}", secrets(&self.namespace))).unwrap()
    }

    fn data(&self, name: &str) -> Option<BTreeMap<String, String>> {
        data(&self.api, &self.namespace, name)
    }

    /// Waits until the status speaks of this generation and has this reason.
    fn wait(&self, name: &str, reason: &str) -> Value {
        self.api.wait_for(&format!("{name} to be {reason}"), |api| {
            let object = api.read(&format!("{}/{name}", self.path("externalsecrets"))).ok()?;
            let ready = condition(&object, "Ready");
            (ready["reason"] == reason && ready["observedGeneration"] == object["metadata"]["generation"]).then_some(object)
        })
    }

    /// Waits until a Secret holds exactly this.
    fn wait_data(&self, name: &str, expected: &[(&str, &str)]) {
        let expected: BTreeMap<String, String> = expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.api.wait_for(&format!("{name} to hold {expected:?}"), |api| (data(api, &self.namespace, name)? == expected).then_some(()));
    }

    fn message(&self, name: &str) -> String {
        condition(&self.object(name), "Ready")["message"].as_str().unwrap_or_default().to_owned()
    }
}

/// A SecretStore.
fn store(name: &str, provider: &Value) -> Value {
    json!({"apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": { "name": name }, "spec": { "provider": provider }})
}

/// The spec of an ExternalSecret: keys of the Secret, and names in the store `vault`.
fn asks(data: &[(&str, &str)], more: &Value) -> Value {
    let data: Vec<Value> = data.iter().map(|(key, remote)| json!({"secretKey": key, "remoteRef": { "key": remote }})).collect();
    let mut spec = json!({"secretStoreRef": {"name": "vault"}, "data": data});
    for (field, value) in more.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    spec
}
