//! The canary: every error path of every command, over inputs in which each secret, private key and ciphertext is marked. The mark must be in no
//! output but the plaintext that was asked for, in no form.
#![expect(clippy::unwrap_used, reason = "test code")]

#[path = "canary/external.rs"]
mod external;
#[path = "canary/files.rs"]
mod files;
#[path = "canary/inputs.rs"]
mod inputs;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tests::marked::{find, forms};
use tests::process::{Ended, Home};
use tests::sealer;

use inputs::CANARY;

/// A home full of marked inputs.
struct Cage {
    home: Home,
    /// What must not be seen.
    marks: Vec<String>,
}

impl Cage {
    fn new() -> Self {
        let home = Home::new();
        let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys");
        for entry in fs::read_dir(keys).unwrap().flatten() {
            fs::copy(entry.path(), home.path().join(entry.file_name())).unwrap();
        }
        let mut marks = forms(CANARY);
        // Every line of the private key, but the first, which is alike in all keys.
        let key = fs::read_to_string(home.path().join("alpha.pem")).unwrap();
        let private = key.split("-----END").next().unwrap();
        marks.extend(private.lines().skip(2).filter(|line| line.len() > 30).map(|line| line[..30].to_owned()));
        let mut cage = Self { home, marks };
        for (name, content) in inputs::files() {
            cage.home.write(name, content);
        }
        for (name, options) in [
            ("sealed.yaml", &["plain.yaml"][..]),
            ("hintless.yaml", &["--no-hint", "plain.yaml"]),
            ("other.yaml", &["--name", "other", "plain.yaml"]),
        ] {
            let sealed = cage.sealer(&[&["seal", "--cert", "alpha.crt"], options].concat()).success();
            cage.mark_items(&sealed);
            cage.home.write(name, &sealed);
            for (at, template) in inputs::TEMPLATES.iter().enumerate() {
                let data = serde_json::json!({ "spec:": null, "out": template }).to_string().replace("\"spec:\":null,", "");
                cage.home.write(format!("templates/{at}.yaml"), sealed.replacen("  template:\n", &format!("  template:\n    data: {data}\n"), 1));
            }
            cage.home.write(format!("moved-{name}"), sealed.replace("  namespace: shop", "  namespace: moved"));
            cage.home.write(
                format!("cut-{name}"),
                sealed.lines().map(|line| if line.contains(": A") { &line[..line.len() - 8] } else { line }).collect::<Vec<_>>().join("\n"),
            );
        }
        cage
    }

    /// Ciphertexts are marks too.
    fn mark_items(&mut self, sealed: &str) {
        let items = sealed.lines().filter_map(|line| line.split(": A").nth(1)).filter(|item| item.len() > 100);
        self.marks.extend(items.flat_map(|item| [item[20..50].to_owned(), item[item.len() - 40..item.len() - 10].to_owned()]));
    }

    fn sealer(&self, arguments: &[&str]) -> Ended {
        self.home.command(sealer()).args(arguments).env("KUBECONFIG", self.home.path().join("kubeconfig.yaml")).run()
    }

    fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        walk(self.home.path(), &mut files);
        files
    }

    /// Runs a command, and looks for the marks in both streams and in every file that it wrote.
    fn check(&self, line: &str, before: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
        let mut found = Vec::new();
        let ended = self.sealer(&line.split(' ').collect::<Vec<_>>());
        assert!(ended.status != 101 && ended.status < 128, "{line} broke: {}", ended.error());
        found.extend(self.look(line, &ended.stderr));
        // Who opens a seal with the right key asks for the plaintext; reseal prints a file of ciphertexts back as it was.
        let asked = ended.status == 0
            && ["unseal", "keys export", "kubeseal --recovery-unseal", "reseal", "kubeseal --re-encrypt"].iter().any(|verb| line.starts_with(verb));
        if !asked {
            found.extend(self.look(line, &ended.stdout));
        }
        for (path, content) in self.snapshot() {
            if before.get(&path) != Some(&content) {
                let asked = path.components().any(|part| part.as_os_str() == "secrets" || part.as_os_str() == "keys");
                // What stood in the file already may stay: reseal and merge leave it as it was.
                let old = before.get(&path).map(Vec::as_slice).unwrap_or_default();
                let new: Vec<String> = self.marks.iter().filter(|mark| find(old, &[(*mark).clone()]).is_none()).cloned().collect();
                if let Some(mark) = find(&content, &new).filter(|_| !asked) {
                    found.push(format!("{line}: {} shows {mark:?}", path.display()));
                }
                match before.get(&path) {
                    Some(old) => fs::write(&path, old).unwrap(),
                    None => fs::remove_file(&path).unwrap(),
                }
            }
        }
        found
    }

    fn look(&self, line: &str, shown: &[u8]) -> Option<String> {
        let mark = find(shown, &self.marks)?;
        Some(format!("{line} shows {mark:?}:\n{}", String::from_utf8_lossy(shown)))
    }
}

