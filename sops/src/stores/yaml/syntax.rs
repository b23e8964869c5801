//! What a text says, before anybody asks what its scalars mean: nodes with their comments, as go-yaml has them.

use crate::document::Span;

use super::token::{Comments, Lines, Scalar};

/// The number of a node.
pub(super) type NodeId = u32;

/// A node of the text.
#[derive(Debug)]
pub(super) struct Syntax<'a> {
    pub(super) shape: Shape<'a>,
    /// The whole tag, if one is written that says something.
    pub(super) tag: Option<Box<[u8]>>,
    pub(super) span: Span,
    pub(super) comments: Option<Box<Comments>>,
}

/// What it is.
#[derive(Debug)]
pub(super) enum Shape<'a> {
    /// It means another node.
    Alias(NodeId),
    /// Nothing stands there.
    Empty,
    /// Keys and values, in turns.
    Map(Vec<Entry>),
    List(Vec<NodeId>),
    Scalar(Scalar<'a>),
}

/// A key with its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) key: NodeId,
    pub(super) value: NodeId,
    pub(super) span: Span,
}

/// A document of the text.
#[derive(Debug)]
pub(super) struct SyntaxDocument {
    pub(super) root: NodeId,
    pub(super) head: Lines,
    pub(super) foot: Lines,
}

impl Syntax<'_> {
    pub(super) fn comments_mut(&mut self) -> &mut Comments {
        self.comments.get_or_insert_default()
    }
}
