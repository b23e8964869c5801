//! The face of sops beside the real sops: one case a file under `cmd/sops`, the same command line for both tools in homes that are alike.
//!
//! Both end with the same status and print the same, ciphertexts apart; on standard error both say what the case names. What a command wrote is
//! read by the real tool afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use tests::process::{Ended, Home};
use tests::suite::{Case, case};
use tests::{golden, ledger, peers, sealer};

/// A case as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    /// What holds, for people.
    #[serde(rename = "says")]
    _says: String,
    /// `$HOME` becomes the home.
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    stdin: String,
    /// Files beside those that every home has.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// What both say on standard error, somewhere in it; nothing at all if it is empty.
    #[serde(default)]
    stderr: Vec<String>,
    /// Command lines of the real tool afterwards.
    #[serde(default)]
    then: Vec<Vec<String>>,
    /// What is not compared: a help text in other words.
    #[serde(default)]
    own_words: bool,
    /// What ours does instead of what the real tool does, and why; without it both do the same.
    differs: Option<Differs>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Differs {
    /// The reason.
    #[serde(rename = "why")]
    _why: String,
    status: i32,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: Vec<String>,
    /// What the real tool prints afterwards.
    #[serde(default)]
    then: Vec<String>,
}

/// What a run did, with everything that is random made the same.
#[derive(Debug, Eq, PartialEq)]
struct Seen {
    status: i32,
    stdout: String,
    then: Vec<String>,
}

/// Every case.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = golden::cases("sops", "sops_", &["sops"], check);
    cases.push(case("every_command_has_the_flags_of_the_real_sops", &["sops"], every_command_has_the_flags_of_the_real_sops));
    cases.push(case("keys_of_kinds_that_are_missing_are_refused_by_name", &[], keys_of_kinds_that_are_missing_are_refused_by_name));
    cases
}

fn every_command_has_the_flags_of_the_real_sops() -> Result<(), String> {
    let real = ledger::sops_flags(&peers::get("sops").map_err(|missing| missing.to_string())?, &[]);
    let ours = ledger::sops_flags(sealer(), &["sops"]);
    if ours == real { Ok(()) } else { Err(format!("ours\n{ours:#?}\nthe real sops\n{real:#?}")) }
}

/// A file is never closed to whoever has a key that nobody here knows.
fn keys_of_kinds_that_are_missing_are_refused_by_name() -> Result<(), String> {
    let known = ledger::sealer_kinds(sealer());
    let flags = [
        ("kms", "arn:aws:kms:eu-west-1:000000000000:key/x"),
        ("gcp-kms", "projects/p/locations/l/keyRings/r/cryptoKeys/k"),
        ("hckms", "region:00000000-0000-0000-0000-000000000000"),
        ("azure-kv", "https://vault.example/keys/k/v"),
    ];
    for (flag, key) in flags.into_iter().filter(|(flag, _)| !known.contains(&(*flag).to_owned())) {
        let home = home(&BTreeMap::new())?;
        let ended = home.command(sealer()).args(["sops", "encrypt", &format!("--{flag}"), key, "plain.json"]).run();
        if ended.status == 0 || !ended.stdout.is_empty() || !ended.error().contains(&flag.replace('-', "_")) {
            return Err(format!("--{flag}: status {}\n{}{}", ended.status, ended.text(), ended.error()));
        }
    }
    Ok(())
}

fn check(file: &Path) -> Result<(), String> {
    let case: Golden = golden::read(file)?;
    let theirs = peers::get("sops").map_err(|missing| missing.to_string())?;
    let (ours, our_words) = run(&case, &theirs, None)?;
    let (real, their_words) = run(&case, &theirs, Some(&theirs))?;
    let Some(differs) = &case.differs else {
        let words = |error| format!("{error}\nours says\n{our_words}\nthe real sops says\n{their_words}");
        golden::equal(&ours, &real, "the real sops").map_err(words)?;
        says(&case.stderr, "ours", &our_words)?;
        return says(&case.stderr, "the real sops", &their_words);
    };
    let expected = Seen { status: differs.status, stdout: differs.stdout.clone(), then: differs.then.clone() };
    golden::equal(&ours, &expected, "expected").map_err(|error| format!("{error}\nours says\n{our_words}"))?;
    says(&differs.stderr, "ours", &our_words)?;
    golden::still_differs(&(ours, our_words), &(real, their_words))
}

