//! Characters as Go sees them: decoding of bytes that need not be UTF-8, classes, simple case mappings.

use unicode_general_category::{GeneralCategory, get_general_category};

/// What an undecodable byte counts as.
pub(crate) const REPLACEMENT: char = '\u{fffd}';

/// Decodes the first character and says how many bytes it takes; an undecodable byte is [`REPLACEMENT`] of one byte.
pub(crate) fn decode(bytes: &[u8]) -> (char, usize) {
    let Some(first) = bytes.first() else { return (REPLACEMENT, 0) };
    if first.is_ascii() {
        return (char::from(*first), 1);
    }
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    valid.chars().next().map_or((REPLACEMENT, 1), |c| (c, c.len_utf8()))
}

/// Decodes the last character, as [`decode`] does the first.
pub(crate) fn decode_last(bytes: &[u8]) -> (char, usize) {
    for size in 1..=bytes.len().min(4) {
        let (c, taken) = decode(&bytes[bytes.len() - size..]);
        if taken == size && (size > 1 || c != REPLACEMENT) {
            return (c, size);
        }
    }
    (REPLACEMENT, bytes.len().min(1))
}

/// Walks over the characters with their position and size.
pub(crate) fn chars(bytes: &[u8]) -> impl Iterator<Item = (usize, char, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (c, size) = decode(&bytes[at..]);
        at += size;
        (size > 0).then(|| (at - size, c, size))
    })
}

/// The number of characters, undecodable bytes counted singly.
pub(crate) fn count(bytes: &[u8]) -> usize {
    chars(bytes).count()
}

pub(crate) fn is_letter(c: char) -> bool {
    use GeneralCategory::{LowercaseLetter, ModifierLetter, OtherLetter, TitlecaseLetter, UppercaseLetter};
    matches!(get_general_category(c), LowercaseLetter | ModifierLetter | OtherLetter | TitlecaseLetter | UppercaseLetter)
}

pub(crate) fn is_digit(c: char) -> bool {
    get_general_category(c) == GeneralCategory::DecimalNumber
}

pub(crate) fn is_number(c: char) -> bool {
    use GeneralCategory::{DecimalNumber, LetterNumber, OtherNumber};
    matches!(get_general_category(c), DecimalNumber | LetterNumber | OtherNumber)
}

pub(crate) fn is_upper(c: char) -> bool {
    get_general_category(c) == GeneralCategory::UppercaseLetter
}

pub(crate) fn is_lower(c: char) -> bool {
    get_general_category(c) == GeneralCategory::LowercaseLetter
}

pub(crate) fn is_title(c: char) -> bool {
    get_general_category(c) == GeneralCategory::TitlecaseLetter
}

pub(crate) fn is_punctuation(c: char) -> bool {
    use GeneralCategory::{
        ClosePunctuation, ConnectorPunctuation, DashPunctuation, FinalPunctuation, InitialPunctuation, OpenPunctuation, OtherPunctuation,
    };
    matches!(
        get_general_category(c),
        ClosePunctuation | ConnectorPunctuation | DashPunctuation | FinalPunctuation | InitialPunctuation | OpenPunctuation | OtherPunctuation
    )
}

/// Letters, marks, numbers, punctuation, symbols and the ASCII space.
pub(crate) fn is_printable(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, SpaceSeparator, Surrogate, Unassigned};
    let category = get_general_category(c);
    let blank = matches!(category, Control | Format | LineSeparator | ParagraphSeparator | SpaceSeparator);
    c == ' ' || !(blank || matches!(category, PrivateUse | Surrogate | Unassigned))
}

/// Maps one character to one: the simple mapping of the Unicode Character Database, not the full one.
pub(crate) fn to_upper(c: char) -> char {
    let mut full = c.to_uppercase();
    match (full.next(), full.next()) {
        (Some(upper), None) => upper,
        _ => upper_with_iota(c),
    }
}

/// The Greek letters with iota subscript have a capital of one character beside the full mapping of two.
fn upper_with_iota(c: char) -> char {
    let code = u32::from(c);
    let capital = match code {
        0x1f80..=0x1faf => code | 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => code + 9,
        _ => code,
    };
    char::from_u32(capital).unwrap_or(c)
}

/// The simple mapping to lower case.
pub(crate) fn to_lower(c: char) -> char {
    let mut full = c.to_lowercase();
    match (full.next(), full.next()) {
        (Some(lower), None) => lower,
        (Some(lower), Some(_)) if c == '\u{130}' => lower,
        _ => c,
    }
}

/// The simple mapping to title case, which differs from upper case for digraphs and Georgian.
pub(crate) fn to_title(c: char) -> char {
    match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10ff}' => c,
        _ => to_upper(c),
    }
}

/// White space, in ASCII and beyond.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undecodable_bytes_are_taken_singly_from_both_ends() {
        let text = b"a\xff\xe2\x82\xc3\xa9\xe2\x82";
        let forward: Vec<_> = chars(text).map(|(_, c, _)| c).collect();
        assert_eq!(forward, ['a', REPLACEMENT, REPLACEMENT, REPLACEMENT, 'é', REPLACEMENT, REPLACEMENT]);
        assert_eq!(decode_last(b"a\xc3\xa9"), ('é', 2));
        assert_eq!(decode_last(b"a\xc3"), (REPLACEMENT, 1));
        assert_eq!(decode_last(b""), (REPLACEMENT, 0));
    }

    #[test]
    fn case_mappings_keep_the_number_of_characters() {
        assert_eq!((to_upper('ß'), to_upper('ᾳ'), to_lower('İ'), to_title('ǆ')), ('ß', 'ᾼ', 'i', 'ǅ'));
    }
}
