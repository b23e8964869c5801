//! What concerns a whole cluster: stores and objects for many namespaces.

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{Controller, condition, data, secrets};

use super::Test;

pub(crate) const CASES: &[(&str, Test)] = &[
    ("a_cluster_store_serves_the_namespaces_of_its_conditions_only", conditions),
    ("a_cluster_store_that_cannot_be_used_says_so", broken),
    ("an_object_for_many_namespaces_is_in_those_and_in_no_other", spread),
    ("a_cluster_store_serves_each_namespace_by_its_own_credentials", referent),
    ("a_store_reaches_no_special_address_unless_it_is_allowed", unreachable),
];

/// A controller of the whole cluster. One test has the cluster for itself at a time.
fn start(cluster: &Cluster, purpose: &str) -> (Controller, Api) {
    start_with(cluster, purpose, &[])
}

fn start_with(cluster: &Cluster, purpose: &str, flags: &[&str]) -> (Controller, Api) {
    let namespace = cluster.namespace(purpose);
    (Controller::start(cluster, &namespace, &[&["--all-namespaces=true"], flags].concat()), cluster.api())
}

fn namespace(api: &Api, name: &str, labels: &Value) {
    api.create("/api/v1/namespaces", &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels }})).unwrap();
}

fn objects(namespace: &str) -> String {
    format!("/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets")
}

fn cluster_store(api: &Api, name: &str, conditions: &Value) {
    let provider = json!({"fake": {"data": [{"key": "a", "value": "1"}]}});
    let store = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore", "metadata": { "name": name },
        "spec": { "provider": provider, "conditions": conditions },
    });
    api.create("/apis/external-secrets.io/v1/clustersecretstores", &store).unwrap();
}

fn spec(store: &str) -> Value {
    json!({"secretStoreRef": {"name": store, "kind": "ClusterSecretStore"}, "data": [{"secretKey": "a", "remoteRef": {"key": "a"}}]})
}

fn conditions(cluster: &Cluster) {
    let (_controller, api) = start(cluster, "conditions");
    cluster_store(
        &api,
        "picky",
        &json!([{"namespaces": ["by-name"]}, {"namespaceSelector": {"matchLabels": {"team": "x"}}}, {"namespaceRegexes": ["by-[pq]attern"]}]),
    );
    for (name, labels, served) in [
        ("by-name", json!({}), true),
        ("by-label", json!({"team": "x"}), true),
        ("by-pattern", json!({}), true),
        ("not-by-pattern", json!({}), false),
        ("by-pattern-not", json!({}), false),
        ("by-other-label", json!({"team": "y"}), false),
    ] {
        namespace(&api, name, &labels);
        api.create(
            &objects(name),
            &json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "app"}, "spec": spec("picky")}),
        )
        .unwrap();
        let reason = if served { "SecretSynced" } else { "SecretSyncedError" };
        let object = api.wait_for(&format!("{name} to be {reason}"), |api| {
            let object = api.read(&format!("{}/app", objects(name))).ok()?;
            (condition(&object, "Ready")["reason"] == reason).then_some(object)
        });
        assert_eq!(data(&api, name, "app").is_some(), served, "{object}");
        let message = condition(&object, "Ready")["message"].as_str().unwrap().to_owned();
        assert_eq!(message.contains("its conditions do not name this namespace"), !served, "{message}");
    }
    // A namespace that gets the label is served then.
    api.merge("/api/v1/namespaces/by-other-label", &json!({"metadata": {"labels": {"team": "x"}}})).unwrap();
    api.wait_for("the label to count", |api| data(api, "by-other-label", "app"));
}

fn broken(cluster: &Cluster) {
    let (_controller, api) = start(cluster, "broken");
    let path = "/apis/external-secrets.io/v1/clustersecretstores";
    for (name, provider, words) in [
        ("no-provider", json!({"akeyless": {"akeylessGWApiURL": "https://x"}}), "there is no provider \"akeyless\" in this controller"),
        ("no-duration", json!({"webhook": {"url": "https://h", "result": {}, "timeout": "soon"}}), "timeout"),
        (
            "no-login",
            json!({"webhook": {"url": "https://h", "result": {}, "auth": {"ntlm": {"usernameSecret": {"name": "x"}, "passwordSecret": {"name": "x"}}}}}),
            "auth.ntlm",
        ),
    ] {
        api.create(path, &json!({"apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore", "metadata": { "name": name }, "spec": { "provider": provider }}))
            .unwrap();
        let ready = api.wait_for(&format!("{name} to be judged"), |api| {
            let ready = condition(&api.read(&format!("{path}/{name}")).ok()?, "Ready");
            ready["reason"].is_string().then_some(ready)
        });
        assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("InvalidProviderConfig")), "{name}: {ready}");
        assert!(ready["message"].as_str().unwrap().contains(words), "{name}: {ready}");
    }
}

