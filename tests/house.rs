//! The rules of the house, as ARCHITECTURE.md tells them.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use keys::Certificate;
use serde_json::Value;
use tests::contract::{Contract, Proof};

/// Crates below the doors: no I/O, no clock, no environment.
const PURE: [&str; 7] = ["crds", "engine", "gjson", "goregex", "keys", "sops", "templates"];

/// The crate that may start processes and ask networks, but sees no file, clock or environment either.
const OUTWARD: &str = "providers";

/// Longest file, in lines.
const LONGEST: usize = 500;

/// Files outside of `keys` that may look at a plaintext.
const MAY_EXPOSE: &[&str] = &[
    "controller/src/api.rs",
    "controller/src/external/access.rs",
    "controller/src/external/desk.rs",
    "controller/src/external/settings.rs",
    "controller/src/secrets.rs",
    "engine/src/collect.rs",
    "engine/src/collect/",
    "engine/src/external/marks.rs",
    "engine/src/external/object.rs",
    "engine/src/external/target.rs",
    "engine/src/key_secret.rs",
    "engine/src/manifest.rs",
    "engine/src/manifest/write.rs",
    "providers/src/",
    "sealer-cli/src/certificate.rs",
    "sealer-cli/src/child.rs",
    "sealer-cli/src/child/environment.rs",
    "sealer-cli/src/commands/decrypt.rs",
    "sealer-cli/src/commands/edit.rs",
    "sealer-cli/src/commands/encrypt.rs",
    "sealer-cli/src/commands/extract.rs",
    "sealer-cli/src/commands/fetch.rs",
    "sealer-cli/src/commands/groups.rs",
    "sealer-cli/src/commands/keys.rs",
    "sealer-cli/src/commands/render.rs",
    "sealer-cli/src/commands/reseal.rs",
    "sealer-cli/src/commands/rotate.rs",
    "sealer-cli/src/commands/run.rs",
    "sealer-cli/src/commands/seal.rs",
    "sealer-cli/src/commands/set.rs",
    "sealer-cli/src/commands/unseal.rs",
    "sealer-cli/src/commands/updatekeys.rs",
    "sealer-cli/src/compat/",
    "sealer-cli/src/files/configuration.rs",
    "sealer-cli/src/input.rs",
    "sealer-cli/src/keyring.rs",
    "sealer-cli/src/local/apply.rs",
    "sealer-cli/src/local/scan.rs",
    "sealer-cli/src/local/sealing.rs",
    "sealer-cli/src/local/state.rs",
    "sealer-cli/src/output.rs",
    "sealer-cli/src/private.rs",
    "sops/src/change.rs",
    "sops/src/file.rs",
    "sops/src/leaf.rs",
    "sops/src/metadata.rs",
    "sops/src/passage.rs",
    "sops/src/passage/",
    "sops/src/stores/",
    "sops/src/walk.rs",
    "templates/src/",
    "tests/",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}

/// Every file below a folder of the workspace with an ending, by its path from the root.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("corpus") {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                let name = path.strip_prefix(root()).expect("below the root").display().to_string();
                found.push((name, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found.sort();
    found
}

/// The lines of a file before its unit tests.
fn product(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]")).map(|(at, line)| (at + 1, line))
}

fn sources() -> Vec<(String, String)> {
    let folders = [
        "gjson/src",
        "goregex/src",
        "keys/src",
        "providers/src",
        "sops/src",
        "templates/src",
        "crds/src",
        "engine/src",
        "sealer-cli/src",
        "controller/src",
    ];
    folders.into_iter().flat_map(|folder| files(folder, "rs")).filter(|(name, _)| !name.ends_with("tests.rs")).collect()
}

fn nothing(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn arrows_between_crates_are_those_of_the_plan() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output =
        Command::new(cargo).args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root()).output().expect("cargo");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let arrows = |package: &Value| -> BTreeSet<String> {
        let normal = package["dependencies"].as_array().into_iter().flatten().filter(|dependency| dependency["kind"].is_null());
        normal.filter_map(|dependency| dependency["name"].as_str()).filter(|name| names.contains(name)).map(str::to_owned).collect()
    };
    let found: BTreeMap<String, BTreeSet<String>> = packages
        .iter()
        .filter_map(|package| Some((package["name"].as_str()?.to_owned(), arrows(package))))
        .filter(|(name, _)| name != "tests")
        .collect();
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let told = text.lines().filter_map(|line| line.strip_prefix("- `")?.split_once("` -> ")).map(|(name, targets)| {
        let targets = targets.split(", ").map(|target| target.trim_matches(['`', '.']).to_owned()).filter(|target| target != "nothing");
        (name.to_owned(), targets.collect())
    });
    assert_eq!(found, told.collect::<BTreeMap<String, BTreeSet<String>>>(), "crates and ARCHITECTURE.md disagree");
}

