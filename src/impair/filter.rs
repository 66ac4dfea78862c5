//! Which packets are meant: `data`, `tcp port 80`, `syn-ack to 10.0.0.2`, in tcpdump's and the
//! RFCs' words.

use super::ParseError;
use super::parse::{Words, expected};
use crate::base::{Frame, Medium};
use crate::ip::cidr::Cidr;
use crate::wire::arp::Arp;
use crate::wire::ethernet::{self, ethertype};
use crate::wire::ipv4::protocol;
use crate::wire::{ip, nd, tcp};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A kind of packet.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Kind {
    /// Any.
    Any,
    /// A TCP segment.
    Tcp,
    /// One that opens a connection: SYN without ACK.
    Syn,
    /// The answer to it: SYN and ACK.
    SynAck,
    /// A pure acknowledgment: ACK and no data, SYN, FIN or RST.
    Ack,
    /// A TCP segment with data.
    Data,
    /// A TCP segment with FIN.
    Fin,
    /// A TCP segment with RST.
    Rst,
    /// A UDP datagram.
    Udp,
    /// A message of ICMP or ICMPv6.
    Icmp,
    /// An echo request of either.
    EchoRequest,
    /// An echo reply of either.
    EchoReply,
    /// ARP.
    Arp,
    /// Neighbour discovery, routers' messages included.
    Nd,
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 16] = [
        Kind::Any,
        Kind::Tcp,
        Kind::Syn,
        Kind::SynAck,
        Kind::Ack,
        Kind::Data,
        Kind::Fin,
        Kind::Rst,
        Kind::Udp,
        Kind::Icmp,
        Kind::EchoRequest,
        Kind::EchoReply,
        Kind::Arp,
        Kind::Nd,
        Kind::Ip,
        Kind::Ip6,
    ];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Any => "any",
            Kind::Tcp => "tcp",
            Kind::Syn => "syn",
            Kind::SynAck => "syn-ack",
            Kind::Ack => "ack",
            Kind::Data => "data",
            Kind::Fin => "fin",
            Kind::Rst => "rst",
            Kind::Udp => "udp",
            Kind::Icmp => "icmp",
            Kind::EchoRequest => "echo-request",
            Kind::EchoReply => "echo-reply",
            Kind::Arp => "arp",
            Kind::Nd => "nd",
            Kind::Ip => "ip",
            Kind::Ip6 => "ip6",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// One condition.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Term {
    /// It is of that kind.
    Kind(Kind),
    /// Its source is in that network. Of ARP: the sender.
    From(Cidr),
    /// Its destination is in that network. Of ARP: the target.
    To(Cidr),
    /// One of its ports is that.
    Port(u16),
    /// It is longer than so many bytes.
    Longer(u32),
    /// It is shorter than so many bytes.
    Shorter(u32),
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let net = |f: &mut fmt::Formatter<'_>, word, net: &Cidr| {
            let whole = *net == Cidr::host(net.addr());
            if whole { write!(f, "{word} {}", net.addr()) } else { write!(f, "{word} {net}") }
        };
        match self {
            Term::Kind(kind) => f.write_str(kind.word()),
            Term::From(from) => net(f, "from", from),
            Term::To(to) => net(f, "to", to),
            Term::Port(port) => write!(f, "port {port}"),
            Term::Longer(len) => write!(f, "len>{len}"),
            Term::Shorter(len) => write!(f, "len<{len}"),
        }
    }
}

/// Which packets are meant: those that meet every one of its terms.
///
/// ```
/// use netglass::impair::Filter;
/// let filter: Filter = "data to 10.0.0.2, port 80 len>1000".parse()?;
/// assert_eq!(filter.to_string(), "data to 10.0.0.2 port 80 len>1000");
/// let wrong = "dta port 80".parse::<Filter>().expect_err("there is no such kind");
/// assert!(wrong.to_string().starts_with("\"dta\" is not a kind of packet: did you mean data?"));
/// # Ok::<(), netglass::impair::ParseError>(())
/// ```
///
/// | term | packets |
/// |---|---|
/// | `any`, `ip`, `ip6`, `arp`, `tcp`, `udp`, `icmp` | of it; `ip` is IPv4, `icmp` is either |
/// | `syn`, `syn-ack`, `fin`, `rst` | TCP segments with these flags (`syn`: without ACK) |
/// | `data` | TCP segments that carry data |
/// | `ack` | TCP segments that do nothing but acknowledge |
/// | `echo-request`, `echo-reply`, `nd` | messages of ICMP or ICMPv6 |
/// | `from ADDR`, `to ADDR` | by address or network (`10.0.0.0/24`) |
/// | `port N` | with that port on either side |
/// | `len>N`, `len<N` | by the IP packet's bytes, header included |
///
/// A fragment behind the first has no ports and is neither TCP nor UDP; what cannot be read (a
/// corrupted header) is `any`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

