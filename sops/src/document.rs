//! What every format is read into and written from: an ordered tree with comments, whose leaves are secrets.

use keys::SecretBytes;

use crate::error::Error;

/// Bytes of the source from which a part was read; empty at zero for what was not read from there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

impl Span {
    /// Makes a span.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
    }

    /// True for what was not read from the source as it stands, such as the content of an expanded alias.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        self == Self::default()
    }

    /// The bytes, as a range.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A whole file.
#[derive(Debug, Default)]
pub struct Document {
    /// The documents of a YAML file; other formats have one.
    pub branches: Vec<Map>,
    /// The first thing that can be read, but not encrypted or hashed: a key that is no text, an integer beyond 64 bits.
    pub objection: Option<Error>,
    /// Where the text has comments, in its order, each with its marker: also those that the format's rules drop, which are in no branch. Empty where
    /// the branches hold all of them.
    pub comments: Vec<Span>,
}

/// A mapping, in the order of the file.
#[derive(Debug, Default)]
pub struct Map {
    /// Pairs, and comments between them.
    pub members: Vec<Member>,
    /// Where it stands: of a nested one the first byte of its first member to the last of its last one, brackets included.
    pub span: Span,
}

/// What stands in a mapping.
#[derive(Debug)]
pub enum Member {
    /// A comment between the pairs.
    Comment(Comment),
    /// A key with its value.
    Pair(Pair),
}

/// A key with its value.
#[derive(Debug)]
pub struct Pair {
    /// The key, which is never secret.
    pub key: String,
    /// What stands there.
    pub value: Node,
    /// The key's first byte to the value's last one.
    pub span: Span,
}

/// A sequence.
#[derive(Debug, Default)]
pub struct List {
    /// Values, and comments between them.
    pub elements: Vec<Element>,
    /// Where it stands, as for a [`Map`].
    pub span: Span,
}

/// What stands in a sequence.
#[derive(Debug)]
pub enum Element {
    /// A comment between the values.
    Comment(Comment),
    /// A value.
    Node(Node),
}

/// A value of any shape.
#[derive(Debug)]
pub enum Node {
    /// A mapping.
    Map(Map),
    /// A sequence.
    List(List),
    /// A scalar.
    Leaf(Leaf),
}

/// A scalar.
#[derive(Debug)]
pub struct Leaf {
    /// What it says.
    pub value: Value,
    /// Where it stands, quotes, block header and tag included, anchor not.
    pub span: Span,
}

/// A comment line. In an encrypted file the text is ciphertext.
#[derive(Debug)]
pub struct Comment {
    /// What follows the `#` (of INI: what follows markers and spaces).
    pub text: SecretBytes,
    /// True if it stands behind a value, in its line; in the tree it comes before that value all the same.
    pub inline: bool,
    /// Where the text stands, without the marker.
    pub span: Span,
}

/// What a scalar says.
#[derive(Debug)]
pub enum Value {
    /// Nothing: neither encrypted nor hashed.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A time, as RFC 3339 with the fraction as short as it goes and the offset that was written.
    Time(String),
    /// Text, or any bytes. In an encrypted file this is also what ciphertext stands in.
    Text(SecretBytes),
}

impl Leaf {
    /// Makes a leaf that was not read from a source.
    #[must_use]
    pub fn new(value: Value) -> Self {
        Self { value, span: Span::default() }
    }
}

impl Node {
    /// Makes a leaf that was not read from a source.
    #[must_use]
    pub fn leaf(value: Value) -> Self {
        Self::Leaf(Leaf::new(value))
    }

    /// Makes a text that was not read from a source.
    #[must_use]
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::leaf(Value::Text(SecretBytes::new(text.into())))
    }

    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Map(map) => map.span,
            Self::List(list) => list.span,
            Self::Leaf(leaf) => leaf.span,
        }
    }
}

impl Pair {
    /// Makes a pair that was not read from a source.
    #[must_use]
    pub fn new(key: impl Into<String>, value: Node) -> Self {
        Self { key: key.into(), value, span: Span::default() }
    }
}

impl Map {
    /// The pairs, without the comments.
    pub fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.members.iter().filter_map(|member| match member {
            Member::Pair(pair) => Some(pair),
            Member::Comment(_) => None,
        })
    }

    /// Finds the first value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.pairs().find(|pair| pair.key == key).map(|pair| &pair.value)
    }

    /// Finds the first value of a key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.members.iter_mut().find_map(|member| match member {
            Member::Pair(pair) if pair.key == key => Some(&mut pair.value),
            _ => None,
        })
    }
}
