//! One text as a YAML scalar, in the style that go-yaml v2 picks for it.
//!
//! *Source*: go.yaml.in/yaml/v2 `encode.go` (`stringv`), `resolve.go` and `emitterc.go` (`analyze_scalar`, `select_scalar_style`, `write_*_scalar`).

/// A line is folded at the first space after this column.
const WIDTH: usize = 80;

/// Words that mean something else than themselves when they stand without quotes.
const WORDS: &[&str] = &[
    "", "~", "null", "Null", "NULL", "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", "n", "N", "no", "No", "NO", "false",
    "False", "FALSE", "off", "Off", "OFF", ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
];

/// Writes a value whose further lines start at a column.
pub(super) fn value(text: &mut String, scalar: &str, column: usize) {
    let look = Look::at(scalar);
    if scalar.contains('\n') && look.block {
        literal(text, scalar, column);
    } else if scalar.contains('\n') || resolves(scalar) {
        quoted(text, scalar, '"', Some(column));
    } else if look.plain {
        folded(text, scalar, Some(column), Letter::Plain);
    } else if look.single {
        quoted(text, scalar, '\'', Some(column));
    } else {
        quoted(text, scalar, '"', Some(column));
    }
}

/// Writes a key, which is never folded.
pub(super) fn key(text: &mut String, scalar: &str) {
    let look = Look::at(scalar);
    if scalar.contains('\n') || resolves(scalar) || !(look.plain || look.single) {
        quoted(text, scalar, '"', None);
    } else if look.plain {
        text.push_str(scalar);
    } else {
        quoted(text, scalar, '\'', None);
    }
}

/// In which styles a text can stand.
struct Look {
    plain: bool,
    single: bool,
    block: bool,
}

