//! Keys as JSON has them (RFC 7517, 7518, 8037), as PEM.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1,
    ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair, ParsedPublicKey, RsaKeyPair,
};
use num_bigint::BigUint;
use zeroize::Zeroizing;

use super::der::{BIT_STRING, OCTET_STRING, integer, object, sequence, wrap};
use super::{keys, pem};
use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::functions::encoding::Base;
use crate::functions::json;
use crate::value::{Text, Value};

/// The functions of this family.
pub(in crate::functions) const TABLE: &[Function] = &[
    Function::fixed("jwkPrivateKeyPem", &[Kind::Text], |scope, arguments| {
        let key = Key::read(scope, arguments)?;
        scope.text(pem::encode("PRIVATE KEY", &key.private(scope)?))
    }),
    Function::fixed("jwkPublicKeyPem", &[Kind::Text], |scope, arguments| {
        let key = Key::read(scope, arguments)?;
        scope.text(pem::encode("PUBLIC KEY", &key.public()?))
    }),
];

/// What looking at an RSA key takes. *Units*: milliseconds.
const PRICE: u64 = 10;

/// A curve: its identifier, the bytes of a number, what reads its keys.
struct Curve {
    name: &'static [u8],
    id: &'static [u8],
    length: usize,
    verifies: &'static EcdsaVerificationAlgorithm,
    signs: &'static EcdsaSigningAlgorithm,
}

static CURVES: [Curve; 3] = [
    Curve {
        name: b"P-256",
        id: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
        length: 32,
        verifies: &ECDSA_P256_SHA256_ASN1,
        signs: &ECDSA_P256_SHA256_ASN1_SIGNING,
    },
    Curve {
        name: b"P-384",
        id: &[0x2b, 0x81, 0x04, 0x00, 0x22],
        length: 48,
        verifies: &ECDSA_P384_SHA384_ASN1,
        signs: &ECDSA_P384_SHA384_ASN1_SIGNING,
    },
    Curve {
        name: b"P-521",
        id: &[0x2b, 0x81, 0x04, 0x00, 0x23],
        length: 66,
        verifies: &ECDSA_P521_SHA512_ASN1,
        signs: &ECDSA_P521_SHA512_ASN1_SIGNING,
    },
];

/// The members of a key that are texts.
struct Key(BTreeMap<Text, Text>);

fn unusable() -> Fault {
    Fault::exec("the JSON is no key that can be used here")
}

impl Key {
    fn read(scope: &Scope<'_>, arguments: &Arguments) -> Called<Self> {
        let Some((Value::Map(map), _)) = json::read::read(scope, arguments.text(0)?)? else { return Err(unusable()) };
        let texts = map.pairs().into_iter().filter_map(|(name, value)| if let Value::Text(text) = value { Some((name, text)) } else { None });
        Ok(Self(texts.collect()))
    }

    fn text(&self, name: &str) -> &[u8] {
        self.0.get(&Text::from(name)).map(|text| &**text).unwrap_or_default()
    }

    /// A number or other bytes, in base64 for URLs without padding.
    fn bytes(&self, name: &str) -> Called<Zeroizing<Vec<u8>>> {
        let text = self.text(name);
        let mut standard: Vec<u8> = text
            .iter()
            .map(|byte| {
                if *byte == b'-' {
                    b'+'
                } else if *byte == b'_' {
                    b'/'
                } else {
                    *byte
                }
            })
            .collect();
        standard.resize(standard.len().next_multiple_of(4), b'=');
        let bytes = Base::Base64.decode(&standard).ok().filter(|bytes| !bytes.is_empty());
        bytes.map(Zeroizing::new).ok_or_else(unusable)
    }

