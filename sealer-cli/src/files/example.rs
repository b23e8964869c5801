//! What a new file begins with.

use sops::{Document, Map, Member, MetadataLayout, Node, Pair, Store};

/// A file that shows a person what may stand in it.
pub(crate) fn example(store: &dyn Store) -> Document {
    let map = |pairs: Vec<Pair>| Map { members: pairs.into_iter().map(Member::Pair).collect(), ..Map::default() };
    let pairs = || vec![Pair::new("user", Node::text("shop")), Pair::new("password", Node::text("change me"))];
    let branch = match store.layout() {
        _ if !store.reserves_names() => map(vec![Pair::new("data", Node::text("change me\n"))]),
        MetadataLayout::Prefixed => map(pairs()),
        MetadataLayout::Nested | MetadataLayout::Section => map(vec![Pair::new("database", Node::Map(map(pairs())))]),
    };
    Document { branches: vec![branch], ..Document::default() }
}
