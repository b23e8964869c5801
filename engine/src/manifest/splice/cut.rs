//! Entries that go: the one change that leaves nothing behind.

use std::ops::Range;

use serde_json::Value;

use super::{Change, Edits, Writer, last_own, line_end};
use crate::manifest::Format;
use crate::manifest::node::{Entry, Node, Style};

/// An entry that goes.
pub(super) struct Cut<'a> {
    pub(super) object: &'a Node,
    path: Vec<&'a str>,
    range: Range<usize>,
}

impl<'a> Edits<'a> {
    /// Takes the entry at the end of a path out, with the mapping that it leaves empty; says whether that can be done in place.
    ///
    /// It cannot where the entry shares its lines with others, a comment stands among what would go, or an anchor, alias or merge key has to do with it.
    /// Nothing may be put into the same mapping.
    pub fn remove(&mut self, object: &'a Node, path: &[&'a str]) -> bool {
        let Some((key, parents)) = path.split_last() else { return false };
        let Some(map) = object.at(parents) else { return false };
        let alone = map.entries().len() == 1 && !parents.is_empty();
        let (map, path) = if alone && map.entry(key).is_some() {
            let Some(above) = object.at(&parents[..parents.len() - 1]) else { return false };
            (above, parents)
        } else {
            (map, path)
        };
        let writer = Writer { text: &self.manifest.text, format: self.manifest.format };
        let Some(range) = path.last().and_then(|key| writer.extent(map, key)) else { return false };
        if !self.cuts.iter().any(|cut| cut.range == range) {
            self.cuts.push(Cut { object, path: path.to_vec(), range });
        }
        true
    }
}

impl Cut<'_> {
    pub(super) fn change(&self) -> Change {
        Change::new(self.range.clone(), "")
    }

    /// Takes the entry out of what the file says.
    pub(super) fn take(&self, object: &mut Value) {
        let Some((key, parents)) = self.path.split_last() else { return };
        let map = parents.iter().try_fold(object, |value, key| value.get_mut(*key));
        if let Some(map) = map.and_then(Value::as_object_mut) {
            map.shift_remove(*key);
        }
    }
}

impl Writer<'_> {
    /// The text of an entry and of what parts it from its neighbours.
    fn extent(&self, map: &Node, key: &str) -> Option<Range<usize>> {
        let entries = map.entries();
        let at = entries.iter().position(|entry| entry.key == key)?;
        let entry = &entries[at];
        let own = entries.iter().all(|entry| map.span.contains(&entry.key_span.start));
        if !own || map.shared || is_shared(&entry.value) || last_own(map).is_none() {
            return None;
        }
        let range = if map.style == Style::Block {
            // The last entry of a block may not leave it empty.
            (entries.len() > 1).then(|| self.lines_of(entry))?
        } else {
            match (entries.get(at + 1), at.checked_sub(1).and_then(|before| entries.get(before))) {
                (Some(next), _) => entry.key_span.start..next.key_span.start,
                (None, Some(before)) => self.end_of(before)..self.end_of(entry),
                (None, None) => entry.key_span.start..self.end_of(entry),
            }
        };
        let start_of_line = |offset: usize| self.text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let alone = map.style != Style::Block || self.text[start_of_line(entry.key_span.start)..entry.key_span.start].trim().is_empty();
        (alone && !self.has_comment(&range)).then_some(range)
    }

    /// Whole lines, with the break that ends them.
    fn lines_of(&self, entry: &Entry) -> Range<usize> {
        let start = self.text[..entry.key_span.start].rfind('\n').map_or(0, |at| at + 1);
        let end = self.end_of(entry);
        // A block scalar may end with its line.
        let end = if self.text[..end].ends_with('\n') { end } else { line_end(self.text, end) };
        let rest = &self.text[end..];
        let line_break = if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with(['\r', '\n'])) };
        start..end + if self.text[..end].ends_with('\n') { 0 } else { line_break }
    }

    /// Whether a comment may stand in a range: in YAML, any hash behind a space is taken for one.
    fn has_comment(&self, range: &Range<usize>) -> bool {
        self.format == Format::Yaml && self.text.get(range.clone()).is_none_or(|text| text.contains(" #") || text.trim_start().starts_with('#'))
    }
}

fn is_shared(node: &Node) -> bool {
    node.shared || node.entries().iter().any(|entry| is_shared(&entry.value))
}
