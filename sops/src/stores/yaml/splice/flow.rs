//! Values in one line, as they stand in brackets.

use crate::document::{Element, Map, Member, Node, Value};

use super::super::emit::scalar::{ScalarText, of_text, scalar_text, write_double};
use super::super::page::Page;
use super::super::style::Style;

/// Writes a value in one line. Comments have no place there.
pub(super) fn write(page: &mut Page, node: &Node) {
    match node {
        Node::Leaf(leaf) => write_value(page, &leaf.value),
        Node::List(list) => {
            page.put(b"[");
            let nodes = list.elements.iter().filter_map(|element| match element {
                Element::Node(node) => Some(node),
                Element::Comment(_) => None,
            });
            for (index, node) in nodes.enumerate() {
                separate(page, index);
                write(page, node);
            }
            page.put(b"]");
        }
        Node::Map(map) => {
            page.put(b"{");
            write_pairs(page, map);
            page.put(b"}");
        }
    }
}

/// Writes the pairs of a mapping, without the braces.
pub(super) fn write_pairs(page: &mut Page, map: &Map) {
    let pairs = map.members.iter().filter_map(|member| match member {
        Member::Pair(pair) => Some(pair),
        Member::Comment(_) => None,
    });
    for (index, pair) in pairs.enumerate() {
        separate(page, index);
        write_text(page, &of_text(&pair.key));
        page.put(b": ");
        write(page, &pair.value);
    }
}

pub(super) fn write_value(page: &mut Page, value: &Value) {
    write_text(page, &scalar_text(value));
}

fn write_text(page: &mut Page, scalar: &ScalarText<'_>) {
    if let Some(tag) = scalar.tag {
        page.put(tag);
        page.put(b" ");
    }
    if scalar.style == Style::Plain && scalar.allowed.plain_in_flow {
        page.put(scalar.text.as_bytes());
    } else {
        page.after_space = true;
        write_double(page, &scalar.text);
    }
}

fn separate(page: &mut Page, index: usize) {
    if index > 0 {
        page.put(b", ");
    }
}
