//! What goes with a member that is taken out.

use keys::SecretBytes;

use super::place::{line_end, line_start, next_line, skip_space_and_comments};
use crate::document::Span;
use crate::store::Edit;
use crate::stores::yaml::cursor::is_blank;

/// Cuts a comment out that is of no use to anybody: with its line, if nothing else stands there.
pub(super) fn cut_comment(source: &[u8], span: Span) -> Edit {
    let std::ops::Range { start, end } = span.range();
    let line = line_start(source, start);
    let text = SecretBytes::new(Vec::new());
    match source[line..start].iter().rposition(|byte| !is_blank(*byte)) {
        Some(last) => Edit { start: line + last + 1, end, text },
        None => Edit { start: line, end: next_line(source, end), text },
    }
}

/// The end of the comments below a member that are indented deeper than it, and so go with it.
pub(super) fn past_inner_comments(source: &[u8], from: usize, column: usize) -> usize {
    let (mut at, mut end) = (from, from);
    while at < source.len() {
        let line = &source[at..line_end(source, at)];
        at = next_line(source, at);
        let spaces = line.iter().take_while(|byte| **byte == b' ').count();
        match line.get(spaces) {
            None => {}
            Some(b'#') if spaces > column => end = at,
            Some(_) => break,
        }
    }
    end
}

pub(super) fn past_empty_lines(source: &[u8], mut at: usize) -> usize {
    while at < source.len() && source[at..line_end(source, at)].trim_ascii().is_empty() {
        at = next_line(source, at);
    }
    at
}

/// True if what stands above may end with a block scalar to which empty lines below it belong.
pub(super) fn is_below_keeping_block(source: &[u8], mut line: usize, column: usize) -> bool {
    // Everything between is deeper than the line of the header.
    let mut least = usize::MAX;
    while line > 0 {
        let above = line_start(source, line - 1);
        let text = source[above..line].trim_ascii_end();
        let code = text.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii_end();
        let header = code.rsplit(|byte| is_blank(*byte)).next().unwrap_or_default();
        let spaces = text.iter().take_while(|byte| **byte == b' ').count();
        if spaces < least && header.contains(&b'+') && (header.starts_with(b"|") || header.starts_with(b">")) {
            return true;
        }
        if !text.is_empty() {
            if spaces <= column {
                return false;
            }
            least = least.min(spaces);
        }
        line = above;
    }
    false
}

pub(super) fn remove_from_flow(source: &[u8], start: usize, end: usize) -> Edit {
    let text = SecretBytes::new(Vec::new());
    let after = skip_space_and_comments(source, end);
    if source.get(after) == Some(&b',') {
        let blanks = source[after + 1..].iter().take_while(|byte| is_blank(**byte)).count();
        // Comments between a member and its comma stay only if there are none.
        return Edit { start, end: after + 1 + blanks, text };
    }
    let before = source[..start].trim_ascii_end();
    let start = if before.ends_with(b",") { before.len() - 1 } else { start };
    Edit { start, end, text }
}
