//! Which leaves are encrypted.

use goregex::Pattern;

use crate::error::{Error, ErrorKind, Result};

/// The suffix of keys that stay readable where no rule says otherwise.
///
/// *Source*: sops `stores/stores.go` and `cmd/sops/main.go`, v3.13.3.
const DEFAULT_SUFFIX: &str = "_unencrypted";

/// Names of the rules in metadata and configuration, in the order in which sops looks at them.
pub const RULE_NAMES: [&str; 6] =
    ["unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex", "unencrypted_comment_regex", "encrypted_comment_regex"];

/// One rule, as metadata and configuration say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    name: &'static str,
    text: String,
}

impl Rule {
    /// Makes a rule by its name.
    ///
    /// # Errors
    /// Configuration: no rule of that name.
    pub fn new(name: &str, text: impl Into<String>) -> Result<Self> {
        let known = RULE_NAMES.into_iter().find(|known| *known == name);
        let name = known.ok_or_else(|| Error::new(ErrorKind::Configuration, format!("use a rule {name}: there is none of that name")))?;
        Ok(Self { name, text: text.into() })
    }

    /// The rule where none is given: keys that end in `_unencrypted` stay readable.
    #[must_use]
    pub fn default_suffix() -> Self {
        Self { name: RULE_NAMES[0], text: DEFAULT_SUFFIX.to_owned() }
    }

    /// Its name, one of [`RULE_NAMES`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The suffix or the expression.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A rule that is ready to be asked.
#[derive(Debug)]
pub(crate) struct Selection {
    test: Test,
    /// What a leaf is that the test does not touch.
    otherwise: bool,
}

#[derive(Debug)]
enum Test {
    Suffix(String),
    Key(Pattern),
    Comment(Pattern),
}

impl Selection {
    /// Compiles a rule. An expression that does not compile is an error, where sops encrypts everything or nothing.
    ///
    /// # Errors
    /// Configuration: the expression does not compile.
    pub(crate) fn new(rule: &Rule) -> Result<Self> {
        let pattern =
            || Pattern::new(rule.text.as_bytes()).map_err(|bad| Error::new(ErrorKind::Configuration, format!("use the rule {}: {bad}", rule.name)));
        let test = if rule.name.ends_with("_suffix") {
            Test::Suffix(rule.text.clone())
        } else if rule.name.ends_with("_comment_regex") {
            Test::Comment(pattern()?)
        } else {
            Test::Key(pattern()?)
        };
        Ok(Self { test, otherwise: rule.name.starts_with("unencrypted") })
    }

    /// Follows the walk over a document from its top.
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk { selection: self, levels: Vec::new() }
    }

    /// True if an encrypted comment would be taken for one that keeps values readable, so that the file could not be read again.
    pub(crate) fn misreads(&self, ciphertext: &[u8]) -> bool {
        self.otherwise && matches!(&self.test, Test::Comment(pattern) if pattern.is_match(ciphertext))
    }

    fn key_matches(&self, key: &str) -> bool {
        match &self.test {
            Test::Suffix(suffix) => key.ends_with(suffix.as_str()),
            Test::Key(pattern) => pattern.is_match(key.as_bytes()),
            Test::Comment(_) => false,
        }
    }
}

/// Says for each leaf on the way whether it is selected. One level is one mapping or sequence.
#[derive(Debug)]
pub(crate) struct Walk<'s> {
    selection: &'s Selection,
    levels: Vec<Level>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Level {
    /// A key on the way here matches.
    key: bool,
    /// A comment that still counts matches, not the last one.
    before: bool,
    /// The last comment that still counts matches.
    last: bool,
}

