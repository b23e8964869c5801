//! Sealed items to plaintext: which key, and why not.

use std::collections::BTreeMap;

use crds::SealedSecret;
use crds::names::SEALED_WITH;
use keys::{Budget, Fingerprint, Hints, KeyRing, Label, Opening, RingKey, Scope, Sealed, SecretBytes, Trial};
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::error::{Error, ErrorKind, Result};
use crate::seal::{hints, scope_of};

/// Fewer private operations than this are done where they are: waking another core costs more.
const PARALLEL_FROM: usize = 4;

/// Lengths of the RSA part that any accepted key makes, in bytes.
pub(crate) const RSA_LENGTHS: std::ops::RangeInclusive<usize> = 256..=1024;

/// What opening needs to know of a SealedSecret.
pub(crate) struct Sealing<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) scope: Scope,
    pub(crate) hints: Hints,
    /// Namespace and name in the template, which do not count.
    template: (&'a str, &'a str),
}

/// An item that was opened.
#[derive(Debug)]
pub struct Opened<'r> {
    /// The plaintext.
    pub secret: SecretBytes,
    /// The key that opened it.
    pub by: &'r RingKey,
}

impl<'a> Sealing<'a> {
    pub(crate) fn of(sealed: &'a SealedSecret) -> Self {
        let annotation = |key: &str| sealed.metadata.annotations.as_ref().and_then(|map| map.get(key)).map(String::as_str);
        let metadata = sealed.spec.template.as_ref().map(|template| &template.metadata);
        let template = |key: &str| metadata.and_then(|metadata| metadata.get(key)).and_then(serde_json::Value::as_str).unwrap_or_default();
        Self {
            namespace: sealed.metadata.namespace.as_deref().unwrap_or_default(),
            name: sealed.metadata.name.as_deref().unwrap_or_default(),
            scope: scope_of(annotation),
            hints: Hints { sealed_with: hints(annotation(SEALED_WITH)), last: None },
            template: (template("namespace"), template("name")),
        }
    }

    pub(crate) fn label(&self) -> Label {
        self.scope.label(self.namespace, self.name)
    }

    /// A digest of the items and of what they are bound to.
    fn digest(&self, sealed: &SealedSecret) -> Fingerprint {
        let items = sealed.spec.encrypted_data.iter().flat_map(|(key, item)| [key.as_str(), item.as_str()]);
        let parts: Vec<&str> = [self.namespace, self.name, self.scope.name()].into_iter().chain(items).collect();
        // Neither names nor base64 hold a zero byte.
        Fingerprint::of(parts.join("\0").as_bytes())
    }

    pub(crate) fn title(&self) -> String {
        crate::manifest::title("SealedSecret", self.namespace, self.name)
    }
}

/// The keys that were tried without success count for as long as this lives, so that a budget is never spent twice on one key.
#[derive(Debug)]
pub struct Pass {
    /// Digest of what is being opened.
    subject: Fingerprint,
    opened: BTreeMap<String, SecretBytes>,
    trials: BTreeMap<String, Trial>,
    /// Items that no key of the ring opens, so that they are not read again at each step.
    failed: BTreeMap<String, Error>,
    last: Option<Fingerprint>,
}

/// How far a pass came.
#[derive(Debug)]
pub enum Progress {
    /// Every item is open; the identity of the key that opened the last one comes along.
    Done(BTreeMap<String, SecretBytes>, Option<Fingerprint>),
    /// The budget is spent: call again, behind the others.
    Paused(Pass),
}

impl Pass {
    /// Begins with nothing open.
    #[must_use]
    pub fn begin(sealed: &SealedSecret) -> Self {
        let subject = Sealing::of(sealed).digest(sealed);
        Self { subject, opened: BTreeMap::new(), trials: BTreeMap::new(), failed: BTreeMap::new(), last: None }
    }

    /// Goes on where it stopped, or begins anew if the object was changed since.
    #[must_use]
    pub fn resume(self, sealed: &SealedSecret) -> Self {
        // Another ring may open what the last one did not.
        if self.subject == Sealing::of(sealed).digest(sealed) { Self { failed: BTreeMap::new(), ..self } } else { Self::begin(sealed) }
    }

