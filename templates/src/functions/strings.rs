//! Texts: cutting, joining, replacing, repeating.

use std::collections::BTreeMap;

use memchr::memmem;

use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::limits::Buffer;
use crate::print::quote::quote as write_quoted;
use crate::print::{print_all, print_format};
use crate::unicode::{chars, decode, decode_last, is_space};
use crate::value::{Element, Map, Text, Value};

mod wrap;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("abbrev", &[Kind::Int, Kind::Text], abbrev),
    Function::fixed("abbrevboth", &[Kind::Int, Kind::Int, Kind::Text], abbrev_both),
    Function::variadic("cat", &[], Kind::Any, cat),
    Function::fixed("contains", &[Kind::Text, Kind::Text], |_, arguments| {
        Ok(Value::Bool(memmem::find(arguments.text(1)?, arguments.text(0)?).is_some()))
    }),
    Function::fixed("hasPrefix", &[Kind::Text, Kind::Text], |_, arguments| Ok(Value::Bool(arguments.text(1)?.starts_with(arguments.text(0)?)))),
    Function::fixed("hasSuffix", &[Kind::Text, Kind::Text], |_, arguments| Ok(Value::Bool(arguments.text(1)?.ends_with(arguments.text(0)?)))),
    Function::fixed("hello", &[], |_, _| Ok(Value::text("Hello!"))),
    Function::fixed("indent", &[Kind::Int, Kind::Text], |scope, arguments| indent(scope, arguments, b"")),
    Function::fixed("initials", &[Kind::Text], initials),
    Function::fixed("join", &[Kind::Text, Kind::Any], join),
    Function::fixed("nindent", &[Kind::Int, Kind::Text], |scope, arguments| indent(scope, arguments, b"\n")),
    Function::fixed("nospace", &[Kind::Text], nospace),
    Function::fixed("plural", &[Kind::Text, Kind::Text, Kind::Int], |_, arguments| Ok(arguments.any(usize::from(arguments.int(2)? != 1)).clone())),
    Function::variadic("quote", &[], Kind::Any, quote),
    Function::fixed("repeat", &[Kind::Int, Kind::Text], repeat),
    Function::fixed("replace", &[Kind::Text, Kind::Text, Kind::Text], replace),
    Function::fixed("sortAlpha", &[Kind::Any], sort_alpha),
    Function::fixed("split", &[Kind::Text, Kind::Text], |scope, arguments| {
        numbered(scope, split(scope, arguments.text(1)?, arguments.text(0)?, -1)?)
    }),
    Function::fixed("splitList", &[Kind::Text, Kind::Text], |scope, arguments| {
        let parts = split(scope, arguments.text(1)?, arguments.text(0)?, -1)?;
        texts(scope, parts.unwrap_or_default())
    }),
    Function::fixed("splitn", &[Kind::Text, Kind::Int, Kind::Text], |scope, arguments| {
        numbered(scope, split(scope, arguments.text(2)?, arguments.text(0)?, arguments.int(1)?)?)
    }),
    Function::variadic("squote", &[], Kind::Any, squote),
    Function::fixed("substr", &[Kind::Int, Kind::Int, Kind::Text], substr),
    Function::fixed("toString", &[Kind::Any], |scope, arguments| Ok(Value::Text(to_text(scope, arguments.any(0))?))),
    Function::fixed("toStrings", &[Kind::Any], |scope, arguments| to_texts(scope, arguments.any(0))),
    Function::fixed("trim", &[Kind::Text], |scope, arguments| scope.text(trim_space(arguments.text(0)?).to_vec())),
    Function::fixed("trimAll", &[Kind::Text, Kind::Text], trim_all),
    Function::fixed("trimall", &[Kind::Text, Kind::Text], trim_all),
    Function::fixed("trimPrefix", &[Kind::Text, Kind::Text], |scope, arguments| {
        let text = arguments.text(1)?;
        scope.text(text.strip_prefix(&**arguments.text(0)?).unwrap_or(text).to_vec())
    }),
    Function::fixed("trimSuffix", &[Kind::Text, Kind::Text], |scope, arguments| {
        let text = arguments.text(1)?;
        scope.text(text.strip_suffix(&**arguments.text(0)?).unwrap_or(text).to_vec())
    }),
    Function::fixed("trunc", &[Kind::Int, Kind::Text], trunc),
    Function::fixed("wrap", &[Kind::Int, Kind::Text], wrap::wrap),
    Function::fixed("wrapWith", &[Kind::Int, Kind::Text, Kind::Text], wrap::wrap_with),
];

