//! `sealer sops`: an entry in the list of commands; the face itself takes over before anything is parsed (`compat.rs`).

use std::ffi::OsString;

use engine::{Error, ErrorKind};

use crate::exit::Outcome;

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "The same binary under the name sops needs no first word.\nExample:  sealer sops decrypt db.enc.yaml")]
pub(crate) struct Args {
    /// What sops takes; see `sealer sops --help`
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Is never reached: the face took the command line before it was parsed.
pub(crate) fn run(args: &Args) -> Outcome {
    let count = args.arguments.len();
    Err(Error::new(ErrorKind::Bug, format!("hand {count} arguments to the face of sops")).into())
}
