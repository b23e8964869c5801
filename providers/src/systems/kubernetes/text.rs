//! The data of a Secret as JSON: values as text, though they need not be any.
//!
//! *Source*: external-secrets `runtime/esutils` `JSONMarshal`, 2.9.0, over Go 1.26 `encoding/json`: what is no UTF-8 becomes U+FFFD, byte for byte;
//! what means something in HTML stays.

use std::collections::BTreeMap;

use keys::SecretBytes;

/// Writes an object of texts, its keys sorted, without a space.
#[must_use]
pub(super) fn object(fields: &BTreeMap<String, SecretBytes>) -> SecretBytes {
    let mut out = b"{".to_vec();
    for (at, (key, value)) in fields.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text(&mut out, key.as_bytes());
        out.push(b':');
        // EXPOSE: the value becomes a part of another one.
        text(&mut out, value.expose());
    }
    out.push(b'}');
    SecretBytes::new(out)
}

/// As [`object`], of what is no secret; `null` for what is not there at all.
pub(super) fn labels(out: &mut Vec<u8>, labels: Option<&BTreeMap<String, String>>) {
    let Some(labels) = labels else { return out.extend_from_slice(b"null") };
    let fields = labels.iter().map(|(key, value)| (key.clone(), SecretBytes::new(value.clone().into_bytes()))).collect();
    // EXPOSE: labels and annotations, within a text that is kept as a secret.
    out.extend_from_slice(object(&fields).expose());
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for one in chunk.valid().chars() {
            character(out, one);
        }
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
    out.push(b'"');
}

fn character(out: &mut Vec<u8>, one: char) {
    match one {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => out.extend_from_slice(format!("\\u{:04x}", u32::from(one)).as_bytes()),
        one => out.extend_from_slice(one.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let mut out = Vec::new();
        text(&mut out, bytes);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn texts_are_escaped_as_go_escapes_them() {
        check("a\"\\\u{8}\u{c}\n\r\t\u{1}\u{7f}ä\u{2028}".as_bytes(), "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\u{7f}ä\\u2028\"");
        check(b"<a&b>", "\"<a&b>\"");
        check(b"x\xff\xe2\x82y", "\"x\\ufffd\\ufffd\\ufffdy\"");
    }

    #[test]
    fn an_object_has_sorted_keys_and_no_space() {
        let fields = [("b", "2"), ("a", "{\"c\": 1}")].map(|(key, value)| (key.to_owned(), SecretBytes::new(value.as_bytes().to_vec())));
        assert_eq!(object(&fields.into()).expose(), br#"{"a":"{\"c\": 1}","b":"2"}"#);
        assert_eq!(object(&BTreeMap::new()).expose(), b"{}");
    }
}
