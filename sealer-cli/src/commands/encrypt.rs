//! `sealer encrypt`: values of files encrypted in place, for the keys that a creation rule or flags name.

use std::path::{Path, PathBuf};

use engine::file::{Recipe, lock};
use engine::{Cause, Error, ErrorKind};
use jiff::Timestamp;
use keys::SecretBytes;
use serde_json::json;
use sops::{Manner, PlainText, Style};

use crate::exit::{Errors, Outcome};
use crate::files::{ConfigOption, Desk, Found, InputOption, Recipients, RuleFlags, read, store};
use crate::input::{Source, refuse_unreadable};
use crate::output::{Access, Prepared, Progress, json_line, note, plural, prepare_rewrite, print, put_in_place, write};

// Arguments of the command.
#[derive(clap::Args)]
#[command(
    after_help = "Files stay as they are but for the values: comments, order, quotes and indentation are kept. In folders, files that no rule matches and those that \
    are encrypted already are passed over.\n\
    Example:  sealer encrypt --in-place secrets/\n\
    Example:  sealer encrypt --age age1... db.yaml > db.enc.yaml"
)]
pub(crate) struct Args {
    /// Files, folders, or - for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write the files back; without it, one file is printed to standard output
    #[arg(short, long, group = "quiet")]
    in_place: bool,
    /// Write to a file
    #[arg(short = 'w', long, value_name = "FILE", conflicts_with = "in_place")]
    output: Option<PathBuf>,
    /// Take standard input for a file of this name: it says the format and the rule
    #[arg(long, value_name = "FILE")]
    name: Option<PathBuf>,
    #[command(flatten)]
    input: InputOption,
    /// Format of the output [default: that of the input]
    #[arg(long, value_name = "FORMAT")]
    output_type: Option<String>,
    #[command(flatten)]
    recipients: Recipients,
    #[command(flatten)]
    rule: RuleFlags,
    /// Let only encrypted values count for the MAC, so that others can change the rest
    #[arg(long)]
    mac_only_encrypted: bool,
    #[command(flatten)]
    config: ConfigOption,
    /// Print what was done as JSON; with --in-place
    #[arg(long, requires = "quiet")]
    json: bool,
}

/// What became of a file.
enum Done {
    Encrypted(SecretBytes),
    PassedOver(&'static str),
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let desk = Desk::new(now)?;
    let mut sources = read(&args.paths)?;
    if sources.len() > 1 && !args.in_place {
        return Err(Error::input("print more than one file").advise("Use --in-place").into());
    }
    let (mut errors, mut rows, mut ready, mut progress) = (Vec::new(), Vec::new(), Vec::new(), Progress::new("encrypted", sources.len()));
    for source in &mut sources {
        // What is written back is compared with what the file holds then.
        let bytes = if args.in_place { source.bytes.duplicate() } else { source.take() };
        let source: &Source = source;
        match encrypt(args, &desk, source, bytes).and_then(|done| deliver(args, source, &done, &mut ready).map(|()| done)) {
            Ok(Done::Encrypted(_)) => rows.push((source, None)),
            Ok(Done::PassedOver(why)) => rows.push((source, Some(why))),
            Err(error) => errors.push(error.in_file(&source.name)),
        }
        progress.step();
    }
    drop(progress);
    put_in_place(ready)?;
    say(args, &rows)?;
    Errors::check(errors)
}

fn encrypt(args: &Args, desk: &Desk, source: &Source, bytes: SecretBytes) -> engine::Result<Done> {
    let path = args.name.as_deref().or(source.path.as_deref()).unwrap_or(Path::new("stdin"));
    let input = store(args.input.input_type.as_deref(), path)?;
    let output = args.output_type.as_deref().map_or(Ok(input), |name| store(Some(name), path))?;
    let config = args.config.find(path)?;
    let plain = match PlainText::parse(input, bytes).map_err(Error::from) {
        Err(error) if source.found && error.cause() == Some(Cause::File(sops::ErrorKind::AlreadyEncrypted)) => {
            return Ok(Done::PassedOver("it is encrypted already"));
        }
        plain => plain?,
    };
    let recipe = match recipe(args, desk, config.as_ref(), path) {
        Err(error) if source.found && error.kind() == ErrorKind::NotFound => return Ok(Done::PassedOver("no creation rule matches it")),
        recipe => recipe?,
    };
    let binary = plain.store().layout() == sops::MetadataLayout::Nested && plain.store().splice().is_none();
    let manner = if output.name() == input.name() && !binary { Manner::InPlace } else { Manner::Anew(style(config.as_ref(), output.name())?) };
    let recipe = if binary { Recipe { rule: None, ..recipe } } else { recipe };
    desk.wait(lock(&desk.keychain, plain, &recipe, &desk.writing(output, manner))).and_then(refuse_unreadable).map(Done::Encrypted)
}

fn style(config: Option<&Found>, store: &str) -> engine::Result<Style> {
    config.map_or(Ok(Style::default()), |config| config.style(store))
}

/// Whom the file is for, and which values: flags come before the configuration.
fn recipe(args: &Args, desk: &Desk, config: Option<&Found>, path: &Path) -> engine::Result<Recipe> {
    let named = !args.recipients.is_empty();
    let rule = match config {
        // Keys that nobody will use need not be usable.
        Some(config) if named => config.selection_for(path),
        Some(config) => config.rule_for(path, &desk.keychain.names()),
        None => Ok(None),
    };
    let mut recipe = match rule {
        Ok(Some(rule)) => desk.recipe(&rule)?,
        Err(error) if !named || error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(None) | Err(_) => Recipe::default(),
    };
    if named {
        recipe.groups = vec![args.recipients.read(desk)?];
        recipe.threshold = 0;
    }
    if recipe.groups.iter().all(Vec::is_empty) {
        let error = Error::new(ErrorKind::NotFound, "find the keys to encrypt for: there is no .sops.yaml with creation rules, and no key was named");
        return Err(error.advise("Write a .sops.yaml beside the file, or name a key with --age"));
    }
    recipe.rule = args.rule.rule()?.or(recipe.rule).or_else(|| Some(sops::Rule::default_suffix()));
    recipe.mac_only_encrypted |= args.mac_only_encrypted;
    recipe.check()?;
    Ok(recipe)
}

fn deliver(args: &Args, source: &Source, done: &Done, ready: &mut Vec<Prepared>) -> engine::Result<()> {
    let Done::Encrypted(text) = done else { return Ok(()) };
    // EXPOSE: a file whose values are encrypted is written.
    let bytes = text.expose();
    match (&source.path, &args.output) {
        (_, Some(output)) => write(Some(output), bytes, Access::Default),
        (Some(path), None) if args.in_place => {
            ready.push(prepare_rewrite(path, &source.bytes, bytes, Access::Default)?);
            Ok(())
        }
        _ => print(bytes),
    }
}

fn say(args: &Args, rows: &[(&Source, Option<&'static str>)]) -> engine::Result<()> {
    if args.json {
        let row =
            |(source, passed): &(&Source, Option<&'static str>)| json!({ "file": source.name, "encrypted": passed.is_none(), "reason": passed });
        return print(json_line(&rows.iter().map(row).collect()).as_bytes());
    }
    if args.in_place {
        for (source, why) in rows.iter().filter_map(|(source, passed)| passed.map(|why| (source, why))) {
            note(&format!("{}: passed over: {why}", source.name));
        }
        note(&format!("encrypted {}", plural(rows.iter().filter(|(_, passed)| passed.is_none()).count(), "file")));
    }
    Ok(())
}
