use proptest::prelude::*;

use super::*;
use crate::document::{Element, List, Span, Value};
use crate::stores::proof::{apply, shown, shown_node, survives_encryption_in_place};

fn emitted(source: &[u8]) -> Vec<u8> {
    let document = Json.parse(source).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(source)));
    Json.emit(&document, Style::default()).unwrap().expose().to_vec()
}

#[test]
fn scalars_are_written_as_sops_writes_them() {
    // Each pair was seen from sops 3.13.3.
    let check = |source: &[u8], expected: &str| {
        let source = [b"{\"a\": ", source, b"}"].concat();
        assert_eq!(String::from_utf8(emitted(&source)).unwrap(), format!("{{\n\t\"a\": {expected}\n}}\n"));
    };
    check(b"-0", "0");
    check(b"-0.0", "-0");
    check(b"1.0", "1");
    check(b"1E+2", "100");
    check(b"9223372036854775807", "9223372036854775807");
    check(b"9223372036854775808", "9223372036854776000");
    check(b"1e21", "1e+21");
    check(b"1e-7", "1e-7");
    check(b"1e-400", "0");
    check(b"\"<&>\"", "\"\\u003c\\u0026\\u003e\"");
    check(b"\"\\b\\f\\u0000\\u001f\\/\\u007f\"", "\"\\b\\f\\u0000\\u001f/\u{7f}\"");
    check(b"\"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\"", "\"\\u2028\\u2029\u{202a}\"");
    check(b"\"\\ud800x\\udc00\\ud83d\\ude00\"", "\"\u{fffd}x\u{fffd}\u{1f600}\"");
    check(b"\"\xff\xed\xa0\x80\"", "\"\u{fffd}\u{fffd}\u{fffd}\u{fffd}\"");
    check(b"[ ]", "[]");
    check(
        b"{ \"x\" : { } , \"x\" : [ null , [ true ] ] }",
        "{\n\t\t\"x\": {},\n\t\t\"x\": [\n\t\t\tnull,\n\t\t\t[\n\t\t\t\ttrue\n\t\t\t]\n\t\t]\n\t}",
    );
}

