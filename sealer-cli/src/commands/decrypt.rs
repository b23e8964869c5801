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
use crate::output::{Access, Prepared, Progress, below, json_line, make_private_folder, note, plural, prepare, prepare_rewrite, print, put_in_place};

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
    let (mut errors, mut rows, mut ready, mut progress) = (Vec::new(), Vec::new(), Vec::new(), Progress::new("decrypted", sources.len()));
    for (at, source) in sources.iter_mut().enumerate() {
        // What is written back is compared with what the file holds then.
        let bytes = if args.in_place { source.bytes.duplicate() } else { source.take() };
        let source: &Source = source;
        match decrypt(args, &desk, source, bytes).and_then(|text| deliver(args, source, &text, at, &mut ready)) {
            Err(error) if source.found && is_not_encrypted(&error) => rows.push((source, false)),
            Err(error) => errors.push(error.in_file(&source.name)),
            Ok(()) => rows.push((source, true)),
        }
        progress.step();
    }
    drop(progress);
    put_in_place(ready)?;
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

fn deliver(args: &Args, source: &Source, text: &SecretBytes, at: usize, ready: &mut Vec<Prepared>) -> engine::Result<()> {
    // EXPOSE: the user asks for the plaintext.
    let bytes = text.expose();
    if let Some(folder) = &args.out_dir {
        let path = below(folder, &source.relative)?;
        make_private_folder(path.parent().unwrap_or(folder))?;
        ready.push(prepare(&path, bytes, Access::Owner)?);
        return Ok(());
    }
    match (&source.path, &args.output) {
        (_, Some(output)) => ready.push(prepare(output, bytes, Access::Owner)?),
        (Some(path), None) if args.in_place => ready.push(prepare_rewrite(path, &source.bytes, bytes, Access::Owner)?),
        _ => {
            let yaml =
                source.path.as_ref().is_some_and(|path| store(args.input.input_type.as_deref(), path).is_ok_and(|store| store.name() == "yaml"));
            if at > 0 && yaml {
                print(b"---\n")?;
            }
            print(bytes)?;
        }
    }
    Ok(())
}
