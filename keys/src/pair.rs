//! The two halves of an RSA pair, as two types: who has only a [`SealingKey`] can not open anything.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rsa::{
    KeyPair, KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use pem::{EncodeConfig, LineEnding, Pem};
use x509_parser::asn1_rs::{Any, FromDer, Integer, OctetString, Sequence};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::Fingerprint;
use crate::scope::Label;
use crate::secret::SecretBytes;

/// PEM blocks with Unix line ends, as every peer writes them.
pub(crate) const PEM_CONFIG: EncodeConfig = EncodeConfig::new().set_line_ending(LineEnding::LF);

/// Sizes of RSA keys that can be made.
///
/// *Units*: bits of the modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyBits {
    /// 2048 bits, the least that is still accepted.
    Rsa2048,
    /// 3072 bits.
    Rsa3072,
    /// 4096 bits, upstream's default.
    Rsa4096,
    /// 8192 bits.
    Rsa8192,
}

/// The public half: it seals.
pub struct SealingKey(OaepPublicEncryptingKey);

impl SealingKey {
    /// Reads a DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// Unsupported: not an RSA key of 2048 to 8192 bits.
    pub(crate) fn from_spki(der: &[u8]) -> Result<Self> {
        PublicEncryptingKey::from_der(der)
            .ok()
            .and_then(|key| OaepPublicEncryptingKey::new(key).ok())
            .map(Self)
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, "use the public key: it is not RSA of 2048 to 8192 bits"))
    }

    /// Length of the modulus, and so of an item's RSA part, in bytes.
    #[must_use]
    pub fn modulus_length(&self) -> usize {
        self.0.key_size_bytes()
    }

    pub(crate) fn wrap(&self, label: &Label, session: &[u8; 32]) -> Result<Vec<u8>> {
        let mut buffer = vec![0; self.0.ciphertext_size()];
        let length = self
            .0
            .encrypt(&OAEP_SHA256_MGF1SHA256, session, &mut buffer, Some(label.as_bytes()))
            .map_err(|_| Error::internal("encrypt a session key"))?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({} bits)", self.0.key_size_bits())
    }
}

/// The private half: it opens what the public half sealed.
pub struct UnsealingKey {
    oaep: OaepPrivateDecryptingKey,
    pkcs8: SecretBytes,
    identity: Fingerprint,
}

impl UnsealingKey {
    /// Makes a new random pair.
    ///
    /// # Errors
    /// Internal: the cryptography library refused.
    pub fn make(bits: KeyBits) -> Result<Self> {
        let size = match bits {
            KeyBits::Rsa2048 => KeySize::Rsa2048,
            KeyBits::Rsa3072 => KeySize::Rsa3072,
            KeyBits::Rsa4096 => KeySize::Rsa4096,
            KeyBits::Rsa8192 => KeySize::Rsa8192,
        };
        let key = PrivateDecryptingKey::generate(size).map_err(|_| Error::internal("make an RSA key"))?;
        Self::from_key(key)
    }

