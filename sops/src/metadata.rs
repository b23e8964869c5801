//! The block `sops` of a file: wrapped keys, rule, MAC. What nobody here knows survives a round trip.

use std::collections::BTreeMap;

use keys::{Fields, SecretBytes, WrappedKey};
use serde_json::{Map as Json, Value as Any};

use crate::document::{Document, Element, Map, Member, Node, Pair, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::flatten::{flatten, unflatten};
use crate::leaf::parse_time;
use crate::rules::{RULE_NAMES, Rule};
use crate::store::{MetadataLayout, Store};

/// The key under which the metadata stands.
pub const METADATA_KEY: &str = "sops";

/// The start of metadata keys in formats that are flat.
const PREFIX: &str = "sops_";

/// Kinds of keys in the order in which sops keeps those of a group.
///
/// *Source*: sops `stores/stores.go`, v3.13.3.
const KINDS: [&str; 7] = ["kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age"];

/// Fields that a wrapped key has in every file that sops writes, though they may be empty.
const ALWAYS: [(&str, &str); 1] = [("kms", "aws_profile")];

/// Keys that guard the same share of the data key: any of them will do.
pub type KeyGroup = Vec<WrappedKey>;

/// What a file says about its encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Groups of wrapped keys; one group guards the whole data key.
    pub groups: Vec<KeyGroup>,
    /// How many groups are needed; zero means all.
    pub threshold: usize,
    /// When the values were last changed, as RFC 3339 in whole seconds.
    pub last_modified: String,
    /// The MAC over all values, encrypted.
    pub mac: String,
    /// Which leaves are encrypted; `None` is written as nothing and means the default suffix.
    pub rule: Option<Rule>,
    /// True if only encrypted values count for the MAC.
    pub mac_only_encrypted: bool,
    /// The version of the format.
    pub version: String,
    /// Fields that nobody here knows.
    pub unknown: Fields,
}

