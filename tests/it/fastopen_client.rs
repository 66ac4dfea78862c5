//! TCP Fast Open (RFC 7413) by a client: what goes along with a SYN, and what is made of the
//! answer.

use crate::fastopen::fast;
use crate::support::puppet::{A, Puppet, RA, S, SA, WND, mss, none};
use crate::support::seen::scenarios;
use netglass::base::SocketError;
use netglass::tcp::{Config, FastOpening, State};
use netglass::wire::tcp::{FastOpen, Options};
use std::time::Duration;

scenarios![both families:
    the_first_asks_and_the_second_brings_data,
    data_that_is_not_taken_goes_again_at_once,
    data_that_is_taken_in_part,
    a_lost_syn_goes_again_alone,
    a_server_without_cookies_is_asked_in_both_ways,
    no_more_goes_than_the_server_takes,
    a_syn_may_wait_for_data,
    three_timeouts_pause_it,
    who_does_not_want_it_opens_as_ever,
    a_reset_refuses_it,
];

/// A host that needs no cookies to send with its SYNs.
pub(crate) fn bold(change: impl FnOnce(&mut Config)) -> Puppet {
    Puppet::with(|config| {
        config.fastopen_client = FastOpening::NoCookie;
        change(config);
    })
}

/// Connects with so much data; says how much of it goes with the SYN.
pub(crate) fn send(p: &mut Puppet, len: usize) -> usize {
    let bytes = vec![b'x'; len];
    let opened = p.stack.connect_with(p.now, p.remote, Some(p.local), None, (&bytes, false));
    let (conn, taken) = opened.unwrap();
    p.conn = Some(conn);
    p.pump();
    taken
}

/// Asks for a cookie; the server answers with this. Then the connection is over.
pub(crate) fn ask(p: &mut Puppet, answer: Options) -> FastOpen {
    assert_eq!(send(p, 100), 0);
    let syn = p.expect(S, 0, 0, 0);
    p.inject(SA, 0, 1, WND, answer, b"");
    p.expect(A, 1, 1, 0);
    p.abort();
    p.take_all();
    p.local.set_port(p.local.port() + 1);
    syn.options.fast_open.expect("a cookie is asked for")
}

fn counter(p: &Puppet, name: &str) -> u64 {
    let counters = p.stack.counters();
    counters.iter().find(|(known, _)| *known == format!("TcpExtTCPFastOpen{name}")).expect(name).1
}

// Rules: 7413-4.1.3-1, 7413-4.1.3-2, 7413-4.2.2-1, 7413-4.2.2-2.
fn the_first_asks_and_the_second_brings_data() {
    let mut p = Puppet::new();
    let cookie = fast(&[7; 8]);
    let asked = ask(&mut p, Options { mss: Some(500), ..cookie.clone() });
    assert!(asked.is_empty() && !asked.experimental);
    assert_eq!(send(&mut p, 1000), 460, "the server's MSS less the room for options");
    let syn = p.expect(S, 0, 0, 460);
    assert_eq!(syn.options.fast_open, cookie.fast_open);
    p.inject(SA, 0, 461, WND, mss(500), b"answer");
    p.expect(A, 461, 7, 0);
    assert_eq!((p.state(), p.read(10)), (State::Established, 6));
    assert_eq!((p.info().options & 0x20, p.info().fastopen_client_fail), (0x20, 0));
    assert_eq!((counter(&p, "Active"), counter(&p, "ActiveFail")), (1, 0));
}

// Rules: 7413-4.2.2-10.
fn data_that_is_not_taken_goes_again_at_once() {
    let mut p = bold(|_| ());
    assert_eq!(send(&mut p, 100), 100);
    assert_eq!(p.expect(S, 0, 0, 100).options.fast_open, None);
    p.inject(SA, 0, 1, WND, mss(1000), b"");
    p.expect(A, 1, 1, 100);
    p.inject(A, 1, 101, WND, none(), b"");
    let info = p.info();
    assert_eq!((info.unacked, info.snd_cwnd, info.fastopen_client_fail), (0, 10, 2));
    assert_eq!((info.options & 0x20, counter(&p, "ActiveFail")), (0, 1));
    p.write(100);
    p.expect(A, 101, 1, 100);
}

