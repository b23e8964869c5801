//! The token service: roles are assumed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use keys::SecretBytes;
use quick_xml::Reader;
use quick_xml::events::Event;
use reqwest::Method;
use url::form_urlencoded::Serializer;

use super::auth::{Keys, Role};
use super::endpoint::Endpoint;
use super::refusal::Refusal;
use super::sign;
use crate::error::{Error, Result};
use crate::http::{Client, Header, Request};

/// What our sessions are called, as in external-secrets.
pub(super) const SESSION_NAME: &str = "external-secrets-provider-aws";

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The service, as it is asked.
pub(super) struct Sts<'a> {
    pub(super) client: &'a Client,
    pub(super) endpoint: &'a Endpoint,
}

impl Sts<'_> {
    /// Assumes a role as whoever has these keys.
    pub(super) async fn assume(&self, role: &Role, keys: &Keys, now: Timestamp) -> Result<Keys> {
        let what = format!("assume the role {}", role.arn);
        let body = assume_form(role);
        let headers = sign::headers(keys, self.endpoint, now, &[FORM], &body)?;
        self.ask(&what, "AssumeRole", &headers, body).await
    }

    /// Assumes a role as whoever has this token.
    pub(super) async fn assume_with_token(&self, role: &str, session: &str, token: &SecretBytes) -> Result<Keys> {
        let what = format!("assume the role {role} with a token");
        let body = token_form(role, session, token).ok_or_else(|| Error::invalid(format!("{what}: the token is no text")))?;
        let headers = [Header::new(FORM.0, &SecretBytes::new(FORM.1.as_bytes().to_vec()))?];
        self.ask(&what, "AssumeRoleWithWebIdentity", &headers, body).await
    }

    async fn ask(&self, what: &str, operation: &'static str, headers: &[Header], body: SecretBytes) -> Result<Keys> {
        let request = Request { what, method: Method::POST, url: self.endpoint.url.clone(), headers, body: Some(body) };
        let answer = self.client.send(request).await?;
        // EXPOSE: the answer is taken apart into secrets.
        let text = std::str::from_utf8(answer.body.expose()).unwrap_or_default();
        if answer.status != 200 {
            return Err(Refusal::of_code(what, operation, answer.status, &code(text), answer.retry_after).into());
        }
        keys_of(text).ok_or_else(|| Error::invalid(format!("{what}: the answer to {operation} has no credentials")))
    }
}

/// The word for an error; nothing if the text has none.
pub(super) fn code(text: &str) -> String {
    let code = elements(text, &["Code"]).and_then(|mut found| found.remove("Code"));
    // EXPOSE: a word for an error is no secret; what is no single word is dropped by whoever tells it.
    code.as_ref().and_then(|code| std::str::from_utf8(code.expose()).ok()).unwrap_or_default().to_owned()
}

fn form(action: &str, role: &str, session: &str) -> Serializer<'static, String> {
    let mut form = Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", "2011-06-15");
    form.append_pair("RoleArn", role).append_pair("RoleSessionName", session);
    form
}

fn assume_form(role: &Role) -> SecretBytes {
    let mut form = form("AssumeRole", &role.arn, SESSION_NAME);
    if let Some(external_id) = &role.external_id {
        form.append_pair("ExternalId", external_id);
    }
    for (number, (key, value)) in (1..).zip(&role.tags) {
        form.append_pair(&format!("Tags.member.{number}.Key"), key).append_pair(&format!("Tags.member.{number}.Value"), value);
    }
    for (number, key) in (1..).zip(&role.transitive) {
        form.append_pair(&format!("TransitiveTagKeys.member.{number}"), key);
    }
    SecretBytes::new(form.finish().into_bytes())
}

fn token_form(role: &str, session: &str, token: &SecretBytes) -> Option<SecretBytes> {
    let mut form = form("AssumeRoleWithWebIdentity", role, session);
    // EXPOSE: the token goes to the service that it is for.
    form.append_pair("WebIdentityToken", std::str::from_utf8(token.expose()).ok()?.trim());
    Some(SecretBytes::new(form.finish().into_bytes()))
}

fn keys_of(text: &str) -> Option<Keys> {
    let mut found = elements(text, &["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"])?;
    let (id, secret, token) = (found.remove("AccessKeyId")?, found.remove("SecretAccessKey")?, found.remove("SessionToken")?);
    let expires = found.remove("Expiration")?;
    // EXPOSE: a time, which is no secret.
    let expires = std::str::from_utf8(expires.expose()).ok()?.parse().ok()?;
    Some(Keys { id, secret, token: Some(token), expires: Some(expires) })
}

/// The texts of the first elements of these names, wherever they stand; `None`, if it is not XML, or if one of them holds more than text.
fn elements<'a>(text: &str, names: &[&'a str]) -> Option<BTreeMap<&'a str, SecretBytes>> {
    let mut reader = Reader::from_str(text);
    let mut found: BTreeMap<&str, SecretBytes> = BTreeMap::new();
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return Some(found),
            Event::Start(start) => {
                let name = names.iter().find(|name| start.local_name().as_ref() == **name);
                if let Some(name) = name.filter(|name| !found.contains_key(**name)) {
                    let Event::Text(inner) = reader.read_event().ok()? else { return None };
                    found.insert(name, SecretBytes::new(inner.trim().as_bytes().to_vec()));
                    let Event::End(_) = reader.read_event().ok()? else { return None };
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n <AssumeRoleResult><Credentials>\
        <AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>a+b/c</SecretAccessKey><SessionToken>t0k=</SessionToken>\
        <Expiration>2026-11-26T00:48:58.579472Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

    #[test]
    fn credentials_are_found_and_half_an_answer_has_none() {
        let keys = keys_of(ANSWER).unwrap();
        let parts = [&keys.id, &keys.secret, keys.token.as_ref().unwrap()].map(|part| part.expose().to_vec());
        assert_eq!(parts, [b"ASIA1".to_vec(), b"a+b/c".to_vec(), b"t0k=".to_vec()]);
        assert_eq!(keys.expires.unwrap().to_string(), "2026-11-26T00:48:58.579472Z");
        for half in [
            "",
            "hunter2",
            &ANSWER[..200],
            &ANSWER.replace("<SessionToken>t0k=</SessionToken>", ""),
            &ANSWER.replace("t0k=", "<b>t0k=</b>"),
            &ANSWER.replace("t0k=", "t0k&amp;"),
            &ANSWER.replace("2026-11-26T", "tomorrow "),
        ] {
            assert!(keys_of(half).is_none(), "{half}");
        }
    }

    #[test]
    fn a_role_is_asked_for_with_its_tags() {
        let role = Role {
            arn: "arn:aws:iam::1:role/r".to_owned(),
            external_id: Some("a&b".to_owned()),
            tags: vec![("k".to_owned(), "v w".to_owned()), ("l".to_owned(), "x".to_owned())],
            transitive: vec!["k".to_owned()],
        };
        let expected = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=external-secrets-provider-aws\
            &ExternalId=a%26b&Tags.member.1.Key=k&Tags.member.1.Value=v+w&Tags.member.2.Key=l&Tags.member.2.Value=x&TransitiveTagKeys.member.1=k";
        assert_eq!(String::from_utf8(assume_form(&role).expose().to_vec()).unwrap(), expected);
    }
}
