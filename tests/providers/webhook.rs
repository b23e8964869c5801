//! Whatever answers to HTTP, played by a server here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keys::SecretBytes;
use providers::provider::{Answer, Capabilities, Lookup, Reference, Scope, Validity};
use providers::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use tests::access::TestAccess;
use tests::stub::{Reply, Stub};
use tests::suite::{Case, case};

use super::conformance::{CANARY, clean, connected, named, run, told};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("webhook::a_request_is_rendered_from_what_is_asked_for", &[], a_request_is_rendered_from_what_is_asked_for),
        case("webhook::a_value_is_found_by_its_path", &[], a_value_is_found_by_its_path),
        case("webhook::a_secret_without_the_label_is_not_sent", &[], a_secret_without_the_label_is_not_sent),
        case("webhook::what_was_not_modified_is_an_error", &[], what_was_not_modified_is_an_error),
        case("webhook::an_answer_may_take_as_long_as_the_settings_say", &[], an_answer_may_take_as_long_as_the_settings_say),
        case("webhook::an_authority_may_lie_in_a_config_map", &[], an_authority_may_lie_in_a_config_map),
        case("webhook::who_answers_at_all_is_valid", &[], who_answers_at_all_is_valid),
    ]
}

/// Renders the fields of templates, and nothing else of them: the language has tests of its own.
pub(crate) fn render(template: &str, values: &Value, secrets: &BTreeMap<String, BTreeMap<String, SecretBytes>>) -> Result<SecretBytes> {
    let mut out = Vec::new();
    let mut parts = template.split("{{");
    out.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let wrong = || Error::invalid("render: no such field");
        let (field, rest) = part.split_once("}}").ok_or_else(wrong)?;
        let (name, key) = field.trim().strip_prefix('.').and_then(|field| field.split_once('.')).ok_or_else(wrong)?;
        match values[name][key].as_str() {
            Some(value) => out.extend_from_slice(value.as_bytes()),
            None => out.extend_from_slice(secrets.get(name).and_then(|secret| secret.get(key)).ok_or_else(wrong)?.expose()),
        }
        out.extend_from_slice(rest.as_bytes());
    }
    Ok(SecretBytes::new(out))
}

fn access() -> TestAccess {
    let access = TestAccess::new().with_secret("hook", "token", format!("{CANARY} &?")).with_label("hook", "external-secrets.io/type", "webhook");
    access.with_templates(render)
}

async fn store(settings: &Value) -> Result<Capabilities> {
    connected("webhook", settings, Arc::new(access())).await
}

async fn read(settings: &Value, what: &Reference) -> Result<Option<String>> {
    let source = store(settings).await?.source.expect("a source");
    assert_eq!(source.lookup(), Lookup::Own);
    let value = source.read(what).await.inspect_err(|error| clean(&told(error)))?;
    Ok(value.map(|value| match value {
        Answer::Value(value) => String::from_utf8_lossy(value.expose()).into_owned(),
        Answer::Fields(_) => panic!("a webhook gives one value"),
    }))
}

fn a_request_is_rendered_from_what_is_asked_for() {
    let stub = Stub::start();
    stub.play(|_| Reply::new(200, "as it is\n"));
    let settings = json!({
        "url": format!("{}/v/{{{{ .remoteRef.key }}}}?v={{{{ .remoteRef.version }}}}&p={{{{ .remoteRef.property }}}}&n={{{{ .remoteRef.namespace }}}}", stub.url()),
        "method": "POST",
        "headers": {"X-Token": "{{ .login.token }}", "X-Key": "{{ .remoteRef.key }}", "content-type": "text/plain", "Content-Length": "1", "Host": "other"},
        "body": "{{ .remoteRef.key }} of {{ .remoteRef.namespace }} {{ .login.token }}",
        "secrets": [{"name": "login", "secretRef": {"name": "hook", "key": "ignored"}}],
    });
    let what = Reference { property: Some("p.q".into()), version: Some("a&b".into()), ..named("a/b c=ä~") };
    assert_eq!(run(read(&settings, &what)).expect("an answer").as_deref(), Some("as it is\n"));
    let asked = stub.asked().remove(0);
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v/a%2Fb+c%3D%C3%A4%7E?v=a%26b&p=p.q&n=team-a"));
    assert_eq!(asked.header("x-token"), Some(format!("{CANARY} &?").as_str()));
    assert_eq!(asked.headers.iter().filter(|(name, _)| name == "content-type").count(), 1);
    assert_eq!((asked.header("content-type"), asked.header("host").map(|host| host.starts_with("127."))), (Some("text/plain"), Some(true)));
    assert_eq!(asked.body, format!("a/b c=ä~ of team-a {CANARY} &?"));
}

