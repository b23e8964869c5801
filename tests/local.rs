//! `sealer local`: the quick start, and what holds in a folder besides the laws of `engine::policy` (`policy.rs`).
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tests::process::{Ended, Home};
use tests::sealer;

#[path = "local/external.rs"]
mod external;
#[path = "local/keys.rs"]
mod keys;
#[path = "local/passes.rs"]
mod passes;
#[path = "local/watching.rs"]
mod watching;

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {user: shop, password: hunter2}\n";

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys")
}

/// A home with a folder of sources.
struct Place {
    home: Home,
}

impl Place {
    fn new() -> Self {
        let place = Self { home: Home::new() };
        place.home.write("src/db.yaml", SECRET);
        place
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        // Small keys, since what is tested is not how long primes take.
        self.home.command(sealer()).arg("local").args(["src", "--key-size", "2048", "--out", "out"]).args(arguments).run()
    }

    /// Runs a pass that must succeed; returns object and action of each row that changed something.
    fn pass(&self, arguments: &[&str]) -> Vec<(String, String)> {
        let report: Value = serde_json::from_str(&self.run(&[arguments, &["--json"]].concat()).success()).expect("a report in JSON");
        let rows = report["rows"].as_array().expect("rows");
        let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
        rows.iter().filter(|row| row["action"] != "unchanged").map(|row| (text(row, "object"), text(row, "action"))).collect()
    }

    fn secret(&self) -> PathBuf {
        self.home.path().join("out/secrets/shop/db.yaml")
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.home.path().join(path)).expect(path)
    }
}

fn actions(rows: &[(String, String)], kind: &str) -> Vec<String> {
    rows.iter().filter(|(object, _)| object.starts_with(kind)).map(|(_, action)| action.clone()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// Every file below a folder with its content.
fn snapshot(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(snapshot(&path)) } else { files.push((path.clone(), fs::read(&path).expect("a file"))) }
    }
    files.sort();
    files
}

#[test]
fn the_quick_start_needs_no_cluster_no_key_and_no_configuration() {
    let home = Home::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart");
    let before = snapshot(&example);
    let ended = home.command(sealer()).arg("local").arg(&example).run();
    let table = ended.success();
    for part in ["made", "sealed", "Secret shop/database", "Secret shop/api-token", "Secret shop/registry", "created"] {
        assert!(table.contains(part), "{part} is not in\n{table}");
    }
    assert!(ended.error().contains("Try next:"), "{}", ended.error());
    assert_eq!(snapshot(&example), before, "something was written into the source folder");
    let keys = home.path().join(".local/share/sealer/keys");
    assert_eq!(mode(&keys), 0o700);
    assert!(snapshot(&keys).iter().all(|(path, _)| mode(path) == 0o600));
    let state = home.path().join(".local/state/sealer/local");
    assert_eq!(mode(&state), 0o700);
    let secrets = snapshot(&state).into_iter().filter(|(path, _)| path.components().any(|part| part.as_os_str() == "secrets"));
    assert!(secrets.map(|(path, _)| mode(&path)).eq([0o600; 3]));
    // What was sealed is what comes out.
    let sealed = snapshot(&state).into_iter().find(|(path, _)| path.ends_with("sealed/database.sealed.yaml")).expect("a sealed file");
    assert!(!String::from_utf8_lossy(&sealed.1).contains("dummy-password"));
    let password = home.command(sealer()).args(["unseal", "--item", "url"]).input(first_document(&sealed.1)).run();
    assert_eq!(password.success(), "postgres://shop@db.example/shop");
}

fn first_document(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    text.split("\n---\n").take(2).collect::<Vec<_>>().join("\n---\n").into_bytes()
}

#[test]
fn a_second_pass_over_the_same_folder_writes_nothing() {
    let place = Place::new();
    assert_eq!(actions(&place.pass(&[]), "Secret "), ["created"]);
    let before = snapshot(place.home.path());
    assert!(place.pass(&[]).is_empty());
    assert_eq!(snapshot(place.home.path()), before);
}

#[test]
fn what_was_edited_or_deleted_is_healed() {
    let place = Place::new();
    place.pass(&[]);
    let good = fs::read(place.secret()).expect("a Secret");
    for damage in
        [Some("apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\ndata: {user: eA==}\n"), Some("not a Secret"), Some(""), None]
    {
        match damage {
            Some(text) => fs::write(place.secret(), text).expect("a file"),
            None => fs::remove_file(place.secret()).expect("a file"),
        }
        assert_eq!(actions(&place.pass(&[]), "Secret "), ["healed"], "{damage:?}");
        assert_eq!(fs::read(place.secret()).expect("a Secret"), good);
        assert_eq!(mode(&place.secret()), 0o600);
    }
}

