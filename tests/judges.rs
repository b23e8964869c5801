//! What others say of our objects: Argo CD's own health check, and kstatus, by which Flux and Helm judge.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster, Shared};
use tests::controller::{self, Controller, seal, secrets, sources, wait_synced};
use tests::peers;
use tests::process::Home;
use tests::suite::{Case, case, run};

#[path = "judges/external.rs"]
mod external;

const NEEDS: &[&str] = &["argocd-health", "etcd", "kstatus", "kube-apiserver"];

/// Where kubectl keeps a copy of what was applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// By which Argo CD knows what it has made, and prunes it.
const TRACKING: &str = "argocd.argoproj.io/tracking-id";

type Test = fn(&Cluster);

const CASES: &[(&str, Test)] = &[
    ("a_good_object_is_healthy_and_current", good),
    ("a_bad_edit_is_never_taken_for_good_and_mending_it_is_seen", bad_edit),
    ("a_template_that_fails_is_never_taken_for_good", bad_template),
    ("whoever_sees_a_change_as_done_finds_it_in_the_secret", change),
    ("a_secret_of_somebody_else_keeps_an_object_from_being_good", foreign),
    ("marks_of_other_tools_never_reach_the_secret", marks),
    ("applying_the_same_again_changes_nothing", same_again),
    ("the_judges_can_say_no", judges),
];

fn main() -> ExitCode {
    let cluster = Shared::default();
    let mut cases: Vec<Case> = CASES
        .iter()
        .chain(external::CASES)
        .map(|(name, test)| {
            let cluster = cluster.clone();
            case(*name, NEEDS, move || {
                let cluster = cluster.get();
                controller::install(cluster);
                test(cluster);
            })
        })
        .collect();
    drop(cluster);
    cases.push(case("objects_of_a_whole_cluster_are_judged_alike", NEEDS, external::whole_cluster));
    run(cases)
}

/// What both say of an object, in this order.
fn verdict(object: &Value) -> [String; 2] {
    ["argocd-health", "kstatus"].map(|judge| {
        let said = Home::new().command(peers::get(judge).unwrap()).input(json!([object]).to_string()).run().success();
        said.split('\t').next().unwrap().to_owned()
    })
}

