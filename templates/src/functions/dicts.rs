//! Maps, changed in place.

use std::collections::BTreeMap;

use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope, as_map};
use crate::value::{Element, List, Map, Text, Value};

use super::strings::to_text;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("deepCopy", &[Kind::Any], deep_copy),
    Function::variadic("dict", &[], Kind::Any, dict),
    Function::variadic("dig", &[], Kind::Any, dig),
    Function::fixed("get", &[Kind::Map, Kind::Text], |_, arguments| {
        Ok(arguments.map(0)?.value(arguments.text(1)?).unwrap_or_else(|| Value::text("")))
    }),
    Function::fixed("hasKey", &[Kind::Map, Kind::Text], |_, arguments| Ok(Value::Bool(arguments.map(0)?.contains(arguments.text(1)?)))),
    Function::variadic("keys", &[], Kind::Map, keys),
    Function::variadic("merge", &[Kind::Map], Kind::Map, |scope, arguments| merge_all(scope, arguments, false)),
    Function::variadic("mergeOverwrite", &[Kind::Map], Kind::Map, |scope, arguments| merge_all(scope, arguments, true)),
    Function::fixed("mustDeepCopy", &[Kind::Any], deep_copy),
    Function::variadic("mustMerge", &[Kind::Map], Kind::Map, |scope, arguments| merge_all(scope, arguments, false)),
    Function::variadic("mustMergeOverwrite", &[Kind::Map], Kind::Map, |scope, arguments| merge_all(scope, arguments, true)),
    Function::variadic("omit", &[Kind::Map], Kind::Text, |scope, arguments| chosen(scope, arguments, false)),
    Function::variadic("pick", &[Kind::Map], Kind::Text, |scope, arguments| chosen(scope, arguments, true)),
    Function::variadic("pluck", &[Kind::Text], Kind::Map, pluck),
    Function::fixed("set", &[Kind::Map, Kind::Text, Kind::Any], set),
    Function::fixed("unset", &[Kind::Map, Kind::Text], |_, arguments| {
        arguments.map(0)?.remove(arguments.text(1)?);
        Ok(arguments.any(0).clone())
    }),
    Function::fixed("values", &[Kind::Map], |scope, arguments| {
        scope.reserve(arguments.map(0)?.len())?;
        scope.list(arguments.map(0)?.pairs().into_iter().map(|(_, value)| value).collect())
    }),
];

fn dict(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut entries = BTreeMap::new();
    for pair in arguments.all().chunks(2) {
        let key = pair.first().map_or(Ok(Text::from("")), |key| to_text(scope, key))?;
        entries.insert(key, pair.get(1).cloned().unwrap_or_else(|| Value::text("")));
    }
    scope.map(entries).map(Value::Map)
}

fn set(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    scope.reserve(2)?;
    insert(arguments.map(0)?, arguments.text(1)?.clone(), arguments.any(2).clone())?;
    Ok(arguments.any(0).clone())
}

fn insert(map: &Map, key: Text, value: Value) -> Called<()> {
    if map.insert(key, value) { Ok(()) } else { Err(Fault::exec("assignment to an entry of a nil map")) }
}

fn keys(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut keys = Vec::new();
    for index in 0..arguments.len() {
        let map = arguments.map(index)?;
        scope.reserve(map.len())?;
        keys.extend(map.pairs().into_iter().map(|(key, _)| Value::Text(key)));
    }
    scope.list_of(keys, Element::Text)
}

fn pluck(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut found = Vec::new();
    for index in 1..arguments.len() {
        found.extend(arguments.map(index)?.value(arguments.text(0)?));
    }
    scope.list(found)
}

fn chosen(scope: &Scope<'_>, arguments: &Arguments, wanted: bool) -> Called {
    let map = arguments.map(0)?;
    let mut entries = BTreeMap::new();
    scope.reserve(map.len())?;
    let named: std::collections::BTreeSet<&[u8]> =
        arguments.from(1).iter().filter_map(|name| if let Value::Text(name) = name { Some(&**name) } else { None }).collect();
    for (key, value) in map.pairs() {
        if named.contains(&*key) == wanted {
            entries.insert(key, value);
        }
    }
    scope.map(entries).map(Value::Map)
}

