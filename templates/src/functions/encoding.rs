//! Base 64, base 32 and digests.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512, digest};

use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::value::Value;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("adler32sum", &[Kind::Text], |_, arguments| Ok(Value::text(&adler2::adler32_slice(arguments.text(0)?).to_string()))),
    Function::fixed("b32dec", &[Kind::Text], |scope, arguments| decoded(scope, arguments, Base::Base32)),
    Function::fixed("b32enc", &[Kind::Text], |scope, arguments| encoded(scope, arguments, Base::Base32)),
    Function::fixed("b64dec", &[Kind::Text], |scope, arguments| decoded(scope, arguments, Base::Base64)),
    Function::fixed("b64enc", &[Kind::Text], |scope, arguments| encoded(scope, arguments, Base::Base64)),
    Function::fixed("sha1sum", &[Kind::Text], |_, arguments| sum(arguments, &SHA1_FOR_LEGACY_USE_ONLY)),
    Function::fixed("sha256sum", &[Kind::Text], |_, arguments| sum(arguments, &SHA256)),
    Function::fixed("sha512sum", &[Kind::Text], |_, arguments| sum(arguments, &SHA512)),
];

/// The standard alphabets of RFC 4648, with padding.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Base {
    Base32,
    Base64,
}

impl Base {
    fn alphabet(self) -> &'static [u8] {
        match self {
            Self::Base32 => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            Self::Base64 => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        }
    }

    /// The bits of one digit, and the digits that make whole bytes.
    fn shape(self) -> (usize, usize) {
        if self == Self::Base32 { (5, 8) } else { (6, 4) }
    }

    pub(super) fn encode(self, bytes: &[u8]) -> Vec<u8> {
        let (bits, quantum) = self.shape();
        let mut out = Vec::with_capacity((bytes.len() * 8 / bits + quantum) / quantum * quantum);
        let (mut held, mut count) = (0_u32, 0);
        let mask = (1 << bits) - 1;
        for byte in bytes {
            held = (held << 8 | u32::from(*byte)) & 0xffff;
            count += 8;
            while count >= bits {
                count -= bits;
                out.push(self.alphabet()[(held >> count) as usize & mask]);
            }
        }
        if count > 0 {
            out.push(self.alphabet()[(held << (bits - count)) as usize & mask]);
        }
        let padding = out.len().next_multiple_of(quantum) - out.len();
        out.extend(std::iter::repeat_n(b'=', padding));
        out
    }

    /// Decodes; line ends are passed over. The error is the place that Go's decoder names.
    pub(super) fn decode(self, text: &[u8]) -> Result<Vec<u8>, usize> {
        let (bits, quantum) = self.shape();
        let visible: Vec<(usize, u8)> = text.iter().copied().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n')).collect();
        let mut out = Vec::with_capacity(visible.len() * bits / 8);
        let mut rest = visible.as_slice();
        while !rest.is_empty() {
            let digits = self.digits(rest, visible.len() - rest.len(), text.len(), visible.len())?;
            let (mut held, mut count) = (0_u64, 0);
            for digit in &digits {
                held = held << bits | digit;
                count += bits;
            }
            while count >= 8 {
                count -= 8;
                out.push((held >> count) as u8);
            }
            rest = if digits.len() < quantum { &[] } else { &rest[quantum..] };
        }
        Ok(out)
    }

    /// The digits of the next quantum; fewer than usual when padding ends the text.
    fn digits(self, rest: &[(usize, u8)], start: usize, length: usize, visible: usize) -> Result<Vec<u64>, usize> {
        let (_, quantum) = self.shape();
        let mut digits = Vec::with_capacity(quantum);
        for index in 0..quantum {
            let Some((at, byte)) = rest.get(index).copied() else {
                let end = if self == Self::Base32 { visible } else { length };
                return Err(end - index);
            };
            if let Some(digit) = self.alphabet().iter().position(|digit| *digit == byte) {
                digits.push(digit as u64);
                continue;
            }
            let place = if self == Self::Base32 { start + index } else { at };
            if byte != b'=' || index < 2 {
                return Err(place);
            }
            let behind = &rest[index + 1..];
            return match self {
                Self::Base32 => padding_of_32(behind, index, place, visible),
                Self::Base64 => padding_of_64(behind, index, length),
            }
            .map(|()| digits);
        }
        Ok(digits)
    }
}

fn padding_of_32(behind: &[(usize, u8)], index: usize, place: usize, length: usize) -> Result<(), usize> {
    if behind.len() >= 8 {
        return Err(place);
    }
    if behind.len() + index < 7 {
        return Err(length);
    }
    if let Some(wrong) = behind.iter().take(7 - index).position(|(_, byte)| *byte != b'=') {
        return Err(length - behind.len() + wrong - 1);
    }
    if matches!(index, 3 | 6) { Err(place) } else { Ok(()) }
}

fn padding_of_64(behind: &[(usize, u8)], index: usize, length: usize) -> Result<(), usize> {
    let behind = if index == 3 {
        behind
    } else {
        match behind {
            [] => return Err(length),
            [(_, b'='), behind @ ..] => behind,
            [(at, _), ..] => return Err(at - 1),
        }
    };
    behind.first().map_or(Ok(()), |(at, _)| Err(*at))
}

fn encoded(scope: &Scope<'_>, arguments: &Arguments, base: Base) -> Called {
    let text = arguments.text(0)?;
    scope.meter.allocate(text.len() as u64)?;
    scope.text(base.encode(text))
}

/// Malformed text gives the words of Go's error instead, as in sprig.
fn decoded(scope: &Scope<'_>, arguments: &Arguments, base: Base) -> Called {
    let text = arguments.text(0)?;
    scope.meter.allocate((text.len() as u64).saturating_mul(16))?;
    match base.decode(text) {
        Ok(bytes) => scope.text(bytes),
        Err(at) => {
            let name = if base == Base::Base32 { "base32" } else { "base64" };
            Ok(Value::text(&format!("illegal {name} data at input byte {at}")))
        }
    }
}

fn sum(arguments: &Arguments, algorithm: &'static Algorithm) -> Called {
    let digest = digest(algorithm, arguments.text(0)?);
    let text: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Value::text(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_undoes_encoding() {
        for length in 0..20 {
            let bytes: Vec<u8> = (0..length).map(|index: u8| index.wrapping_mul(37).wrapping_add(200)).collect();
            assert_eq!(Base::Base64.decode(&Base::Base64.encode(&bytes)), Ok(bytes.clone()));
            assert_eq!(Base::Base32.decode(&Base::Base32.encode(&bytes)), Ok(bytes));
        }
        assert_eq!(Base::Base64.encode(b"ab"), b"YWI=");
    }

    #[test]
    fn errors_name_the_place() {
        assert_eq!(Base::Base64.decode(b"YW*="), Err(2));
        assert_eq!(Base::Base64.decode(b"YWI"), Err(0));
    }
}
