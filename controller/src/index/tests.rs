use std::collections::BTreeMap;

use crds::sealed_secret::{ProducedSecret, SealedSecretCondition, SealedSecretStatus};
use engine::source;

use super::*;

fn key() -> Key {
    Key::new("shop", "db")
}

fn object(item: &str) -> SealedSecret {
    let mut object = SealedSecret::default();
    object.metadata.namespace = Some("shop".to_owned());
    object.metadata.name = Some("db".to_owned());
    object.metadata.uid = Some("source".to_owned());
    object.metadata.generation = Some(1);
    object.spec.encrypted_data = BTreeMap::from([("a".to_owned(), item.to_owned())]);
    object
}

/// An object whose status says that all is well, and which Secret was made of it.
fn remembered(item: &str, version: &str) -> SealedSecret {
    let mut object = object(item);
    let condition = SealedSecretCondition { type_: "Synced".to_owned(), status: "True".to_owned(), ..SealedSecretCondition::default() };
    let source_hash = source::digest(&object).to_string();
    let produced = Some(ProducedSecret { source_hash, uid: "secret".to_owned(), resource_version: version.to_owned(), key: None });
    object.status = Some(SealedSecretStatus { observed_generation: Some(1), conditions: vec![condition], produced });
    object
}

fn observe(index: &Index, object: &SealedSecret, leads: bool) -> bool {
    index.observe_source(object, source::digest(object), leads)
}

fn secret(version: &str) -> Option<Version> {
    Some(Version::new("secret", version))
}

#[test]
fn an_unchanged_object_needs_no_turn_after_a_restart() {
    let index = Index::new(true, true);
    index.observe_secret(&key(), secret("7"));
    assert!(!observe(&index, &remembered("x", "7"), false));
}

#[test]
fn whatever_changed_during_a_restart_needs_one() {
    let restart = |version: Option<Version>, object: &SealedSecret| {
        let index = Index::new(true, true);
        index.observe_secret(&key(), version);
        observe(&index, object, false)
    };
    assert!(restart(secret("8"), &remembered("x", "7")), "the Secret was edited");
    assert!(restart(None, &remembered("x", "7")), "the Secret was deleted");
    assert!(restart(Some(Version::new("other", "7")), &remembered("x", "7")), "the Secret is another one");
    let mut annotated = remembered("x", "7");
    annotated.metadata.annotations = Some(BTreeMap::from([(crds::names::CLUSTER_WIDE.to_owned(), "true".to_owned())]));
    assert!(restart(secret("7"), &annotated), "the scope was changed");
    let mut edited = remembered("x", "7");
    edited.spec.encrypted_data.insert("b".to_owned(), "y".to_owned());
    assert!(restart(secret("7"), &edited), "the object was edited");
    let mut unreported = remembered("x", "7");
    unreported.metadata.generation = Some(2);
    assert!(restart(secret("7"), &unreported), "its status speaks of an older generation");
    assert!(restart(secret("7"), &object("x")), "nothing is remembered, as under upstream's definition");
}

#[test]
fn a_secret_that_changes_or_goes_asks_for_a_turn_and_its_own_write_does_not() {
    let index = Index::new(true, true);
    index.observe_secret(&key(), secret("7"));
    observe(&index, &remembered("x", "7"), true);
    assert!(!index.observe_secret(&key(), secret("7")));
    assert!(index.observe_secret(&key(), secret("8")));
    let digest = source::digest(&object("x"));
    index.with(&key(), |entry| entry.set_produced(Produced { digest, secret: Version::new("secret", "9"), tag: None }));
    assert!(!index.observe_secret(&key(), secret("9")), "the news of the own write");
    assert!(index.observe_secret(&key(), None));
}

#[test]
fn what_is_refused_waits_for_a_change() {
    let index = Index::new(true, true);
    let refuse = || {
        index.with(&key(), |entry| {
            entry.begin();
            entry.set_refused(source::digest(&object("x")), 1);
        });
        assert!(index.is_settled(&key()));
    };
    assert!(observe(&index, &object("x"), true));
    refuse();
    assert!(!observe(&index, &object("x"), true));
    // A Secret that nobody saw is deleted: it may have stood in the way.
    assert!(index.observe_secret(&key(), None));
    refuse();
    assert!(index.observe_secret(&key(), secret("1")));
    refuse();
    assert!(observe(&index, &object("y"), true));
    assert!(observe(&index, &object("x"), true) || index.is_settled(&key()));
    refuse();
    index.with(&key(), |entry| entry.unrefuse(2));
    assert!(!index.is_settled(&key()), "another ring may open it");
}

