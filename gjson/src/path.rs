//! Paths: where a component ends, and what follows.

use std::borrow::Cow;

use crate::modifiers;
use crate::scan::squash;

/// What follows a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest<'p> {
    Nothing,
    /// Within what the component names.
    Path(&'p [u8]),
    /// Of the result as a whole.
    Pipe(&'p [u8]),
}

impl<'p> Rest<'p> {
    fn behind(path: &'p [u8], at: usize, may_pipe: bool) -> Self {
        let rest = path.get(at + 1..).unwrap_or_default();
        if path.get(at) == Some(&b'|') || (may_pipe && starts_anew(rest)) { Self::Pipe(rest) } else { Self::Path(rest) }
    }
}

/// Whether a component works on a result as a whole, even behind a dot.
fn starts_anew(path: &[u8]) -> bool {
    match path {
        [b'[' | b'{', ..] => true,
        [b'@', name @ ..] => modifiers::find(name.split(|byte| matches!(byte, b'.' | b'|' | b':')).next().unwrap_or_default()).is_some(),
        _ => false,
    }
}

/// A component that names members of an object.
pub(crate) struct Key<'p> {
    pub(crate) name: Cow<'p, [u8]>,
    pub(crate) is_pattern: bool,
    pub(crate) rest: Rest<'p>,
}

impl<'p> Key<'p> {
    pub(crate) fn read(path: &'p [u8]) -> Self {
        let (mut name, mut is_pattern) = (Cow::Borrowed(path), false);
        let mut at = 0;
        while let Some(byte) = path.get(at) {
            match byte {
                b'.' | b'|' => {
                    if let Cow::Borrowed(_) = name {
                        name = Cow::Borrowed(path.get(..at).unwrap_or_default());
                    }
                    return Self { name, is_pattern, rest: Rest::behind(path, at, true) };
                }
                b'\\' => {
                    let known = path.get(..at).unwrap_or_default();
                    if let Cow::Borrowed(_) = name {
                        name = Cow::Owned(known.to_vec());
                    }
                    at += 1;
                    name.to_mut().extend(path.get(at));
                }
                byte => {
                    is_pattern |= matches!(byte, b'*' | b'?');
                    if let Cow::Owned(name) = &mut name {
                        name.push(*byte);
                    }
                }
            }
            at += 1;
        }
        Self { name, is_pattern, rest: Rest::Nothing }
    }
}

/// A component that names elements of a list.
pub(crate) struct Index<'p> {
    pub(crate) kind: IndexKind<'p>,
    pub(crate) rest: Rest<'p>,
}

