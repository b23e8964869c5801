//! Several paths at once, and literals.

use crate::TooComplex;
use crate::is_valid;
use crate::raw::Raw;
use crate::scan::closed;
use crate::text::quote;
use crate::walk::{Walked, Walker};

/// Most paths in one list.
const MOST: usize = 1000;

/// One of several paths, with the name that its result gets.
pub(crate) struct Selector<'p> {
    name: &'p [u8],
    path: &'p [u8],
}

/// Reads `[path,path]` or `{name:path,path}`; `None` if it has no end, with nothing as the rest.
pub(crate) fn read(path: &[u8]) -> (Option<Vec<Selector<'_>>>, &[u8]) {
    let mut selectors = Vec::new();
    let (mut at, mut depth, mut start) = (1, 1_usize, 1);
    let (mut colon, mut modifier) = (None, false);
    while let Some(byte) = path.get(at) {
        match byte {
            b'\\' => at += 1,
            // The colon of a modifier stands before its argument.
            b'@' if matches!(path.get(at - 1), Some(b'.' | b'|')) => modifier = true,
            b':' if !modifier && colon.is_none() && depth == 1 => colon = Some(at),
            b'"' => match crate::scan::text_end(path, at + 1) {
                Some(end) => at = end - 1,
                None => break,
            },
            b'[' | b'(' | b'{' => depth += 1,
            b',' | b']' | b')' | b'}' => {
                if *byte != b',' {
                    depth -= 1;
                }
                if depth == usize::from(*byte == b',') {
                    let part = |from: usize, to: usize| path.get(from..to).unwrap_or_default();
                    selectors.push(match colon.take() {
                        Some(colon) => Selector { name: part(start, colon), path: part(colon + 1, at) },
                        None => Selector { name: b"", path: part(start, at) },
                    });
                    modifier = false;
                    start = at + 1;
                    if *byte != b',' {
                        return (Some(selectors), path.get(start..).unwrap_or_default());
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    (None, b"")
}

/// Makes the list or object of what several paths find; what they do not find is left out.
pub(crate) fn select(walker: &Walker, json: &[u8], kind: u8, selectors: &[Selector<'_>], depth: usize) -> Walked<Raw<'static>> {
    if selectors.len() > MOST {
        return Err(TooComplex);
    }
    let mut made = vec![kind];
    for selector in selectors {
        walker.charge(json.len() + selector.path.len())?;
        let Some(found) = walker.get(json, selector.path, depth + 1)? else { continue };
        if made.len() > 1 {
            made.push(b',');
        }
        if kind == b'{' {
            match selector.name {
                [] => quote(last_name(selector.path), true, &mut made),
                name if name.starts_with(b"\"") && is_valid(name) => made.extend_from_slice(name),
                name => quote(name, true, &mut made),
            }
            made.push(b':');
        }
        walker.charge(found.len() + selector.name.len())?;
        made.extend_from_slice(if found.is_empty() { b"null" } else { &found });
    }
    made.push(if kind == b'{' { b'}' } else { b']' });
    Ok(Raw::made(made))
}

/// The last component of a path, if it is a plain name.
fn last_name(path: &[u8]) -> &[u8] {
    let ends = |at: &usize| matches!(path.get(*at), Some(b'.' | b'|')) && (*at == 0 || path.get(at - 1) != Some(&b'\\'));
    let last = (0..path.len()).rev().find(ends).map_or(path, |at| path.get(at + 1..).unwrap_or_default());
    let special = |byte: &u8| *byte < b' ' || b"[]{}()#|!".contains(byte);
    if last.iter().any(special) { b"_" } else { last }
}

/// Reads `!literal`: the JSON, and what follows.
pub(crate) fn literal(path: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let text = path.get(1..)?;
    if matches!(text.first()?, b'{' | b'[' | b'"' | b'+' | b'-' | b'0'..=b'9') {
        // Whatever the first byte is, it counts as a bracket: a text or a number takes all that follows, as in Go.
        let (literal, rest) = text.split_at_checked(closed(text, 1, 1))?;
        return Some((literal.to_vec(), rest));
    }
    let end = text.iter().position(|byte| matches!(byte, b'.' | b'|')).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let known = ["true", "false", "null", "nan", "inf"].iter().any(|word| name.eq_ignore_ascii_case(word.as_bytes()));
    known.then(|| (name.to_vec(), rest))
}
