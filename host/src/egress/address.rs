//! Which addresses may be connected to: judged on what a name resolved to, at the moment of connecting.
//!
//! A name is resolved once per connection and only the addresses that pass are handed to the connector, so that a name
//! that changes its answer between check and use gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::grant::Reach;

/// What an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    Public,
    /// A private network.
    Private,
    Loopback,
    /// Link-local (where clouds keep their metadata), multicast, unspecified, reserved.
    Special,
}

impl Zone {
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => v4(address),
            IpAddr::V6(address) => v6(address),
        }
    }
}

fn v4(address: Ipv4Addr) -> Zone {
    let [a, b, c, _] = address.octets();
    if address.is_loopback() {
        Zone::Loopback
    } else if address.is_private() || (a == 100 && (64..128).contains(&b)) {
        Zone::Private
    } else if address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
    {
        Zone::Special
    } else {
        Zone::Public
    }
}

fn v6(address: Ipv6Addr) -> Zone {
    if let Some(inner) = embedded(address) {
        return v4(inner);
    }
    let head = address.segments()[0];
    if address.is_loopback() {
        Zone::Loopback
    } else if address.is_unique_local() {
        Zone::Private
    } else if (head & 0xe000) == 0x2000 && address.segments()[..2] != [0x2001, 0x0db8] {
        Zone::Public
    } else {
        Zone::Special
    }
}

/// The IPv4 address that an IPv6 one stands for: mapped, compatible, translated (NAT64), 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let at = |i: usize| Ipv4Addr::from((u32::from(s[i]) << 16) | u32::from(s[i + 1]));
    match s {
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Some(at(6)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => Some(at(6)),
        [0x2002, ..] => Some(at(1)),
        _ => None,
    }
}

/// Whether an address may be connected to for a host that was named `name`.
///
/// An address that the operator typed is what the operator wants. A name that the operator typed may lead into the
/// private network; to this very machine only if it says so (`localhost`, a name without a dot), and never to
/// link-local addresses. Everything else must be public.
pub(super) fn permitted(reach: Reach, name: Option<&str>, address: IpAddr) -> bool {
    match (reach, name, Zone::of(address)) {
        (_, _, Zone::Public) | (Reach::Named, None, _) | (Reach::Named, Some(_), Zone::Private) => true,
        (Reach::Named, Some(name), Zone::Loopback) => is_local_name(name),
        (Reach::Named | Reach::Public, _, _) => false,
    }
}

fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    !name.contains('.') || name.to_ascii_lowercase().ends_with(".localhost")
}

/// Why no connection was made. Kept apart from other failures, since a retry is useless.
#[derive(Debug, thiserror::Error)]
#[error("{name} leads to {address}, which is not a public address")]
pub(super) struct Refused {
    pub(super) name: String,
    pub(super) address: IpAddr,
}

/// Resolves with the system's resolver and keeps what is permitted.
pub(super) struct Resolver(pub(super) Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let kept: Vec<SocketAddr> =
                found.iter().copied().filter(|a| permitted(reach, Some(&name), a.ip())).collect();
            match (kept.is_empty(), found.first()) {
                (true, Some(refused)) => Err(Refused { name, address: refused.ip() }.into()),
                _ => Ok(Box::new(kept.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_fall_into_their_zones() {
        for (text, zone) in [
            ("93.184.216.34", Zone::Public),
            ("2606:2800:220:1::1", Zone::Public),
            ("127.0.0.1", Zone::Loopback),
            ("127.8.8.8", Zone::Loopback),
            ("::1", Zone::Loopback),
            ("::ffff:127.0.0.1", Zone::Loopback),
            ("64:ff9b::7f00:1", Zone::Loopback),
            ("2002:7f00:1::", Zone::Loopback),
            ("10.1.2.3", Zone::Private),
            ("172.16.0.1", Zone::Private),
            ("172.32.0.1", Zone::Public),
            ("192.168.1.1", Zone::Private),
            ("100.64.0.1", Zone::Private),
            ("fd00::1", Zone::Private),
            ("169.254.169.254", Zone::Special),
            ("fe80::1", Zone::Special),
            ("0.0.0.0", Zone::Special),
            ("::", Zone::Special),
            ("224.0.0.1", Zone::Special),
            ("255.255.255.255", Zone::Special),
            ("ff02::1", Zone::Special),
        ] {
            assert_eq!(Zone::of(text.parse().expect(text)), zone, "{text}");
        }
    }

    #[test]
    fn a_name_of_the_operator_reaches_the_private_network_but_not_this_machine() {
        let ip = |text: &str| text.parse::<IpAddr>().expect(text);
        assert!(permitted(Reach::Named, Some("erp.company.com"), ip("10.0.0.5")));
        assert!(!permitted(Reach::Named, Some("erp.company.com"), ip("127.0.0.1")));
        assert!(!permitted(Reach::Named, Some("erp.company.com"), ip("169.254.169.254")));
        assert!(permitted(Reach::Named, Some("localhost"), ip("127.0.0.1")));
        assert!(permitted(Reach::Named, None, ip("127.0.0.1")));
        assert!(!permitted(Reach::Public, Some("api.example.org"), ip("10.0.0.5")));
        assert!(!permitted(Reach::Public, None, ip("192.168.0.1")));
    }
}
