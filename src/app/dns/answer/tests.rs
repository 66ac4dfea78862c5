//! What is answered to every kind of query, and to bytes that are none.

use super::*;
use crate::app::dns::{Asking, query};
use crate::base::rng::{Chance, Purpose};

const TEXT: &str = "www CNAME host\nchain1 CNAME chain2\nchain2 CNAME www\naway CNAME example.test.\n\
                    gone CNAME nothing\nround CNAME about\nabout CNAME round\n\
                    text TXT \"made of glass\"\na.b.deep A 10.9.0.9\n";

fn zones() -> Zones {
    let mut zones = Zones::of_host(&["10.9.0.2".parse().expect("an address")]);
    let long = ["long TXT \"", &"x".repeat(250), "\"\n"].concat();
    let many: String = (0..40).map(|n| format!("many A 10.1.0.{n}\n")).collect();
    let much: String = (0..300).map(|n| long.replace("xxxx", &format!("{n:04}"))).collect();
    zones.read(&[TEXT, &many, &much].concat()).expect("good lines");
    zones
}

fn asked(name: &str, rtype: &str) -> Vec<u8> {
    let rtype = rtype.parse().expect("a type");
    let question = Question::new(name.parse().expect("a name"), rtype);
    query(77, &question, Asking { recurse: true, edns: false })
}

fn asked_edns(name: &str, rtype: &str, size: u16) -> Vec<u8> {
    let mut bytes = asked(name, rtype);
    bytes[11] = 1;
    bytes.extend([0, 0, 41]);
    bytes.extend(size.to_be_bytes());
    bytes.extend([0; 6]);
    bytes
}

/// `STATUS flags: answers; authority`, a record as its type, its data where it matters.
fn told(query: &[u8], over: Transport) -> String {
    let Some(bytes) = answer(&zones(), over, query) else { return "nothing".to_owned() };
    assert_eq!(bytes[..2], query[..2], "the same number");
    let raw = Raw::new(&bytes).expect("a message");
    let packet = raw.packet().expect("well formed");
    let mut text = match raw.rcode() {
        16 => "BADVERS".to_owned(),
        low => format!("{:?}", RCODE::from(low)),
    };
    let flags = [(0x8000, " qr"), (0x400, " aa"), (0x200, " tc"), (0x100, " rd"), (0x80, " ra")];
    text.extend(flags.iter().filter(|(bit, _)| raw.flags() & bit != 0).map(|(_, name)| *name));
    for record in packet.answers.iter().chain(&packet.name_servers) {
        let data = match &record.rdata {
            RData::A(a) => std::net::Ipv4Addr::from(a.clone()).to_string(),
            RData::CNAME(name) => format!("={}", name.0),
            RData::TXT(text) => String::try_from(text.clone()).expect("text"),
            RData::SOA(soa) => format!("SOA {}", soa.minimum),
            other => format!("{:?}", other.type_code()),
        };
        text += &format!(" {}:{data}", record.name);
    }
    text
}

#[test]
fn every_question_has_its_answer() {
    let table = [
        ("host.glass", "A", "NoError qr aa rd host.glass:10.9.0.2"),
        ("HoSt.gLaSs", "A", "NoError qr aa rd HoSt.gLaSs:10.9.0.2"),
        ("host.glass", "AAAA", "NoError qr aa rd glass:SOA 300"),
        ("host.glass", "TYPE52", "NoError qr aa rd glass:SOA 300"),
        ("glass", "SOA", "NoError qr aa rd glass:SOA 300"),
        ("glass", "NS", "NoError qr aa rd glass:NS"),
        ("glass", "A", "NoError qr aa rd glass:SOA 300"),
        ("nothing.glass", "A", "NameError qr aa rd glass:SOA 300"),
        ("below.host.glass", "A", "NameError qr aa rd glass:SOA 300"),
        ("deep.glass", "A", "NoError qr aa rd glass:SOA 300"),
        ("a.b.deep.glass", "A", "NoError qr aa rd a.b.deep.glass:10.9.0.9"),
        ("text.glass", "TXT", "NoError qr aa rd text.glass:made of glass"),
        ("2.0.9.10.in-addr.arpa", "PTR", "NoError qr aa rd 2.0.9.10.in-addr.arpa:PTR"),
        ("www.glass", "A", "NoError qr aa rd www.glass:=host.glass host.glass:10.9.0.2"),
        ("www.glass", "CNAME", "NoError qr aa rd www.glass:=host.glass"),
        ("www.glass", "AAAA", "NoError qr aa rd www.glass:=host.glass glass:SOA 300"),
        (
            "chain1.glass",
            "A",
            "NoError qr aa rd chain1.glass:=chain2.glass chain2.glass:=www.glass \
             www.glass:=host.glass host.glass:10.9.0.2",
        ),
        ("away.glass", "A", "NoError qr aa rd away.glass:=example.test"),
        ("gone.glass", "A", "NameError qr aa rd gone.glass:=nothing.glass glass:SOA 300"),
        ("round.glass", "A", "NoError qr aa rd round.glass:=about.glass about.glass:=round.glass"),
        ("host.glass", "ANY", "NoError qr aa rd host.glass:10.9.0.2"),
        ("www.glass", "ANY", "NoError qr aa rd www.glass:=host.glass"),
        ("glass", "ANY", "NoError qr aa rd glass:NS"),
        ("deep.glass", "ANY", "NoError qr aa rd glass:SOA 300"),
        ("example.test", "A", "Refused qr rd"),
        (".", "NS", "Refused qr rd"),
        ("3.0.9.10.in-addr.arpa", "PTR", "Refused qr rd"),
        ("glass", "AXFR", "Refused qr rd"),
        ("glass", "TYPE250", "NotImplemented qr rd"),
        ("glass", "OPT", "FormatError qr rd"),
    ];
    for (name, rtype, then) in table {
        assert_eq!(told(&asked(name, rtype), Transport::Udp), then, "{name} {rtype}");
        assert_eq!(told(&asked(name, rtype), Transport::Tcp), then, "{name} {rtype} over TCP");
    }
}

