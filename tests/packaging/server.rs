//! What a real API server says of what was rendered.

use std::sync::Once;

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::packaging::{FOREIGN, flags, objects, of, path, pod, render, rendered_from, take};
use tests::upstream;

use super::Outcome;

pub(crate) const NEEDS: &[&str] = &["etcd", "helm", "kube-apiserver"];

pub(crate) const NEEDS_UPSTREAM: &[&str] = &["controller", "etcd", "helm", "kube-apiserver"];

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

/// Upstream's chart is installed with its own values; ours is put over it with the same. A selector, for one, can never be changed.
pub(crate) fn upgraded(cluster: &Cluster) -> Outcome {
    let api = cluster.api();
    let namespace = cluster.namespace("upgraded");
    let mut values = upstream::chart_values()?;
    let image = values.as_object_mut().unwrap().remove("image").unwrap();
    values["pdb"]["create"] = json!(true);
    values["rbac"]["clusterRoleName"] = json!(namespace);
    values["fullnameOverride"] = json!(namespace);
    let chart = upstream::chart()?.display().to_string();
    let ours = render(&namespace, &values)?;
    values["image"] = image;
    let theirs = objects(&rendered_from(&chart, &namespace, &values)?.unwrap());
    take(&flags(&ours)).unwrap();
    let mut met = Vec::new();
    for object in theirs.iter().filter(|object| object["kind"] != "CustomResourceDefinition") {
        let place = path(object);
        api.apply(&place, object).unwrap_or_else(|refusal| panic!("{refusal}: {object}"));
        if let Some(other) = ours.iter().find(|other| path(other) == place) {
            api.try_out(&place, other).unwrap_or_else(|refusal| panic!("{refusal}: {other}"));
            met.push(object["kind"].as_str().unwrap());
        }
    }
    met.sort_unstable();
    met.dedup();
    assert_eq!(met, ["ClusterRole", "ClusterRoleBinding", "Deployment", "PodDisruptionBudget", "Role", "RoleBinding", "Service", "ServiceAccount"]);
    let selector = |objects: &[Value]| of(objects, "Deployment").next().unwrap()["spec"]["selector"].clone();
    assert_eq!(selector(&ours), selector(&theirs));
    Ok(())
}

/// Upstream's chart names everything after the release; ours does so if it is asked to, and kubeseal's default otherwise.
pub(crate) fn names() -> Outcome {
    let chart = upstream::chart()?.display().to_string();
    let names = |objects: &[Value]| {
        let kinds = ["Deployment", "Service", "ServiceAccount"];
        let names = kinds.iter().flat_map(|kind| of(objects, kind)).map(|object| object["metadata"]["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let theirs = names(&objects(&rendered_from(&chart, NAMESPACE, &json!({}))?.unwrap()));
    assert_eq!(theirs[0], "sealed-secrets");
    assert_eq!(names(&render(NAMESPACE, &json!({"fullnameOverride": ""}))?), theirs);
    assert_eq!(names(&render(NAMESPACE, &json!({}))?)[0], upstream::SERVICE);
    Ok(())
}
