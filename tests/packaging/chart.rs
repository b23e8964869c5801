//! The chart, and what is made of it.

use std::collections::BTreeSet;
use std::env;
use std::fs;

use serde_json::{Value, json};
use tests::packaging::{flags, folder, helm, kustomize, objects, of, only, render, rendered, take, yaml};

use super::{HELM, Outcome, files};

/// Where plain manifests go unless somebody says otherwise: kubeseal looks there.
const NAMESPACE: &str = "kube-system";

/// What is made of the chart.
const MANIFESTS: &str = "deploy/manifests/controller.yaml";

/// The definition of SealedSecret, below a folder of definitions.
const DEFINITION: &str = "sealedsecrets.bitnami.com.yaml";

type Test = fn() -> Outcome;

pub(crate) const CASES: &[(&str, &[&str], Test)] = &[
    ("helm_finds_nothing_to_say_about_the_chart", HELM, lint),
    ("the_chart_bears_the_version_of_the_workspace", &[], version),
    ("the_chart_holds_the_definition_as_it_is_committed", &[], definition),
    ("plain_manifests_are_what_the_chart_gives", HELM, manifests),
    ("the_kustomize_base_is_the_plain_manifests", &["kustomize"], base),
    ("an_overlay_moves_everything_to_its_namespace", &["kustomize"], overlay),
    ("every_value_is_switched_by_a_file_and_changes_something", HELM, every_value),
    ("the_controller_takes_every_flag_that_is_rendered", HELM, every_flag),
    ("a_flag_that_the_controller_has_not_is_noticed", HELM, unknown_flag),
    ("false_reaches_the_controller", HELM, falsehoods),
    ("own_flags_come_last_and_replace_none_of_the_others", HELM, own_flags),
    ("what_upstream_has_and_we_have_not_is_refused", HELM, refused),
    ("one_replica_can_be_drained", HELM, drained),
    ("the_image_is_made_for_the_pod", &[], image),
];

fn lint() -> Outcome {
    let said = helm(&["lint", "--strict", "sealer"])?;
    assert_eq!(said.status, 0, "{}{}", said.text(), said.error());
    Ok(())
}

fn version() -> Outcome {
    let chart = yaml(&folder("deploy/chart/sealer/Chart.yaml"));
    for field in ["version", "appVersion"] {
        assert_eq!(chart[field], env!("CARGO_PKG_VERSION"), "{field}");
    }
    Ok(())
}

/// Compares a file with what it is made of, or writes it.
fn same(name: &str, text: &str) {
    let path = folder(name);
    if env::var_os("SEALER_UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "{name} is stale: run SEALER_UPDATE=1 cargo test -p tests --test packaging");
}

fn definition() -> Outcome {
    let text = fs::read_to_string(folder("deploy/crds").join(DEFINITION)).unwrap();
    same(&format!("deploy/chart/sealer/crds/{DEFINITION}"), &text);
    Ok(())
}

fn manifests() -> Outcome {
    let text = rendered(NAMESPACE, &json!({}))?.unwrap();
    let head = "# Made from deploy/chart/sealer with its default values; do not edit. CONTRIBUTING.md says how.\n";
    same(MANIFESTS, &format!("{head}{text}"));
    Ok(())
}

/// Objects by what they are, in whatever order they come.
fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    objects.sort_by_key(|object| format!("{} {} {}", object["kind"], object["metadata"]["namespace"], object["metadata"]["name"]));
    objects
}

fn base() -> Outcome {
    let plain = objects(&fs::read_to_string(folder(MANIFESTS)).unwrap());
    assert_eq!(sorted(kustomize(&folder("deploy/manifests"))?), sorted(plain));
    Ok(())
}

fn overlay() -> Outcome {
    let built = kustomize(&folder("tests/packaging/overlay"))?;
    for object in
        built.iter().filter(|object| !["ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"].contains(&object["kind"].as_str().unwrap()))
    {
        assert_eq!(object["metadata"]["namespace"], "sealing", "{object}");
    }
    for binding in of(&built, "RoleBinding").chain(of(&built, "ClusterRoleBinding")) {
        let accounts = binding["subjects"].as_array().unwrap().iter().filter(|subject| subject["kind"] == "ServiceAccount");
        assert!(accounts.into_iter().all(|account| account["namespace"] == "sealing"), "{binding}");
    }
    let spec = &only(&built, "Deployment")["spec"];
    assert_eq!(spec["replicas"], 3);
    assert_eq!(spec["template"]["spec"]["containers"][0]["image"], "registry.example.com/sealer-controller:9");
    assert_eq!(flags(&built).last().unwrap(), "--log-format=json");
    take(&flags(&built)).unwrap();
    Ok(())
}