#[test]
fn other_messages_are_told_what_is_wrong() {
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut bytes = asked_edns("host.glass", "A", 1232);
        change(&mut bytes);
        told(&bytes, Transport::Udp)
    };
    let good = "NoError qr aa rd host.glass:10.9.0.2";
    assert_eq!(changed(|_| {}), good);
    assert_eq!(changed(|bytes| bytes[2] |= 0x80), "nothing", "an answer");
    assert_eq!(changed(|bytes| bytes.truncate(11)), "nothing", "no header");
    assert_eq!(changed(|bytes| bytes[3] |= 0x70), good, "Z, AD, CD");
    assert_eq!(changed(|bytes| bytes[2] = 0), "NoError qr aa host.glass:10.9.0.2");
    assert_eq!(changed(|bytes| bytes[2] = 4 << 3), "NotImplemented qr", "NOTIFY");
    let mut update = asked("glass", "SOA");
    update[2] = 5 << 3;
    assert_eq!(answer(&zones(), Transport::Udp, &update).expect("an answer")[2], 0x80 | 5 << 3);
    assert_eq!(changed(|bytes| bytes[5] = 0), "FormatError qr rd", "no question");
    assert_eq!(changed(|bytes| bytes[5] = 2), "FormatError qr rd", "two questions");
    assert_eq!(changed(|bytes| bytes[7] = 1), "FormatError qr rd", "an answer in a query");
    assert_eq!(changed(|bytes| bytes[12] = 0xc0), "FormatError qr rd", "a pointer at nothing");
    assert_eq!(changed(|bytes| bytes[10] = 200), "FormatError qr rd", "claims of records");
    assert_eq!(changed(|bytes| bytes.truncate(35)), "FormatError qr rd", "half an OPT");
    assert_eq!(changed(|bytes| bytes[27] = 3), "Refused qr rd", "class CH");
    assert_eq!(changed(|bytes| bytes[26] = 0x80), "Refused qr rd", "a class of mDNS");
    assert_eq!(changed(|bytes| bytes[34] = 1), "BADVERS qr rd", "EDNS(1)");
    assert_eq!(changed(|bytes| bytes[35] = 0x80), good, "DO");
    let two_opts = |bytes: &mut Vec<u8>| {
        bytes[11] = 2;
        bytes.extend_from_within(28..);
    };
    assert_eq!(changed(two_opts), "FormatError qr rd");
    let mut strange_class = asked("host.glass", "A");
    strange_class[26..28].copy_from_slice(&[0x12, 0x34]);
    let refused = answer(&zones(), Transport::Udp, &strange_class).expect("an answer");
    assert_eq!(refused[12..], strange_class[12..], "the question as it was");
}

