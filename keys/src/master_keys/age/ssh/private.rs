//! Files of private keys: those of OpenSSH, PKCS#1 and PKCS#8.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeyPairComponents, OaepPrivateDecryptingKey, PrivateDecryptingKey, PublicKeyComponents};
use aws_lc_rs::signature::KeyPair as _;
use pem::Pem;
use ssh_key::private::{KeypairData, RsaKeypair};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, Kdf};
use x509_parser::asn1_rs::{Any, FromDer, Sequence};
use zeroize::Zeroizing;

use super::super::file::{Known, Origin};
use super::{ED25519, KeyName, LockedKey, PrivateKey, RSA, name_of};
use crate::secret::SecretBytes;

/// The most rounds of bcrypt that a key may ask for; `ssh-keygen` takes 24 where nobody says otherwise.
const MOST_ROUNDS: u32 = 10_000;

/// What stands before the seed of an Ed25519 key in PKCS#8.
///
/// *Source*: RFC 8410 section 7.
const ED25519_PKCS8: &[u8] = &[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

const UNSUPPORTED: &str = "it is not an Ed25519 key, nor an RSA key of 2048 to 8192 bits";

/// Reads a file with one private key.
///
/// # Errors
/// What is wrong; never what stands there.
pub(in super::super) fn read(content: &SecretBytes, origin: &Origin) -> Result<Vec<Known>, String> {
    // EXPOSE: the key is parsed into one that is wiped; the blocks in between are wiped when freed.
    let bytes = content.expose();
    let block = pem::parse(bytes).map_err(|_| "it is not a private key of SSH".to_owned())?;
    let key = match block.tag() {
        "OPENSSH PRIVATE KEY" => return openssh(bytes, origin).map(|known| vec![known]),
        _ if block.headers().get("Proc-Type").is_some() => return Err(protected()),
        "ENCRYPTED PRIVATE KEY" => return Err(protected()),
        "RSA PRIVATE KEY" => rsa(KeyPair::from_der(block.contents()).ok()),
        "PRIVATE KEY" => pkcs8(&block),
        _ => None,
    };
    Ok(vec![Known::ready(key.ok_or(UNSUPPORTED)?)])
}

fn protected() -> String {
    "it is protected in an old way; `ssh-keygen -p` writes it anew".to_owned()
}

fn openssh(bytes: &[u8], origin: &Origin) -> Result<Known, String> {
    let key = ssh_key::PrivateKey::from_openssh(bytes).map_err(|_| "it is a damaged private key".to_owned())?;
    if !key.is_encrypted() {
        return usable(&key).map(Known::ready);
    }
    let tag = match key.algorithm() {
        Algorithm::Ed25519 => ED25519,
        Algorithm::Rsa { .. } => RSA,
        _ => return Err(UNSUPPORTED.to_owned()),
    };
    if matches!(key.kdf(), Kdf::Bcrypt { rounds, .. } if *rounds > MOST_ROUNDS) {
        return Err("its passphrase asks for too much work".to_owned());
    }
    let blob = key.public_key().to_bytes().map_err(|_| UNSUPPORTED.to_owned())?;
    let name = KeyName { tag, hash: name_of(&blob) };
    Ok(Known::asking(LockedKey { name, key, origin: origin.clone(), opened: OnceLock::new() }))
}

/// Makes a key of OpenSSH that is not encrypted, or not any more, into one that opens.
pub(super) fn usable(key: &ssh_key::PrivateKey) -> Result<PrivateKey, String> {
    let made = key.public_key().to_bytes().ok().and_then(|blob| match key.key_data() {
        KeypairData::Ed25519(pair) => Some(PrivateKey::ed25519(&*Zeroizing::new(pair.private.to_bytes()), blob)),
        KeypairData::Rsa(pair) => decrypting(&rsa_of(pair)?).map(|key| PrivateKey::rsa(key, blob)),
        _ => None,
    });
    made.ok_or_else(|| UNSUPPORTED.to_owned())
}

fn pkcs8(block: &Pem) -> Option<PrivateKey> {
    match block.contents().strip_prefix(ED25519_PKCS8) {
        Some(seed) => {
            let public = Ed25519PublicKey(super::public_of(seed));
            let blob = ssh_key::PublicKey::from(KeyData::Ed25519(public)).to_bytes().ok()?;
            Some(PrivateKey::ed25519(seed, blob))
        }
        None => rsa(KeyPair::from_pkcs8(block.contents()).ok()),
    }
}

fn rsa(pair: Option<KeyPair>) -> Option<PrivateKey> {
    let pair = pair?;
    let blob = rsa_blob(pair.public_key().as_ref())?;
    decrypting(&pair).map(|key| PrivateKey::rsa(key, blob))
}

fn decrypting(pair: &KeyPair) -> Option<OaepPrivateDecryptingKey> {
    let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(der.as_ref()).ok()?).ok()
}

