//! Neighbour discovery of IPv6: messages that are refused, questions, answers, and what routers
//! are believed.

use super::cases;
use crate::nd::{
    NEAR, ROUTER_MAC, Wire, advert, autoconf, host, nd_bytes, packet, peer, prefix, ra, router,
    setup, solicit, v6,
};
use netglass::base::{Head, Mac};
use netglass::wire::ip::Header;
use netglass::wire::ipv4::protocol;
use netglass::wire::nd::{ALL_NODES, Nd, solicited_node};
use std::net::Ipv6Addr;

cases! {
    "Why::NdHopLimit" => asks_with_hops(254); asks_with_hops(255) => "Sent::NeighborAdvert",
    "Why::NdFragment" => asks_in_a_fragment(true);
        asks_in_a_fragment(false) => "Sent::NeighborAdvert",
    "Why::NdFormat" => asks_with_option(0); asks_with_option(1) => "Sent::NeighborAdvert",
    "Why::NdAddress" => asks_for("ff02::9"); asks_for("fd00::1") => "Sent::NeighborAdvert",
    "Why::NdNotForUs" => asks_for("fd00::2"); asks_for("fd00::1") => "Sent::NeighborAdvert",
    "Why::NdNoRouter" => asks(Nd::RouterSolicit { mac: None });
        asks(solicit(host(), None)) => "Sent::NeighborAdvert",
    "Why::RaIgnored" => hears_a_router(false); hears_a_router(true) => "link::Cause::Elected",
    "Why::RaLimit" => prefixes(17); prefixes(16) => "link::Cause::OnLink",
    "Why::RedirectRefused" => redirected_by("fe80::77");
        redirected_by("fe80::fe") => "link::Cause::Redirected",

    "Sent::NeighborSolicit" => pings(false); pings(true) => "Sent::EchoRequest",
    "Sent::NeighborPoll" => used_for(5_000); used_for(4_999) => "link::Cause::Used",
    "Sent::NeighborAdvert" => asks_for("fd00::1"); asks_for("fd00::2") => "Why::NdNotForUs",
    "Sent::NeighborProbe" => begins(1, false); begins(0, false) => "Sent::NeighborAnnouncement",
    "Sent::NeighborAnnouncement" => begins(1, false); begins(1, true) => "link::Cause::Conflict",
    "Sent::RouterSolicit" => makes_addresses(true); makes_addresses(false) => "Sent::NeighborProbe",

    "link::Cause::Contradicted" => somebody_answers(ROUTER_MAC); somebody_answers(NEAR) => "In",
    "link::Cause::Elected" => first_words(1, 0xc0); first_words(0, 0xc0) => "link::Cause::OnLink",
    "link::Cause::Resigned" => then_says(0); then_says(1) => "link::Cause::OnLink",
    "link::Cause::OnLink" => first_words(1, 0xc0); first_words(1, 0x40) => "link::Cause::Elected",
    "link::Cause::Redirected" => redirected_by("fe80::fe");
        redirected_by("fe80::77") => "Why::RedirectRefused",
}

fn wire() -> Wire {
    let mut w = Wire::quiet(setup(|_| ()));
    w.forget();
    w
}

fn acquainted() -> Wire {
    let mut w = wire();
    w.ping(peer());
    w.answer();
    w.forget();
    w
}

/// The peer asks for us, with this many hops to go.
fn asks_with_hops(hops: u8) {
    let to = solicited_node(host());
    let bytes = nd_bytes(peer(), to, solicit(host(), Some(NEAR)), &[]);
    wire().ip(NEAR, &packet(peer(), to, hops, &bytes));
}

fn asks_in_a_fragment(fragment: bool) {
    let to = solicited_node(host());
    let bytes = nd_bytes(peer(), to, solicit(host(), Some(NEAR)), &[]);
    let whole = [&[protocol::ICMPV6, 0, 0, 0, 0, 0, 0, 9][..], &bytes].concat();
    let header = Header::new(peer().into(), to.into(), netglass::wire::ipv6::FRAGMENT);
    let mut head = Head::new();
    Header { ttl: 255, ..header }.emit(&mut head, whole.len());
    let cut = [&head[..], &whole].concat();
    let plain = packet(peer(), to, 255, &bytes);
    wire().ip(NEAR, if fragment { &cut } else { &plain });
}

