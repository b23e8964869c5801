//! Our controller beside upstream's, on one API server, in one run; and both beside what the work costs at the least.
//!
//! `cargo build --release -p controller && cargo bench -p tests --bench cluster` prints a Markdown table. After `--`: `--objects N`, `--keys N`, and
//! words that select rows: `limits-off`, `defaults`, `restart`, `strangers`, `rings`, `external`, `external-fake`, `external-strangers`.
#![expect(clippy::expect_used, reason = "a bench that cannot go on must say so at once")]
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "figures go to whoever started it")]
#![expect(clippy::cast_precision_loss, reason = "counts are small")]

#[path = "cluster/external.rs"]
mod external;
#[path = "cluster/floor.rs"]
mod floor;
#[path = "cluster/objects.rs"]
mod objects;
#[path = "cluster/watched.rs"]
mod watched;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use tests::cluster::Cluster;
use tests::controller;
use tests::upstream::NAMESPACE;

use objects::Objects;
use watched::{Cost, Watched};

/// How often what is held against a floor is done: the median counts.
const RUNS: usize = 3;

/// What the person who runs it asks for.
struct Options {
    objects: usize,
    keys: usize,
    rows: Vec<String>,
}

impl Options {
    fn selects(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|asked| asked == row)
    }
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("usage: cargo bench -p tests --bench cluster -- [--objects N] [--keys N] [ROW...]");
        return ExitCode::from(64);
    };
    println!("| work | upstream | sealer | to reach |\n|---|---|---|---|");
    if options.selects("limits-off") {
        limits_off(options.objects);
    }
    if options.selects("defaults") {
        defaults(options.objects);
    }
    if options.selects("restart") {
        restart(options.objects);
    }
    if options.selects("strangers") {
        strangers(options.objects);
    }
    if options.selects("external") {
        let flags = ["--concurrent=10", "--client-qps=-1"];
        external(external::Store::Kubernetes, options.objects, &flags, "12 s, 3 s CPU, 50 MiB, 50 reads");
    }
    if options.selects("external-fake") {
        external(external::Store::Fake, options.objects, &[], "10 s");
    }
    if options.selects("external-strangers") {
        external_strangers(options.objects);
    }
    if options.selects("rings") {
        rings(options.keys);
    }
    ExitCode::SUCCESS
}

fn options() -> Option<Options> {
    let mut options = Options { objects: 2_000, keys: 100, rows: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo says so to every bench.
            "--bench" => {}
            "--objects" => options.objects = arguments.next()?.parse().ok()?,
            "--keys" => options.keys = arguments.next()?.parse().ok()?,
            word if word.starts_with('-') => return None,
            _ => options.rows.push(argument),
        }
    }
    Some(options)
}

/// A cluster with the system's namespace, our definition, and a key of 4,096 bits.
fn cluster(definition: &serde_json::Value) -> (Cluster, String) {
    let cluster = Cluster::start().expect("the peers are there");
    cluster.install(definition);
    let api = cluster.api();
    api.wait_for("the system's namespace", |api| api.read(&format!("/api/v1/namespaces/{NAMESPACE}")).ok());
    let certificate = objects::install_key(&api);
    (cluster, certificate)
}

fn ours() -> serde_json::Value {
    serde_json::to_value(crds::ALL[0]()).expect("JSON")
}

fn shown(cost: &Cost) -> String {
    format!("{:.1} s, {:.1} s CPU, {:.0} MiB", cost.wall.as_secs_f64(), cost.cpu, cost.peak / f64::from(1 << 20))
}

