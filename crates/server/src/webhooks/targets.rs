//! Which addresses may be called: a rule about numbers alone, without names and connections.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use escrow::Mode;
use ipnet::{Ipv4Net, Ipv6Net};

/// Where the webhook endpoints of the sandbox may be. Those of live money are always at public addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookTargets {
    /// At public addresses.
    Public,
    /// On this machine, too.
    Loopback,
    /// In private networks, too.
    Private,
}

impl WebhookTargets {
    /// All there are, each taking in the ones before.
    pub const ALL: [WebhookTargets; 3] = [WebhookTargets::Public, WebhookTargets::Loopback, WebhookTargets::Private];

    /// What it is called in settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            WebhookTargets::Public => "public",
            WebhookTargets::Loopback => "loopback",
            WebhookTargets::Private => "private",
        }
    }

    /// The targets of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<WebhookTargets> {
        WebhookTargets::ALL.into_iter().find(|targets| targets.name() == name)
    }
}

/// Who can be reached at an address, from the farthest to those that nobody is to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Zone {
    /// Anybody on the internet.
    Public,
    /// This machine.
    Loopback,
    /// A private network.
    Private,
    /// Nobody who takes calls: neighbours on the link and with them a cloud's metadata, groups, networks set aside for other uses.
    Closed,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(start: [u16; 3], prefix: u8) -> Ipv6Net {
    let [a, b, c] = start;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// Every network of IPv4 that is not public (the IANA IPv4 Special-Purpose Address Registry, and multicast).
const IPV4: [(Ipv4Net, Zone); 17] = [
    (v4(0, 0, 0, 0, 8), Zone::Closed), // this network, RFC 791; many systems take it for themselves
    (v4(10, 0, 0, 0, 8), Zone::Private), // RFC 1918
    (v4(100, 64, 0, 0, 10), Zone::Closed), // between a provider and its customers, RFC 6598
    (v4(127, 0, 0, 0, 8), Zone::Loopback), // RFC 1122
    (v4(168, 63, 129, 16, 32), Zone::Closed), // the host of a machine in Azure, at a public address
    (v4(169, 254, 0, 0, 16), Zone::Closed), // link-local, RFC 3927, and with it the metadata of most clouds
    (v4(172, 16, 0, 0, 12), Zone::Private), // RFC 1918
    (v4(192, 0, 0, 0, 24), Zone::Closed), // protocols, RFC 6890
    (v4(192, 0, 2, 0, 24), Zone::Closed), // documentation, RFC 5737
    (v4(192, 88, 99, 0, 24), Zone::Closed), // relays of 6to4, RFC 7526
    (v4(192, 168, 0, 0, 16), Zone::Private), // RFC 1918
    (v4(198, 18, 0, 0, 15), Zone::Closed), // benchmarks, RFC 2544
    (v4(198, 51, 100, 0, 24), Zone::Closed), // documentation
    (v4(203, 0, 113, 0, 24), Zone::Closed), // documentation
    (v4(224, 0, 0, 0, 4), Zone::Closed), // multicast, RFC 5771
    (v4(240, 0, 0, 0, 4), Zone::Closed), // reserved, RFC 1112
    (v4(255, 255, 255, 255, 32), Zone::Closed), // broadcast, RFC 919
];

/// What of IPv6 can be public at all: global unicast, RFC 4291. Beside it there are only the networks of [`IPV6`].
const IPV6_GLOBAL: Ipv6Net = v6([0x2000, 0, 0], 3);

/// The networks of IPv6 that are not simply public or closed, the narrower ones first (the IANA IPv6 Special-Purpose Address Registry).
/// Those that carry an IPv4 address are [`carried`].
const IPV6: [(Ipv6Net, Zone); 6] = [
    (v6([0xfd00, 0x0ec2, 0], 32), Zone::Closed), // the metadata of AWS, within the private ones
    (v6([0xfd20, 0x00ce, 0], 32), Zone::Closed), // the metadata of Google Cloud, as well
    (v6([0xfc00, 0, 0], 7), Zone::Private),      // unique local, RFC 4193
    (v6([0x2001, 0, 0], 23), Zone::Closed),      // protocols, RFC 2928
    (v6([0x2001, 0x0db8, 0], 32), Zone::Closed), // documentation, RFC 3849
    (v6([0x3fff, 0, 0], 20), Zone::Closed),      // documentation, RFC 9637
];

impl Zone {
    fn of(ip: IpAddr) -> Zone {
        match ip {
            IpAddr::V4(ip) => Zone::of_v4(ip),
            IpAddr::V6(ip) => Zone::of_v6(ip),
        }
    }

    fn of_v4(ip: Ipv4Addr) -> Zone {
        IPV4.iter().find(|(net, _)| net.contains(&ip)).map_or(Zone::Public, |(_, zone)| *zone)
    }

    fn of_v6(ip: Ipv6Addr) -> Zone {
        if ip.is_loopback() {
            return Zone::Loopback;
        }
        if ip.is_unspecified() {
            return Zone::Closed;
        }
        if let Some(zone) = carried(ip).into_iter().flatten().map(Zone::of_v4).max() {
            return zone;
        }
        let elsewhere = if IPV6_GLOBAL.contains(&ip) { Zone::Public } else { Zone::Closed };
        IPV6.iter().find(|(net, _)| net.contains(&ip)).map_or(elsewhere, |(_, zone)| *zone)
    }
}

/// The IPv4 addresses that an IPv6 address stands for, since whoever carries its packets delivers them there.
fn carried(ip: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let joined = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match ip.segments() {
        // Compatible (RFC 4291 §2.5.5.1), mapped (§2.5.5.2), translated (RFC 2765), NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => [joined(high, low), None],
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => [joined(high, low), None],
        // Teredo (RFC 4380 §4): the server, and the client with every bit turned.
        [0x2001, 0, high, low, _, _, client_high, client_low] => [joined(high, low), joined(!client_high, !client_low)],
        [..] => [None, None],
    }
}

/// Which addresses the calls of one mode may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Targets {
    mode: Mode,
    widest: WebhookTargets,
}

