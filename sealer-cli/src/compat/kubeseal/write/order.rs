//! The order of fields in the Go types, and which fields are left out when they are empty.
//!
//! *Source*: `metav1.ObjectMeta`, `v1.Secret` (k8s.io/api v0.36) and `pkg/apis/sealedsecrets/v1alpha1/types.go` (v0.38.4).

use serde_json::{Map, Value};

struct Shape {
    fields: &'static [(&'static str, Field)],
}

#[derive(Clone, Copy)]
enum Field {
    /// Written whatever it is, if it is there.
    Kept,
    /// Left out if it is empty or zero.
    Optional,
    /// A mapping with free keys, sorted; left out if it is empty.
    Free,
    /// A mapping with free keys, sorted; written even if it is empty.
    FreeKept,
    /// A structure, or a list of structures; left out if it is an empty list.
    Inner(&'static Shape),
}

use Field::{Free, FreeKept, Inner, Kept, Optional};

static OBJECT: Shape = Shape {
    fields: &[
        ("kind", Kept),
        ("apiVersion", Kept),
        ("metadata", Inner(&METADATA)),
        ("spec", Inner(&SPEC)),
        ("status", Inner(&STATUS)),
        ("immutable", Kept),
        ("data", Free),
        ("type", Optional),
    ],
};

static METADATA: Shape = Shape {
    fields: &[
        ("name", Optional),
        ("generateName", Optional),
        ("namespace", Optional),
        ("selfLink", Optional),
        ("uid", Optional),
        ("resourceVersion", Optional),
        ("generation", Optional),
        ("creationTimestamp", Optional),
        ("deletionTimestamp", Optional),
        ("deletionGracePeriodSeconds", Kept),
        ("labels", Free),
        ("annotations", Free),
        ("ownerReferences", Inner(&OWNER)),
        ("finalizers", Optional),
        ("managedFields", Inner(&MANAGER)),
    ],
};

static OWNER: Shape =
    Shape { fields: &[("apiVersion", Kept), ("kind", Kept), ("name", Kept), ("uid", Kept), ("controller", Kept), ("blockOwnerDeletion", Kept)] };

static MANAGER: Shape = Shape {
    fields: &[
        ("manager", Optional),
        ("operation", Optional),
        ("apiVersion", Optional),
        ("time", Optional),
        ("fieldsType", Optional),
        ("fieldsV1", Kept),
        ("subresource", Optional),
    ],
};

static SPEC: Shape = Shape { fields: &[("template", Inner(&TEMPLATE)), ("data", Optional), ("encryptedData", FreeKept)] };

static TEMPLATE: Shape = Shape { fields: &[("metadata", Inner(&METADATA)), ("type", Optional), ("immutable", Kept), ("data", Free)] };

static STATUS: Shape = Shape { fields: &[("observedGeneration", Optional), ("conditions", Inner(&CONDITION))] };

static CONDITION: Shape = Shape {
    fields: &[("type", Kept), ("status", Kept), ("lastUpdateTime", Kept), ("lastTransitionTime", Kept), ("reason", Optional), ("message", Optional)],
};

/// Orders the fields of a Secret or SealedSecret; fields that the Go types do not have are left out, as decoding them in Go would.
pub(super) fn ordered(object: &Value) -> Value {
    shape(object, &OBJECT)
}

fn shape(value: &Value, known: &Shape) -> Value {
    match value {
        Value::Object(entries) => {
            let field = |(name, field): &(&'static str, Field)| Some(((*name).to_owned(), written(entries.get(*name)?, *field)?));
            Value::Object(known.fields.iter().filter_map(field).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| shape(item, known)).collect()),
        other => other.clone(),
    }
}

fn written(value: &Value, field: Field) -> Option<Value> {
    match field {
        Optional if is_empty(value) => None,
        Optional => Some(value.clone()),
        Kept if value.is_null() => None,
        Kept => Some(value.clone()),
        Free if is_empty(value) => None,
        Free | FreeKept => Some(sorted(value)),
        Inner(_) if value.is_null() || value.as_array().is_some_and(Vec::is_empty) => None,
        Inner(known) => Some(shape(value, known)),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
    }
}

fn sorted(value: &Value) -> Value {
    let Value::Object(entries) = value else { return value.clone() };
    let mut pairs: Vec<(&String, &Value)> = entries.iter().collect();
    pairs.sort_by_key(|(key, _)| *key);
    Value::Object(pairs.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>())
}
