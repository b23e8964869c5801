//! One value out of a JSON text, by a JSONPath.
//!
//! *Source*: external-secrets `providers/v1/webhook/webhook.go`, 2.9.0, but that a number stays as it was written.

use jsonpath_rust::query::js_path_vals;
use keys::SecretBytes;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json;

/// The longest path.
const LONGEST: usize = 1000;

/// How many values a text may have whose every value may be visited more than once.
const MOST: usize = 100_000;

/// How many commas a path may have: each can double the visits.
const MOST_COMMAS: usize = 4;

/// The value at a path, as text: of a list its first entry, of an object its JSON.
///
/// # Errors
/// What is wrong, as a sentence goes on after "the answer" or "its jsonPath".
pub(super) fn value(text: &[u8], path: &str) -> Result<SecretBytes, &'static str> {
    let path = whole(path.trim());
    let is_wide = examined(&path)?;
    let tree: Value = serde_json::from_slice(text).map_err(|_| "the answer is no JSON")?;
    if is_wide && count(&tree) > MOST {
        return Err("the answer has too many values for its jsonPath");
    }
    let found = js_path_vals(&path, &tree).map_err(|_| "its jsonPath is none")?;
    let steps = found.first().and_then(|found| steps(&tree, found)).ok_or("its jsonPath leads to nothing in the answer")?;
    let raw: &RawValue = serde_json::from_slice(text).map_err(|_| "the answer is no JSON")?;
    shown(descend(raw, &steps).ok_or("its jsonPath leads to nothing in the answer")?)
}

/// The path from the root, which may be left out.
fn whole(path: &str) -> String {
    if path.starts_with(['.', '[']) { format!("${path}") } else { path.to_owned() }
}

/// Whether a path may visit a value more than once; those that may do it without end are refused.
fn examined(path: &str) -> Result<bool, &'static str> {
    if path.len() > LONGEST {
        return Err("its jsonPath is too long");
    }
    let outside = outside_of_texts(path);
    let descents = outside.matches("..").count();
    let commas = outside.matches(',').count();
    if descents > 1 || commas > MOST_COMMAS || outside.matches('$').count() > 1 {
        return Err("its jsonPath visits too much: there may be one `..`, one `$` and four commas");
    }
    let mut before = ' ';
    for one in outside.chars() {
        if one == '(' && before.is_ascii_lowercase() {
            return Err("its jsonPath calls a function, of which there are none");
        }
        before = one;
    }
    Ok(descents > 0 || commas > 0 || outside.contains('?'))
}

/// A path without what stands in quotes.
fn outside_of_texts(path: &str) -> String {
    let (mut quote, mut is_escaped) = (None, false);
    let keep = |one: &char| match quote {
        None => {
            quote = matches!(one, '"' | '\'').then_some(*one);
            true
        }
        Some(end) => {
            if is_escaped {
                is_escaped = false;
            } else if *one == '\\' {
                is_escaped = true;
            } else if *one == end {
                quote = None;
            }
            false
        }
    };
    path.chars().filter(keep).collect()
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(entries) => entries.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

enum Step<'a> {
    Member(&'a str),
    Entry(usize),
}

/// The way from a tree to one of its values.
fn steps<'a>(tree: &'a Value, wanted: &Value) -> Option<Vec<Step<'a>>> {
    if std::ptr::eq(tree, wanted) {
        return Some(Vec::new());
    }
    let further = |step: Step<'a>, below: &'a Value| {
        steps(below, wanted).map(|mut rest| {
            rest.push(step);
            rest
        })
    };
    match tree {
        Value::Array(entries) => entries.iter().enumerate().find_map(|(at, below)| further(Step::Entry(at), below)),
        Value::Object(members) => members.iter().find_map(|(name, below)| further(Step::Member(name), below)),
        _ => None,
    }
}

