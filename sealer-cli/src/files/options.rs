//! Options that commands over SOPS files share.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches};
use engine::{Error, Recipient, Result};
use sops::{KeyEntry, RULE_NAMES, Rule};

use super::{Desk, Found, Lookup, kinds};

/// Master keys on the command line: one flag for each kind.
#[derive(Debug, Default)]
pub(crate) struct Recipients<const PREFIX: char = ' '> {
    entries: Vec<KeyEntry>,
}

/// What the flags of a set of keys begin with, by the letter that stands for it.
fn prefixed(letter: char, flag: &str) -> String {
    match letter {
        '+' => format!("add-{flag}"),
        '-' => format!("rm-{flag}"),
        _ => flag.to_owned(),
    }
}

impl<const PREFIX: char> Recipients<PREFIX> {
    /// True if none was named.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reads them.
    pub(crate) fn read(&self, desk: &Desk) -> Result<Vec<Recipient>> {
        self.entries.iter().map(|entry| desk.keychain.recipient(entry)).collect()
    }
}

impl<const PREFIX: char> clap::FromArgMatches for Recipients<PREFIX> {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let mut recipients = Self::default();
        recipients.update_from_arg_matches(matches)?;
        Ok(recipients)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        self.entries = Vec::new();
        for names in kinds().iter().map(|kind| kind.names()) {
            let texts = matches.get_many::<String>(&prefixed(PREFIX, names.flag)).into_iter().flatten();
            let texts = texts.map(|text| text.trim()).filter(|text| !text.is_empty());
            self.entries.extend(texts.map(|text| KeyEntry { kind: names.metadata, entry: text.into() }));
        }
        Ok(())
    }
}

impl<const PREFIX: char> clap::Args for Recipients<PREFIX> {
    fn augment_args(command: clap::Command) -> clap::Command {
        let verb = match PREFIX {
            '+' => "Add",
            '-' => "Remove",
            _ => "Encrypt for",
        };
        kinds().iter().map(|kind| kind.names()).fold(command, |command, names| {
            let flag = prefixed(PREFIX, names.flag);
            let arg = Arg::new(flag.clone()).long(flag).value_name("KEY").value_delimiter(',').action(ArgAction::Append);
            let arg = if PREFIX == ' ' { arg.env(names.variable).hide_env_values(true) } else { arg };
            command.arg(arg.help(format!("{verb} this {}; may be repeated", names.title)))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

/// Which values are encrypted: one flag for each rule.
#[derive(Debug, Default)]
pub(crate) struct RuleFlags {
    rules: Vec<(&'static str, String)>,
}

impl RuleFlags {
    /// The rule that was asked for.
    pub(crate) fn rule(&self) -> Result<Option<Rule>> {
        match self.rules.as_slice() {
            [] => Ok(None),
            [(name, text)] => Ok(Some(Rule::new(name, text.clone())?)),
            _ => Err(Error::input("choose which values are encrypted: more than one way is given").advise("Name one of the flags")),
        }
    }
}

impl clap::FromArgMatches for RuleFlags {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let text = |name: &'static str| matches.get_one::<String>(&name.replace('_', "-")).map(|text| (name, text.clone()));
        Ok(Self { rules: RULE_NAMES.into_iter().filter_map(text).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for RuleFlags {
    fn augment_args(command: clap::Command) -> clap::Command {
        RULE_NAMES.into_iter().fold(command, |command, name| {
            let (kept, what) = match name.split_once('_') {
                Some(("unencrypted", what)) => ("Leave values readable", what),
                Some((_, what)) => ("Encrypt only values", what),
                None => ("", ""),
            };
            let (value, whose) = match what {
                "suffix" => ("TEXT", "under keys that end like this"),
                "regex" => ("REGEX", "under keys that match"),
                _ => ("REGEX", "below comments that match"),
            };
            let flag = name.replace('_', "-");
            command.arg(Arg::new(flag.clone()).long(flag).value_name(value).help(format!("{kept} {whose}")))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

// Where the configuration is.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigOption {
    /// Use this configuration [default: the first .sops.yaml from the file's folder upwards]
    #[arg(long, value_name = "FILE", env = "SOPS_CONFIG")]
    config: Option<PathBuf>,
}

impl ConfigOption {
    /// Finds the configuration for a file.
    pub(crate) fn find(&self, file: &Path) -> Result<Option<Found>> {
        match &self.config {
            Some(path) => Found::find(Lookup::Named(path)),
            None => Found::find(Lookup::Of(file)),
        }
    }
}

// How a file is read.
#[derive(Debug, clap::Args)]
pub(crate) struct InputOption {
    /// Format of the input [default: what the name of the file says]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) input_type: Option<String>,
}

// In which order master keys are tried.
#[derive(Debug, clap::Args)]
pub(crate) struct OrderOption {
    /// Try keys of these kinds first, in this order [default: age,pgp]
    #[arg(long, value_name = "KINDS", value_delimiter = ',', env = "SOPS_DECRYPTION_ORDER")]
    pub(crate) decryption_order: Option<Vec<String>>,
}
