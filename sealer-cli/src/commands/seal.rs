//! `sealer seal`: Secrets to SealedSecrets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use engine::manifest::{Format, Manifest, write};
use engine::seal::{Hint, Overrides, PARALLEL_FROM, Target, merge, seal};
use engine::{Error, ErrorKind, PlainSecret, Result};
use jiff::Timestamp;
use keys::{Certificate, Scope};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::certificate::CertificateOptions;
use crate::command::OutputFormat;
use crate::exit::{Errors, Outcome};
use crate::input::{Source, read_all, read_file, read_stdin, refuse_as_targets};
use crate::output::{Access, Progress, make_private_folder, note, places, plural, prepare, print, put_in_place, rewrite_file, write_file};

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "Without --cert, --local or --keys the certificate is asked of the cluster.\n\
    Examples:\n  sealer seal --cert cluster.pem secret.yaml > sealed.yaml\n  sealer seal --cert cluster.pem --out-dir sealed/ secrets/\n  \
    printf %s \"$PASSWORD\" | sealer seal --cert cluster.pem --merge-into sealed.yaml --item password")]
pub(crate) struct Args {
    /// Files, folders, or - for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Namespace of Secrets that name none
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Name, whatever the Secret says
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How far the items may travel: strict, namespace-wide or cluster-wide [default: what the Secret's annotations say, or strict]
    #[arg(long, value_name = "SCOPE")]
    scope: Option<Scope>,
    /// Accept Secrets without any item, and an empty value for --item
    #[arg(long)]
    allow_empty_data: bool,
    /// Do not write the certificate's fingerprint beside the items
    #[arg(long)]
    no_hint: bool,
    /// Language of the output [default: that of the output file's ending, or of the input]
    #[arg(short = 'o', long, value_name = "FORMAT", conflicts_with = "merge_into")]
    format: Option<OutputFormat>,
    /// Write to a file instead of standard output
    #[arg(short = 'w', long, value_name = "FILE", conflicts_with_all = ["out_dir", "merge_into"])]
    output: Option<PathBuf>,
    /// Write one file for each file of the input, at the same place below this folder
    #[arg(long, value_name = "DIR", conflicts_with = "merge_into")]
    out_dir: Option<PathBuf>,
    /// Put the items into this SealedSecret file, under its name, namespace and scope; the rest of the file stays as it is
    #[arg(long, value_name = "FILE", conflicts_with_all = ["namespace", "name", "scope"])]
    merge_into: Option<PathBuf>,
    /// Seal standard input as the value of this one item; with --merge-into
    #[arg(long, value_name = "KEY", requires = "merge_into", conflicts_with = "paths")]
    item: Option<String>,
    #[command(flatten)]
    certificate: CertificateOptions,
}

impl Args {
    fn hint(&self) -> Hint {
        if self.no_hint { Hint::Omitted } else { Hint::Written }
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    // Whatever is wrong with the input is said before a cluster is asked.
    let secrets = match &args.item {
        Some(key) => vec![one_item(key, args.allow_empty_data)?],
        None => read_secrets(args)?,
    };
    if let Some(path) = &args.output {
        refuse_as_targets(secrets.iter().map(|input| &input.source), std::slice::from_ref(path))?;
    }
    let certificate = args.certificate.usable(now)?;
    if let Some(target) = &args.merge_into {
        merge_into(target, &secrets, &certificate, args.hint())?;
        return Ok(());
    }
    let jobs = jobs(args, &secrets)?;
    match &args.out_dir {
        Some(folder) => write_each(folder, &jobs, &certificate, args.hint()),
        None => {
            let format = OutputFormat::of_stream(args.format, args.output.as_deref(), secrets.iter().map(|input| input.format));
            let text = on_all_cores(&jobs, |_, job| job.seal(&certificate, args.hint(), format))?.concat();
            let Some(path) = &args.output else { return Ok(print(text.as_bytes())?) };
            write_file(path, text.as_bytes(), Access::Default)?;
            tell(&jobs, path);
            Ok(())
        }
    }
}

fn tell(jobs: &[Job<'_>], path: &Path) {
    let count = jobs.iter().map(|job| job.input.secrets.len()).sum();
    note(&format!("sealed {} into {}", plural(count, "Secret"), path.display()));
}

/// The Secrets of one file.
struct Input {
    source: Source,
    format: Format,
    /// With the line that each begins in.
    secrets: Vec<(usize, PlainSecret)>,
}

fn read_secrets(args: &Args) -> std::result::Result<Vec<Input>, Errors> {
    let sources = read_all(&args.paths)?;
    let (mut inputs, mut errors) = (Vec::new(), Vec::new());
    for source in sources {
        match read_source(args, source) {
            Ok(input) => inputs.extend(input),
            Err(error) => errors.push(error),
        }
    }
    Errors::check(errors)?;
    if inputs.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "seal: there is no Secret in the input").into());
    }
    Ok(inputs)
}

