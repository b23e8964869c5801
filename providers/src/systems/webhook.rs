//! Whatever answers to HTTP: the way to systems that have no kind of their own.
//!
//! *Source*: external-secrets `providers/v1/webhook`, 2.9.0.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keys::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;

use super::System;
use crate::authorities;
use crate::duration;
use crate::error::{Error, Result};
use crate::http::{Client, Settings};
use crate::provider::{Access, Capabilities, KindOf, Scope, Store};
use crate::selector::{CaProvider, RetrySettings, SecretKeySelector};

mod hook;
mod path;

use hook::Hook;

/// This system.
pub(super) const SYSTEM: System = System { name: "webhook", master_keys: &[], store: Some(&KindOf::<Webhook>::new("webhook")) };

/// The label that a Secret must have to be sent anywhere.
///
/// *Source*: external-secrets `providers/v1/webhook/pkg/webhook`, 2.9.0.
const LABEL: (&str, &str) = ("external-secrets.io/type", "webhook");

/// What templates know the secret that is asked for as.
const REMOTE: &str = "remoteRef";

const FIELD: &str = "spec.provider.webhook";

/// What is sent where, and what is made of the answer.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    /// The address: a template.
    url: String,
    /// The verb; GET if there is none.
    #[serde(default)]
    method: Option<String>,
    /// Headers: templates by name.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// What is sent along: a template.
    #[serde(default)]
    body: Option<String>,
    /// How long an answer may take, as Go writes durations.
    #[serde(default)]
    timeout: Option<String>,
    /// How to sign in.
    #[serde(default)]
    auth: Option<Auth>,
    /// What is made of the answer.
    #[serde(default)]
    result: Outcome,
    /// Secrets that templates can use.
    #[serde(default)]
    secrets: Vec<Named>,
    /// Certificates of those who vouch for the server: PEM in base64.
    #[serde(default)]
    ca_bundle: Option<String>,
    /// Where such certificates lie.
    #[serde(default)]
    ca_provider: Option<CaProvider>,
}

/// How to sign in.
#[derive(Deserialize, JsonSchema)]
struct Auth {
    /// NTLM, which is not spoken here.
    #[serde(default)]
    ntlm: Option<Ntlm>,
}

/// A name and a password.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "they stand in the schema; whoever sets them is told that NTLM is not spoken")]
struct Ntlm {
    /// The name.
    username_secret: SecretKeySelector,
    /// The password.
    password_secret: SecretKeySelector,
}

/// What is made of an answer.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Outcome {
    /// Where in the answer the value lies: a template of a JSONPath. The whole answer, if there is none.
    json_path: Option<String>,
}

/// A Secret, and what templates know it as.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Named {
    /// What templates know it as.
    name: String,
    /// The Secret, which must be labelled for this.
    secret_ref: SecretKeySelector,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses, headers and bodies are left out: who wrote them may have put a password there.
        let secrets: Vec<&str> = self.secrets.iter().map(|secret| secret.name.as_str()).collect();
        f.debug_struct("Webhook").field("secrets", &secrets).finish_non_exhaustive()
    }
}

impl Store for Webhook {
    /// Templates see the namespace.
    fn depends_on_consumer(&self) -> bool {
        true
    }

    fn check(&self, scope: Scope) -> Result<()> {
        let wrong = |what: String| Err(Error::invalid(format!("use the store: {FIELD}.{what}")));
        if self.auth.as_ref().is_some_and(|auth| auth.ntlm.is_some()) {
            return wrong("auth.ntlm is not supported".to_owned());
        }
        if self.url.is_empty() {
            return wrong("url is empty".to_owned());
        }
        if hook::method(self.method.as_deref()).is_none() {
            return wrong("method is none of HTTP".to_owned());
        }
        if self.patience().is_none() {
            return wrong("timeout is no duration".to_owned());
        }
        for (at, secret) in self.secrets.iter().enumerate() {
            if secret.name.is_empty() || secret.name == REMOTE {
                return wrong(format!("secrets[{at}].name is empty, or the one of what is asked for"));
            }
            if scope == Scope::Cluster && secret.secret_ref.namespace.is_none() {
                return wrong(format!("secrets[{at}].secretRef names no namespace, which a ClusterSecretStore must"));
            }
        }
        authorities::check(self.ca_provider.as_ref(), scope, &format!("{FIELD}.caProvider"))
    }

