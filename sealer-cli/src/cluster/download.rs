//! A certificate from a web server or a `file:` URL, and what tells an address from a file name.
//!
//! *Source*: sealed-secrets `pkg/kubeseal/kubeseal.go` (`isFilename`, `openCertURI`) and Go `net/url`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode, Uri};
use kube::Config;

use super::CERTIFICATE_LIMIT;
use super::error::{Error, ErrorKind, Result, describe, shown};
use super::kubeconfig::Variables;
use super::proxy;
use super::transport::{self, Link, Method};

/// Longest time for one download; upstream waits forever.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Most redirects that are followed, as in Go.
const REDIRECTS: usize = 10;

/// Where a certificate is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// In a file.
    File(PathBuf),
    /// At a URL, as it was given.
    Url(String),
}

impl Location {
    /// Tells URLs from file names; a scheme of one letter is a drive.
    ///
    /// # Errors
    /// Configuration: neither, in Go's words.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let wrong = |reason: &str| Err(Error::new(ErrorKind::Configuration, format!("parse {}: {reason}", crate::compat::quote(text))));
        if text.chars().any(|letter| letter.is_ascii_control()) {
            return wrong("net/url: invalid control character in URL");
        }
        let scheme = match text.find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.'))) {
            Some(0) if text.starts_with(':') => return wrong("missing protocol scheme"),
            Some(end) if text[end..].starts_with(':') && text.starts_with(|first: char| first.is_ascii_alphabetic()) => &text[..end],
            _ => "",
        };
        if scheme.len() > 1 {
            return match broken_host(text) {
                Some(reason) => wrong(&reason),
                None => Ok(Self::Url(text.to_owned())),
            };
        }
        let segment = text.split(['/', '?', '#']).next().unwrap_or_default();
        if scheme.is_empty() && segment.contains(':') {
            return wrong("first path segment in URL cannot contain colon");
        }
        if let Some(escape) = broken_escape(text).filter(|_| scheme.is_empty()) {
            return wrong(&format!("invalid URL escape {}", crate::compat::quote(&escape)));
        }
        Ok(Self::File(PathBuf::from(text)))
    }
}

fn broken_host(text: &str) -> Option<String> {
    let authority = text.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    (host.starts_with('[') && !host.contains(']')).then(|| "missing ']' in host".to_owned())
}

fn broken_escape(text: &str) -> Option<String> {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    text.match_indices('%').find_map(|(at, _)| {
        let escape: String = text[at..].chars().take(3).collect();
        let whole = escape.len() == 3 && escape[1..].chars().all(|digit| digit.is_ascii_hexdigit());
        (!whole).then_some(escape)
    })
}

/// Reads what is at a URL of scheme http, https or file.
///
/// # Errors
/// Configuration: another scheme. NotFound, Denied: the server says so. Busy: no answer in time. Answer: everything else, and more than 1 MiB.
pub(crate) fn download(url: &str, variables: Variables) -> Result<Vec<u8>> {
    let (scheme, rest) = url.split_once(':').unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => web(url, variables),
        "file" => file(url, rest),
        _ => {
            Err(Error::new(ErrorKind::Configuration, format!("Get {:?}: unsupported protocol scheme {:?}", shown(url), scheme.to_ascii_lowercase())))
        }
    }
}

fn file(url: &str, rest: &str) -> Result<Vec<u8>> {
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => rest,
    };
    let path = PathBuf::from(unescape(path));
    let refused = |status: StatusCode, kind| Err(Error::new(kind, format!("cannot fetch {:?}: {status}", shown(url))));
    let open = fs::File::open(&path).and_then(|file| read_limited(file, &path));
    match open {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => refused(StatusCode::NOT_FOUND, ErrorKind::NotFound),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => refused(StatusCode::FORBIDDEN, ErrorKind::Denied),
        Err(error) => Err(Error::new(ErrorKind::Answer, describe("read", Path::new(&path), &error))),
    }
}

