//! What is wrong with a SealedSecret: as much as can be said without a key, and everything with the keys.

use std::collections::BTreeSet;

use crds::SealedSecret;
use crds::names::{CLUSTER_WIDE, NAMESPACE_WIDE, SEALED_WITH, TRUE};
use jiff::Timestamp;
use keys::{Certificate, KeyRing, Scope, Sealed};
use serde_json::Value;
use templates::Template;

use crate::error::{Error, ErrorKind};
use crate::manifest::{Node, Object};
use crate::open::{RSA_LENGTHS, open_each};
use crate::seal::{hints, scope_of};
use crate::secret::{is_item_key, is_object_name};
use crate::unseal::{is_blob, unseal};

/// What the length of every usual RSA key is a multiple of, in bytes: 128 bits.
const RSA_STEP: usize = 16;

/// What the checks may use.
pub struct Known<'a> {
    /// The current time.
    pub now: Timestamp,
    /// Certificates of the cluster.
    pub certificates: &'a [Certificate],
    /// Private keys; None checks the shape only.
    pub ring: Option<&'a KeyRing>,
}

/// One thing that was found.
#[derive(Debug)]
pub struct Finding {
    /// Whether the object can not be used as it is.
    pub is_error: bool,
    /// What, where, and what to do.
    pub error: Error,
}

/// Checks one object.
#[must_use]
pub fn verify(object: &Object<'_>, known: &Known<'_>) -> Vec<Finding> {
    let mut report = Report { object, findings: Vec::new() };
    if object.is_secret() {
        let error = Error::input("check the object: it is a plain Secret, and anybody who sees the file can read it");
        report.error(error.advise("Seal it and keep the plain one out of Git"));
        return report.findings;
    }
    let sealed = match object.to_sealed_secret() {
        Ok(sealed) => sealed,
        Err(error) => {
            report.error(error);
            return report.findings;
        }
    };
    report.name();
    report.scope();
    report.template(&sealed);
    report.hint(known);
    report.items(&sealed, known);
    if let Some(ring) = known.ring {
        let failures = if is_blob(&sealed) { unseal(&sealed, ring, None).err().unwrap_or_default() } else { open_each(&sealed, ring).1 };
        for error in failures {
            // A malformed item was reported with its line already.
            let item = error.place().item.clone().unwrap_or_default();
            if !report.findings.iter().any(|finding| finding.is_error && finding.error.place().item.as_deref() == Some(&item)) {
                report.error(object.locate(error));
            }
        }
    }
    report.findings
}

struct Report<'a> {
    object: &'a Object<'a>,
    findings: Vec<Finding>,
}

