//! Which object is looked at next.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crds::{ExternalSecret, SealedSecret};
use engine::open::Pass;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::fair::Fair;
use crate::key::Key;
use crate::weight::weigh;

/// Most bytes of objects that are held while they wait; the others are read again when their turn comes, so that a flood costs requests rather than
/// memory.
const HELD: usize = 16 << 20;

/// A turn that takes longer than this waits for a system outside: it keeps no other from its turn, up to [`SLOW_TURNS`] times as many as have theirs at a time.
const SLOW: Duration = Duration::from_secs(2);

/// How many times the limit may be under way in all.
const SLOW_TURNS: usize = 8;

/// What waits for a turn.
pub(crate) trait Object {
    /// How many bytes it takes, about, and rather more than less.
    fn weight(&self) -> usize;
}

/// An object's turn.
#[derive(Debug)]
pub(crate) struct Work<O = SealedSecret> {
    /// Which object.
    pub(crate) key: Key,
    /// The object, if it was held.
    pub(crate) object: Option<Box<O>>,
    /// How far an earlier turn came, which spent its budget.
    pub(crate) pass: Option<Pass>,
    /// Since when it waits.
    pub(crate) since: Instant,
}

/// Objects that wait, each once, fair by namespace. An object is never looked at twice at the same time.
#[derive(Debug)]
pub(crate) struct Queue<O = SealedSecret> {
    state: Mutex<State<O>>,
    changed: Notify,
    limit: Limit,
}

/// How many turns there are at a time.
#[derive(Clone, Copy, Debug)]
struct Limit {
    /// Those that count.
    turns: usize,
    /// Whether a slow one counts too.
    slow: bool,
}

#[derive(Debug)]
struct State<O> {
    line: Fair<Key>,
    waiting: HashMap<Key, Waiting<O>>,
    running: HashMap<Key, Running>,
    running_in: HashMap<String, usize>,
    later: BTreeMap<(Instant, u64), Key>,
    /// When each key is due in `later`: the last word counts.
    due: HashMap<Key, (Instant, u64)>,
    stamp: u64,
    /// Bytes of objects that are held.
    held: usize,
    /// Places in the line of objects that are gone.
    stale: usize,
    open: bool,
}

/// A turn that is under way.
#[derive(Debug)]
struct Running {
    since: Instant,
    /// Whether the object is to have another one.
    again: bool,
}

#[derive(Debug)]
struct Waiting<O> {
    object: Option<Held<O>>,
    pass: Option<Pass>,
    since: Instant,
}

/// An object that is held.
#[derive(Debug)]
struct Held<O> {
    object: Box<O>,
    weight: usize,
}

impl<O> Default for State<O> {
    fn default() -> Self {
        Self {
            line: Fair::default(),
            waiting: HashMap::new(),
            running: HashMap::new(),
            running_in: HashMap::new(),
            later: BTreeMap::new(),
            due: HashMap::new(),
            stamp: 0,
            held: 0,
            stale: 0,
            open: false,
        }
    }
}

