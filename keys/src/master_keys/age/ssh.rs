//! Keys of SSH as recipients and identities of age: Ed25519 and RSA.
//!
//! *Source*: filippo.io/age `agessh/agessh.go`, v1.3.1.

use std::collections::HashSet;
use std::sync::OnceLock;

use age::{DecryptError, EncryptError, Identity, Recipient};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{aead_decrypt, aead_encrypt, hkdf};
use age_core::secrecy::ExposeSecret;
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::montgomery::MontgomeryPoint;
use ssh_key::public::KeyData;
use zeroize::Zeroizing;

use super::file::{Origin, key_of};
use crate::random::fill_random;
use crate::secret::SecretBytes;

mod private;

pub(super) use private::read;

/// Type of the stanza of an Ed25519 key.
const ED25519: &str = "ssh-ed25519";

/// Type of the stanza of an RSA key.
const RSA: &str = "ssh-rsa";

/// What keys for Ed25519 are derived under.
const ED25519_LABEL: &[u8] = b"age-encryption.org/v1/ssh-ed25519";

/// The label of OAEP.
const RSA_LABEL: &[u8] = b"age-encryption.org/v1/ssh-rsa";

/// A public key that wraps file keys.
pub(super) struct PublicKey {
    /// As SSH sends it; a hash of it names the key in stanzas.
    blob: Vec<u8>,
    kind: PublicKind,
}

enum PublicKind {
    /// The key as a point of the curve of X25519.
    Ed25519([u8; 32]),
    Rsa(OaepPublicEncryptingKey),
}

impl PublicKey {
    /// Reads a line of `authorized_keys` without options.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let key = ssh_key::PublicKey::from_openssh(text).ok()?;
        let kind = match key.key_data() {
            KeyData::Ed25519(key) => PublicKind::Ed25519(CompressedEdwardsY(key.0).decompress()?.to_montgomery().to_bytes()),
            KeyData::Rsa(key) => {
                let components = PublicKeyComponents { n: key.n.as_positive_bytes()?, e: key.e.as_positive_bytes()? };
                let key: PublicEncryptingKey = components.try_into().ok()?;
                PublicKind::Rsa(OaepPublicEncryptingKey::new(key).ok().filter(|key| key.key_size_bits() >= 2048)?)
            }
            _ => return None,
        };
        Some(Self { blob: key.to_bytes().ok()?, kind })
    }

    fn wrap(&self, file_key: &FileKey) -> Option<Stanza> {
        let (tag, mut args) = (tag_of(&self.kind), vec![name_of(&self.blob)]);
        let body = match &self.kind {
            PublicKind::Ed25519(theirs) => {
                let mut ephemeral = Zeroizing::new([0; 32]);
                fill_random(&mut *ephemeral, "wrap").ok()?;
                let ours = MontgomeryPoint::mul_base_clamped(*ephemeral).to_bytes();
                args.push(BASE64_STANDARD_NO_PAD.encode(ours));
                let shared = tweaked(&self.blob, &*exchange(&ephemeral, theirs)?)?;
                aead_encrypt(&Zeroizing::new(hkdf(&[ours, *theirs].concat(), ED25519_LABEL, &*shared)), file_key.expose_secret())
            }
            PublicKind::Rsa(key) => {
                let mut buffer = vec![0; key.ciphertext_size()];
                key.encrypt(&OAEP_SHA256_MGF1SHA256, file_key.expose_secret(), &mut buffer, Some(RSA_LABEL)).ok()?.to_vec()
            }
        };
        Some(Stanza { tag: tag.to_owned(), args, body })
    }
}

fn tag_of(kind: &PublicKind) -> &'static str {
    match kind {
        PublicKind::Ed25519(_) => ED25519,
        PublicKind::Rsa(_) => RSA,
    }
}

impl Recipient for PublicKey {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let stanza = self.wrap(file_key).ok_or_else(|| EncryptError::Io(std::io::Error::other("the key of SSH does not wrap")))?;
        Ok((vec![stanza], HashSet::new()))
    }
}

/// A private key that opens file keys.
struct PrivateKey {
    name: KeyName,
    blob: Vec<u8>,
    kind: PrivateKind,
}

enum PrivateKind {
    /// The scalar of X25519.
    Ed25519(Zeroizing<[u8; 32]>),
    Rsa(OaepPrivateDecryptingKey),
}

/// By what a stanza says which key it is for.
struct KeyName {
    tag: &'static str,
    hash: String,
}

