//! Reading and finding, in the real Vault.

use std::collections::BTreeMap;
use std::sync::Arc;

use providers::ErrorKind;
use providers::provider::{Lookup, Reference, Search, Validity};
use serde_json::{Value, json};
use tests::access::TestAccess;
use tests::suite::Case;

use super::dev::{Dev, ROOT};
use super::{connect, key, quiet, read, source, version, waiting, with_token};

pub(super) fn cases() -> Vec<Case> {
    vec![
        waiting("vault_gives_a_secret_as_the_json_of_all_its_keys", &["vault"], whole),
        waiting("vault_finds_the_same_secret_under_each_of_its_names", &["vault"], names),
        waiting("vault_gives_old_versions_and_none_that_is_deleted", &["vault"], versions),
        waiting("vault_gives_secrets_of_version_1", &["vault"], first_version),
        waiting("vault_tells_metadata_as_texts", &["vault"], metadata),
        waiting("vault_finds_secrets_by_name", &["vault"], found_by_name),
        waiting("vault_finds_secrets_by_tags", &["vault"], found_by_tags),
        waiting("vault_without_the_engine_is_no_missing_secret", &["vault"], missing_engine),
        waiting("vault_denies_a_token_that_is_none", &["vault"], denied),
    ]
}

fn world() -> Arc<TestAccess> {
    Arc::new(TestAccess::new().with_secret("vault", "token", format!("{ROOT}\n")))
}

