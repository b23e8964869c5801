//! Which requests go through a proxy: as Go reads it from variables that whoever runs us sets.
//!
//! *Source*: Go `golang.org/x/net/http/httpproxy`, which `http.ProxyFromEnvironment` is.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use keys::{Error, Result, SecretBytes};
use reqwest::Proxy;
use url::{Host, Url};

/// The proxies, and what is reached without them.
#[derive(Clone, Default)]
pub(crate) struct Proxies(Arc<Rules>);

#[derive(Default)]
struct Rules {
    http: Option<Url>,
    https: Option<Url>,
    /// Whether what Go never sends through a proxy goes through it too.
    is_for_all: bool,
    without: Vec<Without>,
}

/// What is reached without a proxy.
enum Without {
    All,
    Net(IpNet),
    Address(IpAddr, Option<u16>),
    /// A name with a dot before it; whether the name itself is meant too.
    Below(String, bool, Option<u16>),
}

/// Without addresses, which may hold a password.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies").field("is_empty", &self.is_empty()).finish_non_exhaustive()
    }
}

impl Proxies {
    /// Those of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, or of the same in small letters.
    ///
    /// # Errors
    /// Malformed: a proxy that has no address of http or https.
    pub(crate) fn of(variable: impl Fn(&str) -> Option<SecretBytes>) -> Result<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let either = |large: &str, small: &str| set(large).or_else(|| set(small));
        let proxy = |large: &str, small: &str| either(large, small).map(|value| address(&value, large)).transpose();
        let (http, https) = (proxy("HTTP_PROXY", "http_proxy")?, proxy("HTTPS_PROXY", "https_proxy")?);
        let without = either("NO_PROXY", "no_proxy");
        // EXPOSE: names of hosts, which are no secret.
        let without = without.as_ref().and_then(|list| std::str::from_utf8(list.expose()).ok()).unwrap_or_default();
        let without = without.split(',').filter_map(Without::read).collect();
        Ok(Self(Arc::new(Rules { http, https, is_for_all: false, without })))
    }

    /// One for everything.
    ///
    /// # Errors
    /// As [`Proxies::of`].
    pub(crate) fn everything(proxy: &SecretBytes, variable: &str) -> Result<Self> {
        let proxy = address(proxy, variable)?;
        Ok(Self(Arc::new(Rules { http: Some(proxy.clone()), https: Some(proxy), is_for_all: true, without: Vec::new() })))
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.http.is_none() && self.0.https.is_none()
    }

    /// Whether a host is one of the proxies.
    pub(crate) fn are_at(&self, host: &str) -> bool {
        [&self.0.http, &self.0.https].into_iter().flatten().any(|proxy| proxy.host_str().is_some_and(|name| name.eq_ignore_ascii_case(host)))
    }

    /// The proxy for an address, if it goes through one.
    pub(crate) fn for_(&self, url: &Url) -> Option<&Url> {
        let proxy = if url.scheme() == "https" { self.0.https.as_ref() } else { self.0.http.as_ref() };
        proxy.filter(|_| self.0.is_for_all || self.0.takes(url))
    }

    /// The same for a client.
    pub(crate) fn custom(&self) -> Option<Proxy> {
        let proxies = self.clone();
        (!self.is_empty()).then(|| Proxy::custom(move |url| proxies.for_(url).cloned()))
    }
}

impl Rules {
    fn takes(&self, url: &Url) -> bool {
        let Some(host) = url.host() else { return false };
        let (name, number) = match host {
            Host::Ipv4(address) => (String::new(), Some(IpAddr::V4(address))),
            Host::Ipv6(address) => (String::new(), Some(IpAddr::V6(address))),
            Host::Domain(name) => (name.trim_end_matches('.').to_lowercase(), None),
        };
        let is_own = name == "localhost" || number.is_some_and(|number| number.is_loopback());
        let port = url.port_or_known_default();
        !is_own && !self.without.iter().any(|without| without.holds(&name, number, port))
    }
}

