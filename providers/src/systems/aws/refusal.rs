//! What AWS means by its error codes.

use std::time::Duration;

use serde::Deserialize;

use super::sts;
use crate::error::{Error, ErrorKind};
use crate::http::Answer;

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Refusal {
    what: String,
    operation: &'static str,
    status: u16,
    /// The word of AWS for it; empty if it has none.
    pub(super) code: String,
    /// Whether the secret waits to be deleted.
    pub(super) is_doomed: bool,
    retry_after: Option<Duration>,
}

/// The errors of services that speak JSON.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default, rename = "__type")]
    type_: String,
    /// Some services write it small, some large, some both.
    #[serde(default)]
    message: String,
    #[serde(default, rename = "Message")]
    large_message: String,
}

impl Refusal {
    /// Reads what stands in a JSON answer.
    pub(super) fn of_json(what: &str, operation: &'static str, status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let Body { type_, message, large_message } = serde_json::from_slice(body).unwrap_or_default();
        let is_doomed = is_doomed(&message) || is_doomed(&large_message);
        Self { is_doomed, ..Self::of_code(what, operation, status, &type_, retry_after) }
    }

    /// Makes one of a code.
    pub(super) fn of_code(what: &str, operation: &'static str, status: u16, code: &str, retry_after: Option<Duration>) -> Self {
        Self { what: what.to_owned(), operation, status, code: word(code), is_doomed: false, retry_after }
    }

    /// Whether other keys may help.
    pub(super) fn is_about_keys(&self) -> bool {
        matches!(self.code.as_str(), "ExpiredToken" | "ExpiredTokenException" | "InvalidClientTokenId" | "UnrecognizedClientException")
    }

    /// Whether it may go through later.
    pub(super) fn is_busy(&self) -> bool {
        kind(self.status, &self.code) == ErrorKind::Busy
    }

    /// Whether the operation as such is forbidden.
    pub(super) fn is_denied(&self) -> bool {
        self.code.starts_with("AccessDenied")
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let Refusal { what, operation, status, code, retry_after, .. } = refusal;
        let said = if code.is_empty() { format!("status {status}") } else { code.clone() };
        Self::new(kind(status, &code), format!("{what}: {operation} answers {said}")).after(retry_after)
    }
}

/// Whether an answer asks to come again: AWS throttles with status 400.
pub(super) fn is_busy(answer: &Answer) -> bool {
    if answer.status != 400 {
        return false;
    }
    // EXPOSE: the answer is an error; only its code is looked at.
    let body = answer.body.expose();
    let Body { type_, .. } = serde_json::from_slice(body).unwrap_or_default();
    let code = if type_.is_empty() { sts::code(std::str::from_utf8(body).unwrap_or_default()) } else { type_ };
    kind(answer.status, &word(&code)) == ErrorKind::Busy
}

/// Whether a message says that a secret waits to be deleted: there is no code for it.
pub(super) fn is_doomed(message: &str) -> bool {
    message.contains("marked for deletion") || message.contains("marked deleted")
}

/// The code in `prefix#Code:link`; nothing, if that is no single word.
fn word(code: &str) -> String {
    let code = code.rsplit('#').next().unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    let is_word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    if is_word { code.to_owned() } else { String::new() }
}

/// *Source*: the tables of common errors in the API references of the three services.
fn kind(status: u16, code: &str) -> ErrorKind {
    const BUSY: [&str; 9] = [
        "Throttl",
        "TooManyRequests",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceeded",
        "SlowDown",
        "ServiceUnavailable",
        "InternalService",
        "InternalServer",
        "InternalFailure",
    ];
    const DENIED: [&str; 15] = [
        "AccessDenied",
        "NotAuthorized",
        "UnrecognizedClient",
        "InvalidClientTokenId",
        "InvalidSignature",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "ExpiredToken",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "OptInRequired",
        "InvalidIdentityToken",
        "IDPRejectedClaim",
        "DecryptionFailure",
    ];
    if status == 429 || status >= 500 || code == "IDPCommunicationError" || BUSY.iter().any(|start| code.starts_with(start)) {
        ErrorKind::Busy
    } else if matches!(status, 401 | 403) || DENIED.iter().any(|start| code.starts_with(start)) {
        ErrorKind::Denied
    } else {
        ErrorKind::Invalid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, kind: ErrorKind, said: &str) {
        let error = Error::from(Refusal::of_json("read secret a", "GetSecretValue", status, body.as_bytes(), None));
        assert_eq!((error.kind(), error.to_string()), (kind, format!("read secret a: GetSecretValue answers {said}")));
    }

    #[test]
    fn a_code_says_who_is_to_blame_and_nothing_else_is_quoted() {
        use ErrorKind::{Busy, Denied, Invalid};
        check(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#, Busy, "ThrottlingException");
        check(400, r#"{"__type":"com.amazonaws.ssm#TooManyRequestsException"}"#, Busy, "TooManyRequestsException");
        check(429, "slow down, Credential=AKIA/2026", Busy, "status 429");
        check(503, "", Busy, "status 503");
        check(400, r#"{"__type":"InternalServiceError"}"#, Busy, "InternalServiceError");
        check(
            400,
            r#"{"__type":"AccessDeniedException","Message":"User: arn:aws:iam::1:user/x is not authorized"}"#,
            Denied,
            "AccessDeniedException",
        );
        check(400, r#"{"__type":"ExpiredTokenException:http://x"}"#, Denied, "ExpiredTokenException");
        check(403, r#"{"message":"hunter2"}"#, Denied, "status 403");
        check(400, r#"{"__type":"ValidationException"}"#, Invalid, "ValidationException");
        check(400, r#"{"__type":"hunter2 hunter2"}"#, Invalid, "status 400");
        check(400, r#"{"__type":["hunter2"]}"#, Invalid, "status 400");
    }
}
