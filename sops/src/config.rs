//! `.sops.yaml`: which keys and which rule a new file gets. Bytes come in; the doors find the file.

use goregex::Pattern;
use keys::{Fields, KindNames};
use serde_json::Value as Any;

use crate::error::{Error, ErrorKind, Result};
use crate::metadata::json_of_document;
use crate::rules::{RULE_NAMES, Rule};
use crate::store::{Store, Style};
use crate::stores::named;

/// Deepest nesting of `merge` in a key group.
const MAX_MERGE: usize = 16;

/// A configuration as it stands in `.sops.yaml`.
#[derive(Debug)]
pub struct Config {
    rules: Option<Vec<Any>>,
    stores: Any,
}

/// What a new file gets.
#[derive(Debug, Default)]
pub struct CreationRule {
    /// Groups of keys, not parsed yet: what a key is, its kind says.
    pub groups: Vec<Vec<KeyEntry>>,
    /// How many groups are needed; zero means all.
    pub threshold: usize,
    /// Which leaves are encrypted, if it says so.
    pub rule: Option<Rule>,
    /// True if only encrypted values count for the MAC.
    pub mac_only_encrypted: bool,
}

/// A key as the configuration writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// Name of its kind in the metadata.
    pub kind: &'static str,
    /// A text, or a mapping.
    pub entry: Any,
}

impl Config {
    /// Reads a configuration. Fields that nobody knows are passed over, as sops does.
    ///
    /// # Errors
    /// Configuration: not YAML, or of another shape.
    pub fn parse(source: &[u8]) -> Result<Self> {
        let store: &dyn Store = named("yaml").ok_or_else(|| Error::new(ErrorKind::Internal, "read YAML"))?;
        let at = |error: Error| {
            let wrapped = Error::new(ErrorKind::Configuration, format!("read the configuration: {error}"));
            error.position().map_or(wrapped.clone(), |position| wrapped.at(position))
        };
        let document = store.parse(source).map_err(at)?;
        let mut fields = json_of_document(&document).map_err(at)?;
        let rules = match fields.remove("creation_rules") {
            None | Some(Any::Null) => None,
            Some(Any::Array(rules)) => Some(rules),
            Some(_) => return Err(wrong("creation_rules", "is not a list")),
        };
        Ok(Self { rules, stores: fields.remove("stores").unwrap_or(Any::Null) })
    }

    /// How files of a format are laid out.
    ///
    /// # Errors
    /// Configuration: an indentation that is no number.
    pub fn style(&self, store: &str) -> Result<Style> {
        let name = if store == "binary" { "json_binary" } else { store };
        match self.stores.get(name).and_then(|store| store.get("indent")) {
            None | Some(Any::Null) => Ok(Style::default()),
            Some(Any::Number(number)) => Ok(Style { indent: number.as_i64() }),
            Some(_) => Err(wrong("stores", "has an indent that is not a number")),
        }
    }

    /// Finds the first rule for a file, by its path from the folder of the configuration, or its whole path if it lies elsewhere.
    /// `None` if the configuration has no rules at all.
    ///
    /// # Errors
    /// `NotFound`: no rule matches; Configuration: one on the way is broken.
    pub fn rule_for(&self, path: &str, kinds: &[&'static KindNames]) -> Result<Option<CreationRule>> {
        self.first(path, |fields| read_rule(fields, kinds))
    }

    /// As [`Config::rule_for`], without the keys, which are not looked at.
    ///
    /// # Errors
    /// As [`Config::rule_for`].
    pub fn selection_for(&self, path: &str) -> Result<Option<CreationRule>> {
        self.first(path, read_selection)
    }

    fn first(&self, path: &str, read: impl Fn(&Fields) -> Result<CreationRule>) -> Result<Option<CreationRule>> {
        let Some(rules) = &self.rules else { return Ok(None) };
        for (index, rule) in rules.iter().enumerate() {
            let in_rule = |error: Error| error.on(format!("[\"creation_rules\"][{index}]"));
            let Some(fields) = rule.as_object() else { return Err(in_rule(wrong("creation_rules", "has a rule that is not a mapping"))) };
            if matches(fields, path).map_err(in_rule)? {
                return read(fields).map(Some).map_err(in_rule);
            }
        }
        Err(Error::new(ErrorKind::NotFound, "find a creation rule for the file: none of them matches its path"))
    }
}

fn wrong(field: &str, what: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("read the configuration: `{field}` {what}"))
}

