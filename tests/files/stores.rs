//! Formats beside the real sops: what it writes of a file that it does not encrypt is what ours writes, byte for byte.

use sops::{Map, Member, Store, Style, named};
use tests::peers;
use tests::process::Home;
use tests::suite::{Case, case};

#[path = "../templates/random.rs"]
pub(crate) mod random;

use random::Random;

const SOPS: &[&str] = &["sops"];

/// A key that nobody has: the files are never decrypted.
const RECIPIENT: &str = "age12hn8kkm7csqx4yuzdfa4taskpj7gwam5z7delhkp976vfl2hppnswrjyyj";

/// Files of each format in every run; while developing, a hundred times as many were run.
const FILES: u64 = 60;

const JSON_STRINGS: &[&[u8]] = &[
    b"a",
    b" ",
    b"<",
    b"&",
    b"\\u003e",
    b"\\n",
    b"\\t",
    b"\\b",
    b"\\/",
    b"\\\\",
    b"\\\"",
    b"\\ud800",
    b"\\udc00",
    b"\\ud83d\\ude00",
    b"\xff",
    b"\xe2\x80\xa8",
    b"\xed\xa0\x80",
    b"\x7f",
    b"\\u0000",
    b"\\u2029",
    b"\xc3",
    b"\xf0\x9f\x98\x80",
];

const JSON_SCALARS: &[&[u8]] = &[
    b"0",
    b"-0",
    b"1.0",
    b"1e2",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"1e21",
    b"1E-7",
    b"0.000001",
    b"1e-400",
    b"123456789012345678901234567890",
    b"true",
    b"false",
    b"null",
    b"5e-324",
    b"12345.678",
    b"01",
    b"1e400",
    b"nul",
    b"\"\\x\"",
    b"\"\n\"",
];

/// Parts of lines: a key comes first.
const DOTENV: &[&[u8]] = &[
    b"\nA=",
    b"\nexport B =",
    b"\n=",
    b"\n#",
    b"\n # c=",
    b"x",
    b" ",
    b"\\n",
    b"\\\\n",
    b"\"",
    b"'",
    b"\r",
    b"\n\nC=d",
    b"\xc3\xa9",
    b"\0",
    b"=y",
    b"\\",
    b"\n\t=",
    b"#z",
    b"\nword",
];

const INI: &[&[u8]] = &[
    b"[s]\n",
    b"[t] ; c\n",
    b"[DEFAULT]\n",
    b"[a b] junk\n",
    b"; note\n",
    b"  # more\n",
    b"\n",
    b"k = v\n",
    b"key=w ; behind\n",
    b"long_key : x y\n",
    b"k =\n",
    b"q = \"z\"\n",
    b"r = 's\n",
    b"t = `u;v`\n",
    b"w = \"\"\"one\ntwo\"\"\" # c\n",
    b"c = con \\\n tinued\n",
    b"`a=b` = c\n",
    b"\"d\" = e\r\n",
    b"f\"g = h\n",
    b"i`j = \" k \"\n",
    b"- = n\n",
    b"p = %(k)s\n",
    b"word\n",
    b"x = \xc2\xa0y\n",
    b";; z\n",
    b"= no\n",
    b"a = `\nb`\n",
];

pub(crate) fn cases() -> Vec<Case> {
    let random = [
        ("json", json as fn(&mut Random) -> Vec<u8>),
        ("dotenv", |random| [b"A=".to_vec(), parts(random, DOTENV, 30)].concat()),
        ("ini", |random| parts(random, INI, 14)),
    ];
    let mut cases: Vec<Case> = Vec::new();
    for (format, generate) in random {
        cases.push(case(format!("{format}_is_written_as_sops_writes_it"), SOPS, move || random_files(format, generate)));
    }
    cases.push(case("json_is_indented_as_sops_indents_it", SOPS, json_is_indented_as_sops_indents_it));
    cases
}

fn parts(random: &mut Random, from: &[&[u8]], most: usize) -> Vec<u8> {
    (0..=random.below(most)).flat_map(|_| random.choose(from).to_vec()).collect()
}

fn json(random: &mut Random) -> Vec<u8> {
    let mut out = b"{".to_vec();
    for index in 0..=random.below(8) {
        out.extend_from_slice(if index > 0 { b", " } else { b"" });
        json_string(random, &mut out);
        out.extend_from_slice(b" : ");
        json_value(random, &mut out, 0);
    }
    out.extend_from_slice(b"}\n");
    out
}

fn json_string(random: &mut Random, out: &mut Vec<u8>) {
    out.push(b'"');
    (0..random.below(5)).for_each(|_| out.extend_from_slice(JSON_STRINGS[random.below(JSON_STRINGS.len())]));
    out.push(b'"');
}

