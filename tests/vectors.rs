//! Every vector of `tests/vectors/sealed`: items that the real kubeseal sealed, and what becomes of them when they are changed.
//!
//! A vector is a text: header lines (`expect`, `key`, `scope`, `namespace`, `name`, `comment`, `origin`), an empty line, the item in base64.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use keys::{ErrorKind, Sealed, SecretBytes, UnsealingKey};
use tests::suite::{Case, case, run};

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/sealed");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).expect("the folder of vectors").map(|entry| entry.expect("a vector").path()).collect();
    files.sort();
    run(files.into_iter().map(vector).collect())
}

fn vector(path: PathBuf) -> Case {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    case(format!("sealed::{name}"), &[], move || check(&path))
}

fn check(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let (header, payload) = text.split_once("\n\n").ok_or("no empty line behind the header")?;
    let header: BTreeMap<&str, &str> = header.lines().filter_map(|line| line.split_once(": ")).collect();
    let field = |name: &str| header.get(name).copied().ok_or(format!("no {name} in the header"));
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
