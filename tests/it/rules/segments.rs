//! Why segments are sent, sent again and not sent: data, acknowledgments, retransmissions, probes,
//! and the timers behind them.

use super::cases;
use crate::support::puppet::{A, FA, Puppet, R, S, SA, WND, ip_packet, mss, none};
use netglass::base::limit::Millis;
use netglass::base::{Duration, Limit};
use netglass::tcp::{AckEvery, Keepalive, State};
use netglass::wire::icmpv4::{Icmpv4, unreachable};
use netglass::wire::ipv4::protocol;
use netglass::wire::tcp::Ctl;

cases! {
    "Plan::Syn" => opening(false); opening(true) => "Plan::SynAckCrossed",
    "Plan::SynAckCrossed" => in_syn_sent(S, 0); in_syn_sent(SA, 1) => "AckWhy::Handshake",
    "Plan::RetransmitSyn" => unanswered_syn(1_000); unanswered_syn(999) => "Cause::RcvSynAck",
    "Plan::NewData" => writing(1000, WND); writing(1000, 0) => "Blocked::rwnd",
    "Plan::LastData" => last_words(1_001); last_words(1_000) => "Plan::NewData",
    "Plan::Fin" => ending(0); ending(1) => "Plan::LastData",
    "Plan::Retransmit" => unanswered_data(200); unanswered_data(199) => "Plan::NewData",
    "Plan::Ack" => heard(false); heard(true) => "Plan::NewData",
    "Plan::WindowProbe" => small_window(0, 200); small_window(1, 200) => "Plan::SwsOverride",
    "Plan::SwsOverride" => small_window(100, 200); small_window(100, 199) => "Blocked::sws",
    "Plan::CorkOverride" => corked(true, 200); corked(true, 199) => "Blocked::cork",
    "Plan::Keepalive" => silence(10_000); silence(9_999) => "Plan::NewData",
    "Plan::Rst" => leaving(true); leaving(false) => "Plan::Fin",
    "Plan::FinLimit" => limited(true, false); limited(false, false) => "Plan::Fin",
    "Plan::RstLimit" => limited(true, true); limited(false, true) => "Plan::Rst",

    "AckWhy::Handshake" => in_syn_sent(SA, 1); in_syn_sent(SA, 2) => "Reply::RstSynSentAck",
    "AckWhy::EverySecond" => two_segments(1_000); two_segments(999) => "AckWhy::Delayed",
    "AckWhy::Delayed" => then_writes(40); then_writes(39) => "Plan::NewData",
    "AckWhy::OutOfOrder" => data_at(2); data_at(1) => "AckWhy::Delayed",
    "AckWhy::GapFilled" => behind_a_gap(1); behind_a_gap(21) => "AckWhy::OutOfOrder",
    "AckWhy::Unacceptable" => data_again(10); data_again(11) => "AckWhy::Delayed",
    "AckWhy::Probed" => bare_ack(0); bare_ack(1) => "Accepted",
    "AckWhy::Fin" => peer_says(FA, 1); peer_says(A, 1) => "Accepted",
    "AckWhy::Challenge" => peer_says(R, 2); peer_says(R, 1) => "Cause::RcvRst",
    "AckWhy::TimeWait" => after_the_end(FA); after_the_end(A) => "AckWhy::Probed",
    "AckWhy::QuickAck" => hears(1); hears(0) => "AckWhy::Delayed",
    "AckWhy::AfterRead" => reads_what_came(10); reads_what_came(9) => "AckWhy::Delayed",
    "AckWhy::WindowUpdate" => reads_from_a_full_buffer(1_000);
        reads_from_a_full_buffer(999) => "Blocked::app",

    "RtxRule::Rto" => unanswered_data(200); unanswered_data(199) => "Plan::NewData",
    "RtxRule::AfterRto" => after_a_timeout(1_001); after_a_timeout(4_001) => "Accepted",
    "RtxRule::FastRetransmit" => duplicates(3); duplicates(2) => "CaState::Disorder",
    "RtxRule::PartialAck" => in_recovery(2_001); in_recovery(10_001) => "CaState::Open",
    "RtxRule::PathMtu" => told_of_a_narrow_path(0); told_of_a_narrow_path(-1) => "Why::IcmpOutOfWindow",

    "RtxRule::BlackHole" => in_a_black_hole(true); in_a_black_hole(false) => "RtxRule::Rto",

    "Blocked::app" => writing(1_000, WND); writing(20_000, WND) => "Blocked::cwnd",
    "Blocked::cwnd" => writing(10_001, WND); writing(10_000, WND) => "Blocked::app",
    "Blocked::rwnd" => writing(2_000, 1_000); writing(2_000, 2_000) => "Blocked::app",
    "Blocked::nagle" => a_second_write(10); a_second_write(1_000) => "Blocked::app",
    "Blocked::cork" => corked(true, 0); corked(false, 0) => "Plan::NewData",
    "Blocked::sws" => writing(5_000, 999); writing(5_000, 1_000) => "Blocked::rwnd",
    "Blocked::handshake" => writes_in(State::SynSent);
        writes_in(State::Established) => "Plan::NewData",
    "Blocked::done" => shut_down_with_window(1); shut_down_with_window(0) => "Blocked::rwnd",

    "Timer::rto" => unanswered_data(200); unanswered_data(199) => "Plan::NewData",
    "Timer::persist" => small_window(0, 200); small_window(0, 199) => "Blocked::rwnd",
    "Timer::delack" => then_writes(40); then_writes(39) => "Plan::NewData",
    "Timer::keepalive" => silence(10_000); silence(9_999) => "Plan::NewData",
    "CaState::Disorder" => duplicates(1); duplicates(0) => "Accepted",
    "CaState::Recovery" => duplicates(3); duplicates(2) => "CaState::Disorder",
    "CaState::Loss" => unanswered_data(200); unanswered_data(199) => "Plan::NewData",
    "CaState::Open" => in_recovery(10_001); in_recovery(2_001) => "RtxRule::PartialAck",
}

