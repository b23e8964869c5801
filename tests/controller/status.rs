//! What the controller says: status, events, metrics, logs.

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, condition, data, seal, secrets, sources, wait_synced};

use super::{Test, settled};

pub(crate) const CASES: &[(&str, Test)] = &[
    ("a_bad_edit_is_told_and_a_good_one_forgotten", bad_then_good),
    ("a_message_is_refreshed_while_it_stays_false", refreshed),
    ("broken_base64_is_told_once_and_not_tried_for_ever", told_once),
    ("events_have_upstreams_words_and_are_not_repeated", events),
    ("metrics_have_upstreams_names_and_values", metrics),
    ("metrics_name_nobody_if_that_is_asked_for", nameless_metrics),
    ("no_status_is_written_if_that_is_asked_for", without_status),
    ("somebody_who_fights_over_a_secret_is_told_and_outwaited", contended),
    ("a_fight_over_a_secret_that_is_only_patched_is_one_too", contended_patch),
    ("logs_have_one_format_and_go_where_they_are_sent", logs),
];

fn start(cluster: &Cluster, purpose: &str, flags: &[&str]) -> (Controller, Api, String) {
    let namespace = cluster.namespace(purpose);
    (Controller::start(cluster, &namespace, flags), cluster.api(), namespace)
}

fn make(controller: &Controller, api: &Api, name: &str) {
    let namespace = controller.namespace();
    api.create(&sources(namespace), &seal(&controller.certificate(), namespace, name, &[("a", "1"), ("b", "2")])).unwrap();
}

fn set_item(api: &Api, namespace: &str, name: &str, value: &str) {
    api.merge(&format!("{}/{name}", sources(namespace)), &json!({"spec": {"encryptedData": {"a": value}}})).unwrap();
}

fn message(object: &Value) -> String {
    condition(object, "Synced")["message"].as_str().unwrap_or_default().to_owned()
}

fn bad_then_good(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "edit", &[]);
    make(&controller, &api, "db");
    let good = wait_synced(&api, &namespace, "db", true);
    set_item(&api, &namespace, "db", "AgB!");
    let bad = wait_synced(&api, &namespace, "db", false);
    assert!(message(&bad).starts_with("item \"a\": "), "{bad}");
    assert_eq!(bad["status"]["produced"], good["status"]["produced"], "what was made before is still there");
    assert_eq!(data(&api, &namespace, "db").unwrap()["a"], "1");
    assert_eq!(condition(&bad, "Ready")["status"], "False");
    set_item(&api, &namespace, "db", good["spec"]["encryptedData"]["a"].as_str().unwrap());
    let mended = wait_synced(&api, &namespace, "db", true);
    assert_eq!((message(&mended), condition(&mended, "Stalled")), (String::new(), Value::Null));
    assert_eq!(condition(&mended, "Synced")["reason"], "Unsealed");
}

fn refreshed(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "refresh", &[]);
    make(&controller, &api, "db");
    wait_synced(&api, &namespace, "db", true);
    set_item(&api, &namespace, "db", "AgB!");
    let first = wait_synced(&api, &namespace, "db", false);
    set_item(&api, &namespace, "db", "AAAA");
    let second = wait_synced(&api, &namespace, "db", false);
    assert_ne!(message(&first), message(&second));
    let turned = |object: &Value| condition(object, "Synced")["lastTransitionTime"].clone();
    assert_eq!(turned(&first), turned(&second), "it did not turn in between");
}

fn told_once(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "once", &[]);
    make(&controller, &api, "db");
    wait_synced(&api, &namespace, "db", true);
    set_item(&api, &namespace, "db", "not base64");
    let bad = wait_synced(&api, &namespace, "db", false);
    let turns = controller.figure("sealed_secrets_controller_unseal_requests_total");
    // Three others have their turns; this one has none.
    for name in ["x", "y", "z"] {
        make(&controller, &api, name);
        wait_synced(&api, &namespace, name, true);
    }
    assert_eq!(controller.figure("sealed_secrets_controller_unseal_requests_total"), turns + 3.0);
    let after = api.read(&format!("{}/db", sources(&namespace))).unwrap();
    assert_eq!(after["metadata"]["resourceVersion"], bad["metadata"]["resourceVersion"], "its status was written once");
}

