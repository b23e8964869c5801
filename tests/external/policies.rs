//! When a Secret is made, added to, left alone, and deleted.

use engine::external::marks;
use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::controller::secrets;

use super::{Test, World, asks};

pub(crate) const CASES: &[(&str, Test)] = &[
    ("several_objects_merge_into_one_secret_and_take_out_their_own_keys", merge),
    ("a_secret_that_is_missing_is_not_made_by_merge", merge_missing),
    ("a_strangers_secret_is_refused_until_it_is_handed_over", foreign),
    ("a_secret_of_another_owner_is_never_taken", owned),
    ("an_orphan_has_no_owner_and_stays", orphan),
    ("none_makes_nothing", none),
    ("what_is_gone_from_the_store_is_handled_as_the_policy_says", gone),
    ("a_secret_that_may_not_be_deleted_is_told_and_stays", kept),
    ("a_renamed_target_takes_its_old_secret_with_it", renamed),
    ("an_immutable_secret_is_told_and_not_written", immutable),
    ("the_finalizer_of_external_secrets_is_taken_off", finalizer),
    ("reserved_types_are_refused", reserved),
    ("what_the_webhook_of_external_secrets_refuses_is_told", refused),
];

fn world(cluster: &Cluster, purpose: &str) -> World {
    let world = World::new(cluster, purpose, &[]);
    world.store("vault", &[("a", "1"), ("b", "2")]);
    world
}

fn plain(world: &World, name: &str, more: &Value) -> Value {
    let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": {"theirs": "x"}});
    for (field, value) in more.as_object().into_iter().flatten() {
        secret["metadata"][field] = value.clone();
    }
    world.api.create(&secrets(&world.namespace), &secret).unwrap()
}

fn target(name: &str, creation: &str) -> Value {
    json!({"target": {"name": name, "creationPolicy": creation}})
}

fn merge(cluster: &Cluster) {
    let world = world(cluster, "merge");
    plain(&world, "shared", &json!({}));
    world.create("one", &asks(&[("a", "a")], &target("shared", "Merge")));
    world.create("two", &asks(&[("b", "b")], &target("shared", "CreateOrMerge")));
    world.wait_data("shared", &[("a", "1"), ("b", "2"), ("theirs", "x")]);
    world.wait("one", "SecretSynced");
    world.wait("two", "SecretSynced");
    world.edit("one", &json!({"spec": {"data": [{"secretKey": "c", "remoteRef": {"key": "a"}}]}}));
    world.wait_data("shared", &[("b", "2"), ("c", "1"), ("theirs", "x")]);
    assert!(world.secret("shared")["metadata"]["ownerReferences"].is_null());
}

fn merge_missing(cluster: &Cluster) {
    let world = world(cluster, "missing");
    world.create("app", &asks(&[("a", "a")], &target("later", "Merge")));
    world.wait("app", "SecretMissing");
    assert_eq!(world.data("later"), None);
    plain(&world, "later", &json!({}));
    world.wait_data("later", &[("a", "1"), ("theirs", "x")]);
}

fn foreign(cluster: &Cluster) {
    let world = world(cluster, "foreign");
    plain(&world, "app", &json!({}));
    world.create("app", &asks(&[("a", "a")], &json!({})));
    world.wait("app", "SecretSyncedError");
    assert!(world.message("app").contains("nobody said that it may be replaced"), "{}", world.message("app"));
    world.wait_data("app", &[("theirs", "x")]);
    world.api.merge(&format!("{}/app", secrets(&world.namespace)), &json!({"metadata": {"labels": {marks::MANAGED: "true"}}})).unwrap();
    world.wait_data("app", &[("a", "1")]);
    world.wait("app", "SecretSynced");
}

fn owned(cluster: &Cluster) {
    let world = world(cluster, "owned");
    let owner = |kind: &str, name: &str| json!([{"apiVersion": "x/v1", "kind": kind, "name": name, "uid": "0", "controller": true}]);
    plain(&world, "one", &json!({"ownerReferences": owner("Deployment", "somebody"), "labels": {marks::MANAGED: "true"}}));
    world.create("one", &asks(&[("a", "a")], &json!({})));
    world.wait("one", "SecretSyncedError");
    assert!(world.message("one").starts_with("failed to take ownership of target secret"), "{}", world.message("one"));
    plain(&world, "two", &json!({"ownerReferences": owner("ExternalSecret", "another"), "labels": {marks::MANAGED: "true"}}));
    // Nor is anything added to it.
    for creation in ["Owner", "Orphan", "Merge", "CreateOrMerge"] {
        let name = creation.to_ascii_lowercase();
        world.create(&name, &asks(&[("a", "a")], &target("two", creation)));
        world.wait(&name, "SecretSyncedError");
        assert!(world.message(&name).starts_with("target is owned by another ExternalSecret"), "{}", world.message(&name));
    }
    for name in ["one", "two"] {
        world.wait_data(name, &[("theirs", "x")]);
    }
}

fn orphan(cluster: &Cluster) {
    let world = world(cluster, "orphan");
    world.create("app", &asks(&[("a", "a")], &target("left", "Orphan")));
    world.wait_data("left", &[("a", "1")]);
    let secret = world.secret("left");
    assert!(secret["metadata"]["ownerReferences"].is_null() && secret["metadata"]["labels"][marks::CREATED_BY].is_null(), "{secret}");
}

