//! Paths to values: `["a"]["b"][0]`.

use std::fmt;

use crate::document::{Element, List, Map, Member, Node, Pair};
use crate::error::{Error, ErrorKind, Result};

/// Deepest path that is followed.
const MAX_STEPS: usize = 100;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a mapping.
    Key(String),
    /// Into a sequence, from 0. Comments of the sequence are not counted.
    Index(usize),
}

/// A path from the top of a document to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreePath(Vec<Step>);

impl TreePath {
    /// Reads a path. Keys stand in single or double quotes, and end at the first quote that has a bracket behind it.
    ///
    /// # Errors
    /// `BadPath`, with what is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |what: &str| Error::new(ErrorKind::BadPath, format!("read the path: {what}; write it as '[\"key\"][0]'"));
        let mut steps = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let inner = rest.strip_prefix('[').ok_or_else(|| bad("every part of it stands in brackets"))?;
            let quote = inner.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (step, end) = if let Some(quote) = quote {
                let end = inner[1..].find(&format!("{quote}]")).ok_or_else(|| bad("a quote or a bracket is not closed"))?;
                (Step::Key(inner[1..=end].to_owned()), end + 2)
            } else {
                let end = inner.find(']').ok_or_else(|| bad("a bracket is not closed"))?;
                let index = inner[..end].parse().map_err(|_| bad("what stands in brackets is neither a quoted key nor a number"))?;
                (Step::Index(index), end)
            };
            steps.push(step);
            rest = &inner[end + 1..];
        }
        if steps.len() > MAX_STEPS {
            return Err(bad("it is too long"));
        }
        Ok(Self(steps))
    }

    /// Makes a path of steps.
    #[must_use]
    pub fn of(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// The steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Follows the path as far as it goes: the last node on it, and the steps that lead nowhere.
    #[must_use]
    pub fn follow<'d, 'p>(&'p self, top: &'d Map) -> (Reached<'d>, &'p [Step]) {
        let mut reached = Reached::Top(top);
        for (taken, step) in self.0.iter().enumerate() {
            let next = match (step, reached) {
                (Step::Key(key), Reached::Top(map) | Reached::Node(Node::Map(map))) => map.get(key),
                (Step::Index(index), Reached::Node(Node::List(list))) => list.value(*index),
                _ => None,
            };
            match next {
                Some(node) => reached = Reached::Node(node),
                None => return (reached, &self.0[taken..]),
            }
        }
        (reached, &[])
    }

    /// Finds the value.
    ///
    /// # Errors
    /// `NotFound`, with the part of the path that leads nowhere.
    pub fn find<'d>(&self, top: &'d Map) -> Result<Reached<'d>> {
        match self.follow(top) {
            (reached, []) => Ok(reached),
            (_, [missing, ..]) => Err(self.missing(missing)),
        }
    }

    /// Sets the value in a tree: what is missing on the way is made, and a scalar on the way is replaced.
    ///
    /// # Errors
    /// `BadPath`: the path is empty, or leads into a sequence by a key.
    pub fn set(&self, top: &mut Map, value: Node) -> Result<()> {
        let Some((Step::Key(first), rest)) = self.0.split_first() else {
            return Err(Error::new(ErrorKind::BadPath, "set a value at the top of the file: name a key"));
        };
        set_in_map(top, first, rest, value)
    }

    /// Takes the value out of a tree.
    ///
    /// # Errors
    /// `NotFound`, as [`TreePath::find`].
    pub fn unset(&self, top: &mut Map) -> Result<()> {
        let Some((last, above)) = self.0.split_last() else {
            return Err(Error::new(ErrorKind::BadPath, "remove the whole file: name a key"));
        };
        let Some((first, between)) = above.split_first() else {
            let removed = matches!(last, Step::Key(key) if top.remove(key));
            return if removed { Ok(()) } else { Err(self.missing(last)) };
        };
        let Step::Key(key) = first else { return Err(self.missing(first)) };
        let mut node = top.get_mut(key).ok_or_else(|| self.missing(first))?;
        for step in between {
            let next = match (step, node) {
                (Step::Key(key), Node::Map(map)) => map.get_mut(key),
                (Step::Index(index), Node::List(list)) => list.value_mut(*index),
                _ => None,
            };
            node = next.ok_or_else(|| self.missing(step))?;
        }
        let removed = match (last, node) {
            (Step::Key(key), Node::Map(map)) => map.remove(key),
            (Step::Index(index), Node::List(list)) => list.remove(*index),
            _ => false,
        };
        if removed { Ok(()) } else { Err(self.missing(last)) }
    }

    fn missing(&self, step: &Step) -> Error {
        let what = match step {
            Step::Key(key) => format!("find the key {key:?}: there is none at that place"),
            Step::Index(index) => format!("find the element {index}: there is none at that place"),
        };
        Error::new(ErrorKind::NotFound, what).on(self.to_string())
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            Step::Key(key) => write!(f, "[\"{key}\"]"),
            Step::Index(index) => write!(f, "[{index}]"),
        })
    }
}

