//! Encrypts and decrypts all leaves of a document, and hashes them on the way.

use keys::{SecretBytes, ValueCipher};

use crate::document::{Comment, Document, Element, Leaf, List, Map, Member, Node, Span, Value};
use crate::error::{Error, ErrorKind, Position, Result};
use crate::leaf::{self, Kind, Plain};
use crate::rules::Selection;
use crate::stash::Stash;
use crate::store::{Edit, Splice};

pub use way::{Direction, Way};

use spare::Spare;

mod spare;
mod way;

/// Deepest nesting that is walked; every format refuses deeper files before.
pub(crate) const MAX_DEPTH: usize = 1000;

/// How the leaves of a file are treated.
pub(crate) struct Treatment<'a> {
    pub(crate) cipher: &'a ValueCipher,
    pub(crate) selection: &'a Selection,
    /// Only what is selected is hashed.
    pub(crate) only_encrypted: bool,
    /// The bytes that the document was read from, for places in errors; empty if it was not read.
    pub(crate) source: &'a [u8],
    /// Changes single places of the source, if that is wanted.
    pub(crate) splice: Option<&'a dyn Splice>,
}

/// What a pass over a document found.
pub(crate) struct Passed {
    /// The hash over all leaves, in capital hexadecimal digits.
    pub(crate) hash: String,
    /// What changes in the source, if that was asked for.
    pub(crate) edits: Vec<Edit>,
    /// The number of comments that do not decrypt, which stay as they are.
    pub(crate) lost_comments: usize,
}

/// Encrypts every leaf that is selected. What has a ciphertext in the stash keeps it.
///
/// # Errors
/// Unencryptable, with the path.
pub(crate) fn encrypt(document: &mut Document, treatment: &Treatment<'_>, stash: &mut Stash) -> Result<Passed> {
    Pass::new(treatment, stash, Direction::Encrypt).run(document)
}

/// Decrypts every leaf that is selected. What was encrypted is remembered in the stash.
///
/// # Errors
/// Tampered, with the path.
pub(crate) fn decrypt(document: &mut Document, treatment: &Treatment<'_>, stash: &mut Stash) -> Result<Passed> {
    Pass::new(treatment, stash, Direction::Decrypt).run(document)
}

struct Pass<'a> {
    treatment: &'a Treatment<'a>,
    stash: &'a mut Stash,
    way: Way<'a>,
    edits: Vec<Edit>,
    spare: Spare,
    lost_comments: usize,
    /// The way, for errors.
    path: Vec<Step>,
    /// The byte of the source where the pass is.
    at: Option<usize>,
}

enum Step {
    Index(usize),
    Key(std::ops::Range<usize>),
}

impl<'a> Pass<'a> {
    fn new(treatment: &'a Treatment<'a>, stash: &'a mut Stash, direction: Direction) -> Self {
        Self {
            treatment,
            stash,
            way: Way::new(treatment, direction),
            edits: Vec::new(),
            spare: Spare::default(),
            lost_comments: 0,
            path: Vec::new(),
            at: None,
        }
    }

    fn run(mut self, document: &mut Document) -> Result<Passed> {
        if let Some(objection) = &document.objection {
            return Err(objection.clone());
        }
        if self.way.direction == Direction::Encrypt && self.treatment.splice.is_some() {
            self.spare = Spare::of(document);
        }
        for branch in &mut document.branches {
            if let Err(error) = self.map(branch, None) {
                let error = error.on(self.path());
                return Err(match self.at {
                    Some(at) if !self.treatment.source.is_empty() => error.at(Position::of(self.treatment.source, at)),
                    _ => error,
                });
            }
        }
        self.cut_comments(Span::new(0, self.treatment.source.len()));
        Ok(Passed { hash: self.way.finish(), edits: self.edits, lost_comments: self.lost_comments })
    }

    fn path(&self) -> String {
        let step = |step: &Step| match step {
            Step::Key(range) => format!("[\"{}\"]", self.way.keys().get(range.clone()).unwrap_or_default()),
            Step::Index(index) => format!("[{index}]"),
        };
        self.path.iter().map(step).collect()
    }

