//! Collections in brackets.

use crate::document::Span;
use crate::error::Result;

use super::super::syntax::{Entry, NodeId, Shape};
use super::super::token::TokenKind;
use super::{Ahead, Context, Parser, Properties};

impl<'a> Parser<'a> {
    pub(super) fn flow_list(&mut self, properties: Properties<'a>, ahead: Ahead) -> Result<NodeId> {
        let node = self.push(properties, Shape::List(Vec::new()), Span::new(ahead.start, ahead.end));
        self.attach(node);
        let mut elements = Vec::new();
        let mut ahead = self.next()?;
        while ahead.kind != TokenKind::FlowSequenceEnd {
            if !elements.is_empty() {
                ahead = self.separator(ahead)?;
            }
            match ahead.kind {
                TokenKind::Key => elements.push(self.single_pair(ahead)?),
                TokenKind::FlowSequenceEnd => break,
                _ => elements.push(self.node(Context::Flow)?),
            }
            ahead = self.peek()?;
        }
        self.finish_flow(node, Shape::List(elements), ahead.end);
        Ok(node)
    }

    pub(super) fn flow_map(&mut self, properties: Properties<'a>, ahead: Ahead) -> Result<NodeId> {
        let node = self.push(properties, Shape::Map(Vec::new()), Span::new(ahead.start, ahead.end));
        self.attach(node);
        let mut entries = Vec::new();
        let mut ahead = self.next()?;
        while ahead.kind != TokenKind::FlowMappingEnd {
            if !entries.is_empty() {
                ahead = self.separator(ahead)?;
            }
            let entry = match ahead.kind {
                TokenKind::Key => {
                    self.scanner.take();
                    self.flow_pair(ahead, TokenKind::FlowMappingEnd)?
                }
                TokenKind::FlowMappingEnd => break,
                _ => {
                    let key = self.node(Context::Flow)?;
                    self.peek()?;
                    let end = self.nodes[key as usize].span.range().end;
                    let value = self.empty(end);
                    Entry { key, value, span: Span::new(ahead.start, end) }
                }
            };
            self.move_foot_to_key(entry.key, entry.value);
            entries.push(entry);
            ahead = self.peek()?;
        }
        self.finish_flow(node, Shape::Map(entries), ahead.end);
        Ok(node)
    }

    /// `[a: b]` is a list of a mapping.
    fn single_pair(&mut self, key: Ahead) -> Result<NodeId> {
        let node = self.push(Properties::default(), Shape::Map(Vec::new()), Span::new(key.start, key.end));
        self.scanner.take();
        let entry = self.flow_pair(key, TokenKind::FlowSequenceEnd)?;
        self.move_foot_to_key(entry.key, entry.value);
        self.peek()?;
        self.finish(node, Shape::Map(vec![entry]), entry.span.range().end);
        Ok(node)
    }

    /// What follows the token of a key.
    fn flow_pair(&mut self, key_token: Ahead, end: TokenKind) -> Result<Entry> {
        let ahead = self.peek()?;
        let ends = |kind| kind == TokenKind::FlowEntry || kind == end;
        let key = if ends(ahead.kind) || ahead.kind == TokenKind::Value { self.empty(key_token.end) } else { self.node(Context::Flow)? };
        let mut at = self.nodes[key as usize].span.range().end;
        let mut ahead = self.peek()?;
        let mut value = None;
        if ahead.kind == TokenKind::Value {
            at = ahead.end;
            ahead = self.next()?;
            if !ends(ahead.kind) {
                value = Some(self.node(Context::Flow)?);
            }
        }
        let value = match value {
            Some(value) => value,
            None => self.empty(at),
        };
        let end = self.nodes[value as usize].span.range().end;
        Ok(Entry { key, value, span: Span::new(key_token.start, end) })
    }

    fn separator(&mut self, ahead: Ahead) -> Result<Ahead> {
        if ahead.kind == TokenKind::FlowEntry {
            return self.next();
        }
        Err(self.wrong(ahead.start, "expected `,` or the end of what stands in brackets"))
    }

    /// Takes the closing bracket, with the comments that stand behind and below it.
    fn finish_flow(&mut self, node: NodeId, shape: Shape<'a>, end: usize) {
        let comments = std::mem::take(&mut self.pending);
        self.stem.clear();
        self.scanner.take();
        self.set_line(node, comments.line);
        if !comments.foot.is_empty() || self.nodes[node as usize].comments.is_some() {
            self.nodes[node as usize].comments_mut().foot = comments.foot;
        }
        self.finish(node, shape, end);
    }
}
