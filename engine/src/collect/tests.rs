use super::decode::{DecodingStrategy, decode, decode_all};
use super::names::{ConversionStrategy, NullBytePolicy, check as check_names, check_null_bytes, convert};
use super::rewrite::{ConflictPolicy, Merge, MergeStrategy, PriorityPolicy, Rewrite, rewrite};
use super::*;

fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

fn text(value: &SecretBytes) -> String {
    String::from_utf8(value.expose().to_vec()).unwrap()
}

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretBytes> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), secret(value))).collect()
}

fn texts(values: &BTreeMap<String, SecretBytes>) -> Vec<(String, String)> {
    values.iter().map(|(key, value)| (key.clone(), text(value))).collect()
}

/// Keys and values in one line.
fn shown(values: &BTreeMap<String, SecretBytes>) -> String {
    texts(values).into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

fn fields() -> Answer {
    Answer::Fields(values(&[("file.png", "raw"), ("conf", r#"{"a":{"b":"<x>"},"n":1.50}"#), ("plain", "a<b")]))
}

fn json() -> Answer {
    Answer::Value(secret(r#"{"a.b":"dotted","a":{"b":"nested","x":[1, 2]},"n":12345678901234567890,"f":1.50,"none":null,"t":true,"*":"star"}"#))
}

/// `Err` is a missing property; `Ok(None)` a missing secret.
fn check_property(answer: &Answer, lookup: Lookup, name: Option<&str>, expected: std::result::Result<Option<&str>, ()>) {
    let found = property(answer, lookup, name);
    let found = found.map(|value| value.as_ref().map(text)).map_err(|error| {
        let message = error.to_string();
        assert!(name.is_some_and(|name| message.contains(name)) && !message.contains("nested"), "{message}");
    });
    assert_eq!(found, expected.map(|value| value.map(str::to_owned)), "{lookup:?} {name:?}");
}

#[test]
fn each_way_of_lookup_has_its_own_order() {
    use Lookup::{EscapedThenPath, Exact, ExactThenFirstDot, ExactThenPath, Own};
    for (lookup, name, expected) in [
        (ExactThenPath, "a.b", Ok(Some("dotted"))),
        (ExactThenPath, "a.x.1", Ok(Some("2"))),
        (ExactThenPath, "a.x", Ok(Some("[1, 2]"))),
        (ExactThenPath, "n", Ok(Some("12345678901234567890"))),
        (ExactThenPath, "f", Ok(Some("1.50"))),
        (ExactThenPath, "*", Ok(Some("star"))),
        (ExactThenPath, "none", Ok(Some(""))),
        (ExactThenPath, "nope", Err(())),
        (EscapedThenPath, "a.b", Ok(Some("dotted"))),
        (EscapedThenPath, "a.x.#", Ok(Some("2"))),
        (EscapedThenPath, "f", Ok(Some("1.5"))),
        (EscapedThenPath, "*", Ok(Some("dotted"))),
        (EscapedThenPath, "nope.nope", Err(())),
        (Exact, "a.b", Ok(Some("nested"))),
        (Exact, "nope", Ok(None)),
        (ExactThenFirstDot, "a.b", Ok(Some("dotted"))),
        (ExactThenFirstDot, "a.x.0", Ok(Some("1"))),
        (ExactThenFirstDot, "a.c", Err(())),
    ] {
        check_property(&json(), lookup, Some(name), expected);
    }
    for (name, expected) in [
        ("file.png", Ok(Some("raw"))),
        ("conf.a.b", Ok(Some("<x>"))),
        ("conf.n", Ok(Some("1.5"))),
        ("conf.", Err(())),
        (".conf", Err(())),
        ("no.a", Err(())),
    ] {
        check_property(&fields(), ExactThenFirstDot, Some(name), expected);
    }
    check_property(&Answer::Value(secret("nested")), Own, Some("whatever"), Ok(Some("nested")));
    check_property(&Answer::Value(secret("no json")), ExactThenPath, Some("whatever"), Err(()));
}

#[test]
fn without_a_property_an_answer_is_given_whole() {
    let whole = r#"{"conf":"{\"a\":{\"b\":\"<x>\"},\"n\":1.50}","file.png":"raw","plain":"a<b"}"#;
    check_property(&fields(), Lookup::ExactThenFirstDot, None, Ok(Some(whole)));
    check_property(&fields(), Lookup::ExactThenFirstDot, Some(""), Ok(Some(whole)));
    check_property(&Answer::Value(secret("x\n")), Lookup::Exact, None, Ok(Some("x\n")));
}

fn check_map(answer: &Answer, lookup: Lookup, name: Option<&str>, expected: Option<&str>) {
    let found = map(answer, lookup, name).map_err(|error| {
        assert!(!error.to_string().contains("nested"));
    });
    assert_eq!(found.ok().map(|found| found.as_ref().map_or("nothing".to_owned(), shown)).as_deref(), expected, "{lookup:?} {name:?}");
}

#[test]
fn an_answer_is_taken_apart_as_its_provider_does() {
    let value = || Answer::Value(secret(r#"{"s":"x","n":1.50,"big":12345678901234567890,"l":[1, {"b":1e21,"a":"<"}],"t":false,"z":null}"#));
    check_map(&value(), Lookup::ExactThenPath, None, Some(r#"big=12345678901234567000 l=[1,{"a":"\u003c","b":1e+21}] n=1.5 s=x t=false z="#));
    let written = Some(r#"big=12345678901234567890 l=[1, {"b":1e21,"a":"<"}] n=1.50 s=x t=false z="#);
    check_map(&value(), Lookup::EscapedThenPath, None, written);
    check_map(&value(), Lookup::Exact, None, written);
    check_map(&json(), Lookup::ExactThenPath, Some("a"), Some("b=nested x=[1,2]"));
    check_map(&json(), Lookup::Exact, Some("nope"), Some("nothing"));
    check_map(&json(), Lookup::EscapedThenPath, Some("nope"), None);
    check_map(&json(), Lookup::ExactThenPath, Some("t"), None);
    check_map(&Answer::Value(secret("null")), Lookup::ExactThenPath, None, Some(""));
    check_map(&Answer::Value(secret("[]")), Lookup::ExactThenPath, None, None);
    check_map(&fields(), Lookup::ExactThenFirstDot, None, Some(r#"conf={"a":{"b":"<x>"},"n":1.50} file.png=raw plain=a<b"#));
    // Of fields the members stay JSON.
    check_map(&fields(), Lookup::ExactThenFirstDot, Some("conf"), Some(r#"a={"b":"<x>"} n=1.5"#));
    let quoted = Answer::Fields(values(&[("a.b", r#"{"k":"v"}"#)]));
    check_map(&quoted, Lookup::ExactThenFirstDot, Some("a.b"), Some(r#"k="v""#));
    check_map(&fields(), Lookup::ExactThenFirstDot, Some("plain"), None);
}

#[test]
fn what_is_base64_is_decoded_as_the_strategy_says() {
    use DecodingStrategy::{Auto, Base64, Base64Url, None as Plain};
    for (strategy, value, expected) in [
        (Auto, "aGk=", Some("hi")),
        (Auto, "word", Some("\u{c2}\u{8a}\u{dd}")),
        (Auto, "Pz8_", Some("???")),
        (Auto, "no base64", Some("no base64")),
        (Base64, "aG\nk=\r\n", Some("hi")),
        (Base64, "aGk", None),
        (Base64, "Pz8_", None),
        (Base64Url, "Pz8_", Some("???")),
        (Base64Url, "Pz8/", None),
        (Plain, "aGk=", Some("aGk=")),
    ] {
        let decoded = decode(&secret(value), strategy).ok().map(|value| value.expose().to_vec());
        // Bytes that are no text stand as characters here.
        let expected = expected.map(|text| text.chars().map(|c| c as u8).collect::<Vec<u8>>());
        assert_eq!(decoded, expected, "{strategy:?} {value}");
    }
    let error = decode_all(values(&[("a", "aGk="), ("b", "hunter2!")]), Base64).unwrap_err();
    assert!(error.to_string().starts_with("item \"b\": ") && !error.to_string().contains("hunter"), "{error}");
}

#[test]
fn names_become_keys_or_meet() {
    let names = [("a/b", ""), ("é.x-_1", ""), ("½ 🔑", "")];
    assert_eq!(shown(&convert(values(&names), ConversionStrategy::Default).unwrap()), "a_b= ½__= é.x-_1=");
    assert_eq!(shown(&convert(values(&names), ConversionStrategy::Unicode).unwrap()), "a_U002f_b= ½_U0020__U1f511_= é.x-_1=");
    let error = convert(values(&[("a/b", ""), ("a:b", "")]), ConversionStrategy::Default).unwrap_err();
    assert_eq!(error.to_string(), "item \"a_b\": convert the names of keys: two become the same key");
}

#[test]
fn numbers_keep_every_digit_that_go_keeps() {
    let answer = Answer::Value(secret(r#"{"t":1764000000.7654321,"l":[1764000000.7654321],"s":5e-324,"m":8.41e21}"#));
    let found = map(&answer, Lookup::ExactThenPath, None).unwrap().unwrap();
    let tiny = format!("0.{}5", "0".repeat(323));
    assert_eq!(shown(&found), format!("l=[1764000000.7654321] m=8410000000000000000000 s={tiny} t=1764000000.7654321"));
}

#[test]
fn keys_of_a_secret_are_checked() {
    let longest = "k".repeat(253);
    let good = check_names(values(&[("", "dropped"), ("é½.-_", "kept"), (&longest, "x")])).unwrap();
    assert_eq!(good.len(), 2);
    for bad in ["a/b", "a b", &"k".repeat(254)] {
        assert!(check_names(values(&[(bad, "")])).is_err(), "{bad}");
    }
}

#[test]
fn a_zero_byte_is_told_by_the_first_key_that_has_one() {
    let values = values(&[("a", "x"), ("b", "\0"), ("c", "\0")]);
    assert!(check_null_bytes(&values, NullBytePolicy::Ignore).is_ok());
    let error = check_null_bytes(&values, NullBytePolicy::Fail).unwrap_err();
    assert_eq!(error.place().item.as_deref(), Some("b"));
}

fn check_rewrite(given: &[(&str, &str)], steps: &[Rewrite], expected: std::result::Result<&str, &str>) {
    let found = rewrite(values(given), steps, None).map(|values| shown(&values)).map_err(|error| error.to_string());
    match expected {
        Ok(expected) => assert_eq!(found.as_deref(), Ok(expected)),
        Err(part) => assert!(found.as_ref().is_err_and(|error| error.contains(part) && !error.contains("hunter")), "{found:?}"),
    }
}

#[test]
fn names_are_rewritten_step_by_step() {
    let regexp = |source: &str, target: &str| Rewrite::Regexp { source: source.to_owned(), target: target.to_owned() };
    let transform = |template: &str| Rewrite::Transform { template: template.to_owned() };
    let given = [("team/db/password", "1"), ("team/db/user", "2")];
    check_rewrite(&given, &[regexp("^team/(?P<what>.*)$", "${what}"), regexp("/", "-")], Ok("db-password=1 db-user=2"));
    check_rewrite(&given, &[transform("{{ .value | upper | replace \"/\" \"_\" }}")], Ok("TEAM_DB_PASSWORD=1 TEAM_DB_USER=2"));
    check_rewrite(&given, &[transform("x{{ .nothing }}")], Ok("x<no value>=2"));
    check_rewrite(&given, &[regexp(".*", "same")], Ok("same=2"));
    check_rewrite(&given, &[], Ok("team/db/password=1 team/db/user=2"));
    check_rewrite(&given, &[regexp("x", ""), regexp("(", "")], Err("rewrite, step 1: compile the expression \"(\""));
    check_rewrite(&given, &[transform("{{ fail \"no\" }}")], Err("item \"team/db/password\": rewrite, step 0: render the template"));
    let doubling: Vec<Rewrite> = (0..40).map(|_| regexp("(.+)", "$1$1")).collect();
    check_rewrite(&given, &doubling, Err("longer than 4096 bytes"));
}

#[test]
fn objects_are_merged_in_the_order_of_keys_and_priorities() {
    let merge = |how: Merge| vec![Rewrite::Merge(how)];
    let given = [("a", r#"{"x":1,"only":"<a>"}"#), ("b", r#"{"x":"2","l":[1e3]}"#), ("c", r#"{"x":null}"#)];
    let ignore = || Merge { conflicts: ConflictPolicy::Ignore, ..Merge::default() };
    let first = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<String>>();
    check_rewrite(&given, &merge(ignore()), Ok("l=[1000] only=<a> x="));
    check_rewrite(&given, &merge(Merge { priority: first(&["b", "a"]), ..ignore() }), Ok("l=[1000] only=<a> x=1"));
    check_rewrite(&given, &merge(Merge::default()), Err("more than one object has x"));
    check_rewrite(&given, &merge(Merge { priority: first(&["z"]), ..ignore() }), Err("\"z\", which is not there"));
    check_rewrite(
        &given,
        &merge(Merge { priority: first(&["z", "a"]), missing: PriorityPolicy::IgnoreNotFound, ..ignore() }),
        Ok("l=[1000] only=<a> x=1"),
    );
    let into = |into: &str| Merge { strategy: MergeStrategy::Json, into: into.to_owned(), ..ignore() };
    let (a, b) = (given[0].1, given[1].1);
    check_rewrite(&given, &merge(into("all")), Ok(&format!(r#"a={a} all={{"l":[1000],"only":"<a>","x":null}} b={b} c={{"x":null}}"#)));
    check_rewrite(&given, &merge(into("")), Err("needs the field into"));
    check_rewrite(&[("a", "hunter2")], &merge(ignore()), Err("item \"a\": rewrite, step 0: merge: read the value as a JSON object"));
}