fn read_source(args: &Args, source: Source) -> Result<Option<Input>> {
    let fail = |error: Error| error.in_file(&source.name);
    let Some(manifest) = source.manifest_unless_template()? else { return Ok(None) };
    let mut secrets = Vec::new();
    for object in source.objects(&manifest)? {
        if !object.is_secret() {
            if !source.found {
                note(&format!("{}: left out {}: not a Secret", source.name, object.title()));
            }
            continue;
        }
        let secret = PlainSecret::read(&object).map_err(fail)?;
        if secret.data.is_empty() && !args.allow_empty_data {
            let error = Error::input("seal the Secret: it has neither data nor stringData").at_line(object.node.line).in_object(secret.title());
            return Err(fail(error.advise("Use --allow-empty-data if that is intended")));
        }
        secret.check_names().map_err(|error| fail(error.at_line(object.node.line)))?;
        secrets.push((object.node.line, secret));
    }
    if secrets.is_empty() && !source.found {
        return Err(fail(Error::new(ErrorKind::NotFound, "seal: there is no Secret in the file")));
    }
    let format = args.format.map_or(manifest.format(), Format::from);
    Ok((!secrets.is_empty()).then_some(Input { format, secrets, source }))
}

/// What is to be made of one file.
struct Job<'a> {
    input: &'a Input,
    targets: Vec<Target>,
}

impl Job<'_> {
    fn seal(&self, certificate: &Certificate, hint: Hint, format: Format) -> Result<String> {
        let mut text = String::new();
        for ((_, secret), target) in self.input.secrets.iter().zip(&self.targets) {
            text.push_str(&write(&seal(secret, target, certificate, hint)?, format)?);
        }
        Ok(text)
    }

    fn items(&self) -> usize {
        self.input.secrets.iter().map(|(_, secret)| secret.data.len()).sum()
    }
}

/// Decides what every Secret is bound to, before anything is sealed or written.
fn jobs<'a>(args: &Args, inputs: &'a [Input]) -> std::result::Result<Vec<Job<'a>>, Errors> {
    let overrides = Overrides { namespace: args.namespace.clone(), name: args.name.clone(), scope: args.scope };
    let job = |input: &'a Input| {
        let place = |line: usize, error: Error| error.at_line(line).in_file(&input.source.name);
        let targets = input.secrets.iter().map(|(line, secret)| Target::of(secret, &overrides).map_err(|error| place(*line, error)));
        Ok(Job { input, targets: targets.collect::<Result<_>>()? })
    };
    all(inputs.iter().map(job).collect())
}

/// Does the work for every file, on all cores if there are many items; one file alone shares out its own items.
fn on_all_cores<'a, T: Send>(jobs: &[Job<'a>], work: impl Fn(usize, &Job<'a>) -> Result<T> + Sync) -> std::result::Result<Vec<T>, Errors> {
    let few = jobs.len() == 1 || jobs.iter().map(Job::items).sum::<usize>() < PARALLEL_FROM;
    let work = |(index, job)| work(index, job);
    all(if few { jobs.iter().enumerate().map(work).collect() } else { jobs.par_iter().enumerate().map(work).collect() })
}

