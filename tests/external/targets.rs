//! Objects of other kinds than Secrets.

use std::sync::Once;

use engine::external::marks::{CREATED_BY, DATA_HASH, FINALIZER, MANAGED};
use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::controller::{Controller, condition};

use super::{Test, World, asks};

pub(crate) const CASES: &[(&str, Test)] = &[
    ("other_kinds_than_secrets_are_made_only_if_that_is_allowed", allowed),
    ("a_custom_resource_is_filled_by_paths", custom),
    ("an_object_that_was_edited_deleted_or_stripped_of_its_label_is_healed", healed),
    ("a_strangers_object_is_neither_replaced_nor_deleted", foreign),
    ("kinds_that_give_power_are_refused_whatever_the_controller_may_do", reserved),
    ("an_object_is_added_to_and_keeps_what_others_wrote", merged),
    ("an_object_whose_values_are_gone_is_handled_as_the_policy_says", gone),
    ("what_the_server_says_of_an_object_is_not_repeated", unquoted),
    ("what_an_object_was_before_its_target_changed_goes", moved),
    ("a_restart_over_unchanged_objects_reads_and_writes_nothing", restarted),
    ("templates_stand_between_the_delimiters_that_were_asked_for", delimiters),
];

const FLAG: &str = "--unsafe-allow-generic-targets";

fn world(cluster: &Cluster, purpose: &str) -> World {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let size = json!({"type": "integer", "default": 3, "maximum": 5});
        let spec = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": { "size": size, "mode": {"type": "string", "enum": ["on", "off"]} }});
        cluster.install(&definition("App", "Namespaced", &spec));
        cluster.install(&definition("Realm", "Cluster", &json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})));
    });
    let world = World::new(cluster, purpose, &[FLAG]);
    world.store("vault", &[("user", "admin"), ("password", "hunter2")]);
    world
}

fn definition(kind: &str, scope: &str, spec: &Value) -> Value {
    let plural = format!("{}s", kind.to_lowercase());
    let status = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": { "spec": spec, "status": status }}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("{plural}.example.com")},
        "spec": {"group": "example.com", "scope": scope, "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema, "subresources": {"status": {}}}]},
    })
}

fn target(api_version: &str, kind: &str, more: &Value) -> Value {
    let mut target = json!({"manifest": {"apiVersion": api_version, "kind": kind}});
    for (field, value) in more.as_object().into_iter().flatten() {
        target[field] = value.clone();
    }
    asks(&[("user", "user"), ("password", "password")], &json!({ "target": target }))
}

fn map(more: &Value) -> Value {
    target("v1", "ConfigMap", more)
}

fn app(template: &Value) -> Value {
    target("example.com/v1", "App", &json!({ "template": template }))
}

impl World {
    fn maps(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps", self.namespace)
    }

    fn apps(&self) -> String {
        format!("/apis/example.com/v1/namespaces/{}/apps", self.namespace)
    }

    fn wait_map(&self, name: &str, data: &Value) -> Value {
        self.api
            .wait_for(&format!("{name} to hold {data}"), |api| api.read(&format!("{}/{name}", self.maps())).ok().filter(|map| map["data"] == *data))
    }

    fn stranger(&self, name: &str) -> Value {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": {"theirs": "x"}});
        self.api.create(&self.maps(), &object).unwrap()
    }

    fn refused(&self, name: &str) -> String {
        self.wait(name, "ResourceSyncedError");
        self.message(name)
    }
}

fn allowed(cluster: &Cluster) {
    let closed = World::new(cluster, "closed", &[]);
    closed.store("vault", &[("user", "admin"), ("password", "hunter2")]);
    closed.create("app", &map(&json!({})));
    let message = closed.refused("app");
    assert!(message.contains("invalid generic target") && message.contains(FLAG), "{message}");
    assert!(closed.api.read(&format!("{}/app", closed.maps())).is_err());

    let world = world(cluster, "open");
    world.create("app", &map(&json!({"name": "conf"})));
    let made = world.wait_map("conf", &json!({"user": "admin", "password": "hunter2"}));
    world.wait("app", "ResourceSynced");
    let metadata = &made["metadata"];
    assert_eq!(metadata["labels"][MANAGED], "true");
    assert!(metadata["labels"][CREATED_BY].is_string() && metadata["annotations"][DATA_HASH].is_string(), "{metadata}");
    let owner = &metadata["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["name"], &owner["controller"]), (&json!("ExternalSecret"), &json!("app"), &json!(true)));
    let status = world.object("app")["status"].clone();
    assert_eq!(status["produced"]["object"], json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "conf"}));
    assert!(status["binding"].is_null(), "{status}");
    let events = format!("/api/v1/namespaces/{}/events", world.namespace);
    world.api.wait_for("the event", |api| {
        let events = api.read(&events).ok()?["items"].as_array().cloned()?;
        events.iter().any(|event| event["reason"] == "Created" && event["message"] == "Created ConfigMap conf").then_some(())
    });
    world.restock("vault", &[("user", "root"), ("password", "hunter2")]);
    world.wait_map("conf", &json!({"user": "root", "password": "hunter2"}));
    assert!(!world.controller.log().contains("hunter2"));
}

