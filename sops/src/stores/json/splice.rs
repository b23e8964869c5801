//! Changes single places of JSON, in the style that the source has.

use keys::SecretBytes;

use super::Json;
use super::read::string_end;
use super::write::{Layout, Strictness, Writer};
use crate::document::{Document, Element, List, Map, Member, Node, Pair, Span, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::METADATA_KEY;
use crate::store::{Edit, Splice};

impl Splice for Json {
    fn scalar(&self, _: &[u8], span: Span, value: &Value) -> Result<Edit> {
        let mut writer = Writer::new(Layout::Inline, Strictness::ReadsBack);
        writer.scalar(value)?;
        Ok(replace(span, writer))
    }

    fn comment(&self, _: &[u8], _: Span, _: &SecretBytes) -> Result<Edit> {
        Err(Error::new(ErrorKind::Unencryptable, "write a comment into JSON, which has none"))
    }

    /// Takes the element out. Where comments end a sequence, the edit of the last of them covers them all, so that no comma is left over; the edits
    /// of the others lie within it, and are left out when edits are carried out.
    fn comment_for(&self, source: &[u8], span: Span, among: Span, _: &SecretBytes) -> Result<Edit> {
        let end = span.range().end;
        let next = end + space(source, end);
        if source.get(next) == Some(&b',') {
            let after = next + 1;
            return Ok(cut(span.range().start, after + space(source, after)));
        }
        if let Some(start) = last_value(source, among) {
            return Ok(cut(start, end));
        }
        // It starts before all others, so that it is not the one that is left out.
        Ok(Edit { start: among.range().start, end: among.range().end.saturating_sub(1), text: SecretBytes::new(b"[".to_vec()) })
    }

    fn value(&self, source: &[u8], span: Span, node: &Node) -> Result<Edit> {
        let style = SourceStyle::of(source);
        let base = indentation(source, span.range().start);
        let mut writer = Writer::new(style.layout(base), Strictness::ReadsBack);
        writer.node(node)?;
        Ok(replace(span, writer))
    }

    fn insert(&self, source: &[u8], map: &Map, key: &str, node: &Node) -> Result<Edit> {
        let spans: Vec<Span> = map.pairs().map(|pair| pair.span).collect();
        let separator = map.pairs().last().map_or(b": ".as_slice(), |pair| gap_after_key(source, pair));
        add(source, map.span, &spans, |writer| {
            writer.string(key.as_bytes());
            // Other tools look for the metadata by its bytes.
            writer.raw(if key == METADATA_KEY { b": " } else { separator });
            writer.node(node)
        })
    }

    fn append(&self, source: &[u8], list: &List, node: &Node) -> Result<Edit> {
        let spans: Vec<Span> =
            list.elements.iter().filter_map(|element| if let Element::Node(node) = element { Some(node.span()) } else { None }).collect();
        add(source, list.span, &spans, |writer| writer.node(node))
    }

    fn remove(&self, source: &[u8], span: Span, among: Span) -> Edit {
        let std::ops::Range { start, end } = span.range();
        let next = end + space(source, end);
        if source.get(next) == Some(&b',') {
            return cut(start, next + 1 + space(source, next + 1));
        }
        match source.get(..start).and_then(|before| before.iter().rposition(|byte| !byte.is_ascii_whitespace())) {
            Some(comma) if source.get(comma) == Some(&b',') => {
                let before = source.get(..comma).unwrap_or_default();
                cut(before.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |last| last + 1), end)
            }
            _ => cut(among.range().start + 1, among.range().end.saturating_sub(1)),
        }
    }

    fn put_metadata(&self, source: &[u8], document: &Document, metadata: &Map) -> Result<Vec<Edit>> {
        let (Some(branch), Some(new)) = (document.branches.first(), metadata.get(METADATA_KEY)) else { return Ok(Vec::new()) };
        let edit = match branch.get(METADATA_KEY) {
            Some(old) => self.value(source, old.span(), new)?,
            None => self.insert(source, branch, METADATA_KEY, new)?,
        };
        Ok(vec![edit])
    }

    fn cut_metadata(&self, source: &[u8], document: &Document) -> Vec<Edit> {
        let blocks = |branch: &Map| -> Vec<Edit> {
            branch.pairs().filter(|pair| pair.key == METADATA_KEY).map(|pair| self.remove(source, pair.span, branch.span)).collect()
        };
        document.branches.first().map(blocks).unwrap_or_default()
    }
}

/// How a source is laid out as a whole.
struct SourceStyle<'s> {
    unit: &'s [u8],
    end: &'s [u8],
    inline: bool,
}

