//! Vault: the real one, and servers that only look like it.

use std::sync::Arc;

use providers::provider::{Answer, Capabilities, Reference, Source};
use providers::{Error, Result};
use serde_json::{Value, json};
use tests::access::TestAccess;
use tests::suite::{Case, case};

#[path = "vault/dev.rs"]
mod dev;
#[path = "vault/directory.rs"]
mod directory;
#[path = "vault/faults.rs"]
mod faults;
#[path = "vault/google.rs"]
mod google;
#[path = "vault/iam.rs"]
mod iam;
#[path = "vault/kv.rs"]
mod kv;
#[path = "vault/session.rs"]
mod session;
#[path = "vault/signing_in.rs"]
mod signing_in;

/// The beginning of every secret that a test gives to a store: no error may show one.
const CANARY: &str = "hunter2-";

/// The cases of this module.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(kv::cases());
    cases.extend(signing_in::cases());
    cases.extend(iam::cases());
    cases.extend(google::cases());
    cases.extend(directory::cases());
    cases.extend(session::cases());
    cases.extend(faults::cases());
    cases
}

/// Runs a case that waits.
fn waiting<F: Future<Output = ()>>(name: &str, needs: &'static [&'static str], run: impl FnOnce() -> F + Send + 'static) -> Case {
    case(name, needs, || super::conformance::run(run()))
}

/// Connects a store; neither it nor what it says shows a secret.
async fn connect(settings: &Value, access: &Arc<TestAccess>) -> Result<Capabilities> {
    super::conformance::connected("vault", settings, Arc::clone(access)).await
}

/// The source of a store that can be connected.
async fn source(settings: &Value, access: &Arc<TestAccess>) -> Arc<dyn Source> {
    connect(settings, access).await.expect("a store").source.expect("a source")
}

/// Settings of a store with a token, which is the key `token` of the Secret `vault`.
fn with_token(server: &str, more: &Value) -> Value {
    let mut settings = json!({"server": server, "path": "secret", "auth": {"tokenSecretRef": {"name": "vault", "key": "token"}}});
    for (name, value) in more.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    settings
}

fn key(name: &str) -> Reference {
    Reference { key: name.to_owned(), ..Reference::default() }
}

fn version(name: &str, version: &str) -> Reference {
    Reference { version: Some(version.to_owned()), ..key(name) }
}

/// What a source answers, as text.
async fn read(source: &Arc<dyn Source>, what: Reference) -> Result<Option<String>> {
    let answer = source.read(&what).await.inspect_err(quiet)?;
    Ok(answer.map(|answer| match answer {
        Answer::Value(value) => String::from_utf8(value.expose().to_vec()).expect("text"),
        Answer::Fields(_) => panic!("Vault has no fields"),
    }))
}

/// An error shows no secret.
fn quiet(error: &Error) {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(CANARY) && !shown.contains("hvs."), "{shown}");
}
