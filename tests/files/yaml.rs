//! YAML beside the real sops: what it writes of a file that it does not encrypt is what ours writes, byte for byte, comments above all.

use sops::{Member, Style, named};
use tests::peers;
use tests::process::Home;
use tests::suite::{Case, case};

use crate::stores::random::Random;

const SOPS: &[&str] = &["sops"];

/// A key that nobody has: the files are never decrypted.
const RECIPIENT: &str = "age12hn8kkm7csqx4yuzdfa4taskpj7gwam5z7delhkp976vfl2hppnswrjyyj";

/// Files in every run; while developing, a thousand times as many were run.
const FILES: u64 = 120;

const SCALARS: &[&str] = &[
    "a",
    "b c",
    "yes",
    "True",
    "null",
    "~",
    "-1",
    "0755",
    "0x1F",
    "1_000",
    "1.50",
    "1e7",
    ".5",
    "-.inf",
    "-0.0",
    "2001-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "12:30",
    "a#b",
    "http://x/y?z=1",
    "-a",
    "日本",
    "😀",
    "it's",
    "<<",
    "x  y",
    "089",
    "1e400",
    "9223372036854775807",
    "!!str 1",
    "!!float 2",
    "!!binary aGVsbG8=",
    "!!binary /w==",
    "!foo bar",
    "\"\"",
    "\"a\\nb\"",
    "\"a\\tb\"",
    "\" lead\"",
    "\"\\x01\"",
    "\"a\\u2028b\"",
    "\"1\"",
    "\"true\"",
    "\"y\"",
    "\"a: b\"",
    "\"#x\"",
    "\"x\\n\\n\"",
    "\"\\n\"",
    "\"a \\nb\"",
    "\"[x\"",
    "\"a\\\\\\\"b\"",
    "\"2001-01-01\"",
    "'it''s'",
    "' x '",
    "'~'",
];

const KEYS: &[&str] = &["k", "a b", "é", "\"q\\n", "\"yes ", "'s ", "x-1", "\"😀"];

const COMMENTS: &[&str] = &["# c", "# é 日", "#", "##x", "# k: v", "# - x"];

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("yaml_is_written_as_sops_writes_it", SOPS, || random_files(false)),
        case("yaml_is_written_as_sops_writes_it_where_comments_stand_everywhere", SOPS, || random_files(true)),
        case("yaml_is_indented_as_sops_indents_it", SOPS, yaml_is_indented_as_sops_indents_it),
    ]
}

fn random_files(everywhere: bool) -> Result<(), String> {
    let home = Home::new();
    let mut compared = 0;
    for seed in 0..FILES {
        let source = Text::file(Random::new(seed + 1), everywhere);
        compared += usize::from(compare(&home, &source, &[], Style::default())?);
    }
    if compared < 50 { Err(format!("only {compared} files could be compared")) } else { Ok(()) }
}

fn yaml_is_indented_as_sops_indents_it() -> Result<(), String> {
    let home = Home::new();
    for indent in [0, 1, 2, 3, 8, 9, 10, 100] {
        let arguments = ["--indent".to_owned(), indent.to_string()];
        let source = "a:\n  b: [1, {}, [], {c: ~, d: [e]}] # f\n  # g\n  h: |\n    i\n    j\n";
        if !compare(&home, source, &arguments, Style { indent: Some(indent) })? {
            return Err(format!("sops refuses {indent}"));
        }
    }
    Ok(())
}

/// Says whether there was something to compare: both may refuse the file.
fn compare(home: &Home, source: &str, global: &[String], style: Style) -> Result<bool, String> {
    let store = named("yaml").ok_or("no such format")?;
    let sops = peers::get("sops").map_err(|missing| missing.to_string())?;
    let file = home.write("source.yaml", source);
    let command = home.command(sops).args(global).args(["encrypt", "--age", RECIPIENT, "--encrypted-regex", "^never$"]).arg(file);
    let ended = command.env("SOPS_DISABLE_VERSION_CHECK", "1").run();
    let parsed = store.parse(source.as_bytes());
    // sops asks the first document whether the file is empty.
    let refused = |document: &sops::Document| document.objection.is_some() || document.branches.first().is_none_or(|first| first.members.is_empty());
    let mut document = match parsed {
        Ok(document) if !refused(&document) => document,
        Ok(_) | Err(_) if ended.status != 0 => return Ok(false),
        Ok(_) => return Err(format!("only ours refuses: {source:?}")),
        Err(error) => return Err(format!("only ours refuses, {error}: {source:?}")),
    };
    if ended.status != 0 {
        return Err(format!("only sops refuses, {}: {source:?}", ended.error()));
    }
    let written = ended.text();
    // The metadata is at the end, in its first line at the first column.
    let block = written.rfind("\nsops:\n").ok_or("no metadata")? + 1;
    for branch in &mut document.branches {
        let block = store.parse(&written.as_bytes()[block..]).map_err(|error| error.to_string())?;
        branch.members.extend(block.branches.into_iter().flat_map(|branch| branch.members).filter(|member| matches!(member, Member::Pair(_))));
    }
    let ours = store.emit_encrypted(&document, style).map_err(|error| error.to_string())?;
    // EXPOSE: the files of tests are no secrets.
    let ours = String::from_utf8_lossy(ours.expose()).into_owned();
    // In lists sops tells a wrong indentation of blocks that begin with space, and cannot read them.
    if ours == written || without_hints(&ours) == without_hints(&written) {
        return Ok(true);
    }
    Err(format!("of {source:?}\nsops writes {written:?}\nours writes {ours:?}"))
}

