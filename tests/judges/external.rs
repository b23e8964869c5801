//! ExternalSecrets, and their stores.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, condition, secrets};

use super::{Test, is_observed, verdict};

pub(super) const CASES: &[(&str, Test)] = &[
    ("an_external_secret_that_works_is_healthy_and_current", good),
    ("a_bad_edit_of_an_external_secret_is_never_taken_for_good_once_it_was_seen", bad_edit),
    ("an_edit_that_a_policy_does_not_look_at_keeps_nobody_waiting", unread),
    ("a_store_that_does_not_work_is_never_taken_for_good_once_it_was_seen", stores),
    ("applying_an_external_secret_again_changes_nothing", same_again),
];

const GOOD: [&str; 2] = ["Healthy", "Current"];

/// external-secrets has no condition by which kstatus would tell a failure from work in progress.
const BAD: [&str; 2] = ["Degraded", "InProgress"];

/// Where the objects of a kind are.
fn folder(namespace: &str, plural: &str) -> String {
    format!("/apis/external-secrets.io/v1/namespaces/{namespace}/{plural}")
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

fn fake() -> Value {
    json!({"provider": {"fake": {"data": [{"key": "a", "value": "1"}, {"key": "map", "value": "{\"x\":\"2\"}"}]}}})
}

/// A controller in a namespace, and a store `vault` in it.
struct Scene {
    api: Api,
    namespace: String,
    _controller: Controller,
}

impl Scene {
    fn new(cluster: &Cluster) -> Self {
        let namespace = cluster.namespace("judged-external");
        let (controller, api) = (Controller::start(cluster, &namespace, &[]), cluster.api());
        api.create(&folder(&namespace, "secretstores"), &object("SecretStore", "vault", &fake())).unwrap();
        Self { api, namespace, _controller: controller }
    }

    fn path(&self, plural: &str, name: &str) -> String {
        format!("{}/{name}", folder(&self.namespace, plural))
    }

    fn create(&self, name: &str, spec: &Value) {
        self.api.create(&folder(&self.namespace, "externalsecrets"), &object("ExternalSecret", name, spec)).unwrap();
    }

    fn watch(&self, name: &str, wanted: [&str; 2]) {
        watch(&self.api, &self.path("externalsecrets", name), wanted);
    }
}

fn spec(key: &str) -> Value {
    json!({"secretStoreRef": {"name": "vault"}, "data": [{"secretKey": "x", "remoteRef": {"key": key}}]})
}

/// Judges every state that can be seen, until one that was observed gets this verdict. One that was observed never gets the other; kstatus never gives it
/// to any state, since the status says which generation it speaks of.
fn watch(api: &Api, path: &str, wanted: [&str; 2]) {
    let never = if wanted == GOOD { "Degraded" } else { "Healthy" };
    let (start, mut last) = (Instant::now(), Value::Null);
    loop {
        let object = api.read(path).unwrap();
        if object["metadata"]["resourceVersion"] != last["metadata"]["resourceVersion"] {
            let [argo, kstatus] = verdict(&object);
            assert!(!is_observed(&object) || argo != never, "{argo}: {object}");
            assert!(wanted == GOOD || kstatus != "Current", "{object}");
            assert_ne!(kstatus, "Failed", "{object}");
            if is_observed(&object) && [argo.as_str(), kstatus.as_str()] == wanted {
                return;
            }
            last = object;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for {wanted:?}: {:?} {last}", verdict(&last));
        thread::sleep(Duration::from_millis(5));
    }
}

fn good(cluster: &Cluster) {
    let scene = Scene::new(cluster);
    for policy in ["Periodic", "OnChange", "CreatedOnce"] {
        let (name, mut spec) = (policy.to_lowercase(), spec("a"));
        spec["refreshPolicy"] = json!(policy);
        scene.create(&name, &spec);
        scene.watch(&name, GOOD);
    }
    watch(&scene.api, &scene.path("secretstores", "vault"), GOOD);
}

fn bad_edit(cluster: &Cluster) {
    let scene = Scene::new(cluster);
    let bad = [
        json!({"data": [{"secretKey": "x", "remoteRef": {"key": "nowhere"}}]}),
        json!({"data": [{"secretKey": "x", "remoteRef": {"key": "map", "property": "nowhere"}}]}),
        json!({"secretStoreRef": {"name": "nowhere"}}),
        json!({"target": {"template": {"data": {"x": "{{ .nowhere }}"}}}}),
        json!({"target": {"template": {"data": {"x": "{{ unknown }}"}}}}),
        json!({"target": {"template": {"type": "bootstrap.kubernetes.io/token"}}}),
        json!({"refreshInterval": "soon"}),
    ];
    for policy in ["Periodic", "OnChange"] {
        let (name, mut spec) = (policy.to_lowercase(), spec("a"));
        spec["refreshPolicy"] = json!(policy);
        scene.create(&name, &spec);
        scene.watch(&name, GOOD);
        for edit in &bad {
            if policy == "OnChange" && edit["refreshInterval"] == "soon" {
                continue;
            }
            let path = scene.path("externalsecrets", &name);
            scene.api.merge(&path, &json!({ "spec": edit })).unwrap();
            scene.watch(&name, BAD);
            // The time of a condition has seconds: an edit within the same one is none that Argo CD could tell.
            thread::sleep(Duration::from_millis(1100));
            let mut mended = spec.clone();
            mended["target"] = json!({"template": null});
            mended["refreshInterval"] = json!("1h");
            scene.api.merge(&path, &json!({ "spec": mended })).unwrap();
            scene.watch(&name, GOOD);
        }
    }
}

fn unread(cluster: &Cluster) {
    let scene = Scene::new(cluster);
    let mut spec = spec("a");
    spec["refreshPolicy"] = json!("CreatedOnce");
    scene.create("once", &spec);
    scene.watch("once", GOOD);
    scene.api.merge(&scene.path("externalsecrets", "once"), &json!({"spec": {"refreshInterval": "2h"}})).unwrap();
    scene.watch("once", GOOD);
    // One that is edited again and again, and read again each time.
    spec["refreshPolicy"] = json!("OnChange");
    scene.create("changed", &spec);
    for key in ["a", "map", "a"] {
        spec["data"][0]["remoteRef"]["key"] = json!(key);
        scene.api.merge(&scene.path("externalsecrets", "changed"), &json!({ "spec": spec })).unwrap();
        scene.watch("changed", GOOD);
        thread::sleep(Duration::from_millis(1100));
    }
}

fn stores(cluster: &Cluster) {
    let scene = Scene::new(cluster);
    let path = scene.path("secretstores", "vault");
    watch(&scene.api, &path, GOOD);
    for provider in [
        json!({"fake": {"data": [{"key": "", "value": "1"}]}}),
        json!({"fake": null, "nobodyKnowsIt": {}}),
        json!({"fake": {"data": [], "validationResult": 2}, "nobodyKnowsIt": null}),
    ] {
        scene.api.merge(&path, &json!({"spec": { "provider": provider }})).unwrap();
        watch(&scene.api, &path, BAD);
        scene
            .api
            .merge(
                &path,
                &json!({"spec": {"provider": {"nobodyKnowsIt": null, "fake": {"validationResult": null, "data": [{"key": "a", "value": "1"}]}}}}),
            )
            .unwrap();
        watch(&scene.api, &path, GOOD);
    }
}

/// What the definition adds to an object: what external-secrets adds, as `crds::ours_default_what_external_secrets_defaults_and_nothing_else` shows.
fn defaulted(spec: &Value) -> Value {
    let mut spec = spec.clone();
    let mut set = |path: &str, value: &str| {
        let (parent, field) = path.rsplit_once('/').unwrap();
        if let Some(Value::Object(parent)) = spec.pointer_mut(parent) {
            parent.entry(field).or_insert_with(|| json!(value));
        }
    };
    set("/refreshInterval", "1h0m0s");
    for (field, value) in [("creationPolicy", "Owner"), ("deletionPolicy", "Retain")] {
        set(&format!("/target/{field}"), value);
    }
    for (field, value) in [("engineVersion", "v2"), ("mergePolicy", "Replace")] {
        set(&format!("/target/template/{field}"), value);
    }
    set("/target/template/templateFrom/0/target", "Data");
    spec
}

fn same_again(cluster: &Cluster) {
    let scene = Scene::new(cluster);
    let mut plain = spec("a");
    plain["target"] = json!({});
    let mut full = plain.clone();
    full["target"] = json!({"name": "other", "template": {"data": {"x": "{{ .x }}"}, "templateFrom": [{"literal": "y: z"}]}});
    full["dataFrom"] = json!([{"extract": {"key": "map", "decodingStrategy": "None"}}, {"find": {"name": {"regexp": "^nothing$"}}}]);
    for (name, spec) in [("plain", plain), ("full", full)] {
        let (path, sent) = (scene.path("externalsecrets", name), object("ExternalSecret", name, &spec));
        let first = scene.api.apply(&path, &sent).unwrap();
        assert_eq!(first["spec"], defaulted(&spec), "nothing is added but what external-secrets adds");
        scene.api.wait_for("a verdict", |api| api.read(&path).ok().filter(is_observed));
        thread::sleep(Duration::from_secs(1));
        let settled = scene.api.read(&path).unwrap();
        assert_eq!((&settled["spec"], &settled["metadata"]["generation"]), (&first["spec"], &first["metadata"]["generation"]));
        assert_eq!(condition(&settled, "Ready")["status"], "True", "{settled}");
        for field in ["annotations", "labels", "finalizers"] {
            assert_eq!(settled["metadata"][field], Value::Null, "{field}");
        }
        let second = scene.api.apply(&path, &sent).unwrap();
        assert_eq!(second["metadata"]["resourceVersion"], settled["metadata"]["resourceVersion"]);
        let managers = second["metadata"]["managedFields"].as_array().unwrap();
        let ours = managers.iter().filter(|manager| manager["manager"] != "tests" && manager["subresource"] != "status");
        assert_eq!(ours.count(), 0, "the controller owns nothing but the status: {managers:?}");
    }
    let (path, store) = (scene.path("secretstores", "applied"), object("SecretStore", "applied", &fake()));
    assert_eq!(scene.api.apply(&path, &store).unwrap()["spec"], store["spec"]);
    watch(&scene.api, &path, GOOD);
    let settled = scene.api.read(&path).unwrap();
    assert_eq!(scene.api.apply(&path, &store).unwrap()["metadata"]["resourceVersion"], settled["metadata"]["resourceVersion"]);
}

/// Has a cluster of its own: its controller looks at all namespaces.
pub(super) fn whole_cluster() {
    let cluster = Cluster::start().unwrap();
    crds::ALL.iter().for_each(|definition| cluster.install(&serde_json::to_value(definition()).unwrap()));
    let (namespace, api) = (cluster.namespace("whole"), cluster.api());
    let _controller = Controller::start(&cluster, &namespace, &["--all-namespaces=true"]);
    let [stores, objects] = ["clustersecretstores", "clusterexternalsecrets"].map(|plural| format!("/apis/external-secrets.io/v1/{plural}"));
    api.create(&stores, &object("ClusterSecretStore", "vault", &fake())).unwrap();
    watch(&api, &format!("{stores}/vault"), GOOD);
    let child = json!({"secretStoreRef": {"name": "vault", "kind": "ClusterSecretStore"}, "data": [{"secretKey": "x", "remoteRef": {"key": "a"}}]});
    let many = json!({"externalSecretName": "child", "externalSecretSpec": child, "namespaces": [namespace]});
    api.create(&objects, &object("ClusterExternalSecret", "many", &many)).unwrap();
    watch(&api, &format!("{objects}/many"), GOOD);
    watch(&api, &format!("{}/child", folder(&namespace, "externalsecrets")), GOOD);
    api.wait_for("the Secret", |api| api.read(&format!("{}/child", secrets(&namespace))).ok());
    // Somebody else's object is in the way.
    api.create(&folder(&namespace, "externalsecrets"), &object("ExternalSecret", "taken", &child)).unwrap();
    api.merge(&format!("{objects}/many"), &json!({"spec": {"externalSecretName": "taken"}})).unwrap();
    let failed = api.wait_for("the failure to be told", |api| {
        let object = api.read(&format!("{objects}/many")).ok().filter(is_observed)?;
        (!object["status"]["failedNamespaces"].is_null()).then_some(object)
    });
    // Argo CD knows other conditions of this kind than external-secrets writes: it waits.
    assert_eq!(verdict(&failed), ["Progressing", "InProgress"]);
    api.merge(&format!("{objects}/many"), &json!({"spec": {"externalSecretName": "child"}})).unwrap();
    watch(&api, &format!("{objects}/many"), GOOD);
}
