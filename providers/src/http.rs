//! The one HTTP client: patient but not for ever, with a limit on answers, without redirects, and with errors that name no credential.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use keys::{Error, ErrorKind, Result, SecretBytes};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity, Method, Response, StatusCode, Url};
use url::Host;

use crate::provider::Access;
use crate::proxies::Proxies;
use crate::reach::{Reach, Resolver};

/// The longest answer that is read where nobody says otherwise, in bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// The first pause before a request is sent again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause; a server that asks for a longer one is not asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long it may take to find out whether somebody answers.
const KNOCKING: Duration = Duration::from_secs(15);

/// How to reach a system.
pub(crate) struct Settings {
    /// PEM certificates of those who vouch for the server, instead of the system's own.
    pub(crate) authorities: Option<SecretBytes>,
    /// PEM certificate and private key that we show.
    pub(crate) identity: Option<SecretBytes>,
    /// Trust whoever answers.
    pub(crate) dangerous_trust: bool,
    /// What goes through a proxy.
    pub(crate) proxies: Proxies,
    /// How long one request may take.
    pub(crate) patience: Duration,
    /// How often a request is sent again.
    pub(crate) retries: u32,
    /// The first pause before that; each further one is twice as long.
    pub(crate) pause: Duration,
    /// Whether no pause is longer than the first.
    pub(crate) is_steady: bool,
    /// Which answers ask to come again, besides those whose status says so.
    pub(crate) is_busy: fn(&Answer) -> bool,
    /// Which addresses may be connected to.
    pub(crate) reach: Reach,
    /// The longest answer that is read, in bytes.
    pub(crate) longest_answer: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            authorities: None,
            identity: None,
            dangerous_trust: false,
            proxies: Proxies::default(),
            patience: Duration::from_secs(30),
            retries: 2,
            pause: FIRST_PAUSE,
            is_steady: false,
            is_busy: |_| false,
            reach: Reach::everywhere(),
            longest_answer: LONGEST_ANSWER,
        }
    }
}

impl Settings {
    /// Those of a store: what it may reach, through the proxies that whoever runs us sets.
    ///
    /// # Errors
    /// Malformed: the address of a proxy.
    pub(crate) fn of_store(access: &dyn Access) -> Result<Self> {
        Ok(Self { reach: access.reach(), proxies: Proxies::of(|name| access.proxy(name))?, ..Self::default() })
    }
}

/// One header of a request; its value is a secret.
#[derive(Clone)]
pub(crate) struct Header(HeaderName, HeaderValue);

impl Header {
    /// # Errors
    /// Malformed: a name or a value that no header can have.
    pub(crate) fn new(name: &str, value: &SecretBytes) -> Result<Self> {
        let wrong = || Error::malformed(format!("send {name}: its value has impossible bytes"));
        // EXPOSE: the value is sent to the system that it is for.
        let mut value = HeaderValue::from_bytes(value.expose()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::malformed("send a header whose name is none"))?;
        Ok(Self(name, value))
    }
}

/// A request.
pub(crate) struct Request<'a> {
    /// What for, as an error says it.
    pub(crate) what: &'a str,
    /// Its verb.
    pub(crate) method: Method,
    /// Where to.
    pub(crate) url: Url,
    /// Headers.
    pub(crate) headers: &'a [Header],
    /// JSON, unless the headers say otherwise.
    pub(crate) body: Option<SecretBytes>,
}

/// An answer.
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Its body.
    pub(crate) body: SecretBytes,
    /// When it asks to be asked again.
    pub(crate) retry_after: Option<Duration>,
    headers: HeaderMap,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<SecretBytes> {
        self.headers.get(name).map(|value| SecretBytes::new(value.as_bytes().to_vec()))
    }
}

/// A client, and its connections.
pub(crate) struct Client {
    inner: reqwest::Client,
    retries: u32,
    pause: Duration,
    is_steady: bool,
    is_busy: fn(&Answer) -> bool,
    reach: Reach,
    proxies: Proxies,
    longest_answer: usize,
}

