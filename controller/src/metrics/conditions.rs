//! Conditions of SealedSecrets as a metric: kept in some bytes an object, and put into words when somebody asks.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crds::SealedSecret;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::key::Key;
use crate::status::CONDITIONS;

/// Label that upstream carries over to the metric.
const INSTANCE: &str = "app.kubernetes.io/instance";

/// What the statuses say.
#[derive(Debug, Default)]
pub(super) struct Conditions(Mutex<HashMap<Key, Shown>>);

/// What is shown of one object.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    instance: Box<str>,
    /// 1 true, 0 unknown, -1 false, in the order of [`CONDITIONS`]. Others may write conditions too, as many as they like: those are not shown.
    values: [Option<i8>; CONDITIONS.len()],
}

impl Conditions {
    /// Shows what the status of an object says.
    pub(super) fn judged(&self, object: &SealedSecret) {
        let instance = object.metadata.labels.as_ref().and_then(|labels| labels.get(INSTANCE)).map(String::as_str).unwrap_or_default();
        let conditions = object.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let value = |name: &str| {
            let condition = conditions.iter().find(|condition| condition.type_ == name)?;
            Some(match condition.status.as_str() {
                "True" => 1,
                "False" => -1,
                _ => 0,
            })
        };
        let shown = Shown { instance: instance.into(), values: CONDITIONS.map(value) };
        self.lock().insert(Key::of(object), shown);
    }

    /// An object is gone.
    pub(super) fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Shown>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Conditions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Conditions of SealedSecrets: 1 true, 0 unknown, -1 false.";
        let mut family = encoder.encode_descriptor("condition_info", help, None, MetricType::Gauge)?;
        for (key, Shown { instance, values }) in self.lock().iter() {
            for (condition, value) in CONDITIONS.into_iter().zip(values) {
                let Some(value) = value else { continue };
                let labels =
                    [("namespace", key.namespace()), ("name", key.name()), ("condition", condition), ("ss_app_kubernetes_io_instance", instance)];
                ConstGauge::new(i64::from(*value)).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
