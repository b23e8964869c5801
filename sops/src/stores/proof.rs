//! What holds for every format whose files are changed in place, whatever the file.

use keys::SecretBytes;

use crate::document::{Document, Element, Leaf, List, Map, Member, Node, Pair, Value};
use crate::metadata::METADATA_KEY;
use crate::store::{Edit, MetadataLayout, Splice, Store};

/// What stands in place of every text while a file is encrypted.
const CIPHERTEXT: &str = "ENC[AES256_GCM,data:oYyi,iv:MyIDYbT718JRr11QtBkcj3Dwm4k1aCGZBVeZf0EyV8o=,tag:t5z2Z023Up0kxwCgw1gNxg==,type:str]";

/// Carries edits out, and insists that they do not overlap.
pub(super) fn apply(source: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let mut text = Vec::new();
    let mut at = 0;
    for edit in &edits {
        assert!(edit.start >= at && edit.end >= edit.start, "edits overlap: {edits:?}\n{}", String::from_utf8_lossy(source));
        text.extend_from_slice(&source[at..edit.start]);
        // EXPOSE: a test looks at what was written.
        text.extend_from_slice(edit.text.expose());
        at = edit.end;
    }
    text.extend_from_slice(&source[at..]);
    text
}

/// Shows a tree without places, so that trees can be compared.
pub(super) fn shown(map: &Map) -> String {
    let members = map.members.iter().map(|member| match member {
        // EXPOSE: a test looks at what was written.
        Member::Comment(comment) => format!("#{:?}", String::from_utf8_lossy(comment.text.expose())),
        Member::Pair(pair) => format!("{:?}: {}", pair.key, shown_node(&pair.value)),
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
}

pub(super) fn shown_node(node: &Node) -> String {
    match node {
        Node::Map(map) => shown(map),
        Node::List(list) => {
            let elements = list.elements.iter().map(|element| match element {
                // EXPOSE: a test looks at what was written.
                Element::Comment(comment) => format!("#{:?}", String::from_utf8_lossy(comment.text.expose())),
                Element::Node(node) => shown_node(node),
            });
            format!("[{}]", elements.collect::<Vec<_>>().join(", "))
        }
        // EXPOSE: a test looks at what was written.
        Node::Leaf(Leaf { value: Value::Text(text), .. }) => format!("{:?}", text.expose().escape_ascii().to_string()),
        Node::Leaf(leaf) => format!("{:?}", leaf.value),
    }
}

/// Encrypts every text and comment in place, adds metadata, and takes all of it back: the tree has to be that which was meant each time.
pub(super) fn survives_encryption_in_place(store: &dyn Store, source: &[u8]) {
    let Ok(document) = store.parse(source) else { return };
    let Some(before) = document.branches.first() else { return };
    if before.pairs().any(|pair| pair.key == METADATA_KEY || pair.key.starts_with("sops_")) {
        return;
    }
    let splice = store.splice().expect("the format can be changed in place");
    let mut expected = store.parse(source).unwrap();
    let mut edits = Vec::new();
    let mut taken = Vec::new();
    replace(&mut expected.branches[0], &mut |place| {
        let new = SecretBytes::new(CIPHERTEXT.into());
        edits.extend(match &place {
            Place::Text(leaf) => vec![splice.scalar(source, leaf.span, &Value::Text(new.duplicate())).unwrap()],
            Place::Comment(text, span) if text.is_empty() || span.is_unknown() => return,
            Place::Comment(_, span) => splice.comment_edits(source, *span, &new).unwrap(),
        });
        match place {
            Place::Text(leaf) => taken.push(std::mem::replace(&mut leaf.value, Value::Text(new))),
            Place::Comment(text, _) => taken.push(Value::Text(std::mem::replace(text, new))),
        }
    });
    edits.extend(splice.put_metadata(source, &document, &metadata(store.layout())).unwrap());
    let encrypted = apply(source, edits);
    let text = String::from_utf8_lossy(&encrypted).into_owned();
    let document = store.parse_encrypted(&encrypted).unwrap_or_else(|error| panic!("{error}: {text}"));
    let (mut found, block) = split(document);
    assert_eq!(shown(&found), shown(&expected.branches[0]), "{text}");
    assert_eq!(shown(&block), shown(&metadata(store.layout())), "{text}");
    decrypts_in_place(store, splice, &encrypted, &mut found, (taken, &shown(before)));
}

fn decrypts_in_place(store: &dyn Store, splice: &dyn Splice, encrypted: &[u8], found: &mut Map, (taken, before): (Vec<Value>, &str)) {
    let mut edits = Vec::new();
    let mut taken = taken.into_iter();
    replace(found, &mut |place| {
        // EXPOSE: a test looks at what was written.
        let is_ciphertext = |text: &SecretBytes| text.expose() == CIPHERTEXT.as_bytes();
        match place {
            Place::Text(leaf) => edits.push(splice.scalar(encrypted, leaf.span, &taken.next().unwrap()).unwrap()),
            Place::Comment(text, span) if is_ciphertext(text) => {
                let Some(Value::Text(old)) = taken.next() else { panic!("a comment has a text") };
                edits.extend(splice.comment_edits(encrypted, span, &old).unwrap());
            }
            Place::Comment(..) => {}
        }
    });
    let whole = store.parse_encrypted(encrypted).unwrap();
    edits.extend(splice.cut_metadata(encrypted, &whole));
    let decrypted = apply(encrypted, edits);
    let document = store.parse(&decrypted).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&decrypted)));
    assert_eq!(shown(&document.branches[0]), before, "{}", String::from_utf8_lossy(&decrypted));
}

