//! Look-ups against servers that answer well, badly, late, falsely, or not at all.

use super::*;
use crate::app::dns::{Zones, answer};

const ONE: &str = "10.9.0.1:53";
const TWO: &str = "10.9.0.7:53";
const TEXT: &str = "www CNAME host\naway CNAME there.test.\nround CNAME about\n\
                    about CNAME round\nshort 5 A 10.9.0.5\nforever 604800 A 10.9.0.6\n\
                    zero 0 A 10.9.0.8\nalias 7 CNAME host\nmissing 7 CNAME nothing\n";

fn zones() -> Zones {
    let addrs = ["10.9.0.2", "fd00::2"].map(|addr| addr.parse().expect("an address"));
    let mut zones = Zones::of_host(&addrs);
    zones.read(TEXT).expect("good lines");
    zones
}

fn lookup_with(name: &str, rtype: Type, change: impl Fn(&mut Settings)) -> Lookup {
    let mut settings = Settings::new([ONE, TWO].map(|s| s.parse().expect("a server")).to_vec());
    change(&mut settings);
    Lookup::new(name.parse().expect("a name"), rtype, settings.into(), [5, 3])
}

fn lookup(name: &str, rtype: Type) -> Lookup {
    lookup_with(name, rtype, |_| {})
}

#[track_caller]
fn ask(lookup: &mut Lookup) -> Ask {
    match lookup.next() {
        Next::Ask(ask) => ask,
        done => panic!("{done:?}"),
    }
}

/// Lets the server of [`zones`] answer, up to `limit` times.
#[track_caller]
fn served(mut lookup: Lookup, limit: usize) -> Result<Outcome, LookupError> {
    for _ in 0..=limit {
        match lookup.next() {
            Next::Done(done) => return done,
            Next::Ask(ask) => {
                let told = answer(&zones(), ask.over, &ask.query).expect("an answer");
                assert!(lookup.heard(&told));
            }
        }
    }
    panic!("more than {limit} questions");
}

fn outcome(found: Found, seconds: u64) -> Result<Outcome, LookupError> {
    Ok(Outcome { found, keep: Duration::from_secs(seconds) })
}

fn at(list: &[&str]) -> Found {
    Found::Addresses(list.iter().map(|addr| addr.parse().expect("an address")).collect())
}

#[test]
fn good_servers_are_asked_once() {
    let table = [
        ("host.glass", Type::A, outcome(at(&["10.9.0.2"]), 300)),
        ("host.glass", Type::AAAA, outcome(at(&["fd00::2"]), 300)),
        ("www.glass", Type::A, outcome(at(&["10.9.0.2"]), 300)),
        ("alias.glass", Type::A, outcome(at(&["10.9.0.2"]), 7)),
        ("short.glass", Type::A, outcome(at(&["10.9.0.5"]), 5)),
        ("zero.glass", Type::A, outcome(at(&["10.9.0.8"]), 0)),
        ("forever.glass", Type::A, outcome(at(&["10.9.0.6"]), 86_400)),
        ("short.glass", Type::AAAA, outcome(Found::NoData, 300)),
        ("nothing.glass", Type::A, outcome(Found::NoName, 300)),
        ("missing.glass", Type::A, outcome(Found::NoName, 7)),
    ];
    for (name, rtype, then) in table {
        assert_eq!(served(lookup(name, rtype), 1), then, "{name} {rtype}");
    }
}

#[test]
fn queries_are_hard_to_guess() {
    let mut lookup = lookup("a-rather-long-name.glass", Type::A);
    let mut asks = Vec::new();
    for _ in 0..6 {
        asks.push(ask(&mut lookup));
        lookup.unheard(None);
    }
    let raws: Vec<_> = asks.iter().map(|ask| Raw::new(&ask.query).expect("a query")).collect();
    let names: Vec<_> = raws.iter().map(|raw| &raw.question().expect("one").name).collect();
    for (n, raw) in raws.iter().enumerate() {
        assert!(raws[..n].iter().all(|other| other.id() != raw.id()));
        assert!(names[..n].iter().all(|other| !other.is_spelled(names[n])));
        assert!(raw.flags() & 0x100 != 0 && raw.edns().is_some());
    }
    let plain = |settings: &mut Settings| settings.vary_case = false;
    let asked = ask(&mut lookup_with("Host.glass", Type::A, plain)).query;
    assert_eq!(&asked[12..18], b"\x04Host\x05");
}

