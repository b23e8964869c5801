//! Whether an element is as a condition says.

use std::borrow::Cow;

use crate::glob;
use crate::number;
use crate::path::{Comparison, Query};
use crate::scan::{Shape, shape};
use crate::text::unquoted;
use crate::walk::{Walked, Walker};

impl Query<'_> {
    /// Compares a part of an element, which may be missing.
    pub(crate) fn holds(&self, walker: &Walker, part: Option<&[u8]>) -> Walked<bool> {
        let (part, operand): (Option<&[u8]>, Cow<'_, [u8]>) = match self.operand.strip_prefix(b"~") {
            // Whether the part is something like the operand, which is compared as a truth.
            Some(kind) => match is_like(part, kind) {
                Some(truth) => (Some(if truth { b"true" } else { b"false" }), Cow::Borrowed(b"true")),
                None => (None, Cow::Borrowed(b"")),
            },
            None => (part, Cow::Borrowed(&self.operand)),
        };
        let Some(part) = part else { return Ok(false) };
        if self.comparison == Comparison::Exists {
            return Ok(true);
        }
        Ok(match shape(part, 0) {
            Some(Shape::Text) => {
                let text = unquoted(part);
                match self.comparison {
                    Comparison::Like | Comparison::NotLike => {
                        walker.charge(glob::cost(&text, &operand))?;
                        glob::matches(&text, &operand) == (self.comparison == Comparison::Like)
                    }
                    comparison => comparison.orders(Some((*text).cmp(&*operand))),
                }
            }
            Some(Shape::Number) => self.comparison.orders(number::value(part).partial_cmp(&number::value(&operand))),
            Some(Shape::Literal) if part.starts_with(b"t") => match self.comparison {
                Comparison::Equal => *operand == *b"true",
                Comparison::NotEqual => *operand != *b"true",
                Comparison::Greater => *operand == *b"false",
                Comparison::GreaterOrEqual => true,
                _ => false,
            },
            Some(Shape::Literal) if part.starts_with(b"f") => match self.comparison {
                Comparison::Equal => *operand == *b"false",
                Comparison::NotEqual => *operand != *b"false",
                Comparison::Less => *operand == *b"true",
                Comparison::LessOrEqual => true,
                _ => false,
            },
            _ => false,
        })
    }
}

impl Comparison {
    fn orders(self, ordering: Option<std::cmp::Ordering>) -> bool {
        match self {
            Self::Equal => ordering.is_some_and(std::cmp::Ordering::is_eq),
            Self::NotEqual => !ordering.is_some_and(std::cmp::Ordering::is_eq),
            Self::Less => ordering.is_some_and(std::cmp::Ordering::is_lt),
            Self::LessOrEqual => ordering.is_some_and(std::cmp::Ordering::is_le),
            Self::Greater => ordering.is_some_and(std::cmp::Ordering::is_gt),
            Self::GreaterOrEqual => ordering.is_some_and(std::cmp::Ordering::is_ge),
            Self::Exists | Self::Like | Self::NotLike | Self::Never => false,
        }
    }
}

/// `None` for a kind that nobody knows.
fn is_like(part: Option<&[u8]>, kind: &[u8]) -> Option<bool> {
    match kind {
        b"*" => Some(part.is_some()),
        b"null" => Some(part.is_none_or(is_null)),
        b"true" => Some(part.is_some_and(is_true)),
        b"false" => Some(part.is_none_or(is_false)),
        _ => None,
    }
}

fn is_null(part: &[u8]) -> bool {
    shape(part, 0) == Some(Shape::Literal) && part.starts_with(b"n")
}

/// Something that says yes.
pub(crate) fn is_true(part: &[u8]) -> bool {
    match shape(part, 0) {
        Some(Shape::Literal) => part.starts_with(b"t"),
        Some(Shape::Number) => number::value(part) != 0.0,
        Some(Shape::Text) => ["1", "t", "true"].iter().any(|word| unquoted(part).eq_ignore_ascii_case(word.as_bytes())),
        _ => false,
    }
}

fn is_false(part: &[u8]) -> bool {
    match shape(part, 0) {
        Some(Shape::Literal) => !part.starts_with(b"t"),
        Some(Shape::Number) => number::value(part) == 0.0,
        Some(Shape::Text) => ["0", "f", "false"].iter().any(|word| unquoted(part).eq_ignore_ascii_case(word.as_bytes())),
        _ => false,
    }
}