/// A connection on which nothing has happened yet.
fn open() -> Puppet {
    open_with(|_| ())
}

fn open_with(change: impl FnOnce(&mut netglass::tcp::Config)) -> Puppet {
    let mut p = Puppet::with(change).open(mss(1000));
    p.forget();
    p
}

/// A small segment comes, and `len` bytes of it are read.
fn reads_what_came(len: usize) {
    let mut p = open_with(|c| (c.quickack, c.ack_every) = (0, AckEvery::MoreThanFull));
    p.data(1, 10);
    assert_eq!(p.read(len), len);
    p.advance(40);
}

/// connect(), and perhaps the peer's own SYN arrives before ours is out.
fn opening(crossed: bool) {
    let mut p = Puppet::new();
    let conn = p.stack.connect(p.now, p.remote, Some(p.local), None).unwrap();
    (p.conn, p.batch) = (Some(conn), true);
    if crossed {
        p.inject(S, 0, 0, WND, mss(1000), b"");
    }
    p.pump();
    p.expect(if crossed { SA } else { S }, 0, i64::from(crossed), 0);
}

/// What the peer answers to our SYN.
fn in_syn_sent(ctl: Ctl, ack: i64) {
    let mut p = Puppet::new().in_state(State::SynSent, false);
    p.forget();
    p.inject(ctl, 0, ack, WND, mss(1000), b"");
}

fn unanswered_syn(ms: u64) {
    let mut p = Puppet::new().in_state(State::SynSent, false);
    p.advance(ms);
    p.inject(SA, 0, 1, WND, mss(1000), b"");
    assert_eq!(p.state(), State::Established);
}

fn writing(len: usize, window: u16) {
    let mut p = open();
    p.window(1, window);
    p.forget();
    assert_eq!(p.write(len), len);
}

