//! The kinds of external-secrets: our definitions over the real ones, and back.

use std::fs;

use serde_json::{Map, Value, json};
use tests::cluster::{Api, Cluster};
use tests::peers;
use tests::suite::{Case, case};

const NEEDS: &[&str] = &["etcd", "external-secrets", "kube-apiserver"];

const GROUP: &str = "external-secrets.io";

/// Kinds that we serve, by their names in paths; whether they have namespaces.
const KINDS: [(&str, &str, bool); 4] = [
    ("ClusterExternalSecret", "clusterexternalsecrets", false),
    ("ClusterSecretStore", "clustersecretstores", false),
    ("ExternalSecret", "externalsecrets", true),
    ("SecretStore", "secretstores", true),
];

/// What the last release that is a Go module defaults, and 2.9 does not any more: ours has the defaults of 2.9.
///
/// *Source*: external-secrets 2.9.0; GitOps tools showed each as a difference.
const DEFAULTED_NO_MORE: [&str; 5] = ["conversionStrategy", "decodingStrategy", "metadataPolicy", "generatorRef.apiVersion", "binding.name"];

/// How often a choice of the schema is taken in another way: as many as there are providers, and ways to sign in of each.
const VARIANTS: usize = 96;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("ours_over_those_of_external_secrets_and_back_changes_no_object", NEEDS, over_and_back),
        case("what_only_ours_keeps_is_there_again_after_theirs", NEEDS, back_and_over),
        case("ours_default_what_external_secrets_defaults_and_nothing_else", &["external-secrets"], same_defaults),
    ]
}

