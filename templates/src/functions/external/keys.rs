//! Private keys that others wrote: PKCS#1, SEC 1 or PKCS#8, all as PKCS#8.

use zeroize::Zeroizing;

use super::der::{self, BIT_STRING, INTEGER, NULL, OCTET_STRING, SEQUENCE, element, integer, object, sequence, wrap};

/// Identifiers of algorithms and curves.
pub(super) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
pub(super) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Writes PKCS#8 around a key.
pub(super) fn pkcs8(algorithm: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(sequence(&[&integer(&[0]), algorithm, &wrap(OCTET_STRING, key)]))
}

/// The algorithm of RSA keys.
pub(super) fn rsa_algorithm() -> Vec<u8> {
    sequence(&[&object(RSA), &wrap(NULL, b"")])
}

/// The algorithm of keys on a curve.
pub(super) fn ec_algorithm(curve: &[u8]) -> Vec<u8> {
    sequence(&[&object(EC), &object(curve)])
}

/// Writes a public key with its algorithm.
pub(super) fn public(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    sequence(&[algorithm, &wrap(BIT_STRING, &[&[0], key].concat())])
}

/// A key in DER as PKCS#8, without what else PKCS#8 may hold.
pub(super) fn normalized(key: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (content, _) = element(key, SEQUENCE)?;
    let (_, rest) = element(content, INTEGER)?;
    let (tag, inner, behind) = der::any(rest)?;
    match tag {
        SEQUENCE => {
            let (private, _) = element(behind, OCTET_STRING)?;
            Some(pkcs8(&wrap(SEQUENCE, inner), private))
        }
        // The modulus of PKCS#1.
        INTEGER => Some(pkcs8(&rsa_algorithm(), key)),
        // The number of SEC 1, and its curve.
        OCTET_STRING => {
            let (curve, behind) = element(behind, 0xa0)?;
            let (curve, _) = element(curve, der::OBJECT)?;
            let private = sequence(&[&integer(&[1]), &wrap(OCTET_STRING, inner), behind]);
            Some(pkcs8(&ec_algorithm(curve), &private))
        }
        _ => None,
    }
}

/// The key within PKCS#8, and the identifier of its algorithm.
pub(super) fn parts(pkcs8: &[u8]) -> Option<(&[u8], &[u8])> {
    let (content, _) = element(pkcs8, SEQUENCE)?;
    let (_, rest) = element(content, INTEGER)?;
    let (algorithm, rest) = element(rest, SEQUENCE)?;
    let (name, _) = element(algorithm, der::OBJECT)?;
    let (key, _) = element(rest, OCTET_STRING)?;
    Some((name, key))
}
