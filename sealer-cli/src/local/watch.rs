//! Passes whenever something changes, and when a key is due.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use engine::{Error, ErrorKind, Result};
use jiff::Timestamp;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::Folder;
use super::report::Report;
use crate::exit::{self, Outcome};

/// How long changes may go on before a pass looks at them: editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(60);

/// Longest time for which changes are waited out: in a folder in which something changes all the time, passes come nevertheless.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longest time without a pass: a change that the system did not report is found by then.
const RESYNC: Duration = Duration::from_secs(60);

/// Shortest time between two passes without a change: a pass that fails leaves its key due.
const SOONEST: Duration = Duration::from_secs(1);

/// Listens to the folders of one source.
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    changes: Receiver<()>,
    /// A folder of keys that the first pass makes.
    missing: Option<PathBuf>,
}

impl Watch {
    /// Listens from now on; started before the first pass, so that what changes while it runs is not missed.
    pub(crate) fn start(folder: &Folder) -> Result<Self> {
        let (sender, changes) = channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is no change; our own reads would wake us for ever.
            if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
                let _ = sender.send(());
            }
        });
        let mut watch = Self { watcher: watcher.map_err(|error| fail(&error))?, changes, missing: None };
        watch.listen(&folder.source)?;
        watch.listen(&folder.out)?;
        if folder.keys.is_dir() {
            watch.listen(&folder.keys)?;
        } else {
            watch.missing = Some(folder.keys.clone());
        }
        Ok(watch)
    }

    fn listen(&mut self, path: &Path) -> Result<()> {
        self.watcher.watch(path, RecursiveMode::Recursive).map_err(|error| fail(&error))
    }

    /// Runs until it is ended, and hands every report to `show`; the first pass is over, and `next` is when it wants another one.
    pub(crate) fn run(mut self, folder: &Folder, mut next: Option<Timestamp>, show: impl Fn(&Report) -> Result<()>) -> Outcome {
        if let Some(keys) = self.missing.take() {
            self.listen(&keys)?;
            // Nobody listened to that folder until now.
            next = pass(folder, next, &show)?;
        }
        loop {
            wait(&self.changes, next);
            next = pass(folder, next, &show)?;
        }
    }
}

/// Does a pass; returns when the next one is wanted at the latest.
fn pass(folder: &Folder, next: Option<Timestamp>, show: impl Fn(&Report) -> Result<()>) -> Result<Option<Timestamp>> {
    match folder.pass(Timestamp::now()) {
        Ok(report) => show(&report).map(|()| report.wake()),
        Err(error) => {
            // A key folder that is unreadable now may be readable at the next change.
            exit::print(&error);
            Ok(next)
        }
    }
}

fn fail(error: &notify::Error) -> Error {
    Error::new(ErrorKind::Bug, format!("watch the folder: {error}"))
}

/// Waits for a change and for the end of its burst, if it has one soon, or until a key is due.
fn wait(changes: &Receiver<()>, next: Option<Timestamp>) {
    match changes.recv_timeout(pause(next, Timestamp::now())) {
        Ok(()) => {
            let end = Instant::now() + PATIENCE;
            while Instant::now() < end && changes.recv_timeout(SETTLE).is_ok() {}
        }
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
    }
}

/// How long to wait for a change.
fn pause(next: Option<Timestamp>, now: Timestamp) -> Duration {
    // What is due already is in the past, by which no duration is meant.
    next.map_or(RESYNC, |next| Duration::try_from(next.duration_since(now)).unwrap_or_default().clamp(SOONEST, RESYNC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_without_end_keep_no_pass_waiting() {
        let (sender, changes) = channel();
        let start = Instant::now();
        let steady = std::thread::spawn(move || {
            while start.elapsed() < 5 * PATIENCE && sender.send(()).is_ok() {
                std::thread::sleep(SETTLE / 4);
            }
        });
        wait(&changes, None);
        assert!(start.elapsed() < 3 * PATIENCE, "{:?}", start.elapsed());
        drop(changes);
        assert!(steady.join().is_ok());
    }

    #[test]
    fn a_key_that_is_due_is_waited_for_no_longer_than_a_moment() {
        let check = |next: Option<i64>, expected: u64| {
            let at = |seconds| Timestamp::from_second(seconds).unwrap();
            assert_eq!(pause(next.map(at), at(1_000)), Duration::from_secs(expected), "{next:?}");
        };
        check(None, 60);
        check(Some(1_030), 30);
        check(Some(5_000), 60);
        check(Some(1_000), 1);
        check(Some(900), 1);
    }
}
