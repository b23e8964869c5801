//! The values of an ExternalSecret, from stores.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::ExternalSecret;
use crds::external_secret::{DataEntry, DataFromEntry, Find, RemoteRef, Rewrite as RewriteShape, SourceRef, StoreRef, TemplateRef};
use futures_util::stream::{self, StreamExt};
use goregex::Pattern;
use jiff::Timestamp;
use keys::{BoxFuture, SecretBytes};
use providers::provider::{Answer, Lookup, Matcher, Reference, Search};
use providers::tally::{self, MOST, Tally};

use super::choices;
use super::rules::{Deletion, deletion};
use super::target::SPREAD;
use crate::collect::decode::decode_all;
use crate::collect::names::{check, check_null_bytes, convert, key};
use crate::collect::rewrite::rewrite;
use crate::collect::{map, property};
use crate::error::{Error, ErrorKind, Result};

/// Entries of one object that are read at a time.
const AT_A_TIME: usize = 8;

/// What gives the answers: a door knows the stores, and who may use them.
pub trait Desk: Send + Sync {
    /// Reads one secret, and says how its properties are looked up.
    ///
    /// # Errors
    /// The store is not there, not ready or not for this object, or the system does not answer.
    fn read<'a>(&'a self, store: &'a StoreRef, what: &'a Reference) -> BoxFuture<'a, Result<(Option<Arc<Answer>>, Lookup)>>;

    /// Finds secrets.
    ///
    /// # Errors
    /// As [`Desk::read`].
    fn find<'a>(&'a self, store: &'a StoreRef, what: &'a Search) -> BoxFuture<'a, Result<Arc<BTreeMap<String, SecretBytes>>>>;

    /// Reads a template that stands in a ConfigMap or a Secret of the object's namespace.
    ///
    /// # Errors
    /// It is not there.
    fn text<'a>(&'a self, place: TextPlace<'a>) -> BoxFuture<'a, Result<SecretBytes>>;
}

/// Where a template stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextPlace<'a> {
    /// Whether it is in a Secret rather than in a ConfigMap.
    pub secret: bool,
    /// Its name.
    pub name: &'a str,
    /// Its key.
    pub key: &'a str,
}

/// Values by the key of the Secret, and what the stores do not have.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Values.
    pub data: BTreeMap<String, SecretBytes>,
    /// Entries whose secret is missing, as paths of the spec. Empty where that is an error.
    pub missing: Vec<String>,
}

