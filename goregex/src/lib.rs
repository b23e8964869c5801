//! Regular expressions in Go's syntax, translated into that of the crate `regex`, which matches in linear time as Go does.
//!
//! It knows nothing of secrets, files and templates: a pattern comes in, a matcher goes out.
//!
//! *Source*: the documentation of Go's `regexp/syntax`; the behaviour is that of Go 1.26.

mod replace;

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

/// Bytes that a compiled expression may take.
const SIZE_LIMIT: usize = 4 << 20;

/// Go's bound of a counted repetition.
const MAX_REPEAT: usize = 1000;

/// A compiled expression, with the names of its groups.
#[derive(Debug)]
pub struct Pattern {
    /// What matches; over text that is UTF-8.
    pub regex: Regex,
    names: Vec<Vec<u8>>,
}

/// Why a pattern does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadPattern {
    /// Go refuses it too.
    Malformed,
    /// It is larger than the limit allows.
    TooLarge,
}

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed regular expression",
            Self::TooLarge => "a regular expression is larger than the limit allows",
        })
    }
}

impl std::error::Error for BadPattern {}

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Malformed, as Go sees it; too large.
    pub fn new(text: &[u8]) -> Result<Self, BadPattern> {
        let text = std::str::from_utf8(text).map_err(|_| BadPattern::Malformed)?.as_bytes();
        let mut translator = Translator { text, at: 0, out: String::new(), names: vec![Vec::new()], open: 0 };
        translator.run().ok_or(BadPattern::Malformed)?;
        let mut builder = RegexBuilder::new(&translator.out);
        builder.size_limit(SIZE_LIMIT).dfa_size_limit(SIZE_LIMIT).nest_limit(200);
        match builder.build() {
            Ok(regex) => Ok(Self { regex, names: translator.names }),
            Err(regex::Error::CompiledTooBig(_)) => Err(BadPattern::TooLarge),
            Err(_) => Err(BadPattern::Malformed),
        }
    }

    /// True if it matches anywhere in the text.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// The numbers of the groups of a name.
    pub fn groups_named<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        self.names.iter().enumerate().filter(move |(_, known)| *known == name).map(|(index, _)| index)
    }
}

struct Translator<'t> {
    text: &'t [u8],
    at: usize,
    out: String,
    names: Vec<Vec<u8>>,
    open: usize,
}

/// One character of an expression, or a class that an escape stands for.
enum Escaped {
    Char(char),
    Class(String),
}

impl<'t> Translator<'t> {
    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<char> {
        // Only whole characters were taken so far, so what is left is UTF-8 as the pattern is.
        let c = self.rest().get(..4).unwrap_or(self.rest()).utf8_chunks().next()?.valid().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, text: &[u8]) -> bool {
        let accepted = self.rest().starts_with(text);
        self.at += if accepted { text.len() } else { 0 };
        accepted
    }

    fn literal(&mut self, c: char) {
        self.out.push_str(&escaped(c));
    }

    /// `None` when the expression is malformed.
    fn run(&mut self) -> Option<()> {
        // Whether there is something to repeat, and whether it is a repetition itself.
        let (mut operand, mut repeated) = (false, false);
        while !self.rest().is_empty() {
            let c = self.next()?;
            let was_operand = std::mem::replace(&mut operand, true);
            let was_repeated = std::mem::replace(&mut repeated, false);
            match c {
                '(' => operand = self.group()?,
                ')' => {
                    self.open = self.open.checked_sub(1)?;
                    self.out.push(')');
                }
                '|' => {
                    self.out.push('|');
                    operand = false;
                }
                '^' | '$' | '.' => self.out.push(c),
                '[' => self.class()?,
                '*' | '+' | '?' => {
                    if !was_operand || was_repeated {
                        return None;
                    }
                    self.out.push(c);
                    self.lazy();
                    repeated = true;
                }
                '{' => match self.count()? {
                    Some(count) if was_operand && !was_repeated => {
                        self.out.push_str(&count);
                        self.lazy();
                        repeated = true;
                    }
                    Some(_) => return None,
                    None => self.literal('{'),
                },
                '\\' => operand = self.escape_outside()? || was_operand,
                c => self.literal(c),
            }
        }
        (self.open == 0).then_some(())
    }

