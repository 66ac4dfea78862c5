//! When data is acknowledged (RFC 9293 §3.8.6.3), as Linux's, FreeBSD's and the text-book's knobs
//! say; in virtual time, to the millisecond.

use crate::support::puppet::{A, Puppet, S, SA, WND, host_setup, mss, none};
use crate::support::seen::scenarios;
use netglass::base::Duration;
use netglass::tcp::{AckEvery, Profile, State};
use netglass::wire::tcp::{Options, Timestamps};

scenarios![both families:
    a_young_connection_acknowledges_at_once,
    reading_all_of_a_small_segment_acknowledges_it,
    an_answer_ends_the_haste,
    a_long_silence_begins_it_again,
    data_sent_twice_is_acknowledged_at_once,
    the_delay_follows_the_pace,
    the_user_asks,
    how_much_data_is_acknowledged_at_once,
    options_are_laid_out_as_the_profile_says,
];

/// An open connection of a host with a profile's knobs; no timestamps, no SACK.
fn open(profile: Profile) -> Puppet {
    let mut setup = host_setup();
    setup.tcp = profile.config();
    Puppet::of(setup).in_state(State::Established, false)
}

/// `len` bytes from the peer every `ms`; says when each was acknowledged, after it had come.
fn paced(p: &mut Puppet, from: i64, len: i64, ms: u64, count: i64) -> Vec<u64> {
    let mut waits = Vec::new();
    for n in 0..count {
        let came = p.now.as_millis();
        p.data(from + n * len, len as usize);
        p.advance(ms);
        waits.extend(p.take_all().iter().map(|got| got.ms() - came));
    }
    waits
}

/// Sixteen segments, or half of the window if that is less.
fn a_young_connection_acknowledges_at_once() {
    let mut p = open(Profile::Linux);
    assert_eq!(paced(&mut p, 1, 10, 100, 16), [0; 16]);
    let later = paced(&mut p, 161, 10, 100, 1);
    assert_eq!(later, [40], "the seventeenth waits");
    assert_eq!(paced(&mut open(Profile::Rfc), 1, 10, 300, 2), [200, 200]);
    assert_eq!(paced(&mut open(Profile::FreeBsd), 1, 10, 300, 2), [40, 40]);
}

/// What is read to the end is acknowledged, unless an answer is likely to carry the ACK.
fn reading_all_of_a_small_segment_acknowledges_it() {
    let quiet = |c: &mut netglass::tcp::Config| {
        *c = Profile::Linux.config();
        c.quickack = 0;
    };
    let mut p = Puppet::with(quiet).in_state(State::Established, false);
    p.data(1, 10);
    assert_eq!(p.read(4), 4);
    p.expect_nothing();
    assert_eq!(p.read(10), 6);
    p.expect_at(0, A, 1, 11, 0);
    p.data(11, 10);
    p.write(5);
    p.expect(A, 1, 21, 5);
    p.data(21, 10);
    assert_eq!(p.read(10), 10);
    p.expect_nothing();
}

/// Who answers data with data has its ACKs ride along.
fn an_answer_ends_the_haste() {
    let mut p = open(Profile::Linux);
    p.data(1, 10);
    p.expect_at(0, A, 1, 11, 0);
    p.write(5);
    p.expect(A, 1, 11, 5);
    p.data(11, 10);
    p.expect_nothing();
    p.advance(40);
    p.expect_at(40, A, 6, 21, 0);
    // Nothing rode along: no conversation any more.
    p.inject(A, 21, 6, WND, none(), b"x");
    p.expect_at(40, A, 6, 22, 0);
}

fn a_long_silence_begins_it_again() {
    let mut p = open(Profile::Linux);
    p.write(1);
    p.expect(A, 1, 1, 1);
    p.inject(A, 1, 2, WND, none(), b"");
    assert_eq!(paced(&mut p, 1, 10, 100, 17)[15..], [0, 40]);
    p.advance(200);
    let again = paced(&mut p, 171, 10, 100, 2);
    assert_eq!(again, [0, 0], "more than an RTO of silence");
}

