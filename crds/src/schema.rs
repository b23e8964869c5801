//! Schemas of the external-secrets kinds: what the server refuses, what it writes into an object, and that it keeps what it does not know.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// What the server writes into an object whose author left it out, by the end of the path.
///
/// *Source*: external-secrets 2.9.0: no other field is defaulted, since GitOps tools show each as a difference.
const DEFAULTS: &[(&[&str], &str)] = &[
    (&["refreshInterval"], "\"1h0m0s\""),
    (&["target"], r#"{"creationPolicy":"Owner","deletionPolicy":"Retain"}"#),
    (&["target", "creationPolicy"], "\"Owner\""),
    (&["target", "deletionPolicy"], "\"Retain\""),
    (&["target", "template", "engineVersion"], "\"v2\""),
    (&["target", "template", "mergePolicy"], "\"Replace\""),
    (&["target", "template", "templateFrom", "target"], "\"Data\""),
    (&["target", "template", "templateFrom", "configMap", "items", "templateAs"], "\"Values\""),
    (&["target", "template", "templateFrom", "secret", "items", "templateAs"], "\"Values\""),
    (&["dataFrom", "sourceRef", "generatorRef", "apiVersion"], "\"generators.external-secrets.io/v1alpha1\""),
    (&["dataFrom", "rewrite", "merge", "conflictPolicy"], "\"Error\""),
    (&["dataFrom", "rewrite", "merge", "into"], "\"\""),
    (&["dataFrom", "rewrite", "merge", "priorityPolicy"], "\"Strict\""),
    (&["dataFrom", "rewrite", "merge", "strategy"], "\"Extract\""),
];

/// Finishes a derived definition of ours: an older version is listed and not served, nothing is defaulted but [`DEFAULTS`], and what is unknown is kept.
pub(crate) fn finish(definition: CustomResourceDefinition, spec_at: &[&str]) -> CustomResourceDefinition {
    let Ok(Value::Object(mut definition)) = serde_json::to_value(&definition) else { return definition };
    definition
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
        .map(|metadata| metadata.insert("labels".to_owned(), json!({"external-secrets.io/component": "controller"})));
    let versions = definition.get_mut("spec").and_then(|spec| spec.get_mut("versions")).and_then(Value::as_array_mut);
    if let Some(versions) = versions {
        if let Some(schema) = versions.first_mut().and_then(|version| version.pointer_mut("/schema/openAPIV3Schema")) {
            loosen(schema, true);
            let spec = spec_at.iter().try_fold(schema, |schema, field| schema.get_mut("properties")?.get_mut(*field));
            if let Some(spec) = spec {
                for (path, default) in DEFAULTS {
                    set_default(spec, path, default);
                }
            }
        }
        if let Some(mut older) = versions.first().cloned() {
            older["name"] = json!("v1beta1");
            older["served"] = json!(false);
            older["storage"] = json!(false);
            older["deprecated"] = json!(true);
            older["schema"] = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
            older.as_object_mut().map(|older| older.remove("selectableFields"));
            versions.push(older);
        }
    }
    serde_json::from_value(Value::Object(definition)).unwrap_or_default()
}

fn set_default(schema: &mut Value, path: &[&str], default: &str) {
    let Some((first, rest)) = path.split_first() else { return };
    let schema = if schema["type"] == "array" { &mut schema["items"] } else { schema };
    let Some(field) = schema.get_mut("properties").and_then(|fields| fields.get_mut(*first)) else { return };
    if rest.is_empty() {
        field["default"] = serde_json::from_str(default).unwrap_or_default();
    } else {
        set_default(field, rest, default);
    }
}

/// Takes away what a server would write into an object or cut out of it.
fn loosen(schema: &mut Value, root: bool) {
    let Value::Object(schema) = schema else { return };
    schema.remove("default");
    if schema.get("properties").is_some_and(Value::is_object) && !root {
        schema.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
    }
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        fields.values_mut().for_each(|field| loosen(field, false));
    }
    for inner in ["items", "additionalProperties"] {
        schema.get_mut(inner).into_iter().for_each(|inner| loosen(inner, false));
    }
}

fn one_of(values: &[&str]) -> Schema {
    json_schema!({ "type": "string", "enum": values })
}

macro_rules! enumerations {
    ($($name:ident: $($value:literal)|+;)*) => {
        $(pub(crate) fn $name(_: &mut SchemaGenerator) -> Schema {
            one_of(&[$($value),+])
        })*
    };
}

