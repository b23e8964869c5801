//! A sign-in to Vault that is kept, renewed and, when it has to be, made anew: one for a store, not one for each read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use keys::SecretBytes;
use reqwest::Method as Verb;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::auth::{Auth, Offer};
use super::url;
use crate::error::{Error, Result};
use crate::http::{Answer, Client, Header, Request};
use crate::provider::Access;

/// A token that is younger than this is not the reason why Vault denies something.
const YOUNG: SignedDuration = SignedDuration::from_secs(5);

/// The same for a token that was made because of a denial, and was denied too.
const FUTILE: SignedDuration = SignedDuration::from_mins(5);

/// How long a refused sign-in is not tried again: many tries lock people out of a directory.
const REFUSED: SignedDuration = SignedDuration::from_secs(5);

/// How long before its end a token that cannot be renewed is replaced, at most.
const EARLY: Duration = Duration::from_secs(60);

/// What a server has written, and which state it must have to be asked for it.
///
/// *Source*: hashicorp/vault `api/client.go`, `HeaderIndex`.
const INDEX: &str = "X-Vault-Index";

/// What requests to Vault have in common.
pub(super) struct Session {
    /// What sends them.
    pub(super) client: Client,
    /// Where to.
    pub(super) server: String,
    /// Headers of all of them.
    pub(super) headers: Vec<Header>,
    /// Whether a server that does not know yet what we wrote must not answer.
    pub(super) reads_own_writes: bool,
    /// The namespace of the secrets.
    pub(super) namespace: Option<Header>,
    /// The namespace of the sign-in.
    pub(super) auth_namespace: Option<Header>,
    /// How to sign in; without, nobody is asked to (an agent of Vault does it).
    pub(super) auth: Option<Auth>,
    /// The world around.
    pub(super) access: Arc<dyn Access>,
    /// What there is of a sign-in.
    pub(super) held: Mutex<Held>,
}

/// What there is of a sign-in.
#[derive(Default)]
pub(super) enum Held {
    /// Nothing yet.
    #[default]
    Nothing,
    /// A token.
    Token(Arc<Token>),
    /// A refusal.
    Refused(Error, Timestamp),
}

/// A token, and until when it is of use.
pub(super) struct Token {
    value: SecretBytes,
    header: Header,
    since: Timestamp,
    /// When it is time to renew or to replace it; `None` for one that never ends.
    due: Option<Timestamp>,
    ends: Option<Timestamp>,
    lease: Duration,
    is_renewable: bool,
    is_futile: AtomicBool,
    /// Which state a server must have to know this token, in a cluster of several.
    index: Option<Header>,
}

/// What Vault answers to a sign-in.
#[derive(Deserialize)]
struct Signed {
    auth: Option<Grant>,
}

#[derive(Deserialize)]
struct Grant {
    #[serde(default)]
    client_token: String,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

impl Token {
    fn new(value: SecretBytes, lease: Duration, is_renewable: bool, now: Timestamp) -> Result<Self> {
        let header = Header::new("X-Vault-Token", &value)?;
        let early = if is_renewable { lease / 3 } else { EARLY.min(lease / 3) };
        let at = |after: Duration| (!lease.is_zero()).then(|| now.checked_add(after).ok()).flatten();
        let (due, ends) = (at(lease.saturating_sub(early)), at(lease));
        Ok(Self { value, header, since: now, due, ends, lease, is_renewable, is_futile: AtomicBool::new(false), index: None })
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.due.is_none_or(|due| now < due)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|ends| now >= ends)
    }
}

impl Session {
    /// Asks for a path below `/v1`, in the namespace of the secrets.
    ///
    /// # Errors
    /// Whatever keeps us from signing in, or Vault from answering. Every status is an answer.
    pub(super) async fn get(&self, what: &str, path: &str, query: &[(&str, &str)]) -> Result<Answer> {
        self.get_in(self.namespace.as_ref(), what, path, query).await
    }

