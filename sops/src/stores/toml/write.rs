//! Writes TOML so that it is read in the same order.
//!
//! Of a table, what has to come before its headers is written first as it stands in the tree: mappings among it have dotted keys. Behind the last
//! value, mappings and lists of mappings have headers. Comments inside of mappings inside of lists are left out.

use keys::SecretBytes;

use super::copied as copied_value;
use crate::document::{Comment, Element, List, Map, Member, Node, Pair, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::METADATA_KEY;

/// Deepest nesting that is written: what is deeper is not read again.
const MAX_DEPTH: usize = 79;

/// Writes a file.
pub(super) fn document(map: &Map) -> Result<SecretBytes> {
    let mut writer = Writer::default();
    writer.table("", map, 0)?;
    Ok(SecretBytes::new(writer.out))
}

/// Writes the metadata as the last table of a file, without what separates it.
pub(super) fn metadata(map: &Map) -> Result<Vec<u8>> {
    let mut writer = Writer::default();
    writer.header(METADATA_KEY, &values_first(map), ["[", "]"], 0)?;
    Ok(writer.out)
}

/// Writes a value in its place.
pub(super) fn inline(node: &Node) -> Result<SecretBytes> {
    let mut writer = Writer::default();
    writer.inline(node, 0)?;
    Ok(SecretBytes::new(writer.out))
}

pub(super) fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if bare { name.to_owned() } else { format!("\"{}\"", escaped(name, false)) }
}

/// Writes the text of a comment behind its marker, with a marker for each further line.
pub(super) fn comment(text: &SecretBytes) -> Result<Vec<u8>> {
    // EXPOSE: the comment is written.
    let text = std::str::from_utf8(text.expose()).map_err(|_| refused("a comment that is not UTF-8"))?;
    if text.chars().any(|character| character.is_control() && !matches!(character, '\t' | '\n')) {
        return Err(refused("a comment with control characters"));
    }
    Ok(text.split('\n').collect::<Vec<_>>().join("\n#").into_bytes())
}

fn refused(what: &str) -> Error {
    Error::new(ErrorKind::Unencryptable, format!("write as TOML {what}"))
}

#[derive(Default)]
struct Writer {
    out: Vec<u8>,
}

impl Writer {
    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn table(&mut self, path: &str, map: &Map, depth: usize) -> Result<()> {
        let is_plain = |member: &Member| matches!(member, Member::Pair(pair) if !has_header(&pair.value));
        let split = map.members.iter().rposition(is_plain).map_or(0, |last| last + 1);
        let (plain, headed) = map.members.split_at(split);
        self.lines("", plain, depth)?;
        let mut behind = None;
        for member in headed {
            match member {
                Member::Comment(comment) if comment.inline => behind = Some(comment),
                Member::Comment(comment) => self.comment_line(comment)?,
                Member::Pair(pair) => {
                    let path = if path.is_empty() { key(&pair.key) } else { format!("{path}.{}", key(&pair.key)) };
                    self.headed(&path, pair, behind.take(), depth + 1)?;
                }
            }
        }
        behind.map_or(Ok(()), |comment| self.comment_line(comment))
    }

    fn headed(&mut self, path: &str, pair: &Pair, mut behind: Option<&Comment>, depth: usize) -> Result<()> {
        match &pair.value {
            Node::Map(map) if pair.key == METADATA_KEY && depth == 1 => self.header(path, &values_first(map), ["[", "]"], depth),
            Node::Map(map) => self.header_with(path, map, ["[", "]"], behind.take(), depth),
            Node::List(list) => {
                for element in &list.elements {
                    match element {
                        Element::Comment(comment) => self.comment_line(comment)?,
                        Element::Node(Node::Map(map)) => self.header_with(path, map, ["[[", "]]"], behind.take(), depth)?,
                        Element::Node(_) => {}
                    }
                }
                Ok(())
            }
            Node::Leaf(_) => Ok(()),
        }
    }

    fn header(&mut self, path: &str, map: &Map, brackets: [&str; 2], depth: usize) -> Result<()> {
        self.header_with(path, map, brackets, None, depth)
    }

    fn header_with(&mut self, path: &str, map: &Map, [open, close]: [&str; 2], behind: Option<&Comment>, depth: usize) -> Result<()> {
        deep(depth)?;
        // A comment belongs to the header below it.
        if !self.out.is_empty() && !self.ends_with_comment() {
            self.raw("\n");
        }
        self.raw(&format!("{open}{path}{close}"));
        self.end_line(behind)?;
        self.table(path, map, depth)
    }

    fn ends_with_comment(&self) -> bool {
        let text = self.out.strip_suffix(b"\n").unwrap_or(&self.out);
        text.get(memchr::memrchr(b'\n', text).map_or(0, |end| end + 1)..).is_some_and(|line| line.starts_with(b"#"))
    }

    fn comment_line(&mut self, note: &Comment) -> Result<()> {
        self.raw("#");
        self.out.extend_from_slice(&comment(&note.text)?);
        self.raw("\n");
        Ok(())
    }

    fn end_line(&mut self, behind: Option<&Comment>) -> Result<()> {
        if let Some(note) = behind {
            self.raw(" ");
            return self.comment_line(note);
        }
        self.raw("\n");
        Ok(())
    }