impl<'s> SourceStyle<'s> {
    /// The first line below the opening bracket shows it.
    fn of(source: &'s [u8]) -> Self {
        let open = space(source, 0) + 1;
        let gap = source.get(open..open + space(source, open)).unwrap_or_default();
        let Some(at) = memchr::memrchr(b'\n', gap) else {
            let inline = source.get(open..).is_some_and(|rest| rest.iter().any(|byte| !byte.is_ascii_whitespace() && *byte != b'}'));
            return Self { unit: b"\t", end: b"\n", inline };
        };
        let unit = gap.get(at + 1..).unwrap_or_default();
        let end: &[u8] = if gap.contains(&b'\r') { b"\r\n" } else { b"\n" };
        // Of an empty object the line shows nothing.
        let shown = source.get(open + gap.len()) != Some(&b'}');
        Self { unit: if shown { unit } else { b"\t" }, end, inline: false }
    }

    fn layout(&self, base: &'s [u8]) -> Layout<'s> {
        if self.inline { Layout::Inline } else { Layout::Lines { base, unit: self.unit, end: self.end } }
    }
}

/// Adds a member at the end of a container.
fn add(source: &[u8], container: Span, members: &[Span], write: impl FnOnce(&mut Writer<'_>) -> Result<()>) -> Result<Edit> {
    let style = SourceStyle::of(source);
    let Some(last) = members.last().map(|span| span.range()) else {
        return add_first(source, container, &style, write);
    };
    let first = members.first().map_or(last.start, |span| span.range().start);
    let opening = source.get(container.range().start + 1..first).unwrap_or_default();
    // What stands before the last member stands before the new one too.
    let gap = match members.iter().rev().nth(1) {
        Some(before) => {
            let between = source.get(before.range().end..last.start).unwrap_or_default();
            between.get(memchr::memchr(b',', between).map_or(0, |comma| comma + 1)..).unwrap_or_default()
        }
        None if opening.contains(&b'\n') => opening,
        None => b" ",
    };
    let mut writer = match memchr::memrchr(b'\n', gap) {
        Some(at) => Writer::new(style.layout(gap.get(at + 1..).unwrap_or_default()), Strictness::ReadsBack),
        None => Writer::new(Layout::Inline, Strictness::ReadsBack),
    };
    writer.raw(b",");
    writer.raw(gap);
    write(&mut writer)?;
    Ok(Edit { start: last.end, end: last.end, text: writer.finish() })
}

fn add_first(source: &[u8], container: Span, style: &SourceStyle<'_>, write: impl FnOnce(&mut Writer<'_>) -> Result<()>) -> Result<Edit> {
    let base = indentation(source, container.range().start);
    let inner = [base, style.unit].concat();
    let mut writer = Writer::new(style.layout(&inner), Strictness::ReadsBack);
    if !style.inline {
        writer.raw(&[style.end, &inner].concat());
    }
    write(&mut writer)?;
    if !style.inline {
        writer.raw(&[style.end, base].concat());
    }
    Ok(Edit { start: container.range().start + 1, end: container.range().end.saturating_sub(1), text: writer.finish() })
}

fn replace(span: Span, writer: Writer<'_>) -> Edit {
    Edit { start: span.range().start, end: span.range().end, text: writer.finish() }
}

fn cut(start: usize, end: usize) -> Edit {
    Edit { start, end, text: SecretBytes::new(Vec::new()) }
}

/// Counts white space from a byte on.
fn space(source: &[u8], at: usize) -> usize {
    source.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count())
}

/// The white space at the start of the line of a byte.
fn indentation(source: &[u8], at: usize) -> &[u8] {
    let start = source.get(..at).and_then(|before| memchr::memrchr(b'\n', before)).map_or(0, |end| end + 1);
    let line = source.get(start..at).unwrap_or_default();
    line.get(..line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()).unwrap_or_default()
}

/// What stands between a key and its value.
fn gap_after_key<'s>(source: &'s [u8], pair: &Pair) -> &'s [u8] {
    let gap = source.get(string_end(source, pair.span.range().start)..pair.value.span().range().start).unwrap_or_default();
    if gap.contains(&b'\n') || gap.is_empty() { b": " } else { gap }
}

/// The end of the last element of a sequence that is not the ciphertext of a comment.
fn last_value(source: &[u8], among: Span) -> Option<usize> {
    let text = source.get(..among.range().end)?.get(among.range().start..)?;
    let whole = [b"{\"\":".as_slice(), text, b"}"].concat();
    let document = super::read::document(&whole).ok()?;
    let Some(Member::Pair(Pair { value: Node::List(list), .. })) = document.branches.first()?.members.first() else { return None };
    let last = list.elements.iter().rev().find_map(|element| match element {
        Element::Node(Node::Leaf(leaf)) if matches!(&leaf.value, Value::Text(text) if is_comment(text)) => None,
        Element::Node(node) => Some(node.span().range().end),
        Element::Comment(_) => None,
    })?;
    Some(among.range().start + last - 4)
}

fn is_comment(text: &SecretBytes) -> bool {
    // EXPOSE: ciphertext.
    text.expose().ends_with(b",type:comment]")
}
