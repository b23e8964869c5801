use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::rules::Rule;
use crate::stash::Stash;
use crate::stores::named;

fn json() -> &'static dyn Store {
    named("json").unwrap()
}

fn metadata() -> Metadata {
    let mut wrapped = keys::Fields::new();
    wrapped.insert("recipient".to_owned(), "age1x".into());
    wrapped.insert("enc".to_owned(), "a\nb\n".into());
    Metadata {
        groups: vec![vec![keys::WrappedKey { kind: "age".to_owned(), fields: wrapped }]],
        threshold: 0,
        last_modified: String::new(),
        mac: String::new(),
        rule: Some(Rule::default_suffix()),
        mac_only_encrypted: false,
        version: "3.13.3".to_owned(),
        unknown: keys::Fields::new(),
    }
}

pub(crate) fn lock(key: &DataKey) -> Lock<'_> {
    Lock { key, metadata: metadata(), now: "2026-01-01T00:00:00Z".to_owned(), stash: Stash::default() }
}

pub(crate) fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

pub(crate) fn text(secret: &SecretBytes) -> String {
    // EXPOSE: a test looks at what was written.
    String::from_utf8(secret.expose().to_vec()).unwrap()
}

/// Encrypts without a tree; `None` if that was left to the tree.
fn without_tree(source: &str, key: &DataKey) -> Option<String> {
    let outline = json().stream().unwrap().outline(source.as_bytes())?;
    encrypted(json(), source.as_bytes(), &outline, &lock(key)).unwrap().map(|(written, _)| text(&written))
}

fn with_tree(source: &str, key: &DataKey) -> String {
    text(&PlainFile::parse(json(), secret(source)).unwrap().encrypt(lock(key), json(), Manner::InPlace).unwrap().0)
}

/// A text without what is random in it.
fn shape(text: &str) -> String {
    let mut parts = text.split("ENC[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shape, part| {
        let (ciphertext, rest) = part.split_once(']').unwrap();
        let kind = ciphertext.rsplit(':').next().unwrap();
        shape + &format!("<{} {kind}>", ciphertext.len()) + rest
    })
}

/// Both ways through a file write the same, and each reads what the other has written.
fn agree(source: &str) {
    let key = DataKey::make().unwrap();
    let Some(streamed) = without_tree(source, &key) else { panic!("left to the tree: {source}") };
    let expected = with_tree(source, &key);
    assert_eq!(shape(&streamed), shape(&expected));
    for written in [&streamed, &expected] {
        let read = || EncryptedFile::parse(json(), secret(written)).unwrap();
        let tree = read().decrypt(&key, MacCheck::Enforce, Manner::InPlace).unwrap().plain.into_source();
        let Some(stream) = decrypted(&read(), &key, MacCheck::Enforce).unwrap() else { panic!("left to the tree: {written}") };
        assert_eq!(text(&stream), text(&tree));
    }
}

#[test]
fn both_ways_write_the_same() {
    for source in [
        "{}",
        "{ }\n",
        r#"{"a": "b"}"#,
        "{\n  \"a\": \"b\"\n}\n",
        "{\"a\":\"b\",\"a\":\"c\",\"d\":{\"e\":[1,\"x\",[true,null,{}],[]]}}\n\n",
        "{\r\n\t\"a_unencrypted\": \"b\\u0041\\n\",\r\n\t\"b\": 1.0, \"c\": false\r\n}\r\n",
        r#"{"a\"b\u00e9": "\n\t\\ \"<&>\u2028\ud83d\ude00", "é": "ü", "": "", "n": -1.5e-3}"#,
    ] {
        agree(source);
    }
}

