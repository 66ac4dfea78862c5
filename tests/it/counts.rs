//! What `tcp_info` counts, with Linux's words and units: timeouts and the time they took, a full
//! send buffer, what the peer received twice, and reordering.

use crate::support::puppet::{A, Puppet, WND, mss, none};
use crate::support::seen::scenarios;
use netglass::tcp::{Config, State};
use netglass::wire::tcp::Options;

scenarios![both families:
    timeouts_and_their_time,
    a_full_send_buffer,
    what_was_received_twice,
    reordering_is_counted,
    options_have_bits,
];

fn open_with(change: impl FnOnce(&mut Config)) -> Puppet {
    Puppet::with(change).in_state(State::Established, false)
}

fn timeouts_and_their_time() {
    let mut p = open_with(|_| ());
    p.write(10);
    p.advance(200 + 400 + 100);
    let info = p.info();
    assert_eq!((info.total_rto, info.total_rto_recoveries, info.total_rto_time), (2, 1, 500));
    p.ack(11);
    p.advance(1_000);
    let info = p.info();
    assert_eq!((info.total_rto, info.total_rto_recoveries, info.total_rto_time), (2, 1, 500));
    p.write(10);
    p.advance(5_000);
    assert_eq!(p.info().total_rto_recoveries, 2);
}

/// Everything is sent, and the application waits for room: that is the buffer's fault.
fn a_full_send_buffer() {
    let mut p = open_with(|c| c.send_buffer = 3_000);
    assert_eq!(p.write(5_000), 3_000);
    p.advance(150);
    assert_eq!(p.info().sndbuf_limited, 150_000);
    p.ack(3_001);
    assert_eq!(p.write(100), 100);
    p.advance(100);
    assert_eq!(p.info().sndbuf_limited, 150_000, "now it is the application that has no more");
}

fn sacking() -> Options {
    Options { sack_permitted: true, ..mss(1000) }
}

fn blocks(p: &Puppet, ranges: &[(u32, u32)]) -> Options {
    let sack = ranges.iter().map(|(left, right)| (p.iss + *left, p.iss + *right)).collect();
    Options { sack, ..none() }
}

fn what_was_received_twice() {
    let mut p = Puppet::new().open(sacking());
    p.write(1_000);
    let options = blocks(&p, &[(1, 1_001)]);
    p.inject(A, 1, 1_001, WND, options, b"");
    assert_eq!(p.info().dsack_dups, 1);
}

fn reordering_is_counted() {
    let mut p = Puppet::new().open(sacking());
    p.write(3_000);
    let options = blocks(&p, &[(2_001, 3_001)]);
    p.inject(A, 1, 1, WND, options, b"");
    assert_eq!(p.info().reord_seen, 0);
    let options = blocks(&p, &[(1_001, 3_001)]);
    p.inject(A, 1, 1, WND, options, b"");
    assert_eq!(p.info().reord_seen, 1, "the second came behind the third");
}

/// TCPI_OPT_TIMESTAMPS, _SACK and _WSCALE.
fn options_have_bits() {
    assert_eq!(open_with(|_| ()).info().options, 0);
    assert_eq!(Puppet::new().open(sacking()).info().options, 2);
    let all = Options { wscale: Some(3), ts: crate::support::puppet::ts(1, 0).ts, ..sacking() };
    assert_eq!(Puppet::new().open(all).info().options, 7);
}
