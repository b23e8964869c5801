//! Stores: whom they serve, whether they work, and what waits for them.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::controller::condition;
use tests::stub::{Reply, Stub};

use super::{Test, World, asks, store};

pub(crate) const CASES: &[(&str, Test)] = &[
    ("a_store_that_comes_late_is_used_at_once", late),
    ("a_store_says_whether_it_works", judged),
    ("a_store_of_another_class_is_left_alone", class),
    ("a_provider_that_is_not_there_is_told", unknown),
    ("errors_name_store_key_and_property", named),
    ("a_store_that_changes_is_read_anew", changed),
    ("a_store_says_how_often_its_system_is_asked_again", again),
    ("an_authority_that_changes_is_trusted_at_once", authority),
    ("a_system_is_told_the_namespace_of_its_store", placed),
];

fn store_of(world: &World, name: &str) -> Value {
    world.api.read(&format!("{}/{name}", world.path("secretstores"))).unwrap()
}

fn wait_store(world: &World, name: &str, reason: &str) -> Value {
    world.api.wait_for(&format!("store {name} to be {reason}"), |_| {
        let store = store_of(world, name);
        (condition(&store, "Ready")["reason"] == reason).then_some(store)
    })
}

fn late(cluster: &Cluster) {
    let world = World::new(cluster, "late", &[]);
    world.create("app", &asks(&[("a", "a")], &json!({})));
    world.wait("app", "SecretSyncedError");
    assert!(world.message("app").contains("use SecretStore vault: there is none"), "{}", world.message("app"));
    world.store("vault", &[("a", "1")]);
    world.wait_data("app", &[("a", "1")]);
}

fn judged(cluster: &Cluster) {
    let world = World::new(cluster, "judged", &[]);
    world.store("vault", &[("a", "1")]);
    let good = wait_store(&world, "vault", "Valid");
    assert_eq!((&condition(&good, "Ready")["status"], &good["status"]["capabilities"]), (&json!("True"), &json!("ReadOnly")));
    assert_eq!(condition(&good, "Ready")["message"], "store validated");
    world.api.create(&world.path("secretstores"), &store("unsure", &json!({"fake": {"data": [], "validationResult": 1}}))).unwrap();
    assert_eq!(condition(&wait_store(&world, "unsure", "ValidationUnknown"), "Ready")["status"], "True");
    world.api.create(&world.path("secretstores"), &store("broken", &json!({"fake": {"data": [{"key": "", "value": "hunter2"}]}}))).unwrap();
    let broken = condition(&wait_store(&world, "broken", "InvalidProviderConfig"), "Ready");
    assert_eq!(broken["status"], "False");
    assert!(broken["message"].as_str().unwrap().contains("spec.provider.fake.data[0] has no key"), "{broken}");
    assert!(!world.controller.log().contains("hunter2"));
}

fn class(cluster: &Cluster) {
    let world = World::new(cluster, "class", &["--controller-class=ours"]);
    let mut theirs = store("vault", &json!({"fake": {"data": [{"key": "a", "value": "1"}]}}));
    theirs["spec"]["controller"] = json!("theirs");
    world.api.create(&world.path("secretstores"), &theirs).unwrap();
    world.create("app", &asks(&[("a", "a")], &json!({})));
    let mut ours = theirs.clone();
    ours["metadata"]["name"] = json!("ours");
    ours["spec"]["controller"] = json!("ours");
    world.api.create(&world.path("secretstores"), &ours).unwrap();
    wait_store(&world, "ours", "Valid");
    world.create("second", &json!({"secretStoreRef": {"name": "ours"}, "data": [{"secretKey": "a", "remoteRef": {"key": "a"}}]}));
    world.wait("second", "SecretSynced");
    assert!(store_of(&world, "vault")["status"].is_null() && world.object("app")["status"].is_null());
}

