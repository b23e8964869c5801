//! A file as a whole: encrypted, decrypted, and from one to the other.

use std::fmt;

use keys::{DataKey, Nonces, SecretBytes, ValueCipher};

use crate::document::{Document, Map, Member, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::leaf::{self, Kind, Plain};
use crate::metadata::{METADATA_KEY, Metadata};
use crate::rules::Selection;
use crate::same::same_values;
use crate::stash::Stash;
use crate::store::{Edit, MetadataLayout, Outline, Store, Style};
use crate::walk::{self, Treatment};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// All of it, as sops writes it.
    Anew(Style),
    /// Only what changed; every other byte stays. Formats that cannot be changed in place are written anew.
    InPlace,
}

/// What is done about the MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacCheck {
    /// A file whose MAC does not fit is not shown.
    Enforce,
    /// The MAC is not looked at.
    DangerousIgnore,
}

/// A file that is not encrypted.
pub struct PlainFile {
    pub(crate) store: &'static dyn Store,
    /// Empty if it was not read as a text of its own.
    pub(crate) source: SecretBytes,
    /// True if the places in the document are those of another text than the source.
    pub(crate) displaced: bool,
    /// What it says.
    pub document: Document,
}

/// A file that is encrypted.
pub struct EncryptedFile {
    pub(crate) store: &'static dyn Store,
    pub(crate) source: SecretBytes,
    pub(crate) content: Content,
    /// What goes from the source when the metadata goes.
    pub(crate) cut: Vec<Edit>,
    /// What remembers its ciphertexts.
    stash: Stash,
    /// What it says about its encryption; it may be changed, and [`EncryptedFile::rewrite`] writes that.
    pub metadata: Metadata,
}

/// What was read of an encrypted file.
pub(crate) enum Content {
    /// No more than its format needs: the tree is read when it is asked for.
    Outline(Outline),
    /// All of it, without the metadata.
    Tree(Document),
}

/// A file that was decrypted, and whose MAC was looked at.
pub struct DecryptedFile {
    /// The content.
    pub plain: PlainFile,
    /// What the file says about its encryption.
    pub metadata: Metadata,
    /// The ciphertexts that it had.
    pub stash: Stash,
    /// The number of comments that do not decrypt: they are shown as they stand in the file.
    pub lost_comments: usize,
}

/// With what a file is encrypted.
#[derive(Debug)]
pub struct Lock<'a> {
    /// The key of its values.
    pub key: &'a DataKey,
    /// Wrapped keys and rules; time and MAC are set.
    pub metadata: Metadata,
    /// The time, as RFC 3339 in whole seconds and UTC.
    pub now: String,
    /// Ciphertexts that values keep which did not change; empty for a new data key.
    pub stash: Stash,
}

impl fmt::Debug for PlainFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlainFile({})", self.store.name())
    }
}

impl fmt::Debug for EncryptedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptedFile({})", self.store.name())
    }
}

impl fmt::Debug for DecryptedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecryptedFile({})", self.plain.store.name())
    }
}

impl PlainFile {
    /// Reads a file that is to be encrypted.
    ///
    /// # Errors
    /// Malformed; Empty; `AlreadyEncrypted` if it has metadata or uses its name.
    pub fn parse(store: &'static dyn Store, source: SecretBytes) -> Result<Self> {
        // EXPOSE: the file is parsed.
        let document = store.parse(source.expose())?;
        // A document without members is one: an empty object, an empty dotenv file.
        if document.branches.is_empty() {
            return Err(Error::new(ErrorKind::Empty, format!("encrypt a file in which there is nothing: as {} it is empty", store.name())));
        }
        refuse_reserved(store, &document)?;
        Ok(Self { store, source, displaced: false, document })
    }

    /// Takes over a document that was made or changed; it is written anew.
    #[must_use]
    pub fn of_document(store: &'static dyn Store, document: Document) -> Self {
        Self { store, source: SecretBytes::new(Vec::new()), displaced: false, document }
    }

