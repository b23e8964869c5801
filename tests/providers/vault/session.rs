//! A sign-in is kept, renewed and made anew: how often, is seen at a server that counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use providers::ErrorKind;
use serde_json::{Value, json};
use tests::access::TestAccess;
use tests::suite::Case;

use super::dev::{Dev, ROOT};
use super::{key, read, source, waiting, with_token};
use crate::stub::{Reply, Stub};

pub(super) fn cases() -> Vec<Case> {
    vec![
        waiting("vault_is_signed_in_to_once_for_many_reads", &[], once),
        waiting("vault_sign_in_is_renewed_before_it_ends_and_replaced_at_its_longest", &[], renewed),
        waiting("vault_sign_in_that_cannot_be_renewed_is_replaced", &[], replaced),
        waiting("vault_sign_in_is_made_anew_once_after_a_denial", &[], after_denial),
        waiting("vault_sign_in_that_is_refused_is_not_tried_with_each_read", &[], not_hammered),
        waiting("vault_token_in_a_secret_is_read_again_after_a_denial", &[], changed_token),
        waiting("vault_that_forgets_its_tokens_is_signed_in_to_anew", &["vault"], restarted),
        waiting("vault_token_that_ends_is_replaced", &["vault"], short),
    ]
}

const LOGIN: &str = "POST /v1/auth/userpass/login/anna";
const RENEWAL: &str = "POST /v1/auth/token/renew-self";
const READ: &str = "GET /v1/secret/data/app";

