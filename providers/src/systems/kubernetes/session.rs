//! The way to one API server: its address, whom to trust there, and who we are.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use keys::SecretBytes;
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::Value;
use url::Host;

use crate::error::{Error, Result};
use crate::http::{Answer, Client, Header, Request, Settings};
use crate::provider::Access;
use crate::reach::Reach;
use crate::selector::ServiceAccountSelector;

/// How long a token of a service account is asked for, in seconds.
///
/// *Source*: external-secrets `providers/v1/kubernetes/auth.go`, 2.9.0.
const TOKEN_LIFE: u32 = 3600;

/// The longest answer: a page of Secrets of the largest size that etcd takes, in base64.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;

/// How an API server is reached.
pub(super) struct Connection {
    /// Its address.
    pub(super) server: String,
    /// PEM certificates of those who vouch for it.
    pub(super) authorities: Option<SecretBytes>,
    /// PEM certificate and key that we show.
    pub(super) identity: Option<SecretBytes>,
    /// Trust whoever answers.
    pub(super) dangerous_trust: bool,
    /// Who we are.
    pub(super) who: Who,
}

/// Who we are, as a header says it.
pub(super) enum Who {
    /// Nobody, or who the certificate says.
    Nobody,
    /// Whoever bears a token.
    Bearer(Arc<Header>),
    /// A service account.
    Account(Account),
}

impl Who {
    /// Whoever bears this token.
    ///
    /// # Errors
    /// Invalid: no header can hold it.
    pub(super) fn bearer(token: &SecretBytes) -> Result<Self> {
        bearer(token).map(Self::Bearer)
    }
}

/// A service account, and the token that it has now.
pub(super) struct Account {
    access: Arc<dyn Access>,
    account: ServiceAccountSelector,
    badge: Mutex<Option<Badge>>,
}

#[derive(Clone)]
struct Badge {
    header: Arc<Header>,
    until: Timestamp,
}

impl Account {
    pub(super) fn new(access: Arc<dyn Access>, account: ServiceAccountSelector) -> Self {
        Self { access, account, badge: Mutex::default() }
    }

    /// The token, renewed when most of its life is over.
    async fn header(&self) -> Result<Arc<Header>> {
        let kept = self.badge.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(badge) = kept.filter(|badge| self.access.now() < badge.until) {
            return Ok(badge.header);
        }
        let token = self.access.token(&self.account, &self.account.audiences, TOKEN_LIFE).await?;
        let badge = Badge { header: bearer(&token)?, until: renewal(&token, self.access.now()) };
        let header = Arc::clone(&badge.header);
        *self.badge.lock().unwrap_or_else(PoisonError::into_inner) = Some(badge);
        Ok(header)
    }

    /// Forgets a token that the server does not take, unless somebody did so before.
    fn forget(&self, refused: &Arc<Header>) {
        let mut badge = self.badge.lock().unwrap_or_else(PoisonError::into_inner);
        if badge.as_ref().is_some_and(|badge| Arc::ptr_eq(&badge.header, refused)) {
            *badge = None;
        }
    }
}

/// When four fifths of a token's life are over. The server may have given less than it was asked for.
fn renewal(token: &SecretBytes, now: Timestamp) -> Timestamp {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    // EXPOSE: the end of its life is read from the token.
    let claims = token.expose().split(|byte| *byte == b'.').nth(1).and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok());
    let end = claims.and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok()).map(|claims| claims.exp);
    let asked = i64::from(TOKEN_LIFE);
    let life = end.map_or(asked, |end| end.saturating_sub(now.as_second()).clamp(0, asked));
    now.checked_add(SignedDuration::from_secs(life / 5 * 4)).unwrap_or(now)
}

fn bearer(token: &SecretBytes) -> Result<Arc<Header>> {
    // EXPOSE: the token goes into a header, without the line end that an editor leaves.
    let value = SecretBytes::new([b"Bearer ", token.expose().trim_ascii()].concat());
    Ok(Arc::new(Header::new("authorization", &value)?))
}

/// A signed-in client.
pub(super) struct Session {
    client: Client,
    base: Url,
    who: Who,
}

impl Session {
    /// Makes a client. `own` is the address of our own API server, which this store may reach if it is the one that its settings name.
    ///
    /// # Errors
    /// Invalid: an address, a certificate or a key.
    pub(super) fn new(connection: Connection, settings: Settings, own: Option<&str>) -> Result<Self> {
        let Connection { server, authorities, identity, dangerous_trust, who } = connection;
        let wrong = || Error::invalid("use the store: the address of the API server is not one");
        let base = address(&server).ok_or_else(wrong)?;
        let reach = widened(settings.reach.clone(), base.host().ok_or_else(wrong)?, own);
        let settings = Settings { authorities, identity, dangerous_trust, reach, longest_answer: LONGEST_ANSWER, retries: 0, ..settings };
        Ok(Self { client: Client::new(&settings)?, base, who })
    }

