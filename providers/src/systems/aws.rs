//! AWS: Secrets Manager and Parameter Store.
//!
//! *Source*: external-secrets `providers/v1/aws`, 2.9.0; the API references of Secrets Manager, Systems Manager and Security Token Service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keys::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::api::Api;
use self::auth::{Base, Role, Session};
use self::endpoint::Endpoint;
use self::parameter_store::ParameterStore;
use self::secrets_manager::SecretsManager;
use super::System;
use crate::error::{Error, Result};
use crate::http::{Client, Settings};
use crate::provider::{Access, Capabilities, KindOf, Scope, Store, Validity};
use crate::reach::Reach;
use crate::retries;
use crate::selector::{RetrySettings, SecretKeySelector, ServiceAccountSelector};

mod ambient;
mod api;
mod auth;
mod endpoint;
pub(super) mod identity;
mod machine;
mod parameter_store;
mod refusal;
mod secrets_manager;
mod sign;
mod sts;
mod together;

/// This system.
pub(super) const SYSTEM: System = System { name: "aws", master_keys: &[], store: Some(&KindOf::<Aws>::new("aws")) };

const FIELD: &str = "spec.provider.aws";

/// The longest answer that is read, in bytes: twenty secrets of 64 KiB, each character of which may need six.
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;

/// How long an answer may take: AWS answers in much less, and whoever asks comes back.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a request is sent again at once, where nobody says it.
const RETRIES: u32 = 1;

/// The same where there are settings for it that do not say how often.
const SILENT_RETRIES: u32 = 2;

/// How AWS is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Aws {
    /// Which of its services holds the secrets.
    service: Service,
    /// Its region.
    region: String,
    /// Who we are; without it, whoever this process is.
    #[serde(default)]
    auth: Auth,
    /// A role that is assumed last.
    #[serde(default)]
    role: String,
    /// Roles that are assumed before, one after the other.
    #[serde(default)]
    additional_roles: Vec<String>,
    /// What the owner of the last role asks of those who assume it.
    #[serde(default, rename = "externalID")]
    external_id: String,
    /// Tags of the session of the last role.
    #[serde(default)]
    session_tags: Vec<Tag>,
    /// Which of them are handed on to further roles.
    #[serde(default)]
    transitive_tag_keys: Vec<String>,
    /// Which tags are added by themselves.
    #[serde(default)]
    session_tags_policy: SessionTagsPolicy,
    /// Tags that the policy Custom adds.
    #[serde(default)]
    custom_session_tags: BTreeMap<String, String>,
    /// What is put in front of every key.
    #[serde(default)]
    prefix: String,
    /// How secrets are deleted that were pushed to Secrets Manager.
    #[serde(default)]
    #[expect(dead_code, reason = "part of the schema; secrets are only read so far")]
    secrets_manager: Option<Deletion>,
}

/// A service that holds secrets.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
enum Service {
    /// AWS Certificate Manager.
    CertificateManager,
    /// AWS Systems Manager Parameter Store.
    ParameterStore,
    /// AWS Secrets Manager.
    SecretsManager,
}

/// Who we are.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Auth {
    /// A service account, which stands for a role.
    #[serde(default)]
    pub(super) jwt: Option<Jwt>,
    /// Keys in Secrets.
    #[serde(default)]
    pub(super) secret_ref: Option<SecretRef>,
}

/// A service account, which stands for a role.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Jwt {
    /// The service account; its annotation `eks.amazonaws.com/role-arn` names the role.
    #[serde(default)]
    service_account_ref: Option<ServiceAccountSelector>,
}

/// Keys in Secrets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SecretRef {
    /// The id of the key.
    #[serde(rename = "accessKeyIDSecretRef")]
    access_key_id_secret_ref: SecretKeySelector,
    /// The key.
    secret_access_key_secret_ref: SecretKeySelector,
    /// The token of a session, if the key is one of a session.
    session_token_secret_ref: Option<SecretKeySelector>,
}

/// A tag.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
struct Tag {
    /// Its name.
    key: String,
    /// Its value.
    value: String,
}

