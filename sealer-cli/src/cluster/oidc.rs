//! Sign-in with OpenID Connect: the ID token of the kubeconfig, or a fresh one for its refresh token, which is then written down.
//!
//! Kube's own client knows neither the issuer's certificate authority nor clients without a secret, and forgets the new refresh token, which leaves
//! the old one in the kubeconfig: careful issuers take a token that comes twice for stolen. Unlike client-go, plain http is refused.
//!
//! *Source*: client-go `plugin/pkg/client/auth/oidc/oidc.go` (v0.36), golang.org/x/oauth2 `internal/token.go`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode, Uri};
use jiff::Timestamp;
use kube::Config;
use kube::config::{AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, NamedCluster, NamedContext};
use serde_json::Value;

use super::error::{Error, ErrorKind, Result, shown};
use super::kubeconfig::Variables;
use super::loading;
use super::proxy;
use super::response::Answer;
use super::transport::Link;
use crate::output;

/// Longest time for one question to the issuer; client-go waits forever.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Most bytes of an answer that are read, as in oauth2.
const LIMIT: usize = 1 << 20;

/// Seconds before its end at which a token counts as expired.
const MARGIN: i64 = 10;

/// What an issuer may say of a refused request (RFC 6749, section 5.2); nothing else of its answer is shown.
const REASONS: [&str; 6] = ["invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "unauthorized_client", "unsupported_grant_type"];

/// Where the kubeconfig is that new tokens are written to.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The one file that was named, if any was.
    pub(super) explicit: &'a str,
    /// The environment.
    pub(super) variables: Variables,
}

/// Puts a token in the place of the sign-in, unless the user has another credential for the header.
///
/// # Errors
/// Configuration: something is missing, or the new tokens cannot be written down. Busy: the issuer cannot be reached. Denied, Answer: it refuses.
pub(super) async fn sign_in(user: &mut AuthInfo, place: Place<'_>) -> Result<()> {
    let Some(provider) = user.auth_provider.take_if(|provider| provider.name == "oidc") else { return Ok(()) };
    let config = &provider.config;
    for field in ["idp-issuer-url", "client-id"] {
        if value(config, field).is_empty() {
            return Err(failed(ErrorKind::Configuration, &format!("Must provide {field}")));
        }
    }
    if user.token.is_some() || user.token_file.is_some() || user.username.is_some() {
        return Ok(());
    }
    let token = value(config, "id-token");
    let token = if !token.is_empty() && is_valid(token)? { token.to_owned() } else { refresh(config, place).await? };
    user.token = Some(token.into());
    Ok(())
}

fn value<'a>(config: &'a HashMap<String, String>, field: &str) -> &'a str {
    config.get(field).map(String::as_str).unwrap_or_default()
}

fn failed(kind: ErrorKind, reason: &str) -> Error {
    Error::new(kind, format!("getting credentials: oidc: {reason}"))
}

/// False if the token has expired, or will in a moment.
fn is_valid(token: &str) -> Result<bool> {
    let claims = match token.split('.').collect::<Vec<_>>()[..] {
        [_, claims, _] => URL_SAFE_NO_PAD.decode(claims).ok(),
        _ => None,
    };
    let claims: Option<Value> = claims.and_then(|claims| serde_json::from_slice(&claims).ok());
    let Some(claims) = claims else { return Err(failed(ErrorKind::Configuration, "the id-token is not a valid JWT")) };
    #[expect(clippy::cast_possible_truncation, reason = "a fraction of a second does not count, and what is out of range is far away")]
    let expiry = claims["exp"].as_i64().or_else(|| Some(claims["exp"].as_f64()? as i64));
    Ok(expiry.is_some_and(|expiry| Timestamp::now().as_second().saturating_add(MARGIN) < expiry))
}

