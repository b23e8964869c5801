//! The entry point of fuzzing.

use std::collections::BTreeMap;

use keys::SecretBytes;

use crate::language::Language;
use crate::limits::Limits;
use crate::template::{Context, Template};

/// Limits that keep one round short.
const LIMITS: Limits = Limits { output: 1 << 16, steps: 10_000, depth: 50, memory: 1 << 20, cost: 0 };

/// Renders arbitrary bytes: up to the first NUL the template, then the values of the keys `a`, `b` and so on.
///
/// # Panics
/// Never, whatever the bytes are, unless a limit did not hold.
pub fn fuzz_render(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == 0);
    let source = parts.next().unwrap_or_default();
    let values: BTreeMap<_, _> = ('a'..='z').zip(parts).map(|(key, value)| (key.to_string(), SecretBytes::from(value.to_vec()))).collect();
    for language in [Language::sealed_secrets(), Language::external_secrets()] {
        let Ok(template) = Template::parse_as(&language, "fuzz", source) else { continue };
        let context = Context { limits: LIMITS, now: jiff::Timestamp::from_second(1_750_000_000).ok(), ..Context::new(&values) };
        if let Ok(rendered) = template.render(&context) {
            assert!(rendered.len() <= LIMITS.output, "the output is longer than its limit");
        }
    }
}
