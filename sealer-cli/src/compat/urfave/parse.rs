//! Flags and arguments of one command.

use super::value::Value;
use super::{Command, Flag, Kind, Values};
use crate::compat::quote;

/// The flag that every command has.
pub(super) const HELP: Flag = Flag::new(&["help", "h"], Kind::Switch, "show help");

/// Why the parser stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// A variable cannot be read.
    Environment(String),
    /// Two names of one flag are used.
    TwoForms(String),
    /// The command line is wrong.
    Usage(String),
}

/// Reads the environment, then flags up to the first argument.
pub(super) fn parse(command: &Command, arguments: &[String], environment: &dyn Fn(&str) -> Option<String>) -> Result<Values, Stop> {
    let mut values = Values::default();
    for flag in command.flags() {
        let value = match environment(flag.variable).filter(|_| !flag.variable.is_empty()) {
            Some(text) => Value::of_variable(flag.kind, &text).map_err(|cause| {
                let title = Value::title(flag.kind);
                Stop::Environment(format!("could not parse {text} as {title} value for flag {}: {cause}", flag.names.join(", ")))
            })?,
            None => Value::default_of(flag.kind),
        };
        values.values.insert(flag.name(), value);
    }
    values.values.insert(HELP.name(), Value::Switch(false));
    let mut used: Vec<&str> = Vec::new();
    let mut rest = arguments;
    while let Some((argument, after)) = rest.split_first() {
        if !argument.starts_with('-') || argument == "-" {
            break;
        }
        rest = after;
        if argument == "--" {
            break;
        }
        used.push(one(command, argument, &mut rest, &mut values)?);
    }
    values.arguments = rest.to_vec();
    two_forms(command, &used)?;
    Ok(values)
}

/// Reads one flag, and returns the name that was used.
fn one<'a>(command: &Command, argument: &'a str, rest: &mut &'a [String], values: &mut Values) -> Result<&'a str, Stop> {
    let usage = |message: String| Err(Stop::Usage(message));
    let bare = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')).unwrap_or(argument);
    if bare.is_empty() || bare.starts_with(['-', '=']) {
        return usage(format!("bad flag syntax: {argument}"));
    }
    let (name, given) = bare.split_once('=').map_or((bare, None), |(name, value)| (name, Some(value)));
    let Some(flag) = command.flag(name).or_else(|| HELP.names.contains(&name).then_some(&HELP)) else {
        return usage(format!("flag provided but not defined: -{name}"));
    };
    let text = match given {
        Some(text) => text,
        None if flag.kind.is_switch() => "true",
        None => match rest.split_first() {
            Some((next, after)) => {
                *rest = after;
                next.as_str()
            }
            None => return usage(format!("flag needs an argument: -{name}")),
        },
    };
    let first = !values.is_set(flag.name());
    if let Some(Err(cause)) = values.values.get_mut(flag.name()).map(|value| value.set(text, first)) {
        let what = if flag.kind.is_switch() { "invalid boolean value" } else { "invalid value" };
        let whose = if flag.kind.is_switch() { "for" } else { "for flag" };
        return usage(format!("{what} {} {whose} -{name}: {cause}", quote(text)));
    }
    if first {
        values.set.push(flag.name());
    }
    Ok(name)
}

/// A flag may be used by one of its names only.
fn two_forms(command: &Command, used: &[&str]) -> Result<(), Stop> {
    for flag in command.flags() {
        let mut names = flag.names.iter().filter(|name| used.contains(name));
        if let (Some(first), Some(second)) = (names.next(), names.next()) {
            return Err(Stop::TwoForms(format!("Cannot use two forms of the same flag: {second} {first}")));
        }
    }
    Ok(())
}

/// Moves flags of a command before everything else. What follows a flag is taken for its value, even behind a switch: so the first argument
/// behind a switch ends the flags, and those behind it are arguments.
pub(super) fn reordered(command: &Command, arguments: &[String]) -> Vec<String> {
    let (mut flags, mut others) = (Vec::new(), Vec::new());
    let mut value_may_follow = false;
    for (at, argument) in arguments.iter().enumerate() {
        let is_flag = is_flag(command, argument);
        if value_may_follow && !is_flag {
            value_may_follow = false;
            flags.push(argument.clone());
        } else if argument == "--" {
            others.insert(0, argument.clone());
            others.extend(arguments.iter().skip(at + 1).cloned());
            break;
        } else if is_flag {
            value_may_follow = !argument.contains('=');
            flags.push(argument.clone());
        } else {
            others.push(argument.clone());
        }
    }
    flags.append(&mut others);
    flags
}

fn is_flag(command: &Command, argument: &str) -> bool {
    if matches!(argument, "-" | "--") {
        return false;
    }
    let Some(bare) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else { return false };
    let bare = bare.strip_prefix('-').unwrap_or(bare);
    let name = bare.split('=').next().unwrap_or_default();
    command.flag(name).is_some() || HELP.names.contains(&name)
}
