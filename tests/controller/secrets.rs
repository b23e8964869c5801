//! What becomes of Secrets.

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, condition, data, seal, seal_secret, secrets, sources, wait_synced};

use super::{Test, settled};

pub(crate) const CASES: &[(&str, Test)] = &[
    ("a_sealed_object_becomes_a_secret_and_says_so", becomes_a_secret),
    ("a_key_removed_after_adoption_is_gone", removed_after_adoption),
    ("a_foreign_secret_made_between_read_and_write_survives", foreign_in_between),
    ("a_changed_annotation_alone_is_noticed", annotation_alone),
    ("a_template_without_owner_needs_no_second_annotation", without_owner),
    ("a_template_without_a_type_writes_once", without_a_type),
    ("a_template_is_rendered_again_only_if_something_changed", rendered_once),
    ("a_foreign_label_is_let_be_without_opening_anything", foreign_label),
    ("a_label_selector_does_not_hide_deleted_secrets", label_selector),
    ("a_secret_that_blocked_is_replaced_once_it_is_gone_or_gives_way", blocker),
    ("a_recreated_object_gets_its_secret_once_the_old_one_is_collected", recreated),
    ("without_recreation_a_deleted_secret_stays_deleted", skip_recreate),
    ("a_secret_is_deleted_with_its_source_if_that_is_asked_for", old_gc_behavior),
    ("secrets_that_make_their_holder_somebody_are_refused", reserved),
    ("a_secret_that_would_be_a_sealing_key_is_refused", sealing_key),
    ("only_an_object_with_the_labels_asked_for_is_looked_at", selected),
    ("the_deprecated_format_is_accepted_unless_it_is_switched_off", deprecated_format),
];

fn start(cluster: &Cluster, purpose: &str, flags: &[&str]) -> (Controller, Api, String) {
    let namespace = cluster.namespace(purpose);
    (Controller::start(cluster, &namespace, flags), cluster.api(), namespace)
}

fn read(api: &Api, namespace: &str, name: &str) -> Value {
    api.read(&format!("{}/{name}", secrets(namespace))).unwrap()
}

/// Makes an object of two items, and waits until it is one.
fn made(controller: &Controller, api: &Api, namespace: &str) -> Value {
    let values = [("user", "shop"), ("password", "dummy")];
    api.create(&sources(namespace), &seal(&controller.certificate(), namespace, "db", &values)).unwrap();
    wait_synced(api, namespace, "db", true)
}

fn becomes_a_secret(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "new", &[]);
    let object = made(&controller, &api, &namespace);
    assert_eq!(data(&api, &namespace, "db").unwrap()["password"], "dummy");
    let secret = read(&api, &namespace, "db");
    let owner =
        json!([{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": object["metadata"]["uid"], "controller": true}]);
    assert_eq!(secret["metadata"]["ownerReferences"], owner);
    assert_eq!(secret["type"], "Opaque");
    assert_eq!(condition(&object, "Synced")["message"], json!(null));
    assert_eq!(object["status"]["produced"]["uid"], secret["metadata"]["uid"]);
    assert_eq!(object["status"]["produced"]["resourceVersion"], secret["metadata"]["resourceVersion"]);
}

fn removed_after_adoption(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "adopted", &[]);
    let annotations = json!({"sealedsecrets.bitnami.com/managed": "true"});
    let metadata = json!({"name": "db", "namespace": namespace, "annotations": annotations, "labels": {"theirs": "x"}});
    // Made by somebody who applies: upstream's predecessor, kubectl, Helm.
    let theirs = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"gone": "x", "user": "theirs"}});
    api.apply(&format!("{}/db", secrets(&namespace)), &theirs).unwrap();
    made(&controller, &api, &namespace);
    let found = data(&api, &namespace, "db").unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["password", "user"]);
    let secret = read(&api, &namespace, "db");
    assert!(secret["metadata"]["labels"].is_null() && secret["metadata"]["ownerReferences"].is_array(), "{secret}");
    // And a key that the manifest drops later on.
    let path = format!("{}/db", sources(&namespace));
    api.merge(&path, &json!({"spec": {"encryptedData": {"user": null}}})).unwrap();
    settled(&api, &namespace, "db");
    assert_eq!(data(&api, &namespace, "db").unwrap().keys().collect::<Vec<_>>(), ["password"]);
}

