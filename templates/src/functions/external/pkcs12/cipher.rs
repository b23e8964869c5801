//! Passwords of PKCS#12 files: what they decrypt, encrypt and vouch for.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm as Cipher, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::digest::{Algorithm as Digest, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use zeroize::Zeroizing;

use super::legacy;
use super::{rounds, unreadable};
use crate::error::Fault;
use crate::function::{Called, Scope};
use crate::functions::external::der::{self, NULL, OCTET_STRING, SEQUENCE, element, integer, object, sequence, wrap};

/// How many rounds of hashing a millisecond has room for.
pub(super) const ROUNDS_OF_A_MILLISECOND: u64 = 2000;

/// What is written: as `Modern` of go-pkcs12.
const ROUNDS: u32 = 2048;
const SALT: usize = 16;

/// Identifiers of PKCS#5 (RFC 8018).
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
const HMAC_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x07];
const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
const HMAC_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x0a];
const HMAC_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x0b];

/// Identifiers of AES in the mode CBC.
const AES_128_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x02];
const AES_192_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x16];
const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];

/// Digests: identifier, algorithm, bytes of a block, code.
static DIGESTS: [(&[u8], &Digest, usize, &hmac::Algorithm); 4] = [
    (&[0x2b, 0x0e, 0x03, 0x02, 0x1a], &SHA1_FOR_LEGACY_USE_ONLY, 64, &hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01], &SHA256, 64, &hmac::HMAC_SHA256),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02], &SHA384, 128, &hmac::HMAC_SHA384),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03], &SHA512, 128, &hmac::HMAC_SHA512),
];

/// What a derived key is for (RFC 7292, appendix B.3).
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    Vector = 2,
    Code = 3,
}

/// A password in both forms.
pub(super) struct Password {
    text: Zeroizing<Vec<u8>>,
    /// UTF-16 with a zero at the end, or nothing at all.
    wide: Zeroizing<Vec<u8>>,
}

impl Password {
    pub(super) fn new(text: &[u8]) -> Called<Self> {
        let wide = std::str::from_utf8(text).map_err(|_| Fault::exec("the password is no text"))?;
        let wide = wide.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect();
        Ok(Self { text: Zeroizing::new(text.to_vec()), wide: Zeroizing::new(wide) })
    }

    /// The password of a file whose code it vouches for. Some programs have nothing at all in the place of the empty password.
    pub(super) fn verified(scope: &Scope<'_>, text: &[u8], safe: &[u8], mac: &[u8]) -> Called<Self> {
        let mut password = Self::new(text)?;
        let wrong = || Fault::exec("the password of the PKCS#12 file is wrong");
        let Some((mac, _)) = element(mac, SEQUENCE) else {
            return if text.is_empty() { Ok(password) } else { Err(Fault::exec("the PKCS#12 file has no code to verify the password with")) };
        };
        let read = || {
            let (information, rest) = element(mac, SEQUENCE)?;
            let (salt, rest) = element(rest, OCTET_STRING)?;
            let rounds = element(rest, der::INTEGER).map_or(&[1][..], |(rounds, _)| rounds);
            let (algorithm, behind) = element(information, SEQUENCE)?;
            let (name, _) = element(algorithm, der::OBJECT)?;
            Some((name, element(behind, OCTET_STRING)?.0, salt, rounds))
        };
        let (name, code, salt, rounds) = read().ok_or_else(unreadable)?;
        if password.has_code(scope, name, code, safe, (salt, rounds))? {
            return Ok(password);
        }
        if text.is_empty() {
            password.wide = Zeroizing::new(Vec::new());
            if password.has_code(scope, name, code, safe, (salt, rounds))? {
                return Ok(password);
            }
        }
        Err(wrong())
    }

