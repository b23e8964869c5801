//! Our controller on a real API server.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::process::ExitCode;

use serde_json::Value;
use tests::cluster::{Api, Cluster, NEEDS, Shared};
use tests::controller::{self, condition};
use tests::suite::{Case, case, run};

#[path = "controller/canary.rs"]
mod canary;
#[path = "controller/clocks.rs"]
mod clocks;
#[path = "controller/faults.rs"]
mod faults;
#[path = "controller/flags.rs"]
mod flags;
#[path = "controller/http.rs"]
mod http;
#[path = "controller/keys.rs"]
mod keys;
#[path = "controller/replicas.rs"]
mod replicas;
#[path = "controller/restarts.rs"]
mod restarts;
#[path = "controller/secrets.rs"]
mod secrets;
#[path = "controller/status.rs"]
mod status;

/// What a case needs.
type Test = fn(&Cluster);

fn main() -> ExitCode {
    let cluster = Shared::default();
    let tests: Vec<(&str, Test)> =
        [canary::CASES, clocks::CASES, faults::CASES, flags::CASES, http::CASES, keys::CASES, replicas::CASES, secrets::CASES, status::CASES]
            .concat();
    let mut cases: Vec<Case> = tests
        .into_iter()
        .map(|(name, test)| {
            let cluster = cluster.clone();
            case(name, needs(name), move || {
                let cluster = cluster.get();
                controller::install(cluster);
                test(cluster);
            })
        })
        .collect();
    drop(cluster);
    cases.extend(restarts::CASES.iter().map(|(name, test)| case(*name, NEEDS, test)));
    run(cases)
}

/// Waits until the status speaks of the object and of its Secret as they are, and gives the object.
fn settled(api: &Api, namespace: &str, name: &str) -> Value {
    let (source, secret) = (format!("{}/{name}", controller::sources(namespace)), format!("{}/{name}", controller::secrets(namespace)));
    api.wait_for(&format!("{name} to be settled"), |api| {
        let (object, secret) = (api.read(&source).ok()?, api.read(&secret).ok()?);
        let seen = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        let same = object["status"]["produced"]["resourceVersion"] == secret["metadata"]["resourceVersion"];
        (seen && same && condition(&object, "Synced")["status"] == "True").then_some(object)
    })
}

/// Peers that a case needs, beside the API server.
fn needs(name: &str) -> &'static [&'static str] {
    match name {
        "kubeseal_works_through_the_service_proxy" => &["etcd", "kube-apiserver", "kubeseal"],
        "in_a_pod_it_finds_the_cluster_by_its_service_account" => &["etcd", "kube-apiserver", "unshare"],
        _ if clocks::CASES.iter().any(|(case, _)| *case == name) => &["etcd", "faketime", "kube-apiserver"],
        _ => NEEDS,
    }
}