    /// Asks Vault what it knows of our sign-in.
    pub(super) async fn examine(&self) -> Result<()> {
        let what = "use the sign-in to Vault";
        let answer = self.get_in(self.auth_namespace.as_ref(), what, "auth/token/lookup-self", &[]).await?;
        if answer.status == 200 { Ok(()) } else { Err(refusal(what, &answer)) }
    }

    /// Asks; after a denial once more, with a new sign-in, unless that which was denied is too young to be the reason.
    async fn get_in(&self, namespace: Option<&Header>, what: &str, path: &str, query: &[(&str, &str)]) -> Result<Answer> {
        let token = self.signed_in().await?;
        let answer = self.send(what, Verb::GET, path, query, (namespace, token.as_deref()), None).await?;
        let Some(denied) = token.filter(|_| answer.status == 403) else { return Ok(answer) };
        let Some(token) = self.signed_in_again(&denied).await? else { return Ok(answer) };
        let answer = self.send(what, Verb::GET, path, query, (namespace, Some(&token)), None).await?;
        if answer.status == 403 {
            token.is_futile.store(true, Ordering::Relaxed);
        }
        Ok(answer)
    }

    /// The token to use now, if this store signs in at all.
    async fn signed_in(&self) -> Result<Option<Arc<Token>>> {
        let Some(auth) = &self.auth else { return Ok(None) };
        let mut held = self.held.lock().await;
        let now = self.access.now();
        match &*held {
            Held::Token(token) if token.is_fresh(now) => return Ok(Some(Arc::clone(token))),
            Held::Token(token) if token.is_renewable && !token.is_over(now) => match self.renew(token, now).await {
                Ok(Some(renewed)) => {
                    let renewed = Arc::new(renewed);
                    *held = Held::Token(Arc::clone(&renewed));
                    return Ok(Some(renewed));
                }
                Ok(None) => {}
                // It is of use as long as it lives; whoever asks with it meets the same trouble, or none.
                Err(_) => return Ok(Some(Arc::clone(token))),
            },
            Held::Refused(error, since) if now.duration_since(*since) < REFUSED => return Err(error.clone()),
            _ => {}
        }
        self.sign_in(auth, &mut held).await.map(Some)
    }

    /// A token that is another one than that which was denied; `None` if there should be none.
    async fn signed_in_again(&self, denied: &Arc<Token>) -> Result<Option<Arc<Token>>> {
        let Some(auth) = &self.auth else { return Ok(None) };
        let mut held = self.held.lock().await;
        match &*held {
            Held::Token(token) if !Arc::ptr_eq(token, denied) => return Ok(Some(Arc::clone(token))),
            Held::Refused(error, _) => return Err(error.clone()),
            _ => {}
        }
        let age = self.access.now().duration_since(denied.since);
        if age < if denied.is_futile.load(Ordering::Relaxed) { FUTILE } else { YOUNG } {
            return Ok(None);
        }
        let token = self.sign_in(auth, &mut held).await?;
        // A token that stands in a Secret may be the same one.
        Ok((!token.value.ct_eq(&denied.value)).then_some(token))
    }

    async fn sign_in(&self, auth: &Auth, held: &mut Held) -> Result<Arc<Token>> {
        let now = self.access.now();
        match self.new_token(auth, now).await {
            Ok(token) => {
                let token = Arc::new(token);
                *held = Held::Token(Arc::clone(&token));
                Ok(token)
            }
            Err(error) => {
                *held = Held::Refused(error.clone(), now);
                Err(error)
            }
        }
    }

