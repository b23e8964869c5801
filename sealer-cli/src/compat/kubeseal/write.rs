//! Objects to text, byte for byte as kubeseal writes them.
//!
//! The engine writes what people like to read; this writes what scripts have compared with for years: Go's field order and escapes in JSON,
//! sorted keys and the scalar styles of go-yaml in YAML.

mod json;
mod order;
mod scalar;
mod yaml;

use serde_json::Value;
use zeroize::Zeroizing;

/// The two languages that `--format` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Two spaces, fields in the order of the Go types.
    Json,
    /// Sorted keys, after a line `---`.
    Yaml,
}

impl Format {
    /// Reads the value of `--format`, in any case of letters; empty is JSON.
    ///
    /// # Errors
    /// Upstream's message for anything else.
    pub(super) fn read(name: &str) -> Result<Self, String> {
        match name.to_lowercase().as_str() {
            "" | "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            _ => Err(format!("unsupported output format: {name}")),
        }
    }
}

/// Writes one Secret or SealedSecret.
///
/// # Errors
/// Upstream's message: a YAML text would hold a character that YAML does not allow.
pub(super) fn write(object: &Value, format: Format) -> Result<Zeroizing<String>, String> {
    let ordered = order::ordered(object);
    match format {
        Format::Json => Ok(json::pretty(&ordered)),
        Format::Yaml if yaml::is_writable(&ordered) => Ok(yaml::document(&ordered)),
        Format::Yaml => Err("yaml: control characters are not allowed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(object: &Value, format: Format, expected: &str) {
        assert_eq!(write(object, format).unwrap().as_str(), expected);
    }

    fn with_annotation(text: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"annotations": {"a": text}}})
    }

    #[test]
    fn json_has_the_order_and_the_escapes_of_go() {
        check(
            &json!({"apiVersion": "v1", "metadata": {"labels": {"b": "<&>", "a": "\u{2028}"}, "name": "x", "creationTimestamp": null, "annotations": {}}, "kind": "Secret"}),
            Format::Json,
            "{\n  \"kind\": \"Secret\",\n  \"apiVersion\": \"v1\",\n  \"metadata\": {\n    \"name\": \"x\",\n    \"labels\": {\n      \"a\": \"\\u2028\",\n      \"b\": \"\\u003c\\u0026\\u003e\"\n    }\n  }\n}\n",
        );
    }

    #[test]
    fn yaml_keys_are_sorted_as_people_count() {
        check(
            &json!({"kind": "Secret", "data": {"a10": "", "a9": "x", "1": "y", "B": "z"}, "metadata": {"finalizers": ["f/x", "n"]}}),
            Format::Yaml,
            "---\ndata:\n  \"1\": \"y\"\n  B: z\n  a9: x\n  a10: \"\"\nkind: Secret\nmetadata:\n  finalizers:\n  - f/x\n  - \"n\"\n",
        );
    }

    #[test]
    fn yaml_scalars_have_the_styles_of_go_yaml() {
        for (text, expected) in [
            ("plain text", "plain text"),
            ("", "\"\""),
            ("y", "\"y\""),
            ("1e3", "\"1e3\""),
            ("0o17", "\"0o17\""),
            ("1:30", "\"1:30\""),
            ("1_000", "\"1_000\""),
            ("2020-01-01", "\"2020-01-01\""),
            ("=", "="),
            ("- a", "'- a'"),
            ("a: b", "'a: b'"),
            ("a:", "'a:'"),
            ("a #b", "'a #b'"),
            ("a ", "'a '"),
            ("it's \"q\"", "it's \"q\""),
            ("?", "'?'"),
            ("a\\b", "a\\b"),
            ("\ta", "\"\\ta\""),
            ("a\r\nb", "\"a\\r\\nb\""),
            ("é\u{1F600}", "\"é\\U0001F600\""),
            ("a\nb\n", "|\n      a\n      b"),
            ("a\nb", "|-\n      a\n      b"),
            ("a\n\n", "|+\n      a\n"),
            ("\n a\nb", "|2-\n\n       a\n      b"),
        ] {
            check(
                &with_annotation(text),
                Format::Yaml,
                &format!("---\napiVersion: v1\nkind: Secret\nmetadata:\n  annotations:\n    a: {expected}\n"),
            );
        }
    }

    #[test]
    fn long_plain_text_is_folded_after_eighty_columns() {
        let (first, second) = ("a".repeat(40) + " " + &"b".repeat(50), "c".repeat(10));
        check(
            &with_annotation(&format!("{first} {second}")),
            Format::Yaml,
            &format!("---\napiVersion: v1\nkind: Secret\nmetadata:\n  annotations:\n    a: {first}\n      {second}\n"),
        );
    }

    #[test]
    fn what_yaml_cannot_hold_is_refused() {
        assert_eq!(write(&with_annotation("x\u{7f}"), Format::Yaml).unwrap_err(), "yaml: control characters are not allowed");
        assert_eq!(Format::read("xml").unwrap_err(), "unsupported output format: xml");
        assert_eq!(Format::read("YAML"), Ok(Format::Yaml));
    }
}
