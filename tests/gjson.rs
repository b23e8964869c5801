//! Paths into JSON beside Go's own gjson: listed ones, and generated ones over generated documents.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tests::peers;
use tests::suite::{Case, case, run};

#[path = "templates/random.rs"]
mod random;

use random::Random;

/// Cases in every run; while developing, a hundred times as many were run.
const SEEDS: u64 = 4;
const CASES_OF_SEED: u64 = 5000;

fn main() -> ExitCode {
    let mut cases: Vec<Case> = vec![case("listed_paths_find_what_go_finds", &["gjson"], listed)];
    cases.extend((0..SEEDS).map(|seed| case(format!("generated_{seed}_finds_what_go_finds"), &["gjson"], move || generated(seed))));
    run(cases)
}

const DOCUMENT: &str = r#"{ "name": {"first": "Tom", "last": "Anderson"}, "age": 37, "half": 1.50, "big": 12345678901234567890, "exp": 1e3,
  "children": ["Sara", "Alex", "Jack"], "fav.movie": "Deer Hunter", "a|b": 1, "": "empty", "no": null, "yes": true, "not": false,
  "friends": [
    {"first": "Dale", "last": "Murphy", "age": 44, "nets": ["ig", "fb", "tw"]},
    {"first": "Roger", "last": "Craig", "age": 68, "nets": ["fb", "tw"]},
    {"first": "Jane", "last": "Murphy", "age": 47, "nets": ["ig", "tw"]}
  ],
  "text": "{\"in\":{\"a\":[1,2]}}", "esc": "\u0041\ud83d\ude00\n\"<&>", "lists": [1,[2],[3,[4, 5]], [] ], "objects": [{"a":1},{"b":2,"a":3}],
  "deep": {"list": [[1,2],[{"x":[{"y":1},{"y":2}]}]]}, "columns": {"id":[1,2,3],"n":["a","b"]} }"#;

const PATHS: &[&str] = &[
    "name.last",
    "name",
    "age",
    "half",
    "big",
    "exp",
    "children",
    "children.#",
    "children.1",
    "child*.2",
    "c?ildren.0",
    "fav\\.movie",
    "a\\|b",
    "friends.#.first",
    "friends.1.last",
    "friends.#(last==\"Murphy\").first",
    "friends.#(last==\"Murphy\")#.first",
    "friends.#(age>45)#.last",
    "friends.#(first%\"D*\").last",
    "friends.#(first!%\"D*\").last",
    "friends.#(nets.#(==\"fb\"))#.first",
    "friends.#(first)#",
    "friends.#(age<=44)",
    "friends.#(age!=44)#|#",
    "friends.#(age>=47)#.age|1",
    "friends.#(last==Murphy)",
    "friends.#(none)#",
    "friends.#(none)",
    "friends|@reverse",
    "friends.#.nets.#",
    "friends.@reverse.0.first",
    "children|@reverse|0",
    "name.@keys",
    "name|@values",
    "@this",
    "@this.name.first",
    "name|@ugly",
    "@pretty",
    "friends.0|@pretty",
    "@ugly",
    "text.@fromstr.in.a.1",
    "text|@fromstr",
    "name|@tostr",
    "children.@tostr|@fromstr|1",
    "@valid.age",
    "lists.@flatten",
    "lists|@flatten:{\"deep\":true}",
    "objects|@join",
    "objects.@join:{\"preserve\":true}",
    "columns|@group",
    "@dig:first",
    "@dig:y|#",
    "{name.first,age,\"murphys\":friends.#(last=\"Murphy\")#.first}",
    "[name.first,age]",
    "{a:age,b:half}.b",
    "{\"x\":age,none}",
    "[none]",
    "{name.#}",
    "!\"lit\"",
    "!5",
    "{x:!\"lit\",y:!true,z:age}",
    "name|!null",
    "!{\"a\":[1]}.a.0",
    "!false|@this",
    "none|@keys",
    "none|@tostr",
    "none",
    "",
    "no",
    "no.x",
    "yes",
    "not",
    "esc",
    "esc|@tostr",
    "deep.list.1.0.x.#.y",
    "deep.list.#.#",
    "deep.list.1.#.x.#(y=2).y",
    "children.#(%\"*a*\")#",
    "lists.#(>0)#",
    "lists.1.0",
    "friends.#(age==~true)#.first",
    "friends.#(none==~null)#.first",
    "friends.#(none!=~true)#.first",
    "friends.#(",
    "friends.#(age",
    "[name",
    "{name",
    "..0",
    "..#",
    "..0.age",
    "friends.#(age>45",
    "*",
    "*.first",
    "n*.l*",
    "friends.*",
    "friends.01",
    "friends.9",
    "friends.-1",
    "name.",
    ".name",
    "name..first",
    "|name",
    "name|",
    "@",
    "@nope",
    "@nope|name",
    "name.@nope",
    "friends.##",
    "friends.#.",
    "friends.#|",
    "friends.#abc",
    "children.#.@tostr",
    "friends.#.[first,age]",
    "friends.#.{first,n:nets.#}",
    "friends.#.nets|0",
    "friends.#.nets|@flatten|@join",
    "age|@flatten",
    "age|@keys",
    "age|@values",
    "friends.#(first=\"Da\\u006ce\").age",
    "friends.#(first==Dale)|last",
    "friends.#(last=Murphy)#|0.first",
    "[@this.#,age].1",
    "{@keys}",
    "@keys:x|0",
    "friends.#(nets.0=ig).nets.#(=tw)",
    "yes|@tostr",
    "objects.#.a|@this",
    "objects.#(b>1).a",
    "half|@tostr",
    "columns.@values.0.1",
    "@reverse.age",
];

