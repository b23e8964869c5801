//! Why the tool stops: a text, in upstream's words where scripts look for them, and an exit status.

use engine::{Cause, Error, LostGroup, LostKey, LostPart};

use super::wrap::{indented, wrapped};

/// What the exit statuses mean.
///
/// *Source*: sops `cmd/sops/codes/codes.go`, v3.13.3.
pub(super) mod codes {
    /// Anything that has no status of its own.
    pub(crate) const GENERIC: u8 = 1;
    /// The input cannot be read.
    pub(crate) const INPUT: u8 = 2;
    /// The output cannot be written.
    pub(crate) const OUTPUT: u8 = 3;
    /// The result cannot be said in the format.
    pub(crate) const DUMP: u8 = 4;
    /// The context for KMS is malformed.
    pub(crate) const CONTEXT: u8 = 6;
    /// A path or a value of `set` is malformed.
    pub(crate) const SET: u8 = 7;
    /// Two things that exclude each other.
    pub(crate) const CONFLICT: u8 = 8;
    /// A value cannot be encrypted.
    pub(crate) const ENCRYPTING: u8 = 23;
    /// A value does not decrypt.
    pub(crate) const DECRYPTING: u8 = 25;
    /// Keys of a file that does not exist.
    pub(crate) const KEYS_OF_NOTHING: u8 = 49;
    /// The MAC does not fit.
    pub(crate) const MAC: u8 = 51;
    /// A path is malformed.
    pub(crate) const PATH: u8 = 91;
    /// The file is empty.
    pub(crate) const EMPTY: u8 = 92;
    /// No file is named, or there is none.
    pub(crate) const NO_FILE: u8 = 100;
    /// A kind of keys is named twice.
    pub(crate) const ORDER: u8 = 112;
    /// No key opens the file.
    pub(crate) const NO_KEY: u8 = 128;
    /// The editor changed nothing.
    pub(crate) const UNCHANGED: u8 = 200;
    /// There is no editor, or it failed.
    pub(crate) const EDITOR: u8 = 201;
    /// The file is encrypted already.
    pub(crate) const ENCRYPTED: u8 = 203;
}

/// A message for standard error, and the status.
#[derive(Debug)]
pub(super) struct Failure {
    /// The exit status.
    pub(super) code: u8,
    /// What is said; nothing if it is empty.
    pub(super) text: String,
    /// True if it is said as a line of a log, as upstream does with what it did not foresee.
    pub(super) logged: bool,
}

/// Shortens signatures.
pub(super) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with a status of its own.
    pub(super) fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), logged: false }
    }

    /// Any other failure.
    pub(super) fn generic(text: impl Into<String>) -> Self {
        Self::new(codes::GENERIC, text)
    }

    /// Any other failure, told in the log.
    pub(super) fn logged(text: impl Into<String>) -> Self {
        Self { logged: true, ..Self::generic(text) }
    }

    /// A failure on the way from a file to its content: no key, a value or the MAC that does not fit, a file that is none.
    pub(super) fn opening(error: &Error, store: &str) -> Self {
        use sops::ErrorKind::{Configuration, Malformed, NotEncrypted, Tampered, WrongMac};
        match error.cause() {
            Some(Cause::DataKey) => Self::new(codes::NO_KEY, error.lost_key().map_or_else(|| told(error), lost_key)),
            Some(Cause::File(WrongMac)) => Self::new(codes::MAC, format!("MAC mismatch. {}", told(error))),
            Some(Cause::File(Tampered | Configuration)) => Self::new(codes::DECRYPTING, format!("Error decrypting tree: {}", told(error))),
            Some(Cause::File(NotEncrypted)) => Self::generic("sops metadata not found"),
            Some(Cause::File(Malformed)) => Self::generic(format!("Error unmarshalling input {store}: {}", told(error))),
            _ => Self::generic(told(error)),
        }
    }

    /// A failure on the way from content to an encrypted file.
    pub(super) fn closing(error: &Error) -> Self {
        use sops::ErrorKind::{Configuration, Unencryptable, Unwritable};
        match error.cause() {
            Some(Cause::File(Unencryptable | Configuration)) => Self::new(codes::ENCRYPTING, format!("Error encrypting tree: {}", told(error))),
            Some(Cause::File(Unwritable)) => Self::new(codes::DUMP, format!("Could not marshal tree: {}", told(error))),
            Some(Cause::File(_)) => Self::generic(told(error)),
            _ => Self::generic(format!("Could not generate data key: [{}]", told(error))),
        }
    }

    /// A failure to write the tree in a format.
    pub(super) fn dumping(what: &str, error: &sops::Error) -> Self {
        Self::new(codes::DUMP, format!("Error dumping {what}: cannot {error}"))
    }

    /// The file is encrypted already, or looks like it.
    pub(super) fn encrypted_already() -> Self {
        let first = "The file you have provided contains a top-level entry called 'sops', or for flat file formats top-level entries starting with \
            'sops_'. This is generally due to the file already being encrypted: what is needed to decrypt it stands under that name, so nothing else can.";
        let advice = "Rename the entry if the file is not encrypted. If it is, change it with `sops edit FILE`.";
        Self::new(codes::ENCRYPTED, format!("{}\n\n{}", wrapped(first, 75), wrapped(advice, 75)))
    }
}

