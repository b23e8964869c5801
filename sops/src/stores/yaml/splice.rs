//! Changes of single places of a text. Everything else stays as it was written.

mod copy;
mod cut;
mod flow;
mod place;
mod quotes;

use keys::SecretBytes;

use crate::document::{Document, Element, List, Map, Member, Node, Pair, Span, Value};
use crate::error::{Error, ErrorKind, Position, Result};
use crate::metadata::METADATA_KEY;
use crate::store::{Edit, Splice};

use super::Yaml;
use super::cursor::{Growing, is_blank};
use super::emit::scalar::{ScalarText, scalar_text, write_literal_header, write_literal_lines};
use super::emit::{Blocks, Emitter};
use super::page::Page;
use super::style::Style;
use copy::{copy, copy_members};
use cut::{cut_comment, is_below_keeping_block, past_empty_lines, past_inner_comments, remove_from_flow};
use place::{Before, Place, column, line_break, line_end, line_start, next_line, unit};
use quotes::{in_quotes, kept_quote};

impl Splice for Yaml {
    fn scalar(&self, source: &[u8], span: Span, value: &Value) -> Result<Edit> {
        let place = place_of(source, span)?;
        let flow = place.is_flow();
        if place.needs_colon() && !flow {
            return Err(refused(source, span, "write a value to a key that has no colon"));
        }
        let text = scalar_text(value);
        let mut written = Growing::with_capacity(text.text.len() + 16);
        // In brackets ciphertext takes double quotes, which say nothing about the value then.
        if let Some(quote) = kept_quote(source, span, value).filter(|quote| !flow || *quote == '\'') {
            written.push(&in_quotes(quote, &text.text));
            return Ok(edit(&place, written));
        }
        written.push(&lead(&place, flow));
        let may_be_block = !flow && text.style == Style::Literal && place.ends_line();
        let column = if may_be_block { literal_column(&place, &text.text) } else { None };
        if let Some((column, hint)) = column.filter(|(column, _)| text.style_in(place.blocks_at(*column)) == Style::Literal) {
            write_literal(&mut written, &place, &text, column, hint);
            return Ok(block_edit(&place, written));
        }
        if text.style == Style::Plain && !flow {
            if let Some(tag) = text.tag {
                written.push(tag);
                written.push(b" ");
            }
            written.push(text.text.as_bytes());
        } else {
            let mut page = Page::with_capacity(text.text.len() + 16);
            flow::write_value(&mut page, value);
            // EXPOSE: the text becomes part of the edit.
            written.push(page.into_secret().expose());
        }
        Ok(edit(&place, written))
    }

