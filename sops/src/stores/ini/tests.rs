use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::stores::proof::{apply, shown, survives_encryption_in_place};

fn emitted(source: &[u8]) -> String {
    let document = Ini.parse(source).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(source)));
    String::from_utf8_lossy(Ini.emit(&document, Style::default()).unwrap().expose()).into_owned()
}

#[test]
fn files_are_written_as_sops_writes_them() {
    // Each pair was seen from sops 3.13.3.
    let check = |source: &str, expected: &str| assert_eq!(emitted(source.as_bytes()), expected, "{source:?}");
    for (source, expected) in SEEN {
        check(source, expected);
    }
}

const SEEN: &[(&str, &str)] = &[
    ("a=1\nb : two\n", "a = 1\nb = two\n"),
    ("; top\n# more\nlong_key = 1 ; behind\nk=\n", "; top\n# more\n; behind\nlong_key = 1\nk        = \n"),
    ("[s]\na=1\n[s]\na=2\n[DEFAULT]\nz=1\n", "[s]\na = 1\n\n[s]\na = 2\n\n[DEFAULT]\nz = 1\n"),
    (
        "a = `x;y`\nb = \"\"\"two\nlines\"\"\"\nc = con\\\n tinued\nd = \" pad \"\ne = 'q'\n",
        "a = `x;y`\nb = \"\"\"two\nlines\"\"\"\nc = continued\nd = \" pad \"\ne = q\n",
    ),
    ("`a=b` = 1\n\"q\" = 2\nk\"q = 3\nk`q = 4\n", "`a=b`     = 1\nq         = 2\n`k\"q`     = 3\n\"\"\"k`q\"\"\" = 4\n"),
    ("a=1\na=2 ; again\n", "; again\na = 2\n"),
    ("[e]\n; lost\n", "[e]\n"),
    ("", ""),
    (";;; x\n[s] ; y\n#k\nz = %(a)s\n", "; x\n; y\n[s]\n; k\nz = %(a)s\n"),
    ("- = x\n- = y\n", "#1 = x\n#2 = y\n"),
    ("a = ` x`\n[ s p ]\nb= \u{a0}x\u{a0}\n", "a = \" x\"\n\n[ s p ]\nb = x\n"),
    ("; a\r\n; b\r\nk = v\r\n", "; a\n; b\nk = v\n"),
    ("[s]\n\n\n[t]\nx=\"a\"b\"\n", "[s]\n\n[t]\nx = \"a\"b\"\n"),
];

#[test]
fn comments_stand_behind_their_key_in_the_tree() {
    let document = Ini.parse(b"; top\n# more\na = 1 ; behind\n; of section\n[s] # too\nb = 2\n; lost\n").unwrap();
    let expected = r##"{"DEFAULT": {"a": "1", #"top\n# more\n; behind"}, "s": {#"of section\n# too", "b": "2"}}"##;
    assert_eq!(shown(&document.branches[0]), expected);
}

#[test]
fn names_and_values_that_do_not_come_back_are_refused() {
    let check = |source: &[u8]| {
        let document = Ini.parse(source).unwrap();
        assert_eq!(
            Ini.emit_encrypted(&document, Style::default()).unwrap_err().kind(),
            ErrorKind::Unencryptable,
            "{}",
            String::from_utf8_lossy(source)
        );
    };
    check(b"a = `\"x\"`\n");
    check(b"a = `'x'`\n");
    check(b"- = x\n");
    check(b"a = `x\"\"\"\ny`\n");
}

#[test]
fn metadata_is_escaped_and_both_shapes_are_read() {
    let old = "[s]\na = b\n\n[sops]\nage__list_0__map_enc = \"\"\"x\ny\n\"\"\"\nmac = z\n";
    let new = "[s]\na = b\n\n[sops]\nage__list_0__map_enc = x\\ny\\n\nmac                  = z\n";
    let document = Ini.parse_encrypted(old.as_bytes()).unwrap();
    assert_eq!(Ini.emit_encrypted(&document, Style::default()).unwrap().expose(), new.as_bytes());
    assert_eq!(shown(&Ini.parse_encrypted(new.as_bytes()).unwrap().branches[0]), shown(&document.branches[0]));
}

