//! The self-signed certificate around a sealing key.

use aws_lc_rs::rand;
use jiff::Timestamp;
use pem::Pem;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, SerialNumber};
use rustls_pki_types::PrivatePkcs8KeyDer;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::pair::{PEM_CONFIG, SealingKey, UnsealingKey};

/// A certificate that sealers fetch, and the key in it.
///
/// Only its key and its dates count: chains, signatures, names and key usage are not looked at, as upstream does not.
#[derive(Debug)]
pub struct Certificate {
    der: Vec<u8>,
    key: SealingKey,
    fingerprint: Fingerprint,
    identity: Fingerprint,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// What a new certificate says.
#[derive(Debug)]
pub struct CertificateRequest<'a> {
    /// Common name of subject and issuer; empty for an empty name, upstream's default.
    pub common_name: &'a str,
    /// First moment of validity, in whole seconds.
    pub not_before: Timestamp,
    /// Last moment of validity, in whole seconds.
    pub not_after: Timestamp,
}

impl Certificate {
    /// Reads the first CERTIFICATE block of a PEM text.
    ///
    /// # Errors
    /// Malformed: no such block, or not a certificate. Unsupported: its key is not RSA of 2048 to 8192 bits.
    pub fn from_pem(text: &[u8]) -> Result<Self> {
        let blocks = pem::parse_many(text).map_err(|_| Error::malformed("read the certificate: not PEM"))?;
        let public_key = blocks.iter().any(|block| block.tag().ends_with("PUBLIC KEY"));
        let Some(block) = blocks.into_iter().find(|block| block.tag() == "CERTIFICATE" && block.headers().iter().next().is_none()) else {
            return Err(Error::malformed(if public_key {
                "read the certificate: the file holds a bare public key, not a CERTIFICATE block"
            } else {
                "read the certificate: the file has no CERTIFICATE block"
            }));
        };
        Self::from_der(block.into_contents())
    }

    /// Reads every CERTIFICATE block of a PEM text: the certificates of a cluster over time.
    ///
    /// # Errors
    /// As [`Certificate::from_pem`].
    pub fn all_from_pem(text: &[u8]) -> Result<Vec<Self>> {
        let first = Self::from_pem(text)?;
        let blocks = pem::parse_many(text).map_err(|_| Error::malformed("read the certificate: not PEM"))?;
        let others = blocks.into_iter().filter(|block| block.tag() == "CERTIFICATE").skip(1);
        std::iter::once(Ok(first)).chain(others.map(|block| Self::from_der(block.into_contents()))).collect()
    }

    /// Reads a DER certificate.
    ///
    /// # Errors
    /// As [`Certificate::from_pem`].
    pub fn from_der(der: Vec<u8>) -> Result<Self> {
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| Error::malformed("read the certificate: broken DER"))?;
        let spki = parsed.public_key().raw;
        let key = SealingKey::from_spki(spki)?;
        let identity = Fingerprint::of(spki);
        let not_before = moment(parsed.validity().not_before.timestamp())?;
        let not_after = moment(parsed.validity().not_after.timestamp())?;
        let fingerprint = Fingerprint::of(&der);
        Ok(Self { der, key, fingerprint, identity, not_before, not_after })
    }

    /// Makes and signs the certificate of a key.
    ///
    /// *Source*: sealed-secrets `pkg/crypto/keys.go`, v0.38.4: random serial below 2^128, critical encipherOnly, critical CA.
    ///
    /// # Errors
    /// Internal: a date out of range, or the cryptography library refused.
    pub fn make(key: &UnsealingKey, request: &CertificateRequest<'_>) -> Result<Self> {
        let refused = |_| Error::internal("sign a certificate");
        let mut params = CertificateParams::default();
        params.not_before = date(request.not_before)?;
        params.not_after = date(request.not_after)?;
        params.distinguished_name = DistinguishedName::new();
        if !request.common_name.is_empty() {
            params.distinguished_name.push(DnType::CommonName, request.common_name);
        }
        params.serial_number = Some(make_serial()?);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::EncipherOnly];
        // EXPOSE: signing needs the private key.
        let der = PrivatePkcs8KeyDer::from(key.pkcs8().expose());
        let signer = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).map_err(refused)?;
        let signed = params.self_signed(&signer).map_err(refused)?;
        Self::from_der(signed.der().to_vec())
    }

    /// The key that seals.
    #[must_use]
    pub fn key(&self) -> &SealingKey {
        &self.key
    }

    /// Names the certificate: the SHA-256 of its DER, as `openssl x509 -fingerprint -sha256` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Names the key in it; see [`UnsealingKey::identity`].
    #[must_use]
    pub fn identity(&self) -> Fingerprint {
        self.identity
    }

    /// First moment of validity: what orders keys.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Last moment of validity.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// True if nothing may be sealed with it any more; what was sealed still opens.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now > self.not_after
    }

    /// Writes the PEM block.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode_config(&Pem::new("CERTIFICATE", self.der.as_slice()), PEM_CONFIG)
    }
}

fn make_serial() -> Result<SerialNumber> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).map_err(|_| Error::internal("draw a serial number"))?;
    // A positive number that is never zero (RFC 5280 section 4.1.2.2).
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn moment(seconds: i64) -> Result<Timestamp> {
    Timestamp::from_second(seconds).map_err(|_| Error::malformed("read the certificate: a date is out of range"))
}

fn date(moment: Timestamp) -> Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(moment.as_second()).map_err(|_| Error::internal("date a certificate"))
}
