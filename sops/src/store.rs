//! The contract of a format: bytes to a tree and back.

use keys::SecretBytes;
use zeroize::Zeroizing;

use crate::document::{Document, Map, Node, Span, Value};
use crate::error::Result;
use crate::walk::Way;

/// How the metadata stands in a file of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataLayout {
    /// As a mapping under the key `sops`, at the end of every document.
    Nested,
    /// As keys `sops_...` with flattened names.
    Prefixed,
    /// As a section `sops` of flattened names.
    Section,
}

/// How a file is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Spaces for each level; `None` for what the format does by itself. What a number means is the format's business.
    pub indent: Option<i64>,
}

/// A replacement of bytes of a source: an empty span inserts.
#[derive(Debug)]
pub struct Edit {
    /// What goes.
    pub start: usize,
    /// Byte after what goes.
    pub end: usize,
    /// What comes.
    pub text: SecretBytes,
}

impl Edit {
    /// Makes a second one.
    pub(crate) fn duplicate(&self) -> Self {
        Self { start: self.start, end: self.end, text: self.text.duplicate() }
    }
}

/// One format.
pub trait Store: Sync {
    /// What `--input-type` calls it.
    fn name(&self) -> &'static str;

    /// Ends of the names of its files, with the dot.
    fn suffixes(&self) -> &'static [&'static str];

    /// How the metadata stands in it.
    fn layout(&self) -> MetadataLayout;

    /// True if a file that uses the name of the metadata is refused.
    fn reserves_names(&self) -> bool {
        true
    }

    /// Reads a file that is not encrypted.
    ///
    /// # Errors
    /// Malformed, with the place in the file.
    fn parse(&self, source: &[u8]) -> Result<Document>;

    /// Writes a file that is not encrypted, as sops does, byte for byte.
    ///
    /// # Errors
    /// Unencryptable: the tree has what the format cannot say.
    fn emit(&self, document: &Document, style: Style) -> Result<SecretBytes>;

    /// Reads a file that is encrypted, the metadata with it.
    ///
    /// # Errors
    /// As [`Store::parse`].
    fn parse_encrypted(&self, source: &[u8]) -> Result<Document> {
        self.parse(source)
    }

    /// Writes a file that is encrypted, the metadata with it, as sops does.
    ///
    /// # Errors
    /// As [`Store::emit`].
    fn emit_encrypted(&self, document: &Document, style: Style) -> Result<SecretBytes> {
        self.emit(document, style)
    }

    /// Writes one value of any shape, as sops does for `--extract` of what is not a text.
    ///
    /// # Errors
    /// As [`Store::emit`].
    fn emit_value(&self, node: &Node, style: Style) -> Result<SecretBytes>;

    /// True if a text says what a document says, comments apart, as far as that shows without making a tree of it. False says nothing: then only the
    /// tree tells.
    fn surely_says(&self, source: &[u8], document: &Document) -> bool {
        let _ = (source, document);
        false
    }

    /// How single places of a text are changed; `None` if a file of the format is always written anew.
    fn splice(&self) -> Option<&dyn Splice> {
        None
    }

    /// How all values of a text are encrypted or decrypted without a tree; `None` if there is always one.
    fn stream(&self) -> Option<&dyn Stream> {
        None
    }
}

impl std::fmt::Debug for dyn Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads a text from its first byte to its last and writes another one with other values, as [`Splice`] would, but with no tree in between: many small
/// values take far less time and memory so. What it cannot do, and every failure, is left to the tree, which can also say where.
pub trait Stream: Sync {
    /// Reads a file as far as it takes to put metadata into it, or to take it out. `None` if it is malformed.
    fn outline(&self, source: &[u8]) -> Option<Outline>;

