//! `sealer groups`: key groups of a file, of which some number is needed to open it.

use std::path::PathBuf;

use engine::file::{recipients, update_keys};
use engine::{Error, Recipient};
use jiff::Timestamp;
use sops::{EncryptedFile, Manner};

use crate::exit::Outcome;
use crate::files::{Desk, InputOption, Recipients, store};
use crate::input::{read_file, refuse_unreadable};
use crate::output::rewrite_file;

/// What can be done with key groups.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Add a group of keys
    #[command(after_help = "Example:  sealer groups add --age age1... --threshold 2 db.enc.yaml")]
    Add {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        recipients: Recipients,
    },
    /// Remove a group of keys
    #[command(after_help = "Example:  sealer groups delete db.enc.yaml 2")]
    Delete {
        #[command(flatten)]
        target: Target,
        /// Number of the group, from 1
        #[arg(value_name = "GROUP")]
        group: usize,
    },
}

// Which file, and how many groups it takes.
#[derive(clap::Args)]
pub(crate) struct Target {
    /// File; it is written back
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How many groups are needed from now on [default: as before, all if that is not set]
    #[arg(long, value_name = "NUMBER")]
    threshold: Option<usize>,
    #[command(flatten)]
    input: InputOption,
}

/// Runs the command.
pub(crate) fn run(command: &Command, now: Timestamp) -> Outcome {
    let desk = Desk::new(now)?;
    match command {
        Command::Add { target, recipients } => {
            let group = recipients.read(&desk)?;
            if group.is_empty() {
                return Err(Error::input("add a group without keys").advise("Name a key with --age").into());
            }
            change(&desk, target, |groups| {
                groups.push(group);
                Ok(())
            })
        }
        Command::Delete { target, group } => change(&desk, target, |groups| {
            if *group == 0 || *group > groups.len() || groups.len() == 1 {
                let error = Error::input(format!("remove group {group}: the file has {} of them", groups.len()));
                return Err(if groups.len() == 1 { error.advise("The last group stays") } else { error });
            }
            groups.remove(group - 1);
            Ok(())
        }),
    }
}

fn change(desk: &Desk, target: &Target, change: impl FnOnce(&mut Vec<Vec<Recipient>>) -> engine::Result<()>) -> Outcome {
    let source = read_file(&target.file)?;
    let store = store(target.input.input_type.as_deref(), &target.file)?;
    let changed = || {
        let file = EncryptedFile::parse(store, source.bytes.duplicate())?;
        let mut groups = recipients(&file.metadata.groups);
        change(&mut groups)?;
        let threshold = target.threshold.unwrap_or(file.metadata.threshold);
        if threshold > groups.len() && target.threshold.is_some() {
            return Err(Error::input(format!("take {threshold} groups: the file has {}", groups.len())));
        }
        desk.wait(update_keys(&desk.keychain, file, &groups, threshold, &desk.writing(store, Manner::InPlace))).and_then(refuse_unreadable)
    };
    let text = changed().map_err(|error: Error| error.in_file(&source.name))?;
    // EXPOSE: a file whose values are encrypted is written.
    Ok(rewrite_file(&target.file, &source.bytes, text.expose())?)
}
