//! ICMP messages (RFC 792, RFC 1122 §3.2.2) and the packets that errors quote.
//!
//! Extensions behind a quotation (RFC 4884) are not read and not sent.

use super::checksum;
use super::ipv4::{self, protocol};
use crate::base::{Chunks, Head, Seq, SocketError, Why, checksum::Sum};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// The header's length in bytes: behind it lies the payload of an echo or the quotation of an
/// error.
pub const HEADER_LEN: usize = 8;

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const SOURCE_QUENCH: u8 = 4;
const REDIRECT: u8 = 5;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;

/// Codes of [`Icmpv4::Unreachable`].
pub mod unreachable {
    /// The network cannot be reached.
    pub const NET: u8 = 0;
    /// The host cannot be reached.
    pub const HOST: u8 = 1;
    /// The host does not speak that protocol.
    pub const PROTOCOL: u8 = 2;
    /// Nobody listens on that port.
    pub const PORT: u8 = 3;
    /// The packet was too big and must not be fragmented (RFC 1191).
    pub const FRAGMENTATION_NEEDED: u8 = 4;
}

/// What an ICMP message says, without its payload or quotation.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Icmpv4 {
    /// Echo request.
    EchoRequest {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
    },
    /// Echo reply.
    EchoReply {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
    },
    /// Destination unreachable.
    Unreachable {
        /// 0 net, 1 host, 2 protocol, 3 port, 4 fragmentation needed, …: see [`mod@unreachable`].
        code: u8,
        /// Next-hop MTU for code 4 (RFC 1191), else 0.
        mtu: u16,
    },
    /// Time exceeded.
    TimeExceeded {
        /// 0 in transit, 1 in reassembly.
        code: u8,
    },
    /// Parameter problem.
    ParameterProblem {
        /// Offset of the offending byte.
        pointer: u8,
    },
    /// Anything else.
    Other {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
}

