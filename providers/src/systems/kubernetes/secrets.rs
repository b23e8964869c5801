//! The Secrets of one namespace.

use std::collections::BTreeMap;

use keys::{BoxFuture, SecretBytes};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::session::Session;
use super::{is_name, text};
use crate::error::{Error, ErrorKind, Result};
use crate::http;
use crate::provider::{Answer, Catalog, Lookup, Reference, Search, Source, Validity};
use crate::tally::Found;

/// How many Secrets are asked for at once.
const PAGE: &str = "20";

/// How many pages one search may have.
const MOST_PAGES: usize = 10_000;

/// The Secrets of one namespace of a cluster.
pub(super) struct Secrets {
    /// None: whose credentials are used is known with a consumer only.
    session: Option<Session>,
    namespace: String,
    /// Whether the credentials are those of the consumer.
    is_consumers: bool,
}

#[derive(Deserialize)]
struct Secret {
    #[serde(default)]
    metadata: Metadata,
    /// In base64.
    #[serde(default)]
    data: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    #[serde(rename = "continue")]
    rest: Option<String>,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    items: Option<Vec<Secret>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    reason: String,
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Review<S> {
    status: S,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rules {
    #[serde(default)]
    resource_rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    verbs: Vec<String>,
}

impl Rule {
    fn allows_reading_secrets(&self) -> bool {
        let has = |list: &[String], one: &str| list.iter().any(|entry| entry == one || entry == "*");
        has(&self.resources, "secrets") && has(&self.verbs, "get") && (self.api_groups.is_empty() || has(&self.api_groups, ""))
    }
}

#[derive(Deserialize)]
struct Allowance {
    #[serde(default)]
    allowed: bool,
}

impl Secrets {
    pub(super) fn new(session: Option<Session>, namespace: String, is_consumers: bool) -> Self {
        Self { session, namespace, is_consumers }
    }

    fn session(&self, what: &str) -> Result<&Session> {
        self.session.as_ref().ok_or_else(|| Error::denied(format!("{what}: its credentials are those of a consumer, and there is none")))
    }

    async fn secret(&self, what: &Reference) -> Result<Option<Answer>> {
        let doing = format!("read Secret {}/{}", self.namespace, what.key);
        if !is_name(&what.key, 253) {
            // What is no name may be anything, such as a value that was put into the wrong field.
            return Err(Error::invalid(format!("read a Secret of namespace {}: the key is no name of one", self.namespace)));
        }
        let path = ["api", "v1", "namespaces", &self.namespace, "secrets", &what.key];
        let answer = self.session(&doing)?.read(&doing, &path, &[]).await?;
        if answer.status == 404 && is_missing(&answer) {
            return Ok(None);
        }
        let secret: Secret = parsed(&doing, &granted(&doing, answer)?, "Secret")?;
        if what.metadata {
            let mut out = b"{\"annotations\":".to_vec();
            text::labels(&mut out, secret.metadata.annotations.as_ref());
            out.extend_from_slice(b",\"labels\":");
            text::labels(&mut out, secret.metadata.labels.as_ref());
            out.push(b'}');
            return Ok(Some(Answer::Value(SecretBytes::new(out))));
        }
        Ok(Some(Answer::Fields(decoded(&doing, secret.data)?)))
    }

    async fn found(&self, what: &Search) -> Result<BTreeMap<String, SecretBytes>> {
        let doing = format!("find Secrets in namespace {}", self.namespace);
        let (session, path) = (self.session(&doing)?, ["api", "v1", "namespaces", &self.namespace, "secrets"]);
        let selector = selector(&doing, &what.tags)?;
        let (mut found, mut rest) = (Found::new(&doing), None::<String>);
        for _ in 0..MOST_PAGES {
            let mut query = vec![("limit", PAGE)];
            query.extend(selector.as_deref().map(|selector| ("labelSelector", selector)));
            query.extend(rest.as_deref().map(|rest| ("continue", rest)));
            let list: List = parsed(&doing, &granted(&doing, session.read(&doing, &path, &query).await?)?, "SecretList")?;
            for secret in list.items.unwrap_or_default() {
                if what.takes(&secret.metadata.name) {
                    found.add(secret.metadata.name, text::object(&decoded(&doing, secret.data)?))?;
                }
            }
            rest = list.metadata.rest.filter(|rest| !rest.is_empty());
            if rest.is_none() {
                return Ok(found.into_values());
            }
        }
        Err(Error::invalid(format!("{doing}: the pages never end")))
    }

    async fn examined(&self) -> Result<Validity> {
        let doing = format!("ask whether Secrets of namespace {} may be read", self.namespace);
        let (Some(session), false) = (&self.session, self.is_consumers) else { return Ok(Validity::Unknown) };
        let path = |review| ["apis", "authorization.k8s.io", "v1", review];
        let ask = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": self.namespace}});
        let answer = session.create(&doing, &path("selfsubjectrulesreviews"), &ask).await?;
        if answer.status == 403 {
            return Ok(Validity::Unknown);
        }
        let rules: Review<Rules> = parsed(&doing, &granted(&doing, answer)?, "SelfSubjectRulesReview")?;
        if rules.status.resource_rules.iter().any(Rule::allows_reading_secrets) {
            return Ok(Validity::Valid);
        }
        let attributes = json!({"namespace": self.namespace, "verb": "get", "resource": "secrets"});
        let ask = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}});
        let answer = session.create(&doing, &path("selfsubjectaccessreviews"), &ask).await?;
        if answer.status == 403 {
            return Ok(Validity::Unknown);
        }
        let review: Review<Allowance> = parsed(&doing, &granted(&doing, answer)?, "SelfSubjectAccessReview")?;
        if review.status.allowed {
            return Ok(Validity::Valid);
        }
        Err(Error::denied(format!("read Secrets of namespace {}: the API server says that whom the store signs in as may not", self.namespace)))
    }
}