/// The place, what cannot be done, and what to do about it.
pub(super) fn told(error: &Error) -> String {
    let advice = error.advice().map(|advice| format!(". {advice}")).unwrap_or_default();
    format!("{}cannot {}{advice}", error.place(), error.message())
}

/// What became of the keys, group by group: tools show it, and look for its first line.
pub(super) fn lost_key(lost: &LostKey) -> String {
    let groups: Vec<String> = lost.groups.iter().enumerate().map(|(at, group)| group_text(at, group)).collect();
    let open = lost.groups.iter().filter(|group| group.is_open).count();
    let trailer = if lost.threshold == 0 {
        "Recovery failed because no master key was able to decrypt the file: one of them at least has to.".to_owned()
    } else {
        let needed = lost.threshold;
        format!(
            "Recovery failed because the file was encrypted with a Shamir threshold of {needed}, but only {open} part(s) were successfully recovered, \
            one for each group with a key that opens."
        )
    };
    format!("Failed to get the data key required to decrypt the SOPS file.\n\n{}\n\n{}", groups.join("\n\n"), wrapped(&trailer, 75))
}

fn group_text(at: usize, group: &LostGroup) -> String {
    if group.is_open {
        return format!("Group {at}: SUCCESS");
    }
    let keys: Vec<String> = group.failures.iter().map(key_text).collect();
    format!("Group {at}: FAILED\n{}", indented(&keys.join("\n\n"), "  ", "  "))
}

fn key_text(LostPart { identity, reason, .. }: &LostPart) -> String {
    if reason.is_empty() {
        return format!("{identity}: FAILED");
    }
    format!("{identity}: FAILED\n{}", indented(&wrapped(reason, 60), "  - | ", "    | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_laid_out_by_group() {
        let part = |identity: &str, reason: &str| LostPart { kind: "age".into(), identity: identity.into(), reason: reason.into() };
        let long = "no identity was found where one was looked for, and this line is too long for one";
        let groups = vec![
            LostGroup { is_open: true, failures: vec![part("age1a", "x")] },
            LostGroup { is_open: false, failures: vec![part("age1b", long), part("age1c", "")] },
        ];
        let text = lost_key(&LostKey { threshold: 2, groups });
        let expected = "Failed to get the data key required to decrypt the SOPS file.\n\nGroup 0: SUCCESS\n\nGroup 1: FAILED\n  age1b: FAILED\n    \
            - | no identity was found where one was looked for, and this\n      | line is too long for one\n\n  age1c: FAILED\n\nRecovery failed because";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("Shamir threshold of") && text.contains("only 1 part(s)"), "{text}");
    }
}
