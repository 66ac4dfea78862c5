//! ICMP messages (RFC 792, RFC 1122 §3.2.2).
//!
//! Extensions behind a quotation (RFC 4884) are not read and not sent.

use super::checksum;
use crate::base::{Chunks, Head, SocketError, Why, checksum::Sum};
use std::net::Ipv4Addr;

/// The header's length in bytes: behind it lies the payload of an echo or the quotation of an
/// error.
pub const HEADER_LEN: usize = 8;

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
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
    /// Redirect.
    Redirect {
        /// 0 for the network, 1 for the host, 2 and 3 likewise for a type of service.
        code: u8,
        /// The better gateway.
        gateway: Ipv4Addr,
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
        Ok(Icmpv4::read(bytes))
    }

    /// Reads the eight bytes of a header, whose checksum is good.
    pub fn read(bytes: &[u8; HEADER_LEN]) -> Icmpv4 {
        let [kind, code, _, _, a, b, c, d] = *bytes;
        let (id, seq) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        match kind {
            ECHO_REQUEST => Icmpv4::EchoRequest { id, seq },
            ECHO_REPLY => Icmpv4::EchoReply { id, seq },
            UNREACHABLE if code == unreachable::FRAGMENTATION_NEEDED => {
                Icmpv4::Unreachable { code, mtu: seq }
            }
            UNREACHABLE => Icmpv4::Unreachable { code, mtu: 0 },
            REDIRECT => Icmpv4::Redirect { code, gateway: Ipv4Addr::new(a, b, c, d) },
            TIME_EXCEEDED => Icmpv4::TimeExceeded { code },
            PARAMETER_PROBLEM if code == 0 => Icmpv4::ParameterProblem { pointer: a },
            _ => Icmpv4::Other { kind, code },
        }
    }

    /// Writes the header with the checksum over itself and `body` in front of `head`, which holds
    /// nothing else of the message.
    // Rules: 6633-3-1.
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
            Icmpv4::Redirect { code, .. } => (REDIRECT, code),
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
            Icmpv4::Redirect { gateway, .. } => gateway.octets(),
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
}

/// Whether ICMP type `kind` reports an error about a packet. No error may be sent about one, so
/// types nobody has heard of count as errors, too.
pub fn is_error(kind: u8) -> bool {
    // Echo (0, 8), router discovery (9, 10), timestamp, information, address mask (13..=18),
    // extended echo (42, 43): RFC 792, 950, 1256, 8335.
    !matches!(kind, ECHO_REPLY | ECHO_REQUEST | 9 | 10 | 13..=18 | 42 | 43)
}

#[cfg(test)]
mod tests;