impl Walk<'_> {
    /// Goes into a mapping or a sequence that stands under a key, or in a sequence, or at the top.
    pub(crate) fn enter(&mut self, key: Option<&str>) {
        let outer = self.levels.last().copied().unwrap_or_default();
        let key = outer.key || key.is_some_and(|key| self.selection.key_matches(key));
        self.levels.push(Level { key, ..Level::default() });
    }

    /// Comes out again.
    pub(crate) fn leave(&mut self) {
        self.levels.pop();
    }

    /// Passes a comment, as it stands in the file, and says whether the comment itself is selected.
    pub(crate) fn comment(&mut self, text: &[u8]) -> bool {
        let Test::Comment(pattern) = &self.selection.test else {
            return self.is_selected(None);
        };
        let matches = pattern.is_match(text);
        if let Some(level) = self.levels.last_mut() {
            level.before |= level.last;
            level.last = matches;
        }
        // The comment that switches encryption on stays readable itself.
        let own = self.selection.otherwise;
        let depth = self.levels.len();
        let found = self.levels.iter().enumerate().any(|(at, level)| level.before || (level.last && (own || at + 1 != depth)));
        found != self.selection.otherwise
    }

    /// Says whether the leaf under a key, or in a sequence, is selected.
    pub(crate) fn is_selected(&self, key: Option<&str>) -> bool {
        let found = match &self.selection.test {
            Test::Comment(_) => self.levels.iter().any(|level| level.before || level.last),
            _ => self.levels.last().is_some_and(|level| level.key) || key.is_some_and(|key| self.selection.key_matches(key)),
        };
        found != self.selection.otherwise
    }

    /// Passes a value, whatever it is: the comments before it counted for it only.
    pub(crate) fn pass(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            (level.before, level.last) = (false, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(name: &str, text: &str, path: &[&str]) -> bool {
        let selection = Selection::new(&Rule::new(name, text).unwrap()).unwrap();
        let mut walk = selection.walk();
        walk.enter(None);
        let (last, above) = path.split_last().unwrap();
        for key in above {
            walk.enter(Some(key));
        }
        walk.is_selected(Some(last))
    }

    #[test]
    fn a_rule_holds_for_everything_below_a_key_that_matches() {
        let check = |name, text, path: &[&str], expected| assert_eq!(selected(name, text, path), expected, "{name} {text} {path:?}");
        check("unencrypted_suffix", "_plain", &["a"], true);
        check("unencrypted_suffix", "_plain", &["a_plain"], false);
        check("unencrypted_suffix", "_plain", &["a_plain", "b"], false);
        check("encrypted_suffix", "_secret", &["a", "b_secret", "c"], true);
        check("encrypted_suffix", "_secret", &["a", "b"], false);
        check("encrypted_regex", "^(data|stringData)$", &["data", "x"], true);
        check("encrypted_regex", "^(data|stringData)$", &["metadata", "x"], false);
        check("unencrypted_regex", "^meta", &["metadata", "name"], false);
        check("unencrypted_regex", r"^\d$", &["\u{663}"], true);
    }

    #[test]
    fn a_comment_counts_for_what_comes_next_and_below() {
        let selection = Selection::new(&Rule::new("encrypted_comment_regex", "sops:enc").unwrap()).unwrap();
        let mut walk = selection.walk();
        walk.enter(None);
        assert!(!walk.is_selected(Some("a")));
        walk.pass();
        assert!(!walk.comment(b" sops:enc"), "the comment itself stays readable");
        assert!(walk.comment(b" another"), "the next one does not");
        walk.enter(Some("b"));
        assert!(walk.is_selected(Some("c")));
        assert!(walk.comment(b" sops:enc"), "one further down is below a match");
        walk.leave();
        walk.pass();
        assert!(!walk.is_selected(Some("d")));

        let selection = Selection::new(&Rule::new("unencrypted_comment_regex", "plain").unwrap()).unwrap();
        let mut walk = selection.walk();
        walk.enter(None);
        assert!(walk.is_selected(Some("a")));
        assert!(!walk.comment(b" plain"));
        assert!(!walk.is_selected(Some("a")));
        walk.pass();
        assert!(walk.is_selected(Some("b")));
        assert!(selection.misreads(b"ENC[plain"));
    }

    #[test]
    fn an_expression_that_does_not_compile_is_refused() {
        let error = Selection::new(&Rule::new("encrypted_regex", "(").unwrap()).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Configuration, "use the rule encrypted_regex: malformed regular expression")
        );
        assert!(Rule::new("encrypted", "x").is_err());
    }
}
