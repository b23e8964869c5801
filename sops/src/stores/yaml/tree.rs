//! Nodes to the tree of a document, as sops makes it: aliases expanded, tags obeyed, comments between members.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keys::SecretBytes;

use crate::document::{Comment, Document, Element, Leaf, List, Map, Member, Node, Pair, Span, Value};
use crate::error::{Error, ErrorKind, Position, Result};

use super::parse::CORE;
use super::resolve::{Plain, resolve};
use super::scan::{MAX_DEPTH, wrong};
use super::syntax::{Entry, NodeId, Shape, Syntax, SyntaxDocument};
use super::token::{Comments, Lines, Scalar};

/// Keys that are compared with each other.
const FEW: usize = 16;

/// Nodes below which copies by aliases are not counted.
const HARMLESS: usize = 1000;

/// Nodes up to which nearly all may be copies, and from which on few may.
///
/// *Source*: go.yaml.in/yaml v3.0.4, `decode.go`.
const SCALE: (usize, usize) = (400_000, 4_000_000);

static NO_COMMENTS: Comments = Comments { foot: Vec::new(), head: Vec::new(), line: Vec::new() };

/// Builds the branches of a document.
pub(super) struct Builder<'n, 'a> {
    text: &'a [u8],
    nodes: &'n [Syntax<'a>],
    /// Only in the first document sops looks for keys that stand twice.
    strict: bool,
    /// Anchored nodes that are being expanded.
    expanding: Vec<NodeId>,
    seen: usize,
    copied: usize,
    depth: usize,
    document: &'n mut Document,
}

