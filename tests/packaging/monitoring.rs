//! Alerts and dashboards.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::packaging::{only, render};

use super::{Outcome, rights};

/// What every metric of ours starts with.
const PREFIX: &str = "sealed_secrets_controller_";

/// Alerts, and dashboards as JSON.
fn rendered() -> Result<(Value, Vec<Value>), tests::peers::Missing> {
    let metrics = json!({"prometheusRule": {"enabled": true}, "dashboards": {"create": true}});
    let objects = render("kube-system", &json!({"metrics": metrics}))?;
    let files = only(&objects, "ConfigMap")["data"].as_object().unwrap().clone();
    let dashboards = files.values().map(|text| serde_json::from_str(text.as_str().unwrap()).unwrap()).collect();
    Ok((only(&objects, "PrometheusRule").clone(), dashboards))
}

/// Our metrics in the texts of a tree.
fn names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let parts = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            found.extend(parts.filter(|part| part.starts_with(PREFIX)).map(str::to_owned));
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| names(field, found)),
        _ => {}
    }
}

pub(crate) fn ask_for_what_is_counted() -> Outcome {
    let (alerts, dashboards) = rendered()?;
    let mut wanted = BTreeSet::new();
    names(&alerts, &mut wanted);
    assert!(wanted.len() >= 4, "{wanted:?}");
    dashboards.iter().for_each(|dashboard| names(dashboard, &mut wanted));
    let text = rights::busy_metrics()?;
    let series: BTreeSet<&str> = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next()).collect();
    let unknown: Vec<&String> = wanted.iter().filter(|name| !series.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "nobody counts {unknown:?}; there is: {series:?}");
    Ok(())
}

pub(crate) fn every_trouble_has_an_alert() -> Outcome {
    let (alerts, _) = rendered()?;
    let mut found = BTreeSet::new();
    names(&alerts, &mut found);
    for name in ["condition_info", "sealer_key_age_seconds", "sealer_broken_keys", "sealer_leader"] {
        assert!(found.contains(&format!("{PREFIX}{name}")), "{name}");
    }
    Ok(())
}
