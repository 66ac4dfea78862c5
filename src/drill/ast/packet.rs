//! Packets: headers as a script writes them.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A packet that arrives or must leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Which way.
    pub direction: Direction,
    /// Headers before the last IP header, outermost first; mostly none.
    pub encap: Vec<Encap>,
    /// What is said of the last IP header.
    pub ip: IpInfo,
    /// What is in it.
    pub body: Body,
    /// `/udp(1234 > 9899)`: the UDP ports that it travels behind.
    pub udp_encap: Option<Ports>,
}

/// Which way a packet goes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Direction {
    /// `<`: it arrives.
    Inbound,
    /// `>`: it must leave.
    Outbound,
}

/// A header before the last IP header, which ends in a colon.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Encap {
    /// `ipv4 192.0.2.1 > 192.0.2.2:`.
    Ip4 {
        /// What is said of it.
        info: IpInfo,
        /// From.
        src: Ipv4Addr,
        /// To.
        dst: Ipv4Addr,
    },
    /// `ipv6 2001:db8::1 > 2001:db8::2:`.
    Ip6 {
        /// What is said of it.
        info: IpInfo,
        /// From.
        src: Ipv6Addr,
        /// To.
        dst: Ipv6Addr,
    },
    /// `gre:`, with fields or without.
    Gre(Option<Gre>),
    /// `mpls (label 0, tc 0, [S], ttl 0):`, one or more.
    Mpls(Vec<Label>),
}

/// `gre flags [checksum present], sum 0, off 0, key 1, seq 0` (RFC 2784, 2890).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Gre {
    /// The first 16 bits: checksum 0x8000, key 0x2000, sequence 0x1000.
    pub flags: u16,
    /// The checksum.
    pub sum: u16,
    /// The offset.
    pub off: u16,
    /// The key.
    pub key: u32,
    /// The sequence number.
    pub seq: u32,
}

/// An entry of an MPLS stack (RFC 3032).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// The label, 20 bits.
    pub label: u32,
    /// The traffic class, 3 bits.
    pub tc: u8,
    /// Whether it is the last of the stack.
    pub bottom: bool,
    /// Time to live.
    pub ttl: u8,
}

/// What is said of an IP header, in parentheses or brackets; what is not said is not looked at, and
/// is the default of an arriving packet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IpInfo {
    /// The traffic class, in one of three forms.
    pub class: Option<TrafficClass>,
    /// The flow label (IPv6): compared by same or different, not by value.
    pub flow_label: Option<u32>,
    /// Time to live, or hop limit.
    pub ttl: Option<u8>,
}

/// What is said of the byte with DSCP and ECN.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum TrafficClass {
    /// Only of the two ECN bits: `noecn`, `ect0`, `ect1`, `ect01`, `ce`.
    Ecn(Ecn),
    /// Only of the six bits of the DSCP: `dscp af41`.
    Dscp(u8),
    /// Of both: `dscp cs1, ecn ect0`.
    DscpEcn(u8, Ecn),
    /// Of the whole byte: `tos 0x10`, `class 0x10`.
    Byte(u8),
}

/// The ECN field (RFC 3168 §5).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Ecn {
    /// 00.
    NotEct,
    /// 10.
    Ect0,
    /// 01.
    Ect1,
    /// 01 or 10; outbound only.
    Ect01,
    /// 11.
    Ce,
}

/// `A > B`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Ports {
    /// From.
    pub src: u16,
    /// To.
    pub dst: u16,
}

/// What is in the last IP header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// A TCP segment.
    Tcp(Tcp),
    /// A UDP datagram.
    Udp(Udp),
    /// An ICMP message.
    Icmp(Icmp),
}

/// A TCP segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tcp {
    /// `encap psp spi N`: the security parameter index of PSP.
    pub psp: Option<u32>,
    /// The ports, if they are not the configured ones.
    pub ports: Option<Ports>,
    /// Control bits.
    pub flags: Flags,
    /// Sequence numbers and length.
    pub seq: Seq,
    /// The acknowledgment number; an outbound segment without one must have 0 there.
    pub ack: Option<u32>,
    /// The window, unscaled; inbound there is always one.
    pub window: Option<u16>,
    /// The urgent pointer.
    pub urgent: Option<u16>,
    /// Options.
    pub options: Options,
}

/// Control bits: `S`, `FP.`, `SEWA`, `.5`, `-`.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    /// FIN.
    pub fin: bool,
    /// SYN.
    pub syn: bool,
    /// RST.
    pub rst: bool,
    /// PSH.
    pub psh: bool,
    /// ACK, written as a dot.
    pub ack: bool,
    /// URG.
    pub urg: bool,
    /// ECE, or the lowest bit of an ACE digit.
    pub ece: bool,
    /// CWR, or the middle bit of an ACE digit.
    pub cwr: bool,
    /// AE, or the highest bit of an ACE digit.
    pub ae: bool,
    /// The digit, if the three bits were written as one (RFC 9768 §3.2.2).
    pub ace: Option<u8>,
}

