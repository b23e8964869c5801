//! Whether a text says what a tree says, or what another text says: they are walked side by side.

use crate::document::{Document, Element, List, Map, Node, Span, Value};
use crate::error::Result;
use crate::metadata::METADATA_KEY;
use crate::same::{same_node, same_value};

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

/// True if a text says what another one said, but for the values at places of the new one, and for metadata: the old one may have some, the new one
/// has that which is given.
pub(super) fn says_again(old: &[u8], new: &[u8], places: &[Span], metadata: Option<&Node>) -> bool {
    let (old, new) = (Reader::new(old), Reader::new(new));
    let mut beside = Beside { old, new, places, metadata };
    beside.space();
    beside.map(true).unwrap_or(false) && beside.places.is_empty() && beside.metadata.is_none() && {
        beside.space();
        beside.old.peek().is_none() && beside.new.peek().is_none()
    }
}

/// Two texts, the second of which was made of the first.
struct Beside<'t> {
    old: Reader<'t>,
    new: Reader<'t>,
    /// Where values are other ones, as far as that is still to come.
    places: &'t [Span],
    /// What is still to come in the new text.
    metadata: Option<&'t Node>,
}

impl<'t> Beside<'t> {
    fn space(&mut self) {
        self.old.space();
        self.new.space();
    }

    fn map(&mut self, top: bool) -> Result<bool> {
        let (mut old, mut new) = (self.old.first_key()?, self.new.first_key()?);
        loop {
            match (old, new) {
                (None, None) => return Ok(true),
                (Some(key), _) if top && key == METADATA_KEY.as_bytes() => {
                    self.old.pass(b':')?;
                    self.old.node(1)?;
                    old = self.old.next_key()?;
                }
                (_, Some(key)) if top && key == METADATA_KEY.as_bytes() => {
                    self.new.pass(b':')?;
                    let found = self.new.node(1)?;
                    if !self.metadata.take().is_some_and(|metadata| same_node(&found, metadata)) {
                        return Ok(false);
                    }
                    new = self.new.next_key()?;
                }
                (Some(one), Some(other)) if one == other => {
                    self.old.pass(b':')?;
                    self.new.pass(b':')?;
                    if !self.node()? {
                        return Ok(false);
                    }
                    (old, new) = (self.old.next_key()?, self.new.next_key()?);
                }
                _ => return Ok(false),
            }
        }
    }

    fn list(&mut self) -> Result<bool> {
        self.old.pass(b'[')?;
        self.new.pass(b'[')?;
        let mut more = (!self.old.is_empty(b']'), !self.new.is_empty(b']'));
        while more == (true, true) {
            if !self.node()? {
                return Ok(false);
            }
            more = (self.old.goes_on(b']')?, self.new.goes_on(b']')?);
        }
        Ok(more == (false, false))
    }

    fn node(&mut self) -> Result<bool> {
        self.space();
        match (self.old.peek(), self.new.peek()) {
            (Some(b'{'), Some(b'{')) => self.map(false),
            (Some(b'['), Some(b'[')) => self.list(),
            _ => {
                let start = self.new.at;
                let (old, new) = (self.old.scalar()?, self.new.scalar()?);
                match self.places.split_first() {
                    Some((place, rest)) if place.range().start == start => {
                        self.places = rest;
                        Ok(place.range().end == self.new.at)
                    }
                    _ => Ok(old == new),
                }
            }
        }
    }
}

impl<'s> Reader<'s> {
    /// Goes into a mapping, to its first key, as it is spelled; `None` if it is empty.
    fn first_key(&mut self) -> Result<Option<&'s [u8]>> {
        self.pass(b'{')?;
        if self.is_empty(b'}') { Ok(None) } else { self.spelled_key().map(Some) }
    }

    /// Goes on to the next key; `None` if there is none.
    fn next_key(&mut self) -> Result<Option<&'s [u8]>> {
        if self.goes_on(b'}')? { self.spelled_key().map(Some) } else { Ok(None) }
    }

    /// Passes a scalar, and gives it as it is spelled.
    fn scalar(&mut self) -> Result<&'s [u8]> {
        let start = self.at;
        if self.peek() == Some(b'"') {
            self.content()?;
        } else {
            self.number_or_word()?;
        }
        Ok(self.since(start))
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

    /// The same of a string, which has to come next.
    pub(super) fn says_text(&mut self, text: &[u8]) -> Result<bool> {
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