impl Icmpv4 {
    /// Reads the message whose bytes, header first, are `slices`; the header lies in the first
    /// slice that is not empty. The payload or quotation starts at [`HEADER_LEN`].
    ///
    /// # Errors
    /// [`Why::IcmpTruncated`], [`Why::IcmpChecksum`].
    pub fn parse<'a>(slices: impl IntoIterator<Item = &'a [u8]> + Clone) -> Result<Icmpv4, Why> {
        let front = slices.clone().into_iter().find(|s| !s.is_empty()).unwrap_or_default();
        let Some(bytes) = front.first_chunk::<HEADER_LEN>() else {
            return Err(Why::IcmpTruncated);
        };
        if !checksum::is_good(Sum::new(), slices) {
            return Err(Why::IcmpChecksum);
        }
        let [kind, code, _, _, a, b, c, d] = *bytes;
        let (id, seq) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        Ok(match kind {
            ECHO_REQUEST => Icmpv4::EchoRequest { id, seq },
            ECHO_REPLY => Icmpv4::EchoReply { id, seq },
            UNREACHABLE if code == unreachable::FRAGMENTATION_NEEDED => {
                Icmpv4::Unreachable { code, mtu: seq }
            }
            UNREACHABLE => Icmpv4::Unreachable { code, mtu: 0 },
            TIME_EXCEEDED => Icmpv4::TimeExceeded { code },
            PARAMETER_PROBLEM if code == 0 => Icmpv4::ParameterProblem { pointer: a },
            _ => Icmpv4::Other { kind, code },
        })
    }

    /// Writes the header with the checksum over itself and `body` in front of `head`, which holds
    /// nothing else of the message.
    pub fn emit(&self, head: &mut Head, body: &Chunks) {
        let out = head.prepend(HEADER_LEN);
        let (kind, code) = self.kind_and_code();
        let [a, b, c, d] = self.rest();
        out.copy_from_slice(&[kind, code, 0, 0, a, b, c, d]);
        let slices = std::iter::once(&out[..]).chain(body.iter().map(|chunk| &chunk[..]));
        let sum = checksum::complete(Sum::new(), slices);
        out[2..4].copy_from_slice(&sum.to_be_bytes());
    }

    /// The type and code fields.
    pub fn kind_and_code(&self) -> (u8, u8) {
        match *self {
            Icmpv4::EchoRequest { .. } => (ECHO_REQUEST, 0),
            Icmpv4::EchoReply { .. } => (ECHO_REPLY, 0),
            Icmpv4::Unreachable { code, .. } => (UNREACHABLE, code),
            Icmpv4::TimeExceeded { code } => (TIME_EXCEEDED, code),
            Icmpv4::ParameterProblem { .. } => (PARAMETER_PROBLEM, 0),
            Icmpv4::Other { kind, code } => (kind, code),
        }
    }

    /// The second half of the header.
    fn rest(&self) -> [u8; 4] {
        match *self {
            Icmpv4::EchoRequest { id, seq } | Icmpv4::EchoReply { id, seq } => {
                let ([a, b], [c, d]) = (id.to_be_bytes(), seq.to_be_bytes());
                [a, b, c, d]
            }
            Icmpv4::Unreachable { code: unreachable::FRAGMENTATION_NEEDED, mtu } => {
                let [c, d] = mtu.to_be_bytes();
                [0, 0, c, d]
            }
            Icmpv4::ParameterProblem { pointer } => [pointer, 0, 0, 0],
            _ => [0; 4],
        }
    }

    /// Whether this reports an error about a packet, which it then quotes (RFC 1122 §3.2.2).
    pub fn is_error(&self) -> bool {
        is_error(self.kind_and_code().0)
    }

    /// What a socket is told whose packet this error is about, as Linux translates it; `None` for
    /// what is no verdict about the destination. Whether it ends a connection is the transport's
    /// to decide (RFC 1122 §4.2.3.9, RFC 5927 §5.2).
    pub fn socket_error(&self) -> Option<SocketError> {
        let Icmpv4::Unreachable { code, .. } = *self else { return None };
        Some(match code {
            unreachable::PROTOCOL | unreachable::PORT => SocketError::Refused,
            unreachable::FRAGMENTATION_NEEDED => SocketError::MessageTooLong,
            unreachable::NET | 6 | 9 | 11 => SocketError::NetworkUnreachable,
            _ => SocketError::HostUnreachable,
        })
    }

    /// The message as tcpdump prints it: with the quoted packet's address and port, where one was
    /// read, and the message's length in bytes, header included.
    pub fn line(&self, quoted: Option<Quoted>, len: usize) -> impl fmt::Display {
        Line { message: *self, quoted, len: Some(len) }
    }
}

/// Whether ICMP type `kind` reports an error about a packet. No error may be sent about one, so
/// types nobody has heard of count as errors, too.
pub fn is_error(kind: u8) -> bool {
    // Echo (0, 8), router discovery (9, 10), timestamp, information, address mask (13..=18),
    // extended echo (42, 43): RFC 792, 950, 1256, 8335.
    !matches!(kind, ECHO_REPLY | ECHO_REQUEST | 9 | 10 | 13..=18 | 42 | 43)
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
    /// The first eight bytes of its transport header.
    pub transport: [u8; 8],
}

impl Quoted {
    /// Reads a quotation, which may end after eight bytes of transport header (RFC 792). Its
    /// header checksum and total length are not checked, because routers change or garble them
    /// before they quote (RFC 5927 §3.1 knows more reasons not to trust a quotation).
    ///
    /// # Errors
    /// [`Why::IcmpTruncated`] when it is shorter than that or no IPv4 header;
    /// [`Why::IcmpNoSocket`] when it quotes a fragment other than the first, which has no ports.
    pub fn parse(bytes: &[u8]) -> Result<Quoted, Why> {
        let fixed = bytes.first_chunk::<{ ipv4::HEADER_LEN }>().ok_or(Why::IcmpTruncated)?;
        let header_len = usize::from(fixed[0] & 15) * 4;
        if fixed[0] >> 4 != 4 || header_len < ipv4::HEADER_LEN {
            return Err(Why::IcmpTruncated);
        }
        let transport = bytes.get(header_len..).and_then(|rest| rest.first_chunk());
        let transport = *transport.ok_or(Why::IcmpTruncated)?;
        if u16::from_be_bytes([fixed[6], fixed[7]]) & 0x1fff != 0 {
            return Err(Why::IcmpNoSocket);
        }
        let addr = |at: usize| {
            IpAddr::V4(Ipv4Addr::new(fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]))
        };
        Ok(Quoted { src: addr(12), dst: addr(16), proto: fixed[9], transport })
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

/// As tcpdump prints it, without the length: `ICMP echo request, id 7, seq 1`.
impl fmt::Display for Icmpv4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Line { message: *self, quoted: None, len: None }.fmt(f)
    }
}

