//! A command line parser that behaves as version 1 of Go's `urfave/cli`, driven by a table of commands and flags.
//!
//! It knows how flags of a command are moved before its arguments (and when they are not), `-flag` and `--flag=value`, environment fallback,
//! nested commands, the layout of help texts and the wording of usage errors. It does not know what any flag means.
//!
//! *Source*: github.com/urfave/cli v1.22.17 (`app.go`, `command.go`, `parse.go`, `help.go`) and Go's `flag` package.

mod complete;
mod help;
mod parse;
mod value;

use std::collections::BTreeMap;

pub(crate) use value::Kind;
use value::Value;

/// One flag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    /// Names without dashes; the first is the one that code asks for.
    pub(crate) names: &'static [&'static str],
    /// What values it takes.
    pub(crate) kind: Kind,
    /// The environment variable that sets it; empty for none.
    pub(crate) variable: &'static str,
    /// The sentence in the help text.
    pub(crate) usage: &'static str,
}

impl Flag {
    /// Makes a flag that no variable sets.
    pub(crate) const fn new(names: &'static [&'static str], kind: Kind, usage: &'static str) -> Self {
        Self { names, kind, variable: "", usage }
    }

    /// Adds the environment variable.
    pub(crate) const fn or(self, variable: &'static str) -> Self {
        Self { variable, ..self }
    }

    fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

/// One command, or the program itself.
#[derive(Debug)]
pub(crate) struct Command {
    /// Its name.
    pub(crate) name: &'static str,
    /// One sentence about it.
    pub(crate) usage: &'static str,
    /// What stands behind its name in the usage line.
    pub(crate) arguments: &'static str,
    /// Its flags, in parts that commands share.
    pub(crate) flags: &'static [&'static [Flag]],
    /// The commands below it.
    pub(crate) commands: &'static [Command],
}

impl Command {
    fn flags(&self) -> impl Iterator<Item = &'static Flag> + use<> {
        self.flags.iter().flat_map(|part| part.iter())
    }

    fn flag(&self, name: &str) -> Option<&'static Flag> {
        self.flags().find(|flag| flag.names.contains(&name))
    }

    fn command(&self, name: &str) -> Option<&'static Command> {
        self.commands.iter().find(|command| command.name == name)
    }
}

/// The program: the command at the top, and what only its help shows.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its flags and commands.
    pub(crate) top: Command,
    /// What stands in place of a usage line.
    pub(crate) about: &'static str,
    /// Its version.
    pub(crate) version: &'static str,
}

/// What the flags and arguments of one command are.
#[derive(Debug, Default)]
pub(crate) struct Values {
    values: BTreeMap<&'static str, Value>,
    set: Vec<&'static str>,
    /// What is no flag.
    pub(crate) arguments: Vec<String>,
}

impl Values {
    /// The value of a flag that takes a text; empty if the command has no such flag.
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

    /// The value of a flag that takes a number; zero if the command has no such flag.
    pub(crate) fn number(&self, name: &str) -> i64 {
        match self.values.get(name) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    /// The values of a flag that may be given many times.
    pub(crate) fn list(&self, name: &str) -> &[String] {
        match self.values.get(name) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    /// True if the command line named the flag.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.set.contains(&name)
    }
}

/// What a command line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// To run a command, by its name and the names of those above it; none of them is the program itself.
    Run {
        /// Names, from the top.
        path: Vec<&'static str>,
        /// The flags of the program.
        global: Values,
        /// The flags and arguments of the command.
        local: Values,
    },
    /// To print the version.
    Version,
    /// To print a text on standard output.
    Show(String),
    /// Help on something that there is not.
    NoTopic(String),
    /// Nothing that can be done: a text for standard output, and what is wrong.
    Wrong {
        /// The words about it and the help.
        shown: String,
        /// The words alone.
        message: String,
    },
}

