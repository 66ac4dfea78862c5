//! Buffers that are tuned: what a SYN offers, how the window grows with the data that comes and the
//! buffer with what is read in a round trip, how the send buffer follows the congestion window, and
//! what sets a bound.

use crate::support::puppet::{A, Puppet, S, SA, WND, host_setup, mss, none, ts};
use crate::support::seen::scenarios;
use netglass::stack::ListenOptions;
use netglass::tcp::Config;
use netglass::wire::tcp::Options;

scenarios![both families:
    a_syn_offers_whole_segments,
    the_window_grows_with_the_data,
    a_slow_reader_needs_no_more,
    the_send_buffer_follows_the_congestion_window,
    what_is_set_is_not_tuned,
    the_window_is_clamped,
];

fn tuned(change: impl FnOnce(&mut Config)) -> Puppet {
    let mut setup = host_setup();
    setup.tcp = Config { quickack: 0, ..Config::default() };
    change(&mut setup.tcp);
    Puppet::of(setup)
}

fn peer() -> Options {
    Options { wscale: Some(7), sack_permitted: true, ..mss(1460) }
}

/// 64 KiB less what makes no segment: 44 of 1460 bytes, or 45 of 1448 where timestamps are agreed.
fn a_syn_offers_whole_segments() {
    let mut p = tuned(|_| ());
    p.connect();
    let syn = p.expect(S, 0, 0, 0);
    assert_eq!((syn.wnd, syn.options.wscale), (64_240, Some(7)));
    let mut p = tuned(|_| ());
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, Options { ts: ts(1, 0).ts, ..peer() }, b"");
    assert_eq!(p.expect(SA, 0, 1, 0).wnd, 65_160);
    let mut p = tuned(|_| ());
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, peer(), b"");
    assert_eq!(p.expect(SA, 0, 1, 0).wnd, 64_240);
}

/// An open connection to a peer at `ms`.
fn open(mut p: Puppet, ms: u64) -> Puppet {
    p.connect();
    p.expect(S, 0, 0, 0);
    p.advance(ms);
    p.inject(SA, 0, 1, WND, peer(), b"");
    p.expect(A, 1, 1, 0);
    p
}

/// A round of data: `segments` come, are read, and acknowledged; then a round trip passes.
fn round(p: &mut Puppet, from: &mut i64, segments: i64, ms: u64) {
    for _ in 0..segments {
        p.data(*from, 1_460);
        *from += 1_460;
    }
    assert_eq!(p.read(1 << 22), segments as usize * 1_460);
    p.take_all();
    p.advance(ms);
    p.take_all();
}

/// Slow start at the peer: the buffer stays ahead of it, up to the knob.
fn the_window_grows_with_the_data() {
    let mut p = open(tuned(|c| c.recv_buffer_auto.1 = 1 << 20), 100);
    let (mut seq, mut segments) = (1, 10);
    assert_eq!((p.info().rcv_ssthresh, p.info().rcv_space), (64_076, 14_600));
    let mut sizes = Vec::new();
    for n in 0..8 {
        round(&mut p, &mut seq, segments, 100);
        let (recv, _) = p.stack.conn(p.conn.unwrap()).unwrap().buffers();
        sizes.push(recv);
        let next = 2 * segments as u32 * 1_460;
        assert!(recv >= next.min(1 << 20), "round {n}: {sizes:?} is too little for {next}");
        segments = (segments * 2).min(40);
    }
    assert!(sizes[1] > 200_000, "twice as much, and growing: {sizes:?}");
}

/// Who reads 1460 bytes in a round trip is sent no more than the first window.
fn a_slow_reader_needs_no_more() {
    let mut p = open(tuned(|_| ()), 100);
    let mut seq = 1;
    for _ in 0..20 {
        round(&mut p, &mut seq, 1, 100);
    }
    assert_eq!(p.stack.conn(p.conn.unwrap()).unwrap().buffers().0, 1 << 16);
    assert_eq!(p.info().rcv_ssthresh, 64_076);
}

/// Twice the window, each segment with what it costs: ten at first, as Linux's 87040.
fn the_send_buffer_follows_the_congestion_window() {
    let mut p = open(tuned(|c| c.send_buffer_auto.1 = 200_000), 100);
    assert_eq!(p.write(1 << 20), 87_040);
    let sent = p.take_all().iter().map(|got| got.len() as i64).sum::<i64>();
    assert_eq!(sent, 14_600);
    p.advance(100);
    let header = p.header(A, 1, 1 + sent, u16::MAX, none());
    p.inject_segment(&header, b"");
    assert_eq!(p.info().snd_cwnd, 20);
    assert_eq!(p.write(1 << 20), 2 * 87_040 - 87_040 + 14_600);
    p.take_all();
    let header = p.header(A, 1, 1 + 3 * sent, u16::MAX, none());
    p.inject_segment(&header, b"");
    assert_eq!(p.stack.conn(p.conn.unwrap()).unwrap().buffers().1, 200_000, "the knob");
}

/// `SO_RCVBUF` and `SO_SNDBUF`.
fn what_is_set_is_not_tuned() {
    let mut p = open(tuned(|c| (c.recv_buffer, c.send_buffer) = (30_000, 40_000)), 100);
    let mut seq = 1;
    for _ in 0..10 {
        round(&mut p, &mut seq, 20, 100);
    }
    assert_eq!(p.stack.conn(p.conn.unwrap()).unwrap().buffers(), (30_000, 40_000));
    assert_eq!((p.info().rcv_wscale, p.info().rcv_wnd), (0, 30_000));
    assert_eq!(p.write(1 << 20), 40_000);
}

/// `TCP_WINDOW_CLAMP`.
fn the_window_is_clamped() {
    let mut p = open(tuned(|c| c.window_clamp = Some(20_000)), 100);
    let mut seq = 1;
    for _ in 0..5 {
        round(&mut p, &mut seq, 13, 100);
    }
    assert!(p.info().rcv_wnd <= 20_000);
}
