//! Names of annotations, labels and objects, once.
//!
//! Those under `sealedsecrets.bitnami.com/` are upstream's, and count as set only if their value is exactly [`TRUE`].

/// Value that switches an annotation on; any other value leaves it off.
pub const TRUE: &str = "true";

/// Annotation of a sealed object that any name in any namespace may bear; it wins over [`NAMESPACE_WIDE`].
pub const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";

/// Annotation of a sealed object that may be renamed within its namespace.
pub const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";

/// Annotation of a live Secret that the controller may take over.
pub const MANAGED: &str = "sealedsecrets.bitnami.com/managed";

/// Annotation of a live Secret that the controller adds to instead of replacing it.
pub const PATCH: &str = "sealedsecrets.bitnami.com/patch";

/// Annotation in a template: the Secret gets no owner reference.
pub const SKIP_SET_OWNER_REFERENCES: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";

/// Label of the Secrets that hold sealing keys; see [`ACTIVE`].
pub const SEALED_SECRETS_KEY: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

/// Value of [`SEALED_SECRETS_KEY`] on a key that is in use; a key with any other value is ignored.
pub const ACTIVE: &str = "active";

/// Our own annotation: fingerprints of the certificates that an object was sealed with.
pub const SEALED_WITH: &str = "sealer.dev/sealed-with";

/// Our own annotation on a Secret that asked for no owner reference: UID of the SealedSecret that it was made from. Whoever can write it can write the
/// Secret too, so it is as good a proof as an owner reference.
pub const MADE_BY: &str = "sealer.dev/made-by";

/// Our Lease, in the controller's namespace: its holder is the one controller that writes.
pub const LEASE: &str = "sealer-controller";