impl Without {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        match text.as_str() {
            "" => return None,
            "*" => return Some(Self::All),
            _ => {}
        }
        if let Ok(net) = text.parse() {
            return Some(Self::Net(net));
        }
        let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        if let Some(address) = bare(&text) {
            return Some(Self::Address(address, None));
        }
        let (host, port) = match text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?))) {
            Some((host, port)) => (host, Some(port)),
            None => (text.as_str(), None),
        };
        if let Some(address) = bare(host) {
            return Some(Self::Address(address, port));
        }
        let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        match host.strip_prefix('.') {
            _ if host.is_empty() => None,
            Some(_) => Some(Self::Below(host.to_owned(), false, port)),
            None => Some(Self::Below(format!(".{host}"), true, port)),
        }
    }

    fn holds(&self, name: &str, number: Option<IpAddr>, port: Option<u16>) -> bool {
        let fits = |wanted: &Option<u16>| wanted.is_none() || *wanted == port;
        match self {
            Self::All => true,
            Self::Net(net) => number.is_some_and(|number| net.contains(&number)),
            Self::Address(address, wanted) => number == Some(*address) && fits(wanted),
            Self::Below(below, itself, wanted) => fits(wanted) && (name.ends_with(below) || (*itself && Some(name) == below.strip_prefix('.'))),
        }
    }
}

/// The address of a proxy, which may lack its scheme.
fn address(value: &SecretBytes, variable: &str) -> Result<Url> {
    let wrong = || Error::malformed(format!("set up a client: {variable} is no address of a proxy that speaks http or https"));
    // EXPOSE: an address, which may hold a password, goes to the client.
    let text = std::str::from_utf8(value.expose()).map_err(|_| wrong())?.trim();
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    Url::parse(&whole).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies> {
        Proxies::of(|name| variables.iter().find(|(found, _)| *found == name).map(|(_, value)| SecretBytes::new(value.as_bytes().to_vec())))
    }

    #[track_caller]
    fn check(without: &str, direct: &[&str], proxied: &[&str]) {
        let found = proxies(&[("HTTP_PROXY", "http://plain:1"), ("https_proxy", "secure:2"), ("NO_PROXY", without)]).unwrap();
        for (urls, expected) in [(direct, false), (proxied, true)] {
            for url in urls {
                let url = Url::parse(url).unwrap();
                let expected = expected.then(|| if url.scheme() == "https" { "http://secure:2/" } else { "http://plain:1/" });
                assert_eq!(found.for_(&url).map(Url::as_str), expected, "{without} {url}");
            }
        }
    }

    #[test]
    fn what_goes_through_a_proxy_is_as_in_go() {
        check("", &["http://localhost:8200", "https://127.0.0.1", "http://[::1]:8200", "https://localhost."], &["http://v", "https://v"]);
        check("*", &["http://v", "https://10.1.2.3"], &[]);
        check(
            "example.com, .inner.example ,*.wild.example,Upper.Example",
            &["https://example.com", "https://a.example.com:8200", "http://a.inner.example", "http://a.wild.example", "http://upper.example"],
            &["https://notexample.com", "http://inner.example", "http://wild.example", "https://example.com.evil.example"],
        );
        check(
            "10.0.0.0/8,192.0.2.7,[fd00::7],fd00:1::/32",
            &["http://10.1.2.3", "http://192.0.2.7:1", "http://[fd00::7]", "http://[fd00:1::9]"],
            &["http://192.0.2.8", "http://ten.example", "http://[fd00::8]"],
        );
        check("a.example:8200,192.0.2.7:8200", &["https://a.example:8200", "http://192.0.2.7:8200"], &["https://a.example", "http://192.0.2.7"]);
    }

    #[test]
    fn a_proxy_that_is_none_is_named_without_its_password() {
        for text in ["socks5://user:hunter2@p", "http://", "://hunter2", "ftp://hunter2@p"] {
            let error = proxies(&[("HTTPS_PROXY", text)]).err().unwrap().to_string();
            assert_eq!(error, "set up a client: HTTPS_PROXY is no address of a proxy that speaks http or https");
        }
        let with_password = proxies(&[("HTTPS_PROXY", "http://user:hunter2@p:1")]).unwrap();
        assert!(with_password.are_at("P") && !with_password.are_at("q") && !format!("{with_password:?}").contains("hunter2"));
        assert!(proxies(&[("NO_PROXY", "x")]).unwrap().is_empty());
    }

    #[test]
    fn one_for_everything_is_for_everything() {
        let one = Proxies::everything(&SecretBytes::new(b"p:1".to_vec()), "VAULT_PROXY_ADDR").unwrap();
        for url in ["http://localhost", "https://127.0.0.1", "https://v"] {
            assert_eq!(one.for_(&Url::parse(url).unwrap()).map(Url::as_str), Some("http://p:1/"));
        }
    }
}
