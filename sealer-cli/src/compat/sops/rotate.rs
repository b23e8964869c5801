//! `sops rotate`: a file under a new data key, for keys that may change with it.

use keys::SecretBytes;

use super::failure::{Failure, Result, codes};
use super::files::{Input, Subject, deliver, is_absent, readable};
use super::job::{Job, KINDS};
use super::{check_output, warn_of_more_arguments};
use crate::compat::urfave::Values;
use crate::output::Access;

/// Runs the command.
pub(super) fn run(global: &Values, local: &Values) -> Result<()> {
    if local.arguments.is_empty() {
        return Err(Failure::new(codes::NO_FILE, "Error: no file specified"));
    }
    warn_of_more_arguments(local);
    check_output(local)?;
    let subject = Subject::named(local.arguments.first().map(String::as_str), local.text("filename-override"));
    check_changes(local, &subject, "use the `edit` subcommand instead")?;
    let job = Job::new(global, local)?.in_order()?;
    let (input, text) = rotated(&job, &subject)?;
    // EXPOSE: a file whose values are encrypted is written.
    deliver(&job, &input, text.expose(), Access::Default)
}

/// Fails as sops does if keys are to be changed of a file that does not exist.
pub(super) fn check_changes(local: &Values, subject: &Subject, instead: &str) -> Result<()> {
    let named = |(flag, _): &(&str, &str)| ["add-", "rm-"].iter().any(|prefix| !local.text(&format!("{prefix}{flag}")).is_empty());
    match &subject.path {
        Some(path) if KINDS.iter().any(named) && is_absent(path) => {
            let path = crate::compat::quote(&path.display().to_string());
            let text = format!("Error: cannot add or remove keys on non-existent file {path}, {instead}.");
            Err(Failure::new(codes::KEYS_OF_NOTHING, text))
        }
        _ => Ok(()),
    }
}

/// Reads a file and encrypts it under a new data key.
pub(super) fn rotated(job: &Job<'_>, subject: &Subject) -> Result<(Input, SecretBytes)> {
    let (added, removed) = (job.recipients("add-")?, job.recipients("rm-")?);
    let input = Input::of(subject.path.as_deref())?;
    let unlocked = job.unlock(&input, job.input(&subject.name))?;
    let output = job.output(&subject.name);
    let writing = job.desk.writing(output, job.manner(output)?);
    let rotated = job.desk.wait(engine::file::rotate(&job.desk.keychain, unlocked, &added, &removed, &writing));
    Ok((input, readable(rotated.map_err(|error| Failure::closing(&error))?)?))
}
