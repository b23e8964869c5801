//! The functions of Go's `text/template` itself. Its `slice` is hidden by sprig's.

use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::limits::Buffer;
use crate::print;
use crate::unicode::{decode, is_printable};
use crate::value::{Signed, Text, Unsigned, Value};

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    // The evaluator stops at the first argument that decides, and never calls these two.
    Function::variadic("and", &[Kind::Raw], Kind::Raw, |_, arguments| Ok(arguments.any(0).clone())),
    Function::variadic("or", &[Kind::Raw], Kind::Raw, |_, arguments| Ok(arguments.any(0).clone())),
    Function::variadic("call", &[Kind::Raw], Kind::Raw, call),
    Function::variadic("eq", &[Kind::Raw], Kind::Raw, |_, arguments| equal(arguments).map(Value::Bool)),
    Function::fixed("ge", &[Kind::Raw, Kind::Raw], |_, arguments| less(arguments).map(|less| Value::Bool(!less))),
    Function::fixed("gt", &[Kind::Raw, Kind::Raw], |_, arguments| less_or_equal(arguments).map(|less| Value::Bool(!less))),
    Function::variadic("html", &[], Kind::Any, html),
    Function::variadic("index", &[Kind::Raw], Kind::Raw, index),
    Function::variadic("js", &[], Kind::Any, js),
    Function::fixed("le", &[Kind::Raw, Kind::Raw], |_, arguments| less_or_equal(arguments).map(Value::Bool)),
    Function::fixed("len", &[Kind::Raw], len),
    Function::fixed("lt", &[Kind::Raw, Kind::Raw], |_, arguments| less(arguments).map(Value::Bool)),
    Function::fixed("ne", &[Kind::Raw, Kind::Raw], |_, arguments| equal(arguments).map(|equal| Value::Bool(!equal))),
    Function::fixed("not", &[Kind::Raw], |_, arguments| Ok(Value::Bool(!arguments.any(0).is_true()))),
    Function::variadic("print", &[], Kind::Any, |scope, arguments| printed(scope, |out| print::print_all(out, arguments.all()))),
    Function::variadic("printf", &[Kind::Text], Kind::Any, |scope, arguments| {
        let format = arguments.text(0)?;
        printed(scope, |out| print::print_format(out, format, arguments.from(1)))
    }),
    Function::variadic("println", &[], Kind::Any, |scope, arguments| printed(scope, |out| print::print_line(out, arguments.all()))),
    Function::variadic("urlquery", &[], Kind::Any, url_query),
];

fn printed(scope: &Scope<'_>, print: impl FnOnce(&mut Buffer<'_>) -> Called<()>) -> Called {
    let mut out = scope.buffer();
    print(&mut out)?;
    Ok(scope.finish(out))
}

fn call(_: &Scope<'_>, arguments: &Arguments) -> Called {
    Err(Fault::exec(format!("{} is not a function", arguments.any(0).type_name())))
}

fn len(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let length = match arguments.any(0) {
        Value::Text(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        other => return Err(Fault::exec(format!("{} has no length", other.type_name()))),
    };
    Ok(Value::int(length as i64))
}

fn index(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut item = arguments.any(0).clone();
    if item.is_none() {
        return Err(Fault::exec("index of nil"));
    }
    for index in arguments.from(1) {
        item = index_once(&item, index)?;
    }
    Ok(item)
}

fn index_once(item: &Value, index: &Value) -> Called {
    if let Value::Map(map) = item {
        let Value::Text(key) = index else {
            return Err(Fault::exec(format!("a map is indexed with a string, not {}", index.type_name())));
        };
        let missing = || if map.has_texts() { Value::text("") } else { Value::Nil };
        return Ok(map.value(key).unwrap_or_else(missing));
    }
    let at = match index {
        Value::Int(number, _) => usize::try_from(*number).ok(),
        Value::Uint(number, _) => usize::try_from(*number).ok(),
        _ => return Err(Fault::exec(format!("cannot index with {}", index.type_name()))),
    };
    let found = match item {
        Value::List(list) => at.and_then(|at| list.item(at)),
        Value::Text(text) => at.and_then(|at| text.get(at)).map(|byte| Value::Uint((*byte).into(), Unsigned::Uint8)),
        other => return Err(Fault::exec(format!("cannot index {}", other.type_name()))),
    };
    found.ok_or(Fault::exec("index out of range"))
}

/// What can be compared with what.
#[derive(PartialEq)]
enum Sort<'v> {
    Bool(bool),
    Complex(f64, f64),
    Int(i64),
    Float(f64),
    Text(&'v Text),
    Uint(u64),
    Other,
}

fn sort(value: &Value) -> Sort<'_> {
    match value {
        Value::Bool(truth) => Sort::Bool(*truth),
        Value::Complex(real, imaginary) => Sort::Complex(*real, *imaginary),
        Value::Int(number, Signed::Int | Signed::Int64 | Signed::Month | Signed::Weekday | Signed::Duration) => Sort::Int(*number),
        Value::Float(number) => Sort::Float(*number),
        Value::Text(text) => Sort::Text(text),
        Value::Uint(number, _) => Sort::Uint(*number),
        _ => Sort::Other,
    }
}

