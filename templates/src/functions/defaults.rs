//! Defaults, choices and failing on purpose.

use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::value::Value;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::variadic("all", &[], Kind::Any, |_, arguments| Ok(Value::Bool(!arguments.all().iter().any(Value::is_zero)))),
    Function::variadic("any", &[], Kind::Any, |_, arguments| Ok(Value::Bool(!arguments.all().iter().all(Value::is_zero)))),
    Function::variadic("coalesce", &[], Kind::Any, |_, arguments| {
        Ok(arguments.all().iter().find(|value| !value.is_zero()).cloned().unwrap_or(Value::Nil))
    }),
    Function::variadic("default", &[Kind::Any], Kind::Any, default),
    Function::fixed("empty", &[Kind::Any], |_, arguments| Ok(Value::Bool(arguments.any(0).is_zero()))),
    Function::fixed("fail", &[Kind::Text], |_, _| Err(Fault::exec("the template gave up"))),
    Function::fixed("ternary", &[Kind::Any, Kind::Any, Kind::Bool], |_, arguments| Ok(arguments.any(usize::from(!arguments.bool(2)?)).clone())),
];

fn default(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let given = arguments.from(1).first().filter(|value| !value.is_zero());
    Ok(given.unwrap_or(arguments.any(0)).clone())
}
