//! Modifiers: what makes another document of one.

use std::collections::BTreeMap;

use crate::is_valid;
use crate::pretty;
use crate::query::is_true;
use crate::raw::Raw;
use crate::scan::{self, squash, trim};
use crate::text;
use crate::walk::{Walked, Walker, parsed};

type Modifier = fn(&Context<'_>, &[u8]) -> Walked<Vec<u8>>;

/// What a modifier may use besides its document.
pub(crate) struct Context<'a> {
    pub(crate) walker: &'a Walker,
    argument: &'a [u8],
    depth: usize,
}

/// All modifiers by name.
const MODIFIERS: &[(&str, Modifier)] = &[
    ("dig", dig),
    ("flatten", |context, json| flatten(context, json, context.depth)),
    ("fromstr", |_, json| {
        Ok(if is_valid(json) { parsed(Raw::Lent(json)).map_or_else(Vec::new, |json| text::of(&json).into_owned()) } else { Vec::new() })
    }),
    ("group", group),
    ("join", join),
    ("keys", keys),
    ("pretty", pretty::pretty),
    ("reverse", reverse),
    ("this", |_, json| Ok(json.to_vec())),
    ("tostr", tostr),
    ("ugly", |_, json| Ok(pretty::ugly(json))),
    ("valid", |_, json| Ok(if is_valid(json) { json.to_vec() } else { Vec::new() })),
    ("values", values),
];

/// Finds a modifier.
pub(crate) fn find(name: &[u8]) -> Option<Modifier> {
    MODIFIERS.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, modifier)| *modifier)
}

/// Applies the modifier that a path begins with, and gives what follows; `None` if nobody knows it.
pub(crate) fn apply<'j, 'p>(walker: &Walker, json: &'j [u8], path: &'p [u8], depth: usize) -> Walked<Option<(Raw<'j>, &'p [u8])>> {
    let end = path.iter().position(|byte| matches!(byte, b':' | b'|' | b'.')).unwrap_or(path.len());
    let Some(modifier) = find(path.get(1..end).unwrap_or_default()) else { return Ok(None) };
    let mut rest = path.get(end..).unwrap_or_default();
    let mut argument: &[u8] = b"";
    if let [b':', text @ ..] = rest {
        (argument, rest) = text.split_at_checked(argument_end(text)).unwrap_or((text, b""));
    }
    walker.charge(json.len().saturating_mul(2))?;
    let made = modifier(&Context { walker, argument, depth }, json)?;
    walker.charge(made.len())?;
    Ok(Some((Raw::made(made), rest)))
}

/// JSON ends with its bracket or quote, anything else at a pipe that stands in no JSON.
fn argument_end(text: &[u8]) -> usize {
    if matches!(text.first(), Some(b'{' | b'[' | b'"')) {
        return squash(text).len();
    }
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'|' => return at,
            b'{' | b'[' | b'"' | b'(' => at += squash(text.get(at..).unwrap_or_default()).len(),
            _ => at += 1,
        }
    }
    text.len()
}

/// The members of an object or the elements of a list, each with the key as it is written; a scalar is one element.
pub(crate) fn parts(json: &[u8]) -> Vec<(&[u8], &[u8])> {
    let span = |(start, end): (usize, usize)| json.get(start..end).unwrap_or_default();
    let mut parts = Vec::new();
    let mut at = 1;
    match json.first() {
        Some(b'{') => {
            while let Some(member) = scan::member(json, at) {
                parts.push((span((member.key.0 - 1, member.key.1 + 1)), span(member.value)));
                at = member.value.1;
            }
        }
        Some(b'[') => {
            while let Some(Some((start, end, _))) = scan::element(json, at) {
                parts.push((&b""[..], span((start, end))));
                at = end;
            }
        }
        _ => parts.push((b"", json)),
    }
    parts
}

/// An option of a modifier's argument.
fn has_option(context: &Context<'_>, name: &[u8]) -> bool {
    let options = parsed(Raw::Lent(context.argument));
    let options = options.as_deref().map(parts).unwrap_or_default();
    options.iter().rev().find(|(key, _)| *text::unquoted(key) == *name).is_some_and(|(_, value)| is_true(value))
}

/// A list or an object of parts as they are written.
fn joined<'t>(open: u8, parts: impl Iterator<Item = Vec<&'t [u8]>>, close: u8) -> Vec<u8> {
    let mut out = vec![open];
    for part in parts {
        if out.len() > 1 {
            out.push(b',');
        }
        part.into_iter().for_each(|text| out.extend_from_slice(text));
    }
    out.push(close);
    out
}

fn reverse(_: &Context<'_>, json: &[u8]) -> Walked<Vec<u8>> {
    let Some(value) = parsed(Raw::Lent(json)) else { return Ok(json.to_vec()) };
    Ok(match value.first() {
        Some(b'[') => joined(b'[', parts(&value).into_iter().rev().map(|(_, value)| vec![value]), b']'),
        Some(b'{') => joined(b'{', parts(&value).into_iter().rev().map(|(key, value)| vec![key, b":", value]), b'}'),
        _ => json.to_vec(),
    })
}

