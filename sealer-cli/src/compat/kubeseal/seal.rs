//! Sealing: whole Secrets, and one value with `--raw`.

use std::path::Path;

use engine::PlainSecret;
use engine::manifest::Object;
use engine::seal::{Hint, Target, scope_of, seal_item};
use keys::{Certificate, Scope};
use serde_json::Value;
use zeroize::Zeroizing;

use super::failure::{Failure, Result};
use super::files::{self, Input, Output};
use super::hint;
use super::lenient::forgive;
use super::options::Options;
use super::write::{Format, write};

/// Seals every Secret of the input. Nothing is written unless all of them can be sealed.
///
/// # Errors
/// Upstream's message for the first Secret that cannot be sealed.
pub(super) fn seal(options: &Options, input: Input, output: &Output, certificate: &Certificate) -> Result<()> {
    let manifest = input.manifest()?;
    let mut text = Zeroizing::new(String::new());
    for object in manifest.objects()? {
        let secret = read(&object, options)?;
        let target = target(&secret, options)?;
        let sealed = engine::seal::seal(&secret, &target, certificate, Hint::Omitted)?;
        text.push_str(&write(&to_value(&sealed)?, Format::read(&options.format)?)?);
    }
    output.write(text.as_bytes())
}

/// Reads one Secret. Its kind is not looked at, as upstream does not.
///
/// # Errors
/// A malformed object, by line and item; no data where there should be some.
pub(super) fn read(object: &Object<'_>, options: &Options) -> Result<PlainSecret> {
    let forgiven = forgive(object.node);
    let secret = PlainSecret::read_any_kind(&Object { node: &forgiven, ..*object })?;
    if secret.data.is_empty() && !options.allow_empty_data {
        let message =
            "secret.data is empty in input Secret, assuming this is an error and aborting. To work with empty data, --allow-empty-data can be used";
        return Err(Failure::new(message));
    }
    Ok(secret)
}

fn target(secret: &PlainSecret, options: &Options) -> Result<Target> {
    let name = if options.name.is_empty() { &secret.name } else { &options.name };
    if name.is_empty() {
        return Err(Failure::new("missing metadata.name in input Secret"));
    }
    // `--scope strict` cannot be told from no scope at all, so the annotations of the Secret speak then.
    let scope = if options.scope == Scope::Strict { scope_of(|key| secret.annotation(key)) } else { options.scope };
    let namespace = if scope == Scope::ClusterWide { secret.namespace.clone() } else { namespace(&secret.namespace, options)? };
    Ok(Target { namespace, name: name.clone(), scope })
}

/// The namespace to seal for: the object's own, or the one that the command line or the kubeconfig gives.
///
/// # Errors
/// The command line names another one than the object, or there is none at all.
pub(super) fn namespace(own: &str, options: &Options) -> Result<String> {
    // Why there is no namespace to be had from a kubeconfig does not matter to upstream, only that there is none.
    let (given, is_explicit) = options.access.namespace().unwrap_or_default();
    if is_explicit && !own.is_empty() && own != given {
        return Err(Failure::new(format!("namespace mismatch: input secret is in namespace {own:?} but {given:?} was specified")));
    }
    let namespace = if own.is_empty() { given } else { own.to_owned() };
    if namespace.is_empty() { Err(Failure::new("secret must declare a namespace")) } else { Ok(namespace) }
}

/// The JSON of an object.
///
/// # Errors
/// Never for objects of ours.
pub(super) fn to_value(object: &crds::SealedSecret) -> Result<Value> {
    serde_json::to_value(object).map_err(|_| Failure::new("write the SealedSecret"))
}

/// Seals one value, and prints it without a line break.
///
/// # Errors
/// Upstream's message for what is missing.
pub(super) fn raw(options: &Options, output: &Output, certificate: &Certificate) -> Result<()> {
    let scope = options.scope;
    let namespace = if scope == Scope::ClusterWide { String::new() } else { options.access.namespace()?.0 };
    if namespace.is_empty() && scope != Scope::ClusterWide {
        return Err(Failure::new(format!("must provide the --namespace flag with --raw and --scope {scope}")));
    }
    if options.name.is_empty() && scope == Scope::Strict {
        return Err(Failure::new(format!("must provide the --name flag with --raw and --scope {scope}")));
    }
    let value = match &options.from_files[..] {
        [] => {
            hint("(tty detected: expecting a secret to encrypt in stdin)");
            files::open_input("")?.read()?
        }
        [file] => files::read_secret(Path::new(file.split_once('=').map_or(file.as_str(), |(_, path)| path)))?,
        _ => return Err(Failure::new("must provide only one --from-file when encrypting a single item with --raw")),
    };
    let target = Target { namespace, name: options.name.clone(), scope };
    output.write(seal_item(&value, &target, certificate)?.as_bytes())
}