impl<'n, 'a> Builder<'n, 'a> {
    pub(super) fn new(text: &'a [u8], nodes: &'n [Syntax<'a>], document: &'n mut Document) -> Self {
        let strict = document.branches.is_empty();
        Self { text, nodes, strict, expanding: Vec::new(), seen: 0, copied: 0, depth: 0, document }
    }

    /// Adds a document as a branch.
    pub(super) fn branch(&mut self, parsed: &SyntaxDocument) -> Result<()> {
        let mut map = Map { span: self.node(parsed.root).span, ..Map::default() };
        self.member_comments(&parsed.head, false, &mut map.members);
        let root = self.root(parsed.root, &mut map.members)?;
        map.members.extend(root.members);
        self.member_comments(&parsed.foot, false, &mut map.members);
        self.document.branches.push(map);
        Ok(())
    }

    fn root(&mut self, id: NodeId, members: &mut Vec<Member>) -> Result<Map> {
        let node = self.node(id);
        match &node.shape {
            Shape::Map(entries) => self.map(node, entries, false),
            Shape::Empty => Ok(Map::default()),
            Shape::Alias(target) => {
                let target = *target;
                self.around(members, node, |builder, members| builder.expand(id, target, |builder| builder.root(target, members)))
            }
            Shape::Scalar(scalar) if matches!(self.value(node, scalar)?, Value::Null) => {
                let comments = comments(node);
                self.member_comments(&comments.head, false, members);
                self.member_comments(&comments.line, false, members);
                Ok(Map::default())
            }
            Shape::List(_) => Err(self.wrong(node, "a document that is a list: sops takes mappings only")),
            Shape::Scalar(_) => Err(self.wrong(node, "a document that is a single value: sops takes mappings only")),
        }
    }

    fn around(
        &mut self,
        members: &mut Vec<Member>,
        node: &'n Syntax<'a>,
        inner: impl FnOnce(&mut Self, &mut Vec<Member>) -> Result<Map>,
    ) -> Result<Map> {
        let comments = comments(node);
        self.member_comments(&comments.head, false, members);
        self.member_comments(&comments.line, false, members);
        let mut map = inner(self, members)?;
        self.member_comments(&comments.foot, false, &mut map.members);
        Ok(map)
    }

    fn map(&mut self, node: &'n Syntax<'a>, entries: &'n [Entry], handled: bool) -> Result<Map> {
        self.enter(node)?;
        if self.strict {
            self.refuse_duplicates(entries)?;
        }
        let mut members = Vec::with_capacity(entries.len());
        let around = if handled { &NO_COMMENTS } else { comments(node) };
        self.member_comments(&around.head, false, &mut members);
        self.member_comments(&around.line, false, &mut members);
        for entry in entries {
            let (key, value) = (self.node(entry.key), self.node(entry.value));
            let (of_key, of_value) = (comments(key), comments(value));
            self.member_comments(&of_key.head, false, &mut members);
            self.member_comments(&of_key.line, false, &mut members);
            let handled = !matches!(value.shape, Shape::Map(_) | Shape::List(_));
            if handled {
                self.member_comments(&of_value.head, false, &mut members);
                members.extend(self.line_comments(value).map(Member::Comment));
            }
            let name = self.key(key, entry)?;
            let node = self.any(entry.value, handled)?;
            members.push(Member::Pair(Pair { key: name, value: node, span: self.place(entry.span) }));
            if handled {
                self.member_comments(&of_value.foot, false, &mut members);
            }
            self.member_comments(&of_key.foot, false, &mut members);
        }
        self.member_comments(&around.foot, false, &mut members);
        self.depth -= 1;
        Ok(Map { members, span: self.place(node.span) })
    }

    fn list(&mut self, node: &'n Syntax<'a>, ids: &'n [NodeId], handled: bool) -> Result<List> {
        self.enter(node)?;
        let mut elements = Vec::with_capacity(ids.len());
        let around = if handled { &NO_COMMENTS } else { comments(node) };
        self.element_comments(&around.head, false, &mut elements);
        self.element_comments(&around.line, false, &mut elements);
        for id in ids {
            let node = self.node(*id);
            let comments = comments(node);
            self.element_comments(&comments.head, false, &mut elements);
            elements.extend(self.line_comments(node).map(Element::Comment));
            elements.push(Element::Node(self.any(*id, true)?));
            self.element_comments(&comments.foot, false, &mut elements);
        }
        self.element_comments(&around.foot, false, &mut elements);
        self.depth -= 1;
        Ok(List { elements, span: self.place(node.span) })
    }

    fn any(&mut self, id: NodeId, handled: bool) -> Result<Node> {
        let node = self.node(id);
        self.count(node)?;
        let span = self.place(node.span);
        match &node.shape {
            Shape::Map(entries) => self.map(node, entries, handled).map(Node::Map),
            Shape::List(ids) => self.list(node, ids, handled).map(Node::List),
            Shape::Empty => Ok(Node::Leaf(Leaf { value: Value::Null, span })),
            Shape::Scalar(scalar) => Ok(Node::Leaf(Leaf { value: self.value(node, scalar)?, span })),
            Shape::Alias(target) => {
                let target = *target;
                let mut copy = self.expand(id, target, |builder| builder.any(target, false))?;
                match &mut copy {
                    Node::Map(map) => map.span = span,
                    Node::List(list) => list.span = span,
                    Node::Leaf(leaf) => leaf.span = span,
                }
                Ok(copy)
            }
        }
    }

    /// Does something to what an alias means.
    fn expand<T>(&mut self, alias: NodeId, target: NodeId, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.expanding.contains(&target) || self.expanding.len() > MAX_DEPTH {
            return Err(self.wrong(self.node(alias), "an alias for what it stands in"));
        }
        self.expanding.push(target);
        let found = inner(self);
        self.expanding.pop();
        found
    }

    fn count(&mut self, node: &Syntax<'_>) -> Result<()> {
        self.seen += 1;
        if self.expanding.is_empty() {
            return Ok(());
        }
        self.copied += 1;
        let (low, high) = SCALE;
        let beyond = self.seen.clamp(low, high) - low;
        // From 99 of 100 down to 10 of 100.
        let per_mille = 990 - 890 * beyond / (high - low);
        if self.seen > HARMLESS && self.copied * 1000 > self.seen * per_mille {
            return Err(self.wrong(node, "aliases that unfold into far more than what is written"));
        }
        Ok(())
    }

    fn enter(&mut self, node: &Syntax<'_>) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong(node, &format!("it nests deeper than {MAX_DEPTH} levels")));
        }
        Ok(())
    }

