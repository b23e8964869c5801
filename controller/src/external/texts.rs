//! Which versions of ConfigMaps and Secrets an ExternalSecret has its templates from.

use std::collections::BTreeMap;

use crds::ExternalSecret;

use crate::key::Key;

/// A ConfigMap (false) or a Secret (true).
pub(crate) type Place = (bool, Key);

/// What was used, and what there is: versions, as texts that stand for them.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    used: BTreeMap<Place, String>,
    seen: BTreeMap<Place, String>,
}

impl Texts {
    /// What the status remembers.
    pub(crate) fn remembered(object: &ExternalSecret) -> Self {
        let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
        let texts = object.status.as_ref().and_then(|status| status.produced.as_ref()).map(|produced| &produced.texts);
        let place = |name: &str| {
            let (kind, name) = name.split_once('/')?;
            Some((kind == "Secret", Key::new(namespace, name)))
        };
        let used = texts.into_iter().flatten().filter_map(|(name, version)| Some((place(name)?, version.clone()))).collect();
        Self { used, seen: BTreeMap::new() }
    }

    /// For the status.
    pub(crate) fn to_status(used: &BTreeMap<Place, String>) -> BTreeMap<String, String> {
        let name = |(secret, key): &Place| format!("{}/{}", if *secret { "Secret" } else { "ConfigMap" }, key.name());
        used.iter().map(|(place, version)| (name(place), version.clone())).collect()
    }

    /// Takes note of a version, or of none; says whether it is another one than was used. What is met for the first time is no other, as far as anybody knows.
    pub(crate) fn saw(&mut self, place: &Place, version: Option<&str>) -> Option<bool> {
        let before = self.used.get(place).or_else(|| self.seen.get(place)).cloned();
        match version {
            Some(version) => drop(self.seen.insert(place.clone(), version.to_owned())),
            None => drop(self.seen.remove(place)),
        }
        before.map(|before| Some(before.as_str()) != version)
    }

    /// Takes note of what was used; says whether there is another version by now.
    pub(crate) fn used(&mut self, used: BTreeMap<Place, String>) -> bool {
        self.used = used;
        self.seen.retain(|place, _| self.used.contains_key(place));
        self.seen.iter().any(|(place, version)| self.used.get(place) != Some(version))
    }
}

#[cfg(test)]
mod tests {
    use crds::external_secret::{ExternalSecretStatus, Produced};

    use super::*;

    fn place() -> Place {
        (false, Key::new("shop", "form"))
    }

    fn used(version: &str) -> BTreeMap<Place, String> {
        [(place(), version.to_owned())].into()
    }

    #[test]
    fn a_version_that_was_not_used_is_news() {
        let mut texts = Texts::default();
        assert_eq!(texts.saw(&place(), Some("1")), None, "nobody knows");
        assert_eq!(texts.saw(&place(), Some("1")), Some(false));
        assert_eq!(texts.saw(&place(), Some("2")), Some(true));
        assert!(!texts.used(used("2")));
        assert_eq!(texts.saw(&place(), Some("2")), Some(false));
        assert_eq!(texts.saw(&place(), None), Some(true));
    }

    #[test]
    fn what_changed_while_it_was_used_is_news() {
        let mut texts = Texts::default();
        assert_eq!(texts.saw(&place(), Some("2")), None);
        assert!(texts.used(used("1")));
        assert!(!texts.used(used("2")));
        assert!(!texts.used(BTreeMap::new()));
    }

    #[test]
    fn what_the_status_remembers_was_used() {
        let mut object = ExternalSecret::default();
        object.metadata.namespace = Some("shop".to_owned());
        let produced = Produced { texts: Texts::to_status(&used("1")), ..Produced::default() };
        object.status = Some(ExternalSecretStatus { produced: Some(produced), ..ExternalSecretStatus::default() });
        assert_eq!(Texts::remembered(&object).saw(&place(), Some("1")), Some(false));
        assert_eq!(Texts::remembered(&object).saw(&place(), Some("2")), Some(true));
        assert_eq!(Texts::remembered(&object).saw(&(true, Key::new("shop", "form")), Some("2")), None);
    }
}
