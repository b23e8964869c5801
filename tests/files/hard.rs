//! Hard times for files: full disks, a kill between any two steps, and files that are large. The old file is whole, or the new one is.

use std::fs;

use tests::disk::on_a_small_disk;
use tests::kill::{CHANGES, Kill, at_every_step};
use tests::sealer;
use tests::suite::{Case, case};

use super::age::{NEEDS, Place, done, identity};

/// As [`NEEDS`], and a disk of one's own.
const NEEDS_DISK: &[&str] = &["sops", "age-keygen", "unshare"];

/// As [`NEEDS`], and a killer.
const NEEDS_KILLER: &[&str] = &["sops", "age-keygen", "strace"];

/// Commands that write `FILE` back, and whether it is encrypted before.
const WRITING: &[(&str, bool)] = &[
    ("encrypt --in-place --age RECIPIENT FILE", false),
    ("decrypt --in-place FILE", true),
    ("edit FILE", true),
    ("groups add --age RECIPIENT --threshold 2 FILE", true),
    ("rotate FILE", true),
    ("set FILE [\"b\"] 1", true),
    ("unset FILE [\"b\"]", true),
    ("updatekeys --yes FILE", true),
];

/// The cases of this module.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = WRITING
        .iter()
        .map(|(line, is_encrypted)| {
            let name = format!("hard_a_kill_between_any_two_steps_of_{}_leaves_the_file_whole", line.split(' ').next().unwrap_or_default());
            case(name, NEEDS_KILLER, move || killed(line, *is_encrypted))
        })
        .collect();
    cases.extend([
        case("hard_a_full_disk_costs_no_byte_of_a_file", NEEDS_DISK, a_full_disk_costs_no_byte),
        case("hard_a_full_disk_under_temporary_files_is_told", NEEDS_DISK, a_full_disk_under_temporary_files),
        case("hard_a_full_standard_output_is_noticed", NEEDS, a_full_standard_output_is_noticed),
        case("hard_100_000_leaves_come_back_and_one_is_changed", NEEDS, many_leaves),
        case("hard_50_megabytes_come_back", NEEDS, fifty_megabytes),
        case("hard_what_could_not_be_read_again_is_not_encrypted", NEEDS, too_large_to_come_back),
    ]);
    cases
}

/// A home whose rule names another key beside the own one, and an editor that appends a value.
fn place() -> Place {
    let place = Place::new();
    let (_, other) = identity(&place.home);
    place.home.write(".sops.yaml", format!("creation_rules:\n  - age: {},{other}\n", place.recipient));
    place.home.write("editor.sh", "printf 'c: more\\n' >> \"$1\"\n");
    place
}

fn encrypted(place: &Place, name: &str, text: &str) -> Vec<u8> {
    place.home.write(name, text);
    done(place.sealer(&["encrypt", "--age", &place.recipient, name]).run())
}

fn arguments(place: &Place, line: &str, file: &str) -> String {
    line.replace("FILE", file).replace("RECIPIENT", &place.recipient)
}

/// What a file says, encrypted or not.
fn shown(place: &Place, name: &str) -> String {
    let text = place.read(name);
    if !text.contains("ENC[") {
        return text;
    }
    String::from_utf8(done(place.sealer(&["decrypt", name]).run())).expect("text")
}

