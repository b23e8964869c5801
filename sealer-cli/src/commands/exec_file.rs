//! `sealer exec-file`: a program that reads a decrypted file, which is gone afterwards.

use std::path::PathBuf;

use engine::Error;
use jiff::Timestamp;
use keys::SecretBytes;
use sops::{EncryptedFile, MacCheck};

use super::exec_env::CommandArguments;
use crate::child::{Handing, with_file};
use crate::exit::{Errors, Outcome};
use crate::files::{Desk, InputOption, OrderOption, store};
use crate::input::read_file;

// Arguments of the command.
#[derive(clap::Args)]
#[command(
    after_help = "The path of the plaintext takes the place of every {} of the command. It is a pipe that can be read once and touches no disk; with --no-fifo it is \
    a file, in memory where the machine has such a place. The program's status is ours, and signals go to it.\n\
    Example:  sealer exec-file config.enc.json -- ./server --config {}\n\
    Example:  sealer exec-file --no-fifo --filename db.env db.enc.env '. {}; echo \"$user\"'"
)]
pub(crate) struct Args {
    /// File
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    command: CommandArguments,
    /// Hand over a file instead of a pipe: for programs that read it twice, or look at its size
    #[arg(long)]
    no_fifo: bool,
    /// Call it this
    #[arg(long, value_name = "NAME")]
    filename: Option<String>,
    #[command(flatten)]
    input: InputOption,
    /// Format of the plaintext [default: that of the file]
    #[arg(long, value_name = "FORMAT")]
    output_type: Option<String>,
    #[command(flatten)]
    order: OrderOption,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let launch = args.command.launch()?;
    let text = opened(args, now)?;
    let handing = if args.no_fifo { Handing::File } else { Handing::Pipe };
    Errors::status(with_file(&launch, &text, handing, args.filename.as_deref())?.shell_code())
}

fn opened(args: &Args, now: Timestamp) -> engine::Result<SecretBytes> {
    let desk = Desk::new(now)?.in_order(args.order.decryption_order.clone());
    let source = read_file(&args.file)?;
    let input = store(args.input.input_type.as_deref(), &args.file)?;
    let output = args.output_type.as_deref().map_or(Ok(input), |name| store(Some(name), &args.file))?;
    let open = || Ok(desk.text(EncryptedFile::parse(input, source.bytes)?, output, MacCheck::Enforce)?.text);
    open().map_err(|error: Error| error.in_file(&source.name))
}
