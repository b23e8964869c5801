//! PKCS#12 (RFC 7292): keys and certificates in one file.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use zeroize::Zeroizing;

use super::chains::{Link, charge, ordered, parse};
use super::der::{self, OCTET_STRING, SEQUENCE, SET, element, elements, integer, object, sequence, small, wrap};
use super::{keys, pem};
use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::functions::encoding::Base;

use cipher::Password;

mod cipher;
mod legacy;

/// The functions of this family.
pub(in crate::functions) const TABLE: &[Function] = &[
    Function::fixed("fullPemToPkcs12", &[Kind::Text, Kind::Text], |scope, arguments| from_pem(scope, arguments, true, b"")),
    Function::fixed("fullPemToPkcs12Pass", &[Kind::Text, Kind::Text, Kind::Text], |scope, arguments| {
        from_pem(scope, arguments, true, arguments.text(2)?)
    }),
    Function::fixed("pemToPkcs12", &[Kind::Text, Kind::Text], |scope, arguments| from_pem(scope, arguments, false, b"")),
    Function::fixed("pemToPkcs12Pass", &[Kind::Text, Kind::Text, Kind::Text], |scope, arguments| {
        from_pem(scope, arguments, false, arguments.text(2)?)
    }),
    Function::fixed("pemTruststoreToPKCS12", &[Kind::Text], |scope, arguments| trust_store(scope, arguments, b"")),
    Function::fixed("pemTruststoreToPKCS12Pass", &[Kind::Text, Kind::Text], |scope, arguments| trust_store(scope, arguments, arguments.text(1)?)),
    Function::fixed("pkcs12cert", &[Kind::Text], |scope, arguments| certificates(scope, b"", arguments.text(0)?)),
    Function::fixed("pkcs12certPass", &[Kind::Text, Kind::Text], |scope, arguments| certificates(scope, arguments.text(0)?, arguments.text(1)?)),
    Function::fixed("pkcs12key", &[Kind::Text], |scope, arguments| key(scope, b"", arguments.text(0)?)),
    Function::fixed("pkcs12keyPass", &[Kind::Text, Kind::Text], |scope, arguments| key(scope, arguments.text(0)?, arguments.text(1)?)),
];

/// Kinds of content (RFC 2315).
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];

/// Kinds of bags (RFC 7292, appendix D).
const KEY_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x01];
const SHROUDED_KEY_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x02];
const CERTIFICATE_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];
const X509: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];

/// Attributes of bags: RFC 2985, and what Java takes for trust.
const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
const LOCAL_KEY_ID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x15];
const JAVA_TRUST: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 0x01, 0x01];
const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// A BMP string.
const BMP_STRING: u8 = 0x1e;

fn unreadable() -> Fault {
    Fault::exec("the PKCS#12 file cannot be read")
}

/// What a file holds: the only key, and certificates as they come.
struct Opened {
    key: Zeroizing<Vec<u8>>,
    certificates: Vec<Vec<u8>>,
}

fn open(scope: &Scope<'_>, password: &[u8], file: &[u8]) -> Called<Opened> {
    scope.meter.allocate((file.len() as u64).saturating_mul(4))?;
    let read = || {
        let (content, _) = element(file, SEQUENCE)?;
        let (version, rest) = element(content, der::INTEGER)?;
        let (safe, mac) = element(rest, SEQUENCE)?;
        Some((version, contents(safe, DATA)?, mac))
    };
    let (_, safe, mac) = read().filter(|(version, ..)| *version == [3]).ok_or_else(unreadable)?;
    let password = Password::verified(scope, password, safe, mac)?;
    let (mut key, mut certificates) = (None, Vec::new());
    let (parts, _) = element(safe, SEQUENCE).ok_or_else(unreadable)?;
    for (_, part) in elements(parts).ok_or_else(unreadable)? {
        let decrypted;
        let bags = if let Some(bags) = contents(part, DATA) {
            bags
        } else {
            decrypted = decrypt(scope, &password, part)?;
            &decrypted
        };
        let (bags, _) = element(bags, SEQUENCE).ok_or_else(unreadable)?;
        for (_, bag) in elements(bags).ok_or_else(unreadable)? {
            let (kind, rest) = element(bag, der::OBJECT).ok_or_else(unreadable)?;
            let (value, _) = element(rest, 0xa0).ok_or_else(unreadable)?;
            let found = match kind {
                KEY_BAG => Zeroizing::new(value.to_vec()),
                SHROUDED_KEY_BAG => unshrouded(scope, &password, value)?,
                CERTIFICATE_BAG => {
                    certificates.push(certificate(value).ok_or_else(unreadable)?);
                    continue;
                }
                _ => continue,
            };
            if key.replace(found).is_some() {
                return Err(Fault::exec("the PKCS#12 file has more than one private key"));
            }
        }
    }
    let key = key.ok_or(Fault::exec("the PKCS#12 file has no private key"))?;
    if certificates.is_empty() {
        return Err(Fault::exec("the PKCS#12 file has no certificate"));
    }
    Ok(Opened { key, certificates })
}

