//! One private operation, for whoever asks: in a slot, and away from the threads that serve everybody.

use std::sync::Arc;

use crds::SealedSecret;
use engine::Error;
use engine::open::{Pass, Progress};
use keys::{Budget, KeyRing};
use tokio::task::{JoinError, spawn_blocking};

use crate::slots::{Line, Slots};

/// What is opened, and with what.
pub(crate) struct Subject {
    /// The object, as [`engine::unseal::to_open`] gives it.
    pub(crate) object: Arc<SealedSecret>,
    /// The keys.
    pub(crate) ring: Arc<KeyRing>,
}

/// Waits for a slot behind the others of a line and namespace, and takes a pass one private operation further.
///
/// # Errors
/// The operation failed by a fault of ours.
pub(crate) async fn step(
    slots: &Arc<Slots>,
    (line, namespace): (Line, &str),
    subject: &Subject,
    pass: Pass,
) -> Result<Result<Progress, Vec<Error>>, JoinError> {
    let slot = slots.take(line, namespace).await;
    let (object, ring) = (Arc::clone(&subject.object), Arc::clone(&subject.ring));
    let advance = move || {
        let progress = pass.advance(&object, &ring, &mut Budget::operations(1));
        drop(slot);
        progress
    };
    spawn_blocking(advance).await
}
