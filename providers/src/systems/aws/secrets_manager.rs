//! AWS Secrets Manager.

use std::collections::BTreeMap;

use keys::{BoxFuture, SecretBytes};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, AnsweredTag, Api, Page, secret};
use super::refusal::{Refusal, is_doomed};
use super::together::{Outcome, Together};
use crate::error::{Error, Result};
use crate::provider::{Answer, Catalog, Lookup, Reference, Search, Source, Validity};
use crate::tally::Found;

/// How many secrets are asked for by name at once.
///
/// *Source*: the API reference, BatchGetSecretValue.
const BATCH: usize = 20;

/// The stage that a secret has now.
const CURRENT: &str = "AWSCURRENT";

const FIND: &str = "find secrets in AWS Secrets Manager";

/// The secrets of one account and region.
pub(super) struct SecretsManager {
    api: Api,
    prefix: String,
    together: Together,
}

/// A value, or an entry of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "ARN")]
    arn: String,
    #[serde(default, deserialize_with = "secret")]
    secret_binary: Option<SecretBytes>,
    #[serde(default, deserialize_with = "secret")]
    secret_string: Option<SecretBytes>,
}

impl Entry {
    /// The bytes under each name that it can be asked for by; nothing, if they cannot be had.
    fn named(self, what: &str) -> impl Iterator<Item = (String, SecretBytes)> {
        let names = [self.name.clone(), self.arn.clone()];
        let value = self.value(what).ok();
        names.into_iter().filter_map(move |name| Some((name, value.as_ref()?.duplicate())))
    }

    /// The bytes, which win over the text.
    fn value(self, what: &str) -> Result<SecretBytes> {
        if let Some(binary) = self.secret_binary {
            // EXPOSE: base64 is read.
            let text = std::str::from_utf8(binary.expose()).unwrap_or_default();
            return SecretBytes::from_base64(text).map_err(|_| Error::invalid(format!("{what}: its bytes are not base64")));
        }
        self.secret_string.ok_or_else(|| Error::invalid(format!("{what}: it has neither text nor bytes")))
    }
}

/// What DescribeSecret tells.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    #[serde(default)]
    tags: Vec<AnsweredTag>,
}

/// A page of names.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(default)]
    secret_list: Vec<Name>,
    #[serde(default)]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Name {
    #[serde(default)]
    name: String,
}

/// A page of secrets.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    #[serde(default)]
    secret_values: Vec<Entry>,
    #[serde(default)]
    errors: Vec<Failed>,
    #[serde(default)]
    next_token: Option<String>,
}

/// A secret that a batch does not hold.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    message: String,
}

impl Page for Listed {
    fn next(&mut self) -> Option<String> {
        self.next_token.take()
    }
}

impl Page for Batch {
    fn next(&mut self) -> Option<String> {
        self.next_token.take()
    }
}

/// Whether what is forbidden is left out of what is found, or spoils it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forbidden {
    LeftOut,
    Spoils,
}

impl SecretsManager {
    pub(super) fn new(api: Api, prefix: String) -> Self {
        Self { api, prefix, together: Together::new(BATCH) }
    }

    /// One secret as it is now, together with others that are wanted now.
    async fn current(&self, name: &str) -> Result<Option<SecretBytes>> {
        match self.together.read(name, |names| self.several(names)).await? {
            Some(value) => Ok(Some(value)),
            None => self.value(name, None).await,
        }
    }

    async fn several(&self, names: Vec<String>) -> Outcome {
        let what = format!("read {} secrets from AWS Secrets Manager", names.len());
        match self.api.call::<Batch>(&what, "BatchGetSecretValue", &json!({"SecretIdList": names})).await {
            Ok(Ok(batch)) => Outcome::Found(batch.secret_values.into_iter().flat_map(|entry| entry.named(&what)).collect()),
            Ok(Err(refusal)) if refusal.is_busy() => Outcome::Failed(refusal.into()),
            // A right of its own; or one of the names is none, which is seen when each is asked for alone.
            Ok(Err(refusal)) => {
                if refusal.is_denied() {
                    self.together.forbid();
                }
                Outcome::Alone
            }
            Err(error) => Outcome::Failed(error),
        }
    }

    async fn value(&self, name: &str, version: Option<&str>) -> Result<Option<SecretBytes>> {
        let what = format!("read secret {name} from AWS Secrets Manager");
        let version = match version.filter(|version| !version.is_empty()) {
            Some(version) => version.strip_prefix("uuid/").map_or(("VersionStage", version), |id| ("VersionId", id)),
            None => ("VersionStage", CURRENT),
        };
        let input = json!({"SecretId": name, version.0: version.1});
        match self.api.call::<Entry>(&what, "GetSecretValue", &input).await? {
            Ok(entry) => entry.value(&what).map(Some),
            Err(refusal) => missing(refusal),
        }
    }

