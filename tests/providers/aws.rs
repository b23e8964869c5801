//! AWS: moto, which answers as AWS does, and servers that only look like it.
#![expect(clippy::unwrap_used, reason = "test code: what cannot go on must say so at once")]

use std::sync::Arc;

use providers::provider::{Answer, Capabilities, Catalog, Reference, Search, Source};
use providers::{Error, Result};
use serde_json::{Value, json};
use tests::access::TestAccess;
use tests::suite::{Case, case};

#[path = "aws/faults.rs"]
mod faults;
#[path = "aws/moto.rs"]
mod moto;
#[path = "aws/parameter_store.rs"]
mod parameter_store;
#[path = "aws/secrets_manager.rs"]
mod secrets_manager;
#[path = "aws/sessions.rs"]
mod sessions;
#[path = "aws/signing_in.rs"]
mod signing_in;

/// The beginning of every secret that a test gives to a store: no error may show one.
const CANARY: &str = "hunter2-";

/// An id of a key, which no error may show either.
const KEY_ID: &str = "AKIAHUNTER2HUNTER2";

/// The cases of this module.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(secrets_manager::cases());
    cases.extend(parameter_store::cases());
    cases.extend(signing_in::cases());
    cases.extend(sessions::cases());
    cases.extend(faults::cases());
    cases
}

/// Runs a case that waits.
fn waiting<F: Future<Output = ()>>(name: &str, needs: &'static [&'static str], run: impl FnOnce() -> F + Send + 'static) -> Case {
    case(name, needs, || super::conformance::run(run()))
}

/// Connects a store; neither it nor what it says shows a secret.
async fn connect(settings: &Value, access: &Arc<TestAccess>) -> Result<Capabilities> {
    super::conformance::connected("aws", settings, Arc::clone(access)).await
}

/// The source of a store that can be connected.
async fn source(settings: &Value, access: &Arc<TestAccess>) -> Arc<dyn Source> {
    connect(settings, access).await.expect("a store").source.expect("a source")
}

/// The catalog of a store that can be connected.
async fn catalog(settings: &Value, access: &Arc<TestAccess>) -> Arc<dyn Catalog> {
    connect(settings, access).await.expect("a store").catalog.expect("a catalog")
}

/// Settings of a store with keys in the Secret `aws`.
fn with_keys(service: &str, region: &str, more: &Value) -> Value {
    let selector = |key: &str| json!({"name": "aws", "key": key});
    let keys = json!({"accessKeyIDSecretRef": selector("id"), "secretAccessKeySecretRef": selector("secret")});
    with(json!({"service": service, "region": region, "auth": {"secretRef": keys}}), more)
}

fn with(mut settings: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    settings
}

/// What a store may use: every service at one address, and the keys of [`with_keys`].
fn access(address: &str) -> TestAccess {
    at(TestAccess::new(), address).with_secret("aws", "id", KEY_ID).with_secret("aws", "secret", format!("{CANARY}key"))
}

fn at(access: TestAccess, address: &str) -> TestAccess {
    let services = ["AWS_SECRETSMANAGER_ENDPOINT", "AWS_SSM_ENDPOINT", "AWS_STS_ENDPOINT"];
    services.into_iter().fold(access, |access, service| access.with_endpoint(service, address))
}

fn key(name: &str) -> Reference {
    Reference { key: name.to_owned(), ..Reference::default() }
}

fn version(name: &str, version: &str) -> Reference {
    Reference { version: Some(version.to_owned()), ..key(name) }
}

fn metadata(name: &str) -> Reference {
    Reference { metadata: true, ..key(name) }
}

/// Secrets whose names hold a text.
fn named(part: &'static str) -> Search {
    Search { pattern: Some(part.to_owned()), matches: Some(Arc::new(move |name: &str| name.contains(part))), ..Search::default() }
}

/// Secrets with a tag.
fn tagged(name: &str, value: &str) -> Search {
    Search { tags: [(name.to_owned(), value.to_owned())].into(), ..Search::default() }
}

fn below(path: &str, search: Search) -> Search {
    Search { path: Some(path.to_owned()), ..search }
}

/// What a source answers.
async fn read_bytes(source: &Arc<dyn Source>, what: Reference) -> Result<Option<Vec<u8>>> {
    let answer = source.read(&what).await.inspect_err(quiet)?;
    Ok(answer.map(|answer| match answer {
        Answer::Value(value) => value.expose().to_vec(),
        Answer::Fields(_) => panic!("AWS has no fields"),
    }))
}

/// What a source answers, as text.
async fn read(source: &Arc<dyn Source>, what: Reference) -> Result<Option<String>> {
    Ok(read_bytes(source, what).await?.map(|bytes| String::from_utf8(bytes).expect("text")))
}

/// What a source answers to several who ask at once, in the order of their names.
async fn read_at_once(source: &Arc<dyn Source>, names: impl Iterator<Item = String>) -> Vec<Result<Option<String>>> {
    let mut readers = Vec::new();
    for name in names {
        let source = Arc::clone(source);
        readers.push(tokio::spawn(async move { read(&source, key(&name)).await }));
    }
    let mut answers = Vec::new();
    for reader in readers {
        answers.push(reader.await.unwrap());
    }
    answers
}

/// The operations that a stub was asked for, from a place on.
fn operations(stub: &super::stub::Stub, from: usize) -> Vec<String> {
    let target = |asked: &super::stub::Asked| asked.header("x-amz-target")?.rsplit('.').next().map(str::to_owned);
    stub.asked().iter().skip(from).filter_map(target).collect()
}

/// What a catalog finds: "name=value" in order.
async fn find(catalog: &Arc<dyn Catalog>, what: &Search) -> Result<Vec<String>> {
    let found = catalog.find(what).await.inspect_err(quiet)?;
    Ok(found.iter().map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value.expose()))).collect())
}

/// An error shows no secret, and nothing of a signature.
fn quiet(error: &Error) {
    let shown = format!("{error} {error:?}");
    assert!([CANARY, KEY_ID, "Credential=", "RequestId", "ASIA"].iter().all(|secret| !shown.contains(secret)), "{shown}");
}
