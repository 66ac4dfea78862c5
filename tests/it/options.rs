//! What sockets can be told: to hold small segments back, to write no more than is sent soon, to
//! wake late, to end hard, to accept late, and to read urgent data apart; in virtual time.

use crate::support::puppet::{A, FA, Puppet, R, S, SA, UA, WND, mss, none};
use crate::support::seen::scenarios;
use netglass::base::{Duration, SocketError};
use netglass::net::tokio::TcpStream;
use netglass::socket::{Interest, SocketId};
use netglass::stack::{Input, ListenOptions, Stack};
use netglass::tcp::{Config, Lineage, State, Timer};
use netglass::wire::tcp::{Ctl, Header, Options};

scenarios![both families:
    a_cork_holds_small_segments_back,
    a_cork_lets_go_after_a_while,
    more_follows,
    small_segments_wait_for_small_ones,
    no_more_is_written_than_is_sent_soon,
    writers_are_not_woken_for_every_segment,
    readers_are_woken_late,
    a_zero_linger_resets,
    acceptance_waits_for_data,
    acceptance_gives_the_peer_a_last_chance,
    urgent_data_out_of_line,
    user_timeouts_are_told,
    every_option_is_lived_again,
];

fn open_with(change: impl FnOnce(&mut Config)) -> Puppet {
    Puppet::with(change).in_state(State::Established, false)
}

fn configure(p: &mut Puppet, change: impl FnOnce(&mut Config)) {
    let conn = p.conn.unwrap();
    let mut config = p.stack.config(conn).unwrap().clone();
    change(&mut config);
    p.stack.configure(p.now, conn, config).unwrap();
    p.pump();
}

/// `TCP_CORK`.
fn a_cork_holds_small_segments_back() {
    let mut p = open_with(|c| (c.cork, c.nagle) = (true, false));
    p.write(300);
    p.write(300);
    p.expect_nothing();
    p.write(500);
    p.expect(A, 1, 1, 1_000);
    p.expect_nothing();
    configure(&mut p, |c| c.cork = false);
    let last = p.expect(A, 1_001, 1, 100);
    assert!(last.ctl.has(Ctl::PSH));
    // The end goes along with what is held back.
    configure(&mut p, |c| c.cork = true);
    p.write(10);
    p.expect_nothing();
    p.shutdown();
    p.expect(FA, 1_101, 1, 10);
}

/// tcp(7): 200 ms at most, from when nothing is in flight.
fn a_cork_lets_go_after_a_while() {
    let mut p = open_with(|c| c.cork = true);
    p.write(1_100);
    p.expect_at(0, A, 1, 1, 1_000);
    p.advance(100);
    p.ack(1_001);
    p.advance(1_000);
    p.expect_at(300, A, 1_001, 1, 100);
    assert_eq!(p.take_all().iter().filter(|got| got.seq != 1_001).count(), 0, "but for the RTO");
}

/// `MSG_MORE` is a cork of one call.
fn more_follows() {
    let mut p = open_with(|_| ());
    let conn = p.conn.unwrap();
    assert_eq!(p.stack.write_more(p.now, conn, &[b'x'; 10]), Ok(10));
    p.pump();
    p.expect_nothing();
    p.write(5);
    p.expect(A, 1, 1, 15);
}

/// Minshall's variation: a full segment in flight holds a small one not back.
fn small_segments_wait_for_small_ones() {
    for minshall in [true, false] {
        let mut p = open_with(|c| c.minshall = minshall);
        p.write(1_500);
        p.expect(A, 1, 1, 1_000);
        if minshall {
            p.expect(A, 1_001, 1, 500);
            p.write(10);
        }
        p.expect_nothing();
        p.ack(1_001);
        let next = if minshall { None } else { Some(500) };
        assert_eq!(p.take_all().first().map(|got| got.len()), next);
        p.ack(1_501);
        let next = minshall.then_some(10);
        assert_eq!(p.take_all().first().map(|got| got.len()), next);
    }
}