impl Report<'_> {
    fn add(&mut self, is_error: bool, error: Error) {
        let error = error.in_object(self.object.title()).at_line(self.object.node.line);
        self.findings.push(Finding { is_error, error });
    }

    fn error(&mut self, error: Error) {
        self.add(true, error);
    }

    fn warning(&mut self, error: Error) {
        self.add(false, error);
    }

    fn line(&self, path: &[&str]) -> usize {
        self.object.node.at(path).map_or(self.object.node.line, |node| node.line)
    }

    fn scope_of_object(&self) -> Scope {
        scope_of(|key| self.object.annotation(key))
    }

    fn name(&mut self) {
        if self.object.name.is_empty() {
            self.error(Error::input("check metadata.name: it is missing").at_line(self.line(&["metadata"])));
        }
        for (key, name) in [("name", self.object.name), ("namespace", self.object.namespace)] {
            if !name.is_empty() && !is_object_name(name) {
                let error = Error::input(format!("check metadata.{key}: Kubernetes allows lower-case letters, digits, '-' and '.'"));
                self.error(error.at_line(self.line(&["metadata", key])));
            }
        }
        if self.object.namespace.is_empty() && self.scope_of_object() != Scope::ClusterWide {
            let error = Error::input("check metadata.namespace: it is missing, and the items are bound to one").at_line(self.line(&["metadata"]));
            self.warning(error.advise("Add the namespace that it was sealed for, so that it can not be applied to another"));
        }
    }

    fn scope(&mut self) {
        let value = |key| self.object.annotation(key);
        let line = self.line(&["metadata", "annotations"]);
        for key in [CLUSTER_WIDE, NAMESPACE_WIDE] {
            if value(key).is_some_and(|text| text != TRUE) {
                let error =
                    Error::input(format!("check annotation {key}: only the value \"true\" counts, so the scope is {}", self.scope_of_object()));
                self.warning(error.at_line(line));
            }
        }
        if value(CLUSTER_WIDE) == Some(TRUE) && value(NAMESPACE_WIDE) == Some(TRUE) {
            let error = Error::input("check the scope: both annotations are set, and cluster-wide wins").at_line(line);
            self.warning(error.advise("Keep the annotation of the scope that it was sealed with"));
        }
        let path = ["spec", "template", "metadata", "annotations"];
        let template = self.object.node.at(&path);
        let copied = scope_of(|key| template.and_then(|map| map.get(key)).and_then(Node::text));
        let names_one = [CLUSTER_WIDE, NAMESPACE_WIDE].iter().any(|key| template.and_then(|map| map.get(key)).is_some());
        if names_one && copied != self.scope_of_object() {
            let error =
                Error::input(format!("check the scope: the template says {copied}, but the object says {}, which counts", self.scope_of_object()));
            self.error(error.at_line(self.line(&path)).advise("Make metadata.annotations say the scope that it was sealed with"));
        }
    }

    fn template(&mut self, sealed: &SealedSecret) {
        let Some(template) = &sealed.spec.template else { return };
        for (key, own) in [("name", self.object.name), ("namespace", self.object.namespace)] {
            let other = template.metadata.get(key).and_then(Value::as_str).unwrap_or_default();
            if !other.is_empty() && !own.is_empty() && other != own {
                let error = Error::input(format!("check spec.template.metadata.{key}: it differs from metadata.{key}, which counts"));
                self.warning(error.at_line(self.line(&["spec", "template", "metadata", key])));
            }
        }
        for (key, text) in template.data.iter().flatten() {
            let line = self.line(&["spec", "template", "data", key]);
            if let Some(Err(error)) = text.as_ref().map(|text| Template::parse(key, text.as_bytes())) {
                self.error(Error::input(format!("read the template: {error}")).on_item(key).at_line(line));
            } else if text.is_some() && sealed.spec.encrypted_data.contains_key(key) {
                let error = Error::input("check the template: a sealed item of the same key wins, so it is never seen");
                self.warning(error.on_item(key).at_line(line));
            }
        }
    }

    fn hint(&mut self, known: &Known<'_>) {
        let Some(text) = self.object.annotation(SEALED_WITH) else { return };
        let line = self.line(&["metadata", "annotations", SEALED_WITH]);
        let names = hints(Some(text));
        if names.len() != text.split(',').filter(|name| !name.is_empty()).count() {
            self.warning(Error::input(format!("check annotation {SEALED_WITH}: it holds something else than fingerprints")).at_line(line));
        }
        let certificates = known.every_certificate();
        if certificates.is_empty() {
            return;
        }
        let find = |name| certificates.iter().find(|certificate| certificate.fingerprint() == name);
        let some_known = names.iter().any(|name| find(*name).is_some());
        for name in names {
            match find(name) {
                // Items were exchanged since: the other names may be about items that are gone.
                None if some_known => {
                    let message = format!("check annotation {SEALED_WITH}: certificate {} is none of those given", name.short());
                    self.warning(Error::new(ErrorKind::Denied, message).at_line(line).advise("Reseal it with the newest key"));
                }
                None => {
                    let message = format!("check annotation {SEALED_WITH}: certificate {} is none of those given", name.short());
                    let error = Error::new(ErrorKind::Denied, message).at_line(line);
                    self.error(
                        error.advise(
                            "It was sealed for another cluster, or with an older key: name the older certificates with --cert too, or reseal",
                        ),
                    );
                }
                Some(certificate) if certificate.is_expired(known.now) => {
                    let message = format!(
                        "check annotation {SEALED_WITH}: certificate {} expired on {}",
                        name.short(),
                        certificate.not_after().strftime("%Y-%m-%d")
                    );
                    self.warning(Error::input(message).at_line(line).advise("Reseal it with the newest key"));
                }
                Some(_) => {}
            }
        }
    }

    fn items(&mut self, sealed: &SealedSecret, known: &Known<'_>) {
        let blob = is_blob(sealed);
        if blob {
            let error = Error::input("check spec.data: this format is deprecated").at_line(self.line(&["spec", "data"]));
            self.warning(error.advise("Unseal it and seal the Secret again"));
        }
        if blob && !sealed.spec.encrypted_data.is_empty() {
            self.error(Error::input("check spec: both data and encryptedData are set").at_line(self.line(&["spec", "data"])));
        }
        if !blob && sealed.spec.encrypted_data.is_empty() {
            self.warning(Error::input("check spec.encryptedData: there is no item").at_line(self.line(&["spec"])));
        }
        let mut lengths = BTreeSet::new();
        if let Some(text) = sealed.spec.data.as_deref().filter(|_| blob) {
            self.item("spec.data", text, self.line(&["spec", "data"]), known);
        }
        for (key, text) in &sealed.spec.encrypted_data {
            let line = self.object.item_line(key).unwrap_or(self.object.node.line);
            lengths.extend(self.item(key, text, line, known));
        }
        if lengths.len() > 1 {
            let bits: Vec<String> = lengths.iter().map(|length| (length * 8).to_string()).collect();
            let error = Error::input(format!("check the items: they are under keys of different lengths ({} bits)", bits.join(", ")));
            self.warning(error.at_line(self.line(&["spec", "encryptedData"])).advise("Reseal the object"));
        }
    }

    /// Checks the form of one item; returns the length of its RSA part if it can be right.
    fn item(&mut self, key: &str, text: &str, line: usize, known: &Known<'_>) -> Option<usize> {
        if key != "spec.data" && !is_item_key(key) {
            let error = Error::input("check the key of the item: Kubernetes allows letters, digits, '-', '_' and '.', at most 253");
            self.error(error.on_item(key).at_line(line));
        }
        let length = match Sealed::from_base64(text) {
            Ok(item) => item.rsa_length(),
            Err(error) => {
                self.error(Error::new(ErrorKind::Tampered, error.to_string()).on_item(key).at_line(line));
                return None;
            }
        };
        if !RSA_LENGTHS.contains(&length) || !length.is_multiple_of(RSA_STEP) {
            let message = format!("read the item: an RSA part of {length} bytes belongs to no key that is accepted");
            self.error(Error::new(ErrorKind::Tampered, message).on_item(key).at_line(line));
            return None;
        }
        let certificates = known.every_certificate();
        if !certificates.is_empty() && certificates.iter().all(|certificate| certificate.key().modulus_length() != length) {
            let message = format!("read the item: its RSA part has {} bits, and no certificate given has", length * 8);
            self.error(Error::new(ErrorKind::Denied, message).on_item(key).at_line(line));
        }
        Some(length)
    }
}

impl Known<'_> {
    /// The certificates that were given, alone or beside a private key.
    fn every_certificate(&self) -> Vec<&Certificate> {
        let ring = self.ring.map(KeyRing::keys).unwrap_or_default().iter().filter_map(|key| key.certificate.as_ref());
        self.certificates.iter().chain(ring).collect()
    }
}
