//! What a real API server says of what was rendered.

use std::sync::Once;

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::packaging::{FOREIGN, path, pod, render};

use super::Outcome;

pub(crate) const NEEDS: &[&str] = &["etcd", "helm", "kube-apiserver"];

/// Namespace of the release.
const NAMESPACE: &str = "kube-system";

/// Makes the namespaces that values speak of.
fn prepare(api: &Api) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for name in ["team-a", "team-b"] {
            api.create("/api/v1/namespaces", &json!({"metadata": {"name": name}})).unwrap();
        }
        api.wait_for("the system's namespace", |api| api.read(&format!("/api/v1/namespaces/{NAMESPACE}")).ok());
    });
}

pub(crate) fn takes(cluster: &Cluster, values: &Value) -> Outcome {
    let api = cluster.api();
    prepare(&api);
    for object in render(NAMESPACE, values)? {
        if object["apiVersion"] == FOREIGN {
            shape(&object);
        } else {
            api.try_out(&path(&object), &object).unwrap_or_else(|refusal| panic!("{refusal}: {object}"));
        }
    }
    Ok(())
}

/// What Prometheus' operator asks of its objects.
///
/// *Source*: prometheus-operator `pkg/apis/monitoring/v1`.
fn shape(object: &Value) {
    let spec = &object["spec"];
    assert!(object["metadata"]["name"].is_string() && object["metadata"]["namespace"].is_string(), "{object}");
    match object["kind"].as_str().unwrap() {
        "ServiceMonitor" => {
            assert_eq!(spec["endpoints"][0]["port"], "metrics");
            assert_eq!(spec["selector"]["matchLabels"]["app.kubernetes.io/component"], "metrics");
            assert_eq!(spec["namespaceSelector"]["matchNames"], json!([NAMESPACE]));
        }
        "PrometheusRule" => {
            let rules: Vec<&Value> = spec["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
            assert!(!rules.is_empty() && rules.iter().all(|rule| rule["alert"].is_string() && rule["expr"].is_string()), "{object}");
        }
        other => panic!("what is the shape of {other}?"),
    }
}

pub(crate) fn restricted(cluster: &Cluster) -> Outcome {
    let api = cluster.api();
    let namespace = cluster.namespace("restricted");
    let enforce = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    api.merge(&format!("/api/v1/namespaces/{namespace}"), &enforce).unwrap();
    let good = pod(&render(NAMESPACE, &json!({}))?, &namespace);
    api.try_out(&path(&good), &good).unwrap();
    let loose = json!({"containerSecurityContext": {"allowPrivilegeEscalation": true}});
    let bad = pod(&render(NAMESPACE, &loose)?, &namespace);
    assert_eq!(api.try_out(&path(&bad), &bad).unwrap_err().code, 403, "the standard is enforced at all");
    Ok(())
}
