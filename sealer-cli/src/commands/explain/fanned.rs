//! What became of a ClusterExternalSecret.

use engine::Result;
use serde_json::Value;

use super::{Asked, Facts, condition, judged, text};

/// Everything that is to be said, each under a name.
pub(super) fn facts(asked: &Asked<'_>) -> Result<Facts> {
    let (spec, status) = (&asked.object["spec"], &asked.object["status"]);
    let ready = condition(&asked.object, "Ready");
    let names = |list: &Value| list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
    let name = spec["externalSecretName"].as_str().filter(|name| !name.is_empty()).unwrap_or(asked.name);
    let made = names(&status["provisionedNamespaces"]);
    let mut facts = vec![
        ("object", format!("ClusterExternalSecret {}", asked.name)),
        ("becomes", format!("an ExternalSecret {name} in each of its namespaces")),
        ("namespaces", wanted(spec, &names(&spec["namespaces"]))),
        ("made", if made.is_empty() { "no namespace".to_owned() } else { made.join(", ") }),
    ];
    for failed in status["failedNamespaces"].as_array().into_iter().flatten() {
        facts.push(("failed", format!("{}: {}", text(&failed["namespace"]), text(&failed["reason"]))));
    }
    facts.push(("ready", judged(&ready)));
    facts.push(("message", text(&ready["message"])));
    let next = match ready["status"].as_str() {
        None => "a controller looks at it; if this stays so, none runs, or none looks at ClusterExternalSecrets",
        Some("True") => "nothing, until it, a namespace or one of its ExternalSecrets changes; sealer explain externalsecret/NAME tells of each",
        Some(_) => "what failed is tried again, and at once when it, a namespace or one of its ExternalSecrets changes",
    };
    facts.push(("next", next.to_owned()));
    Ok(facts)
}

fn wanted(spec: &Value, names: &[String]) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !names.is_empty() {
        parts.push(format!("namespaces {}", names.join(", ")));
    }
    let selectors = spec["namespaceSelectors"].as_array().into_iter().flatten();
    for selector in Some(&spec["namespaceSelector"]).filter(|selector| selector.is_object()).into_iter().chain(selectors) {
        parts.push(if *selector == serde_json::json!({}) {
            "every namespace".to_owned()
        } else {
            format!("namespaces with labels as in {selector}")
        });
    }
    if parts.is_empty() { "no namespace".to_owned() } else { parts.join(", or ") }
}
