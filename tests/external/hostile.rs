//! Systems of secrets that hang, refuse and break, and one that is sealed, killed and started again: no Secret is deleted for that, and nobody else waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::controller::condition;
use tests::stub::{Reply, Stub};
use tests::vault::Vault;

use super::faults::{PATIENCE, identity, patiently};
use super::{Test, World, store};

pub(crate) const CASES: &[(&str, Test)] = &[
    ("a_store_that_hangs_or_breaks_costs_nobody_a_secret_and_nobody_else_time", misbehaving),
    ("a_vault_that_is_sealed_or_away_costs_nobody_a_secret", sealed),
    ("a_sign_in_to_vault_that_ends_is_made_anew", expired),
];

/// Ten times of what a new object needs where all is well.
const SOON: Duration = Duration::from_secs(10);

const FLAGS: &[&str] = &["--allow-provider-cidr=127.0.0.0/8"];

/// A system behind a webhook that answers as it is told, and counts.
struct System {
    stub: Stub,
    reply: Arc<RwLock<Reply>>,
    asked: Arc<AtomicUsize>,
}

impl System {
    fn start(reply: Reply) -> Self {
        let (stub, reply, asked) = (Stub::start(), Arc::new(RwLock::new(reply)), Arc::new(AtomicUsize::new(0)));
        let (told, count) = (Arc::clone(&reply), Arc::clone(&asked));
        stub.play(move |asked| {
            // Whether it is there at all is asked by HEAD.
            if asked.method == "HEAD" {
                return Reply::new(200, "");
            }
            count.fetch_add(1, Ordering::SeqCst);
            told.read().unwrap_or_else(PoisonError::into_inner).clone()
        });
        Self { stub, reply, asked }
    }

    fn answers(&self, reply: Reply) {
        *self.reply.write().unwrap_or_else(PoisonError::into_inner) = reply;
    }

    /// How often it was asked within a while.
    fn asked_within(&self, time: Duration) -> usize {
        let before = self.asked.load(Ordering::SeqCst);
        thread::sleep(time);
        self.asked.load(Ordering::SeqCst) - before
    }

    fn store(&self, name: &str) -> Value {
        let url = format!("{}/{{{{ .remoteRef.key }}}}", self.stub.url());
        store(name, &json!({"webhook": {"url": url, "timeout": "15s", "result": {}}}))
    }
}

fn spec(store: &str, key: &str, deletion: &str) -> Value {
    json!({
        "secretStoreRef": {"name": store}, "refreshInterval": "1s", "target": {"deletionPolicy": deletion},
        "data": [{"secretKey": "x", "remoteRef": {"key": key}}],
    })
}

const MANY: usize = 80;

/// Sees that a new object of another store is served, whatever else is going on.
fn others_are_served(world: &World, name: &str) {
    world.create(name, &spec("good", name, "Retain"));
    patiently(&format!("{name} to be served"), SOON, || (world.data(name)?.get("x")? == "good").then_some(()));
}

fn is_failed(world: &World, name: &str, words: &str) {
    patiently(&format!("{name} to tell {words:?}"), PATIENCE, || {
        let ready = condition(&world.object(name), "Ready");
        let told = ready["message"].as_str().is_some_and(|message| message.contains(words));
        (ready["reason"] == "SecretSyncedError" && ready["status"] == "False" && told).then_some(())
    });
}

fn misbehaving(cluster: &Cluster) {
    let world = World::new(cluster, "misbehaving", FLAGS);
    let (good, bad) = (System::start(Reply::new(200, "good")), System::start(Reply::new(200, "old")));
    world.api.create(&world.path("secretstores"), &good.store("good")).unwrap();
    world.api.create(&world.path("secretstores"), &bad.store("bad")).unwrap();
    let names: Vec<String> = (0..MANY).map(|at| format!("bad-{at}")).collect();
    for (at, name) in names.iter().enumerate() {
        world.create(name, &spec("bad", name, ["Delete", "Retain"][at % 2]));
    }
    names.iter().for_each(|name| world.wait_data(name, &[("x", "old")]));
    let before: Vec<_> = names.iter().map(|name| identity(&world, name)).collect();

    bad.answers(Reply::Silence);
    thread::sleep(Duration::from_secs(3));
    others_are_served(&world, "while-it-hangs");
    is_failed(&world, "bad-0", "there is no answer in time");
    others_are_served(&world, "while-it-rests");

    bad.answers(Reply::new(429, "{}").with("Retry-After", 3));
    is_failed(&world, "bad-1", "it is overwhelmed");
    // One finds out for all others, every three seconds.
    let asked = bad.asked_within(Duration::from_secs(12));
    assert!((1..=6).contains(&asked), "{asked} requests in 12 s to a system that asked for pauses of 3 s");
    others_are_served(&world, "while-it-is-overwhelmed");

    bad.answers(Reply::new(500, "hunter2"));
    is_failed(&world, "bad-2", "it answers with status 500");
    let asked = bad.asked_within(Duration::from_secs(12));
    assert!(asked <= 20, "{asked} requests in 12 s to a system that is broken");
    others_are_served(&world, "while-it-is-broken");
    is_failed(&world, "bad-3", "it answers with status 500");

    let after: Vec<_> = names.iter().map(|name| identity(&world, name)).collect();
    assert_eq!(after, before, "no Secret is touched because a system does not answer");
    bad.answers(Reply::new(200, "new"));
    for name in &names {
        patiently(&format!("{name} to have the new value"), PATIENCE, || (world.data(name)?.get("x")? == "new").then_some(()));
    }
    let uids = |identities: &[[Value; 2]]| identities.iter().map(|[uid, _]| uid.clone()).collect::<Vec<_>>();
    let after: Vec<_> = names.iter().map(|name| identity(&world, name)).collect();
    assert_eq!(uids(&after), uids(&before), "no Secret was deleted");
    assert!(!world.controller.log().contains("hunter2"));
}

