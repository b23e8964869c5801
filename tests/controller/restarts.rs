//! An API server that is killed and started again while the controller runs, over a store that stays.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, condition, data, seal, secrets, sources};

use super::replicas::{keys, kubeconfig_of, leads};

/// Each has a cluster of its own.
pub(crate) const CASES: &[(&str, fn())] = &[
    ("an_api_server_that_starts_again_is_followed_and_nothing_is_done_twice", followed),
    ("an_api_server_that_is_away_past_the_lease_costs_a_restart_and_no_more", past_the_lease),
];

/// Objects that nobody touches.
const CALM: usize = 8;

/// How long everything may take to be as it should be: backoff of the watches is half a minute at most.
const PATIENCE: Duration = Duration::from_secs(150);

const OPERATIONS: &str = "sealed_secrets_controller_sealer_private_operations";

fn own_cluster() -> Cluster {
    let cluster = Cluster::start().unwrap_or_else(|missing| panic!("{missing}"));
    for definition in crds::ALL {
        cluster.install(&serde_json::to_value(definition()).unwrap());
    }
    cluster
}

/// What a namespace should look like: the value of each object that is there, and of each Secret whose object is gone.
struct Scene {
    namespace: String,
    certificate: String,
    expected: BTreeMap<String, String>,
    round: usize,
}

/// Versions of what nobody touched.
type Calm = Vec<(Value, Value)>;

impl Scene {
    fn begin(api: &Api, namespace: &str, certificate: String) -> Self {
        let mut scene = Self { namespace: namespace.to_owned(), certificate, expected: BTreeMap::new(), round: 0 };
        for at in 0..CALM {
            scene.put(api, &format!("calm-{at}"), "calm");
        }
        for name in ["edited", "bereft", "meddled", "orphan-1", "orphan-2"] {
            scene.put(api, name, "first");
        }
        scene.settle(api);
        scene
    }

    fn put(&mut self, api: &Api, name: &str, value: &str) {
        let object = seal(&self.certificate, &self.namespace, name, &[("x", value)]);
        if self.expected.insert(name.to_owned(), value.to_owned()).is_some() {
            api.merge(&format!("{}/{name}", sources(&self.namespace)), &json!({"spec": {"encryptedData": object["spec"]["encryptedData"]}})).unwrap();
        } else {
            api.create(&sources(&self.namespace), &object).unwrap();
        }
    }

    /// An object is edited, one is made, one ends; a Secret ends, and one is meddled with. Tells how many items must be opened for that.
    fn change(&mut self, api: &Api) -> usize {
        self.round += 1;
        let round = self.round;
        self.put(api, "edited", &format!("edited-{round}"));
        self.put(api, &format!("made-{round}"), "made");
        api.delete(&format!("{}/orphan-{round}", sources(&self.namespace))).unwrap();
        api.delete(&format!("{}/bereft", secrets(&self.namespace))).unwrap();
        api.merge(&format!("{}/meddled", secrets(&self.namespace)), &json!({"stringData": {"x": "stranger"}})).unwrap();
        4
    }

    fn calm(&self, api: &Api) -> Calm {
        let version = |path: String| api.read(&path).unwrap()["metadata"]["resourceVersion"].clone();
        let name = |at| format!("calm-{at}");
        let pair = |name: String| (version(format!("{}/{name}", sources(&self.namespace))), version(format!("{}/{name}", secrets(&self.namespace))));
        (0..CALM).map(name).map(pair).collect()
    }

    /// Waits until every object has its Secret, and its status speaks of both as they are.
    fn settle(&self, api: &Api) {
        let started = Instant::now();
        for (name, value) in &self.expected {
            while !self.is_settled(api, name, value) {
                assert!(started.elapsed() < PATIENCE, "waited in vain for {name}");
                thread::sleep(Duration::from_millis(50));
            }
        }
    }

