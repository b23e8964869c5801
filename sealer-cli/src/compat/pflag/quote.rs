//! Texts and letters in quotes, as Go's `%q` writes them.

/// Quotes a text.
///
/// *Source*: Go `strconv.Quote`; what is printable is judged by a shorter list than Go's tables, exact for ASCII.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        escape(&mut quoted, letter, '"');
    }
    quoted.push('"');
    quoted
}

/// Quotes one letter.
pub(super) fn quote_char(letter: char) -> String {
    let mut quoted = String::from("'");
    escape(&mut quoted, letter, '\'');
    quoted.push('\'');
    quoted
}

fn escape(quoted: &mut String, letter: char, mark: char) {
    match letter {
        '\\' => quoted.push_str("\\\\"),
        '\x07' => quoted.push_str("\\a"),
        '\x08' => quoted.push_str("\\b"),
        '\x0c' => quoted.push_str("\\f"),
        '\n' => quoted.push_str("\\n"),
        '\r' => quoted.push_str("\\r"),
        '\t' => quoted.push_str("\\t"),
        '\x0b' => quoted.push_str("\\v"),
        _ if letter == mark => {
            quoted.push('\\');
            quoted.push(letter);
        }
        ' '..='~' => quoted.push(letter),
        '\0'..='\x7f' => quoted.push_str(&format!("\\x{:02x}", u32::from(letter))),
        _ if letter.is_control()
            || letter.is_whitespace()
            || matches!(letter, '\u{ad}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}') =>
        {
            quoted.push_str(&format!("\\u{:04x}", u32::from(letter)));
        }
        _ => quoted.push(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_those_of_go() {
        assert_eq!(quote("a\"b\n\x01\u{7f}é\u{2028}"), "\"a\\\"b\\n\\x01\\x7fé\\u2028\"");
        assert_eq!(quote_char('\''), "'\\''");
        assert_eq!(quote_char('"'), "'\"'");
    }
}
