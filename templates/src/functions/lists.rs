//! Lists.

use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::value::{Element, List, Value};

use super::math::to_int;
use super::reflection::are_deeply_equal;

/// The functions of this family. Those with `must` in front differ in Go by how they fail only.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("append", &[Kind::Any, Kind::Any], push),
    Function::fixed("chunk", &[Kind::Int, Kind::Any], chunk),
    Function::fixed("compact", &[Kind::Any], compact),
    Function::variadic("concat", &[], Kind::Any, concat),
    Function::fixed("first", &[Kind::Any], first),
    Function::fixed("has", &[Kind::Any, Kind::Any], has),
    Function::fixed("initial", &[Kind::Any], initial),
    Function::fixed("last", &[Kind::Any], last),
    Function::variadic("list", &[], Kind::Any, list),
    Function::fixed("mustAppend", &[Kind::Any, Kind::Any], push),
    Function::fixed("mustChunk", &[Kind::Int, Kind::Any], chunk),
    Function::fixed("mustCompact", &[Kind::Any], compact),
    Function::fixed("mustFirst", &[Kind::Any], first),
    Function::fixed("mustHas", &[Kind::Any, Kind::Any], has),
    Function::fixed("mustInitial", &[Kind::Any], initial),
    Function::fixed("mustLast", &[Kind::Any], last),
    Function::fixed("mustPrepend", &[Kind::Any, Kind::Any], prepend),
    Function::fixed("mustPush", &[Kind::Any, Kind::Any], push),
    Function::fixed("mustRest", &[Kind::Any], rest),
    Function::fixed("mustReverse", &[Kind::Any], reverse),
    Function::variadic("mustSlice", &[Kind::Any], Kind::Any, slice),
    Function::fixed("mustUniq", &[Kind::Any], uniq),
    Function::variadic("mustWithout", &[Kind::Any], Kind::Any, without),
    Function::fixed("prepend", &[Kind::Any, Kind::Any], prepend),
    Function::fixed("push", &[Kind::Any, Kind::Any], push),
    Function::fixed("rest", &[Kind::Any], rest),
    Function::fixed("reverse", &[Kind::Any], reverse),
    Function::variadic("slice", &[Kind::Any], Kind::Any, slice),
    Function::variadic("tuple", &[], Kind::Any, list),
    Function::fixed("uniq", &[Kind::Any], uniq),
    Function::variadic("without", &[Kind::Any], Kind::Any, without),
];

fn list(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    scope.list(arguments.all().to_vec())
}

/// The items, charged before they are copied.
fn items(scope: &Scope<'_>, list: &List) -> Called<Vec<Value>> {
    scope.reserve(list.len())?;
    Ok(list.items())
}

fn push(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut items = items(scope, arguments.list(0)?)?;
    items.push(arguments.any(1).clone());
    scope.list(items)
}

fn prepend(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut items = items(scope, arguments.list(0)?)?;
    items.insert(0, arguments.any(1).clone());
    scope.list(items)
}

fn chunk(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let list = arguments.list(1)?;
    let size = usize::try_from(arguments.int(0)?).ok().filter(|size| *size > 0);
    let items = items(scope, list)?;
    let Some(size) = size else {
        return odd_chunks(scope, items, arguments.int(0)?);
    };
    let chunks: Called<Vec<_>> = items.chunks(size).map(|chunk| scope.list(chunk.to_vec())).collect();
    scope.list_of(chunks?, Element::Lists)
}

/// What the reference's arithmetic makes of a size that is none.
fn odd_chunks(scope: &Scope<'_>, items: Vec<Value>, size: i64) -> Called {
    let count = ((items.len() as f64 - 1.0) / size as f64).floor() + 1.0;
    if size == 0 || count < 0.0 || (count >= 1.0 && (items.len() != 1 || size == -1)) {
        return Err(Fault::exec("bad size of a chunk"));
    }
    let chunks = if count < 1.0 { Vec::new() } else { vec![scope.list(items)?] };
    scope.list_of(chunks, Element::Lists)
}

fn first(_: &Scope<'_>, arguments: &Arguments) -> Called {
    Ok(arguments.list(0)?.item(0).unwrap_or(Value::Nil))
}

fn last(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let list = arguments.list(0)?;
    Ok(list.len().checked_sub(1).and_then(|last| list.item(last)).unwrap_or(Value::Nil))
}

fn rest(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    part(scope, arguments.list(0)?, |items| drop(items.remove(0)))
}

fn initial(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    part(scope, arguments.list(0)?, |items| drop(items.pop()))
}

/// All items but one; of none, nil.
fn part(scope: &Scope<'_>, list: &List, remove: fn(&mut Vec<Value>)) -> Called {
    if list.len() == 0 {
        return Ok(Value::List(List::nil(Element::Any)));
    }
    let mut items = items(scope, list)?;
    remove(&mut items);
    scope.list(items)
}

fn reverse(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut items = items(scope, arguments.list(0)?)?;
    items.reverse();
    scope.list(items)
}

fn compact(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut kept = Vec::new();
    for item in items(scope, arguments.list(0)?)? {
        if !item.is_zero() {
            kept.push(item);
        }
    }
    scope.list(kept)
}

fn contains(scope: &Scope<'_>, items: &[Value], wanted: &Value) -> Called<bool> {
    for item in items {
        scope.meter.step(1)?;
        if are_deeply_equal(scope, wanted, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn uniq(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut kept = Vec::new();
    for item in items(scope, arguments.list(0)?)? {
        if !contains(scope, &kept, &item)? {
            kept.push(item);
        }
    }
    scope.list(kept)
}

fn without(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut kept = Vec::new();
    for item in items(scope, arguments.list(0)?)? {
        if !contains(scope, arguments.from(1), &item)? {
            kept.push(item);
        }
    }
    scope.list(kept)
}

fn has(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    if arguments.any(1).is_none() {
        return Ok(Value::Bool(false));
    }
    let items = items(scope, arguments.list(1)?)?;
    Ok(Value::Bool(contains(scope, &items, arguments.any(0))?))
}

fn slice(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let list = arguments.list(0)?;
    if list.len() == 0 {
        return Ok(Value::Nil);
    }
    let index = |at: usize, default: usize| match arguments.from(1).get(at) {
        Some(index) => usize::try_from(to_int(index)).ok(),
        None => Some(default),
    };
    let window = index(0, 0).zip(index(1, list.len())).and_then(|(start, end)| list.window(start, end));
    window.map(Value::List).ok_or(Fault::exec("slice bounds out of range"))
}

fn concat(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut all = Vec::new();
    for index in 0..arguments.len() {
        all.append(&mut items(scope, arguments.list(index)?)?);
    }
    if all.is_empty() {
        return Ok(Value::List(List::nil(Element::Any)));
    }
    scope.list(all)
}