fn read_limited(file: fs::File, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(CERTIFICATE_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > CERTIFICATE_LIMIT {
        return Err(io::Error::other(format!("{} is larger than {CERTIFICATE_LIMIT} bytes", path.display())));
    }
    Ok(bytes)
}

fn web(url: &str, variables: Variables) -> Result<Vec<u8>> {
    let runtime = transport::runtime()?;
    let mut address = url.split('#').next().unwrap_or_default().to_owned();
    for _ in 0..=REDIRECTS {
        let has_host = address.split_once("://").is_some_and(|(_, rest)| !rest.is_empty() && !rest.starts_with(['/', '?']));
        let uri: Uri = address.parse().map_err(|_| unusable(&address, if has_host { "invalid address" } else { "http: no Host in request URL" }))?;
        let (link, path) = runtime.block_on(async { connect(&uri, variables) })?;
        let (answer, location) = runtime.block_on(link.get(path, "*/*").follow(CERTIFICATE_LIMIT))?;
        match location {
            Some(location) => address = resolve(&uri, &location),
            None if answer.status == 200 => return Ok(answer.body),
            None => {
                let kind = match answer.status {
                    401 | 403 => ErrorKind::Denied,
                    404 | 410 => ErrorKind::NotFound,
                    429 | 500.. => ErrorKind::Busy,
                    _ => ErrorKind::Answer,
                };
                let status = StatusCode::from_u16(answer.status).map_or_else(|_| answer.status.to_string(), |status| status.to_string());
                return Err(Error::new(kind, format!("cannot fetch {:?}: {status}", shown(url))));
            }
        }
    }
    let last = address.parse::<Uri>().ok().and_then(|uri| uri.path_and_query().map(ToString::to_string)).unwrap_or(address);
    Err(unusable(&last, "stopped after 10 redirects"))
}

fn connect(uri: &Uri, variables: Variables) -> Result<(Link, String)> {
    let (scheme, authority) = (uri.scheme_str().unwrap_or("http"), uri.authority().map(ToString::to_string).unwrap_or_default());
    let (credentials, host) = authority.rsplit_once('@').map_or((None, authority.as_str()), |(credentials, host)| (Some(credentials), host));
    let base: Uri = format!("{scheme}://{host}/").parse().map_err(|_| unusable(&uri.to_string(), "invalid address"))?;
    let mut config = Config::new(base.clone());
    config.proxy_url = proxy::from_environment(&base, &variables)?;
    if let Some(credentials) = credentials {
        let pair = if credentials.contains(':') { unescape(credentials) } else { format!("{}:", unescape(credentials)) };
        if let Ok(mut value) = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))) {
            value.set_sensitive(true);
            config.headers.push((AUTHORIZATION, value));
        }
    }
    let path = uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    Ok((Link::new(config, String::new(), Some(TIMEOUT))?, path))
}

/// The address that a redirect leads to.
fn resolve(from: &Uri, location: &str) -> String {
    let (scheme, authority) = (from.scheme_str().unwrap_or("http"), from.authority().map(ToString::to_string).unwrap_or_default());
    if location.contains("://") {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let folder = from.path().rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
        format!("{scheme}://{authority}{folder}/{location}")
    }
}

fn unusable(url: &str, reason: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{} {:?}: {reason}", Method::Get.title(), shown(url)))
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: std::result::Result<Location, &str>) {
        assert_eq!(Location::read(text).map_err(|error| error.to_string()), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn files_and_urls_are_told_apart_as_go_does() {
        check("a b.pem", Ok(Location::File("a b.pem".into())));
        check("c:/x", Ok(Location::File("c:/x".into())));
        check("HTTP://x/y", Ok(Location::Url("HTTP://x/y".to_owned())));
        check("ab:c", Ok(Location::Url("ab:c".to_owned())));
        check(":foo", Err("parse \":foo\": missing protocol scheme"));
        check("%zz", Err("parse \"%zz\": invalid URL escape \"%zz\""));
        check("a\u{7f}b", Err("parse \"a\\x7fb\": net/url: invalid control character in URL"));
        check("http://[::1", Err("parse \"http://[::1\": missing ']' in host"));
    }

    #[test]
    fn no_address_shows_its_password() {
        assert_eq!(shown("http://u:p@h:1/x"), "http://u:***@h:1/x");
        assert_eq!(shown("http://u@h/x@y"), "http://u@h/x@y");
    }

    #[test]
    fn redirects_lead_where_the_browser_would_go() {
        let from: Uri = "https://h:1/a/b?c".parse().unwrap();
        assert_eq!(resolve(&from, "/x"), "https://h:1/x");
        assert_eq!(resolve(&from, "x"), "https://h:1/a/x");
        assert_eq!(resolve(&from, "//o/x"), "https://o/x");
        assert_eq!(resolve(&from, "http://o/x"), "http://o/x");
    }
}