#[test]
fn the_indentation_is_a_number_of_spaces_or_a_tab() {
    let document = Json.parse(b"{\"a\": [1]}").unwrap();
    let check = |indent, expected: &str| assert_eq!(Json.emit(&document, Style { indent }).unwrap().expose(), expected.as_bytes());
    check(None, "{\n\t\"a\": [\n\t\t1\n\t]\n}\n");
    check(Some(-1), "{\n\t\"a\": [\n\t\t1\n\t]\n}\n");
    check(Some(0), "{\n\"a\": [\n1\n]\n}\n");
    check(Some(3), "{\n   \"a\": [\n      1\n   ]\n}\n");
    assert_eq!(Json.emit(&document, Style { indent: Some(-2) }).unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(Json.emit(&document, Style { indent: Some(i64::MAX) }).unwrap_err().kind(), ErrorKind::Configuration);
}

#[test]
fn a_single_mapping_ends_its_line_and_nothing_else_does() {
    let check = |json: &[u8], expected: &str| {
        let document = Json.parse(json).unwrap();
        let value = Json.emit_value(document.branches[0].get("v").unwrap(), Style::default()).unwrap();
        assert_eq!(value.expose(), expected.as_bytes());
    };
    check(b"{\"v\": {\"x\": 1}}", "{\n\t\"x\": 1\n}\n");
    check(b"{\"v\": [1, 2]}", "[\n\t1,\n\t2\n]");
    check(b"{\"v\": 1e30}", "1e+30");
}

#[test]
fn malformed_files_are_refused_with_the_place() {
    let check = |source: &[u8], line: usize| {
        let error = Json.parse(source).unwrap_err();
        assert_eq!((error.kind(), error.position().unwrap().line), (ErrorKind::Malformed, line), "{error}");
    };
    for source in
        ["", "[]", "1", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{a:1}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":+1}", "{\"a\":1e400}"]
    {
        check(source.as_bytes(), 1);
    }
    for source in [
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\",
        "{\"a\":\"\t\"}",
        "{\"a\":tru}",
        "{\"a\":1} x",
        "{} {}",
        "\u{feff}{}",
        "{\"a\":[1,]}",
        "{,}",
    ] {
        check(source.as_bytes(), 1);
    }
    check(b"{\n\"a\": 1\n\"b\": 2}", 3);
    check(format!("{{\"a\":{}", "[".repeat(100_000)).as_bytes(), 1);
    check(format!("{{\"a\":\"{}", "\\".repeat(100_001)).as_bytes(), 1);
}

#[test]
fn files_that_sops_writes_and_cannot_read_are_written_otherwise_or_refused() {
    let document = Json.parse(b"{\"a\": -0.0}").unwrap();
    assert_eq!(Json.emit_encrypted(&document, Style::default()).unwrap().expose(), b"{\n\t\"a\": -0.0\n}\n");
    let check = |value: Value| Json.splice().unwrap().scalar(b"", Span::default(), &value).unwrap_err().kind();
    assert_eq!(check(Value::Text(SecretBytes::new(vec![0xff]))), ErrorKind::Unencryptable);
    assert_eq!(check(Value::Float(f64::NAN)), ErrorKind::Unencryptable);
}

fn changed(source: &str, add: bool) -> String {
    let document = Json.parse(source.as_bytes()).unwrap();
    let root = &document.branches[0];
    let splice = Json.splice().unwrap();
    let node = root.get("m");
    let edit = match (node, add) {
        (Some(Node::Map(map)), true) => splice
            .insert(source.as_bytes(), map, "k", &Node::List(List { elements: vec![Element::Node(Node::text("v"))], ..List::default() }))
            .unwrap(),
        (Some(Node::List(list)), true) => splice.append(source.as_bytes(), list, &Node::text("v")).unwrap(),
        (Some(node), false) => match node {
            Node::List(list) => {
                let last =
                    list.elements.iter().filter_map(|element| if let Element::Node(node) = element { Some(node.span()) } else { None }).next_back();
                splice.remove(source.as_bytes(), last.unwrap(), list.span)
            }
            Node::Map(map) => splice.remove(source.as_bytes(), map.pairs().next().unwrap().span, map.span),
            Node::Leaf(_) => panic!("a container"),
        },
        _ => panic!("there is `m`"),
    };
    let text = String::from_utf8(apply(source.as_bytes(), vec![edit])).unwrap();
    Json.parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
    text
}

#[test]
fn members_are_added_in_the_style_of_the_source() {
    let check = |source: &str, expected: &str| assert_eq!(changed(source, true), expected);
    check("{\n  \"m\": {\n    \"a\": 1\n  }\n}\n", "{\n  \"m\": {\n    \"a\": 1,\n    \"k\": [\n      \"v\"\n    ]\n  }\n}\n");
    check("{\n  \"m\": {}\n}\n", "{\n  \"m\": {\n    \"k\": [\n      \"v\"\n    ]\n  }\n}\n");
    check("{\"m\":{\"a\":1}}", "{\"m\":{\"a\":1, \"k\":[\"v\"]}}");
    check("{\"m\": {}}", "{\"m\": {\"k\": [\"v\"]}}");
    check("{\r\n\t\"m\": [\r\n\t\t1\r\n\t]\r\n}", "{\r\n\t\"m\": [\r\n\t\t1,\r\n\t\t\"v\"\r\n\t]\r\n}");
    check("{\n \"m\": [1, 2]\n}", "{\n \"m\": [1, 2, \"v\"]\n}");
    check("{\n \"m\": [1,2]\n}", "{\n \"m\": [1,2,\"v\"]\n}");
    check("{\"m\": []}", "{\"m\": [\"v\"]}");
}

#[test]
fn members_are_removed_with_their_comma() {
    let check = |source: &str, expected: &str| assert_eq!(changed(source, false), expected);
    check("{\"m\": {\"a\": 1, \"b\": 2}}", "{\"m\": {\"b\": 2}}");
    check("{\"m\": {\n  \"a\": 1,\n  \"b\": 2\n}}", "{\"m\": {\n  \"b\": 2\n}}");
    check("{\"m\": {\n  \"a\": 1\n}}", "{\"m\": {}}");
    check("{\"m\": [1, 2 , 3 ]}", "{\"m\": [1, 2 ]}");
    check("{\"m\": [1]}", "{\"m\": []}");
}

#[test]
fn comments_of_encrypted_lists_go_without_a_comma_left_over() {
    let check = |source: &str, expected: &str| {
        let document = Json.parse(source.as_bytes()).unwrap();
        let Some(Node::List(list)) = document.branches[0].get("m") else { panic!("a list") };
        let spans = list.elements.iter().filter_map(|element| match element {
            Element::Node(node) if shown_node(node).contains("type:comment]") => Some(node.span()),
            _ => None,
        });
        let none = SecretBytes::new(Vec::new());
        let mut edits: Vec<_> = spans.map(|span| Json.splice().unwrap().comment_for(source.as_bytes(), span, list.span, &none).unwrap()).collect();
        edits.sort_by_key(|edit| (edit.start, edit.end));
        // What lies within another one is left out.
        let mut at = 0;
        edits.retain(|edit| {
            edit.start >= at && {
                at = edit.end;
                true
            }
        });
        let text = String::from_utf8(apply(source.as_bytes(), edits)).unwrap();
        assert_eq!(text, expected);
    };
    let comment = "\"ENC[x,type:comment]\"";
    check(&format!("{{\"m\": [{comment}, 1]}}"), "{\"m\": [1]}");
    check(&format!("{{\"m\": [1, {comment}]}}"), "{\"m\": [1]}");
    check(&format!("{{\"m\": [1, {comment}, {comment}]}}"), "{\"m\": [1]}");
    check(&format!("{{\"m\": [{comment}, {comment}, 1, {comment}, 2]}}"), "{\"m\": [1, 2]}");
    check(&format!("{{\"m\": [{comment}, {comment}]}}"), "{\"m\": []}");
}

#[test]
fn ten_thousand_leaves_are_read_and_written() {
    let source: String = (0..10_000).map(|n| format!("\"key{n}\": \"{}\",\n", "x".repeat(150))).collect();
    let source = format!("{{\n{source}\"end\": null}}");
    assert_eq!(Json.parse(&emitted(source.as_bytes())).unwrap().branches[0].members.len(), 10_001);
}

fn any_json() -> impl Strategy<Value = String> {
    let scalar =
        prop_oneof![Just("1".to_owned()), Just("\"\"".to_owned()), Just("\"x\\n\"".to_owned()), Just("null".to_owned()), Just("-1.5e-3".to_owned())];
    let value = scalar.prop_recursive(4, 24, 4, |inner| {
        let space = prop_oneof![Just(""), Just(" "), Just("\n  ")];
        prop_oneof![
            (proptest::collection::vec(inner.clone(), 0..4), space.clone())
                .prop_map(|(values, space)| format!("[{space}{}{space}]", values.join(&format!(",{space}")))),
            (proptest::collection::vec(inner, 0..4), space).prop_map(|(values, space)| {
                let pairs: Vec<String> = values.iter().enumerate().map(|(n, value)| format!("\"k{}\":{space}{value}", n % 3)).collect();
                format!("{{{space}{}{space}}}", pairs.join(&format!(",{space}")))
            }),
        ]
    });
    (value, prop_oneof![Just(""), Just("\n"), Just("\r\n\t")]).prop_map(|(value, space)| format!("{{{space}\"v\": {value}{space}}}"))
}

proptest! {
    #[test]
    fn any_file_survives_encryption_in_place(source in any_json()) {
        survives_encryption_in_place(&Json, source.as_bytes());
    }

    #[test]
    fn what_is_written_is_read_as_the_same_tree(source in any_json()) {
        let text = emitted(source.as_bytes());
        assert_eq!(shown(&Json.parse(&text).unwrap().branches[0]), shown(&Json.parse(source.as_bytes()).unwrap().branches[0]));
        assert_eq!(emitted(&text), text);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'['), Just(b':'), Just(b','), any::<u8>()], 0..40)) {
        survives_encryption_in_place(&Json, &[b"{\"", bytes.as_slice()].concat());
    }
}
