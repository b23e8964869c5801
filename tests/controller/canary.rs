//! A value that must never be seen: through every error path, and nowhere to be found.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, seal_secret, secrets, sources};

use super::Test;

pub(crate) const CASES: &[(&str, Test)] = &[("no_value_is_found_in_logs_events_status_metrics_or_answers", nowhere)];

/// The value, and what it looks like in base64 wherever it begins.
const CANARY: &str = "canary-8bd1c6f0e7";
const ENCODED: [&str; 3] = ["Y2FuYXJ5LThiZDFjNmYwZT", "NhbmFyeS04YmQxYzZmMGU3", "jYW5hcnktOGJkMWM2ZjBlN"];

fn plain(namespace: &str, name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let metadata = json!({"name": name, "namespace": namespace});
    let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"x": CANARY, "n": format!("{CANARY}1")}});
    change(&mut secret);
    secret
}

fn post(controller: &Controller, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", controller.port())).unwrap();
    let length = body.len();
    stream.write_all(format!("POST {path} HTTP/1.0\r\nContent-Length: {length}\r\nX-Forwarded-For: {CANARY}x\r\n\r\n{body}").as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Templates that fail, each in its own way, over the value.
const TEMPLATES: [&str; 12] = [
    "{{ fail .x }}",
    "{{ .x | atoi | div 1 0 }}",
    "{{ index .x 99 }}",
    "{{ b64dec .x }}{{ fail (b64enc .x) }}",
    "{{ fromJson .x | toString }}{{ mustFromJson .x }}",
    "{{ regexFind (printf \"(%s\" .x) .x }}{{ mustRegexFind (printf \"(%s\" .x) .x }}",
    "{{ template \"none\" .x }}",
    "{{ .x.y.z }}",
    "{{ call .x }}",
    "{{ repeat 999999999 .x }}",
    "{{ if .x }}unclosed",
    "{{ genSignedCert .x nil nil 1 .x }}{{ semver .x }}{{ toDate \"2006\" .x | fail }}",
];

/// Makes one object for every way to fail, and says how many.
fn fail_everywhere(controller: &Controller, api: &Api, namespace: &str) -> usize {
    let certificate = controller.certificate();
    let mut count = 0;
    let mut make = |change: &dyn Fn(&mut Value), after: &dyn Fn(&mut Value)| {
        count += 1;
        let mut object = seal_secret(&certificate, &plain(namespace, &format!("bad-{count}"), change));
        after(&mut object);
        api.create(&sources(namespace), &object).unwrap();
    };
    for template in TEMPLATES {
        make(&|_| (), &|object| object["spec"]["template"]["data"] = json!({"t": template}));
    }
    // What the server refuses: types that ask for other data, labels, keys, too much of it.
    for type_ in ["kubernetes.io/tls", "kubernetes.io/dockerconfigjson", "kubernetes.io/ssh-auth", "kubernetes.io/service-account-token"] {
        make(&|secret| secret["type"] = json!(type_), &|_| ());
    }
    make(&|secret| secret["type"] = json!("kubernetes.io/dockerconfigjson"), &|object| {
        object["spec"]["template"]["data"] = json!({".dockerconfigjson": "{{ .x }}"});
    });
    make(&|_| (), &|object| object["spec"]["template"]["metadata"]["labels"] = json!({"a b": "c"}));
    make(&|_| (), &|object| object["spec"]["encryptedData"]["a/b"] = object["spec"]["encryptedData"]["x"].clone());
    make(&|_| (), &|object| object["spec"]["template"]["data"] = json!({"t": "{{ repeat 70000 .x }}"}));
    // What does not open, or is no item at all: somebody put the value itself there.
    make(&|_| (), &|object| object["spec"]["encryptedData"]["x"] = json!(CANARY));
    make(&|_| (), &|object| object["spec"]["encryptedData"]["x"] = json!(ENCODED[0]));
    make(&|_| (), &|object| object["spec"]["data"] = json!(format!("{}c=", ENCODED[0])));
    make(&|_| (), &|object| object["metadata"]["annotations"] = json!({"sealedsecrets.bitnami.com/cluster-wide": "true"}));
    // What is somebody else's, or cannot be changed, or is a key.
    for (at, theirs) in [json!({}), json!({"immutable": true}), json!({"type": "example.com/other"})].into_iter().enumerate() {
        let name = format!("taken-{at}");
        let managed = json!({"sealedsecrets.bitnami.com/managed": "true"});
        let mut secret = plain(namespace, &name, |secret| secret["metadata"]["annotations"] = if at == 0 { json!({}) } else { managed });
        secret.as_object_mut().unwrap().extend(theirs.as_object().unwrap().clone());
        api.create(&secrets(namespace), &secret).unwrap();
        let object = seal_secret(
            &certificate,
            &plain(namespace, &name, |secret| {
                secret["type"] = json!("Opaque");
                secret["stringData"]["x"] = json!(format!("{CANARY}2"));
            }),
        );
        api.create(&sources(namespace), &object).unwrap();
        count += 1;
    }
    count
}

fn nowhere(cluster: &Cluster) {
    let (namespace, api) = (cluster.namespace("canary"), cluster.api());
    let broken = plain(&namespace, "broken", |secret| {
        secret["metadata"]["labels"] = json!({"sealedsecrets.bitnami.com/sealed-secrets-key": "active"});
        secret["stringData"] =
            json!({"tls.key": format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", ENCODED[0]), "tls.crt": CANARY});
    });
    api.create(&secrets(&namespace), &broken).unwrap();
    let controller = Controller::start(cluster, &namespace, &["--log-level=TRACE", "--rate-limit=1000", "--rate-limit-burst=1000"]);
    let count = fail_everywhere(&controller, &api, &namespace);
    let judged = api.wait_for("every verdict", |api| {
        let list = api.read(&sources(&namespace)).ok()?;
        let objects = list["items"].as_array()?.clone();
        objects.iter().all(|object| !object["status"]["conditions"].is_null()).then_some(objects)
    });
    let failed = judged.iter().filter(|object| object["status"]["conditions"][0]["status"] == "False").count();
    // Some of the ways are forgiven: a type that the server lets be, an error that a function swallows.
    assert!(judged.len() == count && failed + 4 >= count, "{failed} of {count}");

    let mut seen = vec![("log", controller.log()), ("metrics", controller.metrics())];
    seen.push(("events", api.text(&format!("/api/v1/namespaces/{namespace}/events")).unwrap()));
    seen.extend(judged.iter().map(|object| ("status", object["status"].to_string())));
    let bodies = [CANARY.to_owned(), format!("{{\"{CANARY}\""), format!("kind: SealedSecret\napiVersion: bitnami.com/v1alpha1\nspec: {CANARY}")];
    for body in bodies.into_iter().chain(judged.iter().map(Value::to_string)) {
        seen.push(("verdict", post(&controller, "/v1/verify", &body)));
        // A rotated object holds what its author wrote in the clear; of the values it holds ciphertexts.
        if !body.contains(CANARY) && !ENCODED.iter().any(|encoded| body.contains(encoded)) {
            seen.push(("rotation", post(&controller, "/v1/rotate", &body)));
        }
    }
    seen.push(("log", controller.log()));
    for (place, text) in &seen {
        for word in [CANARY].iter().chain(&ENCODED) {
            assert!(!text.contains(word), "the value is in the {place}: {}", text.lines().find(|line| line.contains(word)).unwrap_or_default());
        }
    }
    assert!(seen.iter().any(|(place, text)| *place == "log" && text.contains("cannot make the Secret")));
}
