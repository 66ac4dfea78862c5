//! DNS messages (RFC 1035 §4): what must be known of one before the codec may see it, and types.
//!
//! The codec reserves room for as many records as a header claims, refuses a whole message for a
//! question of a type or class that it has no name for, and looks for the version of EDNS(0) and
//! the upper bits of the status in the wrong places. [`Raw`] stands before it: it looks at the
//! counts, reads the question and EDNS(0) itself, and shows the codec a copy without surprises.

use super::name::Name;
use simple_dns::rdata::OPT;
use simple_dns::{CLASS, Packet, PacketFlag, QTYPE, TYPE};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Bytes of a header.
pub(super) const HEADER: usize = 12;
/// Records in a message that is looked at, at most.
const RECORDS_MAX: usize = 512;
/// Bytes of the shortest record: a root name, type, class, TTL and length.
const RECORD_MIN: usize = 11;
/// The Internet's class.
pub(super) const IN: u16 = 1;
/// Bytes of a datagram that pass everywhere (DNS flag day 2020, RFC 9715): what we offer to take
/// with EDNS(0), and never exceed.
pub const UDP_MAX: usize = 1232;

/// A record's or question's type, by number.
///
/// ```
/// use netglass::app::dns::Type;
///
/// assert_eq!("aaaa".parse(), Ok(Type::AAAA));
/// assert_eq!(Type(52).to_string(), "TYPE52"); // RFC 3597
/// ```
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Type(pub u16);

/// Types that have a name here.
const TYPES: &[(&str, u16)] = &[
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("HINFO", 13),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("OPT", 41),
    ("CAA", 257),
    ("IXFR", 251),
    ("AXFR", 252),
    ("ANY", 255),
];

impl Type {
    /// An IPv4 address.
    pub const A: Type = Type(1);
    /// A name server of a zone.
    pub const NS: Type = Type(2);
    /// The name that an alias stands for.
    pub const CNAME: Type = Type(5);
    /// The start of a zone of authority.
    pub const SOA: Type = Type(6);
    /// The name of an address.
    pub const PTR: Type = Type(12);
    /// Text.
    pub const TXT: Type = Type(16);
    /// No record, but what a message says with EDNS(0).
    pub(super) const OPT: Type = Type(41);
    /// An IPv6 address (RFC 3596).
    pub const AAAA: Type = Type(28);
    /// Whatever there is.
    pub const ANY: Type = Type(255);

    pub(super) fn coded(self) -> QTYPE {
        QTYPE::TYPE(TYPE::from(self.0))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match TYPES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => f.pad(name),
            None => f.pad(&format!("TYPE{}", self.0)),
        }
    }
}

impl FromStr for Type {
    type Err = ();

    /// A name in any case, or `TYPE` and a number.
    fn from_str(text: &str) -> Result<Type, ()> {
        let text = text.to_ascii_uppercase();
        let known = TYPES.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
        let number = || text.strip_prefix("TYPE").and_then(|number| number.parse().ok());
        known.or_else(number).map(Type).ok_or(())
    }
}

/// A question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// What it asks about.
    pub name: Name,
    /// The type of what it asks for.
    pub rtype: Type,
    /// The class; 1: the Internet.
    pub class: u16,
}

impl Question {
    /// What are the records of `rtype` at `name`?
    pub fn new(name: Name, rtype: Type) -> Question {
        Question { name, rtype, class: IN }
    }

    /// Reads a question, whose name nothing stands before to be compressed against; also its
    /// length.
    fn read(bytes: &[u8]) -> Option<(Question, usize)> {
        let (name, length) = Name::read(bytes)?;
        let rest: [u8; 4] = bytes.get(length..length + 4)?.try_into().ok()?;
        let [rtype, class] = [[rest[0], rest[1]], [rest[2], rest[3]]].map(u16::from_be_bytes);
        Some((Question { name, rtype: Type(rtype), class }, length + 4))
    }

    /// The codec's form; all classes are the Internet's there.
    pub(super) fn coded(&self) -> simple_dns::Question<'_> {
        let class = CLASS::IN.into();
        simple_dns::Question::new(self.name.coded(), self.rtype.coded(), class, false)
    }
}

/// What a message says with EDNS(0) (RFC 6891 §6.1.3).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Edns {
    /// The version; 0 is the only one there is.
    pub version: u8,
    /// The largest datagram that its sender takes.
    pub size: u16,
    /// Whether its sender understands signatures (DO).
    pub dnssec: bool,
    /// The upper eight of the status's twelve bits.
    rcode: u8,
}

/// A record, before the codec has seen it.
#[derive(Clone, Debug)]
pub(super) struct RawRecord {
    /// Whether the name is the root's.
    is_root: bool,
    pub(super) rtype: Type,
    class: u16,
    ttl: [u8; 4],
    /// Where the data lies in the message.
    pub(super) data: Range<usize>,
}