    fn map(&mut self, map: &mut Map, key: Option<&str>) -> Result<()> {
        self.way.walk.enter(key);
        for member in &mut map.members {
            match member {
                Member::Comment(comment) => {
                    self.comment(comment)?;
                }
                Member::Pair(pair) => {
                    let key = self.way.go(&pair.key);
                    self.path.push(Step::Key(key.clone()));
                    self.node(&mut pair.value, Some(&pair.key))?;
                    self.path.pop();
                    self.way.back(&key);
                }
            }
        }
        self.cut_comments(map.span);
        self.way.walk.leave();
        Ok(())
    }

    fn list(&mut self, list: &mut List, key: Option<&str>) -> Result<()> {
        self.way.walk.enter(key);
        for (index, element) in list.elements.iter_mut().enumerate() {
            self.path.push(Step::Index(index));
            match element {
                Element::Comment(comment) => {
                    // As sops writes files, ciphertext of a comment in a sequence is an element of its own.
                    if self.comment(comment)? && self.way.direction == Direction::Encrypt && self.treatment.splice.is_none() {
                        let text = std::mem::replace(&mut comment.text, SecretBytes::new(Vec::new()));
                        *element = Element::Node(Node::leaf(Value::Text(text)));
                    }
                }
                Element::Node(node) => {
                    match self.hidden_comment(node, list.span)? {
                        Some(comment) => *element = Element::Comment(comment),
                        None => self.node(node, None)?,
                    }
                    self.way.walk.pass();
                }
            }
            self.path.pop();
        }
        self.cut_comments(list.span);
        self.way.walk.leave();
        Ok(())
    }

    /// Cuts comments out that are not in the tree, so that nothing would encrypt them, where those that are in it are encrypted.
    fn cut_comments(&mut self, within: Span) {
        let found = self.spare.take(within);
        if let Some(splice) = self.treatment.splice.filter(|_| self.way.walk.is_selected(None)) {
            self.edits.extend(found.into_iter().map(|comment| splice.cut_comment(self.treatment.source, comment)));
        }
    }

    fn node(&mut self, node: &mut Node, key: Option<&str>) -> Result<()> {
        if self.path.len() > MAX_DEPTH {
            return Err(Error::new(ErrorKind::Malformed, format!("walk a file that nests deeper than {MAX_DEPTH} levels")));
        }
        if !node.span().is_unknown() {
            self.at = Some(node.span().range().start);
        }
        let changed = match node {
            Node::Map(map) => self.map(map, key).map(|()| false)?,
            Node::List(list) => self.list(list, key).map(|()| false)?,
            Node::Leaf(leaf) => self.leaf(leaf, key)?,
        };
        let Some(splice) = self.treatment.splice.filter(|_| !node.span().is_unknown()) else { return Ok(()) };
        // What an alias stands for may be encrypted, and differs by place.
        let alias = splice.is_alias(self.treatment.source, node.span());
        match node {
            Node::Leaf(leaf) if changed || alias => {
                self.edits.push(splice.scalar(self.treatment.source, leaf.span, &leaf.value)?);
                // The comment behind the header of a block went with the block.
                self.spare.take(leaf.span);
            }
            Node::Leaf(leaf) => self.cut_comments(leaf.span),
            node if alias => self.edits.push(splice.value(self.treatment.source, node.span(), node)?),
            _ => {}
        }
        Ok(())
    }

