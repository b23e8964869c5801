//! Plaintext that other programs get for a while: editors, and programs that are run with it. Nothing of it is left, whatever they do.

use std::fs;
use std::path::{Path, PathBuf};

use tests::process::{Ended, Run};
use tests::suite::{Case, case};

use super::age::{NEEDS, NEEDS_ROOT, Place, done};

/// As [`NEEDS`], and a terminal to press keys at.
const NEEDS_TERMINAL: &[&str] = &["sops", "age-keygen", "python3"];

/// A file with a layout that no program would write.
const TEXT: &str = "{\n   \"user\": \"dummy\",\n\n   \"number\": 1.5, \"flag\":true,\"none\": null,\n  \"date\" : \"2024-01-02\" }\n";

/// Runs a command at a terminal: whenever it says the first argument, the keys of the second one are pressed.
const AT_A_TERMINAL: &str = "\
import os, pty, signal, sys
signal.alarm(120)
word, keys = sys.argv[1].encode(), sys.argv[2].encode()
child, terminal = pty.fork()
if child == 0:
    # A terminal ignores nothing, even if whoever runs the tests does, as a shell's background does.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.execvp(sys.argv[3], sys.argv[3:])
seen = b''
while True:
    try:
        read = os.read(terminal, 4096)
    except OSError:
        break
    if not read:
        break
    seen += read
    if word in seen:
        seen = seen.split(word, 1)[1]
        os.write(terminal, keys)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(status if status >= 0 else 128 - status)
";

/// The cases of this module.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("edit_changes_what_the_person_changed_and_no_other_byte", NEEDS, a_change_changes_no_other_byte),
        case("edit_without_a_change_writes_nothing", NEEDS, no_change_writes_nothing),
        case("edit_leaves_the_file_whole_whatever_the_editor_does", NEEDS, the_file_stays_whole),
        case("edit_leaves_nothing_behind_when_a_signal_ends_it", NEEDS, signals_leave_nothing_behind),
        case("edit_gives_a_broken_text_back_to_its_author", NEEDS_TERMINAL, a_broken_text_is_given_back),
        case("edit_makes_a_file_by_its_creation_rule", NEEDS, a_file_is_made_by_its_rule),
        case("edit_says_what_to_do_about_other_files", NEEDS, other_files_are_refused),
        case("edit_writes_over_nobody_elses_change", NEEDS, a_change_in_the_meantime_stays),
        case("exec_env_gives_the_values_that_sops_gives", NEEDS, values_are_those_of_sops),
        case("exec_env_refuses_what_is_no_variable", NEEDS, what_is_no_variable_is_refused),
        case("exec_env_and_exec_file_end_as_the_program_does", NEEDS, the_status_is_that_of_the_program),
        case("exec_env_and_exec_file_pass_signals_on", NEEDS, signals_reach_the_program),
        case("exec_env_and_exec_file_leave_the_keys_of_a_terminal_to_the_program", NEEDS_TERMINAL, keys_reach_the_program_once),
        case("exec_file_feeds_a_pipe_once", NEEDS, a_pipe_is_fed_once),
        case("exec_file_writes_a_file_on_demand_and_wipes_it", NEEDS, a_file_is_written_on_demand),
        case("exec_env_and_exec_file_run_as_another_user", NEEDS_ROOT, programs_run_as_another_user),
    ]
}

/// A home with an encrypted file.
fn place() -> (Place, Vec<u8>) {
    let place = Place::new();
    let encrypted = place.encrypted("db.json", TEXT);
    place.home.write("db.json", TEXT);
    place.sealer(&["encrypt", "--in-place", "--age", &place.recipient, "db.json"]).run().success();
    assert_ne!(encrypted, place.read("db.json").as_bytes());
    let encrypted = place.read("db.json").into_bytes();
    (place, encrypted)
}

/// `sealer edit` with a script as the editor, which leaves the path of the copy in `seen`.
fn edit(place: &Place, file: &str, script: &str) -> Run {
    place.home.write("editor.sh", format!("printf %s \"$1\" > seen\n{script}\n"));
    place.sealer(&["edit", file]).env("EDITOR", "/bin/sh editor.sh")
}