fn killed(line: &str, is_encrypted: bool) {
    const TEXT: &str = "a: dummy\nb: two\n";
    let place = place();
    let before = if is_encrypted { encrypted(&place, "f.yaml", TEXT) } else { TEXT.into() };
    let arguments = arguments(&place, line, "f.yaml");
    let run = |run: tests::process::Run| run.args(arguments.split(' ')).env("EDITOR", "/bin/sh editor.sh").run();
    place.home.write("f.yaml", &before);
    run(place.home.command(sealer())).success();
    // What it says when the command came to its end.
    let after = shown(&place, "f.yaml");
    let attempt = |kill: Kill<'_>| {
        place.home.write("f.yaml", &before);
        let ended = run(kill.command(&place.home, sealer()));
        let found = fs::read(place.home.path().join("f.yaml")).expect("the file is there");
        assert!(found == before || shown(&place, "f.yaml") == after, "{kill:?}: {}", String::from_utf8_lossy(&found));
        // What it could not take away is hidden, and does not stand in the way of the next try.
        let names = fs::read_dir(place.home.path()).expect("a folder").flatten().map(|entry| entry.path());
        let left: Vec<_> = names.filter(|path| path.extension().is_some_and(|ending| ending == "tmp")).collect();
        assert!(left.len() <= 1, "{kill:?}: {left:?}");
        left.iter().for_each(|path| fs::remove_file(path).expect("a file can be removed"));
        if found == before {
            run(place.home.command(sealer())).success();
            assert_eq!(shown(&place, "f.yaml"), after, "{kill:?}");
        }
        // The editor may be killed instead, which ends with a word about it.
        assert!([0, 137].contains(&ended.status) || line.starts_with("edit") && ended.status == 2, "{kill:?}: {}", ended.error());
        ended.status != 0
    };
    let steps = at_every_step(CHANGES, attempt);
    assert!(steps > 3, "only {steps} steps were seen");
}

fn a_full_disk_costs_no_byte() {
    let place = place();
    let text = format!("a: {}\nb: two\n", "dummy".repeat(6000));
    for (line, is_encrypted) in WRITING {
        let source = if *is_encrypted { encrypted(&place, "f.yaml", &text) } else { text.clone().into_bytes() };
        place.home.write("source.yaml", source);
        let command = arguments(&place, line, "disk/f.yaml").replace(['[', ']', '"'], "\\$0").replace("\\$0\\$0b\\$0\\$0", "'[\"b\"]'");
        let script = format!(
            "cp source.yaml disk/f.yaml; set +e; EDITOR='/bin/sh editor.sh' \"$SEALER\" {command}; echo status $?; \
             cmp source.yaml disk/f.yaml && echo whole; ls -A disk"
        );
        let ended = on_a_small_disk(&place.home, &script);
        assert_eq!(ended.text(), "status 6\nwhole\nf.yaml\n", "{line}: {}", ended.error());
        let said = ended.error();
        assert!(said.contains("disk/f.yaml: ") && said.contains("write the file: no space left on device"), "{line}: {said}");
        assert!(!said.contains("dummy"), "{line}: {said}");
    }
}

fn a_full_disk_under_temporary_files() {
    let place = place();
    place.home.write("f.yaml", encrypted(&place, "f.yaml", &format!("a: {}\n", "dummy".repeat(20_000))));
    for line in
        ["edit f.yaml", "exec-file --no-fifo f.yaml -- touch ran", "decrypt --output disk/plain.yaml f.yaml", "decrypt --out-dir disk/plain f.yaml"]
    {
        let script = format!("mount --bind disk /dev/shm; set +e; EDITOR='touch ran' \"$SEALER\" {line}; echo status $?; find disk -type f");
        let ended = on_a_small_disk(&place.home, &script);
        assert_eq!(ended.text(), "status 6\n", "{line}: {}", ended.error());
        let said = ended.error();
        assert!(said.contains("no space left on device") && !said.contains("dummy"), "{line}: {said}");
        assert!(!place.home.path().join("ran").exists(), "{line}: a program got half of the text");
    }
}

fn a_full_standard_output_is_noticed() {
    let place = place();
    place.home.write("f.yaml", encrypted(&place, "f.yaml", "a: dummy\n"));
    place.home.write("plain.yaml", "a: dummy\n");
    for line in ["decrypt f.yaml", "extract f.yaml '[\"a\"]'", "encrypt plain.yaml", "filestatus f.yaml"] {
        let script = format!("exec \"$SEALER\" {line} > /dev/full");
        let ended = place.home.command("sh").args(["-c", &script]).env("SEALER", sealer()).run();
        assert_eq!(ended.status, 6, "{line}: {}", ended.error());
        assert!(ended.error().contains("cannot write to standard output: no space left on device"), "{line}: {}", ended.error());
    }
}