    fn comment(&self, source: &[u8], span: Span, text: &SecretBytes) -> Result<Edit> {
        // EXPOSE: a comment is one line.
        if text.expose().iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            return Err(refused(source, span, "write a comment of more than one line"));
        }
        Ok(Edit { start: span.range().start, end: span.range().end, text: text.duplicate() })
    }

    fn comment_for(&self, source: &[u8], span: Span, among: Span, text: &SecretBytes) -> Result<Edit> {
        let dash = element_start(source, span, among);
        // EXPOSE: a comment is one line.
        let one_line = !text.expose().iter().any(|byte| matches!(byte, b'\n' | b'\r'));
        if source.get(dash) != Some(&b'-') || !one_line {
            return Ok(self.remove(source, span, among));
        }
        let alone = dash <= among.range().start && span.end >= among.end;
        let mut written = Growing::with_capacity(text.len() + 8);
        // A list of comments alone is an empty list.
        written.push(if alone { b" [] #" } else { b"#" });
        // EXPOSE: the comment becomes part of the edit.
        written.push(text.expose());
        Ok(Edit { start: dash, end: span.range().end, text: written.into_secret() })
    }

    fn cut_comment(&self, source: &[u8], span: Span) -> Edit {
        cut_comment(source, span)
    }

    fn is_alias(&self, source: &[u8], span: Span) -> bool {
        !span.is_unknown() && source.get(span.range().start) == Some(&b'*')
    }

    fn value(&self, source: &[u8], span: Span, node: &Node) -> Result<Edit> {
        if let Node::Leaf(leaf) = node {
            return self.scalar(source, span, &leaf.value);
        }
        let place = place_of(source, span)?;
        let flow = place.is_flow();
        if place.needs_colon() && !flow {
            return Err(refused(source, span, "write a value to a key that has no colon"));
        }
        let empty = match node {
            Node::Map(map) => map.members.is_empty(),
            Node::List(list) => list.elements.is_empty(),
            Node::Leaf(_) => true,
        };
        let mut written = Growing::with_capacity(256);
        let lead = lead(&place, flow);
        if flow || empty || !place.ends_line() {
            written.push(&lead);
            let mut page = Page::with_capacity(256);
            flow::write(&mut page, node);
            // EXPOSE: the text becomes part of the edit.
            written.push(page.into_secret().expose());
            return Ok(edit(&place, written));
        }
        let open = line_end(source, place.end) == source.len();
        let column = block_column(&place, &lead);
        let text = block(source, node, column, if open { Blocks::Nowhere } else { place.blocks_at(column) })?;
        let end = line_break(source, place.start);
        let below = matches!(place.before(), Before::Key(_)) || place.has_anchor();
        if below {
            written.push(end);
            push_lines(&mut written, &text, end, true);
        } else {
            written.push(&lead);
            push_lines(&mut written, &text, end, false);
        }
        let mut edit = block_edit(&place, written);
        if below {
            // No space stays behind the colon.
            edit.start = source[..place.start].iter().rposition(|byte| !is_blank(*byte)).map_or(0, |at| at + 1);
        }
        Ok(edit)
    }

    fn insert(&self, source: &[u8], map: &Map, key: &str, node: &Node) -> Result<Edit> {
        let pair = Map { members: vec![Member::Pair(Pair { key: key.to_owned(), value: copy(node), span: Span::default() })], span: Span::default() };
        let last = map.pairs().last().map(|pair| (pair.span, &pair.value));
        add(source, map.span, last, &Node::Map(pair))
    }

    fn append(&self, source: &[u8], list: &List, node: &Node) -> Result<Edit> {
        let last = list.elements.iter().rev().find_map(|element| match element {
            Element::Node(node) => Some((node.span(), node)),
            Element::Comment(_) => None,
        });
        add(source, list.span, last, &Node::List(List { elements: vec![Element::Node(copy(node))], span: Span::default() }))
    }

    fn remove(&self, source: &[u8], span: Span, among: Span) -> Edit {
        let nothing = SecretBytes::new(Vec::new());
        let (start, end) = (element_start(source, span, among), span.range().end.min(source.len()));
        if matches!(source.get(among.range().start), Some(b'[' | b'{')) {
            return remove_from_flow(source, start, end);
        }
        if start <= among.range().start && end >= among.range().end {
            let empty: &[u8] = if is_element(source, start) { b" []" } else { b"{}" };
            return Edit { start, end, text: SecretBytes::new(empty.to_vec()) };
        }
        let line = line_start(source, start);
        if source[line..start].iter().all(|byte| *byte == b' ') {
            let mut end = past_inner_comments(source, next_line(source, end), start - line);
            if is_below_keeping_block(source, line, start - line) {
                end = past_empty_lines(source, end);
            }
            return Edit { start: line, end, text: nothing };
        }
        // What follows moves up to where this stood.
        let next = next_line(source, end);
        let spaces = source.get(next..).unwrap_or_default().iter().take_while(|byte| **byte == b' ').count();
        Edit { start, end: next + spaces, text: nothing }
    }

    fn put_metadata(&self, source: &[u8], document: &Document, metadata: &Map) -> Result<Vec<Edit>> {
        let mut edits = Vec::with_capacity(document.branches.len());
        for branch in &document.branches {
            edits.push(put(source, branch, metadata)?);
            let last = branch.pairs().last().and_then(|pair| open_block(source, &pair.value));
            edits.extend(last.map(|(start, end)| Edit { start, end, text: SecretBytes::new(b"-".to_vec()) }));
        }
        Ok(edits)
    }

    fn cut_metadata(&self, source: &[u8], document: &Document) -> Vec<Edit> {
        let of_branch = |branch: &Map| {
            let span = metadata_span(branch)?;
            let mut edit = self.remove(source, span, branch.span);
            if edit.text.is_empty() && edit.end == source.len() && !source.ends_with(b"\n") && edit.start == line_start(source, edit.start) {
                // The break that came with it goes with it.
                let before = &source[..edit.start];
                edit.start -= if before.ends_with(b"\r\n") { 2 } else { usize::from(before.ends_with(b"\n")) };
            }
            Some(edit)
        };
        document.branches.iter().filter_map(of_branch).collect()
    }
}

