//! Lines of `KEY=value`, taken literally: nothing is quoted, and nothing is trimmed.

use keys::SecretBytes;

use crate::document::{Comment, Document, Leaf, List, Map, Member, Node, Pair, Span, Value};
use crate::error::{Error, ErrorKind, Position, Result};
use crate::metadata::METADATA_KEY;
use crate::scalar::{flat_text, is_faithful};
use crate::store::{Edit, MetadataLayout, Splice, Store, Style};

/// How a line break inside of a value is written, of metadata too.
///
/// *Source*: sops `stores/dotenv/store.go`, v3.13.3.
const LINE_BREAK: &[u8] = b"\\n";

/// Files of environment variables.
pub(super) struct Dotenv;

impl Store for Dotenv {
    fn name(&self) -> &'static str {
        "dotenv"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &[".env"]
    }

    fn layout(&self) -> MetadataLayout {
        MetadataLayout::Prefixed
    }

    fn parse(&self, source: &[u8]) -> Result<Document> {
        let mut members = Vec::new();
        let mut start = 0;
        for line in source.split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                members.push(member(source, line, start)?);
            }
            start += line.len() + 1;
        }
        Ok(Document { branches: vec![Map { members, span: Span::new(0, source.len()) }], ..Document::default() })
    }

    fn emit(&self, document: &Document, _: Style) -> Result<SecretBytes> {
        document.branches.first().map_or_else(|| Ok(SecretBytes::new(Vec::new())), lines)
    }

    /// Refuses what sops writes into a file whose MAC it then rejects: values that do not say in this format what they are.
    fn emit_encrypted(&self, document: &Document, style: Style) -> Result<SecretBytes> {
        for member in document.branches.first().map(|branch| branch.members.as_slice()).unwrap_or_default() {
            match member {
                Member::Comment(comment) => one_line(&comment.text)?,
                Member::Pair(pair) => reads_back(pair)?,
            }
        }
        self.emit(document, style)
    }

    fn emit_value(&self, node: &Node, _: Style) -> Result<SecretBytes> {
        match node {
            Node::Leaf(Leaf { value: Value::Text(text), .. }) => Ok(text.duplicate()),
            Node::Map(map) => lines(map),
            Node::Leaf(_) | Node::List(_) => Err(Error::new(ErrorKind::Unencryptable, "write as dotenv a value that is not a text")),
        }
    }

    fn splice(&self) -> Option<&dyn Splice> {
        Some(self)
    }
}

fn member(source: &[u8], line: &[u8], start: usize) -> Result<Member> {
    let end = start + line.len();
    if line.starts_with(b"#") {
        let text = SecretBytes::new(line.get(1..).unwrap_or_default().to_vec());
        return Ok(Member::Comment(Comment { text, inline: false, span: Span::new(start + 1, end) }));
    }
    let bad = |what: &str| Error::new(ErrorKind::Malformed, format!("read the file as dotenv: {what}")).at(Position::of(source, start));
    let equals = memchr::memchr(b'=', line).ok_or_else(|| bad("a line has no `=`"))?;
    let (key, value) = (line.get(..equals).unwrap_or_default(), line.get(equals + 1..).unwrap_or_default());
    let key = std::str::from_utf8(key).map_err(|_| bad("a key is not UTF-8"))?.to_owned();
    let leaf = Leaf { value: Value::Text(SecretBytes::new(unescaped(value))), span: Span::new(start + equals + 1, end) };
    Ok(Member::Pair(Pair { key, value: Node::Leaf(leaf), span: Span::new(start, end) }))
}

fn unescaped(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr::memmem::find(rest, LINE_BREAK) {
        text.extend_from_slice(rest.get(..at).unwrap_or_default());
        text.push(b'\n');
        rest = rest.get(at + LINE_BREAK.len()..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    text
}

fn escaped(text: &[u8]) -> Vec<u8> {
    text.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(LINE_BREAK)
}

fn value_text(value: &Value) -> Vec<u8> {
    match value {
        // EXPOSE: the value is written.
        Value::Text(text) => escaped(text.expose()),
        value => flat_text(value),
    }
}

fn lines(map: &Map) -> Result<SecretBytes> {
    let mut out = Vec::new();
    for member in &map.members {
        match member {
            Member::Comment(comment) => write_comment(&mut out, &comment.text),
            Member::Pair(pair) => write_pair(&mut out, pair)?,
        }
    }
    Ok(SecretBytes::new(out))
}

fn write_comment(out: &mut Vec<u8>, text: &SecretBytes) {
    out.push(b'#');
    // EXPOSE: the comment is written.
    out.extend_from_slice(text.expose());
    out.push(b'\n');
}

fn write_pair(out: &mut Vec<u8>, pair: &Pair) -> Result<()> {
    let leaf = scalar_of(&pair.key, &pair.value)?;
    out.extend_from_slice(pair.key.as_bytes());
    out.push(b'=');
    out.extend_from_slice(&value_text(&leaf.value));
    out.push(b'\n');
    Ok(())
}

fn scalar_of<'n>(key: &str, node: &'n Node) -> Result<&'n Leaf> {
    match node {
        Node::Leaf(leaf) => Ok(leaf),
        Node::Map(_) | Node::List(_) => {
            Err(Error::new(ErrorKind::Unencryptable, "write as dotenv a mapping or a list, which it does not have").on(format!("[\"{key}\"]")))
        }
    }
}

