//! What the work costs at the least: the private operations alone, and the writes alone beside them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use keys::{Certificate, CertificateRequest, KeyBits, Scope, Sealed, SecretBytes, UnsealingKey};
use serde_json::{Value, json};
use tests::cluster::Cluster;

use super::objects::Objects;

/// Writes that are under way at a time, as in our controller.
const IN_FLIGHT: usize = 32;

/// What private operations cost.
pub(crate) struct Least {
    /// Processor time of all cores, in seconds.
    pub(crate) cpu: f64,
}

/// Does so many private operations on all cores, by our own library and nothing else.
pub(crate) fn operations(count: usize) -> Least {
    let key = UnsealingKey::make(KeyBits::Rsa4096).expect("a key");
    let label = Scope::Strict.label("a", "b");
    let now = Timestamp::now();
    let request = CertificateRequest { common_name: "", not_before: now, not_after: now + SignedDuration::from_hours(1) };
    let certificate = Certificate::make(&key, &request).expect("a certificate");
    let item = Sealed::seal(certificate.key(), &label, &SecretBytes::new(b"dummy".to_vec())).expect("an item");
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let work = || {
            while next.fetch_add(1, Ordering::Relaxed) < count {
                drop(item.open(&key, &label).expect("it opens"));
            }
            cpu()
        };
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(work)).collect();
        Least { cpu: threads.into_iter().map(|thread| thread.join().expect("a thread ends")).sum() }
    })
}

/// Makes the writes of a controller, a Secret, a status and an event for each object, while the private operations are done beside them. Tells how long
/// both take, and what the operations cost where they are interrupted all the time by the server that they share the cores with.
pub(crate) fn null_client(cluster: &Cluster, objects: &Objects, operations: usize) -> (Duration, Least) {
    let (start, next, stop) = (Instant::now(), AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let rsa = scope.spawn(|| self::operations(operations));
        let writers: Vec<_> = (0..IN_FLIGHT)
            .map(|_| {
                scope.spawn(|| {
                    let api = cluster.api();
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(object) = objects.all.get(at).filter(|_| !stop.load(Ordering::Relaxed)) else { return };
                        write(&api, object);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("a writer ends");
        }
        let least = rsa.join().expect("the operations end");
        (start.elapsed(), least)
    })
}

fn write(api: &tests::cluster::Api, object: &Value) {
    let (namespace, name) = (object["metadata"]["namespace"].as_str().unwrap_or_default(), object["metadata"]["name"].as_str().unwrap_or_default());
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"a": "ZHVtbXk=", "b": "ZHVtbXk=", "c": "ZHVtbXk="}});
    api.create(&tests::controller::secrets(namespace), &secret).expect("a Secret");
    let mut status = object.clone();
    let condition = json!({"type": "Synced", "status": "True", "reason": "Unsealed", "lastUpdateTime": "2026-01-01T00:00:00Z"});
    status["status"] = json!({"observedGeneration": 1, "conditions": [condition]});
    api.replace(&format!("{}/{name}/status", tests::controller::sources(namespace)), &status).expect("a status");
    let involved =
        json!({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "namespace": namespace, "name": name, "uid": object["metadata"]["uid"]});
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"generateName": format!("{name}."), "namespace": namespace}, "involvedObject": involved,
        "type": "Normal", "reason": "Unsealed", "message": "SealedSecret unsealed successfully", "source": {"component": "sealed-secrets"},
    });
    api.create(&format!("/api/v1/namespaces/{namespace}/events"), &event).expect("an event");
}

/// Processor time of this thread so far, in seconds.
///
/// *Source*: proc(5): `stat` counts it in hundredths of a second, fields 14 and 15; the second field ends with the last parenthesis.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
