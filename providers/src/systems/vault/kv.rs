//! Secrets of the engines for keys and values, of either version.
//!
//! *Source*: external-secrets `providers/v1/vault/client_get.go` and `client_get_all_secrets.go`, 2.9.0.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use keys::{BoxFuture, SecretBytes};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::paths::{Engine, Tree, Version};
use super::session::{Session, refusal};
use crate::error::{Error, Result};
use crate::http;
use crate::json;
use crate::provider::{Answer, Catalog, Lookup, Reference, Scope, Search, Source, Validity};
use crate::tally::Found;

const FIND: &str = "search in Vault";

/// How many requests of a search are under way together.
const TOGETHER: usize = 8;

/// How deep folders may lie in each other, in a search.
const DEEPEST: usize = 32;

/// How many names a search may come across.
const MOST: usize = 100_000;

/// What Vault tells of a secret besides what people wrote to it.
const TOLD: [&str; 3] = ["created_time", "current_version", "delete_version_after"];

/// Keys and values.
#[derive(Clone)]
pub(super) struct Kv {
    /// The way to them.
    pub(super) session: Arc<Session>,
    /// Where they lie.
    pub(super) engine: Engine,
}

/// What Vault answers.
#[derive(Deserialize)]
struct Answered<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    errors: Vec<IgnoredAny>,
    #[serde(default)]
    warnings: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    keys: Names,
}

/// Names in a folder; one more than [`MOST`] if there are more, which is enough to see that.
#[derive(Default)]
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_seq(Self::default())
    }
}

impl<'de> Visitor<'de> for Names {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("names")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut names: A) -> std::result::Result<Self, A::Error> {
        while self.0.len() <= MOST {
            let Some(name) = names.next_element()? else { return Ok(self) };
            self.0.push(name);
        }
        while names.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self)
    }
}

impl Kv {
    /// Reads a path; `None` if there is nothing.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<http::Answer>> {
        let what = format!("read {path} from Vault");
        let answer = self.session.get(&what, path, query).await?;
        match answer.status {
            200 => Ok(Some(answer)),
            404 => absent(&what, &answer).map(|()| None),
            _ => Err(refusal(&what, &answer)),
        }
    }

    async fn value(&self, name: &str, version: Option<&str>) -> Result<Option<SecretBytes>> {
        let path = self.engine.path(Tree::Data, name)?;
        let version = version.filter(|version| !version.is_empty() && self.engine.version == Version::V2);
        let query: Vec<(&str, &str)> = version.map(|version| ("version", version)).into_iter().collect();
        let Some(answer) = self.get(&path, &query).await? else { return Ok(None) };
        let wrong = || Error::invalid(format!("read {path} from Vault: the answer is no secret of an engine of this version"));
        // EXPOSE: the answer is parsed.
        let answered: Answered<'_> = serde_json::from_slice(answer.body.expose()).map_err(|_| wrong())?;
        let data = answered.data.ok_or_else(wrong)?;
        let data = match self.engine.version {
            Version::V1 => data,
            Version::V2 => json::members(data.get().as_bytes()).and_then(|mut members| members.remove("data")).ok_or_else(wrong)?,
        };
        match data.get().as_bytes().first() {
            Some(b'{') => json::rewrite(data).map(Some).ok_or_else(wrong),
            Some(b'n') => Ok(None),
            _ => Err(wrong()),
        }
    }

    /// What is told of a secret, as texts by name: what people wrote to it counts more.
    async fn metadata(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        if self.engine.version == Version::V1 {
            return Err(Error::invalid("read metadata from Vault: secrets engines of version v1 have none"));
        }
        let path = self.engine.path(Tree::Metadata, name)?;
        let Some(answer) = self.get(&path, &[]).await? else { return Ok(None) };
        let wrong = || Error::invalid(format!("read {path} from Vault: the answer is no metadata"));
        // EXPOSE: the answer is parsed.
        let answered: Answered<'_> = serde_json::from_slice(answer.body.expose()).map_err(|_| wrong())?;
        let told = answered.data.and_then(|data| json::members(data.get().as_bytes())).ok_or_else(wrong)?;
        let custom = told.get("custom_metadata").and_then(|custom| json::members(custom.get().as_bytes())).unwrap_or_default();
        let told = TOLD.into_iter().filter_map(|name| Some((name.to_owned(), *told.get(name)?)));
        let texts = told.chain(custom).filter(|(_, value)| value.get() != "null");
        Ok(Some(texts.map(|(name, value)| (name, serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned()))).collect()))
    }

    /// One folder and the names in it; those of folders end with a slash.
    async fn list(&self, folder: String) -> Result<(String, Vec<String>)> {
        let path = match self.engine.version {
            Version::V1 => self.engine.path(Tree::Data, &folder)?,
            Version::V2 => self.engine.path(Tree::Metadata, &folder)?,
        };
        if path.is_empty() {
            return Err(Error::invalid("search in Vault: neither spec.provider.vault.path nor the path of the search says where"));
        }
        let Some(answer) = self.get(&path, &[("list", "true")]).await? else { return Ok((folder, Vec::new())) };
        // EXPOSE: the answer is parsed.
        let answered: Option<Answered<'_>> = serde_json::from_slice(answer.body.expose()).ok();
        let listed = answered.and_then(|answered| serde_json::from_str::<Listed>(answered.data?.get()).ok());
        let listed = listed.ok_or_else(|| Error::invalid(format!("search in {path} in Vault: the answer is no list")))?;
        Ok((folder, listed.keys.0))
    }

    /// Every name below a folder.
    async fn names(&self, folder: String, found: &mut Found<'_>) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut folders = vec![folder];
        for _ in 0..DEEPEST {
            let mut deeper = Vec::new();
            let mut lists = stream::iter(folders).map(|folder| self.list(folder)).buffered(TOGETHER);
            while let Some((folder, list)) = lists.try_next().await? {
                for name in list.into_iter().map(|name| format!("{folder}{name}")) {
                    found.note(&name)?;
                    if name.ends_with('/') {
                        deeper.push(name)
                    } else {
                        names.push(name)
                    }
                    if names.len() + deeper.len() > MOST {
                        return Err(Error::invalid(format!("{FIND}: there are more than {MOST} names")));
                    }
                }
            }
            if deeper.is_empty() {
                return Ok(names);
            }
            folders = deeper;
        }
        Err(Error::invalid(format!("{FIND}: folders lie more than {DEEPEST} deep in each other")))
    }

    async fn found(&self, name: String, tags: Option<&BTreeMap<String, String>>) -> Result<Option<(String, SecretBytes)>> {
        if let Some(tags) = tags {
            let has = self.metadata(&name).await?.unwrap_or_default();
            if !tags.iter().all(|(tag, value)| has.get(tag) == Some(value)) {
                return Ok(None);
            }
        }
        Ok(self.value(&name, None).await?.map(|value| (name, value)))
    }
}