/// Where a path leads.
#[derive(Clone, Copy, Debug)]
pub enum Reached<'d> {
    /// The top of a document.
    Top(&'d Map),
    /// A value below it.
    Node(&'d Node),
}

impl List {
    /// The value at an index, comments not counted.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<&Node> {
        self.elements.iter().filter_map(|element| if let Element::Node(node) = element { Some(node) } else { None }).nth(index)
    }

    fn value_mut(&mut self, index: usize) -> Option<&mut Node> {
        self.elements.iter_mut().filter_map(|element| if let Element::Node(node) = element { Some(node) } else { None }).nth(index)
    }

    fn remove(&mut self, index: usize) -> bool {
        let values = self.elements.iter().enumerate().filter(|(_, element)| matches!(element, Element::Node(_)));
        let at = values.map(|(at, _)| at).nth(index);
        at.map(|at| self.elements.remove(at)).is_some()
    }
}

impl Map {
    fn remove(&mut self, key: &str) -> bool {
        let at = self.members.iter().position(|member| matches!(member, Member::Pair(pair) if pair.key == key));
        at.map(|at| self.members.remove(at)).is_some()
    }
}

/// Makes the value that stands below steps which do not exist yet.
#[must_use]
pub fn grown(steps: &[Step], value: Node) -> Node {
    steps.iter().rev().fold(value, |below, step| match step {
        Step::Key(key) => Node::Map(Map { members: vec![Member::Pair(Pair::new(key.clone(), below))], ..Map::default() }),
        Step::Index(_) => Node::List(List { elements: vec![Element::Node(below)], ..List::default() }),
    })
}

fn set_in_map(map: &mut Map, key: &str, rest: &[Step], value: Node) -> Result<()> {
    match map.get_mut(key) {
        Some(node) => set_in(node, rest, value),
        None => {
            map.members.push(Member::Pair(Pair::new(key, grown(rest, value))));
            Ok(())
        }
    }
}

fn set_in(node: &mut Node, steps: &[Step], value: Node) -> Result<()> {
    let Some((step, rest)) = steps.split_first() else {
        *node = value;
        return Ok(());
    };
    match (step, node) {
        (Step::Key(key), Node::Map(map)) => set_in_map(map, key, rest, value),
        (Step::Index(index), Node::List(list)) => match list.value_mut(*index) {
            Some(node) => set_in(node, rest, value),
            None => {
                list.elements.push(Element::Node(grown(rest, value)));
                Ok(())
            }
        },
        (_, node @ Node::Leaf(_)) => {
            *node = grown(steps, value);
            Ok(())
        }
        (Step::Key(_), Node::List(_)) => Err(Error::new(ErrorKind::BadPath, "go into a sequence by a key: name a number")),
        (Step::Index(_), Node::Map(_)) => Err(Error::new(ErrorKind::BadPath, "go into a mapping by a number: name a key in quotes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Value;

    fn tree() -> Map {
        let list = List { elements: vec![Element::Node(Node::text("x")), Element::Node(Node::text("y"))], ..List::default() };
        let inner = Map { members: vec![Member::Pair(Pair::new("b", Node::List(list)))], ..Map::default() };
        Map {
            members: vec![Member::Pair(Pair::new("a", Node::Map(inner))), Member::Pair(Pair::new("n", Node::leaf(Value::Int(1))))],
            ..Map::default()
        }
    }

    #[test]
    fn paths_are_read_and_written_alike() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(TreePath::parse(text).ok().map(|path| path.to_string()).as_deref(), expected, "{text}");
        check(r#"["a"]['b'][0]"#, Some(r#"["a"]["b"][0]"#));
        check(r#"["a[b"]"#, Some(r#"["a[b"]"#));
        check("", Some(""));
        for bad in ["a", "[a]", "[-1]", "[]", "[\"a", "[\"a\"", "[0", "[\"a\"]x", "[\"]"] {
            check(bad, None);
        }
    }

    #[test]
    fn values_are_found_set_and_taken_out() {
        let path = |text: &str| TreePath::parse(text).unwrap();
        let mut tree = tree();
        assert!(matches!(path(r#"["a"]["b"][1]"#).find(&tree), Ok(Reached::Node(Node::Leaf(_)))));
        for missing in [r#"["a"]["c"]"#, r#"["a"]["b"][2]"#, r#"["a"][0]"#, r#"["n"]["x"]"#] {
            assert_eq!(path(missing).find(&tree).unwrap_err().kind(), ErrorKind::NotFound, "{missing}");
            assert_eq!(path(missing).unset(&mut tree).unwrap_err().kind(), ErrorKind::NotFound, "{missing}");
        }
        path(r#"["a"]["new"][0]["deep"]"#).set(&mut tree, Node::text("v")).unwrap();
        assert!(path(r#"["a"]["new"][0]["deep"]"#).find(&tree).is_ok());
        path(r#"["n"]["below"]"#).set(&mut tree, Node::text("v")).unwrap();
        assert!(path(r#"["n"]["below"]"#).find(&tree).is_ok());
        path(r#"["a"]["b"][9]"#).set(&mut tree, Node::text("z")).unwrap();
        assert!(path(r#"["a"]["b"][2]"#).find(&tree).is_ok());
        path(r#"["a"]["b"][0]"#).unset(&mut tree).unwrap();
        assert!(path(r#"["a"]["b"][2]"#).find(&tree).is_err());
        assert_eq!(path(r#"["a"]["b"]["k"]"#).set(&mut tree, Node::text("v")).unwrap_err().kind(), ErrorKind::BadPath);
        path(r#"["a"]"#).unset(&mut tree).unwrap();
        assert!(path(r#"["a"]"#).find(&tree).is_err());
    }
}