/// What is inside of an information on contents of a kind.
fn contents<'d>(information: &'d [u8], kind: &[u8]) -> Option<&'d [u8]> {
    let (found, rest) = element(information, der::OBJECT)?;
    let (inside, _) = element(rest, 0xa0).filter(|_| found == kind)?;
    if kind == DATA { element(inside, OCTET_STRING).map(|(data, _)| data) } else { Some(inside) }
}

fn decrypt(scope: &Scope<'_>, password: &Password, information: &[u8]) -> Called<Zeroizing<Vec<u8>>> {
    let read = || {
        let (inside, _) = element(contents(information, ENCRYPTED_DATA)?, SEQUENCE)?;
        let (_, rest) = element(inside, der::INTEGER)?;
        let (inside, _) = element(rest, SEQUENCE)?;
        let (_, rest) = element(inside, der::OBJECT)?;
        let (algorithm, rest) = element(rest, SEQUENCE)?;
        Some((algorithm, element(rest, 0x80)?.0))
    };
    let (algorithm, ciphertext) = read().ok_or_else(unreadable)?;
    password.decrypt(scope, algorithm, ciphertext)
}

fn unshrouded(scope: &Scope<'_>, password: &Password, bag: &[u8]) -> Called<Zeroizing<Vec<u8>>> {
    let read = || {
        let (inside, _) = element(bag, SEQUENCE)?;
        let (algorithm, rest) = element(inside, SEQUENCE)?;
        Some((algorithm, element(rest, OCTET_STRING)?.0))
    };
    let (algorithm, ciphertext) = read().ok_or_else(unreadable)?;
    password.decrypt(scope, algorithm, ciphertext)
}

fn certificate(bag: &[u8]) -> Option<Vec<u8>> {
    let (inside, _) = element(bag, SEQUENCE)?;
    let (_, rest) = element(inside, der::OBJECT).filter(|(kind, _)| *kind == X509)?;
    let (inside, _) = element(rest, 0xa0)?;
    Some(element(inside, OCTET_STRING)?.0.to_vec())
}

fn key(scope: &Scope<'_>, password: &[u8], file: &[u8]) -> Called {
    let opened = open(scope, password, file)?;
    let key = usable(&opened.key)?;
    scope.text(pem::encode("PRIVATE KEY", &key))
}

/// A key as PKCS#8, if it is of a kind that is known.
fn usable(key: &[u8]) -> Called<Zeroizing<Vec<u8>>> {
    let known = |key: &Zeroizing<Vec<u8>>| keys::parts(key).is_some_and(|(kind, _)| [keys::EC, keys::ED25519, keys::RSA].contains(&kind));
    keys::normalized(key).filter(known).ok_or(Fault::exec("the private key cannot be read"))
}

fn certificates(scope: &Scope<'_>, password: &[u8], file: &[u8]) -> Called {
    let opened = open(scope, password, file)?;
    let write = |all: &[Vec<u8>]| all.iter().flat_map(|der| pem::encode("CERTIFICATE", der)).collect::<Vec<u8>>();
    let as_they_come = write(&opened.certificates);
    let links = opened.certificates.into_iter().map(Link::read).collect::<Called<Vec<Link>>>()?;
    match ordered(scope, links) {
        Ok(chain) => scope.text(write(&chain.into_iter().map(|link| link.der).collect::<Vec<_>>())),
        Err(fault) if fault.kind() == crate::error::ErrorKind::Exec => scope.text(as_they_come),
        Err(fault) => Err(fault),
    }
}

fn attribute(name: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[&object(name), &wrap(SET, value)])
}

