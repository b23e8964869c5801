//! Plain Secrets of the folder to sealed files. An item whose value did not change keeps its ciphertext.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crds::SealedSecret;
use crds::names::SEALED_WITH;
use engine::manifest::{Format, Manifest, write};
use engine::open::open_each;
use engine::seal::{Hint, Overrides, Target, scope_of, seal};
use engine::{Error, ErrorKind, PlainSecret, Result};
use jiff::Timestamp;
use keys::{Certificate, KeyRing, RingKey, SecretBytes};

use super::Folder;
use super::report::Report;
use super::scan::{MARK, PlainFile, SEALED_ENDING, Scan};
use super::state::State;
use crate::input::read_file;
use crate::output::{Access, below, make_private_folder, plural, write_file};

impl Folder {
    /// Seals every plain Secret; returns the SealedSecrets with the file that each came from.
    pub(super) fn seal(&self, scan: &Scan, ring: &KeyRing, state: &mut State, report: &mut Report, now: Timestamp) -> Vec<(String, SealedSecret)> {
        let mut sealed = Vec::new();
        let Some((_, certificate)) = ring.newest().filter(|(_, certificate)| !certificate.is_expired(now)) else {
            let error = Error::new(ErrorKind::NotFound, "seal: the newest key has no certificate that may still seal");
            report.failed("Key".to_owned(), error.advise("Make one with sealer keys new"));
            return sealed;
        };
        let mut taken = BTreeMap::new();
        for file in &scan.plain {
            let shown = self.shown.join(&file.relative).display().to_string();
            if let Some(other) = taken.insert(file.relative.with_extension(SEALED_ENDING), shown.clone()) {
                let error = Error::input(format!("seal the file: {other} is sealed into a file of the same name"));
                report.failed(format!("File {shown}"), error.in_file(shown).advise("Rename one of the two"));
                continue;
            }
            match self.seal_file(file, ring, certificate, state, report) {
                Ok(objects) => sealed.extend(objects.into_iter().map(|object| (shown.clone(), object))),
                Err(error) => report.failed(format!("File {shown}"), error.in_file(shown)),
            }
        }
        sealed
    }

    fn seal_file(
        &self,
        file: &PlainFile,
        ring: &KeyRing,
        certificate: &Certificate,
        state: &mut State,
        report: &mut Report,
    ) -> Result<Vec<SealedSecret>> {
        // The name stands in the first line of the sealed file.
        let Some(name) = file.relative.to_str().filter(|name| !name.contains(char::is_control)) else {
            return Err(Error::input("seal the file: its name is not plain text").advise("Rename it"));
        };
        let path = self.sealed_path(&file.relative)?;
        let before = self.read_sealed(&path)?;
        let mut objects = Vec::new();
        let mut text = format!("{MARK}{name}\n");
        let mut fresh = 0;
        for secret in &file.secrets {
            let overrides = Overrides { namespace: self.namespace.clone(), ..Overrides::default() };
            let target = Target::of(secret, &overrides)?;
            let known = before.iter().find(|object| is_bound_to(object, &target));
            let object = seal_changed(secret, &target, certificate, ring, known, &mut fresh)?;
            text.push_str(&write(&object, Format::Yaml)?);
            objects.push(object);
        }
        let same = read_file(&path).is_ok_and(|source| source.bytes.ct_eq(&SecretBytes::new(text.clone().into_bytes())));
        let title = format!("SealedSecrets of {}", self.shown.join(&file.relative).display());
        if same {
            report.kept(title, "", Some(path.clone()));
        } else {
            if let Some(parent) = path.parent() {
                make_private_folder(parent)?;
            }
            write_file(&path, text.as_bytes(), Access::Default)?;
            report.did(
                title,
                "sealed",
                format!("{} with certificate {}", plural(fresh, "item"), certificate.fingerprint().short()),
                Some(path.clone()),
            );
        }
        if !self.in_place {
            state.sealed.insert(file.relative.with_extension(SEALED_ENDING).display().to_string(), file.relative.display().to_string());
        }
        Ok(objects)
    }

