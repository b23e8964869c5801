//! Goldens of our own face: one TOML file a case below `tests/cmd`, with arguments, files, status and both streams.
//!
//! The home of a case holds the keys of `tests/vectors/keys`. `{b64:TEXT}` in a file becomes base64. `SEALER_UPDATE=1` writes what was seen.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use tests::process::Home;
use tests::sealer;
use tests::suite::{Case, case, run};

/// The commands of our own face; the folders of faces have runners of their own.
const COMMANDS: [&str; 10] = ["cert", "fetch", "keys", "local", "render", "reseal", "run", "seal", "unseal", "verify"];

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    args: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    stdin: String,
    status: i32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    stdout: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    stderr: String,
    /// Files before the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    files: BTreeMap<String, String>,
    /// Files that must have this content afterwards.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    after: BTreeMap<String, String>,
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cases = Vec::new();
    for command in COMMANDS {
        let mut files: Vec<PathBuf> =
            fs::read_dir(root.join("cmd").join(command)).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.sort();
        cases.extend(files.into_iter().map(|file| golden(command, file)));
    }
    run(cases)
}

fn golden(command: &str, file: PathBuf) -> Case {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    case(format!("{command}::{name}"), &[], move || check(&file))
}

fn check(file: &Path) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let mut golden: Golden = toml::from_str(&text).map_err(|error| error.to_string())?;
    let home = Home::new();
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys");
    for entry in fs::read_dir(keys).map_err(|error| error.to_string())?.flatten() {
        fs::copy(entry.path(), home.path().join(entry.file_name())).map_err(|error| error.to_string())?;
    }
    for (name, content) in &golden.files {
        home.write(name, content);
    }
    let ended = home.command(sealer()).args(&golden.args).input(golden.stdin.clone()).run();
    let tidy = |text: String| text.replace(&home.path().display().to_string(), "HOME");
    let (stdout, stderr) = (tidy(ended.text()), tidy(ended.error()));
    if std::env::var_os("SEALER_UPDATE").is_some() {
        (golden.status, golden.stdout, golden.stderr) = (ended.status, stdout, stderr);
        let text = toml::to_string_pretty(&golden).map_err(|error| error.to_string())?;
        return fs::write(file, text).map_err(|error| error.to_string());
    }
    if (ended.status, &stdout, &stderr) != (golden.status, &golden.stdout, &golden.stderr) {
        return Err(format!(
            "status {} instead of {}\n-- stdout\n{stdout}\n-- instead of\n{}\n-- stderr\n{stderr}\n-- instead of\n{}",
            ended.status, golden.status, golden.stdout, golden.stderr
        ));
    }
    for (name, content) in &golden.after {
        let found = fs::read_to_string(home.path().join(name)).unwrap_or_default();
        if found != *content {
            return Err(format!("{name} holds\n{found}\ninstead of\n{content}"));
        }
    }
    Ok(())
}
