//! PEM as Go reads and writes it: junk around blocks does not count, and headers stay.

use crate::functions::encoding::Base;

/// Most blocks in one text.
const MOST: usize = 1000;

/// One block.
pub(super) struct Block {
    pub(super) tag: String,
    headers: Vec<String>,
    pub(super) der: Vec<u8>,
}

/// All blocks of a text, and whether text is left behind the last one.
pub(super) fn blocks(text: &[u8]) -> (Vec<Block>, bool) {
    let mut found = Vec::new();
    let mut rest = text;
    while found.len() < MOST {
        let Some((block, behind)) = next(rest) else { break };
        found.push(block);
        rest = behind;
    }
    (found, !rest.is_empty())
}

/// The next block that is whole.
pub(super) fn next(text: &[u8]) -> Option<(Block, &[u8])> {
    let mut rest = text;
    loop {
        let start = memchr::memmem::find(rest, b"-----BEGIN ")?;
        let at_line_start = start == 0 || rest.get(start - 1) == Some(&b'\n') || rest.len() == text.len();
        let behind = rest.get(start + 11..)?;
        match read(behind).filter(|_| at_line_start) {
            Some(read) => return Some(read),
            None => rest = behind,
        }
    }
}

/// A block whose tag begins here.
fn read(text: &[u8]) -> Option<(Block, &[u8])> {
    let (line, body) = line(text);
    let tag = std::str::from_utf8(line.strip_suffix(b"-----")?).ok()?;
    let ending = format!("-----END {tag}-----");
    let end = memchr::memmem::find(body, ending.as_bytes())?;
    let (mut body, behind) = body.split_at_checked(end)?;
    let (left, behind) = self::line(behind.get(ending.len()..)?);
    if !left.is_empty() {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let (line, rest) = self::line(body);
        if !line.contains(&b':') {
            break;
        }
        headers.push(String::from_utf8_lossy(line).into_owned());
        body = rest;
    }
    let body: Vec<u8> = body.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t')).collect();
    Some((Block { tag: tag.to_owned(), headers, der: Base::Base64.decode(&body).ok()? }, behind))
}

/// The first line without blanks at its end, and the others.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', text);
    let (line, rest) = text.split_at_checked(end.unwrap_or(text.len())).unwrap_or((text, b""));
    (line.trim_ascii_end(), rest.get(1..).unwrap_or_default())
}

impl Block {
    /// Writes the block anew.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let plain = encode(&self.tag, &self.der);
        let (first, rest) = line(&plain);
        out.extend_from_slice(first);
        out.push(b'\n');
        for header in &self.headers {
            out.extend_from_slice(header.as_bytes());
            out.push(b'\n');
        }
        if !self.headers.is_empty() {
            out.push(b'\n');
        }
        out.extend_from_slice(rest);
    }
}

/// Writes a block.
pub(super) fn encode(tag: &str, der: &[u8]) -> Vec<u8> {
    let mut out = format!("-----BEGIN {tag}-----\n").into_bytes();
    for chunk in Base::Base64.encode(der).chunks(64) {
        out.extend_from_slice(chunk);
        out.push(b'\n');
    }
    out.extend_from_slice(format!("-----END {tag}-----\n").as_bytes());
    out
}