    /// Asks for what lies at a path.
    ///
    /// # Errors
    /// As [`Client::send`], and of the service account's token.
    pub(super) async fn read(&self, what: &str, path: &[&str], query: &[(&str, &str)]) -> Result<Answer> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(what, Method::GET, &url, None).await
    }

    /// Creates an object.
    ///
    /// # Errors
    /// As [`Session::read`].
    pub(super) async fn create(&self, what: &str, path: &[&str], object: &Value) -> Result<Answer> {
        self.send(what, Method::POST, &self.url(path)?, Some(object)).await
    }

    async fn send(&self, what: &str, method: Method, url: &Url, object: Option<&Value>) -> Result<Answer> {
        let send = async |header: Option<&Arc<Header>>| {
            let body = object.map(|object| SecretBytes::new(object.to_string().into_bytes()));
            let header = header.map(|header| std::slice::from_ref(&**header)).unwrap_or_default();
            Ok(self.client.send(Request { what, method: method.clone(), url: url.clone(), headers: header, body }).await?)
        };
        match &self.who {
            Who::Nobody => send(None).await,
            Who::Bearer(header) => send(Some(header)).await,
            Who::Account(account) => {
                let header = account.header().await?;
                let answer = send(Some(&header)).await;
                if !answer.as_ref().is_ok_and(|answer| answer.status == 401) {
                    return answer;
                }
                // The account may have been made anew, or the keys of the cluster have changed.
                account.forget(&header);
                send(Some(&account.header().await?)).await
            }
        }
    }

    fn url(&self, path: &[&str]) -> Result<Url> {
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| Error::invalid("use the store: the address of the API server is not one"))?.pop_if_empty().extend(path);
        Ok(url)
    }
}

/// Reads the address of an API server. Without a scheme it is https.
pub(super) fn address(text: &str) -> Option<Url> {
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("https://{text}")) }.ok()?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare).then_some(url)
}

/// Our own API server may be reached by whoever names it, with credentials of the store: it decides by those.
fn widened(reach: Reach, host: Host<&str>, own: Option<&str>) -> Reach {
    let Some(own) = own.and_then(|own| own.trim_matches(['[', ']']).parse::<IpAddr>().ok()) else { return reach };
    let is_own = match host {
        Host::Domain(name) => {
            let rest = name.trim_end_matches('.').strip_prefix("kubernetes.default");
            rest.is_some_and(|rest| matches!(rest, "" | ".svc") || rest.starts_with(".svc."))
        }
        Host::Ipv4(address) => own == IpAddr::V4(address),
        Host::Ipv6(address) => own == IpAddr::V6(address),
    };
    if is_own { reach.and(own) } else { reach }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_unless_it_says_otherwise_and_holds_no_password() {
        for (text, expected) in [
            ("kubernetes.default", Some("https://kubernetes.default/")),
            ("10.0.0.1:6443", Some("https://10.0.0.1:6443/")),
            ("http://127.0.0.1:8001/k8s/clusters/c-1/", Some("http://127.0.0.1:8001/k8s/clusters/c-1/")),
            ("https://user:hunter2@host", None),
            ("https://host?x", None),
            ("https://host#x", None),
            ("file:///etc", None),
            ("", None),
        ] {
            assert_eq!(address(text).map(String::from).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn our_own_api_server_is_reached_by_whoever_names_it_and_nothing_else_is() {
        let own: IpAddr = "10.96.0.1".parse().unwrap();
        let reach = || Reach::outside(Vec::new(), vec!["10.96.0.1/32".parse().unwrap()]);
        for (url, expected) in [
            ("kubernetes.default", true),
            ("https://kubernetes.default.svc:443", true),
            ("https://kubernetes.default.svc.cluster.local", true),
            ("https://10.96.0.1", true),
            ("https://10.96.0.2", false),
            ("https://kubernetes.default.example", false),
            ("https://kubernetes", false),
        ] {
            let url = address(url).unwrap();
            assert_eq!(widened(reach(), url.host().unwrap(), Some("10.96.0.1")).allows(own), expected, "{url}");
            assert!(!widened(reach(), url.host().unwrap(), None).allows(own), "{url}");
            assert!(!widened(reach(), url.host().unwrap(), Some("10.96.0.1")).allows("169.254.169.254".parse().unwrap()), "{url}");
        }
    }

    #[test]
    fn a_token_is_renewed_before_its_own_end() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let token = |claims: &str| SecretBytes::new(format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims)).into_bytes());
        for (token, seconds) in [
            (token(r#"{"exp":1000600}"#), 480),
            (token(r#"{"exp":9000000}"#), 2880),
            (token(r#"{"exp":5}"#), 0),
            (token(r#"{"exp":-9223372036854775808}"#), 0),
            (token("{}"), 2880),
            (SecretBytes::new(b"opaque".to_vec()), 2880),
        ] {
            assert_eq!(renewal(&token, now).as_second() - now.as_second(), seconds);
        }
    }
}