fn theirs(plural: &str) -> Value {
    let file = peers::get("external-secrets").unwrap().join(format!("config/crds/bases/{GROUP}_{plural}.yaml"));
    serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn ours(plural: &str) -> Value {
    let all = crds::ALL.iter().map(|definition| serde_json::to_value(definition()).unwrap());
    all.into_iter().find(|definition| definition["spec"]["names"]["plural"] == plural && definition["spec"]["group"] == GROUP).unwrap()
}

fn schema(definition: &Value) -> Value {
    let versions = definition["spec"]["versions"].as_array().unwrap();
    versions.iter().find(|version| version["name"] == "v1").unwrap()["schema"]["openAPIV3Schema"].clone()
}

/// Installs a definition in the place of another one, as `kubectl replace` does, and waits until it is the one that is served.
fn install(api: &Api, definition: &Value, marker: &str) {
    let name = definition["metadata"]["name"].as_str().unwrap();
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
    let mut definition = definition.clone();
    // Told apart by what the server shows of it.
    definition["spec"]["names"]["categories"] = json!([marker]);
    if let Ok(live) = api.read(&path) {
        definition["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        api.replace(&path, &definition).unwrap();
    } else {
        api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).unwrap();
    }
    let plural = &definition["spec"]["names"]["plural"];
    api.wait_for(&format!("{name} of {marker}"), |api| {
        let resources = api.read(&format!("/apis/{GROUP}/v1")).ok()?;
        let served = resources["resources"].as_array()?.iter().find(|resource| resource["name"] == *plural)?;
        (served["categories"] == json!([marker])).then_some(())
    });
    // The schema is served a moment later than the name: what is tried out shows which one it is.
}

/// An object with every field of a schema. Where it asks for one field of several, `pick` decides; texts are such as all patterns take.
fn whole(schema: &Value, pick: usize) -> Value {
    if let Some(values) = schema["enum"].as_array() {
        return values[pick % values.len()].clone();
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return if pick.is_multiple_of(2) { json!(7) } else { json!("7s") };
    }
    match schema["type"].as_str() {
        Some("object") => Value::Object(fields(schema, pick)),
        Some("array") => json!([whole(&schema["items"], pick), whole(&schema["items"], pick + 1)]),
        Some("boolean") => json!(pick.is_multiple_of(2)),
        Some("integer" | "number") => json!(7),
        Some("string") => match schema["format"].as_str() {
            Some("byte") => json!("YTE="),
            Some("date-time") => json!("2026-01-02T03:04:05Z"),
            _ => json!("a1"),
        },
        _ => json!({"anything": [1, null, "a1"]}),
    }
}

fn fields(schema: &Value, pick: usize) -> Map<String, Value> {
    let mut object = Map::new();
    if let Some(known) = schema["properties"].as_object() {
        let one = schema["maxProperties"] == 1 || schema["x-kubernetes-validations"].to_string().contains("Exactly one of");
        // The next choice below is taken from what is left.
        let (chosen, rest) = if one { (Some(pick % known.len()), pick / known.len()) } else { (None, pick) };
        for (at, (name, field)) in known.iter().enumerate() {
            if chosen.is_none_or(|chosen| chosen == at) {
                object.insert(name.clone(), whole(field, rest));
            }
        }
    } else if schema["additionalProperties"].is_object() {
        object.insert("a1".to_owned(), whole(&schema["additionalProperties"], pick));
    } else if schema["x-kubernetes-preserve-unknown-fields"] == true {
        object.insert("anything".to_owned(), json!({"deep": [1, "a1"]}));
    }
    object
}

fn folder(plural: &str, namespaced: bool) -> String {
    if namespaced { format!("/apis/{GROUP}/v1/namespaces/default/{plural}") } else { format!("/apis/{GROUP}/v1/{plural}") }
}

/// Objects of one kind, and what lies in the store of them.
type Shown = (Vec<Value>, Vec<(String, String)>);

/// Objects of all kinds, as the server has them: how it shows each, and what lies in its store.
fn state(cluster: &Cluster) -> Vec<Shown> {
    let of = |(_, plural, _): &(&str, &str, bool)| {
        let list = cluster.api().read(&format!("/apis/{GROUP}/v1/{plural}")).unwrap();
        (list["items"].as_array().unwrap().clone(), cluster.stored(&format!("{GROUP}/{plural}")))
    };
    KINDS.iter().map(of).collect()
}

/// Makes objects with all fields of their schemas.
fn populate(cluster: &Cluster) -> usize {
    let (api, mut count) = (cluster.api(), 0);
    for (kind, plural, namespaced) in KINDS {
        let schema = schema(&theirs(plural));
        for pick in 0..if plural.ends_with("stores") { VARIANTS } else { 12 } {
            let metadata = json!({"name": format!("whole-{pick}"), "labels": {"a": "b"}, "annotations": {"c": "d"}});
            let mut object = json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind, "metadata": metadata});
            object["spec"] = whole(&schema["properties"]["spec"], pick);
            let path = folder(plural, namespaced);
            let made = api.create(&path, &object).unwrap_or_else(|no| panic!("{no}: {object}"));
            assert_eq!(made["spec"], object["spec"], "nothing of it is cut out, and nothing is added");
            let status = json!({"status": whole(&schema["properties"]["status"], pick)});
            api.merge(&format!("{path}/whole-{pick}/status"), &status).unwrap_or_else(|no| panic!("{no}: {status}"));
            count += 1;
        }
    }
    count
}

fn over_and_back() {
    let cluster = Cluster::start().unwrap();
    let api = cluster.api();
    KINDS.iter().for_each(|(_, plural, _)| install(&api, &theirs(plural), "theirs"));
    let count = populate(&cluster);
    let before = state(&cluster);
    assert_eq!(before.iter().map(|(objects, _)| objects.len()).sum::<usize>(), count);
    assert_eq!(before.iter().map(|(_, stored)| stored.len()).sum::<usize>(), count);
    for (round, marker) in ["ours", "theirs-again", "ours-again"].into_iter().enumerate() {
        for (kind, plural, namespaced) in KINDS {
            install(&api, &if round == 1 { theirs(plural) } else { ours(plural) }, marker);
            wait_until_unknown_fields_are(&api, kind, &folder(plural, namespaced), round != 1);
        }
        let now = state(&cluster);
        for ((before, stored), (after, still)) in before.iter().zip(&now) {
            for (one, other) in before.iter().zip(after) {
                assert_eq!(one, other, "as {marker} shows it");
            }
            assert!(before.len() == after.len() && stored == still, "in the store, under {marker}");
        }
    }
    // Whoever reads an object and writes it back as it was changes nothing but its version, and that only if the server thinks that it has to.
    for (_, plural, namespaced) in KINDS {
        let path = format!("{}/whole-3", folder(plural, namespaced));
        let object = api.read(&path).unwrap();
        assert_eq!(api.replace(&path, &object).unwrap(), object);
    }
}