async fn refresh(config: &HashMap<String, String>, place: Place<'_>) -> Result<String> {
    let old = value(config, "refresh-token");
    if old.is_empty() {
        return Err(failed(ErrorKind::Denied, "No valid id-token, and cannot refresh without refresh-token"));
    }
    let endpoint = token_endpoint(config, place).await?;
    let [id, secret] = ["client-id", "client-secret"].map(|field| value(config, field));
    let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", old)];
    let header = STANDARD.encode(format!("{}:{}", escape(id), escape(secret)));
    let mut answer = ask(config, place, &endpoint, &form, Some(header)).await?;
    if reason(&answer).is_some() {
        // Some issuers want it in a header, some in the form, and none says which.
        form.push(("client_id", id));
        form.extend((!secret.is_empty()).then_some(("client_secret", secret)));
        answer = ask(config, place, &endpoint, &form, None).await?;
    }
    if let Some(reason) = reason(&answer) {
        let kind = if answer.status >= 500 { ErrorKind::Busy } else { ErrorKind::Denied };
        return Err(failed(kind, &format!("failed to refresh token: {reason}")));
    }
    let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let Some(id_token) = answer["id_token"].as_str() else {
        return Err(failed(ErrorKind::Answer, "token response did not contain an id_token"));
    };
    let new = answer["refresh_token"].as_str().filter(|token| !token.is_empty()).unwrap_or(old);
    let changes = [(value(config, "id-token"), id_token), (old, new)];
    let kept = place.remember(&changes);
    // A fresh ID token can be had again, but the old refresh token may be worth nothing now.
    if new != old
        && let Err(reason) = kept
    {
        return Err(failed(ErrorKind::Configuration, &format!("could not persist new tokens: {reason}")));
    }
    Ok(id_token.to_owned())
}

/// Why the issuer gives no token; None if it does.
fn reason(answer: &Answer) -> Option<String> {
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(told) = told["error"].as_str().filter(|told| REASONS.contains(told)) {
        return Some(format!("oauth2: {told:?}"));
    }
    let status = StatusCode::from_u16(answer.status).map_or_else(|_| answer.status.to_string(), |status| status.to_string());
    (!(200..300).contains(&answer.status) || !told["error"].is_null()).then(|| format!("oauth2: cannot fetch token: {status}"))
}

async fn token_endpoint(config: &HashMap<String, String>, place: Place<'_>) -> Result<Uri> {
    let issuer = address(&format!("{}/.well-known/openid-configuration", value(config, "idp-issuer-url").trim_end_matches('/')))?;
    let link = connect(config, place, &issuer, None).await?;
    let answer = link.get(path(&issuer), "application/json").send(LIMIT).await?;
    if answer.status != 200 {
        return Err(failed(ErrorKind::Answer, &format!("failed to query metadata endpoint: {}", answer.status)));
    }
    let metadata: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let Some(endpoint) = metadata["token_endpoint"].as_str() else {
        return Err(failed(ErrorKind::Answer, "discovery object doesn't contain a token_endpoint"));
    };
    address(endpoint)
}

async fn ask(config: &HashMap<String, String>, place: Place<'_>, endpoint: &Uri, form: &[(&str, &str)], header: Option<String>) -> Result<Answer> {
    let link = connect(config, place, endpoint, header).await?;
    let form: Vec<_> = form.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    link.post_form(path(endpoint), form.join("&").into_bytes()).send(LIMIT).await
}

fn address(text: &str) -> Result<Uri> {
    let uri: Option<Uri> = text.parse().ok();
    let safe = uri.filter(|uri| uri.scheme_str() == Some("https") && uri.host().is_some());
    safe.ok_or_else(|| failed(ErrorKind::Configuration, &format!("{:?} is not a https URL", shown(text))))
}

fn path(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
}

/// A client of the issuer, which has an authority of its own or one of the system's.
async fn connect(config: &HashMap<String, String>, place: Place<'_>, uri: &Uri, header: Option<String>) -> Result<Link> {
    let base = uri.authority().map(|authority| format!("https://{authority}/"));
    let given = |field: &str| Some(value(config, field).to_owned()).filter(|value| !value.is_empty());
    let cluster = Cluster {
        server: base,
        certificate_authority: given("idp-certificate-authority"),
        certificate_authority_data: given("idp-certificate-authority-data"),
        ..Cluster::default()
    };
    let name = || "issuer".to_owned();
    let kubeconfig = Kubeconfig {
        clusters: vec![NamedCluster { name: name(), cluster: Some(cluster), ..NamedCluster::default() }],
        contexts: vec![NamedContext { name: name(), context: Some(Context { cluster: name(), ..Context::default() }), ..NamedContext::default() }],
        current_context: Some(name()),
        ..Kubeconfig::default()
    };
    let unusable = |_| failed(ErrorKind::Configuration, "idp-certificate-authority cannot be read");
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(unusable)?;
    config.proxy_url = proxy::from_environment(uri, &place.variables)?;
    if let Some(mut value) = header.and_then(|header| HeaderValue::from_str(&format!("Basic {header}")).ok()) {
        value.set_sensitive(true);
        config.headers.push((AUTHORIZATION, value));
    }
    Link::new(config, String::new(), Some(TIMEOUT))
}

