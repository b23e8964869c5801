//! Whether a text says what a tree says, as far as that shows without expanding aliases and obeying tags.

use crate::document::{Document, Element, List, Map, Node, Value};
use crate::error::Result;
use crate::same::same_value;

use super::parse::Parser;
use super::resolve::resolve;
use super::syntax::{Entry, NodeId, Shape, Syntax};
use super::token::Scalar;
use super::tree::value_of;

/// True if all keys and values are the same, in the same order. What takes more than a look is never the same.
pub(super) fn says(text: &[u8], document: &Document) -> Result<bool> {
    let mut parser = Parser::new(text);
    let mut branches = document.branches.iter();
    while let Some(parsed) = parser.document(branches.len() == document.branches.len())? {
        let Some(branch) = branches.next() else { return Ok(false) };
        let root = parser.nodes.get(parsed.root as usize);
        let same = root.is_some_and(|root| matches!(&root.shape, Shape::Map(entries) if says_map(&parser.nodes, entries, branch)));
        if !same {
            return Ok(false);
        }
    }
    Ok(branches.next().is_none())
}

fn says_map(nodes: &[Syntax<'_>], entries: &[Entry], map: &Map) -> bool {
    let mut pairs = map.pairs();
    let same = |entry: &Entry| pairs.next().is_some_and(|pair| says_key(nodes, entry.key, &pair.key) && says_node(nodes, entry.value, &pair.value));
    // An empty mapping may be the text of something else.
    !entries.is_empty() && entries.iter().all(same) && pairs.next().is_none()
}

fn says_list(nodes: &[Syntax<'_>], ids: &[NodeId], list: &List) -> bool {
    let mut values = list.elements.iter().filter_map(|element| if let Element::Node(node) = element { Some(node) } else { None });
    ids.iter().all(|id| values.next().is_some_and(|value| says_node(nodes, *id, value))) && values.next().is_none()
}

/// A key that is no text, or that merges, takes more than a look.
fn says_key(nodes: &[Syntax<'_>], id: NodeId, key: &str) -> bool {
    key != "<<" && nodes.get(id as usize).is_some_and(|node| matches!(&node.shape, Shape::Scalar(scalar) if says_text(node, scalar, key.as_bytes())))
}

fn says_node(nodes: &[Syntax<'_>], id: NodeId, value: &Node) -> bool {
    let Some(node) = nodes.get(id as usize) else { return false };
    match (&node.shape, value) {
        (Shape::Map(entries), Node::Map(map)) => says_map(nodes, entries, map) || entries.is_empty() && map.pairs().next().is_none(),
        (Shape::List(ids), Node::List(list)) => says_list(nodes, ids, list),
        (Shape::Empty, Node::Leaf(leaf)) => matches!(leaf.value, Value::Null),
        (Shape::Scalar(scalar), Node::Leaf(leaf)) => match &leaf.value {
            // EXPOSE: the text is compared with the file that it was written to.
            Value::Text(text) => says_text(node, scalar, text.expose()),
            value => node.tag.is_none() && scalar.plain && plain_value(scalar).is_some_and(|found| same_value(&found, value)),
        },
        _ => false,
    }
}

fn says_text(node: &Syntax<'_>, scalar: &Scalar<'_>, text: &[u8]) -> bool {
    let bytes = scalar.text.bytes();
    node.tag.is_none() && bytes == text && (!scalar.plain || std::str::from_utf8(bytes).is_ok_and(|text| resolve(text, true).is_none()))
}

/// What a plain scalar says that is no text.
fn plain_value(scalar: &Scalar<'_>) -> Option<Value> {
    std::str::from_utf8(scalar.text.bytes()).ok().and_then(|text| resolve(text, true)).and_then(value_of)
}

#[cfg(test)]
mod tests {
    use crate::store::Store;
    use crate::stores::yaml::Yaml;

    #[test]
    fn a_text_says_what_was_read_from_it_and_nothing_else() {
        const ONE: &str =
            "a:\n  - 1\n  - x y\n  - b:\n    q: \"1\"\nc: {}\nd: []\ne: 1.5\nf: true\ng: 'x'\nh: |\n  1\n  2\ni: 2024-01-02\n---\nj: k\n";
        let document = Yaml.parse(ONE.as_bytes()).unwrap();
        let check = |text: &str, expected| assert_eq!(Yaml.surely_says(text.as_bytes(), &document), expected, "{text}");
        check(ONE, true);
        check(&ONE.replace("1.5", "1.50"), true);
        check(&ONE.replace("'x'", "x # y"), true);
        check(&ONE.replace("x y", "\"x\\x20y\""), true);
        check(&ONE.replace("c: {}", "# z\n\nc: {}"), true);
        check("", false);
        check(&format!("{ONE}---\n"), false);
        check(&format!("{ONE}---\nz: 1\n"), false);
        check(&ONE.replace("---\nj: k\n", ""), false);
        let changes = [
            ("- 1\n", "- 2\n"),
            ("- 1\n", "- '1'\n"),
            ("- 1\n", ""),
            ("- 1\n", "- 1\n  - 1\n"),
            ("x y", "x  z"),
            ("b:", "b: z"),
            ("b:\n", "b: &x z\n"),
            ("\"1\"", "1"),
            ("\"1\"", "\"2\""),
            ("{}", "{z: 1}"),
            ("{}", "[]"),
            ("[]", "[1]"),
            ("[]", ""),
            ("1.5", "1.6"),
            ("true", "'true'"),
            ("true", "false"),
            ("'x'", "y"),
            ("'x'", "!!binary eA=="),
            ("h:", "z:"),
            ("  2\n", "  3\n"),
            ("2024-01-02", "2024-01-03"),
            ("i: 2024-01-02\n", ""),
            ("i: 2024", "z: 1\ni: 2024"),
            ("j: k", "j: l"),
            ("j: k", "k"),
            ("j: k", "[j, k]"),
            ("j: k", "j: k\n\u{1}"),
        ];
        for (from, to) in changes {
            assert!(ONE.contains(from), "{from}");
            check(&ONE.replacen(from, to, 1), false);
        }
    }

    #[test]
    fn what_takes_more_than_a_look_is_left_to_the_tree() {
        let check = |text: &str| assert!(!Yaml.surely_says(text.as_bytes(), &Yaml.parse(text.as_bytes()).unwrap()), "{text}");
        check("a: &x 1\nb: *x\n");
        check("a: !!str 1\n");
        check("1: a\n");
        check("true: a\n");
        check("!!str a: b\n");
        check("a: &x {b: c}\n<<: *x\n");
        check("{}\n");
        check("a: 18446744073709551615\n");
    }
}
