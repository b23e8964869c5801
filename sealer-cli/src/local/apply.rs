//! Desired Secrets to files: the writer that carries out `engine::policy` in a folder. Plaintext meets the disk here, and was asked for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crds::SealedSecret;
use crds::names::{MANAGED, PATCH, TRUE};
use engine::desired::DesiredSecret;
use engine::manifest::{Format, Manifest, write, write_secret};
use engine::policy::{Action, Existing, Memory, Owner, Reason, Refusal, decide};
use engine::unseal::unseal;
use engine::{Error, ErrorKind, PlainSecret, Result, is_object_name};
use jiff::Timestamp;
use keys::{Fingerprint, KeyRing, SecretBytes};

use super::Folder;
use super::report::Report;
use super::scan::Scan;
use super::state::{Mark, Produced, State};
use crate::input::{file_error, read_file};
use crate::output::{Access, Prepared, below, is_temporary, make_closed_folder, prepare, put_in_place};

/// What a Secret is made of.
pub(super) struct Cause {
    /// SHA-256 of it, without anything of a plaintext.
    pub(super) digest: String,
    /// Whether it alone says what the Secret is, but for random functions: values that are kept elsewhere change without it.
    pub(super) settles: bool,
}

/// A Secret that lies ready on disk under another name.
pub(super) struct Ready {
    identity: String,
    title: String,
    reason: Reason,
    path: PathBuf,
    file: Prepared,
    /// What is remembered once it has its own name; None if it was only added to, and is not ours.
    produced: Option<Produced>,
}

impl Folder {
    /// Makes the Secret of every SealedSecret. One that was just sealed from a plain Secret hides one of the same name that lies about.
    ///
    /// # Errors
    /// The state can not be written; what concerns one object only is in the report.
    pub(super) fn unseal(
        &self,
        scan: &Scan,
        sealed: &[(String, SealedSecret)],
        ring: &KeyRing,
        state: &mut State,
        report: &mut Report,
        now: Timestamp,
    ) -> Result<()> {
        let (mut done, mut ready) = (BTreeSet::new(), Vec::new());
        for (file, object) in sealed.iter().chain(&scan.sealed) {
            let identity = identity(object);
            if !done.insert(identity.clone()) {
                report.kept(format!("SealedSecret {identity}"), format!("{file} gives way to the plain Secret of the same name"), None);
                continue;
            }
            match unseal(object, ring, Some(now)) {
                Ok(desired) => {
                    match digest(object).and_then(|digest| self.prepare(Cause { digest, settles: true }, &desired, &identity, state, report)) {
                        Ok(next) => ready.extend(next),
                        Err(error) => report.failed(desired.title(), error.in_object(desired.title())),
                    }
                }
                Err(errors) => {
                    for error in errors {
                        report.failed(format!("SealedSecret {identity}"), error.in_file(file));
                    }
                }
            }
        }
        self.put(ready, state, report)
    }

    /// Decides about one Secret, and lays it ready if it is to be written.
    pub(super) fn prepare(
        &self,
        source: Cause,
        desired: &DesiredSecret,
        identity: &str,
        state: &mut State,
        report: &mut Report,
    ) -> Result<Option<Ready>> {
        let path = self.secret_path(desired)?;
        let remembered = state.secrets.get(identity);
        let written = remembered.and_then(|remembered| remembered.written);
        let produced = Produced { source: source.digest, owned: desired.owned, pending: None, written };
        let memory = match remembered {
            None => Memory::Never,
            // Where nobody touched the Secret, it is the values that changed.
            Some(remembered) if remembered.source == produced.source && (source.settles || !remembered.is_untouched(&path)) => Memory::Same,
            Some(_) => Memory::Other,
        };
        let observed = observe(&path)?;
        let sum = observed.as_ref().filter(|observed| observed.says(PATCH)).and_then(Observed::secret).map(|secret| patched(secret, desired));
        let wanted = sum.as_ref().unwrap_or(desired);
        let existing = match &observed {
            None => None,
            Some(observed) => Some(Existing {
                owner: if remembered.is_some() { Owner::Ours } else { Owner::Foreign },
                managed: observed.says(MANAGED),
                patch: observed.says(PATCH),
                immutable: observed.secret().is_some_and(|secret| secret.immutable == Some(true)),
                same: (source.settles && memory == Memory::Same && remembered.is_some_and(|remembered| remembered.is_untouched(&path)))
                    || observed.is_same_as(wanted)?,
            }),
        };
        let patched_only = existing.is_some_and(|existing| existing.owner == Owner::Foreign && existing.patch && !existing.managed);
        let produced = Some(produced).filter(|_| !patched_only);
        match decide(existing, memory) {
            Action::Keep => {
                report.kept(desired.title(), "", Some(path));
                state.secrets.extend(produced.map(|produced| (identity.to_owned(), produced)));
                Ok(None)
            }
            Action::Create(reason) | Action::Replace(reason) | Action::Patch(reason) => {
                if let Some(parent) = path.parent() {
                    make_closed_folder(parent)?;
                }
                // EXPOSE: native Secrets are what this command was asked for; the file is open to its owner only.
                let file = prepare(&path, write_secret(wanted, Format::Yaml)?.expose(), Access::Owner)?;
                Ok(Some(Ready { identity: identity.to_owned(), title: desired.title(), reason, path, file, produced }))
            }
            Action::Refuse(refusal) => Err(refused(refusal).in_file(path.display().to_string())),
        }
    }

