use std::ops::Range;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn parse(text: &str) -> Manifest {
    Manifest::parse(&SecretBytes::new(text.as_bytes().to_vec())).unwrap()
}

fn refuse(bytes: &[u8]) -> Error {
    let result = Manifest::parse(&SecretBytes::new(bytes.to_vec())).and_then(|manifest| manifest.objects().map(|_| ()));
    result.expect_err(&String::from_utf8_lossy(bytes))
}

fn values(text: &str) -> Vec<Value> {
    parse(text).documents().iter().map(Node::to_value).collect()
}

fn put(text: &str, path: &[&str], value: &str) -> Result<String> {
    let manifest = parse(text);
    let objects = manifest.objects()?;
    let mut edits = manifest.edit();
    edits.put(objects[0].node, path, value);
    Ok(String::from_utf8(edits.apply()?).unwrap())
}

#[test]
fn scalars_resolve_as_kubernetes_resolves_them() {
    let check = |scalar: &str, expected: Value| assert_eq!(values(&format!("a: {scalar}\n"))[0]["a"], expected, "{scalar}");
    for (scalar, expected) in [("yes", true), ("Off", false), ("TRUE", true), ("no", false), ("y", true), ("N", false)] {
        check(scalar, json!(expected));
    }
    for scalar in ["", "~", "null"] {
        check(scalar, Value::Null);
    }
    check("12", json!(12));
    check("0x10", json!(16));
    check("0X1F", json!(31));
    check("0O17", json!(15));
    check("1_000", json!(1000));
    check("0777", json!(511));
    check("-1.5", json!(-1.5));
    for scalar in ["12:30", "2001-01-01", "1.2.3", "AgBx==", "'yes'", "\"12\"", "!!str 12", "e1", "0x", "."] {
        assert!(values(&format!("a: {scalar}\n"))[0]["a"].is_string(), "{scalar}");
    }
}

#[test]
fn documents_without_content_are_skipped() {
    assert_eq!(values("---\n# nothing\n---\na: 1\n---\n---\nb: 2\n...\n"), [json!({"a": 1}), json!({"b": 2})]);
    assert!(values("").is_empty());
    assert!(values("# only a comment\n").is_empty());
    assert_eq!(values("{\"a\":1}\n{\"b\":[true,null,\"\\ud83d\\ude00\"]}"), [json!({"a": 1}), json!({"b": [true, null, "😀"]})]);
    assert_eq!(values("{a: 1, # flow mapping\n b: 2}"), [json!({"a": 1, "b": 2})]);
}

#[test]
fn aliases_and_merge_keys_are_unfolded() {
    let text = "base: &b {x: 1, y: 2}\nuse: *b\nmore:\n  <<: *b\n  y: 3\n";
    assert_eq!(values(text), [json!({"base": {"x": 1, "y": 2}, "use": {"x": 1, "y": 2}, "more": {"y": 3, "x": 1}})]);
}

#[test]
fn of_merge_keys_and_own_keys_the_last_one_wins() {
    let check = |map: &str, expected: Value| {
        let text = format!("one: &one {{a: 1, b: 1}}\ntwo: &two {{b: 2, c: 2}}\nmap: {map}\n");
        assert_eq!(values(&text)[0]["map"], expected, "{map}");
    };
    check("{a: 0, <<: *one}", json!({"a": 1, "b": 1}));
    check("{<<: *one, a: 0}", json!({"a": 0, "b": 1}));
    check("{a: 0, <<: *one, b: 0}", json!({"a": 1, "b": 0}));
    check("{<<: *one, <<: *two}", json!({"a": 1, "b": 2, "c": 2}));
    check("{<<: *one, b: 0, <<: *two}", json!({"a": 1, "b": 2, "c": 2}));
    check("{b: 0, <<: [*one, *two]}", json!({"a": 1, "b": 1, "c": 2}));
    check("{c: 0, <<: [*two, *one], a: 0}", json!({"a": 0, "b": 2, "c": 2}));
    // A value that is overruled is given twice neither before nor behind.
    assert!(refuse(b"one: &one {a: 1}\nmap: {a: 0, <<: *one, a: 0}\n").to_string().contains("given twice"));
    // What is overruled can not be changed where it stands.
    let error = put("one: &one {a: x}\nmap:\n  a: y\n  <<: *one\n", &["map", "a"], "NEW").unwrap_err();
    assert!(error.to_string().contains("anchor, alias or merge key"), "{error}");
}

