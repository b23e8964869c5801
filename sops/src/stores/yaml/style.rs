//! How a text is written: plain, quoted, or as a literal block.

use super::cursor::{break_width, is_blank};
use super::resolve::{is_base_60, is_old_bool, resolve};

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Double,
    Literal,
    Plain,
    Single,
}

/// What a text allows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowed {
    pub(super) plain: bool,
    pub(super) plain_in_flow: bool,
    pub(super) single: bool,
    pub(super) literal: bool,
    pub(super) lines: bool,
}

/// Chooses the style that go-yaml takes for a text of its own.
pub(super) fn style_of(text: &str, allowed: Allowed) -> Style {
    if text.contains('\n') {
        return if allowed.literal { Style::Literal } else { Style::Double };
    }
    if resolve(text, true).is_some() || is_old_bool(text) || is_base_60(text) {
        return Style::Double;
    }
    match allowed {
        Allowed { plain: true, .. } => Style::Plain,
        Allowed { single: true, .. } => Style::Single,
        _ => Style::Double,
    }
}

/// True for what may stand in a file as it is.
pub(super) fn is_printable(character: char) -> bool {
    !matches!(character, '\0'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{10000}'..)
}

/// Bytes that mean nothing anywhere, which are nearly all of a ciphertext.
const ORDINARY: [bool; 256] = {
    let mut ordinary = [false; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        ordinary[byte as usize] =
            !matches!(byte as u8, b'!'..=b'#' | b'%'..=b'\'' | b'*' | b',' | b'-' | b':' | b'>'..=b'@' | b'[' | b']' | b'`' | b'{'..=b'}');
        byte += 1;
    }
    ordinary
};

/// Looks at every character once.
pub(super) fn analyze(text: &str) -> Allowed {
    if text.is_empty() {
        return Allowed { plain: true, single: true, ..Allowed::default() };
    }
    let bytes = text.as_bytes();
    let mut found = Found { indicator: bytes.starts_with(b"---") || bytes.starts_with(b"..."), ..Found::default() };
    let mut after_space = true;
    let mut previous = Previous::Other;
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        if ORDINARY[usize::from(byte)] {
            (previous, after_space) = (Previous::Other, false);
            at += bytes[at..].iter().position(|byte| !ORDINARY[usize::from(*byte)]).unwrap_or(bytes.len() - at);
            continue;
        }
        let (width, printable) = if byte.is_ascii() {
            (1, byte == b'\t' || is_printable(char::from(byte)))
        } else {
            text[at..].chars().next().map_or((1, false), |character| (character.len_utf8(), is_printable(character)))
        };
        let end = at + width;
        let before_space = bytes.get(end).is_none_or(|next| is_blank(*next));
        found.indicators(byte, at == 0, after_space, before_space);
        found.special |= !printable;
        found.tab |= byte == b'\t';
        found.leading_tab |= byte == b'\t' && at == 0;
        let is_break = matches!(byte, b'\n' | b'\r' | 0xc2 | 0xe2) && break_width(&bytes[at..]) > 0;
        if byte == b' ' {
            found.edge |= at == 0;
            found.edge |= end == bytes.len();
            found.trailing_space |= end == bytes.len();
            found.space_after_break |= previous == Previous::Break;
            previous = Previous::Space;
        } else if is_break {
            found.lines = true;
            found.edge |= at == 0 || end == bytes.len();
            found.break_after_space |= previous == Previous::Space;
            previous = Previous::Break;
        } else {
            previous = Previous::Other;
        }
        after_space = is_blank(byte) || is_break || byte == 0;
        at = end;
    }
    found.allowed()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Previous {
    Break,
    Other,
    Space,
}

#[derive(Default)]
struct Found {
    /// An indicator that ends or begins something everywhere.
    indicator: bool,
    /// One that does so in brackets.
    flow_indicator: bool,
    special: bool,
    tab: bool,
    leading_tab: bool,
    lines: bool,
    /// A space or a line break at one of the ends.
    edge: bool,
    trailing_space: bool,
    space_after_break: bool,
    break_after_space: bool,
}

impl Found {
    fn indicators(&mut self, byte: u8, first: bool, after_space: bool, before_space: bool) {
        match byte {
            b'#' if first || after_space => self.indicator = true,
            b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@' | b'`' if first => self.indicator = true,
            b',' | b'[' | b']' | b'{' | b'}' if first => self.indicator = true,
            b',' | b'?' | b'[' | b']' | b'{' | b'}' | b':' => {
                self.flow_indicator = true;
                self.indicator |= before_space && (byte == b':' || byte == b'?' && first);
            }
            b'-' if first && before_space => self.indicator = true,
            _ => {}
        }
    }

    fn allowed(&self) -> Allowed {
        let quoted_only = self.break_after_space || self.tab || self.special;
        let plain = !(self.edge || self.space_after_break || quoted_only || self.lines || self.indicator);
        Allowed {
            plain,
            plain_in_flow: plain && !self.flow_indicator,
            single: !(self.space_after_break || quoted_only),
            // go-yaml cannot read a block that begins with a tab, and loses the value.
            literal: !(self.trailing_space || self.break_after_space || self.special || self.leading_tab),
            lines: self.lines,
        }
    }
}
