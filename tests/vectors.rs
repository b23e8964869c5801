//! Every vector: what the real tools made, and what becomes of it when it is changed.
//!
//! A vector is a text: header lines, an empty line, the payload. Of `tests/vectors/sealed`, items of kubeseal in base64: `expect`, `key`, `scope`,
//! `namespace`, `name`, `comment`, `origin`. Of `tests/vectors/sops`, whole files of sops: `expect`, `format`, `key` (the data key in base64),
//! `plaintext` (in base64, as sops 3.13.3 shows the file), `comment`, `origin`.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use keys::{DataKey, ErrorKind, Sealed, SecretBytes, UnsealingKey};
use sops::{EncryptedFile, MacCheck, Manner, Style};
use tests::suite::{Case, case, run};

type Header<'t> = BTreeMap<&'t str, &'t str>;

fn main() -> ExitCode {
    run(folder("sealed", sealed).into_iter().chain(folder("sops", sops)).collect())
}

fn folder(name: &'static str, check: fn(&Header<'_>, &str) -> Result<(), String>) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).expect("the folder of vectors").map(|entry| entry.expect("a vector").path()).collect();
    files.sort();
    let vector = |path: PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        case(format!("{name}::{file}"), &[], move || {
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            let (header, payload) = text.split_once("\n\n").ok_or("no empty line behind the header")?;
            check(&header.lines().filter_map(|line| line.split_once(": ")).collect(), payload)
        })
    };
    files.into_iter().map(vector).collect()
}

fn field<'t>(header: &Header<'t>, name: &str) -> Result<&'t str, String> {
    header.get(name).copied().ok_or(format!("no {name} in the header"))
}

fn sealed(header: &Header<'_>, payload: &str) -> Result<(), String> {
    let field = |name: &str| field(header, name);
    let label = field("scope")?.parse::<keys::Scope>().map_err(|error| error.to_string())?.label(field("namespace")?, field("name")?);
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("vectors/keys/{}.pem", field("key")?));
    let key = UnsealingKey::from_pem(&SecretBytes::new(fs::read(key).map_err(|error| error.to_string())?)).map_err(|error| error.to_string())?;
    let opened = Sealed::from_base64(payload.trim_end_matches('\n')).and_then(|item| item.open(&key, &label));
    match (field("expect")?, opened) {
        ("success", Ok(secret)) => {
            let expected = SecretBytes::from_base64(header.get("plaintext").copied().unwrap_or_default()).map_err(|error| error.to_string())?;
            if secret.ct_eq(&expected) { Ok(()) } else { Err("opened to another plaintext".to_owned()) }
        }
        ("unopenable", Err(error)) if error.kind() == ErrorKind::Unopenable => Ok(()),
        ("malformed", Err(error)) if error.kind() == ErrorKind::Malformed => Ok(()),
        (expected, Ok(_)) => Err(format!("expected {expected}, but it opened")),
        (expected, Err(error)) => Err(format!("expected {expected}, got {:?}: {error}", error.kind())),
    }
}

fn sops(header: &Header<'_>, payload: &str) -> Result<(), String> {
    let store = sops::named(field(header, "format")?).ok_or("nobody knows the format")?;
    let key = SecretBytes::from_base64(field(header, "key")?).and_then(DataKey::from_secret).map_err(|error| error.to_string())?;
    let manner = Manner::Anew(Style::default());
    let opened =
        EncryptedFile::parse(store, SecretBytes::new(payload.as_bytes().to_vec())).and_then(|file| file.decrypt(&key, MacCheck::Enforce, manner));
    let expected = field(header, "expect")?;
    match opened {
        Ok(opened) if expected == "success" => {
            let plaintext = SecretBytes::from_base64(header.get("plaintext").copied().unwrap_or_default()).map_err(|error| error.to_string())?;
            let shown = opened.plain.emit(store, Style::default()).map_err(|error| error.to_string())?;
            if shown.ct_eq(&plaintext) { Ok(()) } else { Err("decrypted to another plaintext".to_owned()) }
        }
        Ok(_) => Err(format!("expected {expected}, but it opened")),
        Err(error) if format!("{:?}", error.kind()) == expected => Ok(()),
        Err(error) => Err(format!("expected {expected}, got {:?}: {error}", error.kind())),
    }
}
