//! The metadata at the end of each document.

use crate::document::{Element, Map, Member, Node, Span};
use crate::error::Result;
use crate::metadata::METADATA_KEY;
use crate::store::Edit;

use super::super::cursor::{Growing, is_blank};
use super::super::emit::{Blocks, Emitter};
use super::super::page::Page;
use super::place::{column, line_break, line_end, line_start, next_line, unit};
use super::{copy_members, flow, flow_end, push_lines, refused};

/// Where the metadata of a document stands.
pub(super) fn metadata_span(branch: &Map) -> Option<Span> {
    branch.members.iter().rev().find_map(|member| match member {
        Member::Pair(pair) if pair.key == METADATA_KEY && !pair.span.is_unknown() => Some(pair.span),
        _ => None,
    })
}

pub(super) fn put(source: &[u8], branch: &Map, metadata: &Map) -> Result<Edit> {
    let root = branch.span.range();
    if source.get(root.start) == Some(&b'*') {
        return Err(refused(source, branch.span, "write metadata to a document that is an alias"));
    }
    let old = metadata_span(branch);
    if source.get(root.start) == Some(&b'{') {
        let mut page = Page::with_capacity(2048);
        let has_pairs = branch.pairs().next().is_some();
        let (start, end) = match old {
            Some(span) => (span.range().start, span.range().end),
            None => flow_end(source, branch.span, branch.pairs().last().map(|pair| pair.span)),
        };
        if old.is_none() && has_pairs {
            page.put(b", ");
        }
        flow::write_pairs(&mut page, metadata);
        return Ok(Edit { start, end, text: page.into_secret() });
    }
    let is_map = branch.pairs().next().is_some();
    let column = if is_map { column(source, root.start) } else { 0 };
    let emitter = Emitter::new(unit(source), 2048).within(column, Blocks::WithoutEmptyEnd);
    let text = emitter.value(&Node::Map(Map { members: copy_members(metadata), span: Span::default() }))?;
    let end = line_break(source, root.start);
    let mut written = Growing::with_capacity(text.len() + 2);
    if let Some(span) = old {
        push_lines(&mut written, &text, end, false);
        return Ok(Edit { start: span.range().start, end: span.range().end, text: written.into_secret() });
    }
    if !is_map && root.start < root.end {
        // The document says `null`.
        push_lines(&mut written, &text, end, true);
        return Ok(Edit { start: root.start, end: root.end, text: written.into_secret() });
    }
    let at = document_end(source, branch.span);
    let open = at > 0 && !matches!(source[at - 1], b'\n' | b'\r') && at > line_start(source, at);
    if open {
        written.push(end);
    }
    push_lines(&mut written, &text, end, true);
    if !open {
        written.push(end);
    }
    Ok(Edit { start: at, end: at, text: written.into_secret() })
}

/// The end of the last line of a document that is not empty.
pub(super) fn document_end(source: &[u8], root: Span) -> usize {
    // What is empty has its place where the next thing begins.
    let root_end = root.range().end;
    let starts_next = root.start == root.end && root_end == line_start(source, root_end);
    let mut at = if starts_next { root_end } else { next_line(source, root_end) };
    let mut end = at;
    while at < source.len() {
        let line = &source[at..line_end(source, at)];
        if line.starts_with(b"---") || line.starts_with(b"...") {
            break;
        }
        at = next_line(source, at);
        if !line.trim_ascii().is_empty() {
            end = at;
        }
    }
    end
}

/// Where the header of a block scalar that ends with the file, and not with a line break, says what happens to such a break: from now on there is one,
/// which is none of its own.
pub(super) fn open_block(source: &[u8], node: &Node) -> Option<(usize, usize)> {
    let leaf = match node {
        Node::Leaf(leaf) => leaf,
        Node::Map(map) => return open_block(source, &map.pairs().last()?.value),
        Node::List(list) => {
            let last = list.elements.iter().rev().find_map(|element| match element {
                Element::Node(node) => Some(node),
                Element::Comment(_) => None,
            });
            return open_block(source, last?);
        }
    };
    let scalar = source.get(leaf.span.range())?;
    let line = &scalar[..line_end(scalar, 0)];
    let header = line.split(|byte| is_blank(*byte)).find(|word| word.starts_with(b"|") || word.starts_with(b">"))?;
    let is_block = line.starts_with(header) || line.starts_with(b"!");
    if leaf.span.range().end != source.len() || !is_block || header.contains(&b'-') || line.len() == scalar.len() {
        return None;
    }
    let start = leaf.span.range().start + (header.as_ptr() as usize).wrapping_sub(scalar.as_ptr() as usize) + 1;
    match header.iter().position(|byte| *byte == b'+') {
        Some(plus) => Some((start - 1 + plus, start + plus)),
        None => Some((start, start)),
    }
}