    /// Opens items until all are open or the budget is spent: for a controller, where an object times a ring must not block the others.
    ///
    /// The object is the one that the pass was begun or resumed with.
    ///
    /// # Errors
    /// One error for each item that no key of the ring opens; only once all of them were tried.
    pub fn advance(mut self, sealed: &SealedSecret, ring: &KeyRing, budget: &mut Budget) -> std::result::Result<Progress, Vec<Error>> {
        let sealing = Sealing::of(sealed);
        let label = sealing.label();
        for (key, text) in &sealed.spec.encrypted_data {
            if self.opened.contains_key(key) || self.failed.contains_key(key) {
                continue;
            }
            let hints = Hints { last: self.last, ..sealing.hints.clone() };
            let trial = self.trials.entry(key.clone()).or_default();
            let opening = Sealed::from_base64(text).and_then(|item| ring.open(&item, &label, &hints, trial, budget));
            let error = match opening {
                Ok(Opening::Opened(secret, by)) => {
                    self.last = Some(by.key.identity());
                    self.opened.insert(key.clone(), secret);
                    continue;
                }
                Ok(Opening::Paused) => return Ok(Progress::Paused(self)),
                Ok(Opening::NoKey) => no_key(&sealing, ring, None),
                Err(error) => Error::from(error),
            };
            self.failed.insert(key.clone(), error.on_item(key).in_object(sealing.title()));
        }
        if self.failed.is_empty() { Ok(Progress::Done(self.opened, self.last)) } else { Err(self.failed.into_values().collect()) }
    }
}

/// Opens every item, on all cores if there are many, and tries everything.
///
/// # Errors
/// One error for each item that does not open; says which scope or name it would open under, if that is the reason.
pub fn open_all<'r>(sealed: &SealedSecret, ring: &'r KeyRing) -> std::result::Result<BTreeMap<String, Opened<'r>>, Vec<Error>> {
    let (opened, failures) = open_each(sealed, ring);
    if failures.is_empty() { Ok(opened) } else { Err(failures) }
}

/// As [`open_all`], but hands out what opens beside the failures.
pub fn open_each<'s, 'r>(sealed: &'s SealedSecret, ring: &'r KeyRing) -> (BTreeMap<String, Opened<'r>>, Vec<Error>) {
    let sealing = Sealing::of(sealed);
    let mut items = sealed.spec.encrypted_data.iter();
    let mut results = Vec::with_capacity(items.len());
    // The first item shows which key opens the others.
    let mut hints = sealing.hints.clone();
    if let Some((key, text)) = items.next() {
        let first = open_item(&sealing, ring, &hints, text);
        hints.last = first.as_ref().ok().map(|opened| opened.by.key.identity());
        results.push((key, first));
    }
    let rest: Vec<_> = items.collect();
    let open = |(key, text): (&'s String, &String)| (key, open_item(&sealing, ring, &hints, text));
    if rest.len() < PARALLEL_FROM {
        results.extend(rest.into_iter().map(open));
    } else {
        results.extend(rest.into_par_iter().map(open).collect::<Vec<_>>());
    }
    let (mut opened, mut failures) = (BTreeMap::new(), Vec::new());
    for (key, result) in results {
        match result {
            Ok(item) => drop(opened.insert(key.clone(), item)),
            Err(error) => failures.push(error.on_item(key).in_object(sealing.title())),
        }
    }
    (opened, failures)
}

fn open_item<'r>(sealing: &Sealing<'_>, ring: &'r KeyRing, hints: &Hints, text: &str) -> Result<Opened<'r>> {
    let item = Sealed::from_base64(text).map_err(|error| {
        let error = Error::from(error);
        Error::new(ErrorKind::Tampered, error.message())
    })?;
    let order = ring.order(hints);
    if let Some(opened) = try_keys(&order, &item, &sealing.label())? {
        return Ok(opened);
    }
    Err(no_key(sealing, ring, Some(&item)))
}

fn try_keys<'r>(order: &[&'r RingKey], item: &Sealed, label: &Label) -> Result<Option<Opened<'r>>> {
    let fits = |key: &&&RingKey| key.key.modulus_length() == item.rsa_length();
    let candidates: Vec<&&RingKey> = order.iter().filter(fits).collect();
    let open = |by: &'r RingKey| match item.open(&by.key, label) {
        Ok(secret) => Some(Ok(Opened { secret, by })),
        Err(error) if error.kind() == keys::ErrorKind::Unopenable => None,
        Err(error) => Some(Err(Error::from(error))),
    };
    // The first candidate nearly always opens it; only then are the others worth every core.
    let Some((first, others)) = candidates.split_first() else { return Ok(None) };
    let all = || if others.len() < PARALLEL_FROM { others.iter().find_map(|key| open(key)) } else { others.par_iter().find_map_any(|key| open(key)) };
    open(first).or_else(all).transpose()
}

