//! One private operation, for whoever asks.

use std::sync::Arc;

use crds::SealedSecret;
use engine::Error;
use engine::open::{Pass, Progress};
use keys::{Budget, KeyRing};

use crate::slots::{Line, Lost, Slots};

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
) -> Result<Result<Progress, Vec<Error>>, Lost> {
    let (object, ring) = (Arc::clone(&subject.object), Arc::clone(&subject.ring));
    slots.run(line, namespace, move || pass.advance(&object, &ring, &mut Budget::operations(1))).await
}