fn foreign_in_between(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "between", &[]);
    let certificate = controller.certificate();
    // The controller is stopped while both are made: it learns of the object first, and finds the Secret when it writes.
    controller.signal("STOP");
    api.create(&sources(&namespace), &seal(&certificate, &namespace, "db", &[("a", "ours")])).unwrap();
    let theirs = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"a": "theirs"}});
    api.create(&secrets(&namespace), &theirs).unwrap();
    controller.signal("CONT");
    let object = wait_synced(&api, &namespace, "db", false);
    assert!(condition(&object, "Synced")["message"].as_str().unwrap().contains("not managed by SealedSecret"));
    assert_eq!(data(&api, &namespace, "db").unwrap()["a"], "theirs");
}

fn annotation_alone(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "annotated", &[]);
    made(&controller, &api, &namespace);
    let path = format!("{}/db", sources(&namespace));
    let annotate = |value: Value| api.merge(&path, &json!({"metadata": {"annotations": {"sealedsecrets.bitnami.com/cluster-wide": value}}})).unwrap();
    annotate(json!("true"));
    // No generation tells of it.
    api.wait_for("the scope to count", |api| Some(condition(&api.read(&path).ok()?, "Synced")).filter(|synced| synced["status"] == "False"));
    annotate(Value::Null);
    api.wait_for("the scope to count again", |api| Some(condition(&api.read(&path).ok()?, "Synced")).filter(|synced| synced["status"] == "True"));
}

fn without_owner(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "ownerless", &[]);
    let annotations = json!({"sealedsecrets.bitnami.com/skip-set-owner-references": "true"});
    let metadata = json!({"name": "db", "namespace": namespace, "annotations": annotations});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": "1"}});
    api.create(&sources(&namespace), &seal_secret(&controller.certificate(), &secret)).unwrap();
    wait_synced(&api, &namespace, "db", true);
    assert!(read(&api, &namespace, "db")["metadata"]["ownerReferences"].is_null());
    // It still is ours: an edit is healed, by another process too, which remembers nothing.
    drop(controller);
    let path = format!("{}/db", secrets(&namespace));
    api.merge(&path, &json!({"stringData": {"a": "2"}})).unwrap();
    let _controller = Controller::start(cluster, &namespace, &[]);
    api.wait_for("the edit to be healed", |api| (data(api, &namespace, "db")?["a"] == "1").then_some(()));
}

fn without_a_type(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "typeless", &[]);
    let object = made(&controller, &api, &namespace);
    let before = read(&api, &namespace, "db");
    // The object changes, but not what becomes of it.
    let spec = json!({"spec": {"template": {"metadata": {"annotations": {"x": null}}, "immutable": false}}});
    api.merge(&format!("{}/db", sources(&namespace)), &spec).unwrap();
    let after = settled(&api, &namespace, "db");
    assert_ne!(object["metadata"]["generation"], after["metadata"]["generation"]);
    assert_eq!(before["metadata"]["resourceVersion"], read(&api, &namespace, "db")["metadata"]["resourceVersion"]);
}

fn rendered_once(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "rendered", &[]);
    let mut object = seal(&controller.certificate(), &namespace, "db", &[("user", "shop")]);
    object["spec"]["template"]["data"] = json!({"id": "{{ uuidv4 }}", "line": "user={{ .user }}"});
    api.create(&sources(&namespace), &object).unwrap();
    settled(&api, &namespace, "db");
    let first = data(&api, &namespace, "db").unwrap();
    assert_eq!(first["line"], "user=shop");
    assert_eq!(first["id"].len(), 36);
    // Somebody's label, a restart, another annotation of the object: the random value stays.
    api.merge(&format!("{}/db", secrets(&namespace)), &json!({"metadata": {"labels": {"theirs": "x"}}})).unwrap();
    settled(&api, &namespace, "db");
    drop(controller);
    let _controller = Controller::start(cluster, &namespace, &[]);
    api.merge(&format!("{}/db", sources(&namespace)), &json!({"metadata": {"annotations": {"team": "x"}}})).unwrap();
    settled(&api, &namespace, "db");
    assert_eq!(data(&api, &namespace, "db").unwrap(), first);
    // Nor does a label that is put on the Secret while no controller of this process has seen it; what is not random is healed all the same.
    let edit = json!({"metadata": {"labels": {"theirs": "y"}}, "stringData": {"line": "edited"}});
    api.merge(&format!("{}/db", secrets(&namespace)), &edit).unwrap();
    settled(&api, &namespace, "db");
    assert_eq!(data(&api, &namespace, "db").unwrap(), first);
}

