//! Requests to the services that speak JSON.

use std::collections::HashSet;
use std::sync::Arc;

use keys::SecretBytes;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::auth::Session;
use super::endpoint::Endpoint;
use super::refusal::Refusal;
use super::sign;
use crate::error::{Error, Result};
use crate::http::{Client, Request};
use crate::provider::Validity;

/// The most pages of one list that are read.
const MOST_PAGES: usize = 10_000;

/// One service, as one store reaches it.
pub(super) struct Api {
    pub(super) client: Arc<Client>,
    pub(super) session: Session,
    pub(super) endpoint: Endpoint,
    /// What stands before the dot of each operation.
    pub(super) targets: &'static str,
    /// What a sign-in shows.
    pub(super) validity: Validity,
}

impl Api {
    /// Calls an operation. What AWS refuses is the inner error.
    ///
    /// # Errors
    /// No keys, or nobody answers, or in another shape.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        what: &str,
        operation: &'static str,
        input: &Value,
    ) -> Result<std::result::Result<T, Refusal>> {
        let keys = self.session.keys().await?;
        let refusal = match self.attempt(what, operation, input, &keys).await? {
            Ok(output) => return Ok(Ok(output)),
            Err(refusal) => refusal,
        };
        if !refusal.is_about_keys() {
            return Ok(Err(refusal));
        }
        match self.session.renewed(&keys).await? {
            Some(keys) => self.attempt(what, operation, input, &keys).await,
            None => Ok(Err(refusal)),
        }
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        what: &str,
        operation: &'static str,
        input: &Value,
        keys: &super::auth::Keys,
    ) -> Result<std::result::Result<T, Refusal>> {
        let target = format!("{}.{operation}", self.targets);
        let body = SecretBytes::new(input.to_string().into_bytes());
        let given = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let headers = sign::headers(keys, &self.endpoint, self.session.now(), &given, &body)?;
        let request = Request { what, method: Method::POST, url: self.endpoint.url.clone(), headers: &headers, body: Some(body) };
        let answer = self.client.send(request).await?;
        if answer.status != 200 {
            // EXPOSE: the answer is an error; only its code is kept.
            return Ok(Err(Refusal::of_json(what, operation, answer.status, answer.body.expose(), answer.retry_after)));
        }
        // EXPOSE: the answer is taken apart into secrets.
        let output = serde_json::from_slice(answer.body.expose());
        // The message of the parser may quote what stands there.
        output.map(Ok).map_err(|_| Error::invalid(format!("{what}: the answer to {operation} is not as it should be")))
    }

    /// Calls an operation until there are no more pages; `each` takes one.
    ///
    /// # Errors
    /// As [`Api::call`], and what `each` finds.
    pub(super) async fn pages<T: Page>(
        &self,
        what: &str,
        operation: &'static str,
        mut input: Value,
        mut each: impl FnMut(T) -> Result<()>,
    ) -> Result<std::result::Result<(), Refusal>> {
        let mut seen = HashSet::new();
        loop {
            let mut page: T = match self.call(what, operation, &input).await? {
                Ok(page) => page,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let next = page.next().filter(|token| !token.is_empty());
            each(page)?;
            let Some(token) = next else { return Ok(Ok(())) };
            if let Some(input) = input.as_object_mut() {
                input.insert("NextToken".to_owned(), Value::from(token.clone()));
            }
            if seen.len() >= MOST_PAGES || !seen.insert(token) {
                return Err(Error::invalid(format!("{what}: the pages of {operation} never end")));
            }
        }
    }

    /// Signs in, and asks nothing; not even that, if it is another's sign-in each time.
    pub(super) async fn validate(&self) -> Result<Validity> {
        if self.validity == Validity::Valid {
            self.session.keys().await?;
        }
        Ok(self.validity)
    }
}

/// One page of a list.
pub(super) trait Page: DeserializeOwned {
    /// Takes the mark of the next one.
    fn next(&mut self) -> Option<String>;
}

/// A tag, as answers have it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AnsweredTag {
    key: String,
    #[serde(default)]
    value: String,
}

/// Tags as the text of a JSON object, written as Go does.
pub(super) fn json(tags: Vec<AnsweredTag>) -> SecretBytes {
    crate::json::object(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))
}

/// Reads a text that is a secret.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<SecretBytes>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(|text| SecretBytes::new(text.into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_written_as_go_does() {
        let tag = |key: &str, value: &str| AnsweredTag { key: key.to_owned(), value: value.to_owned() };
        assert_eq!(json(vec![tag("b", "<x>&\u{2028}"), tag("a", "\"ü")]).expose(), r#"{"a":"\"ü","b":"\u003cx\u003e\u0026\u2028"}"#.as_bytes());
        assert_eq!(json(Vec::new()).expose(), b"{}");
    }
}