impl Targets {
    /// Those of a mode, where the operator has set this for the sandbox.
    pub(super) const fn of(mode: Mode, sandbox: WebhookTargets) -> Targets {
        match mode {
            Mode::Sandbox => Targets { mode, widest: sandbox },
            Mode::Live => Targets { mode, widest: WebhookTargets::Public },
        }
    }

    /// Whether a call may go without TLS.
    pub(super) const fn allow_plain(self) -> bool {
        match self.mode {
            Mode::Sandbox => true,
            Mode::Live => false,
        }
    }

    /// Whether this address may be called.
    pub(super) fn allow(self, ip: IpAddr) -> bool {
        let widest = match self.widest {
            WebhookTargets::Public => Zone::Public,
            WebhookTargets::Loopback => Zone::Loopback,
            WebhookTargets::Private => Zone::Private,
        };
        Zone::of(ip) <= widest
    }

    /// Which addresses may be called, in words.
    pub(super) const fn in_words(self) -> &'static str {
        match self.widest {
            WebhookTargets::Public => "a public address",
            WebhookTargets::Loopback => "a public or loopback address",
            WebhookTargets::Private => "a public, loopback or private address",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_is_reached_at_an_address() {
        let text = include_str!("zones.txt");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            let (zone, addresses) = line.split_once(':').expect("a zone and its addresses");
            let zone = match zone {
                "public" => Zone::Public,
                "loopback" => Zone::Loopback,
                "private" => Zone::Private,
                "closed" => Zone::Closed,
                other => panic!("no such zone: {other}"),
            };
            for address in addresses.split_whitespace() {
                assert_eq!(Zone::of(address.parse().expect("an address")), zone, "{address}");
            }
        }
    }

    #[test]
    fn who_may_be_called() {
        let ips = ["93.184.215.14", "127.0.0.1", "10.0.0.1", "169.254.169.254"];
        for (mode, sandbox, allowed, plain) in [
            (Mode::Live, WebhookTargets::Private, [true, false, false, false], false),
            (Mode::Sandbox, WebhookTargets::Public, [true, false, false, false], true),
            (Mode::Sandbox, WebhookTargets::Loopback, [true, true, false, false], true),
            (Mode::Sandbox, WebhookTargets::Private, [true, true, true, false], true),
        ] {
            let targets = Targets::of(mode, sandbox);
            assert_eq!(ips.map(|ip| targets.allow(ip.parse().expect("an address"))), allowed, "{targets:?}");
            assert_eq!(targets.allow_plain(), plain, "{targets:?}");
        }
    }

    #[test]
    fn targets_are_found_by_their_names() {
        for targets in WebhookTargets::ALL {
            assert_eq!(WebhookTargets::from_name(targets.name()), Some(targets));
        }
        assert_eq!(WebhookTargets::from_name("Public"), None);
    }

    proptest! {
        /// However an IPv4 address is wrapped, it counts as itself.
        #[test]
        fn wrapping_an_address_changes_nothing(bits in any::<u32>(), rest in any::<[u16; 5]>()) {
            let ip = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = ip.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let [r0, r1, r2, r3, r4] = rest;
            for wrapped in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, r0, r1, r2, r3, r4),
                // By way of a server with a public address.
                Ipv6Addr::new(0x2001, 0, 0x5db8, 0xd70e, r0, r1, !high, !low),
            ] {
                prop_assert_eq!(Zone::of(IpAddr::V6(wrapped)), Zone::of_v4(ip), "{}", wrapped);
            }
        }

        /// What the standard library knows about an address is never overruled to the open side.
        #[test]
        fn nothing_special_is_public(bits in any::<u32>()) {
            let ip = Ipv4Addr::from_bits(bits);
            let special = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast()
                || ip.is_broadcast() || ip.is_documentation() || ip.is_unspecified();
            prop_assert!(!special || Zone::of_v4(ip) != Zone::Public, "{}", ip);
        }
    }
}
