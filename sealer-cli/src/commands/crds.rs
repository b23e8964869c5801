//! `sealer crds`: the custom resource definitions of a cluster beside ours. Helm installs definitions once and never updates them.

use std::collections::BTreeSet;

use crds::{ALL, fields, to_yaml};
use engine::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::certificate::ClusterOptions;
use crate::cluster::Server;
use crate::exit::Outcome;
use crate::output::{json_line, note, print};

/// The group of ExternalSecrets.
const EXTERNAL_SECRETS: &str = "external-secrets.io";

/// What can be done with definitions.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Print ours, as YAML
    Print,
    /// Tell what the cluster's lack or have beside ours; exit status 3 if one is absent or another
    Diff {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Those of ExternalSecrets and their stores too
        #[arg(long)]
        external_secrets: bool,
        #[command(flatten)]
        cluster: ClusterOptions,
    },
    /// Install or update the cluster's
    Apply {
        /// Replace a definition that has fields which ours lacks; the server forgets them in every object that is written then
        #[arg(long)]
        force: bool,
        /// Those of ExternalSecrets and their stores too
        #[arg(long)]
        external_secrets: bool,
        #[command(flatten)]
        cluster: ClusterOptions,
    },
}

/// One definition of ours beside the cluster's.
#[derive(Debug)]
pub(crate) struct Compared {
    /// Its name.
    pub(crate) name: String,
    ours: Value,
    live: Option<Value>,
    /// Fields that the cluster's lacks.
    pub(crate) missing: BTreeSet<String>,
    /// Fields that only the cluster's has.
    pub(crate) foreign: BTreeSet<String>,
}

/// Runs the command.
pub(crate) fn run(command: &Command) -> Outcome {
    match command {
        Command::Print => {
            let bug = |_| Error::new(ErrorKind::Bug, "write a definition");
            let texts: Result<Vec<String>> = ALL.iter().map(|definition| Ok(format!("---\n{}", to_yaml(&definition()).map_err(bug)?))).collect();
            Ok(print(texts?.concat().as_bytes())?)
        }
        Command::Diff { json, external_secrets, cluster } => diff(&compare(&cluster.server()?, *external_secrets)?, *json),
        Command::Apply { force, external_secrets, cluster } => {
            let server = cluster.server()?;
            for compared in compare(&server, *external_secrets)? {
                let word = apply(&server, &compared, *force)?;
                note(&format!("{}: {word}", compared.name));
            }
            Ok(())
        }
    }
}

/// Compares ours with the cluster's; those of ExternalSecrets only if they are asked for, since not everybody wants them.
///
/// # Errors
/// What the API server says no with.
pub(crate) fn compare(server: &Server, external_secrets: bool) -> Result<Vec<Compared>> {
    ALL.iter()
        .filter(|definition| external_secrets || definition().spec.group != EXTERNAL_SECRETS)
        .map(|definition| {
            let ours = serde_json::to_value(definition()).map_err(|_| Error::new(ErrorKind::Bug, "write a definition"))?;
            let name = ours["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let live = server.read(&path(&name)).map_err(|error| ClusterOptions::failed("read the definition", &error))?;
            let (have, want) = (live.as_ref().map(fields).unwrap_or_default(), fields(&ours));
            // Every object has these, whatever a definition says.
            let own = |field: &&String| !matches!(field.as_str(), "apiVersion" | "kind" | "metadata");
            // These keep whatever they do not know: nothing is lost by them.
            let keeps = ours["spec"]["group"] == EXTERNAL_SECRETS;
            let have: BTreeSet<String> = if keeps { have.intersection(&want).cloned().collect() } else { have };
            let [missing, foreign] = [want.difference(&have), have.difference(&want)].map(|fields| fields.filter(own).cloned().collect());
            Ok(Compared { name, ours, live, missing, foreign })
        })
        .collect()
}

impl Compared {
    /// What is to be said of it in one word.
    pub(crate) fn state(&self) -> &'static str {
        match &self.live {
            None => "absent",
            Some(_) if self.is_same() => "up to date",
            Some(_) => "another",
        }
    }

    /// Whether nothing of ours is missing in the cluster's.
    pub(crate) fn is_same(&self) -> bool {
        let Some(live) = &self.live else { return false };
        let version = |definition: &Value| definition["spec"]["versions"][0].clone();
        let schema = |definition: &Value| version(definition)["schema"]["openAPIV3Schema"].clone();
        without_texts(&schema(live)) == without_texts(&schema(&self.ours))
            && version(live)["additionalPrinterColumns"] == version(&self.ours)["additionalPrinterColumns"]
            && version(live)["subresources"] == version(&self.ours)["subresources"]
    }
}

/// Writes a definition if it is absent or another; says what was done.
///
/// # Errors
/// Denied: it would lose fields, and that was not asked for. What the API server says no with.
pub(crate) fn apply(server: &Server, compared: &Compared, force: bool) -> Result<&'static str> {
    let failed = |error: &crate::cluster::Error| ClusterOptions::failed("write the definition", error);
    let Some(live) = &compared.live else {
        server.create(&path(""), &compared.ours).map_err(|error| failed(&error))?;
        return Ok("installed");
    };
    if compared.is_same() {
        return Ok("up to date");
    }
    if !compared.foreign.is_empty() && !force {
        let fields: Vec<&str> = compared.foreign.iter().map(String::as_str).collect();
        let message = format!("update the definition {}: it has fields that ours lacks: {}", compared.name, fields.join(", "));
        return Err(Error::new(ErrorKind::Denied, message).advise("Update sealer, or lose what objects have in them with --force"));
    }
    // Labels and annotations are those of whoever installed it; the version is a precondition.
    let mut next = live.clone();
    next["spec"] = compared.ours["spec"].clone();
    if let Some(conversion) = live["spec"].get("conversion") {
        next["spec"]["conversion"] = conversion.clone();
    }
    server.replace(&path(&compared.name), &next).map_err(|error| failed(&error))?;
    Ok("updated")
}

fn diff(all: &[Compared], as_json: bool) -> Outcome {
    let row =
        |compared: &Compared| json!({ "name": compared.name, "state": compared.state(), "missing": compared.missing, "foreign": compared.foreign });
    let mut text = String::new();
    for compared in all {
        if as_json {
            text += &json_line(&row(compared));
            continue;
        }
        text += &format!("{}: {}\n", compared.name, compared.state());
        text.extend(compared.missing.iter().filter(|_| compared.live.is_some()).map(|field| format!("  + {field}\n")));
        text.extend(compared.foreign.iter().map(|field| format!("  - {field} (only in the cluster)\n")));
    }
    print(text.as_bytes())?;
    match all.iter().find(|compared| !compared.is_same()) {
        None => Ok(()),
        Some(compared) => {
            let message = format!("find the definition {} as it should be: it is {}", compared.name, compared.state());
            Err(Error::new(ErrorKind::NotFound, message).advise("Run sealer crds apply").into())
        }
    }
}

/// A schema without what is there for people.
fn without_texts(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            // A field may be called description too: then its schema is an object.
            let kept = map.iter().filter(|(key, value)| !(matches!(key.as_str(), "description" | "title") && value.is_string()));
            Value::Object(kept.map(|(key, value)| (key.clone(), without_texts(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_texts).collect()),
        other => other.clone(),
    }
}

fn path(name: &str) -> String {
    let slash = if name.is_empty() { "" } else { "/" };
    format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions{slash}{name}")
}
