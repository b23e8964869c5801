//! Passwords, randomness and encryption.

use aws_lc_rs::cipher::{AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::encoding::Base;
use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::unicode::chars;
use crate::value::Value;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("bcrypt", &[Kind::Text], |scope, arguments| scope.text(bcrypt(scope, arguments.text(0)?)?)),
    Function::fixed("decryptAES", &[Kind::Text, Kind::Text], decrypt_aes),
    Function::fixed("derivePassword", &[Kind::Uint32, Kind::Text, Kind::Text, Kind::Text, Kind::Text], derive_password),
    Function::fixed("encryptAES", &[Kind::Text, Kind::Text], encrypt_aes),
    Function::fixed("htpasswd", &[Kind::Text, Kind::Text], htpasswd),
    Function::fixed("randAlpha", &[Kind::Int], |scope, arguments| random_text(scope, arguments, u8::is_ascii_alphabetic)),
    Function::fixed("randAlphaNum", &[Kind::Int], |scope, arguments| random_text(scope, arguments, u8::is_ascii_alphanumeric)),
    Function::fixed("randAscii", &[Kind::Int], |scope, arguments| random_text(scope, arguments, |byte| (b' '..=b'~').contains(byte))),
    Function::fixed("randBytes", &[Kind::Int], random_bytes),
    Function::fixed("randInt", &[Kind::Int, Kind::Int], random_int),
    Function::fixed("randNumeric", &[Kind::Int], |scope, arguments| random_text(scope, arguments, u8::is_ascii_digit)),
    Function::fixed("shuffle", &[Kind::Text], shuffle),
    Function::fixed("uuidv4", &[], uuid),
];

/// What one bcrypt hash of cost 10 takes. *Units*: milliseconds.
const BCRYPT_PRICE: u64 = 80;

/// What one scrypt key of the master password algorithm takes; its 32 MiB are free again when it is made.
const SCRYPT_PRICE: u64 = 150;

/// A random number below a bound.
fn random_below(scope: &Scope<'_>, bound: u64) -> Called<u64> {
    // Numbers of the last, incomplete row would make small results likelier.
    let complete = u64::MAX - u64::MAX % bound.max(1);
    loop {
        let mut bytes = [0; 8];
        scope.fill_random(&mut bytes)?;
        let number = u64::from_le_bytes(bytes);
        if number < complete {
            return Ok(number % bound.max(1));
        }
    }
}

fn random_text(scope: &Scope<'_>, arguments: &Arguments, wanted: fn(&u8) -> bool) -> Called {
    let count = usize::try_from(arguments.int(0)?).unwrap_or(0);
    scope.meter.allocate(count as u64)?;
    scope.meter.step(count as u64 / 8)?;
    let alphabet: Vec<u8> = (0..=u8::MAX).filter(wanted).collect();
    let mut text = Vec::with_capacity(count);
    for _ in 0..count {
        let index = random_below(scope, alphabet.len() as u64)?;
        text.extend(usize::try_from(index).ok().and_then(|index| alphabet.get(index)));
    }
    scope.text(text)
}

fn random_bytes(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let count = usize::try_from(arguments.int(0)?).map_err(|_| Fault::exec("negative number of bytes"))?;
    scope.meter.allocate((count as u64).saturating_mul(3))?;
    let mut bytes = Zeroizing::new(vec![0; count]);
    scope.fill_random(&mut bytes)?;
    scope.text(Base::Base64.encode(&bytes))
}

fn random_int(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (min, max) = (arguments.int(0)?, arguments.int(1)?);
    let range = u64::try_from(max.wrapping_sub(min)).ok().filter(|range| *range > 0);
    let range = range.ok_or(Fault::exec("the upper bound is not above the lower one"))?;
    Ok(Value::int(min.wrapping_add_unsigned(random_below(scope, range)?)))
}

fn shuffle(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut all: Vec<char> = chars(arguments.text(0)?).map(|(_, c, _)| c).collect();
    for last in (1..all.len()).rev() {
        let other = random_below(scope, last as u64 + 1)?;
        all.swap(last, usize::try_from(other).unwrap_or(last));
    }
    scope.text(all.into_iter().collect::<String>().into_bytes())
}

