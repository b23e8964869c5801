//! A disk that is small.

use std::fs;

use crate::process::{Ended, Home};

/// Runs a shell script in a mount namespace of its own, with a disk of 64 KiB at `disk` in the home; `$SEALER` is the program under test.
///
/// # Panics
/// If the folder cannot be made.
#[must_use]
pub fn on_a_small_disk(home: &Home, script: &str) -> Ended {
    fs::create_dir_all(home.path().join("disk")).expect("a folder can be made");
    let script = format!("set -e; mount -t tmpfs -o size=64k tmpfs disk; {script}");
    home.command("unshare").args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]).env("SEALER", crate::sealer()).run()
}
