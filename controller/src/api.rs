//! Requests to the API server, all but the watches: how many at a time, how many a second, and what it says no with.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Request};
use http_body_util::{BodyExt, Limited};
use keys::SecretBytes;
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

use crate::lease::Lead;
use crate::lenient::Head;
use crate::transport::Transport;

/// Requests that may be under way at a time.
const IN_FLIGHT: usize = 32;

/// How long the server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take where the Lease is concerned: two attempts must fit into the time that a leader has.
const URGENT: Duration = Duration::from_secs(4);

/// How often a request is repeated because the server asks to come back later.
const REPEATS: usize = 5;

/// Longest time that the server may ask us to wait.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Largest answer: an object has 1.5 MiB at most in etcd, and its JSON may be longer.
const LONGEST_ANSWER: usize = 16 << 20;

/// The answer is the object.
const WHOLE: HeaderValue = HeaderValue::from_static("application/json");

/// The answer is the object's metadata: the least that the server sends. An older one sends all of it.
///
/// *Source*: Kubernetes, API concepts, "Metadata-only fetches".
const METADATA: HeaderValue = HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json");

/// How fast requests may follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Requests at once.
    pub(crate) burst: NonZeroU32,
}

/// A client of the API server.
pub(crate) struct Api {
    client: Client,
    transport: Transport,
    in_flight: Semaphore,
    limiter: Option<DefaultDirectRateLimiter>,
    rest_until: Mutex<Option<Instant>>,
    lead: Arc<Lead>,
}

/// What the server says no with.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// HTTP status; zero if there was no answer.
    pub(crate) status: u16,
    /// The server's word for it.
    pub(crate) reason: String,
    /// The server's words, or why there was no answer.
    pub(crate) message: String,
    /// Paths of the fields that are wrong, without what stands in them.
    pub(crate) fields: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    reason: String,
    message: String,
    details: Details,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    causes: Vec<Cause>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cause {
    field: String,
}

impl Refusal {
    /// Something else than the server's word is in the way.
    pub(crate) fn no_answer(message: impl Into<String>) -> Self {
        Self { status: 0, reason: String::new(), message: message.into(), fields: Vec::new() }
    }

    /// Whether the object that was to be made is there already.
    pub(crate) fn is_already_there(&self) -> bool {
        self.status == 409 && self.reason == "AlreadyExists"
    }

    /// Whether somebody else was faster.
    pub(crate) fn is_conflict(&self) -> bool {
        self.status == 409 && !self.is_already_there()
    }

    /// Whether the object takes more room than the server or its store has for one.
    ///
    /// *Source*: kube-apiserver 1.36 answers 413; etcd's limit comes through it as 500, in the words of etcd or of its client.
    pub(crate) fn is_too_large(&self) -> bool {
        self.status == 413 || (self.status >= 500 && ["too large", "larger than max"].iter().any(|words| self.message.contains(words)))
    }

    /// What it says, without the values that it quotes: they may be of a Secret.
    pub(crate) fn without_values(&self) -> String {
        let mut text = String::new();
        let told = self.to_string();
        let mut rest = told.as_str();
        while let Some(start) = QUOTING.iter().filter_map(|words| Some(rest.find(words)? + words.len())).min() {
            let (before, value) = rest.split_at(start);
            text.push_str(before.trim_end_matches(": "));
            rest = after_literal(value);
        }
        text + rest
    }

    /// Whether it may go through later, without anybody changing anything.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.status, 0 | 408 | 409 | 429 | 500..)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            0 => write!(f, "no answer from the API server: {}", self.message),
            _ if self.message.is_empty() => write!(f, "the API server answers {}", self.status),
            _ => f.write_str(&self.message),
        }
    }
}

impl Api {
    /// Wraps a client.
    pub(crate) fn new(client: Client, transport: Transport, pace: Option<Pace>, lead: Arc<Lead>) -> Self {
        let limiter = pace.and_then(|pace| {
            let quota = Quota::with_period(Duration::from_secs_f64(1.0 / pace.rate))?.allow_burst(pace.burst);
            Some(RateLimiter::direct(quota))
        });
        Self { client, transport, in_flight: Semaphore::new(IN_FLIGHT), limiter, rest_until: Mutex::new(None), lead }
    }

