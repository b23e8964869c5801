//! Who we are to AWS: keys, kept as long as they hold.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use keys::SecretBytes;
use tokio::sync::Mutex;

use super::SecretRef;
use super::ambient;
use super::endpoint::Endpoint;
use super::sts::{self, Sts};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Client;
use crate::provider::Access;
use crate::selector::ServiceAccountSelector;

/// How long before they expire keys are renewed.
const EARLY: SignedDuration = SignedDuration::from_mins(5);

/// How long a token of a service account is good for, in seconds: it is used at once.
const TOKEN_SECONDS: u32 = 600;

/// What a service account is annotated with.
///
/// *Source*: aws/amazon-eks-pod-identity-webhook.
const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";
const AUDIENCE_ANNOTATION: &str = "eks.amazonaws.com/audience";
const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";

/// What requests are signed with.
pub(super) struct Keys {
    pub(super) id: SecretBytes,
    pub(super) secret: SecretBytes,
    pub(super) token: Option<SecretBytes>,
    pub(super) expires: Option<Timestamp>,
}

impl Keys {
    fn are(&self, other: &Self) -> bool {
        let tokens = match (&self.token, &other.token) {
            (Some(one), Some(other)) => one.ct_eq(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.id.ct_eq(&other.id) && self.secret.ct_eq(&other.secret) && tokens
    }

    /// Whether they hold for so long yet.
    fn hold(&self, now: Timestamp, for_: SignedDuration) -> bool {
        self.expires.is_none_or(|expires| now.duration_until(expires) > for_)
    }
}

/// Where the first keys come from.
pub(super) enum Base {
    /// A service account, by the role that it is annotated with.
    Account(ServiceAccountSelector),
    /// What this process is.
    Ambient,
    /// Secrets.
    Secrets(SecretRef),
}

/// A role that is assumed.
#[derive(Default)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) external_id: Option<String>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) transitive: Vec<String>,
}

/// One identity, and the keys that it has at the moment.
pub(super) struct Session {
    access: Arc<dyn Access>,
    client: Arc<Client>,
    endpoint: Endpoint,
    base: Base,
    roles: Vec<Role>,
    // Held while somebody signs in, so that all others wait for that one sign-in.
    kept: Mutex<Option<Arc<Keys>>>,
}

impl Session {
    pub(super) fn new(access: Arc<dyn Access>, client: Arc<Client>, endpoint: Endpoint, base: Base, roles: Vec<Role>) -> Self {
        Self { access, client, endpoint, base, roles, kept: Mutex::new(None) }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.access.now()
    }

    /// The keys to sign with; signs in if there are none, or if they expire soon.
    pub(super) async fn keys(&self) -> Result<Arc<Keys>> {
        let mut kept = self.kept.lock().await;
        let now = self.now();
        match kept.as_ref() {
            Some(keys) if keys.hold(now, EARLY) => return Ok(Arc::clone(keys)),
            _ => {}
        }
        match (self.sign_in().await, kept.as_ref()) {
            (Ok(keys), _) => Ok(Arc::clone(kept.insert(Arc::new(keys)))),
            // Whoever gives keys is away, but the old ones do yet.
            (Err(error), Some(keys)) if error.kind() == ErrorKind::Busy && keys.hold(now, SignedDuration::ZERO) => Ok(Arc::clone(keys)),
            (Err(error), _) => Err(error),
        }
    }

    /// Other keys than those that were refused; `None`, if there are no others.
    pub(super) async fn renewed(&self, refused: &Arc<Keys>) -> Result<Option<Arc<Keys>>> {
        let mut kept = self.kept.lock().await;
        if let Some(keys) = kept.as_ref().filter(|keys| !Arc::ptr_eq(keys, refused)) {
            return Ok(Some(Arc::clone(keys)));
        }
        let keys = self.sign_in().await?;
        if keys.are(refused) {
            return Ok(None);
        }
        Ok(Some(Arc::clone(kept.insert(Arc::new(keys)))))
    }

    async fn sign_in(&self) -> Result<Keys> {
        let sts = Sts { client: &self.client, endpoint: &self.endpoint };
        let mut keys = match &self.base {
            Base::Account(account) => self.account(&sts, account).await?,
            Base::Ambient => ambient::keys(self.access.as_ref(), &sts).await?,
            Base::Secrets(secrets) => self.secrets(secrets).await?,
        };
        for role in &self.roles {
            keys = sts.assume(role, &keys, self.now()).await?;
        }
        Ok(keys)
    }

    async fn secrets(&self, secrets: &SecretRef) -> Result<Keys> {
        let id = self.access.secret(&secrets.access_key_id_secret_ref).await?;
        let secret = self.access.secret(&secrets.secret_access_key_secret_ref).await?;
        let token = match &secrets.session_token_secret_ref {
            Some(token) => Some(self.access.secret(token).await?),
            None => None,
        };
        Ok(Keys { id, secret, token, expires: None })
    }

    async fn account(&self, sts: &Sts<'_>, account: &ServiceAccountSelector) -> Result<Keys> {
        let annotations = self.access.annotations(account).await?;
        let annotation = |name: &str| annotations.get(name).filter(|value| !value.is_empty());
        let role = annotation(ROLE_ANNOTATION)
            .ok_or_else(|| Error::denied(format!("sign in to AWS: service account {} has no annotation {ROLE_ANNOTATION}", account.name)))?;
        let mut audiences = vec![annotation(AUDIENCE_ANNOTATION).map_or(DEFAULT_AUDIENCE, String::as_str).to_owned()];
        audiences.extend(account.audiences.iter().cloned());
        let token = self.access.token(account, &audiences, TOKEN_SECONDS).await?;
        sts.assume_with_token(role, sts::SESSION_NAME, &token).await
    }
}
