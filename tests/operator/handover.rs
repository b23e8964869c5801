//! From the operator to ours, and back: no Secret is written on either way, and whoever has the cluster follows what changes.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::controller::{Controller, data};
use tests::operator::{NEEDS, Operator};
use tests::suite::{Case, case};

use crate::stage::{Entry, PATIENCE, Stage, path, table};

/// Namespaces: of what the operator makes first, and of what ours makes first.
const THEIRS: &str = "theirs";
const OURS: &str = "ours";

/// Namespaces that an object for many means.
const MANY: [&str; 2] = ["many-a", "many-b"];

/// Label by which a Secret of somebody else may be taken.
const MANAGED: &str = "reconcile.external-secrets.io/managed";

/// Which definitions ours finds.
#[derive(Clone, Copy, PartialEq)]
enum Definitions {
    Ours,
    Theirs,
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("from_the_operator_to_ours_and_back_no_secret_is_written", NEEDS, || there_and_back(Definitions::Ours)),
        case("under_the_operators_definitions_no_secret_is_written_either", NEEDS, || there_and_back(Definitions::Theirs)),
    ]
}

fn there_and_back(definitions: Definitions) {
    let stage = Stage::new();
    let entries = table("handover.yaml");
    stage.furnish();
    let theirs = Operator::start(&stage.cluster, &[]).unwrap();
    stage.tenant(THEIRS, &json!({}), &BTreeMap::new());
    stage.stores_are_ready(THEIRS);
    stage.make(THEIRS, &entries);
    stage.many(&MANY);
    let before = quiet(&stage, &[THEIRS], &entries);
    drop(theirs);
    let (told, told_of_stores) = (conditions(&stage, THEIRS, &entries), stores(&stage, THEIRS));

    if definitions == Definitions::Ours {
        for definition in crds::ALL {
            stage.cluster.install(&serde_json::to_value(definition()).unwrap());
        }
    }
    let controller = ours(&stage);
    judged(&stage, &[THEIRS], &entries);
    same("ours wrote Secrets", &before, &secrets(&stage, &[THEIRS]));
    same_conditions(&entries, &told, &conditions(&stage, THEIRS, &entries));
    follows(&stage, THEIRS, "of-ours");
    stage.api.delete(&format!("{}/typed", path(THEIRS, "externalsecrets"))).unwrap();
    stage.api.wait_for("the operator's finalizer to be taken off", |api| {
        api.read(&format!("{}/typed", path(THEIRS, "externalsecrets"))).is_err().then_some(())
    });
    // With the definitions of the operator, what it defaults stands in every object; what it does not know, it would drop.
    stage.tenant(OURS, &json!({ MANAGED: "true" }), &BTreeMap::new());
    stage.stores_are_ready(OURS);
    stage.make(OURS, &entries);
    same_conditions(&entries, &told, &conditions(&stage, OURS, &entries));
    assert_eq!(stores(&stage, OURS), told_of_stores);
    let left: Vec<Entry> = entries.into_iter().filter(|entry| entry.name != "typed").collect();
    let before = quiet(&stage, &[THEIRS, OURS], &left);
    drop(controller);

    let theirs = Operator::start(&stage.cluster, &[]).unwrap();
    judged(&stage, &[THEIRS, OURS], &left);
    let after = secrets(&stage, &[THEIRS, OURS]);
    // What other tools put on the object, the operator copies and we do not.
    let but = |secrets: &BTreeMap<String, Value>| -> BTreeMap<String, Value> {
        secrets.iter().filter(|(name, _)| *name != "ours/of-tools").map(|(name, secret)| (name.clone(), secret.clone())).collect()
    };
    same("theirs wrote Secrets", &but(&before), &but(&after));
    follows(&stage, OURS, "of-theirs");
    drop(theirs);
}

/// Ours in the place of the operator.
fn ours(stage: &Stage) -> Controller {
    stage.api.wait_for("the system's namespace", |api| api.read("/api/v1/namespaces/kube-system").ok());
    Controller::start(&stage.cluster, "kube-system", &["--all-namespaces=true", "--allow-provider-cidr=127.0.0.0/8"])
}

/// Every Secret of the namespaces, and of those that the object for many means.
fn secrets(stage: &Stage, namespaces: &[&str]) -> BTreeMap<String, Value> {
    let all = namespaces.iter().chain(&MANY);
    all.flat_map(|namespace| stage.secrets(namespace).into_iter().map(move |(name, secret)| (format!("{namespace}/{name}"), secret))).collect()
}

/// Waits until everything had its turn: what is read anew all the time was read twice, and each object is as its entry says.
fn judged(stage: &Stage, namespaces: &[&str], entries: &[Entry]) {
    for _ in 0..2 {
        turn(stage, namespaces, entries);
    }
    for namespace in namespaces {
        stage.settled(namespace, entries.iter());
    }
}