/// Which tags of a session are added by themselves.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
enum SessionTagsPolicy {
    /// None.
    #[default]
    None,
    /// Namespace of the consumer, name and kind of the store.
    Simple,
    /// As Simple, and customSessionTags.
    Custom,
}

/// How secrets are deleted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "part of the schema; secrets are only read so far")]
struct Deletion {
    /// At once.
    #[serde(default)]
    force_delete_without_recovery: bool,
    /// After so many days, during which they can be had back.
    #[serde(default)]
    recovery_window_in_days: Option<i64>,
}

impl Auth {
    /// The way that counts, or nobody's in particular.
    ///
    /// # Errors
    /// Invalid, with the field below `field`.
    fn base(&self, field: &str) -> Result<Base> {
        match self {
            Self { jwt: Some(jwt), .. } => {
                let account = jwt.service_account_ref.clone().filter(|account| !account.name.is_empty());
                let account = account.ok_or_else(|| Error::invalid(format!("use the store: {field}.jwt.serviceAccountRef has no name")))?;
                Ok(Base::Account(account))
            }
            Self { secret_ref: Some(secrets), .. } => Ok(Base::Secrets(secrets.clone())),
            _ => Ok(Base::Ambient),
        }
    }

    /// Whether every reference that counts names something.
    ///
    /// # Errors
    /// Invalid, with the field below `field`.
    fn check(&self, field: &str) -> Result<()> {
        let Some(secrets) = &self.secret_ref else { return Ok(()) };
        let is_empty = |text: Option<&str>| text.is_none_or(str::is_empty);
        for (name, selector) in secrets.selectors() {
            if is_empty(selector.name.as_deref()) || is_empty(selector.key.as_deref()) {
                return Err(Error::invalid(format!("use the store: {field}.secretRef.{name} needs a name and a key")));
            }
        }
        Ok(())
    }
}

/// The namespaces of the references of the way to sign in that counts.
pub(super) fn namespaces<'a>(jwt: Option<&'a Jwt>, secrets: Option<&'a SecretRef>) -> Vec<Option<&'a str>> {
    match (jwt, secrets) {
        (Some(jwt), _) => jwt.service_account_ref.iter().map(|account| account.namespace.as_deref()).collect(),
        (None, Some(secrets)) => secrets.selectors().map(|(_, selector)| selector.namespace.as_deref()).collect(),
        _ => Vec::new(),
    }
}

impl SecretRef {
    fn selectors(&self) -> impl Iterator<Item = (&'static str, &SecretKeySelector)> {
        let both = [("accessKeyIDSecretRef", &self.access_key_id_secret_ref), ("secretAccessKeySecretRef", &self.secret_access_key_secret_ref)];
        both.into_iter().chain(self.session_token_secret_ref.as_ref().map(|token| ("sessionTokenSecretRef", token)))
    }
}

/// How AWS is reached.
fn client_settings(access: &dyn Access, reach: Reach) -> Result<Settings> {
    let settings = Settings { reach, patience: PATIENCE, retries: RETRIES, longest_answer: LONGEST_ANSWER, ..Settings::of_store(access)? };
    Ok(Settings { is_busy: refusal::is_busy, ..settings })
}

impl Aws {
    fn roles(&self, access: &dyn Access) -> Vec<Role> {
        let mut roles: Vec<Role> = self.additional_roles.iter().map(|arn| Role { arn: arn.clone(), ..Role::default() }).collect();
        if !self.role.is_empty() {
            let external_id = Some(self.external_id.clone()).filter(|id| !id.is_empty());
            roles.push(Role { arn: self.role.clone(), external_id, tags: self.tags(access), transitive: self.transitive_tag_keys.clone() });
        }
        roles
    }