/// Goes that way, last step first, through the text.
fn descend<'a>(mut raw: &'a RawValue, steps: &[Step<'_>]) -> Option<&'a RawValue> {
    for step in steps.iter().rev() {
        raw = match step {
            Step::Member(name) => json::members(raw.get().as_bytes())?.remove(*name)?,
            Step::Entry(at) => serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok()?.get(*at).copied()?,
        };
    }
    Some(raw)
}

fn shown(mut raw: &RawValue) -> Result<SecretBytes, &'static str> {
    let wrong = "the answer is nested too deep";
    while raw.get().starts_with('[') {
        let entries: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong)?;
        raw = entries.first().copied().ok_or("its jsonPath leads to a list without entries")?;
    }
    match raw.get() {
        "null" => Ok(SecretBytes::new(Vec::new())),
        text if text.starts_with('"') => serde_json::from_str::<String>(text).map(|text| SecretBytes::new(text.into_bytes())).map_err(|_| wrong),
        text if text.starts_with('{') => json::rewrite(raw).ok_or(wrong),
        text => Ok(SecretBytes::new(text.as_bytes().to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#" {"a": {"b-c": [ {"n":"x","v":1}, {"n":"y","v":2} ], "d": "é\n"}, "f": 1.90, "big": 12345678901234567890123, "e": 1e3,
        "t": true, "z": null, "none": [], "o": {"b": 1.0, "a": "<"}, "$": 7, "dup": 1, "dup": 2.50, "q'k": 3.5} "#;

    #[track_caller]
    fn check(path: &str, expected: Result<&str, &str>) {
        let found = value(TEXT.as_bytes(), path).map(|found| String::from_utf8(found.expose().to_vec()).unwrap());
        assert_eq!(found, expected.map(str::to_owned), "{path}");
    }

    #[test]
    fn a_path_leads_to_one_value_as_text() {
        check("$.a.d", Ok("é\n"));
        check(".a.d", Ok("é\n"));
        check("['a']['d']", Ok("é\n"));
        check("$.a['b-c'][1].n", Ok("y"));
        check("$.a['b-c'][-1].n", Ok("y"));
        check("$.a['b-c'][?(@.n==\"y\")].v", Ok("2"));
        check("$..n", Ok("x"));
        check("$.t", Ok("true"));
        check("$.z", Ok(""));
        check("$['$']", Ok("7"));
        check("$[\"q'k\"]", Ok("3.5"));
    }

    #[test]
    fn of_a_list_it_is_the_first_entry_and_of_an_object_its_json() {
        check("$.a['b-c']", Ok(r#"{"n":"x","v":1}"#));
        check("$.a['b-c'][*].v", Ok("1"));
        check("$.o", Ok(r#"{"a":"\u003c","b":1.0}"#));
        check("$.none", Err("its jsonPath leads to a list without entries"));
    }

    #[test]
    fn a_number_stays_as_it_was_written() {
        check("$.f", Ok("1.90"));
        check("$.big", Ok("12345678901234567890123"));
        check("$.e", Ok("1e3"));
        check("$.dup", Ok("2.50"));
    }

    #[test]
    fn what_leads_nowhere_or_without_end_is_an_error() {
        check("$.x", Err("its jsonPath leads to nothing in the answer"));
        check("$.a['b-c'][?(@.n==\"z\")]", Err("its jsonPath leads to nothing in the answer"));
        check("$.[", Err("its jsonPath is none"));
        check("hunter2", Err("its jsonPath is none"));
        check("", Err("its jsonPath is none"));
        check("$..a..b", Err("its jsonPath visits too much: there may be one `..`, one `$` and four commas"));
        check("$[?(@.a==$.b)]", Err("its jsonPath visits too much: there may be one `..`, one `$` and four commas"));
        check("$[0,0,0,0,0,0]", Err("its jsonPath visits too much: there may be one `..`, one `$` and four commas"));
        check("$[?match(@.n, 'x')]", Err("its jsonPath calls a function, of which there are none"));
        check(&"$.a".repeat(500), Err("its jsonPath is too long"));
        assert_eq!(value(b"{\"hunter2\": ", "$.a").unwrap_err(), "the answer is no JSON");
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(value(deep.as_bytes(), "$[0]").unwrap_err(), "the answer is no JSON");
        let wide = format!("[{}1]", "1,".repeat(MOST));
        assert_eq!(value(wide.as_bytes(), "$..*").unwrap_err(), "the answer has too many values for its jsonPath");
        assert_eq!(value(wide.as_bytes(), "$[5]").unwrap().expose(), b"1");
    }
}
