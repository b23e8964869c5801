//! Certificates of authorities, as the settings of stores hold them.
//!
//! *Source*: external-secrets `runtime/esutils`, 2.9.0.

use keys::SecretBytes;
use reqwest::Certificate;

use crate::error::{Error, Result};
use crate::provider::{Access, Scope};
use crate::selector::CaProvider;

/// Checks a reference: whose namespace it is must be clear.
///
/// # Errors
/// Invalid: a SecretStore names a namespace, or a ClusterSecretStore none.
pub(crate) fn check(provider: Option<&CaProvider>, scope: Scope, field: &str) -> Result<()> {
    match (scope, provider.map(|provider| provider.namespace.is_some())) {
        (Scope::Namespace, Some(true)) => Err(Error::invalid(format!("use the store: {field}.namespace must not be set in a SecretStore"))),
        (Scope::Cluster, Some(false)) => Err(Error::invalid(format!("use the store: {field}.namespace must be set in a ClusterSecretStore"))),
        _ => Ok(()),
    }
}

/// Reads the certificates that the settings hold, or refer to: those in the settings count more.
///
/// # Errors
/// Invalid: they hold no certificate. As [`Access::authorities`].
pub(crate) async fn read(bundle: Option<&str>, provider: Option<&CaProvider>, access: &dyn Access, field: &str) -> Result<Option<SecretBytes>> {
    let (given, field) = match (bundle.filter(|bundle| !bundle.is_empty()), provider) {
        (Some(bundle), _) => (SecretBytes::new(bundle.as_bytes().to_vec()), format!("{field}.caBundle")),
        (None, Some(provider)) => (access.authorities(provider).await?, format!("{field}.caProvider")),
        (None, None) => return Ok(None),
    };
    decode(given).map(Some).ok_or_else(|| Error::invalid(format!("use the store: {field} holds no certificate")))
}

/// PEM, or base64 of it, or, since a field of bytes is base64 by itself, base64 of that.
fn decode(mut given: SecretBytes) -> Option<SecretBytes> {
    for _ in 0..3 {
        // EXPOSE: certificates, which are public.
        let bytes = given.expose();
        if Certificate::from_pem_bundle(bytes).is_ok_and(|found| !found.is_empty()) {
            return Some(given);
        }
        given = SecretBytes::from_base64(std::str::from_utf8(bytes).ok()?.trim()).ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

    #[test]
    fn certificates_are_pem_or_base64_of_it() {
        let once = STANDARD.encode(PEM);
        let lines = STANDARD.encode(format!("{once}\n"));
        for (text, is_one) in [(PEM, true), (&once, true), (&lines, true), ("", false), ("hunter2", false), (&STANDARD.encode("hunter2"), false)] {
            let decoded = decode(SecretBytes::new(text.as_bytes().to_vec()));
            assert_eq!(decoded.map(|decoded| decoded.expose().to_vec()), is_one.then(|| PEM.as_bytes().to_vec()), "{text}");
        }
    }

    #[test]
    fn whose_namespace_is_meant_must_be_clear() {
        let provider = |namespace: Option<&str>| CaProvider {
            type_: crate::selector::CaProviderType::ConfigMap,
            name: "ca".to_owned(),
            key: None,
            namespace: namespace.map(str::to_owned),
        };
        for (scope, namespace, is_right) in [
            (Scope::Namespace, None, true),
            (Scope::Namespace, Some("other"), false),
            (Scope::Cluster, Some("other"), true),
            (Scope::Cluster, None, false),
        ] {
            assert_eq!(check(Some(&provider(namespace)), scope, "spec.provider.vault.caProvider").is_ok(), is_right);
            assert!(check(None, scope, "x").is_ok());
        }
    }
}