/// Tells a secret that is not there from an engine that is not there: because of the latter no Secret may be deleted.
fn absent(what: &str, answer: &http::Answer) -> Result<()> {
    // EXPOSE: the answer is parsed.
    let answered: Option<Answered<'_>> = serde_json::from_slice(answer.body.expose()).ok();
    let wrong = |reason: &str| Err(Error::invalid(format!("{what}: {reason} (status 404)")));
    match answered {
        Some(answered) if !answered.errors.is_empty() => wrong("there is no secrets engine at that path"),
        Some(answered) if answered.warnings.as_ref().is_some_and(|warnings| !warnings.is_empty()) => {
            wrong("the secrets engine has another version than spec.provider.vault.version says")
        }
        Some(_) => Ok(()),
        None => wrong("whoever answers is no Vault"),
    }
}

impl Source for Kv {
    fn read<'a>(&'a self, what: &'a Reference) -> BoxFuture<'a, Result<Option<Answer>>> {
        Box::pin(async move {
            if what.metadata {
                let told = self.metadata(&what.key).await?;
                return Ok(told.map(|told| Answer::Value(json::object(told.iter().map(|(name, text)| (name.as_str(), text.as_str()))))));
            }
            Ok(self.value(&what.key, what.version.as_deref()).await?.map(Answer::Value))
        })
    }

    fn lookup(&self) -> Lookup {
        Lookup::ExactThenPath
    }

    fn validate(&self) -> BoxFuture<'_, Result<Validity>> {
        Box::pin(async move {
            let session = &self.session;
            let is_nobodys = session.access.scope() == Scope::Cluster && session.access.who().1.is_empty();
            if is_nobodys && session.auth.as_ref().is_some_and(super::auth::Auth::is_referent) {
                return Ok(Validity::Unknown);
            }
            session.examine().await.map(|()| Validity::Valid)
        })
    }
}

impl Catalog for Kv {
    fn find<'a>(&'a self, what: &'a Search) -> BoxFuture<'a, Result<BTreeMap<String, SecretBytes>>> {
        Box::pin(async move {
            if self.engine.version == Version::V1 && !what.tags.is_empty() {
                return Err(Error::invalid("search by tags in Vault: secrets engines of version v1 have none"));
            }
            let folder = what.path.as_deref().map(|path| path.trim_matches('/')).filter(|path| !path.is_empty());
            let mut found = Found::new(FIND);
            let names = self.names(folder.map(|folder| format!("{folder}/")).unwrap_or_default(), &mut found).await?;
            // As there, tags do not count where there is a name.
            let tags = what.matches.is_none().then_some(&what.tags).filter(|tags| !tags.is_empty());
            let wanted = names.into_iter().filter(|name| what.takes(name));
            let mut values = stream::iter(wanted).map(|name| self.found(name, tags)).buffered(TOGETHER);
            while let Some(value) = values.try_next().await? {
                value.map_or(Ok(()), |(name, value)| found.add(name, value))?;
            }
            Ok(found.into_values())
        })
    }
}
