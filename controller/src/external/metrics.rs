//! What is counted of ExternalSecrets: external-secrets' names, which dashboards and alerts look for, and some of our own.

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::key::Key;

/// What external-secrets calls a provider in its metrics.
///
/// *Source*: external-secrets 2.9.0 `runtime/constants`.
const TITLES: [(&str, &str); 5] =
    [("aws", "AWS"), ("fake", "Fake"), ("kubernetes", "Kubernetes"), ("vault", "HashiCorp/Vault"), ("webhook", "Webhook")];

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    calls: Family<Object, Counter>,
    errors: Family<Object, Gauge>,
    conditions: Family<Condition, Gauge>,
    durations: Family<Object, Gauge>,
    provider_calls: Family<Call, Gauge>,
    provider_seconds: Family<Provider, Histogram>,
    store_conditions: Family<Condition, Gauge>,
    cluster_store_conditions: Family<Condition, Gauge>,
    last_success: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Object {
    name: String,
    namespace: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Condition {
    name: String,
    namespace: String,
    condition: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    provider: &'static str,
    call: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Provider {
    provider: &'static str,
}

fn object(key: &Key) -> Object {
    Object { name: key.name().to_owned(), namespace: key.namespace().to_owned() }
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            calls: Family::default(),
            errors: Family::default(),
            conditions: Family::default(),
            durations: Family::default(),
            provider_calls: Family::default(),
            provider_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 16))),
            store_conditions: Family::default(),
            cluster_store_conditions: Family::default(),
            last_success: Gauge::default(),
        }
    }

    /// Makes everything readable.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("externalsecret_sync_calls", "Turns of ExternalSecrets", self.calls.clone());
        // The library ends the names of counters in _total, and external-secrets does not here: a gauge that only grows is read alike.
        registry.register("externalsecret_sync_calls_error", "Turns of ExternalSecrets that failed", self.errors.clone());
        registry.register("externalsecret_status_condition", "Conditions of ExternalSecrets", self.conditions.clone());
        registry.register("externalsecret_reconcile_duration", "How long the last turn took, in nanoseconds", self.durations.clone());
        registry.register("externalsecret_provider_api_calls_count", "Calls to providers", self.provider_calls.clone());
        registry.register("secretstore_status_condition", "Conditions of SecretStores", self.store_conditions.clone());
        registry.register("clustersecretstore_status_condition", "Conditions of ClusterSecretStores", self.cluster_store_conditions.clone());
        let own = registry.sub_registry_with_prefix("sealer_externalsecret");
        own.register("provider_call_duration_seconds", "How long calls to providers took", self.provider_seconds.clone());
        own.register("last_success_timestamp_seconds", "When an ExternalSecret was last found or made as it should be", self.last_success.clone());
    }

    /// A turn ended.
    pub(super) fn turned(&self, key: &Key, good: bool, time: Duration) {
        self.calls.get_or_create(&object(key)).inc();
        if good {
            self.last_success.set(Timestamp::now().as_second());
        } else {
            self.errors.get_or_create(&object(key)).inc();
        }
        self.durations.get_or_create(&object(key)).set(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX));
    }

    /// An ExternalSecret is, or is not, as it should be.
    pub(super) fn judged(&self, key: &Key, ready: bool) {
        judge(&self.conditions, key, ready);
    }

    /// A store is, or is not, ready.
    pub(super) fn store_judged(&self, key: &Key, ready: bool) {
        judge(if key.namespace().is_empty() { &self.cluster_store_conditions } else { &self.store_conditions }, key, ready);
    }

    /// An ExternalSecret is gone.
    pub(super) fn forget(&self, key: &Key) {
        self.calls.remove(&object(key));
        self.errors.remove(&object(key));
        self.durations.remove(&object(key));
        forget(&self.conditions, key);
    }

    /// A store is gone.
    pub(super) fn forget_store(&self, key: &Key) {
        forget(if key.namespace().is_empty() { &self.cluster_store_conditions } else { &self.store_conditions }, key);
    }

    /// A provider was asked.
    pub(super) fn called(&self, provider: &str, call: &'static str, good: bool, time: Duration) {
        let provider = TITLES.iter().find(|(name, _)| *name == provider).map_or("other", |(_, title)| title);
        self.provider_calls.get_or_create(&Call { provider, call, status: if good { "success" } else { "error" } }).inc();
        self.provider_seconds.get_or_create(&Provider { provider }).observe(time.as_secs_f64());
    }
}

fn labels(key: &Key, status: &'static str) -> Condition {
    Condition { name: key.name().to_owned(), namespace: key.namespace().to_owned(), condition: "Ready", status }
}

fn judge(family: &Family<Condition, Gauge>, key: &Key, ready: bool) {
    family.get_or_create(&labels(key, "True")).set(i64::from(ready));
    family.get_or_create(&labels(key, "False")).set(i64::from(!ready));
}

fn forget(family: &Family<Condition, Gauge>, key: &Key) {
    for status in ["True", "False"] {
        family.remove(&labels(key, status));
    }
}
