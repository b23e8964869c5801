//! The post-quantum recipients of age, `age1pq1...`: ML-KEM-768 and X25519 together (X-Wing), through HPKE.
//!
//! *Shape*: a public key is that of ML-KEM, then that of X25519; a private key is a seed of 32 bytes; what is sent is the ciphertext of ML-KEM, then an
//! ephemeral point.
//!
//! *Source*: C2SP `age.md`; draft-connolly-cfrg-xwing-kem; RFC 9180 with HKDF-SHA256 and ChaCha20-Poly1305.

use std::collections::HashSet;

use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::bech32_decode;
use age_core::secrecy::ExposeSecret;
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use curve25519_dalek::montgomery::MontgomeryPoint;
use libcrux_ml_kem::mlkem768::{self, MlKem768Ciphertext, MlKem768PrivateKey, MlKem768PublicKey};
use sha3::digest::{ExtendableOutput, Update, XofReader};
use sha3::{Digest, Sha3_256, Shake256};
use zeroize::Zeroizing;

use super::file::key_of;
use crate::random::fill_random;
use crate::secret::SecretBytes;

/// Type of the stanza.
const TAG: &str = "mlkem768x25519";

/// What HPKE is told that it is for.
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";

/// HPKE with the key encapsulation 0x647A, HKDF-SHA256 and ChaCha20-Poly1305.
const SUITE: &[u8] = b"HPKE\x64\x7a\x00\x01\x00\x03";

/// The label of X-Wing.
const LABEL: &[u8] = br"\.//^\";

/// Length of a public key of ML-KEM-768, in bytes.
const PQ_PUBLIC: usize = 1184;

/// Length of a ciphertext of ML-KEM-768, in bytes.
const PQ_CIPHERTEXT: usize = 1088;

/// Length of an authentication tag, in bytes.
const TAG_LENGTH: usize = 16;

type Secret = Zeroizing<[u8; 32]>;

/// A public key.
pub(super) struct Recipient {
    pq: MlKem768PublicKey,
    point: [u8; 32],
}

impl Recipient {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = decoded(text, "age1pq")?;
        let (pq, point) = bytes.split_at_checked(PQ_PUBLIC)?;
        let pq = MlKem768PublicKey::from(<[u8; PQ_PUBLIC]>::try_from(pq).ok()?);
        mlkem768::validate_public_key(&pq).then_some(Self { pq, point: point.try_into().ok()? })
    }

    fn wrap(&self, file_key: &FileKey) -> Option<Stanza> {
        let (mut dice, mut ephemeral) = (Secret::default(), Secret::default());
        fill_random(&mut *dice, "wrap").ok()?;
        fill_random(&mut *ephemeral, "wrap").ok()?;
        let (ciphertext, shared) = mlkem768::encapsulate(&self.pq, *dice);
        let shared = Zeroizing::new(shared);
        let sent = MontgomeryPoint::mul_base_clamped(*ephemeral).to_bytes();
        let point = Zeroizing::new(MontgomeryPoint(self.point).mul_clamped(*ephemeral).to_bytes());
        let (key, nonce) = context(&combined(&shared, &point, &sent, &self.point))?;
        let mut body = file_key.expose_secret().to_vec();
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut body).ok()?;
        let encapsulated = BASE64_STANDARD_NO_PAD.encode([&ciphertext.as_slice()[..], &sent].concat());
        Some(Stanza { tag: TAG.to_owned(), args: vec![encapsulated], body })
    }
}

impl age::Recipient for Recipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let stanza = self.wrap(file_key).ok_or_else(|| EncryptError::Io(std::io::Error::other("the post-quantum key does not wrap")))?;
        Ok((vec![stanza], HashSet::from(["postquantum".to_owned()])))
    }
}

/// A private key.
pub(super) struct Identity {
    pq: Box<MlKem768PrivateKey>,
    scalar: Secret,
}

impl Identity {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let seed = decoded(text, "AGE-SECRET-KEY-PQ-").filter(|seed| seed.len() == 32)?;
        let mut stream = Shake256::default().chain(&*seed).finalize_xof();
        let mut pq_seed = Zeroizing::new([0; 64]);
        let mut scalar = Secret::default();
        stream.read(&mut *pq_seed);
        stream.read(&mut *scalar);
        let (pq, _public) = mlkem768::generate_key_pair(*pq_seed).into_parts();
        Some(Self { pq: Box::new(pq), scalar })
    }

    fn open(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        let [encapsulated] = stanza.args.as_slice() else { return Some(Err(DecryptError::InvalidHeader)) };
        let encapsulated = BASE64_STANDARD_NO_PAD.decode(encapsulated).ok();
        let parts = encapsulated.as_deref().and_then(|bytes| bytes.split_at_checked(PQ_CIPHERTEXT));
        let parts = parts.and_then(|(pq, point)| Some((<[u8; PQ_CIPHERTEXT]>::try_from(pq).ok()?, <[u8; 32]>::try_from(point).ok()?)));
        let Some((ciphertext, sent)) = parts.filter(|_| stanza.body.len() == FILE_KEY_BYTES + TAG_LENGTH) else {
            return Some(Err(DecryptError::InvalidHeader));
        };
        let shared = Zeroizing::new(mlkem768::decapsulate(&self.pq, &MlKem768Ciphertext::from(ciphertext)));
        let point = Zeroizing::new(MontgomeryPoint(sent).mul_clamped(*self.scalar).to_bytes());
        let ours = MontgomeryPoint::mul_base_clamped(*self.scalar).to_bytes();
        let (key, nonce) = context(&combined(&shared, &point, &sent, &ours))?;
        let mut body = Zeroizing::new(stanza.body.clone());
        // A ciphertext for another key opens to another secret: only here it shows.
        let opened = key.open_in_place(nonce, Aad::empty(), &mut body).ok()?;
        key_of(&SecretBytes::new(opened.to_vec())).map(Ok)
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        // The library has no wiping of its own.
        *self.pq = MlKem768PrivateKey::from([0; 2400]);
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag == TAG { self.open(stanza) } else { None }
    }
}

