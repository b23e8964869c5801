//! What guards data keys, beside the tools that do: each opens what the other wrapped.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use keys::{AgePlugins, Credentials, DataKey, Encrypted, Error, Few, Fields, KeyService, MasterKeyKind, SecretBytes};
use serde_json::{Value, json};
use tests::peers;
use tests::process::{Ended, Home};
use tests::suite::{Case, case};

#[path = "keys/turning.rs"]
mod turning;

use super::age::identity_of;
use super::kinds::{Vault, gpg_home, ssh_key, start_vault, vault_key};
use turning::turning;

const SOPS: &[&str] = &["age", "age-keygen", "sops"];
const SSH: &[&str] = &["age", "sops", "ssh"];
const GPG: &[&str] = &["gpg", "sops"];
const VAULT: &[&str] = &["sops", "vault"];
const PLUGIN: &[&str] = &["age", "python3", "sops"];

/// The cases of this file.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("keys_age_x25519_passes_in_both_directions", SOPS, age_x25519_passes_in_both_directions),
        case("keys_age_hybrid_passes_in_both_directions", SOPS, age_hybrid_passes_in_both_directions),
        case("keys_age_ssh_passes_in_both_directions", SSH, age_ssh_passes_in_both_directions),
        case("keys_of_ssh_behind_a_passphrase_open", SSH, keys_of_ssh_behind_a_passphrase_open),
        case("keys_age_plugin_passes_in_both_directions", PLUGIN, age_plugin_passes_in_both_directions),
        case("keys_a_plugin_that_fails_is_named", PLUGIN, a_plugin_that_fails_is_named),
        case("keys_of_groups_are_shares_that_pass_in_both_directions", SOPS, shares_pass_in_both_directions),
        case("keys_pgp_passes_in_both_directions", GPG, pgp_passes_in_both_directions),
        case("keys_pgp_that_is_missing_is_told", GPG, pgp_that_is_missing_is_told),
        case("keys_vault_passes_in_both_directions", VAULT, vault_passes_in_both_directions),
        case("keys_vault_that_refuses_is_told_without_its_token", VAULT, vault_that_refuses_is_told_without_its_token),
    ]
}

/// The door of one home: its files, and the variables that are named.
#[derive(Clone, Default)]
struct Door {
    home: PathBuf,
    variables: BTreeMap<String, String>,
    passphrase: Option<&'static str>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Door {
    fn of(home: &Home, variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { home: home.path().to_owned(), variables, ..Self::default() }
    }

    fn service(&self, kind: &str) -> Box<dyn KeyService> {
        self::kind(kind).service(Arc::new(self.clone()))
    }
}

impl Credentials for Door {
    fn variable(&self, name: &str) -> Option<SecretBytes> {
        self.variables.get(name).map(|value| SecretBytes::new(value.clone().into_bytes()))
    }

    fn file(&self, path: &Path) -> keys::Result<Option<SecretBytes>> {
        Ok(fs::read(self.home.join(path)).ok().map(SecretBytes::new))
    }

    fn home(&self) -> Option<PathBuf> {
        Some(self.home.clone())
    }

    fn configuration(&self) -> Option<PathBuf> {
        Some(self.home.join(".config"))
    }

    fn command(&self, command: &str, variable: Option<(&str, &str)>) -> keys::Result<SecretBytes> {
        let output = Command::new("sh").args(["-c", command]).envs(variable).current_dir(&self.home).output();
        output.map(|output| SecretBytes::new(output.stdout)).map_err(|_| Error::malformed("run a command"))
    }

    fn passphrase(&self, prompt: &str) -> keys::Result<SecretBytes> {
        self.told.lock().expect("nobody panicked").push(prompt.to_owned());
        self.passphrase.map(|text| SecretBytes::new(text.into())).ok_or_else(|| Error::malformed("ask for a passphrase: nobody is there"))
    }

    fn tell(&self, message: &str) {
        self.told.lock().expect("nobody panicked").push(message.to_owned());
    }

    fn age_plugins(&self) -> Option<&dyn AgePlugins> {
        Some(providers::AGE_PLUGINS)
    }
}

fn kind(name: &str) -> &'static dyn MasterKeyKind {
    let all = keys::MASTER_KEYS.iter().copied().chain(providers::master_keys());
    all.into_iter().find(|kind| kind.names().metadata == name).expect("the kind is on a list")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn sops(home: &Home, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let mut run = home.command(peers::get("sops").expect("the case needs it")).env("SOPS_DISABLE_VERSION_CHECK", "1");
    for (name, value) in variables {
        run = run.env(name, value);
    }
    run.args(arguments).run()
}

