//! Private keys in PEM.

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, RsaKeyPair,
};
use pem::{EncodeConfig, LineEnding, Pem, encode_config};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519, PKCS_RSA_SHA256, SignatureAlgorithm};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

use crate::error::Fault;
use crate::function::Called;
use crate::value::Text;

/// A key that can sign, and its text.
pub(super) struct PrivateKey {
    pub(super) signer: KeyPair,
    pub(super) pem: Text,
}

/// The curves, with what signs on them.
static CURVES: [(&SignatureAlgorithm, &EcdsaSigningAlgorithm); 3] = [
    (&PKCS_ECDSA_P256_SHA256, &ECDSA_P256_SHA256_ASN1_SIGNING),
    (&PKCS_ECDSA_P384_SHA384, &ECDSA_P384_SHA384_ASN1_SIGNING),
    (&PKCS_ECDSA_P521_SHA512, &ECDSA_P521_SHA512_ASN1_SIGNING),
];

fn failed<E>(_: E) -> Fault {
    Fault::exec("cannot make the private key")
}

impl PrivateKey {
    pub(super) fn make_rsa(size: KeySize) -> Called<Self> {
        let pair = RsaKeyPair::generate(size).map_err(failed)?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
        Self::from_pkcs8(pkcs8.as_ref()).ok_or_else(|| failed(()))
    }

    pub(super) fn make_ecdsa() -> Called<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?;
        let der: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().map_err(failed)?;
        Self::from_sec1(der.as_ref()).ok_or_else(|| failed(()))
    }

    pub(super) fn make_ed25519() -> Called<Self> {
        let pair = Ed25519KeyPair::generate().map_err(failed)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(failed)?;
        Self::from_pkcs8(pkcs8.as_ref()).ok_or_else(|| failed(()))
    }

    /// Reads a key from PEM: PKCS#8, PKCS#1 or SEC 1.
    pub(super) fn read(text: &[u8]) -> Called<Self> {
        let (tag, der) = pem_block(text).ok_or(Fault::exec("the private key is not PEM"))?;
        let key = match tag.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(&der),
            "RSA PRIVATE KEY" => Self::from_pkcs1(&der),
            "EC PRIVATE KEY" => Self::from_sec1(&der),
            _ => None,
        };
        key.ok_or(Fault::exec("the private key cannot be read"))
    }

    fn new(der: &PrivateKeyDer<'_>, algorithm: &'static SignatureAlgorithm, pem: Vec<u8>) -> Option<Self> {
        let signer = KeyPair::from_der_and_sign_algo(der, algorithm).ok()?;
        Some(Self { signer, pem: Text::new(pem) })
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der));
        let ed25519 = || Self::new(&key, &PKCS_ED25519, pem_text("PRIVATE KEY", der));
        let rsa = || Self::from_pkcs1(private_part(der)?);
        ed25519().or_else(|| Self::from_pkcs8_on_curves(der)).or_else(rsa)
    }

    fn from_pkcs8_on_curves(der: &[u8]) -> Option<Self> {
        CURVES.iter().find_map(|(_, curve)| {
            let pair = EcdsaKeyPair::from_pkcs8(curve, der).ok()?;
            let sec1: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().ok()?;
            Self::from_sec1(sec1.as_ref())
        })
    }

    fn from_pkcs1(der: &[u8]) -> Option<Self> {
        let key = PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der));
        Self::new(&key, &PKCS_RSA_SHA256, pem_text("RSA PRIVATE KEY", der))
    }

    fn from_sec1(der: &[u8]) -> Option<Self> {
        let key = PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der));
        CURVES.iter().find_map(|(algorithm, _)| Self::new(&key, algorithm, pem_text("EC PRIVATE KEY", der)))
    }
}

/// The first block of a PEM text.
pub(super) fn pem_block(text: &[u8]) -> Option<(String, Vec<u8>)> {
    let block = pem::parse_many(text).ok()?.into_iter().next()?;
    Some((block.tag().to_owned(), block.into_contents()))
}

pub(super) fn pem_text(tag: &str, der: &[u8]) -> Vec<u8> {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    encode_config(&Pem::new(tag, der), config).into_bytes()
}

/// The key within PKCS#8: version, algorithm, and an octet string of it.
fn private_part(pkcs8: &[u8]) -> Option<&[u8]> {
    let (content, _) = element(pkcs8, 0x30)?;
    let (_, rest) = element(content, 0x02)?;
    let (_, rest) = element(rest, 0x30)?;
    element(rest, 0x04).map(|(key, _)| key)
}

/// The content of a DER element of a tag, and what stands behind it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [found, length, rest @ ..] = der else { return None };
    let (length, rest) = match length {
        0x00..=0x7f => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x0f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    if *found == tag { rest.split_at_checked(length) } else { None }
}
