//! Which packets a receiving host takes, judged by their addresses (RFC 1122 §3.2.1.3; for IPv6
//! RFC 4291 §2.5, §2.7).
//!
//! A host takes only packets to addresses of the interface they came in by (the strong model of
//! RFC 1122 §3.3.4.2); what a router takes besides, `stack` knows. A destination of 0.0.0.0 or
//! {network, 0} is not taken for the broadcast that 4.2BSD meant by it.

use super::cidr::Cidr;
use crate::base::Why;
use crate::wire::nd::solicited_node;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How a packet that is for this host was addressed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// To an address of the interface.
    Unicast,
    /// To every host of the link or of the network.
    Broadcast,
    /// To a group this host is a member of.
    Multicast,
}

/// What an interface answers to. One that has a loopback address is a loopback interface: there,
/// loopback addresses and the host's own as source are ordinary.
#[derive(Copy, Clone, Debug, Default)]
pub struct Local<'a> {
    /// Its addresses.
    pub addrs: &'a [Cidr],
    /// The multicast groups joined on it, besides those every host is a member of.
    pub groups: &'a [IpAddr],
}

impl Local<'_> {
    /// Judges a packet from `src` to `dst` that came in by this interface.
    ///
    /// # Errors
    /// [`Why::MartianDestination`], [`Why::MartianSource`], [`Why::OwnSource`], [`Why::NotForUs`].
    // Rules: MUST-63.
    pub fn check(&self, src: IpAddr, dst: IpAddr) -> Result<Destination, Why> {
        if self.is_martian_destination(dst) {
            return Err(Why::MartianDestination);
        }
        if !self.is_single_host(src) && !is_nobody_asking(src, dst) {
            return Err(Why::MartianSource);
        }
        if self.has(src) && !self.is_loopback() {
            return Err(Why::OwnSource);
        }
        if self.has(dst) {
            Ok(Destination::Unicast)
        } else if self.is_broadcast(dst) {
            Ok(Destination::Broadcast)
        } else if dst.is_multicast() && self.is_member(dst) {
            Ok(Destination::Multicast)
        } else {
            Err(Why::NotForUs)
        }
    }

    /// Whether `addr` is an address of the interface.
    pub fn has(&self, addr: IpAddr) -> bool {
        self.addrs.iter().any(|own| own.addr() == addr)
    }

    /// Whether `addr` reaches every host of the link or of one of the interface's networks.
    pub fn is_broadcast(&self, addr: IpAddr) -> bool {
        addr == IpAddr::V4(Ipv4Addr::BROADCAST)
            || self.addrs.iter().any(|own| own.broadcast() == Some(addr))
    }

    /// Whether `addr` can be one host's (RFC 1122 §3.2.2: the only sources that may be sent ICMP
    /// errors): not unspecified, loopback, broadcast, multicast or reserved.
    pub fn is_single_host(&self, addr: IpAddr) -> bool {
        let impossible = match addr {
            IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.octets()[0] >= 240,
            IpAddr::V6(v6) => v6.is_unspecified() || v6.to_ipv4_mapped().is_some(),
        };
        let loopback = addr.is_loopback() && !self.is_loopback();
        !impossible && !loopback && !addr.is_multicast() && !self.is_broadcast(addr)
    }

    /// Whether this is a loopback interface.
    pub fn is_loopback(&self) -> bool {
        self.addrs.iter().any(|own| own.addr().is_loopback())
    }

    fn is_martian_destination(&self, dst: IpAddr) -> bool {
        if dst.is_loopback() {
            return !self.is_loopback();
        }
        match dst {
            IpAddr::V4(v4) => {
                v4.octets()[0] == 0 || v4.octets()[0] >= 240 && v4 != Ipv4Addr::BROADCAST
            }
            IpAddr::V6(v6) => v6.is_unspecified() || v6.to_ipv4_mapped().is_some(),
        }
    }

    /// Whether the interface is a member of `group`.
    pub fn is_member(&self, group: IpAddr) -> bool {
        let everybody = match group {
            // 224.0.0.1, all hosts (RFC 1112 §4).
            IpAddr::V4(v4) => v4 == Ipv4Addr::new(224, 0, 0, 1),
            // ff01::1 and ff02::1, all nodes, and the solicited-node groups of the interface's
            // addresses (RFC 4291 §2.8).
            IpAddr::V6(v6) => {
                matches!(v6.segments(), [0xff01 | 0xff02, 0, 0, 0, 0, 0, 0, 1])
                    || self.addrs.iter().any(|own| is_solicited(own.addr(), v6))
            }
        };
        everybody || self.groups.contains(&group)
    }
}

fn is_solicited(own: IpAddr, group: Ipv6Addr) -> bool {
    matches!(own, IpAddr::V6(own) if solicited_node(own) == group)
}

