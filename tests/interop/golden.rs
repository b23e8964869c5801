//! One case a file: the command line, what it finds, and how ours differs, if it does.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Deserialize;
use tests::process::Home;
use tests::{golden, peers};

use crate::{apiserver, keys};

/// Shortest run of base64 that is taken for a sealed item: an RSA-2048 block and an empty value.
const SEALED: usize = 360;

/// A case as it is written. `$PORT` in texts becomes the port of the API server, `$SEALED` a SealedSecret as JSON, `$SEALED_YAML` as YAML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    /// What holds, for people.
    #[serde(rename = "says")]
    _says: String,
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    stdin: String,
    /// Standard input that is no text, in hexadecimal.
    #[serde(default)]
    stdin_hex: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// What ours does instead of what the real tool does, and why; without it both do the same.
    differs: Option<Differs>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Differs {
    /// The reason.
    #[serde(rename = "why")]
    _why: String,
    /// True if the real tool never ends, so that it is not run.
    #[serde(default)]
    theirs_hangs: bool,
    status: i32,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

/// What a run left behind, with everything that is random made the same.
#[derive(Debug, Eq, PartialEq)]
struct Seen {
    status: i32,
    stdout: String,
    stderr: String,
    /// Files that were changed or made: mode and content.
    files: BTreeMap<String, String>,
}

/// Runs one case.
pub(crate) fn check(file: &Path) -> Result<(), String> {
    let case: Golden = golden::read(file)?;
    let ours_in = |(home, replacements): (Home, Vec<_>)| run(&case, &home, &ours(&home), &replacements);
    let theirs_in = |(home, replacements): (Home, Vec<_>)| {
        Ok::<_, String>(run(&case, &home, &peers::get("kubeseal").map_err(|missing| missing.to_string())?, &replacements))
    };
    let ours = ours_in(prepared(&case));
    let Some(differs) = &case.differs else {
        return golden::equal(&ours, &theirs_in(prepared(&case))?, "the real kubeseal");
    };
    let expected = Seen { status: differs.status, stdout: differs.stdout.clone(), stderr: differs.stderr.clone(), files: differs.files.clone() };
    golden::equal(&ours, &expected, "expected")?;
    if differs.theirs_hangs { Ok(()) } else { golden::still_differs(&ours, &theirs_in(prepared(&case))?) }
}

/// Our binary under the name of the real tool.
pub(crate) fn ours(home: &Home) -> PathBuf {
    golden::link(home, "kubeseal")
}

fn prepared(golden: &Golden) -> (Home, Vec<(&'static str, String)>) {
    let home = keys::home();
    let all = format!("{:?} {} {:?} {:?}", golden.args, golden.stdin, golden.files, golden.env);
    let mut replacements = Vec::new();
    if all.contains("$SEALED") {
        let [json, yaml] = sealed();
        // The longer name first, or the shorter one would eat its head.
        replacements.push(("$SEALED_YAML", yaml.clone()));
        replacements.push(("$SEALED", json.clone()));
    }
    if all.contains("$PORT") {
        replacements.push(("$PORT", port(&home).to_string()));
    }
    for (name, content) in &golden.files {
        home.write(name, replaced(content, &replacements));
    }
    (home, replacements)
}

/// One SealedSecret as JSON and as YAML, made by the real tool from the keys of this run.
fn sealed() -> &'static [String; 2] {
    static MADE: OnceLock<[String; 2]> = OnceLock::new();
    MADE.get_or_init(|| {
        let home = keys::home();
        let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: ns1}\nstringData: {p: foo, q: bar}\n";
        ["json", "yaml"].map(|format| {
            let kubeseal = home.command(peers::get("kubeseal").expect("the case needs it"));
            kubeseal.args(["--cert", "cert.pem", "-o", format]).input(secret).run().success()
        })
    })
}

