//! What goes wrong around ExternalSecrets, with real processes.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, condition, secrets};
use tests::flaky::Flaky;
use tests::moving::Dice;

use super::{Test, World, asks};

pub(crate) const CASES: &[(&str, Test)] = &[
    ("an_api_server_that_is_away_loses_no_external_secret", away),
    ("killed_at_random_moments_it_makes_every_external_secret_what_it_should_be", killed),
    ("a_store_that_changed_while_nobody_looked_is_read_anew", unseen),
    ("what_a_store_holds_is_looked_at_again_after_it_could_not_be_used", mended),
    ("more_than_a_secret_holds_is_told_and_not_sent", too_large),
];

/// How long everything may take to be as it should be: a watch is tried again after half a minute at most.
pub(crate) const PATIENCE: Duration = Duration::from_secs(150);

/// Waits until something is so.
pub(crate) fn patiently<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < patience, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Uid and version of a Secret.
pub(crate) fn identity(world: &World, name: &str) -> [Value; 2] {
    let secret = world.secret(name);
    ["uid", "resourceVersion"].map(|field| secret["metadata"][field].clone())
}

/// As a kubelet does: a process that ended is started again.
fn keep_alive(world: &mut World, flags: &[&str]) {
    if !world.controller.runs() {
        world.controller = Controller::launch_bare(&world.namespace, flags);
        world.controller.wait_until_ready();
    }
}

fn away(cluster: &Cluster) {
    let namespace = cluster.namespace("away");
    let flaky = Flaky::start(cluster, &namespace);
    let kubeconfig = format!("--kubeconfig={}", flaky.kubeconfig().display());
    let mut controller = Controller::launch_bare(&namespace, &[&kubeconfig]);
    controller.wait_until_ready();
    let mut world = World { controller, api: cluster.api(), namespace };
    world.store("still", &[("a", "calm")]);
    world.store("vault", &[("a", "old-a"), ("b", "old-b")]);
    for at in 0..10 {
        world.create(&format!("app-{at}"), &asks(&[("x", "a")], &json!({})));
        world.create(&format!("calm-{at}"), &asks(&[("x", "a")], &json!({"secretStoreRef": {"name": "still"}})));
    }
    for at in 0..10 {
        world.wait(&format!("app-{at}"), "SecretSynced");
        world.wait(&format!("calm-{at}"), "SecretSynced");
    }
    let calm: Vec<_> = (0..10).map(|at| (identity(&world, &format!("calm-{at}")), world.object(&format!("calm-{at}")))).collect();
    let uids: Vec<_> = (0..8).map(|at| identity(&world, &format!("app-{at}"))[0].clone()).collect();

    flaky.set_down(true);
    let started = Instant::now();
    world.restock("vault", &[("a", "new-a"), ("b", "new-b")]);
    for at in 0..5 {
        world.edit(&format!("app-{at}"), &json!({"spec": asks(&[("y", "b")], &json!({}))}));
        world.create(&format!("late-{at}"), &asks(&[("x", "b")], &json!({})));
    }
    world.api.delete(&format!("{}/app-8", secrets(&world.namespace))).unwrap();
    world.api.merge(&format!("{}/app-9", secrets(&world.namespace)), &json!({"stringData": {"x": "stranger"}})).unwrap();
    thread::sleep(Duration::from_secs(10).saturating_sub(started.elapsed()));
    flaky.set_down(false);
    // Whoever leads gives up soon after ten seconds without a Lease, if at all.
    thread::sleep(Duration::from_secs(5));
    keep_alive(&mut world, &[&kubeconfig]);

    for at in 0..10 {
        let expected = if at < 5 { ("y", "new-b") } else { ("x", "new-a") };
        holds(&world, &format!("app-{at}"), expected);
    }
    (0..5).for_each(|at| holds(&world, &format!("late-{at}"), ("x", "new-b")));
    for (at, uid) in uids.iter().enumerate() {
        assert_eq!(identity(&world, &format!("app-{at}"))[0], *uid, "no Secret was deleted");
    }
    let now: Vec<_> = (0..10).map(|at| (identity(&world, &format!("calm-{at}")), world.object(&format!("calm-{at}")))).collect();
    assert_eq!(now, calm, "what nobody touched, it does not write");
}

