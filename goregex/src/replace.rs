//! What stands in the place of a match.

use unicode_general_category::{GeneralCategory as Class, get_general_category};

use crate::Pattern;

impl Pattern {
    /// Puts a replacement in the place of each match; `None` if the result would be longer than allowed.
    ///
    /// `$1`, `$name` and `${name}` stand for groups, `$$` for a dollar sign. An empty match directly behind another one does not count.
    #[must_use]
    pub fn replace_all(&self, text: &str, replacement: &str, longest: usize) -> Option<String> {
        let bytes = text.as_bytes();
        let mut out = Vec::new();
        let (mut at, mut end) = (0, 0);
        while at <= bytes.len() {
            let Some(captures) = self.regex.captures_at(bytes, at) else { break };
            let Some(whole) = captures.get(0) else { break };
            out.extend_from_slice(bytes.get(end..whole.start()).unwrap_or_default());
            if whole.end() > end || whole.start() == 0 {
                let group = |index: usize| captures.get(index).map(|part| part.as_bytes());
                let mut write = |part: &[u8]| {
                    out.extend_from_slice(part);
                    if out.len() > longest { Err(()) } else { Ok(()) }
                };
                self.expand(replacement.as_bytes(), &group, &mut write).ok()?;
            }
            end = whole.end();
            let width = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            at = if at + width > end {
                at + width
            } else if at + 1 > end {
                at + 1
            } else {
                end
            };
        }
        out.extend_from_slice(bytes.get(end..).unwrap_or_default());
        String::from_utf8(out).ok().filter(|text| text.len() <= longest)
    }

    /// Writes a replacement, with groups in the place of their names.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn expand<'t, E>(
        &self,
        replacement: &[u8],
        group: &dyn Fn(usize) -> Option<&'t [u8]>,
        write: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = replacement;
        while let Some(dollar) = memchr::memchr(b'$', rest) {
            let (before, behind) = rest.split_at(dollar);
            write(before)?;
            rest = behind.get(1..).unwrap_or_default();
            if let Some(behind) = rest.strip_prefix(b"$") {
                write(b"$")?;
                rest = behind;
                continue;
            }
            let Some((name, behind)) = group_name(rest) else {
                write(b"$")?;
                continue;
            };
            rest = behind;
            let found = match group_number(name) {
                Some(number) => group(number),
                None => self.groups_named(name).find_map(group),
            };
            write(found.unwrap_or_default())?;
        }
        write(rest)
    }
}

fn group_name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let braced = text.strip_prefix(b"{");
    let name = braced.unwrap_or(text);
    let valid = name.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let end = valid.find(|c: char| !is_word(c)).unwrap_or(valid.len());
    let (name, rest) = name.split_at_checked(end)?;
    let rest = if braced.is_some() { rest.strip_prefix(b"}")? } else { rest };
    (!name.is_empty()).then_some((name, rest))
}

/// Letters and digits as Go has them, and the underscore.
fn is_word(c: char) -> bool {
    let classes =
        [Class::DecimalNumber, Class::LowercaseLetter, Class::ModifierLetter, Class::OtherLetter, Class::TitlecaseLetter, Class::UppercaseLetter];
    c == '_' || classes.contains(&get_general_category(c))
}

fn group_number(name: &[u8]) -> Option<usize> {
    let padded = name.len() > 1 && name.first() == Some(&b'0');
    let digits = name.len() < 10 && name.iter().all(u8::is_ascii_digit);
    if padded || !digits { None } else { std::str::from_utf8(name).ok()?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, replacement: &str, expected: &str) {
        let replaced = Pattern::new(pattern.as_bytes()).unwrap().replace_all(text, replacement, 1000);
        assert_eq!(replaced.as_deref(), Some(expected), "{pattern} in {text}");
    }

    #[test]
    fn groups_stand_where_go_puts_them() {
        check(r"^team-(\w+)-(\w+)$", "team-a-db", "${2}_$1", "db_a");
        check(r"(?P<name>b+)", "abbc", "<${name}>", "a<bb>c");
        check("(a)", "a", "$1x", "");
        check("(a)", "a", "${1}x", "ax");
        check("a", "banana", "$$", "b$n$n$");
        check("x*", "abé", "-", "-a-b-é-");
        check("(a)", "a", "${1", "${1");
        check("(a)(b)?", "a", "[$2]", "[]");
    }

    #[test]
    fn a_replacement_that_grows_is_stopped() {
        assert_eq!(Pattern::new(b"a").unwrap().replace_all(&"a".repeat(100), "aa", 150), None);
    }
}
