//! Walks a document along a path.

use std::cell::Cell;

use crate::TooComplex;
use crate::glob;
use crate::modifiers;
use crate::path::{Index, IndexKind, Key, Query, Rest, split_pipe};
use crate::raw::Raw;
use crate::scan::{self, Shape};
use crate::selectors;
use crate::text;

/// Deepest nesting of paths in paths, and of the containers that one leads through.
const DEPTH: usize = 100;

/// Bytes that may be looked at or made besides some rounds over the document: what a simple path never needs.
const WORK: usize = 32 << 20;

/// Rounds over the document.
const ROUNDS: usize = 16;

pub(crate) type Walked<T> = Result<T, TooComplex>;

/// Counts the work of one search.
pub(crate) struct Walker {
    left: Cell<usize>,
}

/// What a walk has come to.
struct State<'j, 'p> {
    value: Option<Raw<'j>>,
    /// What is to be done with the value.
    pipe: Option<&'p [u8]>,
}

impl Walker {
    pub(crate) fn new(length: usize) -> Self {
        Self { left: Cell::new(length.saturating_mul(ROUNDS).saturating_add(WORK)) }
    }

    pub(crate) fn charge(&self, bytes: usize) -> Walked<()> {
        self.left.set(self.left.get().checked_sub(bytes).ok_or(TooComplex)?);
        Ok(())
    }