fn json_value(random: &mut Random, out: &mut Vec<u8>, depth: usize) {
    let brackets = match random.below(if depth > 3 { 5 } else { 8 }) {
        0..2 => return json_string(random, out),
        // The last ones are malformed: they come seldom.
        2..5 => {
            let spared = if random.percent(95) { 5 } else { 0 };
            return out.extend_from_slice(JSON_SCALARS[random.below(JSON_SCALARS.len() - spared)]);
        }
        5 => b"[]",
        _ => b"{}",
    };
    out.push(brackets[0]);
    for index in 0..random.below(4) {
        out.extend_from_slice(if index > 0 { b",\n" } else { b"" });
        if brackets == b"{}" {
            json_string(random, out);
            out.push(b':');
        }
        json_value(random, out, depth + 1);
    }
    out.push(brackets[1]);
}

/// Lets the real tool add its metadata to a file; nothing in it is encrypted.
fn real(home: &Home, format: &str, source: &[u8]) -> Result<Vec<u8>, String> {
    let sops = peers::get("sops").map_err(|missing| missing.to_string())?;
    let file = home.write("source", source);
    let arguments = ["encrypt", "--age", RECIPIENT, "--encrypted-regex", "^never$", "--input-type", format, "--output-type", format];
    let ended = home.command(sops).args(arguments).arg(file).env("SOPS_DISABLE_VERSION_CHECK", "1").run();
    if ended.status == 0 { Ok(ended.stdout) } else { Err(ended.error()) }
}

fn random_files(format: &'static str, generate: fn(&mut Random) -> Vec<u8>) -> Result<(), String> {
    let store = named(format).ok_or("no such format")?;
    let home = Home::new();
    let mut compared = 0;
    for seed in 0..FILES {
        let source = generate(&mut Random::new(seed + 1));
        let shown = String::from_utf8_lossy(&source).into_owned();
        match (real(&home, format, &source), store.parse(&source)) {
            (Ok(written), Ok(mut document)) => {
                let encrypted = store.parse_encrypted(&written).map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&written)))?;
                let Some(root) = document.branches.first_mut() else { return Err("no document".to_owned()) };
                root.members.extend(metadata(encrypted.branches.into_iter().next().unwrap_or_default()));
                compare(store, &document, &written, &shown)?;
                compared += 1;
            }
            (Err(_), Err(_)) => {}
            (Ok(_), Err(error)) => return Err(format!("only ours refuses, {error}: {shown:?}")),
            (Err(error), Ok(_)) => return Err(format!("only sops refuses, {error}: {shown:?}")),
        }
    }
    if compared < FILES / 4 { Err(format!("only {compared} files could be compared")) } else { Ok(()) }
}

/// The pairs of the metadata, as they stand in a document.
fn metadata(root: Map) -> impl Iterator<Item = Member> {
    root.members.into_iter().filter(|member| matches!(member, Member::Pair(pair) if pair.key == "sops" || pair.key.starts_with("sops_")))
}

fn compare(store: &dyn Store, document: &sops::Document, written: &[u8], source: &str) -> Result<(), String> {
    let style = Style::default();
    let ours = match store.emit_encrypted(document, style) {
        Ok(text) => text,
        // Refused, since sops itself reads something else from what it writes.
        Err(error) if error.kind() == sops::ErrorKind::Unencryptable => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    // EXPOSE: the files of tests are no secrets.
    let ours = ours.expose();
    if ours == written {
        return Ok(());
    }
    Err(format!("of {source:?}\nsops writes {:?}\nours writes {:?}", String::from_utf8_lossy(written), String::from_utf8_lossy(ours)))
}

fn json_is_indented_as_sops_indents_it() -> Result<(), String> {
    let store = named("json").ok_or("no such format")?;
    let home = Home::new();
    let sops = peers::get("sops").map_err(|missing| missing.to_string())?;
    let source = home.write("source", r#"{"a": {"b": [1, {}, [], {"c": null}]}}"#);
    for indent in [-1, 0, 1, 2, 7] {
        let configuration = home.write(".sops.yaml", format!("creation_rules: [{{age: {RECIPIENT}}}]\nstores: {{json: {{indent: {indent}}}}}\n"));
        let arguments = ["--encrypted-regex", "^never$", "--input-type", "json", "--output-type", "json"];
        let command = home.command(&sops).arg("--config").arg(configuration).arg("encrypt").args(arguments).arg(&source);
        let ended = command.env("SOPS_DISABLE_VERSION_CHECK", "1").run();
        if ended.status != 0 {
            return Err(ended.error());
        }
        let document = store.parse(&ended.stdout).map_err(|error| error.to_string())?;
        let ours = store.emit_encrypted(&document, Style { indent: Some(indent) }).map_err(|error| error.to_string())?;
        // EXPOSE: the files of tests are no secrets.
        if ours.expose() != ended.stdout {
            return Err(format!("indented by {indent}, sops writes {:?}", ended.text()));
        }
    }
    Ok(())
}
