//! Requests to one API server, or to one web server that hands out a certificate.

use std::fmt;
use std::io;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use kube::client::{AuthError, Body};
use kube::{Client, Config};
use tokio::runtime::{Builder, Runtime};

use super::duration;
use super::error::{Error, ErrorKind, Result, shown};
use super::kubeconfig::Settings;
use super::response::{Answer, Target};

/// How often a request is repeated when the server asks to come back later, as client-go does.
const RETRIES: u32 = 10;

/// Longest time that the server may ask us to wait, in seconds.
const LONGEST_WAIT: u64 = 60;

const JSON: &str = "application/json";

/// What is done with a target.
#[derive(Clone, Copy, Debug)]
pub(super) enum Method {
    /// Reads it.
    Get,
    /// Sends something to it.
    Post,
    /// Replaces it.
    Put,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }

    fn small(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
        }
    }

    /// As Go's errors call it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Get => "Get",
            Self::Post => "Post",
            Self::Put => "Put",
        }
    }
}

/// Starts a runtime of the calling thread.
///
/// # Errors
/// Busy: the system gives no event queue.
pub(super) fn runtime() -> Result<Runtime> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build();
    runtime.map_err(|error| Error::new(ErrorKind::Busy, format!("start the network client: {error}")))
}

/// A client of one server, and how its addresses are shown and asked.
pub(super) struct Link {
    client: Client,
    base: String,
    query: String,
    timeout: Option<Duration>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({})", self.base)
    }
}

/// A request that is ready to go.
pub(super) struct Prepared<'a> {
    link: &'a Link,
    method: Method,
    path: String,
    accept: &'static str,
    body: Option<Vec<u8>>,
    kind: &'static str,
}

impl Link {
    /// Makes a client from what the kubeconfig says; nothing is sent yet, but a credential plugin may run.
    ///
    /// # Errors
    /// Configuration: certificates or credentials cannot be loaded.
    pub(super) async fn connect(settings: Settings) -> Result<Self> {
        let timeout = settings.timeout.filter(|timeout| !timeout.is_zero());
        let config = settings.config().await?;
        let query = timeout.map(|timeout| format!("?timeout={}", duration::show(timeout))).unwrap_or_default();
        Self::new(config, query, timeout)
    }

    /// Makes a client of any server.
    ///
    /// # Errors
    /// As [`Link::connect`].
    pub(super) fn new(mut config: Config, query: String, timeout: Option<Duration>) -> Result<Self> {
        config.default_retry = false;
        let base = shown(config.cluster_url.to_string().trim_end_matches('/'));
        let client = Client::try_from(config).map_err(|error| Error::new(ErrorKind::Configuration, cause(&error, "")))?;
        Ok(Self { client, base, query, timeout })
    }

    /// Prepares a request to a Service.
    pub(super) fn request(&self, method: Method, target: &Target, suffix: &str, accept: &'static str, body: Option<Vec<u8>>) -> Prepared<'_> {
        Prepared { link: self, method, path: format!("{}{}", target.path(suffix), self.query), accept, body, kind: JSON }
    }

    /// Prepares the reading of a path.
    pub(super) fn get(&self, path: String, accept: &'static str) -> Prepared<'_> {
        Prepared { link: self, method: Method::Get, path, accept, body: None, kind: JSON }
    }

    /// Prepares the reading or writing of an object.
    pub(super) fn object(&self, method: Method, path: String, accept: &'static str, body: Option<Vec<u8>>) -> Prepared<'_> {
        Prepared { link: self, method, path: format!("{path}{}", self.query), accept, body, kind: JSON }
    }

    /// Prepares the sending of a form to a path.
    pub(super) fn post_form(&self, path: String, form: Vec<u8>) -> Prepared<'_> {
        Prepared { link: self, method: Method::Post, path, accept: JSON, body: Some(form), kind: "application/x-www-form-urlencoded" }
    }
}

impl Prepared<'_> {
    /// Sends the request and reads the answer, waiting and repeating if the server asks for it.
    ///
    /// # Errors
    /// Busy: no connection, or no answer in time. Answer: it is larger than the limit. Denied: no credentials to be had.
    pub(super) async fn send(&self, limit: usize) -> Result<Answer> {
        let mut repeats = 0;
        loop {
            let (answer, wait, _) = self.once(limit).await?;
            match wait {
                Some(seconds) if repeats < RETRIES => tokio::time::sleep(Duration::from_secs(seconds.min(LONGEST_WAIT))).await,
                _ => return Ok(answer),
            }
            repeats += 1;
        }
    }

    /// Sends the request once; also gives the new address if the server redirects.
    ///
    /// # Errors
    /// As [`Prepared::send`].
    pub(super) async fn follow(&self, limit: usize) -> Result<(Answer, Option<String>)> {
        let (answer, _, location) = self.once(limit).await?;
        Ok((answer, location))
    }

    async fn once(&self, limit: usize) -> Result<(Answer, Option<u64>, Option<String>)> {
        let exchange = async {
            let response = self.link.client.send(self.build()?).await.map_err(|error| self.unreachable(&error))?;
            self.read(response, limit).await
        };
        match self.link.timeout {
            None => exchange.await,
            Some(timeout) => tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|_| {
                let late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
                Err(Error::new(ErrorKind::Busy, format!("{} {}: {late}", self.method.title(), self.shown_address())))
            }),
        }
    }

