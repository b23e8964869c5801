//! `rsaDecrypt`.

use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA512_MGF1SHA512, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use zeroize::Zeroizing;

use super::{keys, pem};
use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::value::Value;

/// The functions of this family.
pub(in crate::functions) const TABLE: &[Function] = &[Function::fixed("rsaDecrypt", &[Kind::Text, Kind::Text, Kind::Text, Kind::Text], decrypt)];

/// What one private operation takes. *Units*: milliseconds.
const PRICE: u64 = 10;

fn decrypt(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (scheme, hash) = (arguments.text(0)?, arguments.text(1)?);
    match &**scheme {
        b"None" => return Ok(Value::Text(arguments.text(2)?.clone())),
        b"RSA-OAEP" => {}
        _ => return Err(Fault::exec("this scheme of decryption is not known")),
    }
    scope.meter.spend(PRICE)?;
    let algorithm = match &**hash {
        b"SHA1" => &OAEP_SHA1_MGF1SHA1,
        b"SHA512" => &OAEP_SHA512_MGF1SHA512,
        _ => &OAEP_SHA256_MGF1SHA256,
    };
    let (block, _) = pem::next(arguments.text(3)?).ok_or(Fault::exec("the private key is not PEM"))?;
    let der = Zeroizing::new(block.der);
    let unusable = || Fault::exec("the private key is no RSA key that can be read");
    let pkcs8 = keys::normalized(&der).ok_or_else(unusable)?;
    let key = PrivateDecryptingKey::from_pkcs8(&pkcs8).map_err(|_| unusable())?;
    let key = OaepPrivateDecryptingKey::new(key).map_err(|_| unusable())?;
    let mut plaintext = Zeroizing::new(vec![0; key.min_output_size()]);
    let opened = key.decrypt(algorithm, arguments.text(2)?, &mut plaintext, None).map_err(|_| Fault::exec("the ciphertext does not open"))?;
    scope.text(opened.to_vec())
}
