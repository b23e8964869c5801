//! Passes whenever something changes, and when a key is due.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use engine::{Error, ErrorKind, Result};
use jiff::Timestamp;
use notify::{EventKind, RecursiveMode, Watcher};

use super::Folder;
use super::report::Report;
use crate::exit::{self, Outcome};

/// How long changes may go on before a pass looks at them: editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(60);

/// Longest time without a pass: a change that the system did not report is found by then.
const RESYNC: Duration = Duration::from_secs(60);

/// Runs until it is ended, and hands every report to `show`.
pub(crate) fn run(folder: &Folder, mut next: Option<Timestamp>, show: impl Fn(&Report) -> Result<()>) -> Outcome {
    let (sender, changes) = channel();
    let fail = |error: notify::Error| Error::new(ErrorKind::Bug, format!("watch the folder: {error}"));
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading is no change; our own reads would wake us for ever.
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            let _ = sender.send(());
        }
    })
    .map_err(fail)?;
    for path in [&folder.source, &folder.out, &folder.keys] {
        watcher.watch(path, RecursiveMode::Recursive).map_err(fail)?;
    }
    loop {
        wait(&changes, next);
        match folder.pass(Timestamp::now()) {
            Ok(report) => {
                next = report.next;
                show(&report)?;
            }
            // A key folder that is unreadable now may be readable at the next change.
            Err(error) => exit::print(&error),
        }
    }
}

/// Waits for a change and for the end of its burst, or until a key is due.
fn wait(changes: &Receiver<()>, next: Option<Timestamp>) {
    let due = next.and_then(|next| Duration::try_from(next.duration_since(Timestamp::now())).ok());
    match changes.recv_timeout(due.unwrap_or(RESYNC).min(RESYNC)) {
        Ok(()) => while changes.recv_timeout(SETTLE).is_ok() {},
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
    }
}
