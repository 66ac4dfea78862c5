//! What links do to packets: luck, queues and what scripts say.

use super::cases;
use crate::ip::udp_bytes;
use crate::support::puppet::ip_packet;
use crate::support::seen;
use netglass::base::{Chance, Duration, EventId, Frame, Instant, Pool};
use netglass::impair::{Impairments, Link, What};
use netglass::wire::ipv4::protocol;

cases! {
    "Fate::LinkLoss" => carries("loss 100%", 1, 0); carries("loss 0%", 1, 0) => "arrived",
    "Fate::LinkBurst" => carries("loss gemodel 100% 0%", 2, 0);
        carries("loss gemodel 0% 0%", 2, 0) => "arrived",
    "Fate::LinkLimit" => carries("delay 1ms limit 2", 3, 0);
        carries("delay 1ms limit 2", 2, 0) => "What::Travels",
    "Fate::LinkQueueFull" => carries("rate 8mbit queue 2", 4, 0);
        carries("rate 8mbit queue 2", 3, 0) => "What::Queued",
    "Fate::LinkCodel" => carries("rate 8mbit codel", 300, 500);
        carries("rate 8mbit codel", 300, 1_000) => "What::Started",
    "Fate::LinkFault" => carries("drop udp#2", 2, 0); carries("drop udp#2", 1, 0) => "arrived",
    "Fate::LinkPartition" => carries("partition from 1ms to 2ms", 2, 1_000);
        carries("partition from 1ms to 2ms", 2, 2_000) => "arrived",
    "Fate::LinkDoomed" => dooms(7); dooms(8) => "arrived",

    "What::Gone" => carries("loss 100%", 1, 0); carries("loss 0%", 1, 0) => "What::Travels",
    "What::Duplicated" => carries("duplicate 100%", 1, 0);
        carries("duplicate 0%", 1, 0) => "What::Travels",
    "What::Corrupted" => carries("corrupt 100%", 1, 0);
        carries("corrupt 0%", 1, 0) => "What::Travels",
    "What::Delayed" => carries("delay udp#2 by 5ms", 2, 0);
        carries("delay udp#2 by 5ms", 1, 0) => "What::Travels",
    "What::Reordered" => carries("delay 1ms reorder 100% gap 2", 2, 0);
        carries("delay 1ms reorder 100% gap 2", 1, 0) => "What::Travels",
    "What::MarkedByQueue" => carries("rate 8mbit queue 10 ecn 2", 4, 0);
        carries("rate 8mbit queue 10 ecn 2", 3, 0) => "What::Queued",
    "What::MarkedByCodel" => carries("rate 8mbit codel ecn", 300, 500);
        carries("rate 8mbit codel ecn", 300, 1_000) => "What::Started",
    "What::Queued" => carries("rate 8mbit queue 10", 2, 0);
        carries("rate 8mbit queue 10", 1, 0) => "What::Started",
    "What::Started" => carries("rate 8mbit queue 10", 1, 0);
        carries("rate 8mbit", 1, 0) => "What::Travels",
    "What::Travels" => carries("rate 8mbit", 1, 0);
        carries("rate 8mbit queue 10", 1, 0) => "What::Started",
}

fn link(words: &str) -> Link {
    let rules: Impairments = words.parse().expect("good words");
    let mut link = Link::new(rules.inbound, Chance::from_seed(1), 0, Pool::new());
    link.listen(true);
    link
}

/// A datagram of 1000 bytes, whose transmission takes a millisecond at 8 Mbit/s, and whose ends
/// know of ECN.
fn packet() -> Frame {
    let bytes = ip_packet(protocol::UDP, &udp_bytes(7_000, 9, &[7; 972]), |ip| ip.tos = 2);
    Frame::copied(&Pool::new(), &bytes)
}

/// Tells what the link did up to a moment.
fn tell(link: &mut Link, until: Instant) {
    while let Some(at) = link.deadline().filter(|at| *at <= until) {
        if link.output(at).is_some() {
            seen::say("arrived");
        }
    }
    for act in link.drain_acts() {
        if let What::Gone { fate } = &act.what {
            seen::say(format!("Fate::{}", fate.key()));
        }
        seen::say(format!("What::{}", act.what.key()));
    }
}

/// So many packets go, so many microseconds apart, over a link like this.
fn carries(words: &str, packets: u64, micros: u64) {
    let mut link = link(words);
    for n in 0..packets {
        let now = Instant::ZERO + Duration::from_micros(n * micros);
        tell(&mut link, now);
        link.input(now, packet());
    }
    tell(&mut link, Instant::MAX);
    assert!(link.is_empty());
}

/// What if the packet that event 7 sent had been lost?
fn dooms(origin: u64) {
    let mut link = link("delay 1ms");
    link.doom(EventId(7));
    link.input(Instant::ZERO, Frame { origin: EventId(origin), ..packet() });
    tell(&mut link, Instant::MAX);
}