fn foreign_label(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "labelled", &[]);
    made(&controller, &api, &namespace);
    let operations = || controller.figure("sealed_secrets_controller_sealer_private_operations");
    let before = operations();
    assert!(before >= 2.0, "two items were opened: {before}");
    api.merge(&format!("{}/db", secrets(&namespace)), &json!({"metadata": {"labels": {"theirs": "x"}, "annotations": {"theirs": "y"}}})).unwrap();
    settled(&api, &namespace, "db");
    assert_eq!(read(&api, &namespace, "db")["metadata"]["labels"]["theirs"], "x");
    assert_eq!(operations(), before, "nothing was opened");
    // What the template asks for is put back, though.
    let metadata = json!({"name": "labels", "namespace": namespace, "labels": {"ours": "x"}});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": "1"}});
    api.create(&sources(&namespace), &seal_secret(&controller.certificate(), &secret)).unwrap();
    wait_synced(&api, &namespace, "labels", true);
    api.merge(&format!("{}/labels", secrets(&namespace)), &json!({"metadata": {"labels": {"ours": "y"}}})).unwrap();
    api.wait_for("the label to be put back", |api| (read(api, &namespace, "labels")["metadata"]["labels"]["ours"] == "x").then_some(()));
}

fn label_selector(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "selector", &["--label-selector=team=a"]);
    let mut object = seal(&controller.certificate(), &namespace, "db", &[("a", "1")]);
    object["metadata"]["labels"] = json!({"team": "a"});
    api.create(&sources(&namespace), &object).unwrap();
    wait_synced(&api, &namespace, "db", true);
    assert!(read(&api, &namespace, "db")["metadata"]["labels"].is_null(), "the Secret has no such label");
    api.delete(&format!("{}/db", secrets(&namespace))).unwrap();
    api.wait_for("the Secret to come back", |api| data(api, &namespace, "db"));
}

fn blocker(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "blocker", &[]);
    let certificate = controller.certificate();
    for name in ["gone", "gives-way"] {
        let theirs = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"a": "theirs"}});
        api.create(&secrets(&namespace), &theirs).unwrap();
        api.create(&sources(&namespace), &seal(&certificate, &namespace, name, &[("a", "ours")])).unwrap();
        wait_synced(&api, &namespace, name, false);
    }
    api.delete(&format!("{}/gone", secrets(&namespace))).unwrap();
    let managed = json!({"metadata": {"annotations": {"sealedsecrets.bitnami.com/managed": "true"}}});
    api.merge(&format!("{}/gives-way", secrets(&namespace)), &managed).unwrap();
    for name in ["gone", "gives-way"] {
        wait_synced(&api, &namespace, name, true);
        assert_eq!(data(&api, &namespace, name).unwrap()["a"], "ours");
    }
}

fn recreated(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "recreated", &[]);
    made(&controller, &api, &namespace);
    api.delete(&format!("{}/db", sources(&namespace))).unwrap();
    // As Argo CD's Replace does it: the new one is there before the garbage collector has looked.
    made_again(&controller, &api, &namespace);
    wait_synced(&api, &namespace, "db", false);
    // This is what the garbage collector does.
    api.delete(&format!("{}/db", secrets(&namespace))).unwrap();
    wait_synced(&api, &namespace, "db", true);
    assert_eq!(data(&api, &namespace, "db").unwrap()["user"], "again");
}

fn made_again(controller: &Controller, api: &Api, namespace: &str) {
    api.create(&sources(namespace), &seal(&controller.certificate(), namespace, "db", &[("user", "again")])).unwrap();
}

fn skip_recreate(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "skip", &["--skip-recreate"]);
    made(&controller, &api, &namespace);
    api.delete(&format!("{}/db", secrets(&namespace))).unwrap();
    // What comes after it has its turn, so the deletion would have had one too.
    api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, "next", &[("a", "1")])).unwrap();
    wait_synced(&api, &namespace, "next", true);
    assert_eq!(data(&api, &namespace, "db"), None);
}

fn old_gc_behavior(cluster: &Cluster) {
    for (flags, gone) in [(&["--old-gc-behavior"][..], true), (&[][..], false)] {
        let (controller, api, namespace) = start(cluster, "collected", flags);
        made(&controller, &api, &namespace);
        // One that belongs to somebody else stays in any case.
        let theirs = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs"}});
        api.create(&secrets(&namespace), &theirs).unwrap();
        api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, "theirs", &[("a", "1")])).unwrap();
        wait_synced(&api, &namespace, "theirs", false);
        for name in ["db", "theirs"] {
            api.delete(&format!("{}/{name}", sources(&namespace))).unwrap();
        }
        if gone {
            api.wait_for("the Secret to go", |api| data(api, &namespace, "db").is_none().then_some(()));
        }
        api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, "next", &[("a", "1")])).unwrap();
        wait_synced(&api, &namespace, "next", true);
        assert_eq!(data(&api, &namespace, "db").is_none(), gone);
        assert!(data(&api, &namespace, "theirs").is_some());
    }
}

