//! ExternalSecrets of the folder to native Secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crds::SealedSecret;
use engine::external::refresh;
use engine::external::rules::{Creation, Deletion, creation};
use engine::manifest::{Format, title, write};
use engine::{Error, Result};
use jiff::Timestamp;
use keys::Fingerprint;

use super::Folder;
use super::apply::{Cause, Ready, identity, remove};
use super::report::Report;
use super::scan::Scan;
use super::state::State;
use crate::external::{Stores, Wanted};

/// When the values of a Secret were read, and what the files were then.
pub(crate) type Reads = BTreeMap<String, (Timestamp, String)>;

impl Folder {
    /// Makes the Secret of every ExternalSecret; returns the Secrets that have one.
    ///
    /// # Errors
    /// The state can not be written; what concerns one object only is in the report.
    pub(super) fn sync(
        &self,
        scan: &mut Scan,
        sealed: &[(String, SealedSecret)],
        state: &mut State,
        report: &mut Report,
        now: Timestamp,
    ) -> Result<BTreeSet<String>> {
        if scan.objects.wanted.is_empty() {
            // Whoever asks nobody needs nothing to wait with.
            return Ok(BTreeSet::new());
        }
        let others: BTreeSet<String> = sealed.iter().chain(&scan.sealed).map(|(_, object)| identity(object)).collect();
        let stores = Stores::new(Arc::new(std::mem::take(&mut scan.objects)), now)?;
        let (mut taken, mut ready) = (BTreeSet::new(), Vec::new());
        for wanted in &stores.objects().wanted {
            let identity = format!("{}/{}", wanted.namespace(), wanted.object.target_name());
            let title = title("Secret", wanted.namespace(), wanted.object.target_name());
            let mut one = || {
                let contested = others.contains(&identity) || !taken.insert(identity.clone());
                if contested {
                    return Err(Error::input(format!("make {title}: another object of the folder makes it")));
                }
                if let Some(due) = self.fresh_until(wanted, &identity, &scan.digest, state, now)? {
                    report.kept(title.clone(), "", self.remembered_path(&identity).ok());
                    report.refresh = report.refresh.into_iter().chain(due).min();
                    return Ok(None);
                }
                let next = self.synced(&stores, wanted, &identity, &title, state, report)?;
                let due = refresh::interval(&wanted.object)?.and_then(|interval| now.checked_add(interval).ok());
                report.refresh = report.refresh.into_iter().chain(due).min();
                self.reads.borrow_mut().insert(identity.clone(), (now, scan.digest.clone()));
                Ok(next)
            };
            match one() {
                Ok(next) => ready.extend(next),
                Err(error) => report.failed(title, wanted.origin.locate(error)),
            }
        }
        self.put(ready, state, report)?;
        Ok(taken)
    }

    /// Whether a Secret is as it was left and its values count as fresh; until when, if not for ever.
    fn fresh_until(&self, wanted: &Wanted, identity: &str, digest: &str, state: &State, now: Timestamp) -> Result<Option<Option<Timestamp>>> {
        let interval = refresh::interval(&wanted.object)?;
        let Some(produced) = state.secrets.get(identity) else { return Ok(None) };
        if !self.remembered_path(identity).is_ok_and(|path| produced.is_untouched(&path)) {
            return Ok(None);
        }
        if wanted.object.spec.refresh_policy.as_deref() == Some("CreatedOnce") {
            return Ok(Some(None));
        }
        let reads = self.reads.borrow();
        let Some((read, _)) = reads.get(identity).filter(|(_, files)| files == digest) else { return Ok(None) };
        let due = interval
            .filter(|_| wanted.object.spec.refresh_policy.as_deref() != Some("OnChange"))
            .and_then(|interval| read.checked_add(interval).ok());
        Ok(due.is_none_or(|due| due > now).then_some(due))
    }

    fn synced(&self, stores: &Stores, wanted: &Wanted, identity: &str, title: &str, state: &mut State, report: &mut Report) -> Result<Option<Ready>> {
        match creation(&wanted.object)? {
            Creation::Owner | Creation::Orphan => {}
            Creation::None => return Ok(None),
            Creation::Merge | Creation::CreateOrMerge => {
                return Err(Error::input("use spec.target.creationPolicy: in a folder it may be Owner, Orphan or None"));
            }
        }
        let rendered = stores.render(wanted)?;
        let Some(desired) = rendered.secret else {
            if rendered.deletion == Deletion::Delete && state.secrets.contains_key(identity) {
                remove(&self.remembered_path(identity)?)?;
                state.secrets.remove(identity);
                report.did(title.to_owned(), "deleted", "its values are gone from the store", None);
            } else {
                report.kept(title.to_owned(), "the store has no values", None);
            }
            return Ok(None);
        };
        let digest = Fingerprint::of(write(&wanted.object, Format::Json)?.as_bytes()).to_string();
        self.prepare(Cause { digest, settles: false }, &desired, identity, state, report)
    }
}
