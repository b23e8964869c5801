//! The kinds of values that flags take, and how each is read.

use super::Flag;
use super::csv;
use super::quote::quote;

/// What values a flag takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// One of some words; the empty text stands for the first.
    Word(&'static [&'static str]),
    /// A text that loses the first of some prefixes, in any case of letters.
    Prefixed(&'static [&'static str]),
    /// Texts between commas, appended when the flag is repeated.
    CommaList,
    /// One text each time, appended when the flag is repeated.
    RepeatedText,
    /// Yes or no.
    Switch,
    /// Yes or no, of the Go logging library.
    LogSwitch,
    /// A number of 64 bits without sign, of the Go logging library.
    LogSize,
    /// A verbosity.
    Level,
    /// A name or number of a severity.
    Severity,
    /// `pattern=N,...`
    ModuleSpec,
    /// `file.go:line`
    TraceLocation,
}

impl Kind {
    /// What the help text calls the value; empty for switches.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::CommaList => "strings",
            Self::Level => "Level",
            Self::LogSize => "uint",
            Self::LogSwitch | Self::Switch => "",
            Self::ModuleSpec => "moduleSpec",
            Self::Prefixed(_) | Self::Text | Self::Word(_) => "string",
            Self::RepeatedText => "stringArray",
            Self::Severity => "severity",
            Self::TraceLocation => "traceLocation",
        }
    }

    /// The value that the flag has when it stands alone; None if it needs one.
    pub(super) fn without_value(self) -> Option<String> {
        matches!(self, Self::LogSwitch | Self::Switch).then(|| "true".to_owned())
    }

    /// True for a default that the help text leaves out.
    pub(super) fn is_zero(self, default: &str) -> bool {
        match self {
            Self::Text => default.is_empty(),
            Self::CommaList | Self::RepeatedText => default == "[]",
            _ => matches!(default, "" | "0" | "false"),
        }
    }
}

/// The value of a flag.
#[derive(Debug)]
pub(crate) enum Value {
    /// Of the kinds that may be repeated.
    List {
        /// In the order given.
        items: Vec<String>,
        /// False as long as only the default is in it.
        changed: bool,
    },
    /// Of the yes-or-no kinds.
    Switch(bool),
    /// Of all other kinds; checked, but kept as it was written.
    Text(String),
}

impl Value {
    /// The value of a flag that nobody sets.
    pub(super) fn default_of(flag: &Flag) -> Self {
        match flag.kind {
            Kind::CommaList | Kind::RepeatedText => Self::List { items: Vec::new(), changed: false },
            Kind::LogSwitch | Kind::Switch => Self::Switch(flag.default == "true"),
            _ => Self::Text(flag.default.to_owned()),
        }
    }

    /// Reads a text into the value.
    ///
    /// # Errors
    /// The cause, in Go's words. A switch is off then, everything else is as before.
    pub(super) fn set(&mut self, kind: Kind, text: &str) -> Result<(), String> {
        match self {
            Self::List { items, changed } => {
                let new = if matches!(kind, Kind::CommaList) { csv::split(text)? } else { vec![text.to_owned()] };
                if !std::mem::replace(changed, true) {
                    items.clear();
                }
                items.extend(new);
            }
            Self::Switch(on) => {
                *on = false;
                *on = switch(kind, text)?;
            }
            Self::Text(value) => {
                *value = checked(kind, text)?;
            }
        }
        Ok(())
    }
}

fn switch(kind: Kind, text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ if matches!(kind, Kind::LogSwitch) => Err("parse error".to_owned()),
        _ => Err(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(text))),
    }
}

fn checked(kind: Kind, text: &str) -> Result<String, String> {
    match kind {
        Kind::Word(words) => match words.first() {
            Some(first) if text.is_empty() => return Ok((*first).to_owned()),
            _ if words.contains(&text) => {}
            _ => return Err(format!("must be one of: {}", words.join(", "))),
        },
        Kind::Prefixed(prefixes) => return Ok(without_prefix(text, prefixes).to_owned()),
        Kind::LogSize => log_size(text)?,
        Kind::Level => number(text).map(drop)?,
        Kind::Severity if ["INFO", "WARNING", "ERROR", "FATAL"].iter().any(|name| name.eq_ignore_ascii_case(text)) => {}
        Kind::Severity => number(text).map(drop)?,
        Kind::ModuleSpec => module_spec(text)?,
        Kind::TraceLocation => trace_location(text)?,
        Kind::CommaList | Kind::LogSwitch | Kind::RepeatedText | Kind::Switch | Kind::Text => {}
    }
    Ok(text.to_owned())
}