impl<O: Object> Queue<O> {
    /// Makes an empty queue that hands out nothing until it is opened.
    ///
    /// `limit` objects have their turn at a time; a namespace without a turn gets one even then.
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), limit: Limit { turns: limit, slow: true } }
    }

    /// As [`Queue::new`], for turns that wait for systems outside: one that hangs keeps nobody waiting who does not ask it.
    pub(crate) fn around_slow_turns(limit: usize) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), limit: Limit { turns: limit, slow: false } }
    }

    /// Whether nothing waits or has its turn.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.waiting.is_empty() && state.running.is_empty()
    }

    /// Lets turns begin: this process leads.
    pub(crate) fn open(&self) {
        self.lock().open = true;
        self.changed.notify_one();
    }

    /// Whether turns have begun.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().open
    }

    /// Asks for a turn; an object that is given may be held until then.
    pub(crate) fn add(&self, key: Key, object: Option<O>) {
        self.lock().add(key, object.map(Box::new), None);
        self.changed.notify_one();
    }

    /// Asks for a turn after a while.
    pub(crate) fn add_later(&self, key: Key, delay: Duration) {
        let mut state = self.lock();
        state.stamp += 1;
        let when = (Instant::now() + delay, state.stamp);
        if let Some(before) = state.due.insert(key.clone(), when) {
            state.later.remove(&before);
        }
        state.later.insert(when, key);
        drop(state);
        self.changed.notify_one();
    }

    /// Gives a turn back before it is done: it goes on behind the others of its namespace.
    pub(crate) fn pause(&self, work: Work<O>) {
        let mut state = self.lock();
        // What changed meanwhile is read anew; the pass begins anew by itself if it is of no use any more.
        let object = if state.finish(&work.key) { None } else { work.object };
        state.add(work.key, object, work.pass);
        drop(state);
        self.changed.notify_one();
    }

    /// Ends a turn.
    pub(crate) fn done(&self, key: &Key) {
        let mut state = self.lock();
        if state.finish(key) {
            state.add(key.clone(), None, None);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Takes back the wish for a turn: the object is gone.
    pub(crate) fn forget(&self, key: &Key) {
        let mut state = self.lock();
        if let Some(when) = state.due.remove(key) {
            state.later.remove(&when);
        }
        if let Some(waiting) = state.waiting.remove(key) {
            state.held -= weight(waiting.object.as_ref());
            // Its place in the line is passed over when it comes.
            state.stale += 1;
            if state.stale > state.waiting.len() {
                state.rebuild();
            }
        }
    }

    /// Waits for the next turn.
    pub(crate) async fn next(&self) -> Work<O> {
        loop {
            let due = {
                let (mut state, now) = (self.lock(), Instant::now());
                state.wake(now);
                if let Some(work) = state.take(self.limit, now) {
                    return work;
                }
                let slow = if self.limit.slow { None } else { state.next_slow(now) };
                state.later.keys().next().map(|(when, _)| *when).into_iter().chain(slow).min()
            };
            match due {
                Some(when) => drop(tokio::time::timeout_at(when, self.changed.notified()).await),
                None => self.changed.notified().await,
            }
        }
    }

    /// How many objects wait for a turn, or will ask for one.
    pub(crate) fn len(&self) -> usize {
        let state = self.lock();
        state.line.len() + state.later.len()
    }

    fn lock(&self) -> MutexGuard<'_, State<O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<O: Object> State<O> {
    fn add(&mut self, key: Key, object: Option<Box<O>>, pass: Option<Pass>) {
        if let Some(running) = self.running.get_mut(&key) {
            running.again = true;
            return;
        }
        let before = self.waiting.get_mut(&key).and_then(|waiting| waiting.object.take());
        self.held -= weight(before.as_ref());
        let object = object.map(|object| Held { weight: object.weight(), object }).filter(|held| self.held + held.weight <= HELD);
        self.held += weight(object.as_ref());
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.object = object;
            return;
        }
        self.line.push(key.namespace(), key.clone());
        self.waiting.insert(key, Waiting { object, pass, since: Instant::now() });
    }

    fn wake(&mut self, now: Instant) {
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let key = entry.remove();
            self.due.remove(&key);
            if !self.waiting.contains_key(&key) {
                self.add(key, None, None);
            }
        }
    }

    /// When a turn that is under way begins to count as slow, if any does and somebody waits for that.
    fn next_slow(&self, now: Instant) -> Option<Instant> {
        if self.waiting.is_empty() {
            return None;
        }
        self.running.values().map(|running| running.since + SLOW).filter(|slow| *slow > now).min()
    }

    fn is_full(&self, limit: Limit, now: Instant) -> bool {
        let Limit { turns, slow } = limit;
        if slow || self.running.len() < turns {
            return self.running.len() >= turns;
        }
        let quick = self.running.values().filter(|running| now.duration_since(running.since) < SLOW).count();
        quick >= turns || self.running.len() >= turns.saturating_mul(SLOW_TURNS)
    }

    fn take(&mut self, limit: Limit, now: Instant) -> Option<Work<O>> {
        if !self.open {
            return None;
        }
        let full = self.is_full(limit, now);
        let running_in = &self.running_in;
        let (key, Waiting { object, pass, since }) = loop {
            let key = self.line.pop(|namespace| !full || !running_in.contains_key(namespace))?;
            match self.waiting.remove(&key) {
                Some(waiting) => break (key, waiting),
                None => self.stale = self.stale.saturating_sub(1),
            }
        };
        self.held -= weight(object.as_ref());
        let object = object.map(|held| held.object);
        self.running.insert(key.clone(), Running { since: now, again: false });
        *self.running_in.entry(key.namespace().to_owned()).or_default() += 1;
        Some(Work { key, object, pass, since })
    }

    /// Makes the line anew, of what still waits.
    fn rebuild(&mut self) {
        let mut line = Fair::default();
        let alive = std::iter::from_fn(|| self.line.pop(|_| true)).filter(|key| self.waiting.contains_key(key));
        alive.for_each(|key| line.push(key.clone().namespace(), key));
        self.line = line;
        self.stale = 0;
    }

    /// Says whether the object is to run again.
    fn finish(&mut self, key: &Key) -> bool {
        if let Some(count) = self.running_in.get_mut(key.namespace()) {
            *count -= 1;
            if *count == 0 {
                self.running_in.remove(key.namespace());
            }
        }
        self.running.remove(key).is_some_and(|running| running.again)
    }
}