fn none(cluster: &Cluster) {
    let world = world(cluster, "none");
    world.create("app", &asks(&[("a", "a")], &target("nothing", "None")));
    world.wait("app", "SecretSynced");
    assert_eq!(world.data("nothing"), None);
}

fn gone(cluster: &Cluster) {
    let world = world(cluster, "gone");
    for policy in ["Retain", "Delete", "Merge"] {
        let name = policy.to_ascii_lowercase();
        world.create(&name, &asks(&[("a", "a")], &json!({"target": {"deletionPolicy": policy}})));
        world.wait_data(&name, &[("a", "1")]);
        world.wait(&name, "SecretSynced");
    }
    world.restock("vault", &[("b", "2")]);
    world.wait("retain", "SecretSyncedError");
    assert!(world.message("retain").contains(r#"SecretStore vault has no secret "a""#), "{}", world.message("retain"));
    world.wait_data("retain", &[("a", "1")]);
    world.wait("delete", "SecretDeleted");
    assert_eq!(world.data("delete"), None);
    world.wait_data("merge", &[]);
    world.restock("vault", &[("a", "3")]);
    for name in ["retain", "delete", "merge"] {
        world.wait_data(name, &[("a", "3")]);
    }
}

fn kept(cluster: &Cluster) {
    let world = world(cluster, "kept");
    world.create("orphan", &asks(&[("a", "a")], &json!({"target": {"creationPolicy": "Orphan", "deletionPolicy": "Delete"}})));
    world.create("owner", &asks(&[("a", "a")], &json!({"target": {"deletionPolicy": "Delete"}})));
    for name in ["orphan", "owner"] {
        world.wait_data(name, &[("a", "1")]);
        world.wait(name, "SecretSynced");
    }
    let theirs =
        json!({"metadata": {"ownerReferences": [{"apiVersion": "x/v1", "kind": "Deployment", "name": "somebody", "uid": "0", "controller": true}]}});
    world.api.merge(&format!("{}/owner", secrets(&world.namespace)), &theirs).unwrap();
    world.restock("vault", &[("b", "2")]);
    for name in ["orphan", "owner"] {
        world.wait(name, "SecretSyncedError");
        assert!(world.message(name).starts_with("could not delete secret"), "{}", world.message(name));
        world.wait_data(name, &[("a", "1")]);
    }
}

fn renamed(cluster: &Cluster) {
    let world = world(cluster, "renamed");
    world.create("app", &asks(&[("a", "a")], &target("before", "Owner")));
    world.wait_data("before", &[("a", "1")]);
    world.wait("app", "SecretSynced");
    // A copy that kept the labels, as people make them, is not ours.
    let mut copy = world.secret("before");
    copy["metadata"] = json!({"name": "copy", "labels": copy["metadata"]["labels"]});
    world.api.create(&secrets(&world.namespace), &copy).unwrap();
    world.edit("app", &json!({"spec": {"target": {"name": "after"}}}));
    world.wait_data("after", &[("a", "1")]);
    world.api.wait_for("the old Secret to go", |_| world.data("before").is_none().then_some(()));
    assert!(world.data("copy").is_some());
}

fn immutable(cluster: &Cluster) {
    let world = world(cluster, "immutable");
    world.create("app", &asks(&[("a", "a")], &json!({"target": {"immutable": true}})));
    world.wait_data("app", &[("a", "1")]);
    world.wait("app", "SecretSynced");
    assert_eq!(world.secret("app")["immutable"], true);
    world.restock("vault", &[("a", "9")]);
    world.wait("app", "SecretSyncedError");
    assert!(world.message("app").contains("target is immutable"), "{}", world.message("app"));
    world.api.delete(&format!("{}/app", secrets(&world.namespace))).unwrap();
    world.wait_data("app", &[("a", "9")]);
}

fn finalizer(cluster: &Cluster) {
    let world = world(cluster, "finalizer");
    world.create("app", &asks(&[("a", "a")], &json!({"target": {"deletionPolicy": "Delete"}})));
    world.wait("app", "SecretSynced");
    assert!(world.object("app")["metadata"]["finalizers"].is_null(), "we need none, and none keeps a namespace from going");
    world.edit("app", &json!({"metadata": {"finalizers": [marks::FINALIZER]}}));
    world.api.delete(&format!("{}/app", world.path("externalsecrets"))).unwrap();
    world.api.wait_for("it to go", |api| api.read(&format!("{}/app", world.path("externalsecrets"))).is_err().then_some(()));
    assert_eq!(world.data("app"), None);
}

fn reserved(cluster: &Cluster) {
    let world = world(cluster, "reserved");
    for (name, type_) in [("token", "kubernetes.io/service-account-token"), ("bootstrap", "bootstrap.kubernetes.io/token")] {
        world.create(
            name,
            &asks(
                &[("a", "a")],
                &json!({"target": {"template": { "type": type_, "metadata": {"annotations": {"kubernetes.io/service-account.name": "default"}} }}}),
            ),
        );
        world.wait(name, "SecretSyncedError");
        assert_eq!(world.data(name), None);
    }
}

fn refused(cluster: &Cluster) {
    let world = world(cluster, "refused");
    world.create("empty", &json!({"secretStoreRef": {"name": "vault"}}));
    world.wait("empty", "SecretSyncedError");
    assert!(world.message("empty").contains("neither spec.data nor spec.dataFrom"), "{}", world.message("empty"));
    world.create("policy", &asks(&[("a", "a")], &json!({"target": {"creationPolicy": "Merge", "deletionPolicy": "Delete"}})));
    world.wait("policy", "SecretSyncedError");
}