    /// Finds what a path names.
    pub(crate) fn get<'j>(&self, json: &'j [u8], path: &[u8], depth: usize) -> Walked<Option<Raw<'j>>> {
        let (mut value, mut pipe) = self.step(json, path, depth)?;
        while let Some(path) = pipe {
            // Work that yields nothing costs, too.
            self.charge(path.len())?;
            (value, pipe) = match value {
                Some(Raw::Lent(json)) => self.step(json, path, depth)?,
                Some(Raw::Made(json)) => {
                    let (value, pipe) = self.step(&json, path, depth)?;
                    self.charge(value.as_ref().map_or(0, |value| value.len()))?;
                    (value.map(Raw::into_owned), pipe)
                }
                // A part that is missing is an empty document to what follows, which some modifiers make something of.
                None => self.step(b"", path, depth)?,
            };
        }
        Ok(value)
    }

    /// Does what a path says up to the next pipe.
    fn step<'j, 'p>(&self, json: &'j [u8], path: &'p [u8], depth: usize) -> Walked<(Option<Raw<'j>>, Option<&'p [u8]>)> {
        if depth > DEPTH {
            return Err(TooComplex);
        }
        let mut path = path;
        if path.len() > 1 {
            let made = match path.first() {
                Some(b'@') => modifiers::apply(self, json, path, depth)?,
                Some(b'!') => selectors::literal(path).map(|(literal, rest)| (Raw::made(literal), rest)),
                _ => None,
            };
            match made {
                Some((value, [b'.' | b'|', rest @ ..])) => return Ok((Some(value), Some(rest))),
                Some((value, _)) => return Ok((parsed(value), None)),
                None => {}
            }
            if matches!(path.first(), Some(b'[' | b'{')) {
                let (selected, rest) = selectors::read(path);
                match (selected, rest) {
                    (Some(selected), [] | [b'.' | b'|', ..]) => {
                        let made = selectors::select(self, json, path[0], &selected, depth)?;
                        return Ok((Some(made), rest.get(1..)));
                    }
                    _ => path = rest,
                }
            }
        }
        let mut state = State { value: None, pipe: None };
        if let Some(path) = path.strip_prefix(b"..") {
            self.list(&mut state, json, 0, path, depth)?;
        } else {
            match json.iter().position(|byte| matches!(byte, b'{' | b'[')) {
                Some(at) if json.get(at) == Some(&b'{') => self.object(&mut state, json, at + 1, path, depth)?,
                Some(at) => self.list(&mut state, json, at + 1, path, depth)?,
                None => (json.len(), false),
            };
        }
        Ok((state.value, state.pipe))
    }

    /// Searches an object. Says where it ends and whether something was found.
    fn object<'j, 'p>(&self, state: &mut State<'j, 'p>, json: &'j [u8], mut at: usize, path: &'p [u8], depth: usize) -> Walked<(usize, bool)> {
        if depth > DEPTH {
            return Err(TooComplex);
        }
        let key = Key::read(path);
        if let Rest::Pipe(pipe) = key.rest {
            state.pipe = Some(pipe);
        }
        while let Some(member) = scan::member(json, at) {
            self.charge(member.value.1.saturating_sub(at))?;
            let name = text::unescaped(json.get(member.key.0..member.key.1).unwrap_or_default());
            let named = if key.is_pattern {
                self.charge(glob::cost(&name, &key.name))?;
                glob::matches(&name, &key.name)
            } else {
                *name == *key.name
            };
            let (start, end) = member.value;
            at = end;
            match key.rest {
                _ if !named => {}
                Rest::Path(path) => {
                    if let Some((_, true)) = self.inside(state, json, (start, member.shape), path, depth)? {
                        return Ok((end, true));
                    }
                }
                Rest::Nothing | Rest::Pipe(_) => {
                    state.value = json.get(start..end).map(Raw::Lent);
                    return Ok((end, true));
                }
            }
        }
        Ok((at, false))
    }

    /// Goes on within a value, if it is a container.
    fn inside<'j, 'p>(
        &self,
        state: &mut State<'j, 'p>,
        json: &'j [u8],
        (at, shape): (usize, Shape),
        path: &'p [u8],
        depth: usize,
    ) -> Walked<Option<(usize, bool)>> {
        if shape != Shape::Container {
            return Ok(None);
        }
        let is_object = json.get(at) == Some(&b'{');
        let found = if is_object { self.object(state, json, at + 1, path, depth + 1)? } else { self.list(state, json, at + 1, path, depth + 1)? };
        Ok(Some(found))
    }

    /// Searches a list, as [`Walker::object`].
    fn list<'j, 'p>(&self, state: &mut State<'j, 'p>, json: &'j [u8], mut at: usize, path: &'p [u8], depth: usize) -> Walked<(usize, bool)> {
        if depth > DEPTH {
            return Err(TooComplex);
        }
        let index = Index::read(path);
        if let Rest::Pipe(pipe) = index.rest {
            state.pipe = Some(pipe);
        }
        let mut chosen = Chosen { count: 0, spans: Vec::new(), made: Vec::new() };
        loop {
            let Some(element) = scan::element(json, at) else { return Ok((json.len(), false)) };
            let Some((start, end, shape)) = element else { break };
            self.charge(end.saturating_sub(at))?;
            at = end;
            let number = chosen.count;
            chosen.count += 1;
            match &index.kind {
                IndexKind::Number(wanted) if *wanted == Some(number) => match index.rest {
                    Rest::Path(path) => {
                        if let Some((_, true)) = self.inside(state, json, (start, shape), path, depth)? {
                            return Ok((end, true));
                        }
                    }
                    Rest::Nothing | Rest::Pipe(_) => {
                        state.value = json.get(start..end).map(Raw::Lent);
                        return Ok((end, true));
                    }
                },
                IndexKind::Each(_) => chosen.spans.push((start, end)),
                IndexKind::Query(query) => {
                    let value = json.get(start..end).unwrap_or_default();
                    if self.query(state, query, index.rest, value, &mut chosen.made, depth)? {
                        return Ok((end, true));
                    }
                }
                IndexKind::Number(_) | IndexKind::Count | IndexKind::Nonsense => {}
            }
        }
        let found = self.at_the_end(state, json, &index, chosen, depth)?;
        Ok((at + 1, found))
    }

    /// What only the end of a list tells.
    fn at_the_end<'j, 'p>(&self, state: &mut State<'j, 'p>, json: &'j [u8], index: &Index<'p>, chosen: Chosen, depth: usize) -> Walked<bool> {
        match &index.kind {
            IndexKind::Count => {
                // A count has no parts.
                state.value = Some(Raw::made(chosen.count.to_string().into_bytes()));
                Ok(true)
            }
            IndexKind::Each(path) => {
                let (path, pipe) = split_pipe(path).map_or((*path, None), |(path, pipe)| (path, Some(pipe)));
                state.pipe = pipe.or(state.pipe);
                let mut made = vec![b'['];
                for (start, end) in chosen.spans {
                    let value = json.get(start..end).unwrap_or_default();
                    self.charge(value.len() + path.len())?;
                    if let Some(part) = self.get(value, path, depth + 1)? {
                        self.add(&mut made, &part)?;
                    }
                }
                made.push(b']');
                state.value = Some(Raw::made(made));
                Ok(true)
            }
            IndexKind::Query(query) if query.all => {
                if state.value.is_none() {
                    let mut made = chosen.made;
                    made.insert(0, b'[');
                    made.push(b']');
                    state.value = Some(Raw::made(made));
                }
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// Tries a condition on an element. Says whether that ends the search.
    fn query<'j, 'p>(
        &self,
        state: &mut State<'j, 'p>,
        query: &Query<'p>,
        rest: Rest<'p>,
        value: &'j [u8],
        made: &mut Vec<u8>,
        depth: usize,
    ) -> Walked<bool> {
        let part = if matches!(value.first(), Some(b'{' | b'[')) {
            self.charge(value.len())?;
            self.get(value, query.path, depth + 1)?
        } else if query.path.is_empty() {
            Some(Raw::Lent(value))
        } else {
            return Ok(false);
        };
        if !query.holds(self, part.as_deref())? {
            return Ok(false);
        }
        let found = match rest {
            Rest::Path(path) => {
                let (path, pipe) = split_pipe(path).map_or((path, None), |(path, pipe)| (path, Some(pipe)));
                state.pipe = pipe.or(state.pipe);
                self.charge(value.len() + path.len())?;
                self.get(value, path, depth + 1)?
            }
            Rest::Nothing | Rest::Pipe(_) => Some(Raw::Lent(value)),
        };
        if !query.all {
            state.value = found;
            return Ok(true);
        }
        if let Some(found) = found {
            if made.is_empty() {
                self.charge(found.len())?;
                made.extend_from_slice(&found);
            } else {
                made.push(b',');
                self.charge(found.len())?;
                made.extend_from_slice(&found);
            }
        }
        Ok(false)
    }

    /// Adds an element to a list in the making.
    pub(crate) fn add(&self, list: &mut Vec<u8>, element: &[u8]) -> Walked<()> {
        self.charge(element.len() + 1)?;
        if list.len() > 1 {
            list.push(b',');
        }
        list.extend_from_slice(element);
        Ok(())
    }
}

/// What was chosen of a list so far.
struct Chosen {
    count: usize,
    spans: Vec<(usize, usize)>,
    made: Vec<u8>,
}

/// The value that a text begins with, if it begins with one; a container goes to the end of the text.
pub(crate) fn parsed(text: Raw<'_>) -> Option<Raw<'_>> {
    let start = text.iter().position(|byte| *byte > b' ')?;
    let shape = scan::shape(&text, start)?;
    let length = text.len();
    let end = match shape {
        Shape::Container => length,
        Shape::Number => scan::end(&text, start, shape).unwrap_or(length),
        shape => scan::end(&text, start, shape).unwrap_or(length),
    };
    Some(text.part(start, end))
}
