//! What objects are called inside the controller.

use std::fmt;
use std::sync::Arc;

use keys::Fingerprint;
use kube::Resource;

/// Namespace and name of an object.
///
/// *Shape*: `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key(Arc<str>);

impl Key {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self(format!("{namespace}/{name}").into())
    }

    pub(crate) fn of(object: &impl Resource) -> Self {
        let metadata = object.meta();
        Self::new(metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
    }

    pub(crate) fn namespace(&self) -> &str {
        self.0.split_once('/').map_or("", |(namespace, _)| namespace)
    }

    pub(crate) fn name(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(_, name)| name)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A uid or a resourceVersion, as small as it can be kept: only equality counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark([u8; 12]);

impl Mark {
    pub(crate) fn of(text: &str) -> Self {
        let mut bytes = [0; 12];
        bytes.copy_from_slice(&Fingerprint::of(text.as_bytes()).as_bytes()[..12]);
        Self(bytes)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Who a Secret is, and which version of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) uid: Mark,
    pub(crate) version: Mark,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.uid, self.version)
    }
}

impl Version {
    pub(crate) fn new(uid: &str, resource_version: &str) -> Self {
        Self { uid: Mark::of(uid), version: Mark::of(resource_version) }
    }

    pub(crate) fn of(object: &impl Resource) -> Self {
        let metadata = object.meta();
        Self::new(metadata.uid.as_deref().unwrap_or_default(), metadata.resource_version.as_deref().unwrap_or_default())
    }
}

/// UID, and the resourceVersion, which grows; zero if it is no number.
pub(crate) fn uid_and_version(object: &impl Resource) -> (Mark, u64) {
    let metadata = object.meta();
    let version = metadata.resource_version.as_deref().and_then(|version| version.parse().ok());
    (Mark::of(metadata.uid.as_deref().unwrap_or_default()), version.unwrap_or_default())
}