    fn connect<'a>(&'a self, access: Arc<dyn Access>, _: Option<&'a RetrySettings>) -> BoxFuture<'a, Result<Capabilities>> {
        Box::pin(async move {
            self.check(access.scope())?;
            let mut secrets = BTreeMap::new();
            for Named { name, secret_ref } in &self.secrets {
                secrets.insert(name.clone(), access.labelled_secret(secret_ref, LABEL).await?);
            }
            let authorities = authorities::read(self.ca_bundle.as_deref(), self.ca_provider.as_ref(), &*access, FIELD).await?;
            let patience = self.patience().unwrap_or(hook::PATIENCE);
            let settings = Settings { authorities, patience, retries: 0, ..Settings::of_store(&*access)? };
            let hook = Hook {
                client: Client::new(&settings)?,
                access,
                url: self.url.clone(),
                method: hook::method(self.method.as_deref()).unwrap_or_default(),
                headers: self.headers.clone(),
                body: self.body.clone().unwrap_or_default(),
                path: self.result.json_path.clone().unwrap_or_default(),
                secrets,
            };
            Ok(Capabilities { source: Some(Arc::new(hook)), catalog: None })
        })
    }
}

impl Webhook {
    /// How long an answer may take; `None` if nobody can say.
    fn patience(&self) -> Option<Duration> {
        let given = self.timeout.as_deref().filter(|text| !text.is_empty()).map(duration::read);
        // No time at all means for ever in Go, which nobody here waits.
        given.map_or(Some(hook::PATIENCE), |given| given.map(|given| if given.is_zero() { hook::PATIENCE } else { given }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(settings: &Value, scope: Scope, expected: Option<&str>) {
        let mut whole = json!({"url": "https://user:hunter2@host/", "headers": {"authorization": "Bearer hunter2"}, "body": "hunter2"});
        for (key, value) in settings.as_object().unwrap() {
            whole[key] = value.clone();
        }
        let store = SYSTEM.store.unwrap().read(&whole).unwrap();
        let found = store.check(scope).err().map(|error| error.to_string());
        assert_eq!(found, expected.map(|what| format!("use the store: spec.provider.webhook.{what}")));
        assert!(!format!("{store:?} {found:?}").contains("hunter2"));
    }

    #[test]
    fn settings_are_checked_and_never_shown() {
        let secret = |name: &str, namespace: Value| json!({"secrets": [{"name": name, "secretRef": {"name": "s", "namespace": namespace}}]});
        check(&json!({}), Scope::Namespace, None);
        check(&json!({"method": "hunter2 x"}), Scope::Namespace, Some("method is none of HTTP"));
        check(&json!({"timeout": "hunter2"}), Scope::Namespace, Some("timeout is no duration"));
        check(&json!({"timeout": "1m30s", "method": "PATCH"}), Scope::Namespace, None);
        check(&json!({"url": ""}), Scope::Namespace, Some("url is empty"));
        let ntlm = json!({"auth": {"ntlm": {"usernameSecret": {"name": "n", "key": "u"}, "passwordSecret": {"name": "n", "key": "p"}}}});
        check(&ntlm, Scope::Namespace, Some("auth.ntlm is not supported"));
        check(&secret("a", json!(null)), Scope::Namespace, None);
        check(&secret("a", json!("b")), Scope::Cluster, None);
        check(&secret("a", json!(null)), Scope::Cluster, Some("secrets[0].secretRef names no namespace, which a ClusterSecretStore must"));
        check(&secret("remoteRef", json!("b")), Scope::Cluster, Some("secrets[0].name is empty, or the one of what is asked for"));
        let provider = json!({"caProvider": {"type": "Secret", "name": "s", "namespace": "b"}});
        check(&provider, Scope::Namespace, Some("caProvider.namespace must not be set in a SecretStore"));
    }
}