/// Events of an object: type, reason and message, oldest first.
fn told(api: &Api, namespace: &str, name: &str) -> Vec<(String, String, String)> {
    let list = api.read(&format!("/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.name={name}")).unwrap();
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
    let events = list["items"].as_array().unwrap().clone();
    assert!(events.iter().all(|event| event["source"]["component"] == "sealed-secrets" && event["involvedObject"]["kind"] == "SealedSecret"));
    events.iter().map(|event| (text(event, "type"), text(event, "reason"), text(event, "message"))).collect()
}

fn events(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "events", &[]);
    make(&controller, &api, "db");
    wait_synced(&api, &namespace, "db", true);
    let good = ("Normal".to_owned(), "Unsealed".to_owned(), "SealedSecret unsealed successfully".to_owned());
    assert_eq!(told(&api, &namespace, "db"), [good]);
    // A pass that finds nothing to do says nothing.
    api.merge(&format!("{}/db", secrets(&namespace)), &json!({"metadata": {"labels": {"x": "y"}}})).unwrap();
    settled(&api, &namespace, "db");
    assert_eq!(told(&api, &namespace, "db").len(), 1);
    set_item(&api, &namespace, "db", "AgB!");
    wait_synced(&api, &namespace, "db", false);
    let bad = told(&api, &namespace, "db").into_iter().find(|event| event.0 == "Warning").unwrap();
    assert_eq!(bad.1, "ErrUnsealFailed");
    assert!(bad.2.starts_with("Failed to unseal: "), "{bad:?}");

    let theirs = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "taken"}});
    api.create(&secrets(&namespace), &theirs).unwrap();
    make(&controller, &api, "taken");
    wait_synced(&api, &namespace, "taken", false);
    let taken = told(&api, &namespace, "taken");
    assert_eq!(
        (taken[0].1.as_str(), taken[0].2.as_str()),
        ("ErrUpdateFailed", "Resource \"taken\" already exists and is not managed by SealedSecret")
    );
}

fn metrics(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "metrics", &[]);
    make(&controller, &api, "good");
    make(&controller, &api, "bad");
    wait_synced(&api, &namespace, "good", true);
    wait_synced(&api, &namespace, "bad", true);
    set_item(&api, &namespace, "bad", "AgB!");
    wait_synced(&api, &namespace, "bad", false);
    let prefix = "sealed_secrets_controller_";
    let figure = |line: &str| controller.figure(&format!("{prefix}{line}"));
    let of =
        |name: &str| format!("condition_info{{namespace=\"{namespace}\",name=\"{name}\",condition=\"Synced\",ss_app_kubernetes_io_instance=\"\"}}");
    let expected = [
        (of("good"), 1.0),
        (of("bad"), -1.0),
        (format!("unseal_errors_total{{reason=\"unseal\",namespace=\"{namespace}\"}}"), 1.0),
        ("unseal_requests_total".to_owned(), 3.0),
        (format!("build_info{{revision=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
        ("sealer_keys".to_owned(), 1.0),
        ("sealer_objects".to_owned(), 2.0),
        ("sealer_leader".to_owned(), 1.0),
        ("sealer_broken_keys".to_owned(), 0.0),
        ("sealer_queue_depth".to_owned(), 0.0),
    ];
    for (line, value) in expected {
        assert_eq!(figure(&line), value, "{line} in\n{}", controller.metrics());
    }
    assert!(controller.certificate().starts_with("-----BEGIN"));
    assert!(figure("http_requests_total{path=\"/v1/cert.pem\",code=\"200\",method=\"get\"}") >= 1.0);
    assert!(figure("http_request_duration_seconds_count{path=\"/v1/cert.pem\",method=\"get\"}") >= 1.0);
    assert!(figure("sealer_last_success_timestamp_seconds") > 1.0e9);
    assert!((0.0..600.0).contains(&figure("sealer_key_age_seconds")));
    assert!(figure("sealer_turn_duration_seconds_count") >= 3.0 && figure("sealer_queue_wait_seconds_count") >= 3.0);
    // A private operation with 4,096 bits takes milliseconds, and all of them together no more than the process did.
    let spent = figure("sealer_private_operations_cpu_seconds");
    assert!(spent > 0.0005 * figure("sealer_private_operations") && spent <= controller.figure("process_cpu_seconds_total") + 0.01, "{spent} s");
    for line in ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"] {
        assert!(controller.figure(line) > 0.0, "{line}");
    }
    api.delete(&format!("{}/bad", sources(&namespace))).unwrap();
    api.wait_for("the metric to go", |_| (!controller.metrics().contains(&of("bad"))).then_some(()));
}

