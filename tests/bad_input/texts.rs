//! Texts that are too large, too clever, or in a strange encoding.

use std::collections::HashSet;
use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

use tests::sealer;

use crate::place::{Place, SECRET};

const SEAL: &str = "seal --cert alpha.crt plain.yaml";

/// Runs a command that must be done before anybody would press Ctrl-C.
#[track_caller]
fn quickly<T>(limit: u64, run: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = run();
    assert!(started.elapsed() < Duration::from_secs(limit), "it took {:?}", started.elapsed());
    result
}

#[track_caller]
fn refuse_text(text: impl AsRef<[u8]>, status: i32, words: &[&str]) {
    let place = Place::new();
    place.home.write("plain.yaml", text);
    for line in [SEAL, "seal --cert alpha.crt --output out.yaml plain.yaml", "verify plain.yaml", "unseal --key alpha.pem plain.yaml"] {
        place.refuse(line, status, words);
    }
}

pub(crate) fn a_value_of_ten_mebibytes_comes_back_whole() {
    let place = Place::new();
    let value = "0123456789abcdef".repeat(10 << 16);
    place.home.write("plain.yaml", SECRET.replace("dummy-value", &value));
    quickly(60, || place.run("seal --cert alpha.crt --output sealed.yaml plain.yaml").success());
    assert!(quickly(60, || place.run("unseal --key alpha.pem --item password sealed.yaml").success()) == value);
}

pub(crate) fn a_file_of_more_than_64_mebibytes_is_refused_before_it_fills_the_memory() {
    let place = Place::new();
    fs::File::create(place.path("huge.yaml")).unwrap().set_len(1 << 40).unwrap();
    for line in
        ["seal --cert alpha.crt huge.yaml", "seal --cert /dev/zero huge.yaml", "unseal --key huge.yaml huge.yaml", "verify --cert huge.yaml x"]
    {
        let ended = quickly(60, || place.run(line));
        assert_eq!(ended.status, 2, "{}", ended.error());
        assert!(ended.error().contains("huge.yaml: cannot read the content: more than 64 MiB"), "{}", ended.error());
    }
}

pub(crate) fn fourteen_thousand_items_are_sealed_merged_and_opened() {
    let place = Place::new();
    let items = (0..14_000).fold(String::new(), |mut text, at| {
        writeln!(text, "  item-{at}: v{at}").unwrap();
        text
    });
    place.home.write("plain.yaml", format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\nstringData:\n{items}"));
    quickly(120, || place.run("seal --cert alpha.crt --output sealed.yaml plain.yaml").success());
    let before = place.read("sealed.yaml");
    place.home.write("one.yaml", SECRET);
    quickly(60, || place.run("seal --cert alpha.crt --merge-into sealed.yaml one.yaml").success());
    let after = place.read("sealed.yaml");
    assert_eq!(after.lines().count(), before.lines().count() + 2);
    let kept: HashSet<&str> = after.lines().collect();
    assert!(before.lines().all(|line| kept.contains(line)), "a line was lost");
    assert_eq!(quickly(240, || place.run("unseal --key alpha.pem --item item-13999 sealed.yaml").success()), "v13999");
}

pub(crate) fn a_key_that_is_given_twice_is_an_error_with_both_lines() {
    refuse_text(SECRET.replace("  user: shop", "  password: other"), 2, &["plain.yaml:8: ", "key \"password\" is given twice, first in line 7"]);
    refuse_text(format!("{SECRET}kind: Secret\n"), 2, &["plain.yaml:9: ", "key \"kind\" is given twice, first in line 2"]);
    let json = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","namespace":"shop"},
        "stringData":{"a":"x",
        "a":"y"}}"#;
    refuse_text(json, 2, &["plain.yaml:3: ", "key \"a\" is given twice, first in line 2"]);
    let place = Place::with_sealed();
    let text = place.read("sealed.yaml");
    place.home.write("sealed.yaml", format!("{}    user: AgA=\n", text.trim_end_matches('\n').to_owned() + "\n"));
    for line in ["unseal --key alpha.pem sealed.yaml", "reseal --key alpha.pem --in-place sealed.yaml", "verify sealed.yaml"] {
        place.refuse(line, 2, &["sealed.yaml:", "key \"user\" is given twice"]);
    }
}