impl Look {
    fn at(scalar: &str) -> Self {
        let is_break = |letter: char| matches!(letter, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let is_blank = |letter: Option<&char>| letter.is_none_or(|&letter| letter == ' ' || letter == '\t');
        let letters: Vec<char> = scalar.chars().collect();
        let mut indicators = scalar.starts_with("---") || scalar.starts_with("...");
        let (mut special, mut breaks, mut space_break, mut break_space) = (false, false, false, false);
        for (index, &letter) in letters.iter().enumerate() {
            let previous = index.checked_sub(1).map(|index| letters[index]);
            let blank_after = is_blank(letters.get(index + 1));
            indicators |= match letter {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' if index == 0 => true,
                '?' | '-' if index == 0 => blank_after,
                ':' => blank_after,
                '#' => previous.is_some_and(|previous| is_blank(Some(&previous)) || is_break(previous)),
                _ => false,
            };
            // What is a line break to YAML but not "\n" is escaped, for it would come back as something else.
            special |= !is_printable(letter) || (is_break(letter) && letter != '\n');
            breaks |= is_break(letter);
            space_break |= is_break(letter) && previous == Some(' ');
            break_space |= letter == ' ' && previous.is_some_and(is_break);
        }
        let edge_space = scalar.starts_with(' ') || scalar.ends_with(' ');
        let safe = !space_break && !special;
        Self {
            plain: safe && !indicators && !breaks && !edge_space,
            single: safe && !break_space,
            block: safe && !scalar.ends_with(' ') && !scalar.is_empty(),
        }
    }
}

fn is_printable(letter: char) -> bool {
    // Letters beyond the basic plane are escaped, as upstream's table of printable bytes ends there.
    matches!(letter, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// True if a text without quotes would be read as something else than a string, or as a sexagesimal number by older readers.
fn resolves(scalar: &str) -> bool {
    if WORDS.contains(&scalar) {
        return true;
    }
    match scalar.chars().next() {
        Some('.') => scalar.parse::<f64>().is_ok(),
        Some('+' | '-' | '0'..='9') => is_sexagesimal(scalar) || is_moment(scalar) || is_number(&scalar.replace('_', "")),
        _ => false,
    }
}

fn is_number(plain: &str) -> bool {
    let digits = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let radix = |prefix: [&str; 2], base| {
        prefix
            .iter()
            .any(|prefix| digits.strip_prefix(prefix).is_some_and(|rest| !rest.starts_with(['+', '-']) && u64::from_str_radix(rest, base).is_ok()))
    };
    let (mantissa, exponent) = digits.split_once(['e', 'E']).map_or((digits, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let is_exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && exponent.bytes().all(|byte| byte.is_ascii_digit())
    });
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let all = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_decimal = is_exponent && all(whole) && all(part) && !(whole.is_empty() && part.is_empty());
    radix(["0x", "0X"], 16) || radix(["0o", "0O"], 8) || radix(["0b", "0B"], 2) || is_decimal
}

/// `12:30:59.9`, which YAML 1.1 read as a number of base 60.
fn is_sexagesimal(scalar: &str) -> bool {
    let mut parts = scalar.strip_prefix(['+', '-']).unwrap_or(scalar).split(':');
    let first = parts
        .next()
        .is_some_and(|part| part.starts_with(|first: char| first.is_ascii_digit()) && part.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit()));
    let rest: Vec<&str> = parts.collect();
    let is_part = |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    let Some((last, middle)) = rest.split_last() else { return false };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    first && middle.iter().all(|part| is_part(part)) && is_part(last) && fraction.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit())
}

/// A date, or a date and a time.
fn is_moment(scalar: &str) -> bool {
    let number = |text: &str, longest: usize| if text.is_empty() || text.len() > longest { None } else { text.parse::<u8>().ok() };
    let (Some(year), Some(rest)) = (scalar.get(..4), scalar.get(4..).and_then(|rest| rest.strip_prefix('-'))) else { return false };
    let Some((month, rest)) = rest.split_once('-') else { return false };
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let date = year.bytes().all(|byte| byte.is_ascii_digit())
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(&rest[..end], 2).is_some_and(|day| (1..=31).contains(&day));
    date && (end == rest.len() || is_time(&rest[end..]))
}

fn is_time(rest: &str) -> bool {
    let Some(time) = rest.strip_prefix(['T', 't', ' ']) else { return false };
    let zoned = !rest.starts_with(' ');
    let end = time.find(|letter: char| !(letter.is_ascii_digit() || letter == ':' || letter == '.')).unwrap_or(time.len());
    let (clock, zone) = time.split_at(end);
    let is_zone = match zone.as_bytes() {
        [] => !zoned,
        b"Z" => zoned,
        [b'+' | b'-', hours @ .., b':', _, _] => zoned && hours.len() == 2,
        _ => false,
    };
    is_zone && clock.split(':').count() == 3
}

enum Letter {
    Plain(char),
    Escaped(String),
}

/// Writes a text in quotes of one kind.
fn quoted(text: &mut String, scalar: &str, mark: char, column: Option<usize>) {
    text.push(mark);
    folded(text, scalar, column, |letter| match letter {
        '\'' if mark == '\'' => Letter::Escaped("''".to_owned()),
        _ if mark == '"' && (!is_printable(letter) || matches!(letter, '"' | '\\' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')) => {
            Letter::Escaped(escape(letter))
        }
        _ => Letter::Plain(letter),
    });
    text.push(mark);
}

/// Writes letters and, past the width, replaces a space by a line break.
fn folded(text: &mut String, scalar: &str, column: Option<usize>, look: impl Fn(char) -> Letter) {
    let start = text.rfind('\n').map_or(0, |at| at + 1);
    let mut position = text[start..].chars().count();
    let double = text.ends_with('"');
    let quoted = double || text.ends_with('\'');
    let letters: Vec<char> = scalar.chars().collect();
    let mut after_space = false;
    for (index, &letter) in letters.iter().enumerate() {
        let next_is_space = letters.get(index + 1) == Some(&' ');
        let inside = !quoted || (index > 0 && index + 1 < letters.len());
        match column {
            Some(column) if letter == ' ' && !after_space && position > WIDTH && inside && (double || !next_is_space) => {
                text.push('\n');
                text.extend(std::iter::repeat_n(' ', column));
                position = column;
                if next_is_space {
                    text.push('\\');
                    position += 1;
                }
            }
            _ => match look(letter) {
                Letter::Plain(letter) => {
                    text.push(letter);
                    position += 1;
                }
                Letter::Escaped(escaped) => {
                    position += escaped.len();
                    text.push_str(&escaped);
                }
            },
        }
        after_space = letter == ' ';
    }
}

fn escape(letter: char) -> String {
    let short = match letter {
        '\0' => '0',
        '\x07' => 'a',
        '\x08' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\x0b' => 'v',
        '\x0c' => 'f',
        '\r' => 'r',
        '\x1b' => 'e',
        '"' | '\\' => letter,
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            return match u32::from(letter) {
                code @ ..=0xff => format!("\\x{code:02X}"),
                code @ ..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

/// Writes a block of lines after `|`.
fn literal(text: &mut String, scalar: &str, column: usize) {
    text.push('|');
    if scalar.starts_with([' ', '\n']) {
        text.push('2');
    }
    if !scalar.ends_with('\n') {
        text.push('-');
    } else if scalar.ends_with("\n\n") || scalar == "\n" {
        text.push('+');
    }
    let body = scalar.strip_suffix('\n').unwrap_or(scalar);
    for line in body.split('\n') {
        text.push('\n');
        if !line.is_empty() {
            text.extend(std::iter::repeat_n(' ', column));
            text.push_str(line);
        }
    }
}
