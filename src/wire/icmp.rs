//! ICMP of either version: what a host reads, answers and reports in both, and the packets that
//! errors quote.

use super::icmpv4::{self, Icmpv4};
use super::icmpv6::{self, Icmpv6};
use super::ipv4::protocol;
use super::{checksum, ip, nd};
use crate::base::{Chunks, Head, Seq, SocketError, Why};
use std::net::IpAddr;

/// The header's length in bytes: behind it lies the payload of an echo or the quotation of an
/// error.
pub const HEADER_LEN: usize = 8;

/// MTUs that links have, bytes: where to go on from when nobody says (RFC 1191 §7.1).
const PLATEAUS: [u16; 11] = [65_535, 32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];

/// A message of either version.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Icmp {
    /// In IPv4.
    V4(Icmpv4),
    /// In IPv6.
    V6(Icmpv6),
}

/// An echo request or reply.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Echo {
    /// A request, or the reply to one.
    pub request: bool,
    /// Identifier.
    pub id: u16,
    /// Sequence number.
    pub seq: u16,
}

/// The protocol number of ICMP where `addr` lives.
pub fn number(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { protocol::ICMP } else { protocol::ICMPV6 }
}

/// Whether a packet with these first bytes behind its IP header is an ICMP error or a redirect,
/// about which no error may be sent (RFC 1122 §3.2.2, RFC 4443 §2.4 (e)). What is too short to tell
/// counts as one.
pub fn is_error(proto: u8, transport: &[u8]) -> bool {
    match (proto, transport.first()) {
        (protocol::ICMP, Some(kind)) => icmpv4::is_error(*kind),
        (protocol::ICMPV6, Some(kind)) => icmpv6::is_error(*kind) || *kind == nd::REDIRECT,
        (protocol::ICMP | protocol::ICMPV6, None) => true,
        _ => false,
    }
}

