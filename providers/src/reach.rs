//! Which addresses may be connected to on behalf of somebody who may write a store, and nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use crate::proxies::Proxies;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Which addresses may be connected to: all but those that only this machine, its neighbours and the cloud that it runs in should see. Names are
/// resolved once for a connection, and what is connected to is what was looked at.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    rules: Arc<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    all: bool,
    allowed: Vec<IpNet>,
    refused: Vec<IpNet>,
}

impl Reach {
    /// Everything: for a person at a terminal, whose own rights these are.
    #[must_use]
    pub fn everywhere() -> Self {
        Self { rules: Arc::new(Rules { all: true, ..Rules::default() }) }
    }

    /// All but the special addresses, and `refused`; `allowed` counts more than both.
    #[must_use]
    pub fn outside(allowed: Vec<IpNet>, refused: Vec<IpNet>) -> Self {
        Self { rules: Arc::new(Rules { all: false, allowed, refused }) }
    }

    /// As this one, and to one more address: where whoever runs us says that a system is.
    #[must_use]
    pub fn and(&self, address: IpAddr) -> Self {
        let mut allowed = self.rules.allowed.clone();
        allowed.push(address.into());
        Self { rules: Arc::new(Rules { all: self.rules.all, allowed, refused: self.rules.refused.clone() }) }
    }

    /// Whether an address may be connected to.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        // An IPv4 address in IPv6 clothes leads to the same place.
        let address = address.to_canonical();
        let within = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&address));
        self.rules.all || within(&self.rules.allowed) || !(is_special(address) || within(&self.rules.refused))
    }
}

/// Whether an address is one of this machine, of its link, or of the services that clouds offer to whoever asks from within.
fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_multicast()
                || first == 0
                // *Source*: Alibaba Cloud's metadata service is 100.100.100.200, Azure's wire server 168.63.129.16.
                || (first, second) == (100, 100)
                || address == Ipv4Addr::new(168, 63, 129, 16)
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unicast_link_local()
                // *Source*: AWS' metadata service is fd00:ec2::254, Google's fd20:ce::254.
                || address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
                || address == Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)
                || embedded(address).is_some_and(|inner| is_special(IpAddr::V4(inner)))
        }
    }
}

/// The IPv4 address that a translator makes of an IPv6 one (NAT64, 6to4, IPv4-compatible).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let parts = address.segments();
    let join = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match parts {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] => join(high, low),
        [0x2002, high, low, ..] => join(high, low),
        _ => None,
    }
}

/// Resolves names to addresses that may be connected to.
pub(crate) struct Resolver {
    pub(crate) reach: Reach,
    /// Their own names lead where whoever runs us says.
    pub(crate) proxies: Proxies,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = if self.proxies.are_at(name.as_str()) { Reach::everywhere() } else { self.reach.clone() };
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.filter(|address| reach.allows(address.ip())).collect();
            if found.is_empty() {
                return Err("its address is one that --allow-provider-cidr does not allow".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reach: &Reach, allowed: bool, addresses: &[&str]) {
        for address in addresses {
            assert_eq!(reach.allows(address.parse().unwrap()), allowed, "{address}");
        }
    }

    #[test]
    fn special_addresses_are_refused_in_every_dress() {
        let special = [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "::127.0.0.1",
        ];
        check(&Reach::default(), false, &special);
        check(&Reach::everywhere(), true, &special);
        check(&Reach::default(), true, &["10.0.0.1", "192.168.1.1", "8.8.8.8", "2001:db8::1", "fd12::1"]);
    }

    #[test]
    fn what_is_allowed_counts_more_than_what_is_refused() {
        let nets = |text: &str| text.split(' ').map(|net| net.parse().unwrap()).collect::<Vec<IpNet>>();
        let reach = Reach::outside(nets("127.0.0.0/8 10.1.0.0/16"), nets("10.0.0.0/8"));
        check(&reach, true, &["127.0.0.1", "10.1.2.3", "8.8.8.8", "::ffff:10.1.2.3"]);
        check(&reach, false, &["10.2.0.1", "169.254.169.254", "::1", "::ffff:10.2.0.1"]);
        check(&reach.and("10.2.0.1".parse().unwrap()), true, &["10.2.0.1"]);
    }
}
