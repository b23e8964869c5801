//! Which version of a SealedSecret a Secret was made of.

use crds::SealedSecret;
use keys::Fingerprint;

use crate::open::Sealing;

/// Version of what turns an object into a Secret: it goes up when the same object would give another one, so that every Secret is made anew once.
const RENDERER: &str = "1";

/// Derives a digest of everything that the Secret depends on: the spec, name, namespace and UID, the scope, and the renderer. Labels and other
/// annotations do not count.
#[must_use]
pub fn digest(sealed: &SealedSecret) -> Fingerprint {
    let sealing = Sealing::of(sealed);
    // A spec that was read can be written; none has the digest of an empty text otherwise.
    let spec = serde_json::to_string(&sealed.spec).unwrap_or_default();
    let uid = sealed.metadata.uid.as_deref().unwrap_or_default();
    // Neither names nor JSON hold a zero byte.
    Fingerprint::of([RENDERER, uid, sealing.namespace, sealing.name, sealing.scope.name(), &spec].join("\0").as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crds::names::{CLUSTER_WIDE, SEALED_WITH};

    use super::*;

    fn object(change: impl FnOnce(&mut SealedSecret)) -> Fingerprint {
        let mut object = SealedSecret::default();
        object.metadata.name = Some("db".to_owned());
        object.metadata.uid = Some("1".to_owned());
        object.spec.encrypted_data = BTreeMap::from([("a".to_owned(), "AgB".to_owned())]);
        change(&mut object);
        digest(&object)
    }

    fn annotate(object: &mut SealedSecret, annotation: &str, value: &str) {
        object.metadata.annotations.get_or_insert_default().insert(annotation.to_owned(), value.to_owned());
    }

    #[test]
    fn whatever_the_secret_depends_on_changes_the_digest() {
        let before = object(|_| ());
        let changes: [fn(&mut SealedSecret); 6] = [
            |object| object.metadata.name = Some("other".to_owned()),
            |object| object.metadata.namespace = Some("other".to_owned()),
            |object| object.metadata.uid = Some("2".to_owned()),
            |object| annotate(object, CLUSTER_WIDE, "true"),
            |object| object.spec.encrypted_data = BTreeMap::from([("b".to_owned(), "AgB".to_owned())]),
            |object| object.spec.template.get_or_insert_default().immutable = Some(true),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            assert_ne!(object(change), before, "change {at}");
        }
    }

    #[test]
    fn what_does_not_matter_does_not_change_it() {
        let before = object(|_| ());
        assert_eq!(object(|object| annotate(object, "team", "a")), before);
        assert_eq!(object(|object| annotate(object, CLUSTER_WIDE, "yes")), before, "only \"true\" counts");
        assert_eq!(object(|object| annotate(object, SEALED_WITH, "00")), before, "a hint changes the order of trial only");
        assert_eq!(object(|object| object.metadata.resource_version = Some("7".to_owned())), before);
    }
}