impl Icmp {
    /// Reads the message whose bytes, header first, are `slices`; the header lies in the first
    /// slice that is not empty. The payload or quotation starts at [`HEADER_LEN`].
    ///
    /// # Errors
    /// [`Why::IcmpTruncated`], [`Why::IcmpChecksum`].
    pub fn parse<'a>(
        src: IpAddr,
        dst: IpAddr,
        slices: impl IntoIterator<Item = &'a [u8]> + Clone,
    ) -> Result<Icmp, Why> {
        if src.is_ipv4() {
            return Icmpv4::parse(slices).map(Icmp::V4);
        }
        let front = slices.clone().into_iter().find(|s| !s.is_empty()).unwrap_or_default();
        let bytes = front.first_chunk::<HEADER_LEN>().ok_or(Why::IcmpTruncated)?;
        let len = slices.clone().into_iter().map(<[u8]>::len).sum();
        if !checksum::is_good(checksum::pseudo(src, dst, protocol::ICMPV6, len), slices) {
            return Err(Why::IcmpChecksum);
        }
        Ok(Icmp::V6(Icmpv6::read(bytes)))
    }

    /// Writes the header, with the checksum over itself and `body`, in front of `head`, which holds
    /// nothing else of the message.
    pub fn emit(&self, src: IpAddr, dst: IpAddr, head: &mut Head, body: &Chunks) {
        let message = match self {
            Icmp::V4(message) => return message.emit(head, body),
            Icmp::V6(message) => message,
        };
        let out = head.prepend(HEADER_LEN);
        out.copy_from_slice(&message.bytes());
        let pseudo = checksum::pseudo(src, dst, protocol::ICMPV6, HEADER_LEN + body.len());
        let slices = std::iter::once(&out[..]).chain(body.iter().map(|chunk| &chunk[..]));
        let sum = checksum::complete(pseudo, slices);
        out[2..4].copy_from_slice(&sum.to_be_bytes());
    }

    /// An echo request or reply to `dst`.
    pub fn echo(dst: IpAddr, echo: Echo) -> Icmp {
        let Echo { request, id, seq } = echo;
        match (dst, request) {
            (IpAddr::V4(_), true) => Icmp::V4(Icmpv4::EchoRequest { id, seq }),
            (IpAddr::V4(_), false) => Icmp::V4(Icmpv4::EchoReply { id, seq }),
            (IpAddr::V6(_), true) => Icmp::V6(Icmpv6::EchoRequest { id, seq }),
            (IpAddr::V6(_), false) => Icmp::V6(Icmpv6::EchoReply { id, seq }),
        }
    }

    /// To `dst`: nobody listens on that UDP port.
    pub fn port_unreachable(dst: IpAddr) -> Icmp {
        match dst {
            IpAddr::V4(_) => {
                Icmp::V4(Icmpv4::Unreachable { code: icmpv4::unreachable::PORT, mtu: 0 })
            }
            IpAddr::V6(_) => Icmp::V6(Icmpv6::Unreachable { code: icmpv6::unreachable::PORT }),
        }
    }

    /// To `dst`: the host does not answer on its link.
    pub fn host_unreachable(dst: IpAddr) -> Icmp {
        match dst {
            IpAddr::V4(_) => {
                Icmp::V4(Icmpv4::Unreachable { code: icmpv4::unreachable::HOST, mtu: 0 })
            }
            IpAddr::V6(_) => Icmp::V6(Icmpv6::Unreachable { code: icmpv6::unreachable::ADDRESS }),
        }
    }

    /// To `dst`: there is no route there from here.
    pub fn network_unreachable(dst: IpAddr) -> Icmp {
        match dst {
            IpAddr::V4(_) => {
                Icmp::V4(Icmpv4::Unreachable { code: icmpv4::unreachable::NET, mtu: 0 })
            }
            IpAddr::V6(_) => Icmp::V6(Icmpv6::Unreachable { code: icmpv6::unreachable::NO_ROUTE }),
        }
    }

    /// To `dst`: the packet is too big for a link of `mtu` bytes, and may not be cut on the way.
    pub fn packet_too_big(dst: IpAddr, mtu: u16) -> Icmp {
        let code = icmpv4::unreachable::FRAGMENTATION_NEEDED;
        match dst {
            IpAddr::V4(_) => Icmp::V4(Icmpv4::Unreachable { code, mtu }),
            IpAddr::V6(_) => Icmp::V6(Icmpv6::PacketTooBig { mtu: mtu.into() }),
        }
    }

    /// To `dst`: the packet has taken as many hops as it may.
    pub fn time_exceeded(dst: IpAddr) -> Icmp {
        match dst {
            IpAddr::V4(_) => Icmp::V4(Icmpv4::TimeExceeded { code: 0 }),
            IpAddr::V6(_) => Icmp::V6(Icmpv6::TimeExceeded { code: 0 }),
        }
    }

    /// To `dst`: no such protocol is here; the byte that named it lies at `pointer`.
    pub fn protocol_unreachable(dst: IpAddr, pointer: usize) -> Icmp {
        match dst {
            IpAddr::V4(_) => {
                Icmp::V4(Icmpv4::Unreachable { code: icmpv4::unreachable::PROTOCOL, mtu: 0 })
            }
            IpAddr::V6(_) => Icmp::V6(Icmpv6::ParameterProblem {
                code: super::ipv6::problem::NEXT_HEADER,
                pointer: pointer as u32,
            }),
        }
    }

    /// To `dst`: a datagram's other fragments did not come.
    pub fn reassembly_time_exceeded(dst: IpAddr) -> Icmp {
        match dst {
            IpAddr::V4(_) => Icmp::V4(Icmpv4::TimeExceeded { code: 1 }),
            IpAddr::V6(_) => Icmp::V6(Icmpv6::TimeExceeded { code: 1 }),
        }
    }

    /// The echo request or reply that this is.
    pub fn as_echo(&self) -> Option<Echo> {
        let (request, id, seq) = match *self {
            Icmp::V4(Icmpv4::EchoRequest { id, seq }) => (true, id, seq),
            Icmp::V6(Icmpv6::EchoRequest { id, seq }) => (true, id, seq),
            Icmp::V4(Icmpv4::EchoReply { id, seq }) => (false, id, seq),
            Icmp::V6(Icmpv6::EchoReply { id, seq }) => (false, id, seq),
            _ => return None,
        };
        Some(Echo { request, id, seq })
    }

    /// The echo that a quoted packet was.
    pub fn of_quoted(quoted: &Quoted) -> Option<Echo> {
        let message = match quoted.proto {
            protocol::ICMP => Icmp::V4(Icmpv4::read(&quoted.transport)),
            protocol::ICMPV6 => Icmp::V6(Icmpv6::read(&quoted.transport)),
            _ => return None,
        };
        message.as_echo()
    }

    /// The MTU of a link that a packet was too big for, bytes (RFC 1191 §4, RFC 4443 §3.2); 0 when
    /// the router does not say.
    pub fn too_big(&self) -> Option<u32> {
        match *self {
            Icmp::V4(Icmpv4::Unreachable {
                code: icmpv4::unreachable::FRAGMENTATION_NEEDED,
                mtu,
            }) => Some(mtu.into()),
            Icmp::V6(Icmpv6::PacketTooBig { mtu }) => Some(mtu),
            _ => None,
        }
    }

    /// Whether this reports an error about a packet, which it then quotes.
    pub fn is_error(&self) -> bool {
        match self {
            Icmp::V4(message) => message.is_error(),
            Icmp::V6(message) => message.is_error(),
        }
    }

    /// Whether this says why a packet will not arrive. Other messages that quote packets, such as
    /// redirects, say nothing of that.
    pub fn is_verdict(&self) -> bool {
        matches!(
            self,
            Icmp::V4(
                Icmpv4::Unreachable { .. }
                    | Icmpv4::TimeExceeded { .. }
                    | Icmpv4::ParameterProblem { .. }
            ) | Icmp::V6(
                Icmpv6::Unreachable { .. }
                    | Icmpv6::PacketTooBig { .. }
                    | Icmpv6::TimeExceeded { .. }
                    | Icmpv6::ParameterProblem { .. }
            )
        )
    }

    /// Whether it may be sent about a packet to many hosts: those of RFC 4443 §2.4 (e.3) may.
    pub fn may_answer_many(&self) -> bool {
        use super::ipv6::problem::OPTION;
        matches!(
            self,
            Icmp::V6(Icmpv6::PacketTooBig { .. } | Icmpv6::ParameterProblem { code: OPTION, .. })
        )
    }

    /// Whether it ends an opening connection: there is no such protocol or port (RFC 1122
    /// §4.2.3.9), or somebody forbids it (RFC 1812 §5.2.7.1, RFC 4443 §3.1).
    pub fn is_hard(&self) -> bool {
        match *self {
            Icmp::V4(Icmpv4::Unreachable { code, .. }) => {
                use icmpv4::unreachable::{PORT, PROTOCOL};
                matches!(code, PROTOCOL | PORT | 9 | 10 | 13)
            }
            Icmp::V6(Icmpv6::Unreachable { code }) => {
                use icmpv6::unreachable::{POLICY, PORT, PROHIBITED, REJECTED};
                matches!(code, PROHIBITED | PORT | POLICY | REJECTED)
            }
            Icmp::V6(Icmpv6::ParameterProblem { code, .. }) => {
                code == super::ipv6::problem::NEXT_HEADER
            }
            _ => false,
        }
    }

    /// What a socket is told whose packet this error is about.
    pub fn socket_error(&self) -> Option<SocketError> {
        match self {
            Icmp::V4(message) => message.socket_error(),
            Icmp::V6(message) => message.socket_error(),
        }
    }

    /// What a stream is told as Linux has it: every code has its own error, and a router that gives
    /// up or does not understand is heard, too.
    pub fn stream_error(&self) -> Option<SocketError> {
        Some(match *self {
            Icmp::V4(Icmpv4::Unreachable { code, .. }) => match code {
                icmpv4::unreachable::PROTOCOL => SocketError::NoProtocol,
                5 => SocketError::NotSupported,
                7 => SocketError::HostDown,
                8 => SocketError::NoNetwork,
                0..=15 => return self.socket_error(),
                _ => return None,
            },
            Icmp::V4(Icmpv4::ParameterProblem { .. }) => SocketError::Protocol,
            Icmp::V6(Icmpv6::ParameterProblem { .. }) => SocketError::Protocol,
            Icmp::V4(Icmpv4::TimeExceeded { .. }) => SocketError::HostUnreachable,
            Icmp::V6(Icmpv6::TimeExceeded { .. }) => SocketError::HostUnreachable,
            _ => return self.socket_error(),
        })
    }

    /// Whether it ends what is half open, as Linux has it: no network, no host, no time left or not
    /// understood; over IPv6 what is meant to last.
    pub fn ends_half_open(&self) -> bool {
        match *self {
            Icmp::V4(Icmpv4::Unreachable { code, .. }) => code <= icmpv4::unreachable::HOST,
            Icmp::V4(message) => {
                matches!(message, Icmpv4::TimeExceeded { .. } | Icmpv4::ParameterProblem { .. })
            }
            Icmp::V6(Icmpv6::ParameterProblem { .. }) => true,
            Icmp::V6(_) => self.is_hard(),
        }
    }

    /// Whether a router has no way to the host now (RFC 6069 §2).
    pub fn is_unreached(&self) -> bool {
        match *self {
            Icmp::V4(Icmpv4::Unreachable { code, .. }) => code <= icmpv4::unreachable::HOST,
            Icmp::V6(Icmpv6::Unreachable { code }) => code == icmpv6::unreachable::NO_ROUTE,
            _ => false,
        }
    }

    /// The type and code fields.
    pub fn kind_and_code(&self) -> (u8, u8) {
        match self {
            Icmp::V4(message) => message.kind_and_code(),
            Icmp::V6(message) => message.kind_and_code(),
        }
    }
}