    fn lazy(&mut self) {
        if self.accept(b"?") {
            self.out.push('?');
        }
    }

    /// A group, or flags. Says whether there is something to repeat behind it.
    fn group(&mut self) -> Option<bool> {
        self.open += 1;
        if !self.accept(b"?") {
            self.names.push(Vec::new());
            self.out.push('(');
            return Some(false);
        }
        if self.accept(b"P<") || self.accept(b"<") {
            let end = self.rest().iter().position(|byte| *byte == b'>')?;
            let name = self.rest()[..end].to_vec();
            let word = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
            if name.is_empty() || !word || self.names.contains(&name) {
                return None;
            }
            self.names.push(name);
            self.at += end + 1;
            self.out.push('(');
            return Some(false);
        }
        self.flags()?;
        Some(false)
    }

    fn flags(&mut self) -> Option<()> {
        let start = self.at;
        let (mut negated, mut any) = (false, false);
        loop {
            match self.next()? {
                'i' | 'm' | 's' | 'U' => any = true,
                '-' if !negated => {
                    negated = true;
                    any = false;
                }
                end @ (':' | ')') => {
                    if negated && !any {
                        return None;
                    }
                    let flags = once(self.text.get(start..self.at - 1)?);
                    match end {
                        ':' => self.out.push_str(&format!("(?{flags}:")),
                        _ => self.open -= 1,
                    }
                    if end == ')' && !flags.is_empty() {
                        self.out.push_str(&format!("(?{flags})"));
                    }
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// `{n}`, `{n,}` or `{n,m}`. The inner `None` stands for a plain brace, the outer one for bad counts.
    fn count(&mut self) -> Option<Option<String>> {
        let start = self.at;
        let Some((min, max)) = self.counts() else {
            self.at = start;
            return Some(None);
        };
        let bound = max.unwrap_or(min);
        if min > MAX_REPEAT || bound > MAX_REPEAT || bound < min {
            return None;
        }
        let max = max.map(|max| max.to_string()).unwrap_or_default();
        Some(Some(format!("{{{min},{max}}}")))
    }

    fn counts(&mut self) -> Option<(usize, Option<usize>)> {
        let min = self.digits()?;
        let max = if self.accept(b",") { if self.rest().starts_with(b"}") { None } else { Some(self.digits()?) } } else { Some(min) };
        self.accept(b"}").then_some((min, max))
    }

    fn digits(&mut self) -> Option<usize> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = &self.rest()[..count];
        if count == 0 || (count > 1 && digits[0] == b'0') {
            return None;
        }
        self.at += count;
        Some(std::str::from_utf8(digits).ok()?.parse().unwrap_or(usize::MAX))
    }

    /// Says whether there is something to repeat behind it.
    fn escape_outside(&mut self) -> Option<bool> {
        if self.accept(b"Q") {
            let rest = self.rest();
            let end = memchr::memmem::find(rest, b"\\E");
            let stop = self.at + end.unwrap_or(rest.len());
            let any = stop > self.at;
            while self.at < stop {
                let c = self.next()?;
                self.literal(c);
            }
            self.at = stop + if end.is_some() { 2 } else { 0 };
            return Some(any);
        }
        for (escape, assertion) in [("A", r"\A"), ("z", r"\z"), ("b", r"(?-u:\b)"), ("B", r"(?-u:\B)")] {
            if self.accept(escape.as_bytes()) {
                self.out.push_str(assertion);
                return Some(true);
            }
        }
        match self.escape()? {
            Escaped::Char(c) => self.literal(c),
            Escaped::Class(class) => self.out.push_str(&class),
        }
        Some(true)
    }

    /// What stands behind a backslash, in and outside of classes.
    fn escape(&mut self) -> Option<Escaped> {
        let c = self.next()?;
        let class = match c {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            's' => r"[\t\n\x0c\r ]",
            'S' => r"[^\t\n\x0c\r ]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            'p' | 'P' => return self.unicode_class(c),
            _ => "",
        };
        if !class.is_empty() {
            return Some(Escaped::Class(class.to_owned()));
        }
        let c = match c {
            'a' => '\x07',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => self.hexadecimal()?,
            '1'..='7' if !self.rest().first().is_some_and(|byte| (b'0'..=b'7').contains(byte)) => return None,
            '0'..='7' => {
                let mut code = u32::from(c) - u32::from('0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.rest().first() else { break };
                    code = code * 8 + u32::from(digit - b'0');
                    self.at += 1;
                }
                char::from_u32(code)?
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            _ => return None,
        };
        Some(Escaped::Char(c))
    }

    fn hexadecimal(&mut self) -> Option<char> {
        let digits = if self.accept(b"{") {
            let end = self.rest().iter().position(|byte| *byte == b'}')?;
            let digits = &self.rest()[..end];
            self.at += end + 1;
            digits
        } else {
            let digits = self.rest().get(..2)?;
            self.at += 2;
            digits
        };
        let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
        char::from_u32(u32::from_str_radix(text, 16).ok()?)
    }

    /// `\pL`, `\p{Greek}`, `\p{^Greek}`.
    fn unicode_class(&mut self, p: char) -> Option<Escaped> {
        let name = if self.accept(b"{") {
            let end = self.rest().iter().position(|byte| *byte == b'}')?;
            let name = std::str::from_utf8(&self.rest()[..end]).ok()?;
            self.at += end + 1;
            name.to_owned()
        } else {
            self.next()?.to_string()
        };
        let (negated, name) = name.strip_prefix('^').map_or((p == 'P', name.as_str()), |name| (p == 'p', name));
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return None;
        }
        Some(Escaped::Class(format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' })))
    }

    fn class(&mut self) -> Option<()> {
        self.out.push('[');
        if self.accept(b"^") {
            self.out.push('^');
        }
        let mut first = true;
        while first || !self.rest().starts_with(b"]") {
            first = false;
            if self.rest().starts_with(b"[:")
                && let Some(length) = memchr::memmem::find(self.rest(), b":]")
            {
                let name = std::str::from_utf8(self.rest().get(2..length)?).ok()?;
                if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
                    return None;
                }
                self.out.push_str(&format!("[:{name}:]"));
                self.at += length + 2;
                continue;
            }
            let low = match self.class_char()? {
                Escaped::Class(class) => {
                    self.out.push_str(&class);
                    continue;
                }
                Escaped::Char(low) => low,
            };
            let ranges = self.rest().len() >= 2 && self.rest()[0] == b'-' && self.rest()[1] != b']';
            self.literal(low);
            if ranges {
                self.at += 1;
                let Escaped::Char(high) = self.class_char()? else { return None };
                if high < low {
                    return None;
                }
                self.out.push('-');
                self.literal(high);
            }
        }
        self.at += 1;
        self.out.push(']');
        Some(())
    }

    fn class_char(&mut self) -> Option<Escaped> {
        if self.accept(b"\\") { self.escape() } else { self.next().map(Escaped::Char) }
    }
}

const POSIX: &[&str] =
    &["alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word", "xdigit"];

fn escaped(c: char) -> String {
    if c.is_ascii_alphanumeric() { c.to_string() } else { format!("\\x{{{:x}}}", u32::from(c)) }
}

/// A flag may be given twice in Go; switched off, it is off.
fn once(flags: &[u8]) -> String {
    let mut halves = flags.splitn(2, |byte| *byte == b'-');
    let (on, off) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let kept = |flags: &[u8], but: &[u8]| -> String {
        let all = [b'i', b'm', b's', b'U'];
        all.into_iter().filter(|flag| flags.contains(flag) && !but.contains(flag)).map(char::from).collect()
    };
    let (on, off) = (kept(on, off), kept(off, b""));
    if off.is_empty() { on } else { format!("{on}-{off}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: Option<bool>) {
        let found = Pattern::new(pattern.as_bytes()).ok().map(|pattern| pattern.regex.is_match(text.as_bytes()));
        assert_eq!(found, expected, "{pattern}");
    }

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        check(r"^\d+$", "٣", Some(false));
        check(r"a{,2}", "a{,2}", Some(true));
        check(r"a**", "", None);
        check(r"[[a]]", "[]", Some(true));
        check(r"(?P<1>x)\Q.*\E", "x.*", Some(true));
        check(r"a{1001}", "", None);
        check("(?ii-ss)A", "a", Some(true));
    }
}
