//! Anchors, aliases, tags and directives.

use crate::error::Result;

use super::super::cursor::is_name;
use super::super::token::{Content, TokenKind};
use super::Scanner;

impl<'a> Scanner<'a> {
    pub(super) fn anchor(&mut self) -> Result<()> {
        self.note_key()?;
        self.key_allowed = false;
        let start = self.cursor.mark.at;
        let alias = self.cursor.peek(0) == b'*';
        self.cursor.pass(1);
        let name = self.pass_while(is_name);
        let ended = self.cursor.is_space_or_end(0) || matches!(self.cursor.peek(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ended {
            return Err(self.wrong(start, "an anchor or alias whose name is not of letters, digits, `_` and `-`"));
        }
        let kind = if alias { TokenKind::Alias } else { TokenKind::Anchor };
        self.push_with(kind, start, self.cursor.mark.at, Content::Name(name));
        Ok(())
    }

    pub(super) fn tag(&mut self) -> Result<()> {
        self.note_key()?;
        self.key_allowed = false;
        let start = self.cursor.mark.at;
        let (handle, suffix): (&[u8], Vec<u8>) = if self.cursor.peek(1) == b'<' {
            self.cursor.pass(2);
            let suffix = self.tag_text(start)?;
            if self.cursor.peek(0) != b'>' {
                return Err(self.wrong(start, "a tag without `>`"));
            }
            self.cursor.pass(1);
            (b"", suffix)
        } else {
            let handle = self.tag_handle();
            if handle.len() > 1 && handle.ends_with(b"!") {
                let suffix = self.tag_text(start)?;
                if suffix.is_empty() {
                    return Err(self.wrong(start, "a tag that ends with its handle"));
                }
                (handle, suffix)
            } else {
                let mut suffix = handle[1..].to_vec();
                suffix.extend(self.tag_text(start)?);
                // A `!` alone is the tag of what has none.
                if suffix.is_empty() { (b"", b"!".to_vec()) } else { (b"!", suffix) }
            }
        };
        if !self.cursor.is_space_or_end(0) {
            return Err(self.wrong(start, "a tag with no space behind it"));
        }
        self.push_with(TokenKind::Tag, start, self.cursor.mark.at, Content::Tag(handle, suffix));
        Ok(())
    }

    pub(super) fn directive(&mut self) -> Result<()> {
        self.reset()?;
        let start = self.cursor.mark.at;
        self.cursor.pass(1);
        let (kind, content) = match self.pass_while(is_name) {
            b"YAML" => {
                self.cursor.pass_blanks();
                if self.pass_while(|byte| byte.is_ascii_digit() || byte == b'.') != b"1.1" {
                    return Err(self.wrong(start, "a directive for another version than 1.1"));
                }
                (TokenKind::VersionDirective, Content::Nothing)
            }
            b"TAG" => {
                self.cursor.pass_blanks();
                if self.cursor.peek(0) != b'!' {
                    return Err(self.wrong(start, "a directive without a handle for tags"));
                }
                let handle = self.tag_handle();
                self.cursor.pass_blanks();
                let prefix = self.tag_text(start)?;
                (TokenKind::TagDirective, Content::Tag(handle, prefix))
            }
            _ => return Err(self.wrong(start, "an unknown directive")),
        };
        let end = self.cursor.mark.at;
        self.cursor.pass_blanks();
        if self.cursor.peek(0) == b'#' {
            self.comment();
        }
        if !self.cursor.is_break_or_end(0) {
            return Err(self.wrong(start, "a directive with more than a comment behind it"));
        }
        self.cursor.pass_break();
        self.push_with(kind, start, end, content);
        Ok(())
    }

    fn pass_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.cursor.rest();
        let length = rest.iter().take_while(|byte| belongs(**byte)).count();
        self.cursor.pass(length);
        &rest[..length]
    }

    /// Passes `!`, `!!` or `!name!`.
    fn tag_handle(&mut self) -> &'a [u8] {
        let rest = self.cursor.rest();
        let name = rest[1..].iter().take_while(|byte| is_name(**byte)).count();
        let length = 1 + name + usize::from(rest.get(1 + name) == Some(&b'!'));
        self.cursor.pass(length);
        &rest[..length]
    }

    /// Passes characters of a URI, some of which are written as `%` and two digits.
    fn tag_text(&mut self, start: usize) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let byte = self.cursor.peek(0);
            if byte == b'%' {
                let digits = self.cursor.rest().get(1..3).and_then(|digits| std::str::from_utf8(digits).ok());
                let octet = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                text.push(octet.ok_or_else(|| self.wrong(start, "a tag with a broken escape"))?);
                self.cursor.pass(3);
            } else if is_name(byte) || b";/?:@&=+$,.!~*'()[]".contains(&byte) {
                text.push(byte);
                self.cursor.pass(1);
            } else {
                return Ok(text);
            }
        }
    }
}