    async fn tags(&self, name: &str) -> Result<Option<SecretBytes>> {
        let what = format!("read the tags of secret {name} from AWS Secrets Manager");
        match self.api.call::<Described>(&what, "DescribeSecret", &json!({"SecretId": name})).await? {
            Ok(described) => Ok(Some(api::json(described.tags))),
            Err(refusal) => missing(refusal),
        }
    }

    /// Every secret that the filters select, if its name is asked for.
    async fn filtered(&self, what: &Search) -> Result<BTreeMap<String, SecretBytes>> {
        let mut found = Found::new(FIND);
        let input = json!({"Filters": filters(what)});
        let each = |batch: Batch| take(&mut found, batch, what, Forbidden::LeftOut);
        self.api.pages(FIND, "BatchGetSecretValue", input, each).await?.map_err(Error::from)?;
        Ok(found.into_values())
    }

    /// Every secret whose name is asked for, whatever its path: names first, then values.
    async fn named(&self, what: &Search) -> Result<BTreeMap<String, SecretBytes>> {
        let (mut names, mut found) = (Vec::new(), Found::new(FIND));
        let input = if what.tags.is_empty() { json!({"MaxResults": 100}) } else { json!({"MaxResults": 100, "Filters": filters(what)}) };
        let each = |page: Listed| {
            for Name { name } in page.secret_list.into_iter().filter(|secret| what.takes(&secret.name)) {
                found.note(&name)?;
                names.push(name);
            }
            Ok(())
        };
        self.api.pages(FIND, "ListSecrets", input, each).await?.map_err(Error::from)?;
        for names in names.chunks(BATCH) {
            match self.api.call::<Batch>(FIND, "BatchGetSecretValue", &json!({"SecretIdList": names})).await? {
                Ok(batch) => take(&mut found, batch, what, Forbidden::Spoils)?,
                // A right of its own, which those who may read each secret need not have.
                Err(refusal) if refusal.is_denied() => self.one_by_one(&mut found, names).await?,
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Ok(found.into_values())
    }

    async fn one_by_one(&self, found: &mut Found<'_>, names: &[String]) -> Result<()> {
        for name in names {
            if let Some(value) = self.value(name, None).await? {
                found.add(name.clone(), value)?;
            }
        }
        Ok(())
    }
}

fn filters(what: &Search) -> Value {
    let mut filters: Vec<Value> = Vec::new();
    for (key, value) in &what.tags {
        filters.push(json!({"Key": "tag-key", "Values": [key]}));
        filters.push(json!({"Key": "tag-value", "Values": [value]}));
    }
    filters.extend(what.path.iter().map(|path| json!({"Key": "name", "Values": [path]})));
    Value::from(filters)
}

fn take(found: &mut Found<'_>, batch: Batch, what: &Search, forbidden: Forbidden) -> Result<()> {
    for Failed { error_code, message } in batch.errors {
        let refusal = Refusal::of_code(FIND, "BatchGetSecretValue", 200, &error_code, None);
        let is_gone = refusal.code == "ResourceNotFoundException" || is_doomed(&message);
        let is_left_out = is_gone || (refusal.is_denied() && forbidden == Forbidden::LeftOut);
        if !is_left_out {
            return Err(refusal.into());
        }
    }
    for entry in batch.secret_values {
        if what.takes(&entry.name) {
            let (name, what) = (entry.name.clone(), format!("read secret {} from AWS Secrets Manager", entry.name));
            found.add(name, entry.value(&what)?)?;
        }
    }
    Ok(())
}

/// Nothing, if it is refused because there is no such secret.
fn missing(refusal: Refusal) -> Result<Option<SecretBytes>> {
    if refusal.code == "ResourceNotFoundException" || refusal.is_doomed { Ok(None) } else { Err(refusal.into()) }
}

impl Source for SecretsManager {
    fn read<'a>(&'a self, what: &'a Reference) -> BoxFuture<'a, Result<Option<Answer>>> {
        Box::pin(async move {
            let name = format!("{}{}", self.prefix, what.key);
            let found = match what.version.as_deref() {
                _ if what.metadata => self.tags(&name).await?,
                None | Some("" | CURRENT) => self.current(&name).await?,
                version => self.value(&name, version).await?,
            };
            Ok(found.map(Answer::Value))
        })
    }

    fn lookup(&self) -> Lookup {
        Lookup::EscapedThenPath
    }

    fn validate(&self) -> BoxFuture<'_, Result<Validity>> {
        Box::pin(self.api.validate())
    }
}

impl Catalog for SecretsManager {
    fn find<'a>(&'a self, what: &'a Search) -> BoxFuture<'a, Result<BTreeMap<String, SecretBytes>>> {
        Box::pin(async move {
            match (what.matches.is_some(), what.path.is_some(), what.tags.is_empty()) {
                (false, _, true) => Err(Error::invalid(format!("{FIND}: neither a name nor tags are given"))),
                (true, false, _) => self.named(what).await,
                _ => self.filtered(what).await,
            }
        })
    }
}