#[test]
fn documents_that_are_no_objects_are_passed_over_among_others() {
    let names =
        |text: &str| parse(text).objects_among_others().map(|objects| objects.iter().map(|object| object.name.to_owned()).collect::<Vec<_>>());
    let object = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\n";
    assert_eq!(
        names(&format!("- op: remove\n---\n{object}---\nwords\n---\nmetadata: [a]\n---\nkind: 7\n---\napiVersion: 1\nkind:\n")).unwrap(),
        ["db"]
    );
    assert!(names("[]").unwrap().is_empty());
    assert_eq!(names(&format!("apiVersion: v1\nkind: List\nitems: [{{{}}}]\n", object.trim_end().replace('\n', ", "))).unwrap(), ["db"]);
    assert!(names("apiVersion: v1\nkind: Secret\nmetadata: [db]\n").is_err());
}

#[test]
fn bombs_of_aliases_and_nesting_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", "));
    }
    assert!(refuse(bomb.as_bytes()).to_string().contains("unfold"));
    assert!(refuse("[".repeat(100_000).as_bytes()).place().line.is_some());
    assert!(refuse(format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000)).as_bytes()).to_string().contains("nested"));
}

#[test]
fn errors_name_the_line_and_never_the_value() {
    let check = |bytes: &[u8], line: usize, part: &str| {
        let error = refuse(bytes);
        assert_eq!(error.place().line, Some(line), "{error}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    };
    check(b"a: 1\nb: 2\na: hunter2\n", 3, "given twice, first in line 1");
    check(b"{\"a\": \"hunter2\",\n\"a\": 1}", 2, "given twice");
    check(b"a: 1\nb: [hunter2\nc: 3\n", 3, "YAML");
    check(b"{\"a\": 1,\n \"b\": hunter2", 2, "JSON");
    check(b"a: b\n- hunter2\n", 2, "YAML");
    check(b"- hunter2\n", 1, "expected a Kubernetes object, found a list");
    check(b"kind: Secret\nmetadata: hunter2\n", 2, "metadata");
    check(b"kind: Secret\nmetadata:\n  name: 12\n", 3, "expected a string, found a number");
    check(b"a: ok\nb: \xff hunter2\n", 2, "UTF-8");
    check(b"a: !!binary aHVudGVyMg==\n", 1, "!!binary");
}

#[test]
fn every_encoding_of_windows_is_read() {
    let text = "kind: Secret\r\nmetadata:\r\n  name: ü\r\n";
    let little: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let big: Vec<u8> = [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    for bytes in [little, big, [b"\xef\xbb\xbf", text.as_bytes()].concat(), text.as_bytes().to_vec()] {
        let manifest = Manifest::parse(&SecretBytes::new(bytes)).unwrap();
        assert_eq!(manifest.objects().unwrap()[0].name, "ü");
    }
    assert!(refuse(&[0xff, 0xfe, 0x00]).to_string().contains("odd number"));
    assert!(refuse(&[0xff, 0xfe, 0x00, 0xd8]).to_string().contains("surrogate"));
}

#[test]
fn lists_are_expanded_in_place() {
    let manifest = parse(
        "kind: List\nitems:\n- kind: Secret\n  metadata: {name: a}\n- kind: SecretList\n  items:\n  - {kind: Secret, metadata: {name: b}}\n---\nkind: Secret\nmetadata: {name: c}\n",
    );
    let names: Vec<&str> = manifest.objects().unwrap().iter().map(|object| object.name).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_put_changes_nothing_but_its_value() {
    let check = |text: &str, path: &[&str], expected: &str| assert_eq!(put(text, path, "NEW").unwrap(), expected);
    // Replaced, in every style.
    check("# head\na:   b   # why\nc: d\n", &["a"], "# head\na:   NEW   # why\nc: d\n");
    check("a: \"b\"\n", &["a"], "a: NEW\n");
    check("a: |- # note\n  one\n  two\n\n# end\nc: d\n", &["a"], "a: NEW # note\n\n# end\nc: d\n");
    check("a: >\n  one\n\nc: |+\n  x\n\n", &["c"], "a: >\n  one\n\nc: NEW\n\n");
    check("{\"a\": \"b\", \"c\": 1}", &["a"], "{\"a\": \"NEW\", \"c\": 1}");
    // Added to a mapping.
    check("m:\n    a: 1 # one\n\n# tail\n", &["m", "b"], "m:\n    a: 1 # one\n    b: NEW\n\n# tail\n");
    check("m:\n  a:\n  - x\n  - y: |\n      z\no: 1", &["m", "b"], "m:\n  a:\n  - x\n  - y: |\n      z\n  b: NEW\no: 1");
    check("m: {a: 1}\n", &["m", "b"], "m: {a: 1, \"b\": \"NEW\"}\n");
    check("m: {}\n", &["m", "b"], "m: {\"b\": \"NEW\"}\n");
    check("a: 1", &["b"], "a: 1\nb: NEW");
    check("a: 1\r\nb: 2\r\n", &["c"], "a: 1\r\nb: 2\r\nc: NEW\r\n");
    check("m: { # none\n  }\n", &["m", "b"], "m: {\"b\": \"NEW\" # none\n  }\n");
    // Added with the mappings above it.
    check("a: 1\nm:\n  x: 2\n", &["m", "o", "p"], "a: 1\nm:\n  x: 2\n  o:\n    p: NEW\n");
    check("m: # none\na: 1\n", &["m", "o"], "m: # none\n  o: NEW\na: 1\n");
    check("m: null # none\na: 1\n", &["m", "o"], "m:  # none\n  o: NEW\na: 1\n");
    check("m:\n", &["m"], "m: NEW\n");
    check(
        "kind: List\nitems:\n- kind: Secret\n  metadata:\n    name: a\n",
        &["metadata", "x"],
        "kind: List\nitems:\n- kind: Secret\n  metadata:\n    name: a\n    x: NEW\n",
    );
    // Behind block scalars: a comment with their signs, line breaks that belong to the value, an empty body.
    check("a: | # see | or > b\n  one\nb: 1\n", &["a"], "a: NEW # see | or > b\nb: 1\n");
    check("m:\n  a: >+\n    one\n\n\nb: 1\n", &["m", "c"], "m:\n  a: >+\n    one\n\n\n  c: NEW\nb: 1\n");
    check("m:\n  a: |\nb: 1\n", &["m", "c"], "m:\n  a: |\n  c: NEW\nb: 1\n");
    check("m:\n  a: |\n    one\n\n\nb: 1\n", &["m", "c"], "m:\n  a: |\n    one\n  c: NEW\n\n\nb: 1\n");
    // Beside a merge key.
    check("z: &z {k: v}\nm:\n  a: 1\n  <<: *z\nb: 1\n", &["m", "c"], "z: &z {k: v}\nm:\n  a: 1\n  c: NEW\n  <<: *z\nb: 1\n");
    // JSON.
    check("{\n  \"m\": {\n    \"a\": \"1\"\n  }\n}\n", &["m", "b"], "{\n  \"m\": {\n    \"a\": \"1\",\n    \"b\": \"NEW\"\n  }\n}\n");
    check("{\"m\":{}}", &["m", "b"], "{\"m\":{\"b\": \"NEW\"}}");
    check("{\"m\":null}", &["m", "b"], "{\"m\":{\"b\": \"NEW\"}}");
    check("{\"a\":1}", &["m", "b"], "{\"a\":1, \"m\": {\"b\": \"NEW\"}}");
}

#[test]
fn the_last_put_to_a_place_wins() {
    let manifest = parse("m: {}\n");
    let objects = manifest.objects().unwrap();
    let mut edits = manifest.edit();
    for value in ["one", "two"] {
        edits.put(objects[0].node, &["m", "a"], value);
        edits.put(objects[0].node, &["o"], value);
    }
    assert_eq!(edits.apply().unwrap(), b"m: {\"a\": \"two\"}\no: two\n");
}

#[test]
fn what_is_shared_is_never_spliced() {
    let error = put("z: &m {a: b}\nm:\n  <<: *m\n", &["m", "c"], "NEW").unwrap_err();
    assert!(error.to_string().contains("anchor, alias or merge key"), "{error}");
    for text in ["a: &x b\nc: *x\n", "b: &x k\na: *x\n", "z: &m {a: b}\n<<: *m\n"] {
        let error = put(text, &["a"], "NEW").unwrap_err();
        assert!(error.to_string().contains("anchor, alias or merge key"), "{error}");
    }
}

#[test]
fn a_byte_order_mark_is_kept_and_utf16_is_not_written() {
    let with_mark = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let manifest = Manifest::parse(&SecretBytes::new(with_mark("a: b\n"))).unwrap();
    let objects = manifest.objects().unwrap();
    let mut edits = manifest.edit();
    edits.put(objects[0].node, &["a"], "c2");
    assert_eq!(edits.apply().unwrap(), with_mark("a: c2\n"));
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain("a: b\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert!(Manifest::parse(&SecretBytes::new(wide)).unwrap().edit().apply().is_err());
}

/// Manifests in many styles: keys, comments, quotes, flow and block, several documents.
fn manifest_text() -> impl Strategy<Value = String> {
    let scalar = prop_oneof!["[a-zA-Z0-9+/]{1,90}", "\"[a-z \\t#:]{0,9}\"", "'[a-z #:]{0,9}'", Just(String::new()), Just("~".to_owned())];
    let comment = prop_oneof![3 => Just(String::new()), 1 => " # [a-z :#]{0,9}"];
    let item = ("[a-z]{1,6}", scalar, comment.clone());
    (prop::collection::btree_map("[a-z]{1,6}", (item, any::<u8>()), 1..6), comment, prop::bool::ANY, 0..3_usize).prop_map(
        |(items, comment, crlf, blank)| {
            let mut text = format!("kind: X{comment}\nspec:{comment}\n  first: 1\n");
            for (key, ((other, scalar, comment), style)) in items {
                text += &match style % 5 {
                    0 => format!("  {key}: |{comment}\n    {other}\n     {other}\n"),
                    1 => format!("  {key}: {{{other}: \"x\"}}{comment}\n"),
                    2 => format!("  {key}:{comment}\n    {other}: {scalar}\n"),
                    3 => format!("  {key}:\n  - {scalar}\n  - {other}{comment}\n"),
                    _ => format!("  {key}: {scalar}{comment}\n"),
                };
            }
            text += &"\n".repeat(blank);
            text += "metadata: {name: a}\n";
            if crlf { text.replace('\n', "\r\n") } else { text }
        },
    )
}

/// What a put to the value of an entry may remove: the value, and the header of a block scalar.
fn replaced(entry: &Entry) -> Range<usize> {
    let start = if entry.value.style == Style::BlockScalar { entry.key_span.end } else { entry.value.span.start };
    start..entry.value.span.end
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// The law of splicing: the new text reads as the old one plus the puts, and nothing goes but what a put replaces: without what came in, and
    /// without what it replaced, the new text and the old one are the same bytes.
    #[test]
    fn splicing_keeps_every_other_byte(text in manifest_text(), keys in prop::collection::vec("[a-z]{1,6}", 1..4), deep in any::<bool>()) {
        let manifest = parse(&text);
        let objects = manifest.objects().unwrap();
        let mut edits = manifest.edit();
        let mut may_go = Vec::new();
        // Every key that is there, and some that are not.
        let spec = objects[0].node.get("spec").unwrap();
        for key in spec.entries().iter().map(|entry| entry.key.as_str()).step_by(2).chain(keys.iter().map(String::as_str)) {
            let taken = spec.entry(key);
            let path: Vec<&str> = match taken.map(|entry| &entry.value.kind) {
                Some(Kind::List(_)) => continue,
                Some(Kind::Map(_)) => vec!["spec", key, "added"],
                None if deep => vec!["spec", key, "added"],
                _ => {
                    may_go.extend(taken.map(replaced));
                    vec!["spec", key]
                }
            };
            edits.put(objects[0].node, &path, "NEW");
        }
        let changes = edits.changes().unwrap();
        // `apply` compares the result with the intention by itself; an error here is a failed law.
        let result = String::from_utf8(edits.apply().unwrap()).unwrap();
        let (mut old, mut new, mut at, mut seen) = (String::new(), String::new(), 0, 0);
        for change in &changes {
            let fits = |range: &Range<usize>| range.start <= change.range.start && change.range.end <= range.end;
            prop_assert!(change.range.is_empty() || may_go.iter().any(fits), "{:?} is gone", &text[change.range.clone()]);
            let kept = change.range.start - at;
            old += &text[at..change.range.start];
            new += &result[seen..seen + kept];
            prop_assert_eq!(&result[seen + kept..seen + kept + change.text.len()], &change.text);
            prop_assert_eq!(change.text.matches('\n').count(), change.text.matches(if text.contains('\r') { "\r\n" } else { "\n" }).count());
            (at, seen) = (change.range.end, seen + kept + change.text.len());
        }
        prop_assert_eq!(new + &result[seen..], old + &text[at..], "{}", result);
    }

    #[test]
    fn any_text_is_read_without_panic(text in "[\\PC\n\t{}\\[\\]:,&*!|>'\"#-]{0,80}") {
        let _ = Manifest::parse(&SecretBytes::new(text.into_bytes())).map(|manifest| manifest.objects().map(|_| ()));
    }

    #[test]
    fn what_is_written_is_read_back(pairs in prop::collection::btree_map("\\PC{0,12}", "[\\PC\n\r\t\u{0}\u{feff}\u{85}\u{2028}]{0,40}", 0..5)) {
        let value = json!({"kind": "X", "data": pairs});
        for format in [Format::Json, Format::Yaml] {
            let text = write(&value, format).unwrap();
            prop_assert_eq!(&values(&text), std::slice::from_ref(&value), "{}", &*text);
        }
    }
}

#[test]
fn members_are_added_behind_block_scalars_and_implied_values() {
    let check = |text: &str, path: &[&str], expected: &str| assert_eq!(put(text, path, "v").unwrap(), expected);
    check("a:\n  b: >\n    x\nc:\n  d: 1\n", &["a", "m"], "a:\n  b: >\n    x\n  m: v\nc:\n  d: 1\n");
    check("s:\n  a:\n    b: |\n      x\n  c: 1\n", &["s", "a", "m"], "s:\n  a:\n    b: |\n      x\n    m: v\n  c: 1\n");
    check("a: |- # x: | # y\n  text\nb: 1\n", &["a"], "a: v # x: | # y\nb: 1\n");
    check("s:\n  a: |- # empty\n  b: 1\n", &["s", "a"], "s:\n  a: v # empty\n  b: 1\n");
    assert!(put("{a: {b: , c: }}\n", &["a", "n"], "v").is_ok());
    assert_eq!(put("{a: 1, b}\n", &["b"], "v").unwrap_err().kind(), crate::ErrorKind::Input);
}

#[test]
fn hostile_merges_and_keys_stay_within_the_budget() {
    let long = "k".repeat(900);
    let keys = format!("a: &a {{{long}: 1}}\nb: [{}]\n", vec!["*a"; 40_000].join(", "));
    assert!(refuse(keys.as_bytes()).to_string().contains("unfold into more than"));
}

/// Removes an entry of the first object; None if that can not be done in place.
fn cut(text: &str, path: &[&str]) -> Option<String> {
    let manifest = parse(text);
    let objects = manifest.objects().unwrap();
    let mut edits = manifest.edit();
    // Asked for twice, it goes once.
    let gone = edits.remove(objects[0].node, path) && edits.remove(objects[0].node, path);
    gone.then(|| String::from_utf8(edits.apply().unwrap()).unwrap())
}

#[test]
fn an_entry_goes_with_its_line_and_with_the_mapping_that_it_leaves_empty() {
    let check = |text: &str, expected: Option<&str>| assert_eq!(cut(text, &["m", "a", "x"]).as_deref(), expected, "{text}");
    check("m:\n  a:\n    x: 1\n    y: 2\n  n: z\n", Some("m:\n  a:\n    y: 2\n  n: z\n"));
    check("m:\r\n  a:\r\n    y: 2\r\n    x: |\r\n      1\r\n  n: z\r\n", Some("m:\r\n  a:\r\n    y: 2\r\n  n: z\r\n"));
    check("m:\n  n: z\n  a:\n    x: \"1\"\n", Some("m:\n  n: z\n"));
    check("m:\n  n: z\n  a:\n    x: 1", Some("m:\n  n: z\n"));
    check("m:\n  a: {x: 1}\n  n: z\n", Some("m:\n  n: z\n"));
    check("m: {n: z, a: {y: 2, x: 1}}\n", Some("m: {n: z, a: {y: 2}}\n"));
    check("m: {a: {x: 1}, n: z}\n", Some("m: {n: z}\n"));
    check("m: {a: {x: 1}}\n", Some("m: {}\n"));
    check("{\n  \"m\": {\n    \"a\": {\n      \"x\": \"#\"\n    },\n    \"n\": \"z\"\n  }\n}\n", Some("{\n  \"m\": {\n    \"n\": \"z\"\n  }\n}\n"));
    // Somebody wrote that, or shares it, or it does not stand alone.
    check("m:\n  n: z\n  a:\n    # why\n    x: 1\n", None);
    check("m:\n  n: z\n  a:\n    x: 1 # why\n    y: 2\n", None);
    check("m:\n  n: z\n  a: &a\n    x: 1\nb: *a\n", None);
    check("m:\n  n: z\n  a: {x: &x 1, y: 2}\nb: *x\n", None);
    check("m:\n  a:\n    x: 1\n", None);
    check("m:\n  a:\n    y: 2\n", None);
    check("m:\n  a:\n    ? x\n    : 1\n    y: 2\n", None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// `apply` compares the result with the intention by itself; what is left is one piece before and one behind.
    #[test]
    fn cutting_takes_one_piece_or_nothing(text in manifest_text()) {
        for key in parse(&text).objects().unwrap()[0].node.get("spec").unwrap().entries() {
            let Some(left) = cut(&text, &["spec", &key.key]) else { continue };
            let common = text.bytes().zip(left.bytes()).take_while(|(a, b)| a == b).count();
            let behind = left.len() - common;
            prop_assert!(left.len() < text.len() && text.as_bytes().ends_with(&left.as_bytes()[common..]), "{behind}: {left}");
        }
    }
}