#[test]
fn below_the_doors_there_is_no_io_no_clock_and_no_environment() {
    let forbidden = [
        "std::env",
        "std::fs",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "ToSocketAddrs",
        "std::process",
        "println!",
        "eprintln!",
        "SystemTime::now",
        "Timestamp::now",
        "Instant::now",
        "Zoned::now",
    ];
    let found: Vec<String> = sources()
        .iter()
        .filter(|(name, _)| PURE.iter().chain([&OUTWARD]).any(|room| name.starts_with(room)) && !name.contains("/bin/"))
        .flat_map(|(name, text)| {
            let may = |word: &str| name.starts_with(OUTWARD) && word == "std::process";
            let forbidden = forbidden.iter().copied().filter(move |word| !may(word)).collect::<Vec<_>>();
            product(text).filter(move |(_, line)| forbidden.iter().any(|word| line.contains(word))).map(move |(at, _)| format!("{name}:{at}"))
        })
        .collect();
    nothing("I/O, clock or environment in a pure crate", &found);
}

#[test]
fn every_look_at_a_secret_says_why_and_stands_where_it_may() {
    let mut found = Vec::new();
    for (name, text) in sources() {
        let mut before = "";
        for (at, line) in product(&text) {
            if line.contains(".expose()") && !line.trim_start().starts_with("//") {
                if !before.trim_start().starts_with("// EXPOSE: ") {
                    found.push(format!("{name}:{at} has no EXPOSE line above it"));
                }
                if !name.starts_with("keys/") && !MAY_EXPOSE.iter().any(|allowed| name.starts_with(allowed)) {
                    found.push(format!("{name}:{at} is not on the list"));
                }
            }
            before = line;
        }
    }
    nothing("exposure", &found);
}

#[test]
fn no_file_is_longer_than_a_room() {
    let all = sources().into_iter().chain(files("tests", "rs")).chain(files("sealer-cli/tests", "rs"));
    let found: Vec<String> = all
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    nothing("files that are too long", &found);
}

#[test]
fn modules_are_imported_by_name() {
    let found: Vec<String> = sources()
        .iter()
        .flat_map(|(name, text)| {
            product(text)
                .filter(|(_, line)| line.trim_start().starts_with("use ") && line.contains("::*") && !line.contains("super::*"))
                .map(move |(at, _)| format!("{name}:{at}"))
        })
        .filter(|place| !place.contains("tests.rs"))
        .collect();
    nothing("glob imports", &found);
}

#[test]
fn members_are_named_in_their_own_list_only() {
    // One entry for each seam: the folder of members, and the file that lists them.
    let seams = [
        ("commands::", "sealer-cli/src/commands", &["sealer-cli/src/main.rs", "sealer-cli/src/command.rs"][..]),
        ("functions::", "templates/src/functions", &[][..]),
        ("master_keys::", "keys/src/master_keys", &["keys/src/lib.rs"][..]),
        ("stores::", "sops/src/stores", &["sops/src/lib.rs", "sops/src/config.rs"][..]),
        ("systems::", "providers/src/systems", &["providers/src/lib.rs"][..]),
    ];
    let mut found = Vec::new();
    for (path, home, users) in seams {
        for (name, text) in sources().iter().filter(|(name, _)| !name.starts_with(home) && !users.contains(&name.as_str())) {
            found.extend(product(text).filter(|(_, line)| line.contains(&format!("crate::{path}"))).map(|(at, _)| format!("{name}:{at}")));
        }
    }
    // What every rule needs: a list of exceptions that is short and told.
    let told = ["templates/src/"];
    found.retain(|place| !told.iter().any(|allowed| place.starts_with(allowed)));
    nothing("members reached past their list", &found);
}

#[test]
fn nothing_unfinished_is_called_done() {
    let words = ["todo!", "unimplemented!", "TODO", "FIXME", "XXX"];
    let found: Vec<String> = sources()
        .iter()
        .flat_map(|(name, text)| {
            text.lines().enumerate().filter(|(_, line)| words.iter().any(|word| line.contains(word))).map(move |(at, _)| format!("{name}:{}", at + 1))
        })
        .collect();
    nothing("unfinished", &found);
}

