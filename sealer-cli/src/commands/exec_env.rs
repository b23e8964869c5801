//! `sealer exec-env`: a program that has the values of a file in its environment.

use std::ffi::OsString;
use std::path::PathBuf;

use engine::Error;
use engine::file::unlock;
use jiff::Timestamp;
use sops::{EncryptedFile, MacCheck, Manner, Style};

use crate::child::{Launch, Program, User, Variable, in_our_place, variables, with_variables};
use crate::exit::{Errors, Outcome};
use crate::files::{Desk, InputOption, OrderOption, store};
use crate::input::read_file;

// Arguments of the command.
#[derive(clap::Args)]
#[command(
    after_help = "The keys at the top of the file are the names; a value with parts of its own is refused. The program's status is ours, and signals go to \
    it.\n\
    Example:  sealer exec-env db.enc.yaml -- ./server --port 80\n\
    Example:  sealer exec-env db.enc.yaml 'psql \"postgres://shop:$password@db/shop\"'"
)]
pub(crate) struct Args {
    /// File
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    command: CommandArguments,
    /// Give the program nothing of our own environment
    #[arg(long)]
    pristine: bool,
    /// Become the program instead of waiting for it
    #[arg(long)]
    same_process: bool,
    #[command(flatten)]
    input: InputOption,
    #[command(flatten)]
    order: OrderOption,
}

// What is run, and as whom.
#[derive(clap::Args)]
pub(super) struct CommandArguments {
    /// Command line for the shell
    #[arg(value_name = "SHELL COMMAND", conflicts_with = "words", required_unless_present = "words")]
    shell: Option<OsString>,
    /// Program and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    words: Vec<OsString>,
    /// Run it as this user; only root may
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

impl CommandArguments {
    /// The program to run.
    pub(super) fn launch(&self) -> engine::Result<Launch> {
        let program = match &self.shell {
            Some(line) => Program::Shell(line.clone()),
            None => Program::Words(self.words.clone()),
        };
        Ok(Launch { user: self.user.as_deref().map(User::find).transpose()?, ..Launch::new(program) })
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let launch = Launch { is_pristine: args.pristine, ..args.command.launch()? };
    let variables = opened(args, now)?;
    if args.same_process {
        in_our_place(&launch, &variables)?;
    }
    Errors::status(with_variables(&launch, &variables)?.shell_code())
}

fn opened(args: &Args, now: Timestamp) -> engine::Result<Vec<Variable>> {
    let desk = Desk::new(now)?.in_order(args.order.decryption_order.clone());
    let source = read_file(&args.file)?;
    let store = store(args.input.input_type.as_deref(), &args.file)?;
    let open = || {
        let file = EncryptedFile::parse(store, source.bytes.duplicate())?.forgetting();
        let unlocked = desk.wait(unlock(&desk.keychain, file, MacCheck::Enforce, Manner::Anew(Style::default())))?;
        let first = unlocked.file.plain.document.branches.first();
        Ok(first.map_or(Ok(Vec::new()), variables)?)
    };
    open().map_err(|error: Error| error.in_file(&source.name))
}