    fn curve(&self) -> Called<&'static Curve> {
        CURVES.iter().find(|curve| curve.name == self.text("crv")).ok_or_else(unusable)
    }

    fn point(&self, curve: &Curve) -> Called<Vec<u8>> {
        let (x, y) = (padded(&self.bytes("x")?, curve.length)?, padded(&self.bytes("y")?, curve.length)?);
        Ok([&[4], x.as_slice(), &y].concat())
    }

    fn public(&self) -> Called<Vec<u8>> {
        // What has a private part is a private key, and none of the public ones.
        if self.0.contains_key(&Text::from("d")) {
            return Err(unusable());
        }
        match self.text("kty") {
            b"RSA" => {
                let key = sequence(&[&integer(&self.bytes("n")?), &integer(&self.bytes("e")?)]);
                Ok(keys::public(&keys::rsa_algorithm(), &key))
            }
            b"EC" => {
                let curve = self.curve()?;
                let point = self.point(curve)?;
                ParsedPublicKey::new(curve.verifies, &point).map_err(|_| unusable())?;
                Ok(keys::public(&keys::ec_algorithm(curve.id), &point))
            }
            b"OKP" if self.text("crv") == b"Ed25519" => {
                let key = self.bytes("x")?;
                if key.len() != 32 {
                    return Err(unusable());
                }
                Ok(keys::public(&sequence(&[&object(keys::ED25519)]), &key))
            }
            _ => Err(unusable()),
        }
    }

    fn private(&self, scope: &Scope<'_>) -> Called<Zeroizing<Vec<u8>>> {
        scope.meter.spend(PRICE)?;
        match self.text("kty") {
            b"RSA" => self.private_rsa(),
            b"EC" => {
                let curve = self.curve()?;
                let number = padded(&self.bytes("d")?, curve.length)?;
                let point = wrap(0xa1, &wrap(BIT_STRING, &[&[0], self.point(curve)?.as_slice()].concat()));
                let private = Zeroizing::new(sequence(&[&integer(&[1]), &wrap(OCTET_STRING, &number), &point]));
                let key = keys::pkcs8(&keys::ec_algorithm(curve.id), &private);
                EcdsaKeyPair::from_pkcs8(curve.signs, &key).map_err(|_| unusable())?;
                Ok(key)
            }
            b"OKP" if self.text("crv") == b"Ed25519" => {
                let seed = self.bytes("d")?;
                let key = keys::pkcs8(&sequence(&[&object(keys::ED25519)]), &wrap(OCTET_STRING, &seed));
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key).map_err(|_| unusable())?;
                Ok(key)
            }
            _ => Err(unusable()),
        }
    }

    fn private_rsa(&self) -> Called<Zeroizing<Vec<u8>>> {
        let (d, p, q) = (self.bytes("d")?, self.bytes("p")?, self.bytes("q")?);
        if [&d, &p, &q].iter().any(|number| number.len() > 1024) {
            return Err(unusable());
        }
        let number = |digits: &[u8]| BigUint::from_bytes_be(digits);
        let one = || BigUint::from(1_u8);
        if number(&p) <= one() || number(&q) <= one() {
            return Err(unusable());
        }
        // What can be computed may be left out.
        let given = |name: &str, computed: &dyn Fn() -> BigUint| self.bytes(name).unwrap_or_else(|_| Zeroizing::new(computed().to_bytes_be()));
        let dp = given("dp", &|| number(&d) % (number(&p) - one()));
        let dq = given("dq", &|| number(&d) % (number(&q) - one()));
        let qi = given("qi", &|| number(&q).modpow(&(number(&p) - one() - one()), &number(&p)));
        let (n, e) = (self.bytes("n")?, self.bytes("e")?);
        let parts: Vec<Vec<u8>> = [&[0][..], &n, &e, &d, &p, &q, &dp, &dq, &qi].into_iter().map(integer).collect();
        let private = Zeroizing::new(wrap(super::der::SEQUENCE, &parts.concat()));
        RsaKeyPair::from_der(&private).map_err(|_| unusable())?;
        Ok(keys::pkcs8(&keys::rsa_algorithm(), &private))
    }
}

/// With zeros in front up to a length.
fn padded(digits: &[u8], length: usize) -> Called<Zeroizing<Vec<u8>>> {
    let zeros = length.checked_sub(digits.len()).ok_or_else(unusable)?;
    Ok(Zeroizing::new([vec![0; zeros].as_slice(), digits].concat()))
}
