//! Changes single places of INI.

use keys::SecretBytes;

use super::read::{self, comment_in_item, trim, trim_end, trim_start, value_alone};
use super::write::{self, quoted_name};
use super::{Ini, with_escaped_metadata};
use crate::document::{Document, List, Map, Member, Node, Pair, Span, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::METADATA_KEY;
use crate::scalar::flat_text;
use crate::store::{Edit, Splice};

impl Splice for Ini {
    fn scalar(&self, source: &[u8], span: Span, value: &Value) -> Result<Edit> {
        let std::ops::Range { start, end } = span.range();
        let rest = source.get(end..).unwrap_or_default();
        let tail = rest.get(..memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1)).unwrap_or_default();
        let commented = value_alone(source.get(start..end + tail.len()).unwrap_or_default()).is_some_and(|found| found.comment.is_some());
        let text = quoted(&flat_text(value), tail, commented)?;
        Ok(edit(start, end, text))
    }

    fn comment(&self, source: &[u8], span: Span, text: &SecretBytes) -> Result<Edit> {
        // EXPOSE: the comment is written.
        let text = text.expose();
        if is_behind(source, span) && memchr::memchr(b'\n', text).is_some() {
            return Err(Error::new(ErrorKind::Unencryptable, "write as INI a comment of several lines behind a value"));
        }
        Ok(edit(span.range().start, span.range().end, lines_with_markers(text)))
    }

    /// What stands behind the value joins what stands above it, as sops does it.
    fn comment_edits(&self, source: &[u8], span: Span, text: &SecretBytes) -> Result<Vec<Edit>> {
        if is_behind(source, span) {
            return behind_something(source, span, text);
        }
        let mut edits = vec![self.comment(source, span, text)?];
        let rest = source.get(span.range().end..).unwrap_or_default();
        let next = source.len() - trim_start(rest).len();
        if let Some(behind) = comment_in_item(source, next) {
            let before = trim_end(source.get(..behind.range().start).unwrap_or_default());
            edits.push(edit(before.len(), behind.range().end, Vec::new()));
        }
        Ok(edits)
    }

    fn value(&self, source: &[u8], span: Span, node: &Node) -> Result<Edit> {
        match node {
            Node::Leaf(leaf) => self.scalar(source, span, &leaf.value),
            Node::Map(map) => {
                let mut text = b"\n".to_vec();
                text.extend(section_lines(map)?);
                text.pop();
                Ok(edit(span.range().start, span.range().end, text))
            }
            Node::List(_) => Err(no_list()),
        }
    }

    fn insert(&self, source: &[u8], map: &Map, key: &str, node: &Node) -> Result<Edit> {
        let at = map.span.range().end;
        let (before, after) = if at == 0 || source.get(..at).is_some_and(|text| text.ends_with(b"\xbf")) { ("", "\n") } else { ("\n", "") };
        let text = match node {
            Node::Map(section) => {
                let mut text = header(source, key)?;
                text.extend(section_lines(section)?);
                return Ok(edit(source.len(), source.len(), text));
            }
            Node::Leaf(leaf) => [name(key)?, delimiter(source, map).to_vec(), quoted(&flat_text(&leaf.value), b"", false)?].concat(),
            Node::List(_) => return Err(no_list()),
        };
        Ok(edit(at, at, [before.as_bytes(), &text, after.as_bytes()].concat()))
    }

    fn append(&self, _: &[u8], _: &List, _: &Node) -> Result<Edit> {
        Err(no_list())
    }

    fn remove(&self, source: &[u8], span: Span, _: Span) -> Edit {
        let std::ops::Range { start, end } = span.range();
        let line = source.get(..start).and_then(|before| memchr::memrchr(b'\n', before)).map_or(0, |at| at + 1);
        let start = if trim(source.get(line..start).unwrap_or_default()).is_empty() { line } else { start };
        let rest = source.get(end..).unwrap_or_default();
        edit(start, end + memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1), Vec::new())
    }

    fn put_metadata(&self, source: &[u8], document: &Document, metadata: &Map) -> Result<Vec<Edit>> {
        let mut edits = self.cut_metadata(source, document);
        let dropped = read::file(source)?.dropped;
        let is_metadata = |span: &Span| edits.iter().any(|edit| edit.start < span.range().end && span.range().start < edit.end);
        let spare: Vec<Span> = dropped.into_iter().filter(|span| !is_metadata(span)).collect();
        edits.extend(spare.into_iter().map(|span| spare_edit(source, span)));
        let escaped = with_escaped_metadata(metadata)?;
        if let Some(Node::Map(section)) = escaped.get(METADATA_KEY) {
            let mut text = header(source, METADATA_KEY)?;
            text.extend(section_lines(section)?);
            edits.push(edit(source.len(), source.len(), text));
        }
        Ok(edits)
    }

    fn cut_metadata(&self, source: &[u8], document: &Document) -> Vec<Edit> {
        let sections = document.branches.iter().flat_map(Map::pairs).filter(|pair| pair.key == METADATA_KEY);
        let cut = |pair: &Pair| {
            let mut cut = self.remove(source, pair.span, Span::default());
            // The blank line above came with it.
            if source.get(..cut.start).is_some_and(|before| before.ends_with(b"\n\n")) {
                cut.start -= 1;
            }
            cut
        };
        sections.map(cut).collect()
    }
}

fn no_list() -> Error {
    Error::new(ErrorKind::Unencryptable, "write a list as INI, which has none")
}

fn edit(start: usize, end: usize, text: Vec<u8>) -> Edit {
    Edit { start, end, text: SecretBytes::new(text) }
}

