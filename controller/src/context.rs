//! What a reconciler is given.

use std::sync::Arc;

use keys::Tagger;

use crate::api::Api;
use crate::args::Settings;
use crate::external::External;
use crate::index::Index;
use crate::keyring::Keyring;
use crate::lease::Lead;
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::slots::Slots;

/// The parts of a running controller.
pub(crate) struct Context {
    /// The API server.
    pub(crate) api: Arc<Api>,
    /// What was asked for.
    pub(crate) settings: Settings,
    /// What is known of every object.
    pub(crate) index: Index,
    /// Which object is next.
    pub(crate) queue: Queue,
    /// Who may use a private key next.
    pub(crate) slots: Arc<Slots>,
    /// The private keys.
    pub(crate) keyring: Keyring,
    /// Whether this process may write.
    pub(crate) lead: Arc<Lead>,
    /// What is counted.
    pub(crate) metrics: Metrics,
    /// ExternalSecrets and their stores.
    pub(crate) external: External,
    /// Makes tags of plaintexts.
    pub(crate) tagger: Tagger,
}