/// Waits until a Secret holds just this, and its object says so.
fn holds(world: &World, name: &str, (key, value): (&str, &str)) {
    patiently(&format!("{name} to hold {key}={value}"), PATIENCE, || {
        let object = world.object(name);
        let ready = condition(&object, "Ready");
        let told = ready["status"] == "True" && ready["observedGeneration"] == object["metadata"]["generation"];
        (told && world.data(name)? == BTreeMap::from([(key.to_owned(), value.to_owned())])).then_some(())
    });
}

/// One ExternalSecret as it should be.
#[derive(Clone)]
struct Expected {
    store: usize,
    key: u64,
    target: String,
    /// Its Secret since it was first seen, as long as nobody but the controller did anything to it.
    uid: Option<Value>,
}

/// ExternalSecrets and stores that change all the time.
struct Changing<'a> {
    api: &'a Api,
    namespace: &'a str,
    dice: Dice,
    objects: BTreeMap<String, Expected>,
    /// How often each store got new values.
    stores: [u64; 4],
    step: u64,
}

impl Changing<'_> {
    fn path(&self, kind: &str) -> String {
        format!("/apis/external-secrets.io/v1/namespaces/{}/{kind}", self.namespace)
    }

    fn value(&self, expected: &Expected) -> String {
        format!("value-{}-{}-{}", expected.store, self.stores[expected.store], expected.key)
    }

    fn provider(&self, store: usize) -> Value {
        let data: Vec<Value> =
            (0..8).map(|key| json!({"key": format!("key-{key}"), "value": format!("value-{store}-{}-{key}", self.stores[store])})).collect();
        json!({"provider": {"fake": {"data": data}}})
    }

    fn make_stores(&self) {
        for store in 0..self.stores.len() {
            let object = json!({
                "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
                "metadata": {"name": format!("store-{store}")}, "spec": self.provider(store),
            });
            self.api.create(&self.path("secretstores"), &object).unwrap();
        }
    }

    fn spec(expected: &Expected) -> Value {
        json!({
            "secretStoreRef": {"name": format!("store-{}", expected.store)}, "refreshInterval": "24h", "target": {"name": expected.target},
            "data": [{"secretKey": "x", "remoteRef": {"key": format!("key-{}", expected.key)}}],
        })
    }

    fn make(&mut self) {
        self.step += 1;
        let name = format!("object-{}", self.step);
        let store = usize::try_from(self.dice.below(4)).unwrap();
        let expected = Expected { store, key: self.dice.below(8), target: name.clone(), uid: None };
        let object =
            json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": name}, "spec": Self::spec(&expected)});
        self.api.create(&self.path("externalsecrets"), &object).unwrap();
        self.objects.insert(name, expected);
    }

    fn change(&mut self, count: usize) {
        for _ in 0..count {
            self.step += 1;
            let at = usize::try_from(self.dice.below(self.objects.len() as u64)).unwrap();
            let name = self.objects.keys().nth(at).unwrap().clone();
            let mut expected = self.objects[&name].clone();
            let secret = format!("{}/{}", secrets(self.namespace), expected.target);
            match self.dice.below(8) {
                0 => {
                    let store = usize::try_from(self.dice.below(4)).unwrap();
                    self.stores[store] += 1;
                    self.api.merge(&format!("{}/store-{store}", self.path("secretstores")), &json!({"spec": self.provider(store)})).unwrap();
                    continue;
                }
                1 => {
                    self.api.delete(&format!("{}/{name}", self.path("externalsecrets"))).unwrap();
                    self.objects.remove(&name);
                    continue;
                }
                2 => {
                    self.make();
                    continue;
                }
                3 => {
                    // It may not be there yet.
                    drop(self.api.delete(&secret));
                    expected.uid = None;
                }
                4 => drop(self.api.merge(&secret, &json!({"stringData": {"x": "stranger"}}))),
                5 => {
                    // Back and forth, so that a name may be one that it had before.
                    expected.target = if expected.target == name { format!("{name}-other") } else { name.clone() };
                    expected.uid = None;
                }
                _ => expected.key = self.dice.below(8),
            }
            self.api.merge(&format!("{}/{name}", self.path("externalsecrets")), &json!({"spec": Self::spec(&expected)})).unwrap();
            self.objects.insert(name, expected);
        }
    }

    /// Secrets that an ExternalSecret controls, by name: the owner, the value, the uid.
    fn made(&self) -> BTreeMap<String, [Value; 3]> {
        let list = self.api.read(&secrets(self.namespace)).unwrap();
        let owned = list["items"].as_array().unwrap().iter().filter(|secret| secret["metadata"]["ownerReferences"][0]["kind"] == "ExternalSecret");
        owned
            .map(|secret| {
                let owner = secret["metadata"]["ownerReferences"][0]["uid"].clone();
                (secret["metadata"]["name"].as_str().unwrap().to_owned(), [owner, secret["data"]["x"].clone(), secret["metadata"]["uid"].clone()])
            })
            .collect()
    }

    /// Remembers which Secrets there are, and sees that none was replaced that nobody touched.
    fn remember(&mut self) {
        let made = self.made();
        for (name, expected) in &mut self.objects {
            let Some([_, _, uid]) = made.get(&expected.target) else {
                assert!(expected.uid.is_none(), "the Secret of {name} was deleted");
                continue;
            };
            assert!(expected.uid.as_ref().is_none_or(|before| before == uid), "the Secret of {name} was deleted and made anew");
            expected.uid = Some(uid.clone());
        }
    }

    /// What is not yet as it should be.
    fn wrong(&self) -> Option<String> {
        let made = self.made();
        let list = self.api.read(&self.path("externalsecrets")).unwrap();
        let alive: BTreeMap<String, &Value> =
            list["items"].as_array().unwrap().iter().map(|object| (object["metadata"]["name"].as_str().unwrap().to_owned(), object)).collect();
        for (name, expected) in &self.objects {
            let (object, ready) = (alive[name], condition(alive[name], "Ready"));
            let encoded = keys::SecretBytes::new(self.value(expected).into_bytes()).to_base64();
            let Some([owner, value, _]) = made.get(&expected.target) else { return Some(format!("{name} has no Secret")) };
            if *owner != object["metadata"]["uid"] || value.as_str().map(str::as_bytes) != Some(encoded.expose()) {
                return Some(format!("the Secret of {name} is another one"));
            }
            if ready["status"] != "True" || ready["observedGeneration"] != object["metadata"]["generation"] {
                return Some(format!("the status of {name} is not {ready}"));
            }
        }
        // What belongs to an object that is gone is the garbage collector's, whom nobody started.
        made.iter().find_map(|(secret, [owner, ..])| {
            let (name, _) = alive.iter().find(|(_, object)| object["metadata"]["uid"] == *owner)?;
            (self.objects[name].target != *secret).then(|| format!("{secret} is left over of {name}"))
        })
    }
}

