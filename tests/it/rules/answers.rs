//! What is answered without a connection, and what is dropped before there is one: closed ports,
//! listeners, half-open connections, cookies and bounds.

use super::cases;
use crate::support::puppet::{
    A, HOST, NONE, PEER, Puppet, R, RA, S, SA, SF, WND, host_setup, ip_packet, mss, none, tcp_bytes,
};
use netglass::stack::ListenOptions;
use netglass::tcp::{Lineage, State, SynCookies};
use netglass::wire::ipv4::protocol;
use netglass::wire::tcp::Ctl;
use std::net::Ipv4Addr;

cases! {
    "Reply::RstClosed" => at_a_closed_port(S); at_a_closed_port(R) => "Why::ClosedRst",
    "Reply::RstListenAck" => at_a_listener(A); at_a_listener(RA) => "Why::ListenRst",
    "Reply::RstHalfOpenAck" => half_open(A, 1, 2); half_open(A, 1, 1) => "Cause::RcvAckOfSyn",
    "Reply::RstHalfOpenSyn" => half_open_as_linux(S, 100);
        half_open_as_linux(S, 0) => "Reply::EmbryoSynAckAgain",
    "Reply::RstSynSentAck" => in_syn_sent(SA, 2); in_syn_sent(SA, 1) => "Cause::RcvSynAck",
    "Reply::EmbryoSynAck" => at_a_listener(S); at_a_listener(SF) => "Why::SynFin",
    "Reply::EmbryoSynAckAgain" => half_open_for(1_000);
        half_open_for(999) => "Cause::RcvAckOfSyn",
    "Reply::SynCookie" => syns(3, SynCookies::WhenFull); syns(2, SynCookies::WhenFull) => "Reply::EmbryoSynAck",
    "Reply::EmbryoAck" => half_open(A, 100_000, 1); half_open(A, 1, 1) => "Cause::RcvAckOfSyn",
    "Reply::EmbryoChallenge" => half_open(R, 2, 0); half_open(R, 1, 0) => "Cause::RcvRst",
    "Reply::RstListenerClosed" => listener_closes(false);
        listener_closes(true) => "Cause::StopListening",

    "Why::TcpHeaderLength" => syn(|bytes| bytes[12] = 0x40); syn(|_| ()) => "Reply::EmbryoSynAck",
    "Why::TcpChecksum" => syn(|bytes| bytes[4] ^= 1); syn(|_| ()) => "Reply::EmbryoSynAck",
    "Why::TcpPortZero" => syn_from_port(0); syn_from_port(1) => "Reply::EmbryoSynAck",
    "Why::TcpBroadcast" => syn_to(Ipv4Addr::new(10, 0, 0, 255)); syn_to(HOST) => "Reply::EmbryoSynAck",
    "Why::ClosedRst" => at_a_closed_port(R); at_a_closed_port(A) => "Reply::RstClosed",
    "Why::ClosedPort" => syn_to_port(81); syn_to_port(80) => "Reply::EmbryoSynAck",
    "Why::ListenRst" => at_a_listener(R); at_a_listener(S) => "Reply::EmbryoSynAck",
    "Why::ListenAck" => at_a_listener(SA); at_a_listener(S) => "Reply::EmbryoSynAck",
    "Why::ListenNotSyn" => at_a_listener(NONE); at_a_listener(S) => "Reply::EmbryoSynAck",
    "Why::SynFin" => at_a_listener(SF); at_a_listener(S) => "Reply::EmbryoSynAck",
    "Why::BacklogFull" => syns(3, SynCookies::Never); syns(2, SynCookies::Never) => "Reply::EmbryoSynAck",
    "Why::BadCookie" => brings_a_cookie(0); brings_a_cookie(1) => "Cause::RcvCookie",
    "Why::DeferAccept" => deferring(b""); deferring(b"x") => "Cause::RcvAckOfSyn",
    "Reply::RstQueueFull" => handshakes_as_bsd(3); handshakes_as_bsd(2) => "Cause::RcvAckOfSyn",
    "Why::AcceptQueueFull" => handshakes(2); handshakes(1) => "Cause::RcvAckOfSyn",
    "Why::TooManyConnections" => with_room_for(1); with_room_for(2) => "Cause::RcvAckOfSyn",
    "Why::EmbryoUnusable" => half_open(NONE, 1, 1); half_open(A, 1, 1) => "Cause::RcvAckOfSyn",
    "Why::SynSentBadAck" => in_syn_sent(A, 2); in_syn_sent(SA, 1) => "Cause::RcvSynAck",
    "Why::SynSentBadRst" => in_syn_sent(R, 1); in_syn_sent(RA, 1) => "Cause::Refused",
    "Why::SynSentNoSyn" => in_syn_sent(A, 1); in_syn_sent(SA, 1) => "Cause::RcvSynAck",
    "Why::SynReceivedBadAck" => half_open(A, 1, 0); half_open(A, 1, 1) => "Cause::RcvAckOfSyn",

    "Limit::Backlog" => syns(3, SynCookies::WhenFull); syns(2, SynCookies::WhenFull) => "Reply::EmbryoSynAck",
}

