//! Folders of keys, and which of them counts: flag, variable, default.

use std::fs;

use serde_json::Value;
use tests::process::{Ended, Home};
use tests::sealer;

const SECRET: &str = super::SECRET;

/// A home with the keys of the vectors; `store` holds alpha.
struct Keys {
    home: Home,
}

impl Keys {
    fn new() -> Self {
        let keys = Self { home: Home::new() };
        for name in ["alpha.pem", "alpha.crt", "beta.pem", "beta.crt", "expired.pem"] {
            keys.home.write(name, fs::read(super::vectors().join(name)).expect("a key"));
        }
        keys.run("keys import --keys store alpha.pem").success();
        keys.home.write("s.yaml", SECRET);
        keys
    }

    fn run(&self, line: &str) -> Ended {
        self.with(&[], line)
    }

    fn with(&self, variables: &[(&str, &str)], line: &str) -> Ended {
        let command = self.home.command(sealer()).args(line.split(' '));
        variables.iter().fold(command, |command, (name, value)| command.env(name, value)).run()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.home.path().join(name)).expect(name)
    }

    /// A key Secret for beta with a label.
    fn labelled(&self, label: &str) -> String {
        self.run("keys import --keys other beta.pem").success();
        let text = self.run("keys export --keys other").success();
        assert!(text.contains("sealed-secrets-key: active"), "{text}");
        text.replace("sealed-secrets-key: active", &format!("sealed-secrets-key: {label}"))
    }

    fn names(&self, line: &str) -> Vec<String> {
        let rows: Value = serde_json::from_str(&self.run(line).success()).expect("JSON");
        rows.as_array().expect("rows").iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
    }
}

#[test]
fn a_key_that_is_out_of_use_is_not_brought_back() {
    let keys = Keys::new();
    keys.home.write("backup.yaml", keys.labelled("compromised"));
    let ended = keys.run("keys import --keys store backup.yaml");
    ended.success();
    assert!(ended.error().contains("left out") && ended.error().contains("compromised"), "{}", ended.error());
    assert_eq!(keys.names("keys list --keys store --json").len(), 1);
    // An active copy of a key that the store holds as compromised does not come in beside it.
    keys.home.write("store/revoked.yaml", keys.labelled("compromised"));
    let ended = keys.run("keys import --keys store beta.pem");
    ended.success();
    assert!(ended.error().contains("already there"), "{}", ended.error());
    assert_eq!(keys.names("keys list --keys store --json").len(), 1);
}

#[test]
fn an_export_holds_every_key_with_its_label() {
    let keys = Keys::new();
    keys.home.write("store/revoked.yaml", keys.labelled("compromised"));
    let expired = keys.read("expired.pem");
    let at = expired.find("-----BEGIN CERTIFICATE").unwrap_or(expired.len());
    keys.home.write("store/bare.pem", &expired[..at]);
    let text = keys.run("keys export --keys store").success();
    let count = |part: &str| text.matches(part).count();
    assert_eq!((count("tls.key:"), count("tls.crt:")), (3, 2), "{text}");
    assert_eq!((count("sealed-secrets-key: active"), count("sealed-secrets-key: compromised")), (2, 1), "{text}");
    // What comes out goes in again.
    keys.home.write("again/all.yaml", &text);
    assert_eq!(keys.run("keys export --keys again").success(), text);
}

