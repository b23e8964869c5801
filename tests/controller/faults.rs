//! What goes wrong around the controller, with real processes.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, data, seal, secrets, sources, wait_synced};
use tests::flaky::{Fault, Flaky, Plan};
use tests::moving::{Dice, Moving};

use super::{Test, settled};

pub(crate) const CASES: &[(&str, Test)] = &[
    ("killed_twenty_times_while_objects_change_it_converges", killed),
    ("a_server_that_refuses_is_asked_again_and_nothing_is_lost", refusing),
    ("a_server_that_asks_for_patience_gets_it", patient),
    ("a_lost_answer_to_a_write_does_no_harm", lost),
    ("a_server_that_is_away_and_back_finds_everything_done", away),
    ("an_odd_time_that_a_tenant_writes_stops_nobody", odd_time),
    ("a_verdict_that_could_not_be_written_is_written_later", late_verdict),
    ("a_namespace_that_is_being_deleted_stops_nobody", terminating),
    ("lists_that_take_longer_than_a_lease_end_nobody", slow_lists),
    ("a_dead_leaders_term_passes_while_the_lists_are_read", overlap),
];

fn killed(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("killed"), cluster.api());
    let mut controller = Controller::start(cluster, &namespace, &[]);
    let certificate = controller.certificate();
    let mut moving = Moving { api: &api, namespace: &namespace, certificate, expected: std::collections::BTreeMap::new(), dice: Dice(7), step: 0 };
    for at in 0..500 {
        moving.put(&format!("object-{at}"));
    }
    for _ in 0..20 {
        let pause = Duration::from_millis(moving.dice.below(700));
        thread::scope(|scope| {
            let killer = scope.spawn(|| {
                thread::sleep(pause);
                controller.signal("KILL");
            });
            moving.change(25);
            killer.join().unwrap();
        });
        // The next one is not to wait for the end of the term, or it would be killed before it does anything.
        api.delete(&format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/sealer-controller")).unwrap();
        controller = Controller::launch(cluster, &namespace, &[]);
        api.wait_for("the next one to lead", |_| (tests::server::fetch(controller.port(), "/healthz").is_ok() && leads(&controller)).then_some(()));
    }
    let started = Instant::now();
    while !moving.is_settled() {
        assert!(started.elapsed() < Duration::from_secs(120), "it does not converge: {}", controller.log());
        thread::sleep(Duration::from_millis(250));
    }
    for name in moving.expected.keys() {
        wait_synced(&api, &namespace, name, true);
    }
    let label = "labelSelector=sealedsecrets.bitnami.com/sealed-secrets-key";
    assert_eq!(api.read(&format!("{}?{label}", secrets(&namespace))).unwrap()["items"].as_array().unwrap().len(), 1, "no second key");
    // What is there and should not be belongs to an object that is gone: the garbage collector takes it.
    let alive = api.read(&sources(&namespace)).unwrap();
    let alive: Vec<&Value> = alive["items"].as_array().unwrap().iter().map(|object| &object["metadata"]["uid"]).collect();
    let list = api.read(&secrets(&namespace)).unwrap();
    for secret in list["items"].as_array().unwrap().iter().filter(|secret| secret["type"] == "Opaque") {
        let owner = &secret["metadata"]["ownerReferences"][0]["uid"];
        let name = secret["metadata"]["name"].as_str().unwrap();
        assert_eq!(alive.contains(&owner), moving.expected.contains_key(name), "{name} is an orphan");
        assert!(owner.is_string(), "{name}");
    }
}

fn leads(controller: &Controller) -> bool {
    controller.figure("sealed_secrets_controller_sealer_leader") == 1.0
}

fn behind(cluster: &Cluster, purpose: &str) -> (Flaky, Controller, Api, String) {
    let namespace = cluster.namespace(purpose);
    let flaky = Flaky::start(cluster, &namespace);
    let mut controller = Controller::launch_bare(&namespace, &[&format!("--kubeconfig={}", flaky.kubeconfig().display())]);
    controller.wait_until_ready();
    (flaky, controller, cluster.api(), namespace)
}

fn make(controller: &Controller, api: &Api, name: &str) {
    let namespace = controller.namespace();
    api.create(&sources(namespace), &seal(&controller.certificate(), namespace, name, &[("a", "1")])).unwrap();
}

