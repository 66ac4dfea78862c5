//! Ethernet, ARP and neighbours of IPv4: frames and packets that are refused, questions, answers,
//! what is remembered and what is forgotten.

use super::cases;
use crate::link::{
    IFACE, NEAR, Wire, arp, arp_bytes, echo_request, framed, host, mac, open, segment, to_host,
};
use crate::support::puppet::{HOST, PEER};
use netglass::base::{Duration, Mac};
use netglass::ip::{Cidr, NewAddress};
use netglass::link::Config;
use netglass::stack::{Ethernet, ListenOptions};
use netglass::wire::arp::Op;
use netglass::wire::ethernet::{Header, Tag, ethertype};
use netglass::wire::tcp::Ctl;
use std::net::Ipv4Addr;

cases! {
    "Why::EthernetTruncated" => cut(13); cut(1_000) => "In",
    "Why::EthernetSource" => header(|h| h.src = GROUP); header(|_| ()) => "In",
    "Why::EtherType" => header(|h| h.ethertype = 0x88cc); header(|_| ()) => "In",
    "Why::EthernetNotForUs" => header(|h| h.dst = NEAR); header(|_| ()) => "In",
    "Why::LinkBroadcast" => header(|h| h.dst = Mac::BROADCAST); header(|_| ()) => "In",
    "Why::VlanUnknown" => header(|h| h.tag = tag(5)); header(|h| h.tag = tag(0)) => "In",
    "Why::ArpFormat" => asks_in(27); asks_in(28) => "Sent::ArpReply",
    "Why::ArpSender" => asks(Ipv4Addr::new(224, 0, 0, 1), HOST); asks(PEER, HOST) => "Sent::ArpReply",
    "Why::ArpNotForUs" => asks(PEER, OTHER); asks(PEER, HOST) => "Sent::ArpReply",
    "Why::NeighborUnasked" => answers(false); answers(true) => "link::Cause::Answered",
    "Why::NeighborTooSoon" => moves_after(999); moves_after(1_000) => "link::Cause::Advertised",
    "Why::NeighborLimit" => two_of(1); two_of(2) => "link::Cause::Needed",
    "Why::NeighborQueueFull" => pings_at_once(16); pings_at_once(15) => "link::Cause::Answered",
    "Why::NeighborFailed" => answers_after(3_000); answers_after(2_999) => "link::Cause::Answered",
    "Why::NeighborRateLimit" => questions_apart(0); questions_apart(1) => "link::Cause::Needed",
    "Why::AddressConflict" => says_that_it_has(HOST); says_that_it_has(PEER) => "Why::ArpNotForUs",

    "Sent::ArpRequest" => pings(false); pings(true) => "Sent::EchoRequest",
    "Sent::ArpPoll" => used_for(5_000); used_for(4_999) => "link::Cause::Used",
    "Sent::ArpReply" => asks(PEER, HOST); asks(PEER, OTHER) => "Why::ArpNotForUs",
    "Sent::ArpProbe" => begins(true, false); begins(false, false) => "Sent::ArpAnnouncement",
    "Sent::ArpAnnouncement" => begins(true, false); begins(true, true) => "link::Cause::Conflict",
    "Sent::ArpDefence" => says_that_it_has(HOST); says_that_it_has(PEER) => "Why::ArpNotForUs",

    "link::Cause::Needed" => pings(false); pings(true) => "Sent::EchoRequest",
    "link::Cause::Answered" => answers(true); answers(false) => "Why::NeighborUnasked",
    "link::Cause::Advertised" => moves_after(1_000); moves_after(999) => "Why::NeighborTooSoon",
    "link::Cause::Asked" => asks(PEER, HOST); asks(Ipv4Addr::UNSPECIFIED, HOST) => "Sent::ArpReply",
    "link::Cause::Confirmed" => acknowledges(4); acknowledges(0) => "link::Cause::Used",
    "link::Cause::Aged" => pings_after(45_001); pings_after(14_999) => "Sent::EchoRequest",
    "link::Cause::Used" => pings_after(45_001); pings_after(14_999) => "Sent::EchoRequest",
    "link::Cause::Doubted" => used_for(5_000); used_for(4_999) => "link::Cause::Used",
    "link::Cause::NoAnswer" => answers_after(3_000); answers_after(2_999) => "link::Cause::Answered",
    "link::Cause::Unused" => unused_for(60_000); unused_for(59_999) => "link::Cause::Used",
    "link::Cause::Evicted" => two_ask(1); two_ask(2) => "link::Cause::Asked",
    "link::Cause::Static" => by_hand(Some(NEAR)); by_hand(None) => "link::Cause::Needed",
    "link::Cause::Unclaimed" => begins(true, false); begins(true, true) => "link::Cause::Conflict",
    "link::Cause::Announced" => begins(true, false); begins(true, true) => "link::Cause::Conflict",
    "link::Cause::Conflict" => begins(true, true); begins(true, false) => "link::Cause::Unclaimed",
    "link::Cause::Added" => adds("10.0.0.77/16"); adds("224.0.0.77/16") => "Sent::ArpRequest",
    "link::Cause::Removed" => removes(HOST); removes(OTHER) => "Sent::ArpRequest",
    "link::Cause::Deprecated" => lives_for(10_000); lives_for(9_999) => "link::Cause::Added",
    "link::Cause::Expired" => lives_for(20_000); lives_for(19_999) => "link::Cause::Deprecated",
}

