//! `sealer decrypt`: files as they were before their values were encrypted.

use std::path::{Path, PathBuf};

use engine::Error;
use jiff::Timestamp;
use keys::SecretBytes;
use serde_json::json;
use sops::{DecryptedText, EncryptedFile, MacCheck};

use crate::exit::{Errors, Outcome};
use crate::files::{Desk, InputOption, OrderOption, is_not_encrypted, lost_comments, read, store};
use crate::input::Source;
use crate::output::{
    Access, Prepared, Progress, json_line, make_private_folder, note, places, plural, prepare, prepare_rewrite, print, put_in_place,
};

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "The MAC is verified before anything is shown. Files with plaintext can be read by their owner only.\n\
    Example:  sealer decrypt db.enc.yaml\n\
    Example:  sealer decrypt --out-dir /dev/shm/plain secrets/")]
pub(crate) struct Args {
    /// Files, folders, or - for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write the files back
    #[arg(short, long, group = "quiet")]
    in_place: bool,
    /// Write one file
    #[arg(short = 'w', long, value_name = "FILE", conflicts_with = "in_place")]
    output: Option<PathBuf>,
    /// Write the files into a folder, under their own names
    #[arg(long, value_name = "DIR", conflicts_with_all = ["in_place", "output"], group = "quiet")]
    out_dir: Option<PathBuf>,
    /// Take standard input for a file of this name: it says the format
    #[arg(long, value_name = "FILE")]
    name: Option<PathBuf>,
    #[command(flatten)]
    input: InputOption,
    /// Format of the output [default: that of the input]
    #[arg(long, value_name = "FORMAT")]
    output_type: Option<String>,
    /// Show a file even if its MAC does not fit: whoever changed it had no key
    #[arg(long)]
    dangerous_ignore_mac: bool,
    #[command(flatten)]
    order: OrderOption,
    /// Print what was done as JSON; with --in-place or --out-dir
    #[arg(long, requires = "quiet")]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let desk = Desk::new(now)?.in_order(args.order.decryption_order.clone());
    let mut sources = read(&args.paths)?;
    if sources.len() > 1 && args.output.is_some() {
        return Err(Error::input("write more than one file into one").advise("Use --out-dir").into());
    }
    let (mut errors, mut rows, mut delivery) = (Vec::new(), Vec::new(), Delivery::default());
    let mut progress = Progress::new("decrypted", sources.len());
    for source in &mut sources {
        // What is written back is compared with what the file holds then.
        let bytes = if args.in_place { source.bytes.duplicate() } else { source.take() };
        let source: &Source = source;
        match decrypt(args, &desk, source, bytes).and_then(|text| delivery.take(args, source, text)) {
            Err(error) if source.found && is_not_encrypted(&error) => rows.push((source, false)),
            Err(error) => errors.push(error.in_file(&source.name)),
            Ok(()) => rows.push((source, true)),
        }
        progress.step();
    }
    drop(progress);
    delivery.finish(args)?;
    let quiet = args.in_place || args.out_dir.is_some();
    if args.json {
        let row = |(source, done): &(&Source, bool)| json!({ "file": source.name, "decrypted": done });
        print(json_line(&rows.iter().map(row).collect()).as_bytes())?;
    } else if quiet {
        note(&format!("decrypted {}", plural(rows.iter().filter(|(_, done)| *done).count(), "file")));
    }
    Errors::check(errors)
}

fn decrypt(args: &Args, desk: &Desk, source: &Source, bytes: SecretBytes) -> engine::Result<SecretBytes> {
    let path = args.name.as_deref().or(source.path.as_deref()).unwrap_or(Path::new("stdin"));
    let input = store(args.input.input_type.as_deref(), path)?;
    let output = args.output_type.as_deref().map_or(Ok(input), |name| store(Some(name), path))?;
    let check = if args.dangerous_ignore_mac { MacCheck::DangerousIgnore } else { MacCheck::Enforce };
    let file = EncryptedFile::parse(input, bytes)?;
    let DecryptedText { text, lost_comments: lost } = desk.text(file, output, check)?;
    lost_comments(&source.name, lost);
    Ok(text)
}

/// Where the texts go.
#[derive(Default)]
struct Delivery<'s> {
    ready: Vec<Prepared>,
    /// Those that go into a folder, once it is known which they are.
    below: Vec<(&'s Source, SecretBytes)>,
    printed: Printed,
}

/// What stands on standard output.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Printed {
    #[default]
    Nothing,
    WholeLines,
    OpenLine,
}

impl<'s> Delivery<'s> {
    fn take(&mut self, args: &Args, source: &'s Source, text: SecretBytes) -> engine::Result<()> {
        if args.out_dir.is_some() {
            self.below.push((source, text));
            return Ok(());
        }
        // EXPOSE: the user asks for the plaintext.
        let bytes = text.expose();
        match (&source.path, &args.output) {
            (_, Some(output)) => self.ready.push(prepare(output, bytes, Access::Owner)?),
            (Some(path), None) if args.in_place => self.ready.push(prepare_rewrite(path, &source.bytes, bytes, Access::Owner)?),
            _ => self.print(args, source, bytes)?,
        }
        Ok(())
    }

    /// Prints one more text: each begins in a line of its own.
    fn print(&mut self, args: &Args, source: &Source, bytes: &[u8]) -> engine::Result<()> {
        if self.printed == Printed::OpenLine {
            print(b"\n")?;
        }
        let is_yaml = |path: &PathBuf| store(args.input.input_type.as_deref(), path).is_ok_and(|store| store.name() == "yaml");
        if self.printed != Printed::Nothing && source.path.as_ref().is_some_and(is_yaml) {
            print(b"---\n")?;
        }
        self.printed = if bytes.is_empty() || bytes.ends_with(b"\n") { Printed::WholeLines } else { Printed::OpenLine };
        print(bytes)
    }

    fn finish(mut self, args: &Args) -> engine::Result<()> {
        if let Some(folder) = &args.out_dir {
            // Whatever is wrong with the places is said before the first file is written.
            let sources: Vec<&Source> = self.below.iter().map(|(source, _)| *source).collect();
            for (path, (_, text)) in places(folder, &sources)?.iter().zip(&self.below) {
                make_private_folder(path.parent().unwrap_or(folder))?;
                // EXPOSE: as above.
                self.ready.push(prepare(path, text.expose(), Access::Owner)?);
            }
        }
        put_in_place(self.ready)
    }
}
