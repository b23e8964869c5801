//! Sealing keys: made, added, changed, removed, broken.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, condition, data, seal, secrets, sources, wait_synced};
use tests::flaky::{Fault, Flaky, Plan};

use super::Test;

pub(crate) const CASES: &[(&str, Test)] = &[
    ("a_first_key_is_made_as_upstream_makes_it", first_key),
    ("keys_take_effect_without_a_restart", without_restart),
    ("a_broken_key_is_reported_and_stops_nothing", broken),
    ("a_key_of_the_first_versions_is_found_by_its_name", legacy),
    ("a_key_of_the_first_versions_is_asked_for_until_the_server_says", doubtful),
    ("a_key_is_renewed_when_it_is_due_and_when_it_is_asked_for", renewed),
    ("a_cut_off_makes_one_key", cut_off),
    ("a_clock_that_was_set_back_makes_no_second_key", set_back),
    ("the_order_of_keys_follows_certificates_or_secrets", order),
    ("the_hint_costs_one_operation_and_a_foreign_key_is_found_once", operations),
];

const LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

fn keys(api: &Api, namespace: &str) -> Vec<Value> {
    api.read(&format!("{}?labelSelector={LABEL}", secrets(namespace))).unwrap()["items"].as_array().unwrap().clone()
}

/// A file of the keys that are committed for tests.
fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys").join(name)).unwrap()
}

fn key_secret(name: &str, key: &str, labels: Value) -> Value {
    let data = json!({"tls.key": file(&format!("{key}.pem")), "tls.crt": file(&format!("{key}.crt"))});
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": labels}, "type": "kubernetes.io/tls", "stringData": data})
}

fn certificate(controller: &Controller, expected: &str) -> bool {
    controller.certificate().trim() == file(expected).trim()
}

fn first_key(cluster: &Cluster) {
    let namespace = cluster.namespace("first");
    let flags = ["--my-cn=sealer", "--key-prefix=own-key", "--privatekey-labels=team=a", "--privatekey-annotations=note=b=c"];
    let controller = Controller::start(cluster, &namespace, &flags);
    let found = keys(&cluster.api(), &namespace);
    assert_eq!(found.len(), 1);
    let metadata = &found[0]["metadata"];
    let suffix = metadata["name"].as_str().unwrap().strip_prefix("own-key").unwrap();
    assert!(!suffix.is_empty() && !suffix.starts_with('-'), "{suffix}");
    assert_eq!(metadata["labels"], json!({LABEL: "active", "team": "a"}));
    assert_eq!(metadata["annotations"], json!({"note": "b=c"}));
    assert_eq!(found[0]["type"], "kubernetes.io/tls");
    let values = data(&cluster.api(), &namespace, metadata["name"].as_str().unwrap()).unwrap();
    assert!(values["tls.key"].starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    assert_eq!(values["tls.crt"], controller.certificate());
}

fn without_restart(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("live-keys"), cluster.api());
    api.create(&secrets(&namespace), &key_secret("one", "alpha", json!({LABEL: "active"}))).unwrap();
    let controller = Controller::start(cluster, &namespace, &["--key-renew-period=0"]);
    assert!(certificate(&controller, "alpha.crt"), "no key is made where there is one");
    // Sealed for a key that is not there yet.
    api.create(&sources(&namespace), &seal(&file("beta.crt"), &namespace, "db", &[("a", "1")])).unwrap();
    wait_synced(&api, &namespace, "db", false);
    api.create(&secrets(&namespace), &key_secret("two", "beta", json!({LABEL: "active"}))).unwrap();
    wait_synced(&api, &namespace, "db", true);
    // Taken out of use: it opens nothing any more.
    api.merge(&format!("{}/two", secrets(&namespace)), &json!({"metadata": {"labels": {LABEL: "compromised"}}})).unwrap();
    api.wait_for("the key to be gone", |_| (controller.figure("sealed_secrets_controller_sealer_keys") == 1.0).then_some(()));
    api.create(&sources(&namespace), &seal(&file("beta.crt"), &namespace, "late", &[("a", "1")])).unwrap();
    wait_synced(&api, &namespace, "late", false);
    api.delete(&format!("{}/one", secrets(&namespace))).unwrap();
    api.wait_for("a new key, since there is none", |api| (keys(api, &namespace).len() == 2).then_some(()));
}

