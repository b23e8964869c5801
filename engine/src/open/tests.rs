use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use keys::KeyBits;

use super::*;
use crate::PlainSecret;
use crate::key_secret::{self, KeyRequest};
use crate::seal::{Hint, Overrides, Target, seal};

/// Three keys, newest first.
static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let request = KeyRequest { bits: KeyBits::Rsa2048, validity: SignedDuration::from_hours(24), common_name: "", prefix: "key" };
    let key = |seconds: i64| {
        let made = key_secret::make(&request, Timestamp::from_second(seconds).unwrap()).unwrap();
        let secret =
            PlainSecret { name: made.name, namespace: String::new(), metadata: made.metadata, type_: made.type_, immutable: None, data: made.data };
        key_secret::read(&secret).unwrap()
    };
    KeyRing::new([300, 200, 100].map(key).into())
});

fn sealed(key: usize, items: &[&str], hint: Hint) -> SealedSecret {
    let data = items.iter().map(|item| ((*item).to_owned(), SecretBytes::new(item.as_bytes().to_vec()))).collect();
    let secret =
        PlainSecret { name: "db".to_owned(), namespace: "shop".to_owned(), metadata: serde_json::Map::new(), type_: None, immutable: None, data };
    let target = Target::of(&secret, &Overrides::default()).unwrap();
    seal(&secret, &target, RING.keys()[key].certificate.as_ref().unwrap(), hint).unwrap()
}

/// Counts the passes of one private operation each that an object needs.
fn passes(sealed: &SealedSecret) -> std::result::Result<usize, Vec<Error>> {
    let mut pass = Pass::begin(sealed);
    for count in 1..100 {
        match pass.advance(sealed, &RING, &mut Budget::operations(1))? {
            Progress::Done(items, _) => {
                assert!(items.iter().all(|(key, value)| value.ct_eq(&SecretBytes::new(key.clone().into_bytes()))));
                return Ok(count);
            }
            Progress::Paused(next) => pass = next,
        }
    }
    panic!("a pass over a few items must end");
}

#[test]
fn a_paused_object_resumes_where_it_stopped_and_spends_nothing_twice() {
    // The oldest key: three operations for the first item; the key that opened it is tried first for the others.
    assert_eq!(passes(&sealed(2, &["a", "b", "c"], Hint::Omitted)).unwrap(), 5);
    // The hint spares the search.
    assert_eq!(passes(&sealed(2, &["a", "b", "c"], Hint::Written)).unwrap(), 3);
}

#[test]
fn not_tried_yet_is_never_final() {
    let mut object = sealed(2, &["a"], Hint::Omitted);
    object.metadata.name = Some("other".to_owned());
    let failures = passes(&object).unwrap_err();
    assert_eq!(failures.len(), 1);
    // Three operations were spent before that was said: with two, it is a pause.
    let paused = Pass::begin(&object).advance(&object, &RING, &mut Budget::operations(2)).unwrap();
    assert!(matches!(paused, Progress::Paused(_)));
}

#[test]
fn a_source_that_changed_between_two_calls_starts_anew() {
    let first = sealed(2, &["a", "b"], Hint::Written);
    let Progress::Paused(pass) = Pass::begin(&first).advance(&first, &RING, &mut Budget::operations(1)).unwrap() else { panic!("one of two") };
    let mut second = sealed(2, &["a", "b"], Hint::Written);
    second.metadata.namespace = Some("other".to_owned());
    // What was opened for the first one is never handed out for the second, whose items do not open there.
    assert_eq!(pass.resume(&second).advance(&second, &RING, &mut Budget::unlimited()).unwrap_err().len(), 2);
}

#[test]
fn an_item_that_can_not_open_does_not_hide_the_others_failures() {
    let mut object = sealed(0, &["a", "b"], Hint::Omitted);
    object.spec.encrypted_data.insert("a".to_owned(), "AA!".to_owned());
    object.spec.encrypted_data.insert("c".to_owned(), "AAAA".to_owned());
    let (opened, failures) = open_each(&object, &RING);
    assert_eq!(opened.keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(failures.iter().map(|error| error.place().item.clone().unwrap()).collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn the_reason_names_the_scope_that_it_was_sealed_with() {
    let mut object = sealed(1, &["a"], Hint::Omitted);
    object.metadata.annotations = Some([("sealedsecrets.bitnami.com/cluster-wide".to_owned(), "true".to_owned())].into());
    let failures = open_all(&object, &RING).unwrap_err();
    assert_eq!(failures[0].kind(), ErrorKind::Tampered);
    assert!(failures[0].message().contains("sealed with the strict scope"), "{}", failures[0]);
    // A false hint changes the order of trial, never the result.
    let mut object = sealed(1, &["a"], Hint::Written);
    let wrong = RING.keys()[0].fingerprint().unwrap().to_string();
    object.metadata.annotations = Some([(SEALED_WITH.to_owned(), wrong)].into());
    assert_eq!(open_all(&object, &RING).unwrap()["a"].by.name, RING.keys()[1].name);
}