/// All objects are there before the controller comes.
fn limits_off(count: usize) {
    let theirs = {
        let (cluster, certificate) = cluster(&ours());
        Objects::make(&cluster, &certificate, count);
        let mut watched = Watched::upstream(&cluster, &["--kubeclient-qps=-1", "--kubeclient-burst=1000"]);
        watched.until_synced(count)
    };
    let (null, beside) = {
        let (cluster, certificate) = cluster(&ours());
        let objects = Objects::make(&cluster, &certificate, count);
        floor::null_client(&cluster, &objects, count * 3)
    };
    let mut runs: Vec<Run> = (0..RUNS).map(|_| beside_floor(count)).collect();
    let over = |run: &Run| (run.cost.cpu - run.operations) * 1e3 / count as f64;
    runs.sort_by(|one, other| over(one).total_cmp(&over(other)));
    let Run { cost, operations, alone } = runs[RUNS / 2];
    let all = runs.iter().map(|run| format!("{:.2}", over(run))).collect::<Vec<_>>().join(", ");
    println!(
        "| {count} SealedSecrets x 3 items to all Synced, limits off | {} | {}: {:.2} ms an object, and its RSA {operations:.1} s; median of {all} | CPU: 1 ms an object, and RSA (alone {alone:.1} s, beside the null client {:.1} s); wall {:.1} s (1.3x the null client's {:.1} s); 40 MiB |",
        shown(&theirs),
        shown(&cost),
        over(&runs[RUNS / 2]),
        beside.cpu,
        null.as_secs_f64() * 1.3,
        null.as_secs_f64()
    );
}

/// One run of our controller.
#[derive(Clone, Copy)]
struct Run {
    cost: Cost,
    /// CPU time of its private operations, in seconds.
    operations: f64,
    /// The same of as many operations and nothing else, right before and right after: a machine that others use is faster at one time than at another.
    alone: f64,
}

fn beside_floor(count: usize) -> Run {
    let (cluster, certificate) = cluster(&ours());
    Objects::make(&cluster, &certificate, count);
    let before = floor::operations(count * 3).cpu;
    let mut watched = Watched::ours(&cluster, &[]);
    let cost = watched.until_synced(count);
    let operations = watched.figure("sealed_secrets_controller_sealer_private_operations_cpu_seconds");
    drop(watched);
    Run { cost, operations, alone: f64::midpoint(before, floor::operations(count * 3).cpu) }
}

/// Objects a second, over the first half minute.
fn defaults(count: usize) {
    let rate = |mut watched: Watched| {
        let start = Instant::now();
        let mut done = 0;
        while done < count && start.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(500));
            done = watched.synced();
        }
        done as f64 / start.elapsed().as_secs_f64()
    };
    let theirs = {
        let (cluster, certificate) = cluster(&ours());
        Objects::make(&cluster, &certificate, count);
        rate(Watched::upstream(&cluster, &[]))
    };
    let (cluster, certificate) = cluster(&ours());
    Objects::make(&cluster, &certificate, count);
    let before = machine();
    let own = rate(Watched::ours(&cluster, &[]));
    let after = machine();
    let busy = 100.0 * (after[0] - before[0]) / (after[1] - before[1]);
    println!(
        "| the same at default flags | {theirs:.1} objects/s | {own:.0} objects/s, {:.0}x; all cores are busy {busy:.0} % of the time | 60x |",
        own / theirs
    );
}

/// How long the cores were busy so far, and how long there were cores.
///
/// *Source*: proc(5): `stat`, whose fourth and fifth figures are idle time.
fn machine() -> [f64; 2] {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let figures: Vec<f64> =
        stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8).filter_map(|figure| figure.parse().ok()).collect();
    let (all, idle) = (figures.iter().sum::<f64>(), figures.iter().skip(3).take(2).sum::<f64>());
    [all - idle, all]
}