fn text(fields: &Fields, field: &str) -> Result<Option<String>> {
    match fields.get(field) {
        None | Some(Any::Null) => Ok(None),
        Some(Any::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Any::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(wrong(field, "is not a text")),
    }
}

fn matches(fields: &Fields, path: &str) -> Result<bool> {
    let Some(expression) = text(fields, "path_regex")? else { return Ok(true) };
    let pattern = Pattern::new(expression.as_bytes());
    Ok(pattern.map_err(|bad| wrong("path_regex", &format!("does not compile: {bad}")))?.is_match(path.as_bytes()))
}

fn read_rule(fields: &Fields, kinds: &[&'static KindNames]) -> Result<CreationRule> {
    let selection = read_selection(fields)?;
    refuse_unknown_kinds(fields, kinds)?;
    let groups = match fields.get("key_groups") {
        Some(Any::Array(groups)) if !groups.is_empty() => groups.iter().map(|entry| read_group(entry, kinds, 0)).collect::<Result<_>>()?,
        None | Some(Any::Null | Any::Array(_)) => vec![flat_keys(fields, kinds)?],
        Some(_) => return Err(wrong("key_groups", "is not a list")),
    };
    Ok(CreationRule { groups, ..selection })
}

/// What a rule says beside keys.
fn read_selection(fields: &Fields) -> Result<CreationRule> {
    let mut rules = Vec::new();
    for name in RULE_NAMES {
        if let Some(text) = text(fields, name)? {
            rules.push(Rule::new(name, text)?);
        }
    }
    if rules.len() > 1 {
        return Err(wrong("creation_rules", "has a rule with more than one way to say which values are encrypted"));
    }
    let threshold = match fields.get("shamir_threshold") {
        None | Some(Any::Null) => 0,
        Some(value) => value.as_u64().and_then(|number| usize::try_from(number).ok()).ok_or_else(|| wrong("shamir_threshold", "is not a number"))?,
    };
    let mac_only_encrypted = match fields.get("mac_only_encrypted") {
        None | Some(Any::Null) => false,
        Some(value) => value.as_bool().ok_or_else(|| wrong("mac_only_encrypted", "is not true or false"))?,
    };
    Ok(CreationRule { groups: Vec::new(), threshold, rule: rules.pop(), mac_only_encrypted })
}

/// What rules and key groups call the kinds of master keys that sops has.
///
/// *Source*: sops `config/config.go`, v3.13.3.
const KEY_FIELDS: [&str; 8] = ["age", "azure_keyvault", "gcp_kms", "hc_vault", "hc_vault_transit_uri", "hckms", "kms", "pgp"];

/// A key of a kind that nobody here knows is never passed over: the file would be closed to whoever has it.
fn refuse_unknown_kinds(fields: &Fields, kinds: &[&'static KindNames]) -> Result<()> {
    let is_known = |field: &str| kinds.iter().any(|names| names.rule == field || names.group == field);
    let is_nothing = |value: &Any| matches!(value, Any::Null) || value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
    let is_used = |field: &&&str| fields.get(**field).is_some_and(|value| !is_nothing(value));
    match KEY_FIELDS.iter().filter(is_used).find(|field| !is_known(field)) {
        Some(field) => Err(wrong(field, "names keys of a kind that this version does not know")),
        None => Ok(()),
    }
}

/// Keys that stand beside the rule: texts with commas between them, or lists.
fn flat_keys(fields: &Fields, kinds: &[&'static KindNames]) -> Result<Vec<KeyEntry>> {
    let mut keys = Vec::new();
    let profile = text(fields, "aws_profile")?;
    for names in kinds {
        let texts = match fields.get(names.rule) {
            None | Some(Any::Null) => continue,
            Some(Any::String(text)) => vec![text.as_str()],
            Some(Any::Array(list)) => {
                let texts: Option<Vec<&str>> = list.iter().map(Any::as_str).collect();
                texts.ok_or_else(|| wrong(names.rule, "is not a list of texts"))?
            }
            Some(_) => return Err(wrong(names.rule, "is neither a text nor a list of texts")),
        };
        for text in texts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty()) {
            let entry = match &profile {
                Some(profile) if names.metadata == "kms" => serde_json::json!({ "arn": text, "aws_profile": profile }),
                _ => Any::from(text),
            };
            keys.push(KeyEntry { kind: names.metadata, entry });
        }
    }
    Ok(keys)
}

fn read_group(group: &Any, kinds: &[&'static KindNames], depth: usize) -> Result<Vec<KeyEntry>> {
    let Some(fields) = group.as_object() else { return Err(wrong("key_groups", "has a group that is not a mapping")) };
    if depth > MAX_MERGE {
        return Err(wrong("merge", "nests too deep"));
    }
    refuse_unknown_kinds(fields, kinds)?;
    let list = |field: &str| match fields.get(field) {
        None | Some(Any::Null) => Ok([].as_slice()),
        Some(Any::Array(list)) => Ok(list.as_slice()),
        Some(_) => Err(wrong(field, "is not a list")),
    };
    let mut keys = Vec::new();
    for merged in list("merge")? {
        keys.extend(read_group(merged, kinds, depth + 1)?);
    }
    for names in kinds {
        for entry in list(names.group)? {
            let texts = entry.as_str().map(|text| text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(Any::from).collect());
            keys.extend(texts.unwrap_or_else(|| vec![entry.clone()]).into_iter().map(|entry| KeyEntry { kind: names.metadata, entry }));
        }
    }
    // The same key twice is one key.
    let mut seen: Vec<KeyEntry> = Vec::new();
    for key in keys {
        if !seen.contains(&key) {
            seen.push(key);
        }
    }
    Ok(seen)
}
