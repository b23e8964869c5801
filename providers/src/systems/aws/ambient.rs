//! The identity that this process was given, where a store may use it, in the order of the SDKs: keys, a role with a token (IRSA), what an agent beside
//! us hands out (Pod Identity), what the machine has.

use jiff::Timestamp;
use keys::SecretBytes;
use reqwest::Method;
use serde::Deserialize;
use url::Url;

use super::api::secret;
use super::auth::Keys;
use super::refusal::Refusal;
use super::sts::{self, Sts};
use super::{endpoint, machine};
use crate::error::{Error, Result};
use crate::http::{Answer, Client, Header, Request, Settings};
use crate::provider::Access;

/// Where agents may be asked without TLS, besides the loopback.
///
/// *Source*: the guide of the SDKs, "Container credential provider".
const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// What an agent hands out.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Handed {
    #[serde(deserialize_with = "secret")]
    access_key_id: Option<SecretBytes>,
    #[serde(deserialize_with = "secret")]
    secret_access_key: Option<SecretBytes>,
    #[serde(default, deserialize_with = "secret")]
    token: Option<SecretBytes>,
    #[serde(default)]
    expiration: Option<Timestamp>,
}

/// Finds the keys.
///
/// # Errors
/// Denied: the store must not use them, or there are none.
pub(super) async fn keys(access: &dyn Access, sts: &Sts<'_>) -> Result<Keys> {
    let set = |name: &str| Ok::<_, Error>(access.variable(name)?.filter(|value| !value.is_empty()));
    if let (Some(id), Some(secret)) = (set("AWS_ACCESS_KEY_ID")?, set("AWS_SECRET_ACCESS_KEY")?) {
        return Ok(Keys { id, secret, token: set("AWS_SESSION_TOKEN")?, expires: None });
    }
    if let (Some(role), Some(path)) = (set("AWS_ROLE_ARN")?, set("AWS_WEB_IDENTITY_TOKEN_FILE")?) {
        let session = set("AWS_ROLE_SESSION_NAME")?.map(|name| text("AWS_ROLE_SESSION_NAME", &name)).transpose()?;
        let token = file(access, "AWS_WEB_IDENTITY_TOKEN_FILE", &path)?;
        let session = session.as_deref().unwrap_or(sts::SESSION_NAME);
        return sts.assume_with_token(&text("AWS_ROLE_ARN", &role)?, session, &token).await;
    }
    if let Some(address) = agent(access)? {
        let token = match set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")? {
            Some(path) => Some(file(access, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &path)?),
            None => set("AWS_CONTAINER_AUTHORIZATION_TOKEN")?,
        };
        return handed_out(access, &address, token).await;
    }
    let none = || Error::denied("sign in to AWS: the store names no credentials, and this process has no identity of its own");
    machine::keys(access).await?.ok_or_else(none)
}

/// Where the agent is, if there is one.
fn agent(access: &dyn Access) -> Result<Option<String>> {
    let set = |name: &str| access.variable(name)?.filter(|value| !value.is_empty()).map(|value| text(name, &value)).transpose();
    // Whatever the rest is, the host stays the same.
    let relative = set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")?.map(|path| format!("http://{}/{}", AGENTS[0], path.trim_start_matches('/')));
    if relative.is_some() { Ok(relative) } else { set("AWS_CONTAINER_CREDENTIALS_FULL_URI") }
}

async fn handed_out(access: &dyn Access, address: &str, token: Option<SecretBytes>) -> Result<Keys> {
    let what = "ask the agent beside us for credentials of AWS";
    let wrong = || Error::denied(format!("{what}: AWS_CONTAINER_CREDENTIALS_FULL_URI is not an address that may be asked"));
    let url = Url::parse(address).map_err(|_| wrong())?;
    let number = endpoint::number(&url);
    let is_agent = number.is_some_and(|number| number.is_loopback() || AGENTS.iter().any(|agent| agent.parse() == Ok(number)));
    if !(url.scheme() == "https" || (url.scheme() == "http" && is_agent)) {
        return Err(wrong());
    }
    let reach = number.filter(|_| is_agent).map_or_else(|| access.reach(), |number| access.reach().and(number));
    let client = Client::new(&Settings { reach, ..Settings::default() })?;
    let headers: Vec<Header> = match token {
        Some(token) => vec![Header::new("authorization", &trimmed(&token))?],
        None => Vec::new(),
    };
    let answer = client.send(Request { what, method: Method::GET, url, headers: &headers, body: None }).await?;
    if answer.status != 200 {
        return Err(Refusal::of_code(what, "the agent", answer.status, "", answer.retry_after).into());
    }
    handed(what, &answer)
}

/// The keys in an answer.
///
/// # Errors
/// Invalid: there are none.
pub(super) fn handed(what: &str, answer: &Answer) -> Result<Keys> {
    // EXPOSE: the answer is taken apart into secrets.
    let handed: Option<Handed> = serde_json::from_slice(answer.body.expose()).ok();
    match handed {
        Some(Handed { access_key_id: Some(id), secret_access_key: Some(secret), token, expiration }) => {
            Ok(Keys { id, secret, token, expires: expiration })
        }
        _ => Err(Error::invalid(format!("{what}: the answer has no credentials"))),
    }
}

fn file(access: &dyn Access, variable: &str, path: &SecretBytes) -> Result<SecretBytes> {
    let missing = || Error::denied(format!("sign in to AWS: the file that {variable} names is missing"));
    access.file(&text(variable, path)?)?.ok_or_else(missing)
}

fn trimmed(token: &SecretBytes) -> SecretBytes {
    // EXPOSE: without the line break that ends a file.
    SecretBytes::new(token.expose().trim_ascii().to_vec())
}

/// A setting that is no secret.
pub(super) fn text(name: &str, value: &SecretBytes) -> Result<String> {
    // EXPOSE: a role, a path or an address.
    std::str::from_utf8(value.expose()).map(str::to_owned).map_err(|_| Error::invalid(format!("sign in to AWS: {name} is no text")))
}
