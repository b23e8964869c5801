//! Our own face: every byte that is no value stays, and the real sops reads what we write.

use std::collections::BTreeSet;

use tests::process::changed;
use tests::sealer;
use tests::suite::{Case, case};

use super::age::{NEEDS, NEEDS_ROOT, Place, done, identity};

/// A file of each format, as a person writes it: comments, quotes, blank lines and odd indentation.
const FILES: &[(&str, &str)] = &[
    ("plain.yaml", YAML),
    ("crlf.yaml", "# top\r\na: 1\r\nb:\r\n  - x\r\n  - \"y\"  # why\r\n"),
    ("bare.yml", "password: dummy"),
    ("documents.yaml", "a: one\n---\n# second\nb: two\n...\n---\nc: [1, 2, {d: three}]\n"),
    ("plain.json", "{\n   \"a\": {\"b\": [1, 2.5, true, null, \"x\u{e9}\"]},\n\n   \"c\":\"dummy\"  }\n"),
    ("inline.json", "{\"a\":\"dummy\",\"b\":{}}"),
    ("plain.env", "# a comment\nUSER=dummy\n\nPASSWORD=' dummy '\nEMPTY=\nPLAIN_unencrypted=1"),
    ("plain.ini", "; top\n[database]\nuser = dummy\n; about the next\npassword=dummy two\n\n[other]\nkey: value\n"),
];

const YAML: &str = "\
# At the top.

database:   # where the data lies
   user: 'dummy'
   password: \"with \\\"quotes\\\"\"   # change me

   # A block.
   certificate: |
       -----BEGIN-----
       line

       -----END-----
list:
- 1
- true
- text
-   key: value
    # inside
    other: ~
flow: {a: 1, b: [x, 'y']}
date: 2024-01-02T00:00:00Z
empty: ''
nothing:
plain_unencrypted: stays
anchor: &it value
";

/// The cases of this module.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (name, text) in FILES {
        cases.push(case(format!("own_{name}_comes_back_byte_for_byte"), NEEDS, move || comes_back(name, text)));
        cases.push(case(format!("own_{name}_is_read_by_sops"), NEEDS, move || is_read_by_sops(name, text)));
    }
    cases.extend([
        case("own_changing_one_value_changes_one_line_and_the_metadata", NEEDS, changing_one_value),
        case("own_rotating_changes_every_ciphertext", NEEDS, rotating_changes_every_ciphertext),
        case("own_other_keys_change_the_block_of_keys_only", NEEDS, other_keys_change_the_block_only),
        case("own_groups_are_added_and_deleted", NEEDS, groups_are_added_and_deleted),
        case("own_folders_are_encrypted_by_rule_and_decrypted_at_once", NEEDS, folders_by_rule),
        case("own_values_are_set_and_removed_in_every_format", NEEDS, values_are_set_and_removed),
        case("own_plaintext_is_for_its_owner_only", NEEDS, plaintext_is_for_its_owner_only),
        case("own_comments_that_sops_drops_are_not_left_readable", NEEDS, dropped_comments_are_not_left),
        case("own_values_of_toml_change_alone", NEEDS, values_of_toml_change_alone),
        case("own_plaintext_falls_on_no_source_and_no_other_plaintext", NEEDS, plaintext_falls_on_nothing),
        case("own_texts_on_standard_output_begin_in_lines_of_their_own", NEEDS, texts_begin_in_lines_of_their_own),
        case("own_keys_that_are_named_leave_the_selection_of_the_rule", NEEDS, named_keys_leave_the_selection),
        case("own_files_of_somebody_else_are_written_by_whoever_may", NEEDS_ROOT, files_of_somebody_else),
    ]);
    cases
}

fn comes_back(name: &str, text: &str) {
    let place = Place::new();
    place.home.write(name, text);
    place.sealer(&["encrypt", "--in-place", "--age", &place.recipient, name]).run().success();
    let encrypted = place.read(name);
    assert!(encrypted.contains("ENC[AES256_GCM,data:"), "{encrypted}");
    assert!(!encrypted.contains("dummy"), "{encrypted}");
    let shown = done(place.sealer(&["decrypt", name]).run());
    assert_eq!(String::from_utf8_lossy(&shown), text);
    place.sealer(&["decrypt", "--in-place", name]).run().success();
    assert_eq!(place.read(name), text);
}