/// The beginning of a packet that an ICMP error quotes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Quoted {
    /// Who sent the packet: this host, if the error is honest.
    pub src: IpAddr,
    /// Where it was going.
    pub dst: IpAddr,
    /// What was inside.
    pub proto: u8,
    /// How long the packet was, as the quotation says, bytes.
    pub total_len: u32,
    /// How long its IPv4 header was, bytes; 0 for IPv6.
    pub header_len: u32,
    /// The first eight bytes of its transport header.
    pub transport: [u8; 8],
}

impl Quoted {
    /// Reads a quotation, which may end after eight bytes of transport header (RFC 792). Its
    /// header checksum and total length are not checked, because routers change or garble them
    /// before they quote (RFC 5927 §3.1 knows more reasons not to trust a quotation).
    ///
    /// # Errors
    /// [`Why::IcmpTruncated`] when it is shorter than that or no IP header;
    /// [`Why::IcmpNoSocket`] when it quotes a fragment other than the first, which has no ports.
    pub fn parse(bytes: &[u8]) -> Result<Quoted, Why> {
        let (header, offset) = match bytes.first().map(|first| first >> 4) {
            Some(4) => quoted_v4(bytes)?,
            Some(6) => quoted_v6(bytes)?,
            _ => return Err(Why::IcmpTruncated),
        };
        let transport = bytes.get(offset..).and_then(|rest| rest.first_chunk());
        let transport = *transport.ok_or(Why::IcmpTruncated)?;
        if header.offset > 0 {
            return Err(Why::IcmpNoSocket);
        }
        let (total_len, header_len) = match header.src {
            IpAddr::V4(_) => (u32::from(u16::from_be_bytes([bytes[2], bytes[3]])), offset as u32),
            IpAddr::V6(_) => (u32::from(u16::from_be_bytes([bytes[4], bytes[5]])) + 40, 0),
        };
        let ip::Header { src, dst, proto, .. } = header;
        Ok(Quoted { src, dst, proto, total_len, header_len, transport })
    }