fn reserved(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "reserved", &["--allow-secret-type=bootstrap.kubernetes.io/token"]);
    let make = |name: &str, type_: &str| {
        let annotations = json!({"kubernetes.io/service-account.name": "default"});
        let metadata = json!({"name": name, "namespace": namespace, "annotations": annotations});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": type_, "stringData": {"token-id": "abcdef"}});
        api.create(&sources(&namespace), &seal_secret(&controller.certificate(), &secret)).unwrap();
    };
    make("token", "kubernetes.io/service-account-token");
    let object = wait_synced(&api, &namespace, "token", false);
    let synced = condition(&object, "Synced");
    assert_eq!(synced["reason"], "Refused");
    assert!(synced["message"].as_str().unwrap().contains("--allow-secret-type"), "{synced}");
    assert_eq!(data(&api, &namespace, "token"), None);
    make("bootstrap", "bootstrap.kubernetes.io/token");
    wait_synced(&api, &namespace, "bootstrap", true);
}

fn sealing_key(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "forged", &[]);
    let labels = json!({"sealedsecrets.bitnami.com/sealed-secrets-key": "active"});
    let metadata = json!({"name": "forged", "namespace": namespace, "labels": labels});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"tls.key": "dummy"}});
    api.create(&sources(&namespace), &seal_secret(&controller.certificate(), &secret)).unwrap();
    wait_synced(&api, &namespace, "forged", false);
    assert_eq!(data(&api, &namespace, "forged"), None);
    // The first versions knew their key by its name alone.
    api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, "sealed-secrets-key", &[("tls.key", "dummy")])).unwrap();
    wait_synced(&api, &namespace, "sealed-secrets-key", false);
    assert_eq!(data(&api, &namespace, "sealed-secrets-key"), None);
    // Nor is a key that exists written over, whatever it says of itself.
    let keys = api.read(&format!("{}?labelSelector=sealedsecrets.bitnami.com/sealed-secrets-key", secrets(&namespace))).unwrap();
    let name = keys["items"][0]["metadata"]["name"].as_str().unwrap().to_owned();
    let managed = json!({"metadata": {"annotations": {"sealedsecrets.bitnami.com/managed": "true", "sealedsecrets.bitnami.com/patch": "true"}}});
    api.merge(&format!("{}/{name}", secrets(&namespace)), &managed).unwrap();
    let before = data(&api, &namespace, &name);
    api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, &name, &[("tls.key", "dummy")])).unwrap();
    wait_synced(&api, &namespace, &name, false);
    assert_eq!(data(&api, &namespace, &name), before);
}

fn selected(cluster: &Cluster) {
    let (controller, api, namespace) = start(cluster, "labels", &["--label-selector=team=a"]);
    api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, "theirs", &[("a", "1")])).unwrap();
    let mut object = seal(&controller.certificate(), &namespace, "ours", &[("a", "1")]);
    object["metadata"]["labels"] = json!({"team": "a"});
    api.create(&sources(&namespace), &object).unwrap();
    wait_synced(&api, &namespace, "ours", true);
    assert_eq!(data(&api, &namespace, "theirs"), None);
}

fn deprecated_format(cluster: &Cluster) {
    let namespace = cluster.namespace("first-format");
    let api = cluster.api();
    let controller = Controller::start(cluster, &namespace, &[]);
    // One item under a name that no item has, which is how the first format sealed a whole Secret.
    let metadata = json!({"name": "db", "namespace": namespace, "labels": {"a": "b"}});
    let whole = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"user": "c2hvcA=="}}).to_string();
    let mut object = seal(&controller.certificate(), &namespace, "db", &[("blob", &whole)]);
    let spec = json!({"data": object["spec"]["encryptedData"]["blob"], "encryptedData": {}});
    object["spec"] = spec;
    api.create(&sources(&namespace), &object).unwrap();
    wait_synced(&api, &namespace, "db", true);
    assert_eq!(data(&api, &namespace, "db").unwrap()["user"], "shop");
    assert_eq!(read(&api, &namespace, "db")["metadata"]["labels"]["a"], "b");
    drop(controller);
    let _controller = Controller::start(cluster, &namespace, &["--accept-deprecated-v1-data=false"]);
    object["metadata"]["name"] = json!("refused");
    api.create(&sources(&namespace), &object).unwrap();
    let refused = wait_synced(&api, &namespace, "refused", false);
    assert!(condition(&refused, "Synced")["message"].as_str().unwrap().contains("deprecated"), "{refused}");
}
