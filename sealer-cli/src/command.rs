//! What every command is made of: arguments that clap reads, and a function from them to an [`crate::exit::Outcome`].

use std::path::Path;

use clap::{CommandFactory, Parser, ValueEnum};
use engine::manifest::Format;

use crate::commands::Command;

/// Secrets that are safe to commit
///
/// Seal a Secret with the public key of a cluster, commit the SealedSecret, and get the native Secret back where the private key is. Files of
/// kubeseal and the Sealed Secrets controller are read and written as they are; `sealer kubeseal ...` takes kubeseal's own command line.
#[derive(Parser)]
#[command(name = "sealer", version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit status: 0 done, 2 bad input, 3 not found, 4 no key or no right, 5 broken seal, 6 try again later, 64 wrong command line, 70 a fault of sealer."
)]
pub(crate) struct Sealer {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The whole command line, for help, completions and manual pages.
pub(crate) fn command_line() -> clap::Command {
    Sealer::command()
}

/// The languages of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// JSON
    Json,
    /// YAML
    Yaml,
}

impl From<OutputFormat> for Format {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Json => Self::Json,
            OutputFormat::Yaml => Self::Yaml,
        }
    }
}

impl OutputFormat {
    /// The language of a stream of documents: what was asked for, what the ending of the file says, what all of the input is, or YAML.
    pub(crate) fn of_stream(asked: Option<Self>, path: Option<&Path>, mut inputs: impl Iterator<Item = Format>) -> Format {
        let ending = path.and_then(Path::extension).map(|ending| ending.to_ascii_lowercase());
        match (asked, ending.as_ref().and_then(|ending| ending.to_str())) {
            (Some(format), _) => format.into(),
            (None, Some("json")) => Format::Json,
            (None, Some("yaml" | "yml")) => Format::Yaml,
            _ => inputs.next().filter(|first| inputs.all(|format| format == *first)).unwrap_or(Format::Yaml),
        }
    }
}