fn killed(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("killed"), cluster.api());
    let mut controller = Controller::start(cluster, &namespace, &[]);
    let mut changing = Changing { api: &api, namespace: &namespace, dice: Dice(11), objects: BTreeMap::new(), stores: [0; 4], step: 0 };
    changing.make_stores();
    (0..100).for_each(|_| changing.make());
    for _ in 0..10 {
        let pause = Duration::from_millis(changing.dice.below(900));
        thread::scope(|scope| {
            let killer = scope.spawn(|| {
                thread::sleep(pause);
                controller.signal("KILL");
            });
            changing.change(40);
            killer.join().unwrap();
        });
        changing.remember();
        // The next one is not to wait for the end of the term, or it would be killed before it does anything.
        api.delete(&format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/sealer-controller")).unwrap();
        controller = Controller::launch(cluster, &namespace, &[]);
        patiently("the next one to look at ExternalSecrets", PATIENCE, || controller.log().contains("all ExternalSecrets are known").then_some(()));
        changing.remember();
    }
    let started = Instant::now();
    while let Some(wrong) = changing.wrong() {
        assert!(started.elapsed() < PATIENCE, "it does not converge: {wrong}: {}", controller.log());
        thread::sleep(Duration::from_millis(250));
    }
    changing.remember();
}

