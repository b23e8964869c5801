//! What external-secrets' admission webhook refuses, held against every object when it is used.
//!
//! *Source*: external-secrets 2.9.0 `apis/externalsecrets/v1/externalsecret_validator.go`.

use std::collections::{BTreeMap, BTreeSet};

use crds::ExternalSecret;
use crds::external_secret::{DataFromEntry, Target, Template};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::path::Place;
use crate::error::{Error, Result};

/// When a Secret is made and of what, if it is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// Made, and deleted with its ExternalSecret.
    Owner,
    /// Made, and left behind.
    Orphan,
    /// Added to.
    Merge,
    /// Never made.
    None,
    /// Made, or added to.
    CreateOrMerge,
}

impl Creation {
    /// Whether keys of others are kept.
    #[must_use]
    pub fn merges(self) -> bool {
        matches!(self, Self::Merge | Self::CreateOrMerge)
    }
}

/// What becomes of a Secret whose values are gone from the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It goes too.
    Delete,
    /// Its keys go.
    Merge,
    /// It stays.
    Retain,
}

/// Reads the policy of creation.
///
/// # Errors
/// Input: it is none.
pub fn creation(object: &ExternalSecret) -> Result<Creation> {
    match object.spec.target.as_ref().and_then(|target| target.creation_policy.as_deref()) {
        None | Some("" | "Owner") => Ok(Creation::Owner),
        Some("Orphan") => Ok(Creation::Orphan),
        Some("Merge") => Ok(Creation::Merge),
        Some("None") => Ok(Creation::None),
        Some("CreateOrMerge") => Ok(Creation::CreateOrMerge),
        Some(_) => Err(Error::input("use spec.target.creationPolicy: it is none of Owner, Orphan, Merge, CreateOrMerge and None")),
    }
}

/// Reads the policy of deletion.
///
/// # Errors
/// Input: it is none.
pub fn deletion(object: &ExternalSecret) -> Result<Deletion> {
    match object.spec.target.as_ref().and_then(|target| target.deletion_policy.as_deref()) {
        None | Some("" | "Retain") => Ok(Deletion::Retain),
        Some("Merge") => Ok(Deletion::Merge),
        Some("Delete") => Ok(Deletion::Delete),
        Some(_) => Err(Error::input("use spec.target.deletionPolicy: it is none of Delete, Merge and Retain")),
    }
}

/// Checks everything that can be seen without a store.
///
/// # Errors
/// Input, with the field and what is wrong with it.
pub fn check(object: &ExternalSecret) -> Result<()> {
    let (creation, deletion) = (creation(object)?, deletion(object)?);
    let wrong = |what: &str| Err(Error::input(what));
    if object.spec.data.is_empty() && object.spec.data_from.is_empty() {
        return wrong("use the object: neither spec.data nor spec.dataFrom asks for anything");
    }
    match (creation, deletion) {
        (Creation::Merge | Creation::None | Creation::CreateOrMerge, Deletion::Delete) => {
            return wrong("use spec.target: deletionPolicy Delete goes with creationPolicy Owner and Orphan only");
        }
        (Creation::None, Deletion::Merge) => return wrong("use spec.target: deletionPolicy Merge does not go with creationPolicy None"),
        _ => {}
    }
    for (index, entry) in object.spec.data_from.iter().enumerate() {
        check_entry(index, entry)?;
    }
    let mut keys = BTreeSet::new();
    for (index, entry) in object.spec.data.iter().enumerate() {
        if !keys.insert(&entry.secret_key) {
            return Err(Error::input(format!("use spec.data[{index}]: its secretKey stands there twice")).on_item(&entry.secret_key));
        }
        if entry.source_ref.as_ref().is_some_and(|source| source.generator_ref.is_some()) {
            return Err(Error::input(format!("use spec.data[{index}]: a generator gives keys of its own; name it in spec.dataFrom")));
        }
    }
    object.spec.target.as_ref().map_or(Ok(()), check_target)
}

fn check_entry(index: usize, entry: &DataFromEntry) -> Result<()> {
    let generator = entry.source_ref.as_ref().is_some_and(|source| source.generator_ref.is_some());
    match usize::from(entry.extract.is_some()) + usize::from(entry.find.is_some()) + usize::from(generator) {
        1 => {}
        0 => return Err(Error::input(format!("use spec.dataFrom[{index}]: it has neither extract nor find"))),
        _ => return Err(Error::input(format!("use spec.dataFrom[{index}]: it may have one of extract, find and a generator"))),
    }
    let one = |rewrite: &crds::external_secret::Rewrite| {
        usize::from(rewrite.merge.is_some()) + usize::from(rewrite.regexp.is_some()) + usize::from(rewrite.transform.is_some()) == 1
    };
    match entry.rewrite.iter().position(|rewrite| !one(rewrite)) {
        Some(at) => Err(Error::input(format!("use spec.dataFrom[{index}].rewrite[{at}]: it should have one of merge, regexp and transform"))),
        None => Ok(()),
    }
}

