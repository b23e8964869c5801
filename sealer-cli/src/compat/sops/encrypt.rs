//! `sops encrypt`: the values of a file encrypted for the keys that flags or a creation rule name.

use engine::Error;
use engine::file::{Recipe, lock};
use keys::SecretBytes;
use sops::{CreationRule, ErrorKind, PlainFile, RULE_NAMES, Rule, Store};

use super::failure::{Failure, Result, codes, told};
use super::files::{Input, Subject, deliver, readable};
use super::job::{Job, recipient};
use super::{check_output, context, log, warn_of_more_arguments};
use crate::compat::urfave::Values;
use crate::output::Access;

/// Runs the command.
pub(super) fn run(global: &Values, local: &Values) -> Result<()> {
    if local.arguments.is_empty() {
        let conflict = |text: &str| Err(Failure::new(codes::CONFLICT, text));
        if local.is_on("in-place") {
            return conflict("Error: cannot use --in-place when reading from stdin");
        }
        if local.text("filename-override").is_empty() {
            return conflict("Error: must specify --filename-override when reading from stdin");
        }
    }
    warn_of_more_arguments(local);
    check_output(local)?;
    let subject = Subject::named(local.arguments.first().map(String::as_str), local.text("filename-override"));
    subject.check_exists()?;
    let job = Job::new(global, local)?;
    let rule = job.rule(&subject.name)?;
    let recipe = recipe(&job, &subject, rule.as_ref())?;
    let input = Input::of(subject.path.as_deref())?;
    let text = ciphertext(&job, &input, &subject, &recipe)?;
    // EXPOSE: a file whose values are encrypted is written.
    deliver(&job, &input, text.expose(), Access::Default)
}

/// Encrypts a file.
pub(super) fn ciphertext(job: &Job<'_>, input: &Input, subject: &Subject, recipe: &Recipe) -> Result<SecretBytes> {
    let plain = plain(job.input(&subject.name), &input.bytes)?;
    job.check_wrapping()?;
    let output = job.output(&subject.name);
    let writing = job.desk.writing(output, job.manner(output)?);
    let text = job.desk.wait(lock(&job.desk.keychain, plain.into(), recipe, &writing)).map_err(|error| Failure::closing(&error))?;
    readable(text)
}

/// Reads a file that is to be encrypted.
pub(super) fn plain(store: &'static dyn Store, bytes: &SecretBytes) -> Result<PlainFile> {
    PlainFile::parse(store, bytes.duplicate()).map_err(|error| match error.kind() {
        // As the real tool says it of YAML in which nothing but comments stands.
        ErrorKind::Empty if store.name() == "yaml" && !bytes.is_empty() => Failure::new(codes::INPUT, "Error unmarshalling file: EOF"),
        ErrorKind::Empty => Failure::new(codes::EMPTY, "File cannot be completely empty, it must contain at least one document"),
        ErrorKind::AlreadyEncrypted => Failure::encrypted_already(),
        _ => Failure::new(codes::INPUT, format!("Error unmarshalling file: {}", told(&Error::from(error)))),
    })
}

/// Whom a file is for, and which of its values are encrypted.
pub(super) fn recipe(job: &Job<'_>, subject: &Subject, rule: Option<&CreationRule>) -> Result<Recipe> {
    let selection = selection(job, job.input(&subject.name), rule)?;
    let groups = groups(job, rule)?;
    let threshold = match job.local.number("shamir-secret-sharing-threshold") {
        0 => rule.map_or(0, |rule| rule.threshold),
        number => usize::try_from(number).map_err(|_| {
            Failure::generic("Could not generate data key: [could not split data key into parts for Shamir: threshold must be at least 2]")
        })?,
    };
    let single = is_single(job.input(&subject.name));
    let mac_only_encrypted = !single && (job.global.is_on("mac-only-encrypted") || rule.is_some_and(|rule| rule.mac_only_encrypted));
    Ok(Recipe { groups, threshold, rule: selection, mac_only_encrypted })
}

fn groups(job: &Job<'_>, rule: Option<&CreationRule>) -> Result<Vec<Vec<engine::Recipient>>> {
    context::parse(job.local.text("encryption-context"))?;
    if job.names_keys("") {
        return Ok(vec![job.recipients("")?]);
    }
    let Some(rule) = rule else {
        return Err(Failure::generic("config file not found, or has no creation rules, and no keys provided through command line options"));
    };
    let group = |entries: &Vec<sops::KeyEntry>| entries.iter().map(|entry| recipient(&job.desk.keychain, entry)).collect();
    rule.groups.iter().map(group).collect()
}

/// True for a format whose files are one value.
fn is_single(store: &dyn Store) -> bool {
    store.name() == "binary"
}

/// Which values are encrypted: a flag comes before the creation rule only if both are of one kind.
fn selection(job: &Job<'_>, input: &dyn Store, rule: Option<&CreationRule>) -> Result<Option<Rule>> {
    let from_rule = rule.and_then(|rule| rule.rule.as_ref());
    let mut found = Vec::new();
    for name in RULE_NAMES {
        let flag = job.local.text(&name.replace('_', "-"));
        let configured = from_rule.filter(|rule| rule.name() == name).map_or("", |rule| rule.text());
        let text = if flag.is_empty() { configured } else { flag };
        if !text.is_empty() {
            found.push(Rule::new(name, text).map_err(|error| Failure::generic(told(&error.into())))?);
        }
    }
    if is_single(input) {
        for rule in found.iter().filter(|rule| rule.name() != "unencrypted_comment_regex") {
            let what = rule.name().replace('_', " ");
            log::warn(&format!("Using an {what} does not make sense with the input store: a binary file is one value, which is always encrypted."));
        }
        return Ok(None);
    }
    if found.len() > 1 {
        let names = RULE_NAMES.join(", ");
        return Err(Failure::new(codes::CONFLICT, format!("Error: cannot use more than one of {names} in the same file")));
    }
    Ok(Some(found.pop().unwrap_or_else(Rule::default_suffix)))
}