/// Checks that the copy was closed to others by name and is gone with its folder.
#[track_caller]
fn nothing_is_left(place: &Place, name: &str) {
    let copy = PathBuf::from(place.read("seen"));
    assert_eq!(copy.file_name().map(Path::new), Some(Path::new(name)));
    assert!(!copy.parent().is_some_and(Path::exists), "{} is still there", copy.display());
}

fn a_change_changes_no_other_byte() {
    let (place, before) = place();
    edit(&place, "db.json", "test $(stat -c %a \"$1\") = 600 && sed -i 's/dummy/another dummy/' \"$1\"").run().success();
    nothing_is_left(&place, "db.json");
    let after = place.read("db.json");
    let body = |text: &str| text.lines().take_while(|line| !line.contains("\"sops\"")).map(str::to_owned).collect::<Vec<_>>();
    let before = body(&String::from_utf8_lossy(&before));
    let changed: Vec<String> = body(&after).into_iter().filter(|line| !before.contains(line)).collect();
    assert!(matches!(changed.as_slice(), [line] if line.contains("\"user\"")), "{changed:?}");
    assert_eq!(done(place.sealer(&["decrypt", "db.json"]).run()), TEXT.replace("dummy", "another dummy").as_bytes());
    assert_eq!(done(place.sops(&["decrypt", "--extract", "[\"user\"]", "db.json"]).run()), b"another dummy");
}

fn no_change_writes_nothing() {
    let (place, before) = place();
    for script in ["true", "cp \"$1\" x; echo >> \"$1\"; cat x > \"$1\""] {
        let ended = edit(&place, "db.json", script).run();
        ended.success();
        assert!(ended.error().contains("nothing was changed"), "{}", ended.error());
        assert_eq!(place.read("db.json").as_bytes(), before);
        nothing_is_left(&place, "db.json");
    }
}

fn the_file_stays_whole() {
    let (place, before) = place();
    for (script, words) in [
        ("echo '{}' > \"$1\"; exit 1", "status 1"),
        ("echo '{}' > \"$1\"; kill -9 $$", "signal 9"),
        (": > \"$1\"", "an empty file"),
        ("rm \"$1\"", "removed it"),
        ("rm -r \"$(dirname \"$1\")\"", "removed it"),
        ("printf '{\"user\": ' > \"$1\"", "take the text over"),
        ("printf '{\"user\": 1, \"sops\": {}}' > \"$1\"", "take the text over"),
    ] {
        let ended = edit(&place, "db.json", script).run();
        assert_eq!(ended.status, 2, "{script}: {}", ended.error());
        assert!(ended.error().contains(words), "{script}: {}", ended.error());
        assert!(!ended.error().contains("dummy"), "{script}: {}", ended.error());
        assert_eq!(place.read("db.json").as_bytes(), before, "{script}");
        nothing_is_left(&place, "db.json");
    }
    let absent = place.sealer(&["edit", "db.json"]).env("SOPS_EDITOR", "/absent/editor").env("EDITOR", "true").run();
    assert_eq!(absent.status, 3, "{}", absent.error());
}

fn signals_leave_nothing_behind() {
    for (signal, number) in [("INT", 2), ("QUIT", 3), ("TERM", 15), ("HUP", 1)] {
        let (place, before) = place();
        // An editor with a file of its own in the folder, which lives on until it is asked to end.
        let script = format!(
            "cp \"$1\" \"$1.swp\"; echo '{{}}' > \"$1\"; trap 'touch asked; exit 1' TERM; kill -{signal} $PPID; sleep 20 > /dev/null 2>&1 & wait"
        );
        let ended = edit(&place, "db.json", &script).run();
        assert_eq!(ended.status, 128 + number, "{signal}: {}", ended.error());
        nothing_is_left(&place, "db.json");
        assert!(place.home.path().join("asked").exists(), "{signal}: the editor was not asked to end");
        assert_eq!(place.read("db.json").as_bytes(), before, "{signal}");
    }
}