fn is_read_by_sops(name: &str, text: &str) {
    let place = Place::new();
    let theirs = place.encrypted(name, text);
    place.home.write(name, theirs);
    let expected = done(place.sops(&["decrypt", name]).run());
    place.home.write(name, text);
    place.sealer(&["encrypt", "--in-place", "--age", &place.recipient, name]).run().success();
    let found = done(place.sops(&["decrypt", name]).run());
    assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&expected), "what ours encrypted, as sops shows it");
}

/// The lines that differ, without the metadata.
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    let body = |text: &str| text.lines().take_while(|line| *line != "sops:").map(str::to_owned).collect::<Vec<_>>();
    let before: BTreeSet<String> = body(before).into_iter().collect();
    body(after).into_iter().filter(|line| !before.contains(line)).collect()
}

fn changing_one_value() {
    let place = Place::new();
    let theirs = place.encrypted("file.yaml", YAML);
    place.home.write("file.yaml", &theirs);
    place.sealer(&["set", "file.yaml", "[\"database\"][\"user\"]", "\"another\""]).run().success();
    let after = place.read("file.yaml");
    let changed = changed_lines(&String::from_utf8_lossy(&theirs), &after);
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert!(changed[0].trim_start().starts_with("user: ENC["), "{changed:?}");
    assert_eq!(done(place.sops(&["decrypt", "--extract", "[\"database\"][\"user\"]", "file.yaml"]).run()), b"another");
    assert_eq!(done(place.sealer(&["extract", "file.yaml", "[\"database\"][\"user\"]"]).run()), b"another");
}

fn rotating_changes_every_ciphertext() {
    let place = Place::new();
    let theirs = place.encrypted("file.yaml", YAML);
    place.home.write("file.yaml", &theirs);
    let shown = done(place.sops(&["decrypt", "file.yaml"]).run());
    place.sealer(&["rotate", "file.yaml"]).run().success();
    let (before, after) = (String::from_utf8_lossy(&theirs).into_owned(), place.read("file.yaml"));
    let nonces = |text: &str| text.split("iv:").skip(1).map(|rest| rest.split(',').next().unwrap_or_default().to_owned()).collect::<BTreeSet<_>>();
    assert!(nonces(&before).len() > 10);
    assert_eq!(nonces(&before).intersection(&nonces(&after)).count(), 0, "a nonce was used again under another key");
    assert_eq!(done(place.sops(&["decrypt", "file.yaml"]).run()), shown);
}

fn other_keys_change_the_block_only() {
    let place = Place::new();
    let theirs = place.encrypted("file.yaml", YAML);
    place.home.write("file.yaml", &theirs);
    let (other, recipient) = identity(&place.home);
    place.home.write("other.txt", other);
    place.home.write(".sops.yaml", format!("creation_rules:\n  - age: {recipient}\n"));
    let dry = place.sealer(&["updatekeys", "--dry-run", "file.yaml"]).run();
    assert_eq!(dry.status, 2, "{}", dry.error());
    assert_eq!(place.read("file.yaml").as_bytes(), theirs);
    place.sealer(&["updatekeys", "--yes", "file.yaml"]).run().success();
    let after = place.read("file.yaml");
    assert_eq!(changed_lines(&String::from_utf8_lossy(&theirs), &after), Vec::<String>::new());
    let line = |text: &str, start: &str| text.lines().find(|line| line.trim_start().starts_with(start)).map(str::to_owned);
    for field in ["mac:", "lastmodified:", "version:"] {
        assert_eq!(line(&after, field), line(&String::from_utf8_lossy(&theirs), field));
    }
    assert_eq!(place.sops(&["decrypt", "file.yaml"]).run().status, 128, "the old identity still opens it");
    done(place.sops(&["decrypt", "file.yaml"]).env("SOPS_AGE_KEY_FILE", "other.txt").run());
    place.sealer(&["updatekeys", "--dry-run", "file.yaml"]).env("SOPS_AGE_KEY_FILE", "other.txt").run().success();
}