#[test]
fn silent_servers_are_asked_in_turn_and_ever_more_patiently() {
    let mut lookup = lookup("host.glass", Type::A);
    let mut asked = Vec::new();
    let done = loop {
        match lookup.next() {
            Next::Ask(ask) => asked.push((ask.to.to_string(), ask.patience.as_secs())),
            Next::Done(done) => break done,
        }
        lookup.unheard(None);
    };
    let expected = [(ONE, 1), (TWO, 1), (ONE, 2), (TWO, 2), (ONE, 4), (TWO, 4)];
    assert_eq!(asked, expected.map(|(server, seconds)| (server.to_owned(), seconds)));
    assert_eq!(done, Err(LookupError::Silence(TWO.parse().expect("a server"))));
    let mut nobody = lookup_with("host.glass", Type::A, |settings| settings.servers.clear());
    assert_eq!(nobody.next(), Next::Done(Err(LookupError::NoServers)));
    assert!(nobody.heard(b"?"));
    nobody.unheard(None);
}

/// What a bad server says to a query; then the good one answers.
fn after(change: impl Fn(Vec<u8>) -> Vec<u8>) -> (String, Result<Outcome, LookupError>) {
    let mut lookup = lookup("host.glass", Type::A);
    let asked = ask(&mut lookup);
    let told = answer(&zones(), asked.over, &asked.query).expect("an answer");
    let heard = lookup.heard(&change(told));
    if !heard {
        return ("ignored".to_owned(), served(lookup, 1));
    }
    let next = match lookup.next() {
        Next::Ask(ask) => {
            let edns = Raw::new(&ask.query).is_some_and(|raw| raw.edns().is_some());
            format!("{} {} {}", ask.to, ask.over, if edns { "edns" } else { "plain" })
        }
        Next::Done(_) => "done".to_owned(),
    };
    (next, served(lookup, 1))
}

#[test]
fn bad_answers_lead_to_another_question() {
    let bytes = |at: usize, value: u8| {
        let (next, done) = after(move |mut told| {
            told[at] = value;
            told
        });
        assert_eq!(done, outcome(at_host(), 300));
        next
    };
    fn at_host() -> Found {
        at(&["10.9.0.2"])
    }
    assert_eq!(bytes(2, 0x81), "done", "nobody minds a missing AA");
    assert_eq!(bytes(2, 0x83), format!("{ONE} tcp edns"), "truncated");
    assert_eq!(bytes(3, 1), format!("{ONE} udp plain"), "FORMERR");
    assert_eq!(bytes(3, 4), format!("{ONE} udp plain"), "NOTIMP");
    assert_eq!(bytes(3, 2), format!("{TWO} udp edns"), "SERVFAIL");
    assert_eq!(bytes(3, 5), format!("{TWO} udp edns"), "REFUSED");
    assert_eq!(bytes(2, 0x01), "ignored", "no answer");
    assert_eq!(bytes(5, 0), "ignored", "no question");
    assert_eq!(bytes(7, 9), "ignored", "more answers than there are");
    let cut = after(|told| told[..told.len() - 4].to_vec());
    assert_eq!(cut.0, "ignored", "half an answer");
}

#[test]
fn answers_to_other_questions_are_ignored_and_then_suspicious() {
    let mut lookup = lookup("host.glass", Type::A);
    let asked = ask(&mut lookup);
    let told = answer(&zones(), asked.over, &asked.query).expect("an answer");
    let forged = |at: usize, bit: u8| {
        let mut forged = told.clone();
        forged[at] ^= bit;
        forged
    };
    // The number, the spelling, the type, the class.
    let places = [(0, 1), (1, 1), (13, 0x20), (14, 3), (25, 1), (27, 2)];
    let mut ignored = 0;
    for n in 0.. {
        let (at, bit) = places[n % places.len()];
        if lookup.heard(&forged(at, bit)) {
            break;
        }
        ignored += 1;
    }
    assert_eq!(ignored, STRANGERS_MAX - 1);
    let again = ask(&mut lookup);
    assert_eq!((again.to, again.over), (asked.to, Transport::Tcp));
    assert!(!lookup.heard(&told), "the answer to the query before");
    let told = answer(&zones(), again.over, &again.query).expect("an answer");
    assert!(lookup.heard(&told));
    assert_eq!(lookup.next(), Next::Done(outcome(at(&["10.9.0.2"]), 300)));
}

