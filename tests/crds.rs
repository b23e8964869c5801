//! Our custom resource definitions on a real API server, beside upstream's.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crds::SealedSecret;
use kube::CustomResourceExt;
use serde_json::{Value, json};
use tests::cluster::{Api, Cluster, NEEDS};
use tests::manifests;
use tests::suite::{case, run};
use tests::upstream;

#[path = "crds/external.rs"]
mod external;

/// What an upgrade needs: a server, and upstream's sources.
const NEEDS_UPSTREAM: &[&str] = &["controller", "etcd", "kube-apiserver"];

/// What every object has, whatever its schema says: `what_every_object_has_needs_no_schema`.
const EVERY_OBJECT: [&str; 3] = ["apiVersion", "kind", "metadata"];

fn main() -> ExitCode {
    let mut cases = external::cases();
    cases.extend([
        case("committed_yaml_is_what_the_types_give", &[], committed_yaml_is_what_the_types_give),
        case("every_field_of_upstream_is_ours_and_no_narrower", &["controller"], every_field_of_upstream_is_ours_and_no_narrower),
        case("a_narrower_schema_is_noticed", &[], a_narrower_schema_is_noticed),
        case("what_every_object_has_needs_no_schema", NEEDS_UPSTREAM, what_every_object_has_needs_no_schema),
        case("generated_manifests_come_back_unpruned", NEEDS, generated_manifests_come_back_unpruned),
        case("objects_survive_the_upgrade_from_upstream", NEEDS_UPSTREAM, objects_survive_the_upgrade_from_upstream),
    ]);
    run(cases)
}

fn ours() -> Value {
    serde_json::to_value(SealedSecret::crd()).unwrap()
}

fn committed_yaml_is_what_the_types_give() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/crds");
    let mut expected: Vec<_> = crds::ALL.iter().map(|definition| definition()).map(|it| (it.metadata.name.clone().unwrap() + ".yaml", it)).collect();
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, expected.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    for (name, definition) in expected {
        let committed = fs::read_to_string(folder.join(&name)).unwrap();
        assert!(committed == crds::to_yaml(&definition).unwrap(), "{name} is stale: run `cargo run -p crds --bin crdgen deploy/crds`");
    }
}

fn every_field_of_upstream_is_ours_and_no_narrower() {
    let (theirs, ours) = (upstream::definition().unwrap(), ours());
    let version = |definition: &Value| definition["spec"]["versions"][0].clone();
    let schema = |definition: &Value| version(definition)["schema"]["openAPIV3Schema"].clone();
    let mut theirs_schema = schema(&theirs);
    for field in EVERY_OBJECT {
        theirs_schema["properties"].as_object_mut().unwrap().remove(field);
    }
    let mut narrower = Vec::new();
    compare("", &theirs_schema, &schema(&ours), &mut narrower);
    assert!(narrower.is_empty(), "{}", narrower.join("\n"));
    for field in ["name", "served", "storage", "subresources", "additionalPrinterColumns"] {
        assert_eq!(version(&ours)[field], version(&theirs)[field], "{field}");
    }
    for field in ["group", "scope"] {
        assert_eq!(ours["spec"][field], theirs["spec"][field], "{field}");
    }
}

/// Collects what upstream's schema allows and ours does not.
fn compare(path: &str, theirs: &Value, ours: &Value, narrower: &mut Vec<String>) {
    for name in theirs["properties"].as_object().into_iter().flatten().map(|(name, _)| name) {
        let path = format!("{path}.{name}");
        match &ours["properties"][name] {
            Value::Null => narrower.push(format!("{path} is absent")),
            field => compare(&path, &theirs["properties"][name], field, narrower),
        }
    }
    for inner in ["items", "additionalProperties"] {
        if !theirs[inner].is_null() {
            compare(&format!("{path}.{inner}"), &theirs[inner], &ours[inner], narrower);
        }
    }
    for freedom in ["nullable", "x-kubernetes-preserve-unknown-fields"] {
        if theirs[freedom] == true && ours[freedom] != true {
            narrower.push(format!("{path} is not {freedom}"));
        }
    }
    let required = |schema: &Value| schema["required"].as_array().cloned().unwrap_or_default();
    for name in required(ours).iter().filter(|name| !required(theirs).contains(name)) {
        narrower.push(format!("{path} requires {name}"));
    }
    // Whatever else a schema says is a restriction: type, format, enum, pattern, maxLength, a validation rule.
    let free =
        ["additionalProperties", "description", "items", "nullable", "properties", "required", "title", "x-kubernetes-preserve-unknown-fields"];
    if ours["type"].is_null() && !theirs["type"].is_null() {
        // The server would prune what it knows nothing of.
        narrower.push(format!("{path} has no type"));
    }
    for (name, value) in ours.as_object().into_iter().flatten() {
        if !free.contains(&name.as_str()) && theirs[name] != *value {
            narrower.push(format!("{path} restricts {name} to {value}"));
        }
    }
}