fn broken(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("broken-keys"), cluster.api());
    let mut empty = key_secret("empty", "alpha", json!({LABEL: "active"}));
    empty["stringData"] = json!({"tls.key": "dummy", "tls.crt": "dummy"});
    api.create(&secrets(&namespace), &empty).unwrap();
    let mut mixed = key_secret("mixed", "alpha", json!({LABEL: "active"}));
    mixed["stringData"]["tls.crt"] = json!(file("beta.crt"));
    api.create(&secrets(&namespace), &mixed).unwrap();
    let controller = Controller::start(cluster, &namespace, &[]);
    assert_eq!(controller.figure("sealed_secrets_controller_sealer_broken_keys"), 2.0);
    let told = controller.news("a key Secret cannot be used, and is left out");
    assert_eq!(told.len(), 2, "{told:?}");
    api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, "db", &[("a", "1")])).unwrap();
    wait_synced(&api, &namespace, "db", true);
    // Mended, it counts.
    let data = json!({"data": null, "stringData": {"tls.key": file("beta.pem"), "tls.crt": file("beta.crt")}});
    api.merge(&format!("{}/mixed", secrets(&namespace)), &data).unwrap();
    api.wait_for("the key to be whole", |_| (controller.figure("sealed_secrets_controller_sealer_broken_keys") == 1.0).then_some(()));
}

fn legacy(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("legacy"), cluster.api());
    api.create(&secrets(&namespace), &key_secret("sealed-secrets-key", "alpha", json!({}))).unwrap();
    let controller = Controller::start(cluster, &namespace, &["--key-renew-period=0"]);
    assert!(certificate(&controller, "alpha.crt"));
}

fn doubtful(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("doubtful"), cluster.api());
    api.create(&secrets(&namespace), &key_secret("sealed-secrets-key", "alpha", json!({}))).unwrap();
    let flaky = Flaky::start(cluster, &namespace);
    let part = format!("{namespace}/secrets/sealed-secrets-key");
    flaky.spoil(Plan { method: "GET", part, fault: Fault::Refuse(500, "InternalError", None), times: 2 });
    let kubeconfig = format!("--kubeconfig={}", flaky.kubeconfig().display());
    let mut controller = Controller::launch_bare(&namespace, &[&kubeconfig, "--key-renew-period=0"]);
    controller.wait_until_ready();
    assert!(certificate(&controller, "alpha.crt"));
    assert_eq!((keys(&api, &namespace).len(), flaky.spoiled()), (0, 2), "no key is made where there is one");
}

fn renewed(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("renewed"), cluster.api());
    // A key of yesterday, by its certificate.
    api.create(&secrets(&namespace), &key_secret("old", "alpha", json!({LABEL: "active"}))).unwrap();
    let controller = Controller::start(cluster, &namespace, &["--key-renew-period=1h"]);
    api.wait_for("a successor", |api| (keys(api, &namespace).len() == 2).then_some(()));
    api.wait_for("the successor to seal", |_| (!certificate(&controller, "alpha.crt")).then_some(()));
    let second = controller.certificate();
    controller.signal("USR1");
    api.wait_for("the key that was asked for", |api| (keys(api, &namespace).len() == 3).then_some(()));
    // Both were made within a second or two: the newer one counts from the second it was made.
    assert!(second.starts_with("-----BEGIN CERTIFICATE-----"));
    api.create(&sources(&namespace), &seal(&file("alpha.crt"), &namespace, "db", &[("a", "1")])).unwrap();
    wait_synced(&api, &namespace, "db", true);
}