#[test]
fn what_happened_during_a_turn_is_not_lost() {
    let index = Index::new(true, true);
    observe(&index, &object("x"), true);
    index.with(&key(), Entry::begin);
    index.observe_secret(&key(), None);
    index.with(&key(), |entry| entry.set_refused(source::digest(&object("x")), 1));
    assert!(!index.is_settled(&key()));
}

#[test]
fn a_leader_knows_better_than_a_status_and_a_follower_does_not() {
    for (leads, due) in [(true, false), (false, true)] {
        let index = Index::new(true, true);
        index.observe_secret(&key(), secret("9"));
        observe(&index, &remembered("x", "9"), leads);
        // A status of before, as after a restored backup.
        assert_eq!(observe(&index, &remembered("x", "3"), leads), due, "leads: {leads}");
    }
}

#[test]
fn strangers_are_forgotten_once_everything_is_known() {
    let index = Index::new(true, true);
    index.observe_secret(&Key::new("shop", "theirs"), secret("1"));
    assert_eq!(index.secrets(None).len(), 1);
    index.complete();
    index.observe_secret(&Key::new("shop", "later"), secret("1"));
    assert_eq!(index.secrets(None).len(), 0);
    observe(&index, &object("x"), false);
    index.observe_secret(&key(), secret("1"));
    assert_eq!(index.secrets(Some("shop")).len(), 1);
    assert_eq!(index.keys(Some("other")).len(), 0);
    assert!(!index.forget_source(&key(), Some("another")), "one of the same name was made since");
    assert!(index.forget_source(&key(), Some("source")));
    assert_eq!(index.len(), 0);
}

#[test]
fn an_entry_is_small() {
    // With the text of its key, about as much as the figures in the README allow for.
    assert!(size_of::<Entry>() <= 400, "{}", size_of::<Entry>());
}

#[test]
fn a_version_that_is_known_is_no_news() {
    let index = Index::new(true, true);
    let version = |version: &str| {
        let mut object = object("x");
        object.metadata.resource_version = Some(version.to_owned());
        object
    };
    let known = version("7");
    assert!(index.digest_of(&known).is_none() && !index.is_old(&known));
    observe(&index, &known, true);
    assert_eq!(index.digest_of(&known), Some(source::digest(&known)));
    assert!(index.is_old(&known) && index.is_old(&version("6")), "the watch may be behind");
    assert!(index.digest_of(&version("6")).is_none());
    assert!(index.digest_of(&version("8")).is_none() && !index.is_old(&version("8")), "it changed");
    let mut made_anew = known;
    made_anew.metadata.uid = Some("other".to_owned());
    assert!(index.digest_of(&made_anew).is_none() && !index.is_old(&made_anew), "it is another one");
    // Versions that are no numbers tell nothing.
    assert!(!index.is_old(&version("odd")));
}

#[test]
fn what_the_watch_tells_during_a_turn_counts_more_than_what_the_turn_wrote() {
    let index = Index::new(true, false);
    let source = object("x");
    observe(&index, &source, true);
    let write = |told: &[Option<Version>]| {
        index.with(&key(), Entry::begin);
        for version in told {
            index.observe_secret(&key(), *version);
        }
        let secret = Version::new("secret", "7");
        index.with(&key(), |entry| entry.set_produced(Produced { digest: source::digest(&source), secret, tag: None }));
        index.is_settled(&key())
    };
    assert!(write(&[]) && write(&[secret("7")]), "nobody else wrote it");
    assert!(!write(&[secret("7"), secret("8")]), "it was edited before the answer came");
    assert!(!write(&[secret("7"), None]), "it was deleted before the answer came");
}

#[test]
fn a_secret_that_is_deleted_while_a_turn_reads_it_is_made_again() {
    let index = Index::new(true, false);
    let source = object("x");
    observe(&index, &source, true);
    let keep = |told: &[Option<Version>]| {
        index.with(&key(), Entry::begin);
        for version in told {
            index.observe_secret(&key(), *version);
        }
        let secret = Version::new("secret", "6");
        index.with(&key(), |entry| {
            entry.see(secret);
            entry.set_produced(Produced { digest: source::digest(&source), secret, tag: None });
        });
        index.is_settled(&key())
    };
    assert!(keep(&[secret("6")]));
    assert!(!keep(&[None]), "the answer is older than the end");
}
