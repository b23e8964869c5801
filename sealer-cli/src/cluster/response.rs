//! What was asked of the API server, what it answered, and client-go's words for it.
//!
//! *Source*: client-go `rest/request.go` (`newUnstructuredResponseError`) and apimachinery `api/errors` (`NewGenericServerResponse`), v0.36.

use serde_json::Value;

use super::error::{Error, ErrorKind, Result};

/// Most bytes of a text answer that are shown.
const SHOWN: usize = 2048;

/// A Service, or the proxy to it.
#[derive(Debug)]
pub(super) struct Target {
    namespace: String,
    name: String,
    proxied: bool,
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: u16,
    /// The method that was used, in small letters.
    pub(super) method: &'static str,
    /// Whether the body is text for people.
    pub(super) is_text: bool,
    /// The whole body.
    pub(super) body: Vec<u8>,
}

impl Target {
    /// The Service object.
    pub(super) fn service(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned(), proxied: false }
    }

    /// What stands behind the Service; the name is `scheme:name:port`.
    pub(super) fn proxy(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned(), proxied: true }
    }

    /// Refuses names that would change the path.
    ///
    /// # Errors
    /// Configuration.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |what: &str, text: &str| {
            let reason = match text {
                "." | ".." => format!("may not be '{text}'"),
                _ => format!("may not contain '{}'", if text.contains('/') { '/' } else { '%' }),
            };
            (matches!(text, "." | "..") || text.contains(['/', '%'])).then(|| format!("invalid {what} {text:?}: [{reason}]"))
        };
        let message = wrong("namespace", &self.namespace)
            .or_else(|| self.name.is_empty().then(|| "resource name may not be empty".to_owned()))
            .or_else(|| wrong("resource name", &self.name))
            .or_else(|| self.namespace.is_empty().then(|| "an empty namespace may not be set when a resource name is provided".to_owned()));
        message.map_or(Ok(()), |message| Err(Error::new(ErrorKind::Configuration, message)))
    }

    /// The path below the API server's root.
    pub(super) fn path(&self, suffix: &str) -> String {
        let proxy = if self.proxied { "/proxy" } else { "" };
        format!("/api/v1/namespaces/{}/services/{}{proxy}{suffix}", encode(&self.namespace), encode(&self.name))
    }
}

/// Writes a path segment with everything escaped that may not stand in one.
fn encode(segment: &str) -> String {
    let mut path = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,;=".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

impl Answer {
    /// The body, if all went well.
    ///
    /// # Errors
    /// The server's own Status if it sent one, and what client-go makes of the HTTP status otherwise.
    pub(super) fn success(self, target: &Target) -> Result<Vec<u8>> {
        if (200..=206).contains(&self.status) {
            return Ok(self.body);
        }
        let kind = match self.status {
            401 | 403 => ErrorKind::Denied,
            404 => ErrorKind::NotFound,
            408 | 429 | 500..=599 => ErrorKind::Busy,
            _ => ErrorKind::Answer,
        };
        let status: Option<Value> = serde_json::from_slice(&self.body).ok().filter(|status: &Value| status["kind"] == "Status");
        let told = status.as_ref().and_then(|status| status["message"].as_str()).filter(|message| !message.is_empty());
        Err(Error::new(kind, told.map_or_else(|| self.generic(target), str::to_owned)))
    }

    fn generic(&self, target: &Target) -> String {
        let shown = String::from_utf8_lossy(&self.body[..self.body.len().min(SHOWN)]);
        let told = if self.is_text { shown.trim() } else { "unknown" };
        let message = match self.status {
            400 => "the server rejected our request for an unknown reason".to_owned(),
            401 => "the server has asked for the client to provide credentials".to_owned(),
            403 | 415 => told.to_owned(),
            404 => "the server could not find the requested resource".to_owned(),
            405 => "the server does not allow this method on the requested resource".to_owned(),
            406 if told.is_empty() || told == "unknown" => "the server was unable to respond with a content type that the client supports".to_owned(),
            406 => told.to_owned(),
            409 => "the server reported a conflict".to_owned(),
            422 => "the server rejected our request due to an error in our request".to_owned(),
            429 => "the server has received too many requests and has asked us to try again later".to_owned(),
            503 => "the server is currently unable to handle the request".to_owned(),
            504 => "the server was unable to return a response in the time allotted, but may still be processing the request".to_owned(),
            500.. => format!("an error on the server ({told:?}) has prevented the request from succeeding"),
            status => format!("the server responded with the status code {status} but did not return more information"),
        };
        format!("{message} ({} services {})", self.method, target.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: &str) {
        let answer = Answer { status, method: "post", is_text: true, body: body.as_bytes().to_vec() };
        assert_eq!(answer.success(&Target::proxy("n", "http:c:http")).unwrap_err().to_string(), expected);
    }

    #[test]
    fn refusals_have_the_words_of_client_go() {
        check(500, "some text\n", "an error on the server (\"some text\") has prevented the request from succeeding (post services http:c:http)");
        check(429, "limit exceeded", "the server has received too many requests and has asked us to try again later (post services http:c:http)");
        check(413, "", "the server responded with the status code 413 but did not return more information (post services http:c:http)");
        check(503, r#"{"kind":"Status","message":"no endpoints available"}"#, "no endpoints available");
    }

    #[test]
    fn names_cannot_change_the_path() {
        let message = |namespace, name| Target::service(namespace, name).check().unwrap_err().to_string();
        assert_eq!(message("a/b", "x"), "invalid namespace \"a/b\": [may not contain '/']");
        assert_eq!(message("a", ".."), "invalid resource name \"..\": [may not be '..']");
        assert_eq!(message("a", ""), "resource name may not be empty");
        assert_eq!(Target::proxy("n s", "http:c:").path("/v1/cert.pem"), "/api/v1/namespaces/n%20s/services/http:c:/proxy/v1/cert.pem");
    }
}
