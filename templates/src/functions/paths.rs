//! Paths with slashes. The `os*` functions are the same here, as on every system that runs the controller.

use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::value::Value;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("base", &[Kind::Text], |scope, arguments| scope.text(base(arguments.text(0)?))),
    Function::fixed("clean", &[Kind::Text], |scope, arguments| scope.text(clean(arguments.text(0)?))),
    Function::fixed("dir", &[Kind::Text], |scope, arguments| scope.text(dir(arguments.text(0)?))),
    Function::fixed("ext", &[Kind::Text], |scope, arguments| scope.text(ext(arguments.text(0)?))),
    Function::fixed("isAbs", &[Kind::Text], is_absolute),
    Function::fixed("osBase", &[Kind::Text], |scope, arguments| scope.text(base(arguments.text(0)?))),
    Function::fixed("osClean", &[Kind::Text], |scope, arguments| scope.text(clean(arguments.text(0)?))),
    Function::fixed("osDir", &[Kind::Text], |scope, arguments| scope.text(dir(arguments.text(0)?))),
    Function::fixed("osExt", &[Kind::Text], |scope, arguments| scope.text(ext(arguments.text(0)?))),
    Function::fixed("osIsAbs", &[Kind::Text], is_absolute),
];

fn is_absolute(_: &Scope<'_>, arguments: &Arguments) -> Called {
    Ok(Value::Bool(arguments.text(0)?.starts_with(b"/")))
}

fn base(path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return b".".to_vec();
    }
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let name = path[..end].rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if name.is_empty() { b"/".to_vec() } else { name.to_vec() }
}

fn dir(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|byte| *byte == b'/').map_or(0, |last| last + 1);
    clean(&path[..end])
}

fn ext(path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.iter().rposition(|byte| *byte == b'.').map_or_else(Vec::new, |dot| name[dot..].to_vec())
}

/// The shortest path that means the same.
fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_short() {
        for (path, expected) in [("a/../..", ".."), ("/../a//b/./", "/a/b"), ("", "."), ("../../a", "../../a")] {
            assert_eq!(clean(path.as_bytes()), expected.as_bytes(), "{path}");
        }
        assert_eq!((base(b"a/b/"), dir(b"a/b/"), ext(b"a.b/c")), (b"b".to_vec(), b"a/b".to_vec(), vec![]));
    }
}
