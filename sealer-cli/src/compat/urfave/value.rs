//! The kinds of values that flags take, and how each is read.

use crate::compat::quote;

/// What values a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole number; zero if nobody sets it.
    Number,
    /// A text each time; all of them count.
    List,
    /// No, unless it is set.
    Switch,
    /// Yes, unless it is set to no.
    SwitchedOn,
    /// Any text. The default is shown in help and used.
    Text {
        /// The value when nobody sets it.
        default: &'static str,
    },
}

impl Kind {
    /// Any text, none by default.
    pub(crate) const TEXT: Self = Self::Text { default: "" };

    /// True if the flag may stand without a value.
    pub(super) fn is_switch(self) -> bool {
        matches!(self, Self::Switch | Self::SwitchedOn)
    }
}

/// The value of a flag.
#[derive(Clone, Debug)]
pub(super) enum Value {
    List(Vec<String>),
    Number(i64),
    Switch(bool),
    Text(String),
}

impl Value {
    /// The value of a flag that nobody sets.
    pub(super) fn default_of(kind: Kind) -> Self {
        match kind {
            Kind::List => Self::List(Vec::new()),
            Kind::Number => Self::Number(0),
            Kind::Switch => Self::Switch(false),
            Kind::SwitchedOn => Self::Switch(true),
            Kind::Text { default } => Self::Text(default.to_owned()),
        }
    }

    /// Reads what the environment says. An empty text switches off.
    ///
    /// # Errors
    /// The cause, in Go's words.
    pub(super) fn of_variable(kind: Kind, text: &str) -> Result<Self, String> {
        match kind {
            Kind::List => Ok(Self::List(text.split(',').map(|item| item.trim().to_owned()).collect())),
            Kind::Number => number(text).map(Self::Number).map_err(|why| format!("strconv.ParseInt: parsing {}: {why}", quote(text))),
            Kind::Switch | Kind::SwitchedOn if text.is_empty() => Ok(Self::Switch(false)),
            Kind::Switch | Kind::SwitchedOn => {
                let read = switch(text).map(Self::Switch);
                read.ok_or_else(|| format!("strconv.ParseBool: parsing {}: invalid syntax", quote(text)))
            }
            Kind::Text { .. } => Ok(Self::Text(text.to_owned())),
        }
    }

    /// What kind of value it is called in errors about the environment.
    pub(super) fn title(kind: Kind) -> &'static str {
        match kind {
            Kind::Number => "int",
            Kind::Switch | Kind::SwitchedOn => "bool",
            Kind::List | Kind::Text { .. } => "string",
        }
    }

    /// Reads what the command line says; `first` if it is the first time.
    ///
    /// # Errors
    /// The cause, in Go's words.
    pub(super) fn set(&mut self, text: &str, first: bool) -> Result<(), &'static str> {
        match self {
            Self::List(items) => {
                if first {
                    items.clear();
                }
                items.push(text.to_owned());
            }
            Self::Number(value) => *value = number(text).map_err(|why| if why == "invalid syntax" { "parse error" } else { why })?,
            Self::Switch(on) => *on = switch(text).ok_or("parse error")?,
            Self::Text(value) => text.clone_into(value),
        }
        Ok(())
    }
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Reads a number as `strconv.ParseInt(text, 0, 64)` does: prefixes set the base, underscores may stand between digits of those that have one.
fn number(text: &str) -> Result<i64, &'static str> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, plain) = crate::compat::number::digits(digits).ok_or("invalid syntax")?;
    let signed = if negative { format!("-{plain}") } else { plain };
    i64::from_str_radix(&signed, base).map_err(|_| "value out of range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_does() {
        let check = |text: &str, expected| assert_eq!(number(text), expected, "{text}");
        check("3", Ok(3));
        check("-0x10", Ok(-16));
        check("010", Ok(8));
        check("0b1_1", Ok(3));
        check("1_0", Err("invalid syntax"));
        check("", Err("invalid syntax"));
        check("-", Err("invalid syntax"));
        check("99999999999999999999", Err("value out of range"));
    }

    #[test]
    fn a_list_of_the_environment_gives_way() {
        let mut list = Value::of_variable(Kind::List, "a, b").unwrap();
        assert!(matches!(&list, Value::List(items) if items == &["a", "b"]));
        list.set("c", true).unwrap();
        list.set("d", false).unwrap();
        assert!(matches!(&list, Value::List(items) if items == &["c", "d"]));
    }
}