fn is_observed(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// A controller in a namespace, and an object `db` that it has unsealed.
struct Scene {
    api: Api,
    namespace: String,
    sealed: Value,
    _controller: Controller,
}

impl Scene {
    fn new(cluster: &Cluster, prepare: impl FnOnce(&Api, &str, &mut Value)) -> Self {
        let namespace = cluster.namespace("judged");
        let controller = Controller::start(cluster, &namespace, &[]);
        let api = cluster.api();
        let mut sealed = seal(&controller.certificate(), &namespace, "db", &[("user", "shop"), ("password", "dummy")]);
        prepare(&api, &namespace, &mut sealed);
        api.create(&sources(&namespace), &sealed).unwrap();
        Self { api, namespace, sealed, _controller: controller }
    }

    fn path(&self) -> String {
        format!("{}/db", sources(&self.namespace))
    }

    fn secret(&self) -> Value {
        self.api.read(&format!("{}/db", secrets(&self.namespace))).unwrap()
    }

    fn edit(&self, spec: &Value) {
        self.api.merge(&self.path(), &json!({"spec": spec})).unwrap();
    }

    /// Judges every state that can be seen, until one that was observed gets this verdict; no state may get the other.
    fn watch(&self, wanted: [&str; 2], never: [&str; 2]) {
        let start = Instant::now();
        let mut last = Value::Null;
        loop {
            let object = self.api.read(&self.path()).unwrap();
            if object["metadata"]["resourceVersion"] != last["metadata"]["resourceVersion"] {
                let verdict = verdict(&object);
                assert!(verdict[0] != never[0] && verdict[1] != never[1], "{verdict:?}: {object}");
                if is_observed(&object) && verdict == wanted {
                    return;
                }
                last = object;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for {wanted:?}: {last}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

const GOOD: [&str; 2] = ["Healthy", "Current"];
const BAD: [&str; 2] = ["Degraded", "Failed"];

fn good(cluster: &Cluster) {
    Scene::new(cluster, |_, _, _| {}).watch(GOOD, BAD);
}

fn bad_edit(cluster: &Cluster) {
    let scene = Scene::new(cluster, |_, _, _| {});
    scene.watch(GOOD, BAD);
    let items = &scene.sealed["spec"]["encryptedData"];
    // What was sealed for another item, what is cut, what is no ciphertext.
    let password = items["password"].as_str().unwrap();
    for broken in [&password[..password.len() - 8], &password.replacen('A', "B", 1), "AgBkdW1teQ==", ""] {
        scene.edit(&json!({"encryptedData": {"user": broken}}));
        scene.watch(BAD, GOOD);
        scene.edit(&json!({"encryptedData": items}));
        scene.watch(GOOD, BAD);
    }
}

fn bad_template(cluster: &Cluster) {
    let scene = Scene::new(cluster, |_, _, _| {});
    scene.watch(GOOD, BAD);
    for template in ["{{ .user | nosuchfunction }}", "{{ .user", "{{ fail \"no\" }}"] {
        scene.edit(&json!({"template": {"data": {"url": template}}}));
        scene.watch(BAD, GOOD);
    }
    scene.edit(&json!({"template": {"data": {"url": "pg://{{ .user }}"}}}));
    scene.watch(GOOD, BAD);
}

fn change(cluster: &Cluster) {
    let scene = Scene::new(cluster, |_, _, _| {});
    scene.watch(GOOD, BAD);
    for round in ["one", "two", "three"] {
        scene.edit(&json!({"template": {"metadata": {"labels": {"round": round}}}}));
        scene.watch(GOOD, BAD);
        assert_eq!(scene.secret()["metadata"]["labels"]["round"], round);
    }
}

fn foreign(cluster: &Cluster) {
    let scene = Scene::new(cluster, |api, namespace, _| {
        api.create(&secrets(namespace), &json!({"metadata": {"name": "db"}, "stringData": {"user": "somebody"}})).unwrap();
    });
    scene.api.wait_for("a verdict", |api| api.read(&scene.path()).ok().filter(is_observed));
    let [argo, kstatus] = verdict(&scene.api.read(&scene.path()).unwrap());
    assert_eq!(argo, "Degraded");
    assert_ne!(kstatus, "Current");
}

fn marks(cluster: &Cluster) {
    let annotations = json!({LAST_APPLIED: "{\"stringData\":{\"password\":\"dummy\"}}", TRACKING: "shop:bitnami.com/SealedSecret:x/db"});
    let scene = Scene::new(cluster, |_, _, sealed| {
        for (name, value) in annotations.as_object().unwrap() {
            sealed["metadata"]["annotations"][name] = value.clone();
            sealed["spec"]["template"]["metadata"]["annotations"][name] = value.clone();
        }
        sealed["metadata"]["labels"] = json!({"app.kubernetes.io/instance": "shop"});
    });
    wait_synced(&scene.api, &scene.namespace, "db", true);
    let metadata = scene.secret()["metadata"].clone();
    for name in [LAST_APPLIED, TRACKING] {
        assert_eq!(metadata["annotations"][name], Value::Null, "{name}");
    }
    assert_eq!(metadata["labels"], Value::Null);
}

fn same_again(cluster: &Cluster) {
    let scene = Scene::new(cluster, |_, _, _| {});
    wait_synced(&scene.api, &scene.namespace, "db", true);
    let first = scene.api.apply(&scene.path(), &scene.sealed).unwrap();
    assert_eq!(first["spec"], scene.sealed["spec"], "nothing is added to what was asked for");
    assert_eq!(first["metadata"]["annotations"], scene.sealed["metadata"]["annotations"]);
    thread::sleep(Duration::from_secs(1));
    let second = scene.api.apply(&scene.path(), &scene.sealed).unwrap();
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let managers = second["metadata"]["managedFields"].as_array().unwrap();
    let others = managers.iter().filter(|manager| manager["manager"] != "tests" && manager["subresource"] != "status");
    let ours = others.filter(|manager| manager["manager"].as_str().is_some_and(|name| name.contains("sealer")));
    assert_eq!(ours.count(), 0, "the controller owns nothing but the status: {managers:?}");
}

fn judges(cluster: &Cluster) {
    let scene = Scene::new(cluster, |_, _, _| {});
    let mut object = wait_synced(&scene.api, &scene.namespace, "db", true);
    assert_eq!(verdict(&object), GOOD);
    object["metadata"]["generation"] = json!(7);
    assert_eq!(verdict(&object), ["Progressing", "InProgress"]);
    object["status"]["observedGeneration"] = json!(7);
    for condition in object["status"]["conditions"].as_array_mut().unwrap() {
        condition["status"] = json!("False");
    }
    assert_eq!(verdict(&object), ["Degraded", "InProgress"]);
}