fn many_leaves() {
    let place = place();
    let text: String = (0..100_000).map(|at| format!("key-{at}: dummy-{at}\n")).collect();
    place.home.write("f.yaml", &text);
    place.sealer(&["encrypt", "--in-place", "--age", &place.recipient, "f.yaml"]).run().success();
    let before = place.read("f.yaml");
    assert_eq!(before.matches("type:str]").count(), 100_001);
    place.sealer(&["set", "f.yaml", "[\"key-77777\"]", "\"changed\""]).run().success();
    let after = place.read("f.yaml");
    let changed = before.lines().zip(after.lines()).filter(|(before, after)| before != after).map(|(_, after)| after.split(": ").next());
    assert_eq!(changed.take(2).collect::<Vec<_>>(), [Some("key-77777"), Some("    lastmodified")]);
    let shown = String::from_utf8(done(place.sealer(&["decrypt", "f.yaml"]).run())).expect("text");
    assert!(shown == text.replace("dummy-77777\n", "changed\n"), "other leaves came back");
    // One that is gone is noticed among so many.
    place.home.write("f.yaml", after.lines().filter(|line| !line.starts_with("key-50000:")).map(|line| format!("{line}\n")).collect::<String>());
    assert_eq!(place.sealer(&["decrypt", "f.yaml"]).run().status, 5);
}

fn fifty_megabytes() {
    let place = place();
    let text = "dummy-byte".repeat(5_000_000);
    place.home.write("f.bin", &text);
    place.sealer(&["encrypt", "--in-place", "--age", &place.recipient, "f.bin"]).run().success();
    let shown = done(place.sealer(&["decrypt", "f.bin"]).run());
    assert!(shown == text.as_bytes(), "{} other bytes came back", shown.len());
}

/// The longest file that is read.
const LONGEST: usize = 64 << 20;

/// Commands that make an encrypted file longer.
const GROWING: &[&str] = &[
    "edit FILE",
    "groups add --age OTHER --threshold 2 FILE",
    "rotate --add-age OTHER FILE",
    "set FILE [\"b\"] \"LONG\"",
    "updatekeys --yes FILE",
    "sops edit FILE",
    "sops groups add --file FILE --age OTHER --in-place",
    "sops rotate --in-place --add-age OTHER FILE",
    "sops set FILE [\"b\"] \"LONG\"",
    "sops updatekeys --yes FILE",
];

/// Ciphertext is longer than what it stands for: what we encrypt must not be too long for us.
fn too_large_to_come_back() {
    let place = place();
    place.home.write("f.bin", "dummy-byte".repeat(5_500_000));
    for command in ["encrypt --in-place --age RECIPIENT FILE", "sops encrypt --in-place --age RECIPIENT FILE"] {
        refuse_too_large(&place, &arguments(&place, command, "f.bin"));
    }
    // A file that may not grow by as much as five keys. A wrapped key is longer at one time than at another: age adds a stanza of random length.
    const SLACK: usize = 1200;
    let json = |bytes: usize| format!("{{\"a\": \"{}\"}}", "x".repeat(bytes));
    let around = encrypted(&place, "f.json", &json(3)).len();
    let full = encrypted(&place, "f.json", &json((LONGEST - around - SLACK / 2) / 4 * 3));
    assert!(full.len() <= LONGEST && full.len() + SLACK > LONGEST, "{} bytes", full.len());
    place.home.write("f.json", full);
    let long = "dummy".repeat(SLACK / 5);
    place.home.write("editor.sh", format!("sed -i 's/}}$/, \"b\": \"{long}\"}}/' \"$1\"\n"));
    let others = [(); 5].map(|()| identity(&place.home).1).join(",");
    place.home.write(".sops.yaml", format!("creation_rules:\n  - age: {},{others}\n", place.recipient));
    for command in GROWING {
        refuse_too_large(&place, &arguments(&place, command, "f.json").replace("OTHER", &others).replace("LONG", &long));
    }
}

#[track_caller]
fn refuse_too_large(place: &Place, line: &str) {
    let before = place.home.snapshot();
    let ended = place.sealer(&line.split(' ').collect::<Vec<_>>()).env("EDITOR", "/bin/sh editor.sh").run();
    assert!(ended.status != 0 && ended.stdout.len() < 10_000, "{line}: status {}", ended.status);
    assert!(ended.error().contains("encrypted it has more than 64 MiB"), "{line}: {}", ended.error());
    assert!(tests::process::changed(&before, &place.home.snapshot()).is_empty(), "{line}");
}
