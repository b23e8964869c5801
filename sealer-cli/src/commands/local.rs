//! `sealer local`: what a cluster would do, in a folder.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use engine::{Error, ErrorKind};
use jiff::Timestamp;

use crate::exit::{self, Errors, Outcome};
use crate::keyring::{RenewalOptions, Store, data_home};
use crate::local::Folder;
use crate::local::place::{self, Private};
use crate::local::report::Report;
use crate::local::watch::Watch;
use crate::output::{json_line, note, print};

// Arguments of the command.
#[derive(clap::Args)]
#[command(
    after_help = "It makes a sealing key if there is none, seals the plain Secrets of the folder, and acts as the controller would: unseals every\n\
    SealedSecret into a native Secret, makes those of ExternalSecrets, heals what was edited or deleted, and renews the key when it is due. Plaintext is written below\n\
    the output folder only, open to its owner only.\n\
    Example:  sealer local examples/quickstart"
)]
pub(crate) struct Args {
    /// Folder with Secrets and SealedSecrets
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Where results go: sealed/ and secrets/ below it [default: below $XDG_STATE_HOME/sealer]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write SealedSecrets beside their sources, as NAME.sealed.yaml, ready to commit
    #[arg(long)]
    in_place: bool,
    /// Keep at it: react to changes, heal at once, renew keys on schedule
    #[arg(long)]
    watch: bool,
    /// Namespace of Secrets that name none
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Folder of keys [default: $SEALER_KEYS or the local key store]
    #[arg(long = "keys", value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Print what was done as JSON, one line a pass
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    renewal: RenewalOptions,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let folder = folder(args)?;
    let _lock = folder.lock()?;
    let watch = args.watch.then(|| Watch::start(&folder)).transpose()?;
    let report = folder.pass(now)?;
    show(args, &folder, &report, true)?;
    match watch {
        Some(watch) => watch.run(&folder, report.wake(), |report| show(args, &folder, report, false)),
        None => Errors::check(report.into_errors()),
    }
}

fn folder(args: &Args) -> engine::Result<Folder> {
    let source = args.folder.canonicalize().ok().filter(|folder| folder.is_dir());
    let Some(source) = source else {
        let error = Error::new(ErrorKind::NotFound, "find the folder").in_file(args.folder.display().to_string());
        return Err(error.advise("Name a folder with Secrets or SealedSecrets"));
    };
    let homeless =
        || Error::new(ErrorKind::NotFound, "find a place for results: there is no home folder").advise("Name folders with --out and --keys");
    let out = match &args.out {
        Some(out) => out.clone(),
        None => {
            data_home("XDG_STATE_HOME", ".local/state").map(|state| state.join("sealer/local").join(place::name_of(&source))).ok_or_else(homeless)?
        }
    };
    place::refuse_git(&out, Private::Plaintext)?;
    Ok(Folder {
        shown: args.folder.clone(),
        source,
        out: place::absolute(&out)?,
        in_place: args.in_place,
        keys: Store::find(args.keys.as_deref())?.folder,
        namespace: args.namespace.clone(),
        renewal: args.renewal.clone(),
        reads: RefCell::default(),
    })
}

/// Prints what a pass did; while watching, only if it did something.
fn show(args: &Args, folder: &Folder, report: &Report, first: bool) -> engine::Result<()> {
    if args.json {
        return if first || report.has_news() { print(json_line(&report.to_json()).as_bytes()) } else { Ok(()) };
    }
    if first || report.has_news() {
        print(report.to_table(first).as_bytes())?;
    }
    if args.watch {
        report.errors().for_each(exit::print);
    }
    if first {
        note(&next_steps(args, folder, report));
    }
    Ok(())
}

fn next_steps(args: &Args, folder: &Folder, report: &Report) -> String {
    let shown = quoted(&args.folder);
    let mut lines = vec![
        String::new(),
        format!("Sealed, safe to commit:  {}", if args.in_place { shown.clone() } else { folder.out.join("sealed").display().to_string() }),
        format!("Native Secrets, private: {}", folder.out.join("secrets").display()),
        format!("Sealing keys, private:   {}", folder.keys.display()),
    ];
    if args.watch {
        lines.push("Watching; end with Ctrl-C.".to_owned());
    } else {
        lines.push("Try next:".to_owned());
        if let Some(secret) = report.some_secret() {
            lines.push(format!("  rm {} and run this again: it is healed", quoted(&secret)));
        }
        lines.push(format!("  sealer local --in-place {shown}   to put the SealedSecrets beside their sources"));
        lines.push(format!("  sealer local --watch {shown}      to keep at it"));
    }
    lines.join("\n")
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ',' | ':' | '@');
    if !text.chars().all(plain) { format!("'{}'", text.replace('\'', "'\\''")) } else { text }
}
