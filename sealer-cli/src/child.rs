//! Programs that are given plaintext: in their environment, or in a file that is gone when they end.

mod environment;
mod handed;
mod user;

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};

use engine::{Error, ErrorKind, Result};

use crate::input::file_error;
use crate::signals::{Event, Watch, pass_on};

pub(crate) use environment::{Unfit, Variable, variables};
pub(crate) use handed::{Handing, with_file};
pub(crate) use user::User;

/// The shell that commands are given to.
const SHELL: &str = "/bin/sh";

/// What is run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// A command line for the shell.
    Shell(OsString),
    /// A program and its arguments, as they are; one word at least.
    Words(Vec<OsString>),
}

/// What is run, and as what.
#[derive(Debug)]
pub(crate) struct Launch {
    /// The program.
    pub(crate) program: Program,
    /// True if it gets nothing of our own environment.
    pub(crate) is_pristine: bool,
    /// Who it runs as, if not as ourselves.
    pub(crate) user: Option<User>,
    /// True if nobody waits for it. It has no terminal then.
    pub(crate) in_background: bool,
}

/// What became of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It runs on.
    InBackground,
    /// It ended like this.
    With(ExitStatus),
}

impl Ended {
    /// The status as a shell tells it: 128 and the number of the signal that ended the program.
    pub(crate) fn shell_code(self) -> u8 {
        let Self::With(status) = self else { return 0 };
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        u8::try_from(code).unwrap_or(u8::MAX)
    }
}

/// Runs a program with values in its environment. Signals that ask us to end go to it, and we end when it does.
pub(crate) fn with_variables(launch: &Launch, variables: &[Variable]) -> Result<Ended> {
    // Signals are looked at before there is a child, so that none is lost.
    let watch = Watch::start()?;
    run(launch, &mut launch.command(variables)?, &watch)
}

/// Turns this very process into a program with values in its environment; returns only if that fails.
pub(crate) fn in_our_place(launch: &Launch, variables: &[Variable]) -> Result<Infallible> {
    let mut command = launch.command(variables)?;
    launch.as_user(move || Err(launch.failed(&command.exec())))
}

impl Launch {
    /// A program that runs as ourselves, in our environment, and is waited for.
    pub(crate) fn new(program: Program) -> Self {
        Self { program, is_pristine: false, user: None, in_background: false }
    }

    /// Prepares the program. Values come last: they win over what the environment says, even of the user.
    fn command(&self, variables: &[Variable]) -> Result<Command> {
        let mut command = match &self.program {
            Program::Shell(line) => {
                let mut command = Command::new(SHELL);
                command.arg("-c").arg(line);
                command
            }
            Program::Words(words) => {
                let (program, arguments) = words.split_first().ok_or_else(|| Error::input("run a program: none is named"))?;
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
        };
        if self.is_pristine {
            command.env_clear();
        }
        command.envs(self.user.iter().flat_map(User::variables));
        for variable in variables {
            // EXPOSE: the person asked for a program that has the values in its environment.
            command.env(&variable.name, OsStr::from_bytes(variable.value.expose()));
        }
        if self.in_background {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        }
        Ok(command)
    }

    /// Puts the path of a file where the command has `{}`.
    fn with_path(&self, path: &OsStr) -> Self {
        let put = |text: &OsString| replaced(text, path);
        let program = match &self.program {
            Program::Shell(line) => Program::Shell(put(line)),
            Program::Words(words) => Program::Words(words.iter().map(put).collect()),
        };
        Self { program, user: self.user.clone(), ..*self }
    }

    fn as_user<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        match &self.user {
            Some(user) => user.act(work),
            None => work(),
        }
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        let program = match &self.program {
            Program::Shell(_) => OsStr::new(SHELL),
            Program::Words(words) => words.first().map(OsString::as_os_str).unwrap_or_default(),
        };
        file_error(&format!("run {:?}", program.to_string_lossy()), error)
    }
}

/// Runs the program to its end.
fn run(launch: &Launch, command: &mut Command, watch: &Watch) -> Result<Ended> {
    let mut child: Child = launch.as_user(move || command.spawn().map_err(|error| launch.failed(&error)))?;
    if launch.in_background {
        return Ok(Ended::InBackground);
    }
    watch.child(&child);
    while let Event::Asked(signal) = watch.next() {
        pass_on(signal, &child);
    }
    let status = child.wait().map_err(|_| Error::new(ErrorKind::Bug, "wait for the program"))?;
    Ok(Ended::With(status))
}

fn replaced(text: &OsStr, path: &OsStr) -> OsString {
    let (mut rest, mut result) = (text.as_bytes(), OsString::new());
    while let Some(at) = rest.windows(2).position(|pair| pair == b"{}") {
        result.push(OsStr::from_bytes(&rest[..at]));
        result.push(path);
        rest = &rest[at + 2..];
    }
    result.push(OsStr::from_bytes(rest));
    result
}

#[cfg(test)]
mod tests;