impl Metadata {
    /// The rule that holds.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule.clone().unwrap_or_else(Rule::default_suffix)
    }

    /// Takes the metadata out of a document that a format has read; `None` if there is none.
    ///
    /// # Errors
    /// Metadata: it is not what sops writes.
    pub(crate) fn take(document: &mut Document, store: &dyn Store) -> Result<Option<Self>> {
        let block = match store.layout() {
            MetadataLayout::Nested => nested(document, |map| json_of_map(map, 0))?,
            MetadataLayout::Section => nested(document, |map| unflatten(texts(map.pairs(), "")?))?,
            MetadataLayout::Prefixed => prefixed(document)?,
        };
        block.map(Self::read).transpose()
    }

    /// Writes the metadata as it stands in a document: pairs for the end of its top mapping.
    #[must_use]
    pub fn pairs(&self, layout: MetadataLayout) -> Vec<Pair> {
        let block = self.write();
        let flat = |prefix: &str| -> Vec<Pair> {
            flatten(&block).into_iter().map(|(name, text)| Pair::new(format!("{prefix}{name}"), Node::text(text))).collect()
        };
        match layout {
            MetadataLayout::Nested => vec![Pair::new(METADATA_KEY, Node::Map(map_of(&block)))],
            MetadataLayout::Section => {
                let members = flat("").into_iter().map(Member::Pair).collect();
                vec![Pair::new(METADATA_KEY, Node::Map(Map { members, ..Map::default() }))]
            }
            MetadataLayout::Prefixed => flat(PREFIX),
        }
    }

    fn read(block: Fields) -> Result<Self> {
        let mut block = known_names(block, &TOP_FIELDS);
        for kind in KINDS {
            block = known_names(block, &[kind]);
        }
        let mut text = |name: &str| block.remove(name).map(|value| text_of(&value, name)).transpose();
        let last_modified = text("lastmodified")?.unwrap_or_default();
        let mac = text("mac")?.unwrap_or_default();
        let version = text("version")?.unwrap_or_default();
        let mut rules = Vec::new();
        for name in RULE_NAMES {
            if let Some(text) = text(name)?.filter(|text| !text.is_empty()) {
                rules.push(Rule::new(name, text)?);
            }
        }
        let mac_only_encrypted = text("mac_only_encrypted")?.is_some_and(|text| matches!(text.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"));
        let threshold = text("shamir_threshold")?.map_or(Ok(0), |text| if text.is_empty() { Ok(0) } else { text.parse() });
        let threshold = threshold.map_err(|_| broken("shamir_threshold", "is not a number"))?;
        if rules.len() > 1 {
            return Err(Error::new(ErrorKind::Metadata, "read the metadata: it has more than one of the rules that say which values are encrypted"));
        }
        let last_modified = seconds(&last_modified).ok_or_else(|| broken("lastmodified", "is not a time of RFC 3339"))?;
        let groups = groups(&mut block)?;
        Ok(Self { groups, threshold, last_modified, mac, rule: rules.pop(), mac_only_encrypted, version, unknown: block })
    }

    fn write(&self) -> Fields {
        let mut block: BTreeMap<String, Any> = self.unknown.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        if let [group] = self.groups.as_slice() {
            block.extend(lists(group));
        } else {
            let group = |group: &KeyGroup| {
                let mut lists = lists(group);
                for kind in ["age", "hc_vault"] {
                    lists.entry(kind.to_owned()).or_insert_with(|| Any::Array(Vec::new()));
                }
                Any::Object(lists.into_iter().collect())
            };
            block.insert("key_groups".to_owned(), self.groups.iter().map(group).collect());
        }
        if self.threshold > 0 {
            block.insert("shamir_threshold".to_owned(), self.threshold.into());
        }
        if self.mac_only_encrypted {
            block.insert("mac_only_encrypted".to_owned(), true.into());
        }
        if let Some(rule) = self.rule.as_ref().filter(|rule| !rule.text().is_empty()) {
            block.insert(rule.name().to_owned(), rule.text().into());
        }
        block.insert("lastmodified".to_owned(), self.last_modified.as_str().into());
        block.insert("mac".to_owned(), self.mac.as_str().into());
        block.insert("version".to_owned(), self.version.as_str().into());
        block.into_iter().collect()
    }
}

/// Fields of the block besides the kinds of keys.
const TOP_FIELDS: [&str; 12] = [
    "encrypted_comment_regex",
    "encrypted_regex",
    "encrypted_suffix",
    "key_groups",
    "lastmodified",
    "mac",
    "mac_only_encrypted",
    "shamir_threshold",
    "unencrypted_comment_regex",
    "unencrypted_regex",
    "unencrypted_suffix",
    "version",
];

fn broken(field: &str, what: &str) -> Error {
    Error::new(ErrorKind::Metadata, format!("read the metadata: `{field}` {what}"))
}

/// Gives fields their right case: sops reads them in any.
fn known_names(fields: Fields, known: &[&str]) -> Fields {
    let right = |name: String| known.iter().find(|known| known.eq_ignore_ascii_case(&name)).map_or(name, |known| (*known).to_owned());
    fields.into_iter().map(|(name, value)| (right(name), value)).collect()
}

/// A field of text, which old and foreign files may have as a number or a truth value.
fn text_of(value: &Any, field: &str) -> Result<String> {
    match value {
        Any::Null => Ok(String::new()),
        Any::Bool(truth) => Ok(if *truth { "1" } else { "0" }.to_owned()),
        Any::Number(number) => Ok(number.to_string()),
        Any::String(text) => Ok(text.clone()),
        _ => Err(broken(field, "is not a text")),
    }
}

/// A time in whole seconds, as it is part of the associated data of the MAC. An hour may have one digit.
fn seconds(text: &str) -> Option<String> {
    let padded = text.find('T').filter(|at| text.as_bytes().get(at + 2) == Some(&b':')).map(|at| format!("{}0{}", &text[..=at], &text[at + 1..]));
    let time = parse_time(padded.as_deref().unwrap_or(text))?;
    let (date, rest) = time.split_at_checked(19)?;
    let zone = rest.find(['Z', '+', '-']).map_or("", |at| &rest[at..]);
    Some(format!("{date}{zone}"))
}

fn groups(block: &mut Fields) -> Result<Vec<KeyGroup>> {
    let listed = block.remove("key_groups");
    let group = group(block)?;
    if !group.is_empty() {
        return Ok(vec![group]);
    }
    let entries = match listed {
        Some(Any::Array(entries)) => entries,
        None | Some(Any::Null) => Vec::new(),
        Some(_) => return Err(broken("key_groups", "is not a list")),
    };
    let mut groups = Vec::new();
    for entry in entries {
        let Any::Object(mut fields) = entry else { return Err(broken("key_groups", "has an entry that is not a mapping")) };
        groups.push(self::group(&mut fields)?);
    }
    if groups.is_empty() { Err(Error::new(ErrorKind::Metadata, "read the metadata: no keys are in it")) } else { Ok(groups) }
}

/// Takes all lists of wrapped keys out: those of known kinds in the order of sops, then every list of mappings that have `enc`.
fn group(fields: &mut Fields) -> Result<KeyGroup> {
    let strange = fields.iter().filter(|(name, value)| !KINDS.contains(&name.as_str()) && is_key_list(value)).map(|(name, _)| name.clone());
    let kinds: Vec<String> = KINDS.iter().map(|kind| (*kind).to_owned()).chain(strange).collect();
    let mut group = Vec::new();
    for kind in kinds {
        let entries = match fields.remove(&kind) {
            Some(Any::Array(entries)) => entries,
            Some(Any::Object(one)) => vec![Any::Object(one)],
            None | Some(Any::Null) => Vec::new(),
            Some(Any::String(text)) if text.is_empty() => Vec::new(),
            Some(_) => return Err(broken(&kind, "is not a list of keys")),
        };
        for entry in entries {
            let Any::Object(mut fields) = entry else { return Err(broken(&kind, "has an entry that is not a mapping")) };
            fields = known_names(fields, &["enc", "created_at", "recipient", "fp", "arn"]);
            if KINDS.contains(&kind.as_str()) && fields.get("enc").and_then(Any::as_str).is_none() {
                return Err(broken(&kind, "has an entry without `enc`"));
            }
            group.push(WrappedKey { kind: kind.clone(), fields });
        }
    }
    Ok(group)
}

fn is_key_list(value: &Any) -> bool {
    value.as_array().is_some_and(|entries| !entries.is_empty() && entries.iter().all(|entry| entry.get("enc").is_some()))
}

fn lists(group: &KeyGroup) -> BTreeMap<String, Any> {
    let mut lists = BTreeMap::new();
    for key in group {
        let mut fields: BTreeMap<String, Any> = key.fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        for (_, field) in ALWAYS.iter().filter(|(kind, _)| *kind == key.kind) {
            fields.entry((*field).to_owned()).or_insert_with(|| "".into());
        }
        if let Any::Array(list) = lists.entry(key.kind.clone()).or_insert_with(|| Any::Array(Vec::new())) {
            list.push(Any::Object(fields.into_iter().collect()));
        }
    }
    lists
}

/// Takes the mapping `sops` out of every document; that of the first one counts.
fn nested(document: &mut Document, read: impl Fn(&Map) -> Result<Fields>) -> Result<Option<Fields>> {
    let mut block = None;
    for (index, branch) in document.branches.iter_mut().enumerate() {
        let mut found = Vec::new();
        branch.members = std::mem::take(&mut branch.members)
            .into_iter()
            .filter_map(|member| match member {
                Member::Pair(pair) if pair.key == METADATA_KEY => {
                    found.push(pair.value);
                    None
                }
                member => Some(member),
            })
            .collect();
        if index > 0 {
            continue;
        }
        block = match found.as_slice() {
            [] => None,
            [Node::Map(map)] => Some(read(map)?),
            [_] => return Err(Error::new(ErrorKind::Metadata, "read the metadata: `sops` is not a mapping")),
            _ => return Err(Error::new(ErrorKind::Metadata, "read the metadata: `sops` is there twice")),
        };
    }
    Ok(block)
}

fn prefixed(document: &mut Document) -> Result<Option<Fields>> {
    let Some(branch) = document.branches.first_mut() else { return Ok(None) };
    let is_metadata = |member: &Member| matches!(member, Member::Pair(pair) if pair.key.starts_with(PREFIX));
    let (metadata, rest): (Vec<Member>, Vec<Member>) = std::mem::take(&mut branch.members).into_iter().partition(is_metadata);
    branch.members = rest;
    let pairs = metadata.iter().filter_map(|member| if let Member::Pair(pair) = member { Some(pair) } else { None });
    if metadata.is_empty() { Ok(None) } else { unflatten(texts(pairs, PREFIX)?).map(Some) }
}

fn texts<'p>(pairs: impl Iterator<Item = &'p Pair>, prefix: &str) -> Result<Vec<(String, String)>> {
    let text = |pair: &Pair| {
        let name = pair.key.strip_prefix(prefix).unwrap_or(&pair.key).to_owned();
        match json_of(&pair.value, 0)? {
            Any::String(text) => Ok((name, text)),
            _ => Err(broken(&name, "is not a text")),
        }
    };
    pairs.map(text).collect()
}