/// 1000 bytes and the end wait for a window.
fn last_words(window: u16) {
    let mut p = open();
    p.window(1, 0);
    p.write(1_000);
    p.shutdown();
    p.forget();
    p.window(1, window);
    assert_eq!(p.take_all()[0].len(), 1_000);
}

/// The end, with so much held back by Nagle's algorithm.
fn ending(held: usize) {
    let mut p = open();
    p.write(10);
    p.write(held);
    p.shutdown();
    assert_eq!(p.take_all().last().map(|got| got.len()), Some(held));
}

fn unanswered_data(ms: u64) {
    let mut p = open();
    p.write(10);
    p.advance(ms);
    p.ack(11);
    assert_eq!(p.info().unacked, 0);
}

/// A young connection gets its first data.
fn hears(quickack: u8) {
    let mut p = open_with(|config| config.quickack = quickack);
    p.data(1, 10);
    p.advance(40);
    p.expect(A, 1, 11, 0);
}

/// Ten bytes, perhaps behind a cork, after so long.
fn corked(cork: bool, ms: u64) {
    let mut p = open_with(|config| config.cork = cork);
    p.write(10);
    p.advance(ms);
    let sent = !cork || ms >= 200;
    assert_eq!(p.take_all().len(), usize::from(sent));
}

/// Data arrives; perhaps it is answered at once.
fn heard(answer: bool) {
    let mut p = open();
    p.data(1, 10);
    if answer {
        p.write(5);
    }
    p.advance(100);
    p.expect(A, 1, 11, if answer { 5 } else { 0 });
}

fn small_window(window: u16, ms: u64) {
    let mut p = open();
    p.window(1, window);
    p.write(5_000);
    p.advance(ms);
    assert_eq!(p.take_all().len(), usize::from(ms >= 200));
}

fn keepalive() -> Keepalive {
    let (idle, interval) = (Duration::from_secs(10), Duration::from_secs(2));
    Keepalive { idle, interval, probes: 3 }
}

/// Nothing happens for a while, and then the peer speaks.
fn silence(ms: u64) {
    let mut p = open_with(|c| c.keepalive = Some(keepalive()));
    p.advance(ms);
    p.data(1, 10);
    p.write(5);
    assert_eq!(p.take_all().last().map(|got| (got.ack, got.len())), Some((11, 5)));
}

fn leaving(abort: bool) {
    let mut p = open();
    if abort {
        p.abort()
    } else {
        p.close()
    }
    assert_eq!(p.take_all().len(), 1);
}

/// A service's connection ends, perhaps because of a limit.
fn limited(limit: bool, reset: bool) {
    let mut p = open();
    let (conn, why) = (p.conn.unwrap(), Limit::Idle { after: Millis(100) });
    match (limit, reset) {
        (true, true) => p.stack.abort_for(p.now, conn, why),
        (true, false) => p.stack.limited(p.now, conn, why),
        _ => {}
    }
    if reset {
        p.abort()
    } else {
        p.close()
    }
    assert_eq!(p.take_all().len(), 1);
}

/// A full segment, and another one of that size.
fn two_segments(second: usize) {
    let mut p = open();
    p.data(1, 1_000);
    p.data(1_001, second);
    p.advance(40);
    p.expect(A, 1, 1_001 + second as i64, 0);
}

fn then_writes(ms: u64) {
    let mut p = open();
    p.data(1, 10);
    p.advance(ms);
    p.write(5);
    assert_eq!(p.take_all().last().map(|got| (got.ack, got.len())), Some((11, 5)));
}

fn data_at(seq: i64) {
    let mut p = open();
    p.data(seq, 10);
    p.advance(40);
    p.expect(A, 1, if seq == 1 { 11 } else { 1 }, 0);
}

/// Bytes 11 to 20 are held, and ten more arrive.
fn behind_a_gap(seq: i64) {
    let mut p = open();
    p.data(11, 10);
    p.forget();
    p.data(seq, 10);
    assert_eq!(p.take_all().last().map(|got| got.ack), Some(if seq == 1 { 21 } else { 1 }));
}

