//! The names that a host answers for, and where they come from.

use super::message::Type;
use super::name::Name;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Seconds that an answer may be kept, unless the zone says otherwise.
const TTL: u32 = 300;
/// Longest time to live, a week.
const TTL_MAX: u32 = 7 * 86_400;
/// Records of all zones, at most.
const RECORDS_MAX: usize = 4096;

/// What a record says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Data {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// The name of an address.
    Ptr(Name),
    /// The name that an alias stands for.
    Cname(Name),
    /// A name server of the zone.
    Ns(Name),
    /// Text, in pieces of at most 255 bytes.
    Txt(Vec<Vec<u8>>),
}

impl Data {
    /// The record's type.
    pub fn rtype(&self) -> Type {
        match self {
            Data::A(_) => Type::A,
            Data::Aaaa(_) => Type::AAAA,
            Data::Ptr(_) => Type::PTR,
            Data::Cname(_) => Type::CNAME,
            Data::Ns(_) => Type::NS,
            Data::Txt(_) => Type::TXT,
        }
    }
}

/// A record, without its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Seconds that it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// A zone: all names at and below its origin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone {
    origin: Name,
    /// The name server, and where its mail goes.
    server: Name,
    /// The records of each name. Names that others lie below are here, too, with no records.
    nodes: BTreeMap<Name, Vec<Record>>,
}

impl Zone {
    /// A zone that `server` answers for.
    fn new(origin: Name, server: &Name) -> Zone {
        let mut zone = Zone { origin, server: server.clone(), nodes: BTreeMap::new() };
        let apex = zone.origin.clone();
        zone.insert(apex, Record { ttl: TTL, data: Data::Ns(server.clone()) });
        zone
    }

    fn insert(&mut self, name: Name, record: Record) {
        let mut above = name.parent();
        while let Some(name) = above.filter(|name| name.is_within(&self.origin)) {
            above = name.parent();
            self.nodes.entry(name).or_default();
        }
        let records = self.nodes.entry(name).or_default();
        if !records.iter().any(|known| known.data == record.data) {
            records.push(record);
        }
    }

    /// The name that the zone begins at.
    pub fn origin(&self) -> &Name {
        &self.origin
    }

    /// Its first name server.
    pub fn server(&self) -> &Name {
        &self.server
    }

    /// Seconds that its start of authority, and that a name does not exist, may be kept.
    pub fn ttl(&self) -> u32 {
        TTL
    }

    /// The records at `name`; `None` when there is no such name.
    pub fn node(&self, name: &Name) -> Option<&[Record]> {
        self.nodes.get(name).map(Vec::as_slice)
    }
}

/// All zones that a host answers for.
///
/// ```
/// use netglass::app::dns::Zones;
///
/// let text = "$TTL 60\nwww CNAME host\n@ TXT \"made of glass\"\n";
/// let mut zones = Zones::of_host(&["10.9.0.2".parse().unwrap()]);
/// zones.read(text).unwrap();
/// let www = "www.glass".parse().unwrap();
/// assert_eq!(zones.find(&www).unwrap().node(&www).unwrap().len(), 1);
/// assert_eq!(
///     zones.read("www A 10.9.0.3").unwrap_err().to_string(),
///     "line 1: www.glass. is an alias and cannot have other records",
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zones {
    /// The zone that relative names lie in comes first.
    zones: Vec<Zone>,
    records: usize,
}

/// Why a list of records cannot be used: its line, and one sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZoneError {
    line: usize,
    what: String,
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for ZoneError {}

impl Zones {
    /// The zone `glass.` with the one name `host.glass.` at `addrs`, and the reverse names of
    /// these.
    pub fn of_host(addrs: &[IpAddr]) -> Zones {
        let [origin, host] = [&[&b"glass"[..]][..], &[b"host", b"glass"]]
            .map(|labels| Name::from_labels(labels.iter().copied()).unwrap_or_else(Name::root));
        let mut zones = Zones { zones: vec![Zone::new(origin, &host)], records: 0 };
        for addr in addrs {
            let data = match *addr {
                IpAddr::V4(addr) => Data::A(addr),
                IpAddr::V6(addr) => Data::Aaaa(addr),
            };
            zones.insert(host.clone(), Record { ttl: TTL, data });
            let data = Data::Ptr(host.clone());
            zones.insert(Name::reverse(*addr), Record { ttl: TTL, data });
        }
        zones
    }

    /// The zone that `name` lies in: of several, the one whose origin is the longest.
    pub fn find(&self, name: &Name) -> Option<&Zone> {
        let around = self.zones.iter().filter(|zone| name.is_within(&zone.origin));
        around.max_by_key(|zone| zone.origin.depth())
    }

    /// Adds a record. One that lies in no zone begins one.
    fn insert(&mut self, name: Name, record: Record) {
        self.records += 1;
        let mut around: Vec<_> =
            self.zones.iter_mut().filter(|zone| name.is_within(&zone.origin)).collect();
        around.sort_by_key(|zone| zone.origin.depth());
        if let Some(zone) = around.pop() {
            return zone.insert(name, record);
        }
        let mut zone = Zone::new(name.clone(), self.zones[0].server());
        zone.insert(name, record);
        self.zones.push(zone);
    }

