//! `sealer fetch`: one secret of a store.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use providers::provider::Reference;

use crate::exit::Outcome;
use crate::external::{Objects, Stores};
use crate::input::read_all;
use crate::output::{Access, write};

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "The value is printed as it is, without a line break behind it.\n\
    Example:  sealer fetch examples/external-secrets/store.yaml shop/database --property password")]
pub(crate) struct Args {
    /// File or folder with a SecretStore or ClusterSecretStore
    #[arg(value_name = "STORE")]
    store_file: PathBuf,
    /// Name of the secret in the store
    #[arg(value_name = "KEY")]
    key: String,
    /// A part of it
    #[arg(long, value_name = "PATH")]
    property: Option<String>,
    /// A version of it [default: the newest]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Print what the store tells of the secret, such as tags, instead of its value
    #[arg(long)]
    metadata: bool,
    /// Name of the store, where the file holds several
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// File or folder with Secrets and ConfigMaps that the store names
    #[arg(long, value_name = "PATH")]
    with: Vec<PathBuf>,
    /// Namespace of objects that name none, and for which a ClusterSecretStore is asked
    #[arg(short, long, value_name = "NAMESPACE", default_value = "", hide_default_value = true)]
    namespace: String,
    /// Write to a file that only its owner can read
    #[arg(short = 'w', long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let paths: Vec<PathBuf> = std::iter::once(&args.store_file).chain(&args.with).cloned().collect();
    let sources = read_all(&paths)?;
    crate::input::refuse_as_targets(sources.iter(), args.output.as_slice())?;
    let stores = Stores::new(Arc::new(Objects::read(&sources, &args.namespace)?), now)?;
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let what = Reference { key: args.key.clone(), property: some(&args.property), version: some(&args.version), metadata: args.metadata };
    let store = stores.objects().only_store(args.store.as_deref())?;
    let value = stores.fetch(store, &args.namespace, &what)?;
    // EXPOSE: the user asks for the value.
    Ok(write(args.output.as_deref(), value.expose(), Access::Owner)?)
}
