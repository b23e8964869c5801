//! The same objects in two namespaces, one the operator's and one ours: what comes out is the same, byte for byte.

use std::collections::BTreeMap;
use std::fs;

use keys::SecretBytes;
use serde_json::{Value, json};
use tests::controller::Controller;
use tests::openssl::{ED25519, P256, chain, openssl, rsa_as_json};
use tests::operator::Operator;
use tests::suite::{Case, case};

use crate::stage::{Entry, Stage, table};

pub(crate) fn cases() -> Vec<Case> {
    vec![case(
        "the_operator_and_ours_make_the_same_of_the_same_objects",
        &["etcd", "external-secrets-operator", "kube-apiserver", "openssl"],
        same_of_the_same,
    )]
}

/// Keys and certificates, as stores hold them.
fn keys() -> BTreeMap<String, String> {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    chain(folder);
    fs::write(folder.join("text"), "hunter2").unwrap();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let base64 = |bytes: Vec<u8>| String::from_utf8(SecretBytes::new(bytes).to_base64().expose().to_vec()).unwrap();
    let packed =
        |password: &str| openssl(folder, &format!("pkcs12 -export -inkey leaf.key -in leaf.pem -certfile chain.pem -passout pass:{password}"));
    let oaep = "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256";
    [
        ("chain", read("chain.pem")),
        ("leaf", read("leaf.pem")),
        ("pkcs8", read("leaf.key")),
        ("mixed", format!("junk\n{}between\n{}", read("leaf.key"), read("leaf.pem"))),
        ("p12", base64(packed(""))),
        ("p12pass", base64(packed("secret"))),
        ("jwkec", P256.to_owned()),
        ("jwked", ED25519.to_owned()),
        ("jwkrsa", rsa_as_json(folder)),
        ("encrypted", base64(openssl(folder, &format!("pkeyutl -encrypt -inkey leaf.key -in text {oaep}")))),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// What is compared of a Secret: all but whose it is.
fn compared(secret: Option<&Value>) -> BTreeMap<String, Value> {
    let Some(secret) = secret else { return BTreeMap::new() };
    let metadata = &secret["metadata"];
    let mut parts: BTreeMap<String, Value> = ["type", "immutable"].iter().map(|field| ((*field).to_owned(), secret[*field].clone())).collect();
    for (part, map) in [("data", &secret["data"]), ("label", &metadata["labels"]), ("annotation", &metadata["annotations"])] {
        let entries = map.as_object().into_iter().flatten().filter(|(key, _)| !key.ends_with("/created-by"));
        parts.extend(entries.map(|(key, value)| (format!("{part} {key}"), value.clone())));
    }
    parts.insert("finalizers".to_owned(), metadata["finalizers"].clone());
    parts.insert("owners".to_owned(), json!(metadata["ownerReferences"].as_array().map_or(0, Vec::len)));
    parts
}

/// A value of a Secret, decoded, for people.
fn shown(part: &str, value: Option<&Value>) -> String {
    let Some(text) = value.and_then(Value::as_str).filter(|_| part.starts_with("data ")) else { return format!("{value:?}") };
    format!("{:?}", String::from_utf8_lossy(SecretBytes::from_base64(text).unwrap().expose()))
}

fn differences(entries: &[Entry], theirs: &BTreeMap<String, Value>, ours: &BTreeMap<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for Entry { name, .. } in entries {
        let (theirs, ours) = (compared(theirs.get(name)), compared(ours.get(name)));
        for part in theirs.keys().chain(ours.keys().filter(|part| !theirs.contains_key(*part))) {
            if theirs.get(part) != ours.get(part) {
                found.push(format!("{name}: {part}\n  theirs {}\n  ours   {}", shown(part, theirs.get(part)), shown(part, ours.get(part))));
            }
        }
    }
    found
}

fn same_of_the_same() {
    let stage = Stage::new();
    let (entries, keys) = (table("rendering.yaml"), keys());
    stage.furnish();
    for namespace in ["theirs", "ours"] {
        stage.tenant(namespace, &json!({}), &keys);
    }
    let theirs = Operator::start(&stage.cluster, &["--namespace=theirs"]).unwrap();
    let ours = Controller::start(&stage.cluster, "ours", &["--allow-provider-cidr=127.0.0.0/8"]);
    for namespace in ["theirs", "ours"] {
        stage.stores_are_ready(namespace);
        stage.make(namespace, &entries);
    }
    let found = differences(&entries, &stage.secrets("theirs"), &stage.secrets("ours"));
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
    for entry in entries.iter().filter(|entry| entry.ready == "False") {
        assert!(!stage.secrets("theirs").contains_key(&entry.name), "{} is made", entry.name);
    }
    drop((theirs, ours));
}
