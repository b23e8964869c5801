//! HashiCorp Vault, and OpenBao, which speaks the same.

use std::sync::Arc;
use std::time::Duration;

use keys::{Credentials, Error, ErrorKind, Result, SecretBytes};
use reqwest::{Method, Url};
use tokio::sync::OnceCell;

use super::System;
use crate::http::{Answer, Client, Header, Request, Settings};
use crate::provider::KindOf;
use crate::proxies::Proxies;

mod auth;
mod kv;
mod paths;
mod session;
mod store;
mod transit;

/// This system.
pub(super) const SYSTEM: System = System { name: "vault", master_keys: &[&transit::Transit], store: Some(&KindOf::<store::Settings>::new("vault")) };

/// How long an answer may take where nobody says otherwise.
///
/// *Source*: hashicorp/vault `api/client.go`.
const PATIENCE: Duration = Duration::from_secs(60);

/// Variables that change whom to trust, and that are not obeyed here: better an error than a trust that was not meant.
const NOT_OBEYED: [&str; 2] = ["VAULT_CAPATH", "VAULT_TLS_SERVER_NAME"];

/// Vaults, as one run reaches them: one client, one token, whatever the address.
pub(super) struct Vault {
    credentials: Arc<dyn Credentials>,
    access: OnceCell<Access>,
}

struct Access {
    client: Client,
    headers: Vec<Header>,
}

impl Vault {
    pub(super) fn new(credentials: Arc<dyn Credentials>) -> Self {
        Self { credentials, access: OnceCell::new() }
    }

    /// Posts to `address/v1/path...`.
    ///
    /// # Errors
    /// Malformed: the address or the path. Denied, Unavailable: as [`Client::send`] has it.
    pub(super) async fn post(&self, what: &str, address: &str, path: &[&str], body: SecretBytes) -> Result<Answer> {
        let url = url(address, path).ok_or_else(|| Error::malformed(format!("{what}: the address or the path of the key is not one")))?;
        self.allow(what, address)?;
        let access = self.access.get_or_try_init(|| async { self.access(what) }).await?;
        access.client.send(Request { what, method: Method::POST, url, headers: &access.headers, body: Some(body) }).await
    }

    /// Holds an address against the list of those that may be sent a token.
    fn allow(&self, what: &str, address: &str) -> Result<()> {
        let list = self.text("SOPS_HC_VAULT_ALLOWLIST").unwrap_or_else(|| "all".to_owned());
        let closed = |address: &str| format!("{}/", address.strip_suffix('/').unwrap_or(address));
        if list.split(',').any(|entry| entry.trim_matches(' ').is_empty()) {
            return Err(Error::malformed(format!("{what}: SOPS_HC_VAULT_ALLOWLIST has an empty entry")));
        }
        let address = closed(address);
        let allowed = match list.as_str() {
            "all" => true,
            "none" => false,
            list => list.split(',').any(|entry| address.starts_with(&closed(entry.trim_matches(' ')))),
        };
        if allowed { Ok(()) } else { Err(Error::new(ErrorKind::Denied, format!("{what}: SOPS_HC_VAULT_ALLOWLIST does not allow its address"))) }
    }

    fn access(&self, what: &str) -> Result<Access> {
        if let Some(variable) = NOT_OBEYED.into_iter().find(|variable| self.credentials.variable(variable).is_some()) {
            return Err(Error::new(ErrorKind::Unsupported, format!("{what}: {variable} is set, which is not supported")));
        }
        let mut headers =
            vec![Header::new("X-Vault-Request", &SecretBytes::new(b"true".to_vec()))?, Header::new("X-Vault-Token", &self.token(what)?)?];
        if let Some(namespace) = self.credentials.variable("VAULT_NAMESPACE") {
            headers.push(Header::new("X-Vault-Namespace", &namespace)?);
        }
        Ok(Access { client: Client::new(&self.settings()?)?, headers })
    }

    fn token(&self, what: &str) -> Result<SecretBytes> {
        if let Some(token) = self.credentials.variable("VAULT_TOKEN") {
            return Ok(token);
        }
        let file = match self.credentials.home() {
            Some(home) => self.credentials.file(&home.join(".vault-token"))?,
            None => None,
        };
        // EXPOSE: the token is taken without the line end that an editor leaves.
        let token = file.map(|token| SecretBytes::new(token.expose().trim_ascii().to_vec())).filter(|token| !token.is_empty());
        token.ok_or_else(|| {
            Error::new(ErrorKind::Denied, format!("{what}: there is no token: VAULT_TOKEN is not set, and ~/.vault-token is not there"))
        })
    }