impl Source for Secrets {
    fn read<'a>(&'a self, what: &'a Reference) -> BoxFuture<'a, Result<Option<Answer>>> {
        Box::pin(self.secret(what))
    }

    fn lookup(&self) -> Lookup {
        Lookup::ExactThenFirstDot
    }

    fn validate(&self) -> BoxFuture<'_, Result<Validity>> {
        Box::pin(self.examined())
    }
}

impl Catalog for Secrets {
    fn find<'a>(&'a self, what: &'a Search) -> BoxFuture<'a, Result<BTreeMap<String, SecretBytes>>> {
        Box::pin(self.found(what))
    }
}

/// Whether an API server says that there is no such Secret. Any other page that is not there says nothing about Secrets.
fn is_missing(answer: &http::Answer) -> bool {
    // EXPOSE: the server's reason is read.
    let refusal = serde_json::from_slice::<Refusal>(answer.body.expose()).unwrap_or_default();
    refusal.reason == "NotFound" && refusal.details.and_then(|details| details.kind).as_deref() == Some("secrets")
}

/// The body of an answer that grants what was asked for.
fn granted(doing: &str, answer: http::Answer) -> Result<SecretBytes> {
    let (kind, reason) = match answer.status {
        200..=299 => return Ok(answer.body),
        401 => (ErrorKind::Denied, "the API server does not know who asks: the credentials are wrong, or have expired".to_owned()),
        403 => (ErrorKind::Denied, "the API server forbids it to whom the store signs in as".to_owned()),
        429 => (ErrorKind::Busy, "the API server is overwhelmed".to_owned()),
        410 => (ErrorKind::Busy, "the list changed while it was read".to_owned()),
        status @ 500..=599 => (ErrorKind::Busy, format!("the API server answers with status {status}")),
        status => (ErrorKind::Invalid, format!("the API server answers with status {status}")),
    };
    Err(Error::new(kind, format!("{doing}: {reason}")).after(answer.retry_after))
}

fn parsed<T: DeserializeOwned>(doing: &str, body: &SecretBytes, kind: &str) -> Result<T> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    let wrong = || Error::invalid(format!("{doing}: the answer is no {kind}"));
    // EXPOSE: the answer is parsed.
    let body = body.expose();
    // The inner message may quote what stands there.
    if serde_json::from_slice::<Kind>(body).map_err(|_| wrong())?.kind != kind {
        return Err(wrong());
    }
    serde_json::from_slice(body).map_err(|_| wrong())
}

fn decoded(doing: &str, data: Option<BTreeMap<String, Option<String>>>) -> Result<BTreeMap<String, SecretBytes>> {
    let decode = |(key, value): (String, Option<String>)| {
        let value = SecretBytes::from_base64(&value.unwrap_or_default()).map_err(|_| Error::invalid(format!("{doing}: a value is no base64")))?;
        Ok((key, value))
    };
    data.into_iter().flatten().map(decode).collect()
}

/// Labels as a selector; what no label can be is refused, since it could select something else.
fn selector(doing: &str, tags: &BTreeMap<String, String>) -> Result<Option<String>> {
    let is_part =
        |text: &str, more: &[char]| text.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.') || more.contains(&one));
    if tags.iter().any(|(key, value)| key.is_empty() || !is_part(key, &['/']) || !is_part(value, &[])) {
        return Err(Error::invalid(format!("{doing}: a tag is no label")));
    }
    let parts: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    Ok((!parts.is_empty()).then(|| parts.join(",")))
}
