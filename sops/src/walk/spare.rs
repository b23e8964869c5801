//! Comments of a text that are not in its tree: formats have rules by which they drop some.

use std::collections::BTreeMap;

use crate::document::{Document, Element, Map, Member, Node, Span};

/// The comments, by where they start.
#[derive(Debug, Default)]
pub(super) struct Spare(BTreeMap<u32, Span>);

impl Spare {
    /// Those of a document.
    pub(super) fn of(document: &Document) -> Self {
        if document.comments.is_empty() {
            return Self::default();
        }
        let mut held = Vec::new();
        document.branches.iter().for_each(|branch| held_by_map(branch, &mut held));
        held.sort_unstable();
        // Where a comment starts, the tree leaves its marker out.
        let spare = document.comments.iter().filter(|comment| held.binary_search(&(comment.start + 1)).is_err());
        Self(spare.map(|comment| (comment.start, *comment)).collect())
    }

    /// Takes out what stands within a place.
    pub(super) fn take(&mut self, within: Span) -> Vec<Span> {
        if self.0.is_empty() || within.start >= within.end {
            return Vec::new();
        }
        let found: Vec<Span> = self.0.range(within.start..within.end).map(|(_, comment)| *comment).collect();
        for comment in &found {
            self.0.remove(&comment.start);
        }
        found
    }
}

fn held_by_map(map: &Map, held: &mut Vec<u32>) {
    for member in &map.members {
        match member {
            Member::Comment(comment) if comment.span.is_unknown() => {}
            Member::Comment(comment) => held.push(comment.span.start),
            Member::Pair(pair) => held_by_node(&pair.value, held),
        }
    }
}

fn held_by_node(node: &Node, held: &mut Vec<u32>) {
    match node {
        Node::Map(map) => held_by_map(map, held),
        Node::List(list) => list.elements.iter().for_each(|element| match element {
            Element::Comment(comment) if comment.span.is_unknown() => {}
            Element::Comment(comment) => held.push(comment.span.start),
            Element::Node(node) => held_by_node(node, held),
        }),
        Node::Leaf(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use keys::DataKey;

    use crate::file::{EncryptedFile, MacCheck, Manner, PlainFile};
    use crate::passage::tests::{lock, secret, text};
    use crate::rules::Rule;
    use crate::stores::named;

    /// Encrypts and decrypts in place: how the file looks in between, as far as the metadata, and afterwards.
    fn there_and_back(source: &str, rule: Rule) -> (String, String) {
        let (key, yaml) = (DataKey::make().unwrap(), named("yaml").unwrap());
        let mut lock = lock(&key);
        lock.metadata.rule = Some(rule);
        let encrypted = PlainFile::parse(yaml, secret(source)).unwrap().encrypt(lock, yaml, Manner::InPlace).unwrap().0;
        let between = text(&encrypted);
        let file = EncryptedFile::parse(yaml, encrypted).unwrap();
        (between, text(&file.decrypt(&key, MacCheck::Enforce, Manner::InPlace).unwrap().plain.into_source()))
    }

    #[test]
    fn no_comment_that_is_dropped_stays_readable() {
        let check = |source: &str, expected: &str| {
            let (between, after) = there_and_back(source, Rule::default_suffix());
            assert!(!between.contains("hunter2") && !between.contains("#\n"), "{between}");
            assert_eq!(after, expected);
        };
        check("users: [   # hunter2\n  alice ]\n", "users: [\n  alice ]\n");
        check("none: [\n  # hunter2\n]\nb:   1\n", "none: [\n]\nb:   1\n");
        check("none: {   # hunter2\n  # hunter2\n  }\n", "none: {\n  }\n");
        check("a: [{ # hunter2\n  b:   'x' }]   # kept\n", "a: [{\n  b:   'x' }]   # kept\n");
        check("cert_unencrypted: |  # hunter2\n  BEGIN\nb:   1\n", "cert_unencrypted: |\n  BEGIN\nb:   1\n");
        check("l: | # hunter2\nb:   1\n", "l: | # hunter2\nb:   1\n");
        check("cert: |  # hunter2\n  BEGIN\nb:   1\n", "cert: |\n    BEGIN\nb:   1\n");
        check("a:   1\n...\n\n# hunter2\n", "a:   1\n...\n\n");
        check("a:   1\n...\n# hunter2\n\n# hunter2", "a:   1\n...\n# hunter2\n");
        check("%YAML 1.1 # hunter2\n---\na:   1\n", "%YAML 1.1\n---\na:   1\n");
        check("a: [ # hunter2\r\n  b ]\r\n", "a: [\r\n  b ]\r\n");
    }

    #[test]
    fn comments_of_what_is_not_encrypted_stay() {
        let source = "meta: {  # one\n  a: b }\nlist_unencrypted: [ # two\n  c ]\ntext: | # three\n  d\ndata: [ # hunter2\n  e ]\n...\n# four\n\n";
        let (between, after) = there_and_back(source, Rule::new("encrypted_regex", "^data$").unwrap());
        assert!(between.starts_with(&source[..source.find("data").unwrap()]) && !between.contains("hunter2"), "{between}");
        assert_eq!(after, source.replace(" # hunter2", ""));
        let (between, _) = there_and_back(source, Rule::default_suffix());
        assert!(between.contains("# two") && !["# one", "# three", "hunter2", "# four"].iter().any(|gone| between.contains(gone)), "{between}");
    }
}