/// Waits until the server serves the schema that keeps unknown fields, or the one that cuts them out.
fn wait_until_unknown_fields_are(api: &Api, kind: &str, folder: &str, kept: bool) {
    let object = json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind, "metadata": {"name": "tried"}, "spec": whole_spec(kind)});
    api.wait_for(&format!("the schema of {kind}"), |api| {
        let tried = api.create(&format!("{folder}?dryRun=All"), &object).unwrap_or_else(|no| panic!("{no}: {object}"));
        (tried["spec"]["unknownField"].is_object() == kept).then_some(())
    });
}

/// A spec with a field that nobody knows.
fn whole_spec(kind: &str) -> Value {
    let (_, plural, _) = KINDS.iter().find(|(name, ..)| *name == kind).unwrap();
    let mut spec = whole(&schema(&theirs(plural))["properties"]["spec"], 0);
    spec["unknownField"] = json!({"deep": ["x"]});
    spec
}

/// A provider that nobody knows, and fields that nobody knows, are kept by ours; under theirs they are not shown, and they are there again.
fn back_and_over() {
    let cluster = Cluster::start().unwrap();
    let api = cluster.api();
    KINDS.iter().for_each(|(_, plural, _)| install(&api, &ours(plural), "ours"));
    for (kind, plural, namespaced) in KINDS {
        let mut spec = whole_spec(kind);
        if plural.ends_with("stores") {
            spec["provider"] =
                json!({"nobodyKnowsIt": {"url": "https://x", "auth": {"secretRef": {"name": "a", "key": "b", "more": [1, {"x": null}]}}}});
        }
        let object = json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind, "metadata": {"name": "odd"}, "spec": spec});
        let made = api.create(&folder(plural, namespaced), &object).unwrap_or_else(|no| panic!("{no}: {object}"));
        assert_eq!(made["spec"], object["spec"], "nothing of it is cut out, and nothing is added");
    }
    let before = state(&cluster);
    for (marker, ours_now) in [("theirs", false), ("ours-again", true)] {
        for (kind, plural, namespaced) in KINDS {
            install(&api, &if ours_now { ours(plural) } else { theirs(plural) }, marker);
            wait_until_unknown_fields_are(&api, kind, &folder(plural, namespaced), ours_now);
        }
        let now = state(&cluster);
        assert!(before.iter().zip(&now).all(|((_, stored), (_, still))| stored == still), "in the store, under {marker}");
        assert_eq!(before == now, ours_now, "as {marker} shows it");
    }
}

/// Defaults of a schema, by path.
fn defaults(path: &str, schema: &Value, found: &mut Vec<(String, Value)>) {
    if !schema["default"].is_null() {
        found.push((path.to_owned(), schema["default"].clone()));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        defaults(&format!("{path}.{name}"), field, found);
    }
    for inner in ["items", "additionalProperties"].map(|inner| &schema[inner]).into_iter().filter(|inner| !inner.is_null()) {
        defaults(path, inner, found);
    }
}

fn same_defaults() {
    for (_, plural, _) in KINDS.into_iter().filter(|(_, plural, _)| plural.ends_with("externalsecrets")) {
        let [mut theirs, ours] = [theirs(plural), ours(plural)].map(|definition| {
            let mut found = Vec::new();
            defaults("", &schema(&definition), &mut found);
            found.sort_by(|one, other| one.0.cmp(&other.0));
            found
        });
        theirs.retain(|(path, _)| !DEFAULTED_NO_MORE.iter().any(|gone| path.ends_with(gone)));
        let ours: Vec<_> = ours.into_iter().filter(|(path, _)| !DEFAULTED_NO_MORE.iter().any(|gone| path.ends_with(gone))).collect();
        assert_eq!(ours, theirs, "{plural}");
        assert!(ours.len() > 10);
    }
    // Of stores ours default nothing: each provider has its own defaults where it is used.
    for plural in ["clustersecretstores", "secretstores"] {
        let mut found = Vec::new();
        defaults("", &schema(&ours(plural)), &mut found);
        assert_eq!(found, []);
    }
}
