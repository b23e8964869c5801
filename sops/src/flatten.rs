//! Nested metadata as flat names, for formats that cannot nest: `age__list_0__map_enc`.
//!
//! Line breaks inside of values are not the business of this file: the formats escape them where they write pairs, and undo that where they read them.

use std::collections::BTreeMap;

use keys::Fields;
use serde_json::Value as Any;

use crate::error::{Error, ErrorKind, Result};

/// What stands before a key of a nested mapping.
///
/// *Source*: sops `stores/flatten.go`, v3.13.3; so is [`LIST`].
const MAP: &str = "__map_";

/// What stands before an index of a list.
const LIST: &str = "__list_";

/// Deepest nesting that is read: the metadata of sops has five levels.
const MAX_DEPTH: usize = 32;

/// Gives every leaf its flat name, keys in order at each level. Nothing is written of empty lists and mappings, and of nulls.
pub(crate) fn flatten(block: &Fields) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    flatten_fields(block, "", &mut pairs);
    pairs
}

fn flatten_fields(fields: &Fields, prefix: &str, pairs: &mut Vec<(String, String)>) {
    let sorted: BTreeMap<&String, &Any> = fields.iter().collect();
    for (key, value) in sorted {
        flatten_value(value, format!("{prefix}{key}"), pairs);
    }
}

fn flatten_value(value: &Any, name: String, pairs: &mut Vec<(String, String)>) {
    match value {
        Any::Null => {}
        Any::Bool(truth) => pairs.push((name, truth.to_string())),
        Any::Number(number) => pairs.push((name, number.to_string())),
        Any::String(text) => pairs.push((name, text.clone())),
        Any::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                flatten_value(value, format!("{name}{LIST}{index}"), pairs);
            }
        }
        Any::Object(fields) => flatten_fields(fields, &format!("{name}{MAP}"), pairs),
    }
}

/// Builds what the flat names describe; every leaf is a text.
///
/// # Errors
/// Metadata: a name is there twice, stands for a value and for more, or nests too deep; a list has gaps.
pub(crate) fn unflatten(pairs: Vec<(String, String)>) -> Result<Fields> {
    let mut root = Tree::default();
    for (name, text) in pairs {
        let mut place = &mut root;
        for (depth, step) in steps(&name).enumerate() {
            if depth == MAX_DEPTH {
                return Err(broken(&name, "nests too deep"));
            }
            place = match step {
                Step::Key(key) => place.fields.entry(key.to_owned()).or_default(),
                Step::Index(index) => place.elements.entry(index).or_default(),
            };
        }
        if place.text.replace(text).is_some() {
            return Err(broken(&name, "is there twice"));
        }
    }
    match root.build("")? {
        Any::Object(fields) => Ok(fields),
        _ => Err(Error::new(ErrorKind::Metadata, "read the metadata: its flat names do not make a mapping")),
    }
}

fn broken(name: &str, what: &str) -> Error {
    Error::new(ErrorKind::Metadata, format!("read the metadata: `{name}` {what}"))
}

/// What is known about one place; of the three one may be there.
#[derive(Default)]
struct Tree {
    text: Option<String>,
    fields: BTreeMap<String, Tree>,
    elements: BTreeMap<i64, Tree>,
}

impl Tree {
    fn build(self, name: &str) -> Result<Any> {
        let shapes = [self.text.is_some(), !self.fields.is_empty(), !self.elements.is_empty()];
        if shapes.iter().filter(|there| **there).count() > 1 {
            return Err(broken(name, "is a value and a mapping or list at once"));
        }
        if let Some(text) = self.text {
            return Ok(Any::String(text));
        }
        if self.elements.is_empty() {
            let fields = self.fields.into_iter().map(|(key, tree)| tree.build(&key).map(|value| (key, value)));
            return fields.collect::<Result<Fields>>().map(Any::Object);
        }
        // Only as many elements as there are names: an index can be as large as it likes.
        if self.elements.keys().zip(0..).any(|(index, expected)| *index != expected) {
            return Err(broken(name, "is a list with gaps"));
        }
        self.elements.into_values().map(|tree| tree.build(name)).collect()
    }
}

