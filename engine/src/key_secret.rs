//! Sealing keys as Kubernetes Secrets: the same shape in a cluster and in a folder.

use std::collections::BTreeMap;

use crds::names::{ACTIVE, SEALED_SECRETS_KEY};
use jiff::{SignedDuration, Timestamp};
use keys::{Certificate, CertificateRequest, KeyBits, RingKey, SecretBytes, UnsealingKey};
use serde_json::{Value, json};

use crate::desired::DesiredSecret;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::PlainSecret;

/// What the names of key Secrets start with.
///
/// *Source*: sealed-secrets `cmd/controller/main.go`, v0.38.4: `--key-prefix`.
pub const DEFAULT_PREFIX: &str = "sealed-secrets-key";

/// Type of a key Secret.
const TLS: &str = "kubernetes.io/tls";

/// What a new key is made of.
#[derive(Clone, Copy, Debug)]
pub struct KeyRequest<'a> {
    /// Length of the RSA key.
    pub bits: KeyBits,
    /// How long its certificate may seal.
    pub validity: SignedDuration,
    /// Common name of the certificate; may be empty.
    pub common_name: &'a str,
    /// What the Secret's name starts with.
    pub prefix: &'a str,
}

/// Makes a key with its certificate, and the Secret that holds both.
///
/// # Errors
/// Input: the validity is beyond all dates. Bug: the cryptography library refused.
pub fn make(request: &KeyRequest<'_>, now: Timestamp) -> Result<DesiredSecret> {
    let not_before = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let Ok(not_after) = not_before.checked_add(request.validity) else {
        return Err(Error::input("make a sealing key: its validity is beyond all dates"));
    };
    let key = UnsealingKey::make(request.bits)?;
    let certificate = Certificate::make(&key, &CertificateRequest { common_name: request.common_name, not_before, not_after })?;
    to_secret(request.prefix, &key, Some(&certificate), ACTIVE)
}

/// The Secret that holds a key, labelled with its use, and its certificate; its name is derived from the certificate, or else from the key.
///
/// # Errors
/// Bug: the key can not be encoded.
pub fn to_secret(prefix: &str, key: &UnsealingKey, certificate: Option<&Certificate>, label: &str) -> Result<DesiredSecret> {
    let fingerprint = certificate.map_or_else(|| key.identity(), Certificate::fingerprint);
    let name = format!("{prefix}{}", &fingerprint.short()[..8]);
    let Value::Object(metadata) = json!({ "name": name, "labels": { SEALED_SECRETS_KEY: label } }) else {
        return Err(Error::new(ErrorKind::Bug, "describe the key Secret"));
    };
    let mut data = BTreeMap::from([("tls.key".to_owned(), key.to_pem()?)]);
    data.extend(certificate.map(|certificate| ("tls.crt".to_owned(), SecretBytes::new(certificate.to_pem().into_bytes()))));
    Ok(DesiredSecret { namespace: String::new(), name, metadata, type_: Some(TLS.to_owned()), immutable: None, data, owned: false })
}

/// What the label of a key Secret says of its use; [`ACTIVE`] if it has none.
#[must_use]
pub fn label(secret: &PlainSecret) -> &str {
    let label = secret.metadata.get("labels").and_then(|labels| labels.get(SEALED_SECRETS_KEY));
    label.map_or(ACTIVE, |value| value.as_str().unwrap_or_default())
}

/// Reads a key Secret. Only the first certificate counts.
///
/// # Errors
/// Input: no private key in it, a broken one, or a certificate of another key.
pub fn read(secret: &PlainSecret) -> Result<RingKey> {
    let fail = |error: keys::Error, item: &str| Error::from(error).in_object(secret.title()).on_item(item);
    let Some(pem) = secret.data.get("tls.key") else {
        return Err(Error::input("read the sealing key: the Secret has no tls.key").in_object(secret.title()));
    };
    let key = UnsealingKey::from_pem(pem).map_err(|error| fail(error, "tls.key"))?;
    let certificate = match secret.data.get("tls.crt").filter(|pem| !pem.is_empty()) {
        // EXPOSE: a certificate is public; it only travels beside its key.
        Some(pem) => Some(Certificate::from_pem(pem.expose()).map_err(|error| fail(error, "tls.crt"))?),
        None => None,
    };
    let key = pair(secret.name.clone(), key, certificate).map_err(|error| error.in_object(secret.title()))?;
    Ok(RingKey { seals: label(secret) == ACTIVE, ..key })
}

/// Puts a key and its certificate together.
///
/// # Errors
/// Input: the certificate belongs to another key.
pub fn pair(name: String, key: UnsealingKey, certificate: Option<Certificate>) -> Result<RingKey> {
    if certificate.as_ref().is_some_and(|certificate| certificate.identity() != key.identity()) {
        return Err(Error::input("read the sealing key: its certificate belongs to another key"));
    }
    let since = certificate.as_ref().map_or(Timestamp::UNIX_EPOCH, Certificate::not_before);
    Ok(RingKey { name, key, certificate, since, seals: true })
}