    /// The format.
    #[must_use]
    pub fn store(&self) -> &'static dyn Store {
        self.store
    }

    /// The bytes that it was read from; empty if it was not.
    #[must_use]
    pub fn source(&self) -> &SecretBytes {
        &self.source
    }

    /// The bytes that it was read from, to keep.
    #[must_use]
    pub fn into_source(self) -> SecretBytes {
        self.source
    }

    /// Writes it in any format, as sops does.
    ///
    /// # Errors
    /// Unencryptable: the format cannot say it.
    pub fn emit(&self, store: &dyn Store, style: Style) -> Result<SecretBytes> {
        store.emit(&self.document, style)
    }

    /// Changes the text at places.
    ///
    /// # Errors
    /// Malformed: what comes of it does not parse.
    pub fn edited(&self, edits: Vec<Edit>) -> Result<Self> {
        // EXPOSE: the text is changed in place.
        let source = apply(self.source.expose(), edits);
        // EXPOSE: and parsed again.
        let document = self.store.parse(source.expose())?;
        Ok(Self { store: self.store, source, displaced: false, document })
    }

    /// Makes sure that the places in the document are those of its source.
    pub(crate) fn placed(self) -> Result<Self> {
        if self.displaced { self.edited(Vec::new()) } else { Ok(self) }
    }

    /// Encrypts all values, and writes the file in the format given.
    ///
    /// # Errors
    /// Unencryptable, with the path; Configuration: the rule does not compile.
    pub fn encrypt(self, lock: Lock<'_>, store: &'static dyn Store, manner: Manner) -> Result<(SecretBytes, Metadata)> {
        let Lock { key, mut metadata, now, mut stash } = lock;
        let cipher = key.cipher();
        let selection = Selection::new(&metadata.rule())?;
        let in_place = manner == Manner::InPlace && !self.source.is_empty() && store.name() == self.store.name();
        let Self { store: own, source, mut document, .. } = if in_place { self.placed()? } else { self };
        let splice = own.splice().filter(|_| in_place);
        // EXPOSE: places in errors, and changes, are of the text.
        let source = source.expose();
        let treatment = Treatment { cipher: &cipher, selection: &selection, only_encrypted: metadata.mac_only_encrypted, source, splice };
        let mut passed = walk::encrypt(&mut document, &treatment, &mut stash)?;
        metadata.mac = write_mac(&cipher, &passed.hash, &now)?;
        metadata.last_modified = now;
        let text = match splice {
            Some(splice) => {
                let block = block(&metadata, own);
                passed.edits.extend(splice.put_metadata(source, &document, &block)?);
                let text = apply(source, passed.edits);
                // A text that no longer says what it should is never given out: it is written anew then.
                if reads_back(own, &text, &mut document, &metadata) { text } else { emit(document, &metadata, store, Style::default())? }
            }
            None => emit(document, &metadata, store, style_of(manner))?,
        };
        Ok((text, metadata))
    }
}

impl EncryptedFile {
    /// Reads an encrypted file.
    ///
    /// # Errors
    /// Malformed; `NotEncrypted`; Metadata.
    pub fn parse(store: &'static dyn Store, source: SecretBytes) -> Result<Self> {
        // EXPOSE: the file is parsed.
        let text = source.expose();
        let outline = store.stream().and_then(|stream| stream.outline(text));
        let mut content = outline.map_or_else(|| store.parse_encrypted(text).map(Content::Tree), |outline| Ok(Content::Outline(outline)))?;
        let (Content::Outline(Outline { document, .. }) | Content::Tree(document)) = &mut content;
        let cut = store.splice().map(|splice| splice.cut_metadata(text, document)).unwrap_or_default();
        let metadata = Metadata::take(document, store)?;
        let metadata = metadata.ok_or_else(|| Error::new(ErrorKind::NotEncrypted, "decrypt a file that is not encrypted: it has no metadata"))?;
        Ok(Self { store, source, content, cut, stash: Stash::default(), metadata })
    }

    /// Reads the tree, if that was not done before.
    fn document(&mut self) -> Result<Document> {
        let Content::Outline(_) = &self.content else {
            let tree = std::mem::replace(&mut self.content, Content::Tree(Document::default()));
            return Ok(if let Content::Tree(document) = tree { document } else { Document::default() });
        };
        // EXPOSE: the file is parsed.
        let mut document = self.store.parse_encrypted(self.source.expose())?;
        Metadata::take(&mut document, self.store)?;
        Ok(document)
    }

