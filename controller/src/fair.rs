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
    fn a_namespace_that_may_not_have_a_turn_keeps_its_place() {
        let mut fair = Fair::default();
        fair.push("a", 1);
        fair.push("b", 2);
        assert_eq!(fair.pop(|namespace| namespace != "a"), Some(2));
        assert_eq!(fair.pop(|namespace| namespace != "a"), None);
        assert_eq!((fair.len(), fair.pop(|_| true)), (1, Some(1)));
    }
}
