//! The one HTTP client: patient but not for ever, with a limit on answers, without redirects, and with errors that name no credential.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use keys::{Credentials, Error, ErrorKind, Result, SecretBytes};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity, Method, NoProxy, Proxy, Response, StatusCode, Url};
use url::Host;

use crate::reach::{Reach, Resolver};

/// The longest answer that is read where nobody says otherwise, in bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// The first pause before a request is sent again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause, whatever a server asks for.
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
    /// Address of a proxy for everything.
    pub(crate) proxy: Option<SecretBytes>,
    /// Addresses of proxies for http and https, and the hosts that are reached without.
    pub(crate) proxies: [Option<SecretBytes>; 3],
    /// How long one request may take.
    pub(crate) patience: Duration,
    /// How often a request is sent again.
    pub(crate) retries: u32,
    /// The first pause before that; each further one is twice as long.
    pub(crate) pause: Duration,
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
            proxy: None,
            proxies: [None, None, None],
            patience: Duration::from_secs(30),
            retries: 2,
            pause: FIRST_PAUSE,
            reach: Reach::everywhere(),
            longest_answer: LONGEST_ANSWER,
        }
    }
}

impl Settings {
    /// Takes the proxies that the environment names.
    #[must_use]
    pub(crate) fn with_proxies_of(self, credentials: &dyn Credentials) -> Self {
        let either = |names: [&str; 2]| names.into_iter().find_map(|name| credentials.variable(name));
        let proxies = [["HTTP_PROXY", "http_proxy"], ["HTTPS_PROXY", "https_proxy"], ["NO_PROXY", "no_proxy"]];
        Self { proxies: proxies.map(either), ..self }
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
}

/// A client, and its connections.
pub(crate) struct Client {
    inner: reqwest::Client,
    retries: u32,
    pause: Duration,
    reach: Reach,
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
        builder = builder.dns_resolver(Arc::new(Resolver(settings.reach.clone())));
        if let Some(authorities) = &settings.authorities {
            // EXPOSE: certificates, which are public.
            let certificates = Certificate::from_pem_bundle(authorities.expose()).map_err(wrong("the certificates of authorities are not PEM"))?;
            builder = builder.tls_certs_only(certificates);
        }
        if let Some(identity) = &settings.identity {
            // EXPOSE: the key goes to the TLS library.
            builder = builder.identity(Identity::from_pem(identity.expose()).map_err(wrong("our certificate and key are not PEM"))?);
        }
        for proxy in proxies(settings)? {
            builder = builder.proxy(proxy);
        }
        let inner = builder.tls_danger_accept_invalid_certs(settings.dangerous_trust).build().map_err(wrong("TLS refuses the settings"))?;
        let Settings { retries, pause, longest_answer, .. } = *settings;
        Ok(Self { inner, retries, pause, reach: settings.reach.clone(), longest_answer })
    }

    /// Sends a request; sends it again, after a pause, if it failed for a reason that may pass.
    ///
    /// # Errors
    /// Denied: the address is not one that may be connected to. Unavailable: nobody answers, or with more than is read. Every status is an answer, but a
    /// redirect, which nobody follows.
    pub(crate) async fn send(&self, request: Request<'_>) -> Result<Answer> {
        self.admit(request.what, &request.url)?;
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
            let wanted = match &result {
                Ok(response) if matches!(response.status().as_u16(), 429 | 500 | 502..=599) => {
                    asked_pause(response).or_else(|| Some(backoff(self.pause, sent)))
                }
                Err(error) if error.is_connect() || error.is_timeout() => Some(backoff(self.pause, sent)),
                _ => None,
            };
            match wanted {
                Some(pause) if sent < self.retries => tokio::time::sleep(pause.min(LONGEST_PAUSE)).await,
                _ => return self.taken(request.what, result).await,
            }
            sent += 1;
        }
    }

    /// Finds out whether somebody answers, whatever the answer; sends nothing but the address.
    ///
    /// # Errors
    /// As [`Client::send`], but no answer is an error.
    pub(crate) async fn knock(&self, what: &str, url: Url) -> Result<()> {
        self.admit(what, &url)?;
        let answer = self.inner.head(url).timeout(KNOCKING).send().await;
        answer.map(|_| ()).map_err(|error| Error::new(ErrorKind::Unavailable, format!("{what}: {}", told(&error))))
    }

    /// Holds an address that is no name against those that may be connected to; names are the resolver's.
    fn admit(&self, what: &str, url: &Url) -> Result<()> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            _ => return Ok(()),
        };
        if self.reach.allows(address) {
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
        Ok(Answer { status: status.as_u16(), body: SecretBytes::new(body), retry_after })
    }
}

fn proxies(settings: &Settings) -> Result<Vec<Proxy>> {
    let wrong = |_| Error::malformed("set up a client: the address of the proxy is not one");
    let text = |secret: &SecretBytes| {
        // EXPOSE: an address, which may hold a password, goes to the client.
        std::str::from_utf8(secret.expose()).map(str::to_owned).map_err(|_| Error::malformed("set up a client: a setting of the proxy is not text"))
    };
    if let Some(all) = &settings.proxy {
        return Ok(vec![Proxy::all(text(all)?).map_err(wrong)?]);
    }
    let [http, https, none] = &settings.proxies;
    let none = none.as_ref().map(text).transpose()?.and_then(|hosts| NoProxy::from_string(&hosts));
    let mut found = Vec::new();
    if let Some(http) = http {
        found.push(Proxy::http(text(http)?).map_err(wrong)?.no_proxy(none.clone()));
    }
    if let Some(https) = https {
        found.push(Proxy::https(text(https)?).map_err(wrong)?.no_proxy(none));
    }
    Ok(found)
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
