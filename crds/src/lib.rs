//! Shapes of the custom resources, their schemas, and the names that travel with them.
//!
//! This crate knows no cryptography, no cluster and no file: it says what an object looks like, and nothing of what is done with it.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub mod cluster_external_secret;
pub mod condition;
pub mod external_secret;
mod fields;
pub mod names;
mod schema;
pub mod sealed_secret;
pub mod secret_store;

pub use cluster_external_secret::ClusterExternalSecret;
pub use external_secret::ExternalSecret;
pub use fields::fields;
pub use sealed_secret::SealedSecret;
pub use secret_store::{ClusterSecretStore, SecretStore};

/// Makes the definition of one custom resource.
pub type Definition = fn() -> CustomResourceDefinition;

/// Every custom resource: this list is what is printed, installed and tested.
pub const ALL: &[Definition] = &[
    SealedSecret::crd,
    || schema::finish(ExternalSecret::crd(), &["spec"]),
    || schema::finish(SecretStore::crd(), &[]),
    || schema::finish(ClusterSecretStore::crd(), &[]),
    || schema::finish(ClusterExternalSecret::crd(), &["spec", "externalSecretSpec"]),
];

/// Writes a definition as YAML, as it is committed under `deploy/crds/` in a file of the definition's name.
///
/// # Errors
/// Never for the members of [`ALL`]: a test writes each.
pub fn to_yaml(definition: &CustomResourceDefinition) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(definition)
}