const GROUP: Mac = Mac([1, 0, 0x5e, 0, 0, 1]);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

fn wire() -> Wire {
    wire_with(|_| ())
}

fn wire_with(change: impl FnOnce(&mut Ethernet)) -> Wire {
    let mut w = Wire::quiet(host(change));
    w.forget();
    w
}

/// A host that knows its peer, from whom it had an answer just now.
fn acquainted() -> Wire {
    let mut w = wire();
    w.ping(PEER);
    w.answer();
    w.forget();
    w
}

fn tag(id: u16) -> Option<Tag> {
    Some(Tag { id, ..Tag::default() })
}

/// An echo request in a frame with this header.
fn header(change: fn(&mut Header)) {
    let mut header = to_host(ethertype::IPV4);
    change(&mut header);
    wire().frame(&framed(header, &echo_request(PEER)));
}

fn cut(len: usize) {
    let mut frame = framed(to_host(ethertype::IPV4), &echo_request(PEER));
    frame.truncate(len);
    wire().frame(&frame);
}

fn asks(sender: Ipv4Addr, target: Ipv4Addr) {
    wire().arp(arp(Op::Request, (NEAR, sender), target));
}

/// A question for us, so many bytes of it.
fn asks_in(len: usize) {
    let bytes = arp_bytes(&arp(Op::Request, (NEAR, PEER), HOST));
    wire().frame(&framed(to_host(ethertype::ARP), &bytes[..len]));
}

fn answers(asked: bool) {
    let mut w = wire();
    if asked {
        w.ping(PEER);
    }
    w.answer();
}

/// The peer says that it is elsewhere, so long after it was found.
fn moves_after(ms: u64) {
    let mut w = acquainted();
    w.wait(ms);
    w.arp(arp(Op::Reply, (mac(7), PEER), HOST));
}

/// Two neighbours are needed at once, where so many may be known.
fn two_of(entries_max: usize) {
    let mut w = wire_with(|ethernet| ethernet.neighbors.entries_max = entries_max);
    w.ping(PEER);
    w.answer();
    w.forget();
    w.ping(OTHER);
}

fn pings_at_once(n: usize) {
    let mut w = wire_with(|ethernet| {
        ethernet.neighbors = Config { queue_bytes: 4_000, ..Config::default() };
    });
    for _ in 0..n {
        w.ping(PEER);
    }
    assert_eq!(w.answer().len(), 15);
}

fn answers_after(ms: u64) {
    let mut w = wire();
    w.ping(PEER);
    w.wait(ms);
    w.answer();
}

