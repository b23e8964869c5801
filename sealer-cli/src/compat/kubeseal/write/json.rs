//! JSON as Go's `json.MarshalIndent` writes it.

use serde_json::Value;
use zeroize::Zeroizing;

/// Writes a value with two spaces a level and a newline at the end.
pub(super) fn pretty(value: &Value) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    write(&mut text, value, 0);
    text.push('\n');
    text
}

fn write(text: &mut String, value: &Value, level: usize) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                line(text, level + 1, index > 0);
                write(text, item, level + 1);
            }
            line(text, level, false);
            text.push(']');
        }
        Value::Object(entries) if !entries.is_empty() => {
            text.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                line(text, level + 1, index > 0);
                string(text, key);
                text.push_str(": ");
                write(text, item, level + 1);
            }
            line(text, level, false);
            text.push('}');
        }
        Value::String(value) => string(text, value),
        other => text.push_str(&other.to_string()),
    }
}

fn line(text: &mut String, level: usize, comma: bool) {
    if comma {
        text.push(',');
    }
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", level));
}

fn string(text: &mut String, value: &str) {
    text.push('"');
    for letter in value.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\x08' => text.push_str("\\b"),
            '\x0c' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => text.push(letter),
        }
    }
    text.push('"');
}
