use proptest::prelude::*;

use super::*;
use crate::stores::proof::{apply, shown, survives_encryption_in_place};

fn tree(source: &str) -> String {
    shown(&Toml.parse(source.as_bytes()).unwrap_or_else(|error| panic!("{error}: {source}")).branches[0])
}

const EXAMPLE: &str = r#"# top
title = "x" # behind
"quoted # key" = 'raw # text'
a.x = 1
# second
a.y = [1, 2, # two
  3 ]
point = { x = 1.0, y = { z = true } }
when = 1979-05-27 07:32:00.500Z

[server] # the server
# port
port = 0x1F

[server.deep]
text = """
one # no comment
"two" """

# list
[[items]]
name = "a"

[[items]]
name = "b" # b
# end
"#;

#[test]
fn comments_belong_to_what_is_next_or_to_what_they_stand_behind() {
    let expected = concat!(
        r##"{#" top", #" behind", "title": "x", "quoted # key": "raw # text", "a": {"x": Int(1), #" second", "y": [Int(1), #" two", Int(2), Int(3)]}, "##,
        r##""point": {"x": Float(1.0), "y": {"z": Bool(true)}}, "when": Time("1979-05-27T07:32:00.5Z"), "##,
        r##"#" the server", "server": {#" port", "port": Int(31), "deep": {"text": "one # no comment\\n\\\"two\\\" "}}, "##,
        r##""items": [#" list", {"name": "a"}, {#" b", "name": "b"}], #" end"}"##,
    );
    assert_eq!(tree(EXAMPLE), expected);
}

#[test]
fn what_is_written_is_read_as_the_same_tree() {
    let check = |source: &str| {
        let document = Toml.parse(source.as_bytes()).unwrap();
        let text = Toml.emit(&document, Style::default()).unwrap();
        let text = String::from_utf8(text.expose().to_vec()).unwrap();
        assert_eq!(tree(&text), tree(source), "{text}");
    };
    check(EXAMPLE);
    check("");
    check("a = {}\nb = []\n[c]\n[c.d]\n[[e]]\n[[e]]\nf = [{x = 1}, 2]\n");
    check("a.b.c = 1\na.b.d = {}\nz = 'q'\n[t]\nx = [ # c\n 1]\n");
    check("x = \"\\u0001\\t\\\"\\\\ é\"\ny = \"a\\r\\nb\"\n");
    check("f = [inf, -inf, 1e300, -0.0, 5e-324]\n");
    check("[a.b]\nx = 1\n[c]\n[a.d]\ny = 2\n");
}

#[test]
fn values_keep_their_order_even_behind_tables() {
    let map = |members| Map { members, ..Map::default() };
    let pair = |key: &str, value| crate::document::Member::Pair(crate::document::Pair::new(key, value));
    let inner = map(vec![pair("x", Node::leaf(Value::Int(1)))]);
    let document = Document { branches: vec![map(vec![pair("a", Node::Map(inner)), pair("b", Node::leaf(Value::Int(2)))])], ..Document::default() };
    assert_eq!(Toml.emit(&document, Style::default()).unwrap().expose(), b"a.x = 1\nb = 2\n");
}

use crate::document::Map;
use crate::error::ErrorKind;

#[test]
fn what_toml_cannot_say_is_refused() {
    let check = |value: Value| assert_eq!(Toml.emit_value(&Node::leaf(value), Style::default()).unwrap_err().kind(), ErrorKind::Unencryptable);
    check(Value::Null);
    check(Value::Text(SecretBytes::new(vec![0xff])));
    let document = Toml.parse(b"a = 1\nd = 2024-01-01\n").unwrap();
    let objection = document.objection.unwrap();
    assert_eq!((objection.kind(), objection.position().unwrap().line), (ErrorKind::Unencryptable, 2));
}