fn a_value_is_found_by_its_path() {
    let stub = Stub::start();
    stub.play(|asked| match asked.target.as_str() {
        "/doc" => Reply::new(200, r#"{"a": {"p": "x", "n": 1.9, "list": ["first", "second"], "o": {"z": 1, "b": "<"}}}"#),
        _ => Reply::new(404, ""),
    });
    let settings = |path: &str| json!({"url": format!("{}/{{{{ .remoteRef.key }}}}", stub.url()), "result": {"jsonPath": path}});
    let get = |path: &str, property: &str| run(read(&settings(path), &Reference { property: Some(property.into()), ..named("doc") }));
    for (path, property, expected) in [
        ("$.a.{{ .remoteRef.property }}", "p", "x"),
        (".a.p", "", "x"),
        ("$.a.n", "", "1.9"),
        ("$.a.list", "", "first"),
        ("$.a.o", "", r#"{"b":"\u003c","z":1}"#),
    ] {
        assert_eq!(get(path, property).expect("an answer").as_deref(), Some(expected), "{path}");
    }
    let error = get("$.b", "").expect_err("there is nothing");
    assert_eq!((error.kind(), told(&error).as_str()), (ErrorKind::Invalid, "ask the webhook: its jsonPath leads to nothing in the answer"));
    assert_eq!(run(read(&settings("$.a"), &named("nothing"))).expect("an answer"), None);
}

fn a_secret_without_the_label_is_not_sent() {
    let settings = json!({"url": "http://127.0.0.1:9", "secrets": [{"name": "login", "secretRef": {"name": "bare"}}]});
    let access = access().with_secret("bare", "token", CANARY);
    let error = run(connected("webhook", &settings, Arc::new(access))).err().expect("an error");
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(told(&error).contains("external-secrets.io/type=webhook"));
    let access = TestAccess::of(Scope::Cluster).with_secret("hook", "token", CANARY).with_label("hook", "external-secrets.io/type", "webhook");
    let error = run(connected("webhook", &settings, Arc::new(access))).err().expect("an error");
    assert!(told(&error).contains("names no namespace"), "{error}");
}

fn what_was_not_modified_is_an_error() {
    let stub = Stub::start();
    for (status, kind) in
        [(304, ErrorKind::Invalid), (300, ErrorKind::Busy), (401, ErrorKind::Denied), (418, ErrorKind::Invalid), (502, ErrorKind::Busy)]
    {
        stub.play(move |_| Reply::new(status, CANARY));
        let error = run(read(&json!({"url": stub.url()}), &named("a"))).expect_err("no secret");
        assert_eq!(error.kind(), kind, "{status}: {error}");
    }
}

fn an_answer_may_take_as_long_as_the_settings_say() {
    let stub = Stub::start();
    stub.play(|_| Reply::Silence);
    let start = Instant::now();
    let error = run(read(&json!({"url": stub.url(), "timeout": "300ms"}), &named("a"))).expect_err("no answer");
    assert_eq!(told(&error), "ask the webhook: there is no answer in time");
    assert!(start.elapsed() < Duration::from_secs(10));
}

fn an_authority_may_lie_in_a_config_map() {
    let stub = Stub::start_secured();
    stub.play(|_| Reply::new(200, "v"));
    let settings = |more: Value| {
        let mut settings = json!({"url": stub.url()});
        settings.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        settings
    };
    let provider = json!({"caProvider": {"type": "ConfigMap", "name": "ca", "key": "ca.crt"}});
    let get = |settings: Value, certificate: String| {
        let access = Arc::new(access().with_config_map("ca", "ca.crt", certificate));
        run(async { connected("webhook", &settings, access).await?.source.expect("a source").read(&named("a")).await })
    };
    assert!(get(settings(provider.clone()), stub.certificate()).expect("an answer").is_some());
    // Base64 of PEM, as some tools write it, is taken too; what is neither is not.
    assert!(get(settings(provider.clone()), STANDARD.encode(stub.certificate())).expect("an answer").is_some());
    let error = get(settings(provider), CANARY.to_owned()).expect_err("an error");
    assert!(told(&error).contains("holds no certificate"), "{error}");
    let error = get(settings(json!({})), String::new()).expect_err("an error");
    assert!(told(&error).contains("it cannot be reached"), "{error}");
}

fn who_answers_at_all_is_valid() {
    let stub = Stub::start();
    let validity = |url: String| run(async { store(&json!({ "url": url })).await?.source.expect("a source").validate().await });
    for status in [200, 301, 403, 500] {
        stub.play(move |_| Reply::new(status, "").with("Location", "http://169.254.169.254/"));
        assert_eq!(validity(format!("{}/{{{{ .remoteRef.key }}}}?t={CANARY}", stub.url())).expect("an answer"), Validity::Valid);
    }
    let asked = stub.asked().remove(0);
    assert_eq!((asked.method.as_str(), asked.target.as_str(), asked.header("authorization")), ("HEAD", "/", None));
    assert_eq!(validity("http://{{ .remoteRef.key }}/".to_owned()).expect("an answer"), Validity::Unknown);
    let error = validity("http://169.254.169.254/".to_owned()).expect_err("it must not be asked");
    assert_eq!(error.kind(), ErrorKind::Denied);
    let error = validity(format!("http://127.0.0.1:{}/", tests::server::free_port())).expect_err("nobody is there");
    assert!(told(&error).starts_with("reach the webhook: it cannot be reached"), "{error}");
}