/// Looks a path of keys up; the arguments end with a default and the map.
fn dig(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let [keys @ .., default, map] = arguments.all() else { return Err(Fault::exec("wants three arguments or more")) };
    if keys.is_empty() {
        return Err(Fault::exec("wants three arguments or more"));
    }
    let text = |key: &Value| if let Value::Text(key) = key { Ok(key.clone()) } else { Err(Fault::exec("a key is no string")) };
    let keys: Called<Vec<Text>> = keys.iter().map(text).collect();
    let mut value = map.clone();
    for key in keys? {
        let map = as_map(&value)?;
        if map.has_texts() {
            return Err(Fault::exec("wants a map[string]interface {}"));
        }
        match map.value(&key) {
            Some(found) => value = found,
            None => return Ok(default.clone()),
        }
    }
    Ok(value)
}

fn deep_copy(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    if arguments.any(0).is_none() {
        return Err(Fault::exec("copy of nil"));
    }
    copy(scope, arguments.any(0))
}

fn copy(scope: &Scope<'_>, value: &Value) -> Called {
    let _level = scope.meter.enter()?;
    scope.meter.step(1)?;
    match value {
        Value::List(list) if !list.is_nil() => {
            scope.reserve(list.len())?;
            let items: Called<Vec<_>> = list.items().iter().map(|item| copy(scope, item)).collect();
            scope.list_of(items?, list.element())
        }
        Value::List(list) => Ok(Value::List(List::nil(list.element()))),
        Value::Map(map) if map.has_texts() => {
            scope.reserve(map.len())?;
            Ok(Value::Map(Map::of_texts(map.pairs().into_iter().collect())))
        }
        Value::Map(map) if !map.is_nil() => {
            scope.reserve(map.len())?;
            let pairs: Called<BTreeMap<_, _>> = map.pairs().into_iter().map(|(key, value)| Ok((key, copy(scope, &value)?))).collect();
            scope.map(pairs?).map(Value::Map)
        }
        // The reference cannot see into a version and makes an empty one.
        Value::Version(_) => Ok(Value::Version(std::rc::Rc::default())),
        value => Ok(value.clone()),
    }
}

fn merge_all(scope: &Scope<'_>, arguments: &Arguments, overwrite: bool) -> Called {
    let target = arguments.map(0)?;
    let mut replaced = None;
    for index in 1..arguments.len() {
        let source = arguments.map(index)?;
        if target.is_nil() && replaced.is_none() && !source.is_nil() {
            replaced = Some(scope.map(BTreeMap::new())?);
        }
        merge(scope, replaced.as_ref().unwrap_or(target), source, overwrite)?;
    }
    Ok(replaced.map_or_else(|| arguments.any(0).clone(), Value::Map))
}

/// Puts the entries of one map into another, maps within maps as well. What is empty in the target counts as missing.
fn merge(scope: &Scope<'_>, target: &Map, source: &Map, overwrite: bool) -> Called<()> {
    let _level = scope.meter.enter()?;
    if target.is_same(source) || target.is_nil() || target.has_texts() {
        return Ok(());
    }
    scope.reserve(source.len().saturating_mul(2))?;
    for (key, value) in source.pairs() {
        let old = target.value(&key);
        if value.is_none() {
            if overwrite {
                insert(target, key, value)?;
            }
            continue;
        }
        let empty = old.as_ref().is_none_or(Value::is_zero);
        match (&old, &value) {
            (Some(Value::Map(old)), Value::Map(new)) if !empty => merge(scope, old, new, overwrite)?,
            _ if empty || overwrite => insert(target, key, value)?,
            _ => {}
        }
    }
    Ok(())
}
