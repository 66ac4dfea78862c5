//! Why states change: opening, closing, resets and the times after which patience ends.

use super::cases;
use crate::support::puppet::{A, FA, Puppet, R, RA, S, SA, SF, WND, ip_packet, mss, none};
use netglass::base::Duration;
use netglass::stack::ListenOptions;
use netglass::tcp::{Config, Keepalive, Lineage, State, SynCookies};
use netglass::wire::icmpv4::{Icmpv4, unreachable};
use netglass::wire::ipv4::protocol;
use netglass::wire::tcp::Ctl;

cases! {
    "Cause::PassiveOpen" => opens(true); opens(false) => "Cause::ActiveOpen",
    "Cause::ActiveOpen" => opens(false); opens(true) => "Cause::PassiveOpen",
    "Cause::RcvSyn" => at_a_listener(S); at_a_listener(SF) => "Why::SynFin",
    "Cause::RcvCookie" => brings_a_cookie(1); brings_a_cookie(2) => "Why::BadCookie",
    "Cause::RcvSynCrossed" => in_syn_sent(S, 0); in_syn_sent(SA, 1) => "Cause::RcvSynAck",
    "Cause::RcvSynAck" => in_syn_sent(SA, 1); in_syn_sent(SA, 2) => "Why::SynSentBadAck",
    "Cause::RcvAckOfSyn" => half_open(1); half_open(2) => "Why::SynReceivedBadAck",
    "Cause::Close" => closes_with_unread(0); closes_with_unread(1) => "Cause::CloseUnread",
    "Cause::CloseUnread" => closes_with_unread(1); closes_with_unread(0) => "Cause::Close",
    "Cause::StopListening" => ends(true); ends(false) => "Cause::Close",
    "Cause::RcvFin" => says(FA, 1); says(FA, 2) => "AckWhy::OutOfOrder",
    "Cause::RcvAckOfFin" => after_our_end(2, 0); after_our_end(1, 0) => "Accepted",
    "Cause::RcvRst" => says(R, 1); says(R, 2) => "Why::RstNotExact",
    "Cause::SynReset" => a_syn_on_an_open_connection(true);
        a_syn_on_an_open_connection(false) => "Why::SynInWindow",
    "Cause::Refused" => in_syn_sent(RA, 1); in_syn_sent(RA, 2) => "Why::SynSentBadAck",
    "Cause::Abort" => lets_go(Puppet::abort); lets_go(Puppet::close) => "Cause::Close",
    "Cause::DataAfterClose" => after_our_end(1, 1); after_our_end(1, 0) => "Accepted",
    "Cause::CloseUnopened" => closes_in(State::SynSent);
        closes_in(State::SynReceived) => "Cause::Close",
    "Cause::Timeout" => unanswered(|c| c.retries2 = 2, 1_400);
        unanswered(|c| c.retries2 = 2, 1_399) => "Accepted",
    "Cause::UserTimeout" => unanswered(five_seconds, 5_000);
        unanswered(five_seconds, 4_999) => "Accepted",
    "Cause::KeepaliveTimeout" => silence(16_000); silence(15_999) => "Accepted",
    "Cause::ProbeTimeout" => closed_window(3_000); closed_window(2_999) => "Plan::NewData",
    "Cause::IcmpUnreachable" => refused_by_a_router(unreachable::PORT);
        refused_by_a_router(unreachable::HOST) => "Icmp soft",
    "Cause::TimeWaitOver" => in_time_wait(60_000, FA, 1); in_time_wait(59_999, FA, 1) => "AckWhy::TimeWait",
    "Cause::TimeWaitReuse" => in_time_wait(1_000, S, 2); in_time_wait(1_000, S, 1) => "Why::OldDuplicate",
    "Cause::FinWait2Timeout" => orphaned(60_000); orphaned(59_999) => "Cause::RcvFin",
    "Cause::ListenerClosed" => listener_closes_after(0); listener_closes_after(1) => "Cause::StopListening",
    "Cause::QueueFull" => super::answers::handshakes_as_bsd(3);
        super::answers::handshakes_as_bsd(2) => "Cause::RcvAckOfSyn",
    "Cause::SynAckTimeout" => unanswered_syn_ack(63_000);
        unanswered_syn_ack(62_999) => "Cause::RcvAckOfSyn",

    "Timer::timewait" => in_time_wait(60_000, FA, 1); in_time_wait(59_999, FA, 1) => "AckWhy::TimeWait",
    "Timer::usertimeout" => unanswered(five_seconds, 5_000);
        unanswered(five_seconds, 4_999) => "Accepted",
}

fn open_with(change: impl FnOnce(&mut Config)) -> Puppet {
    let mut p = Puppet::with(change).open(mss(1000));
    p.forget();
    p
}

fn open() -> Puppet {
    open_with(|_| ())
}

fn opens(passively: bool) {
    let mut p = Puppet::new();
    if passively {
        p.listen(ListenOptions::default());
    } else {
        p.connect();
        p.expect(S, 0, 0, 0);
    }
}

