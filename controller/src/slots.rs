//! Who may use a private key next: one slot is one private operation, and no namespace and no client waits for all operations of another.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::fair::Fair;

/// For whom an operation is done. The lines take turns, so that a flood of requests does not stop the reconciling, nor the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// An object of the cluster, by its namespace.
    Object,
    /// A request over HTTP, by its client.
    Request,
}

/// Hands out slots; as many at a time as there are cores.
#[derive(Debug)]
pub(crate) struct Slots {
    state: Mutex<State>,
    handed_out: AtomicU64,
}

#[derive(Debug)]
struct State {
    free: usize,
    lines: [Fair<oneshot::Sender<Slot>>; 2],
    next: usize,
}

/// The right to one private operation; it is passed on when dropped.
#[derive(Debug)]
pub(crate) struct Slot(Option<Arc<Slots>>);

impl Slots {
    /// Makes as many slots as operations may run at once.
    pub(crate) fn new(number: usize) -> Arc<Self> {
        let state = State { free: number, lines: Default::default(), next: 0 };
        Arc::new(Self { state: Mutex::new(state), handed_out: AtomicU64::new(0) })
    }

    /// Waits for a slot behind the others of the same line and namespace.
    pub(crate) async fn take(self: &Arc<Self>, line: Line, namespace: &str) -> Slot {
        loop {
            let receiver = {
                let mut state = self.lock();
                if state.free > 0 {
                    state.free -= 1;
                    self.handed_out.fetch_add(1, Ordering::Relaxed);
                    return Slot(Some(Arc::clone(self)));
                }
                let (sender, receiver) = oneshot::channel();
                state.lines[line as usize].push(namespace, sender);
                receiver
            };
            if let Ok(slot) = receiver.await {
                return slot;
            }
        }
    }

    /// How many slots were handed out so far.
    pub(crate) fn handed_out(&self) -> u64 {
        self.handed_out.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes a slot on to whoever is next and still waits.
    fn release(self: &Arc<Self>) {
        loop {
            let next = {
                let mut state = self.lock();
                let first = state.next;
                let found = [first, 1 - first].into_iter().find_map(|line| Some((line, state.lines[line].pop(|_| true)?)));
                let Some((line, sender)) = found else {
                    state.free += 1;
                    return;
                };
                state.next = 1 - line;
                sender
            };
            self.handed_out.fetch_add(1, Ordering::Relaxed);
            match next.send(Slot(Some(Arc::clone(self)))) {
                Ok(()) => return,
                // Whoever waited went away. Its slot is not dropped here but given to the next one.
                Err(mut slot) => {
                    self.handed_out.fetch_sub(1, Ordering::Relaxed);
                    slot.0 = None;
                }
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(slots) = self.0.take() {
            slots.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    type Waiting<'a> = std::pin::Pin<Box<dyn Future<Output = Slot> + 'a>>;

    fn wait<'a>(slots: &'a Arc<Slots>, line: Line, namespace: &'a str) -> Waiting<'a> {
        let mut waiting: Waiting<'a> = Box::pin(slots.take(line, namespace));
        assert!((&mut waiting).now_or_never().is_none(), "no slot is free");
        waiting
    }

    #[test]
    fn a_stranger_is_served_within_two_slots_whatever_others_wait_for() {
        let slots = Slots::new(1);
        let busy = slots.take(Line::Object, "hostile").now_or_never().unwrap();
        let mut hostile: Vec<Waiting<'_>> = (0..50).map(|_| wait(&slots, Line::Object, "hostile")).collect();
        hostile.extend((0..50).map(|_| wait(&slots, Line::Request, "10.0.0.1")));
        let mut stranger = wait(&slots, Line::Object, "shop");
        let before = slots.handed_out();
        drop(busy);
        let mut served = 0;
        let done = loop {
            if let Some(slot) = (&mut stranger).now_or_never() {
                break slot;
            }
            let at = hostile.iter_mut().position(|waiting| waiting.now_or_never().inspect(|_| served += 1).is_some());
            drop(hostile.remove(at.expect("somebody was served")));
        };
        assert_eq!(slots.handed_out() - before, 3, "two, and the stranger's own");
        drop(done);
        assert!(served <= 2, "{served} slots went to others first");
    }

    #[test]
    fn a_slot_of_somebody_who_went_away_goes_to_the_next() {
        let slots = Slots::new(1);
        let first = slots.take(Line::Object, "a").now_or_never().unwrap();
        let gone = wait(&slots, Line::Object, "a");
        let mut last = wait(&slots, Line::Object, "a");
        drop(gone);
        drop(first);
        assert!((&mut last).now_or_never().is_some());
        assert!(slots.take(Line::Object, "b").now_or_never().is_some());
    }
}