async fn whole() {
    let dev = Dev::shared();
    let data = r#"{"user":"<a&b>","big":12345678901234567890123,"one":1.0,"exp":1e3,"in":{"b":[true,null,"é"],"a":{}},"x.y":"dot"}"#;
    dev.does("POST", "secret/data/whole", format!(r#"{{"data":{data}}}"#));
    let source = source(&with_token(&dev.address, &json!({})), &world()).await;
    // An engine of version 2 keeps numbers as floating ones; what it gives for them is kept.
    let expected = r#"{"big":1.2345678901234568e+22,"exp":1000,"in":{"a":{},"b":[true,null,"é"]},"one":1,"user":"\u003ca\u0026b\u003e","x.y":"dot"}"#;
    assert_eq!(read(&source, key("whole")).await.expect("an answer").as_deref(), Some(expected));
    assert_eq!(read(&source, key("whole/not")).await.expect("an answer"), None);
    assert_eq!(source.lookup(), Lookup::ExactThenPath);
    assert_eq!(source.validate().await.expect("we are welcome"), Validity::Valid);
}

async fn names() {
    let dev = Dev::shared();
    dev.puts("names/a%20b", &json!({"k": "v"}));
    for (mount, name) in [
        (json!("secret"), "names/a b"),
        (json!("secret"), "secret/names/a b"),
        (json!("secret"), "secret/data/names/a b"),
        (json!("secret"), "/names//a b"),
        (json!("/secret/"), "names/a b"),
        (Value::Null, "secret/names/a b"),
        (Value::Null, "secret/data/names/a b"),
    ] {
        let source = source(&with_token(&dev.address, &json!({ "path": mount })), &world()).await;
        assert_eq!(read(&source, key(name)).await.expect("an answer").as_deref(), Some(r#"{"k":"v"}"#), "{mount} {name}");
    }
    let source = source(&with_token(&dev.address, &json!({})), &world()).await;
    for name in ["../../sys/mounts", "names/../../../sys/mounts", "names/a?version=1", "names/a#b", "names/a\nb"] {
        assert_eq!(read(&source, key(name)).await.expect_err("it leads elsewhere").kind(), ErrorKind::Invalid, "{name}");
    }
    assert_eq!(read(&source, key("%2e%2e/%2e%2e/sys/mounts")).await.expect("a name like others"), None);
}

async fn versions() {
    let dev = Dev::shared();
    for value in ["one", "two", "three"] {
        dev.puts("versions", &json!({ "k": value }));
    }
    dev.does("POST", "secret/delete/versions", json!({"versions": [2]}));
    let source = source(&with_token(&dev.address, &json!({})), &world()).await;
    for (asked, expected) in [("1", Some("one")), ("2", None), ("3", Some("three")), ("9", None), ("", Some("three"))] {
        let expected = expected.map(|value| format!(r#"{{"k":"{value}"}}"#));
        assert_eq!(read(&source, version("versions", asked)).await.expect("an answer"), expected, "{asked}");
    }
    let error = read(&source, version("versions", "newest&x=y")).await.expect_err("no version");
    assert_eq!(error.to_string(), "read secret/data/versions from Vault: Vault refuses (status 400)");
    dev.does("DELETE", "secret/data/versions", "");
    assert_eq!(read(&source, key("versions")).await.expect("an answer"), None);
    dev.does("PUT", "secret/destroy/versions", json!({"versions": [1]}));
    assert_eq!(read(&source, version("versions", "1")).await.expect("an answer"), None);
    dev.does("DELETE", "secret/metadata/versions", "");
    assert_eq!(read(&source, key("versions")).await.expect("an answer"), None);
}

async fn first_version() {
    let dev = Dev::shared();
    dev.mounts("kv", "mounts/one", &json!({"version": "1"}));
    dev.does("POST", "one/app/db", r#"{"z":1.50,"a":"x","big":12345678901234567890123}"#);
    let source = source(&with_token(&dev.address, &json!({"path": "one", "version": "v1"})), &world()).await;
    for name in ["app/db", "one/app/db"] {
        assert_eq!(read(&source, key(name)).await.expect("an answer").as_deref(), Some(r#"{"a":"x","big":12345678901234567890123,"z":1.50}"#));
    }
    assert_eq!(read(&source, key("app/none")).await.expect("an answer"), None);
    let told = Reference { metadata: true, ..key("app/db") };
    assert_eq!(read(&source, told).await.expect_err("version 1 has none").kind(), ErrorKind::Invalid);
}

async fn metadata() {
    let dev = Dev::shared();
    dev.puts("told", &json!({"k": "v"}));
    dev.puts("told", &json!({"k": "w"}));
    dev.does(
        "POST",
        "secret/metadata/told",
        json!({"custom_metadata": {"owner": "team <a>", "created_time": "then"}, "delete_version_after": "30m"}),
    );
    let source = source(&with_token(&dev.address, &json!({})), &world()).await;
    let told = read(&source, Reference { metadata: true, ..key("told") }).await.expect("an answer");
    let expected = r#"{"created_time":"then","current_version":"2","delete_version_after":"30m0s","owner":"team \u003ca\u003e"}"#;
    assert_eq!(told.as_deref(), Some(expected));
    assert_eq!(read(&source, Reference { metadata: true, ..key("untold") }).await.expect("an answer"), None);
}

/// What is found, as texts by name.
async fn find(settings: &Value, search: &Search) -> BTreeMap<String, String> {
    let catalog = connect(settings, &world()).await.expect("a store").catalog.expect("it can search");
    let found = catalog.find(search).await.inspect_err(quiet).expect("an answer");
    found.into_iter().map(|(name, value)| (name, String::from_utf8(value.expose().to_vec()).expect("text"))).collect()
}

fn named(path: Option<&str>, part: &'static str) -> Search {
    Search { path: path.map(str::to_owned), matches: Some(Arc::new(move |name| name.contains(part))), ..Search::default() }
}

async fn found_by_name() {
    let dev = Dev::shared();
    for (mount, version) in [("find-2", "2"), ("find-1", "1")] {
        dev.mounts("kv", &format!("mounts/{mount}"), &json!({ "version": version }));
        for number in 0..20 {
            let data = if version == "2" { json!({"data": {"n": number}}) } else { json!({ "n": number }) };
            let folder = if version == "2" { "data/" } else { "" };
            dev.does("POST", &format!("{mount}/{folder}team/{}/deep/s{number}", number % 2), &data);
            dev.does("POST", &format!("{mount}/{folder}top{number}"), &data);
        }
        if version == "2" {
            dev.does("DELETE", "find-2/data/top3", "");
        }
        let settings = with_token(&dev.address, &json!({"path": mount, "version": format!("v{version}")}));
        let found = find(&settings, &named(Some("team/1/"), "deep/s1")).await;
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        let expected = ["1", "11", "13", "15", "17", "19"].map(|number| format!("team/1/deep/s{number}"));
        assert_eq!(names, expected);
        assert_eq!(found["team/1/deep/s13"], r#"{"n":13}"#);
        let all = find(&settings, &Search::default()).await;
        assert_eq!(all.len(), if version == "2" { 39 } else { 40 }, "what is deleted is not found");
        assert!(find(&settings, &named(Some("nobody"), "")).await.is_empty());
    }
    let settings = with_token(&dev.address, &json!({ "path": null }));
    let found = find(&settings, &named(Some("find-2/data/team/1"), "s11")).await;
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ["find-2/data/team/1/deep/s11"]);
}

async fn found_by_tags() {
    let dev = Dev::shared();
    dev.mounts("kv", "mounts/tags", &json!({"version": "2"}));
    for (name, tags) in [("a", json!({"team": "x", "env": "p"})), ("b", json!({"team": "x"})), ("c", json!({"team": "y"})), ("d", json!({}))] {
        dev.does("POST", &format!("tags/data/{name}"), json!({"data": {"n": name}}));
        dev.does("POST", &format!("tags/metadata/{name}"), json!({ "custom_metadata": tags }));
    }
    let settings = with_token(&dev.address, &json!({"path": "tags"}));
    for (tags, expected) in
        [(&[("team", "x")][..], &["a", "b"][..]), (&[("team", "x"), ("env", "p")], &["a"]), (&[("team", "z")], &[]), (&[], &["a", "b", "c", "d"])]
    {
        let tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found = find(&settings, &Search { tags, ..Search::default() }).await;
        assert_eq!(found.into_keys().collect::<Vec<_>>(), expected);
    }
    let first = connect(&with_token(&dev.address, &json!({"version": "v1"})), &world()).await.expect("a store").catalog.expect("it can search");
    let tags = [("team".to_owned(), "x".to_owned())].into();
    assert_eq!(first.find(&Search { tags, ..Search::default() }).await.expect_err("there are none").kind(), ErrorKind::Invalid);
}

async fn missing_engine() {
    let dev = Dev::shared();
    for (settings, expected) in [
        (json!({"path": "nowhere"}), "read nowhere/data/app from Vault: there is no secrets engine at that path (status 404)"),
        (
            json!({"version": "v1"}),
            "read secret/app from Vault: the secrets engine has another version than spec.provider.vault.version says (status 404)",
        ),
    ] {
        let source = source(&with_token(&dev.address, &settings), &world()).await;
        let error = read(&source, key("app")).await.expect_err("it is not there");
        assert_eq!((error.to_string().as_str(), error.kind()), (expected, ErrorKind::Invalid));
    }
}

async fn denied() {
    let dev = Dev::shared();
    let access = Arc::new(TestAccess::new().with_secret("vault", "token", "hunter2-wrong"));
    let source = source(&with_token(&dev.address, &json!({})), &access).await;
    let error = read(&source, key("app")).await.expect_err("it is denied");
    assert_eq!(error.to_string(), "read secret/data/app from Vault: Vault denies it to this sign-in (status 403)");
    assert_eq!(error.kind(), ErrorKind::Denied);
    let error = source.validate().await.inspect_err(quiet).expect_err("it is denied");
    assert_eq!(
        (error.to_string().as_str(), error.kind()),
        ("use the sign-in to Vault: Vault denies it to this sign-in (status 403)", ErrorKind::Denied)
    );
    let none = connect(&with_token(&dev.address, &json!({})), &Arc::new(TestAccess::new())).await.expect("a store").source.expect("a source");
    let error = read(&none, key("app")).await.expect_err("there is no Secret");
    assert_eq!((error.to_string().as_str(), error.kind()), ("read key token of Secret team-a/vault: there is none", ErrorKind::Denied));
}
