//! Help texts, laid out as the library does.

use std::fmt::Write;

use super::parse::HELP;
use super::{Command, Flag, Kind, Program};

/// The entry that the library adds to the list of commands.
const HELP_COMMAND: (&str, &str) = ("help, h", "Shows a list of commands or help for one command");

/// Help on the program.
pub(super) fn of_program(program: &Program) -> String {
    let top = &program.top;
    let commands = top.commands.iter().map(|command| (command.name.to_owned(), command.usage.to_owned()));
    let commands = columns(commands.chain([(HELP_COMMAND.0.to_owned(), HELP_COMMAND.1.to_owned())]));
    // The program has flags for help and version in its own table.
    let options = columns(top.flags().map(described));
    format!(
        "NAME:\n   {} - {}\n\nUSAGE:\n   {}\n\nVERSION:\n   {}\n\nCOMMANDS:\n{commands}\nGLOBAL OPTIONS:\n{options}",
        top.name, top.usage, program.about, program.version
    )
}

/// Help on a command that has others below it.
pub(super) fn of_group(group: &Command, name: &str) -> String {
    let commands = columns(group.commands.iter().map(|command| (command.name.to_owned(), command.usage.to_owned())));
    let options = columns(group.flags().chain([&HELP]).map(described));
    let arguments = arguments_of(group);
    format!(
        "NAME:\n   {name} - {}\n\nUSAGE:\n   {name} command [command options] {arguments}\n\nCOMMANDS:\n{commands}\nOPTIONS:\n{options}   \n",
        group.usage
    )
}

/// Help on any other command.
pub(super) fn of_command(command: &Command, name: &str) -> String {
    let options = columns(command.flags().map(described));
    let mut text = format!("NAME:\n   {name} - {}\n\nUSAGE:\n   {name}", command.usage);
    if !options.is_empty() {
        text.push_str(" [command options]");
    }
    // Writing to a text cannot fail.
    let _ = writeln!(text, " {}", arguments_of(command));
    if !options.is_empty() {
        let _ = write!(text, "\nOPTIONS:\n{options}   \n");
    }
    text
}

fn arguments_of(command: &Command) -> &'static str {
    if command.arguments.is_empty() { "[arguments...]" } else { command.arguments }
}

/// The names of a flag, and what it is.
fn described(flag: &Flag) -> (String, String) {
    let value = if flag.kind.is_switch() { "" } else { " value" };
    let dashes = |name: &str| if name.len() == 1 { "-" } else { "--" };
    let names: Vec<String> = flag.names.iter().map(|name| format!("{}{name}{value}", dashes(name))).collect();
    let mut usage = flag.usage.to_owned();
    match flag.kind {
        Kind::Number => usage.push_str(" (default: 0)"),
        Kind::Text { default } if !default.is_empty() => usage.push_str(&format!(" (default: \"{default}\")")),
        _ => {}
    }
    if !flag.variable.is_empty() {
        usage.push_str(&format!(" [${}]", flag.variable));
    }
    (names.join(", "), usage)
}

/// Lines of two columns.
fn columns(rows: impl Iterator<Item = (String, String)>) -> String {
    let rows: Vec<(String, String)> = rows.collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    rows.iter().map(|(name, usage)| format!("   {name:width$}  {usage}\n")).collect()
}