/// Runs ours at a terminal, where these keys are pressed whenever it says this word.
fn at_a_terminal(place: &Place, word: &str, keys: &str, arguments: &[&str]) -> Ended {
    place.home.write("terminal.py", AT_A_TERMINAL);
    let run = place.home.command("python3").args(["terminal.py", word, keys]).arg(tests::sealer()).args(arguments);
    run.env("EDITOR", "/bin/sh editor.sh").run()
}

fn a_broken_text_is_given_back() {
    let (place, before) = place();
    // The first try breaks the file, the second one mends what it finds there.
    let script =
        "echo >> tries\nif [ $(wc -l < tries) = 1 ]; then sed -i 's/\"dummy\",/\"dummy/' \"$1\"; else sed -i 's/\"dummy/\"mended\",/' \"$1\"; fi";
    place.home.write("editor.sh", format!("printf %s \"$1\" > seen\n{script}\n"));
    for (keys, status) in [("\u{3}", 130), ("\u{4}", 2)] {
        let ended = at_a_terminal(&place, "Press Enter", keys, &["edit", "db.json"]);
        assert_eq!(ended.status, status, "{}", ended.error());
        nothing_is_left(&place, "db.json");
        assert_eq!(place.read("db.json").as_bytes(), before);
        fs::remove_file(place.home.path().join("tries")).expect("it was tried");
    }
    let ended = at_a_terminal(&place, "Press Enter", "\n", &["edit", "db.json"]);
    assert_eq!((ended.status, place.read("tries").len()), (0, 2), "{}", ended.error());
    nothing_is_left(&place, "db.json");
    assert_eq!(done(place.sealer(&["decrypt", "db.json"]).run()), TEXT.replace("dummy", "mended").as_bytes());
}

fn keys_reach_the_program_once() {
    let (place, _) = place();
    for command in ["exec-env", "exec-file"] {
        let line = "trap 'echo got >> got' INT; echo ready; for i in 1 2 3 4 5; do sleep 0.2; done; printf %s {} > seen; exit 6";
        let ended = at_a_terminal(&place, "ready", "\u{3}", &[command, "db.json", line]);
        assert_eq!((ended.status, place.read("got").as_str()), (6, "got\n"), "{command}: {}", ended.error());
        fs::remove_file(place.home.path().join("got")).expect("it was written");
    }
    nothing_is_left(&place, "tmp-file");
}

fn a_file_is_made_by_its_rule() {
    let place = Place::new();
    place.home.write("new/.sops.yaml", format!("{{\"creation_rules\": [{{\"age\": \"{}\"}}]}}", place.recipient));
    edit(&place, "new/db.json", "true").run().success();
    nothing_is_left(&place, "db.json");
    assert!(!place.home.path().join("new/db.json").exists(), "an example that nobody changed was written");
    edit(&place, "new/db.json", "printf '{\"a\":  \"dummy\"}' > \"$1\"").run().success();
    nothing_is_left(&place, "db.json");
    assert!(!place.read("new/db.json").contains("dummy"));
    assert_eq!(done(place.sealer(&["decrypt", "new/db.json"]).run()), b"{\"a\":  \"dummy\"}");
    assert_eq!(done(place.sops(&["decrypt", "--extract", "[\"a\"]", "new/db.json"]).run()), b"dummy");
    edit(&place, "new/any.bin", "printf dummy > \"$1\"").run().success();
    assert_eq!(done(place.sops(&["decrypt", "new/any.bin"]).run()), b"dummy");
    let made = edit(&place, "new/race.json", "echo '{\"a\": 1}' > \"$1\"; echo first > new/race.json").run();
    assert_eq!((made.status, place.read("new/race.json").as_str()), (6, "first\n"), "{}", made.error());
}

fn other_files_are_refused() {
    let place = Place::new();
    place.home.write("plain.json", "{\"a\": \"dummy\"}");
    let refuse = |file: &str, status: i32, words: &str| {
        let ended = edit(&place, file, "touch opened").run();
        assert_eq!(ended.status, status, "{file}: {}", ended.error());
        assert!(ended.error().contains(words), "{file}: {}", ended.error());
        assert!(!place.home.path().join("opened").exists(), "{file} was opened");
    };
    refuse("plain.json", 2, "sealer encrypt --in-place plain.json");
    refuse("absent.json", 3, ".sops.yaml");
}

