//! YAML as go-yaml v2 writes it: sorted keys, lists at the level of their key, text folded after 80 columns.
//!
//! *Source*: go.yaml.in/yaml/v2 `encode.go`, `sorter.go` and `emitterc.go`.

use std::cmp::Ordering;

use serde_json::Value;
use zeroize::Zeroizing;

use super::scalar;

/// Longest key that stands on the line of its value.
const SIMPLE_KEY: usize = 128;

/// Writes one document after its `---`.
pub(super) fn document(value: &Value) -> Zeroizing<String> {
    let mut text = Zeroizing::new("---\n".to_owned());
    block(&mut text, value, 0);
    text
}

/// True if no text holds a character that upstream's YAML reader refuses.
pub(super) fn is_writable(value: &Value) -> bool {
    let allowed = |text: &str| !text.chars().any(|letter| matches!(letter, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}'));
    match value {
        Value::String(text) => allowed(text),
        Value::Array(items) => items.iter().all(is_writable),
        Value::Object(entries) => entries.iter().all(|(key, value)| allowed(key) && is_writable(value)),
        _ => true,
    }
}

/// Writes a value whose lines start at a column; the first line starts where the text ends.
fn block(text: &mut String, value: &Value, column: usize) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let mut pairs: Vec<(&String, &Value)> = entries.iter().collect();
            pairs.sort_by(|(one, _), (other, _)| compare(one, other));
            for (index, (key, value)) in pairs.into_iter().enumerate() {
                if index > 0 {
                    indent(text, column);
                }
                entry(text, key, value, column);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    indent(text, column);
                }
                text.push_str("- ");
                block(text, item, column + 2);
            }
        }
        Value::Array(_) => text.push_str("[]\n"),
        Value::Object(_) => text.push_str("{}\n"),
        Value::String(value) => {
            scalar::value(text, value, column);
            text.push('\n');
        }
        other => {
            text.push_str(&other.to_string());
            text.push('\n');
        }
    }
}

fn entry(text: &mut String, key: &str, value: &Value, column: usize) {
    if key.len() > SIMPLE_KEY {
        text.push_str("? ");
        scalar::value(text, key, column + 2);
        text.push('\n');
        indent(text, column);
    } else {
        scalar::key(text, key);
    }
    text.push(':');
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            text.push('\n');
            indent(text, column + 2);
            block(text, value, column + 2);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            indent(text, column);
            block(text, value, column);
        }
        _ => {
            text.push(' ');
            block(text, value, column + 2);
        }
    }
}

fn indent(text: &mut String, column: usize) {
    text.extend(std::iter::repeat_n(' ', column));
}

/// Orders keys: letters after everything else, runs of digits by their number.
fn compare(one: &str, other: &str) -> Ordering {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let Some(at) = one.iter().zip(&other).position(|(left, right)| left != right) else {
        return one.len().cmp(&other.len());
    };
    let (left, right) = (one[at], other[at]);
    match (left.is_alphabetic(), right.is_alphabetic()) {
        (true, true) => return left.cmp(&right),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let before = one[..at].iter().rev().take_while(|letter| letter.is_ascii_digit());
    let inside_number = (left == '0' || right == '0') && before.into_iter().any(|&digit| digit != '0');
    let number = |letters: &[char]| {
        let digits: Vec<char> = letters[at..].iter().copied().take_while(char::is_ascii_digit).collect();
        let value =
            digits.iter().fold(u64::from(inside_number), |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(*digit) - u64::from('0')));
        (value, digits.len())
    };
    number(&one).cmp(&number(&other)).then(left.cmp(&right))
}