fn groups_are_added_and_deleted() {
    let place = Place::new();
    let theirs = place.encrypted("file.yaml", "a: dummy\n");
    place.home.write("file.yaml", theirs);
    let (other, recipient) = identity(&place.home);
    place.home.write("other.txt", other);
    place.sealer(&["groups", "add", "--age", &recipient, "--threshold", "2", "file.yaml"]).run().success();
    assert_eq!(place.sops(&["decrypt", "file.yaml"]).run().status, 128, "one of two groups opens it");
    let refused = place.sealer(&["decrypt", "file.yaml"]).run();
    assert_eq!(refused.status, 4, "{}", refused.error());
    assert!(refused.error().contains("1 of the 2 key groups"), "{}", refused.error());
    assert_eq!(done(place.sops(&["decrypt", "file.yaml"]).env("SOPS_AGE_KEY_FILE", "other.txt").run()), b"a: dummy\n");
    assert_eq!(done(place.sealer(&["decrypt", "file.yaml"]).env("SOPS_AGE_KEY_FILE", "other.txt").run()), b"a: dummy\n");
    place.sealer(&["groups", "delete", "file.yaml", "2"]).env("SOPS_AGE_KEY_FILE", "other.txt").run().success();
    assert_eq!(done(place.sops(&["decrypt", "file.yaml"]).run()), b"a: dummy\n");
}

fn folders_by_rule() {
    let place = Place::new();
    place.home.write("deep/.sops.yaml", format!("creation_rules:\n  - path_regex: secrets/\n    age: {}\n", place.recipient));
    place.home.write("deep/secrets/a.yaml", "a: dummy\n");
    place.home.write("deep/secrets/b.json", "{\"b\": \"dummy\"}\n");
    place.home.write("deep/secrets/.env", "C=dummy\n");
    place.home.write("deep/other/d.yaml", "d: plain\n");
    let said = place.sealer(&["encrypt", "--in-place", "--json", "deep"]).run().success();
    assert_eq!(said.matches("\"encrypted\":true").count(), 3, "{said}");
    assert_eq!(place.read("deep/other/d.yaml"), "d: plain\n");
    let again = place.sealer(&["encrypt", "--in-place", "--json", "deep"]).run().success();
    assert_eq!(again.matches("it is encrypted already").count(), 3, "{again}");
    let status = place.sealer(&["filestatus", "--json", "deep/secrets"]).run().success();
    assert_eq!(status.matches("\"encrypted\":true").count(), 3, "{status}");
    place.sealer(&["decrypt", "--out-dir", "plain", "deep"]).run().success();
    for (name, text) in [("a.yaml", "a: dummy\n"), ("b.json", "{\"b\": \"dummy\"}\n"), (".env", "C=dummy\n")] {
        assert_eq!(place.read(&format!("plain/secrets/{name}")), text);
    }
}

fn values_are_set_and_removed() {
    let place = Place::new();
    for (name, text, path) in [
        ("f.yaml", "a:\n    b: dummy\nc:\n    - 1\n    - 2\n", "[\"a\"][\"new\"]"),
        ("f.json", "{\n\t\"a\": {\n\t\t\"b\": \"dummy\"\n\t}\n}\n", "[\"a\"][\"new\"]"),
        ("f.env", "A=dummy\n", "[\"NEW\"]"),
        ("f.ini", "[a]\nb = dummy\n", "[\"a\"][\"new\"]"),
    ] {
        let theirs = place.encrypted(name, text);
        place.home.write(name, theirs);
        place.sealer(&["set", name, path, "--text", "-"]).input("from stdin").run().success();
        assert_eq!(done(place.sops(&["decrypt", "--extract", path, name]).run()), b"from stdin", "{name}");
        place.sealer(&["unset", name, path]).run().success();
        let gone = place.sealer(&["extract", name, path]).run();
        assert_eq!(gone.status, 3, "{name}: {}", gone.error());
        assert_eq!(String::from_utf8_lossy(&done(place.sops(&["decrypt", name]).run())), text, "{name}");
    }
}

fn plaintext_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let theirs = place.encrypted("file.yaml", "a: dummy\n");
    place.home.write("file.yaml", theirs);
    let mode = |name: &str| std::fs::metadata(place.home.path().join(name)).expect("the file is there").permissions().mode() & 0o777;
    place.sealer(&["decrypt", "-w", "plain.yaml", "file.yaml"]).run().success();
    assert_eq!(mode("plain.yaml"), 0o600);
    place.sealer(&["decrypt", "--in-place", "file.yaml"]).run().success();
    assert_eq!(mode("file.yaml"), 0o600);
}

