//! The table: every format, under every kind of key, encrypted by one tool and decrypted by the other.

use tests::peers;
use tests::process::{Home, Run};
use tests::sealer;
use tests::suite::{Case, case};

use super::age::done;
use super::kinds::{KINDS, Key, Kind, Shared};

/// One file of each format.
const FORMATS: &[(&str, &str)] = &[
    (
        "yaml",
        "# about it\ndatabase:\n    user: dummy\n    ports:\n        - 1\n        - 2.5\n        # inside\n        - true\nnone: null\nplain_unencrypted: x\n",
    ),
    (
        "json",
        "{\n\t\"database\": {\n\t\t\"user\": \"dummy\",\n\t\t\"ports\": [\n\t\t\t1,\n\t\t\t2.5,\n\t\t\ttrue\n\t\t]\n\t},\n\t\"none\": null\n}\n",
    ),
    ("env", "# about it\nUSER=dummy\nQUOTED=\"a b\"\n"),
    ("ini", "; about it\n[database]\nuser = dummy\n"),
    ("bin", "any\u{1}bytes\nwithout an end"),
];

/// The cases of this module.
pub(crate) fn cases() -> Vec<Case> {
    let shared = Shared::default();
    let mut cases = Vec::new();
    for kind in KINDS {
        for (format, text) in FORMATS {
            for (direction, check) in [("theirs_by_ours", theirs_by_ours as fn(&Home, &Key, &str)), ("ours_by_theirs", ours_by_theirs)] {
                let shared = shared.clone();
                cases
                    .push(case(format!("interop_{format}_{}_{direction}", kind.name), kind.needs, move || table(kind, &shared, format, text, check)));
            }
        }
    }
    cases
}

fn table(kind: &Kind, shared: &Shared, format: &str, text: &str, check: fn(&Home, &Key, &str)) {
    let home = Home::new();
    let key = kind.make(&home, shared);
    let file = format!("file.{format}");
    home.write(&file, text);
    check(&home, &key, &file);
}

fn sops(home: &Home, key: &Key, arguments: &[&str]) -> Run {
    let program = peers::get("sops").expect("the case needs it");
    key.with(home.command(program).env("SOPS_DISABLE_VERSION_CHECK", "1").args(arguments))
}

fn ours(home: &Home, key: &Key, arguments: &[&str]) -> Run {
    key.with(home.command(sealer()).args(arguments))
}

fn theirs_by_ours(home: &Home, key: &Key, file: &str) {
    done(sops(home, key, &["encrypt", "-i", key.flag, &key.name, file]).run());
    let expected = done(sops(home, key, &["decrypt", file]).run());
    for command in [&["decrypt"][..], &["sops", "--decrypt"], &["sops", "decrypt"]] {
        let shown = done(ours(home, key, &[command, &[file]].concat()).run());
        assert_eq!(String::from_utf8_lossy(&shown), String::from_utf8_lossy(&expected), "{command:?}");
    }
}

fn ours_by_theirs(home: &Home, key: &Key, file: &str) {
    let text = std::fs::read(home.path().join(file)).expect("the file is there");
    for command in [&["encrypt"][..], &["sops", "encrypt"]] {
        home.write(file, &text);
        done(ours(home, key, &[command, &["-i", key.flag, &key.name, file]].concat()).run());
        let shown = done(sops(home, key, &["decrypt", file]).run());
        assert_eq!(String::from_utf8_lossy(&shown), String::from_utf8_lossy(&text), "{command:?}");
    }
}