/// Ten bytes that have been acknowledged, and so many from there on again.
fn data_again(len: usize) {
    let mut p = open();
    p.data(1, 10);
    p.advance(40);
    p.forget();
    p.data(1, len);
    p.advance(40);
    assert_eq!(p.info().bytes_received, len.max(10) as u64);
}

fn bare_ack(seq: i64) {
    let mut p = open();
    p.inject(A, seq, 1, WND, none(), b"");
    assert_eq!(p.state(), State::Established);
}

fn peer_says(ctl: Ctl, seq: i64) {
    let mut p = open();
    p.inject(ctl, seq, 1, WND, none(), b"");
}

/// In TIME-WAIT: what the peer says again of its end.
fn after_the_end(ctl: Ctl) {
    let mut p = Puppet::new().in_state(State::TimeWait, false);
    p.forget();
    p.inject(ctl, 1, 2, WND, none(), b"");
    p.expect(A, 2, 2, 0);
}

fn reads_from_a_full_buffer(len: usize) {
    let mut p = open_with(|c| c.recv_buffer = 4_000);
    for n in 0..4 {
        p.data(1 + n * 1_000, 1_000);
    }
    p.forget();
    assert_eq!(p.read(len), len);
}

/// Four segments, a timeout, and what is acknowledged then.
fn after_a_timeout(ack: i64) {
    let mut p = open();
    p.write(4_000);
    p.advance(200);
    p.forget();
    p.ack(ack);
    assert!(p.info().unacked < 4);
}

fn lossy() -> Puppet {
    let mut p = open();
    p.write(10_000);
    assert_eq!(p.take_all().len(), 10);
    p.forget();
    p
}

/// Ten segments, and so many duplicate ACKs before the one for all of them.
fn duplicates(n: usize) {
    let mut p = lossy();
    for _ in 0..n {
        p.ack(1);
    }
    p.ack(10_001);
    assert_eq!(p.info().unacked, 0);
}

fn in_recovery(ack: i64) {
    let mut p = lossy();
    for _ in 0..3 {
        p.ack(1);
    }
    p.forget();
    p.ack(ack);
    assert!(p.info().unacked < 10);
}

/// A router's message quotes what is in flight, or the byte before.
fn told_of_a_narrow_path(from: i32) {
    let mut p = Puppet::new().open(mss(1460));
    p.write(4_000);
    let sent = p.take_all()[0].packet.clone();
    p.forget();
    let mut quoted = sent[..28].to_vec();
    quoted[24..28].copy_from_slice(&(p.iss + (1 + from) as u32).0.to_be_bytes());
    let message = Icmpv4::Unreachable { code: unreachable::FRAGMENTATION_NEEDED, mtu: 600 };
    p.raw(&ip_packet(protocol::ICMP, &crate::ip::icmp_bytes(message, &quoted), |_| ()));
    assert_eq!(p.info().pmtu, if from == 0 { 600 } else { 1_500 });
}

/// Nothing arrives, three times; perhaps smaller segments are tried.
fn in_a_black_hole(mtu_probing: bool) {
    let change = |c: &mut netglass::tcp::Config| c.mtu_probing = mtu_probing;
    let mut p = Puppet::with(change).open(mss(1460));
    p.write(1_460);
    p.advance(1_400);
    p.forget();
    p.advance(1_600);
}

fn a_second_write(len: usize) {
    let mut p = open();
    p.write(10);
    p.forget();
    assert_eq!(p.write(len), len);
}

fn writes_in(state: State) {
    let mut p = Puppet::new().in_state(state, false);
    p.forget();
    assert_eq!(p.write(10), 10);
}

fn shut_down_with_window(window: u16) {
    let mut p = open();
    p.window(1, window);
    p.forget();
    p.shutdown();
    assert_eq!(p.state(), State::FinWait1);
}