/// The text without white space at both ends.
pub(crate) fn trim_space(text: &[u8]) -> &[u8] {
    trim(text, is_space)
}

fn trim(text: &[u8], unwanted: impl Fn(char) -> bool) -> &[u8] {
    let mut text = text;
    while !text.is_empty() {
        let (c, size) = decode(text);
        if !unwanted(c) {
            break;
        }
        text = &text[size..];
    }
    while !text.is_empty() {
        let (c, size) = decode_last(text);
        if !unwanted(c) {
            break;
        }
        text = &text[..text.len() - size];
    }
    text
}

/// A value as text: texts as they are, anything else as `%v` prints it.
pub(super) fn to_text(scope: &Scope<'_>, value: &Value) -> Called<Text> {
    if let Value::Text(text) = value {
        return Ok(text.clone());
    }
    let mut out = scope.buffer();
    print_format(&mut out, b"%v", std::slice::from_ref(value))?;
    Ok(Text::new(out.into_bytes()))
}

/// A list as a list of texts, without nils; anything else as a list of one.
pub(super) fn to_texts(scope: &Scope<'_>, value: &Value) -> Called {
    match value {
        Value::List(list) if list.element() == Element::Text => Ok(value.clone()),
        Value::List(list) => {
            let present = list.items().into_iter().filter(|item| !item.is_none());
            let texts: Called<Vec<_>> = present.map(|item| to_text(scope, &item).map(Value::Text)).collect();
            scope.list_of(texts?, Element::Text)
        }
        value if value.is_none() => scope.list_of(Vec::new(), Element::Text),
        value => scope.list_of(vec![Value::Text(to_text(scope, value)?)], Element::Text),
    }
}

/// A list of texts.
pub(super) fn texts(scope: &Scope<'_>, parts: Vec<&[u8]>) -> Called {
    scope.reserve(parts.len())?;
    scope.meter.allocate(parts.iter().map(|part| part.len() as u64).sum())?;
    scope.list_of(parts.into_iter().map(|part| Value::Text(part.into())).collect(), Element::Text)
}

