//! Types, kinds and deep equality.

use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::value::{List, Map, Value};

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("deepEqual", &[Kind::Any, Kind::Any], |scope, arguments| {
        are_deeply_equal(scope, arguments.any(0), arguments.any(1)).map(Value::Bool)
    }),
    Function::fixed("kindIs", &[Kind::Text, Kind::Any], |_, arguments| is(arguments, arguments.any(1).kind_name())),
    Function::fixed("kindOf", &[Kind::Any], |_, arguments| Ok(Value::text(arguments.any(0).kind_name()))),
    Function::fixed("typeIs", &[Kind::Text, Kind::Any], |_, arguments| is(arguments, arguments.any(1).type_name())),
    Function::fixed("typeIsLike", &[Kind::Text, Kind::Any], type_is_like),
    Function::fixed("typeOf", &[Kind::Any], |_, arguments| Ok(Value::text(arguments.any(0).type_name()))),
];

fn is(arguments: &Arguments, name: &str) -> Called {
    Ok(Value::Bool(&**arguments.text(0)? == name.as_bytes()))
}

/// True for a pointer to the type, too.
fn type_is_like(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let name = arguments.any(1).type_name();
    let target = name.strip_prefix('*').unwrap_or(name);
    let wanted = &**arguments.text(0)?;
    Ok(Value::Bool(wanted == name.as_bytes() || wanted == target.as_bytes()))
}

/// True when types and all parts are equal.
pub(super) fn are_deeply_equal(scope: &Scope<'_>, ours: &Value, theirs: &Value) -> Called<bool> {
    let _level = scope.meter.enter()?;
    scope.meter.step(1)?;
    if ours.type_name() != theirs.type_name() {
        return Ok(false);
    }
    Ok(match (ours, theirs) {
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Int(one, _), Value::Int(other, _)) => one == other,
        (Value::Uint(one, _), Value::Uint(other, _)) => one == other,
        (Value::Float(one), Value::Float(other)) => one == other,
        (Value::Complex(real, imaginary), Value::Complex(r, i)) => real == r && imaginary == i,
        (Value::Text(one), Value::Text(other)) => one == other,
        (Value::List(one), Value::List(other)) => return are_equal_lists(scope, one, other),
        (Value::Map(one), Value::Map(other)) => return are_equal_maps(scope, one, other),
        (Value::Time(one), Value::Time(other)) => one.is_same(other),
        (Value::Version(one), Value::Version(other)) => one.is_same(other),
        (Value::Certificate(one), Value::Certificate(other)) => one == other,
        _ => ours.is_none() && theirs.is_none(),
    })
}

fn are_equal_lists(scope: &Scope<'_>, one: &List, other: &List) -> Called<bool> {
    if one.len() != other.len() || one.is_nil() != other.is_nil() {
        return Ok(false);
    }
    for index in 0..one.len() {
        let pair = one.item(index).zip(other.item(index));
        if let Some((one, other)) = pair
            && !are_deeply_equal(scope, &one, &other)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn are_equal_maps(scope: &Scope<'_>, one: &Map, other: &Map) -> Called<bool> {
    if one.is_nil() != other.is_nil() || one.len() != other.len() {
        return Ok(false);
    }
    if one.is_same(other) {
        return Ok(true);
    }
    scope.reserve(one.len())?;
    for (key, value) in one.pairs() {
        let same = other.value(&key).map(|other| are_deeply_equal(scope, &value, &other));
        if !same.transpose()?.unwrap_or(false) {
            return Ok(false);
        }
    }
    Ok(true)
}
