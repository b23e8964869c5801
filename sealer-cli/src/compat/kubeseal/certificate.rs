//! The certificate to seal with.

use std::fs::File;

use jiff::Timestamp;
use keys::{Certificate, ErrorKind};

use super::failure::{Failure, Result};
use super::files;
use super::options::Options;
use super::variable;
use crate::cluster::{Location, Session, describe, download};

/// Gets the bytes of the certificate: from a file, from a URL, or from the controller.
///
/// # Errors
/// What upstream says of it.
pub(super) fn fetch(options: &Options) -> Result<Vec<u8>> {
    if options.cert.is_empty() {
        return Ok(Session::open(&options.access, options.controller())?.certificate()?);
    }
    match Location::read(&options.cert)? {
        Location::Url(url) => Ok(download(&url, variable)?),
        Location::File(path) => {
            let file = File::open(&path).map_err(|error| describe("open", &path, &error))?;
            files::read_public(file, &path)
        }
    }
}

/// Reads the first certificate and refuses one whose time is over.
///
/// # Errors
/// What upstream says of it.
pub(super) fn read(pem: &[u8]) -> Result<Certificate> {
    let certificate = Certificate::from_pem(pem).map_err(|error| match error.kind() {
        ErrorKind::Unsupported => Failure::new("expected RSA public key but found a key of another kind or length"),
        _ if has_block(pem) => Failure::new("x509: malformed certificate"),
        _ => Failure::new("data does not contain any valid RSA or ECDSA certificates"),
    })?;
    if certificate.is_expired(Timestamp::now()) {
        let day = certificate.not_after().strftime("%B %-d, %Y");
        return Err(Failure::new(format!("failed to encrypt using an expired certificate on {day}")));
    }
    Ok(certificate)
}

/// True if there is a certificate block that the reader looks at: one without headers.
fn has_block(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    let mut lines = text.lines().map(str::trim_end);
    lines.any(|line| line == "-----BEGIN CERTIFICATE-----") && lines.next().is_some_and(|line| !line.contains(':'))
}
