//! ExternalSecrets, many of them: of this cluster's own Secrets, and of a store that holds them itself.

use std::time::Duration;

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::secrets;
use tests::operator;

use super::objects::{NAMESPACE, in_parallel, namespace};
use super::watched::{Cost, Watched};

/// Secrets that the objects want, whatever their number.
const REMOTE: usize = 50;

/// Where those are.
const VAULT: &str = "vault";

/// How long the operator may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where the store's answers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// The cluster's own API.
    Kubernetes,
    /// The store itself.
    Fake,
}

/// A cluster with our definitions, a store and so many ExternalSecrets of two keys and a template.
pub(crate) fn prepare(store: Store, count: usize) -> Cluster {
    prepare_under(crds::ALL.iter().map(|definition| serde_json::to_value(definition()).expect("JSON")), store, count)
}

fn prepare_under(definitions: impl IntoIterator<Item = Value>, store: Store, count: usize) -> Cluster {
    let cluster = Cluster::start().expect("the peers are there");
    for definition in definitions {
        cluster.install(&definition);
    }
    let api = cluster.api();
    api.wait_for("the system's namespace", |api| api.read(&format!("/api/v1/namespaces/{}", tests::upstream::NAMESPACE)).ok());
    super::objects::install_key(&api);
    namespace(&api);
    let provider = match store {
        Store::Kubernetes => kubernetes(&cluster, &api),
        Store::Fake => {
            let data: Vec<Value> =
                (0..REMOTE).map(|at| json!({"key": format!("remote-{at}"), "value": r#"{"user":"admin","password":"dummy"}"#})).collect();
            json!({"fake": { "data": data }})
        }
    };
    let store =
        json!({"apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": {"name": "store"}, "spec": { "provider": provider }});
    api.create(&format!("/apis/external-secrets.io/v1/namespaces/{NAMESPACE}/secretstores"), &store).expect("a store");
    let extract = |at: usize| json!([{"extract": {"key": format!("remote-{}", at % REMOTE)}}]);
    let path = format!("/apis/external-secrets.io/v1/namespaces/{NAMESPACE}/externalsecrets");
    in_parallel(&cluster, count, |api, at| {
        let spec = json!({
            "secretStoreRef": {"name": "store"},
            "dataFrom": extract(at),
            "target": {"template": {"data": {"url": "https://{{ .user }}:{{ .password }}@db", "user": "{{ .user }}"}}},
        });
        let object =
            json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": format!("object-{at:05}")}, "spec": spec});
        api.create(&path, &object).map(|_| Value::Null).expect("an object")
    });
    cluster
}

fn kubernetes(cluster: &Cluster, api: &Api) -> Value {
    api.create("/api/v1/namespaces", &json!({"metadata": {"name": VAULT}})).expect("a namespace");
    for at in 0..REMOTE {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("remote-{at}")}, "stringData": {"user": "admin", "password": "dummy"}});
        api.create(&secrets(VAULT), &secret).expect("a Secret");
    }
    let token = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "credentials"}, "stringData": {"token": cluster.token()}});
    api.create(&secrets(NAMESPACE), &token).expect("a Secret");
    cluster.provider(VAULT)
}

/// Starts our controller over a cluster, waits until so many objects are Ready, and tells what that cost, and how many reads of the store.
pub(crate) fn run(cluster: &Cluster, count: usize) -> (Cost, f64) {
    let mut watched = Watched::ours(cluster, &["--allow-provider-cidr=127.0.0.0/8"]);
    let cost = watched.until(count, |watched| ready(&watched.look()));
    let reads = ["Kubernetes", "Fake"]
        .iter()
        .map(|name| watched.figure(&format!("externalsecret_provider_api_calls_count{{provider=\"{name}\",call=\"GetSecret\",status=\"success\"}}")))
        .sum();
    (cost, reads)
}

/// The same work of the External Secrets Operator, on a cluster of its own with its own definitions; the error says how far it came.
pub(crate) fn run_operator(store: Store, count: usize, flags: &[&str]) -> Result<Cost, String> {
    let cluster = prepare_under(operator::definitions().expect("the operator"), store, count);
    Watched::operator(&cluster, flags).attempt(PATIENCE, count, |watched| ready(&watched.look()))
}

/// How many objects are Ready, by the metrics that both have.
fn ready(metrics: &str) -> usize {
    let is_ready = |line: &&str| line.starts_with("externalsecret_status_condition{") && line.contains("status=\"True\"") && line.ends_with(" 1");
    metrics.lines().filter(is_ready).count()
}