    fn lines(&mut self, prefix: &str, members: &[Member], depth: usize) -> Result<()> {
        deep(depth)?;
        let mut behind: Option<&Comment> = None;
        for member in members {
            match member {
                Member::Comment(comment) if comment.inline && behind.is_none() => behind = Some(comment),
                Member::Comment(comment) => self.comment_line(comment)?,
                Member::Pair(pair) => match &pair.value {
                    Node::Map(map) if map.pairs().next().is_some() => {
                        // Behind a value of the mapping it would belong to that value.
                        behind.take().map_or(Ok(()), |comment| self.comment_line(comment))?;
                        self.lines(&format!("{prefix}{}.", key(&pair.key)), &map.members, depth + 1)?;
                    }
                    node => {
                        self.raw(&format!("{prefix}{} = ", key(&pair.key)));
                        self.inline(node, depth + 1)?;
                        self.end_line(behind.take())?;
                    }
                },
            }
        }
        behind.map_or(Ok(()), |comment| self.comment_line(comment))
    }

    fn inline(&mut self, node: &Node, depth: usize) -> Result<()> {
        deep(depth)?;
        match node {
            Node::Leaf(leaf) => self.scalar(&leaf.value),
            Node::List(list) if list.elements.iter().any(|element| matches!(element, Element::Comment(_))) => self.long_list(list, depth),
            Node::List(list) => {
                self.raw("[");
                for (index, element) in list.elements.iter().enumerate() {
                    self.raw(if index > 0 { ", " } else { "" });
                    if let Element::Node(node) = element {
                        self.inline(node, depth + 1)?;
                    }
                }
                self.raw("]");
                Ok(())
            }
            Node::Map(map) => {
                let mut first = true;
                self.raw("{");
                for pair in map.pairs() {
                    self.raw(&format!("{}{} = ", if first { " " } else { ", " }, key(&pair.key)));
                    first = false;
                    self.inline(&pair.value, depth + 1)?;
                }
                self.raw(if first { "}" } else { " }" });
                Ok(())
            }
        }
    }

    /// Writes a list with comments, a line for each.
    fn long_list(&mut self, list: &List, depth: usize) -> Result<()> {
        let mut behind: Option<&Comment> = None;
        self.raw("[\n");
        for element in &list.elements {
            match element {
                Element::Comment(comment) if comment.inline && behind.is_none() => behind = Some(comment),
                Element::Comment(comment) => {
                    self.raw("  ");
                    self.comment_line(comment)?;
                }
                Element::Node(node) => {
                    self.raw("  ");
                    self.inline(node, depth + 1)?;
                    self.raw(",");
                    self.end_line(behind.take())?;
                }
            }
        }
        behind.map_or(Ok(()), |comment| self.comment_line(comment))?;
        self.raw("]");
        Ok(())
    }

    fn scalar(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Null => return Err(refused("a null, which it does not have")),
            Value::Bool(truth) => self.raw(if *truth { "true" } else { "false" }),
            Value::Int(number) => self.raw(&number.to_string()),
            Value::Float(number) if number.is_nan() => self.raw("nan"),
            Value::Float(number) => self.raw(&format!("{number:?}")),
            Value::Time(time) if time.parse::<toml_edit::Datetime>().is_ok() => self.raw(time),
            Value::Time(time) => self.raw(&format!("\"{}\"", escaped(time, false))),
            Value::Text(text) => {
                // EXPOSE: the text is written.
                let text = std::str::from_utf8(text.expose()).map_err(|_| refused("bytes that are not UTF-8"))?;
                let long = text.contains('\n');
                let quote = if long { "\"\"\"" } else { "\"" };
                self.raw(quote);
                self.raw(if long { "\n" } else { "" });
                self.raw(&escaped(text, long));
                self.raw(quote);
            }
        }
        Ok(())
    }
}

/// True for what can have a header: a mapping, or a list of nothing but mappings.
fn has_header(node: &Node) -> bool {
    match node {
        Node::Map(_) => true,
        Node::List(list) => {
            let mut nodes = list.elements.iter().filter(|element| matches!(element, Element::Node(_))).peekable();
            nodes.peek().is_some() && nodes.all(|element| matches!(element, Element::Node(Node::Map(_))))
        }
        Node::Leaf(_) => false,
    }
}

/// Puts values before tables, so that the metadata, whose order does not count, has headers.
fn values_first(map: &Map) -> Map {
    let copy = |headed: bool| map.pairs().filter(move |pair| has_header(&pair.value) == headed).map(|pair| Member::Pair(copied(pair)));
    Map { members: copy(false).chain(copy(true)).collect(), ..Map::default() }
}

fn copied(pair: &Pair) -> Pair {
    Pair::new(pair.key.as_str(), copied_node(&pair.value))
}

fn copied_node(node: &Node) -> Node {
    match node {
        Node::Map(map) => Node::Map(values_first(map)),
        Node::List(list) => {
            let nodes = list.elements.iter().filter_map(|element| if let Element::Node(node) = element { Some(copied_node(node)) } else { None });
            Node::List(List { elements: nodes.map(Element::Node).collect(), ..List::default() })
        }
        Node::Leaf(leaf) => Node::leaf(copied_value(&leaf.value)),
    }
}

fn deep(depth: usize) -> Result<()> {
    if depth > MAX_DEPTH { Err(refused(&format!("what nests deeper than {MAX_DEPTH} levels"))) } else { Ok(()) }
}

fn escaped(text: &str, long: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' if long => out.push('\n'),
            '\n' => out.push_str("\\n"),
            '\t' => out.push('\t'),
            '\r' => out.push_str("\\r"),
            character if character.is_ascii_control() => out.push_str(&format!("\\u{:04X}", u32::from(character))),
            character => out.push(character),
        }
    }
    out
}
