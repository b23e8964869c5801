//! The one place that answers "may this be opened under this name?".

use std::fmt;
use std::str::FromStr;

/// How far an item may travel: decided when it is sealed, bound into the ciphertext by its [`Label`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Opens only under the same namespace and name.
    #[default]
    Strict,
    /// Opens under any name of the same namespace.
    NamespaceWide,
    /// Opens anywhere in the cluster.
    ClusterWide,
}

impl Scope {
    /// Every scope, the strictest first.
    pub const ALL: [Self; 3] = [Self::Strict, Self::NamespaceWide, Self::ClusterWide];

    /// The word of the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::NamespaceWide => "namespace-wide",
            Self::ClusterWide => "cluster-wide",
        }
    }

    /// Derives what a sealed item is bound to.
    ///
    /// *Source*: sealed-secrets `pkg/apis/sealedsecrets/v1alpha1/sealedsecret_expansion.go`, v0.38.4.
    #[must_use]
    pub fn label(self, namespace: &str, name: &str) -> Label {
        Label(match self {
            Self::Strict => format!("{namespace}/{name}").into_bytes(),
            Self::NamespaceWide => namespace.as_bytes().to_vec(),
            Self::ClusterWide => Vec::new(),
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or(UnknownScope)
    }
}

/// Says that a word names no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownScope;

impl fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scope is strict, namespace-wide or cluster-wide")
    }
}

impl std::error::Error for UnknownScope {}

/// The OAEP label of a sealed item.
///
/// *Shape*: `namespace/name`, `namespace`, or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(Vec<u8>);

impl Label {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_holds_as_much_as_the_scope_binds() {
        assert_eq!(Scope::Strict.label("ns", "db").as_bytes(), b"ns/db");
        assert_eq!(Scope::NamespaceWide.label("ns", "db").as_bytes(), b"ns");
        assert_eq!(Scope::ClusterWide.label("ns", "db").as_bytes(), b"");
    }

    #[test]
    fn every_scope_is_read_back_from_its_name() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        assert_eq!("Strict".parse::<Scope>(), Err(UnknownScope));
        assert!(UnknownScope.to_string().contains("namespace-wide"));
    }
}