/// `1:1001(1000)`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Seq {
    /// The first number; 0 for [`SeqKind::Any`].
    pub start: u32,
    /// One past the last one, SYN and FIN not counted; 0 for [`SeqKind::Any`].
    pub end: u32,
    /// Bytes of payload.
    pub len: u32,
    /// How the numbers are to be taken.
    pub kind: SeqKind,
}

/// How a sequence number is to be taken.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum SeqKind {
    /// As usual: relative to the initial sequence number, except on a SYN.
    Mapped,
    /// `1:1(0)!`: as it is on the wire.
    Literal,
    /// `...(0)`: not looked at.
    Any,
}

/// What is between `<` and `>` at the end of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Options {
    /// `<...>`: whichever; outbound only.
    Any,
    /// These, in this order and padding; mostly padded by `nop`. The whole is a multiple of four
    /// bytes long, and no longer than forty.
    List(Vec<TcpOption>),
}

/// One TCP option.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TcpOption {
    /// No operation.
    Nop,
    /// End of list.
    Eol,
    /// Maximum segment size.
    Mss(u16),
    /// Window scale.
    WindowScale(u8),
    /// SACK permitted.
    SackOk,
    /// Blocks, left and right edge.
    Sack(Vec<(u32, u32)>),
    /// Timestamps.
    Timestamps {
        /// `val N`; none for `val ...`, which is any.
        val: Option<u32>,
        /// `ecr N`.
        ecr: Ecr,
    },
    /// Fast open, kind 34: the cookie (RFC 7413).
    FastOpen(Vec<u8>),
    /// Fast open, kind 254 with 0xF989.
    FastOpenExp(Vec<u8>),
    /// A signature (RFC 2385).
    Md5(Md5),
    /// Accurate ECN, kind 172 or 174 (RFC 9768 §3.2.3).
    AccEcn(AccEcn),
    /// `gen-N hex`: any other kind with its data.
    Other {
        /// The kind.
        kind: u8,
        /// What follows the length.
        data: Vec<u8>,
    },
    /// Bytes as they are, which must be the only "option".
    Raw(Vec<u8>),
}

impl TcpOption {
    /// Bytes on the wire.
    #[allow(clippy::len_without_is_empty, reason = "no option is empty")]
    pub fn len(&self) -> usize {
        match self {
            TcpOption::Nop | TcpOption::Eol => 1,
            TcpOption::Mss(_) => 4,
            TcpOption::WindowScale(_) => 3,
            TcpOption::SackOk => 2,
            TcpOption::Sack(blocks) => 2 + 8 * blocks.len(),
            TcpOption::Timestamps { .. } => 10,
            TcpOption::FastOpen(cookie) => 2 + cookie.len(),
            TcpOption::FastOpenExp(cookie) => 4 + cookie.len(),
            TcpOption::Md5(Md5::Digest(digest)) => 2 + digest.len(),
            TcpOption::Md5(Md5::Valid) => 18,
            TcpOption::AccEcn(ecn) => 2 + 3 * ecn.counters.len(),
            TcpOption::Other { data, .. } => 2 + data.len(),
            TcpOption::Raw(bytes) => bytes.len(),
        }
    }
}

/// An echoed timestamp.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Ecr {
    /// The number.
    pub value: u32,
    /// `ecr N!`: as it is on the wire, and not one of the script's values.
    pub literal: bool,
}

/// A signature option.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Md5 {
    /// These bytes.
    Digest(Vec<u8>),
    /// The right ones.
    Valid,
}

/// The AccECN option: kind 172 says ECT(0)'s counter first, kind 174 ECT(1)'s.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccEcn {
    /// Which comes first; the other one is third, CE's second.
    pub first: Counter,
    /// The counters that are there, 24 bits each: none to three.
    pub counters: Vec<u32>,
}

/// A byte counter of accurate ECN that an order starts with.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Counter {
    /// ECT(0).
    E0b,
    /// ECT(1).
    E1b,
}

/// `udp 1 > 2 (100)`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Udp {
    /// The ports, if they are not the configured ones.
    pub ports: Option<Ports>,
    /// Bytes of payload.
    pub len: u16,
}

/// `icmp unreachable frag_needed mtu 1400 [1:1001(1000)]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Icmp {
    /// The type.
    pub kind: IcmpWord,
    /// The code; 0 if there is none.
    pub code: Option<IcmpWord>,
    /// The MTU of the next hop.
    pub mtu: Option<u32>,
    /// The identifier of an echo.
    pub id: Option<u16>,
    /// The packet that it is about: one that went the other way.
    pub quoted: Option<Quoted>,
}

/// A type or a code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IcmpWord {
    /// By name, which depends on the version of IP.
    Name(String),
    /// `type_3`, `code_4`.
    Number(u8),
}

/// The packet that an ICMP message quotes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Quoted {
    /// A TCP segment; its numbers are mapped as those of a segment that was sent.
    Tcp(Seq, Option<Ports>),
    /// A UDP datagram of so many bytes.
    Udp(u32),
    /// So many bytes of no protocol.
    Raw(u32),
}