/// Reads everything that an object asks for.
///
/// # Errors
/// The first entry, in the order of the object, that cannot be read; a secret that is missing is one if the deletion policy is Retain. Input: more is to be
/// held for the object than [`MOST`] bytes; what is under way besides is eight answers, or what one search finds.
pub async fn gather(object: &ExternalSecret, desk: &dyn Desk, now: Timestamp) -> Result<Gathered> {
    let spec = &object.spec;
    let retain = deletion(object)? == Deletion::Retain;
    let default = spec.secret_store_ref.as_ref();
    let (mut data, mut missing, mut held) = (BTreeMap::new(), Vec::new(), Held::default());
    let mut miss = |path: String, store: &str, key: &str| {
        if retain {
            let advice = "With deletionPolicy Delete or Merge it would count as deleted";
            return Err(Error::new(ErrorKind::NotFound, format!("read {path}: {store} has no secret {key:?}")).advise(advice));
        }
        missing.push(path);
        Ok(())
    };
    let entries: Vec<_> = spec.data_from.iter().enumerate().collect();
    // A search may find as much as may be held at all, so nothing else is under way then.
    for entries in entries.chunk_by(|(_, one), (_, next)| one.find.is_none() && next.find.is_none()) {
        let asked: Vec<BoxFuture<'_, _>> =
            entries.iter().map(|(index, entry)| Box::pin(from(*index, entry, default, desk)) as BoxFuture<'_, _>).collect();
        let mut answers = stream::iter(asked).buffered(AT_A_TIME).zip(stream::iter(entries));
        while let Some((answered, (index, entry))) = answers.next().await {
            let Some(values) = values_from(*index, entry, answered?, &mut held, now)? else {
                let key = entry.extract.as_ref().map_or("", |extract| &extract.key);
                miss(format!("spec.dataFrom[{index}]"), &store_title(entry.source_ref.as_ref(), default), key)?;
                continue;
            };
            data.extend(values);
        }
    }
    let asked: Vec<BoxFuture<'_, _>> =
        spec.data.iter().enumerate().map(|(index, entry)| Box::pin(one(index, entry, default, desk)) as BoxFuture<'_, _>).collect();
    let mut answers = stream::iter(asked).buffered(AT_A_TIME).zip(stream::iter(spec.data.iter().enumerate()));
    while let Some((answered, (index, entry))) = answers.next().await {
        match value_of(index, entry, answered?, &mut held)? {
            Some(value) => drop(data.insert(entry.secret_key.clone(), value)),
            None => miss(format!("spec.data[{index}]"), &store_title(entry.source_ref.as_ref(), default), &entry.remote_ref.key)?,
        }
    }
    Ok(Gathered { data, missing })
}

/// What is held for one object so far.
#[derive(Default)]
struct Held {
    tally: Tally,
    /// Answers by their address, which is nobody else's while they are here. Several entries may have one in common.
    answers: BTreeMap<usize, Arc<Answer>>,
}

impl Held {
    /// Counts an answer that no entry had before; says how many bytes that are.
    fn answer(&mut self, answer: &Arc<Answer>) -> Result<usize> {
        let address = Arc::as_ptr(answer).addr();
        if self.answers.contains_key(&address) {
            return Ok(0);
        }
        let bytes = match &**answer {
            Answer::Value(value) => value.len(),
            Answer::Fields(fields) => tally::size(fields),
        };
        self.count(bytes)?;
        self.answers.insert(address, Arc::clone(answer));
        Ok(bytes)
    }

    /// Counts what an entry makes of an answer of which so much is counted: no byte counts twice for the same entry.
    fn values(&mut self, values: &BTreeMap<String, SecretBytes>, counted: usize) -> Result<()> {
        self.count(tally::size(values).saturating_sub(counted))
    }

    fn count(&mut self, bytes: usize) -> Result<()> {
        if self.tally.add(bytes) {
            return Ok(());
        }
        Err(Error::input(format!("hold what the stores give to one object: with this entry it is longer than {} MiB", MOST >> 20)).advise(SPREAD))
    }
}

/// Reads the templates that stand elsewhere.
///
/// # Errors
/// One of them is not there. Input: they are longer than [`MOST`] bytes.
pub async fn texts(object: &ExternalSecret, desk: &dyn Desk) -> Result<Texts> {
    let (mut texts, mut tally) = (Texts::default(), Tally::default());
    let template = object.spec.target.as_ref().and_then(|target| target.template.as_ref());
    for (index, from) in template.iter().flat_map(|template| &template.template_from).enumerate() {
        for (secret, source) in [(false, from.config_map.as_ref()), (true, from.secret.as_ref())] {
            let Some(TemplateRef { name, items }) = source else { continue };
            for item in items {
                if texts.get(secret, name, &item.key).is_some() {
                    continue;
                }
                let text = desk.text(TextPlace { secret, name, key: &item.key }).await?;
                if !tally.add(text.len()) {
                    let error = Error::input(format!("hold the templates of one object: with this entry they are longer than {} MiB", MOST >> 20));
                    return Err(error.on_item(format!("spec.target.template.templateFrom[{index}]")).advise(SPREAD));
                }
                texts.put(secret, name, &item.key, text);
            }
        }
    }
    Ok(texts)
}

/// Templates that stood elsewhere.
#[derive(Debug, Default)]
pub struct Texts(BTreeMap<(bool, String, String), SecretBytes>);

impl Texts {
    /// Adds one.
    pub(super) fn put(&mut self, secret: bool, name: &str, key: &str, text: SecretBytes) {
        self.0.insert((secret, name.to_owned(), key.to_owned()), text);
    }

    /// The one of a place.
    #[must_use]
    pub fn get(&self, secret: bool, name: &str, key: &str) -> Option<&SecretBytes> {
        self.0.get(&(secret, name.to_owned(), key.to_owned()))
    }
}

fn store_title(source: Option<&SourceRef>, default: Option<&StoreRef>) -> String {
    store_of(source, default).map_or_else(|_| "no store".to_owned(), title)
}

/// What people call a store.
#[must_use]
pub fn title(store: &StoreRef) -> String {
    format!("{} {}", if store.is_cluster() { "ClusterSecretStore" } else { "SecretStore" }, store.name)
}

fn store_of<'a>(source: Option<&'a SourceRef>, default: Option<&'a StoreRef>) -> Result<&'a StoreRef> {
    if source.is_some_and(|source| source.generator_ref.is_some()) {
        return Err(Error::input("generate a value: generators are not there yet"));
    }
    let store = source.and_then(|source| source.store_ref.as_ref()).or(default).filter(|store| !store.name.is_empty());
    store.ok_or_else(|| Error::input("find the store: neither spec.secretStoreRef nor the entry names one"))
}

fn reference(remote: &RemoteRef) -> Result<Reference> {
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let metadata = match remote.metadata_policy.as_deref() {
        None | Some("" | "None") => false,
        Some("Fetch") => true,
        Some(_) => return Err(Error::input("metadataPolicy is neither None nor Fetch")),
    };
    Ok(Reference { key: remote.key.clone(), property: some(&remote.property), version: some(&remote.version), metadata })
}

fn at(path: impl Into<String>, key: &str) -> impl Fn(Error) -> Error {
    let item = format!("{} ({key})", path.into());
    move |error| error.on_item(&item)
}

/// What a store answers to an entry.
enum Answered {
    /// One secret, if there is one, and how its properties are looked up.
    Read(Option<Arc<Answer>>, Lookup),
    /// Several, by name.
    Found(Arc<BTreeMap<String, SecretBytes>>),
}

async fn one(index: usize, entry: &DataEntry, default: Option<&StoreRef>, desk: &dyn Desk) -> Result<(Option<Arc<Answer>>, Lookup)> {
    let read = async { desk.read(store_of(entry.source_ref.as_ref(), default)?, &reference(&entry.remote_ref)?).await };
    read.await.map_err(at(format!("spec.data[{index}]"), &entry.secret_key))
}

/// What an entry of `data` makes of an answer; nothing, if its secret is missing.
fn value_of(index: usize, entry: &DataEntry, (answer, lookup): (Option<Arc<Answer>>, Lookup), held: &mut Held) -> Result<Option<SecretBytes>> {
    let make = || {
        let (Some(answer), remote) = (answer, &entry.remote_ref) else { return Ok(None) };
        let counted = held.answer(&answer)?;
        let Some(value) = property(&answer, lookup, reference(remote)?.property.as_deref())? else { return Ok(None) };
        let decoding = choices::decoding(remote.decoding_strategy.as_deref())?;
        let mut data = decode_all(BTreeMap::from([(entry.secret_key.clone(), value)]), decoding)?;
        check_null_bytes(&data, choices::null_bytes(remote.null_byte_policy.as_deref())?)?;
        held.values(&data, counted)?;
        Ok(data.remove(&entry.secret_key))
    };
    make().map_err(at(format!("spec.data[{index}]"), &entry.secret_key))
}

async fn from(index: usize, entry: &DataFromEntry, default: Option<&StoreRef>, desk: &dyn Desk) -> Result<Answered> {
    let read = async {
        let store = store_of(entry.source_ref.as_ref(), default)?;
        match (&entry.extract, &entry.find) {
            (Some(extract), _) => desk.read(store, &reference(extract)?).await.map(|(answer, lookup)| Answered::Read(answer, lookup)),
            (None, Some(find)) => desk.find(store, &search(find)?).await.map(Answered::Found),
            (None, None) => Err(Error::input("it has neither extract nor find")),
        }
    };
    read.await.map_err(told_from(index, entry))
}

/// What an entry of `dataFrom` makes of an answer; nothing, if its secret is missing.
fn values_from(
    index: usize,
    entry: &DataFromEntry,
    answered: Answered,
    held: &mut Held,
    now: Timestamp,
) -> Result<Option<BTreeMap<String, SecretBytes>>> {
    let make = || {
        let (values, counted, how) = match (answered, &entry.extract, &entry.find) {
            (Answered::Read(Some(answer), lookup), Some(remote), _) => {
                let counted = held.answer(&answer)?;
                let Some(values) = map(&answer, lookup, reference(remote)?.property.as_deref())? else { return Ok(None) };
                (values, counted, How::extracted(remote))
            }
            (Answered::Found(found), _, Some(find)) => {
                let counted = tally::size(&found);
                held.count(counted)?;
                (found.iter().map(|(name, value)| (name.clone(), value.duplicate())).collect(), counted, How::found(find))
            }
            _ => return Ok(None),
        };
        let values = finished(values, &entry.rewrite, how, now)?;
        held.values(&values, counted)?;
        Ok(Some(values))
    };
    make().map_err(told_from(index, entry))
}

fn told_from(index: usize, entry: &DataFromEntry) -> impl Fn(Error) -> Error {
    at(format!("spec.dataFrom[{index}]"), entry.extract.as_ref().map_or("find", |extract| &extract.key))
}

fn search(find: &Find) -> Result<Search> {
    let pattern = find.name.as_ref().and_then(|name| name.regexp.clone()).filter(|text| !text.is_empty());
    let matches = pattern
        .as_deref()
        .map(|text| {
            let pattern = Pattern::new(text.as_bytes()).map_err(|bad| Error::input(format!("use find.name.regexp: {bad}")))?;
            Ok::<_, Error>(Arc::new(move |name: &str| pattern.is_match(name.as_bytes())) as Arc<Matcher>)
        })
        .transpose()?;
    let conversion = choices::conversion(find.conversion_strategy.as_deref())?;
    Ok(Search {
        path: find.path.clone().filter(|path| !path.is_empty()),
        pattern,
        matches,
        tags: find.tags.clone(),
        conversion: Some(format!("{conversion:?}")),
        converts: Some(Arc::new(move |name: &str| key(name, conversion))),
    })
}

#[derive(Clone, Copy)]
struct How<'a> {
    conversion: Option<&'a str>,
    decoding: Option<&'a str>,
    null_bytes: Option<&'a str>,
}

impl<'a> How<'a> {
    fn extracted(remote: &'a RemoteRef) -> Self {
        Self {
            conversion: remote.conversion_strategy.as_deref(),
            decoding: remote.decoding_strategy.as_deref(),
            null_bytes: remote.null_byte_policy.as_deref(),
        }
    }

    fn found(find: &'a Find) -> Self {
        Self {
            conversion: find.conversion_strategy.as_deref(),
            decoding: find.decoding_strategy.as_deref(),
            null_bytes: find.null_byte_policy.as_deref(),
        }
    }
}

/// Rewrites or converts the keys, holds them against what a Secret may have, and decodes the values.
fn finished(map: BTreeMap<String, SecretBytes>, rewrites: &[RewriteShape], how: How<'_>, now: Timestamp) -> Result<BTreeMap<String, SecretBytes>> {
    let map = if rewrites.is_empty() {
        convert(map, choices::conversion(how.conversion)?)?
    } else {
        let steps = rewrites.iter().map(choices::rewrite).collect::<Result<Vec<_>>>()?;
        rewrite(map, &steps, Some(now))?
    };
    let map = decode_all(check(map)?, choices::decoding(how.decoding)?)?;
    check_null_bytes(&map, choices::null_bytes(how.null_bytes)?)?;
    Ok(map)
}

#[cfg(test)]
mod tests;
