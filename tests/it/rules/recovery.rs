//! What is sent again with SACK, what asks for an ACK, and what is taken back.

use super::cases;
use crate::recovery::{by_count, open, open_in, timed_out};
use crate::support::puppet::{A, Puppet};

cases! {
    "RtxRule::Rack" => arrived_behind(3, true); arrived_behind(2, true) => "CaState::Disorder",
    "RtxRule::SackThreshold" => arrived_behind(3, false);
        arrived_behind(2, false) => "CaState::Disorder",
    "RtxRule::LastResort" => little_is_held(10_000); little_is_held(20_000) => "Plan::NewData",
    "RtxRule::Rescue" => all_but_the_tail(9_001); all_but_the_tail(1_001) => "CaState::Recovery",
    "RtxRule::LossProbe" => silent_for(202, 10); silent_for(201, 10) => "Plan::NewData",
    "Plan::LossProbeData" => silent_for(202, 12); silent_for(202, 10) => "RtxRule::LossProbe",
    "Timer::tlp" => silent_for(202, 10); silent_for(201, 10) => "Plan::NewData",
    "Timer::reorder" => arrives_late(25); arrives_late(24) => "CaState::Disorder",
    "Spurious::Dsack" => received_twice(1001); received_twice(1000) => "CaState::Recovery",
    "Spurious::Frto" => after_new_data(2001, &[]); after_new_data(1001, &[(10_001, 11_001)])
        => "RtxRule::AfterRto",
    "Spurious::Eifel" => echoed(100); echoed(400) => "RtxRule::AfterRto",
}

fn ten(mut p: Puppet) -> Puppet {
    p.write(10_000);
    assert_eq!(p.take_all().len(), 10);
    p.advance(100);
    p.forget();
    p
}

/// The first of ten is missing, and so many behind it have arrived.
fn arrived_behind(n: i64, rack: bool) {
    let mut p = ten(open_in(100, |c| c.rack = rack));
    p.sack(1, &[(1001, 1001 + 1000 * n)]);
    assert_eq!(p.info().sacked, n as u64);
}

/// Of so many bytes the first segment is lost, and two more may be.
fn little_is_held(bytes: usize) {
    let mut p = by_count(bytes);
    for n in [1, 3, 5] {
        p.sack(1, &[(n * 1000 + 1, n * 1000 + 1001)]);
    }
    p.sack(4_001, &[(5_001, 7_001)]);
    assert_eq!(p.info().ca_state, 3);
}

/// The first of ten is lost; then so much is acknowledged.
fn all_but_the_tail(ack: i64) {
    let mut p = by_count(10_000);
    p.sack(1, &[(1001, 4001)]);
    p.ack(ack);
    assert_eq!(p.info().ca_state, 3);
}

/// So many segments written, and no ACK.
fn silent_for(ms: u64, segments: usize) {
    let mut p = open();
    p.write(segments * 1000);
    p.advance(ms);
    assert!(p.info().unacked >= 10);
}

/// Ten segments, of which the first arrives so much later than the second.
fn arrives_late(ms: u64) {
    let mut p = ten(open());
    p.sack(1, &[(1001, 2001)]);
    p.advance(ms);
    p.ack(2001);
    assert_eq!(p.info().unacked, 8);
}

/// One segment was sent again; the peer says it has received `1..right` twice.
fn received_twice(right: i64) {
    let mut p = ten(open());
    p.sack(1, &[(1001, 4001)]);
    p.expect(A, 1, 1, 1000);
    p.ack(4001);
    p.sack(4001, &[(1, right)]);
    assert_eq!(p.info().unacked, 6);
}

/// After a timeout two new segments went out; then comes this ACK.
fn after_new_data(ack: i64, blocks: &[(i64, i64)]) {
    let mut p = timed_out(|_| ());
    p.ack(1001);
    p.forget();
    p.sack(ack, blocks);
    assert!(p.info().unacked > 0);
}

/// After a timeout, the ACK echoes what our clock said so many milliseconds after the SYN.
fn echoed(ms: u32) {
    let (mut p, first) = crate::recovery::timed_out_with_timestamps();
    p.forget();
    crate::recovery::echo(&mut p, 1001, first + ms);
    assert_eq!(p.info().unacked, 9);
}
