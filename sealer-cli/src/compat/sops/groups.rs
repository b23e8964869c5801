//! `sops groups`: key groups of a file, of which some number is needed to open it.

use std::path::PathBuf;

use engine::Recipient;
use engine::file::{recipients, update_keys};

use super::failure::{Failure, Result, told};
use super::files::{Input, readable, rewrite};
use super::job::Job;
use crate::compat::quote;
use crate::compat::urfave::Values;
use crate::output::{Access, print};

/// Runs `groups add`.
pub(super) fn add(global: &Values, local: &Values) -> Result<()> {
    if !local.arguments.is_empty() {
        return Err(Failure::generic("error: no positional arguments allowed"));
    }
    let job = Job::new(global, local)?;
    let group = job.recipients("")?;
    change(&job, |groups| {
        groups.push(group);
        Ok(())
    })
}

/// Runs `groups delete`.
pub(super) fn delete(global: &Values, local: &Values) -> Result<()> {
    let [index] = local.arguments.as_slice() else {
        return Err(Failure::generic("error: exactly one positional argument (index) required"));
    };
    let digits = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = index.parse::<u32>().ok().filter(|_| digits);
    let wrong = |why: &str| Failure::logged(format!("failed to parse [index] argument: strconv.ParseUint: parsing {}: {why}", quote(index)));
    let at = parsed.ok_or_else(|| wrong(if digits { "value out of range" } else { "invalid syntax" }))? as usize;
    let job = Job::new(global, local)?;
    change(&job, |groups| {
        if at >= groups.len() {
            return Err(Failure::generic(format!("there is no key group {at}: the file has {}, and the first is 0", groups.len())));
        }
        groups.remove(at);
        Ok(())
    })
}

fn change(job: &Job<'_>, change: impl FnOnce(&mut Vec<Vec<Recipient>>) -> Result<()>) -> Result<()> {
    let path = PathBuf::from(job.local.text("file"));
    let (store, output) = (job.input(&path), job.output(&path));
    let input = Input::file(&path)?;
    let file = job.parse(&input, store).map_err(as_log)?;
    job.check_services(&file.metadata).map_err(without_report)?;
    let mut groups = recipients(&file.metadata.groups);
    change(&mut groups)?;
    let threshold = match job.local.number("shamir-secret-sharing-threshold") {
        0 => file.metadata.threshold,
        number => usize::try_from(number).map_err(|_| Failure::logged("the threshold is negative"))?,
    };
    if groups.len() < threshold {
        return Err(Failure::logged(format!(
            "removing this key group will make the Shamir threshold impossible to satisfy: Shamir threshold is {threshold}, but we only have {} key groups",
            groups.len()
        )));
    }
    if groups.iter().any(Vec::is_empty) || groups.is_empty() {
        return Err(Failure::logged("empty key group provided: no key could open it"));
    }
    let writing = job.desk.writing(output, job.manner(output)?);
    let text = job.desk.wait(update_keys(&job.desk.keychain, file, &groups, threshold, &writing));
    let text = text.map_err(|error| match error.lost_key() {
        Some(lost) => lost_in_short(lost),
        None => Failure::logged(told(&error)),
    })?;
    let text = readable(text).map_err(as_log)?;
    // EXPOSE: a file whose values are encrypted is written.
    let bytes = text.expose();
    if job.local.is_on("in-place") {
        rewrite(&path, &input, bytes, Access::Default)
    } else {
        print(bytes).map_err(|error| Failure::generic(told(&error)))
    }
}

/// What upstream did not foresee stands in its log.
fn as_log(failure: Failure) -> Failure {
    Failure { logged: true, ..failure }
}

/// No key may be used.
fn without_report(_: Failure) -> Failure {
    Failure::logged("Error getting data key: 0 successful groups required, got 0")
}

/// Here upstream says in a line what it says elsewhere group by group.
fn lost_in_short(lost: &engine::LostKey) -> Failure {
    let open = lost.groups.iter().filter(|group| group.is_open).count();
    Failure::logged(format!("Error getting data key: {} successful groups required, got {open}", lost.threshold))
}
