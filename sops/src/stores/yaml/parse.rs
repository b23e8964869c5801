//! Tokens to nodes, and comments to the nodes that they hang on.

mod flow;

use std::collections::HashMap;

use crate::document::Span;
use crate::error::{Error, Result};

use super::scan::{MAX_DEPTH, Scanner, wrong};
use super::syntax::{Entry, NodeId, Shape, Syntax, SyntaxDocument};
use super::token::{Comments, Content, Lines, Scalar, Token, TokenKind};

/// The namespace of the tags of YAML itself.
pub(super) const CORE: &[u8] = b"tag:yaml.org,2002:";

/// Builds the nodes of a text.
pub(super) struct Parser<'a> {
    text: &'a [u8],
    scanner: Scanner<'a>,
    pub(super) nodes: Vec<Syntax<'a>>,
    /// As in go-yaml, a document may use the anchors of those before it.
    anchors: HashMap<&'a [u8], NodeId>,
    handles: Vec<(&'a [u8], Vec<u8>)>,
    /// Comments that wait for a node.
    pending: Comments,
    /// A comment above an element whose content begins in the same line.
    stem: Lines,
    depth: usize,
}

/// The next token, as much as is needed to decide.
#[derive(Clone, Copy)]
struct Ahead {
    kind: TokenKind,
    start: usize,
    end: usize,
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Block,
    /// A list may start at the column of the key.
    BlockValue,
    Flow,
}

