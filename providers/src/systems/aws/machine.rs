//! The identity of the machine that this process runs on, as its metadata service hands it out (IMDSv2). Nobody comes here on behalf of a store that
//! may not be us, and no other client reaches that address.
//!
//! *Source*: the guide of Amazon EC2, "Use IMDSv2"; the guide of the SDKs, "IMDS credential provider".

use std::net::IpAddr;
use std::time::Duration;

use keys::SecretBytes;
use reqwest::Method;
use url::Url;

use super::ambient::{handed, text};
use super::auth::Keys;
use super::endpoint;
use super::refusal::Refusal;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Client, Header, Request, Settings};
use crate::provider::Access;

/// Where it is.
const ADDRESSES: [(&str, &str); 2] = [("ipv4", "http://169.254.169.254"), ("ipv6", "http://[fd00:ec2::254]")];

/// How long an answer may take: it is on the machine, or there is none.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the token of a visit is good for, in seconds.
const VISIT: &str = "60";

const WHAT: &str = "ask the metadata service of this machine for credentials of AWS";

const NOBODY: &str =
    "sign in to AWS: the store names no credentials, this process has no identity of its own, and no metadata service of a machine answers";

const ROLES: &str = "latest/meta-data/iam/security-credentials/";

/// Finds the keys; `None` if whoever runs us does not want that service to be asked.
///
/// # Errors
/// Busy: nobody answers. Denied: the machine has no role, or the address is none of a machine.
pub(super) async fn keys(access: &dyn Access) -> Result<Option<Keys>> {
    let set = |name: &str| access.variable(name)?.filter(|value| !value.is_empty()).map(|value| text(name, &value)).transpose();
    if set("AWS_EC2_METADATA_DISABLED")?.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let mode = set("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")?.unwrap_or_default().to_lowercase();
    let usual = ADDRESSES.iter().find(|(name, _)| *name == mode).unwrap_or(&ADDRESSES[0]).1;
    let address = set("AWS_EC2_METADATA_SERVICE_ENDPOINT")?.unwrap_or_else(|| usual.to_owned());
    let service = Service::at(&address, access)?;
    let visit = Header::new("x-aws-ec2-metadata-token-ttl-seconds", &plain(VISIT))?;
    let nobody = |error: Error| if error.kind() == ErrorKind::Busy { Error::busy(NOBODY).after(error.retry_after()) } else { error };
    let token = service.ask(Method::PUT, "latest/api/token", &visit).await.map_err(nobody)?;
    let token = Header::new("x-aws-ec2-metadata-token", &token.body)?;
    let role = service.ask(Method::GET, ROLES, &token).await?;
    let role = role_of(&role.body).ok_or_else(|| Error::denied(format!("{WHAT}: the machine has no role")))?;
    let answer = service.ask(Method::GET, &format!("{ROLES}{role}"), &token).await?;
    handed(WHAT, &answer).map(Some)
}

struct Service {
    url: Url,
    client: Client,
}

impl Service {
    fn at(address: &str, access: &dyn Access) -> Result<Self> {
        let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        // A name could lead anywhere, and what it leads to could give us the keys of somebody else.
        let found = url.and_then(|url| endpoint::number(&url).filter(is_near).map(|number| (url, number)));
        let wrong = || Error::denied(format!("{WHAT}: AWS_EC2_METADATA_SERVICE_ENDPOINT is not an address of this machine or of its link"));
        let (url, number) = found.ok_or_else(wrong)?;
        let settings = Settings { reach: access.reach().and(number), patience: PATIENCE, retries: 1, ..Settings::default() };
        Ok(Self { url, client: Client::new(&settings)? })
    }

    async fn ask(&self, method: Method, path: &str, header: &Header) -> Result<Answer> {
        let url = self.url.join(&format!("/{path}")).map_err(|_| Error::invalid(format!("{WHAT}: the path is none")))?;
        let answer = self.client.send(Request { what: WHAT, method, url, headers: std::slice::from_ref(header), body: None }).await?;
        if answer.status == 200 { Ok(answer) } else { Err(Refusal::of_code(WHAT, "it", answer.status, "", answer.retry_after).into()) }
    }
}

fn is_near(number: &IpAddr) -> bool {
    let usual = ADDRESSES.iter().filter_map(|(_, address)| endpoint::number(&Url::parse(address).ok()?)).any(|usual| usual == *number);
    usual || number.is_loopback() || matches!(number, IpAddr::V4(number) if number.is_link_local())
}

/// The first role of a list; it becomes part of a path.
fn role_of(list: &SecretBytes) -> Option<String> {
    // EXPOSE: the name of a role.
    let name = std::str::from_utf8(list.expose()).ok()?.lines().next()?.trim();
    let is_role = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    (!name.is_empty() && !name.starts_with('.') && name.len() <= 64 && name.bytes().all(is_role)).then(|| name.to_owned())
}

fn plain(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_a_word_that_leads_nowhere_else() {
        for (list, expected) in [
            ("reader", Some("reader")),
            ("a+b=c,d.e@f-g_h\nother\n", Some("a+b=c,d.e@f-g_h")),
            ("", None),
            ("../token", None),
            ("a/b", None),
            ("<html>", None),
        ] {
            assert_eq!(role_of(&plain(list)).as_deref(), expected, "{list}");
        }
    }

    #[test]
    fn a_metadata_service_is_near() {
        for (address, expected) in [
            ("169.254.169.254", true),
            ("169.254.1.1", true),
            ("127.0.0.1", true),
            ("fd00:ec2::254", true),
            ("::1", true),
            ("10.0.0.1", false),
            ("203.0.113.7", false),
            ("fd00::1", false),
        ] {
            assert_eq!(is_near(&address.parse().unwrap()), expected, "{address}");
        }
    }
}