fn a_change_in_the_meantime_stays() {
    let (place, _) = place();
    let ended = edit(&place, "db.json", "sed -i s/dummy/mine/ \"$1\"; echo theirs > db.json").run();
    assert_eq!((ended.status, place.read("db.json").as_str()), (6, "theirs\n"), "{}", ended.error());
    nothing_is_left(&place, "db.json");
}

/// Runs the same command with both tools.
fn both(place: &Place, arguments: &[&str]) -> [Ended; 2] {
    // Where others may have files, too.
    [place.sealer(arguments), place.sops(arguments)].map(|run| run.env("TMPDIR", "/tmp").run())
}

fn values_are_those_of_sops() {
    let place = Place::new();
    let text = "{\"text\": \"a b\\n$c\", \"empty\": \"\", \"int\": -5, \"float\": 1.50, \"large\": 1e30, \"six\": 1234567.5, \"flag\": false, \"none\": null,\n\
        \"HOME\": \"of the file\", \"twice\": 1, \"twice\": 2, \"lower case\": \"x\"}";
    let encrypted = place.encrypted("v.json", text);
    place.home.write("v.json", encrypted);
    let names = "for name in text empty int float large six flag none HOME twice; do eval \"printf '%s=%s;' $name \\\"\\$$name\\\"\"; done; echo ${LC_ALL+set}";
    for more in [&[][..], &["--pristine"]] {
        let [ours, theirs] = both(&place, &[&["exec-env"], more, &["v.json", names]].concat());
        assert_eq!(ours.success(), theirs.success(), "{more:?}");
        assert!(ours.text().contains("HOME=of the file;twice=2;"), "{}", ours.text());
        assert_eq!(ours.text().ends_with(";set\n"), more.is_empty(), "{more:?}: {}", ours.text());
    }
    assert_eq!(place.sealer(&["exec-env", "v.json", "--", "printenv", "int", "lower case"]).run().success(), "-5\nx\n");
    assert_eq!(place.sealer(&["exec-env", "--same-process", "v.json", "cat; echo $int"]).input("in ").run().success(), "in -5\n");
}

fn what_is_no_variable_is_refused() {
    let place = Place::new();
    for (text, key) in
        [("{\"a\": 1, \"deep\": {\"b\": 2}}", "deep"), ("{\"list\": []}", "list"), ("{\"a=b\": 1}", "a=b"), ("{\"zero\": \"a\\u0000b\"}", "zero")]
    {
        let encrypted = place.encrypted("v.json", text);
        place.home.write("v.json", encrypted);
        let [ours, theirs] = both(&place, &["exec-env", "v.json", "echo ran"]);
        assert_eq!((ours.status, theirs.status), (2, 1), "{text}: {}", ours.error());
        assert!(ours.error().contains(&format!("item {key:?}")) && ours.stdout.is_empty(), "{text}: {}", ours.error());
    }
}

fn the_status_is_that_of_the_program() {
    let (place, _) = place();
    for command in ["exec-env", "exec-file"] {
        for (line, status) in [("true", 0), ("exit 7", 7), ("exit 255", 255), ("/absent/program 2> /dev/null", 127), ("kill -9 $$", 137)] {
            // The real tool may fail if nobody reads its pipe.
            let read = if command == "exec-file" { "cat {} > /dev/null; " } else { "" };
            let [ours, theirs] = both(&place, &[command, "db.json", &format!("{read}{line}")]);
            assert_eq!(ours.status, status, "{command} {line}: {}", ours.error());
            // It has one status for all signals.
            assert_eq!(theirs.status, if status == 137 { 255 } else { status }, "{command} {line}");
            assert_eq!(ours.error(), "", "{command} {line}");
        }
        assert_eq!(place.sealer(&[command, "db.json", "--", "sh", "-c", "exit $1", "sh", "9"]).run().status, 9);
        assert_eq!(place.sealer(&[command, "db.json", "--", "/absent/program"]).run().status, 3);
        assert_eq!(place.sealer(&[command, "db.json"]).run().status, 64);
        assert_eq!(place.sealer(&[command, "db.json", "cat"]).input("input").run().success(), "input");
    }
}