#[test]
fn a_value_that_was_tampered_with_is_told_as_the_tree_tells_it() {
    let key = DataKey::make().unwrap();
    let written = with_tree("{\"a\": {\"b\": \"c\"},\n\"d\": \"e\", \"f_unencrypted\": \"g\"}", &key);
    let check = |changed: &str, kind: ErrorKind, place: Option<&str>| {
        assert_ne!(changed, written);
        let read = || EncryptedFile::parse(json(), secret(changed)).unwrap();
        let error = read().decrypt_text(&key, MacCheck::Enforce).unwrap_err();
        let other = read().decrypt(&key, MacCheck::Enforce, Manner::InPlace).unwrap_err();
        assert_eq!((error.kind(), error.path(), error.position()), (kind, place, other.position()), "{error}");
        assert_eq!((other.kind(), other.path(), other.to_string()), (kind, place, error.to_string()));
    };
    check(&written.replacen("data:", "data:AAAA", 1), ErrorKind::Tampered, Some("[\"a\"][\"b\"]"));
    check(&written.replacen("\"d\"", "\"h\"", 1), ErrorKind::Tampered, Some("[\"h\"]"));
    check(&written.replacen("\"g\"", "\"h\"", 1), ErrorKind::WrongMac, None);
    check(&written.replacen("\"g\"", "\"g\", \"i_unencrypted\": 1", 1), ErrorKind::WrongMac, None);
    let forced = EncryptedFile::parse(json(), secret(&written.replacen("\"g\"", "\"h\"", 1))).unwrap();
    assert!(text(&forced.decrypt_text(&key, MacCheck::DangerousIgnore).unwrap().text).contains("\"h\""));
}

#[test]
fn what_only_the_tree_can_do_is_left_to_it() {
    let key = DataKey::make().unwrap();
    // Metadata that stands before values.
    let written = with_tree("{\"a\": \"b\"}", &key);
    let (value, block) = written.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap().split_once(", \"sops\"").unwrap();
    let turned = format!("{{\"sops\"{block}, {value}}}");
    let read = || EncryptedFile::parse(json(), secret(&turned)).unwrap();
    assert!(decrypted(&read(), &key, MacCheck::Enforce).unwrap().is_none());
    assert_eq!(text(&read().decrypt_text(&key, MacCheck::Enforce).unwrap().text), "{\"a\": \"b\"}");
    // A comment, as sops puts it into a list.
    let cipher = key.cipher();
    let comment = cipher.encrypt(&mut keys::Nonces::default(), b" hidden", b"a:").unwrap();
    let comment = String::from_utf8(crate::leaf::write(&comment, crate::leaf::Kind::Comment)).unwrap();
    let written = with_tree("{\"a\": [\"b\"]}", &key).replacen("[\"ENC", &format!("[\"{comment}\", \"ENC"), 1);
    let read = || EncryptedFile::parse(json(), secret(&written)).unwrap();
    assert!(decrypted(&read(), &key, MacCheck::Enforce).unwrap().is_none());
    assert_eq!(text(&read().decrypt_text(&key, MacCheck::Enforce).unwrap().text), "{\"a\": [\"b\"]}");
}

#[test]
fn files_that_are_not_to_be_encrypted_are_refused_without_a_tree_too() {
    let check = |source: &str, kind: ErrorKind| {
        assert_eq!(PlainText::parse(json(), secret(source)).unwrap_err().kind(), kind, "{source}");
        assert_eq!(PlainFile::parse(json(), secret(source)).unwrap_err().kind(), kind, "{source}");
    };
    check("{\"sops\": 1}", ErrorKind::AlreadyEncrypted);
    check("{\"a\": {}, \"s\\u006fps\": []}", ErrorKind::AlreadyEncrypted);
    check("{\"a\": 1", ErrorKind::Malformed);
    check("{\"a\": 1} {}", ErrorKind::Malformed);
    check("{\"a\": \"\\x\"}", ErrorKind::Malformed);
    check("{\"a\\u12\": 1}", ErrorKind::Malformed);
    check(&format!("{{\"a\": {}{}}}", "[".repeat(2000), "]".repeat(2000)), ErrorKind::Malformed);
    assert_eq!(EncryptedFile::parse(json(), secret("{\"a\": 1}")).unwrap_err().kind(), ErrorKind::NotEncrypted);
}

