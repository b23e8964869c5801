//! `sealer unseal`: the native Secrets behind SealedSecrets, with private keys at hand.

use std::path::PathBuf;

use engine::desired::DesiredSecret;
use engine::manifest::{Manifest, write_secret};
use engine::unseal::unseal;
use engine::{Error, ErrorKind};
use jiff::Timestamp;
use keys::{KeyRing, SecretBytes};
use zeroize::Zeroizing;

use crate::command::OutputFormat;
use crate::exit::{Errors, Outcome};
use crate::input::{Source, read_all, refuse_as_targets};
use crate::keyring::KeyOptions;
use crate::output::{Access, note, write};

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "Example:  sealer unseal --key cluster-keys.yaml db-sealed.yaml")]
pub(crate) struct Args {
    /// Files, folders, or - for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print the bytes of this item only
    #[arg(long, value_name = "KEY")]
    item: Option<String>,
    /// Language of the output [default: that of the input]
    #[arg(short = 'o', long, value_name = "FORMAT")]
    format: Option<OutputFormat>,
    /// Write to a file that only its owner can read
    #[arg(short = 'w', long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    keys: KeyOptions,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let ring = args.keys.ring()?;
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for source in read_all(&args.paths)? {
        refuse_as_targets(std::iter::once(&source), args.output.as_slice())?;
        match source.manifest_unless_template() {
            Ok(manifest) => files.extend(manifest.map(|manifest| (source, manifest))),
            Err(error) => errors.push(error),
        }
    }
    let format = OutputFormat::of_stream(args.format, args.output.as_deref(), files.iter().map(|(_, manifest)| manifest.format()));
    let mut secrets = Vec::new();
    for (source, manifest) in &files {
        match unseal_source(&ring, source, manifest, now) {
            Ok(opened) => secrets.extend(opened),
            Err(failed) => errors.extend(failed.list.into_iter().map(|error| error.in_file(&source.name))),
        }
    }
    Errors::check(errors)?;
    if secrets.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "unseal: there is no SealedSecret in the input").into());
    }
    let mut text = Zeroizing::new(Vec::new());
    match &args.item {
        // EXPOSE: the user asks for the plaintext of this item.
        Some(key) => text.extend_from_slice(one_item(&secrets, key)?.expose()),
        None => {
            for secret in &secrets {
                // EXPOSE: the user asks for the plaintext.
                text.extend_from_slice(write_secret(secret, format)?.expose());
            }
        }
    }
    Ok(write(args.output.as_deref(), &text, Access::Owner)?)
}

/// Opens the SealedSecrets of one file.
fn unseal_source(ring: &KeyRing, source: &Source, manifest: &Manifest, now: Timestamp) -> Result<Vec<DesiredSecret>, Errors> {
    let (mut secrets, mut errors) = (Vec::new(), Vec::new());
    for object in source.objects(manifest)? {
        if !object.is_sealed_secret() {
            if !source.found {
                note(&format!("{}: left out {}: not a SealedSecret", source.name, object.title()));
            }
            continue;
        }
        let opened = object.to_sealed_secret().map_err(|error| vec![error]).and_then(|sealed| unseal(&sealed, ring, Some(now)));
        match opened {
            Ok(secret) => secrets.push(secret),
            Err(failed) => errors.extend(failed.into_iter().map(|error| object.locate(error))),
        }
    }
    Errors::check(errors)?;
    Ok(secrets)
}

/// The only value of a key: two of them, one behind the other, would be neither.
fn one_item<'a>(secrets: &'a [DesiredSecret], key: &str) -> engine::Result<&'a SecretBytes> {
    let mut found = secrets.iter().filter_map(|secret| Some((secret, secret.data.get(key)?)));
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Ok(value),
        (Some((one, _)), Some((other, _))) => {
            let error = Error::input(format!("print the item: both {} and {} have it", one.title(), other.title()));
            Err(error.on_item(key).advise("Name one file, or one object on standard input"))
        }
        _ => {
            let error = Error::new(ErrorKind::NotFound, "find the item").on_item(key);
            Err(if let [secret] = secrets { error.in_object(secret.title()) } else { error })
        }
    }
}