/// The public key as SSH sends it. An integer of ASN.1 has the bytes of one of SSH; only their order is another.
fn rsa_blob(public: &[u8]) -> Option<Vec<u8>> {
    let (_, sequence) = Sequence::from_der(public).ok()?;
    let (rest, modulus) = Any::from_der(&sequence.content).ok()?;
    let (_, exponent) = Any::from_der(rest).ok()?;
    let mut blob = Vec::new();
    for part in [RSA.as_bytes(), exponent.data, modulus.data] {
        blob.extend_from_slice(&u32::try_from(part.len()).ok()?.to_be_bytes());
        blob.extend_from_slice(part);
    }
    Some(blob)
}

/// OpenSSH leaves two numbers out that can be told from the others.
#[expect(non_snake_case, reason = "the names are those of the cryptography library")]
fn rsa_of(pair: &RsaKeypair) -> Option<KeyPair> {
    let (d, p, q) = (pair.private.d.as_positive_bytes()?, pair.private.p.as_positive_bytes()?, pair.private.q.as_positive_bytes()?);
    let (dP, dQ) = (remainder_below(d, p), remainder_below(d, q));
    let public_key = PublicKeyComponents { n: pair.public.n.as_positive_bytes()?, e: pair.public.e.as_positive_bytes()? };
    let qInv = pair.private.iqmp.as_positive_bytes()?;
    KeyPair::from_components(&KeyPairComponents { public_key, d, p, q, dP: &dP, dQ: &dQ, qInv }).ok()
}

/// `value` modulo `prime - 1`, big-endian, in a time that depends on the lengths only.
fn remainder_below(value: &[u8], prime: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut modulus: Zeroizing<Vec<u32>> =
        Zeroizing::new(prime.rchunks(4).map(|chunk| chunk.iter().fold(0, |limb, byte| limb << 8 | u32::from(*byte))).chain([0]).collect());
    if let Some(lowest) = modulus.first_mut() {
        // A prime of RSA is odd.
        *lowest &= !1;
    }
    let mut rest = Zeroizing::new(vec![0_u32; modulus.len()]);
    let mut less = Zeroizing::new(rest.to_vec());
    for bit in value.iter().flat_map(|byte| (0..8).rev().map(move |at| u32::from(byte >> at & 1))) {
        let mut carry = bit;
        for limb in rest.iter_mut() {
            (*limb, carry) = (*limb << 1 | carry, *limb >> 31);
        }
        let mut borrow = 0;
        for (to, (limb, subtrahend)) in less.iter_mut().zip(rest.iter().zip(modulus.iter())) {
            let difference = u64::from(*limb).wrapping_sub(u64::from(*subtrahend)).wrapping_sub(borrow);
            // The lower half is the limb, the upper half says whether there was too little.
            *to = u32::try_from(difference & u64::from(u32::MAX)).unwrap_or_default();
            borrow = difference >> 63;
        }
        // All ones where there was enough: then the difference is the rest.
        let mask = u32::from(borrow == 0).wrapping_neg();
        for (limb, difference) in rest.iter_mut().zip(less.iter()) {
            *limb = (*difference & mask) | (*limb & !mask);
        }
    }
    Zeroizing::new(rest.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_are_those_of_arithmetic() {
        for (value, prime) in
            [(1_000_000_007_u128, 65_537_u128), (5, 7), (6, 7), (12, 7), (0, 3), (u128::MAX, 0xffff_ffff_ffff_ffc5), (u128::MAX - 1, 3)]
        {
            let trimmed = |number: u128| number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
            let rest = remainder_below(&trimmed(value), &trimmed(prime));
            let rest = rest.iter().fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
            assert_eq!(rest, value % (prime - 1), "{value} % ({prime} - 1)");
        }
    }
}