impl KeyName {
    fn is_of(&self, stanza: &Stanza) -> bool {
        stanza.tag == self.tag && stanza.args.first() == Some(&self.hash)
    }
}

impl PrivateKey {
    fn ed25519(seed: &[u8], blob: Vec<u8>) -> Self {
        let scalar = scalar_of(seed);
        Self { name: KeyName { tag: ED25519, hash: name_of(&blob) }, blob, kind: PrivateKind::Ed25519(scalar) }
    }

    fn rsa(key: OaepPrivateDecryptingKey, blob: Vec<u8>) -> Self {
        Self { name: KeyName { tag: RSA, hash: name_of(&blob) }, blob, kind: PrivateKind::Rsa(key) }
    }

    /// `None` is also for a key whose short name is the same by chance.
    fn open(&self, stanza: &Stanza) -> Option<FileKey> {
        match (&self.kind, stanza.args.as_slice()) {
            (PrivateKind::Ed25519(scalar), [_, theirs]) => {
                let theirs: [u8; 32] = BASE64_STANDARD_NO_PAD.decode(theirs).ok()?.try_into().ok()?;
                let ours = MontgomeryPoint::mul_base_clamped(**scalar).to_bytes();
                let shared = tweaked(&self.blob, &*exchange(scalar, &theirs)?)?;
                let key = Zeroizing::new(hkdf(&[theirs, ours].concat(), ED25519_LABEL, &*shared));
                key_of(&SecretBytes::new(aead_decrypt(&key, FILE_KEY_BYTES, &stanza.body).ok()?))
            }
            (PrivateKind::Rsa(key), [_]) => {
                let mut buffer = Zeroizing::new(vec![0; key.min_output_size()]);
                let opened = key.decrypt(&OAEP_SHA256_MGF1SHA256, &stanza.body, &mut buffer, Some(RSA_LABEL)).ok()?;
                key_of(&SecretBytes::new(opened.to_vec()))
            }
            _ => None,
        }
    }
}

impl Identity for PrivateKey {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        self.name.is_of(stanza).then(|| self.open(stanza)).flatten().map(Ok)
    }
}

/// A private key behind a passphrase, which is asked for once, and only if a stanza names the key.
struct LockedKey {
    name: KeyName,
    key: ssh_key::PrivateKey,
    origin: Origin,
    opened: OnceLock<Result<PrivateKey, String>>,
}

impl LockedKey {
    fn open(&self) -> Result<PrivateKey, String> {
        let prompt = format!("Enter passphrase for {:?}", self.origin.place);
        let passphrase = self.origin.credentials.passphrase(&prompt).map_err(|error| error.to_string())?;
        // EXPOSE: the passphrase opens the key.
        let key = self.key.decrypt(passphrase.expose()).map_err(|_| "the passphrase is wrong".to_owned())?;
        private::usable(&key)
    }
}

impl Identity for LockedKey {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if !self.name.is_of(stanza) {
            return None;
        }
        match self.opened.get_or_init(|| self.open()) {
            Ok(key) => key.open(stanza).map(Ok),
            Err(reason) => Some(Err(DecryptError::Io(std::io::Error::other(reason.clone())))),
        }
    }
}

/// The short name of a key in a stanza: enough to find it, not to trust it.
fn name_of(blob: &[u8]) -> String {
    BASE64_STANDARD_NO_PAD.encode(digest(&SHA256, blob).as_ref().get(..4).unwrap_or_default())
}

/// The private scalar that a seed of Ed25519 stands for.
fn scalar_of(seed: &[u8]) -> Zeroizing<[u8; 32]> {
    let hash = digest(&SHA512, seed);
    let mut scalar = Zeroizing::new([0; 32]);
    scalar.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    scalar
}

/// The public key that belongs to a seed of Ed25519.
fn public_of(seed: &[u8]) -> [u8; 32] {
    EdwardsPoint::mul_base_clamped(*scalar_of(seed)).compress().to_bytes()
}

/// X25519; `None` for a point that would make the result known to everyone.
fn exchange(scalar: &[u8; 32], point: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let shared = Zeroizing::new(MontgomeryPoint(*point).mul_clamped(*scalar).to_bytes());
    let any = shared.iter().fold(0, |any, byte| any | byte);
    (any != 0).then_some(shared)
}

/// Binds a shared secret to the whole public key, not to its point alone.
fn tweaked(blob: &[u8], shared: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    exchange(&hkdf(blob, ED25519_LABEL, &[]), shared)
}

#[cfg(test)]
mod tests;
