//! Passes of `local` that are killed, or during which something changes.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::kill::{Kill, was_killed};
use tests::sealer;

use crate::place::{Place, SECRET};

const LOCAL: &str = "local src --key-size 2048 --out out";

fn files(folder: &Path) -> usize {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter(|name| !name.as_encoded_bytes().starts_with(b".")).count()
}

/// Whether a pass that must succeed did nothing.
fn nothing_to_do(place: &Place, command: &str) -> bool {
    let report: Value = serde_json::from_str(&place.run(&format!("{command} --json")).success()).unwrap();
    report["rows"].as_array().unwrap().iter().all(|row| row["action"] == "unchanged")
}

pub(crate) fn a_first_pass_that_is_killed_at_any_step_leaves_nothing_that_the_next_one_refuses() {
    const SECRETS: usize = 5;
    let source: String = (0..SECRETS).map(|at| format!("---\n{}", SECRET.replace("name: db", &format!("name: s{at}")))).collect();
    let mut during = 0;
    for step in 1.. {
        assert!(step < 200, "it never came to its end");
        let place = Place::new();
        place.home.write("src/db.yaml", &source);
        let out = place.path("out/secrets/shop");
        // Killed before a file is synced or gets its name.
        let kill = Kill { call: "fsync,rename,renameat,renameat2", number: step };
        let ended = kill.command(&place.home, sealer()).args(LOCAL.split(' ')).run();
        during += usize::from((1..SECRETS).contains(&files(&out)));
        place.run(LOCAL).success();
        assert_eq!(files(&out), SECRETS);
        assert_eq!(fs::read_dir(&out).unwrap().count(), SECRETS, "plaintext of the killed pass still lies about");
        assert!(nothing_to_do(&place, LOCAL));
        // They are ours: they go with their source.
        place.home.write("src/db.yaml", SECRET);
        place.run(LOCAL).success();
        assert_eq!(files(&out), 1);
        if !was_killed(&ended) {
            break;
        }
    }
    assert!(during >= SECRETS - 1, "only {during} were killed while Secrets got their names");
}

/// Kills the pass that follows a first one and a change, before each step; the Secret is old or new, and the next pass makes it new.
fn later_pass_is_killed(more: &str, change: impl Fn(&Place), old: Option<&str>) {
    let command = format!("{LOCAL} --key-renew-period 0{more}");
    let mut killed = 0;
    for call in ["write", "fsync", "fchmod", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir"] {
        for step in 1.. {
            assert!(step < 200, "it never came to its end");
            let place = Place::new();
            place.run("keys import --keys .local/share/sealer/keys alpha.pem").success();
            place.home.write("src/db.yaml", SECRET);
            place.run(&command).success();
            change(&place);
            let ended = Kill { call, number: step }.command(&place.home, sealer()).args(command.split(' ')).run();
            let value = || fs::read_to_string(place.path("out/secrets/shop/db.yaml")).ok();
            let is_new = || value().is_some_and(|text| text.contains("password: bmV3LXZhbHVl"));
            assert!(is_new() || value().as_deref().map(|text| old.is_some_and(|old| text.contains(old))).unwrap_or(old.is_none()), "{:?}", value());
            place.run(&command).success();
            assert!(is_new() && nothing_to_do(&place, &command), "{call} {step}: {:?}", value());
            assert_eq!(fs::read_dir(place.path("out/secrets/shop")).unwrap().count(), 1, "plaintext of the killed pass still lies about");
            if !was_killed(&ended) {
                break;
            }
            killed += 1;
        }
    }
    assert!(killed > 3, "only {killed} steps were seen");
}

pub(crate) fn a_later_pass_that_is_killed_at_any_step_updates_next_time() {
    let update = |place: &Place| drop(place.home.write("src/db.yaml", SECRET.replace("dummy-value", "new-value")));
    later_pass_is_killed("", update, Some("password: ZHVtbXktdmFsdWU="));
    later_pass_is_killed(" --in-place", update, Some("password: ZHVtbXktdmFsdWU="));
}

pub(crate) fn a_pass_that_is_killed_at_any_step_heals_next_time() {
    let update = |place: &Place| {
        place.home.write("src/db.yaml", SECRET.replace("dummy-value", "new-value"));
        place.run(&format!("{LOCAL} --key-renew-period 0")).success();
    };
    let edit = move |place: &Place| {
        update(place);
        place.home.write("out/secrets/shop/db.yaml", "edited");
    };
    later_pass_is_killed("", edit, Some("edited"));
    let delete = move |place: &Place| {
        update(place);
        fs::remove_file(place.path("out/secrets/shop/db.yaml")).unwrap();
    };
    later_pass_is_killed("", delete, None);
}

pub(crate) fn what_changes_during_the_first_pass_of_a_watch_is_not_missed() {
    let place = Place::new();
    place.home.write("src/db.yaml", SECRET);
    let out = place.path("out/secrets/shop");
    // A slow disk: every file waits for a second once it has its name. The program is the child, so that it ends with the test.
    let slow = "--inject=rename,renameat,renameat2:delay_exit=1000000";
    let command = place.home.command("strace").args(["-D", "-f", "-qq", "-o", "trace", slow]).arg(sealer());
    let eventually = |what: &str, holds: &dyn Fn() -> bool| {
        let start = Instant::now();
        // A third of the minute after which a pass comes without any reason.
        while !holds() {
            assert!(start.elapsed() < Duration::from_secs(20), "{what} did not happen");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let _running = command.args(LOCAL.split(' ')).arg("--watch").start();
    eventually("the first pass", &|| out.join("db.yaml").exists());
    place.home.write("src/new.yaml", SECRET.replace("name: db", "name: new"));
    eventually("sealing of a new file", &|| out.join("new.yaml").exists());
}
