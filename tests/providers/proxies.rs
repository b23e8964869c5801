//! Proxies that whoever runs us names, between stores and their systems.

use std::sync::Arc;

use providers::provider::{Answer, Capabilities, Reference};
use providers::{ErrorKind, Reach};
use serde_json::{Value, json};
use tests::access::TestAccess;
use tests::suite::{Case, case};

use super::conformance::{connected, run, told};
use super::stub::{Reply, Stub};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("proxies::every_kind_of_store_goes_through_them", &[], || run(every_kind_of_store_goes_through_them())),
        case("proxies::what_is_reached_without_them_is", &[], || run(what_is_reached_without_them_is())),
        case("proxies::no_address_is_reached_through_them_that_may_not_be_reached", &[], || {
            run(no_address_is_reached_through_them_that_may_not_be_reached())
        }),
    ]
}

fn world() -> TestAccess {
    let access = TestAccess::new().with_secret("vault", "token", "hunter2-token").with_templates(super::webhook::render);
    access.with_secret("aws", "id", "AKIAIOSFODNN7EXAMPLE").with_secret("aws", "key", "hunter2-key")
}

fn vault(server: &str) -> Value {
    json!({"server": server, "path": "secret", "auth": {"tokenSecretRef": {"name": "vault", "key": "token"}}})
}

async fn asks(kind: &str, settings: &Value, access: TestAccess) -> Result<Option<Answer>, providers::Error> {
    let Capabilities { source, .. } = connected(kind, settings, Arc::new(access)).await?;
    source.expect("a source").read(&Reference { key: "app".to_owned(), ..Reference::default() }).await
}

/// A name that nobody knows here leads to the proxy; with TLS the proxy sees no more than the name.
async fn every_kind_of_store_goes_through_them() {
    let proxy = Stub::start(|asked| match asked.line.split(' ').next() {
        Some("CONNECT") => Reply::new(403, "hunter2"),
        _ => Reply::new(200, r#"{"data":{"data":{"k":"v"}}}"#),
    });
    let with_password = proxy.address.replace("http://", "http://user:hunter2@");
    let world = || world().with_proxy("http_proxy", &with_password).with_proxy("HTTPS_PROXY", &with_password);
    let keys = json!({"accessKeyIDSecretRef": {"name": "aws", "key": "id"}, "secretAccessKeySecretRef": {"name": "aws", "key": "key"}});
    for (kind, settings, line) in [
        ("vault", vault("http://vault.invalid:8200"), "GET http://vault.invalid:8200/v1/secret/data/app"),
        ("webhook", json!({"url": "http://hook.invalid/{{ .remoteRef.key }}"}), "GET http://hook.invalid/app"),
        ("vault", vault("https://vault.invalid:8200"), "CONNECT vault.invalid:8200"),
        ("webhook", json!({"url": "https://hook.invalid/{{ .remoteRef.key }}"}), "CONNECT hook.invalid:443"),
        (
            "aws",
            json!({"service": "SecretsManager", "region": "eu-nowhere-1", "auth": {"secretRef": keys}}),
            "CONNECT secretsmanager.eu-nowhere-1.amazonaws.com:443",
        ),
        (
            "kubernetes",
            json!({"server": {"url": "https://cluster.invalid:6443"}, "auth": {"token": {"bearerToken": {"name": "vault", "key": "token"}}}}),
            "CONNECT cluster.invalid:6443",
        ),
    ] {
        let before = proxy.asked().len();
        let answer = asks(kind, &settings, world()).await;
        let asked = &proxy.asked()[before..];
        assert_eq!(asked[0].line, line);
        assert_eq!(asked[0].header("proxy-authorization"), Some("Basic dXNlcjpodW50ZXIy"));
        match answer {
            Ok(answer) => assert!(answer.is_some() && line.starts_with("GET ")),
            Err(error) => assert!(line.starts_with("CONNECT ") && error.kind() == ErrorKind::Busy, "{}", told(&error)),
        }
        assert!(line.starts_with("GET ") || asked.iter().all(|asked| !format!("{asked:?}").contains("hunter2-")), "a proxy sees no credentials");
    }
}

async fn what_is_reached_without_them_is() {
    let proxy = Stub::start(|_| Reply::new(502, ""));
    let system = Stub::start(|_| Reply::new(200, r#"{"data":{"data":{"k":"v"}}}"#));
    let world = || world().with_proxy("HTTP_PROXY", &proxy.address);
    // As in Go, whatever the variables say.
    assert!(asks("vault", &vault(&system.address), world()).await.expect("an answer").is_some());
    let direct = || world().with_proxy("NO_PROXY", "example.com,.invalid");
    let error = asks("vault", &vault("http://vault.invalid"), direct()).await.expect_err("nobody knows it");
    assert_eq!(error.kind(), ErrorKind::Busy, "{}", told(&error));
    assert!(proxy.lines().is_empty());
    let error =
        asks("vault", &vault("http://vault.invalid"), world().with_proxy("HTTP_PROXY", "socks5://hunter2@p")).await.expect_err("no such proxy");
    assert_eq!(told(&error), "set up a client: HTTP_PROXY is no address of a proxy that speaks http or https");
}

async fn no_address_is_reached_through_them_that_may_not_be_reached() {
    let proxy = Stub::start(|_| Reply::new(200, r#"{"data":{"data":{"k":"v"}}}"#));
    let port = proxy.address.rsplit(':').next().expect("a port").to_owned();
    let nothing = || Reach::outside(Vec::new(), ["0.0.0.0/0", "::/0"].map(|net| net.parse().expect("a network")).into());
    // The proxy itself lies where no store may go.
    let world = || world().with_reach(nothing()).with_proxy("HTTP_PROXY", &format!("http://localhost:{port}"));
    let own_name = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("this machine has a name").trim().to_lowercase();
    for server in [
        "http://169.254.169.254",
        "http://[fd00:ec2::254]",
        "http://10.1.2.3:8200",
        &format!("http://localhost:{port}"),
        &format!("http://{own_name}:8200"),
    ] {
        let error = asks("vault", &vault(server), world()).await.expect_err(server);
        assert_eq!(error.kind(), ErrorKind::Denied, "{server} {}", told(&error));
        assert!(told(&error).contains("--allow-provider-cidr"), "{server} {error}");
    }
    assert!(proxy.lines().is_empty());
    assert!(asks("vault", &vault("http://vault.invalid"), world()).await.expect("a name that only the proxy knows").is_some());
    assert_eq!(proxy.lines().len(), 1);
}