fn listed() -> Result<(), String> {
    let mut oracle = Oracle::start()?;
    for path in PATHS {
        oracle.check(DOCUMENT.as_bytes(), path)?;
        oracle.check(b"[{\"a\":1,\"b\":[true,null]},\"a\",2]", path)?;
        // What @pretty makes of text that is no JSON is chance.
        if !path.contains("@pretty") {
            oracle.check(b"just text", path)?;
        }
    }
    for document in ["{\"a\":1}\n ", " \"text\" ", "5", "null", "", "[", "{\"a\":", "{\"a\":\"x", "text {\"a\":[1 2]}", "{\"a\" 1 \"b\":nan}", "[1}"]
    {
        for path in ["a", "b", "a.0", "0", "#", "@this", "@keys", "@valid", "@tostr", "@fromstr", "@flatten", "@reverse", "a.#", "*"] {
            oracle.check(document.as_bytes(), path)?;
        }
    }
    Ok(())
}

fn generated(seed: u64) -> Result<(), String> {
    let mut oracle = Oracle::start()?;
    let mut found = 0;
    for index in 0..CASES_OF_SEED {
        let mut random = Random::new(seed * CASES_OF_SEED + index + 1);
        let mut document = String::new();
        value(&mut random, 0, &mut document);
        let path = path(&mut random, 0);
        // A literal that is no JSON may come out of this, of which @pretty makes something by chance.
        if path.contains('!') && path.contains("@pretty") {
            continue;
        }
        found += usize::from(oracle.check(document.as_bytes(), &path)?);
    }
    // Most paths name nothing; those that do must be enough to mean something.
    if found * 10 < CASES_OF_SEED as usize { Err(format!("only {found} paths found something")) } else { Ok(()) }
}

const KEYS: &[&str] = &["a", "b", "c", "ab", "a.b", "", "x*", "\\u0061", "é", "#", "@keys", "\\\"q", "1"];

fn value(random: &mut Random, depth: usize, out: &mut String) {
    let blank = [" ", "", "", "\n"][random.below(4)];
    out.push_str(blank);
    match random.below(if depth > 3 { 8 } else { 14 }) {
        0 => out.push_str(pick(random, &["null", "true", "false"])),
        1..=3 => out.push_str(pick(random, &["0", "1", "-2", "1.50", "1e3", "12345678901234567890", "-0.0", "1E400", "2.5e-7"])),
        4..=7 => out.push_str(pick(
            random,
            &["\"\"", "\"a\"", "\"ab\"", "\"1\"", "\"\\u00e9\\n\"", "\"true\"", "\"x<y\"", "\"{\\\"a\\\":[1]}\"", "\"\\ud83d\\ude00\\ud800\""],
        )),
        kind => {
            let is_object = kind < 11 || depth == 0 && kind < 13;
            out.push(if is_object { '{' } else { '[' });
            for number in 0..random.below(5) {
                if number > 0 {
                    out.push(',');
                }
                if is_object {
                    out.push_str(&format!("\"{}\":", pick(random, KEYS)));
                }
                value(random, depth + 1, out);
            }
            out.push_str(blank);
            out.push(if is_object { '}' } else { ']' });
        }
    }
}

