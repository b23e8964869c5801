//! Why a turn did not end well.

use std::time::Duration;

use engine::{Error, ErrorKind};

use crate::api::Refusal;
use crate::reconciler::LONGEST;

/// Why a turn did not end well.
#[derive(Debug)]
pub(super) struct Failure {
    /// For the status: external-secrets' words, and the cause.
    pub(super) message: String,
    /// Whether it may go through by itself.
    pub(super) passing: bool,
    /// When to try again, where that is known.
    pub(super) after: Option<Duration>,
}

impl Failure {
    pub(super) fn lasting(what: &str, why: String) -> Self {
        Self { message: format!("{what}: {why}"), passing: false, after: None }
    }

    pub(super) fn passing(what: &str, why: String) -> Self {
        Self { passing: true, ..Self::lasting(what, why) }
    }

    /// Somebody else keeps changing what was made.
    pub(super) fn contended(after: Duration) -> Self {
        let why = "something else keeps changing or deleting the Secret; it is put right again after a pause".to_owned();
        Self { after: Some(after), ..Self::passing("could not update secret", why) }
    }

    pub(super) fn from_error(what: &str, error: &Error) -> Self {
        let place = error.place().item.as_ref().map(|item| format!("{item}: ")).unwrap_or_default();
        let advice = error.advice().map(|advice| format!(" ({advice})")).unwrap_or_default();
        // What is denied or missing in a system outside changes there, and nobody tells.
        let passing = !matches!(error.kind(), ErrorKind::Input | ErrorKind::Tampered);
        Self { passing, ..Self::lasting(what, format!("{place}cannot {}{advice}", error.message())) }
    }

    pub(super) fn from_server(what: &str, no: &Refusal) -> Self {
        Self::in_words(what, no, no.without_values())
    }

    /// As [`Failure::from_server`], in words of ours: the server quotes values of objects that are no Secrets.
    pub(super) fn unquoted(what: &str, no: &Refusal, action: &str) -> Self {
        let fields = if no.fields.is_empty() { String::new() } else { format!(": {}", no.fields.join(", ")) };
        let why = match no.status {
            403 => format!("the API server does not let the controller {action}: it has no right to, or a rule of admission says no"),
            404 => format!("the API server does not let the controller {action}: there is no such kind or namespace"),
            _ => format!("the API server does not let the controller {action} ({} {}){fields}", no.status, no.reason),
        };
        Self::in_words(what, no, why)
    }

    fn in_words(what: &str, no: &Refusal, words: String) -> Self {
        let why = match no.status {
            0 => "no answer from the API server".to_owned(),
            500.. => format!("the API server fails ({})", no.status),
            _ => words,
        };
        let passing = no.is_passing() || matches!(no.status, 401 | 403 | 404);
        Self { after: (!passing).then_some(LONGEST), passing: true, ..Self::lasting(what, why) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_quotes_is_not_repeated() {
        for status in [400, 403, 404, 409, 422] {
            let no = Refusal {
                status,
                reason: "Invalid".to_owned(),
                message: "spec.a: Invalid value: hunter2".to_owned(),
                fields: vec!["spec.a".to_owned()],
            };
            let failure = Failure::unquoted("could not update resource", &no, "create apps.example.com");
            assert!(!failure.message.contains("hunter2"), "{}", failure.message);
            assert!(failure.message.contains("create apps.example.com"), "{}", failure.message);
            assert_eq!(failure.message.contains("spec.a"), matches!(status, 400 | 409 | 422), "{}", failure.message);
        }
    }
}
