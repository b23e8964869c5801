use serde_json::{Value, json};

use super::*;

#[track_caller]
fn check(settings: Value, scope: Scope, expected: Option<&str>) {
    let store = SYSTEM.store.unwrap().read(&settings).unwrap();
    let found = store.check(scope).err().map(|error| error.to_string());
    let expected = expected.map(|what| format!("use the store: spec.provider.kubernetes.{what}"));
    assert_eq!(found, expected, "{settings}");
    assert!(!format!("{store:?} {found:?}").contains("hunter2"));
}

#[test]
fn settings_have_the_defaults_of_external_secrets() {
    let settings: Kubernetes = serde_json::from_value(json!({})).unwrap();
    assert_eq!((settings.server.url.as_str(), settings.remote_namespace.as_str()), ("kubernetes.default", "default"));
    check(json!({}), Scope::Namespace, None);
}

#[test]
fn there_is_one_way_to_sign_in() {
    let key = json!({"name": "s", "key": "k"});
    for (auth, expected) in [
        (json!({"token": {"bearerToken": key}}), None),
        (json!({"cert": {"clientCert": key, "clientKey": key}}), None),
        (json!({"serviceAccount": {"name": "reader"}}), None),
        (json!({}), Some("auth must have one of cert, token and serviceAccount")),
        (json!({"token": {"bearerToken": key}, "serviceAccount": {"name": "reader"}}), Some("auth must have one of cert, token and serviceAccount")),
        (json!({"serviceAccount": {"name": ""}}), Some("auth.serviceAccount names no service account")),
        (json!({"token": {"bearerToken": {"name": "s"}}}), Some("auth.token.bearerToken does not say which key of which Secret")),
        (json!({"cert": {"clientCert": key}}), Some("auth.cert.clientKey does not say which key of which Secret")),
    ] {
        check(json!({ "auth": auth }), Scope::Namespace, expected);
    }
    check(json!({"authRef": {"name": "s"}}), Scope::Namespace, Some("authRef does not say which key of which Secret"));
}

#[test]
fn names_and_addresses_lead_nowhere_else() {
    for namespace in ["", "a/b", "..", "A", "a%2fb", &"a".repeat(64)] {
        check(json!({"remoteNamespace": namespace}), Scope::Namespace, Some("remoteNamespace is no name of a namespace"));
    }
    let address = Some("server.url is no address of an API server, without a user or a query");
    check(json!({"server": {"url": "https://u:hunter2@k"}}), Scope::Namespace, address);
    check(json!({"server": {"url": ""}}), Scope::Namespace, address);
    for (name, good) in [("a", true), ("a.b-c1", true), (".a", false), ("a.", false), ("a/b", false), ("a?b", false), ("", false)] {
        assert_eq!(is_name(name, 253), good, "{name}");
    }
}

#[test]
fn a_provider_of_certificates_names_a_namespace_in_a_cluster_store_only() {
    let settings = |namespace: Value| json!({"server": {"caProvider": {"type": "ConfigMap", "name": "ca", "key": "ca.crt", "namespace": namespace}}});
    check(settings(json!(null)), Scope::Namespace, None);
    check(settings(json!("a")), Scope::Cluster, None);
    check(settings(json!("a")), Scope::Namespace, Some("server.caProvider.namespace must not be set in a SecretStore"));
    check(settings(json!(null)), Scope::Cluster, Some("server.caProvider.namespace must be set in a ClusterSecretStore"));
}

#[test]
fn credentials_of_the_consumer_are_known_by_their_lack_of_a_namespace() {
    for (settings, expected) in [
        (json!({"auth": {"token": {"bearerToken": {"name": "s", "key": "k"}}}}), true),
        (json!({"auth": {"token": {"bearerToken": {"name": "s", "key": "k", "namespace": "a"}}}}), false),
        (json!({"auth": {"serviceAccount": {"name": "s"}}}), true),
        (json!({"auth": {"serviceAccount": {"name": "s", "namespace": "a"}}}), false),
        (json!({"authRef": {"name": "s", "key": "k"}}), true),
        (json!({}), false),
    ] {
        let settings: Kubernetes = serde_json::from_value(settings).unwrap();
        assert_eq!(settings.lacks_a_namespace(), expected);
    }
}