    fn is_settled(&self, api: &Api, name: &str, value: &str) -> bool {
        let made = data(api, &self.namespace, name).is_some_and(|data| data.get("x").is_some_and(|found| found == value));
        // The Secret of an object that is gone is the garbage collector's, whom nobody started.
        let Ok(object) = api.read(&format!("{}/{name}", sources(&self.namespace))) else { return made && name.starts_with("orphan") };
        let Ok(secret) = api.read(&format!("{}/{name}", secrets(&self.namespace))) else { return false };
        let told = object["status"]["produced"]["resourceVersion"] == secret["metadata"]["resourceVersion"];
        let seen = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        made && told && seen && condition(&object, "Synced")["status"] == "True"
    }
}

/// A kubeconfig of whoever may do everything but lead: no outage ends a process that leads alone.
fn without_leases(cluster: &Cluster, namespace: &str) -> PathBuf {
    let all = |group: &str, resources: Value| json!({"apiGroups": [group], "resources": resources, "verbs": ["*"]});
    kubeconfig_of(cluster, namespace, &json!([all("bitnami.com", json!(["*"])), all("", json!(["secrets", "events"]))]))
}

fn followed() {
    let mut cluster = own_cluster();
    let namespace = cluster.namespace("followed");
    let kubeconfig = without_leases(&cluster, &namespace);
    let mut controller = Controller::launch_bare(&namespace, &[&format!("--kubeconfig={}", kubeconfig.display())]);
    controller.wait_until_ready();
    let mut scene = Scene::begin(&cluster.api(), &namespace, controller.certificate());
    let calm = scene.calm(&cluster.api());
    for away in [false, true] {
        let before = controller.figure(OPERATIONS);
        cluster.stop();
        let needed = if away {
            // Somebody else's server goes on; when ours is back, what happened meanwhile can not be asked for any more.
            let second = cluster.second();
            let needed = scene.change(&second.api);
            drop(second);
            cluster.forget_history();
            cluster.resume();
            needed
        } else {
            cluster.resume();
            scene.change(&cluster.api())
        };
        let api = cluster.api();
        scene.settle(&api);
        assert!(controller.runs(), "{}", controller.log());
        assert_eq!(controller.figure(OPERATIONS) - before, f64::from(u32::try_from(needed).unwrap()), "nothing is opened in vain");
        assert_eq!(scene.calm(&api), calm, "what nobody touched, it does not write");
        assert_eq!(keys(&api, &namespace), 1, "no second key");
    }
    assert!(controller.log().contains("too old resource version"), "a watch had to begin anew: {}", controller.log());
}

fn past_the_lease() {
    let mut cluster = own_cluster();
    let namespace = cluster.namespace("away");
    let first = Controller::start(&cluster, &namespace, &[]);
    let mut scene = Scene::begin(&cluster.api(), &namespace, first.certificate());
    let calm = scene.calm(&cluster.api());
    cluster.stop();
    let started = Instant::now();
    while first.runs() {
        assert!(started.elapsed() < Duration::from_secs(60), "it goes on without a Lease: {}", first.log());
        thread::sleep(Duration::from_millis(50));
    }
    assert!(first.log().contains("the Lease was lost"), "{}", first.log());
    // As a kubelet does, while there still is no server.
    let mut controller = Controller::launch(&cluster, &namespace, &[]);
    let second = cluster.second();
    let needed = scene.change(&second.api);
    drop(second);
    cluster.forget_history();
    cluster.resume();
    controller.wait_until_ready();
    let api = cluster.api();
    scene.settle(&api);
    assert!(leads(&controller) && controller.runs(), "{}", controller.log());
    // Of what was meddled with while nobody looked, a new process knows only that it is not what it was.
    assert_eq!(controller.figure(OPERATIONS), f64::from(u32::try_from(needed).unwrap()), "nothing is opened in vain");
    assert_eq!(scene.calm(&api), calm, "what nobody touched, it does not write");
    assert_eq!(keys(&api, &namespace), 1, "no second key");
}
