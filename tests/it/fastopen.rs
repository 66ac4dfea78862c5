//! TCP Fast Open (RFC 7413): data that comes with a SYN, and who may send it.

use crate::ip::icmp;
use crate::support::puppet::{A, Got, Puppet, R, RA, S, SA, WND, none, over_ipv6};
use crate::support::seen::scenarios;
use netglass::base::SocketError;
use netglass::stack::ListenOptions;
use netglass::tcp::{Config, FastOpening, Keys, State};
use netglass::wire::icmpv4::{Icmpv4, unreachable};
use netglass::wire::tcp::{FastOpen, Options};

scenarios![both families:
    a_cookie_is_given_and_opens,
    a_cookie_of_another_address_is_refused,
    the_cookie_of_the_key_before_counts,
    nobody_needs_a_cookie,
    only_so_many_open_fast,
    a_reset_counts_for_a_minute,
    data_unread_is_told_before_the_handshake_ends,
    the_syn_again_is_answered_again,
    data_behind_a_lost_syn_ack_waits,
    a_second_lost_syn_ack_makes_data_lost,
    a_silent_peer_is_given_up,
    who_does_not_listen_fast_is_an_ordinary_listener;
    IPv4: an_error_ends_what_nobody_has_accepted
];

/// A host that listens, and lets two open fast at a time.
pub(crate) fn server(change: impl FnOnce(&mut Config)) -> Puppet {
    let mut p = Puppet::with(|config| {
        config.fastopen_server = FastOpening::On;
        config.fastopen_queue = Some(2);
        change(config);
    });
    p.listen(ListenOptions::default());
    p
}

/// The option with this cookie.
pub(crate) fn fast(cookie: &[u8]) -> Options {
    let cookie = cookie.iter().copied().collect();
    Options { fast_open: Some(FastOpen { cookie, experimental: false }), ..none() }
}

/// The cookie that the host gives the peer; the peer goes on with another port.
pub(crate) fn cookie(p: &mut Puppet) -> Vec<u8> {
    p.inject(S, 0, 0, WND, fast(&[]), b"");
    let syn = p.expect(SA, 0, 1, 0);
    p.inject(RA, 1, 1, 0, none(), b"");
    next_port(p);
    granted(&syn)
}

pub(crate) fn granted(syn: &Got) -> Vec<u8> {
    syn.options.fast_open.as_ref().map_or_else(Vec::new, |option| option.cookie.to_vec())
}

pub(crate) fn next_port(p: &mut Puppet) {
    p.remote.set_port(p.remote.port() + 1);
}

/// A connection in SYN-RECEIVED that has got 7 bytes with the SYN.
pub(crate) fn opened(change: impl FnOnce(&mut Config)) -> Puppet {
    let mut p = server(change);
    let cookie = cookie(&mut p);
    p.inject(S, 0, 0, WND, fast(&cookie), b"request");
    p.expect(SA, 0, 8, 0);
    p
}

fn counter(p: &Puppet, name: &str) -> u64 {
    let counters = p.stack.counters();
    counters.iter().find(|(known, _)| *known == format!("TcpExtTCP{name}")).expect(name).1
}

// Rules: 7413-4.2.1-1, 7413-4.2.2-4, 7413-4.2.2-6, 7413-4.2.2-7.
fn a_cookie_is_given_and_opens() {
    let mut p = opened(|_| ());
    p.accept();
    assert_eq!((p.state(), p.read(10)), (State::SynReceived, 7));
    p.write(100);
    p.expect(A, 1, 8, 100);
    p.inject(A, 8, 101, WND, none(), b"more");
    assert_eq!((p.state(), p.read(10)), (State::Established, 4));
    // TCPI_OPT_SYN_DATA, TCPI_OPT_TFO_CHILD
    assert_eq!((p.info().options & 0xa0, p.info().bytes_received), (0xa0, 11));
    assert_eq!((counter(&p, "FastOpenCookieReqd"), counter(&p, "FastOpenPassive")), (1, 1));
}