impl Filter {
    /// The packets that meet all `terms`.
    pub fn new(terms: impl IntoIterator<Item = Term>) -> Filter {
        Filter { terms: terms.into_iter().collect() }
    }

    /// Its terms.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether `frame`, of a link of that medium, is meant.
    pub fn matches(&self, frame: &Frame, medium: Medium) -> bool {
        self.holds(&Facts::of(frame, medium))
    }

    /// Whether a packet with these facts is meant: for those who have many filters.
    pub fn holds(&self, facts: &Facts) -> bool {
        self.terms.iter().all(|term| facts.meet(term))
    }

    /// Reads as many terms as there are, at least one.
    pub(super) fn take(words: &mut Words<'_>, before: &str) -> Result<Filter, ParseError> {
        let mut terms = Vec::new();
        while let Some(term) = term(words)? {
            terms.push(term);
        }
        match words.peek() {
            _ if !terms.is_empty() => Ok(Filter { terms }),
            Some(word) => Err(unknown(word)),
            None => Err(ParseError::new(format!("\"{before}\" is followed by nothing: {KINDS}"))),
        }
    }
}

const KINDS: &str = "expected which packets: any, tcp, syn, syn-ack, ack, data, fin, rst, udp, \
                     icmp, echo-request, echo-reply, arp, nd, ip, ip6, from ADDR, to ADDR, port N, \
                     len>N or len<N";
const ADDR: &str = "an address such as 10.0.0.2 or a network such as 10.0.0.0/24";
const PORT: &str = "a port from 0 to 65535";
const LEN: &str = "len>N or len<N with a number of bytes";

fn unknown(word: &str) -> ParseError {
    let known = [&Kind::ALL.map(Kind::word)[..], &["from", "to", "port"]].concat();
    expected(&format!("\"{word}\" is not a kind of packet"), word, &known, KINDS)
}

/// The next term, if the next word starts one.
fn term(words: &mut Words<'_>) -> Result<Option<Term>, ParseError> {
    let net = |word: &str| match word.contains('/') {
        true => word.parse::<Cidr>().ok().map(Cidr::network),
        false => word.parse::<IpAddr>().ok().map(Cidr::host),
    };
    let Some(word) = words.peek() else { return Ok(None) };
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.word() == word) {
        words.next();
        return Ok(Some(Term::Kind(kind)));
    }
    let term = match word {
        "from" | "to" | "port" => {
            words.next();
            match word {
                "from" => Term::From(words.value(word, ADDR, net)?),
                "to" => Term::To(words.value(word, ADDR, net)?),
                _ => Term::Port(words.value(word, PORT, |word| word.parse().ok())?),
            }
        }
        _ if word.starts_with("len") => {
            let number = |sign| word[3..].strip_prefix(sign)?.parse().ok();
            let longer = number('>').map(Term::Longer);
            let term = longer.or_else(|| number('<').map(Term::Shorter)).ok_or_else(|| {
                ParseError::new(format!("\"{word}\" is not a length: expected {LEN}"))
            })?;
            words.next();
            term
        }
        _ => return Ok(None),
    };
    Ok(Some(term))
}

