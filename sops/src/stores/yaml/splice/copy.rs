//! A second tree of the same values.

use crate::document::{Element, List, Map, Member, Node, Pair, Span, Value};

pub(super) fn copy(node: &Node) -> Node {
    match node {
        Node::Map(map) => Node::Map(Map { members: copy_members(map), span: Span::default() }),
        Node::List(list) => {
            let elements = list.elements.iter().map(|element| match element {
                Element::Comment(comment) => Element::Comment(copy_comment(comment)),
                Element::Node(node) => Element::Node(copy(node)),
            });
            Node::List(List { elements: elements.collect(), span: Span::default() })
        }
        Node::Leaf(leaf) => Node::leaf(match &leaf.value {
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(*value),
            Value::Int(value) => Value::Int(*value),
            Value::Float(value) => Value::Float(*value),
            Value::Time(value) => Value::Time(value.clone()),
            Value::Text(text) => Value::Text(text.duplicate()),
        }),
    }
}

pub(super) fn copy_members(map: &Map) -> Vec<Member> {
    let members = map.members.iter().map(|member| match member {
        Member::Comment(comment) => Member::Comment(copy_comment(comment)),
        Member::Pair(pair) => Member::Pair(Pair { key: pair.key.clone(), value: copy(&pair.value), span: Span::default() }),
    });
    members.collect()
}

fn copy_comment(comment: &crate::document::Comment) -> crate::document::Comment {
    crate::document::Comment { text: comment.text.duplicate(), inline: comment.inline, span: Span::default() }
}