/// Splits at a separator, into characters if it is empty, into at most `limit` parts if that is not negative.
fn split<'t>(scope: &Scope<'_>, text: &'t [u8], separator: &[u8], limit: i64) -> Called<Option<Vec<&'t [u8]>>> {
    if limit == 0 {
        return Ok(None);
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut rest = text;
    while parts.len() + 1 < limit {
        let (part, skip) =
            if separator.is_empty() { (decode(rest).1, 0) } else { (memmem::find(rest, separator).unwrap_or(rest.len()), separator.len()) };
        if part + skip >= rest.len() + usize::from(skip > 0) || (separator.is_empty() && part == rest.len()) {
            break;
        }
        scope.reserve(1)?;
        parts.push(&rest[..part]);
        rest = &rest[part + skip..];
    }
    if !(separator.is_empty() && text.is_empty()) {
        parts.push(rest);
    }
    Ok(Some(parts))
}

/// Parts as a map with the keys `_0`, `_1` and so on.
fn numbered(scope: &Scope<'_>, parts: Option<Vec<&[u8]>>) -> Called {
    let parts = parts.unwrap_or_default();
    scope.reserve(parts.len().saturating_mul(4))?;
    scope.meter.allocate(parts.iter().map(|part| part.len() as u64).sum())?;
    let pair = |(index, part): (usize, &[u8])| (Text::from(format!("_{index}").as_str()), Value::Text(part.into()));
    let entries: BTreeMap<_, _> = parts.into_iter().enumerate().map(pair).collect();
    Ok(Value::Map(Map::of_texts(entries)))
}

fn join(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let separator = arguments.text(0)?;
    let Value::List(list) = to_texts(scope, arguments.any(1))? else { return Ok(Value::text("")) };
    let mut out = scope.buffer();
    for index in 0..list.len() {
        if index > 0 {
            out.push(separator)?;
        }
        if let Some(Value::Text(text)) = list.item(index) {
            out.push(&text)?;
        }
    }
    Ok(scope.finish(out))
}

/// Sorts; a list of texts is sorted in place, as in sprig.
fn sort_alpha(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let value = to_texts(scope, arguments.any(0))?;
    if let Value::List(list) = &value {
        let mut texts: Vec<_> = list.items();
        scope.meter.step(texts.len() as u64)?;
        texts.sort_by(|one, other| match (one, other) {
            (Value::Text(one), Value::Text(other)) => one.cmp(other),
            _ => std::cmp::Ordering::Equal,
        });
        list.overwrite(texts);
    }
    if arguments.any(0).is_none() {
        return texts(scope, vec![b"<nil>"]);
    }
    Ok(value)
}

fn cat(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut out = scope.buffer();
    for (index, value) in arguments.all().iter().filter(|value| !value.is_none()).enumerate() {
        if index > 0 {
            out.push(b" ")?;
        }
        print_all(&mut out, std::slice::from_ref(value))?;
    }
    Ok(scope.finish(out))
}

fn quote(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut out = scope.buffer();
    for (index, value) in arguments.all().iter().filter(|value| !value.is_none()).enumerate() {
        if index > 0 {
            out.push(b" ")?;
        }
        write_quoted(&mut out, &to_text(scope, value)?, false)?;
    }
    Ok(scope.finish(out))
}

fn squote(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut out = scope.buffer();
    for (index, value) in arguments.all().iter().filter(|value| !value.is_none()).enumerate() {
        out.push(if index > 0 { b" '" } else { b"'" })?;
        print_all(&mut out, std::slice::from_ref(value))?;
        out.push(b"'")?;
    }
    Ok(scope.finish(out))
}

fn indent(scope: &Scope<'_>, arguments: &Arguments, start: &[u8]) -> Called {
    let spaces = usize::try_from(arguments.int(0)?).map_err(|_| Fault::exec("negative repeat count"))?;
    let mut out = scope.buffer();
    out.push(start)?;
    for (index, line) in arguments.text(1)?.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            out.push(b"\n")?;
        }
        out.push_repeated(b' ', spaces)?;
        out.push(line)?;
    }
    Ok(scope.finish(out))
}

fn repeat(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let text = arguments.text(1)?;
    let count = u64::try_from(arguments.int(0)?).map_err(|_| Fault::exec("negative repeat count"))?;
    scope.meter.allocate(count.saturating_mul(text.len() as u64))?;
    scope.text(if text.is_empty() { Vec::new() } else { text.repeat(usize::try_from(count).unwrap_or(0)) })
}

fn replace(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (old, new, text) = (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?);
    let mut out = scope.buffer();
    if old.is_empty() {
        for (at, _, size) in chars(text) {
            out.push(new)?;
            out.push(&text[at..at + size])?;
        }
        out.push(new)?;
        return Ok(scope.finish(out));
    }
    let mut end = 0;
    for at in memmem::find_iter(text, &**old) {
        out.push(&text[end..at])?;
        out.push(new)?;
        end = at + old.len();
    }
    out.push(&text[end..])?;
    Ok(scope.finish(out))
}

fn trim_all(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let unwanted: Vec<_> = chars(arguments.text(0)?).map(|(_, c, _)| c).collect();
    scope.text(trim(arguments.text(1)?, |c| unwanted.contains(&c)).to_vec())
}

fn trunc(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (count, text) = (arguments.int(0)?, arguments.text(1)?);
    let length = text.len() as i64;
    let cut = if count < 0 && length.saturating_add(count) > 0 {
        &text[usize::try_from(length + count).unwrap_or(0)..]
    } else if count >= 0 && length > count {
        &text[..usize::try_from(count).unwrap_or(0)]
    } else {
        text
    };
    scope.text(cut.to_vec())
}