fn port(home: &Home) -> u16 {
    static PORT: OnceLock<u16> = OnceLock::new();
    *PORT.get_or_init(|| apiserver::start(fs::read_to_string(home.path().join("cert.pem")).expect("every home has it")))
}

fn replaced(text: &str, replacements: &[(&str, String)]) -> String {
    replacements.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

fn run(golden: &Golden, home: &Home, tool: &Path, replacements: &[(&'static str, String)]) -> Seen {
    let before = files(home);
    // Temporary files that stay behind are to be seen.
    let folder = home.path().to_string_lossy();
    let arguments = golden.args.iter().map(|argument| replaced(argument, replacements).replace("$HOME", &folder));
    let mut command = home.command(tool).env("TMPDIR", home.path()).args(arguments);
    for (name, value) in &golden.env {
        command = command.env(name, replaced(value, replacements));
    }
    let input = if golden.stdin_hex.is_empty() { replaced(&golden.stdin, replacements).into_bytes() } else { bytes(&golden.stdin_hex) };
    let ended = command.input(input).run();
    let same = |text: &str| normal(text, home, tool, replacements);
    let changed = files(home).into_iter().filter(|(name, (mode, content))| before.get(name) != Some(&(*mode, content.clone())));
    Seen {
        status: ended.status,
        stdout: same(&ended.text()),
        stderr: sorted(same(&ended.error())),
        files: changed.map(|(name, (mode, content))| (name, format!("{mode:o} {}", same(&String::from_utf8_lossy(&content))))).collect(),
    }
}

fn files(home: &Home) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(home.path()).expect("the home is there").flatten() {
        let (path, metadata) = (entry.path(), entry.metadata().expect("a file has a mode"));
        if metadata.is_file() {
            let content = fs::read(&path).expect("a file can be read");
            found.insert(entry.file_name().to_string_lossy().into_owned(), (metadata.permissions().mode() & 0o777, content));
        }
    }
    found
}

/// Makes the same what differs from run to run: paths, ports, the version, and ciphertexts, of which the length stays.
pub(crate) fn normal(text: &str, home: &Home, tool: &Path, replacements: &[(&'static str, String)]) -> String {
    let mut text = text.replace(&*tool.to_string_lossy(), "kubeseal").replace(&*home.path().to_string_lossy(), "$HOME");
    if let Some((_, port)) = replacements.iter().find(|(name, _)| *name == "$PORT") {
        text = text.replace(&format!(":{port}"), ":$PORT");
    }
    for version in ["0.38.4", "0.40.0"] {
        text = text.replace(&format!("kubeseal version: {version}"), "kubeseal version: $VERSION");
    }
    let mut same = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(is_base64) {
        let end = at + rest[at..].find(|letter| !is_base64(letter)).unwrap_or(rest.len() - at);
        let word = &rest[at..end];
        same.push_str(&rest[..at]);
        if word.len() >= SEALED {
            same.push_str(&format!("<sealed {}>", word.len()))
        } else {
            same.push_str(word)
        }
        rest = &rest[end..];
    }
    same + rest
}

/// Sorts the reasons why items do not open, and the items of each: the real tool lists them in any order.
fn sorted(text: String) -> String {
    let is_list = text.contains("no key could decrypt secret (") || text.contains("illegal base64 data at input byte");
    let Some(reasons) = text.strip_prefix("error: ").filter(|_| is_list) else { return text };
    let items = |line: &str| match line.rsplit_once(" (") {
        Some((reason, items)) => {
            let mut items: Vec<&str> = items.trim_end_matches(')').split(", ").collect();
            items.sort_unstable();
            format!("{reason} ({})", items.join(", "))
        }
        None => line.to_owned(),
    };
    let mut lines: Vec<String> = reasons.lines().map(items).collect();
    lines.sort();
    format!("error: {}\n", lines.join("\n"))
}

fn is_base64(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '=')
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> = hexadecimal.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).expect("two digits")).collect()
}
