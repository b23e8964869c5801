//! Changes single places of TOML.

use keys::SecretBytes;

use super::Toml;
use super::write::{self, key};
use crate::document::{Document, Element, List, Map, Node, Pair, Span, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::METADATA_KEY;
use crate::store::{Edit, Splice};

impl Splice for Toml {
    fn scalar(&self, source: &[u8], span: Span, value: &Value) -> Result<Edit> {
        self.value(source, span, &Node::leaf(super::copied(value)))
    }

    fn comment(&self, _: &[u8], span: Span, text: &SecretBytes) -> Result<Edit> {
        Ok(edit(span.range().start, span.range().end, write::comment(text)?))
    }

    fn value(&self, source: &[u8], span: Span, node: &Node) -> Result<Edit> {
        if span.is_unknown() || is_headed(source, span) {
            return Err(Error::new(ErrorKind::Unencryptable, "write a value in place of tables of TOML that have headers"));
        }
        Ok(Edit { start: span.range().start, end: span.range().end, text: write::inline(node)? })
    }

    fn insert(&self, source: &[u8], map: &Map, name: &str, node: &Node) -> Result<Edit> {
        // EXPOSE: the value becomes part of a line.
        let line = [key(name).as_bytes(), b" = ", write::inline(node)?.expose()].concat();
        let last = map.pairs().map(|pair| pair.span).filter(|span| !span.is_unknown() && !is_headed(source, *span)).max_by_key(|span| span.start);
        if source.get(map.span.range().start) == Some(&b'{') {
            let Some(last) = last else {
                return Ok(edit(map.span.range().start + 1, map.span.range().end - 1, [b" ", line.as_slice(), b" "].concat()));
            };
            let at = last.range().end;
            return Ok(edit(at, at, [b", ", line.as_slice()].concat()));
        }
        if let Some(last) = last {
            let prefix = source.get(line_start(source, last.range().start)..last.range().start).unwrap_or_default();
            let at = line_end(source, last.range().end);
            return Ok(edit(at, at, [b"\n", prefix, &line].concat()));
        }
        if map.span.is_unknown() && map.pairs().any(|pair| pair.span.is_unknown()) {
            return Err(Error::new(ErrorKind::Unencryptable, "add a key to a table of TOML that has no header of its own"));
        }
        if map.span.is_unknown() {
            return Ok(edit(0, 0, [line.as_slice(), if source.is_empty() { b"\n" } else { b"\n\n" }].concat()));
        }
        let at = line_end(source, map.span.range().start);
        Ok(edit(at, at, [b"\n", line.as_slice()].concat()))
    }

    fn append(&self, source: &[u8], list: &List, node: &Node) -> Result<Edit> {
        if list.span.is_unknown() {
            return Err(Error::new(ErrorKind::Unencryptable, "add a value to a list of tables of TOML"));
        }
        let text = write::inline(node)?;
        // EXPOSE: the value becomes part of a list.
        let text = text.expose();
        let spans: Vec<Span> =
            list.elements.iter().filter_map(|element| if let Element::Node(node) = element { Some(node.span()) } else { None }).collect();
        let Some(last) = spans.last().map(|span| span.range()) else {
            let at = list.span.range().end.saturating_sub(1);
            let before: &[u8] = if source.get(..at).is_some_and(|before| before.ends_with(b"[")) { b"" } else { b"\n" };
            return Ok(edit(at, at, [before, text].concat()));
        };
        let indent = source.get(line_start(source, last.start)..last.start).unwrap_or_default();
        let gap: Vec<u8> = if indent.trim_ascii().is_empty() { [b"\n", indent].concat() } else { b" ".to_vec() };
        Ok(edit(last.end, last.end, [b",", gap.as_slice(), text].concat()))
    }

    /// A comma may be left over at the end of a list, where TOML allows it.
    fn comment_for(&self, source: &[u8], span: Span, _: Span, _: &SecretBytes) -> Result<Edit> {
        let std::ops::Range { start, end } = span.range();
        let next = end + space(source, end);
        let end = if source.get(next) == Some(&b',') { next + 1 + space(source, next + 1) } else { end };
        Ok(edit(start, end, Vec::new()))
    }

    fn remove(&self, source: &[u8], span: Span, among: Span) -> Edit {
        let std::ops::Range { start, end } = span.range();
        let inline = matches!(source.get(among.range().start), Some(b'[' | b'{')) && among.range().start < start && end < among.range().end;
        if !inline {
            let end = line_end(source, end);
            return edit(line_start(source, start), end + usize::from(source.get(end) == Some(&b'\n')), Vec::new());
        }
        let next = end + space(source, end);
        if source.get(next) == Some(&b',') {
            return edit(start, next + 1 + space(source, next + 1), Vec::new());
        }
        let before = source.get(..start).unwrap_or_default().trim_ascii_end();
        match before.strip_suffix(b",") {
            Some(before) => edit(before.trim_ascii_end().len(), end, Vec::new()),
            None => edit(start, end, Vec::new()),
        }
    }

    fn put_metadata(&self, source: &[u8], document: &Document, metadata: &Map) -> Result<Vec<Edit>> {
        let Some(Node::Map(block)) = metadata.get(METADATA_KEY) else { return Ok(Vec::new()) };
        let mut edits = self.cut_metadata(source, document);
        if edits.is_empty() && document.branches.iter().any(|branch| branch.get(METADATA_KEY).is_some()) {
            return Err(Error::new(ErrorKind::Metadata, "write the metadata: its tables are scattered over the file"));
        }
        let mut text = match source {
            [] => Vec::new(),
            [.., b'\n'] => b"\n".to_vec(),
            _ => b"\n\n".to_vec(),
        };
        text.extend(write::metadata(block)?);
        edits.push(edit(source.len(), source.len(), text));
        Ok(edits)
    }

    fn cut_metadata(&self, source: &[u8], document: &Document) -> Vec<Edit> {
        let pairs = document.branches.iter().flat_map(Map::pairs).filter(|pair| pair.key == METADATA_KEY && !pair.span.is_unknown());
        let cut = |pair: &Pair| {
            let mut cut = self.remove(source, pair.span, Span::default());
            // The blank line above came with it.
            if source.get(..cut.start).is_some_and(|before| before.ends_with(b"\n\n")) {
                cut.start -= 1;
            }
            cut
        };
        pairs.map(cut).collect()
    }
}

/// True for the place of a table with a header: it starts with the name in it.
fn is_headed(source: &[u8], span: Span) -> bool {
    let start = span.range().start;
    let before = source.get(line_start(source, start)..start).unwrap_or_default().trim_ascii_start();
    before.starts_with(b"[")
}

fn edit(start: usize, end: usize, text: Vec<u8>) -> Edit {
    Edit { start, end, text: SecretBytes::new(text) }
}

fn line_start(source: &[u8], at: usize) -> usize {
    source.get(..at).and_then(|before| memchr::memrchr(b'\n', before)).map_or(0, |end| end + 1)
}

/// The end of a line, without what ends it.
fn line_end(source: &[u8], at: usize) -> usize {
    let rest = source.get(at..).unwrap_or_default();
    at + memchr::memchr(b'\n', rest).unwrap_or(rest.len())
}

fn space(source: &[u8], at: usize) -> usize {
    source.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count())
}
