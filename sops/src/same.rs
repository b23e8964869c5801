//! Whether two documents say the same, comments and spelling apart.

use crate::document::{Document, Element, List, Map, Node, Pair, Value};
use crate::leaf::with_bytes;

/// True if all keys and values are the same, in the same order. A number is what is hashed of it: `1.0` and `1` are one.
pub(crate) fn same_values(one: &Document, other: &Document) -> bool {
    let (one, other) = (&one.branches, &other.branches);
    // What is empty may be written as nothing.
    let full = |branches: &[Map]| branches.iter().filter(|branch| branch.pairs().next().is_some()).count();
    full(one) == full(other) && {
        let full = |branch: &&Map| branch.pairs().next().is_some();
        one.iter().filter(full).zip(other.iter().filter(full)).all(|(one, other)| same_map(one, other))
    }
}

/// True if the same values stand under the same keys, in any order. Mappings in which there is nothing may be left out: a format may have no word for them.
pub(crate) fn same_content(one: &Document, other: &Document) -> bool {
    let full = |branches: &[Map]| branches.iter().filter(|branch| !is_hollow(branch)).count();
    full(&one.branches) == full(&other.branches) && {
        let others = other.branches.iter().filter(|branch| !is_hollow(branch));
        one.branches.iter().filter(|branch| !is_hollow(branch)).zip(others).all(|(one, other)| same_pairs(one, other))
    }
}

fn same_pairs(one: &Map, other: &Map) -> bool {
    let (one, other) = (sorted_pairs(one), sorted_pairs(other));
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.key == other.key && same_below(&one.value, &other.value))
}

fn same_below(one: &Node, other: &Node) -> bool {
    match (one, other) {
        (Node::Map(one), Node::Map(other)) => same_pairs(one, other),
        (Node::List(one), Node::List(other)) => same_list(one, other, same_below),
        (one, other) => same_node(one, other),
    }
}

fn sorted_pairs(map: &Map) -> Vec<&Pair> {
    let mut pairs: Vec<&Pair> = map.pairs().filter(|pair| !matches!(&pair.value, Node::Map(map) if is_hollow(map))).collect();
    pairs.sort_by(|one, other| one.key.cmp(&other.key));
    pairs
}

fn is_hollow(map: &Map) -> bool {
    map.pairs().all(|pair| matches!(&pair.value, Node::Map(map) if is_hollow(map)))
}

fn same_map(one: &Map, other: &Map) -> bool {
    let mut others = other.pairs();
    one.pairs().all(|pair| others.next().is_some_and(|other| pair.key == other.key && same_node(&pair.value, &other.value)))
        && others.next().is_none()
}

fn same_list(one: &List, other: &List, same: impl Fn(&Node, &Node) -> bool) -> bool {
    let values = |list: &List| list.elements.iter().filter(|element| matches!(element, Element::Node(_))).count();
    let nodes = |element: &Element| -> bool { matches!(element, Element::Node(_)) };
    values(one) == values(other) && {
        let others = other.elements.iter().filter(|element| nodes(element));
        one.elements.iter().filter(|element| nodes(element)).zip(others).all(|pair| match pair {
            (Element::Node(one), Element::Node(other)) => same(one, other),
            _ => false,
        })
    }
}

/// The same of what stands in them.
pub(crate) fn same_node(one: &Node, other: &Node) -> bool {
    match (one, other) {
        (Node::Map(one), Node::Map(other)) => same_map(one, other),
        (Node::List(one), Node::List(other)) => same_list(one, other, same_node),
        (Node::Leaf(one), Node::Leaf(other)) => same_value(&one.value, &other.value),
        _ => false,
    }
}

/// The same of one scalar.
pub(crate) fn same_value(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Text(_), Value::Text(_)) => same_bytes(one, other),
        (Value::Text(_), _) | (_, Value::Text(_)) => false,
        _ => same_bytes(one, other),
    }
}

/// Not in constant time: both were just read from the same file, and only a fault of ours makes them differ.
fn same_bytes(one: &Value, other: &Value) -> bool {
    with_bytes(one, |one| with_bytes(other, |other| one == other))
}