struct Line {
    message: Icmpv4,
    quoted: Option<Quoted>,
    len: Option<usize>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ICMP ")?;
        match self.message {
            Icmpv4::EchoRequest { id, seq } => write!(f, "echo request, id {id}, seq {seq}")?,
            Icmpv4::EchoReply { id, seq } => write!(f, "echo reply, id {id}, seq {seq}")?,
            Icmpv4::Unreachable { code, mtu } => self.unreachable(f, code, mtu)?,
            Icmpv4::TimeExceeded { code: 0 } => f.write_str("time exceeded in-transit")?,
            Icmpv4::TimeExceeded { code: 1 } => f.write_str("ip reassembly time exceeded")?,
            Icmpv4::TimeExceeded { code } => write!(f, "time exceeded-#{code}")?,
            Icmpv4::ParameterProblem { pointer } => {
                write!(f, "parameter problem - octet {pointer}")?;
            }
            Icmpv4::Other { kind: SOURCE_QUENCH, .. } => f.write_str("source quench")?,
            Icmpv4::Other { kind: REDIRECT, .. } => f.write_str("redirect")?,
            Icmpv4::Other { kind: PARAMETER_PROBLEM, code } => {
                write!(f, "parameter problem - code {code}")?;
            }
            Icmpv4::Other { kind: 13, .. } => f.write_str("time stamp query")?,
            Icmpv4::Other { kind: 14, .. } => f.write_str("time stamp reply")?,
            Icmpv4::Other { kind, .. } => write!(f, "type-#{kind}")?,
        }
        self.len.map_or(Ok(()), |len| write!(f, ", length {len}"))
    }
}

impl Line {
    fn unreachable(&self, f: &mut fmt::Formatter<'_>, code: u8, mtu: u16) -> fmt::Result {
        // The object before "unreachable" and what is said behind it.
        let (object, remark) = match code {
            unreachable::NET => ("net", ""),
            unreachable::HOST => ("host", ""),
            unreachable::PROTOCOL | unreachable::PORT => return self.no_service(f, code),
            unreachable::FRAGMENTATION_NEEDED => ("", " - need to frag"),
            5 => ("", " - source route failed"),
            6 => ("net", " - unknown"),
            7 => ("host", " - unknown"),
            9 => ("net", " - admin prohibited"),
            10 => ("host", " - admin prohibited"),
            11 => ("net", " - tos prohibited"),
            12 => ("host", " - tos prohibited"),
            13 => ("host", " - admin prohibited filter"),
            14 => ("host", " - host precedence violation"),
            15 => ("host", " - precedence cutoff"),
            code => return write!(f, "unreachable-#{code}"),
        };
        let space = if object.is_empty() { "" } else { " " };
        write!(f, "{object}{space}")?;
        if let Some(quoted) = self.quoted {
            write!(f, "{} ", quoted.dst)?;
        }
        write!(f, "unreachable{remark}")?;
        if mtu != 0 { write!(f, " (mtu {mtu})") } else { Ok(()) }
    }

    fn no_service(&self, f: &mut fmt::Formatter<'_>, code: u8) -> fmt::Result {
        let Some(quoted) = self.quoted else {
            let object = if code == unreachable::PORT { "port" } else { "protocol" };
            return write!(f, "{object} unreachable");
        };
        write!(f, "{} ", quoted.dst)?;
        match (code, quoted.proto, quoted.ports()) {
            (unreachable::PORT, protocol::UDP, Some((_, port))) => write!(f, "udp port {port}"),
            (unreachable::PORT, protocol::TCP, Some((_, port))) => write!(f, "tcp port {port}"),
            (_, proto, _) => write!(f, "protocol {proto}"),
        }?;
        f.write_str(" unreachable")
    }
}

#[cfg(test)]
mod tests;
