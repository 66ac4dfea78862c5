//! What marks of congestion and the pace decide.

use super::cases;
use crate::congestion::{marked, open, paced, rounds, rounds_with, train};
use crate::support::puppet::{A, Puppet, WND, none};
use netglass::tcp::cc::{Algorithm, HyStart};
use netglass::wire::tcp::Ctl;

cases! {
    "AckWhy::Marked" => comes(3, false); comes(2, false) => "AckWhy::EverySecond",
    "AckWhy::MarkTurned" => comes(3, true); comes(2, true) => "AckWhy::EverySecond",
    "Blocked::pacing" => goes(paced(true), 5); goes(paced(false), 5) => "Blocked::app",
    "Timer::pacing" => goes(paced(true), 10); goes(paced(true), 9) => "Blocked::pacing",
    "SlowStart::Conservative" => grown(&[113]); grown(&[112]) => "Accepted",
    "SlowStart::Resumed" => grown(&[113, 100]); grown(&[113, 113]) => "SlowStart::Conservative",
    "SlowStart::SlowStartOver" => grown(&[113; 6]);
        grown(&[113; 3]) => "SlowStart::Conservative",
    "SlowStart::DelayIncrease" => drop(rounds_with(HyStart::Both, &[113]));
        drop(rounds_with(HyStart::Both, &[112])) => "Accepted",
    "SlowStart::AckTrain" => drop(train(HyStart::Both, 2_000));
        drop(train(HyStart::Both, 2_001)) => "Accepted",
    "CaState::Cwr" => echoes(Ctl::ECE); echoes(Ctl::NONE) => "Accepted",
}

/// Two segments, the second with this ECN field.
fn comes(ecn: u8, exact: bool) {
    let mut p = open(|config| {
        if exact {
            config.congestion = Algorithm::DCTCP;
        }
    });
    p.forget();
    marked(&mut p, 2, A, 1, 1000);
    marked(&mut p, ecn, A, 1001, 1000);
    assert!(!p.take_all().is_empty());
}

/// Rounds of slow start with these round trips.
fn grown(rtts: &[u64]) {
    assert!(rounds(rtts).info().snd_cwnd > 20);
}

fn goes(mut p: Puppet, ms: u64) {
    p.advance(ms);
    assert!(p.take_all().len() >= 2);
}

/// Ten segments are out, and the first is acknowledged with these bits.
fn echoes(bits: Ctl) {
    let mut p = open(|_| ());
    p.write(10_000);
    p.forget();
    p.inject(A.with(bits), 1, 1001, WND, none(), b"");
    assert_eq!(p.info().unacked, 9);
}
