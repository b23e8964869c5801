//! What External Secrets adds to sprig, and what its sprig does in another way.
//!
//! *Source*: external-secrets 2.9.0, `runtime/template/v2`.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::crypto;
use super::encoding::Base;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::unicode::is_printable;
use crate::value::Value;

pub(super) mod chains;
mod der;
pub(super) mod jwk;
mod keys;
mod pem;
pub(super) mod pkcs12;
pub(super) mod rsa;
pub(crate) mod yaml;

/// What is in no other family.
pub(super) const TABLE: &[Function] =
    &[Function::fixed("hexdec", &[Kind::Text], hexdec), Function::fixed("htpasswd", &[Kind::Text, Kind::Text, Kind::Text], htpasswd)];

/// Malformed text gives the words of Go's error instead.
fn hexdec(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let text = arguments.text(0)?;
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for pair in text.chunks(2) {
        if let Some(wrong) = pair.iter().find(|byte| digit(**byte).is_none()) {
            let c = char::from(*wrong);
            let shown = if is_printable(c) { format!(" '{c}'") } else { String::new() };
            return Ok(Value::text(&format!("encoding/hex: invalid byte: U+{:04X}{shown}", u32::from(c))));
        }
        match pair {
            [high, low] => bytes.extend(digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low)),
            _ => return Ok(Value::text("encoding/hex: odd length hex string")),
        }
    }
    scope.text(bytes)
}

fn htpasswd(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (name, password) = (arguments.text(0)?, arguments.text(1)?);
    if **arguments.text(2)? == *b"sha" && !name.contains(&b':') {
        let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, password);
        return scope.text([&**name, b":{SHA}", &Base::Base64.encode(sum.as_ref())].concat());
    }
    crypto::htpasswd(scope, arguments)
}
