//! What takes too long for every run: two hundred kills, ten thousand objects at once, and memory over many passes.
//!
//! `cargo build --release -p controller && cargo bench -p tests --bench soak` prints a Markdown table; words after `--` select rows: `kills`, `flood`,
//! `churn`.
#![expect(clippy::expect_used, reason = "a program that cannot go on must say so at once")]
#![expect(clippy::float_cmp, reason = "counts are whole numbers")]
#![expect(clippy::print_stdout, reason = "figures go to whoever started it")]

#[path = "../benches/cluster/objects.rs"]
#[expect(dead_code, reason = "the bench uses all of it")]
mod objects;
#[path = "../benches/cluster/watched.rs"]
#[expect(dead_code, reason = "the bench uses all of it")]
mod watched;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, seal, sources};
use tests::moving::{Dice, Moving};
use tests::upstream::NAMESPACE;

use objects::Objects;
use watched::Watched;

/// How many times it is killed.
const KILLS: usize = 200;

/// How many objects arrive at once.
const FLOOD: usize = 10_000;

/// Objects that are changed in every pass, and how many passes.
const CHURN: (usize, usize) = (1_000, 10);

fn main() {
    let rows: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let selects = |row: &str| rows.is_empty() || rows.iter().any(|asked| asked == row);
    println!("| soak | figure |\n|---|---|");
    if selects("kills") {
        kills();
    }
    if selects("flood") {
        flood();
    }
    if selects("churn") {
        churn();
    }
}

fn install(cluster: &Cluster) {
    for definition in crds::ALL {
        cluster.install(&serde_json::to_value(definition()).expect("JSON"));
    }
}

fn cluster() -> (Cluster, String) {
    let cluster = Cluster::start().expect("the peers are there");
    install(&cluster);
    let api = cluster.api();
    api.wait_for("the system's namespace", |api| api.read(&format!("/api/v1/namespaces/{NAMESPACE}")).ok());
    let certificate = objects::install_key(&api);
    (cluster, certificate)
}

fn kills() {
    let cluster = Cluster::start().expect("the peers are there");
    install(&cluster);
    let (api, namespace) = (cluster.api(), cluster.namespace("killed"));
    let mut controller = Controller::start(&cluster, &namespace, &[]);
    let certificate = controller.certificate();
    let mut moving = Moving { api: &api, namespace: &namespace, certificate, expected: BTreeMap::new(), dice: Dice(11), step: 0 };
    (0..500).for_each(|at| moving.put(&format!("object-{at}")));
    for _ in 0..KILLS {
        let pause = Duration::from_millis(moving.dice.below(700));
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(pause);
                controller.signal("KILL");
            });
            moving.change(25);
        });
        api.delete(&format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/sealer-controller")).expect("a Lease");
        controller = Controller::start(&cluster, &namespace, &[]);
    }
    let start = Instant::now();
    while !moving.is_settled() {
        assert!(start.elapsed() < Duration::from_secs(300), "it does not converge");
        thread::sleep(Duration::from_millis(250));
    }
    println!(
        "| {KILLS} kills while 500 objects change | all {} as they should be {:.1} s after the last |",
        moving.expected.len(),
        start.elapsed().as_secs_f64()
    );
}

fn flood() {
    let (cluster, certificate) = cluster();
    let mut watched = Watched::ours(&cluster, &[]);
    let start = Instant::now();
    Objects::make(&cluster, &certificate, FLOOD);
    let made = start.elapsed();
    let cost = watched.until_synced(FLOOD);
    println!(
        "| {FLOOD} objects of 3 items arrive at once | made in {:.0} s, all Synced in {:.0} s, {:.0} s CPU, {:.0} MiB at most |",
        made.as_secs_f64(),
        start.elapsed().as_secs_f64(),
        cost.cpu,
        cost.peak / f64::from(1 << 20)
    );
}

fn churn() {
    let (cluster, certificate) = cluster();
    let api = cluster.api();
    let mut watched = Watched::ours(&cluster, &[]);
    Objects::make(&cluster, &certificate, CHURN.0);
    watched.until_synced(CHURN.0);
    let mut memory = Vec::new();
    for pass in 0..CHURN.1 {
        for at in 0..CHURN.0 {
            change(&api, &certificate, at, pass);
        }
        // Changes that come together have one turn together: it is quiet when nothing waits and nothing is done any more.
        let mut done = -1.0;
        loop {
            let now = watched.figure("sealed_secrets_controller_sealer_private_operations");
            if now == done && watched.figure("sealed_secrets_controller_sealer_queue_depth") == 0.0 {
                break;
            }
            done = now;
            thread::sleep(Duration::from_secs(1));
        }
        memory.push(watched.figure("process_resident_memory_bytes"));
    }
    println!(
        "| {} objects changed {} times | resident {:.1} MiB after pass 3, {:.1} MiB after pass {}: {:.2}x |",
        CHURN.0,
        CHURN.1,
        memory[2] / f64::from(1 << 20),
        memory[CHURN.1 - 1] / f64::from(1 << 20),
        CHURN.1,
        memory[CHURN.1 - 1] / memory[2]
    );
}

fn change(api: &Api, certificate: &str, at: usize, pass: usize) {
    let name = format!("object-{at:05}");
    let value = format!("value-{pass}");
    let object = seal(certificate, objects::NAMESPACE, &name, &[("a", &value), ("b", "dummy"), ("c", "dummy")]);
    let patch = json!({"spec": {"encryptedData": object["spec"]["encryptedData"]}});
    api.merge(&format!("{}/{name}", sources(objects::NAMESPACE)), &patch).expect("an object");
}
