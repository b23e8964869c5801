//! URLs, split and joined as Go's `net/url` does.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::lex::find;
use crate::value::{Map, Text, Value};

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[Function::fixed("urlJoin", &[Kind::Map], url_join), Function::fixed("urlParse", &[Kind::Text], url_parse)];

/// The parts of a URL, unescaped but for the query.
#[derive(Default)]
struct Url {
    scheme: Vec<u8>,
    opaque: Vec<u8>,
    user: Option<User>,
    host: Vec<u8>,
    path: Vec<u8>,
    query: Vec<u8>,
    fragment: Vec<u8>,
}

struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// Which part of a URL is escaped or unescaped.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Path,
    User,
    Host,
    Zone,
    Fragment,
}

impl Place {
    /// The bytes, besides letters, digits and `-_.~`, that stand for themselves.
    fn admits(self, byte: u8) -> bool {
        let others: &[u8] = match self {
            Self::Path => b"$&+,/:;=@",
            Self::User => b"$&+,;=",
            Self::Host | Self::Zone => b"!\"$&'()*+,:;<=>[]",
            Self::Fragment => b"!$&()*+,/:;=?@",
        };
        byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || others.contains(&byte)
    }
}

fn escape(text: &[u8], place: Place) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if place.admits(*byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}

fn unescape(text: &[u8], place: Place) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'%' {
            let wrong = matches!(place, Place::Host | Place::Zone) && byte.is_ascii() && !place.admits(*byte);
            if wrong {
                return None;
            }
            out.push(*byte);
            continue;
        }
        let [high, low, behind @ ..] = rest else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (high, low) = (digit(*high)?, digit(*low)?);
        let code = high << 4 | low;
        let percent = code == b'%';
        if (place == Place::Host && high < 8 && !percent) || (place == Place::Zone && !percent && code != b' ' && !Place::Host.admits(code)) {
            return None;
        }
        out.push(code);
        rest = behind;
    }
    Some(out)
}

/// Cuts at a separator.
fn cut(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == separator) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

impl Url {
    fn parse(text: &[u8]) -> Option<Self> {
        let (text, fragment) = cut(text, b'#');
        let mut url = Self { fragment: unescape(fragment.unwrap_or_default(), Place::Fragment)?, ..Self::default() };
        if text.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
            return None;
        }
        if text == b"*" {
            url.path = b"*".to_vec();
            return Some(url);
        }
        let (scheme, rest) = split_scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (rest, query) = cut(rest, b'?');
        url.query = query.unwrap_or_default().to_vec();
        if !rest.starts_with(b"/") {
            if !scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Some(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return None;
            }
        }
        let mut path = rest;
        let has_authority = !scheme.is_empty() || !rest.starts_with(b"///");
        if let Some(authority) = rest.strip_prefix(b"//").filter(|_| has_authority) {
            let end = authority.iter().position(|byte| *byte == b'/').unwrap_or(authority.len());
            path = &authority[end..];
            url.authority(&authority[..end])?;
        }
        url.path = unescape(path, Place::Path)?;
        Some(url)
    }

    fn authority(&mut self, text: &[u8]) -> Option<()> {
        let at = text.iter().rposition(|byte| *byte == b'@');
        self.host = parse_host(&text[at.map_or(0, |at| at + 1)..])?;
        let Some(user) = at.map(|at| &text[..at]) else { return Some(()) };
        let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
        if !user.iter().all(valid) {
            return None;
        }
        let (name, password) = cut(user, b':');
        let password = password.map(|password| unescape(password, Place::User));
        self.user = Some(User {
            name: unescape(name, Place::User)?,
            password: match password {
                Some(password) => Some(password?),
                None => None,
            },
        });
        Some(())
    }

    /// The host without port and brackets.
    fn hostname(&self) -> &[u8] {
        let colon = self.host.iter().rposition(|byte| *byte == b':');
        let colon = colon.filter(|colon| self.host[colon + 1..].iter().all(u8::is_ascii_digit));
        let host = &self.host[..colon.unwrap_or(self.host.len())];
        host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host)
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.write_hierarchy(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend(escape(&self.fragment, Place::Fragment));
        }
        out
    }

    fn write_hierarchy(&self, out: &mut Vec<u8>) {
        let named = !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some();
        if named && (!self.host.is_empty() || !self.path.is_empty() || self.user.is_some()) {
            out.extend_from_slice(b"//");
        }
        if let Some(user) = &self.user {
            out.extend(user.write());
            out.push(b'@');
        }
        out.extend(escape(&self.host, Place::Host));
        let path = if self.path == b"*" { b"*".to_vec() } else { escape(&self.path, Place::Path) };
        if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
            out.push(b'/');
        }
        if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
            out.extend_from_slice(b"./");
        }
        out.extend(path);
    }
}