/// Cuts out what nobody reads: whole lines if nothing else stands in them.
fn spare_edit(source: &[u8], span: Span) -> Edit {
    let std::ops::Range { start, end } = span.range();
    let before = source.get(..start).unwrap_or_default();
    let line = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let alone = trim(source.get(line..start).unwrap_or_default()).is_empty();
    let rest = source.get(end..).unwrap_or_default();
    let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
    if alone && trim(rest.get(..length).unwrap_or_default()).is_empty() {
        return edit(line, end + length, Vec::new());
    }
    edit(trim_end(before).len().max(line), end, Vec::new())
}

/// Writes a comment that stands behind a value, or behind a header: there it goes above, since its bracket would end the name of the section.
fn behind_something(source: &[u8], span: Span, text: &SecretBytes) -> Result<Vec<Edit>> {
    let std::ops::Range { start, end } = span.range();
    let line = source.get(..start).and_then(|before| memchr::memrchr(b'\n', before)).map_or(0, |at| at + 1);
    let before = source.get(line..start).unwrap_or_default();
    if !trim_start(before).starts_with(b"[") {
        return Ini.comment(source, span, text).map(|edit| vec![edit]);
    }
    if memchr::memchr(b'`', before).is_some() || memchr::memmem::find(before, b"\"\"\"").is_some() {
        // It may be the last line of a value.
        return Err(Error::new(ErrorKind::Unencryptable, "write as INI a comment behind the quotes of a section"));
    }
    let spaces = before.iter().rposition(|byte| !matches!(byte, b'#' | b';' | b' ')).map_or(0, |at| at + 1);
    // EXPOSE: the comment is written.
    let above = [b"; ", lines_with_markers(text.expose()).as_slice(), b"\n"].concat();
    Ok(vec![edit(line, line, above), edit(line + spaces, end, Vec::new())])
}

fn lines_with_markers(text: &[u8]) -> Vec<u8> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let mut out = lines.next().unwrap_or_default().to_vec();
    for line in lines {
        out.push(b'\n');
        if !matches!(trim_start(line).first(), Some(b'#' | b';')) {
            out.extend_from_slice(b"; ");
        }
        out.extend_from_slice(line);
    }
    out
}

/// True if a comment stands behind something in its line.
fn is_behind(source: &[u8], span: Span) -> bool {
    let before = source.get(..span.range().start).unwrap_or_default();
    let line = before.get(memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)..).unwrap_or_default();
    let end = line.iter().rposition(|byte| !matches!(byte, b'#' | b';' | b' ')).map_or(0, |at| at + 1);
    !trim_start(line.get(..end).unwrap_or_default()).is_empty()
}

/// Writes a value so that it is read as it is from before the rest of its line, and what was a comment there stays one.
fn quoted(value: &[u8], tail: &[u8], commented: bool) -> Result<Vec<u8>> {
    for quote in [b"".as_slice(), b"\"", b"'", b"`", b"\"\"\""] {
        let text = [quote, value, quote].concat();
        let line = [text.as_slice(), tail].concat();
        if value_alone(&line).is_some_and(|found| found.value == value && found.comment.is_some() == commented) {
            return Ok(text);
        }
    }
    Err(Error::new(ErrorKind::Unencryptable, "write as INI what no quotes can hold"))
}

fn name(key: &str) -> Result<Vec<u8>> {
    let name = quoted_name(key);
    let line = [name.as_slice(), b"=x\n"].concat();
    let reads_back = read::file(&line).is_ok_and(|file| {
        file.sections.len() == 1
            && file
                .sections
                .iter()
                .flat_map(|section| &section.keys)
                .map(|key| (key.name.as_str(), key.value.as_slice()))
                .eq([(key, b"x".as_slice())])
    });
    if reads_back { Ok(name) } else { Err(Error::new(ErrorKind::Unencryptable, "write as INI the name of a key that it cannot hold")) }
}

/// What the last key of a section has between itself and its value, without the spaces of a column.
fn delimiter<'s>(source: &'s [u8], map: &Map) -> &'s [u8] {
    let Some(Pair { value: Node::Leaf(leaf), span, .. }) = map.pairs().last() else { return b" = " };
    let before = source.get(span.range().start..leaf.span.range().start).unwrap_or_default();
    match before {
        [.., b' ' | b'\t'] | [] => b" = ",
        _ => b"=",
    }
}

/// A header at the end of the file, below a blank line.
fn header(source: &[u8], name: &str) -> Result<Vec<u8>> {
    if name.is_empty() || name.contains(['\n', ']']) {
        return Err(Error::new(ErrorKind::Unencryptable, "write as INI the name of a section that it cannot hold"));
    }
    let before = match source {
        [] => "",
        [.., b'\n'] => "\n",
        _ => "\n\n",
    };
    Ok(format!("{before}[{name}]\n").into_bytes())
}

/// The lines of a section, without its header.
fn section_lines(section: &Map) -> Result<Vec<u8>> {
    const HEADER: &str = "_";
    let members = section.pairs().map(|pair| match &pair.value {
        Node::Leaf(leaf) => Ok(Member::Pair(Pair::new(pair.key.as_str(), Node::text(flat_text(&leaf.value))))),
        _ => Err(no_list()),
    });
    let map = Map { members: members.collect::<Result<_>>()?, ..Map::default() };
    let whole = Map { members: vec![Member::Pair(Pair::new(HEADER, Node::Map(map)))], ..Map::default() };
    let text = write::sections(std::slice::from_ref(&whole))?;
    Ok(text.get(HEADER.len() + "[]\n".len()..).unwrap_or_default().to_vec())
}
