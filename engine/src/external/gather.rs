//! The values of an ExternalSecret, from stores.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::ExternalSecret;
use crds::external_secret::{DataEntry, DataFromEntry, Find, RemoteRef, Rewrite as RewriteShape, SourceRef, StoreRef, TemplateRef};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use goregex::Pattern;
use jiff::Timestamp;
use keys::{BoxFuture, SecretBytes};
use providers::provider::{Answer, Lookup, Matcher, Reference, Search};

use super::choices;
use super::rules::{Deletion, deletion};
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
/// The first entry, in the order of the object, that cannot be read; a secret that is missing is one if the deletion policy is Retain.
pub async fn gather(object: &ExternalSecret, desk: &dyn Desk, now: Timestamp) -> Result<Gathered> {
    let spec = &object.spec;
    let retain = deletion(object)? == Deletion::Retain;
    let default = spec.secret_store_ref.as_ref();
    let many: Vec<BoxFuture<'_, _>> =
        spec.data_from.iter().enumerate().map(|(index, entry)| Box::pin(from(index, entry, default, desk, now)) as BoxFuture<'_, _>).collect();
    let single: Vec<BoxFuture<'_, _>> =
        spec.data.iter().enumerate().map(|(index, entry)| Box::pin(one(index, entry, default, desk)) as BoxFuture<'_, _>).collect();
    let many: Vec<_> = stream::iter(many).buffered(AT_A_TIME).try_collect().await?;
    let single: Vec<_> = stream::iter(single).buffered(AT_A_TIME).try_collect().await?;
    let mut gathered = Gathered::default();
    let mut miss = |path: String, store: &str, key: &str| {
        if retain {
            let advice = "With deletionPolicy Delete or Merge it would count as deleted";
            return Err(Error::new(ErrorKind::NotFound, format!("read {path}: {store} has no secret {key:?}")).advise(advice));
        }
        gathered.missing.push(path);
        Ok(())
    };
    let mut data = BTreeMap::new();
    for (index, found) in many.into_iter().enumerate() {
        match found {
            Some(found) => data.extend(found),
            None => {
                let entry = spec.data_from.get(index);
                let key = entry.and_then(|entry| entry.extract.as_ref()).map_or("", |extract| &extract.key);
                miss(format!("spec.dataFrom[{index}]"), &store_title(entry.and_then(|entry| entry.source_ref.as_ref()), default), key)?;
            }
        }
    }
    for (index, (entry, found)) in spec.data.iter().zip(single).enumerate() {
        match found {
            Some(value) => drop(data.insert(entry.secret_key.clone(), value)),
            None => miss(format!("spec.data[{index}]"), &store_title(entry.source_ref.as_ref(), default), &entry.remote_ref.key)?,
        }
    }
    gathered.data = data;
    Ok(gathered)
}

/// Reads the templates that stand elsewhere.
///
/// # Errors
/// One of them is not there.
pub async fn texts(object: &ExternalSecret, desk: &dyn Desk) -> Result<Texts> {
    let mut texts = Texts::default();
    let template = object.spec.target.as_ref().and_then(|target| target.template.as_ref());
    for from in template.iter().flat_map(|template| &template.template_from) {
        for (secret, source) in [(false, from.config_map.as_ref()), (true, from.secret.as_ref())] {
            let Some(TemplateRef { name, items }) = source else { continue };
            for item in items {
                let text = desk.text(TextPlace { secret, name, key: &item.key }).await?;
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

async fn one(index: usize, entry: &DataEntry, default: Option<&StoreRef>, desk: &dyn Desk) -> Result<Option<SecretBytes>> {
    let remote = &entry.remote_ref;
    let told = at(format!("spec.data[{index}]"), &entry.secret_key);
    let read = async {
        let store = store_of(entry.source_ref.as_ref(), default)?;
        let what = reference(remote)?;
        let (answer, lookup) = desk.read(store, &what).await?;
        let Some(answer) = answer else { return Ok(None) };
        let Some(value) = property(&answer, lookup, what.property.as_deref())? else { return Ok(None) };
        let decoding = choices::decoding(remote.decoding_strategy.as_deref())?;
        let mut data = decode_all(BTreeMap::from([(entry.secret_key.clone(), value)]), decoding)?;
        check_null_bytes(&data, choices::null_bytes(remote.null_byte_policy.as_deref())?)?;
        Ok(data.remove(&entry.secret_key))
    };
    read.await.map_err(told)
}

async fn from(
    index: usize,
    entry: &DataFromEntry,
    default: Option<&StoreRef>,
    desk: &dyn Desk,
    now: Timestamp,
) -> Result<Option<BTreeMap<String, SecretBytes>>> {
    let key = entry.extract.as_ref().map_or("find", |extract| &extract.key);
    let told = at(format!("spec.dataFrom[{index}]"), key);
    let read = async {
        let store = store_of(entry.source_ref.as_ref(), default)?;
        match (&entry.extract, &entry.find) {
            (Some(extract), _) => extracted(extract, store, &entry.rewrite, desk, now).await,
            (None, Some(find)) => found(find, store, &entry.rewrite, desk, now).await.map(Some),
            (None, None) => Err(Error::input("it has neither extract nor find")),
        }
    };
    read.await.map_err(told)
}

async fn extracted(
    remote: &RemoteRef,
    store: &StoreRef,
    rewrites: &[RewriteShape],
    desk: &dyn Desk,
    now: Timestamp,
) -> Result<Option<BTreeMap<String, SecretBytes>>> {
    let what = reference(remote)?;
    let (answer, lookup) = desk.read(store, &what).await?;
    let Some(answer) = answer else { return Ok(None) };
    let Some(map) = map(&answer, lookup, what.property.as_deref())? else { return Ok(None) };
    let how = How {
        conversion: remote.conversion_strategy.as_deref(),
        decoding: remote.decoding_strategy.as_deref(),
        null_bytes: remote.null_byte_policy.as_deref(),
    };
    finished(map, rewrites, how, now).map(Some)
}

async fn found(find: &Find, store: &StoreRef, rewrites: &[RewriteShape], desk: &dyn Desk, now: Timestamp) -> Result<BTreeMap<String, SecretBytes>> {
    let pattern = find.name.as_ref().and_then(|name| name.regexp.clone()).filter(|text| !text.is_empty());
    let matches = pattern
        .as_deref()
        .map(|text| {
            let pattern = Pattern::new(text.as_bytes()).map_err(|bad| Error::input(format!("use find.name.regexp: {bad}")))?;
            Ok::<_, Error>(Arc::new(move |name: &str| pattern.is_match(name.as_bytes())) as Arc<Matcher>)
        })
        .transpose()?;
    let conversion = choices::conversion(find.conversion_strategy.as_deref())?;
    let search = Search {
        path: find.path.clone().filter(|path| !path.is_empty()),
        pattern,
        matches,
        tags: find.tags.clone(),
        conversion: Some(format!("{conversion:?}")),
        converts: Some(Arc::new(move |name: &str| key(name, conversion))),
    };
    let found = desk.find(store, &search).await?;
    let found = found.iter().map(|(name, value)| (name.clone(), value.duplicate())).collect();
    let how = How {
        conversion: find.conversion_strategy.as_deref(),
        decoding: find.decoding_strategy.as_deref(),
        null_bytes: find.null_byte_policy.as_deref(),
    };
    finished(found, rewrites, how, now)
}

#[derive(Clone, Copy)]
struct How<'a> {
    conversion: Option<&'a str>,
    decoding: Option<&'a str>,
    null_bytes: Option<&'a str>,
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
