//! A controller that is looked at from outside while it works.

use std::path::Path;
use std::time::{Duration, Instant};

use tests::cluster::Cluster;
use tests::operator;
use tests::server::{self, Server};
use tests::upstream;

/// How long a controller may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often it is looked at: each look costs it some milliseconds, ours and theirs.
const LOOK: Duration = Duration::from_secs(1);

/// What something cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// From the start of the process.
    pub(crate) wall: Duration,
    /// Processor time of the process, in seconds.
    pub(crate) cpu: f64,
    /// Largest resident set that was seen, in bytes.
    pub(crate) peak: f64,
}

/// A running controller.
pub(crate) struct Watched {
    server: Server,
    metrics: u16,
    started: Instant,
    peak: f64,
}

impl Watched {
    /// Ours, over all namespaces.
    pub(crate) fn ours(cluster: &Cluster, flags: &[&str]) -> Self {
        Self::of_sealed_secrets(cluster, &tests::controller().display().to_string(), "ours", flags)
    }

    /// Upstream's.
    pub(crate) fn upstream(cluster: &Cluster, flags: &[&str]) -> Self {
        let program = tests::peers::get("controller").expect("upstream's controller");
        Self::of_sealed_secrets(cluster, &program.display().to_string(), "theirs", flags)
    }

    /// The External Secrets Operator.
    pub(crate) fn operator(cluster: &Cluster, flags: &[&str]) -> Self {
        let metrics = server::free_port();
        let arguments = operator::arguments(cluster, metrics, server::free_port()).expect("the operator");
        Self::start(cluster, "operator", arguments, metrics, flags)
    }

    fn of_sealed_secrets(cluster: &Cluster, program: &str, name: &str, flags: &[&str]) -> Self {
        let (port, metrics) = (server::free_port(), server::free_port());
        let mut arguments = upstream::in_a_pod(cluster, &cluster.folder().join(name));
        arguments.extend([program.to_owned(), format!("--listen-addr=127.0.0.1:{port}"), format!("--listen-metrics-addr=127.0.0.1:{metrics}")]);
        Self::start(cluster, name, arguments, metrics, flags)
    }

    fn start(cluster: &Cluster, name: &str, mut arguments: Vec<String>, metrics: u16, flags: &[&str]) -> Self {
        arguments.extend(flags.iter().map(ToString::to_string));
        let started = Instant::now();
        let server = Server::start(Path::new("env"), arguments, &cluster.folder().join(name));
        Self { server, metrics, started, peak: 0.0 }
    }

    fn text(&self) -> String {
        server::fetch(self.metrics, "/metrics").map(|(_, text)| text).unwrap_or_default()
    }

    /// One figure: of the first line that starts with this.
    pub(crate) fn figure(&self, line: &str) -> f64 {
        figure(&self.text(), line)
    }

    /// All figures; the memory is noted.
    pub(crate) fn look(&mut self) -> String {
        let text = self.text();
        self.peak = self.peak.max(figure(&text, "process_resident_memory_bytes"));
        text
    }

    /// How many objects are Synced.
    pub(crate) fn synced(&mut self) -> usize {
        let text = self.look();
        text.lines().filter(|line| line.contains("condition_info{") && line.contains("condition=\"Synced\"") && line.ends_with(" 1")).count()
    }

    /// Waits until so many are, and tells what that cost.
    pub(crate) fn until_synced(&mut self, count: usize) -> Cost {
        self.until(count, Self::synced)
    }

    /// Waits until so many turns are over: upstream shows the conditions of a former process before it has done anything.
    pub(crate) fn until_unsealed(&mut self, count: usize) -> Cost {
        self.until(count, |watched| figure(&watched.look(), "sealed_secrets_controller_unseal_requests_total") as usize)
    }

    /// Waits until so many are done.
    pub(crate) fn until(&mut self, count: usize, done: impl Fn(&mut Self) -> usize) -> Cost {
        self.attempt(PATIENCE, count, done).expect("it comes to its end")
    }

    /// Waits until so many are done, but no longer than this, and not for what has ended: the error says how far it came.
    pub(crate) fn attempt(&mut self, patience: Duration, count: usize, done: impl Fn(&mut Self) -> usize) -> Result<Cost, String> {
        let mut reached = 0;
        loop {
            reached = reached.max(done(self));
            if reached >= count {
                return Ok(self.cost());
            }
            let seconds = self.started.elapsed().as_secs();
            if !self.server.runs() {
                let log = self.server.log();
                let last = log.lines().find(|line| line.starts_with("fatal error:") || line.starts_with("panic:")).unwrap_or("no reason given");
                return Err(format!("ended after {seconds} s at {reached} of {count} ({last})"));
            }
            if self.started.elapsed() > patience {
                return Err(format!("not done after {seconds} s: {reached} of {count}"));
            }
            std::thread::sleep(LOOK);
        }
    }

    fn cost(&self) -> Cost {
        Cost { wall: self.started.elapsed(), cpu: self.figure("process_cpu_seconds"), peak: self.peak }
    }
}

fn figure(text: &str, line: &str) -> f64 {
    text.lines().find_map(|found| found.strip_prefix(line)?.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}