fn at_a_closed_port(ctl: Ctl) {
    let mut p = Puppet::new();
    p.inject(ctl, 0, 0, WND, none(), b"");
    assert_eq!(p.take_all().len(), usize::from(!ctl.rst()));
}

fn listening(options: ListenOptions) -> Puppet {
    let mut p = Puppet::new();
    p.listen(options);
    p
}

fn at_a_listener(ctl: Ctl) {
    let mut p = listening(ListenOptions::default());
    p.inject(ctl, 0, 5_000, WND, mss(1000), b"");
}

/// A SYN for a listener, changed on its way.
fn syn(change: fn(&mut Vec<u8>)) {
    let mut p = listening(ListenOptions::default());
    let mut bytes = tcp_bytes(PEER.into(), HOST.into(), &p.header(S, 0, 0, WND, none()), b"");
    change(&mut bytes);
    p.raw(&ip_packet(protocol::TCP, &bytes, |_| ()));
}

fn syn_to(dst: Ipv4Addr) {
    let mut p = listening(ListenOptions::default());
    let bytes = tcp_bytes(PEER.into(), dst.into(), &p.header(S, 0, 0, WND, none()), b"");
    p.raw(&ip_packet(protocol::TCP, &bytes, |ip| ip.dst = dst));
}

fn syn_from_port(port: u16) {
    let mut p = listening(ListenOptions::default());
    p.remote.set_port(port);
    p.inject(S, 0, 0, WND, mss(1000), b"");
}

fn syn_to_port(port: u16) {
    let mut p = listening(ListenOptions::default());
    p.local.set_port(port);
    p.inject(S, 0, 0, WND, mss(1000), b"");
    assert_eq!(p.take_all().len(), 1);
}

/// A connection that waits for the acknowledgment of its SYN hears this.
fn half_open(ctl: Ctl, seq: i64, ack: i64) {
    let mut p = listening(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.forget();
    p.inject(ctl, seq, ack, WND, none(), b"");
}

fn half_open_as_linux(ctl: Ctl, seq: i64) {
    let mut p = Puppet::with(|c| c.lineage = Lineage::Linux);
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.inject(ctl, seq, 0, WND, none(), b"");
    assert_eq!(p.take_all().len(), 2);
}

fn half_open_for(ms: u64) {
    let mut p = listening(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.advance(ms);
    p.inject(A, 1, 1, WND, none(), b"");
    p.accept();
    assert_eq!(p.state(), State::Established);
}

fn in_syn_sent(ctl: Ctl, ack: i64) {
    let mut p = Puppet::new().in_state(State::SynSent, false);
    p.inject(ctl, 0, ack, WND, mss(1000), b"");
}

/// So many SYNs where two may be half open.
fn syns(n: u16, syn_cookies: SynCookies) {
    let mut p = listening(ListenOptions { backlog: 2, syn_cookies, ..ListenOptions::default() });
    for port in 0..n {
        p.remote.set_port(4_000 + port);
        p.inject(S, 0, 0, WND, mss(1000), b"");
    }
    assert!(p.take_all().len() >= 2);
}

fn brings_a_cookie(ack: i64) {
    let syn_cookies = SynCookies::Always;
    let mut p = listening(ListenOptions { syn_cookies, ..ListenOptions::default() });
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(A, 1, ack, WND, none(), b"");
}

/// So many handshakes where one connection may wait for accept().
/// A listener that waits for data hears the handshake's last ACK.
fn deferring(data: &[u8]) {
    let mut p = Puppet::with(|c| c.defer_accept = Some(netglass::base::Duration::from_secs(1)));
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(A, 1, 1, WND, none(), data);
}

fn handshakes(n: u16) {
    shake(listening(ListenOptions { backlog: 1, ..ListenOptions::default() }), n);
}

/// For BSD, one more fits a queue of one.
pub(super) fn handshakes_as_bsd(n: u16) {
    let mut p = Puppet::with(|c| c.lineage = Lineage::Bsd);
    p.listen(ListenOptions { backlog: 1, ..ListenOptions::default() });
    shake(p, n);
}

fn shake(mut p: Puppet, n: u16) {
    for port in 0..n {
        p.remote.set_port(4_000 + port);
        p.inject(S, 0, 0, WND, mss(1000), b"");
        p.expect(SA, 0, 1, 0);
        p.inject(A, 1, 1, WND, none(), b"");
    }
}

/// A second connection to a host that may have so many.
fn with_room_for(connections_max: usize) {
    let mut setup = host_setup();
    setup.connections_max = connections_max as _;
    let mut p = Puppet::of(setup).open(mss(1000));
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(A, 1, 1, WND, none(), b"");
}

fn listener_closes(complete: bool) {
    let mut p = listening(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    if complete {
        p.inject(A, 1, 1, WND, none(), b"");
        p.accept();
    }
    p.stack.close_listener(p.now, p.listener.unwrap()).unwrap();
    p.pump();
}