enumerations! {
    refresh_policy: "CreatedOnce" | "Periodic" | "OnChange";
    store_kind: "SecretStore" | "ClusterSecretStore";
    window_kind: "allow" | "deny";
    creation_policy: "Owner" | "Orphan" | "Merge" | "None" | "CreateOrMerge";
    deletion_policy: "Delete" | "Merge" | "Retain";
    engine_version: "v2";
    merge_policy: "Replace" | "Merge";
    template_scope: "Values" | "KeysAndValues";
    metadata_policy: "None" | "Fetch";
    conversion_strategy: "Default" | "Unicode";
    decoding_strategy: "Auto" | "Base64" | "Base64URL" | "None";
    null_byte_policy: "Ignore" | "Fail";
    priority_policy: "IgnoreNotFound" | "Strict";
    conflict_policy: "Ignore" | "Error";
    merge_strategy: "Extract" | "JSON";
}

/// The name of an object.
pub(crate) fn object_name(_: &mut SchemaGenerator) -> Schema {
    let pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 253, "pattern": pattern })
}

/// The key of a Secret.
pub(crate) fn secret_key(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 253, "pattern": "^[-._a-zA-Z0-9]+$" })
}

/// A number or a text.
pub(crate) fn int_or_string(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-int-or-string": true })
}

/// A selector of labels.
pub(crate) fn label_selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchExpressions": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": { "type": "string" },
                        "operator": { "type": "string" },
                        "values": { "type": "array", "items": { "type": "string" } },
                    },
                },
            },
            "matchLabels": { "type": "object", "additionalProperties": { "type": "string" } },
        },
    })
}

/// Several of them.
pub(crate) fn label_selectors(generator: &mut SchemaGenerator) -> Schema {
    let one = label_selector(generator);
    json_schema!({ "type": "array", "items": one })
}

/// The system of a store: one member of those that we have, or of others, which are kept as they are.
pub(crate) fn provider(generator: &mut SchemaGenerator) -> Schema {
    let systems: Map<String, Value> = providers::stores().map(|kind| (kind.name().to_owned(), kind.schema(generator).to_value())).collect();
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": systems,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every place where a schema writes into an object, with what it writes.
    fn defaults(schema: &Value, path: &mut Vec<String>, found: &mut Vec<(String, String)>) {
        if let Some(default) = schema.get("default") {
            found.push((path.join("."), default.to_string()));
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            path.push(name.clone());
            defaults(field, path, found);
            path.pop();
        }
        for inner in ["items", "additionalProperties"] {
            schema.get(inner).into_iter().for_each(|inner| defaults(inner, path, found));
        }
    }

    fn written(kind: &str) -> Vec<(String, String)> {
        let all: Vec<Value> = crate::ALL.iter().map(|definition| serde_json::to_value(definition()).unwrap()).collect();
        let definition = all.iter().find(|definition| definition["spec"]["names"]["kind"] == kind).unwrap();
        let mut found = Vec::new();
        defaults(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"], &mut Vec::new(), &mut found);
        found.sort();
        found
    }

    #[test]
    fn the_schemas_write_into_an_object_what_external_secrets_writes_and_nothing_else() {
        for (kind, at) in [("ExternalSecret", "spec"), ("ClusterExternalSecret", "spec.externalSecretSpec")] {
            let mut expected: Vec<_> = DEFAULTS.iter().map(|(path, default)| (format!("{at}.{}", path.join(".")), (*default).to_owned())).collect();
            expected.sort();
            assert_eq!(written(kind), expected, "{kind}");
        }
        assert_eq!(written("SecretStore"), []);
        assert_eq!(written("ClusterSecretStore"), []);
    }

    #[test]
    fn an_older_version_is_listed_and_not_served_and_whatever_is_unknown_is_kept() {
        for definition in crate::ALL.iter().map(|definition| serde_json::to_value(definition()).unwrap()) {
            if definition["spec"]["group"] != "external-secrets.io" {
                continue;
            }
            let versions = definition["spec"]["versions"].as_array().unwrap();
            let names: Vec<_> = versions.iter().map(|version| (version["name"].as_str().unwrap(), version["served"] == true)).collect();
            assert_eq!(names, [("v1", true), ("v1beta1", false)]);
            let spec = &versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
            assert_eq!(spec["x-kubernetes-preserve-unknown-fields"], true);
        }
    }
}