/// `TCP_NOTSENT_LOWAT`.
fn no_more_is_written_than_is_sent_soon() {
    let mut p = open_with(|c| c.notsent_lowat = Some(3_000));
    p.window(1, 2_000);
    let conn = p.conn.unwrap();
    assert_eq!(p.write(10_000), 3_000, "none is sent yet");
    assert_eq!(p.take_all().len(), 2);
    assert_eq!(p.write(10_000), 2_000, "1000 wait");
    assert_eq!(p.stack.write(p.now, conn, b"x"), Err(SocketError::WouldBlock));
    assert!(!p.stack.conn(conn).unwrap().readiness().writable);
    p.window(2_001, 1_000);
    assert_eq!(p.stack.conn(conn).unwrap().unsent(), 2_000);
    assert!(!p.stack.conn(conn).unwrap().readiness().writable, "woken below the half");
    let write = Interest { write: true, ..Interest::default() };
    assert!(p.stack.want(p.now, SocketId::Conn(conn), write));
    p.window(3_001, 1_000);
    assert_eq!(p.stack.conn(conn).unwrap().unsent(), 1_000);
    let mut woken = Vec::new();
    p.stack.take_woken(&mut woken);
    assert_eq!(woken, [SocketId::Conn(conn)]);
}

/// A writer who found the buffer full is woken when half as much as it holds has room, as on Linux;
/// BSD's as soon as there is some.
fn writers_are_not_woken_for_every_segment() {
    for (linux, woken_at) in [(true, 4_000), (false, 1_000)] {
        let mut p = open_with(|c| {
            c.send_buffer = 12_000;
            c.lineage = if linux { Lineage::Linux } else { Lineage::Bsd };
        });
        p.window(1, WND);
        let conn = p.conn.unwrap();
        assert_eq!(p.write(20_000), 12_000);
        p.take_all();
        assert!(p.stack.want(p.now, SocketId::Conn(conn), Interest::WRITE));
        let mut woken = Vec::new();
        let at = (1..12).map(|n| n * 1_000).find(|acked| {
            p.ack(1 + acked);
            p.take_all();
            p.stack.take_woken(&mut woken);
            !woken.is_empty()
        });
        assert_eq!(at, Some(woken_at), "Linux: {linux}");
    }
}

/// `SO_RCVLOWAT`.
fn readers_are_woken_late() {
    let mut p = open_with(|c| c.rcvlowat = 100);
    let conn = p.conn.unwrap();
    let readable = |p: &Puppet| p.stack.conn(conn).unwrap().readiness().readable;
    p.data(1, 99);
    assert!(!readable(&p));
    p.data(100, 1);
    assert!(readable(&p));
    assert_eq!(p.read(10), 10, "reading itself takes what is there");
    assert!(!readable(&p));
    p.snd = 101;
    p.inject(FA, 101, 1, WND, none(), b"");
    assert!(readable(&p), "the end is always news");
}

/// `SO_LINGER` with zero (RFC 9293 §3.9.1.5 and §3.10.5).
fn a_zero_linger_resets() {
    let mut p = open_with(|c| c.linger = Some(Duration::ZERO));
    p.window(1, 0);
    p.write(10);
    p.close();
    p.expect(Ctl::RST.with(A), 1, 1, 0);
    p.expect_nothing();
}

fn listening(secs: u64) -> Puppet {
    let mut p = Puppet::with(|c| c.defer_accept = Some(Duration::from_secs(secs)));
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect_at(0, SA, 0, 1, 0);
    p.inject(A, 1, 1, WND, none(), b"");
    assert_eq!(p.drops("DeferAccept"), 1);
    assert!(p.stack.accept(p.now, p.listener.unwrap()).is_err());
    p
}

