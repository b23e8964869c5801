//! `sops exec-env` and `sops exec-file`: programs that are given plaintext.

use std::path::{Component, Path};

use engine::Error;
use sops::TreePath;

use super::failure::{Failure, Result, codes, told};
use super::files::{Input, Subject};
use super::job::Job;
use super::{decrypt, log};
use crate::child::{Ended, Handing, Launch, Program, User, Variable, in_our_place, variables, with_file, with_variables};
use crate::compat::urfave::Values;

/// Status of a program that a signal ended, as Go has it.
const BY_SIGNAL: u8 = 255;

/// Runs `exec-env`.
pub(super) fn env(global: &Values, local: &Values) -> Result<()> {
    let (file, command) = arguments(local)?;
    let job = Job::new(global, local)?.in_order()?;
    if local.is_on("background") {
        log::warn("exec-env's --background option is deprecated and will be removed in a future version of sops");
        if local.is_on("same-process") {
            return Err(Failure::new(codes::CONFLICT, "Error: The --same-process flag cannot be used with --background"));
        }
    }
    let launch = Launch { is_pristine: local.is_on("pristine"), ..launch(local, command)? };
    let variables = opened(&job, file)?;
    if local.is_on("same-process") {
        in_our_place(&launch, &variables).map_err(|error| failed(&error))?;
    }
    ended(with_variables(&launch, &variables).map_err(|error| failed(&error))?)
}

/// Runs `exec-file`.
pub(super) fn file(global: &Values, local: &Values) -> Result<()> {
    let (file, command) = arguments(local)?;
    let job = Job::new(global, local)?.in_order()?;
    let path = Path::new(file);
    let subject = Subject { path: Some(path.to_path_buf()), name: path.to_path_buf() };
    let text = decrypt::plaintext(&job, &Input::file(path)?, &subject, &TreePath::of(Vec::new()))?;
    if local.is_on("background") {
        log::warn("exec-file's --background option is deprecated and will be removed in a future version of sops");
    }
    let name = Some(local.text("filename")).filter(|name| !name.is_empty());
    if name.is_some_and(|name| !Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))) {
        return Err(Failure::generic("The provided filename is not a local path."));
    }
    let handing = if local.is_on("no-fifo") { Handing::File } else { Handing::Pipe };
    ended(with_file(&launch(local, command)?, &text, handing, name).map_err(|error| failed(&error))?)
}

/// The file and the command line.
fn arguments(local: &Values) -> Result<(&str, &str)> {
    match local.arguments.as_slice() {
        [file, command] => Ok((file, command)),
        _ => Err(Failure::generic("error: missing file to decrypt")),
    }
}

fn launch(local: &Values, command: &str) -> Result<Launch> {
    let user = Some(local.text("user")).filter(|user| !user.is_empty()).map(User::find).transpose().map_err(|error| failed(&error))?;
    Ok(Launch { user, in_background: local.is_on("background"), ..Launch::new(Program::Shell(command.into())) })
}

/// The values at the top of a file.
fn opened(job: &Job<'_>, file: &str) -> Result<Vec<Variable>> {
    let path = Path::new(file);
    let unlocked = job.unlock(&Input::file(path)?, job.input(path))?;
    let Some(first) = unlocked.file.plain.document.branches.first() else { return Ok(Vec::new()) };
    variables(first).map_err(|unfit| {
        use crate::child::Unfit::{Name, Nested, Zero};
        Failure::generic(match &unfit {
            Nested(key) => format!("cannot use complex value in environment; offending key {key}"),
            Name(key) => format!("cannot use keys with '=' in environment: {key}"),
            Zero(key) => format!("cannot {unfit}: {key}"),
        })
    })
}

fn failed(error: &Error) -> Failure {
    Failure::generic(told(error))
}

/// The status of the program is ours.
fn ended(ended: Ended) -> Result<()> {
    let Ended::With(status) = ended else { return Ok(()) };
    match status.code().map(|code| u8::try_from(code).unwrap_or(u8::MAX)) {
        Some(0) => Ok(()),
        Some(code) => Err(Failure::new(code, format!("exit status {code}"))),
        None => Err(Failure::new(BY_SIGNAL, "a signal ended the program")),
    }
}