fn tool(home: &Home, name: &str, arguments: &[&str]) -> Ended {
    let program = if peers::ALL.iter().any(|peer| peer.name == name) { peers::get(name).expect("the case needs it") } else { name.into() };
    home.command(program).args(arguments).run()
}

fn read(home: &Home, name: &str) -> String {
    fs::read_to_string(home.path().join(name)).expect("it was just written")
}

/// Encrypts `{"a": "b"}` with the real sops.
fn encrypted(home: &Home, variables: &[(&str, &str)], arguments: &[&str]) -> Value {
    home.write("plain.json", r#"{"a": "b"}"#);
    let text = sops(home, variables, &[arguments, &["--encrypt", "plain.json"]].concat()).success();
    home.write("theirs.json", &text);
    serde_json::from_str(&text).expect("sops writes JSON")
}

fn fields(file: &Value, kind: &str) -> Fields {
    file["sops"][kind][0].as_object().expect("sops wrote a key of the kind").clone()
}

/// Whether a key is that of the file: its value opens.
fn is_key_of(file: &Value, key: SecretBytes) -> bool {
    let text = file["a"].as_str().expect("a value");
    let part = |name: &str| {
        let rest = text.split_once(&format!("{name}:")).expect("the part is there").1;
        SecretBytes::from_base64(rest.split([',', ']']).next().unwrap_or_default()).expect("base64").expose().to_vec()
    };
    let value = Encrypted { data: part("data"), nonce: Few::new(&part("iv")).expect("a nonce"), tag: Few::new(&part("tag")).expect("a tag") };
    DataKey::from_secret(key).is_ok_and(|key| key.cipher().decrypt(value, b"a:").is_ok_and(|opened| opened.expose() == b"b"))
}

/// We open what sops wrapped; sops opens what we wrap.
#[track_caller]
fn exchange(home: &Home, door: &Door, name: &str, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut file = encrypted(home, variables, arguments);
    let theirs = fields(&file, name);
    let service = door.service(name);
    let key = wait(service.open(&theirs)).expect("what sops wrapped opens");
    assert!(is_key_of(&file, key.duplicate()), "{name}");
    let enc = wait(service.wrap(&theirs, &key)).expect("it wraps");
    assert_ne!(theirs["enc"], enc);
    let their_text = theirs["enc"].as_str().expect("text");
    assert_eq!(enc.ends_with('\n'), their_text.ends_with('\n'), "{enc}");
    file["sops"][name][0]["enc"] = json!(enc);
    home.write("ours.json", file.to_string());
    let opened = sops(home, variables, &["--decrypt", "ours.json"]).success();
    assert_eq!(serde_json::from_str::<Value>(&opened).expect("JSON"), json!({"a": "b"}), "{opened}");
    assert_eq!(kind(name).identity(&theirs), kind(name).identity(&kind(name).parse(&written(&theirs, name)).expect("it is one")));
    enc
}

/// A key as flags write it.
fn written(fields: &Fields, name: &str) -> String {
    let text = |field: &str| fields[field].as_str().expect("text").to_owned();
    match name {
        "age" => text("recipient"),
        "pgp" => text("fp"),
        _ => format!("{}/v1/{}/keys/{}", text("vault_address"), text("engine_path"), text("key_name")),
    }
}

/// An error that names all parts, and nothing that is secret.
#[track_caller]
fn fails(door: &Door, name: &str, fields: &Fields, parts: &[&str], secrets: &[&str]) {
    let error = wait(door.service(name).open(fields)).expect_err("it must not open").to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is missing: {error}");
    }
    let enc = fields["enc"].as_str().expect("text");
    for secret in secrets.iter().chain(enc.lines().filter(|line| line.len() > 8).collect::<Vec<_>>().iter()) {
        assert!(!error.contains(secret), "{error}");
    }
}

fn identity(home: &Home, name: &str, flags: &[&str]) -> String {
    let (identity, recipient) = identity_of(home, flags);
    home.write(name, identity);
    recipient
}

/// The real age opens what we wrap, with an identity of a file.
#[track_caller]
fn age_opens(home: &Home, enc: &str, identity: &str) {
    home.write("ours.age", enc);
    assert_eq!(tool(home, "age", &["-d", "-i", identity, "ours.age"]).stdout.len(), 32);
}

