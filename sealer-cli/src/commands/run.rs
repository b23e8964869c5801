//! `sealer run`: a program that has what ExternalSecrets yield in its environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use engine::{Error, ErrorKind};
use jiff::Timestamp;

use super::render::read;
use crate::child::{Launch, Program, Unfit, Variable, with_variables};
use crate::exit::{Errors, Outcome};
use crate::external::{Made, Stores};
use crate::input::read_all;

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "The keys of the Secrets are the names; the program's status is ours, and signals go to it.\n\
    Example:  sealer run examples/external-secrets -- ./server --port 80")]
pub(crate) struct Args {
    /// Files, folders, or - for standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Program and its arguments
    #[arg(last = true, value_name = "COMMAND", required = true)]
    words: Vec<OsString>,
    /// Give the program nothing of our own environment
    #[arg(long)]
    pristine: bool,
    /// Namespace of objects that name none
    #[arg(short, long, value_name = "NAMESPACE", default_value = "", hide_default_value = true)]
    namespace: String,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let stores = read(&read_all(&args.paths)?, &args.namespace, now)?;
    let variables = variables(&stores)?;
    // Connections end before the program starts.
    drop(stores);
    let launch = Launch { is_pristine: args.pristine, ..Launch::new(Program::Words(args.words.clone())) };
    Errors::status(with_variables(&launch, &variables)?.shell_code())
}

/// The values of all Secrets; an error keeps the program from being run at all.
fn variables(stores: &Stores) -> Result<Vec<Variable>, Errors> {
    let (mut variables, mut errors) = (BTreeMap::new(), Vec::new());
    for wanted in &stores.objects().wanted {
        let taken = stores.render(wanted).and_then(|rendered| {
            let told = |error| wanted.origin.locate(error);
            let secret = match rendered.made {
                Some(Made::Secret(secret)) => secret,
                Some(Made::Object(_)) => return Err(told(Error::input("run a program with the values: variables are made of Secrets only"))),
                None => return Err(told(Error::new(ErrorKind::NotFound, "run a program with the values: the store has none"))),
            };
            for (name, value) in secret.data {
                check(&name, &value).map_err(told)?;
                if variables.contains_key(&name) {
                    return Err(told(Error::input("name a variable like the key: another ExternalSecret gives it too").on_item(name)));
                }
                variables.insert(name.clone(), Variable { name, value });
            }
            Ok(())
        });
        errors.extend(taken.err());
    }
    Errors::check(errors).map(|()| variables.into_values().collect())
}

fn check(name: &str, value: &keys::SecretBytes) -> engine::Result<()> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !name.bytes().all(fits) || name.starts_with(|first: char| first.is_ascii_digit()) || name.is_empty() {
        let error = Error::input("name a variable like the key: such a name has letters, digits and _ only, and no digit first").on_item(name);
        return Err(error.advise("Give it another secretKey, or rewrite it"));
    }
    // EXPOSE: a zero byte is looked for.
    if value.expose().contains(&0) { Err(Unfit::Zero(name.to_owned()).into()) } else { Ok(()) }
}