    /// Tags of the last session; those that a policy adds cannot be overridden.
    fn tags(&self, access: &dyn Access) -> Vec<(String, String)> {
        let own = self.session_tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()));
        if self.session_tags_policy == SessionTagsPolicy::None {
            return own.collect();
        }
        let kind = match access.scope() {
            Scope::Cluster => "ClusterSecretStore",
            Scope::Namespace => "SecretStore",
        };
        let (store, namespace) = access.who();
        let built_in = [("esoNamespace", namespace), ("esoStoreName", store), ("esoStoreKind", kind)];
        let custom = self.custom_session_tags.iter().filter(|(key, value)| !key.is_empty() && !value.is_empty());
        let custom = custom.filter(|_| self.session_tags_policy == SessionTagsPolicy::Custom).map(|(key, value)| (key.clone(), value.clone()));
        let mut tags: BTreeMap<String, String> = own.chain(custom).collect();
        tags.extend(built_in.map(|(key, value)| (key.to_owned(), value.to_owned())));
        tags.into_iter().collect()
    }

    fn capabilities(&self, access: Arc<dyn Access>, retries: Option<&RetrySettings>) -> Result<Capabilities> {
        let region = self.region.as_str();
        let sts = Endpoint::new(access.as_ref(), "sts", "AWS_STS_ENDPOINT", region)?;
        let (endpoint, targets) = match self.service {
            Service::SecretsManager => (Endpoint::new(access.as_ref(), "secretsmanager", "AWS_SECRETSMANAGER_ENDPOINT", region)?, "secretsmanager"),
            Service::ParameterStore => (Endpoint::new(access.as_ref(), "ssm", "AWS_SSM_ENDPOINT", region)?, "AmazonSSM"),
            Service::CertificateManager => return Err(no_certificates()),
        };
        let settings = client_settings(access.as_ref(), endpoint.reach(sts.reach(access.reach())))?;
        let client = Arc::new(Client::new(&retries::honoured(retries, SILENT_RETRIES, settings)?)?);
        // Credentials that are another consumer's each time.
        let is_open = access.scope() == Scope::Cluster && namespaces(self.auth.jwt.as_ref(), self.auth.secret_ref.as_ref()).contains(&None);
        let validity = if is_open { Validity::Unknown } else { Validity::Valid };
        let (base, roles) = (self.auth.base(&format!("{FIELD}.auth"))?, self.roles(access.as_ref()));
        let session = Session::new(access, Arc::clone(&client), sts, base, roles);
        let api = Api { client, session, endpoint, targets, validity };
        let prefix = self.prefix.clone();
        Ok(match self.service {
            Service::ParameterStore => {
                let store = Arc::new(ParameterStore::new(api, prefix));
                Capabilities { source: Some(Arc::<ParameterStore>::clone(&store)), catalog: Some(store) }
            }
            _ => {
                let store = Arc::new(SecretsManager::new(api, prefix));
                Capabilities { source: Some(Arc::<SecretsManager>::clone(&store)), catalog: Some(store) }
            }
        })
    }
}

impl Store for Aws {
    /// Session tags name the namespace.
    fn depends_on_consumer(&self) -> bool {
        self.session_tags_policy != SessionTagsPolicy::None
    }

    fn check(&self, _: Scope) -> Result<()> {
        if self.service == Service::CertificateManager {
            return Err(no_certificates());
        }
        if !endpoint::is_region(&self.region) {
            return Err(Error::invalid(format!("use the store: {FIELD}.region is not the name of a region")));
        }
        if self.additional_roles.iter().any(String::is_empty) {
            return Err(Error::invalid(format!("use the store: {FIELD}.additionalRoles has an empty entry")));
        }
        self.auth.check(&format!("{FIELD}.auth"))?;
        self.auth.base(&format!("{FIELD}.auth")).map(|_| ())
    }

    fn connect<'a>(&'a self, access: Arc<dyn Access>, retries: Option<&'a RetrySettings>) -> BoxFuture<'a, Result<Capabilities>> {
        Box::pin(async move {
            self.check(access.scope())?;
            self.capabilities(access, retries)
        })
    }
}

fn no_certificates() -> Error {
    Error::invalid("use the store: spec.provider.aws.service CertificateManager is not supported")
}

#[cfg(test)]
mod tests;