/// All results, or all errors.
fn all<T>(results: Vec<Result<T>>) -> std::result::Result<Vec<T>, Errors> {
    let (mut done, mut errors) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(result) => done.push(result),
            Err(error) => errors.push(error),
        }
    }
    Errors::check(errors)?;
    Ok(done)
}

/// Writes a file for each job. One core seals while another waits for the disk; nothing appears before everything is on it.
fn write_each(folder: &Path, jobs: &[Job<'_>], certificate: &Certificate, hint: Hint) -> Outcome {
    // Whatever is wrong with the places is said before the first file is written.
    let sources: Vec<&Source> = jobs.iter().map(|job| &job.input.source).collect();
    let paths = places(folder, &sources)?;
    let parents: BTreeSet<&Path> = paths.iter().filter_map(|path| path.parent()).collect();
    parents.into_iter().try_for_each(make_private_folder)?;
    let progress = Mutex::new(Progress::new("written", jobs.len()));
    let files = on_all_cores(jobs, |index, job| {
        let file = prepare(&paths[index], job.seal(certificate, hint, job.input.format)?.as_bytes(), Access::Default)?;
        progress.lock().unwrap_or_else(PoisonError::into_inner).step();
        Ok(file)
    })?;
    put_in_place(files)?;
    tell(jobs, folder);
    Ok(())
}

/// Standard input as a Secret of one item: every byte counts, also a line break at the end.
fn one_item(key: &str, allow_empty: bool) -> Result<Input> {
    let source = read_stdin()?;
    if source.bytes.is_empty() && !allow_empty {
        let error = Error::input("seal the item: standard input is empty").on_item(key);
        return Err(error.advise("Use --allow-empty-data if that is intended"));
    }
    // EXPOSE: only the last byte is looked at, and nothing is kept.
    if source.bytes.expose().ends_with(b"\n") {
        note("the value ends in a line break, which is sealed too; printf %s leaves it out");
    }
    let secret = PlainSecret {
        name: String::new(),
        namespace: String::new(),
        metadata: serde_json::Map::new(),
        type_: None,
        immutable: None,
        data: [(key.to_owned(), source.bytes.duplicate())].into(),
    };
    secret.check_names()?;
    Ok(Input { source, format: Format::Yaml, secrets: vec![(1, secret)] })
}

fn merge_into(target: &Path, inputs: &[Input], certificate: &Certificate, hint: Hint) -> Result<()> {
    let file = read_file(target)?;
    let fail = |error: Error| error.in_file(&file.name);
    let manifest: Manifest = file.manifest()?;
    let objects = manifest.objects().map_err(fail)?;
    let sealed: Vec<_> = objects.iter().filter(|object| object.is_sealed_secret()).collect();
    let [object] = sealed.as_slice() else {
        let error = Error::input(format!("merge into the file: it has {} SealedSecrets instead of one", sealed.len()));
        return Err(fail(error));
    };
    let mut edits = manifest.edit();
    for (_, secret) in inputs.iter().flat_map(|input| &input.secrets) {
        merge(&mut edits, object, secret, certificate, hint).map_err(fail)?;
        if !secret.name.is_empty() && secret.name != object.name {
            note(&format!("{}: took the items of {}, which has another name", file.name, secret.title()));
        }
    }
    rewrite_file(target, &file.bytes, &edits.apply().map_err(fail)?)?;
    note(&format!("{}: merged {} into {}", file.name, plural(count_items(inputs), "item"), object.title()));
    Ok(())
}

fn count_items(inputs: &[Input]) -> usize {
    inputs.iter().flat_map(|input| &input.secrets).map(|(_, secret)| secret.data.len()).sum()
}
