//! A clock that somebody sets while the controller runs: the real program, under `faketime`.

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, seal, sources};

use super::replicas::{keys, leads};
use super::{Test, settled};

pub(crate) const CASES: &[(&str, Test)] = &[
    ("a_clock_that_jumps_makes_one_key_and_stops_nothing", certificates),
    ("a_clock_that_is_ahead_of_the_servers_makes_no_key_after_key", secrets),
    ("a_process_that_slept_for_hours_writes_nothing", slept),
];

/// Longer than the pause between two keys that follow each other by schedule.
const LONG: Duration = Duration::from_secs(65);

/// A clock that is told how far it is off, and the controller that believes it.
struct Clock {
    file: PathBuf,
    controller: Controller,
}

impl Clock {
    /// Starts a controller whose clock is right so far. `monotonic` makes the clock that only counts jump as well.
    fn start(cluster: &Cluster, namespace: &str, monotonic: bool, flags: &[&str]) -> Self {
        let library = Command::new("faketime").args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]).output().unwrap();
        let library = String::from_utf8(library.stdout).unwrap();
        let file = cluster.folder().join(format!("clock-{namespace}"));
        std::fs::write(&file, "+0").unwrap();
        let environment = [
            format!("LD_PRELOAD={}", library.trim()),
            format!("FAKETIME_TIMESTAMP_FILE={}", file.display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
            format!("FAKETIME_DONT_FAKE_MONOTONIC={}", u8::from(!monotonic)),
        ];
        let kubeconfig = format!("--kubeconfig={}", cluster.kubeconfig().display());
        let mut controller = Controller::launch_in(&environment, namespace, &[&[kubeconfig.as_str()], flags].concat());
        controller.wait_until_ready();
        Self { file, controller }
    }

    /// Sets the clock to what is right, and this much more.
    fn set(&self, offset: &str) {
        // At once: nobody is to read half of it.
        let new = self.file.with_extension("new");
        std::fs::write(&new, offset).unwrap();
        std::fs::rename(new, &self.file).unwrap();
    }
}

fn make(controller: &Controller, api: &Api, name: &str) {
    let namespace = controller.namespace();
    api.create(&sources(namespace), &seal(&controller.certificate(), namespace, name, &[("a", "1")])).unwrap();
    settled(api, namespace, name);
}

fn lease(api: &Api, namespace: &str) -> Value {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/sealer-controller");
    api.read(&path).unwrap()["spec"].clone()
}

fn certificates(cluster: &Cluster) {
    jumps(cluster, "jumping", "CertNotBefore");
}

fn secrets(cluster: &Cluster) {
    jumps(cluster, "ahead", "SecretCreationTimestamp");
}

fn jumps(cluster: &Cluster, purpose: &str, order: &str) {
    let (namespace, api) = (cluster.namespace(purpose), cluster.api());
    let flags = ["--key-renew-period=1h", &format!("--key-order-priority={order}")];
    // A key of now, which another process made: after one of its own a process takes a breather.
    let first = Controller::start(cluster, &namespace, &flags);
    first.signal("TERM");
    api.wait_for("the end", |_| (!first.runs()).then_some(()));
    let clock = Clock::start(cluster, &namespace, false, &flags);
    let follower = Controller::start(cluster, &namespace, &flags[1..]);
    let controller = &clock.controller;
    make(controller, &api, "before");
    let holder = lease(&api, &namespace)["holderIdentity"].clone();
    clock.set("+5h");
    api.wait_for("the key that is due now", |api| (keys(api, &namespace) == 2).then_some(()));
    make(controller, &api, "ahead");
    thread::sleep(LONG);
    assert_eq!(keys(&api, &namespace), 2, "it is due once");
    for (name, offset) in [("right", "+0"), ("behind", "-45m")] {
        clock.set(offset);
        make(controller, &api, name);
    }
    // Who holds the Lease is seen by others from its versions, and not from the times in it.
    let lease = lease(&api, &namespace);
    assert_eq!(lease["holderIdentity"], holder, "{lease}");
    assert!(leads(controller) && !leads(&follower));
    thread::sleep(Duration::from_secs(15));
    make(controller, &api, "later");
    assert_eq!(keys(&api, &namespace), 2, "a clock that was set back makes none");
    assert!(!controller.log().contains("a fault of the controller"), "{}", controller.log());
}

fn slept(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("slept"), cluster.api());
    let clock = Clock::start(cluster, &namespace, true, &["--key-renew-period=1h"]);
    make(&clock.controller, &api, "before");
    clock.set("+5h");
    api.wait_for("the end of a term that is over by every clock", |_| (!clock.controller.runs()).then_some(()));
    let log = clock.controller.log();
    assert!(log.contains("the Lease was lost") && !log.contains("a fault of the controller"), "{log}");
    assert_eq!(keys(&api, &namespace), 1);
}
