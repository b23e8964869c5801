//! Numbers and booleans where texts belong, as upstream's YAML reader forgives them.
//!
//! `port: 5432` becomes "5432" there, but `1e3` becomes "1000", `010` becomes "8" and `1.50` becomes "1.5". Here only what comes out as it was
//! written is forgiven; everything else stays what it is, and is refused by the engine with its place.
//!
//! *Source*: sigs.k8s.io/yaml `convertToJSONableObject` (v1.6.0).

use engine::manifest::{Entry, Kind, Node};
use zeroize::Zeroizing;

/// The maps of an object whose values are texts.
const TEXTS: [&[&str]; 3] = [&["stringData"], &["metadata", "labels"], &["metadata", "annotations"]];

/// Copies an object with its plain numbers and booleans turned into texts.
pub(super) fn forgive(object: &Node) -> Node {
    let mut object = object.clone();
    for path in TEXTS {
        let map = path.iter().try_fold(&mut object, |node, key| value(node, key));
        if let Some(Kind::Map(entries)) = map.map(|map| &mut map.kind) {
            entries.iter_mut().for_each(|entry| soften(&mut entry.value));
        }
    }
    object
}

fn value<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    let Kind::Map(entries) = &mut node.kind else { return None };
    entries.iter_mut().find(|Entry { key: name, .. }| name == key).map(|entry| &mut entry.value)
}

fn soften(node: &mut Node) {
    let text = match &node.kind {
        // Only the word itself is as long as it: `yes` and `off` are not.
        Kind::Bool(value) if node.span.len() == value.to_string().len() => value.to_string(),
        Kind::Number(text) if is_written_as_go_writes(text) => text.clone(),
        _ => return,
    };
    node.kind = Kind::Text(Zeroizing::new(text));
}

/// True for a number that Go prints as it stands: whole numbers of 64 bits, and decimal ones that a 32-bit float holds.
fn is_written_as_go_writes(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
        || text.parse::<u64>().is_ok_and(|number| number.to_string() == text)
        || text.contains('.') && text.parse::<f32>().is_ok_and(|number| (1e-4..1e21).contains(&number.abs()) && number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_forgiven_if_they_come_out_as_they_were_written() {
        for text in ["5432", "0", "-7", "18446744073709551615", "1.5", "0.25"] {
            assert!(is_written_as_go_writes(text), "{text}");
        }
        for text in ["1e3", "010", "0x10", "1_000", "+1", "-0", "1.50", "1.0", ".5", "99999999999999999999", "123456789.125", ".inf", ".nan", "1e-7"]
        {
            assert!(!is_written_as_go_writes(text), "{text}");
        }
    }
}