fn dropped_comments_are_not_left() {
    let place = Place::new();
    let text = "users: [   # hunter2\n  alice ]\nnone: [\n  # hunter2\n]\ncert_unencrypted: |  # hunter2\n  dummy\n...\n\n# hunter2\n";
    place.home.write("f.yaml", text);
    place.home.write("editor.sh", "printf '%s\\n' 'more: [ # hunter2' '  b ]' '# kept' > \"$1\"\n");
    place.sealer(&["encrypt", "--in-place", "--age", &place.recipient, "f.yaml"]).run().success();
    assert!(!place.read("f.yaml").contains("hunter2"), "{}", place.read("f.yaml"));
    let theirs = place.encrypted("theirs.yaml", text);
    place.home.write("theirs.yaml", theirs);
    // The comment behind the sign of a block goes above it in what sops writes, where ours has no place for it.
    let shown = String::from_utf8(done(place.sops(&["decrypt", "theirs.yaml"]).run())).expect("it is text").replace("# hunter2\n", "");
    assert_eq!(String::from_utf8_lossy(&done(place.sops(&["decrypt", "f.yaml"]).run())), shown);
    assert_eq!(place.sealer(&["decrypt", "f.yaml"]).run().success(), "users: [\n  alice ]\nnone: [\n]\ncert_unencrypted: |\n  dummy\n...\n\n");
    place.sealer(&["edit", "f.yaml"]).env("EDITOR", "/bin/sh editor.sh").run().success();
    assert!(!place.read("f.yaml").contains("hunter2"), "{}", place.read("f.yaml"));
    assert_eq!(place.sealer(&["decrypt", "f.yaml"]).run().success(), "more: [\n  b ]\n# kept\n");
}

fn values_of_toml_change_alone() {
    let place = Place::new();
    let of = |name: &str, path: &str| place.sealer(&["extract", name, path]).run();
    place.home.write("f.toml", "apple.type = \"fruit\"\norange.type = \"round\"\napple.skin = \"thin\"\n\n[database.primary]\nhost = \"h\"\n");
    place.sealer(&["encrypt", "--in-place", "--age", &place.recipient, "f.toml"]).run().success();
    place.sealer(&["unset", "f.toml", "[\"apple\"]"]).run().success();
    assert_eq!(of("f.toml", "[\"orange\"][\"type\"]").success(), "round");
    assert_eq!(of("f.toml", "[\"apple\"]").status, 3);
    place.sealer(&["set", "f.toml", "[\"database\"][\"timeout\"]", "30"]).run().success();
    assert_eq!(of("f.toml", "[\"database\"][\"timeout\"]").success(), "30");
    assert_eq!(of("f.toml", "[\"database\"][\"primary\"][\"host\"]").success(), "h");
    place.home.write("f.yaml", "limits: {cpu: }\n");
    place.sealer(&["encrypt", "--in-place", "--age", &place.recipient, "f.yaml"]).run().success();
    place.sealer(&["set", "f.yaml", "[\"limits\"][\"mem\"]", "\"1Gi\""]).run().success();
    assert_eq!(done(place.sops(&["decrypt", "f.yaml"]).run()), b"limits:\n    cpu: null\n    mem: 1Gi\n");
}

fn plaintext_falls_on_nothing() {
    let place = Place::new();
    for name in ["envs/dev/db.yaml", "envs/prod/db.yaml"] {
        place.home.write(name, format!("a: {name}\n"));
        place.home.write(name.replace("db", "plain"), "a: dummy\n");
        place.sealer(&["encrypt", "--in-place", "--age", &place.recipient, name]).run().success();
    }
    let before = place.home.snapshot();
    let refuse = |arguments: &[&str], words: &[&str]| {
        let ended = place.sealer(&[&["decrypt", "--out-dir"], arguments].concat()).run();
        let said = ended.error();
        assert!(ended.status == 2 && words.iter().all(|word| said.contains(word)), "{} {said}", ended.status);
        assert_eq!(changed(&before, &place.home.snapshot()), Vec::<&std::path::Path>::new(), "{said}");
    };
    refuse(&["out", "envs/dev", "envs/prod"], &["out/db.yaml: ", "envs/dev/db.yaml", "envs/prod/db.yaml", "help: "]);
    refuse(&["envs/dev", "envs/dev"], &["envs/dev/db.yaml: ", "over its own source"]);
    refuse(&["envs/dev", "envs/dev/db.yaml"], &["over its own source"]);
    place.sealer(&["decrypt", "--out-dir", "out", "envs"]).run().success();
    assert_eq!(place.read("out/prod/db.yaml"), "a: envs/prod/db.yaml\n");
}