    fn build(&self) -> Result<Request<Body>> {
        let mut request = Request::builder().method(self.method.name()).uri(&self.path).header(ACCEPT, self.accept);
        if self.body.is_some() {
            request = request.header(CONTENT_TYPE, self.kind);
        }
        let body = Body::from(self.body.clone().unwrap_or_default());
        request.body(body).map_err(|_| Error::new(ErrorKind::Configuration, "the address cannot be written as a URL"))
    }

    async fn read(&self, response: Response<Body>, limit: usize) -> Result<(Answer, Option<u64>, Option<String>)> {
        let (head, body) = response.into_parts();
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let status = head.status.as_u16();
        let wait = header(RETRY_AFTER).filter(|_| status == 429 || status >= 500).and_then(|seconds| seconds.parse().ok());
        let location = header(LOCATION).filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308)).map(str::to_owned);
        let is_text = header(CONTENT_TYPE).is_none_or(|kind| kind.starts_with("text/"));
        let body = Limited::new(body, limit).collect().await.map_err(|_| {
            Error::new(
                ErrorKind::Answer,
                format!("{} {}: the answer breaks off or is larger than {limit} bytes", self.method.title(), self.shown_address()),
            )
        })?;
        let answer = Answer { status, method: self.method.small(), is_text, body: body.to_bytes().to_vec() };
        Ok((answer, wait, location))
    }

    fn shown_address(&self) -> String {
        format!("\"{}{}\"", self.link.base, self.path)
    }

    fn unreachable(&self, error: &kube::Error) -> Error {
        let kind = if matches!(error, kube::Error::Auth(_)) { ErrorKind::Denied } else { ErrorKind::Busy };
        let authority = self.link.base.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
        Error::new(kind, format!("{} {}: {}", self.method.title(), self.shown_address(), cause(error, authority)))
    }
}

/// The innermost reason, in Go's words where it is one that everybody knows; never what a credential plugin printed.
fn cause(error: &kube::Error, authority: &str) -> String {
    let mut reason: &dyn std::error::Error = error;
    loop {
        if let Some(error) = reason.downcast_ref::<AuthError>() {
            return credentials(error);
        }
        if let Some(error) = reason.downcast_ref::<io::Error>()
            && let Some(text) = known(error, authority)
        {
            return text;
        }
        if reason.to_string() == "dns error" {
            return format!("dial tcp: lookup {}: no such host", authority.split(':').next().unwrap_or_default());
        }
        match reason.source() {
            Some(source) => reason = source,
            None => return reason.to_string(),
        }
    }
}

fn known(error: &io::Error, authority: &str) -> Option<String> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(format!("dial tcp {authority}: connect: connection refused")),
        io::ErrorKind::TimedOut => Some(format!("dial tcp {authority}: i/o timeout")),
        _ => None,
    }
}

fn credentials(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecStart(error) => format!("getting credentials: exec: {error}"),
        AuthError::AuthExecRun { out, .. } => format!("getting credentials: exec: the plugin failed, {}", out.status),
        AuthError::ReadTokenFile(error, path) => format!("getting credentials: {}", super::error::describe("open", path, error)),
        _ => "getting credentials: no usable credential came back".to_owned(),
    }
}
