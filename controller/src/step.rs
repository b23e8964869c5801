//! One private operation, for whoever asks: in a slot, and away from the threads that serve everybody.

use std::sync::Arc;

use crds::SealedSecret;
use engine::Error;
use engine::open::{Pass, Progress};
use keys::{Budget, KeyRing};
use tokio::task::{JoinError, spawn_blocking};

use crate::slots::{Line, Slots};

/// Operations that may follow each other in one slot: threads are woken for each slot, which costs a part of what an operation costs.
const AT_ONCE: usize = 8;

/// What is opened, and with what.
pub(crate) struct Subject {
    /// The object, as [`engine::unseal::to_open`] gives it.
    pub(crate) object: Arc<SealedSecret>,
    /// The keys.
    pub(crate) ring: Arc<KeyRing>,
}

/// Waits for a slot behind the others of a line and namespace, and takes a pass one private operation further; an object's by some more, as long as nobody
/// but objects of the same namespace waits.
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
    let alone = (line == Line::Object).then(|| namespace.to_owned());
    let advance = move || {
        let mut progress = pass.advance(&object, &ring, &mut Budget::operations(1));
        for _ in 1..AT_ONCE {
            progress = match progress {
                Ok(Progress::Paused(pass)) if alone.as_ref().is_some_and(|namespace| slot.go_on(namespace)) => {
                    pass.advance(&object, &ring, &mut Budget::operations(1))
                }
                ended => {
                    progress = ended;
                    break;
                }
            };
        }
        drop(slot);
        progress
    };
    spawn_blocking(advance).await
}