impl FromStr for Filter {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Filter, ParseError> {
        let mut words = Words::new(text);
        let filter = Filter::take(&mut words, text.trim())?;
        match words.peek() {
            None => Ok(filter),
            Some(word) => Err(unknown(word)),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.terms.iter().enumerate() {
            write!(f, "{}{term}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

/// What filters ask about a packet: read once for all of them.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// The kinds it is of, a bit each.
    kinds: u32,
    src: Option<IpAddr>,
    dst: Option<IpAddr>,
    ports: Option<(u16, u16)>,
    /// The bytes of the packet without the link's header.
    len: usize,
}

impl Facts {
    /// Reads `frame`, of a link of that medium.
    pub fn of(frame: &Frame, medium: Medium) -> Facts {
        let (front, len) = (frame.front(), frame.len());
        let mut facts = Facts { kinds: Kind::Any.bit(), src: None, dst: None, ports: None, len };
        let at = match medium {
            Medium::Ip => 0,
            Medium::Ethernet => {
                let Ok(header) = ethernet::Header::parse(front) else { return facts };
                let at = header.encoded_len();
                facts.len -= at;
                match header.ethertype {
                    ethertype::IPV4 | ethertype::IPV6 => at,
                    ethertype::ARP => {
                        facts.arp(&front[at..]);
                        return facts;
                    }
                    _ => return facts,
                }
            }
        };
        facts.ip(&front[at..]);
        facts
    }

    /// Of an IP packet that is known only by what somebody tells of it.
    pub fn between(src: IpAddr, dst: IpAddr, len: usize) -> Facts {
        let (src, dst) = (Some(src), Some(dst));
        let facts = Facts { kinds: Kind::Any.bit(), src, dst, ports: None, len };
        let v4 = dst.is_some_and(|dst| dst.is_ipv4());
        facts.of_kind(Kind::Ip, v4).of_kind(Kind::Ip6, !v4)
    }

    /// Of an ARP packet: its sender and target.
    pub fn of_arp(sender: IpAddr, target: IpAddr) -> Facts {
        let (src, dst) = (Some(sender), Some(target));
        let facts = Facts { kinds: Kind::Any.bit(), src, dst, ports: None, len: 0 };
        facts.of_kind(Kind::Arp, true)
    }

    /// With these ports.
    #[must_use]
    pub fn at_ports(self, src: u16, dst: u16) -> Facts {
        Facts { ports: Some((src, dst)), ..self }
    }

    /// Of that kind besides, if it is.
    #[must_use]
    pub fn of_kind(mut self, kind: Kind, is: bool) -> Facts {
        self.note(kind, is);
        self
    }

    /// Whether it is of that kind.
    pub fn is(&self, kind: Kind) -> bool {
        self.kinds & kind.bit() != 0
    }

    fn meet(&self, term: &Term) -> bool {
        match *term {
            Term::Kind(kind) => self.is(kind),
            Term::From(net) => self.src.is_some_and(|addr| net.contains(addr)),
            Term::To(net) => self.dst.is_some_and(|addr| net.contains(addr)),
            Term::Port(port) => self.ports.is_some_and(|(src, dst)| src == port || dst == port),
            Term::Longer(len) => self.len > len as usize,
            Term::Shorter(len) => self.len < len as usize,
        }
    }

    fn note(&mut self, kind: Kind, is: bool) {
        self.kinds |= if is { kind.bit() } else { 0 };
    }

    fn arp(&mut self, packet: &[u8]) {
        self.note(Kind::Arp, true);
        if let Ok(arp) = Arp::parse(packet) {
            (self.src, self.dst) = (Some(arp.sender.into()), Some(arp.target.into()));
        }
    }

    fn ip(&mut self, packet: &[u8]) {
        let Ok(mut header) = ip::Header::parse(packet, self.len) else { return };
        self.len = header.total_len;
        (self.src, self.dst) = (Some(header.src), Some(header.dst));
        self.note(Kind::Ip, header.dst.is_ipv4());
        self.note(Kind::Ip6, header.dst.is_ipv6());
        if header.walk(packet).is_err() || header.offset > 0 {
            return;
        }
        let transport = packet.get(header.header_len..).unwrap_or_default();
        let kind = transport.first().copied().unwrap_or_default();
        match header.proto {
            protocol::TCP => self.tcp(transport, header.payload_len()),
            protocol::UDP => {
                self.note(Kind::Udp, true);
                self.ports = ports(transport);
            }
            protocol::ICMP if header.dst.is_ipv4() => {
                self.note(Kind::Icmp, true);
                self.note(Kind::EchoRequest, kind == 8);
                self.note(Kind::EchoReply, kind == 0);
            }
            protocol::ICMPV6 if header.dst.is_ipv6() => {
                self.note(Kind::Icmp, true);
                self.note(Kind::EchoRequest, kind == 128);
                self.note(Kind::EchoReply, kind == 129);
                self.note(Kind::Nd, nd::is_nd(kind));
            }
            _ => {}
        }
    }

    fn tcp(&mut self, segment: &[u8], len: usize) {
        self.note(Kind::Tcp, true);
        let Ok((header, header_len)) = tcp::Header::parse(segment) else { return };
        self.ports = Some((header.src, header.dst));
        let (ctl, ack) = (header.ctl, header.ack.is_some());
        let data = len > header_len;
        self.note(Kind::Syn, ctl.syn() && !ack);
        self.note(Kind::SynAck, ctl.syn() && ack);
        self.note(Kind::Fin, ctl.fin());
        self.note(Kind::Rst, ctl.rst());
        self.note(Kind::Data, data);
        self.note(Kind::Ack, ack && !data && !ctl.syn() && !ctl.fin() && !ctl.rst());
    }
}

fn ports(transport: &[u8]) -> Option<(u16, u16)> {
    let ports = transport.first_chunk::<4>()?;
    Some((u16::from_be_bytes([ports[0], ports[1]]), u16::from_be_bytes([ports[2], ports[3]])))
}

#[cfg(test)]
mod tests;