/// RFC 9562, section 5.4.
fn uuid(scope: &Scope<'_>, _: &Arguments) -> Called {
    let mut bytes = [0; 16];
    scope.fill_random(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Ok(Value::text(&text))
}

/// A hash of cost 10 in the format `2a`, as Go writes it.
fn bcrypt(scope: &Scope<'_>, password: &[u8]) -> Called<Vec<u8>> {
    if password.len() > 72 {
        // The words of the reference, which are the result and not an error.
        return Ok(b"failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_vec());
    }
    scope.meter.spend(BCRYPT_PRICE)?;
    let mut salt = [0; 16];
    scope.fill_random(&mut salt)?;
    let hash = ::bcrypt::hash_with_salt(password, 10, salt).map_err(|_| Fault::exec("cannot hash the password"))?;
    Ok(hash.format_for_version(::bcrypt::Version::TwoA).into_bytes())
}

pub(super) fn htpasswd(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (name, password) = (arguments.text(0)?, arguments.text(1)?);
    if name.contains(&b':') {
        return scope.text([b"invalid username: ", &**name].concat());
    }
    scope.text([&**name, b":", &bcrypt(scope, password)?].concat())
}

/// The master password algorithm: templates of classes of characters, by type.
const PASSWORD_TEMPLATES: &[(&str, &[&str])] = &[
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("pin", &["nnnn"]),
    ("short", &["Cvcn"]),
];

fn password_characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

fn derive_password(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    const SEED: &[u8] = b"com.lyndir.masterpassword";
    let Value::Uint(counter, _) = arguments.any(0) else { return Err(Fault::exec("the counter is no uint32")) };
    let kind = arguments.text(1)?;
    let Some((_, templates)) = PASSWORD_TEMPLATES.iter().find(|(name, _)| name.as_bytes() == &**kind) else {
        return scope.text([b"cannot find password template ", &**kind].concat());
    };
    scope.meter.spend(SCRYPT_PRICE)?;
    let (password, user, site) = (arguments.text(2)?, arguments.text(3)?, arguments.text(4)?);
    let length = |text: &[u8]| (text.len() as u32).to_be_bytes();
    let salt = [SEED, &length(user), user].concat();
    let mut key = Zeroizing::new([0; 64]);
    let params = scrypt::Params::new(15, 8, 2).map_err(|_| Fault::exec("cannot derive the password"))?;
    scrypt::scrypt(password, &salt, &params, &mut *key).map_err(|_| Fault::exec("cannot derive the password"))?;
    let message = [SEED, &length(site), site, &(*counter as u32).to_be_bytes()].concat();
    let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*key), &message);
    let Some((first, rest)) = seed.as_ref().split_first() else { return Ok(Value::text("")) };
    let template = templates.get(usize::from(*first) % templates.len()).copied().unwrap_or_default();
    let choose = |(class, byte): (u8, &u8)| {
        let characters = password_characters(class);
        characters.get(usize::from(*byte) % characters.len()).copied()
    };
    scope.text(template.bytes().zip(rest).filter_map(choose).collect())
}

/// The password as AES-256 key: cut, or filled with zeros.
fn aes_key(password: &[u8]) -> Called<UnboundCipherKey> {
    let mut key = Zeroizing::new([0; 32]);
    let length = password.len().min(32);
    key[..length].copy_from_slice(&password[..length]);
    UnboundCipherKey::new(&AES_256, &*key).map_err(|_| Fault::exec("cannot make the key"))
}

fn encrypt_aes(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (password, text) = (arguments.text(0)?, arguments.text(1)?);
    if text.is_empty() {
        return Ok(Value::text(""));
    }
    scope.meter.allocate((text.len() as u64).saturating_mul(4))?;
    let failed = |_| Fault::exec("cannot encrypt");
    let mut vector = [0; 16];
    scope.fill_random(&mut vector)?;
    let padding = 16 - text.len() % 16;
    let mut data = text.to_vec();
    data.extend(std::iter::repeat_n(padding as u8, padding));
    let key = EncryptingKey::cbc(aes_key(password)?).map_err(failed)?;
    let context = EncryptionContext::Iv128(FixedLength::from(vector));
    key.less_safe_encrypt(&mut data, context).map_err(failed)?;
    scope.text(Base::Base64.encode(&[vector.as_slice(), &data].concat()))
}

fn decrypt_aes(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (password, text) = (arguments.text(0)?, arguments.text(1)?);
    if text.is_empty() {
        return Ok(Value::text(""));
    }
    scope.meter.allocate((text.len() as u64).saturating_mul(20))?;
    let data = Base::Base64.decode(text).map_err(|_| Fault::exec("not base 64"))?;
    let (vector, data) = data.split_first_chunk::<16>().ok_or(Fault::exec("too short"))?;
    if data.is_empty() || data.len() % 16 != 0 {
        return Err(Fault::exec("not whole blocks"));
    }
    let failed = |_| Fault::exec("cannot decrypt");
    let mut data = Zeroizing::new(data.to_vec());
    let key = DecryptingKey::cbc(aes_key(password)?).map_err(failed)?;
    let context = DecryptionContext::Iv128(FixedLength::from(*vector));
    let plain = key.decrypt(&mut data, context).map_err(failed)?;
    // The reference only looks at the last byte of the padding, and so do we.
    let padding = usize::from(plain.last().copied().unwrap_or(0));
    let end = plain.len().checked_sub(padding).ok_or(Fault::exec("bad padding"))?;
    scope.text(plain[..end].to_vec())
}
