//! Upper and lower case, and the styles of compound names.

use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::limits::Buffer;
use crate::unicode::{
    REPLACEMENT, chars, is_digit, is_letter, is_lower, is_number, is_punctuation, is_space, is_title, is_upper, to_lower, to_title, to_upper,
};

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("camelcase", &[Kind::Text], pascal_case),
    Function::fixed("kebabcase", &[Kind::Text], |scope, arguments| separated(scope, arguments, '-')),
    Function::fixed("lower", &[Kind::Text], |scope, arguments| mapped(scope, arguments, |c, _| to_lower(c))),
    Function::fixed("snakecase", &[Kind::Text], |scope, arguments| separated(scope, arguments, '_')),
    Function::fixed("swapcase", &[Kind::Text], swap_case),
    Function::fixed("title", &[Kind::Text], |scope, arguments| {
        mapped(scope, arguments, |c, before| if is_separator(before) { to_title(c) } else { c })
    }),
    Function::fixed("untitle", &[Kind::Text], |scope, arguments| {
        mapped(scope, arguments, |c, before| if is_space(before) && !is_space(c) { to_lower(c) } else { c })
    }),
    Function::fixed("upper", &[Kind::Text], |scope, arguments| mapped(scope, arguments, |c, _| to_upper(c))),
];

/// Maps each character, given the one before; a space stands before the first. Undecodable bytes are replaced.
fn mapped(scope: &Scope<'_>, arguments: &Arguments, map: fn(char, char) -> char) -> Called {
    let mut out = scope.buffer();
    let mut before = ' ';
    for (_, c, _) in chars(arguments.text(0)?) {
        out.push_char(map(c, before))?;
        before = c;
    }
    Ok(scope.finish(out))
}

fn is_separator(c: char) -> bool {
    if c.is_ascii() { !c.is_ascii_alphanumeric() && c != '_' } else { !is_letter(c) && !is_digit(c) && is_space(c) }
}

fn swap_case(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let mut out = scope.buffer();
    let mut after_space = true;
    for (_, c, _) in chars(arguments.text(0)?) {
        if is_upper(c) || is_title(c) {
            out.push_char(to_lower(c))?;
            after_space = false;
        } else if is_lower(c) {
            out.push_char(if after_space { to_title(c) } else { to_upper(c) })?;
            after_space = false;
        } else {
            out.push_char(c)?;
            after_space = is_space(c);
        }
    }
    Ok(scope.finish(out))
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

/// Capitals at the start of each word, and no connectors between.
fn pascal_case(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let text = arguments.text(0)?;
    let mut out = scope.buffer();
    let mut all = chars(text).map(|(_, c, _)| c);
    let mut held = None;
    let mut lowers = false;
    let mut last_connector = None;
    for c in all.by_ref() {
        if !is_connector(c) {
            lowers = is_upper(c);
            held = Some(to_upper(c));
            break;
        }
        out.push_char(c)?;
        last_connector = Some(c);
    }
    let Some(mut held) = held else {
        // Nothing but connectors: the last one counts twice, as in the reference.
        if let Some(c) = last_connector {
            out.push_char(c)?;
        }
        return Ok(scope.finish(out));
    };
    for c in all {
        let before = std::mem::replace(&mut held, c);
        if is_connector(c) && is_connector(before) {
            out.push_char(before)?;
            continue;
        }
        if is_connector(before) {
            lowers = is_upper(c);
            held = to_upper(c);
            continue;
        }
        if lowers {
            if is_upper(c) {
                held = to_lower(c);
            } else {
                lowers = false;
            }
        }
        out.push_char(before)?;
    }
    out.push_char(held)?;
    Ok(scope.finish(out))
}

#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Invalid,
    Number,
    Upper,
    Letters,
    Connector,
    Punctuation,
    Other,
}

impl Sort {
    /// Nothing is put before these.
    fn stands_alone(self) -> bool {
        matches!(self, Self::Connector | Self::Punctuation)
    }

    fn joins_numbers(self) -> bool {
        matches!(self, Self::Letters | Self::Number)
    }
}

/// Lower case with a connector between words.
fn separated(scope: &Scope<'_>, arguments: &Arguments, connector: char) -> Called {
    let text = arguments.text(0)?;
    let mut out = scope.buffer();
    if text.is_empty() {
        return Ok(scope.finish(out));
    }
    let mut words = Words { out: &mut out, connector, rest: text };
    let (mut sort, mut word) = words.next();
    while !words.rest.is_empty() {
        scope.meter.step(1)?;
        if sort != Sort::Connector {
            words.write(sort, word)?;
        }
        let (before, last) = (sort, word);
        (sort, word) = words.next();
        match before {
            Sort::Number => {
                while sort.joins_numbers() {
                    words.write(sort, word)?;
                    (sort, word) = words.next();
                }
                if sort != Sort::Invalid && !sort.stands_alone() {
                    words.out.push_char(connector)?;
                }
            }
            Sort::Connector => words.write(before, last)?,
            Sort::Punctuation => {}
            _ if sort != Sort::Number => {
                if !sort.stands_alone() {
                    words.out.push_char(connector)?;
                }
            }
            _ if words.rest.is_empty() => {}
            _ => (sort, word) = words.after_number(word)?,
        }
    }
    words.write(sort, word)?;
    Ok(scope.finish(out))
}