fn unseen(cluster: &Cluster) {
    let world = World::new(cluster, "unseen", &[]);
    world.store("vault", &[("a", "old")]);
    world.store("still", &[("a", "calm")]);
    world.create("app", &asks(&[("x", "a")], &json!({"refreshInterval": "24h"})));
    world.create("calm", &asks(&[("x", "a")], &json!({"refreshInterval": "24h", "secretStoreRef": {"name": "still"}})));
    world.wait("app", "SecretSynced");
    let calm = world.wait("calm", "SecretSynced");
    world.controller.signal("KILL");
    world.restock("vault", &[("a", "new")]);
    let World { api, namespace, .. } = world;
    let world = World { controller: Controller::start(cluster, &namespace, &[]), api, namespace };
    holds(&world, "app", ("x", "new"));
    assert_eq!(world.object("calm"), calm, "a store that is as it was is not asked");
}

fn mended(cluster: &Cluster) {
    let stub = tests::stub::Stub::start();
    stub.play(|_| tests::stub::Reply::new(200, "hunter2, which is no JSON"));
    let world = World::new(cluster, "mended", &["--allow-provider-cidr=127.0.0.0/8"]);
    world.api.create(&world.path("secretstores"), &super::store("vault", &json!({"webhook": {"url": stub.url(), "result": {}}}))).unwrap();
    patiently("the store to work", PATIENCE, || {
        let store = world.api.read(&format!("{}/vault", world.path("secretstores"))).ok()?;
        (condition(&store, "Ready")["status"] == "True").then_some(())
    });
    world.create("app", &json!({"secretStoreRef": {"name": "vault"}, "refreshInterval": "2s", "dataFrom": [{"extract": {"key": "a"}}]}));
    world.wait("app", "SecretSyncedError");
    assert!(!world.message("app").contains("hunter2"), "{}", world.message("app"));
    stub.play(|_| tests::stub::Reply::new(200, r#"{"x": "mended"}"#));
    holds(&world, "app", ("x", "mended"));
}

fn too_large(cluster: &Cluster) {
    let world = World::new(cluster, "large", &[]);
    let many = |length: usize| (0..10_000).map(|at| (format!("key-{at}"), json!("x".repeat(length)))).collect::<serde_json::Map<_, _>>();
    // 10,000 keys of 110 bytes are too much for a Secret; of 10 bytes they are not.
    let (over, under) = (Value::Object(many(110)).to_string(), Value::Object(many(10)).to_string());
    world.store("vault", &[("over", &over)]);
    world.store("small", &[("under", &under)]);
    let spec = |store: &str, key: &str| json!({"secretStoreRef": {"name": store}, "refreshInterval": "1s", "dataFrom": [{"extract": {"key": key}}]});
    world.create("under", &spec("small", "under"));
    world.create("over", &spec("vault", "over"));
    let reason = |name: &str, reason: &str| {
        patiently(&format!("{name} to be {reason}"), PATIENCE, || (condition(&world.object(name), "Ready")["reason"] == reason).then_some(()));
    };
    reason("over", "SecretSyncedError");
    let expected = "could not update secret: cannot make the Secret: the values of its 10000 keys are 1100000 bytes long (the longest 110), \
                    and a Secret holds 1048576 bytes at most (Ask for fewer keys, or spread them over several ExternalSecrets)";
    assert_eq!(world.message("over"), expected);
    reason("under", "SecretSynced");
    assert_eq!(world.data("under").unwrap().len(), 10_000);
    assert_eq!(world.data("over"), None);
    // It is not tried without pause, and nothing more is written about it.
    let turns =
        |world: &World| world.controller.figure(&format!("externalsecret_sync_calls_total{{name=\"over\",namespace=\"{}\"}}", world.namespace));
    let (before, version) = (turns(&world), world.object("over")["metadata"]["resourceVersion"].clone());
    thread::sleep(Duration::from_secs(10));
    assert!(turns(&world) - before <= 5.0, "{} turns in 10 s", turns(&world) - before);
    assert_eq!(world.object("over")["metadata"]["resourceVersion"], version);
    // What is less is made.
    world.restock("vault", &[("over", &under)]);
    reason("over", "SecretSynced");
}