fn data_that_is_taken_in_part() {
    let mut p = bold(|_| ());
    send(&mut p, 100);
    p.expect(S, 0, 0, 100);
    p.inject(SA, 0, 41, WND, mss(1000), b"");
    p.expect(A, 41, 1, 60);
    p.inject(A, 1, 101, WND, none(), b"");
    assert_eq!(p.info().unacked, 0);
}

// Rules: 7413-4.2.2-9.
fn a_lost_syn_goes_again_alone() {
    let mut p = bold(|_| ());
    send(&mut p, 100);
    p.expect(S, 0, 0, 100);
    p.advance(1_000);
    let again = p.expect_at(1_000, S, 0, 0, 0);
    assert_eq!(again.options.fast_open, None);
    p.expect_nothing();
    p.inject(SA, 0, 1, WND, mss(1000), b"");
    p.expect(A, 1, 1, 100);
    assert_eq!((p.info().fastopen_client_fail, counter(&p, "ActiveFail")), (3, 1));
    p.inject(A, 1, 101, WND, none(), b"");
    assert_eq!(p.info().unacked, 0);
}

// Rules: 7413-4.1.3-3, 7413-4.1.3.1-2.
fn a_server_without_cookies_is_asked_in_both_ways() {
    let mut p = Puppet::new();
    let tries = [(); 3].map(|()| ask(&mut p, mss(1000)).experimental);
    assert_eq!(tries, [false, true, false]);
    // What nobody asked for is nothing.
    let mut p = bold(|_| ());
    send(&mut p, 10);
    p.expect(S, 0, 0, 10);
    p.inject(SA, 0, 11, WND, fast(&[7; 8]), b"");
    p.expect(A, 11, 1, 0);
}

fn no_more_goes_than_the_server_takes() {
    let mut p = bold(|_| ());
    let room = send(&mut p, 5000);
    assert!((1380..=1420).contains(&room));
    p.expect(S, 0, 0, room);
}

fn a_syn_may_wait_for_data() {
    let mut p = Puppet::with(|config| config.fastopen_connect = true);
    p.connect();
    assert_eq!(p.expect(S, 0, 0, 0).options.fast_open, Some(FastOpen::default()));
    p.inject(SA, 0, 1, WND, fast(&[7; 8]), b"");
    p.expect(A, 1, 1, 0);
    p.abort();
    p.take_all();
    p.local.set_port(5001);
    p.connect();
    p.expect_nothing();
    let ready = p.stack.conn(p.conn.unwrap()).unwrap().readiness();
    assert!(ready.writable && ready.opened && !ready.readable);
    assert_eq!(p.write(100), 100);
    p.expect(S, 0, 0, 100);
    p.inject(SA, 0, 101, WND, mss(1000), b"");
    p.expect(A, 101, 1, 0);
}

// Rules: 7413-4.1.3.1-1.
fn three_timeouts_pause_it() {
    let mut p = bold(|config| config.fastopen_blackhole = Duration::from_secs(60));
    send(&mut p, 100);
    p.advance(7_000);
    assert_eq!(p.take_all().len(), 4);
    assert_eq!(counter(&p, "Blackhole"), 1);
    p.abort();
    p.local.set_port(5001);
    assert_eq!(send(&mut p, 100), 0);
    p.abort();
    p.advance(60_000);
    p.take_all();
    p.local.set_port(5002);
    assert_eq!(send(&mut p, 100), 100);
}

fn who_does_not_want_it_opens_as_ever() {
    let mut p = Puppet::with(|config| config.fastopen_client = FastOpening::Off);
    assert_eq!(send(&mut p, 100), 0);
    assert_eq!(p.expect(S, 0, 0, 0).options.fast_open, None);
}

fn a_reset_refuses_it() {
    for ack in [1, 101] {
        let mut p = bold(|_| ());
        send(&mut p, 100);
        p.inject(RA, 0, ack, 0, none(), b"");
        assert_eq!(p.state(), State::Closed);
        let conn = p.conn.unwrap();
        let read = p.stack.read(p.now, conn, &mut [0; 9]);
        assert_eq!(read, Err(SocketError::Refused));
    }
}
