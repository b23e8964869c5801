//! AWS Systems Manager Parameter Store.

use std::collections::BTreeMap;

use keys::{BoxFuture, SecretBytes};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, AnsweredTag, Api, Page, secret};
use super::together::{Outcome, Together};
use crate::error::{Error, Result};
use crate::provider::{Answer, Catalog, Lookup, Reference, Search, Source, Validity};
use crate::tally::Found;

/// How many parameters are asked for at once.
///
/// *Source*: the API reference, GetParameters.
const BATCH: usize = 10;

const FIND: &str = "find parameters in AWS Parameter Store";

/// The parameters of one account and region.
pub(super) struct ParameterStore {
    api: Api,
    prefix: String,
    together: Together,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct One {
    parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "secret")]
    value: Option<SecretBytes>,
}

/// A page of parameters, with or without values.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Several {
    #[serde(default)]
    parameters: Vec<Parameter>,
    #[serde(default)]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagged {
    #[serde(default)]
    tag_list: Vec<AnsweredTag>,
}

impl Page for Several {
    fn next(&mut self) -> Option<String> {
        self.next_token.take()
    }
}

impl ParameterStore {
    pub(super) fn new(api: Api, prefix: String) -> Self {
        Self { api, prefix, together: Together::new(BATCH) }
    }

    /// One parameter, together with others that are wanted now.
    async fn current(&self, name: &str) -> Result<Option<SecretBytes>> {
        // What has a colon is answered under another name than it is asked for.
        let found = if name.contains(':') { None } else { self.together.read(name, |names| self.several(names)).await? };
        match found {
            Some(value) => Ok(Some(value)),
            None => self.value(name).await,
        }
    }

    async fn several(&self, names: Vec<String>) -> Outcome {
        let what = format!("read {} parameters from AWS Parameter Store", names.len());
        match self.api.call::<Several>(&what, "GetParameters", &json!({"Names": names, "WithDecryption": true})).await {
            Ok(Ok(page)) => Outcome::Found(page.parameters.into_iter().filter_map(|one| Some((one.name, one.value?))).collect()),
            Ok(Err(refusal)) if refusal.is_busy() => Outcome::Failed(refusal.into()),
            // One of them may be forbidden, or have a name that is none: which one is seen when each is asked for alone.
            Ok(Err(refusal)) => {
                if refusal.is_denied() {
                    self.together.forbid();
                }
                Outcome::Alone
            }
            Err(error) => Outcome::Failed(error),
        }
    }

    async fn value(&self, name: &str) -> Result<Option<SecretBytes>> {
        let what = format!("read parameter {name} from AWS Parameter Store");
        match self.api.call::<One>(&what, "GetParameter", &json!({"Name": name, "WithDecryption": true})).await? {
            Ok(one) => one.parameter.value.map(Some).ok_or_else(|| Error::invalid(format!("{what}: it has no value"))),
            Err(refusal) if refusal.code == "ParameterNotFound" => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    async fn tags(&self, name: &str) -> Result<Option<SecretBytes>> {
        let what = format!("read the tags of parameter {name} from AWS Parameter Store");
        match self.api.call::<Tagged>(&what, "ListTagsForResource", &json!({"ResourceType": "Parameter", "ResourceId": name})).await? {
            Ok(tagged) => Ok(Some(api::json(tagged.tag_list))),
            Err(refusal) if matches!(refusal.code.as_str(), "InvalidResourceId" | "ParameterNotFound") => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Every parameter below a path whose name is asked for.
    async fn named(&self, what: &Search) -> Result<BTreeMap<String, SecretBytes>> {
        let mut found = Found::new(FIND);
        let path = what.path.as_deref().unwrap_or("/");
        let input = json!({"Path": path, "Recursive": true, "WithDecryption": true, "MaxResults": BATCH});
        let each = |page: Several| take(&mut found, page, what);
        match self.api.pages(FIND, "GetParametersByPath", input, each).await? {
            Ok(()) => Ok(found.into_values()),
            // A right of its own, which those who may read each parameter need not have.
            Err(refusal) if refusal.is_denied() => self.described(what, path_filter(what)).await,
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Every parameter that the filters select, if its name is asked for: names first, then values.
    async fn described(&self, what: &Search, filters: Vec<Value>) -> Result<BTreeMap<String, SecretBytes>> {
        let (mut names, mut found) = (Vec::new(), Found::new(FIND));
        let each = |page: Several| {
            for Parameter { name, .. } in page.parameters.into_iter().filter(|parameter| what.takes(&parameter.name)) {
                found.note(&name)?;
                names.push(name);
            }
            Ok(())
        };
        self.api.pages(FIND, "DescribeParameters", json!({"ParameterFilters": filters, "MaxResults": 50}), each).await?.map_err(Error::from)?;
        for names in names.chunks(BATCH) {
            match self.api.call::<Several>(FIND, "GetParameters", &json!({"Names": names, "WithDecryption": true})).await? {
                Ok(page) => take(&mut found, page, what)?,
                Err(refusal) if refusal.is_denied() => self.one_by_one(&mut found, names).await?,
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Ok(found.into_values())
    }

    async fn one_by_one(&self, found: &mut Found<'_>, names: &[String]) -> Result<()> {
        for name in names {
            if let Some(value) = self.value(name).await? {
                found.add(name.clone(), value)?;
            }
        }
        Ok(())
    }
}

fn take(found: &mut Found<'_>, page: Several, what: &Search) -> Result<()> {
    let mut asked_for = page.parameters.into_iter().filter(|parameter| what.takes(&parameter.name));
    asked_for.try_for_each(|Parameter { name, value }| value.map_or(Ok(()), |value| found.add(name, value)))
}

fn path_filter(what: &Search) -> Vec<Value> {
    what.path.iter().map(|path| json!({"Key": "Path", "Option": "Recursive", "Values": [path]})).collect()
}

impl Source for ParameterStore {
    fn read<'a>(&'a self, what: &'a Reference) -> BoxFuture<'a, Result<Option<Answer>>> {
        Box::pin(async move {
            let name = format!("{}{}", self.prefix, what.key);
            let found = match what.version.as_deref().filter(|version| !version.is_empty()) {
                _ if what.metadata => self.tags(&name).await?,
                Some(version) => self.value(&format!("{name}:{version}")).await?,
                None => self.current(&name).await?,
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

impl Catalog for ParameterStore {
    fn find<'a>(&'a self, what: &'a Search) -> BoxFuture<'a, Result<BTreeMap<String, SecretBytes>>> {
        Box::pin(async move {
            if what.matches.is_some() {
                // As external-secrets does, which does not look at tags where there is a name.
                return self.named(what).await;
            }
            if what.tags.is_empty() {
                return Err(Error::invalid(format!("{FIND}: neither a name nor tags are given")));
            }
            let tags = what.tags.iter().map(|(key, value)| json!({"Key": format!("tag:{key}"), "Option": "Equals", "Values": [value]}));
            self.described(what, tags.chain(path_filter(what)).collect()).await
        })
    }
}
