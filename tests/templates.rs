//! Templates beside Go's own `text/template` with sprig: listed cases, generated ones, and what only we promise (limits, silence).
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use keys::SecretBytes;
use templates::{Context, ErrorKind, MissingKey, Template, fuzz_render};
use tests::peers::{self, Missing};
use tests::process::Home;
use tests::suite::{Case, case, run};

#[path = "templates/external.rs"]
mod external;
#[path = "templates/generator.rs"]
mod generator;
#[path = "templates/oracle.rs"]
mod oracle;
#[path = "templates/random.rs"]
mod random;
#[path = "templates/shapes.rs"]
mod shapes;
#[path = "templates/signatures.rs"]
mod signatures;
#[path = "templates/vectors.rs"]
mod vectors;
#[path = "templates/words.rs"]
mod words;

use generator::{Generated, generate};
use oracle::{Oracle, Outcome};

/// Every way in which we differ from Go and sprig on purpose, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("limits", "whoever may write a template could otherwise exhaust the process; Go dies or goes on until the memory ends"),
    ("no_clock", "a rendering sees the time only if it is passed in; dates of what is no date would be dates of now"),
    ("redaction", "errors never show a value of the data; Go shows arguments"),
    ("dsa", "no current system accepts DSA keys, and there is no well-kept library to make them"),
    ("spare_capacity", "slices beyond the end show unused memory of Go's lists, whose size its runtime chooses"),
    ("time_internals", "a verb that does not fit a time prints the fields and addresses of Go's structure"),
    ("addresses", "pointers are printed as one constant address"),
    ("time_zones", "zones are those built into the program, and `Local` is UTC"),
    ("far_times", "years beyond 292 billion wrap around in Go"),
    ("map_order", "`keys` and `values` are in the order of the keys; in Go they are in any order"),
];

/// Cases in every run; while developing, a hundred times as many were run.
const SEEDS: u64 = 8;
const CASES_OF_SEED: u64 = 500;

fn main() -> ExitCode {
    let mut cases = vectors::cases();
    cases.extend(shapes::cases());
    cases.extend(external::cases());
    cases.extend((0..SEEDS).map(generated_cases));
    cases.push(case("errors_show_no_value_of_the_data", &[], errors_show_no_value_of_the_data));
    cases.push(case("every_function_is_generated_or_shaped", &[], every_function_is_generated_or_shaped));
    cases.push(case("the_list_of_functions_is_sprigs", &["gotemplate"], the_list_of_functions_is_sprigs));
    cases.push(case("no_bytes_make_a_rendering_panic", &[], no_bytes_make_a_rendering_panic));
    run(cases)
}

fn no_bytes_make_a_rendering_panic() {
    let mut random = random::Random::new(7);
    for seed in 0..2000 {
        let mut data = generate(seed).source;
        for _ in 0..random.below(4) {
            let at = random.below(data.len());
            data.insert(at, random.below(256) as u8);
        }
        data.push(0);
        let value: &&[u8] = random.choose(words::DATA);
        data.extend_from_slice(value);
        fuzz_render(&data);
    }
}

/// What came of our rendering, or the difference that explains why there is nothing to compare.
fn ours(source: &[u8], values: &BTreeMap<String, Vec<u8>>, missing_key: MissingKey) -> Result<Outcome, &'static str> {
    let Ok(template) = Template::parse("key", source) else { return Ok(Outcome::Parse) };
    let values = secrets(values);
    match template.render(&Context { missing_key, ..Context::new(&values) }) {
        // EXPOSE: compared with Go's output.
        Ok(rendered) => Ok(Outcome::Output(rendered.expose().to_vec())),
        Err(error) if error.kind() == ErrorKind::Limit => Err("limits"),
        Err(error) if error.kind() == ErrorKind::Unavailable => Err("no_clock"),
        Err(error) if error.to_string().ends_with("slice bounds out of range") && contains(source, b"lice") => Err("spare_capacity"),
        Err(_) => Ok(Outcome::Exec),
    }
}

