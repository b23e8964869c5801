//! ExternalSecrets in the folder.

use std::fs;

use super::{Place, actions, snapshot};

const STORE: &str = "apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: vault, namespace: shop}
spec: {provider: {fake: {data: [{key: token, value: hunter4}]}}}
";

const EXTERNAL: &str = "apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: api, namespace: shop}
spec:
  secretStoreRef: {name: vault}
  data: [{secretKey: token, remoteRef: {key: token}}]
";

impl Place {
    fn with_store() -> Self {
        let place = Self::new();
        place.home.write("src/store.yaml", STORE);
        place.home.write("src/api.yaml", EXTERNAL);
        place
    }

    fn token(&self) -> Option<String> {
        let text = fs::read_to_string(self.home.path().join("out/secrets/shop/api.yaml")).ok()?;
        text.lines().find_map(|line| line.trim().strip_prefix("token: ").map(str::to_owned))
    }
}

#[test]
fn an_external_secret_becomes_a_secret_and_a_second_pass_writes_nothing() {
    let place = Place::with_store();
    assert_eq!(actions(&place.pass(&[]), "Secret "), ["created", "created"]);
    assert_eq!(place.token().as_deref(), Some("aHVudGVyNA=="));
    assert!(!place.read("out/state.json").contains("hunter4"));
    let before = snapshot(place.home.path());
    assert!(place.pass(&[]).is_empty());
    assert_eq!(snapshot(place.home.path()), before);
}

#[test]
fn a_new_value_of_the_store_arrives_and_an_edit_is_healed() {
    let place = Place::with_store();
    place.pass(&[]);
    place.home.write("src/store.yaml", STORE.replace("hunter4", "hunter5"));
    assert_eq!(actions(&place.pass(&[]), "Secret "), ["updated"]);
    assert_eq!(place.token().as_deref(), Some("aHVudGVyNQ=="));
    place.home.write("out/secrets/shop/api.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: api, namespace: shop}\n");
    assert_eq!(actions(&place.pass(&[]), "Secret "), ["healed"]);
    assert_eq!(place.token().as_deref(), Some("aHVudGVyNQ=="));
}

#[test]
fn a_secret_stays_while_its_store_fails_and_goes_with_its_external_secret() {
    let place = Place::with_store();
    place.pass(&[]);
    fs::remove_file(place.home.path().join("src/store.yaml")).expect("a file");
    let ended = place.run(&[]);
    assert_eq!(ended.status, 3, "{}", ended.error());
    assert!(ended.error().contains("src/api.yaml:6: ExternalSecret shop/api"), "{}", ended.error());
    assert!(place.token().is_some());
    fs::remove_file(place.home.path().join("src/api.yaml")).expect("a file");
    assert_eq!(actions(&place.pass(&[]), "Secret "), ["deleted"]);
    assert!(place.token().is_none());
}

#[test]
fn values_that_are_gone_count_as_the_policy_says() {
    for (policy, status, stays) in [("Retain", 3, true), ("Delete", 0, false)] {
        let place = Place::with_store();
        place.home.write("src/api.yaml", format!("{EXTERNAL}  target: {{deletionPolicy: {policy}}}\n"));
        place.pass(&[]);
        place.home.write("src/store.yaml", STORE.replace("key: token", "key: other"));
        let ended = place.run(&[]);
        assert_eq!(ended.status, status, "{policy}: {}", ended.error());
        assert_eq!(place.token().is_some(), stays, "{policy}");
    }
}

#[test]
fn two_objects_never_make_the_same_secret() {
    let place = Place::with_store();
    place.home.write("src/api.yaml", format!("{EXTERNAL}  target: {{name: db}}\n"));
    let ended = place.run(&[]);
    assert_eq!(ended.status, 2, "{}", ended.error());
    assert!(ended.error().contains("another object of the folder makes it"), "{}", ended.error());
}

#[test]
fn objects_that_merge_add_to_one_secret() {
    let place = Place::with_store();
    let other = |name: &str, policy: &str, key: &str| {
        let object = EXTERNAL.replace("name: api,", &format!("name: {name},")).replace("secretKey: token", &format!("secretKey: {key}"));
        place.home.write(format!("src/{name}.yaml"), format!("{object}  target: {{name: api, creationPolicy: {policy}}}\n"));
    };
    // Whoever makes it comes first, wherever it stands.
    other("a", "Merge", "one");
    other("b", "CreateOrMerge", "two");
    assert_eq!(actions(&place.pass(&[]), "Secret "), ["created", "created"]);
    let keys = || {
        let text = place.read("out/secrets/shop/api.yaml");
        let data = text.split("\ndata:\n").nth(1).expect("data");
        data.lines().filter_map(|line| line.trim().split_once(':').map(|(key, _)| key.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(keys(), ["one", "token", "two"]);
    assert!(place.pass(&[]).is_empty());
    fs::remove_file(place.home.path().join("src/b.yaml")).expect("a file");
    assert_eq!(actions(&place.pass(&[]), "Secret "), ["updated"]);
    assert_eq!(keys(), ["one", "token"]);
    // Nothing makes it any more, and what only adds makes nothing.
    fs::remove_file(place.home.path().join("src/api.yaml")).expect("a file");
    let report = place.run(&["--json"]).success();
    assert!(report.contains("creationPolicy Merge only adds to it") && place.token().is_none(), "{report}");
    // Two that want it for themselves are refused.
    other("c", "Owner", "three");
    other("d", "Orphan", "four");
    let ended = place.run(&[]);
    assert_eq!(ended.status, 2, "{}", ended.error());
    assert!(ended.error().contains("another object of the folder makes it"), "{}", ended.error());
}

#[test]
fn a_folder_makes_no_other_kind_than_secrets() {
    let place = Place::with_store();
    place.home.write("src/api.yaml", format!("{EXTERNAL}  target: {{manifest: {{apiVersion: v1, kind: ConfigMap}}}}\n"));
    let ended = place.run(&[]);
    assert_eq!(ended.status, 2, "{}", ended.error());
    assert!(ended.error().contains("a folder holds Secrets only") && ended.error().contains("sealer render"), "{}", ended.error());
    assert!(place.token().is_none());
}