    /// The MTU to try next for a path that `known` was believed of, when a router says that the
    /// packet was too big, but not for what: the next plateau below it (RFC 1191 §5). Some routers
    /// count the header twice in the length they quote; a length that cannot be is taken for one
    /// of theirs.
    // Rules: 1191-5-1.
    pub fn plateau(&self, known: u16) -> u16 {
        let twice = self.total_len >= u32::from(known);
        let len = self.total_len.saturating_sub(if twice { self.header_len } else { 0 });
        let below = PLATEAUS.iter().find(|plateau| u32::from(**plateau) < len);
        below.copied().unwrap_or(PLATEAUS[PLATEAUS.len() - 1])
    }

    /// Source and destination port, when the protocol has them where TCP and UDP do.
    pub fn ports(&self) -> Option<(u16, u16)> {
        let [a, b, c, d, ..] = self.transport;
        let has_ports = matches!(self.proto, protocol::TCP | protocol::UDP);
        has_ports.then_some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
    }

    /// The sequence number of a TCP segment.
    pub fn seq(&self) -> Option<Seq> {
        let [.., a, b, c, d] = self.transport;
        (self.proto == protocol::TCP).then_some(Seq(u32::from_be_bytes([a, b, c, d])))
    }
}

/// The header of a quoted IPv4 packet, and where its transport header begins.
fn quoted_v4(bytes: &[u8]) -> Result<(ip::Header, usize), Why> {
    let fixed = bytes.first_chunk::<{ super::ipv4::HEADER_LEN }>().ok_or(Why::IcmpTruncated)?;
    let header_len = usize::from(fixed[0] & 15) * 4;
    if header_len < super::ipv4::HEADER_LEN {
        return Err(Why::IcmpTruncated);
    }
    let addr = |at: usize| IpAddr::from([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let offset = u32::from(u16::from_be_bytes([fixed[6], fixed[7]]) & 0x1fff) * 8;
    Ok((ip::Header { offset, ..ip::Header::new(addr(12), addr(16), fixed[9]) }, header_len))
}

/// The same for IPv6. What is quoted may be cut, so its length is taken for whatever there is.
fn quoted_v6(bytes: &[u8]) -> Result<(ip::Header, usize), Why> {
    let mut header = ip::Header::from(super::ipv6::Header::parse(bytes, usize::MAX)?);
    header.total_len = bytes.len();
    header.walk(bytes).map_err(|_| Why::IcmpTruncated)?;
    Ok((header, header.header_len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Frame, Pool};
    use pnet_packet::icmpv6;
    use proptest::prelude::*;

    fn v6(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            id: u16, seq: u16, six: bool, request: bool,
            body in proptest::collection::vec(any::<u8>(), 0..100), flip: usize,
        ) {
            let (src, dst) = match six {
                true => (v6("fd00::1"), v6("fd00::2")),
                false => (IpAddr::from([10, 9, 0, 1]), IpAddr::from([10, 9, 0, 2])),
            };
            let echo = Echo { request, id, seq };
            let message = Icmp::echo(dst, echo);
            let mut head = Head::new();
            message.emit(src, dst, &mut head, &Pool::new().copy(&body).into());
            let mut bytes = [&head[..], &body].concat();
            prop_assert_eq!(Icmp::parse(src, dst, [&bytes[..]]), Ok(message));
            prop_assert_eq!(message.as_echo(), Some(echo));
            if let (IpAddr::V6(s), IpAddr::V6(d)) = (src, dst) {
                let theirs = icmpv6::Icmpv6Packet::new(&bytes).expect("a message");
                prop_assert_eq!(theirs.get_checksum(), icmpv6::checksum(&theirs, &s, &d));
            }
            let bit = flip % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Icmp::parse(src, dst, [&bytes[..]]), Err(Why::IcmpChecksum));
        }

        #[test]
        fn any_quotation_is_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..90),
        ) {
            let _ = Quoted::parse(&bytes);
        }
    }

    #[test]
    fn quotations_of_both_families_may_be_cut() {
        for (src, dst) in [("10.9.0.1", "10.9.0.2"), ("fd00::1", "fd00::2")] {
            let mut frame = Frame::default();
            let header = ip::Header::new(v6(src), v6(dst), protocol::UDP);
            header.emit(&mut frame.head, 1000);
            let bytes = [&frame.to_vec()[..], &[0x1f, 0x90, 0, 53, 0, 8, 0, 0]].concat();
            let quoted = Quoted::parse(&bytes).expect("eight bytes are enough");
            assert_eq!((quoted.src, quoted.dst), (v6(src), v6(dst)));
            assert_eq!((quoted.ports(), quoted.seq()), (Some((8080, 53)), None));
            assert_eq!(Quoted::parse(&bytes[..bytes.len() - 1]), Err(Why::IcmpTruncated));
            let mut frame = Frame::default();
            ip::Header { offset: 8, ..header }.emit(&mut frame.head, 1000);
            let later = [&frame.to_vec()[..], &[0; 8]].concat();
            assert_eq!(Quoted::parse(&later), Err(Why::IcmpNoSocket));
        }
    }

    #[test]
    fn what_to_try_when_the_router_does_not_say() {
        let quoted = |total_len, header_len| Quoted {
            src: v6("10.9.0.1"),
            dst: v6("10.9.0.2"),
            proto: protocol::TCP,
            total_len,
            header_len,
            transport: [0; 8],
        };
        // (length quoted, header, believed before, next)
        let table = [
            (1500, 20, 1501, 1492),
            (1500, 20, 1500, 1006),
            (1520, 20, 1500, 1492),
            (1492, 20, 1500, 1006),
            (600, 20, 1500, 508),
            (576, 20, 1006, 508),
            (68, 20, 1500, 68),
            (0, 20, 1500, 68),
            (65_535, 60, 65_535, 32_000),
        ];
        for (total, header, known, next) in table {
            assert_eq!(quoted(total, header).plateau(known), next, "{total} of {known}");
        }
    }

    #[test]
    fn quotations_with_options() {
        let mut frame = Frame::default();
        let ends = [v6("10.9.0.1"), v6("10.9.0.2")];
        ip::Header::new(ends[0], ends[1], protocol::TCP).emit(&mut frame.head, 1000);
        let mut bytes = [&frame.to_vec()[..], &[0x82, 0x35, 0, 80, 1, 2, 3, 4]].concat();
        let read = Quoted::parse(&bytes).expect("a quotation");
        assert_eq!((read.ports(), read.seq()), (Some((33333, 80)), Some(Seq(0x0102_0304))));
        bytes[0] = 0x46;
        assert_eq!(Quoted::parse(&bytes), Err(Why::IcmpTruncated));
        bytes.splice(20..20, [1, 1, 1, 0]);
        assert_eq!(Quoted::parse(&bytes), Ok(Quoted { header_len: 24, ..read }));
        bytes[0] = 0x44;
        assert_eq!(Quoted::parse(&bytes), Err(Why::IcmpTruncated));
    }

    #[test]
    fn about_what_errors_are_errors() {
        assert!(is_error(protocol::ICMPV6, &[1]) && !is_error(protocol::ICMPV6, &[128]));
        assert!(is_error(protocol::ICMP, &[3]) && !is_error(protocol::ICMP, &[8]));
        assert!(is_error(protocol::ICMPV6, &[]) && !is_error(protocol::TCP, &[]));
    }
}
