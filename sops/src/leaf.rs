//! One value: its bytes, and its encrypted text `ENC[...]`.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use keys::{Encrypted, Few, NONCE_LENGTH, SecretBytes, TAG_LENGTH};

use crate::document::Value;
use crate::error::{Error, ErrorKind, Result};
use crate::scalar::float_text;
use text::{parse_bool, parse_float, parse_int};

pub(crate) use text::parse_time;

mod text;

/// Standard alphabet with padding, as lenient with trailing bits as Go's decoder.
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// How an encrypted text begins.
///
/// *Source*: sops `aes/cipher.go`, v3.13.3.
pub(crate) const PREFIX: &[u8] = b"ENC[AES256_GCM,data:";

/// What a value is, as the encrypted text says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Bytes,
    Comment,
    Float,
    Int,
    Text,
    Time,
}

const KINDS: [(Kind, &str); 7] = [
    (Kind::Bool, "bool"),
    (Kind::Bytes, "bytes"),
    (Kind::Comment, "comment"),
    (Kind::Float, "float"),
    (Kind::Int, "int"),
    (Kind::Text, "str"),
    (Kind::Time, "time"),
];

impl Kind {
    /// The kind of a value that is encrypted; `None` for nothing, which is not.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Bool),
            Value::Int(_) => Some(Self::Int),
            Value::Float(_) => Some(Self::Float),
            Value::Time(_) => Some(Self::Time),
            Value::Text(_) => Some(Self::Text),
        }
    }

    fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("str", |(_, name)| name)
    }
}

/// What an encrypted text holds.
#[derive(Debug)]
pub(crate) enum Plain {
    Comment(SecretBytes),
    Value(Value),
}

/// Gives the bytes that are encrypted and hashed for a value.
pub(crate) fn with_bytes<T>(value: &Value, take: impl FnOnce(&[u8]) -> T) -> T {
    match value {
        Value::Null => take(b""),
        Value::Bool(true) => take(b"True"),
        Value::Bool(false) => take(b"False"),
        Value::Int(number) => take(number.to_string().as_bytes()),
        Value::Float(number) => take(float_text(*number).as_bytes()),
        Value::Time(time) => take(time.as_bytes()),
        // EXPOSE: the bytes of a text are encrypted and hashed.
        Value::Text(text) => take(text.expose()),
    }
}

/// The parts of an encrypted text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'t> {
    /// The ciphertext.
    pub(crate) data: &'t [u8],
    pub(crate) nonce: &'t [u8],
    pub(crate) tag: &'t [u8],
    pub(crate) kind: Kind,
}

/// Writes the text of an encrypted value.
pub(crate) fn write(encrypted: &Encrypted, kind: Kind) -> Vec<u8> {
    let (data, nonce, tag) = (&encrypted.data, encrypted.nonce.as_bytes(), encrypted.tag.as_bytes());
    let mut text = Vec::with_capacity(written_length(data.len()));
    append(&mut text, Parts { data, nonce, tag, kind });
    text
}

/// The length of the text of a value of so many bytes, or a little more.
pub(crate) fn written_length(bytes: usize) -> usize {
    PREFIX.len() + bytes.div_ceil(3) * 4 + 96
}

/// As [`write`], at the end of a text.
pub(crate) fn append(text: &mut Vec<u8>, parts: Parts<'_>) {
    text.extend_from_slice(PREFIX);
    push_base64(text, parts.data);
    text.extend_from_slice(b",iv:");
    push_base64(text, parts.nonce);
    text.extend_from_slice(b",tag:");
    push_base64(text, parts.tag);
    text.extend_from_slice(b",type:");
    text.extend_from_slice(parts.kind.name().as_bytes());
    text.push(b']');
}

fn push_base64(text: &mut Vec<u8>, bytes: &[u8]) {
    let start = text.len();
    text.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // The room was made for it.
    let written = text.get_mut(start..).map_or(0, |room| BASE64.encode_slice(bytes, room).unwrap_or(0));
    text.truncate(start + written);
}

/// Reads the text of an encrypted value; what follows the last bracket is passed over.
///
/// # Errors
/// Tampered: it is not one.
pub(crate) fn read(text: &[u8]) -> Result<(Encrypted, Kind)> {
    let mut data = Vec::new();
    let (nonce, tag, kind) = read_into(text, &mut data)?;
    Ok((Encrypted { data, nonce, tag }, kind))
}

/// As [`read`], with the ciphertext alone in a vector that has been used before.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_into(text: &[u8], data: &mut Vec<u8>) -> Result<(Few<NONCE_LENGTH>, Few<TAG_LENGTH>, Kind)> {
    let parts = parts(text)?;
    data.clear();
    BASE64.decode_vec(parts.data, data).map_err(|_| undecodable())?;
    Ok((few(parts.nonce)?, few(parts.tag)?, parts.kind))
}

