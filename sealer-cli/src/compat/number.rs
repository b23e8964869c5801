//! Whole numbers as Go's command lines take them.

/// Reads the digits of a number without a sign as `strconv.ParseUint(text, 0, 64)` does: prefixes 0x, 0o, 0b and 0 set the base, underscores may
/// stand between digits of those that have one. Gives the base and the digits alone; `None` if it is no number.
pub(crate) fn digits(text: &str) -> Option<(u32, String)> {
    let lower = text.to_ascii_lowercase();
    let (base, digits) = match (lower.get(..2), lower.strip_prefix('0')) {
        (Some("0x"), _) => (16, &lower[2..]),
        (Some("0o"), _) => (8, &lower[2..]),
        (Some("0b"), _) => (2, &lower[2..]),
        (_, Some(octal)) if !octal.is_empty() => (8, octal),
        _ => (10, lower.as_str()),
    };
    let plain = digits.replace('_', "");
    let underscores = !digits.contains("__") && !digits.ends_with('_') && (base != 10 || !digits.contains('_'));
    (!plain.is_empty() && underscores && plain.chars().all(|digit| digit.is_digit(base))).then_some((base, plain))
}