/// Waits until nothing changes any more.
fn quiet(stage: &Stage, namespaces: &[&str], entries: &[Entry]) -> BTreeMap<String, Value> {
    let start = Instant::now();
    let mut before = secrets(stage, namespaces);
    loop {
        judged(stage, namespaces, entries);
        let after = secrets(stage, namespaces);
        if after == before {
            return after;
        }
        assert!(start.elapsed() < PATIENCE, "Secrets change all the time:\n{}", difference(&before, &after));
        before = after;
    }
}

/// Waits until all that is read anew all the time was read.
fn turn(stage: &Stage, namespaces: &[&str], entries: &[Entry]) {
    let periodic = entries.iter().filter(|entry| entry.ready == "True" && entry.is_periodic());
    let objects: Vec<(&str, &str)> = periodic.flat_map(|entry| namespaces.iter().map(|namespace| (*namespace, entry.name.as_str()))).collect();
    let time = |(namespace, name): (&str, &str)| stage.object(namespace, name)["status"]["refreshTime"].clone();
    let times: Vec<Value> = objects.iter().map(|object| time(*object)).collect();
    let start = Instant::now();
    for (object, before) in objects.iter().zip(times) {
        while time(*object) == before {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {object:?} to be read anew: {}", stage.object(object.0, object.1)["status"]);
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// What is another one, field by field.
fn difference(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> String {
    let mut lines = Vec::new();
    for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
        let [was, is] = [before, after].map(|secrets| secrets.get(name).cloned().unwrap_or_default());
        let fields = ["metadata", "data", "type", "immutable"].into_iter().filter(|field| was[*field] != is[*field]);
        lines.extend(fields.map(|field| format!("{name}: {field}: {}\n   now {}", was[field], is[field])));
    }
    lines.join("\n")
}

fn same(what: &str, before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) {
    assert!(before == after, "{what}:\n{}", difference(before, after));
}

/// The condition Ready of each object.
fn conditions(stage: &Stage, namespace: &str, entries: &[Entry]) -> Vec<Value> {
    entries.iter().map(|entry| stage.ready(namespace, &entry.name)).collect()
}

/// What is said of each store, by type, status, reason and message; not what it can do, since ours writes to none.
fn stores(stage: &Stage, namespace: &str) -> BTreeMap<String, Vec<[Value; 4]>> {
    let paths = [path(namespace, "secretstores"), "/apis/external-secrets.io/v1/clustersecretstores".to_owned()];
    let all = paths.iter().flat_map(|path| stage.api.read(path).unwrap()["items"].as_array().unwrap().clone());
    let told = |condition: &Value| ["type", "status", "reason", "message"].map(|field| condition[field].clone());
    let conditions = |store: &Value| store["status"]["conditions"].as_array().into_iter().flatten().map(told).collect();
    all.map(|store| (store["metadata"]["name"].to_string(), conditions(&store))).collect()
}

/// Where the operator says less: which of the two steps failed, ours puts first.
const COULD_NOT_RENDER: [&str; 2] = ["could not update secret", "could not apply template: "];

/// Both say the same; ours adds to what fails why it does.
fn same_conditions(entries: &[Entry], theirs: &[Value], ours: &[Value]) {
    let mut found = Vec::new();
    for ((entry, theirs), ours) in entries.iter().zip(theirs).zip(ours) {
        let [told, tells] = [theirs, ours].map(|condition| condition["message"].as_str().unwrap_or_default());
        let adds = |told: &str| tells.starts_with(told) && tells.len() > told.len();
        let is_same = if entry.ready == "True" { told == tells } else { adds(told) || told == COULD_NOT_RENDER[0] && adds(COULD_NOT_RENDER[1]) };
        if !is_same || theirs["status"] != ours["status"] || theirs["reason"] != ours["reason"] {
            found.push(format!("{}: {theirs}\n  ours {ours}", entry.name));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Changes what the stores hold, and waits until Secrets of many kinds follow; what asks once stays as it is.
fn follows(stage: &Stage, namespace: &str, value: &str) {
    let still = data(&stage.api, namespace, "once");
    stage.restock(namespace, value);
    for (name, key) in [
        ("data", "plain"),
        ("of-the-cluster", "user"),
        ("of-many-stores", "there"),
        ("another-name", "plain"),
        ("foreign", "a"),
        ("orphan", "plain"),
        ("taken", "a"),
        ("gone-in-part", "b"),
        ("long", "plain"),
    ] {
        stage.api.wait_for(&format!("{name} of {namespace} to follow"), |api| {
            (data(api, namespace, name)?.get(key).map(String::as_str) == Some(value)).then_some(())
        });
    }
    assert_eq!(data(&stage.api, namespace, "once"), still, "what asks once");
    assert_eq!(data(&stage.api, namespace, "foreign").unwrap()["theirs"], "x", "what others wrote");
}
