//! Sealing into an existing file.

use std::path::Path;

use crds::SealedSecret;
use engine::manifest::{self, Manifest, Object};
use engine::seal::{Hint, scope_of};
use keys::{Certificate, Scope, SecretBytes};

use super::failure::{Failure, Result};
use super::files::{self, Input};
use super::options::Options;
use super::seal::{namespace, read, to_value};
use super::write::{Format, write};
use crate::output::{Access, write_file};

/// Adds the items, labels and annotations of every Secret of the input to the one SealedSecret of a file.
///
/// The file keeps its language, comments and order unless `--format` asks for another language; upstream writes JSON then.
///
/// # Errors
/// The file does not hold exactly one SealedSecret, the input cannot be sealed, or it was asked for another scope or namespace than the file's.
pub(super) fn merge(options: &Options, input: Input, certificate: &Certificate) -> Result<()> {
    let path = Path::new(&options.merge_into);
    let file = Manifest::parse(&files::read_secret(path)?).map_err(|error| error.in_file(&options.merge_into))?;
    let objects = file.objects().map_err(|error| error.in_file(&options.merge_into))?;
    let [object] = &objects[..] else {
        let message = format!("{}: merging needs a file with one SealedSecret, this one holds {}", options.merge_into, objects.len());
        return Err(Failure::new(message));
    };
    let manifest = input.manifest()?;
    let secrets: Vec<_> = manifest.objects()?.iter().map(|object| read(object, options)).collect::<Result<_>>()?;
    let scope = scope_of(|key| object.annotation(key));
    if options.scope != Scope::Strict && options.scope != scope {
        return Err(Failure::new(format!("{}: its items have the {scope} scope, not {}", options.merge_into, options.scope)));
    }
    if scope != Scope::ClusterWide && !object.namespace.is_empty() {
        namespace(object.namespace, options)?;
    }
    let mut edits = file.edit();
    for secret in &secrets {
        engine::seal::merge(&mut edits, object, secret, certificate, Hint::Omitted).map_err(|error| error.in_file(&options.merge_into))?;
    }
    let bytes = if edits.is_empty() { None } else { Some(edits.apply()?) };
    replace(options, path, file.format(), bytes)
}

/// Writes the new content in the language that was asked for.
fn replace(options: &Options, path: &Path, format: manifest::Format, bytes: Option<Vec<u8>>) -> Result<()> {
    let asked = Format::read(&options.format)?;
    let stays = match format {
        manifest::Format::Json => asked == Format::Json,
        manifest::Format::Yaml => asked == Format::Yaml,
    };
    let Some(bytes) = bytes else { return Ok(()) };
    let bytes = if stays || !options.format_is_asked { bytes } else { written(&sealed_secrets(bytes)?, asked)? };
    Ok(write_file(path, &bytes, Access::Default)?)
}

/// Reads the SealedSecrets of a text.
///
/// # Errors
/// The text does not hold SealedSecrets only.
pub(super) fn sealed_secrets(bytes: Vec<u8>) -> Result<Vec<SealedSecret>> {
    let manifest = Manifest::parse(&SecretBytes::new(bytes))?;
    Ok(manifest.objects()?.iter().map(Object::to_sealed_secret).collect::<engine::Result<_>>()?)
}

/// Writes SealedSecrets in a language.
///
/// # Errors
/// Upstream's message: YAML cannot hold one of them.
pub(super) fn written(objects: &[SealedSecret], format: Format) -> Result<Vec<u8>> {
    let mut text = String::new();
    for object in objects {
        text.push_str(&write(&to_value(object)?, format)?);
    }
    Ok(text.into_bytes())
}
