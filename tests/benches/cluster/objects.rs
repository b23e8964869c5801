//! Objects in a cluster, many of them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use engine::key_secret::{self, KeyRequest};
use jiff::{SignedDuration, Timestamp};
use keys::KeyBits;
use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{seal, secrets, sources};

/// Namespace of the objects.
pub(crate) const NAMESPACE: &str = "shop";

/// Clients that make objects at a time.
const CLIENTS: usize = 16;

/// SealedSecrets that were made.
pub(crate) struct Objects {
    /// As the server told them.
    pub(crate) all: Vec<Value>,
}

impl Objects {
    /// Makes so many, of three items each.
    pub(crate) fn make(cluster: &Cluster, certificate: &str, count: usize) -> Self {
        namespace(&cluster.api());
        let make = |api: &Api, at: usize| {
            let object = seal(certificate, NAMESPACE, &format!("object-{at:05}"), &[("a", "dummy"), ("b", "dummy"), ("c", "dummy")]);
            api.create(&sources(NAMESPACE), &object).expect("an object")
        };
        Self { all: in_parallel(cluster, count, make) }
    }
}

/// Makes Secrets of nobody in particular, of 8 KB each.
pub(crate) fn make_strangers(cluster: &Cluster, count: usize) {
    namespace(&cluster.api());
    let value = "eHh4".repeat(2048);
    in_parallel(cluster, count, |api, at| {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("stranger-{at:06}")}, "data": {"x": value}});
        api.create(&secrets(NAMESPACE), &secret).map(|_| Value::Null).expect("a Secret")
    });
}

pub(crate) fn in_parallel(cluster: &Cluster, count: usize, make: impl Fn(&Api, usize) -> Value + Sync) -> Vec<Value> {
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(count)));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let api = cluster.api();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    let made = make(&api, at);
                    all.lock().expect("nobody panicked").push(made);
                }
            });
        }
    });
    all.into_inner().expect("nobody panicked")
}

pub(crate) fn namespace(api: &Api) {
    if api.read(&format!("/api/v1/namespaces/{NAMESPACE}")).is_err() {
        api.create("/api/v1/namespaces", &json!({"metadata": {"name": NAMESPACE}})).expect("a namespace");
    }
}

/// Makes a key of today, and gives its certificate.
pub(crate) fn install_key(api: &Api) -> String {
    install(api, KeyBits::Rsa4096, Timestamp::now())
}

/// Makes many keys, one an hour, and gives their certificates, newest first.
pub(crate) fn install_ring(api: &Api, count: usize) -> Vec<String> {
    namespace(api);
    let since = |hours: usize| Timestamp::now() - SignedDuration::from_hours(i64::try_from(hours).expect("hours"));
    (0..count).map(|at| install(api, KeyBits::Rsa4096, since(at + 1))).collect()
}

fn install(api: &Api, bits: KeyBits, since: Timestamp) -> String {
    let request = KeyRequest { bits, validity: SignedDuration::from_hours(87_600), common_name: "", prefix: key_secret::DEFAULT_PREFIX };
    let secret = key_secret::make(&request, since).expect("a key");
    let text = engine::manifest::write_secret(&secret, engine::manifest::Format::Json).expect("JSON");
    let object = serde_json::from_slice(text.expose()).expect("JSON");
    api.create(&secrets(tests::upstream::NAMESPACE), &object).expect("a key Secret");
    String::from_utf8(secret.data["tls.crt"].expose().to_vec()).expect("PEM")
}

/// An object whose three items are under keys of a ring.
pub(crate) fn under_keys(certificates: &[String], name: &str, picks: [usize; 3], hint: bool) -> Value {
    let items = ["a", "b", "c"];
    let mut object = seal(&certificates[picks[0]], NAMESPACE, name, &items.map(|item| (item, "dummy")));
    for (item, pick) in items.iter().zip(picks).skip(1) {
        let other = seal(&certificates[pick], NAMESPACE, name, &[(item, "dummy")]);
        object["spec"]["encryptedData"][item] = other["spec"]["encryptedData"][item].clone();
    }
    if !hint {
        object["metadata"]["annotations"] = Value::Null;
    }
    object
}
