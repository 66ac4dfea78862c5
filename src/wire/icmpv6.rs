//! ICMPv6 messages (RFC 4443). Neighbour discovery and listener discovery are other types, read
//! elsewhere; here they are [`Icmpv6::Other`].

use crate::base::SocketError;

const UNREACHABLE: u8 = 1;
const PACKET_TOO_BIG: u8 = 2;
const TIME_EXCEEDED: u8 = 3;
const PARAMETER_PROBLEM: u8 = 4;
const ECHO_REQUEST: u8 = 128;
const ECHO_REPLY: u8 = 129;

/// Codes of [`Icmpv6::Unreachable`].
pub mod unreachable {
    /// No route.
    pub const NO_ROUTE: u8 = 0;
    /// Administratively prohibited.
    pub const PROHIBITED: u8 = 1;
    /// The source address means nothing beyond its link.
    pub const BEYOND_SCOPE: u8 = 2;
    /// The host does not answer on its link.
    pub const ADDRESS: u8 = 3;
    /// Nobody listens on that port.
    pub const PORT: u8 = 4;
    /// A filter's policy about sources.
    pub const POLICY: u8 = 5;
    /// A route that leads nowhere on purpose.
    pub const REJECTED: u8 = 6;
}

/// What an ICMPv6 message says, without its payload or quotation.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Icmpv6 {
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
        /// 0 no route, 1 prohibited, 3 address, 4 port, …: see [`mod@unreachable`].
        code: u8,
    },
    /// Packet too big.
    PacketTooBig {
        /// The next hop's MTU, bytes.
        mtu: u32,
    },
    /// Time exceeded.
    TimeExceeded {
        /// 0 in transit, 1 in reassembly.
        code: u8,
    },
    /// Parameter problem.
    ParameterProblem {
        /// See [`super::ipv6::problem`].
        code: u8,
        /// Offset of the offending byte.
        pointer: u32,
    },
    /// Anything else.
    Other {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
}

impl Icmpv6 {
    /// Reads the eight bytes of a header, whose checksum is good.
    pub fn read(bytes: &[u8; 8]) -> Icmpv6 {
        let [kind, code, _, _, a, b, c, d] = *bytes;
        let (id, seq) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let word = u32::from_be_bytes([a, b, c, d]);
        match kind {
            ECHO_REQUEST => Icmpv6::EchoRequest { id, seq },
            ECHO_REPLY => Icmpv6::EchoReply { id, seq },
            UNREACHABLE => Icmpv6::Unreachable { code },
            PACKET_TOO_BIG => Icmpv6::PacketTooBig { mtu: word },
            TIME_EXCEEDED => Icmpv6::TimeExceeded { code },
            PARAMETER_PROBLEM => Icmpv6::ParameterProblem { code, pointer: word },
            _ => Icmpv6::Other { kind, code },
        }
    }

    /// The eight bytes of the header, with a checksum of zero.
    pub fn bytes(&self) -> [u8; 8] {
        let (kind, code) = self.kind_and_code();
        let [a, b, c, d] = match *self {
            Icmpv6::EchoRequest { id, seq } | Icmpv6::EchoReply { id, seq } => {
                (u32::from(id) << 16 | u32::from(seq)).to_be_bytes()
            }
            Icmpv6::PacketTooBig { mtu } => mtu.to_be_bytes(),
            Icmpv6::ParameterProblem { pointer, .. } => pointer.to_be_bytes(),
            _ => [0; 4],
        };
        [kind, code, 0, 0, a, b, c, d]
    }

    /// The type and code fields.
    pub fn kind_and_code(&self) -> (u8, u8) {
        match *self {
            Icmpv6::EchoRequest { .. } => (ECHO_REQUEST, 0),
            Icmpv6::EchoReply { .. } => (ECHO_REPLY, 0),
            Icmpv6::Unreachable { code } => (UNREACHABLE, code),
            Icmpv6::PacketTooBig { .. } => (PACKET_TOO_BIG, 0),
            Icmpv6::TimeExceeded { code } => (TIME_EXCEEDED, code),
            Icmpv6::ParameterProblem { code, .. } => (PARAMETER_PROBLEM, code),
            Icmpv6::Other { kind, code } => (kind, code),
        }
    }

    /// Whether this reports an error about a packet (RFC 4443 §2.1).
    pub fn is_error(&self) -> bool {
        is_error(self.kind_and_code().0)
    }

    /// What a socket is told whose packet this error is about, as Linux translates it; `None` for
    /// what is no verdict about the destination.
    pub fn socket_error(&self) -> Option<SocketError> {
        Some(match *self {
            Icmpv6::Unreachable { code: unreachable::PORT } => SocketError::Refused,
            Icmpv6::Unreachable { code: unreachable::NO_ROUTE } => SocketError::NetworkUnreachable,
            Icmpv6::Unreachable {
                code: unreachable::PROHIBITED | unreachable::POLICY | unreachable::REJECTED,
            } => SocketError::AccessDenied,
            Icmpv6::Unreachable { .. } => SocketError::HostUnreachable,
            Icmpv6::PacketTooBig { .. } => SocketError::MessageTooLong,
            // An unknown next header: the host does not speak that protocol.
            Icmpv6::ParameterProblem { code: 1, .. } => SocketError::Refused,
            _ => return None,
        })
    }
}

/// Whether ICMPv6 type `kind` reports an error: the high bit marks what is informational.
pub fn is_error(kind: u8) -> bool {
    kind < 128
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_read_is_written(mut bytes: [u8; 8]) {
            bytes[2..4].fill(0);
            let message = Icmpv6::read(&bytes);
            let written = message.bytes();
            prop_assert_eq!(Icmpv6::read(&written), message);
            // Codes that have no meaning are not kept.
            let meaningless = matches!(bytes[0], 2 | 128 | 129);
            prop_assert_eq!(written[0], bytes[0]);
            prop_assert_eq!(written[1], if meaningless { 0 } else { bytes[1] });
            prop_assert_eq!(message.is_error(), bytes[0] < 128);
        }
    }
}
