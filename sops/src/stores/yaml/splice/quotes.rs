//! Quotes of the user that stay around a value.

use keys::SecretBytes;
use zeroize::Zeroizing;

use crate::document::{Span, Value};
use crate::stores::yaml::emit::scalar::scalar_text;
use crate::stores::yaml::style::{Style, is_printable};

/// The quote that a text keeps, because the scalar in its place has it: quotes are the user's.
pub(super) fn kept_quote(source: &[u8], span: Span, value: &Value) -> Option<char> {
    let Value::Text(text) = value else { return None };
    if !matches!(source.get(span.range().start), Some(b'"' | b'\'')) {
        return None;
    }
    // EXPOSE: what takes more than quotes is written by the rules of the emitter.
    let plain = std::str::from_utf8(text.expose()).is_ok_and(|text| text.chars().all(|character| is_printable(character) && character != '\n'));
    let old = source.get(span.range()).and_then(|old| std::str::from_utf8(old).ok())?;
    let quote = old.chars().next().filter(|first| plain && matches!(first, '"' | '\''))?;
    // Quotes that the emitter would choose itself come back without being kept.
    let inner = old.get(1..old.len().saturating_sub(1)).unwrap_or_default();
    let inner = if quote == '"' { inner.to_owned() } else { inner.replace("''", "'") };
    let chosen = scalar_text(&Value::Text(SecretBytes::new(inner.into_bytes()))).style;
    let by_itself = chosen == if quote == '"' { Style::Double } else { Style::Single };
    (!by_itself || old.contains('\\')).then_some(quote)
}

/// A line of text in quotes of one kind.
pub(super) fn in_quotes(quote: char, text: &str) -> Zeroizing<Vec<u8>> {
    let mut written = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 2));
    let mut put = |character: char| written.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    put(quote);
    for character in text.chars() {
        match (quote, character) {
            ('"', '"' | '\\') => put('\\'),
            ('\'', '\'') => put('\''),
            _ => {}
        }
        put(character);
    }
    put(quote);
    written
}