// Rules: 7413-4.1.2-1, 7413-4.1.2-2, 7413-4.2.2-5, 7413-5.2-1.
fn a_cookie_of_another_address_is_refused() {
    let mut p = server(|_| ());
    let cookie = cookie(&mut p);
    p.inject(S, 0, 0, WND, fast(&[1, 2, 3, 4]), b"request");
    let syn = p.expect(SA, 0, 1, 0);
    assert_eq!(granted(&syn), cookie, "and the good one comes along");
    // But only once: a box on the way may not like it.
    p.advance(1_000);
    assert_eq!(granted(&p.expect(SA, 0, 1, 0)), [0; 0]);
    assert_eq!(counter(&p, "FastOpenPassiveFail"), 1);
    p.inject(A, 1, 1, WND, none(), b"request");
    p.accept();
    assert_eq!((p.read(10), p.info().options & 0x20), (7, 0));
}

// Rules: 7413-4.1.2-3.
fn the_cookie_of_the_key_before_counts() {
    let key = |text: &str| text.parse::<Keys>().ok();
    let mut p = server(|config| config.fastopen_key = key("1-2-3-4"));
    let old = cookie(&mut p);
    let listener = p.listener.unwrap();
    let mut config = p.stack.tcp().listener(listener).unwrap().listener.config().as_ref().clone();
    config.fastopen_key = key("5-6-7-8,1-2-3-4");
    let options = ListenOptions { config: Some(config), ..ListenOptions::default() };
    p.stack.listen_on(p.now, listener, options).unwrap();
    p.inject(S, 0, 0, WND, fast(&old), b"request");
    let new = granted(&p.expect(SA, 0, 8, 0));
    assert!(!new.is_empty() && new != old);
    next_port(&mut p);
    p.inject(S, 0, 0, WND, fast(&new), b"request");
    assert_eq!(granted(&p.expect(SA, 0, 8, 0)), [0; 0]);
    assert_eq!((counter(&p, "FastOpenPassive"), counter(&p, "FastOpenPassiveAltKey")), (2, 1));
}

fn nobody_needs_a_cookie() {
    let mut p = server(|config| config.fastopen_server = FastOpening::NoCookie);
    p.inject(S, 0, 0, WND, none(), b"request");
    p.expect(SA, 0, 8, 0);
    p.accept();
    assert_eq!(p.read(10), 7);
    next_port(&mut p);
    p.inject(S, 0, 0, WND, none(), b"");
    p.expect(SA, 0, 1, 0);
    assert_eq!(counter(&p, "FastOpenPassive"), 1, "there was nothing to be fast about");
}

// Rules: 7413-5.1-1, 7413-5.1-2.
fn only_so_many_open_fast() {
    let mut p = opened(|config| config.fastopen_queue = Some(1));
    p.inject(A, 8, 1, WND, none(), b""); // one is open, and counts no more
    let cookie = granted_before(&p);
    for (port, ack) in [(1, 8), (2, 1)] {
        p.remote.set_port(port);
        p.inject(S, 0, 0, WND, fast(&cookie), b"request");
        p.expect(SA, 0, ack, 0);
        assert_eq!(counter(&p, "FastOpenListenOverflow"), u64::from(port) - 1);
    }
    // The other opens as everybody does.
    p.inject(A, 1, 1, WND, none(), b"request");
    p.take_all();
    // A listener that allows none says nothing of it.
    let mut p = server(|config| config.fastopen_queue = Some(0));
    assert_eq!(self::cookie(&mut p), [0; 0]);
    assert_eq!(counter(&p, "FastOpenListenOverflow"), 0);
}

/// The cookie of the peer's address, as the host's own key makes it.
fn granted_before(p: &Puppet) -> Vec<u8> {
    let sent = p.records.iter().rev().find_map(|record| match &record.event {
        netglass::stack::Event::StrayOut { seg, .. } => seg.options.fast_open.clone(),
        _ => None,
    });
    sent.expect("one was given").cookie.to_vec()
}

// Rules: 7413-5.1-3.
fn a_reset_counts_for_a_minute() {
    let mut p = opened(|config| config.fastopen_queue = Some(1));
    p.accept();
    p.inject(R, 8, 0, 0, none(), b"");
    assert_eq!((p.state(), p.read(10)), (State::Closed, 7));
    let cookie = granted_before(&p);
    let syn = |p: &mut Puppet, ack| {
        next_port(p);
        p.inject(S, 0, 0, WND, fast(&cookie), b"request");
        p.expect(SA, 0, ack, 0);
        p.inject(RA, ack, 1, 0, none(), b"");
    };
    p.advance(59_000);
    syn(&mut p, 1);
    p.advance(1_000);
    syn(&mut p, 8);
    // Nobody had accepted that: its reset leaves no trace.
    syn(&mut p, 8);
}

