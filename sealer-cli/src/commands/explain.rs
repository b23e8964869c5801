//! `sealer explain`: what the controller read of a SealedSecret, when, with which key, and what comes next. No plaintext and no private key is read.

use engine::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::certificate::ClusterOptions;
use crate::cluster::Server;
use crate::exit::Outcome;
use crate::output::{json_line, print, table};

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "Example:  sealer explain -n shop sealedsecret/db")]
pub(crate) struct Args {
    /// The SealedSecret: NAME or sealedsecret/NAME
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

/// Runs the command.
pub(crate) fn run(args: &Args) -> Outcome {
    let name = match args.object.split_once('/') {
        None => args.object.as_str(),
        Some((kind, name)) if matches!(kind.to_ascii_lowercase().as_str(), "sealedsecret" | "sealedsecrets" | "sealedsecrets.bitnami.com") => name,
        Some((kind, _)) => {
            return Err(Error::input(format!("explain the object: there is no kind {kind:?} here")).advise("Use sealedsecret/NAME").into());
        }
    };
    let server = args.cluster.server()?;
    let object = read(&server, &format!("/apis/bitnami.com/v1alpha1/namespaces/{}/sealedsecrets/{name}", args.namespace), false)?;
    let title = engine::manifest::title("SealedSecret", &args.namespace, name);
    let object = object.ok_or_else(|| Error::new(ErrorKind::NotFound, "explain the object: it is not in the cluster").in_object(title))?;
    let secret = read(&server, &format!("/api/v1/namespaces/{}/secrets/{name}", args.namespace), true)?;
    let facts = facts(&object, secret.as_ref());
    if args.json {
        let map: serde_json::Map<String, Value> = facts.into_iter().map(|(name, text)| (name.to_owned(), json!(text))).collect();
        return Ok(print(json_line(&Value::Object(map)).as_bytes())?);
    }
    let rows: Vec<Vec<String>> = facts.into_iter().map(|(name, text)| vec![name.to_owned(), text]).collect();
    Ok(print(table(&rows).as_bytes())?)
}

fn read(server: &Server, path: &str, metadata: bool) -> Result<Option<Value>> {
    let answer = if metadata { server.read_metadata(path) } else { server.read(path) };
    answer.map_err(|error| ClusterOptions::failed("read the object", &error))
}

/// Everything that is to be said, each under a name.
fn facts(object: &Value, secret: Option<&Value>) -> Vec<(&'static str, String)> {
    let (metadata, status) = (&object["metadata"], &object["status"]);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let condition = |name: &str| conditions.iter().find(|condition| condition["type"] == name).cloned().unwrap_or(Value::Null);
    let synced = condition("Synced");
    let seen = status["observedGeneration"].as_i64();
    let generation = metadata["generation"].as_i64().unwrap_or_default();
    let read = match seen {
        None => "nothing yet: no controller has looked at it".to_owned(),
        Some(seen) if seen == generation => format!("generation {seen}, which is the present one"),
        Some(seen) => format!("generation {seen}; the present one, {generation}, was not looked at yet"),
    };
    let hint = metadata["annotations"]["sealer.dev/sealed-with"].as_str().map(str::to_owned);
    let key = status["produced"]["key"].as_str().map(str::to_owned);
    let key = match (key, hint) {
        (Some(key), _) => format!("certificate {key} opened it"),
        (None, Some(hint)) => format!("it says that it was sealed with certificate {hint}"),
        (None, None) => "not known: neither its status nor an annotation names one".to_owned(),
    };
    vec![
        ("object", engine::manifest::title("SealedSecret", &text(&metadata["namespace"]), &text(&metadata["name"]))),
        ("scope", scope(&metadata["annotations"]).to_owned()),
        ("read", read),
        ("when", text(&synced["lastUpdateTime"])),
        ("key", key),
        ("synced", format!("{} ({}), since {}", text(&synced["status"]), text(&synced["reason"]), text(&synced["lastTransitionTime"]))),
        ("message", synced["message"].as_str().unwrap_or("-").to_owned()),
        ("secret", told_of(secret, status)),
        ("next", next(seen == Some(generation), &synced, condition("Stalled")["status"] == "True", secret, status)),
    ]
}

fn scope(annotations: &Value) -> &'static str {
    engine::seal::scope_of(|key| annotations[key].as_str()).name()
}

fn told_of(secret: Option<&Value>, status: &Value) -> String {
    let produced = &status["produced"];
    let Some(secret) = secret else {
        return if produced.is_null() { "none".to_owned() } else { "none: the one that was made is gone".to_owned() };
    };
    let metadata = &secret["metadata"];
    if produced["uid"] != metadata["uid"] {
        return "one that the controller did not make, or made before it remembered".to_owned();
    }
    if produced["resourceVersion"] == metadata["resourceVersion"] { "as the controller left it" } else { "changed since the controller wrote it" }
        .to_owned()
}

fn next(current: bool, synced: &Value, stalled: bool, secret: Option<&Value>, status: &Value) -> String {
    let left = secret.is_some_and(|secret| secret["metadata"]["resourceVersion"] == status["produced"]["resourceVersion"]);
    let text = match (current, synced["status"].as_str(), synced["reason"].as_str()) {
        (false, ..) => "a controller looks at it; if this stays so, none runs, or none looks at this namespace",
        (_, Some("True"), _) if left => "nothing, until the object or its Secret changes",
        (_, Some("True"), _) => "the Secret is looked at, and put right if what is ours was changed",
        (_, _, Some("Contended")) => "the Secret is put right after a pause, which grows while something else keeps changing it",
        (_, _, Some("Unmanaged")) => {
            "it is tried again once the other Secret is deleted or has the annotation sealedsecrets.bitnami.com/managed: \"true\""
        }
        _ if stalled => "nothing, until the object, its Secret or the sealing keys change",
        _ => "it is tried again, later each time, at least every five minutes",
    };
    text.to_owned()
}