fn a_narrower_schema_is_noticed() {
    let wide = json!({"type": "object", "nullable": true, "properties": {"a": {"type": "array", "items": {"type": "string"}}}});
    let narrow = [
        ("", json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}), " is not nullable"),
        ("", json!({"type": "object", "nullable": true, "properties": {}}), ".a is absent"),
        ("", json!({"type": "object", "nullable": true, "required": ["a"], "properties": wide["properties"]}), " requires \"a\""),
        (".a", json!({"type": "array", "items": {"type": "string", "maxLength": 9}}), ".a.items restricts maxLength to 9"),
        (".a", json!({"type": "array"}), ".a.items has no type"),
    ];
    for (path, ours, expected) in narrow {
        let mut found = Vec::new();
        compare(path, if path.is_empty() { &wide } else { &wide["properties"]["a"] }, &ours, &mut found);
        assert_eq!(found, [expected]);
    }
}

fn generated_manifests_come_back_unpruned() {
    let cluster = Cluster::start().unwrap();
    cluster.install(&ours());
    let namespace = cluster.namespace("manifests");
    let (api, folder) = (cluster.api(), folder(&namespace));
    let sent: Vec<Value> = manifests::generate(0x5EA1, 1_000).collect();
    for manifest in &sent {
        api.create(&folder, manifest).unwrap_or_else(|refusal| panic!("{refusal}: {manifest}"));
        let status = api.merge(&format!("{folder}/{}/status", name(manifest)), &json!({"status": manifest["status"]}));
        status.unwrap_or_else(|refusal| panic!("{refusal}: {manifest}"));
    }
    for manifest in sent {
        let stored = api.read(&format!("{folder}/{}", name(&manifest))).unwrap();
        assert_eq!((&stored["spec"], &stored["status"]), (&manifest["spec"], &manifest["status"]));
        assert_eq!(stored["metadata"]["annotations"], manifest["metadata"]["annotations"]);
        let read: SealedSecret = serde_json::from_value(stored).unwrap();
        assert_eq!(json!(read.spec.encrypted_data), manifest["spec"]["encryptedData"]);
    }
}

/// Sends the same object under upstream's schema, which names these fields, and under ours, which does not.
fn what_every_object_has_needs_no_schema() {
    let metadata = json!({"name": "db", "labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["example.com/e"]});
    let stored = [upstream::definition().unwrap(), ours()].map(|definition| {
        let cluster = Cluster::start().unwrap();
        cluster.install(&definition);
        let namespace = cluster.namespace("objects");
        let send = |field: &str, value: Value| {
            let mut object =
                json!({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": metadata, "spec": {"encryptedData": {}}});
            object[field] = value;
            cluster.api().create(&folder(&namespace), &object)
        };
        // Nor does it take what none of them may be.
        for (field, value) in [("apiVersion", json!(1)), ("kind", json!(["SealedSecret"])), ("metadata", json!("db"))] {
            assert!(send(field, value).is_err(), "{field}");
        }
        let object = send("metadata", metadata.clone()).unwrap();
        let kept = ["name", "labels", "annotations", "finalizers"].map(|field| object["metadata"][field].clone());
        (object["apiVersion"].clone(), object["kind"].clone(), kept)
    });
    assert_eq!(stored[0], stored[1]);
    let sent = ["name", "labels", "annotations", "finalizers"].map(|field| metadata[field].clone());
    assert_eq!(stored[1], (json!("bitnami.com/v1alpha1"), json!("SealedSecret"), sent));
}

fn objects_survive_the_upgrade_from_upstream() {
    let cluster = Cluster::start().unwrap();
    cluster.install(&upstream::definition().unwrap());
    let namespace = cluster.namespace("upgrade");
    let (api, folder) = (cluster.api(), folder(&namespace));
    let (with_null, without): (Vec<_>, Vec<_>) = manifests::generate(0x0DD, 100).partition(has_null_in_template);
    assert!(with_null.len() > 5 && without.len() > 20);
    let create = |manifest: &Value| api.create(&folder, manifest).unwrap_or_else(|refusal| panic!("{refusal}: {manifest}"));
    let before: Vec<_> = without.iter().map(create).collect();
    let keeps_nulls = |api: &Api| {
        let tried = api.create(&format!("{folder}?dryRun=All"), &with_null[0]).unwrap();
        (tried["spec"] == with_null[0]["spec"]).then_some(())
    };
    assert!(keeps_nulls(&api).is_none(), "upstream's schema silently drops nulls");

    cluster.install(&ours());
    api.wait_for("our schema", keeps_nulls);
    for object in before {
        let path = format!("{folder}/{}", name(&object));
        assert_eq!(api.read(&path).unwrap(), object);
        // Whoever writes it back as it was is not refused, and changes nothing.
        assert_eq!(api.replace(&path, &object).unwrap(), object);
    }
    for manifest in &with_null {
        assert_eq!(create(manifest)["spec"], manifest["spec"]);
    }
}

fn has_null_in_template(manifest: &Value) -> bool {
    manifest["spec"]["template"]["data"].as_object().is_some_and(|items| items.values().any(Value::is_null))
}

fn folder(namespace: &str) -> String {
    format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets")
}

fn name(manifest: &Value) -> &str {
    manifest["metadata"]["name"].as_str().unwrap()
}
