//! JSON of secrets, read and written anew as Go does it: compact, keys in order, numbers by their digits. What is hashed and compared has to be the same
//! to the byte.

use std::borrow::Cow;
use std::collections::BTreeMap;

use gjson::Node;
use keys::SecretBytes;
use serde_json::value::RawValue;

/// How deep values may lie in each other.
const DEEPEST: usize = 100;

/// Reads an object: its members by name, as their own text.
pub(crate) fn members(text: &[u8]) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_slice(text).ok()
}

/// Writes a value anew, as Go does; `None` if it is nested too deep.
///
/// *Source*: Go `encoding/json`: members sorted by name, `<`, `>` and `&` escaped, numbers that came as `json.Number` as they were.
pub(crate) fn rewrite(value: &RawValue) -> Option<SecretBytes> {
    let mut reader = Reader { rest: value.get() };
    reader.value(DEEPEST).map(|node| written(&node))
}

/// Writes texts by name as one object.
pub(crate) fn object<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> SecretBytes {
    let text = |text: &'a str| Node::Text(Cow::Borrowed(text.as_bytes()));
    written(&Node::Object(members.into_iter().map(|(name, value)| (Cow::Borrowed(name), text(value))).collect()))
}

fn written(node: &Node<'_>) -> SecretBytes {
    let mut out = Vec::new();
    node.write(true, &mut out);
    SecretBytes::new(out)
}

/// Reads JSON that is known to be well-formed, in one pass.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Option<Node<'a>> {
        self.space();
        match self.rest.as_bytes().first()? {
            b'{' => {
                let mut members = BTreeMap::new();
                self.each(b'}', |reader| {
                    let name = reader.text()?;
                    reader.space();
                    reader.skip(1)?;
                    members.insert(Cow::Owned(name), reader.value(depth.checked_sub(1)?)?);
                    Some(())
                })?;
                Some(Node::Object(members))
            }
            b'[' => {
                let mut entries = Vec::new();
                self.each(b']', |reader| {
                    entries.push(reader.value(depth.checked_sub(1)?)?);
                    Some(())
                })?;
                Some(Node::Array(entries))
            }
            b'"' => self.text().map(|text| Node::Text(Cow::Owned(text.into_bytes()))),
            _ => {
                let end = self.rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
                Some(Node::Word(Cow::Borrowed(self.skip(end)?)))
            }
        }
    }

    /// Reads what stands between brackets, entry by entry.
    fn each(&mut self, end: u8, mut entry: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.skip(1)?;
        loop {
            self.space();
            match *self.rest.as_bytes().first()? {
                byte if byte == end => break,
                b',' => {
                    self.skip(1)?;
                    self.space();
                }
                _ => {}
            }
            entry(self)?;
        }
        self.skip(1).map(|_| ())
    }

    fn text(&mut self) -> Option<String> {
        let mut is_escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let is_end = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            is_end
        })?;
        serde_json::from_str(self.skip(end + 2)?).ok()
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn skip(&mut self, bytes: usize) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        let written = rewrite(raw).map(|written| String::from_utf8(written.expose().to_vec()).unwrap());
        assert_eq!(written.as_deref(), expected, "{text}");
    }

    #[test]
    fn members_are_sorted_and_space_is_gone() {
        check(r#" { "b" : [ 1 , true,null ] ,"a":{ "d":{}, "c":[ ] } } "#, Some(r#"{"a":{"c":[],"d":{}},"b":[1,true,null]}"#));
        check(r#"{"a":1,"b":2,"a":3}"#, Some(r#"{"a":3,"b":2}"#));
        check(r#"{"Z":1,"a":2,"é":3,"_":4}"#, Some(r#"{"Z":1,"_":4,"a":2,"é":3}"#));
    }

    #[test]
    fn numbers_keep_their_digits() {
        let numbers = "[1e3,1.0,-0,12345678901234567890123,0.1000000000000000055511151231257827,1E+2]";
        check(numbers, Some(numbers));
    }

    #[test]
    fn texts_are_escaped_as_go_does_it() {
        check(
            r#""<a href='x'>&amp; \/ \" \\ \u00e9 \u2028\u0001\u0008\f\n""#,
            Some(r#""\u003ca href='x'\u003e\u0026amp; / \" \\ é \u2028\u0001\b\f\n""#),
        );
        check(r#"{"\"}":"]\\"}"#, Some(r#"{"\"}":"]\\"}"#));
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        check(&nested(DEEPEST + 1), Some(&nested(DEEPEST + 1)));
        check(&nested(DEEPEST + 2), None);
        check(&nested(100_000), None);
    }

    #[test]
    fn an_object_is_made_of_texts() {
        assert_eq!(object([("b", "<"), ("a", "x")]).expose(), br#"{"a":"x","b":"\u003c"}"#);
        assert_eq!(object([]).expose(), b"{}");
    }
}