fn at_a_listener(ctl: Ctl) {
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    p.inject(ctl, 0, 0, WND, mss(1000), b"");
}

/// A cookie is sent, and something is acknowledged.
fn brings_a_cookie(ack: i64) {
    let mut p = Puppet::new();
    let syn_cookies = SynCookies::Always;
    p.listen(ListenOptions { syn_cookies, ..ListenOptions::default() });
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(A, 1, ack, WND, none(), b"");
}

fn in_syn_sent(ctl: Ctl, ack: i64) {
    let mut p = Puppet::new().in_state(State::SynSent, false);
    p.inject(ctl, 0, ack, WND, mss(1000), b"");
}

fn waiting_for_the_third() -> Puppet {
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p
}

fn half_open(ack: i64) {
    let mut p = waiting_for_the_third();
    p.inject(A, 1, ack, WND, none(), b"");
}

fn closes_with_unread(len: usize) {
    let mut p = open();
    p.data(1, 1);
    p.read(1);
    p.data(2, len);
    p.close();
    assert!(!p.take_all().is_empty());
}

/// The listener is closed, or the connection it made.
fn ends(listener: bool) {
    let mut p = Puppet::new().open_passively(mss(1000));
    p.forget();
    if listener {
        p.stack.close_listener(p.now, p.listener.unwrap()).unwrap();
        p.pump();
    } else {
        p.close();
    }
}

fn says(ctl: Ctl, seq: i64) {
    let mut p = open();
    p.inject(ctl, seq, 1, WND, none(), b"");
}

/// As BSD does it, which can be told to believe it.
fn a_syn_on_an_open_connection(insecure: bool) {
    let mut p = open_with(|c| (c.lineage, c.insecure_syn) = (Lineage::Bsd, insecure));
    p.inject(S, 10, 0, WND, none(), b"");
}

/// The user has closed, and our FIN is out.
fn after_our_end(ack: i64, len: usize) {
    let mut p = Puppet::new().in_state(State::FinWait1, true);
    p.forget();
    p.inject(A, 1, ack, WND, none(), &vec![0; len]);
}

fn lets_go(how: fn(&mut Puppet)) {
    let mut p = open();
    how(&mut p);
    assert_eq!(p.take_all().len(), 1);
}

fn closes_in(state: State) {
    let mut p = Puppet::new().in_state(state, false);
    p.forget();
    p.close();
}

fn five_seconds(config: &mut Config) {
    config.user_timeout = Some(Duration::from_secs(5));
}

/// Data is out for so long before it is acknowledged.
fn unanswered(change: fn(&mut Config), ms: u64) {
    let mut p = open_with(change);
    p.write(10);
    p.advance(ms);
    p.ack(11);
}

fn silence(ms: u64) {
    let (idle, interval) = (Duration::from_secs(10), Duration::from_secs(2));
    let mut p = open_with(|c| c.keepalive = Some(Keepalive { idle, interval, probes: 3 }));
    p.advance(ms);
    p.ack(1);
    assert_eq!(p.take_all().len(), if ms < 16_000 { 3 } else { 5 });
}

/// A window is closed for so long before it opens.
fn closed_window(ms: u64) {
    let mut p = open_with(|c| c.retries2 = 3);
    p.window(1, 0);
    p.write(10);
    p.advance(ms);
    p.window(1, WND);
    assert_eq!(p.take_all().len(), 4);
}

fn refused_by_a_router(code: u8) {
    let mut p = Puppet::new();
    p.connect();
    let syn = p.expect(S, 0, 0, 0).packet;
    let message = Icmpv4::Unreachable { code, mtu: 0 };
    p.raw(&ip_packet(protocol::ICMP, &crate::ip::icmp_bytes(message, &syn[..28]), |_| ()));
}

/// What the peer says so long after the end.
fn in_time_wait(ms: u64, ctl: Ctl, seq: i64) {
    let mut p = Puppet::new().open_passively(mss(1000));
    p.close();
    p.expect(FA, 1, 1, 0);
    p.inject(FA, 1, 2, WND, none(), b"");
    p.expect(A, 2, 2, 0);
    p.forget();
    p.advance(ms);
    p.inject(ctl, seq, 2, WND, mss(1000), b"");
    assert_eq!(p.take_all().len(), 1);
}

/// The user has closed, our FIN is acknowledged, and the peer's comes so late.
fn orphaned(ms: u64) {
    let mut p = Puppet::new().in_state(State::FinWait2, true);
    p.advance(ms);
    p.inject(FA, 1, 2, WND, none(), b"");
}

/// A listener closes under a connection, of whose peer so many ACKs have come.
fn listener_closes_after(acks: usize) {
    let mut p = waiting_for_the_third();
    for _ in 0..acks {
        p.inject(A, 1, 1, WND, none(), b"");
        p.accept();
    }
    p.stack.close_listener(p.now, p.listener.unwrap()).unwrap();
    p.pump();
}

fn unanswered_syn_ack(ms: u64) {
    let mut p = waiting_for_the_third();
    p.advance(ms);
    p.inject(A, 1, 1, WND, none(), b"");
}
