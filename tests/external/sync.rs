//! Values of stores become Secrets, and stay as they are there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use engine::external::marks;
use keys::SecretBytes;
use serde_json::json;
use tests::cluster::Cluster;
use tests::controller::{Controller, condition, secrets};
use tests::stub::{Reply, Stub};

use super::{Test, World, asks};

pub(crate) const CASES: &[(&str, Test)] = &[
    ("a_secret_is_made_with_the_marks_of_external_secrets", made),
    ("a_deleted_and_an_edited_secret_are_healed_at_once", healed),
    ("a_change_of_the_object_and_a_label_read_the_values_anew", forced),
    ("a_restart_over_unchanged_objects_asks_no_store_and_writes_nothing", restarted),
    ("values_are_read_again_when_their_time_has_come", refreshed),
    ("an_interval_that_is_none_harms_its_own_object_only", odd_interval),
    ("what_is_read_once_follows_no_store", once),
    ("one_read_serves_all_that_wait_for_it", shared),
    ("metrics_have_the_names_of_external_secrets", metrics),
    ("a_verdict_is_of_the_object_that_was_looked_at", overtaken),
    ("what_goes_during_its_turn_leaves_no_figures_behind", vanished),
];

fn world(cluster: &Cluster, purpose: &str) -> World {
    let world = World::new(cluster, purpose, &[]);
    world.store("vault", &[("db", "hunter2"), ("map", r#"{"user":"admin","deep":{"port":5432}}"#)]);
    world
}

fn made(cluster: &Cluster) {
    let world = world(cluster, "made");
    let spec = json!({
        "secretStoreRef": {"name": "vault"},
        "data": [{"secretKey": "password", "remoteRef": {"key": "db"}}],
        "dataFrom": [{"extract": {"key": "map"}}],
    });
    world.create("app", &spec);
    let object = world.wait("app", "SecretSynced");
    world.wait_data("app", &[("deep", r#"{"port":5432}"#), ("password", "hunter2"), ("user", "admin")]);
    let secret = world.secret("app");
    let labels = &secret["metadata"]["labels"];
    assert_eq!(labels[marks::MANAGED], "true");
    assert_eq!(labels[marks::CREATED_BY], marks::created_by(&world.namespace, "app"));
    let data = world.data("app").unwrap().into_iter().map(|(key, value)| (key, SecretBytes::new(value.into_bytes()))).collect();
    assert_eq!(secret["metadata"]["annotations"][marks::DATA_HASH], marks::data_hash(&data));
    let owner = &secret["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["uid"], &owner["controller"]), (&json!("ExternalSecret"), &object["metadata"]["uid"], &json!(true)));
    let managers: Vec<_> = secret["metadata"]["managedFields"].as_array().unwrap().iter().map(|field| field["manager"].clone()).collect();
    assert_eq!(managers, ["externalsecrets.external-secrets.io/app"]);
    let status = &object["status"];
    assert_eq!((&status["binding"]["name"], &condition(&object, "Ready")["message"]), (&json!("app"), &json!("secret synced")));
    let empty = std::collections::BTreeMap::new();
    assert_eq!(status["syncedResourceVersion"], marks::synced_version(1, &empty, &empty));
    assert!(status["refreshTime"].is_string(), "{status}");
}

fn healed(cluster: &Cluster) {
    let world = world(cluster, "healed");
    world.create("app", &asks(&[("password", "db")], &json!({"refreshInterval": "24h"})));
    world.wait_data("app", &[("password", "hunter2")]);
    world.wait("app", "SecretSynced");
    let path = format!("{}/app", secrets(&world.namespace));
    world.api.delete(&path).unwrap();
    world.wait_data("app", &[("password", "hunter2")]);
    world.api.merge(&path, &json!({"data": {"password": "AA==", "more": "AA=="}})).unwrap();
    world.wait_data("app", &[("password", "hunter2")]);
}

fn forced(cluster: &Cluster) {
    let world = world(cluster, "forced");
    world.create("app", &asks(&[("password", "db")], &json!({"refreshInterval": "0"})));
    let first = world.wait("app", "SecretSynced");
    world.edit("app", &json!({"metadata": {"annotations": {"force-sync": "1"}}}));
    let version = world.api.wait_for("the values to be read again", |_| {
        let version = world.object("app")["status"]["syncedResourceVersion"].clone();
        (version != first["status"]["syncedResourceVersion"]).then_some(version)
    });
    assert!(version.as_str().unwrap().starts_with("1-"), "{version}");
    world.edit("app", &json!({"spec": {"data": [{"secretKey": "renamed", "remoteRef": {"key": "db"}}]}}));
    world.wait_data("app", &[("renamed", "hunter2")]);
}

fn calls(controller: &Controller) -> f64 {
    let line = |call: &str| format!("externalsecret_provider_api_calls_count{{provider=\"Fake\",call=\"{call}\",status=\"success\"}}");
    controller.figure(&line("GetSecret")) + controller.figure(&line("Validate"))
}

fn restarted(cluster: &Cluster) {
    let World { controller, api, namespace } = world(cluster, "restarted");
    let world = World { controller, api, namespace };
    for number in 0..5 {
        world.create(&format!("app-{number}"), &asks(&[("password", "db")], &json!({})));
    }
    let before: Vec<_> = (0..5).map(|number| world.wait(&format!("app-{number}"), "SecretSynced")).collect();
    assert!(calls(&world.controller) > 0.0);
    let World { controller, api, namespace } = world;
    drop(controller);
    let world = World { controller: Controller::start(cluster, &namespace, &[]), api, namespace };
    world.api.wait_for("all to be known", |_| world.controller.log().contains("all ExternalSecrets are known").then_some(()));
    // A new object has its turn behind all others.
    world.create("last", &asks(&[("password", "db")], &json!({})));
    world.wait("last", "SecretSynced");
    assert!((calls(&world.controller) - 1.0).abs() < 0.1, "{}", calls(&world.controller));
    for object in before {
        assert_eq!(world.object(object["metadata"]["name"].as_str().unwrap()), object);
    }
}

fn refreshed(cluster: &Cluster) {
    let world = world(cluster, "refreshed");
    world.create("app", &asks(&[("password", "db")], &json!({"refreshInterval": "1s"})));
    let first = world.wait("app", "SecretSynced");
    let version = world.secret("app")["metadata"]["resourceVersion"].clone();
    world
        .api
        .wait_for("the values to be read again", |_| (world.object("app")["status"]["refreshTime"] != first["status"]["refreshTime"]).then_some(()));
    assert_eq!(world.secret("app")["metadata"]["resourceVersion"], version, "what is the same is not written");
}

fn once(cluster: &Cluster) {
    let world = world(cluster, "once");
    world.create("once", &asks(&[("password", "db")], &json!({"refreshPolicy": "CreatedOnce"})));
    world.create("often", &asks(&[("password", "db")], &json!({})));
    world.wait("once", "SecretSynced");
    world.wait_data("often", &[("password", "hunter2")]);
    world.restock("vault", &[("db", "hunter3")]);
    world.wait_data("often", &[("password", "hunter3")]);
    // What comes last has its turn behind all others.
    world.create("last", &asks(&[("password", "db")], &json!({})));
    world.wait_data("last", &[("password", "hunter3")]);
    assert_eq!(world.data("once").unwrap()["password"], "hunter2");
    // Nor is it read anew because a turn failed in between.
    world.edit("once", &json!({"spec": {"target": {"creationPolicy": "Merge", "deletionPolicy": "Delete"}}}));
    world.wait("once", "SecretSyncedError");
    world.edit("once", &json!({"spec": {"target": {"creationPolicy": "Owner", "deletionPolicy": "Retain"}}}));
    world.wait("once", "SecretSynced");
    assert_eq!(world.data("once").unwrap()["password"], "hunter2");
    world.api.delete(&format!("{}/once", secrets(&world.namespace))).unwrap();
    world.wait_data("once", &[("password", "hunter3")]);
}

fn odd_interval(cluster: &Cluster) {
    let world = world(cluster, "odd");
    world.create("odd", &asks(&[("password", "db")], &json!({"refreshInterval": "soon"})));
    world.create("even", &asks(&[("password", "db")], &json!({})));
    world.wait("even", "SecretSynced");
    world.wait("odd", "SecretSyncedError");
    assert!(world.message("odd").contains("spec.refreshInterval: it is no duration"), "{}", world.message("odd"));
    world.edit("odd", &json!({"spec": {"refreshInterval": "1h"}}));
    world.wait("odd", "SecretSynced");
}

fn shared(cluster: &Cluster) {
    let world = World::new(cluster, "shared", &[]);
    for number in 0..30 {
        world.create(&format!("app-{number}"), &asks(&[("password", "db")], &json!({})));
    }
    world.wait("app-29", "SecretSyncedError");
    world.store("vault", &[("db", "hunter2")]);
    for number in 0..30 {
        world.wait(&format!("app-{number}"), "SecretSynced");
    }
    let reads = world.controller.figure("externalsecret_provider_api_calls_count{provider=\"Fake\",call=\"GetSecret\",status=\"success\"}");
    assert!((reads - 1.0).abs() < 0.5, "{reads} reads of one secret for 30 objects that waited for it");
}

fn metrics(cluster: &Cluster) {
    let world = world(cluster, "metrics");
    world.create("app", &asks(&[("password", "db")], &json!({})));
    world.create("bad", &asks(&[("password", "there-is-none")], &json!({})));
    world.wait("app", "SecretSynced");
    world.wait("bad", "SecretSyncedError");
    let object = |name: &str| format!("name=\"{name}\",namespace=\"{}\"", world.namespace);
    let (app, bad) = (object("app"), object("bad"));
    for (line, least) in [
        (format!("externalsecret_sync_calls_total{{{app}}}"), 1.0),
        (format!("externalsecret_sync_calls_error{{{bad}}}"), 1.0),
        (format!("externalsecret_status_condition{{{app},condition=\"Ready\",status=\"True\"}}"), 1.0),
        (format!("externalsecret_status_condition{{{bad},condition=\"Ready\",status=\"False\"}}"), 1.0),
        (format!("externalsecret_reconcile_duration{{{app}}}"), 1000.0),
        (format!("secretstore_status_condition{{{},condition=\"Ready\",status=\"True\"}}", object("vault")), 1.0),
        ("externalsecret_provider_api_calls_count{provider=\"Fake\",call=\"GetSecret\",status=\"success\"}".to_owned(), 1.0),
    ] {
        assert!(world.controller.figure(&line) >= least, "{line}\n{}", world.controller.metrics());
    }
    world.api.delete(&format!("{}/bad", world.path("externalsecrets"))).unwrap();
    world.api.wait_for("the figures of what is gone to go", |_| (!world.controller.metrics().contains(&bad)).then_some(()));
}

/// A system behind a webhook that answers each question only when it is let.
struct Reluctant {
    stub: Stub,
    asked: Arc<AtomicUsize>,
    answers: Arc<AtomicUsize>,
}

impl Reluctant {
    fn start() -> Self {
        let (stub, asked, answers) = (Stub::start(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, allowed) = (Arc::clone(&asked), Arc::clone(&answers));
        stub.play(move |question| {
            if question.method != "HEAD" {
                let number = count.fetch_add(1, Ordering::SeqCst);
                while allowed.load(Ordering::SeqCst) <= number {
                    thread::sleep(Duration::from_millis(10));
                }
            }
            Reply::new(200, json!({"a": "1"}))
        });
        Self { stub, asked, answers }
    }

    fn world(&self, cluster: &Cluster, purpose: &str) -> World {
        let world = World::new(cluster, purpose, &["--allow-provider-cidr=127.0.0.0/8"]);
        let settings = json!({"url": format!("{}/{{{{ .remoteRef.key }}}}", self.stub.url()), "timeout": "50s", "result": {"jsonPath": "$.a"}});
        world.api.create(&world.path("secretstores"), &super::store("vault", &json!({ "webhook": settings }))).unwrap();
        world
    }

    fn wait_asked(&self, world: &World, times: usize) {
        world.api.wait_for(&format!("{times} questions"), |_| (self.asked.load(Ordering::SeqCst) >= times).then_some(()));
    }

    fn let_answer(&self, times: usize) {
        self.answers.store(times, Ordering::SeqCst);
    }
}

fn overtaken(cluster: &Cluster) {
    let system = Reluctant::start();
    let world = system.world(cluster, "overtaken");
    world.create("app", &asks(&[("old", "a")], &json!({})));
    system.wait_asked(&world, 1);
    world.edit("app", &json!({"spec": {"data": [{"secretKey": "new", "remoteRef": {"key": "a"}}]}}));
    system.let_answer(1);
    // The first turn has ended, and the second one waits for its answer.
    system.wait_asked(&world, 2);
    let object = world.object("app");
    let ready = condition(&object, "Ready");
    assert!(
        ready["status"] != "True" || ready["observedGeneration"] != 2,
        "what was read for the first edition is no verdict on the second: {object}"
    );
    system.let_answer(2);
    world.wait_data("app", &[("new", "1")]);
    world.wait("app", "SecretSynced");
}

fn vanished(cluster: &Cluster) {
    let system = Reluctant::start();
    let world = system.world(cluster, "vanished");
    world.create("gone", &asks(&[("x", "a")], &json!({})));
    system.wait_asked(&world, 1);
    world.api.delete(&format!("{}/gone", world.path("externalsecrets"))).unwrap();
    world.create("here", &asks(&[("x", "b")], &json!({})));
    system.wait_asked(&world, 2);
    system.let_answer(9);
    world.wait("here", "SecretSynced");
    thread::sleep(Duration::from_secs(1));
    let metrics = world.controller.metrics();
    assert!(metrics.contains("name=\"here\"") && !metrics.contains("name=\"gone\""), "{metrics}");
}