    fn has_code(&self, scope: &Scope<'_>, name: &[u8], code: &[u8], safe: &[u8], (salt, count): (&[u8], &[u8])) -> Called<bool> {
        let (_, digest, block, algorithm) = DIGESTS.iter().find(|(id, ..)| *id == name).ok_or_else(unreadable)?;
        let key = self.derive(digest, *block, Purpose::Code, salt, rounds(scope, count)?, digest.output_len());
        Ok(hmac::verify(&hmac::Key::new(**algorithm, &key), safe, code).is_ok())
    }

    /// The code over what is written.
    pub(super) fn mac(&self, scope: &Scope<'_>, safe: &[u8]) -> Called<Vec<u8>> {
        let [_, (id, digest, block, algorithm), ..] = &DIGESTS;
        let mut salt = [0; SALT];
        scope.fill_random(&mut salt)?;
        let count = ROUNDS.to_be_bytes();
        let key = self.derive(digest, *block, Purpose::Code, &salt, rounds(scope, &count)?, digest.output_len());
        let code = hmac::sign(&hmac::Key::new(**algorithm, &key), safe);
        let information = sequence(&[&sequence(&[&object(id), &wrap(NULL, b"")]), &wrap(OCTET_STRING, code.as_ref())]);
        Ok(sequence(&[&information, &wrap(OCTET_STRING, &salt), &integer(&count)]))
    }

    /// Encrypts, and says how, as an algorithm in DER.
    pub(super) fn encrypt(&self, scope: &Scope<'_>, plaintext: &[u8]) -> Called<(Vec<u8>, Vec<u8>)> {
        let (mut salt, mut vector) = ([0; SALT], [0; 16]);
        scope.fill_random(&mut salt)?;
        scope.fill_random(&mut vector)?;
        let count = ROUNDS.to_be_bytes();
        let key = self.stretched(pbkdf2::PBKDF2_HMAC_SHA256, &salt, rounds(scope, &count)?, 32)?;
        let cannot = || Fault::exec("cannot encrypt the PKCS#12 file");
        let key = UnboundCipherKey::new(&AES_256, &key).and_then(PaddedBlockEncryptingKey::cbc_pkcs7).map_err(|_| cannot())?;
        let mut text = plaintext.to_vec();
        key.less_safe_encrypt(&mut text, EncryptionContext::Iv128(FixedLength::from(vector))).map_err(|_| cannot())?;
        let function = sequence(&[&object(HMAC_SHA256), &wrap(NULL, b"")]);
        let derivation = sequence(&[&object(PBKDF2), &sequence(&[&wrap(OCTET_STRING, &salt), &integer(&count), &function])]);
        let scheme = sequence(&[&object(AES_256_CBC), &wrap(OCTET_STRING, &vector)]);
        Ok((sequence(&[&object(PBES2), &sequence(&[&derivation, &scheme])]), text))
    }