/// The paths of everything in a values file that is no map with members.
fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value.as_object().filter(|map| !map.is_empty()) {
        None => drop(found.insert(path.to_owned())),
        Some(map) => map.iter().for_each(|(name, value)| leaves(value, &format!("{path}/{name}"), found)),
    }
}

fn every_value() -> Outcome {
    let mut known = BTreeSet::new();
    leaves(&yaml(&folder("deploy/chart/sealer/values.yaml")), "", &mut known);
    let mut idle = Vec::new();
    for (file, values) in files() {
        let whole = rendered(NAMESPACE, &values)?.unwrap();
        let switched: Vec<String> = known.iter().filter(|path| values.pointer(path).is_some()).cloned().collect();
        for path in switched {
            let (parent, name) = path.rsplit_once('/').unwrap();
            let mut without = values.clone();
            without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
            if rendered(NAMESPACE, &without)?.is_ok_and(|text| text == whole) {
                idle.push(format!("{path} in {file}"));
            }
            known.remove(&path);
        }
    }
    assert!(idle.is_empty(), "these change nothing: {idle:?}");
    assert!(known.is_empty(), "no file switches these: {known:?}");
    Ok(())
}

fn every_flag() -> Outcome {
    for (file, values) in files() {
        let objects = render(NAMESPACE, &values)?;
        if of(&objects, "Deployment").next().is_some() {
            take(&flags(&objects)).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
    }
    Ok(())
}

fn unknown_flag() -> Outcome {
    let objects = render(NAMESPACE, &json!({"args": ["--no-such-flag"]}))?;
    assert!(take(&flags(&objects)).unwrap_err().contains("--no-such-flag"));
    let objects = render(NAMESPACE, &json!({"keySize": 1024}))?;
    assert!(take(&flags(&objects)).unwrap_err().contains("key-size"));
    Ok(())
}

fn falsehoods() -> Outcome {
    for (value, flag) in [
        ("acceptDeprecatedV1Data", "--accept-deprecated-v1-data=false"),
        ("allNamespaces", "--all-namespaces=false"),
        ("logInfoStdout", "--log-info-stdout=false"),
        ("updateStatus", "--update-status=false"),
    ] {
        assert!(flags(&render(NAMESPACE, &json!({value: false}))?).iter().any(|found| found == flag), "{value}");
    }
    Ok(())
}

fn own_flags() -> Outcome {
    let before = flags(&render(NAMESPACE, &json!({}))?);
    let after = flags(&render(NAMESPACE, &json!({"args": ["--key-prefix=mine", "--update-status=false"]}))?);
    assert_eq!(after[..before.len()], before);
    assert_eq!(after[before.len()..], ["--key-prefix=mine", "--update-status=false"]);
    Ok(())
}

fn refused() -> Outcome {
    let refused = [
        ("image.repository", json!({"image": {"repository": "bitnami/sealed-secrets-controller"}})),
        ("ingress.secrets", json!({"ingress": {"secrets": [{"name": "a"}]}})),
        ("ingress.selfSigned", json!({"ingress": {"selfSigned": true}})),
        ("rbac.pspEnabled", json!({"rbac": {"pspEnabled": true}})),
    ];
    for (name, values) in refused {
        let said = rendered(NAMESPACE, &values)?.unwrap_err();
        assert!(said.contains(&format!("{name}: ")), "{said}");
    }
    Ok(())
}

fn drained() -> Outcome {
    let budget = only(&render(NAMESPACE, &json!({"replicas": 1}))?, "PodDisruptionBudget")["spec"].clone();
    assert_eq!((&budget["maxUnavailable"], &budget["minAvailable"]), (&json!(1), &Value::Null));
    Ok(())
}

fn image() -> Outcome {
    let values = yaml(&folder("deploy/chart/sealer/values.yaml"));
    let context = &values["containerSecurityContext"];
    let recipe = fs::read_to_string(folder("deploy/Containerfile")).unwrap();
    for line in [
        format!("USER {}:{}", context["runAsUser"], context["runAsGroup"]),
        format!("EXPOSE {} {}", values["containerPorts"]["http"], values["containerPorts"]["metrics"]),
        "ENTRYPOINT [\"/sealer-controller\"]".to_owned(),
    ] {
        assert!(recipe.lines().any(|found| found == line), "{line}");
    }
    Ok(())
}
