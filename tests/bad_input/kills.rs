//! SIGKILL before every step of a write: the file is always whole, old or new.

use std::fs;
use std::path::Path;

use tests::sealer;

use crate::place::{Place, SECRET};

/// The calls with which a program can touch a file; it is killed before one of them happens.
const CALLS: [&str; 15] = [
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

/// Kills the command before each of its calls in turn; returns how often it was killed.
fn kill_at_every_step(command: &str, check: impl Fn(&Place, &[u8])) -> usize {
    // strace counts each call on its own.
    CALLS.iter().map(|call| (1..500).take_while(|number| killed_before(call, *number, command, &check)).count()).sum()
}

/// Runs the command until a call happens for the given time; false if it comes to its end before that.
fn killed_before(call: &str, number: usize, command: &str, check: impl Fn(&Place, &[u8])) -> bool {
    let place = Place::with_sealed();
    place.home.write("plain.yaml", SECRET.replace("user: shop", "more: x"));
    let before = fs::read(place.path("sealed.yaml")).unwrap();
    let inject = format!("--inject={call}:signal=KILL:when={number}");
    let ended = place.home.command("strace").args(["-f", "-qq", "-o", "trace", &inject]).arg(sealer()).args(command.split(' ')).run();
    check(&place, &before);
    leftovers(place.home.path());
    if ended.status == 0 {
        return false;
    }
    assert_eq!(ended.status, 137, "{}", ended.error());
    // What was killed does not stand in the way of the next try.
    place.run(command).success();
    check(&place, &before);
    true
}

/// A killed program can not clean up: at most its one temporary file is left, hidden.
fn leftovers(folder: &Path) {
    let names = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    let hidden: Vec<String> = names.filter(|name| name.starts_with('.') && name != ".local").collect();
    assert!(hidden.len() <= 1 && hidden.iter().all(|name| name.starts_with(".sealer-") && name.ends_with(".tmp")), "{hidden:?}");
}

fn opens(place: &Place, item: &str, key: &str) -> String {
    place.run(&format!("unseal --key {key} --item {item} sealed.yaml")).success()
}

pub(crate) fn a_kill_between_any_two_steps_of_a_reseal_leaves_the_file_whole() {
    let steps = kill_at_every_step("reseal --key alpha.pem --key beta.pem --in-place sealed.yaml", |place, before| {
        let key = if fs::read(place.path("sealed.yaml")).unwrap() == before { "alpha.pem" } else { "beta.pem" };
        assert_eq!(opens(place, "password", key), "dummy-value");
    });
    assert!(steps > 10, "only {steps} steps were seen");
}

pub(crate) fn a_kill_between_any_two_steps_of_a_merge_leaves_the_file_whole() {
    let steps = kill_at_every_step("seal --cert alpha.crt --merge-into sealed.yaml plain.yaml", |place, before| {
        if fs::read(place.path("sealed.yaml")).unwrap() != before {
            assert_eq!(opens(place, "more", "alpha.pem"), "x");
        }
        assert_eq!(opens(place, "user", "alpha.pem"), "shop");
    });
    assert!(steps > 10, "only {steps} steps were seen");
}