fn walk(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.is_file() {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}

#[test]
fn no_error_path_shows_a_secret_a_key_or_a_ciphertext() {
    let cage = Cage::new();
    let before = cage.snapshot();
    let lines = inputs::commands(&before.keys().filter_map(|path| path.strip_prefix(cage.home.path()).ok()?.to_str()).collect::<Vec<_>>());
    assert!(lines.len() > 500, "{} commands", lines.len());
    let found: Vec<String> = lines.iter().flat_map(|line| cage.check(line, &before)).collect();
    assert!(found.is_empty(), "{} of {} commands:\n{}", found.len(), lines.len(), found.join("\n"));
}

#[test]
fn no_credential_of_the_environment_is_shown() {
    let cage = Cage::new();
    for variables in inputs::VARIABLES {
        for line in ["kubeseal --fetch-cert", "kubeseal --validate -f sealed.yaml", "kubeseal --re-encrypt -f sealed.yaml", "kubeseal --bogus"] {
            let server = if line.ends_with("cert") { "https://192.0.2.1:1" } else { "https://127.0.0.1:1" };
            let command = cage.home.command(sealer()).args(line.split(' ')).args(["--request-timeout", "1s"]).env("SEALED_SECRETS_SERVER", server);
            let ended = variables.iter().fold(command, |command, (name, value)| command.env(name, value)).run();
            assert_ne!(ended.status, 0, "{line}");
            let found = cage.look(line, &ended.stderr).or_else(|| cage.look(line, &ended.stdout));
            assert_eq!(found, None, "{variables:?}");
        }
    }
}

#[test]
fn no_error_path_of_an_encrypted_file_shows_a_value_a_key_or_a_ciphertext() {
    let cage = files::Cage::new();
    let lines = files::commands(cage.names());
    assert!(lines.len() > 700, "{} commands", lines.len());
    let found: Vec<String> = lines.iter().flat_map(|line| cage.check(line, &[])).collect();
    assert!(found.is_empty(), "{} of {} commands:\n{}", found.len(), lines.len(), found.join("\n"));
}

#[test]
fn no_credential_that_opens_a_file_is_shown() {
    let cage = files::Cage::new();
    let found: Vec<String> = files::CREDENTIALS
        .iter()
        .flat_map(|variables| files::UNOPENABLE.iter().flat_map(|line| cage.check(line, variables)).collect::<Vec<_>>())
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_editor_that_leaves_a_broken_text_shows_nothing_of_it() {
    let mut cage = files::Cage::new();
    for text in files::edits() {
        cage.write("text", &text);
        for line in ["edit enc.yaml", "sops edit enc.yaml", "sops enc.json", "edit enc.json"] {
            let found = cage.check(line, &[("EDITOR", "cp text")]);
            assert!(found.is_empty(), "{}", found.join("\n"));
        }
    }
}

#[test]
fn a_watch_over_every_broken_file_shows_no_secret() {
    let cage = Cage::new();
    for source in ["plain", "sealed", "templates"] {
        let (out, keys) = (format!("out-{source}"), format!("fresh/keys-{source}"));
        let line = ["local", source, "--keys", &keys, "--out", &out, "--key-size", "2048", "--watch"];
        // It says what it finds at once, and again once something changes.
        let script = r#""$0" "$@" >said 2>&1 & watch=$!; sleep 1; cp plain.yaml "$SOURCE/more.yaml"; sleep 1; kill $watch; cat said"#;
        let ended = cage.home.command("sh").args(["-c", script]).arg(sealer()).args(line).env("SOURCE", source).run();
        assert!(ended.text().contains("cannot "), "{}", ended.text());
        assert_eq!(cage.look(source, &ended.stdout), None);
    }
}

#[test]
fn the_canary_would_be_found_in_every_form() {
    let cage = Cage::new();
    let url: String = CANARY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for text in [CANARY.to_owned(), STANDARD_NO_PAD.encode(format!("a{CANARY}b")), STANDARD_NO_PAD.encode(format!("ab{CANARY}")), url] {
        assert!(find(format!("error: {text} is wrong").as_bytes(), &cage.marks).is_some(), "{text}");
    }
    assert!(find(&fs::read(cage.home.path().join("alpha.pem")).unwrap(), &cage.marks).is_some());
    assert!(find(&fs::read(cage.home.path().join("sealed.yaml")).unwrap(), &cage.marks).is_some());
    assert!(find(cage.sealer(&["unseal", "--key", "alpha.pem", "sealed.yaml"]).success().as_bytes(), &cage.marks).is_some());
    assert!(find(b"error: nothing is wrong", &cage.marks).is_none());
}