#[test]
fn an_item_that_did_not_change_keeps_its_ciphertext() {
    let place = Place::new();
    place.pass(&[]);
    let item = |key: &str| place.read("out/sealed/db.sealed.yaml").lines().find(|line| line.trim_start().starts_with(key)).map(str::to_owned);
    let (user, password) = (item("user:"), item("password:"));
    place.home.write("src/db.yaml", SECRET.replace("hunter2", "hunter3"));
    assert_eq!(
        place.pass(&[]),
        [("SealedSecrets of src/db.yaml".to_owned(), "sealed".to_owned()), ("Secret shop/db".to_owned(), "updated".to_owned())]
    );
    assert_eq!(item("user:"), user);
    assert_ne!(item("password:"), password);
}

#[test]
fn a_secret_goes_when_its_source_goes_and_stays_while_a_source_is_unreadable() {
    let place = Place::new();
    place.home.write("src/other.yaml", SECRET.replace("name: db", "name: other"));
    place.pass(&[]);
    place.home.write("src/other.yaml", "kind: [broken");
    let ended = place.run(&[]);
    assert_eq!(ended.status, 2);
    assert!(ended.error().contains("src/other.yaml:"), "{}", ended.error());
    assert!(place.home.path().join("out/secrets/shop/other.yaml").exists(), "a Secret was deleted though its source may still be there");
    fs::remove_file(place.home.path().join("src/other.yaml")).expect("a file");
    assert_eq!(actions(&place.pass(&[]), "Secret "), ["deleted"]);
    assert!(!place.home.path().join("out/secrets/shop/other.yaml").exists());
    assert!(place.secret().exists());
}

#[test]
fn in_place_writes_beside_the_sources_and_never_over_a_file_of_others() {
    let place = Place::new();
    place.pass(&["--in-place"]);
    let sealed = place.read("src/db.sealed.yaml");
    assert!(sealed.contains("kind: SealedSecret") && !sealed.contains("hunter2"), "{sealed}");
    assert!(place.pass(&["--in-place"]).is_empty());
    // Once it is committed, the plain source can go: the SealedSecret is what counts.
    fs::remove_file(place.home.path().join("src/db.yaml")).expect("a file");
    let rows = place.pass(&["--in-place"]);
    assert!(place.secret().exists(), "{rows:?}");
    let other = Place::new();
    other.home.write("src/db.sealed.yaml", "kind: ConfigMap\n");
    assert_eq!(other.run(&["--in-place"]).status, 4);
    assert_eq!(other.read("src/db.sealed.yaml"), "kind: ConfigMap\n");
}

#[test]
fn a_key_that_reached_its_age_gets_a_successor_and_still_opens() {
    let place = Place::new();
    place.pass(&[]);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(actions(&place.pass(&["--key-renew-period", "1s"]), "Key "), ["made"]);
    let keys = place.home.command(sealer()).args(["keys", "list", "--json"]).run().success();
    let keys: Value = serde_json::from_str(&keys).expect("JSON");
    assert_eq!(keys.as_array().map(Vec::len), Some(2));
    assert_eq!((&keys[0]["seals"], &keys[1]["seals"]), (&Value::Bool(true), &Value::Bool(false)));
    assert!(place.secret().exists());
}

#[test]
fn what_does_not_open_fails_the_run_and_keeps_the_old_secret() {
    let place = Place::new();
    place.pass(&["--in-place"]);
    let good = fs::read(place.secret()).expect("a Secret");
    fs::remove_file(place.home.path().join("src/db.yaml")).expect("a file");
    let sealed = place.read("src/db.sealed.yaml").replace("password: AQ", "password: AQAA");
    place.home.write("src/db.sealed.yaml", sealed);
    let ended = place.run(&[]);
    assert_eq!(ended.status, 5, "{}", ended.error());
    assert!(ended.error().contains("item \"password\""), "{}", ended.error());
    assert_eq!(fs::read(place.secret()).expect("a Secret"), good);
}

