//! Which language a template is in.

/// Which functions there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Those of External Secrets: sprig's and its own.
    ExternalSecrets,
    /// Those of Sealed Secrets: sprig's.
    #[default]
    SealedSecrets,
}

/// Functions and delimiters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Language {
    /// Which functions there are.
    pub dialect: Dialect,
    /// What an action begins with; `{{` if it is empty.
    pub left: String,
    /// What an action ends with; `}}` if it is empty.
    pub right: String,
}

impl Language {
    /// As External Secrets reads templates.
    #[must_use]
    pub fn external_secrets() -> Self {
        Self { dialect: Dialect::ExternalSecrets, ..Self::default() }
    }

    /// As Sealed Secrets reads templates.
    #[must_use]
    pub fn sealed_secrets() -> Self {
        Self::default()
    }

    pub(crate) fn delimiters(&self) -> (&[u8], &[u8]) {
        let left = if self.left.is_empty() { "{{" } else { &self.left };
        let right = if self.right.is_empty() { "}}" } else { &self.right };
        (left.as_bytes(), right.as_bytes())
    }
}
