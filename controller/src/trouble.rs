//! Why a turn did not end well, in the words of status, event and metric.

use std::time::Duration;

use engine::{Error, ErrorKind};

use crate::api::Refusal;
use crate::reconciler::LONGEST;
use crate::status::Fault;

/// At most as many errors of one object are told.
const TOLD: usize = 10;

/// What went wrong with one object.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// For the status.
    pub(crate) fault: Fault,
    /// Upstream's word in the event.
    pub(crate) event: &'static str,
    /// Upstream's word in the metric.
    pub(crate) metric: &'static str,
    /// When to try again, where that is known.
    pub(crate) after: Option<Duration>,
}

impl Trouble {
    fn new(reason: &'static str, message: impl Into<String>, passing: bool) -> Self {
        let fault = Fault { reason, message: message.into(), passing };
        Self { fault, event: "ErrUnsealFailed", metric: "unseal", after: None }
    }

    /// Nothing but a change helps.
    pub(crate) fn lasting(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(reason, message, false)
    }

    /// It may go through later.
    pub(crate) fn passing(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(reason, message, true)
    }

    /// Our fault; it is tried again all the same.
    pub(crate) fn bug(message: &str) -> Self {
        Self::passing("Internal", format!("a fault of the controller: {message}"))
    }

    /// Somebody else keeps changing the Secret.
    pub(crate) fn contended(after: Duration) -> Self {
        let message = "something else keeps changing or deleting the Secret; it is put right again after a pause";
        Self { after: Some(after), ..Self::passing("Contended", message).update() }
    }

    /// Several errors of one object.
    pub(crate) fn from_errors(errors: &[Error]) -> Self {
        let kind = ErrorKind::worst(errors.iter().map(Error::kind)).unwrap_or(ErrorKind::Bug);
        let mut messages: Vec<String> = errors.iter().take(TOLD).map(told).collect();
        if errors.len() > TOLD {
            messages.push("and others".to_owned());
        }
        Self::new(reason(kind), messages.join("; "), matches!(kind, ErrorKind::Busy | ErrorKind::Bug))
    }

    /// One error.
    pub(crate) fn from_error(error: &Error) -> Self {
        Self::from_errors(std::slice::from_ref(error))
    }

    /// What the API server says no with, to a write.
    pub(crate) fn from_server(no: &Refusal) -> Self {
        let reason = match no.status {
            401 | 403 => "Denied",
            404 => "NotFound",
            _ if no.is_passing() => "Unavailable",
            _ => "Invalid",
        };
        let message = match no.status {
            0 => "no answer from the API server".to_owned(),
            // Its words differ from one time to the next: addresses, counts. They stand in the log.
            500.. => format!("the API server fails ({} {})", no.status, no.reason),
            _ => no.to_string(),
        };
        // Rights, namespaces and policies come and go without the object.
        let passing = no.is_passing() || matches!(no.status, 401 | 403 | 404);
        Self { after: (!passing).then_some(LONGEST), ..Self::new(reason, message, passing).update() }
    }

    /// It concerns the writing, not the opening.
    pub(crate) fn update(mut self) -> Self {
        self.event = "ErrUpdateFailed";
        if self.metric == "unseal" {
            self.metric = "update";
        }
        self
    }

    /// It concerns a Secret of somebody else.
    pub(crate) fn unmanaged(mut self) -> Self {
        self.metric = "unmanaged";
        self
    }

    /// What the event says.
    pub(crate) fn event_message(&self) -> String {
        let before = if self.event == "ErrUnsealFailed" { "Failed to unseal: " } else { "" };
        format!("{before}{}", self.fault.message)
    }
}

/// The error with its item; the object is known to whoever reads it there.
fn told(error: &Error) -> String {
    let advice = error.advice().map(|advice| format!(" ({advice})")).unwrap_or_default();
    match &error.place().item {
        Some(item) => format!("item {item:?}: {}{advice}", error.message()),
        None => format!("{}{advice}", error.message()),
    }
}

/// The reason of a status, by kind.
fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Input => "Invalid",
        ErrorKind::NotFound => "NotFound",
        ErrorKind::Denied => "Denied",
        ErrorKind::Tampered => "Tampered",
        ErrorKind::Busy => "Unavailable",
        _ => "Internal",
    }
}
