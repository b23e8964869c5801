use proptest::prelude::*;

use super::*;
use crate::stores::proof::{apply, survives_encryption_in_place};

#[test]
fn lines_are_taken_literally() {
    // Each pair was seen from sops 3.13.3.
    let check = |source: &[u8], expected: &[u8]| {
        let document = Dotenv.parse(source).unwrap();
        assert_eq!(Dotenv.emit(&document, Style::default()).unwrap().expose(), expected, "{}", String::from_utf8_lossy(source));
    };
    check(b"export A = \"x\" # y\nB='z'\r\n", b"export A = \"x\" # y\nB='z'\r\n");
    check(b"\n\nA=1\n\n# note\n#\nB=a\\nb", b"A=1\n# note\n#\nB=a\\nb\n");
    check(b"A=\\\\n\n =\n=\n", b"A=\\\\n\n =\n=\n");
    check(b"A=\xff\0=\n #x=1\n", b"A=\xff\0=\n #x=1\n");
    check(b"", b"");
}

#[test]
fn line_breaks_of_values_are_escaped() {
    let document = Dotenv.parse(b"A=a\\nb\n").unwrap();
    let Some(Node::Leaf(Leaf { value: Value::Text(text), .. })) = document.branches[0].get("A") else { panic!("a text") };
    assert_eq!(text.expose(), b"a\nb");
}

#[test]
fn what_it_does_not_have_is_refused() {
    let refused = |key: &str, node: Node| {
        let branch = Map { members: vec![Member::Pair(Pair::new(key, node))], ..Map::default() };
        let document = Document { branches: vec![branch], ..Document::default() };
        (Dotenv.emit(&document, Style::default()).is_err(), Dotenv.emit_encrypted(&document, Style::default()).is_err())
    };
    assert_eq!(refused("a", Node::Map(Map::default())), (true, true));
    assert_eq!(refused("a", Node::List(List::default())), (true, true));
    // Those sops writes, and rejects afterwards.
    assert_eq!(refused("a", Node::leaf(Value::Null)), (false, true));
    assert_eq!(refused("a", Node::leaf(Value::Bool(true))), (false, true));
    assert_eq!(refused("a", Node::leaf(Value::Float(1.0))), (false, true));
    assert_eq!(refused("a", Node::leaf(Value::Time("2024-01-01T00:00:00.5Z".to_owned()))), (false, true));
    assert_eq!(refused("a", Node::text("x\\ny")), (false, true));
    assert_eq!(refused("a=b", Node::text("x")), (false, true));
    assert_eq!(refused("#a", Node::text("x")), (false, true));
    assert_eq!(refused("a", Node::text("x\ny")), (false, false));
    assert_eq!(refused("a", Node::leaf(Value::Int(1))), (false, false));
    assert_eq!(refused("a", Node::leaf(Value::Float(1.5))), (false, false));
}

#[test]
fn malformed_files_are_refused_with_the_place() {
    let check = |source: &[u8], line: usize| {
        let error = Dotenv.parse(source).unwrap_err();
        assert_eq!((error.kind(), error.position().unwrap().line), (ErrorKind::Malformed, line), "{error}");
    };
    check(b"A=1\nword\n", 2);
    check(b"A=1\n\r\n", 2);
    check(b"A=1\n  \n", 2);
    check(b"\xff=1\n", 1);
}

#[test]
fn pairs_are_added_and_removed_as_lines() {
    let check = |source: &str, added: &str, removed: &str| {
        let document = Dotenv.parse(source.as_bytes()).unwrap();
        let root = &document.branches[0];
        let edit = Dotenv.splice().unwrap().insert(source.as_bytes(), root, "new", &Node::text("x\ny")).unwrap();
        assert_eq!(String::from_utf8(apply(source.as_bytes(), vec![edit])).unwrap(), added);
        let first = root.pairs().next().unwrap();
        let edit = Dotenv.splice().unwrap().remove(source.as_bytes(), first.span, root.span);
        assert_eq!(String::from_utf8(apply(source.as_bytes(), vec![edit])).unwrap(), removed);
    };
    check("a=1\n\nb=2\n", "a=1\n\nb=2\nnew=x\\ny\n", "\nb=2\n");
    check("a=1", "a=1\nnew=x\\ny\n", "");
}

proptest! {
    #[test]
    fn any_file_survives_encryption_in_place(source in "([a-c# =\\\\nrü\r\t]{0,9}\n?){0,9}") {
        survives_encryption_in_place(&Dotenv, source.as_bytes());
    }
}