    /// Adds the records of a text: a line for each, as RFC 1035 §5.1 writes them,
    /// `NAME [TTL] [IN] TYPE DATA`, with types A, AAAA, CNAME, PTR and TXT, and lines
    /// `$TTL SECONDS`. Names without a dot at the end lie below `glass.`; `@` is `glass.` itself; a
    /// line that begins with a space is about the name of the line before; `;` begins a comment.
    ///
    /// # Errors
    /// The first line that cannot be used, and what is expected there.
    pub fn read(&mut self, text: &str) -> Result<(), ZoneError> {
        let (mut ttl, mut last) = (TTL, None);
        for (n, line) in text.lines().enumerate() {
            let say = |what: String| ZoneError { line: n + 1, what };
            let mut words = words(line).map_err(|what| say(what.to_owned()))?.into_iter();
            if !line.starts_with([' ', '\t']) {
                let Some(first) = words.next() else { continue };
                if first.eq_ignore_ascii_case("$TTL") {
                    let number = words.next().and_then(|word| parse_ttl(&word));
                    ttl = number.ok_or_else(|| say("expected $TTL and seconds".to_owned()))?;
                    continue;
                }
                last = Some(self.name(&first).map_err(say)?);
            } else if words.len() == 0 {
                continue;
            }
            let Some(name) = last.clone() else {
                return Err(say("expected a name at the line's start".to_owned()));
            };
            let record = self.record(ttl, words).map_err(say)?;
            self.admit(&name, &record).map_err(say)?;
            self.insert(name, record);
        }
        Ok(())
    }

    /// A name of a text.
    fn name(&self, word: &str) -> Result<Name, String> {
        let origin = &self.zones[0].origin;
        if word == "@" {
            return Ok(origin.clone());
        }
        let name: Name = word.parse().map_err(|e: super::name::NameError| e.to_string())?;
        if word.ends_with('.') {
            return Ok(name);
        }
        name.under(origin).ok_or_else(|| format!("\"{word}\" is too long below {origin}"))
    }

    /// What stands behind a name: `[TTL] [IN] TYPE DATA`.
    fn record(&self, ttl: u32, words: impl Iterator<Item = String>) -> Result<Record, String> {
        let mut words = words.peekable();
        let ttl = match words.next_if(|word| word.starts_with(|c: char| c.is_ascii_digit())) {
            Some(word) => {
                parse_ttl(&word).ok_or_else(|| format!("\"{word}\" is no number of seconds"))?
            }
            None => ttl,
        };
        let _class = words.next_if(|word| word.eq_ignore_ascii_case("IN"));
        let kind = words.next().unwrap_or_default().to_ascii_uppercase();
        let values: Vec<String> = words.collect();
        let one = |what: &str| match &values[..] {
            [value] => Ok(value.as_str()),
            _ => Err(format!("expected {what} behind {kind}, and nothing else")),
        };
        let data = match kind.as_str() {
            "A" => {
                let addr = one("an IPv4 address")?;
                Data::A(addr.parse().map_err(|_| format!("\"{addr}\" is no IPv4 address"))?)
            }
            "AAAA" => {
                let addr = one("an IPv6 address")?;
                Data::Aaaa(addr.parse().map_err(|_| format!("\"{addr}\" is no IPv6 address"))?)
            }
            "CNAME" => Data::Cname(self.name(one("a name")?)?),
            "PTR" => Data::Ptr(self.name(one("a name")?)?),
            "TXT" if values.is_empty() => return Err("expected text behind TXT".to_owned()),
            "TXT" => {
                let pieces: Vec<_> = values.into_iter().map(String::into_bytes).collect();
                if pieces.iter().any(|piece| piece.len() > 255) {
                    return Err("a piece of text is longer than 255 bytes".to_owned());
                }
                Data::Txt(pieces)
            }
            _ => return Err(format!("expected A, AAAA, CNAME, PTR or TXT, not \"{kind}\"")),
        };
        Ok(Record { ttl, data })
    }

    /// Whether the record may stand beside those that are there.
    fn admit(&self, name: &Name, record: &Record) -> Result<(), String> {
        if self.records >= RECORDS_MAX {
            return Err(format!("there are more than {RECORDS_MAX} records"));
        }
        let Some(zone) = self.find(name) else {
            let is_reverse = record.data.rtype() == Type::PTR;
            let text = || format!("{name} is not below {}", self.zones[0].origin);
            return is_reverse.then_some(()).ok_or_else(text);
        };
        let is_alias = |record: &Record| record.data.rtype() == Type::CNAME;
        let others = zone.node(name).unwrap_or_default();
        if others.iter().all(|other| other.data == record.data) {
            return Ok(());
        }
        if is_alias(record) || others.iter().any(is_alias) {
            return Err(format!("{name} is an alias and cannot have other records"));
        }
        Ok(())
    }
}

