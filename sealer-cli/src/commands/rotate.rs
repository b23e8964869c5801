//! `sealer rotate`: files under a new data key, every value under a new nonce.

use std::path::PathBuf;

use engine::Error;
use engine::file::{rotate, unlock};
use jiff::Timestamp;
use keys::SecretBytes;
use serde_json::json;
use sops::{EncryptedFile, MacCheck, Manner};

use crate::exit::{Errors, Outcome};
use crate::files::{Desk, InputOption, OrderOption, Recipients, is_not_encrypted, read, store};
use crate::input::{Source, refuse_unreadable};
use crate::output::{Access, Progress, json_line, note, plural, prepare_rewrite, print, put_in_place};

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "Whoever could open the old file knows the old values: rotate the secrets themselves too after a key was removed.\n\
    Example:  sealer rotate --rm-age age1... secrets/")]
pub(crate) struct Args {
    /// Files and folders; they are written back
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    input: InputOption,
    #[command(flatten)]
    added: Recipients<'+'>,
    #[command(flatten)]
    removed: Recipients<'-'>,
    #[command(flatten)]
    order: OrderOption,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let desk = Desk::new(now)?.in_order(args.order.decryption_order.clone());
    let sources = read(&args.paths)?;
    let (mut errors, mut rows, mut ready, mut progress) = (Vec::new(), Vec::new(), Vec::new(), Progress::new("rotated", sources.len()));
    for source in &sources {
        let done = rotated(args, &desk, source).and_then(|text| {
            let path = source.path.as_deref().ok_or_else(|| Error::input("rotate standard input: name a file"))?;
            // EXPOSE: a file whose values are encrypted is written.
            prepare_rewrite(path, &source.bytes, text.expose(), Access::Default)
        });
        match done {
            Err(error) if source.found && is_not_encrypted(&error) => rows.push((source, false)),
            Err(error) => errors.push(error.in_file(&source.name)),
            Ok(prepared) => {
                ready.push(prepared);
                rows.push((source, true));
            }
        }
        progress.step();
    }
    drop(progress);
    put_in_place(ready)?;
    if args.json {
        let row = |(source, done): &(&Source, bool)| json!({ "file": source.name, "rotated": done });
        print(json_line(&rows.iter().map(row).collect()).as_bytes())?;
    } else {
        note(&format!("rotated {}", plural(rows.iter().filter(|(_, done)| *done).count(), "file")));
    }
    Errors::check(errors)
}

fn rotated(args: &Args, desk: &Desk, source: &Source) -> engine::Result<SecretBytes> {
    let store = store(args.input.input_type.as_deref(), &source.relative)?;
    let file = EncryptedFile::parse(store, source.bytes.duplicate())?.forgetting();
    let unlocked = desk.wait(unlock(&desk.keychain, file, MacCheck::Enforce, Manner::InPlace))?;
    let (added, removed) = (args.added.read(desk)?, args.removed.read(desk)?);
    desk.wait(rotate(&desk.keychain, unlocked, &added, &removed, &desk.writing(store, Manner::InPlace))).and_then(refuse_unreadable)
}