fn age_x25519_passes_in_both_directions() {
    let home = Home::new();
    let recipient = identity(&home, "keys.txt", &[]);
    let variables = [("SOPS_AGE_KEY_FILE", "keys.txt")];
    let door = Door::of(&home, &variables);
    let enc = exchange(&home, &door, "age", &variables, &["--age", &recipient]);
    age_opens(&home, &enc, "keys.txt");
    let command = [("SOPS_AGE_KEY_CMD", "cat keys.txt")];
    exchange(&home, &Door::of(&home, &command), "age", &command, &["--age", &recipient]);
    home.write(".config/sops/age/keys.txt", read(&home, "keys.txt"));
    exchange(&home, &Door::of(&home, &[]), "age", &[], &["--age", &recipient]);
    let other = Home::new();
    identity(&other, "keys.txt", &[]);
    let theirs = fields(&encrypted(&home, &[], &["--age", &recipient]), "age");
    fails(&Door::of(&other, &variables), "age", &theirs, &["SOPS_AGE_KEY_FILE keys.txt (1 identity, which does not fit)"], &[]);
    fails(&Door::of(&Home::new(), &[]), "age", &theirs, &["SOPS_AGE_KEY (not set)", "keys.txt (there is none)"], &[]);
}

fn age_hybrid_passes_in_both_directions() {
    let home = Home::new();
    let recipient = identity(&home, "keys.txt", &["-pq"]);
    let variables = [("SOPS_AGE_KEY_FILE", "keys.txt")];
    let door = Door::of(&home, &variables);
    let enc = exchange(&home, &door, "age", &variables, &["--age", &recipient]);
    age_opens(&home, &enc, "keys.txt");
    let other = Home::new();
    identity(&other, "keys.txt", &["-pq"]);
    fails(&Door::of(&other, &variables), "age", &fields(&encrypted(&home, &variables, &["--age", &recipient]), "age"), &["which does not fit"], &[]);
}

