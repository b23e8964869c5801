//! SIGKILL before every step of a program, by strace.

use std::path::Path;

use crate::process::{Ended, Home, Run};

/// The calls with which a program can touch a file; it is killed before one of them happens.
pub const CALLS: &[&str] = &[
    "openat",
    "write",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fchmod",
    "fchown",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "mkdir",
];

/// Those that change a file or a folder.
pub const CHANGES: &[&str] = CALLS.split_at(1).1;

/// The call before which a program is killed.
#[derive(Clone, Copy, Debug)]
pub struct Kill<'c> {
    /// Its name, or several with commas between them.
    pub call: &'c str,
    /// The how manieth of that name.
    pub number: usize,
}

impl Kill<'_> {
    /// Prepares the program that will be killed.
    #[must_use]
    pub fn command(&self, home: &Home, program: &Path) -> Run {
        let inject = format!("--inject={}:signal=KILL:when={}", self.call, self.number);
        home.command("strace").args(["-f", "-qq", "-o", "trace", &inject]).arg(program)
    }
}

/// True if the program was killed, false if it came to a good end before.
///
/// # Panics
/// If it ended in any other way.
#[track_caller]
pub fn was_killed(ended: &Ended) -> bool {
    assert!([0, 137].contains(&ended.status), "status {}: {}", ended.status, ended.error());
    ended.status != 0
}

/// Tries to kill a program before each of its calls in turn; returns how often that was done. An attempt tells whether it was killed.
pub fn at_every_step(calls: &[&str], attempt: impl Fn(Kill<'_>) -> bool) -> usize {
    // strace counts each call on its own.
    calls.iter().map(|call| (1..500).take_while(|number| attempt(Kill { call, number: *number })).count()).sum()
}
