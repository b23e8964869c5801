//! Items from old keys to the newest one, inside the original text.

use std::collections::BTreeMap;

use crds::SealedSecret;
use crds::names::SEALED_WITH;
use keys::{Certificate, KeyRing, SecretBytes};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::error::{Error, Result};
use crate::manifest::{Edits, Node, Object};
use crate::open::{Opened, Sealing, open_all};
use crate::seal::{Hint, PARALLEL_FROM, Target, forget_hint, hints, seal_item, write_hint};
use crate::unseal::refuse_blob;

/// What was done to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resealed {
    /// Items that are under the newest key now.
    pub changed: usize,
    /// Items that already were.
    pub kept: usize,
}

/// Seals every item again that is not yet under a certificate's key. Templates are not rendered, and stay.
///
/// # Errors
/// One for each item that does not open; then nothing of the object is changed.
pub fn reseal<'m>(
    edits: &mut Edits<'m>,
    object: &Object<'m>,
    ring: &KeyRing,
    certificate: &Certificate,
    hint: Hint,
) -> std::result::Result<Resealed, Vec<Error>> {
    let sealed = object.to_sealed_secret().map_err(|error| vec![error])?;
    refuse_blob(&sealed, "reseal").map_err(|error| vec![error])?;
    let opened = open_all(&sealed, ring)?;
    let sealing = Sealing::of(&sealed);
    let target = Target { namespace: sealing.namespace.to_owned(), name: sealing.name.to_owned(), scope: sealing.scope };
    let (kept, old): (Vec<_>, Vec<_>) = opened.iter().partition(|(_, item)| item.by.key.identity() == certificate.identity());
    let seal = |(key, item): &(&String, &Opened<'_>)| Ok(((*key).clone(), seal_item(&item.secret, &target, certificate)?));
    let items: Result<Vec<(String, String)>> =
        if old.len() < PARALLEL_FROM { old.iter().map(seal).collect() } else { old.par_iter().map(seal).collect() };
    let items = items.map_err(|error| vec![error])?;
    put_items(edits, object, items.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let hinted = object.annotation(SEALED_WITH);
    let stale = hinted.is_some_and(|names| hints(Some(names)) != [certificate.fingerprint()]);
    if stale || (!old.is_empty() && hint == Hint::Written) {
        write_hint(edits, object, Vec::new(), certificate.fingerprint());
    }
    Ok(Resealed { changed: old.len(), kept: kept.len() })
}

/// Takes over the items that a controller sealed again, and nothing else: it may have lost the template.
///
/// # Errors
/// Input: the object has the deprecated format. Tampered: the answer is about other items than the object has.
pub fn adopt<'m>(edits: &mut Edits<'m>, object: &Object<'m>, answer: &SealedSecret) -> Result<Resealed> {
    let sealed = object.to_sealed_secret()?;
    refuse_blob(&sealed, "reseal")?;
    let missing = sealed.spec.encrypted_data.keys().find(|key| !answer.spec.encrypted_data.contains_key(*key));
    if let Some(key) = missing {
        let error = Error::new(crate::ErrorKind::Tampered, "reseal: the controller's answer lacks the item");
        return Err(error.on_item(key).in_object(object.title()));
    }
    let items: Vec<_> = answer.spec.encrypted_data.iter().filter(|(key, _)| sealed.spec.encrypted_data.contains_key(*key)).collect();
    let changed = items.iter().filter(|(key, value)| sealed.spec.encrypted_data.get(*key) != Some(*value)).count();
    put_items(edits, object, items.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    if changed > 0 {
        // Which key the controller used is not known here.
        forget_hint(edits, object);
    }
    Ok(Resealed { changed, kept: items.len() - changed })
}

fn put_items<'m, 'v>(edits: &mut Edits<'m>, object: &Object<'m>, items: impl Iterator<Item = (&'v str, &'v str)>) {
    let items: BTreeMap<&str, &str> = items.collect();
    for entry in object.node.at(&["spec", "encryptedData"]).map(Node::entries).unwrap_or_default() {
        if let Some(value) = items.get(entry.key.as_str()) {
            edits.put(object.node, &["spec", "encryptedData", &entry.key], *value);
        }
    }
}

/// Seals opened items again, all under one certificate: for a controller, which is asked by strangers. Templates are not rendered, and stay.
///
/// The scope is that of the object's own annotations, under which the items opened; whatever the template says of it does not count.
///
/// # Errors
/// Input: the object has the deprecated format. Bug: the cryptography library refused.
pub fn rotate(sealed: &SealedSecret, items: &BTreeMap<String, SecretBytes>, certificate: &Certificate) -> Result<SealedSecret> {
    refuse_blob(sealed, "reseal")?;
    let sealing = Sealing::of(sealed);
    let target = Target { namespace: sealing.namespace.to_owned(), name: sealing.name.to_owned(), scope: sealing.scope };
    let mut rotated = SealedSecret { status: None, ..sealed.clone() };
    for (key, item) in items {
        rotated.spec.encrypted_data.insert(key.clone(), seal_item(item, &target, certificate)?);
    }
    // A hint that names another key would be worse than none.
    if let Some(hint) = rotated.metadata.annotations.as_mut().and_then(|annotations| annotations.get_mut(SEALED_WITH)) {
        *hint = certificate.fingerprint().to_string();
    }
    Ok(rotated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    fn taken(text: &str, answer: &str) -> Result<(Resealed, String)> {
        let parse = |text: &str| Manifest::parse(&SecretBytes::new(text.as_bytes().to_vec()));
        let (manifest, answer) = (parse(text)?, parse(answer)?);
        let (object, answer) = (manifest.objects()?[0], answer.objects()?[0].to_sealed_secret()?);
        let mut edits = manifest.edit();
        let done = adopt(&mut edits, &object, &answer)?;
        Ok((done, String::from_utf8(edits.apply()?).unwrap()))
    }

    #[test]
    fn items_of_an_answer_are_taken_over_where_the_object_has_items() {
        let object =
            |spec: &str| format!("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {{name: db, namespace: shop}}\nspec: {spec}\n");
        let answer = object("{encryptedData: {a: new, b: same}}");
        let (done, text) = taken(&object("{encryptedData: {a: old, b: same}}"), &answer).unwrap();
        assert_eq!((done, text.as_str()), (Resealed { changed: 1, kept: 1 }, answer.as_str()));
        assert_eq!(taken(&object("{encryptedData: {c: old}}"), &answer).unwrap_err().kind(), crate::ErrorKind::Tampered);
        // The first format is one piece, for which there is no place.
        let error = taken(&object("{data: old}"), &answer).unwrap_err();
        assert!(error.to_string().contains("deprecated spec.data") && error.advice().is_some(), "{error}");
    }
}