pub(crate) fn anchors_are_read_and_never_spliced() {
    let place = Place::with_sealed();
    place.home.write("plain.yaml", SECRET.replace("dummy-value", "&a dummy-value").replace("user: shop", "user: *a"));
    place.home.write("sealed-too.yaml", place.run(SEAL).success());
    assert_eq!(place.run("unseal --key alpha.pem --item user sealed-too.yaml").success(), "dummy-value");
    place.home.write("sealed.yaml", place.read("sealed.yaml").replace("  password: A", "  password: &a A"));
    place.refuse("reseal --key alpha.pem --key beta.pem --in-place sealed.yaml", 2, &["sealed.yaml:", "stands behind an anchor", "help: "]);
    place.refuse("seal --cert alpha.crt --merge-into sealed.yaml plain.yaml", 2, &["stands behind an anchor"]);
}

pub(crate) fn what_unfolds_without_end_is_refused_at_once() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        writeln!(laughs, "a{level}: &a{level} [{}]", vec![format!("*a{}", level - 1); 10].join(", ")).unwrap();
    }
    let long = "k".repeat(900);
    let keys = format!("a: &a {{{long}: 1}}\nb: [{}]\n", vec!["*a"; 40_000].join(", "));
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 10_000].join(", "));
    for text in [laughs, keys, text] {
        quickly(60, || refuse_text(text, 2, &["plain.yaml:", "anchors and aliases unfold into more than"]));
    }
    let lines = |name: &str| {
        (0..45_000).fold(String::new(), |mut text, at| {
            writeln!(text, "  {name}{at}: 1").unwrap();
            text
        })
    };
    let merged = format!("a: &a\n{}b:\n  <<: *a\n{}", lines("k"), lines("j"));
    quickly(60, || refuse_text(merged, 3, &["plain.yaml: "]));
}

pub(crate) fn what_is_nested_without_end_is_refused_at_once() {
    let deep = "[".repeat(100_000);
    for text in [deep.clone(), format!("a: {deep}"), "- ".repeat(100_000), "{\"a\":".repeat(100_000), "? ".repeat(50_000)] {
        quickly(60, || refuse_text(text, 2, &["plain.yaml:", "read "]));
    }
}

pub(crate) fn powershells_utf16_is_read_but_not_written_over() {
    let place = Place::with_sealed();
    let wide = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.replace('\n', "\r\n").encode_utf16()).flat_map(order).collect()
    };
    for order in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
        place.home.write("plain.yaml", wide(SECRET, order));
        place.home.write("result.yaml", place.run(SEAL).success());
        assert_eq!(place.run("unseal --key alpha.pem --item password result.yaml").success(), "dummy-value");
        place.home.write("wide.yaml", wide(&place.read("sealed.yaml"), order));
        assert_eq!(place.run("unseal --key alpha.pem --item password wide.yaml").success(), "dummy-value");
        place.refuse("reseal --key alpha.pem --key beta.pem --in-place wide.yaml", 2, &["wide.yaml: ", "UTF-16", "help: Save it as UTF-8"]);
        place.refuse("seal --cert alpha.crt --merge-into wide.yaml plain.yaml", 2, &["wide.yaml: ", "UTF-16"]);
    }
    let whole = wide(SECRET, u16::to_le_bytes);
    refuse_text(&whole[..whole.len() - 1], 2, &["decode UTF-16: an odd number of bytes"]);
    refuse_text(b"\xff\xfe\x00\xd8a\x00", 2, &["a surrogate without its partner"]);
    // Without a mark nobody can know; the text is full of NUL.
    refuse_text(&whole[2..], 2, &["plain.yaml:1: ", "read YAML"]);
}

pub(crate) fn a_byte_order_mark_and_windows_line_ends_are_kept() {
    let place = Place::with_sealed();
    let text = format!("\u{feff}{}", place.read("sealed.yaml").replace('\n', "\r\n"));
    place.home.write("sealed.yaml", &text);
    place.home.write("plain.yaml", format!("\u{feff}{}", SECRET.replace('\n', "\r\n").replace("user: shop", "more: x")));
    place.run("seal --cert alpha.crt --merge-into sealed.yaml plain.yaml").success();
    let after = place.read("sealed.yaml");
    assert!(after.starts_with('\u{feff}'), "the mark is gone");
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count(), "a line ends otherwise");
    assert_eq!(after.lines().count(), text.lines().count() + 1);
    assert_eq!(place.run("unseal --key alpha.pem --item more sealed.yaml").success(), "x");
}