#[test]
fn plaintext_is_never_put_where_git_would_pick_it_up() {
    let place = Place::new();
    let git = |arguments: &[&str]| place.home.command("git").args(arguments).folder(place.home.path().join("src")).run().success();
    git(&["init", "--quiet"]);
    let refused = |out: &str| {
        let ended = place.home.command(sealer()).args(["local", "src", "--key-size", "2048", "--out", out]).run();
        assert_eq!(ended.status, 4, "{out}: {}", ended.error());
        assert!(ended.error().contains("Git"), "{}", ended.error());
        assert!(!place.home.path().join(out).exists());
    };
    refused("src/out");
    refused("src/deep/er/out");
    place.home.write("src/.gitignore", "/out/\n");
    refused("src/other");
    // What lies beside the plaintext is ours too: it tells their names and digests.
    place.home.write("src/.gitignore", "/out/\n/other/secrets/\n");
    refused("src/other");
    place.home.command(sealer()).args(["local", "src", "--key-size", "2048", "--out", "src/out"]).run().success();
    assert_eq!(git(&["status", "--porcelain", "--untracked-files=all"]), "?? .gitignore\n?? db.yaml\n");
}

#[test]
fn what_git_tracks_or_ignores_in_part_gets_no_plaintext() {
    let place = Place::new();
    let git = |arguments: &[&str]| place.home.command("git").args(arguments).folder(place.home.path()).run().success();
    git(&["init", "--quiet"]);
    let refused = |why: &str| {
        let ended = place.run(&[]);
        assert_eq!(ended.status, 4, "{why}: {}", ended.error());
        assert!(ended.error().contains("cannot write plaintext there"), "{why}: {}", ended.error());
    };
    place.home.write(".gitignore", "plaintext.*\n*.yaml\n");
    refused("only some names are ignored");
    place.home.write("out/secrets/shop/db.yaml", "committed earlier\n");
    git(&["add", "--force", "out/secrets/shop/db.yaml"]);
    place.home.write(".gitignore", "out\n.local\n");
    refused("a file is tracked");
    assert_eq!(place.read("out/secrets/shop/db.yaml"), "committed earlier\n");
    git(&["rm", "--quiet", "--cached", "out/secrets/shop/db.yaml"]);
    fs::remove_file(place.secret()).expect("a file");
    place.pass(&[]);
    assert_eq!(git(&["status", "--porcelain", "--untracked-files=all", "out"]), "");
}

#[test]
fn private_keys_are_never_put_where_git_would_pick_them_up() {
    let place = Place::new();
    let key = vectors().join("alpha.pem").display().to_string();
    place.home.command("git").args(["init", "--quiet", "repo"]).run().success();
    let sealer = |line: &[&str]| place.home.command(sealer()).args(line).run();
    let commands: [&[&str]; 3] = [
        &["local", "src", "--out", "out", "--key-size", "2048", "--keys", "repo/keys"],
        &["keys", "new", "--key-size", "2048", "--keys", "repo/keys"],
        &["keys", "import", &key, "--keys", "repo/keys"],
    ];
    for line in commands {
        let ended = sealer(line);
        assert_eq!(ended.status, 4, "{line:?}: {}", ended.error());
        assert!(ended.error().contains("private keys") && ended.error().contains("Git"), "{}", ended.error());
        assert!(!place.home.path().join("repo/keys").exists(), "{line:?}");
    }
    place.home.write("repo/.gitignore", "keys/\n");
    commands.iter().for_each(|line| drop(sealer(line).success()));
}

#[test]
fn folders_of_plaintext_are_closed_even_if_they_were_open() {
    let place = Place::new();
    let folders = ["out", "out/secrets", "out/secrets/shop"].map(|name| place.home.path().join(name));
    fs::create_dir_all(&folders[2]).expect("folders");
    for folder in &folders {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    place.pass(&[]);
    assert_eq!(folders.each_ref().map(|folder| mode(folder)), [0o755, 0o700, 0o700]);
}

#[test]
fn a_hostile_repository_gets_no_program_of_its_own_run() {
    let place = Place::new();
    place.home.command("git").args(["init", "--quiet"]).folder(place.home.path().join("src")).run().success();
    let trap = place.home.write("trap", "#!/bin/sh\ntouch \"$HOME/sprung\"\n");
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).expect("a script");
    let trap = trap.display();
    place.home.write("src/.git/config", format!("[core]\n\tfsmonitor = {trap}\n\thooksPath = /\n\tpager = {trap}\n\tsshCommand = {trap}\n"));
    let ended = place.home.command(sealer()).args(["local", "src", "--key-size", "2048", "--out", "src/out"]).run();
    assert_eq!(ended.status, 4);
    assert!(!place.home.path().join("sprung").exists());
}

#[test]
fn two_at_once_do_not_work_on_one_folder() {
    let place = Place::new();
    place.pass(&[]);
    let lock = fs::File::open(place.home.path().join("out/.lock")).expect("a lock file");
    lock.lock().expect("the lock");
    let ended = place.run(&[]);
    assert_eq!(ended.status, 6);
    assert!(ended.error().contains("another sealer"), "{}", ended.error());
}
