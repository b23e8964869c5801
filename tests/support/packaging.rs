//! The chart, as the real helm renders it, and what is made of it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::binary;
use crate::peers::{self, Missing};
use crate::process::{Ended, Home};

/// Name of the release that everything is rendered for.
const RELEASE: &str = "sealed-secrets";

/// Kinds that the server knows nothing of, since their definitions come with Prometheus' operator.
pub const FOREIGN: &str = "monitoring.coreos.com/v1";

/// A folder of the workspace.
#[must_use]
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// A YAML file of the workspace, of one document.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn yaml(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The objects of a YAML text.
///
/// # Panics
/// If it is no YAML.
#[must_use]
pub fn objects(text: &str) -> Vec<Value> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("no YAML ({error}):\n{text}"));
    objects.into_iter().filter(|object| !object.is_null()).collect()
}

/// What helm says when it is asked for something in the folder of charts.
///
/// # Errors
/// If helm is missing.
pub fn helm(arguments: &[&str]) -> Result<Ended, Missing> {
    Ok(Home::new().command(peers::get("helm")?).folder(folder("deploy/chart")).args(arguments).run())
}

/// Renders the chart for a namespace; the text, or what helm says no with.
///
/// # Errors
/// If helm is missing.
pub fn rendered(namespace: &str, values: &Value) -> Result<Result<String, String>, Missing> {
    rendered_from("sealer", namespace, values)
}

/// As [`rendered`], from another chart.
///
/// # Errors
/// If helm is missing.
pub fn rendered_from(chart: &str, namespace: &str, values: &Value) -> Result<Result<String, String>, Missing> {
    let home = Home::new();
    let values = home.write("values.yaml", values.to_string());
    let arguments = ["template", RELEASE, chart, "--include-crds", "--namespace", namespace, "--values", &values.display().to_string()];
    let ended = helm(&arguments)?;
    Ok(if ended.status == 0 { Ok(ended.text()) } else { Err(ended.error()) })
}

/// Renders the chart to objects.
///
/// # Errors
/// If helm is missing.
///
/// # Panics
/// If helm refuses the values.
pub fn render(namespace: &str, values: &Value) -> Result<Vec<Value>, Missing> {
    Ok(objects(&rendered(namespace, values)?.unwrap_or_else(|error| panic!("{error}\nwith {values}"))))
}

/// What kustomize builds of a folder.
///
/// # Errors
/// If kustomize is missing.
///
/// # Panics
/// If it fails.
pub fn kustomize(folder: &Path) -> Result<Vec<Value>, Missing> {
    let built = Home::new().command(peers::get("kustomize")?).arg("build").arg(folder).run();
    Ok(objects(&built.success()))
}

/// Where an object is, or would be, on the API server.
///
/// # Panics
/// If nobody has written down yet what its kind is called in paths.
#[must_use]
pub fn path(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let plural = match kind.as_str() {
        "Ingress" => "ingresses".to_owned(),
        "NetworkPolicy" => "networkpolicies".to_owned(),
        "ClusterRole"
        | "ClusterRoleBinding"
        | "ConfigMap"
        | "CustomResourceDefinition"
        | "Deployment"
        | "Pod"
        | "PodDisruptionBudget"
        | "Role"
        | "RoleBinding"
        | "Service"
        | "ServiceAccount" => format!("{}s", kind.to_lowercase()),
        other => panic!("what is {other} called in paths?"),
    };
    let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
    let namespace = object["metadata"]["namespace"].as_str().map(|name| format!("/namespaces/{name}")).unwrap_or_default();
    format!("{root}{namespace}/{plural}/{}", text(&object["metadata"]["name"]))
}

/// The only object of a kind.
///
/// # Panics
/// If there is none, or another one.
#[must_use]
pub fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<&Value> = of(objects, kind).collect();
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

/// The objects of a kind.
pub fn of<'a>(objects: &'a [Value], kind: &str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

/// The flags of the controller in rendered objects.
///
/// # Panics
/// If they hold no Deployment.
#[must_use]
pub fn flags(objects: &[Value]) -> Vec<String> {
    let container = &only(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    container["args"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Asks the real controller whether it takes flags; it prints its version and ends if it does.
///
/// # Errors
/// What it says no with.
pub fn take(flags: &[String]) -> Result<(), String> {
    let ended = Home::new().command(binary::controller()).args(flags).arg("--version=true").run();
    if ended.status == 0 { Ok(()) } else { Err(ended.error()) }
}

/// The Pod that a rendered Deployment would make, in a namespace.
///
/// # Panics
/// If there is no Deployment.
#[must_use]
pub fn pod(objects: &[Value], namespace: &str) -> Value {
    let template = &only(objects, "Deployment")["spec"]["template"];
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": namespace, "labels": template["metadata"]["labels"]}, "spec": template["spec"]})
}
