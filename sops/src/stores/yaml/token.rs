//! What a text is cut into.

use keys::SecretBytes;

use crate::document::Span;

/// A piece of the text that stands for something.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) content: Content<'a>,
}

/// What it stands for. Starts and ends of block collections have no bytes of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Alias,
    Anchor,
    BlockEnd,
    BlockEntry,
    BlockMapping,
    BlockSequence,
    DocumentEnd,
    DocumentStart,
    FlowEntry,
    FlowMapping,
    FlowMappingEnd,
    FlowSequence,
    FlowSequenceEnd,
    Key,
    Scalar,
    StreamEnd,
    Tag,
    TagDirective,
    Value,
    VersionDirective,
}

/// What a token says.
#[derive(Debug)]
pub(super) enum Content<'a> {
    /// Of an alias or an anchor.
    Name(&'a [u8]),
    Nothing,
    Scalar(Scalar<'a>),
    /// Of a tag: the handle and what follows it; of a directive for tags: the handle and what it stands for.
    Tag(&'a [u8], Vec<u8>),
}

/// A scalar as it was read: what it says, and whether it was quoted or a block.
#[derive(Debug)]
pub(super) struct Scalar<'a> {
    pub(super) text: Text<'a>,
    pub(super) plain: bool,
}

/// A text that stands in the source as it is, or had to be put together.
#[derive(Debug)]
pub(super) enum Text<'a> {
    Made(SecretBytes),
    Source(&'a [u8]),
}

impl Text<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            // EXPOSE: the scalar is read.
            Self::Made(text) => text.expose(),
            Self::Source(text) => text,
        }
    }
}

/// Where a comment belongs, seen from the thing it is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Foot,
    Head,
    Line,
}

/// Lines of a comment, each from its `#` on; an unknown span is an empty line between them.
pub(super) type Lines = Vec<Span>;

/// The comments of a thing.
#[derive(Debug, Default)]
pub(super) struct Comments {
    pub(super) foot: Lines,
    pub(super) head: Lines,
    pub(super) line: Lines,
}

impl Comments {
    pub(super) fn side(&mut self, side: Side) -> &mut Lines {
        match side {
            Side::Foot => &mut self.foot,
            Side::Head => &mut self.head,
            Side::Line => &mut self.line,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.foot.is_empty() && self.head.is_empty() && self.line.is_empty()
    }
}
