//! Certificates in PEM: picked, put in order, looked into.

use std::net::{IpAddr, Ipv6Addr};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};

use super::pem;
use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::functions::strings::texts;

/// The functions of this family.
pub(in crate::functions) const TABLE: &[Function] = &[
    Function::fixed("certSANs", &[Kind::Text], names),
    Function::fixed("filterCertChain", &[Kind::Text, Kind::Text], filter_chain),
    Function::fixed("filterPEM", &[Kind::Text, Kind::Text], filter_pem),
];

/// Charges what reading a text of PEM takes.
pub(super) fn charge(scope: &Scope<'_>, text: &[u8]) -> Called<()> {
    scope.meter.allocate((text.len() as u64).saturating_mul(4))?;
    scope.meter.step(text.len() as u64 / 64)
}

fn filter_pem(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (tag, text) = (arguments.text(0)?, arguments.text(1)?);
    charge(scope, text)?;
    let (blocks, left) = pem::blocks(text);
    let tag = String::from_utf8_lossy(tag).to_lowercase();
    let mut out = Vec::new();
    for block in blocks.iter().filter(|block| block.tag.to_lowercase() == tag) {
        block.write(&mut out);
    }
    if out.is_empty() && left {
        return Err(Fault::exec("there is no such block, but text that is none"));
    }
    scope.text(out)
}

/// A certificate, with what tells who signed it.
pub(super) struct Link {
    pub(super) der: Vec<u8>,
    subject: Option<Vec<u8>>,
    authority: Option<Vec<u8>>,
}

impl Link {
    pub(super) fn read(der: Vec<u8>) -> Called<Self> {
        let (mut subject, mut authority) = (None, None);
        for extension in parse(&der)?.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => subject = Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) => authority = id.key_identifier.as_ref().map(|id| id.0.to_vec()),
                _ => {}
            }
        }
        Ok(Self { der, subject, authority })
    }

    fn is_root(&self) -> bool {
        self.authority.is_none() || self.authority == self.subject
    }

    fn is_signed_by(&self, other: &Self) -> bool {
        // Identifiers that are missing are equal, as in Go.
        self.authority.as_deref().unwrap_or_default() == other.subject.as_deref().unwrap_or_default()
    }
}

/// Reads a certificate, and nothing behind it.
pub(super) fn parse(der: &[u8]) -> Called<X509Certificate<'_>> {
    match x509_parser::parse_x509_certificate(der) {
        Ok((b"", certificate)) => Ok(certificate),
        _ => Err(Fault::exec("a certificate cannot be read")),
    }
}

/// From the leaf up. Nothing is verified: not even signatures.
pub(super) fn ordered(scope: &Scope<'_>, links: Vec<Link>) -> Called<Vec<Link>> {
    scope.meter.step((links.len() as u64).saturating_mul(links.len() as u64))?;
    let parent = |index: usize, link: &Link| links.iter().enumerate().position(|(other, candidate)| other != index && link.is_signed_by(candidate));
    let parents: Vec<Option<usize>> = links.iter().enumerate().map(|(index, link)| parent(index, link)).collect();
    let mut leaves = (0..links.len()).filter(|index| !parents.contains(&Some(*index)));
    let leaf = leaves.next().ok_or(Fault::exec("no certificate is a leaf"))?;
    if leaves.next().is_some() {
        return Err(Fault::exec("more than one certificate is a leaf"));
    }
    let (mut order, mut next) = (Vec::new(), Some(leaf));
    while let Some(index) = next {
        if order.contains(&index) {
            return Err(Fault::exec("the certificates sign each other in a circle"));
        }
        order.push(index);
        next = parents.get(index).copied().flatten();
    }
    let mut links: Vec<Option<Link>> = links.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|index| links.get_mut(index).and_then(Option::take)).collect())
}

fn filter_chain(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (kind, text) = (arguments.text(0)?, arguments.text(1)?);
    charge(scope, text)?;
    let links = pem::blocks(text).0.into_iter().map(|block| Link::read(block.der)).collect::<Called<Vec<Link>>>()?;
    let chain = ordered(scope, links)?;
    let wanted: Vec<&Link> = match &**kind {
        b"leaf" => chain.first().filter(|link| !link.is_root()).into_iter().collect(),
        b"intermediate" => chain.iter().skip(1).take_while(|link| !link.is_root()).collect(),
        b"root" => chain.last().filter(|link| link.is_root()).into_iter().collect(),
        _ => Vec::new(),
    };
    scope.text(wanted.into_iter().flat_map(|link| pem::encode("CERTIFICATE", &link.der)).collect())
}

fn names(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let text = arguments.text(0)?;
    charge(scope, text)?;
    let (block, _) = pem::next(text).ok_or(Fault::exec("there is no PEM block"))?;
    let certificate = parse(&block.der)?;
    let alternative = certificate.subject_alternative_name().map_err(|_| Fault::exec("the names of a certificate cannot be read"))?;
    let all = alternative.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    let pick = |wanted: fn(&GeneralName<'_>) -> Option<String>| all.iter().filter_map(wanted);
    let mut found: Vec<String> = pick(|name| if let GeneralName::DNSName(name) = name { Some((*name).to_owned()) } else { None }).collect();
    found.extend(pick(|name| if let GeneralName::IPAddress(bytes) = name { address(bytes) } else { None }));
    found.extend(pick(|name| if let GeneralName::RFC822Name(name) = name { Some((*name).to_owned()) } else { None }));
    found.extend(pick(|name| if let GeneralName::URI(name) = name { Some((*name).to_owned()) } else { None }));
    texts(scope, found.iter().map(|name| name.as_bytes()).collect())
}

fn address(bytes: &[u8]) -> Option<String> {
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        _ => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
    };
    Some(address.to_canonical().to_string())
}
