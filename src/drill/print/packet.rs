//! Packets as scripts write them.

use super::super::ast::{
    AccEcn, Body, Counter, Direction, Ecn, Encap, Flags, Gre, Icmp, IcmpWord, IpInfo, Label, Md5,
    Options, Packet, Ports, Quoted, Seq, SeqKind, Tcp, TcpOption, TrafficClass, Udp,
};
use super::between;
use std::fmt::{self, Display, Formatter};

impl Display for Packet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.direction {
            Direction::Inbound => "< ",
            Direction::Outbound => "> ",
        })?;
        self.encap.iter().try_for_each(|header| write!(f, "{header} "))?;
        if self.ip != IpInfo::default() {
            write!(f, "{} ", self.ip)?;
        }
        match &self.body {
            Body::Tcp(tcp) => write!(f, "{tcp}")?,
            Body::Udp(udp) => write!(f, "{udp}")?,
            Body::Icmp(icmp) => write!(f, "{icmp}")?,
        }
        self.udp_encap.iter().try_for_each(|ports| write!(f, " /udp({ports})"))
    }
}

impl Display for Ports {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.src, self.dst)
    }
}

impl Display for Encap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let said = |f: &mut Formatter<'_>, name: &str, info: &IpInfo| {
            write!(f, "{name} ")?;
            if *info == IpInfo::default() { Ok(()) } else { write!(f, "{info} ") }
        };
        match self {
            Encap::Ip4 { info, src, dst } => {
                said(f, "ipv4", info)?;
                write!(f, "{src} > {dst}:")
            }
            Encap::Ip6 { info, src, dst } => {
                said(f, "ipv6", info)?;
                write!(f, "{src} > {dst} :")
            }
            Encap::Gre(None) => f.write_str("gre:"),
            Encap::Gre(Some(header)) => {
                f.write_str("gre ")?;
                gre(f, header)?;
                f.write_str(":")
            }
            Encap::Mpls(stack) => {
                f.write_str("mpls ")?;
                labels(f, stack)?;
                f.write_str(":")
            }
        }
    }
}

/// The fields of a GRE header.
pub(super) fn gre(f: &mut Formatter<'_>, header: &Gre) -> fmt::Result {
    let Gre { flags, sum, off, key, seq } = header;
    write!(f, "flags {flags:#x}, sum {sum:#x}, off {off}, key={key:#x}, seq {seq}")
}

/// The entries of an MPLS stack.
pub(super) fn labels(f: &mut Formatter<'_>, stack: &[Label]) -> fmt::Result {
    between(f, stack, " ", |f, Label { label, tc, bottom, ttl }| {
        let bottom = if *bottom { "[S], " } else { "" };
        write!(f, "(label {label}, tc {tc}, {bottom}ttl {ttl})")
    })
}

/// In brackets, and in order: class, flow label, TTL.
impl Display for IpInfo {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let items = [
            self.class.map(|class| class.to_string()),
            self.flow_label.map(|label| format!("flowlabel {label:#x}")),
            self.ttl.map(|ttl| format!("ttl {ttl}")),
        ];
        let items: Vec<String> = items.into_iter().flatten().collect();
        write!(f, "[{}]", items.join(", "))
    }
}

impl Display for TrafficClass {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            TrafficClass::Ecn(ecn) => write!(f, "{ecn}"),
            TrafficClass::Dscp(dscp) => write!(f, "dscp {dscp:#x}"),
            TrafficClass::DscpEcn(dscp, ecn) => write!(f, "dscp {dscp:#x}, {ecn}"),
            TrafficClass::Byte(byte) => write!(f, "tos {byte:#x}"),
        }
    }
}

impl Display for Ecn {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ecn::NotEct => "noecn",
            Ecn::Ect0 => "ect0",
            Ecn::Ect1 => "ect1",
            Ecn::Ect01 => "ect01",
            Ecn::Ce => "ce",
        })
    }
}

impl Display for Tcp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.psp.iter().try_for_each(|spi| write!(f, "encap psp spi {spi:#x} "))?;
        self.ports.iter().try_for_each(|ports| write!(f, "{ports} "))?;
        write!(f, "{} {}", self.flags, self.seq)?;
        self.ack.iter().try_for_each(|ack| write!(f, " ack {ack}"))?;
        self.window.iter().try_for_each(|window| write!(f, " win {window}"))?;
        self.urgent.iter().try_for_each(|urgent| write!(f, " urg {urgent}"))?;
        match &self.options {
            Options::Any => f.write_str(" <...>"),
            Options::List(list) if list.is_empty() => Ok(()),
            Options::List(list) => {
                f.write_str(" <")?;
                between(f, list, ",", |f, option| write!(f, "{option}"))?;
                f.write_str(">")
            }
        }
    }
}

