//! Composes templates and data at random: well-formed and broken ones, with arguments that fit and that do not.

use std::collections::BTreeMap;

use super::random::Random;
use super::signatures::{SIGNATURES, Use};
use super::words;

/// A template with its data.
pub(crate) struct Generated {
    pub(crate) source: Vec<u8>,
    pub(crate) values: BTreeMap<String, Vec<u8>>,
}

const KEYS: &[&str] = &["a", "b", "c", "d", "e", "long_key"];

/// Makes the case of a seed.
pub(crate) fn generate(seed: u64) -> Generated {
    let mut generator = Generator { random: Random::new(seed), variables: Vec::new(), next: 0 };
    generator.random.number();
    let mut values = BTreeMap::new();
    for key in KEYS {
        if generator.random.percent(85) {
            values.insert((*key).to_owned(), generator.random.choose(words::DATA).to_vec());
        }
    }
    // Alone, an action is seldom hidden behind the failure of another.
    let source = if generator.random.percent(60) { generator.lone_action() } else { generator.body(3) };
    let mut source = source.into_bytes();
    if generator.random.percent(6) {
        generator.break_source(&mut source);
    }
    if generator.random.percent(3) {
        let at = generator.random.below(source.len() + 1);
        let bytes = *generator.random.choose(words::DATA);
        source.splice(at..at, bytes.iter().copied());
    }
    Generated { source, values }
}

struct Generator {
    random: Random,
    /// Names of variables, and what they hold.
    variables: Vec<(String, Use)>,
    next: usize,
}

impl Generator {
    fn body(&mut self, depth: usize) -> String {
        let pieces = 1 + self.random.below(3);
        let known = self.variables.len();
        let body = (0..pieces).map(|_| self.piece(depth)).collect();
        self.variables.truncate(known);
        body
    }

    fn lone_action(&mut self) -> String {
        let what = self.pipeline(4);
        format!("{{{{{what}}}}}")
    }