fn decoded(text: &str, prefix: &str) -> Option<Zeroizing<Vec<u8>>> {
    let filter = |found: &str| if found == prefix { Ok(()) } else { Err(()) };
    bech32_decode(text, |_| (), |found| filter(found.as_str()), |_, bytes| Ok(Zeroizing::new(bytes.collect()))).ok()
}

/// The one secret of both exchanges.
fn combined(pq: &[u8; 32], point: &[u8; 32], sent: &[u8; 32], recipient: &[u8; 32]) -> Secret {
    let hash = Sha3_256::new().chain(pq).chain(point).chain(sent).chain(recipient).chain(LABEL);
    Zeroizing::new(hash.finalize().into())
}

/// Key and nonce of the first message of HPKE in its basic mode.
fn context(shared: &Secret) -> Option<(LessSafeKey, Nonce)> {
    let schedule = [&[0][..], &*extract(&[], b"psk_id_hash", &[])?, &*extract(&[], b"info_hash", INFO)?].concat();
    let secret = extract(&**shared, b"secret", &[])?;
    let key = expand(&secret, b"key", &schedule, 32)?;
    let nonce = expand(&secret, b"base_nonce", &schedule, 12)?;
    let key = UnboundKey::new(&CHACHA20_POLY1305, &*key).ok()?;
    Some((LessSafeKey::new(key), Nonce::try_assume_unique_for_key(nonce.get(..12)?).ok()?))
}

/// `LabeledExtract` of RFC 9180 section 4.
fn extract(salt: &[u8], label: &[u8], input: &[u8]) -> Option<Secret> {
    authenticated(salt, &[b"HPKE-v1", SUITE, label, input])
}

/// `LabeledExpand` of RFC 9180 section 4, for lengths of one block at most.
fn expand(secret: &Secret, label: &[u8], info: &[u8], length: u16) -> Option<Secret> {
    authenticated(&**secret, &[&length.to_be_bytes(), b"HPKE-v1", SUITE, label, info, &[1]])
}

fn authenticated(key: &[u8], parts: &[&[u8]]) -> Option<Secret> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, key));
    parts.iter().for_each(|part| context.update(part));
    context.sign().as_ref().try_into().ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Desk, changed, data_key, fails, fields, now, opens, variable};
    use super::super::{Age, MasterKeyKind};
    use super::*;

    const KEY: &[u8] = include_bytes!("vectors/hybrid.txt");
    const FILE: &[u8] = include_bytes!("vectors/hybrid.age");

    fn recipient() -> &'static str {
        str::from_utf8(KEY).unwrap().split_once("public key: ").unwrap().1.lines().next().unwrap()
    }

    #[test]
    fn what_age_wrapped_opens() {
        opens(variable("SOPS_AGE_KEY", KEY), FILE);
    }

    #[test]
    fn what_we_wrap_opens_with_its_own_key_only() {
        let kind_fields = Age.parse(recipient()).unwrap();
        let enc = now(Age.service(std::sync::Arc::new(Desk::default())).wrap(&kind_fields, &data_key())).unwrap();
        opens(variable("SOPS_AGE_KEY", KEY), enc.as_bytes());
        fails(variable("SOPS_AGE_KEY", include_bytes!("vectors/x25519.txt")), enc.as_bytes(), &["which does not fit"]);
    }

    #[test]
    fn a_changed_stanza_does_not_open() {
        let service = Age.service(std::sync::Arc::new(variable("SOPS_AGE_KEY", KEY)));
        for at in (22..1600).step_by(37) {
            let one = changed(FILE, |bytes| bytes[at] ^= 1);
            now(service.open(&fields("", one.as_bytes()))).expect_err(&format!("byte {at}"));
        }
        assert!(now(service.open(&fields("", FILE))).is_ok());
    }

    #[test]
    fn keys_of_wrong_lengths_are_refused() {
        let cut = |text: &str| text.get(..text.len() - 8).unwrap().to_owned();
        assert!(Recipient::parse(recipient()).is_some() && Recipient::parse(&cut(recipient())).is_none());
        let identity = str::from_utf8(KEY).unwrap().lines().last().unwrap();
        assert!(Identity::parse(identity).is_some() && Identity::parse(&cut(identity)).is_none());
        let other = str::from_utf8(include_bytes!("vectors/x25519.txt")).unwrap().lines().last().unwrap();
        assert!(Identity::parse(other).is_none() && Recipient::parse(other).is_none());
    }
}
