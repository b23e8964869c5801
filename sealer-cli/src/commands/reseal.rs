//! `sealer reseal`: SealedSecrets under the newest key, in the files where they are.

use std::path::PathBuf;

use crds::SealedSecret;
use engine::manifest::{Format, Object, write};
use engine::reseal::{Resealed, adopt, reseal};
use engine::seal::Hint;
use engine::{Error, ErrorKind};
use jiff::Timestamp;
use keys::{Certificate, KeyRing};
use serde_json::json;

use crate::certificate::{ClusterOptions, read};
use crate::cluster::Session;
use crate::exit::{Errors, Outcome};
use crate::input::{Source, read_all};
use crate::keyring::KeyOptions;
use crate::output::{Progress, json_line, note, plural, print, rewrite_file};

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "Only items that are under an older key change; comments, order and templates stay.\n\
    Example:  sealer reseal --key cluster-keys.yaml --in-place manifests/")]
pub(crate) struct Args {
    /// Files, folders, or - for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write the files back; without it, one file is printed to standard output
    #[arg(short, long, group = "quiet")]
    in_place: bool,
    /// Say what would change, and write nothing
    #[arg(long, group = "quiet")]
    dry_run: bool,
    /// Seal with this certificate instead of that of the newest private key
    #[arg(long, value_name = "FILE|URL")]
    cert: Option<String>,
    /// Have the controller do it: no private key is needed here
    #[arg(long, conflicts_with_all = ["files", "folder", "cert"])]
    controller: bool,
    /// Print what was done as JSON; with --in-place or --dry-run
    #[arg(long, requires = "quiet")]
    json: bool,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    cluster: ClusterOptions,
}

/// Who seals again.
enum Sealer {
    Keys(KeyRing, Box<Certificate>),
    Controller(Box<Session>),
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let sealer = sealer(args, now)?;
    let sources = read_all(&args.paths)?;
    if sources.len() > 1 && !args.in_place && !args.dry_run {
        return Err(Error::input("print more than one file").advise("Use --in-place or --dry-run").into());
    }
    let (mut errors, mut rows, mut progress) = (Vec::new(), Vec::new(), Progress::new("resealed", sources.len()));
    for source in &sources {
        match reseal_source(args, &sealer, source) {
            Ok(resealed) => rows.extend(resealed.map(|resealed| (source.name.clone(), resealed))),
            Err(failed) => errors.extend(failed.list.into_iter().map(|error| error.in_file(&source.name))),
        }
        progress.step();
    }
    drop(progress);
    if rows.is_empty() && errors.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "reseal: there is no SealedSecret in the input").into());
    }
    say(args, &rows)?;
    Errors::check(errors)
}

fn sealer(args: &Args, now: Timestamp) -> engine::Result<Sealer> {
    if args.controller {
        return Ok(Sealer::Controller(Box::new(args.cluster.session()?)));
    }
    let ring = args.keys.ring()?;
    let certificate = match &args.cert {
        Some(place) => read(place)?,
        None => {
            let Some((_, certificate)) = ring.newest() else {
                let error = Error::new(ErrorKind::NotFound, "find the newest key: none of the private keys has a certificate");
                return Err(error.advise("Name the certificate with --cert"));
            };
            Certificate::from_pem(certificate.to_pem().as_bytes())?
        }
    };
    if certificate.is_expired(now) {
        return Err(Error::input("seal with the newest certificate: it is expired").advise("Make a new key, or name a certificate with --cert"));
    }
    Ok(Sealer::Keys(ring, Box::new(certificate)))
}

/// Does one file; None if it holds no SealedSecret.
fn reseal_source(args: &Args, sealer: &Sealer, source: &Source) -> Result<Option<Resealed>, Errors> {
    let Some(manifest) = source.manifest_unless_template()? else { return Ok(None) };
    let objects: Vec<_> = source.objects(&manifest)?.into_iter().filter(Object::is_sealed_secret).collect();
    let (mut edits, mut sum, mut errors) = (manifest.edit(), Resealed { changed: 0, kept: 0 }, Vec::new());
    for object in &objects {
        let done = match sealer {
            Sealer::Keys(ring, certificate) => reseal(&mut edits, object, ring, certificate, Hint::Written),
            Sealer::Controller(session) => ask(session, object).and_then(|answer| adopt(&mut edits, object, &answer)).map_err(|error| vec![error]),
        };
        match done {
            Ok(done) => (sum.changed, sum.kept) = (sum.changed + done.changed, sum.kept + done.kept),
            Err(failed) => errors.extend(failed.into_iter().map(|error| object.locate(error))),
        }
    }
    Errors::check(errors)?;
    if objects.is_empty() {
        return Ok(None);
    }
    let unchanged = edits.is_empty();
    let text = if unchanged { None } else { Some(edits.apply()?) };
    // EXPOSE: a file of SealedSecrets is printed back as it was.
    let bytes = text.as_deref().unwrap_or_else(|| source.bytes.expose());
    match &source.path {
        _ if args.dry_run => {}
        Some(path) if args.in_place => {
            if !unchanged {
                rewrite_file(path, &source.bytes, bytes)?;
            }
        }
        _ => print(bytes)?,
    }
    Ok(Some(sum))
}

fn ask(session: &Session, object: &Object<'_>) -> engine::Result<SealedSecret> {
    let sealed = object.to_sealed_secret()?;
    let fail = |message: String| Error::new(ErrorKind::Denied, message).in_object(object.title());
    let body = write(&sealed, Format::Json)?;
    let answer = session.rotate(body.as_bytes().to_vec()).map_err(|error| ClusterOptions::failed("reseal through the controller", &error))?;
    let Some(answer) = answer else {
        return Err(fail("reseal through the controller: it can not open the object".to_owned()));
    };
    // The answer of upstream's controller has neither kind nor apiVersion.
    let broken = |_| fail("read the controller's answer".to_owned());
    let mut value: serde_json::Value = serde_json::from_slice(&answer).map_err(broken)?;
    value["apiVersion"] = "bitnami.com/v1alpha1".into();
    value["kind"] = "SealedSecret".into();
    serde_json::from_value(value).map_err(broken)
}

fn say(args: &Args, rows: &[(String, Resealed)]) -> engine::Result<()> {
    if args.json {
        let rows: Vec<_> = rows.iter().map(|(file, done)| json!({ "file": file, "changed": done.changed, "kept": done.kept })).collect();
        return print(json_line(&serde_json::Value::from(rows)).as_bytes());
    }
    let verb = if args.dry_run { "would reseal" } else { "resealed" };
    for (file, done) in rows {
        let kept = if done.kept == 1 { "1 is".to_owned() } else { format!("{} are", done.kept) };
        note(&format!("{file}: {verb} {}, {kept} under the newest key already", plural(done.changed, "item")));
    }
    Ok(())
}
