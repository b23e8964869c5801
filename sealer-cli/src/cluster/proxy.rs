//! Which proxy the environment asks for.
//!
//! *Source*: golang.org/x/net/http/httpproxy, which kubeseal and kubectl use: the address of the target decides, and loopback is never proxied.

use std::net::IpAddr;

use http::Uri;

use super::error::{Error, ErrorKind, Result};

/// The proxy for a target, from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` in capitals or small letters.
///
/// # Errors
/// Configuration: the variable holds no URL.
pub(super) fn from_environment(target: &Uri, variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Uri>> {
    let either =
        |name: &str| variable(name).filter(|value| !value.is_empty()).or_else(|| variable(&name.to_lowercase()).filter(|value| !value.is_empty()));
    let name = if target.scheme_str() == Some("https") { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    // A CGI program gets HTTP_PROXY from whoever calls it.
    if name == "HTTP_PROXY" && variable("REQUEST_METHOD").is_some() {
        return Ok(None);
    }
    let (Some(proxy), Some(host)) = (either(name), target.host()) else { return Ok(None) };
    if !is_proxied(host, target.port_u16(), &either("NO_PROXY").unwrap_or_default()) {
        return Ok(None);
    }
    let proxy = if proxy.contains("://") { proxy } else { format!("http://{proxy}") };
    proxy.parse().map(Some).map_err(|_| Error::new(ErrorKind::Configuration, format!("invalid proxy address in {name}")))
}

fn is_proxied(host: &str, port: Option<u16>, exceptions: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return false;
    }
    !exceptions.split(',').map(|entry| entry.trim().to_lowercase()).any(|entry| matches(&entry, &host, address, port))
}

fn matches(entry: &str, host: &str, address: Option<IpAddr>, port: Option<u16>) -> bool {
    if entry.is_empty() {
        return false;
    }
    if entry == "*" {
        return true;
    }
    if let Some((network, length)) = entry.split_once('/').and_then(|(network, length)| Some((network.parse().ok()?, length.parse().ok()?))) {
        return address.is_some_and(|address| is_inside(address, network, length));
    }
    if let Ok(exact) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
        return address == Some(exact);
    }
    let (name, only) = match entry.rsplit_once(':') {
        Some((name, digits)) if digits.parse::<u16>().is_ok() => (name, digits.parse().ok()),
        _ => (entry, None),
    };
    if only.is_some() && only != port {
        return false;
    }
    let name = name.trim_start_matches('*');
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => host == name || host.ends_with(&format!(".{name}")),
    }
}

fn is_inside(address: IpAddr, network: IpAddr, length: u32) -> bool {
    let (one, other, bits) = match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u128::from(one.to_bits()), u128::from(other.to_bits()), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    length <= bits && (length == 0 || one >> (bits - length) == other >> (bits - length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, exceptions: &str, proxied: bool) {
        let variable = |name: &str| match name {
            "https_proxy" => Some("proxy:3128".to_owned()),
            "NO_PROXY" => Some(exceptions.to_owned()),
            _ => None,
        };
        let proxy = from_environment(&target.parse().unwrap(), &variable).unwrap();
        assert_eq!(proxy.map(|proxy| proxy.to_string()), proxied.then(|| "http://proxy:3128/".to_owned()), "{target} {exceptions}");
    }

    #[test]
    fn exceptions_are_judged_by_the_target() {
        check("https://api.example.com/", "", true);
        check("http://api.example.com/", "", false);
        check("https://localhost:6443/", "", false);
        check("https://127.0.0.1:6443/", "", false);
        check("https://api.example.com/", "*", false);
        check("https://api.example.com/", "example.com", false);
        check("https://api.example.com/", ".example.com", false);
        check("https://example.com/", ".example.com", true);
        check("https://badexample.com/", "example.com", true);
        check("https://10.1.2.3/", "10.0.0.0/8, x", false);
        check("https://11.1.2.3/", "10.0.0.0/8", true);
        check("https://a.b:8443/", "a.b:8443", false);
        check("https://a.b:8443/", "a.b:443", true);
    }
}
