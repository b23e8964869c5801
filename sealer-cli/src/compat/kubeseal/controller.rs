//! `--validate` and `--re-encrypt`: the controller behind the API server's service proxy.

use crds::SealedSecret;
use engine::is_copy;
use engine::manifest::{self, Manifest};

use super::failure::{Failure, Result};
use super::files::{Input, Output};
use super::merge::{sealed_secrets, written};
use super::options::Options;
use super::seal::to_value;
use super::write::Format;
use crate::cluster::{Session, Verdict};
use crate::output::{Access, write_file};

/// Asks the controller whether it can open every SealedSecret of the input.
///
/// # Errors
/// The first one that it cannot open, and everything that is in the way of asking.
pub(super) fn validate(options: &Options, input: Input) -> Result<()> {
    let session = Session::open(&options.access, options.controller())?;
    let manifest = input.manifest()?;
    for object in manifest.objects()? {
        let sealed = object.to_sealed_secret()?;
        match session.verify(to_json(&sealed)?) {
            Ok(Verdict::Good) => {}
            Ok(Verdict::Undecryptable) => return Err(Failure::new(format!("unable to decrypt sealed secret: {}", object.name))),
            Err(error) => return Err(Failure::new(format!("cannot validate sealed secret: {error}"))),
        }
    }
    Ok(())
}

/// Has the controller seal every SealedSecret of the input anew. Only the items are taken from its answers: templates stay as they are.
///
/// With a file as the only name, that file is changed in place, in its own language; otherwise the objects are written in the format asked for, without
/// what the server says of them: upstream's controller answers with objects that are none of any cluster yet.
///
/// # Errors
/// The first one that cannot be sealed anew; then nothing is written.
pub(super) fn re_encrypt(options: &Options, input: Input, output: &Output) -> Result<()> {
    let session = Session::open(&options.access, options.controller())?;
    let manifest = input.manifest()?;
    let mut edits = manifest.edit();
    for object in manifest.objects()? {
        let sealed = object.to_sealed_secret()?;
        let answer = match session.rotate(to_json(&sealed)?) {
            Ok(Some(answer)) => answer,
            Ok(None) => return Err(Failure::new("unable to rotate secret")),
            Err(error) => return Err(Failure::new(format!("cannot re-encrypt secret: {error}"))),
        };
        let answer: SealedSecret =
            serde_json::from_slice(&answer).map_err(|_| Failure::new("cannot re-encrypt secret: the controller's answer is not a SealedSecret"))?;
        engine::reseal::adopt(&mut edits, &object, &answer)?;
    }
    let in_place = !options.input.is_empty() && !output.is_file();
    let asked = format(options, &manifest, in_place)?;
    // Text that is written anew needs no care for its encoding, but text that is changed does.
    let bytes = edits.apply()?;
    let bytes = match asked {
        Some(format) => written(&sealed_secrets(bytes)?.into_iter().map(new).collect::<Vec<_>>(), format)?,
        None => bytes,
    };
    if in_place { Ok(write_file(options.input.as_ref(), &bytes, Access::Default)?) } else { output.write(&bytes) }
}

/// An object as somebody would write it who never saw it in a cluster.
fn new(object: SealedSecret) -> SealedSecret {
    let (mut new, mut seen) = (SealedSecret::new("", object.spec), object.metadata);
    if let Some(annotations) = &mut seen.annotations {
        annotations.retain(|name, _| !is_copy(name));
    }
    new.metadata.name = seen.name;
    new.metadata.generate_name = seen.generate_name;
    new.metadata.namespace = seen.namespace;
    new.metadata.labels = seen.labels;
    new.metadata.annotations = seen.annotations.filter(|annotations| !annotations.is_empty());
    new.metadata.finalizers = seen.finalizers;
    new
}

/// The language to write in; None leaves the text as it is.
fn format(options: &Options, manifest: &Manifest, in_place: bool) -> Result<Option<Format>> {
    let asked = Format::read(&options.format)?;
    let same = match manifest.format() {
        manifest::Format::Json => asked == Format::Json,
        manifest::Format::Yaml => asked == Format::Yaml,
    };
    Ok((!in_place || (options.format_is_asked && !same)).then_some(asked))
}

fn to_json(sealed: &SealedSecret) -> Result<Vec<u8>> {
    Ok(to_value(sealed)?.to_string().into_bytes())
}