/// Writes a value of a form as Go's `url.QueryEscape` does.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => escaped.push('+'),
            b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

impl Place<'_> {
    /// Puts new values in the place of old ones, in the first kubeconfig that holds the last of them.
    fn remember(self, changes: &[(&str, &str)]) -> std::result::Result<(), String> {
        let last = changes.last().map_or("", |(old, _)| old);
        for path in loading::files(self.explicit, self.variables) {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            if !text.contains(last) {
                continue;
            }
            let changed = replaced(&text, changes).ok_or_else(|| format!("{} cannot be changed", path.display()))?;
            return write(&path, &changed);
        }
        Err("they are in no kubeconfig".to_owned())
    }
}

fn write(path: &Path, text: &str) -> std::result::Result<(), String> {
    output::write_file(path, text.as_bytes(), output::Access::Default).map_err(|error| error.to_string())
}

/// The file with nothing changed but these values; None if they are not written in it plainly.
fn replaced(text: &str, changes: &[(&str, &str)]) -> Option<String> {
    let mut expected = Kubeconfig::from_yaml(text).ok()?;
    let mut changed = text.to_owned();
    for (old, new) in changes.iter().filter(|(old, _)| !old.is_empty()) {
        changed = replace_whole(&changed, old, new);
        let providers = expected.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()?.auth_provider.as_mut());
        for value in providers.flat_map(|provider| provider.config.values_mut()).filter(|value| value == old) {
            *value = (*new).to_owned();
        }
    }
    let read = Kubeconfig::from_yaml(&changed).ok()?;
    (serde_json::to_value(read).ok()? == serde_json::to_value(expected).ok()?).then_some(changed)
}

/// Replaces what is not part of a longer word: a short token may stand within a key or another token.
fn replace_whole(text: &str, old: &str, new: &str) -> String {
    let goes_on = |letter: char| letter.is_ascii_alphanumeric() || "-._~+/=".contains(letter);
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(old) {
        if !text[..at].ends_with(goes_on) && !text[at + old.len()..].starts_with(goes_on) {
            replaced.push_str(&text[done..at]);
            replaced.push_str(new);
            done = at + old.len();
        }
    }
    replaced + &text[done..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# mine\nusers:\n- {name: u, user: {auth-provider: {name: oidc, config: {id-token: 'a.b.c', refresh-token: token}}}}\n";

    #[test]
    fn new_tokens_change_nothing_else_in_the_file() {
        let changed = replaced(FILE, &[("a.b.c", "d.e.f"), ("token", "new")]).unwrap();
        assert_eq!(changed, FILE.replace("a.b.c", "d.e.f").replace(": token", ": new"));
        // Neither a name that looks like the token nor what would be read as something else.
        assert!(replaced(FILE, &[("u", "v")]).is_none());
        assert!(replaced(FILE, &[("token", "x, y: z")]).is_none());
    }

    #[test]
    fn a_token_is_valid_until_its_end() {
        let token = |claims: &str| format!("e30.{}.s", URL_SAFE_NO_PAD.encode(claims));
        for (claims, valid) in [(r#"{"exp":4102444800}"#, true), (r#"{"exp":4.1e9}"#, true), (r#"{"exp":1}"#, false), ("{}", false)] {
            assert_eq!(is_valid(&token(claims)).unwrap(), valid, "{claims}");
        }
        assert!(!is_valid("not.mine").unwrap_err().to_string().contains("mine"));
    }

    #[test]
    fn forms_are_written_as_go_writes_them() {
        assert_eq!(escape("a b:c~é"), "a+b%3Ac~%C3%A9");
    }
}