/// Reads a command line; `environment` looks variables up.
pub(crate) fn read(program: &'static Program, arguments: &[String], environment: &dyn Fn(&str) -> Option<String>) -> Asked {
    if let Some((last, rest)) = arguments.split_last()
        && last == complete::FLAG
    {
        let zsh = environment("_CLI_ZSH_AUTOCOMPLETE_HACK").is_some_and(|value| value == "1");
        return Asked::Show(complete::suggest(program, rest, zsh));
    }
    let shown = |message: String| Asked::Wrong { shown: format!("Incorrect Usage. {message}\n\n{}", help::of_program(program)), message };
    let global = match parse::parse(&program.top, arguments, environment) {
        Ok(values) => values,
        Err(parse::Stop::Environment(message)) => return Asked::Wrong { shown: String::new(), message },
        Err(parse::Stop::TwoForms(message)) => return Asked::Wrong { shown: format!("{message}\n{}", help::of_program(program)), message },
        Err(parse::Stop::Usage(message)) => return shown(message),
    };
    if global.is_on("help") {
        return Asked::Show(help::of_program(program));
    }
    if global.is_on("version") {
        return Asked::Version;
    }
    let Some((first, rest)) = global.arguments.split_first() else {
        return Asked::Run { path: Vec::new(), local: Values::default(), global };
    };
    if matches!(first.as_str(), "help" | "h") {
        return topic(&program.top, program.top.name, rest).unwrap_or_else(|| Asked::Show(help::of_program(program)));
    }
    match program.top.command(first) {
        None => Asked::Run { path: Vec::new(), local: Values::default(), global },
        Some(command) if command.commands.is_empty() => {
            let name = format!("{} {}", program.top.name, command.name);
            let rest = rest.to_vec();
            leaf(command, &name, vec![command.name], &rest, global, environment)
        }
        Some(group) => {
            let rest = rest.to_vec();
            branch(program, group, &rest, global, environment)
        }
    }
}

/// Help on the command that an argument names.
fn topic(above: &'static Command, name: &str, arguments: &[String]) -> Option<Asked> {
    let asked = arguments.first()?;
    let found = above.command(asked);
    Some(found.map_or_else(|| Asked::NoTopic(asked.clone()), |command| Asked::Show(help::of_command(command, &format!("{name} {}", command.name)))))
}

/// A command that has others below it.
fn branch(
    program: &'static Program,
    group: &'static Command,
    arguments: &[String],
    global: Values,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Asked {
    let name = format!("{} {}", program.top.name, group.name);
    let own = || help::of_group(group, &name);
    let values = match parse::parse(group, arguments, environment) {
        Ok(values) => values,
        Err(parse::Stop::Environment(message)) => return Asked::Wrong { shown: String::new(), message },
        Err(parse::Stop::Usage(message) | parse::Stop::TwoForms(message)) => {
            return Asked::Wrong { shown: format!("Incorrect Usage. {message}\n\n{}", own()), message };
        }
    };
    if values.is_on("help") {
        return Asked::Show(own());
    }
    let Some((first, rest)) = values.arguments.split_first() else { return Asked::Show(own()) };
    if matches!(first.as_str(), "help" | "h") {
        return topic(group, &name, rest).unwrap_or_else(|| Asked::Show(own()));
    }
    match group.command(first) {
        None => Asked::NoTopic(first.clone()),
        Some(command) => leaf(command, &format!("{name} {}", command.name), vec![group.name, command.name], rest, global, environment),
    }
}

/// A command that has none below it: its flags may stand behind its arguments.
fn leaf(
    command: &'static Command,
    name: &str,
    path: Vec<&'static str>,
    arguments: &[String],
    global: Values,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Asked {
    match parse::parse(command, &parse::reordered(command, arguments), environment) {
        Ok(local) if local.is_on("help") => Asked::Show(help::of_command(command, name)),
        Ok(local) => Asked::Run { path, global, local },
        Err(parse::Stop::Environment(message)) => Asked::Wrong { shown: String::new(), message },
        Err(parse::Stop::Usage(message) | parse::Stop::TwoForms(message)) => {
            Asked::Wrong { shown: format!("Incorrect Usage: {message}\n\n{}", help::of_command(command, name)), message }
        }
    }
}

#[cfg(test)]
mod tests;