    /// Reads the first private key among the blocks of a PEM text: PKCS#1 or PKCS#8.
    ///
    /// # Errors
    /// Malformed: no block, or a broken one. Unsupported: not an RSA key of 2048 to 8192 bits, or an encrypted key.
    pub fn from_pem(text: &SecretBytes) -> Result<Self> {
        // EXPOSE: the parser reads the PEM text; its blocks are wiped when freed.
        let blocks = pem::parse_many(text.expose()).map_err(|_| Error::malformed("read the private key: not PEM"))?;
        let Some(block) = blocks.into_iter().find(|block| block.tag().ends_with("PRIVATE KEY")) else {
            return Err(Error::malformed("read the private key: the file has no PRIVATE KEY block"));
        };
        let tag = block.tag().to_owned();
        let der = Zeroizing::new(block.into_contents());
        match tag.as_str() {
            "RSA PRIVATE KEY" => Self::from_pkcs1(&der),
            "PRIVATE KEY" => Self::from_pkcs8(&der),
            "ENCRYPTED PRIVATE KEY" => {
                Err(Error::new(ErrorKind::Unsupported, "read the private key: it is protected by a passphrase; decrypt it first"))
            }
            _ => Err(not_rsa()),
        }
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self> {
        let pair = KeyPair::from_der(der).map_err(rejected)?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| Error::internal("convert the private key"))?;
        Self::from_pkcs8(pkcs8.as_ref())
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self> {
        Self::from_key(PrivateDecryptingKey::from_pkcs8(der).map_err(rejected)?)
    }

    fn from_key(key: PrivateDecryptingKey) -> Result<Self> {
        let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(|_| Error::internal("encode the private key"))?;
        let pkcs8 = SecretBytes::new(pkcs8.as_ref().to_vec());
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| Error::internal("encode the public key"))?;
        let identity = Fingerprint::of(public.as_ref());
        let oaep = OaepPrivateDecryptingKey::new(key).map_err(|_| Error::internal("use the private key"))?;
        Ok(Self { oaep, pkcs8, identity })
    }

    /// Writes the key as upstream's key Secrets hold it: a PKCS#1 PEM block.
    ///
    /// # Errors
    /// Internal: the key can not be encoded.
    pub fn to_pem(&self) -> Result<SecretBytes> {
        // EXPOSE: the private key is written for its owner.
        let inner = rsa_part(self.pkcs8.expose()).ok_or_else(|| Error::internal("encode the private key"))?;
        let text = pem::encode_config(&Pem::new("RSA PRIVATE KEY", inner), PEM_CONFIG);
        Ok(SecretBytes::new(text.into_bytes()))
    }

    /// Length of the modulus, in bytes.
    #[must_use]
    pub fn modulus_length(&self) -> usize {
        self.oaep.key_size_bytes()
    }

    /// The SHA-256 of the public half's SubjectPublicKeyInfo: the same for every certificate of this key.
    #[must_use]
    pub fn identity(&self) -> Fingerprint {
        self.identity
    }

    pub(crate) fn pkcs8(&self) -> &SecretBytes {
        &self.pkcs8
    }

    /// One private operation. None for every failure, and without work when the length says that it can not be ours.
    pub(crate) fn unwrap(&self, label: &Label, rsa: &[u8]) -> Option<SecretBytes> {
        if rsa.len() != self.modulus_length() {
            return None;
        }
        let mut buffer = Zeroizing::new(vec![0; self.oaep.min_output_size()]);
        let session = self.oaep.decrypt(&OAEP_SHA256_MGF1SHA256, rsa, &mut buffer, Some(label.as_bytes())).ok()?;
        Some(SecretBytes::new(session.to_vec()))
    }
}

impl fmt::Debug for UnsealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnsealingKey({} bits, {})", self.oaep.key_size_bits(), self.identity)
    }
}

/// The PKCS#1 key inside a PKCS#8 wrapper (RFC 5958 section 2).
fn rsa_part(pkcs8: &[u8]) -> Option<&[u8]> {
    let (_, outer) = Sequence::from_der(pkcs8).ok()?;
    let content: &[u8] = match &outer.content {
        std::borrow::Cow::Borrowed(content) => content,
        std::borrow::Cow::Owned(_) => return None,
    };
    let (rest, _version) = Integer::from_der(content).ok()?;
    let (rest, _algorithm) = Any::from_der(rest).ok()?;
    let (after, inner) = OctetString::from_der(rest).ok()?;
    let end = pkcs8.len() - after.len();
    pkcs8.get(end - inner.as_cow().len()..end)
}

fn rejected(error: KeyRejected) -> Error {
    // The text of KeyRejected is one word such as `InvalidEncoding` and holds nothing of the key.
    Error::new(ErrorKind::Unsupported, format!("read the private key: not an RSA key of 2048 to 8192 bits ({error})"))
}

fn not_rsa() -> Error {
    Error::new(ErrorKind::Unsupported, "read the private key: only RSA keys seal and unseal")
}