fn refusing(cluster: &Cluster) {
    let (flaky, controller, api, namespace) = behind(cluster, "refusing");
    let faults = [
        ("POST", "/secrets", 500, "InternalError"),
        ("POST", "/secrets", 409, "Conflict"),
        ("PUT", "/status", 409, "Conflict"),
        ("PUT", "/status", 500, "InternalError"),
        ("POST", "/events", 500, "InternalError"),
        ("GET", "watch=true", 410, "Expired"),
        ("GET", "watch=true", 500, "InternalError"),
    ];
    for (at, (method, part, status, reason)) in faults.into_iter().enumerate() {
        let before = flaky.spoiled();
        let part = if part.starts_with('/') { format!("{namespace}{part}") } else { part.to_owned() };
        let part = if method == "PUT" { "/status".to_owned() } else { part };
        flaky.spoil(Plan { method, part, fault: Fault::Refuse(status, reason, None), times: 2 });
        if method == "GET" {
            // Watches begin anew when they are cut.
            flaky.set_down(true);
            thread::sleep(Duration::from_millis(100));
            flaky.set_down(false);
        }
        let name = format!("object-{at}");
        make(&controller, &api, &name);
        wait_synced(&api, &namespace, &name, true);
        assert_eq!(data(&api, &namespace, &name).unwrap()["a"], "1");
        assert!(flaky.spoiled() > before, "{method} {status} was never met");
    }
    // And healing goes on after all that.
    api.delete(&format!("{}/object-0", secrets(&namespace))).unwrap();
    api.wait_for("the Secret to come back", |api| data(api, &namespace, "object-0"));
}

fn patient(cluster: &Cluster) {
    let (flaky, controller, api, namespace) = behind(cluster, "patient");
    flaky.spoil(Plan { method: "POST", part: format!("{namespace}/secrets"), fault: Fault::Refuse(429, "TooManyRequests", Some(2)), times: 1 });
    let started = Instant::now();
    make(&controller, &api, "db");
    settled(&api, &namespace, "db");
    assert!(started.elapsed() >= Duration::from_secs(2), "it came back too early: {:?}", started.elapsed());
    assert!(controller.news("cannot make the Secret").is_empty(), "patience is no failure");
    // A slow server is waited for.
    flaky.spoil(Plan { method: "POST", part: format!("{namespace}/secrets"), fault: Fault::Late(Duration::from_secs(3)), times: 1 });
    make(&controller, &api, "slow");
    settled(&api, &namespace, "slow");
    assert!(controller.news("cannot make the Secret").is_empty());
}

fn lost(cluster: &Cluster) {
    let (flaky, controller, api, namespace) = behind(cluster, "lost");
    for (at, (method, part)) in
        [("POST", format!("{namespace}/secrets")), ("PUT", "/status".to_owned()), ("PUT", format!("{namespace}/secrets/"))].into_iter().enumerate()
    {
        let name = format!("object-{at}");
        if method == "PUT" && part != "/status" {
            make(&controller, &api, &name);
            settled(&api, &namespace, &name);
        }
        flaky.spoil(Plan { method, part: part.clone(), fault: Fault::Lost, times: 1 });
        if method == "PUT" && part != "/status" {
            api.merge(&format!("{}/{name}", secrets(&namespace)), &json!({"stringData": {"a": "edited"}})).unwrap();
            api.wait_for("the edit to be healed", |api| (data(api, &namespace, &name)?["a"] == "1").then_some(()));
        } else {
            make(&controller, &api, &name);
        }
        settled(&api, &namespace, &name);
        assert_eq!(flaky.spoiled(), at + 1);
        assert_eq!(data(&api, &namespace, &name).unwrap()["a"], "1");
    }
}

fn away(cluster: &Cluster) {
    let (flaky, controller, api, namespace) = behind(cluster, "away");
    make(&controller, &api, "before");
    settled(&api, &namespace, "before");
    flaky.set_down(true);
    make(&controller, &api, "meanwhile");
    api.delete(&format!("{}/before", secrets(&namespace))).unwrap();
    // Shorter than a term: whoever leads goes on leading.
    thread::sleep(Duration::from_secs(4));
    flaky.set_down(false);
    wait_synced(&api, &namespace, "meanwhile", true);
    api.wait_for("the Secret to come back", |api| data(api, &namespace, "before"));
    assert!(controller.runs());
}