fn cut_off(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("cut-off"), cluster.api());
    api.create(&secrets(&namespace), &key_secret("old", "alpha", json!({LABEL: "active"}))).unwrap();
    let now = jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z").to_string();
    for _ in 0..2 {
        let controller = Controller::start(cluster, &namespace, &["--key-renew-period=0", &format!("--key-cutoff-time={now}")]);
        api.wait_for("a key after the cut-off", |api| (keys(api, &namespace).len() == 2).then_some(()));
        api.wait_for("the new key to seal", |_| (!certificate(&controller, "alpha.crt")).then_some(()));
    }
    let future = "--key-cutoff-time=Fri, 01 Jan 2100 00:00:00 +0000";
    for _ in 0..2 {
        drop(Controller::start(cluster, &namespace, &["--key-renew-period=0", future]));
    }
    assert_eq!(keys(&api, &namespace).len(), 2, "a cut-off in the future makes none");
}

fn set_back(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("set-back"), cluster.api());
    // A key of the day after tomorrow: it was made before somebody set the clock right.
    let ahead = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let request = engine::key_secret::KeyRequest {
        bits: keys::KeyBits::Rsa2048,
        validity: jiff::SignedDuration::from_hours(87_600),
        common_name: "",
        prefix: "sealed-secrets-key",
    };
    let made = engine::key_secret::make(&request, ahead).unwrap();
    let text = engine::manifest::write_secret(&made, engine::manifest::Format::Json).unwrap();
    api.create(&secrets(&namespace), &serde_json::from_slice(text.expose()).unwrap()).unwrap();
    for _ in 0..2 {
        let controller = Controller::start(cluster, &namespace, &["--key-renew-period=1h"]);
        api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, &format!("db-{}", controller.pid()), &[("a", "1")])).unwrap();
        wait_synced(&api, &namespace, &format!("db-{}", controller.pid()), true);
    }
    assert_eq!(self::keys(&api, &namespace).len(), 1);
}

fn order(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("order"), cluster.api());
    let newest = if newer("beta.crt", "alpha.crt") { ["beta", "alpha"] } else { ["alpha", "beta"] };
    // The newer certificate lies in the older Secret.
    for (name, key) in [("first", newest[0]), ("second", newest[1])] {
        api.create(&secrets(&namespace), &key_secret(name, key, json!({LABEL: "active"}))).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1100));
    }
    let by_certificate = Controller::start(cluster, &namespace, &["--key-renew-period=0"]);
    assert!(certificate(&by_certificate, &format!("{}.crt", newest[0])));
    drop(by_certificate);
    let by_secret = Controller::start(cluster, &namespace, &["--key-renew-period=0", "--key-order-priority=SecretCreationTimestamp"]);
    assert!(certificate(&by_secret, &format!("{}.crt", newest[1])));
}

fn newer(one: &str, other: &str) -> bool {
    let since = |name: &str| keys::Certificate::from_pem(file(name).as_bytes()).unwrap().not_before();
    assert_ne!(since(one), since(other), "the committed certificates differ in age");
    since(one) > since(other)
}

fn operations(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("operations"), cluster.api());
    for (name, key) in [("one", "alpha"), ("two", "beta")] {
        api.create(&secrets(&namespace), &key_secret(name, key, json!({LABEL: "active"}))).unwrap();
    }
    // A third key, newer than both, so that neither is tried first by its age.
    let controller = Controller::start(cluster, &namespace, &["--key-renew-period=1h"]);
    api.wait_for("a third key", |api| (keys(api, &namespace).len() == 3).then_some(()));
    let spent = |name: &str, certificate: &str, hint: bool| {
        let before = controller.figure("sealed_secrets_controller_sealer_private_operations");
        let mut object = seal(&file(certificate), &namespace, name, &[("a", "1"), ("b", "2"), ("c", "3")]);
        if !hint {
            object["metadata"]["annotations"] = Value::Null;
        }
        api.create(&sources(&namespace), &object).unwrap();
        let object = wait_synced(&api, &namespace, name, true);
        assert_eq!(condition(&object, "Synced")["status"], "True");
        controller.figure("sealed_secrets_controller_sealer_private_operations") - before
    };
    let oldest = if newer("beta.crt", "alpha.crt") { "alpha.crt" } else { "beta.crt" };
    assert_eq!(spent("hinted", oldest, true), 3.0);
    // Three keys for the first item, and then the one that opened it; keys of another length cost nothing.
    let foreign = spent("foreign", oldest, false);
    assert!((3.0..=5.0).contains(&foreign), "{foreign}");
}