fn secrets(values: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, SecretBytes> {
    values.iter().map(|(key, value)| (key.clone(), SecretBytes::from(value.clone()))).collect()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Times under verbs of numbers.
fn prints_internals(source: &[u8]) -> bool {
    contains(source, b"printf") && (contains(source, b"oDate") || contains(source, b"Modify") || contains(source, b"_modify"))
}

fn generated_cases(seed: u64) -> Case {
    case(format!("generated_{seed}_renders_as_in_go"), &["gotemplate"], move || compare(seed))
}

fn compare(seed: u64) -> Result<(), String> {
    let program = peers::get("gotemplate").map_err(|missing| missing.to_string())?;
    let mut oracle = Oracle::new(&program);
    let mut compared = 0;
    for index in 0..CASES_OF_SEED {
        let Generated { source, values } = generate(seed * CASES_OF_SEED + index + 1);
        let (missing_key, option) = match index % 4 {
            0 => (MissingKey::Error, "error"),
            1 => (MissingKey::Zero, "zero"),
            _ => (MissingKey::NoValue, ""),
        };
        let Ok(ours) = ours(&source, &values, missing_key) else { continue };
        let (theirs, why) = oracle.render(&source, &values, option);
        if ours != theirs && !prints_internals(&source) {
            return Err(format!("{}\nwith {values:?}\nours: {ours:?}\nGo:   {theirs:?} {why}", source.escape_ascii()));
        }
        compared += 1;
    }
    if compared * 10 < CASES_OF_SEED * 9 { Err(format!("only {compared} cases could be compared")) } else { Ok(()) }
}

fn errors_show_no_value_of_the_data() {
    let canary = b"CANARY-7f3a".to_vec();
    let mut sources: Vec<Vec<u8>> = (1..4000).map(|seed| generate(seed).source).collect();
    for call in [
        "fail .a",
        "index .a 99",
        "atoi .a | index .",
        "mustFromJson .a",
        "div .a .a",
        "mustToDate .a .a",
        "semver .a",
        "urlParse .a",
        "regexFind (print \"(\" .a) .a",
        "genCAWithKey .a 1 .a",
        "buildCustomCert .a .a",
        "decryptAES .a .a",
        "mustDateModify .a (toDate \"\" \"\")",
        "template .a",
        "upper (list .a)",
        ".a.b",
        "eq .a 1",
        "call .a",
        "until .a",
        "mustRegexMatch (print .a \"[\") .a",
        "dig .a 1 .a",
    ] {
        sources.push(format!("{{{{ {call} }}}}").into_bytes());
    }
    let values: BTreeMap<_, _> = ["a", "b", "c", "d", "e", "long_key"].map(|key| (key.to_owned(), canary.clone())).into();
    let values = secrets(&values);
    let mut errors = 0;
    for source in sources {
        let rendered = Template::parse("key", &source).and_then(|template| template.render(&Context::new(&values)));
        if let Err(error) = rendered {
            errors += 1;
            assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
        }
    }
    assert!(errors > 500, "only {errors} errors");
}

fn every_function_is_generated_or_shaped() {
    let named: BTreeSet<_> = signatures::SIGNATURES.iter().map(|(name, ..)| *name).chain(shapes::NAMES.iter().copied()).collect();
    for name in &named {
        let known = Template::parse("key", format!("{{{{ {name} }}}}").as_bytes());
        assert!(known.is_ok(), "{name}");
    }
    let list = list_of_functions();
    let all: BTreeSet<_> = list.lines().collect();
    let missing: Vec<_> = all.difference(&named).collect();
    assert!(all.len() > 200 && missing.is_empty(), "{missing:?} of {}", all.len());
}

/// The functions of `text/template` itself, which are in no map of sprig's. It makes `break` and `continue` words of the language.
const BUILT_IN: [&str; 19] =
    ["and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf", "println", "slice", "urlquery"];

fn the_list_of_functions_is_sprigs() -> Result<(), Missing> {
    let ended = Home::new().command(peers::get("gotemplate")?).arg("-functions").run().success();
    let list = list_of_functions();
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) = (list.lines().collect(), ended.lines().collect());
    let theirs: BTreeSet<_> = theirs.into_iter().chain(BUILT_IN).collect();
    assert_eq!(ours, theirs);
    Ok(())
}

fn list_of_functions() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/templates.functions")).unwrap_or_default()
}
