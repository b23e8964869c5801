//! YAML, read and written as sigs.k8s.io/yaml does: YAML 1.1, over JSON.

use std::collections::BTreeMap;

use crate::error::ErrorKind;
use crate::function::{Function, Kind};
use crate::value::{Text, Value};

mod read;
mod resolve;
mod write;

pub use resolve::{plain_key, plain_value};

/// The functions of this family.
pub(in crate::functions) const TABLE: &[Function] = &[
    Function::fixed("fromYaml", &[Kind::Text], |scope, arguments| match read::read(scope, arguments.text(0)?) {
        Ok(map) => Ok(Value::Map(map)),
        // A text that is no YAML is no error, but a map that says so.
        Err(fault) if fault.kind() == ErrorKind::Exec => {
            let error = Value::text("error converting YAML to JSON: the text is no mapping that can be read");
            Ok(Value::Map(scope.map(BTreeMap::from([(Text::from("Error"), error)]))?))
        }
        Err(fault) => Err(fault),
    }),
    Function::fixed("toYaml", &[Kind::Any], |scope, arguments| match write::written(scope, arguments.any(0)) {
        Err(fault) if fault.kind() == ErrorKind::Exec => Ok(Value::text("")),
        written => written,
    }),
];
