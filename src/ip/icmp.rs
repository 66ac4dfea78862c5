//! Whether an ICMP error may be sent about a packet (RFC 1122 §3.2.2), and the packet that it
//! quotes.
//!
//! How often errors may be sent is [`crate::base::limiter`]'s question.

use super::check::{Destination, Local};
use crate::base::{Chunks, Frame, Why};
use crate::wire::icmpv4::{self, Icmpv4};
use crate::wire::ipv4::{self, protocol};
use std::net::IpAddr;

/// The longest ICMP error in bytes, IP header included (RFC 1812 §4.3.2.3).
pub const MAX_ERROR_LEN: usize = 576;

/// A packet that an error might be sent about.
#[derive(Copy, Clone, Debug)]
pub struct About<'a> {
    /// Who sent it.
    pub src: IpAddr,
    /// How it was addressed.
    pub destination: Destination,
    /// Whether the link delivered it to everybody (or to a group).
    pub link_broadcast: bool,
    /// Its fragment offset in bytes.
    pub offset: u32,
    /// What is inside.
    pub proto: u8,
    /// The first bytes behind its IP header, as many as there are in one piece.
    pub transport: &'a [u8],
}

impl About<'_> {
    /// Whether an error may be sent about this packet, which came in by the interface `local`.
    ///
    /// # Errors
    /// [`Why::IcmpNotAbout`] for an ICMP error, a packet to or delivered to more than one host, a
    /// fragment other than the first, and a source that is not one host.
    pub fn may_report(&self, local: &Local<'_>) -> Result<(), Why> {
        let to_many = self.destination != Destination::Unicast || self.link_broadcast;
        let is_error = match (self.proto, self.transport.first()) {
            (protocol::ICMP, Some(kind)) => icmpv4::is_error(*kind),
            // RFC 4443 §2.1: the high bit marks what is informational.
            (protocol::ICMPV6, Some(kind)) => *kind < 128,
            (protocol::ICMP | protocol::ICMPV6, None) => true,
            _ => false,
        };
        if is_error || to_many || self.offset > 0 || !local.is_single_host(self.src) {
            return Err(Why::IcmpNotAbout);
        }
        Ok(())
    }
}

/// An ICMP error, without its IP header, about `packet` (its IP header first): as much of it is
/// quoted as fits in [`MAX_ERROR_LEN`]. The quotation shares the packet's bytes.
pub fn error(message: Icmpv4, packet: &Chunks) -> Frame {
    let room = MAX_ERROR_LEN - ipv4::HEADER_LEN - icmpv4::HEADER_LEN;
    let mut frame = Frame { body: packet.slice(0, packet.len().min(room)), ..Frame::default() };
    message.emit(&mut frame.head, &frame.body);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Pool;
    use crate::wire::icmpv4::{Quoted, unreachable};
    use crate::wire::ipv4::Header;

    const GOOD: About<'_> = About {
        src: IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 0, 2)),
        destination: Destination::Unicast,
        link_broadcast: false,
        offset: 0,
        proto: protocol::UDP,
        transport: &[3, 3],
    };

    #[test]
    fn about_what_errors_are_not_sent() {
        let own = ["10.9.0.1/24".parse().expect("a network")];
        let local = Local { addrs: &own, groups: &[] };
        let icmp = |transport| About { proto: protocol::ICMP, transport, ..GOOD };
        let from = |src: &str| About { src: src.parse().expect(src), ..GOOD };
        let allowed = [
            GOOD,
            About { transport: &[], ..GOOD },
            icmp(&[8, 0]),
            icmp(&[13]),
            About { proto: protocol::ICMPV6, transport: &[128], ..GOOD },
        ];
        for about in allowed {
            assert_eq!(about.may_report(&local), Ok(()), "{about:?}");
        }
        let refused = [
            icmp(&[3, 3]),
            icmp(&[5]),
            icmp(&[11]),
            icmp(&[12]),
            icmp(&[200]),
            icmp(&[]),
            About { proto: protocol::ICMPV6, transport: &[1], ..GOOD },
            About { offset: 8, ..GOOD },
            About { destination: Destination::Broadcast, ..GOOD },
            About { destination: Destination::Multicast, ..GOOD },
            About { link_broadcast: true, ..GOOD },
            from("0.0.0.0"),
            from("127.0.0.1"),
            from("10.9.0.255"),
            from("255.255.255.255"),
            from("224.0.0.1"),
            from("240.0.0.1"),
            from("::"),
        ];
        for about in refused {
            assert_eq!(about.may_report(&local), Err(Why::IcmpNotAbout), "{about:?}");
        }
    }

    #[test]
    fn errors_quote_what_fits_and_nothing_else() {
        let pool = Pool::new();
        let message = Icmpv4::Unreachable { code: unreachable::PORT, mtu: 0 };
        for (payload, quoted) in [(8, 28), (100, 120), (528, 548), (529, 548), (9000, 548)] {
            let mut frame = Frame { body: pool.copy(&vec![7; payload]).into(), ..Frame::default() };
            let (src, dst) = ([10, 9, 0, 2].into(), [10, 9, 0, 1].into());
            Header::new(src, dst, protocol::UDP).emit(&mut frame.head, payload);
            let packet = Chunks::from(pool.copy(&frame.to_vec()));
            let error = error(message, &packet);
            assert_eq!(Icmpv4::parse(error.slices()), Ok(message));
            let bytes = error.to_vec();
            assert_eq!(bytes[8..], packet.to_vec()[..quoted]);
            let read = Quoted::parse(&bytes[8..]).expect("a quotation");
            assert_eq!((read.src, read.ports()), (IpAddr::V4(src), Some((0x0707, 0x0707))));
        }
    }
}