fn custom(cluster: &Cluster) {
    let world = world(cluster, "custom");
    world.create("plain", &target("example.com/v1", "App", &json!({})));
    world.wait("plain", "ResourceSynced");
    let plain = world.api.read(&format!("{}/plain", world.apps())).unwrap();
    assert_eq!(plain["spec"], json!({"size": 3, "data": {"user": "admin", "password": "hunter2"}}));
    let template = json!({
        "metadata": {"labels": {"team": "x"}},
        "templateFrom": [
            {"literal": "name: '{{ .user }}'\nsize: 2\n", "target": "spec"},
            {"literal": "'{{ .password }}'", "target": "spec.servers[0].password"},
            {"literal": "of: '{{ .user }}'", "target": "Annotations"},
        ],
    });
    world.create("app", &app(&template));
    world.wait("app", "ResourceSynced");
    let made = world.api.read(&format!("{}/app", world.apps())).unwrap();
    assert_eq!(made["spec"], json!({"name": "admin", "size": 2, "servers": [{"password": "hunter2"}]}));
    assert_eq!((&made["metadata"]["labels"]["team"], &made["metadata"]["annotations"]["of"]), (&json!("x"), &json!("admin")));
    world.create("kindless", &target("example.com/v1", "Nothing", &json!({})));
    let message = world.refused("kindless");
    assert!(message.contains("the cluster has no kind Nothing in example.com/v1"), "{message}");
    world.create("wide", &target("example.com/v1", "Realm", &json!({})));
    let message = world.refused("wide");
    assert!(message.contains("is in no namespace"), "{message}");
}