enum Place<'m> {
    Text(&'m mut Leaf),
    Comment(&'m mut SecretBytes, crate::document::Span),
}

fn replace(map: &mut Map, change: &mut impl FnMut(Place<'_>)) {
    for member in &mut map.members {
        match member {
            Member::Comment(comment) => change(Place::Comment(&mut comment.text, comment.span)),
            Member::Pair(pair) => replace_node(&mut pair.value, change),
        }
    }
}

fn replace_node(node: &mut Node, change: &mut impl FnMut(Place<'_>)) {
    match node {
        Node::Map(map) => replace(map, change),
        Node::List(List { elements, .. }) => elements.iter_mut().for_each(|element| match element {
            Element::Comment(comment) => change(Place::Comment(&mut comment.text, comment.span)),
            Element::Node(node) => replace_node(node, change),
        }),
        Node::Leaf(leaf) => {
            if matches!(leaf.value, Value::Text(_)) {
                change(Place::Text(leaf));
            }
        }
    }
}

fn metadata(layout: MetadataLayout) -> Map {
    let pair = |name: &str, value: Node| Member::Pair(Pair::new(name, value));
    let map = |members| Map { members, ..Map::default() };
    match layout {
        MetadataLayout::Prefixed => map(vec![pair("sops_age__list_0__map_enc", Node::text("a\nb\n")), pair("sops_mac", Node::text("ENC[m]"))]),
        MetadataLayout::Section => {
            map(vec![pair("sops", Node::Map(map(vec![pair("age__list_0__map_enc", Node::text("a\nb\n")), pair("mac", Node::text("ENC[m]"))])))])
        }
        MetadataLayout::Nested => {
            let age = Node::List(List { elements: vec![Element::Node(Node::Map(map(vec![pair("enc", Node::text("a\nb\n"))])))], ..List::default() });
            map(vec![pair("sops", Node::Map(map(vec![pair("mac", Node::text("ENC[m]")), pair("age", age)])))])
        }
    }
}

fn split(document: Document) -> (Map, Map) {
    let branch = document.branches.into_iter().next().unwrap();
    let is_metadata = |member: &Member| matches!(member, Member::Pair(pair) if pair.key == METADATA_KEY || pair.key.starts_with("sops_"));
    let span = branch.span;
    let (block, rest) = branch.members.into_iter().partition(is_metadata);
    (Map { members: rest, span }, Map { members: block, ..Map::default() })
}