/// Tag and anchor.
#[derive(Default)]
struct Properties<'a> {
    anchor: Option<&'a [u8]>,
    tag: Option<Box<[u8]>>,
    /// Where the tag starts.
    start: Option<usize>,
    end: usize,
    any: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            scanner: Scanner::new(text),
            nodes: Vec::new(),
            anchors: HashMap::new(),
            handles: Vec::new(),
            pending: Comments::default(),
            stem: Lines::new(),
            depth: 0,
        }
    }

    /// Reads one document; none at the end.
    pub(super) fn document(&mut self, first: bool) -> Result<Option<SyntaxDocument>> {
        let mut ahead = self.peek()?;
        while !first && ahead.kind == TokenKind::DocumentEnd {
            ahead = self.next()?;
        }
        let explicit = matches!(ahead.kind, TokenKind::VersionDirective | TokenKind::TagDirective | TokenKind::DocumentStart);
        if ahead.kind == TokenKind::StreamEnd {
            return Ok(None);
        }
        let mut head = Lines::new();
        let mut root = None;
        self.handles.clear();
        if !first || explicit {
            ahead = self.directives()?;
            if ahead.kind != TokenKind::DocumentStart {
                return Err(self.wrong(ahead.start, "expected `---` or the end"));
            }
            ahead = self.next()?;
            let ends = [TokenKind::VersionDirective, TokenKind::TagDirective, TokenKind::DocumentStart, TokenKind::DocumentEnd, TokenKind::StreamEnd];
            if ends.contains(&ahead.kind) {
                root = Some(self.empty(ahead.start));
            }
        } else {
            head = split_head(&mut self.pending.head);
        }
        let root = match root {
            Some(root) => root,
            None => self.node(Context::Block)?,
        };
        if self.peek()?.kind == TokenKind::DocumentEnd {
            self.scanner.take();
        }
        let comments = std::mem::take(&mut self.pending);
        self.stem.clear();
        let foot = if comments.foot.is_empty() { comments.head } else { comments.foot };
        Ok(Some(SyntaxDocument { root, head, foot }))
    }

    /// Where the text has comments, whether or not a node took them.
    pub(super) fn into_comments(self) -> Vec<Span> {
        self.scanner.comments
    }

    fn directives(&mut self) -> Result<Ahead> {
        let mut versions = 0;
        loop {
            let ahead = self.peek()?;
            match ahead.kind {
                TokenKind::VersionDirective => versions += 1,
                TokenKind::TagDirective => {}
                _ => return Ok(ahead),
            }
            if versions > 1 {
                return Err(self.wrong(ahead.start, "a second directive for the version"));
            }
            if let Some(Token { content: Content::Tag(handle, prefix), .. }) = self.scanner.take() {
                if self.handles.iter().any(|known| known.0 == handle) {
                    return Err(self.wrong(ahead.start, "a second directive for a handle"));
                }
                self.handles.push((handle, prefix));
            }
        }
    }

    /// Looks at the next token. Comments up to it become those of the next node that takes some.
    fn peek(&mut self) -> Result<Ahead> {
        let token = self.scanner.peek()?;
        let ahead = Ahead { kind: token.kind, start: token.start, end: token.end };
        while let Some(remark) = self.scanner.remark(ahead.start, ahead.kind == TokenKind::BlockEnd) {
            self.pending.side(remark.side).extend(remark.lines);
        }
        Ok(ahead)
    }

    /// Passes the next token and looks at the one behind it.
    fn next(&mut self) -> Result<Ahead> {
        self.scanner.take();
        self.peek()
    }

    fn node(&mut self, context: Context) -> Result<NodeId> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let ahead = self.peek()?;
            return Err(self.wrong(ahead.start, &format!("it nests deeper than {MAX_DEPTH} levels")));
        }
        let node = self.content(context);
        self.depth -= 1;
        node
    }

    fn content(&mut self, context: Context) -> Result<NodeId> {
        let ahead = self.peek()?;
        if ahead.kind == TokenKind::Alias {
            return self.alias(ahead);
        }
        let properties = self.properties()?;
        let ahead = self.peek()?;
        match ahead.kind {
            TokenKind::BlockEntry if context == Context::BlockValue => self.block_list(properties, ahead, false),
            TokenKind::Scalar => self.scalar(properties, ahead),
            TokenKind::FlowSequence => self.flow_list(properties, ahead),
            TokenKind::FlowMapping => self.flow_map(properties, ahead),
            TokenKind::BlockSequence if context != Context::Flow => self.block_list(properties, ahead, true),
            TokenKind::BlockMapping if context != Context::Flow => self.block_map(properties),
            _ if properties.any => {
                let span = Span::new(properties.start.unwrap_or(properties.end), properties.end);
                let scalar = Scalar { text: super::token::Text::Source(b""), plain: true };
                let shape = if properties.tag.is_some() { Shape::Scalar(scalar) } else { Shape::Empty };
                Ok(self.push(properties, shape, span))
            }
            _ => Err(self.wrong(ahead.start, "expected a value")),
        }
    }

    fn alias(&mut self, ahead: Ahead) -> Result<NodeId> {
        let Some(Token { content: Content::Name(name), .. }) = self.scanner.take() else { return Ok(self.empty(ahead.start)) };
        let Some(target) = self.anchors.get(name).copied() else {
            return Err(self.wrong(ahead.start, "an alias without an anchor of its name"));
        };
        let node = self.push(Properties::default(), Shape::Alias(target), Span::new(ahead.start, ahead.end));
        self.attach(node);
        Ok(node)
    }

    fn properties(&mut self) -> Result<Properties<'a>> {
        let mut found = Properties::default();
        loop {
            let Ahead { kind, start, end } = self.peek()?;
            let known = if kind == TokenKind::Tag { found.start.is_some() } else { found.anchor.is_some() };
            if !matches!(kind, TokenKind::Tag | TokenKind::Anchor) || known {
                return Ok(found);
            }
            (found.any, found.end) = (true, end);
            match self.scanner.take().map(|token| token.content) {
                Some(Content::Name(name)) => found.anchor = Some(name),
                Some(Content::Tag(handle, suffix)) => {
                    found.tag = self.tag(handle, suffix, start)?;
                    found.start = Some(start);
                }
                _ => return Ok(found),
            }
        }
    }

    /// The whole tag; none for `!`, which says nothing.
    fn tag(&self, handle: &[u8], suffix: Vec<u8>, start: usize) -> Result<Option<Box<[u8]>>> {
        if handle.is_empty() {
            return Ok((suffix != b"!").then(|| suffix.into_boxed_slice()));
        }
        let declared = self.handles.iter().find(|known| known.0 == handle).map(|known| known.1.as_slice());
        let prefix = match (declared, handle) {
            (Some(prefix), _) => prefix,
            (None, b"!") => b"!",
            (None, b"!!") => CORE,
            _ => return Err(self.wrong(start, "a tag whose handle was not declared")),
        };
        Ok(Some([prefix, &suffix].concat().into_boxed_slice()))
    }

    fn scalar(&mut self, properties: Properties<'a>, ahead: Ahead) -> Result<NodeId> {
        let Some(Token { content: Content::Scalar(scalar), .. }) = self.scanner.take() else { return Ok(self.empty(ahead.start)) };
        let span = Span::new(properties.start.unwrap_or(ahead.start), ahead.end);
        let node = self.push(properties, Shape::Scalar(scalar), span);
        self.attach(node);
        Ok(node)
    }

    fn block_list(&mut self, properties: Properties<'a>, ahead: Ahead, indented: bool) -> Result<NodeId> {
        let node = self.push(properties, Shape::List(Vec::new()), Span::new(ahead.start, ahead.end));
        let head = if indented { std::mem::take(&mut self.stem) } else { Lines::new() };
        if !head.is_empty() {
            self.nodes[node as usize].comments_mut().head = head;
        }
        let mut ahead = if indented { self.next()? } else { ahead };
        let mut elements = Vec::new();
        let mut end = ahead.end;
        while ahead.kind == TokenKind::BlockEntry {
            let entry = ahead;
            let above = self.pending.head.len();
            ahead = self.next()?;
            if above > 0 && matches!(ahead.kind, TokenKind::BlockSequence | TokenKind::BlockMapping) {
                let rest = self.pending.head.split_off(above);
                self.stem = std::mem::replace(&mut self.pending.head, rest);
            }
            let ends = match ahead.kind {
                TokenKind::BlockEntry | TokenKind::BlockEnd => true,
                TokenKind::Key | TokenKind::Value => !indented,
                _ => false,
            };
            let element = if ends { self.empty(entry.end) } else { self.node(Context::Block)? };
            elements.push(element);
            end = self.nodes[element as usize].span.range().end.max(entry.end);
            ahead = self.peek()?;
        }
        if indented {
            if ahead.kind != TokenKind::BlockEnd {
                return Err(self.wrong(ahead.start, "expected an element of the list, or its end"));
            }
            self.scanner.take();
        }
        self.finish(node, Shape::List(elements), end);
        Ok(node)
    }

    fn block_map(&mut self, properties: Properties<'a>) -> Result<NodeId> {
        let first = self.next()?;
        let node = self.push_empty_collection(properties, first);
        let head = std::mem::take(&mut self.stem);
        if !head.is_empty() {
            self.nodes[node as usize].comments_mut().head = head;
        }
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let ahead = self.peek()?;
            match ahead.kind {
                TokenKind::Key => {}
                TokenKind::BlockEnd => break,
                _ => return Err(self.wrong(ahead.start, "expected a key, or the end of the mapping")),
            }
            let after = self.next()?;
            let ends = |kind| matches!(kind, TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd);
            let key = if ends(after.kind) { self.empty(ahead.end) } else { self.node(Context::BlockValue)? };
            self.move_foot_up(key, &entries);
            let key_end = self.nodes[key as usize].span.range().end;
            let colon = self.peek()?;
            let value = if colon.kind == TokenKind::Value {
                let after = self.next()?;
                if ends(after.kind) { self.empty(colon.end) } else { self.node(Context::BlockValue)? }
            } else {
                self.empty(key_end)
            };
            self.move_foot_to_key(key, value);
            let end = self.nodes[value as usize].span.range().end;
            entries.push(Entry { key, value, span: Span::new(ahead.start, end) });
        }
        let comments = std::mem::take(&mut self.pending);
        self.scanner.take();
        if let Some(last) = entries.last().filter(|_| !comments.foot.is_empty()) {
            self.nodes[last.key as usize].comments_mut().foot = comments.foot;
        }
        self.set_line(node, comments.line);
        let end = entries.last().map_or(first.start, |entry| entry.span.range().end);
        self.finish(node, Shape::Map(entries), end);
        Ok(node)
    }

    fn push_empty_collection(&mut self, properties: Properties<'a>, first: Ahead) -> NodeId {
        self.push(properties, Shape::Map(Vec::new()), Span::new(first.start, first.start))
    }

    /// A comment below a key's own node stands below the pair before it.
    fn move_foot_up(&mut self, key: NodeId, entries: &[Entry]) {
        let Some(before) = entries.last() else { return };
        let foot = self.nodes[key as usize].comments.as_mut().map(|comments| std::mem::take(&mut comments.foot)).unwrap_or_default();
        if !foot.is_empty() {
            self.nodes[before.key as usize].comments_mut().foot = foot;
        }
    }

    /// A comment below a value stands below the pair.
    fn move_foot_to_key(&mut self, key: NodeId, value: NodeId) {
        if self.nodes[key as usize].comments.as_ref().is_some_and(|comments| !comments.foot.is_empty()) {
            return;
        }
        let foot = self.nodes[value as usize].comments.as_mut().map(|comments| std::mem::take(&mut comments.foot)).unwrap_or_default();
        if !foot.is_empty() {
            self.nodes[key as usize].comments_mut().foot = foot;
        }
    }

    fn set_line(&mut self, node: NodeId, line: Lines) {
        let node = &mut self.nodes[node as usize];
        if !line.is_empty() || node.comments.is_some() {
            node.comments_mut().line = line;
        }
    }

    /// Gives the comments that wait to a node.
    fn attach(&mut self, node: NodeId) {
        self.stem.clear();
        if !self.pending.is_empty() {
            self.nodes[node as usize].comments = Some(Box::new(std::mem::take(&mut self.pending)));
        }
    }

    fn finish(&mut self, node: NodeId, shape: Shape<'a>, end: usize) {
        let node = &mut self.nodes[node as usize];
        node.shape = shape;
        node.span = Span::new(node.span.range().start, end);
    }

    fn empty(&mut self, at: usize) -> NodeId {
        self.push(Properties::default(), Shape::Empty, Span::new(at, at))
    }

    fn push(&mut self, properties: Properties<'a>, shape: Shape<'a>, span: Span) -> NodeId {
        let id = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
        if self.nodes.len() == self.nodes.capacity() {
            self.make_room(span.range().end);
        }
        self.nodes.push(Syntax { shape, tag: properties.tag, span, comments: None });
        if let Some(name) = properties.anchor {
            self.anchors.insert(name, id);
        }
        id
    }

    /// Makes room for as many nodes as there will be if the rest of the text is like what was read, but not for many times more than there are.
    fn make_room(&mut self, read: usize) {
        let known = self.nodes.len().max(16);
        let all = known.saturating_mul(self.text.len()) / read.max(1);
        self.nodes.reserve_exact((all.saturating_sub(known) + known / 16).clamp(known / 4, known * 8));
    }

    fn wrong(&self, at: usize, what: &str) -> Error {
        wrong(self.text, at, what)
    }
}

/// Cuts off what stands above the last empty line: it belongs to the document.
fn split_head(pending: &mut Lines) -> Lines {
    let Some(empty) = pending.iter().rposition(|line| line.is_unknown()).filter(|at| *at > 0) else { return Lines::new() };
    let rest = pending.split_off(empty + 1);
    let mut head = std::mem::replace(pending, rest);
    head.pop();
    head
}
