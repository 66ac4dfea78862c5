//! What a name server answers: a function of its zones and a query's bytes.

use super::message::{HEADER, IN, Question, Raw, Type, UDP_MAX, opt};
use super::name::Name;
use super::zone::{Data, Record, Zone, Zones};
use crate::app::services::Transport;
use simple_dns::rdata::{self, RData};
use simple_dns::{CLASS, CharacterString, Packet, PacketFlag, RCODE, ResourceRecord};

/// Aliases followed within the zones, at most.
const ALIASES_MAX: usize = 8;
/// Bytes of a datagram that are allowed without EDNS(0) (RFC 1035 §2.3.4).
const PLAIN_MAX: usize = 512;
/// Additional records of a query, at most: EDNS(0), a signature and some more.
const ADDITIONAL_MAX: usize = 4;
/// Seconds of the start of authority's timers, which only a secondary server would look at.
const REFRESH: [i32; 3] = [7200, 900, 86_400];

/// What the server answers to `query`; `None`: nothing, as to an answer or to what is no message.
///
/// An answer is no longer than the transport and the client allow: over UDP 512 bytes, or what the
/// client says with EDNS(0) up to [`UDP_MAX`]. One that does not fit says so (TC) and is empty, for
/// the client to ask again over TCP.
///
/// ```
/// use netglass::app::Transport;
/// use netglass::app::dns::{Asking, Question, Raw, Type, Zones, answer, query};
///
/// let zones = Zones::of_host(&["10.9.0.2".parse().unwrap()]);
/// let question = Question::new("Host.Glass".parse().unwrap(), Type::A);
/// let asked = query(1, &question, Asking::default());
/// let told = Raw::new(&answer(&zones, Transport::Udp, &asked).unwrap()).unwrap();
/// assert_eq!((told.rcode(), told.count(1)), (0, 1));
/// assert_eq!(told.question(), Some(&question));
/// ```
pub fn answer(zones: &Zones, over: Transport, query: &[u8]) -> Option<Vec<u8>> {
    let head = query.get(..HEADER)?;
    if head[2] & 0x80 != 0 {
        return None;
    }
    if head[2] >> 3 & 15 != 0 {
        return Some(bare(head, RCODE::NotImplemented));
    }
    let parsed = Raw::new(query).filter(|raw| {
        let counts = [0, 1, 2, 3].map(|section| raw.count(section));
        matches!(counts, [1, 0, 0, 0..=ADDITIONAL_MAX])
    });
    let Some((raw, question)) = parsed.as_ref().and_then(|raw| Some((raw, raw.question()?))) else {
        return Some(bare(head, RCODE::FormatError));
    };
    if raw.packet().is_none() {
        return Some(bare(head, RCODE::FormatError));
    }
    let mut reply = Packet::new_reply(raw.id());
    if head[2] & 1 != 0 {
        reply.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    let edns = raw.edns();
    let is_understood = edns.is_none_or(|edns| edns.version == 0);
    *reply.opt_mut() = edns.map(|_| opt());
    if is_understood {
        fill(&mut reply, zones, question);
    }
    let offered = edns.map_or(PLAIN_MAX, |edns| usize::from(edns.size));
    let limit = match over {
        Transport::Udp => offered.clamp(PLAIN_MAX, UDP_MAX),
        Transport::Tcp => usize::from(u16::MAX),
    };
    let Some(mut bytes) = written(reply, question, over, limit) else {
        return Some(bare(head, RCODE::ServerFailure));
    };
    if let Some(edns) = edns {
        // EDNS(0) is the last record, with no data. What it says of itself is in the TTL: the
        // upper bits of the status (1: BADVERS), the version, and whose DO bit is given back.
        let ttl = bytes.len() - 6;
        bytes[ttl] = u8::from(!is_understood);
        bytes[ttl + 2] = u8::from(edns.dnssec) << 7;
    }
    Some(bytes)
}

/// A header that says no more than how it went.
fn bare(head: &[u8], rcode: RCODE) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes[..3].copy_from_slice(&head[..3]);
    // QR; the opcode and RD are the query's.
    bytes[2] = 0x80 | head[2] & 0x79;
    bytes[3] = rcode as u8;
    bytes
}

