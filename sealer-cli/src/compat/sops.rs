//! MEMBER: the command line of sops, over the same engine as our own commands.
//!
//! Commands, flags, messages that scripts look for and exit statuses are those of sops v3.13.3, except where that tool loses data, shows values or
//! panics: those cases are errors here, and files stay as they were. Every such difference has a row in `tests/contract.toml`.
//!
//! *Source*: sops `cmd/sops/main.go` and the folders beside it.

mod commands;
mod completion;
mod context;
mod decrypt;
mod edit;
mod encrypt;
mod exec;
mod failure;
mod files;
mod filestatus;
mod flags;
mod groups;
mod job;
mod legacy;
mod log;
mod rotate;
mod set;
mod updatekeys;
mod version;
mod wrap;

use std::process::ExitCode;

use super::urfave::{self, Asked, Values};
use super::{Face, Invocation};
use crate::output::{note, print};
use commands::{PROGRAM, VERSION};
use failure::{Failure, Result};
use job::Job;

/// The face.
pub(super) static FACE: Face = Face { name: "sops", run };

/// Exit status of help on something that there is not.
const NO_TOPIC: u8 = 3;

fn run(invocation: &Invocation) -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let result = match urfave::read(&PROGRAM, &invocation.arguments, &variable) {
        Asked::Run { path, global, local } => act(&path, &global, &local),
        Asked::Version => say(&format!("sops {VERSION}\n")),
        Asked::Show(text) => say(&text),
        Asked::NoTopic(topic) => Err(Failure::new(NO_TOPIC, format!("No help topic for '{topic}'"))),
        Asked::Wrong { shown, message } => say(&shown).and(Err(Failure::logged(message))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.logged {
                log::fatal(&failure.text);
            } else if !failure.text.is_empty() {
                note(&engine::harmless(&failure.text));
            }
            ExitCode::from(failure.code)
        }
    }
}

fn act(path: &[&str], global: &Values, local: &Values) -> Result<()> {
    match path {
        [] => legacy::run(global),
        ["completion", shell] => say(&completion::script(shell)),
        ["decrypt"] => decrypt::run(global, local),
        ["edit"] => edit::run(global, local),
        ["encrypt"] => encrypt::run(global, local),
        ["exec-env"] => exec::env(global, local),
        ["exec-file"] => exec::file(global, local),
        ["filestatus"] => filestatus::run(global, local),
        ["groups", "add"] => groups::add(global, local),
        ["groups", "delete"] => groups::delete(global, local),
        ["rotate"] => rotate::run(global, local),
        ["set"] => set::run(global, local),
        ["unset"] => set::run_unset(global, local),
        ["updatekeys"] => updatekeys::run(global, local),
        ["publish"] => publish(global, local),
        other => Err(Failure::generic(format!("this version has no `sops {}`", other.join(" ")))),
    }
}

/// Copies of files elsewhere are not made; what is wrong before that is told first.
fn publish(global: &Values, local: &Values) -> Result<()> {
    if !Job::new(global, local)?.has_configuration() {
        return Err(Failure::generic("config file not found"));
    }
    if local.arguments.is_empty() {
        return Err(Failure::new(failure::codes::NO_FILE, "Error: no file specified"));
    }
    Err(Failure::generic("this version has no `sops publish`: nothing is written"))
}

/// Prints on standard output. Who closes it early does not want the rest.
fn say(text: &str) -> Result<()> {
    print(text.as_bytes()).map_err(|error| Failure::generic(failure::told(&error)))
}

/// Warns as sops does of arguments that are not looked at.
fn warn_of_more_arguments(values: &Values) {
    if values.arguments.len() < 2 {
        return;
    }
    log::warn("More than one positional argument provided. Only the first one will be used!");
    if let Some(flag) = values.arguments.iter().skip(1).rfind(|argument| argument.starts_with('-')) {
        let flag = super::quote(flag);
        log::warn(&format!(
            "Note that one of the ignored positional argument is {flag}, which looks like a flag. Flags must always be provided before the first positional \
            argument!"
        ));
    }
}

/// Fails if a result is to be written to two places.
fn check_output(values: &Values) -> Result<()> {
    if values.is_on("in-place") && !values.text("output").is_empty() {
        return Err(Failure::new(failure::codes::CONFLICT, "Error: cannot operate on both --output and --in-place"));
    }
    Ok(())
}