fn signals_reach_the_program() {
    let (place, _) = place();
    for (signal, number) in [("TERM", 15), ("HUP", 1)] {
        for command in ["exec-env", "exec-file"] {
            let line = |trap: &str| format!("printf %s {{}} > seen; {trap} kill -{signal} $PPID; sleep 20 > /dev/null 2>&1 & wait; echo not reached");
            let trapped = place.sealer(&[command, "db.json", &line(&format!("trap 'echo trapped; exit 9' {signal};"))]).run();
            assert_eq!((trapped.status, trapped.text().as_str()), (9, "trapped\n"), "{command} {signal}: {}", trapped.error());
            let ended = place.sealer(&[command, "db.json", &line("")]).run();
            assert_eq!((ended.status, ended.text().as_str()), (128 + number, ""), "{command} {signal}: {}", ended.error());
            if command == "exec-file" {
                nothing_is_left(&place, "tmp-file");
            }
        }
    }
}

fn a_pipe_is_fed_once() {
    let (place, _) = place();
    let [ours, theirs] = both(&place, &["exec-file", "db.json", "test -p {} && stat -c %a {} $(dirname {}); cat {} | tr -d ' \\n\\t'"]);
    assert_eq!(ours.success(), theirs.success());
    let check = |line: &str, status: i32, expected: &str| {
        let ended = place.sealer(&["exec-file", "db.json", &format!("printf %s {{}} > seen; {line}")]).run();
        assert_eq!((ended.status, ended.text().as_str()), (status, expected), "{line}: {}", ended.error());
        nothing_is_left(&place, "tmp-file");
    };
    check("cat {}", 0, TEXT);
    check("cat {}; cat {} 2> /dev/null || echo gone", 0, &format!("{TEXT}gone\n"));
    // Whoever does not read it is not waited for, and what runs on does not hold us up.
    check("true", 0, "");
    check("exit 3", 3, "");
    check("sleep 30 > /dev/null 2>&1 & exit 4", 4, "");
    check("head -c 1 {}", 0, "{");
    let words = place.sealer(&["exec-file", "--filename", "a b.json", "db.json", "--", "cat", "{}"]).run();
    assert_eq!(words.success(), TEXT);
}

fn a_file_is_written_on_demand() {
    let (place, _) = place();
    let line = "printf %s {} > seen; test -f {} && stat -c %a {} $(dirname {}); cat {} {} | tr -d ' \\n\\t'";
    let [ours, theirs] = both(&place, &["exec-file", "--no-fifo", "--filename", "x.json", "db.json", line]);
    assert_eq!(ours.success(), theirs.success());
    place.sealer(&["exec-file", "--no-fifo", "--filename", "x.json", "db.json", "printf %s {} > seen; cp {} {}~; exit 0"]).run().success();
    nothing_is_left(&place, "x.json");
    for name in ["../x", "/x", "a/b", "."] {
        let ended = place.sealer(&["exec-file", "--no-fifo", "--filename", name, "db.json", "echo ran"]).run();
        assert_eq!((ended.status, ended.text().as_str()), (2, ""), "{name}: {}", ended.error());
    }
    let in_home = fs::read_dir(place.home.path().join("tmp")).map_or(0, Iterator::count);
    assert_eq!(in_home, 0, "something is left where temporary files lie");
}

fn programs_run_as_another_user() {
    let (place, _) = place();
    let id = "id -u; id -g; id -G; echo $HOME $USER $LOGNAME";
    let [ours, theirs] = both(&place, &["exec-env", "--user", "nobody", "db.json", id]);
    assert_eq!(ours.success(), theirs.success());
    for more in [&[][..], &["--no-fifo"]] {
        let line = format!("{id}; stat -c '%u %a' {{}} $(dirname {{}}); cat {{}} | tr -d ' \\n\\t'");
        let [ours, theirs] = both(&place, &[&["exec-file", "--user", "nobody"], more, &["db.json", &line]].concat());
        assert_eq!(ours.success(), theirs.success(), "{more:?}");
    }
    let absent = place.sealer(&["exec-env", "--user", "nobody-of-that-name", "db.json", "echo ran"]).run();
    assert_eq!((absent.status, absent.text().as_str()), (3, ""), "{}", absent.error());
}
