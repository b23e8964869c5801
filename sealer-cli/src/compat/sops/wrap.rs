//! Lines of a limited width.

/// Breaks a text at spaces; lines that it has stay lines.
pub(super) fn wrapped(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.lines().map(|line| wrapped_line(line, width)).collect();
    lines.join("\n")
}

fn wrapped_line(line: &str, width: usize) -> String {
    let mut text = String::new();
    let mut used = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            text.push('\n');
            used = 0;
        } else if used > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += length;
    }
    text
}

/// Puts something before the first line, and something before every other one that is not empty.
pub(super) fn indented(text: &str, first: &str, other: &str) -> String {
    let line = |(at, line): (usize, &str)| match at {
        0 => format!("{first}{line}"),
        _ if line.is_empty() => String::new(),
        _ => format!("{other}{line}"),
    };
    text.lines().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrapped("aa bb cc", 5), "aa bb\ncc");
        assert_eq!(wrapped("aaaaaaa b\n\nc", 5), "aaaaaaa\nb\n\nc");
        assert_eq!(indented("a\n\nb", "- ", "  "), "- a\n\n  b");
    }
}
