//! Where in an object of any kind a template puts what it gives.

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Longest path, in steps.
const LONGEST: usize = 64;

/// Fields that say who an object is and how it does: no template writes them.
const CLOSED: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// A place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// One of its maps of texts: its data, or its labels or annotations.
    Texts(TextMap),
    /// A field: keys and indices from the top.
    Field(Vec<Step>),
}

/// A map of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextMap {
    Annotations,
    Data,
    Labels,
}

/// One step on the way to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Index(usize),
    Key(String),
}

impl Place {
    /// Reads a place: `data`, `labels` and `annotations` however they are capitalised, or a path such as `spec.servers[0].password`.
    ///
    /// # Errors
    /// Input: it is no path, or one that no template may write.
    pub(super) fn read(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "" | "data" => return Ok(Self::Texts(TextMap::Data)),
            "annotations" | "metadata.annotations" => return Ok(Self::Texts(TextMap::Annotations)),
            "labels" | "metadata.labels" => return Ok(Self::Texts(TextMap::Labels)),
            _ => {}
        }
        let steps = steps(text).ok_or_else(|| Error::input(format!("use the target {text:?}: it is no path such as spec.servers[0].password")))?;
        match steps.first() {
            Some(Step::Key(first)) if !CLOSED.contains(&first.as_str()) => Ok(Self::Field(steps)),
            _ => Err(Error::input(format!("use the target {text:?}: of these fields a template may write labels and annotations only"))),
        }
    }
}

fn steps(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in text.split('.') {
        let (key, mut rest) = part.find('[').map_or((part, ""), |at| part.split_at(at));
        if key.is_empty() || key.contains(']') {
            return None;
        }
        steps.push(Step::Key(key.to_owned()));
        while !rest.is_empty() {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            if index.is_empty() || !index.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            steps.push(Step::Index(index.parse().ok()?));
            rest = after;
        }
    }
    (steps.len() <= LONGEST).then_some(steps)
}

/// Puts a value into a field; lists and mappings on the way are made. With `beside`, a mapping is added to the one that is there.
///
/// *Source*: external-secrets 2.9.0 `runtime/template/v2`; deviation: it fills lists with nulls up to any index below 10,000.
///
/// # Errors
/// Input: something else than a list or a mapping is in the way, or a list is too short.
pub(super) fn put(object: &mut Map<String, Value>, steps: &[Step], value: Value, beside: bool) -> Result<()> {
    let [Step::Key(first), rest @ ..] = steps else { return Err(Error::input("use the target: it is no path")) };
    let mut place = object.entry(first.clone()).or_insert(Value::Null);
    for step in rest {
        place = match step {
            Step::Key(key) => {
                if place.is_null() {
                    *place = Value::Object(Map::new());
                }
                let map = place.as_object_mut().ok_or_else(|| Error::input(format!("use the target: what should hold {key:?} is no mapping")))?;
                map.entry(key.clone()).or_insert(Value::Null)
            }
            Step::Index(index) => {
                if place.is_null() {
                    *place = Value::Array(Vec::new());
                }
                let list = place.as_array_mut().ok_or_else(|| Error::input(format!("use the target: what should hold [{index}] is no list")))?;
                if list.len() == *index {
                    list.push(Value::Null);
                }
                let length = list.len();
                list.get_mut(*index).ok_or_else(|| Error::input(format!("use the target: [{index}] is beyond the end of a list of {length}")))?
            }
        };
    }
    match (place, value) {
        (Value::Object(there), Value::Object(value)) if beside => there.extend(value),
        (place, value) => *place = value,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(before: Value, path: &str, value: Value, expected: Option<Value>) {
        let Value::Object(mut object) = before else { panic!("an object") };
        let Place::Field(steps) = Place::read(path).unwrap() else { panic!("a field") };
        let done = put(&mut object, &steps, value, true);
        assert_eq!(done.ok().map(|()| Value::Object(object)), expected, "{path}");
    }

    #[test]
    fn what_is_missing_on_the_way_is_made() {
        check(json!({}), "spec.Servers[0].password", json!("x"), Some(json!({"spec": {"Servers": [{"password": "x"}]}})));
        check(json!({"spec": {"a": [1, 2]}}), "spec.a[0]", json!(3), Some(json!({"spec": {"a": [3, 2]}})));
        check(json!({"spec": {"a": [[1]]}}), "spec.a[0][1]", json!(2), Some(json!({"spec": {"a": [[1, 2]]}})));
    }

    #[test]
    fn a_mapping_is_added_to_one_that_is_there_and_anything_else_replaces() {
        check(json!({"spec": {"a": {"x": 1}}}), "spec.a", json!({"y": 2}), Some(json!({"spec": {"a": {"x": 1, "y": 2}}})));
        check(json!({"spec": {"a": {"x": 1}}}), "spec.a", json!([2]), Some(json!({"spec": {"a": [2]}})));
    }

    #[test]
    fn what_is_in_the_way_is_an_error() {
        check(json!({"spec": {"a": "text"}}), "spec.a.b", json!(1), None);
        check(json!({"spec": {"a": {}}}), "spec.a[0]", json!(1), None);
        check(json!({"spec": {"a": [1]}}), "spec.a[2]", json!(1), None);
    }

    #[test]
    fn maps_of_texts_are_known_by_any_capitals() {
        for (text, place) in [
            ("", TextMap::Data),
            ("DATA", TextMap::Data),
            ("Labels", TextMap::Labels),
            ("annotations", TextMap::Annotations),
            ("metadata.labels", TextMap::Labels),
        ] {
            assert_eq!(Place::read(text).unwrap(), Place::Texts(place), "{text}");
        }
    }

    #[test]
    fn who_an_object_is_no_template_says() {
        for text in [
            "metadata.ownerReferences",
            "metadata.namespace",
            "metadata.name",
            "metadata",
            "metadata.labels.x",
            "apiVersion",
            "kind",
            "status.ready",
            "spec.a[99999999999999999999]",
            "spec..a",
            ".spec",
            "spec.a[x]",
            "spec.a[0",
            "spec.a[]",
            "spec.a]",
            "spec.[0]",
        ] {
            assert!(Place::read(text).is_err(), "{text}");
        }
        assert!(Place::read(&vec!["a"; 65].join(".")).is_err());
    }
}
