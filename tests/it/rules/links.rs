//! What bad links do to packets.

use super::cases;
use crate::support::seen;
use netglass::base::{Chance, Frame, Instant, Pool};
use netglass::impair::{Impairments, Link};

cases! {
    "Fate::LinkLoss" => carries("loss 100%", 1); carries("loss 0%", 1) => "arrived",
    "Fate::LinkLimit" => carries("delay 1ms limit 2", 3); carries("delay 1ms limit 2", 2) => "arrived",
}

/// So many packets go at once over a link like this.
fn carries(words: &str, packets: u32) {
    let rules: Impairments = words.parse().expect("good words");
    let mut link = Link::new(rules.inbound, Chance::from_seed(1), 0, Pool::new());
    for _ in 0..packets {
        let frame = Frame::copied(&Pool::new(), &[0; 100]);
        if let Some((fate, _)) = link.input(Instant::ZERO, frame) {
            seen::say(format!("Fate::{}", fate.key()));
        }
    }
    while let Some(at) = link.deadline() {
        link.output(at).expect("a deadline is kept");
        seen::say("arrived");
    }
}
