//! `sealer filestatus`: whether files are encrypted, without any key.

use std::path::PathBuf;

use engine::Error;
use serde_json::{Value, json};
use sops::{EncryptedFile, Metadata};

use crate::exit::{Errors, Outcome};
use crate::files::{Desk, InputOption, is_not_encrypted, read, store};
use crate::input::Source;
use crate::output::{json_line, print, table};

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "Example:  sealer filestatus --json secrets/")]
pub(crate) struct Args {
    /// Files, folders, or - for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    input: InputOption,
    /// End with status 2 if a file is not encrypted
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: jiff::Timestamp) -> Outcome {
    let desk = Desk::new(now)?;
    let (mut errors, mut rows) = (Vec::new(), Vec::new());
    for source in read(&args.paths)? {
        match status(args, &source) {
            Ok(metadata) => rows.push((source.name, metadata)),
            Err(error) => errors.push(error.in_file(&source.name)),
        }
    }
    if args.json {
        let row = |(name, metadata): &(String, Option<Metadata>)| json!({ "file": name, "encrypted": metadata.is_some(), "keys": keys(&desk, metadata.as_ref()) });
        print(json_line(&rows.iter().map(row).collect()).as_bytes())?;
    } else {
        let row = |(name, metadata): &(String, Option<Metadata>)| {
            let state = metadata.as_ref().map_or("plaintext".to_owned(), |metadata| format!("encrypted {}", metadata.last_modified));
            vec![name.clone(), state]
        };
        print(table(&rows.iter().map(row).collect::<Vec<_>>()).as_bytes())?;
    }
    if args.strict {
        let plain = rows.iter().filter(|(_, metadata)| metadata.is_none());
        errors.extend(plain.map(|(name, _)| Error::input("accept the file: it is not encrypted").in_file(name.clone())));
    }
    Errors::check(errors)
}

fn status(args: &Args, source: &Source) -> engine::Result<Option<Metadata>> {
    let store = store(args.input.input_type.as_deref(), &source.relative)?;
    match EncryptedFile::parse(store, source.bytes.duplicate()).map_err(Error::from) {
        Ok(file) => Ok(Some(file.metadata)),
        Err(error) if is_not_encrypted(&error) => Ok(None),
        Err(error) if store.name() == "binary" && error.cause() == Some(engine::Cause::File(sops::ErrorKind::Malformed)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn keys(desk: &Desk, metadata: Option<&Metadata>) -> Vec<Value> {
    let key = |key: &keys::WrappedKey| json!({ "kind": key.kind, "key": desk.keychain.identity(&key.kind, &key.fields) });
    metadata.into_iter().flat_map(|metadata| metadata.groups.iter().flatten()).map(key).collect()
}