fn unknown(cluster: &Cluster) {
    let world = World::new(cluster, "unknown", &[]);
    world.api.create(&world.path("secretstores"), &store("vault", &json!({"akeyless": {"akeylessGWApiURL": "https://x"}}))).unwrap();
    let told = condition(&wait_store(&world, "vault", "InvalidProviderConfig"), "Ready");
    assert!(told["message"].as_str().unwrap().contains(r#"there is no provider "akeyless" in this controller"#), "{told}");
    assert_eq!(store_of(&world, "vault")["spec"]["provider"]["akeyless"]["akeylessGWApiURL"], "https://x", "what is not known is kept");
}

fn named(cluster: &Cluster) {
    let world = World::new(cluster, "named", &[]);
    world.store("vault", &[("a", r#"{"x":"hunter2"}"#)]);
    let spec = json!({"secretStoreRef": {"name": "vault"}, "dataFrom": [{"extract": {"key": "a", "property": "y"}}]});
    world.create("app", &spec);
    world.create("list", &json!({"secretStoreRef": {"name": "vault"}, "data": [{"secretKey": "k", "remoteRef": {"key": "nowhere"}}]}));
    world.wait("list", "SecretSyncedError");
    assert!(world.message("list").contains(r#"read spec.data[0]: SecretStore vault has no secret "nowhere""#), "{}", world.message("list"));
    world.wait("app", "SecretSyncedError");
    assert!(!world.message("app").contains("hunter2"));
}

fn changed(cluster: &Cluster) {
    let world = World::new(cluster, "changed", &[]);
    world.store("vault", &[("a", "1")]);
    world.create("app", &asks(&[("a", "a")], &json!({"refreshInterval": "24h"})));
    world.wait_data("app", &[("a", "1")]);
    world.wait("app", "SecretSynced");
    world.restock("vault", &[("a", "2")]);
    world.wait_data("app", &[("a", "2")]);
}

fn again(cluster: &Cluster) {
    let world = World::new(cluster, "again", &["--allow-provider-cidr=127.0.0.0/8"]);
    let (stub, failures) = (Stub::start(), AtomicU32::new(2));
    stub.play(move |_| match failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
        Ok(_) => Reply::new(503, ""),
        Err(_) => Reply::new(200, json!({"data": {"data": {"k": "v"}}})),
    });
    let mut vault = store("vault", &json!({"vault": {"server": stub.url(), "path": "secret"}}));
    vault["spec"]["retrySettings"] = json!({"maxRetries": 2, "retryInterval": "100ms"});
    world.api.create(&world.path("secretstores"), &vault).unwrap();
    wait_store(&world, "vault", "Valid");
    assert_eq!(stub.asked().len(), 3, "it is examined, and asked again twice");
    world.create("app", &asks(&[("a", "app")], &json!({})));
    world.wait_data("app", &[("a", r#"{"k":"v"}"#)]);
    world.api.merge(&format!("{}/vault", world.path("secretstores")), &json!({"spec": {"retrySettings": {"retryInterval": "soon"}}})).unwrap();
    let told = condition(&wait_store(&world, "vault", "InvalidProviderConfig"), "Ready");
    assert!(told["message"].as_str().unwrap().contains("spec.retrySettings.retryInterval is no duration"), "{told}");
}

fn authority(cluster: &Cluster) {
    let world = World::new(cluster, "authority", &["--allow-provider-cidr=127.0.0.0/8"]);
    let stub = Stub::start_secured();
    stub.play(|_| Reply::new(200, json!({"a": "1"})));
    let maps = format!("/api/v1/namespaces/{}/configmaps", world.namespace);
    let bundle = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": {"ca.crt": stub.certificate()}});
    world.api.create(&maps, &bundle("bundle")).unwrap();
    let settings = json!({"url": stub.url(), "result": {}, "caProvider": {"type": "ConfigMap", "name": "bundle", "key": "ca.crt"}});
    world.api.create(&world.path("secretstores"), &store("vault", &json!({ "webhook": settings }))).unwrap();
    world.create("before", &asks(&[("a", "a")], &json!({})));
    world.wait("before", "SecretSynced");
    // The system gets a certificate of another authority; who renews authorities is behind.
    stub.renew_certificate();
    world.create("between", &asks(&[("a", "a")], &json!({})));
    world.wait("between", "SecretSyncedError");
    world.api.merge(&format!("{maps}/bundle"), &json!({"data": {"ca.crt": stub.certificate()}})).unwrap();
    world.wait("between", "SecretSynced");
    // What is not trusted any more is not trusted.
    world.api.delete(&format!("{maps}/bundle")).unwrap();
    let told = condition(&wait_store(&world, "vault", "InvalidProviderConfig"), "Ready");
    assert!(told["message"].as_str().unwrap().contains("ConfigMap"), "{told}");
}

fn placed(cluster: &Cluster) {
    let world = World::new(cluster, "placed", &["--allow-provider-cidr=127.0.0.0/8"]);
    let stub = Stub::start();
    stub.play(|asked| Reply::new(200, json!({"path": asked.target})));
    let url = format!("{}/{{{{ .remoteRef.namespace }}}}/{{{{ .remoteRef.key }}}}", stub.url());
    world.api.create(&world.path("secretstores"), &store("vault", &json!({"webhook": {"url": url, "result": {"jsonPath": "$.path"}}}))).unwrap();
    // It is examined first, for nobody.
    wait_store(&world, "vault", "Valid");
    world.create("app", &asks(&[("a", "db")], &json!({})));
    world.wait_data("app", &[("a", &format!("/{}/db", world.namespace))]);
}