/// `TCP_DEFER_ACCEPT`.
fn acceptance_waits_for_data() {
    let mut p = listening(10);
    p.advance(500);
    p.data(1, 5);
    p.accept();
    assert_eq!((p.state(), p.read(10)), (State::Established, 5));
    // The peer's end is worth a connection, too.
    let mut p = listening(10);
    p.inject(FA, 1, 1, WND, none(), b"");
    p.accept();
    assert_eq!(p.state(), State::CloseWait);
}

/// After the wait the SYN-ACK asks again, and a bare ACK will do.
fn acceptance_gives_the_peer_a_last_chance() {
    let mut p = listening(3);
    p.advance(4_000);
    p.expect_at(3_000, SA, 0, 1, 0);
    p.expect_nothing();
    p.inject(A, 1, 1, WND, none(), b"");
    p.accept();
    assert_eq!(p.state(), State::Established);
}

fn urgent(p: &mut Puppet, seq: i64, urg: u16, data: &[u8]) {
    let header = Header { urg, ..p.header(UA, seq, 1, WND, none()) };
    p.inject_segment(&header, data);
}

/// `SO_OOBINLINE` off, `MSG_OOB`, `SIOCATMARK`.
// Rules: 6093-6-1.
fn urgent_data_out_of_line() {
    let mut p = open_with(|c| c.oobinline = false);
    let conn = p.conn.unwrap();
    assert_eq!(p.stack.read_urgent(p.now, conn), Err(SocketError::InvalidInput));
    urgent(&mut p, 1, 5, b"abc");
    assert_eq!(p.stack.read_urgent(p.now, conn), Err(SocketError::WouldBlock), "announced only");
    p.inject(A, 4, 1, WND, none(), b"d!efg");
    assert_eq!(p.stack.read_urgent(p.now, conn), Ok(b'!'));
    assert_eq!(p.stack.read_urgent(p.now, conn), Err(SocketError::InvalidInput), "once");
    let mut room = [0; 10];
    assert_eq!(p.stack.peek(p.now, conn, &mut room), Ok(4));
    assert!(!p.stack.conn(conn).unwrap().at_mark());
    assert_eq!((p.read(2), p.stack.conn(conn).unwrap().at_mark()), (2, false));
    let chunk = |p: &mut Puppet| p.stack.read_chunk(p.now, conn, 10).unwrap().unwrap().to_vec();
    assert_eq!(chunk(&mut p), b"cd", "up to the mark");
    assert!(p.stack.conn(conn).unwrap().at_mark());
    let mut other = p.stack.read_chunk(p.now, conn, 1).unwrap().unwrap().to_vec();
    assert_eq!(other, b"e", "behind the mark, without the urgent byte");
    let n = p.stack.read(p.now, conn, &mut room).unwrap();
    other.extend(&room[..n]);
    assert_eq!(other, b"efg");
    // One that is next, and alone, is nothing to be read, and no end.
    let mut p = open_with(|c| c.oobinline = false);
    let conn = p.conn.unwrap();
    urgent(&mut p, 1, 1, b"!");
    assert!(!p.stack.conn(conn).unwrap().readiness().readable);
    assert_eq!(p.stack.read(p.now, conn, &mut room), Err(SocketError::WouldBlock));
    assert_eq!(p.stack.read_urgent(p.now, conn), Ok(b'!'));
    p.inject(A, 2, 1, WND, none(), b"abc");
    assert_eq!(p.read(10), 3);
    // In line it is as any other.
    let mut p = open_with(|_| ());
    urgent(&mut p, 1, 2, b"a!b");
    assert_eq!(p.stack.read_urgent(p.now, p.conn.unwrap()), Err(SocketError::InvalidInput));
    assert_eq!(p.read(10), 3);
}

