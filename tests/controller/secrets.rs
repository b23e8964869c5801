//! What becomes of Secrets.

use serde_json::json;
use tests::cluster::Cluster;
use tests::controller::{Controller, condition, data, seal, secrets, sources, wait_synced};

use super::Test;

pub(crate) const CASES: &[(&str, Test)] = &[("a_sealed_object_becomes_a_secret_and_says_so", becomes_a_secret)];

fn becomes_a_secret(cluster: &Cluster) {
    let namespace = cluster.namespace("new");
    let controller = Controller::start(cluster, &namespace, &[]);
    let api = cluster.api();
    api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, "db", &[("user", "shop"), ("password", "dummy")])).unwrap();
    let object = wait_synced(&api, &namespace, "db", true);
    assert_eq!(data(&api, &namespace, "db").unwrap()["password"], "dummy");
    let secret = api.read(&format!("{}/db", secrets(&namespace))).unwrap();
    let owner = json!([{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": object["metadata"]["uid"], "controller": true}]);
    assert_eq!(secret["metadata"]["ownerReferences"], owner);
    assert_eq!(secret["type"], "Opaque");
    assert_eq!(condition(&object, "Synced")["message"], json!(null));
    assert_eq!(object["status"]["produced"]["uid"], secret["metadata"]["uid"]);
    assert_eq!(object["status"]["produced"]["resourceVersion"], secret["metadata"]["resourceVersion"]);
}
