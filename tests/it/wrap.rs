//! Sequence space is a circle (RFC 9293 §3.4): what is remembered of it must not come round again.

use crate::support::puppet::{A, Puppet, S, SA, WND, host_setup, mss, none};
use netglass::base::Seq;
use netglass::wire::tcp::Options;

/// Sends what may be sent, without looking at the bytes: (first sequence number, payload bytes).
fn send(p: &mut Puppet) -> (Option<Seq>, u64) {
    let (mut first, mut sum) = (None, 0);
    while let Some((_, frame)) = p.stack.output(p.now) {
        let seq = frame.head[24..28].try_into().map(u32::from_be_bytes).expect("a TCP header");
        first = first.or(Some(Seq(seq)));
        sum += frame.body.len() as u64;
    }
    (first, sum)
}

/// Takes the third duplicate ACK of everything up to `at`; says what is sent again.
fn lose_one(p: &mut Puppet, at: u64) -> Option<Seq> {
    for _ in 0..3 {
        send(p);
        p.inject(A, 1, at as i64, WND, none(), b"");
    }
    send(p).0
}

/// Four GiB, to the byte where SND.UNA is ISS again: data still flows, and a loss 4 GiB ago does
/// not hide a new one.
#[test]
fn four_gibibytes_come_round_to_the_initial_sequence_number() {
    const ROUND: u64 = 1 << 32;
    let mut setup = host_setup();
    setup.ifaces[0].gso_max = 65_000;
    let mut p = Puppet::of(setup);
    p.connect();
    p.expect(S, 0, 0, 0);
    p.inject(SA, 0, 1, WND, Options { wscale: Some(14), ..mss(1000) }, b"");
    p.expect(A, 1, 1, 0);
    p.batch = true;
    let (conn, block) = (p.conn.unwrap(), vec![0; 1 << 20]);
    // The next sequence number of data, and how much of it has been written.
    let (mut at, mut written) = (1u64, 1u64);
    p.inject(A, 1, 1, WND, none(), b"");
    while at < ROUND {
        let most = (ROUND - written).min(1 << 20) as usize;
        written += p.stack.write(p.now, conn, &block[..most]).unwrap_or(0) as u64;
        let sent = send(&mut p).1;
        assert!(sent > 0, "it stopped at {at}");
        if at == 1 {
            assert_eq!(lose_one(&mut p, at), Some(p.iss + 1));
            at = u64::from(p.stack.conn(conn).unwrap().next_seq() - p.iss);
        } else {
            at += sent;
        }
        p.inject(A, 1, at as i64, WND, none(), b"");
    }
    assert_eq!(p.info().unacked, 0);
    p.stack.write(p.now, conn, &block[..20_000]).unwrap();
    assert_eq!(send(&mut p), (Some(p.iss), 20_000));
    p.inject(A, 1, (at + 1_000) as i64, WND, none(), b"");
    assert_eq!(lose_one(&mut p, at + 1_000), Some(p.iss + 1_000));
}