fn spread(cluster: &Cluster) {
    let (_controller, api) = start(cluster, "spread");
    cluster_store(&api, "all", &json!([]));
    namespace(&api, "spread-a", &json!({"spread": "yes"}));
    namespace(&api, "spread-b", &json!({"spread": "yes"}));
    namespace(&api, "spread-c", &json!({}));
    let stranger = json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "app", "labels": {"theirs": "x"}}, "spec": spec("all")});
    api.create(&objects("spread-b"), &stranger).unwrap();
    let path = "/apis/external-secrets.io/v1/clusterexternalsecrets";
    let object = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret", "metadata": {"name": "many"},
        "spec": {
            "externalSecretName": "app", "externalSecretSpec": spec("all"), "externalSecretMetadata": {"labels": {"from": "many"}},
            "namespaceSelectors": [{"matchLabels": {"spread": "yes"}}],
        },
    });
    api.create(path, &object).unwrap();
    let wait = |provisioned: &[&str], failed: &[&str]| {
        api.wait_for(&format!("{provisioned:?} to be provided for, {failed:?} not"), |api| {
            let status = api.read(&format!("{path}/many")).ok()?["status"].clone();
            let names: Vec<_> = status["failedNamespaces"].as_array().into_iter().flatten().map(|failed| failed["namespace"].clone()).collect();
            let there: Vec<_> = status["provisionedNamespaces"].as_array().into_iter().flatten().cloned().collect();
            (there == provisioned && names == failed).then_some(status)
        })
    };
    let status = wait(&["spread-a"], &["spread-b"]);
    assert_eq!(status["failedNamespaces"][0]["reason"], "external secret already exists in namespace");
    assert_eq!((&status["conditions"][0]["status"], &status["conditions"][0]["message"]), (&json!("False"), &json!("one or more namespaces failed")));
    api.wait_for("the Secret of the child", |api| data(api, "spread-a", "app"));
    let child = api.read(&format!("{}/app", objects("spread-a"))).unwrap();
    assert_eq!(
        (&child["metadata"]["labels"]["from"], &child["metadata"]["ownerReferences"][0]["kind"]),
        (&json!("many"), &json!("ClusterExternalSecret"))
    );
    let generation = child["metadata"]["generation"].clone();
    assert!(api.read(&format!("{}/app", objects("spread-b"))).unwrap()["metadata"]["labels"]["theirs"] == "x", "a stranger's is left alone");
    api.delete(&format!("{}/app", objects("spread-b"))).unwrap();
    wait(&["spread-a", "spread-b"], &[]);
    api.merge("/api/v1/namespaces/spread-c", &json!({"metadata": {"labels": {"spread": "yes"}}})).unwrap();
    wait(&["spread-a", "spread-b", "spread-c"], &[]);
    let child = api.read(&format!("{}/app", objects("spread-a"))).unwrap();
    assert_eq!(child["metadata"]["generation"], generation, "what is as it should be is not written again");
    api.merge(&format!("{path}/many"), &json!({"metadata": {"annotations": {"external-secrets.io/force-sync": "1"}}})).unwrap();
    api.wait_for("the wish to sync to be handed on", |api| {
        let child = api.read(&format!("{}/app", objects("spread-a"))).ok()?;
        (child["metadata"]["annotations"]["external-secrets.io/force-sync"] == "1").then_some(())
    });
    api.merge("/api/v1/namespaces/spread-c", &json!({"metadata": {"labels": {"spread": "no"}}})).unwrap();
    wait(&["spread-a", "spread-b"], &[]);
    api.wait_for("the child to go", |api| api.read(&format!("{}/app", objects("spread-c"))).is_err().then_some(()));
    assert!(api.read("/api/v1/namespaces/spread-a").unwrap()["metadata"]["finalizers"].is_null(), "no finalizer keeps a namespace from going");
    assert!(api.read(&format!("{}/app", secrets("spread-a"))).is_ok());
    // A namespace that goes is missed at once; here nobody but the test finishes it off.
    api.delete("/api/v1/namespaces/spread-b").unwrap();
    let mut going = api.read("/api/v1/namespaces/spread-b").unwrap();
    going["spec"]["finalizers"] = json!([]);
    api.replace("/api/v1/namespaces/spread-b/finalize", &going).unwrap();
    wait(&["spread-a"], &[]);
}