fn parse_ttl(word: &str) -> Option<u32> {
    word.parse().ok().filter(|ttl| *ttl <= TTL_MAX)
}

/// The words of a line, up to its comment. Text within quotes is one word.
fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let (mut words, mut chars) = (Vec::new(), line.chars().peekable());
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        match chars.peek() {
            None | Some(';') => return Ok(words),
            Some('"') => {
                chars.next();
                let mut word = String::new();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => word.extend(chars.next()),
                        Some(c) => word.push(c),
                        None => return Err("expected a quote at the end of the text"),
                    }
                }
                words.push(word);
            }
            Some(_) => {
                let mut word = String::new();
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && *c != ';') {
                    word.push(c);
                }
                words.push(word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones() -> Zones {
        Zones::of_host(&["10.9.0.2".parse().expect("one"), "fd00::2".parse().expect("one")])
    }

    fn data(zones: &Zones, name: &str) -> Option<Vec<Data>> {
        let name = name.parse().expect(name);
        let records = zones.find(&name)?.node(&name)?;
        Some(records.iter().map(|record| record.data.clone()).collect())
    }

    #[test]
    fn a_host_has_its_names() {
        let (zones, host) = (zones(), "host.glass".parse::<Name>().expect("a name"));
        let expected =
            vec![Data::A([10, 9, 0, 2].into()), Data::Aaaa("fd00::2".parse().expect("an address"))];
        assert_eq!(data(&zones, "HOST.glass"), Some(expected));
        let reverse = data(&zones, "2.0.9.10.in-addr.arpa").expect("it exists");
        assert_eq!(reverse, [Data::Ns(host.clone()), Data::Ptr(host.clone())]);
        assert_eq!(data(&zones, "glass"), Some(vec![Data::Ns(host)]));
        assert_eq!(data(&zones, "3.0.9.10.in-addr.arpa"), None);
        assert_eq!(data(&zones, "other.glass"), None);
    }

    #[test]
    fn records_are_read_from_lines() {
        let mut zones = zones();
        let text = "; names\n\n$TTL 60\nwww CNAME host ; an alias\nwww 60 IN CNAME host\n\
                    a.b 5 IN A 10.9.0.7\n  TXT \"two words\" one\\;\n   ; nothing\n\
                    7.0.9.10.in-addr.arpa. PTR a.b\n@ txt \"a \\\"quote\\\"\"\n";
        zones.read(text).expect("good lines");
        let name = |text: &str| text.parse::<Name>().expect("a name");
        assert_eq!(data(&zones, "www.glass"), Some(vec![Data::Cname(name("host.glass"))]));
        assert_eq!(data(&zones, "b.glass"), Some(vec![]), "a name with others below");
        let text = Data::Txt(vec![b"two words".to_vec(), b"one\\".to_vec()]);
        assert_eq!(data(&zones, "a.b.glass"), Some(vec![Data::A([10, 9, 0, 7].into()), text]));
        let pointed = data(&zones, "7.0.9.10.in-addr.arpa").expect("it exists");
        assert_eq!(pointed[1], Data::Ptr(name("a.b.glass")));
        let node = name("a.b.glass");
        let ttls = zones.find(&node).and_then(|zone| zone.node(&node)).expect("records");
        assert_eq!(ttls.iter().map(|record| record.ttl).collect::<Vec<_>>(), [5, 60]);
    }

    #[test]
    fn a_bad_line_gets_one_sentence() {
        let table = [
            ("\nhost", "line 2: expected A, AAAA, CNAME, PTR or TXT, not \"\""),
            ("a MX 10 host", "line 1: expected A, AAAA, CNAME, PTR or TXT, not \"MX\""),
            ("a A", "line 1: expected an IPv4 address behind A, and nothing else"),
            ("a A 10.9.0", "line 1: \"10.9.0\" is no IPv4 address"),
            ("a AAAA 10.9.0.1", "line 1: \"10.9.0.1\" is no IPv6 address"),
            (
                "a A 10.9.0.1 10.9.0.2",
                "line 1: expected an IPv4 address behind A, and nothing else",
            ),
            ("a TXT", "line 1: expected text behind TXT"),
            ("a TXT \"open", "line 1: expected a quote at the end of the text"),
            (" A 10.9.0.1", "line 1: expected a name at the line's start"),
            ("$TTL soon", "line 1: expected $TTL and seconds"),
            ("a 99999999 A 10.9.0.1", "line 1: \"99999999\" is no number of seconds"),
            ("a..b A 10.9.0.1", "line 1: \"a..b\" is no domain name: a label is empty"),
            ("a.test. A 10.9.0.1", "line 1: a.test. is not below glass."),
            (
                "a A 10.9.0.1\na CNAME host",
                "line 2: a.glass. is an alias and cannot have other records",
            ),
        ];
        for (given, then) in table {
            assert_eq!(zones().read(given).expect_err(given).to_string(), then);
        }
    }
}