    /// Gives Secrets their names. Before the first one appears the state says whose it will be: a pass that is killed leaves nothing that the next one
    /// does not know.
    pub(super) fn put(&self, ready: Vec<Ready>, state: &mut State, report: &mut Report) -> Result<()> {
        let before = state.clone();
        for ready in &ready {
            if let Some(produced) = ready.produced.as_ref().filter(|_| !before.secrets.contains_key(&ready.identity)) {
                state.secrets.insert(ready.identity.clone(), Produced { pending: Some(ready.file.inode()?), ..produced.clone() });
            }
        }
        if *state != before {
            state.write(&self.state_file()?)?;
        }
        for Ready { identity, title, reason, path, file, produced } in ready {
            if let Err(error) = put_in_place(vec![file]) {
                match before.secrets.get(&identity) {
                    Some(known) => drop(state.secrets.insert(identity, known.clone())),
                    None => drop(state.secrets.remove(&identity)),
                }
                report.failed(title.clone(), error.in_object(title));
                continue;
            }
            state.secrets.extend(produced.map(|produced| (identity, Produced { written: Mark::of(&path), ..produced })));
            let (word, detail) = words(reason);
            report.did(title, word, detail, Some(path));
        }
        Ok(())
    }

    /// Clears up after a pass that was killed: forgets Secrets that it did not come to, and deletes what lay ready for them.
    pub(super) fn sweep(&self, state: &mut State) -> Result<()> {
        let unborn = |(identity, produced): (&String, &Produced)| {
            let born = produced.pending.is_none() || self.remembered_path(identity).is_ok_and(|path| produced.is_at(&path));
            (!born).then(|| identity.clone())
        };
        let unborn: Vec<String> = state.secrets.iter().filter_map(unborn).collect();
        if !unborn.is_empty() {
            unborn.iter().for_each(|identity| drop(state.secrets.remove(identity)));
            // Before the files go, since their inodes may come back as those of others.
            state.write(&self.state_file()?)?;
        }
        let secrets = below(&self.out, "secrets")?;
        let folders = fs::read_dir(&secrets).into_iter().flatten().flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        for folder in folders.map(|entry| entry.path()).chain([secrets.clone()]) {
            let files = fs::read_dir(folder).into_iter().flatten().flatten().filter(is_temporary);
            files.map(|file| file.path()).try_for_each(|path| remove(&path))?;
        }
        Ok(())
    }

    /// Where a Secret is that an earlier pass wrote.
    pub(super) fn remembered_path(&self, identity: &str) -> Result<PathBuf> {
        below(&self.out.join("secrets"), format!("{}.yaml", identity.trim_start_matches('/')))
    }

    /// Deletes Secrets whose source is gone, as the cluster's garbage collection would, and sealed files whose source is gone.
    pub(super) fn collect_garbage(&self, scan: &Scan, synced: &BTreeSet<String>, state: &mut State, report: &mut Report) {
        let plain = scan.plain.iter().flat_map(|file| &file.secrets);
        let named = plain.map(|secret| format!("{}/{}", self.namespace_of(&secret.namespace), secret.name));
        let alive: BTreeSet<String> = named.chain(scan.sealed.iter().map(|(_, object)| identity(object))).chain(synced.iter().cloned()).collect();
        let gone: Vec<String> = state.secrets.keys().filter(|identity| !alive.contains(*identity)).cloned().collect();
        for identity in gone {
            if scan.may_hold(identity.rsplit('/').next().unwrap_or_default()) {
                report.kept(format!("Secret {identity}"), "its source may be a template that does not parse", None);
                continue;
            }
            let owned = state.secrets.get(&identity).is_some_and(|produced| produced.owned);
            if let Err(error) = if owned { self.remembered_path(&identity).and_then(|path| remove(&path)) } else { Ok(()) } {
                report.failed(format!("Secret {identity}"), error);
                continue;
            }
            state.secrets.remove(&identity);
            report.did(format!("Secret {identity}"), if owned { "deleted" } else { "released" }, "its source is gone", None);
        }
        let sources: BTreeSet<String> = scan.plain.iter().map(|file| file.relative.display().to_string()).collect();
        let orphans: Vec<String> =
            state.sealed.iter().filter(|(_, source)| !sources.contains(*source) && !scan.is_template(source)).map(|(file, _)| file.clone()).collect();
        for file in orphans {
            match below(&self.out.join("sealed"), &file).and_then(|path| remove(&path)) {
                Ok(()) => drop(state.sealed.remove(&file)),
                Err(error) => report.failed(format!("File {file}"), error),
            }
        }
    }