#[test]
fn only_what_belongs_to_the_question_is_taken() {
    let mut lookup = lookup("host.glass", Type::A);
    let asked = ask(&mut lookup);
    let raw = Raw::new(&asked.query).expect("a query");
    let question = raw.question().expect("one");
    let mut reply = Packet::new_reply(raw.id());
    reply.questions.push(question.coded());
    let names = ["other.glass", "host.glass"].map(|name| name.parse::<Name>().expect("a name"));
    let mut add = |name, addr: [u8; 4], class| {
        let data = RData::A(std::net::Ipv4Addr::from(addr).into());
        reply.answers.push(ResourceRecord::new(Name::coded(name), class, 60, data));
    };
    add(&names[0], [6, 6, 6, 6], CLASS::IN);
    add(&names[1], [7, 7, 7, 7], CLASS::CH);
    add(&names[1], [10, 9, 0, 2], CLASS::IN);
    add(&names[1], [10, 9, 0, 2], CLASS::IN);
    (0..100).for_each(|n| add(&names[1], [10, 9, 1, n], CLASS::IN));
    assert!(lookup.heard(&reply.build_bytes_vec().expect("bytes")));
    let Next::Done(Ok(Outcome { found: Found::Addresses(addrs), .. })) = lookup.next() else {
        panic!("addresses");
    };
    assert_eq!(addrs.len(), ADDRESSES_MAX);
    assert_eq!(addrs[..2], [IpAddr::from([10, 9, 0, 2]), IpAddr::from([10, 9, 1, 0])]);
}

#[test]
fn aliases_are_followed_to_an_end() {
    let mut away = lookup("away.glass", Type::A);
    let asked = ask(&mut away);
    assert!(away.heard(&answer(&zones(), asked.over, &asked.query).expect("an answer")));
    let next = ask(&mut away);
    let raw = Raw::new(&next.query).expect("a query");
    let name: Name = "there.test".parse().expect("a name");
    assert_eq!(raw.question().map(|question| &question.name), Some(&name));
    let round = served(lookup("round.glass", Type::A), ALIASES_MAX);
    assert!(matches!(round, Err(LookupError::Aliases(_))), "{round:?}");
}

#[test]
fn a_referral_is_no_help() {
    let mut lookup = lookup("host.glass", Type::AAAA);
    let asked = ask(&mut lookup);
    let raw = Raw::new(&asked.query).expect("a query");
    let mut reply = Packet::new_reply(raw.id());
    reply.questions.push(raw.question().expect("one").coded());
    let elsewhere: Name = "elsewhere.test".parse().expect("a name");
    let data = RData::NS(elsewhere.coded().into());
    let record = ResourceRecord::new(elsewhere.coded(), CLASS::IN, 60, data);
    reply.name_servers.push(record);
    assert!(lookup.heard(&reply.build_bytes_vec().expect("bytes")));
    assert_eq!(ask(&mut lookup).to.to_string(), TWO);
    // A server that cannot be reached is not asked again.
    lookup.unheard(Some(io::ErrorKind::ConnectionRefused));
    for _ in 0..2 {
        assert_eq!(ask(&mut lookup).to.to_string(), ONE);
        lookup.unheard(None);
    }
    assert_eq!(lookup.next(), Next::Done(Err(LookupError::Silence(ONE.parse().expect("one")))));
}

#[test]
fn what_a_server_said_is_told_rather_than_anothers_silence() {
    let mut lookup = lookup("host.glass", Type::A);
    let asked = ask(&mut lookup);
    let mut told = answer(&zones(), asked.over, &asked.query).expect("an answer");
    told[3] = 2;
    assert!(lookup.heard(&told));
    let done = loop {
        match lookup.next() {
            Next::Ask(_) => lookup.unheard(None),
            Next::Done(done) => break done,
        }
    };
    let error = done.expect_err("nobody knows");
    assert_eq!(error.to_string(), format!("the name server {ONE} answered SERVFAIL"));
}

/// No bytes from a server do harm, and every look-up ends.
#[test]
fn garbage_from_servers_ends() {
    let chance = Chance::from_seed(8);
    for n in 0..20_000_u64 {
        let draw = |key, below| chance.below(below, Purpose::Scenario, n, key) as usize;
        let names = ["host.glass", "www.glass", "round.glass", "nothing.glass"];
        let mut lookup = lookup(names[draw(0, 4)], Type::A);
        let mut asked = 0;
        while let Next::Ask(ask) = lookup.next() {
            asked += 1;
            assert!(asked < 100, "it ends");
            let mut told = answer(&zones_once(), ask.over, &ask.query).expect("an answer");
            for change in 0..draw(asked * 10, 4) as u64 {
                let key = asked * 10 + 1 + change;
                let at = 2 + draw(key, told.len() as u64 - 2);
                told[at] ^= 1 << draw(key + 5, 8);
            }
            if !lookup.heard(&told) {
                lookup.unheard(None);
            }
        }
    }
}

/// Reading the zone's text once is enough.
fn zones_once() -> Arc<Zones> {
    static ZONES: std::sync::OnceLock<Arc<Zones>> = std::sync::OnceLock::new();
    Arc::clone(ZONES.get_or_init(|| Arc::new(zones())))
}
