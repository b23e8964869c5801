//! Values and credentials that must never be seen: through every error path, and nowhere to be found.

use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::controller::{Controller, condition, secrets};
use tests::marked::{self, MARK, find, forms};
use tests::server::fetch;

use super::faults::{PATIENCE, patiently};
use super::{Test, World};

pub(crate) const CASES: &[(&str, Test)] = &[("no_value_and_no_credential_of_a_store_is_told", nowhere)];

/// Secrets that are in the way of some.
fn in_the_way(world: &World) {
    let secret = |name: &str, more: Value| {
        let mut object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"x": format!("{MARK}-theirs")}});
        more.as_object().into_iter().flatten().for_each(|(field, value)| object[field] = value.clone());
        world.api.create(&secrets(&world.namespace), &object).unwrap();
    };
    secret("taken", json!({}));
    secret("frozen", json!({"immutable": true}));
}

fn nowhere(cluster: &Cluster) {
    let (system, namespace) = (marked::system(), cluster.namespace("canary"));
    let environment = ["AWS_SECRETSMANAGER_ENDPOINT", "AWS_SSM_ENDPOINT"].map(|name| format!("{name}={}", system.url()));
    let kubeconfig = format!("--kubeconfig={}", cluster.kubeconfig().display());
    let flags = [&kubeconfig, "--log-level=TRACE", "--allow-provider-cidr=127.0.0.0/8", "--enable-flood-gate=false"];
    let mut controller = Controller::launch_in(&environment, &namespace, &flags);
    controller.wait_until_ready();
    let world = World { controller, api: cluster.api(), namespace };
    in_the_way(&world);
    for secret in marked::credentials() {
        world.api.create(&secrets(&world.namespace), &secret).unwrap();
    }
    for store in marked::stores(&system.url()) {
        world.api.create(&world.path("secretstores"), &store).unwrap();
    }
    let objects = marked::external_secrets(&system.url());
    for object in &objects {
        world.api.create(&world.path("externalsecrets"), object).unwrap();
    }
    let judged = |kind: &str| {
        patiently(&format!("every verdict on {kind}"), PATIENCE, || {
            let list = world.api.read(&world.path(kind)).ok()?;
            let all = list["items"].as_array()?.clone();
            all.iter().all(|object| !condition(object, "Ready").is_null()).then_some(all)
        })
    };
    let (verdicts, stores) = (judged("externalsecrets"), judged("secretstores"));
    let failed = verdicts.iter().filter(|object| condition(object, "Ready")["status"] == "False").count();
    assert!(verdicts.len() == objects.len() && failed + 40 >= objects.len(), "{failed} of {}", objects.len());

    let mut seen = vec![("log", world.controller.log()), ("metrics", world.controller.metrics())];
    seen.push(("events", world.api.text(&format!("/api/v1/namespaces/{}/events?limit=100000", world.namespace)).unwrap()));
    seen.extend(verdicts.iter().chain(&stores).map(|object| ("status", object["status"].to_string())));
    for path in ["/healthz", "/readyz", "/v1/cert.pem", "/nowhere"] {
        seen.push(("answers", fetch(world.controller.port(), path).unwrap().1));
    }
    let marks = forms(MARK);
    let leaks: Vec<String> = seen
        .iter()
        .flat_map(|(place, text)| text.lines().map(move |line| (place, line)))
        .filter_map(|(place, line)| find(line.as_bytes(), &marks).map(|mark| format!("{place} shows {mark:?}: {line:.2000}")))
        .collect();
    assert!(leaks.is_empty(), "{} lines, such as {}", leaks.len(), leaks[..leaks.len().min(8)].join("\n"));
    assert!(seen[0].1.contains("cannot make the Secret") && !seen[0].1.contains("panicked"));
    assert!(system.asked().iter().any(|asked| find(asked.target.as_bytes(), &marks).is_some()), "the system saw the credential");
}
