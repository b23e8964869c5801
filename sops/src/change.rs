//! One value of a file set or taken out, with every other byte as it was.

use keys::SecretBytes;

use crate::document::{Document, Element, Map, Member, Node, Span, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::file::PlainFile;
use crate::path::{Reached, Step, TreePath, grown};
use crate::same::same_content;
use crate::scalar::flat_text;
use crate::store::{Edit, MetadataLayout, Store, Style};

/// Sets a value in the first document: what is missing on the way is made.
///
/// # Errors
/// `BadPath`: it cannot lead there; Unencryptable: the value cannot stand there.
pub fn set(plain: PlainFile, path: &TreePath, value: Node) -> Result<PlainFile> {
    let plain = plain.placed()?;
    let Some(splice) = plain.store().splice().filter(|_| !plain.source().is_empty()) else {
        let mut document = plain.document;
        path.set(top(&mut document)?, value)?;
        return anew(plain.store, document);
    };
    if path.steps().is_empty() {
        return Err(Error::new(ErrorKind::BadPath, "set a value at the top of the file: name a key"));
    }
    let first = plain.document.branches.first().ok_or_else(no_document)?;
    // EXPOSE: the text is changed in place.
    let source = plain.source().expose();
    let (reached, rest) = path.follow(first);
    // What is written is all that is missing on the way, the value in it.
    let (missing, below) = match (reached, rest) {
        (Reached::Top(_) | Reached::Node(Node::Map(_) | Node::List(_)), [next, below @ ..]) => (std::slice::from_ref(next), below),
        (_, below) => (&[][..], below),
    };
    let place = TreePath::of(path.steps()[..path.steps().len() - rest.len()].iter().chain(missing).cloned().collect());
    let value = of_format(plain.store(), grown(below, value));
    let edit = match (reached, rest) {
        (Reached::Node(node), []) => splice.value(source, known(node.span())?, &value)?,
        (Reached::Top(map) | Reached::Node(Node::Map(map)), [Step::Key(key), ..]) => splice.insert(source, map, key, &value)?,
        (Reached::Node(Node::List(list)), [Step::Index(_), ..]) => splice.append(source, list, &value)?,
        (Reached::Node(Node::Leaf(leaf)), _) => splice.value(source, known(leaf.span)?, &value)?,
        (Reached::Node(Node::List(_)), _) => {
            return Err(Error::new(ErrorKind::BadPath, "go into a sequence by a key: name a number").on(path.to_string()));
        }
        _ => return Err(Error::new(ErrorKind::BadPath, "go into a mapping by a number: name a key in quotes").on(path.to_string())),
    };
    changed(plain, edit, |top| place.set(top, value))
}

/// Takes a value out of the first document.
///
/// # Errors
/// `NotFound`: there is nothing at that place.
pub fn unset(plain: PlainFile, path: &TreePath) -> Result<PlainFile> {
    let plain = plain.placed()?;
    let Some(splice) = plain.store().splice().filter(|_| !plain.source().is_empty()) else {
        let mut document = plain.document;
        path.unset(top(&mut document)?)?;
        return anew(plain.store, document);
    };
    let first = plain.document.branches.first().ok_or_else(no_document)?;
    let Some((last, above)) = path.steps().split_last() else {
        return Err(Error::new(ErrorKind::BadPath, "remove the whole file: name a key"));
    };
    path.find(first)?;
    let container = TreePath::of(above.to_vec());
    let (span, among) = match (container.find(first)?, last) {
        (Reached::Top(map) | Reached::Node(Node::Map(map)), Step::Key(key)) => (pair_span(map, key), map.span),
        (Reached::Node(Node::List(list)), Step::Index(index)) => (list.value(*index).map(Node::span), list.span),
        _ => (None, Span::default()),
    };
    let span = known(span.unwrap_or_default())?;
    // EXPOSE: the text is changed in place.
    let edit: Edit = splice.remove(plain.source().expose(), span, among);
    changed(plain, edit, |top| path.unset(top))
}

/// Changes the text, and the tree of it too: where they no longer say the same, the file is written anew.
fn changed(mut plain: PlainFile, edit: Edit, change: impl FnOnce(&mut Map) -> Result<()>) -> Result<PlainFile> {
    let edited = plain.edited(vec![edit]);
    change(top(&mut plain.document)?)?;
    match edited {
        Ok(edited) if same_content(&edited.document, &plain.document) => Ok(edited),
        _ => anew(plain.store, plain.document),
    }
}

/// A value as the format holds it: in some every value is a text.
fn of_format(store: &dyn Store, mut node: Node) -> Node {
    if store.layout() != MetadataLayout::Nested {
        flatten(&mut node);
    }
    node
}

fn flatten(node: &mut Node) {
    match node {
        Node::Map(map) => map.members.iter_mut().for_each(|member| {
            if let Member::Pair(pair) = member {
                flatten(&mut pair.value);
            }
        }),
        Node::List(list) => list.elements.iter_mut().for_each(|element| {
            if let Element::Node(node) = element {
                flatten(node);
            }
        }),
        Node::Leaf(leaf) => leaf.value = Value::Text(SecretBytes::new(flat_text(&leaf.value))),
    }
}

fn pair_span(map: &Map, key: &str) -> Option<Span> {
    map.members.iter().find_map(|member| match member {
        Member::Pair(pair) if pair.key == key => Some(pair.span),
        _ => None,
    })
}

fn known(span: Span) -> Result<Span> {
    if span.is_unknown() {
        return Err(Error::new(ErrorKind::BadPath, "change a value that stands behind an alias: change it where the anchor is"));
    }
    Ok(span)
}

fn no_document() -> Error {
    Error::new(ErrorKind::Empty, "change a file in which there is nothing")
}

fn top(document: &mut Document) -> Result<&mut Map> {
    document.branches.first_mut().ok_or_else(no_document)
}

/// A file that is not changed in place.
fn anew(store: &'static dyn Store, document: Document) -> Result<PlainFile> {
    let source = store.emit(&document, Style::default())?;
    Ok(PlainFile { store, source, displaced: true, document })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passage::tests::{secret, text};
    use crate::stores::named;

    fn file(store: &str, source: &str) -> PlainFile {
        PlainFile::parse(named(store).unwrap(), secret(source)).unwrap()
    }

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    #[test]
    fn what_is_taken_out_takes_nothing_else_with_it() {
        let check =
            |store, source, at, expected| assert_eq!(text(&unset(file(store, source), &path(at)).unwrap().into_source()), expected, "{source}");
        let scattered = "apple.type = \"fruit\"\norange.type = \"fruit\" # round\napple.skin = \"thin\"\n";
        check("toml", scattered, r#"["apple"]"#, "[orange]\ntype = \"fruit\" # round\n");
        check("toml", scattered, r#"["apple"]["skin"]"#, "apple.type = \"fruit\"\norange.type = \"fruit\" # round\n");
        check("toml", "a.b =   1\nc =   2\n", r#"["a"]["b"]"#, "c =   2\n");
        check("yaml", "l: [a: 1,  b]\n", r#"["l"][0]["a"]"#, "l: [{},  b]\n");
    }

    #[test]
    fn what_is_set_stands_where_it_should() {
        let check = |store, source, at, expected: &str| {
            let file = set(file(store, source), &path(at), Node::leaf(Value::Int(30))).unwrap();
            assert_eq!(text(&file.source().duplicate()), expected, "{source}");
            let again = file.placed().unwrap();
            assert!(path(at).find(&again.document.branches[0]).is_ok(), "{source}");
        };
        check("toml", "[database.primary]\nhost =  \"h\"\n", r#"["database"]["timeout"]"#, "[database]\nprimary.host = \"h\"\ntimeout = 30\n");
        check("toml", "a.x = 1\nb.x = 2\na.y = 3\n", r#"["a"]"#, "a = 30\n\n[b]\nx = 2\n");
        check("toml", "[t]\nx =  1\n", r#"["new"]"#, "new = 30\n\n[t]\nx =  1\n");
        check("yaml", "limits: {cpu: }\n", r#"["limits"]["mem"]"#, "limits: {cpu: , mem: 30 }\n");
        check("yaml", "l: [a: ]\n", r#"["l"][1]"#, "l: [a: , 30 ]\n");
        check("yaml", "l: {a:   1}\n", r#"["l"]["b"][0]["c"]"#, "l: {a:   1, b: [{c: 30}]}\n");
        check("json", "{\"a\":   1}\n", r#"["b"]["c"]"#, "{\"a\":   1, \"b\":   {\"c\": 30}}\n");
        check("ini", "[a]\nb   = 1\n", r#"["a"]["c"]"#, "[a]\nb   = 1\nc = 30\n");
        check("dotenv", "A=1 \n", r#"["B"]"#, "A=1 \nB=30\n");
    }
}