#[test]
fn malformed_files_are_refused_with_the_place() {
    let check = |source: &[u8], line: usize| {
        let error = Ini.parse(source).unwrap_err();
        assert_eq!((error.kind(), error.position().unwrap().line), (ErrorKind::Malformed, line), "{error}");
    };
    check(b"a = 1\nword\n", 2);
    check(b"[open\n", 1);
    check(b"[]\n", 1);
    check(b"a = 1\n = 2\n", 2);
    check(b"\"\" = 2\n", 1);
    check(b"\"open = 2\n", 1);
    check(b"a = \"\"\"x\ny", 1);
    check(b"a = `x\ny", 1);
    check(b"\xff = 1\n", 1);
}

#[test]
fn what_is_not_read_does_not_stay_in_an_encrypted_file() {
    let source = "; old\na = secret\nb = `x` secret\n; new\na = 2\n[s] secret\nc = 1\n; secret\n";
    let document = Ini.parse(source.as_bytes()).unwrap();
    let metadata = Map { members: vec![Member::Pair(Pair::new("sops", Node::Map(Map::default())))], ..Map::default() };
    let edits = Ini.splice().unwrap().put_metadata(source.as_bytes(), &document, &metadata).unwrap();
    let text = String::from_utf8(apply(source.as_bytes(), edits)).unwrap();
    assert_eq!(text, "a =\nb = `x`\n; new\na = 2\n[s]\nc = 1\n\n[sops]\n");
}

#[test]
fn keys_and_sections_are_added_and_removed_where_they_belong() {
    let check = |source: &str, section: usize, added: &str, removed: &str| {
        let document = Ini.parse(source.as_bytes()).unwrap();
        let sections: Vec<&Map> =
            document.branches[0].pairs().filter_map(|pair| if let Node::Map(map) = &pair.value { Some(map) } else { None }).collect();
        let edit = Ini.splice().unwrap().insert(source.as_bytes(), sections[section], "new", &Node::text("x;y")).unwrap();
        assert_eq!(String::from_utf8(apply(source.as_bytes(), vec![edit])).unwrap(), added);
        if let Some(first) = sections[section].pairs().next() {
            let edit = Ini.splice().unwrap().remove(source.as_bytes(), first.span, sections[section].span);
            assert_eq!(String::from_utf8(apply(source.as_bytes(), vec![edit])).unwrap(), removed);
        }
    };
    check("a = 1\nb = 2 ; c\n", 0, "a = 1\nb = 2 ; c\nnew = `x;y`\n", "b = 2 ; c\n");
    check("a=1", 0, "a=1\nnew=`x;y`", "");
    check("[s]\n", 0, "new = `x;y`\n[s]\n", "");
    check("[s]\n[t]\n", 1, "[s]\nnew = `x;y`\n[t]\n", "");
    check("[s]\na = \"\"\"x\ny\"\"\" ; c\n\n[t]\n", 1, "[s]\na = \"\"\"x\ny\"\"\" ; c\nnew = `x;y`\n\n[t]\n", "[s]\n\n[t]\n");
}

proptest! {
    #[test]
    fn any_file_survives_encryption_in_place(lines in proptest::collection::vec(prop_oneof![
        Just("; note"), Just("# two"), Just(""), Just("[s]"), Just("[s] ; c"), Just("[DEFAULT]"), Just("  ; indented"), Just("a = x"), Just("a = y ; again"),
        Just("b=`q;r`"), Just("c : \"z\" # d"), Just("d = \"\"\"one\ntwo\"\"\" ; e"), Just("e = con \\\n tinued"), Just("f ="), Just("`g=h` = i"),
        Just("- = auto"), Just("j = `k` junk"), Just("l = 'm'\r"), Just("n = o#p"), Just(";"), Just("r = ` s `"), Just("t = `\"u\"`")
    ], 0..14), end in any::<bool>()) {
        let mut source = lines.join("\n");
        if end {
            source.push('\n');
        }
        survives_encryption_in_place(&Ini, source.as_bytes());
    }
}
