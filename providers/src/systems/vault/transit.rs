//! Keys of the transit engine of Vault: kind `hc_vault`.
//!
//! *Source*: sops `hcvault/keysource.go`, v3.13.3.

use std::sync::Arc;

use keys::{BoxFuture, Credentials, Error, ErrorKind, Fields, KeyService, KindNames, MasterKeyKind, Result, SecretBytes};
use serde::Deserialize;
use serde_json::Value;

use super::Vault;
use crate::http::Answer;

static NAMES: KindNames = KindNames {
    metadata: "hc_vault",
    flag: "hc-vault-transit",
    rule: "hc_vault_transit_uri",
    group: "hc_vault",
    variable: "SOPS_VAULT_URIS",
    title: "Vault transit URI",
};

/// The kind of key.
pub(super) struct Transit;

impl MasterKeyKind for Transit {
    fn names(&self) -> &'static KindNames {
        &NAMES
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn parse(&self, text: &str) -> Result<Fields> {
        let parts = parts(text).ok_or_else(|| {
            Error::malformed("read a Vault transit URI: it should look like https://vault.example.com:8200/v1/transit/keys/keyName, without a prefix")
        })?;
        let names = ["vault_address", "engine_path", "key_name"].map(str::to_owned);
        Ok(names.into_iter().zip(parts.map(Value::from)).collect())
    }

    fn identity(&self, fields: &Fields) -> String {
        let [address, engine, key] = key_of(fields);
        format!("{address}/v1/{engine}/keys/{key}")
    }

    fn service(&self, credentials: Arc<dyn Credentials>) -> Box<dyn KeyService> {
        Box::new(Service(Vault::new(credentials)))
    }
}

/// Address, engine and key of a URI.
fn parts(text: &str) -> Option<[String; 3]> {
    let (scheme, rest) = text.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/')?);
    if !matches!(scheme, "http" | "https")
        || host.is_empty()
        || text.contains(['?', '#', '@'])
        || text.chars().any(|one| one.is_control() || one == ' ')
    {
        return None;
    }
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let [version, engine @ .., _keys, key] = &*segments else { return None };
    let digits = version.strip_prefix('v')?;
    let is_right = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && !engine.is_empty();
    let is_whole = segments.iter().all(|segment| !segment.is_empty() && !matches!(*segment, "." | ".."));
    (is_right && is_whole).then(|| [format!("{scheme}://{host}"), engine.join("/"), (*key).to_owned()])
}

fn key_of(fields: &Fields) -> [&str; 3] {
    ["vault_address", "engine_path", "key_name"].map(|name| fields.get(name).and_then(Value::as_str).unwrap_or_default())
}

struct Service(Vault);

/// What Vault answers.
#[derive(Deserialize)]
struct Answered<T> {
    data: T,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Decrypted {
    plaintext: String,
}

impl KeyService for Service {
    fn wrap<'a>(&'a self, fields: &'a Fields, key: &'a SecretBytes) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let what = format!("wrap the data key with Vault key {}", Transit.identity(fields));
            let answer: Encrypted = self.ask(&what, fields, "encrypt", ("plaintext", key.to_base64()), ErrorKind::Unsupported).await?;
            Ok(answer.ciphertext)
        })
    }

    fn open<'a>(&'a self, fields: &'a Fields) -> BoxFuture<'a, Result<SecretBytes>> {
        Box::pin(async move {
            let what = format!("open the data key that is wrapped with Vault key {}", Transit.identity(fields));
            let enc = fields.get("enc").and_then(Value::as_str).unwrap_or_default();
            if enc.is_empty() || !enc.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\')) {
                return Err(Error::malformed(format!("{what}: it is not a ciphertext of Vault")));
            }
            let enc = SecretBytes::new(enc.as_bytes().to_vec());
            let answer: Decrypted = self.ask(&what, fields, "decrypt", ("ciphertext", enc), ErrorKind::Unopenable).await?;
            let text = SecretBytes::new(answer.plaintext.into_bytes());
            // EXPOSE: the base64 of the data key is decoded.
            let decoded = std::str::from_utf8(text.expose()).map(SecretBytes::from_base64);
            decoded.ok().and_then(Result::ok).ok_or_else(|| Error::malformed(format!("{what}: Vault answers with something else")))
        })
    }
}

impl Service {
    async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        what: &str,
        fields: &Fields,
        verb: &str,
        (name, value): (&str, SecretBytes),
        refused: ErrorKind,
    ) -> Result<T> {
        let [address, engine, key] = key_of(fields);
        if engine.is_empty() || key.is_empty() {
            return Err(Error::malformed(format!("{what}: its engine or its name is missing")));
        }
        // EXPOSE: base64, or a ciphertext of plain characters, needs no escaping in JSON.
        let body = SecretBytes::new([b"{\"", name.as_bytes(), b"\":\"", value.expose(), b"\"}"].concat());
        let Answer { status, body, .. } = self.0.post(what, address, &[engine, verb, key], body).await?;
        let fail = |kind, reason: &str| Err(Error::new(kind, format!("{what}: {reason} (status {status})")));
        match status {
            // EXPOSE: the answer is parsed.
            200 => serde_json::from_slice::<Answered<T>>(body.expose())
                .map(|answered| answered.data)
                .map_err(|_| Error::malformed(format!("{what}: Vault answers with something else"))),
            400 => fail(refused, "Vault refuses: there is no such key, or it did not encrypt this"),
            401 | 403 => fail(ErrorKind::Denied, "Vault denies it to this token"),
            404 => fail(refused, "there is no such engine or key"),
            503 => fail(ErrorKind::Unavailable, "Vault is sealed, or under maintenance"),
            _ => fail(ErrorKind::Unavailable, "Vault answers with an unexpected status"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<[&str; 3]>) {
        let parsed = Transit.parse(text).ok();
        assert_eq!(parsed.as_ref().map(key_of), expected, "{text}");
    }

    #[test]
    fn a_uri_has_an_address_an_engine_and_a_key() {
        check("https://vault.example.com:8200/v1/transit/keys/keyName", Some(["https://vault.example.com:8200", "transit", "keyName"]));
        check("http://127.0.0.1/v1/a/b/keys/k", Some(["http://127.0.0.1", "a/b", "k"]));
        check("https://Vault/v2/sops/keys/k/", Some(["https://Vault", "sops", "k"]));
        let fields = Transit.parse("https://vault:443/v1/a/b/keys/k").unwrap();
        assert_eq!(Transit.identity(&fields), "https://vault:443/v1/a/b/keys/k");
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for text in [
            "",
            "vault/v1/transit/keys/k",
            "https:///v1/transit/keys/k",
            "https://v",
            "https://v/",
            "https://v/v1/keys/k",
            "https://v/prefix/v1/transit/keys/k",
            "https://v/vx/transit/keys/k",
            "https://v/v/transit/keys/k",
            "https://v/v1/transit//k",
            "https://v/v1/../keys/k",
            "https://v/v1/transit/keys/k?x",
            "https://user:word@v/v1/transit/keys/k",
            "file://v/v1/transit/keys/k",
        ] {
            check(text, None);
        }
    }
}
