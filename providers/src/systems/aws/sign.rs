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
    let wrong = || Error::invalid("sign a request to AWS: the access key or its session token is not one");
    // EXPOSE: keys go to what signs with them, which wipes its copies.
    let text = |secret: &SecretBytes| std::str::from_utf8(secret.expose()).map(str::to_owned).map_err(|_| wrong());
    let token = keys.token.as_ref().map(text).transpose()?;
    let identity = Credentials::new(text(&keys.id)?, text(&keys.secret)?, token, None, "sealer").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&endpoint.region)
        .name(endpoint.service)
        .time(SystemTime::from(now))
        .settings(SigningSettings::default())
        .build();
    let params = params.map_err(|_| wrong())?.into();
    // EXPOSE: the signature is over the body.
    let body = SignableBody::Bytes(body.expose());
    let request = SignableRequest::new("POST", endpoint.url.as_str(), given.iter().copied(), body).map_err(|_| wrong())?;
    let (instructions, _) = sign(request, &params).map_err(|_| wrong())?.into_parts();
    let made = instructions.headers().chain(given.iter().copied());
    made.map(|(name, value)| Ok(Header::new(name, &SecretBytes::new(value.as_bytes().to_vec()))?)).collect()
}
