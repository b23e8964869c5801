//! The values of a file as variables.

use std::fmt;

use engine::Error;
use keys::SecretBytes;
use sops::{Map, Node};

/// A variable.
#[derive(Debug)]
pub(crate) struct Variable {
    /// Its name, which is a key of the file.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: SecretBytes,
}

/// What no environment can hold; each names the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// A value with parts of its own.
    Nested(String),
    /// A key with an equals sign.
    Name(String),
    /// A zero byte in the key or the value.
    Zero(String),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nested(_) => "put the value into a variable: it has parts of its own",
            Self::Name(_) => "name a variable like the key: there is an equals sign in it",
            Self::Zero(_) => "put the value into a variable: there is a zero byte in it or in its key",
        })
    }
}

impl From<Unfit> for Error {
    fn from(unfit: Unfit) -> Self {
        let message = unfit.to_string();
        let (Unfit::Nested(key) | Unfit::Name(key) | Unfit::Zero(key)) = unfit;
        Self::input(message).on_item(key)
    }
}

/// The values at the top of a document, each as the text that sops gives it. Comments are no values.
///
/// *Source*: sops `cmd/sops/main.go` and `stores/stores.go`, v3.13.3.
pub(crate) fn variables(document: &Map) -> Result<Vec<Variable>, Unfit> {
    let variable = |pair: &sops::Pair| {
        let Node::Leaf(leaf) = &pair.value else { return Err(Unfit::Nested(pair.key.clone())) };
        if pair.key.contains('=') {
            return Err(Unfit::Name(pair.key.clone()));
        }
        Ok(Variable { name: pair.key.clone(), value: SecretBytes::new(sops::flat_text(&leaf.value)) })
    };
    let variables: Vec<Variable> = document.pairs().map(variable).collect::<Result<_, _>>()?;
    // EXPOSE: a zero byte is looked for.
    let has_zero = |variable: &&Variable| variable.name.contains('\0') || variable.value.expose().contains(&0);
    match variables.iter().find(has_zero) {
        Some(variable) => Err(Unfit::Zero(variable.name.clone())),
        None => Ok(variables),
    }
}

#[cfg(test)]
mod tests {
    use sops::{Comment, List, Member, Pair, Span, Value};

    use super::*;

    fn document(pairs: Vec<(&str, Node)>) -> Map {
        let mut members: Vec<Member> = pairs.into_iter().map(|(key, value)| Member::Pair(Pair::new(key, value))).collect();
        let text = SecretBytes::new(b" note".to_vec());
        members.insert(0, Member::Comment(Comment { text, inline: false, span: Span::default() }));
        Map { members, ..Map::default() }
    }

    #[test]
    fn values_are_told_as_sops_tells_them() {
        let check = |value: Value, expected: &str| {
            let found = variables(&document(vec![("key", Node::leaf(value))])).unwrap();
            let found: Vec<(&str, &[u8])> = found.iter().map(|variable| (variable.name.as_str(), variable.value.expose())).collect();
            assert_eq!(found, [("key", expected.as_bytes())]);
        };
        check(Value::Text(SecretBytes::new(b"x\ny=$z".to_vec())), "x\ny=$z");
        check(Value::Text(SecretBytes::new(Vec::new())), "");
        check(Value::Int(-5), "-5");
        check(Value::Bool(true), "true");
        check(Value::Null, "<nil>");
        check(Value::Float(1.5), "1.5");
        check(Value::Float(1e30), "1E+30");
        check(Value::Float(3.0), "3.0");
        check(Value::Float(1_234_567.0), "1.234567E+06");
        check(Value::Time("2024-01-02T03:04:05.12Z".to_owned()), "2024-01-02T03:04:05Z");
    }

    #[test]
    fn what_fits_into_no_environment_is_refused_by_its_key() {
        let check = |key: &str, value: Node, expected: Unfit| {
            let found = variables(&document(vec![("a", Node::text("b")), (key, value)]));
            assert_eq!(found.unwrap_err(), expected);
        };
        check("n", Node::Map(Map::default()), Unfit::Nested("n".to_owned()));
        check("n=", Node::List(List::default()), Unfit::Nested("n=".to_owned()));
        check("n=m", Node::text("x"), Unfit::Name("n=m".to_owned()));
        check("n\0", Node::text("x"), Unfit::Zero("n\0".to_owned()));
        check("n", Node::text("x\0y"), Unfit::Zero("n".to_owned()));
    }
}
