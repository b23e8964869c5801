//! Who may use a private key next: one slot is one private operation, and no namespace, no peer and none of its clients waits for all operations of another.

use std::fmt;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::fair::Grouped;
use crate::process::thread_time;

/// For whom an operation is done. The lines take turns, so that a flood of requests does not stop the reconciling, nor the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// An object of the cluster, by its namespace.
    Object,
    /// A request over HTTP, by the peer that sent it and then by the client that it names: a peer that invents clients takes no turns of others with them.
    Request(IpAddr),
}

/// The operation was not done, by a fault of ours.
#[derive(Debug)]
pub(crate) struct Lost;

/// Operations that wait for a slot each, one after the other.
struct Waiting {
    /// Which of the lines.
    line: usize,
    /// Whose of that line.
    group: Arc<str>,
    namespace: Arc<str>,
    /// Does the next one, if anybody waits for it, and says whether another one follows.
    next: Box<dyn FnMut(&Slots) -> bool + Send>,
}

/// Runs operations in slots, as many at a time as there are cores, away from the threads that serve everybody.
pub(crate) struct Slots {
    state: Mutex<State>,
    /// Told when no operation waits any more.
    drained: Condvar,
    handed_out: AtomicU64,
    /// CPU time of all operations, in nanoseconds.
    spent: AtomicU64,
}

struct State {
    free: usize,
    lines: [Grouped<Waiting>; 2],
    next: usize,
}

impl Slots {
    /// Makes as many slots as operations may run at once.
    pub(crate) fn new(number: usize) -> Arc<Self> {
        let state = State { free: number, lines: Default::default(), next: 0 };
        Arc::new(Self { state: Mutex::new(state), drained: Condvar::new(), handed_out: AtomicU64::new(0), spent: AtomicU64::new(0) })
    }

    /// Waits for a slot behind the others of the same line and namespace, and runs an operation in it; again for the next one, until there is a result.
    /// The threads that serve everybody hear of that alone.
    ///
    /// # Errors
    /// One failed by a fault of ours.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        line: Line,
        namespace: &str,
        mut operation: impl FnMut() -> Option<T> + Send + 'static,
    ) -> Result<T, Lost> {
        let (sender, receiver) = oneshot::channel();
        let mut sender = Some(sender);
        let next = move |slots: &Self| {
            if sender.as_ref().is_none_or(oneshot::Sender::is_closed) {
                return false;
            }
            slots.handed_out.fetch_add(1, Ordering::Relaxed);
            let before = thread_time();
            let result = operation();
            let spent = thread_time().saturating_sub(before);
            slots.spent.fetch_add(u64::try_from(spent.as_nanos()).unwrap_or_default(), Ordering::Relaxed);
            let Some(result) = result else { return true };
            // Whoever waited may be gone by now.
            let _ = sender.take().map(|sender| sender.send(result));
            false
        };
        let (line, group) = match line {
            Line::Object => (0, "".into()),
            Line::Request(peer) => (1, peer.to_string().into()),
        };
        if self.enter(Waiting { line, group, namespace: namespace.into(), next: Box::new(next) }) {
            let slots = Arc::clone(self);
            drop(spawn_blocking(move || slots.work()));
        }
        receiver.await.map_err(|_| Lost)
    }

    /// How many slots were handed out so far.
    pub(crate) fn handed_out(&self) -> u64 {
        self.handed_out.load(Ordering::Relaxed)
    }

    /// CPU time of all operations so far.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// Sleeps while all slots are taken and operations wait, but no longer than this.
    pub(crate) fn rest(&self, longest: Duration) {
        drop(self.drained.wait_timeout_while(self.lock(), longest, |state| state.is_short()));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts operations in line; says whether a slot is free, which is the caller's then.
    fn enter(&self, waiting: Waiting) -> bool {
        let mut state = self.lock();
        state.line_up(waiting);
        let free = state.free > 0;
        state.free -= usize::from(free);
        free
    }

    /// Runs what waits, one after the other in one slot, until nothing waits.
    fn work(&self) {
        while let Some(mut waiting) = self.next() {
            // One that panics told what went wrong, and whoever waits for it gets no answer.
            if catch_unwind(AssertUnwindSafe(|| (waiting.next)(self))).unwrap_or_default() {
                self.lock().line_up(waiting);
            }
        }
    }

    /// The next operation; without one the slot is free again.
    fn next(&self) -> Option<Waiting> {
        let mut state = self.lock();
        let (first, other) = (state.next, 1 - state.next);
        let operation = match state.lines[first].pop() {
            None => state.lines[other].pop(),
            operation => {
                // A line that keeps nobody of the other one waiting has not had its turn yet.
                state.next = if state.lines[other].len() == 0 { first } else { other };
                operation
            }
        };
        state.free += usize::from(operation.is_none());
        if !state.is_short() {
            self.drained.notify_all();
        }
        operation
    }
}

impl State {
    fn is_short(&self) -> bool {
        self.free == 0 && self.lines.iter().any(|line| line.len() > 0)
    }