fn odd_time(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("odd"), cluster.api());
    let controller = Controller::start(cluster, &namespace, &[]);
    make(&controller, &api, "odd");
    settled(&api, &namespace, "odd");
    // The last second of the last year that can be written: the server takes it, our type for times does not.
    let odd = "9999-12-31T23:59:59Z";
    let mut object = api.read(&format!("{}/odd", sources(&namespace))).unwrap();
    object["status"]["conditions"][0]["lastUpdateTime"] = json!(odd);
    controller.signal("KILL");
    api.replace(&format!("{}/odd/status", sources(&namespace)), &object).unwrap();
    let mut secret = api.read(&format!("{}/odd", secrets(&namespace))).unwrap();
    secret["metadata"]["managedFields"][0]["time"] = json!(odd);
    api.replace(&format!("{}/odd", secrets(&namespace)), &secret).unwrap();
    let again = Controller::start(cluster, &namespace, &[]);
    make(&again, &api, "other");
    settled(&api, &namespace, "other");
    api.delete(&format!("{}/odd", secrets(&namespace))).unwrap();
    api.wait_for("the Secret to come back", |api| data(api, &namespace, "odd"));
}

fn late_verdict(cluster: &Cluster) {
    let (flaky, controller, api, namespace) = behind(cluster, "late-verdict");
    flaky.spoil(Plan { method: "PUT", part: "/status".to_owned(), fault: Fault::Refuse(500, "InternalError", None), times: 1 });
    let mut object = seal(&controller.certificate(), &namespace, "bad", &[("a", "1")]);
    object["spec"]["encryptedData"]["a"] = json!("AgB!");
    api.create(&sources(&namespace), &object).unwrap();
    wait_synced(&api, &namespace, "bad", false);
    assert_eq!(flaky.spoiled(), 1);
}

fn terminating(cluster: &Cluster) {
    let [own, doomed] = ["steady", "doomed"].map(|purpose| cluster.namespace(purpose));
    let controller = Controller::start(cluster, &own, &[&format!("--additional-namespaces={doomed}")]);
    let api = cluster.api();
    api.create(&sources(&doomed), &seal(&controller.certificate(), &doomed, "db", &[("a", "1")])).unwrap();
    settled(&api, &doomed, "db");
    // Nobody finishes what is begun here: the namespace stays as it is while it is being deleted.
    api.delete(&format!("/api/v1/namespaces/{doomed}")).unwrap();
    api.delete(&format!("{}/db", secrets(&doomed))).unwrap();
    api.wait_for("the refusal to be told", |_| (!controller.news("cannot make the Secret").is_empty()).then_some(()));
    api.create(&sources(&own), &seal(&controller.certificate(), &own, "db", &[("a", "1")])).unwrap();
    wait_synced(&api, &own, "db", true);
    let turns = controller.figure("sealed_secrets_controller_unseal_requests_total");
    assert!(turns < 20.0, "it is tried later each time, not for ever at once: {turns}");
}

/// A controller before a server that gives the first lists of Secrets after twelve seconds only, which is longer than an unrenewed Lease lasts.
fn before_slow_lists(cluster: &Cluster, namespace: &str) -> Controller {
    let flaky = Flaky::start(cluster, namespace);
    // One of keys, and one of all.
    flaky.spoil(Plan { method: "GET", part: format!("{namespace}/secrets?"), fault: Fault::Late(Duration::from_secs(12)), times: 2 });
    Controller::launch_bare(namespace, &[&format!("--kubeconfig={}", flaky.kubeconfig().display())])
}

fn slow_lists(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("slow-lists"), cluster.api());
    let mut controller = before_slow_lists(cluster, &namespace);
    api.wait_for("the server", |_| tests::server::fetch(controller.port(), "/healthz").ok());
    thread::sleep(Duration::from_secs(3));
    assert!(!leads(&controller), "who knows nothing yet leaves the Lease to others");
    controller.wait_until_ready();
    make(&controller, &api, "db");
    settled(&api, &namespace, "db");
    assert!(controller.runs(), "{}", controller.log());
}

fn overlap(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("overlap"), cluster.api());
    let lease = json!({"metadata": {"name": "sealer-controller"}, "spec": {"holderIdentity": "dead", "leaseDurationSeconds": 15}});
    api.create(&format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"), &lease).unwrap();
    let started = Instant::now();
    let controller = before_slow_lists(cluster, &namespace);
    api.wait_for("it to lead", |_| (tests::server::fetch(controller.port(), "/healthz").is_ok() && leads(&controller)).then_some(()));
    let elapsed = started.elapsed();
    assert!((Duration::from_secs(15)..Duration::from_secs(24)).contains(&elapsed), "twelve seconds and a term of fifteen took {elapsed:?}");
}
