//! MEMBER: the command line of kubeseal, over the same engine as our own commands.
//!
//! Flags, their order of evaluation, messages and exit statuses are those of kubeseal v0.38.4 with the changes up to 0.40, except where that tool
//! loses data: those cases are errors here, and files stay as they were. Every such difference has a row in `tests/contract.toml`.
//!
//! *Source*: sealed-secrets `cmd/kubeseal/main.go` and `pkg/kubeseal/kubeseal.go`.

mod certificate;
mod controller;
mod failure;
mod files;
mod flags;
mod lenient;
mod merge;
mod options;
mod recover;
mod seal;
mod write;

use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::process::ExitCode;

use super::pflag::{self, Stop};
use super::{Face, Invocation};
use failure::{Failure, Result};
use files::Output;
use options::{Mode, Options};

/// The face.
pub(super) static FACE: Face = Face { name: "kubeseal", run };

/// The version of the behaviour, for tools that look at it.
const VERSION: &str = "0.40.0";

/// What the names of environment variables start with.
const PREFIX: &str = "SEALED_SECRETS";

/// Exit status of a wrong command line.
const USAGE: u8 = 2;

fn run(invocation: &Invocation) -> ExitCode {
    let parsed = pflag::parse(flags::TABLE, &invocation.arguments, PREFIX, &variable);
    for notice in &parsed.notices {
        say(&format!("{notice}\n"));
    }
    let title = format!("Usage of {}:\n", invocation.program);
    let usages = || pflag::usages(flags::TABLE);
    match &parsed.stop {
        Some(Stop::Help) => {
            complain_plainly(&title);
            say(&usages());
            return ExitCode::SUCCESS;
        }
        Some(Stop::Usage(message)) => {
            complain_plainly(&title);
            say(&format!("{}{message}\n", usages()));
            return ExitCode::from(USAGE);
        }
        None => {}
    }
    if parsed.is_on("version") {
        say(&format!("kubeseal version: {VERSION}\n"));
        return ExitCode::SUCCESS;
    }
    if parsed.is_on("help") {
        say(&format!("{title}{}", usages()));
        return ExitCode::SUCCESS;
    }
    match act(&Options::new(&parsed)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

fn act(options: &Options) -> Result<()> {
    if !options.from_files.is_empty() && !options.raw {
        return Err(Failure::new("--from-file requires --raw"));
    }
    let input = files::open_input(&options.input)?;
    if options.input.is_empty() && !options.raw && !options.fetch_cert {
        hint("(tty detected: expecting json/yaml k8s resource in stdin)");
    }
    let output = Output::new(&options.output)?;
    if options.mode() == Mode::Unseal {
        return recover::unseal(options, input, &output);
    }
    if !options.private_keys.is_empty() && stderr().is_terminal() {
        complain_plainly("warning: ignoring --recovery-private-key because unseal command not chosen with --recovery-unseal\n");
    }
    match options.mode() {
        Mode::Validate => return controller::validate(options, input),
        Mode::ReEncrypt => return controller::re_encrypt(options, input, &output),
        _ => {}
    }
    let pem = certificate::fetch(options)?;
    if options.mode() == Mode::FetchCertificate {
        return output.write(&pem);
    }
    let certificate = certificate::read(&pem)?;
    match options.mode() {
        Mode::Merge => merge::merge(options, input, &certificate),
        Mode::Raw => seal::raw(options, &output, &certificate),
        _ => seal::seal(options, input, &output, &certificate),
    }
}

/// Tells a person who is about to type what is waited for.
fn hint(text: &str) {
    if stdin().is_terminal() {
        complain_plainly(&format!("{text}\n"));
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Writes to stdout. Who closes it early does not want the rest.
fn say(text: &str) {
    let _ = stdout().write_all(text.as_bytes());
}

/// Writes an error as upstream does.
pub(super) fn complain(text: &str) {
    complain_plainly(&format!("error: {text}\n"));
}

fn complain_plainly(text: &str) {
    // There is nobody left to tell if this fails.
    let _ = stderr().write_all(text.as_bytes());
}