fn data_unread_is_told_before_the_handshake_ends() {
    let mut p = opened(|_| ());
    p.accept();
    p.close();
    p.expect(RA, 1, 8, 0);
    p.inject(A, 8, 1, WND, none(), b"");
    p.expect(R, 1, 0, 0);
}

fn the_syn_again_is_answered_again() {
    let mut p = opened(|_| ());
    let again = |p: &mut Puppet| p.inject(S, 0, 0, WND, none(), b"");
    again(&mut p);
    let syn = p.expect(SA, 0, 8, 0);
    assert_eq!(granted(&syn), [0; 0]);
    again(&mut p);
    p.expect_nothing();
    assert_eq!((p.drops("OldDuplicate"), p.drops("ChallengeLimit")), (1, 1));
    p.accept();
    assert_eq!((p.info().total_retrans, p.read(10)), (1, 7));
    p.inject(A, 8, 1, WND, none(), b"");
    assert_eq!((p.state(), p.info().snd_cwnd), (State::Established, 10));
}

// Rules: 7413-4.2.2-8.
fn data_behind_a_lost_syn_ack_waits() {
    let mut p = opened(|_| ());
    p.accept();
    p.write(100);
    p.expect(A, 1, 8, 100);
    p.advance(1_000);
    p.expect_at(1_000, SA, 0, 8, 0);
    p.expect_nothing();
    p.inject(A, 8, 1, WND, none(), b"");
    p.expect_nothing();
    p.inject(A, 8, 101, WND, none(), b"");
    assert_eq!((p.info().unacked, p.info().bytes_retrans), (0, 0));
}

fn a_second_lost_syn_ack_makes_data_lost() {
    let mut p = opened(|_| ());
    p.accept();
    p.write(500);
    p.take_all();
    p.advance(3_000);
    assert_eq!((p.take_all().len(), p.info().snd_cwnd), (2, 1));
    p.inject(A, 8, 1, WND, none(), b"");
    p.expect(A, 1, 8, 500);
}

fn a_silent_peer_is_given_up() {
    let mut p = opened(|config| config.synack_retries = 1);
    p.accept();
    p.advance(7_000);
    assert_eq!((p.state(), p.take_all().len()), (State::Closed, 2));
    assert_eq!(p.read(10), 7);
    let conn = p.conn.unwrap();
    assert_eq!(p.stack.read(p.now, conn, &mut [0; 9]), Err(SocketError::TimedOut));
}

fn who_does_not_listen_fast_is_an_ordinary_listener() {
    let mut p = server(|config| config.fastopen_server = FastOpening::Off);
    assert_eq!(cookie(&mut p), [0; 0]);
    p.inject(S, 0, 0, WND, fast(&[1; 8]), b"request");
    assert_eq!(granted(&p.expect(SA, 0, 1, 0)), [0; 0]);
    assert_eq!(counter(&p, "FastOpenCookieReqd"), 1);
}

/// As Linux; what the application has is a connection like any other.
fn an_error_ends_what_nobody_has_accepted() {
    let told = |accepted: bool| {
        let mut p = server(|_| ());
        let cookie = cookie(&mut p);
        p.inject(S, 0, 0, WND, fast(&cookie), b"request");
        let syn = p.expect(SA, 0, 8, 0);
        if accepted {
            p.accept();
        }
        let message = Icmpv4::Unreachable { code: unreachable::HOST, mtu: 0 };
        let packet = syn.packet.clone();
        p.raw(&icmp(message, &packet));
        if !accepted {
            p.accept();
        }
        assert_eq!(p.read(10), 7);
        p.state()
    };
    assert_eq!(told(true), State::SynReceived);
    assert_eq!(told(false), State::Closed);
}

/// Options beside the cookie: as much as there is room for.
#[test]
fn a_cookie_that_does_not_fit_is_left_out() {
    let long = fast(&[7; 16]).fast_open;
    let full = Options {
        mss: Some(1460),
        wscale: Some(7),
        sack_permitted: true,
        ts: Some(netglass::wire::tcp::Timestamps { val: 1, ecr: 0 }),
        ..none()
    };
    assert_eq!(full.clone().with_fast_open(long.clone()).len(), 40);
    let more = Options { uto: Some(1), ..full };
    assert_eq!(more.with_fast_open(long).fast_open, None);
}

#[test]
fn the_cookie_is_of_the_family_asked_in() {
    let given = || assert_eq!(cookie(&mut server(|_| ())).len(), 8);
    given();
    over_ipv6(given);
}