#[test]
fn malformed_files_are_refused_with_the_place() {
    let check = |source: &[u8], line: usize| {
        let error = Toml.parse(source).unwrap_err();
        assert_eq!((error.kind(), error.position().unwrap().line), (ErrorKind::Malformed, line), "{error}");
    };
    check(b"a = 1\na = 2\n", 2);
    check(b"a = \n", 1);
    check(b"a = 1\nb = \"\xff\"\n", 2);
    check(b"[a]\nx = 1\n[a]\n", 3);
    check(b"a = 99999999999999999999\n", 1);
    check(format!("a = {}", "[".repeat(100_000)).as_bytes(), 1);
    check(format!("{}a = 1", "a.".repeat(100_000)).as_bytes(), 1);
}

#[test]
fn keys_are_added_and_removed_where_they_belong() {
    let check = |source: &str, at: &str, added: &str, removed: &str| {
        let document = Toml.parse(source.as_bytes()).unwrap();
        let root = &document.branches[0];
        let map = if at.is_empty() { root } else { root.get(at).map_or(root, |node| if let Node::Map(map) = node { map } else { root }) };
        let edit = Toml.splice().unwrap().insert(source.as_bytes(), map, "new", &Node::leaf(Value::Int(7))).unwrap();
        assert_eq!(String::from_utf8(apply(source.as_bytes(), vec![edit])).unwrap(), added);
        if let Some(first) = map.pairs().next() {
            let edit = Toml.splice().unwrap().remove(source.as_bytes(), first.span, map.span);
            assert_eq!(String::from_utf8(apply(source.as_bytes(), vec![edit])).unwrap(), removed);
        }
    };
    check("a = 1\nb = 2 # c\n", "", "a = 1\nb = 2 # c\nnew = 7\n", "b = 2 # c\n");
    check("a = 1", "", "a = 1\nnew = 7", "");
    check("", "", "new = 7\n", "");
    check("[t]\n", "t", "[t]\nnew = 7\n", "");
    check("[t]\n", "", "new = 7\n\n[t]\n", "");
    check("[t]\n  x = 1\n[u]\n", "t", "[t]\n  x = 1\n  new = 7\n[u]\n", "[t]\n[u]\n");
    check("t.x = 1\nb = 2\n", "t", "t.x = 1\nt.new = 7\nb = 2\n", "b = 2\n");
    check("t = { x = 1, y = 2 }\n", "t", "t = { x = 1, y = 2, new = 7 }\n", "t = { y = 2 }\n");
    check("t = {}\n", "t", "t = { new = 7 }\n", "");
    check("[t]\nx = 1\n[t.u]\ny = 1\n[v]\n", "", "new = 7\n\n[t]\nx = 1\n[t.u]\ny = 1\n[v]\n", "[v]\n");
}

proptest! {
    #[test]
    fn any_file_survives_encryption_in_place(lines in proptest::collection::vec(prop_oneof![
        Just("# note"), Just(""), Just("[t]"), Just("[t.u]"), Just("[[l]]"), Just("[[l]] # x"), Just("[v] # c"), Just("  # indented"),
        Just("a = 'x'"), Just("b = \"y\" # behind"), Just("c.d = 1"), Just("c.e = 'z' # dotted"), Just("f = ['p', 'q', # r\n 's', # t\n # u\n]"),
        Just("g = { h = 'i', j = ['k'] }"), Just("m = '''\nlong # no\n'''"), Just("n = \"\"\"a\\n\"\"\"\"\""), Just("o = 2024-01-01T00:00:00Z"),
        Just("p = [[], {}, ['x']]"), Just("\"q#\" = ''"), Just("r = 1.5\r"), Just("#")
    ], 0..14), end in any::<bool>()) {
        let mut source = lines.join("\n");
        if end {
            source.push('\n');
        }
        survives_encryption_in_place(&Toml, source.as_bytes());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\''), Just(b'#'), Just(b'\n'), Just(b'['), Just(b']'), Just(b'='), Just(b'a'), any::<u8>()], 0..60)) {
        survives_encryption_in_place(&Toml, &bytes);
    }
}