fn nameless_metrics(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "nameless", &["--metrics-omit-secret-labels"]);
    make(&controller, &api, "good");
    wait_synced(&api, &namespace, "good", true);
    set_item(&api, &namespace, "good", "AgB!");
    wait_synced(&api, &namespace, "good", false);
    let text = controller.metrics();
    assert!(text.contains("unseal_errors_total") && !text.contains(&namespace) && !text.contains("good"), "{text}");
}

fn without_status(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "statusless", &["--update-status=false"]);
    make(&controller, &api, "db");
    api.wait_for("the Secret", |api| data(api, &namespace, "db"));
    api.merge(&format!("{}/db", secrets(&namespace)), &json!({"stringData": {"a": "edited"}})).unwrap();
    api.wait_for("the edit to be healed", |api| (data(api, &namespace, "db")?["a"] == "1").then_some(()));
    assert!(api.read(&format!("{}/db", sources(&namespace))).unwrap()["status"].is_null());
}

fn contended(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "fight", &[]);
    make(&controller, &api, "db");
    wait_synced(&api, &namespace, "db", true);
    let path = format!("{}/db", secrets(&namespace));
    let edit = |value: &str| api.merge(&path, &json!({"stringData": {"a": value}})).unwrap();
    // The first two are undone at once.
    for value in ["x", "y"] {
        edit(value);
        api.wait_for("the edit to be undone", |api| (data(api, &namespace, "db")?["a"] == "1").then_some(()));
    }
    edit("z");
    let object = wait_synced(&api, &namespace, "db", false);
    assert_eq!(condition(&object, "Synced")["reason"], "Contended");
    assert_eq!(data(&api, &namespace, "db").unwrap()["a"], "z", "not now");
    let written = controller.news("Secret written").len();
    assert_eq!(written, 3, "made once, and put right twice");
    // It is put right after a pause of ten seconds.
    api.wait_for("the edit to be undone in the end", |api| (data(api, &namespace, "db")?["a"] == "1").then_some(()));
}

fn contended_patch(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "patch-fight", &[]);
    let annotations = json!({"sealedsecrets.bitnami.com/patch": "true"});
    let metadata = json!({"name": "db", "annotations": annotations});
    let theirs = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": "theirs", "own": "x"}});
    api.create(&secrets(&namespace), &theirs).unwrap();
    make(&controller, &api, "db");
    wait_synced(&api, &namespace, "db", true);
    for _ in 0..2 {
        api.merge(&format!("{}/db", secrets(&namespace)), &json!({"stringData": {"a": "theirs"}})).unwrap();
        api.wait_for("the value to be put back", |api| (data(api, &namespace, "db")?["a"] == "1").then_some(()));
    }
    api.merge(&format!("{}/db", secrets(&namespace)), &json!({"stringData": {"a": "theirs"}})).unwrap();
    let object = wait_synced(&api, &namespace, "db", false);
    assert_eq!(condition(&object, "Synced")["reason"], "Contended");
    assert_eq!(data(&api, &namespace, "db").unwrap()["own"], "x");
}

fn logs(cluster: &Cluster) {
    let namespace = cluster.namespace("logs");
    let controller = Controller::start(cluster, &namespace, &["--log-level=DEBUG"]);
    let api = cluster.api();
    make(&controller, &api, "db");
    wait_synced(&api, &namespace, "db", true);
    let log = controller.log();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    assert!(log.contains("-----BEGIN CERTIFICATE-----"), "the certificate of a new key stands in the log, as upstream's");
    drop(controller);
    let quiet = Controller::start(cluster, &namespace, &["--log-level=ERROR", "--log-format=text"]);
    assert_eq!(quiet.log(), "");
}
