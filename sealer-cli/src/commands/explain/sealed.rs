//! What became of a SealedSecret.

use engine::Result;
use serde_json::Value;

use super::{Asked, Facts, condition, read, text};

/// Everything that is to be said, each under a name.
pub(super) fn facts(asked: &Asked<'_>) -> Result<Facts> {
    let object = &asked.object;
    let secret = read(asked.server, &format!("/api/v1/namespaces/{}/secrets/{}", asked.namespace, asked.name), true)?;
    let secret = secret.as_ref();
    let (metadata, status) = (&object["metadata"], &object["status"]);
    let synced = condition(object, "Synced");
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
    Ok(vec![
        ("object", engine::manifest::title("SealedSecret", &text(&metadata["namespace"]), &text(&metadata["name"]))),
        ("scope", scope(&metadata["annotations"]).to_owned()),
        ("read", read),
        ("when", text(&synced["lastUpdateTime"])),
        ("key", key),
        ("synced", format!("{} ({}), since {}", text(&synced["status"]), text(&synced["reason"]), text(&synced["lastTransitionTime"]))),
        ("message", synced["message"].as_str().unwrap_or("-").to_owned()),
        ("secret", told_of(secret, status)),
        ("next", next(seen == Some(generation), &synced, condition(object, "Stalled")["status"] == "True", secret, status)),
    ])
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
