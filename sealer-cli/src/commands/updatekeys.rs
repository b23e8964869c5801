//! `sealer updatekeys`: files for the keys that the configuration names now.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use engine::file::{KeyChange, key_changes, update_keys};
use engine::{Error, ErrorKind};
use jiff::Timestamp;
use serde_json::json;
use sops::{EncryptedFile, Manner};

use crate::exit::{Errors, Outcome};
use crate::files::{ConfigOption, Desk, InputOption, is_not_encrypted, read, store};
use crate::input::{Source, refuse_unreadable};
use crate::output::{Progress, json_line, note, paint, print, rewrite_file};

// Arguments of the command.
#[derive(clap::Args)]
#[command(
    after_help = "Only the block of keys changes. A key that was removed opened the file until now: run `sealer rotate` for a new data key, and change the secrets.\n\
    Example:  sealer updatekeys --yes secrets/"
)]
pub(crate) struct Args {
    /// Files and folders; they are written back
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Say what would change, write nothing, and end with status 2 if something would
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    #[command(flatten)]
    input: InputOption,
    #[command(flatten)]
    config: ConfigOption,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let desk = Desk::new(now)?;
    let sources = read(&args.paths)?;
    let (mut errors, mut rows, mut progress) = (Vec::new(), Vec::new(), Progress::new("looked at", sources.len()));
    for source in &sources {
        match update(args, &desk, source) {
            Err(error) if source.found && (is_not_encrypted(&error) || error.kind() == ErrorKind::NotFound) => {}
            Err(error) => errors.push(error.in_file(&source.name)),
            Ok(changes) => rows.push((source, changes)),
        }
        progress.step();
    }
    drop(progress);
    if args.json {
        let row = |(source, changes): &(&Source, Vec<KeyChange>)| {
            let group = |change: &KeyChange| json!({ "group": change.group, "added": change.added, "removed": change.removed });
            json!({ "file": source.name, "changed": !changes.is_empty(), "groups": changes.iter().map(group).collect::<Vec<_>>() })
        };
        print(json_line(&rows.iter().map(row).collect()).as_bytes())?;
    }
    let stale = rows.iter().filter(|(_, changes)| !changes.is_empty()).count();
    if args.dry_run && stale > 0 && errors.is_empty() {
        errors.push(Error::input(format!("leave it at that: the keys of {stale} of {} files are not those of the configuration", rows.len())));
    }
    Errors::check(errors)
}

fn update(args: &Args, desk: &Desk, source: &Source) -> engine::Result<Vec<KeyChange>> {
    let path = source.path.as_deref().ok_or_else(|| Error::input("update standard input: name a file"))?;
    let store = store(args.input.input_type.as_deref(), path)?;
    let file = EncryptedFile::parse(store, source.bytes.duplicate())?;
    let missing = || {
        let error = Error::new(ErrorKind::NotFound, "find the keys for the file: there is no .sops.yaml with creation rules");
        error.advise("Write a .sops.yaml beside the file")
    };
    let config = args.config.find(path)?.ok_or_else(missing)?;
    let recipe = desk.recipe(&config.rule_for(path, &desk.keychain.names())?.ok_or_else(missing)?)?;
    let changes = key_changes(&desk.keychain, &file.metadata, &recipe.groups);
    if !args.json {
        say(source, &changes);
    }
    if changes.is_empty() || args.dry_run || !(args.yes || confirmed()?) {
        return Ok(changes);
    }
    let threshold = if recipe.threshold == 0 { file.metadata.threshold } else { recipe.threshold };
    let text = desk.wait(update_keys(&desk.keychain, file, &recipe.groups, threshold, &desk.writing(store, Manner::InPlace)));
    let text = text.and_then(refuse_unreadable)?;
    // EXPOSE: a file whose values are encrypted is written.
    rewrite_file(path, &source.bytes, text.expose())?;
    Ok(changes)
}

fn say(source: &Source, changes: &[KeyChange]) {
    if changes.is_empty() {
        note(&format!("{}: its keys are those of the configuration", source.name));
        return;
    }
    note(&format!("{}:", source.name));
    for change in changes {
        note(&format!("  group {}", change.group));
        change.kept.iter().for_each(|key| note(&format!("      {key}")));
        change.added.iter().for_each(|key| note(&format!("    {} {key}", paint("+", "32"))));
        change.removed.iter().for_each(|key| note(&format!("    {} {key}", paint("-", "31"))));
    }
}

fn confirmed() -> engine::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::input("ask whether to go on: standard input is no terminal").advise("Use --yes"));
    }
    note("Is this right? [y/N]");
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    Ok(read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes"))
}