fn age_ssh_passes_in_both_directions() {
    for flags in [&["-t", "ed25519", "-N", ""][..], &["-t", "rsa", "-b", "2048", "-N", ""], &["-t", "rsa", "-b", "3072", "-m", "PEM", "-N", ""]] {
        let home = Home::new();
        let recipient = ssh_key(&home, "key", flags);
        let variables = [("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "key")];
        let enc = exchange(&home, &Door::of(&home, &variables), "age", &variables, &["--age", &recipient]);
        age_opens(&home, &enc, "key");
        let name = if recipient.starts_with("ssh-rsa") { "id_rsa" } else { "id_ed25519" };
        home.write(format!(".ssh/{name}"), read(&home, "key"));
        exchange(&home, &Door::of(&home, &[]), "age", &[], &["--age", &recipient]);
    }
}

fn keys_of_ssh_behind_a_passphrase_open() {
    for flags in [&["-t", "ed25519", "-N", "correct horse"][..], &["-t", "rsa", "-b", "2048", "-N", "correct horse"]] {
        let home = Home::new();
        let recipient = ssh_key(&home, "key", flags);
        let file = encrypted(&home, &[], &["--age", &recipient]);
        let door = |passphrase| Door { passphrase, ..Door::of(&home, &[("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "key")]) };
        let right = door(Some("correct horse"));
        assert!(is_key_of(&file, wait(right.service("age").open(&fields(&file, "age"))).expect("it opens")));
        assert_eq!(right.told.lock().expect("nobody panicked").len(), 1);
        fails(&door(Some("wrong")), "age", &fields(&file, "age"), &["SOPS_AGE_SSH_PRIVATE_KEY_FILE key (the passphrase is wrong)"], &["wrong horse"]);
        fails(&door(None), "age", &fields(&file, "age"), &["nobody is there"], &[]);
        // A key of somebody else is not asked for: its passphrase would be of no use.
        let stranger = ssh_key(&home, "stranger", &["-t", "ed25519", "-N", ""]);
        let silent = door(Some("correct horse"));
        fails(&silent, "age", &fields(&encrypted(&home, &[], &["--age", &stranger]), "age"), &["which does not fit"], &[]);
        assert!(silent.told.lock().expect("nobody panicked").is_empty());
    }
}

fn age_plugin_passes_in_both_directions() {
    let home = Home::new();
    let (path, recipient) = turning(&home);
    let variables = [("PATH", path.as_str()), ("SOPS_AGE_KEY_FILE", "keys.txt")];
    let door = Door { passphrase: Some("please"), ..Door::of(&home, &variables) };
    let mut file = encrypted(&home, &variables, &["--age", &recipient]);
    let theirs = fields(&file, "age");
    let service = door.service("age");
    let key = wait(service.open(&theirs)).expect("what sops wrapped opens");
    assert!(is_key_of(&file, key.duplicate()));
    assert_eq!(*door.told.lock().expect("nobody panicked"), ["Turning back.", "The word?"]);
    let enc = wait(service.wrap(&theirs, &key)).expect("it wraps");
    file["sops"]["age"][0]["enc"] = json!(enc);
    home.write("ours.json", file.to_string());
    // sops has nobody to ask for the word: it gets as far as the plugin.
    let error = sops(&home, &variables, &["--decrypt", "ours.json"]).error();
    assert!(error.contains("turning"), "{error}");
    assert!(wait(service.open(file["sops"]["age"][0].as_object().expect("an object"))).expect("it opens").ct_eq(&key));
}

fn a_plugin_that_fails_is_named() {
    let home = Home::new();
    let (path, recipient) = turning(&home);
    let variables = [("PATH", path.as_str()), ("SOPS_AGE_KEY_FILE", "keys.txt")];
    let theirs = fields(&encrypted(&home, &variables, &["--age", &recipient]), "age");
    fails(
        &Door { passphrase: Some("now"), ..Door::of(&home, &variables) },
        "age",
        &theirs,
        &["age-plugin-turning", "that was not the word"],
        &["now"],
    );
    fails(&Door::of(&home, &variables), "age", &theirs, &["age-plugin-turning"], &[]);
    let without = Door::of(&home, &[("PATH", "/nowhere"), ("SOPS_AGE_KEY_FILE", "keys.txt")]);
    fails(&without, "age", &theirs, &["age-plugin-turning", "it is not in PATH"], &[]);
    home.write("bin/age-plugin-turning", "#!/bin/sh\nexit 1\n");
    fails(&Door::of(&home, &variables), "age", &theirs, &["age-plugin-turning"], &[]);
}

fn shares_pass_in_both_directions() {
    let home = Home::new();
    let recipients: Vec<String> = (0..5).map(|at| identity(&home, &format!("key{at}.txt"), &[])).collect();
    let groups: Vec<String> = recipients.iter().map(|recipient| format!("  - age: [{recipient}]\n")).collect();
    home.write(".sops.yaml", format!("creation_rules:\n- shamir_threshold: 3\n  key_groups:\n{}", groups.concat()));
    let mut file = encrypted(&home, &[], &[]);
    let fields = |file: &Value, at: usize| file["sops"]["key_groups"][at]["age"][0].as_object().expect("a key").clone();
    let door = |at: usize| Door::of(&home, &[("SOPS_AGE_KEY_FILE", format!("key{at}.txt").as_str())]);
    let shares: Vec<SecretBytes> = (0..5).map(|at| wait(door(at).service("age").open(&fields(&file, at))).expect("it opens")).collect();
    for places in [[0, 1, 3], [4, 2, 3], [1, 2, 4]] {
        let some: Vec<SecretBytes> = places.iter().map(|at| shares[*at].duplicate()).collect();
        assert!(is_key_of(&file, keys::shamir::join(&some, 3).expect("they join")), "{places:?}");
    }
    let key = keys::shamir::join(&shares, 3).expect("they join");
    for (at, share) in keys::shamir::split(&key, 5, 3).expect("it splits").iter().enumerate() {
        file["sops"]["key_groups"][at]["age"][0]["enc"] = json!(wait(door(at).service("age").wrap(&fields(&file, at), share)).expect("it wraps"));
    }
    home.write("ours.json", file.to_string());
    for places in [[0, 1, 3], [1, 2, 4], [2, 3, 4]] {
        home.write("some.txt", places.map(|at| read(&home, &format!("key{at}.txt"))).concat());
        sops(&home, &[("SOPS_AGE_KEY_FILE", "some.txt")], &["--decrypt", "ours.json"]).success();
    }
    home.write("some.txt", [0, 4].map(|at| read(&home, &format!("key{at}.txt"))).concat());
    assert_ne!(sops(&home, &[("SOPS_AGE_KEY_FILE", "some.txt")], &["--decrypt", "ours.json"]).status, 0);
}

fn pgp_passes_in_both_directions() {
    let home = Home::new();
    let (folder, fingerprint) = gpg_home(&home);
    let variables = [("GNUPGHOME", folder.as_str())];
    let door = Door::of(&home, &variables);
    let enc = exchange(&home, &door, "pgp", &variables, &["--pgp", &fingerprint]);
    assert!(enc.starts_with("-----BEGIN PGP MESSAGE-----\n") && enc.ends_with("-----END PGP MESSAGE-----"), "{enc}");
    let mut theirs = fields(&encrypted(&home, &variables, &["--pgp", &fingerprint]), "pgp");
    // Many at once, one after another.
    let service = door.service("pgp");
    wait(async {
        let one = || service.open(&theirs);
        let (first, second, third) = tokio::join!(one(), one(), one());
        assert!([first, second, third].into_iter().all(|key| key.is_ok_and(|key| key.len() == 32)));
    });
    let text = theirs["enc"].as_str().expect("text").to_owned();
    let line = text.lines().nth(4).expect("a message has lines").to_owned();
    theirs["enc"] = json!(text.replace(&line, &line.chars().rev().collect::<String>()));
    fails(&door, "pgp", &theirs, &["open the data key that is wrapped for PGP key"], &[]);
}

fn pgp_that_is_missing_is_told() {
    let home = Home::new();
    let (folder, fingerprint) = gpg_home(&home);
    let theirs = fields(&encrypted(&home, &[("GNUPGHOME", folder.as_str())], &["--pgp", &fingerprint]), "pgp");
    let other = Home::new();
    let (empty, _) = gpg_home(&other);
    let stranger = Door::of(&other, &[("GNUPGHOME", empty.as_str())]);
    fails(&stranger, "pgp", &theirs, &["decryption failed: No secret key", &fingerprint], &[]);
    let error = wait(stranger.service("pgp").wrap(&theirs, &SecretBytes::new(vec![7; 32]))).expect_err("it has not the key").to_string();
    assert!(error.contains("wrap the data key for PGP key") && error.contains("No public key"), "{error}");
    let missing = Door::of(&home, &[("SOPS_GPG_EXEC", "/nowhere/gpg")]);
    fails(&missing, "pgp", &theirs, &["run /nowhere/gpg: it does not start"], &[]);
}

const TOKEN: &str = "token-of-these-tests";

/// A Vault in memory with a transit engine, and the URI of a key.
fn vault(home: &Home) -> (Vault, String) {
    let server = start_vault(TOKEN, "transit");
    let uri = vault_key(home, (&server.address, TOKEN), "transit/keys/sealer");
    (server, uri)
}

fn vault_passes_in_both_directions() {
    let home = Home::new();
    let (_server, uri) = vault(&home);
    let variables = [("VAULT_TOKEN", TOKEN)];
    let enc = exchange(&home, &Door::of(&home, &variables), "hc_vault", &variables, &["--hc-vault-transit", &uri]);
    assert!(enc.starts_with("vault:v1:"), "{enc}");
    home.write(".vault-token", format!("{TOKEN}\n"));
    exchange(&home, &Door::of(&home, &[]), "hc_vault", &[], &["--hc-vault-transit", &uri]);
}

fn vault_that_refuses_is_told_without_its_token() {
    let home = Home::new();
    let (server, uri) = vault(&home);
    let door = |variables: &[(&str, &str)]| Door::of(&home, variables);
    let theirs = fields(&encrypted(&home, &[("VAULT_TOKEN", TOKEN)], &["--hc-vault-transit", &uri]), "hc_vault");
    let check = |door: &Door, fields: &Fields, part: &str| fails(door, "hc_vault", fields, &[&uri[..21], part], &[TOKEN]);
    let with = |name: &str, value: &str| {
        let mut changed = theirs.clone();
        changed[name] = json!(value);
        changed
    };
    let right = door(&[("VAULT_TOKEN", TOKEN), ("VAULT_MAX_RETRIES", "0")]);
    check(&door(&[("VAULT_TOKEN", "another-token")]), &theirs, "denies it to this token (status 403)");
    check(&door(&[]), &theirs, "there is no token: VAULT_TOKEN is not set, and ~/.vault-token is not there");
    check(&right, &with("enc", "vault:v1:AAAA"), "refuses");
    check(&right, &with("enc", "vault:v1:\"}"), "it is not a ciphertext of Vault");
    check(&right, &with("key_name", "another"), "refuses");
    check(&right, &with("engine_path", "elsewhere"), "there is no such engine or key");
    check(&right, &with("engine_path", "transit/../sys"), "the address or the path of the key is not one");
    for (list, allowed) in
        [("none", false), ("https://other/", false), ("https://other,  http://127.0.0.1", false), (&uri[..uri.find("/v1").expect("a path")], true)]
    {
        let door = door(&[("VAULT_TOKEN", TOKEN), ("SOPS_HC_VAULT_ALLOWLIST", list)]);
        let opened = wait(door.service("hc_vault").open(&theirs));
        assert_eq!(opened.is_ok(), allowed, "{list}");
        let theirs = sops(&home, &[("VAULT_TOKEN", TOKEN), ("SOPS_HC_VAULT_ALLOWLIST", list)], &["--decrypt", "theirs.json"]).status;
        assert_eq!(theirs == 0, allowed, "{list}");
    }
    drop(server);
    thread::sleep(Duration::from_millis(100));
    check(&right, &theirs, "it cannot be reached");
}
