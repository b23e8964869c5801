//! Bytes of any kind: one text, in an envelope of JSON once it is encrypted.

use keys::SecretBytes;

use super::json;
use crate::document::{Document, Leaf, Map, Member, Node, Pair, Span, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{MetadataLayout, Store, Style};

/// The key of all the bytes.
///
/// *Source*: sops `stores/json/store.go`, v3.13.3.
const DATA: &str = "data";

/// Files of which nothing is known.
pub(super) struct Binary;

impl Store for Binary {
    fn name(&self) -> &'static str {
        "binary"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &[]
    }

    fn layout(&self) -> MetadataLayout {
        MetadataLayout::Nested
    }

    /// An encrypted file is encrypted once more: its bytes are as good as any.
    fn reserves_names(&self) -> bool {
        false
    }

    fn parse(&self, source: &[u8]) -> Result<Document> {
        let span = Span::new(0, source.len());
        let value = Node::Leaf(Leaf { value: Value::Text(SecretBytes::new(source.to_vec())), span });
        let members = vec![Member::Pair(Pair { key: DATA.to_owned(), value, span })];
        Ok(Document { branches: vec![Map { members, span }], ..Document::default() })
    }

    fn emit(&self, document: &Document, _: Style) -> Result<SecretBytes> {
        let [branch] = document.branches.as_slice() else {
            return Err(Error::new(ErrorKind::Unencryptable, "write more than one document as plain bytes"));
        };
        match branch.get(DATA) {
            Some(Node::Leaf(Leaf { value: Value::Text(text), .. })) => Ok(text.duplicate()),
            Some(_) => Err(Error::new(ErrorKind::Unencryptable, "write as plain bytes what is not a text").on(format!("[\"{DATA}\"]"))),
            None => Err(Error::new(ErrorKind::Unencryptable, format!("write plain bytes: there is no key `{DATA}`, which holds them"))),
        }
    }

    fn parse_encrypted(&self, source: &[u8]) -> Result<Document> {
        json::parse(source)
    }

    fn emit_encrypted(&self, document: &Document, style: Style) -> Result<SecretBytes> {
        json::emit_encrypted(document, style)
    }

    fn emit_value(&self, _: &Node, _: Style) -> Result<SecretBytes> {
        Err(Error::new(ErrorKind::Unencryptable, "take a single value out of a binary file, which has none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_any_kind_come_back_as_they_were() {
        let check = |bytes: &[u8]| {
            let document = Binary.parse(bytes).unwrap();
            assert_eq!(Binary.emit(&document, Style::default()).unwrap().expose(), bytes);
        };
        check(b"");
        check(b"\xff\xfe\0\r\n");
        check(br#"{"data": "ENC[...]", "sops": {}}"#);
    }

    #[test]
    fn an_envelope_is_json() {
        let document = Binary.parse_encrypted(br#"{"data": "ENC[]", "sops": {"mac": ""}}"#).unwrap();
        let text = Binary.emit_encrypted(&document, Style { indent: Some(2) }).unwrap();
        let expected = "{\n  \"data\": \"ENC[]\",\n  \"sops\": {\n    \"mac\": \"\"\n  }\n}\n";
        assert_eq!(text.expose(), expected.as_bytes());
    }

    #[test]
    fn what_is_no_single_text_is_refused() {
        let check =
            |json: &[u8]| assert_eq!(Binary.emit(&json::parse(json).unwrap(), Style::default()).unwrap_err().kind(), ErrorKind::Unencryptable);
        check(br#"{"data": 1}"#);
        check(br#"{"date": "x"}"#);
        assert!(Binary.emit_value(&Node::text(""), Style::default()).is_err());
        assert!(Binary.emit(&Document::default(), Style::default()).is_err());
    }
}