fn weight<O>(held: Option<&Held<O>>) -> usize {
    held.map_or(0, |held| held.weight)
}

impl Object for SealedSecret {
    fn weight(&self) -> usize {
        weigh(self)
    }
}

impl Object for ExternalSecret {
    fn weight(&self) -> usize {
        weigh(self)
    }
}

/// Only its name waits.
impl Object for () {
    fn weight(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn queue(limit: usize, keys: &[(&str, &str)]) -> Queue {
        let queue = Queue::new(limit);
        for (namespace, name) in keys {
            queue.add(Key::new(namespace, name), None);
        }
        queue
    }

    fn next(queue: &Queue) -> Option<String> {
        queue.next().now_or_never().map(|work| work.key.to_string())
    }

    #[test]
    fn nothing_has_a_turn_before_the_queue_is_open() {
        let queue = queue(1, &[("a", "x")]);
        assert_eq!(next(&queue), None);
        queue.open();
        assert_eq!(next(&queue).as_deref(), Some("a/x"));
    }

    #[test]
    fn an_object_has_one_turn_at_a_time_and_another_if_it_changed_meanwhile() {
        let queue = queue(9, &[("a", "x"), ("a", "x")]);
        queue.open();
        assert_eq!(next(&queue).as_deref(), Some("a/x"));
        assert_eq!(next(&queue), None);
        queue.add(Key::new("a", "x"), None);
        assert_eq!(next(&queue), None);
        queue.done(&Key::new("a", "x"));
        assert_eq!(next(&queue).as_deref(), Some("a/x"));
        queue.done(&Key::new("a", "x"));
        assert_eq!(next(&queue), None);
    }

    #[test]
    fn a_namespace_without_a_turn_gets_one_even_if_all_are_taken() {
        let queue = queue(2, &[("a", "1"), ("a", "2"), ("a", "3"), ("a", "4")]);
        queue.open();
        assert_eq!((next(&queue), next(&queue), next(&queue)), (Some("a/1".into()), Some("a/2".into()), None));
        queue.add(Key::new("b", "1"), None);
        queue.add(Key::new("b", "2"), None);
        assert_eq!((next(&queue).as_deref(), next(&queue)), (Some("b/1"), None));
        queue.done(&Key::new("a", "1"));
        queue.done(&Key::new("a", "2"));
        assert_eq!(next(&queue).as_deref(), Some("a/3"));
    }

    #[test]
    fn a_paused_object_goes_behind_its_namespaces_others_and_keeps_its_progress() {
        let queue = queue(1, &[("a", "long"), ("a", "short")]);
        queue.open();
        let work = queue.next().now_or_never().unwrap();
        let pass = Some(Pass::begin(&SealedSecret::default()));
        queue.pause(Work { pass, ..work });
        assert_eq!(next(&queue).as_deref(), Some("a/short"));
        queue.done(&Key::new("a", "short"));
        assert!(queue.next().now_or_never().unwrap().pass.is_some());
    }

    #[test]
    fn an_object_that_changed_while_it_had_its_turn_is_read_anew_after_a_pause() {
        for changed in [true, false] {
            let queue = Queue::new(1);
            queue.add(Key::new("a", "x"), Some(SealedSecret::default()));
            queue.open();
            let work = queue.next().now_or_never().unwrap();
            if changed {
                queue.add(Key::new("a", "x"), Some(SealedSecret::default()));
            }
            queue.pause(work);
            assert_eq!(queue.next().now_or_never().unwrap().object.is_none(), changed);
        }
    }

    #[test]
    fn a_flood_is_not_held_in_memory() {
        let queue = Queue::new(1);
        let count = HELD / SealedSecret::default().weight();
        for number in 0..=count {
            queue.add(Key::new("a", &number.to_string()), Some(SealedSecret::default()));
        }
        queue.open();
        for _ in 0..count {
            let work = queue.next().now_or_never().unwrap();
            assert!(work.object.is_some());
            queue.done(&work.key);
        }
        assert!(queue.next().now_or_never().unwrap().object.is_none());
        assert_eq!(queue.lock().held, 0);
    }

    #[test]
    fn what_is_gone_has_no_turn_and_leaves_nothing_behind() {
        let queue = queue(9, &[("a", "x"), ("a", "y"), ("b", "z")]);
        queue.add_later(Key::new("a", "x"), Duration::ZERO);
        for (namespace, name) in [("a", "x"), ("b", "z")] {
            queue.forget(&Key::new(namespace, name));
        }
        queue.open();
        assert_eq!((next(&queue).as_deref(), next(&queue)), (Some("a/y"), None));
        assert_eq!((queue.len(), queue.lock().held), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn turns_that_hang_keep_no_other_waiting() {
        for (queue, limit) in [(Queue::<()>::around_slow_turns(2), 16), (Queue::new(2), 2)] {
            queue.open();
            for number in 0..20 {
                queue.add(Key::new("a", &number.to_string()), None);
            }
            let start = Instant::now();
            let mut taken = 0;
            while let Ok(work) = tokio::time::timeout(Duration::from_secs(60), queue.next()).await {
                taken += 1;
                let slow = u32::try_from((taken - 1) / 2).unwrap();
                assert_eq!(start.elapsed().as_secs(), (SLOW * slow).as_secs(), "{}", work.key);
            }
            // As many as may hang, and no more; another namespace gets its turn even then.
            assert_eq!(taken, limit);
            queue.add(Key::new("b", "x"), None);
            assert_eq!(queue.next().await.key.to_string(), "b/x");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_turn_comes_when_it_is_due() {
        let queue = Queue::<()>::new(1);
        queue.open();
        queue.add_later(Key::new("a", "x"), Duration::from_secs(60));
        let start = Instant::now();
        assert_eq!(queue.next().await.key.to_string(), "a/x");
        assert!(start.elapsed() >= Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_turn_is_one_however_often_it_is_put_off() {
        let queue = Queue::<()>::new(1);
        queue.open();
        for seconds in [10, 300, 60] {
            queue.add_later(Key::new("a", "x"), Duration::from_secs(seconds));
        }
        assert_eq!(queue.len(), 1);
        let start = Instant::now();
        assert_eq!(queue.next().await.key.to_string(), "a/x");
        assert!(start.elapsed() >= Duration::from_secs(60) && start.elapsed() < Duration::from_secs(300));
    }
}
