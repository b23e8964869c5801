use keys::SecretBytes;
use proptest::prelude::*;

use super::*;
use crate::document::{Element, List, Map, Member, Span, Value};
use crate::store::Edit;
use crate::stores::proof::{apply, shown_node, survives_encryption_in_place};

/// What the real sops wrote of files that it did not encrypt, each after a line of five `-`.
const WRITTEN: &str = include_str!("tests/written.txt");

fn cases() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    WRITTEN.split("===== ").skip(1).map(|case| {
        let (name, case) = case.split_once('\n').unwrap();
        let (source, written) = case.split_once("-----\n").unwrap();
        (name, source, written)
    })
}

fn emitted(source: &str, indent: Option<i64>) -> String {
    let text = Yaml.emit(&Yaml.parse(source.as_bytes()).unwrap(), Style { indent }).unwrap();
    String::from_utf8(text.expose().to_vec()).unwrap()
}

fn parsed(source: &str) -> Map {
    Yaml.parse(source.as_bytes()).unwrap_or_else(|error| panic!("{error}: {source}")).branches.remove(0)
}

fn text(text: &str) -> Value {
    Value::Text(SecretBytes::new(text.as_bytes().to_vec()))
}

/// A value by its path of keys and numbers.
fn at<'m>(map: &'m Map, path: &str) -> &'m Node {
    let mut steps = path.split('.');
    let mut node = map.get(steps.next().unwrap()).unwrap();
    for step in steps {
        node = match node {
            Node::Map(map) => map.get(step).unwrap(),
            Node::List(list) => nodes(list).nth(step.parse().unwrap()).unwrap(),
            Node::Leaf(_) => panic!("{path} leads through a scalar"),
        };
    }
    node
}

fn nodes(list: &List) -> impl Iterator<Item = &Node> {
    list.elements.iter().filter_map(|element| match element {
        Element::Node(node) => Some(node),
        Element::Comment(_) => None,
    })
}

fn edited(source: &str, edit: Edit) -> String {
    String::from_utf8(apply(source.as_bytes(), vec![edit])).unwrap()
}

#[test]
fn files_are_written_as_sops_writes_them() {
    assert!(cases().count() > 15, "the cases are read");
    for (name, source, written) in cases() {
        assert_eq!(emitted(source, None), written, "{name}");
        assert_eq!(emitted(written, None), emitted(&emitted(written, None), None), "{name}: what is written stays as it is");
    }
}

#[test]
fn windows_and_byte_order_marks_leave_no_trace() {
    let check = |source: &str, written: &str| assert_eq!(emitted(source, None), written);
    check("# one\r\na: 1 # two\r\n# three\r\nb: |\r\n  x\r\n  y\r\n# four\r\n", "# one\na: 1 # two\n# three\nb: |\n    x\n    y\n# four\n");
    check("\u{feff}a: 1\nb: 'x'", "a: 1\nb: x\n");
    check("a: \"\u{1F600}\tx\"\n", "a: \"\\U0001F600\\tx\"\n");
    check("a: x \u{2028} y\n", "a: 'x\u{2028}    y'\n");
}

#[test]
fn a_level_has_as_many_spaces_as_are_asked_for() {
    let check = |indent: i64, written: &str| assert_eq!(emitted("a:\n  b:\n    - c: [x]\n", Some(indent)), written);
    check(0, "a:\n    b:\n        - c:\n            - x\n");
    check(1, "a:\n  b:\n    - c:\n        - x\n");
    check(3, "a:\n   b:\n      - c:\n         - x\n");
    check(10, "a:\n  b:\n    - c:\n        - x\n");
    let document = Yaml.parse(b"a: 1\n").unwrap();
    assert_eq!(Yaml.emit(&document, Style { indent: Some(-1) }).unwrap_err().kind(), ErrorKind::Configuration);
}