impl User {
    fn write(&self) -> Vec<u8> {
        let mut out = escape(&self.name, Place::User);
        if let Some(password) = &self.password {
            out.push(b':');
            out.extend(escape(password, Place::User));
        }
        out
    }
}

/// The scheme, if there is one, and the rest. `None` for a colon without scheme.
fn split_scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return None,
            b':' => return Some((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Some((b"", text))
}

fn is_port(text: &[u8]) -> bool {
    text.is_empty() || text.strip_prefix(b":").is_some_and(|port| port.iter().all(u8::is_ascii_digit))
}

fn parse_host(host: &[u8]) -> Option<Vec<u8>> {
    match host.iter().rposition(|byte| *byte == b'[') {
        Some(0) => {}
        Some(_) => return None,
        None => {
            let colon = host.iter().rposition(|byte| *byte == b':').unwrap_or(host.len());
            return if is_port(&host[colon..]) { unescape(host, Place::Host) } else { None };
        }
    }
    let close = host.iter().rposition(|byte| *byte == b']')?;
    let (name, port) = (&host[1..close], &host[close + 1..]);
    if !is_port(port) {
        return None;
    }
    let name = match find(name, b"%25") {
        Some(zone) => [unescape(&name[..zone], Place::Host)?, unescape(&name[zone..], Place::Zone)?].concat(),
        None => unescape(name, Place::Host)?,
    };
    let (address, zone) = cut(&name, b'%');
    let address = std::str::from_utf8(address).ok()?.parse::<Ipv6Addr>();
    if address.is_err() || zone.is_some_and(<[u8]>::is_empty) {
        return None;
    }
    Some([b"[", name.as_slice(), b"]", port].concat())
}

fn url_parse(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let text = arguments.text(0)?;
    scope.meter.allocate((text.len() as u64).saturating_mul(8))?;
    let url = Url::parse(text).ok_or(Fault::exec("not a URL"))?;
    let user = url.user.as_ref().map(User::write).unwrap_or_default();
    let entries: [(&str, &[u8]); 8] = [
        ("scheme", &url.scheme),
        ("host", &url.host),
        ("hostname", url.hostname()),
        ("path", &url.path),
        ("query", &url.query),
        ("opaque", &url.opaque),
        ("fragment", &url.fragment),
        ("userinfo", &user),
    ];
    let entries: BTreeMap<_, _> = entries.into_iter().map(|(key, text)| (Text::from(key), Value::Text(text.into()))).collect();
    scope.map(entries).map(Value::Map)
}

fn url_join(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let map = arguments.map(0)?;
    let part = |key: &str| part(map, key);
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        user: None,
    };
    let user = part("userinfo")?;
    let all = url.path.len() + url.host.len() + url.fragment.len() + url.query.len() + user.len();
    scope.meter.allocate((all as u64).saturating_mul(8))?;
    if !user.is_empty() {
        let whole = [b"proto://", user.as_slice(), b"@host"].concat();
        url.user = Url::parse(&whole).ok_or(Fault::exec("not a user of a URL"))?.user;
    }
    scope.text(url.write())
}

fn part(map: &Map, key: &str) -> Called<Vec<u8>> {
    match map.value(key.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::Text(text)) => Ok(text.to_vec()),
        Some(other) => Err(Fault::exec(format!("the part {key:?} is no string but {}", other.type_name()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_undoes_splitting() {
        for text in ["https://u:p%3A@host:80/a%20b?q=1#f", "mailto:x@y", "/a/b", "http://[fe80::1%25en0]:1/", "//h/p"] {
            assert_eq!(String::from_utf8(Url::parse(text.as_bytes()).unwrap().write()).unwrap(), text);
        }
        assert!([":x", "http://[a]", "http://h:x/", "%zz"].iter().all(|text| Url::parse(text.as_bytes()).is_none()));
    }
}
