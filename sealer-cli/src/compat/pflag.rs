//! A command line parser that behaves as Go's pflag, driven by one table of flags.
//!
//! It knows shorthands and groups of them, `--flag=value`, repeated flags (scalars: the last one wins; lists append), environment fallback, the
//! deprecation notice, the layout of the help text and the wording of every usage error. It does not know what any flag means.
//!
//! *Source*: github.com/spf13/pflag v1.0.10 (`flag.go`, `errors.go`, `golangflag.go`) and sealed-secrets' `pkg/pflagenv`.

mod csv;
mod quote;
mod value;

use std::collections::BTreeMap;

pub(crate) use quote::quote;
pub(crate) use value::{Kind, Value};

/// One flag of the table.
#[derive(Debug)]
pub(crate) struct Flag {
    /// Long name, without dashes.
    pub(crate) name: &'static str,
    /// One letter that stands for it.
    pub(crate) shorthand: Option<char>,
    /// What values it takes.
    pub(crate) kind: Kind,
    /// Its value when nobody sets it, as the help text shows it.
    pub(crate) default: &'static str,
    /// The sentence in the help text.
    pub(crate) usage: &'static str,
    /// Says what to use instead; such a flag is hidden from the help text.
    pub(crate) deprecated: Option<&'static str>,
    /// True if the environment can set it too.
    pub(crate) environment: bool,
}

impl Flag {
    /// Makes a flag without shorthand that the environment can set.
    pub(crate) const fn new(name: &'static str, kind: Kind, default: &'static str, usage: &'static str) -> Self {
        Self { name, shorthand: None, kind, default, usage, deprecated: None, environment: true }
    }

    /// Adds the one-letter form.
    pub(crate) const fn short(self, letter: char) -> Self {
        Self { shorthand: Some(letter), ..self }
    }

    /// Hides the flag and names its successor.
    pub(crate) const fn deprecated(self, instead: &'static str) -> Self {
        Self { deprecated: Some(instead), ..self }
    }

    /// Takes the flag away from the environment.
    pub(crate) const fn command_line_only(self) -> Self {
        Self { environment: false, ..self }
    }
}

/// What the command line and the environment said.
#[derive(Debug)]
pub(crate) struct Parsed {
    values: BTreeMap<&'static str, Value>,
    set: Vec<&'static str>,
    /// Deprecation notices in the order of use, to be printed first of all.
    pub(crate) notices: Vec<String>,
    /// Why parsing stopped, if it did.
    pub(crate) stop: Option<Stop>,
}

/// Why parsing stopped before the end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// `-h`, which no table defines.
    Help,
    /// The command line is wrong; the text says how.
    Usage(String),
}

impl Parsed {
    /// The value of a flag that takes one text; empty if the flag is not in the table.
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.values.get(name) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// The value of a yes-or-no flag.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        matches!(self.values.get(name), Some(Value::Switch(true)))
    }

    /// The values of a flag that may be given many times.
    pub(crate) fn list(&self, name: &str) -> &[String] {
        match self.values.get(name) {
            Some(Value::List { items, .. }) => items,
            _ => &[],
        }
    }

    /// The value of a switch that goes by several names: the last one on the command line counts.
    pub(crate) fn is_any_on(&self, names: &[&str]) -> bool {
        match self.set.iter().rev().find(|name| names.contains(name)) {
            Some(name) => self.is_on(name),
            None => names.iter().any(|name| self.is_on(name)),
        }
    }

    /// True if the command line itself named the flag.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.set.contains(&name)
    }
}

/// Reads the environment, then the command line, which wins.
///
/// Positional arguments are accepted and forgotten, as nobody looks at them. The environment variable of a flag is `PREFIX_NAME_IN_CAPITALS`;
/// what cannot be read there is ignored.
pub(crate) fn parse(table: &'static [Flag], arguments: &[String], prefix: &str, environment: &dyn Fn(&str) -> Option<String>) -> Parsed {
    let values = table.iter().map(|flag| (flag.name, Value::default_of(flag))).collect();
    let mut parser = Parser { table, parsed: Parsed { values, set: Vec::new(), notices: Vec::new(), stop: None } };
    for flag in table.iter().filter(|flag| flag.environment) {
        let variable = format!("{prefix}_{}", flag.name.to_uppercase().replace('-', "_"));
        if let (Some(text), Some(value)) = (environment(&variable), parser.parsed.values.get_mut(flag.name)) {
            // A value that cannot be read is no reason to stop, as upstream has it.
            let _ = value.set(flag.kind, &text);
        }
    }
    if let Err(stop) = parser.arguments(arguments) {
        parser.parsed.stop = Some(stop);
    }
    parser.parsed
}

