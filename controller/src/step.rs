//! Private operations, for whoever asks.

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

/// Takes a pass so many private operations further, and waits for a slot for each of them, behind the others of a line and namespace.
///
/// # Errors
/// One of them failed by a fault of ours.
pub(crate) async fn step(
    slots: &Arc<Slots>,
    (line, namespace): (Line, &str),
    subject: &Subject,
    pass: Pass,
    operations: usize,
) -> Result<Result<Progress, Vec<Error>>, Lost> {
    let (object, ring) = (Arc::clone(&subject.object), Arc::clone(&subject.ring));
    let (mut held, mut left) = (Some(pass), operations);
    let next = move || {
        left = left.saturating_sub(1);
        // It is held for as long as there is no result.
        match held.take()?.advance(&object, &ring, &mut Budget::operations(1)) {
            Ok(Progress::Paused(pass)) if left > 0 => {
                held = Some(pass);
                None
            }
            reached => Some(reached),
        }
    };
    slots.run(line, namespace, next).await
}