fn without_hints(text: &str) -> String {
    (1..10).fold(text.to_owned(), |text, digit| text.replace(&format!("|{digit}"), "|"))
}

/// A file in the making.
struct Text {
    random: Random,
    text: String,
    unit: usize,
    anchors: usize,
    /// Comments stand in more than the usual places.
    everywhere: bool,
}

impl Text {
    fn file(random: Random, everywhere: bool) -> String {
        let mut file = Self { random, text: String::new(), unit: 2, anchors: 0, everywhere };
        file.unit = *file.random.choose(&[2, 2, 4, 1, 3]);
        loop {
            file.gap();
            for index in 0..=file.random.below(5) {
                let depth = file.random.below(4);
                file.pair(index, 0, depth);
            }
            if file.random.percent(85) {
                break;
            }
            file.text.push_str("---\n");
        }
        if file.random.percent(5) { file.text.replace('\n', "\r\n") } else { file.text }
    }

    fn spaces(&mut self, number: usize) {
        self.text.push_str(&" ".repeat(number));
    }

    fn put(&mut self, from: &[&str]) {
        let text: &str = self.random.choose::<&str>(from);
        self.text.push_str(text);
    }

    /// Empty lines and comments at any column.
    fn gap(&mut self) {
        while self.random.percent(if self.everywhere { 25 } else { 12 }) {
            if self.random.percent(60) {
                let column = self.random.below(5) * self.unit + usize::from(self.random.percent(10));
                self.spaces(column);
                self.put(COMMENTS);
            }
            self.text.push('\n');
        }
    }

    fn end_line(&mut self) {
        if self.random.percent(15) {
            self.text.push_str("  ");
            self.put(COMMENTS);
        }
        self.text.push('\n');
        self.gap();
    }

    fn pair(&mut self, index: usize, column: usize, depth: usize) {
        let key = *self.random.choose(KEYS);
        let quote = key.chars().next().filter(|first| matches!(first, '"' | '\'')).map(String::from).unwrap_or_default();
        self.text.push_str(&format!("{key}{index}{quote}:"));
        self.value(column, depth, false);
    }

    /// What follows a colon or a dash of the column.
    fn value(&mut self, column: usize, depth: usize, in_list: bool) {
        if self.anchors > 0 && self.random.percent(5) {
            let anchor = self.random.below(self.anchors);
            self.text.push_str(&format!(" *a{anchor}"));
            return self.end_line();
        }
        match self.random.below(if depth > 0 { 16 } else { 11 }) {
            0..6 => self.scalar(),
            6 => {
                self.text.push_str(&format!(" &a{}", self.anchors));
                self.anchors += 1;
                self.scalar();
            }
            7 => self.end_line(),
            8 => self.block(column),
            9 => {
                self.text.push(' ');
                self.flow(2);
                self.end_line();
            }
            10 => {
                let lines = *self.random.choose(&["plain\n%two", "\"one\n%two\"", "'one\n\n%two'", "\"one\\\n%two\""]);
                self.text.push(' ');
                self.text.push_str(&lines.replace('%', &" ".repeat(column + self.unit)));
                self.end_line();
            }
            kind => self.collection(column, depth - 1, (in_list, kind > 13)),
        }
    }

    fn scalar(&mut self) {
        self.text.push(' ');
        self.put(SCALARS);
        self.end_line();
    }

    fn block(&mut self, column: usize) {
        self.put(&[" |", " |-", " |+", " >", " >-", " >+"]);
        self.end_line_alone();
        for _ in 0..=self.random.below(4) {
            let line = *self.random.choose(&["text", "# no comment", "  more", "", "a: b", "日\tx "]);
            if !line.is_empty() {
                self.spaces(column + self.unit);
            }
            self.text.push_str(line);
            self.text.push('\n');
        }
        self.gap();
    }

    fn end_line_alone(&mut self) {
        if self.random.percent(15) {
            self.text.push_str(" # header");
        }
        self.text.push('\n');
    }

    fn collection(&mut self, column: usize, depth: usize, (in_list, is_list): (bool, bool)) {
        let mut compact = in_list && self.random.percent(65);
        let at = match compact {
            true => column + 2,
            // A list may stand at the column of its key.
            false if is_list && !in_list && self.random.percent(30) => column,
            false => column + self.unit,
        };
        if !compact {
            self.end_line();
        }
        for index in 0..=self.random.below(3) {
            self.spaces(if compact { 1 } else { at });
            compact = false;
            if is_list {
                self.text.push('-');
                self.value(at, depth, true);
            } else {
                self.pair(index, at, depth);
            }
        }
    }

    fn flow(&mut self, depth: usize) {
        let is_map = self.random.percent(50);
        self.text.push(if is_map { '{' } else { '[' });
        for index in 0..self.random.below(4) {
            if index > 0 {
                self.text.push_str(", ");
            }
            if self.everywhere && self.random.percent(15) {
                self.put(&[" # f\n ", "\n  ", "\n# g\n ", " # x\n\n  # y\n "]);
            }
            if is_map {
                self.text.push_str(&format!("f{index}: "));
            }
            match self.random.below(4) {
                0 if depth > 0 => self.flow(depth - 1),
                1 => self.text.push_str("\"a, b\""),
                _ => self.put(&["x", "12", "'y'", "~", "!!str 1", "a b"]),
            }
        }
        self.text.push(if is_map { '}' } else { ']' });
    }
}
