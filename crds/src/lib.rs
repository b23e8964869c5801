//! Shapes of the custom resources, their schemas, and the names that travel with them.
//!
//! This crate knows no cryptography, no cluster and no file: it says what an object looks like, and nothing of what is done with it.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

mod fields;
pub mod names;
pub mod sealed_secret;

pub use fields::fields;
pub use sealed_secret::SealedSecret;

/// Makes the definition of one custom resource.
pub type Definition = fn() -> CustomResourceDefinition;

/// Every custom resource: this list is what is printed, installed and tested.
pub const ALL: &[Definition] = &[SealedSecret::crd];

/// Writes a definition as YAML, as it is committed under `deploy/crds/` in a file of the definition's name.
///
/// # Errors
/// Never for the members of [`ALL`]: a test writes each.
pub fn to_yaml(definition: &CustomResourceDefinition) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(definition)
}
