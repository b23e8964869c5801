//! ExternalSecrets: their stores, what was read of them, and the Secrets that they become.

use std::sync::Arc;

use crds::ExternalSecret;

use crate::queue::Queue;

pub(crate) mod access;
mod aim;
mod cluster;
mod desk;
mod examine;
mod failure;
mod index;
mod kinds;
mod leftovers;
mod metrics;
mod object;
mod rest;
pub(crate) mod settings;
mod status;
mod stores;
mod target;
mod texts;
mod turn;
pub(crate) mod watch;

pub(crate) use cluster::Clusters;
pub(crate) use index::Index;
pub(crate) use kinds::Kinds;
pub(crate) use metrics::Metrics;
pub(crate) use settings::Settings;
pub(crate) use stores::Stores;

/// ExternalSecrets that have their turn at a time: most of it they wait for a system outside.
const TURNS: usize = 32;

/// Stores that are examined at a time.
const EXAMINATIONS: usize = 8;

/// Everything about ExternalSecrets.
pub(crate) struct External {
    /// What was asked for.
    pub(crate) settings: Arc<Settings>,
    /// What is known of every ExternalSecret.
    pub(crate) index: Index,
    /// Which ExternalSecret is next.
    pub(crate) queue: Queue<ExternalSecret>,
    /// The stores, and connections to their systems.
    pub(crate) stores: Stores,
    /// The ClusterExternalSecrets.
    pub(crate) clusters: Clusters,
    /// Which store is examined next.
    pub(crate) examinations: Queue<()>,
    /// Kinds of objects that are made instead of Secrets.
    pub(crate) kinds: Kinds,
    /// What is counted.
    pub(crate) metrics: Metrics,
}

impl External {
    /// Begins with nothing known.
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            index: Index::default(),
            queue: Queue::around_slow_turns(TURNS),
            stores: Stores::default(),
            clusters: Clusters::default(),
            examinations: Queue::around_slow_turns(EXAMINATIONS),
            kinds: Kinds::default(),
            metrics: Metrics::new(),
        }
    }
}
