//! `sealer set` and `sealer unset`: one value of an encrypted file changed, and no other byte of its content.

use std::path::PathBuf;

use engine::Error;
use engine::file::{relock, unlock};
use jiff::Timestamp;
use keys::SecretBytes;
use sops::{DecryptedFile, EncryptedFile, MacCheck, Manner, Node, PlainFile, TreePath};

use crate::exit::Outcome;
use crate::files::{Desk, InputOption, OrderOption, store};
use crate::input::{read_file, read_stdin, refuse_unreadable};
use crate::output::rewrite_file;

// Which file, and where in it.
#[derive(clap::Args)]
struct Target {
    /// File
    #[arg(value_name = "FILE")]
    file: PathBuf,
    // Brackets would be links in a doc comment.
    #[arg(value_name = "PATH", help = r#"Where the value stands, as '["key"][0]'"#)]
    path: String,
    #[command(flatten)]
    input: InputOption,
    #[command(flatten)]
    order: OrderOption,
}

// Arguments of `set`.
#[derive(clap::Args)]
#[command(after_help = "What is missing on the way is made. A secret on the command line is seen by other users: prefer standard input.\n\
    Example:  printf %s \"$PASSWORD\" | sealer set db.enc.yaml '[\"database\"][\"password\"]' --text -")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// The value as JSON, or - for standard input
    #[arg(value_name = "VALUE", conflicts_with = "value_file", required_unless_present = "value_file", allow_hyphen_values = true)]
    value: Option<String>,
    /// Read the value from this file
    #[arg(long, value_name = "FILE")]
    value_file: Option<PathBuf>,
    /// Take the value as text, whatever it looks like
    #[arg(long)]
    text: bool,
}

// Arguments of `unset`.
#[derive(clap::Args)]
#[command(after_help = "Example:  sealer unset db.enc.yaml '[\"database\"][\"old_password\"]'")]
pub(crate) struct UnsetArgs {
    #[command(flatten)]
    target: Target,
}

/// Runs `set`.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let value = value(args)?;
    change(&args.target, now, |plain, path| sops::set(plain, path, value))
}

/// Runs `unset`.
pub(crate) fn run_unset(args: &UnsetArgs, now: Timestamp) -> Outcome {
    change(&args.target, now, sops::unset)
}

fn change(target: &Target, now: Timestamp, change: impl FnOnce(PlainFile, &TreePath) -> sops::Result<PlainFile>) -> Outcome {
    let path = TreePath::parse(&target.path).map_err(Error::from)?;
    let desk = Desk::new(now)?.in_order(target.order.decryption_order.clone());
    let source = read_file(&target.file)?;
    let store = store(target.input.input_type.as_deref(), &target.file)?;
    let changed = || {
        let file = EncryptedFile::parse(store, source.bytes.duplicate())?;
        let unlocked = desk.wait(unlock(&desk.keychain, file, MacCheck::Enforce, Manner::InPlace))?;
        let DecryptedFile { plain, metadata, stash, .. } = unlocked.file;
        relock(change(plain, &path)?, &unlocked.key, metadata, stash, &desk.writing(store, Manner::InPlace)).and_then(refuse_unreadable)
    };
    let text = changed().map_err(|error: Error| error.in_file(&source.name))?;
    // EXPOSE: a file whose values are encrypted is written.
    Ok(rewrite_file(&target.file, &source.bytes, text.expose())?)
}

fn value(args: &Args) -> engine::Result<Node> {
    let text = match (&args.value_file, args.value.as_deref()) {
        (Some(file), _) => read_file(file)?.bytes,
        (None, Some("-")) => read_stdin()?.bytes,
        (None, value) => SecretBytes::new(value.unwrap_or_default().as_bytes().to_vec()),
    };
    if args.text {
        // EXPOSE: the value becomes a leaf.
        return Ok(Node::text(text.expose().to_vec()));
    }
    sops::node_of_json(&text).map_err(|error| Error::from(error).advise("Write a text as '\"text\"', or use --text"))
}
