//! Packets: the direction, headers in front, and which protocol is inside.

use super::super::ast::{Body, Direction, Encap, Gre, Label, Packet, Ports, Udp};
use super::super::error::Error;
use super::{Kind, Parser};

/// The flags of GRE by their words.
const GRE_FLAGS: [(&str, u16); 3] = [("checksum", 0x8000), ("key", 0x2000), ("sequence", 0x1000)];

impl Parser<'_, '_> {
    /// `<` or `>` and all that belongs to a packet.
    pub(super) fn packet(&mut self) -> Result<Packet, Error> {
        let direction = match self.take().text.as_ref() {
            "<" => Direction::Inbound,
            _ => Direction::Outbound,
        };
        let mut encap = Vec::new();
        while let Some(header) = self.encap(direction)? {
            encap.push(header);
        }
        let ip = self.ip_info(direction)?;
        let body = self.body(direction)?;
        let udp_encap = if self.is("/") { Some(self.udp_encap()?) } else { None };
        if self.peek().kind == Kind::Word {
            let words = ["ack", "win", "urg"];
            return self.expected("the next event, or another part of this packet", &words);
        }
        Ok(Packet { direction, encap, ip, body, udp_encap })
    }

    /// A header in front that ends in a colon, if one comes.
    fn encap(&mut self, direction: Direction) -> Result<Option<Encap>, Error> {
        let Some(nth) = self.eat_one_of(&["ipv4", "ipv6", "gre", "GREv0", "mpls"]) else {
            return Ok(None);
        };
        let header = match nth {
            0 => {
                let info = self.ip_info(direction)?;
                let src = self.address(Kind::Ip4, "an IPv4 address")?;
                self.want(">")?;
                let dst = self.address(Kind::Ip4, "an IPv4 address")?;
                Encap::Ip4 { info, src, dst }
            }
            1 => {
                let info = self.ip_info(direction)?;
                let src = self.address(Kind::Ip6, "an IPv6 address")?;
                self.want(">")?;
                let dst = self.address(Kind::Ip6, "an IPv6 address")?;
                Encap::Ip6 { info, src, dst }
            }
            2 | 3 if self.is(":") => Encap::Gre(None),
            2 | 3 => {
                self.eat(",");
                Encap::Gre(Some(self.gre()?))
            }
            _ => Encap::Mpls(self.labels()?),
        };
        self.want(":")?;
        Ok(Some(header))
    }

    /// An address of a kind.
    fn address<T: std::str::FromStr>(&mut self, kind: Kind, what: &str) -> Result<T, Error> {
        if self.peek().kind != kind {
            return self.expected(what, &[]);
        }
        match self.peek().text.parse() {
            Ok(address) => {
                self.take();
                Ok(address)
            }
            Err(_) => self.expected(what, &[]),
        }
    }

    /// `flags [checksum present, key present], sum 0, off 0, key=1, seq 0`, commas at will.
    pub(super) fn gre(&mut self) -> Result<Gre, Error> {
        if self.eat_one_of(&["flags", "Flags"]).is_none() {
            return self.expected("`flags` of GRE", &["flags"]);
        }
        let flags = if self.is("[") { self.gre_flags()? } else { self.u16("a GRE flag word")? };
        let mut gre = Gre { flags, ..Gre::default() };
        self.eat(",");
        self.want_word("sum")?;
        gre.sum = self.u16("a GRE checksum")?;
        self.eat(",");
        self.want_word("off")?;
        gre.off = self.u16("a GRE offset")?;
        self.eat(",");
        self.want_word("key")?;
        self.eat("=");
        gre.key = self.u32("a GRE key")?;
        self.eat(",");
        self.want_word("seq")?;
        gre.seq = self.u32("a GRE sequence number")?;
        Ok(gre)
    }

    /// `[none]` or `[checksum present, key present, sequence# present]`.
    fn gre_flags(&mut self) -> Result<u16, Error> {
        self.want("[")?;
        let mut flags = 0;
        loop {
            if !self.eat_word("none") {
                let words = GRE_FLAGS.map(|(word, _)| word);
                let Some(nth) = self.eat_one_of(&words) else {
                    let what = "`none`, `checksum`, `key` or `sequence#`";
                    return self.expected(what, &["none", "checksum", "key", "sequence"]);
                };
                self.eat("#");
                self.want_word("present")?;
                flags |= GRE_FLAGS[nth].1;
            }
            if !self.eat(",") {
                break;
            }
        }
        self.want("]")?;
        Ok(flags)
    }

    /// `(label 1, tc 0, [S], ttl 64)`, one or more.
    pub(super) fn labels(&mut self) -> Result<Vec<Label>, Error> {
        let mut labels = Vec::new();
        while labels.is_empty() || self.is("(") {
            self.want("(")?;
            self.want_word("label")?;
            let label = self.number("an MPLS label", 0, 0xf_ffff)? as u32;
            self.want(",")?;
            self.want_word("tc")?;
            let tc = self.number("an MPLS traffic class", 0, 7)? as u8;
            self.want(",")?;
            let bottom = self.eat("[");
            if bottom {
                self.want_word("S")?;
                self.want("]")?;
                self.want(",")?;
            }
            self.want_word("ttl")?;
            let ttl = self.u8("a TTL")?;
            self.want(")")?;
            labels.push(Label { label, tc, bottom, ttl });
        }
        Ok(labels)
    }

    /// What is inside of the last IP header.
    fn body(&mut self, direction: Direction) -> Result<Body, Error> {
        if self.eat_word("udp") {
            let ports = self.ports()?;
            self.want("(")?;
            let len = self.u16("a UDP payload length")?;
            self.want(")")?;
            return Ok(Body::Udp(Udp { ports, len }));
        }
        // Older scripts have the quoted packet in front.
        let quoted = if self.is("[") { Some(self.quoted()?) } else { None };
        if quoted.is_some() || self.is_word("icmp") {
            self.want_word("icmp")?;
            return self.icmp(quoted).map(Body::Icmp);
        }
        for other in ["sctp", "udplite"] {
            if self.is_word(other) {
                return self.fail(format!("`{other}` is not read: only TCP, UDP and ICMP are"));
            }
        }
        self.tcp(direction).map(Body::Tcp)
    }

    /// `A > B`, if a number comes.
    pub(super) fn ports(&mut self) -> Result<Option<Ports>, Error> {
        if self.peek().kind != Kind::Int || !self.is_ahead(1, ">") {
            return Ok(None);
        }
        let src = self.u16("a port")?;
        self.want(">")?;
        Ok(Some(Ports { src, dst: self.u16("a port")? }))
    }

    /// `/udp(A > B)`.
    pub(super) fn udp_encap(&mut self) -> Result<Ports, Error> {
        self.want("/")?;
        self.want_word("udp")?;
        self.want("(")?;
        let Some(ports) = self.ports()? else { return self.expected("a port", &[]) };
        self.want(")")?;
        Ok(ports)
    }
}