    fn line_up(&mut self, waiting: Waiting) {
        let (group, namespace) = (Arc::clone(&waiting.group), Arc::clone(&waiting.namespace));
        self.lines[waiting.line].push(&group, &namespace, waiting);
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots").field("handed_out", &self.handed_out).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use futures_util::FutureExt;
    use futures_util::future::{BoxFuture, join_all};

    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// One slot, and an operation that keeps it until the sender is dropped.
    fn busy() -> (Arc<Slots>, BoxFuture<'static, Result<(), Lost>>, mpsc::Sender<()>) {
        let slots = Slots::new(1);
        let (release, released) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let first = wait(&slots, Line::Object, "first", move || {
            begin.send(()).unwrap();
            let _ = released.recv();
        });
        begun.recv().unwrap();
        (slots, first, release)
    }

    fn wait(slots: &Arc<Slots>, line: Line, namespace: &str, operation: impl FnOnce() + Send + 'static) -> BoxFuture<'static, Result<(), Lost>> {
        let mut operation = Some(operation);
        wait_for_all(slots, line, namespace, move || operation.take().map(|operation| operation()))
    }

    /// The same of several operations.
    fn wait_for_all(
        slots: &Arc<Slots>,
        line: Line,
        namespace: &str,
        operation: impl FnMut() -> Option<()> + Send + 'static,
    ) -> BoxFuture<'static, Result<(), Lost>> {
        let (slots, namespace) = (Arc::clone(slots), namespace.to_owned());
        let mut waiting = async move { slots.run(line, &namespace, operation).await }.boxed();
        assert!((&mut waiting).now_or_never().is_none(), "nothing is done at once");
        waiting
    }

    #[tokio::test]
    async fn a_stranger_is_served_within_two_slots_whatever_others_wait_for() {
        let (slots, first, release) = busy();
        let log = Arc::new(Mutex::new(Vec::new()));
        let note = |who: &'static str| {
            let log = Arc::clone(&log);
            move || log.lock().unwrap().push(who)
        };
        let mut all = vec![first];
        all.extend((0..50).map(|_| wait(&slots, Line::Object, "hostile", note("hostile"))));
        all.extend((0..50).map(|_| wait(&slots, Line::Request(PEER), "", note("client"))));
        all.push(wait(&slots, Line::Object, "shop", note("stranger")));
        drop(release);
        assert!(join_all(all).await.iter().all(Result::is_ok));
        let log = log.lock().unwrap();
        let before = log.iter().position(|who| *who == "stranger").unwrap();
        assert!(before <= 2, "{before} operations of others went first");
        assert_eq!((log.len(), slots.handed_out()), (101, 102));
    }

    #[tokio::test]
    async fn a_peer_that_invents_clients_takes_the_turns_of_one_peer() {
        let (slots, first, release) = busy();
        let (sender, done) = mpsc::channel();
        let note = |who: &'static str| {
            let sender = sender.clone();
            move || sender.send(who).unwrap()
        };
        let other = IpAddr::from([10, 0, 0, 2]);
        let mut all = vec![first];
        all.extend((0..50).map(|number| wait(&slots, Line::Request(PEER), &number.to_string(), note("invented"))));
        all.extend((0..50).map(|_| wait(&slots, Line::Request(other), "busy", note("busy"))));
        all.push(wait(&slots, Line::Request(other), "stranger", note("stranger")));
        drop(release);
        assert!(join_all(all).await.iter().all(Result::is_ok));
        let log: Vec<_> = done.try_iter().collect();
        // The peers take turns, and so do the clients of each.
        assert_eq!((log[..5].to_vec(), log.len()), (vec!["invented", "busy", "invented", "stranger", "invented"], 101));
    }

    #[tokio::test]
    async fn what_takes_many_operations_waits_for_a_slot_each_time() {
        let (slots, first, release) = busy();
        let (sender, done) = mpsc::channel();
        let note = |who: &'static str, mut left: usize| {
            let sender = sender.clone();
            move || {
                sender.send(who).unwrap();
                left -= 1;
                (left == 0).then_some(())
            }
        };
        let all = [("hostile", 100), ("shop", 3)].map(|(who, operations)| wait_for_all(&slots, Line::Object, who, note(who, operations)));
        drop(release);
        assert!(first.await.is_ok() && join_all(all).await.iter().all(Result::is_ok));
        let log: Vec<_> = done.try_iter().collect();
        assert_eq!(log[..6], ["hostile", "shop", "hostile", "shop", "hostile", "shop"]);
        assert_eq!((log.len(), slots.handed_out()), (103, 104));
    }

    #[tokio::test]
    async fn nothing_is_done_for_somebody_who_went_away() {
        let (slots, first, release) = busy();
        let gone = wait(&slots, Line::Object, "a", || panic!("nobody waits for it"));
        let last = wait(&slots, Line::Object, "a", || ());
        drop(gone);
        drop(release);
        assert!(first.await.is_ok() && last.await.is_ok());
        assert_eq!(slots.handed_out(), 2);
    }

    #[tokio::test]
    async fn a_rest_lasts_while_operations_wait() {
        // Nothing waits for a slot: it ends at once, whether one is free or not.
        let long = Duration::from_secs(3600);
        Slots::new(1).rest(long);
        let (slots, first, release) = busy();
        slots.rest(long);
        let second = wait(&slots, Line::Object, "a", || ());
        let start = Instant::now();
        slots.rest(Duration::from_millis(20));
        assert!(start.elapsed() >= Duration::from_millis(20), "one waits");
        let resting = spawn_blocking({
            let slots = Arc::clone(&slots);
            move || slots.rest(long)
        });
        drop(release);
        assert!(first.await.is_ok() && second.await.is_ok() && resting.await.is_ok());
    }

    #[tokio::test]
    async fn a_slot_outlives_an_operation_that_fails() {
        let (slots, first, release) = busy();
        let failed = wait(&slots, Line::Object, "a", || panic!("a fault of ours"));
        let next = wait(&slots, Line::Object, "a", || ());
        drop(release);
        assert!(first.await.is_ok() && failed.await.is_err() && next.await.is_ok());
        assert!(slots.run(Line::Request(PEER), "b", || Some(())).await.is_ok(), "the slot is free again");
    }
}