/// Reads the first document as fields, with what `<<` merges in.
///
/// # Errors
/// Metadata: it nests too deep, or is not UTF-8.
pub(crate) fn json_of_document(document: &Document) -> Result<Fields> {
    let mut fields = document.branches.first().map(|branch| json_of_map(branch, 0)).transpose()?.unwrap_or_default();
    fields.values_mut().for_each(merge);
    Ok(fields)
}

/// Carries out merge keys below a value.
fn merge(value: &mut Any) {
    match value {
        Any::Array(values) => values.iter_mut().for_each(merge),
        Any::Object(fields) => {
            fields.values_mut().for_each(merge);
            let merged = fields.remove("<<");
            for source in merged.iter().flat_map(|merged| merged.as_array().map_or(std::slice::from_ref(merged), Vec::as_slice)) {
                for (name, value) in source.as_object().into_iter().flatten() {
                    fields.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        _ => {}
    }
}

/// Deepest nesting of metadata.
const MAX_DEPTH: usize = 20;

fn json_of_map(map: &Map, depth: usize) -> Result<Fields> {
    map.pairs()
        .map(|pair| Ok((pair.key.clone(), json_of(&pair.value, depth + 1).map_err(|error| error.on(format!("[\"{METADATA_KEY}\"]")))?)))
        .collect()
}

fn json_of(node: &Node, depth: usize) -> Result<Any> {
    if depth > MAX_DEPTH {
        return Err(Error::new(ErrorKind::Metadata, "read the metadata: it nests too deep"));
    }
    Ok(match node {
        Node::Map(map) => Any::Object(json_of_map(map, depth)?),
        Node::List(list) => {
            let values =
                list.elements.iter().filter_map(|element| if let Element::Node(node) = element { Some(json_of(node, depth + 1)) } else { None });
            Any::Array(values.collect::<Result<_>>()?)
        }
        Node::Leaf(leaf) => match &leaf.value {
            Value::Null => Any::Null,
            Value::Bool(truth) => (*truth).into(),
            Value::Int(number) => (*number).into(),
            Value::Float(number) => serde_json::Number::from_f64(*number).map_or(Any::Null, Any::Number),
            Value::Time(time) => time.as_str().into(),
            Value::Text(text) => {
                // EXPOSE: metadata is no secret.
                let text = std::str::from_utf8(text.expose());
                text.map_err(|_| Error::new(ErrorKind::Metadata, "read the metadata: it has bytes that are not UTF-8"))?.into()
            }
        },
    })
}

/// Reads a value that is written as JSON.
///
/// # Errors
/// Malformed, with the place and not the text.
pub fn node_of_json(text: &SecretBytes) -> Result<Node> {
    // EXPOSE: the value is parsed.
    let value: Any = serde_json::from_slice(text.expose()).map_err(|error| {
        let position = crate::error::Position { line: error.line(), column: error.column() };
        Error::new(ErrorKind::Malformed, "read the value: it is not JSON").at(position)
    })?;
    Ok(node_of(&value))
}

fn map_of(fields: &Json<String, Any>) -> Map {
    Map { members: fields.iter().map(|(name, value)| Member::Pair(Pair::new(name.as_str(), node_of(value)))).collect(), ..Map::default() }
}

fn node_of(value: &Any) -> Node {
    match value {
        Any::Null => Node::leaf(Value::Null),
        Any::Bool(truth) => Node::leaf(Value::Bool(*truth)),
        Any::Number(number) => Node::leaf(number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or_default()), Value::Int)),
        Any::String(text) => Node::leaf(Value::Text(SecretBytes::new(text.clone().into_bytes()))),
        Any::Array(values) => {
            Node::List(crate::document::List { elements: values.iter().map(|value| Element::Node(node_of(value))).collect(), ..Default::default() })
        }
        Any::Object(fields) => Node::Map(map_of(fields)),
    }
}