fn says(expected: &[String], who: &str, words: &str) -> Result<(), String> {
    let missing: Vec<&String> = expected.iter().filter(|text| !words.contains(text.as_str())).collect();
    if !missing.is_empty() {
        return Err(format!("{who} does not say {missing:?} but\n{words}"));
    }
    if expected.is_empty() && !words.is_empty() { Err(format!("{who} says\n{words}")) } else { Ok(()) }
}

/// Runs ours, or the tool that is named.
fn run(golden: &Golden, theirs: &Path, tool: Option<&Path>) -> Result<(Seen, String), String> {
    let home = home(&golden.files)?;
    let ours = golden::link(&home, "sops");
    let start = |tool: &Path, arguments: &[String], input: &str| -> Ended {
        let place = home.path().to_string_lossy().into_owned();
        let mut command = home.command(tool).env("SOPS_DISABLE_VERSION_CHECK", "1").args(arguments.iter().map(|text| text.replace("$HOME", &place)));
        for (name, value) in &golden.env {
            command = command.env(name, value.replace("$HOME", &place));
        }
        command.input(input).run()
    };
    let ended = start(tool.unwrap_or(&ours), &golden.args, &golden.stdin);
    let then = golden.then.iter().map(|arguments| start(theirs, arguments, ""));
    let then = then.map(|ended| same(&format!("{}{}", ended.text(), ended.error()), &home)).collect();
    let stdout = if golden.own_words { String::new() } else { same(&ended.text(), &home) };
    Ok((Seen { status: ended.status, stdout, then }, same(&ended.error(), &home)))
}

/// A home with the keys and the files of every case.
fn home(files: &BTreeMap<String, String>) -> Result<Home, String> {
    let home = Home::new();
    for entry in fs::read_dir(golden::folder("sops").join("home")).map_err(|error| error.to_string())?.flatten() {
        fs::copy(entry.path(), home.path().join(entry.file_name())).map_err(|error| error.to_string())?;
    }
    let keys = fs::read(home.path().join("keys.txt")).map_err(|error| error.to_string())?;
    home.write(".config/sops/age/keys.txt", keys);
    for (name, content) in files {
        home.write(name, content);
    }
    Ok(home)
}

/// Makes the same what differs from run to run: the home, times, and ciphertexts, of which the length stays.
fn same(text: &str, home: &Home) -> String {
    let text = text.replace(&*home.path().to_string_lossy(), "$HOME");
    let mut lines: Vec<String> = Vec::new();
    let mut in_armor = false;
    for line in text.split('\n') {
        if line.contains("-----BEGIN AGE ENCRYPTED FILE-----") && !line.contains("-----END") {
            in_armor = true;
        }
        if !in_armor {
            lines.push(without_times(&without_armor(&without_ciphertext(line))));
        }
        if line.contains("-----END AGE ENCRYPTED FILE-----") {
            in_armor = false;
            lines.push("<armor>".to_owned());
        }
    }
    lines.join("\n")
}

fn without_ciphertext(line: &str) -> String {
    let mut parts = line.split("ENC[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (cipher, rest) = part.split_once(']').unwrap_or((part, ""));
        text.push_str(&format!("ENC[{}]{rest}", cipher.len()));
    }
    text
}

/// Armor within one line, as JSON and dotenv have it.
fn without_armor(line: &str) -> String {
    let (begin, end) = ("-----BEGIN AGE ENCRYPTED FILE-----", "-----END AGE ENCRYPTED FILE-----");
    match (line.find(begin), line.find(end)) {
        (Some(start), Some(stop)) if start < stop => format!("{}<armor>{}", &line[..start], &line[stop + end.len()..]),
        _ => line.to_owned(),
    }
}

/// Dates with times, as metadata and logs have them.
fn without_times(line: &str) -> String {
    let shape = |bytes: &[u8]| {
        let digits = |at: std::ops::Range<usize>| bytes.get(at).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
        let mark = |at: usize| bytes.get(at).copied().unwrap_or_default();
        digits(0..4)
            && digits(5..7)
            && digits(8..10)
            && digits(11..13)
            && matches!(mark(4), b'-' | b'/')
            && matches!(mark(10), b'T' | b' ')
            && mark(13) == b':'
    };
    let mut text = String::new();
    let mut rest = line;
    while let Some(letter) = rest.chars().next() {
        if rest.len() >= 19 && rest.is_char_boundary(19) && shape(rest.as_bytes()) {
            text.push_str("<time>");
            rest = rest[19..].strip_prefix('Z').unwrap_or(&rest[19..]);
        } else {
            text.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    text
}