impl Client {
    /// Makes a client; nothing is connected yet.
    ///
    /// # Errors
    /// Malformed: a certificate, a key or an address of a proxy.
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        let wrong = |what: &'static str| move |_: reqwest::Error| Error::malformed(format!("set up a client: {what}"));
        let mut builder = reqwest::Client::builder().no_proxy().redirect(Policy::none()).connect_timeout(CONNECTING).timeout(settings.patience);
        builder = builder.dns_resolver(Arc::new(Resolver { reach: settings.reach.clone(), proxies: settings.proxies.clone() }));
        if let Some(authorities) = &settings.authorities {
            // EXPOSE: certificates, which are public.
            let certificates = Certificate::from_pem_bundle(authorities.expose()).map_err(wrong("the certificates of authorities are not PEM"))?;
            builder = builder.tls_certs_only(certificates);
        }
        if let Some(identity) = &settings.identity {
            // EXPOSE: the key goes to the TLS library.
            builder = builder.identity(Identity::from_pem(identity.expose()).map_err(wrong("our certificate and key are not PEM"))?);
        }
        if let Some(proxy) = settings.proxies.custom() {
            builder = builder.proxy(proxy);
        }
        let inner = builder.tls_danger_accept_invalid_certs(settings.dangerous_trust).build().map_err(wrong("TLS refuses the settings"))?;
        let Settings { retries, pause, is_steady, is_busy, longest_answer, .. } = *settings;
        Ok(Self { inner, retries, pause, is_steady, is_busy, reach: settings.reach.clone(), proxies: settings.proxies.clone(), longest_answer })
    }

    /// Sends a request; sends it again, after a pause, if it failed for a reason that may pass.
    ///
    /// # Errors
    /// Denied: the address is not one that may be connected to. Unavailable: nobody answers, or with more than is read. Every status is an answer, but a
    /// redirect, which nobody follows.
    pub(crate) async fn send(&self, request: Request<'_>) -> Result<Answer> {
        self.admit(request.what, &request.url).await?;
        let mut headers = HeaderMap::new();
        if request.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for Header(name, value) in request.headers {
            headers.insert(name.clone(), value.clone());
        }
        let mut sent = 0;
        loop {
            let mut attempt = self.inner.request(request.method.clone(), request.url.clone()).headers(headers.clone());
            if let Some(body) = &request.body {
                // EXPOSE: the body is sent to the system that it is for.
                attempt = attempt.body(body.expose().to_vec());
            }
            let result = attempt.send().await;
            let passing = match &result {
                Ok(response) if matches!(response.status().as_u16(), 429 | 500 | 502..=599) => self.pause(sent, asked_pause(response)),
                Err(error) if error.is_connect() || error.is_timeout() => self.pause(sent, None),
                _ => None,
            };
            let pause = match passing {
                Some(pause) => pause,
                None => {
                    let answer = self.taken(request.what, result).await?;
                    match self.pause(sent, answer.retry_after).filter(|_| (self.is_busy)(&answer)) {
                        Some(pause) => pause,
                        None => return Ok(answer),
                    }
                }
            };
            tokio::time::sleep(pause).await;
            sent += 1;
        }
    }

    /// The pause before a request is sent again; `None` if it is not.
    fn pause(&self, sent: u32, asked: Option<Duration>) -> Option<Duration> {
        let pause = match asked {
            // Whoever asks for a longer one is left alone until somebody comes later.
            Some(asked) if asked > LONGEST_PAUSE => return None,
            Some(asked) => asked,
            None if self.is_steady => self.pause,
            None => backoff(self.pause, sent),
        };
        (sent < self.retries).then(|| pause.min(LONGEST_PAUSE))
    }

    /// Finds out whether somebody answers, whatever the answer; sends nothing but the address.
    ///
    /// # Errors
    /// As [`Client::send`], but no answer is an error.
    pub(crate) async fn knock(&self, what: &str, url: Url) -> Result<()> {
        self.admit(what, &url).await?;
        let answer = self.inner.head(url).timeout(KNOCKING).send().await;
        answer.map(|_| ()).map_err(|error| Error::new(ErrorKind::Unavailable, format!("{what}: {}", told(&error))))
    }

    /// Holds an address against those that may be connected to. A name that is connected to is the resolver's; one that goes through a proxy is resolved
    /// there, so what it leads to here is looked at before, if it leads anywhere.
    async fn admit(&self, what: &str, url: &Url) -> Result<()> {
        let is_allowed = match url.host() {
            Some(Host::Ipv4(address)) => self.reach.allows(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => self.reach.allows(IpAddr::V6(address)),
            // The resolver lets the names of proxies pass.
            Some(Host::Domain(name)) if self.proxies.for_(url).is_some() || self.proxies.are_at(name) => {
                let found = tokio::net::lookup_host((name, 0)).await;
                found.map_or(true, |mut found| found.all(|address| self.reach.allows(address.ip())))
            }
            _ => true,
        };
        if is_allowed {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Denied, format!("{what}: its address is one that --allow-provider-cidr does not allow")))
    }

    async fn taken(&self, what: &str, result: reqwest::Result<Response>) -> Result<Answer> {
        let unavailable = |reason: &str| Error::new(ErrorKind::Unavailable, format!("{what}: {reason}"));
        let mut response = result.map_err(|error| unavailable(&told(&error)))?;
        let (status, retry_after) = (response.status(), asked_pause(&response));
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(unavailable("it redirects to another address, which would be sent the credentials; that is not followed"));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(&told(&error)))? {
            body.extend_from_slice(&chunk);
            if body.len() > self.longest_answer {
                return Err(unavailable("the answer is too long"));
            }
        }
        Ok(Answer { status: status.as_u16(), body: SecretBytes::new(body), retry_after, headers: std::mem::take(response.headers_mut()) })
    }
}

/// The pause that the server asks for, in whole seconds.
fn asked_pause(response: &Response) -> Option<Duration> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// Twice as long each time, and a little different each time, so that many clients do not come back together.
fn backoff(first: Duration, sent: u32) -> Duration {
    let mut dice = [0; 1];
    // Without randomness the pause is what it is.
    let _ = aws_lc_rs::rand::fill(&mut dice);
    first.saturating_mul(1 << sent.min(6)).mul_f64(1.0 + f64::from(dice[0]) / 512.0)
}

/// The innermost reason of a failure: what the system or TLS says, and no address, which may hold a password.
fn told(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "there is no answer in time".to_owned();
    }
    let mut inner = error.source();
    let mut reason = String::new();
    while let Some(cause) = inner {
        reason = cause.to_string();
        inner = cause.source();
    }
    let kind = if error.is_connect() { "it cannot be reached" } else { "the connection breaks" };
    if reason.is_empty() || reason.contains("://") {
        return kind.to_owned();
    }
    format!("{kind} ({})", reason.chars().filter(|one| !one.is_control()).take(200).collect::<String>())
}

#[cfg(test)]
mod tests;