/// Where the metadata of a document stands.
fn metadata_span(branch: &Map) -> Option<Span> {
    branch.members.iter().rev().find_map(|member| match member {
        Member::Pair(pair) if pair.key == METADATA_KEY && !pair.span.is_unknown() => Some(pair.span),
        _ => None,
    })
}

fn put(source: &[u8], branch: &Map, metadata: &Map) -> Result<Edit> {
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
fn document_end(source: &[u8], root: Span) -> usize {
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
fn open_block(source: &[u8], node: &Node) -> Option<(usize, usize)> {
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

/// Adds a member at the end of a collection: of `member`, which is a collection of one, what stands in it.
fn add(source: &[u8], collection: Span, last: Option<(Span, &Node)>, member: &Node) -> Result<Edit> {
    let start = collection.range().start;
    if collection.is_unknown() || source.get(start) == Some(&b'*') {
        return Err(refused(source, collection, "add to what stands behind an alias: change it where the anchor is"));
    }
    let place = Place::new(source, start, collection.range().end);
    if matches!(source.get(start), Some(b'[' | b'{')) {
        let (start, end) = flow_end(source, collection, last.map(|last| last.0));
        let mut page = Page::with_capacity(256);
        if let Some((last, _)) = last {
            // A comma would become part of a tag, or of a key behind whose colon nothing stands.
            let joins = source.get(last.range().start) == Some(&b'!') || source.get(..start).is_some_and(|before| before.ends_with(b":"));
            page.put(if joins { b" , " } else { b", " });
        }
        match member {
            Node::Map(map) => flow::write_pairs(&mut page, map),
            Node::List(list) => list.elements.iter().for_each(|element| {
                if let Element::Node(node) = element {
                    flow::write(&mut page, node);
                }
            }),
            Node::Leaf(_) => {}
        }
        return Ok(Edit { start, end, text: page.into_secret() });
    }
    if place.is_flow() {
        return Err(refused(source, collection, "add to a pair without braces"));
    }
    let end = line_break(source, start);
    let mut written = Growing::with_capacity(256);
    let Some((last, last_node)) = last else {
        // A document in which there is nothing.
        let text = block(source, member, 0, Blocks::Nowhere)?;
        let at = collection.range();
        if at.start == at.end && at.start > line_start(source, at.start) {
            written.push(end);
        }
        push_lines(&mut written, &text, end, true);
        written.push(if at.start == at.end { end } else { b"" });
        return Ok(Edit { start: at.start, end: at.end, text: written.into_secret() });
    };
    let column = place.column();
    let at = line_end(source, last.range().end);
    let below = Place::new(source, at, at);
    // Without a line break at the end of the file, a block would have none either.
    let blocks = if at == source.len() { Blocks::Nowhere } else { below.blocks_at(column + 1) };
    let text = block(source, member, column, blocks)?;
    let mut start = at;
    if let Some((from, to)) = open_block(source, last_node) {
        written.push(b"-");
        written.push(&source[to..at]);
        start = from;
    }
    written.push(end);
    push_lines(&mut written, &text, end, true);
    Ok(Edit { start, end: at, text: written.into_secret() })
}

/// Where the next member of a collection in brackets goes.
fn flow_end(source: &[u8], collection: Span, last: Option<Span>) -> (usize, usize) {
    let at = last.map_or(collection.range().start + 1, |last| last.range().end).min(source.len());
    (at, at)
}

/// Where an element starts: at its `-`, or at its anchor.
fn element_start(source: &[u8], span: Span, among: Span) -> usize {
    let floor = among.range().start.min(source.len());
    let mut start = span.range().start.min(source.len());
    // A pair starts with its key already.
    let in_block = is_element(source, floor);
    if !in_block && source.get(floor) != Some(&b'[') || in_block && start <= floor {
        return start;
    }
    loop {
        let before = without_comments(source.get(floor..start).unwrap_or_default());
        let word = before.iter().rposition(|byte| byte.is_ascii_whitespace() || matches!(byte, b'[' | b',')).map_or(0, |at| at + 1);
        match before.get(word) {
            Some(b'&' | b'!') => start = floor + word,
            Some(b'-') if before.len() == word + 1 && in_block => return floor + word,
            _ => return start,
        }
    }
}

/// A text without space and comments at its end; its last lines hold nothing else but indicators and anchors.
fn without_comments(text: &[u8]) -> &[u8] {
    let mut text = text.trim_ascii_end();
    loop {
        let line = line_start(text, text.len());
        let is_comment = |at: &usize| text[*at] == b'#' && (*at == line || is_blank(text[*at - 1]));
        match (line..text.len()).find(is_comment) {
            Some(at) => text = text[..at].trim_ascii_end(),
            None => return text,
        }
    }
}

/// True at the `-` of an element.
fn is_element(source: &[u8], at: usize) -> bool {
    source.get(at) == Some(&b'-') && source.get(at + 1).is_none_or(u8::is_ascii_whitespace)
}

/// What comes before a value.
fn lead(place: &Place<'_>, flow: bool) -> Vec<u8> {
    if flow && place.needs_colon() {
        return b": ".to_vec();
    }
    // A list and a block scalar may start at the column of their key, where nothing else may.
    let may_start_there = is_element(place.source, place.start) || matches!(place.source.get(place.start), Some(b'|' | b'>'));
    if !flow && may_start_there && place.before() == Before::Space {
        return vec![b' '; unit(place.source)];
    }
    if place.needs_space() { b" ".to_vec() } else { Vec::new() }
}

/// The column of the lines of a collection in place of a value.
fn block_column(place: &Place<'_>, lead: &[u8]) -> usize {
    match place.before() {
        Before::Key(column) => column + unit(place.source),
        Before::Indicator(column) if place.has_anchor() => column + unit(place.source),
        Before::Indicator(_) | Before::Space => place.column() + lead.len(),
    }
}

/// The column of the lines of a literal block, and how far that is from what it stands in. Where that is not known, no block may begin with
/// a space.
fn literal_column(place: &Place<'_>, text: &str) -> Option<(usize, usize)> {
    let unit = unit(place.source);
    match place.before() {
        Before::Key(parent) | Before::Indicator(parent) => Some((parent + unit, unit)),
        Before::Space if text.starts_with([' ', '\n', '\u{2028}', '\u{2029}']) => None,
        Before::Space => Some((block_column(place, &lead(place, false)), unit)),
    }
}

fn write_literal(written: &mut Growing, place: &Place<'_>, scalar: &ScalarText<'_>, column: usize, hint: usize) {
    let mut page = Page::with_capacity(scalar.text.len() + 64);
    if let Some(tag) = scalar.tag {
        page.indicator(tag, true, false, false);
    }
    write_literal_header(&mut page, &scalar.text, hint);
    page.break_line();
    page.indent = column.cast_signed();
    write_literal_lines(&mut page, &scalar.text);
    let text = page.into_secret();
    let end = line_break(place.source, place.start);
    push_lines(written, &text, end, true);
    if line_end(place.source, place.end) == place.source.len() {
        written.push(end);
    }
}

/// Pushes lines with the line breaks of the file, without the last one; without indentation in the first one if that is there already.
fn push_lines(written: &mut Growing, text: &SecretBytes, end: &[u8], first_indented: bool) {
    // EXPOSE: the text becomes part of the edit.
    let text = text.expose();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = if first_indented { text } else { text.trim_ascii_start() };
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            written.push(end);
        }
        written.push(line);
    }
}

/// Writes a collection whose lines stand at a column.
fn block(source: &[u8], node: &Node, column: usize, blocks: Blocks) -> Result<SecretBytes> {
    Emitter::new(unit(source), 256).within(column, blocks).value(node)
}

fn place_of(source: &[u8], span: Span) -> Result<Place<'_>> {
    if span.is_unknown() || span.range().end > source.len() || span.start > span.end {
        return Err(Error::new(ErrorKind::Unencryptable, "write to what stands behind an alias"));
    }
    Ok(Place::new(source, span.range().start, span.range().end))
}

/// As [`edit`], where space behind the old value would become part of the last line.
fn block_edit(place: &Place<'_>, written: Growing) -> Edit {
    Edit { start: place.start, end: line_end(place.source, place.end), text: written.into_secret() }
}

fn edit(place: &Place<'_>, mut written: Growing) -> Edit {
    if place.source.get(place.end) == Some(&b'#') {
        // A comment may stand at a quote, but not at a plain scalar.
        written.push(b" ");
    }
    Edit { start: place.start, end: place.end, text: written.into_secret() }
}

fn refused(source: &[u8], span: Span, what: &str) -> Error {
    Error::new(ErrorKind::Unencryptable, what).at(Position::of(source, span.range().start))
}