    /// Says whether the leaf changed.
    fn leaf(&mut self, leaf: &mut Leaf, key: Option<&str>) -> Result<bool> {
        let Some(kind) = Kind::of(&leaf.value) else { return Ok(false) };
        let selected = self.way.walk.is_selected(key);
        let empty = matches!(&leaf.value, Value::Text(text) if text.is_empty());
        if self.way.direction == Direction::Encrypt {
            leaf::with_bytes(&leaf.value, |bytes| self.way.hash(selected, bytes));
        }
        if selected && !empty {
            leaf.value = match self.way.direction {
                Direction::Encrypt => Value::Text(leaf::with_bytes(&leaf.value, |bytes| self.ciphertext(kind, bytes))?),
                Direction::Decrypt => match self.opened(&leaf.value)? {
                    Plain::Value(value) => value,
                    Plain::Comment(_) => return Err(Error::new(ErrorKind::Tampered, "decrypt a value that was encrypted as a comment")),
                },
            };
        }
        if self.way.direction == Direction::Decrypt {
            leaf::with_bytes(&leaf.value, |bytes| self.way.hash(selected, bytes));
        }
        Ok(selected && !empty)
    }

    /// Says whether the comment changed.
    fn comment(&mut self, comment: &mut Comment) -> Result<bool> {
        // EXPOSE: rules look at the comment, and its text is encrypted.
        let text = comment.text.expose();
        if !self.way.walk.comment(text) || text.is_empty() {
            return Ok(false);
        }
        comment.text = match self.way.direction {
            Direction::Encrypt => {
                let ciphertext = self.ciphertext(Kind::Comment, text)?;
                // EXPOSE: ciphertext.
                if self.treatment.selection.misreads(ciphertext.expose()) {
                    return Err(Error::new(ErrorKind::Unencryptable, "encrypt a comment: its ciphertext would match unencrypted_comment_regex"));
                }
                ciphertext
            }
            Direction::Decrypt => match self.open(text) {
                Ok(Plain::Comment(text) | Plain::Value(Value::Text(text))) => {
                    // Ciphertext does not say where a comment stood; as sops writes files, it stands above then.
                    comment.inline &= self.treatment.splice.is_some();
                    text
                }
                _ => {
                    self.lost_comments += 1;
                    return Ok(false);
                }
            },
        };
        if let Some(splice) = self.treatment.splice.filter(|_| !comment.span.is_unknown()) {
            self.edits.extend(splice.comment_edits(self.treatment.source, comment.span, &comment.text)?);
        }
        Ok(true)
    }

    /// Decrypts an element of a sequence that is the ciphertext of a comment.
    fn hidden_comment(&mut self, node: &Node, among: Span) -> Result<Option<Comment>> {
        let Node::Leaf(Leaf { value: Value::Text(text), span }) = node else { return Ok(None) };
        // EXPOSE: ciphertext.
        let text = text.expose();
        if self.way.direction == Direction::Encrypt || !text.ends_with(b",type:comment]") || !self.way.walk.is_selected(None) {
            return Ok(None);
        }
        self.at = Some(span.range().start).filter(|_| !span.is_unknown());
        let Plain::Comment(text) = self.open(text)? else { return Ok(None) };
        if let Some(splice) = self.treatment.splice.filter(|_| !span.is_unknown()) {
            self.edits.push(splice.comment_for(self.treatment.source, *span, among, &text)?);
        }
        Ok(Some(Comment { text, inline: false, span: Span::default() }))
    }

    fn ciphertext(&mut self, kind: Kind, bytes: &[u8]) -> Result<SecretBytes> {
        if let Some(text) = self.stash.take(self.way.associated(), kind, bytes) {
            return Ok(text);
        }
        let mut text = Vec::with_capacity(leaf::written_length(bytes.len()));
        self.way.encrypt(kind, bytes, &mut text)?;
        Ok(SecretBytes::new(text))
    }

    fn opened(&mut self, value: &Value) -> Result<Plain> {
        match value {
            // EXPOSE: ciphertext.
            Value::Text(text) => self.open(text.expose()),
            _ => Err(Error::new(ErrorKind::Tampered, "decrypt a value that should be encrypted and is not")),
        }
    }

    fn open(&mut self, text: &[u8]) -> Result<Plain> {
        let kind = self.way.open(text)?;
        // A digest of the plaintext finds the ciphertext again.
        self.stash.put(self.way.associated(), kind, self.way.opened(), text);
        leaf::plain(kind, self.way.opened_secret())
    }
}