pub(crate) fn bytes_that_are_no_text_are_named_by_line() {
    refuse_text(b"apiVersion: v1\nkind: \xc3\x28\n", 2, &["plain.yaml:2: ", "decode UTF-8", "help: "]);
    refuse_text(b"apiVersion: v1\nkind: \x00Secret\n", 2, &["plain.yaml:2: ", "read YAML"]);
    refuse_text(b"\x7fELF\x02\x01\x01\x00\x00", 2, &["plain.yaml:1: ", "read YAML"]);
}

pub(crate) fn input_without_an_object_is_not_found() {
    for text in
        ["", "\n\n", "# a comment\n", "---\n---\n...\n", "\u{feff}", "kind: ConfigMap\napiVersion: v1\n", "apiVersion: v1\nkind: List\nitems: []\n"]
    {
        refuse_text(text, 3, &["there is no "]);
    }
    for (text, word) in [("- a\n- b\n", "a list"), ("just words\n", "a string"), ("[]", "a list"), ("7", "a number")] {
        refuse_text(text, 2, &["plain.yaml:1: ", "expected a Kubernetes object", word]);
    }
}

pub(crate) fn every_document_and_every_item_of_a_list_counts() {
    let place = Place::new();
    let second = SECRET.replace("name: db", "name: two");
    let item = |text: &str| text.trim_end().replace('\n', "\n    ");
    let list = format!("apiVersion: v1\nkind: List\nitems:\n  - {}\n  - {}\n", item(SECRET), item(&second));
    for text in [format!("{SECRET}---\n# nothing\n---\n{second}"), list] {
        place.home.write("plain.yaml", &text);
        let sealed = place.run(SEAL).success();
        assert!(sealed.contains("  name: db\n") && sealed.contains("  name: two\n"), "{sealed}");
        place.home.write("sealed.yaml", sealed);
        let opened = place.run("unseal --key alpha.pem sealed.yaml").success();
        assert_eq!((opened.matches("kind: Secret\n").count(), opened.matches("  password: ZHVtbXktdmFsdWU=\n").count()), (2, 2), "{opened}");
        // One that is wrong among many: nothing at all.
        place.home.write("plain.yaml", text.replacen("dummy-value", "true", 1));
        place.refuse(
            "seal --cert alpha.crt --output out.yaml plain.yaml",
            2,
            &["plain.yaml:", "Secret shop/db, item \"password\": ", "found a boolean"],
        );
    }
}

pub(crate) fn a_dash_is_standard_input_for_every_command() {
    let place = Place::with_sealed();
    let dash = |line: &str, input: &str| place.home.command(sealer()).args(line.split(' ')).input(input).run();
    let opened = |sealed: &str, key: &str| dash(&format!("unseal --key {key} --item password -"), sealed).success();
    let sealed = dash("seal --cert alpha.crt -", SECRET).success();
    assert_eq!(opened(&sealed, "alpha.pem"), "dummy-value");
    let resealed = dash("reseal --key alpha.pem --key beta.pem -", &sealed).success();
    assert_eq!(opened(&resealed, "beta.pem"), "dummy-value");
    assert!(dash("verify --key beta.pem -", &resealed).success().starts_with("checked 1 object with private keys: 0 errors"));
    assert_eq!(dash("kubeseal --cert alpha.crt -f -", SECRET).status, 1, "kubeseal knows no dash");
    // Beside files, in the order of the command line.
    let both = dash("unseal --key alpha.pem sealed.yaml -", &sealed.replace("password: ", "passport: ")).success();
    assert!(both.find("password: ") < both.find("passport: "), "{both}");
    // What is wrong with it is said of standard input.
    for line in ["seal --cert alpha.crt -", "unseal --key alpha.pem -", "reseal --key alpha.pem --key beta.pem -", "verify -"] {
        let ended = dash(line, "a: [\n");
        assert_eq!(ended.status, 2, "{line}: {}", ended.error());
        assert!(ended.error().contains("<stdin>:1: "), "{line}: {}", ended.error());
    }
    // There is no file to write it back to.
    assert_eq!(opened(&dash("reseal --key alpha.pem --key beta.pem --in-place -", &sealed).success(), "beta.pem"), "dummy-value");
}
