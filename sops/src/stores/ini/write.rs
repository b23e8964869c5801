//! Writes INI as the library does that sops uses: equals signs in one column, a blank line between sections.
//!
//! *Source*: `gopkg.in/ini.v1` `file.go`, v1.67.3; sops `stores/ini/store.go`, v3.13.3.

use std::collections::HashMap;

use super::read::{DEFAULT_SECTION, trim};
use crate::document::{Map, Member, Node};
use crate::error::{Error, ErrorKind, Result};
use crate::scalar::flat_text;

/// A key as it is written.
struct Line<'m> {
    name: &'m str,
    value: Vec<u8>,
    comment: &'m [u8],
}

/// Writes all sections; comments between them are left out.
///
/// # Errors
/// Unencryptable: a value stands outside of a section, a name is empty, or something nests deeper than a section.
pub(super) fn sections(branches: &[Map]) -> Result<Vec<u8>> {
    let mut found = Vec::new();
    for pair in branches.iter().flat_map(Map::pairs) {
        let refused = |what: &str| Err(Error::new(ErrorKind::Unencryptable, format!("write as INI {what}")).on(format!("[\"{}\"]", pair.key)));
        match &pair.value {
            Node::Map(_) if pair.key.is_empty() => return refused("a section without a name"),
            Node::Map(map) => found.push((pair.key.as_str(), map)),
            _ => return refused("a value outside of a section: at the top there are sections only"),
        }
    }
    let mut out = Vec::new();
    let last = found.len().saturating_sub(1);
    for (index, (name, map)) in found.into_iter().enumerate() {
        let (comment, lines) = lines(name, map)?;
        write_comment(&mut out, comment, |line| line);
        if index > 0 || !name.to_uppercase().eq(DEFAULT_SECTION) {
            out.extend_from_slice(&[b"[", name.as_bytes(), b"]\n"].concat());
        } else if lines.is_empty() {
            continue;
        }
        write_lines(&mut out, &lines);
        if index < last {
            out.push(b'\n');
        }
    }
    Ok(out)
}

/// Collects the comment of a section and its keys. The first member of a section may be the section's comment; any other comment belongs to the key
/// before it, which keeps the last one.
fn lines<'m>(section: &str, map: &'m Map) -> Result<(&'m [u8], Vec<Line<'m>>)> {
    let mut lines: Vec<Line<'m>> = Vec::new();
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut first: &[u8] = b"";
    let mut last: Option<usize> = None;
    for (index, member) in map.members.iter().enumerate() {
        match (member, last) {
            (Member::Comment(comment), Some(last)) => {
                if let Some(line) = lines.get_mut(last) {
                    // EXPOSE: the comment is written.
                    line.comment = comment.text.expose();
                }
            }
            (Member::Comment(comment), None) => {
                if index == 0 {
                    // EXPOSE: the comment is written.
                    first = comment.text.expose();
                }
            }
            (Member::Pair(pair), _) => {
                let refused = |what: &str| {
                    let path = format!("[\"{section}\"][\"{}\"]", pair.key);
                    Err(Error::new(ErrorKind::Unencryptable, format!("write as INI {what}")).on(path))
                };
                let Node::Leaf(leaf) = &pair.value else { return refused("a mapping or a list inside of a section") };
                if pair.key.is_empty() {
                    return refused("a key without a name");
                }
                let value = flat_text(&leaf.value);
                let at = *names.entry(&pair.key).or_insert(lines.len());
                last = Some(at);
                match lines.get_mut(at) {
                    Some(line) => line.value = value,
                    None => lines.push(Line { name: &pair.key, value, comment: b"" }),
                }
            }
        }
    }
    Ok((first, lines))
}

fn write_lines(out: &mut Vec<u8>, lines: &[Line<'_>]) {
    let names: Vec<Vec<u8>> = lines.iter().map(|line| quoted_name(line.name)).collect();
    let width = names.iter().map(Vec::len).max().unwrap_or_default();
    for (line, name) in lines.iter().zip(&names) {
        write_comment(out, line.comment, trim);
        out.extend_from_slice(name);
        out.resize(out.len() + width - name.len(), b' ');
        out.extend_from_slice(b" = ");
        out.extend_from_slice(&quoted(&line.value));
        out.push(b'\n');
    }
}

/// Each line gets a marker if it has none. A blank one makes sops die; here it becomes a marker alone.
fn write_comment(out: &mut Vec<u8>, text: &[u8], trimmed: impl Fn(&[u8]) -> &[u8]) {
    if text.is_empty() {
        return;
    }
    for line in text.split(|byte| *byte == b'\n') {
        match line {
            [] => out.push(b';'),
            [marker @ (b'#' | b';'), rest @ ..] => {
                out.extend_from_slice(&[*marker, b' ']);
                out.extend_from_slice(trim(rest));
            }
            line => {
                out.extend_from_slice(b"; ");
                out.extend_from_slice(trimmed(line));
            }
        }
        out.push(b'\n');
    }
}

pub(super) fn quoted_name(name: &str) -> Vec<u8> {
    if name.contains(['"', '=', ':']) {
        format!("`{name}`").into_bytes()
    } else if name.contains('`') {
        format!("\"\"\"{name}\"\"\"").into_bytes()
    } else {
        name.as_bytes().to_vec()
    }
}

fn quoted(value: &[u8]) -> Vec<u8> {
    let has = |bytes: &[u8]| value.iter().any(|byte| bytes.contains(byte));
    let quote: &[u8] = if has(b"\n`") {
        b"\"\"\""
    } else if has(b"#;") {
        b"`"
    } else if trim(value).len() != value.len() {
        b"\""
    } else {
        b""
    };
    [quote, value, quote].concat()
}
