//! What is counted: upstream's names, which dashboards and alerts look for, and some of our own. A value, not a global.

mod conditions;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crds::SealedSecret;
use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use self::conditions::Conditions;
use crate::key::Key;
use crate::process;

/// Media type of what [`Metrics::text`] gives.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upstream's prefix.
const PREFIX: &str = "sealed_secrets_controller";

/// Upstream's buckets, in seconds: the defaults of Go's client.
const HTTP_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    process: Registry,
    /// Turns of objects, and deletions.
    pub(crate) unseal_requests: Counter,
    unseal_errors: Family<Failure, Counter>,
    conditions: Arc<Conditions>,
    requests: Family<Request, Counter>,
    request_seconds: Family<Route, Histogram>,
    turn_seconds: Histogram,
    wait_seconds: Histogram,
    last_success: Gauge,
    /// What is asked for when the metrics are read.
    pub(crate) now: Gauges,
    omit: bool,
}

/// Figures of the moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) queue_depth: Gauge,
    pub(crate) objects: Gauge,
    pub(crate) keys: Gauge,
    pub(crate) broken_keys: Gauge,
    pub(crate) key_age: Gauge,
    pub(crate) leader: Gauge,
    pub(crate) operations: Gauge,
    pub(crate) operations_cpu: Gauge<f64, AtomicU64>,
    cpu: Counter<f64, AtomicU64>,
    memory: Gauge,
    files: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    reason: &'static str,
    namespace: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    path: &'static str,
    code: u16,
    method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    path: &'static str,
    method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    revision: &'static str,
}

impl Metrics {
    /// Starts to count; without names of objects if `omit`.
    pub(crate) fn new(omit: bool) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let mut metrics = Self {
            unseal_requests: Counter::default(),
            unseal_errors: Family::default(),
            conditions: Arc::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(HTTP_BUCKETS)),
            turn_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            wait_seconds: Histogram::new(exponential_buckets(0.001, 4.0, 10)),
            last_success: Gauge::default(),
            now: Gauges::default(),
            registry: Registry::default(),
            process: Registry::default(),
            omit,
        };
        let build = Family::<Build, Gauge>::default();
        build.get_or_create(&Build { revision: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build_info", "Build information", build);
        registry.register("unseal_requests", "Turns of SealedSecrets", metrics.unseal_requests.clone());
        registry.register("unseal_errors", "Turns that failed, by reason and namespace", metrics.unseal_errors.clone());
        registry.register_collector(Box::new(Arc::clone(&metrics.conditions)));
        registry.register("http_requests", "HTTP requests by path, code and method", metrics.requests.clone());
        registry.register("http_request_duration_seconds", "How long HTTP requests took", metrics.request_seconds.clone());
        let own = registry.sub_registry_with_prefix("sealer");
        own.register("turn_duration_seconds", "How long the turn of an object took", metrics.turn_seconds.clone());
        own.register("queue_wait_seconds", "How long objects waited for their turn", metrics.wait_seconds.clone());
        own.register("last_success_timestamp_seconds", "When an object was last found or made as it should be", metrics.last_success.clone());
        let now = &metrics.now;
        own.register("queue_depth", "Objects that wait for a turn", now.queue_depth.clone());
        own.register("objects", "SealedSecrets that are known", now.objects.clone());
        own.register("keys", "Private keys in use", now.keys.clone());
        own.register("broken_keys", "Key Secrets that cannot be used", now.broken_keys.clone());
        own.register("key_age_seconds", "Age of the newest key", now.key_age.clone());
        own.register("leader", "Whether this process may write", now.leader.clone());
        own.register("private_operations", "Private operations so far", now.operations.clone());
        own.register("private_operations_cpu_seconds", "CPU time of private operations so far", now.operations_cpu.clone());
        let mut all = Registry::default();
        all.register("process_cpu_seconds", "CPU time spent", now.cpu.clone());
        all.register("process_resident_memory_bytes", "Memory in use", now.memory.clone());
        all.register("process_open_fds", "Open file descriptors", now.files.clone());
        metrics.registry = registry;
        metrics.process = all;
        metrics
    }

    /// An object waited for its turn.
    pub(crate) fn waited(&self, time: Duration) {
        self.wait_seconds.observe(time.as_secs_f64());
    }

    /// A turn took some time.
    pub(crate) fn took(&self, time: Duration) {
        self.turn_seconds.observe(time.as_secs_f64());
    }

    /// A turn ended well.
    pub(crate) fn succeeded(&self) {
        self.last_success.set(Timestamp::now().as_second());
    }

    /// A turn did not.
    pub(crate) fn failed(&self, reason: &'static str, namespace: &str) {
        let namespace = if self.omit { String::new() } else { namespace.to_owned() };
        self.unseal_errors.get_or_create(&Failure { reason, namespace }).inc();
    }

    /// Shows what the status of an object says.
    pub(crate) fn judged(&self, object: &SealedSecret) {
        if !self.omit {
            self.conditions.judged(object);
        }
    }

    /// An object is gone.
    pub(crate) fn forget(&self, key: &Key) {
        self.conditions.forget(key);
    }

    /// A request was answered.
    pub(crate) fn answered(&self, path: &'static str, method: &str, code: u16, time: Duration) {
        let method = method.to_ascii_lowercase();
        self.requests.get_or_create(&Request { path, code, method: method.clone() }).inc();
        self.request_seconds.get_or_create(&Route { path, method }).observe(time.as_secs_f64());
    }

    /// Adds what is counted elsewhere, under names of its own.
    pub(crate) fn with(mut self, register: impl FnOnce(&mut Registry)) -> Self {
        register(&mut self.process);
        self
    }

    /// Everything as text.
    pub(crate) fn text(&self) -> String {
        let process = process::figures();
        self.now.cpu.inc_by((process.cpu_seconds - self.now.cpu.get()).max(0.0));
        self.now.memory.set(process.resident_bytes);
        self.now.files.set(process.open_files);
        let mut text = String::new();
        // Writing to a text never fails.
        let _ = encode_registry(&mut text, &self.process).and_then(|()| encode(&mut text, &self.registry));
        text
    }
}