    fn key(&mut self, node: &'n Syntax<'a>, entry: &Entry) -> Result<String> {
        self.count(node)?;
        let value = match &node.shape {
            Shape::Scalar(scalar) => self.value(node, scalar)?,
            Shape::Empty => Value::Null,
            Shape::Alias(target) => match &self.node(*target).shape {
                Shape::Scalar(scalar) => self.value(self.node(*target), scalar)?,
                _ => return Err(self.wrong(node, "a key that is no text")),
            },
            Shape::Map(_) | Shape::List(_) => return Err(self.wrong(node, "a key that is a collection")),
        };
        if let Value::Text(text) = &value {
            // EXPOSE: keys are no secrets.
            return Ok(String::from_utf8_lossy(text.expose()).into_owned());
        }
        self.object(entry.span, "use a key that is no text: quote it");
        let written = self.text.get(node.span.range()).unwrap_or_default();
        Ok(String::from_utf8_lossy(written).into_owned())
    }

    fn value(&mut self, node: &Syntax<'_>, scalar: &Scalar<'_>) -> Result<Value> {
        let bytes = scalar.text.bytes();
        let copy = || Value::Text(SecretBytes::new(bytes.to_vec()));
        let tag = node.tag.as_deref().map(|tag| tag.strip_prefix(CORE).unwrap_or(b""));
        let resolved = |may_be_time| std::str::from_utf8(bytes).ok().and_then(|text| resolve(text, may_be_time));
        let plain = match tag {
            None if !scalar.plain => return Ok(copy()),
            None => match resolved(true) {
                Some(plain) => plain,
                None => return Ok(copy()),
            },
            Some(b"binary") => return self.binary(node, bytes),
            Some(tag @ (b"bool" | b"float" | b"int" | b"null" | b"timestamp")) => match (tag, resolved(tag == b"timestamp")) {
                (b"float", Some(Plain::Int(number))) => Plain::Float(number as f64),
                (b"bool", Some(plain @ Plain::Bool(_)))
                | (b"float", Some(plain @ Plain::Float(_)))
                | (b"int", Some(plain @ (Plain::Int(_) | Plain::Large(_))))
                | (b"null", Some(plain @ Plain::Null))
                | (b"timestamp", Some(plain @ Plain::Time(_))) => plain,
                _ => return Err(self.wrong(node, "a value that is not what its tag says")),
            },
            Some(_) => return Ok(copy()),
        };
        Ok(value_of(plain).unwrap_or_else(|| {
            self.object(node.span, "use a whole number of more than 63 bits: quote it");
            copy()
        }))
    }

    fn binary(&self, node: &Syntax<'_>, bytes: &[u8]) -> Result<Value> {
        let mut encoded = super::cursor::Growing::with_capacity(bytes.len());
        bytes.split(|byte| matches!(byte, b'\r' | b'\n')).for_each(|line| encoded.push(line));
        match STANDARD.decode(encoded.as_bytes()) {
            Ok(decoded) => Ok(Value::Text(SecretBytes::new(decoded))),
            Err(_) => Err(self.wrong(node, "a binary value that is not base64")),
        }
    }