fn texts_begin_in_lines_of_their_own() {
    let place = Place::new();
    for (name, text) in [("a.env", "A=1"), ("b.env", "B=2"), ("c.yaml", "c: 3"), ("d.yaml", "d: 4\n"), ("e.env", "E=5\n")] {
        place.home.write(name, text);
        place.sealer(&["encrypt", "--in-place", "--age", &place.recipient, name]).run().success();
    }
    let shown = place.sealer(&["decrypt", "a.env", "b.env", "c.yaml", "d.yaml", "e.env"]).run().success();
    assert_eq!(shown, "A=1\nB=2\n---\nc: 3\n---\nd: 4\nE=5\n");
    assert_eq!(place.sealer(&["decrypt", "a.env"]).run().success(), "A=1");
}

fn named_keys_leave_the_selection() {
    let place = Place::new();
    let rule = |text: &str| place.home.write(".sops.yaml", format!("creation_rules:\n  - {text}\n"));
    let encrypt = || place.sealer(&["encrypt", "--age", &place.recipient, "secret.yaml"]).run();
    place.home.write("secret.yaml", "kind: Secret\ndata:\n  a: dummy\n");
    let plain = "kind: Secret\ndata:\n  a: ENC[";
    for keys in ["hckms: unheard-of:key", "kms: arn:of:nothing", "age: none", "key_groups: 1"] {
        rule(&format!("{keys}\n    encrypted_regex: ^(data|stringData)$"));
        let found = encrypt().success();
        assert!(found.starts_with(plain) && found.contains(&place.recipient), "{keys}: {found}");
    }
    rule("path_regex: other\n    encrypted_regex: ^data$");
    assert!(encrypt().success().starts_with("kind: ENC["), "no rule is for the file");
    for broken in ["encrypted_regex: [a]", "encrypted_regex: a\n    encrypted_suffix: b", "path_regex: (", "mac_only_encrypted: 3"] {
        rule(broken);
        let ended = encrypt();
        assert_eq!((ended.status, ended.text().as_str()), (2, ""), "{broken}: {}", ended.error());
    }
}

fn files_of_somebody_else() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let place = Place::new();
    let path = |name: &str| place.home.path().join(name);
    for name in ["", ".config", ".config/sops", ".config/sops/age", ".config/sops/age/keys.txt"] {
        std::fs::set_permissions(path(name), PermissionsExt::from_mode(0o777)).expect("it is ours");
    }
    place.home.write("f.yaml", "a: dummy\n");
    place.sealer(&["encrypt", "--in-place", "--age", &place.recipient, "f.yaml"]).run().success();
    // What is built may lie where nobody else may go.
    std::fs::copy(sealer(), path("sealer")).expect("there is room");
    let set = |groups: &str| {
        let user = place.home.command("chroot").args(["--userspec=65534:65534", groups, "/"]);
        user.arg("/bin/sh").args(["-c", "cd \"$0\" && exec ./sealer set f.yaml '[\"a\"]' '\"another\"'"]).arg(place.home.path()).run()
    };
    let as_found = || std::fs::metadata(path("f.yaml")).map(|found| (found.uid(), found.gid(), found.mode() & 0o7777)).expect("the file is there");
    let give = |mode: u32| {
        chown(path("f.yaml"), Some(1000), Some(2000)).expect("we are root");
        std::fs::set_permissions(path("f.yaml"), PermissionsExt::from_mode(mode)).expect("we are root");
    };
    for (mode, groups, after) in [(0o664, "--groups=2000", (65534, 2000, 0o664)), (0o666, "--groups=65534", (65534, 65534, 0o666))] {
        give(mode);
        assert_eq!((set(groups).error().as_str(), as_found()), ("", after), "{groups}");
    }
    give(0o644);
    let ended = set("--groups=2000");
    assert_eq!((ended.status, as_found()), (4, (1000, 2000, 0o644)), "{}", ended.error());
}
