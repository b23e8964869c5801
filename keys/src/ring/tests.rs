use std::sync::LazyLock;

use super::*;
use crate::certificate::CertificateRequest;
use crate::pair::KeyBits;
use crate::scope::Scope;

const FAR: i64 = 4_000_000_000;

fn ring_key(name: &str, since: i64, bits: KeyBits) -> RingKey {
    let key = UnsealingKey::make(bits).unwrap();
    let not_before = Timestamp::from_second(since).unwrap();
    let request = CertificateRequest { common_name: name, not_before, not_after: Timestamp::from_second(FAR).unwrap() };
    let certificate = Some(Certificate::make(&key, &request).unwrap());
    RingKey { name: name.to_owned(), key, certificate, since: not_before, seals: true }
}

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    KeyRing::new(vec![
        ring_key("middle", 200, KeyBits::Rsa2048),
        ring_key("other-length", 250, KeyBits::Rsa3072),
        ring_key("oldest", 100, KeyBits::Rsa2048),
        ring_key("newest", 300, KeyBits::Rsa2048),
    ])
});

fn find(name: &str) -> &'static RingKey {
    RING.keys().iter().find(|key| key.name == name).unwrap()
}

fn sealed_with(name: &str) -> Sealed {
    let certificate = find(name).certificate.as_ref().unwrap();
    Sealed::seal(certificate.key(), &label(), &SecretBytes::new(b"value".to_vec())).unwrap()
}

fn label() -> Label {
    Scope::Strict.label("ns", "db")
}

fn names(hints: &Hints) -> Vec<&'static str> {
    RING.order(hints).iter().map(|key| key.name.as_str()).collect()
}

#[test]
fn the_order_is_hint_then_last_used_then_newest() {
    assert_eq!(names(&Hints::default()), ["newest", "other-length", "middle", "oldest"]);
    let last = Hints { last: Some(find("middle").key.identity()), ..Hints::default() };
    assert_eq!(names(&last), ["middle", "newest", "other-length", "oldest"]);
    let both = Hints { sealed_with: vec![find("oldest").fingerprint().unwrap()], ..last };
    assert_eq!(names(&both), ["oldest", "middle", "newest", "other-length"]);
}

#[test]
fn ties_keep_the_first_and_the_newest_certificate_seals() {
    let ring = KeyRing::new(vec![ring_key("first", 7, KeyBits::Rsa2048), ring_key("second", 7, KeyBits::Rsa2048)]);
    assert_eq!(ring.newest().unwrap().0.name, "first");
    let mut bare = ring_key("bare", 9, KeyBits::Rsa2048);
    bare.certificate = None;
    let ring = KeyRing::new(vec![ring_key("old", 7, KeyBits::Rsa2048), bare]);
    assert_eq!(ring.newest().unwrap().0.name, "old");
    let mut revoked = ring_key("revoked", 9, KeyBits::Rsa2048);
    revoked.seals = false;
    let ring = KeyRing::new(vec![ring_key("old", 7, KeyBits::Rsa2048), revoked]);
    assert_eq!((ring.keys()[0].name.as_str(), ring.newest().unwrap().0.name.as_str()), ("revoked", "old"));
    assert!(KeyRing::default().newest().is_none());
}

#[test]
fn a_false_hint_never_keeps_an_item_shut() {
    let hints = Hints { sealed_with: vec![Fingerprint::of(b"unknown"), find("newest").fingerprint().unwrap()], last: None };
    let opening = RING.open(&sealed_with("oldest"), &label(), &hints, &mut Trial::default(), &mut Budget::unlimited()).unwrap();
    assert!(matches!(opening, Opening::Opened(secret, key) if secret.expose() == b"value" && key.name == "oldest"));
}

#[test]
fn a_spent_budget_is_a_pause_that_resumes_where_it_stopped() {
    let (item, mut trial) = (sealed_with("oldest"), Trial::default());
    let mut operations = 0;
    loop {
        operations += 1;
        let mut budget = Budget::operations(1);
        match RING.open(&item, &label(), &Hints::default(), &mut trial, &mut budget).unwrap() {
            Opening::Opened(_, key) => break assert_eq!(key.name, "oldest"),
            Opening::Paused => {}
            Opening::NoKey => panic!("not tried yet is never final"),
        }
    }
    // The key of another length costs nothing, so three operations open the item.
    assert_eq!(operations, 3);
}

#[test]
fn no_key_is_said_only_after_every_key_was_tried() {
    let stranger = ring_key("stranger", 1, KeyBits::Rsa2048);
    let item = Sealed::seal(stranger.certificate.as_ref().unwrap().key(), &label(), &SecretBytes::new(vec![])).unwrap();
    let mut trial = Trial::default();
    assert!(matches!(RING.open(&item, &label(), &Hints::default(), &mut trial, &mut Budget::operations(2)).unwrap(), Opening::Paused));
    assert!(matches!(RING.open(&item, &label(), &Hints::default(), &mut trial, &mut Budget::operations(1)).unwrap(), Opening::NoKey));
}

#[test]
fn a_trial_lives_through_changes_of_the_ring() {
    let item = sealed_with("oldest");
    let mut ring = KeyRing::new(vec![ring_key("gone", 400, KeyBits::Rsa2048), ring_key("stays", 200, KeyBits::Rsa2048)]);
    let mut trial = Trial::default();
    let step = |ring: &KeyRing, trial: &mut Trial| ring.open(&item, &label(), &Hints::default(), trial, &mut Budget::operations(1)).map(outcome);
    // The newest key is tried, and then it goes.
    assert_eq!(step(&ring, &mut trial).unwrap(), "paused");
    ring = KeyRing::new(ring.keys.into_iter().filter(|key| key.name != "gone").collect());
    assert_eq!(step(&ring, &mut trial).unwrap(), "no key");
    // A key that was tried costs nothing any more; one that came since is tried, and the answer is open again.
    ring.keys.insert(0, ring_key("came", 500, KeyBits::Rsa2048));
    assert_eq!(step(&ring, &mut trial).unwrap(), "no key");
    let RingKey { name, key, certificate, .. } = ring_key("second", 600, KeyBits::Rsa2048);
    let second = Sealed::seal(certificate.as_ref().unwrap().key(), &label(), &SecretBytes::new(vec![])).unwrap();
    let mut trial = Trial::default();
    assert!(matches!(ring.open(&second, &label(), &Hints::default(), &mut trial, &mut Budget::unlimited()).unwrap(), Opening::NoKey));
    ring.keys.insert(0, RingKey { name, key, certificate, since: Timestamp::from_second(600).unwrap(), seals: true });
    let opening = ring.open(&second, &label(), &Hints::default(), &mut trial, &mut Budget::operations(1)).unwrap();
    assert!(matches!(opening, Opening::Opened(_, key) if key.name == "second"));
}

fn outcome(opening: Opening<'_>) -> &'static str {
    match opening {
        Opening::Opened(..) => "opened",
        Opening::NoKey => "no key",
        Opening::Paused => "paused",
    }
}