fn substr(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (start, end, text) = (arguments.int(0)?, arguments.int(1)?, arguments.text(2)?);
    let index = |number: i64| usize::try_from(number).map_err(|_| Fault::exec("slice bounds out of range"));
    let cut = if start < 0 {
        text.get(..index(end)?)
    } else if end < 0 || end > text.len() as i64 {
        text.get(index(start)?..)
    } else {
        text.get(index(start)?..index(end)?)
    };
    scope.text(cut.ok_or(Fault::exec("slice bounds out of range"))?.to_vec())
}

fn abbrev(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (width, text) = (arguments.int(0)?, arguments.text(1)?);
    if width < 4 { Ok(arguments.any(1).clone()) } else { abbreviate(scope, text, 0, width) }
}

fn abbrev_both(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (left, right, text) = (arguments.int(0)?, arguments.int(1)?, arguments.text(2)?);
    if right < 4 || (left > 0 && right < 7) {
        return Ok(arguments.any(2).clone());
    }
    abbreviate(scope, text, left, right)
}

/// Cuts to a width of at least 4, with an ellipsis behind and, far from the start, one before.
fn abbreviate(scope: &Scope<'_>, text: &[u8], offset: i64, width: i64) -> Called {
    let length = text.len() as i64;
    if length <= width {
        return scope.text(text.to_vec());
    }
    let room = width - 3;
    let mut offset = offset.min(length);
    if length - offset < room {
        offset = length - room;
    }
    let part = |start: i64, end: i64| {
        let bounds = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
        text.get(bounds).unwrap_or_default()
    };
    if offset <= 4 {
        return scope.text([part(0, room), b"..."].concat());
    }
    if width < 7 {
        return Ok(Value::text(""));
    }
    if offset + room < length {
        // What is left is longer than the room, so it is cut once more.
        return scope.text([b"...", part(offset, offset + room - 3), b"..."].concat());
    }
    scope.text([b"...", part(length - room, length)].concat())
}

/// The first byte of each word; bytes beyond ASCII become the characters of that number, as in sprig.
fn initials(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut out = scope.buffer();
    let mut after_gap = true;
    for byte in arguments.text(0)?.iter() {
        let c = char::from(*byte);
        if !is_space(c) && after_gap {
            out.push_char(c)?;
        }
        after_gap = is_space(c);
    }
    Ok(scope.finish(out))
}

/// Leaves out white space, byte by byte; bytes beyond ASCII become characters if anything was left out, as in sprig.
fn nospace(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let text = arguments.text(0)?;
    let space = |byte: &u8| is_space(char::from(*byte));
    if !text.iter().any(space) {
        return Ok(arguments.any(0).clone());
    }
    let mut out: Buffer<'_> = scope.buffer();
    for byte in text.iter().filter(|byte| !space(byte)) {
        out.push_char(char::from(*byte))?;
    }
    Ok(scope.finish(out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Limits, Meter};

    fn check(name: &str, arguments: Vec<Value>, expected: &[u8]) {
        let meter = Meter::new(Limits::default());
        let scope = Scope::new(&meter, None, false);
        let function = TABLE.iter().find(|function| function.name == name).unwrap();
        let Value::Text(text) = (function.call)(&scope, &Arguments::new(arguments)).unwrap() else { panic!("{name}") };
        assert_eq!(&*text, expected, "{name}");
    }

    #[test]
    fn texts_are_cut_in_bytes() {
        check("trunc", vec![Value::int(-2), Value::text("abc")], b"bc");
        check("trunc", vec![Value::int(1), Value::text("é")], b"\xc3");
        check("abbrev", vec![Value::int(5), Value::text("abcdefg")], b"ab...");
        check("substr", vec![Value::int(1), Value::int(-1), Value::text("abc")], b"bc");
    }

    #[test]
    fn repeat_is_refused_before_it_is_done() {
        let meter = Meter::new(Limits::default());
        let scope = Scope::new(&meter, None, false);
        let asked = Arguments::new(vec![Value::int(i64::MAX), Value::text("ab")]);
        assert!(repeat(&scope, &asked).is_err());
    }
}
