//! Where values begin and end. Nothing here checks: what is broken ends where the text ends.

/// What a value looks like from its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Container,
    Literal,
    Number,
    Text,
}

/// The shape of the value that begins here; `None` if none does.
pub(crate) fn shape(json: &[u8], at: usize) -> Option<Shape> {
    Some(match *json.get(at)? {
        b'"' => Shape::Text,
        b'{' | b'[' => Shape::Container,
        // `nan` is a number, `null` is none.
        b'n' if json.get(at + 1).is_some_and(|next| *next != b'u') => Shape::Number,
        b'n' | b't' | b'f' => Shape::Literal,
        b'+' | b'-' | b'0'..=b'9' | b'i' | b'I' | b'N' => Shape::Number,
        _ => return None,
    })
}

/// The place behind a value; `None` for a text without an end.
pub(crate) fn end(json: &[u8], at: usize, shape: Shape) -> Option<usize> {
    match shape {
        Shape::Text => text_end(json, at + 1),
        Shape::Container => Some(closed(json, at + 1, 1)),
        Shape::Literal => Some(until(json, at + 1, |byte| !byte.is_ascii_lowercase())),
        Shape::Number => Some(until(json, at + 1, |byte| byte <= b' ' || matches!(byte, b',' | b']' | b'}'))),
    }
}

fn until(json: &[u8], at: usize, stops: impl Fn(u8) -> bool) -> usize {
    json.get(at..).and_then(|rest| rest.iter().position(|byte| stops(*byte))).map_or(json.len(), |count| at + count)
}

/// The place behind the closing quote of a text whose inside begins here.
pub(crate) fn text_end(json: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let rest = json.get(at..)?;
        let stop = memchr::memchr2(b'"', b'\\', rest)?;
        at += stop + if rest.get(stop) == Some(&b'"') { return Some(at + stop + 1) } else { 2 };
    }
}

/// The place behind the bracket that closes as many as are open; brackets of all kinds count alike.
pub(crate) fn closed(json: &[u8], mut at: usize, mut depth: usize) -> usize {
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => match text_end(json, at) {
                Some(end) => at = end,
                None => return json.len(),
            },
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    json.len()
}

/// What an argument takes of a path: a text, or all up to the bracket that closes it, whatever the first byte is.
pub(crate) fn squash(path: &[u8]) -> &[u8] {
    let end = if path.first() == Some(&b'"') { text_end(path, 1).unwrap_or(path.len()) } else { closed(path, 1, 1) };
    path.get(..end).unwrap_or(path)
}

/// Without blanks and control characters around it.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [0..=b' ', rest @ ..] | [rest @ .., 0..=b' '] = text {
        text = rest;
    }
    text
}

/// The next element of a list: its span, or `None` where the list ends.
///
/// The outer `None` stands for a text without an end.
pub(crate) fn element(json: &[u8], mut at: usize) -> Option<Option<(usize, usize, Shape)>> {
    loop {
        if matches!(json.get(at), None | Some(b']')) {
            return Some(None);
        }
        if let Some(shape) = shape(json, at) {
            return Some(Some((at, end(json, at, shape)?, shape)));
        }
        at += 1;
    }
}

/// A member of an object: the inside of its key between the quotes, and its value.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    pub(crate) key: (usize, usize),
    pub(crate) value: (usize, usize),
    pub(crate) shape: Shape,
}

/// The next member of an object; `None` where it ends.
pub(crate) fn member(json: &[u8], mut at: usize) -> Option<Member> {
    while *json.get(at)? != b'"' {
        if json[at] == b'}' {
            return None;
        }
        at += 1;
    }
    let key_end = text_end(json, at + 1)?;
    let mut value = key_end;
    loop {
        json.get(value)?;
        if let Some(shape) = shape(json, value) {
            return Some(Member { key: (at + 1, key_end - 1), value: (value, end(json, value, shape)?), shape });
        }
        value += 1;
    }
}
