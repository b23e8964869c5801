//! A waiting line in which namespaces take turns, so that none of them keeps the others waiting.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Items by namespace, first come first served within one; the namespaces come round robin.
#[derive(Debug)]
pub(crate) struct Fair<T> {
    turns: VecDeque<Arc<str>>,
    lines: HashMap<Arc<str>, VecDeque<T>>,
    length: usize,
}

impl<T> Default for Fair<T> {
    fn default() -> Self {
        Self { turns: VecDeque::new(), lines: HashMap::new(), length: 0 }
    }
}

impl<T> Fair<T> {
    /// Adds an item behind those of its namespace.
    pub(crate) fn push(&mut self, namespace: &str, item: T) {
        self.length += 1;
        if let Some(line) = self.lines.get_mut(namespace) {
            line.push_back(item);
            return;
        }
        let namespace: Arc<str> = namespace.into();
        self.turns.push_back(Arc::clone(&namespace));
        self.lines.insert(namespace, VecDeque::from([item]));
    }

    /// Takes the first item of the next namespace that may have a turn.
    pub(crate) fn pop(&mut self, may: impl Fn(&str) -> bool) -> Option<T> {
        for _ in 0..self.turns.len() {
            let namespace = self.turns.pop_front()?;
            if !may(&namespace) {
                self.turns.push_back(namespace);
                continue;
            }
            let line = self.lines.get_mut(&namespace)?;
            let item = line.pop_front()?;
            if line.is_empty() {
                self.lines.remove(&namespace);
            } else {
                self.turns.push_back(namespace);
            }
            self.length -= 1;
            return Some(item);
        }
        None
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.length
    }
}

/// Items by group, and by namespace within a group: groups take turns, and so do the namespaces of each.
#[derive(Debug)]
pub(crate) struct Grouped<T> {
    /// The group of each item.
    turns: Fair<Arc<str>>,
    groups: HashMap<Arc<str>, Fair<T>>,
}

impl<T> Default for Grouped<T> {
    fn default() -> Self {
        Self { turns: Fair::default(), groups: HashMap::new() }
    }
}

impl<T> Grouped<T> {
    /// Adds an item behind those of its namespace in its group.
    pub(crate) fn push(&mut self, group: &Arc<str>, namespace: &str, item: T) {
        self.turns.push(group, Arc::clone(group));
        self.groups.entry(Arc::clone(group)).or_default().push(namespace, item);
    }

    /// Takes the first item of the next namespace of the next group.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let group = self.turns.pop(|_| true)?;
        let namespaces = self.groups.get_mut(&group)?;
        let item = namespaces.pop(|_| true);
        if namespaces.len() == 0 {
            self.groups.remove(&group);
        }
        item
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.turns.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_take_turns_and_keep_their_own_order() {
        let mut fair = Fair::default();
        for (namespace, item) in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5)] {
            fair.push(namespace, item);
        }
        let order: Vec<_> = std::iter::from_fn(|| fair.pop(|_| true)).collect();
        assert_eq!(order, [1, 4, 5, 2, 3]);
        assert_eq!(fair.len(), 0);
    }

    #[test]
    fn groups_take_turns_however_many_namespaces_each_has() {
        let mut grouped = Grouped::default();
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        for (group, namespace, item) in [(&one, "a", 1), (&one, "a", 2), (&one, "b", 3), (&one, "c", 4), (&other, "a", 5), (&other, "b", 6)] {
            grouped.push(group, namespace, item);
        }
        assert_eq!(grouped.len(), 6);
        let order: Vec<_> = std::iter::from_fn(|| grouped.pop()).collect();
        assert_eq!(order, [1, 5, 3, 6, 4, 2]);
        assert!(grouped.len() == 0 && grouped.groups.is_empty());
    }

    #[test]
    fn a_namespace_that_may_not_have_a_turn_keeps_its_place() {
        let mut fair = Fair::default();
        fair.push("a", 1);
        fair.push("b", 2);
        assert_eq!(fair.pop(|namespace| namespace != "a"), Some(2));
        assert_eq!(fair.pop(|namespace| namespace != "a"), None);
        assert_eq!((fair.len(), fair.pop(|_| true)), (1, Some(1)));
    }
}
