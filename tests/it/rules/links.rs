//! What links do to packets, and why.

use super::cases;
use crate::support::seen;
use netglass::base::{Chance, EventId, Frame, Instant, Pool};
use netglass::impair::{Impairments, Link, What};

cases! {
    "Fate::LinkLoss" => carries("loss 100%", 1); carries("loss 0%", 1) => "Act::Travels",
    "Fate::LinkBurst" => carries("loss gemodel 100% 0%", 2); carries("loss gemodel 100% 0%", 1) => "Act::Travels",
    "Fate::LinkLimit" => carries("delay 1ms limit 2", 3); carries("delay 1ms limit 2", 2) => "Act::Travels",
    "Fate::LinkQueueFull" => carries("rate 1mbit queue 2", 4); carries("rate 1mbit queue 2", 3) => "Act::Queued",
    "Fate::LinkCodel" => carries("rate 100kbit codel", 60); carries("rate 100kbit codel", 3) => "Act::Queued",
    "Fate::LinkFault" => carries("drop any#2", 2); carries("drop any#3", 2) => "Act::Travels",
    "Fate::LinkPartition" => carries("partition from 0s to 1ns", 1); carries("partition from 1ns to 1s", 1) => "Act::Travels",
    "Fate::LinkMtu" => fits("delay 1ms", 99); fits("delay 1ms", 100) => "Act::Travels",
    "Fate::LinkDoomed" => edited("delay 1ms", Link::doom, 1); edited("delay 1ms", Link::doom, 2) => "Act::Travels",
    "Act::Gone" => carries("loss 100%", 1); edited("loss 100%", Link::spare, 1) => "Act::Travels",
    "Act::Duplicated" => carries("duplicate any#2", 2); carries("duplicate any#2", 1) => "Act::Travels",
    "Act::Corrupted" => carries("corrupt any#2", 2); carries("corrupt any#2", 1) => "Act::Travels",
    "Act::Delayed" => carries("delay any#2 by 1ms", 2); carries("delay 1ms", 2) => "Act::Travels",
    "Act::Reordered" => carries("delay 1ms reorder 100% gap 2", 2); carries("delay 1ms reorder 100% gap 3", 2) => "Act::Travels",
    "Act::MarkedByQueue" => carries("rate 1mbit queue 9 ecn 1", 3); carries("rate 1mbit queue 9 ecn 2", 3) => "Act::Queued",
    "Act::MarkedByCodel" => carries("rate 100kbit codel ecn", 60); carries("rate 100kbit codel", 60) => "Fate::LinkCodel",
    "Act::Queued" => carries("rate 1mbit queue", 2); carries("rate 1mbit queue", 1) => "Act::Started",
    "Act::Started" => carries("rate 1mbit queue", 1); carries("rate 1mbit", 1) => "Act::Travels",
    "Act::Travels" => carries("rate 1mbit", 1); carries("rate 1mbit queue", 1) => "Act::Started",
}

/// So many packets go at once over a link like this.
fn carries(words: &str, packets: u64) {
    sends(words, packets, |_| {});
}

/// A packet of 100 bytes goes over a link like this with that MTU.
fn fits(words: &str, mtu: u16) {
    sends(words, 1, |link| link.set_mtu(mtu));
}

/// The packet of event 1 goes over a link like this, after an edit for the packets of `origin`.
fn edited(words: &str, edit: fn(&mut Link, EventId), origin: u64) {
    sends(words, 1, |link| edit(link, EventId(origin)));
}

fn sends(words: &str, packets: u64, edit: impl Fn(&mut Link)) {
    let rules: Impairments = words.parse().expect("good words");
    let mut link = Link::new(rules.inbound, Chance::from_seed(1), 0, Pool::new());
    link.listen(true);
    edit(&mut link);
    for number in 1..=packets {
        // The first bytes of an IPv4 header that knows ECN.
        let mut bytes = [0; 100];
        bytes[..2].copy_from_slice(&[0x45, 2]);
        let frame = Frame { origin: EventId(number), ..Frame::copied(&Pool::new(), &bytes) };
        link.input(Instant::ZERO, frame);
    }
    while let Some(at) = link.deadline() {
        link.output(at);
    }
    for act in link.drain_acts() {
        seen::say(format!("Act::{}", act.what.key()));
        if let What::Gone { fate } = act.what {
            seen::say(format!("Fate::{}", fate.key()));
        }
    }
}
