//! Trees to text, byte for byte as sops writes them.
//!
//! Where go-yaml puts a comment is decided late: what was not written at its place waits, and is written at the next place for its kind.
//!
//! *Source*: behaviour of sops v3.13.3 and go.yaml.in/yaml v3.0.4.

pub(super) mod scalar;

use keys::SecretBytes;

use crate::document::{Comment, Document, Element, Leaf, List, Map, Member, Node, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::store;

use super::page::Page;
use super::scan::MAX_DEPTH;

/// Spaces of a level that nobody asked for otherwise.
pub(super) const INDENT: usize = 4;

/// Lines of a comment.
type Texts<'a> = Vec<&'a Comment>;

/// Comments that were not written yet.
#[derive(Default)]
struct Waiting<'a> {
    head: Texts<'a>,
    line: Texts<'a>,
    foot: Texts<'a>,
    /// Below the last pair of a mapping.
    tail: Texts<'a>,
    /// Behind a key whose value goes on in the next line.
    key_line: Texts<'a>,
}

/// What stands behind and below a collection.
#[derive(Clone, Copy, Default)]
struct After<'t, 'a> {
    line: &'t [&'a Comment],
    foot: &'t [&'a Comment],
}

/// Writes a tree.
pub(super) struct Emitter<'a> {
    page: Page,
    indent: usize,
    waiting: Waiting<'a>,
    depth: usize,
    /// The column of the outermost collection, if it is not the first.
    base: Option<usize>,
    blocks: Blocks,
}

/// Where literal blocks may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocks {
    Anywhere,
    /// What follows would become part of a block.
    Nowhere,
    /// Empty lines may follow, which must not become part of a block.
    WithoutEmptyEnd,
}

/// About how long a document is when it is written, so that its text need not move.
pub(super) fn size(document: &Document) -> usize {
    fn of_map(map: &Map, indent: usize) -> usize {
        let members = map.members.iter().map(|member| match member {
            Member::Comment(comment) => comment.text.len() + indent + 2,
            Member::Pair(pair) => pair.key.len() + indent + 2 + of_node(&pair.value, indent),
        });
        members.sum()
    }
    fn of_node(node: &Node, indent: usize) -> usize {
        let deeper = indent.saturating_add(INDENT).min(64);
        match node {
            Node::Map(map) => of_map(map, deeper),
            Node::List(list) => list
                .elements
                .iter()
                .map(|element| match element {
                    Element::Comment(comment) => comment.text.len() + deeper + 2,
                    Element::Node(node) => deeper + 2 + of_node(node, deeper),
                })
                .sum(),
            Node::Leaf(Leaf { value: Value::Text(text), .. }) => text.len() + 4,
            Node::Leaf(_) => 8,
        }
    }
    document.branches.iter().map(|branch| of_map(branch, 0) + 8).sum()
}

/// The spaces of a level.
///
/// # Errors
/// Configuration: below zero.
pub(super) fn width(style: store::Style) -> Result<usize> {
    match style.indent {
        None | Some(0) => Ok(INDENT),
        Some(wanted @ 2..=9) => Ok(usize::try_from(wanted).unwrap_or(INDENT)),
        Some(wanted) if wanted < 0 => Err(Error::new(ErrorKind::Configuration, "indent YAML by less than nothing")),
        // What go-yaml does with numbers that it does not take.
        Some(_) => Ok(2),
    }
}

impl<'a> Emitter<'a> {
    pub(super) fn new(indent: usize, capacity: usize) -> Self {
        Self { page: Page::with_capacity(capacity), indent, waiting: Waiting::default(), depth: 0, base: None, blocks: Blocks::Anywhere }
    }

    pub(super) fn documents(mut self, document: &'a Document) -> Result<SecretBytes> {
        for (index, branch) in document.branches.iter().enumerate() {
            if index > 0 {
                self.page.indent_line();
                self.page.indicator(b"---", true, false, false);
                self.page.indent_line();
            }
            if !self.waiting.head.is_empty() {
                self.write_head();
                self.page.break_line();
            }
            let members = Members::of(branch);
            wait(&mut self.waiting.head, &members.head);
            self.write_head();
            self.map(members, After::default(), false)?;
            self.end_document();
        }
        Ok(self.page.into_secret())
    }

    /// Writes one value as a document of its own.
    pub(super) fn value(mut self, node: &'a Node) -> Result<SecretBytes> {
        if let Some(column) = self.base {
            self.page.indent = column.cast_signed();
        }
        match node {
            Node::Map(map) => {
                let members = Members::of(map);
                wait(&mut self.waiting.head, &members.head);
                self.write_head();
                self.map(members, After::default(), false)?;
            }
            Node::List(list) => {
                let elements = Elements::of(list);
                wait(&mut self.waiting.head, &elements.head);
                self.write_head();
                self.list(elements, After::default(), false)?;
            }
            Node::Leaf(leaf) => {
                self.scalar(&leaf.value, false)?;
                self.write_line();
                self.write_foot();
            }
        }
        self.page.indent = -1;
        self.end_document();
        Ok(self.page.into_secret())
    }

