use proptest::prelude::{any, prop, proptest};

use super::*;

const DOCUMENT: &str = r#"{"a":{"b.c":[1,"x",null,{"k":"v\n"}]},"n":1.50,"list":[{"id":1,"t":"one"},{"id":2,"t":"two"}]}"#;

fn check(path: &str, expected: Option<(&str, &str)>) {
    let found = get(DOCUMENT.as_bytes(), path).unwrap();
    let found = found.map(|found| (String::from_utf8(found.json().to_vec()).unwrap(), String::from_utf8(found.text().to_vec()).unwrap()));
    assert_eq!(found.as_ref().map(|(json, text)| (json.as_str(), text.as_str())), expected, "{path}");
}

#[test]
fn a_part_is_found_as_it_is_written_and_as_text() {
    check("a.b\\.c.0", Some(("1", "1")));
    check("a.b\\.c.1", Some(("\"x\"", "x")));
    check("a.b\\.c.2", Some(("null", "")));
    check("a.b*.3.k", Some(("\"v\\n\"", "v\n")));
    check("n", Some(("1.50", "1.5")));
    check("a.b.c", None);
    check("list.#(t=\"two\").id", Some(("2", "2")));
    check("list.#(id>0)#.t", Some(("[\"one\",\"two\"]", "[\"one\",\"two\"]")));
    check("list.#.id|@reverse|0", Some(("2", "2")));
    check("{x:n,list.#}", Some(("{\"x\":1.50,\"_\":2}", "{\"x\":1.50,\"_\":2}")));
}

#[test]
fn a_name_with_escaped_dots_is_one_component() {
    assert_eq!(with_escaped_dots("a.b.c"), "a\\.b\\.c");
}

/// Each would take years, or the stack, if nothing counted.
#[test]
fn work_and_depth_are_bounded() {
    let doubling = vec!["[@this,@this]"; 64].join("|");
    let nested = format!("{}a{}", "[".repeat(5000), "]".repeat(5000));
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let stars = format!("*{}", ".*".repeat(40));
    let wide = format!("{{\"a\":{}1{}}}", "{\"a\":1,\"b\":".repeat(40), "}".repeat(40));
    let queries = format!("{}1{}", "#(".repeat(3000), ")".repeat(3000));
    let cases: [(&str, &str); 6] = [
        (DOCUMENT, &doubling),
        (DOCUMENT, &nested),
        (&deep, "@flatten:{\"deep\":true}"),
        (&deep, "@pretty"),
        (&deep, &queries),
        (&deep, &"0.".repeat(4000)),
    ];
    for (document, path) in cases {
        assert_eq!(get(document.as_bytes(), path).err(), Some(TooComplex), "{}", &path[..20.min(path.len())]);
    }
    assert!(get(wide.as_bytes(), &stars).is_ok());
}

#[test]
fn debug_shows_no_byte_of_a_part() {
    assert_eq!(format!("{:?}", get(DOCUMENT.as_bytes(), "a").unwrap()), "Some(Found(..))");
}

proptest! {
    #[test]
    fn no_document_and_no_path_panics(document in r#"([{}\[\],:" \\anu0-9.\-#]|"a":|\[1,|\{"b":){0,40}"#, path in r#"([a-c.|#*?\\@!{}\[\]()=<>%~":,0-9 é]|@keys|@flatten|@pretty|#\(|\.\.){0,24}"#) {
        if let Ok(Some(found)) = get(document.as_bytes(), &path) {
            let _ = found.text();
        }
    }

    #[test]
    fn no_bytes_panic(document in prop::collection::vec(any::<u8>(), 0..64), path in ".{0,12}") {
        if let Ok(Some(found)) = get(&document, &path) {
            let _ = found.text();
        }
    }
}
