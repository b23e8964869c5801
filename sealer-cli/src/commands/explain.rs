//! `sealer explain`: what the controller read of an object, when, with what, and what comes next. No plaintext and no private key is read.

mod external;
mod fanned;
mod sealed;
mod store;

use engine::{Error, ErrorKind, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::certificate::ClusterOptions;
use crate::cluster::Server;
use crate::exit::Outcome;
use crate::output::{json_line, print, table};

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "Kinds: sealedsecret, if none is given; externalsecret, secretstore, clustersecretstore,\n\
    clusterexternalsecret, and their short names es, ss, css, ces.\n\
    Example:  sealer explain -n shop sealedsecret/db\n\
    Example:  sealer explain -n shop externalsecret/api")]
pub(crate) struct Args {
    /// The object: NAME, or KIND/NAME
    #[arg(value_name = "KIND/NAME")]
    object: String,
    /// Its namespace
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cluster: ClusterOptions,
}

/// What is said, each under a name.
type Facts = Vec<(&'static str, String)>;

/// Names under which more than one thing may be said.
const LISTS: [&str; 3] = ["failed", "reads", "store"];

/// An object that is asked about.
struct Asked<'a> {
    server: &'a Server,
    object: Value,
    namespace: &'a str,
    name: &'a str,
    now: Timestamp,
}

/// A kind that can be explained.
struct Kind {
    name: &'static str,
    plural: &'static str,
    short: &'static str,
    group: &'static str,
    version: &'static str,
    namespaced: bool,
    facts: fn(&Asked<'_>) -> Result<Facts>,
}

const EXTERNAL: &str = "external-secrets.io";

const KINDS: [Kind; 5] = [
    Kind {
        name: "SealedSecret",
        plural: "sealedsecrets",
        short: "",
        group: "bitnami.com",
        version: "v1alpha1",
        namespaced: true,
        facts: sealed::facts,
    },
    Kind { name: "ExternalSecret", plural: "externalsecrets", short: "es", group: EXTERNAL, version: "v1", namespaced: true, facts: external::facts },
    Kind { name: "SecretStore", plural: "secretstores", short: "ss", group: EXTERNAL, version: "v1", namespaced: true, facts: store::facts },
    Kind {
        name: "ClusterSecretStore",
        plural: "clustersecretstores",
        short: "css",
        group: EXTERNAL,
        version: "v1",
        namespaced: false,
        facts: store::facts,
    },
    Kind {
        name: "ClusterExternalSecret",
        plural: "clusterexternalsecrets",
        short: "ces",
        group: EXTERNAL,
        version: "v1",
        namespaced: false,
        facts: fanned::facts,
    },
];

impl Kind {
    fn is_called(&self, word: &str) -> bool {
        let word = word.to_ascii_lowercase();
        let name = self.name.to_ascii_lowercase();
        word == name || word == self.plural || (!self.short.is_empty() && word == self.short) || word == format!("{}.{}", self.plural, self.group)
    }

    fn path(&self, namespace: &str, name: &str) -> String {
        let root = format!("/apis/{}/{}", self.group, self.version);
        if self.namespaced { format!("{root}/namespaces/{namespace}/{}/{name}", self.plural) } else { format!("{root}/{}/{name}", self.plural) }
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let (kind, name) = args.object.split_once('/').unwrap_or(("sealedsecret", args.object.as_str()));
    let Some(kind) = KINDS.iter().find(|known| known.is_called(kind)) else {
        let names: Vec<String> = KINDS.iter().map(|kind| format!("{}/NAME", kind.name.to_ascii_lowercase())).collect();
        return Err(Error::input(format!("explain the object: there is no kind {kind:?} here")).advise(format!("Use {}", names.join(", "))).into());
    };
    for part in [name, args.namespace.as_str()] {
        if !engine::is_object_name(part) {
            return Err(Error::input(format!("explain the object: {part:?} is no name of an object or a namespace")).into());
        }
    }
    let namespace = if kind.namespaced { args.namespace.as_str() } else { "" };
    let server = args.cluster.server()?;
    let object = read(&server, &kind.path(namespace, name), false)?;
    let title = engine::manifest::title(kind.name, namespace, name);
    let object = object.ok_or_else(|| Error::new(ErrorKind::NotFound, "explain the object: it is not in the cluster").in_object(title))?;
    let facts = (kind.facts)(&Asked { server: &server, object, namespace, name, now })?;
    if args.json {
        return Ok(print(json_line(&to_json(facts)).as_bytes())?);
    }
    let rows: Vec<Vec<String>> = facts.into_iter().map(|(name, text)| vec![name.to_owned(), text]).collect();
    Ok(print(table(&rows).as_bytes())?)
}

/// Facts as JSON: those of which there may be many as lists.
fn to_json(facts: Facts) -> Value {
    let mut map = serde_json::Map::new();
    for (name, text) in facts {
        if LISTS.contains(&name) {
            let list = map.entry(name).or_insert_with(|| json!([]));
            list.as_array_mut().into_iter().for_each(|list| list.push(json!(text)));
        } else {
            map.insert(name.to_owned(), json!(text));
        }
    }
    Value::Object(map)
}

fn read(server: &Server, path: &str, metadata: bool) -> Result<Option<Value>> {
    let answer = if metadata { server.read_metadata(path) } else { server.read(path) };
    answer.map_err(|error| ClusterOptions::failed("read the object", &error))
}

/// A condition of an object; null if it has none of that type.
fn condition(object: &Value, name: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().find(|condition| condition["type"] == name).cloned().unwrap_or(Value::Null)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

/// What a condition says, and since when.
fn judged(condition: &Value) -> String {
    if condition.is_null() {
        return "not known: no controller has said it yet".to_owned();
    }
    let reason = condition["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let since = condition["lastTransitionTime"].as_str().map(|since| format!(", since {since}")).unwrap_or_default();
    format!("{}{reason}{since}", text(&condition["status"]))
}

/// A length of time for people.
fn length(span: std::time::Duration) -> String {
    match span.as_secs() {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7200 => format!("{}m", seconds / 60),
        seconds => format!("{}h", seconds / 3600),
    }
}
