//! Whether a text says what a tree says: they are walked side by side.

use crate::document::{Document, Element, List, Map, Node, Value};
use crate::error::Result;
use crate::same::same_value;

use super::read::Reader;

/// True if all keys and values are the same, in the same order.
pub(super) fn says(source: &[u8], document: &Document) -> bool {
    let [branch] = document.branches.as_slice() else { return false };
    let mut reader = Reader::new(source);
    reader.space();
    reader.peek() == Some(b'{') && reader.says_map(branch).unwrap_or(false) && {
        reader.space();
        reader.peek().is_none()
    }
}

impl Reader<'_> {
    fn says_map(&mut self, map: &Map) -> Result<bool> {
        self.pass(b'{')?;
        let mut pairs = map.pairs();
        if self.is_empty(b'}') {
            return Ok(pairs.next().is_none());
        }
        loop {
            let Some(pair) = pairs.next() else { return Ok(false) };
            self.space();
            if !self.says_text(pair.key.as_bytes())? {
                return Ok(false);
            }
            self.pass(b':')?;
            if !self.says_node(&pair.value)? {
                return Ok(false);
            }
            if !self.goes_on(b'}')? {
                return Ok(pairs.next().is_none());
            }
        }
    }

    fn says_list(&mut self, list: &List) -> Result<bool> {
        self.pass(b'[')?;
        let mut nodes = list.elements.iter().filter_map(|element| if let Element::Node(node) = element { Some(node) } else { None });
        if self.is_empty(b']') {
            return Ok(nodes.next().is_none());
        }
        loop {
            let Some(node) = nodes.next() else { return Ok(false) };
            if !self.says_node(node)? {
                return Ok(false);
            }
            if !self.goes_on(b']')? {
                return Ok(nodes.next().is_none());
            }
        }
    }

    fn says_node(&mut self, node: &Node) -> Result<bool> {
        self.space();
        match (node, self.peek()) {
            (Node::Map(map), Some(b'{')) => self.says_map(map),
            (Node::List(list), Some(b'[')) => self.says_list(list),
            (Node::Leaf(leaf), Some(byte)) => match (&leaf.value, byte) {
                // EXPOSE: the text is compared with the file that it was written to.
                (Value::Text(text), b'"') => self.says_text(text.expose()),
                (Value::Text(_), _) | (_, b'"' | b'{' | b'[') => Ok(false),
                (value, _) => Ok(matches!(self.node(0)?, Node::Leaf(found) if same_value(&found.value, value))),
            },
            _ => Ok(false),
        }
    }

    fn says_text(&mut self, text: &[u8]) -> Result<bool> {
        if self.peek() != Some(b'"') {
            return Ok(false);
        }
        let start = self.at + 1;
        let content = self.content()?;
        if memchr::memchr(b'\\', content).is_some() {
            return Ok(self.unescaped(content, start)? == text);
        }
        Ok(content == text && std::str::from_utf8(content).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn a_text_says_what_was_read_from_it_and_nothing_else() {
        const ONE: &str = r#"{"a": [1, "x\n", {"b": null}], "c": {}, "d": [], "e": 1.5, "f": true, "g": "x"}"#;
        let check = |text: &str, expected| assert_eq!(says(text.as_bytes(), &read::document(ONE.as_bytes()).unwrap()), expected, "{text}");
        check(ONE, true);
        check(&ONE.replace(", ", ",\n  "), true);
        check(&ONE.replace("\"x\"", r#""\u0078""#), true);
        check(&format!(" {ONE}\n"), true);
        check("{}", false);
        check("", false);
        check(&format!("{ONE}{{}}"), false);
        check(&format!("{ONE}x"), false);
        let changes = [
            ("1,", "2,"),
            ("1,", "\"1\","),
            ("1,", "1, 1,"),
            ("null", "0"),
            ("null", "{}"),
            ("null}", "null, \"z\": 1}"),
            ("{\"b\": null}", "{}"),
            ("\"a\"", "\"A\""),
            ("\"x\"", "\"y\""),
            ("\"x\"", "\"x\", \"h\": 1"),
            ("\"x\"", "\"x"),
            ("\"x\"", "[]"),
            ("\"x\"", "x"),
            ("\"c\": {}, ", ""),
            ("{},", "[],"),
            ("{}", "{\"a\": 1}"),
            ("[],", "[1],"),
            ("1.5", "1.25"),
            ("true", "false"),
        ];
        for (from, to) in changes {
            assert!(ONE.contains(from), "{from}");
            check(&ONE.replacen(from, to, 1), false);
        }
        assert!(!says(b"{\"a\": \"\xff\"}", &read::document(b"{\"a\": \"\xff\"}").unwrap()));
    }
}
