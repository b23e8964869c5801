//! `sealer render`: what ExternalSecrets would yield, without a cluster.

use std::path::PathBuf;
use std::sync::Arc;

use engine::external::Delimiters;
use engine::external::rules::{Creation, Deletion};
use engine::manifest::{Format, write as to_text, write_secret};
use engine::{Error, ErrorKind};
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::command::OutputFormat;
use crate::exit::{Errors, Outcome};
use crate::external::{Made, Objects, Rendered, Stores, Wanted, masked, masked_metadata};
use crate::input::{read_all, refuse_as_targets};
use crate::output::{Access, note, write};

// Arguments of the command.
#[derive(clap::Args)]
#[command(
    after_help = "Stores are found in the files by their names, and so are the Secrets and ConfigMaps that hold credentials, certificates and templates.\n\
    Example:  sealer render examples/external-secrets\n\
    Example:  sealer render --show-values app.yaml store.yaml | kubectl apply -f -"
)]
pub(crate) struct Args {
    /// Files, folders, or - for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print the values instead of their lengths
    #[arg(long)]
    show_values: bool,
    /// Namespace of objects that name none
    #[arg(short, long, value_name = "NAMESPACE", default_value = "", hide_default_value = true)]
    namespace: String,
    /// What the actions of templates begin with, as in the controller
    #[arg(long, value_name = "MARK", default_value = "{{")]
    template_left_delimiter: String,
    /// What the actions of templates end with
    #[arg(long, value_name = "MARK", default_value = "}}")]
    template_right_delimiter: String,
    /// Language of the output [default: YAML]
    #[arg(short = 'o', long, value_name = "FORMAT")]
    format: Option<OutputFormat>,
    /// Write to a file that only its owner can read
    #[arg(short = 'w', long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let sources = read_all(&args.paths)?;
    refuse_as_targets(sources.iter(), args.output.as_slice())?;
    let delimiters = Delimiters { left: args.template_left_delimiter.clone(), right: args.template_right_delimiter.clone() };
    let stores = read(&sources, &args.namespace, now)?.with_delimiters(delimiters);
    let format = OutputFormat::of_stream(args.format, args.output.as_deref(), std::iter::empty());
    let (mut text, mut errors) = (Zeroizing::new(String::new()), Vec::new());
    for wanted in &stores.objects().wanted {
        match stores.render(wanted).and_then(|rendered| shown(args, wanted, &rendered, format)) {
            Ok(part) => text.push_str(&part),
            Err(error) => errors.push(error),
        }
    }
    Errors::check(errors)?;
    Ok(write(args.output.as_deref(), text.as_bytes(), Access::Owner)?)
}

/// The stores of files that hold an ExternalSecret at least.
pub(super) fn read(sources: &[crate::input::Source], namespace: &str, now: Timestamp) -> Result<Stores, Errors> {
    let objects = Objects::read(sources, namespace)?;
    if objects.wanted.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "render: there is no ExternalSecret in the input").into());
    }
    Ok(Stores::new(Arc::new(objects), now)?)
}

/// What is printed of one.
fn shown(args: &Args, wanted: &Wanted, rendered: &Rendered, format: Format) -> engine::Result<Zeroizing<String>> {
    let title = wanted.origin.title();
    if !rendered.missing.is_empty() {
        note(&format!("{title}: the store has no secret for {}", rendered.missing.join(", ")));
    }
    let Some(made) = &rendered.made else {
        let fate = if rendered.deletion == Deletion::Delete { "is deleted" } else { "stays as it is" };
        note(&format!("{title}: there are no values; a Secret that exists {fate}"));
        return Ok(Zeroizing::new(String::new()));
    };
    match rendered.creation {
        Creation::None => note(&format!("{title}: no Secret is made of it; this is what it would hold")),
        Creation::Merge => note(&format!("{title}: this is added to a Secret that exists")),
        Creation::Owner | Creation::Orphan | Creation::CreateOrMerge => {}
    }
    let bytes = match (made, args.show_values) {
        (Made::Secret(secret), false) => return to_text(&masked(secret, &wanted.object), format),
        (Made::Object(object), false) => return to_text(&object.masked(masked_metadata(object.metadata(), &wanted.object)), format),
        (Made::Secret(secret), true) => write_secret(secret, format)?,
        (Made::Object(object), true) => object.write(format)?,
    };
    // EXPOSE: the user asks for the values.
    Ok(Zeroizing::new(String::from_utf8_lossy(bytes.expose()).into_owned()))
}