    /// Decrypts as an algorithm says, given by its content.
    pub(super) fn decrypt(&self, scope: &Scope<'_>, algorithm: &[u8], ciphertext: &[u8]) -> Called<Zeroizing<Vec<u8>>> {
        let (name, parameters) = element(algorithm, der::OBJECT).ok_or_else(unreadable)?;
        let (parameters, _) = element(parameters, SEQUENCE).ok_or_else(unreadable)?;
        scope.meter.allocate(ciphertext.len() as u64)?;
        if name != PBES2 {
            return legacy::decrypt(scope, self, name, parameters, ciphertext);
        }
        let read = || {
            let (derivation, rest) = element(parameters, SEQUENCE)?;
            let (_, behind) = element(derivation, der::OBJECT).filter(|(name, _)| *name == PBKDF2)?;
            let (derivation, _) = element(behind, SEQUENCE)?;
            let (salt, behind) = element(derivation, OCTET_STRING)?;
            let (rounds, behind) = element(behind, der::INTEGER)?;
            let behind = element(behind, der::INTEGER).map_or(behind, |(_, behind)| behind);
            let function = element(behind, SEQUENCE).map_or(Some(HMAC_SHA1), |(function, _)| Some(element(function, der::OBJECT)?.0))?;
            let (scheme, _) = element(rest, SEQUENCE)?;
            let (cipher, behind) = element(scheme, der::OBJECT)?;
            Some((salt, rounds, function, cipher, <[u8; 16]>::try_from(element(behind, OCTET_STRING)?.0).ok()?))
        };
        let (salt, count, function, cipher, vector) = read().ok_or_else(unreadable)?;
        let function = match function {
            HMAC_SHA1 => pbkdf2::PBKDF2_HMAC_SHA1,
            HMAC_SHA256 => pbkdf2::PBKDF2_HMAC_SHA256,
            HMAC_SHA384 => pbkdf2::PBKDF2_HMAC_SHA384,
            HMAC_SHA512 => pbkdf2::PBKDF2_HMAC_SHA512,
            _ => return Err(unreadable()),
        };
        let (cipher, length): (&Cipher, usize) = match cipher {
            AES_128_CBC => (&AES_128, 16),
            AES_192_CBC => (&AES_192, 24),
            AES_256_CBC => (&AES_256, 32),
            _ => return Err(unreadable()),
        };
        let key = self.stretched(function, salt, rounds(scope, count)?, length)?;
        let wrong = || Fault::exec("the password of the PKCS#12 file is wrong, or a part of it is broken");
        let key = UnboundCipherKey::new(cipher, &key).and_then(PaddedBlockDecryptingKey::cbc_pkcs7).map_err(|_| wrong())?;
        let mut text = Zeroizing::new(ciphertext.to_vec());
        let length = key.decrypt(&mut text, DecryptionContext::Iv128(FixedLength::from(vector))).map_err(|_| wrong())?.len();
        text.truncate(length);
        Ok(text)
    }

    fn stretched(&self, function: pbkdf2::Algorithm, salt: &[u8], rounds: u32, length: usize) -> Called<Zeroizing<Vec<u8>>> {
        let mut key = Zeroizing::new(vec![0; length]);
        pbkdf2::derive(function, NonZeroU32::new(rounds).ok_or_else(unreadable)?, salt, &self.text, &mut key);
        Ok(key)
    }

    /// A key of the first kind that this format had, with SHA-1.
    pub(super) fn derive_legacy(&self, purpose: Purpose, salt: &[u8], rounds: u32, length: usize) -> Zeroizing<Vec<u8>> {
        self.derive(&SHA1_FOR_LEGACY_USE_ONLY, 64, purpose, salt, rounds, length)
    }

    /// *Source*: RFC 7292, appendix B.2, whose letters these are.
    fn derive(&self, digest: &'static Digest, v: usize, purpose: Purpose, salt: &[u8], rounds: u32, length: usize) -> Zeroizing<Vec<u8>> {
        let filled = |text: &[u8]| text.iter().copied().cycle().take(text.len().next_multiple_of(v)).collect::<Vec<u8>>();
        let mut i = Zeroizing::new([filled(salt), filled(&self.wide)].concat());
        let mut key = Zeroizing::new(Vec::with_capacity(length + digest.output_len()));
        while key.len() < length {
            let mut context = Context::new(digest);
            context.update(&vec![purpose as u8; v]);
            context.update(&i);
            let mut a = context.finish();
            for _ in 1..rounds {
                a = aws_lc_rs::digest::digest(digest, a.as_ref());
            }
            key.extend_from_slice(a.as_ref());
            let b: Vec<u8> = a.as_ref().iter().copied().cycle().take(v).collect();
            for block in i.chunks_mut(v) {
                let mut carry = 1_u16;
                for (digit, other) in block.iter_mut().zip(&b).rev() {
                    carry += u16::from(*digit) + u16::from(*other);
                    *digit = carry as u8;
                    carry >>= 8;
                }
            }
        }
        key.truncate(length);
        key
    }
}