fn without_prefix<'a>(text: &'a str, prefixes: &[&str]) -> &'a str {
    for prefix in prefixes {
        let head = text.get(..prefix.len());
        if text.len() > prefix.len() && head.is_some_and(|head| head.eq_ignore_ascii_case(prefix)) {
            return &text[prefix.len()..];
        }
    }
    text
}

/// Reads a decimal number of 32 bits with sign, as `strconv.ParseInt(text, 10, 32)`.
fn number(text: &str) -> Result<i32, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("strconv.ParseInt: parsing {}: invalid syntax", quote(text)));
    }
    text.parse().map_err(|_| format!("strconv.ParseInt: parsing {}: value out of range", quote(text)))
}

/// Checks a number as `strconv.ParseUint(text, 0, 64)` does: prefixes 0x, 0o, 0b and 0 set the base, underscores may stand between digits.
fn log_size(text: &str) -> Result<(), String> {
    let (base, plain) = crate::compat::number::digits(text).ok_or("parse error")?;
    u64::from_str_radix(&plain, base).map(drop).map_err(|_| "value out of range".to_owned())
}

fn module_spec(text: &str) -> Result<(), String> {
    let syntax = || "syntax error: expect comma-separated list of filename=N".to_owned();
    for pattern in text.split(',').filter(|pattern| !pattern.is_empty()) {
        let level = match pattern.split('=').collect::<Vec<_>>()[..] {
            [file, level] if !file.is_empty() && !level.is_empty() => level,
            _ => return Err(syntax()),
        };
        if number(level).map_err(|_| syntax())? < 0 {
            return Err("negative value for vmodule level".to_owned());
        }
    }
    Ok(())
}

fn trace_location(text: &str) -> Result<(), String> {
    let syntax = || "syntax error: expect file.go:234".to_owned();
    if text.is_empty() {
        return Ok(());
    }
    let line = match text.split(':').collect::<Vec<_>>()[..] {
        [file, line] if file.contains('.') => line,
        _ => return Err(syntax()),
    };
    match line.parse::<i64>() {
        Ok(line) if line > 0 => Ok(()),
        Ok(_) => Err("negative or zero value for level".to_owned()),
        Err(_) => Err(syntax()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, text: &str, expected: Result<&str, &str>) {
        assert_eq!(checked(kind, text), expected.map(str::to_owned).map_err(str::to_owned), "{kind:?} {text:?}");
    }

    #[test]
    fn words_and_prefixes_are_read_as_upstream_does() {
        let scope = Kind::Word(&["strict", "cluster-wide"]);
        check(scope, "", Ok("strict"));
        check(scope, "Strict", Err("must be one of: strict, cluster-wide"));
        let namespace = Kind::Prefixed(&["namespaces/", "ns/"]);
        check(namespace, "NS/x", Ok("x"));
        check(namespace, "ns/", Ok("ns/"));
    }

    #[test]
    fn numbers_of_the_logging_library_are_checked() {
        check(Kind::LogSize, "0x10", Ok("0x10"));
        check(Kind::LogSize, "-1", Err("parse error"));
        check(Kind::LogSize, "99999999999999999999", Err("value out of range"));
        check(Kind::Level, "+3", Ok("+3"));
        check(Kind::Level, "99999999999", Err("strconv.ParseInt: parsing \"99999999999\": value out of range"));
        check(Kind::Severity, "warning", Ok("warning"));
        check(Kind::Severity, "x", Err("strconv.ParseInt: parsing \"x\": invalid syntax"));
    }

    #[test]
    fn places_in_go_code_are_checked() {
        check(Kind::ModuleSpec, "a=1,b=2,", Ok("a=1,b=2,"));
        check(Kind::ModuleSpec, "a=-1", Err("negative value for vmodule level"));
        check(Kind::ModuleSpec, "a", Err("syntax error: expect comma-separated list of filename=N"));
        check(Kind::TraceLocation, "a.go:7", Ok("a.go:7"));
        check(Kind::TraceLocation, "a.go:0", Err("negative or zero value for level"));
        check(Kind::TraceLocation, "x", Err("syntax error: expect file.go:234"));
    }
}