/// Writes the table as the help text shows it: two columns, sorted by name, without the deprecated flags.
pub(crate) fn usages(table: &[Flag]) -> String {
    let mut flags: Vec<&Flag> = table.iter().filter(|flag| flag.deprecated.is_none()).collect();
    flags.sort_by_key(|flag| flag.name);
    let names: Vec<String> = flags.iter().map(|flag| left_column(flag)).collect();
    let width = names.iter().map(String::len).max().unwrap_or_default();
    let mut text = String::new();
    for (flag, name) in flags.iter().zip(&names) {
        text.push_str(&format!("{name:width$}   {}{}\n", flag.usage, shown_default(flag)));
    }
    text
}

fn left_column(flag: &Flag) -> String {
    let dashes = match flag.shorthand {
        Some(letter) => format!("  -{letter}, --{}", flag.name),
        None => format!("      --{}", flag.name),
    };
    match flag.kind.label() {
        "" => dashes,
        label => format!("{dashes} {label}"),
    }
}

fn shown_default(flag: &Flag) -> String {
    if flag.kind.is_zero(flag.default) {
        String::new()
    } else if flag.kind.label() == "string" {
        format!(" (default {})", quote(flag.default))
    } else {
        format!(" (default {})", flag.default)
    }
}

struct Parser {
    table: &'static [Flag],
    parsed: Parsed,
}