fn data_sent_twice_is_acknowledged_at_once() {
    let mut p = open(Profile::Linux);
    assert_eq!(paced(&mut p, 1, 10, 100, 17)[15..], [0, 40]);
    p.data(161, 10); // as the ACK was lost
    p.expect_at(1_700, A, 1, 171, 0);
    p.data(171, 10);
    p.expect_at(1_700, A, 1, 181, 0);
}

/// Between 40 and 200 ms, and no longer than a round trip.
// Rules: SHLD-18, MUST-40.
fn the_delay_follows_the_pace() {
    let mut p = open(Profile::Linux);
    paced(&mut p, 1, 10, 30, 16);
    // 40, then (40 / 2 + 30) again and again: 58 ms, of which the next ACK waits.
    let ato = p.info().ato;
    assert!((40_000..=60_000).contains(&ato), "{ato}");
    p.data(161, 10);
    p.advance(500);
    let after = p.info().ato;
    assert!(after > ato, "nothing came along: {after} after {ato}");
    let mut fixed = Puppet::with(|c| c.quickack = 0).in_state(State::Established, false);
    paced(&mut fixed, 1, 10, 30, 16);
    assert_eq!(fixed.info().ato, 40_000, "the bounds are the same");
}

/// `TCP_QUICKACK`.
fn the_user_asks() {
    let mut p = open(Profile::Linux);
    let conn = p.conn.unwrap();
    assert_eq!(p.stack.quickack(conn), Ok(true));
    p.stack.set_quickack(p.now, conn, false).unwrap();
    assert_eq!(p.stack.quickack(conn), Ok(false));
    p.data(1, 10);
    p.expect_nothing();
    p.advance(10);
    p.stack.set_quickack(p.now, conn, true).unwrap();
    p.pump();
    p.expect_at(10, A, 1, 11, 0);
    p.stack.set_quickack(p.now, conn, true).unwrap();
    p.pump();
    p.expect_nothing();
}

/// Two full segments; more than one; or two of whatever size.
// Rules: SHLD-19, 5681-4.2-1.
fn how_much_data_is_acknowledged_at_once() {
    for (every, lens, acked) in [
        (AckEvery::TwoFull, [1_000, 999], false),
        (AckEvery::TwoFull, [1_000, 1_000], true),
        (AckEvery::MoreThanFull, [1_000, 1], true),
        (AckEvery::MoreThanFull, [999, 1], false),
        (AckEvery::Second, [1, 1], true),
    ] {
        let mut p = Puppet::with(|c| c.ack_every = every).in_state(State::Established, false);
        p.data(1, 1_000);
        p.advance(100);
        p.expect(A, 1, 1_001, 0);
        p.data(1_001, lens[0]);
        p.expect_nothing();
        p.data(1_001 + lens[0] as i64, lens[1]);
        let sent = p.take_all().len();
        assert_eq!(sent == 1, acked, "{every:?} {lens:?}");
    }
}

fn options_are_laid_out_as_the_profile_says() {
    let theirs = || Options {
        wscale: Some(7),
        sack_permitted: true,
        ts: Some(Timestamps { val: 1, ecr: 0 }),
        ..mss(1000)
    };
    for (profile, kinds) in [(Profile::Linux, [2, 4, 8, 1, 3]), (Profile::Rfc, [2, 1, 3, 4, 8])] {
        let mut setup = host_setup();
        setup.tcp.option_order = profile.config().option_order;
        let mut active = Puppet::of(setup.clone());
        active.connect();
        let mut passive = Puppet::of(setup);
        passive.listen(netglass::stack::ListenOptions::default());
        passive.inject(S, 0, 0, WND, theirs(), b"");
        for got in [active.expect(S, 0, 0, 0), passive.expect(SA, 0, 1, 0)] {
            let tcp = &got.packet[got.packet.len() - 40 + 20..];
            let mut seen = Vec::new();
            let mut at = 0;
            while at < tcp.len() {
                seen.push(tcp[at]);
                at += if tcp[at] == 1 { 1 } else { usize::from(tcp[at + 1]) };
            }
            assert_eq!(seen, kinds, "{profile}");
        }
        active.advance(Duration::from_secs(1).as_millis() as u64);
        assert_eq!(active.take_all().len(), 1);
    }
}
