//! INI: sections of keys, all of whose values are texts.
//!
//! A tree has a mapping for each section, the default one first though it has no header. A comment of a section is its first member; a comment of a
//! key comes behind it in the tree, and above it in the file.

use keys::SecretBytes;

use super::json;
use crate::document::{Comment, Document, Leaf, Map, Member, Node, Pair, Span, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::METADATA_KEY;
use crate::scalar::{flat_text, is_faithful};
use crate::store::{MetadataLayout, Splice, Store, Style};

mod read;
mod splice;
#[cfg(test)]
mod tests;
mod write;

use read::Note;

/// Files of INI.
pub(super) struct Ini;

impl Store for Ini {
    fn name(&self) -> &'static str {
        "ini"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &[".ini"]
    }

    fn layout(&self) -> MetadataLayout {
        MetadataLayout::Section
    }

    fn parse(&self, source: &[u8]) -> Result<Document> {
        let members = read::file(source)?.sections.into_iter().map(section).collect();
        Ok(Document { branches: vec![Map { members, span: Span::new(0, source.len()) }], ..Document::default() })
    }

    fn emit(&self, document: &Document, _: Style) -> Result<SecretBytes> {
        write::sections(&document.branches).map(SecretBytes::new)
    }

    /// Line breaks in values of the metadata are written as `\n`; the metadata of older files has them inside of triple quotes.
    fn parse_encrypted(&self, source: &[u8]) -> Result<Document> {
        let mut document = self.parse(source)?;
        for branch in &mut document.branches {
            change_metadata(branch, |text| joined(text, b"\\n", b"\n"));
        }
        Ok(document)
    }

    /// Refuses what sops writes into a file whose MAC it then rejects: what is not read back as it was.
    fn emit_encrypted(&self, document: &Document, _: Style) -> Result<SecretBytes> {
        let escaped = document.branches.iter().map(with_escaped_metadata).collect::<Result<Vec<_>>>()?;
        let text = write::sections(&escaped)?;
        reads_back(&escaped, &text)?;
        Ok(SecretBytes::new(text))
    }

    fn emit_value(&self, node: &Node, style: Style) -> Result<SecretBytes> {
        match node {
            Node::Leaf(Leaf { value: Value::Text(text), .. }) => Ok(text.duplicate()),
            Node::Leaf(_) | Node::List(_) => json::emit_value(node, style),
            Node::Map(map) => write::sections(std::slice::from_ref(map)).map(SecretBytes::new),
        }
    }

    fn splice(&self) -> Option<&dyn Splice> {
        Some(self)
    }
}

fn section(section: read::Section) -> Member {
    let mut members: Vec<Member> = comment(&section.comment).into_iter().collect();
    for key in section.keys {
        let comment = comment(&key.comment);
        let leaf = Leaf { value: Value::Text(SecretBytes::new(key.value)), span: key.place };
        members.push(Member::Pair(Pair { key: key.name, value: Node::Leaf(leaf), span: key.span }));
        members.extend(comment);
    }
    Member::Pair(Pair { key: section.name, value: Node::Map(Map { members, span: section.body }), span: section.span })
}

/// Its place is that of the lines above; [`Splice::comment_edits`] finds what stands behind the value.
fn comment(note: &Note) -> Option<Member> {
    let (said, skipped) = note.said()?;
    let (start, end) = match (note.above.first(), note.above.last(), note.behind) {
        (Some(first), Some(last), _) => (first.range().start, last.range().end),
        (_, _, behind) => (behind?.range().start, behind?.range().end),
    };
    let span = Span::new((start + skipped).min(end), end);
    Some(Member::Comment(Comment { text: SecretBytes::new(said.to_vec()), inline: false, span }))
}

/// Replaces one text by another everywhere.
fn joined(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, from) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        out.extend_from_slice(to);
        rest = rest.get(at + from.len()..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

/// Changes every text of the metadata.
fn change_metadata(branch: &mut Map, change: impl Fn(&[u8]) -> Vec<u8>) {
    let Some(Node::Map(section)) = branch.get_mut(METADATA_KEY) else { return };
    for member in &mut section.members {
        if let Member::Pair(Pair { value: Node::Leaf(Leaf { value: Value::Text(text), .. }), .. }) = member {
            // EXPOSE: metadata is no secret.
            *text = SecretBytes::new(change(text.expose()));
        }
    }
}

/// Copies the tree as far as INI has it, with line breaks of the metadata escaped.
fn with_escaped_metadata(branch: &Map) -> Result<Map> {
    let mut copy = Map::default();
    for pair in branch.pairs() {
        let Node::Map(section) = &pair.value else {
            return Err(Error::new(ErrorKind::Unencryptable, "write as INI a value outside of a section").on(format!("[\"{}\"]", pair.key)));
        };
        let members = section.members.iter().map(|member| copied(member, &pair.key)).collect::<Result<_>>()?;
        copy.members.push(Member::Pair(Pair::new(pair.key.as_str(), Node::Map(Map { members, ..Map::default() }))));
    }
    change_metadata(&mut copy, |text| joined(text, b"\n", b"\\n"));
    Ok(copy)
}

fn copied(member: &Member, section: &str) -> Result<Member> {
    match member {
        Member::Comment(comment) => Ok(Member::Comment(Comment { text: comment.text.duplicate(), inline: comment.inline, span: Span::default() })),
        Member::Pair(Pair { key, value: Node::Leaf(leaf), .. }) if is_faithful(&leaf.value) => {
            Ok(Member::Pair(Pair::new(key.as_str(), Node::text(flat_text(&leaf.value)))))
        }
        Member::Pair(pair) => {
            let what = "write as INI a mapping or a list inside of a section, or an unencrypted value that comes back as another one";
            Err(Error::new(ErrorKind::Unencryptable, what).on(format!("[\"{section}\"][\"{}\"]", pair.key)))
        }
    }
}

/// Reads the text that was written, and compares.
fn reads_back(branches: &[Map], text: &[u8]) -> Result<()> {
    let refused = |path: String| Err(Error::new(ErrorKind::Unencryptable, "write as INI what its quotes cannot hold").on(path));
    let Ok(file) = read::file(text) else { return refused(String::new()) };
    let mut sections = file.sections.iter().peekable();
    let mut expected = branches.iter().flat_map(Map::pairs).peekable();
    // The default section is read from every file.
    if expected.peek().is_none_or(|pair| pair.key != read::DEFAULT_SECTION) && sections.peek().is_some_and(|section| section.keys.is_empty()) {
        sections.next();
    }
    for pair in expected {
        let Node::Map(map) = &pair.value else { continue };
        let Some(section) = sections.next().filter(|section| section.name == pair.key) else { return refused(format!("[\"{}\"]", pair.key)) };
        let mut keys = section.keys.iter();
        for expected in map.pairs() {
            let same = keys.next().is_some_and(|key| key.name == expected.key && is_text(&expected.value, &key.value));
            if !same {
                return refused(format!("[\"{}\"][\"{}\"]", pair.key, expected.key));
            }
        }
        if keys.next().is_some() {
            return refused(format!("[\"{}\"]", pair.key));
        }
    }
    if sections.next().is_some() { refused(String::new()) } else { Ok(()) }
}

fn is_text(node: &Node, text: &[u8]) -> bool {
    // EXPOSE: what was read is compared with what was written.
    matches!(node, Node::Leaf(Leaf { value: Value::Text(expected), .. }) if expected.expose() == text)
}