/// The peer's own address as an option that says how long it is, in eights.
fn asks_with_option(len: u8) {
    let to = solicited_node(host());
    let [a, b, c, d, e, f] = NEAR.0;
    let option = [1, len, a, b, c, d, e, f];
    let bytes = nd_bytes(peer(), to, solicit(host(), None), &option);
    wire().ip(NEAR, &packet(peer(), to, 255, &bytes));
}

fn asks(nd: Nd) {
    wire().nd(NEAR, peer(), host(), nd);
}

fn asks_for(target: &str) {
    wire().nd(NEAR, router(), host(), solicit(v6(target), None));
}

/// A router's advertisement reaches a host that may heed it, or not.
fn hears_a_router(heeds: bool) {
    let mut w = Wire::quiet(setup(|ethernet| ethernet.autoconf = heeds));
    w.nd(ROUTER_MAC, router(), ALL_NODES, ra(1_800));
}

/// A router names so many networks.
fn prefixes(n: u16) {
    let mut w = Wire::quiet(autoconf());
    for n in 0..n {
        let net = Ipv6Addr::new(0x2001, 0xdb8, n, 0, 0, 0, 0, 0);
        w.ra(1_800, &prefix(net, 600, 3_600));
    }
}

/// Somebody says that another router is better.
fn redirected_by(from: &str) {
    let mut w = Wire::quiet(autoconf());
    w.ra(9_000, &prefix(v6("2001:db8::"), 90_000, 90_000));
    w.wait(3_000);
    let (far, own) = (v6("2001:db8:9::1"), v6("2001:db8::ff:fe00:1"));
    w.ping(far);
    w.forget();
    let redirect = Nd::Redirect { target: v6("fe80::fd"), dst: far, mac: Some(NEAR) };
    w.nd(ROUTER_MAC, v6(from), own, redirect);
}

fn pings(known: bool) {
    let mut w = if known { acquainted() } else { wire() };
    assert_eq!(w.ping(peer()).len(), 1);
}

fn used_for(ms: u64) {
    let mut w = acquainted();
    w.wait(46_000);
    w.ping(peer());
    w.wait(ms);
    w.answer();
}

/// The host comes up and asks so often whether its address is free, and perhaps it is not.
fn begins(dad_transmits: u8, taken: bool) {
    let mut w = Wire::new(setup(|ethernet| ethernet.dad_transmits = dad_transmits as _));
    w.wait(1_000);
    if taken {
        w.nd(NEAR, host(), ALL_NODES, advert(host(), false, NEAR));
    }
    w.wait(5_000);
}

fn makes_addresses(autoconf: bool) {
    let mut w = Wire::new(setup(|ethernet| ethernet.autoconf = autoconf));
    w.wait(5_000);
}

/// Somebody at this place answers for the peer, without claiming to know better.
fn somebody_answers(mac: Mac) {
    let mut w = acquainted();
    let (router, solicited, overrides, mac) = (false, true, false, Some(mac));
    let weak = Nd::NeighborAdvert { target: peer(), router, solicited, overrides, mac };
    w.nd(NEAR, peer(), host(), weak);
}

/// A router says for how long it is one, and what a network is good for.
fn first_words(lifetime: u16, flags: u8) {
    let mut w = Wire::quiet(autoconf());
    w.forget();
    let mut option = prefix(v6("2001:db8::"), 600, 3_600);
    option[3] = flags;
    w.ra(lifetime, &option);
}

/// A router that was one says for how long it will be.
fn then_says(lifetime: u16) {
    let mut w = Wire::quiet(autoconf());
    w.ra(1_800, &[]);
    w.forget();
    w.ra(lifetime, &prefix(v6("2001:db8::"), 600, 3_600));
}