impl Parser {
    fn arguments(&mut self, arguments: &[String]) -> Result<(), Stop> {
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--" {
                return Ok(());
            } else if let Some(long) = argument.strip_prefix("--") {
                self.long(argument, long, &mut rest)?;
            } else if let Some(letters) = argument.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                self.short(letters, &mut rest)?;
            }
        }
        Ok(())
    }

    fn long<'a>(&mut self, argument: &str, long: &str, rest: &mut impl Iterator<Item = &'a String>) -> Result<(), Stop> {
        if long.starts_with(['-', '=']) {
            return Err(Stop::Usage(format!("bad flag syntax: {argument}")));
        }
        let (name, attached) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        let Some(flag) = self.table.iter().find(|flag| flag.name == name) else {
            return Err(if name == "help" { Stop::Help } else { Stop::Usage(format!("unknown flag: --{name}")) });
        };
        let value = match attached.or_else(|| flag.kind.without_value()) {
            Some(value) => value,
            None => rest.next().cloned().ok_or_else(|| Stop::Usage(format!("flag needs an argument: --{name}")))?,
        };
        self.set(flag, &value)
    }

    /// Reads a group such as `-xvalue` or `-abc`.
    fn short<'a>(&mut self, group: &str, rest: &mut impl Iterator<Item = &'a String>) -> Result<(), Stop> {
        let mut letters = group;
        while let Some(letter) = letters.chars().next() {
            if letters.starts_with("test.") {
                // Flags of Go's own test runner are stepped over.
                return Ok(());
            }
            let Some(flag) = self.table.iter().find(|flag| flag.shorthand == Some(letter)) else {
                return Err(if letter == 'h' {
                    Stop::Help
                } else {
                    Stop::Usage(format!("unknown shorthand flag: {} in -{letters}", quote::quote_char(letter)))
                });
            };
            let after = &letters[letter.len_utf8()..];
            let (value, left) = match (after.strip_prefix('='), flag.kind.without_value()) {
                (Some(value), _) if !value.is_empty() => (value.to_owned(), ""),
                (_, Some(value)) => (value, after),
                (_, None) if !after.is_empty() => (after.to_owned(), ""),
                (_, None) => {
                    let value =
                        rest.next().ok_or_else(|| Stop::Usage(format!("flag needs an argument: {} in -{letters}", quote::quote_char(letter))))?;
                    (value.clone(), "")
                }
            };
            self.set(flag, &value)?;
            letters = left;
        }
        Ok(())
    }

    fn set(&mut self, flag: &'static Flag, text: &str) -> Result<(), Stop> {
        if let Some(Err(cause)) = self.parsed.values.get_mut(flag.name).map(|value| value.set(flag.kind, text)) {
            let shown = match flag.shorthand {
                Some(letter) => format!("-{letter}, --{}", flag.name),
                None => format!("--{}", flag.name),
            };
            return Err(Stop::Usage(format!("invalid argument {} for {} flag: {cause}", quote(text), quote(&shown))));
        }
        self.parsed.set.push(flag.name);
        if let Some(instead) = flag.deprecated {
            self.parsed.notices.push(format!("Flag --{} has been deprecated, {instead}", flag.name));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TABLE: &[Flag] = &[
        Flag::new("cert", Kind::Text, "", "A file"),
        Flag::new("format", Kind::Text, "json", "A format").short('o'),
        Flag::new("from", Kind::CommaList, "[]", "Files"),
        Flag::new("old", Kind::Switch, "false", "").deprecated("please use --raw instead"),
        Flag::new("raw", Kind::Switch, "false", "A switch"),
        Flag::new("v", Kind::Level, "0", "A number").short('v').command_line_only(),
    ];

    fn check(arguments: &[&str]) -> Parsed {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        parse(TABLE, &arguments, "X", &|name| match name {
            "X_FROM" => Some("a".to_owned()),
            "X_RAW" => Some("maybe".to_owned()),
            "X_V" => Some("9".to_owned()),
            _ => None,
        })
    }

    fn usage(arguments: &[&str]) -> String {
        match check(arguments).stop {
            Some(Stop::Usage(text)) => text,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_last_scalar_wins_and_positional_arguments_are_forgotten() {
        let parsed = check(&["one", "-o", "json", "--cert=a=b", "two", "-oyaml", "-", "--raw", "--", "--nope"]);
        assert_eq!((parsed.text("format"), parsed.text("cert"), parsed.is_on("raw"), &parsed.stop), ("yaml", "a=b", true, &None));
    }

    #[test]
    fn the_environment_gives_way_but_its_lists_are_appended_to() {
        let parsed = check(&["--from", "b,c"]);
        assert_eq!(parsed.list("from"), ["a", "b", "c"]);
        assert!(!parsed.is_on("raw") && !parsed.is_set("raw"));
        assert_eq!(parsed.text("v"), "0");
    }

    #[test]
    fn usage_errors_have_the_words_of_pflag() {
        assert_eq!(usage(&["--nope=1"]), "unknown flag: --nope");
        assert_eq!(usage(&["-xyz"]), "unknown shorthand flag: 'x' in -xyz");
        assert_eq!(usage(&["--cert"]), "flag needs an argument: --cert");
        assert_eq!(usage(&["-o"]), "flag needs an argument: 'o' in -o");
        assert_eq!(usage(&["---"]), "bad flag syntax: ---");
        assert_eq!(usage(&["--raw=maybe"]), "invalid argument \"maybe\" for \"--raw\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax");
        assert_eq!(usage(&["-vh"]), "invalid argument \"h\" for \"-v, --v\" flag: strconv.ParseInt: parsing \"h\": invalid syntax");
        assert_eq!(usage(&["-hx"]), "Some(Help)");
        assert_eq!(usage(&["-test.v"]), "None");
    }

    #[test]
    fn a_deprecated_flag_is_noticed_on_the_command_line_and_hidden_in_the_help() {
        assert_eq!(check(&["--old", "--old=false"]).notices.len(), 2);
        assert!(!usages(TABLE).contains("--old"));
    }

    #[test]
    fn help_has_two_columns() {
        let text = usages(&TABLE[..2]);
        assert_eq!(text, "      --cert string     A file\n  -o, --format string   A format (default \"json\")\n");
    }
}