#[test]
fn the_store_is_named_by_flag_then_variable_then_default_for_every_command() {
    let keys = Keys::new();
    keys.run("keys import beta.pem").success();
    keys.run("keys import --keys empty alpha.pem").success();
    let hint = |variables: &[(&str, &str)], line: &str| {
        let sealed = keys.with(variables, line).success();
        sealed.lines().find_map(|line| line.trim().strip_prefix("sealer.dev/sealed-with: ")).expect("a hint").trim_matches('"').to_owned()
    };
    let fingerprint = |name: &str| hint(&[], &format!("seal --cert {name} s.yaml"));
    let (alpha, beta) = (fingerprint("alpha.crt"), fingerprint("beta.crt"));
    assert_eq!(hint(&[], "seal --local s.yaml"), beta);
    assert_eq!(hint(&[("SEALER_KEYS", "store")], "seal --local s.yaml"), alpha);
    assert_eq!(hint(&[("SEALER_KEYS", "/none")], "seal --keys store s.yaml"), alpha);
    // A flag wins over any variable.
    assert_eq!(hint(&[("SEALER_CERT", "beta.crt")], "seal s.yaml"), beta);
    assert_eq!(hint(&[("SEALER_CERT", "beta.crt")], "seal --cert alpha.crt s.yaml"), alpha);
    assert_eq!(hint(&[("SEALER_CERT", "beta.crt")], "seal --keys store s.yaml"), alpha);
    assert_eq!(hint(&[("SEALER_CERT", "beta.crt"), ("SEALER_KEYS", "store")], "seal --local s.yaml"), alpha);
    keys.home.write("sealed.yaml", keys.run("seal --cert alpha.crt s.yaml").success());
    keys.with(&[("SEALER_KEYS", "store")], "unseal sealed.yaml").success();
    keys.with(&[("SEALER_KEYS", "/none")], "unseal --key alpha.pem sealed.yaml").success();
    // Without a cluster it can not go through, but its command line is a good one.
    let ended = keys.with(&[("SEALER_KEYS", "store")], "reseal --controller sealed.yaml");
    assert_ne!(ended.status, 64, "{}", ended.error());
    // Two flags that contradict each other are still a wrong command line.
    assert_eq!(keys.run("seal --cert alpha.crt --local s.yaml").status, 64);
    assert_eq!(keys.run("reseal --controller --keys store sealed.yaml").status, 64);
}

#[test]
fn pem_files_of_a_folder_count_and_so_does_every_key_of_a_file() {
    let keys = Keys::new();
    let (alpha, beta) = (keys.read("alpha.pem"), keys.read("beta.pem"));
    let bare = |text: &str| text[..text.find("-----BEGIN CERTIFICATE").unwrap_or(text.len())].to_owned();
    // In another order than their certificates.
    keys.home.write("both.pem", format!("{}{}{}{}", bare(&alpha), bare(&beta), keys.read("beta.crt"), keys.read("alpha.crt")));
    keys.home.write("folder/a.pem", &alpha);
    keys.home.write("folder/b.key", &beta);
    keys.home.write("folder/ca.pem", keys.read("beta.crt"));
    for name in ["alpha", "beta"] {
        keys.home.write("sealed.yaml", keys.run(&format!("seal --cert {name}.crt s.yaml")).success());
        for place in ["--key both.pem", "--keys folder"] {
            assert_eq!(keys.run(&format!("unseal {place} --item password sealed.yaml")).success(), "hunter2");
        }
    }
    assert_eq!(keys.names("keys list --keys folder --json").len(), 2);
    keys.run("keys import --keys new both.pem").success();
    assert_eq!(keys.run("keys export --keys new").success().matches("tls.crt").count(), 2);
}

#[test]
fn a_folder_of_keys_that_was_named_has_to_be_there() {
    let keys = Keys::new();
    keys.home.write("sealed.yaml", keys.run("seal --cert alpha.crt s.yaml").success());
    for line in ["unseal --keys /typo sealed.yaml", "seal --keys /typo s.yaml", "verify --keys /typo sealed.yaml", "keys list --keys /typo"] {
        let ended = keys.run(line);
        assert_eq!(ended.status, 3, "{line}: {}", ended.error());
        assert!(ended.error().contains("/typo"), "{line}: {}", ended.error());
    }
    assert_eq!(keys.with(&[("SEALER_KEYS", "/typo")], "seal --local s.yaml").status, 3);
    // The store that nobody named may be empty.
    keys.run("keys list").success();
    assert_eq!(keys.run("unseal sealed.yaml").status, 4);
}

#[test]
fn a_certificate_that_expired_gets_a_successor_before_the_period_is_over() {
    let place = super::Place::new();
    place.pass(&["--key-ttl", "1s"]);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    place.home.write("src/new.yaml", SECRET.replace("name: db", "name: new"));
    let rows = place.pass(&["--key-ttl", "1h"]);
    assert_eq!(super::actions(&rows, "Key "), ["made"]);
    assert_eq!(super::actions(&rows, "Secret "), ["created"]);
    assert_eq!(place.run(&["--key-ttl", "0"]).status, 64);
}
