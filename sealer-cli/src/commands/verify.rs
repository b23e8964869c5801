//! `sealer verify`: what is wrong with SealedSecrets, for people and for pipelines.

use std::path::PathBuf;

use engine::verify::{Finding, Known, verify};
use engine::{Error, ErrorKind};
use jiff::Timestamp;
use keys::Certificate;
use serde_json::{Value, json};

use crate::certificate::read_bundle;
use crate::exit::{self, Errors, Outcome};
use crate::input::{Source, read_all, read_all_and_hidden};
use crate::keyring::KeyOptions;
use crate::output::{json_line, plural, print};

// Arguments of the command.
#[derive(clap::Args)]
#[command(
    after_help = "Without keys it checks what can be seen: names, scopes, templates, the form of every item, and plain Secrets that must not be committed.\n\
    Example, in a pipeline:  sealer verify --cert cluster.pem manifests/"
)]
pub(crate) struct Args {
    /// Files, folders, or - for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Certificates of the cluster (PEM files or URLs, each with one or many), to compare with what an object says it was sealed with
    #[arg(long, value_name = "FILE|URL")]
    cert: Vec<String>,
    /// Look into hidden files and folders too
    #[arg(long)]
    hidden: bool,
    /// Fail on warnings too, and if there is nothing to check
    #[arg(long)]
    strict: bool,
    /// Print the findings as JSON, and nothing else
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    keys: KeyOptions,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let mut certificates: Vec<Certificate> = Vec::new();
    for place in &args.cert {
        certificates.extend(read_bundle(place)?);
    }
    let ring = if args.keys.is_given() { Some(args.keys.ring()?) } else { None };
    let known = Known { now, certificates: &certificates, ring: ring.as_ref() };
    let (mut findings, mut objects) = (Vec::new(), 0);
    let sources = if args.hidden { read_all_and_hidden(&args.paths)? } else { read_all(&args.paths)? };
    for source in sources {
        match check(&source, &known) {
            Ok((seen, found)) => {
                objects += seen;
                findings.extend(found.into_iter().map(|finding| Finding { error: finding.error.in_file(&source.name), ..finding }));
            }
            // A folder of manifests may hold a chart: that is worth a word, not a red pipeline.
            Err(error) => findings.push(Finding { is_error: !source.is_template(), error: error.in_file(&source.name) }),
        }
    }
    if objects == 0 && args.strict {
        findings.push(Finding { is_error: true, error: Error::new(ErrorKind::NotFound, "check the input: there is no SealedSecret in it") });
    }
    let is_error = |finding: &Finding| finding.is_error || args.strict;
    let errors = findings.iter().filter(|finding| is_error(finding)).count();
    if args.json {
        let rows: Vec<Value> = findings.iter().map(row).collect();
        print(json_line(&json!({ "objects": objects, "findings": rows })).as_bytes())?;
    } else {
        findings.iter().for_each(|finding| exit::print_finding(&finding.error, is_error(finding)));
        let keys = if ring.is_some() { "with private keys" } else { "without private keys" };
        let (errors, warnings) = (plural(errors, "error"), plural(findings.len() - errors, "warning"));
        print(format!("checked {} {keys}: {errors}, {warnings}\n", plural(objects, "object")).as_bytes())?;
    }
    Errors::check_told(findings.into_iter().filter(is_error).map(|finding| finding.error).collect())
}

/// Checks one file; returns the number of its objects.
fn check(source: &Source, known: &Known<'_>) -> engine::Result<(usize, Vec<Finding>)> {
    let manifest = source.manifest()?;
    let objects = source.objects(&manifest)?;
    let ours: Vec<_> = objects.iter().filter(|object| object.is_sealed_secret() || object.is_secret()).collect();
    if ours.is_empty() && !source.found {
        return Err(Error::new(ErrorKind::NotFound, "check the file: there is no SealedSecret in it"));
    }
    Ok((ours.len(), ours.into_iter().flat_map(|object| verify(object, known)).collect()))
}

fn row(finding: &Finding) -> Value {
    let place = finding.error.place();
    json!({
        "severity": if finding.is_error { "error" } else { "warning" },
        "file": place.file,
        "line": place.line,
        "object": place.object,
        "item": place.item,
        "message": finding.error.message(),
        "advice": finding.error.advice(),
    })
}