fn restart(count: usize) {
    let (cluster, certificate) = cluster(&ours());
    Objects::make(&cluster, &certificate, count);
    Watched::ours(&cluster, &[]).until_synced(count);
    let mut again = Watched::ours(&cluster, &[]);
    let cost = again.until_synced(count);
    let operations = again.figure("sealed_secrets_controller_sealer_private_operations");
    let turns = again.figure("sealed_secrets_controller_unseal_requests_total");
    drop(again);
    let theirs = Watched::upstream(&cluster, &["--kubeclient-qps=-1", "--kubeclient-burst=1000"]).until_unsealed(count);
    println!(
        "| restart over {count} unchanged | {}, every item opened again | {}, {operations} private operations, {turns} turns | 2 s, none |",
        shown(&theirs),
        shown(&cost)
    );
}

/// Five times as many Secrets of others, of 8 KB each.
fn strangers(count: usize) {
    let memory = |strangers: usize| {
        let (cluster, certificate) = cluster(&ours());
        objects::make_strangers(&cluster, strangers);
        Objects::make(&cluster, &certificate, count);
        let first = Watched::ours(&cluster, &[]).until_synced(count);
        let again = Watched::ours(&cluster, &[]).until_synced(count);
        (first, again)
    };
    let (alone, _) = memory(0);
    let (beside, again) = memory(count * 5);
    println!(
        "| {count} SealedSecrets and {} Secrets of others, 8 KB each | - | {}; alone {}; restart {} | 100 MiB, restart in 5 s |",
        count * 5,
        shown(&beside),
        shown(&alone),
        shown(&again)
    );
}

/// Beside the External Secrets Operator, which is started with these flags.
fn external(store: external::Store, count: usize, flags: &[&str], goal: &str) {
    let theirs = external::run_operator(store, count, flags).map_or_else(|how| how, |cost| shown(&cost));
    let cluster = external::prepare(store, count);
    let (first, reads) = external::run(&cluster, count);
    let (again, read_again) = external::run(&cluster, count);
    let told = if flags.is_empty() { "default flags".to_owned() } else { flags.join(" ") };
    println!(
        "| {count} ExternalSecrets (2 keys, a template), {store:?}, all to Ready | {theirs} ({told}) | {}, {reads} reads; restart {}, {read_again} reads | {goal} |",
        shown(&first),
        shown(&again)
    );
}

/// Five times as many Secrets of others, of 8 KB each.
fn external_strangers(count: usize) {
    let cluster = external::prepare(external::Store::Kubernetes, count);
    objects::make_strangers(&cluster, count * 5);
    let (first, reads) = external::run(&cluster, count);
    let (again, read_again) = external::run(&cluster, count);
    println!(
        "| {count} ExternalSecrets and {} Secrets of others, 8 KB each | - | {}, {reads} reads; restart {}, {read_again} reads | 3 minutes, 120 MiB; restart in 10 s, no read |",
        count * 5,
        shown(&first),
        shown(&again)
    );
}

/// Private operations for one object of 3 items, under a ring of many keys.
fn rings(keys: usize) {
    let (cluster, _) = cluster(&ours());
    let api = cluster.api();
    let certificates = objects::install_ring(&api, keys);
    let watched = Watched::ours(&cluster, &["--key-renew-period=0"]);
    let spent = |name: &str, picks: [usize; 3], hint: bool| {
        let before = watched.figure("sealed_secrets_controller_sealer_private_operations");
        let object = objects::under_keys(&certificates, name, picks, hint);
        api.create(&controller::sources(objects::NAMESPACE), &object).expect("an object can be made");
        controller::wait_synced(&api, objects::NAMESPACE, name, true);
        watched.figure("sealed_secrets_controller_sealer_private_operations") - before
    };
    let oldest = keys - 1;
    let (hinted, one, many) =
        (spent("hinted", [oldest; 3], true), spent("one", [oldest; 3], false), spent("many", [oldest, keys / 2, keys / 3], false));
    println!(
        "| ring of {keys} keys: hint; one foreign key; three foreign keys | {:.0} operations an item | {hinted}; {one}; {many} for 3 items | 3; {}; all tried |",
        f64::midpoint(keys as f64, 1.0),
        // The cluster has one key beside those.
        keys + 3
    );
}
