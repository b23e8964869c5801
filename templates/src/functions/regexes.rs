//! Regular expressions with the syntax and the rules of Go's `regexp`.

use std::borrow::Cow;

use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::unicode::{chars, decode};
use crate::value::{Element, List, Value};

use goregex::{BadPattern, Pattern};

use super::strings::texts;

/// The functions of this family. Those with `must` in front differ in Go by how they fail only, but for `regexMatch`.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("mustRegexFind", &[Kind::Text, Kind::Text], find),
    Function::fixed("mustRegexFindAll", &[Kind::Text, Kind::Text, Kind::Int], find_all),
    Function::fixed("mustRegexMatch", &[Kind::Text, Kind::Text], |scope, arguments| {
        Ok(Value::Bool(is_match(scope, arguments, &compiled(arguments)?)?))
    }),
    Function::fixed("mustRegexReplaceAll", &[Kind::Text, Kind::Text, Kind::Text], |scope, arguments| replace(scope, arguments, true)),
    Function::fixed("mustRegexReplaceAllLiteral", &[Kind::Text, Kind::Text, Kind::Text], |scope, arguments| replace(scope, arguments, false)),
    Function::fixed("mustRegexSplit", &[Kind::Text, Kind::Text, Kind::Int], split),
    Function::fixed("regexFind", &[Kind::Text, Kind::Text], find),
    Function::fixed("regexFindAll", &[Kind::Text, Kind::Text, Kind::Int], find_all),
    Function::fixed("regexMatch", &[Kind::Text, Kind::Text], |scope, arguments| match compiled(arguments) {
        Ok(pattern) => Ok(Value::Bool(is_match(scope, arguments, &pattern)?)),
        Err(fault) if fault.kind() == crate::error::ErrorKind::Exec => Ok(Value::Bool(false)),
        Err(fault) => Err(fault),
    }),
    Function::fixed("regexQuoteMeta", &[Kind::Text], quote_meta),
    Function::fixed("regexReplaceAll", &[Kind::Text, Kind::Text, Kind::Text], |scope, arguments| replace(scope, arguments, true)),
    Function::fixed("regexReplaceAllLiteral", &[Kind::Text, Kind::Text, Kind::Text], |scope, arguments| replace(scope, arguments, false)),
    Function::fixed("regexSplit", &[Kind::Text, Kind::Text, Kind::Int], split),
];

fn compiled(arguments: &Arguments) -> Called<Pattern> {
    Pattern::new(arguments.text(0)?).map_err(|bad| match bad {
        BadPattern::TooLarge => too_large(),
        _ => Fault::exec("malformed regular expression"),
    })
}

/// The text to search, in which every undecodable byte is U+FFFD, as Go's matcher sees it.
struct Haystack<'t> {
    original: &'t [u8],
    decoded: Cow<'t, [u8]>,
    /// For each position of the decoded text the one of the original; empty when they are the same.
    positions: Vec<usize>,
}

impl<'t> Haystack<'t> {
    fn new(scope: &Scope<'_>, original: &'t [u8]) -> Called<Self> {
        scope.meter.step(original.len() as u64 / 16)?;
        if std::str::from_utf8(original).is_ok() {
            return Ok(Self { original, decoded: Cow::Borrowed(original), positions: Vec::new() });
        }
        scope.meter.allocate((original.len() as u64).saturating_mul(27))?;
        let mut decoded = Vec::with_capacity(original.len() * 3);
        let mut positions = Vec::with_capacity(original.len() * 3 + 1);
        for (at, c, _) in chars(original) {
            let before = decoded.len();
            decoded.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            positions.resize(positions.len() + decoded.len() - before, at);
        }
        positions.push(original.len());
        Ok(Self { original, decoded: Cow::Owned(decoded), positions })
    }

    fn len(&self) -> usize {
        self.decoded.len()
    }

    fn part(&self, start: usize, end: usize) -> &'t [u8] {
        let place = |at: usize| if self.positions.is_empty() { at } else { self.positions.get(at).copied().unwrap_or(0) };
        self.original.get(place(start)..place(end)).unwrap_or_default()
    }

    fn width_at(&self, at: usize) -> usize {
        decode(self.decoded.get(at..).unwrap_or_default()).1
    }
}