/// RFC 5482: five minutes against ten; what the user says holds against both.
// Rules: 5482-3-1, 5482-3-2, 5482-3-3, 5482-3.1-1, 5482-3.1-2.
fn user_timeouts_are_told() {
    const TEN_MINUTES: u16 = 1 << 15 | 10;
    let theirs = || Options { uto: Some(TEN_MINUTES), ..mss(1000) };
    let opened = |on: bool, own: Option<u64>| {
        let mut p = Puppet::with(|c| {
            c.user_timeout_option = on;
            c.user_timeout = own.map(Duration::from_secs);
        });
        p.connect();
        let told = p.expect(S, 0, 0, 0).options.uto;
        p.inject(SA, 0, 1, WND, theirs(), b"");
        assert_eq!(p.expect(A, 1, 1, 0).options.uto, told);
        p.write(10);
        assert_eq!(p.expect(A, 1, 1, 10).options.uto, None, "SYN and ACK have told it");
        let timer = p.stack.conn(p.conn.unwrap()).unwrap().timer(Timer::User);
        (told, timer.map(|at| at.as_millis() / 1000))
    };
    assert_eq!(opened(true, None), (Some(300), Some(600)));
    assert_eq!(opened(true, Some(50)), (Some(50), Some(50)));
    assert_eq!(opened(false, None), (None, None));
    // A listener tells, too, and a later segment changes what was told.
    let mut p = Puppet::with(|c| c.user_timeout_option = true);
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, theirs(), b"");
    assert_eq!(p.expect(SA, 0, 1, 0).options.uto, Some(300));
    p.inject(A, 1, 1, WND, Options { uto: Some(0), ..none() }, b"");
    p.accept();
    p.write(10);
    let timer = p.stack.conn(p.conn.unwrap()).unwrap().timer(Timer::User);
    assert_eq!(timer.map(|at| at.as_millis()), Some(600_000), "zero means nothing");
    p.inject(A, 1, 11, WND, Options { uto: Some(1), ..none() }, b"");
    p.expect(A, 1, 1, 10);
    p.write(10);
    let timer = p.stack.conn(p.conn.unwrap()).unwrap().timer(Timer::User);
    assert_eq!(timer.map(|at| at.as_millis()), Some(300_000), "one second is too short for us");
}

/// A recording of all these calls makes the same host do the same.
fn every_option_is_lived_again() {
    let mut fresh = Puppet::with(|c| c.oobinline = false);
    fresh.stack.record();
    let mut p = fresh.in_state(State::Established, false);
    let conn = p.conn.unwrap();
    p.stack.write_more(p.now, conn, b"more").unwrap();
    p.stack.write_urgent(p.now, conn, b"!").unwrap();
    urgent(&mut p, 1, 1, b"!rest");
    p.stack.read_urgent(p.now, conn).unwrap();
    p.stack.set_quickack(p.now, conn, true).unwrap();
    configure(&mut p, |c| c.linger = Some(Duration::ZERO));
    p.close();
    let inputs = p.stack.take_inputs();
    let mut setup = crate::support::puppet::host_setup();
    setup.tcp.oobinline = false;
    let mut again = Stack::new(setup);
    again.record();
    for (now, input) in inputs.clone() {
        again.apply(now, input);
    }
    let sent = |inputs: &[(_, Input)]| {
        let is_sent = |input: &Input| matches!(input, Input::Sent(_));
        inputs.iter().filter(|(_, input)| is_sent(input)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(sent(&again.take_inputs()), sent(&inputs));
    let calls = inputs.iter().filter(|(_, input)| matches!(input, Input::ReadUrgent { .. }));
    assert_eq!(calls.count(), 1);
    p.expect(Ctl::URG.with(A), 1, 6, 5);
    p.expect(R.with(A), 6, 6, 0);
}

/// Streams offer them.
#[test]
fn streams_have_the_options() {
    fn offered(stream: &TcpStream) -> std::io::Result<()> {
        stream.set_cork(true)?;
        stream.set_notsent_lowat(Some(1))?;
        stream.set_rcvlowat(2)?;
        stream.set_quickack(false)?;
        stream.try_write_more(b"x").and_then(|_| stream.read_urgent()).map(|_| ())
    }
    let _: fn(&TcpStream) -> std::io::Result<()> = offered;
}