    async fn new_token(&self, auth: &Auth, now: Timestamp) -> Result<Token> {
        let (method, path, body) = match auth.method()?.offer(&self.access).await? {
            Offer::Token(token) => return Token::new(token, Duration::ZERO, false, now),
            Offer::Login { method, path, body } => (method, path, body),
        };
        let what = format!("sign in to Vault ({method} at {path})");
        let answer = self.send(&what, Verb::POST, &path, &[], (self.auth_namespace.as_ref(), None), Some(body)).await?;
        match answer.status {
            200 => {}
            400 | 401 | 403 => return Err(Error::denied(format!("{what}: Vault refuses (status {})", answer.status))),
            404 | 405 => return Err(Error::invalid(format!("{what}: there is no such method at that path (status {})", answer.status))),
            _ => return Err(refusal(&what, &answer)),
        }
        self.granted(&what, &answer, now)
    }

    /// Prolongs a token; `None` if that is over.
    async fn renew(&self, token: &Token, now: Timestamp) -> Result<Option<Token>> {
        let what = "renew the sign-in to Vault";
        let body = Some(SecretBytes::new(b"{}".to_vec()));
        let answer = self.send(what, Verb::POST, "auth/token/renew-self", &[], (self.auth_namespace.as_ref(), Some(token)), body).await?;
        match answer.status {
            200 => {
                let renewed = self.granted(what, &answer, now)?;
                // A lease that shrinks has met the longest that Vault allows.
                let is_renewable = renewed.is_renewable && renewed.lease * 2 > token.lease;
                Ok(Some(Token { is_renewable, ..renewed }))
            }
            412 | 429 | 502..=599 => Err(refusal(what, &answer)),
            // Vault says 500 of a token whose longest time is over.
            _ => Ok(None),
        }
    }

    async fn send(
        &self,
        what: &str,
        method: Verb,
        path: &str,
        query: &[(&str, &str)],
        (namespace, token): (Option<&Header>, Option<&Token>),
        body: Option<SecretBytes>,
    ) -> Result<Answer> {
        let wrong = || Error::invalid(format!("{what}: the address of Vault or the path is not one"));
        let mut url = url(&self.server, &[path]).ok_or_else(wrong)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut headers = self.headers.clone();
        headers.extend(namespace.cloned());
        headers.extend(token.map(|token| token.header.clone()));
        headers.extend(token.and_then(|token| token.index.clone()));
        Ok(self.client.send(Request { what, method, url, headers: &headers, body }).await?)
    }

    /// The token that an answer grants.
    fn granted(&self, what: &str, answer: &Answer, now: Timestamp) -> Result<Token> {
        let token = granted(what, answer, now)?;
        let index = answer.header(INDEX).filter(|_| self.reads_own_writes).map(|index| Header::new(INDEX, &index)).transpose()?;
        Ok(Token { index, ..token })
    }
}

/// The token that an answer grants.
fn granted(what: &str, answer: &Answer, now: Timestamp) -> Result<Token> {
    // EXPOSE: the answer is parsed.
    let signed: Option<Signed> = serde_json::from_slice(answer.body.expose()).ok();
    let Some(grant) = signed.and_then(|signed| signed.auth) else {
        return Err(Error::invalid(format!("{what}: Vault answers with something else than a token")));
    };
    if grant.client_token.is_empty() {
        return Err(Error::denied(format!("{what}: Vault wants more than this proof, such as a second factor")));
    }
    Token::new(SecretBytes::new(grant.client_token.into_bytes()), Duration::from_secs(grant.lease_duration), grant.renewable, now)
}

/// Why Vault does not do what it was asked for.
pub(super) fn refusal(what: &str, answer: &Answer) -> Error {
    let status = answer.status;
    let busy = |reason: &str| Error::busy(format!("{what}: {reason} (status {status})")).after(answer.retry_after);
    match status {
        401 | 403 => Error::denied(format!("{what}: Vault denies it to this sign-in (status {status})")),
        412 => busy("this server of Vault does not know our sign-in yet"),
        429 => busy("Vault is asked too often"),
        503 => busy("Vault is sealed, or under maintenance"),
        500..=599 => busy("Vault fails"),
        _ => Error::invalid(format!("{what}: Vault refuses (status {status})")),
    }
}