fn keys(_: &Context<'_>, json: &[u8]) -> Walked<Vec<u8>> {
    let Some(value) = parsed(Raw::Lent(json)) else { return Ok(b"[]".to_vec()) };
    let is_object = value.first() == Some(&b'{');
    Ok(joined(b'[', parts(&value).into_iter().map(|(key, _)| vec![if is_object { key } else { b"null" }]), b']'))
}

fn values(_: &Context<'_>, json: &[u8]) -> Walked<Vec<u8>> {
    let Some(value) = parsed(Raw::Lent(json)) else { return Ok(b"[]".to_vec()) };
    if value.first() == Some(&b'[') {
        return Ok(json.to_vec());
    }
    Ok(joined(b'[', parts(&value).into_iter().map(|(_, value)| vec![value]), b']'))
}

fn tostr(_: &Context<'_>, json: &[u8]) -> Walked<Vec<u8>> {
    let mut out = Vec::new();
    text::quote(json, true, &mut out);
    Ok(out)
}

/// Without the brackets around it.
fn unwrapped(json: &[u8]) -> &[u8] {
    match trim(json) {
        [b'[' | b'{', inside @ .., _] => inside,
        json => json,
    }
}

fn flatten(context: &Context<'_>, json: &[u8], depth: usize) -> Walked<Vec<u8>> {
    if depth > 100 {
        return Err(crate::TooComplex);
    }
    let list = match parsed(Raw::Lent(json)) {
        Some(list) if list.first() == Some(&b'[') => list,
        _ => return Ok(json.to_vec()),
    };
    let deep = has_option(context, b"deep");
    let mut out = vec![b'['];
    for (_, value) in parts(&list) {
        let inner;
        let value = match value.first() {
            Some(b'[') if deep => {
                context.walker.charge(value.len())?;
                inner = flatten(context, value, depth + 1)?;
                unwrapped(&inner)
            }
            Some(b'[') => unwrapped(value),
            _ => value,
        };
        let value = trim(value);
        if !value.is_empty() {
            context.walker.add(&mut out, value)?;
        }
    }
    out.push(b']');
    Ok(out)
}

fn join(context: &Context<'_>, json: &[u8]) -> Walked<Vec<u8>> {
    let list = match parsed(Raw::Lent(json)) {
        Some(list) if list.first() == Some(&b'[') => list,
        _ => return Ok(json.to_vec()),
    };
    let objects = parts(&list).into_iter().map(|(_, value)| value).filter(|value| value.first() == Some(&b'{'));
    if has_option(context, b"preserve") {
        let mut out = vec![b'{'];
        for (number, object) in objects.enumerate() {
            out.extend_from_slice(if number > 0 { b"," } else { b"" });
            out.extend_from_slice(unwrapped(object));
        }
        out.push(b'}');
        return Ok(out);
    }
    // Keys keep their first place and get their last value.
    let mut order = Vec::new();
    let mut members: BTreeMap<Vec<u8>, &[u8]> = BTreeMap::new();
    for (key, value) in objects.flat_map(parts) {
        let name = text::unquoted(key).into_owned();
        if members.insert(name.clone(), value).is_none() {
            order.push((key, name));
        }
    }
    Ok(joined(b'{', order.iter().map(|(key, name)| vec![*key, b":", members.get(name).copied().unwrap_or_default()]), b'}'))
}

fn group(context: &Context<'_>, json: &[u8]) -> Walked<Vec<u8>> {
    let object = match parsed(Raw::Lent(json)) {
        Some(object) if object.first() == Some(&b'{') => object,
        _ => return Ok(Vec::new()),
    };
    let mut rows: Vec<Vec<u8>> = Vec::new();
    for (key, list) in parts(&object).into_iter().filter(|(_, value)| value.first() == Some(&b'[')) {
        for (number, (_, value)) in parts(list).into_iter().enumerate() {
            context.walker.charge(key.len() + value.len())?;
            if number == rows.len() {
                rows.push(Vec::new());
            }
            if let Some(row) = rows.get_mut(number) {
                row.extend_from_slice(if row.is_empty() { b"{" } else { b"," });
                [key, b":", value].iter().for_each(|text| row.extend_from_slice(text));
            }
        }
    }
    Ok(joined(b'[', rows.iter().map(|row| vec![&row[..], b"}"]), b']'))
}

/// What a path finds in a document and in all its parts.
fn dig(context: &Context<'_>, json: &[u8]) -> Walked<Vec<u8>> {
    let mut out = vec![b'['];
    let value = parsed(Raw::Lent(json)).unwrap_or(Raw::Lent(b""));
    let mut waiting: Vec<&[u8]> = vec![&value];
    while let Some(value) = waiting.pop() {
        context.walker.charge(value.len() + context.argument.len())?;
        if let Some(found) = context.walker.get(value, context.argument, context.depth + 1)? {
            context.walker.add(&mut out, &found)?;
        }
        if matches!(value.first(), Some(b'{' | b'[')) {
            waiting.extend(parts(value).into_iter().rev().map(|(_, value)| value));
        }
    }
    out.push(b']');
    Ok(out)
}
