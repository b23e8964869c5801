//! Signatures of requests (SigV4).

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use jiff::Timestamp;
use keys::SecretBytes;

use super::auth::Keys;
use super::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::http::Header;

/// Makes the headers that sign a POST to an endpoint, besides those that are given, which they cover.
///
/// # Errors
/// Invalid: keys that are no text, which no signature can be made with.
pub(super) fn headers(keys: &Keys, endpoint: &Endpoint, now: Timestamp, given: &[(&str, &str)], body: &SecretBytes) -> Result<Vec<Header>> {
    let made = signature(keys, endpoint, now, given, body).ok_or_else(no_text)?;
    let all = made.into_iter().chain(given.iter().map(|(name, value)| ((*name).to_owned(), SecretBytes::new(value.as_bytes().to_vec()))));
    all.map(|(name, value)| Ok(Header::new(&name, &value)?)).collect()
}

pub(super) fn no_text() -> Error {
    Error::invalid("sign a request to AWS: the access key or its session token is no text")
}

/// Makes the headers that sign a POST, and cover those that are given; `None` for keys that no signature can be made with.
pub(super) fn signature(
    keys: &Keys,
    endpoint: &Endpoint,
    now: Timestamp,
    given: &[(&str, &str)],
    body: &SecretBytes,
) -> Option<Vec<(String, SecretBytes)>> {
    // EXPOSE: keys go to what signs with them, which wipes its copies.
    let text = |secret: &SecretBytes| std::str::from_utf8(secret.expose()).map(|text| text.trim().to_owned()).ok();
    let token = match &keys.token {
        Some(token) => Some(text(token)?),
        None => None,
    };
    let identity = Credentials::new(text(&keys.id)?, text(&keys.secret)?, token, None, "sealer").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&endpoint.region)
        .name(endpoint.service)
        .time(SystemTime::from(now))
        .settings(SigningSettings::default())
        .build();
    let params = params.ok()?.into();
    // EXPOSE: the signature is over the body.
    let body = SignableBody::Bytes(body.expose());
    let request = SignableRequest::new("POST", endpoint.url.as_str(), given.iter().copied(), body).ok()?;
    let (instructions, _) = sign(request, &params).ok()?.into_parts();
    Some(instructions.headers().map(|(name, value)| (name.to_owned(), SecretBytes::new(value.as_bytes().to_vec()))).collect())
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    /// *Source*: botocore 1.44.8 made these signatures of the same requests.
    #[test]
    fn a_signature_is_the_one_that_botocore_makes() {
        let secret = |text: &str| SecretBytes::new(text.as_bytes().to_vec());
        let url = Url::parse("https://secretsmanager.eu-west-1.amazonaws.com/").unwrap();
        let endpoint = Endpoint { url, region: "eu-west-1".to_owned(), service: "secretsmanager", given: None };
        let given = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "secretsmanager.GetSecretValue")];
        for (token, expected) in [
            (None, "2308cb6d3415456c4628a1fe4a0bcc53e718f6939e7beb7d0d0f296f104b8588"),
            (Some("token/1="), "dff39ea93761d43532ab6bd931a5abe5fc37de4fca9fac9407d6bd3943fa98ad"),
        ] {
            let (id, key) = (secret("AKIDEXAMPLE"), secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
            let keys = Keys { id, secret: key, token: token.map(secret), expires: None };
            let made = signature(&keys, &endpoint, "2026-01-02T03:04:05Z".parse().unwrap(), &given, &secret(r#"{"SecretId":"a"}"#)).unwrap();
            let header =
                |name: &str| made.iter().find(|(found, _)| found == name).map(|(_, value)| String::from_utf8(value.expose().to_vec()).unwrap());
            let authorization = header("authorization").unwrap();
            assert!(authorization.ends_with(&format!("Signature={expected}")), "{authorization}");
            assert_eq!((header("x-amz-date").as_deref(), header("x-amz-security-token").as_deref()), (Some("20260102T030405Z"), token));
        }
        let keys = Keys { id: SecretBytes::new(vec![0xff]), secret: secret("a"), token: None, expires: None };
        assert!(signature(&keys, &endpoint, Timestamp::UNIX_EPOCH, &given, &secret("{}")).is_none());
    }
}