/// True if the text comes back from a file.
fn survives(value: &Value) -> bool {
    match value {
        // EXPOSE: a backslash before an n would come back as a line break.
        Value::Text(text) => memchr::memmem::find(text.expose(), LINE_BREAK).is_none(),
        value => is_faithful(value),
    }
}

fn reads_back(pair: &Pair) -> Result<()> {
    let refused = |what: &str| Err(Error::new(ErrorKind::Unencryptable, format!("write as dotenv {what}")).on(format!("[\"{}\"]", pair.key)));
    if pair.key.contains(['=', '\n']) || pair.key.starts_with('#') {
        return refused("a key with `=` or a line break, or with `#` at its start");
    }
    let leaf = scalar_of(&pair.key, &pair.value)?;
    if survives(&leaf.value) {
        return Ok(());
    }
    refused(
        "an unencrypted value that comes back as another one: nothing, a truth value, a whole number with a point, a time with fractions of a second, or a backslash before an n",
    )
}

fn one_line(text: &SecretBytes) -> Result<()> {
    // EXPOSE: a line break would end the comment.
    if memchr::memchr(b'\n', text.expose()).is_none() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unencryptable, "write as dotenv a comment of several lines"))
}

impl Splice for Dotenv {
    fn scalar(&self, _: &[u8], span: Span, value: &Value) -> Result<Edit> {
        if !survives(value) && matches!(value, Value::Text(_)) {
            return Err(Error::new(ErrorKind::Unencryptable, "write as dotenv a backslash before an n: it would come back as a line break"));
        }
        Ok(edit(span.range().start, span.range().end, value_text(value)))
    }

    fn comment(&self, _: &[u8], span: Span, text: &SecretBytes) -> Result<Edit> {
        one_line(text)?;
        // EXPOSE: the comment is written.
        Ok(edit(span.range().start, span.range().end, text.expose().to_vec()))
    }

    fn value(&self, source: &[u8], span: Span, node: &Node) -> Result<Edit> {
        self.scalar(source, span, &scalar_of("", node)?.value)
    }

    fn insert(&self, source: &[u8], _: &Map, key: &str, node: &Node) -> Result<Edit> {
        let leaf = scalar_of(key, node)?;
        let pair = Pair::new(key, Node::text(""));
        reads_back(&pair)?;
        let text = self.scalar(source, Span::default(), &leaf.value)?.text;
        // EXPOSE: the value becomes part of a line.
        let line = [key.as_bytes(), b"=", text.expose()].concat();
        Ok(append(source, &[line]))
    }

    fn append(&self, _: &[u8], _: &List, _: &Node) -> Result<Edit> {
        Err(Error::new(ErrorKind::Unencryptable, "add an element to a list in dotenv, which has none"))
    }

    fn remove(&self, source: &[u8], span: Span, _: Span) -> Edit {
        let std::ops::Range { start, end } = span.range();
        edit(start, end + usize::from(source.get(end) == Some(&b'\n')), Vec::new())
    }

    fn put_metadata(&self, source: &[u8], document: &Document, metadata: &Map) -> Result<Vec<Edit>> {
        let mut lines = Vec::new();
        for pair in metadata.pairs() {
            let mut line = Vec::new();
            write_pair(&mut line, pair)?;
            line.pop();
            lines.push(line);
        }
        let mut edits = self.cut_metadata(source, document);
        edits.push(append(source, &lines));
        Ok(edits)
    }

    fn cut_metadata(&self, source: &[u8], document: &Document) -> Vec<Edit> {
        let prefix = format!("{METADATA_KEY}_");
        let pairs = document.branches.iter().flat_map(Map::pairs).filter(|pair| pair.key.starts_with(&prefix));
        pairs.map(|pair| self.remove(source, pair.span, Span::default())).collect()
    }
}

/// Adds lines at the end; a last line without an end gets one.
fn append(source: &[u8], lines: &[Vec<u8>]) -> Edit {
    let mut text = Vec::new();
    if !source.is_empty() && !source.ends_with(b"\n") {
        text.push(b'\n');
    }
    for line in lines {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    edit(source.len(), source.len(), text)
}

fn edit(start: usize, end: usize, text: Vec<u8>) -> Edit {
    Edit { start, end, text: SecretBytes::new(text) }
}

#[cfg(test)]
mod tests;
