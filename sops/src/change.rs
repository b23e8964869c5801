//! One value of a file set or taken out, with every other byte as it was.

use crate::document::{Map, Member, Node, Span};
use crate::error::{Error, ErrorKind, Result};
use crate::file::PlainFile;
use crate::path::{Reached, Step, TreePath, grown};
use crate::store::Edit;

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
    let edit = match path.follow(first) {
        (Reached::Node(node), []) => splice.value(source, known(node.span())?, &value)?,
        (Reached::Top(map) | Reached::Node(Node::Map(map)), [Step::Key(key), rest @ ..]) => splice.insert(source, map, key, &grown(rest, value))?,
        (Reached::Node(Node::List(list)), [Step::Index(_), rest @ ..]) => splice.append(source, list, &grown(rest, value))?,
        (Reached::Node(Node::Leaf(leaf)), rest) => splice.value(source, known(leaf.span)?, &grown(rest, value))?,
        (Reached::Node(Node::List(_)), _) => {
            return Err(Error::new(ErrorKind::BadPath, "go into a sequence by a key: name a number").on(path.to_string()));
        }
        _ => return Err(Error::new(ErrorKind::BadPath, "go into a mapping by a number: name a key in quotes").on(path.to_string())),
    };
    plain.edited(vec![edit])
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
    plain.edited(vec![edit])
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

fn top(document: &mut crate::document::Document) -> Result<&mut Map> {
    document.branches.first_mut().ok_or_else(no_document)
}

/// A file of a format that is not changed in place.
fn anew(store: &'static dyn crate::store::Store, document: crate::document::Document) -> Result<PlainFile> {
    let source = store.emit(&document, crate::store::Style::default())?;
    Ok(PlainFile { store, source, displaced: true, document })
}
