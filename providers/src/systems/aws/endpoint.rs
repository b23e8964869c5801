//! Where a service of AWS is.

use std::net::IpAddr;

use url::{Host, Url};

use crate::error::{Error, Result};
use crate::provider::Access;
use crate::reach::Reach;

/// Partitions whose hosts have another suffix, by the beginning of the names of their regions.
///
/// *Source*: aws/aws-sdk-go-v2 `internal/endpoints/awsrulesfn/partitions.json`.
const SUFFIXES: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
];

/// One service in one region.
pub(super) struct Endpoint {
    /// Its address.
    pub(super) url: Url,
    /// The region, as signatures name it.
    pub(super) region: String,
    /// The service, as signatures name it.
    pub(super) service: &'static str,
    /// The address, where whoever runs us gave it as a number.
    pub(super) given: Option<IpAddr>,
}

impl Endpoint {
    /// Finds a service: where `variable` says, or where AWS has it.
    pub(super) fn new(access: &dyn Access, service: &'static str, variable: &str, region: &str) -> Result<Self> {
        let Some(address) = access.endpoint(variable).filter(|address| !address.is_empty()) else { return Self::of_aws(service, region) };
        let url = url(&address).ok_or_else(|| Error::invalid(format!("use the store: {variable} is not an address")))?;
        let given = number(&url);
        Ok(Self { url, region: region.to_owned(), service, given })
    }

    /// A service where AWS has it.
    pub(super) fn of_aws(service: &'static str, region: &str) -> Result<Self> {
        Self::at(&format!("https://{service}.{region}.{}", suffix(region)), service, region)
    }

    /// The token service of the world.
    pub(super) fn global_sts(region: &str) -> Result<Self> {
        Self::at("https://sts.amazonaws.com", "sts", region)
    }

    fn at(address: &str, service: &'static str, region: &str) -> Result<Self> {
        let url = url(address).ok_or_else(|| Error::invalid("use the store: its region is not the name of a region"))?;
        Ok(Self { url, region: region.to_owned(), service, given: None })
    }

    /// What may be connected to: this too, if whoever runs us gave it.
    pub(super) fn reach(&self, reach: Reach) -> Reach {
        self.given.map_or_else(|| reach.clone(), |address| reach.and(address))
    }
}

/// Whether a text is the name of a region: it becomes part of a name of a host, which is sent signed requests.
pub(super) fn is_region(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
}

/// The address of a host that is none by name.
pub(super) fn number(url: &Url) -> Option<IpAddr> {
    match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    }
}

fn suffix(region: &str) -> &'static str {
    SUFFIXES.into_iter().find(|(start, _)| region.starts_with(start)).map_or("amazonaws.com", |(_, suffix)| suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_told_by_its_region() {
        for (region, expected) in [
            ("eu-west-1", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("us-iso-east-1", "c2s.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
            ("eusc-de-east-1", "amazonaws.eu"),
        ] {
            assert_eq!(suffix(region), expected, "{region}");
        }
    }
}
