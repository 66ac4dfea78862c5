//! Who opens fast.

use super::cases;
use crate::fastopen::{cookie, fast, server};
use crate::support::puppet::{Puppet, S, WND, none};
use netglass::tcp::FastOpening;

cases! {
    "FastOpen::CookieAsked" => syn(server(|_| ()), Some(&[])); syn(server(|_| ()), None) => "Reply::EmbryoSynAck",
    "FastOpen::CookieAccepted" => brings(0); brings(1) => "FastOpen::CookieRefused",
    "FastOpen::CookieRefused" => brings(1); brings(0) => "FastOpen::CookieAccepted",
    "FastOpen::CookieOfOldKey" => after("5-6-7-8,1-2-3-4"); after("1-2-3-4,5-6-7-8") => "FastOpen::CookieAccepted",
    "FastOpen::NoCookieNeeded" => without(FastOpening::NoCookie);
        without(FastOpening::On) => "Reply::EmbryoSynAck",
    "FastOpen::FastOpenQueueFull" => allows(1); allows(2) => "FastOpen::CookieAccepted",
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