/// A Vault whose n-th sign-in gives the token `hunter2-n`, for a minute; `takes` says with which tokens it gives secrets.
fn counting(is_renewable: bool, takes: impl Fn(u32) -> bool + Send + Sync + 'static) -> Stub {
    let (made, renewals) = (AtomicU32::new(0), AtomicU32::new(0));
    Stub::start(move |asked| {
        let grant = |number: u32, lease: u32| {
            let auth = json!({"client_token": format!("hunter2-{number}"), "lease_duration": lease, "renewable": is_renewable});
            Reply::new(200, json!({ "auth": auth }).to_string())
        };
        match asked.line.as_str() {
            LOGIN => grant(made.fetch_add(1, Ordering::SeqCst) + 1, 60),
            RENEWAL => grant(made.load(Ordering::SeqCst), if renewals.fetch_add(1, Ordering::SeqCst) == 0 { 60 } else { 20 }),
            _ => {
                let number = asked.header("x-vault-token").and_then(|token| token.strip_prefix("hunter2-")?.parse().ok());
                match number {
                    Some(number) if takes(number) => Reply::new(200, r#"{"data":{"data":{"k":"v"}}}"#),
                    _ => Reply::new(403, r#"{"errors":["permission denied"]}"#),
                }
            }
        }
    })
}

fn settings(server: &str) -> Value {
    json!({"server": server, "path": "secret", "auth": {"userPass": {"username": "anna", "secretRef": {"name": "anna", "key": "password"}}}})
}

fn world() -> Arc<TestAccess> {
    Arc::new(TestAccess::new().with_secret("anna", "password", "hunter2-word"))
}

async fn once() {
    let stub = counting(true, |_| true);
    let source = source(&settings(&stub.address), &world()).await;
    let (first, second, third) = tokio::join!(read(&source, key("app")), read(&source, key("app")), read(&source, key("app")));
    assert!([first, second, third].into_iter().all(|answer| answer.is_ok_and(|answer| answer.is_some())));
    for _ in 0..10 {
        read(&source, key("app")).await.expect("an answer");
    }
    let lines = stub.lines();
    assert_eq!((lines.len(), lines.iter().filter(|line| *line == LOGIN).count()), (14, 1));
    assert_eq!(stub.asked()[0].body, r#"{"password":"hunter2-word"}"#);
}

async fn renewed() {
    let (stub, world) = (counting(true, |_| true), world());
    let source = source(&settings(&stub.address), &world).await;
    // A minute ends after 60 s, and is renewed from 40 s; the second renewal gives 20 s only, and from 14 s of it on there is a new sign-in.
    for seconds in [0, 35, 10, 30, 15, 10] {
        world.advance(Duration::from_secs(seconds));
        read(&source, key("app")).await.expect("an answer");
    }
    assert_eq!(stub.lines(), [LOGIN, READ, READ, RENEWAL, READ, READ, RENEWAL, READ, READ].map(str::to_owned)[..].to_vec());
}

async fn replaced() {
    let (stub, world) = (counting(false, |_| true), world());
    let source = source(&settings(&stub.address), &world).await;
    for seconds in [0, 39, 2, 1000] {
        world.advance(Duration::from_secs(seconds));
        read(&source, key("app")).await.expect("an answer");
    }
    assert_eq!(stub.lines(), [LOGIN, READ, READ, LOGIN, READ, LOGIN, READ]);
}

async fn after_denial() {
    let (stub, world) = (counting(true, |number| number == 2), world());
    let source = source(&settings(&stub.address), &world).await;
    let error = read(&source, key("app")).await.expect_err("the token is new, so it is not the reason");
    assert_eq!(error.kind(), ErrorKind::Denied);
    world.advance(Duration::from_secs(6));
    read(&source, key("app")).await.expect("the second token is taken");
    assert_eq!(stub.lines(), [LOGIN, READ, READ, LOGIN, READ]);

    let (stub, world) = (counting(true, |_| false), super::session::world());
    let source = super::source(&settings(&stub.address), &world).await;
    for _ in 0..6 {
        assert_eq!(read(&source, key("app")).await.expect_err("nobody may").kind(), ErrorKind::Denied);
        world.advance(Duration::from_secs(6));
    }
    assert_eq!(stub.lines().iter().filter(|line| *line == LOGIN).count(), 2, "one more, and not one for each read");
}

async fn not_hammered() {
    let stub = Stub::start(|_| Reply::new(400, r#"{"errors":["invalid username or password"]}"#));
    let world = world();
    let source = source(&settings(&stub.address), &world).await;
    for seconds in [0, 1, 1, 6, 1] {
        world.advance(Duration::from_secs(seconds));
        let error = read(&source, key("app")).await.expect_err("the password is wrong");
        assert_eq!(error.to_string(), "sign in to Vault (userPass at auth/userpass/login/anna): Vault refuses (status 400)");
    }
    assert_eq!(stub.lines(), [LOGIN, LOGIN]);
}

async fn changed_token() {
    let stub = counting(true, |number| number == 2);
    let world = Arc::new(TestAccess::new().with_secret("vault", "token", "hunter2-1"));
    let source = source(&with_token(&stub.address, &json!({})), &world).await;
    for _ in 0..2 {
        assert_eq!(read(&source, key("app")).await.expect_err("the token is over").kind(), ErrorKind::Denied);
        world.advance(Duration::from_secs(6));
    }
    assert_eq!(stub.lines(), [READ, READ], "the same token is not shown again");
    world.set_secret(tests::access::NAMESPACE, "vault", "token", "hunter2-2");
    world.advance(Duration::from_secs(6));
    read(&source, key("app")).await.expect("the other token is taken");
    assert_eq!(stub.lines(), [READ, READ, READ, READ]);
}

fn with_app_role(dev: &Dev, ttl: &str) {
    dev.mounts("approle", "auth/approle", &json!({}));
    dev.does("PUT", "sys/policies/acl/reader", json!({"policy": r#"path "secret/data/*" { capabilities = ["read"] }"#}));
    dev.does("POST", "auth/approle/role/app", json!({"token_policies": "reader", "token_ttl": ttl, "token_max_ttl": ttl}));
    dev.does("POST", "auth/approle/role/app/role-id", json!({"role_id": "role-1"}));
    dev.does("POST", "auth/approle/role/app/custom-secret-id", json!({"secret_id": "hunter2-secret"}));
    dev.puts("app", &json!({"k": "v"}));
}

fn app_role(dev: &Dev) -> (Value, Arc<TestAccess>) {
    let auth = json!({"appRole": {"roleId": "role-1", "secretRef": {"name": "app", "key": "secret"}}});
    let access = TestAccess::new().with_secret("app", "secret", "hunter2-secret");
    (json!({"server": dev.address, "path": "secret", "auth": auth}), Arc::new(access))
}

async fn restarted() {
    let dev = Dev::start();
    with_app_role(&dev, "1h");
    let (settings, access) = app_role(&dev);
    let source = source(&settings, &access).await;
    read(&source, key("app")).await.expect("an answer");
    let port = dev.port();
    drop(dev);
    // The connection that was kept breaks, and then there is nobody.
    let _ = read(&source, key("app")).await;
    let error = read(&source, key("app")).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    let dev = Dev::start_at(port);
    with_app_role(&dev, "1h");
    access.advance(Duration::from_secs(6));
    assert_eq!(read(&source, key("app")).await.expect("a new sign-in").as_deref(), Some(r#"{"k":"v"}"#));

    dev.does("PUT", "sys/seal", "");
    let error = read(&source, key("app")).await.expect_err("it is sealed");
    let expected = "read secret/data/app from Vault: Vault is sealed, or under maintenance (status 503)";
    assert_eq!((error.to_string().as_str(), error.kind()), (expected, ErrorKind::Busy));
    assert!(!ROOT.is_empty());
}

async fn short() {
    let dev = Dev::start();
    with_app_role(&dev, "2s");
    let (settings, access) = app_role(&dev);
    let source = source(&settings, &access).await;
    for _ in 0..5 {
        read(&source, key("app")).await.expect("an answer");
        tokio::time::sleep(Duration::from_millis(900)).await;
    }
}
