//! Documents with and without blanks.

use crate::TooComplex;
use crate::modifiers::{Context, parts};
use crate::raw::Raw;
use crate::walk::{Walked, parsed};

/// Columns that a list may take in one line.
const WIDTH: usize = 80;

/// Without blanks outside of texts.
pub(crate) fn ugly(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        let end = if *byte == b'"' { crate::scan::text_end(json, at + 1).unwrap_or(json.len()) } else { at + 1 };
        if *byte > b' ' {
            out.extend_from_slice(json.get(at..end).unwrap_or_default());
        }
        at = end;
    }
    out
}

/// One member a line; lists of scalars in one line, if they fit.
pub(crate) fn pretty(context: &Context<'_>, json: &[u8]) -> Walked<Vec<u8>> {
    let mut printer = Printer { out: Vec::with_capacity(json.len()), line: 0, context };
    if let Some(value) = parsed(Raw::Lent(json)) {
        printer.value(&value, 0)?;
        printer.out.push(b'\n');
    }
    Ok(printer.out)
}

struct Printer<'a> {
    out: Vec<u8>,
    /// Where the line begins, with the line break before it.
    line: usize,
    context: &'a Context<'a>,
}

impl Printer<'_> {
    fn value(&mut self, json: &[u8], depth: usize) -> Walked<()> {
        if depth > 100 {
            return Err(TooComplex);
        }
        self.context.walker.charge(json.len() + 2 * depth)?;
        match json.first() {
            Some(b'[') => {
                let room = WIDTH.saturating_sub(self.out.len() - self.line);
                match in_one_line(json, 0)?.filter(|line| room > 3 && line.len() <= room) {
                    Some(line) => self.out.extend_from_slice(&line),
                    None => self.container(json, b']', depth)?,
                }
            }
            Some(b'{') => self.container(json, b'}', depth)?,
            _ => self.out.extend_from_slice(json),
        }
        Ok(())
    }

    fn container(&mut self, json: &[u8], close: u8, depth: usize) -> Walked<()> {
        self.out.extend(json.first());
        let parts = parts(json);
        for (number, (key, value)) in parts.iter().enumerate() {
            if number > 0 {
                self.out.push(b',');
            }
            self.new_line(depth + 1);
            if close == b'}' {
                self.out.extend_from_slice(key);
                self.out.extend_from_slice(b": ");
            }
            self.value(value, depth + 1)?;
        }
        if !parts.is_empty() {
            self.new_line(depth);
        }
        self.out.push(close);
        Ok(())
    }

    fn new_line(&mut self, depth: usize) {
        self.line = self.out.len();
        self.out.push(b'\n');
        self.out.resize(self.out.len() + 2 * depth, b' ');
    }
}

/// A list in one line; `None` if there is an object in it.
fn in_one_line(json: &[u8], depth: usize) -> Walked<Option<Vec<u8>>> {
    if depth > 100 {
        return Err(TooComplex);
    }
    let mut out = vec![b'['];
    for (_, value) in parts(json) {
        if out.len() > 1 {
            out.extend_from_slice(b", ");
        }
        match value.first() {
            Some(b'{') => return Ok(None),
            Some(b'[') => match in_one_line(value, depth + 1)? {
                Some(line) => out.extend_from_slice(&line),
                None => return Ok(None),
            },
            _ => out.extend_from_slice(value),
        }
    }
    out.push(b']');
    Ok(Some(out))
}