/// The bytes of a reply, without its records if they do not fit.
fn written<'a>(
    mut reply: Packet<'a>,
    question: &'a Question,
    over: Transport,
    limit: usize,
) -> Option<Vec<u8>> {
    reply.questions = vec![question.coded()];
    let mut bytes = reply.build_bytes_vec_compressed().ok()?;
    if bytes.len() > limit {
        if over == Transport::Tcp {
            return None;
        }
        reply.set_flags(PacketFlag::TRUNCATION);
        reply.answers.clear();
        reply.name_servers.clear();
        bytes = reply.build_bytes_vec_compressed().ok()?;
    }
    // The codec knows the class that the question had, if any, by another number.
    let class = HEADER + question.name.labels().map(|l| l.len() + 1).sum::<usize>() + 3;
    bytes[class..class + 2].copy_from_slice(&question.class.to_be_bytes());
    Some(bytes)
}

/// Fills a reply in (RFC 1034 §4.3.2; there are no delegations and no wildcards).
fn fill<'a>(reply: &mut Packet<'a>, zones: &'a Zones, question: &'a Question) {
    *reply.rcode_mut() = match (question.class, question.rtype.0) {
        // OPT is no type of data (RFC 6891 §6.1.1), nor is 0.
        (_, 0 | 41) => RCODE::FormatError,
        // Transfers of zones.
        (_, 251 | 252) => RCODE::Refused,
        // Other questions that are no types (RFC 6895 §3.1), but ANY.
        (_, 128..=254) => RCODE::NotImplemented,
        (IN, _) => RCODE::NoError,
        _ => RCODE::Refused,
    };
    if reply.rcode() != RCODE::NoError {
        return;
    }
    let Some(mut zone) = zones.find(&question.name) else {
        *reply.rcode_mut() = RCODE::Refused;
        return;
    };
    reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    let (mut name, mut passed) = (&question.name, Vec::new());
    while passed.len() <= ALIASES_MAX {
        let Some(records) = zone.node(name) else {
            *reply.rcode_mut() = RCODE::NameError;
            return reply.name_servers.push(authority(zone));
        };
        if question.rtype == Type::SOA && name == zone.origin() {
            return reply.answers.push(authority(zone));
        }
        let found = wanted(records, question.rtype);
        if found.is_empty() {
            return reply.name_servers.push(authority(zone));
        }
        reply.answers.extend(found.iter().map(|record| coded(name, record)));
        let Data::Cname(target) = &found[0].data else { return };
        if matches!(question.rtype, Type::CNAME | Type::ANY) {
            return;
        }
        // An alias of a name that is not ours is for the client to follow; one that goes round in
        // a circle is followed once.
        passed.push(name);
        let next = zones.find(target).filter(|_| !passed.contains(&target));
        let Some(next) = next else { return };
        (zone, name) = (next, target);
    }
}

/// The records that a question of `rtype` gets: those of the type, or the alias. ANY gets those of
/// one type, as RFC 8482 §4.1 allows, so that it is of no use for a flood.
fn wanted(records: &[Record], rtype: Type) -> Vec<&Record> {
    let first = records.first().map(|record| record.data.rtype());
    let rtype = if rtype == Type::ANY { first } else { Some(rtype) };
    let fits =
        |record: &&Record| Some(record.data.rtype()) == rtype || record.data.rtype() == Type::CNAME;
    records.iter().filter(fits).collect()
}

/// A zone's start of authority; in this place it also says how long its names do not exist
/// (RFC 2308 §3).
fn authority(zone: &Zone) -> ResourceRecord<'_> {
    let [refresh, retry, expire] = REFRESH;
    let mailbox = [simple_dns::Label::new_unchecked(&b"hostmaster"[..])];
    let server = zone.server().coded();
    let rname = mailbox.iter().chain(server.get_labels()).cloned().collect::<Vec<_>>();
    let soa = rdata::SOA {
        rname: simple_dns::Name::new_with_labels(&rname),
        mname: server,
        serial: 1,
        refresh,
        retry,
        expire,
        minimum: zone.ttl(),
    };
    ResourceRecord::new(zone.origin().coded(), CLASS::IN, zone.ttl(), RData::SOA(soa))
}

fn coded<'a>(name: &'a Name, record: &'a Record) -> ResourceRecord<'a> {
    let data = match &record.data {
        Data::A(addr) => RData::A((*addr).into()),
        Data::Aaaa(addr) => RData::AAAA((*addr).into()),
        Data::Ptr(name) => RData::PTR(name.coded().into()),
        Data::Cname(name) => RData::CNAME(name.coded().into()),
        Data::Ns(name) => RData::NS(name.coded().into()),
        Data::Txt(pieces) => {
            let strings = pieces.iter().filter_map(|piece| CharacterString::new(piece).ok());
            RData::TXT(strings.fold(rdata::TXT::new(), |text, s| text.with_char_string(s)))
        }
    };
    ResourceRecord::new(name.coded(), CLASS::IN, record.ttl, data)
}

#[cfg(test)]
mod tests;