fn healed(cluster: &Cluster) {
    let world = world(cluster, "healed");
    let whole = json!({"user": "admin", "password": "hunter2"});
    world.create("conf", &map(&json!({})));
    world.wait_map("conf", &whole);
    world.wait("conf", "ResourceSynced");
    let path = format!("{}/conf", world.maps());
    world.api.merge(&path, &json!({"data": {"user": "mallory"}})).unwrap();
    world.wait_map("conf", &whole);
    world.api.delete(&path).unwrap();
    world.wait_map("conf", &whole);
    world.create("app", &target("example.com/v1", "App", &json!({})));
    world.wait("app", "ResourceSynced");
    let app = format!("{}/app", world.apps());
    // The server filled in the size: that is no edit, nor is what the object's own controller says of it.
    let calls = || world.controller.figure(r#"externalsecret_provider_api_calls_count{provider="Fake",call="GetSecret",status="success"}"#);
    let before = (calls(), world.api.read(&app).unwrap()["metadata"]["generation"].clone());
    let status =
        json!({"apiVersion": "example.com/v1", "kind": "App", "metadata": world.api.read(&app).unwrap()["metadata"], "status": {"phase": "Running"}});
    world.api.replace(&format!("{app}/status"), &status).unwrap();
    world.create("later", &map(&json!({})));
    world.wait_map("later", &whole);
    assert_eq!(world.api.read(&app).unwrap()["metadata"]["generation"], before.1);
    assert!(calls() <= before.0 + 2.0, "a changed status asks no store: {} after {}", calls(), before.0);
    world.api.merge(&app, &json!({"spec": {"data": {"user": "mallory"}}})).unwrap();
    world.api.wait_for("the spec to be healed", |api| (api.read(&app).ok()?["spec"]["data"] == whole).then_some(()));
    world.api.merge(&app, &json!({"metadata": {"labels": {MANAGED: null}}})).unwrap();
    world.api.wait_for("the label to be healed", |api| (api.read(&app).ok()?["metadata"]["labels"][MANAGED] == "true").then_some(()));
    assert_eq!(world.api.read(&app).unwrap()["status"], json!({"phase": "Running"}), "how it does is not ours to say");
}

fn foreign(cluster: &Cluster) {
    let world = world(cluster, "foreign");
    world.stranger("taken");
    world.create("app", &map(&json!({"name": "taken", "deletionPolicy": "Delete"})));
    let message = world.refused("app");
    assert!(message.contains("creationPolicy CreateOrMerge"), "{message}");
    // Neither values that are gone nor the end of the object delete it: external-secrets asks nobody.
    world.restock("vault", &[("other", "x")]);
    world.api.wait_for("the words about what stays", |_| world.message("app").starts_with("could not delete resource").then_some(()));
    world.edit("app", &json!({"metadata": {"finalizers": [FINALIZER]}}));
    world.api.delete(&format!("{}/app", world.path("externalsecrets"))).unwrap();
    world.api.wait_for("the object to go", |api| api.read(&format!("{}/app", world.path("externalsecrets"))).is_err().then_some(()));
    assert_eq!(world.wait_map("taken", &json!({"theirs": "x"}))["metadata"]["labels"], Value::Null);

    world.restock("vault", &[("user", "admin"), ("password", "hunter2")]);
    let owner = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "1", "controller": true}]);
    world.api.merge(&format!("{}/taken", world.maps()), &json!({"metadata": {"ownerReferences": owner}})).unwrap();
    for policy in ["Owner", "Orphan", "Merge", "CreateOrMerge"] {
        let name = policy.to_lowercase();
        world.create(&name, &map(&json!({"name": "taken", "creationPolicy": policy})));
        let message = world.refused(&name);
        assert!(message.contains(r#"Deployment "d" has it"#), "{policy}: {message}");
    }
    world.create("trust", &map(&json!({"name": "kube-root-ca.crt"})));
    assert!(world.refused("trust").contains("the cluster keeps"), "{}", world.message("trust"));
    world.create("first", &map(&json!({"name": "shared"})));
    world.wait("first", "ResourceSynced");
    world.create("second", &map(&json!({"name": "shared"})));
    assert!(world.refused("second").contains(r#""first" has it"#), "{}", world.message("second"));
}

fn reserved(cluster: &Cluster) {
    let world = world(cluster, "power");
    let kinds = [
        ("v1", "Secret", "secrets"),
        ("v1", "ServiceAccount", "serviceaccounts"),
        ("v1", "Pod", "pods"),
        ("v1", "Endpoints", "endpoints"),
        ("apps/v1", "Deployment", "deployments"),
        ("batch/v1", "Job", "jobs"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
        ("coordination.k8s.io/v1", "Lease", "leases"),
        ("bitnami.com/v1alpha1", "SealedSecret", "sealedsecrets"),
        ("external-secrets.io/v1", "SecretStore", "secretstores"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", ""),
        ("v1/../../apis/apps/v1", "Deployment", ""),
    ];
    for (index, (api_version, kind, _)) in kinds.iter().enumerate() {
        world.create(&format!("k{index}"), &target(api_version, kind, &json!({"name": "made"})));
    }
    for (index, (api_version, kind, plural)) in kinds.iter().enumerate() {
        let message = world.refused(&format!("k{index}"));
        assert!(message.starts_with("invalid generic target: "), "{kind}: {message}");
        let root = if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") };
        if !plural.is_empty() {
            assert!(world.api.read(&format!("{root}/namespaces/{}/{plural}/made", world.namespace)).is_err(), "{kind}");
        }
    }
}

fn merged(cluster: &Cluster) {
    let world = world(cluster, "merged");
    world.create("late", &map(&json!({"name": "late", "creationPolicy": "Merge"})));
    world.wait("late", "ResourceMissing");
    world.stranger("conf");
    let template = json!({"data": {"url": "https://{{ .user }}", "more": "1"}});
    world.create("app", &map(&json!({"name": "conf", "creationPolicy": "Merge", "template": template})));
    world.wait_map("conf", &json!({"theirs": "x", "url": "https://admin", "more": "1"}));
    world.wait("app", "ResourceSynced");
    world.edit("app", &json!({"spec": {"target": {"template": {"data": {"more": null}}}}}));
    let made = world.wait_map("conf", &json!({"theirs": "x", "url": "https://admin"}));
    assert!(made["metadata"]["ownerReferences"].is_null());
    world.create("both", &map(&json!({"name": "both", "creationPolicy": "CreateOrMerge"})));
    world.wait_map("both", &json!({"user": "admin", "password": "hunter2"}));
}

fn gone(cluster: &Cluster) {
    let world = world(cluster, "gone");
    for policy in ["Delete", "Merge"] {
        world.create(&policy.to_lowercase(), &map(&json!({"deletionPolicy": policy})));
        world.wait(&policy.to_lowercase(), "ResourceSynced");
    }
    world.restock("vault", &[("other", "x")]);
    world.wait("delete", "ResourceDeleted");
    assert!(world.api.read(&format!("{}/delete", world.maps())).is_err());
    world.api.wait_for("the keys to go", |api| {
        let map = api.read(&format!("{}/merge", world.maps())).ok()?;
        map["data"].as_object().is_none_or(serde_json::Map::is_empty).then_some(())
    });
    world.restock("vault", &[("user", "admin"), ("password", "hunter2")]);
    world.wait_map("delete", &json!({"user": "admin", "password": "hunter2"}));
}

fn unquoted(cluster: &Cluster) {
    let world = world(cluster, "unquoted");
    world.create("app", &app(&json!({"templateFrom": [{"literal": "mode: '{{ .password }}'", "target": "spec"}]})));
    let message = world.refused("app");
    assert!(message.contains("create apps.example.com") && message.contains("spec.mode"), "{message}");
    let events = world.api.read(&format!("/api/v1/namespaces/{}/events", world.namespace)).unwrap().to_string();
    for text in [message, world.controller.log(), world.object("app")["status"].to_string(), events] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

fn moved(cluster: &Cluster) {
    let world = world(cluster, "moved");
    world.create("app", &asks(&[("user", "user")], &json!({})));
    world.wait("app", "SecretSynced");
    world.edit("app", &json!({"spec": {"target": {"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}}}}));
    world.wait_map("app", &json!({"user": "admin"}));
    world.api.wait_for("the Secret to go", |_| world.data("app").is_none().then_some(()));
    world.edit("app", &json!({"spec": {"target": {"name": "other"}}}));
    world.wait_map("other", &json!({"user": "admin"}));
    world.api.wait_for("the old one to go", |api| api.read(&format!("{}/app", world.maps())).is_err().then_some(()));
    world.edit("app", &json!({"spec": {"target": {"manifest": null}}}));
    world.wait_data("other", &[("user", "admin")]);
    world.api.wait_for("the ConfigMap to go", |api| api.read(&format!("{}/other", world.maps())).is_err().then_some(()));
    world.wait("app", "SecretSynced");
    assert!(world.object("app")["status"]["produced"]["object"].is_null());
}

fn restarted(cluster: &Cluster) {
    let mut world = world(cluster, "restarted");
    world.create("conf", &map(&json!({})));
    world.create("app", &target("example.com/v1", "App", &json!({})));
    for name in ["conf", "app"] {
        world.wait(name, "ResourceSynced");
    }
    let state = |world: &World| {
        let versions =
            [format!("{}/conf", world.maps()), format!("{}/app", world.apps())].map(|path| world.api.read(&path).unwrap()["metadata"].clone());
        (versions, ["conf", "app"].map(|name| world.object(name)["metadata"]["resourceVersion"].clone()))
    };
    let before = state(&world);
    world.controller = Controller::start(cluster, &world.namespace, &[FLAG]);
    // The next object is served after those that were there.
    world.store("second", &[("user", "x")]);
    world.create("next", &json!({"secretStoreRef": {"name": "second"}, "data": [{"secretKey": "user", "remoteRef": {"key": "user"}}]}));
    world.wait("next", "SecretSynced");
    assert_eq!(state(&world), before);
    let calls = world.controller.figure(r#"externalsecret_provider_api_calls_count{provider="Fake",call="GetSecret",status="success"}"#);
    assert!(calls <= 1.0, "{calls}");
    // They are watched again.
    world.api.delete(&format!("{}/app", world.apps())).unwrap();
    world.api.wait_for("the object to come back", |api| api.read(&format!("{}/app", world.apps())).ok());
    assert_eq!(condition(&world.object("app"), "Ready")["status"], "True");
}

fn delimiters(cluster: &Cluster) {
    let world = World::new(cluster, "delimiters", &["--template-left-delimiter=<<", "--template-right-delimiter=>>"]);
    world.store("vault", &[("user", "admin")]);
    let template = json!({"data": {"url": "https://<< .user >>/{{ .user }}"}});
    world.create("app", &asks(&[("user", "user")], &json!({"target": { "template": template }})));
    world.wait_data("app", &[("url", "https://admin/{{ .user }}")]);
}
