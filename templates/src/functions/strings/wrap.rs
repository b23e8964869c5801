//! Lines of a given length.

use memchr::{memchr, memrchr};

use crate::function::{Arguments, Called, Scope};

/// Breaks at spaces; a longer word stays whole.
pub(super) fn wrap(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    wrapped(scope, arguments.text(1)?, arguments.int(0)?, b"\n", false)
}

/// Breaks at spaces, and within longer words.
pub(super) fn wrap_with(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let line_break = arguments.text(1)?;
    let line_break = if line_break.is_empty() { b"\n" } else { &**line_break };
    wrapped(scope, arguments.text(2)?, arguments.int(0)?, line_break, true)
}

fn wrapped(scope: &Scope<'_>, text: &[u8], width: i64, line_break: &[u8], cuts_words: bool) -> Called {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut out = scope.buffer();
    let mut rest = text;
    while rest.len() > width {
        scope.meter.step(1)?;
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        // The space may stand just behind the line.
        let space = memrchr(b' ', &rest[..=width]);
        let space = match space {
            None if cuts_words => {
                out.push(&rest[..width])?;
                out.push(line_break)?;
                rest = &rest[width..];
                continue;
            }
            None => memchr(b' ', &rest[width..]).map(|at| at + width),
            found => found,
        };
        let Some(space) = space else { break };
        out.push(&rest[..space])?;
        out.push(line_break)?;
        rest = &rest[space + 1..];
    }
    out.push(rest)?;
    Ok(scope.finish(out))
}
