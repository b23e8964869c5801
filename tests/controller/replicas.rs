//! More than one process, and processes that start again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, data, seal, secrets, sources, wait_synced};
use tests::upstream;

use super::{Test, settled};

pub(crate) const CASES: &[(&str, Test)] = &[
    ("two_that_start_on_an_empty_cluster_make_one_key", one_key),
    ("a_leader_that_was_stopped_past_its_lease_ends_and_another_goes_on", failover),
    ("a_leader_that_ends_hands_over_at_once", hand_over),
    ("a_restart_over_unchanged_objects_opens_and_writes_nothing", restart),
    ("a_restart_notices_what_changed_meanwhile", restart_after_changes),
    ("without_the_right_to_leases_it_leads_alone_and_says_so", upstreams_rights),
    ("in_a_pod_it_finds_the_cluster_by_its_service_account", in_a_pod),
];

pub(crate) fn keys(api: &Api, namespace: &str) -> usize {
    let label = "labelSelector=sealedsecrets.bitnami.com/sealed-secrets-key";
    api.read(&format!("{}?{label}", secrets(namespace))).unwrap()["items"].as_array().unwrap().len()
}

pub(crate) fn leads(controller: &Controller) -> bool {
    controller.figure("sealed_secrets_controller_sealer_leader") == 1.0
}

fn one_key(cluster: &Cluster) {
    let namespace = cluster.namespace("pair");
    let mut pair = [Controller::launch(cluster, &namespace, &[]), Controller::launch(cluster, &namespace, &[])];
    pair.iter_mut().for_each(Controller::wait_until_ready);
    assert_eq!(keys(&cluster.api(), &namespace), 1);
    assert_eq!(pair[0].certificate(), pair[1].certificate(), "the follower serves it too");
    assert_eq!(pair.iter().filter(|controller| leads(controller)).count(), 1);
}

fn failover(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("failover"), cluster.api());
    let first = Controller::start(cluster, &namespace, &[]);
    let second = Controller::start(cluster, &namespace, &[]);
    assert!(leads(&first) && !leads(&second));
    let certificate = first.certificate();
    first.signal("STOP");
    let stopped = Instant::now();
    api.create(&sources(&namespace), &seal(&certificate, &namespace, "db", &[("a", "1")])).unwrap();
    while data(&api, &namespace, "db").is_none() {
        assert!(stopped.elapsed() < Duration::from_secs(60), "nobody takes over");
        std::thread::sleep(Duration::from_millis(100));
    }
    let object = settled(&api, &namespace, "db");
    let lease = || api.read(&format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/sealer-controller")).unwrap();
    let holder = lease()["spec"]["holderIdentity"].clone();
    first.signal("CONT");
    api.wait_for("the old leader to end", |_| (!first.runs()).then_some(()));
    assert!(first.log().contains("the Lease was lost"), "{}", first.log());
    // It wrote nothing, made no key, and took nothing back.
    assert_eq!(keys(&api, &namespace), 1);
    assert_eq!(lease()["spec"]["holderIdentity"], holder);
    let after = api.read(&format!("{}/db", sources(&namespace))).unwrap();
    assert_eq!(after["metadata"]["resourceVersion"], object["metadata"]["resourceVersion"]);
    assert!(leads(&second));
}

fn hand_over(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("hand-over"), cluster.api());
    let first = Controller::start(cluster, &namespace, &[]);
    let second = Controller::start(cluster, &namespace, &[]);
    first.signal("TERM");
    let ended = Instant::now();
    api.wait_for("the second to lead", |_| leads(&second).then_some(()));
    // A Lease that nobody gave back is respected for 15 seconds.
    assert!(ended.elapsed() < Duration::from_secs(12), "{:?}", ended.elapsed());
    assert!(!first.runs());
}

/// Versions of the objects of a namespace, and of its Secrets and Events.
fn versions(api: &Api, namespace: &str) -> Vec<(String, Value)> {
    let lists = [sources(namespace), secrets(namespace), format!("/api/v1/namespaces/{namespace}/events")];
    let read = |list: &String| api.read(list).unwrap()["items"].as_array().unwrap().clone();
    let version = |object: Value| (object["metadata"]["name"].as_str().unwrap().to_owned(), object["metadata"]["resourceVersion"].clone());
    lists.iter().flat_map(read).map(version).collect()
}

fn restart(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("restart"), cluster.api());
    let controller = Controller::start(cluster, &namespace, &[]);
    for name in ["a", "b", "c"] {
        api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, name, &[("x", name)])).unwrap();
        settled(&api, &namespace, name);
    }
    controller.signal("TERM");
    api.wait_for("the end", |_| (!controller.runs()).then_some(()));
    let before = versions(&api, &namespace);
    let again = Controller::start(cluster, &namespace, &[]);
    // One more object has its turn behind those that would have had theirs.
    api.create(&sources(&namespace), &seal(&again.certificate(), &namespace, "later", &[("x", "y")])).unwrap();
    wait_synced(&api, &namespace, "later", true);
    assert_eq!(again.figure("sealed_secrets_controller_sealer_private_operations"), 1.0);
    assert_eq!(again.figure("sealed_secrets_controller_unseal_requests_total"), 1.0);
    let after: Vec<_> = versions(&api, &namespace).into_iter().filter(|(name, _)| !name.starts_with("later")).collect();
    assert_eq!(after, before);
}

