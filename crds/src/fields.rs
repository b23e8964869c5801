//! What a definition has, as a list that can be compared.

use std::collections::BTreeSet;

use serde_json::Value;

/// Fields of a custom resource definition as dotted paths, `status.conditions[].reason`; the members of a free map are no fields.
#[must_use]
pub fn fields(definition: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"], "", &mut found);
    found
}

fn collect(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if schema["type"] == "array" {
        collect(&schema["items"], &format!("{path}[]"), found);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        collect(field, &path, found);
        found.insert(path);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_lists_and_maps_are_told_apart() {
        let text = json!({"type": "string"});
        let list = json!({"type": "array", "items": {"properties": {"b": text}}});
        let schema = json!({"properties": {"a": list, "map": {"additionalProperties": text}}});
        let definition = json!({"spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}});
        assert_eq!(fields(&definition).into_iter().collect::<Vec<_>>(), ["a", "a[].b", "map"]);
    }
}
