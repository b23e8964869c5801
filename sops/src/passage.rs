//! Whole texts that are encrypted and decrypted without a tree, in formats that can do without.

use keys::{DataKey, SecretBytes};
use zeroize::Zeroizing;

use crate::error::Result;
use crate::file::{self, Content, EncryptedFile, Lock, MacCheck, Manner, PlainFile};
use crate::metadata::Metadata;
use crate::rules::Selection;
use crate::store::{Edit, Outline, Splice, Store, Stream};
use crate::walk::{Direction, Treatment, Way};

/// A file that is to be encrypted as it stands: nobody looks into it, so that it may need no tree.
#[derive(Debug)]
pub struct PlainText(Text);

#[derive(Debug)]
enum Text {
    Outlined { store: &'static dyn Store, source: SecretBytes, outline: Outline },
    Tree(PlainFile),
}

/// The text of a file that was decrypted, and whose MAC was looked at.
#[derive(Debug)]
pub struct DecryptedText {
    /// Values in place of ciphertexts, and every other byte as it was.
    pub text: SecretBytes,
    /// As in [`crate::DecryptedFile`].
    pub lost_comments: usize,
}

impl From<PlainFile> for PlainText {
    fn from(file: PlainFile) -> Self {
        Self(Text::Tree(file))
    }
}

impl PlainText {
    /// Reads a file that is to be encrypted.
    ///
    /// # Errors
    /// As [`PlainFile::parse`].
    pub fn parse(store: &'static dyn Store, source: SecretBytes) -> Result<Self> {
        // EXPOSE: the file is parsed.
        let outline = store.stream().and_then(|stream| stream.outline(source.expose()));
        let Some(outline) = outline else { return PlainFile::parse(store, source).map(Self::from) };
        file::refuse_reserved(store, &outline.document)?;
        Ok(Self(Text::Outlined { store, source, outline }))
    }

    /// The format.
    #[must_use]
    pub fn store(&self) -> &'static dyn Store {
        match &self.0 {
            Text::Outlined { store, .. } => *store,
            Text::Tree(file) => file.store(),
        }
    }

    /// Encrypts all values, and writes the file in the format given.
    ///
    /// # Errors
    /// As [`PlainFile::encrypt`].
    pub fn encrypt(self, lock: Lock<'_>, store: &'static dyn Store, manner: Manner) -> Result<(SecretBytes, Metadata)> {
        match self.0 {
            Text::Tree(file) => file.encrypt(lock, store, manner),
            Text::Outlined { store: own, source, outline } => {
                if manner == Manner::InPlace && store.name() == own.name() && lock.stash.is_empty() {
                    // EXPOSE: the text is encrypted.
                    if let Some(done) = encrypted(own, source.expose(), &outline, &lock)? {
                        return Ok(done);
                    }
                }
                PlainFile::parse(own, source)?.encrypt(lock, store, manner)
            }
        }
    }
}

impl EncryptedFile {
    /// Decrypts all values as [`EncryptedFile::decrypt`] does in place, for who wants nothing but the text.
    ///
    /// # Errors
    /// As [`EncryptedFile::decrypt`].
    pub fn decrypt_text(self, key: &DataKey, check: MacCheck) -> Result<DecryptedText> {
        if let Some(text) = decrypted(&self, key, check)? {
            return Ok(DecryptedText { text, lost_comments: 0 });
        }
        let file = self.forgetting().decrypt(key, check, Manner::InPlace)?;
        Ok(DecryptedText { text: file.plain.into_source(), lost_comments: file.lost_comments })
    }
}

/// `None` if the tree has to do it.
fn encrypted(store: &dyn Store, source: &[u8], outline: &Outline, lock: &Lock<'_>) -> Result<Option<(SecretBytes, Metadata)>> {
    let Some((stream, splice)) = means(store) else { return Ok(None) };
    let (cipher, selection) = (lock.key.cipher(), Selection::new(&lock.metadata.rule())?);
    let treatment = Treatment { cipher: &cipher, selection: &selection, only_encrypted: lock.metadata.mac_only_encrypted, source, splice: None };
    let mut way = Way::new(&treatment, Direction::Encrypt);
    let Some(passage) = stream.pass(source, outline, &mut way) else { return Ok(None) };
    let mut metadata = lock.metadata.clone();
    metadata.mac = file::write_mac(&cipher, &way.finish(), &lock.now)?;
    metadata.last_modified.clone_from(&lock.now);
    let block = file::block(&metadata, store);
    let Some(text) = behind(passage.text, passage.end, source, splice.put_metadata(source, &outline.document, &block)?) else { return Ok(None) };
    let node = block.pairs().next().map(|pair| &pair.value);
    // EXPOSE: the text is read again, and given out only if it says what it should.
    let says = stream.says_again(source, text.expose(), &passage.places, node);
    Ok(says.then_some((text, metadata)))
}

/// `None` if the tree has to do it, or to say what is wrong.
fn decrypted(encrypted: &EncryptedFile, key: &DataKey, check: MacCheck) -> Result<Option<SecretBytes>> {
    let Content::Outline(outline) = &encrypted.content else { return Ok(None) };
    let Some((stream, _)) = means(encrypted.store) else { return Ok(None) };
    // EXPOSE: ciphertext, and what is not encrypted.
    let source = encrypted.source.expose();
    let metadata = &encrypted.metadata;
    let (cipher, selection) = (key.cipher(), Selection::new(&metadata.rule())?);
    let treatment = Treatment { cipher: &cipher, selection: &selection, only_encrypted: metadata.mac_only_encrypted, source, splice: None };
    let mut way = Way::new(&treatment, Direction::Decrypt);
    let Some(passage) = stream.pass(source, outline, &mut way) else { return Ok(None) };
    if check == MacCheck::Enforce {
        file::verify_mac(&cipher, &way.finish(), metadata)?;
    }
    let Some(text) = behind(passage.text, passage.end, source, encrypted.cut.iter().map(Edit::duplicate).collect()) else { return Ok(None) };
    // EXPOSE: as in `encrypted`.
    let says = stream.says_again(source, text.expose(), &passage.places, None);
    Ok(says.then_some(text))
}

/// How texts of a format are passed over, and changed where nothing was passed over.
fn means(store: &dyn Store) -> Option<(&dyn Stream, &dyn Splice)> {
    store.stream().zip(store.splice())
}

/// Puts what follows the last value that changed behind it. `None` if something is to change before.
fn behind(mut text: Zeroizing<Vec<u8>>, end: usize, source: &[u8], edits: Vec<Edit>) -> Option<SecretBytes> {
    edits.iter().all(|edit| edit.start >= end).then(|| file::apply_after(std::mem::take(&mut text), end, source, edits))
}

#[cfg(test)]
pub(crate) mod tests;