    fn settings(&self) -> Result<Settings> {
        let authorities = match (self.credentials.variable("VAULT_CACERT_BYTES"), self.named_file("VAULT_CACERT")?) {
            (Some(bytes), _) => Some(bytes),
            (None, file) => file,
        };
        let identity = match (self.named_file("VAULT_CLIENT_CERT")?, self.named_file("VAULT_CLIENT_KEY")?) {
            (Some(certificate), Some(key)) => {
                // EXPOSE: a certificate and its key are handed over together.
                Some(SecretBytes::new([certificate.expose(), b"\n", key.expose()].concat()))
            }
            _ => None,
        };
        let proxy = ["VAULT_PROXY_ADDR", "VAULT_HTTP_PROXY"].into_iter().find_map(|name| Some((name, self.credentials.variable(name)?)));
        let trusts_anyone = self.text("VAULT_SKIP_VERIFY").is_some_and(|text| matches!(text.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"));
        let patience = self.text("VAULT_CLIENT_TIMEOUT").and_then(|text| seconds(&text)).unwrap_or(PATIENCE);
        let retries = self.text("VAULT_MAX_RETRIES").and_then(|text| text.parse().ok());
        let settings = Settings { authorities, identity, dangerous_trust: trusts_anyone, patience, ..Settings::default() };
        let settings = Settings { retries: retries.unwrap_or(settings.retries), ..settings };
        let proxies = match proxy {
            Some((name, proxy)) => Proxies::everything(&proxy, name)?,
            None => Proxies::of(|name| self.credentials.variable(name))?,
        };
        Ok(Settings { proxies, ..settings })
    }

    fn named_file(&self, variable: &str) -> Result<Option<SecretBytes>> {
        let Some(path) = self.text(variable) else { return Ok(None) };
        match self.credentials.file(path.as_ref())? {
            Some(content) => Ok(Some(content)),
            None => Err(Error::malformed(format!("read {path}, which {variable} names: there is no such file"))),
        }
    }

    fn text(&self, variable: &str) -> Option<String> {
        let value = self.credentials.variable(variable)?;
        // EXPOSE: settings, which are no secrets.
        std::str::from_utf8(value.expose()).ok().map(str::to_owned)
    }
}

/// A duration as Vault's own client reads it: seconds, or a number with one of the units s, m and h.
fn seconds(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(['s', 'm', 'h']);
    let unit = match text.get(digits.len()..)? {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).filter(|number| *number > 0).map(Duration::from_secs)
}

/// The address with a path below `/v1`. What stands in a file must not lead to another path than that of its key.
fn url(address: &str, path: &[&str]) -> Option<Url> {
    let mut url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty())?;
    if url.query().is_some() || url.fragment().is_some() || url.password().is_some() {
        return None;
    }
    let parts: Vec<&str> = path.iter().flat_map(|part| part.split('/')).filter(|part| !part.is_empty()).collect();
    if parts.iter().any(|part| matches!(*part, "." | "..") || part.chars().any(char::is_control)) {
        return None;
    }
    url.path_segments_mut().ok()?.pop_if_empty().push("v1").extend(parts);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leads_to_no_other_path_than_its_own() {
        for (address, path, expected) in [
            ("https://vault.example:8200", &["transit", "encrypt", "key"][..], Some("https://vault.example:8200/v1/transit/encrypt/key")),
            ("http://127.0.0.1:8200/", &["a/b/", "decrypt", "k e?y#%"], Some("http://127.0.0.1:8200/v1/a/b/decrypt/k%20e%3Fy%23%25")),
            ("https://v", &["transit/../sys", "encrypt", "key"], None),
            ("https://v", &["transit", "encrypt", ".."], None),
            ("https://user:word@v", &["transit", "encrypt", "key"], None),
            ("https://v?x=y", &["transit", "encrypt", "key"], None),
            ("ftp://v", &["transit", "encrypt", "key"], None),
            ("v", &["transit", "encrypt", "key"], None),
        ] {
            assert_eq!(url(address, path).map(String::from).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn durations_are_read_as_vault_reads_them() {
        for (text, expected) in
            [("60", Some(60)), ("5s", Some(5)), ("2m", Some(120)), ("1h", Some(3600)), ("0", None), ("x", None), ("5ms", None), ("", None)]
        {
            assert_eq!(seconds(text).map(|duration| duration.as_secs()), expected, "{text}");
        }
    }
}