#[test]
fn single_values_are_written_as_documents() {
    let check = |source: &str, written: &str| {
        let value = Yaml.emit_value(at(&parsed(source), "a"), Style { indent: Some(2) }).unwrap();
        assert_eq!(String::from_utf8_lossy(value.expose()), written, "{source}");
    };
    check("a: {b: [1, {c: x}]}\n", "b:\n    - 1\n    - c: x\n");
    check("a: 12\n", "12\n");
    check("a: [x, [y]]\n", "- x\n- - \"y\"\n");
    check("a: 2001-01-01\n", "2001-01-01T00:00:00Z\n");
    check("a: ~\n", "null\n");
    check("a: {}\n", "{}\n");
    check("a:\n  # c\n  - x # d\n", "# c\n- x # d\n");
}

#[test]
fn blocks_that_go_yaml_could_not_read_are_written_otherwise() {
    let check = |value: &str, written: &str| {
        let list = List { elements: vec![Element::Node(Node::leaf(text(value)))], span: Span::default() };
        let value = Yaml.emit_value(&Node::List(list), Style::default()).unwrap();
        assert_eq!(String::from_utf8_lossy(value.expose()), written);
    };
    // Its own hint would be 4, twice what is true.
    check("  x\ny\n", "- |2\n    x\n  y\n");
    // It would write a block and lose the value.
    check("\tx\ny", "- \"\\tx\\ny\"\n");
    check("\n\n", "- |4+\n\n\n");
}

#[test]
fn malformed_files_are_refused_with_the_place_and_without_a_quote() {
    let check = |source: &[u8], line: usize, column: usize| {
        let error = Yaml.parse(source).unwrap_err();
        let place = error.position().map(|position| (position.line, position.column));
        assert_eq!((error.kind(), place), (ErrorKind::Malformed, Some((line, column))), "{}: {error}", source.escape_ascii());
        assert!(!error.to_string().contains("hunter2"), "{error}");
    };
    check(b"a: 1\nb: \"hunter2\n", 2, 4);
    check(b"a: 1\n hunter2\nb: 2\n  c: 3\n", 4, 4);
    check(b"- hunter2\n", 1, 1);
    check(b"hunter2\n", 1, 1);
    check(b"a: 1\n---\n- hunter2\n", 3, 1);
    check(b"a: 1\na: hunter2\n", 2, 1);
    check(b"a:\n  b: 1\n  b: hunter2\n", 3, 3);
    check(b"a: *hunter2\n", 1, 4);
    check(b"a: &x [*x]\n", 1, 8);
    check(b"a: !!int hunter2\n", 1, 4);
    check(b"a: !!binary hunter2\n", 1, 4);
    check(b"<<: hunter2\n", 1, 1);
    check(b"? [hunter2]\n: 1\n", 1, 3);
    check(b"a: [hunter2\nb: 1\n", 2, 2);
    check(b"a: {hunter2: 1]\n", 1, 15);
    check(b"a: 1\n\tb: 2\n", 2, 1);
    check(b"a: hunter2\xff\n", 1, 11);
    check(b"a: hunter2\x01\n", 1, 11);
    check(b"a: @hunter2\n", 1, 4);
    check(b"a: \"\\/\"\n", 1, 4);
    check(b"%YAML 1.2\n---\na: 1\n", 1, 1);
    check(b"a: !x!y 1\n", 1, 4);
    check(b"a: 1\n...\nb: 2\n", 3, 1);
    check(b"a: - b\n", 1, 4);
    check(b"a: |\n \tx\n\ty\n", 2, 2);
}

#[test]
fn what_can_be_read_but_not_encrypted_is_an_objection() {
    let check = |source: &str, place: (usize, usize)| {
        let document = Yaml.parse(source.as_bytes()).unwrap();
        let error = document.objection.unwrap();
        let position = error.position().unwrap();
        assert_eq!((error.kind(), (position.line, position.column)), (ErrorKind::Unencryptable, place), "{source}");
    };
    check("a: 1\n1: x\n", (2, 1));
    check("a:\n  true: x\n", (2, 3));
    check("~: x\n", (1, 1));
    check("2001-01-01: x\n", (1, 1));
    check("a: 18446744073709551615\n", (1, 4));
}

