//! One request for one secret.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keys::{BoxFuture, SecretBytes};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::{FIELD, REMOTE, path};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{self, Client, Header, Request};
use crate::provider::{Access, Answer, Lookup, Reference, Source, Validity};

/// How long an answer may take where nobody says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Headers that are the client's to set, whatever the settings say.
///
/// *Source*: Go 1.26 `net/http`, `reqWriteExcludeHeader`.
const CLIENTS_OWN: [&str; 4] = ["content-length", "host", "trailer", "transfer-encoding"];

/// A verb of HTTP; GET if there is none.
pub(super) fn method(text: Option<&str>) -> Option<Method> {
    let text = text.filter(|text| !text.is_empty()).unwrap_or("GET");
    Method::from_bytes(text.as_bytes()).ok()
}

/// What is sent, as templates.
pub(super) struct Hook {
    pub(super) client: Client,
    pub(super) access: Arc<dyn Access>,
    pub(super) url: String,
    pub(super) method: Method,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
    pub(super) path: String,
    pub(super) secrets: BTreeMap<String, BTreeMap<String, SecretBytes>>,
}

impl Hook {
    fn render(&self, field: &str, template: &str, values: &Value) -> Result<SecretBytes> {
        self.access.render(&format!("{FIELD}.{field}"), template, values, &self.secrets)
    }

    fn values(&self, what: &Reference, written: impl Fn(&str) -> String) -> Value {
        let (version, property) = (what.version.as_deref().unwrap_or_default(), what.property.as_deref().unwrap_or_default());
        let remote = json!({
            "key": written(&what.key), "version": written(version), "property": written(property), "namespace": self.access.who().1,
        });
        json!({ REMOTE: remote })
    }

    async fn asked(&self, what: &Reference) -> Result<Option<SecretBytes>> {
        let doing = "ask the webhook";
        let raw = self.values(what, str::to_owned);
        let url = self.render("url", &self.url, &self.values(what, |text| byte_serialize(text.as_bytes()).collect()))?;
        // EXPOSE: the address, which may hold a secret, goes to the client.
        let url = std::str::from_utf8(url.expose()).ok().and_then(|url| Url::parse(url).ok());
        let is_reachable = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let url = url.filter(is_reachable).ok_or_else(|| Error::invalid(format!("{doing}: what {FIELD}.url renders to is no address")))?;
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, template) in &self.headers {
            if !CLIENTS_OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) {
                headers.push(Header::new(name, &self.render(&format!("headers.{name}"), template, &raw)?)?);
            }
        }
        let body = if self.body.is_empty() { None } else { Some(self.render("body", &self.body, &raw)?) };
        let answer = self.client.send(Request { what: doing, method: self.method.clone(), url, headers: &headers, body }).await?;
        let Some(body) = granted(doing, answer)? else { return Ok(None) };
        if self.path.is_empty() {
            return Ok(Some(body));
        }
        let path = self.render("result.jsonPath", &self.path, &raw)?;
        // EXPOSE: a path, and the answer that it leads through.
        let path = String::from_utf8_lossy(path.expose()).into_owned();
        if path.is_empty() {
            return Ok(Some(body));
        }
        // EXPOSE: the answer is parsed.
        path::value(body.expose(), &path).map(Some).map_err(|what| Error::invalid(format!("{doing}: {what}")))
    }

    /// Where it leads, if that can be said without a secret to ask for.
    fn host(&self) -> Option<Url> {
        let fixed = self.url.split("{{").next()?;
        let is_whole = fixed.len() == self.url.len() || fixed.split_once("://")?.1.contains(['/', '?', '#']);
        let mut url = Url::parse(fixed).ok().filter(|url| is_whole && matches!(url.scheme(), "http" | "https") && url.has_host())?;
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        Some(url)
    }
}

impl Source for Hook {
    fn read<'a>(&'a self, what: &'a Reference) -> BoxFuture<'a, Result<Option<Answer>>> {
        Box::pin(async move { Ok(self.asked(what).await?.map(Answer::Value)) })
    }

    fn lookup(&self) -> Lookup {
        Lookup::Own
    }

    fn validate(&self) -> BoxFuture<'_, Result<Validity>> {
        Box::pin(async move {
            let Some(host) = self.host() else { return Ok(Validity::Unknown) };
            self.client.knock("reach the webhook", host).await?;
            Ok(Validity::Valid)
        })
    }
}

/// The body of an answer; `None` if there is no such secret.
fn granted(doing: &str, answer: http::Answer) -> Result<Option<SecretBytes>> {
    let (kind, reason) = match answer.status {
        200..=299 => return Ok(Some(answer.body)),
        404 => return Ok(None),
        304 => (ErrorKind::Invalid, "it answers that nothing was modified, though it was not told what we have".to_owned()),
        401 | 403 => (ErrorKind::Denied, format!("it answers with status {}: we may not", answer.status)),
        429 => (ErrorKind::Busy, "it is overwhelmed".to_owned()),
        status @ 500..=599 => (ErrorKind::Busy, format!("it answers with status {status}")),
        status => (ErrorKind::Invalid, format!("it answers with status {status}")),
    };
    Err(Error::new(kind, format!("{doing}: {reason}")).after(answer.retry_after))
}