    /// The client itself, for watches.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Sends a request that no other may keep waiting: for the Lease, by which it is decided who may write.
    pub(crate) async fn urgent<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&SecretBytes>) -> Result<T, Refusal> {
        let answer = timeout(URGENT, self.exchange(method, path, body, WHOLE)).await;
        parsed(&answer.map_err(|_| Refusal::no_answer("it takes too long"))?.map_err(|(refusal, _)| refusal)?)
    }

    /// Sends a request, and reads the answer whole. Waits for its turn, and comes back later if the server asks for it.
    ///
    /// A write is sent only by the process that leads, which is asked at the last moment: it ends otherwise.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&SecretBytes>) -> Result<SecretBytes, Refusal> {
        self.repeat(method, path, body, WHOLE).await
    }

    /// As [`Api::send`], for a write of which only matters that it was made; and the resourceVersion that the object has now, if the server tells.
    pub(crate) async fn tell(&self, method: Method, path: &str, body: &SecretBytes) -> Result<Option<String>, Refusal> {
        Ok(parsed::<Head>(&self.repeat(method, path, Some(body), METADATA).await?).unwrap_or_default().metadata.resource_version)
    }

    async fn repeat(&self, method: Method, path: &str, body: Option<&SecretBytes>, accept: HeaderValue) -> Result<SecretBytes, Refusal> {
        let mut repeats = 0;
        loop {
            self.rest().await;
            if let Some(limiter) = &self.limiter {
                limiter.until_ready().await;
            }
            let permit = self.in_flight.acquire().await.map_err(|_| Refusal::no_answer("the controller ends"))?;
            if method != Method::GET {
                self.lead.check();
            }
            let answer = timeout(PATIENCE, self.exchange(method.clone(), path, body, accept.clone())).await;
            drop(permit);
            match answer {
                Err(_) => return Err(Refusal::no_answer("it takes too long")),
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err((refusal, None))) => return Err(refusal),
                Ok(Err((refusal, Some(_)))) if repeats == REPEATS => return Err(refusal),
                Ok(Err((_, Some(rest)))) => {
                    repeats += 1;
                    *self.rest_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + rest.min(LONGEST_REST));
                }
            }
        }
    }

    /// As [`Api::send`], for an answer that is no Secret, or one whose type keeps it.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&SecretBytes>) -> Result<T, Refusal> {
        parsed(&self.send(method, path, body).await?)
    }

    /// Sends a patch of the kind that merges.
    pub(crate) async fn patch(&self, path: &str, body: &SecretBytes) -> Result<SecretBytes, Refusal> {
        self.send(Method::PATCH, path, Some(body)).await
    }

    async fn rest(&self) {
        loop {
            let until = *self.rest_until.lock().unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return,
            }
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&SecretBytes>,
        accept: HeaderValue,
    ) -> Result<SecretBytes, (Refusal, Option<Duration>)> {
        let lost = |error: &dyn std::error::Error| (Refusal::no_answer(innermost(error)), None);
        // EXPOSE: what is written to the cluster travels there, over TLS.
        let body = body.map_or_else(Vec::new, |body| body.expose().to_vec());
        let kind = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, kind).header(ACCEPT, accept).body(Body::from(body));
        let request = request.map_err(|error| lost(&error))?;
        let (head, body) = self.transport.send(request).await.map_err(|error| lost(&*error))?.into_parts();
        let answer = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(|error| lost(&*error))?;
        let answer = SecretBytes::new(answer.to_bytes().to_vec());
        if head.status.is_success() {
            return Ok(answer);
        }
        // EXPOSE: a refusal holds no object; it is read for its words.
        let Status { reason, message, details } = serde_json::from_slice(answer.expose()).unwrap_or_default();
        let rest = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
        let status = head.status.as_u16();
        let fields = details.causes.into_iter().map(|cause| cause.field).filter(|field| !field.is_empty()).collect();
        Err((Refusal { status, reason, message, fields }, rest.filter(|_| status == 429 || status == 503)))
    }
}

/// Words of the server before a value that it quotes.
///
/// *Source*: `k8s.io/apimachinery/pkg/util/validation/field/errors.go`, v1.36.
const QUOTING: [&str; 3] = ["Invalid value: ", "Unsupported value: ", "Duplicate value: "];

/// What follows a value in Go's notation; nothing, if it cannot be told where it ends.
fn after_literal(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('"') else { return "" };
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return inner.get(at + 1..).unwrap_or_default(),
            _ => {}
        }
    }
    ""
}

fn parsed<T: DeserializeOwned>(answer: &SecretBytes) -> Result<T, Refusal> {
    // EXPOSE: it is parsed, and nothing of it is told if that fails.
    serde_json::from_slice(answer.expose()).map_err(|_| Refusal::no_answer("the answer is of another kind than was asked for"))
}

/// The last reason of a chain: the first ones only say that a request failed.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut reason = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &str) -> String {
        Refusal { status: 422, reason: "Invalid".to_owned(), message: message.to_owned(), fields: Vec::new() }.without_values()
    }

    #[test]
    fn values_that_the_server_quotes_are_not_told() {
        for (message, expected) in [
            (r#"Secret "app" is invalid: data: Too long: may not be more than 1048576 bytes"#, None),
            (
                r#"Secret "app" is invalid: metadata.labels: Invalid value: "hunter2 \"x\": y": a valid label must be empty"#,
                Some(r#"Secret "app" is invalid: metadata.labels: Invalid value: a valid label must be empty"#),
            ),
            (
                r#"is invalid: [a: Invalid value: "hunter2": no, b: Unsupported value: "hunter2": supported values: "x"]"#,
                Some(r#"is invalid: [a: Invalid value: no, b: Unsupported value: supported values: "x"]"#),
            ),
            (r#"is invalid: a: Invalid value: {"x":"hunter2"}: no"#, Some("is invalid: a: Invalid value")),
            (r#"is invalid: a: Duplicate value: "hunter2"#, Some("is invalid: a: Duplicate value")),
        ] {
            assert_eq!(told(message), expected.unwrap_or(message));
            assert!(!told(message).contains("hunter2"));
        }
    }
}