    /// Writes to stand in a text that is there already.
    pub(super) fn within(mut self, column: usize, blocks: Blocks) -> Self {
        (self.base, self.blocks) = (Some(column), blocks);
        self
    }

    fn end_document(&mut self) {
        self.page.foot_indent = Some(0);
        self.write_foot();
        self.page.foot_indent = None;
        self.page.indent_line();
    }

    fn map(&mut self, members: Members<'a>, after: After<'_, 'a>, in_list: bool) -> Result<()> {
        self.write_line();
        self.write_foot();
        if members.pairs.is_empty() {
            self.page.indicator(b"{", true, true, false);
            self.wait_after(after);
            let outer = self.page.indent;
            self.page.indent = self.deeper(in_list, true);
            self.write_head();
            self.page.indent = outer;
            self.page.indicator(b"}", false, false, false);
            self.write_line();
            self.write_foot();
            return Ok(());
        }
        let outer = self.page.indent;
        self.enter(in_list)?;
        for pair in &members.pairs {
            wait(&mut self.waiting.head, &pair.head);
            self.write_head();
            self.page.indent_line();
            if !self.waiting.line.is_empty() {
                self.waiting.key_line = std::mem::take(&mut self.waiting.line);
            }
            let simple = self.key(pair.key)?;
            self.pair_value(pair, simple)?;
        }
        wait(&mut self.waiting.tail, &members.tail);
        self.wait_after(after);
        self.write_head();
        self.page.indent = outer;
        self.depth -= 1;
        Ok(())
    }

    fn pair_value(&mut self, pair: &PairOf<'a>, simple: bool) -> Result<()> {
        if let Node::Leaf(_) = pair.value {
            wait(&mut self.waiting.line, &pair.line);
        }
        if simple {
            self.page.indicator(b":", false, false, false);
        } else {
            self.page.indent_line();
            self.page.indicator(b":", true, false, true);
        }
        self.place_key_line(pair.value);
        match pair.value {
            Node::Leaf(leaf) => {
                self.scalar(&leaf.value, false)?;
                self.write_line();
                self.write_foot();
                Ok(())
            }
            Node::Map(map) => {
                let members = Members::of(map);
                wait(&mut self.waiting.head, &members.head);
                self.map(members, After { line: &pair.line, foot: &[] }, false)
            }
            Node::List(list) => {
                let elements = Elements::of(list);
                wait(&mut self.waiting.head, &elements.head);
                self.list(elements, After { line: &pair.line, foot: &[] }, false)
            }
        }
    }

    fn list(&mut self, elements: Elements<'a>, after: After<'_, 'a>, in_list: bool) -> Result<()> {
        self.write_line();
        self.write_foot();
        if elements.nodes.is_empty() {
            self.page.indicator(b"[", true, true, false);
            self.wait_after(after);
            if self.page.column == 0 {
                self.page.indent_line();
            }
            self.page.indicator(b"]", false, false, false);
            self.write_line();
            self.write_foot();
            return Ok(());
        }
        let outer = self.page.indent;
        self.enter(in_list)?;
        for element in &elements.nodes {
            self.element(element)?;
        }
        self.wait_after(after);
        self.page.indent = outer;
        self.depth -= 1;
        Ok(())
    }

    fn element(&mut self, element: &ElementOf<'a>) -> Result<()> {
        match element.node {
            Node::Leaf(leaf) => {
                wait(&mut self.waiting.head, &element.head);
                wait(&mut self.waiting.line, &element.line);
                wait(&mut self.waiting.foot, &element.foot);
                self.start_element();
                self.scalar(&leaf.value, true)?;
                self.write_line();
                self.write_foot();
                Ok(())
            }
            Node::Map(map) => {
                let members = Members::of(map);
                let head: Texts<'a> = element.head.iter().chain(&members.head).copied().collect();
                wait(&mut self.waiting.head, &head);
                self.start_element();
                self.map(members, After { line: &element.line, foot: &element.foot }, true)
            }
            Node::List(list) => {
                let elements = Elements::of(list);
                let head: Texts<'a> = element.head.iter().chain(&elements.head).copied().collect();
                wait(&mut self.waiting.head, &head);
                self.start_element();
                self.list(elements, After { line: &element.line, foot: &element.foot }, true)
            }
        }
    }

    fn start_element(&mut self) {
        self.write_head();
        self.page.indent_line();
        self.page.indicator(b"-", true, false, true);
    }

    /// A comment that is left from what came before stands behind this key.
    fn place_key_line(&mut self, value: &Node) {
        if self.waiting.key_line.is_empty() {
            return;
        }
        match value {
            Node::Leaf(_) if self.waiting.line.is_empty() => self.waiting.line = std::mem::take(&mut self.waiting.key_line),
            Node::Leaf(_) => {}
            Node::Map(_) | Node::List(_) => {
                let line = std::mem::replace(&mut self.waiting.line, std::mem::take(&mut self.waiting.key_line));
                self.write_line();
                self.waiting.line = line;
            }
        }
    }