/// Which elements.
pub(crate) enum IndexKind<'p> {
    /// A single one; `None` for a name, which no element has.
    Number(Option<usize>),
    /// How many there are.
    Count,
    /// A part of each.
    Each(&'p [u8]),
    /// Those that a condition holds for.
    Query(Query<'p>),
    /// None: a `#` stands where it means nothing.
    Nonsense,
}

impl<'p> Index<'p> {
    pub(crate) fn read(path: &'p [u8]) -> Self {
        let mut hash = false;
        let mut query: Option<Query<'p>> = None;
        let mut at = 0;
        while let Some(byte) = path.get(at) {
            match byte {
                b'.' | b'|' => {
                    // A dot behind a `#` always leads into the elements.
                    let rest = Rest::behind(path, at, !hash);
                    let part = path.get(..at).unwrap_or_default();
                    return Self { kind: Self::kind(part, hash, query, path), rest };
                }
                b'#' => {
                    hash = true;
                    if at == 0 && matches!(path.get(1), Some(b'[' | b'(')) {
                        let Some((read, end)) = Query::read(path) else {
                            // What is no condition asks for whatever comes first.
                            query = Some(Query::default());
                            break;
                        };
                        let all = path.get(end) == Some(&b'#');
                        query = Some(Query { all, ..read });
                        at = end;
                        continue;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        Self { kind: Self::kind(path, hash, query, path), rest: Rest::Nothing }
    }

    fn kind(part: &'p [u8], hash: bool, query: Option<Query<'p>>, path: &'p [u8]) -> IndexKind<'p> {
        match (part, query) {
            (_, Some(query)) => IndexKind::Query(query),
            (b"#", None) => match path.strip_prefix(b"#.") {
                Some(rest) => IndexKind::Each(rest),
                None => IndexKind::Count,
            },
            _ if hash => IndexKind::Nonsense,
            (part, None) => {
                IndexKind::Number(std::str::from_utf8(part).ok().filter(|part| !part.starts_with('+')).and_then(|part| part.parse().ok()))
            }
        }
    }
}

/// How a condition compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Comparison {
    #[default]
    Exists,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    NotLike,
    /// No comparison at all, which nothing passes.
    Never,
}

/// A condition on elements.
#[derive(Default)]
pub(crate) struct Query<'p> {
    pub(crate) path: &'p [u8],
    pub(crate) comparison: Comparison,
    pub(crate) operand: Cow<'p, [u8]>,
    /// Whether all elements are asked for, not the first one.
    pub(crate) all: bool,
}

impl<'p> Query<'p> {
    /// Reads `#(path op value)`, and says where it ends.
    fn read(path: &'p [u8]) -> Option<(Self, usize)> {
        let (mut at, mut depth, mut operator, mut escapes) = (2, 1_usize, None, false);
        loop {
            match path.get(at)? {
                b'!' | b'=' | b'<' | b'>' | b'%' if depth == 1 && operator.is_none() => operator = Some(at),
                b'\\' => at += 1,
                b'[' | b'(' => depth += 1,
                b']' | b')' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                b'"' => {
                    let end = crate::scan::text_end(path, at + 1)?;
                    escapes |= path.get(at + 1..end).is_some_and(|text| memchr::memchr(b'\\', text).is_some());
                    at = end - 1;
                }
                _ => {}
            }
            at += 1;
        }
        let part = |from: usize, to: usize| crate::scan::trim(path.get(from..to).unwrap_or_default());
        let Some(operator) = operator else { return Some((Self { path: part(2, at), ..Self::default() }, at + 1)) };
        let (comparison, operand) = Comparison::read(part(operator, at));
        let operand = match operand {
            [b'"', inside @ .., b'"'] if escapes => crate::text::unescaped(inside),
            [b'"', inside @ .., b'"'] => Cow::Borrowed(inside),
            operand => Cow::Borrowed(operand),
        };
        Some((Self { path: part(2, operator), comparison, operand, all: false }, at + 1))
    }
}

impl Comparison {
    fn read(text: &[u8]) -> (Self, &[u8]) {
        let (comparison, operand) = match text {
            [b'!', b'=', rest @ ..] => (Self::NotEqual, rest),
            [b'!', b'%', rest @ ..] => (Self::NotLike, rest),
            [b'<', b'=', rest @ ..] => (Self::LessOrEqual, rest),
            [b'>', b'=', rest @ ..] => (Self::GreaterOrEqual, rest),
            [b'=', b'=', rest @ ..] | [b'=', rest @ ..] => (Self::Equal, rest),
            [b'<', rest @ ..] => (Self::Less, rest),
            [b'>', rest @ ..] => (Self::Greater, rest),
            [b'%', rest @ ..] => (Self::Like, rest),
            [b'!'] => (Self::Never, &[][..]),
            rest => (Self::Exists, rest),
        };
        (comparison, crate::scan::trim(operand))
    }
}

/// Splits a path at the first pipe that stands in no condition.
pub(crate) fn split_pipe(path: &[u8]) -> Option<(&[u8], &[u8])> {
    memchr::memchr(b'|', path)?;
    if let Some(inside) = path.strip_prefix(b"{") {
        let (left, right) = path.split_at_checked(squash(inside).len() + 1)?;
        return Some((left, right.strip_prefix(b"|")?));
    }
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        match byte {
            b'\\' => at += 1,
            b'|' => return Some((path.get(..at)?, path.get(at + 1..)?)),
            b'.' if path.get(at + 1) == Some(&b'#') => {
                at += 2;
                match path.get(at)? {
                    b'[' => at = balanced(path, at + 1, b'[', b']'),
                    b'(' => at = balanced(path, at + 1, b'(', b')'),
                    _ => {}
                }
            }
            b'.' if at + 1 == path.len() => return None,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The place of the bracket that closes; only those of one kind count.
fn balanced(path: &[u8], mut at: usize, open: u8, close: u8) -> usize {
    let mut depth = 1_usize;
    while let Some(byte) = path.get(at) {
        match *byte {
            b'\\' => at += 1,
            b'"' => match crate::scan::text_end(path, at + 1) {
                Some(end) => at = end - 1,
                None => return path.len(),
            },
            byte if byte == open => depth += 1,
            byte if byte == close => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
        at += 1;
    }
    at
}
