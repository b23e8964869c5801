//! SIGKILL before every step of a write: the file is always whole, old or new.

use std::fs;
use std::path::Path;

use tests::kill::{CALLS, CHANGES, Kill, at_every_step, was_killed};
use tests::sealer;

use crate::place::{Place, SECRET};

/// A command that is killed, in homes that are all alike.
struct Killed<'a> {
    calls: &'a [&'a str],
    command: &'a str,
    /// What lies there before.
    prepare: fn(&Place),
    /// What must hold whenever it is killed, and after the next try; the bytes are those of `sealed.yaml` before.
    check: &'a dyn Fn(&Place, &[u8]),
}

/// Kills the command before each of its calls in turn; returns how often it was killed.
fn kill_at_every_step(command: &str, check: impl Fn(&Place, &[u8])) -> usize {
    Killed { calls: CALLS, command, prepare: |_| {}, check: &check }.at_every_step()
}

impl Killed<'_> {
    fn at_every_step(&self) -> usize {
        at_every_step(self.calls, |kill| self.attempt(kill))
    }

    /// Runs the command until a call happens for the given time; false if it comes to its end before that.
    fn attempt(&self, kill: Kill<'_>) -> bool {
        let place = Place::with_sealed();
        place.home.write("plain.yaml", SECRET.replace("user: shop", "more: x"));
        (self.prepare)(&place);
        let before = fs::read(place.path("sealed.yaml")).unwrap();
        let ended = kill.command(&place.home, sealer()).args(self.command.split(' ')).run();
        (self.check)(&place, &before);
        leftovers(place.home.path());
        if !was_killed(&ended) {
            return false;
        }
        // What was killed does not stand in the way of the next try.
        place.run(self.command).success();
        (self.check)(&place, &before);
        true
    }
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

pub(crate) fn a_kill_between_any_two_steps_of_kubeseals_merge_leaves_the_file_whole() {
    let steps = kill_at_every_step("kubeseal --cert alpha.crt --merge-into sealed.yaml -f plain.yaml", |place, before| {
        if fs::read(place.path("sealed.yaml")).unwrap() != before {
            assert_eq!(opens(place, "more", "alpha.pem"), "x");
        }
        assert_eq!(opens(place, "user", "alpha.pem"), "shop");
    });
    assert!(steps > 10, "only {steps} steps were seen");
}

/// Kills commands that write a new file over an old one; the file is as it was, or it says what it should.
fn results_are_whole(command: &str, file: &str, prepare: fn(&Place), is_new: impl Fn(&Place) -> bool) {
    let check = |place: &Place, _: &[u8]| {
        let found = fs::read(place.path(file)).unwrap();
        assert!(found == b"old" || is_new(place), "{}", String::from_utf8_lossy(&found));
        leftovers(place.path(file).parent().unwrap());
    };
    let steps = Killed { calls: CALLS, command, prepare, check: &check }.at_every_step();
    assert!(steps > 10, "only {steps} steps were seen");
}

pub(crate) fn a_kill_between_any_two_steps_leaves_a_result_old_or_new() {
    let old = |place: &Place| drop(place.home.write("result.yaml", "old"));
    let sealed = |place: &Place, file: &str| place.run(&format!("unseal --key alpha.pem --item more {file}")).success() == "x";
    results_are_whole("kubeseal --cert alpha.crt -f plain.yaml -w result.yaml", "result.yaml", old, |place| sealed(place, "result.yaml"));
    let old_in_folder = |place: &Place| drop(place.home.write("out/plain.yaml", "old"));
    results_are_whole("seal --cert alpha.crt --out-dir out plain.yaml", "out/plain.yaml", old_in_folder, |place| sealed(place, "out/plain.yaml"));
    results_are_whole("unseal --key alpha.pem --output result.yaml sealed.yaml", "result.yaml", old, |place| {
        place.read("result.yaml") == place.run("unseal --key alpha.pem sealed.yaml").success()
    });
}

pub(crate) fn a_kill_between_any_two_steps_of_a_new_key_leaves_whole_keys_only() {
    let check = |place: &Place, _: &[u8]| {
        if place.path("store").is_dir() {
            place.run("keys list --keys store").success();
        }
    };
    let steps = Killed { calls: CHANGES, command: "keys new --keys store --key-size 2048", prepare: |_| {}, check: &check }.at_every_step();
    assert!(steps > 3, "only {steps} steps were seen");
}
