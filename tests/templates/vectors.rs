//! The listed cases: one file each, a header, a blank line and the template.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use templates::{Context, ErrorKind, Limits, Template};
use tests::peers;
use tests::suite::{Case, case};

use super::oracle::{Oracle, Outcome};
use super::{DIFFERENCES, secrets};

struct Vector {
    values: BTreeMap<String, Vec<u8>>,
    expect: String,
    output: Vec<u8>,
    differs: Option<String>,
    /// How the error ends.
    says: String,
    limits: Limits,
    source: Vec<u8>,
}

/// One case per file, and one more that asks Go about all of them.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = files().into_iter().map(|file| case(name(&file), &[], move || check(&file))).collect();
    cases.push(case("vectors_hold_in_go", &["gotemplate"], vectors_hold_in_go));
    cases
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/templates");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn name(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read(file: &Path) -> Result<Vector, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let (header, source) = text.split_once("\n\n").ok_or("no blank line")?;
    let mut vector = Vector {
        values: BTreeMap::new(),
        expect: String::new(),
        output: Vec::new(),
        differs: None,
        says: String::new(),
        limits: Limits::default(),
        source: source.into(),
    };
    for line in header.lines() {
        let (field, text) = line.split_once(": ").ok_or("no field")?;
        match field {
            "comment" => {}
            "value" => {
                let (key, value) = text.split_once('=').ok_or("no value")?;
                vector.values.insert(key.to_owned(), unescape(value));
            }
            "expect" => text.clone_into(&mut vector.expect),
            "says" => text.clone_into(&mut vector.says),
            // Milliseconds of costly functions: fewer than by default, so that no case takes as long.
            "cost" => vector.limits.cost = text.parse().map_err(|_| "no number of milliseconds")?,
            "output" => vector.output = unescape(text),
            "differs" if DIFFERENCES.iter().any(|(name, _)| *name == text) => vector.differs = Some(text.to_owned()),
            other => return Err(format!("unknown field or difference: {other}")),
        }
    }
    Ok(vector)
}

/// `\n`, `\xff` and `\\`.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let (value, taken) = match (byte, behind) {
            (b'\\', [b'n', ..]) => (b'\n', 1),
            (b'\\', [b'x', high, low, ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
                (digit(*high) * 16 + digit(*low), 3)
            }
            (b'\\', [b'\\', ..]) => (b'\\', 1),
            (byte, _) => (*byte, 0),
        };
        out.push(value);
        rest = &behind[taken..];
    }
    out
}

fn check(file: &Path) -> Result<(), String> {
    let vector = read(file)?;
    let values = secrets(&vector.values);
    let rendered =
        Template::parse("key", &vector.source).and_then(|template| template.render(&Context { limits: vector.limits, ..Context::new(&values) }));
    let found = match &rendered {
        Ok(_) => "output",
        Err(error) => match error.kind() {
            ErrorKind::Parse => "parse",
            ErrorKind::Exec => "exec",
            ErrorKind::Limit => "limit",
            ErrorKind::Unavailable => "unavailable",
            _ => "another kind",
        },
    };
    if found != vector.expect {
        return Err(format!("expected {}, got {found}: {:?}", vector.expect, rendered.err()));
    }
    if let Some(error) = rendered.as_ref().err().filter(|error| !error.to_string().ends_with(&vector.says)) {
        return Err(format!("expected {:?}, got {error}", vector.says));
    }
    // EXPOSE: compared with the vector's output.
    let output = rendered.map(|rendered| rendered.expose().to_vec()).unwrap_or_default();
    if output == vector.output { Ok(()) } else { Err(format!("{}", output.escape_ascii())) }
}

fn vectors_hold_in_go() -> Result<(), String> {
    let program = peers::get("gotemplate").map_err(|missing| missing.to_string())?;
    let mut oracle = Oracle::new(&program);
    for file in files() {
        let vector = read(&file)?;
        if vector.differs.is_some() {
            continue;
        }
        let expected = match vector.expect.as_str() {
            "output" => Outcome::Output(vector.output),
            "parse" => Outcome::Parse,
            _ => Outcome::Exec,
        };
        let (found, why) = oracle.render(&vector.source, &vector.values, "");
        if found != expected {
            return Err(format!("{}: {found:?} {why}", name(&file)));
        }
    }
    Ok(())
}