fn is_match(scope: &Scope<'_>, arguments: &Arguments, pattern: &Pattern) -> Called<bool> {
    let text = Haystack::new(scope, arguments.text(1)?)?;
    Ok(pattern.regex.is_match(&text.decoded))
}

fn find(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let pattern = compiled(arguments)?;
    let text = Haystack::new(scope, arguments.text(1)?)?;
    let found = pattern.regex.find(&text.decoded);
    scope.text(found.map_or(&b""[..], |found| text.part(found.start(), found.end())).to_vec())
}

/// The matches; an empty one directly behind another does not count.
fn matches(scope: &Scope<'_>, pattern: &Pattern, text: &Haystack<'_>, limit: i64) -> Called<Vec<(usize, usize)>> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    let (mut at, mut end_before) = (0, None);
    while found.len() < limit && at <= text.len() {
        let Some(one) = pattern.regex.find_at(&text.decoded, at) else { break };
        scope.reserve(1)?;
        let empty_here = one.end() == at;
        let accepted = !(empty_here && end_before == Some(one.start()));
        at = if empty_here { at + text.width_at(at).max(1) } else { one.end() };
        end_before = Some(one.end());
        if accepted {
            found.push((one.start(), one.end()));
        }
    }
    Ok(found)
}

fn find_all(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let pattern = compiled(arguments)?;
    let text = Haystack::new(scope, arguments.text(1)?)?;
    let found = matches(scope, &pattern, &text, arguments.int(2)?)?;
    if found.is_empty() {
        return Ok(Value::List(List::nil(Element::Text)));
    }
    texts(scope, found.into_iter().map(|(start, end)| text.part(start, end)).collect())
}

fn split(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let pattern = compiled(arguments)?;
    let limit = arguments.int(2)?;
    if limit == 0 {
        return Ok(Value::List(List::nil(Element::Text)));
    }
    let text = Haystack::new(scope, arguments.text(1)?)?;
    if text.len() == 0 && !arguments.text(0)?.is_empty() {
        return texts(scope, vec![b""]);
    }
    let mut parts = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for (start, stop) in matches(scope, &pattern, &text, limit)? {
        if limit > 0 && parts.len() as i64 == limit - 1 {
            break;
        }
        end = start;
        if stop != 0 {
            parts.push(text.part(begin, end));
        }
        begin = stop;
    }
    if end != text.len() {
        parts.push(text.part(begin, text.len()));
    }
    texts(scope, parts)
}

fn replace(scope: &Scope<'_>, arguments: &Arguments, expands: bool) -> Called {
    let pattern = compiled(arguments)?;
    let text = Haystack::new(scope, arguments.text(1)?)?;
    let replacement = arguments.text(2)?;
    let mut out = scope.buffer();
    let (mut at, mut end) = (0, 0);
    while at <= text.len() {
        let Some(captures) = pattern.regex.captures_at(&text.decoded, at) else { break };
        let Some(whole) = captures.get(0) else { break };
        scope.meter.step(1)?;
        out.push(text.part(end, whole.start()))?;
        if whole.end() > end || whole.start() == 0 {
            if expands {
                let group = |index: usize| captures.get(index).map(|part| text.part(part.start(), part.end()));
                let mut write = |bytes: &[u8]| out.push(bytes);
                pattern.expand(replacement, &group, &mut write)?;
            } else {
                out.push(replacement)?;
            }
        }
        end = whole.end();
        let width = text.width_at(at);
        at = if at + width > end {
            at + width
        } else if at + 1 > end {
            at + 1
        } else {
            end
        };
    }
    out.push(text.part(end, text.len()))?;
    Ok(scope.finish(out))
}

fn quote_meta(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut out = scope.buffer();
    for byte in arguments.text(0)?.iter() {
        if b"\\.+*?()|[]{}^$".contains(byte) {
            out.push(b"\\")?;
        }
        out.push(&[*byte])?;
    }
    Ok(scope.finish(out))
}

fn too_large() -> Fault {
    Fault::limit("a regular expression is larger than the limit allows")
}
