//! `sops filestatus`: whether a file is encrypted.

use std::path::Path;

use sops::{EncryptedFile, ErrorKind};

use super::failure::{Failure, Result, codes, told};
use super::files::Input;
use super::job::Job;
use super::say;
use crate::compat::urfave::Values;

/// Runs the command.
pub(super) fn run(global: &Values, local: &Values) -> Result<()> {
    let Some(file) = local.arguments.first() else {
        return Err(Failure::new(codes::NO_FILE, "Error: no file specified"));
    };
    let path = Path::new(file);
    let job = Job::new(global, local)?;
    let fail = |why: String| Failure::logged(format!("cannot check file status: cannot load encrypted file: {why}"));
    let input = Input::file(path).map_err(|failure| fail(failure.text))?;
    let is_encrypted = match EncryptedFile::parse(job.input(path), input.bytes) {
        Ok(file) => !file.metadata.version.is_empty() && !file.metadata.mac.is_empty(),
        Err(error) if error.kind() == ErrorKind::NotEncrypted => false,
        Err(error) => return Err(fail(told(&error.into()))),
    };
    say(&format!("{{\"encrypted\":{is_encrypted}}}\n"))
}
