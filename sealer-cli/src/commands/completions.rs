//! `sealer completions`: scripts made from the one list of commands.

use clap_complete::Shell;

use crate::exit::Outcome;
use crate::output::print;

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "Example:  sealer completions bash > ~/.local/share/bash-completion/completions/sealer")]
pub(crate) struct Args {
    /// Shell to complete in
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::command::command_line(), "sealer", &mut script);
    Ok(print(&script)?)
}
