//! What became of a SecretStore or a ClusterSecretStore.

use crds::ExternalSecret;
use crds::external_secret::StoreRef;
use engine::Result;
use engine::external::gather::title;
use serde_json::Value;

use super::{Asked, EXTERNAL, Facts, condition, judged, text};

/// Everything that is to be said, each under a name.
pub(super) fn facts(asked: &Asked<'_>) -> Result<Facts> {
    let object = &asked.object;
    let store = StoreRef { name: asked.name.to_owned(), kind: object["kind"].as_str().map(str::to_owned) };
    let ready = condition(object, "Ready");
    let mut facts =
        vec![("object", if asked.namespace.is_empty() { title(&store) } else { format!("SecretStore {}/{}", asked.namespace, asked.name) })];
    facts.push(("provider", told_of(object)));
    if let Some(class) = object["spec"]["controller"].as_str().filter(|class| !class.is_empty()) {
        facts.push(("class", format!("for controllers that are started with --controller-class={class}")));
    }
    if store.is_cluster() {
        facts.push(("namespaces", served(&object["spec"]["conditions"])));
    }
    facts.push(("can", text(&object["status"]["capabilities"])));
    facts.push(("ready", judged(&ready)));
    facts.push(("message", text(&ready["message"])));
    facts.push(("users", users(asked, &store)));
    facts.push(("next", next(object, &ready)));
    Ok(facts)
}

/// The name of a store's provider.
pub(super) fn provider(store: &Value) -> String {
    let mut names = store["spec"]["provider"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    match (names.next(), names.next()) {
        (Some(name), None) => name.to_owned(),
        (None, _) => "none".to_owned(),
        (Some(_), Some(_)) => "more than one".to_owned(),
    }
}

fn told_of(object: &Value) -> String {
    let name = provider(object);
    if providers::stores().any(|known| known.name() == name) { name } else { format!("{name}, which this version does not know") }
}

/// Which namespaces may use it.
fn served(conditions: &Value) -> String {
    let conditions = conditions.as_array().map(Vec::as_slice).unwrap_or_default();
    if conditions.is_empty() {
        return "every namespace".to_owned();
    }
    let one = |condition: &Value| {
        let list = |field: &str| {
            let names: Vec<&str> = condition[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            names.join(", ")
        };
        let parts = [
            Some(list("namespaces")).filter(|names| !names.is_empty()).map(|names| format!("namespaces {names}")),
            Some(list("namespaceRegexes")).filter(|names| !names.is_empty()).map(|names| format!("namespaces whose whole name matches {names}")),
            condition["namespaceSelector"].is_object().then(|| format!("namespaces with labels as in {}", condition["namespaceSelector"])),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", or ")
    };
    conditions.iter().map(one).collect::<Vec<_>>().join(", or ")
}

/// How many objects read from it, as far as whoever asks may see them.
fn users(asked: &Asked<'_>, store: &StoreRef) -> String {
    let path = if store.is_cluster() {
        format!("/apis/{EXTERNAL}/v1/externalsecrets")
    } else {
        format!("/apis/{EXTERNAL}/v1/namespaces/{}/externalsecrets", asked.namespace)
    };
    let Ok(Some(list)) = asked.server.read(&path) else { return "not known: ExternalSecrets cannot be listed".to_owned() };
    let (mut all, mut ready) = (0, 0);
    for item in list["items"].as_array().into_iter().flatten() {
        let named = |object: ExternalSecret| object.stores().iter().any(|named| named.name == store.name && named.is_cluster() == store.is_cluster());
        if serde_json::from_value::<ExternalSecret>(item.clone()).is_ok_and(named) {
            all += 1;
            ready += usize::from(condition(item, "Ready")["status"] == "True");
        }
    }
    match all {
        0 => "no ExternalSecret".to_owned(),
        1 => format!("1 ExternalSecret, {ready} of them ready"),
        all => format!("{all} ExternalSecrets, {ready} of them ready"),
    }
}

fn next(object: &Value, ready: &Value) -> String {
    let every = match &object["spec"]["refreshInterval"] {
        Value::String(text) if text.parse::<u64>().is_err() && text != "0" => format!("every {text}"),
        Value::String(text) if text != "0" => format!("every {text} seconds"),
        Value::Number(number) if number.as_u64() != Some(0) => format!("every {number} seconds"),
        _ => "as often as the controller's --store-requeue-interval says, five minutes if nothing is said".to_owned(),
    };
    match ready["status"].as_str() {
        None => "a controller examines it; if this stays so, none runs, none looks at this namespace, or it is for another class".to_owned(),
        Some("True") => format!("it is examined again {every}, and at once when it or a credential changes"),
        Some(_) => "it is examined again within five minutes, and at once when it or a credential changes; what reads from it waits".to_owned(),
    }
}