/// Says why an item does not open. With the item at hand, other scopes and the name in the template are tried: they are the usual reasons.
fn no_key(sealing: &Sealing<'_>, ring: &KeyRing, item: Option<&Sealed>) -> Error {
    if ring.keys().is_empty() {
        return Error::new(ErrorKind::Denied, "open the item: there is no private key").advise("Give the private keys with --key or --keys");
    }
    if let Some(error) = item.and_then(|item| wrong_length(ring, item).or_else(|| other_label(sealing, ring, item))) {
        return error;
    }
    let hints = &sealing.hints.sealed_with;
    if let Some(absent) = hints.iter().find(|hint| !ring.keys().iter().any(|key| key.fingerprint() == Some(**hint))) {
        let message = format!("open the item: the key of certificate {}, which the object names, is not here, and no other opens it", absent.short());
        return Error::new(ErrorKind::Denied, message).advise("Name the file with that key with --key");
    }
    if !hints.is_empty() {
        let message = "open the item: the key that it names is here, but does not open it under this namespace, name and scope; \
                       it was sealed for another object, or changed";
        return Error::new(ErrorKind::Tampered, message).advise("Seal the value again for this object");
    }
    let count = ring.keys().len();
    let keys = if item.is_none() {
        // For a status, which must not change with the ring as long as the answer does not.
        "no key here opens it".to_owned()
    } else if count == 1 {
        "the only key here does not open it".to_owned()
    } else {
        format!("none of the {count} keys here opens it")
    };
    let message = format!(
        "open the item as {} {}/{}: {keys}; it was sealed with another key or for another object, or changed",
        sealing.scope, sealing.namespace, sealing.name
    );
    Error::new(ErrorKind::Denied, message).advise("Check that the private keys are those of the cluster that it was sealed for")
}

fn wrong_length(ring: &KeyRing, item: &Sealed) -> Option<Error> {
    if ring.keys().iter().any(|key| key.key.modulus_length() == item.rsa_length()) {
        return None;
    }
    let bits = item.rsa_length() * 8;
    if !RSA_LENGTHS.contains(&item.rsa_length()) {
        return Some(Error::new(ErrorKind::Tampered, format!("open the item: an RSA part of {bits} bits belongs to no key that is accepted")));
    }
    let message = format!("open the item: its RSA part has {bits} bits, and no key here has; it was sealed with another key, or changed");
    Some(Error::new(ErrorKind::Denied, message))
}

fn other_label(sealing: &Sealing<'_>, ring: &KeyRing, item: &Sealed) -> Option<Error> {
    let order = ring.order(&sealing.hints);
    let opens =
        |scope: &Scope, namespace: &str, name: &str| try_keys(&order, item, &scope.label(namespace, name)).is_ok_and(|opened| opened.is_some());
    if let Some(scope) = Scope::ALL.iter().filter(|scope| **scope != sealing.scope).find(|scope| opens(scope, sealing.namespace, sealing.name)) {
        let message = format!("open the item: it was sealed with the {scope} scope, but the annotations say {}", sealing.scope);
        return Some(
            Error::new(ErrorKind::Tampered, message).advise("Put back the scope annotation that it was sealed with, or seal the value again"),
        );
    }
    // Whoever renames an object often forgets the template.
    let (namespace, name) = sealing.template;
    let renamed = (namespace, name) != (sealing.namespace, sealing.name) && !name.is_empty();
    let scope = Scope::ALL.iter().filter(|_| renamed).find(|scope| opens(scope, namespace, name))?;
    let message = format!("open the item: it was sealed as {scope} {namespace}/{name}, which the template still says, and the object was renamed");
    Some(Error::new(ErrorKind::Tampered, message).advise("Put back the name and namespace that it was sealed for, or seal the value again"))
}

#[cfg(test)]
mod tests;
