//! JSON as Go writes it: compact, members sorted by name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::text::quote;

/// A value to be written.
pub enum Node<'a> {
    /// Members by name.
    Object(BTreeMap<Cow<'a, str>, Node<'a>>),
    /// Entries.
    Array(Vec<Node<'a>>),
    /// A text; bytes of it that are no characters are replaced.
    Text(Cow<'a, [u8]>),
    /// A number, `true`, `false` or `null`, as it is written.
    Word(Cow<'a, str>),
}

impl Node<'_> {
    /// Writes it; with the escapes that pages of the web need, if that is asked for. The depth is for whoever made it to bound.
    ///
    /// *Source*: Go 1.26 `encoding/json`.
    pub fn write(&self, for_html: bool, out: &mut Vec<u8>) {
        match self {
            Self::Object(members) => {
                out.push(b'{');
                for (index, (name, member)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    quote(name.as_bytes(), for_html, out);
                    out.push(b':');
                    member.write(for_html, out);
                }
                out.push(b'}');
            }
            Self::Array(entries) => {
                out.push(b'[');
                for (index, entry) in entries.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    entry.write(for_html, out);
                }
                out.push(b']');
            }
            Self::Text(text) => quote(text, for_html, out),
            Self::Word(word) => out.extend_from_slice(word.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_go_does_it() {
        let text = |text: &'static [u8]| Node::Text(Cow::Borrowed(text));
        let word = |word: &'static str| Node::Word(Cow::Borrowed(word));
        let array = Node::Array(vec![word("1e3"), word("null"), Node::Array(Vec::new()), Node::Object(BTreeMap::new())]);
        let members = [("b", array), ("<", text("\u{1}\n\u{2028}".as_bytes())), ("a", text(b"\"&\xff"))];
        let object = Node::Object(members.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect());
        for (for_html, expected) in [
            (true, r#"{"\u003c":"\u0001\n\u2028","a":"\"\u0026\ufffd","b":[1e3,null,[],{}]}"#),
            (false, r#"{"<":"\u0001\n\u2028","a":"\"&\ufffd","b":[1e3,null,[],{}]}"#),
        ] {
            let mut out = Vec::new();
            object.write(for_html, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
