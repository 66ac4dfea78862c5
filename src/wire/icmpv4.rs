//! ICMP messages (RFC 792, RFC 1122 §3.2.2).

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
        /// 0 net, 1 host, 2 protocol, 3 port, 4 fragmentation needed, …
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