    /// Encrypts or decrypts all values that are selected, metadata apart. `None` if the tree has to do it.
    fn pass(&self, source: &[u8], outline: &Outline, way: &mut Way<'_>) -> Option<Passage>;

    /// True if a text says what another one said, in the same order, but for the values at places of the new one, and for the metadata: the old
    /// one may have some, the new one has that which is given.
    fn says_again(&self, old: &[u8], new: &[u8], places: &[Span], metadata: Option<&Node>) -> bool;
}

/// A file of which only the ends were read.
#[derive(Debug)]
pub struct Outline {
    /// The first and the last pairs, with nothing in them but places, or the metadata as a whole where there is some.
    pub document: Document,
    /// Number of leaves.
    pub leaves: usize,
    /// About how many bytes longer the text gets when all of it is encrypted.
    pub growth: usize,
    /// About how many bytes shorter it gets when all of it is decrypted.
    pub shrinkage: usize,
}

/// What a pass has written.
#[derive(Debug)]
pub struct Passage {
    /// The new text, as far as a byte of the old one.
    pub text: Zeroizing<Vec<u8>>,
    /// That byte: nothing after it changes.
    pub end: usize,
    /// Where in the new text the values stand that changed, in their order.
    pub places: Vec<Span>,
}

/// Changes single places of a text and leaves every other byte alone. All spans are of the source that is given.
pub trait Splice: Sync {
    /// Writes a scalar to stand where another value stands, quoted, indented and flowed as that place needs it.
    ///
    /// # Errors
    /// Unencryptable: the value cannot stand there.
    fn scalar(&self, source: &[u8], span: Span, value: &Value) -> Result<Edit>;

    /// Writes a comment's text in place of another one, one line for one line; the marker stays.
    ///
    /// # Errors
    /// As [`Splice::scalar`].
    fn comment(&self, source: &[u8], span: Span, text: &SecretBytes) -> Result<Edit>;

    /// As [`Splice::comment`], where a comment may stand in several places of which the span is only the first.
    ///
    /// # Errors
    /// As [`Splice::scalar`].
    fn comment_edits(&self, source: &[u8], span: Span, text: &SecretBytes) -> Result<Vec<Edit>> {
        self.comment(source, span, text).map(|edit| vec![edit])
    }

    /// Writes a comment in place of a whole element of a sequence; `among` is the sequence's span.
    ///
    /// # Errors
    /// As [`Splice::scalar`].
    fn comment_for(&self, source: &[u8], span: Span, among: Span, text: &SecretBytes) -> Result<Edit> {
        let _ = text;
        Ok(self.remove(source, span, among))
    }

    /// Cuts a comment out that no branch of the document holds, of [`crate::Document::comments`].
    fn cut_comment(&self, source: &[u8], span: Span) -> Edit {
        self.remove(source, span, Span::default())
    }

    /// True if an alias stands there, which means what stands elsewhere.
    fn is_alias(&self, source: &[u8], span: Span) -> bool {
        let _ = (source, span);
        false
    }

    /// Writes any value to stand where another one stands.
    ///
    /// # Errors
    /// As [`Splice::scalar`].
    fn value(&self, source: &[u8], span: Span, node: &Node) -> Result<Edit>;

    /// Adds a pair at the end of a mapping that was read from the source: `path` leads to it.
    ///
    /// # Errors
    /// As [`Splice::scalar`].
    fn insert(&self, source: &[u8], map: &Map, key: &str, node: &Node) -> Result<Edit>;

    /// Adds an element at the end of a sequence that was read from the source.
    ///
    /// # Errors
    /// As [`Splice::scalar`].
    fn append(&self, source: &[u8], list: &crate::document::List, node: &Node) -> Result<Edit>;

    /// Cuts a pair or an element out, with its line if it has lines of its own. `among` is the container's span.
    fn remove(&self, source: &[u8], span: Span, among: Span) -> Edit;

    /// Puts the metadata at the end of each document, in place of what stands there. It also cuts out what the format does not read, and what would
    /// stay in the file unencrypted: a value that is given again below, a comment that belongs to nothing. `metadata` is laid out as
    /// [`Store::layout`] says: a mapping of one pair `sops`, or flattened pairs.
    ///
    /// # Errors
    /// As [`Splice::scalar`].
    fn put_metadata(&self, source: &[u8], document: &Document, metadata: &Map) -> Result<Vec<Edit>>;

    /// Cuts the metadata out, so that a file remains that was never encrypted.
    fn cut_metadata(&self, source: &[u8], document: &Document) -> Vec<Edit>;
}