enum Step<'n> {
    Index(i64),
    Key(&'n str),
}

/// Splits a flat name. What is no number counts as index 0, as it does for sops.
fn steps(name: &str) -> impl Iterator<Item = Step<'_>> {
    let mut rest = Some(name);
    let mut is_list = false;
    std::iter::from_fn(move || {
        let text = rest?;
        let (map, list) = (text.find(MAP), text.find(LIST));
        let end = map.into_iter().chain(list).min().unwrap_or(text.len());
        let part = &text[..end];
        let step = if is_list { Step::Index(index(part)) } else { Step::Key(part) };
        is_list = list == Some(end);
        rest = (end < text.len()).then(|| &text[end + if is_list { LIST.len() } else { MAP.len() }..]);
        Some(step)
    })
}

fn index(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    // One that is too large leaves a gap, as it has to.
    text.parse().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> Fields {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn names_of_a_file_of_sops_are_written_and_read() {
        let nested = r#"{"version": "3.13.3", "shamir_threshold": 2, "mac_only_encrypted": true, "kms": [], "gone": null,
            "age": [{"recipient": "r", "enc": "e\n"}, {"enc": "f"}], "key_groups": [{"age": [{"enc": ""}]}]}"#;
        let flat: Vec<String> = flatten(&fields(nested)).into_iter().map(|(name, text)| format!("{name}={text}")).collect();
        let expected = [
            "age__list_0__map_enc=e\n",
            "age__list_0__map_recipient=r",
            "age__list_1__map_enc=f",
            "key_groups__list_0__map_age__list_0__map_enc=",
            "mac_only_encrypted=true",
            "shamir_threshold=2",
            "version=3.13.3",
        ];
        assert_eq!(flat, expected);
        let back = unflatten(flatten(&fields(nested))).unwrap();
        let expected = r#"{"age": [{"enc": "e\n", "recipient": "r"}, {"enc": "f"}], "key_groups": [{"age": [{"enc": ""}]}],
            "mac_only_encrypted": "true", "shamir_threshold": "2", "version": "3.13.3"}"#;
        assert_eq!(back, fields(expected));
    }

    #[test]
    fn lists_keep_their_order_beyond_ten_elements() {
        let block = fields(&format!(r#"{{"age": [{}]}}"#, (0..12).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(",")));
        assert_eq!(flatten(&block)[11].0, "age__list_11");
        assert_eq!(unflatten(flatten(&block)).unwrap(), block);
    }

    #[test]
    fn names_that_do_not_fit_each_other_are_refused() {
        let check = |names: &[&str], expected: Option<&str>| {
            let pairs = names.iter().map(|name| ((*name).to_owned(), "secret".to_owned())).collect();
            let message = unflatten(pairs).err().map(|error| error.to_string());
            assert_eq!(message.as_deref(), expected, "{names:?}");
        };
        check(&["a__list_0", "a__list_1"], None);
        check(&["a__list_+1", "a__list_x"], None);
        check(&["a__map_"], None);
        check(&["a__map___list_0"], None);
        check(&["a", "a"], Some("read the metadata: `a` is there twice"));
        check(&["a", "a__list_0"], Some("read the metadata: `a` is a value and a mapping or list at once"));
        check(&["a__map_b", "a__list_0"], Some("read the metadata: `a` is a value and a mapping or list at once"));
        check(&["a__list_1"], Some("read the metadata: `a` is a list with gaps"));
        check(&["a__list_-1", "a__list_0"], Some("read the metadata: `a` is a list with gaps"));
        check(&["a__list_99999999999999999999"], Some("read the metadata: `a` is a list with gaps"));
        check(&["a__list_x", "a__list_0"], Some("read the metadata: `a__list_0` is there twice"));
        let deep = format!("a{}", "__map_b".repeat(100_000));
        assert!(unflatten(vec![(deep, String::new())]).unwrap_err().to_string().ends_with("nests too deep"));
    }
}