fn equal(arguments: &Arguments) -> Called<bool> {
    if arguments.len() < 2 {
        return Err(Fault::exec("missing argument for comparison"));
    }
    let ours = arguments.any(0);
    for theirs in arguments.from(1) {
        if equal_to(ours, theirs)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal_to(ours: &Value, theirs: &Value) -> Called<bool> {
    let (sort_of_ours, sort_of_theirs) = (sort(ours), sort(theirs));
    match (&sort_of_ours, &sort_of_theirs) {
        (Sort::Other, Sort::Other) => equal_others(ours, theirs),
        (Sort::Int(int), Sort::Uint(uint)) | (Sort::Uint(uint), Sort::Int(int)) => Ok(u64::try_from(*int) == Ok(*uint)),
        (one, other) if std::mem::discriminant(one) == std::mem::discriminant(other) => Ok(one == other),
        _ if matches!(ours, Value::Invalid | Value::Nil) || matches!(theirs, Value::Invalid | Value::Nil) => Ok(false),
        _ => Err(incomparable(ours, theirs)),
    }
}

fn incomparable(ours: &Value, theirs: &Value) -> Fault {
    Fault::exec(format!("{} and {} cannot be compared", ours.type_name(), theirs.type_name()))
}

fn equal_others(ours: &Value, theirs: &Value) -> Called<bool> {
    let nil = |value: &Value| match value {
        Value::Invalid | Value::Nil => true,
        Value::List(list) => list.is_nil(),
        Value::Map(map) => map.is_nil(),
        _ => false,
    };
    let none = ours.is_none() || theirs.is_none();
    if !none && ours.kind_name() != theirs.kind_name() {
        return Err(incomparable(ours, theirs));
    }
    if nil(ours) || nil(theirs) {
        return Ok(nil(ours) == nil(theirs));
    }
    match (ours, theirs) {
        (_, Value::List(_) | Value::Map(_)) => Err(incomparable(ours, theirs)),
        (Value::Time(ours), Value::Time(theirs)) => Ok(ours.is_same(theirs)),
        (Value::Certificate(ours), Value::Certificate(theirs)) => Ok(ours == theirs),
        (Value::Version(ours), Value::Version(theirs)) => Ok(std::rc::Rc::ptr_eq(ours, theirs)),
        _ => Ok(false),
    }
}

fn less(arguments: &Arguments) -> Called<bool> {
    let (ours, theirs) = (arguments.any(0), arguments.any(1));
    match (sort(ours), sort(theirs)) {
        (Sort::Float(one), Sort::Float(other)) => Ok(one < other),
        (Sort::Int(one), Sort::Int(other)) => Ok(one < other),
        (Sort::Text(one), Sort::Text(other)) => Ok(one < other),
        (Sort::Uint(one), Sort::Uint(other)) => Ok(one < other),
        (Sort::Int(one), Sort::Uint(other)) => Ok(u64::try_from(one).is_ok_and(|one| one < other) || one < 0),
        (Sort::Uint(one), Sort::Int(other)) => Ok(u64::try_from(other).is_ok_and(|other| one < other)),
        _ => Err(incomparable(ours, theirs)),
    }
}

fn less_or_equal(arguments: &Arguments) -> Called<bool> {
    Ok(less(arguments)? || equal(arguments)?)
}

/// The arguments as one text: a single text as it is, anything else printed.
fn as_text(scope: &Scope<'_>, arguments: &Arguments) -> Called<Text> {
    if let [Value::Text(text)] = arguments.all() {
        return Ok(text.clone());
    }
    let mut out = scope.buffer();
    // A missing value is printed as such here, unlike by `print`.
    let shown = |value: &Value| if value.is_none() { Value::text("<no value>") } else { value.clone() };
    let values: Vec<_> = arguments.all().iter().map(shown).collect();
    print::print_all(&mut out, &values)?;
    Ok(Text::new(out.into_bytes()))
}

fn html(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let text = as_text(scope, arguments)?;
    let mut out = scope.buffer();
    for byte in text.iter() {
        match byte {
            b'\0' => out.push("\u{fffd}".as_bytes())?,
            b'"' => out.push(b"&#34;")?,
            b'\'' => out.push(b"&#39;")?,
            b'&' => out.push(b"&amp;")?,
            b'<' => out.push(b"&lt;")?,
            b'>' => out.push(b"&gt;")?,
            byte => out.push(&[*byte])?,
        }
    }
    Ok(scope.finish(out))
}

fn js(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let text = as_text(scope, arguments)?;
    let mut out = scope.buffer();
    let mut at = 0;
    while at < text.len() {
        let (c, size) = decode(&text[at..]);
        match c {
            '\\' | '\'' | '"' => out.push(format!("\\{c}").as_bytes())?,
            '<' | '>' | '&' | '=' | '\0'..=' ' if c != ' ' => {
                out.push(format!("\\u{:04X}", u32::from(c)).as_bytes())?;
            }
            c if c.is_ascii() || is_printable(c) => out.push(&text[at..at + size])?,
            c => out.push(format!("\\u{:04X}", u32::from(c)).as_bytes())?,
        }
        at += size;
    }
    Ok(scope.finish(out))
}

fn url_query(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let text = as_text(scope, arguments)?;
    let mut out = scope.buffer();
    for byte in text.iter() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(&[*byte])?,
            b' ' => out.push(b"+")?,
            byte => out.push(format!("%{byte:02X}").as_bytes())?,
        }
    }
    Ok(scope.finish(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_unlike_sign_types_compare_by_value() {
        let pair = |one, other| Arguments::new(vec![one, other]);
        let uint = |number| Value::Uint(number, Unsigned::Uint64);
        assert!(equal(&pair(Value::int(1), uint(1))).unwrap());
        assert!(less(&pair(Value::int(-1), uint(0))).unwrap());
        assert!(equal(&pair(Value::int(1), Value::Float(1.0))).is_err());
    }
}