/// As scripts have them: letters first, then the dot, then the digit of ACE.
impl Display for Flags {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let letters = [
            (self.fin, 'F'),
            (self.syn, 'S'),
            (self.rst, 'R'),
            (self.psh, 'P'),
            (self.urg, 'U'),
            (self.ece && self.ace.is_none(), 'E'),
            (self.cwr && self.ace.is_none(), 'W'),
            (self.ae && self.ace.is_none(), 'A'),
            (self.ack, '.'),
        ];
        let mut text: String = letters.iter().filter(|(is, _)| *is).map(|(_, c)| c).collect();
        if let Some(ace) = self.ace {
            text.push_str(&ace.to_string());
        }
        f.write_str(if text.is_empty() { "-" } else { &text })
    }
}

impl Display for Seq {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Seq { start, end, len, kind } = self;
        match kind {
            SeqKind::Mapped => write!(f, "{start}:{end}({len})"),
            SeqKind::Literal => write!(f, "{start}:{end}({len})!"),
            SeqKind::Any => write!(f, "...({len})"),
        }
    }
}

/// Hexadecimal digits, with a blank before them if there are any.
fn hex(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    if !bytes.is_empty() {
        f.write_str(" ")?;
    }
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl Display for TcpOption {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            TcpOption::Nop => f.write_str("nop"),
            TcpOption::Eol => f.write_str("eol"),
            TcpOption::Mss(mss) => write!(f, "mss {mss}"),
            TcpOption::WindowScale(shift) => write!(f, "wscale {shift}"),
            TcpOption::SackOk => f.write_str("sackOK"),
            TcpOption::Sack(blocks) => {
                f.write_str("sack ")?;
                between(f, blocks, " ", |f, (left, right)| write!(f, "{left}:{right}"))
            }
            TcpOption::Timestamps { val, ecr } => {
                match val {
                    Some(val) => write!(f, "TS val {val}")?,
                    None => f.write_str("TS val ...")?,
                }
                write!(f, " ecr {}{}", ecr.value, if ecr.literal { "!" } else { "" })
            }
            TcpOption::FastOpen(cookie) => {
                f.write_str("FO")?;
                hex(f, cookie)
            }
            TcpOption::FastOpenExp(cookie) => {
                f.write_str("FOEXP")?;
                hex(f, cookie)
            }
            TcpOption::Md5(Md5::Digest(digest)) => {
                f.write_str("md5")?;
                hex(f, digest)
            }
            TcpOption::Md5(Md5::Valid) => f.write_str("md5 valid"),
            TcpOption::AccEcn(ecn) => write!(f, "{ecn}"),
            TcpOption::Other { kind, data } => {
                write!(f, "gen-{kind}")?;
                hex(f, data)
            }
            TcpOption::Raw(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl Display for AccEcn {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (bare, names) = match self.first {
            Counter::E0b => ("AccECN0", ["e0b", "ceb", "e1b"]),
            Counter::E1b => ("AccECN1", ["e1b", "ceb", "e0b"]),
        };
        if self.counters.is_empty() {
            return f.write_str(bare);
        }
        f.write_str("ECN")?;
        names.iter().zip(&self.counters).try_for_each(|(name, n)| write!(f, " {name} {n}"))
    }
}

impl Display for Udp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("udp ")?;
        self.ports.iter().try_for_each(|ports| write!(f, "{ports} "))?;
        write!(f, "({})", self.len)
    }
}

impl Display for Icmp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = |f: &mut Formatter<'_>, prefix: &str, word: &IcmpWord| match word {
            IcmpWord::Name(name) => write!(f, " {name}"),
            IcmpWord::Number(number) => write!(f, " {prefix}{number}"),
        };
        f.write_str("icmp")?;
        word(f, "type_", &self.kind)?;
        self.code.iter().try_for_each(|code| word(f, "code_", code))?;
        self.mtu.iter().try_for_each(|mtu| write!(f, " mtu {mtu}"))?;
        self.id.iter().try_for_each(|id| write!(f, " id {id}"))?;
        match self.quoted {
            Some(Quoted::Tcp(seq, None)) => write!(f, " [{seq}]"),
            Some(Quoted::Tcp(seq, Some(ports))) => write!(f, " [{seq} /udp({ports})]"),
            Some(Quoted::Udp(len)) => write!(f, " [udp({len})]"),
            Some(Quoted::Raw(len)) => write!(f, " [raw({len})]"),
            None => Ok(()),
        }
    }
}