#[test]
fn what_does_not_fit_says_so() {
    let sizes = |name: &str, edns: Option<u16>, over| {
        let query = match edns {
            Some(size) => asked_edns(name, "TXT", size),
            None => asked(name, "TXT"),
        };
        let bytes = answer(&zones(), over, &query).expect("an answer");
        let raw = Raw::new(&bytes).expect("a message");
        (raw.is_truncated(), raw.count(1), raw.count(3), bytes.len() <= UDP_MAX)
    };
    assert_eq!(sizes("text.glass", None, Transport::Udp), (false, 1, 0, true));
    assert_eq!(sizes("long.glass", None, Transport::Udp), (true, 0, 0, true));
    assert_eq!(sizes("long.glass", Some(65535), Transport::Udp), (true, 0, 1, true));
    // 300 texts of 250 bytes do not fit into any message.
    let failed = answer(&zones(), Transport::Tcp, &asked("long.glass", "TXT")).expect("an answer");
    assert_eq!((failed.len(), failed[3]), (HEADER, 2));

    let many = |edns: u16, over| {
        let bytes = answer(&zones(), over, &asked_edns("many.glass", "A", edns)).expect("some");
        (Raw::new(&bytes).expect("a message").is_truncated(), bytes.len())
    };
    // 40 addresses of 16 bytes behind 28 of question and 11 of OPT.
    assert_eq!(many(4096, Transport::Udp), (false, 679));
    assert_eq!(many(679, Transport::Udp), (false, 679));
    assert_eq!(many(678, Transport::Udp), (true, 39));
    assert_eq!(many(0, Transport::Udp), (true, 39), "less than 512 counts as 512");
    assert_eq!(many(0, Transport::Tcp), (false, 679));
}

/// Compression may only save: whatever is answered reads back, and is bounded.
#[track_caller]
fn bounded(zones: &Zones, query: &[u8]) {
    for (over, most) in [(Transport::Udp, UDP_MAX), (Transport::Tcp, 65535)] {
        if let Some(bytes) = answer(zones, over, query) {
            assert!(bytes.len() <= most && bytes.len() >= HEADER);
            assert!(bytes[2] & 0x80 != 0, "an answer to {query:?}");
            assert!(Raw::new(&bytes).is_some_and(|raw| raw.packet().is_some()), "{query:?}");
        }
    }
}

#[test]
fn no_bytes_do_harm() {
    let (zones, chance) = (zones(), Chance::from_seed(53));
    let names = ["host.glass", "www.glass", "many.glass", "round.glass", "example.test", "."];
    let seeds: Vec<Vec<u8>> = names
        .iter()
        .flat_map(|name| ["A", "ANY", "SOA"].map(|rtype| asked_edns(name, rtype, 4096)))
        .collect();
    for n in 0..100_000_u64 {
        let draw = |key, below| chance.below(below, Purpose::Scenario, n, key) as usize;
        let mut bytes = if n % 10 == 0 {
            (0..draw(0, 80)).map(|at| draw(100 + at as u64, 256) as u8).collect()
        } else {
            seeds[draw(1, seeds.len() as u64)].clone()
        };
        for change in 0..draw(2, 5) as u64 {
            if bytes.is_empty() {
                break;
            }
            let at = draw(10 + change, bytes.len() as u64);
            match draw(20 + change, 4) {
                0 => bytes[at] = draw(30 + change, 256) as u8,
                1 => bytes[at] ^= 1 << draw(40 + change, 8),
                2 => bytes.truncate(at),
                _ => bytes.extend_from_within(at..),
            }
        }
        bounded(&zones, &bytes);
    }
}

#[test]
fn loops_of_pointers_and_oversize_are_refused() {
    let refused = |bytes: &[u8]| {
        bounded(&zones(), bytes);
        told(bytes, Transport::Udp)
    };
    let mut itself = asked("host.glass", "A");
    itself.splice(12..24, [0xc0, 12]);
    assert_eq!(refused(&itself), "FormatError qr rd");
    // An additional record whose name points forwards, at itself, and far away.
    for pointer in [28, 29, 30, 0x3fff] {
        let mut bytes = asked("host.glass", "A");
        bytes[11] = 1;
        bytes.extend([0xc0 | (pointer >> 8) as u8, pointer as u8]);
        bytes.extend([0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
        assert_eq!(refused(&bytes), "FormatError qr rd", "{pointer}");
    }
    // A chain of thousands of pointers, each at the one before.
    let mut bytes = asked("host.glass", "A");
    bytes[11] = 4;
    for record in 0..4 {
        bytes.extend([0, 0, 16, 0, 1, 0, 0, 0, 0, 0x1f, 0x40]);
        for _ in 0..4000 {
            let before = bytes.len() - 2;
            bytes.extend([0xc0 | (before >> 8) as u8 & 0x3f, before as u8]);
        }
        assert!(bytes.len() > 8000 * (record + 1));
    }
    bounded(&zones(), &bytes);
    let mut long = asked("host.glass", "A");
    long.resize(65_535, 0);
    assert_eq!(refused(&long), "NoError qr aa rd host.glass:10.9.0.2");
}
