//! `sealer man`: manual pages made from the one list of commands.

use std::path::PathBuf;

use clap_mangen::Man;
use engine::{Error, ErrorKind};

use crate::exit::Outcome;
use crate::input::file_error;
use crate::output::{make_private_folder, print};

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "Example:  sealer man | man -l -")]
pub(crate) struct Args {
    /// Folder to write the page of every command into
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Outcome {
    // The pages of help itself would say nothing.
    let command = crate::command::command_line().disable_help_subcommand(true);
    let Some(folder) = &args.out_dir else {
        return Ok(print(&page(&command)?)?);
    };
    make_private_folder(folder)?;
    clap_mangen::generate_to(command, folder).map_err(|error| file_error("write the manual pages", &error).in_file(folder.display().to_string()))?;
    Ok(())
}

fn page(command: &clap::Command) -> engine::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).map_err(|error| Error::new(ErrorKind::Bug, format!("write the manual page: {error}")))?;
    Ok(page)
}
