//! What a Secret is made of besides the values.

use serde_json::json;
use tests::cluster::Cluster;
use tests::controller::Controller;

use super::{Test, World, asks};

pub(crate) const CASES: &[(&str, Test)] = &[
    ("values_labels_and_annotations_are_rendered", rendered),
    ("without_a_template_labels_of_the_object_are_inherited_but_not_those_of_tools", inherited),
    ("a_template_in_a_config_map_is_followed", followed),
    ("a_template_that_was_there_first_and_one_that_changed_while_nobody_looked_are_followed", followed_from_before),
    ("a_template_that_fails_names_its_key_and_no_value", failing),
    ("raw_values_stand_beside_rendered_ones_if_that_is_asked_for", merged),
];

fn world(cluster: &Cluster, purpose: &str) -> World {
    let world = World::new(cluster, purpose, &[]);
    world.store("vault", &[("user", "admin"), ("password", "hunter2")]);
    world
}

fn both(template: serde_json::Value) -> serde_json::Value {
    asks(&[("user", "user"), ("password", "password")], &json!({"target": { "template": template }}))
}

fn rendered(cluster: &Cluster) {
    let world = world(cluster, "rendered");
    let template = json!({
        "type": "kubernetes.io/basic-auth",
        "metadata": {"labels": {"who": "{{ .user }}"}, "annotations": {"note": "for {{ .user | upper }}"}},
        "data": {"username": "{{ .user }}", "password": "{{ .password }}", "url": "https://{{ .user }}:{{ .password }}@db"},
        "templateFrom": [{"literal": "from: '{{ .user }}'\nport: 5432\n"}, {"literal": "team: '{{ .user }}-team'", "target": "Labels"}],
    });
    world.create("app", &both(template));
    let user = [("from", "admin"), ("password", "hunter2"), ("port", "5432"), ("url", "https://admin:hunter2@db"), ("username", "admin")];
    world.wait_data("app", &user);
    let secret = world.secret("app");
    assert_eq!(secret["type"], "kubernetes.io/basic-auth");
    assert_eq!((&secret["metadata"]["labels"]["who"], &secret["metadata"]["labels"]["team"]), (&json!("admin"), &json!("admin-team")));
    assert_eq!(secret["metadata"]["annotations"]["note"], "for ADMIN");
}

fn inherited(cluster: &Cluster) {
    let world = world(cluster, "inherited");
    let object = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": {"name": "app", "labels": {"team": "x", "argocd.argoproj.io/instance": "root"}, "annotations": {
            "note": "y", "argocd.argoproj.io/tracking-id": "root:z", "kubectl.kubernetes.io/last-applied-configuration": "{}",
        }},
        "spec": asks(&[("user", "user")], &json!({})),
    });
    world.api.create(&world.path("externalsecrets"), &object).unwrap();
    world.wait_data("app", &[("user", "admin")]);
    let metadata = world.secret("app")["metadata"].clone();
    let keys = |field: &str| metadata[field].as_object().unwrap().keys().filter(|key| !key.starts_with("reconcile.")).cloned().collect::<Vec<_>>();
    assert_eq!((keys("labels"), keys("annotations")), (vec!["team".to_owned()], vec!["note".to_owned()]));
    world.edit("app", &json!({"metadata": {"labels": {"team": null, "other": "z"}}}));
    world.api.wait_for("labels to follow", |_| {
        let labels = world.secret("app")["metadata"]["labels"].clone();
        (labels["team"].is_null() && labels["other"] == "z").then_some(())
    });
}

fn followed(cluster: &Cluster) {
    let world = world(cluster, "followed");
    let template = json!({"templateFrom": [{"configMap": {"name": "form", "items": [{"key": "file"}]}}]});
    world.create("app", &both(template));
    world.wait("app", "SecretSyncedError");
    assert!(world.message("app").contains(r#"read key "file" of ConfigMap form: there is none"#), "{}", world.message("app"));
    let maps = format!("/api/v1/namespaces/{}/configmaps", world.namespace);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "form"}, "data": {"file": "u={{ .user }}"}});
    world.api.create(&maps, &map).unwrap();
    world.wait_data("app", &[("file", "u=admin")]);
    world.wait("app", "SecretSynced");
    world.api.merge(&format!("{maps}/form"), &json!({"data": {"file": "p={{ .password }}"}})).unwrap();
    world.wait_data("app", &[("file", "p=hunter2")]);
}

fn followed_from_before(cluster: &Cluster) {
    let world = world(cluster, "before");
    let path = |plural: &str| format!("/api/v1/namespaces/{}/{plural}", world.namespace);
    let form = |kind: &str, field: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "form"}, field: {"file": "u={{ .user }}"}});
    world.api.create(&path("configmaps"), &form("ConfigMap", "data")).unwrap();
    world.api.create(&path("secrets"), &form("Secret", "stringData")).unwrap();
    let places = [("of-map", "configMap", "configmaps", "data"), ("of-secret", "secret", "secrets", "stringData")];
    for (name, kind, ..) in places {
        let mut spec = both(json!({"templateFrom": [{ kind: {"name": "form", "items": [{"key": "file"}]}}]}));
        spec["refreshInterval"] = json!("24h");
        world.create(name, &spec);
        world.wait_data(name, &[("file", "u=admin")]);
    }
    let edit = |api: &tests::cluster::Api, text: &str| {
        for (_, _, plural, field) in places {
            api.merge(&format!("{}/form", path(plural)), &json!({ field: {"file": text} })).unwrap();
        }
    };
    edit(&world.api, "p={{ .password }}");
    places.iter().for_each(|(name, ..)| world.wait_data(name, &[("file", "p=hunter2")]));
    for (name, ..) in places {
        world.api.wait_for("the status to tell of it", |_| {
            (world.object(name)["status"]["produced"]["resourceVersion"] == world.secret(name)["metadata"]["resourceVersion"]).then_some(())
        });
    }
    world.controller.signal("KILL");
    edit(&world.api, "b={{ .user }}");
    let again = World { controller: Controller::start(cluster, &world.namespace, &[]), api: cluster.api(), namespace: world.namespace.clone() };
    places.iter().for_each(|(name, ..)| again.wait_data(name, &[("file", "b=admin")]));
}

fn failing(cluster: &Cluster) {
    let world = world(cluster, "failing");
    world.create("app", &both(json!({"data": {"broken": "{{ .password | atoi | fail }}"}})));
    // The store may not be ready at once.
    let message = world.api.wait_for("the template to fail", |_| Some(world.message("app")).filter(|message| message.contains("template")));
    assert!(message.contains("could not apply template") && message.contains("spec.target.template.data.broken"), "{message}");
    assert!(!message.contains("hunter2") && !world.controller.log().contains("hunter2"), "{message}");
    world.create("missing", &both(json!({"data": {"x": "{{ .nobody }}"}})));
    world.wait("missing", "SecretSyncedError");
    assert_eq!(world.data("missing"), None);
}

fn merged(cluster: &Cluster) {
    let world = world(cluster, "merged");
    world.create("app", &both(json!({"mergePolicy": "Merge", "data": {"both": "{{ .user }}:{{ .password }}"}})));
    world.wait_data("app", &[("both", "admin:hunter2"), ("password", "hunter2"), ("user", "admin")]);
}