/// Whether a host without an address asks everybody: DHCP and IGMP from 0.0.0.0 (RFC 1122 §3.2.1.3
/// (a), RFC 3376 §4.2.13), duplicate address detection from :: (RFC 4862 §5.4.2).
fn is_nobody_asking(src: IpAddr, dst: IpAddr) -> bool {
    src.is_unspecified()
        && match dst {
            IpAddr::V4(dst) => dst == Ipv4Addr::BROADCAST || dst.octets()[..3] == [224, 0, 0],
            IpAddr::V6(dst) => dst.is_multicast(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Destination::{Broadcast, Multicast, Unicast};

    #[track_caller]
    fn check(addrs: &[&str], src: &str, dst: &str, expected: Result<Destination, Why>) {
        let addrs: Vec<Cidr> = addrs.iter().map(|a| a.parse().expect(a)).collect();
        let groups = ["224.0.0.251", "ff02::fb"].map(|g| g.parse().expect(g));
        let local = Local { addrs: &addrs, groups: &groups };
        let ip = |text: &str| text.parse::<IpAddr>().expect(text);
        assert_eq!(local.check(ip(src), ip(dst)), expected, "{src} > {dst}");
    }

    #[test]
    fn ipv4_addresses() {
        let peer = "10.9.0.2";
        for (src, dst, expected) in [
            (peer, "10.9.0.1", Ok(Unicast)),
            ("192.0.2.7", "10.9.0.1", Ok(Unicast)),
            (peer, "10.9.0.255", Ok(Broadcast)),
            (peer, "255.255.255.255", Ok(Broadcast)),
            (peer, "224.0.0.1", Ok(Multicast)),
            (peer, "224.0.0.251", Ok(Multicast)),
            (peer, "224.0.0.9", Err(Why::NotForUs)),
            (peer, "10.9.0.3", Err(Why::NotForUs)),
            (peer, "10.9.0.0", Err(Why::NotForUs)),
            (peer, "10.9.1.255", Err(Why::NotForUs)),
            (peer, "0.0.0.0", Err(Why::MartianDestination)),
            (peer, "127.0.0.1", Err(Why::MartianDestination)),
            (peer, "240.0.0.1", Err(Why::MartianDestination)),
            ("10.9.0.1", "10.9.0.1", Err(Why::OwnSource)),
            ("10.9.0.1", "10.9.0.255", Err(Why::OwnSource)),
            ("127.0.0.1", "10.9.0.1", Err(Why::MartianSource)),
            ("224.0.0.1", "10.9.0.1", Err(Why::MartianSource)),
            ("240.1.2.3", "10.9.0.1", Err(Why::MartianSource)),
            ("255.255.255.255", "10.9.0.1", Err(Why::MartianSource)),
            ("10.9.0.255", "10.9.0.1", Err(Why::MartianSource)),
            ("0.0.0.0", "10.9.0.1", Err(Why::MartianSource)),
            ("0.0.0.0", "10.9.0.255", Err(Why::MartianSource)),
            ("0.1.2.3", "255.255.255.255", Err(Why::MartianSource)),
            ("0.0.0.0", "255.255.255.255", Ok(Broadcast)),
            ("0.0.0.0", "224.0.0.1", Ok(Multicast)),
            ("0.0.0.0", "239.0.0.1", Err(Why::MartianSource)),
        ] {
            check(&["10.9.0.1/24", "fd00::1/64"], src, dst, expected);
        }
        check(&["10.9.0.6/31"], "10.9.0.7", "10.9.0.6", Ok(Unicast));
        check(&[], peer, "255.255.255.255", Ok(Broadcast));
        check(&[], peer, "10.9.0.1", Err(Why::NotForUs));
    }

    #[test]
    fn ipv6_addresses() {
        let peer = "fe80::2";
        for (src, dst, expected) in [
            (peer, "fd00::1:2:3", Ok(Unicast)),
            (peer, "ff02::1", Ok(Multicast)),
            (peer, "ff02::fb", Ok(Multicast)),
            (peer, "ff02::1:ff02:3", Ok(Multicast)),
            ("::", "ff02::1:ff02:3", Ok(Multicast)),
            (peer, "ff02::1:ff02:4", Err(Why::NotForUs)),
            (peer, "ff02::2", Err(Why::NotForUs)),
            (peer, "fd00::9", Err(Why::NotForUs)),
            ("::", "fd00::1:2:3", Err(Why::MartianSource)),
            ("::1", "fd00::1:2:3", Err(Why::MartianSource)),
            ("ff02::1", "fd00::1:2:3", Err(Why::MartianSource)),
            ("::ffff:10.9.0.2", "fd00::1:2:3", Err(Why::MartianSource)),
            ("fd00::1:2:3", "fd00::1:2:3", Err(Why::OwnSource)),
            (peer, "::1", Err(Why::MartianDestination)),
            (peer, "::", Err(Why::MartianDestination)),
            (peer, "::ffff:10.9.0.1", Err(Why::MartianDestination)),
        ] {
            check(&["10.9.0.1/24", "fd00::1:2:3/64"], src, dst, expected);
        }
    }

    #[test]
    fn a_loopback_interface_hears_itself() {
        let lo = ["127.0.0.1/8", "::1/128"];
        check(&lo, "127.0.0.1", "127.0.0.1", Ok(Unicast));
        check(&lo, "::1", "::1", Ok(Unicast));
        check(&lo, "127.0.0.1", "127.0.0.9", Err(Why::NotForUs));
    }
}