    fn enter(&mut self, in_list: bool) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::new(ErrorKind::Unencryptable, format!("write YAML that nests deeper than {MAX_DEPTH} levels")));
        }
        self.page.indent = match self.base.take() {
            Some(column) => column.cast_signed(),
            None => self.deeper(in_list, false),
        };
        Ok(())
    }

    /// The indentation of what stands in the collection that is written.
    fn deeper(&self, in_list: bool, flow: bool) -> isize {
        let width = self.indent.cast_signed();
        match self.page.indent {
            ..0 if flow => width,
            ..0 => 0,
            indent if in_list => indent + 2,
            indent => width * ((indent + width) / width),
        }
    }

    fn wait_after(&mut self, after: After<'_, 'a>) {
        wait(&mut self.waiting.line, after.line);
        wait(&mut self.waiting.foot, after.foot);
    }

    fn write_head(&mut self) {
        if !self.waiting.tail.is_empty() {
            self.page.indent_line();
            write(&mut self.page, &mut self.waiting.tail);
            self.page.foot_indent = Some(self.page.level());
        }
        if !self.waiting.head.is_empty() {
            self.page.indent_line();
            write(&mut self.page, &mut self.waiting.head);
        }
    }

    fn write_line(&mut self) {
        if self.waiting.line.is_empty() {
            return;
        }
        if !self.page.after_space {
            self.page.put(b" ");
        }
        write(&mut self.page, &mut self.waiting.line);
    }

    fn write_foot(&mut self) {
        if self.waiting.foot.is_empty() {
            return;
        }
        self.page.indent_line();
        write(&mut self.page, &mut self.waiting.foot);
        self.page.foot_indent = Some(self.page.level());
    }
}

/// What waits is replaced by what comes, if something comes.
fn wait<'a>(waiting: &mut Texts<'a>, coming: &[&'a Comment]) {
    if !coming.is_empty() {
        waiting.clear();
        waiting.extend_from_slice(coming);
    }
}

fn write(page: &mut Page, texts: &mut Texts<'_>) {
    // EXPOSE: comments are part of the file.
    page.comment(texts.iter().map(|comment| comment.text.expose()));
    texts.clear();
}

/// A mapping with its comments where they are written.
struct Members<'a> {
    head: Texts<'a>,
    pairs: Vec<PairOf<'a>>,
    tail: Texts<'a>,
}

struct PairOf<'a> {
    key: &'a str,
    value: &'a Node,
    head: Texts<'a>,
    line: Texts<'a>,
}

/// A sequence, likewise.
struct Elements<'a> {
    head: Texts<'a>,
    nodes: Vec<ElementOf<'a>>,
}

struct ElementOf<'a> {
    node: &'a Node,
    head: Texts<'a>,
    line: Texts<'a>,
    foot: Texts<'a>,
}

/// Comments on the way to the next member.
#[derive(Default)]
struct Passing<'a> {
    above: Texts<'a>,
    inline: Texts<'a>,
}

impl<'a> Passing<'a> {
    fn add(&mut self, comment: &'a Comment) {
        if comment.inline { self.inline.push(comment) } else { self.above.push(comment) }
    }

    fn rest(mut self) -> Texts<'a> {
        self.above.append(&mut self.inline);
        self.above
    }
}

impl<'a> Members<'a> {
    fn of(map: &'a Map) -> Self {
        let mut found = Self { head: Vec::new(), pairs: Vec::with_capacity(map.members.len()), tail: Vec::new() };
        let mut passing = Passing::default();
        for member in &map.members {
            match member {
                Member::Comment(comment) => passing.add(comment),
                Member::Pair(pair) => {
                    let above = std::mem::take(&mut passing.above);
                    let (of_map, head) = if found.pairs.is_empty() { (above, Texts::new()) } else { (Texts::new(), above) };
                    if found.pairs.is_empty() {
                        found.head = of_map;
                    }
                    let line = std::mem::take(&mut passing.inline);
                    found.pairs.push(PairOf { key: &pair.key, value: &pair.value, head, line });
                }
            }
        }
        if found.pairs.is_empty() {
            found.head = passing.rest()
        } else {
            found.tail = passing.rest()
        }
        found
    }
}

impl<'a> Elements<'a> {
    fn of(list: &'a List) -> Self {
        let mut found = Self { head: Vec::new(), nodes: Vec::with_capacity(list.elements.len()) };
        let mut passing = Passing::default();
        for element in &list.elements {
            match element {
                Element::Comment(comment) => passing.add(comment),
                Element::Node(node) => {
                    let mut head = std::mem::take(&mut passing.above);
                    if found.nodes.is_empty() {
                        found.head = std::mem::take(&mut head);
                    }
                    let line = std::mem::take(&mut passing.inline);
                    found.nodes.push(ElementOf { node, head, line, foot: Vec::new() });
                }
            }
        }
        match found.nodes.last_mut() {
            Some(last) => last.foot = passing.rest(),
            None => found.head = passing.rest(),
        }
        found
    }
}