    fn refuse_duplicates(&self, entries: &[Entry]) -> Result<()> {
        // Few keys are compared one by one, which is quicker than to hash them.
        let mut few = Vec::with_capacity(entries.len().min(FEW));
        let mut known = HashSet::new();
        for entry in entries {
            let key = self.node(entry.key);
            let (kind, text): (NodeId, &[u8]) = match &key.shape {
                Shape::Scalar(scalar) => (0, scalar.text.bytes()),
                Shape::Empty => (0, b""),
                Shape::Alias(target) => (target + 1, b""),
                Shape::Map(_) | Shape::List(_) => return Err(self.wrong(key, "a key that is a collection")),
            };
            let is_new = if entries.len() > FEW { known.insert((kind, text)) } else { !few.contains(&(kind, text)) };
            if !is_new {
                return Err(self.wrong(key, "a key that stands twice in one mapping"));
            }
            if entries.len() <= FEW {
                few.push((kind, text));
            }
            let merges = matches!(&key.shape, Shape::Scalar(scalar) if scalar.plain && key.tag.is_none() && text == b"<<");
            if merges && !self.may_be_merged(entry.value) {
                return Err(self.wrong(key, "a merge key whose value is neither a mapping nor a list of mappings"));
            }
        }
        Ok(())
    }

    fn may_be_merged(&self, id: NodeId) -> bool {
        let is_map = |id: NodeId| match &self.node(id).shape {
            Shape::Map(_) => true,
            Shape::Alias(target) => matches!(self.node(*target).shape, Shape::Map(_)),
            _ => false,
        };
        match &self.node(id).shape {
            Shape::List(ids) => ids.iter().all(|id| is_map(*id)),
            _ => is_map(id),
        }
    }

    fn member_comments(&self, lines: &Lines, inline: bool, members: &mut Vec<Member>) {
        members.extend(self.comments(lines, inline).map(Member::Comment));
    }

    /// The comments behind a value. One behind the header of a block stands within it, and has no place of its own.
    fn line_comments(&self, node: &'n Syntax<'a>) -> impl Iterator<Item = Comment> {
        let block = matches!(node.shape, Shape::Scalar(_)).then_some(node.span);
        self.comments(&comments(node).line, true).map(move |mut comment| {
            if block.is_some_and(|block| block.range().contains(&comment.span.range().start)) {
                comment.span = Span::default();
            }
            comment
        })
    }

    fn element_comments(&self, lines: &Lines, inline: bool, elements: &mut Vec<Element>) {
        elements.extend(self.comments(lines, inline).map(Element::Comment));
    }

    fn comments(&self, lines: &Lines, inline: bool) -> impl Iterator<Item = Comment> {
        lines.iter().filter(|line| !line.is_unknown()).map(move |line| {
            let text = Span { start: line.start + 1, end: line.end };
            let bytes = self.text.get(text.range()).unwrap_or_default();
            Comment { text: SecretBytes::new(bytes.to_vec()), inline, span: self.place(text) }
        })
    }

    /// A span of the source; unknown in what an alias means.
    fn place(&self, span: Span) -> Span {
        if self.expanding.is_empty() { span } else { Span::default() }
    }

    fn node(&self, id: NodeId) -> &'n Syntax<'a> {
        &self.nodes[id as usize]
    }

    fn object(&mut self, span: Span, what: &str) {
        let text = self.text;
        // Only for the first one the lines are counted.
        let error = || Error::new(ErrorKind::Unencryptable, what).at(Position::of(text, span.range().start));
        self.document.objection.get_or_insert_with(error);
    }

    fn wrong(&self, node: &Syntax<'_>, what: &str) -> Error {
        wrong(self.text, node.span.range().start, what)
    }
}

/// What a plain scalar says; `None` for a number that is too large.
pub(super) fn value_of(plain: Plain) -> Option<Value> {
    Some(match plain {
        Plain::Bool(value) => Value::Bool(value),
        Plain::Float(value) => Value::Float(value),
        Plain::Int(value) => Value::Int(value),
        Plain::Large(_) => return None,
        Plain::Null => Value::Null,
        Plain::Time(value) => Value::Time(value),
    })
}

fn comments<'n>(node: &'n Syntax<'_>) -> &'n Comments {
    node.comments.as_deref().unwrap_or(&NO_COMMENTS)
}