    /// The format.
    #[must_use]
    pub fn store(&self) -> &'static dyn Store {
        self.store
    }

    /// Remembers no ciphertexts, which takes time and memory for each: for content that is not encrypted again under this key.
    #[must_use]
    pub fn forgetting(self) -> Self {
        Self { stash: Stash::forgetful(), ..self }
    }

    /// Decrypts all values and verifies the MAC over them before anything is given out. With [`Manner::InPlace`] the content has a
    /// source: the text of the file with values in place of ciphertexts.
    ///
    /// # Errors
    /// Tampered, with the path; `WrongMac`.
    pub fn decrypt(mut self, key: &DataKey, check: MacCheck, manner: Manner) -> Result<DecryptedFile> {
        let mut document = self.document()?;
        let cipher = key.cipher();
        let selection = Selection::new(&self.metadata.rule())?;
        let splice = self.store.splice().filter(|_| manner == Manner::InPlace);
        // EXPOSE: places in errors, and changes, are of the text.
        let source = self.source.expose();
        let only_encrypted = self.metadata.mac_only_encrypted;
        let treatment = Treatment { cipher: &cipher, selection: &selection, only_encrypted, source, splice };
        let mut passed = walk::decrypt(&mut document, &treatment, &mut self.stash)?;
        if check == MacCheck::Enforce {
            verify_mac(&cipher, &passed.hash, &self.metadata)?;
        }
        let text = match (splice, manner) {
            (Some(_), _) => {
                passed.edits.extend(self.cut);
                let text = apply(source, passed.edits);
                // EXPOSE: the text is read again, as in `encrypt`.
                let written = text.expose();
                let is_same = |again: Document| same_values(&again, &document);
                let same = self.store.surely_says(written, &document) || self.store.parse(written).is_ok_and(is_same);
                if same { text } else { self.store.emit(&document, Style::default())? }
            }
            (None, Manner::InPlace) => self.store.emit(&document, Style::default())?,
            (None, Manner::Anew(_)) => SecretBytes::new(Vec::new()),
        };
        let plain = PlainFile { store: self.store, source: text, displaced: true, document };
        Ok(DecryptedFile { plain, metadata: self.metadata, stash: self.stash, lost_comments: passed.lost_comments })
    }

    /// Writes the file with the metadata as it is now; values stay as they are.
    ///
    /// # Errors
    /// Unencryptable: the format cannot say it.
    pub fn rewrite(mut self, store: &'static dyn Store, manner: Manner) -> Result<SecretBytes> {
        let splice = self.store.splice().filter(|_| manner == Manner::InPlace && store.name() == self.store.name());
        let Some(splice) = splice else { return emit(self.document()?, &self.metadata, store, style_of(manner)) };
        // EXPOSE: the text is changed in place.
        let source = self.source.expose();
        let block = block(&self.metadata, self.store);
        let document = self.store.parse_encrypted(source)?;
        Ok(apply(source, splice.put_metadata(source, &document, &block)?))
    }
}

/// Refuses to encrypt what has metadata, or uses its name.
pub(crate) fn refuse_reserved(store: &dyn Store, document: &Document) -> Result<()> {
    if store.reserves_names() && document.branches.iter().any(|branch| is_reserved(branch, store.layout())) {
        return Err(Error::new(ErrorKind::AlreadyEncrypted, "encrypt a file that is encrypted already, or uses the name of the metadata"));
    }
    Ok(())
}

/// The metadata as a mapping, laid out as a format has it.
pub(crate) fn block(metadata: &Metadata, store: &dyn Store) -> Map {
    Map { members: metadata.pairs(store.layout()).into_iter().map(Member::Pair).collect(), ..Map::default() }
}

/// True if a mapping uses a name that belongs to the metadata.
fn is_reserved(branch: &Map, layout: MetadataLayout) -> bool {
    let prefix = format!("{METADATA_KEY}_");
    branch.pairs().any(|pair| match layout {
        MetadataLayout::Prefixed => pair.key.starts_with(&prefix),
        MetadataLayout::Nested | MetadataLayout::Section => pair.key == METADATA_KEY,
    })
}

fn style_of(manner: Manner) -> Style {
    match manner {
        Manner::Anew(style) => style,
        Manner::InPlace => Style::default(),
    }
}

