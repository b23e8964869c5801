//! The road from upstream's controller onto ours, and back: real controllers, one cluster, no Secret written.
#![expect(clippy::unwrap_used, reason = "test code")]
#![expect(clippy::cast_precision_loss, reason = "counts are small")]

use std::process::ExitCode;

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, condition, seal, seal_secret, secrets, sources};
use tests::suite::{case, run};
use tests::upstream::{self, NAMESPACE};

fn main() -> ExitCode {
    run(vec![
        case("theirs_to_ours_and_back_writes_no_secret", upstream::NEEDS, there_and_back),
        case("under_upstreams_definition_ours_remembers_nothing_and_still_writes_nothing", upstream::NEEDS, upstreams_definition),
    ])
}

/// Names, identities, versions and data of all Secrets.
fn snapshot(api: &Api, namespace: &str) -> Vec<(Value, Value, Value, Value)> {
    let list = api.read(&secrets(namespace)).unwrap();
    let row = |secret: &Value| {
        let metadata = &secret["metadata"];
        (metadata["name"].clone(), metadata["uid"].clone(), metadata["resourceVersion"].clone(), secret["data"].clone())
    };
    list["items"].as_array().unwrap().iter().map(row).collect()
}

/// Objects of many shapes.
fn make(api: &Api, namespace: &str, certificate: &str) -> usize {
    let plain = |name: &str, more: Value| {
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": {"user": "shop", "b": "2"}});
        for (field, value) in more.as_object().unwrap() {
            if field == "metadata" {
                secret["metadata"].as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
            } else {
                secret[field] = value.clone();
            }
        }
        seal_secret(certificate, &secret)
    };
    let annotated = |name: &str| json!({"metadata": {"annotations": {format!("sealedsecrets.bitnami.com/{name}"): "true"}}});
    let mut templated = plain("templated", json!({}));
    templated["spec"]["template"]["data"] = json!({"line": "user={{ .user }}"});
    let mut untemplated = plain("untemplated", json!({}));
    untemplated["spec"].as_object_mut().unwrap().remove("template");
    let objects = [
        plain("simple", json!({})),
        plain("typed", json!({"type": "example.com/typed"})),
        plain("fixed", json!({"immutable": true})),
        plain("labelled", json!({"metadata": {"labels": {"team": "a"}, "annotations": {"note": "x"}}})),
        plain("wide", annotated("cluster-wide")),
        plain("near", annotated("namespace-wide")),
        templated,
        untemplated,
    ];
    for object in &objects {
        api.create(&sources(namespace), object).unwrap();
    }
    objects.len()
}

fn all_synced(api: &Api, namespace: &str, count: usize, ours: bool) {
    api.wait_for("every object to be synced", |api| {
        let list = api.read(&sources(namespace)).ok()?;
        let objects = list["items"].as_array()?;
        let is_done = |object: &Value| {
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            let seen = !ours || condition(object, "Ready")["status"] == "True";
            current && seen && condition(object, "Synced")["status"] == "True"
        };
        (objects.len() == count && objects.iter().all(is_done)).then_some(())
    });
}

/// Ours in the place of theirs: the same namespace, all others looked at.
fn ours(cluster: &Cluster) -> Controller {
    let mut controller = Controller::launch(cluster, NAMESPACE, &["--all-namespaces"]);
    controller.wait_until_ready();
    controller
}

fn there_and_back() {
    let cluster = Cluster::start().unwrap();
    let (api, namespace) = (cluster.api(), cluster.namespace("shop"));
    let theirs = upstream::Controller::start(&cluster, &[]).unwrap();
    let certificate = theirs.certificate();
    let count = make(&api, &namespace, &certificate);
    all_synced(&api, &namespace, count, false);
    drop(theirs);
    let (before, keys) = (snapshot(&api, &namespace), snapshot(&api, NAMESPACE));
    assert_eq!(before.len(), count);

    for definition in crds::ALL {
        cluster.install(&serde_json::to_value(definition()).unwrap());
    }
    let controller = ours(&cluster);
    all_synced(&api, &namespace, count, true);
    assert_eq!(controller.certificate(), certificate, "the same key seals");
    assert_eq!(snapshot(&api, &namespace), before, "ours wrote a Secret");
    // And it works: what is deleted comes back, what is new is made.
    api.create(&sources(&namespace), &seal(&certificate, &namespace, "ours", &[("a", "1")])).unwrap();
    all_synced(&api, &namespace, count + 1, true);
    drop(controller);
    let middle = snapshot(&api, &namespace);

    let theirs = upstream::Controller::again(&cluster, &[]).unwrap();
    api.wait_for("every object to have had its turn", |_| {
        let turns =
            theirs.metrics().lines().find_map(|line| line.strip_prefix("sealed_secrets_controller_unseal_requests_total ")?.parse::<f64>().ok());
        turns.filter(|turns| *turns > count as f64)
    });
    all_synced(&api, &namespace, count + 1, false);
    assert_eq!(theirs.certificate(), certificate);
    assert_eq!(snapshot(&api, &namespace), middle, "theirs wrote a Secret");
    assert_eq!(snapshot(&api, NAMESPACE), keys, "no key was made on the way");
}

fn upstreams_definition() {
    let cluster = Cluster::start().unwrap();
    cluster.install(&upstream::definition().unwrap());
    let (api, namespace) = (cluster.api(), cluster.namespace("shop"));
    api.wait_for("the system's namespace", |api| api.read(&format!("/api/v1/namespaces/{NAMESPACE}")).ok());
    let controller = ours(&cluster);
    let count = make(&api, &namespace, &controller.certificate());
    all_synced(&api, &namespace, count, true);
    let object = api.read(&format!("{}/simple", sources(&namespace))).unwrap();
    assert!(object["status"]["produced"].is_null(), "this definition has no such field");
    let before = snapshot(&api, &namespace);
    controller.signal("TERM");
    api.wait_for("the end", |_| (!controller.runs()).then_some(()));
    let again = ours(&cluster);
    // One full pass: everything is opened and read once, and nothing is written.
    api.wait_for("one pass", |_| (again.figure("sealed_secrets_controller_unseal_requests_total") >= count as f64).then_some(()));
    all_synced(&api, &namespace, count, true);
    assert_eq!(snapshot(&api, &namespace), before);
}
