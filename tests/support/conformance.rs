//! The laws of `engine::policy`, as they must hold wherever it is carried out: in a folder, and in a cluster.
//!
//! An adapter gives access to one SealedSecret `shop/db` and to the Secret of the same name. A new adapter is one implementation of [`Adapter`] and one
//! line in the suite that runs [`LAWS`] over it.

use std::collections::BTreeMap;

/// Values by key, as text.
pub type Values = BTreeMap<String, String>;

/// Where the policy is carried out.
pub trait Adapter {
    /// Writes the source with these values; what is written after `immutable` is.
    fn put_source(&self, values: &Values, immutable: bool);
    /// Makes the source one that no key opens.
    fn break_source(&self);
    /// Deletes the source.
    fn remove_source(&self);
    /// Reconciles once, and says what was done to the Secret; None for nothing.
    fn pass(&self) -> Option<Done>;
    /// The values of the Secret; None if there is none.
    fn secret(&self) -> Option<Values>;
    /// Writes the Secret as a stranger would, with annotations of upstream's prefix that are `true`.
    fn write_as_stranger(&self, values: &Values, annotations: &[&str]);
    /// Deletes the Secret as a stranger would.
    fn delete_as_stranger(&self);
}

/// What a pass did to the Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was written.
    Wrote(String),
    /// It was deleted.
    Deleted,
    /// Nothing was written, and an error says why.
    Failed(String),
}

/// A law and its name.
pub type Law = (&'static str, fn(&dyn Adapter));

/// Every law.
pub const LAWS: &[Law] = &[
    ("a_secret_is_created_from_its_source", created),
    ("nothing_is_written_while_nothing_changed", unchanged),
    ("a_changed_source_updates_and_drops_what_it_dropped", updated),
    ("an_edited_secret_is_healed", edited),
    ("a_deleted_secret_is_healed", deleted),
    ("a_secret_goes_with_its_source", collected),
    ("a_foreign_secret_survives", foreign),
    ("a_managed_secret_is_taken_over_whole", managed),
    ("a_patched_secret_keeps_what_it_has", patched),
    ("an_immutable_secret_is_not_written_over", immutable),
    ("a_source_that_does_not_open_leaves_the_secret", broken),
];

/// Values from pairs.
#[must_use]
pub fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn start(adapter: &dyn Adapter) -> Values {
    let first = values(&[("user", "shop"), ("password", "hunter2")]);
    adapter.put_source(&first, false);
    assert_eq!(adapter.pass(), Some(Done::Wrote("created".to_owned())));
    first
}

fn created(adapter: &dyn Adapter) {
    let first = start(adapter);
    assert_eq!(adapter.secret(), Some(first));
}

fn unchanged(adapter: &dyn Adapter) {
    start(adapter);
    assert_eq!(adapter.pass(), None);
    assert_eq!(adapter.pass(), None);
}

fn updated(adapter: &dyn Adapter) {
    start(adapter);
    let second = values(&[("password", "hunter3"), ("token", "t")]);
    adapter.put_source(&second, false);
    assert_eq!(adapter.pass(), Some(Done::Wrote("updated".to_owned())));
    assert_eq!(adapter.secret(), Some(second));
}

fn edited(adapter: &dyn Adapter) {
    let first = start(adapter);
    adapter.write_as_stranger(&values(&[("user", "mallory"), ("more", "x")]), &[]);
    assert_eq!(adapter.pass(), Some(Done::Wrote("healed".to_owned())));
    assert_eq!(adapter.secret(), Some(first));
}

fn deleted(adapter: &dyn Adapter) {
    let first = start(adapter);
    adapter.delete_as_stranger();
    assert_eq!(adapter.pass(), Some(Done::Wrote("healed".to_owned())));
    assert_eq!(adapter.secret(), Some(first));
}

fn collected(adapter: &dyn Adapter) {
    start(adapter);
    adapter.remove_source();
    assert_eq!(adapter.pass(), Some(Done::Deleted));
    assert_eq!(adapter.secret(), None);
}

fn foreign(adapter: &dyn Adapter) {
    let theirs = values(&[("mine", "x")]);
    adapter.write_as_stranger(&theirs, &[]);
    adapter.put_source(&values(&[("password", "hunter2")]), false);
    assert!(matches!(adapter.pass(), Some(Done::Failed(why)) if why.contains("not managed")));
    assert_eq!(adapter.secret(), Some(theirs));
}

fn managed(adapter: &dyn Adapter) {
    let ours = values(&[("password", "hunter2")]);
    adapter.write_as_stranger(&values(&[("mine", "x")]), &["managed"]);
    adapter.put_source(&ours, false);
    assert_eq!(adapter.pass(), Some(Done::Wrote("adopted".to_owned())));
    assert_eq!(adapter.secret(), Some(ours.clone()));
    // From now on it is ours: an edit is healed.
    adapter.write_as_stranger(&values(&[("mine", "x")]), &[]);
    assert_eq!(adapter.pass(), Some(Done::Wrote("healed".to_owned())));
    assert_eq!(adapter.secret(), Some(ours));
}

fn patched(adapter: &dyn Adapter) {
    adapter.write_as_stranger(&values(&[("mine", "x"), ("password", "old")]), &["patch"]);
    adapter.put_source(&values(&[("password", "hunter2")]), false);
    assert_eq!(adapter.pass(), Some(Done::Wrote("adopted".to_owned())));
    assert_eq!(adapter.secret(), Some(values(&[("mine", "x"), ("password", "hunter2")])));
    assert_eq!(adapter.pass(), None, "once it has everything, it is left alone");
    // It was only added to, never owned: it stays when the source goes.
    adapter.remove_source();
    adapter.pass();
    assert!(adapter.secret().is_some());
}

fn immutable(adapter: &dyn Adapter) {
    let first = values(&[("password", "hunter2")]);
    adapter.put_source(&first, true);
    assert_eq!(adapter.pass(), Some(Done::Wrote("created".to_owned())));
    adapter.put_source(&values(&[("password", "hunter3")]), true);
    assert!(matches!(adapter.pass(), Some(Done::Failed(why)) if why.contains("immutable")));
    assert_eq!(adapter.secret(), Some(first));
}

fn broken(adapter: &dyn Adapter) {
    let first = start(adapter);
    adapter.break_source();
    assert!(matches!(adapter.pass(), Some(Done::Failed(why)) if why.contains("open the item")));
    assert_eq!(adapter.secret(), Some(first));
}
