//! Who opens fast.

use super::cases;
use crate::fastopen::{cookie, fast, server};
use crate::fastopen_client::{ask, bold, send};
use crate::support::puppet::{Puppet, S, SA, WND, mss, none};
use netglass::tcp::FastOpening;
use netglass::wire::tcp::Options;
use std::time::Duration;

cases! {
    "FastOpen::CookieAsked" => syn(server(|_| ()), Some(&[])); syn(server(|_| ()), None) => "Reply::EmbryoSynAck",
    "FastOpen::CookieAccepted" => brings(0); brings(1) => "FastOpen::CookieRefused",
    "FastOpen::CookieRefused" => brings(1); brings(0) => "FastOpen::CookieAccepted",
    "FastOpen::CookieOfOldKey" => after("5-6-7-8,1-2-3-4"); after("1-2-3-4,5-6-7-8") => "FastOpen::CookieAccepted",
    "FastOpen::NoCookieNeeded" => without(FastOpening::NoCookie);
        without(FastOpening::On) => "Reply::EmbryoSynAck",
    "FastOpen::FastOpenQueueFull" => allows(1); allows(2) => "FastOpen::CookieAccepted",
    "FastOpen::SynDataTaken" => acknowledged(101, 0); acknowledged(1, 0) => "FastOpen::SynDataNotTaken",
    "FastOpen::SynDataNotTaken" => acknowledged(1, 0); acknowledged(101, 0) => "FastOpen::SynDataTaken",
    "FastOpen::SynDataLost" => acknowledged(1, 1_000);
        acknowledged(1, 999) => "FastOpen::SynDataNotTaken",
    "RtxRule::SynDataAgain" => acknowledged(1, 0); acknowledged(101, 0) => "FastOpen::SynDataTaken",
    "Plan::SynData" => first(FastOpening::NoCookie); first(FastOpening::On) => "Plan::SynAsksForCookie",
    "Plan::SynAsksForCookie" => first(FastOpening::On); first(FastOpening::NoCookie) => "Plan::SynData",
    "FastOpen::CookieLearned" => asked(fast(&[1; 8])); asked(mss(1000)) => "FastOpen::CookieNotGiven",
    "FastOpen::CookieNotGiven" => asked(mss(1000)); asked(fast(&[1; 8])) => "FastOpen::CookieLearned",
    "FastOpen::FastOpenSwallowed" => silent(7_000); silent(2_000) => "Timer::rto",
    "Plan::SynAckFast" => brings(0); brings(1) => "Reply::EmbryoSynAck",
}

fn syn(mut p: Puppet, cookie: Option<&[u8]>) {
    p.inject(S, 0, 0, WND, cookie.map_or_else(none, fast), b"request");
    assert_eq!(p.take_all().len(), 1);
}

/// A SYN with the cookie that was given, changed by this.
fn brings(change: u8) {
    let mut p = server(|_| ());
    let mut cookie = cookie(&mut p);
    cookie[7] ^= change;
    syn(p, Some(&cookie));
}

/// A SYN with the cookie of one key, after keys have become these.
fn after(keys: &str) {
    let mut p = server(|config| config.fastopen_key = "1-2-3-4".parse().ok());
    let cookie = cookie(&mut p);
    syn(server(|config| config.fastopen_key = keys.parse().ok()), Some(&cookie));
}

fn without(who: FastOpening) {
    syn(server(|config| config.fastopen_server = who), None);
}

/// Two SYNs with a cookie at a listener that allows so many.
fn allows(queue: u32) {
    let mut p = server(|config| config.fastopen_queue = Some(queue));
    let cookie = cookie(&mut p);
    p.inject(S, 0, 0, WND, fast(&cookie), b"request");
    p.remote.set_port(9);
    p.inject(S, 0, 0, WND, fast(&cookie), b"request");
    assert_eq!(p.take_all().len(), 2);
}

/// So much of a SYN with 100 bytes is acknowledged, after this time.
fn acknowledged(len: i64, after: u64) {
    let mut p = bold(|_| ());
    send(&mut p, 100);
    p.advance(after);
    p.inject(SA, 0, len, WND, mss(1000), b"");
    assert!(p.take_all().len() >= 2);
}

/// The first SYN to a server.
fn first(who: FastOpening) {
    let mut p = Puppet::with(|config| config.fastopen_client = who);
    send(&mut p, 100);
    assert_eq!(p.take_all().len(), 1);
}

/// A cookie is asked for, and this comes.
fn asked(answer: Options) {
    ask(&mut Puppet::new(), answer);
}

fn silent(ms: u64) {
    let mut p = bold(|config| config.fastopen_blackhole = Duration::from_secs(1));
    send(&mut p, 100);
    p.advance(ms);
}