#[test]
fn every_dependency_stands_once_and_says_what_it_serves() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let section = manifest.split("[workspace.dependencies]").nth(1).and_then(|rest| rest.split("\n[").next()).expect("the table");
    let bare: Vec<String> = section
        .lines()
        .filter(|line| line.contains(" = ") && !line.starts_with('#') && !line.contains("path = \"") && !line.contains('#'))
        .map(str::to_owned)
        .collect();
    nothing("dependencies without a reason", &bare);
    let members = files("", "toml").into_iter().filter(|(name, _)| name.ends_with("/Cargo.toml") && !name.starts_with("tests/fuzz"));
    let own: Vec<String> = members
        .flat_map(|(name, text)| text.lines().filter(|line| line.contains("version = \"")).map(|line| format!("{name}: {line}")).collect::<Vec<_>>())
        .collect();
    nothing("dependencies outside of the workspace table", &own);
}

#[test]
fn every_row_of_the_ledger_is_proven_by_what_exists() {
    let contract = Contract::read();
    let mut found = Vec::new();
    let mut leaned_on: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in &contract.rows {
        match row.proof() {
            Ok(Proof::Test(test)) => {
                if !exists(test) {
                    found.push(format!("{}: there is no test {test}", row.id));
                }
                if row.because.is_none() {
                    leaned_on.entry(test).or_default().push(&row.id);
                }
            }
            Ok(Proof::Case(case)) => {
                if !root().join(case).is_file() {
                    found.push(format!("{}: there is no case {case}", row.id));
                }
                if row.because.is_none() {
                    leaned_on.entry(case).or_default().push(&row.id);
                }
            }
            Ok(Proof::Deviation(why)) if why.split_whitespace().count() >= 3 => {}
            Ok(Proof::Deviation(_)) => found.push(format!("{}: a deviation needs a reason", row.id)),
            Err(what) => found.push(format!("{}: {what}", row.id)),
        }
    }
    found.extend(
        leaned_on
            .into_iter()
            .filter(|(_, rows)| rows.len() > 1)
            .map(|(test, rows)| format!("{test} is leaned on by {} without a reason", rows.join(", "))),
    );
    nothing("the ledger", &found);
}

#[test]
fn rows_of_the_ledger_are_unique_and_its_numbered_lists_have_no_gap() {
    let contract = Contract::read();
    let ids: BTreeSet<&str> = contract.rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), contract.rows.len(), "an id stands twice");
    for list in ["advisory", "trap"] {
        let numbers: BTreeSet<usize> = ids.iter().filter_map(|id| id.strip_prefix(list)?.strip_prefix('.')?.parse().ok()).collect();
        assert!(!numbers.is_empty(), "there is no {list}");
        assert!(numbers.iter().copied().eq(1..=numbers.len()), "the list of {list} has a gap: {numbers:?}");
    }
}

/// A certificate that expires takes its tests with it, on a day when nobody changed anything.
#[test]
fn committed_certificates_live_for_decades() {
    let decades: Timestamp = "2100-01-01T00:00:00Z".parse().expect("a time");
    let committed: Vec<(String, String)> = files("tests", "crt").into_iter().chain(files("tests/fuzz/seeds", "pem")).collect();
    let certificates: Vec<(String, Certificate)> =
        committed.into_iter().filter_map(|(name, text)| Some((name, Certificate::from_pem(text.as_bytes()).ok()?))).collect();
    assert!(certificates.len() >= 5, "only {} certificates were found", certificates.len());
    let short = certificates.iter().filter(|(_, certificate)| certificate.not_after() < decades);
    let short: Vec<&str> = short.map(|(name, _)| name.as_str()).collect();
    assert_eq!(short, ["tests/vectors/keys/expired.crt"]);
}

/// Whether a test `target::...::name` stands in the sources of its target.
fn exists(test: &str) -> bool {
    let Some((target, rest)) = test.split_once("::") else { return false };
    let name = rest.rsplit("::").next().unwrap_or(rest);
    let (suite, unit) = (files("tests", "rs"), files(&format!("{target}/src"), "rs"));
    let in_suite = suite.iter().filter(|(file, _)| *file == format!("tests/{target}.rs") || file.starts_with(&format!("tests/{target}/")));
    let own = files("sealer-cli/tests", "rs");
    let in_own = own.iter().filter(|(file, _)| *file == format!("sealer-cli/tests/{target}.rs"));
    let functions = [format!("fn {name}("), format!("\"{name}\"")];
    let vector = target == "vectors" && root().join("tests/vectors").join(rest.replace("::", "/")).is_file();
    vector || in_suite.chain(&unit).chain(in_own).any(|(_, text)| functions.iter().any(|function| text.contains(function)))
}