#[test]
fn a_file_without_documents_has_no_branches_and_an_empty_document_is_one() {
    let check = |source: &str, branches: usize| assert_eq!(Yaml.parse(source.as_bytes()).unwrap().branches.len(), branches, "{source:?}");
    check("", 0);
    check("# nothing\n", 0);
    check("---\n# nothing\n", 1);
    check("a: 1\n---\n---\nb: 2\n", 3);
    check("~\n", 1);
}

#[test]
fn hostile_files_are_refused_before_they_cost_much() {
    let check = |source: &str, what: &str| {
        let error = Yaml.parse(source.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    check(&format!("a: {}", "[".repeat(100_000)), "nests deeper");
    check(&format!("a: {}", "{a: ".repeat(100_000)), "nests deeper");
    check(&(0..3000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>(), "nests deeper");
    check(&"- ".repeat(100_000), "nests deeper");
    check(&"? ".repeat(100_000), "nests deeper");
    let bomb = (1..30).map(|level| format!("a{level}: &a{level} [{0}, {0}, {0}, {0}]\n", format_args!("*a{}", level - 1)));
    check(&format!("a0: &a0 x\n{}", bomb.collect::<String>()), "unfold");
    let chain = (1..2000).map(|level| format!("a{level}: &a{level} [*a{}]\n", level - 1));
    check(&format!("a0: &a0 x\n{}", chain.collect::<String>()), "");
}

#[test]
fn spans_say_where_things_stand() {
    let source = "a: !!str x # c\nb: &k 'y'\nc: |+\n  l\n\n\nd: |\n  m\n\ne:\nf: [g, {h: i}]\nj:\n- k: l\n  m: n\no: *k\n";
    let map = parsed(source);
    let check = |path: &str, expected: &str| assert_eq!(&source[at(&map, path).span().range()], expected, "{path}");
    check("a", "!!str x");
    check("b", "'y'");
    check("c", "|+\n  l\n\n");
    check("d", "|\n  m");
    check("e", "");
    check("f", "[g, {h: i}]");
    check("f.1", "{h: i}");
    check("f.1.h", "i");
    check("j", "- k: l\n  m: n");
    check("j.0", "k: l\n  m: n");
    check("o", "*k");
    assert_eq!(at(&map, "e").span(), Span::new(source.find("e:").unwrap() + 2, source.find("e:").unwrap() + 2));
    let pairs: Vec<&str> = map.pairs().map(|pair| &source[pair.span.range()]).collect();
    assert_eq!(&pairs[..2], ["a: !!str x", "b: &k 'y'"]);
    let comments: Vec<&str> = map
        .members
        .iter()
        .filter_map(|member| match member {
            Member::Comment(comment) => Some(&source[comment.span.range()]),
            Member::Pair(_) => None,
        })
        .collect();
    assert_eq!(comments, [" c"]);
    let copied = parsed("a: &a {b: [c]}\nd: *a\n");
    assert!(at(&copied, "d.b.0").span().is_unknown(), "what an alias means stands elsewhere");
}

#[test]
fn values_are_written_as_their_place_needs_it() {
    let check = |source: &str, path: &str, value: Value, expected: &str| {
        let edit = Yaml.scalar(source.as_bytes(), at(&parsed(source), path).span(), &value).unwrap();
        let after = edited(source, edit);
        assert_eq!(after, expected);
        assert_eq!(shown_node(at(&parsed(&after), path)), shown_node(&Node::leaf(value)), "{after}");
    };
    let lines = || text("x\ny\n");
    check("a: 1 # c\n", "a", text("12"), "a: \"12\" # c\n");
    check("a: |\n  b\n  c\nd: e\n", "a", text("f"), "a: f\nd: e\n");
    check("a: b\nc: d\n", "a", lines(), "a: |\n    x\n    y\nc: d\n");
    check("a:\n  b: c\n", "a.b", lines(), "a:\n  b: |\n    x\n    y\n");
    check("a: b # c\n", "a", lines(), "a: \"x\\ny\\n\" # c\n");
    check("a: b\r\nc: d\r\n", "a", lines(), "a: |\r\n    x\r\n    y\r\nc: d\r\n");
    check("a: [b, c]\n", "a.0", lines(), "a: [\"x\\ny\\n\", c]\n");
    check("a: [b, c]\n", "a.1", text("ENC[a,b]"), "a: [b, \"ENC[a,b]\"]\n");
    check("a: {b: c\n  }\n", "a.b", text("ENC[a,b]"), "a: {b: \"ENC[a,b]\"\n  }\n");
    check("a:\nb: c\n", "a", text("x"), "a: x\nb: c\n");
    check("a:\n- b\n", "a", Value::Int(1), "a:\n    1\n");
    check("a: {b}\n", "a.b", Value::Int(1), "a: {b: 1}\n");
    check("a: b\n      # c\nd: e\n", "a", lines(), "a: \"x\\ny\\n\"\n      # c\nd: e\n");
    check("a: b", "a", lines(), "a: |\n    x\n    y\n");
    check("l:\n  - a: b\n", "l.0.a", lines(), "l:\n  - a: |\n      x\n      y\n");
    check("a: &x b\n", "a", text("c"), "a: &x c\n");
}

#[test]
fn members_come_and_go_and_nothing_else_moves() {
    let list = |source: &str, path: &str, new: &str, expected: &str| {
        let map = parsed(source);
        let Node::List(list) = at(&map, path) else { panic!("{path} is no list") };
        assert_eq!(edited(source, Yaml.append(source.as_bytes(), list, &Node::leaf(text(new))).unwrap()), expected);
    };
    list("a:\n  - b # c\n\nd: e\n", "a", "x", "a:\n  - b # c\n  - x\n\nd: e\n");
    list("a: [b, c,]\n", "a", "x", "a: [b, c, x,]\n");
    list("a: []\n", "a", "x", "a: [x]\n");
    list("a:\n- b", "a", "x", "a:\n- b\n- x");
    let insert = |source: &str, path: Option<&str>, expected: &str| {
        let root = parsed(source);
        let map = match path.map(|path| at(&root, path)) {
            None => &root,
            Some(Node::Map(map)) => map,
            Some(_) => panic!("no mapping"),
        };
        assert_eq!(edited(source, Yaml.insert(source.as_bytes(), map, "k", &Node::leaf(text("x"))).unwrap()), expected);
    };
    insert("a: 1\n# c\n", None, "a: 1\nk: x\n# c\n");
    insert("a:\n  b: 1\nc: 2\n", Some("a"), "a:\n  b: 1\n  k: x\nc: 2\n");
    insert("a: {b: 1}\n", Some("a"), "a: {b: 1, k: x}\n");
    insert("l:\n  - a: |\n      t\n  - b\n", Some("l.0"), "l:\n  - a: |\n      t\n    k: x\n  - b\n");
    insert("{}\n", None, "{k: x}\n");
    let remove = |source: &str, path: &str, expected: &str| {
        let root = parsed(source);
        let (container, last) = path.rsplit_once('.').map_or((None, path), |(above, last)| (Some(at(&root, above)), last));
        let of_pair = |map: &Map| map.pairs().find(|pair| pair.key == last).map(|pair| pair.span);
        let (span, among) = match container {
            None => (of_pair(&root).unwrap(), root.span),
            Some(Node::Map(map)) => (of_pair(map).unwrap(), map.span),
            Some(node) => (at(&root, path).span(), node.span()),
        };
        assert_eq!(edited(source, Yaml.remove(source.as_bytes(), span, among)), expected);
    };
    remove("a: 1\nb: 2 # c\nd: 3\n", "b", "a: 1\nd: 3\n");
    remove("a:\n  - b\n  - c\n", "a.0", "a:\n  - c\n");
    remove("a:\n  - b: 1\n    c: 2\n", "a.0.b", "a:\n  - c: 2\n");
    remove("a: [b, c]\n", "a.1", "a: [b]\n");
    remove("a: {b: 1, c: 2}\n", "a.b", "a: {c: 2}\n");
    remove("a:\n  b: 1\nc: 2\n", "a.b", "a:\n  {}\nc: 2\n");
    remove("-a: 1\n", "-a", "{}\n");
    remove("a:\n- b\nc: 2\n", "a.0", "a:\n []\nc: 2\n");
}

#[test]
fn any_written_file_survives_encryption_in_place() {
    for (_, source, written) in cases() {
        // An alias is replaced by what it means, which is the business of the pass.
        if !source.contains('*') {
            survives_encryption_in_place(&Yaml, source.as_bytes());
        }
        survives_encryption_in_place(&Yaml, written.as_bytes());
    }
}

#[test]
fn a_hundred_thousand_leaves_are_read_and_written() {
    let source: String = (0..100_000).map(|number| format!("key{number}: value{number} # c\n")).collect();
    assert_eq!(emitted(&source, None), source);
}

#[test]
fn a_hundred_thousand_keys_that_are_no_texts_are_one_objection() {
    let source: String = (0..100_000).map(|number| format!("{number}: a\n")).collect();
    let objection = Yaml.parse(source.as_bytes()).unwrap().objection.unwrap();
    assert_eq!(objection.position().map(|position| position.line), Some(1));
}

fn any_line() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("x"),
        Just("'a b'"),
        Just("\"\\n\""),
        Just("|\n   t\n"),
        Just("[a, {b: c}]"),
        Just(""),
        Just("é: "),
        Just("- y"),
        Just("*a"),
        Just("&a z")
    ];
    (
        0..4usize,
        prop_oneof![Just("k: "), Just("- "), Just("# "), Just("- k: "), Just("")],
        value,
        prop_oneof![Just("\n"), Just(" # c\n"), Just("\r\n"), Just("")],
    )
        .prop_map(|(indent, start, value, end)| format!("{}{start}{value}{end}", "  ".repeat(indent)))
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same_tree(lines in proptest::collection::vec(any_line(), 0..8)) {
        let Ok(document) = Yaml.parse(lines.concat().as_bytes()) else { return Ok(()) };
        let written = Yaml.emit(&document, Style::default()).unwrap();
        let again = Yaml.parse(written.expose()).unwrap();
        let values = |document: &Document| document.branches.iter().map(values_of).collect::<Vec<_>>();
        prop_assert_eq!(values(&document), values(&again), "{}", lines.concat());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\n'), Just(b' '), Just(b'-'), Just(b':'), Just(b'#'), Just(b'|'), Just(b'['), Just(b'&'), Just(b'\t'), any::<u8>()], 0..60)) {
        if let Ok(document) = Yaml.parse(&bytes) {
            Yaml.emit(&document, Style::default()).unwrap();
            let metadata = Map { members: vec![], ..Map::default() };
            let _ = Yaml.put_metadata(&bytes, &document, &metadata);
        }
    }
}

/// The tree as it is shown, comments left out.
fn values_of(map: &Map) -> String {
    let pairs = map.pairs().map(|pair| format!("{:?}: {}", pair.key, values_of_node(&pair.value)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

fn values_of_node(node: &Node) -> String {
    match node {
        Node::Map(map) => values_of(map),
        Node::List(list) => format!("[{}]", nodes(list).map(values_of_node).collect::<Vec<_>>().join(", ")),
        Node::Leaf(_) => shown_node(node),
    }
}