fn restart_after_changes(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("meanwhile"), cluster.api());
    let controller = Controller::start(cluster, &namespace, &[]);
    let certificate = controller.certificate();
    for name in ["deleted", "edited", "annotated", "changed"] {
        api.create(&sources(&namespace), &seal(&certificate, &namespace, name, &[("x", "1")])).unwrap();
        settled(&api, &namespace, name);
    }
    controller.signal("KILL");
    api.delete(&format!("{}/deleted", secrets(&namespace))).unwrap();
    api.merge(&format!("{}/edited", secrets(&namespace)), &json!({"stringData": {"x": "2"}})).unwrap();
    let wide = json!({"metadata": {"annotations": {"sealedsecrets.bitnami.com/cluster-wide": "true"}}});
    api.merge(&format!("{}/annotated", sources(&namespace)), &wide).unwrap();
    let changed = seal(&certificate, &namespace, "changed", &[("x", "3")]);
    api.merge(&format!("{}/changed", sources(&namespace)), &json!({"spec": {"encryptedData": changed["spec"]["encryptedData"]}})).unwrap();
    let _again = Controller::start(cluster, &namespace, &[]);
    let value = |name: &str| data(&api, &namespace, name).and_then(|data| data.get("x").cloned());
    for (name, expected) in [("deleted", "1"), ("edited", "1"), ("changed", "3")] {
        api.wait_for(name, |_| (value(name).as_deref() == Some(expected)).then_some(()));
    }
    wait_synced(&api, &namespace, "annotated", false);
}

/// Makes an account with the rights of a role, and a kubeconfig for it.
pub(crate) fn kubeconfig_of(cluster: &Cluster, namespace: &str, rules: &Value) -> std::path::PathBuf {
    let api = cluster.api();
    let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    api.create(&accounts, &json!({"metadata": {"name": "controller"}})).unwrap();
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    api.create(&format!("{rbac}/namespaces/{namespace}/roles"), &json!({"metadata": {"name": "controller"}, "rules": rules})).unwrap();
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "controller"});
    let subjects = json!([{"kind": "ServiceAccount", "name": "controller", "namespace": namespace}]);
    let binding = json!({"metadata": {"name": "controller"}, "roleRef": role, "subjects": subjects});
    api.create(&format!("{rbac}/namespaces/{namespace}/rolebindings"), &binding).unwrap();
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": [], "expirationSeconds": 3600}});
    let answer = api.create(&format!("{accounts}/controller/token"), &request).unwrap();
    let kubeconfig = std::fs::read_to_string(cluster.kubeconfig()).unwrap();
    let file = cluster.folder().join(format!("kubeconfig-{namespace}"));
    std::fs::write(&file, kubeconfig.replace(cluster.token(), answer["status"]["token"].as_str().unwrap())).unwrap();
    file
}

fn upstreams_rights(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("rights"), cluster.api());
    // Upstream's `secrets-unsealer` and `sealed-secrets-key-admin`, word by word.
    let rules = json!([
        {"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets/status"], "verbs": ["update"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "create", "update", "delete", "watch"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    ]);
    let kubeconfig = kubeconfig_of(cluster, &namespace, &rules);
    let mut controller = Controller::launch_bare(&namespace, &[&format!("--kubeconfig={}", kubeconfig.display())]);
    controller.wait_until_ready();
    assert!(controller.log().contains("no right to Leases"), "{}", controller.log());
    api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, "db", &[("a", "1")])).unwrap();
    wait_synced(&api, &namespace, "db", true);
    api.delete(&format!("{}/db", secrets(&namespace))).unwrap();
    api.wait_for("the Secret to be healed", |api| data(api, &namespace, "db"));
    assert!(!controller.log().to_lowercase().contains("forbidden"), "{}", controller.log());
}

fn in_a_pod(cluster: &Cluster) {
    let api = cluster.api();
    let folder = cluster.folder().join("pod");
    let mut arguments = upstream::in_a_pod(cluster, &folder);
    let [port, metrics] = [tests::server::free_port(), tests::server::free_port()];
    arguments.extend([tests::controller().display().to_string(), "--key-size=2048".to_owned(), "--all-namespaces=false".to_owned()]);
    arguments.extend([format!("--listen-addr=127.0.0.1:{port}"), format!("--listen-metrics-addr=127.0.0.1:{metrics}")]);
    api.wait_for("the system's namespace", |api| api.read(&format!("/api/v1/namespaces/{}", upstream::NAMESPACE)).ok());
    let mut server = tests::server::Server::start(std::path::Path::new("env"), arguments, &folder);
    server.wait_until(|| tests::server::fetch(port, "/readyz").is_ok_and(|(status, _)| status == 200));
    assert_eq!(keys(&api, upstream::NAMESPACE), 1, "its namespace is that of the account");
}
