//! A Vault that is slow, overwhelmed, or none at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use providers::provider::Search;
use providers::selector::RetrySettings;
use providers::{ErrorKind, Reach};
use serde_json::json;
use tests::access::TestAccess;
use tests::suite::Case;

use super::{connect, key, quiet, read, source, waiting, with_token};
use crate::stub::{Reply, Stub};

pub(super) fn cases() -> Vec<Case> {
    vec![
        waiting("vault_answers_that_are_none_are_told_apart", &[], answers),
        waiting("vault_that_is_overwhelmed_says_when_to_come_back", &[], throttled),
        waiting("vault_that_hangs_is_not_waited_for", &[], hanging),
        waiting("vault_answer_of_100_mb_is_not_read", &[], endless),
        waiting("vault_that_redirects_is_not_followed", &[], redirecting),
        waiting("vault_headers_and_namespaces_are_sent", &[], headers),
        waiting("vault_at_an_address_that_is_refused_is_not_asked", &[], refused_address),
        waiting("vault_whose_folders_never_end_is_given_up", &[], folders),
        waiting("vault_that_has_more_than_fits_is_given_up", &[], too_much),
        waiting("vault_is_told_which_state_it_must_have_to_know_our_sign_in", &[], index),
        waiting("vault_is_asked_again_as_often_as_the_store_says", &[], again),
    ]
}

fn world() -> Arc<TestAccess> {
    Arc::new(TestAccess::new().with_secret("vault", "token", "hunter2-token"))
}

