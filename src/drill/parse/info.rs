//! What a script says of an IP header: `(ect0)`, `[tos 0x2, flowlabel 0x7]`, `(ttl 64)`.

use super::super::ast::{Direction, Ecn, IpInfo, TrafficClass};
use super::super::error::Error;
use super::Parser;

/// Names of the ECN field.
pub(in super::super) const ECNS: [(&str, Ecn); 5] = [
    ("noecn", Ecn::NotEct),
    ("ect0", Ecn::Ect0),
    ("ect1", Ecn::Ect1),
    ("ect01", Ecn::Ect01),
    ("ce", Ecn::Ce),
];

/// Names of differentiated services (RFC 2474, 2597, 3246, 5865, 8622).
pub(in super::super) const DSCPS: [(&str, u8); 23] = [
    ("cs0", 0),
    ("cs1", 8),
    ("cs2", 16),
    ("cs3", 24),
    ("cs4", 32),
    ("cs5", 40),
    ("cs6", 48),
    ("cs7", 56),
    ("af11", 10),
    ("af12", 12),
    ("af13", 14),
    ("af21", 18),
    ("af22", 20),
    ("af23", 22),
    ("af31", 26),
    ("af32", 28),
    ("af33", 30),
    ("af41", 34),
    ("af42", 36),
    ("af43", 38),
    ("ef", 46),
    ("voice-admit", 44),
    ("le", 1),
];

/// Words that can stand in parentheses before a packet.
const ITEMS: [&str; 13] = [
    "noecn",
    "ect0",
    "ect1",
    "ect01",
    "ce",
    "ecn",
    "dscp",
    "tos",
    "class",
    "ttl",
    "hlim",
    "flowlabel",
    "icmp",
];

impl Parser<'_, '_> {
    /// `( … )` or `[ … ]` before a packet, if it comes; a quoted packet in brackets is none.
    pub(super) fn ip_info(&mut self, direction: Direction) -> Result<IpInfo, Error> {
        let mut info = IpInfo::default();
        let close = if self.is("(") {
            ")"
        } else if self.is("[") && ITEMS.contains(&self.ahead(1).text.as_ref()) {
            "]"
        } else {
            return Ok(info);
        };
        self.take();
        loop {
            self.ip_item(&mut info, direction)?;
            if !self.eat(",") {
                break;
            }
        }
        self.want(close)?;
        Ok(info)
    }

    fn ip_item(&mut self, info: &mut IpInfo, direction: Direction) -> Result<(), Error> {
        let at = self.peek().at;
        let twice = if self.eat_one_of(&["ttl", "hlim"]).is_some() {
            info.ttl.replace(self.u8("a TTL")?).is_some()
        } else if self.eat_word("flowlabel") {
            let label = self.number("a flow label", 0, 0xf_ffff)? as u32;
            info.flow_label.replace(label).is_some()
        } else {
            let class = self.traffic_class(direction)?;
            let both = match (info.class, class) {
                (None, class) => Some(class),
                (Some(TrafficClass::Ecn(ecn)), TrafficClass::Dscp(dscp))
                | (Some(TrafficClass::Dscp(dscp)), TrafficClass::Ecn(ecn)) => {
                    Some(TrafficClass::DscpEcn(dscp, ecn))
                }
                _ => None,
            };
            info.class = both.or(info.class);
            both.is_none()
        };
        if twice { self.fail_at(at, "this is said twice of one header") } else { Ok(()) }
    }

    fn traffic_class(&mut self, direction: Direction) -> Result<TrafficClass, Error> {
        if self.eat_one_of(&["tos", "class"]).is_some() {
            return self.u8("a traffic class").map(TrafficClass::Byte);
        }
        if self.eat_word("dscp") {
            return self.dscp().map(TrafficClass::Dscp);
        }
        let words = ECNS.map(|(word, _)| word);
        let prefixed = self.eat_word("ecn");
        if self.is_word("ect01") && direction == Direction::Inbound {
            return self.fail("`ect01` is either of two: only a packet that must leave can be it");
        }
        match self.eat_one_of(&words) {
            Some(nth) => Ok(TrafficClass::Ecn(ECNS[nth].1)),
            None if prefixed => self.expected("a name of the ECN field", &words),
            None => {
                let what = "something about an IP header: `tos`, `ect0`, `ttl`, `flowlabel`, …";
                self.expected(what, &ITEMS)
            }
        }
    }

    /// A name, which may have a dash, or a number.
    fn dscp(&mut self) -> Result<u8, Error> {
        let words = DSCPS.map(|(word, _)| word);
        if self.is_word("voice") && self.is_ahead(1, "-") && self.ahead(2).text == "admit" {
            (0..3).for_each(|_| drop(self.take()));
            return Ok(44);
        }
        match self.eat_one_of(&words) {
            Some(nth) => Ok(DSCPS[nth].1),
            None if self.peek().kind == super::Kind::Word => {
                self.expected("a name of a differentiated service", &words)
            }
            None => self.number("a DSCP", 0, 63).map(|n| n as u8),
        }
    }
}
