//! Encrypted files in which every value is the canary, wrong in every way; and the command lines of both faces that read them.

use std::fs;
use std::path::Path;

use tests::marked::{find, forms};
use tests::process::{Entry, Home, changed};
use tests::sealer;

use super::inputs::{CANARY, LINES};

/// A file of each format; `CANARY` becomes the mark.
const PLAIN: &[(&str, &str)] = &[
    ("plain.yaml", "# CANARY\nuser: CANARY\ndb:\n    password: CANARY # CANARY\n    list:\n        - CANARY\n        - 1\n"),
    ("plain.json", "{\"user\": \"CANARY\", \"db\": {\"password\": \"CANARY\", \"list\": [\"CANARY\", 1]}}\n"),
    ("plain.env", "# CANARY\nuser=CANARY\nother=CANARY\n"),
    ("plain.ini", "; CANARY\n[db]\nuser = CANARY\npassword = CANARY\n"),
    ("plain.toml", "user = \"CANARY\"\n[db]\npassword = \"CANARY\"\n"),
    ("plain.bin", "CANARY\n"),
];

/// Texts that are no files of their formats.
const BROKEN: &[(&str, &str)] = &[
    ("broken/bare.json", "{\"a\": CANARY}"),
    ("broken/open.json", "{\"a\": \"CANARY"),
    ("broken/key.json", "{\"CANARY\": 1, CANARY: 2}"),
    ("broken/list.json", "[\"CANARY\"]"),
    ("broken/escape.json", "{\"a\": \"CANARY\\q\"}"),
    ("broken/behind.json", "{\"a\": \"CANARY\"} CANARY"),
    ("broken/mark.json", "\u{feff}{\"a\": \"CANARY\"}"),
    ("broken/line.env", "A=CANARY\nCANARY\n"),
    ("broken/carriage.env", "A=CANARY\r\n\r\n"),
    ("broken/header.ini", "[CANARY\na = CANARY\n"),
    ("broken/line.ini", "[a]\nCANARY\n"),
    ("broken/quotes.ini", "[a]\nb = \"\"\"CANARY\n"),
    ("broken/bare.toml", "a = CANARY\n"),
    ("broken/open.toml", "a = \"CANARY\n"),
    ("broken/twice.toml", "a = \"CANARY\"\na = \"CANARY\"\n"),
    ("broken/date.toml", "a = 2024-99-99CANARY\n"),
    ("broken/number.yaml", "a: 99999999999999999999CANARY\n1: CANARY\n"),
    ("broken/sops.yaml", "sops: CANARY\na: CANARY\n"),
    ("broken/sops.json", "{\"sops\": [\"CANARY\"], \"a\": \"CANARY\"}"),
    ("broken/sops.env", "sops_mac=CANARY\nsops_age__list_0__map_enc=CANARY\nA=CANARY\n"),
    ("broken/sops.ini", "[sops]\nmac = CANARY\n[a]\nb = CANARY\n"),
    ("broken/sops.toml", "sops = \"CANARY\"\n"),
    ("config/broken.yaml", "creation_rules:\n  - age: CANARY\n   path: CANARY\n"),
    ("config/text.yaml", "creation_rules: CANARY\n"),
    ("config/secret.yaml", "creation_rules:\n  - age: AGE-SECRET-KEY-1CANARY\n"),
    ("config/list.yaml", "creation_rules:\n  - age: [{a: CANARY}]\n"),
    ("config/vault.yaml", "creation_rules:\n  - hc_vault_transit_uri: https://u:CANARY@127.0.0.1:1/v1/transit/keys/a\n"),
    ("config/vault-short.yaml", "creation_rules:\n  - hc_vault_transit_uri: https://u:CANARY@127.0.0.1:1/a\n"),
    ("config/groups.yaml", "creation_rules:\n  - shamir_threshold: CANARY\n    key_groups: [{age: CANARY}]\n"),
    ("config/indent.yaml", "stores: {yaml: {indent: CANARY}}\n"),
    ("keys/broken.txt", "AGE-SECRET-KEY-1CANARY\n"),
    ("keys/words.txt", "CANARY\n"),
    ("keys/plugin.txt", "AGE-PLUGIN-CANARY-1CANARY\n"),
    ("keys/ssh", "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY\n-----END OPENSSH PRIVATE KEY-----\n"),
    ("keys/pem", "-----BEGIN RSA PRIVATE KEY-----\nCANARY\n-----END RSA PRIVATE KEY-----\n"),
    ("keys/armor", "-----BEGIN AGE ENCRYPTED FILE-----\nCANARY\n-----END AGE ENCRYPTED FILE-----\n"),
    ("value", "{\"a\": CANARY}"),
    ("run.sh", "exit 3\n"),
];

