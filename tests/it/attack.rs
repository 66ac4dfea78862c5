//! What bounds the harm of peers and strangers that do not play by the rules: challenge ACKs of the
//! whole host, windows that stay closed, ACKs of what was never sent, ports that are hard to guess.

use crate::support::puppet::{A, Puppet, R, S, SA, WND, host_setup, mss, none};
use crate::support::seen::scenarios;
use netglass::base::ports::{Ephemeral, PortChoice, Used};
use netglass::base::{Chance, Duration, SocketError};
use netglass::stack::Setup;
use netglass::tcp::State;
use std::collections::BTreeSet;

scenarios![both families:
    challenges_of_the_whole_host_are_bounded,
    nobody_uses_up_the_answers_of_others,
    a_window_may_not_stay_closed_for_ever,
    acks_of_the_future_open_nothing,
];

/// RFC 5961 §7: many connections, each within its own limit.
// Rules: 5961-7-1.
fn challenges_of_the_whole_host_are_bounded() {
    let mut setup = host_setup();
    setup.challenge_rate = Some(3);
    let mut p = Puppet::of(Setup { ..setup });
    let mut acks = 0;
    for port in 0..5 {
        connect_from(&mut p, 5_000 + port);
        p.inject(R, 2, 0, WND, none(), b""); // in the window, but not exact
        acks += p.take_all().len();
    }
    assert_eq!(acks, 3);
    assert_eq!((p.drops("RstNotExact"), p.drops("ChallengeLimit")), (3, 2));
    p.advance(1_000);
    p.inject(R, 2, 0, WND, none(), b"");
    p.expect(A, 1, 1, 0);
}

fn connect_from(p: &mut Puppet, port: u16) {
    p.local.set_port(port);
    p.connect();
    p.expect(S, 0, 0, 0);
    p.inject(SA, 0, 1, WND, mss(1000), b"");
    p.expect(A, 1, 1, 0);
}

/// By default no connection learns what others are answered (CVE-2016-5696); and even where all
/// share a limit, data outside the window takes nothing of it, and a keep-alive needs nothing of
/// it.
fn nobody_uses_up_the_answers_of_others() {
    for rate in [None, Some(3)] {
        let mut p = Puppet::of(Setup { challenge_rate: rate, ..host_setup() });
        connect_from(&mut p, 5_000);
        for _ in 0..1_001 {
            p.inject(A, 100_001, 1, WND, none(), b"outside");
        }
        assert_eq!(p.take_all().len(), 1_001);
        let mut challenges = 0;
        for port in 5_001..5_005 {
            connect_from(&mut p, port);
            p.inject(R, 2, 0, WND, none(), b"");
            challenges += p.take_all().len();
        }
        assert_eq!(challenges, rate.map_or(4, |rate| rate as usize));
        connect_from(&mut p, 5_005);
        p.inject(A, 0, 1, WND, none(), b"");
        p.expect(A, 1, 1, 0);
    }
}

/// RFC 6429 §3: a host may end what holds its memory; by default it waits (MUST-37).
// Rules: 6429-3-1.
fn a_window_may_not_stay_closed_for_ever() {
    for most in [None, Some(Duration::from_secs(10))] {
        let change = |c: &mut netglass::tcp::Config| c.zero_window_max = most;
        let mut p = Puppet::with(change).in_state(State::Established, false);
        p.window(1, 0);
        p.write(10);
        for _ in 0..600 {
            p.advance(100);
            if !p.take_all().is_empty() && p.state() == State::Established {
                p.window(1, 0); // each probe is answered
            }
        }
        let conn = p.conn.unwrap();
        if most.is_none() {
            assert_eq!(p.state(), State::Established);
        } else {
            assert_eq!(p.state(), State::Closed);
            assert_eq!(p.stack.write(p.now, conn, b"x"), Err(SocketError::TimedOut));
        }
    }
}

/// An optimistic ACK is challenged, and makes no window wider.
// Rules: 5961-5.2-1.
fn acks_of_the_future_open_nothing() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.write(3_000);
    assert_eq!(p.take_all().len(), 3);
    let before = p.info().snd_cwnd_bytes;
    p.ack(3_002);
    p.expect(A, 3_001, 1, 0);
    assert_eq!((p.drops("AckTooNew"), p.info().unacked), (1, 3));
    assert_eq!(p.info().snd_cwnd_bytes, before);
}

/// RFC 6056 §3.3: what successive picks tell of each other.
// Rules: 5927-4.2-1, 6056-3.3-1.
#[test]
fn ports_are_chosen_by_an_algorithm() {
    let chance = Chance::from_seed(5);
    let picks = |choice: PortChoice, peer: u64| -> Vec<u16> {
        let (range, used) = (Ephemeral::default().choosing(choice), Used::default());
        (0..100).map(|n| range.pick(&chance, peer, n, &used, |_| false).expect("free")).collect()
    };
    let steps = |ports: &[u16]| -> BTreeSet<i32> {
        ports.windows(2).map(|two| i32::from(two[1]) - i32::from(two[0])).collect()
    };
    for peer in [1, 2] {
        assert!(steps(&picks(PortChoice::Random, peer)).len() > 90, "algorithm 1");
        assert_eq!(steps(&picks(PortChoice::Hash, peer)), BTreeSet::from([1]), "algorithm 3");
        assert_eq!(steps(&picks(PortChoice::Sequential, peer)), BTreeSet::from([1]));
    }
    assert_ne!(picks(PortChoice::Hash, 1)[0], picks(PortChoice::Hash, 2)[0]);
    assert_eq!(picks(PortChoice::Sequential, 1)[0], picks(PortChoice::Sequential, 2)[0]);
}