/// A ClusterSecretStore of the cluster itself, whose token lies with each consumer.
fn mirror(cluster: &Cluster, name: &str, remote: &str) -> Value {
    let provider = cluster.provider(remote);
    json!({"apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore", "metadata": { "name": name }, "spec": { "provider": provider }})
}

fn wait_reason(api: &Api, namespace: &str, reason: &str) -> String {
    api.wait_for(&format!("{namespace}/app to be {reason}"), |api| {
        let object = api.read(&format!("{}/app", objects(namespace))).ok()?;
        let ready = condition(&object, "Ready");
        (ready["reason"] == reason).then(|| ready["message"].as_str().unwrap_or_default().to_owned())
    })
}

fn referent(cluster: &Cluster) {
    let (controller, api) = start_with(cluster, "referent", &["--allow-provider-cidr=127.0.0.0/8"]);
    for name in ["remote", "tenant-a", "tenant-b"] {
        namespace(&api, name, &json!({}));
    }
    let secret = |namespace: &str, name: &str, key: &str, value: &str| {
        let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": { key: value }});
        api.create(&secrets(namespace), &object).unwrap();
    };
    secret("remote", "a", "password", "hunter2");
    secret("tenant-a", "credentials", "token", cluster.token());
    secret("tenant-b", "credentials", "token", "not-a-token-of-anybody");
    api.create("/apis/external-secrets.io/v1/clustersecretstores", &mirror(cluster, "mirror", "remote")).unwrap();
    let spec = json!({
        "secretStoreRef": {"name": "mirror", "kind": "ClusterSecretStore"},
        "data": [{"secretKey": "a", "remoteRef": {"key": "a", "property": "password"}}],
    });
    // Both at once, and the one with the right first: neither its connection nor its answer serves the other.
    for namespace in ["tenant-a", "tenant-b"] {
        api.create(
            &objects(namespace),
            &json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "app"}, "spec": spec}),
        )
        .unwrap();
    }
    wait_reason(&api, "tenant-a", "SecretSynced");
    assert_eq!(data(&api, "tenant-a", "app").unwrap()["a"], "hunter2");
    wait_reason(&api, "tenant-b", "SecretSyncedError");
    assert!(data(&api, "tenant-b", "app").is_none());
    for token in [cluster.token(), "not-a-token-of-anybody", "hunter2"] {
        assert!(!controller.log().contains(token));
    }
    // A credential that changes takes effect at once.
    api.merge(&format!("{}/credentials", secrets("tenant-b")), &json!({"stringData": {"token": cluster.token()}})).unwrap();
    wait_reason(&api, "tenant-b", "SecretSynced");
}

fn unreachable(cluster: &Cluster) {
    let (_controller, api) = start(cluster, "unreachable");
    namespace(&api, "closed", &json!({}));
    let token = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "credentials"}, "stringData": {"token": cluster.token()}});
    api.create(&secrets("closed"), &token).unwrap();
    api.create("/apis/external-secrets.io/v1/clustersecretstores", &mirror(cluster, "barred", "default")).unwrap();
    let spec = json!({
        "secretStoreRef": {"name": "barred", "kind": "ClusterSecretStore"},
        "data": [{"secretKey": "a", "remoteRef": {"key": "a"}}],
    });
    api.create(
        &objects("closed"),
        &json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "app"}, "spec": spec}),
    )
    .unwrap();
    let message = wait_reason(&api, "closed", "SecretSyncedError");
    assert!(message.contains("--allow-provider-cidr") || message.contains("is not ready"), "{message}");
}
