//! Whether an ICMP error may be sent about a packet (RFC 1122 §3.2.2), and the packet that it
//! quotes.
//!
//! How often errors may be sent is [`crate::base::limiter`]'s question.

use super::check::{Destination, Local};
use crate::base::{Chunks, Frame, Why};
use crate::wire::icmp::{self, Icmp};
use crate::wire::ipv4::protocol;
use crate::wire::{ip, ipv6};
use std::net::IpAddr;

/// The longest ICMP error in bytes, IP header included: what every host takes in one piece
/// (RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c)).
pub fn max_error_len(to: IpAddr) -> usize {
    if to.is_ipv4() { 576 } else { ipv6::MIN_MTU }
}

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
    /// Whether this error may be sent about this packet, which came in by the interface `local`.
    ///
    /// # Errors
    /// [`Why::IcmpNotAbout`] for an ICMP error or redirect, a packet to or delivered to more than
    /// one host, in IPv4 a fragment other than the first, and a source that is not one host.
    pub fn may_report(&self, error: &Icmp, local: &Local<'_>) -> Result<(), Why> {
        let to_many = self.destination != Destination::Unicast || self.link_broadcast;
        let is_error = icmp::is_error(self.proto, self.transport);
        // IPv6 allows it (RFC 4443 §2.4 (e)), unless it may be a piece of an error.
        let is_later = self.offset > 0 && (self.src.is_ipv4() || self.proto == protocol::ICMPV6);
        if is_error
            || to_many && !error.may_answer_many()
            || is_later
            || !local.is_single_host(self.src)
        {
            return Err(Why::IcmpNotAbout);
        }
        Ok(())
    }
}

/// An ICMP error from `src` to `dst`, without its IP header, about `packet` (its IP header first):
/// as much of it is quoted as fits in [`max_error_len`]. The quotation shares the packet's bytes.
pub fn error(src: IpAddr, dst: IpAddr, message: Icmp, packet: &Chunks) -> Frame {
    let room = max_error_len(dst) - ip::header_len(dst) - icmp::HEADER_LEN;
    let mut frame = Frame { body: packet.slice(0, packet.len().min(room)), ..Frame::default() };
    message.emit(src, dst, &mut frame.head, &frame.body);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Pool;
    use crate::wire::icmp::Quoted;
    use crate::wire::ip::Header;

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
            About { offset: 8, ..from("fd00::2") },
        ];
        for about in allowed {
            assert_eq!(
                about.may_report(&Icmp::port_unreachable(about.src), &local),
                Ok(()),
                "{about:?}"
            );
        }
        let refused = [
            icmp(&[3, 3]),
            icmp(&[5]),
            icmp(&[11]),
            icmp(&[12]),
            icmp(&[200]),
            icmp(&[]),
            About { proto: protocol::ICMPV6, transport: &[1], ..GOOD },
            About { proto: protocol::ICMPV6, transport: &[137], ..GOOD },
            About { offset: 8, ..GOOD },
            About { offset: 8, proto: protocol::ICMPV6, transport: &[128], ..from("fd00::2") },
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
            assert_eq!(
                about.may_report(&Icmp::port_unreachable(about.src), &local),
                Err(Why::IcmpNotAbout),
                "{about:?}"
            );
        }
    }

    #[test]
    fn some_errors_about_what_many_got_are_sent() {
        use crate::wire::icmpv6::Icmpv6;
        let own = ["fd00::1/64".parse().expect("a network")];
        let local = Local { addrs: &own, groups: &[] };
        let src = "fd00::2".parse().expect("an address");
        let about = About { src, destination: Destination::Multicast, ..GOOD };
        let option = Icmp::V6(Icmpv6::ParameterProblem { code: 2, pointer: 42 });
        assert_eq!(about.may_report(&option, &local), Ok(()));
        let other = Icmp::V6(Icmpv6::ParameterProblem { code: 1, pointer: 40 });
        assert_eq!(about.may_report(&other, &local), Err(Why::IcmpNotAbout));
    }

    #[test]
    fn errors_quote_what_fits_and_nothing_else() {
        let pool = Pool::new();
        for (src, dst, payload, quoted) in [
            ("10.9.0.2", "10.9.0.1", 8, 28),
            ("10.9.0.2", "10.9.0.1", 528, 548),
            ("10.9.0.2", "10.9.0.1", 529, 548),
            ("10.9.0.2", "10.9.0.1", 9000, 548),
            ("fd00::2", "fd00::1", 8, 48),
            ("fd00::2", "fd00::1", 9000, 1232),
        ] {
            let ends: [IpAddr; 2] = [src, dst].map(|addr| addr.parse().expect(addr));
            let mut frame = Frame { body: pool.copy(&vec![7; payload]).into(), ..Frame::default() };
            Header::new(ends[0], ends[1], protocol::UDP).emit(&mut frame.head, payload);
            let packet = Chunks::from(pool.copy(&frame.to_vec()));
            let message = Icmp::port_unreachable(ends[0]);
            let error = error(ends[1], ends[0], message, &packet);
            assert_eq!(Icmp::parse(ends[1], ends[0], error.slices()), Ok(message));
            let bytes = error.to_vec();
            assert_eq!(bytes[8..], packet.to_vec()[..quoted]);
            let read = Quoted::parse(&bytes[8..]).expect("a quotation");
            assert_eq!((read.src, read.ports()), (ends[0], Some((0x0707, 0x0707))));
        }
    }
}