struct Words<'o, 'm, 't> {
    out: &'o mut Buffer<'m>,
    connector: char,
    rest: &'t [u8],
}

impl<'t> Words<'_, '_, 't> {
    /// A number behind a word: it belongs to the letters that follow, if any.
    fn after_number(&mut self, number: &[u8]) -> Called<(Sort, &'t [u8])> {
        let (mut sort, mut word) = self.next();
        if sort != Sort::Letters {
            self.write(Sort::Number, number)?;
            if !sort.stands_alone() {
                self.out.push_char(self.connector)?;
            }
            return Ok((sort, word));
        }
        self.out.push_char(self.connector)?;
        self.write(Sort::Number, number)?;
        while sort.joins_numbers() {
            self.write(sort, word)?;
            (sort, word) = self.next();
        }
        if sort != Sort::Invalid && !sort.stands_alone() {
            self.out.push_char(self.connector)?;
        }
        Ok((sort, word))
    }

    fn write(&mut self, sort: Sort, word: &[u8]) -> Called<()> {
        if !matches!(sort, Sort::Upper | Sort::Connector) {
            return self.out.push(word);
        }
        for (_, c, _) in chars(word) {
            self.out.push_char(if is_connector(c) { self.connector } else { to_lower_if_upper(c) })?;
        }
        Ok(())
    }

    /// Cuts off the next word.
    fn next(&mut self) -> (Sort, &'t [u8]) {
        let (sort, length) = word(self.rest);
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        (sort, word)
    }
}

fn to_lower_if_upper(c: char) -> char {
    if is_upper(c) { to_lower(c) } else { c }
}

/// The next decodable character and how far it reaches; the one before when there is none.
fn next_valid(text: &[u8], before: char) -> (char, usize) {
    let valid = chars(text).find(|(_, c, _)| *c != REPLACEMENT);
    valid.map_or((before, text.len()), |(at, c, size)| (c, at + size))
}

/// Letters, but for the scripts that need no spaces between words.
fn is_alphabet(c: char) -> bool {
    let ideograph = matches!(c, '\u{4e00}'..='\u{9fcc}' | '\u{3400}'..='\u{4d85}' | '\u{20000}'..='\u{2b81d}');
    is_letter(c) && !ideograph
}

fn word(text: &[u8]) -> (Sort, usize) {
    if text.is_empty() {
        return (Sort::Invalid, 0);
    }
    let (c, size) = next_valid(text, REPLACEMENT);
    if c == REPLACEMENT {
        return (Sort::Invalid, size);
    }
    let run = |from: usize, c: char, belongs: fn(char) -> bool| {
        let (mut at, mut c) = (from, c);
        while at < text.len() {
            let (next, size) = next_valid(&text[at..], c);
            c = next;
            if !belongs(c) {
                break;
            }
            at += size;
        }
        at
    };
    let lower = |c: char| is_alphabet(c) && !is_upper(c);
    if is_connector(c) {
        (Sort::Connector, run(size, c, is_connector))
    } else if is_punctuation(c) {
        (Sort::Punctuation, run(size, c, is_punctuation))
    } else if is_upper(c) {
        (Sort::Upper, upper_word(text, c, size))
    } else if is_alphabet(c) {
        (Sort::Letters, run(size, c, lower))
    } else if is_number(c) {
        (Sort::Number, run(size, c, is_number))
    } else {
        let other = |c: char| !(is_connector(c) || is_alphabet(c) || is_number(c) || is_punctuation(c));
        (Sort::Other, run(size, c, other))
    }
}

/// Several capitals, of which the last belongs to the letters behind; or one capital with the letters behind.
fn upper_word(text: &[u8], first: char, size: usize) -> usize {
    let mut at = size;
    if at >= text.len() {
        return at;
    }
    let (mut c, mut step) = next_valid(&text[at..], first);
    if is_upper(c) {
        let mut last = step;
        at += step;
        while at < text.len() {
            (c, step) = next_valid(&text[at..], c);
            if !is_upper(c) {
                break;
            }
            last = step;
            at += step;
        }
        return if at < text.len() && is_alphabet(c) { at - last } else { at };
    }
    while at < text.len() && is_alphabet(c) && !is_upper(c) {
        at += step;
        (c, step) = if at < text.len() { next_valid(&text[at..], c) } else { (c, 0) };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Limits, Meter};
    use crate::value::Value;

    fn check(name: &str, text: &str, expected: &str) {
        let meter = Meter::new(Limits::default());
        let scope = Scope::new(&meter, None, false);
        let function = TABLE.iter().find(|function| function.name == name).unwrap();
        let called = (function.call)(&scope, &Arguments::new(vec![Value::text(text)])).unwrap();
        let Value::Text(found) = called else { panic!("{name}") };

        assert_eq!(&*found, expected.as_bytes(), "{name} {text}");
    }

    #[test]
    fn names_change_their_style() {
        check("snakecase", "HTTPServer", "http_server");
        check("snakecase", "FirstName", "first_name");
        check("kebabcase", "Http2xx", "http-2xx");
        check("camelcase", "some_words here", "SomeWordsHere");
        check("title", "hello w-x", "Hello W-X");
        check("swapcase", "aB c", "Ab C");
    }
}