/// Finds the parts of an encrypted text, which are base64 still.
fn parts(text: &[u8]) -> Result<Parts<'_>> {
    let bad = || Error::new(ErrorKind::Tampered, "decrypt a value that should be encrypted and is not");
    let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
    let rest = line.strip_prefix(PREFIX).ok_or_else(bad)?;
    let rest = &rest[..memchr::memrchr(b']', rest).ok_or_else(bad)?];
    let (rest, kind) = halves(rest, b",type:").ok_or_else(bad)?;
    let (rest, tag) = halves(rest, b",tag:").ok_or_else(bad)?;
    let (data, nonce) = halves(rest, b",iv:").ok_or_else(bad)?;
    if [data, nonce, tag, kind].iter().any(|part| part.is_empty()) {
        return Err(bad());
    }
    let kind = KINDS.iter().find(|(_, name)| name.as_bytes() == kind).map(|(kind, _)| *kind);
    let kind = kind.ok_or_else(|| Error::new(ErrorKind::Tampered, "decrypt a value: nobody knows its type"))?;
    Ok(Parts { data, nonce, tag, kind })
}

/// Decodes a nonce or a tag.
fn few<const MOST: usize>(text: &[u8]) -> Result<Few<MOST>> {
    let mut bytes = [0; 48];
    let length = BASE64.decode_slice(text, &mut bytes).map_err(|_| undecodable())?;
    bytes.get(..length).and_then(Few::new).ok_or_else(|| Error::new(ErrorKind::Tampered, "decrypt a value: its nonce or tag is too long"))
}

fn undecodable() -> Error {
    Error::new(ErrorKind::Tampered, "decrypt a value: its ciphertext, nonce or tag is not base64")
}

/// Cuts a text at the last place where a name stands, which begins with a comma.
fn halves<'t>(text: &'t [u8], name: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let mut end = text.len();
    loop {
        end = memchr::memrchr(b',', &text[..end])?;
        if let Some(behind) = text[end..].strip_prefix(name) {
            return Some((&text[..end], behind));
        }
    }
}

/// Makes a value of the bytes that were decrypted.
///
/// # Errors
/// Tampered: the bytes are not of that type.
pub(crate) fn plain(kind: Kind, bytes: SecretBytes) -> Result<Plain> {
    let wrong = || Error::new(ErrorKind::Tampered, format!("read a decrypted value as {}", kind.name()));
    // EXPOSE: numbers, times and truth values are read from their text.
    let text = || std::str::from_utf8(bytes.expose()).ok();
    let value = match kind {
        Kind::Comment => return Ok(Plain::Comment(bytes)),
        Kind::Bytes | Kind::Text => Value::Text(bytes),
        Kind::Bool => Value::Bool(text().and_then(parse_bool).ok_or_else(wrong)?),
        Kind::Int => Value::Int(text().and_then(parse_int).ok_or_else(wrong)?),
        Kind::Float => Value::Float(text().and_then(parse_float).ok_or_else(wrong)?),
        Kind::Time => Value::Time(text().and_then(parse_time).ok_or_else(wrong)?),
    };
    Ok(Plain::Value(value))
}

#[cfg(test)]
mod tests {
    use keys::DataKey;

    use super::*;

    /// The example in the documentation of the cipher: a key of 32 letters f.
    const EXAMPLE: &[u8] = b"ENC[AES256_GCM,data:oYyi,iv:MyIDYbT718JRr11QtBkcj3Dwm4k1aCGZBVeZf0EyV8o=,tag:t5z2Z023Up0kxwCgw1gNxg==,type:str]";

    #[test]
    fn a_value_of_sops_opens_under_its_own_path_only() {
        let cipher = DataKey::from_secret(SecretBytes::new(vec![b'f'; 32])).unwrap().cipher();
        let (encrypted, kind) = read(EXAMPLE).unwrap();
        assert_eq!(kind, Kind::Text);
        assert_eq!(write(&encrypted, kind), EXAMPLE);
        let again = cipher.dangerous_encrypt_with(encrypted.nonce.as_bytes(), b"foo", b"bar:").unwrap();
        assert_eq!(write(&again, Kind::Text), EXAMPLE);
        assert!(cipher.decrypt(encrypted, b"baz:").is_err());
        assert_eq!(cipher.decrypt(again, b"bar:").unwrap().expose(), b"foo");
    }

    #[test]
    fn what_follows_the_bracket_is_passed_over_and_anything_else_is_refused() {
        let check = |text: &[u8], expected| assert_eq!(read(text).is_ok(), expected, "{}", String::from_utf8_lossy(text));
        check(&[EXAMPLE, b" # was here"].concat(), true);
        check(&[EXAMPLE, b"\nnext]"].concat(), true);
        check(&[b" ", EXAMPLE].concat(), false);
        check(b"ENC[AES256_GCM,data:,iv:AA==,tag:AA==,type:str]", false);
        check(b"ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:]", false);
        check(b"ENC[AES256_GCM,data:A!==,iv:AA==,tag:AA==,type:str]", false);
        check(b"ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:strange]", false);
        check(&[b"ENC[AES256_GCM,data:AA==,iv:".as_slice(), &b"AAAA".repeat(11), b",tag:AA==,type:str]"].concat(), false);
        check(&[b"ENC[AES256_GCM,data:AA==,iv:".as_slice(), &b"AAAA".repeat(99), b",tag:AA==,type:str]"].concat(), false);
        check(b"ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str", false);
        check(b"", false);
    }

    #[test]
    fn bytes_of_values_are_those_of_python() {
        let check = |value: Value, expected: &str| with_bytes(&value, |bytes| assert_eq!(bytes, expected.as_bytes()));
        check(Value::Bool(true), "True");
        check(Value::Bool(false), "False");
        check(Value::Int(-5), "-5");
        check(Value::Float(1.0), "1");
        check(Value::Float(1e21), "1000000000000000000000");
        check(Value::Null, "");
    }
}
