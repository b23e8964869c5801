//! Patterns of `*`, `?` and backslashes.

/// Says whether a whole text is as a pattern says. The time is bounded by the product of both lengths.
pub(crate) fn matches(text: &[u8], pattern: &[u8]) -> bool {
    let (text, pattern) = (characters(text), characters(pattern));
    let (mut at, mut wanted) = (0, 0);
    // Where the last star stands, and how much of the text it takes up to.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        let step = match pattern.get(wanted) {
            Some('*') => {
                star = Some((wanted, at));
                wanted += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('\\') => (pattern.get(wanted + 1) == text.get(at)).then_some(2),
            wanted => (wanted == text.get(at)).then_some(1),
        };
        match (step, &mut star) {
            (Some(step), _) => {
                at += 1;
                wanted += step;
            }
            (None, Some((place, taken))) => {
                *taken += 1;
                at = *taken;
                wanted = *place + 1;
            }
            (None, None) => return false,
        }
    }
    pattern.get(wanted..).unwrap_or_default().iter().all(|c| *c == '*')
}

/// The cost of a comparison.
pub(crate) fn cost(text: &[u8], pattern: &[u8]) -> usize {
    if pattern == b"*" { 1 } else { text.len().saturating_mul(pattern.len()).saturating_add(1) }
}

fn characters(text: &[u8]) -> Vec<char> {
    String::from_utf8_lossy(text).chars().collect()
}