/// A message that was taken apart as far as records, without looking into these.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The message, as the codec is to see it.
    bytes: Vec<u8>,
    question: Option<Question>,
    records: Vec<RawRecord>,
    edns: Option<Edns>,
}

/// The end of the name that begins at `at`, compressed or not.
fn skip_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            0xc0..=0xff => return Some(at + 2),
            _ => return None,
        }
    }
}

impl RawRecord {
    /// Reads the record at `at`; also its end.
    fn read(bytes: &[u8], at: usize) -> Option<(RawRecord, usize)> {
        let name = skip_name(bytes, at)?;
        let fixed: [u8; 10] = bytes.get(name..name + 10)?.try_into().ok()?;
        let [rtype, class, length] =
            [0, 2, 8].map(|n| u16::from_be_bytes([fixed[n], fixed[n + 1]]));
        let data = name + 10..name + 10 + usize::from(length);
        let end = data.end;
        let ttl = [fixed[4], fixed[5], fixed[6], fixed[7]];
        let is_root = name == at + 1;
        let record = RawRecord { is_root, rtype: Type(rtype), class, ttl, data };
        (end <= bytes.len()).then_some((record, end))
    }
}

impl Raw {
    /// Takes a message; `None` when its header or its records are not whole, it claims more records
    /// than it has room for or than anybody needs, has several questions or one that cannot be
    /// read, or says something with EDNS(0) twice or in the wrong place.
    pub fn new(bytes: &[u8]) -> Option<Raw> {
        let rest = bytes.get(HEADER..)?;
        let (bytes, records) = (bytes.to_vec(), Vec::new());
        let mut raw = Raw { bytes, question: None, records, edns: None };
        let [questions, records] = [raw.count(0), (1..4).map(|n| raw.count(n)).sum()];
        if questions > 1 || records > RECORDS_MAX || records * RECORD_MIN > rest.len() {
            return None;
        }
        // A bit that must be zero is not worth refusing for (RFC 1035 §4.1.1: Z).
        raw.bytes[3] &= !0x40;
        let mut at = HEADER;
        if questions == 1 {
            let (question, length) = Question::read(rest)?;
            at += length;
            raw.bytes[at - 4..at].copy_from_slice(&[0, 1, 0, 1]);
            raw.question = Some(question);
        }
        for n in 0..records {
            let (record, end) = RawRecord::read(&raw.bytes, at)?;
            if record.rtype == Type::OPT {
                let is_additional = n >= raw.count(1) + raw.count(2);
                if !is_additional || !record.is_root || raw.edns.is_some() {
                    return None;
                }
                let [rcode, version, flags, _] = record.ttl;
                let (size, dnssec) = (record.class, flags & 0x80 != 0);
                raw.edns = Some(Edns { version, size, dnssec, rcode });
                let ttl = record.data.start - 6..record.data.start - 2;
                raw.bytes[ttl].fill(0);
            }
            raw.records.push(record);
            at = end;
        }
        Some(raw)
    }

    /// The number that a query and its answer share.
    pub fn id(&self) -> u16 {
        u16::from_be_bytes([self.bytes[0], self.bytes[1]])
    }

    /// How many questions (0), answers (1), authority (2) and additional records (3) it claims.
    pub fn count(&self, section: usize) -> usize {
        let at = 4 + 2 * section;
        usize::from(u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]))
    }

    /// The 16 bits of flags.
    pub fn flags(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    /// Whether it is an answer.
    pub fn is_answer(&self) -> bool {
        self.flags() & PacketFlag::RESPONSE.bits() != 0
    }

    /// Whether records were left out for want of room.
    pub fn is_truncated(&self) -> bool {
        self.flags() & PacketFlag::TRUNCATION.bits() != 0
    }

    /// What kind of message it is; 0: a query and its answer.
    pub fn opcode(&self) -> u8 {
        self.bytes[2] >> 3 & 15
    }

    /// How it went: 12 bits with EDNS(0), 4 without.
    pub fn rcode(&self) -> u16 {
        let high = self.edns.map_or(0, |edns| edns.rcode);
        u16::from(high) << 4 | u16::from(self.bytes[3] & 15)
    }

    /// What it says with EDNS(0), if anything.
    pub fn edns(&self) -> Option<Edns> {
        self.edns
    }

    /// Its records, in order.
    pub(super) fn records(&self) -> &[RawRecord] {
        &self.records
    }

    /// What a record says.
    pub(super) fn data(&self, record: &RawRecord) -> &[u8] {
        &self.bytes[record.data.clone()]
    }

    /// The question, if there is one.
    pub fn question(&self) -> Option<&Question> {
        self.question.as_ref()
    }

    /// The whole message, as the codec has it; `None` when it is not well formed. Its question, its
    /// status and EDNS(0) are not to be taken from there.
    pub fn packet(&self) -> Option<Packet<'_>> {
        Packet::parse(&self.bytes).ok()
    }
}