    /// Where the sealed form of a source goes.
    fn sealed_path(&self, relative: &Path) -> Result<PathBuf> {
        let (base, folder) = if self.in_place { (&self.source, Path::new("")) } else { (&self.out, Path::new("sealed")) };
        below(base, folder.join(relative).with_extension(SEALED_ENDING))
    }

    /// The objects of an earlier sealed file. A file that we did not write is refused; our own folder may hold anything.
    fn read_sealed(&self, path: &Path) -> Result<Vec<SealedSecret>> {
        if !path.exists() {
            return Ok(Vec::new());
        }
        let source = read_file(path)?;
        // EXPOSE: the mark stands in the first line of a sealed file.
        if self.in_place && !source.bytes.expose().starts_with(MARK.as_bytes()) {
            let error = Error::new(ErrorKind::Denied, "write the sealed file: there is one of that name that sealer local did not write");
            return Err(error.in_file(path.display().to_string()).advise("Rename one of the two"));
        }
        let objects = Manifest::parse(&source.bytes).and_then(|manifest| {
            let objects = manifest.objects()?;
            objects.iter().map(engine::manifest::Object::to_sealed_secret).collect()
        });
        // What is broken is simply sealed again.
        Ok(objects.unwrap_or_default())
    }
}

fn is_bound_to(object: &SealedSecret, target: &Target) -> bool {
    let annotations = object.metadata.annotations.as_ref();
    object.metadata.name.as_deref() == Some(&target.name)
        && object.metadata.namespace.as_deref().unwrap_or_default() == target.namespace
        && scope_of(|key| annotations.and_then(|map| map.get(key)).map(String::as_str)) == target.scope
}

/// Seals what changed since the last time, and takes everything else over as it is.
fn seal_changed(
    secret: &PlainSecret,
    target: &Target,
    certificate: &Certificate,
    ring: &KeyRing,
    known: Option<&SealedSecret>,
    fresh: &mut usize,
) -> Result<SealedSecret> {
    let opened = known.map(|object| open_each(object, ring).0).unwrap_or_default();
    let same = |key: &str, value: &SecretBytes| opened.get(key).is_some_and(|item| item.secret.ct_eq(value));
    let changed = secret.data.iter().filter(|(key, value)| !same(key, value));
    let part = PlainSecret {
        name: secret.name.clone(),
        namespace: secret.namespace.clone(),
        metadata: secret.metadata.clone(),
        type_: secret.type_.clone(),
        immutable: secret.immutable,
        data: changed.map(|(key, value)| (key.clone(), value.duplicate())).collect(),
    };
    *fresh += part.data.len();
    let mut object = seal(&part, target, certificate, Hint::Written)?;
    if let Some(known) = known {
        let kept = known.spec.encrypted_data.iter().filter(|(key, _)| secret.data.contains_key(*key) && !part.data.contains_key(*key));
        object.spec.encrypted_data.extend(kept.map(|(key, item)| (key.clone(), item.clone())));
    }
    // The hint names every certificate that an item is under: the newest if something was sealed, and those of what stays.
    let under = |key: &RingKey| {
        let kept = opened
            .iter()
            .any(|(name, item)| item.by.key.identity() == key.key.identity() && secret.data.contains_key(name) && !part.data.contains_key(name));
        kept || (!part.data.is_empty() && key.key.identity() == certificate.identity())
    };
    let names: BTreeSet<String> = ring.keys().iter().filter(|key| under(key)).filter_map(RingKey::fingerprint).map(|name| name.to_string()).collect();
    if !names.is_empty() {
        let text = names.into_iter().collect::<Vec<_>>().join(",");
        object.metadata.annotations.get_or_insert_default().insert(SEALED_WITH.to_owned(), text);
    }
    Ok(object)
}