    fn open(&mut self) -> &'static str {
        if self.random.percent(12) { "{{- " } else { "{{" }
    }

    fn close(&mut self) -> &'static str {
        if self.random.percent(12) { " -}}" } else { "}}" }
    }

    fn action(&mut self, inside: &str) -> String {
        format!("{}{inside}{}", self.open(), self.close())
    }

    fn piece(&mut self, depth: usize) -> String {
        let choice = self.random.below(if depth == 0 { 60 } else { 100 });
        match choice {
            0..8 => (*self.random.choose(&["text", " ", "\n", " \n a", "é", "a }} b", "{ {", "\t-"])).to_owned(),
            8..50 => {
                let what = self.pipeline(3);
                self.action(&what)
            }
            50..58 => {
                let name = format!("$v{}", self.next);
                self.next += 1;
                let sort = *self.random.choose(&[Use::Text, Use::Int, Use::List, Use::Map, Use::Any, Use::Float, Use::Time]);
                let value = self.argument(sort, 3);
                let defined = self.action(&format!("{name} := {value}"));
                self.variables.push((name, sort));
                defined
            }
            58..60 => (*self.random.choose(&["{{/* a comment */}}", "{{- /* trimmed */ -}}", "{{- /* }} */}}"])).to_owned(),
            60..72 => self.condition(depth),
            72..80 => self.with(depth),
            80..93 => self.range(depth),
            93..96 => self.assignment(),
            _ => self.definition(depth),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        let test = self.pipeline(2);
        let mut text = self.action(&format!("if {test}")) + &self.body(depth - 1);
        if self.random.percent(30) {
            let test = self.pipeline(2);
            text += &self.action(&format!("else if {test}"));
            text += &self.body(depth - 1);
        }
        if self.random.percent(50) {
            text += &self.action("else");
            text += &self.body(depth - 1);
        }
        text + &self.action("end")
    }

    fn with(&mut self, depth: usize) -> String {
        let value = self.pipeline(2);
        let mut text = self.action(&format!("with {value}"));
        text += "{{.}}";
        text += &self.body(depth - 1);
        if self.random.percent(30) {
            let value = self.pipeline(2);
            text += &self.action(&format!("else with {value}"));
            text += &self.body(depth - 1);
        }
        if self.random.percent(30) {
            text += &self.action("else");
            text += &self.body(depth - 1);
        }
        text + &self.action("end")
    }

    fn range(&mut self, depth: usize) -> String {
        let sort = *self.random.choose(&[Use::List, Use::List, Use::Map, Use::Small, Use::Text]);
        let over = self.argument(sort, 2);
        let known = self.variables.len();
        let number = self.next;
        self.next += 1;
        let head = match self.random.below(3) {
            0 => format!("range {over}"),
            1 => {
                self.variables.push((format!("$e{number}"), Use::Any));
                format!("range $e{number} := {over}")
            }
            _ => {
                self.variables.push((format!("$i{number}"), Use::Any));
                self.variables.push((format!("$e{number}"), Use::Any));
                format!("range $i{number}, $e{number} := {over}")
            }
        };
        let mut text = self.action(&head) + "[{{.}}]";
        text += &self.body(depth - 1);
        if self.random.percent(20) {
            let test = self.pipeline(1);
            let jump = *self.random.choose(&["break", "continue"]);
            text += &format!("{{{{if {test}}}}}{{{{{jump}}}}}{{{{end}}}}");
        }
        self.variables.truncate(known);
        if self.random.percent(30) {
            text += &self.action("else");
            text += &self.body(depth - 1);
        }
        text + &self.action("end")
    }

    fn assignment(&mut self) -> String {
        let Some((name, sort)) = self.variable(|_| true) else { return "{{with $none := 1}}{{$none = .}}{{$none}}{{end}}".to_owned() };
        let value = self.argument(sort, 2);
        self.action(&format!("{name} = {value}"))
    }

    fn definition(&mut self, depth: usize) -> String {
        let outside = std::mem::take(&mut self.variables);
        let body = self.body(depth - 1);
        self.variables = outside;
        // A name for each, so that no template calls itself: Go takes very long to give up.
        let name = format!("name {}", self.next);
        self.next += 1;
        let value = self.argument(Use::Any, 2);
        match self.random.below(5) {
            0 => format!("{{{{block \"{name}\" {value}}}}}{body}{{{{end}}}}"),
            1 => format!("{{{{define \"{name}\"}}}}{body}{{{{end}}}}{{{{template \"{name}\" {value}}}}}"),
            2 => format!("{{{{define `{name}`}}}}({{{{.}}}}){{{{end}}}}{{{{template \"{name}\" {value}}}}}"),
            3 => format!("{{{{define \"{}\"}}}}again{{{{end}}}}", self.random.choose(&["key", "twice"])),
            _ => "{{template \"missing\"}}".to_owned(),
        }
    }

    fn variable(&mut self, wanted: impl Fn(Use) -> bool) -> Option<(String, Use)> {
        let fitting: Vec<_> = self.variables.iter().filter(|(_, sort)| wanted(*sort)).cloned().collect();
        if fitting.is_empty() { None } else { Some(self.random.choose(&fitting).clone()) }
    }

    /// A command, or several.
    fn pipeline(&mut self, depth: usize) -> String {
        match self.random.below(10) {
            0 => self.argument(Use::Any, depth),
            1 => format!("printf \"%T %v\" {0} {0}", self.argument(Use::Any, depth)),
            2..5 => {
                let first = self.argument(Use::Any, depth - 1);
                let name = *self.random.choose(&[
                    "quote",
                    "toString",
                    "toJson",
                    "len",
                    "print",
                    "typeOf",
                    "html",
                    "upper",
                    "join \"-\"",
                    "default 1",
                    "not",
                    "printf \"%v\"",
                ]);
                format!("{first} | {name}")
            }
            5 => format!("toJson {}", self.argument(Use::Any, depth)),
            _ => {
                let index = self.random.below(SIGNATURES.len());
                self.call(index, depth)
            }
        }
    }

    fn call(&mut self, index: usize, depth: usize) -> String {
        let (name, uses, _) = SIGNATURES[index];
        let mut text = name.to_owned();
        let mut last = Use::Any;
        for sort in uses {
            let times = if *sort == Use::More { self.random.below(3) } else { 1 };
            last = if *sort == Use::More { last } else { *sort };
            for _ in 0..times {
                text += " ";
                text += &self.argument(last, depth - 1);
            }
        }
        if self.random.percent(2) {
            text += " 1";
        }
        if name == "printf" && self.random.percent(30) {
            text += " 3 \"x\"";
        }
        text
    }

    /// An operand of a kind; sometimes of another.
    fn argument(&mut self, sort: Use, depth: usize) -> String {
        let sort = if sort != Use::Small && self.random.percent(3) {
            *self.random.choose(&[Use::Text, Use::Float, Use::Bool, Use::List, Use::Map, Use::Any])
        } else {
            sort
        };
        if sort != Use::Small && self.random.percent(15) {
            let fits = |held| held == sort || sort == Use::Any;
            if let Some((name, _)) = self.variable(fits) {
                return name;
            }
        }
        if depth > 0 && sort != Use::Small && self.random.percent(45) {
            let fits = |index: &usize| SIGNATURES[*index].2 == sort || sort == Use::Any;
            let fitting: Vec<usize> = (0..SIGNATURES.len()).filter(fits).collect();
            if !fitting.is_empty() {
                let index = *self.random.choose(&fitting);
                return format!("({})", self.call(index, depth));
            }
        }
        self.leaf(sort)
    }

    #[expect(clippy::too_many_lines, reason = "a table of constants by kind")]
    fn leaf(&mut self, sort: Use) -> String {
        let key = *self.random.choose(KEYS);
        match sort {
            Use::Any | Use::More => {
                let sort = *self.random.choose(&[Use::Text, Use::Int, Use::Float, Use::Bool, Use::List, Use::Map, Use::Time, Use::Version]);
                match self.random.below(12) {
                    0 => "nil".to_owned(),
                    1 => ".missing".to_owned(),
                    2 => (*self.random.choose(&["'a'", "'\\n'", "0x10", "1_000", "1i", "2+3i", "0b11", "0o17", "1e3", "0x1p4"])).to_owned(),
                    3 => ".".to_owned(),
                    _ => self.leaf(sort),
                }
            }
            Use::Text if self.random.percent(60) => format!(".{key}"),
            Use::Text if self.random.percent(10) => format!("(index . \"{key}\")"),
            Use::Text => self.quoted(words::CONSTANTS),
            Use::Int => (*self.random.choose(&[
                "0",
                "1",
                "-1",
                "2",
                "3",
                "7",
                "10",
                "100",
                "-5",
                "9223372036854775807",
                "-9223372036854775808",
                "65",
                "9223372036854775808",
            ]))
            .to_owned(),
            Use::Small => (*self.random.choose(&["0", "1", "2", "3", "5", "8", "12", "20", "-1", "-3", "4", "1.0", "\"2\""])).to_owned(),
            Use::Float => (*self.random.choose(&[
                "0.0",
                "1.5",
                "-2.25",
                "3.0",
                "1e10",
                "1e21",
                "1e-7",
                "123456.789",
                "0.1",
                "1e308",
                "2.5",
                "-0.0",
                "5e-324",
                "(float64 \"NaN\")",
                "(float64 \"-Inf\")",
            ]))
            .to_owned(),
            Use::Bool => (*self.random.choose(&["true", "false"])).to_owned(),
            Use::List => (*self.random.choose(&[
                "(list 1 2 3)",
                "(list)",
                "(list \"b\" \"a\" \"c\" \"a\")",
                "(splitList \",\" \"x,y,,z\")",
                "(until 4)",
                "(list 1 \"a\" nil 2.5 true)",
                "(list (list 1) (dict \"a\" 1))",
                "(rest (list))",
                "(fromJson \"[1,\\\"a\\\",null]\")",
                "(chunk 2 (list 1 2 3))",
                "(list .a .b .c)",
            ]))
            .to_owned(),
            Use::Map => (*self.random.choose(&[
                "(dict)",
                "(dict \"a\" 1 \"b\" \"two\")",
                "(dict \"a\" (dict \"b\" (dict \"c\" 1)) \"d\" (list 1 2))",
                "(dict \"a\" nil \"c\" 0)",
                "(urlParse .a)",
                "(fromJson \"{\\\"a\\\":{\\\"b\\\":[1]},\\\"c\\\":\\\"\\\"}\")",
                "(dict \"a\" .a \"b\" .b)",
                "nil",
                "(dict \"_0\" 1.5 \"scheme\" \"http\" \"host\" .b)",
            ]))
            .to_owned(),
            Use::Time => (*self.random.choose(&[
                "(toDate \"2006-01-02\" \"2024-02-29\")",
                "(toDate \"2006-01-02T15:04:05Z07:00\" \"2023-12-31T23:59:59.5+05:30\")",
                "(toDate \"x\" \"y\")",
                "(toDate \"Jan 2 2006 MST\" \"Jul 9 1999 CET\")",
            ]))
            .to_owned(),
            Use::Format => self.quoted(words::FORMATS),
            Use::Layout => self.quoted(words::LAYOUTS),
            Use::Pattern => self.quoted(words::PATTERNS),
            Use::Zone => self.quoted(words::ZONES),
            Use::Duration => self.quoted(words::DURATIONS),
            Use::Version => self.quoted(words::VERSIONS),
            Use::Constraint => self.quoted(words::CONSTRAINTS),
            Use::Document if self.random.percent(40) => format!(".{key}"),
            Use::Document => self.quoted(words::DOCUMENTS),
        }
    }

    fn quoted(&mut self, texts: &[&str]) -> String {
        format!("\"{}\"", self.random.choose(texts))
    }

    /// Makes a source that may no longer be well-formed.
    fn break_source(&mut self, source: &mut Vec<u8>) {
        let at = self.random.below(source.len());
        match self.random.below(4) {
            0 => drop(source.remove(at)),
            1 => source.truncate(at),
            2 => {
                let piece = *self.random.choose(&[
                    "{{",
                    "}}",
                    "{{end}}",
                    "{{else}}",
                    "(",
                    ")",
                    "|",
                    "$",
                    ".",
                    "\"",
                    "`",
                    "'",
                    ":=",
                    ",",
                    "-",
                    "{{break}}",
                    "/*",
                    "nil",
                    " -}}",
                    "{{- ",
                ]);
                source.splice(at..at, piece.bytes());
            }
            _ => {
                let end = (at + 1 + self.random.below(6)).min(source.len());
                source.drain(at..end);
            }
        }
    }
}