    /// Where a Secret goes. Names are checked as Kubernetes checks them, so that none can leave the folder.
    fn secret_path(&self, desired: &DesiredSecret) -> Result<PathBuf> {
        if !is_object_name(&desired.name) || !(desired.namespace.is_empty() || is_object_name(&desired.namespace)) {
            return Err(Error::input("write the Secret: its name or namespace is not one that Kubernetes accepts"));
        }
        below(&self.out.join("secrets"), Path::new(&desired.namespace).join(format!("{}.yaml", desired.name)))
    }
}

/// What stands where the Secret should be.
struct Observed {
    bytes: SecretBytes,
    /// None for something that is no Secret any more.
    secret: Option<PlainSecret>,
}

impl Observed {
    fn secret(&self) -> Option<&PlainSecret> {
        self.secret.as_ref()
    }

    fn says(&self, annotation: &str) -> bool {
        self.secret().and_then(|secret| secret.annotation(annotation)) == Some(TRUE)
    }

    /// Whether nothing would change: it means the same, or it is what we would write to the letter. A template may hold what reading leaves out.
    fn is_same_as(&self, wanted: &DesiredSecret) -> Result<bool> {
        let same = self.secret().is_some_and(|secret| as_desired(secret).is_same_as(wanted));
        Ok(same || write_secret(wanted, Format::Yaml)?.ct_eq(&self.bytes))
    }
}

fn observe(path: &Path) -> Result<Option<Observed>> {
    if !path.exists() {
        return Ok(None);
    }
    let source = read_file(path)?;
    let secret = Manifest::parse(&source.bytes).and_then(|manifest| match manifest.objects()?.as_slice() {
        [object] => PlainSecret::read(object),
        _ => Err(Error::input("read the Secret: the file holds something else")),
    });
    Ok(Some(Observed { bytes: source.bytes, secret: secret.ok() }))
}

fn as_desired(secret: &PlainSecret) -> DesiredSecret {
    DesiredSecret {
        namespace: secret.namespace.clone(),
        name: secret.name.clone(),
        metadata: secret.metadata.clone(),
        type_: secret.type_.clone(),
        immutable: secret.immutable,
        data: secret.data.iter().map(|(key, value)| (key.clone(), value.duplicate())).collect(),
        owned: true,
    }
}

/// The existing Secret with the desired data, labels and annotations added.
fn patched(secret: &PlainSecret, desired: &DesiredSecret) -> DesiredSecret {
    let mut sum = as_desired(secret);
    sum.data.extend(desired.data.iter().map(|(key, value)| (key.clone(), value.duplicate())));
    for map in ["labels", "annotations"] {
        let Some(added) = desired.metadata.get(map).and_then(serde_json::Value::as_object) else { continue };
        let into = sum.metadata.entry(map).or_insert_with(|| serde_json::Value::Object(serde_json::Map::new()));
        if let Some(into) = into.as_object_mut() {
            into.extend(added.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
    }
    sum
}

pub(super) fn identity(object: &SealedSecret) -> String {
    format!("{}/{}", object.metadata.namespace.as_deref().unwrap_or_default(), object.metadata.name.as_deref().unwrap_or_default())
}

fn digest(source: &SealedSecret) -> Result<String> {
    Ok(Fingerprint::of(write(source, Format::Json)?.as_bytes()).to_string())
}

fn words(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::New => ("created", ""),
        Reason::Changed => ("updated", "its source changed"),
        Reason::Deleted => ("healed", "it was deleted"),
        Reason::Edited => ("healed", "it was edited"),
        Reason::Adopted => ("adopted", "its annotation allows it"),
    }
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Unmanaged => Error::new(ErrorKind::Denied, "write the Secret: one of that name exists and is not managed by this folder")
            .advise(format!("Delete it, or annotate it with {MANAGED}: \"{TRUE}\"")),
        Refusal::Immutable => Error::new(ErrorKind::Denied, "change the Secret: it is immutable").advise("Delete it, and it is made anew"),
    }
}

pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file_error("delete the file", &error).in_file(path.display().to_string())),
        _ => Ok(()),
    }
}
