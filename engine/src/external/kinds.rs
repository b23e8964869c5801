//! Which kinds of objects an ExternalSecret may become instead of a Secret.

use std::fmt;

use crds::external_secret::ManifestTarget;

use crate::error::{Error, ErrorKind, Result};
use crate::secret::is_object_name;

/// The one kind of Kubernetes' first group that may be made. Others run as somebody (Pod), are somebody (ServiceAccount), hold secrets by rules of their own
/// (Secret), lead traffic elsewhere (Endpoints, Service), or bound what a namespace may do (ResourceQuota, LimitRange).
const FIRST_GROUP: &[&str] = &["ConfigMap"];

/// Groups none of whose kinds is made, whatever the controller has a right to: through them whoever may write an ExternalSecret would get rights, run
/// programs, lead traffic elsewhere, take a lease, or make us open and fetch for them.
const RESERVED_GROUPS: &[&str] = &[
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "apps.openshift.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "authorization.openshift.io",
    "batch",
    "bitnami.com",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "external-secrets.io",
    "generators.external-secrets.io",
    "oauth.openshift.io",
    "policy",
    "rbac.authorization.k8s.io",
    "security.openshift.io",
    "user.openshift.io",
];

/// Longest name of a version or a kind.
const LONGEST: usize = 63;

/// A kind of objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind {
    /// Its group; empty for Kubernetes' first one.
    pub group: String,
    /// The version of it.
    pub version: String,
    /// Its name.
    pub name: String,
}

impl Kind {
    /// The kind that an ExternalSecret names.
    ///
    /// # Errors
    /// Input: it is none. Denied: it is never made.
    pub fn of(manifest: &ManifestTarget) -> Result<Self> {
        let (group, version) = manifest.api_version.split_once('/').unwrap_or(("", &manifest.api_version));
        let word = |text: &str| {
            let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric()) && text.starts_with(|first: char| first.is_ascii_alphabetic());
            letters && text.len() <= LONGEST
        };
        if !word(version) || !(group.is_empty() || is_object_name(group)) || manifest.api_version.starts_with('/') {
            return Err(Error::input("use spec.target.manifest: its apiVersion is none"));
        }
        if !word(&manifest.kind) {
            return Err(Error::input("use spec.target.manifest: its kind is none"));
        }
        let kind = Self { group: group.to_owned(), version: version.to_owned(), name: manifest.kind.clone() };
        if kind.is_reserved() { Err(kind.refusal()) } else { Ok(kind) }
    }

    /// Group and version, as objects name them.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether values stand in its data rather than in its spec.
    pub(super) fn keeps_data(&self) -> bool {
        self.name == "ConfigMap"
    }

    fn is_reserved(&self) -> bool {
        if self.group.is_empty() { !FIRST_GROUP.contains(&self.name.as_str()) } else { RESERVED_GROUPS.contains(&self.group.as_str()) }
    }

    fn refusal(&self) -> Error {
        let error = Error::new(ErrorKind::Denied, format!("make a {self}: that kind is never made of an ExternalSecret"));
        match (self.group.as_str(), self.name.as_str()) {
            ("", "Secret") => error.advise("Leave spec.target.manifest out, and it becomes a Secret"),
            _ => error,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() { f.write_str(&self.name) } else { write!(f, "{}.{}", self.name, self.group) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(api_version: &str, kind: &str, expected: Option<ErrorKind>) {
        let manifest = ManifestTarget { api_version: api_version.to_owned(), kind: kind.to_owned() };
        assert_eq!(Kind::of(&manifest).err().map(|error| error.kind()), expected, "{api_version} {kind}");
    }

    #[test]
    fn config_maps_and_kinds_of_others_may_be_made() {
        check("v1", "ConfigMap", None);
        check("argoproj.io/v1alpha1", "Application", None);
        check("networking.k8s.io/v1", "NetworkPolicy", None);
    }

    #[test]
    fn kinds_that_give_power_are_never_made() {
        for kind in
            ["Secret", "ServiceAccount", "Pod", "ReplicationController", "Endpoints", "Service", "Binding", "ResourceQuota", "Namespace", "Node"]
        {
            check("v1", kind, Some(ErrorKind::Denied));
        }
        for (api_version, kind) in [
            ("rbac.authorization.k8s.io/v1", "RoleBinding"),
            ("rbac.authorization.k8s.io/v1beta1", "Role"),
            ("apps/v1", "Deployment"),
            ("batch/v1", "CronJob"),
            ("bitnami.com/v1alpha1", "SealedSecret"),
            ("external-secrets.io/v1", "ExternalSecret"),
            ("external-secrets.io/v1", "SecretStore"),
            ("generators.external-secrets.io/v1alpha1", "Password"),
            ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("coordination.k8s.io/v1", "Lease"),
            ("authentication.k8s.io/v1", "TokenRequest"),
            ("discovery.k8s.io/v1", "EndpointSlice"),
        ] {
            check(api_version, kind, Some(ErrorKind::Denied));
        }
    }

    #[test]
    fn what_would_lead_a_request_elsewhere_is_no_kind() {
        for (api_version, kind) in [
            ("", "ConfigMap"),
            ("/v1", "ConfigMap"),
            ("v1/", "ConfigMap"),
            ("v1/../../api/v1", "X"),
            ("a/b/v1", "X"),
            ("A.io/v1", "X"),
            ("v1", ""),
            ("v1", "config maps"),
            ("v1", "ConfigMap/status"),
            ("x.io/v1?", "X"),
        ] {
            check(api_version, kind, Some(ErrorKind::Input));
        }
    }
}
