//! `sops edit`: an encrypted file, or a new one, in the person's editor.

use std::ffi::OsStr;
use std::path::Path;

use engine::file::{Recipe, Unlocked, lock, relock};
use engine::{Cause, ErrorKind};
use keys::SecretBytes;
use sops::{CreationRule, DecryptedFile, MacCheck, Manner, PlainFile, Store, Style};

use super::failure::{Failure, Result, codes, told};
use super::files::{Input, Subject, readable, rewrite};
use super::job::Job;
use super::{encrypt, version, warn_of_more_arguments};
use crate::compat::urfave::Values;
use crate::editor::{self, Edited, Trouble, Verdict};
use crate::files::example;
use crate::output::{Access, write_file};

/// Runs the command.
pub(super) fn run(global: &Values, local: &Values) -> Result<()> {
    let Some(file) = local.arguments.first() else {
        return Err(Failure::new(codes::NO_FILE, "Error: no file specified"));
    };
    warn_of_more_arguments(local);
    let subject = Subject::named(Some(file), "");
    let job = Job::new(global, local)?.in_order()?;
    let is_new = subject.path.as_deref().is_some_and(|path| !path.exists());
    let rule = if is_new { job.rule(&subject.name)? } else { None };
    edit(&job, &subject, rule.as_ref())
}

/// Edits a file that is there, or makes one by a creation rule.
pub(super) fn edit(job: &Job<'_>, subject: &Subject, rule: Option<&CreationRule>) -> Result<()> {
    if job.local.is_on("show-master-keys") {
        return Err(Failure::generic("this version has no --show-master-keys: change keys with `sops rotate` or `sops updatekeys`"));
    }
    let Some(path) = subject.path.as_deref() else { return Ok(()) };
    if path.exists() { change(job, subject, path) } else { create(job, subject, path, &encrypt::recipe(job, subject, rule)?) }
}

fn change(job: &Job<'_>, subject: &Subject, path: &Path) -> Result<()> {
    let input = Input::file(path)?;
    let (store, output) = (job.input(&subject.name), job.output(&subject.name));
    let Unlocked { file, key } = job.unlock(&input, store)?;
    let start = shown(job, output, file.plain)?;
    let writing = job.desk.writing(output, job.manner(output)?);
    run_editor(path, &start, |text| {
        let plain = encrypt::plain(store, &text)?;
        // Each try takes the ciphertexts of the file anew: the one before may have used them up.
        let again = job.parse(&input, store)?.decrypt(&key, MacCheck::DangerousIgnore, Manner::Anew(Style::default()));
        let DecryptedFile { mut metadata, stash, .. } = again.map_err(|error| Failure::opening(&error.into(), store.name()))?;
        if version::is_older(&metadata.version) {
            engine::file::FORMAT_VERSION.clone_into(&mut metadata.version);
        }
        let text = relock(plain, &key, metadata, stash, &writing).map_err(|error| Failure::closing(&error))?;
        // EXPOSE: a file whose values are encrypted is written.
        rewrite(path, &input, readable(text)?.expose(), Access::Default)
    })
}

fn create(job: &Job<'_>, subject: &Subject, path: &Path, recipe: &Recipe) -> Result<()> {
    let (store, output) = (job.input(&subject.name), job.output(&subject.name));
    job.check_wrapping()?;
    let start = shown(job, output, PlainFile::of_document(store, example(store)))?;
    let writing = job.desk.writing(output, job.manner(output)?);
    run_editor(path, &start, |text| {
        let plain = encrypt::plain(store, &text)?;
        let text = job.desk.wait(lock(&job.desk.keychain, plain.into(), recipe, &writing)).map_err(|error| match error.cause() {
            Some(Cause::Wrapping) => {
                Failure::new(codes::NO_KEY, format!("Error encrypting the data key with one or more master keys: [{}]", told(&error)))
            }
            _ => Failure::closing(&error),
        })?;
        // EXPOSE: a file whose values are encrypted is written.
        write_file(path, readable(text)?.expose(), Access::Default)
            .map_err(|error| Failure::new(codes::OUTPUT, format!("Could not open in-place file for writing: {}", told(&error))))
    })
}

/// The text that the editor gets.
fn shown(job: &Job<'_>, store: &'static dyn Store, plain: PlainFile) -> Result<SecretBytes> {
    let text = plain.emit(store, job.style(store)?);
    text.map_err(|error| Failure::new(codes::DUMP, format!("Could not marshal tree: {}", told(&error.into()))))
}

/// Runs the editor until what it leaves is accepted. Whatever is wrong with it, its author may do something about it.
fn run_editor(path: &Path, start: &SecretBytes, mut accept: impl FnMut(SecretBytes) -> Result<()>) -> Result<()> {
    let mut last = None;
    let edited = editor::edit(path.file_name().unwrap_or(OsStr::new("file")), start, |text| match accept(text) {
        Ok(()) => Ok(Verdict::Accepted(())),
        Err(failure) => {
            let why = failure.text.clone();
            last = Some(failure);
            Ok(Verdict::Again(ErrorKind::Input, why))
        }
    });
    match edited {
        Ok(Edited::Accepted(())) => Ok(()),
        Ok(Edited::Unchanged) => Err(Failure::new(codes::UNCHANGED, "File has not changed, exiting.")),
        Ok(Edited::Interrupted(_)) => Err(Failure::generic("User canceled operation")),
        Err(Trouble::Editor(error)) => Err(Failure::new(codes::EDITOR, format!("Could not run editor: {}", told(&error)))),
        Err(Trouble::Copy(error)) => Err(Failure::new(codes::INPUT, format!("Could not read edited file: {}", told(&error)))),
        Err(Trouble::Text(error)) => Err(last.unwrap_or_else(|| Failure::generic(told(&error)))),
    }
}