/// True if a text says what a document and its metadata say. The document is what it was before.
fn reads_back(store: &dyn Store, text: &SecretBytes, document: &mut Document, metadata: &Metadata) -> bool {
    // EXPOSE: the text is read again.
    let text = text.expose();
    if store.layout() == MetadataLayout::Nested {
        let before: Vec<usize> = document.branches.iter().map(|branch| branch.members.len()).collect();
        add_metadata(document, metadata, store);
        let same = store.surely_says(text, document);
        document.branches.iter_mut().zip(before).for_each(|(branch, length)| branch.members.truncate(length));
        if same {
            return true;
        }
    }
    let again = store.parse_encrypted(text).and_then(|mut again| Metadata::take(&mut again, store).map(|read| (again, read)));
    matches!(again, Ok((again, Some(read))) if read.mac == metadata.mac && same_values(&again, document))
}

fn add_metadata(document: &mut Document, metadata: &Metadata, store: &dyn Store) {
    for branch in &mut document.branches {
        branch.members.extend(metadata.pairs(store.layout()).into_iter().map(Member::Pair));
    }
}

fn emit(mut document: Document, metadata: &Metadata, store: &dyn Store, style: Style) -> Result<SecretBytes> {
    if document.branches.iter().any(|branch| is_reserved(branch, store.layout())) {
        return Err(Error::new(ErrorKind::Unwritable, "write a file that uses the name of the metadata"));
    }
    add_metadata(&mut document, metadata, store);
    store.emit_encrypted(&document, style).map_err(|error| error.of_kind(ErrorKind::Unwritable))
}

/// Carries edits out; those of the same place in the order in which they come.
fn apply(source: &[u8], edits: Vec<Edit>) -> SecretBytes {
    apply_after(Vec::new(), 0, source, edits)
}

/// The same where all before a byte of the source is written already.
pub(crate) fn apply_after(mut text: Vec<u8>, mut at: usize, source: &[u8], mut edits: Vec<Edit>) -> SecretBytes {
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    text.reserve_exact(source.len() - at + added);
    for edit in &edits {
        // Edits never overlap; if a format made two that do, the later one is left out rather than a byte twice.
        if edit.start < at || edit.end < edit.start || edit.end > source.len() {
            continue;
        }
        text.extend_from_slice(&source[at..edit.start]);
        // EXPOSE: the text of the edit becomes part of the file.
        text.extend_from_slice(edit.text.expose());
        at = edit.end;
    }
    text.extend_from_slice(&source[at..]);
    // A file without a line break at its end has none afterwards, whatever was added there, so that it can come back as it was.
    if !source.ends_with(b"\n") && !source.is_empty() && text.ends_with(b"\n") {
        text.truncate(text.len() - if text.ends_with(b"\r\n") { 2 } else { 1 });
    }
    SecretBytes::new(text)
}

pub(crate) fn write_mac(cipher: &ValueCipher, hash: &str, now: &str) -> Result<String> {
    let encrypted = cipher.encrypt(&mut Nonces::default(), hash.as_bytes(), now.as_bytes());
    let encrypted = encrypted.map_err(|error| Error::new(ErrorKind::Internal, format!("encrypt the MAC: {error}")))?;
    Ok(String::from_utf8_lossy(&leaf::write(&encrypted, Kind::Text)).into_owned())
}

pub(crate) fn verify_mac(cipher: &ValueCipher, hash: &str, metadata: &Metadata) -> Result<()> {
    let wrong = |what: &str| Error::new(ErrorKind::WrongMac, format!("trust the values: {what}"));
    if metadata.mac.is_empty() {
        return Err(wrong("the file has no MAC"));
    }
    let unreadable = || wrong("the MAC does not decrypt: it, or `lastmodified`, was changed");
    let (encrypted, kind) = leaf::read(metadata.mac.as_bytes()).map_err(|_| unreadable())?;
    let opened = cipher.decrypt(encrypted, metadata.last_modified.as_bytes()).map_err(|_| unreadable())?;
    match leaf::plain(kind, opened) {
        Ok(Plain::Value(Value::Text(stored))) if stored.ct_eq(&SecretBytes::new(hash.as_bytes().to_vec())) => Ok(()),
        _ => Err(wrong("the MAC does not fit: a value was removed, added, moved or changed without the key")),
    }
}