fn path(random: &mut Random, depth: usize) -> String {
    let mut path = String::new();
    for number in 0..=random.below(4) {
        if number > 0 {
            path.push_str(pick(random, &[".", ".", "|"]));
        }
        path.push_str(&component(random, depth));
    }
    path
}

fn component(random: &mut Random, depth: usize) -> String {
    match random.below(if depth > 1 { 22 } else { 28 }) {
        0..=7 => pick(random, &["a", "b", "c", "ab", "a\\.b", "é", "", "\\@keys", "x\\*"]).to_owned(),
        8..=10 => (pick(random, &["*", "a*", "?", "*b", "\\\\*", "x\\**", "*\\*"])).to_owned(),
        11..=14 => random.below(4).to_string(),
        15..=17 => "#".to_owned(),
        18..=20 => {
            let argument = pick(random, &["", "", "", ":{\"deep\":true}", ":a", ":{\"preserve\":1}", ":\"a\"", ":*|a"]);
            let names =
                ["reverse", "ugly", "pretty", "this", "valid", "keys", "values", "fromstr", "tostr", "flatten", "join", "group", "dig", "none"];
            let name = pick(random, &names);
            // Options of @pretty are left out on purpose.
            format!("@{name}{}", if name == "pretty" { "" } else { argument })
        }
        21 => (pick(random, &["!true", "!{\"a\":[1]}", "!null", "!none", "!\"x\"", "!7"])).to_owned(),
        22..=24 => {
            let operator = pick(random, &["", "=", "==", "!=", "<", "<=", ">", ">=", "%", "!%", " == "]);
            let operand = pick(
                random,
                &["", "1", "a", "\"a\"", "\"a*\"", "true", "~true", "~null", "~*", "~false", "null", "\"\\u0061\"", "*", "\"1\"", "2.5"],
            );
            let left = if random.percent(40) { String::new() } else { path(random, depth + 1) };
            let all = pick(random, &["", "#"]);
            format!("#({left}{operator}{operand}){all}")
        }
        kind => {
            let list = kind < 26;
            let mut parts = Vec::new();
            for _ in 0..random.below(4) {
                let name = if list { "" } else { pick(random, &["", "", "x:", "\"y\":", "z<:", "\"bad:"]) };
                parts.push(format!("{name}{}", path(random, depth + 1)));
            }
            if list { format!("[{}]", parts.join(",")) } else { format!("{{{}}}", parts.join(",")) }
        }
    }
}

fn pick(random: &mut Random, from: &[&'static str]) -> &'static str {
    let picked: &&str = random.choose(from);
    picked
}

/// Go's gjson as a process that answers line by line.
struct Oracle {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Oracle {
    fn start() -> Result<Self, String> {
        let program = peers::get("gjson").map_err(|missing| missing.to_string())?;
        let mut command = Command::new(program);
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let (stdin, stdout) = child.stdin.take().zip(child.stdout.take()).ok_or("no pipes")?;
        Ok(Self { child, stdin, stdout: BufReader::new(stdout) })
    }

    /// Compares both, and says whether there is such a part.
    fn check(&mut self, document: &[u8], path: &str) -> Result<bool, String> {
        writeln!(self.stdin, "{}", json!({ "json": BASE64_STANDARD.encode(document), "path": path })).map_err(|error| error.to_string())?;
        let mut line = String::new();
        self.stdout.read_line(&mut line).map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&line).map_err(|error| format!("{error} of {path} in {}", document.escape_ascii()))?;
        if answer["panic"] == true {
            // Ours must not panic where theirs does.
            return Ok(gjson::get(document, path).is_ok_and(|found| found.is_some()));
        }
        let bytes = |field: &str| BASE64_STANDARD.decode(answer[field].as_str().unwrap_or_default()).unwrap_or_default();
        let theirs = (answer["exists"] == true).then(|| (bytes("raw"), bytes("text")));
        let ours = gjson::get(document, path).map_err(|error| format!("{error}: {path}"))?;
        let ours = ours.map(|found| (found.json().to_vec(), found.text().to_vec()));
        if ours == theirs {
            return Ok(ours.is_some());
        }
        let show = |found: &Option<(Vec<u8>, Vec<u8>)>| {
            found.as_ref().map_or("nothing".to_owned(), |(raw, text)| format!("{} as {}", raw.escape_ascii(), text.escape_ascii()))
        };
        Err(format!("{path} in {}\nours: {}\nGo:   {}", String::from_utf8_lossy(document), show(&ours), show(&theirs)))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It ends by itself when its input does; nothing is lost if it cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