fn certificate_bag(der: &[u8], attributes: &[Vec<u8>]) -> Vec<u8> {
    let value = sequence(&[&object(X509), &wrap(0xa0, &wrap(OCTET_STRING, der))]);
    let attributes = if attributes.is_empty() { Vec::new() } else { wrap(SET, &attributes.concat()) };
    sequence(&[&object(CERTIFICATE_BAG), &wrap(0xa0, &value), &attributes])
}

/// Parses every block of a text.
fn all_certificates(text: &[u8]) -> Called<Vec<Vec<u8>>> {
    let found: Vec<Vec<u8>> = pem::blocks(text).0.into_iter().map(|block| block.der).collect();
    for der in &found {
        parse(der)?;
    }
    Ok(found)
}

fn from_pem(scope: &Scope<'_>, arguments: &Arguments, whole_chain: bool, password: &[u8]) -> Called {
    let (certificates, key) = (arguments.text(0)?, arguments.text(1)?);
    charge(scope, certificates)?;
    let mut chain = all_certificates(certificates)?;
    chain.truncate(if whole_chain { chain.len() } else { 1 });
    let leaf = chain.first().ok_or(Fault::exec("there is no certificate in PEM"))?;
    let (block, _) = pem::next(key).ok_or(Fault::exec("the private key is not PEM"))?;
    let key = usable(&Zeroizing::new(block.der))?;
    let id = digest(&SHA1_FOR_LEGACY_USE_ONLY, leaf);
    let id = attribute(LOCAL_KEY_ID, &wrap(OCTET_STRING, id.as_ref()));
    let bags: Vec<Vec<u8>> =
        chain.iter().enumerate().map(|(index, der)| certificate_bag(der, if index == 0 { std::slice::from_ref(&id) } else { &[] })).collect();
    let password = Password::new(password)?;
    let (algorithm, ciphertext) = password.encrypt(scope, &key)?;
    let shrouded = sequence(&[&algorithm, &wrap(OCTET_STRING, &ciphertext)]);
    let key_bag = sequence(&[&object(SHROUDED_KEY_BAG), &wrap(0xa0, &shrouded), &wrap(SET, &id)]);
    let key_part = sequence(&[&object(DATA), &wrap(0xa0, &wrap(OCTET_STRING, &sequence(&[&key_bag])))]);
    written(scope, &password, &bags, &key_part)
}

fn trust_store(scope: &Scope<'_>, arguments: &Arguments, password: &[u8]) -> Called {
    charge(scope, arguments.text(0)?)?;
    let mut bags = Vec::new();
    for der in all_certificates(arguments.text(0)?)? {
        let name: Vec<u8> = parse(&der)?.subject().to_string().encode_utf16().flat_map(u16::to_be_bytes).collect();
        let attributes = [attribute(FRIENDLY_NAME, &wrap(BMP_STRING, &name)), attribute(JAVA_TRUST, &object(ANY_USAGE))];
        bags.push(certificate_bag(&der, &attributes));
    }
    written(scope, &Password::new(password)?, &bags, b"")
}

/// The whole file, in base64: certificates encrypted, the key by itself, and a code over both.
fn written(scope: &Scope<'_>, password: &Password, certificates: &[Vec<u8>], key: &[u8]) -> Called {
    let (algorithm, ciphertext) = password.encrypt(scope, &wrap(SEQUENCE, &certificates.concat()))?;
    let encrypted = sequence(&[&object(DATA), &algorithm, &wrap(0x80, &ciphertext)]);
    let part = sequence(&[&object(ENCRYPTED_DATA), &wrap(0xa0, &sequence(&[&integer(&[0]), &encrypted]))]);
    let safe = sequence(&[&part, key]);
    let mac = password.mac(scope, &safe)?;
    let file = sequence(&[&integer(&[3]), &sequence(&[&object(DATA), &wrap(0xa0, &wrap(OCTET_STRING, &safe))]), &mac]);
    scope.text(Base::Base64.encode(&file))
}

/// The number of rounds in parameters, charged before they are done.
fn rounds(scope: &Scope<'_>, content: &[u8]) -> Called<u32> {
    let rounds = small(content).filter(|rounds| *rounds > 0).ok_or_else(unreadable)?;
    scope.meter.spend(u64::from(rounds) / cipher::ROUNDS_OF_A_MILLISECOND)?;
    Ok(rounds)
}