#[test]
fn a_text_says_again_what_the_other_one_said_and_nothing_else() {
    const OLD: &str = r#"{"a": [1, "x", {"b": null}], "c": {}, "d": [], "e": "old"}"#;
    const NEW: &str = r#"{"a": [1, "x", {"b": null}], "c": {}, "d": [], "e": "brand new"}"#;
    let stream = json().stream().unwrap();
    let place = NEW.find("\"brand").unwrap();
    let places = [crate::document::Span::new(place, place + 11)];
    let says = |new: &str| stream.says_again(OLD.as_bytes(), new.as_bytes(), &places, None);
    assert!(says(NEW));
    for (from, to) in [
        ("1,", "2,"),
        ("\"x\"", "\"y\""),
        ("null", "{}  "),
        ("{}", "[]"),
        ("[]", "{}"),
        ("\"e\"", "\"f\""),
        ("\"brand new\"", "\"brand new\", \"f\": 1"),
    ] {
        assert!(!says(&NEW.replacen(from, to, 1)), "{from} {to}");
    }
    for changed in
        [NEW.replacen("brand new", "brand ne", 1), NEW.replacen("brand", "b\"and", 1), format!("{NEW}x"), NEW.replacen(", \"e\"", "}, \"e\"", 1)]
    {
        assert!(!says(&changed), "{changed}");
    }
    assert!(!stream.says_again(OLD.as_bytes(), NEW.as_bytes(), &[], None), "a value that should not change");
    let block = file::block(&metadata(), json());
    let node = block.pairs().next().map(|pair| &pair.value);
    assert!(!stream.says_again(OLD.as_bytes(), NEW.as_bytes(), &places, node), "metadata that is missing");
    let with = |text: &str| NEW.replacen("new\"", &format!("new\", \"sops\": {text}"), 1);
    assert!(!stream.says_again(OLD.as_bytes(), with("{}").as_bytes(), &places, node), "other metadata");
    assert!(!says(&with("{}")), "metadata that nobody asked for");
}

fn any_json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("1".to_owned()),
        Just("\"\"".to_owned()),
        Just("\"x\\n\"".to_owned()),
        Just("\"long enough to be like a password\"".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-1.5e-3".to_owned())
    ];
    let value = scalar.prop_recursive(4, 24, 4, |inner| {
        let space = prop_oneof![Just(""), Just(" "), Just("\n  ")];
        prop_oneof![
            (proptest::collection::vec(inner.clone(), 0..4), space.clone())
                .prop_map(|(values, space)| format!("[{space}{}{space}]", values.join(&format!(",{space}")))),
            (proptest::collection::vec(inner, 0..4), space).prop_map(|(values, space)| {
                let name = |n: usize| ["k", "k_unencrypted", "\\u00e9"][n % 3];
                let pairs: Vec<String> = values.iter().enumerate().map(|(n, value)| format!("\"{}\":{space}{value}", name(n))).collect();
                format!("{{{space}{}{space}}}", pairs.join(&format!(",{space}")))
            }),
        ]
    });
    (proptest::collection::vec(value, 0..4), prop_oneof![Just(""), Just("\n"), Just("\r\n\t")]).prop_map(|(values, space)| {
        let pairs: Vec<String> = values.iter().enumerate().map(|(n, value)| format!("\"v{n}\": {value}")).collect();
        format!("{{{space}{}{space}}}", pairs.join(&format!(",{space}")))
    })
}

proptest! {
    #[test]
    fn both_ways_agree_about_any_file(source in any_json()) {
        agree(&source);
    }

    #[test]
    fn no_bytes_are_read_by_one_way_alone(bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'['), Just(b']'), Just(b'}'), Just(b':'), Just(b','), any::<u8>()], 0..30)) {
        let source = [b"{\"", bytes.as_slice()].concat();
        assert_eq!(json().stream().unwrap().outline(&source).is_some(), json().parse(&source).is_ok());
    }
}
