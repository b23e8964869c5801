//! ExternalSecrets of the folder to native Secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crds::SealedSecret;
use engine::desired::DesiredSecret;
use engine::external::rules::{Creation, Deletion, creation};
use engine::external::{refresh, windows};
use engine::manifest::{Format, title, write};
use engine::{Error, Result};
use jiff::Timestamp;
use keys::Fingerprint;

use super::Folder;
use super::apply::{Cause, Ready, identity, remove};
use super::report::Report;
use super::scan::Scan;
use super::state::State;
use crate::external::{Made, Stores, Wanted};

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
        let mut targets: BTreeMap<String, Vec<&Wanted>> = BTreeMap::new();
        for wanted in &stores.objects().wanted {
            targets.entry(format!("{}/{}", wanted.namespace(), wanted.object.target_name())).or_default().push(wanted);
        }
        let mut ready = Vec::new();
        for (identity, makers) in &targets {
            let Some(first) = makers.first() else { continue };
            let target = Target { identity, title: title("Secret", first.namespace(), first.object.target_name()), makers };
            let mut one = || {
                target.check(&others)?;
                if let Some(due) = self.fresh_until(&target, &scan.digest, state, now)? {
                    report.kept(target.title.clone(), "", self.remembered_path(identity).ok());
                    report.refresh = report.refresh.into_iter().chain(due).min();
                    return Ok(None);
                }
                let next = self.synced(&stores, &target, state, report)?;
                report.refresh = report.refresh.into_iter().chain(target.due(now)?).min();
                self.reads.borrow_mut().insert(identity.clone(), (now, scan.digest.clone()));
                Ok(next)
            };
            match one() {
                Ok(next) => ready.extend(next),
                Err(error) => report.failed(target.title.clone(), first.origin.locate(error)),
            }
        }
        self.put(ready, state, report)?;
        // What is only added to has nobody who makes it, and goes.
        let made = |makers: &[&Wanted]| makers.iter().any(|wanted| creation(&wanted.object).ok() != Some(Creation::Merge));
        Ok(targets.into_iter().filter(|(_, makers)| made(makers)).map(|(identity, _)| identity).collect())
    }

    /// Whether a Secret is as it was left and its values count as fresh; until when, if not for ever.
    fn fresh_until(&self, target: &Target<'_>, digest: &str, state: &State, now: Timestamp) -> Result<Option<Option<Timestamp>>> {
        let Some(produced) = state.secrets.get(target.identity) else { return Ok(None) };
        if !self.remembered_path(target.identity).is_ok_and(|path| produced.is_untouched(&path)) {
            return Ok(None);
        }
        let reads = self.reads.borrow();
        let read = reads.get(target.identity).filter(|(_, files)| files == digest).map(|(read, _)| *read);
        let mut until = None;
        for wanted in target.makers {
            let spec = &wanted.object.spec;
            if spec.refresh_policy.as_deref() == Some("CreatedOnce") {
                continue;
            }
            let Some(read) = read else { return Ok(None) };
            let interval = refresh::interval(&wanted.object)?.filter(|_| spec.refresh_policy.as_deref() != Some("OnChange"));
            let mut due = interval.and_then(|interval| read.checked_add(interval).ok());
            if due.is_some_and(|due| due <= now) {
                // A closed window puts the clock off, and nothing else.
                if windows::allow(spec.sync_windows.as_ref(), now)? {
                    return Ok(None);
                }
                due = now.checked_add(windows::CHANGES_EVERY).ok();
            }
            until = until.into_iter().chain(due).min();
        }
        Ok(Some(until))
    }

    /// Puts a Secret together of all that make it or add to it.
    fn synced(&self, stores: &Stores, target: &Target<'_>, state: &mut State, report: &mut Report) -> Result<Option<Ready>> {
        let (mut desired, mut gone, mut digests): (Option<DesiredSecret>, _, _) = (None, None, Vec::new());
        for wanted in target.in_order()? {
            let creation = creation(&wanted.object)?;
            if creation == Creation::None {
                continue;
            }
            if creation == Creation::Merge && desired.is_none() {
                report.kept(target.title.clone(), "nothing makes the Secret, and creationPolicy Merge only adds to it", None);
                continue;
            }
            let rendered = stores.render_onto(wanted, desired.as_ref())?;
            match rendered.made {
                Some(Made::Secret(mut secret)) => {
                    secret.owned = desired.as_ref().map_or(secret.owned, |below| below.owned);
                    desired = Some(secret);
                }
                Some(Made::Object(_)) => {
                    let error = Error::input("use spec.target.manifest: a folder holds Secrets only");
                    return Err(error.advise("sealer render shows what it becomes"));
                }
                None => gone = Some(rendered.deletion),
            }
            digests.push(write(&wanted.object, Format::Json)?);
        }
        match (desired, gone) {
            (Some(desired), _) => {
                let digest = Fingerprint::of(digests.iter().map(|text| text.as_str()).collect::<String>().as_bytes()).to_string();
                self.prepare(Cause { digest, settles: false }, &desired, target.identity, state, report)
            }
            (None, Some(Deletion::Delete)) if state.secrets.contains_key(target.identity) => {
                remove(&self.remembered_path(target.identity)?)?;
                state.secrets.remove(target.identity);
                report.did(target.title.clone(), "deleted", "its values are gone from the store", None);
                Ok(None)
            }
            (None, Some(_)) => {
                report.kept(target.title.clone(), "the store has no values", None);
                Ok(None)
            }
            (None, None) => Ok(None),
        }
    }
}

/// A Secret, and the ExternalSecrets that make it or add to it.
struct Target<'a> {
    identity: &'a str,
    title: String,
    makers: &'a [&'a Wanted],
}

impl<'a> Target<'a> {
    /// Refuses a Secret that two objects want for themselves.
    fn check(&self, others: &BTreeSet<String>) -> Result<()> {
        let mut own = 0;
        for wanted in self.makers {
            own += usize::from(!creation(&wanted.object)?.merges());
        }
        if others.contains(self.identity) || own > 1 {
            return Err(Error::input(format!("make {}: another object of the folder makes it", self.title)));
        }
        Ok(())
    }

    /// Who makes it, and then those that add to it, each of which may make it if nobody did: as they stand in the files.
    fn in_order(&self) -> Result<Vec<&'a Wanted>> {
        let rank = |wanted: &Wanted| {
            creation(&wanted.object).map(|creation| match creation {
                Creation::Owner | Creation::Orphan | Creation::None => 0,
                Creation::CreateOrMerge => 1,
                Creation::Merge => 2,
            })
        };
        let mut ranked = self.makers.iter().map(|wanted| rank(wanted).map(|rank| (rank, *wanted))).collect::<Result<Vec<_>>>()?;
        ranked.sort_by_key(|(rank, _)| *rank);
        Ok(ranked.into_iter().map(|(_, wanted)| wanted).collect())
    }

    /// When its values are to be read again.
    fn due(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let mut due = None;
        for wanted in self.makers {
            let interval = refresh::interval(&wanted.object)?;
            due = due.into_iter().chain(interval.and_then(|interval| now.checked_add(interval).ok())).min();
        }
        Ok(due)
    }
}