/// One question in a millisecond is allowed, and two are asked.
fn questions_apart(ms: u64) {
    let mut w = wire_with(|ethernet| ethernet.neighbors.solicit_burst = 1);
    w.ping(PEER);
    w.wait(ms);
    w.ping(OTHER);
}

fn says_that_it_has(addr: Ipv4Addr) {
    wire().arp(arp(Op::Request, (NEAR, addr), PEER));
}

fn pings(known: bool) {
    let mut w = if known { acquainted() } else { wire() };
    assert_eq!(w.ping(PEER).len(), 1);
}

/// The peer is needed again when it has been silent for long; so much time passes then.
fn used_for(ms: u64) {
    let mut w = acquainted();
    w.wait(46_000);
    w.ping(PEER);
    w.wait(ms);
    w.answer();
}

/// The host comes up, perhaps asks first whether its address is free, and perhaps it is not.
fn begins(probe: bool, taken: bool) {
    let mut w = Wire::new(host(|ethernet| ethernet.probe = probe));
    w.wait(1_000);
    if taken {
        w.arp(arp(Op::Reply, (NEAR, HOST), HOST));
    }
    w.wait(20_000);
}

/// A connection sends four bytes to a neighbour that was silent for long; so many are acknowledged.
fn acknowledges(bytes: u32) {
    let mut w = wire();
    let listener = w.stack.listen(w.now, (HOST, 80).into(), ListenOptions::default());
    let iss = open(&mut w, (PEER, 5_000), NEAR);
    let (conn, _) = w.stack.accept(w.now, listener.expect("free")).expect("it connected");
    w.wait(59_000);
    w.forget();
    w.stack.write(w.now, conn, b"data").expect("room");
    w.take();
    let seq = netglass::base::Seq(101);
    w.ip(&segment((PEER, 5_000), Ctl::ACK, seq, iss + (1 + bytes), b""));
}

fn pings_after(ms: u64) {
    let mut w = acquainted();
    w.wait(ms);
    assert_eq!(w.ping(PEER).len(), 1);
}

/// The peer has asked for us, and so much later it is needed.
fn unused_for(ms: u64) {
    let mut w = wire();
    w.arp(arp(Op::Request, (NEAR, PEER), HOST));
    w.wait(ms);
    w.ping(PEER);
}

/// A second neighbour asks, where so many may be known.
fn two_ask(entries_max: usize) {
    let mut w = wire_with(|ethernet| ethernet.neighbors.entries_max = entries_max);
    w.arp(arp(Op::Request, (NEAR, PEER), HOST));
    w.wait(2_000);
    w.arp(arp(Op::Request, (mac(9), OTHER), HOST));
    assert_eq!(w.stack.neighbors().count(), entries_max);
}

fn by_hand(mac: Option<Mac>) {
    let mut w = wire();
    let set = w.stack.set_neighbor(w.now, IFACE, PEER.into(), mac);
    assert_eq!(set.is_ok(), mac.is_some());
    w.ping(PEER);
}

fn adds(cidr: &str) {
    let mut w = wire();
    let cidr: Cidr = cidr.parse().expect("an address");
    let added = w.stack.add_address(w.now, IFACE, cidr);
    assert_eq!(added.is_ok(), !cidr.addr().is_multicast());
    w.ping(PEER);
}

fn removes(addr: Ipv4Addr) {
    let mut w = wire();
    let removed = w.stack.remove_address(w.now, IFACE, addr.into());
    assert_eq!(removed.is_ok(), addr == HOST);
    if addr != HOST {
        w.ping(PEER);
    }
}

/// An address that is preferred for ten seconds and valid for twenty.
fn lives_for(ms: u64) {
    let mut w = wire();
    let cidr: Cidr = "10.0.0.77/16".parse().expect("an address");
    let [preferred, valid] = [10, 20].map(|s| Some(Duration::from_secs(s)));
    let new = NewAddress { preferred, valid, ..cidr.into() };
    w.stack.add_address(w.now, IFACE, new).expect("free");
    w.wait(ms);
}