/// A store of Vault that signs in by AppRole, whose tokens live so long.
fn vault_store(world: &World, vault: &Vault, lifetime: &str) {
    vault.does("POST", "sys/auth/approle", &json!({"type": "approle"}));
    vault.does("PUT", "sys/policies/acl/reader", &json!({"policy": r#"path "secret/data/*" { capabilities = ["read"] }"#}));
    vault.does("POST", "auth/approle/role/app", &json!({"token_policies": "reader", "token_ttl": lifetime, "token_max_ttl": lifetime}));
    vault.does("POST", "auth/approle/role/app/role-id", &json!({"role_id": "role-1"}));
    vault.does("POST", "auth/approle/role/app/custom-secret-id", &json!({"secret_id": "hunter2-secret"}));
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app-role"}, "stringData": {"id": "hunter2-secret"}});
    world.api.create(&tests::controller::secrets(&world.namespace), &secret).unwrap();
    let auth = json!({"appRole": {"path": "approle", "roleId": "role-1", "secretRef": {"name": "app-role", "key": "id"}}});
    let provider = json!({"vault": {"server": vault.url(), "path": "secret", "version": "v2", "auth": auth}});
    world.api.create(&world.path("secretstores"), &store("vault", &provider)).unwrap();
}

fn vault_spec(deletion: &str) -> Value {
    json!({
        "secretStoreRef": {"name": "vault"}, "refreshInterval": "1s", "target": {"deletionPolicy": deletion},
        "data": [{"secretKey": "x", "remoteRef": {"key": "app", "property": "x"}}],
    })
}

fn has(world: &World, name: &str, value: &str) {
    patiently(&format!("{name} to have {value}"), PATIENCE, || {
        let good = condition(&world.object(name), "Ready")["reason"] == "SecretSynced";
        (good && world.data(name)?.get("x")? == value).then_some(())
    });
}

/// The warnings that events tell of an object.
fn warnings(world: &World, name: &str) -> Vec<String> {
    let list = world.api.read(&format!("/api/v1/namespaces/{}/events", world.namespace)).unwrap();
    let all = list["items"].as_array().unwrap().iter();
    let told = all.filter(|event| event["type"] == "Warning" && event["involvedObject"]["name"] == name && event["reason"] == "UpdateFailed");
    told.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

fn sealed(cluster: &Cluster) {
    let world = World::new(cluster, "sealed", FLAGS);
    let mut vault = Vault::start().unwrap();
    vault.put("app", &json!({"x": "first"}));
    vault_store(&world, &vault, "1h");
    let names = ["kept", "kept-too"];
    names.into_iter().zip(["Retain", "Delete"]).for_each(|(name, deletion)| drop(world.create(name, &vault_spec(deletion))));
    names.into_iter().for_each(|name| has(&world, name, "first"));
    let before = names.map(|name| identity(&world, name));

    vault.seal();
    for name in names {
        is_failed(&world, name, "Vault is sealed, or under maintenance (status 503)");
        assert!(warnings(&world, name).iter().any(|told| told.contains("SecretStore vault") && told.contains("Vault is sealed")), "{name}");
    }
    thread::sleep(Duration::from_secs(5));
    assert_eq!(names.map(|name| identity(&world, name)), before, "a sealed Vault takes no Secret away");
    vault.unseal();
    vault.put("app", &json!({"x": "second"}));
    names.into_iter().for_each(|name| has(&world, name, "second"));

    vault.kill();
    names.into_iter().for_each(|name| is_failed(&world, name, "it cannot be reached"));
    vault.run();
    names.into_iter().for_each(|name| is_failed(&world, name, "Vault is sealed"));
    vault.unseal();
    vault.put("app", &json!({"x": "third"}));
    names.into_iter().for_each(|name| has(&world, name, "third"));
    let uids = |identities: [[Value; 2]; 2]| identities.map(|[uid, _]| uid);
    assert_eq!(uids(names.map(|name| identity(&world, name))), uids(before), "no Secret was deleted");
    assert!(!world.controller.log().contains("hunter2"));
}

fn expired(cluster: &Cluster) {
    let world = World::new(cluster, "expired", FLAGS);
    let vault = Vault::start().unwrap();
    vault.put("app", &json!({"x": "0"}));
    vault_store(&world, &vault, "3s");
    world.create("app", &vault_spec("Delete"));
    has(&world, "app", "0");
    let (uid, before) = (identity(&world, "app")[0].clone(), warnings(&world, "app"));
    // Several tokens one after the other, none of which lives longer than three seconds.
    for round in 1..5 {
        thread::sleep(Duration::from_secs(3));
        vault.put("app", &json!({"x": round.to_string()}));
        has(&world, "app", &round.to_string());
    }
    assert_eq!(warnings(&world, "app"), before, "a token is replaced before it ends");
    // One that lives long enough is taken away.
    vault.does("POST", "auth/approle/role/app", &json!({"token_policies": "reader", "token_ttl": "1h", "token_max_ttl": "1h"}));
    thread::sleep(Duration::from_secs(10));
    vault.does("PUT", "sys/leases/revoke-prefix/auth/approle", &json!({}));
    vault.put("app", &json!({"x": "after"}));
    has(&world, "app", "after");
    assert_eq!(identity(&world, "app")[0], uid, "no Secret was deleted");
}