fn check_target(target: &Target) -> Result<()> {
    let Some(template) = &target.template else { return Ok(()) };
    if template.engine_version.as_deref().is_some_and(|version| !matches!(version, "" | "v2")) {
        return Err(Error::input("use spec.target.template: its engineVersion is not v2"));
    }
    for (index, from) in template.template_from.iter().enumerate() {
        if target.manifest.is_some() {
            Place::read(from.target.as_deref().unwrap_or_default())
                .map_err(|error| error.on_item(format!("spec.target.template.templateFrom[{index}]")))?;
        } else if purpose(from.target.as_deref()).is_none() {
            return Err(Error::input(format!("use spec.target.template.templateFrom[{index}]: its target is none of Data, Annotations and Labels")));
        }
        for item in from.config_map.iter().chain(&from.secret).flat_map(|source| &source.items) {
            if item.template_as.as_deref().is_some_and(|how| !matches!(how, "" | "Values" | "KeysAndValues")) {
                return Err(Error::input(format!(
                    "use spec.target.template.templateFrom[{index}]: its templateAs is neither Values nor KeysAndValues"
                )));
            }
        }
    }
    check_type(template)
}

/// Types that make their holder somebody.
///
/// *Source*: external-secrets GHSA-fq7h-9x26-6j22: a template must not be able to ask the cluster for tokens.
fn check_type(template: &Template) -> Result<()> {
    match template.type_.as_deref() {
        Some("bootstrap.kubernetes.io/token") => Err(Error::new(crate::ErrorKind::Denied, "make the Secret: its type is that of bootstrap tokens")),
        _ => Ok(()),
    }
}

/// What a template of another place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Values.
    Data,
    /// Annotations.
    Annotations,
    /// Labels.
    Labels,
}

/// Reads the target of a template of another place; `None` if it is none.
#[must_use]
pub fn purpose(target: Option<&str>) -> Option<Purpose> {
    match target.unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "data" => Some(Purpose::Data),
        "annotations" => Some(Purpose::Annotations),
        "labels" => Some(Purpose::Labels),
        _ => None,
    }
}

/// Whether a namespace is one of those that a condition of a store, or a ClusterExternalSecret, means: by labels, by name, or by a regular expression, in any
/// of the three ways.
///
/// *Source*: external-secrets 2.9.0; deviation: an expression must match the whole name, as `prod` must not match `nonprod`.
///
/// # Errors
/// Input: an expression or an operator that is none.
pub fn namespace_matches(
    selector: Option<&LabelSelector>,
    names: &[String],
    patterns: &[String],
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> Result<bool> {
    if names.iter().any(|name| name == namespace) {
        return Ok(true);
    }
    for pattern in patterns {
        let whole = goregex::Pattern::new(format!("^(?:{pattern})$").as_bytes());
        let whole = whole.map_err(|bad| Error::input(format!("use the regular expression {pattern:?} of namespaces: {bad}")))?;
        if whole.is_match(namespace.as_bytes()) {
            return Ok(true);
        }
    }
    selector.map_or(Ok(false), |selector| selects(selector, labels))
}

/// Whether labels are those that a selector means. An empty one means all.
///
/// # Errors
/// Input: an operator that is none.
pub fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> Result<bool> {
    let equal = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let mut all = equal;
    for expression in selector.match_expressions.iter().flatten() {
        let value = labels.get(&expression.key);
        let listed = value.is_some_and(|value| expression.values.iter().flatten().any(|one| one == value));
        all &= match expression.operator.as_str() {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => return Err(Error::input("use the selector: an operator is none of In, NotIn, Exists and DoesNotExist")),
        };
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check_spec(spec: Value, expected: Option<&str>) {
        let object = ExternalSecret { spec: serde_json::from_value(spec).unwrap(), ..ExternalSecret::default() };
        assert_eq!(check(&object).err().map(|error| error.message().to_owned()).as_deref(), expected);
    }

    #[test]
    fn what_the_webhook_refuses_is_refused() {
        let data = json!([{"secretKey": "a", "remoteRef": {"key": "k"}}]);
        check_spec(json!({ "data": data }), None);
        check_spec(json!({}), Some("use the object: neither spec.data nor spec.dataFrom asks for anything"));
        check_spec(
            json!({"data": data, "target": {"creationPolicy": "Merge", "deletionPolicy": "Delete"}}),
            Some("use spec.target: deletionPolicy Delete goes with creationPolicy Owner and Orphan only"),
        );
        check_spec(
            json!({"data": data, "target": {"creationPolicy": "None", "deletionPolicy": "Merge"}}),
            Some("use spec.target: deletionPolicy Merge does not go with creationPolicy None"),
        );
        check_spec(json!({"data": [data[0], data[0]]}), Some("use spec.data[1]: its secretKey stands there twice"));
        check_spec(json!({"dataFrom": [{}]}), Some("use spec.dataFrom[0]: it has neither extract nor find"));
        check_spec(
            json!({"dataFrom": [{"extract": {"key": "k"}, "find": {}}]}),
            Some("use spec.dataFrom[0]: it may have one of extract, find and a generator"),
        );
        check_spec(
            json!({"dataFrom": [{"extract": {"key": "k"}, "rewrite": [{}]}]}),
            Some("use spec.dataFrom[0].rewrite[0]: it should have one of merge, regexp and transform"),
        );
        let template = |template: Value| json!({"data": data, "target": { "template": template }});
        check_spec(template(json!({"type": "bootstrap.kubernetes.io/token"})), Some("make the Secret: its type is that of bootstrap tokens"));
        check_spec(template(json!({"engineVersion": "v1"})), Some("use spec.target.template: its engineVersion is not v2"));
        check_spec(template(json!({"templateFrom": [{"literal": "x", "target": "LABELS"}]})), None);
        check_spec(
            template(json!({"templateFrom": [{"literal": "x", "target": "spec"}]})),
            Some("use spec.target.template.templateFrom[0]: its target is none of Data, Annotations and Labels"),
        );
    }
}