async fn answers() {
    for (status, body, expected) in [
        (200, r#"{"data":{"data":{"k":"hunter2-value"}"#, ErrorKind::Invalid),
        (200, r#"{"data":{"data":["hunter2-value"]}}"#, ErrorKind::Invalid),
        (200, r#"{"data":{"data":"hunter2-value"}}"#, ErrorKind::Invalid),
        (200, r#"{"data":{"k":"hunter2-value"}}"#, ErrorKind::Invalid),
        (200, r#"{"data":null}"#, ErrorKind::Invalid),
        (200, "<html>hunter2-value</html>", ErrorKind::Invalid),
        (204, "", ErrorKind::Invalid),
        (400, r#"{"errors":["hunter2-value"]}"#, ErrorKind::Invalid),
        (403, r#"{"errors":["hunter2-value"]}"#, ErrorKind::Denied),
        (404, "<html>nginx</html>", ErrorKind::Invalid),
        (404, r#"{"errors":["no handler for route"]}"#, ErrorKind::Invalid),
        (412, r#"{"errors":[]}"#, ErrorKind::Busy),
        (500, r#"{"errors":["hunter2-value"]}"#, ErrorKind::Busy),
        (502, "<html>nginx</html>", ErrorKind::Busy),
        (503, r#"{"errors":["Vault is sealed"]}"#, ErrorKind::Busy),
    ] {
        let stub = Stub::start(move |_| Reply::new(status, body));
        let error = read(&source(&with_token(&stub.address, &json!({})), &world()).await, key("app")).await.expect_err(body);
        assert_eq!(error.kind(), expected, "{status} {body}: {error}");
        assert!(error.to_string().starts_with("read secret/data/app from Vault: "), "{error}");
        assert_eq!(stub.lines().len(), 1, "whoever asks has a queue of its own");
    }
    for (status, body) in [(404, r#"{"errors":[]}"#), (404, r#"{"data":{"data":null,"metadata":{}}}"#), (200, r#"{"data":{"data":null}}"#)] {
        let stub = Stub::start(move |_| Reply::new(status, body));
        let source = source(&with_token(&stub.address, &json!({})), &world()).await;
        assert_eq!(read(&source, key("app")).await.expect("it is not there"), None, "{body}");
    }
    let half = Stub::start(|_| Reply::new(200, r#"{"data":{"data":{"k":"v"}}}"#).cut());
    let error = read(&source(&with_token(&half.address, &json!({})), &world()).await, key("app")).await.expect_err("half an answer");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
}

async fn throttled() {
    for (status, after) in [(429, Some("7")), (503, Some("60")), (429, None)] {
        let stub = Stub::start(move |_| {
            let reply = Reply::new(status, r#"{"errors":["request path \"hunter2-value\": rate limit quota exceeded"]}"#);
            after.map_or_else(|| Reply::new(status, ""), |after| reply.with("Retry-After", after))
        });
        let error = read(&source(&with_token(&stub.address, &json!({})), &world()).await, key("app")).await.expect_err("it is overwhelmed");
        let pause = after.map(|after| Duration::from_secs(after.parse().expect("a number")));
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Busy, pause));
    }
}

async fn hanging() {
    let stub = Stub::start(|_| Reply::new(200, "{}").after(Duration::from_secs(60)));
    let source = source(&with_token(&stub.address, &json!({})), &world()).await;
    let start = Instant::now();
    let error = read(&source, key("app")).await.expect_err("it hangs");
    assert_eq!((error.to_string().as_str(), error.kind()), ("read secret/data/app from Vault: there is no answer in time", ErrorKind::Busy));
    assert!(start.elapsed() < Duration::from_secs(45));
}

async fn endless() {
    let stub = Stub::start(|_| Reply::new(200, vec![b'['; 100_000_000]));
    let source = source(&with_token(&stub.address, &json!({})), &world()).await;
    let error = read(&source, key("app")).await.expect_err("it is too long");
    assert_eq!((error.to_string().as_str(), error.kind()), ("read secret/data/app from Vault: the answer is too long", ErrorKind::Busy));
}

async fn redirecting() {
    let elsewhere = Stub::start(|_| Reply::new(200, r#"{"data":{"data":{"k":"v"}}}"#));
    let there = format!("{}/v1/secret/data/app", elsewhere.address);
    let stub = Stub::start(move |_| Reply::new(307, "").with("Location", &there));
    let error = read(&source(&with_token(&stub.address, &json!({})), &world()).await, key("app")).await.expect_err("it redirects");
    assert!(error.to_string().contains("it redirects to another address"), "{error}");
    assert_eq!(elsewhere.lines().len(), 0);
}

async fn headers() {
    let stub = Stub::start(|asked| match asked.line.as_str() {
        "POST /v1/auth/approle/login" => Reply::new(200, r#"{"auth":{"client_token":"hunter2-1","lease_duration":0,"renewable":false}}"#),
        _ => Reply::new(200, r#"{"data":{"data":{"k":"v"}}}"#),
    });
    let auth = json!({"namespace": "people", "appRole": {"roleId": "r", "secretRef": {"name": "vault", "key": "token"}}});
    let told = json!({"value": "two"});
    let hidden = json!({"secretKeyRef": {"name": "vault", "key": "token"}});
    let more = json!({
        "auth": auth, "namespace": "team", "readYourWrites": true, "forwardInconsistent": true,
        "headers": {"X-One": "one", "X-Two": told, "X-Three": hidden, "X-Vault-Namespace": "stolen"},
    });
    let source = source(&with_token(&stub.address, &more), &world()).await;
    read(&source, key("app")).await.expect("an answer");
    let asked = stub.asked();
    let [login, reading] = &*asked else { panic!("{asked:?}") };
    assert_eq!((login.header("x-vault-namespace"), reading.header("x-vault-namespace")), (Some("people"), Some("team")));
    assert_eq!((login.header("x-vault-token"), reading.header("x-vault-token")), (None, Some("hunter2-1")));
    for asked in [login, reading] {
        let sent = ["x-one", "x-two", "x-three", "x-vault-inconsistent"].map(|name| asked.header(name));
        assert_eq!(sent, [Some("one"), Some("two"), Some("hunter2-token"), Some("forward-active-node")]);
    }
}

async fn refused_address() {
    let stub = Stub::start(|_| Reply::new(200, "{}"));
    let world = TestAccess::new().with_secret("vault", "token", "hunter2-token").with_reach(Reach::default());
    let (world, port) = (Arc::new(world), stub.address.rsplit(':').next().expect("a port").to_owned());
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1"] {
        let source = source(&with_token(&format!("http://{host}:{port}"), &json!({})), &world).await;
        let error = read(&source, key("app")).await.expect_err("it must not be asked");
        assert!(error.to_string().contains("--allow-provider-cidr does not allow"), "{error}");
    }
    assert_eq!(stub.lines().len(), 0);
}

async fn folders() {
    let stub = Stub::start(|_| Reply::new(200, r#"{"data":{"keys":["a/"]}}"#));
    let catalog = connect(&with_token(&stub.address, &json!({})), &world()).await.expect("a store").catalog.expect("it can search");
    let error = catalog.find(&Search::default()).await.inspect_err(quiet).expect_err("there is no end");
    assert_eq!(error.to_string(), "search in Vault: folders lie more than 32 deep in each other");
    let escaping = Stub::start(|_| Reply::new(200, r#"{"data":{"keys":["../../sys/mounts"]}}"#));
    let catalog = connect(&with_token(&escaping.address, &json!({})), &world()).await.expect("a store").catalog.expect("it can search");
    assert_eq!(catalog.find(&Search::default()).await.expect_err("it leads elsewhere").kind(), ErrorKind::Invalid);
}

/// Whoever may make a store may point it at a server of their own, whose answers are as long as it likes.
async fn too_much() {
    let find = async |stub: &Stub| {
        let catalog = connect(&with_token(&stub.address, &json!({})), &world()).await.expect("a store").catalog.expect("it can search");
        let error = catalog.find(&Search::default()).await.inspect_err(quiet).expect_err("it does not fit");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        (error.to_string(), stub.lines().len())
    };
    let names = |count: usize| (0..count).map(|at| format!("k{at}")).collect::<Vec<_>>();
    let listed = json!({"data": {"keys": names(500)}}).to_string();
    let secret = json!({"data": {"data": {"k": "x".repeat(8 << 20)}}}).to_string();
    let stub = Stub::start(move |asked| Reply::new(200, if asked.line.contains("/metadata") { listed.clone() } else { secret.clone() }));
    let (said, asked) = find(&stub).await;
    assert_eq!(said, "search in Vault: there are more than fit into 64 MiB; a narrower search helps");
    assert!((1 + 8..=1 + 8 + 8).contains(&asked), "{asked}");
    let listed = json!({"data": {"keys": names(100_001)}}).to_string();
    let stub = Stub::start(move |_| Reply::new(200, listed.clone()));
    assert_eq!(find(&stub).await, ("search in Vault: there are more than 100000 names".to_owned(), 1));
    let listed = json!({"data": {"keys": names(200).iter().map(|name| format!("{}{name}/", "x".repeat(50_000))).collect::<Vec<_>>()}}).to_string();
    let stub = Stub::start(move |_| Reply::new(200, listed.clone()));
    let (said, asked) = find(&stub).await;
    assert_eq!(said, "search in Vault: there are more than fit into 64 MiB; a narrower search helps");
    assert!(asked <= 20, "{asked}");
}

async fn again() {
    let said = |max_retries: Option<i32>, interval: &str| RetrySettings { max_retries, retry_interval: Some(interval.to_owned()) };
    for (retries, status, after, requests) in [
        (None, 503, None, 1),
        (Some(said(None, "1ms")), 503, None, 1),
        (Some(said(Some(0), "1ms")), 503, None, 1),
        (Some(said(Some(2), "1ms")), 503, None, 3),
        (Some(said(Some(2), "1ms")), 412, None, 3),
        (Some(said(Some(1), "1ms")), 429, Some("0"), 2),
        // Nobody waits so long here: the queue does.
        (Some(said(Some(1), "1ms")), 429, Some("60"), 1),
        (Some(said(Some(2), "1ms")), 403, None, 1),
        (Some(said(Some(i32::MAX), "0s")), 500, None, 11),
    ] {
        let stub = Stub::start(move |_| {
            let reply = Reply::new(status, r#"{"errors":["hunter2-value"]}"#);
            after.map_or_else(|| Reply::new(status, ""), |after| reply.with("Retry-After", after))
        });
        let settings = with_token(&stub.address, &json!({}));
        let store = super::super::conformance::connected_with("vault", &settings, retries.as_ref(), world()).await.expect("a store");
        let error = read(&store.source.expect("a source"), key("app")).await.expect_err("it never gives in");
        assert_eq!(stub.lines().len(), requests, "{retries:?} {status}: {error}");
    }
    let stub = Stub::start(|_| Reply::new(503, ""));
    let (settings, slow) = (with_token(&stub.address, &json!({})), said(Some(2), "300ms"));
    let store = super::super::conformance::connected_with("vault", &settings, Some(&slow), world()).await.expect("a store");
    let start = Instant::now();
    read(&store.source.expect("a source"), key("app")).await.expect_err("it never gives in");
    assert!((Duration::from_millis(600)..Duration::from_secs(10)).contains(&start.elapsed()), "{:?}", start.elapsed());
    for (wrong, field) in [(said(Some(-1), "1s"), "maxRetries"), (said(Some(1), "soon"), "retryInterval")] {
        let error = super::super::conformance::connected_with("vault", &settings, Some(&wrong), world()).await.err().expect("it cannot be");
        assert!(error.to_string().starts_with(&format!("use the store: spec.retrySettings.{field} ")), "{error}");
    }
}

/// Only Vault Enterprise has servers that lag behind, so a server of our own plays one.
async fn index() {
    for (reads_own_writes, expected) in [(true, Some("state-1")), (false, None)] {
        let stub = Stub::start(|asked| match asked.line.as_str() {
            "POST /v1/auth/approle/login" => {
                let body = r#"{"auth":{"client_token":"hunter2-1","lease_duration":0,"renewable":false}}"#;
                Reply::new(200, body).with("X-Vault-Index", "state-1")
            }
            _ => Reply::new(200, r#"{"data":{"data":{"k":"v"}}}"#).with("X-Vault-Index", "state-2"),
        });
        let auth = json!({"appRole": {"roleId": "r", "secretRef": {"name": "vault", "key": "token"}}});
        let source = source(&with_token(&stub.address, &json!({"auth": auth, "readYourWrites": reads_own_writes})), &world()).await;
        for _ in 0..2 {
            read(&source, key("app")).await.expect("an answer");
        }
        let sent: Vec<Option<String>> = stub.asked().iter().map(|asked| asked.header("x-vault-index").map(str::to_owned)).collect();
        assert_eq!(sent, [None, expected.map(str::to_owned), expected.map(str::to_owned)]);
    }
}
