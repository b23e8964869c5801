//! `sops updatekeys`: files for the keys that their creation rules name now.

use std::io::BufRead;
use std::path::Path;

use engine::Recipient;
use engine::file::{KeyChange, key_changes, recipients, update_keys};

use super::failure::{Failure, Result, codes, told};
use super::files::{Input, Subject, readable, reason, rewrite};
use super::job::{Job, recipient};
use super::{log, say};
use crate::compat::urfave::Values;
use crate::output::Access;

/// Runs the command.
pub(super) fn run(global: &Values, local: &Values) -> Result<()> {
    let job = Job::new(global, local)?;
    if !job.has_configuration() {
        return Err(Failure::generic("config file not found"));
    }
    if let [] | [_] = local.arguments.as_slice() {
        let file = local.arguments.first().ok_or_else(|| Failure::new(codes::NO_FILE, "Error: no file specified"))?;
        return update(&job, file);
    }
    let failed = local.arguments.iter().filter(|file| update(&job, file).inspect_err(|failure| log::error(&failure.text)).is_err()).count();
    if failed > 0 { Err(Failure::generic(format!("failed updating {failed} key(s)"))) } else { Ok(()) }
}

fn update(job: &Job<'_>, file: &str) -> Result<()> {
    let subject = Subject::named(Some(file), "");
    let Some(path) = subject.path.as_deref() else { return Ok(()) };
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| Failure::generic(format!("stat {shown}: {}", reason(&error))))?;
    if metadata.is_dir() {
        return Err(Failure::generic("can't operate on a directory"));
    }
    let store = job.input(path);
    log::step(&format!("Syncing keys for file {shown}"));
    let input = Input::file(path)?;
    let file = job.parse(&input, store)?;
    let wanted = wanted(job, path)?;
    let before = file.metadata.threshold;
    let threshold = before.min(wanted.len());
    let changes = key_changes(&job.desk.keychain, &file.metadata, &wanted);
    if changes.is_empty() && before == threshold {
        log::step(&format!("File {shown} already up to date"));
        return Ok(());
    }
    let all = if changes.is_empty() { unchanged(job, &file.metadata) } else { changes };
    say(&format!("The following changes will be made to the file's groups:\n{}", listed(&all, before, threshold)))?;
    if !job.local.is_on("yes") && !confirmed()? {
        log::step(&format!("File {shown} left unchanged"));
        return Ok(());
    }
    job.check_services(&file.metadata)?;
    let writing = job.desk.writing(store, job.manner(store)?);
    let text = job.desk.wait(update_keys(&job.desk.keychain, file, &wanted, threshold, &writing));
    let text = text.map_err(|error| match error.cause() {
        Some(engine::Cause::Wrapping) => Failure::generic(format!("error updating one or more master keys: [{}]", told(&error))),
        _ => Failure::opening(&error, store.name()),
    })?;
    // EXPOSE: a file whose values are encrypted is written.
    rewrite(path, &input, readable(text)?.expose(), Access::Default)?;
    log::step(&format!("File {shown} synced with new keys"));
    Ok(())
}

fn wanted(job: &Job<'_>, path: &Path) -> Result<Vec<Vec<Recipient>>> {
    let rule = job.rule(path)?.ok_or_else(|| Failure::generic("The config file does not contain any creation rule"))?;
    let group = |entries: &Vec<sops::KeyEntry>| entries.iter().map(|entry| recipient(&job.desk.keychain, entry)).collect();
    rule.groups.iter().map(group).collect()
}

/// Groups of which only the number that is needed changes.
fn unchanged(job: &Job<'_>, metadata: &sops::Metadata) -> Vec<KeyChange> {
    let names = |group: &Vec<Recipient>| group.iter().map(|key| job.desk.keychain.identity(&key.kind, &key.fields)).collect();
    let groups = recipients(&metadata.groups);
    let change = |(at, group)| KeyChange { group: at + 1, added: Vec::new(), removed: Vec::new(), kept: names(group) };
    groups.iter().enumerate().map(change).collect()
}

/// What changes, line by line.
fn listed(changes: &[KeyChange], before: usize, after: usize) -> String {
    let mut lines = Vec::new();
    match (before, after) {
        (0, 0) => {}
        (before, after) if before == after => lines.push(format!("shamir_threshold: {after}")),
        (before, after) => {
            lines.extend((after > 0).then(|| format!("+++ shamir_threshold: {after}")));
            lines.extend((before > 0).then(|| format!("--- shamir_threshold: {before}")));
        }
    }
    for change in changes {
        lines.push(format!("Group {}", change.group));
        lines.extend(change.kept.iter().map(|key| format!("    {key}")));
        lines.extend(change.added.iter().map(|key| format!("+++ {key}")));
        lines.extend(change.removed.iter().map(|key| format!("--- {key}")));
    }
    lines.iter().map(|line| format!("{}\n", engine::harmless(line))).collect()
}

/// Asks until the answer is yes or no.
fn confirmed() -> Result<bool> {
    loop {
        say("Is this okay? (y/n):")?;
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line).map_err(|error| Failure::generic(reason(&error)))?;
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            [] if read == 0 => return Err(Failure::generic("EOF")),
            [] => return Err(Failure::generic("unexpected newline")),
            ["y"] => return Ok(true),
            ["n"] => return Ok(false),
            [_] => {}
            _ => return Err(Failure::generic("expected newline")),
        }
    }
}