/// The recipient of `keys.txt`.
const RECIPIENT: &str = "age10j7kewdux7ag0aw2ejz2jhjqgyjmkhkgxx7088hm5sypfg27d4cq7mz2jd";

/// A home full of marked files.
pub(crate) struct Cage {
    home: Home,
    /// What must not be seen unless it was asked for.
    secrets: Vec<String>,
    /// What must be in no message.
    ciphertexts: Vec<String>,
    before: Vec<Entry>,
    names: Vec<String>,
}

impl Cage {
    pub(crate) fn new() -> Self {
        let home = Home::new();
        let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("cmd/sops/home");
        let mut secrets = forms(CANARY);
        for name in ["keys.txt", "other.txt"] {
            let text = fs::read_to_string(keys.join(name)).unwrap();
            home.write(name, &text);
            secrets.extend(text.lines().filter_map(|line| line.strip_prefix("AGE-SECRET-KEY-1")).map(|key| key[..30].to_owned()));
        }
        let marked = |text: &str| text.replace("CANARY", CANARY);
        for (name, text) in PLAIN.iter().chain(BROKEN) {
            home.write(name, marked(text));
        }
        for (at, line) in LINES.iter().enumerate() {
            home.write(format!("broken/line-{at}.yaml"), marked(&format!("{line}\n")));
        }
        let mut cage = Self { home, secrets, ciphertexts: Vec::new(), before: Vec::new(), names: Vec::new() };
        for (name, _) in PLAIN {
            let text = cage.home.command(sealer()).args(["encrypt", "--age", RECIPIENT, name]).run().success();
            cage.damage(name.trim_start_matches("plain."), &text);
        }
        cage.home.command("true").run().success();
        cage.before = cage.home.snapshot();
        let names = cage.before.iter().filter_map(|(path, ..)| path.strip_prefix(cage.home.path()).ok()?.to_str().map(str::to_owned));
        cage.names = names.filter(|name| cage.home.path().join(name).is_file()).collect();
        cage
    }