/// How to ask.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Asking {
    /// Asks the server to find out by itself (RD).
    pub recurse: bool,
    /// Says with EDNS(0) how large a datagram is welcome (RFC 6891).
    pub edns: bool,
}

impl Default for Asking {
    /// Both.
    fn default() -> Asking {
        Asking { recurse: true, edns: true }
    }
}

/// A query.
pub fn query(id: u16, question: &Question, asking: Asking) -> Vec<u8> {
    let mut packet = Packet::new_query(id);
    if asking.recurse {
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    packet.questions.push(question.coded());
    *packet.opt_mut() = asking.edns.then(opt);
    // A name of at most 255 bytes can always be written.
    packet.build_bytes_vec().unwrap_or_default()
}

/// What we say of ourselves with EDNS(0).
pub(super) fn opt() -> OPT<'static> {
    OPT { opt_codes: Vec::new(), udp_packet_size: UDP_MAX as u16, version: 0 }
}

/// Whether `answer` answers `query`: the same number, and the same question to the letter
/// (RFC 5452 §9.1). Who sent it is the caller's to know.
pub fn answers(query: &[u8], answer: &Raw) -> bool {
    let Some(query) = Raw::new(query) else { return false };
    let is_spelled = match (query.question(), answer.question()) {
        (Some(asked), Some(told)) => asked == told && asked.name.is_spelled(&told.name),
        // A server that cannot read a query may leave its question out.
        (_, None) => answer.rcode() != 0,
        (None, Some(_)) => false,
    };
    answer.is_answer() && answer.id() == query.id() && answer.opcode() == 0 && is_spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str, rtype: Type) -> Question {
        Question::new(name.parse().expect(name), rtype)
    }

    #[test]
    fn types_read_as_they_are_written() {
        for text in ["A", "AAAA", "TXT", "SOA", "ANY", "TYPE52", "TYPE65535"] {
            let read: Type = text.parse().expect(text);
            assert_eq!(read.to_string(), text);
        }
        assert_eq!("ptr".parse(), Ok(Type::PTR));
        assert!(["", "TYPE", "TYPE65536", "NOTATYPE"].iter().all(|t| t.parse::<Type>().is_err()));
    }

    #[test]
    fn queries_of_any_type_can_be_read_back() {
        for rtype in [Type::A, Type(52), Type::ANY, Type(65_280)] {
            let asked = question("Host.glass", rtype);
            let bytes = query(7, &asked, Asking::default());
            let raw = Raw::new(&bytes).expect("a message");
            assert_eq!((raw.id(), raw.question()), (7, Some(&asked)));
            assert!(!raw.is_answer() && !raw.is_truncated());
            let packet = raw.packet().expect("well formed");
            assert_eq!(packet.opt().expect("EDNS").udp_packet_size, 1232);
        }
    }

    #[test]
    fn only_the_answer_to_the_question_is_one() {
        let asked = query(7, &question("Host.glass", Type::A), Asking::default());
        let told = |change: fn(&mut Vec<u8>)| {
            let mut bytes = asked.clone();
            bytes[2] |= 0x80;
            change(&mut bytes);
            Raw::new(&bytes).is_some_and(|raw| answers(&asked, &raw))
        };
        assert!(told(|_| {}));
        assert!(!told(|bytes| bytes[2] &= !0x80), "a query");
        assert!(!told(|bytes| bytes[2] |= 0x20), "another opcode");
        assert!(!told(|bytes| bytes[1] = 8), "another number");
        assert!(!told(|bytes| bytes[13] = b'h'), "another spelling");
        assert!(!told(|bytes| bytes[13] = b'p'), "another name");
        assert!(!told(|bytes| bytes[25] = 28), "another type");
        assert!(!told(|bytes| bytes[27] = 3), "another class");
        let bare = |bytes: &mut Vec<u8>| {
            bytes.truncate(HEADER);
            bytes[4..].fill(0);
        };
        assert!(!told(bare), "no question");
        let mut refused = asked.clone();
        bare(&mut refused);
        refused[2..4].copy_from_slice(&[0x80, 5]);
        assert!(answers(&asked, &Raw::new(&refused).expect("a header")));
    }

    #[test]
    fn headers_cannot_claim_what_is_not_there() {
        let bytes = query(7, &question("host.glass", Type::A), Asking::default());
        for (at, value) in [(4, 1), (5, 2), (6, 255), (8, 255), (10, 1), (11, 9)] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            assert!(Raw::new(&bytes).is_none(), "{at}");
        }
        assert!((0..HEADER).all(|n| Raw::new(&bytes[..n]).is_none()));
    }
}