    /// Adds a file.
    pub(crate) fn write(&mut self, name: &str, text: &str) {
        self.home.write(name, text);
        self.before = self.home.snapshot();
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Writes an encrypted file, and what becomes of it when it is changed.
    fn damage(&mut self, ending: &str, text: &str) {
        let parts = text.split("ENC[").skip(1).flat_map(|part| part.split([',', ']']).take(4).collect::<Vec<_>>());
        let long = parts.filter_map(|part| part.split_once(':')).map(|(_, part)| part).filter(|part| part.len() > 20);
        self.ciphertexts.extend(long.map(|part| part[..20].to_owned()));
        let armor = text.replace("\\n", "\n");
        self.ciphertexts
            .extend(armor.lines().map(str::trim).filter(|line| line.len() == 64 && !line.contains(' ')).map(|line| line[..40].to_owned()));
        self.home.write(format!("enc.{ending}"), text);
        let first = text.find("ENC[").unwrap();
        let end = first + text[first..].find(']').unwrap() + 1;
        let other = text[end..].find("ENC[").map_or(end, |at| end + at);
        let mac = text.rfind("mac").unwrap();
        let replaced = |from: &str, to: &str| text.replacen(from, to, 1).replace("CANARY", CANARY);
        let changes = [
            ("flipped", format!("{}{}", &text[..first], text[first..].replacen("data:", "data:AAAA", 1))),
            ("moved", format!("{}{}{}", &text[..first], &text[other..other + 150.min(text.len() - other)], &text[end..])),
            ("readable", format!("{}{CANARY}{}", &text[..first], &text[end..])),
            ("mac", format!("{}{}", &text[..mac], text[mac..].replacen("data:", "data:AAAA", 1))),
            ("time", text.replace("T", "CANARY").replace("CANARY", CANARY)),
            ("version", replaced("3.13.3", "CANARY")),
            ("recipient", text.replace(RECIPIENT, &format!("AGE-SECRET-KEY-1{CANARY}"))),
            ("armor", replaced("-----BEGIN AGE", "CANARY")),
            ("footer", replaced("-----END AGE", "CANARY")),
            ("rule", text.replace("unencrypted_suffix", "encrypted_regex").replace("_unencrypted", &format!("({CANARY}"))),
            ("cut", text[..text.len() / 2].to_owned()),
            ("kind", text.replace("recipient", "arn").replace("age:", "hc_vault:").replace("\"age\"", "\"hc_vault\"").replace(RECIPIENT, CANARY)),
        ];
        for (what, changed) in changes {
            self.home.write(format!("bad/{what}.{ending}"), changed);
        }
    }

    /// Runs a command, looks for the marks in both streams and in every file that it wrote, and sets all back.
    pub(crate) fn check(&self, line: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let line = line.replace("RECIPIENT", RECIPIENT).replace("CANARY", CANARY);
        let run = self.home.command(sealer()).args(line.split(' ')).env("SOPS_AGE_KEY_FILE", "keys.txt").env("EDITOR", "sh run.sh");
        let ended = variables.iter().fold(run, |run, (name, value)| run.env(name, value.replace("CANARY", CANARY))).input("\n").run();
        assert!(ended.status != 101 && ended.status < 134 || ended.status >= 200, "{line} broke with {}: {}", ended.status, ended.error());
        let all = [self.secrets.as_slice(), &self.ciphertexts].concat();
        let mut found = Vec::new();
        let mut look = |what: &str, shown: &[u8], marks: &[String]| {
            found.extend(find(shown, marks).map(|mark| format!("{line}: {what} shows {mark:?}:\n{}", String::from_utf8_lossy(shown))));
        };
        look("standard error", &ended.stderr, &all);
        // Who decrypts with the right key asks for the plaintext, if only of some files; who encrypts, for the ciphertext.
        let asks =
            ["decrypt", "extract", "exec-", "-d "].iter().any(|verb| line.contains(verb)) && (ended.status == 0 || line.ends_with("broken bad"));
        match (asks, ended.status) {
            (true, _) => {}
            (false, 0) => look("standard output", &ended.stdout, &self.secrets),
            (false, _) => look("standard output", &ended.stdout, &all),
        }
        let after = self.home.snapshot();
        for path in changed(&self.before, &after) {
            let entry = |entries: &[Entry]| entries.iter().find(|(other, ..)| other == path).map(|(.., content)| content.clone());
            let (old, new) = (entry(&self.before), entry(&after));
            if let Some(new) = new.as_ref().filter(|_| !asks) {
                // What stood in the file already may stay.
                let fresh: Vec<String> =
                    self.secrets.iter().filter(|mark| find(old.as_deref().unwrap_or_default(), &[(*mark).clone()]).is_none()).cloned().collect();
                look(&path.display().to_string(), new, &fresh);
            }
            match old {
                Some(old) if path.is_file() => fs::write(path, old).unwrap(),
                Some(_) => {}
                None if path.is_dir() => fs::remove_dir_all(path).unwrap(),
                None => drop(fs::remove_file(path)),
            }
        }
        found
    }
}

/// Command lines over one file, of both faces.
const EACH: &[&str] = &[
    "decrypt FILE",
    "sops decrypt FILE",
    "sops -d FILE",
    "decrypt --output-type json FILE",
    "sops decrypt --output-type dotenv FILE",
    "extract FILE [\"none\"]",
    "sops decrypt --extract [\"user\"][\"none\"] FILE",
    "set FILE [\"db\"] \"CANARY\"",
    "sops set FILE [\"db\"] \"CANARY\"",
    "rotate FILE",
    "sops rotate FILE",
    "edit FILE",
    "sops edit FILE",
    "exec-env FILE false",
    "sops exec-file FILE false",
    "updatekeys --yes FILE",
    "sops updatekeys --yes FILE",
    "groups add --age RECIPIENT FILE",
    "filestatus FILE",
    "sops filestatus FILE",
    "encrypt --age RECIPIENT FILE",
    "sops encrypt --age RECIPIENT FILE",
];

/// Command lines that are wrong, or meet something that is.
const OTHERS: &[&str] = &[
    "set enc.yaml [\"user\"] CANARY",
    "set enc.yaml [\"user\"] {\"a\":CANARY}",
    "set enc.yaml CANARY \"CANARY\"",
    "set enc.yaml [\"user\"][\"a\"] \"CANARY\"",
    "set enc.yaml [\"user\"] --value-file value",
    "set enc.bin [\"user\"] \"CANARY\"",
    "set enc.env [\"user\"] [\"CANARY\"]",
    "set enc.ini [\"user\"] \"CANARY\"",
    "set --text enc.yaml [\"user\"] CANARY extra",
    "sops set enc.yaml [\"user\"] CANARY",
    "sops set enc.yaml [\"user\"] [\"CANARY\"]",
    "sops set enc.yaml CANARY \"CANARY\"",
    "sops set --value-file enc.yaml [\"user\"] value",
    "sops set --value-stdin enc.yaml [\"user\"] CANARY",
    "sops --set [\"user\"]CANARY enc.yaml",
    "sops --set CANARY enc.yaml",
    "unset enc.yaml [\"none\"]",
    "sops unset enc.yaml [\"none\"]",
    "extract enc.yaml [\"user\"][\"a\"]",
    "extract enc.yaml [\"db\"][\"list\"][9]",
    "exec-env enc.yaml env",
    "sops exec-env enc.json env",
    "exec-file --filename ../x enc.yaml cat",
    "exec-env plain.env env",
    "decrypt --output none/none enc.yaml",
    "decrypt --output /dev/full enc.yaml",
    "sops decrypt --output none/none enc.yaml",
    "sops decrypt --output /dev/full enc.yaml",
    "sops decrypt --output-type ini enc.yaml",
    "encrypt --age CANARY plain.yaml",
    "encrypt --age AGE-SECRET-KEY-1CANARY plain.yaml",
    "sops encrypt --age AGE-SECRET-KEY-1CANARY plain.yaml",
    "encrypt --age RECIPIENT --encrypted-regex ( plain.yaml",
    "encrypt --age RECIPIENT --output none/none plain.yaml",
    "encrypt --hc-vault-transit https://u:CANARY@127.0.0.1:1/v1/transit/keys/a plain.yaml",
    "sops encrypt --hc-vault-transit https://u:CANARY@127.0.0.1:1/v1/transit/keys/a plain.yaml",
    "encrypt --hc-vault-transit https://u:CANARY@127.0.0.1:1/a plain.yaml",
    "sops encrypt --kms CANARY plain.yaml",
    "sops encrypt --encryption-context CANARY --age RECIPIENT plain.yaml",
    "encrypt --in-place --age RECIPIENT plain.yaml plain.json plain.env plain.ini plain.toml plain.bin",
    "encrypt --age RECIPIENT --input-type json plain.yaml",
    "encrypt --age RECIPIENT --input-type dotenv plain.yaml",
    "encrypt --age RECIPIENT --output-type ini plain.yaml",
    "sops encrypt --age RECIPIENT --output-type ini plain.json",
    "sops encrypt --age RECIPIENT --input-type json plain.yaml",
    "groups delete enc.yaml 1",
    "sops groups delete --file enc.yaml 0",
    "decrypt broken bad",
    "rotate broken bad",
    "encrypt --in-place --age RECIPIENT broken",
];

/// Every command line.
pub(crate) fn commands(names: &[String]) -> Vec<String> {
    let files = names.iter().filter(|name| ["broken/", "bad/"].iter().any(|folder| name.starts_with(folder)));
    let mut lines: Vec<String> = files.flat_map(|name| EACH.iter().map(move |line| line.replace("FILE", name))).collect();
    lines.extend(OTHERS.iter().map(|line| (*line).to_owned()));
    for name in names.iter().filter(|name| name.starts_with("config/") || name.as_str() == "plain.yaml" || name.as_str() == "enc.yaml") {
        let with = ["encrypt --config FILE plain.json", "updatekeys --config FILE --yes enc.json", "edit --config FILE new.yaml"];
        let sops =
            ["sops --config FILE encrypt plain.json", "sops --config FILE updatekeys --yes enc.json", "sops --config FILE decrypt bad/mac.json"];
        lines.extend(with.iter().chain(&sops).map(|line| line.replace("FILE", name)));
    }
    lines
}

/// Commands that need a key which is not there.
pub(crate) const UNOPENABLE: &[&str] = &[
    "decrypt enc.yaml",
    "sops decrypt enc.json",
    "edit enc.env",
    "sops rotate enc.ini",
    "exec-env enc.env env",
    "sops exec-file enc.bin cat",
    "encrypt --hc-vault-transit http://127.0.0.1:1/v1/transit/keys/a plain.yaml",
    "sops encrypt --hc-vault-transit http://127.0.0.1:1/v1/transit/keys/a plain.yaml",
];

/// Credentials that open nothing.
pub(crate) const CREDENTIALS: &[&[(&str, &str)]] = &[
    &[("SOPS_AGE_KEY_FILE", "other.txt")],
    &[("SOPS_AGE_KEY_FILE", "keys/broken.txt")],
    &[("SOPS_AGE_KEY_FILE", "keys/words.txt")],
    &[("SOPS_AGE_KEY_FILE", "keys/plugin.txt")],
    &[("SOPS_AGE_KEY_FILE", "keys/armor")],
    &[("SOPS_AGE_KEY_FILE", "none"), ("SOPS_AGE_KEY", "AGE-SECRET-KEY-1CANARY")],
    &[("SOPS_AGE_KEY_FILE", "other.txt"), ("SOPS_AGE_KEY_CMD", "false CANARY")],
    &[("SOPS_AGE_KEY_FILE", "other.txt"), ("SOPS_AGE_KEY_CMD", "echo CANARY")],
    &[("SOPS_AGE_KEY_FILE", "other.txt"), ("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "keys/ssh")],
    &[("SOPS_AGE_KEY_FILE", "other.txt"), ("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "keys/pem")],
    &[("SOPS_AGE_KEY_FILE", "other.txt"), ("SOPS_AGE_SSH_PRIVATE_KEY_CMD", "cat keys/ssh")],
    &[("SOPS_AGE_KEY_FILE", "other.txt"), ("VAULT_TOKEN", "CANARY"), ("VAULT_ADDR", "https://u:CANARY@127.0.0.1:1"), ("VAULT_MAX_RETRIES", "0")],
];

/// What an editor leaves instead of a text.
pub(crate) fn edits() -> Vec<String> {
    let texts = LINES.iter().copied().chain(BROKEN.iter().filter(|(name, _)| name.starts_with("broken/")).map(|(_, text)| *text));
    texts.map(|text| format!("{text}\n").replace("CANARY", CANARY)).collect()
}
